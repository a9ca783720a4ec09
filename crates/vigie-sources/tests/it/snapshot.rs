//! Reading one body after the other with what is remembered of those before gives what reading each by itself gives.

use jiff::{Timestamp, tz::TimeZone};
use proptest::{prelude::*, sample::Index};
use vigie_core::row::Rows;
use vigie_sources::{BodyError, Catalogue, Context, Definition, Extraction, Extractor, extract};

/// A source in the form of many: a list of objects, one of them nested, with a time, numbers and texts.
const DEFINITION: &str = r#"
id = "stations"
domain = "transport"
docs = "https://example.org/docs"
title = { fr = "Stations", en = "Stations" }
description = { fr = "Stations.", en = "Stations." }
content = { fr = "Stations.", en = "Stations." }
periodicity = { fr = "Chaque minute.", en = "Every minute." }
provider = { name = "Example", url = "https://example.org/" }
zones = { earth = true }
schedule = { collect = "1m", publishes = "1m", stale_after = "1h" }
access = { kind = "open" }
rights = { licence = "CC0-1.0", url = "https://example.org/", attribution = "Example", archive = "allowed", republish = "allowed" }
request = { url = "https://example.org/stations" }
format = { kind = "json" }

[rows]
model = "observations"
select = "[*]"
where = [{ path = "kind", not = "test" }]
horizon = "2d"

[fields]
entity = "id"
observed_at = "at"
published_at = "state.published"
name = "name"
point = { lon = "geo.lon", lat = "geo.lat" }
attributes = { area = "area" }

[measures.bikes]
title = { fr = "Vélos", en = "Bikes" }
path = "state.bikes"
unit = "{bike}"
range = [0, 100]

[measures.docks]
title = { fr = "Bornes", en = "Docks" }
path = "docks"
unit = "{dock}"

[measures.level]
title = { fr = "Niveau", en = "Level" }
path = "level"
unit = "m"
"#;

fn definition() -> Definition {
    Definition::parse("stations.toml", DEFINITION).unwrap_or_else(|error| panic!("{error}"))
}

/// The same of events, which have revisions too.
fn definition_of_events() -> Definition {
    let text = DEFINITION
        .replace("model = \"observations\"", "model = \"events\"")
        .replace("entity = \"id\"", "key = \"id\"\nrevision = \"revision\"")
        .replace("name = \"name\"\npoint", "title = \"name\"\npoint");
    Definition::parse("stations.toml", &text).unwrap_or_else(|error| panic!("{error}"))
}

