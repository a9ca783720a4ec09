//! Alerts: when a rule is told, and when it is not.

use std::{fs, os::unix::fs::MetadataExt as _};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use vigie_testkit::FaultPlan;

use crate::support::{Lab, Provider, Workspace, own_definition};

pub(crate) const METAR: &str = "metar-aviationweather";
const USGS: &str = "usgs-earthquakes";
pub(crate) const NOON: &str = "2026-11-24T11:00:00Z";

/// A workspace whose messages go to the file `told`, a line each.
pub(crate) fn lab(sources: &[&str], rules: &str) -> Lab {
    let lab = Lab::new("Paris", sources, FaultPlan::none());
    add(
        &lab,
        "[notify]\ncommand = [\"sh\", \"-c\", \"cat >> told; echo >> told\"]\n",
    );
    add(&lab, rules);
    lab
}

pub(crate) fn add(lab: &Lab, text: &str) {
    let file = lab.workspace.path().join("vigie.toml");
    let before = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{before}\n{text}\n")).unwrap();
}

pub(crate) fn told(lab: &Lab) -> Vec<Value> {
    let text = fs::read_to_string(lab.workspace.path().join("told")).unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

pub(crate) fn collect_and_summarize(lab: &Lab, time: &str) {
    lab.at(time, &["collect"]).ends(0);
    lab.at(time, &["summarize"]).ends(0);
}

#[test]
fn an_episode_is_told_once_with_its_end() {
    let rule = "[[alerts]]\nname = \"Warm\"\nsource = \"metar-aviationweather\"\nmeasure = \"temperature\"\nabove = -90\n";
    let lab = lab(&[METAR], rule);
    collect_and_summarize(&lab, NOON);
    let first = told(&lab);
    assert_eq!(first.len(), 1, "{first:?}");
    assert_eq!(first[0]["data"]["change"], "begins");
    assert!(
        first[0]["subject"]
            .as_str()
            .unwrap()
            .starts_with("[Vigie Paris] Warm")
    );
    let text = first[0]["text"].as_str().unwrap();
    assert!(text.contains("≥ −90.0") || text.contains("≥ −90"), "{text}");
    let stations = first[0]["data"]["subjects"].as_array().unwrap().len();
    assert!(stations >= 1);

    // It goes on: nothing more is told, by whatever command.
    collect_and_summarize(&lab, "2026-11-24T11:30:00Z");
    lab.at("2026-11-24T11:31:00Z", &["alerts"]).ends(0);
    assert_eq!(told(&lab).len(), 1);

    // It holds no more: the end is told after a quarter of an hour, once.
    lab.workspace.reconfigure("above = -90", "above = 90");
    lab.at("2026-11-24T11:32:00Z", &["alerts"]).ends(0);
    lab.at("2026-11-24T11:40:00Z", &["alerts"]).ends(0);
    assert_eq!(told(&lab).len(), 1);
    lab.at("2026-11-24T11:48:00Z", &["alerts"]).ends(0);
    lab.at("2026-11-24T11:49:00Z", &["alerts"]).ends(0);
    let all = told(&lab);
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!(all[1]["data"]["change"], "ends");
    assert_eq!(
        all[1]["data"]["subjects"].as_array().unwrap().len(),
        stations
    );
    assert_eq!(all[1]["data"]["count"], stations);
    // It ended when it ceased to hold, and not when that had been so for a quarter of an hour.
    let text = all[1]["text"].as_str().unwrap();
    assert!(text.contains("(after 32\u{A0}min)"), "{text}");
    assert_eq!(
        all[1]["data"]["subjects"][0]["until"],
        "2026-11-24T11:32:00Z"
    );
}

#[test]
fn each_event_is_told_once_and_has_no_end() {
    let rule = "[[alerts]]\nname = \"Quake\"\nsource = \"usgs-earthquakes\"\nmeasure = \"magnitude\"\nabove = 0\nclear_minutes = 0\n";
    let lab = lab(&[USGS], rule);
    collect_and_summarize(&lab, NOON);
    let counted = |told: &[Value]| -> usize {
        let subjects = told
            .iter()
            .map(|message| message["data"]["subjects"].as_array().unwrap().len());
        subjects.sum()
    };
    let first = counted(&told(&lab));
    assert!(first > 0);
    // Two days later these are past.
    collect_and_summarize(&lab, "2026-11-26T11:00:00Z");
    let all = told(&lab);
    assert!(
        all.iter()
            .all(|message| message["data"]["change"] == "begins"),
        "{all:?}"
    );
    let mut ids: Vec<String> = all
        .iter()
        .flat_map(|message| message["data"]["subjects"].as_array().unwrap().clone())
        .map(|subject| subject["id"].to_string())
        .collect();
    let before = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), before, "an event was told twice");
}

