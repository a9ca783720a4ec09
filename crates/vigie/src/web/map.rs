//! What the map is drawn on: a style of the user's, if there is one, and the names of places.

use std::{collections::BTreeSet, fs, io::ErrorKind};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::task::block_in_place;
use tracing::warn;
use utoipa::{OpenApi, ToSchema};
use vigie_core::text::Text;

use super::{Current, Refusal, Shared, record::Asked};
use crate::{
    app::App,
    config::MapStyle,
    failure::{Failure, Outcome},
    gazetteer,
};

/// Where the page finds a style that is a file of the workspace.
const STYLE_PATH: &str = "/api/v1/map/style.json";
/// The most places of an answer.
const PLACES_MAX: usize = 60;

#[derive(OpenApi)]
#[openapi(paths(map, style, places))]
struct Document;

/// What it adds to the OpenAPI document.
pub(super) fn openapi() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// The resources.
pub(super) fn routes() -> Router<Current> {
    Router::new()
        .route("/api/v1/map", get(map))
        .route(STYLE_PATH, get(style))
        .route("/api/v1/places", get(places))
}

/// The origins that the map may ask for its tiles, glyphs and sprites: those of the settings, of the style's address, and those
/// that a style in the workspace names.
pub(super) fn origins(app: &App) -> BTreeSet<String> {
    let map = &app.config().map;
    let mut origins: BTreeSet<String> = map.hosts.iter().filter_map(|host| origin(host)).collect();
    match map.style() {
        None => {}
        Some(MapStyle::Address(address)) => origins.extend(origin(address)),
        Some(MapStyle::File(_)) => match read_style(app) {
            Ok(style) => collect(&style, &mut origins),
            Err(failure) => warn!(
                reason = failure.report(),
                "the map is drawn without its style"
            ),
        },
    }
    origins
}

fn origin(address: &str) -> Option<String> {
    let url = reqwest::Url::parse(address).ok()?;
    let known = matches!(url.scheme(), "http" | "https");
    known.then(|| url.origin().ascii_serialization())
}

/// The origins of all addresses in a style.
fn collect(style: &Value, origins: &mut BTreeSet<String>) {
    match style {
        Value::String(text) => origins.extend(origin(text)),
        Value::Array(values) => values.iter().for_each(|value| collect(value, origins)),
        Value::Object(values) => values.values().for_each(|value| collect(value, origins)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The style in the workspace.
fn read_style(app: &App) -> Outcome<Value> {
    let Some(MapStyle::File(file)) = app.config().map.style() else {
        return Err(Failure::usage("map.style names no file"));
    };
    let path = app.root().join(file);
    let failure = |reason: &dyn std::fmt::Display| {
        Failure::usage(format!("map.style: {}: {reason}", path.display()))
    };
    let text = fs::read_to_string(&path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => failure(&"no such file").hint("a path is relative to the workspace"),
        _ => failure(&error),
    })?;
    serde_json::from_str(&text).map_err(|error| failure(&error))
}

/// What the map is drawn on.
#[derive(Debug, Serialize, ToSchema)]
struct MapSettings {
    /// The address of a `MapLibre` style; without one the page draws the land that it has.
    style: Option<String>,
}

/// What the map is drawn on.
#[utoipa::path(get, path = "/api/v1/map", responses(
    (status = 200, description = "What the map is drawn on", body = MapSettings)))]
async fn map(State(shared): State<Shared>) -> Json<MapSettings> {
    let style = shared.app.config().map.style().map(|style| match style {
        MapStyle::Address(address) => address.to_owned(),
        MapStyle::File(_) => STYLE_PATH.to_owned(),
    });
    Json(MapSettings { style })
}

/// The style that `map.style` names in the workspace.
#[utoipa::path(get, path = STYLE_PATH, responses(
    (status = 200, description = "A MapLibre style", body = Value),
    (status = 404, description = "`map.style` names no file that can be read, or not a JSON file")))]
async fn style(State(shared): State<Shared>) -> Result<Response, Refusal> {
    let style = block_in_place(|| read_style(&shared.app));
    let style = style.map_err(|failure| Refusal(StatusCode::NOT_FOUND, failure.report()))?;
    Ok(([(header::CACHE_CONTROL, "no-cache")], Json(style)).into_response())
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct PlacesQuery {
    /// Degrees east of Greenwich; beyond 180 it goes on around the world.
    west: f64,
    /// Degrees north of the equator.
    south: f64,
    /// Degrees east of Greenwich; less than `west` across the antimeridian.
    east: f64,
    /// Degrees north of the equator.
    north: f64,
}

/// Places by name.
#[derive(Debug, Serialize, ToSchema)]
struct Places {
    /// Whom to credit.
    attribution: &'static str,
    /// The largest ones of each part of the box, the largest of all first.
    places: Vec<NamedPlace>,
}

/// A city.
#[derive(Debug, Serialize, ToSchema)]
struct NamedPlace {
    /// Its name.
    name: Text,
    /// Degrees east of Greenwich.
    lon: f64,
    /// Degrees north of the equator.
    lat: f64,
    /// Its inhabitants.
    population: u64,
}

/// The largest cities of a box, spread over it: what a map of it names.
#[utoipa::path(get, path = "/api/v1/places", params(PlacesQuery), responses(
    (status = 200, description = "The largest cities of each part of the box", body = Places),
    (status = 400, description = "That is no box")))]
async fn places(Asked(query): Asked<PlacesQuery>) -> Result<Response, Refusal> {
    let PlacesQuery {
        west,
        south,
        east,
        north,
    } = query;
    if !(south < north && [west, south, east, north].iter().all(|n| n.is_finite())) {
        let reason = "expected west, south, east and north in degrees, south below north";
        return Err(Refusal(StatusCode::BAD_REQUEST, reason.to_owned()));
    }
    let cities =
        block_in_place(|| gazetteer::largest_cities([west, south, east, north], PLACES_MAX));
    let places = cities.into_iter().map(|city| NamedPlace {
        name: city.name,
        lon: city.centre.lon,
        lat: city.centre.lat,
        population: city.population,
    });
    let places = Places {
        attribution: "GeoNames (geonames.org), CC BY 4.0",
        places: places.collect(),
    };
    let lasting = [(header::CACHE_CONTROL, "private, max-age=86400")];
    Ok((lasting, Json(places)).into_response())
}
