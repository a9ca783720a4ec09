//! The file of a store, and connections to it.

use std::path::PathBuf;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::{
    durable,
    error::{Cause, StoreError},
    open::Options,
};

/// The size to which the write-ahead file is cut back once its content is in the main file.
const JOURNAL_BYTES_MAX: i64 = 64 * 1024 * 1024;
/// What a connection for reading keeps of the file, in kB: the ways to what is read. There are several of them, and the system
/// keeps the pages themselves.
const READER_CACHE_KB: i64 = 1000;
/// Prepared statements that a connection keeps.
const STATEMENTS_MAX: usize = 32;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Reading only.
    Read,
    /// Reading and writing.
    Write,
}

/// The file of a store.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    name: String,
    options: Options,
}

impl File {
    pub(super) fn new(path: PathBuf, options: Options) -> Self {
        let name = format!("sqlite:{}", path.display());
        Self {
            path,
            name,
            options,
        }
    }

    /// Its address.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The bytes of the file and of its write-ahead file.
    pub(super) fn bytes(&self) -> u64 {
        let mut journal = self.path.clone().into_os_string();
        journal.push("-wal");
        [self.path.clone(), journal.into()]
            .iter()
            .filter_map(|path| std::fs::metadata(path).ok())
            .map(|metadata| metadata.len())
            .sum()
    }

    /// Opens a connection; for writing, makes the file and its folder where they are missing.
    pub(super) fn connect(&self, access: Access) -> Result<Connection, StoreError> {
        let threads = OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let flags = match access {
            Access::Read if !self.path.exists() => {
                return Err(StoreError::Absent {
                    store: self.name.clone(),
                });
            }
            Access::Read => threads | OpenFlags::SQLITE_OPEN_READ_ONLY,
            Access::Write => {
                if let Some(folder) = self.path.parent() {
                    durable::create_folders(folder).map_err(|error| self.unavailable(error))?;
                }
                threads | OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
            }
        };
        let connection =
            Connection::open_with_flags(&self.path, flags).map_err(|error| self.error(error))?;
        configure(&connection, access, self.options).map_err(|error| self.error(error))?;
        Ok(connection)
    }

    fn unavailable(&self, cause: impl std::fmt::Display) -> StoreError {
        StoreError::Unavailable {
            store: self.name.clone(),
            remedy: "check that its folder exists and belongs to this user",
            cause: Cause::new(cause),
        }
    }

    /// What an error of the library means.
    pub(super) fn error(&self, error: rusqlite::Error) -> StoreError {
        let store = self.name.clone();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Locked {
                store,
                waited: self.options.lock_timeout,
            },
            Some(ErrorCode::NotADatabase) => StoreError::Foreign { store },
            Some(ErrorCode::DatabaseCorrupt) => StoreError::Corrupt {
                store,
                what: "a page of the file".to_owned(),
                cause: Cause::new(error),
            },
            Some(ErrorCode::DiskFull) => StoreError::Full { store },
            Some(ErrorCode::ReadOnly) => StoreError::ReadOnly { store },
            Some(
                ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::SystemIoFailure,
            ) => self.unavailable(error),
            _ => StoreError::Refused {
                store,
                cause: Cause::new(error),
            },
        }
    }

    /// A stored document that cannot be understood.
    pub(super) fn damaged(&self, what: String, cause: impl std::fmt::Display) -> StoreError {
        StoreError::Corrupt {
            store: self.name.clone(),
            what,
            cause: Cause::new(cause),
        }
    }
}

fn configure(connection: &Connection, access: Access, options: Options) -> rusqlite::Result<()> {
    connection.busy_timeout(options.lock_timeout)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    if access == Access::Read {
        // SQLite counts pages, and kilobytes as less than none.
        connection.pragma_update(None, "cache_size", -READER_CACHE_KB)?;
    } else {
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "journal_size_limit", JOURNAL_BYTES_MAX)?;
        crate::fault::limit_pages(connection, "VIGIE_STORE_PAGES")?;
        if let Some(bytes_max) = options.bytes_max {
            let page_bytes: u32 =
                connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
            let pages_max = bytes_max / u64::from(page_bytes.max(1));
            let pages_max = i64::try_from(pages_max).unwrap_or(i64::MAX);
            connection.pragma_update(None, "max_page_count", pages_max)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[test]
    fn what_sqlite_says_is_told_apart() {
        let file = File::new(PathBuf::from("/srv/vigie.db"), Options::default());
        let said = |code| {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            file.error(error).to_string()
        };
        let expected = [
            (ffi::SQLITE_BUSY, "stayed locked by another program for 15s"),
            (
                ffi::SQLITE_FULL,
                "no space is left for the store sqlite:/srv/vigie.db",
            ),
            (ffi::SQLITE_CORRUPT, "is damaged: a page of the file"),
            (ffi::SQLITE_NOTADB, "is not a store of Vigie"),
            (ffi::SQLITE_READONLY, "is read-only"),
            (ffi::SQLITE_CANTOPEN, "is not available"),
            (ffi::SQLITE_IOERR_FSYNC, "is not available"),
            (ffi::SQLITE_TOOBIG, "refused a request"),
        ];
        for (code, words) in expected {
            assert!(said(code).contains(words), "{code}: {}", said(code));
        }
    }

    #[test]
    fn a_commit_is_on_the_disk_before_it_counts() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::new(folder.path().join("new/vigie.db"), Options::default());
        let writer = file.connect(Access::Write).unwrap();
        let mode: i64 = writer
            .pragma_query_value(None, "synchronous", |row| row.get(0))
            .unwrap();
        assert_eq!(mode, 2, "2 is FULL");
    }
}
