//! What the map is drawn on: a style of the user's, if there is one, and the names of places.

use std::{collections::BTreeSet, fmt::Display, fs, io::ErrorKind};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::task::block_in_place;
use tracing::warn;
use utoipa::{OpenApi, ToSchema};
use vigie_core::text::Text;

use super::{Current, Refusal, Shared, guard, record::Asked};
use crate::{
    app::App,
    config::{MapStyle, web_origin},
    failure::Failure,
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

/// The most hosts that a style may name: the policy goes with every answer, and browsers take only so much of a head.
const HOSTS_MAX: usize = 64;

/// What the map is drawn on, and what pages may do because of it: read with the settings.
pub(super) struct Ground {
    settings: MapSettings,
    file: Result<Value, String>,
    /// What pages may do.
    pub(super) policy: HeaderValue,
}

impl Ground {
    /// Reads the style, where the settings name a file. One that cannot be read is said in the log, and to who asks for it.
    pub(super) fn read(app: &App) -> Self {
        let map = &app.config().map;
        let mut file = Err("map.style names no file".to_owned());
        let mut origins = BTreeSet::new();
        let style = map.style().map(|style| {
            origins.extend(map.hosts.iter().filter_map(|host| web_origin(host)));
            match style {
                MapStyle::Address(address) => {
                    origins.extend(web_origin(address));
                    address.to_owned()
                }
                MapStyle::File(name) => {
                    file = block_in_place(|| read_style(app, name)).map(|(style, named)| {
                        origins.extend(named);
                        style
                    });
                    if let Err(reason) = &file {
                        warn!(reason, "the map is drawn without its style");
                    }
                    STYLE_PATH.to_owned()
                }
            }
        });
        let policy = guard::policy(&origins);
        let digest = Sha256::digest(policy.as_bytes());
        Self {
            settings: MapSettings {
                style,
                policy: URL_SAFE_NO_PAD.encode(&digest[..9]),
            },
            file,
            policy,
        }
    }
}

/// A style in the workspace and the origins that it names, or why it cannot be had.
fn read_style(app: &App, name: &str) -> Result<(Value, BTreeSet<String>), String> {
    let failure = |reason: &dyn Display| format!("map.style: {name}: {reason}");
    let text = fs::read_to_string(app.root().join(name)).map_err(|error| match error.kind() {
        ErrorKind::NotFound => failure(&"no such file in the workspace"),
        _ => failure(&error),
    })?;
    let style = serde_json::from_str(&text).map_err(|error| failure(&error))?;
    let origins = origins_of(&style);
    if origins.len() > HOSTS_MAX {
        let count = origins.len();
        return Err(failure(&format_args!(
            "it names {count} hosts, and {HOSTS_MAX} may be asked"
        )));
    }
    Ok((style, origins))
}

/// The origins that a style has asked: those of the addresses of its sources (data that it holds itself are none), glyphs,
/// sprites and fonts ([MapLibre style specification](https://maplibre.org/maplibre-style-spec/)).
fn origins_of(style: &Value) -> BTreeSet<String> {
    let sources = style["sources"].as_object();
    let of_sources = sources.into_iter().flat_map(|sources| sources.values());
    let of_sources = of_sources.flat_map(|source| {
        let data = Some(&source["data"]).filter(|data| data.is_string());
        (["url", "urls", "tiles"].into_iter())
            .map(|key| &source[key])
            .chain(data)
    });
    let others = ["sprite", "glyphs", "font-faces"].map(|key| &style[key]);
    let mut origins = BTreeSet::new();
    for addresses in of_sources.chain(others) {
        collect(addresses, &mut origins);
    }
    origins
}

/// The origins of the addresses in a part of a style that holds such, however deep.
fn collect(part: &Value, origins: &mut BTreeSet<String>) {
    match part {
        Value::String(text) => origins.extend(web_origin(text)),
        Value::Array(values) => values.iter().for_each(|value| collect(value, origins)),
        Value::Object(values) => values.values().for_each(|value| collect(value, origins)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What the map is drawn on.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct MapSettings {
    /// The address of a `MapLibre` style; without one the page draws the land that it has.
    style: Option<String>,
    /// Another one when pages may ask others than before: what a browser keeps with an older policy is asked for anew then.
    policy: String,
}

/// What the map is drawn on.
#[utoipa::path(get, path = "/api/v1/map", responses(
    (status = 200, description = "What the map is drawn on", body = MapSettings)))]
async fn map(State(shared): State<Shared>) -> Json<MapSettings> {
    Json(shared.ground.settings.clone())
}

/// The style that `map.style` names in the workspace, as it was when the settings were read.
#[utoipa::path(get, path = STYLE_PATH, responses(
    (status = 200, description = "A MapLibre style", body = Value),
    (status = 404, description = "`map.style` names no file that can be read, or not a JSON file")))]
async fn style(State(shared): State<Shared>) -> Result<Response, Refusal> {
    match &shared.ground.file {
        Ok(style) => Ok(([(header::CACHE_CONTROL, "no-cache")], Json(style)).into_response()),
        Err(reason) => Err(Refusal::new(StatusCode::NOT_FOUND, reason.clone())),
    }
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
async fn places(
    State(shared): State<Shared>,
    Asked(query): Asked<PlacesQuery>,
) -> Result<Response, Refusal> {
    let PlacesQuery {
        west,
        south,
        east,
        north,
    } = query;
    if !(south < north && [west, south, east, north].iter().all(|n| n.is_finite())) {
        let reason = "expected west, south, east and north in degrees, south below north";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, reason.to_owned()));
    }
    // One after the other: each reads the whole gazetteer.
    let _turn = shared.places.acquire().await.map_err(Failure::usage)?;
    let cities =
        block_in_place(|| gazetteer::largest_cities([west, south, east, north], PLACES_MAX));
    let places = cities.into_iter().map(|city| NamedPlace {
        name: city.name,
        lon: city.centre.lon,
        lat: city.centre.lat,
        population: city.population,
    });
    let places = Places {
        attribution: gazetteer::PLACES_ATTRIBUTION,
        places: places.collect(),
    };
    let lasting = [(header::CACHE_CONTROL, "private, max-age=86400")];
    Ok((lasting, Json(places)).into_response())
}
