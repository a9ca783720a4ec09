//! Buckets: one document per source, entity and local hour.
//!
//! While its hour can still change, a bucket keeps the samples themselves, by observed time. Merging is a
//! pure function of the set of samples: doing it twice, in another order, or in other portions, gives the
//! same bucket. That is why every step can be killed and run again.
//!
//! What a provider said before it said something else stays in the bucket too, so that it can be told what was known at any
//! time ([`Bucket::known_at`]).
//!
//! When the revision horizon of the source has passed, the bucket is *sealed*: what it says is final, and where it has very
//! many samples, those fetched in time give way to their statistics and the list of their times. What is fetched after the
//! horizon (the *late* samples: a dead station that repeats its last report for years) never
//! replaces a sample fetched in time, sealed or not; it is kept beside when its time is new. So the
//! published figures do not depend on when the sealing happened.

mod gather;
mod samples;

use std::{cmp::Ordering, collections::BTreeMap};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use self::samples::Window;
pub use self::{
    gather::Bucketing,
    samples::{Frozen, SEALED_MAX, Sample, Samples, Stamp, VALUES_MAX},
};
use crate::{
    measure::Kind,
    row::{Point, RowRef},
    stats::{Figures, Stats},
    text::{EntityId, MeasureId, SourceId},
    time::hour_end,
};

/// When what can still be published about an hour that ends at `end` has come.
fn deadline(end: Timestamp, horizon: SignedDuration) -> Timestamp {
    end.saturating_add(horizon).unwrap_or(Timestamp::MAX)
}

/// What names a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BucketKey {
    /// The source.
    pub source: SourceId,
    /// The entity.
    pub entity: EntityId,
    /// The first instant of the local hour.
    pub hour: Timestamp,
}

/// What an entity is called and where it is, as last observed in the hour.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Label {
    /// Its name. Text from outside: never markup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point: Option<Point>,
    /// Text attributes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// Observed and fetched when: the latest counts.
    pub stamp: (i64, i64),
}

impl Label {
    fn precedence(&self, other: &Self) -> Ordering {
        self.stamp
            .cmp(&other.stamp)
            .then_with(|| self.name.cmp(&other.name))
            .then_with(|| self.attributes.cmp(&other.attributes))
            .then_with(|| {
                let place = |label: &Self| label.point.map(|p| (p.lon.to_bits(), p.lat.to_bits()));
                place(self).cmp(&place(other))
            })
    }

    fn merge(&mut self, other: &Self) -> bool {
        let newer = other.precedence(self).is_gt();
        if newer {
            *self = other.clone();
        }
        newer
    }

    /// Takes in what a row says of its entity.
    fn take(&mut self, row: &RowRef<'_>, stamp: (i64, i64)) {
        if stamp < self.stamp {
            return;
        }
        let attributes = self.attributes.iter();
        let is_known = self.name.as_deref() == row.name
            && self.point == row.point
            && attributes
                .map(|(name, text)| (name.as_str(), text.as_str()))
                .eq(row.attributes.iter());
        if is_known {
            self.stamp = stamp;
            return;
        }
        let attributes = row.attributes.iter();
        self.merge(&Label {
            name: row.name.map(str::to_owned),
            point: row.point,
            attributes: attributes
                .map(|(name, text)| (name.to_owned(), text.to_owned()))
                .collect(),
            stamp,
        });
    }
}

/// One document: an entity of a source during a local hour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// What names it.
    #[serde(flatten)]
    pub key: BucketKey,
    /// The first instant after the hour.
    pub end: Timestamp,
    /// What is fetched after this time is late.
    pub deadline: Timestamp,
    /// Whether what it says is final.
    pub sealed: bool,
    /// Who the entity is.
    pub label: Label,
    /// The samples by measure.
    pub measures: BTreeMap<MeasureId, Samples>,
}

/// What a bucket says, without its samples: enough for charts, reports and exports.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BucketSummary {
    /// What names the bucket.
    #[serde(flatten)]
    pub key: BucketKey,
    /// The first instant after the hour.
    pub end: Timestamp,
    /// Who the entity is.
    pub label: Label,
    /// The summaries by measure.
    pub measures: BTreeMap<MeasureId, Summary>,
}

