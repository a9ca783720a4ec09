//! Statistics of events: how many, how many are usual, how they divide into classes, the strongest.

use jiff::{SignedDuration, Timestamp, ToSpan as _, tz::TimeZone};

use super::{baseline::DAYS_MIN, history::History};
use crate::{
    analysis::{Band, Basis, EventClass, Period, PeriodKind},
    time::day_start,
};

/// Classes of the leading measure.
const CLASSES_MAX: usize = 8;
/// Earlier periods counted, at most.
const PERIODS_MAX: i64 = 100;
/// Past days from which "more than on all of them" may be said: it is wrong on one day in twenty at most.
const ABOVE_ALL_MIN: usize = 19;

/// Counts by class: of one unit for magnitudes, by powers of ten for what spans several, else by a round step.
pub(super) fn classes(values: &[f64], magnitude: bool) -> Vec<EventClass> {
    let finite = values.iter().copied().filter(|value| value.is_finite());
    let Some((least, greatest)) = finite
        .clone()
        .map(|value| (value, value))
        .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    else {
        return Vec::new();
    };
    let decades = !magnitude && least > 0.0 && greatest > 100.0 * least;
    let bounds: Vec<f64> = if decades {
        (least.log10().floor() as i32..=greatest.log10().floor() as i32 + 1)
            .map(|power| 10_f64.powi(power))
            .collect()
    } else {
        let step = if magnitude {
            1.0
        } else {
            round_step((greatest - least) / 5.0)
        };
        let (lowest, highest) = ((least / step).floor(), (greatest / step).floor());
        // A magnitude that is none must not make as many classes: the first takes in all that is below.
        let first = lowest.max(highest - (CLASSES_MAX - 1) as f64);
        let count = (highest - first) as usize + 1;
        let bounds = (1..=count).map(|index| (first + index as f64) * step);
        std::iter::once(lowest * step).chain(bounds).collect()
    };
    let count =
        |from: f64, to: f64| finite.clone().filter(|v| (from..to).contains(v)).count() as u64;
    let mut classes: Vec<EventClass> = bounds
        .windows(2)
        .map(|pair| EventClass {
            from: pair[0],
            to: Some(pair[1]),
            count: count(pair[0], pair[1]),
        })
        .collect();
    // What is beyond the last class goes with it.
    while classes.len() > CLASSES_MAX {
        let lowest = classes.remove(0);
        if let Some(next) = classes.first_mut() {
            next.from = lowest.from;
            next.count += lowest.count;
        }
    }
    classes
}

/// The least of 1, 2 and 5 times a power of ten that is not less than `least`.
fn round_step(least: f64) -> f64 {
    if least <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0].map(|factor| factor * power);
    steps
        .into_iter()
        .find(|step| *step >= least)
        .unwrap_or(10.0 * power)
}

/// How many events as much of an earlier period had, for each that is known from its start, and of which the provider was heard,
/// ascending.
pub(super) fn earlier_counts(
    history: &History,
    period: &Period,
    now: Timestamp,
    tz: &TimeZone,
) -> Vec<u64> {
    let elapsed = period
        .end
        .min(now.max(period.start))
        .duration_since(period.start);
    let first = |back: i64| match period.kind {
        PeriodKind::Day => period.date.saturating_sub(back.days()),
        PeriodKind::Week => period.date.saturating_sub(back.weeks()),
        PeriodKind::Month => period.date.saturating_sub(back.months()),
    };
    let mut counts: Vec<u64> = (1..PERIODS_MAX)
        .map(|back| (day_start(first(back), tz), back))
        .take_while(|(start, _)| *start >= history.known_from() && *start > Timestamp::MIN)
        .filter(|(_, back)| history.was_heard(first(*back), first(back - 1)))
        .map(|(start, _)| {
            let end = start.saturating_add(elapsed).unwrap_or(Timestamp::MAX);
            history.events_within(start, end)
        })
        .collect();
    counts.sort_unstable();
    counts
}

