//! `vigie dossier`: the report on the sources, from the command line.

use std::fs;

use vigie_testkit::FaultPlan;

use crate::support::{Lab, Workspace};

const SOURCES: [&str; 3] = [
    "velib-disponibilite",
    "usgs-earthquakes",
    "ecb-eurofxref-daily",
];
const LATER: &str = "2026-11-24T20:00:00Z";

/// Half a day, asked every hour.
fn watched() -> Lab {
    let lab = Lab::new("Paris", &SOURCES, FaultPlan::none());
    for hour in 8..20 {
        lab.at(&format!("2026-11-24T{hour:02}:00:00Z"), &["collect"])
            .ends(0);
    }
    lab.at("2026-11-24T19:05:00Z", &["summarize"]).ends(0);
    lab
}

#[test]
fn the_dossier_has_every_source_declared_and_measured() {
    let lab = watched();
    let english = lab.at(LATER, &["dossier"]).ends(0);
    let french = lab.at(LATER, &["dossier", "--lang", "fr"]).ends(0);
    assert_eq!(english, lab.at(LATER, &["dossier"]).ends(0));
    for expected in [
        "ODbL-1.0",
        "Vélib’ Métropole / Ville de Paris",
        "U.S. Geological Survey",
        "European Central Bank (ECB)",
        " in the store: “USD”, “GBP”",
        "slower than declared (1",
        "not enough measured",
        "a mark per event: Magnitude",
    ] {
        assert!(english.contains(expected), "no {expected}: {english}");
    }
    for expected in [
        "# Vigie – Paris – Dossier des sources",
        "plus lent que déclaré (1",
        "pas assez mesuré",
        "un point par événement",
    ] {
        assert!(french.contains(expected), "no {expected}: {french}");
    }
}

#[test]
fn the_extension_says_the_format() {
    let lab = watched();
    for (file, start) in [
        ("d.md", "# Vigie"),
        ("d.html", "<!doctype html>"),
        ("deep/d.pdf", "%PDF-1.7"),
    ] {
        let said = lab.at(LATER, &["dossier", "-o", file]).ends(0);
        assert!(said.trim_end().ends_with(file), "{said}");
        let path = lab.workspace.path().join(file);
        let bytes = fs::read(&path).unwrap();
        assert!(bytes.starts_with(start.as_bytes()), "{file}");
        lab.at(LATER, &["dossier", "-o", file]).ends(0);
        assert!(bytes == fs::read(&path).unwrap(), "{file} differs");
    }
    let ran = lab.at(LATER, &["dossier", "-o", "d.docx"]);
    assert!(ran.err.contains(".pdf, .html or .md"), "{ran:#?}");
    ran.ends(2);
}

#[test]
fn a_workspace_that_never_collected_has_a_dossier() {
    let workspace = Workspace::new("Paris");
    workspace.run(&["summarize"]).ends(0);
    let text = workspace.run(&["dossier"]).ends(0);
    assert!(text.contains("Nothing was asked for yet"), "{text}");
    assert!(text.contains("none in the store"), "{text}");
}
