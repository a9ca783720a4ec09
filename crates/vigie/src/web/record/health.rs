//! How the watch is doing: a calendar of completeness, what went wrong, what comes next, quotas and room.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{Json, extract::State};
use jiff::{SignedDuration, Timestamp, ToSpan as _, civil::Date};
use serde::{Deserialize, Serialize};
use tokio::task::block_in_place;
use utoipa::{IntoParams, ToSchema};
use vigie_core::{
    cause::Cause,
    plan::{self, Asked as PlanAsked, Decision, Why},
    secret::Secret,
    text::{Language, Text},
    time,
};
use vigie_sources::Definition;
use vigie_store::{ledger::Ledger, manifest, store::Store};

use super::{super::Shared, Asked, Refusal, bad, captures::CaptureLine, ledger_of};
use crate::{
    app::{App, key_of, store_failure},
    budget,
    collect::{limits, source_state},
    failure::{Failure, Outcome},
    status::{self, Level, Paused, SourceStatus},
};

/// Days of the calendar where the reader does not say how many: five weeks.
const DAYS: u16 = 35;
/// The most days.
const DAYS_MAX: u16 = 400;
/// Problems listed, of all sources together.
const PROBLEMS_MAX: usize = 50;
/// How long the whole is taken from memory. Pages ask again whenever a source has changed.
const HEALTH_LASTS: Duration = Duration::from_secs(2);
/// How long the sizes of folders and of the store are.
const ROOM_LASTS: Duration = Duration::from_mins(1);
/// How long the store may take to say how large it is.
const STORE_WAIT: Duration = Duration::from_secs(5);

/// How the watch is doing.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// By the clock of the server.
    #[schema(value_type = String, format = DateTime)]
    now: Timestamp,
    /// Whether the data come from the built-in simulator.
    simulated: bool,
    /// How things stand, as monitors say it.
    pub(super) level: Level,
    /// Why collecting pauses, if it does.
    pub(super) paused: Option<Paused>,
    /// The local dates of the calendar, oldest first; the last is today.
    #[schema(value_type = Vec<String>)]
    dates: Vec<Date>,
    /// The enabled sources, in the order of domains.
    pub(super) sources: Vec<SourceHealth>,
    /// The latest downloads that went wrong or had rows refused, newest first, at most 50.
    problems: Vec<CaptureLine>,
    /// The published limits, and how much of them is used.
    quotas: Vec<Quota>,
    /// Room on the disk, and the store.
    #[serde(flatten)]
    pub(super) room: Room,
}

/// How a source is doing.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SourceHealth {
    /// The word of its domain.
    domain: String,
    /// Its title.
    title: Text,
    /// The time between two downloads.
    collect_seconds: i64,
    /// What comes next.
    next: NextRun,
    /// A tally for each date of the calendar.
    days: Vec<DayHealth>,
    /// Now.
    #[serde(flatten)]
    pub(super) status: SourceStatus,
}

/// The downloads of a local day.
#[derive(Debug, Serialize, ToSchema)]
struct DayHealth {
    /// Slots whose time had come; none before the source was first asked.
    expected: u64,
    /// Slots for which the provider answered as it should.
    obtained: u64,
    /// Attempts that brought no body.
    failed: u64,
    /// Bodies set aside.
    quarantined: u64,
}

/// When a source is asked next.
#[derive(Debug, Serialize, ToSchema)]
struct NextRun {
    /// When; `None`: it is due now.
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
    /// Why not before.
    why: NextWhy,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum NextWhy {
    /// It is due now.
    Due,
    /// The present slot was obtained.
    Scheduled,
    /// The provider asked to wait.
    RetryAfter,
    /// Earlier attempts failed.
    BackOff,
}

/// The published limits of a host.
#[derive(Debug, Serialize, ToSchema)]
struct Quota {
    /// The host whose limits they are.
    host: String,
    /// Whether requests to it carry a key. The key itself is never shown.
    with_key: bool,
    /// The sources that count against them.
    sources: Vec<String>,
    /// Each limit and its use.
    limits: Vec<QuotaUse>,
}

#[derive(Debug, Serialize, ToSchema)]
struct QuotaUse {
    /// At most so many requests…
    requests: u32,
    /// …in so many seconds.
    per_seconds: u32,
    /// Requests in the last so many seconds.
    used: u64,
}

/// Room: what is large, and takes a while to measure.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Room {
    /// The store of summaries and events.
    pub(super) store: StoreHealth,
    /// The data folder.
    pub(super) disk: DiskHealth,
}

