//! Local hours, days, weeks and months of a zone.

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date, tz::TimeZone};

use crate::analysis::{Period, PeriodKind};

/// The first instant of the local hour that holds `at`.
///
/// Where the clock changes within an hour (Lord Howe Island shifts by half an hour), the hour begins
/// at the change.
pub fn hour_start(at: Timestamp, tz: &TimeZone) -> Timestamp {
    let offset = tz.to_offset(at);
    let second = whole_second(at);
    let into_hour = (second + i64::from(offset.seconds())).rem_euclid(3600);
    let start = Timestamp::from_second(second - into_hour).unwrap_or(at);
    if tz.to_offset(start) == offset {
        return start;
    }
    tz.preceding(
        at.saturating_add(SignedDuration::from_nanos(1))
            .unwrap_or(at),
    )
    .next()
    .map_or(start, |transition| transition.timestamp().max(start))
}

/// The second that has begun: before 1970, fractions count backwards.
fn whole_second(at: Timestamp) -> i64 {
    at.as_second() - i64::from(at.subsec_nanosecond() < 0)
}

/// The first instant of the next local hour.
pub fn hour_end(start: Timestamp, tz: &TimeZone) -> Timestamp {
    let local_second = start.as_second() + i64::from(tz.to_offset(start).seconds());
    let left = SignedDuration::from_secs(3600 - local_second.rem_euclid(3600));
    let end = start.saturating_add(left).unwrap_or(Timestamp::MAX);
    // Some time zone files have entries where nothing changes (in 2038, where 32 bits end): only another offset ends an hour.
    let offset = tz.to_offset(start);
    tz.following(start)
        .map(|transition| transition.timestamp())
        .take_while(|at| *at < end)
        .find(|at| tz.to_offset(*at) != offset)
        .unwrap_or(end)
}

/// Finds hours fast for rows that mostly fall into few hours.
#[derive(Debug)]
pub struct Hours<'a> {
    tz: &'a TimeZone,
    known: Option<(i64, i64, Timestamp)>,
}

impl<'a> Hours<'a> {
    /// The hours of a time zone.
    pub fn new(tz: &'a TimeZone) -> Self {
        Self { tz, known: None }
    }

    /// As [`hour_start`].
    pub fn start_of(&mut self, at: Timestamp) -> Timestamp {
        let second = whole_second(at);
        if let Some((from, to, start)) = self.known
            && (from..to).contains(&second)
        {
            return start;
        }
        let start = hour_start(at, self.tz);
        self.known = Some((
            start.as_second(),
            hour_end(start, self.tz).as_second(),
            start,
        ));
        start
    }
}

/// The starts of the local hours from `start` to `end` (excluded).
pub fn hours_between(start: Timestamp, end: Timestamp, tz: &TimeZone) -> Vec<Timestamp> {
    let mut hours = Vec::new();
    let mut hour = hour_start(start, tz);
    while hour < end {
        hours.push(hour);
        let next = hour_end(hour, tz);
        if next <= hour {
            break;
        }
        hour = next;
    }
    hours
}

/// The first instant of a local date.
pub fn day_start(date: Date, tz: &TimeZone) -> Timestamp {
    tz.to_timestamp(date.at(0, 0, 0, 0))
        .unwrap_or(Timestamp::MIN)
}

/// The local date whose day, from [`day_start`] to the next, holds an instant.
///
/// A day that has begun goes on, even where the clock goes back into the evening before (at 00:01 in St. John's, until 2011):
/// so days divide all time.
pub fn local_date(at: Timestamp, tz: &TimeZone) -> Date {
    let date = at.to_zoned_datetime(tz.clone()).date();
    let next = date.saturating_add(1.day());
    if day_start(next, tz) <= at && date < next {
        next
    } else {
        date
    }
}

