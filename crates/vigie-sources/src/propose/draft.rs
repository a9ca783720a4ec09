//! What the columns of a candidate are for: identifier, times, place, name, measures, texts.

use std::collections::HashSet;

use bumpalo::Bump;
use jiff::{Timestamp, tz::TimeZone};

use super::{
    columns::Column,
    rows::{Candidate, Shape},
    values::{Facts, Numbers, Times, facts, names_time, numbers, times},
    words::{Meaning, domain, identifier, meaning, words},
};
use crate::{definition::Model, node::Node};

/// The most measures, and the most texts, that are proposed.
const MEASURES_MAX: usize = 12;
const TEXTS_MAX: usize = 8;

/// Where the time of a row is, and how it is written.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    pub(super) path: String,
    pub(super) times: Times,
    /// The path of the name of its time zone, where the body has it.
    pub(super) zone: Option<String>,
}

/// What identifies a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    /// A path, or a template of paths.
    Path(String),
    /// There is one entity only, which the body does not name.
    Single,
    /// Nothing in the body does, but its place.
    Place,
}

/// Where a row is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Where {
    Degrees {
        lon: String,
        lat: String,
    },
    Geometry(String),
    /// A text of latitude and longitude.
    Text(String),
}

/// A proposed measure.
#[derive(Debug, Clone)]
pub(super) struct Gauge {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) path: String,
    pub(super) numbers: Numbers,
    pub(super) meaning: Meaning,
}

/// What the rows of a candidate are taken to be.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) candidate: Candidate,
    pub(super) model: Model,
    pub(super) key: Key,
    /// `None`: the time of the fetch.
    pub(super) observed: Option<Clock>,
    pub(super) published: Option<Clock>,
    pub(super) place: Option<Where>,
    pub(super) name: Option<String>,
    pub(super) texts: Vec<(String, String)>,
    pub(super) gauges: Vec<Gauge>,
    pub(super) left_out: Vec<String>,
    pub(super) domain: Option<&'static str>,
    /// Seconds between two times of an entity, where there is such a rhythm.
    pub(super) step: Option<i64>,
    pub(super) latest: Option<Timestamp>,
    pub(super) score: f64,
}

struct Seen<'c, 'a> {
    column: &'c Column<'a>,
    facts: Facts,
    times: Option<Times>,
    numbers: Option<Numbers>,
    words: Vec<String>,
}

impl Seen<'_, '_> {
    fn says(&self, known: &[&str]) -> bool {
        self.words.iter().any(|word| known.contains(&word.as_str()))
    }

    fn is_distinct(&self, rows: usize) -> bool {
        self.facts.present == rows && self.facts.distinct == rows
    }

    /// How much the name is that of an identifier.
    fn identity(&self) -> usize {
        let last = self.words.last().map_or("", String::as_str);
        let joined = [
            "eventid",
            "stationid",
            "stopid",
            "postid",
            "videoid",
            "publicid",
            "gameid",
            "dealid",
            "siteid",
            "sensorid",
            "publicid",
            "incidentid",
            "uniqueid",
            "tripid",
            "stationcode",
            "icaoid",
            "codesite",
        ];
        let ends_so = last.len() > 3
            && last.ends_with("id")
            && self.facts.is_whole
            && ![
                "paid", "valid", "invalid", "grid", "humid", "solid", "hybrid", "android",
            ]
            .contains(&last);
        let parts = self.column.path.split(['.', '[']).count();
        let base = if self.words == ["id"] || self.column.path == "#key" {
            13
        } else if ["id", "uuid", "guid", "identifier", "identifiant"].contains(&last)
            || joined.contains(&last)
            || ends_so
        {
            11
        } else if self.says(&[
            "id",
            "uuid",
            "code",
            "symbol",
            "ticker",
            "icao",
            "iata",
            "isin",
            "callsign",
            "slug",
            "reference",
            "ident",
            "stationcode",
            "eventid",
            "station",
            "key",
        ]) {
            9
        } else if self.says(&[
            "name",
            "nom",
            "title",
            "label",
            "city",
            "country",
            "region",
            "currency",
            "perimetre",
            "stacja",
            "article",
        ]) {
            6
        } else if self.says(&["url", "link", "href"]) {
            4
        } else if self.facts.is_text {
            2
        } else {
            0
        };
        (base * 2_usize)
            .saturating_sub(usize::from(parts > 2))
            .saturating_sub(usize::from(!self.column.is_own))
    }

