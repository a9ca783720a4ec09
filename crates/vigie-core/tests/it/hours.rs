//! Local hours, days, weeks and months divide all time, in every zone and on every day.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use proptest::prelude::*;
use vigie_core::{
    analysis::PeriodKind,
    time::{Hours, hour_end, hour_start, hours_between, local_date, period},
};

/// Whole, half and quarter hours, changes of an hour and of half of one, at midnight, by a day, twice a Ramadan.
pub(crate) const ZONES: [&str; 12] = [
    "UTC",
    "Europe/Paris",
    "Europe/London",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "America/Havana",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Africa/Casablanca",
    "Asia/Beirut",
];

fn zone() -> impl Strategy<Value = TimeZone> {
    prop::sample::select(ZONES.to_vec()).prop_map(|name| TimeZone::get(name).unwrap())
}

/// Any second from 1850 to 2150, and half of the time one near a change of the clocks.
fn zone_and_second() -> impl Strategy<Value = (TimeZone, i64)> {
    (
        zone(),
        -3_780_000_000_i64..5_680_000_000,
        any::<bool>(),
        -7_300_i64..7_300,
    )
        .prop_map(|(tz, second, near, off)| {
            let at = Timestamp::from_second(second).unwrap();
            let change = tz.following(at).next().map(|t| t.timestamp().as_second());
            let second = match change {
                Some(change) if near => change + off,
                _ => second,
            };
            (tz, second)
        })
}

proptest! {
    #[test]
    fn each_instant_is_in_one_hour((tz, second) in zone_and_second(), nanosecond in 0_i32..1_000_000_000) {
        let at = Timestamp::new(second, nanosecond).unwrap();
        let start = hour_start(at, &tz);
        let end = hour_end(start, &tz);
        prop_assert!(start <= at && at < end, "{start} {at} {end}");
        prop_assert!(end.duration_since(start).as_secs() <= 3600);
        prop_assert_eq!(hour_start(start, &tz), start);
        prop_assert_eq!(hour_start(end, &tz), end);
        // The whole hour has one offset and one name.
        let last = end.checked_sub(jiff::SignedDuration::from_nanos(1)).unwrap();
        prop_assert_eq!(hour_start(last, &tz), start);
        prop_assert_eq!(tz.to_offset(start), tz.to_offset(last));
        let local = |at: Timestamp| { let local = at.to_zoned_datetime(tz.clone()); (local.date(), local.hour()) };
        prop_assert_eq!(local(start), local(last));
    }

    #[test]
    fn the_fast_way_to_the_hour_agrees((tz, second) in zone_and_second(), offs in prop::collection::vec(-90_000_i64..90_000, 1..40)) {
        let mut hours = Hours::new(&tz);
        for off in offs {
            let at = Timestamp::from_second(second + off).unwrap();
            prop_assert_eq!(hours.start_of(at), hour_start(at, &tz));
        }
    }

    #[test]
    fn days_weeks_and_months_are_made_of_whole_hours((tz, second) in zone_and_second()) {
        let at = Timestamp::from_second(second).unwrap();
        let date = local_date(at, &tz);
        for kind in [PeriodKind::Day, PeriodKind::Week, PeriodKind::Month] {
            let found = period(kind, date, &tz);
            prop_assert!(found.start <= at && at < found.end, "{kind:?} {found:?} {at}");
            let hours = hours_between(found.start, found.end, &tz);
            prop_assert_eq!(hours.first().copied(), Some(found.start));
            let ends: Vec<Timestamp> = hours.iter().map(|&start| hour_end(start, &tz)).collect();
            prop_assert_eq!(&hours[1..], &ends[..ends.len() - 1]);
            prop_assert_eq!(ends.last().copied(), Some(found.end));
            // What follows a period is the next one.
            let next = period(kind, local_date(found.end, &tz), &tz);
            prop_assert_eq!(next.start, found.end);
        }
    }
}

#[test]
fn a_date_that_was_left_out_has_no_hours() {
    let apia = TimeZone::get("Pacific/Apia").unwrap();
    let left_out = period(PeriodKind::Day, Date::constant(2011, 12, 30), &apia);
    assert_eq!(
        hours_between(left_out.start, left_out.end, &apia),
        Vec::<Timestamp>::new()
    );
}
