//! `vigie status`: how each source is doing. The exit code suits a monitor.

use jiff::Timestamp;
use serde::Serialize;
use vigie_core::{
    analysis::{CaptureCount, Freshness, PeriodKind, Problem},
    text::{Language, SourceId},
    time,
};

use vigie_store::ledger::Entry;

use crate::{
    analyse::{ledger_facts, problem_of},
    app::App,
    cli,
    failure::{Exit, Failure, Outcome},
    output,
};

/// How a source is doing.
#[derive(Debug, Serialize)]
pub(crate) struct SourceStatus {
    /// The source.
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
}

#[derive(Debug, Serialize)]
struct Status {
    now: Timestamp,
    well: bool,
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
            let last_problem = last_problem(app, &definition.id)?;
            let pending = app
                .landing()
                .pending(&definition.id)
                .map_err(Failure::usage)?;
            let age = freshness
                .observed_at
                .map(|at| now.duration_since(at).as_secs());
            Ok(SourceStatus {
                id: definition.id.clone(),
                content_age_seconds: age,
                well: !freshness.stale && failures_in_a_row == 0,
                freshness,
                today,
                failures_in_a_row,
                last_problem,
                waiting_files: pending.raw.len() as u64,
            })
        })
        .collect()
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
#[expect(clippy::unused_async, reason = "every command has the same form")]
pub(crate) async fn run(app: &App, args: &cli::Status) -> Outcome {
    let sources = statuses(app)?;
    let well = sources.iter().all(|source| source.well);
    let exit = if well { Exit::Done } else { Exit::SomeFailed };
    if args.json {
        output::json(&Status {
            now: app.now(),
            well,
            sources,
        })?;
        return Ok(exit);
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
    for source in &sources {
        rows.push(vec![
            source.id.to_string(),
            if source.well { "✓" } else { "✗" }.to_owned(),
            ago(source.freshness.observed_at),
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
    for source in &sources {
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
            output::line(&format!("{id}: {at} {outcome}{cause}: {reason}"))?;
        }
    }
    Ok(exit)
}
