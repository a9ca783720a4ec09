//! A sentence, and what its figures come from.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::text::Text;

/// A sentence. Text from outside may be in it: never markup.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Said {
    /// Its words.
    #[serde(flatten)]
    pub text: Text,
    /// What its figures are of, its own before those that it compares them with.
    #[serde(default)]
    #[schema(required = true)]
    pub origins: Vec<Origin>,
}

/// What an origin is to a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// What the sentence tells.
    Told,
    /// The past that says what is usual.
    Usual,
    /// What it is compared with.
    Before,
    /// The downloads themselves, which were counted.
    Downloads,
}

/// A stretch of time, and of what its rows are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Origin {
    /// What it is to the sentence.
    pub role: Role,
    /// The entity, where the figure is of one.
    pub entity: Option<String>,
    /// The event, where the figure is of one.
    pub key: Option<String>,
    /// What the entity or the event is called. Text from outside: never markup.
    pub name: Option<String>,
    /// The first instant.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// The first instant after it.
    #[schema(value_type = String, format = DateTime)]
    pub to: Timestamp,
}
