//! What the ledger and the store say of a source.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    bucket::BucketSummary,
    capture::{Capture, Outcome},
    event::Event,
    row::Point,
    text::MeasureId,
};

/// Fewer values have no median that means anything.
const VALUES_MIN: usize = 3;
/// A shorter record says nothing of a year.
const YEAR_BASIS_SECONDS_MIN: i64 = 6 * 3600;
const YEAR_SECONDS: f64 = 365.25 * 86_400.0;
/// A median within this factor of the declared period confirms it.
const SAME_PERIOD: f64 = 1.5;
/// The most entities that are compared with those of other sources.
const ENTITIES_MAX: usize = 100_000;

/// The stretch of time that figures were measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Window {
    /// The start of the first attempt.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// The start of the last one.
    #[schema(value_type = String, format = DateTime)]
    pub to: Timestamp,
}

/// What the ledger says of a source. What was not measured often enough is `None`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Measured {
    /// When it was measured; `None` without a single attempt.
    pub window: Option<Window>,
    /// Slots whose time had come.
    pub expected: u64,
    /// Slots for which the provider answered as it should.
    pub obtained: u64,
    /// Attempts that brought no body.
    pub failed: u64,
    /// Bodies set aside.
    pub quarantined: u64,
    /// Bodies that said something new.
    pub bodies: u64,
    /// The median bytes of such a body.
    pub body_bytes: Option<u64>,
    /// Their bytes, extrapolated to a year.
    pub bytes_per_year: Option<f64>,
    /// The median time between two bodies that differ.
    pub change_seconds: Option<i64>,
    /// The median time by which the newest observed time advances.
    pub advance_seconds: Option<i64>,
    /// The median of rows in a body.
    pub body_rows: Option<u64>,
    /// Rows taken into the store.
    pub rows: u64,
    /// Rows refused.
    pub refused_rows: u64,
    /// The median age of the newest content of a body when it was fetched.
    pub lag_seconds: Option<i64>,
    /// When the newest content happened.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub newest: Option<Timestamp>,
}

impl Measured {
    /// The share of rows that were refused.
    pub fn refused_share(&self) -> Option<f64> {
        share(self.refused_rows, self.rows + self.refused_rows)
    }

