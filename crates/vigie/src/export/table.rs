//! The tables that other programs read: their columns, and the cells of a row.
//!
//! The names of the columns and their order are a contract; so is what a missing figure is: null, never zero.

use std::{borrow::Cow, collections::BTreeMap};

use jiff::{Timestamp, tz::Offset};
use serde::{Serialize, Serializer};
use vigie_core::{capture::Capture, event::Event, measure::Kind, stats::Figures, text::MeasureId};

/// What the cells of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    /// Text, in UTF-8.
    Text,
    /// A whole number of 64 bits.
    Integer,
    /// A number of double precision.
    Real,
    /// An instant.
    Time,
    /// A JSON object.
    Json,
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its name.
    pub(crate) name: &'static str,
    /// What its cells are.
    pub(crate) holds: Type,
    /// Whether cells may be null.
    pub(crate) nullable: bool,
}

/// A column whose cells are never null.
pub(crate) const fn always(name: &'static str, holds: Type) -> Column {
    Column {
        name,
        holds,
        nullable: false,
    }
}

/// A column whose cells may be null.
pub(crate) const fn sometimes(name: &'static str, holds: Type) -> Column {
    Column {
        name,
        holds,
        nullable: true,
    }
}

/// `export summaries`: a measure of an entity during a local hour.
pub(crate) const SUMMARIES: [Column; 16] = [
    always("source", Type::Text),
    always("entity", Type::Text),
    always("measure", Type::Text),
    always("unit", Type::Text),
    always("kind", Type::Text),
    always("hour", Type::Time),
    always("count", Type::Integer),
    sometimes("min", Type::Real),
    sometimes("max", Type::Real),
    sometimes("mean", Type::Real),
    sometimes("sum", Type::Real),
    sometimes("first", Type::Real),
    sometimes("last", Type::Real),
    sometimes("p50", Type::Real),
    sometimes("p95", Type::Real),
    sometimes("coverage", Type::Real),
];

/// `export events`: the version of an event that counts.
pub(crate) const EVENTS: [Column; 11] = [
    always("source", Type::Text),
    always("key", Type::Text),
    always("revision", Type::Integer),
    always("observed_at", Type::Time),
    sometimes("published_at", Type::Time),
    always("fetched_at", Type::Time),
    sometimes("lon", Type::Real),
    sometimes("lat", Type::Real),
    sometimes("place", Type::Text),
    sometimes("title", Type::Text),
    always("measures", Type::Json),
];

/// `export captures`: an attempt to download a source.
pub(crate) const CAPTURES: [Column; 12] = [
    always("source", Type::Text),
    always("slot", Type::Time),
    always("started_at", Type::Time),
    always("outcome", Type::Text),
    sometimes("http_status", Type::Integer),
    always("bytes", Type::Integer),
    sometimes("sha256", Type::Text),
    sometimes("file", Type::Text),
    always("rows", Type::Integer),
    always("refused_rows", Type::Integer),
    sometimes("cause", Type::Text),
    sometimes("reason", Type::Text),
];

/// The last column of what was known at a time, so that tables of several times can be put together.
pub(crate) const KNOWN_AT: Column = always("known_at", Type::Time);

