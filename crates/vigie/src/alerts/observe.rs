//! What a rule says now of each of its subjects.

use std::{collections::HashMap, ops::ControlFlow, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use vigie_core::{
    analysis::{Period, PeriodKind},
    bucket::BucketSummary,
    event::Event,
    measure::Measure,
    stats::At,
    text::EntityId,
    time::local_date,
};
use vigie_report::{percent, quantity, span};
use vigie_sources::{Definition, Model};
use vigie_store::store::{EventQuery, Store, SummaryQuery};

use crate::{
    analyse::ledger_facts,
    app::{App, store_failure},
    config::AlertConfig,
    failure::{Failure, Outcome, nearest},
};

/// How far back events are looked at, and downloads counted.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// How far back values are looked for at least.
const VALUES_WITHIN: SignedDuration = SignedDuration::from_hours(3);
/// Of fewer downloads than this nothing is said.
const DOWNLOADS_MIN: u64 = 3;

/// What a rule says of its subjects.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// Each subject about which there is something to say.
    pub(super) observed: Vec<Observed>,
    /// Whether subjects happen and are over (events), instead of going on (stations).
    pub(super) happen: bool,
}

impl Look {
    /// Whether nothing can be said.
    pub(super) fn is_unknown(&self) -> bool {
        !self.happen
            && self
                .observed
                .iter()
                .all(|observed| observed.holds.is_none())
    }
}

/// What a rule says of a subject.
#[derive(Debug)]
pub(super) struct Observed {
    /// The entity, the event, or nothing for the source as a whole.
    pub(super) subject: String,
    /// What it is called. Text from outside.
    pub(super) name: String,
    /// Whether the condition holds, where that is known.
    pub(super) holds: Option<bool>,
    /// The figure that decides, in words.
    pub(super) figure: String,
}

/// What is wrong with the rules: sources and measures that are not there.
pub(crate) fn problems(app: &App) -> Vec<String> {
    let mut problems = Vec::new();
    for rule in &app.config().alerts {
        let place = format!("the alert `{}`", rule.name);
        let Some(definition) = definition(app, rule) else {
            problems.push(format!("{place}: `{}` is not enabled", rule.source));
            continue;
        };
        if let Some(wanted) = &rule.measure
            && measure(&definition, wanted).is_none()
        {
            let known: Vec<&str> = definition.measures.iter().map(|m| m.id.as_str()).collect();
            let hint = match nearest(wanted, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it has {}", known.join(", ")),
            };
            problems.push(format!(
                "{place}: {} has no measure `{wanted}`: {hint}",
                rule.source
            ));
        }
    }
    problems
}

fn definition(app: &App, rule: &AlertConfig) -> Option<Arc<Definition>> {
    let enabled = app.enabled();
    enabled
        .into_iter()
        .find(|definition| definition.id == rule.source)
}

/// The measure of a rule.
pub(super) fn measure_of(app: &App, rule: &AlertConfig) -> Option<Measure> {
    measure(&*definition(app, rule)?, rule.measure.as_deref()?).cloned()
}

fn measure<'d>(definition: &'d Definition, wanted: &str) -> Option<&'d Measure> {
    let mut measures = definition.measures.iter();
    measures.find(|measure| measure.id.as_str() == wanted)
}

/// Looks at a rule. A rule of a source that is not enabled says nothing.
pub(super) async fn observe(
    app: &App,
    store: Option<&Arc<dyn Store>>,
    rule: &AlertConfig,
    now: Timestamp,
) -> Outcome<Look> {
    let Some(definition) = definition(app, rule) else {
        return Ok(Look::default());
    };
    let happen = definition.model == Model::Events && rule.measure.is_some();
    let observed = match rule.measure.as_deref() {
        Some(wanted) => match (store, measure(&definition, wanted)) {
            (Some(store), Some(measure)) if happen => {
                events(app, store, rule, measure, now).await?
            }
            (Some(store), Some(measure)) => {
                values(app, store, rule, &definition, measure, now).await?
            }
            _ => Vec::new(),
        },
        None => vec![of_source(app, rule, &definition, now)?],
    };
    Ok(Look { observed, happen })
}

impl AlertConfig {
    fn holds(&self, value: f64) -> bool {
        self.above.is_some_and(|limit| value >= limit)
            || self.below.is_some_and(|limit| value <= limit)
    }
}

