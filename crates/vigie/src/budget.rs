//! Room on the disk: what may go when the budget is spent, and when collecting must pause.
//!
//! The oldest *summarised* files go first: raw files that were kept, and archives. What was not summarised never goes. Their
//! tombstones stay in the ledger. Quarantine has limits of its own.

use std::{
    collections::BTreeMap,
    fmt, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp, ToSpan as _, civil::Date, tz::TimeZone};
use tokio::task::block_in_place;
use tracing::info;
use vigie_core::{capture::Outcome as CaptureOutcome, text::SourceId};
use vigie_store::{
    landing::RawFile,
    lock::{Lock, LockError},
    manifest,
};

use crate::{
    app::App,
    clock::machine_time,
    failure::{Exit, Failure, Outcome},
};

/// Why collecting pauses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pause {
    /// The disk is nearly full.
    Reserve { free_bytes: u64, reserve_bytes: u64 },
    /// The budget is spent on files that were not summarised yet.
    Budget { used_bytes: u64, budget_bytes: u64 },
}

impl Pause {
    /// Its name, for programs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Pause::Reserve { .. } => "disk-below-reserve",
            Pause::Budget { .. } => "disk-budget-exceeded",
        }
    }

    /// What to do.
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Pause::Reserve { .. } => "free some space, or lower disk.reserve_bytes",
            Pause::Budget { .. } => {
                "run `vigie summarize` (is the store there?), or raise disk.budget_bytes"
            }
        }
    }
}

impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pause::Reserve {
                free_bytes,
                reserve_bytes,
            } => write!(
                f,
                "{free_bytes} bytes are free on the disk, less than disk.reserve_bytes = {reserve_bytes}"
            ),
            Pause::Budget {
                used_bytes,
                budget_bytes,
            } => write!(
                f,
                "the data folder has {used_bytes} bytes, more than disk.budget_bytes = {budget_bytes}, and nothing that is \
                 summarised is left to go"
            ),
        }
    }
}

impl From<Pause> for Failure {
    fn from(pause: Pause) -> Self {
        Failure::new(Exit::SomeFailed, format!("collecting pauses: {pause}")).hint(pause.remedy())
    }
}

/// Whether collecting must pause as things stand. Nothing is changed.
pub(crate) fn pause(app: &App) -> Outcome<Option<Pause>> {
    let disk = &app.config().disk;
    let free_bytes = free(&app.data())?;
    if free_bytes < disk.reserve_bytes {
        return Ok(Some(Pause::Reserve {
            free_bytes,
            reserve_bytes: disk.reserve_bytes,
        }));
    }
    let Some(budget_bytes) = disk.budget_bytes else {
        return Ok(None);
    };
    let used_bytes = used(&app.data())?;
    Ok((used_bytes > budget_bytes).then_some(Pause::Budget {
        used_bytes,
        budget_bytes,
    }))
}

/// Deletes the oldest summarised files until the budget is kept, and says whether collecting must pause all the same. A run may
/// exceed the budget by what it downloads.
pub(crate) fn make_room(app: &App) -> Outcome<Option<Pause>> {
    block_in_place(|| {
        let paused = pause(app)?;
        let Some(Pause::Budget {
            used_bytes,
            budget_bytes,
        }) = paused
        else {
            return Ok(paused);
        };
        let mut excess = used_bytes - budget_bytes;
        let mut locks = Locks::default();
        for candidate in candidates(app)? {
            if excess == 0 {
                break;
            }
            if locks.hold(app, candidate.source())? {
                excess = excess.saturating_sub(candidate.remove(app)?);
            }
        }
        pause(app)
    })
}

/// The free space for this user.
pub(crate) fn free(folder: &Path) -> Outcome<u64> {
    let facts = rustix::fs::statvfs(folder)
        .map_err(|error| Failure::usage(format!("{}: {error}", folder.display())))?;
    Ok(facts.f_bavail.saturating_mul(facts.f_frsize))
}

/// What counts against the budget: all of the data folder but the store.
fn used(data: &Path) -> Outcome<u64> {
    let mut bytes = 0;
    for folder in ["raw", "quarantine", "archive"] {
        walk(&data.join(folder), &mut |_, metadata| {
            bytes += metadata.len();
        })?;
    }
    // Without its write-ahead file, which comes and goes.
    let ledger = fs::metadata(data.join("ledger.db"));
    Ok(bytes + ledger.map_or(0, |metadata| metadata.len()))
}

