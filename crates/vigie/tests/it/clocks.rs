//! Clocks that are wrong or set anew, and the hours of every kind of day.

use std::{collections::BTreeMap, fs};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use vigie_testkit::FaultPlan;

use crate::{
    oracle,
    support::{Lab, Workspace},
};

const ECB: &str = "ecb-eurofxref-daily";
const METAR: &str = "metar-aviationweather";
const USGS: &str = "usgs-earthquakes";
const SOURCES: [&str; 3] = [ECB, METAR, USGS];

/// The observations that exports say there were, per source.
fn counts(lab: &Lab) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for line in lab.workspace.export("summaries") {
        let source = line["source"].as_str().unwrap().to_owned();
        *counts.entry(source).or_default() += line["count"].as_u64().unwrap();
    }
    counts
}

#[test]
fn a_clock_that_is_set_back_and_forward_loses_nothing_and_invents_nothing() {
    let times = [
        "2026-11-24T10:00:00Z",
        "2026-11-24T10:40:00Z",
        "2026-11-24T11:20:00Z",
        "2026-11-24T11:50:00Z",
    ];
    let straight = Lab::new("Paris", &SOURCES, FaultPlan::none());
    for time in times {
        straight.at(time, &["collect"]).ends(0);
    }
    straight.at(times[3], &["summarize"]).ends(0);
    let expected = ["summaries", "events"].map(|what| straight.workspace.exported(what));
    // The same bodies at the same times, summarised by a clock that is hours behind, and days or a century ahead.
    for clocks in [
        [
            "2026-11-24T10:00:00Z",
            "2026-11-24T04:00:00Z",
            "1970-01-01T00:00:10Z",
            "2026-11-24T11:50:00Z",
        ],
        [
            "2026-11-24T10:00:00Z",
            "2026-12-24T04:00:00Z",
            "2100-01-01T00:00:00Z",
            "2026-11-24T11:50:00Z",
        ],
    ] {
        let lab = Lab::new("Paris", &SOURCES, FaultPlan::none());
        for (time, clock) in times.into_iter().zip(clocks) {
            lab.at(time, &["collect"]).ends(0);
            lab.at(clock, &["summarize"]).ends(0);
            // Whatever the clock says, every command gives an answer.
            assert!(matches!(lab.at(clock, &["status"]).code, Some(0 | 1)));
        }
        assert!(lab.workspace.files("data/raw").is_empty());
        for (what, expected) in ["summaries", "events"].into_iter().zip(&expected) {
            assert!(
                lab.workspace.exported(what) == *expected,
                "{clocks:?}: {what}"
            );
        }
    }
}

