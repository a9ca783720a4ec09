//! Times, as bodies write them.
//!
//! A local time that daylight saving makes ambiguous is the earlier of the two; one that it skips
//! is moved forward by the length of the gap.

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime, Time as TimeOfDay},
    fmt::{rfc2822, strtime},
    tz::TimeZone,
};

use crate::{
    item::Item,
    node::Node,
    spec::{Each, Time, TimeFormat, ZoneOfTime},
    text,
};

/// Times outside of the years 1800 to 2200 are taken for mistakes: seconds read as milliseconds, a clock
/// that was never set. In seconds since 1970 UTC.
const PLAUSIBLE: std::ops::Range<i64> = -5_364_662_400..7_289_654_400;

/// The latest time read and how it was written: the next row's is often the same, or of the same hour.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    text: String,
    timestamp: Timestamp,
}

impl Recent {
    /// Remembers what `text` was read as.
    pub(crate) fn remember(&mut self, text: &str, timestamp: Timestamp) {
        self.text.clear();
        self.text.push_str(text);
        self.timestamp = timestamp;
    }

    /// What `text` would be read as, if it is the remembered one or, under RFC 3339 (`is_rfc3339`), differs from it in
    /// minute and second only.
    pub(crate) fn find(&self, text: &str, is_rfc3339: bool) -> Option<Timestamp> {
        if text == self.text {
            return Some(self.timestamp);
        }
        let (new, known) = (text.as_bytes(), self.text.as_bytes());
        // `YYYY-MM-DDTHH:MM:SS` and an offset.
        let same_hour = is_rfc3339
            && new.len() == known.len()
            && matches!(new.len(), 20 | 25)
            && new.get(..14) == known.get(..14)
            && new.get(19..) == known.get(19..);
        if !same_hour {
            return None;
        }
        let seconds = minutes_and_seconds(new)? - minutes_and_seconds(known)?;
        Timestamp::from_second(self.timestamp.as_second() + seconds).ok()
    }
}

/// `MM:SS` at byte 14, in seconds.
fn minutes_and_seconds(text: &[u8]) -> Option<i64> {
    let &[m, minute, b':', s, second] = text.get(14..19)? else {
        return None;
    };
    let digit = |byte: u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    let minutes = digit(m)? * 10 + digit(minute)?;
    let seconds = digit(s)? * 10 + digit(second)?;
    (minutes < 60 && seconds < 60).then_some(minutes * 60 + seconds)
}

/// Why there is no time.
#[derive(Debug)]
pub(crate) struct BadTime {
    /// What stands in its place.
    pub(crate) value: String,
    pub(crate) reason: String,
}

/// The time of a row; `Ok(None)` where it has none.
pub(crate) fn read(
    time: &Time,
    item: &Item<'_, '_>,
    watched: &TimeZone,
) -> Result<Option<Timestamp>, BadTime> {
    let Some(node) = item.value(&time.pick) else {
        return Ok(None);
    };
    let bad = |reason: String| BadTime {
        value: node.excerpt(),
        reason,
    };
    let zone = zone(time, item, watched).map_err(bad)?;
    let mut problem = "not a time".to_owned();
    for format in &time.formats {
        match parse(node.scalar(), format, zone.as_ref(), time.at) {
            Ok(found) => {
                let found = plus(time, item, found).map_err(bad)?;
                if !PLAUSIBLE.contains(&found.as_second()) {
                    return Err(bad(format!("the year of {found} is implausible")));
                }
                return Ok(Some(found));
            }
            Err(reason) => problem = reason,
        }
    }
    Err(bad(problem))
}

/// As [`read`], of a node that is there, for a time without steps whose zone is not in the body; `None` where it is none.
pub(crate) fn read_node(time: &Time, node: Node<'_>, watched: &TimeZone) -> Option<Timestamp> {
    let zone = match &time.zone {
        ZoneOfTime::Unknown | ZoneOfTime::Path(_) => None,
        ZoneOfTime::Fixed(zone) => Some(zone),
        ZoneOfTime::Watched => Some(watched),
    };
    let read = |format| parse(node.scalar(), format, zone, time.at).ok();
    let found = time.formats.iter().find_map(read)?;
    PLAUSIBLE.contains(&found.as_second()).then_some(found)
}

