//! Series over local hours, days, weeks and months: merges of the summaries of hours.
//!
//! Summaries come in the order of their hours, so that only the step being filled holds statistics: memory does not grow with
//! the length of a series.

use std::collections::{BTreeMap, HashSet};

use jiff::{SignedDuration, Timestamp, ToSpan as _, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    analyse::{Reported, joined_steps, usual_gap},
    analysis::PeriodKind,
    measure::{Across, Kind, Measure},
    stats::{At, Figures, Stats},
    text::EntityId,
    time::{day_start, hour_start, hours_between, local_date, period},
};

/// The length of the steps of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// A local hour.
    Hour,
    /// A local day.
    Day,
    /// Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
}

impl Step {
    /// All of them, the shortest first.
    pub const ALL: [Step; 4] = [Step::Hour, Step::Day, Step::Week, Step::Month];

    /// The word used in addresses and exports.
    pub fn as_str(self) -> &'static str {
        match self {
            Step::Hour => "hour",
            Step::Day => "day",
            Step::Week => "week",
            Step::Month => "month",
        }
    }

    /// How many of these steps apart two values of a series may be that belong to one line: by the rhythm of the source; where it
    /// has none, by what is between most values, and between two downloads.
    pub fn joined(
        self,
        rhythm: Option<SignedDuration>,
        every: SignedDuration,
        points: &[Point],
    ) -> u32 {
        let step = self.longest();
        let pace = rhythm.unwrap_or_else(|| {
            let known = (0_i32..).zip(points);
            let known = known.filter(|(_, point)| point.figures.count > 0);
            let places: Vec<i32> = known.map(|(place, _)| place).collect();
            let gaps = places.windows(2).map(|pair| pair[1] - pair[0]);
            usual_gap(gaps).map_or(every, |gap| every.max(step * gap))
        });
        joined_steps(pace, step)
    }

    /// No step is longer than this, but for days that a zone spends at the date line.
    fn longest(self) -> SignedDuration {
        match self {
            Step::Hour => SignedDuration::from_hours(1),
            Step::Day => SignedDuration::from_hours(26),
            Step::Week => SignedDuration::from_hours(7 * 24 + 2),
            Step::Month => SignedDuration::from_hours(31 * 24 + 2),
        }
    }
}

/// The steps that a stretch of time touches, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steps {
    /// Their length.
    pub step: Step,
    /// The first instant of each.
    pub starts: Vec<Timestamp>,
    /// The first instant after the last.
    pub end: Timestamp,
}

impl Steps {
    /// The steps from the one that holds `from` to the last that begins before `to`; `None` for more than `most`.
    pub fn over(
        step: Step,
        from: Timestamp,
        to: Timestamp,
        tz: &TimeZone,
        most: usize,
    ) -> Option<Self> {
        // Told without counting: a wish for all time must not make millions of steps first.
        let seconds = to.duration_since(from).as_secs_f64();
        if seconds > step.longest().as_secs_f64() * most as f64 {
            return None;
        }
        let (starts, end) = match step {
            Step::Hour => {
                let starts = hours_between(from, to, tz);
                let last = starts.last().copied().unwrap_or(from);
                (starts, crate::time::hour_end(last, tz))
            }
            Step::Day => {
                let mut starts = Vec::new();
                let mut date = local_date(from, tz);
                while day_start(date, tz) < to && starts.len() <= most {
                    starts.push(day_start(date, tz));
                    date = date.saturating_add(1.day());
                }
                (starts, day_start(date, tz))
            }
            Step::Week | Step::Month => {
                let kind = if step == Step::Week {
                    PeriodKind::Week
                } else {
                    PeriodKind::Month
                };
                let mut starts = Vec::new();
                let mut next = period(kind, local_date(from, tz), tz);
                while next.start < to && starts.len() <= most {
                    starts.push(next.start);
                    next = period(kind, local_date(next.end, tz), tz);
                }
                (starts, next.start)
            }
        };
        (starts.len() <= most).then_some(Self { step, starts, end })
    }

    /// The first instant of the first step.
    pub fn start(&self) -> Timestamp {
        self.starts.first().copied().unwrap_or(self.end)
    }

    /// The first instant after a step.
    pub fn end_of(&self, place: usize) -> Timestamp {
        self.starts.get(place + 1).copied().unwrap_or(self.end)
    }

    /// The step that holds an instant.
    pub fn place(&self, at: Timestamp) -> Option<usize> {
        if at >= self.end {
            return None;
        }
        self.starts
            .partition_point(|start| *start <= at)
            .checked_sub(1)
    }
}

