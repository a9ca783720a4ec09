//! The command line: what is said, to people and to programs, and the exit codes.

use std::fs;

use serde_json::Value;
use vigie_testkit::{FaultKind, FaultPlan, RetryAfter, When};

use crate::support::{Lab, Ran, Workspace, own_definition};

const NOON: &str = "2026-11-24T11:00:00Z";

/// The error of a command that ends with exit code 2.
#[track_caller]
fn refused(ran: Ran) -> String {
    let err = ran.err.clone();
    ran.ends(2);
    err
}

/// The keys of a line of NDJSON, in the order of the text.
fn keys(line: &str) -> Vec<String> {
    let mut keys = Vec::new();
    let (mut depth, mut quoted, mut last) = (0, None, String::new());
    let mut escaped = false;
    for (at, letter) in line.char_indices() {
        match (quoted, letter) {
            (Some(start), '"') if !escaped => {
                line[start..at].clone_into(&mut last);
                quoted = None;
            }
            (None, '"') => quoted = Some(at + 1),
            (None, '{' | '[') => depth += 1,
            (None, '}' | ']') => depth -= 1,
            (None, ':') if depth == 1 => keys.push(last.clone()),
            _ => {}
        }
        escaped = quoted.is_some() && letter == '\\' && !escaped;
    }
    keys
}

#[test]
fn init_writes_a_workspace_once_per_folder() {
    for (zone, name, time_zone) in [
        ("Paris", "Paris", "Europe/Paris"),
        ("France", "France", "Europe/Paris"),
        ("Earth", "Earth", "UTC"),
    ] {
        let workspace = Workspace::new(zone);
        let text = fs::read_to_string(workspace.path().join("vigie.toml")).unwrap();
        assert!(text.contains(&format!("en = \"{name}\"")), "{text}");
        assert!(
            text.contains(&format!("time_zone = \"{time_zone}\"")),
            "{text}"
        );
        assert!(text.contains("[sources.usgs-earthquakes]"), "{text}");
        workspace.run(&["status"]);
        let err = refused(workspace.run(&["init", ".", "--zone", "Tokyo"]));
        assert!(
            err.contains("vigie.toml exists") && err.contains("--force"),
            "{err}"
        );
        assert_eq!(
            fs::read_to_string(workspace.path().join("vigie.toml")).unwrap(),
            text
        );
        let out = workspace
            .run(&["init", ".", "--zone", "Tokyo", "--force"])
            .ends(0);
        assert!(out.trim_end().ends_with("vigie.toml"), "{out}");
        let text = fs::read_to_string(workspace.path().join("vigie.toml")).unwrap();
        assert!(text.contains("Asia/Tokyo"), "{text}");
    }
    let text =
        |zone: &str| fs::read_to_string(Workspace::new(zone).path().join("vigie.toml")).unwrap();
    assert!(text("Paris").contains("[sources.velib-disponibilite]"));
    assert!(!text("Earth").contains("[sources.velib-disponibilite]"));
}

#[test]
fn an_unknown_zone_is_refused_with_the_nearest_names() {
    let workspace = Workspace::empty();
    let err = refused(workspace.run(&["init", ".", "--zone", "Marseile", "--lang", "en"]));
    assert!(
        err.contains("`Marseile`") && err.contains("\n  Marseille"),
        "{err}"
    );
    let err = refused(workspace.run(&["init", ".", "--zone", "Marseile", "--lang", "fr"]));
    assert!(err.contains("« Marseile »"), "{err}");
    assert!(!workspace.path().join("vigie.toml").exists());
}

#[test]
fn an_unknown_source_is_refused_with_the_nearest_name() {
    let workspace = Workspace::new("Paris");
    for arguments in [
        &["collect", "velib-disponibilit"][..],
        &["summarize", "velib-disponibilit"],
        &["sources", "show", "velib-disponibilit"],
        &["export", "summaries", "--source", "velib-disponibilit"],
        &["replay", ".", "--source", "velib-disponibilit"],
    ] {
        let err = refused(workspace.run(arguments));
        assert!(
            err.contains("no source is called `velib-disponibilit`"),
            "{arguments:?}: {err}"
        );
        assert!(
            err.contains("did you mean `velib-disponibilite`?"),
            "{arguments:?}: {err}"
        );
    }
    workspace.reconfigure("[sources.velib-disponibilite]", "[sources.velib]");
    let err = refused(workspace.run(&["status"]));
    assert!(err.contains("no source is called `velib`"), "{err}");
}

