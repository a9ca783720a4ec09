//! The data interface: series, entities, events and correlations, as JSON or as files for other programs.
//!
//! Every answer carries its credit, has an entity tag, and is bounded: what would be too much is refused with what to ask instead.

mod answer;
mod ask;
mod correlation;
mod entities;
mod events;
mod series;
mod sources;

use axum::{Router, routing::get};
use utoipa::OpenApi;

use super::Current;

pub(super) use ask::leading;

/// The paths of the data interface.
pub(super) fn routes() -> Router<Current> {
    Router::new()
        .route("/api/v1/measures", get(sources::measures))
        .route("/api/v1/entities", get(entities::entities))
        .route("/api/v1/series", get(series::series))
        .route("/api/v1/events", get(events::events))
        .route("/api/v1/correlation", get(correlation::correlation))
}

#[derive(OpenApi)]
#[openapi(
    paths(
        sources::measures,
        entities::entities,
        series::series,
        events::events,
        correlation::correlation
    ),
    components(schemas(answer::Mistake))
)]
struct DataDocument;

/// What the data interface adds to the OpenAPI document.
pub(super) fn openapi() -> utoipa::openapi::OpenApi {
    DataDocument::openapi()
}
