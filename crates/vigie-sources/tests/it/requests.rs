//! Requests made of templates.

use std::collections::BTreeMap;

use jiff::Timestamp;
use vigie_core::{
    history::Stretch,
    row::Point,
    secret::Secret,
    text::{SourceId, Text},
    zone::{Scale, Zone},
};
use vigie_sources::{
    Catalogue, Definition, DefinitionError, Request, RequestError, Workspace,
    build_history_request, build_request,
};

const VELIB: &str = include_str!("../../../../catalogue/transport/velib-disponibilite/source.toml");

fn reunion() -> Zone {
    Zone {
        name: Text::same("Saint-Denis"),
        scale: Scale::City,
        bbox: [55.4, -21.0, 55.6, -20.85],
        centre: Point::new(55.448_123_4, -20.882_3).unwrap(),
        country: Some("RE".to_owned()),
        currency: Some("EUR".to_owned()),
        continent: None,
        time_zone: "Indian/Reunion".to_owned(),
    }
}

fn now() -> Timestamp {
    "2026-03-31T22:30:00Z".parse().unwrap()
}

fn with_url(url: &str, access: &str) -> Definition {
    parse_with_url(url, access).unwrap()
}

fn parse_with_url(url: &str, access: &str) -> Result<Definition, DefinitionError> {
    let (before, rest) = VELIB
        .split_once("url = \"https://opendata.paris.fr/api")
        .unwrap();
    let (_, after) = rest.split_once('\n').unwrap();
    let text = format!("{before}url = \"{url}\"\n{after}");
    Definition::parse("x", &text.replace("kind = \"open\"", access))
}

fn build(
    definition: &Definition,
    params: &[(&str, &str)],
    base: Option<&str>,
    key: Option<&str>,
) -> Result<Request, RequestError> {
    let params: BTreeMap<String, String> = params
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    build_request(
        definition,
        &reunion(),
        &params,
        base,
        key.map(Secret::new).as_ref(),
        now(),
    )
}

#[test]
fn variables_are_expanded_and_encoded() {
    let definition = with_url(
        "https://a.org/{zone.country}?at={zone.lat},{zone.lon}&tz={zone.time_zone}&d={now-1d:%Y-%m-%d}&l={local:%d/%m}&w={around.west}&s={zone.south}",
        "kind = \"open\"",
    );
    let request = build(&definition, &[], None, None).unwrap();
    assert_eq!(
        request.url,
        "https://a.org/RE?at=-20.8823,55.44812&tz=Indian%2FReunion&d=2026-03-30&l=01%2F04&w=54.9&s=-21"
    );
    assert_eq!(request.host, "a.org");
    assert_eq!(
        request.headers,
        [("accept".to_owned(), "application/json".to_owned())]
    );
}

#[test]
fn parameters_have_defaults_that_the_workspace_replaces() {
    let metar = Catalogue::embedded()
        .get(&SourceId::new("metar-aviationweather").unwrap())
        .unwrap();
    let request = build(metar, &[], None, None).unwrap();
    assert_eq!(
        request.url,
        "https://aviationweather.gov/api/data/metar?bbox=-21.5,54.9,-20.35,56.1&format=json"
    );
    let params = [("ids", "FMEE,FMEP"), ("bbox", "")];
    let request = build(metar, &params, Some("http://127.0.0.1:8080"), None).unwrap();
    assert_eq!(
        request.url,
        "http://127.0.0.1:8080/api/data/metar?ids=FMEE,FMEP&format=json"
    );
    assert_eq!(request.host, "127.0.0.1:8080");
    let error = build(metar, &[("id", "x")], None, None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`id` is not a parameter of this source; known are: bbox, ids"
    );
}

#[test]
fn keys_are_in_the_request_and_nowhere_else() {
    let access = "kind = \"key\"\nenv = \"VIGIE_KEY_X\"\nsignup = \"https://a.org/signup\"";
    let definition = with_url("https://a.org/x?k={key}&l={key}", access);
    let error = build(&definition, &[], None, None).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("set it in the environment variable VIGIE_KEY_X")
    );
    let request = build(&definition, &[], None, Some("s3cr/t")).unwrap();
    assert_eq!(request.url, "https://a.org/x?k=s3cr%2Ft&l=s3cr%2Ft");
    assert_eq!(request.shown_url, "https://a.org/x?k=***&l=***");
    assert!(!format!("{request:?}").contains("s3cr"));
}

#[test]
fn a_zone_without_the_code_is_told() {
    let definition = with_url("https://a.org/{zone.continent}", "kind = \"open\"");
    let error = build(&definition, &[], None, None).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("set zone.continent in vigie.toml"),
        "{error}"
    );
}

#[test]
fn the_place_of_an_item_is_no_parameter_and_never_the_host() {
    let url = "https://example.org/{item}";
    let (access, params) = ("kind = \"open\"", "params = { item = \"list\" }");
    let with =
        |items: &str| format!("{url}\"\n{params}\nitems = {{ select = \"[*]\", {items} }}\n#");
    let items = "url = \"https://items.example/{item}.json?z={zone.country}\"";
    let request = build(&with_url(&with(items), access), &[], None, None).unwrap();
    assert_eq!(request.url, "https://example.org/list");
    let expected = "https://items.example/%7Bitem%7D.json?z=RE";
    assert_eq!(request.item_url.as_deref(), Some(expected));
    for bad in [
        "https://{item}/",
        "https://a.{item}.example/x",
        "https://items.example/",
        "https://items.example",
    ] {
        let text = with(&format!("url = \"{bad}\""));
        let error = parse_with_url(&text, access).unwrap_err().to_string();
        assert!(error.contains("behind the host"), "{bad}: {error}");
    }
}

