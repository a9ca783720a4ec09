//! The program killed between any two steps, and run again.

use std::{fs, time::Duration};

use vigie_testkit::{FaultKind, FaultPlan, When};

use crate::{
    server,
    support::{Lab, Ran, Workspace},
};

const SOURCES: [&str; 3] = ["usgs-earthquakes", "ecb-eurofxref-daily", METAR];
const METAR: &str = "metar-aviationweather";
const TRUNCATED_AT: &str = "2026-11-24T11:40:00Z";

/// What is done: when, which step, and its exit code. Days later the buckets are sealed, and at the end the first days are no longer
/// kept.
const STEPS: [(&str, &str, i32); 9] = [
    ("2026-11-24T11:00:00Z", "collect", 0),
    ("2026-11-24T11:20:00Z", "collect", 0),
    ("2026-11-24T11:20:00Z", "summarize", 0),
    (TRUNCATED_AT, "collect", 0),
    (TRUNCATED_AT, "summarize", 1),
    ("2026-11-27T12:00:00Z", "collect", 0),
    ("2026-11-27T12:00:00Z", "summarize", 0),
    ("2027-01-01T12:00:00Z", "collect", 0),
    ("2027-01-01T12:00:00Z", "summarize", 0),
];
/// The first day that is kept, 35 days before the newest of each source; the European Central Bank's newest is a day older.
const KEPT_FROM: &str = "2026-11-26";

/// The points of `fault.rs`, so that none is forgotten here.
fn points() -> Vec<&'static str> {
    let text = include_str!("../../../vigie-store/src/fault.rs");
    let list = text
        .split_once("POINTS: [")
        .unwrap()
        .1
        .split_once("];")
        .unwrap()
        .0;
    let points: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
    assert!(
        points.len() >= 34 && points.contains(&"summarize.forgotten"),
        "{points:?}"
    );
    points
}

/// What a run leaves behind.
#[derive(PartialEq)]
struct End {
    summaries: String,
    events: String,
    quarantine: usize,
    archived: Vec<String>,
}

fn lab(store: &str) -> Lab {
    let truncated = TRUNCATED_AT.parse().unwrap();
    let faults = When::Window(truncated, truncated + jiff::SignedDuration::from_secs(1));
    let faults = FaultPlan::none().and("/api/data/metar", FaultKind::TruncatedJson, faults);
    let lab = Lab::in_workspace(Workspace::with_store("Paris", store), &SOURCES, faults);
    lab.workspace.configure("raw", "after = \"archive\"");
    lab.workspace
        .configure("store", "keep_summaries_days = 35\nkeep_events_days = 35");
    lab
}

/// When a step that was killed is taken up.
#[derive(Clone, Copy, PartialEq)]
enum Again {
    /// It is run again at once.
    AtOnce,
    /// The next time that the step is due, perhaps days later.
    WhenDue,
}

/// Runs all steps, one of which is killed at a point.
fn run(store: &str, crash_at: Option<&str>, again: Again) -> End {
    let lab = lab(store);
    let mut crashed = false;
    for (time, step, code) in STEPS {
        let mut command = lab.command_at(time, &[step]);
        if let Some(point) = crash_at.filter(|_| !crashed) {
            command.env("VIGIE_CRASH_AT", point);
        }
        let mut ran = Ran::of(command.output().unwrap());
        if ran.code.is_none() {
            assert!(
                !crashed && crash_at.is_some(),
                "{step} was killed: {ran:#?}"
            );
            crashed = true;
            if again == Again::WhenDue {
                continue;
            }
            ran = lab.at(time, &[step]);
        }
        // What was set aside before a kill is not set aside again, and what was not is set aside later.
        let tolerated = crashed && matches!(ran.code, Some(0 | 1));
        assert!(
            tolerated || ran.code == Some(code),
            "{crash_at:?}, {step} at {time}: {ran:#?}"
        );
    }
    assert_eq!(
        crashed,
        crash_at.is_some(),
        "{crash_at:?} was never reached"
    );
    // What a kill cut short (a temporary file, a manifest whose body never came) is swept after an hour.
    for path in lab.workspace.files("data/raw") {
        let name = path.file_name().unwrap().to_str().unwrap();
        let cut_short = name.starts_with(".tmp-") || name.ends_with(".manifest.json");
        assert!(crashed && cut_short, "{crash_at:?} left {}", path.display());
        let file = fs::File::options().write(true).open(&path).unwrap();
        let written = file.metadata().unwrap().modified().unwrap();
        file.set_modified(written - Duration::from_hours(2))
            .unwrap();
    }
    lab.at("2027-01-01T12:01:00Z", &["summarize"]).ends(0);
    let raw = lab.workspace.files("data/raw");
    assert!(raw.is_empty(), "{crash_at:?} left {raw:?}");
    let captures = lab.workspace.exported("captures");
    assert!(!captures.contains("\"landed\""), "{crash_at:?}: {captures}");
    End {
        summaries: lab.workspace.exported("summaries"),
        events: lab.workspace.exported("events"),
        quarantine: lab.workspace.files("data/quarantine").len(),
        archived: archived(&lab.workspace),
    }
}

