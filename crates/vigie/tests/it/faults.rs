//! What providers, disks and people do wrong, and what the user then sees.

use std::{fs, process::Stdio};

use jiff::Timestamp;
use serde_json::Value;
use vigie_testkit::{FaultKind, FaultPlan, RetryAfter, When};

use crate::support::{Lab, Ran, always, own_definition};

const ECB: &str = "ecb-eurofxref-daily";
const METAR: &str = "metar-aviationweather";
const USGS: &str = "usgs-earthquakes";
const VELIB: &str = "velib-disponibilite";

const ECB_PATH: &str = "/stats/eurofxref/eurofxref-daily.xml";
const METAR_PATH: &str = "/api/data/metar";
const VELIB_PATH: &str = "/api/explore/v2.1/catalog/datasets/velib-disponibilite-en-temps-reel/";

const NOON: &str = "2026-11-24T11:00:07Z";

fn status(code: u16, retry_after: Option<RetryAfter>) -> FaultKind {
    FaultKind::Status { code, retry_after }
}

/// The only capture of a source.
#[track_caller]
fn capture(lab: &Lab, source: &str) -> Value {
    let captures = lab.workspace.captures(source);
    assert_eq!(captures.len(), 1, "{captures:#?}");
    captures[0].clone()
}

#[track_caller]
fn outcomes(lab: &Lab, source: &str, expected: &[&str]) {
    let captures = lab.workspace.captures(source);
    let outcomes: Vec<&str> = captures
        .iter()
        .map(|one| one["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, expected, "{captures:#?}");
}

#[test]
fn a_body_lands_byte_for_byte_under_its_name_with_its_manifest() {
    let lab = Lab::new("Paris", &[ECB], FaultPlan::none());
    let out = lab.at(NOON, &["collect"]).ends(0);
    let file = "raw/ecb-eurofxref-daily/2026/11/24/ecb-eurofxref-daily_20261124T110007Z.xml";
    assert!(out.contains(&format!("data/{file}")), "{out}");
    let path = lab.workspace.path().join("data").join(file);
    let body = lab.body(ECB_PATH);
    assert_eq!(fs::read(&path).unwrap(), body);
    let manifest = path.with_extension("xml.manifest.json");
    assert_eq!(lab.workspace.files("data/raw"), [path, manifest.clone()]);
    let manifest: Value = serde_json::from_slice(&fs::read(manifest).unwrap()).unwrap();
    let capture = capture(&lab, ECB);
    assert_eq!(capture["outcome"], "landed");
    assert_eq!(capture["http_status"], 200);
    assert_eq!(capture["bytes"], body.len());
    assert_eq!(capture["file"], file);
    assert_eq!(capture["sha256"], manifest["capture"]["sha256"]);
    let slot: Timestamp = capture["slot"].as_str().unwrap().parse().unwrap();
    assert_eq!(slot, "2026-11-23T15:15:00Z".parse().unwrap());
    // What a person would ask with other tools gives the same hash.
    assert_eq!(
        manifest["capture"]["sha256"],
        vigie_store::manifest::sha256(&body)
    );

    lab.at("2026-11-24T11:05:00Z", &["summarize"]).ends(0);
    assert!(lab.workspace.files("data/raw").is_empty());
    let rates = lab.workspace.export("summaries");
    let dollar = rates.iter().find(|row| row["entity"] == "USD").unwrap();
    assert_eq!(
        (&dollar["hour"], &dollar["count"]),
        (&"2026-11-23T14:00:00+01:00".into(), &1.into())
    );
    outcomes(&lab, ECB, &["summarized"]);
}

#[test]
fn a_provider_with_validators_says_that_nothing_changed() {
    let lab = Lab::new("Paris", &[ECB], FaultPlan::none());
    // Rates of Friday evening are those of Saturday evening, which is another slot.
    lab.at("2026-11-27T17:00:00Z", &["collect", "--due"])
        .ends(0);
    let out = lab
        .at("2026-11-28T17:00:00Z", &["collect", "--due"])
        .ends(0);
    assert!(out.contains("unchanged"), "{out}");
    outcomes(&lab, ECB, &["landed", "unchanged"]);
    assert_eq!(lab.workspace.captures(ECB)[1]["http_status"], 304);
    let requests = lab.requests();
    assert!(requests[0].header("if-none-match").is_none());
    assert!(requests[1].header("if-none-match").is_some());
    // Also after the body itself is gone.
    lab.at("2026-11-28T18:00:00Z", &["summarize"]).ends(0);
    lab.at("2026-11-29T17:00:00Z", &["collect", "--due"])
        .ends(0);
    outcomes(&lab, ECB, &["summarized", "unchanged", "unchanged"]);
}

#[test]
fn without_validators_the_hash_tells_that_nothing_changed() {
    let lab = Lab::new("Paris", &[METAR], FaultPlan::none());
    lab.at("2026-11-24T11:10:59Z", &["collect", "--due"])
        .ends(0);
    lab.at("2026-11-24T11:11:00Z", &["collect", "--due"])
        .ends(0);
    outcomes(&lab, METAR, &["landed", "unchanged"]);
    assert_eq!(lab.workspace.captures(METAR)[1]["http_status"], 200);
    assert_eq!(lab.workspace.files("data/raw").len(), 2);
}

#[test]
fn what_is_due_is_asked_once_in_a_slot() {
    let lab = Lab::new("Paris", &[METAR, ECB], FaultPlan::none());
    lab.at("2026-11-24T11:01:00Z", &["collect", "--due"])
        .ends(0);
    let out = lab
        .at("2026-11-24T11:10:59Z", &["collect", "--due"])
        .ends(0);
    assert!(
        out.contains("metar-aviationweather: not asked, not due until 2026-11-24T11:11:00Z"),
        "{out}"
    );
    assert_eq!(lab.requests().len(), 2);
    lab.at("2026-11-24T11:11:00Z", &["collect", "--due"])
        .ends(0);
    assert_eq!(lab.requests().len(), 3);
}

#[test]
fn bodies_that_are_none_are_set_aside_and_the_other_sources_go_on() {
    let faults = always(VELIB_PATH, FaultKind::HtmlInstead);
    let always = When::Window(Timestamp::MIN, Timestamp::MAX);
    let faults = faults.and(METAR_PATH, FaultKind::Empty200, always);
    let lab = Lab::new("Paris", &[VELIB, METAR, ECB, USGS], faults);
    lab.at(NOON, &["collect"]).ends(1);
    for (source, word) in [(VELIB, "HTML"), (METAR, "empty")] {
        let capture = capture(&lab, source);
        assert_eq!(capture["outcome"], "quarantined");
        assert!(
            capture["reason"].as_str().unwrap().contains(word),
            "{capture}"
        );
        let kept = lab
            .workspace
            .path()
            .join("data")
            .join(capture["file"].as_str().unwrap());
        assert_eq!(
            fs::metadata(kept).unwrap().len(),
            capture["bytes"].as_u64().unwrap()
        );
    }
    outcomes(&lab, ECB, &["landed"]);
    outcomes(&lab, USGS, &["landed"]);
    lab.at(NOON, &["summarize"]).ends(0);
    outcomes(&lab, USGS, &["summarized"]);
    assert!(lab.workspace.files("data/raw").is_empty());
}

#[test]
fn a_truncated_body_lands_and_is_then_set_aside() {
    let lab = Lab::new(
        "Paris",
        &[VELIB, ECB],
        always(VELIB_PATH, FaultKind::TruncatedJson),
    );
    lab.at(NOON, &["collect"]).ends(0);
    outcomes(&lab, VELIB, &["landed"]);
    let out = lab.at(NOON, &["summarize"]).ends(1);
    assert!(
        out.contains("set aside") && out.contains("truncated"),
        "{out}"
    );
    let capture = capture(&lab, VELIB);
    assert_eq!(capture["outcome"], "quarantined");
    assert!(
        capture["reason"].as_str().unwrap().contains("truncated"),
        "{capture}"
    );
    outcomes(&lab, ECB, &["summarized"]);
    // It is no reason to fail again.
    lab.at("2026-11-24T11:30:00Z", &["summarize"]).ends(0);
}

#[test]
fn a_provider_that_asks_to_wait_is_left_alone_until_then() {
    let until: Timestamp = "2026-11-24T11:20:07Z".parse().unwrap();
    for retry_after in [RetryAfter::Seconds(1200), RetryAfter::Date(until)] {
        let faults = FaultPlan::none().and(ECB_PATH, status(503, Some(retry_after)), When::Once);
        let lab = Lab::new("Paris", &[ECB], faults);
        lab.at(NOON, &["collect", "--due"]).ends(1);
        assert_eq!(capture(&lab, ECB)["http_status"], 503);
        outcomes(&lab, ECB, &["failed"]);
        for arguments in [&["collect", "--due"][..], &["collect", ECB]] {
            let out = lab.at("2026-11-24T11:20:06Z", arguments).ends(0);
            let said = "the provider asked to wait until 2026-11-24T11:20:07Z";
            assert!(out.contains(said), "{out}");
        }
        assert_eq!(lab.requests().len(), 1, "{retry_after:?}");
        lab.at("2026-11-24T11:20:07Z", &["collect", "--due"])
            .ends(0);
        outcomes(&lab, ECB, &["failed", "landed"]);
    }
}

#[test]
fn answers_that_end_badly_are_failures_with_a_reason() {
    let settings = [
        ("http", "timeout_seconds = 1"),
        ("http", "body_bytes_max = 100000"),
    ];
    for (kind, words) in [
        (FaultKind::ResetMidBody, &["body"][..]),
        (
            FaultKind::RedirectLoop,
            &["more redirects than http.redirects_max = 5"],
        ),
        (
            FaultKind::GzipBomb {
                expands_to_bytes: 50_000_000,
            },
            &["http.body_bytes_max = 100000"],
        ),
        (
            FaultKind::HugeContentLength,
            &["10000000000", "http.body_bytes_max = 100000"],
        ),
        (
            FaultKind::SlowBody {
                bytes_per_second: 100,
            },
            &["timed out"],
        ),
        (status(429, None), &["429"]),
    ] {
        let lab = Lab::new("Paris", &[ECB, METAR], always(ECB_PATH, kind.clone()));
        for (table, line) in settings {
            lab.workspace.configure(table, line);
        }
        let out = lab.at(NOON, &["collect"]).ends(1);
        let capture = capture(&lab, ECB);
        assert_eq!(capture["outcome"], "failed", "{kind:?}");
        let reason = capture["reason"].as_str().unwrap();
        assert!(
            words.iter().all(|word| reason.contains(word)),
            "{kind:?}: {reason}"
        );
        assert!(out.contains(reason), "{out}");
        assert_eq!(capture["file"], Value::Null);
        outcomes(&lab, METAR, &["landed"]);
        assert_eq!(lab.workspace.files("data/raw/ecb-eurofxref-daily").len(), 0);
    }
}

#[test]
fn a_provider_that_is_not_there_is_a_failure_with_a_reason() {
    let lab = Lab::new("Paris", &[ECB, METAR], FaultPlan::none());
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    lab.workspace
        .reconfigure(&lab.base_url(), &format!("http://{closed}"));
    lab.at(NOON, &["collect"]).ends(1);
    let capture = capture(&lab, ECB);
    assert_eq!(capture["outcome"], "failed");
    assert!(
        capture["reason"].as_str().unwrap().contains("refused"),
        "{capture}"
    );
    outcomes(&lab, METAR, &["landed"]);
}

#[test]
fn pauses_after_failures_grow_and_are_kept_between_runs() {
    let lab = Lab::new("Paris", &[METAR], always(METAR_PATH, status(503, None)));
    let due = |time: &str, code: i32, requests: usize| {
        let ran = lab.at(time, &["collect", "--due"]);
        assert_eq!(lab.requests().len(), requests, "at {time}: {ran:?}");
        ran.ends(code)
    };
    due("2026-11-24T11:01:00Z", 1, 1);
    // The first pause is 15 to 25 seconds, the second 30 to 50, the third 60 to 100.
    let out = due("2026-11-24T11:01:14Z", 0, 1);
    assert!(out.contains("backing off after failures until"), "{out}");
    due("2026-11-24T11:01:25Z", 1, 2);
    due("2026-11-24T11:01:54Z", 0, 2);
    due("2026-11-24T11:02:15Z", 1, 3);
    due("2026-11-24T11:03:14Z", 0, 3);
    // A person who asks does not wait for our own pauses.
    lab.at("2026-11-24T11:03:14Z", &["collect", METAR]).ends(1);
    assert_eq!(lab.requests().len(), 4);
}

#[test]
fn published_limits_are_kept_between_runs() {
    let lab = Lab::new("Paris", &["mine"], FaultPlan::none());
    let access = r#"{ kind = "open", limits = [{ requests = 2, per = "1h" }] }"#;
    fs::create_dir(lab.workspace.path().join("sources")).unwrap();
    fs::write(
        lab.workspace.path().join("sources/mine.toml"),
        own_definition("", access),
    )
    .unwrap();
    lab.at("2026-11-24T11:00:00Z", &["collect"]).ends(0);
    lab.at("2026-11-24T11:10:00Z", &["collect"]).ends(0);
    for arguments in [
        &["collect"][..],
        &["collect", "mine"],
        &["collect", "--due"],
    ] {
        let out = lab.at("2026-11-24T11:59:59Z", arguments).ends(0);
        assert!(
            out.contains("the published limit is reached until 2026-11-24T12:00:00Z"),
            "{out}"
        );
    }
    assert_eq!(lab.requests().len(), 2);
    lab.at("2026-11-24T12:00:00Z", &["collect"]).ends(0);
    assert_eq!(lab.requests().len(), 3);
}

#[test]
fn a_source_is_collected_by_one_run_at_a_time() {
    let slow = FaultKind::SlowBody {
        bytes_per_second: 1_000,
    };
    let lab = Lab::new("Paris", &[ECB], always(ECB_PATH, slow));
    let mut command = lab.command_at(NOON, &["collect"]);
    let first = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while lab.requests().is_empty() {
        std::thread::yield_now();
    }
    let out = lab.at(NOON, &["collect"]).ends(4);
    assert!(out.contains("another run holds the lock"), "{out}");
    Ran::of(first.wait_with_output().unwrap()).ends(0);
    assert_eq!(lab.requests().len(), 1);
    outcomes(&lab, ECB, &["landed"]);
}

#[test]
fn what_people_leave_in_the_landing_zone_harms_nobody() {
    let lab = Lab::new("Paris", &[ECB, USGS], FaultPlan::none());
    lab.at(NOON, &["collect"]).ends(0);
    let landed = capture(&lab, ECB)["file"]
        .as_str()
        .unwrap()
        .replace("T110007Z", "T100000Z");
    let empty = lab.workspace.path().join("data").join(&landed);
    fs::write(&empty, "").unwrap();
    let notes = empty.with_file_name("notes.txt");
    fs::write(&notes, "mine").unwrap();
    let doctor = lab.at(NOON, &["doctor"]).ends(1);
    assert!(
        doctor.contains("notes.txt: not a raw file of Vigie"),
        "{doctor}"
    );
    assert!(
        doctor.contains(&format!("data/{landed}: an empty file")),
        "{doctor}"
    );

    let ran = lab.at(NOON, &["summarize"]);
    assert!(ran.err.contains("notes.txt"), "{ran:#?}");
    let out = ran.ends(1);
    let aside = out.lines().find(|line| line.contains("set aside")).unwrap();
    assert!(
        aside.contains(&landed) && aside.contains("empty"),
        "{aside}"
    );
    assert_eq!(lab.workspace.files("data/raw"), [notes]);
    outcomes(&lab, ECB, &["quarantined", "summarized"]);
    outcomes(&lab, USGS, &["summarized"]);
}

#[test]
fn a_source_that_cannot_be_summarised_does_not_stop_the_others() {
    let lab = Lab::new("Paris", &[ECB, USGS], FaultPlan::none());
    lab.at(NOON, &["collect"]).ends(0);
    let folder = lab.workspace.path().join("data/raw").join(ECB);
    let away = lab.workspace.path().join("away");
    fs::rename(&folder, &away).unwrap();
    fs::write(&folder, "a file where a folder should be").unwrap();
    let out = lab.at(NOON, &["summarize"]).ends(1);
    assert!(out.contains(&format!("{ECB}: not summarised")), "{out}");
    outcomes(&lab, USGS, &["summarized"]);

    fs::remove_file(&folder).unwrap();
    fs::rename(&away, &folder).unwrap();
    lab.at(NOON, &["summarize"]).ends(0);
    outcomes(&lab, ECB, &["summarized"]);
}

#[test]
fn a_raw_file_that_was_edited_is_set_aside() {
    let lab = Lab::new("Paris", &[ECB, USGS], FaultPlan::none());
    lab.at(NOON, &["collect"]).ends(0);
    let path = lab
        .workspace
        .path()
        .join("data")
        .join(capture(&lab, ECB)["file"].as_str().unwrap());
    let edited = fs::read_to_string(&path)
        .unwrap()
        .replacen("rate='1", "rate='2", 1);
    fs::write(&path, &edited).unwrap();
    lab.at(NOON, &["summarize"]).ends(1);
    let capture = capture(&lab, ECB);
    assert_eq!(capture["outcome"], "quarantined");
    assert!(
        capture["reason"].as_str().unwrap().contains("SHA-256"),
        "{capture}"
    );
    let kept = lab
        .workspace
        .path()
        .join("data")
        .join(capture["file"].as_str().unwrap());
    assert_eq!(fs::read_to_string(kept).unwrap(), edited);
    outcomes(&lab, USGS, &["summarized"]);
    let summaries = lab.workspace.export("summaries");
    assert!(
        summaries.iter().all(|row| row["source"] != ECB),
        "{summaries:#?}"
    );
}
