//! What people read of a source, and what may be done with it.

use jiff::SignedDuration;
pub use vigie_core::dossier::Permission;
use vigie_core::{
    text::Text,
    zone::{Scale, Zone},
};

use super::reader::{DefinitionError, Table, Value};

/// What people read of a source.
#[derive(Debug, Clone, PartialEq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its name.
    pub name: String,
    /// Its address.
    pub url: String,
}

/// How a source is reached.
#[derive(Debug, Clone, PartialEq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyAccess {
    /// The environment variable that holds it.
    pub env: String,
    /// Where to get one.
    pub signup: String,
    /// How to get one.
    pub note: Option<Text>,
}

/// A published limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// At most so many requests…
    pub requests: u32,
    /// …in this time.
    pub per: SignedDuration,
}

/// What may be done with a source's data.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// Where a source applies: the whole Earth, or the union of what is named.
#[derive(Debug, Clone, Default, PartialEq)]
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
#[derive(Debug, Clone, PartialEq)]
pub struct Area {
    /// Its name.
    pub name: Text,
    /// West, south, east, north, in degrees.
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

pub(super) fn url(value: &Value<'_>) -> Result<String, DefinitionError> {
    let text = value.str()?;
    if text.starts_with("https://") || text.starts_with("http://") {
        Ok(text.to_owned())
    } else {
        Err(value.error("expected an address that starts with https:// or http://"))
    }
}

fn optional_text(table: &Table<'_>, key: &str) -> Result<Option<Text>, DefinitionError> {
    table.get(key).map(|value| value.text()).transpose()
}

/// Reads the sheet from the root table.
pub(super) fn sheet(root: &Table<'_>) -> Result<Sheet, DefinitionError> {
    let provider = root.require("provider")?.table(&["name", "url"])?;
    Ok(Sheet {
        title: root.require("title")?.text()?,
        description: root.require("description")?.text()?,
        provider: Provider {
            name: provider.require("name")?.str()?.to_owned(),
            url: url(&provider.require("url")?)?,
        },
        docs: url(&root.require("docs")?)?,
        content: root.require("content")?.text()?,
        periodicity: root.require("periodicity")?.text()?,
        access: access(&root.require("access")?)?,
        rights: rights(&root.require("rights")?)?,
        coverage: coverage(&root.require("zones")?)?,
        quirks: match root.get("quirks") {
            Some(value) => value
                .list()?
                .iter()
                .map(Value::text)
                .collect::<Result<_, _>>()?,
            None => Vec::new(),
        },
    })
}

fn access(value: &Value<'_>) -> Result<Access, DefinitionError> {
    let table = value.table(&["kind", "env", "signup", "key_note", "limits", "note"])?;
    let needs_key = table
        .require("kind")?
        .choice(&[("open", false), ("key", true)])?;
    let key = if needs_key {
        let env = table.require("env")?;
        let name = env.str()?;
        if !name
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        {
            return Err(
                env.error("expected the name of an environment variable, such as VIGIE_KEY_X")
            );
        }
        Some(KeyAccess {
            env: name.to_owned(),
            signup: url(&table.require("signup")?)?,
            note: optional_text(&table, "key_note")?,
        })
    } else {
        if let Some(value) = table.get("env").or(table.get("signup")) {
            return Err(value.error("an open source has no key; write kind = \"key\""));
        }
        None
    };
    let limit = |value: &Value<'_>| {
        let table = value.table(&["requests", "per"])?;
        let requests = table.require("requests")?;
        let count = u32::try_from(requests.count()?)
            .ok()
            .filter(|count| *count > 0);
        Ok(Limit {
            requests: count.ok_or_else(|| requests.error("expected a whole number from 1"))?,
            per: table.require("per")?.duration()?,
        })
    };
    let limits = match table.get("limits") {
        Some(value) => value.list()?.iter().map(limit).collect::<Result<_, _>>()?,
        None => Vec::new(),
    };
    Ok(Access {
        key,
        limits,
        note: optional_text(&table, "note")?,
    })
}

fn rights(value: &Value<'_>) -> Result<Rights, DefinitionError> {
    let table = value.table(&[
        "licence",
        "url",
        "attribution",
        "archive",
        "republish",
        "note",
    ])?;
    let permission = |key: &str| {
        table.require(key)?.choice(&[
            ("allowed", Permission::Allowed),
            ("forbidden", Permission::Forbidden),
            ("doubtful", Permission::Doubtful),
        ])
    };
    Ok(Rights {
        licence: table.require("licence")?.str()?.to_owned(),
        url: url(&table.require("url")?)?,
        attribution: table.require("attribution")?.str()?.to_owned(),
        archive: permission("archive")?,
        republish: permission("republish")?,
        note: optional_text(&table, "note")?,
    })
}

const CONTINENTS: [&str; 7] = ["AF", "AN", "AS", "EU", "NA", "OC", "SA"];

fn coverage(value: &Value<'_>) -> Result<Coverage, DefinitionError> {
    let table = value.table(&["earth", "continents", "countries", "areas"])?;
    let codes = |key: &str, fits: &dyn Fn(&str) -> bool, what: &str| match table.get(key) {
        None => Ok(Vec::new()),
        Some(value) => value
            .list()?
            .iter()
            .map(|code| match code.str()? {
                text if fits(text) => Ok(text.to_owned()),
                _ => Err(code.error(format!("expected {what}"))),
            })
            .collect::<Result<Vec<_>, _>>(),
    };
    let is_country = |code: &str| code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase());
    let area = |value: &Value<'_>| {
        let table = value.table(&["name", "bbox"])?;
        let bbox = table.require("bbox")?;
        let numbers: Vec<f64> = bbox
            .list()?
            .iter()
            .map(Value::number)
            .collect::<Result<_, _>>()?;
        let bbox = match numbers.as_slice() {
            &[west, south, east, north] if west < east && south < north => {
                [west, south, east, north]
            }
            _ => return Err(bbox.error("expected [west, south, east, north] in degrees")),
        };
        Ok(Area {
            name: table.require("name")?.text()?,
            bbox,
        })
    };
    let coverage = Coverage {
        earth: table.get("earth").map_or(Ok(false), |value| value.bool())?,
        continents: codes(
            "continents",
            &|code| CONTINENTS.contains(&code),
            "one of AF, AN, AS, EU, NA, OC, SA",
        )?,
        countries: codes(
            "countries",
            &is_country,
            "a two-letter country code such as FR",
        )?,
        areas: match table.get("areas") {
            Some(value) => value.list()?.iter().map(area).collect::<Result<_, _>>()?,
            None => Vec::new(),
        },
    };
    if coverage == Coverage::default() {
        return Err(value.error("name at least one of earth, continents, countries, areas"));
    }
    Ok(coverage)
}
