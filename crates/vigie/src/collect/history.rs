//! A stretch of the past: asked for as politely as all else, and landed beside it.

use std::time::Duration;

use tokio::task::block_in_place;
use vigie_core::history::Chunk;
use vigie_sources::{Definition, build_history_request};
use vigie_store::{
    ledger::Reservation,
    lock::{Lock, LockError},
};

use super::{Arrival, Attempt, Collector, Whole, limits, receive, whole_second};
use crate::{
    app::key_of,
    crash,
    failure::{Failure, Outcome},
    fetch::Question,
};

/// The part of the published limits that a backfill leaves to others is the same as its own: what is due now comes first.
const PART_OF_LIMITS: u32 = 2;

impl Collector {
    /// Asks for a stretch of the past of a source, and lands it.
    pub(crate) async fn ask_past(&self, definition: &Definition, chunk: Chunk) -> Attempt {
        let attempt = match self.ask_past_or_fail(definition, chunk).await {
            Ok(attempt) => attempt,
            Err(failure) => Attempt::Broken {
                reason: failure.report(),
            },
        };
        self.log(&definition.id, &attempt);
        attempt
    }

    async fn ask_past_or_fail(&self, definition: &Definition, chunk: Chunk) -> Outcome<Attempt> {
        let app = &self.app;
        if app.stop().is_asked() {
            return Ok(Attempt::Stopped);
        }
        let now = whole_second(app.now());
        let not_before = block_in_place(|| app.ledger().not_before(&definition.id));
        if let Some(until) = not_before
            .map_err(Failure::usage)?
            .filter(|until| *until > now)
        {
            return Ok(Attempt::Waits {
                until,
                why: "the provider asked to wait".to_owned(),
            });
        }
        let key = key_of(definition);
        let settings = app.source_config(&definition.id);
        let own = app.request_settings(&settings, key.as_ref());
        // Counted for the provider itself, also when the requests go to a mirror.
        let counted = build_history_request(definition, own, chunk.asked, now)
            .map_err(Failure::usage)?
            .host;
        let mirrored = vigie_sources::Workspace {
            base_url: settings.base_url.as_deref(),
            ..own
        };
        let request = build_history_request(definition, mirrored, chunk.asked, now)
            .map_err(Failure::usage)?;
        let host = self.host(&request.host);
        let _turn = tokio::select! {
            turn = host.acquire() => turn.map_err(Failure::usage)?,
            () = app.stop().asked() => return Ok(Attempt::Stopped),
        };
        let limits = limits(definition, PART_OF_LIMITS);
        let reserved = block_in_place(|| app.ledger().reserve_request(&counted, now, &limits))
            .map_err(Failure::usage)?;
        if let Reservation::RetryAt(until) = reserved {
            return Ok(Attempt::Waits {
                until,
                why: "half of the published limit is used".to_owned(),
            });
        }
        let url = request.shown_url;
        let question = Question {
            url: request.url,
            base_url: settings.base_url.clone(),
            headers: request.headers,
            body: None,
            key,
            etag: None,
            last_modified: None,
        };
        let whole = Whole {
            definition,
            follow: definition
                .history
                .as_ref()
                .and_then(|history| history.follow.as_ref()),
            item_url: None,
            counted: &counted,
            limits: &limits,
        };
        let answer = tokio::select! {
            answer = self.fetch_whole(whole, question, now) => answer,
            () = app.stop().patience_over() => return Ok(Attempt::Stopped),
        };
        crash::point("collect.answered");
        let Some(_lock) = self.landing_lock(definition).await? else {
            return Ok(Attempt::Stopped);
        };
        let arrival = Arrival {
            slot: chunk.asked.from,
            started_at: now,
            finished_at: app.now(),
            url,
            history: Some(chunk.settles),
            answer,
        };
        let capture = block_in_place(|| receive(app, definition, arrival))?;
        Ok(Attempt::Captured(Box::new(capture)))
    }

    /// The lock under which a source is landed: taken for the moment of landing only, so that what is due is not kept waiting.
    /// Whoever holds it is collecting the source, which ends by itself. `None` when the program was told to end.
    async fn landing_lock(&self, definition: &Definition) -> Outcome<Option<Lock>> {
        let name = format!("collect.{}", definition.id);
        loop {
            match Lock::take(&self.app.data(), &name, self.app.now()) {
                Ok(lock) => return Ok(Some(lock)),
                Err(LockError::Held { .. }) => {}
                Err(error) => return Err(Failure::usage(error)),
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(100)) => {}
                () = self.app.stop().patience_over() => return Ok(None),
            }
        }
    }
}
