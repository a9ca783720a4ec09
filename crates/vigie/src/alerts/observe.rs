//! What a rule says now of each of its subjects.

use std::{
    collections::{BTreeMap, HashMap},
    ops::ControlFlow,
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use tracing::warn;
use vigie_core::{
    analysis::{Period, PeriodKind, SourceAnalysis},
    bucket::BucketSummary,
    event::Event,
    measure::Measure,
    stats::At,
    text::{EntityId, SourceId},
    time::local_date,
};
use vigie_report::{percent, quantity, span};
use vigie_sources::{Definition, Model};
use vigie_store::{
    error::StoreError,
    store::{EventQuery, Store, SummaryQuery},
};

use super::unusual;
use crate::{
    analyse::ledger_facts,
    app::{App, store_failure},
    config::AlertConfig,
    failure::{Failure, Outcome, nearest},
    outbox::Judged,
};

/// How far back events are looked at, and downloads counted.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// How far back values are looked for at least.
const VALUES_WITHIN: SignedDuration = SignedDuration::from_hours(3);
/// How far ahead of the clock a value may be and still be one of now. What is further on is a forecast.
const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(15);
/// Of fewer downloads than this nothing is said.
const DOWNLOADS_MIN: u64 = 3;

/// What a rule says of its subjects.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// Each subject about which there is something to say.
    pub(super) observed: Vec<Observed>,
    /// Whether subjects happen and are over (events), instead of going on (stations). Only of those who could be asked for.
    pub(super) happen: bool,
    /// Whether the rule does not hold of any other subject.
    pub(super) complete: bool,
    /// Whether nothing can be said.
    pub(super) unknown: bool,
    /// What went wrong.
    pub(super) problem: Option<String>,
    /// What is to be said with it.
    pub(super) note: Option<String>,
}

impl Look {
    pub(super) fn unknown(problem: Option<String>) -> Self {
        Self {
            unknown: true,
            problem,
            ..Self::default()
        }
    }

    fn of(observed: Vec<Observed>) -> Self {
        Self {
            unknown: observed.iter().all(|observed| observed.holds.is_none()),
            observed,
            ..Self::default()
        }
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
    /// The figure that decides, in words; empty where there is none.
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
        if rule.unusual
            && let Some(problem) = unusual::problem(&definition, rule.measure.as_deref())
        {
            problems.push(format!("{place}: {problem}"));
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

/// Who looks at the rules, one after the other.
pub(super) struct Observer<'a> {
    pub(super) app: &'a App,
    /// Nothing once it turned out to be away: each rule would wait for it anew.
    store: Option<&'a Arc<dyn Store>>,
    /// The looks for what is unusual.
    pub(super) judged: BTreeMap<SourceId, Judged>,
    /// What this look found unusual.
    pub(super) found: HashMap<SourceId, Arc<SourceAnalysis>>,
    pub(super) now: Timestamp,
}

impl<'a> Observer<'a> {
    pub(super) fn new(
        app: &'a App,
        store: Option<&'a Arc<dyn Store>>,
        judged: BTreeMap<SourceId, Judged>,
        now: Timestamp,
    ) -> Self {
        Self {
            app,
            store,
            judged,
            found: HashMap::new(),
            now,
        }
    }

    /// Looks at a rule. One that cannot be looked at is in nobody's way.
    pub(super) async fn look_at(&mut self, rule: &AlertConfig) -> Look {
        let looked = self.observe(rule).await;
        looked.unwrap_or_else(|failure| {
            let is_away = failure.error_as::<StoreError>().is_some_and(|error| {
                matches!(
                    error,
                    StoreError::Unavailable { .. } | StoreError::Locked { .. }
                )
            });
            self.store = self.store.filter(|_| !is_away);
            let reason = failure.report();
            warn!(rule = %rule.name, reason, "an alert was not looked at");
            Look::unknown(Some(reason))
        })
    }

    /// A rule of a source that is not enabled says nothing.
    async fn observe(&mut self, rule: &AlertConfig) -> Outcome<Look> {
        let (app, now) = (self.app, self.now);
        let Some(definition) = definition(app, rule) else {
            return Ok(Look::unknown(None));
        };
        if rule.content_age_minutes.is_some() || rule.completeness_below.is_some() {
            return Ok(Look::of(vec![of_source(app, rule, &definition, now)?]));
        }
        let Some(store) = self.store else {
            return Ok(Look::unknown(None));
        };
        if rule.unusual {
            return self.unusual(store, rule, &definition).await;
        }
        let wanted = rule.measure.as_deref().unwrap_or_default();
        let Some(measure) = measure(&definition, wanted) else {
            return Ok(Look::unknown(None));
        };
        if definition.model == Model::Events {
            return Ok(Look {
                observed: events(app, store, rule, measure, now).await?,
                happen: true,
                ..Look::default()
            });
        }
        let observed = values(app, store, rule, &definition, measure, now).await?;
        Ok(Look::of(observed))
    }
}

impl AlertConfig {
    /// Whether a value is beyond the limit.
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
    let until = now.saturating_add(AHEAD_MAX).unwrap_or(Timestamp::MAX);
    let query = SummaryQuery {
        source: Some(rule.source.clone()),
        entity: rule.entity.as_deref().and_then(EntityId::new),
        // The hour in which that time lies, too.
        from: now.checked_sub(within + SignedDuration::from_hours(1)).ok(),
        to: Some(until),
    };
    let mut latest: HashMap<EntityId, (At, Option<String>)> = HashMap::new();
    let mut each = |summary: BucketSummary| {
        // Of an hour that is under way, a forecast knows more than what is now.
        let last = summary.measures.get(&measure.id).and_then(|found| {
            let ends = [found.stats.last, found.stats.first];
            let mut ends = ends.into_iter().flatten();
            ends.find(|At(at, _)| *at <= until.as_millisecond())
        });
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
            && rule.entity.as_deref().is_none_or(|entity| entity == key)
        {
            // One without a value may have had one, and may get one again.
            let value = current.values.get(&measure.id).copied();
            observed.push(Observed {
                subject: key.to_owned(),
                name: current.title.clone().unwrap_or_else(|| key.to_owned()),
                holds: value.map(|value| rule.holds(value)),
                figure: value.map_or_else(String::new, |value| {
                    quantity(value, measure.decimals, &measure.unit, language)
                }),
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
            // What never came is missing since it is asked for.
            let since = match newest.content_at(now) {
                Some(at) => Some(at),
                None => app
                    .ledger()
                    .first_slot(&rule.source)
                    .map_err(Failure::usage)?,
            };
            let age = since.map(|at| now.duration_since(at));
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
