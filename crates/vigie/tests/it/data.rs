//! The data interface, asked as other programs ask it, over both stores.

mod known;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read as _, Write as _},
    net::TcpStream,
};

use serde_json::Value;
use vigie_testkit::FaultPlan;

use self::known::{events_are_as_they_were_known, values_are_as_they_were_known};
use crate::{
    server,
    support::{Lab, Serving, Workspace, wait_until},
};

const VELIB: &str = "velib-disponibilite";
const QUAKES: &str = "usgs-earthquakes";
const RATES: &str = "ecb-eurofxref-daily";
const TAGS: &str = "mastodon-trends-tags";
const WEATHER: &str = "metar-aviationweather";
const POWER: &str = "eco2mix-national";
const SOURCES: [&str; 6] = [VELIB, QUAKES, RATES, TAGS, WEATHER, POWER];
const EARLY: &str = "2026-11-24T12:30:00Z";
const LATER: &str = "2026-11-24T20:00:00Z";
const DAY: &str = "from=2026-11-24&to=2026-11-24";

/// Half a day, asked every hour, over the store of this address.
fn watched(uri: &str, sources: &[&str]) -> Lab {
    let lab = watched_until(uri, sources, 20);
    lab.at("2026-11-24T19:05:00Z", &["summarize"]).ends(0);
    lab
}

fn watched_until(uri: &str, sources: &[&str], end: u8) -> Lab {
    let workspace = Workspace::with_store("Paris", uri);
    let lab = Lab::in_workspace(workspace, sources, FaultPlan::none());
    for hour in 8..end {
        lab.at(&format!("2026-11-24T{hour:02}:00:00Z"), &["collect"])
            .ends(0);
        if hour == 12 {
            lab.at("2026-11-24T12:05:00Z", &["summarize"]).ends(0);
        }
    }
    lab
}

fn serve(lab: &Lab, time: &str) -> Serving {
    Serving::start(lab.command_at(time, &["serve", "--listen", "127.0.0.1:0"]))
}

/// What was answered.
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

fn ask_with(serving: &Serving, path: &str, header: &str) -> Answer {
    let mut stream = TcpStream::connect(&serving.host).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.0\r\nHost: {}\r\n{header}\r\n",
        serving.host
    )
    .unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
        .unwrap();
    let body = bytes.split_off(end + 4);
    let head = String::from_utf8(bytes).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    Answer {
        status: status.parse().unwrap(),
        headers,
        body,
    }
}

#[track_caller]
fn ask(serving: &Serving, path: &str) -> Answer {
    let answer = ask_with(serving, path, "");
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer
}

/// All pages of a list, each asked for as the one before says.
fn pages(serving: &Serving, path: &str) -> Vec<Value> {
    let mut pages = vec![ask(serving, path).json()];
    while let Some(next) = pages.last().and_then(|page| page["next"].as_str()) {
        let next = format!("{path}&after={next}");
        pages.push(ask(serving, &next).json());
    }
    pages
}

#[track_caller]
fn refused(serving: &Serving, path: &str, status: u16, told: &str) {
    let answer = ask_with(serving, path, "");
    assert_eq!(answer.status, status, "{path}: {}", answer.text());
    let error = answer.json()["error"].as_str().unwrap().to_owned();
    assert!(error.contains(told), "{path}: {error}");
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

/// A measure of a source, and what `export` says of it, by entity and UTC hour.
struct Known<'a> {
    source: &'a str,
    measure: &'a str,
    hours: BTreeMap<(String, String), Value>,
}

impl<'a> Known<'a> {
    fn new(lab: &Lab, source: &'a str, measure: &'a str) -> Self {
        let rows = lab.workspace.export("summaries").into_iter();
        let hours = rows
            .filter(|row| row["source"] == source && row["measure"] == measure)
            .map(|row| {
                let hour: jiff::Timestamp = row["hour"].as_str().unwrap().parse().unwrap();
                let entity = row["entity"].as_str().unwrap().to_owned();
                ((entity, hour.to_string()), row)
            })
            .collect();
        Self {
            source,
            measure,
            hours,
        }
    }

    fn entities(&self) -> BTreeSet<&str> {
        self.hours
            .keys()
            .map(|(entity, _)| entity.as_str())
            .collect()
    }

    fn series(&self, rest: &str) -> String {
        format!(
            "/api/v1/series?source={}&measure={}&{rest}",
            self.source, self.measure
        )
    }
}