    fn may_identify(&self, rows: usize) -> bool {
        self.facts.present == rows
            && self.times.is_none()
            && self.facts.longest <= 200
            && !self.column.path.contains(['\'', '"'])
            && !self.column.path.starts_with('$')
            && (self.facts.is_text || self.facts.is_whole && self.identity() >= 17)
            && !(self.numbers.is_some() && self.identity() < 12)
    }

    /// A larger figure is the likelier time of observation.
    fn observation(&self) -> i32 {
        let word = |known: &[&str]| self.says(known);
        let rank = if word(&[
            "birth", "founded", "opened", "closed", "expires", "expiry", "end", "until", "to",
            "next", "sunrise", "sunset", "ath", "atl", "joined",
        ]) {
            1
        } else if word(&[
            "observed",
            "obs",
            "obstime",
            "measured",
            "measurement",
            "mesure",
            "reading",
            "phenomenontime",
        ]) {
            9
        } else if word(&[
            "created",
            "pub",
            "pubdate",
            "published",
            "issued",
            "sent",
            "posted",
            "started",
            "start",
            "onset",
            "from",
            "begin",
            "origin",
        ]) {
            6
        } else if word(&[
            "updated",
            "update",
            "modified",
            "lastupdate",
            "lastmodified",
            "maj",
            "received",
            "receipt",
        ]) {
            5
        } else if names_time(&self.column.names) {
            8
        } else {
            4
        };
        let is_varied = self.facts.distinct > 1 && self.facts.distinct * 5 > self.facts.present;
        let is_complete = self.facts.present == self.column.values.len();
        rank * 2 + i32::from(is_varied) + i32::from(is_complete)
            - i32::from(!self.column.is_own) * 9
            - i32::from(self.words.len() > 3)
    }
}