/// What is known of a step.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Point {
    /// How many values there were; `None` where nobody watched.
    pub count: Option<u64>,
    /// The published figures; their count is 0 in a gap.
    pub figures: Figures,
    /// The 5th percentile.
    pub p05: Option<f64>,
    /// The share of the expected observations that are there, over the part of the step that has passed; `None` without a fixed
    /// rhythm.
    pub coverage: Option<f64>,
}

/// The steps of one series, filled in the order of time.
#[derive(Debug)]
pub struct Filling<'a> {
    steps: &'a Steps,
    kind: Kind,
    now: Timestamp,
    points: Vec<Point>,
    place: usize,
    stats: Stats,
    /// Hours covered by observations, as seconds; `None` where no summary says.
    covered: Option<f64>,
}

impl<'a> Filling<'a> {
    /// Begins with gaps everywhere.
    pub fn new(steps: &'a Steps, kind: Kind, now: Timestamp) -> Self {
        Self {
            steps,
            kind,
            now,
            points: vec![
                Point {
                    count: Some(0),
                    ..Point::default()
                };
                steps.starts.len()
            ],
            place: 0,
            stats: Stats::default(),
            covered: None,
        }
    }

    /// Takes in an hour, which is not before the one taken in last: what it says, and how far it is covered by observations.
    pub fn add(&mut self, hour: Timestamp, end: Timestamp, stats: Stats, coverage: Option<f64>) {
        let Some(place) = self.place_of(hour) else {
            return;
        };
        self.begin(place);
        if self.stats.count == 0 {
            self.stats = stats;
        } else {
            self.stats.merge(&stats);
        }
        if let Some(coverage) = coverage {
            let seconds = end.duration_since(hour).as_secs_f64();
            self.covered = Some(self.covered.unwrap_or(0.0) + coverage * seconds);
        }
    }

    /// As [`Steps::place`], found at once where an hour is in the step of the one before, or in the next.
    fn place_of(&self, hour: Timestamp) -> Option<usize> {
        let holds = |place: &usize| {
            let start = self.steps.starts.get(*place);
            start.is_some_and(|start| *start <= hour) && hour < self.steps.end_of(*place)
        };
        let near = [self.place, self.place + 1].into_iter().find(holds);
        near.or_else(|| self.steps.place(hour))
    }

    /// Takes in the values of a step, in the order of their times.
    pub fn add_values(&mut self, place: usize, values: Vec<At>) {
        self.begin(place);
        self.stats.merge(&Stats::from_samples(self.kind, values));
    }

    fn begin(&mut self, place: usize) {
        if place != self.place {
            self.publish();
            self.place = place;
        }
    }

    fn publish(&mut self) {
        let (stats, covered) = (std::mem::take(&mut self.stats), self.covered.take());
        let start = self.steps.starts.get(self.place).copied();
        let (Some(point), Some(start)) = (self.points.get_mut(self.place), start) else {
            return;
        };
        if stats.count == 0 && covered.is_none() {
            return;
        }
        let passed = self.steps.end_of(self.place).min(self.now.max(start));
        let seconds = passed.duration_since(start).as_secs_f64();
        *point = Point {
            count: Some(stats.count),
            figures: stats.publish(self.kind),
            p05: (self.kind != Kind::Direction)
                .then(|| stats.sketch.quantile(0.05))
                .flatten(),
            coverage: covered.map(|covered| (covered / seconds.max(1.0)).min(1.0)),
        };
    }

    /// A point per step.
    pub fn finish(mut self) -> Vec<Point> {
        self.publish();
        self.points
    }
}

/// All the entities of a source together, hour by hour: their sum or their mean, as the measure says.
///
/// A sum is known only for hours in which most of the entities of the day reported: a silent station would look like missing
/// bikes. Where entities come and go, it is that of those that were there.
#[derive(Debug)]
pub struct Together<'a> {
    measure: &'a Measure,
    pace: SignedDuration,
    tz: &'a TimeZone,
    filling: Filling<'a>,
    /// The hour taken in last, and its day.
    last: Option<(Timestamp, Date)>,
    entities: HashSet<EntityId>,
    hours: BTreeMap<Timestamp, Vec<At>>,
}

