//! The data folder: room, owners, locks, left-overs, archives.

use std::{fs, path::Path, time::Duration};

use jiff::SignedDuration;
use tokio::task::block_in_place;
use vigie_store::{
    archive::ArchiveError,
    durable::TEMPORARY_PREFIX,
    lock::{Lock, LockError},
    manifest,
};

use super::{Name, Report, failed};
use crate::{
    app::App,
    budget::{self, Pause},
    clock::machine_time,
    config::FILE_NAME,
    failure::{Outcome, chain},
    up,
};

/// What is younger may belong to a run that is under way.
const LEFT_OVER_AGE: Duration = Duration::from_hours(1);
/// A step that takes longer hangs.
const LOCK_AGE_MAX: SignedDuration = SignedDuration::from_hours(2);

/// Free space, and the budget.
pub(super) fn room(app: &App, report: &mut Report) -> Outcome<()> {
    let place = app.data().display().to_string();
    match budget::pause(app)? {
        None => {
            let free = budget::free(&app.data())?;
            report.add(Name::Disk, place, format!("{free} bytes are free"));
        }
        Some(pause) => {
            let name = match pause {
                Pause::Reserve { .. } => Name::DiskBelowReserve,
                Pause::Budget { .. } => Name::DiskBudgetExceeded,
            };
            report.add(name, place, format!("collecting pauses: {pause}"));
        }
    }
    Ok(())
}

/// Other workspaces that collect into the same data folder.
pub(super) fn shared(app: &App, report: &mut Report) -> Outcome<()> {
    let Ok(ours) = fs::canonicalize(app.data()) else {
        return Ok(());
    };
    for other in app.registered()? {
        let root = Path::new(&other);
        let same = root != app.root()
            && root.join(FILE_NAME).is_file()
            && fs::canonicalize(root.join("data")).is_ok_and(|theirs| theirs == ours);
        if same {
            report.add(
                Name::DataShared,
                ours.display().to_string(),
                format!("the workspace {other} collects into the same folder"),
            );
        }
    }
    Ok(())
}

/// Locks that are held for longer than any step takes.
pub(super) fn locks(app: &App, report: &mut Report) -> Outcome<()> {
    let mut names = Vec::new();
    budget::walk(&app.data().join("locks"), &mut |path, _| {
        let name = path.file_name().and_then(|name| name.to_str());
        names.extend(
            name.and_then(|name| name.strip_suffix(".lock"))
                .map(str::to_owned),
        );
    })?;
    names.sort();
    for name in names.iter().filter(|name| *name != up::LOCK) {
        if let Err(LockError::Held {
            holder: Some(holder),
            ..
        }) = Lock::take(&app.data(), name, app.now())
            && app.now().duration_since(holder.since) > LOCK_AGE_MAX
        {
            report.add(
                Name::LockHeldLong,
                format!("data/locks/{name}.lock"),
                format!("process {} holds it since {}", holder.pid, holder.since),
            );
        }
    }
    Ok(())
}

/// What a kill has left behind and nothing has swept.
pub(super) fn left_over(app: &App, report: &mut Report) -> Outcome<()> {
    let data = app.data();
    let now = machine_time();
    let mut found = Vec::new();
    budget::walk(&data, &mut |path, metadata| {
        let old = metadata
            .modified()
            .is_ok_and(|at| now.duration_since(at).is_ok_and(|age| age > LEFT_OVER_AGE));
        let Some(name) = path
            .file_name()
            .and_then(|name| name.to_str())
            .filter(|_| old)
        else {
            return;
        };
        if name.starts_with(TEMPORARY_PREFIX) {
            found.push((path.to_path_buf(), Name::TemporaryLeftOver));
        } else if let Some(body) = name.strip_suffix(manifest::SUFFIX)
            && !path.with_file_name(body).exists()
        {
            found.push((path.to_path_buf(), Name::ManifestWithoutBody));
        }
    })?;
    found.sort_by(|a, b| a.0.cmp(&b.0));
    for (path, name) in found {
        let place = path.strip_prefix(&data).unwrap_or(&path);
        let what = if name == Name::TemporaryLeftOver {
            "a temporary file more than an hour old"
        } else {
            "a manifest without its body, more than an hour old"
        };
        report.add(name, format!("data/{}", place.display()), what);
    }
    Ok(())
}

/// Archives that cannot be read any more.
pub(super) fn archives(app: &App, report: &mut Report) -> Outcome<()> {
    let archives = app.ledger().archives().map_err(failed)?;
    for archive in archives {
        if let Err(error) = block_in_place(|| app.archive().check(&archive)) {
            let name = if matches!(error, ArchiveError::Short { .. }) {
                Name::ArchiveCut
            } else {
                Name::ArchiveDamaged
            };
            report.add(name, format!("data/{}", archive.file), chain(&error));
        }
    }
    Ok(())
}
