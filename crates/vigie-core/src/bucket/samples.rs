//! The samples of a measure in a bucket, side by side: times here, values there.
//!
//! The measures of a row were observed and fetched together: their samples have the same [`Stamp`]s, which they share.
//!
//! A provider may say another value of an observed time later. One sample of each time counts; those that it said before, or
//! that count less, stay beside, each with the first and the last time that it was fetched: what was known at any time follows.

use std::{cmp::Ordering, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    measure::Kind,
    stats::{At, Stats},
};

/// The most values of one observed time that are kept with all that is known of them: those of the latest revisions, then the
/// greatest. Which these are no repetition changes, so that merging stays a pure function of the set of samples. This crate's own
/// tests have a few only, and so meet the limit.
pub const VALUES_MAX: usize = if cfg!(test) { 5 } else { 200 };

/// The most samples of a measure that are kept in a sealed bucket.
pub const SEALED_MAX: usize = 1_000;

/// When fetches count in a bucket. Times are milliseconds since 1970 UTC.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    /// The start of the hour.
    pub(super) start: i64,
    /// What is fetched after this time is late.
    pub(super) deadline: i64,
}

impl Window {
    /// How long it is from the start to the deadline.
    fn length(self) -> i64 {
        self.deadline.saturating_sub(self.start).max(0)
    }

    /// The length of a cell: 32 of them reach from the start to the deadline.
    fn cell_length(self) -> i64 {
        self.length() / 32 + 1
    }

    /// The start of the first cell: 32 lie before the hour, for what is forecast.
    fn first_cell(self) -> i64 {
        self.start.saturating_sub(32 * self.cell_length())
    }

    /// The cell that a time lies in, as a bit.
    fn cell(self, at: i64) -> u64 {
        1 << (at.saturating_sub(self.first_cell()) / self.cell_length()).clamp(0, 63)
    }

    /// The start of the latest of these cells that were over at `at`.
    fn latest_over(self, cells: u64, at: i64) -> Option<i64> {
        let over = cells & (self.cell(at) - 1);
        let latest = over.checked_ilog2()?;
        Some(self.first_cell() + i64::from(latest) * self.cell_length())
    }
}

/// When a sample was observed and fetched, and its revision. Times are milliseconds since 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// When it was observed.
    pub at: i64,
    /// The provider's order of revisions.
    pub revision: i64,
    /// When it was fetched first.
    pub first_fetched_at: i64,
    /// When it was fetched last; of a sample fetched in time, the last time before the deadline.
    pub last_fetched_at: i64,
    /// In which 32nds of the time from the start of the hour to the deadline, and of as long a time before, it was fetched, as
    /// bits; those of the first and of the last fetch left out.
    pub between: u64,
}

impl Stamp {
    /// The stamp of a sample that was fetched once.
    pub fn once(at: i64, revision: i64, fetched_at: i64) -> Self {
        Self {
            at,
            revision,
            first_fetched_at: fetched_at,
            last_fetched_at: fetched_at,
            between: 0,
        }
    }

    /// What decides which of two samples of the same observed time counts, the value apart: one fetched before the deadline over
    /// a late one, then the later revision, then the later fetch.
    fn rank(&self, window: Window) -> (bool, i64, i64) {
        (self.timely(window), self.revision, self.last_fetched_at)
    }

    /// Whether it was fetched before the deadline.
    fn timely(&self, window: Window) -> bool {
        self.first_fetched_at <= window.deadline
    }

    /// Whether two stamps of the same value are of the same sample, fetched again.
    pub(super) fn is_again(&self, other: &Self, window: Window) -> bool {
        self.at == other.at
            && self.revision == other.revision
            && self.timely(window) == other.timely(window)
    }

    /// The stamp of a sample fetched as both say.
    pub(super) fn joined(&self, other: &Self, window: Window) -> Self {
        let first_fetched_at = self.first_fetched_at.min(other.first_fetched_at);
        let last_fetched_at = self.last_fetched_at.max(other.last_fetched_at);
        let ends =
            |stamp: &Self| window.cell(stamp.first_fetched_at) | window.cell(stamp.last_fetched_at);
        let all = self.between | other.between | ends(self) | ends(other);
        let joined = Self {
            first_fetched_at,
            last_fetched_at,
            ..*self
        };
        Self {
            between: all & !ends(&joined),
            ..joined
        }
    }

    /// The stamp as it was at `at`, where the sample was known.
    fn known_at(&self, at: i64, window: Window) -> Option<Self> {
        if self.first_fetched_at > at {
            return None;
        }
        if self.last_fetched_at <= at {
            return Some(*self);
        }
        let before = window.latest_over(self.between, at);
        Some(Self {
            last_fetched_at: before.map_or(self.first_fetched_at, |b| b.max(self.first_fetched_at)),
            between: 0,
            ..*self
        })
    }
}