/// The summary of one measure of one entity over a local hour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// How the measure behaves.
    pub kind: Kind,
    /// The unit of the values.
    pub unit: String,
    /// The published figures.
    #[serde(flatten)]
    pub figures: Figures,
    /// The share of the hour's expected observations that are present; `None` without a fixed rhythm.
    pub coverage: Option<f64>,
    /// The statistics that longer periods are merged from.
    pub stats: Stats,
}

impl Bucket {
    /// An empty bucket of the local hour that starts at `key.hour`.
    pub fn new(key: BucketKey, tz: &TimeZone, horizon: SignedDuration) -> Self {
        let end = hour_end(key.hour, tz);
        Self {
            key,
            end,
            deadline: deadline(end, horizon),
            sealed: false,
            label: Label::default(),
            measures: BTreeMap::new(),
        }
    }

    fn window(&self) -> Window {
        Window {
            start: self.key.hour.as_millisecond(),
            deadline: self.deadline.as_millisecond(),
        }
    }

    /// Takes in the samples of another bucket of the same key. Returns whether anything changed.
    pub fn merge(&mut self, other: &Bucket) -> bool {
        let window = self.window();
        let mut changed = self.label.merge(&other.label);
        for (measure, theirs) in &other.measures {
            if let Some(mine) = self.measures.get_mut(measure) {
                changed |= mine.merge(theirs, window);
            } else {
                self.measures.insert(measure.clone(), theirs.clone());
                changed = true;
            }
        }
        if changed {
            samples::share_stamps(self.measures.values_mut());
        }
        changed
    }

    /// Whether every sample of `other` is here, or one that counts more: the check made after writing.
    pub fn includes(&self, other: &Bucket) -> bool {
        let window = self.window();
        self.label.precedence(&other.label).is_ge()
            && other.measures.iter().all(|(measure, theirs)| {
                let mine = self.measures.get(measure);
                mine.is_some_and(|mine| mine.includes_all(theirs, window))
            })
    }

    /// Makes what it says final. Where a measure has more than `most` samples (usually [`SEALED_MAX`]), those fetched in time
    /// give way to their statistics. The caller makes sure that the deadline has passed and that nothing fetched before it
    /// still waits.
    pub fn seal(&mut self, most: usize) {
        let window = self.window();
        for samples in self.measures.values_mut() {
            samples.seal(most, window);
        }
        self.sealed = true;
    }

    /// The bucket as it was known at `at`: with what had been fetched by then; and how many of its measures are left out since
    /// nobody can say it any more. Who the entity is, is told as of now.
    pub fn known_at(&self, at: Timestamp) -> (Self, usize) {
        let (at, window) = (at.as_millisecond(), self.window());
        let (mut measures, mut untold) = (BTreeMap::new(), 0);
        for (id, samples) in &self.measures {
            match samples.known_at(at, window) {
                None => untold += 1,
                Some(known) if known.time_count() > 0 => {
                    measures.insert(id.clone(), known);
                }
                Some(_) => {}
            }
        }
        let known = Self {
            key: self.key.clone(),
            label: self.label.clone(),
            measures,
            ..*self
        };
        (known, untold)
    }

    /// How many samples it counts.
    pub fn sample_count(&self) -> u64 {
        self.measures
            .values()
            .map(|samples| samples.time_count() as u64)
            .sum()
    }

    /// What the bucket says. `rhythm` is the expected time between two observations of an entity.
    pub fn summarise(&self, rhythm: Option<SignedDuration>) -> BucketSummary {
        let summary = |samples: &Samples| {
            let stats = samples.stats(self.window());
            Summary {
                kind: samples.kind,
                unit: samples.unit.clone(),
                figures: stats.publish(samples.kind),
                coverage: rhythm.map(|rhythm| self.coverage(samples, rhythm)),
                stats,
            }
        };
        BucketSummary {
            key: self.key.clone(),
            end: self.end,
            label: self.label.clone(),
            measures: self
                .measures
                .iter()
                .map(|(id, samples)| (id.clone(), summary(samples)))
                .collect(),
        }
    }

