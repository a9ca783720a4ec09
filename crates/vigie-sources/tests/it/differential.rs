//! Extraction against a slow and plain reading of the same JSON, which shares no code with it: its own parser (`serde_json`), a tree
//! that keeps everything, and no other idea of speed. Bodies have the shape of a definition, and all that a provider may do
//! to it: members missing, null, elsewhere, twice or of another type, keys and texts with escapes, numbers in every spelling.
//!
//! Only [`Read`] knows what extraction's rows look like.

use std::{collections::BTreeMap, fmt::Write as _};

use jiff::{Timestamp, tz::TimeZone};
use proptest::prelude::*;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use vigie_core::row::Rows;
use vigie_sources::{Context, Definition, Extraction, Extractor, extract};

use crate::{general::define, snapshot::remembering};

/// A row, in words of its own. Floating-point numbers are compared to the bit, but for the sign of zero.
#[derive(Debug, Clone, Default, PartialEq)]
struct Read {
    entity: String,
    observed_at: Timestamp,
    published_at: Option<Timestamp>,
    revision: i64,
    point: Option<(u64, u64)>,
    name: Option<String>,
    attributes: BTreeMap<String, String>,
    values: Vec<Option<u64>>,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct ReadBody {
    rows: Vec<Read>,
    refused_rows: u64,
    refused_values: u64,
    empty_rows: u64,
}

fn bits(value: f64) -> u64 {
    (value + 0.0).to_bits()
}

impl From<Extraction> for ReadBody {
    fn from(extraction: Extraction) -> Self {
        let rows = extraction.rows.into_iter().map(|row| Read {
            entity: row.entity.to_string(),
            observed_at: row.observed_at,
            published_at: row.published_at,
            revision: row.revision,
            point: row.point.map(|point| (bits(point.lon), bits(point.lat))),
            name: row.name,
            attributes: row.attributes,
            values: row.values.iter().map(|value| value.map(bits)).collect(),
        });
        Self {
            rows: rows.collect(),
            refused_rows: extraction.refused_rows,
            refused_values: extraction.refused_values,
            empty_rows: extraction.empty_rows,
        }
    }
}

/// The path of a measure, its scale and offset, and its range.
type Measured = (&'static str, f64, f64, Option<(f64, f64)>);

/// A definition as TOML, and the same for the slow reading. Paths are member names with dots between; `$.` begins at the root.
#[derive(Debug)]
struct Plan {
    rows: &'static str,
    select: &'static [&'static str],
    /// Whether the rows are the members of an object and their names the entities.
    members: bool,
    entity: &'static str,
    observed_at: &'static str,
    epoch: bool,
    published_at: Option<&'static str>,
    revision: Option<&'static str>,
    point: Option<(&'static str, &'static str)>,
    name: Option<&'static str>,
    attributes: &'static [(&'static str, &'static str)],
    measures: &'static [Measured],
    events: bool,
}

const PLANS: [Plan; 4] = [
    // As Vélib: a list of flat objects with a place.
    Plan {
        rows: r#"
            rows = { model = "observations", select = "[*]", horizon = "2d" }
            [fields]
            entity = "stationcode"
            observed_at = "duedate"
            point = { lon = "coordonnees_geo.lon", lat = "coordonnees_geo.lat" }
            name = "name"
            attributes = { municipality = "nom_arrondissement_communes" }
            [measures]
            bikes = { MEASURE, path = "numbikesavailable", range = [0, 2000] }
            mechanical = { MEASURE, path = "mechanical", range = [0, 2000] }
            docks = { MEASURE, path = "numdocksavailable" }
        "#,
        select: &[],
        members: false,
        entity: "stationcode",
        observed_at: "duedate",
        epoch: false,
        published_at: None,
        revision: None,
        point: Some(("coordonnees_geo.lon", "coordonnees_geo.lat")),
        name: Some("name"),
        attributes: &[("municipality", "nom_arrondissement_communes")],
        measures: &[
            ("numbikesavailable", 1.0, 0.0, Some((0.0, 2000.0))),
            ("mechanical", 1.0, 0.0, Some((0.0, 2000.0))),
            ("numdocksavailable", 1.0, 0.0, None),
        ],
        events: false,
    },
    // Rows further down, fields further down, some of the body as a whole.
    Plan {
        rows: r#"
            rows = { model = "observations", select = "data.items[*]", horizon = "2d" }
            [fields]
            entity = "id.code"
            observed_at = { path = "id.time", format = "epoch_s" }
            published_at = "$.meta.at"
            name = "$.meta.title"
            attributes = { a = "id.kind", b = "tags" }
            [measures]
            x = { MEASURE, path = "v.x.y", scale = 0.1, offset = -3 }
            y = { MEASURE, path = "v.x.z" }
            z = { MEASURE, path = "$.meta.level" }
        "#,
        select: &["data", "items"],
        members: false,
        entity: "id.code",
        observed_at: "id.time",
        epoch: true,
        published_at: Some("$.meta.at"),
        revision: None,
        point: None,
        name: Some("$.meta.title"),
        attributes: &[("a", "id.kind"), ("b", "tags")],
        measures: &[
            ("v.x.y", 0.1, -3.0, None),
            ("v.x.z", 1.0, 0.0, None),
            ("$.meta.level", 1.0, 0.0, None),
        ],
        events: false,
    },
    // Events, whose rows may be without any value.
    Plan {
        rows: r#"
            rows = { model = "events", select = "features[*]", horizon = "2d" }
            [fields]
            key = "id"
            observed_at = "properties.time"
            revision = "properties.rev"
            point = { lon = "properties.lon", lat = "properties.lat" }
            title = "properties.title"
            [measures]
            magnitude = { MEASURE, path = "properties.mag", range = [-2, 12] }
        "#,
        select: &["features"],
        members: false,
        entity: "id",
        observed_at: "properties.time",
        epoch: false,
        published_at: None,
        revision: Some("properties.rev"),
        point: Some(("properties.lon", "properties.lat")),
        name: Some("properties.title"),
        attributes: &[],
        measures: &[("properties.mag", 1.0, 0.0, Some((-2.0, 12.0)))],
        events: true,
    },
    // Rows by name.
    Plan {
        rows: r##"
            rows = { model = "observations", select = "rates{*}", horizon = "2d" }
            [fields]
            entity = "#key"
            observed_at = { path = "$.time", format = "epoch_s" }
            [measures]
            rate = { MEASURE, path = "rate" }
        "##,
        select: &["rates"],
        members: true,
        entity: "",
        observed_at: "$.time",
        epoch: true,
        published_at: None,
        revision: None,
        point: None,
        name: None,
        attributes: &[],
        measures: &[("rate", 1.0, 0.0, None)],
        events: false,
    },
];

// The slow reading.

/// A JSON value with its members as they stand, repeated ones included.
#[derive(Debug, Clone, PartialEq)]
enum Json {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Plainly;
        impl<'de> Visitor<'de> for Plainly {
            type Value = Json;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("JSON")
            }
            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Null)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
                Ok(Json::Bool(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
                Ok(Json::Integer(value))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
                Ok(i64::try_from(value).map_or(Json::Float(value as f64), Json::Integer))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
                Ok(Json::Float(value))
            }
            fn visit_str<E>(self, value: &str) -> Result<Json, E> {
                Ok(Json::Text(value.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = list.next_element()? {
                    elements.push(element);
                }
                Ok(Json::List(elements))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Json, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = object.next_entry()? {
                    members.push(member);
                }
                Ok(Json::Object(members))
            }
        }
        deserializer.deserialize_any(Plainly)
    }
}

impl Json {
    /// The first member of that name.
    fn member(&self, name: &str) -> Option<&Json> {
        let Json::Object(members) = self else {
            return None;
        };
        members
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }

