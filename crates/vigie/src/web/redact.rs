//! No answer of the interface has a secret, whatever a provider says.
//!
//! A provider that repeats our key in a title has put it into rows and from there into every answer that names them. So answers are
//! cleaned where all of them pass; what is no text (Parquet) is cleaned cell by cell before it is packed.

use std::borrow::Cow;

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderValue, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use vigie_core::secret::Secret;

use super::{Refusal, Shared, guard};
use crate::{
    app::{App, key_of},
    failure::Failure,
};

/// Answers in words; streams of events name sources and times only, and Parquet is packed.
const TEXTS: [&str; 4] = [
    "application/json",
    "application/x-ndjson",
    "text/csv",
    "text/plain",
];

/// Takes the keys of all sources, and the token of this server, out of texts that came from outside.
pub(super) struct Redactor(Vec<Secret>);

impl Redactor {
    pub(super) fn new(app: &App) -> Self {
        let keys = app.definitions().filter_map(|source| key_of(source));
        Self(keys.chain(guard::token()).collect())
    }

    /// Whether there is anything to take out.
    pub(super) fn is_idle(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn clean<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.0.iter().fold(Cow::Borrowed(text), |text, secret| {
            let cleaned = secret.redact(&text);
            if cleaned == *text {
                text
            } else {
                Cow::Owned(cleaned)
            }
        })
    }
}

/// Cleans what the interface answers. Without a key and a token nothing is looked at.
pub(super) async fn check(
    State(shared): State<Shared>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let answer = next.run(request).await;
    let redactor = Redactor::new(&shared.app);
    let media = answer.headers().get(header::CONTENT_TYPE);
    let media = media.and_then(|media| media.to_str().ok());
    if redactor.is_idle()
        || !media.is_some_and(|media| TEXTS.iter().any(|text| media.starts_with(text)))
    {
        return Ok(answer);
    }
    let (mut head, body) = answer.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.map_err(Failure::usage)?;
    let cleaned = match std::str::from_utf8(&bytes).map(|text| redactor.clean(text)) {
        Ok(Cow::Owned(cleaned)) => Some(cleaned),
        _ => None,
    };
    let body = match cleaned {
        None => Body::from(bytes),
        Some(cleaned) => {
            head.headers
                .insert(header::CONTENT_LENGTH, HeaderValue::from(cleaned.len()));
            Body::from(cleaned)
        }
    };
    Ok((head, body).into_response())
}
