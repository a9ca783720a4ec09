//! The record as programs read it: sheets, calendar, captures, bodies, provenance and metrics.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::Command,
};

use axum::body::Bytes;
use jiff::{SignedDuration, Timestamp};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use vigie_testkit::{FaultKind, FaultPlan, When};

use crate::support::{Lab, Serving, Workspace, always, own_definition};

const METAR: &str = "metar-aviationweather";
const METAR_PATH: &str = "/api/data/metar";
const USGS: &str = "usgs-earthquakes";
const TIMES: [&str; 3] = [
    "2026-11-24T10:00:07Z",
    "2026-11-24T10:30:07Z",
    "2026-11-24T11:00:07Z",
];
const LATER: &str = "2026-11-24T11:00:30Z";

/// Two sources, collected and summarised three times; the reports of the second time are a page for people.
fn watched() -> Lab {
    watched_with("delete")
}

/// The same, where summarised bodies are kept, archived or deleted.
fn watched_with(after: &str) -> Lab {
    let (second, third) = (TIMES[1].parse().unwrap(), TIMES[2].parse().unwrap());
    let window = When::Window(second, third);
    let faults = FaultPlan::none().and(METAR_PATH, FaultKind::HtmlInstead, window);
    let lab = Lab::new("Paris", &[METAR, USGS], faults);
    lab.workspace
        .configure("raw", &format!("after = \"{after}\""));
    for time in TIMES {
        lab.at(time, &["collect"]);
        lab.at(time, &["summarize"]).ends(0);
    }
    lab
}

fn serve(lab: &Lab) -> Serving {
    Serving::start(lab.command_at(LATER, &["serve", "--listen", "127.0.0.1:0"]))
}

#[test]
fn sheets_say_what_is_declared_and_what_was_measured() {
    let lab = watched();
    let page = serve(&lab);
    let sources = page.json("/api/v1/sources", 200);
    let enabled: Vec<&Value> = sources
        .as_array()
        .unwrap()
        .iter()
        .filter(|source| source["enabled"] == true)
        .collect();
    assert_eq!(enabled.len(), 2, "{enabled:#?}");
    assert!(sources.as_array().unwrap().len() > 50);
    let sheet = page.json(&format!("/api/v1/sources/{METAR}"), 200);
    let shown: Value = serde_json::from_str(
        &lab.workspace
            .run(&["sources", "show", METAR, "--json"])
            .ends(0),
    )
    .unwrap();
    for field in ["title", "content", "quirks", "docs"] {
        assert_eq!(sheet["sheet"][field], shown[field], "{field}");
    }
    for field in ["licence", "url", "attribution", "archive", "republish"] {
        assert_eq!(
            sheet["sheet"]["rights"][field], shown["rights"][field],
            "{field}"
        );
    }
    assert_eq!(sheet["model"]["measures"], shown["measures"]);
    assert_eq!(sheet["measured"]["quarantined"], 1);
    assert_eq!(sheet["measured"]["obtained"], 2);
    assert!(sheet["entity_count"].as_u64().unwrap() > 1, "{sheet:#}");
    // What was seen says since when, so that it can be followed.
    assert!(sheet["seen"]["since"].is_string(), "{}", sheet["seen"]);
    // One that is not collected here has a sheet too, and nothing measured.
    let other = page.json("/api/v1/sources/ecb-eurofxref-daily", 200);
    assert_eq!(other["enabled"], false);
    assert_eq!(other["measured"]["window"], Value::Null);
    assert_eq!(other["fields_missing"], serde_json::json!([]));
}

