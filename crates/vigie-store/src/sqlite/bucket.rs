//! Buckets in their table.

use std::{collections::BTreeMap, fmt::Write as _, ops::ControlFlow};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, Statement, params};
use vigie_core::{
    bucket::{Bucket, BucketKey, BucketSummary, Label},
    text::{EntityId, SourceId},
};

use super::{
    connection::File,
    rows::{Document, RowError, json, to_json},
};
use crate::{
    error::StoreError,
    store::{BucketWrite, SummaryQuery, Versioned, ceiling_ms},
};

fn name(key: &BucketKey) -> String {
    format!(
        "the bucket of `{}` ({}) at {}",
        key.entity, key.source, key.hour
    )
}

/// A column of time.
pub(super) fn time(row: &Row<'_>, column: &'static str) -> Result<Timestamp, RowError> {
    Timestamp::from_millisecond(row.get(column)?).map_err(|error| RowError::Column {
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
pub(super) fn identifier(row: &Row<'_>, column: &'static str) -> Result<EntityId, RowError> {
    let text = row.get_ref(column)?.as_str();
    EntityId::new(text.map_err(rusqlite::Error::from)?).ok_or_else(|| RowError::Column {
        row: "a row".to_owned(),
        column,
        cause: format!("expected 1 to {} bytes", EntityId::BYTES_MAX),
    })
}

fn key(row: &Row<'_>) -> Result<BucketKey, RowError> {
    Ok(BucketKey {
        source: source(row)?,
        entity: identifier(row, "entity")?,
        hour: time(row, "hour")?,
    })
}

impl Document for Bucket {
    type Key = BucketKey;
    type Write = BucketWrite;

    const SELECT: &'static str = "SELECT version, hour_end, deadline, sealed, label, state FROM summaries \
        WHERE source = ?1 AND entity = ?2 AND hour = ?3";
    const INSERT: &'static str = "INSERT INTO summaries \
        (source, entity, hour, version, hour_end, deadline, sealed, label, measures, state) \
        VALUES (?1, ?2, ?3, ?4 + 1, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING";
    const UPDATE: &'static str = "UPDATE summaries SET version = ?4 + 1, hour_end = ?5, deadline = ?6, \
        sealed = ?7, label = ?8, measures = ?9, state = ?10 \
        WHERE source = ?1 AND entity = ?2 AND hour = ?3 AND version = ?4";

    fn load(
        statement: &mut Statement<'_>,
        key: &BucketKey,
    ) -> Result<Option<Versioned<Self>>, RowError> {
        let mut rows = statement.query(params![
            key.source.as_str(),
            key.entity.as_str(),
            key.hour.as_millisecond()
        ])?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        let bucket = Bucket {
            key: key.clone(),
            end: time(row, "hour_end")?,
            deadline: time(row, "deadline")?,
            sealed: row.get("sealed")?,
            label: json(row, "label", || name(key))?,
            measures: json(row, "state", || name(key))?,
        };
        let version: i64 = row.get("version")?;
        Ok(Some(Versioned {
            document: bucket,
            version: version.cast_unsigned(),
        }))
    }

    fn save(
        statement: &mut Statement<'_>,
        write: &Versioned<BucketWrite>,
    ) -> Result<usize, RowError> {
        let (bucket, summary) = (write.document.bucket(), write.document.summary());
        let key = &bucket.key;
        Ok(statement.execute(params![
            key.source.as_str(),
            key.entity.as_str(),
            key.hour.as_millisecond(),
            write.version.cast_signed(),
            bucket.end.as_millisecond(),
            bucket.deadline.as_millisecond(),
            bucket.sealed,
            to_json(&bucket.label)?,
            to_json(&summary.measures)?,
            to_json(&bucket.measures)?,
        ])?)
    }

    fn key(write: &BucketWrite) -> BucketKey {
        write.bucket().key.clone()
    }
}

/// Reads summaries in the order of source, hour and entity.
pub(super) fn summaries(
    connection: &Connection,
    file: &File,
    query: &SummaryQuery,
    each: &mut dyn FnMut(BucketSummary) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let mut sql = "SELECT source, entity, hour, hour_end, label, measures FROM summaries \
        WHERE hour >= ?1 AND hour < ?2"
        .to_owned();
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
    let mut work = || {
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query(values.as_slice())?;
        while let Some(row) = rows.next()? {
            let key = key(row)?;
            let label: Label = json(row, "label", || name(&key))?;
            let measures: BTreeMap<_, _> = json(row, "measures", || name(&key))?;
            let summary = BucketSummary {
                end: time(row, "hour_end")?,
                key,
                label,
                measures,
            };
            if each(summary).is_break() {
                break;
            }
        }
        Ok(())
    };
    work().map_err(|error: RowError| error.of(file))
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