impl<'a> Together<'a> {
    /// Begins with gaps everywhere; `None` where the values of entities cannot be taken together: exchange rates, ranks.
    /// `pace` is the time between two observations of an entity that leaves nothing out.
    pub fn new(
        measure: &'a Measure,
        pace: SignedDuration,
        steps: &'a Steps,
        tz: &'a TimeZone,
        now: Timestamp,
    ) -> Option<Self> {
        if measure.across == Across::Each || measure.kind == Kind::Rank {
            return None;
        }
        Some(Self {
            measure,
            pace,
            tz,
            filling: Filling::new(steps, measure.kind, now),
            last: None,
            entities: HashSet::new(),
            hours: BTreeMap::new(),
        })
    }

    /// Takes in an hour of an entity; they come in the order of their times.
    pub fn add(&mut self, entity: &EntityId, hour: Timestamp, stats: &Stats) {
        let is_new = self.last.is_none_or(|(last, _)| last != hour);
        if is_new {
            let day = local_date(hour, self.tz);
            if self.last.is_some_and(|(_, last)| last != day) {
                self.end_day();
            }
            self.last = Some((hour, day));
        }
        if let Some(mean) = stats.mean() {
            if !self.entities.contains(entity) {
                self.entities.insert(entity.clone());
            }
            self.hours.entry(hour).or_default().push(At(0, mean));
        }
    }

    fn end_day(&mut self) {
        let most = self.hours.values().map(Vec::len).max();
        let reported = Reported {
            entities: self.entities.len() as u64,
            most: most.unwrap_or(0) as u64,
            pace: self.pace,
        };
        self.entities.clear();
        for (hour, means) in std::mem::take(&mut self.hours) {
            let Some(place) = self.filling.steps.place(hour) else {
                continue;
            };
            let complete = reported.tells_all(means.len() as u64);
            let stats = Stats::without_quantiles(self.measure.kind, &means);
            let value = match self.measure.across {
                Across::Sum if self.measure.kind != Kind::Direction => {
                    complete.then(|| stats.sum.value())
                }
                _ => stats.mean(),
            };
            if let Some(value) = value {
                self.filling
                    .add_values(place, vec![At(hour.as_millisecond(), value)]);
            }
        }
    }

    /// A point per step; its count is that of the hours that are known.
    pub fn finish(mut self) -> Vec<Point> {
        self.end_day();
        self.filling.finish()
    }
}

/// Events, which come in the order of their times, counted by step, with the figures of one of their measures.
#[derive(Debug)]
pub struct Happenings<'a> {
    filling: Filling<'a>,
    counts: Vec<u64>,
    place: usize,
    values: Vec<At>,
}

impl<'a> Happenings<'a> {
    /// Begins with no events. Values are those of `kind`.
    pub fn new(steps: &'a Steps, kind: Kind, now: Timestamp) -> Self {
        let kind = if kind == Kind::Direction {
            kind
        } else {
            Kind::Event
        };
        Self {
            filling: Filling::new(steps, kind, now),
            counts: vec![0; steps.starts.len()],
            place: 0,
            values: Vec::new(),
        }
    }

    /// Takes in an event.
    pub fn add(&mut self, at: Timestamp, value: Option<f64>) {
        let Some(place) = self.filling.steps.place(at) else {
            return;
        };
        self.counts[place] += 1;
        if place != self.place {
            self.end_step();
            self.place = place;
        }
        self.values
            .extend(value.map(|value| At(at.as_millisecond(), value)));
    }

    fn end_step(&mut self) {
        let mut values = std::mem::take(&mut self.values);
        // Of events at the same time the lesser value is first, as when statistics are merged.
        values.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        self.filling.add_values(self.place, values);
    }

    /// A point per step; its count is that of all events. Without any event nothing is known of steps that have not begun, or of
    /// which the provider was not heard: that is asked with their beginnings and ends.
    pub fn finish(mut self, mut was_heard: impl FnMut(Timestamp, Timestamp) -> bool) -> Vec<Point> {
        self.end_step();
        let (steps, now) = (self.filling.steps, self.filling.now);
        let mut points = self.filling.finish();
        for (place, point) in points.iter_mut().enumerate() {
            let (count, start) = (self.counts[place], steps.starts[place]);
            let known = count > 0 || (start <= now && was_heard(start, steps.end_of(place)));
            point.count = known.then_some(count);
        }
        points
    }
}

