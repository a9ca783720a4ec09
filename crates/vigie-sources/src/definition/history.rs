//! Reads how the past of a source is asked for.

use std::collections::BTreeMap;

use jiff::{SignedDuration, civil::Date, tz::TimeZone};

use super::{
    reader::{DefinitionError, Table, Value},
    request::pages,
    sheet::url,
};
use crate::{
    format::Format,
    history::{History, Reach},
    request::{check_history, names_a_stretch},
};

/// What is published later than this is late, whatever the definition calls stale.
const LAG_MOST: SignedDuration = SignedDuration::from_hours(24);

/// How the past is asked for, if it can be.
pub(super) fn history(
    request: &Table<'_>,
    format: &Format,
    params: &BTreeMap<String, String>,
    has_key: bool,
    stale_after: SignedDuration,
) -> Result<Option<History>, DefinitionError> {
    let Some(value) = request.get("history") else {
        return Ok(None);
    };
    for key in ["body", "items", "beside"] {
        if let Some(other) = request.get(key) {
            return Err(other.error(
                "a source with history is asked by plain GET, without `body`, `items` and `beside`",
            ));
        }
    }
    let table = value.table(&[
        "url",
        "chunk",
        "since",
        "back",
        "delay",
        "time_zone",
        "pages",
    ])?;
    let template = table.require("url")?;
    let address = url(&template)?;
    check_history(&address, params, has_key).map_err(|problem| template.error(problem))?;
    let chunk_days = match (table.get("chunk"), names_a_stretch(&address)) {
        (Some(chunk), true) => Some(whole_days(&chunk)?),
        (None, false) => None,
        (None, true) => {
            return Err(template.error("`chunk` is missing: how many days are asked for at a time"));
        }
        (Some(chunk), false) => {
            return Err(chunk.error(
                "the address has neither `{from:…}` nor `{to:…}`: it gives everything at once",
            ));
        }
    };
    let reach = match (table.get("since"), table.get("back")) {
        (Some(since), None) => {
            let date: Date = since
                .any_str()?
                .parse()
                .map_err(|_| since.error("expected a date such as \"2012-01-01\""))?;
            Reach::Since(date)
        }
        (None, Some(back)) => Reach::Back(back.duration()?),
        _ => return Err(value.error("expected one of `since` (a date) and `back` (a duration)")),
    };
    let tz = match table.get("time_zone") {
        None => TimeZone::UTC,
        Some(name) => TimeZone::get(name.str()?)
            .map_err(|_| name.error("is not an IANA time zone; write one such as Europe/Paris"))?,
    };
    let follow = match table.get("pages") {
        None => None,
        Some(value) if matches!(format, Format::Json { jsonp: false, .. }) => Some(pages(&value)?),
        Some(value) => return Err(value.error("only JSON answers are joined from several parts")),
    };
    Ok(Some(History {
        url: address,
        reach,
        chunk_days,
        tz,
        lag: table
            .get("delay")
            .map_or(Ok(stale_after.min(LAG_MOST)), |value| value.duration())?,
        follow,
    }))
}

fn whole_days(value: &Value<'_>) -> Result<u16, DefinitionError> {
    let seconds = value.duration()?.as_secs();
    if seconds % 86_400 != 0 {
        return Err(value.error("expected whole days, such as 1d or 31d"));
    }
    u16::try_from(seconds / 86_400).map_err(|_| value.error("the duration is too long"))
}
