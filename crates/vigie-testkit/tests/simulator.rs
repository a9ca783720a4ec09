//! The simulator as a real HTTP client sees it.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
    num::NonZeroU64,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::{Timestamp, tz::TimeZone};
use reqwest::{Client, Response, redirect::Policy};
use vigie_core::{
    history::Stretch,
    row::Point,
    text::Text,
    zone::{Scale, Zone},
};
use vigie_sources::{Catalogue, Context, Workspace, build_history_request, build_request, extract};
use vigie_testkit::{FaultKind, FaultPlan, RetryAfter, Simulator, SimulatorOptions, When};

const USGS: &str = "/earthquakes/feed/v1.0/summary/2.5_day.geojson";
const METAR: &str = "/api/data/metar?ids=LFPG,LFPO,LFPB&format=json";
const VELIB: &str = "/api/explore/v2.1/catalog/datasets/velib-disponibilite-en-temps-reel/exports/json?lang=fr&timezone=Europe%2FBerlin";
const ECO2MIX: &str = "/api/explore/v2.1/catalog/datasets/eco2mix-national-tr/records?order_by=date_heure%20desc&limit=100";
const ECB: &str = "/stats/eurofxref/eurofxref-daily.xml";
const NYCT: &str = "/Dataservice/mtagtfsfeeds/nyct%2Fgtfs-ace";
const NHC: &str = "/CurrentStorms.json";
const MASTODON: &str = "/api/v1/trends/tags?limit=20";
const PEERTUBE: &str = "/api/v1/videos?sort=-trending&start=0&count=100";
const APPLE_MUSIC: &str = "/api/v2/fr/music/most-played/100/albums.json";
const CHEAPSHARK: &str = "/api/1.0/deals?onSale=1&sortBy=Recent&pageSize=60&storeID=";
const ALL: [&str; 11] = [
    USGS,
    METAR,
    VELIB,
    ECO2MIX,
    ECB,
    NYCT,
    NHC,
    MASTODON,
    PEERTUBE,
    APPLE_MUSIC,
    CHEAPSHARK,
];

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A simulator whose clock the test sets, and a client.
struct Lab {
    simulator: Simulator,
    clock: Arc<AtomicI64>,
    client: Client,
}

impl Lab {
    async fn new(faults: FaultPlan) -> Self {
        Self::with_seed(17, faults).await
    }

    async fn with_seed(seed: u64, faults: FaultPlan) -> Self {
        let clock = Arc::new(AtomicI64::new(at("2026-11-24T11:00:00Z").as_second()));
        let hand = Arc::clone(&clock);
        let options = SimulatorOptions::new(
            seed,
            Arc::new(move || Timestamp::from_second(hand.load(Ordering::Relaxed)).unwrap()),
        );
        let simulator = Simulator::start(options.faults(faults)).await.unwrap();
        // In a build of the whole workspace reqwest speaks TLS and wants to know by what; these tests need none.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(20))
            .redirect(Policy::limited(5))
            .build()
            .unwrap();
        Self {
            simulator,
            clock,
            client,
        }
    }

    /// With one fault that always strikes `path`.
    async fn struck(path: &str, kind: FaultKind) -> Self {
        let always = When::Window(Timestamp::MIN, Timestamp::MAX);
        let prefix = path.split('?').next().unwrap();
        Self::new(FaultPlan::none().and(prefix, kind, always)).await
    }

    fn set(&self, time: &str) {
        self.clock.store(at(time).as_second(), Ordering::Relaxed);
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.simulator.base_url())
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let request = self.client.get(self.url(path));
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        request.send().await.unwrap()
    }

    async fn bytes(&self, path: &str) -> Vec<u8> {
        let response = self.get(path, &[]).await;
        assert_eq!(response.status(), 200, "{path}");
        response.bytes().await.unwrap().to_vec()
    }

    async fn json(&self, path: &str) -> serde_json::Value {
        serde_json::from_slice(&self.bytes(path).await).unwrap()
    }
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn the_same_seed_and_time_give_the_same_bytes_and_others_do_not() {
    let first = Lab::new(FaultPlan::none()).await;
    let second = Lab::new(FaultPlan::none()).await;
    let other = Lab::with_seed(18, FaultPlan::none()).await;
    for path in ALL {
        let body = first.bytes(path).await;
        assert!(body.len() > 800, "{path}: {}", body.len());
        assert_eq!(body, first.bytes(path).await, "{path}");
        assert_eq!(body, second.bytes(path).await, "{path}");
        assert_ne!(body, other.bytes(path).await, "{path}");
    }
    first.set("2026-11-26T11:00:00Z");
    for path in ALL {
        assert_ne!(first.bytes(path).await, second.bytes(path).await, "{path}");
    }
}

