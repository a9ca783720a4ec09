//! The schema of the file, and its versions.

use std::{collections::BTreeMap, thread::sleep, time::Duration};

use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use vigie_core::{bucket::Samples, text::MeasureId};

use super::{
    connection::File,
    rows::{RowError, json},
    state,
};
use crate::error::StoreError;

/// What brings a file from one version to the next.
type Step = fn(&Connection) -> Result<(), RowError>;
/// The step from each schema version to the next; the first one makes an empty file a store.
const STEPS: [Step; 2] = [first, samples_as_bytes];
/// The schema that this program reads and writes.
const KNOWN: u32 = STEPS.len() as u32;
/// `VIGI`, at bytes 68 to 71 of the file, by which `file` and SQLite know whose it is.
const APPLICATION_ID: u32 = 0x5649_4749;
/// How often the mode of the file is asked for while other processes do the same.
const MODE_TRIES: u32 = 100;

fn pragma(connection: &Connection, file: &File, name: &str) -> Result<u32, StoreError> {
    connection
        .pragma_query_value(None, name, |row| row.get(0))
        .map_err(|error| file.error(error))
}

/// The schema of the file at one instant: others may be making it a store right now.
fn found_at_once(connection: &Connection, file: &File) -> Result<u32, StoreError> {
    let instant = connection
        .unchecked_transaction()
        .map_err(|error| file.error(error))?;
    found(&instant, file)
}

/// The schema of the file; 0 is that of an empty one. Refuses what is not ours or newer than us. To be called within a
/// transaction.
fn found(connection: &Connection, file: &File) -> Result<u32, StoreError> {
    let store = file.name().to_owned();
    let schema = pragma(connection, file, "user_version")?;
    let owner = pragma(connection, file, "application_id")?;
    let tables: u32 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(|error| file.error(error))?;
    let empty = owner == 0 && schema == 0 && tables == 0;
    if owner != APPLICATION_ID && !empty {
        return Err(StoreError::Foreign { store });
    }
    if schema > KNOWN {
        return Err(StoreError::SchemaTooNew {
            store,
            found: schema,
            known: KNOWN,
        });
    }
    Ok(schema)
}

/// Checks that a file opened for reading has the schema that we read.
pub(super) fn check(connection: &Connection, file: &File) -> Result<(), StoreError> {
    match found_at_once(connection, file)? {
        KNOWN => Ok(()),
        // Emptied, or another program is just making it.
        0 => Err(StoreError::Absent {
            store: file.name().to_owned(),
        }),
        found => Err(StoreError::SchemaTooOld {
            store: file.name().to_owned(),
            found,
            known: KNOWN,
        }),
    }
}

/// Makes an empty file a store, and an older store one of today.
pub(super) fn bring_up_to_date(connection: &mut Connection, file: &File) -> Result<(), StoreError> {
    if found_at_once(connection, file)? < KNOWN {
        write_ahead(connection).map_err(|error| file.error(error))?;
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| file.error(error))?;
        // Another process may have done it while we waited.
        let from = found(&transaction, file)?;
        for step in &STEPS[from as usize..] {
            step(&transaction).map_err(|error| error.of(file))?;
        }
        let stamp = || {
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", KNOWN)
        };
        stamp().map_err(|error| file.error(error))?;
        transaction.commit().map_err(|error| file.error(error))?;
    }
    Ok(())
}

fn first(connection: &Connection) -> Result<(), RowError> {
    Ok(connection.execute_batch(include_str!("schema.sql"))?)
}

/// Samples become bytes, and the figures of an hour are written out when it is sealed and no more at each change.
fn samples_as_bytes(connection: &Connection) -> Result<(), RowError> {
    connection.execute_batch(include_str!("schema-2.sql"))?;
    let mut states = connection.prepare(
        "SELECT rowid, source, entity, hour, state FROM summaries_1 WHERE rowid > ?1 ORDER BY rowid LIMIT 1",
    )?;
    let mut insert = connection.prepare(
        "INSERT INTO summaries (source, hour, entity, hour_end, deadline, sealed, version, label, rhythm, measures, state)
         SELECT source, hour, entity, hour_end, deadline, sealed, version, label, NULL, measures, ?2
         FROM summaries_1 WHERE rowid = ?1",
    )?;
    let mut after = i64::MIN;
    loop {
        let mut rows = states.query([after])?;
        let Some(row) = rows.next()? else { break };
        after = row.get("rowid")?;
        let name = || -> String {
            let text = |column: &str| row.get::<_, String>(column).unwrap_or_default();
            format!("the bucket of `{}` ({})", text("entity"), text("source"))
        };
        let measures: BTreeMap<MeasureId, Samples> = json(row, "state", name)?;
        let measures = (measures.into_iter())
            .map(|(id, samples)| (id, samples.of_last_fetches()))
            .collect();
        let state =
            state::encode(&measures).map_err(|error| RowError::Refused(error.to_string()))?;
        insert.execute((after, state))?;
    }
    drop((states, insert));
    Ok(connection.execute_batch("DROP TABLE summaries_1")?)
}

/// Sets the write-ahead mode, which the file keeps. SQLite does not wait for others here.
pub(super) fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    for _ in 1..MODE_TRIES {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                sleep(Duration::from_millis(10));
            }
            done => return done,
        }
    }
    connection.pragma_update(None, "journal_mode", "WAL")
}
