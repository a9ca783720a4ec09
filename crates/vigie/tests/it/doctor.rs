//! Each broken state is made with the real program, and found by its name.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::Value;
use vigie_testkit::{FaultKind, FaultPlan};

use crate::support::{Lab, Ran, Workspace, always, own_definition};

const ECB: &str = "ecb-eurofxref-daily";
const METAR: &str = "metar-aviationweather";
const METAR_PATH: &str = "/api/data/metar";
const NOON: &str = "2026-11-24T11:00:00Z";

/// A workspace with a summarised body and one that waits.
fn lab() -> Lab {
    let lab = Lab::new("Paris", &[METAR], FaultPlan::none());
    lab.at(NOON, &["collect"]).ends(0);
    lab.at(NOON, &["summarize"]).ends(0);
    lab.at(AFTER, &["collect"]).ends(0);
    lab
}

const AFTER: &str = "2026-11-24T11:20:00Z";

/// What the doctor says, of which nothing must be without a remedy.
#[track_caller]
fn said(ran: &Ran) -> Vec<Value> {
    let checks: Vec<Value> = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:#?}"));
    for check in &checks {
        let has_remedy = check["remedy"].is_string();
        assert_eq!(has_remedy, check["severity"] != "fine", "{check}");
        assert_eq!(
            check["well"] == false,
            check["severity"] == "warning" || check["severity"] == "critical"
        );
    }
    checks
}

/// The doctor finds this state, at this place, and nothing else that is wrong.
#[track_caller]
fn finds(lab: &Lab, time: &str, name: &str, place: &str) {
    let ran = lab.at(time, &["doctor", "--json"]);
    let checks = said(&ran);
    let wrong: Vec<&Value> = checks
        .iter()
        .filter(|check| check["well"] == false)
        .collect();
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    let found = wrong
        .iter()
        .any(|check| check["name"] == name && check["place"].as_str().unwrap().contains(place));
    assert!(found && wrong.len() == 1, "{name}: {wrong:#?}");
    let text = lab.at(time, &["doctor"]).ends(1);
    let remedy = wrong[0]["remedy"].as_str().unwrap();
    assert!(text.contains(remedy), "{text}");
}

#[track_caller]
fn is_well(lab: &Lab, time: &str) {
    let ran = lab.at(time, &["doctor", "--json"]);
    said(&ran);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
}

fn data(lab: &Lab, file: &str) -> PathBuf {
    lab.workspace.path().join("data").join(file)
}

/// The body that waits.
fn body(lab: &Lab) -> PathBuf {
    let files = lab.workspace.files("data/raw");
    let is_body = |path: &&PathBuf| !path.to_str().unwrap().ends_with(".manifest.json");
    files.iter().find(is_body).unwrap().clone()
}

fn manifest(body: &Path) -> PathBuf {
    PathBuf::from(format!("{}.manifest.json", body.display()))
}

/// Dates a file two hours back.
fn make_old(path: &Path) {
    let file = fs::File::options().write(true).open(path).unwrap();
    let written = file.metadata().unwrap().modified().unwrap();
    file.set_modified(written - Duration::from_hours(2))
        .unwrap();
}

/// Breaks something, has it found, and mends it.
#[track_caller]
fn broken(lab: &Lab, path: &Path, new: Option<&[u8]>, name: &str) {
    let old = fs::read(path).ok();
    match new {
        Some(bytes) => fs::write(path, bytes).unwrap(),
        None => fs::remove_file(path).unwrap(),
    }
    let place = path.file_name().unwrap().to_str().unwrap();
    let place = place.strip_suffix(".manifest.json").unwrap_or(place);
    finds(lab, AFTER, name, place);
    match old {
        Some(bytes) => fs::write(path, bytes).unwrap(),
        None => fs::remove_file(path).unwrap(),
    }
    is_well(lab, AFTER);
}

