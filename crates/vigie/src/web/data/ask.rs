//! What a request asks for: the parameters of its address, and why one of them is refused.

use std::{str::FromStr, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use vigie_core::{
    analysis::Credit,
    measure::{Kind, Measure},
    series::{Step, Steps, latest},
    text::{EntityId, MeasureId, SourceId},
};
use vigie_sources::{Definition, Model};
use vigie_store::store::{Store, SummaryQuery};

use super::super::{Refusal, Shared, range};
use crate::{
    app::{App, store_failure},
    export::range::Range,
    failure::{Failure, nearest},
};
use axum::http::StatusCode;

/// The entity that stands for all of a source together.
pub(super) const TOGETHER: &str = "*";
/// The most points of an answer.
pub(super) const POINTS_MAX: usize = 50_000;
/// The most buckets that are read for one answer.
pub(super) const BUCKETS_MAX: usize = 1_500_000;

/// A refusal of what was asked.
pub(super) fn bad(reason: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, reason.into())
}

/// A refusal of what is more than an answer holds.
pub(super) fn too_much(reason: impl Into<String>) -> Refusal {
    bad(reason).named("too_much")
}

/// A refusal of what is not there.
pub(super) fn missing(reason: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, reason.into())
}

/// The parameters of an address, in their order; some may come several times.
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Takes the parameters of an address. One that nobody knows is an error: what it was meant to narrow would else be answered
    /// in full.
    pub(super) fn new(given: Vec<(String, String)>, known: &[&str]) -> Result<Self, Refusal> {
        // `token` opens the page (see `guard`).
        let stranger = given
            .iter()
            .find(|(name, _)| name != "token" && !known.contains(&name.as_str()));
        if let Some((name, _)) = stranger {
            let meant = nearest(name, known.iter().copied())
                .map_or(String::new(), |near| format!(": did you mean `{near}`?"));
            return Err(bad(format!(
                "no parameter is called `{name}`{meant} (there are {})",
                known.join(", ")
            )));
        }
        Ok(Self(given))
    }

    /// A parameter that is given once at most; an empty one counts as not given.
    pub(super) fn one(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let mut values = self.all(name);
        let first = values.next();
        if values.next().is_some() {
            return Err(bad(format!("`{name}` is given several times")));
        }
        Ok(first)
    }

    /// All values of a parameter.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.0.iter().filter(move |(known, _)| known == name);
        named
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// A parameter that must be given.
    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.one(name)?
            .ok_or_else(|| bad(format!("`{name}` is missing")))
    }

    /// A parameter that is read as a value.
    pub(super) fn parsed<T: FromStr>(&self, name: &str, what: &str) -> Result<Option<T>, Refusal> {
        let text = self.one(name)?;
        text.map(|text| {
            text.parse()
                .map_err(|_| bad(format!("{name} `{text}` is not {what}")))
        })
        .transpose()
    }

    /// A number of things, at most `most`.
    pub(super) fn limit(&self, usual: usize, most: usize) -> Result<usize, Refusal> {
        let limit = self.parsed("limit", "a whole number")?.unwrap_or(usual);
        if (1..=most).contains(&limit) {
            Ok(limit)
        } else {
            Err(bad(format!("limit is from 1 to {most}")))
        }
    }

    /// The stretch of time between `from` and `to`.
    pub(super) fn range(&self, app: &App) -> Result<Range, Refusal> {
        range(app, self.one("from")?, self.one("to")?)
    }

    /// The time whose knowledge is asked for.
    pub(super) fn known_at(&self) -> Result<Option<Timestamp>, Refusal> {
        self.parsed(
            "known_at",
            "a time with its offset (2026-11-23T14:05:00+01:00)",
        )
    }

    /// The length of the steps; an hour where nothing is said.
    pub(super) fn step(&self) -> Result<Step, Refusal> {
        let Some(text) = self.one("step")? else {
            return Ok(Step::Hour);
        };
        let known = Step::ALL.into_iter().find(|step| step.as_str() == text);
        known.ok_or_else(|| bad(format!("step `{text}` is none of hour, day, week, month")))
    }

    /// The steps from `from` to `to`, at most `most`. Without `to` they end with the hour of `now`; without `from` they begin
    /// a day, a month, half a year or three years before.
    pub(super) fn steps(
        &self,
        app: &App,
        now: Timestamp,
        step: Step,
        most: usize,
    ) -> Result<Steps, Refusal> {
        let range = self.range(app)?;
        let usual = match step {
            Step::Hour => SignedDuration::from_hours(24),
            Step::Day => SignedDuration::from_hours(24 * 31),
            Step::Week => SignedDuration::from_hours(24 * 182),
            Step::Month => SignedDuration::from_hours(24 * 1096),
        };
        let to = range.to.unwrap_or_else(|| latest(now, usual, app.tz()).1);
        let from = match range.from {
            Some(from) => from,
            None => to.saturating_sub(usual).unwrap_or(Timestamp::MIN),
        };
        if from >= to {
            return Err(bad(format!("nothing lies between {from} and {to}")));
        }
        Steps::over(step, from, to, app.tz(), most).ok_or_else(|| {
            too_much(format!(
                "more than {most} steps: ask for less time, fewer entities, or a longer step than `{}`",
                step.as_str()
            ))
        })
    }
}