#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub(super) struct StoreHealth {
    /// `sqlite` or `mongodb`.
    kind: Option<&'static str>,
    /// The program that keeps it, with its version.
    server: Option<String>,
    /// Buckets in it.
    pub(super) buckets: Option<u64>,
    /// Events in it.
    pub(super) events: Option<u64>,
    /// Its bytes, where it can tell.
    pub(super) bytes: Option<u64>,
    /// What an operator should know, in English.
    notes: Vec<String>,
    /// Why it cannot be asked, in English.
    error: Option<String>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct DiskHealth {
    /// Bodies that wait or are kept.
    pub(super) raw: FolderUse,
    /// Bodies set aside.
    pub(super) quarantine: FolderUse,
    /// Archives of months.
    pub(super) archive: FolderUse,
    /// Bytes of the ledger.
    ledger_bytes: u64,
    /// Bytes free on the disk.
    pub(super) free_bytes: u64,
    /// Collecting pauses when less is free.
    reserve_bytes: u64,
    /// The most that raw files, archives, quarantine and ledger may take, if there is a budget.
    budget_bytes: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub(super) struct FolderUse {
    /// Bodies or archives; manifests are not counted.
    pub(super) files: u64,
    /// Bytes of all that is in the folder.
    pub(super) bytes: u64,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct HealthQuery {
    /// How many days the calendar has, today included; 35 when absent, 400 at most.
    days: Option<u16>,
}

/// How the watch is doing.
#[utoipa::path(get, path = "/api/v1/health", params(HealthQuery), responses(
    (status = 200, description = "Completeness, problems, next runs, quotas, room", body = Health),
    (status = 400, description = "A parameter is wrong")))]
pub(super) async fn health(
    State(shared): State<Shared>,
    Asked(asked): Asked<HealthQuery>,
) -> Result<Json<Arc<Health>>, Refusal> {
    let days = asked.days.unwrap_or(DAYS);
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(bad(format!("days: from 1 to {DAYS_MAX}")));
    }
    Ok(Json(of(&shared, days).await?))
}

/// How the watch is doing, from memory where that is fresh.
pub(super) async fn of(shared: &Shared, days: u16) -> Outcome<Arc<Health>> {
    let make = async {
        let room = room(shared).await?;
        block_in_place(|| make(&shared.app, days, (*room).clone()).map(Arc::new))
    };
    shared.memory.health.get(days, HEALTH_LASTS, make).await
}

fn make(app: &App, days: u16, room: Room) -> Outcome<Health> {
    let now = app.now();
    let today = time::local_date(now, app.tz());
    let first = today.saturating_sub(i64::from(days - 1).days());
    let dates: Vec<Date> = first.series(1.day()).take(usize::from(days)).collect();
    let mut bounds: Vec<Timestamp> = dates
        .iter()
        .map(|date| time::day_start(*date, app.tz()))
        .collect();
    bounds.push(time::day_start(today.saturating_add(1.day()), app.tz()));
    let ledger = ledger_of(app)?;
    let sources = status::statuses(app)?
        .into_iter()
        .filter_map(|status| app.known(&status.id).map(|definition| (definition, status)))
        .map(|(definition, status)| source(app, &ledger, &definition, status, &bounds, now))
        .collect::<Outcome<Vec<SourceHealth>>>()?;
    let since = bounds.first().copied().unwrap_or(now);
    let problems = ledger
        .problems(None, since, Timestamp::MAX, PROBLEMS_MAX)
        .map_err(Failure::usage)?
        .into_iter()
        .map(|entry| CaptureLine::new(app, &ledger, entry))
        .collect::<Outcome<_>>()?;
    let paused = status::paused(app)?;
    let levels = sources.iter().map(|source| source.status.level);
    Ok(Health {
        now,
        simulated: app.config().simulated,
        level: status::overall(levels, paused.is_some()),
        paused,
        dates,
        problems,
        quotas: quotas(app, &ledger, now)?,
        sources,
        room,
    })
}

fn source(
    app: &App,
    ledger: &Ledger,
    definition: &Definition,
    mut status: SourceStatus,
    bounds: &[Timestamp],
    now: Timestamp,
) -> Outcome<SourceHealth> {
    let id = &definition.id;
    let schedule = app.schedule(definition);
    let watched_since = ledger.first_slot(id).map_err(Failure::usage)?;
    let tallies = ledger.days(id, bounds).map_err(Failure::usage)?;
    let days = tallies.iter().zip(bounds.windows(2)).map(|(tally, day)| {
        let expected = watched_since.map_or(0, |since| {
            schedule.count(day[0].max(since), day[1].min(now))
        });
        DayHealth {
            expected: expected.max(tally.obtained),
            obtained: tally.obtained,
            failed: tally.failed,
            quarantined: tally.quarantined,
        }
    });
    let state = source_state(ledger, id, schedule.slot_at(now)).map_err(Failure::usage)?;
    let next = match plan::decide(&schedule, &state, PlanAsked::BySchedule, now) {
        Decision::Fetch { .. } => NextRun {
            at: None,
            why: NextWhy::Due,
        },
        Decision::Wait { until, why } => NextRun {
            at: Some(until),
            why: match why {
                Why::NotDue => NextWhy::Scheduled,
                Why::RetryAfter => NextWhy::RetryAfter,
                Why::BackOff => NextWhy::BackOff,
            },
        },
    };
    // They are listed with those of all sources.
    status.today.problems.clear();
    Ok(SourceHealth {
        domain: definition.domain.as_str().to_owned(),
        title: definition.sheet.title.clone(),
        collect_seconds: schedule.every().as_secs(),
        next,
        days: days.collect(),
        status,
    })
}

