//! Events in their table.

use std::ops::ControlFlow;

use jiff::Timestamp;
use rusqlite::{Connection, Statement, params};
use vigie_core::{
    event::{Event, EventKey},
    text::SourceId,
};

use super::{
    bucket::{identifier, source},
    connection::File,
    rows::{Document, RowError, json, to_json},
};
use crate::{
    error::StoreError,
    store::{EventQuery, Versioned, floor_ms},
};

fn name(key: &EventKey) -> String {
    format!("the event `{}` ({})", key.key, key.source)
}

impl Document for Event {
    type Key = EventKey;
    type Write = Event;

    const INSERT: &'static str = "INSERT INTO events \
        (source, key, version, observed_at, title, lon, lat, versions) \
        VALUES (?1, ?2, ?3 + 1, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING";
    const UPDATE: &'static str = "UPDATE events SET version = ?3 + 1, observed_at = ?4, title = ?5, \
        lon = ?6, lat = ?7, versions = ?8 WHERE source = ?1 AND key = ?2 AND version = ?3";

    fn load(
        connection: &Connection,
        keys: &[EventKey],
        each: &mut dyn FnMut(Versioned<Self>),
    ) -> Result<(), RowError> {
        let mut statement = connection.prepare_cached(
            "SELECT version, versions FROM events WHERE source = ?1 AND key = ?2",
        )?;
        for key in keys {
            let mut rows = statement.query(params![key.source.as_str(), key.key.as_str()])?;
            if let Some(row) = rows.next()? {
                let version: i64 = row.get("version")?;
                each(Versioned {
                    document: Event {
                        key: key.clone(),
                        versions: json(row, "versions", || name(key))?,
                    },
                    version: version.cast_unsigned(),
                });
            }
        }
        Ok(())
    }

    fn save(statement: &mut Statement<'_>, write: &Versioned<Event>) -> Result<usize, RowError> {
        let event = &write.document;
        let key = &event.key;
        let current = event
            .current()
            .ok_or_else(|| RowError::Refused(format!("{} has no version", name(key))))?;
        Ok(statement.execute(params![
            key.source.as_str(),
            key.key.as_str(),
            write.version.cast_signed(),
            floor_ms(current.observed_at),
            current.title,
            current.point.map(|point| point.lon),
            current.point.map(|point| point.lat),
            to_json(&event.versions)?,
        ])?)
    }

    fn key(write: &Event) -> EventKey {
        write.key.clone()
    }
}

/// The observed time of the newest event of a source.
pub(super) fn newest(
    connection: &Connection,
    file: &File,
    source: &SourceId,
) -> Result<Option<Timestamp>, StoreError> {
    let newest: Option<i64> = connection
        .query_row(
            "SELECT max(observed_at) FROM events WHERE source = ?1",
            [source.as_str()],
            |row| row.get(0),
        )
        .map_err(|error| file.error(error))?;
    newest
        .map(Timestamp::from_millisecond)
        .transpose()
        .map_err(|error| file.damaged(format!("an event of {source}"), error))
}

/// Reads events in the order of source, observed time and key.
pub(super) fn events(
    connection: &Connection,
    file: &File,
    query: &EventQuery,
    each: &mut dyn FnMut(Event) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let of_source = if query.source.is_some() {
        " AND source = ?3"
    } else {
        " AND ?3 IS NULL"
    };
    let sql = format!(
        "SELECT source, key, versions FROM events WHERE observed_at >= ?1 AND observed_at < ?2{of_source} \
         ORDER BY source, observed_at, key"
    );
    let observed = query.observed_ms();
    let mut work = || {
        let mut statement = connection.prepare_cached(&sql)?;
        let of_source = query.source.as_ref().map(SourceId::as_str);
        let mut rows = statement.query(params![observed.start, observed.end, of_source])?;
        while let Some(row) = rows.next()? {
            let key = EventKey {
                source: source(row)?,
                key: identifier(row, "key", "key")?,
            };
            let versions = json(row, "versions", || name(&key))?;
            let event = Event { key, versions };
            if query.holds(&event) && each(event).is_break() {
                break;
            }
        }
        Ok(())
    };
    work().map_err(|error: RowError| error.of(file))
}
