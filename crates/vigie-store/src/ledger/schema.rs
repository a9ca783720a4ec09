//! The ledger's tables, and opening the file.

use std::{path::Path, thread, time::Duration};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::LedgerError;
use crate::durable;

/// The version of the tables below.
const VERSION: i64 = 1;

/// Marks the file as a ledger of this program: "vgLG".
const APPLICATION: i64 = 0x7667_4c47;

/// `key` tells the attempts of a source apart: for a body its file name and hash, else the time of start.
const TABLES: &str = "
CREATE TABLE captures (
    id INTEGER PRIMARY KEY,
    sequence INTEGER NOT NULL,
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    slot_ms INTEGER NOT NULL,
    started_at_ms INTEGER NOT NULL,
    finished_at_ms INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    url TEXT NOT NULL,
    http_status INTEGER,
    bytes INTEGER NOT NULL,
    sha256 TEXT,
    file TEXT,
    rows INTEGER NOT NULL,
    refused_rows INTEGER NOT NULL,
    observed_from_ms INTEGER,
    observed_to_ms INTEGER,
    published_at_ms INTEGER,
    reason TEXT,
    etag TEXT,
    last_modified TEXT,
    not_before_ms INTEGER,
    backoff_until_ms INTEGER,
    readable INTEGER NOT NULL,
    UNIQUE (source, key)
) STRICT;
CREATE UNIQUE INDEX captures_sequence ON captures (sequence, source);
CREATE INDEX captures_started ON captures (started_at_ms, source);
CREATE INDEX captures_source_started ON captures (source, started_at_ms);
CREATE INDEX captures_slot ON captures (source, slot_ms, outcome);
CREATE INDEX captures_good ON captures (source, started_at_ms) WHERE outcome IN ('landed', 'summarized');
CREATE INDEX captures_answered ON captures (source, started_at_ms)
    WHERE outcome IN ('landed', 'unchanged', 'summarized');
CREATE INDEX captures_waiting ON captures (source, started_at_ms) WHERE outcome = 'landed';
CREATE INDEX captures_readable ON captures (source, started_at_ms) WHERE readable = 1;
CREATE INDEX captures_observed ON captures (source, observed_to_ms) WHERE outcome = 'summarized';
CREATE INDEX captures_problems ON captures (started_at_ms)
    WHERE outcome IN ('failed', 'quarantined') OR refused_rows > 0;

CREATE TABLE requests (
    host TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    keep_until_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX requests_host ON requests (host, at_ms);

CREATE TABLE archives (
    file TEXT PRIMARY KEY,
    bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE settings (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
";

pub(super) fn open(
    path: &Path,
    read_only: bool,
    lock_timeout: Duration,
) -> Result<Connection, LedgerError> {
    let failed = |error| LedgerError::from_sqlite(path, "open", error);
    let flags = if read_only {
        if !path.exists() {
            return Err(LedgerError::Absent {
                path: path.to_path_buf(),
            });
        }
        OpenFlags::SQLITE_OPEN_READ_ONLY
    } else {
        if let Some(folder) = path.parent() {
            durable::create_folders(folder)?;
        }
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
    };
    let mut connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(failed)?;
    connection.busy_timeout(lock_timeout).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(64);
    // In one transaction: another process may be making the tables right now.
    let transaction = connection.unchecked_transaction().map_err(failed)?;
    let known = check(&transaction, path)?;
    transaction.finish().map_err(failed)?;
    if read_only {
        return if known {
            Ok(connection)
        } else {
            Err(LedgerError::Absent {
                path: path.to_path_buf(),
            })
        };
    }
    write_ahead(&connection).map_err(failed)?;
    connection
        .pragma_update(None, "synchronous", "FULL")
        .map_err(failed)?;
    if !known {
        create(&mut connection, path)?;
    }
    Ok(connection)
}

/// Whether the file is a ledger already; `false` for an empty file.
fn check(connection: &Connection, path: &Path) -> Result<bool, LedgerError> {
    let failed = |error| LedgerError::from_sqlite(path, "open", error);
    let number = |pragma: &str| -> rusqlite::Result<i64> {
        connection.pragma_query_value(None, pragma, |row| row.get(0))
    };
    let application = number("application_id").map_err(failed)?;
    let found = number("user_version").map_err(failed)?;
    if application == APPLICATION {
        if found > VERSION {
            return Err(LedgerError::Newer {
                path: path.to_path_buf(),
                found,
                known: VERSION,
            });
        }
        return Ok(true);
    }
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))
        .map_err(failed)?;
    if application != 0 || found != 0 || tables != 0 {
        return Err(LedgerError::NotALedger {
            path: path.to_path_buf(),
        });
    }
    Ok(false)
}

/// Switches to the write-ahead log. SQLite does not wait here when several processes open a new file at once.
fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let mut attempts = 0;
    loop {
        match connection
            .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0))
        {
            Ok(_) => return Ok(()),
            Err(error)
                if attempts < 100 && error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) =>
            {
                attempts += 1;
                thread::sleep(Duration::from_millis(20));
            }
            Err(error) => return Err(error),
        }
    }
}

fn create(connection: &mut Connection, path: &Path) -> Result<(), LedgerError> {
    let failed = |error| LedgerError::from_sqlite(path, "create the tables", error);
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    // Another process may have been faster.
    if !check(&transaction, path)? {
        transaction.execute_batch(TABLES).map_err(failed)?;
        transaction
            .pragma_update(None, "application_id", APPLICATION)
            .map_err(failed)?;
        transaction
            .pragma_update(None, "user_version", VERSION)
            .map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}
