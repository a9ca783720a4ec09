use std::{
    fs::{self, File},
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use tempfile::TempDir;
use vigie_core::{
    capture::{Capture, Outcome},
    text::SourceId,
};

use super::*;

const BODY: &[u8] = b"{\"nom\": \"V\xC3\xA9lib\"}\r\n\0\xEF\xFF";
const FILE: &str = "raw/velib/2026/11/23/velib_20261123T100500Z.json";

struct Zone {
    folder: TempDir,
    landing: Landing,
}

impl Zone {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let landing = Landing::new(folder.path().join("data"));
        Self { folder, landing }
    }

    fn land(&self, at: &str, body: &[u8]) -> Landed {
        let answer = Answer::default().with_headers([("etag", "\"7\"")]);
        self.landing
            .land(&capture(at), &json(), body, &answer)
            .unwrap()
    }

    fn drop_file(&self, file: &str, body: &[u8]) {
        durable::write(&self.landing.path(file), body).unwrap();
    }

    fn raw(&self) -> Vec<RawFile> {
        self.landing.pending(&velib()).unwrap().raw
    }

    /// Every file below the data folder.
    fn files(&self) -> Vec<String> {
        fn walk(path: &Path, prefix: &str, files: &mut Vec<String>) {
            for entry in fs::read_dir(path).into_iter().flatten() {
                let entry = entry.unwrap();
                let name = format!("{prefix}{}", entry.file_name().into_string().unwrap());
                if entry.path().is_dir() {
                    walk(&entry.path(), &format!("{name}/"), files);
                } else {
                    files.push(name);
                }
            }
        }
        let mut files = Vec::new();
        walk(&self.landing.path(""), "", &mut files);
        files.sort();
        files
    }

    fn make_old(&self, file: &str) {
        let path = self.landing.path(file);
        let hours_ago = self.disk_now() - Duration::from_hours(2);
        File::open(path).unwrap().set_modified(hours_ago).unwrap();
    }

    /// The time by the disk's own clock.
    fn disk_now(&self) -> SystemTime {
        let probe = self.folder.path().join("probe");
        durable::write(&probe, b"").unwrap();
        fs::metadata(probe).unwrap().modified().unwrap()
    }
}

fn velib() -> SourceId {
    SourceId::new("velib").unwrap()
}

