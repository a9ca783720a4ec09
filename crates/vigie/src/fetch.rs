//! Asking providers over HTTP: bounded in time, size and redirects, and polite.

use std::{io, time::Duration};

use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder};
use futures::TryStreamExt as _;
use jiff::{SignedDuration, Timestamp};
use reqwest::{
    Client, Response, StatusCode,
    header::{
        ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderName,
        IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, RETRY_AFTER,
    },
    redirect::Policy,
};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncReadExt as _};
use tokio_util::io::StreamReader;
use vigie_core::secret::Secret;
use vigie_store::manifest;

use crate::{config::HttpConfig, failure::chain};

/// What identifies Vigie to providers.
const AGENT: &str = concat!("vigie/", env!("CARGO_PKG_VERSION"));

/// The longest `Retry-After` that is believed.
const RETRY_AFTER_MAX: SignedDuration = SignedDuration::from_hours(24 * 7);

/// One request.
#[derive(Debug)]
pub(crate) struct Question {
    /// The address, with secrets.
    pub(crate) url: String,
    /// Headers, with secrets.
    pub(crate) headers: Vec<(String, String)>,
    /// The key of the source, to be kept out of every text.
    pub(crate) key: Option<Secret>,
    /// The validators of the last good body.
    pub(crate) etag: Option<String>,
    /// The same.
    pub(crate) last_modified: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The decoded body; `None` for "304 Not Modified".
    pub(crate) body: Option<Vec<u8>>,
    /// The validators for the next request.
    pub(crate) etag: Option<String>,
    /// The same.
    pub(crate) last_modified: Option<String>,
    /// What the manifest shall keep of the answer.
    pub(crate) said: manifest::Answer,
}

/// Why there is no body.
#[derive(Debug)]
pub(crate) struct NoAnswer {
    /// The HTTP status, if one came.
    pub(crate) status: Option<u16>,
    /// Why, without secrets.
    pub(crate) reason: String,
    /// When the provider asks to come back.
    pub(crate) retry_after: Option<Timestamp>,
}

/// The HTTP clients: connections are shared by all sources.
#[derive(Debug, Clone)]
pub(crate) struct Fetcher {
    open: Client,
    keyed: Client,
    body_bytes_max: u64,
}

