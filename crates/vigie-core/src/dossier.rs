//! The dossier: what is known of the sources of a workspace, declared and measured, as one value. Reports are written from it.

mod common;
mod measured;
mod planned;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

pub use self::{
    common::{CommonGround, SharedArea, SharedEntities, SharedMeasure, SharedTrait},
    measured::{CaptureTally, Measured, PeriodVerdict, Seen, Window},
    planned::{Planned, PlannedChart},
};
use crate::{
    analyse::headline_measures,
    measure::Measure,
    retention::KeptDays,
    sheet::Sheet,
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
    /// How long what they said is kept.
    pub kept_days: KeptDays,
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
            kept_days: KeptDays::default(),
        }
    }
}

/// A source, as declared and as measured.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SourceRecord {
    /// The source.
    #[schema(value_type = String)]
    pub id: SourceId,
    /// The word of its domain.
    pub domain: String,
    /// The name of its domain.
    pub domain_title: Text,
    /// What people read of it.
    pub sheet: Sheet,
    /// What its rows are.
    pub model: ModelRecord,
    /// When it is published and asked for.
    pub periodicity: Periodicity,
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

/// What the rows of a source are.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
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

/// When a source is published and asked for.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Periodicity {
    /// The declared time between two publications; `None` where there is no fixed rhythm.
    pub publishes_seconds: Option<i64>,
    /// The time between two downloads.
    pub collect_seconds: i64,
    /// The age of content beyond which it is stale.
    pub stale_after_seconds: i64,
    /// How long a row may still be revised.
    pub horizon_seconds: i64,
}

/// A small source for the tests of this module.
#[cfg(test)]
fn sample(id: &str) -> SourceRecord {
    use crate::sheet::{Access, Coverage, Permission, Provider, Rights};

    SourceRecord {
        id: SourceId::new(id).unwrap(),
        domain: "transport".into(),
        domain_title: Text::new("Transports", "Transport"),
        sheet: Sheet {
            title: Text::same(id),
            description: Text::default(),
            provider: Provider {
                name: format!("Provider of {id}"),
                url: format!("https://{id}.example/"),
            },
            docs: format!("https://{id}.example/docs"),
            content: Text::default(),
            periodicity: Text::default(),
            access: Access {
                key: None,
                limits: Vec::new(),
                note: None,
            },
            rights: Rights {
                licence: format!("Licence of {id}"),
                url: format!("https://{id}.example/terms"),
                attribution: id.to_owned(),
                archive: Permission::Allowed,
                republish: Permission::Doubtful,
                note: None,
            },
            coverage: Coverage::default(),
            quirks: Vec::new(),
        },
        model: ModelRecord {
            events: false,
            format: "JSON".into(),
            measures: Vec::new(),
            attributes: Vec::new(),
            located: true,
            leading: Vec::new(),
        },
        periodicity: Periodicity {
            publishes_seconds: None,
            collect_seconds: 300,
            stale_after_seconds: 3600,
            horizon_seconds: 3600,
        },
        measured: Measured::default(),
        seen: Seen::default(),
    }
}