fn quotas(app: &App, ledger: &Ledger, now: Timestamp) -> Outcome<Vec<Quota>> {
    let mut quotas: BTreeMap<String, Quota> = BTreeMap::new();
    for definition in app.enabled() {
        let limits = limits(&definition, 1);
        if limits.is_empty() {
            continue;
        }
        let needs_key = definition.sheet.access.key.is_some();
        // Without its key a source is not asked, but its host has limits all the same.
        let key = key_of(&definition).or_else(|| needs_key.then(|| Secret::new("-")));
        let host = app.counted_host(&definition, "", key.as_ref(), now);
        if let Some(quota) = quotas.get_mut(&host) {
            quota.sources.push(definition.id.to_string());
            continue;
        }
        let limits = limits
            .iter()
            .map(|limit| {
                let stretch = SignedDuration::from_secs(i64::from(limit.per_seconds));
                let since = now.saturating_sub(stretch).unwrap_or(Timestamp::MIN);
                let used = ledger
                    .requests_since(&host, since, now)
                    .map_err(Failure::usage)?;
                Ok(QuotaUse {
                    requests: limit.requests,
                    per_seconds: limit.per_seconds,
                    used,
                })
            })
            .collect::<Outcome<_>>()?;
        let quota = Quota {
            host: host.clone(),
            with_key: needs_key,
            sources: vec![definition.id.to_string()],
            limits,
        };
        quotas.insert(host, quota);
    }
    Ok(quotas.into_values().collect())
}

/// Room on the disk and the store, from memory where that is fresh.
async fn room(shared: &Shared) -> Outcome<Arc<Room>> {
    let make = async {
        let store = store(shared.store.as_ref()).await;
        let disk = block_in_place(|| disk(&shared.app))?;
        Ok(Arc::new(Room { store, disk }))
    };
    shared.memory.room.get((), ROOM_LASTS, make).await
}

async fn store(store: &dyn Store) -> StoreHealth {
    let error = match tokio::time::timeout(STORE_WAIT, store.facts()).await {
        Ok(Ok(facts)) => {
            return StoreHealth {
                kind: Some(facts.kind),
                server: Some(facts.server),
                buckets: Some(facts.buckets),
                events: Some(facts.events),
                bytes: facts.bytes,
                notes: facts.notes,
                error: None,
            };
        }
        Ok(Err(error)) => store_failure(error).report(),
        Err(_) => format!("no answer within {} s", STORE_WAIT.as_secs()),
    };
    StoreHealth {
        error: Some(error),
        ..StoreHealth::default()
    }
}

fn disk(app: &App) -> Outcome<DiskHealth> {
    let data = app.data();
    let folder = |name: &str| -> Outcome<FolderUse> {
        let mut found = FolderUse::default();
        budget::walk(&data.join(name), &mut |path, metadata| {
            found.bytes += metadata.len();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            found.files += u64::from(!name.starts_with('.') && !name.ends_with(manifest::SUFFIX));
        })?;
        Ok(found)
    };
    let ledger = std::fs::metadata(data.join("ledger.db"));
    let settings = &app.config().disk;
    Ok(DiskHealth {
        raw: folder("raw")?,
        quarantine: folder("quarantine")?,
        archive: folder("archive")?,
        ledger_bytes: ledger.map_or(0, |metadata| metadata.len()),
        free_bytes: budget::free(&data)?,
        reserve_bytes: settings.reserve_bytes,
        budget_bytes: settings.budget_bytes,
    })
}

/// What a cause is called, and what it means.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CauseText {
    /// The word in captures and problems.
    cause: Cause,
    /// What it is called.
    label: Text,
    /// What it means, in a sentence.
    sentence: Text,
}

/// The causes of failures, in words.
#[utoipa::path(get, path = "/api/v1/causes", responses(
    (status = 200, description = "Every cause that captures and problems may name", body = [CauseText])))]
pub(super) async fn causes() -> Json<Vec<CauseText>> {
    let both =
        |of: &dyn Fn(Language) -> &'static str| Text::new(of(Language::Fr), of(Language::En));
    let causes = Cause::ALL.iter().map(|cause| CauseText {
        cause: *cause,
        label: both(&|language| cause.label(language)),
        sentence: both(&|language| cause.sentence(language)),
    });
    Json(causes.collect())
}