#[test]
fn the_calendar_counts_what_the_ledger_has() {
    let lab = watched();
    let page = serve(&lab);
    let health = page.json("/api/v1/health?days=3", 200);
    let dates = ["2026-11-22", "2026-11-23", "2026-11-24"];
    assert_eq!(health["dates"], serde_json::json!(dates));
    let metar = health["sources"]
        .as_array()
        .unwrap()
        .iter()
        .find(|source| source["id"] == METAR)
        .unwrap();
    let none = serde_json::json!({ "expected": 0, "obtained": 0, "failed": 0, "quarantined": 0 });
    assert_eq!(metar["days"][0], none);
    let today = &metar["days"][2];
    let every = metar["collect_seconds"].as_u64().unwrap();
    assert_eq!(today["expected"], 3600 / every + 1, "{metar:#}");
    assert_eq!(
        (&today["obtained"], &today["quarantined"]),
        (&2.into(), &1.into())
    );
    assert_eq!(metar["next"]["why"], "scheduled");
    let problem = &health["problems"][0];
    assert_eq!(
        (&problem["cause"], &problem["body"]),
        (&"html".into(), &"quarantine".into())
    );
    assert_eq!(health["store"]["kind"], "sqlite");
    assert!(health["store"]["buckets"].as_u64().unwrap() > 0);
    assert_eq!(health["disk"]["quarantine"]["files"], 1);
    assert!(health["disk"]["free_bytes"].as_u64().unwrap() > 0);
    let quotas = health["quotas"].as_array().unwrap();
    let quota = quotas.iter().find(|quota| quota["sources"][0] == METAR);
    let limit = &quota.unwrap()["limits"][0];
    assert!(limit["requests"].as_u64().unwrap() >= limit["used"].as_u64().unwrap());
    let causes = page.json("/api/v1/causes", 200);
    let mut causes = causes.as_array().unwrap().iter();
    assert!(causes.any(|cause| cause["cause"] == problem["cause"]));
}

#[test]
fn captures_come_in_pages_and_bodies_as_text() {
    let lab = watched();
    let page = serve(&lab);
    let (mut found, mut path) = (Vec::new(), "/api/v1/captures?limit=2".to_owned());
    loop {
        let answer = page.json(&path, 200);
        found.extend(answer["captures"].as_array().unwrap().clone());
        let Some(next) = answer["next"].as_str() else {
            break;
        };
        path = format!("/api/v1/captures?limit=2&after={next}");
    }
    let starts: Vec<&str> = found
        .iter()
        .map(|one| one["started_at"].as_str().unwrap())
        .collect();
    assert!(starts.is_sorted_by(|a, b| a >= b), "{starts:?}");
    assert_eq!(found.len(), lab.workspace.export("captures").len());
    let aside = page.json(
        &format!("/api/v1/captures?source={METAR}&outcome=failed,quarantined"),
        200,
    );
    assert_eq!(aside["captures"].as_array().unwrap().len(), 1);
    let aside = &aside["captures"][0];
    assert_eq!(
        (&aside["cause"], &aside["body_shown"]),
        (&"html".into(), &true.into())
    );
    let id = &aside["id"];
    assert_eq!(&page.json(&format!("/api/v1/captures/{id}"), 200), aside);
    let (status, body) = page.get(&format!("/api/v1/captures/{id}/body"));
    assert_eq!(status, 200, "{body}");
    for line in [
        "content-type: text/plain; charset=utf-8",
        "x-content-type-options: nosniff",
        "vigie-cut: false",
        "content-security-policy: default-src 'none'",
    ] {
        assert!(body.contains(line), "{line}: {body}");
    }
    assert!(body.contains("<html"), "{body}");
    let gone = found.iter().find(|one| one["body"] == "deleted").unwrap();
    let error = page.json(&format!("/api/v1/captures/{}/body", gone["id"]), 410);
    assert!(
        error["error"].as_str().unwrap().contains("tombstone"),
        "{error}"
    );
}

#[test]
fn an_archived_body_is_shown_until_its_archive_is_moved_away() {
    let lab = watched_with("archive");
    let page = serve(&lab);
    let query = format!("/api/v1/captures?source={METAR}&from=2026-11-24&to=2026-11-24");
    let captures = page.json(&query, 200);
    let archived: Vec<&Value> = (captures["captures"].as_array().unwrap().iter())
        .filter(|capture| capture["body"] == "archived")
        .collect();
    assert_eq!(archived.len(), 2, "{captures:#}");
    for capture in &archived {
        assert_eq!(capture["body_shown"], true);
        let (status, answer) = page.get(&format!("/api/v1/captures/{}/body", capture["id"]));
        assert_eq!(status, 200, "{answer}");
        assert!(answer.contains("vigie-cut: false"), "{answer}");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let hash = vigie_store::manifest::sha256(body.as_bytes());
        assert_eq!(capture["sha256"], hash.as_str());
    }
    let gone = lab
        .workspace
        .path()
        .join("data")
        .join(archived[0]["archive"].as_str().unwrap());
    fs::remove_file(gone).unwrap();
    let error = page.json(&format!("/api/v1/captures/{}/body", archived[0]["id"]), 410);
    let reason = error["error"].as_str().unwrap();
    assert!(reason.contains("not there any more"), "{reason}");
}

