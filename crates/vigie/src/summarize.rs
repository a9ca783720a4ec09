//! Step 2: from raw files to the store, and only then the deletion.
//!
//! Per source, under a lock: read and check each waiting file, extract its rows, merge them into the store, read
//! back, write the tombstones, remove the files, seal what can no longer change. Every step can be repeated: a
//! run that is killed anywhere leaves files that the next run takes up again.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use tokio::task::block_in_place;
use tracing::{debug, info, warn};
use vigie_core::{
    bucket::Bucketing, capture::Outcome as CaptureOutcome, cause::Cause, event::Event,
    profile::Profile, row::Row, text::SourceId,
};
use vigie_sources::{Context, Definition, Extraction, Extractor, Model};
use vigie_store::{
    landing::{Pending, RawFile},
    ledger::{CaptureId, Tombstone},
    lock::{Lock, LockError},
    merge::{merge_buckets, merge_events, seal_buckets},
    store::Store,
};

use crate::{
    app::{App, RunEvent, store_failure},
    clock::machine_time,
    config::After,
    crash,
    failure::{Exit, Failure, Outcome, chain},
    judge::{Believed, Doubted, Judge},
    output,
};

/// Bytes of raw files taken into the store at a time: bounds memory.
const BATCH_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Files taken into the store at a time.
const BATCH_FILES_MAX: usize = 500;
/// Buckets sealed at a time.
const SEAL_MAX: usize = 2_000;

/// What came of one source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Summarized {
    /// Files whose rows are in the store.
    pub(crate) files: u64,
    /// Rows taken.
    pub(crate) rows: u64,
    /// Rows refused.
    pub(crate) refused_rows: u64,
    /// Bodies set aside, with the reason.
    pub(crate) quarantined: Vec<(String, String)>,
    /// Buckets sealed.
    pub(crate) sealed: u64,
    /// Whether another run holds the lock.
    pub(crate) locked: bool,
    /// Why it could not be summarised, if it could not: its files wait.
    pub(crate) failed: Option<String>,
}

/// A file whose rows are on their way into the store.
struct Ready {
    file: RawFile,
    id: CaptureId,
    tombstone: Tombstone,
}

/// Summarises these sources one after the other. A source that fails does not stop the others; a store
/// that is away does, since nothing can be done without it.
pub(crate) async fn summarize(
    app: &App,
    store: &Arc<dyn Store>,
    sources: &[Arc<Definition>],
) -> Outcome<BTreeMap<SourceId, Summarized>> {
    let mut all = BTreeMap::new();
    for definition in sources {
        let summarized = match summarize_source(app, store.as_ref(), definition).await {
            Ok(summarized) => summarized,
            Err(failure) if failure.exit == Exit::StoreUnavailable => return Err(failure),
            Err(failure) => {
                let failed = Some(failure.report());
                warn!(source = %definition.id, "{}; its raw files wait", failure.report());
                Summarized {
                    failed,
                    ..Summarized::default()
                }
            }
        };
        if summarized.files > 0 || !summarized.quarantined.is_empty() {
            let Summarized {
                files,
                rows,
                refused_rows,
                ..
            } = &summarized;
            info!(source = %definition.id, files, rows, refused_rows, "summarised");
            app.tell(RunEvent::LedgerChanged);
        }
        all.insert(definition.id.clone(), summarized);
    }
    Ok(all)
}

/// The exit code of a run.
pub(crate) fn exit_of(all: &BTreeMap<SourceId, Summarized>) -> Exit {
    if all
        .values()
        .any(|one| one.failed.is_some() || !one.quarantined.is_empty())
    {
        Exit::SomeFailed
    } else if all.values().any(|one| one.locked) {
        Exit::Locked
    } else {
        Exit::Done
    }
}

