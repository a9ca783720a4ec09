//! When a source is due: slots derived from the clock, never from when the program started.

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

const DAY_SECONDS: i64 = 86_400;

/// A rhythm of slots.
///
/// Rhythms of less than a day are counted from 1970-01-01T00:00:00Z plus the offset; rhythms of whole days
/// fall at the same local time of `time_zone`, daylight saving included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    every_seconds: u32,
    offset_seconds: u32,
    time_zone: Option<String>,
}

/// Why a rhythm is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSchedule {
    /// Not between a second and a year, or more than a day and not whole days.
    #[error("a period of {0} s is not possible: take 1 s to 1 day, or whole days up to 366")]
    Every(u32),
    /// The offset is not within the period.
    #[error("an offset of {0} s is not within the period (and at most a day)")]
    Offset(u32),
    /// No such time zone.
    #[error("`{0}` is not an IANA time zone; write one such as Europe/Paris")]
    TimeZone(String),
}

impl Schedule {
    /// A rhythm of `every_seconds`, shifted by `offset_seconds`.
    pub fn new(
        every_seconds: u32,
        offset_seconds: u32,
        time_zone: Option<String>,
    ) -> Result<Self, BadSchedule> {
        let every = i64::from(every_seconds);
        let whole_days = every % DAY_SECONDS == 0;
        if every == 0 || every > 366 * DAY_SECONDS || (every > DAY_SECONDS && !whole_days) {
            return Err(BadSchedule::Every(every_seconds));
        }
        if i64::from(offset_seconds) >= every.min(DAY_SECONDS) {
            return Err(BadSchedule::Offset(offset_seconds));
        }
        if let Some(name) = &time_zone
            && TimeZone::get(name).is_err()
        {
            return Err(BadSchedule::TimeZone(name.clone()));
        }
        Ok(Self {
            every_seconds,
            offset_seconds,
            time_zone,
        })
    }

    /// The time between two slots (on days of daylight saving, up to an hour more or less).
    pub fn every(&self) -> SignedDuration {
        SignedDuration::from_secs(i64::from(self.every_seconds))
    }

    fn daily(&self) -> Option<(i64, TimeZone)> {
        let every = i64::from(self.every_seconds);
        (every % DAY_SECONDS == 0).then(|| {
            let name = self.time_zone.as_deref().unwrap_or("UTC");
            (
                every / DAY_SECONDS,
                TimeZone::get(name).unwrap_or(TimeZone::UTC),
            )
        })
    }

    fn on(&self, date: Date, tz: &TimeZone) -> Option<Timestamp> {
        let time = date
            .at(0, 0, 0, 0)
            .checked_add(i64::from(self.offset_seconds).seconds())
            .ok()?;
        tz.to_timestamp(time).ok()
    }

    /// The latest slot that is not after `now`.
    pub fn slot_at(&self, now: Timestamp) -> Timestamp {
        if let Some((days, tz)) = self.daily() {
            let today = now.to_zoned_datetime(tz.clone()).date();
            // Counted from a Monday, so that a period of seven days falls on Mondays.
            let monday = Date::constant(1970, 1, 5);
            let index = (today - monday).get_days();
            let behind = i64::from(index).rem_euclid(days);
            return [0, days]
                .into_iter()
                .filter_map(|more| self.on(today.checked_sub((behind + more).days()).ok()?, &tz))
                .find(|slot| *slot <= now)
                .unwrap_or(now);
        }
        let (every, offset) = (
            i64::from(self.every_seconds),
            i64::from(self.offset_seconds),
        );
        let seconds = (now.as_second() - offset).div_euclid(every) * every + offset;
        Timestamp::from_second(seconds).unwrap_or(now)
    }

    /// The first slot after `now`.
    pub fn next_after(&self, now: Timestamp) -> Timestamp {
        let mut probe = self.slot_at(now);
        // A local day has at most 25 hours; two probes suffice, four leave room.
        for _ in 0..4 {
            probe = probe.saturating_add(self.every()).unwrap_or(Timestamp::MAX);
            let slot = self.slot_at(probe);
            if slot > now {
                return slot;
            }
            probe = probe
                .saturating_add(SignedDuration::from_hours(2))
                .unwrap_or(Timestamp::MAX);
            let slot = self.slot_at(probe);
            if slot > now {
                return slot;
            }
        }
        Timestamp::MAX
    }