#[test]
fn what_is_wrong_with_raw_files_is_found() {
    let lab = lab();
    is_well(&lab, AFTER);
    let body = body(&lab);
    let bytes = fs::read(&body).unwrap();
    let mut altered = bytes.clone();
    altered[20] ^= 1;
    broken(&lab, &body, Some(&altered), "raw-altered");
    broken(&lab, &body, Some(&bytes[..bytes.len() / 2]), "raw-cut");
    broken(&lab, &body, Some(b""), "raw-empty");
    broken(
        &lab,
        &body.with_file_name("notes.txt"),
        Some(b"mine"),
        "raw-foreign",
    );
    broken(&lab, &manifest(&body), Some(b"{}"), "manifest-damaged");
    broken(
        &lab,
        &manifest(&body),
        Some(b"{\"format\": 99}"),
        "manifest-newer",
    );
    let foreign = fs::read_to_string(manifest(&body))
        .unwrap()
        .replace(METAR, ECB);
    broken(
        &lab,
        &manifest(&body),
        Some(foreign.as_bytes()),
        "manifest-foreign",
    );
    lab.workspace.configure("http", "body_bytes_max = 10");
    finds(&lab, AFTER, "raw-too-large", METAR);
    lab.workspace.reconfigure("body_bytes_max = 10\n", "");

    // Without a manifest it is adopted, which is only worth a note.
    let kept = fs::read(manifest(&body)).unwrap();
    fs::remove_file(manifest(&body)).unwrap();
    let ran = lab.at(AFTER, &["doctor", "--json"]);
    assert!(
        said(&ran)
            .iter()
            .any(|check| check["name"] == "raw-without-manifest")
    );
    ran.ends(0);
    fs::write(manifest(&body), kept).unwrap();

    let other = data(&lab, "raw/gone/2026/11/24");
    fs::create_dir_all(&other).unwrap();
    fs::write(other.join("gone_20261124T110000Z.json"), "[]").unwrap();
    finds(&lab, AFTER, "raw-without-definition", "data/raw/gone");
    fs::remove_dir_all(data(&lab, "raw/gone")).unwrap();
    let ran = lab.at("2026-11-24T14:30:00Z", &["doctor", "--json"]);
    let long = said(&ran)
        .iter()
        .any(|check| check["name"] == "raw-waiting-long" && check["place"] == METAR);
    assert!(long, "{ran:#?}");
}

#[test]
fn what_kills_leave_behind_is_found() {
    let lab = lab();
    let body = body(&lab);
    for (name, file) in [
        ("temporary-left-over", body.with_file_name(".tmp-abc")),
        (
            "manifest-without-body",
            manifest(&body.with_file_name("metar-aviationweather_20261124T090000Z.json")),
        ),
    ] {
        fs::write(&file, "{}").unwrap();
        // It may belong to a run that is under way.
        is_well(&lab, AFTER);
        make_old(&file);
        let place = file.file_name().unwrap().to_str().unwrap();
        finds(&lab, AFTER, name, place);
        fs::remove_file(&file).unwrap();
    }
    let lock = data(&lab, &format!("locks/summarize.{METAR}.lock"));
    fs::write(&lock, "{\"pid\":1,\"since\":\"2026-11-24T08:00:00Z\"}").unwrap();
    // A file that nobody holds means nothing.
    is_well(&lab, AFTER);
    fs::write(&lock, "{\"pid\":1,\"since\":\"2026-11-24T08:00:00Z\"}").unwrap();
    let held = fs::File::options().write(true).open(&lock).unwrap();
    held.lock().unwrap();
    finds(&lab, AFTER, "lock-held-long", "summarize");
}

#[test]
fn what_is_wrong_with_the_ledger_is_found() {
    let ledger_of = |lab: &Lab| data(lab, "ledger.db");
    let check = |name: &str, breaking: &dyn Fn(&Path)| {
        let lab = lab();
        breaking(&ledger_of(&lab));
        finds(&lab, AFTER, name, "ledger.db");
    };
    check("ledger-foreign", &|path| {
        fs::write(path, "rubbish".repeat(2000)).unwrap();
    });
    check("ledger-newer", &|path| {
        let connection = rusqlite::Connection::open(path).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
    });
    check("ledger-damaged", &|path| {
        let connection = rusqlite::Connection::open(path).unwrap();
        connection
            .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
            .unwrap();
        drop(connection);
        damage(path);
    });
}

