//! One measure of buckets: read for series, thousands of hours at a time, so that nothing else of a bucket is looked at.

use std::{borrow::Cow, collections::BTreeMap, ops::ControlFlow};

use memchr::memmem::Finder;
use rusqlite::{Connection, Row};
use serde::Deserialize;
use vigie_core::{
    row::Point,
    stats::Stats,
    text::{EntityId, MeasureId},
};

use super::{bucket, connection::File, rows::RowError};
use crate::{
    error::StoreError,
    store::{MeasureHour, SummaryQuery},
};

/// The first five are found by their places, which is faster; the others are those of a bucket, and read where no summary is
/// written.
const SELECTED: &str = "hour, hour_end, entity, label, measures, source, version, deadline, sealed, rhythm, \
    CASE WHEN measures IS NULL THEN state END AS state";

/// What a label says of an entity that a series has use for.
#[derive(Clone, Default, Deserialize)]
struct Who {
    name: Option<String>,
    point: Option<Point>,
}

/// Labels, which mostly say what the one before said, at another time.
#[derive(Default)]
struct Labels {
    said: String,
    who: Who,
}

impl Labels {
    fn read(&mut self, label: &str) -> Result<Who, serde_json::Error> {
        // The times come last.
        let said = label.rsplit_once(TIMES).map_or(label, |(said, _)| said);
        if said != self.said {
            self.who = serde_json::from_str(label)?;
            said.clone_into(&mut self.said);
        }
        Ok(self.who.clone())
    }
}

/// How the times of a label begin.
const TIMES: &str = "\"stamp\":[";

/// What is written of a measure that a series has use for. The published figures follow from the statistics.
#[derive(Deserialize)]
struct Written {
    coverage: Option<f64>,
    stats: Stats,
}

/// How the summary of a measure begins in the column `measures`.
const BEGIN: &str = "{\"kind\":";
/// What stands before the two parts of it that are wanted, in this order.
const PARTS: [&str; 2] = ["\"coverage\":", "\"stats\":"];

/// The measure that is looked for.
struct Wanted<'a> {
    measure: &'a MeasureId,
    begin: Finder<'static>,
    parts: [Finder<'static>; 2],
}

impl<'a> Wanted<'a> {
    fn new(measure: &'a MeasureId) -> Self {
        let begin = format!("\"{measure}\":{BEGIN}");
        Self {
            measure,
            begin: Finder::new(&begin).into_owned(),
            parts: PARTS.map(Finder::new),
        }
    }

    /// What the text of a column says of the measure.
    ///
    /// As summaries are written, the name of a measure with what follows it is found nowhere else in the text: within a text
    /// every quote is escaped, and no part of a summary begins as a summary does. So nothing before it is read, and of its
    /// figures only what follows the names of the two parts; where one is not found, everything is read.
    fn find(&self, text: &str) -> Result<Option<Written>, serde_json::Error> {
        let [coverage, stats] = &self.parts;
        let found = after(text, &self.begin);
        let coverage = found.and_then(|text| after(text, coverage));
        let stats = coverage.and_then(|text| after(text, stats));
        if let (Some(coverage), Some(stats)) = (coverage, stats) {
            return Ok(Some(Written {
                coverage: first(coverage)?,
                stats: first(stats)?,
            }));
        }
        let mut all: BTreeMap<Cow<'_, str>, Written> = serde_json::from_str(text)?;
        Ok(all.remove(self.measure.as_str()))
    }
}

/// What follows a text in another.
fn after<'t>(text: &'t str, before: &Finder<'_>) -> Option<&'t str> {
    let at = before.find(text.as_bytes())?;
    text.get(at + before.needle().len()..)
}

/// The value that a text begins with.
fn first<'t, T: Deserialize<'t>>(text: &'t str) -> Result<T, serde_json::Error> {
    T::deserialize(&mut serde_json::Deserializer::from_str(text))
}

/// Reads what buckets say of a measure, in the order of source, hour and entity.
pub(super) fn read(
    connection: &Connection,
    file: &File,
    query: &SummaryQuery,
    measure: &MeasureId,
    each: &mut dyn FnMut(MeasureHour) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let wanted = Wanted::new(measure);
    let mut labels = Labels::default();
    let mut work = || {
        bucket::select(connection, SELECTED, query, &mut |row| {
            let measures = row.get_ref(4)?.as_str_or_null();
            let hour = match measures.map_err(rusqlite::Error::from)? {
                Some(measures) => {
                    let found = wanted.find(measures).map_err(damaged(row, "measures"))?;
                    hour(row, found, &mut labels, query.entity.as_ref())?
                }
                None => MeasureHour::of(bucket::summarised(row, bucket::key(row)?)?, measure),
            };
            Ok(each(hour))
        })
    };
    work().map_err(|error: RowError| error.of(file))
}