    fn text(&self) -> Option<String> {
        match self {
            Json::Null | Json::Object(_) => None,
            Json::Bool(value) => Some(value.to_string()),
            Json::Integer(value) => Some(value.to_string()),
            Json::Float(value) => Some(value.to_string()),
            Json::Text(text) => Some(text.clone()),
            // What comes first and is empty leaves no comma.
            Json::List(list) => Some(list.iter().filter_map(Json::text).fold(
                String::new(),
                |joined, text| {
                    if joined.is_empty() {
                        text
                    } else {
                        joined + ", " + &text
                    }
                },
            )),
        }
    }

    fn is_absent(&self) -> bool {
        match self {
            Json::Null => true,
            Json::Text(text) => text.trim().is_empty(),
            Json::List(list) => list.is_empty(),
            _ => false,
        }
    }

    /// A number, none, or a refusal.
    fn number(&self) -> Result<Option<f64>, ()> {
        match self {
            Json::Null => Ok(None),
            Json::Integer(value) => Ok(Some(*value as f64)),
            Json::Float(value) => Ok(Some(*value)),
            Json::Text(text) if text.trim().is_empty() => Ok(None),
            Json::Text(text) => {
                let is_plain = text.trim().chars().all(|c| "0123456789+-.eE".contains(c));
                let number = text.trim().parse().ok().filter(|_| is_plain);
                number.map(Some).ok_or(())
            }
            _ => Err(()),
        }
    }

