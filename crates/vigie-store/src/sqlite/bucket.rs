//! Buckets in their table.

use std::{collections::BTreeMap, fmt::Write as _, ops::ControlFlow};

use jiff::{SignedDuration, Timestamp};
use rusqlite::{
    Connection, OptionalExtension as _, Row, RowIndex, Statement, params, types::ValueRef,
};
use vigie_core::{
    bucket::{Bucket, BucketKey, BucketSummary, Samples},
    text::{EntityId, MeasureId, SourceId},
};

use super::{
    connection::File,
    rows::{Document, RowError, json, to_json},
    state,
};
use crate::{
    error::StoreError,
    store::{BucketWrite, SummaryQuery, Versioned, ceiling_ms},
};

pub(super) fn name(key: &BucketKey) -> String {
    format!(
        "the bucket of `{}` ({}) at {}",
        key.entity, key.source, key.hour
    )
}

/// A column of time.
pub(super) fn time(row: &Row<'_>, column: &'static str) -> Result<Timestamp, RowError> {
    time_at(row, column, column)
}

/// As [`time`], of a column that is found by its place.
pub(super) fn time_at(
    row: &Row<'_>,
    place: impl RowIndex,
    column: &'static str,
) -> Result<Timestamp, RowError> {
    Timestamp::from_millisecond(row.get(place)?).map_err(|error| RowError::Column {
        row: "a row".to_owned(),
        column,
        cause: error.to_string(),
    })
}

/// A column with the name of a source.
pub(super) fn source(row: &Row<'_>) -> Result<SourceId, RowError> {
    let text = row.get_ref("source")?.as_str();
    SourceId::new(text.map_err(rusqlite::Error::from)?).map_err(|error| RowError::Column {
        row: "a row".to_owned(),
        column: "source",
        cause: error.to_string(),
    })
}

/// A column with a provider's identifier.
pub(super) fn identifier(
    row: &Row<'_>,
    place: impl RowIndex,
    column: &'static str,
) -> Result<EntityId, RowError> {
    let text = row.get_ref(place)?.as_str();
    EntityId::new(text.map_err(rusqlite::Error::from)?).ok_or_else(|| RowError::Column {
        row: "a row".to_owned(),
        column,
        cause: format!("expected 1 to {} bytes", EntityId::BYTES_MAX),
    })
}

pub(super) fn key(row: &Row<'_>) -> Result<BucketKey, RowError> {
    Ok(BucketKey {
        source: source(row)?,
        entity: identifier(row, "entity", "entity")?,
        hour: time(row, "hour")?,
    })
}

impl Document for Bucket {
    type Key = BucketKey;
    type Write = BucketWrite;

    const INSERT: &'static str = "INSERT INTO summaries \
        (source, entity, hour, version, hour_end, deadline, sealed, label, measures, state, rhythm) \
        VALUES (?1, ?2, ?3, ?4 + 1, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO NOTHING";
    const UPDATE: &'static str = "UPDATE summaries SET version = ?4 + 1, hour_end = ?5, deadline = ?6, \
        sealed = ?7, label = ?8, measures = ?9, state = ?10, rhythm = ?11 \
        WHERE source = ?1 AND entity = ?2 AND hour = ?3 AND version = ?4";

    fn load(
        connection: &Connection,
        keys: &[BucketKey],
        each: &mut dyn FnMut(Versioned<Self>),
    ) -> Result<(), RowError> {
        let mut rest = keys;
        while let Some(first) = rest.first() {
            let together = rest
                .iter()
                .take_while(|key| key.hour == first.hour && key.source == first.source)
                .count();
            let (hour, others) = rest.split_at(together);
            if together >= TOGETHER_MIN && hour.is_sorted_by(|a, b| a.entity < b.entity) {
                load_hour(connection, hour, each)?;
            } else {
                hour.iter()
                    .try_for_each(|key| load_one(connection, key, each))?;
            }
            rest = others;
        }
        Ok(())
    }

