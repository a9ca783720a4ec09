//! Lagged correlation of two series, with what speaks against believing it.

use serde::Serialize;
use utoipa::ToSchema;

/// Fewer pairs say nothing.
pub const PAIRS_MIN: usize = 10;
/// The quantile of the normal distribution that a 95 % interval needs.
const Z: f64 = 1.96;

/// How two series go together when one is shifted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Lag {
    /// By how many steps the second series follows the first; negative where it goes before.
    pub lag: i32,
    /// How many steps both series know.
    pub pairs: u64,
    /// Pearson's coefficient; null for too few pairs, or where a series does not change.
    pub r: Option<f64>,
}

/// The lag at which two series go together most, and how far that can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Best {
    /// By how many steps the second series follows the first.
    pub lag: i32,
    /// How many steps both series know.
    pub pairs: u64,
    /// Pearson's coefficient.
    pub r: f64,
    /// How many independent pairs these are worth, as neighbouring values resemble each other (Pyper and Peterman 1998).
    pub effective_pairs: f64,
    /// Of the 95 % interval of the coefficient, the lower end; null where the pairs are worth too little.
    pub low: Option<f64>,
    /// Its upper end.
    pub high: Option<f64>,
}

/// The coefficients at all lags, from `-most` to `most` steps.
pub fn lagged(a: &[Option<f64>], b: &[Option<f64>], most: usize) -> Vec<Lag> {
    let most = i32::try_from(most).unwrap_or(i32::MAX);
    (-most..=most)
        .map(|lag| {
            let pairs = pairs(a, b, lag);
            Lag {
                lag,
                pairs: pairs.len() as u64,
                r: pearson(&pairs),
            }
        })
        .collect()
}

/// The greatest coefficient, whatever its sign; of equal ones that of the shortest lag.
pub fn best(a: &[Option<f64>], b: &[Option<f64>], lags: &[Lag]) -> Option<Best> {
    let known = lags.iter().filter_map(|lag| Some((lag, lag.r?)));
    let (lag, r) = known.max_by(|(x, a), (y, b)| {
        a.abs()
            .total_cmp(&b.abs())
            .then(y.lag.abs().cmp(&x.lag.abs()))
            .then(x.lag.cmp(&y.lag))
    })?;
    let (own, others) = (autocorrelations(a), autocorrelations(b));
    let effective = effective_pairs(usize::try_from(lag.pairs).ok()?, &own, &others);
    // Fisher's transformation; beyond three pairs it has no width.
    let interval = (effective > 4.0).then(|| {
        let (middle, half) = (
            r.clamp(-0.999_999, 0.999_999).atanh(),
            Z / (effective - 3.0).sqrt(),
        );
        ((middle - half).tanh(), (middle + half).tanh())
    });
    Some(Best {
        lag: lag.lag,
        pairs: lag.pairs,
        r,
        effective_pairs: effective,
        low: interval.map(|interval| interval.0),
        high: interval.map(|interval| interval.1),
    })
}

/// The values of the first series, each with the one of the second `lag` steps later, where both are known.
pub(crate) fn pairs(a: &[Option<f64>], b: &[Option<f64>], lag: i32) -> Vec<(f64, f64)> {
    let shift = lag.unsigned_abs() as usize;
    let (a, b) = if lag >= 0 {
        (a, b.get(shift..).unwrap_or_default())
    } else {
        (a.get(shift..).unwrap_or_default(), b)
    };
    a.iter()
        .zip(b)
        .filter_map(|(a, b)| Some(((*a)?, (*b)?)))
        .collect()
}

/// Pearson's coefficient; nothing for too few pairs, or where one side does not change.
pub(crate) fn pearson(pairs: &[(f64, f64)]) -> Option<f64> {
    if pairs.len() < PAIRS_MIN {
        return None;
    }
    let n = pairs.len() as f64;
    let (sum_a, sum_b) = pairs
        .iter()
        .fold((0.0, 0.0), |(x, y), (a, b)| (x + a, y + b));
    let (mean_a, mean_b) = (sum_a / n, sum_b / n);
    let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
    for (a, b) in pairs {
        let (a, b) = (a - mean_a, b - mean_b);
        aa += a * a;
        bb += b * b;
        ab += a * b;
    }
    // A series that differs only by rounding does not change.
    let flat = |squares: f64, mean: f64| squares / n <= (mean.abs() * 1e-12).powi(2);
    if flat(aa, mean_a) || flat(bb, mean_b) {
        return None;
    }
    Some((ab / (aa.sqrt() * bb.sqrt())).clamp(-1.0, 1.0))
}

