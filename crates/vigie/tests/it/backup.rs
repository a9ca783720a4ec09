//! Backups of a workspace at work, and what is made of them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
};

use vigie_testkit::{FaultKind, FaultPlan, When};

use crate::{
    server,
    support::{Lab, Ran, Workspace},
};

const METAR: &str = "metar-aviationweather";
const USGS: &str = "usgs-earthquakes";
const NOON: &str = "2026-11-24T11:00:00Z";
const LATER: &str = "2026-11-24T18:00:00Z";

fn vigie(folder: &Path, arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vigie"));
    command
        .args(arguments)
        .current_dir(folder)
        .env_remove("VIGIE_DIR");
    Ran::of(command.output().unwrap())
}

/// What can be asked of a workspace.
fn exports(folder: &Path) -> [String; 3] {
    ["summaries", "events", "captures"]
        .map(|what| vigie(folder, &["export", what, "--format", "ndjson"]).ends(0))
}

/// A workspace with something of everything: summarised, waiting, archived and set aside.
fn lab() -> Lab {
    let bad = (
        "2026-11-24T11:20:00Z".parse().unwrap(),
        "2026-11-24T11:21:00Z".parse().unwrap(),
    );
    let faults = FaultPlan::none().and(
        "/api/data/metar",
        FaultKind::TruncatedJson,
        When::Window(bad.0, bad.1),
    );
    let lab = Lab::new("Paris", &[METAR, USGS], faults);
    lab.workspace.configure("raw", "after = \"archive\"");
    lab.at(NOON, &["collect"]).ends(0);
    lab.at(NOON, &["summarize"]).ends(0);
    lab.at("2026-11-24T11:20:00Z", &["collect"]);
    lab.at("2026-11-24T11:20:00Z", &["summarize"]);
    lab.at("2026-11-24T11:40:00Z", &["collect"]).ends(0);
    assert!(!lab.workspace.files("data/quarantine").is_empty());
    assert!(!lab.workspace.files("data/archive").is_empty());
    assert!(!lab.workspace.files("data/raw").is_empty());
    lab
}

