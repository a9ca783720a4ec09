//! Whether the hourly values of two sources vary together: Pearson's coefficient at lags of some hours, after their daily
//! cycles are taken out, with as many independent hours as serial correlation leaves, corrected for all that was tried.

use std::collections::{BTreeMap, HashMap};

use jiff::{Timestamp, tz::TimeZone};

use super::{baseline::median_of, trend::normal_p};
use crate::{
    analysis::Correlation,
    correlation::{autocorrelations, effective_pairs, pairs, pearson},
    text::SourceId,
};

/// Hours that one may follow the other by.
const LAG_HOURS_MAX: i32 = 12;
/// Fewer hours in common say nothing.
const HOURS_MIN: usize = 72;
/// Fewer independent hours say nothing.
const EFFECTIVE_MIN: f64 = 10.0;
/// Connections with a greater probability by chance are not told.
const P_MAX: f64 = 0.05;
/// Connections told.
const TOLD_MAX: usize = 10;
/// Smaller coefficients are of no interest, however certain: a tenth of the variance.
const R_MIN: f64 = 0.3;

/// The hourly course of a source's leading series.
#[derive(Debug, Clone, PartialEq)]
pub struct HourlySeries {
    /// The source.
    pub source: SourceId,
    /// Its hours, ascending.
    pub values: Vec<(Timestamp, f64)>,
}

/// What remains of the hours of `from` to `to` without the daily cycle, and how much each resembles the next ones.
struct Rest {
    hours: Vec<Option<f64>>,
    autocorrelations: Vec<f64>,
}

fn hour_number(at: Timestamp) -> i64 {
    at.as_second().div_euclid(3600)
}

fn without_daily_cycle(values: &[(Timestamp, f64)], tz: &TimeZone, (from, to): (i64, i64)) -> Rest {
    let mut by_hour: HashMap<i8, Vec<f64>> = HashMap::new();
    let local = |at: Timestamp| at.to_zoned_datetime(tz.clone()).hour();
    for (at, value) in values {
        by_hour.entry(local(*at)).or_default().push(*value);
    }
    let medians: HashMap<i8, f64> = by_hour
        .into_iter()
        .filter_map(|(hour, mut values)| {
            values.sort_unstable_by(f64::total_cmp);
            Some((hour, median_of(&values)?))
        })
        .collect();
    let mut hours = vec![None; usize::try_from(to + 1 - from).unwrap_or(0)];
    for (at, value) in values {
        let hour = usize::try_from(hour_number(*at) - from).ok();
        if let Some(hour) = hour.and_then(|hour| hours.get_mut(hour))
            && let Some(median) = medians.get(&local(*at))
        {
            *hour = Some(value - median);
        }
    }
    Rest {
        autocorrelations: autocorrelations(&hours),
        hours,
    }
}

struct Tried {
    pair: (usize, usize),
    lag: i32,
    r: f64,
    n: usize,
    effective: f64,
    p: f64,
}

/// The connections between sources that chance does not explain, the strongest first.
pub fn correlations(series: &[HourlySeries], tz: &TimeZone) -> Vec<Correlation> {
    let all = series.iter().flat_map(|series| &series.values);
    let all = all.map(|(at, _)| hour_number(*at));
    let Some(span) = all.clone().min().zip(all.max()) else {
        return Vec::new();
    };
    let rests: Vec<Rest> = series
        .iter()
        .map(|series| without_daily_cycle(&series.values, tz, span))
        .collect();
    let mut tried: Vec<Tried> = Vec::new();
    for (one, x) in rests.iter().enumerate() {
        for (other, y) in rests.iter().enumerate().skip(one + 1) {
            for lag in -LAG_HOURS_MAX..=LAG_HOURS_MAX {
                let pairs = pairs(&x.hours, &y.hours, lag);
                if pairs.len() < HOURS_MIN {
                    continue;
                }
                let Some(r) = pearson(&pairs) else {
                    continue;
                };
                // What would not be told is counted among what was tried, and costs no more.
                let (effective, p) = if r.abs() < R_MIN {
                    (0.0, 1.0)
                } else {
                    let (x, y) = (&x.autocorrelations, &y.autocorrelations);
                    let effective = effective_pairs(pairs.len(), x, y);
                    // Fisher's transformation.
                    let z =
                        r.clamp(-0.999_999, 0.999_999).atanh() * (effective - 3.0).max(0.0).sqrt();
                    (effective, normal_p(z))
                };
                tried.push(Tried {
                    pair: (one, other),
                    lag,
                    r,
                    n: pairs.len(),
                    effective,
                    p,
                });
            }
        }
    }
    holm(&mut tried);
    // Of each pair the lag that chance explains least.
    let mut best: BTreeMap<(usize, usize), Tried> = BTreeMap::new();
    for tried in tried {
        let better = best.get(&tried.pair).is_none_or(|known| {
            (tried.p, -tried.r.abs(), tried.lag.abs()) < (known.p, -known.r.abs(), known.lag.abs())
        });
        if better {
            best.insert(tried.pair, tried);
        }
    }
    let mut told: Vec<Tried> = best
        .into_values()
        .filter(|tried| {
            tried.p <= P_MAX && tried.effective >= EFFECTIVE_MIN && tried.r.abs() >= R_MIN
        })
        .collect();
    told.sort_by(|a, b| b.r.abs().total_cmp(&a.r.abs()).then(a.pair.cmp(&b.pair)));
    told.truncate(TOLD_MAX);
    told.into_iter()
        .map(|tried| Correlation {
            one: series[tried.pair.0].source.clone(),
            other: series[tried.pair.1].source.clone(),
            lag_hours: tried.lag,
            r: tried.r,
            n: tried.n as u32,
            n_effective: tried.effective,
            p: tried.p,
        })
        .collect()
}

