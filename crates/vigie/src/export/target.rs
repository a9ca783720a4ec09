//! Where an export goes: standard output, or a file that is whole or absent.

use std::{
    fs::{self, File},
    io::{self, BufWriter, IsTerminal as _, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;
use vigie_store::durable::{self, DiskError, Step};

/// The bytes gathered before they are written.
const BUFFER_BYTES: usize = 128 * 1024;

/// Where an export goes.
pub(crate) enum Target {
    /// Standard output.
    Stdout,
    /// Something that is no ordinary file (a named pipe, `/dev/null`): written as it is.
    Device(PathBuf),
    /// A file, under a temporary name in its folder until it is whole.
    File {
        /// The final name.
        path: PathBuf,
        /// The file, which is removed unless it was kept.
        temporary: NamedTempFile,
    },
}

impl Target {
    /// Opens the file at `output`, or standard output where there is none or it is `-`.
    pub(crate) fn open(output: Option<&Path>) -> Result<Self, DiskError> {
        let Some(path) = output.filter(|path| *path != Path::new("-")) else {
            return Ok(Self::Stdout);
        };
        match fs::metadata(path) {
            Ok(known) if known.is_dir() => {
                let source = io::Error::new(io::ErrorKind::IsADirectory, "it is a folder");
                Err(disk_error(Step::Create, path)(source))
            }
            Ok(known) if !known.is_file() => Ok(Self::Device(path.to_path_buf())),
            // The file that a link leads to is replaced, not the link.
            Ok(_) => Self::file(fs::canonicalize(path).map_err(disk_error(Step::Create, path))?),
            Err(_) => Self::file(path.to_path_buf()),
        }
    }

    fn file(path: PathBuf) -> Result<Self, DiskError> {
        let folder = folder_of(&path);
        durable::create_folders(folder)?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(durable::TEMPORARY_PREFIX);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let temporary = builder
            .tempfile_in(folder)
            .map_err(disk_error(Step::Create, &path))?;
        Ok(Self::File { path, temporary })
    }

    /// The file that is written, for messages.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Stdout => Path::new("standard output"),
            Self::Device(path) | Self::File { path, .. } => path,
        }
    }

    /// Whether people would see the bytes.
    pub(crate) fn is_terminal(&self) -> bool {
        matches!(self, Self::Stdout) && io::stdout().is_terminal()
    }

    /// What to write to.
    pub(crate) fn writer(&self) -> Result<Box<dyn Write + Send>, DiskError> {
        let failed = disk_error(Step::Create, self.path());
        let writer: Box<dyn Write + Send> = match self {
            Self::Stdout => Box::new(io::stdout()),
            Self::Device(path) => Box::new(File::options().write(true).open(path).map_err(failed)?),
            Self::File { temporary, .. } => {
                Box::new(temporary.as_file().try_clone().map_err(failed)?)
            }
        };
        Ok(Box::new(BufWriter::with_capacity(BUFFER_BYTES, writer)))
    }

    /// Gives the file its name, once all was written and flushed; durable on return.
    pub(crate) fn keep(self) -> Result<(), DiskError> {
        let Self::File { path, temporary } = self else {
            return Ok(());
        };
        let file = temporary.as_file();
        file.sync_all().map_err(disk_error(Step::Flush, &path))?;
        temporary
            .persist(&path)
            .map_err(|failure| disk_error(Step::Rename, &path)(failure.error))?;
        durable::flush_folder(folder_of(&path))
    }
}

/// The error of a step on a path: made for `map_err`.
pub(crate) fn disk_error(step: Step, path: &Path) -> impl FnOnce(io::Error) -> DiskError {
    let path = path.to_path_buf();
    move |source| DiskError { step, path, source }
}

/// The name of the file of credits that goes with `path`.
pub(crate) fn credits_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".credits.txt");
    name.into()
}

fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn an_export_that_breaks_off_leaves_the_old_file_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("new/summaries.csv");
        let write = |text: &str| {
            let target = Target::open(Some(&path)).unwrap();
            let mut writer = target.writer().unwrap();
            writer.write_all(text.as_bytes()).unwrap();
            writer.flush().unwrap();
            target
        };
        write("one").keep().unwrap();
        drop(write("half"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        write("two").keep().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(names(path.parent().unwrap()), ["summaries.csv"]);
    }

    #[test]
    #[cfg(unix)]
    fn links_are_followed_and_devices_written_as_they_are() {
        let root = tempfile::tempdir().unwrap();
        let (real, link) = (root.path().join("real"), root.path().join("link"));
        File::create(&real).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        Target::open(Some(&link)).unwrap().keep().unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());

        let null = Target::open(Some(Path::new("/dev/null"))).unwrap();
        null.writer().unwrap().write_all(b"x").unwrap();
        null.keep().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn a_folder_is_refused_and_a_dash_is_standard_output() {
        let root = tempfile::tempdir().unwrap();
        let error = Target::open(Some(root.path())).err().unwrap().to_string();
        assert!(error.starts_with("cannot create `"), "{error}");
        assert!(matches!(
            Target::open(Some(Path::new("-"))),
            Ok(Target::Stdout)
        ));
        assert_eq!(
            credits_path(Path::new("a/b.csv")),
            Path::new("a/b.csv.credits.txt")
        );
    }
}
