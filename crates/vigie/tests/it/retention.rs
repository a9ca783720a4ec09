//! What is kept for some days only: `store.keep_summaries_days` and `store.keep_events_days`.

use std::{collections::BTreeSet, fs};

use jiff::{SignedDuration, Timestamp};
use vigie_testkit::FaultPlan;

use crate::support::{Lab, Workspace, own_definition};

const FIRST: &str = "2026-01-01T12:00:00Z";
/// What a station said last, in the first days; and another before anybody watched.
const DEAD: &str = "2026-01-03T06:00:00Z";
const ANCIENT: &str = "2024-06-01T06:00:00Z";
const DAYS: i64 = 51;
/// 35 days before the last of these days.
const KEPT_FROM: &str = "2026-01-16";

fn day(day: i64) -> Timestamp {
    let first: Timestamp = FIRST.parse().unwrap();
    first + SignedDuration::from_hours(24 * day)
}

/// A workspace with two sources of its own, one of observations and one of events.
fn workspace(keep: &str) -> Lab {
    let lab = Lab::new("Paris", &[], FaultPlan::none());
    let mine = own_definition("", "{ kind = \"open\" }");
    let happenings = mine
        .replace("id = \"mine\"", "id = \"happenings\"")
        .replace("model = \"observations\"", "model = \"events\"")
        .replace("entity = \"icaoId\"", "key = \"icaoId\"");
    let folder = lab.workspace.path().join("sources");
    fs::create_dir_all(&folder).unwrap();
    for (id, text) in [("mine", mine), ("happenings", happenings)] {
        fs::write(folder.join(format!("{id}.toml")), text).unwrap();
        lab.workspace
            .configure(&format!("sources.{id}"), "enabled = true");
    }
    if !keep.is_empty() {
        lab.workspace.configure("store", keep);
    }
    lab
}

