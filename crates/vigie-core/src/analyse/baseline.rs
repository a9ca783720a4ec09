//! What is usual for an hour of the week (or a day of the week), and how unusual a value is.
//!
//! Values of the past are compared with the median of the *others* of their kind: the same hour of the same weekday, or, with
//! too few weeks, the same hour of any day. The spread is that of these residuals (median absolute deviation), over the
//! neighbouring hours, so that eight weeks suffice. A value is judged by how many past values were as far off: no bell curve is assumed.

use std::collections::HashMap;

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    analysis::{Band, Basis},
    time::local_date,
};

/// From so many weeks on, the hour of the week is what is usual.
pub(super) const WEEKS_MIN: usize = 4;
/// From so many days on, the hour of the day is.
pub(super) const DAYS_MIN: usize = 5;
/// Makes a median absolute deviation the standard deviation, if values were normal.
const MAD_TO_SIGMA: f64 = 1.4826;
/// Four of five normal values lie within so many standard deviations.
const FOUR_OF_FIVE: f64 = 1.2816;
/// Residuals from which the spread of an hour is taken; with fewer, it is that of all hours.
const RESIDUALS_MIN: usize = 8;

/// How finely time is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Hour,
    Day,
}

impl Step {
    /// The share of ordinary values that may be flagged.
    pub(super) fn false_alarm_rate(self) -> f64 {
        match self {
            Step::Hour => 0.01,
            Step::Day => 0.025,
        }
    }
}

/// Weekday and hour.
type Slot = (i8, i8);

#[derive(Debug, Default)]
struct Table {
    /// Ascending.
    sets: HashMap<Slot, Vec<f64>>,
    /// By hour.
    spread: Vec<f64>,
    /// How far past values were off, in spreads, ascending.
    scores: Vec<f64>,
}

/// What is usual.
#[derive(Debug)]
pub(super) struct Baseline<'a> {
    step: Step,
    tz: &'a TimeZone,
    of_week: Table,
    of_day: Table,
    /// The least difference that says anything.
    resolution: f64,
    never_negative: bool,
}

/// How a value compares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Judged {
    pub(super) band: Band,
    /// The share of past values that were at least as far off, of `1 + n`.
    pub(super) p: f64,
    /// Of how many past values.
    pub(super) n: usize,
}

impl<'a> Baseline<'a> {
    /// Of past values. `resolution` is the least difference that says anything.
    pub(super) fn new(
        past: &[(Timestamp, f64)],
        step: Step,
        resolution: f64,
        tz: &'a TimeZone,
    ) -> Self {
        let mut baseline = Self {
            step,
            tz,
            of_week: Table::default(),
            of_day: Table::default(),
            resolution,
            never_negative: past.iter().all(|(_, value)| *value >= 0.0),
        };
        for (at, value) in past {
            let (weekday, hour) = baseline.slot(*at);
            let sets = [
                (&mut baseline.of_week, (weekday, hour)),
                (&mut baseline.of_day, (0, hour)),
            ];
            for (table, slot) in sets {
                table.sets.entry(slot).or_default().push(*value);
            }
        }
        baseline.of_week.finish(resolution, WEEKS_MIN);
        baseline.of_day.finish(resolution, DAYS_MIN);
        baseline
    }

    fn slot(&self, at: Timestamp) -> Slot {
        let weekday = local_date(at, self.tz).weekday().to_monday_zero_offset();
        match self.step {
            Step::Hour => (weekday, at.to_zoned_datetime(self.tz.clone()).hour()),
            Step::Day => (weekday, 0),
        }
    }

    fn find(&self, at: Timestamp) -> Option<(&Table, &[f64], Basis, i8)> {
        let (weekday, hour) = self.slot(at);
        let (of_week, of_day) = match self.step {
            Step::Hour => (Basis::HourOfWeek, Basis::HourOfDay),
            Step::Day => (Basis::Weekday, Basis::AnyDay),
        };
        let tables = [
            (&self.of_week, (weekday, hour), WEEKS_MIN, of_week),
            (&self.of_day, (0, hour), DAYS_MIN, of_day),
        ];
        tables.into_iter().find_map(|(table, slot, least, basis)| {
            let set = table.sets.get(&slot).filter(|set| set.len() >= least)?;
            Some((table, set.as_slice(), basis, hour))
        })
    }

    /// What is usual at a time; `None` where there is not enough history.
    pub(super) fn band(&self, at: Timestamp) -> Option<Band> {
        let (table, set, basis, hour) = self.find(at)?;
        let median = median_of(set)?;
        let half = FOUR_OF_FIVE * table.spread_of(hour);
        let low = median - half;
        Some(Band {
            low: if self.never_negative {
                low.max(0.0)
            } else {
                low
            },
            median,
            high: median + half,
            samples: set.len() as u32,
            basis,
        })
    }

