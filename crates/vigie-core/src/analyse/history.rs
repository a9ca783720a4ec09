//! What the days before a period say, reduced to what baselines, comparisons and rankings need.

use std::collections::HashMap;

use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};

use super::{
    SourceSheet,
    course::{Course, Values},
    headline_measures,
    ranking::Place,
    track::Positions,
};
use crate::{
    analysis::{Period, PeriodKind},
    bucket::BucketSummary,
    event::{Event, Version},
    measure::{Kind, Measure},
    text::MeasureId,
    time::{day_start, local_date},
};

/// The weeks that say what is usual.
const WEEKS: i64 = 8;
/// The days before a period in which a record is looked for.
const RECORD_DAYS: i64 = 28;
/// The days before a period in which a ranking is followed.
const RANKING_DAYS: i64 = 7;
/// With more entities than this, fewer days are read: each day of a bike network is tens of thousands of documents.
const ENTITIES_MANY: u64 = 200;

/// The stretches of time before `period` that the analysis of a source with so many entities wants, ascending.
pub fn history_ranges(
    sheet: &SourceSheet,
    period: &Period,
    entities: u64,
    tz: &TimeZone,
) -> Vec<(Timestamp, Timestamp)> {
    let back = |days: i64| day_start(period.date.saturating_sub(days.days()), tz);
    let ranked = headline_measures(&sheet.measures)
        .first()
        .is_some_and(|measure| measure.kind == Kind::Rank);
    let many = entities > ENTITIES_MANY;
    let days = match period.kind {
        _ if ranked => RANKING_DAYS,
        PeriodKind::Day if !sheet.slow => {
            let days = if many { 7 } else { RECORD_DAYS };
            if sheet.events {
                return vec![(back(RECORD_DAYS), period.start)];
            }
            // The same weekday of the weeks before, a day each.
            let weekdays = (1..=WEEKS).rev().map(|week| week * 7);
            let single = weekdays.filter(|back| *back > days);
            let mut ranges: Vec<_> = single.map(|day| (back(day), back(day - 1))).collect();
            ranges.push((back(days), period.start));
            return ranges;
        }
        PeriodKind::Month if sheet.events => 3 * 31,
        _ if many => RECORD_DAYS,
        _ => WEEKS * 7,
    };
    vec![(back(days), period.start)]
}

/// Takes in what the days before a period say, document by document.
#[derive(Debug)]
pub struct HistoryGatherer {
    course: Course,
    places: HashMap<String, Place>,
    events: Vec<Happened>,
    positions: Positions,
    track: Option<MeasureId>,
    events_last: bool,
    /// How many events were taken in.
    event_count: u32,
    measures: Vec<Measure>,
    ranked: bool,
    from: Timestamp,
    /// The start of the period.
    until: Timestamp,
    watched_since: Option<Timestamp>,
    tz: TimeZone,
}

impl HistoryGatherer {
    /// Begins with nothing. `ranges` is what will be taken in; `watched_since` is when the source was asked first.
    pub fn new(
        sheet: &SourceSheet,
        ranges: &[(Timestamp, Timestamp)],
        watched_since: Option<Timestamp>,
        tz: &TimeZone,
    ) -> Self {
        let measures = headline_measures(&sheet.measures);
        Self {
            course: Course::new(&measures, tz, &sheet.leading),
            places: HashMap::new(),
            events: Vec::new(),
            positions: Positions::default(),
            track: sheet.track.clone(),
            events_last: sheet.events_last(),
            event_count: 0,
            ranked: measures
                .first()
                .is_some_and(|measure| measure.kind == Kind::Rank),
            measures: measures.into_iter().cloned().collect(),
            from: ranges.first().map_or(Timestamp::MAX, |range| range.0),
            until: ranges.last().map_or(Timestamp::MAX, |range| range.1),
            watched_since,
            tz: tz.clone(),
        }
    }

    /// Takes in an hour of an entity.
    pub fn add_summary(&mut self, summary: &BucketSummary) {
        if let Some(strength) = &self.track {
            self.positions.add_summary(summary, strength);
        }
        if self.ranked {
            if let Some(leading) = self.measures.first() {
                super::ranking::follow(&mut self.places, summary, &leading.id);
            }
            return;
        }
        self.course.add(summary);
    }

