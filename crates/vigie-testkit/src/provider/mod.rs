//! The providers: what each says at a virtual time.

mod apple_music;
mod cheapshark;
mod ecb;
mod eco2mix;
mod mastodon;
mod metar;
mod nhc;
mod nyct;
mod peertube;
mod seismic_regions;
mod usgs;
mod velib;
mod velib_places;

use std::collections::HashMap;

use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

/// The sources of the catalogue that the simulator answers for.
pub const SOURCES: [&str; 11] = [
    "apple-music-most-played",
    "cheapshark-deals",
    "ecb-eurofxref-daily",
    "eco2mix-national",
    "gtfs-rt-nyct-ace",
    "mastodon-trends-tags",
    "metar-aviationweather",
    "nhc-current-storms",
    "peertube-trending",
    "usgs-earthquakes",
    "velib-disponibilite",
];

/// A request to a provider.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    /// The virtual time.
    pub(crate) at: Timestamp,
    /// The decoded query.
    pub(crate) query: &'a HashMap<String, String>,
    /// What a fault does to the rows.
    pub(crate) shape: Shape,
}

/// What a fault does to the rows of an otherwise valid body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// The share of rows that stay.
    pub(crate) keep: f64,
    /// The rows lose their ids.
    pub(crate) null_ids: bool,
}

impl Shape {
    pub(crate) const WHOLE: Self = Self {
        keep: 1.0,
        null_ids: false,
    };

    /// True for the rows that stay, evenly spread.
    fn keeps(self, index: usize) -> bool {
        ((index + 1) as f64 * self.keep).floor() > (index as f64 * self.keep).floor()
    }
}

/// An answer before HTTP.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Page {
    pub(crate) content_type: &'static str,
    /// Empty means 204, no content.
    pub(crate) bytes: Vec<u8>,
    /// Strong, with its quotes, for providers that send one.
    pub(crate) etag: Option<String>,
    /// For providers that send one.
    pub(crate) last_modified: Option<Timestamp>,
}

impl Page {
    fn new(content_type: &'static str, bytes: Vec<u8>) -> Self {
        Self {
            content_type,
            bytes,
            etag: None,
            last_modified: None,
        }
    }

    /// JSON whose tag says what is in it.
    fn tagged(content_type: &'static str, body: &impl Serialize) -> Self {
        let bytes = serde_json::to_vec(body).expect("plain data has a JSON form");
        // FNV-1a.
        let tag = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |tag, byte| {
            (tag ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self {
            etag: Some(format!("\"{tag:016x}\"")),
            ..Self::new(content_type, bytes)
        }
    }
}

/// Everything that stays the same for the life of a simulator.
#[derive(Debug)]
pub(crate) struct World {
    seed: u64,
    paris: TimeZone,
    new_york: TimeZone,
    stations: Vec<velib::Station>,
    running_times: Vec<Vec<f64>>,
}

impl World {
    /// The world of a seed, with so many Vélib' stations.
    pub(crate) fn new(seed: u64, stations: usize) -> Self {
        let zone = |name| TimeZone::get(name).expect("the time zone database is compiled in");
        Self {
            seed,
            paris: zone("Europe/Paris"),
            new_york: zone("America/New_York"),
            stations: velib::stations(seed, stations),
            running_times: nyct::running_times(seed),
        }
    }

    /// What the provider of `path` (with plain slashes) answers; none for an unknown path.
    pub(crate) fn page(&self, path: &str, ask: &Ask<'_>) -> Option<Page> {
        Some(match path {
            "/earthquakes/feed/v1.0/summary/2.5_day.geojson" => usgs::page(self, ask),
            "/api/data/metar" => metar::page(self, ask),
            "/api/explore/v2.1/catalog/datasets/velib-disponibilite-en-temps-reel/exports/json" => {
                velib::page(self, ask)
            }
            "/api/explore/v2.1/catalog/datasets/eco2mix-national-tr/records" => {
                eco2mix::page(self, ask)
            }
            "/api/explore/v2.1/catalog/datasets/eco2mix-national-tr/exports/json" => {
                eco2mix::history(self, ask)
            }
            "/fdsnws/event/1/query" => usgs::history(self, ask),
            "/stats/eurofxref/eurofxref-daily.xml" => ecb::page(self, ask),
            "/stats/eurofxref/eurofxref-hist-90d.xml" => ecb::history(self, ask),
            "/Dataservice/mtagtfsfeeds/nyct/gtfs-ace" => nyct::page(self, ask),
            "/CurrentStorms.json" => nhc::page(self, ask),
            "/api/v1/trends/tags" => mastodon::page(self, ask),
            "/api/v1/videos" => peertube::page(self, ask),
            "/api/v2/fr/music/most-played/100/albums.json" => apple_music::page(self, ask),
            "/api/1.0/deals" => cheapshark::page(self, ask),
            _ => return None,
        })
    }
}

/// The instant of a second; seconds here are always in jiff's range.
fn instant(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(Timestamp::MAX)
}

/// How many rows the query asks for, within what the provider grants.
fn at_most(ask: &Ask<'_>, name: &str, usual: usize, most: usize) -> usize {
    let asked = ask.query.get(name).and_then(|count| count.parse().ok());
    asked.unwrap_or(usual).min(most)
}

/// Local hours and minutes as a number: 14:30 is 14.5.
fn hour_of_day(at: Timestamp, tz: &TimeZone) -> f64 {
    let local = tz.to_offset(at).to_datetime(at);
    f64::from(local.hour()) + f64::from(local.minute()) / 60.0 + f64::from(local.second()) / 3600.0
}

/// A hill of height 1 around the hour `top`, on the circle of the day.
fn hill(hour: f64, top: f64, width: f64) -> f64 {
    let distance = (hour - top + 12.0).rem_euclid(24.0) - 12.0;
    (-(distance / width).powi(2)).exp()
}

/// The season: 1 at midsummer of the northern hemisphere, -1 at midwinter.
fn season(at: Timestamp) -> f64 {
    let year = 365.2425 * 86_400.0;
    // 21 June 2000, 12:00 UTC.
    let midsummer = 961_588_800.0;
    ((at.as_second() as f64 - midsummer) / year * std::f64::consts::TAU).cos()
}

/// A number without a needless `.0`, as the providers write it.
fn number(value: f64) -> serde_json::Number {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        serde_json::Number::from(value as i64)
    } else {
        serde_json::Number::from_f64(value).unwrap_or_else(|| 0.into())
    }
}