/// Goes through all files of a folder and below; none when there is no such folder.
pub(crate) fn walk(folder: &Path, each: &mut dyn FnMut(&Path, &fs::Metadata)) -> Outcome<()> {
    let failed = |error: std::io::Error| {
        Failure::usage(format!("cannot list {}: {error}", folder.display()))
    };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        // A file that is gone meanwhile takes no room.
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        if metadata.is_dir() {
            walk(&entry.path(), each)?;
        } else {
            each(&entry.path(), &metadata);
        }
    }
    Ok(())
}

/// What may go.
enum Candidate {
    /// A raw file that was perhaps summarised: the ledger is asked once it is its turn.
    Raw(RawFile),
    /// The archive of a month.
    Archive { source: SourceId, file: String },
}

impl Candidate {
    fn source(&self) -> &SourceId {
        match self {
            Candidate::Raw(raw) => &raw.source,
            Candidate::Archive { source, .. } => source,
        }
    }

    /// Removes it, if it was summarised, and says how many bytes that has freed.
    fn remove(&self, app: &App) -> Outcome<u64> {
        match self {
            Candidate::Raw(raw) => {
                // What cannot be read is for `summarize` to judge.
                let Ok(Some(manifest)) = app.landing().manifest(raw) else {
                    return Ok(0);
                };
                let sha256 = manifest.capture.sha256.unwrap_or_default();
                let known = app.ledger().find_by_file(&raw.source, &raw.file, &sha256);
                let summarized = known
                    .map_err(Failure::usage)?
                    .is_some_and(|entry| entry.capture.outcome == CaptureOutcome::Summarized);
                if !summarized {
                    return Ok(0);
                }
                let manifest =
                    fs::metadata(app.data().join(format!("{}{}", raw.file, manifest::SUFFIX)));
                app.landing().remove(raw).map_err(Failure::usage)?;
                info!(file = %raw.file, bytes = raw.bytes, "removed for the budget");
                Ok(raw.bytes + manifest.map_or(0, |metadata| metadata.len()))
            }
            Candidate::Archive { file, .. } => {
                let path = app.data().join(file);
                let bytes = fs::metadata(&path).map_or(0, |metadata| metadata.len());
                // Killed in between, the archive is begun anew by the next append, which is as good.
                app.ledger().forget_archive(file).map_err(Failure::usage)?;
                remove(&path)?;
                info!(file = %file, bytes, "removed for the budget");
                Ok(bytes)
            }
        }
    }
}

/// Raw files and archives, oldest first. An archive is as old as the end of its month.
fn candidates(app: &App) -> Outcome<Vec<Candidate>> {
    let mut found: Vec<(Timestamp, Candidate)> = Vec::new();
    for source in app.landing().sources().map_err(Failure::usage)? {
        let pending = app.landing().pending(&source).map_err(Failure::usage)?;
        found.extend(
            pending
                .raw
                .into_iter()
                .map(|raw| (raw.at, Candidate::Raw(raw))),
        );
    }
    for archive in app.ledger().archives().map_err(Failure::usage)? {
        if let Some((source, end)) = month_of(&archive.file) {
            let file = archive.file;
            found.push((end, Candidate::Archive { source, file }));
        }
    }
    found.sort_by_key(|(at, _)| *at);
    Ok(found.into_iter().map(|(_, candidate)| candidate).collect())
}

/// The source of an archive, and when its month ends.
fn month_of(file: &str) -> Option<(SourceId, Timestamp)> {
    let name = file.rsplit('/').next()?.strip_suffix(".tar.zst")?;
    let (source, month) = name.rsplit_once('_')?;
    let first: Date = format!("{month}-01").parse().ok()?;
    let end = first
        .checked_add(1.month())
        .ok()?
        .to_zoned_datetime(TimeZone::UTC);
    Some((SourceId::new(source).ok()?, end.ok()?.timestamp()))
}