fn paris() -> Zone {
    Zone {
        name: Text::new("Paris", "Paris"),
        scale: Scale::City,
        bbox: [2.2, 48.8, 2.5, 48.9],
        centre: Point::new(2.35, 48.86).unwrap(),
        country: Some("FR".to_owned()),
        continent: Some("EU".to_owned()),
        currency: Some("EUR".to_owned()),
        time_zone: "Europe/Paris".to_owned(),
    }
}

#[tokio::test]
async fn the_real_definitions_read_a_whole_day_without_a_refusal() {
    let lab = Lab::new(FaultPlan::none()).await;
    let (paris, zone) = (TimeZone::get("Europe/Paris").unwrap(), paris());
    let day = at("2026-10-14T22:00:00Z");
    for id in vigie_testkit::SOURCES {
        let definition = Catalogue::embedded()
            .iter()
            .find(|definition| definition.id.as_str() == id)
            .unwrap();
        let mut different = BTreeSet::new();
        for hour in 0..24 {
            let now = day + jiff::SignedDuration::from_hours(hour);
            lab.set(&now.to_string());
            let base = lab.simulator.base_url();
            let none = BTreeMap::new();
            let request = build_request(definition, &zone, &none, Some(&base), None, now).unwrap();
            let body = lab.bytes(request.url.trim_start_matches(&base)).await;
            let context = Context {
                fetched_at: now,
                zone_tz: &paris,
            };
            let read = extract(definition, &body, &context).unwrap();
            assert!(read.refusals.is_empty(), "{id}: {:?}", read.refusals);
            assert!(!read.rows.is_empty(), "{id} at {now}");
            different.insert(body);
        }
        let least = if id == "ecb-eurofxref-daily" { 2 } else { 4 };
        assert!(different.len() >= least, "{id}: {}", different.len());
    }
}

#[tokio::test]
async fn the_past_is_told_in_the_format_of_the_present() {
    let lab = Lab::new(FaultPlan::none()).await;
    lab.set("2026-11-26T11:00:00Z");
    let asked = Stretch::new(at("2026-11-10T00:00:00Z"), at("2026-11-12T00:00:00Z")).unwrap();
    let zone = paris();
    let base = lab.simulator.base_url();
    let now = at("2026-11-26T11:00:00Z");
    for (id, least) in [
        ("usgs-earthquakes", 60),
        ("eco2mix-national", 192),
        ("ecb-eurofxref-daily", 1_000),
    ] {
        let definition = Catalogue::embedded()
            .iter()
            .find(|definition| definition.id.as_str() == id)
            .unwrap();
        let workspace = Workspace {
            zone: &zone,
            params: &BTreeMap::new(),
            base_url: Some(&base),
            key: None,
        };
        let request = build_history_request(definition, workspace, asked, now).unwrap();
        let body = lab.bytes(request.url.trim_start_matches(&base)).await;
        let context = Context {
            fetched_at: now,
            zone_tz: &zone.tz(),
        };
        let read = extract(definition, &body, &context).unwrap();
        assert!(read.refusals.is_empty(), "{id}: {:?}", read.refusals);
        assert!(read.rows.len() >= least, "{id}: {}", read.rows.len());
        if id != "ecb-eurofxref-daily" {
            let within =
                |row: &vigie_core::row::Row| (asked.from..asked.to).contains(&row.observed_at);
            assert!(read.rows.iter().all(within), "{id}");
        }
    }
}

/// What the simulated providers of `path` say at each hour of a day.
async fn hours(path: &str) -> Vec<serde_json::Value> {
    let lab = Lab::new(FaultPlan::none()).await;
    let mut bodies = Vec::new();
    for hour in 0..24 {
        lab.set(&format!("2026-10-15T{hour:02}:30:00Z"));
        bodies.push(lab.json(path).await);
    }
    bodies
}

