//! How a whole divides into its parts.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Extreme;
use crate::text::Text;

/// How a whole divides into its parts over a period: means of the hours in which all parts are known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MixFigures {
    /// What the whole is.
    pub title: Text,
    /// The unit of the values.
    pub unit: String,
    /// The digits to show after the decimal point.
    pub decimals: u8,
    /// Its parts, the greatest first.
    pub parts: Vec<MixPart>,
    /// Parts taken together, as the definition says.
    pub groups: Vec<MixPart>,
    /// The mean of the whole.
    pub mean: f64,
    /// The greatest hour of the whole.
    pub peak: Extreme,
    /// The least hour of the whole.
    pub trough: Extreme,
    /// In how many hours all parts are known.
    pub hours: u32,
    /// How many hours have passed.
    pub hours_passed: u32,
}

/// A part of a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MixPart {
    /// What it is.
    pub title: Text,
    /// Its mean.
    pub mean: f64,
    /// Its share of the whole; of the shares of parts the sum is 1. Below zero where it took more than it gave.
    pub share: f64,
}
