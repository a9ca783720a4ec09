//! Days in few numbers: what records need of the past, however long it is.
//!
//! A day that is over and can no longer be revised stays as it is, so that it is read once, and kept
//! as [`DayFigures`]. A record is then found among hundreds of days without their documents.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::{
    SourceSheet,
    course::{Course, Values, by_day},
    findings::extreme,
    headline_measures,
};
use crate::{
    analysis::{Extreme, Record},
    bucket::BucketSummary,
    event::{Event, Version},
    measure::{Across, Kind, Measure},
    time::local_date,
};

/// Days that must be known before anything is called a record: an ordinary day is one against 28 others once in 29 times.
pub(super) const RECORD_DAYS_MIN: u32 = 28;

/// A day of a source, in few numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DayFigures {
    /// Its local date.
    pub date: Date,
    /// Where entities stand for themselves: the one that the figures are of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// The mean of the leading series, where enough of its hours are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean: Option<f64>,
    /// Its least hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<Extreme>,
    /// Its greatest hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub greatest: Option<Extreme>,
    /// How many events there were.
    #[serde(default)]
    pub events: u64,
    /// The strongest of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strongest: Option<Extreme>,
}

impl DayFigures {
    /// A day of which nothing is known.
    fn empty(date: Date) -> Self {
        Self {
            date,
            of: None,
            mean: None,
            least: None,
            greatest: None,
            events: 0,
            strongest: None,
        }
    }
}

/// The days before a period.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Days {
    /// The first date that was looked at.
    pub from: Date,
    /// Whether there is nothing before it.
    pub of_all: bool,
    /// Those that have data, ascending.
    pub days: Vec<DayFigures>,
    /// Of a source of events, those of which the provider was not heard: that nothing happened then is not known.
    pub unheard: BTreeSet<Date>,
}

/// Whether records are looked for in such a source: what is read of it for them.
pub fn record_measure(sheet: &SourceSheet) -> Option<&Measure> {
    let leading = headline_measures(&sheet.measures).into_iter().next()?;
    (sheet.events || matches!(leading.kind, Kind::Gauge | Kind::Event)).then_some(leading)
}

/// Takes in some days, document by document.
#[derive(Debug)]
pub struct DaysGatherer {
    measure: Option<Measure>,
    course: Course,
    leading: Vec<String>,
    events_last: bool,
    events: BTreeMap<Date, (BTreeSet<String>, Option<Extreme>)>,
    pace: jiff::SignedDuration,
    tz: TimeZone,
}

impl DaysGatherer {
    /// Begins with nothing.
    pub fn new(sheet: &SourceSheet, tz: &TimeZone) -> Self {
        let measure = record_measure(sheet);
        Self {
            course: Course::new(measure.as_slice(), tz, sheet),
            measure: measure.cloned(),
            leading: sheet.leading.clone(),
            events_last: sheet.events_last(),
            events: BTreeMap::new(),
            pace: sheet.pace(),
            tz: tz.clone(),
        }
    }

    /// Takes in an hour of an entity.
    pub fn add_summary(&mut self, summary: &BucketSummary) {
        self.course.add(summary);
    }

    /// Takes in an event: as it is known now, or, where events last, on each of its days.
    pub fn add_event(&mut self, event: &Event) {
        if self.events_last {
            for version in &event.versions {
                self.add_version(event, version);
            }
        } else if let Some(version) = event.current() {
            self.add_version(event, version);
        }
    }

    fn add_version(&mut self, event: &Event, version: &Version) {
        let at = version.observed_at;
        let (keys, strongest) = self.events.entry(local_date(at, &self.tz)).or_default();
        keys.insert(event.key.key.as_str().to_owned());
        let value = (self.measure.as_ref()).and_then(|measure| version.values.get(&measure.id));
        let value = value.copied().filter(|value| value.is_finite());
        if let Some(value) = value
            && strongest.is_none_or(|most| value > most.value)
        {
            *strongest = Some(Extreme { value, at });
        }
    }

