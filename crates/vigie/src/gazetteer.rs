//! The embedded gazetteer: the Earth, the continents, the countries and territories of ISO 3166-1
//! and every city of more than 15,000 people, by their French, English and local names.
//!
//! Its tables (1.4 MB) are decoded when a name is first looked up, so other commands do not pay
//! for them. Where they come from and their licences: `crates/vigie/data/README.md`; show
//! [`ATTRIBUTION`] where their content is shown.
//!
//! # How a name is understood
//! 1. Case, accents, spaces, hyphens, apostrophes and other signs do not count; `St` is `Saint`.
//! 2. A place is known by its *main* names (French, English, local; a country also by its ISO
//!    codes and the names in its own languages) and its *other* names (former, short or in further
//!    languages, in Latin script). Other names count only where nobody bears the name as a main
//!    one: `Roma` is Rome, `Saïgon` Ho Chi Minh City, but `Salisbury` is not Harare.
//! 3. After a comma or in parentheses, a city may be qualified by its country (name or code), its
//!    region (name or abbreviation) or `#` and its `GeoNames` number: `Paris, Texas`,
//!    `Paris, US`, `Springfield (Missouri)`. Only cities take qualifiers: `Singapour` is the country,
//!    `Singapour, SG` the city. `Londres, Canada` is London, Ontario.
//! 4. A larger scale goes before a smaller one: the Earth, then continents, countries, cities. A
//!    country hides the cities of its name that are its own (Luxembourg, Mexico, Singapore) and
//!    those elsewhere that have no more people than it (Lebanon hides the towns in the United
//!    States). A city elsewhere that has more people makes the name ambiguous (`Grenade`).
//! 5. Among cities, the first is chosen when it has at least five times the people of the second:
//!    `Paris`, `London` and `Tokyo` are clear; `Valencia`, `Cordoba`, `San José` and `Springfield`
//!    are not, and the candidates are listed with what to write.
//!
//! States and provinces are not places here: `Québec` is the city, `Georgia` the country.

mod data;
mod fold;
mod largest;
mod place;
mod resolve;
#[cfg(test)]
mod tests;

use std::fmt::{self, Write as _};

use vigie_core::{
    text::{Language, Text},
    zone::{Scale, Zone},
};

use self::resolve::{Query, Resolution};
pub(crate) use self::{largest::largest_cities, place::Place};

/// The credit that the licences of the embedded data require.
pub(crate) const ATTRIBUTION: &str = "Places: GeoNames (geonames.org), CC BY 4.0, modified; \
     borders: Natural Earth, public domain; names and currencies: Unicode CLDR, Unicode License v3; \
     i18n-iso-countries, MIT";

/// The credit of the names and places of cities alone.
pub(crate) const PLACES_ATTRIBUTION: &str = "GeoNames (geonames.org), CC BY 4.0, modified";

/// A place that may have been meant.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Candidate {
    /// Its name with its region, country and population.
    pub(crate) label: Text,
    /// How large it is.
    pub(crate) scale: Scale,
    /// ISO 3166-1 alpha-2 code of its country, for countries and cities.
    pub(crate) country: Option<&'static str>,
    /// How many people live there.
    pub(crate) population: u64,
    /// What to write to choose it and no other: `Paris, Texas`.
    pub(crate) write: String,
}

impl Candidate {
    fn new(place: Place, name: &str) -> Self {
        Self {
            label: Text::new(place.label(Language::Fr), place.label(Language::En)),
            scale: place.scale(),
            country: place.country(),
            population: place.population(),
            write: resolve::text_for(place, name),
        }
    }
}

/// Why a text does not name one place.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum FindError {
    /// No place is called so.
    Unknown {
        /// What was asked for.
        query: String,
        /// The places whose names are nearest, best first; may be empty.
        nearest: Vec<Candidate>,
    },
    /// Several places are called so and none clearly dominates.
    Ambiguous {
        /// What was asked for.
        query: String,
        /// All of them, the most populous first.
        candidates: Vec<Candidate>,
    },
}

impl FindError {
    /// What is wrong and what to write instead, over several lines.
    pub(crate) fn message(&self, language: Language) -> String {
        let french = language == Language::Fr;
        let (mut message, candidates) = match self {
            Self::Unknown { query, nearest } => {
                let mut message = if french {
                    format!(
                        "aucun lieu ne s’appelle « {query} » parmi la Terre, les continents, les \
                         pays et les villes de plus de 15 000 habitants"
                    )
                } else {
                    format!(
                        "no place is called `{query}` among the Earth, the continents, the \
                         countries and the cities of more than 15,000 people"
                    )
                };
                message.push_str(match (nearest.is_empty(), french) {
                    (true, true) => " ; donnez la plus grande ville voisine, ou le pays",
                    (true, false) => "; give the nearest larger city, or the country",
                    (false, true) => {
                        " ; écrivez un de ces noms, la plus grande ville voisine, ou le pays :"
                    }
                    (false, false) => {
                        "; write one of these names, the nearest larger city, or the country:"
                    }
                });
                (message, nearest)
            }
            Self::Ambiguous { query, candidates } if french => (
                format!("« {query} » désigne plusieurs lieux ; écrivez l’un de ceux-ci :"),
                candidates,
            ),
            Self::Ambiguous { query, candidates } => (
                format!("`{query}` names several places; write one of these:"),
                candidates,
            ),
        };
        let width = candidates
            .iter()
            .map(|one| one.write.chars().count())
            .max()
            .unwrap_or(0);
        for Candidate { write, label, .. } in candidates {
            let label = label.get(language);
            write!(message, "\n  {write:width$}  {label}").expect("writing to a String");
        }
        message
    }
}

impl fmt::Display for FindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message(Language::En))
    }
}

/// The zone that `query` names; see the rules above.
pub(crate) fn find(query: &str) -> Result<Zone, FindError> {
    find_place(query).map(Place::zone)
}

/// The place that `query` names; see the rules above.
pub(crate) fn find_place(query: &str) -> Result<Place, FindError> {
    let query = query.trim();
    match resolve::resolve(query) {
        Resolution::One(place) => Ok(place),
        Resolution::Several(places) => {
            let name = Query::new(query).name;
            Err(FindError::Ambiguous {
                query: query.to_owned(),
                candidates: places
                    .iter()
                    .map(|place| Candidate::new(*place, name))
                    .collect(),
            })
        }
        Resolution::Nothing => Err(FindError::Unknown {
            query: query.to_owned(),
            nearest: resolve::nearest(query)
                .into_iter()
                .map(|(place, name)| Candidate::new(place, &name))
                .collect(),
        }),
    }
}
