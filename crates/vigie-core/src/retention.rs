//! How long summaries and events are kept.
//!
//! Days are counted back from the newest content of a source, or from the clock where that is earlier: a clock that is far ahead
//! deletes nothing, and a source that fell silent keeps its last days. What is kept follows from the rows alone, never from when
//! somebody looked: a row that is too old when it comes is exactly one that would be deleted.

use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use serde::Serialize;

use crate::time::{Hours, day_start, local_date};

/// The fewest days that can be kept: a month, and the thirty days of charts of slow sources.
pub const DAYS_MIN: u32 = 35;

/// More days are for ever: some 2,700 years.
const DAYS_MAX: u32 = 1_000_000;

/// For how many local days something is kept, beside the newest one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    days: u32,
}

impl Retention {
    /// So many days; `None`, for ever, where it is 0.
    pub fn of_days(days: u32) -> Option<Self> {
        (days > 0).then_some(Self { days })
    }

    /// How many days.
    pub fn days(self) -> u32 {
        self.days
    }

    /// The first instant that is kept, always the start of a local day: `newest` is that of the newest content, `at` what the clock
    /// says.
    pub fn start(self, newest: Timestamp, at: Timestamp, tz: &TimeZone) -> Timestamp {
        let last = local_date(newest.min(at), tz);
        let days = i64::from(self.days.min(DAYS_MAX));
        day_start(last.saturating_sub(days.days()), tz)
    }
}

/// For how many days summaries and events are kept; `None`: for ever.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct KeptDays {
    /// Summaries.
    pub summaries: Option<u32>,
    /// Events.
    pub events: Option<u32>,
}

/// What a retention has to say of the rows of bodies, one body after the other.
#[derive(Debug)]
pub struct Intake<'a> {
    retention: Retention,
    tz: &'a TimeZone,
    hours: Hours<'a>,
    /// Whether rows are kept by the hours that they fall into, as observations are, or by themselves.
    by_hour: bool,
    newest: Timestamp,
    start: Timestamp,
}

impl<'a> Intake<'a> {
    /// `newest` is the newest content that is stored.
    pub fn new(
        retention: Retention,
        newest: Option<Timestamp>,
        by_hour: bool,
        tz: &'a TimeZone,
    ) -> Self {
        Self {
            retention,
            tz,
            hours: Hours::new(tz),
            by_hour,
            newest: newest.unwrap_or(Timestamp::MIN),
            start: Timestamp::MIN,
        }
    }

    /// Begins a body, fetched at `fetched_at`, whose rows were observed at these times.
    pub fn begin(&mut self, fetched_at: Timestamp, observed: impl Iterator<Item = Timestamp>) {
        if let Some(newest) = observed.max() {
            let newest = self.kept_by(newest);
            self.newest = self.newest.max(newest);
        }
        self.start = self.retention.start(self.newest, fetched_at, self.tz);
    }

    /// Whether a row of this body is kept.
    pub fn keeps(&mut self, observed_at: Timestamp) -> bool {
        self.kept_by(observed_at) >= self.start
    }

    fn kept_by(&mut self, observed_at: Timestamp) -> Timestamp {
        if self.by_hour {
            self.hours.start_of(observed_at)
        } else {
            observed_at
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn paris() -> TimeZone {
        TimeZone::get("Europe/Paris").unwrap()
    }

    #[test]
    fn days_are_those_of_the_zone_and_go_back_from_the_newest_or_the_clock() {
        let retention = Retention::of_days(40).unwrap();
        let start = |newest, clock| retention.start(at(newest), at(clock), &paris());
        // 22:30 in UTC is the next day in Paris, in summer.
        let first = at("2026-08-20T22:00:00Z");
        assert_eq!(start("2026-09-29T22:30:00Z", "2026-09-29T23:00:00Z"), first);
        assert_eq!(start("2026-09-30T21:59:59Z", "2100-01-01T00:00:00Z"), first);
        assert_eq!(start("2100-01-01T00:00:00Z", "2026-09-30T12:00:00Z"), first);
        // Over the change of the clocks a day is a day.
        assert_eq!(
            start("2026-11-01T12:00:00Z", "2026-11-01T12:00:00Z"),
            at("2026-09-21T22:00:00Z")
        );
        assert_eq!(Retention::of_days(0), None);
        let ever = Retention::of_days(u32::MAX).unwrap();
        assert!(ever.start(first, first, &paris()) < at("0000-01-01T00:00:00Z"));
    }

    #[test]
    fn what_is_too_old_when_it_comes_is_what_would_be_deleted() {
        let tz = paris();
        let retention = Retention::of_days(40).unwrap();
        let mut intake = Intake::new(retention, None, true, &tz);
        let (now, edge, old) = (
            at("2026-09-30T12:00:00Z"),
            at("2026-08-20T22:59:59Z"),
            at("2026-08-20T21:59:59Z"),
        );
        // A station that repeats what it said long ago, beside one that is alive.
        intake.begin(now, [old, now, edge].into_iter());
        assert_eq!(
            [old, edge, now].map(|row| intake.keeps(row)),
            [false, true, true]
        );
        // The same alone, later: what came before is remembered.
        intake.begin(now, [old].into_iter());
        assert!(!intake.keeps(old));
        // By a clock that is a lifetime ahead, the source says what day it is.
        intake.begin(at("2100-01-01T00:00:00Z"), [now].into_iter());
        assert!(intake.keeps(edge) && !intake.keeps(old));
        // What was fetched long ago counts from then.
        intake.begin(at("2026-08-22T12:00:00Z"), [old].into_iter());
        assert!(intake.keeps(old));
        // Events go by themselves, to the nanosecond.
        let half = TimeZone::get("Asia/Kolkata").unwrap();
        let mut stored = Intake::new(retention, Some(now), false, &half);
        stored.begin(now, std::iter::empty());
        let start = retention.start(now, now, &half);
        let before = start - jiff::SignedDuration::from_nanos(1);
        assert!(stored.keeps(start) && !stored.keeps(before));
    }

    #[test]
    fn what_is_kept_never_begins_earlier_than_it_did() {
        let tz = paris();
        let retention = Retention::of_days(35).unwrap();
        let hour =
            |hours: i64| at("2026-03-01T00:30:00Z") + jiff::SignedDuration::from_hours(hours);
        let starts: Vec<Timestamp> = (0..24 * 60)
            .map(|h| retention.start(hour(h), hour(h), &tz))
            .collect();
        assert!(starts.is_sorted());
        // The newest is always kept, and so are the whole days before it.
        for (h, start) in (0..).zip(&starts) {
            let age = hour(h).duration_since(*start);
            let (least, most) = (24 * 35 - 1, 24 * 36 + 1);
            assert!((least..=most).contains(&age.as_hours()), "{age}");
        }
    }
}
