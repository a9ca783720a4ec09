//! `vigie backfill`: what is missing of the past, from the providers that keep it.
//!
//! What is missing is found anew each time, from the ledger and the raw files that wait: a run that is killed is taken up by the
//! next one. The bodies land as any capture does, marked as what they are, and `vigie summarize` takes them in.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, civil::Date};
use serde::Serialize;
use tokio::task::block_in_place;
use vigie_core::{
    capture::Capture,
    history::{self, Chunk, Known, Stretch, Terms},
    time::local_date,
};
use vigie_sources::{Definition, History};
use vigie_store::lock::{Lock, LockError};

use crate::{
    app::App,
    budget, cli,
    clock::Clock,
    collect::{Attempt, Collector},
    export::range::Range,
    failure::{Exit, Failure, Outcome},
    output::{self, Progress},
};

/// The longest time that a run waits for a limit, or because the provider asked for it; beyond, another run is to come later.
const WAIT_MAX: SignedDuration = SignedDuration::from_mins(15);
/// Requests that fail one after the other before a run gives up.
const FAILURES_MAX: usize = 3;
/// Requests of a run begin at least so long apart; raw files are named by the second.
const PACE: Duration = Duration::from_secs(1);
/// Slots before the stretch are looked at too, so that a run of slots is known by its first.
const SLOTS_BEFORE: i32 = 2;

/// What came of a run.
#[derive(Debug, Serialize)]
struct Done {
    source: vigie_core::text::SourceId,
    from: Timestamp,
    to: Timestamp,
    /// Requests that were to be made.
    missing: usize,
    /// Those whose answer landed.
    obtained: usize,
    bytes: u64,
    /// Those that are left to the next run.
    left: usize,
    failures: Vec<Missed>,
}

/// A stretch that was not obtained, in days of the provider.
#[derive(Debug, Serialize)]
struct Missed {
    from: Date,
    to: Date,
    reason: String,
}

/// Runs the command.
pub(crate) async fn run(app: &App, args: &cli::Backfill) -> Outcome {
    let definition = app.definition(&args.source)?;
    let Some(history) = &definition.history else {
        return Err(without_history(app, &definition));
    };
    let now = app.now();
    let terms = history.terms(now);
    let range = Range::parse(Some(&args.from), args.to.as_deref(), app.tz());
    let range = range.map_err(Failure::usage)?;
    let wanted = Stretch::new(
        range.from.unwrap_or(Timestamp::MIN),
        range.to.unwrap_or(now),
    )
    .ok_or_else(|| Failure::usage("--from is in the future"))?;
    let wanted = within_retention(app, &definition, wanted, now)?;
    check_reach(history, &terms, wanted, now)?;
    if let Some(pause) = budget::make_room(app)? {
        return Err(pause.into());
    }
    app.register()?;
    let missing = Missing {
        definition: &definition,
        history,
        terms,
        wanted,
        again: args.again,
    };
    let _lock = lock(app, &definition)?;
    if args.dry_run {
        let chunks = block_in_place(|| missing.plan(app))?;
        return show_plan(&definition, history, &chunks, args.json);
    }
    let done = missing.obtain(app, args.json).await?;
    conclude(&done, args.json)
}

/// What of the past since `from` is missing of a source; nothing where the provider keeps none.
pub(crate) async fn since(app: &App, definition: &Definition, from: Timestamp) -> Outcome<()> {
    let now = app.now();
    let Some(history) = &definition.history else {
        return Ok(());
    };
    let terms = history.terms(now);
    let Some(wanted) = Stretch::new(from.max(terms.earliest), now) else {
        return Ok(());
    };
    let missing = Missing {
        definition,
        history,
        terms,
        wanted,
        again: false,
    };
    let _lock = lock(app, definition)?;
    missing.obtain(app, true).await.map(drop)
}

fn lock(app: &App, definition: &Definition) -> Outcome<Lock> {
    let name = format!("backfill.{}", definition.id);
    match Lock::take(&app.data(), &name, app.now()) {
        Ok(lock) => Ok(lock),
        Err(error @ LockError::Held { .. }) => Err(Failure::new(Exit::Locked, error)),
        Err(error) => Err(Failure::usage(error)),
    }
}

/// A stretch of the past that is wanted.
struct Missing<'a> {
    definition: &'a Definition,
    history: &'a History,
    terms: Terms,
    wanted: Stretch,
    /// Whether what was obtained is asked for again.
    again: bool,
}

