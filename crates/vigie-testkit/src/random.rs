//! Numbers that look random and are a pure function of a seed and of keys.
//!
//! A generator of a library gives a *sequence*; here any moment of any day must be reachable
//! directly, and the bytes of a seed must outlive library updates. Hence these few lines
//! (`SplitMix64`, public domain, by Sebastiano Vigna).

use std::f64::consts::PI;

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// A stream of numbers that belongs to one thing: a station, an hour, a report.
#[derive(Debug, Clone)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// The stream of `keys`, whose order counts.
    pub(crate) fn keyed(seed: u64, keys: &[u64]) -> Self {
        let state = keys.iter().fold(mix(seed ^ GOLDEN), |state, key| {
            mix(state.wrapping_mul(GOLDEN) ^ mix(key.wrapping_add(GOLDEN)))
        });
        Self { state }
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mix(self.state)
    }

    /// A number of [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number of [low, high).
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A number of 0..limit; `limit` must not be 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.unit() * limit as f64) as usize
    }

    /// True in a share of `probability` of the cases.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of `choices`, which must not be empty.
    pub(crate) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    /// A number of mean 0 and standard deviation 1 (Box and Muller).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (2.0 * PI * self.unit()).cos()
    }

    /// A waiting time of this mean.
    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// How many independent things happen where `mean` are expected (Knuth; small means only).
    pub(crate) fn poisson(&mut self, mean: f64) -> usize {
        let floor = (-mean).exp();
        let mut product = self.unit();
        let mut count = 0;
        while product > floor {
            product *= self.unit();
            count += 1;
        }
        count
    }
}

/// A smooth curve through random heights in [-1, 1], one at each whole `x`.
pub(crate) fn noise(seed: u64, keys: &[u64], x: f64) -> f64 {
    let base = Random::keyed(seed, keys).bits();
    let left = x.floor();
    let height = |knot: i64| Random::keyed(base, &[knot.cast_unsigned()]).between(-1.0, 1.0);
    let weight = (1.0 - ((x - left) * PI).cos()) / 2.0;
    height(left as i64) * (1.0 - weight) + height(left as i64 + 1) * weight
}

/// Rounded to `decimals` places.
pub(crate) fn rounded(value: f64, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_seed_by_key_and_by_the_order_of_keys() {
        let first = |seed, keys: &[u64]| Random::keyed(seed, keys).bits();
        let all = [
            first(1, &[1, 2]),
            first(1, &[2, 1]),
            first(2, &[1, 2]),
            first(1, &[1]),
            first(1, &[1, 2, 0]),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[index + 1..].contains(one), "{all:?}");
        }
        assert_eq!(first(1, &[1, 2]), first(1, &[1, 2]));
    }

    #[test]
    fn distributions_have_their_means() {
        let mut random = Random::keyed(7, &[]);
        let count = 20_000;
        let mut sums = [0.0; 4];
        for _ in 0..count {
            sums[0] += random.unit();
            sums[1] += random.normal();
            sums[2] += random.exponential(3.0);
            sums[3] += random.poisson(2.0) as f64;
        }
        let means = sums.map(|sum| sum / f64::from(count));
        for (mean, expected) in means.iter().zip([0.5, 0.0, 3.0, 2.0]) {
            assert!((mean - expected).abs() < 0.08, "{means:?}");
        }
    }

    #[test]
    fn noise_is_smooth_and_bounded() {
        let mut before = noise(3, &[5], -4.0);
        for step in -400..400 {
            let value = noise(3, &[5], f64::from(step) / 100.0);
            assert!((-1.0..=1.0).contains(&value));
            assert!((value - before).abs() < 0.04);
            before = value;
        }
    }
}
