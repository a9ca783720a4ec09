//! The numbers of rows that are measures, and their texts.

use super::{
    draft::{Gauge, Where},
    seen::Seen,
    words::{identifier, meaning, words},
};
use crate::node::Node;

/// The most measures, and the most texts, that are proposed.
const MEASURES_MAX: usize = 12;
const TEXTS_MAX: usize = 8;

/// The measures; what is a number and none of them goes to `left_out`.
pub(super) fn gauges(
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
                .all(|value| [0.0, 1.0].contains(value));
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
    (1..=taken.len() + 1)
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

/// The texts that are kept with a row, by their identifiers.
pub(super) fn texts(seen: &[Seen<'_, '_>], taken: &[&str]) -> Vec<(String, String)> {
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