/// Writes a recorded body of each source, fetched at a time, with what was observed at these times.
fn record(folder: &str, lab: &Lab, fetched_at: Timestamp, rows: &[(String, Timestamp)]) {
    let body: Vec<String> = rows
        .iter()
        .map(|(id, at)| {
            let at = at.as_second();
            format!(r#"{{"icaoId":"{id}","obsTime":{at},"temp":{}}}"#, at % 40)
        })
        .collect();
    let name = fetched_at.strftime("%Y%m%dT%H%M%SZ.json").to_string();
    for source in ["mine", "happenings"] {
        let place = lab.workspace.path().join(folder).join(source);
        fs::create_dir_all(&place).unwrap();
        let rows = body.iter().filter(|row| match source {
            "mine" => row.contains("LFP"),
            _ => !row.contains("LFPG"),
        });
        let rows: Vec<&str> = rows.map(String::as_str).collect();
        fs::write(place.join(&name), format!("[{}]", rows.join(","))).unwrap();
    }
}

/// What is said on a day: a station that is alive, one that repeats its last report, one that always did; and all that happened, a
/// thing a day, since the first.
fn said_on(number: i64) -> Vec<(String, Timestamp)> {
    let at = |day: Timestamp| day - SignedDuration::from_mins(30);
    let mut rows = vec![
        ("LFPG".to_owned(), at(day(number))),
        ("LFPA".to_owned(), ANCIENT.parse().unwrap()),
    ];
    let dead: Timestamp = DEAD.parse().unwrap();
    if dead < day(number) {
        rows.push(("LFPD".to_owned(), dead));
    }
    rows.extend((0..=number).map(|of| {
        let at = at(day(of));
        (at.strftime("E%Y%m%d").to_string(), at)
    }));
    rows
}

/// Lets the days pass in portions, each summarised at its end.
fn live(lab: &Lab, portions: &[i64]) -> Vec<String> {
    let mut outs = Vec::new();
    let mut next = 0;
    for (portion, last) in portions.iter().enumerate() {
        let folder = format!("recorded-{portion}");
        for number in next..=*last {
            record(&folder, lab, day(number), &said_on(number));
        }
        next = last + 1;
        outs.push(lab.workspace.run(&["replay", &folder]).ends(0));
    }
    outs
}

fn exported(workspace: &Workspace) -> [String; 2] {
    ["summaries", "events"].map(|what| workspace.exported(what))
}

/// The entities or keys of an export, and the days that it speaks of.
fn entities_and_days(workspace: &Workspace, what: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let (name, time) = match what {
        "summaries" => ("entity", "hour"),
        _ => ("key", "observed_at"),
    };
    let lines = workspace.export(what).into_iter();
    let lines = lines.filter(|line| line["entity"] != "*");
    lines
        .map(|line| {
            let text = |key: &str| line[key].as_str().unwrap().to_owned();
            (text(name), text(time)[..10].to_owned())
        })
        .unzip()
}

#[test]
fn what_is_older_than_is_kept_goes_and_never_comes_back() {
    let keep = "keep_summaries_days = 35\nkeep_events_days = 35";
    let at_once = workspace(keep);
    live(&at_once, &[DAYS - 1]);
    let by_day = workspace(keep);
    let outs = live(&by_day, &(0..DAYS).collect::<Vec<_>>());
    assert!(
        exported(&at_once.workspace) == exported(&by_day.workspace),
        "what is kept depends on when it was summarised"
    );
    let (stations, days) = entities_and_days(&by_day.workspace, "summaries");
    assert_eq!(stations.into_iter().collect::<Vec<_>>(), ["LFPG"]);
    assert_eq!(
        (days.len(), days.first().unwrap().as_str()),
        (36, KEPT_FROM)
    );
    let (_, days) = entities_and_days(&by_day.workspace, "events");
    assert_eq!(
        (days.len(), days.first().unwrap().as_str()),
        (36, KEPT_FROM)
    );

    // Everything else is as if nothing were too old: no body is set aside, no row counts as refused, and the tombstone says it.
    for lab in [&at_once, &by_day] {
        assert!(lab.workspace.files("data/quarantine").is_empty());
        let captures = lab.workspace.captures("mine");
        assert_eq!(captures.len(), DAYS as usize);
        for capture in &captures {
            assert_eq!(capture["outcome"], "summarized");
            assert_eq!(capture["refused_rows"], 0, "{capture}");
        }
        let last = captures.last().unwrap();
        assert_eq!(last["rows"], 1);
        assert_eq!(last["reason"], "2 rows older than what the store keeps");
    }
    // The last report of a station is taken while it is young: the first days have two rows.
    assert_eq!(by_day.workspace.captures("mine")[5]["rows"], 2);
    // Replayed once more, by the clock of then, the bodies of the first days stay until the next summary.
    for folder in ["recorded-0", "recorded-20"] {
        by_day.workspace.run(&["replay", folder]).ends(0);
    }
    by_day
        .at(&day(DAYS - 1).to_string(), &["summarize"])
        .ends(0);
    assert!(exported(&at_once.workspace) == exported(&by_day.workspace));
    assert!(
        outs.iter().all(|out| out.contains("0 set aside")),
        "{outs:?}"
    );

    let everything = workspace("");
    live(&everything, &[20, DAYS - 1]);
    let (stations, days) = entities_and_days(&everything.workspace, "summaries");
    assert_eq!((stations.len(), days.len()), (3, DAYS as usize + 1));
}

#[test]
fn a_clock_that_is_wrong_costs_nothing_of_what_is_kept() {
    let lab = workspace("keep_summaries_days = 35\nkeep_events_days = 35");
    live(&lab, &[DAYS - 1]);
    let expected = exported(&lab.workspace);
    for clock in ["2100-01-01T00:00:00Z", "1970-01-01T00:00:10Z"] {
        let out = lab.at(clock, &["summarize"]).ends(0);
        assert!(!out.contains("no longer kept"), "{out}");
        assert!(exported(&lab.workspace) == expected, "{clock}");
    }
    // Fetched by a clock that is a lifetime ahead: the rows are of their day, and move what is kept by that day.
    record(
        "wrong",
        &lab,
        "2100-01-01T00:00:00Z".parse().unwrap(),
        &said_on(DAYS),
    );
    lab.workspace.run(&["replay", "wrong"]).ends(0);
    for what in ["summaries", "events"] {
        let (_, days) = entities_and_days(&lab.workspace, what);
        let ends = (
            days.first().unwrap().as_str(),
            days.last().unwrap().as_str(),
        );
        assert_eq!(
            (days.len(), ends),
            (36, ("2026-01-17", "2026-02-21")),
            "{what}"
        );
    }
}

#[test]
fn what_is_kept_is_checked_against_the_sources_and_said() {
    let lab = Lab::new("Paris", &["eco2mix-national"], FaultPlan::none());
    lab.workspace.configure("store", "keep_summaries_days = 40");
    let ran = lab.workspace.run(&["summarize"]);
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    let expected = "store.keep_summaries_days = 40: what `eco2mix-national` says may still change; keep at least 46 days";
    assert!(ran.err.contains(expected), "{}", ran.err);
    lab.workspace
        .reconfigure("keep_summaries_days = 40", "keep_summaries_days = 46");
    lab.at(FIRST, &["summarize"]).ends(0);
    let doctor = lab.at(FIRST, &["doctor"]).out;
    assert!(
        doctor.contains("summaries kept 46 days, events for ever"),
        "{doctor}"
    );
    let dossier = lab.at(FIRST, &["dossier", "--lang", "fr"]).ends(0);
    let expected = "Les résumés sont gardés 46 jours, les événements sans limite de durée.";
    assert!(dossier.contains(expected), "{dossier}");
    let status = lab.at(FIRST, &["status", "--json"]).out;
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(
        status["kept_days"],
        serde_json::json!({ "summaries": 46, "events": null })
    );
}
