//! Reads the sheet.

use vigie_core::{
    sheet::{Access, Area, Coverage, KeyAccess, Limit, Permission, Provider, Rights, Sheet},
    text::Text,
};

use super::reader::{DefinitionError, Table, Value};

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

pub(super) fn rights(value: &Value<'_>) -> Result<Rights, DefinitionError> {
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