    /// A measure: scaled, finite, of a plausible size and in its range.
    fn measure(
        &self,
        scale: f64,
        offset: f64,
        range: Option<(f64, f64)>,
    ) -> Result<Option<f64>, ()> {
        let Some(raw) = self.number()? else {
            return Ok(None);
        };
        let value = raw * scale + offset;
        let (least, greatest) = range.unwrap_or((-1e100, 1e100));
        if value.is_finite() && value.abs() <= 1e100 && value >= least && value <= greatest {
            Ok(Some(value))
        } else {
            Err(())
        }
    }

    fn time(&self, epoch: bool) -> Result<Timestamp, ()> {
        let found = match self {
            Json::Text(text) if !epoch => text.trim().parse::<Timestamp>().map_err(drop)?,
            Json::Integer(seconds) if epoch => Timestamp::from_second(*seconds).map_err(drop)?,
            Json::Float(seconds) if epoch => of_seconds(*seconds)?,
            Json::Text(text) if epoch => match text.trim().parse::<i64>() {
                Ok(seconds) => Timestamp::from_second(seconds).map_err(drop)?,
                Err(_) => of_seconds(text.trim().parse().map_err(drop)?)?,
            },
            _ => return Err(()),
        };
        let year = found.to_zoned_datetime(TimeZone::UTC).year();
        if (1800..=2200).contains(&year) {
            Ok(found)
        } else {
            Err(())
        }
    }
}

fn of_seconds(seconds: f64) -> Result<Timestamp, ()> {
    if !seconds.is_finite() {
        return Err(());
    }
    // What is beyond all integers becomes the last of them, which is no time either.
    Timestamp::from_millisecond((seconds * 1000.0).round() as i64).map_err(drop)
}

/// As names and attributes are kept.
fn cleaned(text: &str) -> String {
    let kept: String = text
        .trim()
        .chars()
        .map(|c| if "\n\r\t".contains(c) { ' ' } else { c })
        .filter(|c| !c.is_control())
        .collect();
    if kept.chars().count() > 2_000 {
        kept.chars().take(1_999).chain(['…']).collect()
    } else {
        kept
    }
}

fn find<'j>(root: &'j Json, row: &'j Json, path: &str) -> Option<&'j Json> {
    let (mut node, path) = match path.strip_prefix("$.") {
        Some(path) => (root, path),
        None => (row, path),
    };
    for name in path.split('.') {
        node = node.member(name)?;
    }
    Some(node)
}

/// The rows of a body, or `None` where there is no selection.
fn read_slowly(plan: &Plan, root: &Json) -> Option<ReadBody> {
    let mut selected = root;
    for name in plan.select {
        selected = selected.member(name)?;
    }
    let rows: Vec<(Option<&str>, &Json)> = match selected {
        Json::List(list) if !plan.members => list.iter().map(|row| (None, row)).collect(),
        Json::Object(members) if plan.members => members
            .iter()
            .map(|(name, row)| (Some(name.as_str()), row))
            .collect(),
        // Cells without a header have no names.
        Json::List(_) => Vec::new(),
        _ => return None,
    };
    let mut body = ReadBody::default();
    for (key, row) in rows {
        let find = |path: &str| find(root, row, path);
        let present = |path: &str| find(path).filter(|node| !node.is_absent());
        let text = |path: &str| {
            find(path)
                .and_then(Json::text)
                .filter(|text| !text.trim().is_empty())
        };
        let entity = match key {
            Some(key) => Some(key.to_owned()).filter(|key| !key.trim().is_empty()),
            None => text(plan.entity),
        };
        let entity = entity
            .map(|entity| entity.trim().to_owned())
            .filter(|entity| entity.len() <= 256);
        let (Some(entity), Some(Ok(observed_at))) = (
            entity,
            present(plan.observed_at).map(|node| node.time(plan.epoch)),
        ) else {
            body.refused_rows += 1;
            continue;
        };
        let mut refused = 0;
        let mut accept = |read: Result<Option<f64>, ()>| {
            read.unwrap_or_else(|()| {
                refused += 1;
                None
            })
        };
        let measure = |&(path, scale, offset, range): &(&str, f64, f64, Option<(f64, f64)>)| {
            present(path).map_or(Ok(None), |node| node.measure(scale, offset, range))
        };
        let values: Vec<_> = plan
            .measures
            .iter()
            .map(|one| accept(measure(one)).map(bits))
            .collect();
        let revision = plan
            .revision
            .and_then(present)
            .map_or(Ok(None), |node| node.measure(1.0, 0.0, None));
        let revision = accept(revision).map_or(0, |number| number as i64);
        let mut point = None;
        if let Some((lon, lat)) = plan.point
            && let (Some(lon), Some(lat)) = (present(lon), present(lat))
        {
            let degrees = |node: &Json, most: f64| {
                let number = node.measure(1.0, 0.0, None).ok().flatten();
                number.filter(|degrees| (-most..=most).contains(degrees))
            };
            point = degrees(lon, 180.0).zip(degrees(lat, 90.0));
            refused += u64::from(point.is_none());
        }
        let mut published_at = None;
        if let Some(node) = plan.published_at.and_then(present) {
            published_at = node.time(false).ok();
            refused += u64::from(published_at.is_none());
        }
        body.refused_values += refused;
        if !plan.events && values.iter().all(Option::is_none) {
            body.empty_rows += 1;
            continue;
        }
        body.rows.push(Read {
            entity,
            observed_at,
            published_at,
            revision,
            point: point.map(|(lon, lat)| (bits(lon), bits(lat))),
            name: plan.name.and_then(text).map(|text| cleaned(&text)),
            attributes: plan
                .attributes
                .iter()
                .filter_map(|(name, path)| Some(((*name).to_owned(), cleaned(&text(path)?))))
                .collect(),
            values,
        });
    }
    Some(body)
}

// Bodies.

/// A value before it is written down; numbers in their spelling.
#[derive(Debug, Clone)]
enum Draft {
    Word(&'static str),
    Number(String),
    Text(String),
    List(Vec<Draft>),
    Object(Vec<(String, Draft)>),
}

/// Writes a draft, with choices of spelling taken from a seed.
struct Pen {
    seed: u64,
    /// How freely: 0 as compact JSON, 1 with blanks, 2 with escapes too.
    freedom: u8,
    out: String,
}

impl Pen {
    fn roll(&mut self, sides: u64) -> u64 {
        // splitmix64
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn blank(&mut self) {
        if self.freedom > 0 {
            for _ in 0..self.roll(4).saturating_sub(1) {
                let blank = [' ', '\n', '\t', '\r'][self.roll(4) as usize];
                self.out.push(blank);
            }
        }
    }

    fn text(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            let escape = self.freedom > 1 && self.roll(6) == 0;
            match c {
                '"' | '\\' => self.out.extend(['\\', c]),
                '\n' if escape => self.out.push_str("\\n"),
                '/' if escape => self.out.push_str("\\/"),
                _ if escape || c < ' ' => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        // Writing to a `String` cannot fail.
                        let _ = write!(self.out, "\\u{unit:04x}");
                    }
                }
                _ => self.out.push(c),
            }
        }
        self.out.push('"');
    }

