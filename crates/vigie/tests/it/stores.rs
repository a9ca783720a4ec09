//! A store with faults, and the same bodies in another order.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        process::CommandExt as _,
    },
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use rusqlite::Connection;
use vigie_testkit::FaultPlan;

use crate::{
    proxy::{Fault, Mask, Proxy},
    server,
    support::{Lab, Ran, Serving, Workspace},
};

const SOURCES: [&str; 3] = [
    "metar-aviationweather",
    "velib-disponibilite",
    "usgs-earthquakes",
];
const TIMES: [&str; 4] = [
    "2026-11-24T09:50:00Z",
    "2026-11-24T10:10:00Z",
    "2026-11-24T10:40:00Z",
    "2026-11-24T11:20:00Z",
];

#[test]
fn while_the_store_is_away_raw_files_wait_and_catching_up_changes_nothing() {
    let undisturbed = Lab::new("Paris", &SOURCES, FaultPlan::none());
    let lab = Lab::in_workspace(
        Workspace::with_store("Paris", "mongodb://127.0.0.1:1/x"),
        &SOURCES,
        FaultPlan::none(),
    );
    for (index, time) in TIMES.into_iter().enumerate() {
        undisturbed.at(time, &["collect"]).ends(0);
        undisturbed.at(time, &["summarize"]).ends(0);
        lab.at(time, &["collect"]).ends(0);
        if index == 1 {
            let ran = lab.at(time, &["summarize"]);
            assert!(ran.err.contains("mongodb://127.0.0.1:1/x"), "{ran:#?}");
            ran.ends(3);
        }
    }
    let landed = lab.workspace.export("captures");
    let waiting = landed
        .iter()
        .filter(|capture| capture["outcome"] == "landed")
        .count();
    assert!(waiting > 8, "{landed:#?}");
    assert_eq!(lab.workspace.files("data/raw").len(), 2 * waiting);

    lab.workspace
        .reconfigure("mongodb://127.0.0.1:1/x", "sqlite:data/vigie.db");
    lab.at(TIMES[3], &["summarize"]).ends(0);
    assert!(lab.workspace.files("data/raw").is_empty());
    for what in ["summaries", "events"] {
        let text = lab.workspace.exported(what);
        assert!(text.lines().count() > 10, "{text}");
        assert_eq!(text, undisturbed.workspace.exported(what));
    }
}

