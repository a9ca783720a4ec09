//! Quantiles that can be merged.
//!
//! A sketch keeps the values themselves while at most [`DISTINCT_MAX`] of them differ, and its
//! quantiles are then exact (linear interpolation between order statistics, "type 7" of Hyndman
//! and Fan 1996, as in pandas and `DuckDB`'s `quantile_cont`). Beyond, it keeps counts in logarithmic
//! bins as `DDSketch` does (Masson, Rim and Lee, VLDB 2019), and a quantile is within
//! [`RELATIVE_ERROR`] of an exact one. What a sketch holds depends only on the multiset of its
//! values: merging is commutative and associative, to the bit.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// How many distinct values are kept as they are.
pub const DISTINCT_MAX: usize = 128;

/// The greatest relative error of a quantile once values are binned.
pub const RELATIVE_ERROR: f64 = 0.005;

/// A mergeable summary of a multiset of finite numbers, for quantiles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sketch {
    /// Distinct values in ascending order, each with its count.
    Exact(Vec<(f64, u64)>),
    /// Counts per signed logarithmic bin.
    Binned(Vec<(i32, u64)>),
}

impl Default for Sketch {
    fn default() -> Self {
        Self::Exact(Vec::new())
    }
}

impl Sketch {
    /// The sketch of some values.
    pub fn from_values(values: impl IntoIterator<Item = f64>) -> Self {
        // −0 and 0 are one value.
        let mut values: Vec<f64> = values.into_iter().map(|value| value + 0.0).collect();
        values.sort_unstable_by(f64::total_cmp);
        let mut exact: Vec<(f64, u64)> = Vec::new();
        for value in values {
            match exact.last_mut() {
                Some((last, count)) if last.total_cmp(&value).is_eq() => *count += 1,
                _ => exact.push((value, 1)),
            }
        }
        Self::of_exact(exact)
    }

    fn of_exact(exact: Vec<(f64, u64)>) -> Self {
        if exact.len() <= DISTINCT_MAX {
            Self::Exact(exact)
        } else {
            Self::Binned(bins(&exact))
        }
    }

    /// The sketch of both multisets.
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Exact(a), Self::Exact(b)) => {
                let merged = merge_sorted(a, b, f64::total_cmp);
                Self::of_exact(merged)
            }
            _ => Self::Binned(merge_sorted(&self.binned(), &other.binned(), i32::cmp)),
        }
    }

    fn binned(&self) -> Cow<'_, [(i32, u64)]> {
        match self {
            Self::Exact(exact) => Cow::Owned(bins(exact)),
            Self::Binned(bins) => Cow::Borrowed(bins),
        }
    }

    /// The quantile `q` (0 to 1), or `None` of nothing.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        match self {
            Self::Exact(exact) => quantile(exact, q, |value| value),
            Self::Binned(bins) => quantile(bins, q, middle_of_bin),
        }
    }
}

/// The quantile of values in ascending order, each with its count.
fn quantile<K: Copy>(weighted: &[(K, u64)], q: f64, value: impl Fn(K) -> f64) -> Option<f64> {
    let total: u64 = weighted.iter().map(|&(_, count)| count).sum();
    if total == 0 {
        return None;
    }
    let rank = q.clamp(0.0, 1.0) * (total - 1) as f64;
    let (low, fraction) = (rank.floor() as u64, rank.fract());
    let mut seen = 0;
    let place = weighted.iter().position(|&(_, count)| {
        seen += count;
        low < seen
    })?;
    let below = value(weighted[place].0);
    // The next value in order is the same one again, or the next that differs.
    let next = if low + 1 < seen {
        None
    } else {
        weighted.get(place + 1)
    };
    let above = next.map_or(below, |&(next, _)| value(next));
    Some(if fraction == 0.0 {
        below
    } else {
        below + (above - below) * fraction
    })
}

/// γ of `DDSketch`: bin `i` covers (γ^(i−1), γ^i].
fn gamma() -> f64 {
    (1.0 + RELATIVE_ERROR) / (1.0 - RELATIVE_ERROR)
}

/// Added to the index of a bin so that the signed number says on which side of zero it is:
/// |x| from 1e-300 to 1e300 have indices of less than 70,000.
const BIN_OFFSET: i32 = 100_000;

fn bin_of(value: f64) -> i32 {
    if value == 0.0 {
        return 0;
    }
    let index = (value.abs().ln() / gamma().ln()).ceil() as i32 + BIN_OFFSET;
    if value > 0.0 { index } else { -index }
}

fn middle_of_bin(bin: i32) -> f64 {
    if bin == 0 {
        return 0.0;
    }
    let magnitude = 2.0 * gamma().powi(bin.abs() - BIN_OFFSET) / (gamma() + 1.0);
    if bin > 0 { magnitude } else { -magnitude }
}

fn bins(exact: &[(f64, u64)]) -> Vec<(i32, u64)> {
    // Bins ascend as their values do.
    let mut bins: Vec<(i32, u64)> = Vec::new();
    for &(value, count) in exact {
        let bin = bin_of(value);
        match bins.last_mut() {
            Some((last, counted)) if *last == bin => *counted += count,
            _ => bins.push((bin, count)),
        }
    }
    bins
}

fn merge_sorted<K: Copy>(
    a: &[(K, u64)],
    b: &[(K, u64)],
    compare: impl Fn(&K, &K) -> std::cmp::Ordering,
) -> Vec<(K, u64)> {
    let (mut i, mut j) = (0, 0);
    let mut merged = Vec::with_capacity(a.len() + b.len());
    while i < a.len() && j < b.len() {
        match compare(&a[i].0, &b[j].0) {
            std::cmp::Ordering::Less => {
                merged.push(a[i]);
                i += 1;
            }
            std::cmp::Ordering::Greater => {
                merged.push(b[j]);
                j += 1;
            }
            std::cmp::Ordering::Equal => {
                merged.push((a[i].0, a[i].1 + b[j].1));
                i += 1;
                j += 1;
            }
        }
    }
    merged.extend_from_slice(&a[i..]);
    merged.extend_from_slice(&b[j..]);
    merged
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn few_values_have_exact_quantiles() {
        let sketch = Sketch::from_values([4.0, 1.0, 3.0, 2.0]);
        assert_eq!(sketch.quantile(0.5), Some(2.5));
        assert_eq!(sketch.quantile(0.95), Some(3.849_999_999_999_999_6));
        assert_eq!(Sketch::default().quantile(0.5), None);
    }

    #[test]
    fn many_values_are_within_the_stated_error() {
        let values: Vec<f64> = (1..=5000).map(|i| f64::from(i) * 0.37 - 300.0).collect();
        let sketch = Sketch::from_values(values.iter().copied());
        assert!(matches!(sketch, Sketch::Binned(_)));
        for (q, index) in [(0.0, 0), (0.5, 2499), (0.95, 4749), (1.0, 4999)] {
            let got = sketch.quantile(q).unwrap();
            let exact = values[index];
            assert!(
                (got - exact).abs() <= exact.abs() * 2.0 * RELATIVE_ERROR + 0.37,
                "{q}: {got} {exact}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_split_and_order_gives_the_same_sketch(
            values in prop::collection::vec(-1e6..1e6_f64, 0..400), cut in 0usize..400
        ) {
            let cut = cut.min(values.len());
            let (left, right) = values.split_at(cut);
            let (left, right) = (
                Sketch::from_values(left.iter().copied()), Sketch::from_values(right.iter().copied()));
            prop_assert_eq!(left.merge(&right), right.merge(&left));
            prop_assert_eq!(left.merge(&right), Sketch::from_values(values));
        }
    }
}
