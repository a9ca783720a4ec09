//! `GET /api/v1/measures`: what can be asked for.

use axum::{
    extract::{Query, State},
    http::HeaderMap,
    response::Response,
};
use jiff::{Timestamp, civil::Date};
use serde::Serialize;
use tokio::task::block_in_place;
use utoipa::ToSchema;
use vigie_core::{
    analysis::Credit,
    measure::Measure,
    text::{SourceId, Text},
    time,
};
use vigie_sources::Model;

use super::{
    super::{Refusal, Shared},
    answer,
    ask::Parameters,
};
use crate::failure::Failure;

/// What can be asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Measures {
    /// The local date of today by the server's clock, which is not always the reader's.
    #[schema(value_type = String, format = Date)]
    today: Date,
    /// Whether the data come from the built-in simulator and not from the providers.
    simulated: bool,
    /// IANA name of the time zone in which hours and days are counted.
    time_zone: String,
    /// The enabled sources, in the order of domains.
    sources: Vec<SourceMeasures>,
}

/// A source, and what it measures.
#[derive(Debug, Serialize, ToSchema)]
struct SourceMeasures {
    /// The source.
    #[schema(value_type = String)]
    id: SourceId,
    /// Its domain: `weather`, `earthquakes`…
    domain: String,
    /// Its title.
    title: Text,
    /// Whom to credit.
    credit: Credit,
    /// Whether it speaks of events, and not of measures of entities.
    events: bool,
    /// Its measures; the one to lead with is the first that is a headline.
    measures: Vec<Measure>,
    /// The entities to show first.
    leading: Vec<String>,
    /// The newest observed time.
    #[schema(value_type = Option<String>, format = DateTime)]
    observed_at: Option<Timestamp>,
    /// Since when it is watched.
    #[schema(value_type = Option<String>, format = DateTime)]
    watched_since: Option<Timestamp>,
}

/// The sources and their measures.
#[utoipa::path(get, path = "/api/v1/measures", tag = "data", responses(
    (status = 200, description = "The enabled sources with their measures", body = Measures),
    (status = 304, description = "It is as the entity tag says")))]
pub(super) async fn measures(
    State(shared): State<Shared>,
    Query(given): Query<Vec<(String, String)>>,
    asked: HeaderMap,
) -> Result<Response, Refusal> {
    Parameters::new(given, &[])?;
    let app = &shared.app;
    let mut sources = Vec::new();
    for definition in app.enabled() {
        let (newest, watched_since) = block_in_place(|| {
            let newest = app.ledger().newest(&definition.id, app.now());
            let newest = newest.map_err(Failure::usage)?;
            Ok::<_, Failure>((newest, app.watched_since(&definition)?))
        })?;
        sources.push(SourceMeasures {
            id: definition.id.clone(),
            domain: definition.domain.as_str().to_owned(),
            title: definition.sheet.title.clone(),
            credit: definition.credit(),
            events: definition.model == Model::Events,
            measures: definition.measures.clone(),
            leading: definition.leading.clone(),
            observed_at: newest.observed_at,
            watched_since,
        });
    }
    let measures = Measures {
        today: time::local_date(app.now(), app.tz()),
        simulated: app.config().simulated,
        time_zone: app.config().zone.time_zone.clone(),
        sources,
    };
    answer::json(&asked, app, None, &measures)
}