#[test]
fn a_source_that_falls_silent_is_told_and_that_it_came_back() {
    let rule = "[[alerts]]\nname = \"Silent\"\nsource = \"metar-aviationweather\"\ncontent_age_minutes = 120\nclear_minutes = 0\n";
    let lab = lab(&[METAR], rule);
    collect_and_summarize(&lab, NOON);
    assert!(told(&lab).is_empty());
    for time in ["2026-11-24T16:00:00Z", "2026-11-24T17:00:00Z"] {
        lab.at(time, &["alerts"]).ends(0);
    }
    assert_eq!(told(&lab).len(), 1);
    collect_and_summarize(&lab, "2026-11-24T18:00:00Z");
    let all = told(&lab);
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!(all[1]["data"]["change"], "ends");
    // The store's absence is no reason to tell anything of values, and no reason to be silent about the rest.
    let shown: Value = serde_json::from_str(
        &lab.at("2026-11-24T18:01:00Z", &["alerts", "--json"])
            .ends(0),
    )
    .unwrap();
    assert_eq!(shown["rules"][0]["name"], "Silent");
    assert_eq!(shown["rules"][0]["open"].as_array().unwrap().len(), 0);
}

#[test]
fn a_source_that_never_gave_anything_is_told() {
    let rule = "[[alerts]]\nname = \"Silent\"\nsource = \"metar-aviationweather\"\ncontent_age_minutes = 120\n";
    let lab = lab(&[METAR], rule);
    let base = lab.base_url();
    // Nobody answers there.
    lab.workspace.reconfigure(&base, "http://127.0.0.1:9");
    lab.at(NOON, &["collect"]).ends(1);
    lab.at("2026-11-24T12:30:00Z", &["alerts"]);
    assert!(told(&lab).is_empty());
    lab.at("2026-11-24T13:30:00Z", &["alerts"]);
    let all = told(&lab);
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(all[0]["data"]["subjects"][0]["figure"], "2\u{A0}h\u{A0}39");
}

#[test]
fn too_few_downloads_are_told_and_that_there_are_enough_again() {
    let rule = "[[alerts]]\nname = \"Gaps\"\nsource = \"metar-aviationweather\"\ncompleteness_below = 0.9\nclear_minutes = 0\n";
    let lab = lab(&[METAR], rule);
    // Of two downloads nothing is said, of three out of three nothing is to be told.
    collect_and_summarize(&lab, NOON);
    collect_and_summarize(&lab, "2026-11-24T11:10:00Z");
    collect_and_summarize(&lab, "2026-11-24T11:20:00Z");
    assert!(told(&lab).is_empty(), "{:?}", told(&lab));
    collect_and_summarize(&lab, "2026-11-24T12:50:00Z");
    let all = told(&lab);
    assert_eq!(all.len(), 1, "{all:?}");
    let figure = all[0]["data"]["subjects"][0]["figure"].as_str().unwrap();
    let (obtained, rest) = figure.split_once('/').unwrap();
    let (expected, share) = rest.split_once(" (").unwrap();
    let (obtained, expected): (f64, f64) = (obtained.parse().unwrap(), expected.parse().unwrap());
    assert!(figure.starts_with("4/"), "{figure}");
    assert!(expected > 4.5 && expected < 13.0, "{figure}");
    let share: f64 = share.trim_end_matches("%)").parse().unwrap();
    assert!(
        (share - 100.0 * obtained / expected).abs() < 0.1,
        "{figure}"
    );
    // A day later the gap is no more in sight.
    for time in ["25T12:50", "25T13:00", "25T13:10", "25T13:20"] {
        lab.at(&format!("2026-11-{time}:00Z"), &["collect"]).ends(0);
    }
    let before = told(&lab).len();
    lab.workspace
        .reconfigure("completeness_below = 0.9", "completeness_below = 0.001");
    lab.at("2026-11-25T13:21:00Z", &["alerts"]).ends(0);
    let all = told(&lab);
    assert_eq!(all.len(), before + 1);
    assert_eq!(all[before]["data"]["change"], "ends");
}