#[test]
fn a_folder_without_settings_is_refused_with_the_remedy() {
    let err = refused(Workspace::empty().run(&["collect"]));
    assert!(
        err.contains("no vigie.toml in") && err.contains("vigie init --zone"),
        "{err}"
    );
}

#[test]
fn a_wrong_key_in_the_settings_is_named_with_its_place() {
    let workspace = Workspace::new("Paris");
    workspace.configure("http", "timeout_second = 5");
    let text = fs::read_to_string(workspace.path().join("vigie.toml")).unwrap();
    let line = text
        .lines()
        .position(|line| line.starts_with("timeout_second"))
        .unwrap()
        + 1;
    for command in ["collect", "summarize", "status", "doctor", "serve"] {
        let err = refused(workspace.run(&[command]));
        assert!(
            err.contains(&format!(
                "vigie.toml:{line}:1: unknown field `timeout_second`"
            )),
            "{err}"
        );
        assert!(err.contains("did you mean `timeout_seconds`?"), "{err}");
    }
}

#[test]
fn a_wrong_key_in_a_definition_is_named_with_its_place() {
    let workspace = Workspace::new("Paris");
    let open = r#"{ kind = "open" }"#;
    let text = own_definition("", open);
    fs::write(workspace.path().join("right.toml"), &text).unwrap();
    workspace.run(&["sources", "check", "right.toml"]).ends(0);
    fs::write(
        workspace.path().join("wrong.toml"),
        text.replace("horizon = ", "horizn = "),
    )
    .unwrap();
    let line = text
        .lines()
        .position(|line| line.starts_with("horizon"))
        .unwrap()
        + 1;
    let err = refused(workspace.run(&["sources", "check", "wrong.toml"]));
    assert!(
        err.contains(&format!("wrong.toml:{line}:1: unknown key `horizn`")),
        "{err}"
    );
    assert!(err.contains("did you mean `horizon`?"), "{err}");
    // In the workspace's own sources it stops every command, and says so.
    fs::create_dir(workspace.path().join("sources")).unwrap();
    fs::copy(
        workspace.path().join("wrong.toml"),
        workspace.path().join("sources/mine.toml"),
    )
    .unwrap();
    let err = refused(workspace.run(&["collect"]));
    assert!(err.contains(&format!("mine.toml:{line}:1")), "{err}");
}

#[test]
fn the_rows_of_a_sample_are_shown() {
    let workspace = Workspace::new("Paris");
    fs::write(
        workspace.path().join("mine.toml"),
        own_definition("", r#"{ kind = "open" }"#),
    )
    .unwrap();
    let body = r#"[{"icaoId":"LFPG","obsTime":1795000000,"temp":7.5},{"icaoId":null,"obsTime":1,"temp":1}]"#;
    fs::write(workspace.path().join("body.json"), body).unwrap();
    let check = ["sources", "check", "mine.toml", "--sample", "body.json"];
    let table = workspace.run(&check).ends(0);
    let mut lines = table.lines();
    let header = lines.next().unwrap();
    assert!(
        header.starts_with("entity") && header.contains("temperature [Cel]"),
        "{table}"
    );
    let row = lines.next().unwrap();
    assert!(
        row.starts_with("LFPG") && row.ends_with("7.5") && row.contains("2026-11-1"),
        "{table}"
    );
    assert!(table.contains("1 rows, 1 rows refused"), "{table}");
    let json = workspace.run(&[&check[..], &["--json"]].concat()).ends(0);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["rows"][0]["measures"]["temperature"], 7.5);
    assert_eq!(json["rows"][0]["entity"], "LFPG");
    assert_eq!(json["refused_rows"], 1);
    assert_eq!(json["refusals"].as_array().map(Vec::len), Some(1), "{json}");
    fs::write(workspace.path().join("body.json"), &body[..40]).unwrap();
    let ran = workspace.run(&check);
    assert!(
        ran.err.contains("body.json") && ran.err.contains("truncated"),
        "{ran:#?}"
    );
    ran.ends(1);
}

