//! The dossier: what is known of the sources of a workspace, declared and measured, as one value. Reports are written from it.

mod common;
mod measured;
mod planned;

use jiff::Timestamp;
use serde::Serialize;

pub use self::{
    common::{CommonGround, SharedArea, SharedEntities, SharedMeasure, SharedTrait},
    measured::{CaptureTally, Measured, PeriodVerdict, Seen, Window},
    planned::{Planned, PlannedChart},
};
use crate::{
    analyse::headline_measures,
    measure::Measure,
    text::{SourceId, Text},
    zone::Zone,
};

/// All there is to say of the sources of a workspace.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Dossier {
    /// The watched place.
    pub zone: Zone,
    /// When the dossier was made.
    pub now: Timestamp,
    /// Whether the data come from the built-in simulator and not from the providers.
    pub simulated: bool,
    /// The enabled sources, in the order of domains.
    pub sources: Vec<SourceRecord>,
    /// What sources have in common.
    pub common: CommonGround,
}

impl Dossier {
    /// The dossier of these sources; what they have in common is worked out here.
    pub fn new(zone: Zone, now: Timestamp, simulated: bool, sources: Vec<SourceRecord>) -> Self {
        let common = CommonGround::of(&sources);
        Self {
            zone,
            now,
            simulated,
            sources,
            common,
        }
    }
}

/// A source, as declared and as measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SourceRecord {
    /// The source.
    pub id: SourceId,
    /// The word of its domain.
    pub domain: String,
    /// The name of its domain.
    pub domain_title: Text,
    /// Its title.
    pub title: Text,
    /// What it is.
    pub description: Text,
    /// What is in it.
    pub content: Text,
    /// What to know before believing its numbers.
    pub quirks: Vec<Text>,
    /// Who publishes it.
    pub provider: ProviderRecord,
    /// Where it is documented.
    pub docs: String,
    /// Where it applies.
    pub places: Places,
    /// What its rows are.
    pub model: ModelRecord,
    /// How it is reached.
    pub access: AccessRecord,
    /// When it is published and asked for.
    pub periodicity: Periodicity,
    /// What may be done with it.
    pub rights: RightsRecord,
    /// What the ledger says of it.
    pub measured: Measured,
    /// What the store has of it.
    pub seen: Seen,
}

impl SourceRecord {
    /// The measures that pages and reports lead with.
    pub fn headlines(&self) -> Vec<&Measure> {
        headline_measures(&self.model.measures)
    }

    /// How the measured period compares with the declared one.
    pub fn period_verdict(&self) -> PeriodVerdict {
        PeriodVerdict::of(
            self.periodicity.publishes_seconds,
            self.periodicity.collect_seconds,
            self.measured.change_seconds,
        )
    }

    /// What the page and the report show of it.
    pub fn planned(&self) -> Planned {
        Planned::of(self)
    }
}

/// Who publishes a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProviderRecord {
    /// Its name.
    pub name: String,
    /// Its address.
    pub url: String,
}

/// Where a source applies.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Places {
    /// Everywhere.
    pub earth: bool,
    /// Two-letter codes of continents.
    pub continents: Vec<String>,
    /// Two-letter codes of countries.
    pub countries: Vec<String>,
    /// Cities and regions.
    pub areas: Vec<Text>,
}

/// What the rows of a source are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelRecord {
    /// Whether they are events; else observations of entities.
    pub events: bool,
    /// The format of its bodies.
    pub format: String,
    /// Its measures.
    pub measures: Vec<Measure>,
    /// The names of its text attributes.
    pub attributes: Vec<String>,
    /// Whether rows say where they are.
    pub located: bool,
    /// The entities to lead with.
    pub leading: Vec<String>,
}

/// How a source is reached.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AccessRecord {
    /// The key that it needs; `None` for an open source.
    pub key: Option<KeyRecord>,
    /// The published limits: at most so many requests in so many seconds.
    pub limits: Vec<(u32, i64)>,
    /// What else there is to know.
    pub note: Option<Text>,
}

/// The key of a source, but not its value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KeyRecord {
    /// The environment variable that holds it.
    pub environment: String,
    /// Where to get one.
    pub signup: String,
    /// How to get one.
    pub note: Option<Text>,
}

/// When a source is published and asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Periodicity {
    /// In the words of its definition.
    pub note: Text,
    /// The declared time between two publications; `None` where there is no fixed rhythm.
    pub publishes_seconds: Option<i64>,
    /// The time between two downloads.
    pub collect_seconds: i64,
    /// The age of content beyond which it is stale.
    pub stale_after_seconds: i64,
    /// How long a row may still be revised.
    pub horizon_seconds: i64,
}

/// What may be done with a source's data.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RightsRecord {
    /// The licence.
    pub licence: String,
    /// Where the terms stand.
    pub url: String,
    /// The words of the credit.
    pub attribution: String,
    /// Whether raw bodies may be stored for good.
    pub archive: Permission,
    /// Whether raw bodies may be republished.
    pub republish: Permission,
    /// What else there is to know.
    pub note: Option<Text>,
}

/// What the provider's terms say of a use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Permission {
    /// They allow it.
    Allowed,
    /// They forbid it.
    Forbidden,
    /// They do not say, or not clearly.
    Doubtful,
}

impl Permission {
    /// The word used in definitions.
    pub fn as_str(self) -> &'static str {
        match self {
            Permission::Allowed => "allowed",
            Permission::Forbidden => "forbidden",
            Permission::Doubtful => "doubtful",
        }
    }
}

/// A small source for the tests of this module.
#[cfg(test)]
fn sample(id: &str) -> SourceRecord {
    SourceRecord {
        id: SourceId::new(id).unwrap(),
        domain: "transport".into(),
        domain_title: Text::new("Transports", "Transport"),
        title: Text::same(id),
        description: Text::default(),
        content: Text::default(),
        quirks: Vec::new(),
        provider: ProviderRecord {
            name: format!("Provider of {id}"),
            url: format!("https://{id}.example/"),
        },
        docs: format!("https://{id}.example/docs"),
        places: Places::default(),
        model: ModelRecord {
            events: false,
            format: "JSON".into(),
            measures: Vec::new(),
            attributes: Vec::new(),
            located: true,
            leading: Vec::new(),
        },
        access: AccessRecord {
            key: None,
            limits: Vec::new(),
            note: None,
        },
        periodicity: Periodicity {
            note: Text::default(),
            publishes_seconds: None,
            collect_seconds: 300,
            stale_after_seconds: 3600,
            horizon_seconds: 3600,
        },
        rights: RightsRecord {
            licence: format!("Licence of {id}"),
            url: format!("https://{id}.example/terms"),
            attribution: id.to_owned(),
            archive: Permission::Allowed,
            republish: Permission::Doubtful,
            note: None,
        },
        measured: Measured::default(),
        seen: Seen::default(),
    }
}