/// The text of a row: of station `id`, with the values that may be any JSON.
fn row(id: u32, values: &[String], style: u8) -> String {
    let [bikes, docks, level, at, published, revision] = values else {
        unreachable!("six values");
    };
    let geo = format!(r#""geo":{{"lon":2.{id},"lat":48.{id}}}"#);
    let state = format!(r#""state":{{"bikes":{bikes},"published":{published}}}"#);
    let mut members = vec![
        format!(r#""id":"{id}""#),
        format!(r#""name":"Gare d\u00e9serte {id}é""#),
        format!(r#""kind":"{}""#, if id == 3 { "test" } else { "dock" }),
        format!(r#""at":{at}"#),
        state,
        format!(r#""docks": {docks}"#),
        format!(r#""level" :{level}"#),
        geo,
        format!(r#""revision":{revision}"#),
        r#""area":"Paris \"centre\"","other":[1,{"at":"x"}]"#.to_owned(),
    ];
    match style {
        1 => members.reverse(),
        2 => members.push(r#""docks":99"#.to_owned()),
        3 => members.push(r#""d\u006fcks":98"#.to_owned()),
        4 => drop(members.remove(5)),
        5 => r#""geo":null"#.clone_into(&mut members[7]),
        6 => members[1] = format!(r#""name":"{id}""#),
        _ => {}
    }
    format!(
        "{{{}}}",
        members.join(if style == 7 { " ,\n" } else { "," })
    )
}

/// What may stand in the place of a small number.
fn odd_number() -> impl Strategy<Value = String> {
    prop_oneof![
        1 => (-9.0e3..9.0e3_f64).prop_map(|number| number.to_string()),
        2 => prop::sample::select(vec![
            "null", "\"7\"", "\"\"", "\" \"", "\"x\"", "-0", "0.0", "-0.0", "1e2", "1E+2", "1e400", "01", "1.", "-",
            "true", "[]", "{}", "\"\\u0037\"", "\"é\"", "123456789012345678901", "9223372036854775807", "9223372036854775808",
            "-9223372036854775809", "2.50", "0.1234567890123456789", "5e-324", "nul", "", "1 2",
        ]).prop_map(str::to_owned),
    ]
}

/// What may stand in the place of a time.
fn odd_time() -> impl Strategy<Value = String> {
    prop_oneof![
        1 => (0u32..30, 0u32..24).prop_map(|(day, hour)| format!(r#""2026-11-{day:02}T{hour:02}:59:60Z""#)),
        1 => prop::sample::select(vec![
            "null", "\"\"", "\"2026-11-24T10:00:00\"", "\"2026-11-24T10:00:00Z\"", "\"2026-11-24T10:00:00.5Z\"", "7",
            "\"0001-01-01T00:00:00Z\"", "\"2026-11-24T10:61:00+01:00\"", "\"2026-11-24T10:0x:00+01:00\"",
        ]).prop_map(str::to_owned),
    ]
}

/// Six values of which one may be odd: a row with two of them is seldom taken, and what was not taken is not remembered.
fn values() -> impl Strategy<Value = [String; 6]> {
    let number = || (0u32..101).prop_map(|number| number.to_string());
    let time = || {
        (0u32..60, 0u32..60).prop_map(|(minute, second)| {
            format!(r#""2026-11-24T10:{minute:02}:{second:02}+01:00""#)
        })
    };
    // Observations have no revision: for them it is text that must stay the same.
    let revision = prop_oneof![4 => Just("1".to_owned()), 1 => number()];
    let plain = (number(), number(), number(), time(), time(), revision);
    let odd = (0usize..6, odd_number(), odd_time());
    let odd = prop_oneof![2 => Just(None), 1 => odd.prop_map(Some)];
    (plain, odd).prop_map(|((bikes, docks, level, at, published, revision), odd)| {
        let mut values = [bikes, docks, level, at, published, revision];
        if let Some((index, number, time)) = odd {
            values[index] = if matches!(index, 3 | 4) { time } else { number };
        }
        values
    })
}

fn one_row() -> impl Strategy<Value = String> {
    // A station is often written in the same way again, which its number says: only then does its text repeat.
    let style = prop_oneof![2 => Just(None), 2 => Just(Some(0)), 1 => (1u8..8).prop_map(Some)];
    (1u8..8, values(), style)
        .prop_map(|(id, values, style)| row(id.into(), &values, style.unwrap_or(id)))
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let rows = prop::collection::vec(one_row(), 0..9);
    let damage = prop_oneof![
        8 => Just(None),
        1 => (any::<Index>(), any::<u8>()).prop_map(Some),
    ];
    (rows, damage, any::<bool>()).prop_map(|(rows, damage, spaced)| {
        let joined = rows.join(if spaced { ", " } else { "," });
        let mut body = if spaced {
            format!(" [ {joined} ]\n")
        } else {
            format!("[{joined}]")
        }
        .into_bytes();
        if let Some((index, byte)) = damage {
            let index = index.index(body.len());
            if byte < 64 {
                body.truncate(index);
            } else {
                body[index] = byte;
            }
        }
        body
    })
}

fn context(tz: &TimeZone) -> Context<'_> {
    Context {
        fetched_at: "2026-11-24T11:00:00Z".parse::<Timestamp>().unwrap(),
        zone_tz: tz,
    }
}

/// What an extractor that remembers says, with its rows each for itself.
pub(crate) fn remembering(
    extractor: &mut Extractor<'_>,
    body: &[u8],
    context: &Context<'_>,
    room: &mut Rows,
) -> Result<Extraction, BodyError> {
    let read = extractor.extract(body, context, std::mem::take(room))?;
    let extraction = Extraction {
        rows: read.rows.iter().filter_map(|row| row.to_row()).collect(),
        refusals: read.refusals,
        refused_rows: read.refused_rows,
        refused_values: read.refused_values,
        empty_rows: read.empty_rows,
        published_at: read.published_at,
    };
    *room = read.rows;
    Ok(extraction)
}

fn compare(definition: &Definition, bodies: &[Vec<u8>]) {
    let mut extractor = Extractor::new(definition);
    let mut room = Rows::default();
    for body in bodies {
        let expected = extract(definition, body, &context(&TimeZone::UTC));
        let obtained = remembering(&mut extractor, body, &context(&TimeZone::UTC), &mut room);
        // By their texts: NaN does not occur, but 0 and −0 must differ.
        assert_eq!(
            format!("{obtained:?}"),
            format!("{expected:?}"),
            "{}",
            String::from_utf8_lossy(body)
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn what_is_remembered_changes_nothing(bodies in prop::collection::vec(body(), 1..7)) {
        compare(&definition(), &bodies);
        compare(&definition_of_events(), &bodies);
    }
}

#[test]
fn recorded_bodies_are_read_the_same_one_after_the_other() {
    let Some(root) = std::env::var_os("VIGIE_RECORDINGS") else {
        return;
    };
    for definition in Catalogue::embedded().iter() {
        let Ok(entries) =
            std::fs::read_dir(std::path::Path::new(&root).join(definition.id.as_str()))
        else {
            continue;
        };
        let mut files: Vec<_> = entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == definition.extension)
            })
            .collect();
        files.sort();
        let bodies: Vec<Vec<u8>> = files
            .iter()
            .take(12)
            .map(|path| std::fs::read(path).unwrap())
            .collect();
        compare(definition, &bodies);
    }
}