/// The files of the data folder that are no database and no lock, with their content.
fn files(workspace: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = ["raw", "quarantine", "archive"]
        .map(|name| workspace.join("data").join(name))
        .to_vec();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(workspace).unwrap().to_path_buf();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn what_is_restored_equals_what_was_backed_up() {
    let lab = lab();
    let here = lab.workspace.path();
    fs::create_dir(here.join("sources")).unwrap();
    fs::write(here.join("sources/notes.txt"), "mine").unwrap();
    fs::create_dir(here.join("kept")).unwrap();
    let out = lab.at("2026-11-24T11:45:00Z", &["backup", "kept"]).ends(0);
    let file = out.trim().to_owned();
    assert!(
        file.ends_with("vigie-paris-20261124T114500Z.tar.zst"),
        "{file}"
    );
    // Never over another.
    let again = lab.at("2026-11-24T11:45:00Z", &["backup", "kept"]);
    assert!(again.err.contains("exists"), "{again:#?}");
    again.ends(2);
    assert_eq!(
        fs::read_dir(here.join("kept")).unwrap().count(),
        1,
        "nothing else is left"
    );

    let place = tempfile::tempdir().unwrap();
    let new = place.path().join("new");
    vigie(place.path(), &["restore", &file, "new"]).ends(0);
    assert_eq!(exports(&new), exports(here));
    assert_eq!(files(&new), files(here));
    let settings = |folder: &Path| fs::read_to_string(folder.join("vigie.toml")).unwrap();
    assert_eq!(settings(&new), settings(here));
    assert_eq!(
        fs::read_to_string(new.join("sources/notes.txt")).unwrap(),
        "mine"
    );
    // Both go on alike.
    lab.at(LATER, &["summarize"]).ends(0);
    vigie(&new, &["summarize", "--now", LATER]).ends(0);
    assert_eq!(exports(&new), exports(here));
    assert_eq!(files(&new), files(here));
    let doctor = vigie(&new, &["doctor", "--now", LATER, "--json"]).out;
    for wrong in ["ledger-", "store-", "archive-", "raw-", "data-shared"] {
        assert!(!doctor.contains(&format!("\"{wrong}")), "{doctor}");
    }

    let refused = vigie(place.path(), &["restore", &file, "new"]);
    assert!(refused.err.contains("is not empty"), "{refused:#?}");
    refused.ends(2);
}

#[test]
fn a_damaged_backup_is_refused_before_anything_is_written() {
    let lab = lab();
    lab.at(LATER, &["backup", "whole.tar.zst"]).ends(0);
    let whole = fs::read(lab.workspace.path().join("whole.tar.zst")).unwrap();
    let place = tempfile::tempdir().unwrap();
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x40;
    // Decodable, but with another body than was put in.
    let mut tar = zstd::decode_all(&*whole).unwrap();
    let at = tar
        .windows(8)
        .position(|bytes| bytes == b"language")
        .unwrap();
    tar[at] = b'L';
    let altered = zstd::encode_all(&*tar, 1).unwrap();
    let cases = [
        ("cut", whole[..whole.len() - 9].to_vec()),
        ("empty", Vec::new()),
        ("flipped", flipped),
        ("altered", altered),
    ];
    for (name, bytes) in cases {
        fs::write(place.path().join(name), bytes).unwrap();
        let ran = vigie(place.path(), &["restore", name, "new"]);
        assert!(
            ran.err.contains("is not a whole backup"),
            "{name}: {ran:#?}"
        );
        ran.ends(2);
        assert!(!place.path().join("new").exists(), "{name}");
    }
}

#[test]
fn a_backup_that_is_killed_leaves_no_half_of_one() {
    let lab = lab();
    let file = lab.workspace.path().join("all.tar.zst");
    for point in ["backup.copied", "backup.written"] {
        let mut command = lab.command_at(LATER, &["backup", "all.tar.zst"]);
        let ran = Ran::of(command.env("VIGIE_CRASH_AT", point).output().unwrap());
        assert_eq!(ran.code, None, "{ran:#?}");
        assert!(!file.exists(), "{point}");
    }
    let before = exports(lab.workspace.path());
    lab.at(LATER, &["backup", "all.tar.zst"]).ends(0);
    let place = tempfile::tempdir().unwrap();
    let file = file.to_str().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_vigie"));
    command
        .args(["restore", file, "new"])
        .current_dir(place.path());
    let ran = Ran::of(
        command
            .env("VIGIE_CRASH_AT", "restore.extracted")
            .output()
            .unwrap(),
    );
    assert_eq!(ran.code, None, "{ran:#?}");
    // Half a workspace is none.
    assert!(!place.path().join("new/vigie.toml").exists());
    vigie(place.path(), &["restore", file, "new"]).ends(2);
    vigie(place.path(), &["restore", file, "other"]).ends(0);
    assert_eq!(exports(&place.path().join("other")), before);
}

/// However a backup falls between the steps of a collection and a summary, what is made of it ends as the workspace did with
/// as many captures.
#[test]
fn backups_of_a_workspace_at_work_are_consistent() {
    let lab = Lab::new("Paris", &[METAR, USGS], FaultPlan::none());
    let here = lab.workspace.path().to_path_buf();
    let kept = tempfile::tempdir().unwrap();
    let working = AtomicBool::new(true);
    let mut known: BTreeMap<usize, [String; 2]> = BTreeMap::new();
    let backups = std::thread::scope(|scope| {
        let backing = scope.spawn(|| {
            let mut backups = Vec::new();
            while working.load(Ordering::SeqCst) {
                let file = kept.path().join(format!("{}.tar.zst", backups.len()));
                vigie(&here, &["backup", file.to_str().unwrap(), "--now", NOON]).ends(0);
                backups.push(file);
            }
            backups
        });
        for minute in 0..8 {
            let time = format!("2026-11-24T11:{:02}:00Z", minute * 5);
            for source in [METAR, USGS] {
                lab.at(&time, &["collect", source]).ends(0);
                // While a backup is made, its locks keep summaries waiting.
                while lab.at(&time, &["summarize"]).code != Some(0) {}
                let [summaries, events, captures] = exports(&here);
                known.insert(captures.lines().count(), [summaries, events]);
            }
        }
        working.store(false, Ordering::SeqCst);
        backing.join().unwrap()
    });
    assert!(backups.len() > 2, "{backups:?}");
    for file in backups {
        let place = tempfile::tempdir().unwrap();
        vigie(place.path(), &["restore", file.to_str().unwrap()]).ends(0);
        let ran = vigie(
            place.path(),
            &["summarize", "--now", "2026-11-24T11:40:00Z"],
        );
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        let [summaries, events, captures] = exports(place.path());
        assert!(!captures.contains("\"landed\""), "{captures}");
        if let Some(expected) = known.get(&captures.lines().count()) {
            assert!([summaries, events] == *expected, "{}", file.display());
        } else {
            assert!(captures.is_empty(), "{captures}");
        }
    }
}

#[test]
fn a_backup_goes_from_one_store_to_the_other_and_back() {
    let Some(server) = server::uri() else { return };
    let lab = lab();
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("all.tar.zst");
    lab.at(LATER, &["backup", file.to_str().unwrap()]).ends(0);
    let uri = server::patient_uri(server, &format!("backup_{}", std::process::id()));
    let restore = [
        "restore",
        "all.tar.zst",
        "mongodb",
        "--store",
        &uri,
        "--now",
        LATER,
    ];
    vigie(place.path(), &restore).ends(0);
    let mongodb = place.path().join("mongodb");
    assert_eq!(exports(&mongodb), exports(lab.workspace.path()));
    // Not over what is there.
    let mut again = restore;
    again[2] = "again";
    let refused = vigie(place.path(), &again);
    assert!(refused.err.contains("there is a store at"), "{refused:#?}");
    refused.ends(2);
    vigie(&mongodb, &["backup", "back.tar.zst", "--now", LATER]).ends(0);
    let restore = [
        "restore",
        "mongodb/back.tar.zst",
        "sqlite",
        "--store",
        "sqlite:data/vigie.db",
    ];
    vigie(place.path(), &restore).ends(0);
    let sqlite = place.path().join("sqlite");
    assert_eq!(exports(&sqlite), exports(lab.workspace.path()));
    // What was not sealed can still change.
    lab.at(LATER, &["summarize"]).ends(0);
    vigie(&sqlite, &["summarize", "--now", LATER]).ends(0);
    assert_eq!(exports(&sqlite), exports(lab.workspace.path()));
}

#[test]
fn without_anything_collected_there_is_a_backup_too() {
    let workspace = Workspace::new("Tokyo");
    workspace.run(&["backup", "all.tar.zst"]).ends(0);
    workspace.run(&["restore", "all.tar.zst", "new"]).ends(0);
    let new = workspace.path().join("new");
    vigie(&new, &["export", "captures"]).ends(0);
    assert!(!new.join("data/vigie.db").exists());
}

#[test]
fn the_address_of_a_webhook_is_in_no_backup() {
    let lab = Lab::new("Paris", &[METAR], FaultPlan::none());
    let file = lab.workspace.path().join("vigie.toml");
    let mut settings = fs::read_to_string(&file).unwrap();
    settings.push_str("\n[notify]\nwebhook = \"https://hooks.example.org/t0ken\" # ours\n");
    fs::write(&file, settings).unwrap();
    let kept = tempfile::tempdir().unwrap();
    let file = kept.path().join("b.tar.zst");
    let ran = lab.at(NOON, &["backup", file.to_str().unwrap()]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        ran.err
            .contains("notify.webhook is not in the backup: set VIGIE_WEBHOOK"),
        "{ran:?}"
    );
    let place = tempfile::tempdir().unwrap();
    vigie(place.path(), &["restore", file.to_str().unwrap()]).ends(0);
    let settings = fs::read_to_string(place.path().join("vigie.toml")).unwrap();
    assert!(
        settings.contains("webhook = \"env:VIGIE_WEBHOOK\""),
        "{settings}"
    );
    assert!(!settings.contains("t0ken"), "{settings}");
}