    fn write(&mut self, draft: &Draft) {
        match draft {
            Draft::Word(word) => self.out.push_str(word),
            // The two parsers do not agree on the sign of zero, which the text of a number would show.
            Draft::Number(number) if number.parse() == Ok(0.0) => {
                self.out.push_str(number.trim_start_matches('-'));
            }
            Draft::Number(number) => self.out.push_str(number),
            Draft::Text(text) => self.text(text),
            Draft::List(list) => {
                self.out.push('[');
                for (index, element) in list.iter().enumerate() {
                    if index > 0 {
                        self.out.push(',');
                    }
                    self.blank();
                    self.write(element);
                    self.blank();
                }
                self.out.push(']');
            }
            Draft::Object(members) => {
                self.out.push('{');
                for (index, (name, value)) in members.iter().enumerate() {
                    if index > 0 {
                        self.out.push(',');
                    }
                    self.blank();
                    self.text(name);
                    self.blank();
                    self.out.push(':');
                    self.blank();
                    self.write(value);
                    self.blank();
                }
                self.out.push('}');
            }
        }
    }
}

fn written(draft: &Draft, seed: u64, freedom: u8) -> String {
    let mut pen = Pen {
        seed,
        freedom,
        out: String::new(),
    };
    pen.blank();
    pen.write(draft);
    pen.blank();
    pen.out
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "", " ", "9020", "Toudouze - Clauzel", "Place de l’Étoile 🚲", "a\"b\\c", "</script>", "{[\"", "]}", "a\nb\tc", "\u{7}", "\u{a0}x",
            "\u{1F}", "\u{85}", " x ", "null", "𝄞𝄞𝄞", "\\u0041", "stationcode", "é",
        ]).prop_map(str::to_owned),
        2 => "\\PC{0,12}",
        1 => any::<String>().prop_map(|text| text.chars().take(20).collect()),
        1 => (1_usize..2_100, prop::sample::select(vec!["x", "é", "🚲"])).prop_map(|(count, c)| c.repeat(count)),
    ]
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (0_i64..2_100).prop_map(|number| number.to_string()),
        2 => any::<i64>().prop_map(|number| number.to_string()),
        1 => any::<u64>().prop_map(|number| number.to_string()),
        // About the greatest whole number, on both sides of it and of zero.
        1 => (any::<bool>(), i64::MAX as u64 - 99..=i64::MAX as u64 + 100).prop_map(|(is_negative, number)| {
            format!("{}{number}", if is_negative { "-" } else { "" })
        }),
        2 => any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(|number| format!("{number:e}")),
        2 => (-180.0..180.0_f64).prop_map(|number| number.to_string()),
        2 => "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,22})?([eE][+-]?[0-9]{1,2})?",
        1 => prop::sample::select(vec![
            "-0", "0.0", "-0.0", "1E5", "1e+5", "1.0", "1e-400", "9007199254740993", "9223372036854775808", "-9223372036854775809",
            "18446744073709551616", "2.2250738585072011e-308", "4.35", "0.1", "100000000000000000000000", "1e22", "1e23", "1.7976931348623157e308",
            "0.000001", "123456789.123456789123456789", "5e-324",
        ]).prop_map(str::to_owned),
    ]
}