#[test]
fn up_collects_while_the_store_is_away_and_ends_when_told() {
    let lab = Lab::in_workspace(
        Workspace::with_store("Paris", "mongodb://127.0.0.1:1/x"),
        &SOURCES,
        FaultPlan::none(),
    );
    let mut up = lab
        .command_at(TIMES[0], &["up", "--listen", "127.0.0.1:0"])
        .spawn()
        .unwrap();
    while lab.workspace.files("data/raw").len() < 2 * SOURCES.len() {
        assert_eq!(up.try_wait().unwrap(), None, "it ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let told = std::process::Command::new("kill")
        .arg(up.id().to_string())
        .status()
        .unwrap();
    assert!(told.success());
    assert_eq!(up.wait().unwrap().code(), Some(0));
}

/// Bodies as `replay` takes them, in one folder per source, and the same in two halves: every other body.
fn recorded() -> (Workspace, Workspace) {
    let lab = Lab::new("Paris", &SOURCES, FaultPlan::none());
    for time in TIMES {
        lab.at(time, &["collect"]).ends(0);
    }
    let (whole, halves) = (Workspace::empty(), Workspace::empty());
    for source in SOURCES {
        let bodies = lab.workspace.files(&format!("data/raw/{source}"));
        let bodies = bodies
            .iter()
            .filter(|path| !path.to_str().unwrap().ends_with(".manifest.json"));
        for (index, path) in bodies.enumerate() {
            let name = path
                .file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .split_once('_')
                .unwrap()
                .1;
            let half = halves.path().join(["odd", "even"][index % 2]).join(source);
            for folder in [whole.path().join(source), half] {
                fs::create_dir_all(&folder).unwrap();
                fs::copy(path, folder.join(name)).unwrap();
            }
        }
    }
    (whole, halves)
}

fn replayed(folders: &[&Path]) -> [String; 2] {
    let workspace = Workspace::new("Paris");
    for folder in folders {
        let out = workspace.run(&["replay", folder.to_str().unwrap()]).ends(0);
        assert!(out.contains("velib-disponibilite: "), "{out}");
    }
    assert!(workspace.files("data/raw").is_empty());
    ["summaries", "events"].map(|what| workspace.exported(what))
}

#[test]
fn replays_in_any_order_and_twice_give_the_same_store() {
    let (whole, halves) = recorded();
    let (odd, even) = (halves.path().join("odd"), halves.path().join("even"));
    let once = replayed(&[whole.path()]);
    assert!(once.iter().all(|text| text.lines().count() > 10));
    for folders in [
        &[whole.path(), whole.path()][..],
        &[&odd, &even],
        &[&even, &odd],
        &[&even, whole.path()],
    ] {
        assert!(replayed(folders) == once, "{folders:?}");
    }
}

#[test]
fn files_that_are_kept_are_not_counted_again() {
    let lab = Lab::new("Paris", &SOURCES, FaultPlan::none());
    lab.workspace.configure("raw", "after = \"keep\"");
    lab.at(TIMES[0], &["collect"]).ends(0);
    let landed = lab.workspace.files("data/raw");
    let out = lab.at(TIMES[0], &["summarize"]).ends(0);
    assert!(out.contains("1 files"), "{out}");
    let whats = ["summaries", "events", "captures"];
    let once = whats.map(|what| lab.workspace.exported(what));
    let out = lab.at(TIMES[1], &["summarize"]).ends(0);
    assert_eq!(out, "");
    assert_eq!(lab.workspace.files("data/raw"), landed);
    assert!(whats.map(|what| lab.workspace.exported(what)) == once);
}

/// Few rows, observations and events.
const SMALL: [&str; 2] = ["metar-aviationweather", "usgs-earthquakes"];
const SQLITE: &str = "sqlite:data/vigie.db";

/// The `index`th time of a day of small steps.
fn step(index: usize) -> String {
    format!(
        "2026-11-24T{:02}:{:02}:00Z",
        8 + index / 2,
        7 + index % 2 * 30
    )
}

/// Everything that is in the store of a workspace.
fn exports(lab: &Lab) -> [String; 2] {
    let exported = ["summaries", "events"].map(|what| lab.workspace.exported(what));
    assert!(
        exported.iter().all(|text| text.lines().count() > 10),
        "{exported:?}"
    );
    exported
}

/// What an undisturbed run of so many steps gives, on SQLite.
fn undisturbed(steps: usize) -> [String; 2] {
    let lab = Lab::new("Paris", &SMALL, FaultPlan::none());
    for index in 0..steps {
        lab.at(&step(index), &["collect"]).ends(0);
        lab.at(&step(index), &["summarize"]).ends(0);
    }
    exports(&lab)
}

fn lab_on(store: &str) -> Lab {
    Lab::in_workspace(
        Workspace::with_store("Paris", store),
        &SMALL,
        FaultPlan::none(),
    )
}

fn database() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("stores_{}_{number}", std::process::id())
}

/// Collects, summarises while the store has a fault, and says what came of it: the files wait.
#[track_caller]
fn disturbed(lab: &Lab, time: &str, exit: i32, told: &[&str]) {
    lab.at(time, &["collect"]).ends(0);
    refused(lab, time, exit, told);
}

#[track_caller]
fn refused(lab: &Lab, time: &str, exit: i32, told: &[&str]) {
    let ran = lab.at(time, &["summarize"]);
    for told in told {
        assert!(ran.err.contains(told), "`{told}` is not in {ran:#?}");
    }
    ran.ends(exit);
    assert!(
        !lab.workspace.files("data/raw").is_empty(),
        "{time}: nothing waits"
    );
}

/// The store is well again: everything is taken in.
#[track_caller]
fn recovers(lab: &Lab, time: &str) {
    lab.at(time, &["summarize"]).ends(0);
    let raw = lab.workspace.files("data/raw");
    assert!(raw.is_empty(), "{raw:?}");
}

#[test]
fn every_fault_of_a_server_is_named_and_the_next_run_ends_the_same() {
    let Some(server) = server::uri() else { return };
    let absent = "check that the server runs and that `store.uri` names it";
    let faults = [
        // Every other step begins an hour, and thus inserts; the others update.
        ("insert", Fault::CutMidway, absent),
        ("update", Fault::CutAfter, absent),
        ("insert", Fault::NotPrimary, "changing its primary"),
        ("update", Fault::Stopping, "changing its primary"),
        (
            "insert",
            Fault::NoMajority,
            "a majority of its servers did not confirm",
        ),
        ("update", Fault::Malformed, "its answer makes no sense"),
        ("find", Fault::CutBefore, absent),
        ("update", Fault::Silent, "no answer within 2.5s"),
    ];
    let expected = undisturbed(faults.len());
    for mask in [
        Mask::default(),
        Mask {
            primary: true,
            full: true,
        },
    ] {
        let proxy = Proxy::start(server, mask);
        let options = "serverSelectionTimeoutMS=1500&socketTimeoutMS=2500&wtimeoutMS=1000";
        let uri = proxy.uri(&database());
        let lab = lab_on(&format!("{uri}?{options}"));
        for (index, (command, fault, told)) in faults.iter().enumerate() {
            let time = step(index);
            proxy.inject(command, 0, 99, fault.clone());
            disturbed(
                &lab,
                &time,
                3,
                &[told, &uri, "Raw files wait, nothing is lost"],
            );
            proxy.calm();
            recovers(&lab, &time);
        }
        assert!(exports(&lab) == expected);
    }
}

#[test]
fn a_server_that_dies_in_the_middle_of_a_batch_is_caught_up_with() {
    let expected = undisturbed(3);
    for (command, full) in [("insert", false), ("update", true), ("update", false)] {
        let folder = tempfile::tempdir().unwrap();
        let Some(own) = server::Own::start(folder.path()) else {
            return;
        };
        let mask = Mask {
            primary: false,
            full,
        };
        let proxy = Proxy::start(own.uri(), mask);
        let lab = lab_on(&format!(
            "{}?serverSelectionTimeoutMS=1500",
            proxy.uri("vigie")
        ));
        lab.at(&step(0), &["collect"]).ends(0);
        lab.at(&step(0), &["summarize"]).ends(0);
        lab.at(&step(1), &["collect"]).ends(0);
        let id = own.id().to_string();
        let kill = move || {
            let killed = Command::new("kill").args(["-9", &id]).status();
            assert!(killed.unwrap().success());
        };
        proxy.inject(command, 0, 1, Fault::CutMidway);
        proxy.inject(command, 0, 1, Fault::Call(Arc::new(kill)));
        disturbed(&lab, &step(2), 3, &["check that the server runs"]);
        assert_eq!(proxy.calm(), 2);
        drop(own);
        let again = server::Own::start(folder.path()).unwrap();
        proxy.come_back(Some(again.uri()));
        recovers(&lab, &step(2));
        assert!(exports(&lab) == expected, "{command}");
    }
}

/// Waits until a day is shown.
fn shows(serving: &Serving) -> String {
    loop {
        let (status, text) = serving.get("/api/v1/day?date=2026-11-24");
        match status {
            200 => return text,
            503 => std::thread::sleep(Duration::from_millis(100)),
            other => panic!("{other}: {text}"),
        }
    }
}

#[test]
fn a_page_says_that_the_store_is_away_and_shows_the_day_when_it_is_back() {
    let Some(server) = server::uri() else { return };
    let proxy = Proxy::start(server, Mask::default());
    let uri = proxy.uri(&database());
    let lab = lab_on(&format!("{uri}?serverSelectionTimeoutMS=1500"));
    lab.at(&step(0), &["collect"]).ends(0);
    lab.at(&step(0), &["summarize"]).ends(0);
    lab.at(&step(1), &["collect"]).ends(0);
    proxy.go_away();
    let doctor = lab.at(&step(1), &["doctor"]);
    let named = doctor
        .out
        .lines()
        .find(|line| line.starts_with("✗ mongodb://"));
    assert!(named.is_some_and(|line| line.contains(&uri)), "{doctor:#?}");
    assert!(
        doctor.out.contains("check that the server runs"),
        "{doctor:#?}"
    );
    doctor.ends(1);
    for command in ["serve", "up"] {
        let serving =
            Serving::start(lab.command_at(&step(1), &[command, "--listen", "127.0.0.1:0"]));
        let (status, text) = serving.get("/api/v1/day?date=2026-11-24");
        assert_eq!(status, 503, "{text}");
        assert!(
            text.contains(&format!("the store {uri} is not available")),
            "{text}"
        );
        assert_eq!(serving.get("/").0, 200, "the page itself is there");
        proxy.come_back(None);
        assert!(shows(&serving).contains("metar-aviationweather"));
        if command == "serve" {
            proxy.go_away();
            assert!(!lab.workspace.files("data/raw").is_empty());
        } else {
            while !lab.workspace.files("data/raw").is_empty() {
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }
    assert!(exports(&lab) == undisturbed(2));
}

/// `serve` before the first `summarize`: the page comes all the same.
#[test]
fn a_page_may_be_there_before_its_store() {
    let lab = lab_on(SQLITE);
    let serving = Serving::start(lab.command_at(&step(0), &["serve", "--listen", "127.0.0.1:0"]));
    let (status, text) = serving.get("/api/v1/day?date=2026-11-24");
    assert_eq!(status, 503, "{text}");
    assert!(
        text.contains("run `vigie summarize` or `vigie up` first"),
        "{text}"
    );
    lab.at(&step(0), &["collect"]).ends(0);
    lab.at(&step(0), &["summarize"]).ends(0);
    assert!(shows(&serving).contains("metar-aviationweather"));
}

fn database_file(lab: &Lab, name: &str) -> Connection {
    Connection::open(lab.workspace.path().join("data").join(name)).unwrap()
}

#[test]
fn a_sqlite_store_that_is_locked_full_or_newer_lets_raw_files_wait() {
    let lab = lab_on(SQLITE);
    lab.workspace.configure("store", "lock_timeout_seconds = 1");
    lab.at(&step(0), &["collect"]).ends(0);
    lab.at(&step(0), &["summarize"]).ends(0);

    let other = database_file(&lab, "vigie.db");
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let told = "vigie.db stayed locked by another program for 1s";
    disturbed(&lab, &step(1), 3, &[told, "Raw files wait"]);
    other.execute_batch("COMMIT").unwrap();
    recovers(&lab, &step(1));

    let bytes = fs::metadata(lab.workspace.path().join("data/vigie.db"))
        .unwrap()
        .len();
    let limit = format!("bytes_max = {bytes}");
    lab.workspace.configure("store", &limit);
    let told = [
        "no space is left for the store",
        "Raw files wait",
        "vigie.db",
    ];
    // Whether the next rows find room in the pages there are is chance: after some steps they do not.
    let mut index = 2;
    loop {
        lab.at(&step(index), &["collect"]).ends(0);
        let ran = lab.at(&step(index), &["summarize"]);
        if ran.code == Some(3) {
            assert!(told.iter().all(|told| ran.err.contains(told)), "{ran:#?}");
            break;
        }
        ran.ends(0);
        index += 1;
    }
    lab.workspace.reconfigure(&limit, "");
    recovers(&lab, &step(index));

    let schema: u32 = other
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap();
    other.pragma_update(None, "user_version", 99).unwrap();
    index += 1;
    disturbed(
        &lab,
        &step(index),
        2,
        &["schema 99, written by a newer Vigie", "upgrade this Vigie"],
    );
    other.pragma_update(None, "user_version", schema).unwrap();
    recovers(&lab, &step(index));
    drop(other);

    assert!(exports(&lab) == undisturbed(index + 1));
}

#[test]
fn a_sqlite_store_that_may_only_be_read_is_named() {
    let lab = lab_on(SQLITE);
    lab.at(&step(0), &["collect"]).ends(0);
    lab.at(&step(0), &["summarize"]).ends(0);
    lab.at(&step(1), &["collect"]).ends(0);
    let folder = lab.workspace.path();
    let store = folder.join("data/vigie.db");
    let permit = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    // Nobody is stopped by permissions who may do everything: then the command is run by another user.
    let everything = fs::metadata(folder).unwrap().uid() == 0;
    if everything {
        let opened = Command::new("chmod")
            .args(["-R", "a+rwX"])
            .arg(folder)
            .status();
        assert!(opened.unwrap().success());
    }
    permit(&store, 0o444);
    let mut command = lab.command_at(&step(1), &["summarize"]);
    if everything {
        command.uid(65534).gid(65534);
    }
    let ran = Ran::of(command.output().unwrap());
    let told = ["vigie.db is read-only", "check the permissions of its file"];
    assert!(told.iter().all(|told| ran.err.contains(told)), "{ran:#?}");
    ran.ends(3);
    assert!(!lab.workspace.files("data/raw").is_empty());
    permit(&store, 0o644);
    recovers(&lab, &step(1));
    assert!(exports(&lab) == undisturbed(2));
}

/// Overwrites what lies behind the first page of a database.
fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    bytes[4096..].fill(0xA5);
    fs::write(path, bytes).unwrap();
}

/// Moves a database and what belongs to it away.
fn move_away(lab: &Lab, name: &str) {
    for end in ["", "-wal", "-shm"] {
        let path = lab
            .workspace
            .path()
            .join("data")
            .join(format!("{name}{end}"));
        if path.exists() {
            fs::rename(&path, path.with_extension("away")).unwrap();
        }
    }
}

#[test]
fn a_damaged_store_is_named_and_raw_files_wait_for_another() {
    let lab = lab_on(SQLITE);
    lab.workspace.configure("raw", "after = \"keep\"");
    lab.at(&step(0), &["collect"]).ends(0);
    lab.at(&step(0), &["summarize"]).ends(0);
    damage(&lab.workspace.path().join("data/vigie.db"));
    let told = ["vigie.db is damaged", "restore it from a copy"];
    disturbed(&lab, &step(1), 3, &told);
    move_away(&lab, "vigie.db");
    // The ledger knows what the new store does not: it is moved away with it, and kept files are taken in anew.
    move_away(&lab, "ledger.db");
    lab.at(&step(1), &["summarize"]).ends(0);
    assert!(exports(&lab) == undisturbed(2));
}

/// The ledger remembers, and the store decides: without a ledger, what is in the store already is found there.
#[test]
fn a_ledger_that_is_lost_damaged_or_locked_changes_no_figure() {
    let lab = lab_on(SQLITE);
    lab.workspace.configure("raw", "after = \"keep\"");
    lab.workspace.configure("store", "lock_timeout_seconds = 1");
    for index in [0, 1] {
        lab.at(&step(index), &["collect"]).ends(0);
        lab.at(&step(index), &["summarize"]).ends(0);
    }
    let kept = lab.workspace.files("data/raw");

    // Lost: kept files and waiting ones are taken up from their manifests.
    lab.at(&step(2), &["collect"]).ends(0);
    let waiting = lab.workspace.files("data/raw").len() - kept.len();
    assert!(waiting > 0);
    move_away(&lab, "ledger.db");
    lab.at(&step(2), &["summarize"]).ends(0);
    assert!(exports(&lab) == undisturbed(3));
    let captures = lab.workspace.export("captures");
    let bodies = lab.workspace.files("data/raw").len() / 2;
    assert_eq!(
        captures.len(),
        bodies,
        "each body is in the new ledger once"
    );
    assert!(
        captures
            .iter()
            .all(|capture| capture["outcome"] == "summarized"),
        "{captures:#?}"
    );

    // Damaged: named with the remedy, which helps.
    damage(&lab.workspace.path().join("data/ledger.db"));
    let told = [
        "ledger.db` is damaged",
        "move it away",
        "taken up again from their manifests",
    ];
    let ran = lab.at(&step(3), &["summarize"]);
    assert!(told.iter().all(|told| ran.err.contains(told)), "{ran:#?}");
    assert!(matches!(ran.code, Some(1 | 2)), "{ran:#?}");
    move_away(&lab, "ledger.db");
    lab.at(&step(3), &["collect"]).ends(0);
    lab.at(&step(3), &["summarize"]).ends(0);
    assert!(exports(&lab) == undisturbed(4));

    // Locked: named.
    let other = database_file(&lab, "ledger.db");
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let ran = lab.at(&step(4), &["collect"]);
    assert!(
        ran.err.contains("another process holds the ledger"),
        "{ran:#?}"
    );
    assert!(matches!(ran.code, Some(1 | 2)), "{ran:#?}");
    other.execute_batch("COMMIT").unwrap();
    lab.at(&step(4), &["collect"]).ends(0);
    lab.at(&step(4), &["summarize"]).ends(0);
    assert!(exports(&lab) == undisturbed(5));
}

/// The names of the bodies in all archives.
fn archived(lab: &Lab) -> Vec<String> {
    let mut names = Vec::new();
    for path in lab.workspace.files("data/archive") {
        let file = zstd::Decoder::new(fs::File::open(path).unwrap()).unwrap();
        for entry in tar::Archive::new(file).entries().unwrap() {
            names.push(entry.unwrap().path().unwrap().to_str().unwrap().to_owned());
        }
    }
    names.sort();
    names
}

#[test]
fn a_lost_ledger_loses_nothing_of_the_archives() {
    let lab = lab_on(SQLITE);
    lab.workspace.configure("raw", "after = \"archive\"");
    for index in [0, 1] {
        lab.at(&step(index), &["collect"]).ends(0);
        lab.at(&step(index), &["summarize"]).ends(0);
    }
    let before = archived(&lab);
    assert!(before.len() >= 6, "{before:?}");
    move_away(&lab, "ledger.db");
    lab.at(&step(2), &["collect"]).ends(0);
    recovers(&lab, &step(2));
    let after = archived(&lab);
    assert!(after.len() > before.len(), "{after:?}");
    assert!(before.iter().all(|name| after.contains(name)), "{after:?}");
    assert!(exports(&lab) == undisturbed(3));
}

#[test]
fn two_programs_that_write_at_once_lose_nothing() {
    let expected = undisturbed(6);
    let shared = tempfile::tempdir().unwrap();
    let mut stores = vec![format!(
        "sqlite:{}",
        shared.path().join("vigie.db").display()
    )];
    stores.extend(server::uri().map(|server| server::patient_uri(server, &database())));
    for store in stores {
        let labs = [lab_on(&store), lab_on(&store)];
        for index in 0..6 {
            labs[index % 2].at(&step(index), &["collect"]).ends(0);
        }
        let running = labs.each_ref().map(|lab| {
            let mut command = lab.command_at(&step(5), &["summarize"]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().unwrap()
        });
        for running in running {
            Ran::of(running.wait_with_output().unwrap()).ends(0);
        }
        assert!(exports(&labs[0]) == expected, "{store}");
    }
}
