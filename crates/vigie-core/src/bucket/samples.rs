//! The samples of a measure in a bucket, side by side: times here, values there.
//!
//! The measures of a row were observed and fetched together: their samples have the same [`Stamp`]s, which they share.

use std::{cmp::Ordering, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    measure::Kind,
    stats::{At, Stats},
};

/// When a sample was observed and fetched, and its revision. Times are milliseconds since 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// When it was observed.
    pub at: i64,
    /// The provider's order of revisions.
    pub revision: i64,
    /// When it was fetched.
    pub fetched_at: i64,
}

impl Stamp {
    /// What decides which of two samples of the same observed time counts, the value apart: one fetched before the deadline over
    /// a late one, then the later revision, then the later fetch.
    pub(super) fn rank(&self, deadline: i64) -> (bool, i64, i64) {
        (self.fetched_at <= deadline, self.revision, self.fetched_at)
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
    fn precedence(&self, other: &Self, deadline: i64) -> Ordering {
        (self.stamp.rank(deadline).cmp(&other.stamp.rank(deadline)))
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
    /// The sealed part.
    pub frozen: Option<Frozen>,
}

/// Samples as text: observed time, value, revision, time of the fetch.
#[derive(Serialize, Deserialize)]
struct Listed {
    kind: Kind,
    unit: String,
    samples: Vec<(i64, f64, i64, i64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    frozen: Option<Frozen>,
}

impl From<Listed> for Samples {
    fn from(listed: Listed) -> Self {
        let samples = listed.samples.into_iter();
        let sample = |(at, value, revision, fetched_at)| {
            let stamp = Stamp {
                at,
                revision,
                fetched_at,
            };
            Sample { stamp, value }
        };
        Self {
            frozen: listed.frozen,
            ..Self::of(listed.kind, listed.unit, samples.map(sample))
        }
    }
}

impl From<Samples> for Listed {
    fn from(samples: Samples) -> Self {
        let listed = |Sample { stamp, value }| (stamp.at, value, stamp.revision, stamp.fetched_at);
        Self {
            samples: samples.iter().map(listed).collect(),
            kind: samples.kind,
            unit: samples.unit,
            frozen: samples.frozen,
        }
    }
}

impl Samples {
    /// Samples of ascending observed times, none sealed.
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
            frozen: None,
        })
    }

    /// The stamps of the samples, in the order of their observed times.
    pub fn stamps(&self) -> &Arc<Vec<Stamp>> {
        &self.stamps
    }

    /// The values, in the order of the stamps.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The values, to be changed.
    pub fn values_mut(&mut self) -> &mut [f64] {
        &mut self.values
    }

    /// The samples.
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

    /// Samples in any order and with repetitions: the one that counts for each time, in the order of time.
    pub(super) fn sorted(
        kind: Kind,
        unit: String,
        mut samples: Vec<Sample>,
        deadline: i64,
    ) -> Self {
        samples.sort_unstable_by(|a, b| {
            (a.stamp.at.cmp(&b.stamp.at)).then_with(|| b.precedence(a, deadline))
        });
        samples.dedup_by_key(|sample| sample.stamp.at);
        Self::of(kind, unit, samples)
    }

    /// Takes in other samples. Returns whether anything changed.
    pub(super) fn merge(&mut self, other: &Samples, deadline: i64) -> bool {
        let news: Vec<Sample> = other
            .iter()
            .filter(|sample| !self.includes(sample, deadline))
            .collect();
        if news.is_empty() {
            return false;
        }
        let all = self.iter().chain(news).collect();
        let unit = std::mem::take(&mut self.unit);
        *self = Self {
            frozen: self.frozen.take(),
            ..Self::sorted(self.kind, unit, all, deadline)
        };
        true
    }

    pub(super) fn stats(&self, deadline: i64) -> Stats {
        let part = |late: bool| {
            let part = self
                .iter()
                .filter(move |sample| (sample.stamp.fetched_at > deadline) == late);
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

    /// Whether `sample` is here, or one of the same time that counts more.
    fn includes(&self, sample: &Sample, deadline: i64) -> bool {
        let at = sample.stamp.at;
        if (self.frozen.as_ref()).is_some_and(|frozen| frozen.times.binary_search(&at).is_ok()) {
            return true;
        }
        let found = self.stamps.binary_search_by_key(&at, |stamp| stamp.at);
        found.is_ok_and(|index| {
            let mine = Sample {
                stamp: self.stamps[index],
                value: self.values[index],
            };
            mine.precedence(sample, deadline).is_ge()
        })
    }

    /// Whether each of these samples is here, or one of the same time that counts more.
    pub(super) fn includes_all(&self, other: &Samples, deadline: i64) -> bool {
        // What is new is stored as it was written: no sample need be looked for.
        (self.stamps == other.stamps && self.values == other.values)
            || other.iter().all(|sample| self.includes(&sample, deadline))
    }

    /// Reduces the samples fetched before the deadline to their statistics.
    pub(super) fn seal(&mut self, deadline: i64) {
        let (late, timely): (Vec<Sample>, Vec<Sample>) = self
            .iter()
            .partition(|sample| sample.stamp.fetched_at > deadline);
        let mut frozen = self.frozen.take().unwrap_or_default();
        frozen.stats.merge(&Stats::from_samples(
            self.kind,
            timely.iter().map(|s| At(s.stamp.at, s.value)),
        ));
        frozen.times.extend(timely.iter().map(|s| s.stamp.at));
        frozen.times.sort_unstable();
        let unit = std::mem::take(&mut self.unit);
        *self = Self {
            frozen: Some(frozen),
            ..Self::of(self.kind, unit, late)
        };
    }
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