fn zone(time: &Time, item: &Item<'_, '_>, watched: &TimeZone) -> Result<Option<TimeZone>, String> {
    match &time.zone {
        ZoneOfTime::Unknown => Ok(None),
        ZoneOfTime::Fixed(zone) => Ok(Some(zone.clone())),
        ZoneOfTime::Watched => Ok(Some(watched.clone())),
        ZoneOfTime::Path(path) => {
            let name = item.find(path).and_then(|node| item.text_of(node));
            let name = name.ok_or_else(|| format!("there is no time zone at `{path}`"))?;
            TimeZone::get(name.trim())
                .map(Some)
                .map_err(|_| format!("`{name}` (at `{path}`) is not an IANA time zone"))
        }
    }
}

fn plus(time: &Time, item: &Item<'_, '_>, start: Timestamp) -> Result<Timestamp, String> {
    let Some(plus) = &time.plus else {
        return Ok(start);
    };
    let count = item.find(&plus.count).and_then(|node| item.text_of(node));
    let count = count.and_then(|text| text.trim().parse::<i64>().ok());
    let count = count.ok_or_else(|| format!("there is no whole number at `{}`", plus.count))?;
    let each = match &plus.each {
        Each::Fixed(duration) => *duration,
        Each::Path(path) => {
            let text = item.find(path).and_then(|node| item.text_of(node));
            let duration = text.and_then(|text| text.trim().parse::<SignedDuration>().ok());
            duration.ok_or_else(|| format!("there is no ISO 8601 duration at `{path}`"))?
        }
    };
    i32::try_from(count - plus.from)
        .ok()
        .and_then(|steps| each.checked_mul(steps))
        .and_then(|sum| start.checked_add(sum).ok())
        .ok_or_else(|| "out of range".to_owned())
}

fn parse(
    node: Node<'_>,
    format: &TimeFormat,
    zone: Option<&TimeZone>,
    at: Option<TimeOfDay>,
) -> Result<Timestamp, String> {
    match format {
        TimeFormat::EpochSeconds => epoch(node, 1),
        TimeFormat::EpochMilliseconds => epoch(node, 1_000),
        TimeFormat::Rfc3339 => {
            let Node::Text(text) = node else {
                return Err(expected("an RFC 3339 time", node));
            };
            rfc3339(text::trim(text), zone, at)
        }
        TimeFormat::Rfc2822 => {
            let Node::Text(text) = node else {
                return Err(expected("an RFC 2822 time", node));
            };
            rfc2822::parse(text.trim())
                .map(|zoned| zoned.timestamp())
                .map_err(|error| format!("not an RFC 2822 time: {error}"))
        }
        TimeFormat::Pattern(pattern) => {
            let arena = bumpalo::Bump::new();
            let text = node
                .to_text(&arena)
                .ok_or_else(|| expected("a time", node))?;
            let parsed = strtime::parse(pattern, text.trim())
                .map_err(|error| format!("not a time of the form `{pattern}`: {error}"))?;
            if let Ok(timestamp) = parsed.to_timestamp() {
                return Ok(timestamp);
            }
            match (parsed.to_datetime(), parsed.to_date(), at) {
                (Ok(local), _, None) => in_zone(local, zone),
                (_, Ok(date), at) => on_date(date, zone, at),
                (Ok(local), ..) => in_zone(local, zone),
                (Err(error), ..) => Err(format!("not a time: {error}")),
            }
        }
    }
}

fn expected(what: &str, node: Node<'_>) -> String {
    format!("expected {what}, found {}", node.describe())
}

