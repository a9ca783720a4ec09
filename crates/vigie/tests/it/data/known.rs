//! What the data interface and the export say of what was known at a time.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{EARLY, LATER, POWER, QUAKES, WEATHER, ask, pages, serve, watched_until};
use crate::support::{Lab, Serving};

pub(super) fn events_are_as_they_were_known(lab: &Lab, serving: &Serving, early: &Value) {
    let then = ask(
        serving,
        &format!("/api/v1/events?source={QUAKES}&from=2026-11-20&known_at={EARLY}"),
    )
    .json();
    let said = |answer: &Value| -> Vec<(String, Value, Value)> {
        let events = answer["events"].as_array().unwrap().iter();
        let mut said: Vec<_> = events
            .map(|event| {
                (
                    event["key"].to_string(),
                    event["values"].clone(),
                    event["versions"].clone(),
                )
            })
            .collect();
        said.sort_by(|a, b| a.0.cmp(&b.0));
        said
    };
    assert!(!said(early).is_empty());
    // Asked when they were known, or later of that time: the same events in the same versions.
    assert_eq!(said(&then), said(early));
    let now = ask(
        serving,
        &format!("/api/v1/events?source={QUAKES}&from=2026-11-20"),
    )
    .json();
    assert!(said(&now).len() > said(&then).len());
    let mut revised = then["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["revised"] == true);
    let revised = revised.next().expect("the simulator revises earthquakes");
    let current = now["events"]
        .as_array()
        .unwrap()
        .iter()
        .find(|event| event["key"] == revised["key"]);
    assert_ne!(current.unwrap()["revision"], revised["revision"]);
    let before = ask(
        serving,
        &format!("/api/v1/events?source={QUAKES}&from=2026-11-20&known_at=2026-11-01T00:00:00Z"),
    )
    .json();
    assert!(said(&before).is_empty());
    let path = format!("/api/v1/events?source={QUAKES}&from=2026-11-20&limit=3");
    let pages = pages(serving, &path);
    let paged: Vec<&Value> = (pages.iter())
        .flat_map(|page| page["events"].as_array().unwrap())
        .collect();
    assert_eq!(
        paged,
        now["events"].as_array().unwrap().iter().collect::<Vec<_>>()
    );
    let stored: BTreeSet<String> = lab
        .workspace
        .export("events")
        .iter()
        .map(|event| event["key"].to_string())
        .collect();
    assert!(
        paged
            .iter()
            .all(|event| stored.contains(&event["key"].to_string()))
    );
    let rows = ask(
        serving,
        &format!("/api/v1/events?source={QUAKES}&from=2026-11-20&format=ndjson"),
    )
    .text();
    assert_eq!(rows.lines().count(), paged.len());
}

/// A series whose figures are corrected hours later, and the places of one that goes on.
const VALUES: [&str; 2] = [
    "/api/v1/series?source=eco2mix-national&from=2026-11-24T00:00:00Z&to=2026-11-24T16:00:00Z",
    "/api/v1/entities?source=metar-aviationweather&from=2026-11-24T00:00:00Z&to=2026-11-24T16:00:00Z",
];

/// The files too: of the evening's store as it was known at noon, and of the noon's store.
fn exports_are_as_they_were_known(noon: &Lab, evening: &Lab) {
    for (what, source) in [
        ("summaries", POWER),
        ("summaries", QUAKES),
        ("events", QUAKES),
    ] {
        let of = ["export", what, "--format", "ndjson", "--source", source];
        let early = noon.at(EARLY, &of).ends(0);
        assert_ne!(evening.at(LATER, &of).ends(0), early, "{what} {source}");
        // The time stands in a column of its own.
        let then = [&of[..], &["--known-at", EARLY]].concat();
        let known_at = format!(",\"known_at\":\"{EARLY}\"}}\n");
        let then = evening.at(LATER, &then).ends(0).replace(&known_at, "}\n");
        assert_eq!(then, early, "{what} {source}");
    }
    let captures = ["export", "captures", "--known-at", EARLY];
    evening.at(LATER, &captures).ends(2);
}

/// What is told in the evening of noon is what one who watched until noon says, to the bit.
pub(super) fn values_are_as_they_were_known(evening: &Lab, serving: &Serving) {
    let early = {
        let lab = watched_until("sqlite:data/vigie.db", &[WEATHER, POWER, QUAKES], 13);
        exports_are_as_they_were_known(&lab, evening);
        let serving = serve(&lab, EARLY);
        VALUES.map(|path| ask(&serving, path).json())
    };
    let list = ["series", "entities"];
    for ((path, early), list) in VALUES.into_iter().zip(&early).zip(list) {
        let then = ask(serving, &format!("{path}&known_at={EARLY}")).json();
        assert_eq!(then["known_at"], EARLY);
        assert_eq!(then["untold"], 0);
        assert_eq!(early["known_at"], Value::Null);
        assert!(!early[list].as_array().unwrap().is_empty(), "{early}");
        assert_eq!(then[list], early[list], "{path}");
        let now = ask(serving, path).json();
        assert_ne!(now[list], early[list], "{path}");
        // Before anything was fetched nothing was known.
        let before = ask(serving, &format!("{path}&known_at=2026-11-24T07:00:00Z")).json();
        match list {
            "entities" => assert_eq!(before[list], serde_json::json!([])),
            _ => assert!(
                before[list][0]["mean"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(Value::is_null)
            ),
        }
    }
    // Corrected, not only added to.
    let means = |path: &str| {
        let answer = ask(serving, path).json();
        let means = answer["series"][0]["mean"].as_array().unwrap().clone();
        means.into_iter().map(|mean| mean.as_f64())
    };
    let path = format!("{}&known_at={EARLY}", VALUES[0]);
    let mut both = means(&path).zip(means(VALUES[0]));
    assert!(
        both.any(|(then, now)| matches!((then, now), (Some(a), Some(b)) if (a - b).abs() > 1.0))
    );
    // Without an end it ends with what was known; rows say the same.
    let lately = ask(
        serving,
        &format!("/api/v1/series?source={POWER}&known_at={EARLY}"),
    )
    .json();
    assert_eq!(lately["end"], "2026-11-24T13:00:00Z");
    let rows = ask(serving, &format!("{path}&format=ndjson"));
    assert_eq!(rows.headers["vigie-untold"], "0");
    let rows: Vec<Value> = (rows.text().lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(rows.iter().all(|row| row["known_at"] == EARLY), "{rows:?}");
    let told: Vec<Value> = rows.iter().map(|row| row["mean"].clone()).collect();
    assert_eq!(
        Value::from(told),
        ask(serving, &path).json()["series"][0]["mean"]
    );
}