fn hours_of(answer: &Value) -> Vec<String> {
    let starts = answer["starts"].as_array().unwrap();
    starts
        .iter()
        .map(|start| start.as_str().unwrap().to_owned())
        .collect()
}

/// What a store decides: the figures of hours and the versions of events.
fn check(lab: &Lab, source: &str, measure: &str) {
    let early = {
        let serving = serve(lab, EARLY);
        let path = format!("/api/v1/events?source={QUAKES}&from=2026-11-20&known_at={EARLY}");
        ask(&serving, &path).json()
    };
    let serving = serve(lab, LATER);
    let known = Known::new(lab, source, measure);
    series_are_the_exported_hours(&known, &serving);
    longer_steps_are_merges(&known, &serving);
    all_together_is_one(&known, &serving);
    entities_come_in_pages(&known, &serving);
    events_are_as_they_were_known(lab, &serving, &early);
    values_are_as_they_were_known(lab, &serving);
}

fn series_are_the_exported_hours(known: &Known<'_>, serving: &Serving) {
    let entities = known.entities();
    let [first, second] = [entities.first().unwrap(), entities.last().unwrap()];
    let path = known.series(&format!("entity={first}&entity={second}&{DAY}"));
    let answer = ask(serving, &path).json();
    assert_eq!(answer["measure"]["id"], known.measure);
    assert!(!answer["credit"]["attribution"].as_str().unwrap().is_empty());
    let starts = hours_of(&answer);
    assert_eq!(
        (starts.len(), starts[0].as_str()),
        (24, "2026-11-23T23:00:00Z")
    );
    assert_eq!(answer["end"], "2026-11-24T23:00:00Z");
    for (line, entity) in answer["series"]
        .as_array()
        .unwrap()
        .iter()
        .zip([first, second])
    {
        assert_eq!(line["entity"].as_str(), Some(*entity));
        assert_ne!(line["name"], line["entity"]);
        for (place, start) in starts.iter().enumerate() {
            let row = known.hours.get(&((*entity).to_owned(), start.clone()));
            for figure in [
                "count", "min", "max", "mean", "sum", "first", "last", "p50", "p95", "coverage",
            ] {
                let said = &line[figure][place];
                match row {
                    Some(row) => assert_eq!(said, &row[figure], "{entity} {start} {figure}"),
                    None if figure == "count" => assert_eq!(said, 0),
                    // A gap is a gap, and no zero.
                    None => assert!(said.is_null(), "{entity} {start} {figure}: {said}"),
                }
            }
        }
        assert!(line["mean"].as_array().unwrap().iter().any(Value::is_null));
        assert!(
            line["mean"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|mean| mean.is_number())
                .count()
                >= 10
        );
    }
}

fn longer_steps_are_merges(known: &Known<'_>, serving: &Serving) {
    let entity = &known.hours.keys().next().unwrap().0;
    let rows: Vec<&Value> = known
        .hours
        .iter()
        .filter(|((id, _), _)| id == entity)
        .map(|(_, row)| row)
        .collect();
    for (step, range, start) in [
        ("day", DAY, "2026-11-23T23:00:00Z"),
        (
            "week",
            "from=2026-11-24T10:00:00Z&to=2026-11-24T11:00:00Z",
            "2026-11-22T23:00:00Z",
        ),
        (
            "month",
            "from=2026-11-03&to=2026-11-30",
            "2026-10-31T23:00:00Z",
        ),
    ] {
        let path = known.series(&format!("entity={entity}&step={step}&{range}"));
        let answer = ask(serving, &path).json();
        assert_eq!(hours_of(&answer), [start], "{step}");
        let line = &answer["series"][0];
        let of = |figure: &str| {
            rows.iter()
                .map(|row| number(&row[figure]))
                .collect::<Vec<f64>>()
        };
        let (counts, sums) = (
            of("count").iter().sum::<f64>(),
            of("sum").iter().sum::<f64>(),
        );
        assert!((number(&line["count"][0]) - counts).abs() < 1e-9, "{step}");
        assert!(
            (number(&line["mean"][0]) - sums / counts).abs() < 1e-9,
            "{step}"
        );
        let least = of("min").into_iter().fold(f64::INFINITY, f64::min);
        let greatest = of("max").into_iter().fold(f64::NEG_INFINITY, f64::max);
        assert_eq!(
            (&line["min"][0], &line["max"][0]),
            (&Value::from(least), &Value::from(greatest)),
            "{step}"
        );
        let (p05, p95) = (number(&line["p05"][0]), number(&line["p95"][0]));
        assert!(
            least <= p05 && p05 <= p95 && p95 <= greatest,
            "{step}: {p05} {p95}"
        );
    }
}