#[test]
fn the_list_of_sources_keeps_its_contract() {
    let workspace = Workspace::new("Paris");
    let text = workspace.run(&["sources", "list", "--json"]).ends(0);
    let list: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert!(list.len() >= 6);
    for source in &list {
        let mut keys: Vec<&String> = source.as_object().unwrap().keys().collect();
        keys.sort();
        let contract = [
            "access", "domain", "enabled", "id", "licence", "period", "title", "zones",
        ];
        assert_eq!(keys, contract);
        assert!(source["access"] == "open" || source["access"] == "key");
        assert!(
            source["enabled"].is_boolean() && source["zones"].is_array(),
            "{source}"
        );
    }
    let velib = list
        .iter()
        .find(|source| source["id"] == "velib-disponibilite")
        .unwrap();
    assert_eq!(velib["enabled"], true);
    let list = workspace.run(&["sources", "list"]).ends(0);
    assert!(list.starts_with("source "), "{list}");
    // Without a workspace there is a catalogue all the same.
    Workspace::empty()
        .run(&["sources", "list", "--json"])
        .ends(0);
}

#[test]
fn exports_keep_the_order_of_their_keys() {
    let lab = Lab::new(
        "Paris",
        &["usgs-earthquakes", "ecb-eurofxref-daily"],
        FaultPlan::none(),
    );
    lab.at(NOON, &["collect"]).ends(0);
    lab.at(NOON, &["summarize"]).ends(0);
    let contracts = [
        (
            "summaries",
            "source,entity,measure,unit,kind,hour,count,min,max,mean,sum,first,last,p50,p95,coverage",
        ),
        (
            "events",
            "source,key,revision,observed_at,published_at,fetched_at,lon,lat,place,title,measures",
        ),
        (
            "captures",
            "source,slot,started_at,outcome,http_status,bytes,sha256,file,rows,refused_rows,cause,reason",
        ),
    ];
    for (what, columns) in contracts {
        let text = lab.workspace.exported(what);
        assert!(!text.is_empty(), "{what}");
        for line in text.lines() {
            assert_eq!(keys(line).join(","), columns, "{line}");
        }
        let csv = lab.workspace.run(&["export", what]).ends(0);
        assert_eq!(csv.lines().next(), Some(columns));
        assert_eq!(csv.lines().count(), text.lines().count() + 1, "{csv}");
        let arguments = ["export", what, "--format", "parquet", "-o", "out.parquet"];
        lab.workspace.run(&arguments).ends(0);
        let parquet = fs::read(lab.workspace.path().join("out.parquet")).unwrap();
        assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    }
}

#[test]
fn help_has_the_exit_codes() {
    let help = Workspace::empty().run(&["--help"]).ends(0);
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for code in [
        "0 done",
        "1 some source failed",
        "2 wrong command line or configuration",
        "3 the store is unavailable",
        "4 another run holds the lock",
    ] {
        assert!(help.contains(code), "{help}");
    }
    refused(Workspace::empty().run(&["colect"]));
    refused(Workspace::new("Paris").run(&["collect", "--now", "yesterday"]));
}

#[test]
fn the_crontab_has_absolute_paths() {
    let workspace = Workspace::new("Paris");
    let table = workspace.run(&["schedule", "cron"]).ends(0);
    let root = workspace.path().to_str().unwrap();
    for step in ["collect --due", "summarize", "report --period day"] {
        let line = table
            .lines()
            .find(|line| !line.starts_with('#') && line.contains(step))
            .unwrap();
        assert!(
            line.contains(&format!("'{}'", env!("CARGO_BIN_EXE_vigie"))),
            "{line}"
        );
        assert!(line.contains(&format!("--dir '{root}'")), "{line}");
    }
}

#[test]
fn status_and_doctor_speak_to_programs() {
    let lab = Lab::new(
        "Paris",
        &["usgs-earthquakes", "ecb-eurofxref-daily"],
        FaultPlan::none(),
    );
    lab.at(NOON, &["collect"]).ends(0);
    lab.at(NOON, &["summarize"]).ends(0);
    let status: Value = serde_json::from_str(&lab.at(NOON, &["status", "--json"]).ends(0)).unwrap();
    assert_eq!(
        (&status["well"], status["sources"].as_array().map(Vec::len)),
        (&true.into(), Some(2))
    );
    let text = lab.at(NOON, &["status"]).ends(0);
    assert!(text.contains("usgs-earthquakes"), "{text}");
    let doctor: Value = serde_json::from_str(&lab.at(NOON, &["doctor", "--json"]).ends(0)).unwrap();
    let checks = doctor.as_array().unwrap();
    assert!(
        checks.len() > 5 && checks.iter().all(|check| check["well"] == true),
        "{doctor:#}"
    );
    // Two weeks later the content is old, and a monitor hears of it.
    let late = lab
        .at("2026-12-08T11:00:00Z", &["status", "--json"])
        .ends(1);
    assert_eq!(serde_json::from_str::<Value>(&late).unwrap()["well"], false);
}

