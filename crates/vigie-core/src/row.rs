//! What extraction makes of a body: rows.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::text::EntityId;

/// A place on Earth, in degrees, WGS 84.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Point {
    /// Longitude, −180 to 180.
    pub lon: f64,
    /// Latitude, −90 to 90.
    pub lat: f64,
}

impl Point {
    /// A point, unless it lies outside the Earth's coordinates.
    pub fn new(lon: f64, lat: f64) -> Option<Self> {
        ((-180.0..=180.0).contains(&lon) && (-90.0..=90.0).contains(&lat))
            .then_some(Self { lon, lat })
    }
}

/// One row of a body: an observation of an entity, or a version of an event. Which of the two is
/// said by the source's definition.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The observed entity; for an event, the provider's identifier of the event.
    pub entity: EntityId,
    /// When it happened.
    pub observed_at: Timestamp,
    /// When the provider published it, if it says so.
    pub published_at: Option<Timestamp>,
    /// The provider's order of revisions (a time in milliseconds, a number); 0 when it gives none.
    pub revision: i64,
    /// Where.
    pub point: Option<Point>,
    /// The name of the entity, or the title of the event. Text from outside: never markup.
    pub name: Option<String>,
    /// The values, in the order of the definition's measures; `None` where the body has none.
    /// Always finite.
    pub values: Vec<Option<f64>>,
    /// Text attributes, by their names in the definition.
    pub attributes: BTreeMap<String, String>,
}