async fn values(
    app: &App,
    store: &Arc<dyn Store>,
    rule: &AlertConfig,
    definition: &Definition,
    measure: &Measure,
    now: Timestamp,
) -> Outcome<Vec<Observed>> {
    let within = definition.stale_after.max(VALUES_WITHIN);
    let query = SummaryQuery {
        source: Some(rule.source.clone()),
        entity: rule.entity.as_deref().and_then(EntityId::new),
        // The hour in which that time lies, too.
        from: now.checked_sub(within + SignedDuration::from_hours(1)).ok(),
        to: None,
    };
    let mut latest: HashMap<EntityId, (At, Option<String>)> = HashMap::new();
    let mut each = |summary: BucketSummary| {
        let last = summary
            .measures
            .get(&measure.id)
            .and_then(|found| found.stats.last);
        if let Some(last) = last
            && latest
                .get(&summary.key.entity)
                .is_none_or(|(known, _)| known.0 <= last.0)
        {
            latest.insert(summary.key.entity, (last, summary.label.name));
        }
        ControlFlow::Continue(())
    };
    store
        .summaries(&query, &mut each)
        .await
        .map_err(store_failure)?;
    let stale_before = now
        .saturating_sub(definition.stale_after)
        .unwrap_or(Timestamp::MIN);
    let language = app.config().language;
    let mut observed: Vec<Observed> = latest
        .into_iter()
        .map(|(entity, (At(at, value), name))| Observed {
            name: name.unwrap_or_else(|| entity.as_str().to_owned()),
            subject: entity.as_str().to_owned(),
            holds: (at >= stale_before.as_millisecond()).then(|| rule.holds(value)),
            figure: quantity(value, measure.decimals, &measure.unit, language),
        })
        .collect();
    observed.sort_unstable_by(|a, b| a.name.cmp(&b.name).then_with(|| a.subject.cmp(&b.subject)));
    Ok(observed)
}

async fn events(
    app: &App,
    store: &Arc<dyn Store>,
    rule: &AlertConfig,
    measure: &Measure,
    now: Timestamp,
) -> Outcome<Vec<Observed>> {
    let query = EventQuery {
        source: Some(rule.source.clone()),
        from: now.checked_sub(DAY).ok(),
        to: None,
    };
    let language = app.config().language;
    let mut observed = Vec::new();
    let mut each = |event: Event| {
        let key = event.key.key.as_str();
        if let Some(current) = event.current()
            && let Some(value) = current.values.get(&measure.id)
            && rule.entity.as_deref().is_none_or(|entity| entity == key)
        {
            observed.push(Observed {
                subject: key.to_owned(),
                name: current.title.clone().unwrap_or_else(|| key.to_owned()),
                holds: Some(rule.holds(*value)),
                figure: quantity(*value, measure.decimals, &measure.unit, language),
            });
        }
        ControlFlow::Continue(())
    };
    store
        .events(&query, &mut each)
        .await
        .map_err(store_failure)?;
    Ok(observed)
}

/// What the ledger says of the source as a whole.
fn of_source(
    app: &App,
    rule: &AlertConfig,
    definition: &Definition,
    now: Timestamp,
) -> Outcome<Observed> {
    let language = app.config().language;
    let (holds, figure) = match (rule.content_age_minutes, rule.completeness_below) {
        (Some(minutes), _) => {
            let newest = app
                .ledger()
                .newest(&rule.source, now)
                .map_err(Failure::usage)?;
            let age = newest.observed_at.map(|at| now.duration_since(at));
            let limit = SignedDuration::from_mins(i64::from(minutes));
            (
                age.map(|age| age > limit),
                age.map_or_else(String::new, |age| {
                    span(age.max(SignedDuration::ZERO), language)
                }),
            )
        }
        (None, Some(least)) => {
            let period = Period {
                kind: PeriodKind::Day,
                date: local_date(now, app.tz()),
                start: now.saturating_sub(DAY).unwrap_or(Timestamp::MIN),
                end: now,
            };
            let (_, captures) = ledger_facts(app, definition, &period, now)?;
            let share = captures.obtained as f64 / captures.expected.max(1) as f64;
            let figure = percent(share, language);
            (
                (captures.expected >= DOWNLOADS_MIN).then_some(share < least),
                format!("{}/{} ({figure})", captures.obtained, captures.expected),
            )
        }
        (None, None) => (None, String::new()),
    };
    Ok(Observed {
        subject: String::new(),
        name: definition.sheet.title.get(language).to_owned(),
        holds,
        figure,
    })
}
