//! Where a figure comes from: the captures whose rows went into it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::{Json, extract::State};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::task::block_in_place;
use utoipa::{IntoParams, ToSchema};
use vigie_core::{
    analysis::Credit,
    bucket::{Bucket, BucketKey, Samples},
    event::{Event, EventKey},
    measure::Measure,
    sheet::Permission,
    text::{EntityId, SourceId, Text},
    time,
};
use vigie_sources::{Definition, Model};
use vigie_store::{
    ledger::{Entry, Ledger, LedgerError},
    store::Store,
};

use super::{
    super::{Shared, data::leading, range},
    Asked, Refusal, absent, bad,
    captures::CaptureLine,
    known, ledger_of,
};
use crate::{
    app::{App, store_failure},
    failure::{Failure, Outcome},
};

/// Captures listed.
const CAPTURES_MAX: usize = 100;
/// Readings listed.
const READINGS_MAX: usize = 100;
/// The longest stretch that is looked back at.
const STRETCH_MAX: SignedDuration = SignedDuration::from_hours(400 * 24);
/// The longest whose summaries are looked into; of longer ones the times of the rows are told.
const SUMMARIES_MAX: SignedDuration = SignedDuration::from_hours(32 * 24);
/// Beyond its horizon a body seldom has rows of an hour.
const MARGIN: SignedDuration = SignedDuration::from_hours(24);

/// How it is known which captures went into a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Evidence {
    /// The summary still has its samples, and each says when it was fetched: these captures, and no others.
    Samples,
    /// The versions of the event say when each was fetched first.
    Versions,
    /// By their times: every capture whose rows were observed in that stretch.
    Times,
}

/// Where a figure comes from.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Provenance {
    /// The source.
    source: String,
    /// Its title.
    title: Text,
    /// Whom to credit, and the licence.
    credit: Credit,
    /// Whether raw bodies may be republished.
    republish: Permission,
    /// Whether the data come from the built-in simulator.
    simulated: bool,
    /// The start of the stretch that the figure is of.
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// The first instant after it.
    #[schema(value_type = String, format = DateTime)]
    to: Timestamp,
    /// The entity or event, as the provider names it.
    key: Option<String>,
    /// What it is called. Text from outside: never markup.
    name: Option<String>,
    /// How the captures are known.
    basis: Evidence,
    /// Whether samples have given way to their statistics, as in hours with very many.
    sealed: bool,
    /// The samples that count, where the summary still has them.
    samples: Option<u64>,
    /// Those samples, and those they superseded, with the times at which they became known; the latest 100, oldest first. What
    /// was known at a time are those that were fetched until then.
    readings: Vec<Reading>,
    /// What the readings have the values of: the measure that the source leads with.
    measure: Option<Measure>,
    /// What the provider has said of the event, oldest first.
    versions: Vec<VersionLine>,
    /// The captures, newest first, at most 100.
    captures: Vec<CaptureLine>,
    /// How many there are in all. Those that are not listed are found by asking about shorter stretches.
    count: u64,
    /// Whether there are more than those listed.
    more: bool,
}

/// What was observed of an entity, and when it was fetched.
#[derive(Debug, Serialize, ToSchema)]
struct Reading {
    /// When it was observed.
    #[schema(value_type = String, format = DateTime)]
    observed_at: Timestamp,
    /// When it was fetched, the first time.
    #[schema(value_type = String, format = DateTime)]
    fetched_at: Timestamp,
    /// Whether the provider said something else later.
    superseded: bool,
    /// The value of the leading measure, if the observation has one.
    value: Option<f64>,
}

/// What a provider said of an event.
#[derive(Debug, Serialize, ToSchema)]
struct VersionLine {
    /// The provider's order of revisions; 0 when it gives none.
    revision: i64,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    observed_at: Timestamp,
    /// When the provider published this version, if it says so.
    #[schema(value_type = Option<String>, format = DateTime)]
    published_at: Option<Timestamp>,
    /// When it was fetched first.
    #[schema(value_type = String, format = DateTime)]
    fetched_at: Timestamp,
    /// Its title. Text from outside: never markup.
    title: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ProvenanceQuery {
    /// The source.
    source: String,
    /// The entity, as the provider names it; without it, all entities together.
    entity: Option<String>,
    /// The event, as the provider names it.
    key: Option<String>,
    /// An instant of the local hour that the figure is of (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
    /// Or the start of a longer stretch, as a local date or an instant (RFC 3339)…
    from: Option<String>,
    /// …and its last local date, or the first instant after it.
    to: Option<String>,
}

/// What was found out before the ledger is asked.
struct Found {
    from: Timestamp,
    to: Timestamp,
    key: Option<EntityId>,
    name: Option<String>,
    sealed: bool,
    samples: Option<u64>,
    readings: Vec<Reading>,
    versions: Vec<VersionLine>,
    /// When what counts was fetched, if it is known.
    fetched: Option<BTreeSet<Timestamp>>,
}

/// Where a figure comes from.
#[utoipa::path(get, path = "/api/v1/provenance", params(ProvenanceQuery), responses(
    (status = 200, description = "The captures whose rows went into the figure", body = Provenance),
    (status = 400, description = "A parameter is wrong"),
    (status = 404, description = "No such source or event")))]
