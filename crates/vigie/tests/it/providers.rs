//! Every way in which a provider may answer badly: each has its named cause, changes nothing, and is over when it is over.

use std::fs;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use vigie_testkit::{FaultKind, FaultPlan, When};

use crate::{
    server,
    support::{Lab, Workspace, own_definition},
};

const VELIB: &str = "velib-disponibilite";
const VELIB_PATH: &str = "/api/explore/v2.1/catalog/datasets/velib-disponibilite-en-temps-reel/";
const METAR: &str = "metar-aviationweather";
const METAR_PATH: &str = "/api/data/metar";
const USGS: &str = "usgs-earthquakes";
const ECO2MIX: &str = "eco2mix-national";
const ECO2MIX_PATH: &str = "/api/explore/v2.1/catalog/datasets/eco2mix-national-tr/";

const START: &str = "2026-11-24T08:00:05Z";
/// Good bodies before the first fault, so that there is something usual.
const BEFORE: i64 = 4;

/// What comes of a fault.
struct Expected {
    /// The source whose answers it is tried on.
    source: &'static str,
    path: &'static str,
    /// Whether `summarize` finds it, and not `collect`.
    late: bool,
    outcome: &'static str,
    cause: &'static str,
    /// A part of the reason.
    reason: &'static str,
}

/// Without a wildcard: a new kind of fault has no test until it is here.
fn expected(kind: &FaultKind) -> Expected {
    let velib = |late, outcome, cause, reason| Expected {
        source: VELIB,
        path: VELIB_PATH,
        late,
        outcome,
        cause,
        reason,
    };
    let failed = |cause, reason| velib(false, "failed", cause, reason);
    let doubted = |cause, reason| velib(true, "quarantined", cause, reason);
    match kind {
        FaultKind::TruncatedJson => doubted("truncated", "truncated"),
        FaultKind::HtmlInstead => velib(false, "quarantined", "html", "HTML page"),
        FaultKind::Empty200 => velib(false, "quarantined", "empty", "empty"),
        FaultKind::Status { code: 429, .. } => failed("rate_limited", "429"),
        FaultKind::Status {
            code: 500..=599, ..
        } => failed("unavailable", "503"),
        FaultKind::Status { .. } => failed("http_status", "404"),
        FaultKind::ResetMidBody => failed("reset", "body"),
        FaultKind::SlowBody { .. } => failed("timeout", "http.timeout_seconds = 2"),
        FaultKind::RedirectLoop => failed("redirect_loop", "http.redirects_max = 5"),
        FaultKind::HalfRows { .. } => Expected {
            source: USGS,
            path: "/earthquakes/",
            ..doubted("shrunken", "suddenly shrunken")
        },
        FaultKind::YesterdaysBody => Expected {
            source: ECO2MIX,
            path: ECO2MIX_PATH,
            ..doubted("repeated", "old content again")
        },
        FaultKind::WrongCharset => doubted("charset", "not valid UTF-8"),
        FaultKind::GzipBomb { .. } => failed("bomb", "http.decompression_ratio_max = 200"),
        FaultKind::HugeContentLength => failed("too_large", "http.body_bytes_max"),
        FaultKind::NullIds => doubted("mostly_refused", "the identifier is missing"),
        FaultKind::RenumberedIds => doubted("renumbered", "none of the identifiers"),
        FaultKind::OtherUnit => Expected {
            source: METAR,
            path: METAR_PATH,
            ..doubted("other_unit", "the median of `temperature`")
        },
        FaultKind::FutureRows { .. } => doubted("future", "rows.future"),
        FaultKind::RedirectTo { .. } => failed("private_address", "169.254.169.254"),
        FaultKind::UntrustedTls => failed("tls", "certificate"),
    }
}

fn instant(minutes: i64) -> Timestamp {
    START.parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes)
}

/// When a fault strikes, when the provider is asked again after it, and when all is over.
fn minutes_of(index: usize) -> (i64, i64) {
    let minutes = 10 * (BEFORE + 2 * i64::try_from(index).unwrap());
    (minutes, minutes + 10)
}

fn workspace(store: &str) -> Workspace {
    let workspace = Workspace::with_store("Paris", store);
    workspace.configure("http", "timeout_seconds = 2");
    // For the https listener of the simulator; what lies elsewhere is still out of reach.
    workspace.configure("http", "allow_private = [\"127.0.0.0/8\"]");
    workspace
}

const SOURCES: [&str; 4] = [VELIB, METAR, USGS, ECO2MIX];