/// What of a stretch would be kept: the rest would be asked for, summarised, and dropped.
fn within_retention(
    app: &App,
    definition: &Definition,
    wanted: Stretch,
    now: Timestamp,
) -> Outcome<Stretch> {
    let Some(keep) = app.config().store.keep(definition.model) else {
        return Ok(wanted);
    };
    let start = keep.start(now, now, app.tz());
    if wanted.from >= start {
        return Ok(wanted);
    }
    let (days, first) = (keep.days(), local_date(start, app.tz()));
    let kept = Stretch::new(start, wanted.to).ok_or_else(|| {
        Failure::usage(format!("only {days} days are kept, back to {first}"))
            .hint("`[store]` in vigie.toml says for how many days summaries and events are kept")
    })?;
    output::note(&format!(
        "only {days} days are kept: asked for from {first}"
    ));
    Ok(kept)
}

fn without_history(app: &App, definition: &Definition) -> Failure {
    let others: Vec<&str> = app
        .definitions()
        .filter(|other| other.history.is_some())
        .map(|other| other.id.as_str())
        .collect();
    let id = &definition.id;
    Failure::usage(format!(
        "`{id}` has no history: its provider only says what is current"
    ))
    .hint(format!("these have one: {}", others.join(", ")))
}

/// Refuses what cannot be had at all, and says so where only a part can.
fn check_reach(history: &History, terms: &Terms, wanted: Stretch, now: Timestamp) -> Outcome<()> {
    let begins = history
        .dates(Stretch {
            from: terms.earliest,
            to: now,
        })
        .0;
    if wanted.to <= terms.earliest {
        return Err(Failure::usage(format!("its history begins on {begins}")));
    }
    if wanted.from < terms.earliest {
        output::note(&format!(
            "its history begins on {begins}: asked for from there"
        ));
    }
    Ok(())
}

impl Missing<'_> {
    /// Asks for what is missing, as far as it can be had.
    async fn obtain(&self, app: &App, quiet: bool) -> Outcome<Done> {
        let chunks = block_in_place(|| self.plan(app))?;
        let mut done = Done {
            source: self.definition.id.clone(),
            from: self.wanted.from,
            to: self.wanted.to,
            missing: chunks.len(),
            obtained: 0,
            bytes: 0,
            left: 0,
            failures: Vec::new(),
        };
        fetch(
            app,
            self.definition,
            self.history,
            &chunks,
            quiet,
            &mut done,
        )
        .await?;
        done.left = done.missing - done.obtained;
        Ok(done)
    }

    /// What is missing, by the ledger and by the files that a killed run has landed without telling it.
    fn plan(&self, app: &App) -> Outcome<Vec<Chunk>> {
        let (definition, terms, wanted) = (self.definition, &self.terms, self.wanted);
        let every = app.schedule(definition).every();
        let now = app.now();
        if self.again {
            return Ok(history::plan(wanted, terms, Known::default(), every, now));
        }
        let mut settled = app
            .ledger()
            .settled(&definition.id, app.now())
            .map_err(Failure::usage)?;
        let pending = app.landing().pending(&definition.id);
        for raw in pending.map_err(Failure::usage)?.raw {
            // One that cannot be read is named by `vigie summarize`.
            let manifest = app.landing().manifest(&raw).ok().flatten();
            settled.extend(manifest.and_then(|manifest| manifest.capture.history));
        }
        let before = every.saturating_mul(SLOTS_BEFORE);
        let from = wanted.from.saturating_sub(before).unwrap_or(Timestamp::MIN);
        let after = every.saturating_add(terms.lag).saturating_mul(2);
        let to = wanted.to.saturating_add(after).unwrap_or(Timestamp::MAX);
        let slots = app.ledger().good_slots(&definition.id, from, to);
        let good_slots = slots.map_err(Failure::usage)?;
        let known = Known {
            good_slots: &good_slots,
            settled: &settled,
        };
        Ok(history::plan(wanted, terms, known, every, now))
    }
}

fn days(history: &History, chunk: &Chunk) -> String {
    let (first, last) = history.dates(chunk.asked);
    if first == last {
        first.to_string()
    } else {
        format!("{first} to {last}")
    }
}

fn show_plan(definition: &Definition, history: &History, chunks: &[Chunk], json: bool) -> Outcome {
    if json {
        let asked: Vec<Stretch> = chunks.iter().map(|chunk| chunk.asked).collect();
        output::json(&asked)?;
        return Ok(Exit::Done);
    }
    for chunk in chunks {
        output::line(&days(history, chunk))?;
    }
    let (id, count) = (&definition.id, chunks.len());
    output::line(&format!("{id}: {count} requests would be made"))?;
    Ok(Exit::Done)
}