#[test]
fn what_is_asked_wrongly_is_refused_in_json() {
    let lab = watched();
    let page = serve(&lab);
    for (path, status, said) in [
        (
            "/api/v1/sources/nobody",
            404,
            "no source is called `nobody`",
        ),
        ("/api/v1/health?days=0", 400, "from 1 to 400"),
        ("/api/v1/health?dais=3", 400, "unknown field"),
        ("/api/v1/captures?outcome=lost", 400, "`lost` is no outcome"),
        (
            "/api/v1/captures?source=..%2F..",
            404,
            "no source is called",
        ),
        ("/api/v1/captures?from=yesterday", 400, "from"),
        (
            "/api/v1/captures?from=2026-11-24&to=2026-11-23",
            400,
            "nothing lies between",
        ),
        ("/api/v1/captures?after=1", 400, "`next` of a page"),
        ("/api/v1/captures/999999", 404, "no capture 999999"),
        ("/api/v1/captures/x/body", 400, "no number"),
        (
            "/api/v1/provenance?source=usgs-earthquakes",
            400,
            "say `at`",
        ),
        (
            "/api/v1/provenance?source=usgs-earthquakes&key=nothing",
            404,
            "no event",
        ),
        (
            "/api/v1/provenance?source=usgs-earthquakes&from=2025-01-01T00:00:00Z&to=2026-03-01T00:00:00Z",
            400,
            "400 days",
        ),
    ] {
        let error = page.json(path, status);
        assert!(
            error["error"].as_str().unwrap().contains(said),
            "{path}: {error}"
        );
    }
}

#[test]
fn a_figure_is_traced_to_the_files_it_came_from() {
    let lab = watched();
    let page = serve(&lab);
    let at = |query: &str| page.json(&format!("/api/v1/provenance?{query}"), 200);
    let summarized: Vec<Value> = lab.workspace.captures(METAR);
    let hashes: BTreeSet<&str> = summarized
        .iter()
        .filter(|capture| capture["outcome"] == "summarized")
        .map(|capture| capture["sha256"].as_str().unwrap())
        .collect();
    let day = page.json("/api/v1/day", 200);
    let of = |id: &str| -> Value {
        let sources = day["sources"].as_array().unwrap().iter();
        sources
            .clone()
            .find(|source| source["id"] == id)
            .unwrap()
            .clone()
    };
    let line = &of(METAR)["entities"][0];
    let (entity, seen) = (
        line["entity"].as_str().unwrap(),
        line["at"].as_str().unwrap(),
    );
    let found = at(&format!("source={METAR}&entity={entity}&at={seen}"));
    assert_eq!(
        (&found["basis"], &found["sealed"]),
        (&"samples".into(), &false.into())
    );
    assert!(found["samples"].as_u64().unwrap() > 0);
    // Each observation says when it became known, which is when a capture of this answer was sent.
    let readings = found["readings"].as_array().unwrap();
    let captures = found["captures"].as_array().unwrap();
    let last = readings.last().unwrap();
    assert_eq!(last["observed_at"], line["at"]);
    assert_eq!(last["value"], line["figures"]["last"]);
    assert_eq!(found["measure"]["id"], "temperature");
    for reading in readings {
        let mut sent = captures.iter().map(|capture| &capture["started_at"]);
        assert!(sent.any(|sent| *sent == reading["fetched_at"]), "{reading}");
    }
    assert_eq!(found["credit"], of(METAR)["credit"]);
    for capture in found["captures"].as_array().unwrap() {
        assert!(
            hashes.contains(capture["sha256"].as_str().unwrap()),
            "{capture:#}"
        );
        assert_eq!(capture["body"], "deleted");
        let name = capture["file"].as_str().unwrap();
        assert!(
            name.starts_with("raw/metar-aviationweather/2026/11/24/"),
            "{name}"
        );
    }
    // Every figure has its captures: all of them have rows of that hour, whenever they were fetched.
    let mut fetched_later = 0;
    let summaries = lab.workspace.export("summaries");
    for figure in summaries
        .iter()
        .filter(|line| line["source"] == METAR && line["entity"] != "*")
    {
        let (entity, hour) = (
            figure["entity"].as_str().unwrap(),
            figure["hour"].as_str().unwrap(),
        );
        let start: Timestamp = hour.parse().unwrap();
        let end = start + SignedDuration::from_hours(1);
        let found = at(&format!("source={METAR}&entity={entity}&at={start}"));
        assert_eq!(found["basis"], "samples", "{figure}");
        let captures = found["captures"].as_array().unwrap();
        assert!(!captures.is_empty(), "{figure}");
        for capture in captures {
            let time =
                |name: &str| -> Timestamp { capture[name].as_str().unwrap().parse().unwrap() };
            assert!(
                time("observed_from") < end && time("observed_to") >= start,
                "{figure} {capture}"
            );
            fetched_later += usize::from(time("started_at") >= end);
        }
    }
    assert!(fetched_later > 0, "{summaries:#?}");
    // All entities together: by the times of the rows.
    let all = at(&format!("source={METAR}&at={seen}"));
    assert_eq!(all["basis"], "times");
    assert_eq!(
        (&all["readings"], &all["measure"]),
        (&serde_json::json!([]), &Value::Null)
    );
    assert!(!all["captures"].as_array().unwrap().is_empty());
    let event = of(USGS)["events"][0].clone();
    let found = at(&format!(
        "source={USGS}&key={}",
        event["key"].as_str().unwrap()
    ));
    assert_eq!(
        (&found["basis"], &found["name"]),
        (&"versions".into(), &event["title"])
    );
    assert_eq!(
        found["versions"].as_array().unwrap().len() as u64,
        event["revisions"]
    );
    let files = lab.workspace.captures(USGS);
    let known: Vec<&Value> = files.iter().map(|capture| &capture["sha256"]).collect();
    let capture = &found["captures"][0];
    assert!(known.contains(&&capture["sha256"]), "{capture:#}");
    // Nothing is said of a time of which there is nothing.
    let none = at(&format!("source={METAR}&at=2020-01-01T00:00:00Z"));
    assert_eq!(none["captures"], serde_json::json!([]));
    assert_eq!((&none["count"], &none["more"]), (&0.into(), &false.into()));
}

