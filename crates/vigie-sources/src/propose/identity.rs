//! What identifies a row, when it was, where it is, and what it is called.

use std::collections::HashSet;

use bumpalo::Bump;
use jiff::{Timestamp, tz::TimeZone};

use super::{
    draft::{Clock, Key, Where},
    seen::Seen,
    values::Times,
};
use crate::node::Node;

/// The times of observation and of publication.
pub(super) fn clocks(seen: &[Seen<'_, '_>], rows: usize) -> (Option<Clock>, Option<Clock>) {
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

/// What identifies a row.
pub(super) fn key(
    seen: &[Seen<'_, '_>],
    instants: Option<&[Option<Timestamp>]>,
    rows: usize,
) -> Key {
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

/// Where a row is.
pub(super) fn place(seen: &[Seen<'_, '_>]) -> Option<Where> {
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

/// What a row is called.
pub(super) fn name(seen: &[Seen<'_, '_>], key: &str, rows: usize) -> Option<String> {
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

/// The usual time between neighbours, where times are many and their distances alike.
pub(super) fn step(times: &[Option<Timestamp>]) -> Option<i64> {
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
