//! The embedded tables, decoded when first asked for. Their columns are described in
//! `crates/vigie/data/README.md`, the program that writes them is `tools/gazetteer/build.py`.

use std::{collections::HashMap, sync::LazyLock};

use vigie_core::{row::Point, text::Text, zone::Scale};

macro_rules! embedded {
    ($file:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/data/", $file))
    };
}

/// What is wrong with the embedded tables, which the tests of this module read to the last line.
const BROKEN: &str = "the embedded gazetteer is as build.py wrote it";

/// The Earth, a continent or a country.
#[derive(Debug)]
pub(super) struct Area {
    pub(super) scale: Scale,
    /// ISO 3166-1 alpha-2, empty but for countries.
    pub(super) code: &'static str,
    pub(super) name: Text,
    /// Two letters, empty for the Earth.
    pub(super) continent: &'static str,
    /// ISO 4217, empty where there is none.
    pub(super) currency: &'static str,
    pub(super) time_zone: &'static str,
    /// Inhabitants.
    pub(super) population: u64,
    pub(super) centre: Point,
    /// West, south, east, north, in degrees.
    pub(super) bbox: [f64; 4],
}

/// A city, as read from its line.
#[derive(Debug)]
pub(super) struct City<'a> {
    /// The number that `GeoNames` gives it.
    pub(super) id: u64,
    /// As its inhabitants write it, or in English: `GeoNames`' main name.
    pub(super) local: &'a str,
    pub(super) fr: &'a str,
    pub(super) en: &'a str,
    pub(super) country: &'a str,
    /// Code of its first-order division within the country.
    pub(super) region: &'a str,
    pub(super) centre: Point,
    /// Inhabitants within its limits.
    pub(super) population: u64,
    pub(super) time_zone: &'a str,
}

/// A first-order division of a country: a state, a province, a region.
#[derive(Debug)]
pub(super) struct Region {
    pub(super) en: &'static str,
    pub(super) fr: &'static str,
    /// `TX`, `ON`; empty where none is usual.
    pub(super) abbreviation: &'static str,
}

/// A name of a place: its position among areas then cities, and whether it is a main name or one
/// by which the place is also known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) position: usize,
    pub(super) main: bool,
}

/// The Earth, the continents, then the countries by code.
pub(super) static AREAS: LazyLock<Vec<Area>> = LazyLock::new(|| {
    const TABLE: &[u8] = embedded!("areas.tsv");
    std::str::from_utf8(TABLE)
        .expect(BROKEN)
        .lines()
        .map(area)
        .collect()
});

/// Regions by country and code.
pub(super) static REGIONS: LazyLock<HashMap<(&str, &str), Region>> = LazyLock::new(|| {
    const TABLE: &[u8] = embedded!("regions.tsv");
    let lines = std::str::from_utf8(TABLE).expect(BROKEN).lines();
    lines
        .map(|line| {
            let [country, code, fr, en, abbreviation] = fields(line);
            (
                (country, code),
                Region {
                    en,
                    fr,
                    abbreviation,
                },
            )
        })
        .collect()
});

/// The line of each city; read with [`city`].
pub(super) static CITIES: LazyLock<Vec<&str>> = LazyLock::new(|| {
    static TEXT: LazyLock<String> = LazyLock::new(cities_text);
    TEXT.lines().collect()
});

/// The lines of all cities, for who reads them once: two megabytes.
pub(super) fn cities_text() -> String {
    decode(embedded!("cities.tsv.zst"))
}

/// The line of each name, sorted by key; read with [`named`] and [`main_names`].
static NAMES: LazyLock<Vec<&str>> = LazyLock::new(|| {
    static TEXT: LazyLock<String> = LazyLock::new(|| decode(embedded!("names.tsv.zst")));
    TEXT.lines().collect()
});

fn decode(compressed: &[u8]) -> String {
    let text = zstd::decode_all(compressed).expect(BROKEN);
    String::from_utf8(text).expect(BROKEN)
}

fn fields<const COUNT: usize>(line: &str) -> [&str; COUNT] {
    let mut fields = line.split('\t');
    let read = std::array::from_fn(|_| fields.next().expect(BROKEN));
    assert!(fields.next().is_none(), "{BROKEN}: {line}");
    read
}

fn area(line: &'static str) -> Area {
    let [
        scale,
        code,
        fr,
        en,
        continent,
        currency,
        time_zone,
        population,
        numbers @ ..,
    ]: [_; 14] = fields(line);
    let [lon, lat, west, south, east, north] = numbers.map(degrees);
    Area {
        scale: match scale {
            "earth" => Scale::Earth,
            "continent" => Scale::Continent,
            _ => Scale::Country,
        },
        code,
        name: Text::new(fr, en),
        continent,
        currency,
        time_zone,
        population: population.parse().expect(BROKEN),
        centre: Point::new(lon, lat).expect(BROKEN),
        bbox: [west, south, east, north],
    }
}

/// Reads a line of [`CITIES`].
pub(super) fn city(line: &str) -> City<'_> {
    let [
        id,
        local,
        fr,
        en,
        country,
        region,
        lon,
        lat,
        population,
        time_zone,
    ] = fields(line);
    City {
        id: id.parse().expect(BROKEN),
        local,
        fr: if fr.is_empty() { local } else { fr },
        en: if en.is_empty() { local } else { en },
        country,
        region,
        centre: Point::new(degrees(lon), degrees(lat)).expect(BROKEN),
        population: population.parse().expect(BROKEN),
        time_zone,
    }
}

fn degrees(text: &str) -> f64 {
    text.parse().expect(BROKEN)
}

fn entry(line: &'static str) -> (&'static str, impl Iterator<Item = Reference>) {
    let [key, references] = fields(line);
    let references = references.split(' ').map(|reference| {
        let position = reference.trim_start_matches('~');
        Reference {
            position: position.parse().expect(BROKEN),
            main: position.len() == reference.len(),
        }
    });
    (key, references)
}

/// The places that bear the name whose key is `key`.
pub(super) fn named(key: &str) -> Vec<Reference> {
    match NAMES.binary_search_by(|line| entry(line).0.cmp(key)) {
        Ok(found) => entry(NAMES[found]).1.collect(),
        Err(_) => Vec::new(),
    }
}

/// Every key with the places of which it is a main name.
pub(super) fn main_names() -> impl Iterator<Item = (&'static str, impl Iterator<Item = usize>)> {
    NAMES.iter().map(|line| {
        let (key, references) = entry(line);
        (
            key,
            references
                .filter(|reference| reference.main)
                .map(|reference| reference.position),
        )
    })
}