/// How much a regular series resembles itself 1, 2, … steps later, up to a fifth of what is known of it.
///
/// Each is of the values that lie so many steps apart, so that gaps neither add nor hide resemblance.
pub(crate) fn autocorrelations(steps: &[Option<f64>]) -> Vec<f64> {
    let n = steps.iter().flatten().count() as f64;
    let mean = steps.iter().flatten().sum::<f64>() / n;
    let off: Vec<Option<f64>> = steps.iter().map(|step| Some((*step)? - mean)).collect();
    let square: f64 = off.iter().flatten().map(|value| value * value).sum();
    let resemblance = |lag: usize| {
        let products = off.iter().zip(off.iter().skip(lag));
        let products = products.filter_map(|(a, b)| Some((*a)? * (*b)?));
        let (sum, apart) = products.fold((0.0, 0.0), |(sum, apart), p| (sum + p, apart + 1.0));
        if square > 0.0 && apart > 0.0 {
            (sum / apart) / (square / n)
        } else {
            0.0
        }
    };
    (1..=(n / 5.0) as usize).map(resemblance).collect()
}

/// How many independent pairs `count` of two series are worth, for values that follow each other resemble each other:
/// `1/n* = 1/n + 2/n Σ (1 − j/n) r_x(j) r_y(j)` over lags `j` up to a fifth of them (Bartlett 1946; Pyper and Peterman 1998,
/// equations 1 and 7), where `r_x` and `r_y` are the [`autocorrelations`] of the series. Never more than there are: that values
/// alternate makes nothing surer.
pub(crate) fn effective_pairs(count: usize, x: &[f64], y: &[f64]) -> f64 {
    let n = count as f64;
    let sum: f64 = (1..=count / 5)
        .zip(x.iter().zip(y))
        .map(|(lag, (x, y))| (1.0 - lag as f64 / n) * x * y)
        .sum();
    n / (1.0 + 2.0 * sum).max(1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Numbers without order, the same every time.
    fn noise(seed: u64, count: usize) -> Vec<Option<f64>> {
        let mut state = seed;
        let next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            Some((state >> 40) as f64 / f64::from(1 << 24))
        };
        std::iter::repeat_with(next).take(count).collect()
    }

    #[test]
    fn a_series_that_follows_is_found_at_its_lag() {
        let first = noise(1, 200);
        let mut second = vec![None; 3];
        second.extend(
            first
                .iter()
                .take(197)
                .map(|value| value.map(|value| 5.0 - 2.0 * value)),
        );
        let lags = lagged(&first, &second, 6);
        assert_eq!(lags.len(), 13);
        let best = best(&first, &second, &lags).unwrap();
        assert_eq!((best.lag, best.pairs), (3, 197));
        assert!((best.r + 1.0).abs() < 1e-9, "{best:?}");
        assert!(best.effective_pairs > 100.0, "{best:?}");
        // Seen from the other side the same lag is negative.
        let other = lagged(&second, &first, 6);
        assert_eq!(super::best(&second, &first, &other).unwrap().lag, -3);
    }

    #[test]
    fn the_coefficient_is_that_of_the_textbook() {
        // Anscombe's first set.
        let x = [10.0, 8.0, 13.0, 9.0, 11.0, 14.0, 6.0, 4.0, 12.0, 7.0, 5.0];
        let y = [
            8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68,
        ];
        let lags = lagged(&x.map(Some), &y.map(Some), 0);
        assert!(
            (lags[0].r.unwrap() - 0.816_420_516).abs() < 1e-9,
            "{lags:?}"
        );
    }

    #[test]
    fn gaps_are_left_out_and_too_little_says_nothing() {
        let mut first = noise(2, 12);
        let second = first.clone();
        first[4] = None;
        assert_eq!(lagged(&first, &second, 0)[0].pairs, 11);
        first[5] = None;
        first[6] = None;
        let lags = lagged(&first, &second, 2);
        assert!(lags.iter().all(|lag| lag.r.is_none()), "{lags:?}");
        assert_eq!(best(&first, &second, &lags), None);
        let flat = vec![Some(0.1); 50];
        assert_eq!(lagged(&flat, &noise(3, 50), 0)[0].r, None);
        assert!(lagged(&[], &[], 3).iter().all(|lag| lag.pairs == 0));
    }

    /// Values that keep a share of what was before, the theory of which is known.
    fn persistent(seed: u64, count: usize, share: f64) -> Vec<f64> {
        let mut level = 0.0;
        let noise = noise(seed, count + 50).into_iter().flatten();
        let values = noise.map(|noise| {
            level = share * level + noise - 0.5;
            level
        });
        values.skip(50).collect()
    }

    #[test]
    fn persistent_series_are_worth_as_many_pairs_as_theory_says() {
        let (count, share) = (600_usize, 0.6);
        // Of two independent first-order processes: n (1 − ab) / (1 + ab) (Bartlett 1935).
        let expected = count as f64 * (1.0 - share * share) / (1.0 + share * share);
        let worth = |keep: fn(usize) -> bool| {
            let of = |seed: u64| {
                let (x, y) = (
                    persistent(seed, count, share),
                    persistent(seed + 77, count, share),
                );
                let kept = |values: Vec<f64>| -> Vec<Option<f64>> {
                    let steps = values.into_iter().enumerate();
                    steps
                        .map(|(step, value)| keep(step).then_some(value))
                        .collect()
                };
                let (x, y) = (kept(x), kept(y));
                let known = x.iter().flatten().count();
                effective_pairs(known, &autocorrelations(&x), &autocorrelations(&y))
            };
            let mut all: Vec<f64> = (0..15).map(|world| of(world * 1009)).collect();
            all.sort_unstable_by(f64::total_cmp);
            all[7]
        };
        let whole = worth(|_| true);
        assert!(
            (0.8..1.2).contains(&(whole / expected)),
            "{whole} {expected}"
        );
        // Every other one: 0.36 is what neighbours have in common then.
        let (n, ab) = (count as f64 / 2.0, 0.36_f64 * 0.36);
        let expected = n * (1.0 - ab) / (1.0 + ab);
        let half = worth(|step| step % 2 == 0);
        assert!((0.8..1.2).contains(&(half / expected)), "{half} {expected}");
        // A gap in the middle takes its pairs away and changes nothing else.
        let holed = worth(|step| !(200..400).contains(&step));
        assert!(
            (0.8..1.2).contains(&(holed / whole * 1.5)),
            "{holed} {whole}"
        );
    }

    #[test]
    fn slow_series_are_worth_fewer_pairs() {
        let slow: Vec<Option<f64>> = (0..200)
            .map(|step| Some((f64::from(step) / 30.0).sin()))
            .collect();
        let other: Vec<Option<f64>> = (0..200)
            .map(|step| Some((f64::from(step) / 30.0 + 0.7).sin()))
            .collect();
        let lags = lagged(&slow, &other, 0);
        let best = best(&slow, &other, &lags).unwrap();
        assert!(best.r > 0.7 && best.effective_pairs < 10.0, "{best:?}");
        assert!(best.low.is_none_or(|low| low < 0.3), "{best:?}");
    }

    proptest! {
        #[test]
        fn coefficients_stay_within_their_bounds(
            a in prop::collection::vec(prop::option::of(-1e9..1e9_f64), 0..60),
            b in prop::collection::vec(prop::option::of(-1e9..1e9_f64), 0..60),
        ) {
            let lags = lagged(&a, &b, 70);
            for lag in &lags {
                prop_assert!(lag.r.is_none_or(|r| (-1.0..=1.0).contains(&r)));
            }
            if let Some(best) = best(&a, &b, &lags) {
                prop_assert!(best.effective_pairs <= best.pairs as f64);
                prop_assert!(best.low.is_none_or(|low| low <= best.r + 1e-6));
            }
        }
    }
}
