//! Room on the disk: what goes first, and what is never touched.

use std::{fs, path::PathBuf, time::Duration};

use serde_json::Value;
use vigie_testkit::{FaultKind, FaultPlan};

use super::{METAR, METAR_PATH, NOON};
use crate::support::{Lab, Workspace, always};

/// What counts against the budget.
fn used(workspace: &Workspace) -> u64 {
    let folders = ["data/raw", "data/quarantine", "data/archive"];
    let mut files: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| workspace.files(folder))
        .collect();
    files.push(workspace.path().join("data/ledger.db"));
    files
        .iter()
        .filter_map(|path| fs::metadata(path).ok())
        .map(|metadata| metadata.len())
        .sum()
}

#[test]
fn the_oldest_summarised_files_go_when_the_budget_is_spent() {
    let lab = Lab::new("Paris", &[METAR], FaultPlan::none());
    lab.workspace.configure("raw", "after = \"keep\"");
    let times = ["11:00", "11:40", "12:20", "13:00"].map(|t| format!("2026-11-24T{t}:00Z"));
    for time in &times[..3] {
        lab.at(time, &["collect"]).ends(0);
        lab.at(time, &["summarize"]).ends(0);
    }
    lab.at(&times[3], &["collect"]).ends(0);
    let exports = [
        lab.workspace.exported("summaries"),
        lab.workspace.exported("captures"),
    ];
    let files = lab.workspace.files("data/raw");
    assert_eq!(files.len(), 8, "four bodies with their manifests");
    // Room for all but one byte: the oldest goes, and only that.
    let budget = used(&lab.workspace) - 1;
    lab.workspace
        .configure("disk", &format!("budget_bytes = {budget}"));
    lab.at(&times[3], &["collect", "--due"]).ends(0);
    assert_eq!(lab.workspace.files("data/raw"), files[2..]);

    // Nothing but what was not summarised is left, and still too much: collecting pauses.
    lab.workspace
        .reconfigure(&format!("budget_bytes = {budget}"), "budget_bytes = 1");
    let requests = lab.requests().len();
    let ran = lab.at("2026-11-24T13:40:00Z", &["collect"]);
    assert!(ran.err.contains("disk.budget_bytes = 1"), "{ran:#?}");
    ran.ends(1);
    assert_eq!(lab.requests().len(), requests);
    assert_eq!(
        lab.workspace.files("data/raw"),
        files[6..],
        "the unsummarised file stays"
    );
    let status: Value =
        serde_json::from_str(&lab.at(&times[3], &["status", "--json"]).ends(1)).unwrap();
    assert_eq!(status["paused"]["name"], "disk-budget-exceeded");
    let doctor = lab.at(&times[3], &["doctor", "--json"]).ends(1);
    assert!(doctor.contains("\"disk-budget-exceeded\""), "{doctor}");
    // Tombstones and summaries stay.
    assert_eq!(lab.workspace.exported("captures"), exports[1]);
    assert_eq!(lab.workspace.exported("summaries"), exports[0]);
    lab.workspace
        .reconfigure("budget_bytes = 1", "budget_bytes = 100000000");
    lab.at("2026-11-24T13:40:00Z", &["collect"]).ends(0);
    lab.at("2026-11-24T13:40:00Z", &["summarize"]).ends(0);
}

#[test]
fn old_archives_go_and_new_ones_grow_on() {
    let lab = Lab::new("Paris", &[METAR], FaultPlan::none());
    lab.workspace.configure("raw", "after = \"archive\"");
    for time in ["2026-10-24T11:00:00Z", NOON] {
        lab.at(time, &["collect"]).ends(0);
        lab.at(time, &["summarize"]).ends(0);
    }
    let archives = lab.workspace.files("data/archive");
    assert_eq!(archives.len(), 2);
    let budget = used(&lab.workspace) - 1;
    lab.workspace
        .configure("disk", &format!("budget_bytes = {budget}"));
    lab.at(NOON, &["collect", "--due"]).ends(0);
    assert_eq!(lab.workspace.files("data/archive"), archives[1..]);
    lab.workspace.reconfigure(
        &format!("budget_bytes = {budget}"),
        "budget_bytes = 100000000",
    );
    // A file of the month that went begins its archive anew; that of this month grows.
    let length = fs::metadata(&archives[1]).unwrap().len();
    lab.at("2026-11-24T11:30:00Z", &["collect"]).ends(0);
    lab.at("2026-11-24T11:30:00Z", &["summarize"]).ends(0);
    assert!(fs::metadata(&archives[1]).unwrap().len() > length);
    let doctor = lab.at("2026-11-24T11:30:00Z", &["doctor"]);
    assert!(!doctor.out.contains("archive"), "{doctor:#?}");
}

#[test]
fn quarantine_keeps_to_its_limits() {
    let lab = Lab::new(
        "Paris",
        &[METAR],
        always(METAR_PATH, FaultKind::HtmlInstead),
    );
    for time in [NOON, "2026-11-24T11:20:00Z"] {
        lab.at(time, &["collect"]).ends(1);
    }
    let files = lab.workspace.files("data/quarantine");
    assert_eq!(files.len(), 4);
    // Old by its name alone (a clock that was set forward) is not old.
    lab.at("2027-11-24T11:00:00Z", &["summarize"]).ends(0);
    assert_eq!(lab.workspace.files("data/quarantine"), files);
    let first = fs::File::options().write(true).open(&files[0]).unwrap();
    let written = first.metadata().unwrap().modified().unwrap();
    first
        .set_modified(written - Duration::from_hours(24 * 91))
        .unwrap();
    // Nor is one old by the date of its file alone.
    lab.at("2026-11-24T11:30:00Z", &["summarize"]).ends(0);
    assert_eq!(lab.workspace.files("data/quarantine"), files);
    lab.at("2027-11-24T11:00:00Z", &["summarize"]).ends(0);
    assert_eq!(lab.workspace.files("data/quarantine"), files[2..]);
    lab.workspace.configure("disk", "quarantine_bytes_max = 1");
    lab.at("2026-11-24T11:30:00Z", &["summarize"]).ends(0);
    assert!(lab.workspace.files("data/quarantine").is_empty());
    // Why they were set aside is still known.
    let captures = lab.workspace.captures(METAR);
    assert!(
        captures
            .iter()
            .all(|capture| capture["outcome"] == "quarantined")
    );
    assert_eq!(captures.len(), 2);
}