fn time() -> impl Strategy<Value = Draft> {
    let second = || -6_000_000_000_i64..9_000_000_000;
    prop_oneof![
        4 => (second(), -1_500_i64..1_500).prop_map(|(second, minutes)| {
            let local = Timestamp::from_second(second + minutes * 60).unwrap().to_string();
            let sign = if minutes < 0 { '-' } else { '+' };
            let offset = format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60);
            Draft::Text(local.replace('Z', &offset))
        }),
        // Within an hour of each other as they are written, and far from each other for their offsets.
        2 => (0_u32..60, 0_u32..60, prop::sample::select(vec!["Z", "+01:00", "+05:30", "-11:00"])).prop_map(|(minute, second, offset)| {
            Draft::Text(format!("2024-11-08T16:{minute:02}:{second:02}{offset}"))
        }),
        2 => (1_730_000_000_i64..1_740_000_000).prop_map(|second| Draft::Text(Timestamp::from_second(second).unwrap().to_string())),
        2 => second().prop_map(|second| Draft::Number(second.to_string())),
        1 => second().prop_map(|second| Draft::Text(second.to_string())),
        1 => (second(), 0_u32..1_000).prop_map(|(second, thousandths)| Draft::Number(format!("{second}.{thousandths}"))),
        1 => prop::sample::select(vec![
            "2024-11-08", "2024-11-08T16:07", "2024-11-08T16:07:08", "2024-11-08 16:07:08Z", "2024-02-30T00:00:00Z", "2024-02-29T23:59:59Z",
            "2023-02-29T00:00:00Z", "2024-11-08T16:07:60Z", "2024-11-08T24:00:00Z", "2024-11-08T16:07:08.123456789+01:00", "2024-11-08t16:07:08z",
            "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2024-11-31T00:00:00+01:00", "2024-11-08T16:07:08+0100", "2024-11-08T16:07:08-00:00",
            "2024-11-08T16:07:08+24:00", "2024-13-01T00:00:00Z", "20241108T160708Z", "inf", "1e9", "NaN", "2024-11-0816:07:08+01:00",
            "2024-11-08T16:07:08+01:0", "2024-11-08T16:07:08+1:000", "2024-11-08T1:07:008+01:00",
        ]).prop_map(|text| Draft::Text(text.to_owned())),
    ]
}

