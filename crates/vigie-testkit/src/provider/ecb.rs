//! European Central Bank: euro reference rates.
//!
//! `eurofxref-daily.xml` holds the rates of one working day of TARGET, published at 16:00 Central
//! European time; until the next publication it stays the same.

use std::fmt::Write;

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Weekday},
};

use super::{Ask, Page, World};
use crate::random::{Random, noise};

/// Code, units for one euro, decimals as the bank prints them, and the spread of the walk: the
/// krone is bound to the euro, the lira is not.
const CURRENCIES: [(&str, f64, usize, f64); 30] = [
    ("USD", 1.1384, 4, 0.03),
    ("JPY", 181.47, 2, 0.04),
    ("BGN", 1.9558, 4, 0.0),
    ("CZK", 24.273, 3, 0.015),
    ("DKK", 7.4637, 4, 0.0005),
    ("GBP", 0.86714, 5, 0.02),
    ("HUF", 361.20, 2, 0.03),
    ("PLN", 4.2561, 4, 0.02),
    ("RON", 5.1180, 4, 0.01),
    ("SEK", 10.9475, 4, 0.025),
    ("CHF", 0.9273, 4, 0.015),
    ("ISK", 143.10, 2, 0.02),
    ("NOK", 11.5120, 4, 0.03),
    ("TRY", 50.9471, 4, 0.06),
    ("AUD", 1.6893, 4, 0.03),
    ("BRL", 6.0214, 4, 0.05),
    ("CAD", 1.6057, 4, 0.025),
    ("CNY", 7.9286, 4, 0.025),
    ("HKD", 8.8514, 4, 0.03),
    ("IDR", 19_342.85, 2, 0.03),
    ("ILS", 3.6842, 4, 0.04),
    ("INR", 102.8410, 4, 0.025),
    ("KRW", 1668.93, 2, 0.03),
    ("MXN", 20.4716, 4, 0.04),
    ("MYR", 4.7214, 4, 0.025),
    ("NZD", 1.9788, 4, 0.03),
    ("PHP", 67.184, 3, 0.025),
    ("SGD", 1.4794, 4, 0.02),
    ("THB", 36.871, 3, 0.03),
    ("ZAR", 19.7142, 4, 0.05),
];

/// The calendar days of the longer document.
const HISTORY_DAYS: i32 = 90;

pub(super) fn page(world: &World, ask: &Ask<'_>) -> Page {
    let (date, published) = last_publication(world, ask.at);
    envelope(world, ask, published, [date])
}

/// The same of the last ninety days, the latest first.
pub(super) fn history(world: &World, ask: &Ask<'_>) -> Page {
    let (last, published) = last_publication(world, ask.at);
    let days = (0..HISTORY_DAYS).map(|back| last.saturating_sub(back.days()));
    envelope(
        world,
        ask,
        published,
        days.filter(|date| is_target_day(*date)),
    )
}

fn envelope(
    world: &World,
    ask: &Ask<'_>,
    published: Timestamp,
    dates: impl IntoIterator<Item = Date>,
) -> Page {
    let mut xml = String::with_capacity(2_000);
    xml.push_str(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <gesmes:Envelope xmlns:gesmes=\"http://www.gesmes.org/xml/2002-08-01\" \
         xmlns=\"http://www.ecb.int/vocabulary/2002-08-01/eurofxref\">\n\
         \t<gesmes:subject>Reference rates</gesmes:subject>\n\
         \t<gesmes:Sender>\n\t\t<gesmes:name>European Central Bank</gesmes:name>\n\
         \t</gesmes:Sender>\n\t<Cube>\n",
    );
    for date in dates {
        cube(world, ask, date, &mut xml);
    }
    xml.push_str("\t</Cube>\n</gesmes:Envelope>");
    let tag = Random::keyed(world.seed, &[published.as_second().cast_unsigned()]).bits();
    let rows = (ask.shape.keep * 1000.0) as u64;
    Page {
        etag: Some(format!("\"{:x}-{:x}\"", tag >> 32, xml.len() as u64 + rows)),
        last_modified: Some(published),
        ..Page::new("text/xml", xml.into_bytes())
    }
}

/// The rates of a day.
fn cube(world: &World, ask: &Ask<'_>, date: Date, xml: &mut String) {
    let _ = writeln!(xml, "\t\t<Cube time='{date}'>");
    let kept = CURRENCIES
        .iter()
        // Bulgaria has had the euro since 2026.
        .filter(|(code, ..)| *code != "BGN" || date.year() < 2026)
        .enumerate()
        .filter(|(index, _)| ask.shape.keeps(*index));
    for (_, (code, middle, decimals, spread)) in kept {
        let rate = middle * walk(world.seed, code, *spread, date).exp();
        let _ = writeln!(
            xml,
            "\t\t\t<Cube currency='{code}' rate='{rate:.decimals$}'/>"
        );
    }
    xml.push_str("\t\t</Cube>\n");
}