pub(super) async fn provenance(
    State(shared): State<Shared>,
    Asked(asked): Asked<ProvenanceQuery>,
) -> Result<Json<Provenance>, Refusal> {
    let app = &shared.app;
    let definition = known(app, &asked.source)?;
    let identifier =
        |text: &str| EntityId::new(text).ok_or_else(|| bad("an identifier has 1 to 256 bytes"));
    let found = if let Some(key) = &asked.key {
        of_event(&shared.store, &definition, identifier(key)?).await?
    } else {
        let (from, to) = stretch(app, &asked)?;
        let entity = asked.entity.as_deref().map(identifier).transpose()?;
        let found = Found {
            from,
            to,
            key: entity,
            name: None,
            sealed: false,
            samples: None,
            readings: Vec::new(),
            versions: Vec::new(),
            fetched: None,
        };
        of_hours(app, &shared.store, &definition, found).await?
    };
    let provenance = block_in_place(|| answer(app, &definition, found))?;
    Ok(Json(provenance))
}

/// The stretch asked for: the local hour of an instant, or what stands between two.
fn stretch(app: &App, asked: &ProvenanceQuery) -> Result<(Timestamp, Timestamp), Refusal> {
    let range = range(app, asked.from.as_deref(), asked.to.as_deref())?;
    match (asked.at, range.from, range.to) {
        (Some(at), None, None) => {
            let start = time::hour_start(at, app.tz());
            Ok((start, time::hour_end(start, app.tz())))
        }
        (None, Some(from), Some(to)) if to.duration_since(from) <= STRETCH_MAX => Ok((from, to)),
        (None, Some(_), Some(_)) => Err(bad("`from` is 400 days before `to` at most")),
        _ => Err(bad(
            "say `at`, or `from` and `to`, or the `key` of an event",
        )),
    }
}

async fn of_event(
    store: &Arc<dyn Store>,
    definition: &Definition,
    key: EntityId,
) -> Result<Found, Refusal> {
    let none = || absent(format!("no event of `{}` is called so", definition.id));
    if definition.model != Model::Events {
        return Err(none());
    }
    let key = EventKey {
        source: definition.id.clone(),
        key,
    };
    let loaded = store.load_events(std::slice::from_ref(&key)).await;
    let event: Event = loaded
        .map_err(store_failure)?
        .pop()
        .ok_or_else(none)?
        .document;
    let current = event.current().ok_or_else(none)?;
    let (from, name) = (current.observed_at, current.title.clone());
    let to = from.saturating_add(SignedDuration::from_secs(1));
    let versions = event.versions.iter().map(|version| VersionLine {
        revision: version.revision,
        observed_at: version.observed_at,
        published_at: version.published_at,
        fetched_at: version.first_fetched_at,
        title: version.title.clone(),
    });
    let fetched = event
        .versions
        .iter()
        .map(|version| version.first_fetched_at);
    Ok(Found {
        from,
        to: to.unwrap_or(Timestamp::MAX),
        name,
        sealed: false,
        samples: None,
        readings: Vec::new(),
        versions: versions.collect(),
        fetched: Some(fetched.collect()),
        key: Some(key.key),
    })
}

/// What the buckets of an entity still know.
async fn of_hours(
    app: &App,
    store: &Arc<dyn Store>,
    definition: &Definition,
    mut found: Found,
) -> Result<Found, Refusal> {
    let Some(entity) = &found.key else {
        return Ok(found);
    };
    let long = found.to.duration_since(found.from) > SUMMARIES_MAX;
    if definition.model != Model::Observations || long {
        return Ok(found);
    }
    let keys: Vec<BucketKey> =
        time::hours_between(time::hour_start(found.from, app.tz()), found.to, app.tz())
            .into_iter()
            .map(|hour| BucketKey {
                source: definition.id.clone(),
                entity: entity.clone(),
                hour,
            })
            .collect();
    let buckets = store.load_buckets(&keys).await.map_err(store_failure)?;
    let buckets: Vec<Bucket> = buckets.into_iter().map(|found| found.document).collect();
    let newest = buckets.iter().max_by_key(|bucket| bucket.label.stamp);
    found.name = newest.and_then(|bucket| bucket.label.name.clone());
    let measures = || buckets.iter().flat_map(|bucket| bucket.measures.values());
    found.sealed = measures().any(|samples| samples.frozen.is_some());
    if !found.sealed && !buckets.is_empty() {
        let superseded = measures().flat_map(Samples::superseded).map(|s| s.stamp);
        let stamps = measures().flat_map(|samples| samples.stamps().iter().copied());
        let fetched = (stamps.chain(superseded))
            .flat_map(|stamp| [stamp.first_fetched_at, stamp.last_fetched_at])
            .filter_map(|at| Timestamp::from_millisecond(at).ok())
            .collect();
        found.samples = Some(measures().map(|samples| samples.len() as u64).sum());
        found.readings = readings(&buckets, leading(definition));
        found.fetched = Some(fetched);
    }
    Ok(found)
}

