//! Instants and periods as people of each language write them, in the time zone of the watched place.

use jiff::{
    SignedDuration, Timestamp, ToSpan, ZonedDateTime,
    civil::{Date, Weekday},
    tz::TimeZone,
};
use vigie_core::{
    analysis::{Period, PeriodKind},
    text::Language,
};

const MONTHS_FR: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];
const MONTHS_EN: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const MONTHS_SHORT_FR: [&str; 12] = [
    "janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.",
    "déc.",
];
const MONTHS_SHORT_EN: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

fn month(date: Date, language: Language) -> &'static str {
    let index = usize::from(date.month().unsigned_abs()) - 1;
    match language {
        Language::Fr => MONTHS_FR[index],
        Language::En => MONTHS_EN[index],
    }
}

fn month_short(date: Date, language: Language) -> &'static str {
    let index = usize::from(date.month().unsigned_abs()) - 1;
    match language {
        Language::Fr => MONTHS_SHORT_FR[index],
        Language::En => MONTHS_SHORT_EN[index],
    }
}

fn weekday(date: Date, language: Language) -> &'static str {
    match (date.weekday(), language) {
        (Weekday::Monday, Language::Fr) => "lundi",
        (Weekday::Tuesday, Language::Fr) => "mardi",
        (Weekday::Wednesday, Language::Fr) => "mercredi",
        (Weekday::Thursday, Language::Fr) => "jeudi",
        (Weekday::Friday, Language::Fr) => "vendredi",
        (Weekday::Saturday, Language::Fr) => "samedi",
        (Weekday::Sunday, Language::Fr) => "dimanche",
        (Weekday::Monday, Language::En) => "Monday",
        (Weekday::Tuesday, Language::En) => "Tuesday",
        (Weekday::Wednesday, Language::En) => "Wednesday",
        (Weekday::Thursday, Language::En) => "Thursday",
        (Weekday::Friday, Language::En) => "Friday",
        (Weekday::Saturday, Language::En) => "Saturday",
        (Weekday::Sunday, Language::En) => "Sunday",
    }
}

/// The first day of a month is an ordinal in French.
fn day(date: Date, language: Language) -> String {
    match (date.day(), language) {
        (1, Language::Fr) => "1er".to_owned(),
        (day, _) => day.to_string(),
    }
}

/// `lun. 23` or `Mon 23`.
pub(crate) fn day_short(date: Date, language: Language) -> String {
    let letters: String = weekday(date, language).chars().take(3).collect();
    match language {
        Language::Fr => format!("{letters}.\u{A0}{}", date.day()),
        Language::En => format!("{letters}\u{A0}{}", date.day()),
    }
}

/// `23 nov.` or `23 Nov`.
pub(crate) fn day_and_month(date: Date, language: Language) -> String {
    format!(
        "{}\u{A0}{}",
        day(date, language),
        month_short(date, language)
    )
}

