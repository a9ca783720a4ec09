//! Walks every case of the catalogue: a body, and the rows or the error expected of it.

use std::{fs, path::Path};

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Map, Value, json};
use vigie_sources::{Catalogue, Context, Definition, Extraction, extract};

fn shown(definition: &Definition, extraction: &Extraction) -> Value {
    let rows: Vec<Value> = extraction
        .rows
        .iter()
        .map(|row| {
            let mut shown = Map::new();
            shown.insert("entity".into(), json!(row.entity.as_str()));
            shown.insert("observed_at".into(), json!(row.observed_at.to_string()));
            if let Some(at) = row.published_at {
                shown.insert("published_at".into(), json!(at.to_string()));
            }
            if row.revision != 0 {
                shown.insert("revision".into(), json!(row.revision));
            }
            if let Some(point) = row.point {
                shown.insert("point".into(), json!([point.lon, point.lat]));
            }
            if let Some(name) = &row.name {
                shown.insert("name".into(), json!(name));
            }
            let values: Map<String, Value> = definition
                .measures
                .iter()
                .zip(&row.values)
                .filter_map(|(measure, value)| Some((measure.id.to_string(), json!((*value)?))))
                .collect();
            shown.insert("values".into(), Value::Object(values));
            if !row.attributes.is_empty() {
                shown.insert("attributes".into(), json!(row.attributes));
            }
            Value::Object(shown)
        })
        .collect();
    let mut shown = json!({ "rows": rows });
    for (name, count) in [
        ("refused_rows", extraction.refused_rows),
        ("refused_values", extraction.refused_values),
        ("empty_rows", extraction.empty_rows),
    ] {
        if count > 0 {
            shown[name] = json!(count);
        }
    }
    if !extraction.refusals.is_empty() {
        let refusals: Vec<_> = extraction
            .refusals
            .iter()
            .map(ToString::to_string)
            .collect();
        shown["refusals"] = json!(refusals);
    }
    shown
}

/// Set `VIGIE_BLESS=1` to write what is obtained into `expected.json`; then read the difference.
#[test]
fn every_case_of_the_catalogue_gives_what_it_expects() {
    let bless = std::env::var_os("VIGIE_BLESS").is_some();
    let catalogue = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalogue");
    let (mut count, mut wrong) = (0, Vec::new());
    for definition in Catalogue::embedded().iter() {
        let folder = catalogue
            .join(definition.domain.as_str())
            .join(definition.id.as_str());
        assert!(
            folder.is_dir(),
            "{} is not in the folder of its domain and id",
            definition.id
        );
        let mut cases: Vec<_> = fs::read_dir(folder.join("cases"))
            .unwrap_or_else(|error| panic!("{}: no cases: {error}", definition.id))
            .map(|entry| entry.unwrap().path())
            .collect();
        cases.sort();
        assert!(
            cases.len() >= 3,
            "{}: a normal, an edge and an error case at least",
            definition.id
        );
        let mut has_error = false;
        for case in cases {
            count += 1;
            let body = fs::read(case.join(format!("body.{}", definition.extension))).unwrap();
            let expected_file = case.join("expected.json");
            let expected: Value = fs::read(&expected_file).map_or_else(
                |_| json!({ "fetched_at": "2026-01-15T12:00:00Z" }),
                |text| serde_json::from_slice(&text).unwrap(),
            );
            let fetched_at: Timestamp = expected["fetched_at"].as_str().unwrap().parse().unwrap();
            let tz = TimeZone::UTC;
            let context = Context {
                fetched_at,
                zone_tz: &tz,
            };
            let mut obtained = match extract(definition, &body, &context) {
                Ok(extraction) => shown(definition, &extraction),
                Err(error) => json!({ "error": error.to_string() }),
            };
            has_error |= obtained.get("error").is_some();
            obtained["fetched_at"] = json!(fetched_at.to_string());
            if bless {
                let text = serde_json::to_string_pretty(&obtained).unwrap() + "\n";
                #[expect(clippy::disallowed_methods, reason = "under version control")]
                fs::write(&expected_file, text).unwrap();
            } else if obtained != expected {
                wrong.push(format!("{}:\n{obtained:#}", case.display()));
            }
        }
        assert!(has_error, "{}: no case of an error", definition.id);
    }
    assert!(count >= 18, "only {count} cases were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
