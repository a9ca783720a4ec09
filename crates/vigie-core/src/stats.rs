//! Statistics of a series over a stretch of time, which merge.

use serde::{Deserialize, Serialize};

use crate::{measure::Kind, sketch::Sketch};

/// A sum of floating-point numbers that carries its rounding error along ("double-double",
/// Dekker 1971, Knuth's `TwoSum`): about 106 bits, so that the rounded result does not depend on how
/// the additions were grouped in any case that the data can make.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Sum(f64, f64);

impl Sum {
    fn two_sum(a: f64, b: f64) -> (f64, f64) {
        let sum = a + b;
        let b_part = sum - a;
        (sum, (a - (sum - b_part)) + (b - b_part))
    }

    /// Adds a number.
    pub fn add(&mut self, value: f64) {
        self.merge(Sum(value, 0.0));
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: Sum) {
        let (high, error) = Self::two_sum(self.0, other.0);
        let (low, low_error) = Self::two_sum(self.1, other.1);
        let (high, error) = Self::two_sum(high, error + low);
        let (high, error) = Self::two_sum(high, error + low_error);
        *self = Sum(high, error);
    }

    /// The rounded sum.
    pub fn value(self) -> f64 {
        self.0 + self.1
    }
}

/// A value and when it was observed, in milliseconds since 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct At(pub i64, pub f64);

/// Statistics of the samples of one measure of one entity (or several) over a stretch of time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// How many samples.
    pub count: u64,
    /// The least value; meaningless for directions.
    pub min: f64,
    /// The greatest value; meaningless for directions.
    pub max: f64,
    /// The sum of the values, compensated.
    pub sum: Sum,
    /// The earliest sample.
    pub first: Option<At>,
    /// The latest sample.
    pub last: Option<At>,
    /// For directions: the sums of the cosines and sines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector: Option<(Sum, Sum)>,
    /// For quantiles.
    pub sketch: Sketch,
}

impl Stats {
    /// The statistics of samples in the order of their times.
    pub fn from_samples(kind: Kind, samples: impl IntoIterator<Item = At>) -> Self {
        let samples: Vec<At> = samples.into_iter().collect();
        let mut stats = Self::without_quantiles(kind, &samples);
        if kind != Kind::Direction {
            stats.sketch = Sketch::from_values(samples.iter().map(|sample| sample.1));
        }
        stats
    }

    /// As [`Stats::from_samples`], for who has no use for quantiles.
    pub(crate) fn without_quantiles(kind: Kind, samples: &[At]) -> Self {
        let mut stats = Self {
            count: samples.len() as u64,
            ..Self::default()
        };
        let (Some(&first), Some(&last)) = (samples.first(), samples.last()) else {
            return stats;
        };
        stats.first = Some(first);
        stats.last = Some(last);
        stats.min = f64::INFINITY;
        stats.max = f64::NEG_INFINITY;
        for &At(_, value) in samples {
            stats.min = stats.min.min(value);
            stats.max = stats.max.max(value);
            stats.sum.add(value);
        }
        if kind == Kind::Direction {
            let (mut cosines, mut sines) = (Sum::default(), Sum::default());
            for &At(_, degrees) in samples {
                cosines.add(degrees.to_radians().cos());
                sines.add(degrees.to_radians().sin());
            }
            stats.vector = Some((cosines, sines));
        }
        stats
    }