fn rfc3339(
    text: &str,
    zone: Option<&TimeZone>,
    at: Option<TimeOfDay>,
) -> Result<Timestamp, String> {
    if let Some(timestamp) = fast(text.as_bytes()) {
        return Ok(timestamp);
    }
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Ok(timestamp);
    }
    if text.len() <= 10 {
        if let Ok(date) = text.parse::<Date>() {
            return on_date(date, zone, at);
        }
    } else if let Ok(local) = text.parse::<DateTime>() {
        return in_zone(local, zone);
    }
    Err("not an RFC 3339 time; declare its format".to_owned())
}

/// `YYYY-MM-DDTHH:MM:SS` and `Z` or `±HH:MM`: what nearly every feed writes.
fn fast(text: &[u8]) -> Option<Timestamp> {
    let digits = |range: std::ops::Range<usize>| -> Option<i64> {
        text.get(range)?.iter().try_fold(0, |number, byte| {
            byte.is_ascii_digit()
                .then(|| number * 10 + i64::from(byte - b'0'))
        })
    };
    let is = |index: usize, byte: u8| text.get(index) == Some(&byte);
    if !(is(4, b'-') && is(7, b'-') && is(10, b'T') && is(13, b':') && is(16, b':')) {
        return None;
    }
    let offset_minutes = match (text.len(), text.get(19)?) {
        (20, b'Z') => 0,
        (25, sign @ (b'+' | b'-')) if is(22, b':') => {
            let minutes = digits(20..22)? * 60 + digits(23..25)?;
            if *sign == b'-' { -minutes } else { minutes }
        }
        _ => return None,
    };
    let (year, month, day) = (digits(0..4)?, digits(5..7)?, digits(8..10)?);
    let (hour, minute, second) = (digits(11..13)?, digits(14..16)?, digits(17..19)?);
    let fits = (1..=12).contains(&month)
        && (1..=28).contains(&day) // later days are left to the careful way
        && hour < 24
        && minute < 60
        && second < 60
        && offset_minutes.abs() < 24 * 60;
    if !fits {
        return None;
    }
    // Days since 1970-01-01 in the proleptic Gregorian calendar, years starting in March.
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    let seconds = ((days * 24 + hour) * 60 + minute - offset_minutes) * 60 + second;
    Timestamp::from_second(seconds).ok()
}

fn on_date(
    date: Date,
    zone: Option<&TimeZone>,
    at: Option<TimeOfDay>,
) -> Result<Timestamp, String> {
    in_zone(date.to_datetime(at.unwrap_or(TimeOfDay::midnight())), zone)
}

fn in_zone(local: DateTime, zone: Option<&TimeZone>) -> Result<Timestamp, String> {
    let zone = zone.ok_or_else(|| {
        "a local time without offset; declare its time_zone in the definition".to_owned()
    })?;
    zone.to_timestamp(local).map_err(|error| error.to_string())
}