/// Asks for one chunk after the other, until all are there or it is better to come again later.
async fn fetch(
    app: &App,
    definition: &Definition,
    history: &History,
    chunks: &[Chunk],
    quiet: bool,
    done: &mut Done,
) -> Outcome<()> {
    let collector = Collector::new(app)?;
    let progress = Progress::new(chunks.len(), quiet);
    let mut failures = 0;
    for chunk in chunks {
        if done.obtained + done.failures.len() > 0 && !pause(app, PACE).await {
            break;
        }
        if let Some(full) = budget::make_room(app)? {
            progress.note(&format!("{}: {full}", definition.id));
            break;
        }
        let asked = days(history, chunk);
        let mut missed = |reason: String| {
            let (from, to) = history.dates(chunk.asked);
            progress.note(&format!("{}: {asked}: {reason}", definition.id));
            done.failures.push(Missed { from, to, reason });
        };
        let attempt = match ask(app, &collector, definition, *chunk, &progress).await {
            Attempt::Waits { until, why } => {
                missed(format!("{why}: run this again after {until}"));
                break;
            }
            Attempt::Stopped => break,
            attempt => attempt,
        };
        match attempt {
            Attempt::Captured(capture) if capture.outcome.is_good() => {
                failures = 0;
                done.obtained += 1;
                done.bytes += capture.bytes;
                progress.advance(&landed(&asked, &capture))?;
                continue;
            }
            Attempt::Captured(capture) => {
                missed(capture.reason.clone().unwrap_or_default());
            }
            Attempt::Locked { by: reason } | Attempt::Broken { reason } => missed(reason),
            Attempt::Waits { .. } | Attempt::Stopped => {}
        }
        failures += 1;
        if failures == FAILURES_MAX {
            break;
        }
    }
    progress.finish();
    Ok(())
}

fn landed(asked: &str, capture: &Capture) -> String {
    let file = capture.file.as_deref().unwrap_or("?");
    let (id, bytes) = (&capture.source, capture.bytes);
    format!("{id}: {asked}: {bytes} bytes in data/{file}")
}

/// Asks for a chunk. Where the provider or its limits want a short wait, it is asked for once more after it.
async fn ask(
    app: &App,
    collector: &Collector,
    definition: &Definition,
    chunk: Chunk,
    progress: &Progress,
) -> Attempt {
    let attempt = collector.ask_past(definition, chunk).await;
    let until = match &attempt {
        Attempt::Waits { until, .. } => *until,
        Attempt::Captured(capture) if !capture.outcome.is_good() => match capture.not_before {
            Some(until) => until,
            None => return attempt,
        },
        _ => return attempt,
    };
    let wait = until.duration_since(app.now());
    // A clock that stands still would be waited for in vain.
    if wait > WAIT_MAX || !matches!(app.clock(), Clock::System) {
        return match attempt {
            Attempt::Captured(_) => Attempt::Waits {
                until,
                why: "the provider asked to wait".to_owned(),
            },
            other => other,
        };
    }
    progress.note(&format!("{}: waiting until {until}", definition.id));
    let wait = wait.max(SignedDuration::ZERO).unsigned_abs() + PACE;
    if !pause(app, wait).await {
        return Attempt::Stopped;
    }
    collector.ask_past(definition, chunk).await
}

/// Waits, if time goes by at all. `false` when the program was told to end.
async fn pause(app: &App, wait: Duration) -> bool {
    if matches!(app.clock(), Clock::System) {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = app.stop().asked() => {}
        }
    }
    !app.stop().is_asked()
}

fn conclude(done: &Done, json: bool) -> Outcome {
    let exit = if done.left == 0 {
        Exit::Done
    } else {
        Exit::SomeFailed
    };
    if json {
        output::json(done)?;
        return Ok(exit);
    }
    let (id, obtained, missing) = (&done.source, done.obtained, done.missing);
    let text = match (missing, done.left) {
        (0, _) => format!(
            "{id}: nothing is missing that could be asked for (`--again` asks all the same)"
        ),
        (_, 0) => format!("{id}: {obtained} of {missing} requests obtained"),
        (_, left) => format!(
            "{id}: {obtained} of {missing} requests obtained, {left} are left to another run"
        ),
    };
    output::line(&text)?;
    if obtained > 0 {
        output::line(&format!("`vigie summarize {id}` takes them in"))?;
    }
    Ok(exit)
}