/// Whether any file of a folder holds a text.
fn holding(lab: &Lab, text: &str) -> Vec<std::path::PathBuf> {
    let mut files = lab.workspace.files(".");
    files.retain(|path| {
        let bytes = fs::read(path).unwrap();
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    });
    files
}

#[test]
fn a_key_shows_nowhere() {
    const KEY: &str = "s3cr+t/of mine=";
    const ENCODED: &str = "s3cr%2Bt%2Fof%20mine%3D";
    let at = |minute: u8| format!("2026-11-24T11:{minute:02}:00Z").parse().unwrap();
    let kinds = [
        FaultKind::Status {
            code: 503,
            retry_after: Some(RetryAfter::Seconds(60)),
        },
        FaultKind::RedirectLoop,
        FaultKind::HtmlInstead,
        FaultKind::ResetMidBody,
        FaultKind::TruncatedJson,
    ];
    let mut faults = FaultPlan::none();
    for (kind, hour) in kinds.into_iter().zip(1..) {
        faults = faults.and(
            "/api/data/metar",
            kind,
            When::Window(at(hour * 10), at(hour * 10 + 1)),
        );
    }
    let lab = Lab::new("Paris", &["mine"], faults);
    let access = r#"{ kind = "key", env = "MINE_KEY", signup = "https://example.org/signup" }"#;
    fs::create_dir(lab.workspace.path().join("sources")).unwrap();
    fs::write(
        lab.workspace.path().join("sources/mine.toml"),
        own_definition("&token={key}", access),
    )
    .unwrap();
    let run = |time: &str, arguments: &[&str], key: &str| {
        let ran = Ran::of(
            lab.command_at(time, arguments)
                .env("MINE_KEY", key)
                .output()
                .unwrap(),
        );
        let said = format!("{}{}", ran.out, ran.err);
        assert!(
            !said.contains("s3cr") && !said.contains("of mine"),
            "{arguments:?}: {said}"
        );
        ran
    };
    // Without its key it is not asked.
    let ran = run(NOON, &["collect", "-vv"], "");
    assert!(ran.out.contains("MINE_KEY"), "{ran:#?}");
    ran.ends(1);
    assert!(lab.requests().is_empty());

    for minute in [0, 10, 20, 30, 40, 50] {
        let time = format!("2026-11-24T11:{minute:02}:00Z");
        let code = i32::from(![0, 50].contains(&minute));
        run(&time, &["collect", "-vv", "--log", "json"], KEY).ends(code);
        assert!(lab.requests().last().unwrap().target.contains(ENCODED) || minute == 20);
        assert_eq!(
            holding(&lab, "s3cr"),
            Vec::<std::path::PathBuf>::new(),
            "at {minute}"
        );
        assert_eq!(
            holding(&lab, "of%20mine"),
            Vec::<std::path::PathBuf>::new(),
            "at {minute}"
        );
    }
    let time = "2026-11-24T11:55:00Z";
    run(time, &["summarize", "-vv"], KEY).ends(1);
    for arguments in [
        &["status", "--json"][..],
        &["doctor", "-vv"],
        &["export", "captures", "--format", "ndjson"],
        &["export", "captures", "--format", "csv"],
    ] {
        run(time, arguments, KEY);
    }
    // Nor where nobody answers.
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    lab.workspace
        .reconfigure(&lab.base_url(), &format!("http://{closed}"));
    run("2026-11-24T12:30:00Z", &["collect", "-vv"], KEY).ends(1);
    assert_eq!(holding(&lab, "s3cr"), Vec::<std::path::PathBuf>::new());
    let shown = lab.workspace.files("data/quarantine");
    let manifest = shown
        .iter()
        .find(|path| path.to_str().unwrap().ends_with(".manifest.json"))
        .unwrap();
    assert!(fs::read_to_string(manifest).unwrap().contains("token=***"));
}
