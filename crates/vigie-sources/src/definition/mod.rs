//! The definition of a source: its sheet, its request, and how rows are made of its bodies.

mod fields;
mod history;
mod like;
mod parse;
mod reader;
mod request;
mod sheet;
mod whole;

use std::collections::BTreeMap;

use jiff::SignedDuration;
use vigie_core::{
    analysis::Credit,
    measure::{Measure, Mix},
    profile::Jump,
    schedule::Schedule,
    sheet::Sheet,
    text::{MeasureId, SourceId},
    zone::Zone,
};

pub(crate) use like::like;
pub use reader::DefinitionError;
pub(crate) use reader::parse_duration;

use crate::{
    Domain,
    follow::Follow,
    history::History,
    path::Known,
    projection::Projection,
    spec::{Extract, Origin},
};

/// What the rows of a source are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model {
    /// Measures of entities at observed times.
    Observations,
    /// Things that happened, with the provider's identifiers and revisions.
    Events,
}

impl Model {
    /// The word used in definitions.
    pub fn as_str(self) -> &'static str {
        match self {
            Model::Observations => "observations",
            Model::Events => "events",
        }
    }
}

/// How many rows a good body has, as far as one can tell.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ExpectedRows {
    /// The fewest rows of a body that is not suspect.
    pub min: Option<u64>,
    /// A body with fewer rows than this share of the last good one's is suspect.
    pub shrink: Option<f64>,
}

/// What a request sends.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) content_type: String,
    pub(crate) template: String,
}

/// A source: one public feed.
#[derive(Debug, Clone)]
pub struct Definition {
    /// Its identifier, unique in the catalogue.
    pub id: SourceId,
    /// What it is about.
    pub domain: Domain,
    /// What people read of it.
    pub sheet: Sheet,
    /// Whether a new workspace of its zones has it enabled: not where another source says the same, or few want it.
    pub suggested: bool,
    /// When it is due.
    pub schedule: Schedule,
    /// The time between two observations of one entity; `None` where there is no fixed rhythm.
    pub publishes: Option<SignedDuration>,
    /// The age of content beyond which the source is stale.
    pub stale_after: SignedDuration,
    /// What its rows are.
    pub model: Model,
    /// Its measures, in the order of [`vigie_core::row::Row::values`].
    pub measures: Vec<Measure>,
    /// Which measures are the parts of a whole.
    pub mix: Option<Mix>,
    /// Where what its rows describe moves: the measure that tells how strong it is.
    pub track: Option<MeasureId>,
    /// The entities to show first, in this order.
    pub leading: Vec<String>,
    /// How long after its time a row may still be revised or arrive.
    pub horizon: SignedDuration,
    /// How many rows a good body has.
    pub expected: ExpectedRows,
    /// How long after the fetch the time of a row may be: some minutes for the clocks of providers, days for forecasts.
    pub future: SignedDuration,
    /// Whether a body may rightly come again after newer ones: what is old is then taken and merged like all else.
    pub repeats: bool,
    /// The measures whose median must not jump, by their index.
    pub jumps: Vec<(usize, Jump)>,
    /// The extension of raw files: `json`, `xml`, `csv` or `pb`.
    pub extension: &'static str,
    /// Whether requests say which version they know (`ETag`, `Last-Modified`).
    pub conditional: bool,
    /// The values that the workspace may set in the request, with their defaults.
    pub params: BTreeMap<String, String>,
    /// The file that it was read from.
    pub file: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) post: Option<Post>,
    pub(crate) item_url: Option<String>,
    /// How an answer goes on, where it has several parts.
    pub follow: Option<Follow>,
    /// How its past is asked for, where the provider keeps it.
    pub history: Option<History>,
    pub(crate) extract: Extract,
    pub(crate) projection: Projection,
}

impl Definition {
    /// Reads a definition. `file_name` is for messages.
    pub fn parse(file_name: &str, text: &str) -> Result<Self, DefinitionError> {
        parse::parse(file_name, text)
    }

    /// The definition with the limits of a workspace: `rows_most` where it does not say its own.
    #[must_use]
    pub fn with_limits(mut self, rows_most: usize, nesting_most: usize) -> Self {
        if !self.extract.rows_most_is_own {
            self.extract.rows_most = rows_most;
        }
        self.extract.nesting_most = nesting_most;
        self
    }

    /// The most requests of one download.
    pub fn requests_most(&self) -> usize {
        self.follow.as_ref().map_or(1, Follow::requests_most)
    }

    /// Whether the observed time of a row is when it was fetched, because the body has none.
    /// Then two captures of the same body are two observations.
    pub fn times_are_fetch_times(&self) -> bool {
        self.extract.observed_at.pick.origins.iter().any(
            |origin| matches!(origin, Origin::Path(path) if path.known == Some(Known::FetchedAt)),
        )
    }

    /// Whether rows carry the time when the provider published them.
    pub fn says_when_published(&self) -> bool {
        self.extract.published_at.is_some()
    }

    /// The shortest time between two observations of one entity that this program can see: the
    /// longer of the provider's rhythm and of ours. `None` where there is no fixed rhythm.
    pub fn observation_period(&self) -> Option<SignedDuration> {
        self.publishes
            .map(|publishes| publishes.max(self.schedule.every()))
    }

    /// Whether rows say where they are.
    pub fn says_where(&self) -> bool {
        let join = self.extract.join.as_ref();
        self.extract.point.is_some() || join.is_some_and(|join| join.point.is_some())
    }

    /// The names of the text attributes of rows.
    pub fn attribute_names(&self) -> impl Iterator<Item = &str> {
        let attributes = self.extract.attributes.iter();
        attributes.map(|(name, _)| name.as_str())
    }

    /// Whom to credit.
    pub fn credit(&self) -> Credit {
        Credit {
            attribution: self.sheet.rights.attribution.clone(),
            licence: self.sheet.rights.licence.clone(),
            url: self.sheet.rights.url.clone(),
        }
    }

    /// Whether the source has something to say of that zone.
    pub fn applies_to(&self, zone: &Zone) -> bool {
        self.sheet.coverage.applies_to(zone)
    }

    /// The body's declared format, for people.
    pub fn format_name(&self) -> &'static str {
        self.extract.format.name()
    }
}
