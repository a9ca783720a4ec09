//! A store that is away, and the same bodies in another order.

use std::{fs, path::Path};

use vigie_testkit::FaultPlan;

use crate::support::{Lab, Workspace};

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
