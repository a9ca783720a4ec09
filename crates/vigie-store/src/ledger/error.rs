//! Why the ledger refused.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::durable::DiskError;

/// Why the ledger did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// There is none, and it was opened for reading only.
    #[error("there is no ledger at `{}` yet: run `vigie collect` first", .path.display())]
    Absent {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Its folder cannot be made.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A newer program wrote it.
    #[error("the ledger `{}` has version {found}, and this program knows {known} at most: update vigie", .path.display())]
    Newer {
        /// The ledger.
        path: PathBuf,
        /// The version in the file.
        found: i64,
        /// The newest version known.
        known: i64,
    },
    /// An older program wrote it, and it was opened for reading only.
    #[error(
        "the ledger `{}` has version {found}, and this program writes {known}: run `vigie status` once, which brings it up",
        .path.display()
    )]
    Older {
        /// The ledger.
        path: PathBuf,
        /// The version in the file.
        found: i64,
        /// The version of this program.
        known: i64,
    },
    /// A file of another kind stands there.
    #[error("`{}` is not a ledger of vigie: move that file away, a new ledger is then made", .path.display())]
    NotALedger {
        /// The file.
        path: PathBuf,
    },
    /// Damaged by the disk or by hand.
    #[error(
        "the ledger `{}` is damaged (cannot {doing}): restore it from a backup, or move it away with its -wal and -shm files; \
         raw files are then taken up again from their manifests",
        .path.display()
    )]
    Damaged {
        /// The ledger.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// Another process holds it for too long.
    #[error("cannot {doing}: another process holds the ledger `{}`; try again when it has ended", .path.display())]
    Busy {
        /// The ledger.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The disk is full.
    #[error("cannot {doing} in the ledger `{}`: the disk is full; free some space and run the command again, nothing is lost", .path.display())]
    Full {
        /// The ledger.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// This user may not write there.
    #[error("cannot {doing}: the ledger `{}` may not be opened or written by this user; give it the data folder (chown) or run as the folder's owner", .path.display())]
    Forbidden {
        /// The ledger.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// Anything else.
    #[error("cannot {doing} in the ledger `{}`", .path.display())]
    Sqlite {
        /// The ledger.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

impl LedgerError {
    /// Sorts an error of SQLite by what a person can do about it.
    pub(super) fn from_sqlite(path: &Path, doing: &'static str, source: rusqlite::Error) -> Self {
        let path = path.to_path_buf();
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy {
                path,
                doing,
                source,
            },
            Some(ErrorCode::DiskFull) => Self::Full {
                path,
                doing,
                source,
            },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                Self::Forbidden {
                    path,
                    doing,
                    source,
                }
            }
            Some(ErrorCode::NotADatabase) => Self::NotALedger { path },
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged {
                path,
                doing,
                source,
            },
            _ if matches!(source, rusqlite::Error::FromSqlConversionFailure(..)) => Self::Damaged {
                path,
                doing,
                source,
            },
            _ => Self::Sqlite {
                path,
                doing,
                source,
            },
        }
    }
}