/// Anything, to any depth that bodies have.
fn anything() -> impl Strategy<Value = Draft> {
    let leaf = prop_oneof![
        prop::sample::select(vec!["null", "true", "false"]).prop_map(Draft::Word),
        number().prop_map(Draft::Number),
        text().prop_map(Draft::Text),
        time(),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Draft::List),
            prop::collection::vec((name(), inner), 0..4).prop_map(Draft::Object),
        ]
    })
}

/// Names that a reader in a hurry may mistake for others.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => prop::sample::select(vec![
            "stationcode", "stationcodes", "stationcod", "STATIONCODE", "name", "nam", "names", "duedate", "duedatf", "mechanical", "mechanica1",
            "numbikesavailable", "numbikesavailablf", "numdocksavailable", "coordonnees_geo", "lon", "lat", "id", "code", "time", "v", "x", "y", "z",
            "rate", "meta", "at", "data", "items", "features", "properties", "rev", "tags", "title", "mag", "kind", "level",
            "nom_arrondissement_communes", "rates",
        ]).prop_map(str::to_owned),
        1 => "[a-z]{1,9}",
        1 => text().prop_filter("a name", |name| !name.is_empty()),
    ]
}

/// One of these names but for its last letter.
fn alike(names: Vec<&'static str>) -> BoxedStrategy<String> {
    if names.is_empty() {
        return name().boxed();
    }
    let other = |name: &str| {
        let mut other = name.to_owned();
        other.pop();
        other + "1"
    };
    prop::sample::select(names).prop_map(other).boxed()
}