fn epoch(node: Node<'_>, per_second: i64) -> Result<Timestamp, String> {
    let whole = match node {
        Node::Integer(number) => Some(number),
        Node::Text(text) => text.trim().parse().ok(),
        _ => None,
    };
    if let Some(number) = whole {
        let nanoseconds = i128::from(number) * 1_000_000_000 / i128::from(per_second);
        return Timestamp::from_nanosecond(nanoseconds).map_err(|_| "out of range".to_owned());
    }
    let number: f64 = match node {
        Node::Float(number) => number,
        Node::Text(text) => text
            .trim()
            .parse()
            .map_err(|_| "not a number of (milli)seconds since 1970".to_owned())?,
        _ => return Err(expected("a number of (milli)seconds since 1970", node)),
    };
    if !number.is_finite() {
        return Err("not a finite number".to_owned());
    }
    // Milliseconds are all that a double of this size holds reliably. What is beyond all integers becomes the last of them, which is
    // no time either.
    let milliseconds = (number * 1_000.0 / per_second as f64).round();
    Timestamp::from_millisecond(milliseconds as i64).map_err(|_| "out of range".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn parsed(text: &str, format: &TimeFormat, zone: Option<&str>) -> Result<Timestamp, String> {
        let zone = zone.map(|name| TimeZone::get(name).unwrap());
        parse(Node::Text(text), format, zone.as_ref(), None)
    }

    fn pattern(pattern: &str) -> TimeFormat {
        TimeFormat::Pattern(pattern.to_owned())
    }

    #[test]
    fn the_many_ways_to_write_a_time() {
        let iso = &TimeFormat::Rfc3339;
        let noon = at("2024-11-08T12:00:00Z");
        assert_eq!(parsed("2024-11-08T13:00:00+01:00", iso, None), Ok(noon));
        assert_eq!(parsed("2024-11-08T12:00Z", iso, None), Ok(noon));
        assert_eq!(parsed("2024-11-08T12:00:00.000Z", iso, None), Ok(noon));
        assert_eq!(
            parsed("2024-11-08T13:00", iso, Some("Europe/Paris")),
            Ok(noon)
        );
        assert_eq!(
            parsed("2024-11-08 13:00:00", iso, Some("Europe/Paris")),
            Ok(noon)
        );
        assert_eq!(parsed("2024-11-08T12", iso, Some("UTC")), Ok(noon));
        assert_eq!(
            parsed("2024-11-08", iso, Some("UTC")),
            Ok(at("2024-11-08T00:00:00Z"))
        );
        assert!(
            parsed("2024-11-08T13:00", iso, None)
                .unwrap_err()
                .contains("time_zone")
        );
        let mail = &TimeFormat::Rfc2822;
        assert_eq!(
            parsed("Fri, 08 Nov 2024 12:00:00 GMT", mail, None),
            Ok(noon)
        );
        assert_eq!(
            parsed("8 nov. 2024", &pattern("%d %b. %Y"), Some("UTC")),
            Ok(at("2024-11-08T00:00:00Z"))
        );
        assert_eq!(
            parsed("2024-11-08 0730", &pattern("%Y-%m-%d %H%M"), Some("UTC")),
            Ok(at("2024-11-08T07:30:00Z"))
        );
        assert_eq!(
            parsed("1731067200", &TimeFormat::EpochSeconds, None),
            Ok(noon)
        );
        assert_eq!(
            parsed("1731067200000", &TimeFormat::EpochMilliseconds, None),
            Ok(noon)
        );
        let float = Node::Float(1_731_067_200.25);
        assert_eq!(
            parse(float, &TimeFormat::EpochSeconds, None, None),
            Ok(at("2024-11-08T12:00:00.25Z"))
        );
        // No number is so large that it comes round to a time again.
        for huge in [1e17, 1e30, -1e300] {
            let read = parse(Node::Float(huge), &TimeFormat::EpochSeconds, None, None);
            assert_eq!(read, Err("out of range".to_owned()), "{huge}");
        }
    }

    #[test]
    fn daylight_saving_is_resolved_as_stated() {
        let iso = &TimeFormat::Rfc3339;
        let paris = Some("Europe/Paris");
        assert_eq!(
            parsed("2024-10-27T02:30:00", iso, paris),
            Ok(at("2024-10-27T00:30:00Z"))
        );
        assert_eq!(
            parsed("2024-03-31T02:30:00", iso, paris),
            Ok(at("2024-03-31T01:30:00Z"))
        );
    }

    proptest::proptest! {
        #[test]
        fn the_fast_way_agrees_with_the_careful_one(second in -2_000_000_000_i64..4_000_000_000, minutes in -1_439_i64..1_440) {
            let timestamp = Timestamp::from_second(second).unwrap();
            let text = timestamp.to_string();
            if let Some(fast) = fast(text.as_bytes()) {
                proptest::prop_assert_eq!(fast, timestamp);
            }
            let sign = if minutes < 0 { '-' } else { '+' };
            let text = text.replace('Z', &format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60));
            if let Some(fast) = fast(text.as_bytes()) {
                proptest::prop_assert_eq!(fast, text.parse::<Timestamp>().unwrap());
            }
        }
    }
}