/// The names in all archives.
fn archived(workspace: &Workspace) -> Vec<String> {
    let mut names = Vec::new();
    for path in workspace.files("data") {
        if !path.to_str().unwrap().ends_with(".tar.zst") {
            continue;
        }
        let file = zstd::Decoder::new(fs::File::open(path).unwrap()).unwrap();
        for entry in tar::Archive::new(file).entries().unwrap() {
            names.push(entry.unwrap().path().unwrap().to_str().unwrap().to_owned());
        }
    }
    names.sort();
    names
}

/// The text of the first line that differs.
fn difference(left: &str, right: &str) -> Option<String> {
    let (mut left, mut right) = (left.lines(), right.lines());
    loop {
        match (left.next(), right.next()) {
            (None, None) => return None,
            (a, b) if a == b => {}
            (a, b) => return Some(format!("{a:?} instead of {b:?}")),
        }
    }
}

/// Every point, some of them passed once more, and some taken up late.
///
/// `of_store` leaves out what does not depend on the store.
fn kill_everywhere(of_store: bool, store: impl Fn(&str) -> String) {
    let undisturbed = run("sqlite:data/vigie.db", None, Again::AtOnce);
    assert!(undisturbed.summaries.lines().count() > 100);
    assert!(undisturbed.events.lines().count() > 10);
    for (text, time) in [
        (&undisturbed.summaries, "hour"),
        (&undisturbed.events, "observed_at"),
    ] {
        let lines = text.lines().map(serde_json::from_str::<serde_json::Value>);
        let oldest = lines.map(|line| line.unwrap()[time].as_str().unwrap().to_owned());
        let oldest = oldest.min().unwrap();
        assert!(
            oldest.as_str() >= KEPT_FROM && oldest.as_str() < "2026-12",
            "{oldest}"
        );
    }
    assert_eq!(undisturbed.quarantine, 2, "a body and its manifest");
    assert!(
        undisturbed.archived.len() > 10,
        "{:?}",
        undisturbed.archived
    );
    let second = [
        "collect.answered#3",
        "collect.landed#2",
        "durable.staged#2",
        "ledger.written#2",
        "summarize.sealed#2",
        "summarize.forgotten#2",
    ];
    let at_once = points()
        .into_iter()
        .chain(second)
        .map(|point| (point, Again::AtOnce));
    let late = [
        "summarize.merged#2",
        "summarize.archived#2",
        "summarize.buried#3",
        "summarize.removed#2",
        "summarize.condemned#1",
    ];
    let late = late.into_iter().map(|point| (point, Again::WhenDue));
    for (point, again) in at_once.chain(late) {
        let of_files = !["merge.", "seal.", "summarize."]
            .iter()
            .any(|step| point.starts_with(step))
            || (point.contains('#') && point != "summarize.merged#2");
        if of_store && of_files {
            continue;
        }
        let killed = run(&store(point), Some(point), again);
        let different = difference(&killed.summaries, &undisturbed.summaries);
        assert_eq!(different, None, "{point}: summaries");
        let different = difference(&killed.events, &undisturbed.events);
        assert_eq!(different, None, "{point}: events");
        assert_eq!(killed.quarantine, undisturbed.quarantine, "{point}");
        assert_eq!(killed.archived, undisturbed.archived, "{point}");
    }
}

#[test]
fn killed_anywhere_and_run_again_sqlite_ends_the_same() {
    kill_everywhere(false, |_| "sqlite:data/vigie.db".to_owned());
}

#[test]
fn killed_anywhere_and_run_again_mongodb_ends_the_same() {
    let Some(server) = server::uri() else { return };
    kill_everywhere(true, |point| {
        let name = point.replace(['.', '#'], "_");
        server::patient_uri(server, &format!("kills_{}_{name}", std::process::id()))
    });
}

/// The answer was landed, but the ledger knows nothing of it: summarising takes it up all the same.
#[test]
fn a_body_that_the_ledger_missed_is_summarised() {
    let lab = Lab::new("Paris", &[METAR], FaultPlan::none());
    let time = "2026-11-24T11:00:00Z";
    let mut command = lab.command_at(time, &["collect"]);
    let killed = Ran::of(
        command
            .env("VIGIE_CRASH_AT", "collect.landed")
            .output()
            .unwrap(),
    );
    assert_eq!(killed.code, None, "{killed:#?}");
    assert!(lab.workspace.export("captures").is_empty());
    lab.at(time, &["summarize"]).ends(0);
    let captures = lab.workspace.export("captures");
    assert_eq!(
        (captures.len(), &captures[0]["outcome"]),
        (1, &"summarized".into())
    );
    assert!(captures[0]["rows"].as_u64() > Some(1), "{captures:?}");
    assert!(lab.workspace.files("data/raw").is_empty());
}
