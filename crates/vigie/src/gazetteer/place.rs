//! A place of the gazetteer, its zone and its label.

use vigie_core::{
    row::Point,
    text::{Language, Text},
    zone::{Scale, Zone},
};

use super::{
    data::{self, AREAS, Area, CITIES, City, REGIONS},
    fold::fold,
};

/// Kilometres in one degree of latitude.
const DEGREE_KM: f64 = 111.195;

/// A place of the gazetteer: a cheap handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Among the areas, then the cities.
    pub(super) position: usize,
}

/// What is known of a place.
pub(super) enum Entry {
    Area(&'static Area),
    City(City<'static>),
}

impl Place {
    /// What is known of it.
    pub(super) fn entry(self) -> Entry {
        match AREAS.get(self.position) {
            Some(area) => Entry::Area(area),
            None => Entry::City(data::city(CITIES[self.position - AREAS.len()])),
        }
    }

    /// How large it is.
    pub(crate) fn scale(self) -> Scale {
        match self.entry() {
            Entry::Area(area) => area.scale,
            Entry::City(_) => Scale::City,
        }
    }

    /// How many people live there: in a city, within its limits.
    pub(crate) fn population(self) -> u64 {
        match self.entry() {
            Entry::Area(area) => area.population,
            Entry::City(city) => city.population,
        }
    }

    /// ISO 3166-1 alpha-2 code of its country, for countries and cities.
    pub(crate) fn country(self) -> Option<&'static str> {
        let code = match self.entry() {
            Entry::Area(area) => area.code,
            Entry::City(city) => city.country,
        };
        (!code.is_empty()).then_some(code)
    }

    /// The zone to watch.
    ///
    /// - The Earth and the continents: their usual limits, counted in UTC.
    /// - A country: the box of its borders (which parts: `tools/gazetteer/borders.py`), centred on
    ///   its capital, whose time zone it takes even where it has several.
    /// - A city: a box around its centre, see [`city_radius_km`].
    pub(crate) fn zone(self) -> Zone {
        let present = |code: &str| (!code.is_empty()).then(|| code.to_owned());
        match self.entry() {
            Entry::Area(area) => Zone {
                name: area.name.clone(),
                scale: area.scale,
                bbox: area.bbox,
                centre: area.centre,
                country: present(area.code),
                currency: present(area.currency),
                continent: present(area.continent),
                time_zone: area.time_zone.to_owned(),
            },
            Entry::City(city) => {
                let country = country(city.country);
                Zone {
                    name: Text::new(city.fr, city.en),
                    scale: Scale::City,
                    bbox: around(city.centre, city_radius_km(city.population)),
                    centre: city.centre,
                    country: present(city.country),
                    currency: present(country.currency),
                    continent: present(country.continent),
                    time_zone: city.time_zone.to_owned(),
                }
            }
        }
    }

    /// Its name with what tells it from others: `Paris, Île-de-France, France (2,138,551
    /// inhabitants)`.
    pub(crate) fn label(self, language: Language) -> String {
        match self.entry() {
            Entry::Area(area) => {
                let kind = match (area.scale, language) {
                    (Scale::Earth, _) => return area.name.get(language).to_owned(),
                    (Scale::Continent, _) => "continent",
                    (_, Language::Fr) => "pays",
                    (_, Language::En) => "country",
                };
                let people = people(area.population, language);
                format!("{} ({kind}, {people})", area.name.get(language))
            }
            Entry::City(city) => {
                let (name, region) = match language {
                    Language::Fr => (city.fr, city.region().map(|region| region.fr)),
                    Language::En => (city.en, city.region().map(|region| region.en)),
                };
                let region = region.filter(|region| *region != name);
                let country = country(city.country).name.get(language);
                let place: Vec<&str> = [Some(name), region, Some(country)]
                    .into_iter()
                    .flatten()
                    .collect();
                format!(
                    "{} ({})",
                    place.join(", "),
                    people(city.population, language)
                )
            }
        }
    }

    /// The names under which it is shown: French, English, local.
    pub(super) fn shown(self) -> Vec<String> {
        match self.entry() {
            Entry::Area(area) => vec![area.name.fr.clone(), area.name.en.clone()],
            Entry::City(city) => [city.fr, city.en, city.local].map(str::to_owned).to_vec(),
        }
    }

    /// Whether `qualifier`, written after a city's name, fits it: its country (any name or code),
    /// its region (name or abbreviation), or `#` and its `GeoNames` number. Never fits an area.
    pub(super) fn fits(self, qualifier: &str) -> bool {
        let Entry::City(city) = self.entry() else {
            return false;
        };
        if let Some(id) = qualifier.strip_prefix('#') {
            return id.parse() == Ok(city.id);
        }
        let key = fold(qualifier);
        let names_country = data::named(&key).iter().any(|reference| {
            AREAS
                .get(reference.position)
                .is_some_and(|area| area.code == city.country)
        });
        let names_region = city.region().is_some_and(|region| {
            [region.fr, region.en, region.abbreviation]
                .iter()
                .any(|name| fold(name) == key)
        });
        !key.is_empty() && (names_country || names_region)
    }
}

impl City<'static> {
    /// Its first-order division, where `GeoNames` names it.
    pub(super) fn region(&self) -> Option<&'static super::data::Region> {
        REGIONS.get(&(self.country, self.region))
    }
}

fn country(code: &str) -> &'static Area {
    let area = AREAS.iter().find(|area| area.code == code);
    area.expect("every city's country is listed, as the tests check")
}

/// How far from its centre a city is watched, in kilometres: 6 + 6 √(millions of people), 40 at
/// most.
///
/// A heuristic: `GeoNames` gives a point and a population, no limits. The area of a city grows
/// about as its population, so the radius grows as its root; 6 km is a small town with its
/// surroundings. Paris (2.1 million within its limits) gets 15 km, its inner suburbs; London (9.0)
/// gets 24 km, about the M25.
fn city_radius_km(population: u64) -> f64 {
    (6.0 + 6.0 * (population as f64 / 1e6).sqrt()).min(40.0)
}

/// The box that reaches `radius_km` from `centre` on each side. West is greater than east where it
/// crosses the antimeridian.
pub(super) fn around(centre: Point, radius_km: f64) -> [f64; 4] {
    let half_height = radius_km / DEGREE_KM;
    let half_width = half_height / centre.lat.to_radians().cos();
    let round = |degrees: f64| (degrees * 1e4).round() / 1e4;
    let wrap = |lon: f64| (lon + 540.0).rem_euclid(360.0) - 180.0;
    [
        round(wrap(centre.lon - half_width)),
        round((centre.lat - half_height).max(-90.0)),
        round(wrap(centre.lon + half_width)),
        round((centre.lat + half_height).min(90.0)),
    ]
}

fn people(count: u64, language: Language) -> String {
    let (separator, word) = match language {
        Language::Fr => ("\u{202f}", "hab."),
        Language::En => (",", "inhabitants"),
    };
    let digits = count.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push_str(separator);
        }
        grouped.push(digit);
    }
    format!("{grouped} {word}")
}
