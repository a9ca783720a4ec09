//! What is missing of the past is fetched once, and says the same as if it had been collected when it happened.

use std::{collections::BTreeMap, fs};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use vigie_testkit::{FaultKind, FaultPlan, RetryAfter, When};

use crate::{
    server,
    support::{Lab, Ran, Workspace, always},
};

const USGS: &str = "usgs-earthquakes";
const ECO2MIX: &str = "eco2mix-national";
const ECB: &str = "ecb-eurofxref-daily";
const USGS_HISTORY: &str = "/fdsnws/event/1/query";

/// Three days that nobody watched, seen from a week later.
const AGO: [&str; 4] = ["--from", "2026-11-10", "--to", "2026-11-12"];
const LATER: &str = "2026-11-19T10:00:00Z";

fn lab(sources: &[&str], faults: FaultPlan) -> Lab {
    Lab::new("Paris", sources, faults)
}

fn backfill(lab: &Lab, now: &str, source: &str, more: &[&str]) -> Ran {
    lab.at(now, &[&["backfill", source], &AGO[..], more].concat())
}

/// Paths and queries that the providers were asked.
fn asked(lab: &Lab) -> Vec<String> {
    let requests = lab.requests().into_iter();
    requests.map(|request| request.target).collect()
}

/// Collects a source as the schedule would, from the first of the three days until the figures of the last are final.
fn collect_live(lab: &Lab, source: &str, every: SignedDuration) {
    let mut now: Timestamp = "2026-11-09T23:00:00Z".parse().unwrap();
    let end: Timestamp = "2026-11-13T20:00:00Z".parse().unwrap();
    while now <= end {
        lab.at(&now.to_string(), &["collect", source]).ends(0);
        now += every;
    }
    lab.at(&end.to_string(), &["summarize"]).ends(0);
}

