//! Reads what measures are to each other: the parts of a whole, the strength of what moves.

use vigie_core::{
    measure::{Across, Measure, Mix},
    text::MeasureId,
};

use super::reader::{DefinitionError, Table, Value};

/// The measure of that name.
fn named<'m>(value: &Value<'_>, measures: &'m [Measure]) -> Result<&'m Measure, DefinitionError> {
    let name = value.str()?;
    let found = measures.iter().find(|measure| measure.id.as_str() == name);
    found.ok_or_else(|| value.error(format!("`{name}` is no measure of this source")))
}

/// The measure that tells how strong what moves is.
pub(super) fn track(
    rows: &Table<'_>,
    measures: &[Measure],
    has_point: bool,
) -> Result<Option<MeasureId>, DefinitionError> {
    let Some(value) = rows.get("track") else {
        return Ok(None);
    };
    if !has_point {
        return Err(value.error("needs fields.point: what moves has places"));
    }
    Ok(Some(named(&value, measures)?.id.clone()))
}

/// The measures that are parts of a whole.
pub(super) fn mix(root: &Table<'_>, measures: &[Measure]) -> Result<Option<Mix>, DefinitionError> {
    let Some(value) = root.get("mix") else {
        return Ok(None);
    };
    let table = value.table(&["title", "parts", "groups"])?;
    let names = table.require("parts")?;
    let mut parts: Vec<&Measure> = Vec::new();
    for name in names.list()? {
        let part = named(&name, measures)?;
        if part.across != Across::Sum {
            return Err(name.error("the parts of a whole are added: write across = \"sum\""));
        }
        if parts.first().is_some_and(|first| first.unit != part.unit) {
            return Err(name.error("the parts of a whole have one unit"));
        }
        if parts.iter().any(|known| known.id == part.id) {
            return Err(name.error("is a part already"));
        }
        parts.push(part);
    }
    if parts.len() < 2 {
        return Err(names.error("a whole has two parts or more"));
    }
    let mut groups = Vec::new();
    let listed = table.get("groups").map(|value| value.list()).transpose()?;
    for group in listed.unwrap_or_default() {
        let group = group.table(&["title", "parts"])?;
        let mut members: Vec<MeasureId> = Vec::new();
        for name in group.require("parts")?.list()? {
            let member = named(&name, measures)?;
            if !parts.iter().any(|part| part.id == member.id) {
                return Err(name.error("is not among the parts of the whole"));
            }
            members.push(member.id.clone());
        }
        groups.push((group.require("title")?.text()?, members));
    }
    Ok(Some(Mix {
        title: table.require("title")?.text()?,
        parts: parts.into_iter().map(|part| part.id.clone()).collect(),
        groups,
    }))
}
