//! The path of what moves: a storm over its advisories.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Extreme;

/// The path of an entity or an event that moves, up to the end of the period. It has two positions or more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Track {
    /// The identifier of the entity or the event.
    pub entity: String,
    /// Its latest name, or its identifier. Text from outside: never markup.
    pub name: String,
    /// Its positions by observed time, those before the period included as far as they were read. At most 800, the latest.
    pub points: Vec<TrackPoint>,
    /// The length of the way between positions of the period that are joined; `None` where no two are.
    pub distance_km: Option<f64>,
    /// That length by the time it took.
    pub speed_km_h: Option<f64>,
    /// The greatest value of the period.
    pub strongest: Option<Extreme>,
}

/// A position of a track.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrackPoint {
    /// When it was there.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Longitude.
    pub lon: f64,
    /// Latitude.
    pub lat: f64,
    /// The value of the track's measure there.
    pub value: Option<f64>,
    /// Whether the way from the position before is known: not where they are more than 24 hours apart.
    pub joined: bool,
}