async fn summarize_source(
    app: &App,
    store: &dyn Store,
    definition: &Definition,
) -> Outcome<Summarized> {
    let mut summarized = Summarized::default();
    let name = format!("summarize.{}", definition.id);
    let now = app.now();
    let _lock = match Lock::take(&app.data(), &name, now) {
        Ok(lock) => lock,
        Err(error @ LockError::Held { .. }) => {
            warn!(source = %definition.id, "{error}");
            summarized.locked = true;
            return Ok(summarized);
        }
        Err(error) => return Err(Failure::usage(error)),
    };
    let pending =
        block_in_place(|| app.landing().pending(&definition.id)).map_err(Failure::usage)?;
    let mut waiting: VecDeque<RawFile> = unfinished(app, pending)?.into();
    let mut judge = Judge::new(app, definition)?;
    while !waiting.is_empty() {
        let batch = prepare(app, definition, &mut judge, &mut waiting, &mut summarized)?;
        judge.write_census(app)?;
        crash::point("summarize.read");
        take_in(app, store, definition, batch, &mut summarized).await?;
    }
    // Dated by the machine, whatever time the command believes it is.
    let swept = block_in_place(|| app.landing().sweep(&definition.id, machine_time()));
    debug!(source = %definition.id, ?swept, "swept");
    swept.map_err(Failure::usage)?;
    summarized.sealed = seal(store, definition, now, rhythm(app, definition)).await?;
    Ok(summarized)
}

/// The expected time between two observations of an entity, as we can see them: no shorter than the
/// time between two downloads. `None` where the provider has no fixed rhythm.
pub(crate) fn rhythm(app: &App, definition: &Definition) -> Option<SignedDuration> {
    Some(definition.publishes?.max(app.schedule(definition).every()))
}

/// Removes the files whose content is in the store already (the run that put it there was killed before the deletion), and
/// returns the others.
fn unfinished(app: &App, pending: Pending) -> Outcome<Vec<RawFile>> {
    for foreign in &pending.foreign {
        warn!(file = %foreign, "not a raw file of Vigie: left alone; move it away");
    }
    block_in_place(|| {
        let mut files = Vec::new();
        for file in pending.raw {
            // Without a manifest the file was put there by somebody, and its hash is that of what it holds.
            let sha256 = match app.landing().manifest(&file) {
                Ok(Some(manifest)) => manifest.capture.sha256,
                _ => app
                    .landing()
                    .read(&file, app.config().http.body_bytes_max)
                    .ok()
                    .and_then(|(capture, _)| capture.sha256),
            }
            .unwrap_or_default();
            let known = app.ledger().find_by_file(&file.source, &file.file, &sha256);
            match known
                .map_err(Failure::usage)?
                .map(|entry| entry.capture.outcome)
            {
                Some(CaptureOutcome::Summarized) if app.config().raw.after == After::Keep => {}
                Some(CaptureOutcome::Summarized) => {
                    app.landing().remove(&file).map_err(Failure::usage)?;
                }
                _ => files.push(file),
            }
        }
        Ok(files)
    })
}

/// A batch of files with their rows.
struct Batch {
    ready: Vec<Ready>,
    rows: Vec<(Row, Timestamp)>,
}

/// Reads, checks and extracts the next files, up to the limits of a batch.
fn prepare(
    app: &App,
    definition: &Definition,
    judge: &mut Judge<'_>,
    waiting: &mut VecDeque<RawFile>,
    summarized: &mut Summarized,
) -> Outcome<Batch> {
    let mut batch = Batch {
        ready: Vec::new(),
        rows: Vec::new(),
    };
    let mut bytes = 0;
    let mut extractor = Extractor::default();
    while let Some(file) = waiting.pop_front() {
        let read = block_in_place(|| app.landing().read(&file, app.config().http.body_bytes_max));
        let (capture, body) = match read {
            Ok(read) => read,
            Err(error) => match error.cause() {
                Some(cause) => {
                    set_aside(app, &file, cause, &chain(&error), None, summarized)?;
                    continue;
                }
                None => return Err(Failure::usage(error)),
            },
        };
        let id = block_in_place(|| app.ledger().reconcile(&capture))
            .map_err(Failure::usage)?
            .id;
        let context = Context {
            fetched_at: capture.started_at,
            zone_tz: app.tz(),
        };
        let extraction = vigie_sources::sniff(definition, &body)
            .and_then(|()| block_in_place(|| extractor.extract(definition, &body, &context)));
        let mut extraction = match extraction {
            Ok(extraction) => extraction,
            Err(error) => {
                let (cause, reason) = (error.cause(), chain(&error));
                set_aside(app, &file, cause, &reason, None, summarized)?;
                continue;
            }
        };
        let believed = match judge.judge(app, &capture, &mut extraction)? {
            Ok(believed) => believed,
            Err(Doubted { degraded, profile }) => {
                let rows = extraction.rows.len() as u64 + extraction.refused_rows;
                let (cause, reason) = (degraded.cause(), degraded.to_string());
                let readable = Some((rows, &profile));
                set_aside(app, &file, cause, &reason, readable, summarized)?;
                continue;
            }
        };
        bytes += body.len() as u64;
        batch.take(file, id, capture.started_at, extraction, believed);
        if bytes >= BATCH_BYTES_MAX || batch.ready.len() >= BATCH_FILES_MAX {
            break;
        }
    }
    Ok(batch)
}