fn json() -> Extension {
    Extension::new("json").unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn capture(started_at: &str) -> Capture {
    Capture {
        started_at: at(started_at),
        finished_at: at(started_at),
        url: "https://example.org/velib?key=***".to_owned(),
        http_status: Some(200),
        etag: Some("\"7\"".to_owned()),
        ..Capture::new(velib(), at("2026-11-23T10:05:00Z"), Outcome::Failed)
    }
}

const START: &str = "2026-11-23T10:05:00.25Z";

#[test]
fn a_body_lands_byte_for_byte_with_its_manifest() {
    let zone = Zone::new();
    let landed = zone.land(START, BODY);
    assert_eq!((landed.how, landed.file.as_str()), (How::New, FILE));
    assert_eq!(fs::read(zone.landing.path(FILE)).unwrap(), BODY);
    assert_eq!(
        zone.files(),
        [FILE.to_owned(), format!("{FILE}.manifest.json")]
    );

    let raw = zone.raw();
    assert_eq!(raw.len(), 1);
    assert!(raw[0].has_manifest);
    let (capture, body) = zone.landing.read(&raw[0], 1000).unwrap();
    assert_eq!(body, BODY);
    assert_eq!(capture, landed.capture);
    assert_eq!(capture.outcome, Outcome::Landed);
    assert_eq!(capture.started_at, at(START));
    let manifest = zone.landing.manifest(&raw[0]).unwrap().unwrap();
    assert_eq!(manifest.answer.headers["etag"], "\"7\"");
}

#[test]
fn landing_again_is_the_same_landing_and_another_body_gets_the_next_second() {
    let zone = Zone::new();
    zone.land("2026-11-23T23:59:59.1Z", BODY);
    let again = zone.land("2026-11-23T23:59:59.1Z", BODY);
    assert_eq!(again.how, How::AlreadyThere);
    let other = zone.land("2026-11-23T23:59:59.7Z", b"other");
    assert_eq!(other.how, How::NextSecond);
    assert_eq!(
        other.file,
        "raw/velib/2026/11/24/velib_20261124T000000Z.json"
    );
    assert_eq!(other.capture.started_at, at("2026-11-23T23:59:59.7Z"));
    let raw = zone.raw();
    assert_eq!(raw.len(), 2);
    let bodies: Vec<Vec<u8>> = raw
        .iter()
        .map(|raw| zone.landing.read(raw, 1000).unwrap().1)
        .collect();
    assert_eq!(bodies, [BODY, b"other"]);
}

#[test]
fn a_minute_of_taken_names_is_an_error_and_not_an_endless_search() {
    let zone = Zone::new();
    for number in 0..=SECONDS_LATER_MAX {
        zone.land(START, number.to_string().as_bytes());
    }
    let error = zone
        .landing
        .land(&capture(START), &json(), b"one more", &Answer::default())
        .unwrap_err();
    assert!(matches!(error, LandingError::NoFreeName { .. }), "{error}");
    assert_eq!(zone.raw().len() as u64, SECONDS_LATER_MAX as u64 + 1);
}

#[test]
fn a_landing_killed_before_the_body_s_rename_is_no_raw_file_and_is_finished_by_the_same_body() {
    let zone = Zone::new();
    zone.land(START, BODY);
    fs::remove_file(zone.landing.path(FILE)).unwrap();
    assert_eq!(zone.landing.pending(&velib()).unwrap(), Pending::default());
    let again = zone.land(START, BODY);
    assert_eq!((again.how, again.file.as_str()), (How::New, FILE));

    fs::remove_file(zone.landing.path(FILE)).unwrap();
    let other = zone.land(START, b"other");
    assert_eq!(other.how, How::NextSecond);
}

#[test]
fn a_sweep_takes_what_kills_left_and_only_once_it_is_old() {
    let zone = Zone::new();
    zone.land(START, BODY);
    let temporary = "raw/velib/2026/11/23/.tmp-aB3";
    let alone = "raw/velib/2026/11/22/velib_20261122T100500Z.json.manifest.json";
    let foreign = "raw/velib/2026/11/23/notes.txt";
    for file in [temporary, alone, foreign] {
        zone.drop_file(file, b"{}");
    }
    let now = zone.disk_now();
    assert_eq!(zone.landing.sweep(&velib(), now).unwrap(), Swept::default());
    for file in [temporary, alone, foreign, FILE] {
        zone.make_old(file);
    }
    let swept = zone.landing.sweep(&velib(), now).unwrap();
    assert_eq!((swept.temporary, swept.manifests), (1, 1));
    assert_eq!(
        zone.files(),
        [
            foreign.to_owned(),
            FILE.to_owned(),
            format!("{FILE}.manifest.json")
        ]
    );
    let pending = zone.landing.pending(&velib()).unwrap();
    assert_eq!(pending.raw.len(), 1);
    assert_eq!(pending.foreign, [foreign]);
    // A clock that was set back makes nothing old.
    zone.drop_file(temporary, b"");
    let past = now - Duration::from_hours(24);
    assert_eq!(
        zone.landing.sweep(&velib(), past).unwrap(),
        Swept::default()
    );
}

#[test]
fn empty_folders_go_and_come_back() {
    let zone = Zone::new();
    zone.land(START, BODY);
    zone.landing.remove(&zone.raw()[0]).unwrap();
    let later = zone.disk_now() + Duration::from_hours(2);
    // The day, then the month that held it, then the year: each is old enough two hours later.
    let swept = zone.landing.sweep(&velib(), later).unwrap();
    assert_eq!(swept.folders, 3);
    assert!(!zone.landing.path("raw/velib/2026").exists());
    assert_eq!(zone.land(START, BODY).how, How::New);
}

#[test]
fn a_file_that_someone_dropped_is_adopted_and_others_are_left_alone() {
    let zone = Zone::new();
    zone.drop_file(FILE, b"");
    zone.drop_file("raw/velib/velib_20261122T235959Z.csv", b"a;b");
    zone.drop_file("raw/velib/2026/11/23/métro_20261123T100500Z.json", b"x");
    zone.drop_file(
        "raw/velib/2026/11/23/deeper/velib_20261123T100500Z.json",
        b"x",
    );
    let pending = zone.landing.pending(&velib()).unwrap();
    assert_eq!(pending.foreign.len(), 2, "{:?}", pending.foreign);
    let files: Vec<&str> = pending.raw.iter().map(|raw| raw.file.as_str()).collect();
    assert_eq!(files, ["raw/velib/velib_20261122T235959Z.csv", FILE]);
    let (capture, body) = zone.landing.read(&pending.raw[1], 10).unwrap();
    assert_eq!(body, b"");
    assert_eq!(capture.started_at, at("2026-11-23T10:05:00Z"));
    assert_eq!(capture.reason.as_deref(), Some(ADOPTED));
    assert_eq!(capture.sha256, Some(manifest::sha256(b"")));
    // What is read again later gives the same capture.
    assert_eq!(zone.landing.read(&pending.raw[1], 10).unwrap().0, capture);
}

#[test]
fn a_body_or_manifest_edited_by_hand_is_told() {
    let zone = Zone::new();
    zone.land(START, BODY);
    zone.drop_file(FILE, b"edited");
    let error = zone.landing.read(&zone.raw()[0], 1000).unwrap_err();
    assert!(matches!(error, LandingError::Altered { .. }) && error.is_body_fault());
    assert!(
        error.to_string().contains("was changed after it landed"),
        "{error}"
    );

    let other = Zone::new();
    other.land(START, BODY);
    other.drop_file(&format!("{FILE}.manifest.json"), b"{\"format\": 1, \"capt");
    let error = other.landing.read(&other.raw()[0], 1000).unwrap_err();
    assert!(matches!(error, LandingError::Manifest { .. }) && error.is_body_fault());
    assert!(error.to_string().contains(FILE), "{error}");

    let foreign = Zone::new();
    foreign.land(START, BODY);
    let path = foreign.landing.path(&format!("{FILE}.manifest.json"));
    let text = fs::read_to_string(&path)
        .unwrap()
        .replace("\"velib\"", "\"metro\"");
    durable::write(&path, text.as_bytes()).unwrap();
    let error = foreign.landing.read(&foreign.raw()[0], 1000).unwrap_err();
    assert!(matches!(error, LandingError::Foreign { .. }), "{error}");
}

#[test]
fn a_body_over_the_limit_is_not_read() {
    let zone = Zone::new();
    zone.land(START, BODY);
    let raw = &zone.raw()[0];
    assert_eq!(raw.bytes, BODY.len() as u64);
    let error = zone.landing.read(raw, raw.bytes - 1).unwrap_err();
    assert!(matches!(error, LandingError::TooLarge { .. }) && error.is_body_fault());
    zone.landing.read(raw, raw.bytes).unwrap();
}

#[test]
fn quarantine_keeps_the_body_with_its_reason() {
    let zone = Zone::new();
    zone.land(START, BODY);
    let raw = zone.raw().remove(0);
    let capture = zone
        .landing
        .condemn(&raw, Cause::Html, "HTML instead of JSON")
        .unwrap();
    let file = zone.landing.quarantine(&raw, &capture).unwrap();
    assert_eq!(file, quarantine_file(FILE));
    assert_eq!(capture.file.as_ref(), Some(&file));
    assert_eq!(
        zone.files(),
        [file.clone(), format!("{file}.manifest.json")]
    );
    assert_eq!(fs::read(zone.landing.path(&file)).unwrap(), BODY);
    let bytes = fs::read(zone.landing.path(&format!("{file}.manifest.json"))).unwrap();
    let manifest = Manifest::parse(&bytes).unwrap();
    assert_eq!(manifest.capture, capture);
    assert_eq!(manifest.capture.outcome, Outcome::Quarantined);
    assert_eq!(
        manifest.capture.reason.as_deref(),
        Some("HTML instead of JSON")
    );
    assert_eq!(manifest.answer.headers["etag"], "\"7\"");
    // Run once more, as after a kill.
    assert_eq!(zone.landing.quarantine(&raw, &capture).unwrap(), file);
}

#[test]
fn a_quarantine_killed_anywhere_is_finished_by_the_next_run() {
    for killed_after in ["manifest", "body"] {
        let zone = Zone::new();
        zone.land(START, BODY);
        let raw = zone.raw().remove(0);
        let capture = zone.landing.condemn(&raw, Cause::Html, "bad").unwrap();
        let to = quarantine_file(FILE);
        let manifest = Manifest::new(capture.clone(), Answer::default());
        zone.drop_file(&format!("{to}.manifest.json"), &manifest.to_bytes());
        if killed_after == "body" {
            fs::rename(zone.landing.path(FILE), zone.landing.path(&to)).unwrap();
        }
        for raw in zone.raw() {
            zone.landing.quarantine(&raw, &capture).unwrap();
        }
        let leftover = format!("{FILE}.manifest.json");
        if killed_after == "body" {
            zone.make_old(&leftover);
            zone.landing.sweep(&velib(), zone.disk_now()).unwrap();
        }
        assert_eq!(
            zone.files(),
            [to.clone(), format!("{to}.manifest.json")],
            "{killed_after}"
        );
        assert_eq!(fs::read(zone.landing.path(&to)).unwrap(), BODY);
    }
}

#[test]
fn altered_and_adopted_bodies_can_be_put_aside_too() {
    let zone = Zone::new();
    let landed = zone.land(START, BODY);
    zone.drop_file(FILE, b"edited");
    zone.drop_file("raw/velib/2026/11/23/velib_20261123T110000Z.json", b"");
    for raw in zone.raw() {
        let capture = zone.landing.condemn(&raw, Cause::Html, "bad").unwrap();
        if raw.file == FILE {
            // Known to the ledger under the hash that landed.
            assert_eq!(capture.sha256, landed.capture.sha256);
        }
        zone.landing.quarantine(&raw, &capture).unwrap();
    }
    assert_eq!(zone.raw(), []);
    let aside = fs::read(zone.landing.path(&quarantine_file(FILE))).unwrap();
    assert_eq!(aside, b"edited");
}

#[test]
fn a_name_in_quarantine_is_taken_for_the_landing_zone_too() {
    let zone = Zone::new();
    let answer = Answer::default();
    let aside = zone
        .landing
        .land_in_quarantine(
            &capture(START),
            &json(),
            b"<html>",
            &answer,
            Cause::Html,
            "HTML",
        )
        .unwrap();
    assert_eq!(aside.file, quarantine_file(FILE));
    assert_eq!(aside.capture.outcome, Outcome::Quarantined);
    let landed = zone.land(START, BODY);
    assert_eq!(landed.how, How::NextSecond);

    // Someone drops another body there by hand: nothing is overwritten.
    zone.drop_file(FILE, b"dropped");
    let raw = zone.raw().remove(0);
    let condemned = zone.landing.condemn(&raw, Cause::Html, "bad").unwrap();
    let error = zone.landing.quarantine(&raw, &condemned).unwrap_err();
    assert!(matches!(error, LandingError::Occupied { .. }), "{error}");
    assert_eq!(fs::read(zone.landing.path(FILE)).unwrap(), b"dropped");
    assert_eq!(fs::read(zone.landing.path(&aside.file)).unwrap(), b"<html>");
}

#[test]
fn a_removal_killed_halfway_leaves_nothing_that_would_be_read_again() {
    let zone = Zone::new();
    zone.land(START, BODY);
    let raw = zone.raw().remove(0);
    fs::remove_file(zone.landing.path(FILE)).unwrap();
    assert_eq!(zone.raw(), []);
    assert!(matches!(
        zone.landing.read(&raw, 1000),
        Err(LandingError::Gone { .. })
    ));
    zone.landing.remove(&raw).unwrap();
    zone.landing.remove(&raw).unwrap();
    assert_eq!(zone.files(), Vec::<String>::new());
}

#[test]
fn sources_are_the_folders_with_proper_names() {
    let zone = Zone::new();
    assert_eq!(zone.landing.sources().unwrap(), []);
    zone.land(START, BODY);
    zone.drop_file("raw/.DS_Store", b"");
    zone.drop_file("raw/Not A Source/x", b"");
    assert_eq!(zone.landing.sources().unwrap(), [velib()]);
}

#[test]
fn a_disk_that_refuses_is_named_and_leaves_no_half_file() {
    let zone = Zone::new();
    zone.drop_file("raw", b"a file stands in the way");
    let error = zone
        .landing
        .land(&capture(START), &json(), BODY, &Answer::default())
        .unwrap_err();
    assert!(!error.is_body_fault());
    assert!(error.to_string().contains("raw"), "{error}");
    assert_eq!(zone.files(), ["raw"]);
}

#[test]
fn landings_come_back_in_the_order_of_time() {
    let zone = Zone::new();
    let first = at("2026-10-24T22:00:00Z").as_second();
    // Over the night when clocks in Europe go back: names are in UTC, so none comes twice.
    let mut times: Vec<i64> = (0..200).map(|number| first + 97 * number).collect();
    times.reverse();
    for second in &times {
        let at = Timestamp::from_second(*second).unwrap().to_string();
        assert_eq!(zone.land(&at, BODY).how, How::New);
    }
    times.reverse();
    let found: Vec<i64> = zone.raw().iter().map(|raw| raw.at.as_second()).collect();
    assert_eq!(found, times);
}
