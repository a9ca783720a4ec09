//! The six sources over the recorded bodies of their providers, with counts and sums that were
//! computed independently (Python's `json`, `ElementTree`, `zoneinfo` and
//! `gtfs-realtime-bindings` over the same bodies).

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use jiff::{Timestamp, tz::TimeZone};
use vigie_core::{row::Row, text::SourceId};
use vigie_sources::{BodyError, Catalogue, Context, Definition, Extraction, extract};

/// The folder of recordings, if `VIGIE_RECORDINGS` names it.
pub(crate) fn folder(source: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("VIGIE_RECORDINGS") else {
        // Not by `eprintln!`, which the test harness swallows.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: VIGIE_RECORDINGS is not set, {source} is not checked against recordings"
        );
        return None;
    };
    let folder = Path::new(&root).join(source);
    assert!(folder.is_dir(), "VIGIE_RECORDINGS has no folder {source}");
    Some(folder)
}

/// The bodies of a folder, in the order of their names.
pub(crate) fn bodies(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.is_file() && path.extension().is_none_or(|extension| extension != "toml")
        })
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read(path).unwrap())
        })
        .collect()
}

/// Extracts with a fixed fetch time and a watched zone in UTC.
pub(crate) fn read(definition: &Definition, body: &[u8]) -> Result<Extraction, BodyError> {
    let fetched_at: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
    extract(
        definition,
        body,
        &Context {
            fetched_at,
            zone_tz: &TimeZone::UTC,
        },
    )
}

struct Totals {
    definition: &'static Definition,
    bodies: usize,
    rows: Vec<Row>,
    refused_rows: u64,
    refused_values: u64,
    empty_rows: u64,
}

fn totals(source: &str) -> Option<Totals> {
    let folder = folder(source)?;
    let definition = Catalogue::embedded()
        .get(&SourceId::new(source).unwrap())
        .unwrap();
    let mut totals = Totals {
        definition,
        bodies: 0,
        rows: Vec::new(),
        refused_rows: 0,
        refused_values: 0,
        empty_rows: 0,
    };
    for (name, body) in bodies(&folder) {
        let extraction = read(definition, &body).unwrap_or_else(|error| panic!("{name}: {error}"));
        totals.bodies += 1;
        totals.rows.extend(extraction.rows);
        totals.refused_rows += extraction.refused_rows;
        totals.refused_values += extraction.refused_values;
        totals.empty_rows += extraction.empty_rows;
    }
    Some(totals)
}

impl Totals {
    fn counts(&self) -> (usize, usize, u64, u64, u64) {
        (
            self.bodies,
            self.rows.len(),
            self.refused_rows,
            self.refused_values,
            self.empty_rows,
        )
    }

    /// How many values of a measure there are, and their sum.
    fn sum(&self, measure: &str) -> (usize, f64) {
        let index = self
            .definition
            .measures
            .iter()
            .position(|known| known.id.as_str() == measure)
            .unwrap_or_else(|| panic!("no measure {measure}"));
        let values = self.rows.iter().filter_map(|row| row.values[index]);
        (values.clone().count(), values.sum())
    }

    fn check(&self, measure: &str, count: usize, sum: f64) {
        let (obtained_count, obtained) = self.sum(measure);
        assert_eq!(obtained_count, count, "{measure}");
        assert!(
            (obtained - sum).abs() <= sum.abs() * 1e-12 + 1e-6,
            "{measure}: {obtained} for {sum}"
        );
    }

    fn observed_seconds(&self) -> i64 {
        self.rows
            .iter()
            .map(|row| row.observed_at.as_second())
            .sum()
    }
}