    /// The share of the intervals of `rhythm` in the hour that hold a sample.
    fn coverage(&self, samples: &Samples, rhythm: SignedDuration) -> f64 {
        let rhythm = (rhythm.as_millis() as i64).max(1);
        let start = self.key.hour.as_millisecond();
        let length = self.end.as_millisecond() - start;
        let expected = ((length + rhythm / 2) / rhythm).max(1);
        let mut intervals: Vec<i64> = samples.times().map(|at| (at - start) / rhythm).collect();
        intervals.sort_unstable();
        intervals.dedup();
        (intervals.len() as f64 / expected as f64).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        measure::{Across, Measure},
        row::Row,
        text::Text,
    };

    fn measure() -> Measure {
        Measure {
            id: MeasureId::new("level").unwrap(),
            kind: Kind::Gauge,
            unit: "m".into(),
            title: Text::same("level"),
            across: Across::Mean,
            decimals: 1,
            headline: true,
        }
    }

    fn row(minute: i64, value: f64, revision: i64) -> Row {
        Row {
            entity: EntityId::new("a").unwrap(),
            observed_at: Timestamp::from_second(minute * 60).unwrap(),
            published_at: None,
            revision,
            point: None,
            name: None,
            values: vec![Some(value)],
            attributes: BTreeMap::new(),
        }
    }

    const HORIZON: SignedDuration = SignedDuration::from_hours(2);

    fn bucket(rows: &[(i64, i64, i64, i64)]) -> Bucket {
        let (source, measures, tz) = (SourceId::new("s").unwrap(), [measure()], TimeZone::UTC);
        let mut bucketing = Bucketing::new(&source, &measures, &tz, HORIZON);
        for &(minute, value, revision, fetched) in rows {
            let fetched_at = Timestamp::from_second(fetched * 60).unwrap();
            bucketing.add(&row(minute, value as f64, revision).as_ref(), fetched_at);
        }
        let mut buckets = bucketing.finish();
        assert_eq!(buckets.len(), 1);
        buckets.remove(0)
    }

    fn published(bucket: &Bucket) -> String {
        let rhythm = Some(SignedDuration::from_mins(15));
        serde_json::to_string(&bucket.summarise(rhythm).measures).unwrap()
    }

    #[test]
    fn the_latest_revision_counts_whatever_the_order_of_arrival() {
        let mut first = bucket(&[(0, 5, 2, 10)]);
        let older = bucket(&[(0, 9, 1, 20)]);
        first.merge(&older);
        let value = first.measures.values().next().unwrap().values()[0];
        assert_eq!(value.to_bits(), 5f64.to_bits());
        assert!(first.includes(&older));
    }

    fn known(bucket: &Bucket, minute: i64) -> Option<Vec<f64>> {
        let (known, untold) = bucket.known_at(Timestamp::from_second(minute * 60).unwrap());
        if untold > 0 {
            return None;
        }
        let samples = known.measures.values().next();
        Some(samples.map_or_else(Vec::new, |samples| samples.values().to_vec()))
    }

    #[test]
    fn what_was_known_before_a_value_was_corrected_can_be_told() {
        let bucket = bucket(&[(0, 5, 0, 10), (0, 9, 0, 20), (0, 9, 0, 25), (30, 7, 0, 40)]);
        assert_eq!(known(&bucket, 9), Some(vec![]));
        assert_eq!(known(&bucket, 10), Some(vec![5.0]));
        assert_eq!(known(&bucket, 19), Some(vec![5.0]));
        assert_eq!(known(&bucket, 20), Some(vec![9.0]));
        assert_eq!(known(&bucket, 40), Some(vec![9.0, 7.0]));
        // The same after sealing, unless there were too many.
        let mut sealed = bucket.clone();
        sealed.seal(SEALED_MAX);
        assert_eq!(known(&sealed, 19), Some(vec![5.0]));
        sealed.seal(2);
        assert_eq!(known(&sealed, 19), None);
        assert_eq!(published(&sealed), published(&bucket));
    }

    #[test]
    fn a_value_that_came_back_is_known_to_have() {
        // Two hours and one until the deadline: 32nds of six minutes.
        let again = (21..100).map(|minute| (0, 5, 0, minute));
        let rows: Vec<_> = [(0, 5, 0, 10), (0, 999, 0, 20)]
            .into_iter()
            .chain(again)
            .collect();
        let mut apart = bucket(&rows[1..]);
        apart.merge(&bucket(&rows[..1]));
        for bucket in [bucket(&rows), apart] {
            assert_eq!(known(&bucket, 19), Some(vec![5.0]));
            assert_eq!(known(&bucket, 20), Some(vec![999.0]));
            assert_eq!(known(&bucket, 35), Some(vec![5.0]));
            assert_eq!(known(&bucket, 60), Some(vec![5.0]));
        }
    }

