//! Whether rows are things that happened.

use std::collections::HashSet;

use super::{
    draft::{Clock, Draft, Key, Where},
    rows::Shape,
    seen::{Seen, is_own, is_unique},
};

/// Whether rows are things that happened: named, dated, and often revised.
pub(super) fn is_events(draft: &Draft, seen: &[Seen<'_, '_>], rows: usize) -> bool {
    let (Key::Path(key), Some(clock)) = (&draft.key, &draft.observed) else {
        return false;
    };
    let is_distinct = seen
        .iter()
        .any(|seen| seen.column.path == *key && seen.is_distinct(rows));
    if !is_distinct
        || !is_own(seen, &clock.path)
        || key == "#key"
        || draft.candidate.shape != Shape::Record
    {
        return false;
    }
    if draft.gauges.is_empty() {
        return true;
    }
    let says = |known: &[&str]| {
        seen.iter()
            .any(|seen| seen.column.is_own && seen.says(known))
    };
    let instants: HashSet<_> = clock.times.read.iter().flatten().collect();
    let mut points = 0;
    points += 3 * i32::from(says(&[
        "mag",
        "magnitude",
        "epicenter",
        "severity",
        "earthquake",
        "incident",
        "eventid",
    ]));
    points += 2 * i32::from(says(&["title", "headline", "subject"]));
    points += i32::from(says(&["url", "link", "href"]));
    let begins = seen.iter().any(|seen| {
        seen.column.path == clock.path
            && seen.says(&["start", "started", "begin", "onset", "from", "occurred"])
    });
    points +=
        i32::from(draft.published.is_some()) + 2 * i32::from(begins && draft.published.is_some());
    points += i32::from(rows > 2 && instants.len() * 5 >= rows * 4);
    let select = draft.candidate.select.to_lowercase();
    let of_events = [
        "item[*]", "entry[*]", "event", "alert", "incident", "hits[*]", "posts", "articles",
        "quake",
    ];
    points += 2 * i32::from(of_events.iter().any(|word| select.contains(word)));
    points -= 4 * i32::from(says(&[
        "station", "sensor", "symbol", "ticker", "currency", "stop", "capacity", "sensors", "price",
    ]));
    points >= 3
}

/// Makes events of rows that are dated but have no identifier of their own, where they are no measures of entities:
/// the time becomes part of the key.
pub(super) fn become_events(draft: &mut Draft, seen: &[Seen<'_, '_>], rows: usize) -> bool {
    let Some(clock) = draft
        .observed
        .as_ref()
        .filter(|clock| is_own(seen, &clock.path))
    else {
        return false;
    };
    if clock.path.contains(['{', '#', '[']) || draft.candidate.shape != Shape::Record {
        return false;
    }
    let is_quake = seen
        .iter()
        .any(|seen| seen.column.is_own && seen.says(&["mag", "magnitude"]));
    let key = match (&draft.key, &draft.place) {
        (Key::Path(key), _)
            if draft.gauges.is_empty()
                && !key.contains(['{', '#'])
                && !is_unique(seen, key, rows) =>
        {
            format!("{{{key}}}|{{{}}}", clock.path)
        }
        (Key::Single, Some(Where::Degrees { lon, lat })) if is_quake => {
            format!("{{{}}}|{{{lat}}}|{{{lon}}}", clock.path)
        }
        (Key::Single, _) if draft.gauges.is_empty() => format!("{{{}}}", clock.path),
        _ => return false,
    };
    draft.key = Key::Path(key);
    true
}

/// A film's release or an account's creation is not when its figures were observed.
pub(super) fn leave_births(draft: &mut Draft, seen: &[Seen<'_, '_>], rows: usize) {
    let of = |path: &str| seen.iter().find(|seen| seen.column.path == path);
    let Some(born) = draft.observed.as_ref().and_then(|clock| of(&clock.path)) else {
        return;
    };
    let is_known = matches!(&draft.key, Key::Path(key) if rows == 1 || is_unique(seen, key, rows));
    let births = [
        "release",
        "launch",
        "first",
        "added",
        "created",
        "creation",
        "published",
        "indexed",
        "earnings",
        "joined",
        "founded",
    ];
    if !is_known || !born.says(&births) {
        return;
    }
    draft.left_out.push(format!(
        "{} (when it began, not when it was observed)",
        born.column.path
    ));
    let is_update = |clock: &Clock| {
        of(&clock.path).is_some_and(|seen| seen.says(&["updated", "update", "modified"]))
    };
    draft.observed = draft.published.take().filter(is_update);
    draft.latest = None;
    draft.step = None;
}