    /// Takes in an event, as it is known now.
    pub fn add_event(&mut self, event: &Event) {
        if let Some(strength) = &self.track {
            self.positions.add_event(event, strength);
        }
        let leading = self.measures.first();
        let number = self.event_count;
        let happened = |version: &Version| Happened {
            at: version.observed_at,
            value: leading.and_then(|measure| version.values.get(&measure.id).copied()),
            event: number,
        };
        if self.events_last {
            let before = |version: &&Version| version.observed_at < self.until;
            let versions = event.versions.iter().filter(before);
            self.events.extend(versions.map(happened));
        } else {
            self.events.extend(event.current().map(happened));
        }
        self.event_count += 1;
    }

    /// What was taken in, in little room.
    pub fn finish(self) -> History {
        let date = |at: Timestamp| local_date(at, &self.tz);
        let mut days = self.course.days();
        days.extend(self.events.iter().map(|event| date(event.at)));
        days.sort_unstable();
        days.dedup();
        History {
            together: (0..self.measures.len())
                .map(|measure| self.course.together(measure))
                .collect(),
            singles: self.course.singles(),
            places: self.places,
            events: self.events,
            positions: self.positions,
            began: self.watched_since.map(date),
            from: self.from,
            watched_since: self.watched_since,
            days,
        }
    }
}

/// An event at an observed time of it: one, or, where events last, those of all its versions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Happened {
    pub(super) at: Timestamp,
    /// The value of the leading measure.
    pub(super) value: Option<f64>,
    /// Its number, for events that last are counted once.
    event: u32,
}

/// What the days before a period say.
#[derive(Debug)]
pub struct History {
    /// The hours of all entities together, by headline measure.
    together: Vec<Values>,
    /// The hours of the leading measure by entity.
    singles: HashMap<String, Values>,
    /// Of rankings: what is known of each entity.
    pub(super) places: HashMap<String, Place>,
    /// Of events.
    pub(super) events: Vec<Happened>,
    /// Of what moves.
    pub(super) positions: Positions,
    /// Those that have data, ascending.
    pub(super) days: Vec<Date>,
    began: Option<Date>,
    from: Timestamp,
    watched_since: Option<Timestamp>,
}

impl History {
    /// The hourly values of all entities together.
    pub(super) fn together(&self, measure: usize) -> &[(Timestamp, f64)] {
        self.together.get(measure).map_or(&[], Vec::as_slice)
    }

    /// The hourly values of the leading measure of one entity.
    pub(super) fn single(&self, id: &str) -> &[(Timestamp, f64)] {
        self.singles.get(id).map_or(&[], Vec::as_slice)
    }

    /// How many events there were from `from` on and before `to`.
    pub(super) fn events_within(&self, from: Timestamp, to: Timestamp) -> u64 {
        let within = |event: &&Happened| (from..to).contains(&event.at);
        let mut numbers: Vec<u32> = self.events.iter().filter(within).map(|e| e.event).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.len() as u64
    }

    /// From when on the source is known within what was read: the start of the watch, or of what was read.
    pub(super) fn known_from(&self) -> Timestamp {
        self.watched_since
            .map_or(Timestamp::MAX, |since| since.max(self.from))
    }

    /// Whether the source was asked first within what was read: there was nothing before.
    pub(super) fn watch_began_within(&self) -> bool {
        self.watched_since.is_some_and(|since| since >= self.from)
    }

    /// The first date of the days that have data without a break before `date`, how many they are, and whether the watch began there.
    pub(super) fn unbroken(&self, date: Date) -> Option<(Date, u32, bool)> {
        let mut first = date;
        let mut count = 0;
        for day in self.days.iter().rev().skip_while(|day| **day >= date) {
            if day.tomorrow().ok() != Some(first) {
                break;
            }
            first = *day;
            count += 1;
        }
        let began = self.began.is_some_and(|began| began >= first);
        (count > 0).then_some((first, count, began))
    }
}
