//! The six sources, replayed from recordings of real answers, against an independent computation.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    oracle::{self, Figures, Key, Number},
    support::{Workspace, recordings},
};

/// Replays a source in a zone and returns the workspace.
fn replayed(source: &str, zone: &str) -> Option<Workspace> {
    let folder = recordings()?.join(source);
    let workspace = Workspace::new(zone);
    let out = workspace
        .run(&["replay", folder.to_str().unwrap(), "--source", source])
        .ends(0);
    assert!(out.contains("rows taken"), "{out}");
    assert_eq!(
        workspace.files(&format!("data/raw/{source}")),
        Vec::<std::path::PathBuf>::new()
    );
    Some(workspace)
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

fn agree(mine: &Figures, theirs: &Value) -> bool {
    let same = |mine: Option<f64>, key: &str| match (mine, theirs[key].as_f64()) {
        (Some(a), Some(b)) => close(a, b) || (key == "mean" && close((a - b).abs(), 360.0)),
        (a, b) => a == b,
    };
    theirs["count"].as_u64() == Some(mine.count)
        && same(mine.min, "min")
        && same(mine.max, "max")
        && same(mine.sum, "sum")
        && same(mine.mean, "mean")
        && same(mine.median, "p50")
        && same(Some(mine.first), "first")
        && same(Some(mine.last), "last")
}

/// Compares every hour of every entity and measure.
fn check(source: &str, zone: &str, tz: &str, read: impl Fn(&[u8]) -> Vec<Number>) {
    let Some(workspace) = replayed(source, zone) else {
        return;
    };
    let bodies = oracle::bodies(&recordings().unwrap().join(source));
    let expected = oracle::summarise(bodies.iter().map(|body| read(body)), tz);
    let exported: BTreeMap<Key, Value> = workspace
        .export("summaries")
        .into_iter()
        .map(|row| {
            let text = |key: &str| row[key].as_str().unwrap().to_owned();
            ((text("entity"), text("measure"), text("hour")), row)
        })
        .collect();
    assert!(!expected.is_empty());
    let missing = expected.keys().find(|key| !exported.contains_key(*key));
    assert_eq!(missing, None, "not in the store");
    let invented = exported.keys().find(|key| !expected.contains_key(*key));
    assert_eq!(invented, None, "in the store, but in no body");
    for (key, figures) in &expected {
        assert!(
            agree(figures, &exported[key]),
            "{key:?}: {figures:?} against {}",
            exported[key]
        );
    }
}

#[test]
fn velib_agrees_with_plain_loops() {
    check(
        "velib-disponibilite",
        "Paris",
        "Europe/Paris",
        oracle::velib,
    );
}

#[test]
fn metar_agrees_with_plain_loops() {
    check(
        "metar-aviationweather",
        "Marseille",
        "Europe/Paris",
        oracle::metar,
    );
}

#[test]
fn metar_agrees_in_a_zone_of_half_hours() {
    check(
        "metar-aviationweather",
        "Mumbai",
        "Asia/Kolkata",
        oracle::metar,
    );
}

#[test]
fn eco2mix_agrees_with_plain_loops() {
    check(
        "eco2mix-national",
        "France",
        "Europe/Paris",
        oracle::eco2mix,
    );
}

#[test]
fn ecb_agrees_with_plain_loops() {
    check("ecb-eurofxref-daily", "Tokyo", "Asia/Tokyo", oracle::ecb);
}

#[test]
fn usgs_keeps_the_latest_revision_and_does_not_believe_an_outage() {
    let Some(workspace) = replayed("usgs-earthquakes", "Earth") else {
        return;
    };
    let expected = oracle::usgs(&oracle::bodies(
        &recordings().unwrap().join("usgs-earthquakes"),
    ));
    let events = workspace.export("events");
    assert_eq!(events.len(), expected.len());
    for event in &events {
        let (updated, magnitude, _) = expected[event["key"].as_str().unwrap()];
        assert_eq!(event["revision"].as_i64(), Some(updated), "{event}");
        assert!(
            close(event["measures"]["magnitude"].as_f64().unwrap(), magnitude),
            "{event}"
        );
    }
    let captures = workspace.export("captures");
    let aside: Vec<&Value> = captures
        .iter()
        .filter(|c| c["outcome"] == "quarantined")
        .collect();
    assert_eq!(
        aside.len(),
        5,
        "10, 5, 0, 0 and 0 events instead of about 37: {aside:#?}"
    );
}

#[test]
fn the_subway_is_counted_per_line() {
    let Some(workspace) = replayed("gtfs-rt-nyct-ace", "New York City") else {
        return;
    };
    let rows = workspace.export("summaries");
    let trips = |line: &str, hour: &str| {
        let found = rows.iter().find(|row| {
            row["entity"] == line
                && row["measure"] == "trips"
                && row["hour"].as_str().unwrap().starts_with(hour)
        });
        found.map(|row| (row["count"].as_u64().unwrap(), row["sum"].as_f64().unwrap()))
    };
    for (line, hour, count, sum) in oracle::SUBWAY_TRIPS {
        assert_eq!(trips(line, hour), Some((count, sum)), "{line} {hour}");
    }
}

#[test]
fn a_truncated_body_is_set_aside_and_nothing_else_stops() {
    let Some(folder) = recordings() else { return };
    let errors = folder.join("velib-disponibilite/errors");
    let workspace = Workspace::new("Paris");
    let out = workspace
        .run(&[
            "replay",
            errors.to_str().unwrap(),
            "--source",
            "velib-disponibilite",
        ])
        .ends(0);
    assert!(out.contains("1 set aside"), "{out}");
    let captures = workspace.export("captures");
    assert_eq!(captures[0]["outcome"], "quarantined");
    assert!(
        captures[0]["reason"]
            .as_str()
            .unwrap()
            .contains("truncated"),
        "{}",
        captures[0]
    );
    // The body is kept, byte for byte.
    let kept = workspace
        .path()
        .join("data")
        .join(captures[0]["file"].as_str().unwrap());
    assert_eq!(std::fs::metadata(kept).unwrap().len(), 524_288);
}