/// A cell.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell<'a> {
    /// Nothing is known.
    Null,
    /// Text.
    Text(Cow<'a, str>),
    /// A whole number.
    Integer(i64),
    /// A finite number.
    Real(f64),
    /// An instant, and the offset with which people read it.
    Time(Timestamp, Offset),
    /// Values by measure.
    Measures(&'a BTreeMap<MeasureId, f64>),
}

impl<'a> Cell<'a> {
    /// A text.
    pub(crate) fn text(text: &'a str) -> Self {
        Cell::Text(Cow::Borrowed(text))
    }

    /// A text, where there is one.
    pub(crate) fn maybe_text(text: Option<&'a String>) -> Self {
        text.map_or(Cell::Null, |text| Cell::text(text))
    }

    /// A count.
    pub(crate) fn integer(number: u64) -> Self {
        Cell::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }

    /// A number, where there is one.
    pub(crate) fn real(number: Option<f64>) -> Self {
        number
            .filter(|number| number.is_finite())
            .map_or(Cell::Null, Cell::Real)
    }

    /// An instant, read in UTC.
    pub(crate) fn utc(at: Timestamp) -> Self {
        Cell::Time(at, Offset::UTC)
    }
}

/// RFC 3339: `Z` for UTC, or the offset.
pub(crate) fn rfc3339(at: Timestamp, offset: Offset) -> String {
    if offset == Offset::UTC {
        at.to_string()
    } else {
        at.display_with_offset(offset).to_string()
    }
}

impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Cell::Null => serializer.serialize_none(),
            Cell::Text(text) => serializer.serialize_str(text),
            Cell::Integer(number) => serializer.serialize_i64(*number),
            Cell::Real(number) => serializer.serialize_f64(*number),
            Cell::Time(at, offset) => serializer.serialize_str(&rfc3339(*at, *offset)),
            Cell::Measures(values) => values.serialize(serializer),
        }
    }
}

/// What names a row of [`SUMMARIES`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct SummaryName<'a> {
    /// The source.
    pub(crate) source: &'a str,
    /// The entity.
    pub(crate) entity: &'a str,
    /// The measure.
    pub(crate) measure: &'a str,
    /// Its unit.
    pub(crate) unit: &'a str,
    /// How it behaves.
    pub(crate) kind: Kind,
    /// The first instant of the local hour.
    pub(crate) hour: Timestamp,
    /// The offset of the zone at that time.
    pub(crate) offset: Offset,
}

/// A row of [`SUMMARIES`].
pub(crate) fn summary_row<'a>(
    name: SummaryName<'a>,
    figures: &Figures,
    coverage: Option<f64>,
) -> [Cell<'a>; 16] {
    [
        Cell::text(name.source),
        Cell::text(name.entity),
        Cell::text(name.measure),
        Cell::text(name.unit),
        Cell::text(name.kind.as_str()),
        Cell::Time(name.hour, name.offset),
        Cell::integer(figures.count),
        Cell::real(figures.min),
        Cell::real(figures.max),
        Cell::real(figures.mean),
        Cell::real(figures.sum),
        Cell::real(figures.first),
        Cell::real(figures.last),
        Cell::real(figures.p50),
        Cell::real(figures.p95),
        Cell::real(coverage),
    ]
}

/// A row of [`EVENTS`]; `None` for an event without versions, which no store holds.
pub(crate) fn event_row(event: &Event) -> Option<[Cell<'_>; 11]> {
    let version = event.current()?;
    Some([
        Cell::text(event.key.source.as_str()),
        Cell::text(event.key.key.as_str()),
        Cell::Integer(version.revision),
        Cell::utc(version.observed_at),
        version.published_at.map_or(Cell::Null, Cell::utc),
        Cell::utc(version.first_fetched_at),
        Cell::real(version.point.map(|point| point.lon)),
        Cell::real(version.point.map(|point| point.lat)),
        Cell::maybe_text(version.attributes.get("place")),
        Cell::maybe_text(version.title.as_ref()),
        Cell::Measures(&version.values),
    ])
}

/// A row of [`CAPTURES`].
pub(crate) fn capture_row(capture: &Capture) -> [Cell<'_>; 12] {
    [
        Cell::text(capture.source.as_str()),
        Cell::utc(capture.slot),
        Cell::utc(capture.started_at),
        Cell::text(capture.outcome.as_str()),
        capture
            .http_status
            .map_or(Cell::Null, |status| Cell::Integer(status.into())),
        Cell::integer(capture.bytes),
        Cell::maybe_text(capture.sha256.as_ref()),
        Cell::maybe_text(capture.file.as_ref()),
        Cell::integer(capture.rows),
        Cell::integer(capture.refused_rows),
        capture
            .cause
            .map_or(Cell::Null, |cause| Cell::text(cause.as_str())),
        Cell::maybe_text(capture.reason.as_ref()),
    ]
}
