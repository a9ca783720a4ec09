//! The ledger's tables, and opening the file.

use std::{path::Path, thread, time::Duration};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::LedgerError;
use crate::{durable, fault};

/// The version of the tables: the first, and one for each migration.
#[expect(clippy::cast_possible_wrap, reason = "there are a handful")]
const VERSION: i64 = 1 + MIGRATIONS.len() as i64;

/// Marks the file as a ledger of this program: "vgLG".
const APPLICATION: i64 = 0x7667_4c47;

/// The tables of version 1. They are never edited: what comes later is a migration, so that new and old ledgers are made alike.
///
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

/// From each version to the next.
const MIGRATIONS: [&str; 3] = [
    // Version 2: named causes; what the last bodies of a source were like, and which entities it has.
    "
ALTER TABLE captures ADD COLUMN cause TEXT;
CREATE TABLE profiles (
    capture INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    started_at_ms INTEGER NOT NULL,
    profile BLOB NOT NULL
) STRICT;
CREATE INDEX profiles_source ON profiles (source, started_at_ms);
CREATE TABLE entities (
    source TEXT PRIMARY KEY,
    known BLOB NOT NULL
) STRICT, WITHOUT ROWID;
",
    // Version 3: what a backfill settles. Such captures are for no slot.
    "
ALTER TABLE captures ADD COLUMN history_from_ms INTEGER;
ALTER TABLE captures ADD COLUMN history_to_ms INTEGER;
DROP INDEX captures_slot;
CREATE INDEX captures_slot ON captures (source, slot_ms, outcome, history_from_ms);
CREATE INDEX captures_history ON captures (source, history_from_ms) WHERE history_from_ms IS NOT NULL;
",
    // Version 4: the newest content is found at once, however many captures there are.
    "
CREATE INDEX captures_published ON captures (source, published_at_ms) WHERE outcome = 'summarized';
",
];

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// Empty.
    Nothing,
    /// A ledger of a version that this program knows.
    Ledger { version: i64 },
}

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
    let found = check(&transaction, path)?;
    transaction.finish().map_err(failed)?;
    if read_only {
        let path = path.to_path_buf();
        return match found {
            Found::Ledger { version: VERSION } => Ok(connection),
            Found::Ledger { version } => Err(LedgerError::Older {
                path,
                found: version,
                known: VERSION,
            }),
            Found::Nothing => Err(LedgerError::Absent { path }),
        };
    }
    write_ahead(&connection).map_err(failed)?;
    connection
        .pragma_update(None, "synchronous", "FULL")
        .map_err(failed)?;
    if found != (Found::Ledger { version: VERSION }) {
        bring_up(&mut connection, path)?;
    }
    fault::limit_pages(&connection, "VIGIE_LEDGER_PAGES").map_err(failed)?;
    Ok(connection)
}

/// What the file is; an error if it is nothing of ours.
fn check(connection: &Connection, path: &Path) -> Result<Found, LedgerError> {
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
        return Ok(Found::Ledger { version: found });
    }
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))
        .map_err(failed)?;
    if application != 0 || found != 0 || tables != 0 {
        return Err(LedgerError::NotALedger {
            path: path.to_path_buf(),
        });
    }
    Ok(Found::Nothing)
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

/// Makes the tables, or brings those of an older version up to this one; all or nothing.
fn bring_up(connection: &mut Connection, path: &Path) -> Result<(), LedgerError> {
    let failed = |error| LedgerError::from_sqlite(path, "create or migrate the tables", error);
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    // Another process may have been faster.
    let version = match check(&transaction, path)? {
        Found::Ledger { version } => version,
        Found::Nothing => {
            transaction.execute_batch(TABLES).map_err(failed)?;
            transaction
                .pragma_update(None, "application_id", APPLICATION)
                .map_err(failed)?;
            1
        }
    };
    let done = usize::try_from(version - 1).unwrap_or(0);
    for migration in MIGRATIONS.iter().skip(done) {
        transaction.execute_batch(migration).map_err(failed)?;
    }
    transaction
        .pragma_update(None, "user_version", VERSION)
        .map_err(failed)?;
    transaction.commit().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{CaptureQuery, Ledger};

    #[test]
    fn a_ledger_of_version_1_is_migrated_and_keeps_what_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        let old = Connection::open(&path).unwrap();
        old.execute_batch(TABLES).unwrap();
        old.pragma_update(None, "application_id", APPLICATION)
            .unwrap();
        old.pragma_update(None, "user_version", 1).unwrap();
        old.execute_batch(
            "INSERT INTO captures (sequence, source, key, slot_ms, started_at_ms, finished_at_ms, outcome, url, bytes, rows,
                refused_rows, reason, readable)
             VALUES (7, 'velib', '@0', 0, 0, 1, 'failed', 'https://example.org', 0, 0, 0, 'HTTP status 503', 0)",
        )
        .unwrap();
        drop(old);
        let error = Ledger::open(&path, true).unwrap_err();
        assert!(
            matches!(error, LedgerError::Older { found: 1, .. }),
            "{error}"
        );
        let mut captures = Vec::new();
        let mut ledger = Ledger::open(&path, false).unwrap();
        ledger
            .captures(&CaptureQuery::default(), |entry| {
                captures.push(entry);
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(captures.len(), 1);
        assert_eq!((captures[0].sequence, captures[0].capture.cause), (7, None));
        assert_eq!(
            captures[0].capture.reason.as_deref(),
            Some("HTTP status 503")
        );
        // What is new works, and another opening finds nothing to do.
        ledger
            .set_entities(&captures[0].capture.source, &[1])
            .unwrap();
        drop(ledger);
        let ledger = Ledger::open(&path, true).unwrap();
        assert_eq!(ledger.entities(&captures[0].capture.source).unwrap(), [1]);
    }
}