    fn save(
        statement: &mut Statement<'_>,
        write: &Versioned<BucketWrite>,
    ) -> Result<usize, RowError> {
        let bucket = write.document.bucket();
        let key = &bucket.key;
        // The figures of an hour that still changes are computed when they are read.
        let measures = if bucket.sealed {
            Some(to_json(&write.document.summary().measures)?)
        } else {
            None
        };
        let rhythm = write.document.rhythm();
        let state = state::encode(&bucket.measures);
        Ok(statement.execute(params![
            key.source.as_str(),
            key.entity.as_str(),
            key.hour.as_millisecond(),
            write.version.cast_signed(),
            bucket.end.as_millisecond(),
            bucket.deadline.as_millisecond(),
            bucket.sealed,
            to_json(&bucket.label)?,
            measures,
            state.map_err(|error| RowError::Refused(error.to_string()))?,
            rhythm.map(|rhythm| i64::try_from(rhythm.as_millis()).unwrap_or(i64::MAX)),
        ])?)
    }

    fn key(write: &BucketWrite) -> BucketKey {
        write.bucket().key.clone()
    }
}

/// From how many buckets of an hour on all of that hour are read in one go.
const TOGETHER_MIN: usize = 8;

/// What a bucket is read from.
const COLUMNS: &str = "version, hour_end, deadline, sealed, label, state";

fn bucket(row: &Row<'_>, key: BucketKey) -> Result<Versioned<Bucket>, RowError> {
    let version: i64 = row.get("version")?;
    Ok(Versioned {
        document: Bucket {
            end: time(row, "hour_end")?,
            deadline: time(row, "deadline")?,
            sealed: row.get("sealed")?,
            label: json(row, "label", || name(&key))?,
            measures: samples(row, &key)?,
            key,
        },
        version: version.cast_unsigned(),
    })
}

fn samples(row: &Row<'_>, key: &BucketKey) -> Result<BTreeMap<MeasureId, Samples>, RowError> {
    let state = row.get_ref("state")?.as_blob();
    state::decode(state.map_err(rusqlite::Error::from)?).map_err(|error| RowError::Column {
        row: name(key),
        column: "state",
        cause: error.to_string(),
    })
}

fn load_one(
    connection: &Connection,
    key: &BucketKey,
    each: &mut dyn FnMut(Versioned<Bucket>),
) -> Result<(), RowError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM summaries WHERE source = ?1 AND entity = ?2 AND hour = ?3"
    ))?;
    let mut rows = statement.query(params![
        key.source.as_str(),
        key.entity.as_str(),
        key.hour.as_millisecond()
    ])?;
    if let Some(row) = rows.next()? {
        each(bucket(row, key.clone())?);
    }
    Ok(())
}

/// Loads the buckets of keys of one hour whose entities ascend, from the first to the last of them.
fn load_hour(
    connection: &Connection,
    keys: &[BucketKey],
    each: &mut dyn FnMut(Versioned<Bucket>),
) -> Result<(), RowError> {
    let (Some(first), Some(last)) = (keys.first(), keys.last()) else {
        return Ok(());
    };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT entity, {COLUMNS} FROM summaries \
         WHERE source = ?1 AND hour = ?2 AND entity BETWEEN ?3 AND ?4 ORDER BY entity"
    ))?;
    let mut rows = statement.query(params![
        first.source.as_str(),
        first.hour.as_millisecond(),
        first.entity.as_str(),
        last.entity.as_str()
    ])?;
    let mut wanted = keys.iter().peekable();
    while let Some(row) = rows.next()? {
        let entity = row
            .get_ref("entity")?
            .as_str()
            .map_err(rusqlite::Error::from)?;
        while wanted.next_if(|key| key.entity.as_str() < entity).is_some() {}
        if let Some(key) = wanted.next_if(|key| key.entity.as_str() == entity) {
            each(bucket(row, key.clone())?);
        }
    }
    Ok(())
}

/// Reads whole buckets in the order of source, hour and entity.
pub(super) fn buckets(
    connection: &Connection,
    file: &File,
    query: &SummaryQuery,
    each: &mut dyn FnMut(Bucket) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let columns = format!("source, entity, hour, {COLUMNS}");
    let mut work = || {
        select(connection, &columns, query, &mut |row| {
            let key = key(row)?;
            Ok(each(bucket(row, key)?.document))
        })
    };
    work().map_err(|error: RowError| error.of(file))
}