/// The observations of buckets, each once, with the value of a measure where it has one.
fn readings(buckets: &[Bucket], measure: Option<&Measure>) -> Vec<Reading> {
    let mut known: BTreeMap<(i64, i64), (bool, Option<f64>)> = BTreeMap::new();
    for (id, samples) in buckets.iter().flat_map(|bucket| &bucket.measures) {
        let leads = measure.is_some_and(|measure| measure.id == *id);
        let counting = samples.iter().map(|sample| (sample, false));
        let superseded = samples.superseded().iter().map(|sample| (*sample, true));
        for (sample, superseded) in counting.chain(superseded) {
            // What the leading measure says decides; another may have been revised alone.
            let key = (sample.stamp.at, sample.stamp.first_fetched_at);
            let said = known.entry(key).or_insert((superseded, None));
            if leads {
                *said = (superseded, Some(sample.value));
            }
        }
    }
    let latest = known.len().saturating_sub(READINGS_MAX);
    let reading = |((at, fetched_at), (superseded, value))| {
        Some(Reading {
            observed_at: Timestamp::from_millisecond(at).ok()?,
            fetched_at: Timestamp::from_millisecond(fetched_at).ok()?,
            superseded,
            value,
        })
    };
    known.into_iter().skip(latest).filter_map(reading).collect()
}

/// How many captures started at these times; `None` where one of the times has none.
fn count_of(
    ledger: &Ledger,
    source: &SourceId,
    fetched: &BTreeSet<Timestamp>,
) -> Result<Option<u64>, LedgerError> {
    let (Some(first), Some(last)) = (fetched.first(), fetched.last()) else {
        return Ok(None);
    };
    let mut starts = ledger.starts(source, *first, *last)?;
    starts.retain(|at| fetched.contains(at));
    let distinct: BTreeSet<Timestamp> = starts.iter().copied().collect();
    Ok((distinct.len() == fetched.len()).then_some(starts.len() as u64))
}

fn answer(app: &App, definition: &Definition, found: Found) -> Outcome<Provenance> {
    let ledger = ledger_of(app)?;
    let source = &definition.id;
    let mut entries: Vec<Entry> = Vec::new();
    // Samples of a replay, or of a ledger that was lost, have no capture of their time: then the times of the rows must do.
    let mut count = found.fetched.as_ref().map_or(Ok(None), |fetched| {
        count_of(&ledger, source, fetched).map_err(Failure::usage)
    })?;
    let exact = count.is_some();
    if exact {
        for at in (found.fetched.iter().flatten().rev()).take(CAPTURES_MAX) {
            entries.extend(ledger.started_at(source, *at).map_err(Failure::usage)?);
        }
    } else {
        let stretch = (found.from, found.to);
        let earliest = found.from.saturating_sub(MARGIN);
        let latest = found
            .to
            .saturating_add(definition.horizon.saturating_add(MARGIN));
        let usual = (
            earliest.unwrap_or(Timestamp::MIN),
            latest.unwrap_or(Timestamp::MAX),
        );
        for fetched in [usual, (Timestamp::MIN, Timestamp::MAX)] {
            entries = ledger
                .covering(source, stretch, fetched, CAPTURES_MAX)
                .map_err(Failure::usage)?;
            if !entries.is_empty() {
                let counted = ledger.count_covering(source, stretch, fetched);
                count = Some(counted.map_err(Failure::usage)?);
                break;
            }
        }
    }
    let count = count.unwrap_or(0);
    entries.truncate(CAPTURES_MAX);
    let more = count > entries.len() as u64;
    let captures = entries
        .into_iter()
        .map(|entry| CaptureLine::new(app, &ledger, entry));
    Ok(Provenance {
        source: source.to_string(),
        title: definition.sheet.title.clone(),
        credit: definition.credit(),
        republish: definition.sheet.rights.republish,
        simulated: app.config().simulated,
        from: found.from,
        to: found.to,
        key: found.key.map(|key| key.to_string()),
        name: found.name,
        basis: match (exact, found.versions.is_empty()) {
            (false, _) => Evidence::Times,
            (true, true) => Evidence::Samples,
            (true, false) => Evidence::Versions,
        },
        sealed: found.sealed,
        samples: found.samples,
        measure: leading(definition)
            .filter(|_| !found.readings.is_empty())
            .cloned(),
        readings: found.readings,
        versions: found.versions,
        captures: captures.collect::<Outcome<_>>()?,
        count,
        more,
    })
}
