//! The sheet of a source: what people read of it, and what may be done with it.

use jiff::SignedDuration;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::{
    text::Text,
    zone::{Scale, Zone},
};

/// What people read of a source.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Sheet {
    /// Its title.
    pub title: Text,
    /// What it is, in a sentence or two.
    pub description: Text,
    /// Who publishes it.
    pub provider: Provider,
    /// Where the provider documents it.
    pub docs: String,
    /// What is in it.
    pub content: Text,
    /// How often the provider publishes, and how late.
    pub periodicity: Text,
    /// How it is reached.
    pub access: Access,
    /// What may be done with it.
    pub rights: Rights,
    /// Where it applies.
    pub coverage: Coverage,
    /// What to know before believing its numbers.
    pub quirks: Vec<Text>,
}

/// Who publishes a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Provider {
    /// Its name.
    pub name: String,
    /// Its address.
    pub url: String,
}

/// How a source is reached.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Access {
    /// The key that it needs; `None` for an open source.
    pub key: Option<KeyAccess>,
    /// What the provider says of how often it may be asked; all of them hold.
    pub limits: Vec<Limit>,
    /// What else there is to know.
    pub note: Option<Text>,
}

impl Access {
    /// The word used in listings.
    pub fn as_str(&self) -> &'static str {
        if self.key.is_some() { "key" } else { "open" }
    }
}

/// A key that a source needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct KeyAccess {
    /// The environment variable that holds it.
    pub env: String,
    /// Where to get one.
    pub signup: String,
    /// How to get one.
    pub note: Option<Text>,
}

/// A published limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Limit {
    /// At most so many requests…
    pub requests: u32,
    /// …in this time.
    #[serde(rename = "per_seconds", serialize_with = "as_seconds")]
    #[schema(value_type = i64)]
    pub per: SignedDuration,
}

fn as_seconds<S: Serializer>(time: &SignedDuration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_i64(time.as_secs())
}

/// What may be done with a source's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Rights {
    /// The licence: an SPDX identifier, or the name that the provider gives.
    pub licence: String,
    /// Where the terms stand.
    pub url: String,
    /// The words of the credit.
    pub attribution: String,
    /// Whether raw bodies may be stored for good.
    pub archive: Permission,
    /// Whether raw bodies may be republished.
    pub republish: Permission,
    /// What else there is to know.
    pub note: Option<Text>,
}

/// What the provider's terms say of a use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Permission {
    /// They allow it.
    Allowed,
    /// They forbid it.
    Forbidden,
    /// They do not say, or not clearly.
    Doubtful,
}

impl Permission {
    /// The word used in definitions.
    pub fn as_str(self) -> &'static str {
        match self {
            Permission::Allowed => "allowed",
            Permission::Forbidden => "forbidden",
            Permission::Doubtful => "doubtful",
        }
    }
}

/// Where a source applies: the whole Earth, or the union of what is named.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Coverage {
    /// Every zone.
    pub earth: bool,
    /// Two-letter codes: AF, AN, AS, EU, NA, OC, SA.
    pub continents: Vec<String>,
    /// ISO 3166-1 alpha-2 codes.
    pub countries: Vec<String>,
    /// Cities and regions.
    pub areas: Vec<Area>,
}

/// A city or region.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Area {
    /// Its name.
    pub name: Text,
    /// West, south, east, north, in degrees.
    #[schema(value_type = Vec<f64>)]
    pub bbox: [f64; 4],
}

impl Coverage {
    /// Whether the source has something to say of that zone. An area applies to the cities whose
    /// centre lies in it; a country to itself and its cities; a continent to all that is on it.
    pub fn applies_to(&self, zone: &Zone) -> bool {
        let lists = |codes: &[String], code: &Option<String>| {
            code.as_ref().is_some_and(|code| codes.contains(code))
        };
        let in_area = |area: &Area| {
            let [west, south, east, north] = area.bbox;
            (west..=east).contains(&zone.centre.lon) && (south..=north).contains(&zone.centre.lat)
        };
        self.earth
            || lists(&self.continents, &zone.continent)
            || lists(&self.countries, &zone.country)
            || (zone.scale == Scale::City && self.areas.iter().any(in_area))
    }

    /// Where it applies, in words for listings: `earth`, `continent:EU`, `country:FR`, `area:Paris`.
    pub fn words(&self) -> Vec<String> {
        let earth = self.earth.then(|| "earth".to_owned());
        earth
            .into_iter()
            .chain(
                self.continents
                    .iter()
                    .map(|code| format!("continent:{code}")),
            )
            .chain(self.countries.iter().map(|code| format!("country:{code}")))
            .chain(
                self.areas
                    .iter()
                    .map(|area| format!("area:{}", area.name.en)),
            )
            .collect()
    }
}