    /// The days that have data, ascending. `now` is after them all.
    pub fn finish(self, now: Timestamp) -> Vec<DayFigures> {
        let mut days: BTreeMap<Date, DayFigures> = BTreeMap::new();
        let empty = DayFigures::empty;
        let Some(measure) = &self.measure else {
            return Vec::new();
        };
        let (of, values) = self.stands_for(measure);
        let mut hours: BTreeMap<Date, Values> = BTreeMap::new();
        for (at, value) in &values {
            let date = local_date(*at, &self.tz);
            hours.entry(date).or_default().push((*at, *value));
        }
        for (date, values) in hours {
            let day = days.entry(date).or_insert_with(|| empty(date));
            day.of.clone_from(&of);
            day.least = extreme(&values, true);
            day.greatest = extreme(&values, false);
        }
        for (date, mean) in by_day(&values, measure.kind, self.pace, now, &self.tz) {
            days.entry(date).or_insert_with(|| empty(date)).mean = Some(mean);
        }
        for (date, (keys, strongest)) in self.events {
            let day = days.entry(date).or_insert_with(|| empty(date));
            day.events = keys.len() as u64;
            day.strongest = strongest;
        }
        days.into_values().collect()
    }

    /// The series that stands for the source, as in the analysis of a period.
    fn stands_for(&self, measure: &Measure) -> (Option<String>, Values) {
        if measure.across != Across::Each {
            return (None, self.course.together(0));
        }
        let singles = self.course.singles();
        let led = self.leading.iter().find(|id| singles.contains_key(*id));
        let first = led.or_else(|| singles.keys().min()).cloned();
        let values = first.as_ref().and_then(|id| singles.get(id)).cloned();
        (first, values.unwrap_or_default())
    }
}

impl Days {
    /// What is beyond all days before `date`: a value at its time, greater than the greatest of what `figure` takes of each day, or less
    /// than the least. `known` says how many days can have been; nothing before there are enough.
    fn record(
        &self,
        date: Date,
        value: Extreme,
        highest: bool,
        resolution: f64,
        figure: impl Fn(&DayFigures) -> Option<f64>,
    ) -> Option<Record> {
        let known: Vec<(Date, f64)> = self
            .days
            .iter()
            .filter(|day| day.date < date)
            .filter_map(|day| Some((day.date, figure(day)?)))
            .collect();
        let (since, _) = known.first()?;
        let values = known.iter().map(|(_, value)| *value);
        let before = if highest {
            values.reduce(f64::max)?
        } else {
            values.reduce(f64::min)?
        };
        let beyond = if highest {
            value.value - before
        } else {
            before - value.value
        };
        let days = known.len() as u32;
        // An hour of the first day may have been missed, not a day.
        (days >= RECORD_DAYS_MIN && beyond >= resolution).then_some(Record {
            highest,
            value: value.value,
            at: value.at,
            before,
            since: *since,
            of_all: self.of_all,
            days,
            days_passed: days_between(*since, date),
        })
    }

    /// A value of the series of `of` beyond those of all days before: of hours, or of the means of days.
    pub(super) fn record_of_values(
        &self,
        date: Date,
        of: Option<&str>,
        (least, greatest): (Option<Extreme>, Option<Extreme>),
        by_day: bool,
        resolution: f64,
    ) -> Option<Record> {
        let same = |day: &DayFigures| day.of.as_deref() == of;
        let highest = greatest.and_then(|value| {
            self.record(date, value, true, resolution, |day| {
                let hour = day.greatest.map(|most| most.value);
                if by_day { day.mean } else { hour }.filter(|_| same(day))
            })
        });
        highest.or_else(|| {
            self.record(date, least?, false, resolution, |day| {
                let hour = day.least.map(|least| least.value);
                if by_day { day.mean } else { hour }.filter(|_| same(day))
            })
        })
    }

    /// An event stronger than all before.
    pub(super) fn record_of_events(&self, date: Date, strongest: Extreme) -> Option<Record> {
        self.of_days_without(date)
            .record(date, strongest, true, f64::MIN_POSITIVE, |day| {
                // A day without events, or without values, has no strongest one: it is known all the same.
                Some(day.strongest.map_or(f64::NEG_INFINITY, |most| most.value))
            })
            .filter(|record| record.before.is_finite())
    }

    /// A day with more events than all before.
    pub(super) fn busiest(&self, date: Date, count: u64, at: Timestamp) -> Option<Record> {
        let value = Extreme {
            value: count as f64,
            at,
        };
        self.of_days_without(date)
            .record(date, value, true, 1.0, |day| Some(day.events as f64))
    }