/// Corrects the probabilities for their number (Holm 1979): valid however they depend on each other.
fn holm(tried: &mut [Tried]) {
    tried.sort_by(|a, b| a.p.total_cmp(&b.p));
    let count = tried.len();
    let mut least = 0.0_f64;
    for (index, tried) in tried.iter_mut().enumerate() {
        least = least.max((tried.p * (count - index) as f64).min(1.0));
        tried.p = least;
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::analyse::tests::noise;

    fn series(id: &str, value: impl Fn(i64) -> Option<f64>) -> HourlySeries {
        let start: Timestamp = "2026-10-01T00:00:00Z".parse().unwrap();
        let at = |hour| start + SignedDuration::from_hours(hour);
        HourlySeries {
            source: SourceId::new(id).unwrap(),
            values: (0..240)
                .filter_map(|hour| Some((at(hour), value(hour)?)))
                .collect(),
        }
    }

    fn wave(seed: u64, hour: i64) -> f64 {
        // A moving mean of three: hours that resemble their neighbours.
        let at = |back: i64| noise(seed + (hour - back + 50).unsigned_abs());
        at(0) + at(1) + at(2)
    }

    #[test]
    fn what_follows_three_hours_behind_is_found_with_its_lag() {
        let one = series("one", |hour| Some(wave(1000, hour)));
        let other = series("other", |hour| {
            (hour % 17 != 0)
                .then(|| -2.0 * wave(1000, hour - 3) + 0.3 * noise(hour.unsigned_abs() + 9000))
        });
        let found = correlations(&[one, other], &TimeZone::UTC);
        assert_eq!(found.len(), 1);
        let found = &found[0];
        assert_eq!(found.lag_hours, 3);
        assert!(found.r < -0.9 && found.p < 1e-6, "{found:?}");
        assert!(found.n_effective < f64::from(found.n), "{found:?}");
    }

    #[test]
    fn a_common_daily_cycle_is_no_connection_and_neither_is_chance() {
        let cycle = |hour: i64| 10.0 * (hour as f64 / 24.0 * std::f64::consts::TAU).sin();
        let mut found = 0;
        for world in 0..20_u64 {
            let all: Vec<HourlySeries> = (0..4)
                .map(|index| {
                    series(&format!("s{index}"), |hour| {
                        Some(cycle(hour) + wave(world * 100_003 + index * 7001, hour))
                    })
                })
                .collect();
            found += correlations(&all, &TimeZone::UTC).len();
        }
        assert!(found <= 2, "{found} connections of 120 pairs without any");
    }

    #[test]
    fn holm_corrects_for_the_number_of_tests() {
        let mut tried: Vec<Tried> = [0.01, 0.04, 0.03, 0.005]
            .into_iter()
            .map(|p| Tried {
                pair: (0, 1),
                lag: 0,
                r: 0.5,
                n: 100,
                effective: 50.0,
                p,
            })
            .collect();
        holm(&mut tried);
        let corrected: Vec<f64> = tried.iter().map(|tried| tried.p).collect();
        let expected = [0.02, 0.03, 0.06, 0.06];
        for (corrected, expected) in corrected.iter().zip(expected) {
            assert!(
                (corrected - expected).abs() < 1e-12,
                "{corrected} {expected}"
            );
        }
    }
}
