//! Recorded lists, and the addresses of the items that are asked for after them.

use std::{collections::BTreeMap, fs};

use vigie_core::{
    row::Point,
    secret::Secret,
    text::{SourceId, Text},
    zone::{Scale, Zone},
};
use vigie_sources::{Catalogue, Part, build_request};

use crate::recordings;

/// The addresses that a recorded list leads to.
fn items_of(source: &str, recording: &str, body: &str) -> Option<Vec<String>> {
    let body = fs::read(recordings::folder(recording)?.join(body)).unwrap();
    let definition = Catalogue::embedded()
        .get(&SourceId::new(source).unwrap())
        .unwrap();
    let zone = Zone {
        name: Text::same("Warszawa"),
        scale: Scale::City,
        bbox: [20.8, 52.1, 21.3, 52.4],
        centre: Point::new(21.012_229, 52.229_676).unwrap(),
        country: Some("PL".to_owned()),
        currency: Some("PLN".to_owned()),
        continent: None,
        time_zone: "Europe/Warsaw".to_owned(),
    };
    let key = Secret::new("k");
    let request = build_request(
        definition,
        &zone,
        &BTreeMap::new(),
        None,
        Some(&key),
        "2026-03-31T22:30:00Z".parse().unwrap(),
    )
    .unwrap();
    let follow = definition.follow.as_ref().unwrap();
    let part = Part {
        index: 0,
        url: &request.url,
        link: None,
        body: &body,
    };
    Some(
        follow
            .after(definition, request.item_url.as_deref(), part)
            .unwrap(),
    )
}

#[test]
fn hacker_news_asks_for_the_first_thirty_stories() {
    let Some(items) = items_of(
        "hacker-news-top-stories",
        "hacker-news-topstories",
        "20260425T020822Z.json",
    ) else {
        return;
    };
    assert_eq!(items.len(), 30);
    assert_eq!(
        items[0],
        "https://hacker-news.firebaseio.com/v0/item/47892074.json"
    );
}

#[test]
fn gios_asks_for_the_index_of_each_station() {
    let Some(items) = items_of(
        "gios-air-quality-index",
        "gios-air-quality",
        "undated-10.json",
    ) else {
        return;
    };
    let address = "https://api.gios.gov.pl/pjp-api/v1/rest/aqindex/getIndex/";
    assert_eq!(items, [format!("{address}552"), format!("{address}562")]);
}

#[test]
fn openaq_asks_for_the_sensors_of_each_station() {
    let Some(items) = items_of("openaq-v3", "openaq-v3", "20250725T164258Z-3.json") else {
        return;
    };
    assert_eq!(items.len(), 6);
    assert_eq!(items[5], "https://api.openaq.org/v3/locations/7/sensors");
}