/// Makes sense of the columns.
pub(super) fn draft(
    candidate: &Candidate,
    columns: &[Column<'_>],
    rows: usize,
    decimal_comma: bool,
) -> Draft {
    let seen: Vec<Seen<'_, '_>> = columns
        .iter()
        .map(|column| Seen {
            facts: facts(column),
            times: times(column),
            numbers: numbers(column, decimal_comma),
            words: column
                .names
                .last()
                .map(|name| words(name))
                .unwrap_or_default(),
            column,
        })
        .collect();
    let (observed, published) = clocks(&seen, rows);
    let instants = observed.as_ref().map(|clock| clock.times.read.as_slice());
    let key = key(&seen, instants, rows);
    // A list of words or numbers: each is its own identifier.
    let is_list = candidate.shape == Shape::Scalar && !candidate.select.ends_with('}');
    let key = match seen.first() {
        Some(only) if is_list && only.is_distinct(rows) => Key::Path(".".to_owned()),
        _ => key,
    };
    let place = place(&seen);
    let key_path = match &key {
        Key::Path(path) => path.clone(),
        Key::Single | Key::Place => String::new(),
    };
    let name = name(&seen, &key_path, rows);
    let mut left_out = Vec::new();
    let gauges = gauges(&seen, &key_path, place.as_ref(), rows, &mut left_out);
    let taken: Vec<&str> = [Some(key_path.as_str()), name.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    let mut draft = Draft {
        candidate: candidate.clone(),
        model: Model::Observations,
        texts: texts(&seen, &taken),
        observed: observed.clone(),
        published,
        domain: domain(
            columns
                .iter()
                .flat_map(|column| column.names.iter().map(String::as_str)),
        ),
        step: observed.as_ref().and_then(|clock| step(&clock.times.read)),
        latest: observed.and_then(|clock| clock.times.read.into_iter().flatten().max()),
        key,
        place,
        name,
        gauges,
        left_out,
        score: 0.0,
    };
    if is_events(&draft, &seen, rows) || become_events(&mut draft, &seen, rows) {
        draft.model = Model::Events;
        draft.step = None;
    } else {
        leave_births(&mut draft, &seen, rows);
    }
    draft.score = score(&draft, &seen, rows);
    draft
}

/// Makes events of rows that are dated but have no identifier of their own, where they are no measures of entities:
/// the time becomes part of the key.
fn become_events(draft: &mut Draft, seen: &[Seen<'_, '_>], rows: usize) -> bool {
    let Some(clock) = draft
        .observed
        .as_ref()
        .filter(|clock| is_own(seen, &clock.path))
    else {
        return false;
    };
    if clock.path.contains(['{', '#', '[']) || draft.candidate.shape != Shape::Record {
        return false;
    }
    let is_quake = seen
        .iter()
        .any(|seen| seen.column.is_own && seen.says(&["mag", "magnitude"]));
    let key = match (&draft.key, &draft.place) {
        (Key::Path(key), _)
            if draft.gauges.is_empty()
                && !key.contains(['{', '#'])
                && !is_unique(seen, key, rows) =>
        {
            format!("{{{key}}}|{{{}}}", clock.path)
        }
        (Key::Single, Some(Where::Degrees { lon, lat })) if is_quake => {
            format!("{{{}}}|{{{lat}}}|{{{lon}}}", clock.path)
        }
        (Key::Single, _) if draft.gauges.is_empty() => format!("{{{}}}", clock.path),
        _ => return false,
    };
    draft.key = Key::Path(key);
    true
}

fn is_unique(seen: &[Seen<'_, '_>], key: &str, rows: usize) -> bool {
    seen.iter()
        .any(|seen| seen.column.path == key && seen.is_distinct(rows))
}

/// A film's release or an account's creation is not when its figures were observed.
fn leave_births(draft: &mut Draft, seen: &[Seen<'_, '_>], rows: usize) {
    let of = |path: &str| seen.iter().find(|seen| seen.column.path == path);
    let Some(born) = draft.observed.as_ref().and_then(|clock| of(&clock.path)) else {
        return;
    };
    let is_known = matches!(&draft.key, Key::Path(key) if rows == 1 || is_unique(seen, key, rows));
    let births = [
        "release",
        "launch",
        "first",
        "added",
        "created",
        "creation",
        "published",
        "indexed",
        "earnings",
        "joined",
        "founded",
    ];
    if !is_known || !born.says(&births) {
        return;
    }
    draft.left_out.push(format!(
        "{} (when it began, not when it was observed)",
        born.column.path
    ));
    let is_update = |clock: &Clock| {
        of(&clock.path).is_some_and(|seen| seen.says(&["updated", "update", "modified"]))
    };
    draft.observed = draft.published.take().filter(is_update);
    draft.latest = None;
    draft.step = None;
}

fn score(draft: &Draft, seen: &[Seen<'_, '_>], rows: usize) -> f64 {
    let time = match &draft.observed {
        Some(clock) if is_own(seen, &clock.path) => 4.0,
        Some(_) => 2.0,
        None => 0.0,
    };
    let key = match (&draft.key, draft.candidate.shape) {
        (Key::Path(path), Shape::Record | Shape::Index) if path.starts_with(['^', '$']) => 0.5,
        (Key::Path(path), Shape::Record) if path.contains('{') => 1.5,
        (Key::Path(_), Shape::Record | Shape::Index | Shape::Cells) => 3.0,
        (Key::Path(_), _) | (Key::Single, _) => 1.0,
        (Key::Place, _) => 0.0,
    };
    let own = draft
        .gauges
        .iter()
        .filter(|gauge| is_own(seen, &gauge.path))
        .count();
    let content = (own as f64).min(3.0) + (draft.texts.len() as f64 / 3.0).min(2.5);
    let iterations = draft.candidate.select.matches('*').count();
    let nesting = iterations.saturating_sub(1) as f64 * 0.7;
    let shape = match draft.candidate.shape {
        Shape::Scalar => -3.0,
        Shape::Whole => -2.0,
        _ => 0.0,
    };
    (1.0 + rows.max(draft.candidate.count) as f64).ln().min(5.0) + time + key + content + shape
        - nesting
}

fn is_own(seen: &[Seen<'_, '_>], path: &str) -> bool {
    seen.iter()
        .any(|seen| seen.column.path == path && seen.column.is_own)
        || path.contains('{')
}

fn clocks(seen: &[Seen<'_, '_>], rows: usize) -> (Option<Clock>, Option<Clock>) {
    let mut found: Vec<(i32, &Seen<'_, '_>, &Times)> = seen
        .iter()
        .filter_map(|seen| {
            let times = seen.times.as_ref()?;
            let read = times.read.iter().flatten().count();
            // A time that most rows lack is not that of the rows.
            (read * 10 >= rows * 8 && !seen.column.path.contains('\'')).then(|| {
                let vague = i32::from(times.is_date) * 3 + i32::from(times.is_local);
                (seen.observation() - vague, seen, times)
            })
        })
        .collect();
    found.sort_by_key(|(rank, ..)| std::cmp::Reverse(*rank));
    let zone = seen.iter().find(|seen| {
        let names_zone = |node: &Node<'_>| matches!(node, Node::Text(name) if TimeZone::get(name.trim()).is_ok());
        seen.says(&["timezone", "tz", "zone"]) && seen.facts.present == rows && seen.column.values.iter().all(names_zone)
    });
    let zone = zone.map(|seen| seen.column.path.clone());
    let clock = |seen: &Seen<'_, '_>, times: &Times| Clock {
        path: seen.column.path.clone(),
        times: times.clone(),
        zone: zone.clone(),
    };
    let Some((_, first, times)) = found.first() else {
        return (None, None);
    };
    let mut observed = clock(first, times);
    if times.is_date {
        // A date and, beside it, a time of day.
        let beside = seen.iter().find(|seen| {
            let hours = seen.column.values.iter().filter(|n| !n.is_absent());
            seen.column.is_own
                && seen.facts.present == rows
                && times.format == "rfc3339"
                && hours.clone().all(|node| {
                    matches!(node, Node::Text(text) if text.trim().len() >= 5
                        && text.contains(':') && text.trim().parse::<jiff::civil::Time>().is_ok())
                })
        });
        if let Some(beside) = beside {
            let read = first
                .column
                .values
                .iter()
                .zip(&beside.column.values)
                .map(|(date, time)| {
                    let arena = Bump::new();
                    let text = format!(
                        "{}T{}Z",
                        date.to_text(&arena)?.trim(),
                        time.to_text(&arena)?.trim()
                    );
                    text.parse().ok()
                });
            observed = Clock {
                path: format!("{{{}}}T{{{}}}", first.column.path, beside.column.path),
                times: Times {
                    is_date: false,
                    is_local: true,
                    read: read.collect(),
                    ..(*times).clone()
                },
                zone: zone.clone(),
            };
        }
    }
    let published = found.iter().skip(1).find(|(_, seen, _)| {
        let says = seen.says(&[
            "updated",
            "update",
            "modified",
            "lastupdate",
            "lastmodified",
            "published",
            "issued",
            "generated",
            "publication",
            "receipt",
            "maj",
            "pub",
            "pubdate",
        ]);
        says && !seen.says(&["end", "expires", "next", "earnings"])
            || !seen.column.is_own && seen.says(&["timestamp", "time", "updatedother"])
    });
    (
        Some(observed),
        published.map(|(_, seen, times)| clock(seen, times)),
    )
}

fn key(seen: &[Seen<'_, '_>], instants: Option<&[Option<Timestamp>]>, rows: usize) -> Key {
    let mut able: Vec<&Seen<'_, '_>> = seen.iter().filter(|seen| seen.may_identify(rows)).collect();
    able.sort_by_key(|seen| std::cmp::Reverse(seen.identity()));
    let strong = able
        .iter()
        .find(|seen| seen.is_distinct(rows) && seen.identity() >= 16);
    if let Some(found) = strong {
        return Key::Path(found.column.path.clone());
    }
    if rows == 1 {
        return able
            .iter()
            .find(|seen| seen.identity() >= 11)
            .map_or(Key::Single, |seen| Key::Path(seen.column.path.clone()));
    }
    let is_series = instants.is_some_and(|times| {
        let known: HashSet<_> = times.iter().flatten().collect();
        known.len() * 20 >= rows * 19 && rows > 2
    });
    let one = able
        .iter()
        .find(|seen| seen.is_distinct(rows) && (!is_series || seen.identity() >= 16));
    if let Some(found) = one {
        return Key::Path(found.column.path.clone());
    }
    if is_series {
        return able
            .iter()
            .find(|seen| seen.facts.distinct * 4 <= rows && seen.identity() >= 11)
            .map_or(Key::Single, |seen| Key::Path(seen.column.path.clone()));
    }
    // With the time of the row, and then in pairs.
    let tells = |of: &[&Seen<'_, '_>]| {
        let arena = Bump::new();
        let mut known = HashSet::new();
        (0..rows).all(|row| {
            let texts: Vec<_> = of
                .iter()
                .map(|seen| seen.column.values[row].to_text(&arena))
                .collect();
            known.insert((texts, instants.and_then(|times| times.get(row).copied())))
        })
    };
    for seen in able.iter().take(12) {
        if tells(&[seen]) {
            return Key::Path(seen.column.path.clone());
        }
    }
    // Of three too, for want of better.
    let plain: Vec<&&Seen<'_, '_>> = able
        .iter()
        .filter(|seen| !seen.column.path.contains('}'))
        .take(7)
        .collect();
    for (index, first) in plain.iter().enumerate() {
        for second in plain.iter().skip(index + 1) {
            if tells(&[first, second]) {
                return Key::Path(format!(
                    "{{{}}}|{{{}}}",
                    first.column.path, second.column.path
                ));
            }
        }
    }
    for (index, first) in plain.iter().enumerate() {
        for (other, second) in plain.iter().enumerate().skip(index + 1) {
            if let Some(third) = plain
                .iter()
                .skip(other + 1)
                .find(|third| tells(&[first, second, third]))
            {
                let paths = [first, second, third].map(|seen| format!("{{{}}}", seen.column.path));
                return Key::Path(paths.join("|"));
            }
        }
    }
    Key::Place
}

fn place(seen: &[Seen<'_, '_>]) -> Option<Where> {
    let geometry = seen.iter().find(|seen| {
        seen.column.is_own
            && seen
                .column
                .values
                .iter()
                .any(|node| matches!(node, Node::Map(_)))
    });
    if let Some(geometry) = geometry {
        return Some(Where::Geometry(geometry.column.path.clone()));
    }
    let degrees = |known: &[&str], most: f64| {
        let mut found: Vec<&Seen<'_, '_>> = seen
            .iter()
            .filter(|seen| {
                let numbers = seen.numbers.as_ref();
                let is_plain = seen.words.iter().all(|word| {
                    known.contains(&word.as_str())
                        || [
                            "stop", "station", "geo", "numeric", "gps", "point", "deg", "x", "y",
                            "position", "site",
                        ]
                        .contains(&word.as_str())
                });
                seen.says(known)
                    && is_plain
                    && numbers.is_some_and(|numbers| {
                        numbers.strip.is_none()
                            && numbers.values.iter().all(|value| value.abs() <= most)
                    })
            })
            .collect();
        found.sort_by_key(|seen| (!seen.column.is_own, seen.words.len()));
        found.first().map(|seen| seen.column.path.clone())
    };
    let lat = degrees(&["lat", "latitude"], 90.0);
    let lon = degrees(&["lon", "lng", "long", "longitude"], 360.0);
    if let (Some(lon), Some(lat)) = (lon, lat) {
        return Some(Where::Degrees { lon, lat });
    }
    seen.iter()
        .find(|seen| {
            seen.says(&[
                "point",
                "position",
                "coordinates",
                "location",
                "coord",
                "geo",
                "latlng",
                "geom",
            ]) && seen.facts.present > 0
                && seen
                    .column
                    .values
                    .iter()
                    .filter(|node| !node.is_absent())
                    .all(is_pair)
        })
        .map(|seen| Where::Text(seen.column.path.clone()))
}

fn is_pair(node: &Node<'_>) -> bool {
    let Node::Text(text) = node else {
        return false;
    };
    let mut parts = text.split([',', ' ']).filter(|part| !part.is_empty());
    let mut degrees = |most: f64| {
        parts
            .next()
            .and_then(|part| part.parse::<f64>().ok())
            .is_some_and(|value| value.abs() <= most)
    };
    degrees(90.0) && degrees(180.0) && parts.next().is_none()
}

fn name(seen: &[Seen<'_, '_>], key: &str, rows: usize) -> Option<String> {
    let known = [
        "name",
        "nom",
        "title",
        "titre",
        "label",
        "libelle",
        "headline",
        "place",
        "city",
        "description",
        "adresse",
        "address",
        "text",
        "stacja",
        "summary",
        "subject",
        "message",
    ];
    let mut found: Vec<(usize, &Seen<'_, '_>)> = seen
        .iter()
        .filter(|seen| {
            seen.facts.is_text
                && seen.column.is_own
                && seen.column.path != key
                && seen.facts.present * 2 > rows
                && seen.times.is_none()
                && seen.numbers.is_none()
                && !seen.says(&["type", "id", "url", "first", "last", "file"])
        })
        .filter_map(|seen| {
            let rank = known.iter().position(|word| seen.says(&[word]))?;
            let parts = seen.column.path.split('.').count();
            Some((rank * 2 + parts * 3 + seen.words.len(), seen))
        })
        .collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.first().map(|(_, seen)| seen.column.path.clone())
}

fn gauges(
    seen: &[Seen<'_, '_>],
    key: &str,
    place: Option<&Where>,
    rows: usize,
    left_out: &mut Vec<String>,
) -> Vec<Gauge> {
    let geometry = match place {
        Some(Where::Geometry(path)) => format!("{path}.coordinates["),
        _ => String::from("\0"),
    };
    let mut gauges: Vec<Gauge> = Vec::new();
    for seen in seen {
        let path = &seen.column.path;
        let Some(numbers) = &seen.numbers else {
            continue;
        };
        let is_place = match place {
            Some(Where::Degrees { lon, lat }) => path == lon || path == lat,
            Some(Where::Geometry(_)) => path.starts_with(&geometry) && !path.ends_with("[2]"),
            _ => false,
        };
        if seen.times.is_some()
            || is_place
            || path == key
            || key.contains(&format!("{{{path}}}"))
            || path == "#key"
        {
            continue;
        }
        if !seen.column.is_own {
            continue;
        }
        if seen.identity() >= 15
            || seen.says(&[
                "id",
                "ids",
                "zip",
                "postal",
                "insee",
                "phone",
                "lat",
                "lon",
                "lng",
                "latitude",
                "longitude",
                "version",
                "year",
                "siren",
                "siret",
                "cp",
            ])
            || path.contains("['$")
        {
            left_out.push(format!("{path} (an identifier or a place)"));
            continue;
        }
        let is_flag = seen.says(&["is", "has"])
            && numbers
                .values
                .iter()
                .all(|value| *value == 0.0 || *value == 1.0);
        if is_flag {
            left_out.push(format!("{path} (yes or no)"));
            continue;
        }
        if let Some(same) = gauges
            .iter()
            .find(|gauge| rows > 3 && gauge.numbers.values == numbers.values)
        {
            left_out.push(format!("{path} (the same as {})", same.path));
            continue;
        }
        let mut distinct: Vec<u64> = numbers.values.iter().map(|value| value.to_bits()).collect();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() == 1 && rows > 3 {
            left_out.push(format!("{path} (always {})", numbers.values[0]));
            continue;
        }
        if numbers.values.len() * 20 < rows {
            left_out.push(format!("{path} (rarely there)"));
            continue;
        }
        if gauges.len() >= MEASURES_MAX {
            left_out.push(path.clone());
            continue;
        }
        let is_depth = place.is_some() && path.starts_with(&geometry);
        let mut names = seen.column.names.clone();
        if is_depth {
            names.push("depth".to_owned());
        }
        if names.is_empty() {
            names.push(if path == "." {
                "value".to_owned()
            } else {
                format!("column{path}")
            });
        }
        let named = own_name(&names, &gauges);
        let title: Vec<String> = words(
            names
                .last()
                .filter(|name| !is_vague(name))
                .unwrap_or(&named),
        );
        gauges.push(Gauge {
            title: humane(&title, &named),
            meaning: meaning(&names),
            id: named,
            path: path.clone(),
            numbers: numbers.clone(),
        });
    }
    gauges
}

/// Whether a name says nothing without the one before it.
fn is_vague(name: &str) -> bool {
    ["value", "val", "v", "amount", "float"].contains(&name)
}

/// An identifier that no other measure has: the last name, with those before it where needed.
fn own_name(names: &[String], taken: &[Gauge]) -> String {
    let is_free = |id: &str| taken.iter().all(|gauge| gauge.id != id);
    let least = if names.last().is_some_and(|name| is_vague(name)) {
        2
    } else {
        1
    };
    for length in least.min(names.len())..=names.len() {
        let parts: Vec<String> = names[names.len() - length..]
            .iter()
            .flat_map(|name| words(name))
            .collect();
        if let Some(id) = identifier(&parts, "_").filter(|id| is_free(id)) {
            return id;
        }
    }
    let numbered = |number: usize| format!("measure_{number}");
    (1..)
        .map(numbered)
        .find(|id| is_free(id))
        .unwrap_or_default()
}

fn humane(words: &[String], otherwise: &str) -> String {
    let text = if words.is_empty() {
        otherwise.replace('_', " ")
    } else {
        words.join(" ")
    };
    let mut characters = text.chars();
    characters
        .next()
        .map(|first| first.to_uppercase().chain(characters).collect())
        .unwrap_or_default()
}

fn texts(seen: &[Seen<'_, '_>], taken: &[&str]) -> Vec<(String, String)> {
    let mut texts: Vec<(String, String)> = Vec::new();
    for seen in seen {
        let path = &seen.column.path;
        let is_text = seen.facts.is_text
            && seen.facts.present > 0
            && seen.column.is_own
            && seen.times.is_none()
            && seen.numbers.is_none()
            && seen.facts.longest <= 300
            && !seen
                .column
                .values
                .iter()
                .any(|node| matches!(node, Node::Map(_)));
        let id = identifier(&seen.words, "_");
        if let Some(id) = id
            && is_text
            && !taken.contains(&path.as_str())
            && path != "#key"
            && texts.iter().all(|(known, _)| *known != id)
            && texts.len() < TEXTS_MAX
        {
            texts.push((id, path.clone()));
        }
    }
    texts
}

/// Whether rows are things that happened: named, dated, and often revised.
fn is_events(draft: &Draft, seen: &[Seen<'_, '_>], rows: usize) -> bool {
    let (Key::Path(key), Some(clock)) = (&draft.key, &draft.observed) else {
        return false;
    };
    let is_distinct = seen
        .iter()
        .any(|seen| seen.column.path == *key && seen.is_distinct(rows));
    if !is_distinct
        || !is_own(seen, &clock.path)
        || key == "#key"
        || draft.candidate.shape != Shape::Record
    {
        return false;
    }
    if draft.gauges.is_empty() {
        return true;
    }
    let says = |known: &[&str]| {
        seen.iter()
            .any(|seen| seen.column.is_own && seen.says(known))
    };
    let instants: HashSet<_> = clock.times.read.iter().flatten().collect();
    let mut points = 0;
    points += 3 * i32::from(says(&[
        "mag",
        "magnitude",
        "epicenter",
        "severity",
        "earthquake",
        "incident",
        "eventid",
    ]));
    points += 2 * i32::from(says(&["title", "headline", "subject"]));
    points += i32::from(says(&["url", "link", "href"]));
    let begins = seen.iter().any(|seen| {
        seen.column.path == clock.path
            && seen.says(&["start", "started", "begin", "onset", "from", "occurred"])
    });
    points +=
        i32::from(draft.published.is_some()) + 2 * i32::from(begins && draft.published.is_some());
    points += i32::from(rows > 2 && instants.len() * 5 >= rows * 4);
    let select = draft.candidate.select.to_lowercase();
    let of_events = [
        "item[*]", "entry[*]", "event", "alert", "incident", "hits[*]", "posts", "articles",
        "quake",
    ];
    points += 2 * i32::from(of_events.iter().any(|word| select.contains(word)));
    points -= 4 * i32::from(says(&[
        "station", "sensor", "symbol", "ticker", "currency", "stop", "capacity", "sensors", "price",
    ]));
    points >= 3
}

/// The usual time between neighbours, where times are many and their distances alike.
fn step(times: &[Option<Timestamp>]) -> Option<i64> {
    let mut seconds: Vec<i64> = times
        .iter()
        .flatten()
        .map(|time| time.as_second())
        .collect();
    seconds.sort_unstable();
    seconds.dedup();
    let mut steps: Vec<i64> = seconds.windows(2).map(|pair| pair[1] - pair[0]).collect();
    steps.sort_unstable();
    let middle = *steps.get(steps.len() / 2)?;
    let alike = steps.iter().filter(|step| **step == middle).count();
    (steps.len() > 3 && alike * 10 >= steps.len() * 8 && middle >= 60).then_some(middle)
}
