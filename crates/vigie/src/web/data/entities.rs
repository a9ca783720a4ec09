//! `GET /api/v1/entities`: what a source speaks of.

use std::{cmp::Ordering, collections::HashMap, ops::ControlFlow};

use axum::{
    extract::{Query, State},
    http::HeaderMap,
    response::Response,
};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use vigie_core::{
    analysis::Credit,
    measure::{Kind, Measure},
    row::Point,
    series::latest,
    text::SourceId,
};
use vigie_sources::{Definition, Model};
use vigie_store::store::{MeasureHour, SummaryQuery};

use super::{
    super::{Refusal, Shared},
    answer::{self, Format, Mistake, RowAnswer},
    ask::{self, BUCKETS_MAX, Parameters, attribution, bad, too_much},
};
use crate::{
    app::store_failure,
    export::table::{Cell, Column, Type, always, sometimes},
    known::Question,
};

/// How far back entities are looked for where nothing is said, from the newest hour.
const BACK: SignedDuration = SignedDuration::from_hours(6);

static COLUMNS: [Column; 9] = [
    always("source", Type::Text),
    always("entity", Type::Text),
    always("name", Type::Text),
    sometimes("lon", Type::Real),
    sometimes("lat", Type::Real),
    sometimes("value", Type::Real),
    always("unit", Type::Text),
    sometimes("observed_at", Type::Time),
    always("attribution", Type::Text),
];

/// A page of what a source speaks of.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EntitiesAnswer {
    /// The source.
    #[schema(value_type = String)]
    source: SourceId,
    /// Whom to credit.
    credit: Credit,
    /// What the values are.
    measure: Measure,
    /// From when on entities were looked for.
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// The time whose knowledge was asked for.
    #[schema(value_type = Option<String>, format = DateTime)]
    known_at: Option<Timestamp>,
    /// Of how many hours of entities nobody can tell any more what was known then: they are left out.
    untold: u64,
    /// How many there are, on all pages.
    total: u64,
    /// Those of this page.
    entities: Vec<EntityEntry>,
    /// What to give as `after` for the next page; null on the last.
    next: Option<String>,
}

/// An entity.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct EntityEntry {
    /// Its identifier.
    entity: String,
    /// Its name, as last observed.
    name: String,
    /// Where it is.
    point: Option<Point>,
    /// Its latest value.
    value: Option<f64>,
    /// When that was observed.
    #[schema(value_type = Option<String>, format = DateTime)]
    observed_at: Option<Timestamp>,
}

/// What a source speaks of: stations, cities, shares.
#[utoipa::path(get, path = "/api/v1/entities", tag = "data", params(
    ("source" = String, Query, description = "The source"),
    ("measure" = Option<String>, Query, description = "The measure whose latest values are given"),
    ("from" = Option<String>, Query, description = "Observed from this local date or time on; when absent, within six hours of \
        the newest"),
    ("to" = Option<String>, Query, description = "Observed up to this local date (included), or before this time"),
    ("known_at" = Option<String>, Query, description = "What was known at this time (RFC 3339): what was fetched later is \
        absent, and what was revised is as it was"),
    ("q" = Option<String>, Query, description = "Only those whose name or identifier holds these words"),
    ("order" = Option<String>, Query, description = "`name`, or `value`: the greatest first, of ranks the first first"),
    ("after" = Option<String>, Query, description = "The entity that the page before ended with"),
    ("limit" = Option<usize>, Query, description = "The most entities of a page: 100 when absent, at most 1000"),
    ("format" = Option<String>, Query, description = "json, csv, ndjson or parquet; JSON when absent")
), responses(
    (status = 200, description = "A page of entities", body = EntitiesAnswer),
    (status = 304, description = "It is as the entity tag says"),
    (status = 400, description = "A parameter is wrong, or too much is asked for", body = Mistake),
    (status = 404, description = "No such source or measure", body = Mistake)))]