/// What is usual of counts: the middle four fifths of them.
pub(super) fn usual(counts: &[u64]) -> Option<Band> {
    if counts.len() < DAYS_MIN {
        return None;
    }
    let sorted: Vec<f64> = counts.iter().map(|count| *count as f64).collect();
    let quantile = |q: f64| {
        let rank = q * (sorted.len() - 1) as f64;
        let (low, high) = (rank.floor() as usize, rank.ceil() as usize);
        sorted[low] + (sorted[high] - sorted[low]) * rank.fract()
    };
    Some(Band {
        low: quantile(0.1).floor(),
        median: quantile(0.5),
        high: quantile(0.9).ceil(),
        samples: counts.len() as u32,
        basis: Basis::AnyDay,
    })
}

/// The chance that an ordinary day has more than all of these: one in their number and one, if days are alike.
pub(super) fn chance_above(counts: &[u64], count: u64) -> Option<f64> {
    let above = counts.last().is_some_and(|most| count > *most);
    (above && counts.len() >= ABOVE_ALL_MIN).then(|| 1.0 / (counts.len() + 1) as f64)
}

/// The length of a period that has passed, in hours of the source's rhythm.
pub(super) fn passed(period: &Period, now: Timestamp, rhythm: Option<SignedDuration>) -> f64 {
    let until = period.end.min(now.max(period.start));
    let every = rhythm.map_or(3600.0, |rhythm| rhythm.as_secs_f64().max(3600.0));
    until.duration_since(period.start).as_secs_f64() / every
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(values: &[f64], magnitude: bool) -> Vec<(f64, u64)> {
        let classes = classes(values, magnitude);
        classes
            .iter()
            .map(|class| (class.from, class.count))
            .collect()
    }

    #[test]
    fn magnitudes_are_counted_by_whole_units_and_others_by_round_steps() {
        let magnitudes = [-0.3, 0.2, 1.0, 1.9, 4.5, 5.0];
        let expected = [
            (-1.0, 1),
            (0.0, 1),
            (1.0, 2),
            (2.0, 0),
            (3.0, 0),
            (4.0, 1),
            (5.0, 1),
        ];
        assert_eq!(counts(&magnitudes, true), expected);
        assert_eq!(
            counts(&[3.0, 8.0, 21.0], false),
            [(0.0, 1), (5.0, 1), (10.0, 0), (15.0, 0), (20.0, 1)]
        );
        assert_eq!(
            counts(&[2.0, 30.0, 40.0, 5000.0], false),
            [(1.0, 1), (10.0, 2), (100.0, 0), (1000.0, 1)]
        );
        assert_eq!(counts(&[4.0, 4.0], false), [(4.0, 2)]);
        assert_eq!(counts(&[], true), []);
        let many: Vec<f64> = (0..20).map(f64::from).collect();
        let classes = counts(&many, true);
        assert_eq!((classes.len(), classes[0]), (CLASSES_MAX, (0.0, 13)));
        // What is no magnitude does not make a class for each unit of it.
        let classes = counts(&[1.5, 2.5, 1e12], true);
        assert_eq!((classes.len(), classes[0]), (CLASSES_MAX, (1.0, 2)));
        assert_eq!(classes[CLASSES_MAX - 1], (1e12, 1));
    }

    #[test]
    fn counts_have_a_usual_range_and_a_chance_to_exceed_them_all() {
        assert_eq!(usual(&[3, 4, 4, 9]), None);
        let band = usual(&[2, 3, 4, 4, 5, 40]).unwrap();
        assert_eq!(
            (band.low, band.median, band.high, band.samples),
            (2.0, 4.0, 23.0, 6)
        );
        let twenty: Vec<u64> = (1..=19).collect();
        assert_eq!(chance_above(&twenty, 20), Some(0.05));
        assert_eq!(chance_above(&twenty, 19), None);
        assert_eq!(chance_above(&twenty[1..], 20), None);
    }
}