#[test]
fn metrics_are_text_for_prometheus() {
    let lab = watched();
    let page = serve(&lab);
    let (status, text) = page.get("/metrics");
    assert_eq!(status, 200, "{text}");
    for line in [
        "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8",
        "# TYPE vigie_captures_today gauge",
        "vigie_captures_today{source=\"metar-aviationweather\",outcome=\"quarantined\"} 1.0",
        "vigie_slots_obtained_today{source=\"metar-aviationweather\"} 2.0",
        "vigie_folder_files{folder=\"quarantine\"} 1.0",
        "vigie_store_available 1.0",
        "vigie_collecting_paused 0.0",
        "vigie_content_age_seconds{source=\"usgs-earthquakes\"} ",
        "vigie_disk_free_bytes ",
        "process_resident_memory_bytes ",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert_eq!(text.matches("# EOF").count(), 1, "{text}");
    assert!(text.ends_with("# EOF\n"), "{text}");
}

/// The paths of all that this file is about.
fn paths(id: &Value) -> [String; 8] {
    [
        "/api/v1/sources".to_owned(),
        "/api/v1/sources/mine".to_owned(),
        "/api/v1/health".to_owned(),
        "/api/v1/causes".to_owned(),
        "/api/v1/captures".to_owned(),
        format!("/api/v1/captures/{id}/body"),
        "/api/v1/provenance?source=mine&at=2026-11-24T11:00:00Z".to_owned(),
        "/metrics".to_owned(),
    ]
}

const KEY: &str = "s3cr3tk3y+0fm1n3/";
const TOKEN: &str = "a-token-of-this-test";

/// A text that repeats the key, as careless providers do, and is hostile otherwise.
fn careless() -> String {
    format!(
        "<html><title>{KEY} is spent</title><script>alert(1)</script> the key {KEY} or s3cr3tk3y%2B0fm1n3%2F is over its limit"
    )
}

/// Answers every request with that text.
fn provider(body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { break };
            let mut asked = [0; 4096];
            let _ = stream.read(&mut asked);
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    format!("http://{address}")
}

/// A source with a key whose provider repeats it; `republish` is what its terms say.
fn keyed(republish: &str) -> Workspace {
    let workspace = keyed_to(republish, careless());
    let mut command = at_noon(&workspace, &["collect"]);
    assert_eq!(command.output().unwrap().status.code(), Some(1));
    workspace
}

/// A source with a key, before it is asked for the first time.
fn keyed_to(republish: &str, body: String) -> Workspace {
    let workspace = Workspace::new("Paris");
    let file = workspace.path().join("vigie.toml");
    let text = fs::read_to_string(&file).unwrap();
    let text = text.split_once("[sources.").unwrap().0;
    let base = provider(body);
    fs::write(
        &file,
        format!("{text}\n[sources.mine]\nbase_url = \"{base}\"\n"),
    )
    .unwrap();
    fs::create_dir(workspace.path().join("sources")).unwrap();
    let access = r#"{ kind = "key", env = "MINE_KEY", signup = "https://example.org/signup" }"#;
    let definition = own_definition("&token={key}", access).replace(
        "republish = \"allowed\"",
        &format!("republish = \"{republish}\""),
    );
    fs::write(workspace.path().join("sources/mine.toml"), definition).unwrap();
    workspace
}

fn at_noon(workspace: &Workspace, arguments: &[&str]) -> Command {
    let mut command = workspace.command(arguments);
    command.args(["--now", LATER]).env("MINE_KEY", KEY);
    command
}

#[test]
fn no_answer_has_a_key_and_what_is_hostile_is_text() {
    let workspace = keyed("doubtful");
    let page = Serving::start(at_noon(&workspace, &["serve", "--listen", "127.0.0.1:0"]));
    let captures = page.json("/api/v1/captures", 200);
    let capture = &captures["captures"][0];
    assert_eq!(
        (&capture["cause"], &capture["body"]),
        (&"html".into(), &"quarantine".into())
    );
    assert!(
        capture["url"].as_str().unwrap().contains("token=***"),
        "{capture}"
    );
    for path in paths(&capture["id"]) {
        let (status, text) = page.get(&path);
        assert_eq!(status, 200, "{path}: {text}");
        for secret in [KEY, "s3cr3tk3y%2B0fm1n3%2F", "s3cr3tk3y"] {
            assert!(!text.contains(secret), "{path}: {text}");
        }
    }
    let (_, body) = page.get(&format!("/api/v1/captures/{}/body", capture["id"]));
    assert!(
        body.contains("<script>alert(1)</script> the key *** or *** is over"),
        "{body}"
    );
    assert!(body.contains("content-type: text/plain"), "{body}");
}

#[test]
fn a_key_within_the_name_of_a_station_leaves_by_no_answer() {
    let name = format!("Station {KEY} of Paris");
    let body = serde_json::json!([{ "icaoId": name, "obsTime": 1_795_517_000, "temp": 7.5 }]);
    let workspace = keyed_to("allowed", body.to_string());
    for step in ["collect", "summarize"] {
        let ended = at_noon(&workspace, &[step]).output().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    }
    let page = Serving::start(at_noon(&workspace, &["serve", "--listen", "127.0.0.1:0"]));
    let series = "/api/v1/series?source=mine&from=2026-11-24&entity=Station%20s3cr3tk3y%2B0fm1n3%2F%20of%20Paris";
    let answers = [
        "/api/v1/day".to_owned(),
        "/api/v1/day/mine".to_owned(),
        "/api/v1/entities?source=mine&from=2026-11-24".to_owned(),
        "/api/v1/entities?source=mine&from=2026-11-24&format=csv".to_owned(),
        series.to_owned(),
        format!("{series}&format=ndjson"),
        series
            .replace("series?", "provenance?")
            .replace("from=", "to=2026-11-24&from="),
    ];
    for path in answers {
        let (status, text) = page.get(&path);
        assert_eq!(status, 200, "{path}: {text}");
        assert!(text.contains("Station *** of Paris"), "{path}: {text}");
        assert!(!text.contains("s3cr3tk3y"), "{path}: {text}");
    }
    let packed = Bytes::from(page.body(&format!("{series}&format=parquet")));
    let rows = SerializedFileReader::new(packed).unwrap();
    let rows: Vec<String> = (rows.get_row_iter(None).unwrap())
        .map(|row| row.unwrap().to_string())
        .collect();
    assert!(rows[0].contains("Station *** of Paris"), "{rows:?}");
}

#[test]
fn a_body_whose_terms_forbid_it_is_not_shown_and_the_reason_is() {
    let workspace = keyed("forbidden");
    let page = Serving::start(at_noon(&workspace, &["serve", "--listen", "127.0.0.1:0"]));
    let captures = page.json("/api/v1/captures", 200);
    let capture = &captures["captures"][0];
    assert_eq!(
        (&capture["body"], &capture["body_shown"]),
        (&"quarantine".into(), &false.into())
    );
    let error = page.json(&format!("/api/v1/captures/{}/body", capture["id"]), 403);
    let reason = error["error"].as_str().unwrap();
    assert!(
        reason.contains("forbid") && reason.contains("https://example.org/terms"),
        "{reason}"
    );
}

#[test]
fn elsewhere_than_on_loopback_everything_needs_the_token() {
    let workspace = keyed("allowed");
    let mut command = at_noon(&workspace, &["serve", "--listen", "0.0.0.0:0"]);
    let page = Serving::start({
        command.env("VIGIE_TOKEN", TOKEN);
        command
    });
    let bearer = format!("Authorization: Bearer {TOKEN}\r\n");
    let (_, text) = page.get_with("/api/v1/captures", &bearer);
    let (_, body) = text.split_once("\r\n\r\n").unwrap();
    let captures: Value = serde_json::from_str(body).unwrap();
    for path in paths(&captures["captures"][0]["id"]) {
        assert_eq!(page.get(&path).0, 401, "{path}");
        let wrong = "Authorization: Bearer a-token-of-another\r\n";
        assert_eq!(page.get_with(&path, wrong).0, 401, "{path}");
        assert_eq!(page.get_with(&path, &bearer).0, 200, "{path}");
        let sign = if path.contains('?') { '&' } else { '?' };
        assert_eq!(
            page.get(&format!("{path}{sign}token={TOKEN}")).0,
            200,
            "{path}"
        );
    }
    // Nor is there anything else: the page, what it is made of, the stream, and all that the interface says of itself.
    let (_, text) = page.get_with("/api/openapi.json", &bearer);
    let (_, interface) = text.split_once("\r\n\r\n").unwrap();
    let interface: Value = serde_json::from_str(interface).unwrap();
    let mut all: Vec<String> = interface["paths"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    assert!(all.len() > 15, "{all:?}");
    let others = ["/", "/index.html", "/nothing", "/api/openapi.json"];
    all.extend(others.map(str::to_owned));
    for path in all {
        let path = path.replace("{id}", "1").replace("{source}", "mine");
        assert_eq!(status(&page, &path), 401, "{path}");
    }
}

/// The status of an answer that may never end.
fn status(page: &Serving, path: &str) -> u16 {
    let mut stream = TcpStream::connect(&page.host).unwrap();
    let host = &page.host;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n").unwrap();
    let mut line = [0; 12];
    stream.read_exact(&mut line).unwrap();
    let line = std::str::from_utf8(&line).unwrap();
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_client_that_asks_too_much_is_told_when_to_come_back() {
    let lab = Lab::in_workspace(
        Workspace::new("Paris"),
        &[METAR],
        always(METAR_PATH, FaultKind::Empty200),
    );
    lab.workspace
        .configure("serve", "requests_per_second_max = 1\nstreams_max = 0");
    let page = serve(&lab);
    let (status, text) = page.get("/api/v1/stream");
    assert_eq!(status, 503, "{text}");
    assert!(text.contains("serve.streams_max = 0"), "{text}");
    // Five seconds may be asked for at once, and the machine may take some time over it.
    let answer = (0..100)
        .map(|_| page.get("/api/v1/sources"))
        .find(|(status, _)| *status != 200);
    let (status, text) = answer.unwrap();
    assert_eq!(status, 429, "{text}");
    assert!(text.contains("retry-after: 1\r\n"), "{text}");
    assert!(text.contains("serve.requests_per_second_max = 1"), "{text}");
    // Another client is another address: on Linux all of 127.0.0.0/8 is this machine.
    if cfg!(target_os = "linux") {
        let answer = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(from_another_address(&page.host));
        assert!(answer.starts_with("HTTP/1.0 200"), "{answer}");
    }
}

/// What a client of another address is answered.
async fn from_another_address(host: &str) -> String {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut stream = socket.connect(host.parse().unwrap()).await.unwrap();
    let request = format!("GET /api/v1/sources HTTP/1.0\r\nHost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
