//! Whatever the bytes, extraction ends, without a panic, and says the same again. More cases than usual:
//! `PROPTEST_CASES=20000 cargo test -p vigie-sources --test it`.

use jiff::{Timestamp, tz::TimeZone};
use proptest::prelude::*;
use vigie_core::row::{Point, Rows};
use vigie_sources::{BodyError, Catalogue, Context, Definition, Extraction, Extractor, sniff};

use crate::{recordings::read, snapshot::remembering};

fn definitions() -> Vec<&'static Definition> {
    Catalogue::embedded().iter().collect()
}

/// A good body of each source, from its cases.
fn good_bodies() -> Vec<(&'static Definition, Vec<u8>)> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalogue");
    let mut bodies = Vec::new();
    for definition in definitions() {
        let cases = root
            .join(definition.domain.as_str())
            .join(definition.id.as_str())
            .join("cases");
        for case in std::fs::read_dir(cases).unwrap() {
            let case = case.unwrap();
            if case.file_name().to_string_lossy().starts_with("normal") {
                let file = case.path().join(format!("body.{}", definition.extension));
                bodies.push((definition, std::fs::read(file).unwrap()));
            }
        }
    }
    assert!(bodies.len() >= 6);
    bodies
}

#[test]
fn empty_bodies_and_pages_are_refused_by_every_source() {
    for definition in definitions() {
        assert_eq!(
            sniff(definition, b""),
            Err(BodyError::Empty),
            "{}",
            definition.id
        );
        let page = sniff(definition, b"<!doctype html><title>Proxy login</title>").unwrap_err();
        assert!(
            page.to_string().contains("“Proxy login”"),
            "{}: {page}",
            definition.id
        );
        assert_eq!(
            read(definition, b"<html>"),
            sniff(definition, b"<html>").map(|()| unreachable!())
        );
    }
}

#[test]
fn other_encodings_are_refused_with_the_place() {
    for (definition, body) in good_bodies() {
        if definition.extension == "pb" {
            continue;
        }
        // Some bodies are numbers alone, or in another encoding.
        let Some(at) = body.iter().position(u8::is_ascii_alphabetic) else {
            continue;
        };
        if std::str::from_utf8(&body).is_err() {
            continue;
        }
        let mut latin = body.clone();
        latin[at] = 0xe9;
        let Err(error) = read(definition, &latin) else {
            let body = String::from_utf8_lossy(&body);
            assert!(body.contains("encoding="), "{}", definition.id);
            continue;
        };
        assert_eq!(
            error,
            BodyError::Encoding {
                encoding: "UTF-8".to_owned(),
                offset: at
            }
        );
        // What says that it is UTF-16 is read as such.
        let text = String::from_utf8(body.clone()).unwrap();
        let mut utf16 = vec![0xff, 0xfe];
        utf16.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        assert_eq!(
            read(definition, &utf16),
            read(definition, &body),
            "{}",
            definition.id
        );
    }
}

#[test]
fn every_truncation_is_an_error() {
    for (definition, body) in good_bodies() {
        let whole = body.trim_ascii_end();
        // A call is whole without its semicolon.
        let end = whole.strip_suffix(b";").unwrap_or(whole).len();
        for cut in 1..end {
            if definition.extension == "csv" {
                // A table may end anywhere after the columns that matter: only fewer rows tell.
                if let Ok(extraction) = read(definition, &body[..cut]) {
                    assert!(extraction.refused_rows <= 1, "{cut}");
                }
            } else if definition.extension != "pb" {
                assert!(
                    read(definition, &body[..cut]).is_err(),
                    "{}: {cut} of {end}",
                    definition.id
                );
            } else if let Ok(extraction) = read(definition, &body[..cut]) {
                // A protobuf message that ends between two entities is whole: only fewer rows tell.
                assert!(extraction.refused_rows == 0, "{cut}");
            }
        }
    }
}

#[test]
fn hostile_nesting_does_not_overflow_the_stack() {
    for definition in definitions() {
        let open = match definition.extension {
            "json" => "[{\"features\":",
            "xml" => "<Envelope>",
            _ => continue,
        };
        let error = read(definition, open.repeat(200_000).as_bytes()).unwrap_err();
        assert_eq!(error, BodyError::TooDeep { most: 64 }, "{}", definition.id);
    }
}

