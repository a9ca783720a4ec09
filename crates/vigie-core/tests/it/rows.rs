//! Rows and buckets in the making. Only here is it known how a row is built.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use proptest::prelude::*;
use vigie_core::{
    bucket::{Bucket, BucketKey, Bucketing},
    measure::{Across, Kind, Measure},
    row::{Point, Row},
    text::{EntityId, MeasureId, SourceId, Text},
};

/// What a row says and when it was fetched; times are seconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    pub(crate) entity: u8,
    pub(crate) at: i64,
    pub(crate) revision: i64,
    pub(crate) values: [Option<f64>; 2],
    pub(crate) name: Option<&'static str>,
    pub(crate) lon: Option<f64>,
    pub(crate) fetched_at: i64,
}

impl Said {
    pub(crate) fn row(&self) -> Row {
        Row {
            entity: EntityId::new(format!("e{}", self.entity)).unwrap(),
            observed_at: Timestamp::from_second(self.at).unwrap(),
            published_at: None,
            revision: self.revision,
            point: self.lon.and_then(|lon| Point::new(lon, 48.0)),
            name: self.name.map(str::to_owned),
            values: self.values.to_vec(),
            attributes: self
                .name
                .map(|name| BTreeMap::from([("named".to_owned(), name.to_owned())]))
                .unwrap_or_default(),
        }
    }

    pub(crate) fn fetched_at(&self) -> Timestamp {
        Timestamp::from_second(self.fetched_at).unwrap()
    }
}

/// A source with a gauge and a direction.
pub(crate) struct Source {
    pub(crate) id: SourceId,
    pub(crate) measures: [Measure; 2],
    pub(crate) tz: TimeZone,
    pub(crate) horizon: SignedDuration,
}

impl Source {
    pub(crate) fn in_zone(tz: TimeZone, horizon: SignedDuration) -> Self {
        let measure = |id: &str, kind| Measure {
            id: MeasureId::new(id).unwrap(),
            kind,
            unit: "1".into(),
            title: Text::same(id),
            across: Across::Mean,
            decimals: 1,
            headline: true,
        };
        Self {
            id: SourceId::new("source").unwrap(),
            measures: [
                measure("level", Kind::Gauge),
                measure("wind", Kind::Direction),
            ],
            tz,
            horizon,
        }
    }

    /// The buckets that rows make.
    pub(crate) fn buckets<'r>(&self, rows: impl IntoIterator<Item = &'r Said>) -> Vec<Bucket> {
        let mut bucketing = Bucketing::new(&self.id, &self.measures, &self.tz, self.horizon);
        for said in rows {
            bucketing.add(&said.row().as_ref(), said.fetched_at());
        }
        bucketing.finish()
    }
}

/// What a store holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Stored(pub(crate) BTreeMap<BucketKey, Bucket>);

impl Stored {
    /// Merges as the stores do: what is there takes in what comes.
    pub(crate) fn merge(&mut self, deltas: &[Bucket]) {
        for delta in deltas {
            match self.0.get_mut(&delta.key) {
                Some(bucket) => {
                    bucket.merge(delta);
                }
                None => {
                    self.0.insert(delta.key.clone(), delta.clone());
                }
            }
        }
    }
}

/// Numbers as feeds write them: a few decimals, of either sign, zeros of both signs, and some that are equal.
pub(crate) fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-5_i32..6).prop_map(f64::from),
        4 => (-1_000_000_i32..1_000_000).prop_map(|hundredths| f64::from(hundredths) / 100.0),
        1 => Just(-0.0),
        1 => -1e9..1e9_f64,
    ]
}

/// Where the rows of [`said`] begin: an hour of Paris.
pub(crate) const START: i64 = 1_795_000_000 / 3600 * 3600;

/// The horizon after which the rows of [`said`] are late.
pub(crate) const HORIZON: SignedDuration = SignedDuration::from_hours(2);

/// Rows of two hours and two entities, in time or late, often of the same minute.
pub(crate) fn said() -> impl Strategy<Value = Said> {
    (
        0_u8..2,
        0_i64..16,
        0_i64..3,
        (
            prop::option::weighted(0.9, value()),
            prop::option::weighted(0.5, (0_i32..360).prop_map(f64::from)),
        ),
        prop::option::of(prop::sample::select(vec!["north", "south"])),
        prop::option::of(-180.0..180.0_f64),
        0_i64..400,
    )
        .prop_map(
            |(entity, eighth, revision, values, name, lon, fetched)| Said {
                entity,
                at: START + eighth * 450,
                revision,
                values: [values.0, values.1],
                name,
                lon,
                // The last deadline is four hours after the start: about a third is late.
                fetched_at: START + fetched * 60,
            },
        )
}
