//! Step 2: from raw files to the store, and only then the deletion.
//!
//! Per source, under a lock: read and check each waiting file, extract its rows, merge them into the store, read
//! back, write the tombstones, remove the files, seal what can no longer change, delete what is no longer kept. Every step can
//! be repeated: a run that is killed anywhere leaves files that the next run takes up again.

mod prepare;

use std::{
    collections::BTreeMap,
    sync::{Arc, mpsc::sync_channel},
    thread,
};

use jiff::{SignedDuration, Timestamp};
use tokio::{runtime::Handle, task::block_in_place};
use tracing::{debug, info, warn};
use vigie_core::{
    capture::Capture, cause::Cause, profile::Profile, retention::Intake, text::SourceId,
};
use vigie_sources::{Definition, Model};
use vigie_store::{
    landing::RawFile,
    lock::{Lock, LockError},
    merge::{merge_buckets, merge_events, seal_buckets},
    store::Store,
};

use self::prepare::{Batch, Documents, Ready, prepare};
use crate::{
    app::{App, RunEvent, store_failure, without_key},
    clock::{Clock, machine_time},
    config::After,
    crash,
    failure::{Exit, Failure, Outcome},
    output, retention, service,
};

/// Buckets sealed at a time.
const SEAL_MAX: usize = 2_000;

/// How long after its deadline a bucket is sealed: a body that was asked for before the deadline may still be on its way, or
/// wait for its turn at the provider's.
const SEAL_AFTER: SignedDuration = SignedDuration::from_hours(1);

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
    /// Rows not taken, for they are older than what is kept.
    pub(crate) expired_rows: u64,
    /// Buckets sealed.
    pub(crate) sealed: u64,
    /// Documents deleted that are no longer kept.
    pub(crate) forgotten: u64,
    /// Whether another run holds the lock.
    pub(crate) locked: bool,
    /// Why it could not be summarised, if it could not: its files wait.
    pub(crate) failed: Option<String>,
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
        if app.stop().is_asked() {
            break;
        }
        let summarized = match summarize_source(app, store.as_ref(), definition).await {
            Ok(summarized) => summarized,
            Err(failure) if failure.exit == Exit::StoreUnavailable => return Err(failure),
            Err(failure) => {
                let failed = Some(failure.report());
                let reason = failure.report();
                warn!(source = %definition.id, reason, "not summarised: its raw files wait");
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
            let by = error.to_string();
            warn!(source = %definition.id, by, "another run is summarising");
            summarized.locked = true;
            return Ok(summarized);
        }
        Err(error) => return Err(Failure::usage(error)),
    };
    let pending =
        block_in_place(|| app.landing().pending(&definition.id)).map_err(Failure::usage)?;
    for foreign in &pending.foreign {
        warn!(file = %foreign, "not a raw file of Vigie: left alone; move it away");
    }
    if !pending.raw.is_empty() {
        let kept = retention::intake(app, store, definition).await?;
        block_in_place(|| {
            take_in_all(app, store, definition, kept, &pending.raw, &mut summarized)
        })?;
    }
    if app.stop().is_asked() {
        // Files may be left: nothing is sealed before they are taken in.
        return Ok(summarized);
    }
    // Dated by the machine, whatever time the command believes it is.
    let swept = block_in_place(|| app.landing().sweep(&definition.id, machine_time()));
    debug!(source = %definition.id, ?swept, "swept");
    swept.map_err(Failure::usage)?;
    summarized.sealed = seal(store, definition, now, rhythm(app, definition)).await?;
    summarized.forgotten = retention::forget(&app.at(Clock::Fixed(now)), store, definition).await?;
    Ok(summarized)
}

/// The expected time between two observations of an entity, as we can see them: no shorter than the
/// time between two downloads. `None` where the provider has no fixed rhythm.
pub(crate) fn rhythm(app: &App, definition: &Definition) -> Option<SignedDuration> {
    Some(definition.publishes?.max(app.schedule(definition).every()))
}

