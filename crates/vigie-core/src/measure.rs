//! What is measured, and how it may be summarised.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::text::{MeasureId, Text};

/// How a measure behaves, which decides how it is summarised.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A level that goes up and down: a temperature, the bikes at a station.
    #[default]
    Gauge,
    /// A number that only grows, but for resets: views, votes.
    Counter,
    /// A number carried by events: a magnitude.
    Event,
    /// A place in a list: 1 is the best.
    Rank,
    /// An angle in degrees, whose mean is circular; it has no least, greatest or sum.
    Direction,
}

impl Kind {
    /// The word used in definitions and exports.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Event => "event",
            Kind::Rank => "rank",
            Kind::Direction => "direction",
        }
    }
}

/// How the values of many entities become one figure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Across {
    /// They are averaged: temperatures.
    #[default]
    Mean,
    /// They are added: bikes, megawatts.
    Sum,
    /// They are not: each stands by itself, as exchange rates.
    Each,
}

/// A measure of a source, as its definition declares it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Measure {
    /// Its name within the source.
    #[schema(value_type = String)]
    pub id: MeasureId,
    /// How it behaves.
    pub kind: Kind,
    /// The UCUM code of its unit (`Cel`, `MW`), or a word between braces (`{bike}`) for what UCUM
    /// has no code for; `1` for a number without unit.
    pub unit: String,
    /// Its name for people.
    pub title: Text,
    /// How entities are combined.
    pub across: Across,
    /// The digits shown after the decimal point.
    pub decimals: u8,
    /// Whether the page and the PDF lead with it.
    pub headline: bool,
}

/// Measures that are the parts of a whole: the sources of energy of a country. They have one unit and are added over entities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mix {
    /// What the whole is.
    pub title: Text,
    /// The measures that add up to it, all of them.
    pub parts: Vec<MeasureId>,
    /// Parts whose common share is told, under a name of their own.
    pub groups: Vec<(Text, Vec<MeasureId>)>,
}