/// A change to a body, as networks, proxies and providers make them.
#[derive(Debug, Clone)]
enum Change {
    Replace(prop::sample::Index, u8),
    Remove(prop::sample::Index, usize),
    Insert(prop::sample::Index, Vec<u8>),
    /// The end is missing.
    Cut(prop::sample::Index),
    /// A part again, elsewhere.
    Repeat(prop::sample::Index, prop::sample::Index, usize),
    /// The body goes on as another source's.
    Splice(
        prop::sample::Index,
        prop::sample::Index,
        prop::sample::Index,
    ),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<prop::sample::Index>;
    let hostile = prop_oneof![
        prop::sample::select(vec![
            "1e999",
            "-1e308",
            "99999999999999999999999999",
            "-9223372036854775809",
            "0.000000000000000000000000000001",
            "NaN",
            "null",
            "\\ud800",
            "\\u0000",
            "\u{feff}",
            "\u{202e}",
            "<![CDATA[",
            "<!DOCTYPE a [<!ENTITY b 'c'>]>",
            "&#x0;",
            "&b;",
            "]]>",
            "\"\"",
            ",,",
            "{}",
            "[]",
            "\0",
            "9999-12-31T23:59:60.9999999999Z",
            "-0001-01-01",
            "2024-02-30T25:61:61+99:99",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        (
            prop::sample::select(vec!["[", "{\"a\":", "<a>", "(", "\""]),
            1_usize..3_000
        )
            .prop_map(|(open, depth)| open.repeat(depth).into_bytes()),
        // A protobuf length that promises more than there is.
        Just(vec![
            0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01
        ]),
        prop::collection::vec(any::<u8>(), 1..9),
    ];
    prop_oneof![
        4 => (at(), any::<u8>()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        2 => (at(), 1_usize..40).prop_map(|(at, length)| Change::Remove(at, length)),
        4 => (at(), hostile).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        1 => at().prop_map(Change::Cut),
        2 => (at(), at(), 1_usize..300).prop_map(|(from, to, length)| Change::Repeat(from, to, length)),
        1 => (at(), at(), at()).prop_map(|(at, body, from)| Change::Splice(at, body, from)),
    ]
}

fn changed(body: &mut Vec<u8>, change: &Change, others: &[(&Definition, Vec<u8>)]) {
    let place = |at: &prop::sample::Index, length: usize| at.index(length + 1);
    match change {
        Change::Replace(at, byte) => {
            if !body.is_empty() {
                let at = at.index(body.len());
                body[at] = *byte;
            }
        }
        Change::Remove(at, length) => {
            let from = place(at, body.len());
            let to = (from + length).min(body.len());
            body.drain(from..to);
        }
        Change::Insert(at, bytes) => {
            let at = place(at, body.len());
            body.splice(at..at, bytes.iter().copied());
        }
        Change::Cut(at) => body.truncate(place(at, body.len())),
        Change::Repeat(from, to, length) => {
            let (from, to) = (place(from, body.len()), place(to, body.len()));
            let part = body[from..(from + length).min(body.len())].to_vec();
            body.splice(to..to, part);
        }
        Change::Splice(at, other, from) => {
            let other = &others[other.index(others.len())].1;
            body.truncate(place(at, body.len()));
            body.extend_from_slice(&other[place(from, other.len())..]);
        }
    }
}

/// Reads by itself, and with an extractor that has read a body before: the same comes out, and it is fit for the store.
fn harmless(definition: &Definition, body: &[u8]) -> Result<(), TestCaseError> {
    let first = read(definition, body);
    let context = Context {
        fetched_at: "2026-11-23T12:00:00Z".parse().unwrap(),
        zone_tz: &TimeZone::UTC,
    };
    let mut extractor = Extractor::new(definition);
    let mut room = Rows::default();
    for _ in 0..2 {
        let again = remembering(&mut extractor, body, &context, &mut room);
        prop_assert_eq!(&again, &first);
    }
    let Ok(extraction) = first else { return Ok(()) };
    let years = "1799-12-31T00:00:00Z".parse().unwrap()
        .."2201-01-02T00:00:00Z".parse::<Timestamp>().unwrap();
    for row in &extraction.rows {
        prop_assert_eq!(row.values.len(), definition.measures.len());
        prop_assert!(row.values.iter().flatten().all(|value| value.is_finite()));
        prop_assert!(years.contains(&row.observed_at));
        prop_assert!(
            row.point
                .is_none_or(|point| Point::new(point.lon, point.lat).is_some())
        );
        let texts = row.name.iter().chain(row.attributes.values());
        prop_assert!(
            texts
                .into_iter()
                .all(|text| !text.chars().any(char::is_control) && text.chars().count() <= 2_000)
        );
    }
    prop_assert!(extraction.refusals.len() <= Extraction::REFUSALS_MAX);
    Ok(())
}

proptest! {
    #[test]
    fn arbitrary_bytes_do_no_harm(body in proptest::collection::vec(any::<u8>(), 0..400)) {
        for definition in definitions() {
            harmless(definition, &body)?;
        }
    }

    #[test]
    fn mutated_bodies_do_no_harm(which in any::<prop::sample::Index>(), changes in proptest::collection::vec(change(), 1..8)) {
        let bodies = good_bodies();
        let mut body = bodies[which.index(bodies.len())].1.clone();
        for change in &changes {
            changed(&mut body, change, &bodies);
        }
        for definition in definitions() {
            harmless(definition, &body)?;
        }
    }

    /// A definition is a person's text: whatever it is, it is taken or refused with its place, and what is taken reads any body.
    #[test]
    fn mutated_definitions_do_no_harm(which in any::<prop::sample::Index>(), changes in proptest::collection::vec(change(), 1..5)) {
        let texts = definition_texts();
        let mut text = texts[which.index(texts.len())].clone().into_bytes();
        for change in &changes {
            changed(&mut text, change, &[(definitions()[0], Vec::new())]);
        }
        let text = String::from_utf8_lossy(&text);
        match Definition::parse("mine.toml", &text) {
            Err(error) => prop_assert!(error.to_string().starts_with("mine.toml"), "{error}"),
            Ok(definition) => {
                for (_, body) in good_bodies() {
                    harmless(&definition, &body)?;
                }
            }
        }
    }

    #[test]
    fn any_text_as_a_definition_does_no_harm(text in ".{0,200}", lines in proptest::collection::vec("[a-z_.\\[\\]]{1,12} ?= ?[\\PC]{0,20}", 0..6)) {
        prop_assert!(Definition::parse("mine.toml", &text).is_err());
        prop_assert!(Definition::parse("mine.toml", &lines.join("\n")).is_err());
    }
}

/// The texts of the catalogue's definitions.
fn definition_texts() -> Vec<String> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalogue");
    let texts = definitions().into_iter().map(|definition| {
        let folder = root
            .join(definition.domain.as_str())
            .join(definition.id.as_str());
        std::fs::read_to_string(folder.join("source.toml")).unwrap()
    });
    texts.collect()
}