#[test]
fn usgs_earthquakes() {
    let Some(totals) = totals("usgs-earthquakes") else {
        return;
    };
    assert_eq!(totals.counts(), (87, 4946, 0, 0, 0));
    totals.check("magnitude", 4946, 22_408.44);
    totals.check("depth", 4946, 206_572.702_797);
    assert!((totals.sum("felt").1 - 10_735.0).abs() < 1e-9);
    let revisions: i64 = totals.rows.iter().map(|row| row.revision).sum();
    assert_eq!(revisions, 8_680_594_577_455_049);
    assert!(
        totals
            .rows
            .iter()
            .all(|row| row.point.is_some() && row.name.is_some())
    );
    let ids: std::collections::BTreeSet<_> = totals.rows.iter().map(|row| &row.entity).collect();
    assert_eq!(ids.len(), 384);
}

#[test]
fn metar() {
    let Some(totals) = totals("metar-aviationweather") else {
        return;
    };
    assert_eq!(totals.counts(), (200, 600, 0, 0, 0));
    totals.check("temperature", 600, 16_554.0);
    totals.check("wind_speed", 600, 2_811.953_333);
    totals.check("wind_direction", 546, 139_520.0);
    totals.check("visibility", 600, 5_759.488_12);
    totals.check("pressure", 593, 599_851.0);
    assert_eq!(totals.observed_seconds(), 1_072_323_279_000);
}

#[test]
fn velib() {
    let Some(totals) = totals("velib-disponibilite") else {
        return;
    };
    // Two bodies have no station codes: 2 × 1479 rows are refused.
    assert_eq!(totals.counts(), (24, 32_670, 2_958, 0, 0));
    totals.check("bikes", 32_670, 343_184.0);
    totals.check("mechanical", 32_670, 223_348.0);
    totals.check("ebikes", 32_670, 119_836.0);
    totals.check("docks", 32_670, 642_773.0);
    totals.check("capacity", 32_670, 1_015_410.0);
    assert_eq!(totals.observed_seconds(), 56_534_735_935_273);
}

#[test]
fn eco2mix() {
    let Some(totals) = totals("eco2mix-national") else {
        return;
    };
    assert_eq!(totals.counts(), (6, 577, 0, 0, 0));
    for (measure, sum) in [
        ("consumption", 25_712_781.0),
        ("forecast", 25_843_964.0),
        ("nuclear", 22_813_483.0),
        ("wind", 3_711_191.0),
        ("solar", 1_896_836.0),
        ("hydro", 3_029_280.0),
        ("gas", 683_117.0),
        ("coal", 927.0),
        ("oil", 64_501.0),
        ("bioenergy", 510_823.0),
        ("pumping", -547_219.0),
        ("exchanges", -6_446_878.0),
        ("co2", 10_335.0),
    ] {
        totals.check(measure, totals.sum(measure).0, sum);
    }
    assert_eq!(totals.observed_seconds(), 1_004_789_983_500);
}

#[test]
fn ecb() {
    let Some(totals) = totals("ecb-eurofxref-daily") else {
        return;
    };
    assert_eq!(totals.counts(), (69, 2_147, 0, 0, 0));
    totals.check("rate", 2_147, 1_325_795.733_69);
    assert_eq!(totals.observed_seconds(), 3_484_511_545_500);
}

#[test]
fn gtfs_realtime_nyct() {
    let Some(totals) = totals("gtfs-rt-nyct-ace") else {
        return;
    };
    assert_eq!(totals.counts(), (60, 300, 0, 0, 0));
    totals.check("trips", 300, 9_389.0);
    totals.check("vehicles", 300, 9_389.0);
    totals.check("stopped", 300, 4_976.0);
    assert_eq!(totals.observed_seconds(), 512_219_680_355);
}

