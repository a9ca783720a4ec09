//! Step 1: fetch and land. Each source is asked under its own lock; nothing is parsed here beyond a
//! look at whether the body is of the declared kind.

mod history;
mod parts;

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use jiff::Timestamp;
use tokio::{
    sync::Semaphore,
    task::{JoinSet, block_in_place},
};
use tracing::{debug, info, warn};
use vigie_core::{
    capture::{Capture, Outcome as CaptureOutcome},
    history::Stretch,
    plan::{self, Asked, Decision, SourceState, Why},
    text::SourceId,
};
use vigie_sources::{Definition, build_request};
use vigie_store::{
    landing::Extension,
    ledger::{Ledger, LedgerError, RequestLimit, Reservation},
    lock::{Lock, LockError},
    manifest,
};

use self::parts::Whole;
use crate::{
    app::{App, RunEvent, key_of, without_key},
    crash,
    failure::{Exit, Failure, Outcome, chain},
    fetch::{Answer, Fetcher, NoAnswer, Question},
    output, service,
};

/// Sources asked at a time.
const SOURCES_AT_ONCE: usize = 64;

/// What came of asking one source.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// It was not asked.
    Waits { until: Timestamp, why: String },
    /// Another run is collecting it.
    Locked { by: String },
    /// It was asked, and the attempt is in the ledger.
    Captured(Box<Capture>),
    /// It could not be asked, or the answer could not be kept.
    Broken { reason: String },
    /// The program was told to end before there was an answer. Nothing is recorded.
    Stopped,
}

impl Attempt {
    fn exit(&self) -> Exit {
        match self {
            Attempt::Waits { .. } => Exit::Done,
            Attempt::Locked { .. } => Exit::Locked,
            Attempt::Captured(capture) if capture.outcome.is_good() => Exit::Done,
            Attempt::Captured(_) | Attempt::Broken { .. } | Attempt::Stopped => Exit::SomeFailed,
        }
    }
}

/// Asks sources and lands their answers.
#[derive(Clone)]
pub(crate) struct Collector {
    app: App,
    fetcher: Fetcher,
    at_once: Arc<Semaphore>,
    hosts: Arc<std::sync::Mutex<HashMap<String, Arc<Semaphore>>>>,
}

impl Collector {
    /// A collector for the workspace.
    pub(crate) fn new(app: &App) -> Outcome<Self> {
        Ok(Self {
            app: app.clone(),
            fetcher: Fetcher::new(&app.config().http)?,
            at_once: Arc::new(Semaphore::new(SOURCES_AT_ONCE)),
            hosts: Arc::default(),
        })
    }

    /// Asks these sources, side by side. The result is in their order.
    pub(crate) async fn collect(
        &self,
        sources: Vec<Arc<Definition>>,
        asked: Asked,
    ) -> Vec<(SourceId, Attempt)> {
        let mut tasks = JoinSet::new();
        for (index, definition) in sources.iter().cloned().enumerate() {
            let collector = self.clone();
            tasks.spawn(async move { (index, collector.ask(&definition, asked).await) });
        }
        let mut attempts: Vec<Option<Attempt>> = sources.iter().map(|_| None).collect();
        while let Some(joined) = tasks.join_next().await {
            match joined {
                Ok((index, attempt)) => attempts[index] = Some(attempt),
                Err(panic) => warn!(%panic, "a task ended unexpectedly"),
            }
        }
        let attempts = attempts.into_iter().map(|attempt| {
            attempt.unwrap_or_else(|| Attempt::Broken {
                reason: "the task ended unexpectedly".into(),
            })
        });
        sources
            .iter()
            .map(|definition| definition.id.clone())
            .zip(attempts)
            .collect()
    }

    async fn ask(&self, definition: &Definition, asked: Asked) -> Attempt {
        let attempt = match self.ask_or_fail(definition, asked).await {
            Ok(attempt) => attempt,
            Err(failure) => Attempt::Broken {
                reason: failure.report(),
            },
        };
        self.log(&definition.id, &attempt);
        attempt
    }