    /// The share of downloads that were obtained.
    pub fn obtained_share(&self) -> Option<f64> {
        share(self.obtained, self.expected).map(|share| share.min(1.0))
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn median(mut values: Vec<i64>) -> Option<i64> {
    let middle = values.len() / 2;
    (values.len() >= VALUES_MIN).then(|| *values.select_nth_unstable(middle).1)
}

/// Gathers the captures of a source, one by one in the order of their start.
#[derive(Debug, Default)]
pub struct CaptureTally {
    measured: Measured,
    sha256: Option<String>,
    changed_at: Option<Timestamp>,
    good_slots: BTreeSet<Timestamp>,
    sizes: Vec<i64>,
    bytes: u64,
    changes: Vec<i64>,
    advances: Vec<i64>,
    rows: Vec<i64>,
    lags: Vec<i64>,
}

impl CaptureTally {
    /// Takes in a capture.
    pub fn add(&mut self, capture: &Capture) {
        if capture.history.is_some() {
            // What a backfill brings says nothing of how the feed behaves from slot to slot.
            return;
        }
        let measured = &mut self.measured;
        let from = measured
            .window
            .map_or(capture.started_at, |window| window.from);
        measured.window = Some(Window {
            from,
            to: capture.started_at,
        });
        match capture.outcome {
            Outcome::Failed => measured.failed += 1,
            Outcome::Quarantined => measured.quarantined += 1,
            Outcome::Landed | Outcome::Unchanged | Outcome::Summarized => {
                self.good_slots.insert(capture.slot);
            }
        }
        measured.refused_rows += capture.refused_rows;
        measured.rows += capture.rows;
        let is_body = matches!(capture.outcome, Outcome::Landed | Outcome::Summarized);
        if !is_body || (capture.sha256.is_some() && capture.sha256 == self.sha256) {
            return;
        }
        self.sha256.clone_from(&capture.sha256);
        measured.bodies += 1;
        self.bytes += capture.bytes;
        self.sizes.push(capture.bytes.cast_signed());
        if let Some(before) = self.changed_at.replace(capture.started_at) {
            self.changes.push(seconds(before, capture.started_at));
        }
        if capture.outcome == Outcome::Summarized {
            let rows = capture.rows + capture.refused_rows;
            self.rows.push(rows.cast_signed());
        }
        if let Some((_, newest)) = capture.observed {
            self.lags.push(seconds(newest, capture.started_at).max(0));
            match measured.newest {
                Some(before) if newest <= before => {}
                before => {
                    self.advances
                        .extend(before.map(|before| seconds(before, newest)));
                    measured.newest = Some(newest);
                }
            }
        }
    }

    /// The figures, where that many downloads were expected in the window, one every `collect` seconds.
    pub fn finish(self, expected: u64, collect_seconds: i64) -> Measured {
        let mut measured = self.measured;
        measured.obtained = self.good_slots.len() as u64;
        measured.expected = expected.max(measured.obtained);
        let unsigned = |value: i64| value.unsigned_abs();
        measured.bytes_per_year = measured.window.and_then(|window| {
            let basis = seconds(window.from, window.to) + collect_seconds;
            (basis >= YEAR_BASIS_SECONDS_MIN && self.sizes.len() >= VALUES_MIN)
                .then(|| self.bytes as f64 / basis as f64 * YEAR_SECONDS)
        });
        measured.body_bytes = median(self.sizes).map(unsigned);
        measured.change_seconds = median(self.changes);
        measured.advance_seconds = median(self.advances);
        measured.body_rows = median(self.rows).map(unsigned);
        measured.lag_seconds = median(self.lags);
        measured
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> i64 {
    // To the nearest second: slots are hit with some milliseconds of delay.
    (to.duration_since(from) + SignedDuration::from_millis(500)).as_secs()
}

/// How a measured period compares with the declared one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PeriodVerdict {
    /// Not enough was measured.
    NotMeasured,
    /// The provider declares no fixed rhythm.
    NotDeclared,
    /// The declared period is confirmed.
    Confirmed,
    /// Content changes less often than declared.
    Slower,
    /// Content changes more often than declared.
    Faster,
    /// It is declared to change more often than it is asked for, and has changed nearly each time.
    FasterThanAsked,
}

impl PeriodVerdict {
    /// Compares periods in seconds: declared, asked for, and measured.
    pub fn of(declared: Option<i64>, asked: i64, measured: Option<i64>) -> Self {
        let Some(measured) = measured else {
            return Self::NotMeasured;
        };
        let Some(declared) = declared else {
            return Self::NotDeclared;
        };
        let (declared, asked, measured) = (declared as f64, asked as f64, measured as f64);
        if measured > SAME_PERIOD * declared.max(asked) {
            Self::Slower
        } else if declared * SAME_PERIOD < asked {
            Self::FasterThanAsked
        } else if measured * SAME_PERIOD < declared {
            Self::Faster
        } else {
            Self::Confirmed
        }
    }
}

/// What the store has of a source.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Seen {
    /// Its entities, or its events, by their identifiers, each with its name.
    #[serde(skip)]
    pub entities: BTreeMap<String, Option<String>>,
    /// Whether there were more of them than are kept here.
    pub more: bool,
    /// The measures that had values.
    #[schema(value_type = Vec<String>)]
    pub fields: BTreeSet<MeasureId>,
    /// West, south, east, north of all that is located.
    #[schema(value_type = Option<Vec<f64>>)]
    pub extent: Option<[f64; 4]>,
    /// Since when it was looked at.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
}

impl Seen {
    /// Takes in the summary of an hour.
    pub fn add_summary(&mut self, summary: &BucketSummary) {
        let id = summary.key.entity.as_str();
        self.add(id, summary.label.name.as_deref(), summary.label.point);
        for (measure, found) in &summary.measures {
            if found.stats.count > 0 && !self.fields.contains(measure) {
                self.fields.insert(measure.clone());
            }
        }
    }

    /// Takes in an event, as it is known now.
    pub fn add_event(&mut self, event: &Event) {
        let Some(version) = event.current() else {
            return;
        };
        self.add(
            event.key.key.as_str(),
            version.title.as_deref(),
            version.point,
        );
        self.fields.extend(version.values.keys().cloned());
    }

    fn add(&mut self, id: &str, name: Option<&str>, point: Option<Point>) {
        if let Some(known) = self.entities.get_mut(id) {
            if let Some(name) = name.filter(|name| known.as_deref() != Some(name)) {
                *known = Some(name.to_owned());
            }
        } else if self.entities.len() < ENTITIES_MAX {
            self.entities
                .insert(id.to_owned(), name.map(ToOwned::to_owned));
        } else {
            self.more = true;
        }
        if let Some(Point { lon, lat }) = point {
            let [west, south, east, north] = self.extent.unwrap_or([lon, lat, lon, lat]);
            self.extent = Some([west.min(lon), south.min(lat), east.max(lon), north.max(lat)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::SourceId;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + seconds).unwrap()
    }

    fn capture(seconds: i64, outcome: Outcome, body: &str) -> Capture {
        Capture {
            bytes: 1000,
            sha256: Some(body.into()),
            rows: 9,
            refused_rows: 1,
            observed: Some((at(0), at(seconds - 60))),
            ..Capture::new(SourceId::new("a").unwrap(), at(seconds), outcome)
        }
    }

    #[test]
    fn figures_come_from_the_bodies_that_say_something_new() {
        let mut tally = CaptureTally::default();
        for hour in 0..24 {
            // Each body twice, as after a lost ledger.
            let body = format!("{}", hour / 2);
            tally.add(&capture(hour * 3600, Outcome::Summarized, &body));
        }
        tally.add(&capture(24 * 3600, Outcome::Failed, ""));
        let measured = tally.finish(25, 3600);
        assert_eq!((measured.expected, measured.obtained), (25, 24));
        assert_eq!((measured.bodies, measured.failed), (12, 1));
        assert_eq!(measured.change_seconds, Some(7200));
        assert_eq!(measured.advance_seconds, Some(7200));
        assert_eq!(measured.body_bytes, Some(1000));
        assert_eq!(measured.body_rows, Some(10));
        assert_eq!(measured.lag_seconds, Some(60));
        let refused = measured.refused_share().unwrap();
        assert!((refused - 0.1).abs() < 1e-9, "{refused}");
        let year = measured.bytes_per_year.unwrap();
        assert!(
            (year - 12_000.0 * 365.25 * 24.0 / 25.0).abs() < 1.0,
            "{year}"
        );
    }

    #[test]
    fn what_is_too_little_has_no_figure() {
        let mut tally = CaptureTally::default();
        tally.add(&capture(0, Outcome::Summarized, "a"));
        tally.add(&capture(86_400, Outcome::Summarized, "b"));
        let measured = tally.finish(2, 86_400);
        assert_eq!(measured.change_seconds, None);
        assert_eq!(measured.bytes_per_year, None);
        assert_eq!(measured.body_bytes, None);
        assert_eq!(CaptureTally::default().finish(0, 60), Measured::default());
    }

    #[test]
    fn a_period_is_judged_by_what_can_be_seen_of_it() {
        use PeriodVerdict::{Confirmed, Faster, FasterThanAsked, NotDeclared, NotMeasured, Slower};
        for (declared, asked, measured, verdict) in [
            (Some(900), 900, Some(900), Confirmed),
            (Some(60), 300, Some(300), FasterThanAsked),
            (Some(60), 300, Some(3600), Slower),
            (Some(1800), 600, Some(600), Faster),
            (None, 300, Some(300), NotDeclared),
            (Some(60), 60, None, NotMeasured),
        ] {
            assert_eq!(PeriodVerdict::of(declared, asked, measured), verdict);
        }
    }
}