    /// The slots from `start` (included) to `end` (excluded), at most `most` of them.
    pub fn slots(&self, start: Timestamp, end: Timestamp, most: usize) -> Vec<Timestamp> {
        let mut slots = Vec::new();
        let first = self.slot_at(start);
        let mut slot = if first < start {
            self.next_after(start)
        } else {
            first
        };
        while slot < end && slots.len() < most {
            slots.push(slot);
            slot = self.next_after(slot);
        }
        slots
    }

    /// How many slots there are from `start` (included) to `end` (excluded).
    pub fn count(&self, start: Timestamp, end: Timestamp) -> u64 {
        if start >= end {
            return 0;
        }
        let first = self.slot_at(start);
        let first = if first < start {
            self.next_after(start)
        } else {
            first
        };
        if self.daily().is_some() {
            return self.slots(first, end, usize::MAX).len() as u64;
        }
        let seconds = end.duration_since(first).as_secs_f64();
        if seconds <= 0.0 {
            return 0;
        }
        (seconds / self.every().as_secs_f64()).ceil() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn slots_come_from_the_clock() {
        let five_minutes = Schedule::new(300, 60, None).unwrap();
        assert_eq!(
            five_minutes.slot_at(at("2026-11-23T10:05:59Z")),
            at("2026-11-23T10:01:00Z")
        );
        assert_eq!(
            five_minutes.slot_at(at("2026-11-23T10:06:00Z")),
            at("2026-11-23T10:06:00Z")
        );
        assert_eq!(
            five_minutes.next_after(at("2026-11-23T10:06:00Z")),
            at("2026-11-23T10:11:00Z")
        );
        let hour = five_minutes.slots(at("2026-11-23T10:00:00Z"), at("2026-11-23T11:00:00Z"), 99);
        assert_eq!(hour.len(), 12);
    }

    #[test]
    fn a_daily_slot_keeps_its_local_time_over_daylight_saving() {
        let daily = Schedule::new(86_400, 16 * 3600 + 900, Some("Europe/Berlin".into())).unwrap();
        assert_eq!(
            daily.slot_at(at("2026-10-24T20:00:00Z")),
            at("2026-10-24T14:15:00Z")
        );
        assert_eq!(
            daily.next_after(at("2026-10-24T20:00:00Z")),
            at("2026-10-25T15:15:00Z")
        );
        assert_eq!(
            daily.slot_at(at("2026-10-25T15:14:59Z")),
            at("2026-10-24T14:15:00Z")
        );
        assert_eq!(
            daily.next_after(at("2026-03-28T15:15:00Z")),
            at("2026-03-29T14:15:00Z")
        );
        assert_eq!(
            daily
                .slots(at("2026-10-24T00:00:00Z"), at("2026-10-27T00:00:00Z"), 99)
                .len(),
            3
        );
    }

    #[test]
    fn slots_are_counted_as_they_are_listed() {
        let zone = Some("Europe/Berlin".to_owned());
        for (every, offset, zone) in [(300, 60, None), (900, 0, None), (86_400, 900, zone)] {
            let schedule = Schedule::new(every, offset, zone).unwrap();
            for (start, end) in [
                ("2026-10-24T10:00:00Z", "2026-10-27T10:00:00Z"),
                ("2026-10-24T10:01:00Z", "2026-10-24T10:06:00Z"),
                ("2026-10-24T10:01:01Z", "2026-10-24T10:05:59.5Z"),
                ("2026-10-24T10:00:00Z", "2026-10-24T10:00:00Z"),
                ("2026-10-25T10:00:00Z", "2026-10-24T10:00:00Z"),
            ] {
                let (start, end) = (at(start), at(end));
                let listed = schedule.slots(start, end, 9999).len() as u64;
                assert_eq!(schedule.count(start, end), listed, "{every} {start} {end}");
            }
        }
    }

    #[test]
    fn impossible_rhythms_are_refused() {
        assert!(Schedule::new(0, 0, None).is_err());
        assert!(Schedule::new(90_000, 0, None).is_err());
        assert!(Schedule::new(300, 300, None).is_err());
        assert!(Schedule::new(300, 0, Some("Paris".into())).is_err());
    }
}