/// A value and what decides whether it counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// When it was observed and fetched.
    pub stamp: Stamp,
    /// The value, in the measure's unit.
    pub value: f64,
}

impl Sample {
    /// Which of two samples of the same observed time counts. The value breaks what ties the stamps leave.
    fn precedence(&self, other: &Self, window: Window) -> Ordering {
        (self.stamp.rank(window).cmp(&other.stamp.rank(window)))
            .then(self.value.total_cmp(&other.value))
    }

    /// Whether the other is the same, fetched again.
    fn is_again(&self, other: &Self, window: Window) -> bool {
        self.stamp.is_again(&other.stamp, window) && self.value.to_bits() == other.value.to_bits()
    }

    /// The order of the values of an observed time, which no repetition changes.
    fn order(&self, other: &Self) -> Ordering {
        (self.stamp.revision.cmp(&other.stamp.revision)).then(self.value.total_cmp(&other.value))
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

/// The samples of one measure in a bucket: one per observed time, ascending.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Listed", into = "Listed")]
pub struct Samples {
    /// How the measure behaves.
    pub kind: Kind,
    /// The unit of the values.
    pub unit: String,
    stamps: Arc<Vec<Stamp>>,
    values: Vec<f64>,
    /// What counts no more, or counts less, in the order of time.
    superseded: Vec<Sample>,
    /// What was known before this time nobody can tell: samples that an older program wrote have their last fetch only.
    told_since: Option<i64>,
    /// The sealed part, of which only the statistics are left.
    pub frozen: Option<Frozen>,
}

/// A sample as text: observed time, value, revision, last fetch; and where it was fetched several times, the first fetch and
/// what lies between.
#[derive(Serialize, Deserialize)]
struct Line(i64, f64, i64, i64, #[serde(default)] Option<(i64, u64)>);

impl From<Line> for Sample {
    fn from(Line(at, value, revision, last_fetched_at, again): Line) -> Self {
        let once = Stamp::once(at, revision, last_fetched_at);
        let stamp = again.map_or(once, |(first_fetched_at, between)| Stamp {
            first_fetched_at,
            between,
            ..once
        });
        Self { stamp, value }
    }
}

impl From<Sample> for Line {
    fn from(Sample { stamp, value }: Sample) -> Self {
        let again = (stamp.first_fetched_at != stamp.last_fetched_at)
            .then_some((stamp.first_fetched_at, stamp.between));
        Self(
            stamp.at,
            value,
            stamp.revision,
            stamp.last_fetched_at,
            again,
        )
    }
}

/// Samples as text.
#[derive(Serialize, Deserialize)]
struct Listed {
    kind: Kind,
    unit: String,
    samples: Vec<Line>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    superseded: Vec<Line>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    told_since: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    frozen: Option<Frozen>,
}

impl From<Listed> for Samples {
    fn from(listed: Listed) -> Self {
        let samples = listed.samples.into_iter().map(Sample::from);
        Self {
            superseded: listed.superseded.into_iter().map(Sample::from).collect(),
            told_since: listed.told_since,
            frozen: listed.frozen,
            ..Self::of(listed.kind, listed.unit, samples)
        }
    }
}

impl From<Samples> for Listed {
    fn from(samples: Samples) -> Self {
        Self {
            samples: samples.iter().map(Line::from).collect(),
            superseded: samples.superseded.into_iter().map(Line::from).collect(),
            told_since: samples.told_since,
            kind: samples.kind,
            unit: samples.unit,
            frozen: samples.frozen,
        }
    }
}

impl Samples {
    /// Samples of ascending observed times, none sealed and none superseded.
    pub fn of(kind: Kind, unit: String, samples: impl IntoIterator<Item = Sample>) -> Self {
        let (stamps, values) = samples
            .into_iter()
            .map(|sample| (sample.stamp, sample.value))
            .unzip();
        Self {
            kind,
            unit,
            stamps: Arc::new(stamps),
            values,
            superseded: Vec::new(),
            told_since: None,
            frozen: None,
        }
    }

    /// The same of columns; `None` where they differ in length.
    pub fn of_columns(
        kind: Kind,
        unit: String,
        stamps: Arc<Vec<Stamp>>,
        values: Vec<f64>,
    ) -> Option<Self> {
        (stamps.len() == values.len()).then_some(Self {
            kind,
            unit,
            stamps,
            values,
            superseded: Vec::new(),
            told_since: None,
            frozen: None,
        })
    }

    /// The same of a program that kept the last fetch of each only.
    #[must_use]
    pub fn of_last_fetches(mut self) -> Self {
        let last = self.stamps.iter().map(|stamp| stamp.last_fetched_at).max();
        self.told_since = last.max(self.told_since);
        self
    }

    /// The same, of which nobody can tell what was known before this time.
    #[must_use]
    pub fn told_from(mut self, since: Option<i64>) -> Self {
        self.told_since = since.max(self.told_since);
        self
    }

    /// What was known before this time nobody can tell.
    pub fn told_since(&self) -> Option<i64> {
        self.told_since
    }

    /// The same with what is superseded, as [`Samples::superseded`] gave it.
    #[must_use]
    pub fn beside(mut self, superseded: Vec<Sample>) -> Self {
        self.superseded = superseded;
        self
    }

    /// The stamps of the samples, in the order of their observed times.
    pub fn stamps(&self) -> &Arc<Vec<Stamp>> {
        &self.stamps
    }

    /// The values, in the order of the stamps.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The values, superseded ones too, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut f64> {
        let superseded = self.superseded.iter_mut();
        (self.values.iter_mut()).chain(superseded.map(|sample| &mut sample.value))
    }

    /// What counts no more, or counts less than another of its time; in the order of observed times.
    pub fn superseded(&self) -> &[Sample] {
        &self.superseded
    }

    /// The samples that count.
    pub fn iter(&self) -> impl Iterator<Item = Sample> + '_ {
        let columns = self.stamps.iter().zip(&self.values);
        columns.map(|(&stamp, &value)| Sample { stamp, value })
    }

    /// How many samples there are that are not sealed.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none that is not sealed.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Samples in any order and with repetitions.
    pub(super) fn sorted(
        kind: Kind,
        unit: String,
        mut samples: Vec<Sample>,
        window: Window,
    ) -> Self {
        samples.sort_unstable_by(|a, b| {
            let (mine, theirs) = (&a.stamp, &b.stamp);
            (mine.at.cmp(&theirs.at))
                .then_with(|| theirs.timely(window).cmp(&mine.timely(window)))
                .then_with(|| mine.revision.cmp(&theirs.revision))
                .then_with(|| a.value.total_cmp(&b.value))
        });
        samples.dedup_by(|next, kept| {
            let again = kept.is_again(next, window);
            if again {
                kept.stamp = kept.stamp.joined(&next.stamp, window);
            }
            again
        });
        let (mut counting, mut superseded) = (Vec::with_capacity(samples.len()), Vec::new());
        for same in samples.chunk_by_mut(|a, b| a.stamp.at == b.stamp.at) {
            if let [only] = same {
                counting.push(*only);
                continue;
            }
            counting.extend(told_apart(same, window, &mut superseded));
        }
        Self::of(kind, unit, counting).beside(superseded)
    }

    /// Takes in other samples. Returns whether anything changed.
    pub(super) fn merge(&mut self, other: &Samples, window: Window) -> bool {
        let news: Vec<Sample> = other
            .all()
            .filter(|sample| !self.includes(sample, window))
            .collect();
        if news.is_empty() {
            return false;
        }
        let all = self.all().chain(news).collect();
        let unit = std::mem::take(&mut self.unit);
        *self = Self {
            frozen: self.frozen.take(),
            told_since: self.told_since.max(other.told_since),
            ..Self::sorted(self.kind, unit, all, window)
        };
        true
    }

    /// All samples, whether they count or not.
    fn all(&self) -> impl Iterator<Item = Sample> + '_ {
        self.iter().chain(self.superseded.iter().copied())
    }

