//! US National Hurricane Center: the tropical cyclones that are followed.
//!
//! `CurrentStorms.json` is made anew with each advisory: every six hours for a cyclone, every three while the
//! Atlantic coasts are near. An advisory bears a round hour and appears some minutes before. A depression bears its
//! number; with the first gale it gets its name. Out of season the list is empty.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Serialize;
use serde_json::Number;

use super::{Ask, Page, World, instant, number};
use crate::random::{Random, noise, rounded};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// The names of a year, in order; in the Pacific the second half comes first.
const NAMES: [&str; 24] = [
    "Aster", "Briar", "Cedar", "Dahlia", "Elder", "Fennel", "Gentian", "Heather", "Indigo",
    "Juniper", "Kalmia", "Laurel", "Mallow", "Nettle", "Oleander", "Poppy", "Quince", "Rowan",
    "Sorrel", "Tansy", "Umber", "Verbena", "Willow", "Yarrow",
];
const NUMBERS: [&str; 24] = [
    "One",
    "Two",
    "Three",
    "Four",
    "Five",
    "Six",
    "Seven",
    "Eight",
    "Nine",
    "Ten",
    "Eleven",
    "Twelve",
    "Thirteen",
    "Fourteen",
    "Fifteen",
    "Sixteen",
    "Seventeen",
    "Eighteen",
    "Nineteen",
    "Twenty",
    "Twenty-one",
    "Twenty-two",
    "Twenty-three",
    "Twenty-four",
];

struct Basin {
    code: &'static str,
    bin: &'static str,
    suffix: &'static str,
    /// Month and day of the first cyclone.
    opens: (i8, i8),
    count: i64,
    days_between: f64,
    days_of_life: (f64, f64),
    west: (f64, f64),
    north: (f64, f64),
    /// Where cyclones head at first, and by how much they turn in their life.
    heading: (f64, f64),
}

