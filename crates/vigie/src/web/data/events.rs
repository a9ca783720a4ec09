//! `GET /api/v1/events`: what happened, as it is known now or as it was known then.

use std::{cmp::Ordering, collections::BTreeMap, ops::ControlFlow};

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
    event::{Event, Version},
    measure::Measure,
    row::Point,
    text::{MeasureId, SourceId, Text},
};
use vigie_sources::Model;
use vigie_store::store::EventQuery;

use super::{
    super::{Refusal, Shared},
    answer::{self, Format, Mistake, RowAnswer},
    ask::{self, Parameters, attribution, bad},
};
use crate::{
    app::store_failure,
    export::table::{Cell, Column, Type, always, sometimes},
    known::MOVED_MAX,
};

/// How far back events are looked for where nothing is said.
const BACK: SignedDuration = SignedDuration::from_hours(24 * 7);

static COLUMNS: [Column; 13] = [
    always("source", Type::Text),
    always("key", Type::Text),
    always("revision", Type::Integer),
    always("versions", Type::Integer),
    always("observed_at", Type::Time),
    sometimes("published_at", Type::Time),
    always("fetched_at", Type::Time),
    sometimes("lon", Type::Real),
    sometimes("lat", Type::Real),
    sometimes("place", Type::Text),
    sometimes("title", Type::Text),
    always("measures", Type::Json),
    always("attribution", Type::Text),
];

/// A page of events, in the order asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EventsAnswer {
    /// The source.
    #[schema(value_type = String)]
    source: SourceId,
    /// Its title.
    title: Text,
    /// Whom to credit.
    credit: Credit,
    /// Whether the data come from the built-in simulator and not from the provider.
    simulated: bool,
    /// What the values are.
    measures: Vec<Measure>,
    /// The time whose knowledge is shown; null for all that is known.
    #[schema(value_type = Option<String>, format = DateTime)]
    known_at: Option<Timestamp>,
    /// Those of this page.
    events: Vec<EventEntry>,
    /// How many there are in all; null where pages go on in the order of time.
    total: Option<u64>,
    /// What to give as `after` for the next page; null on the last, and where `order` picks some of them.
    next: Option<String>,
}

/// An event, in the version that counted.
#[derive(Debug, Serialize, ToSchema)]
struct EventEntry {
    /// The provider's identifier.
    key: String,
    /// The provider's order of revisions; 0 when it gives none.
    revision: i64,
    /// How many versions were known.
    versions: u64,
    /// Whether another version counts now.
    revised: bool,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    observed_at: Timestamp,
    /// When the provider published this version, if it says so.
    #[schema(value_type = Option<String>, format = DateTime)]
    published_at: Option<Timestamp>,
    /// When this version was fetched first.
    #[schema(value_type = String, format = DateTime)]
    fetched_at: Timestamp,
    /// Where.
    point: Option<Point>,
    /// Its title. Text from outside: never markup.
    title: Option<String>,
    /// Its place in words, likewise.
    place: Option<String>,
    /// The values by measure.
    #[schema(value_type = BTreeMap<String, f64>)]
    values: BTreeMap<MeasureId, f64>,
}

/// What happened.
#[utoipa::path(get, path = "/api/v1/events", tag = "data", params(
    ("source" = String, Query, description = "The source"),
    ("from" = Option<String>, Query, description = "From this local date or time on; a week back when absent"),
    ("to" = Option<String>, Query, description = "Up to this local date (included), or before this time"),
    ("known_at" = Option<String>, Query, description = "What was known at this time (RFC 3339): events fetched later are \
        absent, and revised ones are as they were"),
    ("order" = Option<String>, Query, description = "`time` (when absent), page by page; or `latest`, the latest first, or \
        `strongest`, the greatest of the measure that the source leads with first: these on one page"),
    ("after" = Option<String>, Query, description = "What the page before gave as `next`"),
    ("limit" = Option<usize>, Query, description = "The most events of a page: 1000 when absent, at most 10000"),
    ("format" = Option<String>, Query, description = "json, csv, ndjson or parquet; JSON when absent")
), responses(
    (status = 200, description = "A page of events", body = EventsAnswer),
    (status = 304, description = "It is as the entity tag says"),
    (status = 400, description = "A parameter is wrong", body = Mistake),
    (status = 404, description = "No such source", body = Mistake)))]