#[test]
fn names_stay_unique_when_the_same_second_comes_again() {
    let lab = Lab::new("Paris", &[METAR], FaultPlan::none());
    // Three different answers at one and the same second by our clock.
    let second = "2026-11-24T11:00:00Z";
    for provider in [
        "2026-11-24T09:00:00Z",
        "2026-11-24T10:00:00Z",
        "2026-11-24T11:00:00Z",
    ] {
        drop(lab.command_at(provider, &[]));
        let mut command = lab.workspace.command(&["collect", "--now", second]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    let captures = lab.workspace.captures(METAR);
    let landed: Vec<&str> = captures
        .iter()
        .filter_map(|one| one["file"].as_str())
        .collect();
    assert_eq!(landed.len(), 3, "{captures:#?}");
    assert!(landed[0] != landed[1] && landed[1] != landed[2] && landed[0] != landed[2]);
    assert!(
        captures
            .iter()
            .all(|one| one["started_at"] == captures[0]["started_at"])
    );
    lab.at(second, &["summarize"]).ends(0);
    assert!(lab.workspace.files("data/raw").is_empty());
}

#[test]
fn a_clock_a_lifetime_ahead_does_not_silence_a_source_once_it_is_set_right() {
    for wrong in ["2100-01-01T00:00:00Z", "1970-01-01T00:10:00Z"] {
        let lab = Lab::new("Paris", &[METAR], FaultPlan::none());
        // The provider's clock is right, ours is not: an answer, and one that does not come.
        drop(lab.command_at("2026-11-24T09:00:00Z", &[]));
        let collect = |now: &str, due: bool| {
            let arguments = ["collect", "--now", now, "--due"];
            let arguments = if due { &arguments[..] } else { &arguments[..3] };
            lab.workspace.run(arguments)
        };
        collect(wrong, false).ends(0);
        let base = lab.base_url();
        lab.workspace.reconfigure(&base, "http://127.0.0.1:1");
        let after: Timestamp = wrong.parse().unwrap();
        let after = after
            .checked_add(SignedDuration::from_mins(20))
            .unwrap()
            .to_string();
        collect(&after, true).ends(1);
        lab.workspace.reconfigure("http://127.0.0.1:1", &base);
        // Set right.
        for (time, outcome) in [
            ("2026-11-24T10:00:00Z", "data/raw"),
            ("2026-11-24T10:30:00Z", "data/raw"),
        ] {
            drop(lab.command_at(time, &[]));
            let out = collect(time, true).ends(0);
            assert!(out.contains(outcome), "{wrong}: {out}");
        }
        // What was fetched in 1970 says what is yet to come: it is set aside, and the others count.
        let ran = lab.at("2026-11-24T10:31:00Z", &["summarize"]);
        let expected = i32::from(wrong.starts_with("1970"));
        assert_eq!(ran.code, Some(expected), "{ran:#?}");
        assert!(lab.workspace.files("data/raw").is_empty());
        let status = lab.at("2026-11-24T10:31:00Z", &["status", "--json"]);
        assert!(matches!(status.code, Some(0 | 1)), "{status:#?}");
        assert!(counts(&lab)[METAR] > 0);
    }
}

/// When a local hour really began: where the clocks change by half an hour, some hours have only their second half.
fn began(hour: &str, tz: &TimeZone) -> String {
    let written: Timestamp = hour.parse().unwrap();
    let offset = &hour[19..];
    for minutes in [0, 30] {
        let at = written
            .checked_add(SignedDuration::from_mins(minutes))
            .unwrap();
        let local = at.to_zoned_datetime(tz.clone());
        if local.strftime("%:z").to_string() == offset {
            return local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
        }
    }
    panic!("{hour} is no hour of this zone");
}

/// A workspace in a time zone that collects the weather through a day's turn, and the same computed by plain loops.
fn a_day(zone: &str, first: &str, hours: i64) {
    let workspace = Workspace::new("Paris");
    workspace.reconfigure(
        "time_zone = \"Europe/Paris\"",
        &format!("time_zone = \"{zone}\""),
    );
    let lab = Lab::in_workspace(workspace, &[METAR], FaultPlan::none());
    let first: Timestamp = first.parse().unwrap();
    let mut bodies = Vec::new();
    for half_hour in 0..=2 * hours {
        let time = first
            .checked_add(SignedDuration::from_mins(30 * half_hour))
            .unwrap();
        let out = lab.at(&time.to_string(), &["collect"]).ends(0);
        if out.contains("data/raw") {
            let file = lab.workspace.captures(METAR).pop().unwrap();
            let path = lab
                .workspace
                .path()
                .join("data")
                .join(file["file"].as_str().unwrap());
            bodies.push(oracle::metar(&fs::read(path).unwrap()));
        }
        if half_hour % 3 == 0 {
            lab.at(&time.to_string(), &["summarize"]).ends(0);
        }
    }
    // Some are summarised in the middle, and everything is sealed at the end.
    lab.at(
        &first
            .checked_add(SignedDuration::from_hours(24 * 30))
            .unwrap()
            .to_string(),
        &["summarize"],
    )
    .ends(0);
    assert!(bodies.len() > 4, "{zone}: {} bodies", bodies.len());
    let tz = TimeZone::get(zone).unwrap();
    let expected: BTreeMap<oracle::Key, _> = oracle::summarise(bodies, zone)
        .into_iter()
        .map(|((entity, measure, hour), figures)| ((entity, measure, began(&hour, &tz)), figures))
        .collect();
    let mut found = BTreeMap::new();
    for line in lab.workspace.export("summaries") {
        let text = |key: &str| line[key].as_str().unwrap().to_owned();
        let figure = |key: &str| line[key].as_f64();
        let figures = [
            figure("min"),
            figure("max"),
            figure("first"),
            figure("last"),
        ];
        found.insert(
            (text("entity"), text("measure"), text("hour")),
            (line["count"].as_u64().unwrap(), figures),
        );
    }
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>(),
        "{zone}"
    );
    for (key, figures) in &expected {
        let (count, [min, max, first, last]) = &found[key];
        assert_eq!(*count, figures.count, "{zone}: {key:?}");
        let near = |ours: &Option<f64>, theirs: Option<f64>| match (ours, theirs) {
            (Some(ours), Some(theirs)) => (ours - theirs).abs() < 1e-9,
            (ours, theirs) => ours.is_none() && theirs.is_none(),
        };
        assert!(
            near(min, figures.min) && near(max, figures.max),
            "{zone}: {key:?}: {min:?}..{max:?}, {figures:?}"
        );
        assert!(
            near(first, Some(figures.first)) && near(last, Some(figures.last)),
            "{zone}: {key:?}"
        );
    }
}

#[test]
fn the_days_on_which_the_clocks_change_in_paris_have_their_hours() {
    a_day("Europe/Paris", "2026-03-28T23:00:00Z", 5);
    a_day("Europe/Paris", "2026-10-24T22:00:00Z", 5);
}

#[test]
fn zones_with_half_hours_have_whole_local_hours() {
    a_day("Asia/Kolkata", "2026-11-24T17:00:00Z", 4);
    // Half an hour forward, and half an hour back.
    a_day("Australia/Lord_Howe", "2026-10-03T14:00:00Z", 4);
    a_day("Australia/Lord_Howe", "2026-04-04T13:00:00Z", 4);
}

#[test]
fn a_leap_day_and_the_end_of_a_year_are_days_like_others() {
    a_day("Europe/Paris", "2028-02-28T21:30:00Z", 4);
    a_day("Europe/Paris", "2028-02-29T21:30:00Z", 3);
    a_day("Europe/Paris", "2026-12-31T21:30:00Z", 4);
}
