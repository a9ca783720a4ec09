//! `vigie status`: how each source is doing. The exit code suits a monitor; with `--check` it is that of a monitoring plugin.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::Serialize;
use vigie_core::{
    analysis::{CaptureCount, Freshness, PeriodKind, Problem},
    retention::KeptDays,
    text::{Language, SourceId},
    time,
};

use vigie_store::ledger::Entry;

use crate::{
    analyse::{ledger_facts, problem_of},
    app::App,
    budget,
    cli::{self, Global},
    clock::Clock,
    config::{self, After},
    failure::{Exit, Failure, Outcome},
    output,
};

/// Failures in a row that are no accident.
const FAILURES_MAX: u64 = 3;

/// How things stand, as monitors say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// As it should be.
    Ok,
    /// Someone should look at it.
    Warning,
    /// The watch does not do its work.
    Critical,
}

/// How a source is doing.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct SourceStatus {
    /// The source.
    #[schema(value_type = String)]
    pub(crate) id: SourceId,
    /// The three clocks, and when it is asked next.
    pub(crate) freshness: Freshness,
    /// The age of the newest content, in seconds.
    pub(crate) content_age_seconds: Option<i64>,
    /// Downloads of today (local day of the zone).
    pub(crate) today: CaptureCount,
    /// Failed attempts since the last good one.
    pub(crate) failures_in_a_row: u64,
    /// The last download that went wrong, or had rows refused, if any ever did.
    pub(crate) last_problem: Option<Problem>,
    /// Raw files that wait to be summarised.
    pub(crate) waiting_files: u64,
    /// Whether a monitor should be calm about it.
    pub(crate) well: bool,
    /// How bad it is.
    pub(crate) level: Level,
}

/// Why collecting pauses.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub(crate) struct Paused {
    /// As `vigie doctor` names it.
    pub(crate) name: &'static str,
    /// What is wrong, in English.
    pub(crate) reason: String,
    /// What to do, in English.
    pub(crate) remedy: &'static str,
}

#[derive(Debug, Serialize)]
struct Status {
    now: Timestamp,
    well: bool,
    level: Level,
    paused: Option<Paused>,
    kept_days: KeptDays,
    sources: Vec<SourceStatus>,
}

/// How the enabled sources are doing.
pub(crate) fn statuses(app: &App) -> Outcome<Vec<SourceStatus>> {
    let now = app.now();
    let today = time::period(PeriodKind::Day, time::local_date(now, app.tz()), app.tz());
    app.enabled()
        .iter()
        .map(|definition| {
            let (freshness, today) = ledger_facts(app, definition, &today, now)?;
            let failures_in_a_row = app
                .ledger()
                .consecutive_failures(&definition.id)
                .map_err(Failure::usage)?;
            let waiting = waiting_files(app, &definition.id)?;
            let last_problem = last_problem(app, &definition.id)?;
            let age = freshness
                .content_at
                .map(|at| now.duration_since(at).as_secs());
            let level = match (freshness.stale, failures_in_a_row) {
                (false, 0) => Level::Ok,
                (true, FAILURES_MAX..) => Level::Critical,
                _ => Level::Warning,
            };
            Ok(SourceStatus {
                id: definition.id.clone(),
                content_age_seconds: age,
                well: level == Level::Ok,
                level,
                freshness,
                today,
                failures_in_a_row,
                last_problem,
                waiting_files: waiting,
            })
        })
        .collect()
}

/// The raw files that wait to be summarised; not those that are kept.
fn waiting_files(app: &App, source: &SourceId) -> Outcome<u64> {
    let count = if app.config().raw.after == After::Keep {
        app.ledger().waiting(source).map_err(Failure::usage)?.len()
    } else {
        app.landing()
            .pending(source)
            .map_err(Failure::usage)?
            .raw
            .len()
    };
    Ok(count as u64)
}

fn last_problem(app: &App, id: &SourceId) -> Outcome<Option<Problem>> {
    let ledger = app.ledger();
    let (from, to) = (Timestamp::MIN, Timestamp::MAX);
    let last = ledger.problems(Some(id), from, to, 1);
    Ok(last
        .map_err(Failure::usage)?
        .pop()
        .map(|Entry { capture, .. }| problem_of(capture)))
}

/// Runs the command.
pub(crate) fn run(global: &Global, args: &cli::Status) -> Outcome {
    let opened = || {
        let root = config::find_root(global.dir.as_deref())?;
        let clock = global.now.map_or(Clock::System, Clock::Fixed);
        let app = App::open(&root, clock)?;
        let status = status(&app)?;
        Ok((app, status))
    };
    if args.check {
        return check(opened().map(|(_, status)| status));
    }
    let (app, status) = opened()?;
    print(&app, &status, args.json)
}

fn status(app: &App) -> Outcome<Status> {
    let sources = statuses(app)?;
    let paused = paused(app)?;
    let levels = sources.iter().map(|source| source.level);
    let level = overall(levels, paused.is_some());
    Ok(Status {
        now: app.now(),
        well: level == Level::Ok,
        level,
        paused,
        kept_days: app.config().store.kept_days(),
        sources,
    })
}

