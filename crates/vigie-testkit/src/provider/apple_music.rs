//! Apple Music: the hundred most played albums of a country.
//!
//! The chart is made anew every six hours. Albums come out on Fridays, enter high, and sink for weeks; some stay for
//! ever, and at the foot of the chart there is always coming and going.

use std::f64::consts::LN_2;

use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

use super::{Ask, Page, World, instant};
use crate::random::{Random, noise};

const DAY: i64 = 86_400;
const WEEK: i64 = 7 * DAY;
/// The first Friday of 1970.
const FRIDAY: i64 = DAY;
/// Albums that come out in a week, and for how many weeks they may be in the chart.
const A_WEEK: i64 = 12;
const WEEKS: i64 = 16;
/// The albums that stay.
const EVERGREENS: i64 = 30;
const FIRST: [&str; 12] = [
    "Nora", "Ilyes", "Maëlle", "Sacha", "Odette", "Kader", "Lison", "Théo", "Inès", "Basile",
    "Zélie", "Marin",
];
const LAST: [&str; 12] = [
    "Varenne", "Solal", "du Lac", "Okoye", "Belcourt", "Tamani", "Rivage", "Delorme", "Kestrel",
    "Mistral", "Ardoise", "Lune",
];
const THINGS: [&str; 14] = [
    "Minuit",
    "La Marée",
    "Paper Suns",
    "Les Toits",
    "Slow Rivers",
    "Néon",
    "Le Grand Large",
    "Static",
    "Sable",
    "Northern Line",
    "Après la pluie",
    "Echo Park",
    "Ailleurs",
    "Gravity",
];
const GENRES: [(&str, &str); 6] = [
    ("14", "Pop"),
    ("18", "Hip-hop/Rap"),
    ("1122", "Chanson française"),
    ("21", "Rock"),
    ("7", "Électronique"),
    ("15", "R&B/Soul"),
];

#[derive(Debug, Serialize)]
struct Body {
    feed: Feed,
}

#[derive(Debug, Serialize)]
struct Feed {
    title: &'static str,
    id: &'static str,
    copyright: String,
    country: &'static str,
    updated: String,
    results: Vec<Album>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Album {
    artist_name: String,
    id: String,
    name: String,
    release_date: String,
    kind: &'static str,
    artist_id: String,
    artist_url: String,
    artwork_url100: &'static str,
    genres: [Genre; 1],
    url: String,
}

#[derive(Debug, Serialize)]
struct Genre {
    #[serde(rename = "genreId")]
    id: &'static str,
    name: &'static str,
    url: String,
}

pub(super) fn page(world: &World, ask: &Ask<'_>) -> Page {
    let updated = ask.at.as_second().div_euclid(DAY / 4) * (DAY / 4) + 753;
    let updated = if updated > ask.at.as_second() {
        updated - DAY / 4
    } else {
        updated
    };
    let week = (updated - FRIDAY).div_euclid(WEEK);
    let recent = (week - WEEKS + 1) * A_WEEK..(week + 1) * A_WEEK;
    let mut chart: Vec<(i64, f64)> = recent
        .chain(-EVERGREENS..0)
        .map(|serial| (serial, plays(world.seed, serial, updated)))
        .collect();
    chart.sort_by(|(_, left), (_, right)| right.total_cmp(left));
    let results = chart.iter().take(100).enumerate();
    let results = results
        .filter(|(index, _)| ask.shape.keeps(*index))
        .map(|(_, (serial, _))| album(world.seed, *serial))
        .collect();
    let updated = instant(updated);
    let feed = Feed {
        title: "Top Albums",
        id: "https://rss.marketingtools.apple.com/api/v2/fr/music/most-played/100/albums.json",
        copyright: format!(
            "Copyright © {} Apple Inc. All rights reserved.",
            date(updated, "%Y")
        ),
        country: "fr",
        updated: date(updated, "%a, %d %b %Y %H:%M:%S +0000"),
        results,
    };
    Page::tagged("application/json; charset=utf-8", &Body { feed })
}

fn date(at: Timestamp, format: &str) -> String {
    TimeZone::UTC.to_datetime(at).strftime(format).to_string()
}

/// When an album came out: a Friday, long ago for those that stay.
fn released(serial: i64) -> i64 {
    if serial < 0 {
        FRIDAY + (1_700 + 31 * serial) * WEEK
    } else {
        FRIDAY + serial.div_euclid(A_WEEK) * WEEK
    }
}

/// How much an album is played.
fn plays(seed: u64, serial: i64, at: i64) -> f64 {
    let key = serial.cast_unsigned();
    let mut random = Random::keyed(seed, &[0xa9e, key]);
    let trembles = (0.12 * noise(seed, &[0xa9f, key], at as f64 / DAY as f64 * 1.7)).exp();
    let size = 100.0 * random.exponential(0.8).exp();
    let weeks = (at - released(serial)) as f64 / WEEK as f64;
    let half_life = random.between(1.5, 6.0);
    if serial < 0 {
        55.0 * random.between(0.5, 2.0) * trembles
    } else {
        size * (-LN_2 * weeks / half_life).exp() * trembles
    }
}

fn album(seed: u64, serial: i64) -> Album {
    let mut random = Random::keyed(seed, &[0xaa0, serial.cast_unsigned()]);
    let (first, last) = (random.below(FIRST.len()), random.below(LAST.len()));
    let (one, other) = (random.below(THINGS.len()), random.below(THINGS.len()));
    let genre = *random.pick(&GENRES);
    let id = (1_700_000_000 + serial).to_string();
    let artist = 900_000 + first * LAST.len() + last;
    Album {
        artist_name: format!("{} {}", FIRST[first], LAST[last]),
        name: if one == other {
            THINGS[one].to_owned()
        } else {
            format!("{} / {}", THINGS[one], THINGS[other])
        },
        release_date: date(instant(released(serial)), "%Y-%m-%d"),
        kind: "albums",
        artist_id: artist.to_string(),
        artist_url: format!("https://music.apple.com/fr/artist/{artist}"),
        artwork_url100: "https://example.com/100x100bb.jpg",
        genres: [Genre {
            id: genre.0,
            name: genre.1,
            url: format!("https://itunes.apple.com/fr/genre/id{}", genre.0),
        }],
        url: format!("https://music.apple.com/fr/album/{id}"),
        id,
    }
}