/// Overwrites the second half of a file of SQLite: its header is whole.
fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let half = bytes.len() / 2;
    bytes[half..].fill(0xA5);
    fs::write(path, bytes).unwrap();
}

#[test]
fn what_is_wrong_with_the_store_is_found() {
    let check = |name: &str, breaking: &dyn Fn(&Lab, &Path)| {
        let lab = lab();
        let path = data(&lab, "vigie.db");
        breaking(&lab, &path);
        finds(&lab, AFTER, name, "vigie");
    };
    check("store-missing", &|_, path| fs::remove_file(path).unwrap());
    check("store-foreign", &|_, path| {
        fs::write(path, "rubbish".repeat(2000)).unwrap();
    });
    check("store-damaged", &|_, path| damage(path));
    check("store-newer", &|_, path| {
        let connection = rusqlite::Connection::open(path).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
    });
    check("store-unavailable", &|lab, _| {
        let closed = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let uri = format!("mongodb://{closed}/vigie");
        lab.workspace.reconfigure("sqlite:data/vigie.db", &uri);
    });
    let lab = lab();
    let holder = rusqlite::Connection::open(data(&lab, "vigie.db")).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let ran = lab.at(AFTER, &["doctor", "--json"]);
    assert!(
        said(&ran)
            .iter()
            .any(|check| check["name"] == "store-locked"),
        "{ran:#?}"
    );
    ran.ends(1);
}

#[test]
fn a_damaged_archive_is_found() {
    let lab = Lab::new("Paris", &[METAR], FaultPlan::none());
    lab.workspace.configure("raw", "after = \"archive\"");
    lab.at(NOON, &["collect"]).ends(0);
    lab.at(NOON, &["summarize"]).ends(0);
    let archive = lab.workspace.files("data/archive")[0].clone();
    let whole = fs::read(&archive).unwrap();
    // What a kill has left beyond the committed length is no fault.
    fs::write(&archive, [&whole[..], b"half a frame"].concat()).unwrap();
    is_well(&lab, NOON);
    fs::write(&archive, &whole[..whole.len() - 1]).unwrap();
    finds(&lab, NOON, "archive-cut", "data/archive/");
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x10;
    fs::write(&archive, flipped).unwrap();
    finds(&lab, NOON, "archive-damaged", "data/archive/");
}

