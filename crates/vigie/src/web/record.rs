//! The record itself: what the sources are, what was downloaded, what went wrong, and where a figure comes from.

mod captures;
mod health;
mod metrics;
mod provenance;
mod sheets;

use std::{
    collections::HashMap,
    hash::Hash,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{FromRequestParts, Query},
    http::{StatusCode, request::Parts},
    routing::get,
};
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use utoipa::OpenApi;
use vigie_core::text::SourceId;
use vigie_sources::Definition;
use vigie_store::ledger::Ledger;

use super::{Current, Refusal};
use crate::{
    app::App,
    failure::{Failure, Outcome},
};

#[derive(OpenApi)]
#[openapi(
    paths(
        sheets::sources,
        sheets::source,
        health::health,
        health::causes,
        captures::captures,
        captures::capture,
        captures::body,
        provenance::provenance,
        metrics::metrics,
    ),
    components(schemas(
        sheets::SourceBrief,
        sheets::SourceSheet,
        health::Health,
        health::CauseText,
        captures::CapturePage,
        captures::CaptureLine,
        provenance::Provenance,
    ))
)]
struct Document;

/// What the OpenAPI document says of these resources.
pub(super) fn openapi() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// The resources.
pub(super) fn routes() -> Router<Current> {
    Router::new()
        .route("/api/v1/sources", get(sheets::sources))
        .route("/api/v1/sources/{id}", get(sheets::source))
        .route("/api/v1/health", get(health::health))
        .route("/api/v1/causes", get(health::causes))
        .route("/api/v1/captures", get(captures::captures))
        .route("/api/v1/captures/{id}", get(captures::capture))
        .route("/api/v1/captures/{id}/body", get(captures::body))
        .route("/api/v1/provenance", get(provenance::provenance))
        .route("/metrics", get(metrics::metrics))
}

/// What is kept between requests, so that many open pages cost little more than one.
#[derive(Default)]
pub(super) struct Memory {
    sheets: Kept<SourceId, Arc<sheets::SourceSheet>>,
    health: Kept<u16, Arc<health::Health>>,
    room: Kept<(), Arc<health::Room>>,
}

/// Values that are made at most once in a while, each by one asker at a time; the others wait for it.
struct Kept<K, T>(Mutex<HashMap<K, Place<T>>>);

/// Where a value is kept, with the time at which it was made.
type Place<T> = Arc<Mutex<Option<(Instant, T)>>>;

impl<K, T> Default for Kept<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, T: Clone> Kept<K, T> {
    async fn get(
        &self,
        key: K,
        lasts: Duration,
        make: impl Future<Output = Outcome<T>>,
    ) -> Outcome<T> {
        let place = {
            let mut places = self.0.lock().await;
            // What is too old is forgotten, unless somebody makes it anew right now.
            places.retain(|known, place| {
                *known == key
                    || place.try_lock().map_or(true, |kept| {
                        (kept.as_ref()).is_some_and(|(since, _)| since.elapsed() < lasts)
                    })
            });
            places.entry(key).or_default().clone()
        };
        let mut kept = place.lock().await;
        if let Some((since, value)) = &*kept
            && since.elapsed() < lasts
        {
            return Ok(value.clone());
        }
        let value = make.await?;
        *kept = Some((Instant::now(), value.clone()));
        Ok(value)
    }
}

/// The parameters of an address; wrong ones are refused as everything else is.
pub(super) struct Asked<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        // `token` opens the page (see `guard`); any other parameter that nobody knows is refused.
        let pairs = parts.uri.query().unwrap_or_default().split('&');
        let pairs: Vec<&str> = pairs.filter(|pair| !pair.starts_with("token=")).collect();
        let uri = format!("/?{}", pairs.join("&"));
        let uri = uri
            .parse()
            .map_err(|_| bad("the address is not well-formed"))?;
        let query = Query::<T>::try_from_uri(&uri);
        query
            .map(|Query(asked)| Self(asked))
            .map_err(|rejection| bad(rejection.body_text()))
    }
}

fn bad(reason: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, reason.into())
}

fn absent(reason: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, reason.into())
}

/// The definition of a source, enabled or not.
fn known(app: &App, source: &str) -> Result<Arc<Definition>, Refusal> {
    SourceId::new(source)
        .ok()
        .and_then(|id| app.known(&id))
        .ok_or_else(|| absent(format!("no source is called `{source}`")))
}

/// A connection of one's own: a long look back does not keep the program from writing.
pub(super) fn ledger_of(app: &App) -> Outcome<Ledger> {
    let wait = Duration::from_secs(app.config().store.lock_timeout_seconds);
    Ledger::open_within(app.ledger().path(), true, wait).map_err(Failure::usage)
}