fn with_history(table: &str) -> Result<Definition, DefinitionError> {
    let text = VELIB.replace("[format]", &format!("[request.history]\n{table}\n[format]"));
    Definition::parse("x", &text)
}

#[test]
fn the_past_is_asked_for_in_the_time_zone_of_the_provider() {
    let definition = with_history(
        "url = \"https://a.org/{from:%Y-%m-%d}/{to-1s:%Y-%m-%d}?at={from-1h:%H:%M}&ms={to:%s}000\"\n\
         time_zone = \"Europe/Paris\"\nsince = \"2012-01-01\"\nchunk = \"2d\"",
    )
    .unwrap();
    // Two days, on the second of which clocks go forward.
    let asked = Stretch::new(
        "2026-03-27T23:00:00Z".parse().unwrap(),
        "2026-03-29T22:00:00Z".parse().unwrap(),
    )
    .unwrap();
    let zone = reunion();
    let workspace = Workspace {
        zone: &zone,
        params: &BTreeMap::new(),
        base_url: None,
        key: None,
    };
    let request = build_history_request(&definition, workspace, asked, now()).unwrap();
    assert_eq!(
        request.url,
        "https://a.org/2026-03-28/2026-03-29?at=23:00&ms=1774821600000"
    );
    let plain = with_url("https://a.org/", "kind = \"open\"");
    let error = build_history_request(&plain, workspace, asked, now()).unwrap_err();
    assert!(error.to_string().contains("no history"), "{error}");
}

#[test]
fn a_history_that_cannot_work_is_refused_where_it_is_written() {
    let cases = [
        (
            "url = \"https://a.org/\"\nback = \"9d\"\nchunk = \"1d\"",
            "neither",
        ),
        (
            "url = \"https://a.org/{from:%F}\"\nback = \"9d\"",
            "`chunk` is missing",
        ),
        (
            "url = \"https://a.org/{from:%F}\"\nchunk = \"1d\"",
            "one of `since`",
        ),
        (
            "url = \"https://a.org/{from:%F}\"\nback = \"9d\"\nchunk = \"36h\"",
            "whole days",
        ),
        (
            "url = \"https://a.org/{fro:%F}\"\nback = \"9d\"\nchunk = \"1d\"",
            "is not known",
        ),
    ];
    for (table, problem) in cases {
        let error = with_history(table).unwrap_err();
        assert!(error.to_string().contains(problem), "{table}: {error}");
    }
    // Elsewhere there is no stretch to speak of.
    let error = parse_with_url("https://a.org/{from:%F}", "kind = \"open\"").unwrap_err();
    assert!(error.to_string().contains("is not known"), "{error}");
}

#[test]
fn every_history_of_the_catalogue_makes_requests() {
    let zone = reunion();
    let asked = Stretch::new(
        "2026-03-27T00:00:00Z".parse().unwrap(),
        "2026-03-28T00:00:00Z".parse().unwrap(),
    )
    .unwrap();
    let key = Secret::new("k");
    let mut count = 0;
    for definition in Catalogue::embedded().iter() {
        let Some(history) = &definition.history else {
            continue;
        };
        count += 1;
        let workspace = Workspace {
            zone: &zone,
            params: &BTreeMap::new(),
            base_url: None,
            key: Some(&key),
        };
        let request = build_history_request(definition, workspace, asked, now()).unwrap();
        let live = build_request(definition, &zone, &BTreeMap::new(), None, Some(&key), now());
        assert_ne!(request.url, live.unwrap().url, "{}", definition.id);
        assert!(history.terms(now()).earliest < now(), "{}", definition.id);
    }
    assert!(count >= 25, "{count}");
}

#[test]
fn an_address_of_the_user_is_asked_by_https_and_is_plain() {
    let network = Catalogue::embedded()
        .get(&SourceId::new("gbfs-network").unwrap())
        .unwrap();
    let asked = |address: &str| {
        let params = [("status", address), ("information", "b.org/v2/places")];
        build(network, &params, None, None)
    };
    for address in [
        "gbfs.a.org/v2/en/status",
        "https://gbfs.a.org/v2/en/status/",
    ] {
        let request = asked(address).unwrap();
        assert_eq!(request.url, "https://gbfs.a.org/v2/en/status");
        assert_eq!(request.item_url.as_deref(), Some("https://b.org/v2/places"));
        assert_eq!(request.host, "gbfs.a.org");
    }
    for (address, problem) in [
        ("", "has no value"),
        ("http://a.org/v2", "another scheme"),
        ("me:secret@a.org/v2", "no plain address"),
        ("/etc", "no plain address"),
        ("a.org/{zone.lat}", "no plain address"),
        ("a.org/v2#", "no plain address"),
    ] {
        let error = asked(address).unwrap_err().to_string();
        assert!(error.contains(problem), "{address}: {error}");
    }
    // A definition may take it nowhere else, and by no other scheme.
    for url in [
        "https://a.org/{+kind}",
        "http://{+kind}/",
        "https://{+other}/",
    ] {
        let params = "params = { kind = \"x\" }\n[format]";
        let (before, rest) = VELIB
            .split_once("url = \"https://opendata.paris.fr/api")
            .unwrap();
        let (_, after) = rest.split_once('\n').unwrap();
        let text = format!(
            "{before}url = \"{url}\"\n{}",
            after.replacen("[format]", params, 1)
        );
        let error = Definition::parse("x", &text).unwrap_err();
        assert!(error.to_string().contains("behind https"), "{url}: {error}");
    }
}