impl Batch {
    fn take(
        &mut self,
        file: RawFile,
        id: CaptureId,
        fetched_at: Timestamp,
        extraction: Extraction,
        believed: Believed,
    ) {
        let first_refusal = extraction.refusals.first().map(ToString::to_string);
        let rows = extraction.rows;
        let oldest = rows.iter().map(|row| row.observed_at).min();
        let newest = rows.iter().map(|row| row.observed_at).max();
        let published = rows.iter().filter_map(|row| row.published_at).max();
        let refused = extraction.refused_rows;
        let reason = first_refusal.map(|first| match (refused, extraction.refused_values) {
            (0, values) => format!("{values} values refused, the first: {first}"),
            (rows, 0) => format!("{rows} rows refused, the first: {first}"),
            (rows, values) => {
                format!("{rows} rows and {values} values refused, the first: {first}")
            }
        });
        let tombstone = Tombstone {
            rows: rows.len() as u64,
            refused_rows: refused,
            observed: oldest.zip(newest),
            published_at: extraction.published_at.max(published),
            cause: believed.cause,
            reason,
            profile: Some(believed.profile),
        };
        self.ready.push(Ready {
            file,
            id,
            tombstone,
        });
        self.rows
            .extend(rows.into_iter().map(|row| (row, fetched_at)));
    }
}

/// Moves a body that must not count to quarantine. `readable` is how many rows it had and what they were like, if it could be read;
/// none of them is taken.
fn set_aside(
    app: &App,
    file: &RawFile,
    cause: Cause,
    reason: &str,
    readable: Option<(u64, &Profile)>,
    summarized: &mut Summarized,
) -> Outcome<()> {
    warn!(file = %file.file, cause = cause.as_str(), reason, "set aside");
    block_in_place(|| {
        let mut capture = app
            .landing()
            .condemn(file, cause, reason)
            .map_err(Failure::usage)?;
        let (rows, profile) = readable.unzip();
        capture.refused_rows = rows.unwrap_or(0);
        app.ledger()
            .record_quarantined(&capture, rows.is_some(), profile)
            .map_err(Failure::usage)?;
        crash::point("summarize.condemned");
        app.landing()
            .quarantine(file, &capture)
            .map_err(Failure::usage)
    })?;
    crash::point("summarize.quarantined");
    summarized
        .quarantined
        .push((file.file.clone(), reason.to_owned()));
    Ok(())
}

/// Merges a batch into the store, reads back, and only then lets go of the files.
async fn take_in(
    app: &App,
    store: &dyn Store,
    definition: &Definition,
    batch: Batch,
    summarized: &mut Summarized,
) -> Outcome<()> {
    let Batch { ready, rows } = batch;
    if ready.is_empty() {
        return Ok(());
    }
    match definition.model {
        Model::Observations => {
            let (id, measures) = (&definition.id, &definition.measures);
            let mut bucketing = Bucketing::new(id, measures, app.tz(), definition.horizon);
            for (row, fetched_at) in rows {
                bucketing.add(row, fetched_at);
            }
            let deltas = block_in_place(|| bucketing.finish());
            merge_buckets(store, &deltas, rhythm(app, definition))
                .await
                .map_err(store_failure)?;
        }
        Model::Events => {
            let mut events: BTreeMap<_, Event> = BTreeMap::new();
            for (row, fetched_at) in rows {
                let event = Event::from_row(&definition.id, &definition.measures, row, fetched_at);
                match events.get_mut(&event.key) {
                    Some(known) => {
                        known.merge(&event);
                    }
                    None => {
                        events.insert(event.key.clone(), event);
                    }
                }
            }
            merge_events(store, &events.into_values().collect::<Vec<_>>())
                .await
                .map_err(store_failure)?;
        }
    }
    crash::point("summarize.merged");
    for ready in &ready {
        summarized.files += 1;
        summarized.rows += ready.tombstone.rows;
        summarized.refused_rows += ready.tombstone.refused_rows;
    }
    block_in_place(|| let_go(app, definition, ready))
}

