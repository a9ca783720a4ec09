//! Buckets: one document per source, entity and local hour.
//!
//! While its hour can still change, a bucket keeps the samples themselves, by observed time. Merging is a
//! pure function of the set of samples: doing it twice, in another order, or in other portions, gives the
//! same bucket. That is why every step can be killed and run again.
//!
//! When the revision horizon of the source has passed, the bucket is *sealed*: the samples fetched in time
//! give way to their statistics and the list of their times. What is fetched after the horizon
//! (the *late* samples: a dead station that repeats its last report for years) never
//! replaces a sample fetched in time, sealed or not; it is kept beside when its time is new. So the
//! published figures do not depend on when the sealing happened.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashMap},
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{
    measure::{Kind, Measure},
    row::{Point, RowRef},
    stats::{At, Figures, Stats},
    text::{EntityId, MeasureId, SourceId},
    time::{Hours, hour_end},
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

/// A value and what decides whether it counts. Times are milliseconds since 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "(i64, f64, i64, i64)", into = "(i64, f64, i64, i64)")]
pub struct Sample {
    /// When it was observed.
    pub at: i64,
    /// The value, in the measure's unit.
    pub value: f64,
    /// The provider's order of revisions.
    pub revision: i64,
    /// When it was fetched.
    pub fetched_at: i64,
}

impl From<(i64, f64, i64, i64)> for Sample {
    fn from((at, value, revision, fetched_at): (i64, f64, i64, i64)) -> Self {
        Self {
            at,
            value,
            revision,
            fetched_at,
        }
    }
}

impl From<Sample> for (i64, f64, i64, i64) {
    fn from(sample: Sample) -> Self {
        (sample.at, sample.value, sample.revision, sample.fetched_at)
    }
}

impl Sample {
    /// Which of two samples of the same observed time counts: one fetched before the deadline over a late one,
    /// then the later revision, then the later fetch. The value breaks what ties remain.
    fn precedence(&self, other: &Self, deadline: i64) -> Ordering {
        (self.fetched_at <= deadline)
            .cmp(&(other.fetched_at <= deadline))
            .then(self.revision.cmp(&other.revision))
            .then(self.fetched_at.cmp(&other.fetched_at))
            .then(self.value.total_cmp(&other.value))
    }
}

/// What remains of the samples fetched in time, once the bucket is sealed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Frozen {
    /// Their statistics.
    pub stats: Stats,
    /// Their observed times, ascending: a late sample of one of them is a repetition.
    pub times: Vec<i64>,
}

/// The samples of one measure in a bucket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Samples {
    /// How the measure behaves.
    pub kind: Kind,
    /// The unit of the values.
    pub unit: String,
    /// The samples, one per observed time, ascending.
    pub samples: Vec<Sample>,
    /// The sealed part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen: Option<Frozen>,
}

impl Samples {
    /// Sorts the samples and keeps the one that counts for each time; drops repetitions of sealed ones.
    fn normalise(&mut self, deadline: i64) {
        self.samples
            .sort_unstable_by(|a, b| a.at.cmp(&b.at).then_with(|| b.precedence(a, deadline)));
        self.samples.dedup_by_key(|sample| sample.at);
        if let Some(frozen) = &self.frozen {
            self.samples
                .retain(|sample| frozen.times.binary_search(&sample.at).is_err());
        }
    }

    /// Takes in other samples. Returns whether anything changed.
    fn merge(&mut self, other: &Samples, deadline: i64) -> bool {
        let news: Vec<Sample> = other
            .samples
            .iter()
            .filter(|sample| !self.includes(sample, deadline))
            .copied()
            .collect();
        self.samples.extend_from_slice(&news);
        if !news.is_empty() {
            self.normalise(deadline);
        }
        !news.is_empty()
    }

    fn stats(&self, deadline: i64) -> Stats {
        let part = |late: bool| {
            let part = self
                .samples
                .iter()
                .filter(move |s| (s.fetched_at > deadline) == late);
            Stats::from_samples(self.kind, part.map(|s| At(s.at, s.value)))
        };
        let mut stats = part(false);
        if let Some(frozen) = &self.frozen {
            stats.merge(&frozen.stats);
        }
        stats.merge(&part(true));
        stats
    }

