//! Answers in several parts: each is asked for politely, and counted against the published limits.

use std::collections::VecDeque;

use jiff::Timestamp;
use reqwest::Url;
use tokio::task::block_in_place;
use vigie_core::cause::Cause;
use vigie_sources::{Definition, Follow, FollowError, Part, rebase};
use vigie_store::ledger::{RequestLimit, Reservation};

use super::Collector;
use crate::fetch::{Answer, NoAnswer, Question};

/// An answer as a whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole<'w> {
    pub(super) definition: &'w Definition,
    /// How it goes on, where it has several parts.
    pub(super) follow: Option<&'w Follow>,
    pub(super) item_url: Option<&'w str>,
    /// Whom requests are counted for.
    pub(super) counted: &'w str,
    pub(super) limits: &'w [RequestLimit],
}

impl Collector {
    /// Asks, and where the answer has several parts goes on to their end.
    ///
    /// All parts are one body, or there is none: a part that fails is the failure of the whole, which is asked for again. A part
    /// that is no data is given back alone, so that it is set aside as what it is.
    pub(super) async fn fetch_whole(
        &self,
        asked: Whole<'_>,
        mut question: Question,
        now: Timestamp,
    ) -> Result<Answer, NoAnswer> {
        let definition = asked.definition;
        let first = self.fetcher.fetch(&question, now).await?;
        let Some(follow) = asked.follow else {
            return Ok(first);
        };
        let most = self.app.config().http.body_bytes_max;
        let mut whole = None;
        let mut parts: Vec<Vec<u8>> = Vec::new();
        let mut waiting = VecDeque::new();
        let mut answer = first;
        for index in 0.. {
            let Some(body) = answer.body.take() else {
                let reason = "a part of the answer came as “not modified”, which was not asked for";
                return Err(failed(Cause::HttpStatus, reason.to_owned()));
            };
            let part = Part {
                index,
                url: &question.url,
                link: answer.link.as_deref(),
                body: &body,
            };
            let next = vigie_sources::sniff(definition, &body)
                .map_err(FollowError::from)
                .and_then(|()| follow.after(definition, asked.item_url, part));
            match next {
                Ok(next) => waiting.extend(next),
                Err(FollowError::Body(_)) => {
                    answer.body = Some(body);
                    return Ok(answer);
                }
                Err(error @ FollowError::TooMany(_)) => {
                    return Err(failed(Cause::TooLarge, error.to_string()));
                }
                Err(error @ FollowError::Address(_)) => {
                    return Err(failed(Cause::RedirectRefused, error.to_string()));
                }
            }
            if index > 0 || follow.counts_first() {
                parts.push(body);
            }
            let bytes: usize = parts.iter().map(Vec::len).sum();
            if bytes as u64 > most {
                let reason = format!(
                    "its {} parts so far are larger than http.body_bytes_max = {most} bytes",
                    parts.len()
                );
                return Err(failed(Cause::TooLarge, reason));
            }
            // What is said of the whole is what was said of the first part.
            whole.get_or_insert(answer);
            let Some(url) = waiting.pop_front() else {
                break;
            };
            question.url = if follow.is_told_by_definition() {
                url
            } else {
                allowed(&question, &url)?
            };
            (question.etag, question.last_modified) = (None, None);
            self.reserve(asked)?;
            answer = self.fetcher.fetch(&question, self.app.now()).await?;
        }
        let mut whole = whole.ok_or_else(|| failed(Cause::Empty, "no part came".to_owned()))?;
        // Validators of one part must not stand for all.
        (whole.etag, whole.last_modified) = (None, None);
        whole.body = Some(Follow::join(&parts));
        Ok(whole)
    }

    fn reserve(&self, asked: Whole<'_>) -> Result<(), NoAnswer> {
        let reserved = block_in_place(|| {
            self.app
                .ledger()
                .reserve_request(asked.counted, self.app.now(), asked.limits)
        });
        match reserved {
            Ok(Reservation::RetryAt(until)) => Err(NoAnswer {
                retry_after: Some(until),
                ..failed(
                    Cause::RateLimited,
                    "the published limit is reached before the last part".to_owned(),
                )
            }),
            Ok(_) => Ok(()),
            Err(error) => Err(failed(Cause::Connection, error.to_string())),
        }
    }
}

/// Where the next page may be asked for: a provider must not send the key elsewhere.
fn allowed(question: &Question, next: &str) -> Result<String, NoAnswer> {
    let refused = |reason: String| failed(Cause::RedirectRefused, reason);
    let next =
        rebase(next, question.base_url.as_deref()).map_err(|error| refused(error.to_string()))?;
    let place = |url: &str| {
        let url = Url::parse(url).ok()?;
        Some((url.scheme().to_owned(), url.host_str()?.to_owned()))
    };
    if question.key.is_some() && place(&next) != place(&question.url) {
        let reason = "the next page lies on another host, which must not learn the key";
        return Err(refused(reason.to_owned()));
    }
    Ok(next)
}

fn failed(cause: Cause, reason: String) -> NoAnswer {
    NoAnswer {
        status: None,
        cause,
        reason,
        retry_after: None,
    }
}