/// Reads summaries in the order of source, hour and entity.
pub(super) fn summaries(
    connection: &Connection,
    file: &File,
    query: &SummaryQuery,
    each: &mut dyn FnMut(BucketSummary) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    // The samples are read only where no summary is written.
    const SELECTED: &str = "source, entity, hour, version, hour_end, deadline, sealed, label, rhythm, measures, \
        CASE WHEN measures IS NULL THEN state END AS state";
    let mut work = || {
        select(connection, SELECTED, query, &mut |row| {
            let key = key(row)?;
            let is_written = !matches!(row.get_ref("measures")?, ValueRef::Null);
            Ok(each(if is_written {
                BucketSummary {
                    end: time(row, "hour_end")?,
                    label: json(row, "label", || name(&key))?,
                    measures: json(row, "measures", || name(&key))?,
                    key,
                }
            } else {
                summarised(row, key)?
            }))
        })
    };
    work().map_err(|error: RowError| error.of(file))
}

/// The summary of a row whose summary is not written.
pub(super) fn summarised(row: &Row<'_>, key: BucketKey) -> Result<BucketSummary, RowError> {
    let rhythm: Option<i64> = row.get("rhythm")?;
    let bucket = bucket(row, key)?.document;
    Ok(bucket.summarise(rhythm.map(SignedDuration::from_millis)))
}

/// Selects columns of the buckets that are asked for, in the order of source, hour and entity.
pub(super) fn select(
    connection: &Connection,
    columns: &str,
    query: &SummaryQuery,
    each: &mut dyn FnMut(&Row<'_>) -> Result<ControlFlow<()>, RowError>,
) -> Result<(), RowError> {
    let mut sql = format!("SELECT {columns} FROM summaries WHERE hour >= ?1 AND hour < ?2");
    let hours = query.hours_ms();
    let mut values: Vec<&dyn rusqlite::ToSql> = vec![&hours.start, &hours.end];
    let source = query.source.as_ref().map(SourceId::as_str);
    let entity = query.entity.as_ref().map(EntityId::as_str);
    if source.is_some() {
        values.push(&source);
        // Writing to a string cannot fail.
        let _ = write!(sql, " AND source = ?{}", values.len());
    }
    if entity.is_some() {
        values.push(&entity);
        let _ = write!(sql, " AND entity = ?{}", values.len());
    }
    sql.push_str(" ORDER BY source, hour, entity");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(values.as_slice())?;
    while let Some(row) = rows.next()? {
        if each(row)?.is_break() {
            break;
        }
    }
    Ok(())
}

/// The start of the newest hour of a source before `before`.
pub(super) fn newest_hour(
    connection: &Connection,
    file: &File,
    source: &SourceId,
    before: Option<Timestamp>,
) -> Result<Option<Timestamp>, StoreError> {
    let before = before.map_or(i64::MAX, ceiling_ms);
    let hour: Option<i64> = connection
        .query_row(
            "SELECT hour FROM summaries WHERE source = ?1 AND hour < ?2 ORDER BY hour DESC LIMIT 1",
            params![source.as_str(), before],
            |row| row.get(0),
        )
        .optional()
        .map_err(|error| file.error(error))?;
    hour.map(Timestamp::from_millisecond)
        .transpose()
        .map_err(|error| file.damaged(format!("an hour of {source}"), error))
}

/// The keys of buckets to be sealed.
pub(super) fn unsealed(
    connection: &Connection,
    file: &File,
    source: &SourceId,
    deadline_before: Timestamp,
    most: usize,
) -> Result<Vec<BucketKey>, StoreError> {
    let work = || {
        let mut statement = connection.prepare_cached(
            "SELECT source, entity, hour FROM summaries \
             WHERE source = ?1 AND sealed = 0 AND deadline < ?2 ORDER BY deadline LIMIT ?3",
        )?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let mut rows =
            statement.query(params![source.as_str(), ceiling_ms(deadline_before), most])?;
        let mut keys = Vec::new();
        while let Some(row) = rows.next()? {
            keys.push(key(row)?);
        }
        Ok(keys)
    };
    work().map_err(|error: RowError| error.of(file))
}
