//! Reads a definition that is like another one, for another network, city or line: a few lines.

use toml::de::DeTable;
use vigie_core::{schedule::Schedule, text::SourceId};

use super::{
    Definition,
    reader::{DefinitionError, Source, Table, nearest},
    sheet::rights,
};

const KEYS: [&str; 9] = [
    "like",
    "id",
    "title",
    "params",
    "collect",
    "stale_after",
    "rights",
    "attribution",
    "licence",
];

/// The definition that a text makes of a known one; `None` where it is a whole definition itself.
pub(crate) fn like<'d>(
    file: &str,
    text: &str,
    known: impl Iterator<Item = &'d Definition>,
) -> Result<Option<Definition>, DefinitionError> {
    let source = Source { file, text };
    // What is not TOML is told by the reader of whole definitions.
    let Ok(document) = DeTable::parse(text) else {
        return Ok(None);
    };
    if !document.get_ref().contains_key("like") {
        return Ok(None);
    }
    let root = Table::root(source, document.get_ref(), &KEYS)?;
    let model = root.require("like")?;
    let name = model.str()?;
    let known: Vec<&Definition> = known.collect();
    let Some(found) = known.iter().find(|known| known.id.as_str() == name) else {
        let names = known.iter().map(|known| known.id.as_str());
        let hint = match nearest(name, names) {
            Some(near) => format!("; did you mean `{near}`?"),
            None => String::new(),
        };
        return Err(model.error(format!("no source is called `{name}`{hint}")));
    };
    let mut definition = Definition::clone(found);
    let id = root.require("id")?;
    definition.id = SourceId::new(id.str()?).map_err(|bad| id.error(bad))?;
    definition.sheet.title = root.require("title")?.text()?;
    file.clone_into(&mut definition.file);
    if let Some(params) = root.get("params") {
        for (name, value) in params.free_table()?.entries() {
            let name_text = name.get_ref().as_ref();
            let Some(param) = definition.params.get_mut(name_text) else {
                let known = definition.params.keys().map(String::as_str);
                let known: Vec<&str> = known.collect();
                let problem = format!(
                    "`{name_text}` is not a parameter of `{}`; known are: {}",
                    found.id,
                    known.join(", ")
                );
                return Err(value.error(problem));
            };
            value.any_str()?.clone_into(param);
        }
    }
    if let Some(collect) = root.get("collect") {
        let seconds = u32::try_from(collect.duration()?.as_secs())
            .map_err(|_| collect.error("the duration is too long"))?;
        definition.schedule = Schedule::new(seconds, 0, None).map_err(|bad| collect.error(bad))?;
    }
    if let Some(stale_after) = root.get("stale_after") {
        definition.stale_after = stale_after.duration()?;
    }
    if let Some(whole) = root.get("rights") {
        definition.sheet.rights = rights(&whole)?;
    }
    let rights = &mut definition.sheet.rights;
    for (key, to) in [
        ("attribution", &mut rights.attribution),
        ("licence", &mut rights.licence),
    ] {
        if let Some(value) = root.get(key) {
            value.str()?.clone_into(to);
        }
    }
    Ok(Some(definition))
}