/// Whether collecting pauses, and why.
pub(crate) fn paused(app: &App) -> Outcome<Option<Paused>> {
    Ok(budget::pause(app)?.map(|pause| Paused {
        name: pause.name(),
        reason: pause.to_string(),
        remedy: pause.remedy(),
    }))
}

/// How things stand with all sources together.
pub(crate) fn overall(levels: impl Iterator<Item = Level>, paused: bool) -> Level {
    let (mut worst, mut best) = (Level::Ok, None);
    for level in levels {
        worst = worst.max(level);
        best = best.min(Some(level)).or(Some(level));
    }
    let none_well = best.is_some_and(|best| best != Level::Ok);
    if paused || none_well {
        Level::Critical
    } else {
        worst
    }
}

/// One line and the exit code of a monitoring plugin: 0 fine, 1 warning, 2 critical, 3 unknown.
fn check(status: Outcome<Status>) -> Outcome {
    let status = match status {
        Ok(status) => status,
        Err(failure) => {
            let said = failure.report().replace('\n', " ").replace('|', "/");
            output::line(&format!("VIGIE UNKNOWN - {said}"))?;
            return Ok(Exit::StoreUnavailable);
        }
    };
    let (word, exit) = match status.level {
        Level::Ok => ("OK", Exit::Done),
        Level::Warning => ("WARNING", Exit::SomeFailed),
        Level::Critical => ("CRITICAL", Exit::Usage),
    };
    let well = status.sources.iter().filter(|source| source.well).count();
    let all = status.sources.len();
    let mut text = format!("VIGIE {word} - {well} of {all} sources well");
    if let Some(paused) = &status.paused {
        text.extend(["; collecting pauses: ", paused.name]);
    }
    for source in status.sources.iter().filter(|source| !source.well) {
        let age = source
            .content_age_seconds
            .map_or_else(|| "none".to_owned(), output::duration);
        let stale = if source.freshness.stale {
            "stale, "
        } else {
            ""
        };
        let failures = source.failures_in_a_row;
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "; {}: {stale}age of content {age}, {failures} failures",
            source.id
        );
    }
    let waiting: u64 = status
        .sources
        .iter()
        .map(|source| source.waiting_files)
        .sum();
    output::line(&format!(
        "{text} | well={well} sources={all} waiting={waiting}"
    ))?;
    Ok(exit)
}

fn print(app: &App, status: &Status, json: bool) -> Outcome {
    let sources = &status.sources;
    let exit = if status.well {
        Exit::Done
    } else {
        Exit::SomeFailed
    };
    if json {
        output::json(status)?;
        return Ok(exit);
    }
    if let Some(paused) = &status.paused {
        let Paused {
            name,
            reason,
            remedy,
        } = paused;
        output::line(&format!("✗ {name}: {reason}; {remedy}"))?;
    }
    let french = app.config().language == Language::Fr;
    let header = if french {
        [
            "source",
            "",
            "âge du contenu",
            "dernier succès",
            "relevés du jour",
            "échecs",
            "en attente",
            "prochain",
        ]
    } else {
        [
            "source",
            "",
            "age of content",
            "last success",
            "today",
            "failures",
            "waiting",
            "next",
        ]
    };
    let ago = |at: Option<Timestamp>| {
        at.map_or_else(
            || "–".to_owned(),
            |at| output::duration(app.now().duration_since(at).as_secs()),
        )
    };
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for source in sources {
        rows.push(vec![
            source.id.to_string(),
            if source.well { "✓" } else { "✗" }.to_owned(),
            ago(source.freshness.content_at),
            ago(source.freshness.fetched_at),
            format!("{}/{}", source.today.obtained, source.today.expected),
            (source.today.failed + source.today.quarantined).to_string(),
            source.waiting_files.to_string(),
            source
                .freshness
                .next_at
                .map_or_else(|| "–".to_owned(), |at| time::rfc3339_local(at, app.tz())),
        ]);
    }
    output::table(&rows)?;
    for source in sources {
        if let Some(problem) = &source.last_problem {
            let at = time::rfc3339_local(problem.at, app.tz());
            let (id, outcome, reason) = (&source.id, problem.outcome.as_str(), &problem.reason);
            let cause = problem.cause.map_or_else(String::new, |cause| {
                format!(
                    " {} ({})",
                    cause.label(app.config().language),
                    cause.as_str()
                )
            });
            // The details are in English; who reads French is told in French what they mean.
            let language = app.config().language;
            let meaning = problem.cause.filter(|_| language == Language::Fr);
            let meaning = meaning.map_or_else(String::new, |cause| {
                format!(" {}", cause.sentence(language))
            });
            output::line(&format!("{id}: {at} {outcome}{cause}:{meaning} {reason}"))?;
        }
    }
    Ok(exit)
}