/// While a folder is where its file should be, the store is away.
fn take_the_store_away(lab: &Lab) {
    let data = lab.workspace.path().join("data");
    fs::rename(data.join("vigie.db"), data.join("kept.db")).unwrap();
    fs::create_dir(data.join("vigie.db")).unwrap();
}

fn bring_the_store_back(lab: &Lab) {
    let data = lab.workspace.path().join("data");
    fs::remove_dir(data.join("vigie.db")).unwrap();
    fs::rename(data.join("kept.db"), data.join("vigie.db")).unwrap();
}

#[test]
fn while_the_store_is_away_the_age_is_told_and_no_event_is_told_again() {
    let rules = "[[alerts]]\nname = \"Quake\"\nsource = \"usgs-earthquakes\"\nmeasure = \"magnitude\"\nabove = 0\n\
        [[alerts]]\nname = \"Silent\"\nsource = \"usgs-earthquakes\"\ncontent_age_minutes = 30\n";
    let lab = lab(&[USGS], rules);
    collect_and_summarize(&lab, NOON);
    let before = told(&lab).len();
    assert!(before >= 1);
    take_the_store_away(&lab);
    let ran = lab.at("2026-11-24T14:00:00Z", &["alerts"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.out.contains("Silent: holds (1)"), "{ran:?}");
    assert!(
        ran.out.contains("Quake: holds ("),
        "what was told is remembered: {ran:?}"
    );
    let all = told(&lab);
    assert_eq!(all.len(), before + 1, "{all:?}");
    assert_eq!(all[before]["data"]["rule"], "Silent");
    bring_the_store_back(&lab);
    lab.at("2026-11-24T14:01:00Z", &["alerts"]).ends(0);
    assert_eq!(told(&lab).len(), before + 1, "told again: {:?}", told(&lab));
}

#[test]
fn under_cron_the_age_is_told_by_a_summary_that_finds_no_store() {
    let rule = "[[alerts]]\nname = \"Silent\"\nsource = \"metar-aviationweather\"\ncontent_age_minutes = 30\n";
    let lab = lab(&[METAR], rule);
    collect_and_summarize(&lab, NOON);
    take_the_store_away(&lab);
    lab.at("2026-11-24T16:00:00Z", &["summarize"]).ends(3);
    assert_eq!(told(&lab).len(), 1);
    bring_the_store_back(&lab);
}

#[test]
fn a_rule_that_cannot_be_looked_at_is_in_nobodys_way() {
    let rules = "[[alerts]]\nname = \"Quake\"\nsource = \"usgs-earthquakes\"\nmeasure = \"magnitude\"\nabove = 99\n\
        [[alerts]]\nname = \"Warm\"\nsource = \"metar-aviationweather\"\nmeasure = \"temperature\"\nabove = 99\n";
    let lab = lab(&[USGS, METAR], rules);
    collect_and_summarize(&lab, NOON);
    let db = rusqlite::Connection::open(lab.workspace.path().join("data/vigie.db")).unwrap();
    db.execute("ALTER TABLE events RENAME TO elsewhere", [])
        .unwrap();
    lab.workspace.reconfigure(
        "measure = \"temperature\"\nabove = 99",
        "measure = \"temperature\"\nabove = -90",
    );
    let ran = lab.at("2026-11-24T11:01:00Z", &["alerts"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.out.contains("Quake: not known\n  not looked at: "),
        "{ran:?}"
    );
    assert!(ran.err.contains("an alert was not looked at"), "{ran:?}");
    assert_eq!(told(&lab).len(), 1, "{ran:?}");
}

#[test]
fn an_event_that_is_revised_to_and_fro_is_told_once() {
    let rule = "[[alerts]]\nname = \"Quake\"\nsource = \"usgs-earthquakes\"\nmeasure = \"magnitude\"\nabove = 0\nclear_minutes = 0\n";
    let lab = lab(&[USGS], rule);
    collect_and_summarize(&lab, NOON);
    assert_eq!(told(&lab).len(), 1);
    // The threshold goes to and fro, which is the same.
    for (minute, from, to) in [
        (1, "above = 0", "above = 10"),
        (2, "above = 10", "above = 0"),
    ] {
        lab.workspace.reconfigure(from, to);
        let out = lab
            .at(&format!("2026-11-24T11:0{minute}:00Z"), &["alerts"])
            .ends(0);
        assert_eq!(out.contains("does not hold"), minute == 1, "{out}");
    }
    assert_eq!(told(&lab).len(), 1, "{:?}", told(&lab));
}

#[test]
fn the_state_is_written_only_when_it_changed() {
    let rule = "[[alerts]]\nname = \"Warm\"\nsource = \"metar-aviationweather\"\nmeasure = \"temperature\"\nabove = -90\n";
    let lab = lab(&[METAR], rule);
    collect_and_summarize(&lab, NOON);
    let state = lab.workspace.path().join("data/alerts.json");
    let before = fs::metadata(&state).unwrap().ino();
    for minute in 10..14 {
        lab.at(&format!("2026-11-24T11:{minute}:00Z"), &["alerts"])
            .ends(0);
    }
    assert_eq!(
        fs::metadata(&state).unwrap().ino(),
        before,
        "it was replaced"
    );
    // A station that is never seen again is forgotten after a week.
    lab.at("2026-11-30T11:00:00Z", &["alerts"]).ends(0);
    assert!(fs::read_to_string(&state).unwrap().contains("\"Warm\""));
    lab.at("2026-12-02T11:00:00Z", &["alerts"]).ends(0);
    assert!(!fs::read_to_string(&state).unwrap().contains("\"Warm\""));
    assert_eq!(told(&lab).len(), 1);
}

/// A workspace with one source of the test's own, and a rule on it.
fn own(rule: &str, edit: impl FnOnce(String) -> String) -> (Workspace, Provider) {
    let provider = Provider::start();
    let workspace = Workspace::new("Paris");
    let file = workspace.path().join("vigie.toml");
    let text = fs::read_to_string(&file).unwrap();
    let settings = text.split_once("[sources.").unwrap().0;
    let address = &provider.address;
    fs::write(
        &file,
        format!(
            "{settings}\n[notify]\ncommand = [\"sh\", \"-c\", \"cat >> told; echo >> told\"]\n\
             [[alerts]]\nname = \"Mine\"\nsource = \"mine\"\n{rule}\n[sources.mine]\nbase_url = \"{address}\"\n"
        ),
    )
    .unwrap();
    fs::create_dir_all(workspace.path().join("sources")).unwrap();
    let definition = edit(own_definition("", "{ kind = \"open\" }"));
    fs::write(workspace.path().join("sources/mine.toml"), definition).unwrap();
    (workspace, provider)
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn run(workspace: &Workspace, time: &str, arguments: &[&str]) -> String {
    let arguments = [arguments, &["--now", time]].concat();
    workspace.run(&arguments).ends(0)
}

fn told_in(workspace: &Workspace) -> Vec<Value> {
    let text = fs::read_to_string(workspace.path().join("told")).unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn report(time: Timestamp, value: f64) -> Value {
    json!({ "icaoId": "LFPG", "obsTime": time.as_second(), "temp": value })
}

#[test]
fn of_a_forecast_the_value_of_now_counts_and_the_age_of_the_answer() {
    let (workspace, provider) = own("measure = \"temperature\"\nabove = 50", |definition| {
        definition.replace("horizon = \"2d\"", "horizon = \"2d\"\nfuture = \"2d\"")
    });
    // Mild now; hot from half past on, in the same hour and in all that follow.
    let rows: Vec<Value> = (0..24)
        .map(|half: i64| {
            let time = at(NOON) + SignedDuration::from_mins(30 * half);
            report(time, if half == 0 { 12.0 } else { 60.0 })
        })
        .collect();
    provider.says(&json!(rows).to_string());
    run(&workspace, "2026-11-24T11:05:00Z", &["collect"]);
    run(&workspace, "2026-11-24T11:05:00Z", &["summarize"]);
    assert!(told_in(&workspace).is_empty(), "{:?}", told_in(&workspace));
    run(&workspace, "2026-11-24T12:05:00Z", &["alerts"]);
    assert_eq!(told_in(&workspace).len(), 1);
    // It reaches to the night, and is as old as the answer that had it all the same.
    for (time, age, stale) in [
        ("2026-11-24T14:05:00Z", 3 * 3600, false),
        ("2026-11-24T14:06:00Z", 3 * 3600 + 60, true),
    ] {
        let status = workspace.run(&["status", "--json", "--now", time]);
        let status: Value = serde_json::from_str(&status.ends(i32::from(stale))).unwrap();
        let source = &status["sources"][0];
        assert_eq!(source["content_age_seconds"], json!(age), "{source}");
        assert_eq!(source["freshness"]["stale"], json!(stale));
        assert_eq!(
            source["freshness"]["observed_at"],
            json!("2026-11-24T22:30:00Z")
        );
    }
}

/// Hours of five weeks up to a time, as usual as can be but for those in `odd`.
fn weeks(until: Timestamp, odd: std::ops::Range<Timestamp>) -> String {
    let first = at("2026-10-20T00:00:00Z");
    let hours = (0..)
        .map(|hour| first + SignedDuration::from_hours(hour))
        .take_while(|time| *time <= until);
    let rows = hours.enumerate().map(|(index, time)| {
        let wave = (index % 24) as f64 / 4.0 + (index * 7 % 11) as f64 / 10.0;
        report(
            time,
            if odd.contains(&time) {
                44.0
            } else {
                10.0 + wave
            },
        )
    });
    json!(rows.collect::<Vec<_>>()).to_string()
}

#[test]
fn what_is_unusual_is_told_once_with_its_end() {
    let (workspace, provider) = own("unusual = true\nclear_minutes = 0", |definition| definition);
    let odd = at("2026-11-24T09:00:00Z")..at(NOON);
    let look = |time: &str| {
        provider.says(&weeks(at(time), odd.clone()));
        run(&workspace, time, &["collect"]);
        run(&workspace, time, &["summarize"]);
    };
    look("2026-11-24T08:15:00Z");
    assert!(told_in(&workspace).is_empty(), "{:?}", told_in(&workspace));
    look("2026-11-24T10:15:00Z");
    let all = told_in(&workspace);
    assert_eq!(all.len(), 1, "{all:?}");
    let text = all[0]["text"].as_str().unwrap();
    assert!(
        text.contains("Unusual: Temperature") && text.contains("↑ 44") && text.contains("(usual: "),
        "{text}"
    );
    assert!(
        text.contains("Chance alone would flag about one value in "),
        "{text}"
    );
    // Within the hour it is not looked at again, and goes on.
    let state = fs::read_to_string(workspace.path().join("data/alerts.json")).unwrap();
    look("2026-11-24T10:45:00Z");
    let out = run(&workspace, "2026-11-24T10:46:00Z", &["alerts"]);
    assert!(out.contains("Mine: holds (1)"), "{out}");
    assert_eq!(
        state,
        fs::read_to_string(workspace.path().join("data/alerts.json")).unwrap()
    );
    look("2026-11-24T12:15:00Z");
    assert_eq!(told_in(&workspace).len(), 1);
    look("2026-11-24T14:30:00Z");
    let all = told_in(&workspace);
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!(all[1]["data"]["change"], "ends");
    let out = run(&workspace, "2026-11-24T14:31:00Z", &["alerts"]);
    assert!(out.contains("Mine: does not hold"), "{out}");
}

#[test]
fn a_rule_on_what_has_no_usual_value_is_refused() {
    for (rule, said) in [
        ("source = \"usgs-earthquakes\"", "it says events"),
        (
            "source = \"metar-aviationweather\"\nmeasure = \"pressure\"",
            "in `temperature`",
        ),
    ] {
        let rule = format!("[[alerts]]\nname = \"Odd\"\n{rule}\nunusual = true\n");
        let lab = lab(&[USGS, METAR], &rule);
        let ran = lab.at(NOON, &["alerts"]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.err.contains(said), "{ran:?}");
    }
}

#[test]
fn a_rule_that_says_nothing_is_refused_with_what_was_meant() {
    let rule = "[[alerts]]\nname = \"Warm\"\nsource = \"metar-aviationweather\"\nmeasure = \"temperatur\"\nabove = 30\n";
    let lab = lab(&[METAR], rule);
    let ran = lab.at(NOON, &["alerts"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("did you mean `temperature`?"), "{ran:?}");
    let doctor = lab.at(NOON, &["doctor"]);
    assert!(
        doctor.out.contains("did you mean `temperature`?"),
        "{doctor:?}"
    );
}
