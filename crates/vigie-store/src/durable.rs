//! Writes files so that, after a kill or a power cut at any moment, each is whole or absent.
//!
//! A file is written under a temporary name in its own folder, flushed to the disk, renamed, and the
//! folder is flushed too: only then does the caller go on.

use std::{
    ffi::OsStr,
    fmt,
    fs::{self, File},
    io::{self, ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use crate::fault;

/// How the names of temporary files begin. Such a file is never read; one that is left over by a kill is swept.
pub const TEMPORARY_PREFIX: &str = ".tmp-";

/// How often a write starts again when its folder is removed under it, or its name taken.
const ATTEMPTS_MAX: usize = 8;

/// The number of the system's error for a device that fails, on every Unix.
const INPUT_OUTPUT: i32 = 5;

/// What was being done when the disk refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Creating a folder.
    CreateFolder,
    /// Creating the temporary file.
    Create,
    /// Writing its bytes.
    Write,
    /// Flushing a file or folder to the disk.
    Flush,
    /// Giving a file its final name.
    Rename,
    /// Reading a file.
    Read,
    /// Listing a folder.
    List,
    /// Deleting a file or folder.
    Delete,
    /// Cutting an archive back to the length that was committed.
    Truncate,
    /// Locking a file.
    Lock,
}

impl Step {
    /// Every step.
    pub const ALL: [Step; 10] = [
        Step::CreateFolder,
        Step::Create,
        Step::Write,
        Step::Flush,
        Step::Rename,
        Step::Read,
        Step::List,
        Step::Delete,
        Step::Truncate,
        Step::Lock,
    ];
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::CreateFolder => "create the folder",
            Step::Create => "create",
            Step::Write => "write",
            Step::Flush => "flush",
            Step::Rename => "rename",
            Step::Read => "read",
            Step::List => "list the folder",
            Step::Delete => "delete",
            Step::Truncate => "truncate",
            Step::Lock => "lock",
        })
    }
}

/// The disk refused.
#[derive(Debug, thiserror::Error)]
#[error("cannot {step} `{}`{}", .path.display(), remedy(.source))]
pub struct DiskError {
    /// What was being done.
    pub step: Step,
    /// To which file or folder.
    pub path: PathBuf,
    /// What the operating system said.
    pub source: io::Error,
}

impl DiskError {
    /// The error of a step on a path: made for `map_err`.
    pub(crate) fn at(step: Step, path: &Path) -> impl FnOnce(io::Error) -> DiskError + use<> {
        let path = path.to_path_buf();
        move |source| DiskError { step, path, source }
    }

    /// Whether the disk or the quota is full: trying again helps only once there is room.
    pub fn is_full(&self) -> bool {
        matches!(
            self.source.kind(),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded
        )
    }

    /// Whether this user may not write there: trying again does not help.
    pub fn is_forbidden(&self) -> bool {
        matches!(
            self.source.kind(),
            ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied
        )
    }
}

/// The reason with its remedy, for the errors that a person can do something about.
fn remedy(source: &io::Error) -> &'static str {
    match source.kind() {
        ErrorKind::StorageFull => {
            ": the disk is full; free some space and run the command again, nothing is lost"
        }
        ErrorKind::QuotaExceeded => {
            ": the disk quota of this user is used up; raise it or free some space, then run the command again"
        }
        ErrorKind::ReadOnlyFilesystem => {
            ": the file system is mounted read-only; mount it for writing or choose another data folder"
        }
        ErrorKind::PermissionDenied => {
            ": this user may not write there; give it the data folder (chown) or run as the folder's owner"
        }
        _ if source.raw_os_error() == Some(INPUT_OUTPUT) => {
            ": the disk fails; look at the system's log, replace the disk, and run the command again"
        }
        ErrorKind::NotADirectory => ": a file stands where a folder is needed; move that file away",
        _ => "",
    }
}

/// Writes `bytes` to `path`, replacing what is there. Missing folders are created. On return the file is on the
/// disk; on an error the old content stands.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    for _ in 0..ATTEMPTS_MAX {
        let Some(temporary) = stage(path, bytes)? else {
            continue;
        };
        fault::disk(Step::Rename, path).map_err(DiskError::at(Step::Rename, path))?;
        temporary
            .persist(path)
            .map_err(|failure| DiskError::at(Step::Rename, path)(failure.error))?;
        fault::point("durable.renamed");
        return flush_folder(folder_of(path));
    }
    Err(vanishing(path))
}