pub(super) async fn entities(
    State(shared): State<Shared>,
    Query(given): Query<Vec<(String, String)>>,
    asked: HeaderMap,
) -> Result<Response, Refusal> {
    let names = [
        "source", "measure", "from", "to", "known_at", "q", "order", "after", "limit", "format",
    ];
    let parameters = Parameters::new(given, &names)?;
    let app = &shared.app;
    let definition = ask::source(app, parameters.required("source")?)?;
    if definition.model == Model::Events {
        return Err(bad(format!(
            "{} is of events, which have no entities: /api/v1/events?source={}",
            definition.id, definition.id
        )));
    }
    let measure = ask::measure(&definition, parameters.one("measure")?)?;
    let format = Format::of(&parameters)?;
    let limit = parameters.limit(100, 1000)?;
    let by_value = match parameters.one("order")? {
        None | Some("name") => false,
        Some("value") => true,
        Some(other) => return Err(bad(format!("order `{other}` is none of name, value"))),
    };
    let known_at = parameters.known_at()?;
    let range = parameters.range(app)?;
    let mut from = range.from;
    // Without an end, what is latest is the latest that has happened: a forecast reaches days ahead.
    let to = range
        .to
        .unwrap_or_else(|| latest(known_at.unwrap_or_else(|| app.now()), BACK, app.tz()).1);
    if from.is_none() {
        let newest = shared.store.newest_hour(&definition.id, Some(to)).await;
        let newest = newest.map_err(store_failure)?;
        from = newest.map(|hour| hour.saturating_sub(BACK).unwrap_or(Timestamp::MIN));
    }
    let query = SummaryQuery {
        source: Some(definition.id.clone()),
        from,
        to: Some(to),
        ..SummaryQuery::default()
    };
    let words = parameters.one("q")?.map(folded);
    let (mut found, untold) = find(&shared, &definition, &query, measure, known_at).await?;
    if let Some(words) = &words {
        found.retain(|entry| {
            let text = folded(&format!("{} {}", entry.name, entry.entity));
            words.split_whitespace().all(|word| text.contains(word))
        });
    }
    sort(&mut found, measure, by_value);
    let total = found.len() as u64;
    let begin = match parameters.one("after")? {
        None => 0,
        Some(after) => {
            let place = found.iter().position(|entry| entry.entity == after);
            1 + place.ok_or_else(|| bad(format!("there is no entity `{after}` to go on after")))?
        }
    };
    let end = (begin + limit).min(found.len());
    let next = (end < found.len()).then(|| found[end - 1].entity.clone());
    let page = &found[begin..end];
    let Format::Rows(format) = format else {
        let answer = EntitiesAnswer {
            source: definition.id.clone(),
            credit: definition.credit(),
            measure: measure.clone(),
            from,
            known_at,
            untold,
            total,
            entities: page.to_vec(),
            next,
        };
        return answer::json(&asked, app, Some(&definition), &answer);
    };
    let mut rows = RowAnswer::new(app, &definition, format, &COLUMNS, known_at)?;
    let credit = attribution(app, &definition.credit());
    for entry in page {
        rows.row(&[
            Cell::text(definition.id.as_str()),
            Cell::text(&entry.entity),
            Cell::text(&entry.name),
            Cell::real(entry.point.map(|point| point.lon)),
            Cell::real(entry.point.map(|point| point.lat)),
            Cell::real(entry.value),
            Cell::text(&measure.unit),
            entry.observed_at.map_or(Cell::Null, Cell::utc),
            Cell::text(&credit),
        ])?;
    }
    let name = format!("vigie_{}_entities", definition.id);
    rows.finish(&asked, &name, next.as_deref())
}

async fn find(
    shared: &Shared,
    definition: &Definition,
    query: &SummaryQuery,
    measure: &Measure,
    known_at: Option<Timestamp>,
) -> Result<(Vec<EntityEntry>, u64), Refusal> {
    let mut found: HashMap<String, EntityEntry> = HashMap::new();
    let mut each = |hour: MeasureHour| {
        let id = hour.entity.as_str();
        if !found.contains_key(id) {
            let entry = EntityEntry {
                entity: id.to_owned(),
                name: id.to_owned(),
                point: None,
                value: None,
                observed_at: None,
            };
            found.insert(id.to_owned(), entry);
        }
        if let Some(entry) = found.get_mut(id) {
            if let Some(name) = hour.name {
                entry.name = name;
            }
            entry.point = hour.point.or(entry.point);
            if let Some(latest) = hour.stats.and_then(|stats| stats.last) {
                entry.value = Some(latest.1);
                entry.observed_at = Timestamp::from_millisecond(latest.0).ok();
            }
        }
        ControlFlow::Continue(())
    };
    let question = Question {
        app: &shared.app,
        store: &*shared.store,
        definition,
        query,
        known_at,
    };
    let told = question.hours(&measure.id, BUCKETS_MAX, &mut each).await?;
    if told.cut {
        return Err(too_much(format!(
            "more than {BUCKETS_MAX} hours of entities: ask for less time"
        )));
    }
    Ok((found.into_values().collect(), told.untold.len() as u64))
}

/// By name; or by value, the greatest first, of ranks the first first and only those of the newest list before the others.
fn sort(entries: &mut [EntityEntry], measure: &Measure, by_value: bool) {
    let newest = entries.iter().filter_map(|entry| entry.observed_at).max();
    let by_name = |a: &EntityEntry, b: &EntityEntry| {
        folded(&a.name)
            .cmp(&folded(&b.name))
            .then_with(|| a.entity.cmp(&b.entity))
    };
    if !by_value {
        entries.sort_by_cached_key(|entry| (folded(&entry.name), entry.entity.clone()));
        return;
    }
    let ranks = measure.kind == Kind::Rank;
    entries.sort_by(|a, b| {
        let old = |entry: &EntityEntry| ranks && entry.observed_at != newest;
        let value = |entry: &EntityEntry| match entry.value {
            Some(value) if ranks => value,
            Some(value) => -value,
            None => f64::INFINITY,
        };
        let order: Ordering = old(a).cmp(&old(b)).then(value(a).total_cmp(&value(b)));
        order.then_with(|| by_name(a, b))
    });
}

/// A text as it is searched: without capitals and accents.
fn folded(text: &str) -> String {
    use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};
    let plain = text.nfd().filter(|letter| !is_combining_mark(*letter));
    plain.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_without_capitals_and_accents() {
        assert_eq!(folded("Gare de l’Évêché"), "gare de l’eveche");
    }
}