    /// The same with the days on which nothing happened, as far as anybody heard of them.
    fn of_days_without(&self, date: Date) -> Self {
        let mut known: BTreeMap<Date, DayFigures> =
            (self.days.iter().map(|day| (day.date, day.clone()))).collect();
        let mut day = self.from;
        while day < date {
            if !self.unheard.contains(&day) {
                known.entry(day).or_insert_with(|| DayFigures::empty(day));
            }
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
        Self {
            days: known.into_values().collect(),
            ..self.clone()
        }
    }
}

fn days_between(first: Date, last: Date) -> u32 {
    u32::try_from(last.duration_since(first).as_hours() / 24).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(day: i8) -> Date {
        Date::constant(2026, 3, day)
    }

    fn days(count: i8, figure: impl Fn(i8) -> Option<f64>) -> Days {
        let of = |day: i8| {
            let value = figure(day)?;
            let extreme = Extreme {
                value,
                at: Timestamp::UNIX_EPOCH,
            };
            Some(DayFigures {
                date: date(day),
                of: None,
                mean: Some(value / 2.0),
                least: Some(extreme),
                greatest: Some(extreme),
                events: value.abs() as u64,
                strongest: Some(extreme),
            })
        };
        Days {
            from: date(1),
            of_all: true,
            days: (1..=count).filter_map(of).collect(),
            unheard: BTreeSet::new(),
        }
    }

    fn value(value: f64) -> Extreme {
        Extreme {
            value,
            at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_record_is_beyond_all_days_that_are_known_and_says_how_many_they_are() {
        let past = days(30, |day| (day != 9).then(|| f64::from(day % 7)));
        let of = |least: f64, most: f64| {
            past.record_of_values(
                date(31),
                None,
                (Some(value(least)), Some(value(most))),
                false,
                0.1,
            )
        };
        let record = of(3.0, 6.2).unwrap();
        assert_eq!(
            (record.highest, record.value, record.before),
            (true, 6.2, 6.0)
        );
        assert_eq!(
            (record.since, record.days, record.days_passed),
            (date(1), 29, 30)
        );
        // What differs by less than is shown is none.
        assert_eq!(of(3.0, 6.05), None);
        let record = of(-1.0, 6.0).unwrap();
        assert_eq!(
            (record.highest, record.value, record.before),
            (false, -1.0, 0.0)
        );
        // The means of days are compared with those of days.
        let of_means = past.record_of_values(date(31), None, (None, Some(value(3.5))), true, 0.1);
        assert_eq!(of_means.map(|record| record.before), Some(3.0));
        // Those of another entity say nothing, nor do days to come, nor too few of them.
        assert_eq!(
            past.record_of_values(date(31), Some("x"), (None, Some(value(99.0))), false, 0.1),
            None
        );
        assert_eq!(
            past.record_of_values(date(29), None, (None, Some(value(99.0))), false, 0.1),
            None
        );
        assert!(
            past.record_of_values(date(30), None, (None, Some(value(99.0))), false, 0.1)
                .is_some()
        );
    }

    #[test]
    fn days_without_events_are_days_all_the_same() {
        let past = days(30, |day| (day % 10 == 0).then_some(4.0));
        let busiest = past.busiest(date(31), 5, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(
            (busiest.before, busiest.days, busiest.days_passed),
            (4.0, 30, 30)
        );
        assert_eq!(past.busiest(date(31), 4, Timestamp::UNIX_EPOCH), None);
        // Of two of them nobody heard.
        let mut unheard = past.clone();
        unheard.unheard = [date(11), date(12)].into();
        let found = unheard.busiest(date(31), 5, Timestamp::UNIX_EPOCH);
        assert_eq!(
            found.map(|busiest| (busiest.days, busiest.days_passed)),
            Some((28, 30))
        );
        assert_eq!(past.busiest(date(28), 50, Timestamp::UNIX_EPOCH), None);
        let strongest = past.record_of_events(date(31), value(4.5)).unwrap();
        assert_eq!((strongest.before, strongest.days), (4.0, 30));
        // The first event of all is stronger than none: that is no record.
        assert_eq!(
            days(30, |_| None).record_of_events(date(31), value(4.5)),
            None
        );
    }
}