fn at(lab: &Lab, minutes: i64, arguments: &[&str], code: i32) -> String {
    lab.at(&instant(minutes).to_string(), arguments).ends(code)
}

/// The good answers, and what is in the store then.
fn undisturbed(faults: usize) -> [String; 2] {
    let lab = Lab::in_workspace(
        workspace("sqlite:data/vigie.db"),
        &SOURCES,
        FaultPlan::none(),
    );
    let before = (0..BEFORE).map(|index| 10 * index);
    for minutes in before.chain((0..faults).map(|index| minutes_of(index).1)) {
        at(&lab, minutes, &["collect"], 0);
    }
    at(&lab, minutes_of(faults).1, &["summarize"], 0);
    ["summaries", "events"].map(|what| lab.workspace.exported(what))
}

fn disturbed(store: &str, undisturbed: &[String; 2]) {
    let kinds = FaultKind::each(instant(0));
    let mut plan = FaultPlan::none();
    for index in 0..kinds.len() {
        let from = instant(minutes_of(index).0);
        // The date of `Retry-After` is that of the moment.
        let kind = FaultKind::each(from).swap_remove(index);
        let window = When::Window(from, from + SignedDuration::from_secs(1));
        plan = plan.and(expected(&kind).path, kind, window);
    }
    let lab = Lab::in_workspace(workspace(store), &SOURCES, plan);
    for index in 0..BEFORE {
        at(&lab, 10 * index, &["collect"], 0);
    }
    at(&lab, 10 * (BEFORE - 1), &["summarize"], 0);
    for (index, kind) in kinds.iter().enumerate() {
        let expected = expected(kind);
        let (struck, again) = minutes_of(index);
        let asked = ["collect", expected.source];
        let mut out = at(&lab, struck, &asked, i32::from(!expected.late));
        if expected.late {
            out = at(&lab, struck, &["summarize"], 1);
        }
        assert!(out.contains(expected.reason), "{kind:?}: {out}");
        let captures = lab.workspace.captures(expected.source);
        let capture = captures.last().unwrap();
        assert_eq!(capture["outcome"], expected.outcome, "{kind:?}: {capture}");
        assert_eq!(capture["cause"], expected.cause, "{kind:?}: {capture}");
        let reason = capture["reason"].as_str().unwrap();
        assert!(reason.contains(expected.reason), "{kind:?}: {reason}");
        let status = lab.at(&instant(struck).to_string(), &["status", "--json"]);
        let status: Value = serde_json::from_str(&status.out).unwrap();
        let mut sources = status["sources"].as_array().unwrap().iter();
        let of_source = sources.find(|source| source["id"] == expected.source);
        let last = &of_source.unwrap()["last_problem"];
        assert_eq!(last["cause"], expected.cause, "{kind:?}: {last}");
        at(&lab, again, &["collect"], 0);
        // Some are summarised at once, and some many at a time.
        if index % 3 == 0 {
            at(&lab, again, &["summarize"], 0);
        }
    }
    at(&lab, minutes_of(kinds.len()).1, &["summarize"], 0);
    assert!(lab.workspace.files("data/raw").is_empty());
    for (what, undisturbed) in ["summaries", "events"].iter().zip(undisturbed) {
        let text = lab.workspace.exported(what);
        assert!(text.lines().count() > 10, "{text}");
        assert!(text == *undisturbed, "{what} differ after the faults");
    }
    // People read the cause too, in their language.
    let status = lab.at(&instant(minutes_of(kinds.len()).1).to_string(), &["status"]);
    assert!(
        status.out.contains("HTTP refusal (http_status)"),
        "{status:#?}"
    );
    lab.workspace
        .reconfigure("language = \"en\"", "language = \"fr\"");
    let status = lab.at(&instant(minutes_of(kinds.len()).1).to_string(), &["status"]);
    assert!(
        status.out.contains("refus HTTP (http_status)"),
        "{status:#?}"
    );
}

#[test]
fn every_fault_of_a_provider_has_its_cause_and_changes_nothing() {
    let undisturbed = undisturbed(FaultKind::each(instant(0)).len());
    disturbed("sqlite:data/vigie.db", &undisturbed);
    if let Some(server) = server::uri() {
        let name = format!("providers_{}", std::process::id());
        disturbed(&server::patient_uri(server, &name), &undisturbed);
    }
}

/// The only capture of the user's own source.
#[track_caller]
fn capture(lab: &Lab) -> Value {
    let captures = lab.workspace.captures("mine");
    assert_eq!(captures.len(), 1, "{captures:#?}");
    captures[0].clone()
}

