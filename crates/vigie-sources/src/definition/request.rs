//! Reads what a request sends, and how its answer goes on.

use std::collections::BTreeMap;

use super::{
    Post,
    fields::path,
    reader::{DefinitionError, Table, Value},
    sheet::url,
};
use crate::{
    follow::{Follow, ITEM, Kind, Next},
    format::Format,
    path::Path,
    request::{check, check_body},
};

/// The most parts of a download, unless the definition says otherwise.
const PARTS_MOST: usize = 20;

/// What is sent.
pub(super) fn post(
    request: &Table<'_>,
    params: &BTreeMap<String, String>,
    has_key: bool,
) -> Result<Option<Post>, DefinitionError> {
    let Some(body) = request.get("body") else {
        return match request.get("content_type") {
            Some(value) => Err(value.error("nothing is sent without `body`")),
            None => Ok(None),
        };
    };
    let template = body.str()?.to_owned();
    check_body(&template, params, has_key).map_err(|problem| body.error(problem))?;
    let content_type = request
        .get("content_type")
        .map_or(Ok("application/json"), |value| value.str())?
        .to_owned();
    Ok(Some(Post {
        content_type,
        template,
    }))
}

/// How an answer goes on, and the address of its items.
pub(super) fn follow(
    request: &Table<'_>,
    format: &Format,
    params: &BTreeMap<String, String>,
    has_key: bool,
) -> Result<(Option<Follow>, Option<String>), DefinitionError> {
    let parts = ["pages", "items", "beside"];
    let mut parts = parts.iter().filter_map(|key| request.get(key));
    let Some(value) = parts.next() else {
        return Ok((None, None));
    };
    if let Some(second) = parts.next() {
        return Err(
            second.error("an answer has pages, items or a document beside it, only one of these")
        );
    }
    if !matches!(format, Format::Json { jsonp: false, .. }) {
        return Err(value.error("only JSON answers are joined from several parts"));
    }
    if let Some(body) = request.get("body") {
        return Err(body.error("parts are asked for by GET: nothing can be sent"));
    }
    if request.get("pages").is_some() {
        return Ok((Some(pages(&value)?), None));
    }
    if request.get("beside").is_some() {
        let address = url(&value)?;
        check(&address, params, has_key).map_err(|problem| value.error(problem))?;
        return Ok((Some(Follow::new(Kind::Beside, 2)), Some(address)));
    }
    let table = value.table(&["select", "url", "most"])?;
    let template = table.require("url")?;
    let address = url(&template)?;
    let mut with_item = params.clone();
    with_item.insert(ITEM.to_owned(), String::new());
    check(&address, &with_item, has_key).map_err(|problem| template.error(problem))?;
    // Behind the host: whoever writes the list must not say who is asked.
    let is_behind_the_host = address
        .split_once("://")
        .and_then(|(_, rest)| rest.find(['/', '?']).zip(rest.find("{item}")))
        .is_some_and(|(host_end, item)| host_end < item);
    if !is_behind_the_host {
        return Err(template.error("expected `{item}` in the address, behind the host"));
    }
    let select = table.require("select")?;
    let items = Path::parse(select.str()?).map_err(|bad| select.error(bad.problem))?;
    let follow = Follow::new(Kind::Items(items), most(&table)?);
    Ok((Some(follow), Some(address)))
}

/// How an answer in pages goes on.
pub(super) fn pages(value: &Value<'_>) -> Result<Follow, DefinitionError> {
    let table = value.table(&[
        "link", "next", "cursor", "param", "from", "step", "list", "size", "most",
    ])?;
    let param =
        || -> Result<String, DefinitionError> { Ok(table.require("param")?.str()?.to_owned()) };
    let count = |key: &str, default: u64| -> Result<u64, DefinitionError> {
        table
            .get(key)
            .map_or(Ok(default), |value| value.count().map(|count| count as u64))
    };
    let next = match (table.get("link"), table.get("next"), table.get("cursor")) {
        (Some(link), None, None) if link.bool()? => Next::Link,
        (None, Some(next), None) => Next::Address(path(&next)?),
        (None, None, Some(cursor)) => Next::Cursor {
            path: path(&cursor)?,
            param: param()?,
        },
        (None, None, None) => Next::Number {
            param: param()?,
            from: count("from", 1)?,
            step: count("step", 1)?.max(1),
            list: path(&table.require("list")?)?,
            size: usize::try_from(count("size", 1)?).unwrap_or(usize::MAX),
        },
        _ => {
            return Err(value.error(
                "expected one of `link = true`, `next` (a path), `cursor` (a path) with `param`, or `param` with `list`",
            ));
        }
    };
    Ok(Follow::new(Kind::Pages(next), most(&table)?))
}

fn most(table: &Table<'_>) -> Result<usize, DefinitionError> {
    match table.get("most") {
        None => Ok(PARTS_MOST),
        Some(value) => match value.count()? {
            0 => Err(value.error("expected a whole number from 1")),
            count => Ok(count),
        },
    }
}
