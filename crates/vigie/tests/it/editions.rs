//! Editions of reports: data that came late makes a new one, with its number and what changed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use vigie_testkit::FaultPlan;

use crate::support::Lab;

const METAR: &str = "metar-aviationweather";

/// A day of which half is known when it is reported: what was collected in the evening waits, for the store was away.
fn reported() -> Lab {
    let lab = Lab::new("Paris", &[METAR], FaultPlan::none());
    lab.workspace.configure(
        "report",
        "on_done = [\"sh\", \"-c\", \"cat >> told; echo >> told\"]",
    );
    lab.at("2026-11-22T11:00:00Z", &["collect"]).ends(0);
    lab.at("2026-11-22T11:00:00Z", &["summarize"]).ends(0);
    lab.at("2026-11-22T20:00:00Z", &["collect"]).ends(0);
    let out = lab.at("2026-11-23T06:10:00Z", &["report"]).ends(0);
    assert!(out.trim_end().ends_with("day_2026-11-22_en.pdf"), "{out}");
    lab
}

fn come_late(lab: &Lab) {
    lab.at("2026-11-23T07:00:00Z", &["summarize"]).ends(0);
}

fn in_reports(lab: &Lab) -> Vec<String> {
    let files = lab.workspace.files("reports");
    let names = files
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
    names.collect()
}

fn path_of(lab: &Lab, name: &str) -> PathBuf {
    lab.workspace.path().join("reports").join(name)
}

fn read(path: impl AsRef<Path>) -> Vec<u8> {
    fs::read(path).unwrap()
}

fn told(lab: &Lab) -> Vec<Value> {
    let text = fs::read_to_string(lab.workspace.path().join("told")).unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn late_data_makes_a_new_edition_that_says_what_changed() {
    let lab = reported();
    let pdf = path_of(&lab, "day_2026-11-22_en.pdf");
    let first = read(&pdf);
    assert_eq!(
        in_reports(&lab),
        ["day_2026-11-22.edition.json", "day_2026-11-22_en.pdf"]
    );
    // Nothing came: the report is the same edition, however often it is asked for.
    lab.at("2026-11-23T06:20:00Z", &["report"]).ends(0);
    let again = read(&pdf);
    assert_eq!(in_reports(&lab).len(), 2);
    come_late(&lab);
    // As cron does the next day: the report of that day, and what is new of those before.
    let out = lab.at("2026-11-24T06:10:00Z", &["report"]).ends(0);
    let names: Vec<&str> = out
        .lines()
        .map(|line| line.rsplit('/').next().unwrap())
        .collect();
    assert_eq!(names, ["day_2026-11-23_en.pdf", "day_2026-11-22_en.pdf"]);
    assert_eq!(
        read(path_of(&lab, "day_2026-11-22_en-edition-1.pdf")),
        again
    );
    assert_ne!(read(&pdf), first);
    let record: Value =
        serde_json::from_slice(&read(path_of(&lab, "day_2026-11-22.edition.json"))).unwrap();
    assert_eq!(record["number"], 2);
    assert_eq!(record["replaces"], "2026-11-23T06:10:00Z");
    assert_eq!(record["files"]["day_2026-11-22_en.pdf"]["edition"], 2);
    // It is passed on, with what changed.
    let all = told(&lab);
    let last = all.last().unwrap();
    assert_eq!(
        last["subject"],
        "[Vigie Paris] report of the day 2026-11-22, edition 2"
    );
    assert_eq!(last["data"]["edition"], 2);
    let text = last["text"].as_str().unwrap();
    assert!(
        text.contains("What changed since the edition before") && text.contains(" → "),
        "{text}"
    );
    // Looked at once more, there is nothing new.
    let before = all.len();
    lab.at("2026-11-25T06:10:00Z", &["report"]).ends(0);
    assert_eq!(told(&lab).len(), before + 1, "only the report of the day");
}

#[test]
fn every_format_says_which_edition_it_is_and_the_same_gives_the_same_bytes() {
    let lab = reported();
    come_late(&lab);
    let late = "2026-11-24T06:10:00Z";
    let of = |format: &str, language: &str| {
        let arguments = [
            "report",
            "--date",
            "2026-11-22",
            "--format",
            format,
            "--lang",
            language,
        ];
        lab.at(late, &arguments).ends(0);
        read(path_of(
            &lab,
            &format!("day_2026-11-22_{language}.{format}"),
        ))
    };
    let html = String::from_utf8(of("html", "fr")).unwrap();
    assert!(
        html.contains("Édition 2, remplace celle du ")
            && html.contains("Ce qui a changé depuis l’édition précédente"),
        "{html}"
    );
    let json: Value = serde_json::from_slice(&of("json", "en")).unwrap();
    assert_eq!(json["edition"]["number"], 2);
    let change = &json["edition"]["changes"][0];
    assert_eq!(change["id"], METAR);
    let figure = &change["figures"][0];
    assert_ne!(figure["before"], figure["now"], "{figure}");
    // The PDF that was the first edition is replaced, and kept.
    let pdf = of("pdf", "en");
    assert_eq!(pdf, of("pdf", "en"));
    assert!(path_of(&lab, "day_2026-11-22_en-edition-1.pdf").exists());
    // For themselves, the same edition; before it was made, that day was another.
    let shown = lab
        .at(
            late,
            &[
                "report",
                "--date",
                "2026-11-22",
                "--format",
                "json",
                "-o",
                "-",
            ],
        )
        .ends(0);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["edition"]["number"], 2);
}

#[test]
fn a_day_that_is_not_over_is_no_edition() {
    let lab = Lab::new("Paris", &[METAR], FaultPlan::none());
    for hour in [11, 15] {
        let time = format!("2026-11-22T{hour}:00:00Z");
        lab.at(&time, &["collect"]).ends(0);
        lab.at(&time, &["summarize"]).ends(0);
        lab.at(&time, &["report", "--date", "2026-11-22"]).ends(0);
        assert_eq!(in_reports(&lab), ["day_2026-11-22_en.pdf"]);
    }
    lab.at("2026-11-23T06:10:00Z", &["report"]).ends(0);
    let record: Value =
        serde_json::from_slice(&read(path_of(&lab, "day_2026-11-22.edition.json"))).unwrap();
    assert_eq!(record["number"], 1);
}
