//! From stored summaries and events to the analysis of a period.
//!
//! [`SourceAnalyser`] takes the summaries and events of one source one by one, so that memory grows with
//! the number of entities and not with that of documents. [`HistoryGatherer`] does the same with the days before, and
//! [`SourceAnalyser::against`] compares the two. `docs/analysis.md` says how each figure is computed.

mod baseline;
mod correlation;
mod counter;
mod course;
mod days;
mod events;
mod findings;
mod gather;
mod happened;
mod history;
mod mix;
mod observed;
pub mod origin;
mod ranking;
pub mod sentence;
mod track;
mod trend;

use jiff::{SignedDuration, Timestamp, ToSpan as _, tz::TimeZone};

pub use self::{
    correlation::{HourlySeries, correlations},
    days::{DayFigures, Days, DaysGatherer, record_measure},
    gather::SourceAnalyser,
    history::{History, HistoryGatherer, history_ranges},
};
use crate::{
    analysis::{Credit, Period, PeriodKind},
    measure::{Measure, Mix},
    text::{MeasureId, SourceId, Text},
    time::{day_start, hours_between, local_date},
};

/// Entities that get a line of their own in a chart; with more, they are combined.
pub(crate) const LINES_MAX: usize = 8;
/// Headline figures.
pub(crate) const HEADLINES_MAX: usize = 4;
/// A sum over entities is known only where at least this share of those that report on the day did; below, a
/// missing station would look like missing bikes.
const COMPLETE_SHARE_MIN: f64 = 0.8;
/// Fewer gaps between values say nothing of a rhythm.
const GAPS_MIN: usize = 3;
/// From this rhythm on, a week is drawn by days.
const HOURLY_WEEK_RHYTHM: SignedDuration = SignedDuration::from_hours(12);

/// What the analysis must know of a source beside its data.
#[derive(Debug, Clone)]
pub struct SourceSheet {
    /// The source.
    pub id: SourceId,
    /// Its domain.
    pub domain: String,
    /// Its title.
    pub title: Text,
    /// Whom to credit.
    pub credit: Credit,
    /// Its measures.
    pub measures: Vec<Measure>,
    /// Whether its rows are events.
    pub events: bool,
    /// Which of its measures are the parts of a whole.
    pub mix: Option<Mix>,
    /// Where what it describes moves: the measure that tells how strong it is. The observed time of an event that moves goes
    /// on with it.
    pub track: Option<MeasureId>,
    /// The entities to lead with, in this order; others follow by name.
    pub leading: Vec<String>,
    /// The expected time between two observations of an entity.
    pub rhythm: Option<SignedDuration>,
    /// The time between two downloads.
    pub every: SignedDuration,
    /// Whether there is new content once a day at most.
    pub slow: bool,
}

impl SourceSheet {
    /// Whether an event goes on, at an observed time of its own in each version: it is one of every day that it has a version of.
    pub fn events_last(&self) -> bool {
        self.events && self.track.is_some()
    }

    /// The longest time between two observations that leaves nothing out.
    pub fn pace(&self) -> SignedDuration {
        self.rhythm.unwrap_or(self.every)
    }

    /// Whether its chart of a period goes by days.
    fn by_day(&self, period: &Period) -> bool {
        match period.kind {
            PeriodKind::Day => self.slow && !self.events,
            _ if self.slow => true,
            PeriodKind::Week => self.pace() >= HOURLY_WEEK_RHYTHM,
            PeriodKind::Month => true,
        }
    }
}

/// How many entities a source spoke of on a day.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reported {
    /// On the whole day.
    pub(crate) entities: u64,
    /// In the hour that had most of them.
    pub(crate) most: u64,
    /// The time between two observations that leaves nothing out.
    pub(crate) pace: SignedDuration,
}

impl Reported {
    fn are_most(self, count: u64) -> bool {
        count as f64 >= COMPLETE_SHARE_MIN * self.entities as f64
    }

    /// Whether entities come and go, as aircraft do, and what is read: no hour knows most of those of the day. Where each is heard
    /// less than once an hour, that says nothing.
    pub(crate) fn come_and_go(self) -> bool {
        self.pace <= SignedDuration::from_hours(1) && !self.are_most(self.most)
    }

    /// Whether an hour in which so many reported tells of all: most did, or those that did not may have gone.
    pub(crate) fn tells_all(self, count: u64) -> bool {
        self.are_most(count) || self.come_and_go()
    }
}

/// How many steps of that length apart two values may be that belong to one line. A rhythm of three hours may fall
/// four hourly steps apart, by the minute; that one is missing is never hidden.
pub(crate) fn joined_steps(pace: SignedDuration, step: SignedDuration) -> u32 {
    let rhythm = pace.as_secs_f64() / step.as_secs_f64();
    if rhythm <= 1.0 {
        return 1;
    }
    (rhythm.ceil() + 1.0)
        .min((2.0 * rhythm).ceil() - 1.0)
        .max(1.0) as u32
}

/// The median of the gaps between values, if they are enough to say.
pub(crate) fn usual_gap<T: Ord + Copy>(gaps: impl Iterator<Item = T>) -> Option<T> {
    let mut gaps: Vec<T> = gaps.collect();
    if gaps.len() < GAPS_MIN {
        return None;
    }
    let middle = gaps.len() / 2;
    Some(*gaps.select_nth_unstable(middle).1)
}

/// The measures to lead with.
pub(crate) fn headline_measures(measures: &[Measure]) -> Vec<&Measure> {
    let mut chosen: Vec<&Measure> = measures.iter().filter(|m| m.headline).collect();
    if chosen.is_empty() {
        chosen.extend(measures.first());
    }
    chosen.truncate(LINES_MAX);
    chosen
}

/// The steps of a chart: local hours or local days.
fn steps(from: Timestamp, end: Timestamp, by_day: bool, tz: &TimeZone) -> Vec<Timestamp> {
    if !by_day {
        return hours_between(from, end, tz);
    }
    let (mut date, end) = (local_date(from, tz), local_date(end, tz));
    let mut days = Vec::new();
    while date < end {
        days.push(day_start(date, tz));
        date = date.saturating_add(1.day());
    }
    days
}

#[cfg(test)]
mod tests;