/// A lab with the user's own source, of the simulator's weather reports.
fn own(edit: impl Fn(String) -> String, faults: FaultPlan) -> Lab {
    let lab = Lab::new("Paris", &["mine"], faults);
    fs::create_dir(lab.workspace.path().join("sources")).unwrap();
    let definition = edit(own_definition(",EGLL,LFML,KJFK", r#"{ kind = "open" }"#));
    fs::write(lab.workspace.path().join("sources/mine.toml"), definition).unwrap();
    lab
}

#[test]
fn neither_definitions_nor_redirects_lead_into_private_networks() {
    // A definition that names a private host, by address and by name.
    for host in ["127.0.0.1", "localhost", "2130706433", "[::ffff:7f00:1]"] {
        let lab = own(|text| text, FaultPlan::none());
        let base = lab.base_url();
        let port = base.rsplit(':').next().unwrap();
        lab.workspace
            .reconfigure(&format!("base_url = \"{base}\""), "");
        let file = lab.workspace.path().join("sources/mine.toml");
        let definition = fs::read_to_string(&file).unwrap();
        let url = format!("http://{host}:{port}/");
        fs::write(&file, definition.replace("https://api.example.org/", &url)).unwrap();
        let out = lab.at(START, &["collect"]).ends(1);
        assert!(out.contains("http.allow_private"), "{host}: {out}");
        assert_eq!(capture(&lab)["cause"], "private_address", "{host}");
        assert_eq!(lab.requests().len(), 0, "{host}");
        if host == "localhost" {
            // The user may say otherwise.
            lab.workspace
                .configure("http", "allow_private = [\"localhost\"]");
            lab.at(START, &["collect"]).ends(0);
        }
    }
    // Another port of the host that the user has named is not what he named.
    let other = Lab::new("Paris", &["mine"], FaultPlan::none());
    let location = format!("{}{METAR_PATH}?ids=LFPG", other.base_url());
    let always = When::Window(Timestamp::MIN, Timestamp::MAX);
    for location in [location, "ftp://example.org/".to_owned()] {
        let cause = if location.starts_with("ftp") {
            "redirect_refused"
        } else {
            "private_address"
        };
        let plan = FaultPlan::none().and(
            METAR_PATH,
            FaultKind::RedirectTo { location },
            always.clone(),
        );
        let lab = own(|text| text, plan);
        lab.at(START, &["collect"]).ends(1);
        assert_eq!(capture(&lab)["cause"], cause);
    }
    assert_eq!(other.requests().len(), 0);
}

#[test]
fn each_limit_of_the_workspace_is_named_when_it_is_met() {
    for (table, line, code, cause, said) in [
        (
            "http",
            "header_bytes_max = 40",
            1,
            "too_large",
            "http.header_bytes_max = 40",
        ),
        (
            "http",
            "body_bytes_max = 100",
            1,
            "too_large",
            "http.body_bytes_max = 100",
        ),
        (
            "limits",
            "rows_max = 2",
            1,
            "too_many_rows",
            "limits.rows_max",
        ),
        (
            "limits",
            "nesting_max = 1",
            1,
            "too_deep",
            "limits.nesting_max",
        ),
        (
            "limits",
            "entities_max = 2",
            0,
            "too_many_entities",
            "limits.entities_max = 2",
        ),
    ] {
        let lab = own(|text| text, FaultPlan::none());
        lab.workspace.configure(table, line);
        let collected = lab.at(START, &["collect"]);
        if table == "http" {
            collected.ends(1);
        } else {
            collected.ends(0);
            lab.at(START, &["summarize"]).ends(code);
        }
        let capture = capture(&lab);
        assert_eq!(capture["cause"], cause, "{line}: {capture}");
        let reason = capture["reason"].as_str().unwrap();
        assert!(reason.contains(said), "{line}: {reason}");
        if line.starts_with("entities") {
            assert_eq!(
                (&capture["rows"], &capture["refused_rows"]),
                (&2.into(), &2.into())
            );
            // Those that are known stay welcome, and the others are let in when there is room.
            lab.at("2026-11-24T09:00:05Z", &["collect"]).ends(0);
            lab.at("2026-11-24T09:00:05Z", &["summarize"]).ends(0);
            let entities = |lab: &Lab| {
                let summaries = lab.workspace.export("summaries");
                let mut names: Vec<String> = summaries
                    .iter()
                    .map(|row| row["entity"].to_string())
                    .collect();
                names.sort();
                names.dedup();
                names.len()
            };
            assert_eq!(entities(&lab), 2);
            lab.workspace
                .reconfigure("entities_max = 2", "entities_max = 4");
            lab.at("2026-11-24T10:00:05Z", &["collect"]).ends(0);
            lab.at("2026-11-24T10:00:05Z", &["summarize"]).ends(0);
            assert_eq!(entities(&lab), 4);
        }
    }
    // Texts are cut.
    let lab = Lab::new("Paris", &[USGS], FaultPlan::none());
    lab.workspace.configure("limits", "text_characters_max = 5");
    lab.at(START, &["collect"]).ends(0);
    lab.at(START, &["summarize"]).ends(0);
    let events = lab.workspace.export("events");
    let titles = events.iter().map(|event| event["title"].as_str().unwrap());
    assert!(titles.clone().count() > 10);
    assert!(
        titles
            .clone()
            .all(|title| title.chars().count() == 5 && title.ends_with('…'))
    );
}

#[test]
fn a_few_rows_from_the_future_are_refused_alone_and_forecasts_are_not() {
    // Rows of the simulator are some minutes old: with a margin below zero minutes some are from the future.
    let recent =
        |text: String| text.replace("horizon = \"2d\"", "horizon = \"2d\"\nfuture = \"2d\"");
    let ahead = FaultKind::FutureRows {
        ahead: SignedDuration::from_hours(24),
    };
    let always = When::Window(Timestamp::MIN, Timestamp::MAX);
    let lab = own(
        recent,
        FaultPlan::none().and(METAR_PATH, ahead.clone(), always.clone()),
    );
    lab.at(START, &["collect"]).ends(0);
    lab.at(START, &["summarize"]).ends(0);
    assert_eq!(capture(&lab)["cause"], Value::Null);
    let lab = own(
        |text| text,
        FaultPlan::none().and(METAR_PATH, ahead, always),
    );
    lab.at(START, &["collect"]).ends(0);
    lab.at(START, &["summarize"]).ends(1);
    assert_eq!(capture(&lab)["cause"], "future");
    assert!(lab.workspace.export("summaries").is_empty());
}

#[test]
fn a_seeded_day_loses_nothing_and_names_every_trouble() {
    let lab = Lab::in_workspace(
        workspace("sqlite:data/vigie.db"),
        &SOURCES,
        FaultPlan::seeded(5, 0.4),
    );
    for minutes in (0..300).step_by(15) {
        for step in ["collect", "summarize"] {
            let ran = lab.at(&instant(minutes).to_string(), &[step]);
            assert!(matches!(ran.code, Some(0 | 1)), "{ran:#?}");
        }
    }
    let captures = lab.workspace.export("captures");
    let mut troubles = 0;
    for capture in &captures {
        let outcome = capture["outcome"].as_str().unwrap();
        let is_good = matches!(outcome, "summarized" | "unchanged");
        assert!(is_good != capture["cause"].is_string(), "{capture}");
        // What came and does not count is still there, byte for byte.
        if outcome == "quarantined" {
            let file = lab.workspace.path().join("data");
            let file = file.join(capture["file"].as_str().unwrap());
            assert_eq!(fs::metadata(file).unwrap().len(), capture["bytes"]);
        }
        troubles += usize::from(!is_good);
    }
    assert!(troubles > 10, "{troubles} of {}", captures.len());
    assert!(lab.workspace.files("data/raw").is_empty());
    // Whatever spoils the answers of every source has its cause.
    let paths = [
        (VELIB_PATH, VELIB),
        (METAR_PATH, METAR),
        (ECO2MIX_PATH, ECO2MIX),
        ("/earthquakes/", USGS),
    ];
    let mut struck = 0;
    for request in lab.requests() {
        use FaultKind::{HalfRows, NullIds, OtherUnit, RenumberedIds, YesterdaysBody};
        match &request.fault {
            None | Some(HalfRows { .. } | NullIds | OtherUnit | RenumberedIds | YesterdaysBody) => {
            }
            Some(fault) => {
                let path = &request.target;
                let source = paths.iter().find(|(start, _)| path.starts_with(start));
                let (_, source) = source.unwrap_or_else(|| panic!("{path}"));
                let at = request.at.to_string();
                let named = captures.iter().any(|capture| {
                    capture["source"] == *source
                        && capture["started_at"] == at
                        && capture["cause"].is_string()
                });
                assert!(named, "{at} {path}: {fault:?}");
                struck += 1;
            }
        }
    }
    assert!(struck > 10, "{struck}");
}
