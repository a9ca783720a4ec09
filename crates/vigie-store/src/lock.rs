//! Locks between processes: one collect per source at a time, one summarise per source at a time.
//!
//! A lock is the operating system's lock on an open file, so it ends with the process that holds it, however
//! that ends. The file itself stays and means nothing; what is written in it only says who holds the lock.

use std::{
    fmt,
    fs::{File, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    durable::{self, DiskError, Step},
    fault,
};

/// A held lock; it is released when this is dropped and when the process ends.
#[derive(Debug)]
pub struct Lock {
    /// Open for as long as the lock is held.
    _file: File,
    name: String,
}

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The number of the process.
    pub pid: u32,
    /// Since when.
    pub since: Timestamp,
}

/// Why a lock was not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process (or another part of this one) holds it.
    #[error("another run holds the lock `{name}`{}; wait for it to end", HeldBy(.holder.as_ref()))]
    Held {
        /// The name of the lock.
        name: String,
        /// Who holds it, if that could be read.
        holder: Option<Holder>,
    },
    /// The name cannot be a file name.
    #[error("`{0}` cannot name a lock: take letters, digits, `.`, `-` and `_`")]
    Name(String),
    /// The lock file cannot be had.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

struct HeldBy<'a>(Option<&'a Holder>);

impl fmt::Display for HeldBy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(holder) => write!(f, " (process {} since {})", holder.pid, holder.since),
            None => Ok(()),
        }
    }
}

impl Lock {
    /// Takes the lock `<data>/locks/<name>.lock` or says at once who holds it. `now` is written in the file for
    /// those who come later. By custom the name is the step and the source: `collect.velib-disponibilite`.
    pub fn take(data: &Path, name: &str, now: Timestamp) -> Result<Self, LockError> {
        let path = lock_path(data, name)?;
        durable::create_folders(&data.join("locks"))?;
        let open = || {
            File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)
        };
        let mut file = fault::disk(Step::Create, &path)
            .and_then(|()| open())
            .map_err(DiskError::at(Step::Create, &path))?;
        fault::disk(Step::Lock, &path).map_err(DiskError::at(Step::Lock, &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held {
                    name: name.to_owned(),
                    holder: read_holder(&mut file),
                });
            }
            Err(TryLockError::Error(error)) => {
                return Err(DiskError::at(Step::Lock, &path)(error).into());
            }
        }
        let holder = Holder {
            pid: std::process::id(),
            since: now,
        };
        write_holder(&mut file, &path, &holder).map_err(DiskError::at(Step::Write, &path))?;
        Ok(Self {
            _file: file,
            name: name.to_owned(),
        })
    }

    /// The name it was taken by.
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn lock_path(data: &Path, name: &str) -> Result<PathBuf, LockError> {
    let fits = !name.is_empty()
        && name.len() <= 128
        && !name.starts_with('.')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    if fits {
        Ok(data.join("locks").join(format!("{name}.lock")))
    } else {
        Err(LockError::Name(name.to_owned()))
    }
}

fn write_holder(file: &mut File, path: &Path, holder: &Holder) -> std::io::Result<()> {
    let text = serde_json::to_vec(holder)?;
    file.set_len(0)?;
    file.rewind()?;
    fault::Disk::new(file, path).write_all(&text)
}

fn read_holder(file: &mut File) -> Option<Holder> {
    let mut text = Vec::new();
    file.take(1024).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn a_held_lock_says_who_holds_it_and_ends_with_its_holder() {
        let data = tempfile::tempdir().unwrap();
        let held = Lock::take(data.path(), "collect.velib", NOW).unwrap();
        assert_eq!(held.name(), "collect.velib");
        let error = Lock::take(data.path(), "collect.velib", NOW).unwrap_err();
        let text = error.to_string();
        let LockError::Held { holder, .. } = error else {
            panic!("{text}");
        };
        assert_eq!(holder.unwrap().pid, std::process::id());
        assert!(text.contains("`collect.velib` (process "), "{text}");
        Lock::take(data.path(), "summarize.velib", NOW).unwrap();
        drop(held);
        Lock::take(data.path(), "collect.velib", NOW).unwrap();
    }

    #[test]
    fn a_file_left_by_a_killed_process_is_harmless() {
        let data = tempfile::tempdir().unwrap();
        std::fs::create_dir(data.path().join("locks")).unwrap();
        let path = data.path().join("locks/collect.velib.lock");
        durable::write(
            &path,
            "{\"pid\": 1, \"since\": \"1999 and rubbish é".as_bytes(),
        )
        .unwrap();
        let held = Lock::take(data.path(), "collect.velib", NOW).unwrap();
        drop(held);
        let holder: Holder = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        assert_eq!(holder.since, NOW);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_lock_ends_with_its_process_however_that_ends() {
        let data = tempfile::tempdir().unwrap();
        drop(Lock::take(data.path(), "collect.velib", NOW).unwrap());
        let mut other = std::process::Command::new("flock")
            .arg("--no-fork")
            .arg(data.path().join("locks/collect.velib.lock"))
            .args(["sleep", "60"])
            .spawn()
            .expect("this test needs flock, of util-linux");
        while Lock::take(data.path(), "collect.velib", NOW).is_ok() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        other.kill().unwrap();
        other.wait().unwrap();
        Lock::take(data.path(), "collect.velib", NOW).unwrap();
    }

    #[test]
    fn a_name_cannot_leave_the_folder() {
        let data = tempfile::tempdir().unwrap();
        for name in ["", "../x", ".x", "a/b", "é", "a b"] {
            let error = Lock::take(data.path(), name, NOW).unwrap_err();
            assert!(matches!(error, LockError::Name(_)), "{name}");
        }
    }

    #[test]
    fn a_file_in_place_of_the_folder_is_an_error_with_a_remedy() {
        let data = tempfile::tempdir().unwrap();
        durable::write(&data.path().join("locks"), b"").unwrap();
        let error = Lock::take(data.path(), "a", NOW).unwrap_err();
        assert!(error.to_string().contains("move that file away"), "{error}");
    }
}