    #[test]
    fn of_very_many_values_some_are_kept() {
        let rows: Vec<_> = (0..1_000).map(|n| (0, n, 0, 50 + n / 10)).collect();
        let whole = bucket(&rows);
        let samples = whole.measures.values().next().unwrap();
        assert_eq!(samples.superseded().len(), VALUES_MAX - 1);
        assert_eq!(samples.values(), [999.0]);
        assert!(whole.includes(&bucket(&rows[..10])));
        assert!(!whole.clone().merge(&bucket(&rows[..10])));
    }

    #[test]
    fn before_an_older_program_wrote_nobody_can_tell() {
        let mut old = bucket(&[(0, 5, 0, 10), (30, 6, 0, 40)]);
        for samples in old.measures.values_mut() {
            *samples = samples.clone().of_last_fetches();
        }
        old.merge(&bucket(&[(45, 7, 0, 60)]));
        assert_eq!(known(&old, 39), None);
        assert_eq!(known(&old, 59), Some(vec![5.0, 6.0]));
        assert_eq!(known(&old, 60), Some(vec![5.0, 6.0, 7.0]));
    }

    #[test]
    fn a_forecast_that_came_back_is_known_to_have() {
        // Fetched before its hour: 5, then 9, then 5 for hours.
        let again = (-80..-3).map(|minute| (0, 5, 0, minute));
        let rows: Vec<_> = [(0, 5, 0, -90), (0, 9, 0, -81)]
            .into_iter()
            .chain(again)
            .collect();
        let bucket = bucket(&rows);
        assert_eq!(known(&bucket, -82), Some(vec![5.0]));
        assert_eq!(known(&bucket, -81), Some(vec![9.0]));
        assert_eq!(known(&bucket, -60), Some(vec![5.0]));
        assert_eq!(known(&bucket, -10), Some(vec![5.0]));
    }

    #[test]
    fn what_comes_after_the_horizon_never_replaces_what_came_in_time() {
        let mut open = bucket(&[(0, 5, 0, 10)]);
        let mut sealed = open.clone();
        sealed.seal(0);
        let late = bucket(&[(0, 7, 0, 500), (30, 8, 0, 500)]);
        open.merge(&late);
        sealed.merge(&late);
        assert_eq!(published(&open), published(&sealed));
        assert!(sealed.includes(&late));
        open.seal(0);
        assert_eq!(open, sealed);
    }

    #[test]
    fn coverage_is_the_share_of_intervals_that_hold_a_sample() {
        let bucket = bucket(&[(0, 1, 0, 61), (1, 2, 0, 61), (30, 3, 0, 61)]);
        let summary = bucket.summarise(Some(SignedDuration::from_mins(15)));
        assert_eq!(
            summary.measures.values().next().unwrap().coverage,
            Some(0.5)
        );
    }

    proptest! {
        #[test]
        fn merging_is_commutative_associative_and_idempotent(
            rows in prop::collection::vec((prop_oneof![0i64..60, 0i64..2], 0i64..9, 0i64..3, 50i64..260), 1..60),
            cut in 1usize..60, seal in prop::option::of(prop::sample::select(vec![0, SEALED_MAX])),
        ) {
            let whole = bucket(&rows);
            let cut = cut.min(rows.len());
            let mut left = bucket(&rows[..cut]);
            if cut < rows.len() {
                let right = bucket(&rows[cut..]);
                let mut reversed = right.clone();
                reversed.merge(&left);
                left.merge(&right);
                prop_assert_eq!(&left, &reversed);
            }
            prop_assert_eq!(&left, &whole);
            prop_assert!(!left.merge(&whole));
            prop_assert!(left.includes(&whole));
            let before = published(&left);
            if let Some(most) = seal {
                left.seal(most);
                prop_assert_eq!(&published(&left), &before);
                left.merge(&whole);
                prop_assert_eq!(&published(&left), &before);
                prop_assert!(left.includes(&whole));
            }
        }
    }
}
