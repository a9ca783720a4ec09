//! Which place a text names. The rule is written in the documentation of [`super`].

use std::cmp::Reverse;

use vigie_core::zone::Scale;

use super::{
    data,
    fold::fold,
    place::{Entry, Place},
};

/// How many times more people the first of several cities must have to be chosen without asking.
const DOMINANCE: u64 = 5;

/// How many nearest names are proposed.
const NEAREST_MAX: usize = 5;

/// What a text names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Resolution {
    /// One place.
    One(Place),
    /// Several, the most populous first.
    Several(Vec<Place>),
    /// None.
    Nothing,
}

/// A text split into a name and what qualifies it: `Paris, Texas`, `Paris (Texas)`.
pub(super) struct Query<'a> {
    /// `Paris`.
    pub(super) name: &'a str,
    /// `Texas`.
    pub(super) qualifiers: Vec<&'a str>,
}

impl<'a> Query<'a> {
    /// Splits `text` at commas and parentheses.
    pub(super) fn new(text: &'a str) -> Self {
        let mut parts = text
            .split([',', '(', ')'])
            .map(str::trim)
            .filter(|part| !part.is_empty());
        Self {
            name: parts.next().unwrap_or_default(),
            qualifiers: parts.collect(),
        }
    }
}

/// A place that bears the name asked for.
struct Bearer {
    place: Place,
    /// Whether it is one of its main names.
    main: bool,
    people: u64,
}

/// Which place `text` names.
pub(super) fn resolve(text: &str) -> Resolution {
    let query = Query::new(text);
    if !query.qualifiers.is_empty() {
        let resolution = decide(qualified(query.name, &query.qualifiers));
        if resolution != Resolution::Nothing {
            return resolution;
        }
    }
    // `Frankfurt (Oder)` and `Washington, D.C.` are names as they are.
    decide(bearers(text))
}

/// The places that bear `name` and that all `qualifiers` fit. `Londres, Canada` is found although
/// only the larger London has a French name: what another bearer is called counts as well.
fn qualified(name: &str, qualifiers: &[&str]) -> Vec<Bearer> {
    let fitting = |name: &str| {
        let mut bearers = bearers(name);
        bearers.retain(|bearer| qualifiers.iter().all(|text| bearer.place.fits(text)));
        bearers
    };
    let found = fitting(name);
    if !found.is_empty() {
        return found;
    }
    let shared = bearers(name)
        .into_iter()
        .flat_map(|bearer| bearer.place.shown());
    shared
        .map(|shown| fitting(&shown))
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

/// The places that bear `name`, the largest scale first, then the most populous.
fn bearers(name: &str) -> Vec<Bearer> {
    let mut bearers: Vec<Bearer> = data::named(&fold(name))
        .into_iter()
        .map(|reference| {
            let place = Place {
                position: reference.position,
            };
            Bearer {
                place,
                main: reference.main,
                people: place.population(),
            }
        })
        .collect();
    bearers.sort_by_key(|bearer| (bearer.place.scale(), Reverse(bearer.people)));
    bearers
}

/// One of `bearers`, if it clearly dominates.
fn decide(mut bearers: Vec<Bearer>) -> Resolution {
    if bearers.iter().any(|bearer| bearer.main) {
        bearers.retain(|bearer| bearer.main);
    }
    if let Some(first) = bearers.first() {
        let (place, scale, people) = (first.place, first.place.scale(), first.people);
        bearers.retain(|other| {
            other.place.scale() == scale
                || other.people > people && other.place.country() != place.country()
        });
    }
    bearers.sort_by_key(|bearer| Reverse(bearer.people));
    match bearers.as_slice() {
        [] => Resolution::Nothing,
        [one] => Resolution::One(one.place),
        [first, second, ..]
            if bearers
                .iter()
                .all(|bearer| bearer.place.scale() == Scale::City)
                && first.people >= DOMINANCE * second.people =>
        {
            Resolution::One(first.place)
        }
        several => Resolution::Several(several.iter().map(|bearer| bearer.place).collect()),
    }
}

/// The shortest text that names `place` and no other, beginning with `name` if it is one of its
/// names.
pub(super) fn text_for(place: Place, name: &str) -> String {
    let mut texts = vec![name.to_owned()];
    match place.entry() {
        Entry::Area(area) => {
            texts.extend([area.name.fr.clone(), area.name.en.clone()]);
            texts.push(area.code.to_owned());
        }
        Entry::City(city) => {
            texts.push(format!("{name}, {}", city.country));
            if let Some(region) = city.region() {
                texts.push(format!("{name}, {}", region.en));
                texts.push(format!("{name}, {}, {}", region.en, city.country));
            }
            texts.push(format!("{name}, #{}", city.id));
        }
    }
    let last = texts.last().cloned().unwrap_or_default();
    texts
        .into_iter()
        .find(|text| resolve(text) == Resolution::One(place))
        .unwrap_or(last)
}

/// The places whose main names are nearest to `text`, best first, each with that name.
pub(super) fn nearest(text: &str) -> Vec<(Place, String)> {
    let query = Query::new(text);
    let wanted = fold(query.name);
    let length = wanted.chars().count();
    let distance_max = (length / 3).clamp(1, 3);
    let mut found: Vec<(usize, Place)> = Vec::new();
    for (key, positions) in data::main_names() {
        let Some(distance) = distance(&wanted, length, key, distance_max) else {
            continue;
        };
        found.extend(positions.map(|position| (distance, Place { position })));
    }
    let fits = |place: Place| {
        query
            .qualifiers
            .iter()
            .all(|qualifier| place.fits(qualifier))
    };
    if found.iter().any(|(_, place)| fits(*place)) {
        found.retain(|(_, place)| fits(*place));
    }
    let smallest = found
        .iter()
        .map(|(distance, _)| *distance)
        .min()
        .unwrap_or(0);
    found.retain(|(distance, _)| *distance <= smallest.max(1));
    found.sort_by_cached_key(|(distance, place)| (*distance, Reverse(place.population())));
    let mut nearest: Vec<(Place, String)> = Vec::new();
    for (_, place) in found {
        if nearest.len() == NEAREST_MAX {
            break;
        }
        if nearest.iter().all(|(other, _)| *other != place) {
            let shown = place.shown();
            let name = shown
                .into_iter()
                .min_by_key(|name| strsim::osa_distance(&fold(name), &wanted))
                .unwrap_or_default();
            nearest.push((place, name));
        }
    }
    nearest
}

/// Edit distance between keys if it is at most `distance_max`; a name that begins as asked counts
/// as one letter apart. Keys are ASCII, so their bytes are their letters.
fn distance(wanted: &str, length: usize, key: &str, distance_max: usize) -> Option<usize> {
    if length >= 4 && key.len() > length && key.starts_with(wanted) {
        return Some(1);
    }
    if length == 0 || key.len().abs_diff(length) > distance_max {
        return None;
    }
    let distance = strsim::osa_distance(wanted, key);
    (distance <= distance_max).then_some(distance)
}

/// Every place, for tests.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = Place> {
    (0..data::AREAS.len() + data::CITIES.len()).map(|position| Place { position })
}