/// The figures of the hours of the three days, without when they were fetched.
fn figures(lab: &Lab) -> Vec<Value> {
    let range = ["export", "summaries", "--format", "ndjson"];
    let text = lab.workspace.run(&[&range[..], &AGO[..]].concat()).ends(0);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn live_equals_history(source: &str, every: SignedDuration, now: &str, past: &Lab) {
    let live = lab(&[source], FaultPlan::none());
    collect_live(&live, source, every);
    backfill(past, now, source, &[]).ends(0);
    past.at(now, &["summarize"]).ends(0);
    let (live, past) = (figures(&live), figures(past));
    assert!(live.len() > 50, "{}", live.len());
    assert_eq!(live, past);
}

#[test]
fn the_figures_are_those_of_a_live_collection() {
    let past = lab(&[ECO2MIX], FaultPlan::none());
    live_equals_history(ECO2MIX, SignedDuration::from_hours(3), LATER, &past);
}

#[test]
fn a_backfill_into_mongodb_gives_the_same_figures() {
    let Some(server) = server::uri() else { return };
    let database = format!("backfill_{}", std::process::id());
    let uri = server::patient_uri(server, &database);
    let workspace = Workspace::with_store("Paris", &uri);
    let past = Lab::in_workspace(workspace, &[ECO2MIX], FaultPlan::none());
    live_equals_history(ECO2MIX, SignedDuration::from_hours(3), LATER, &past);
}

#[test]
fn rates_of_one_document_are_those_of_the_days_and_come_after_their_horizon() {
    // The horizon is a week.
    let past = lab(&[ECB], FaultPlan::none());
    let now = "2026-12-10T10:00:00Z";
    live_equals_history(ECB, SignedDuration::from_hours(12), now, &past);
}

#[test]
fn earthquakes_are_those_of_a_live_collection_but_for_withdrawn_ones() {
    let live = lab(&[USGS], FaultPlan::none());
    collect_live(&live, USGS, SignedDuration::from_hours(3));
    let past = lab(&[USGS], FaultPlan::none());
    backfill(&past, LATER, USGS, &[]).ends(0);
    past.at(LATER, &["summarize"]).ends(0);
    let events_of = |lab: &Lab| -> BTreeMap<String, Value> {
        let range = ["export", "events", "--format", "ndjson"];
        let text = lab.workspace.run(&[&range[..], &AGO[..]].concat()).ends(0);
        let lines = text.lines().map(|line| {
            let mut event: Value = serde_json::from_str(line).unwrap();
            event.as_object_mut().unwrap().remove("fetched_at");
            (event["key"].as_str().unwrap().to_owned(), event)
        });
        lines.collect()
    };
    let (mut live, past) = (events_of(&live), events_of(&past));
    assert!(past.len() > 100, "{}", past.len());
    for (key, event) in &past {
        assert_eq!(live.remove(key).as_ref(), Some(event));
    }
    assert!(live.len() * 8 < past.len(), "{live:?}");
}

#[test]
fn what_was_obtained_is_not_asked_for_again_and_only_the_gap_is() {
    let lab = lab(&[ECO2MIX], FaultPlan::none());
    let first = backfill(&lab, LATER, ECO2MIX, &[]).ends(0);
    assert!(first.contains("2026-11-09 to 2026-11-12"), "{first}");
    assert!(first.contains("1 of 1 requests obtained"), "{first}");
    // Before the rows are taken in as well as after.
    for step in ["status", "summarize", "status"] {
        let again = backfill(&lab, LATER, ECO2MIX, &[]).ends(0);
        assert!(again.contains("nothing is missing"), "{again}");
        lab.at(LATER, &[step]);
    }
    assert_eq!(asked(&lab).len(), 1, "{:?}", asked(&lab));
    let wider = [
        "backfill",
        ECO2MIX,
        "--from",
        "2026-11-07",
        "--to",
        "2026-11-14",
    ];
    lab.at(LATER, &wider).ends(0);
    let asked = asked(&lab);
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(asked[1].contains("2026-11-06T00:00:00Z") && asked[1].contains("2026-11-09T00:00:00Z"));
    assert!(asked[2].contains("2026-11-13T00:00:00Z") && asked[2].contains("2026-11-15T00:00:00Z"));
    // All of it is in the store, and no raw file is left.
    lab.at(LATER, &["summarize"]).ends(0);
    assert!(lab.workspace.files("data/raw").is_empty());
}

#[test]
fn a_day_that_was_watched_without_a_gap_is_not_asked_for() {
    let lab = lab(&[ECO2MIX], FaultPlan::none());
    lab.workspace
        .configure(&format!("sources.{ECO2MIX}"), "collect_seconds = 10800");
    collect_live(&lab, ECO2MIX, SignedDuration::from_hours(3));
    let before = asked(&lab).len();
    let said = backfill(&lab, LATER, ECO2MIX, &["--dry-run"]).ends(0);
    assert!(said.contains("0 requests would be made"), "{said}");
    assert_eq!(asked(&lab).len(), before);
}

#[test]
fn a_killed_run_is_taken_up_where_it_was() {
    for point in ["collect.landed", "collect.recorded", "collect.answered"] {
        let lab = lab(&[USGS], FaultPlan::none());
        let range = [
            "backfill",
            USGS,
            "--from",
            "2026-05-01",
            "--to",
            "2026-11-12",
        ];
        let mut command = lab.command_at(LATER, &range);
        let killed = Ran::of(
            command
                .env("VIGIE_CRASH_AT", format!("{point}#3"))
                .output()
                .unwrap(),
        );
        assert_eq!(killed.code, None, "{killed:#?}");
        let before = asked(&lab);
        assert_eq!(before.len(), 3, "{before:?}");
        lab.at(LATER, &range).ends(0);
        let mut all = asked(&lab);
        // The answer that had not landed is asked for again, and no other.
        let twice = usize::from(point == "collect.answered");
        assert_eq!(all.len(), 7 + twice, "{point}: {all:?}");
        all.dedup();
        assert_eq!(all.len(), 7, "{point}: {all:?}");
        lab.at(LATER, &["summarize"]).ends(0);
        let again = lab.at(LATER, &range).ends(0);
        assert!(again.contains("nothing is missing"), "{again}");
        assert!(lab.workspace.export("events").len() > 5_000);
    }
}

#[test]
fn a_backfill_is_no_slot_and_does_not_have_the_next_body_set_aside() {
    let lab = lab(&[USGS], FaultPlan::none());
    for minute in [0, 5, 10, 15] {
        let now = format!("2026-11-19T09:{minute:02}:30Z");
        lab.at(&now, &["collect"]).ends(0);
        lab.at(&now, &["summarize"]).ends(0);
    }
    let status = |lab: &Lab| -> Value {
        let status = lab.at("2026-11-19T09:16:00Z", &["status", "--json"]);
        serde_json::from_str(&status.out).unwrap()
    };
    let before = status(&lab);
    // Weeks of earthquakes, many times the rows of a day.
    let range = [
        "backfill",
        USGS,
        "--from",
        "2026-10-01",
        "--to",
        "2026-11-12",
    ];
    lab.at("2026-11-19T09:15:40Z", &range).ends(0);
    lab.at("2026-11-19T09:16:00Z", &["summarize"]).ends(0);
    assert_eq!(status(&lab), before);
    // What was obtained is asked for again only where that is wished.
    let dry = |again: &[&str]| {
        let arguments = [&range[..], &["--dry-run"], again].concat();
        lab.at("2026-11-19T09:16:00Z", &arguments).ends(0)
    };
    assert!(dry(&[]).contains(": 0 requests"), "{}", dry(&[]));
    assert!(!dry(&["--again"]).contains(": 0 requests"));
    let now = "2026-11-19T09:20:30Z";
    lab.at(now, &["collect"]).ends(0);
    lab.at(now, &["summarize"]).ends(0);
    let captures = lab.workspace.captures(USGS);
    assert!(
        captures
            .iter()
            .all(|capture| capture["outcome"] == "summarized")
    );
    let doctor = lab.at(now, &["doctor"]);
    assert!(!doctor.out.contains("source-silent"), "{}", doctor.out);
    let dossier = lab.at(now, &["dossier", "--lang", "en"]).ends(0);
    assert!(dossier.contains("| 5 / 5 |"), "{dossier}");
}

#[test]
fn what_is_usual_is_known_from_the_past_that_was_fetched() {
    let lab = lab(&[USGS], FaultPlan::none());
    let now = "2026-11-19T18:00:30Z";
    lab.at(now, &["collect"]).ends(0);
    lab.at(now, &["summarize"]).ends(0);
    let sentences = || {
        let report = [
            "report",
            "--date",
            "2026-11-19",
            "--format",
            "json",
            "-o",
            "-",
        ];
        let told: Value = serde_json::from_str(&lab.at(now, &report).ends(0)).unwrap();
        told["sources"][0]["sentences"].to_string()
    };
    assert!(!sentences().contains("usual"), "{}", sentences());
    let past = [
        "backfill",
        USGS,
        "--from",
        "2026-10-10",
        "--to",
        "2026-11-19",
    ];
    lab.at(now, &past).ends(0);
    lab.at(now, &["summarize"]).ends(0);
    assert!(sentences().contains("usual"), "{}", sentences());
}

#[test]
fn an_empty_answer_where_something_always_is_settles_nothing() {
    let faults = always(USGS_HISTORY, FaultKind::HalfRows { keep: 0.0 });
    let lab = lab(&[USGS], faults);
    backfill(&lab, LATER, USGS, &[]).ends(0);
    let summarized = lab.at(LATER, &["summarize"]);
    assert_eq!(summarized.code, Some(1), "{summarized:#?}");
    assert!(summarized.out.contains("set aside"), "{}", summarized.out);
    backfill(&lab, LATER, USGS, &[]).ends(0);
    assert_eq!(asked(&lab).len(), 2);
}

#[test]
fn what_fails_is_left_and_a_provider_that_asks_to_wait_is_left_alone() {
    let failing = always(
        USGS_HISTORY,
        FaultKind::Status {
            code: 500,
            retry_after: None,
        },
    );
    let broken = lab(&[USGS], failing);
    let range = [
        "backfill",
        USGS,
        "--from",
        "2026-01-01",
        "--to",
        "2026-11-12",
        "--json",
    ];
    let said: Value = serde_json::from_str(&broken.at(LATER, &range).ends(1)).unwrap();
    assert_eq!(said["obtained"], 0);
    assert_eq!(said["failures"].as_array().unwrap().len(), 3, "{said}");
    assert_eq!(asked(&broken).len(), 3);
    // What failed of the past does not keep what is due from being asked for.
    broken.at(LATER, &["collect", "--due"]).ends(0);

    let at: Timestamp = LATER.parse().unwrap();
    let window = When::Window(at, at + SignedDuration::from_secs(1));
    let kind = FaultKind::Status {
        code: 429,
        retry_after: Some(RetryAfter::Seconds(3_600)),
    };
    let busy = lab(&[USGS], FaultPlan::none().and(USGS_HISTORY, kind, window));
    let said = busy.at(LATER, &range[..6]);
    assert_eq!(said.code, Some(1), "{said:#?}");
    assert!(said.err.contains("asked to wait"), "{}", said.err);
    let early = busy.at("2026-11-19T10:30:00Z", &range[..6]);
    assert!(early.err.contains("asked to wait"), "{}", early.err);
    assert_eq!(asked(&busy).len(), 1);
    busy.at("2026-11-19T11:00:01Z", &range[..6]).ends(0);
}

#[test]
fn half_of_a_published_limit_is_left_to_what_is_due() {
    let lab = lab(&[USGS], FaultPlan::none());
    // Sixty requests an hour: thirty for a backfill of three and a half years.
    let range = [
        "backfill",
        USGS,
        "--from",
        "2023-06-01",
        "--to",
        "2026-11-12",
    ];
    let said = lab.at(LATER, &range);
    assert_eq!(said.code, Some(1), "{said:#?}");
    assert!(
        said.err.contains("half of the published limit"),
        "{}",
        said.err
    );
    assert_eq!(asked(&lab).len(), 30);
    lab.at(LATER, &["collect", "--due"]).ends(0);
    let later = lab.at("2026-11-19T11:00:01Z", &range).ends(0);
    assert!(later.contains("13 of 13"), "{later}");
}

#[test]
fn sources_without_a_history_name_those_that_have_one() {
    let lab = lab(&[USGS], FaultPlan::none());
    let refused = backfill(&lab, LATER, "velib-disponibilite", &[]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("has no history"), "{}", refused.err);
    assert!(refused.err.contains(ECO2MIX) && refused.err.contains(ECB));
    let early = [
        "backfill",
        ECO2MIX,
        "--from",
        "2020-01-01",
        "--to",
        "2020-01-02",
    ];
    let early = lab.at(LATER, &early);
    assert_eq!(early.code, Some(2));
    assert!(
        early.err.contains("its history begins on 2026-10-05"),
        "{}",
        early.err
    );
    assert!(asked(&lab).is_empty());
}

#[test]
fn a_raw_file_of_the_past_is_replayed_as_such() {
    let lab = lab(&[USGS], FaultPlan::none());
    lab.at(
        LATER,
        &[
            "backfill",
            USGS,
            "--from",
            "2026-10-01",
            "--to",
            "2026-11-12",
        ],
    )
    .ends(0);
    let folder = lab.workspace.path().join("recorded").join(USGS);
    fs::create_dir_all(&folder).unwrap();
    for path in lab.workspace.files("data/raw") {
        let name = path.file_name().unwrap().to_str().unwrap();
        let name = name.strip_prefix(&format!("{USGS}_")).unwrap();
        fs::copy(&path, folder.join(name)).unwrap();
    }
    lab.at(LATER, &["summarize"]).ends(0);
    let other = self::lab(&[USGS], FaultPlan::none());
    let replayed = ["replay", folder.to_str().unwrap()];
    let said = other.at(LATER, &replayed).ends(0);
    assert!(said.contains("0 set aside"), "{said}");
    // Two bodies of one second are named by two.
    let events = |lab: &Lab| -> Vec<Value> {
        let mut events = lab.workspace.export("events");
        for event in &mut events {
            event.as_object_mut().unwrap().remove("fetched_at");
        }
        events
    };
    assert!(events(&lab) == events(&other));
}

#[test]
fn nothing_is_asked_for_that_would_not_be_kept_or_has_no_room() {
    let lab = lab(&[USGS], FaultPlan::none());
    let now = "2026-11-19T09:00:00Z";
    lab.workspace.configure("store", "keep_events_days = 40");
    let range = [
        "backfill",
        USGS,
        "--from",
        "2026-01-01",
        "--to",
        "2026-11-12",
    ];
    let ran = lab.at(now, &[&range[..], &["--dry-run"]].concat());
    assert!(ran.err.contains("only 40 days are kept"), "{ran:?}");
    assert!(!ran.out.contains("2026-09"), "{ran:?}");
    let past = [
        "backfill",
        USGS,
        "--from",
        "2026-01-01",
        "--to",
        "2026-02-01",
    ];
    let ran = lab.at(now, &past);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("only 40 days are kept"), "{ran:?}");

    // Room for one body: it stops before the second request.
    let sizes = lab.workspace.files("data").into_iter();
    let taken: u64 = sizes.map(|path| fs::metadata(path).unwrap().len()).sum();
    let budget = format!("budget_bytes = {}", taken + 4_096);
    lab.workspace.configure("disk", &budget);
    let requests = lab.requests().len();
    let ran = lab.at(now, &range);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.err.contains("budget") || ran.out.contains("budget"),
        "{ran:?}"
    );
    assert_eq!(lab.requests().len(), requests + 1, "{ran:?}");
}
