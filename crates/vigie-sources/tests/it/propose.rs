//! Definitions that are proposed for bodies nobody has described.

use std::{fs, io::Write as _, path::Path};

use proptest::prelude::*;
use vigie_core::text::{Language, SourceId};
use vigie_sources::{
    Model, Proposal, ProposeError, Wishes, lines_to_fill_in, propose as propose_with,
};

fn wishes(language: Language) -> Wishes<'static> {
    Wishes {
        id: SourceId::new("mine").unwrap(),
        url: None,
        format: None,
        language,
        now: "2026-11-23T12:00:00Z".parse().unwrap(),
    }
}

fn propose(body: &[u8]) -> Result<Proposal, ProposeError> {
    propose_with(body, &wishes(Language::En))
}

#[test]
fn most_recorded_bodies_get_a_definition_that_reads_them() {
    let Some(root) = std::env::var_os("VIGIE_RECORDINGS") else {
        // Not by `eprintln!`, which the test harness swallows.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: VIGIE_RECORDINGS is not set, no proposal is made for recorded bodies"
        );
        return;
    };
    let mut folders: Vec<_> = fs::read_dir(Path::new(&root))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    let shown = std::env::var_os("VIGIE_SHOW_PROPOSALS");
    let (mut read, mut failed) = (0, Vec::new());
    for folder in &folders {
        let bodies = crate::recordings::bodies(folder);
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        // The largest of the first few is the likeliest to be a good one.
        let largest = bodies.iter().take(12).max_by_key(|(_, body)| body.len());
        let outcomes = largest.map(|(_, body)| propose(body));
        match outcomes {
            Some(Ok(proposal)) => {
                read += 1;
                if let Some(folder) = &shown {
                    let head = format!(
                        "## {name}: {} rows, {} refused, {} values refused\n",
                        proposal.extraction.rows.len(),
                        proposal.extraction.refused_rows,
                        proposal.extraction.refused_values
                    );
                    let file = Path::new(folder).join(format!("{name}.toml"));
                    let mut file = fs::File::create(file).unwrap();
                    file.write_all((head + &proposal.toml).as_bytes()).unwrap();
                }
            }
            Some(Err(error)) => failed.push(format!("{name}: {error}")),
            None => failed.push(format!("{name}: no body")),
        }
        // Error answers, cut bodies and other surprises of the folder end too.
        for (_, body) in bodies
            .iter()
            .filter(|(_, body)| body.len() < 20_000)
            .take(6)
        {
            let _ = propose(body);
        }
    }
    assert!(
        read * 100 >= folders.len() * 98,
        "only {read} of {} folders: {failed:#?}",
        folders.len()
    );
}

/// What a proposal says, line by line.
#[track_caller]
fn says(body: &str, rows: usize, lines: &[&str]) {
    let proposal = propose(body.as_bytes()).unwrap();
    for line in lines {
        assert!(
            proposal.toml.contains(line),
            "`{line}` is not in {}",
            proposal.toml
        );
    }
    assert_eq!(proposal.extraction.rows.len(), rows, "{}", proposal.toml);
    assert_eq!(
        proposal.extraction.refused_rows, 0,
        "{:?}",
        proposal.extraction.refusals
    );
    assert!(!lines_to_fill_in(&proposal.toml).is_empty());
}

#[test]
fn stations_are_observations() {
    let body = r#"{"ttl":60,"last_updated":1795000000,"data":{"stations":[
        {"station_id":"a","name":"A street","lat":48.85,"lon":2.35,"bikes":3,"temp_f":"41.5","is_open":1,"last_reported":1794999000},
        {"station_id":"b","name":"B street","lat":48.86,"lon":2.36,"bikes":5,"temp_f":"-","is_open":1,"last_reported":1794999100},
        {"station_id":"c","name":"C street","lat":48.87,"lon":2.37,"bikes":0,"temp_f":"40","is_open":1,"last_reported":1794999200}]}}"#;
    says(
        body,
        3,
        &[
            "select = \"data.stations[*]\"",
            "model = \"observations\"",
            "entity = \"station_id\"",
            "observed_at = { path = \"last_reported\", format = \"epoch_s\" }",
            "published_at = { path = \"$.last_updated\", format = \"epoch_s\" }",
            "point = { lon = \"lon\", lat = \"lat\" }",
            "name = \"name\"",
            "[measures.bikes]",
            "unit = \"[degF]\"",
            "nulls = [\"-\"]",
            "#   is_open (yes or no)",
        ],
    );
}

