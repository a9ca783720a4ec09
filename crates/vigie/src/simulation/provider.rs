//! Five small feeds, each with a trait of its own, and what they say at any time: a pure function of the seed.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, OnceLock},
};

use vigie_core::text::SourceId;
use vigie_sources::{Catalogue, Definition};

use super::random::Random;

/// The feeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Feed {
    /// Gauges and counters without revisions: what was fetched last counts.
    Gauge,
    /// Observations with a time of publication, revised for long.
    Revised,
    /// Events with revisions.
    Events,
    /// Judged by its number of rows.
    Judged,
    /// Without a time of its own.
    Timeless,
}

impl Feed {
    pub(super) const ALL: [Feed; 5] = [
        Feed::Gauge,
        Feed::Revised,
        Feed::Events,
        Feed::Judged,
        Feed::Timeless,
    ];

    pub(super) fn id(self) -> SourceId {
        SourceId::new(match self {
            Feed::Gauge => "sim-gauge",
            Feed::Revised => "sim-revised",
            Feed::Events => "sim-events",
            Feed::Judged => "sim-judged",
            Feed::Timeless => "sim-timeless",
        })
        .unwrap()
    }
}

/// The definitions of all feeds.
pub(super) fn definitions() -> &'static BTreeMap<SourceId, Arc<Definition>> {
    static DEFINITIONS: OnceLock<BTreeMap<SourceId, Arc<Definition>>> = OnceLock::new();
    DEFINITIONS.get_or_init(|| {
        let time = r#"observed_at = { path = "at", format = "epoch_s" }"#;
        let value = |path: &str, kind: &str| {
            format!(
                "[measures.{path}]\ntitle = {{ fr = \"{path}\", en = \"{path}\" }}\npath = \"{path}\"\nunit = \"1\"\n{kind}\n"
            )
        };
        let counter = format!("{}{}", value("v", ""), value("n", "kind = \"counter\""));
        let revision = "revision = \"rev\"";
        let key = format!("key = \"id\"\n{time}\n{revision}\n");
        let json = "kind = \"json\"";
        let observations = "model = \"observations\"\nselect = \"[*]\"";
        let texts = [
            definition(
                Feed::Gauge,
                json,
                &format!("{observations}\nhorizon = \"2h\""),
                &format!("entity = \"id\"\n{time}"),
                &counter,
            ),
            definition(
                Feed::Revised,
                json,
                &format!("{observations}\nhorizon = \"6h\""),
                &format!("entity = \"id\"\n{time}\npublished_at = {{ path = \"rev\", format = \"epoch_s\" }}"),
                &value("v", ""),
            ),
            definition(
                Feed::Events,
                json,
                "model = \"events\"\nselect = \"[*]\"\nhorizon = \"2d\"",
                &key,
                &value("v", ""),
            ),
            definition(
                Feed::Judged,
                json,
                &format!("{observations}\nhorizon = \"1h\"\nexpected = {{ min = 1, shrink = 0.6 }}"),
                &format!("entity = \"id\"\n{time}"),
                &value("v", ""),
            ),
            definition(
                Feed::Timeless,
                json,
                &format!("{observations}\nhorizon = \"1h\""),
                "entity = \"id\"\nobserved_at = \"#fetched_at\"",
                &value("v", ""),
            ),
        ];
        let named = texts.iter().map(|text| ("simulation", text.as_str()));
        let catalogue = Catalogue::embedded().with_user_definitions(named).unwrap();
        let ids = Feed::ALL.map(Feed::id);
        catalogue
            .iter()
            .filter(|definition| ids.contains(&definition.id))
            .map(|definition| (definition.id.clone(), Arc::new(definition.clone())))
            .collect()
    })
}