/// What stands at the end of a path: mostly what should.
fn leaf(path: &'static str, plan: &'static Plan) -> BoxedStrategy<Draft> {
    if path == plan.observed_at || plan.published_at == Some(path) {
        return prop_oneof![9 => time(), 1 => anything()].boxed();
    }
    if plan
        .point
        .is_some_and(|(lon, lat)| path == lon || path == lat)
    {
        let degrees = (-89.0..91.0_f64).prop_map(|degrees| Draft::Number(degrees.to_string()));
        return prop_oneof![8 => degrees, 2 => number().prop_map(Draft::Number), 1 => anything()]
            .boxed();
    }
    let is_text = path == plan.entity
        || plan.name == Some(path)
        || plan.attributes.iter().any(|(_, other)| *other == path);
    if is_text {
        return prop_oneof![
            8 => text().prop_map(Draft::Text), 2 => number().prop_map(Draft::Number), 1 => anything(),
        ]
        .boxed();
    }
    prop_oneof![
        8 => number().prop_map(Draft::Number), 2 => number().prop_map(Draft::Text), 1 => text().prop_map(Draft::Text), 1 => anything(),
    ]
    .boxed()
}

/// An object with what these paths lead to, one object for those that begin alike; some missing, some twice, among others, in any order.
fn object(
    paths: Vec<&'static str>,
    whole: Vec<&'static str>,
    plan: &'static Plan,
) -> BoxedStrategy<Draft> {
    let mut by_head: BTreeMap<&'static str, Vec<(&'static str, &'static str)>> = BTreeMap::new();
    for (rest, whole) in paths.into_iter().zip(whole) {
        let (head, rest) = rest.split_once('.').unwrap_or((rest, ""));
        by_head.entry(head).or_default().push((rest, whole));
    }
    let heads = by_head.keys().copied().collect();
    let members = by_head.into_iter().map(|(head, rests)| {
        let value = if rests.iter().all(|(rest, _)| rest.is_empty()) {
            leaf(rests[0].1, plan)
        } else {
            let (rests, whole) = rests.into_iter().unzip();
            prop_oneof![12 => object(rests, whole, plan), 1 => anything()].boxed()
        };
        let count = prop_oneof![1 => Just(0_usize), 20 => Just(1), 1 => Just(2)];
        count.prop_flat_map(move |count| {
            prop::collection::vec((Just(head.to_owned()), value.clone()), count)
        })
    });
    let members: Vec<_> = members.collect();
    let others = prop_oneof![
        3 => Just(Vec::new()).boxed(),
        1 => prop::collection::vec((name(), anything()), 0..4).boxed(),
        1 => prop::collection::vec((alike(heads), anything()), 1..3).boxed(),
    ];
    (members, others)
        .prop_map(|(members, others)| {
            members
                .into_iter()
                .flatten()
                .chain(others)
                .collect::<Vec<_>>()
        })
        .prop_shuffle()
        .prop_map(Draft::Object)
        .boxed()
}

impl Plan {
    fn paths(&self) -> Vec<&'static str> {
        let mut paths: Vec<&'static str> = vec![self.entity, self.observed_at];
        paths.extend(self.published_at);
        paths.extend(self.revision);
        paths.extend(self.point.iter().flat_map(|(lon, lat)| [*lon, *lat]));
        paths.extend(self.name);
        paths.extend(self.attributes.iter().map(|(_, path)| *path));
        paths.extend(self.measures.iter().map(|(path, ..)| *path));
        paths.retain(|path| !path.is_empty());
        paths
    }

    /// A body of the plan's shape.
    fn body(&'static self) -> BoxedStrategy<Draft> {
        let paths = self.paths();
        let of_row: Vec<_> = paths
            .iter()
            .copied()
            .filter(|path| !path.starts_with("$."))
            .collect();
        let of_root: Vec<_> = paths
            .iter()
            .copied()
            .filter(|path| path.starts_with("$."))
            .collect();
        let row = prop_oneof![20 => object(of_row.clone(), of_row, self), 1 => anything()];
        let rows = if self.members {
            let named = (name(), row);
            prop::collection::vec(named, 0..6)
                .prop_map(Draft::Object)
                .boxed()
        } else {
            prop::collection::vec(row, 0..6)
                .prop_map(Draft::List)
                .boxed()
        };
        let rows = prop_oneof![30 => rows, 1 => anything()];
        let below = of_root
            .iter()
            .filter_map(|path| path.strip_prefix("$."))
            .collect();
        let root = object(below, of_root, self);
        let select = self.select;
        (rows, root, any::<prop::sample::Index>())
            .prop_map(move |(rows, root, place)| {
                let Some((first, rest)) = select.split_first() else {
                    return rows;
                };
                let rows = rest.iter().rev().fold(rows, |rows, name| {
                    Draft::Object(vec![((*name).to_owned(), rows)])
                });
                let Draft::Object(mut members) = root else {
                    unreachable!("`object` makes objects")
                };
                members.insert(place.index(members.len() + 1), ((*first).to_owned(), rows));
                Draft::Object(members)
            })
            .boxed()
    }

    fn definition(&self) -> Definition {
        define(&format!("format = {{ kind = \"json\" }}\n{}", self.rows))
    }
}