#[test]
fn sources_that_fail_or_are_silent_or_stale_are_found() {
    let html = always(METAR_PATH, FaultKind::HtmlInstead);
    let lab = Lab::new("Paris", &[METAR], html);
    for time in [NOON, "2026-11-24T11:20:00Z", "2026-11-24T11:40:00Z"] {
        lab.at(time, &["collect"]).ends(1);
    }
    let ran = lab.at("2026-11-24T11:41:00Z", &["doctor", "--json"]);
    let wrong: Vec<String> = said(&ran)
        .iter()
        .filter(|check| check["well"] == false)
        .map(|check| check["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(wrong, ["source-failing", "quarantine-growing"]);

    let lab = self::lab();
    lab.at(AFTER, &["summarize"]).ends(0);
    let ran = lab.at("2026-11-25T12:00:00Z", &["doctor", "--json"]);
    let wrong: Vec<String> = said(&ran)
        .iter()
        .filter(|check| check["well"] == false)
        .map(|check| check["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(wrong, ["schedule-missing", "source-silent", "source-stale"]);
    // The clock was set back.
    finds(&lab, "2026-11-24T10:00:00Z", "clock-behind", "clock");
}

#[test]
fn a_clock_that_differs_from_the_providers_is_found() {
    let lab = Lab::new("Paris", &[ECB], FaultPlan::none());
    lab.at("2026-01-10T12:00:00Z", &["collect"]).ends(0);
    let ran = lab.workspace.run(&["doctor", "--json"]);
    let checks = said(&ran);
    let skew = checks.iter().find(|check| check["name"] == "clock-skew");
    assert!(
        skew.unwrap()["found"].as_str().unwrap().contains(ECB),
        "{ran:#?}"
    );
}

#[test]
fn wrong_settings_and_missing_keys_are_found() {
    let lab = Lab::new("Paris", &["mine", METAR], FaultPlan::none());
    let sources = lab.workspace.path().join("sources");
    fs::create_dir(&sources).unwrap();
    let access = r#"{ kind = "key", env = "MINE_KEY", signup = "https://example.org/signup" }"#;
    fs::write(
        sources.join("mine.toml"),
        own_definition("&token={key}", access),
    )
    .unwrap();
    finds(&lab, NOON, "key-missing", "mine");
    let access = r#"{ kind = "open", limits = [{ requests = 2, per = "1h" }] }"#;
    fs::write(sources.join("mine.toml"), own_definition("", access)).unwrap();
    finds(&lab, NOON, "quota-impossible", "mine");
    let access = r#"{ kind = "open", limits = [{ requests = 6, per = "1h" }] }"#;
    fs::write(sources.join("mine.toml"), own_definition("", access)).unwrap();
    is_well(&lab, NOON);

    for (right, wrong, name) in [
        ("Europe/Paris", "Europe/Pariss", "time-zone-unknown"),
        ("[http]", "[htp]", "settings-wrong"),
    ] {
        lab.workspace.reconfigure(right, wrong);
        let ran = lab.at(NOON, &["doctor", "--json"]);
        assert!(
            said(&ran).iter().any(|check| check["name"] == name),
            "{ran:#?}"
        );
        ran.ends(2);
        lab.workspace.reconfigure(wrong, right);
    }
}

#[test]
fn two_workspaces_with_one_data_folder_are_found() {
    let lab = lab();
    let other = Workspace::new("Paris");
    std::os::unix::fs::symlink(data(&lab, ""), other.path().join("data")).unwrap();
    other.reconfigure(
        "[sources.usgs-earthquakes]\nenabled = true",
        "[sources.usgs-earthquakes]\nenabled = false",
    );
    other.run(&["collect", "--due", "--now", NOON, METAR]);
    finds(&lab, AFTER, "data-shared", "data");
    // Once the other is gone, all is well.
    drop(other);
    is_well(&lab, AFTER);
}

#[test]
fn a_data_folder_that_cannot_be_written_is_found() {
    use std::os::unix::{fs::PermissionsExt as _, process::CommandExt as _};
    let lab = lab();
    let folder = data(&lab, "");
    let open_to_all = fs::Permissions::from_mode(0o755);
    fs::set_permissions(lab.workspace.path(), open_to_all).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    let mut command: Command = lab.command_at(AFTER, &["doctor", "--json"]);
    // To the superuser nothing is forbidden; another user can be played by nobody else.
    if fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0) {
        command.uid(65534).gid(65534);
    }
    let ran = Ran::of(command.output().unwrap());
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let names: Vec<Value> = said(&ran)
        .iter()
        .map(|check| check["name"].clone())
        .collect();
    assert!(names.contains(&"data-read-only".into()), "{ran:#?}");
    ran.ends(1);
}

#[test]
fn a_running_up_is_the_schedule() {
    let lab = lab();
    let lock = data(&lab, "locks/up.lock");
    fs::write(&lock, "{\"pid\":7,\"since\":\"2026-11-24T08:00:00Z\"}").unwrap();
    let held = fs::File::options().write(true).open(&lock).unwrap();
    held.lock().unwrap();
    let ran = lab.at(AFTER, &["doctor", "--json"]);
    let checks = said(&ran);
    let schedule = checks
        .iter()
        .find(|check| check["name"] == "schedule")
        .unwrap();
    assert_eq!(schedule["found"], "`vigie up` runs as process 7");
    ran.ends(0);
}