fn texts<'a>(body: &'a serde_json::Value, pointer: &str, member: &str) -> Vec<&'a str> {
    let rows = body.pointer(pointer).unwrap().as_array().unwrap();
    rows.iter()
        .map(|row| row[member].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_storm_moves_from_advisory_to_advisory() {
    let mut advisories = BTreeMap::new();
    for body in hours(NHC).await {
        for storm in body["activeStorms"].as_array().unwrap() {
            let place = (
                storm["latitude"].to_string(),
                storm["longitude"].to_string(),
            );
            let time = storm["lastUpdate"].to_string();
            // An advisory does not change.
            let id = storm["id"].as_str().unwrap().to_owned();
            let before = advisories.insert((id, time), place.clone());
            assert!(before.is_none_or(|before| before == place));
        }
    }
    let storms: BTreeSet<&String> = advisories.keys().map(|(id, _)| id).collect();
    let places: BTreeSet<_> = advisories.values().collect();
    assert!(advisories.len() >= 4 * storms.len(), "{advisories:?}");
    assert_eq!(places.len(), advisories.len(), "{advisories:?}");
    let lab = Lab::new(FaultPlan::none()).await;
    lab.set("2026-02-01T12:00:00Z");
    assert_eq!(lab.bytes(NHC).await, b"{\"activeStorms\":[]}");
}

#[tokio::test]
async fn hashtags_rise_and_fall_and_are_counted_from_midnight() {
    let bodies = hours(MASTODON).await;
    let all: BTreeSet<_> = bodies
        .iter()
        .flat_map(|body| texts(body, "", "name"))
        .collect();
    assert!(all.len() > 30, "{all:?}");
    let uses = |body: &serde_json::Value| -> BTreeMap<String, u64> {
        let rows = body.as_array().unwrap().iter();
        rows.map(|tag| {
            let uses = tag["history"][0]["uses"].as_str().unwrap();
            (tag["name"].to_string(), uses.parse().unwrap())
        })
        .collect()
    };
    for pair in bodies.windows(2) {
        let (before, after) = (uses(&pair[0]), uses(&pair[1]));
        assert_eq!(after.len(), 20);
        for (tag, count) in after {
            assert!(
                before.get(&tag).is_none_or(|before| *before <= count),
                "{tag}"
            );
        }
    }
}

#[tokio::test]
async fn views_grow_and_videos_come() {
    let mut last: BTreeMap<String, i64> = BTreeMap::new();
    let bodies = hours(PEERTUBE).await;
    for body in &bodies {
        for video in body["data"].as_array().unwrap() {
            let views = video["views"].as_i64().unwrap();
            let before = last.insert(video["uuid"].to_string(), views);
            assert!(before.is_none_or(|before| before <= views), "{video}");
        }
        assert_eq!(body["data"].as_array().unwrap().len(), 100);
    }
    assert!((101..150).contains(&last.len()), "{}", last.len());
}

#[tokio::test]
async fn albums_enter_and_leave_the_chart() {
    let bodies = hours(APPLE_MUSIC).await;
    let charts: BTreeSet<_> = bodies
        .iter()
        .map(|body| texts(body, "/feed/results", "id"))
        .collect();
    assert_eq!(charts.len(), 4);
    let all: BTreeSet<_> = charts.iter().flatten().collect();
    assert!((101..120).contains(&all.len()), "{}", all.len());
    assert!(
        charts
            .iter()
            .all(|chart| BTreeSet::from_iter(chart).len() == 100)
    );
}

#[tokio::test]
async fn prices_change_and_the_last_change_counts() {
    let mut prices: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut changes = BTreeSet::new();
    for body in hours(CHEAPSHARK).await {
        let deals = body.as_array().unwrap();
        assert_eq!(deals.len(), 60);
        let ids: BTreeSet<_> = texts(&body, "", "dealID").into_iter().collect();
        assert_eq!(ids.len(), 60);
        for deal in deals {
            let id = deal["dealID"].to_string();
            changes.insert((id.clone(), deal["lastChange"].as_i64()));
            prices
                .entry(id)
                .or_default()
                .insert(deal["salePrice"].to_string());
        }
    }
    assert!((150..400).contains(&changes.len()), "{}", changes.len());
    assert!(prices.values().any(|prices| prices.len() > 1));
}

#[tokio::test]
async fn content_types_are_those_of_the_providers() {
    let lab = Lab::new(FaultPlan::none()).await;
    let expected = [
        (USGS, "application/json; charset=utf-8"),
        (METAR, "application/json"),
        (VELIB, "application/json; charset=utf-8"),
        (ECO2MIX, "application/json; charset=utf-8"),
        (ECB, "text/xml"),
        (NYCT, "application/x-protobuf"),
        (NHC, "application/json"),
        (MASTODON, "application/json; charset=utf-8"),
        (PEERTUBE, "application/json; charset=utf-8"),
        (APPLE_MUSIC, "application/json; charset=utf-8"),
        (CHEAPSHARK, "application/json"),
    ];
    for (path, content_type) in expected {
        let response = lab.get(path, &[]).await;
        assert_eq!(header(&response, "content-type"), content_type, "{path}");
    }
    assert_eq!(lab.get("/other", &[]).await.status(), 404);
    let nobody = lab.get("/api/data/metar?ids=ZZZZ", &[]).await;
    assert_eq!(nobody.status(), 204);
}

#[tokio::test]
async fn conditional_requests_get_304_until_the_content_changes() {
    let lab = Lab::new(FaultPlan::none()).await;
    let rates = lab.get(ECB, &[]).await;
    let tag = header(&rates, "etag").to_owned();
    assert!(tag.starts_with('"'), "{tag}");
    let again = lab.get(ECB, &[("if-none-match", &tag)]).await;
    assert_eq!(again.status(), 304);
    assert_eq!(header(&again, "etag"), tag);
    assert!(again.bytes().await.unwrap().is_empty());

    let quakes = lab.get(USGS, &[]).await;
    let date = header(&quakes, "last-modified").to_owned();
    assert_eq!(date, "Tue, 24 Nov 2026 11:00:00 GMT");
    let condition = [("if-modified-since", date.as_str())];
    assert_eq!(lab.get(USGS, &condition).await.status(), 304);
    lab.set("2026-11-24T15:00:00Z");
    assert_eq!(lab.get(USGS, &condition).await.status(), 200);
    let changed = lab.get(ECB, &[("if-none-match", &tag)]).await;
    assert_eq!(changed.status(), 200);
    assert_ne!(header(&changed, "etag"), tag);
}

#[tokio::test]
async fn text_is_compressed_for_those_who_accept_it() {
    let lab = Lab::new(FaultPlan::none()).await;
    let plain = lab.bytes(VELIB).await;
    let response = lab.get(VELIB, &[("accept-encoding", "gzip")]).await;
    assert_eq!(header(&response, "content-encoding"), "gzip");
    let packed = response.bytes().await.unwrap();
    assert!(packed.len() * 3 < plain.len());
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(packed.as_ref())
        .read_to_end(&mut unpacked)
        .unwrap();
    assert_eq!(unpacked, plain);
    let brotli = lab.get(ECO2MIX, &[("accept-encoding", "br")]).await;
    assert_eq!(header(&brotli, "content-encoding"), "br");
    let subway = lab.get(NYCT, &[("accept-encoding", "gzip, br")]).await;
    assert_eq!(header(&subway, "content-encoding"), "");
}

#[tokio::test]
async fn requests_are_remembered_with_their_faults() {
    let plan = FaultPlan::none().and("/stats/", FaultKind::Empty200, When::Once);
    let lab = Lab::new(plan).await;
    lab.get(ECB, &[("user-agent", "vigie-test")]).await;
    lab.get(VELIB, &[]).await;
    let seen = lab.simulator.requests();
    assert_eq!(seen.len(), 2);
    assert_eq!(
        (seen[0].method.as_str(), seen[0].target.as_str()),
        ("GET", ECB)
    );
    assert_eq!(seen[0].header("user-agent"), Some("vigie-test"));
    assert_eq!(seen[0].at, at("2026-11-24T11:00:00Z"));
    assert_eq!(seen[0].fault, Some(FaultKind::Empty200));
    assert_eq!(seen[1].target, VELIB);
    assert_eq!((seen[1].fault.clone(), seen[1].status), (None, 200));
}

#[tokio::test]
async fn truncated_html_and_empty_bodies_come_with_200() {
    let truncated = Lab::struck(VELIB, FaultKind::TruncatedJson).await;
    // Even for a client that would take it compressed.
    let response = truncated.get(VELIB, &[("accept-encoding", "gzip")]).await;
    let announced: usize = header(&response, "content-length").parse().unwrap();
    let body = response.bytes().await.unwrap();
    assert_eq!(announced, body.len());
    let error = serde_json::from_slice::<serde_json::Value>(&body).unwrap_err();
    assert!(error.is_eof(), "{error}");

    let html = Lab::struck(METAR, FaultKind::HtmlInstead).await;
    let response = html.get(METAR, &[]).await;
    assert_eq!(response.status(), 200);
    assert_eq!(
        header(&response, "content-type"),
        "text/html; charset=utf-8"
    );
    assert!(
        response
            .text()
            .await
            .unwrap()
            .starts_with("<!DOCTYPE html>")
    );

    let empty = Lab::struck(ECB, FaultKind::Empty200).await;
    assert!(empty.bytes(ECB).await.is_empty());
}

#[tokio::test]
async fn error_statuses_say_when_to_come_back() {
    let cases = [
        (503, Some(RetryAfter::Seconds(900)), "900"),
        (
            429,
            Some(RetryAfter::Date(at("2026-11-24T11:30:00Z"))),
            "Tue, 24 Nov 2026 11:30:00 GMT",
        ),
        (500, None, ""),
    ];
    for (code, retry_after, expected) in cases {
        let lab = Lab::struck(ECO2MIX, FaultKind::Status { code, retry_after }).await;
        let response = lab.get(ECO2MIX, &[]).await;
        assert_eq!(response.status(), code);
        assert_eq!(header(&response, "retry-after"), expected);
    }
}

#[tokio::test]
async fn a_reset_breaks_the_body_that_was_announced() {
    let lab = Lab::struck(NYCT, FaultKind::ResetMidBody).await;
    let mut response = lab.get(NYCT, &[]).await;
    let announced: usize = header(&response, "content-length").parse().unwrap();
    let mut received = 0;
    let broken = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => received += chunk.len(),
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    assert!(broken, "received {received} of {announced}");
    assert!(received < announced);
}

#[tokio::test]
async fn a_slow_body_takes_its_time_and_arrives() {
    let fast = Lab::new(FaultPlan::none()).await;
    let expected = fast.bytes(ECB).await;
    let bytes_per_second = expected.len() as u64 * 2;
    let lab = Lab::struck(ECB, FaultKind::SlowBody { bytes_per_second }).await;
    let started = Instant::now();
    assert_eq!(lab.bytes(ECB).await, expected);
    assert!(started.elapsed() > Duration::from_millis(450));
}

#[tokio::test]
async fn redirections_never_end() {
    let lab = Lab::struck(METAR, FaultKind::RedirectLoop).await;
    let error = lab.client.get(lab.url(METAR)).send().await.unwrap_err();
    assert!(error.is_redirect(), "{error:?}");
    assert_eq!(lab.simulator.requests().len(), 6);
}

#[tokio::test]
async fn rows_can_be_missing_from_valid_bodies() {
    for (path, pointer) in [
        (USGS, "/features"),
        (VELIB, ""),
        (ECO2MIX, "/results"),
        (MASTODON, ""),
        (PEERTUBE, "/data"),
        (APPLE_MUSIC, "/feed/results"),
        (CHEAPSHARK, ""),
    ] {
        let count =
            |body: &serde_json::Value| body.pointer(pointer).unwrap().as_array().unwrap().len();
        let whole = count(&Lab::new(FaultPlan::none()).await.json(path).await);
        for (keep, expected) in [(0.0, 0), (0.5, whole / 2)] {
            let lab = Lab::struck(path, FaultKind::HalfRows { keep }).await;
            assert_eq!(count(&lab.json(path).await), expected, "{path}");
        }
    }
    let whole = Lab::new(FaultPlan::none()).await.bytes(NYCT).await;
    let half = Lab::struck(NYCT, FaultKind::HalfRows { keep: 0.5 }).await;
    let share = half.bytes(NYCT).await.len() as f64 / whole.len() as f64;
    assert!((0.2..0.98).contains(&share), "{share}");
}

#[tokio::test]
async fn stale_wrongly_encoded_and_anonymous_bodies() {
    let stale = Lab::struck(USGS, FaultKind::YesterdaysBody).await;
    let healthy = Lab::new(FaultPlan::none()).await;
    let old = stale.bytes(USGS).await;
    assert_ne!(old, healthy.bytes(USGS).await);
    healthy.set("2026-11-23T11:00:00Z");
    assert_eq!(old, healthy.bytes(USGS).await);

    let foreign = Lab::struck(ECO2MIX, FaultKind::WrongCharset).await;
    let response = foreign.get(ECO2MIX, &[]).await;
    assert!(header(&response, "content-type").contains("utf-8"));
    let body = response.bytes().await.unwrap();
    assert!(serde_json::from_slice::<serde_json::Value>(&body).is_err());
    assert!(body.starts_with(b"{\0"));

    let anonymous = Lab::struck(VELIB, FaultKind::NullIds).await;
    let rows = anonymous.json(VELIB).await;
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 400);
    assert!(rows.iter().all(|row| row["stationcode"].is_null()));
}