fn body() -> impl Strategy<Value = (&'static Plan, Draft)> {
    static ALL: [Plan; 4] = PLANS;
    (0..ALL.len()).prop_flat_map(|index| {
        let plan = &ALL[index];
        (Just(plan), plan.body())
    })
}

proptest! {
    #[test]
    fn extraction_reads_what_a_slow_reading_reads((plan, draft) in body(), seed in any::<u64>(), freedom in 0_u8..3) {
        let body = written(&draft, seed, freedom);
        let root: Json = serde_json::from_str(&body).unwrap();
        let definition = plan.definition();
        let zone_tz = TimeZone::UTC;
        let context = Context { fetched_at: Timestamp::UNIX_EPOCH, zone_tz: &zone_tz };
        let mut extractor = Extractor::new(&definition);
        let mut room = Rows::default();
        let first = remembering(&mut extractor, body.as_bytes(), &context, &mut room);
        // What was read before leaves no trace.
        prop_assert_eq!(&remembering(&mut extractor, body.as_bytes(), &context, &mut room), &first);
        prop_assert_eq!(&extract(&definition, body.as_bytes(), &context), &first);
        let fast = first.ok().map(ReadBody::from);
        let is_data = vigie_sources::sniff(&definition, body.as_bytes()).is_ok();
        let slow = read_slowly(plan, &root).filter(|_| is_data);
        prop_assert_eq!(fast, slow, "{}", body);
    }
}

/// The generator makes what it should: rows that are taken, and some of everything that is refused.
#[test]
fn the_bodies_of_the_comparison_are_neither_all_good_nor_all_bad() {
    use proptest::{strategy::ValueTree as _, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let mut all = ReadBody::default();
    let (mut none, mut named, mut placed, mut revised) = (0, 0, 0, 0);
    for _ in 0..300 {
        let (plan, draft) = body().new_tree(&mut runner).unwrap().current();
        let root: Json = serde_json::from_str(&written(&draft, 1, 2)).unwrap();
        let Some(one) = read_slowly(plan, &root) else {
            none += 1;
            continue;
        };
        named += one.rows.iter().filter(|row| row.name.is_some()).count();
        placed += one.rows.iter().filter(|row| row.point.is_some()).count();
        revised += one.rows.iter().filter(|row| row.revision != 0).count();
        all.rows.extend(one.rows);
        all.refused_rows += one.refused_rows;
        all.refused_values += one.refused_values;
        all.empty_rows += one.empty_rows;
    }
    assert!(all.rows.len() > 150, "{} rows", all.rows.len());
    assert!(
        named > 30 && placed > 10 && revised > 20,
        "{named} {placed} {revised}"
    );
    assert!(all.refused_rows > 50 && all.refused_values > 50 && all.empty_rows > 5);
    assert!((1..100).contains(&none), "{none} without rows");
}
