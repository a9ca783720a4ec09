//! Rules on what is unlike the days before: the deviations of the analysis, looked for once an hour.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use vigie_core::{
    analysis::{Anomaly, PeriodKind, SourceAnalysis},
    measure::{Across, Kind, Measure},
    text::Language,
    time::{hour_start, local_date, period},
};
use vigie_report::quantity;
use vigie_sources::{Definition, Model};
use vigie_store::store::Store;

use super::observe::{Look, Observed, Observer};
use crate::{
    analyse::{Past, analyse_source},
    app::App,
    config::AlertConfig,
    failure::Outcome,
    outbox::Judged,
};

/// How long after the turn of an hour it is looked at: what was observed in it is to be here.
const AFTER: SignedDuration = SignedDuration::from_mins(10);
/// A deviation that ended longer ago is over. It is known some time after its hour.
const RECENT: SignedDuration = SignedDuration::from_hours(3);
/// The same of a source that says something once a day.
const RECENT_DAYS: SignedDuration = SignedDuration::from_hours(36);

/// Why nothing can be unusual there, in words.
pub(super) fn problem(definition: &Definition, measure: Option<&str>) -> Option<String> {
    let id = &definition.id;
    let Some(leading) = leading(definition) else {
        return Some(format!(
            "{id} has no hours that could be unusual: it says events"
        ));
    };
    // As in the analysis: ranks, counters and directions have no usual value, nor do prices.
    let has_usual = leading.kind == Kind::Gauge && leading.across != Across::Each;
    if !has_usual {
        return Some(format!(
            "of `{}` of {id} nothing is usual: it never comes back to a level",
            leading.id
        ));
    }
    measure
        .filter(|wanted| *wanted != leading.id.as_str())
        .map(|_| {
            format!(
                "what is unusual is looked for in `{}` of {id} only",
                leading.id
            )
        })
}

/// The measure by which a source is judged: the one that the analysis leads with.
fn leading(definition: &Definition) -> Option<&Measure> {
    let measures = &definition.measures;
    let leading = measures.iter().find(|measure| measure.headline);
    leading
        .or(measures.first())
        .filter(|_| definition.model == Model::Observations)
}

/// The measure that a rule is about.
pub(super) fn leading_of(app: &App, rule: &AlertConfig) -> Option<Measure> {
    leading(&*app.known(&rule.source)?).cloned()
}

impl Observer<'_> {
    /// Looks for what is unusual, unless that was done in this hour.
    pub(super) async fn unusual(
        &mut self,
        store: &Arc<dyn Store>,
        rule: &AlertConfig,
        definition: &Definition,
    ) -> Outcome<Look> {
        let (app, now) = (self.app, self.now);
        let hour = hour_start(now.saturating_sub(AFTER).unwrap_or(now), app.tz());
        let analysis = match (self.found.get(&rule.source), self.judged.get(&rule.source)) {
            (Some(found), _) => found.clone(),
            (None, Some(judged)) if judged.hour == hour => {
                return Ok(Look {
                    unknown: !judged.known,
                    ..Look::default()
                });
            }
            _ => {
                // In the first hours of a day there is more to be said of the day before.
                let date = local_date(now.saturating_sub(RECENT).unwrap_or(now), app.tz());
                let period = period(PeriodKind::Day, date, app.tz());
                let found = analyse_source(app, store, definition, &period, Past::Read).await?;
                let known = is_known(&found);
                self.judged
                    .insert(rule.source.clone(), Judged { hour, known });
                let found = Arc::new(found);
                self.found.insert(rule.source.clone(), found.clone());
                found
            }
        };
        let every = app.schedule(definition).every();
        let recent = if every >= SignedDuration::from_hours(24) {
            RECENT_DAYS
        } else {
            RECENT.max(every * 2)
        };
        Ok(look(&analysis, rule, now, recent, app.config().language))
    }
}

/// Whether values were judged, and lately.
fn is_known(analysis: &SourceAnalysis) -> bool {
    let judged = analysis.findings.anomalies.as_ref();
    judged.is_some_and(|all| all.judged > 0) && !analysis.freshness.stale
}

fn look(
    analysis: &SourceAnalysis,
    rule: &AlertConfig,
    now: Timestamp,
    recent: SignedDuration,
    language: Language,
) -> Look {
    let Some((all, measure)) = analysis
        .findings
        .anomalies
        .as_ref()
        .zip(analysis.leading_measure.as_ref())
        .filter(|_| is_known(analysis))
    else {
        return Look::unknown(None);
    };
    // The analysis names entities; the rule has the provider's identifier.
    let subject_of = |anomaly: &Anomaly| match &anomaly.entity {
        None => String::new(),
        Some(name) => {
            let mut lines = analysis.entities.iter();
            let known = lines.find(|line| line.name == *name);
            known.map_or_else(|| name.clone(), |line| line.entity.clone())
        }
    };
    let observed = all
        .found
        .iter()
        .filter(|anomaly| now.duration_since(anomaly.to) <= recent)
        .map(|anomaly| Observed {
            subject: subject_of(anomaly),
            name: anomaly
                .entity
                .clone()
                .unwrap_or_else(|| analysis.title.get(language).to_owned()),
            holds: Some(true),
            figure: figure(anomaly, measure, language),
        })
        .filter(|observed| {
            let wanted = rule.entity.as_deref();
            wanted.is_none_or(|entity| entity == observed.subject)
        });
    let one_in = (1.0 / all.false_alarm_rate.max(f64::MIN_POSITIVE)).round();
    let one_in = quantity(one_in, 0, "1", language);
    let note = match language {
        Language::Fr => format!("Le hasard seul signalerait environ une valeur sur {one_in}."),
        Language::En => format!("Chance alone would flag about one value in {one_in}."),
    };
    let mut look = Look {
        observed: observed.collect(),
        complete: true,
        note: Some(note),
        ..Look::default()
    };
    // Of a subject the most unusual stretch stands first.
    let mut seen = Vec::new();
    look.observed.retain(|observed| {
        let is_new = !seen.contains(&observed.subject);
        seen.push(observed.subject.clone());
        is_new
    });
    look
}

fn figure(anomaly: &Anomaly, measure: &Measure, language: Language) -> String {
    let arrow = if anomaly.above { "↑" } else { "↓" };
    let value = quantity(anomaly.value, measure.decimals, &measure.unit, language);
    let plain = |value: f64| quantity(value, measure.decimals, "1", language);
    let (low, high) = (plain(anomaly.usual.low), plain(anomaly.usual.high));
    match language {
        Language::Fr => format!("{arrow} {value} (habituel\u{A0}: {low} à {high})"),
        Language::En => format!("{arrow} {value} (usual: {low} to {high})"),
    }
}