/// The logarithm of the rate against its middle: waves of days, weeks, months and a year.
fn walk(seed: u64, code: &str, spread: f64, date: Date) -> f64 {
    let day = date.duration_since(Date::constant(2000, 1, 1)).as_hours() / 24;
    let name = code
        .bytes()
        .fold(0, |name, byte| name << 8 | u64::from(byte));
    let waves = [(2.3, 0.08), (9.0, 0.2), (41.0, 0.5), (260.0, 1.0)];
    let sum = waves.iter().zip(0_u64..).map(|((days, height), wave)| {
        height * noise(seed, &[0xecb, name, wave], day as f64 / days)
    });
    spread * sum.sum::<f64>()
}

/// The date of the rates that are out at `at`, and when they came out.
fn last_publication(world: &World, at: Timestamp) -> (Date, Timestamp) {
    let mut date = world.paris.to_offset(at).to_datetime(at).date();
    loop {
        let published = world
            .paris
            .to_timestamp(date.at(16, 0, 0, 0))
            .unwrap_or(Timestamp::MIN);
        if published <= at && is_target_day(date) {
            return (date, published);
        }
        date = date.saturating_sub(1.day());
    }
}

/// Working days of the TARGET payment system.
fn is_target_day(date: Date) -> bool {
    if matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) {
        return false;
    }
    if matches!((date.month(), date.day()), (1 | 5, 1) | (12, 25 | 26)) {
        return false;
    }
    let easter = easter_sunday(date.year());
    date != easter.saturating_sub(2.days()) && date != easter.saturating_add(1.day())
}

/// The Gregorian Easter (the "anonymous" algorithm of 1876).
fn easter_sunday(year: i16) -> Date {
    let year = i32::from(year);
    let (golden, century, rest) = (year % 19, year / 100, year % 100);
    let correction = (century + 8) / 25;
    let epact = (19 * golden + century - century / 4 - (century - correction + 1) / 3 + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (rest / 4) - epact - rest % 4) % 7;
    let shift = (golden + 11 * epact + 22 * weekday) / 451;
    let days = epact + weekday - 7 * shift + 114;
    Date::new(year as i16, (days / 31) as i8, (days % 31 + 1) as i8)
        .expect("the algorithm yields dates of March and April")
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::provider::Shape;

    fn body(at: &str) -> String {
        let ask = Ask {
            at: at.parse().unwrap(),
            query: &HashMap::new(),
            shape: Shape::WHOLE,
        };
        String::from_utf8(page(&World::new(5, 0), &ask).bytes).unwrap()
    }

    #[test]
    fn rates_change_at_four_in_the_afternoon_of_working_days() {
        // Friday 20 November 2026; Frankfurt is an hour ahead of UTC.
        let before = body("2026-11-20T14:59:59Z");
        let friday = body("2026-11-20T15:00:00Z");
        assert!(before.contains("<Cube time='2026-11-19'>"), "{before}");
        assert!(friday.contains("<Cube time='2026-11-20'>"), "{friday}");
        assert_eq!(body("2026-11-23T14:59:00Z"), friday);
        assert_ne!(body("2026-11-23T15:00:00Z"), friday);
    }

    #[test]
    fn holidays_keep_the_rates_of_the_day_before() {
        for (year, month, day) in [(2024, 3, 31), (2025, 4, 20), (2026, 4, 5), (2038, 4, 25)] {
            assert_eq!(easter_sunday(year), Date::new(year, month, day).unwrap());
        }
        assert!(body("2026-04-06T20:00:00Z").contains("time='2026-04-02'"));
        assert!(body("2026-12-25T20:00:00Z").contains("time='2026-12-24'"));
    }

    #[test]
    fn it_is_xml_with_the_rates_of_about_thirty_currencies() {
        let text = body("2026-11-20T15:00:00Z");
        let mut reader = quick_xml::Reader::from_str(&text);
        let mut rates = HashMap::new();
        loop {
            match reader.read_event().unwrap() {
                quick_xml::events::Event::Eof => break,
                quick_xml::events::Event::Empty(tag) => {
                    let value = |name: &str| {
                        let attribute = tag.try_get_attribute(name).unwrap().unwrap();
                        attribute.value.into_owned()
                    };
                    rates.insert(value("currency"), value("rate").parse::<f64>().unwrap());
                }
                _ => {}
            }
        }
        assert_eq!(rates.len(), 29);
        assert!((1.0..1.3).contains(&rates["USD"]), "{rates:?}");
        assert!((150.0..215.0).contains(&rates["JPY"]), "{rates:?}");
    }
}
