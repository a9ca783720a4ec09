//! `vigie report`: its formats, the user's template, and a day against the days before it.

use std::{collections::BTreeMap, fs};

use jiff::Timestamp;
use serde_json::Value;
use vigie_testkit::FaultPlan;

use crate::support::Lab;

/// Nine days of earthquakes, asked once a day for those of the past 24 hours.
fn watched() -> Lab {
    let lab = Lab::new("Earth", &["usgs-earthquakes"], FaultPlan::none());
    for day in 15..24 {
        lab.at(&format!("2026-11-{day}T23:59:00Z"), &["collect"])
            .ends(0);
    }
    lab.at("2026-11-23T23:59:30Z", &["summarize"]).ends(0);
    lab
}

const LATER: &str = "2026-11-24T02:00:00Z";

#[test]
fn a_day_is_told_against_the_days_before() {
    let lab = watched();
    let json = lab
        .at(LATER, &["report", "--format", "json", "-o", "-"])
        .ends(0);
    let analysis: Value = serde_json::from_str(&json).unwrap();
    let source = &analysis["sources"][0];
    let events = &source["findings"]["events"];
    let (count, usual) = (events["count"].as_u64().unwrap(), &events["usual"]);
    assert!(
        count > 5 && usual["samples"].as_u64().unwrap() >= 7,
        "{events}"
    );
    let median = usual["median"].as_f64().unwrap();
    assert!(
        (count as f64) > 0.2 * median && (count as f64) < 5.0 * median,
        "{events}"
    );
    let classes = events["classes"].as_array().unwrap();
    let classed: u64 = classes
        .iter()
        .map(|class| class["count"].as_u64().unwrap())
        .sum();
    assert_eq!(classed, count);
    let said = |language: &str| {
        source["sentences"][0][language]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert!(
        said("en").starts_with(&format!("{count} earthquakes, the strongest M ")),
        "{}",
        said("en")
    );
    assert!(
        said("en").contains("; usual: ") && said("fr").contains("habituel\u{A0}: "),
        "{}",
        said("fr")
    );
    // A day too early for that says so, and names nothing usual.
    let early = lab
        .at(
            LATER,
            &[
                "report",
                "--format",
                "json",
                "-o",
                "-",
                "--date",
                "2026-11-17",
            ],
        )
        .ends(0);
    let early: Value = serde_json::from_str(&early).unwrap();
    let findings = &early["sources"][0]["findings"];
    assert_eq!(findings["history"]["enough"], false);
    assert!(findings["events"]["usual"].is_null());
}

#[test]
fn the_format_is_that_of_the_file_or_what_is_asked_for() {
    let lab = watched();
    for (arguments, file, start) in [
        (&["-o", "r.html"][..], "r.html", "<!doctype html>"),
        (&["-o", "r.json"], "r.json", "{\n  \"zone\""),
        (
            &["-o", "r.bin", "--format", "html"],
            "r.bin",
            "<!doctype html>",
        ),
        (
            &["--format", "html"],
            "reports/day_2026-11-23_en.html",
            "<!doctype html>",
        ),
        (&[], "reports/day_2026-11-23_en.pdf", "%PDF-1.7"),
    ] {
        let command = [&["report"], arguments].concat();
        let printed = lab.at(LATER, &command).ends(0);
        let path = lab.workspace.path().join(file);
        assert_eq!(
            printed.trim_end(),
            path.canonicalize().unwrap().display().to_string()
        );
        assert!(
            fs::read(path).unwrap().starts_with(start.as_bytes()),
            "{file}"
        );
    }
    let html = fs::read_to_string(lab.workspace.path().join("r.html")).unwrap();
    assert!(html.contains("the strongest M ") && html.contains("<svg"));
}

#[test]
fn a_template_of_the_user_is_used_and_its_faults_are_named() {
    let lab = watched();
    lab.workspace.configure("report", "template = \"mine.typ\"");
    let missing = lab.at(LATER, &["report"]);
    assert_eq!(missing.code, Some(2));
    assert!(
        missing.err.contains("mine.typ") && missing.err.contains("report.template"),
        "{}",
        missing.err
    );
    let template = lab.workspace.path().join("mine.typ");
    fs::write(&template, "#let r = json(\"/report.json\")\n#nobody").unwrap();
    let wrong = lab.at(LATER, &["report"]);
    assert!(wrong.err.contains("line 2"), "{}", wrong.err);
    // The example of the documentation is one.
    let readme = include_str!("../../../vigie-report/templates/README.md");
    let example = readme
        .split("```typst\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    fs::write(&template, example).unwrap();
    let built_in = lab
        .at(LATER, &["report", "--format", "html", "-o", "r.html"])
        .ends(0);
    assert!(!built_in.is_empty());
    let printed = lab.at(LATER, &["report"]).ends(0);
    assert!(fs::read(printed.trim_end()).unwrap().starts_with(b"%PDF"));
}

#[test]
fn records_are_told_since_the_first_day_that_is_known_and_old_days_are_read_once() {
    let lab = watched();
    let past = ["--from", "2026-08-01", "--to", "2026-11-14"];
    lab.at(
        LATER,
        &[&["backfill", "usgs-earthquakes"], &past[..]].concat(),
    )
    .ends(0);
    lab.at(LATER, &["summarize"]).ends(0);
    let mut strongest: BTreeMap<String, f64> = BTreeMap::new();
    for event in lab.workspace.export("events") {
        let at: Timestamp = event["observed_at"].as_str().unwrap().parse().unwrap();
        let value = event["measures"]["magnitude"].as_f64().unwrap();
        let day = strongest.entry(at.strftime("%Y-%m-%d").to_string());
        let most = day.or_insert(value);
        *most = most.max(value);
    }
    strongest.retain(|date, _| ("2026-08-01".."2026-11-23").contains(&date.as_str()));
    let before = |date: &String| -> Vec<f64> {
        let earlier = strongest.iter().filter(|(other, _)| *other < date);
        earlier.map(|(_, value)| *value).collect()
    };
    let (date, value) = strongest
        .iter()
        .rfind(|(date, value)| {
            before(date).len() >= 28 && before(date).iter().all(|earlier| earlier < value)
        })
        .expect("an earthquake of the simulated world that is stronger than all before");
    let most = before(date).into_iter().reduce(f64::max);
    let report = || -> Value {
        let ask = ["report", "--format", "json", "-o", "-", "--date", date];
        serde_json::from_str(&lab.at(LATER, &ask).ends(0)).unwrap()
    };
    let found = |report: &Value| report["sources"][0]["findings"]["record"].clone();
    let first = report();
    let record = found(&first);
    assert_eq!(
        (record["value"].as_f64(), record["before"].as_f64()),
        (Some(*value), most)
    );
    assert_eq!(
        record["days"].as_u64(),
        Some(before(date).len() as u64),
        "{record}"
    );
    assert_eq!(
        (&record["since"], &record["of_all"]),
        (&"2026-08-01".into(), &true.into())
    );
    // What is kept serves: a day that it calls stronger is not read again.
    let file = lab.workspace.path().join("data/days/usgs-earthquakes.json");
    let mut kept: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(
        (&kept["from"], &kept["to"]),
        (&"2026-08-01".into(), &"2026-11-21".into())
    );
    kept["days"][3]["strongest"]["value"] = 9.9.into();
    fs::write(&file, kept.to_string()).unwrap();
    assert!(found(&report()).is_null());
    // Damaged or lost it is made anew, and the report is the same.
    fs::write(&file, "{").unwrap();
    assert_eq!(report(), first);
    fs::remove_file(&file).unwrap();
    assert_eq!(report(), first);
    assert!(file.exists());
}
