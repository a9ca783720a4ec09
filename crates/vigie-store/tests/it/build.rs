//! Builders: a line of a test makes a bucket or an event.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use vigie_core::{
    bucket::{Bucket, Bucketing},
    event::Event,
    measure::{Across, Kind, Measure},
    row::{Point, Row},
    text::{EntityId, MeasureId, SourceId, Text},
};

pub(crate) const HORIZON: SignedDuration = SignedDuration::from_hours(2);
pub(crate) const RHYTHM: Option<SignedDuration> = Some(SignedDuration::from_mins(15));

/// Minutes after 2026-11-23T00:00:00Z.
pub(crate) fn minute(minute: i64) -> Timestamp {
    Timestamp::from_second(1_795_392_000 + minute * 60).unwrap()
}

pub(crate) fn source(id: &str) -> SourceId {
    SourceId::new(id).unwrap()
}

pub(crate) fn entity(id: &str) -> EntityId {
    EntityId::new(id).unwrap()
}

fn measure(id: &str, kind: Kind, unit: &str) -> Measure {
    Measure {
        id: MeasureId::new(id).unwrap(),
        kind,
        unit: unit.into(),
        title: Text::same(id),
        across: Across::Mean,
        decimals: 1,
        headline: true,
    }
}

/// A gauge and a direction, which have all the statistics there are.
pub(crate) fn measures() -> Vec<Measure> {
    vec![
        measure("level", Kind::Gauge, "m"),
        measure("wind-from_1", Kind::Direction, "deg"),
    ]
}

fn row(id: &str, at: Timestamp, values: Vec<Option<f64>>) -> Row {
    Row {
        entity: entity(id),
        observed_at: at,
        published_at: None,
        revision: 0,
        point: None,
        name: None,
        values,
        attributes: BTreeMap::new(),
    }
}

/// A bucket of `level`s: `(minute, value)`, all within one hour, each fetched a minute later.
pub(crate) fn bucket(source_id: &str, id: &str, levels: &[(i64, f64)]) -> Bucket {
    let rows = levels
        .iter()
        .map(|&(at, value)| row(id, minute(at), vec![Some(value), None]));
    one_bucket(source_id, rows)
}

fn one_bucket(source_id: &str, rows: impl Iterator<Item = Row>) -> Bucket {
    fetched(source_id, rows, SignedDuration::from_mins(1))
}

/// A bucket of rows that were each fetched so long after they were observed.
fn fetched(source_id: &str, rows: impl Iterator<Item = Row>, delay: SignedDuration) -> Bucket {
    let (source, measures, tz) = (source(source_id), measures(), TimeZone::UTC);
    let mut bucketing = Bucketing::new(&source, &measures, &tz, HORIZON);
    for row in rows {
        let fetched_at = row.observed_at + delay;
        bucketing.add(&row.as_ref(), fetched_at);
    }
    let mut buckets = bucketing.finish();
    assert_eq!(buckets.len(), 1, "the samples lie in one hour");
    buckets.remove(0)
}

/// A bucket with all that a provider may send: awkward names, numbers and times.
pub(crate) fn exotic_bucket(id: &str) -> Bucket {
    let awkward = [
        0.1 + 0.2,
        0.0,
        f64::MIN_POSITIVE,
        1.0e300,
        -273.15,
        9_007_199_254_740_993.0,
        5.0,
    ];
    let many = (0..200).map(|i| 1.0 + f64::from(i) / 7.0);
    let rows = awkward
        .into_iter()
        .chain(many)
        .zip(0i64..)
        .map(|(value, i)| Row {
            revision: i64::MAX - i,
            point: Point::new(2.352_222_199_999_999_7, 0.0),
            name: Some("Île <b>\"|$.\\\u{1f6b2}".to_owned()),
            attributes: [
                ("$set".to_owned(), "a.b|c".to_owned()),
                ("a.b".to_owned(), String::new()),
            ]
            .into(),
            ..row(
                id,
                minute(0) + SignedDuration::from_millis(i * 997),
                vec![Some(value), Some(value.abs() % 360.0)],
            )
        });
    let first: Vec<Row> = rows.collect();
    // Fetched again: some values are other ones then, some come back, the others stay.
    let again = |minutes: i64, other: f64| {
        let rows = first.iter().take(9).enumerate().map(move |(place, row)| {
            let mut row = row.clone();
            if place < 3 {
                row.values[0] = row.values[0].map(|value| value * 0.5 + other);
            }
            row
        });
        fetched("exotic", rows, SignedDuration::from_mins(minutes))
    };
    let mut bucket = one_bucket("exotic", first.iter().cloned());
    for delta in [again(31, 1.25), again(61, 1.25), again(91, -7.0)] {
        bucket.merge(&delta);
    }
    assert!(
        bucket
            .measures
            .values()
            .any(|samples| samples.superseded().len() == 6)
    );
    assert!(
        bucket
            .measures
            .values()
            .all(|samples| samples.stamps().iter().any(|stamp| stamp.between != 0))
    );
    bucket
}

/// An event of one version. Minutes of observation and fetching.
pub(crate) fn event(source_id: &str, key: &str, revision: i64, at: i64, fetched: i64) -> Event {
    let row = Row {
        revision,
        ..row(key, minute(at), vec![Some(5.1), None])
    };
    Event::from_row(&source(source_id), &measures(), row, minute(fetched))
}

/// An event with all that a provider may send, in two versions.
pub(crate) fn exotic_event(key: &str) -> Event {
    let version = |revision: i64, level: f64| {
        let row = Row {
            revision,
            published_at: Some(minute(3) + SignedDuration::from_nanos(1)),
            point: Point::new(-180.0, 89.999_999_999),
            name: Some("M 5.1 – 10 km N of «Ō|x»".to_owned()),
            attributes: [("$where.a".to_owned(), "1|2".to_owned())].into(),
            ..row(
                key,
                minute(1) + SignedDuration::from_nanos(123_456_789),
                vec![Some(level), None],
            )
        };
        Event::from_row(&source("exotic"), &measures(), row, minute(5))
    };
    let mut event = version(1_795_392_000_123, 0.1 + 0.2);
    event.merge(&version(1_795_392_000_124, 0.0));
    event
}
