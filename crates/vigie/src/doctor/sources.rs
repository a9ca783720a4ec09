//! The sources: whether they can be asked, are asked, and answer; and their raw files.

use std::{collections::BTreeMap, fs, ops::ControlFlow, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use tokio::task::block_in_place;
use vigie_core::{
    analysis::PeriodKind,
    capture::Outcome as CaptureOutcome,
    text::SourceId,
    time::{local_date, period},
};
use vigie_sources::{Definition, build_request};
use vigie_store::{
    landing::{LandingError, RawFile},
    ledger::CaptureQuery,
    lock::{Lock, LockError},
    manifest::{BadManifest, sha256},
};

use super::{Name, Report, Severity, failed};
use crate::{
    analyse::ledger_facts,
    app::{App, key_of},
    clock::Clock,
    failure::{Failure, Outcome, chain},
    output, schedule, up,
};

/// Failures in a row that are no accident.
const FAILURES_MAX: u64 = 3;
/// Bodies set aside in a day that are no accident.
const QUARANTINED_MAX: usize = 3;
/// How far the clock may be from that of a provider, whose `Date` is cut to the second and comes after a journey.
const SKEW_MAX: SignedDuration = SignedDuration::from_mins(1);
/// How far ahead of now the newest capture may lie.
const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(2);
/// How long raw files may wait: summaries are made hourly.
const WAIT_MAX: SignedDuration = SignedDuration::from_hours(3);
/// What is added to the periods after which a source counts as silent.
const SILENCE_SLACK: SignedDuration = SignedDuration::from_mins(10);

/// The newest attempt of any enabled source.
fn newest_attempt(app: &App) -> Outcome<Option<(SourceId, Timestamp)>> {
    let mut newest = None;
    for definition in app.enabled() {
        if let Some(entry) = app.ledger().last_attempt(&definition.id).map_err(failed)? {
            newest = newest.max(Some((entry.capture.started_at, definition.id.clone())));
        }
    }
    Ok(newest.map(|(at, id)| (id, at)))
}

/// The clock of this machine: against what it said before, and against those of the providers.
pub(super) fn clock(app: &App, report: &mut Report) -> Outcome<()> {
    let now = app.now();
    let before = report.0.len();
    if let Some((source, at)) = newest_attempt(app)?
        && at.duration_since(now) > AHEAD_MAX
    {
        report.add(
            Name::ClockBehind,
            "clock",
            format!("it says {now}, but {source} was collected at {at}"),
        );
    }
    // A time that somebody made up is not compared with the world.
    if matches!(app.clock(), Clock::System) {
        for source in app.landing().sources().map_err(Failure::usage)? {
            let pending = app.landing().pending(&source).map_err(Failure::usage)?;
            if let Some(skew) = pending.raw.last().and_then(|raw| skew_of(app, raw))
                && skew.abs() > SKEW_MAX
            {
                let seconds = skew.as_secs();
                report.add(
                    Name::ClockSkew,
                    "clock",
                    format!("{seconds} s ahead of that of {source} at its newest raw file"),
                );
                break;
            }
        }
    }
    if report.0.len() == before {
        report.add(Name::Clock, "clock", now.to_string());
    }
    Ok(())
}

/// How far our clock was ahead of the provider's when a raw file came. `Age` is how long the answer lay in a cache.
fn skew_of(app: &App, raw: &RawFile) -> Option<SignedDuration> {
    let manifest = app.landing().manifest(raw).ok()??;
    let headers = &manifest.answer.headers;
    let said = jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(headers.get("date")?)
        .ok()?;
    let age = headers.get("age").and_then(|age| age.parse().ok());
    let age = SignedDuration::from_secs(age.unwrap_or(0));
    Some(manifest.capture.finished_at.duration_since(said) - age)
}

/// Whether anybody runs the steps.
pub(super) async fn schedule(app: &App, report: &mut Report) -> Outcome<()> {
    let up = Lock::take(&app.data(), up::LOCK, app.now());
    if let Err(LockError::Held {
        holder: Some(holder),
        ..
    }) = up
    {
        let text = format!("`vigie up` runs as process {}", holder.pid);
        report.add(Name::Schedule, "schedule", text);
        return Ok(());
    }
    if let Some(installed) = schedule::installed(app).await {
        report.add(Name::Schedule, "schedule", installed);
        return Ok(());
    }
    let newest = newest_attempt(app)?.map(|(_, at)| app.now().duration_since(at));
    let shortest = app
        .enabled()
        .iter()
        .map(|definition| app.schedule(definition).every())
        .min()
        .unwrap_or(SignedDuration::ZERO);
    let text =
        "neither `vigie up` nor cron nor systemd runs the steps, as far as this user can see";
    let severity = match newest {
        // Somebody collects all the same, or nobody has begun yet.
        Some(age) if age > shortest * 2 + SILENCE_SLACK => Severity::Warning,
        _ => Severity::Note,
    };
    report.add_as(Name::ScheduleMissing, severity, "schedule", text);
    Ok(())
}

/// Whether the published limits leave room for the schedules: of all sources that ask the same host.
pub(super) fn quotas(app: &App, report: &mut Report) {
    let mut hosts: BTreeMap<String, Vec<Arc<Definition>>> = BTreeMap::new();
    for definition in app.enabled() {
        let key = key_of(&definition);
        let host = app.counted_host(&definition, "", key.as_ref(), app.now());
        hosts.entry(host).or_default().push(definition);
    }
    for (host, definitions) in hosts {
        let limits = definitions
            .iter()
            .flat_map(|definition| &definition.sheet.access.limits);
        let mut said = Vec::new();
        for limit in limits {
            let per = limit.per.as_secs().max(1);
            let wanted: i64 = definitions
                .iter()
                .map(|definition| {
                    let every = app.schedule(definition).every().as_secs().max(1);
                    let parts = i64::try_from(definition.requests_most()).unwrap_or(i64::MAX);
                    ((per + every - 1) / every).saturating_mul(parts)
                })
                .sum();
            if wanted > i64::from(limit.requests) && !said.contains(&(limit.requests, per)) {
                said.push((limit.requests, per));
                let ids: Vec<&str> = definitions.iter().map(|d| d.id.as_str()).collect();
                let ids = ids.join(", ");
                report.add(
                    Name::QuotaImpossible,
                    ids,
                    format!(
                        "{wanted} requests in {per} s are scheduled, and {host} allows {}",
                        limit.requests
                    ),
                );
            }
        }
    }
}

/// A source: its key, its request, its answers.
pub(super) fn source(app: &App, definition: &Arc<Definition>, report: &mut Report) -> Outcome<()> {
    let id = &definition.id;
    let now = app.now();
    let key = key_of(definition);
    if let (Some(access), None) = (&definition.sheet.access.key, &key) {
        let text = format!(
            "{} is not set; a key is had at {}",
            access.env, access.signup
        );
        report.add(Name::KeyMissing, id.as_str(), text);
    } else {
        let settings = app.source_config(id);
        let request = build_request(
            definition,
            &app.config().zone,
            &settings.params,
            settings.base_url.as_deref(),
            key.as_ref(),
            now,
        );
        match request {
            Ok(request) => report.add(Name::Request, id.as_str(), request.shown_url),
            Err(error) => report.add(Name::RequestImpossible, id.as_str(), error.to_string()),
        }
    }
    let ledger = app.ledger();
    let last = ledger.last_attempt(id).map_err(failed)?;
    let failures = ledger.consecutive_failures(id).map_err(failed)?;
    let not_before = ledger.not_before(id).map_err(failed)?;
    let since = ledger.first_slot(id).map_err(failed)?;
    let query = CaptureQuery {
        source: Some(id.clone()),
        from: now.saturating_sub(SignedDuration::from_hours(24)).ok(),
        to: None,
        outcomes: vec![CaptureOutcome::Quarantined],
    };
    let mut aside: (usize, Option<String>) = (0, None);
    ledger
        .captures(&query, |entry| {
            aside = (aside.0 + 1, entry.capture.reason);
            ControlFlow::Continue(())
        })
        .map_err(failed)?;
    drop(ledger);
    if failures >= FAILURES_MAX {
        let reason = last
            .as_ref()
            .and_then(|entry| entry.capture.reason.clone())
            .unwrap_or_default();
        let text = format!("{failures} failures in a row, the last: {reason}");
        report.add(Name::SourceFailing, id.as_str(), text);
    }
    let patience = app.schedule(definition).every() * 3 + SILENCE_SLACK;
    if let Some(at) = last.map(|entry| entry.capture.started_at)
        && now.duration_since(at) > patience
        && not_before.is_none_or(|until| until <= now)
    {
        let age = output::duration(now.duration_since(at).as_secs());
        report.add(
            Name::SourceSilent,
            id.as_str(),
            format!("not asked for {age}"),
        );
    }
    let today = period(PeriodKind::Day, local_date(now, app.tz()), app.tz());
    let (freshness, _) = ledger_facts(app, definition, &today, now)?;
    let watched_long = since.is_some_and(|at| now.duration_since(at) > definition.stale_after);
    if freshness.stale && (watched_long || freshness.content_at.is_some()) {
        let text = match freshness.content_at {
            Some(at) => format!("its newest content is of {at}"),
            None => "it never had any content".to_owned(),
        };
        report.add(Name::SourceStale, id.as_str(), text);
    }
    if let (QUARANTINED_MAX.., reason) = aside {
        let (count, reason) = (aside.0, reason.unwrap_or_default());
        let text = format!("{count} bodies set aside within a day, the last: {reason}");
        report.add(Name::QuarantineGrowing, id.as_str(), text);
    }
    Ok(())
}

/// The raw files of all sources, each compared with its manifest.
pub(super) fn raw(app: &App, report: &mut Report) -> Outcome<()> {
    for source in app.landing().sources().map_err(Failure::usage)? {
        let pending = match app.landing().pending(&source) {
            Ok(pending) => pending,
            Err(error) => {
                report.add(
                    Name::RawUnreadable,
                    format!("data/raw/{source}"),
                    chain(&error),
                );
                continue;
            }
        };
        for file in &pending.foreign {
            let text = "not a raw file of Vigie, and left alone";
            report.add(Name::RawForeign, format!("data/{file}"), text);
        }
        if app.known(&source).is_none() && !pending.raw.is_empty() {
            let text = "raw files wait, but no definition is called so";
            report.add(
                Name::RawWithoutDefinition,
                format!("data/raw/{source}"),
                text,
            );
        }
        let mut waiting = Vec::new();
        for raw in &pending.raw {
            let wrong = block_in_place(|| wrong_with(app, raw));
            if let Some((name, found)) = wrong {
                report.add(name, format!("data/{}", raw.file), found);
            }
            if !is_summarized(app, raw)? {
                waiting.push(raw.at);
            }
        }
        if let Some(oldest) = waiting.first() {
            let text = format!("{} raw files wait, since {oldest}", waiting.len());
            let long = app.now().duration_since(*oldest) >= WAIT_MAX;
            let name = if long {
                Name::RawWaitingLong
            } else {
                Name::RawFiles
            };
            report.add(name, source.as_str(), text);
        }
    }
    Ok(())
}

/// Whether the rows of a raw file that is still there are in the store.
fn is_summarized(app: &App, raw: &RawFile) -> Outcome<bool> {
    let Ok(Some(manifest)) = app.landing().manifest(raw) else {
        return Ok(false);
    };
    let sha256 = manifest.capture.sha256.unwrap_or_default();
    let known = app.ledger().find_by_file(&raw.source, &raw.file, &sha256);
    Ok(known
        .map_err(failed)?
        .is_some_and(|entry| entry.capture.outcome == CaptureOutcome::Summarized))
}

fn wrong_with(app: &App, raw: &RawFile) -> Option<(Name, String)> {
    if raw.bytes == 0 {
        return Some((Name::RawEmpty, "an empty file".to_owned()));
    }
    let bytes_max = app.config().http.body_bytes_max;
    if raw.bytes > bytes_max {
        let text = format!("{} bytes, and at most {bytes_max} are read", raw.bytes);
        return Some((Name::RawTooLarge, text));
    }
    let manifest = match app.landing().manifest(raw) {
        Ok(Some(manifest)) => manifest,
        Ok(None) => {
            return Some((
                Name::RawWithoutManifest,
                "there is no manifest beside it".to_owned(),
            ));
        }
        Err(error) => {
            let name = match &error {
                LandingError::Manifest {
                    source: BadManifest::Newer { .. },
                    ..
                } => Name::ManifestNewer,
                LandingError::Manifest { .. } => Name::ManifestDamaged,
                LandingError::Foreign { .. } => Name::ManifestForeign,
                _ => Name::RawUnreadable,
            };
            return Some((name, chain(&error)));
        }
    };
    let body = match fs::read(app.landing().path(&raw.file)) {
        Ok(body) => body,
        // Summarised meanwhile.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => return Some((Name::RawUnreadable, error.to_string())),
    };
    let expected = manifest.capture;
    if expected.sha256.as_deref() == Some(&sha256(&body)) {
        return None;
    }
    let (found, bytes) = (body.len() as u64, expected.bytes);
    Some(if found < bytes {
        (Name::RawCut, format!("{found} bytes, and {bytes} landed"))
    } else {
        (
            Name::RawAltered,
            "its content is not what landed".to_owned(),
        )
    })
}