#[tokio::test]
async fn bombs_are_small_on_the_wire_and_floods_are_not() {
    let expands_to_bytes = 200_000_000;
    let bomb = Lab::struck(USGS, FaultKind::GzipBomb { expands_to_bytes }).await;
    let response = bomb.get(USGS, &[]).await;
    assert_eq!(header(&response, "content-encoding"), "gzip");
    let packed = response.bytes().await.unwrap();
    assert!(packed.len() < 300_000, "{}", packed.len());
    let mut decoder = flate2::read::GzDecoder::new(packed.as_ref());
    let unpacked = std::io::copy(&mut decoder, &mut std::io::sink()).unwrap();
    assert!((200_000_000..202_000_000).contains(&unpacked));

    let flood = Lab::struck(ECB, FaultKind::HugeContentLength).await;
    let mut response = flood.get(ECB, &[]).await;
    assert_eq!(response.content_length(), Some(10_000_000_000));
    let mut received = 0;
    while received < 5_000_000 {
        received += response.chunk().await.unwrap().unwrap().len();
    }
    // Stopping does not wait for the other 10 GB.
    let started = Instant::now();
    flood.simulator.stop().await;
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn faults_come_and_go() {
    let second = NonZeroU64::new(2).unwrap();
    let plan = FaultPlan::none()
        .and("/stats/", FaultKind::Empty200, When::EveryNth(second))
        .and(
            "/Dataservice/mtagtfsfeeds/nyct%2Fgtfs-ace",
            FaultKind::Empty200,
            When::Once,
        );
    let lab = Lab::new(plan).await;
    let mut sizes = Vec::new();
    for path in [ECB, ECB, ECB, ECB, NYCT, NYCT] {
        sizes.push(!lab.bytes(path).await.is_empty());
    }
    assert_eq!(sizes, [true, false, true, false, false, true]);
}

#[tokio::test]
async fn on_the_demo_day_each_source_works_most_of_the_time() {
    let day = at("2026-11-23T23:00:00Z");
    let lab = Lab::new(FaultPlan::demo(day)).await;
    for minute in (0..24 * 60).step_by(5) {
        lab.clock
            .store(day.as_second() + minute * 60, Ordering::Relaxed);
        for path in ALL {
            lab.get(path, &[]).await;
        }
    }
    let requests = lab.simulator.requests();
    assert_eq!(requests.len(), ALL.len() * 288);
    for path in ALL {
        let struck = requests
            .iter()
            .filter(|request| request.target == path && request.fault.is_some())
            .count();
        let expected = match path {
            ECB => 0..=0,
            _ => 1..=12,
        };
        assert!(expected.contains(&struck), "{path}: {struck}");
    }
}