/// The locks under which files of sources are removed: nobody summarises them meanwhile.
#[derive(Default)]
struct Locks(BTreeMap<SourceId, Option<Lock>>);

impl Locks {
    /// Whether the lock of a source is had, now or from before.
    fn hold(&mut self, app: &App, source: &SourceId) -> Outcome<bool> {
        if let Some(held) = self.0.get(source) {
            return Ok(held.is_some());
        }
        let lock = match Lock::take(&app.data(), &format!("summarize.{source}"), app.now()) {
            Ok(lock) => Some(lock),
            Err(LockError::Held { .. }) => None,
            Err(error) => return Err(Failure::usage(error)),
        };
        let held = lock.is_some();
        self.0.insert(source.clone(), lock);
        Ok(held)
    }
}

/// Deletes what was set aside longer ago than `disk.quarantine_keep_days`, by its name *and* by the date of its file, so that
/// neither a wrong clock nor a wrong date deletes alone; then the oldest beyond `disk.quarantine_bytes_max`. Why each was set
/// aside stays in the ledger.
pub(crate) fn tidy_quarantine(app: &App) -> Outcome<u64> {
    block_in_place(|| {
        let disk = &app.config().disk;
        let keep = Duration::from_hours(24 * u64::from(disk.quarantine_keep_days));
        let machine_now = machine_time();
        let oldest = SignedDuration::try_from(keep)
            .ok()
            .and_then(|keep| app.now().checked_sub(keep).ok())
            .unwrap_or(Timestamp::MIN);
        let mut bodies: Vec<(Timestamp, PathBuf, u64, bool)> = Vec::new();
        walk(&app.data().join("quarantine"), &mut |path, metadata| {
            if let Some(at) = time_in_name(path) {
                let dated_long_ago = metadata
                    .modified()
                    .ok()
                    .and_then(|at| machine_now.duration_since(at).ok())
                    .is_some_and(|age| age > keep);
                bodies.push((at, path.to_path_buf(), metadata.len(), dated_long_ago));
            }
        })?;
        bodies.sort();
        let mut bytes: u64 = bodies.iter().map(|(_, _, bytes, _)| bytes).sum();
        let mut removed = 0;
        for (at, path, size, dated_long_ago) in bodies {
            if (at < oldest && dated_long_ago) || bytes > disk.quarantine_bytes_max {
                // The body first: a manifest alone is no body.
                remove(&path)?;
                let mut manifest = path.clone().into_os_string();
                manifest.push(manifest::SUFFIX);
                remove(Path::new(&manifest))?;
                info!(file = %path.display(), bytes = size, "removed from quarantine");
                bytes -= size;
                removed += 1;
            }
        }
        Ok(removed)
    })
}

/// The time in the name of a body; `None` for manifests and what is not ours.
pub(crate) fn time_in_name(path: &Path) -> Option<Timestamp> {
    let name = path.file_name()?.to_str()?;
    if name.starts_with('.') || name.ends_with(manifest::SUFFIX) {
        return None;
    }
    let (_, stamp) = name.split_once('.')?.0.rsplit_once('_')?;
    let civil = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", stamp).ok()?;
    civil
        .to_zoned_datetime(TimeZone::UTC)
        .ok()
        .map(|zoned| zoned.timestamp())
}

fn remove(path: &Path) -> Outcome<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Failure::usage(format!(
            "cannot delete {}: {error}",
            path.display()
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_as_old_as_the_end_of_its_month() {
        let (source, end) = month_of("archive/a_b-c/a_b-c_2026-12.tar.zst").unwrap();
        assert_eq!(source.as_str(), "a_b-c");
        assert_eq!(end.to_string(), "2027-01-01T00:00:00Z");
        assert_eq!(month_of("archive/a/notes.txt"), None);
    }

    #[test]
    fn only_bodies_have_a_time() {
        let time = |name: &str| time_in_name(Path::new(name)).map(|at| at.to_string());
        let body = "quarantine/x_y/2026/11/24/x_y_20261124T110000Z.json";
        assert_eq!(time(body).as_deref(), Some("2026-11-24T11:00:00Z"));
        assert_eq!(time(&format!("{body}.manifest.json")), None);
        assert_eq!(time("quarantine/notes.txt"), None);
    }
}