pub(super) async fn events(
    State(shared): State<Shared>,
    Query(given): Query<Vec<(String, String)>>,
    asked: HeaderMap,
) -> Result<Response, Refusal> {
    let names = [
        "source", "from", "to", "known_at", "order", "after", "limit", "format",
    ];
    let parameters = Parameters::new(given, &names)?;
    let app = &shared.app;
    let definition = ask::source(app, parameters.required("source")?)?;
    if definition.model != Model::Events {
        return Err(bad(format!(
            "{} is of measures of entities, not of events: /api/v1/series?source={}",
            definition.id, definition.id
        )));
    }
    let format = Format::of(&parameters)?;
    let limit = parameters.limit(1000, 10_000)?;
    let known_at = parameters.known_at()?;
    let order = Order::of(&parameters)?;
    let after = parameters.one("after")?.map(Cursor::parse).transpose()?;
    if after.is_some() && order != Order::Time {
        return Err(bad("`after` goes on in the order of time only"));
    }
    let leading = ask::leading(&definition).map(|measure| &measure.id);
    let range = parameters.range(app)?;
    let to = range
        .to
        .unwrap_or_else(|| app.now().max(known_at.unwrap_or(Timestamp::MIN)));
    let from = match range.from {
        Some(from) => from,
        None => to.saturating_sub(BACK).unwrap_or(Timestamp::MIN),
    };
    let slack = known_at.map_or(SignedDuration::ZERO, |_| MOVED_MAX);
    let begin = from.saturating_sub(slack).unwrap_or(Timestamp::MIN);
    let query = EventQuery {
        source: Some(definition.id.clone()),
        from: Some(after.as_ref().map_or(begin, |after| after.at.max(begin))),
        to: Some(to.saturating_add(slack).unwrap_or(Timestamp::MAX)),
    };
    let (mut found, mut total): (Vec<(Cursor, Event)>, u64) = (Vec::new(), 0);
    // What is not among the first is let go in portions, so that memory does not grow with what is stored.
    let pick = |found: &mut Vec<(Cursor, Event)>| {
        if order != Order::Time {
            found.sort_by(|(_, a), (_, b)| {
                let versions = counted(a, known_at).zip(counted(b, known_at));
                versions.map_or(Ordering::Equal, |(a, b)| order.compare(a, b, leading))
            });
        }
        found.truncate(limit);
    };
    let mut each = |event: Event| {
        let Some(current) = event.current() else {
            return ControlFlow::Continue(());
        };
        let cursor = Cursor::of(current, &event);
        if after.as_ref().is_some_and(|after| cursor <= *after) {
            return ControlFlow::Continue(());
        }
        if counted(&event, known_at)
            .is_some_and(|version| (from..to).contains(&version.observed_at))
        {
            found.push((cursor, event));
            total += 1;
        }
        match order {
            Order::Time if found.len() > limit => return ControlFlow::Break(()),
            Order::Latest | Order::Strongest if found.len() >= 2 * limit => pick(&mut found),
            _ => {}
        }
        ControlFlow::Continue(())
    };
    let read = shared.store.events(&query, &mut each).await;
    read.map_err(store_failure)?;
    let more = order == Order::Time && found.len() > limit;
    pick(&mut found);
    let next = found
        .last()
        .filter(|_| more)
        .map(|(cursor, _)| cursor.to_string());
    let shown = found
        .iter()
        .filter_map(|(_, event)| Some((event, counted(event, known_at)?)));
    let Format::Rows(format) = format else {
        let answer = EventsAnswer {
            source: definition.id.clone(),
            title: definition.sheet.title.clone(),
            credit: definition.credit(),
            simulated: app.config().simulated,
            measures: definition.measures.clone(),
            known_at,
            events: shown
                .map(|(event, version)| entry(event, version, known_at))
                .collect(),
            total: (order != Order::Time).then_some(total),
            next,
        };
        return answer::json(&asked, app, Some(&definition), &answer);
    };
    let mut rows = RowAnswer::new(app, &definition, format, &COLUMNS, known_at)?;
    let credit = attribution(app, &definition.credit());
    for (event, version) in shown {
        rows.row(&[
            Cell::text(event.key.source.as_str()),
            Cell::text(event.key.key.as_str()),
            Cell::Integer(version.revision),
            Cell::integer(versions(event, known_at)),
            Cell::utc(version.observed_at),
            version.published_at.map_or(Cell::Null, Cell::utc),
            Cell::utc(version.first_fetched_at),
            Cell::real(version.point.map(|point| point.lon)),
            Cell::real(version.point.map(|point| point.lat)),
            Cell::maybe_text(version.attributes.get("place")),
            Cell::maybe_text(version.title.as_ref()),
            Cell::Measures(&version.values),
            Cell::text(&credit),
        ])?;
    }
    let name = format!("vigie_{}_events", definition.id);
    rows.finish(&asked, &name, next.as_deref())
}