#[test]
fn earthquakes_are_events_with_revisions() {
    let quake = |id: &str, time: i64| {
        format!(
            r#"{{"type":"Feature","id":"{id}","properties":{{"mag":4.{},"title":"M 4","time":{time},
        "updated":1794990000000}},"geometry":{{"type":"Point","coordinates":[1.5,2.5,{}]}}}}"#,
            time % 7,
            time % 11
        )
    };
    let features = [
        quake("q1", 1_794_900_000_000),
        quake("q2", 1_794_910_000_001),
        quake("q3", 1_794_920_000_002),
    ];
    let body = format!(
        r#"{{"type":"FeatureCollection","features":[{}]}}"#,
        features.join(",")
    );
    says(
        &body,
        3,
        &[
            "kind = \"geojson\"",
            "model = \"events\"",
            "key = \"id\"",
            "observed_at = { path = \"properties.time\", format = \"epoch_ms\" }",
            "revision = { path = \"properties.updated\", format = \"epoch_ms\" }",
            "point = { geometry = \"geometry\" }",
            "title = \"properties.title\"",
            "path = \"geometry.coordinates[2]\"",
        ],
    );
}

#[test]
fn parallel_lists_objects_of_objects_and_lists_of_cells_have_rows() {
    let body = r#"{"latitude":1,"longitude":2,"timezone":"Europe/Paris","hourly":{"time":["2026-11-01T00:00","2026-11-01T01:00","2026-11-01T02:00"],
        "wind_speed_kmh":[1.5,2.5,3.5]}}"#;
    says(
        body,
        3,
        &[
            "columns = \"time\"",
            "observed_at = { path = \"time[#]\", time_zone = { path = \"$.timezone\" } }",
            "path = \"wind_speed_kmh[#]\"",
            "unit = \"km/h\"",
        ],
    );
    let body = r#"{"as_of":"2026-11-01T10:00:00Z","quotes":{"AAA":{"price":"1.5","views":10},"BBB":{"price":"2.5","views":20}}}"#;
    says(
        body,
        2,
        &[
            "select = \"quotes{*}\"",
            "entity = \"#key\"",
            "observed_at = \"$.as_of\"",
            "kind = \"counter\"",
        ],
    );
    let body = r#"[["time_tag","speed"],["2026-11-01 00:00:00.000","400.5"],["2026-11-01 00:01:00.000","401.5"],["2026-11-01 00:02:00.000","402.5"]]"#;
    says(
        body,
        3,
        &[
            "header = true",
            "TODO local time without offset",
            "[measures.speed]",
        ],
    );
}

#[test]
fn xml_and_csv_have_rows_with_local_times() {
    let body = "<list date='26.11.2026'><v code='USD'><value>81,5</value></v><v code='EUR'><value>90,25</value></v></list>";
    says(
        body,
        2,
        &[
            "select = \"list.v[*]\"",
            "entity = \"@code\"",
            "observed_at = { path = \"$.list.@date\", format = \"%d.%m.%Y\", time_zone = \"zone\" }",
            "decimal_comma = true",
        ],
    );
    let body = "Notes of the provider\nid,when,flow\na,03/04/2026 10:00,1\nb,03/04/2026 10:00,2\n";
    says(
        body,
        2,
        &[
            "skip = 1",
            "format = \"%d/%m/%Y %H:%M\"",
            "day and month may be the other way round",
        ],
    );
}

#[test]
fn comments_are_in_the_language_of_the_user_and_nothing_can_be_put_into_them() {
    let body = br#"[{"id":"a\"\nx","k\u0000\n[rows]":1,"v\"'{}":2,"n":3},{"id":"b","n":4}]"#;
    let proposal = propose_with(body, &wishes(Language::Fr)).unwrap();
    assert!(proposal.toml.contains("à compléter"), "{}", proposal.toml);
    assert_eq!(proposal.definition.model, Model::Observations);
}

#[test]
fn what_has_no_rows_is_refused_in_words() {
    assert_eq!(
        propose(b"[]").unwrap_err().to_string(),
        "no list of records was found in the body"
    );
    for body in [
        &b""[..],
        b"<html><title>No</title>",
        b"{\"a\":",
        b"\x0a",
        b"\xff\xfe\x00",
    ] {
        assert!(propose(body).is_err());
    }
}

proptest! {
    #[test]
    fn whatever_the_bytes_a_proposal_ends(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = propose(&body);
    }

    #[test]
    fn whatever_the_names_and_values_a_proposal_is_right(
        names in prop::collection::vec("[a-zA-Z.@#$^{}'\"\\[\\]é ]{0,8}", 1..5),
        values in prop::collection::vec("[-0-9.:TZ/, a-z]{0,20}", 1..12),
    ) {
        let rows: Vec<serde_json::Value> = values.iter().enumerate().map(|(index, value)| {
            let members = names.iter().enumerate().map(|(at, name)| {
                let cell = match (index + at) % 3 { 0 => serde_json::json!(value), 1 => serde_json::json!(index), _ => serde_json::json!([index, at]) };
                (name.clone(), cell)
            });
            serde_json::Value::Object(members.collect())
        }).collect();
        let body = serde_json::to_vec(&serde_json::json!({ "rows": rows })).unwrap();
        let outcome = propose(&body);
        // A proposal that does not parse is a fault of this program, whatever the body.
        prop_assert!(!matches!(outcome, Err(ProposeError::Definition(_))), "{outcome:?}");
        let text = values.join("\n");
        let outcome = propose(text.as_bytes());
        prop_assert!(!matches!(outcome, Err(ProposeError::Definition(_))), "{outcome:?}");
    }
}