    /// Those superseded of an observed time.
    fn superseded_at(&self, at: i64) -> &[Sample] {
        let start = self.superseded.partition_point(|s| s.stamp.at < at);
        let length = self.superseded[start..].partition_point(|s| s.stamp.at == at);
        &self.superseded[start..start + length]
    }

    pub(super) fn stats(&self, window: Window) -> Stats {
        let part = |late: bool| {
            let part = self
                .iter()
                .filter(move |sample| sample.stamp.timely(window) != late);
            Stats::from_samples(self.kind, part.map(|s| At(s.stamp.at, s.value)))
        };
        let mut stats = part(false);
        if let Some(frozen) = &self.frozen {
            stats.merge(&frozen.stats);
        }
        stats.merge(&part(true));
        stats
    }

    /// The observed times, sealed or not.
    pub(super) fn times(&self) -> impl Iterator<Item = i64> + '_ {
        let frozen = self.frozen.iter().flat_map(|frozen| &frozen.times);
        let open = self.stamps.iter().map(|stamp| stamp.at);
        frozen.copied().chain(open)
    }

    /// How many observed times there are, sealed or not.
    pub(super) fn time_count(&self) -> usize {
        let frozen = self.frozen.as_ref().map_or(0, |frozen| frozen.times.len());
        frozen + self.values.len()
    }

    /// No sum or difference of the values is larger than this.
    pub fn magnitude(&self) -> f64 {
        let values = self.values.iter().map(|value| value.abs());
        let frozen = self.frozen.as_ref().map_or(0.0, |frozen| {
            let stats = &frozen.stats;
            stats.sum.value().abs() + stats.min.abs() + stats.max.abs()
        });
        values.sum::<f64>() + frozen
    }

    /// Whether taking in `sample` would change nothing.
    fn includes(&self, sample: &Sample, window: Window) -> bool {
        let at = sample.stamp.at;
        if (self.frozen.as_ref()).is_some_and(|frozen| frozen.times.binary_search(&at).is_ok()) {
            return true;
        }
        let Ok(index) = self.stamps.binary_search_by_key(&at, |stamp| stamp.at) else {
            return false;
        };
        let counts = Sample {
            stamp: self.stamps[index],
            value: self.values[index],
        };
        let superseded = self.superseded_at(at);
        if superseded.is_empty() && counts.is_again(sample, window) {
            return counts.stamp.joined(&sample.stamp, window) == counts.stamp;
        }
        let there = [&[counts], superseded].concat();
        let with = Self::sorted(
            self.kind,
            String::new(),
            [&there[..], &[*sample]].concat(),
            window,
        );
        with.all().eq(there)
    }

    /// Whether taking in these samples would change nothing.
    pub(super) fn includes_all(&self, other: &Samples, window: Window) -> bool {
        // What is new is stored as it was written: no sample need be looked for.
        (self.stamps == other.stamps
            && self.values == other.values
            && self.superseded == other.superseded)
            || other.all().all(|sample| self.includes(&sample, window))
    }

    /// Reduces the samples fetched before the deadline to their statistics, where there are more than `most`.
    pub(super) fn seal(&mut self, most: usize, window: Window) {
        let is_timely = |sample: &Sample| sample.stamp.timely(window);
        if self.frozen.is_none() && self.all().filter(is_timely).count() <= most {
            return;
        }
        let (timely, late): (Vec<Sample>, Vec<Sample>) = self.iter().partition(is_timely);
        let mut frozen = self.frozen.take().unwrap_or_default();
        frozen.stats.merge(&Stats::from_samples(
            self.kind,
            timely.iter().map(|s| At(s.stamp.at, s.value)),
        ));
        frozen.times.extend(timely.iter().map(|s| s.stamp.at));
        frozen.times.sort_unstable();
        let superseded = std::mem::take(&mut self.superseded).into_iter();
        let superseded = superseded.filter(|sample| !is_timely(sample));
        let unit = std::mem::take(&mut self.unit);
        *self = Self {
            frozen: Some(frozen),
            told_since: self.told_since,
            ..Self::of(self.kind, unit, late).beside(superseded.collect())
        };
    }

    /// The samples as they were known at `at`: those fetched until then, of each time the one that counted. `None` where nobody
    /// can say, since they gave way to their statistics.
    ///
    /// Of a value that came back after another it is known only to a 32nd of the time until the deadline when it did.
    pub(super) fn known_at(&self, at: i64, window: Window) -> Option<Self> {
        let is_lost = self.frozen.is_some() && at < window.deadline;
        if is_lost || self.told_since.is_some_and(|since| at < since) {
            return None;
        }
        let known = self.all().filter_map(|sample| {
            let stamp = sample.stamp.known_at(at, window)?;
            Some(Sample { stamp, ..sample })
        });
        let unit = self.unit.clone();
        Some(Self {
            frozen: self.frozen.clone(),
            ..Self::sorted(self.kind, unit, known.collect(), window)
        })
    }
}