    fn times(&self) -> impl Iterator<Item = i64> + '_ {
        let frozen = self
            .frozen
            .iter()
            .flat_map(|frozen| frozen.times.iter().copied());
        frozen.chain(self.samples.iter().map(|sample| sample.at))
    }

    /// No sum or difference of the values is larger than this.
    pub fn magnitude(&self) -> f64 {
        let values = self.samples.iter().map(|sample| sample.value.abs());
        let frozen = self.frozen.as_ref().map_or(0.0, |frozen| {
            let stats = &frozen.stats;
            stats.sum.value().abs() + stats.min.abs() + stats.max.abs()
        });
        values.sum::<f64>() + frozen
    }

    /// Whether `sample` is here, or one of the same time that counts more.
    fn includes(&self, sample: &Sample, deadline: i64) -> bool {
        if self
            .frozen
            .as_ref()
            .is_some_and(|f| f.times.binary_search(&sample.at).is_ok())
        {
            return true;
        }
        self.samples
            .binary_search_by_key(&sample.at, |s| s.at)
            .is_ok_and(|index| self.samples[index].precedence(sample, deadline).is_ge())
    }
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
        let is_known = self.name.as_deref() == row.name
            && self.point == row.point
            && self.attributes.len() == row.attributes.iter().count()
            && row
                .attributes
                .iter()
                .all(|(name, text)| self.attributes.get(name).is_some_and(|known| known == text));
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
    /// Whether the samples fetched in time were reduced to their statistics.
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

    fn deadline_ms(&self) -> i64 {
        self.deadline.as_millisecond()
    }

    /// Takes in the samples of another bucket of the same key. Returns whether anything changed.
    pub fn merge(&mut self, other: &Bucket) -> bool {
        let deadline = self.deadline_ms();
        let mut changed = self.label.merge(&other.label);
        for (measure, theirs) in &other.measures {
            if let Some(mine) = self.measures.get_mut(measure) {
                changed |= mine.merge(theirs, deadline);
            } else {
                self.measures.insert(measure.clone(), theirs.clone());
                changed = true;
            }
        }
        changed
    }

    /// Whether every sample of `other` is here, or one that counts more: the check made after writing.
    pub fn includes(&self, other: &Bucket) -> bool {
        let deadline = self.deadline_ms();
        self.label.precedence(&other.label).is_ge()
            && other.measures.iter().all(|(measure, theirs)| {
                self.measures.get(measure).is_some_and(|mine| {
                    // What is new is stored as it was written: no sample need be looked for.
                    mine.samples == theirs.samples
                        || theirs
                            .samples
                            .iter()
                            .all(|sample| mine.includes(sample, deadline))
                })
            })
    }

    /// Reduces the samples fetched in time to their statistics. The caller makes sure that the deadline has passed and
    /// that nothing fetched before it still waits.
    pub fn seal(&mut self) {
        let deadline = self.deadline_ms();
        for samples in self.measures.values_mut() {
            let (late, timely): (Vec<Sample>, Vec<Sample>) = samples
                .samples
                .iter()
                .partition(|sample| sample.fetched_at > deadline);
            let mut frozen = samples.frozen.take().unwrap_or_default();
            frozen.stats.merge(&Stats::from_samples(
                samples.kind,
                timely.iter().map(|sample| At(sample.at, sample.value)),
            ));
            frozen.times.extend(timely.iter().map(|sample| sample.at));
            frozen.times.sort_unstable();
            samples.samples = late;
            samples.frozen = Some(frozen);
        }
        self.sealed = true;
    }

    /// How many samples it counts.
    pub fn sample_count(&self) -> u64 {
        self.measures
            .values()
            .map(|samples| samples.times().count() as u64)
            .sum()
    }

    /// What the bucket says. `rhythm` is the expected time between two observations of an entity.
    pub fn summarise(&self, rhythm: Option<SignedDuration>) -> BucketSummary {
        let summary = |samples: &Samples| {
            let stats = samples.stats(self.deadline_ms());
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

/// Turns the rows of captures into buckets, to be merged into the stored ones.
///
/// Rows of an hour are kept side by side, and become samples by measure at the end: most rows of a body are of entities and
/// hours that the body before had too, in the same order.
#[derive(Debug)]
pub struct Bucketing<'a> {
    source: &'a SourceId,
    measures: &'a [Measure],
    tz: &'a TimeZone,
    horizon: SignedDuration,
    hours: Hours<'a>,
    numbers: HashMap<EntityId, usize>,
    entities: Vec<Entity>,
    open: HashMap<(usize, Timestamp), usize>,
    hourly: Vec<Hourly>,
    /// The entity of the latest row.
    latest: usize,
    rows: usize,
}

/// An entity of the batch.
#[derive(Debug)]
struct Entity {
    id: EntityId,
    /// The entity of the row that came after this one's last time.
    next: usize,
    /// Its latest hour.
    hourly: usize,
}

/// The rows of an entity in an hour.
#[derive(Debug)]
struct Hourly {
    entity: usize,
    hour: Timestamp,
    end: Timestamp,
    deadline: i64,
    label: Label,
    /// Per row, when it was observed, its revision, and when it was fetched.
    stamps: Vec<(i64, i64, i64)>,
    /// Per row, the value of each measure.
    values: Vec<Option<f64>>,
    /// Whether the rows are in the order of their times, without repetition.
    ordered: bool,
}

impl<'a> Bucketing<'a> {
    /// Begins with no rows.
    pub fn new(
        source: &'a SourceId,
        measures: &'a [Measure],
        tz: &'a TimeZone,
        horizon: SignedDuration,
    ) -> Self {
        Self {
            source,
            measures,
            tz,
            horizon,
            hours: Hours::new(tz),
            numbers: HashMap::new(),
            entities: Vec::new(),
            open: HashMap::new(),
            hourly: Vec::new(),
            latest: 0,
            rows: 0,
        }
    }

    /// How many values are held: what decides the memory taken.
    pub fn value_count(&self) -> usize {
        self.rows * self.measures.len()
    }

    /// Adds an observation fetched at `fetched_at`; its values are in the order of the measures. A row whose entity has
    /// no bytes or more than [`EntityId::BYTES_MAX`] is left out.
    pub fn add(&mut self, row: &RowRef<'_>, fetched_at: Timestamp) {
        let Some(entity) = self.entity(row.entity) else {
            return;
        };
        let index = self.hourly(entity, row.observed_at);
        let hourly = &mut self.hourly[index];
        let before = hourly.stamps.len();
        hourly.add(row, fetched_at.as_millisecond());
        self.rows += hourly.stamps.len() - before;
    }

    fn entity(&mut self, name: &str) -> Option<usize> {
        let expected = self
            .entities
            .get(self.latest)
            .map_or(0, |entity| entity.next);
        let number = match self.entities.get(expected) {
            Some(entity) if entity.id.as_str() == name => expected,
            _ => {
                if let Some(number) = self.numbers.get(name) {
                    *number
                } else {
                    let id = EntityId::new(name)?;
                    let number = self.entities.len();
                    self.numbers.insert(id.clone(), number);
                    self.entities.push(Entity {
                        id,
                        next: number + 1,
                        hourly: usize::MAX,
                    });
                    number
                }
            }
        };
        if let Some(latest) = self.entities.get_mut(self.latest) {
            latest.next = number;
        }
        self.latest = number;
        Some(number)
    }

    fn hourly(&mut self, entity: usize, at: Timestamp) -> usize {
        let latest = self.entities[entity].hourly;
        if let Some(hourly) = self.hourly.get(latest)
            && (hourly.hour..hourly.end).contains(&at)
        {
            return latest;
        }
        let hour = self.hours.start_of(at);
        let index = *self.open.entry((entity, hour)).or_insert_with(|| {
            let end = hour_end(hour, self.tz);
            let deadline = deadline(end, self.horizon);
            let room = self.hourly.last().map_or(0, |last| last.stamps.len());
            self.hourly.push(Hourly {
                entity,
                hour,
                end,
                deadline: deadline.as_millisecond(),
                label: Label::default(),
                stamps: Vec::with_capacity(room),
                values: Vec::with_capacity(room * self.measures.len()),
                ordered: true,
            });
            self.hourly.len() - 1
        });
        self.entities[entity].hourly = index;
        index
    }

    /// The buckets, in the order of their hours and entities.
    pub fn finish(self) -> Vec<Bucket> {
        let (source, tz, horizon) = (self.source, self.tz, self.horizon);
        let (measures, entities) = (self.measures, self.entities);
        let mut buckets: Vec<Bucket> = self
            .hourly
            .into_iter()
            .map(|hourly| {
                let key = BucketKey {
                    source: source.clone(),
                    entity: entities[hourly.entity].id.clone(),
                    hour: hourly.hour,
                };
                let mut bucket = Bucket::new(key, tz, horizon);
                bucket.measures = hourly.by_measure(measures);
                bucket.label = hourly.label;
                bucket
            })
            .collect();
        buckets
            .sort_unstable_by(|a, b| (a.key.hour, &a.key.entity).cmp(&(b.key.hour, &b.key.entity)));
        buckets
    }
}

impl Hourly {
    fn add(&mut self, row: &RowRef<'_>, fetched_at: i64) {
        let at = row.observed_at.as_millisecond();
        self.label.take(row, (at, fetched_at));
        let width = row.values.len();
        if let Some(&(last_at, revision, last_fetched)) = self.stamps.last() {
            if at == last_at && self.outdates(row, revision, last_fetched, fetched_at) {
                if let Some(last) = self.stamps.last_mut() {
                    *last = (at, row.revision, fetched_at);
                }
                let start = self.values.len() - width;
                self.values[start..].copy_from_slice(row.values);
                return;
            }
            self.ordered &= at > last_at;
        }
        self.stamps.push((at, row.revision, fetched_at));
        self.values.extend_from_slice(row.values);
    }

    /// Whether every sample of `row` counts more than that of the latest row, which is of the same time: what a
    /// station that says nothing new brings with every body.
    fn outdates(
        &self,
        row: &RowRef<'_>,
        revision: i64,
        last_fetched: i64,
        fetched_at: i64,
    ) -> bool {
        let rank = |revision: i64, fetched: i64| (fetched <= self.deadline, revision, fetched);
        let last = &self.values[self.values.len() - row.values.len()..];
        rank(row.revision, fetched_at) > rank(revision, last_fetched)
            && last
                .iter()
                .zip(row.values)
                .all(|(last, new)| new.is_some() || last.is_none())
    }

    /// The samples of each measure that has any.
    fn by_measure(&self, measures: &[Measure]) -> BTreeMap<MeasureId, Samples> {
        let width = measures.len().max(1);
        let of = |(index, measure): (usize, &Measure)| {
            let rows = self.stamps.iter().zip(self.values.chunks_exact(width));
            let mut samples = Samples {
                kind: measure.kind,
                unit: measure.unit.clone(),
                samples: Vec::with_capacity(self.stamps.len()),
                frozen: None,
            };
            samples
                .samples
                .extend(rows.filter_map(|(&(at, revision, fetched_at), values)| {
                    Some(Sample {
                        at,
                        value: values[index]?,
                        revision,
                        fetched_at,
                    })
                }));
            if !self.ordered {
                samples.normalise(self.deadline);
            }
            (!samples.samples.is_empty()).then(|| (measure.id.clone(), samples))
        };
        measures.iter().enumerate().filter_map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{measure::Across, row::Row, text::Text};

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
        assert_eq!(
            first.measures.values().next().unwrap().samples[0]
                .value
                .to_bits(),
            5f64.to_bits()
        );
        assert!(first.includes(&older));
    }

    #[test]
    fn what_comes_after_the_horizon_never_replaces_what_came_in_time() {
        let mut open = bucket(&[(0, 5, 0, 10)]);
        let mut sealed = open.clone();
        sealed.seal();
        let late = bucket(&[(0, 7, 0, 500), (30, 8, 0, 500)]);
        open.merge(&late);
        sealed.merge(&late);
        assert_eq!(published(&open), published(&sealed));
        assert!(sealed.includes(&late));
        open.seal();
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
            rows in prop::collection::vec((0i64..60, 0i64..9, 0i64..3, 50i64..260), 1..40),
            cut in 1usize..40, seal in any::<bool>(),
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
            if seal {
                left.seal();
                prop_assert_eq!(&published(&left), &before);
                left.merge(&whole);
                prop_assert_eq!(&published(&left), &before);
                prop_assert!(left.includes(&whole));
            }
        }
    }
}