    /// How unusual a value is; `None` where there is not enough history to tell.
    pub(super) fn judge(&self, at: Timestamp, value: f64) -> Option<Judged> {
        let (table, set, _, hour) = self.find(at)?;
        let score = told(value - median_of(set)?, self.resolution) / table.spread_of(hour);
        let n = table.scores.len();
        // As many past values as are needed for a share so small.
        if !score.is_finite() || (n as f64 + 1.0) * self.step.false_alarm_rate() < 1.0 {
            return None;
        }
        let less = table.scores.partition_point(|other| *other < score);
        Some(Judged {
            band: self.band(at)?,
            p: (1 + n - less) as f64 / (1 + n) as f64,
            n,
        })
    }
}

impl Table {
    fn finish(&mut self, resolution: f64, least: usize) {
        let mut residuals: Vec<Vec<f64>> = vec![Vec::new(); 24];
        for (slot, set) in &mut self.sets {
            set.sort_unstable_by(f64::total_cmp);
            if set.len() < least {
                continue;
            }
            let Some(of_hour) = residuals.get_mut(slot.1.unsigned_abs() as usize) else {
                continue;
            };
            of_hour.extend((0..set.len()).filter_map(|index| {
                // The median of the others: a value is not compared with itself.
                let median = median_without(set, index)?;
                Some((set[index] - median).abs())
            }));
        }
        let floor = (resolution / 2.0).max(f64::MIN_POSITIVE);
        let spread = |mut residuals: Vec<f64>| {
            residuals.sort_unstable_by(f64::total_cmp);
            MAD_TO_SIGMA * median_of(&residuals).unwrap_or(0.0)
        };
        let of_all = spread(residuals.concat());
        self.spread = (0..24)
            .map(|hour| {
                let near = [(hour + 23) % 24, hour, (hour + 1) % 24];
                let near: Vec<f64> = near.iter().flat_map(|h| residuals[*h].clone()).collect();
                let own = if near.len() < RESIDUALS_MIN {
                    of_all
                } else {
                    spread(near)
                };
                own.max(floor)
            })
            .collect();
        self.scores = residuals
            .iter()
            .zip(&self.spread)
            .flat_map(|(of_hour, spread)| {
                let told = of_hour.iter().map(|residual| told(*residual, resolution));
                told.map(move |residual| residual / spread)
            })
            .collect();
        self.scores.sort_unstable_by(f64::total_cmp);
    }

    fn spread_of(&self, hour: i8) -> f64 {
        let spread = self.spread.get(hour.unsigned_abs() as usize);
        spread.copied().unwrap_or(f64::NAN)
    }
}

/// How far off a value is; one that prints alike is not.
fn told(difference: f64, resolution: f64) -> f64 {
    let difference = difference.abs();
    // A difference of one unit of the last decimal is one, however it is rounded.
    if difference < resolution * (1.0 - 1e-9) {
        0.0
    } else {
        difference
    }
}

/// The median of ascending values.
pub(super) fn median_of(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    let high = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 {
        return Some(high);
    }
    Some(f64::midpoint(*sorted.get(middle - 1)?, high))
}

