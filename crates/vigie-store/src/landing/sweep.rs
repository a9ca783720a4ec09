//! Looking through the landing zone: what waits, and what a kill left behind.

use std::{
    collections::BTreeSet,
    fs::{self, DirEntry, Metadata},
    io::ErrorKind,
    path::Path,
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use vigie_core::text::SourceId;

use super::{
    Landing, LandingError, Pending, RawFile, is_there,
    name::{Name, Root},
    remove_if_there,
};
use crate::{
    durable::{DiskError, Step, TEMPORARY_PREFIX},
    fault, manifest,
};

/// What is this young may belong to a landing that is under way.
const LEFT_OVER_AGE: Duration = Duration::from_hours(1);

/// Year, month and day.
const FOLDER_DEPTH: usize = 3;

/// What a sweep has removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Temporary files.
    pub temporary: u64,
    /// Manifests without a body.
    pub manifests: u64,
    /// Empty folders.
    pub folders: u64,
}

impl Landing {
    /// The sources that have a folder in the landing zone, in order of name, whether or not anything waits there.
    pub fn sources(&self) -> Result<Vec<SourceId>, LandingError> {
        let mut sources: Vec<SourceId> = list(&self.path(Root::Raw.folder()))?
            .iter()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .filter_map(|entry| SourceId::new(entry.file_name().to_str()?).ok())
            .collect();
        sources.sort_unstable();
        Ok(sources)
    }

    /// What waits to be summarised of a source, oldest first. Nothing on the disk is changed.
    pub fn pending(&self, source: &SourceId) -> Result<Pending, LandingError> {
        let mut pending = Pending::default();
        let folder = format!("{}/{source}", Root::Raw.folder());
        self.look(source, &folder, 0, &mut pending)?;
        pending
            .raw
            .sort_unstable_by(|a, b| (a.at, &a.file).cmp(&(b.at, &b.file)));
        pending.foreign.sort_unstable();
        Ok(pending)
    }

    fn look(
        &self,
        source: &SourceId,
        folder: &str,
        depth: usize,
        pending: &mut Pending,
    ) -> Result<(), LandingError> {
        let path = self.path(folder);
        let entries = list(&path)?;
        let mut manifests = BTreeSet::new();
        let mut bodies = Vec::new();
        for entry in &entries {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let file = format!("{folder}/{name}");
            let metadata = match entry.metadata() {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(DiskError::at(Step::Read, &entry.path())(error).into()),
            };
            match Kind::of(source, &name, &metadata, depth) {
                Kind::Folder => self.look(source, &file, depth + 1, pending)?,
                Kind::Temporary => {}
                Kind::Manifest { body } => {
                    manifests.insert(body);
                }
                Kind::Body { at } => bodies.push((name.into_owned(), file, at, metadata.len())),
                Kind::Foreign => pending.foreign.push(file),
            }
        }
        for (name, file, at, bytes) in bodies {
            // A body listed before its manifest was renamed cannot be: the manifest comes first. Yet a listing is no
            // snapshot, so a manifest that it missed is looked for by name.
            let has_manifest = manifests.contains(&name)
                || path.join(format!("{name}{}", manifest::SUFFIX)).exists();
            pending.raw.push(RawFile {
                source: source.clone(),
                file,
                at,
                bytes,
                has_manifest,
            });
        }
        Ok(())
    }

    /// Removes what kills left behind more than an hour ago, of a source, in the landing zone and in quarantine:
    /// temporary files and manifests without body; and folders that are empty.
    ///
    /// `disk_now` is the time by the clock that dates files (the machine's own, whatever `--now` says).
    pub fn sweep(&self, source: &SourceId, disk_now: SystemTime) -> Result<Swept, LandingError> {
        let mut swept = Swept::default();
        for root in [Root::Raw, Root::Quarantine] {
            let folder = self.path(root.folder()).join(source.as_str());
            sweep_folder(source, &folder, 0, disk_now, &mut swept)?;
        }
        Ok(swept)
    }
}

fn sweep_folder(
    source: &SourceId,
    folder: &Path,
    depth: usize,
    disk_now: SystemTime,
    swept: &mut Swept,
) -> Result<(), LandingError> {
    for entry in list(folder)? {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let path = entry.path();
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        let is_old = |metadata: &Metadata| metadata.modified().is_ok_and(|at| is_old(at, disk_now));
        match Kind::of(source, &name, &metadata, depth) {
            Kind::Folder => {
                // Asked before anything in it is removed, which makes it young again.
                let old = is_old(&metadata);
                sweep_folder(source, &path, depth + 1, disk_now, swept)?;
                // Refused by the system unless empty. A landing that loses its folder here makes it again.
                if old && fs::remove_dir(&path).is_ok() {
                    swept.folders += 1;
                }
            }
            Kind::Temporary if is_old(&metadata) => {
                remove_if_there(&path)?;
                swept.temporary += 1;
            }
            Kind::Manifest { body } if is_old(&metadata) && !is_there(&folder.join(&body))? => {
                remove_if_there(&path)?;
                swept.manifests += 1;
            }
            _ => {}
        }
    }
    Ok(())
}

/// What an entry of a folder is.
#[derive(Debug)]
enum Kind {
    /// A year, month or day.
    Folder,
    /// A file being written, or left over.
    Temporary,
    /// The manifest of the body of that name.
    Manifest {
        /// The name of the body.
        body: String,
    },
    /// A raw file.
    Body {
        /// The time in its name.
        at: Timestamp,
    },
    /// None of ours.
    Foreign,
}

impl Kind {
    fn of(source: &SourceId, name: &str, metadata: &Metadata, depth: usize) -> Self {
        if metadata.is_dir() && depth < FOLDER_DEPTH {
            return Kind::Folder;
        }
        if !metadata.is_file() {
            return Kind::Foreign;
        }
        if name.starts_with(TEMPORARY_PREFIX) {
            return Kind::Temporary;
        }
        if let Some(body) = name.strip_suffix(manifest::SUFFIX)
            && Name::parse(source, body).is_some()
        {
            return Kind::Manifest {
                body: body.to_owned(),
            };
        }
        Name::parse(source, name).map_or(Kind::Foreign, |parsed| Kind::Body { at: parsed.at })
    }
}

fn is_old(modified: SystemTime, disk_now: SystemTime) -> bool {
    disk_now
        .duration_since(modified)
        .is_ok_and(|age| age > LEFT_OVER_AGE)
}

/// The entries of a folder; none when there is no such folder.
fn list(folder: &Path) -> Result<Vec<DirEntry>, DiskError> {
    let entries = match fault::disk(Step::List, folder).and_then(|()| fs::read_dir(folder)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(DiskError::at(Step::List, folder)(error)),
    };
    entries
        .collect::<Result<_, _>>()
        .map_err(DiskError::at(Step::List, folder))
}