fn all_together_is_one(known: &Known<'_>, serving: &Serving) {
    let mut means: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for ((_, hour), row) in &known.hours {
        means.entry(hour).or_default().push(number(&row["mean"]));
    }
    let answer = ask(serving, &known.series(DAY)).json();
    assert_eq!(answer["series"][0]["entity"], "*");
    let sum = answer["across"] == "sum";
    assert_eq!(sum, known.source == VELIB);
    let mut found = 0;
    for (place, start) in hours_of(&answer).iter().enumerate() {
        if let Some(said) = answer["series"][0]["mean"][place].as_f64() {
            let all = &means[start.as_str()];
            let together = all.iter().sum::<f64>() / if sum { 1.0 } else { all.len() as f64 };
            assert!((said - together).abs() < 1e-6, "{start}: {said}");
            found += 1;
        }
    }
    assert!(found >= 10, "{found}");
}

fn events_are_counted(lab: &Lab, serving: &Serving) {
    let quakes = ask(
        serving,
        &format!("/api/v1/series?source={QUAKES}&step=day&from=2026-11-20&to=2026-11-24"),
    )
    .json();
    let total: u64 = quakes["series"][0]["count"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_u64)
        .sum();
    let stored = lab.workspace.export("events").len() as u64;
    assert!(total > 0 && total <= stored, "{total} of {stored}");
    assert_eq!(
        (&quakes["figure"], &quakes["events"]),
        (&Value::from("count"), &Value::from(true))
    );
}

/// Those that are picked are the first of all of them, in that order.
fn events_are_picked(serving: &Serving) {
    let path = format!("/api/v1/events?source={QUAKES}&from=2026-11-20&to=2026-11-24");
    let mut all: Vec<Value> = (pages(serving, &format!("{path}&limit=3")).iter())
        .flat_map(|page| page["events"].as_array().unwrap().clone())
        .collect();
    assert!(all.len() > 8, "{}", all.len());
    let magnitude = |event: &Value| event["values"]["magnitude"].as_f64().unwrap_or(f64::MIN);
    all.reverse();
    for order in ["latest", "strongest"] {
        if order == "strongest" {
            all.sort_by(|a, b| magnitude(b).total_cmp(&magnitude(a)));
        }
        let picked = ask(serving, &format!("{path}&order={order}&limit=3")).json();
        assert_eq!(picked["total"], Value::from(all.len()));
        assert_eq!(picked["next"], Value::Null);
        assert_eq!(
            picked["events"].as_array().unwrap()[..],
            all[..3],
            "{order}"
        );
    }
    let in_time = ask(serving, &path).json();
    assert_eq!(in_time["total"], Value::Null);
}

fn files_say_the_same(serving: &Serving) {
    let path = format!(
        "/api/v1/series?source={RATES}&entity=USD&entity=GBP&step=day&from=2026-11-16&to=2026-11-24"
    );
    let json = ask(serving, &path).json();
    let points = 2 * json["starts"].as_array().unwrap().len();
    let ndjson = ask(serving, &format!("{path}&format=ndjson"));
    let rows: Vec<Value> = ndjson
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), points);
    let means: Vec<&Value> = rows.iter().map(|row| &row["mean"]).collect();
    let said = json["series"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|line| line["mean"].as_array().unwrap());
    assert_eq!(means, said.collect::<Vec<_>>());
    assert!(rows.iter().all(|row| {
        row["attribution"]
            .as_str()
            .unwrap()
            .contains("European Central Bank")
    }));
    assert_eq!(rows[0]["start"], "2026-11-16T00:00:00+01:00");
    let csv = ask(serving, &format!("{path}&format=csv"));
    assert!(
        csv.text()
            .starts_with("source,entity,name,measure,unit,kind,start,end,count,min,"),
        "{}",
        csv.text()
    );
    assert_eq!(csv.text().lines().count(), points + 1);
    assert_eq!(
        csv.headers["content-disposition"],
        format!("attachment; filename=\"vigie_{RATES}_rate_day.csv\"")
    );
    assert!(csv.headers["vigie-attribution"].contains("European Central Bank"));
    assert!(csv.headers["link"].ends_with("rel=\"license\""));
    let parquet = ask(serving, &format!("{path}&format=parquet"));
    assert!(parquet.body.starts_with(b"PAR1") && parquet.body.ends_with(b"PAR1"));
    // Who has it need not have it again; who has something else does.
    for path in [
        &path,
        &format!("{path}&format=csv"),
        &format!("{path}&format=parquet"),
    ] {
        let tag = ask(serving, path).headers["etag"].clone();
        let again = ask_with(serving, path, &format!("If-None-Match: {tag}\r\n"));
        assert_eq!(
            (again.status, again.body.len(), &again.headers["etag"]),
            (304, 0, &tag),
            "{path}"
        );
        assert_eq!(
            ask_with(serving, path, "If-None-Match: \"other\"\r\n").status,
            200,
            "{path}"
        );
    }
}

