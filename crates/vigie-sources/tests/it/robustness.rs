//! Whatever the bytes, extraction ends, without a panic.

use proptest::prelude::*;
use vigie_sources::{BodyError, Catalogue, Definition, sniff};

use crate::recordings::read;

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
        let at = body.iter().position(u8::is_ascii_alphabetic).unwrap();
        let mut latin = body.clone();
        latin[at] = 0xe9;
        let error = read(definition, &latin).unwrap_err();
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
        let end = body.trim_ascii_end().len();
        for cut in 1..end {
            if definition.extension != "pb" {
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn arbitrary_bytes_do_no_harm(body in proptest::collection::vec(any::<u8>(), 0..400)) {
        for definition in definitions() {
            let _ = read(definition, &body);
        }
    }

    #[test]
    fn mutated_bodies_do_no_harm(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..12)) {
        for (definition, mut body) in good_bodies() {
            for (at, byte, kind) in &changes {
                if body.is_empty() {
                    break;
                }
                let at = at.index(body.len());
                match kind {
                    0 => body[at] = *byte,
                    1 => { body.remove(at); }
                    _ => body.insert(at, *byte),
                }
            }
            if let Ok(extraction) = read(definition, &body) {
                for row in &extraction.rows {
                    prop_assert_eq!(row.values.len(), definition.measures.len());
                    prop_assert!(row.values.iter().flatten().all(|value| value.is_finite()));
                }
            }
        }
    }
}
