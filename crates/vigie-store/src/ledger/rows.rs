//! Captures as rows of the table, and back.

use jiff::Timestamp;
use rusqlite::{Row, types::Type};
use vigie_core::{
    capture::{Capture, Outcome},
    cause::Cause,
    history::Stretch,
    text::SourceId,
};

use super::{CaptureId, Entry};

/// The columns that [`entry`] reads, in its order.
pub(super) const COLUMNS: &str = "id, sequence, source, slot_ms, started_at_ms, finished_at_ms, outcome, url, \
    http_status, bytes, sha256, file, rows, refused_rows, observed_from_ms, observed_to_ms, published_at_ms, reason, etag, \
    last_modified, not_before_ms, backoff_until_ms, cause, history_from_ms, history_to_ms";

/// Reads a row of [`COLUMNS`].
pub(super) fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let observed = match (maybe_time(row, 14)?, maybe_time(row, 15)?) {
        (Some(from), Some(to)) => Some((from, to)),
        _ => None,
    };
    let history = match (maybe_time(row, 23)?, maybe_time(row, 24)?) {
        (Some(from), Some(to)) => Stretch::new(from, to),
        _ => None,
    };
    Ok(Entry {
        id: CaptureId(row.get(0)?),
        sequence: number(row, 1)?,
        capture: Capture {
            source: source(row, 2)?,
            slot: time(row, 3)?,
            started_at: time(row, 4)?,
            finished_at: time(row, 5)?,
            outcome: outcome(row, 6)?,
            url: row.get(7)?,
            http_status: row.get(8)?,
            bytes: number(row, 9)?,
            sha256: row.get(10)?,
            file: row.get(11)?,
            rows: number(row, 12)?,
            refused_rows: number(row, 13)?,
            observed,
            published_at: maybe_time(row, 16)?,
            cause: cause(row, 22)?,
            reason: row.get(17)?,
            etag: row.get(18)?,
            last_modified: row.get(19)?,
            not_before: maybe_time(row, 20)?,
            backoff_until: maybe_time(row, 21)?,
            history,
        },
    })
}

/// What tells the attempts of a source apart: a body by its name (the same in the landing zone and in quarantine) and hash,
/// an attempt without body by its start.
pub(super) fn key(capture: &Capture) -> String {
    if let (Some(file), Some(sha256)) = (&capture.file, &capture.sha256) {
        return body_key(file, sha256);
    }
    let start = capture.started_at.as_millisecond();
    match capture.history {
        // A scheduled attempt may begin in the same second.
        Some(settled) => format!("@{start} {}", settled.from.as_millisecond()),
        None => format!("@{start}"),
    }
}

/// The key of a body.
pub(super) fn body_key(file: &str, sha256: &str) -> String {
    let name = file.rsplit('/').next().unwrap_or(file);
    format!("{name} {sha256}")
}

/// SQLite's integers are signed; no count comes near the limit.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn number(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(index)?;
    u64::try_from(number).map_err(|error| unreadable(index, Type::Integer, error))
}

pub(super) fn time(row: &Row<'_>, index: usize) -> rusqlite::Result<Timestamp> {
    let milliseconds = row.get(index)?;
    Timestamp::from_millisecond(milliseconds)
        .map_err(|error| unreadable(index, Type::Integer, error))
}

pub(super) fn maybe_time(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<Timestamp>> {
    match row.get::<_, Option<i64>>(index)? {
        Some(_) => time(row, index).map(Some),
        None => Ok(None),
    }
}

pub(super) fn source(row: &Row<'_>, index: usize) -> rusqlite::Result<SourceId> {
    let text: String = row.get(index)?;
    SourceId::new(text).map_err(|error| unreadable(index, Type::Text, error))
}

pub(super) fn outcome(row: &Row<'_>, index: usize) -> rusqlite::Result<Outcome> {
    let word: String = row.get(index)?;
    Outcome::parse(&word)
        .ok_or_else(|| unreadable(index, Type::Text, format!("no outcome is called `{word}`")))
}

fn cause(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<Cause>> {
    let Some(word) = row.get::<_, Option<String>>(index)? else {
        return Ok(None);
    };
    Cause::parse(&word)
        .map(Some)
        .ok_or_else(|| unreadable(index, Type::Text, format!("no cause is called `{word}`")))
}

fn unreadable(
    index: usize,
    kind: Type,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, kind, error.into())
}