/// Which events come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Time,
    Latest,
    Strongest,
}

impl Order {
    fn of(parameters: &Parameters) -> Result<Self, Refusal> {
        match parameters.one("order")? {
            None | Some("time") => Ok(Self::Time),
            Some("latest") => Ok(Self::Latest),
            Some("strongest") => Ok(Self::Strongest),
            Some(other) => Err(bad(format!(
                "order `{other}` is none of time, latest, strongest"
            ))),
        }
    }

    /// Those without a value come last.
    fn compare(self, a: &Version, b: &Version, leading: Option<&MeasureId>) -> Ordering {
        let value = |version: &Version| {
            let value = leading.and_then(|measure| version.values.get(measure));
            value.copied().unwrap_or(f64::NEG_INFINITY)
        };
        let later = b.observed_at.cmp(&a.observed_at);
        match self {
            Self::Time => later.reverse(),
            Self::Latest => later,
            Self::Strongest => value(b).total_cmp(&value(a)).then(later),
        }
    }
}

/// The version that counted at a time, or that counts.
fn counted(event: &Event, known_at: Option<Timestamp>) -> Option<&Version> {
    match known_at {
        Some(at) => event.known_at(at),
        None => event.current(),
    }
}

fn versions(event: &Event, known_at: Option<Timestamp>) -> u64 {
    let known = |version: &&Version| known_at.is_none_or(|at| version.first_fetched_at <= at);
    event.versions.iter().filter(known).count() as u64
}

fn entry(event: &Event, version: &Version, known_at: Option<Timestamp>) -> EventEntry {
    EventEntry {
        key: event.key.key.as_str().to_owned(),
        revision: version.revision,
        versions: versions(event, known_at),
        revised: event.current() != Some(version),
        observed_at: version.observed_at,
        published_at: version.published_at,
        fetched_at: version.first_fetched_at,
        point: version.point,
        title: version.title.clone(),
        place: version.attributes.get("place").cloned(),
        values: version.values.clone(),
    }
}

/// Where a page ends: the observed time of the version that counts, cut to the millisecond as the store orders, and the key.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Cursor {
    at: Timestamp,
    key: String,
}

impl Cursor {
    fn of(current: &Version, event: &Event) -> Self {
        let ms = i64::try_from(current.observed_at.as_nanosecond().div_euclid(1_000_000));
        let at = ms.ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        Self {
            at: at.unwrap_or(current.observed_at),
            key: event.key.key.as_str().to_owned(),
        }
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        let parts = text.split_once('~');
        let cursor = parts.and_then(|(at, key)| {
            Some(Self {
                at: at.parse().ok()?,
                key: key.to_owned(),
            })
        });
        cursor.ok_or_else(|| bad(format!("after `{text}` is not what a page gave as `next`")))
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}~{}", self.at, self.key)
    }
}