fn entities_come_in_pages(known: &Known<'_>, serving: &Serving) {
    let source = known.source;
    let whole = ask(
        serving,
        &format!("/api/v1/entities?source={source}&from=2000-01-01&limit=1000"),
    )
    .json();
    let ids = |answer: &Value| -> Vec<String> {
        let entities = answer["entities"].as_array().unwrap().iter();
        entities
            .map(|entry| entry["entity"].as_str().unwrap().to_owned())
            .collect()
    };
    let stored = known.entities();
    let listed = ids(&whole);
    assert_eq!(
        listed.iter().map(String::as_str).collect::<BTreeSet<_>>(),
        stored
    );
    assert_eq!(
        (whole["total"].as_u64(), &whole["next"]),
        (Some(stored.len() as u64), &Value::Null)
    );
    let limit = stored.len().div_ceil(2) - 1;
    let path = format!("/api/v1/entities?source={source}&from=2000-01-01&limit={limit}");
    let pages = pages(serving, &path);
    assert!(pages.iter().all(|page| page["total"] == whole["total"]));
    assert_eq!(pages.iter().flat_map(ids).collect::<Vec<_>>(), ids(&whole));
    let name = whole["entities"][2]["name"]
        .as_str()
        .unwrap()
        .to_uppercase();
    let query: String = name
        .bytes()
        .map(|byte| format!("%{byte:02X}"))
        .collect::<Vec<_>>()
        .concat();
    let found = ask(
        serving,
        &format!("/api/v1/entities?source={source}&from=2000-01-01&q={query}"),
    )
    .json();
    assert!(
        ids(&found).contains(&ids(&whole)[2]) && found["total"].as_u64() < whole["total"].as_u64()
    );
    let csv = ask(
        serving,
        &format!("/api/v1/entities?source={source}&from=2000-01-01&limit=2&format=csv"),
    );
    assert_eq!(
        (
            csv.text().lines().count(),
            csv.headers["vigie-next"].as_str()
        ),
        (3, ids(&whole)[1].as_str())
    );
}