/// `23 novembre 2026`.
pub(crate) fn date_long(date: Date, language: Language) -> String {
    format!(
        "{} {} {}",
        day(date, language),
        month(date, language),
        date.year()
    )
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// The period in words: `Lundi 23 novembre 2026`, `Week of 23 to 29 November 2026`, `Novembre 2026`.
pub(crate) fn period_words(period: &Period, language: Language) -> String {
    let first = period.date;
    match period.kind {
        PeriodKind::Day => capitalised(&format!(
            "{} {}",
            weekday(first, language),
            date_long(first, language)
        )),
        PeriodKind::Week => {
            let last = first.saturating_add(6.days());
            let from = if first.year() != last.year() {
                date_long(first, language)
            } else if first.month() != last.month() {
                format!("{} {}", day(first, language), month(first, language))
            } else {
                day(first, language)
            };
            let to = date_long(last, language);
            match language {
                Language::Fr => format!("Semaine du {from} au {to}"),
                Language::En => format!("Week of {from} to {to}"),
            }
        }
        PeriodKind::Month => capitalised(&format!("{} {}", month(first, language), first.year())),
    }
}

/// `14:05`.
fn clock(at: &ZonedDateTime) -> String {
    format!("{:02}:{:02}", at.hour(), at.minute())
}

/// An instant within a report on `period`: the time alone on the day of the report, with the date
/// on others, with the year in other years.
pub(crate) fn moment(at: Timestamp, period: &Period, tz: &TimeZone, language: Language) -> String {
    let local = at.to_zoned_datetime(tz.clone());
    let date = local.date();
    if period.kind == PeriodKind::Day && date == period.date {
        return clock(&local);
    }
    let date_words = day_and_month(date, language);
    if date.year() == period.date.year() {
        format!("{date_words} {}", clock(&local))
    } else {
        format!("{date_words} {}", date.year())
    }
}

/// An instant in full: `23 novembre 2026 à 22:05`.
pub(crate) fn moment_long(at: Timestamp, tz: &TimeZone, language: Language) -> String {
    let local = at.to_zoned_datetime(tz.clone());
    let date = date_long(local.date(), language);
    match language {
        Language::Fr => format!("{date} à {}", clock(&local)),
        Language::En => format!("{date} at {}", clock(&local)),
    }
}

/// The time zone with its offset from UTC, or both offsets where a period sees clocks change.
pub(crate) fn zone_words(name: &str, period: &Period, tz: &TimeZone) -> String {
    let offset = |at: Timestamp| {
        let seconds = tz.to_offset(at).seconds();
        let sign = if seconds < 0 { '−' } else { '+' };
        let minutes = seconds.unsigned_abs() / 60;
        format!("UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    };
    let first = offset(period.start);
    let last = offset(
        period
            .end
            .saturating_sub(1.nanoseconds())
            .unwrap_or(period.end),
    );
    if name == "UTC" {
        return name.to_owned();
    }
    if first == last {
        format!("{name} ({first})")
    } else {
        format!("{name} ({first} → {last})")
    }
}

/// How long ago: `3 min`, `2 h 10`, `5 j`. What lies ahead of `now` is zero old.
pub(crate) fn age(at: Timestamp, now: Timestamp, language: Language) -> String {
    span(now.duration_since(at).max(SignedDuration::ZERO), language)
}

/// How long: `45 s`, `3 min`, `2 h 10`, `5 j`.
pub fn span(elapsed: SignedDuration, language: Language) -> String {
    let minutes = elapsed.as_mins();
    let (hours, days) = (minutes / 60, minutes / 60 / 24);
    let day_word = match language {
        Language::Fr => "j",
        Language::En => "d",
    };
    match minutes {
        0 => format!("{}\u{A0}s", elapsed.as_secs()),
        1..60 => format!("{minutes}\u{A0}min"),
        60..2880 if minutes % 60 == 0 => format!("{hours}\u{A0}h"),
        60..2880 => format!("{hours}\u{A0}h\u{A0}{:02}", minutes % 60),
        _ => format!("{days}\u{A0}{day_word}"),
    }
}

/// The same as a statement: `il y a 3 min`, `3 min ago`.
pub(crate) fn ago(at: Timestamp, now: Timestamp, language: Language) -> String {
    let age = age(at, now, language);
    match language {
        Language::Fr => format!("il y a {age}"),
        Language::En => format!("{age} ago"),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn period(kind: PeriodKind, first: Date, days: i64) -> (Period, TimeZone) {
        let tz = TimeZone::get("Europe/Paris").unwrap();
        let start = first.to_zoned_datetime(tz.clone()).unwrap().timestamp();
        let end = first
            .saturating_add(days.days())
            .to_zoned_datetime(tz.clone())
            .unwrap()
            .timestamp();
        (
            Period {
                kind,
                date: first,
                start,
                end,
            },
            tz,
        )
    }

    #[test]
    fn periods_are_said_in_words() {
        let (day, _) = period(PeriodKind::Day, date(2026, 11, 23), 1);
        assert_eq!(period_words(&day, Language::Fr), "Lundi 23 novembre 2026");
        assert_eq!(period_words(&day, Language::En), "Monday 23 November 2026");
        let (first, _) = period(PeriodKind::Day, date(2026, 8, 1), 1);
        assert_eq!(period_words(&first, Language::Fr), "Samedi 1er août 2026");
        let (week, _) = period(PeriodKind::Week, date(2026, 12, 28), 7);
        assert_eq!(
            period_words(&week, Language::Fr),
            "Semaine du 28 décembre 2026 au 3 janvier 2027"
        );
        let (week, _) = period(PeriodKind::Week, date(2026, 11, 23), 7);
        assert_eq!(
            period_words(&week, Language::En),
            "Week of 23 to 29 November 2026"
        );
        let (month, _) = period(PeriodKind::Month, date(2026, 4, 1), 30);
        assert_eq!(period_words(&month, Language::Fr), "Avril 2026");
    }

    #[test]
    fn a_day_of_clock_change_names_both_offsets() {
        let (day, tz) = period(PeriodKind::Day, date(2026, 3, 29), 1);
        assert_eq!(
            zone_words("Europe/Paris", &day, &tz),
            "Europe/Paris (UTC+01:00 → UTC+02:00)"
        );
        let (day, tz) = period(PeriodKind::Day, date(2026, 11, 23), 1);
        assert_eq!(
            zone_words("Europe/Paris", &day, &tz),
            "Europe/Paris (UTC+01:00)"
        );
    }

    #[test]
    fn moments_are_local_and_dated_when_on_another_day() {
        let (day, tz) = period(PeriodKind::Day, date(2026, 11, 23), 1);
        let at = |text: &str| moment(text.parse().unwrap(), &day, &tz, Language::Fr);
        assert_eq!(at("2026-11-23T13:05:00Z"), "14:05");
        assert_eq!(at("2026-11-23T23:30:00Z"), "24\u{A0}nov. 00:30");
        assert_eq!(at("2025-08-02T10:00:00Z"), "2\u{A0}août 2025");
        // The first of a month is an ordinal in French.
        assert_eq!(at("2026-12-01T11:00:00Z"), "1er\u{A0}déc. 12:00");
    }

    #[test]
    fn ages_are_short() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let aged = |minutes: i64| {
            age(
                now.saturating_sub(minutes.minutes()).unwrap(),
                now,
                Language::Fr,
            )
        };
        assert_eq!(aged(3), "3\u{A0}min");
        assert_eq!(aged(125), "2\u{A0}h\u{A0}05");
        assert_eq!(aged(60), "1\u{A0}h");
        assert_eq!(aged(5 * 1440), "5\u{A0}j");
        assert_eq!(aged(-10), "0\u{A0}s");
    }
}