    /// The statistics of both sets of samples, which must be disjoint.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = other.clone();
            return;
        }
        self.count += other.count;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.sum.merge(other.sum);
        self.first = earlier(self.first, other.first);
        self.last = later(self.last, other.last);
        self.vector = match (self.vector, other.vector) {
            (Some((mut cosines, mut sines)), Some((other_cosines, other_sines))) => {
                cosines.merge(other_cosines);
                sines.merge(other_sines);
                Some((cosines, sines))
            }
            (mine, theirs) => mine.or(theirs),
        };
        self.sketch = self.sketch.merge(&other.sketch);
    }

    /// The mean: circular (0 ≤ mean < 360) for directions, `None` where the directions cancel out.
    pub fn mean(&self) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        let Some((cosines, sines)) = self.vector else {
            return Some(self.sum.value() / self.count as f64);
        };
        let (x, y) = (cosines.value(), sines.value());
        let resultant = x.hypot(y) / self.count as f64;
        if resultant < 1e-9 {
            return None;
        }
        // −1e-15° is 0°, not 360°.
        let degrees = y.atan2(x).to_degrees().rem_euclid(360.0);
        Some(if 360.0 - degrees < 1e-9 { 0.0 } else { degrees })
    }

    /// What may be published of these statistics for a measure of that kind.
    pub fn publish(&self, kind: Kind) -> Figures {
        let counted = self.count > 0;
        let linear = counted && kind != Kind::Direction;
        Figures {
            count: self.count,
            min: linear.then_some(self.min),
            max: linear.then_some(self.max),
            mean: self.mean(),
            sum: linear.then(|| self.sum.value()),
            first: self.first.map(|at| at.1),
            last: self.last.map(|at| at.1),
            p50: if linear {
                self.sketch.quantile(0.5)
            } else {
                None
            },
            p95: if linear {
                self.sketch.quantile(0.95)
            } else {
                None
            },
        }
    }
}

/// Statistics as they are published; `None` where the kind of the measure has no such figure.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Figures {
    /// How many samples.
    pub count: u64,
    /// The least value.
    pub min: Option<f64>,
    /// The greatest value.
    pub max: Option<f64>,
    /// The mean, circular for directions.
    pub mean: Option<f64>,
    /// The sum.
    pub sum: Option<f64>,
    /// The earliest value.
    pub first: Option<f64>,
    /// The latest value.
    pub last: Option<f64>,
    /// The median.
    pub p50: Option<f64>,
    /// The 95th percentile.
    pub p95: Option<f64>,
}

/// Of two samples the earlier; of the same time, the lesser, so that the order of merging is without effect.
fn earlier(a: Option<At>, b: Option<At>) -> Option<At> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if (b.0, b.1) < (a.0, a.1) { b } else { a }),
        (a, b) => a.or(b),
    }
}

fn later(a: Option<At>, b: Option<At>) -> Option<At> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if (b.0, b.1) > (a.0, a.1) { b } else { a }),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stats(kind: Kind, values: &[f64]) -> Stats {
        Stats::from_samples(kind, (0..).zip(values).map(|(i, &v)| At(i, v)))
    }

    #[test]
    fn the_mean_of_north_is_north() {
        let mean = stats(Kind::Direction, &[350.0, 10.0]).mean().unwrap();
        assert!(mean.abs() < 1e-9, "{mean}");
        assert_eq!(stats(Kind::Direction, &[90.0, 270.0]).mean(), None);
        let figures = stats(Kind::Direction, &[350.0, 20.0]).publish(Kind::Direction);
        assert_eq!(
            (figures.min, figures.sum, figures.last),
            (None, None, Some(20.0))
        );
    }

    #[test]
    fn sums_are_compensated() {
        let stats = stats(Kind::Gauge, &[1e16, 1.0, 1.0, -1e16]);
        assert_eq!(stats.sum.value().to_bits(), 2.0_f64.to_bits());
    }

    proptest! {
        #[test]
        fn merged_parts_equal_the_whole(values in prop::collection::vec(-1e9..1e9_f64, 1..300), cut in 0usize..300) {
            let cut = cut.min(values.len());
            let whole = stats(Kind::Gauge, &values);
            let mut left = stats(Kind::Gauge, &values[..cut]);
            let right = Stats::from_samples(
                Kind::Gauge, (cut as u32..).zip(&values[cut..]).map(|(i, &v)| At(i64::from(i), v)));
            left.merge(&right);
            prop_assert_eq!(left.publish(Kind::Gauge), whole.publish(Kind::Gauge));
        }
    }
}
