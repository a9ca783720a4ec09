//! What the days before a period say, reduced to what baselines, comparisons and rankings need.

use std::collections::HashMap;

use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};

use super::{
    SourceSheet,
    course::{Course, Values},
    days::Days,
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
/// The days before a period that say what is usual of any day.
const DAYS: i64 = 28;
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
            let days = if many { 7 } else { DAYS };
            if sheet.events {
                return vec![(back(DAYS), period.start)];
            }
            // The same weekday of the weeks before, a day each.
            let weekdays = (1..=WEEKS).rev().map(|week| week * 7);
            let single = weekdays.filter(|back| *back > days);
            let mut ranges: Vec<_> = single.map(|day| (back(day), back(day - 1))).collect();
            ranges.push((back(days), period.start));
            return ranges;
        }
        PeriodKind::Month if sheet.events => 3 * 31,
        _ if many => DAYS,
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
            course: Course::new(&measures, tz, sheet),
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
        let number = self.event_count;
        let happened = |version: &Version| Happened {
            at: version.observed_at,
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
        // It is kept for hours, for every source.
        let small = |mut values: Values| {
            values.shrink_to_fit();
            values
        };
        let mut days = self.course.days();
        days.extend(self.events.iter().map(|event| date(event.at)));
        days.sort_unstable();
        days.dedup();
        History {
            together: (0..self.measures.len())
                .map(|measure| small(self.course.together(measure)))
                .collect(),
            singles: (self.course.singles().into_iter())
                .map(|(id, values)| (id, small(values)))
                .collect(),
            places: self.places,
            events: self.events,
            positions: self.positions,
            before: Days::default(),
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
    /// All days before, in few numbers; empty where they were not read.
    pub(super) before: Days,
    from: Timestamp,
    watched_since: Option<Timestamp>,
}

impl History {
    /// Whether the provider was heard of all dates from `from` on and before `to`.
    pub(super) fn was_heard(&self, from: Date, to: Date) -> bool {
        self.before.unheard.range(from..to).next().is_none()
    }

    /// The same with all days before, in few numbers, for records.
    #[must_use]
    pub fn with_days(mut self, mut before: Days) -> Self {
        before.days.shrink_to_fit();
        self.before = before;
        self
    }

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
}