    fn log(&self, source: &SourceId, attempt: &Attempt) {
        service::advanced();
        match attempt {
            Attempt::Waits { until, why } => debug!(%source, %until, why, "not asked"),
            Attempt::Locked { by } => warn!(%source, by, "another run is collecting"),
            Attempt::Broken { reason } => warn!(%source, reason, "could not collect"),
            Attempt::Stopped => info!(%source, "given up: told to end"),
            Attempt::Captured(capture) => {
                let (outcome, bytes) = (capture.outcome, capture.bytes);
                if outcome.is_good() {
                    info!(%source, outcome = outcome.as_str(), bytes, "collected");
                } else {
                    let reason = capture.reason.as_deref().unwrap_or("");
                    warn!(%source, outcome = outcome.as_str(), reason, "not collected");
                }
                self.app.tell(RunEvent::LedgerChanged);
            }
        }
    }

    async fn ask_or_fail(&self, definition: &Definition, asked: Asked) -> Outcome<Attempt> {
        let _place = self.at_once.acquire().await.map_err(Failure::usage)?;
        let app = &self.app;
        if app.stop().is_asked() {
            return Ok(Attempt::Stopped);
        }
        // Raw files are named by the second.
        let now = whole_second(app.now());
        let _lock = match Lock::take(&app.data(), &format!("collect.{}", definition.id), now) {
            Ok(lock) => lock,
            Err(error @ LockError::Held { .. }) => {
                return Ok(Attempt::Locked {
                    by: error.to_string(),
                });
            }
            Err(error) => return Err(Failure::usage(error)),
        };
        let schedule = app.schedule(definition);
        let state =
            block_in_place(|| source_state(&app.ledger(), &definition.id, schedule.slot_at(now)))
                .map_err(Failure::usage)?;
        let slot = match plan::decide(&schedule, &state, asked, now) {
            Decision::Fetch { slot } => slot,
            Decision::Wait { until, why } => {
                let why = match why {
                    Why::NotDue => "not due".to_owned(),
                    Why::RetryAfter => "the provider asked to wait".to_owned(),
                    Why::BackOff => "backing off after failures".to_owned(),
                };
                return Ok(Attempt::Waits { until, why });
            }
        };
        let key = key_of(definition);
        let settings = app.source_config(&definition.id);
        let request = build_request(
            definition,
            &app.config().zone,
            &settings.params,
            settings.base_url.as_deref(),
            key.as_ref(),
            now,
        )
        .map_err(Failure::usage)?;

        let host = self.host(&request.host);
        let _turn = tokio::select! {
            turn = host.acquire() => turn.map_err(Failure::usage)?,
            () = app.stop().asked() => return Ok(Attempt::Stopped),
        };
        let limits = limits(definition, 1);
        let counted = app.counted_host(definition, &request.host, key.as_ref(), now);
        let reserved = block_in_place(|| app.ledger().reserve_request(&counted, now, &limits))
            .map_err(Failure::usage)?;
        if let Reservation::RetryAt(until) = reserved {
            return Ok(Attempt::Waits {
                until,
                why: "the published limit is reached".to_owned(),
            });
        }
        crash::point("collect.reserved");
        let last =
            block_in_place(|| app.ledger().validators(&definition.id)).map_err(Failure::usage)?;
        let asked_before = block_in_place(|| app.ledger().last_answered(&definition.id))
            .map_err(Failure::usage)?
            .is_some_and(|entry| entry.capture.url == request.shown_url);
        // A feed that carries no time of its own says something new each time it is asked.
        let conditional = definition.conditional
            && !definition.times_are_fetch_times()
            && asked_before
            // Whether one part has changed says nothing of the others.
            && definition.follow.is_none();
        let last = last.filter(|_| conditional);
        let question = Question {
            url: request.url,
            base_url: settings.base_url,
            headers: request.headers,
            body: request.body,
            key,
            etag: last.as_ref().and_then(|last| last.etag.clone()),
            last_modified: last.and_then(|last| last.last_modified),
        };
        let whole = Whole {
            definition,
            follow: definition.follow.as_ref(),
            item_url: request.item_url.as_deref(),
            counted: &counted,
            limits: &limits,
        };
        let answer = tokio::select! {
            answer = self.fetch_whole(whole, question, now) => answer,
            // The provider did nothing wrong: no failure is recorded, and the slot is asked for again by the next run.
            () = app.stop().patience_over() => return Ok(Attempt::Stopped),
        };
        crash::point("collect.answered");
        let arrival = Arrival {
            slot,
            started_at: now,
            finished_at: app.now(),
            url: request.shown_url,
            history: None,
            answer,
        };
        let capture = block_in_place(|| receive(app, definition, arrival))?;
        Ok(Attempt::Captured(Box::new(capture)))
    }