fn hour(
    row: &Row<'_>,
    found: Option<Written>,
    labels: &mut Labels,
    entity: Option<&EntityId>,
) -> Result<MeasureHour, RowError> {
    let label = row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?;
    let who = labels.read(label).map_err(damaged(row, "label"))?;
    let entity = match entity {
        Some(entity) => entity.clone(),
        None => bucket::identifier(row, 2, "entity")?,
    };
    Ok(MeasureHour {
        entity,
        hour: bucket::time_at(row, 0, "hour")?,
        end: bucket::time_at(row, 1, "hour_end")?,
        name: who.name,
        point: who.point,
        coverage: found.as_ref().and_then(|found| found.coverage),
        stats: found.map(|found| found.stats),
    })
}

/// The error of a column: made for `map_err`.
fn damaged(row: &Row<'_>, column: &'static str) -> impl Fn(serde_json::Error) -> RowError {
    move |error| RowError::Column {
        row: bucket::key(row).map_or_else(|_| "a bucket".to_owned(), |key| bucket::name(&key)),
        column,
        cause: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use vigie_core::{
        bucket::{Label, Summary},
        measure::Kind,
        stats::At,
    };

    use super::*;

    fn id(name: &str) -> MeasureId {
        MeasureId::new(name).unwrap()
    }

    fn summary(unit: &str, value: f64, coverage: Option<f64>) -> Summary {
        let stats = Stats::from_samples(Kind::Gauge, [At(7, value), At(8, value + 0.1)]);
        Summary {
            kind: Kind::Gauge,
            unit: unit.to_owned(),
            figures: stats.publish(Kind::Gauge),
            coverage,
            stats,
        }
    }

    #[test]
    fn a_measure_is_found_whatever_stands_before_it() {
        // A unit that looks like another measure, and measures that are called like parts of a summary.
        let measures: BTreeMap<MeasureId, Summary> = [
            (
                id("a"),
                summary(r#"","coverage":9,"stats":{"kind":"x"#, 1.0, None),
            ),
            (id("exact"), summary("\"exact\":{\"kind\":", 2.0, Some(0.5))),
            (id("sketch"), summary("1", 3.0, Some(1.0))),
            (id("stats"), summary("1", 4.0, Some(0.0))),
        ]
        .into();
        let plain = serde_json::to_string(&measures).unwrap();
        // As a person may have written it.
        let spaced = serde_json::to_string_pretty(&measures).unwrap();
        for text in [plain, spaced] {
            for (measure, summary) in &measures {
                let found = Wanted::new(measure).find(&text).unwrap().unwrap();
                assert_eq!(
                    (&found.stats, found.coverage),
                    (&summary.stats, summary.coverage)
                );
            }
            assert!(Wanted::new(&id("kind")).find(&text).unwrap().is_none());
        }
    }

    #[test]
    fn a_label_is_that_of_its_own_row() {
        let label = |name: Option<&str>, lon: f64, fetched: i64| Label {
            name: name.map(str::to_owned),
            point: Point::new(lon, 48.0),
            attributes: [("stamp".to_owned(), "\"stamp\":[".to_owned())].into(),
            stamp: (1, fetched),
        };
        let mut labels = Labels::default();
        for label in [
            label(Some("a"), 2.0, 1),
            label(Some("a"), 2.0, 2),
            label(Some("a\",\"stamp\":["), 2.0, 2),
            label(Some("a\",\"stamp\":["), 3.0, 2),
            label(None, 3.0, 3),
            Label::default(),
        ] {
            let read = labels
                .read(&serde_json::to_string(&label).unwrap())
                .unwrap();
            assert_eq!((read.name, read.point), (label.name, label.point));
        }
    }

    #[test]
    fn damage_is_not_read_over() {
        let measures: BTreeMap<MeasureId, Summary> = [(id("a"), summary("1", 1.0, None))].into();
        let text = serde_json::to_string(&measures).unwrap();
        let cut = text.get(..text.len() - 20).unwrap();
        for measure in ["a", "b"] {
            assert!(Wanted::new(&id(measure)).find(cut).is_err(), "{measure}");
        }
    }
}