/// Prepares batches of files on threads of their own, and takes in each while the next is prepared.
fn take_in_all(
    app: &App,
    store: &dyn Store,
    definition: &Definition,
    kept: Option<Intake<'_>>,
    files: &[RawFile],
    summarized: &mut Summarized,
) -> Outcome<()> {
    let runtime = Handle::current();
    thread::scope(|scope| {
        let (sender, batches) = sync_channel(0);
        let preparing = scope.spawn(move || prepare(app, definition, kept, files, &sender));
        let mut taken = Ok(());
        while let Ok(batch) = batches.recv() {
            crash::point("summarize.read");
            taken = runtime.block_on(take_in(app, store, definition, batch, summarized));
            service::advanced();
            if taken.is_err() || app.stop().is_asked() {
                break;
            }
        }
        drop(batches);
        let prepared = preparing
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        taken?;
        summarized.quarantined.extend(prepared?.quarantined);
        Ok(())
    })
}

/// Moves a body that must not count to quarantine. `readable` is how many rows it had and what they were like, if it could be read;
/// none of them is taken.
fn set_aside(
    app: &App,
    file: &RawFile,
    cause: Cause,
    reason: &str,
    readable: Option<(u64, Option<&Profile>)>,
    summarized: &mut Summarized,
) -> Outcome<()> {
    let reason = match app.known(&file.source) {
        Some(definition) => &without_key(&definition, reason),
        None => reason,
    };
    warn!(file = %file.file, cause = cause.as_str(), reason, "set aside");
    block_in_place(|| {
        let mut capture = app
            .landing()
            .condemn(file, cause, reason)
            .map_err(Failure::usage)?;
        let (rows, profile) = readable.unzip();
        capture.refused_rows = rows.unwrap_or(0);
        app.ledger()
            .record_quarantined(&capture, rows.is_some(), profile.flatten())
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
    let Batch { ready, documents } = batch;
    let merged = match documents {
        Documents::Buckets(buckets) => merge_buckets(store, buckets, rhythm(app, definition)).await,
        Documents::Events(events) => merge_events(store, events).await,
    };
    merged.map_err(store_failure)?;
    crash::point("summarize.merged");
    for ready in &ready {
        summarized.files += 1;
        summarized.rows += ready.tombstone.rows;
        summarized.refused_rows += ready.tombstone.refused_rows;
        summarized.expired_rows += ready.expired_rows;
    }
    block_in_place(|| let_go(app, definition, ready))
}

/// Writes the tombstones, and then removes the files; when they are archived, the archive is on the disk first.
fn let_go(app: &App, definition: &Definition, ready: Vec<Ready>) -> Outcome<()> {
    let after = app.config().raw.after;
    let bytes_max = app.config().http.body_bytes_max;
    let mut ledger = app.ledger();
    let unknown: Vec<&Capture> = ready
        .iter()
        .filter(|ready| ready.id.is_none())
        .map(|ready| &ready.capture)
        .collect();
    let mut new = match unknown.as_slice() {
        [] => Vec::new(),
        unknown => ledger.reconcile_many(unknown).map_err(Failure::usage)?,
    }
    .into_iter();
    let (files, tombstones): (Vec<RawFile>, Vec<_>) = ready
        .into_iter()
        .filter_map(|ready| {
            let id = ready.id.or_else(|| new.next())?;
            Some((ready.file, (id, ready.tombstone)))
        })
        .unzip();
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

/// Seals the buckets that can no longer change: their deadline has long passed, and every file that was fetched before
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
    let before = now.saturating_sub(SEAL_AFTER).unwrap_or(Timestamp::MIN);
    let mut sealed = 0;
    loop {
        let keys = store
            .unsealed(&definition.id, before, SEAL_MAX)
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
            let expired = match one.expired_rows {
                0 => String::new(),
                expired => format!(", {expired} older than what is kept"),
            };
            output::line(&format!(
                "{source}: {files} files, {rows} rows taken, {refused_rows} refused{expired}"
            ))?;
        }
        if one.forgotten > 0 {
            output::line(&format!(
                "{source}: {} documents deleted that are no longer kept",
                one.forgotten
            ))?;
        }
        for (file, reason) in &one.quarantined {
            output::line(&format!("{source}: data/{file} set aside: {reason}"))?;
        }
    }
    Ok(())
}