/// The period of that kind that holds `date`: weeks begin on Monday.
pub fn period(kind: PeriodKind, date: Date, tz: &TimeZone) -> Period {
    let (first, after) = match kind {
        PeriodKind::Day => (date, date.saturating_add(1.day())),
        PeriodKind::Week => {
            let back = i64::from(date.weekday().to_monday_zero_offset());
            let first = date.saturating_sub(back.days());
            (first, first.saturating_add(7.days()))
        }
        PeriodKind::Month => (
            date.first_of_month(),
            date.last_of_month().saturating_add(1.day()),
        ),
    };
    Period {
        kind,
        date: first,
        start: day_start(first, tz),
        end: day_start(after, tz),
    }
}

/// The instant as RFC 3339 with the offset of the time zone: `2026-03-29T03:00:00+02:00`.
pub fn rfc3339_local(at: Timestamp, tz: &TimeZone) -> String {
    let offset = tz.to_offset(at);
    at.display_with_offset(offset).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tz(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn day_hours(zone: &str, date: Date) -> usize {
        let day = period(PeriodKind::Day, date, &tz(zone));
        hours_between(day.start, day.end, &tz(zone)).len()
    }

    #[test]
    fn days_have_the_hours_that_the_law_gives_them() {
        assert_eq!(day_hours("Europe/Paris", Date::constant(2026, 3, 29)), 23);
        assert_eq!(day_hours("Europe/Paris", Date::constant(2026, 10, 25)), 25);
        assert_eq!(day_hours("Europe/Paris", Date::constant(2026, 11, 23)), 24);
        assert_eq!(day_hours("Asia/Kolkata", Date::constant(2026, 11, 23)), 24);
    }

    #[test]
    fn a_day_that_has_begun_goes_on_when_the_clock_goes_back_into_the_evening_before() {
        let st_johns = tz("America/St_Johns");
        let date = |text| local_date(at(text), &st_johns);
        assert_eq!(date("1987-10-25T02:29:59Z"), Date::constant(1987, 10, 24));
        assert_eq!(date("1987-10-25T02:30:00Z"), Date::constant(1987, 10, 25));
        // 23:01 on the 24th, for the second time.
        assert_eq!(date("1987-10-25T02:31:00Z"), Date::constant(1987, 10, 25));
        assert_eq!(date("1987-10-26T03:29:59Z"), Date::constant(1987, 10, 25));
    }

    #[test]
    fn the_repeated_hour_is_two_hours() {
        let paris = tz("Europe/Paris");
        let summer = hour_start(at("2026-10-25T00:30:00Z"), &paris);
        let winter = hour_start(at("2026-10-25T01:30:00Z"), &paris);
        assert_eq!(rfc3339_local(summer, &paris), "2026-10-25T02:00:00+02:00");
        assert_eq!(rfc3339_local(winter, &paris), "2026-10-25T02:00:00+01:00");
    }

    #[test]
    fn hours_of_half_hour_zones_begin_on_their_own_clock() {
        let kolkata = tz("Asia/Kolkata");
        assert_eq!(
            hour_start(at("2026-11-23T10:29:59.9Z"), &kolkata),
            at("2026-11-23T09:30:00Z")
        );
        let lord_howe = tz("Australia/Lord_Howe");
        // On 2026-10-04 at 02:00 clocks go to 02:30: an hour of thirty minutes follows.
        let change = at("2026-10-03T15:30:00Z");
        assert_eq!(hour_start(at("2026-10-03T15:40:00Z"), &lord_howe), change);
        assert_eq!(hour_end(change, &lord_howe), at("2026-10-03T16:00:00Z"));
        let mut hours = Hours::new(&lord_howe);
        for second in (at("2026-10-03T12:00:00Z").as_second()..)
            .step_by(97)
            .take(400)
        {
            let at = Timestamp::from_second(second).unwrap();
            assert_eq!(hours.start_of(at), hour_start(at, &lord_howe));
        }
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_the_first() {
        let paris = tz("Europe/Paris");
        let week = period(PeriodKind::Week, Date::constant(2026, 11, 22), &paris);
        assert_eq!(week.date, Date::constant(2026, 11, 16));
        let month = period(PeriodKind::Month, Date::constant(2028, 2, 29), &paris);
        assert_eq!(month.end, at("2028-02-29T23:00:00Z"));
    }
}