/// Of different samples of one observed time the one that counts; the others are added to `superseded`.
fn told_apart(same: &mut [Sample], window: Window, superseded: &mut Vec<Sample>) -> Option<Sample> {
    // What came late says nothing where something came in time.
    let timely = same.iter().take_while(|s| s.stamp.timely(window)).count();
    let same = match timely {
        0 => same,
        timely => same.get_mut(..timely)?,
    };
    let mut best = *same.iter().max_by(|a, b| a.precedence(b, window))?;
    same.sort_unstable_by(|a, b| b.order(a));
    let (kept, dropped) = same.split_at(same.len().min(VALUES_MAX));
    if dropped.iter().any(|sample| sample.is_again(&best, window)) {
        // It counts all the same, but of its fetches only the last is known.
        best.stamp = Stamp::once(
            best.stamp.at,
            best.stamp.revision,
            best.stamp.last_fetched_at,
        );
    }
    superseded.extend(kept.iter().filter(|sample| !sample.is_again(&best, window)));
    Some(best)
}

/// Lets measures that follow each other share equal stamps.
pub(super) fn share_stamps<'s>(measures: impl Iterator<Item = &'s mut Samples>) {
    let mut before: Option<Arc<Vec<Stamp>>> = None;
    for samples in measures {
        match &before {
            Some(before) if *before == samples.stamps => samples.stamps = Arc::clone(before),
            _ => before = Some(Arc::clone(&samples.stamps)),
        }
    }
}