    fn host(&self, host: &str) -> Arc<Semaphore> {
        let most = self.app.config().http.per_host_max.max(1);
        let mut hosts = self
            .hosts
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        hosts
            .entry(host.to_owned())
            .or_insert_with(|| Arc::new(Semaphore::new(most)))
            .clone()
    }
}

/// An answer, or none, and its circumstances.
pub(crate) struct Arrival {
    pub(crate) slot: Timestamp,
    pub(crate) started_at: Timestamp,
    pub(crate) finished_at: Timestamp,
    pub(crate) url: String,
    /// What it settles of the past, for a backfill.
    pub(crate) history: Option<Stretch>,
    pub(crate) answer: Result<Answer, NoAnswer>,
}

/// Lands a body, or records why there is none. The body is on disk before the ledger says so; when
/// the program is killed in between, the next run finds the file and makes good the entry.
pub(crate) fn receive(app: &App, definition: &Definition, arrival: Arrival) -> Outcome<Capture> {
    let mut capture = Capture {
        started_at: arrival.started_at,
        finished_at: arrival.finished_at,
        url: arrival.url,
        history: arrival.history,
        ..Capture::new(definition.id.clone(), arrival.slot, CaptureOutcome::Failed)
    };
    let record = |capture: Capture| -> Outcome<Capture> {
        app.record(&capture).map_err(Failure::usage)?;
        Ok(capture)
    };
    let answer = match arrival.answer {
        Ok(answer) => answer,
        Err(no_answer) => {
            capture.http_status = no_answer.status;
            capture.cause = Some(no_answer.cause);
            capture.reason = Some(no_answer.reason);
            return record(pause(app, definition, capture, no_answer.retry_after)?);
        }
    };
    capture.http_status = Some(answer.status);
    capture.etag = answer.etag;
    capture.last_modified = answer.last_modified;
    let last = app
        .ledger()
        .validators(&definition.id)
        .map_err(Failure::usage)?;
    let Some(body) = answer.body else {
        capture.outcome = CaptureOutcome::Unchanged;
        if let Some(last) = last {
            capture.sha256 = last.sha256;
            capture.etag = capture.etag.or(last.etag);
            capture.last_modified = capture.last_modified.or(last.last_modified);
        }
        return record(capture);
    };
    capture.bytes = body.len() as u64;
    capture.sha256 = Some(manifest::sha256(&body));
    let extension = Extension::new(definition.extension).map_err(Failure::usage)?;
    if let Err(error) = vigie_sources::sniff(definition, &body) {
        let capture = pause(app, definition, capture, None)?;
        let landed = app
            .landing()
            .land_in_quarantine(
                &capture,
                &extension,
                &body,
                &answer.said,
                error.cause(),
                &without_key(definition, &chain(&error)),
            )
            .map_err(Failure::usage)?;
        return record(landed.capture);
    }
    // As above: without a time of its own, the same body is a new observation. A stretch of the past is compared with nothing.
    let same = capture.history.is_none()
        && !definition.times_are_fetch_times()
        && last
            .as_ref()
            .is_some_and(|last| last.sha256 == capture.sha256);
    if same {
        capture.outcome = CaptureOutcome::Unchanged;
        return record(capture);
    }
    let landed = match app
        .landing()
        .land(&capture, &extension, &body, &answer.said)
    {
        Ok(landed) => landed,
        Err(error) => {
            // The ledger may still be written, and says then why there is a gap; the provider is not asked for a body every
            // minute that cannot be kept.
            capture.reason = Some(chain(&error));
            return record(pause(app, definition, capture, None)?);
        }
    };
    crash::point("collect.landed");
    let capture = record(landed.capture)?;
    crash::point("collect.recorded");
    Ok(capture)
}