impl Fetcher {
    /// Builds the clients.
    pub(crate) fn new(config: &HttpConfig) -> Result<Self, reqwest::Error> {
        // Fails only when a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let agent = match &config.contact {
            Some(contact) => format!("{AGENT} ({contact})"),
            None => AGENT.to_owned(),
        };
        let redirects_max = config.redirects_max;
        let client = |same_host: bool| {
            let policy = Policy::custom(move |attempt| {
                let leaves = attempt.previous().last().and_then(|url| url.host_str())
                    != attempt.url().host_str();
                if attempt.previous().len() > redirects_max {
                    attempt.error(io::Error::other(format!(
                        "more than {redirects_max} redirects"
                    )))
                } else if same_host && leaves {
                    attempt.error(io::Error::other(
                        "redirected to another host, which must not learn the key",
                    ))
                } else {
                    attempt.follow()
                }
            });
            Client::builder()
                .user_agent(agent.clone())
                .connect_timeout(Duration::from_secs(config.connect_timeout_seconds))
                .timeout(Duration::from_secs(config.timeout_seconds))
                .redirect(policy)
                .referer(false)
                .build()
        };
        Ok(Self {
            open: client(false)?,
            keyed: client(true)?,
            body_bytes_max: config.body_bytes_max,
        })
    }

    /// Sends one request and reads the whole answer. `now` is the time of the request.
    pub(crate) async fn fetch(
        &self,
        question: &Question,
        now: Timestamp,
    ) -> Result<Answer, NoAnswer> {
        let redact = |text: String| match &question.key {
            Some(key) => key.redact(&text),
            None => text,
        };
        let failed = |status: Option<u16>, reason: String| NoAnswer {
            status,
            reason: redact(reason),
            retry_after: None,
        };
        let client = if question.key.is_some() {
            &self.keyed
        } else {
            &self.open
        };
        let mut request = client
            .get(&question.url)
            .header(ACCEPT_ENCODING, "gzip, br, zstd");
        for (name, value) in &question.headers {
            request = request.header(name, value);
        }
        if let Some(etag) = &question.etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        if let Some(last_modified) = &question.last_modified {
            request = request.header(IF_MODIFIED_SINCE, last_modified);
        }
        let response = request
            .send()
            .await
            .map_err(|error| failed(None, explain(error)))?;

        let status = response.status();
        let headers = response.headers().clone();
        let code = Some(status.as_u16());
        let mut answer = Answer {
            status: status.as_u16(),
            body: None,
            etag: text_of(&headers, &ETAG),
            last_modified: text_of(&headers, &LAST_MODIFIED),
            said: said(&response, &redact),
        };
        if status == StatusCode::NOT_MODIFIED {
            return Ok(answer);
        }
        if !status.is_success() {
            return Err(NoAnswer {
                status: code,
                reason: format!("HTTP status {status}"),
                retry_after: text_of(&headers, &RETRY_AFTER)
                    .and_then(|text| parse_retry_after(&text, now)),
            });
        }
        let announced = response.content_length();
        if announced.is_some_and(|bytes| bytes > self.body_bytes_max) {
            let reason = format!(
                "the answer announces {} bytes, more than http.body_bytes_max = {}",
                announced.unwrap_or(0),
                self.body_bytes_max
            );
            return Err(failed(code, reason));
        }
        let encoding = text_of(&headers, &CONTENT_ENCODING);
        let stream = response
            .bytes_stream()
            .map_err(|error| io::Error::other(explain(error)));
        let reader = StreamReader::new(stream);
        let body = self.read(reader, encoding.as_deref()).await;
        answer.body = Some(body.map_err(|error| failed(code, chain(&error)))?);
        Ok(answer)
    }

    /// Reads and decodes a body, up to the limit and a byte more.
    async fn read(
        &self,
        reader: impl AsyncBufRead + Unpin + Send,
        encoding: Option<&str>,
    ) -> io::Result<Vec<u8>> {
        let mut decoder: Box<dyn AsyncRead + Unpin + Send + '_> = match encoding {
            None | Some("" | "identity") => Box::new(reader),
            Some("gzip" | "x-gzip") => {
                let mut decoder = GzipDecoder::new(reader);
                decoder.multiple_members(true);
                Box::new(decoder)
            }
            Some("br") => Box::new(BrotliDecoder::new(reader)),
            Some("zstd") => Box::new(ZstdDecoder::new(reader)),
            Some("deflate") => Box::new(ZlibDecoder::new(reader)),
            Some(other) => {
                return Err(io::Error::other(format!(
                    "unknown Content-Encoding `{other}`"
                )));
            }
        };
        let mut body = Vec::new();
        (&mut decoder)
            .take(self.body_bytes_max + 1)
            .read_to_end(&mut body)
            .await?;
        if body.len() as u64 > self.body_bytes_max {
            return Err(io::Error::other(format!(
                "the body is larger than http.body_bytes_max = {} bytes",
                self.body_bytes_max
            )));
        }
        Ok(body)
    }
}

/// The error and its causes, without the address, which may hold a key.
fn explain(error: reqwest::Error) -> String {
    let timed_out = error.is_timeout();
    let text = chain(&error.without_url());
    if timed_out {
        format!("timed out: {text}")
    } else {
        text
    }
}

fn text_of(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// What the manifest shall keep of an answer, without secrets.
fn said(response: &Response, redact: &impl Fn(String) -> String) -> manifest::Answer {
    let headers = response.headers();
    let texts: Vec<(&str, String)> = headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), redact(value.to_str().ok()?.to_owned()))))
        .collect();
    manifest::Answer {
        final_url: Some(redact(response.url().to_string())),
        content_type: text_of(headers, &CONTENT_TYPE),
        content_encoding: text_of(headers, &CONTENT_ENCODING),
        ..manifest::Answer::default()
    }
    .with_headers(texts.iter().map(|(name, value)| (*name, value.as_str())))
}

/// `Retry-After`: seconds, or an HTTP date (RFC 9110 §10.2.3).
pub(crate) fn parse_retry_after(text: &str, now: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    let latest = now.saturating_add(RETRY_AFTER_MAX).ok()?;
    let then = if let Ok(seconds) = text.parse::<u32>() {
        now.saturating_add(SignedDuration::from_secs(i64::from(seconds)))
            .ok()?
    } else {
        jiff::fmt::rfc2822::DateTimeParser::new()
            .parse_timestamp(text)
            .ok()?
    };
    Some(then.min(latest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_both_forms_and_bounded() {
        let now: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        let read = |text| parse_retry_after(text, now).map(|then| then.to_string());
        assert_eq!(read("120").as_deref(), Some("2026-11-23T10:02:00Z"));
        let date = "Mon, 23 Nov 2026 10:30:00 GMT";
        assert_eq!(read(date).as_deref(), Some("2026-11-23T10:30:00Z"));
        assert_eq!(read("99999999").as_deref(), Some("2026-11-30T10:00:00Z"));
        assert_eq!(read("soon"), None);
    }
}