/// As [`write()`], but never replaces: `false` when something of that name is there already. The folder is not
/// flushed: call [`flush_folder`] once all files of a group have their names.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<bool, DiskError> {
    for _ in 0..ATTEMPTS_MAX {
        let Some(temporary) = stage(path, bytes)? else {
            continue;
        };
        fault::disk(Step::Rename, path).map_err(DiskError::at(Step::Rename, path))?;
        return match temporary.persist_noclobber(path) {
            Ok(_) => Ok(true),
            Err(failure) if failure.error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(failure) => Err(DiskError::at(Step::Rename, path)(failure.error)),
        };
    }
    Err(vanishing(path))
}

/// Flushes the names in a folder to the disk.
pub fn flush_folder(folder: &Path) -> Result<(), DiskError> {
    // Other systems than Unix keep names safe by themselves and cannot open a folder.
    if cfg!(unix) {
        fault::disk(Step::Flush, folder)
            .and_then(|()| File::open(folder))
            .and_then(|opened| opened.sync_all())
            .map_err(DiskError::at(Step::Flush, folder))?;
    }
    Ok(())
}

/// Creates a folder and those above it that are missing, each flushed to the disk.
pub fn create_folders(folder: &Path) -> Result<(), DiskError> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder_of(folder);
    if parent != folder {
        create_folders(parent)?;
    }
    match fault::disk(Step::CreateFolder, folder).and_then(|()| fs::create_dir(folder)) {
        Ok(()) => flush_folder(parent),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let source = io::Error::new(ErrorKind::NotADirectory, error);
            Err(DiskError::at(Step::CreateFolder, folder)(source))
        }
        Err(error) => Err(DiskError::at(Step::CreateFolder, folder)(error)),
    }
}

/// The folder that holds `path`; the working folder for a bare name.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str() == OsStr::new("") => Path::new("."),
        Some(parent) => parent,
        None => path,
    }
}

/// The bytes in a temporary file beside `path`, on the disk; `None` when the folder was removed meanwhile (the
/// sweeping of empty folders) and the caller must start again.
fn stage(path: &Path, bytes: &[u8]) -> Result<Option<NamedTempFile>, DiskError> {
    let folder = folder_of(path);
    create_folders(folder)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY_PREFIX);
    builder.disable_cleanup(fault::leaves_all());
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut temporary =
        match fault::disk(Step::Create, path).and_then(|()| builder.tempfile_in(folder)) {
            Ok(temporary) => temporary,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(DiskError::at(Step::Create, path)(error)),
        };
    fault::Disk::new(temporary.as_file_mut(), path)
        .write_all(bytes)
        .map_err(DiskError::at(Step::Write, path))?;
    fault::disk(Step::Flush, path)
        .and_then(|()| temporary.as_file().sync_data())
        .map_err(DiskError::at(Step::Flush, path))?;
    fault::point("durable.staged");
    Ok(Some(temporary))
}

fn vanishing(path: &Path) -> DiskError {
    let source = io::Error::new(ErrorKind::NotFound, "the folder is removed again and again");
    DiskError::at(Step::Create, path)(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_written_whole_with_its_folders_and_nothing_is_left_over() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/b/c.json");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(path.parent().unwrap()), ["c.json"]);
    }

    #[test]
    fn a_new_file_never_replaces_another() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("c.json");
        assert!(write_new(&path, b"one").unwrap());
        assert!(!write_new(&path, b"two").unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(names(root.path()), ["c.json"]);
    }

    #[test]
    #[cfg(unix)]
    fn files_are_as_readable_as_the_umask_allows() {
        use std::os::unix::fs::PermissionsExt as _;
        let root = tempfile::tempdir().unwrap();
        let (ours, plain) = (root.path().join("ours"), root.path().join("plain"));
        write(&ours, b"").unwrap();
        File::create(&plain).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }

    #[test]
    fn a_file_in_place_of_a_folder_is_named_with_the_remedy() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("raw");
        write(&file, b"").unwrap();
        let error = write(&file.join("x.json"), b"").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("raw"), "{text}");
        assert!(text.contains("move that file away"), "{text}");
    }

    #[test]
    fn a_full_disk_and_a_forbidden_one_are_told_apart() {
        let error = |kind: ErrorKind| DiskError {
            step: Step::Write,
            path: "data/raw/x".into(),
            source: kind.into(),
        };
        let full = error(ErrorKind::StorageFull);
        assert!(full.is_full() && !full.is_forbidden());
        assert_eq!(
            full.to_string(),
            "cannot write `data/raw/x`: the disk is full; free some space and run the command again, nothing is lost"
        );
        let forbidden = error(ErrorKind::ReadOnlyFilesystem);
        assert!(forbidden.is_forbidden() && !forbidden.is_full());
        assert!(forbidden.to_string().contains("read-only"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_operating_system_s_full_disk_is_seen_as_such() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let refused = (&full)
            .write_all(b"x")
            .map_err(DiskError::at(Step::Write, Path::new("/dev/full")))
            .unwrap_err();
        assert!(refused.is_full());
    }
}