/// Sets when the source may be asked again after a failure.
fn pause(
    app: &App,
    definition: &Definition,
    mut capture: Capture,
    retry_after: Option<Timestamp>,
) -> Outcome<Capture> {
    // A backfill stops by itself, and keeps nobody else from asking: half of the limits is not all of them.
    let is_own_limit = capture.history.is_some() && capture.http_status.is_none();
    capture.not_before = retry_after.filter(|_| !is_own_limit);
    if retry_after.is_none() && capture.history.is_none() {
        let failures = app
            .ledger()
            .consecutive_failures(&definition.id)
            .map_err(Failure::usage)?;
        let failures = u32::try_from(failures)
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        let mut entropy = DefaultHasher::new();
        (definition.id.as_str(), capture.started_at.as_millisecond()).hash(&mut entropy);
        let pause = plan::backoff(&app.schedule(definition), failures, entropy.finish());
        capture.backoff_until = capture.started_at.saturating_add(pause).ok();
    }
    Ok(capture)
}

/// What the ledger knows of a source that is asked for a slot.
pub(crate) fn source_state(
    ledger: &Ledger,
    source: &SourceId,
    slot: Timestamp,
) -> Result<SourceState, LedgerError> {
    let last = ledger.last_attempt(source)?.map(|entry| entry.capture);
    Ok(SourceState {
        slot_obtained: ledger.has_good(source, slot)?,
        provider_not_before: ledger.not_before(source)?,
        backoff_until: last
            .filter(|capture| !capture.outcome.is_good())
            .and_then(|capture| capture.backoff_until),
    })
}

/// The published limits of a source, or the `part`-th part of them.
pub(crate) fn limits(definition: &Definition, part: u32) -> Vec<RequestLimit> {
    let limits = definition.sheet.access.limits.iter();
    limits
        .map(|limit| RequestLimit {
            requests: (limit.requests / part).max(limit.requests.min(1)),
            per_seconds: limit.per.as_secs().try_into().unwrap_or(u32::MAX),
        })
        .collect()
}

/// The time without its fraction of a second.
pub(crate) fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// The exit code of a run.
pub(crate) fn exit_of(attempts: &[(SourceId, Attempt)]) -> Exit {
    let exits: Vec<Exit> = attempts.iter().map(|(_, attempt)| attempt.exit()).collect();
    [Exit::SomeFailed, Exit::Locked]
        .into_iter()
        .find(|exit| exits.contains(exit))
        .unwrap_or(Exit::Done)
}

/// Prints what came of each source.
pub(crate) fn print(attempts: &[(SourceId, Attempt)]) -> Outcome<()> {
    for (source, attempt) in attempts {
        let text = match attempt {
            Attempt::Waits { until, why } => format!("{source}: not asked, {why} until {until}"),
            Attempt::Locked { by } => format!("{source}: {by}"),
            Attempt::Broken { reason } => format!("{source}: {reason}"),
            Attempt::Stopped => format!("{source}: given up, the program was told to end"),
            Attempt::Captured(capture) => {
                let what = match capture.outcome {
                    CaptureOutcome::Landed => {
                        format!(
                            "{} bytes in data/{}",
                            capture.bytes,
                            capture.file.as_deref().unwrap_or("?")
                        )
                    }
                    CaptureOutcome::Unchanged => "unchanged".to_owned(),
                    outcome => {
                        format!(
                            "{}: {}",
                            outcome.as_str(),
                            capture.reason.as_deref().unwrap_or("")
                        )
                    }
                };
                format!("{source}: {what}")
            }
        };
        output::line(&text)?;
    }
    Ok(())
}