fn values_order_entities(serving: &Serving) {
    let tags = ask(
        serving,
        &format!("/api/v1/entities?source={TAGS}&order=value&limit=5"),
    )
    .json();
    let ranks: Vec<f64> = tags["entities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| number(&entry["value"]))
        .collect();
    assert_eq!(ranks, [1.0, 2.0, 3.0, 4.0, 5.0]);
}

fn correlations_have_their_count(serving: &Serving) {
    let path = format!("/api/v1/correlation?a={VELIB}/bikes/*&b={VELIB}/docks/*&lag=3&{DAY}");
    let answer = ask(serving, &path).json();
    assert_eq!(answer["lags"].as_array().unwrap().len(), 7);
    let best = &answer["best"];
    // Where bikes go, docks get free.
    assert_eq!(best["lag"], 0, "{answer}");
    assert!(
        number(&best["r"]) < -0.9 && number(&best["pairs"]) >= 10.0,
        "{best}"
    );
    assert!(number(&best["effective_pairs"]) <= number(&best["pairs"]));
    assert!(
        answer["caution"]
            .as_str()
            .unwrap()
            .starts_with("7 lags were tried")
    );
    let counted = format!("/api/v1/correlation?a={QUAKES}/*&b={VELIB}/bikes/*&changes=true&{DAY}");
    assert_eq!(
        ask(serving, &counted).json()["lags"]
            .as_array()
            .unwrap()
            .len(),
        49
    );
}

fn refusals_say_what_to_do(serving: &Serving) {
    let series = "/api/v1/series?source=";
    for (path, status, told) in [
        (
            format!("{series}velib-disponibilites"),
            404,
            "did you mean `velib-disponibilite`?",
        ),
        (
            format!("{series}Not%20An%20Id"),
            400,
            "is not an identifier",
        ),
        ("/api/v1/series".to_owned(), 400, "`source` is missing"),
        (
            format!("{series}{VELIB}&measure=bike"),
            404,
            "it has bikes, ",
        ),
        (
            format!("{series}{VELIB}&entity=nobody"),
            404,
            "has said nothing of `nobody`",
        ),
        (
            format!("{series}{VELIB}&entities=1"),
            400,
            "did you mean `entity`?",
        ),
        (
            format!("{series}{VELIB}&step=minute"),
            400,
            "none of hour, day, week, month",
        ),
        (
            format!("{series}{VELIB}&step=day&step=hour"),
            400,
            "given several times",
        ),
        (
            format!("{series}{VELIB}&format=xml"),
            400,
            "none of json, csv, ndjson, parquet",
        ),
        (
            format!("{series}{VELIB}&from=yesterday"),
            400,
            "is neither a date nor a time",
        ),
        (
            format!("{series}{VELIB}&from=2026-11-24&to=2026-11-23"),
            400,
            "nothing lies between",
        ),
        (
            format!("{series}{VELIB}&from=1900-01-01"),
            400,
            "more than 50000 steps",
        ),
        (format!("{series}{RATES}"), 400, "does not add up"),
        (format!("{series}{TAGS}"), 400, "does not add up"),
        (
            format!("{series}{QUAKES}&entity=x"),
            400,
            "have no entities",
        ),
        (
            format!("/api/v1/entities?source={QUAKES}"),
            400,
            "/api/v1/events?source=",
        ),
        (
            format!("/api/v1/entities?source={VELIB}&limit=0"),
            400,
            "from 1 to 1000",
        ),
        (
            format!("/api/v1/entities?source={VELIB}&after=nobody"),
            400,
            "no entity `nobody`",
        ),
        (
            format!("/api/v1/events?source={VELIB}"),
            400,
            "not of events",
        ),
        (
            format!("/api/v1/events?source={QUAKES}&after=x"),
            400,
            "is not what a page gave",
        ),
        (
            format!("/api/v1/events?source={QUAKES}&order=size"),
            400,
            "none of time, latest, strongest",
        ),
        (
            format!("/api/v1/events?source={QUAKES}&order=latest&after=2026-11-24T00:00:00Z~us1"),
            400,
            "in the order of time only",
        ),
        (
            format!("/api/v1/events?source={QUAKES}&known_at=14:05"),
            400,
            "is not a time",
        ),
        (
            format!("/api/v1/correlation?a={VELIB}&b={VELIB}/bikes"),
            400,
            "source/measure/entity",
        ),
        (
            format!("/api/v1/correlation?a={WEATHER}/wind_direction&b={VELIB}/bikes"),
            400,
            "round in a circle",
        ),
        (
            format!("/api/v1/correlation?a={VELIB}/bikes&b={VELIB}/docks&lag=999"),
            400,
            "at most 168",
        ),
    ] {
        refused(serving, &path, status, told);
    }
    let many: String = (0..51)
        .map(|place| format!("&entity=e{place}"))
        .collect::<Vec<_>>()
        .concat();
    refused(
        serving,
        &format!("{series}{VELIB}{many}"),
        400,
        "at most 50 entities",
    );
    // Programs tell by its name what is only too much.
    let code = |path: &str| ask_with(serving, path, "").json()["code"].clone();
    let long = format!("{series}{VELIB}&from=1900-01-01");
    assert_eq!(code(&long), Value::from("too_much"));
    assert_eq!(code(&format!("{series}{RATES}")), Value::Null);
}

#[test]
fn other_programs_read_what_is_stored() {
    let lab = watched("sqlite:data/vigie.db", &SOURCES);
    check(&lab, VELIB, "bikes");
    let serving = serve(&lab, LATER);
    events_are_counted(&lab, &serving);
    events_are_picked(&serving);
    files_say_the_same(&serving);
    values_order_entities(&serving);
    correlations_have_their_count(&serving);
    refusals_say_what_to_do(&serving);
}

/// Few stations: a MongoDB made of other parts is slow.
#[test]
fn other_programs_read_the_same_from_mongodb() {
    let Some(server) = server::uri() else { return };
    let database = format!("data_{}", std::process::id());
    let uri = server::patient_uri(server, &database);
    check(
        &watched(&uri, &[WEATHER, QUAKES, POWER]),
        WEATHER,
        "temperature",
    );
}

#[test]
fn where_nobody_listened_nothing_is_not_known_to_have_happened() {
    let lab = Lab::new("Earth", &[QUAKES], FaultPlan::none());
    // For a week every six hours, then the machine is away, and back on the 24th.
    let watched = (10..=16).chain([24]);
    for (day, hour) in watched.flat_map(|day| [3, 9, 15, 21].map(|hour| (day, hour))) {
        let time = format!("2026-11-{day:02}T{hour:02}:00:10Z");
        lab.at(&time, &["collect"]).ends(0);
    }
    lab.at("2026-11-24T21:10:00Z", &["summarize"]).ends(0);
    let serving = serve(&lab, "2026-11-24T21:30:00Z");
    // From the 9th to the 25th; the feed tells of the day before it is asked, too.
    let path = format!("/api/v1/series?source={QUAKES}&step=day&from=2026-11-09&to=2026-11-25");
    let counts = ask(&serving, &path).json()["series"][0]["count"].clone();
    let counts = counts.as_array().unwrap().iter().map(Value::as_u64);
    let counts: Vec<_> = counts.collect();
    assert!(counts[1..=7].iter().all(Option::is_some), "{counts:?}");
    assert!(counts[9..=13].iter().all(Option::is_none), "{counts:?}");
    assert!(counts[15].is_some() && counts[16].is_none(), "{counts:?}");
    // On the 23rd nobody knew what the feed told on the 24th of the day before.
    let hours =
        format!("/api/v1/series?source={QUAKES}&from=2026-11-23T10:00:00Z&to=2026-11-23T16:00:00Z");
    let known = |path: &str| {
        let counts = ask(&serving, path).json()["series"][0]["count"].clone();
        let counts = counts.as_array().unwrap().iter();
        counts.filter(|count| count.is_u64()).count()
    };
    assert_eq!(known(&hours), 6);
    assert_eq!(known(&format!("{hours}&known_at=2026-11-23T18:00:00Z")), 0);
    // What is usual is what was heard of (the watch began within the 10th): not a row of days without any.
    let day = wait_for_history(&serving);
    let usual = &day["findings"]["events"]["usual"];
    assert_eq!(usual["samples"], Value::from(6), "{usual}");
    assert!(number(&usual["low"]) > 0.0, "{usual}");
}

/// What the source says of the day once the days before have been read.
fn wait_for_history(serving: &Serving) -> Value {
    let mut day = Value::Null;
    wait_until("the days before are read", || {
        day = ask(serving, &format!("/api/v1/day/{QUAKES}")).json();
        day["findings"]["history"]["pending"] == false
    });
    day
}

#[test]
fn what_can_be_asked_for_is_listed() {
    let lab = watched("sqlite:data/vigie.db", &SOURCES);
    let serving = serve(&lab, LATER);
    let answer = ask(&serving, "/api/v1/measures");
    // The same for the whole day, as its tag says.
    let later = serve(&lab, "2026-11-24T20:30:00Z");
    let tag = format!("If-None-Match: {}\r\n", answer.headers["etag"]);
    assert_eq!(ask_with(&later, "/api/v1/measures", &tag).status, 304);
    let answer = answer.json();
    assert_eq!(answer["today"], "2026-11-24");
    let sources = answer["sources"].as_array().unwrap();
    let ids: BTreeSet<&str> = sources
        .iter()
        .map(|source| source["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, SOURCES.into());
    for source in sources {
        assert_eq!(source["events"] == true, source["id"] == QUAKES);
        assert!(source["measures"][0]["title"]["fr"].is_string());
        // Each of them can be asked for as it is listed.
        let path = match source["events"].as_bool() {
            Some(true) => format!("/api/v1/events?source={QUAKES}"),
            _ => format!("/api/v1/entities?source={}", source["id"].as_str().unwrap()),
        };
        ask(&serving, &path);
    }
    let document = ask(&serving, "/api/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
    for path in ["measures", "entities", "series", "events", "correlation"] {
        assert!(
            document["paths"][format!("/api/v1/{path}")]["get"].is_object(),
            "{path}"
        );
    }
}