/// The median of ascending values without one of them.
fn median_without(sorted: &[f64], left_out: usize) -> Option<f64> {
    let count = sorted.len().checked_sub(1)?;
    let nth = |index: usize| sorted.get(index + usize::from(index >= left_out)).copied();
    let middle = count / 2;
    if count % 2 == 1 {
        return nth(middle);
    }
    Some(f64::midpoint(nth(middle.checked_sub(1)?)?, nth(middle)?))
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, ToSpan as _, civil::Date};
    use proptest::prelude::*;

    use super::*;
    use crate::{analyse::tests::noise, time::hours_between};

    fn paris() -> TimeZone {
        TimeZone::get("Europe/Paris").unwrap()
    }

    /// The hours of the weeks before Thursday 15 October 2026, valued.
    fn weeks(weeks: i64, value: impl Fn(Timestamp, u64) -> f64) -> Vec<(Timestamp, f64)> {
        let tz = paris();
        let end = crate::time::day_start(Date::constant(2026, 10, 15), &tz);
        let start = crate::time::day_start(
            Date::constant(2026, 10, 15).saturating_sub(weeks.weeks()),
            &tz,
        );
        let hours = hours_between(start, end, &tz);
        (0..)
            .zip(hours)
            .map(|(index, at)| (at, value(at, index)))
            .collect()
    }

    fn thursday(hour: i64) -> Timestamp {
        let start = crate::time::day_start(Date::constant(2026, 10, 15), &paris());
        start + SignedDuration::from_hours(hour)
    }

    #[test]
    fn the_hour_of_the_week_is_usual_and_one_odd_week_does_not_change_it() {
        let tz = paris();
        let past = weeks(8, |at, _| {
            let local = at.to_zoned_datetime(tz.clone());
            let odd = local.date() == Date::constant(2026, 9, 24);
            let sunday = local.date().weekday() == jiff::civil::Weekday::Sunday;
            let base = 100.0 + f64::from(local.hour());
            base + if sunday { -50.0 } else { 0.0 } + if odd { 1000.0 } else { 0.0 }
        });
        let baseline = Baseline::new(&past, Step::Hour, 1.0, &tz);
        let band = baseline.band(thursday(8)).unwrap();
        assert_eq!((band.median, band.samples), (108.0, 8));
        assert_eq!(band.basis, Basis::HourOfWeek);
        assert!(band.low > 107.0 && band.high < 109.0, "{band:?}");
        let sunday = baseline.band(thursday(8 + 72)).unwrap();
        assert!((sunday.median - 58.0).abs() < 1e-9);
    }

    #[test]
    fn with_too_few_weeks_the_hour_of_the_day_serves_and_then_nothing() {
        let tz = paris();
        let hour = |at: Timestamp, _| f64::from(at.to_zoned_datetime(paris()).hour());
        let two = weeks(2, hour);
        let band = Baseline::new(&two, Step::Hour, 1.0, &tz)
            .band(thursday(8))
            .unwrap();
        assert_eq!(
            (band.median, band.samples, band.basis),
            (8.0, 14, Basis::HourOfDay)
        );
        let four_days = &two[two.len() - 96..];
        let baseline = Baseline::new(four_days, Step::Hour, 1.0, &tz);
        assert_eq!(baseline.band(thursday(8)), None);
        assert_eq!(baseline.judge(thursday(8), 1e9), None);
    }

    #[test]
    fn what_never_was_negative_is_not_usually_negative() {
        let past = weeks(8, |_, index| (noise(index) * 3.0).floor());
        let band = Baseline::new(&past, Step::Hour, 1.0, &paris())
            .band(thursday(3))
            .unwrap();
        assert!(band.low >= 0.0 && band.high < 4.0, "{band:?}");
    }

    #[test]
    fn bands_hold_four_of_five_and_false_alarms_are_as_rare_as_stated() {
        let tz = paris();
        let (mut inside, mut flagged, mut all) = (0, 0, 0);
        for world in 0..40_u64 {
            // A daily course with normal noise, of which the last day is judged.
            let normal = |index: u64| {
                let (a, b) = (
                    noise(world * 9973 + index),
                    noise(world * 7919 + index + 1_000_000),
                );
                (-2.0 * a.max(1e-12).ln()).sqrt() * (b * std::f64::consts::TAU).cos()
            };
            let values = weeks(9, |at, index| {
                let hour = f64::from(at.to_zoned_datetime(tz.clone()).hour());
                50.0 + 10.0 * (hour / 24.0 * std::f64::consts::TAU).sin() + 2.0 * normal(index)
            });
            let (past, present) = values.split_at(values.len() - 7 * 24);
            let baseline = Baseline::new(past, Step::Hour, 0.01, &tz);
            for (at, value) in present {
                let judged = baseline.judge(*at, *value).unwrap();
                all += 1;
                inside += i32::from((judged.band.low..=judged.band.high).contains(value));
                flagged += i32::from(judged.p <= Step::Hour.false_alarm_rate());
            }
        }
        let (inside, flagged) = (
            f64::from(inside) / f64::from(all),
            f64::from(flagged) / f64::from(all),
        );
        assert!((0.77..0.83).contains(&inside), "{inside}");
        assert!((0.005..0.0125).contains(&flagged), "{flagged}");
    }

    #[test]
    fn what_prints_alike_is_not_unusual() {
        let past = weeks(8, |_, _| 5.0);
        let tz = paris();
        let baseline = Baseline::new(&past, Step::Hour, 1.0, &tz);
        let p = |value| baseline.judge(thursday(8), value).unwrap().p;
        assert!((p(5.4) - 1.0).abs() < 1e-9);
        assert!(p(6.0) < 0.001);
    }

    #[test]
    fn a_value_far_off_is_unusual() {
        let past = weeks(8, |_, index| 50.0 + noise(index));
        let tz = paris();
        let baseline = Baseline::new(&past, Step::Hour, 0.01, &tz);
        let judged = baseline.judge(thursday(8), 60.0).unwrap();
        assert!(judged.p < 0.001 && judged.n == past.len(), "{judged:?}");
        assert!(baseline.judge(thursday(8), 50.5).unwrap().p > 0.5);
    }

    proptest! {
        #[test]
        fn a_median_without_one_is_that_of_the_others(mut values in prop::collection::vec(-1e3..1e3_f64, 2..20), out in any::<prop::sample::Index>()) {
            values.sort_unstable_by(f64::total_cmp);
            let out = out.index(values.len());
            let mut others = values.clone();
            others.remove(out);
            prop_assert_eq!(median_without(&values, out), median_of(&others));
        }
    }
}