fn definition(feed: Feed, format: &str, rows: &str, fields: &str, measures: &str) -> String {
    format!(
        r#"
id = "{id}"
domain = "weather"
docs = "https://example.org/docs"
zones = {{ earth = true }}
title = {{ fr = "Simulation", en = "Simulation" }}
description = {{ fr = "Une source", en = "A source" }}
content = {{ fr = "Des relevés", en = "Reports" }}
periodicity = {{ fr = "Parfois", en = "Sometimes" }}
provider = {{ name = "Example", url = "https://example.org" }}
access = {{ kind = "open" }}
schedule = {{ collect = "15m", publishes = "20m", stale_after = "36500d" }}

[rights]
licence = "CC0-1.0"
url = "https://example.org/terms"
attribution = "Example"
archive = "allowed"
republish = "allowed"

[request]
url = "https://api.example.org/{id}"

[format]
{format}

[rows]
future = "36500d"
repeats = true
{rows}

[fields]
{fields}

{measures}"#,
        id = feed.id()
    )
}

/// The time between two observations, in seconds.
const GRID: i64 = 1_200;
/// How long a feed goes on repeating what it published, in seconds.
const WINDOW: i64 = 5_400;
const ENTITIES: [&str; 2] = ["a", "b"];

/// A body, and what it says: entity or key, and observed time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    pub(super) says: Vec<(String, i64)>,
}

/// What a feed says at `at` (seconds since 1970 UTC): what it published in the last hour and a half, late and revised rows included.
/// `shown` is the share of the rows that the answer has, from 0 to 1. `random` decides the order of the rows.
pub(super) fn body(
    seed: u64,
    feed: Feed,
    at: i64,
    revises: bool,
    shown: f64,
    random: &mut Random,
) -> Body {
    // Observed time and entity: revision and value.
    let mut rows: BTreeMap<(i64, usize), (i64, i64)> = BTreeMap::new();
    let last = at.div_euclid(GRID);
    for slot in last - 30..=last {
        for entity in 0..ENTITIES.len() {
            let mut fixed =
                Random::keyed(seed, &[feed as u64, slot.cast_unsigned(), entity as u64]);
            let observed = slot * GRID + fixed.below(GRID as u64) as i64;
            let mut published = observed + fixed.below(300) as i64;
            if fixed.chance(15) {
                // A late row.
                published += fixed.below(8 * 3_600) as i64;
            }
            let revisions = if revises { fixed.below(3) } else { 0 };
            for revision in 0..=revisions as i64 {
                let value = fixed.below(1_000) as i64;
                if (at - WINDOW..=at).contains(&published) {
                    rows.insert((observed, entity), (revision, value));
                }
                published += fixed.below(5 * 3_600) as i64;
            }
        }
    }
    let mut lines: Vec<(String, String, i64)> = rows
        .into_iter()
        .map(|((observed, entity), (revision, value))| {
            let (entity, mut line) = (ENTITIES[entity], String::from("{"));
            let key = match feed {
                Feed::Events => format!("{entity}{observed}"),
                _ => entity.to_owned(),
            };
            write!(
                line,
                "\"id\":\"{key}\",\"v\":{}.{:02}",
                value / 7,
                value % 100
            )
            .unwrap();
            match feed {
                Feed::Gauge => write!(line, ",\"at\":{observed},\"n\":{}", observed / 60 % 100_000),
                Feed::Revised | Feed::Events => {
                    write!(line, ",\"at\":{observed},\"rev\":{}", revision + 1)
                }
                Feed::Judged => write!(line, ",\"at\":{observed},\"nonce\":{}", random.bits()),
                Feed::Timeless => Ok(()),
            }
            .unwrap();
            line.push('}');
            (line, key, observed)
        })
        .collect();
    if feed == Feed::Timeless {
        // One row each, of the fetch time.
        lines.sort_by(|a, b| a.1.cmp(&b.1));
        lines.dedup_by(|a, b| a.1 == b.1);
    }
    random.shuffle(&mut lines);
    let kept = (lines.len() as f64 * shown).ceil() as usize;
    lines.truncate(kept);
    if feed != Feed::Timeless && random.chance(20) && !lines.is_empty() {
        // A row twice.
        let again = lines[random.below(lines.len() as u64) as usize].clone();
        lines.push(again);
    }
    let text: Vec<&str> = lines.iter().map(|(line, ..)| line.as_str()).collect();
    Body {
        bytes: format!("[{}]", text.join(",\n")).into_bytes(),
        says: lines.into_iter().map(|(_, key, at)| (key, at)).collect(),
    }
}