#[test]
fn recorded_stations_get_their_names_and_places_from_the_document_beside() {
    for (network, status, information, named) in [
        ("velib", "20241119T082218Z", "20241119T082218Z", 1_480),
        ("citibike", "20241002T190126Z", "20241002T190325Z", 2_000),
    ] {
        let id = format!("{network}-station-status");
        let (Some(first), Some(second)) = (
            folder(&id),
            folder(&format!("{network}-station-information")),
        ) else {
            return;
        };
        let read = |folder: &std::path::Path, stamp: &str| {
            std::fs::read_to_string(folder.join(format!("{stamp}.json"))).unwrap()
        };
        let (status, information) = (read(&first, status), read(&second, information));
        let definition = Catalogue::embedded()
            .get(&SourceId::new(&id).unwrap())
            .unwrap();
        let context = Context {
            fetched_at: "2024-11-19T08:22:18Z".parse().unwrap(),
            zone_tz: &TimeZone::UTC,
        };
        let alone = extract(definition, status.as_bytes(), &context).unwrap();
        let body = format!("[{status},\n{information}]");
        let joined = extract(definition, body.as_bytes(), &context).unwrap();
        assert!(joined.refusals.is_empty(), "{:?}", joined.refusals);
        assert_eq!(joined.rows.len(), alone.rows.len());
        let is_whole = |row: &&vigie_core::row::Row| {
            row.name.is_some() && row.point.is_some() && row.attributes.contains_key("capacity")
        };
        let count = joined.rows.iter().filter(is_whole).count();
        assert!(
            count >= named,
            "{network}: {count} of {}",
            joined.rows.len()
        );
        // Counts are those of the first document alone.
        for (alone, joined) in alone.rows.iter().zip(&joined.rows) {
            assert_eq!(
                (&alone.entity, alone.observed_at, &alone.values),
                (&joined.entity, joined.observed_at, &joined.values)
            );
        }
    }
}

#[test]
fn recorded_errors_are_errors() {
    let Some(usgs) = folder("usgs-earthquakes") else {
        return;
    };
    let definition = |id: &str| {
        Catalogue::embedded()
            .get(&SourceId::new(id).unwrap())
            .unwrap()
    };
    for (name, body) in bodies(&usgs.join("errors")) {
        assert_eq!(
            read(definition("usgs-earthquakes"), &body),
            Err(BodyError::Empty),
            "{name}"
        );
    }
    let velib = folder("velib-disponibilite").unwrap();
    for (name, body) in bodies(&velib.join("errors")) {
        let error = read(definition("velib-disponibilite"), &body).unwrap_err();
        assert_eq!(
            error,
            BodyError::Truncated {
                expected: "JSON",
                offset: 524_288
            },
            "{name}"
        );
    }
}

/// What each recorded feed gives: the source that reads it, bodies with rows, rows, refused rows, refused values. Some recordings hold
/// answers of other endpoints too; refusals are explained by the bodies: identifiers and times that are null, a doubled
/// hour written `2A:00`, impossible tracks.
const RECORDED: &str = include_str!("recorded.tsv");

#[test]
fn every_recorded_feed_is_read_by_a_source() {
    let Some(root) = folder("velib-disponibilite").and_then(|one| Some(one.parent()?.to_owned()))
    else {
        return;
    };
    for line in RECORDED.lines() {
        let mut columns = line.split('\t');
        let (recording, source) = (columns.next().unwrap(), columns.next().unwrap());
        let definition = Catalogue::embedded()
            .get(&SourceId::new(source).unwrap())
            .unwrap_or_else(|| panic!("there is no source {source}"));
        let folder = root.join(recording);
        let (mut good, mut rows, mut refused, mut values) = (0, 0, 0, 0);
        for (_, body) in bodies(&folder) {
            let Ok(one) = read(definition, &body) else {
                continue;
            };
            good += u32::from(!one.rows.is_empty());
            rows += one.rows.len();
            refused += one.refused_rows;
            values += one.refused_values;
        }
        assert!(rows > 0, "{recording}: {source} reads nothing");
        if folder.join("errors").is_dir() {
            for (name, body) in bodies(&folder.join("errors")) {
                let read = read(definition, &body);
                assert!(
                    read.is_err() || read.is_ok_and(|one| one.rows.is_empty()),
                    "{recording}/errors/{name} gives rows"
                );
            }
        }
        let obtained = format!("{recording}\t{source}\t{good}\t{rows}\t{refused}\t{values}");
        assert_eq!(obtained, line);
    }
}