/// The source that a parameter names.
pub(super) fn source(app: &App, name: &str) -> Result<Arc<Definition>, Refusal> {
    let id = SourceId::new(name).map_err(|error| bad(error.to_string()))?;
    app.definition(&id)
        .map_err(|failure| missing(plain(&failure)))
}

/// The failure without the word that begins it on a terminal.
fn plain(failure: &Failure) -> String {
    let report = failure.report();
    report
        .trim_start_matches("error: ")
        .replace("\n  hint: ", "; ")
}

/// The measure that is named; where none is, the one that the source leads with.
pub(super) fn measure<'a>(
    definition: &'a Definition,
    name: Option<&str>,
) -> Result<&'a Measure, Refusal> {
    let measures = &definition.measures;
    let found = match name {
        Some(name) => measures.iter().find(|measure| measure.id.as_str() == name),
        None => leading(definition),
    };
    found.ok_or_else(|| {
        let names: Vec<&str> = measures.iter().map(|measure| measure.id.as_str()).collect();
        missing(format!(
            "{} has no measure `{}` (it has {})",
            definition.id,
            name.unwrap_or_default(),
            names.join(", ")
        ))
    })
}

/// The measure that a source leads with.
pub(in crate::web) fn leading(definition: &Definition) -> Option<&Measure> {
    let mut measures = definition.measures.iter();
    measures
        .find(|measure| measure.headline)
        .or(definition.measures.first())
}

/// The entities asked for, at most `most`; none stands for all together.
pub(super) fn entities(parameters: &Parameters, most: usize) -> Result<Vec<EntityId>, Refusal> {
    let mut entities: Vec<EntityId> = Vec::new();
    for text in parameters.all("entity").filter(|text| *text != TOGETHER) {
        let entity = EntityId::new(text).ok_or_else(|| {
            bad(format!(
                "an entity is named with {} bytes at most",
                EntityId::BYTES_MAX
            ))
        })?;
        if !entities.contains(&entity) {
            entities.push(entity);
        }
    }
    if !entities.is_empty() && parameters.all("entity").any(|text| text == TOGETHER) {
        return Err(bad(
            "entity=* is all of them together: ask for it by itself",
        ));
    }
    if entities.len() > most {
        return Err(bad(format!("at most {most} entities at once")));
    }
    Ok(entities)
}

/// Says that an entity is unknown, where the store has nothing of it at any time.
pub(super) async fn check_entity(
    shared: &Shared,
    definition: &Definition,
    entity: &EntityId,
) -> Result<(), Refusal> {
    let query = SummaryQuery {
        source: Some(definition.id.clone()),
        entity: Some(entity.clone()),
        ..SummaryQuery::default()
    };
    let mut known = false;
    let mut each = |_| {
        known = true;
        std::ops::ControlFlow::Break(())
    };
    let store: &Arc<dyn Store> = &shared.store;
    let read = store.summaries(&query, &mut each).await;
    read.map_err(store_failure)?;
    if known {
        return Ok(());
    }
    Err(missing(format!(
        "{} has said nothing of `{entity}`: /api/v1/entities?source={} lists what it speaks of",
        definition.id, definition.id
    )))
}

/// What a line of a chart is called: a source, a measure and an entity, written `source/measure/entity`. The entity may hold
/// slashes; `*` stands for all together, and for events the measure may be `*` too, as they are counted.
pub(super) struct Line {
    pub(super) definition: Arc<Definition>,
    pub(super) measure: Option<MeasureId>,
    pub(super) entity: Option<EntityId>,
}

impl Line {
    pub(super) fn parse(app: &App, text: &str) -> Result<Self, Refusal> {
        let mut parts = text.splitn(3, '/');
        let (Some(name), Some(wanted)) = (parts.next(), parts.next()) else {
            return Err(bad(format!(
                "`{text}` is not written source/measure/entity"
            )));
        };
        let definition = source(app, name)?;
        let measure = match wanted {
            TOGETHER if definition.model == Model::Events => None,
            wanted => Some(measure(&definition, Some(wanted))?.id.clone()),
        };
        let entity = parts
            .next()
            .filter(|entity| *entity != TOGETHER && !entity.is_empty())
            .map(|entity| {
                EntityId::new(entity)
                    .ok_or_else(|| bad(format!("`{entity}` is too long for an entity")))
            })
            .transpose()?;
        Ok(Self {
            definition,
            measure,
            entity,
        })
    }
}

/// Which figure of a step stands for it in a chart: of levels the mean, of what only grows and of ranks the last.
pub(super) fn figure(kind: Kind) -> &'static str {
    match kind {
        Kind::Gauge | Kind::Direction => "mean",
        Kind::Counter | Kind::Rank => "last",
        Kind::Event => "count",
    }
}

/// The credit, with a warning where the data are made up.
pub(super) fn attribution(app: &App, credit: &Credit) -> String {
    if app.config().simulated {
        format!("SIMULATED DATA, not from: {}", credit.attribution)
    } else {
        credit.attribution.clone()
    }
}