const BASINS: [Basin; 2] = [
    Basin {
        code: "al",
        bin: "AT",
        suffix: "",
        opens: (6, 1),
        count: 23,
        days_between: 8.0,
        days_of_life: (8.5, 12.0),
        west: (30.0, 46.0),
        north: (10.0, 15.0),
        heading: (278.0, 115.0),
    },
    Basin {
        code: "ep",
        bin: "EP",
        suffix: "-E",
        opens: (5, 15),
        count: 24,
        days_between: 8.3,
        days_of_life: (5.0, 9.0),
        west: (96.0, 106.0),
        north: (11.0, 14.0),
        heading: (284.0, 25.0),
    },
];

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CurrentStorms {
    active_storms: Vec<Storm>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Storm {
    id: String,
    bin_number: String,
    name: String,
    classification: &'static str,
    intensity: String,
    pressure: String,
    latitude: String,
    longitude: String,
    latitude_numeric: Number,
    longitude_numeric: Number,
    movement_dir: i64,
    movement_speed: i64,
    last_update: String,
    public_advisory: Advisory,
    forecast_advisory: Advisory,
    forecast_track: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Advisory {
    adv_num: String,
    issuance: String,
    file_update_time: String,
    url: String,
}

pub(super) fn page(world: &World, ask: &Ask<'_>) -> Page {
    let year = TimeZone::UTC.to_datetime(ask.at).year();
    let active = BASINS.iter().flat_map(|basin| {
        (0..basin.count).filter_map(move |index| storm(world.seed, basin, year, index, ask.at))
    });
    let active_storms: Vec<Storm> = active
        .enumerate()
        .filter(|(index, _)| ask.shape.keeps(*index))
        .map(|(_, storm)| storm)
        .collect();
    Page::tagged("application/json", &CurrentStorms { active_storms })
}

/// What the last advisory out at `at` says of a cyclone of the year; nothing before the first, nor after the last.
fn storm(seed: u64, basin: &Basin, year: i16, index: i64, at: Timestamp) -> Option<Storm> {
    let place = basin.code.bytes().map(u64::from).sum();
    let keys = [
        0x57,
        place,
        year.unsigned_abs().into(),
        index.unsigned_abs(),
    ];
    let mut random = Random::keyed(seed, &keys);
    let opens = Date::new(year, basin.opens.0, basin.opens.1).ok()?;
    let opens = TimeZone::UTC.to_timestamp(opens.at(0, 0, 0, 0)).ok()?;
    let late = index as f64 * basin.days_between + random.between(0.0, 0.4);
    // Advisories are of 3, 9, 15 and 21 o'clock.
    let six = 6 * HOUR;
    let born = (opens.as_second() + (late * DAY as f64) as i64).div_euclid(six) * six + 3 * HOUR;
    let life = random.between(basin.days_of_life.0, basin.days_of_life.1) * 24.0;
    let (low, high) = basin.west;
    let (mut west, mut north) = (
        random.between(low, high),
        random.between(basin.north.0, basin.north.1),
    );
    let peak = random.between(40.0, 135.0);

    let out = at.as_second() + random.between(4.0, 22.0) as i64 * 60;
    let hours = |from: i64, step: i64| (from - born).div_euclid(step * HOUR) * step;
    let wind_at = |hour: i64| {
        let age = hour as f64 / life;
        25.0 + (peak - 25.0) * (age * std::f64::consts::PI).sin().max(0.0).powf(1.3)
    };
    let full = hours(out, 6);
    let near = basin.code == "al" && full as f64 > life * 0.4 && wind_at(full) >= 34.0;
    let hour = if near { hours(out, 3) } else { full };
    if hour < 0 || hour as f64 > life {
        return None;
    }
    let heading = |hour: i64| {
        let age = hour as f64 / life;
        basin.heading.0
            + basin.heading.1 * age.powf(1.6)
            + 12.0 * noise(seed, &keys, hour as f64 / 18.0)
    };
    let speed = |hour: i64| {
        8.0 + 9.0 * hour as f64 / life + 2.5 * noise(seed, &keys, hour as f64 / 11.0 + 500.0)
    };
    for hour in 0..hour {
        // Statute miles in an hour, and a degree of latitude has 69 of them.
        let degrees = speed(hour) / 69.0;
        let bearing = heading(hour).to_radians();
        north += degrees * bearing.cos();
        west -= degrees * bearing.sin() / north.to_radians().cos();
    }
    let wind = (wind_at(hour) / 5.0).round() * 5.0;
    let named = (0..=hour).step_by(6).any(|hour| wind_at(hour) >= 32.5);
    let turn = if basin.code == "al" {
        0
    } else {
        NAMES.len() / 2
    };
    let number_of = index.unsigned_abs() as usize;
    let name = if named {
        NAMES[(number_of + turn) % NAMES.len()].to_owned()
    } else {
        format!("{}{}", NUMBERS[number_of], basin.suffix)
    };
    let time = instant(born + hour * HOUR)
        .strftime("%Y-%m-%dT%H:%M:%S.000Z")
        .to_string();
    let bin = format!("{}{}", basin.bin, index % 5 + 1);
    let product = |kind: &str, letter: &str| Advisory {
        adv_num: format!("{:03}{letter}", full / 6 + 1),
        issuance: time.clone(),
        file_update_time: time.clone(),
        url: format!("https://www.nhc.noaa.gov/text/MIA{kind}{bin}.shtml"),
    };
    let (latitude, longitude) = (rounded(north, 1), rounded(west, 1));
    Some(Storm {
        id: format!("{}{:02}{year}", basin.code, index + 1),
        bin_number: bin.clone(),
        name,
        classification: match wind {
            ..34.0 => "TD",
            ..64.0 => "TS",
            _ => "HU",
        },
        intensity: wind.to_string(),
        pressure: (1011.0 - (wind / 14.2).powi(2)).round().to_string(),
        latitude: format!("{latitude:.1}N"),
        longitude: format!("{longitude:.1}W"),
        latitude_numeric: number(latitude),
        longitude_numeric: number(-longitude),
        movement_dir: (heading(hour) / 5.0).round() as i64 * 5 % 360,
        movement_speed: speed(hour).round() as i64,
        last_update: time.clone(),
        public_advisory: product("TCP", if hour > full { "A" } else { "" }),
        forecast_advisory: product("TCM", ""),
        forecast_track: None,
    })
}