/// Writes the tombstones, and then removes the files; when they are archived, the archive is on the disk first.
fn let_go(app: &App, definition: &Definition, ready: Vec<Ready>) -> Outcome<()> {
    let (files, tombstones): (Vec<RawFile>, Vec<_>) = ready
        .into_iter()
        .map(|ready| (ready.file, (ready.id, ready.tombstone)))
        .unzip();
    let after = app.config().raw.after;
    let bytes_max = app.config().http.body_bytes_max;
    let mut ledger = app.ledger();
    let archived = match after {
        After::Archive => app
            .archive()
            .append(&ledger, &definition.id, &files, bytes_max),
        After::Delete | After::Keep => Ok(Vec::new()),
    };
    crash::point("summarize.archived");
    ledger
        .tombstones(&tombstones, &archived.map_err(Failure::usage)?)
        .map_err(Failure::usage)?;
    drop(ledger);
    crash::point("summarize.buried");
    if after != After::Keep {
        for file in &files {
            app.landing().remove(file).map_err(Failure::usage)?;
            debug!(file = %file.file, "removed");
            crash::point("summarize.removed");
        }
    }
    Ok(())
}

/// Seals the buckets that can no longer change: their deadline has passed, and every file that was fetched before
/// it has just been summarised.
async fn seal(
    store: &dyn Store,
    definition: &Definition,
    now: Timestamp,
    rhythm: Option<SignedDuration>,
) -> Outcome<u64> {
    if definition.model == Model::Events {
        return Ok(0);
    }
    let mut sealed = 0;
    loop {
        let keys = store
            .unsealed(&definition.id, now, SEAL_MAX)
            .await
            .map_err(store_failure)?;
        if keys.is_empty() {
            return Ok(sealed);
        }
        let done = seal_buckets(store, &keys, rhythm)
            .await
            .map_err(store_failure)?;
        sealed += done;
        crash::point("summarize.sealed");
        if done == 0 {
            // Somebody else writes them right now: the next run finds them.
            return Ok(sealed);
        }
    }
}

/// The named sources, or all that are enabled or have files waiting.
pub(crate) fn chosen(app: &App, names: &[SourceId]) -> Outcome<Vec<Arc<Definition>>> {
    let mut chosen = app.chosen(names)?;
    if names.is_empty() {
        for id in app.landing().sources().map_err(Failure::usage)? {
            if chosen.iter().any(|definition| definition.id == id) {
                continue;
            }
            if let Some(definition) = app.known(&id) {
                chosen.push(definition);
            } else {
                warn!(source = %id, "raw files wait, but no definition is called so");
            }
        }
    }
    Ok(chosen)
}

/// Prints what came of each source that had something waiting.
pub(crate) fn print(all: &BTreeMap<SourceId, Summarized>) -> Outcome<()> {
    for (source, one) in all {
        if let Some(failed) = &one.failed {
            output::line(&format!("{source}: not summarised: {failed}"))?;
        }
        if one.locked {
            output::line(&format!("{source}: another run is summarising"))?;
        }
        if one.files > 0 {
            let Summarized {
                files,
                rows,
                refused_rows,
                ..
            } = one;
            output::line(&format!(
                "{source}: {files} files, {rows} rows taken, {refused_rows} refused"
            ))?;
        }
        for (file, reason) in &one.quarantined {
            output::line(&format!("{source}: data/{file} set aside: {reason}"))?;
        }
    }
    Ok(())
}