/// The first instant of the stretch of `length` that ends with the hour of `now`, and the end of that hour.
pub fn latest(now: Timestamp, length: SignedDuration, tz: &TimeZone) -> (Timestamp, Timestamp) {
    let end = crate::time::hour_end(hour_start(now, tz), tz);
    (end.saturating_sub(length).unwrap_or(Timestamp::MIN), end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{MeasureId, Text};

    fn paris() -> TimeZone {
        TimeZone::get("Europe/Paris").unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn stats(kind: Kind, values: &[f64]) -> Stats {
        Stats::from_samples(kind, (0..).zip(values).map(|(at, &value)| At(at, value)))
    }

    #[test]
    fn steps_are_whole_and_follow_the_clocks_of_the_zone() {
        let steps = |step, from, to| Steps::over(step, at(from), at(to), &paris(), 1000).unwrap();
        // The day on which clocks go back has 25 hours.
        let hours = steps(Step::Hour, "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z");
        assert_eq!(hours.starts.len(), 25);
        assert_eq!(hours.end, at("2026-10-25T23:00:00Z"));
        let days = steps(Step::Day, "2026-10-24T12:00:00Z", "2026-10-26T01:00:00Z");
        assert_eq!(
            days.starts,
            [
                "2026-10-23T22:00:00Z",
                "2026-10-24T22:00:00Z",
                "2026-10-25T23:00:00Z"
            ]
            .map(at)
        );
        assert_eq!(days.end, at("2026-10-26T23:00:00Z"));
        assert_eq!(days.place(at("2026-10-25T22:59:59Z")), Some(1));
        assert_eq!(days.place(at("2026-10-26T23:00:00Z")), None);
        assert_eq!(days.place(at("2026-10-23T21:59:59Z")), None);
        let weeks = steps(Step::Week, "2026-10-28T12:00:00Z", "2026-11-02T00:00:00Z");
        assert_eq!(
            weeks.starts,
            ["2026-10-25T23:00:00Z", "2026-11-01T23:00:00Z"].map(at)
        );
        let months = steps(Step::Month, "2026-02-10T00:00:00Z", "2026-04-01T00:00:00Z");
        assert_eq!(
            months.starts,
            [
                "2026-01-31T23:00:00Z",
                "2026-02-28T23:00:00Z",
                "2026-03-31T22:00:00Z"
            ]
            .map(at)
        );
        assert_eq!(
            Steps::over(Step::Hour, Timestamp::MIN, Timestamp::MAX, &paris(), 50_000),
            None
        );
        let few = Steps::over(
            Step::Hour,
            at("2026-10-24T22:00:00Z"),
            at("2026-10-24T23:30:00Z"),
            &paris(),
            2,
        );
        assert_eq!(few.unwrap().starts.len(), 2);
    }

    #[test]
    fn a_day_is_the_merge_of_its_hours_and_a_gap_stays_a_gap() {
        let tz = paris();
        let steps = Steps::over(
            Step::Day,
            at("2026-11-22T23:00:00Z"),
            at("2026-11-25T23:00:00Z"),
            &tz,
            10,
        )
        .unwrap();
        // The third day is half over.
        let mut filling = Filling::new(&steps, Kind::Gauge, at("2026-11-25T11:00:00Z"));
        let hour = |text: &str| (at(text), at(text).saturating_add(1.hour()).unwrap());
        for (start, values, coverage) in [
            ("2026-11-23T00:00:00Z", &[1.0, 3.0][..], 1.0),
            ("2026-11-23T01:00:00Z", &[8.0], 0.5),
            ("2026-11-24T23:00:00Z", &[5.0], 1.0),
        ] {
            let (start, end) = hour(start);
            filling.add(start, end, stats(Kind::Gauge, values), Some(coverage));
        }
        let points = filling.finish();
        assert_eq!(points.len(), 3);
        assert_eq!(
            (
                points[0].count,
                points[0].figures.mean,
                points[0].figures.max
            ),
            (Some(3), Some(4.0), Some(8.0))
        );
        assert!((points[0].p05.unwrap() - 1.2).abs() < 1e-9);
        assert!((points[0].coverage.unwrap() - 1.5 / 24.0).abs() < 1e-9);
        assert_eq!(
            points[1],
            Point {
                count: Some(0),
                ..Point::default()
            }
        );
        assert!((points[2].coverage.unwrap() - 1.0 / 12.0).abs() < 1e-9);
    }

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    fn measure(across: Across, kind: Kind) -> Measure {
        Measure {
            id: MeasureId::new("bikes").unwrap(),
            kind,
            unit: "{bike}".into(),
            title: Text::same("Bikes"),
            across,
            decimals: 0,
            headline: true,
        }
    }

    #[test]
    fn entities_are_summed_only_while_most_of_them_report() {
        let tz = paris();
        let steps = Steps::over(
            Step::Hour,
            at("2026-11-23T00:00:00Z"),
            at("2026-11-23T03:00:00Z"),
            &tz,
            10,
        )
        .unwrap();
        let sums = |across| {
            let measure = measure(across, Kind::Gauge);
            let mut together = Together::new(&measure, HOUR, &steps, &tz, steps.end).unwrap();
            for (hour, station, values) in [
                ("2026-11-23T00:00:00Z", "a", &[10.0, 20.0][..]),
                ("2026-11-23T00:00:00Z", "b", &[1.0]),
                ("2026-11-23T02:00:00Z", "a", &[7.0]),
            ] {
                let station = EntityId::new(station).unwrap();
                together.add(&station, at(hour), &stats(Kind::Gauge, values));
            }
            let points = together.finish();
            points
                .iter()
                .map(|point| point.figures.mean)
                .collect::<Vec<_>>()
        };
        assert_eq!(sums(Across::Sum), [Some(16.0), None, None]);
        assert_eq!(sums(Across::Mean), [Some(8.0), None, Some(7.0)]);
        let rates = measure(Across::Each, Kind::Gauge);
        assert!(Together::new(&rates, HOUR, &steps, &tz, steps.end).is_none());
        let ranks = measure(Across::Mean, Kind::Rank);
        assert!(Together::new(&ranks, HOUR, &steps, &tz, steps.end).is_none());
    }

    #[test]
    fn those_that_come_and_go_are_summed_while_they_are_there() {
        let tz = paris();
        let (from, to) = (at("2026-11-23T00:00:00Z"), at("2026-11-23T03:00:00Z"));
        let steps = Steps::over(Step::Hour, from, to, &tz, 10).unwrap();
        let measure = measure(Across::Sum, Kind::Gauge);
        let sums = |pace| {
            let mut together = Together::new(&measure, pace, &steps, &tz, steps.end).unwrap();
            for hour in 0..3 {
                for aircraft in hour..hour + 2 {
                    let id = EntityId::new(format!("{aircraft}")).unwrap();
                    let at = from + SignedDuration::from_hours(hour);
                    together.add(&id, at, &stats(Kind::Gauge, &[1.0]));
                }
            }
            let points = together.finish();
            let means = points.iter().map(|point| point.figures.mean);
            means.collect::<Vec<_>>()
        };
        assert_eq!(sums(SignedDuration::from_mins(15)), [Some(2.0); 3]);
        assert_eq!(sums(2 * HOUR), [None; 3]);
    }

    #[test]
    fn lines_join_what_the_source_says_every_six_hours() {
        let points = |known: &[usize]| {
            let mut points = vec![Point::default(); 30];
            for place in known {
                points[*place].figures.count = 1;
            }
            points
        };
        let every = SignedDuration::from_mins(10);
        let six = Some(6 * HOUR);
        assert_eq!(Step::Hour.joined(six, every, &points(&[])), 7);
        assert_eq!(Step::Day.joined(six, every, &points(&[])), 1);
        // Where it has no rhythm, its values tell it, and one that is missing does not change it.
        assert_eq!(Step::Hour.joined(None, every, &points(&[0, 6, 12, 24])), 7);
        assert_eq!(Step::Hour.joined(None, every, &points(&[0, 12])), 1);
    }

    #[test]
    fn no_event_is_a_zero_only_while_somebody_watched() {
        let tz = paris();
        let steps = Steps::over(
            Step::Hour,
            at("2026-11-23T00:00:00Z"),
            at("2026-11-23T05:00:00Z"),
            &tz,
            10,
        )
        .unwrap();
        let mut happenings = Happenings::new(&steps, Kind::Gauge, at("2026-11-23T03:10:00Z"));
        happenings.add(at("2026-11-23T00:10:00Z"), Some(2.0));
        happenings.add(at("2026-11-23T02:10:00Z"), Some(5.0));
        happenings.add(at("2026-11-23T02:20:00Z"), None);
        happenings.add(at("2026-11-23T02:30:00Z"), Some(4.0));
        let points = happenings.finish(|_, to| to > at("2026-11-23T01:30:00Z"));
        let counts: Vec<_> = points.iter().map(|point| point.count).collect();
        assert_eq!(counts, [Some(1), Some(0), Some(3), Some(0), None]);
        assert_eq!(
            (
                points[2].figures.max,
                points[2].figures.count,
                points[2].figures.last
            ),
            (Some(5.0), 2, Some(4.0))
        );
        assert_eq!(points[1].figures.mean, None);
    }
}
