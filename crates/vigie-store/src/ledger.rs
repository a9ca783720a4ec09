//! The ledger of captures: one row per attempt to download, with what has become of its raw file.
//!
//! It is a local SQLite database, `data/ledger.db`, apart from the summary store, so that collecting goes on when
//! that is away. Several processes read and write it at once (write-ahead log, every commit flushed to the disk).
//!
//! Every change of a row gives it the next number of one sequence, so that a page can ask what changed since.
//! Times are kept to the millisecond.

mod error;
mod facts;
mod history;
mod look;
mod read;
mod requests;
mod rows;
mod schema;
mod write;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use vigie_core::{
    capture::{Capture, Outcome},
    cause::Cause,
    profile::Profile,
    text::SourceId,
};

use crate::{
    durable::{DiskError, Step},
    fault,
};

pub use self::{
    error::LedgerError,
    facts::{Newest, RowTotals},
    look::{DayTally, Place},
    requests::{RequestLimit, Reservation},
};

/// How long to wait for another program that writes.
const LOCK_TIMEOUT: Duration = Duration::from_secs(15);

/// The number of a row of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CaptureId(i64);

/// A row of the ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its number.
    pub id: CaptureId,
    /// The number of its last change, see [`Ledger::changes_since`].
    pub sequence: u64,
    /// The attempt.
    pub capture: Capture,
}

/// What remains of a raw file once its rows are in the store.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tombstone {
    /// Rows taken into the store.
    pub rows: u64,
    /// Rows refused, each for a reason.
    pub refused_rows: u64,
    /// The oldest and newest observed time among the rows taken.
    pub observed: Option<(Timestamp, Timestamp)>,
    /// The newest time of publication among the rows taken.
    pub published_at: Option<Timestamp>,
    /// The name of why rows were refused; `None` leaves what the capture says.
    pub cause: Option<Cause>,
    /// The same with its details.
    pub reason: Option<String>,
    /// What the body was like, if the next ones shall be compared with it.
    pub profile: Option<Profile>,
}

/// Which captures to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaptureQuery {
    /// Only those of this source.
    pub source: Option<SourceId>,
    /// Only those started at this time or later.
    pub from: Option<Timestamp>,
    /// Only those started before this time.
    pub to: Option<Timestamp>,
    /// Only those with one of these outcomes; empty for all.
    pub outcomes: Vec<Outcome>,
}

/// How many captures there are of each outcome for the slots of a period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// [`Outcome::Landed`].
    pub landed: u64,
    /// [`Outcome::Unchanged`].
    pub unchanged: u64,
    /// [`Outcome::Failed`].
    pub failed: u64,
    /// [`Outcome::Quarantined`].
    pub quarantined: u64,
    /// [`Outcome::Summarized`].
    pub summarized: u64,
    /// Different slots with an attempt that [`Outcome::is_good`].
    pub good_slots: u64,
}

/// What to send with a conditional request, and to tell an unchanged body by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validators {
    /// For `If-None-Match`.
    pub etag: Option<String>,
    /// For `If-Modified-Since`.
    pub last_modified: Option<String>,
    /// SHA-256 of the newest body that counts.
    pub sha256: Option<String>,
}

/// The sources of which a row changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// The number of the newest change: ask for changes since this one the next time.
    pub sequence: u64,
    /// The sources, each once, in order of name.
    pub sources: Vec<SourceId>,
}

/// An open ledger. One connection: share it behind a mutex, or open one for each thread.
#[derive(Debug)]
pub struct Ledger {
    connection: Connection,
    path: PathBuf,
}

impl Ledger {
    /// Opens a ledger. For writing, a missing one is made, with its folders; for reading only, a missing one is
    /// [`LedgerError::Absent`].
    pub fn open(path: &Path, read_only: bool) -> Result<Self, LedgerError> {
        Self::open_within(path, read_only, LOCK_TIMEOUT)
    }

    /// As [`Ledger::open`], waiting for another program that writes it no longer than `lock_timeout`, now and later.
    pub fn open_within(
        path: &Path,
        read_only: bool,
        lock_timeout: Duration,
    ) -> Result<Self, LedgerError> {
        let connection = schema::open(path, read_only, lock_timeout)?;
        Ok(Self {
            connection,
            path: path.to_path_buf(),
        })
    }

    /// Writes a copy of the ledger as it is at this instant to `path`, where nothing may be yet. Others go on writing.
    pub fn copy_to(&self, path: &Path) -> Result<(), LedgerError> {
        let target = path.to_string_lossy();
        self.connection
            .execute("VACUUM INTO ?1", [target.as_ref()])
            .map(drop)
            .map_err(self.failed("copy the captures"))
    }

    /// Reads every page: what a disk or a hand has damaged is an error, also where no question has met it yet.
    pub fn check(&self) -> Result<(), LedgerError> {
        const DOING: &str = "check its pages";
        let said: String = self
            .connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(self.failed(DOING))?;
        if said == "ok" {
            return Ok(());
        }
        let corrupt = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        Err(self.failed(DOING)(rusqlite::Error::SqliteFailure(
            corrupt,
            Some(said),
        )))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A transaction that writes: others wait until it ends.
    fn transaction(&mut self, doing: &'static str) -> Result<Transaction<'_>, LedgerError> {
        let path = &self.path;
        fault::disk(Step::Write, path).map_err(DiskError::at(Step::Write, path))?;
        self.connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| LedgerError::from_sqlite(path, doing, error))
    }

    /// The error of an action: made for `map_err`.
    fn failed(&self, doing: &'static str) -> impl Fn(rusqlite::Error) -> LedgerError + use<> {
        failed(&self.path, doing)
    }
}

/// As [`Ledger::failed`], where the ledger is borrowed by a transaction.
fn failed(path: &Path, doing: &'static str) -> impl Fn(rusqlite::Error) -> LedgerError + use<> {
    let path = path.to_path_buf();
    move |error| LedgerError::from_sqlite(&path, doing, error)
}

#[cfg(test)]
mod tests;
