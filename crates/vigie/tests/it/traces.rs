//! Where figures come from that rest on much: long stretches, many downloads, sentences that compare.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use vigie_core::{capture::Capture, text::SourceId};
use vigie_store::ledger::{CaptureQuery, Ledger};
use vigie_testkit::FaultPlan;

use crate::support::{Lab, Serving};

const METAR: &str = "metar-aviationweather";
const USGS: &str = "usgs-earthquakes";
const LATER: &str = "2026-11-24T11:30:00Z";

fn watched() -> Lab {
    let lab = Lab::new("Earth", &[METAR, USGS], FaultPlan::none());
    for time in ["2026-11-24T10:00:07Z", "2026-11-24T11:00:07Z"] {
        lab.at(time, &["collect"]).ends(0);
    }
    lab.at("2026-11-24T11:01:00Z", &["summarize"]).ends(0);
    lab
}

fn serve(lab: &Lab) -> Serving {
    Serving::start(lab.command_at(LATER, &["serve", "--listen", "127.0.0.1:0"]))
}

/// Writes captures like the last one into the ledger, a minute and a row apart.
fn collected_often(lab: &Lab, times: i64) -> Timestamp {
    let path = lab.workspace.path().join("data/ledger.db");
    let mut ledger = Ledger::open(&path, false).unwrap();
    let query = CaptureQuery {
        source: Some(SourceId::new(METAR).unwrap()),
        ..CaptureQuery::default()
    };
    let last = ledger.page(&query, None, 1).unwrap().remove(0).capture;
    let first: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
    for minute in 0..times {
        let at = first + SignedDuration::from_mins(minute);
        let capture = Capture {
            slot: at,
            started_at: at,
            finished_at: at,
            file: last.file.as_ref().map(|file| format!("{file}.{minute}")),
            observed: Some((at, at)),
            ..last.clone()
        };
        ledger.record(&capture).unwrap();
    }
    first
}

#[test]
fn a_long_stretch_says_how_many_downloads_it_has_and_its_parts_have_the_rest() {
    let lab = watched();
    let first = collected_often(&lab, 150);
    let page = serve(&lab);
    let of = |from: &str, to: &str| -> Value {
        let path = format!("/api/v1/provenance?source={METAR}&from={from}&to={to}");
        page.json(&path, 200)
    };
    let year = of("2026-01-01", "2026-11-23");
    assert_eq!((&year["count"], &year["more"]), (&150.into(), &true.into()));
    assert_eq!(year["basis"], "times");
    assert_eq!(year["captures"].as_array().unwrap().len(), 100);
    let mut listed = 0;
    for hour in 0..3 {
        let from = first + SignedDuration::from_hours(hour);
        let to = from + SignedDuration::from_hours(1);
        let part = of(&from.to_string(), &to.to_string());
        assert_eq!(part["more"], false);
        let captures = part["captures"].as_array().unwrap().len();
        assert_eq!(part["count"], captures);
        listed += captures;
    }
    assert_eq!(listed, 150);
    // Of an entity whose hours are open, the samples say it: also over more than they are looked into at once.
    let summaries = lab.workspace.export("summaries");
    let line = summaries
        .iter()
        .find(|line| line["source"] == METAR && line["entity"] != "*")
        .unwrap();
    let entity = line["entity"].as_str().unwrap();
    let with = |from: &str| of(&format!("{from}&entity={entity}"), "2026-11-24");
    let (month, year) = (with("2026-11-01"), with("2026-01-01"));
    assert_eq!(
        (&month["basis"], &year["basis"]),
        (&"samples".into(), &"times".into())
    );
    assert_eq!(
        month["count"].as_u64().unwrap() as usize,
        month["captures"].as_array().unwrap().len()
    );
    assert!(year["count"].as_u64() >= Some(150), "{}", year["count"]);
}

#[test]
fn each_sentence_leads_to_downloads_that_are_there() {
    let lab = watched();
    let page = serve(&lab);
    let day = page.json("/api/v1/day", 200);
    let mut followed = 0;
    for source in day["sources"].as_array().unwrap() {
        let id = source["id"].as_str().unwrap();
        for said in source["sentences"].as_array().unwrap() {
            let origins = said["origins"].as_array().unwrap();
            assert!(!origins.is_empty(), "{said}");
            for origin in origins {
                let text = |name: &str| origin[name].as_str().unwrap_or_default();
                let (from, to) = (text("from"), text("to"));
                let path = match text("role") {
                    "downloads" => format!("/api/v1/captures?source={id}&from={from}&to={to}"),
                    _ if !text("key").is_empty() => {
                        format!("/api/v1/provenance?source={id}&key={}", text("key"))
                    }
                    _ => {
                        let entity = text("entity");
                        let of = if entity.is_empty() {
                            String::new()
                        } else {
                            format!("&entity={entity}")
                        };
                        format!("/api/v1/provenance?source={id}&from={from}&to={to}{of}")
                    }
                };
                let found = page.json(&path, 200);
                let captures = found["captures"].as_array().unwrap();
                assert!(!captures.is_empty(), "{said}: {path}");
                followed += 1;
            }
        }
    }
    assert!(followed >= 3, "{day:#}");
}
