//! Asking providers over HTTP: bounded in time, size and redirects, polite, and never into a private network.

mod reach;

use std::{
    error::Error,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder};
use futures::TryStreamExt as _;
use jiff::{SignedDuration, Timestamp};
use reqwest::{
    Client, Response, StatusCode, Url,
    header::{
        ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderName,
        IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LINK, LOCATION, RETRY_AFTER,
    },
    redirect::Policy,
};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncReadExt as _};
use tokio_util::io::StreamReader;
use vigie_core::{cause::Cause, secret::Secret};
use vigie_store::manifest;

pub(crate) use self::reach::Reach;
use self::reach::{Guard, Lookup, PrivateAddress, proxies_of_environment};
use crate::{
    config::HttpConfig,
    failure::{Failure, Outcome, chain},
};

/// What identifies Vigie to providers.
const AGENT: &str = concat!("vigie/", env!("CARGO_PKG_VERSION"));

/// The longest `Retry-After` that is believed.
const RETRY_AFTER_MAX: SignedDuration = SignedDuration::from_hours(24 * 7);

/// What a body may expand to whatever its ratio: small bodies of blanks are no bombs.
const EXPANDED_BYTES_FREE: u64 = 4 * 1024 * 1024;

/// Bytes read at a time between two looks at the limits.
const READ_BYTES: u64 = 64 * 1024;

/// One request.
#[derive(Debug)]
pub(crate) struct Question {
    /// The address, with secrets.
    pub(crate) url: String,
    /// Scheme and host that the user has set for the source: they may be private.
    pub(crate) base_url: Option<String>,
    /// Headers, with secrets.
    pub(crate) headers: Vec<(String, String)>,
    /// What is sent, with secrets, and its content type: then the request is a `POST`.
    pub(crate) body: Option<(String, String)>,
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
    /// The header `Link`, as it came.
    pub(crate) link: Option<String>,
    /// What the manifest shall keep of the answer.
    pub(crate) said: manifest::Answer,
}

/// Why there is no body.
#[derive(Debug)]
pub(crate) struct NoAnswer {
    /// The HTTP status, if one came.
    pub(crate) status: Option<u16>,
    /// The name of it.
    pub(crate) cause: Cause,
    /// Why, without secrets.
    pub(crate) reason: String,
    /// When the provider asks to come back.
    pub(crate) retry_after: Option<Timestamp>,
}

/// What went wrong, not yet told with the circumstances.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{reason}")]
struct Trouble {
    cause: Cause,
    reason: String,
}

impl Trouble {
    fn new(cause: Cause, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { cause, reason }
    }
}

impl From<PrivateAddress> for Trouble {
    fn from(error: PrivateAddress) -> Self {
        Self::new(Cause::PrivateAddress, error.to_string())
    }
}

/// The HTTP clients: connections are shared by all sources.
#[derive(Debug, Clone)]
pub(crate) struct Fetcher {
    /// Its names lead to allowed addresses only.
    guarded: Client,
    /// For hosts that the user has named, and for addresses.
    free: Client,
    reach: Arc<Reach>,
    config: HttpConfig,
}

impl Fetcher {
    /// Builds the clients.
    pub(crate) fn new(config: &HttpConfig) -> Outcome<Self> {
        // Fails only when a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let agent = match &config.contact {
            Some(contact) => format!("{AGENT} ({contact})"),
            None => AGENT.to_owned(),
        };
        let client = || {
            Client::builder()
                .user_agent(agent.clone())
                .connect_timeout(Duration::from_secs(config.connect_timeout_seconds))
                .http2_max_header_list_size(config.header_bytes_max)
                // Each hop is looked at here before it is followed.
                .redirect(Policy::none())
                .referer(false)
        };
        let reach = Reach::new(&config.allow_private)
            .map_err(|entry| Failure::usage(format!("http.allow_private: `{entry}`")))?
            .with_proxies(proxies_of_environment());
        let reach = Arc::new(reach);
        Ok(Self {
            guarded: client()
                .dns_resolver(Guard(reach.clone()))
                .build()
                .map_err(Failure::usage)?,
            free: client().build().map_err(Failure::usage)?,
            reach,
            config: config.clone(),
        })
    }

    /// Sends one request and reads the whole answer. `now` is the time of the request.
    pub(crate) async fn fetch(
        &self,
        question: &Question,
        now: Timestamp,
    ) -> Result<Answer, NoAnswer> {
        let seconds = self.config.timeout_seconds;
        let whole = tokio::time::timeout(Duration::from_secs(seconds), self.ask(question, now));
        let mut answer = whole.await.unwrap_or_else(|_| {
            let reason =
                format!("timed out: no whole answer within http.timeout_seconds = {seconds}");
            Err(failed(None, Trouble::new(Cause::Timeout, reason)))
        });
        if let (Err(no_answer), Some(key)) = (&mut answer, &question.key) {
            no_answer.reason = key.redact(&no_answer.reason);
        }
        answer
    }

    async fn ask(&self, question: &Question, now: Timestamp) -> Result<Answer, NoAnswer> {
        let redact = |text: String| match &question.key {
            Some(key) => key.redact(&text),
            None => text,
        };
        let response = self
            .follow(question)
            .await
            .map_err(|trouble| failed(None, trouble))?;
        let status = response.status();
        let code = Some(status.as_u16());
        let headers = response.headers().clone();
        let mut answer = Answer {
            status: status.as_u16(),
            body: None,
            etag: text_of(&headers, &ETAG),
            last_modified: text_of(&headers, &LAST_MODIFIED),
            link: text_of(&headers, &LINK),
            said: said(&response, &redact),
        };
        if status == StatusCode::NOT_MODIFIED {
            return Ok(answer);
        }
        if !status.is_success() {
            let cause = match status.as_u16() {
                429 => Cause::RateLimited,
                500..=599 => Cause::Unavailable,
                _ => Cause::HttpStatus,
            };
            return Err(NoAnswer {
                status: code,
                cause,
                reason: format!("HTTP status {status}"),
                retry_after: text_of(&headers, &RETRY_AFTER)
                    .and_then(|text| parse_retry_after(&text, now)),
            });
        }
        let most = self.config.body_bytes_max;
        if let Some(announced) = response.content_length().filter(|bytes| *bytes > most) {
            let reason = format!(
                "the answer announces {announced} bytes, more than http.body_bytes_max = {most}"
            );
            return Err(failed(code, Trouble::new(Cause::TooLarge, reason)));
        }
        let encoding = text_of(&headers, &CONTENT_ENCODING);
        let received = Arc::new(AtomicU64::new(0));
        let counter = received.clone();
        let stream = response
            .bytes_stream()
            .inspect_ok(move |bytes| {
                counter.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            })
            .map_err(|error| io::Error::other(explain(error)));
        let reader = StreamReader::new(stream);
        let body = self.read(reader, encoding.as_deref(), &received).await;
        answer.body = Some(body.map_err(|trouble| failed(code, trouble))?);
        Ok(answer)
    }

    /// Sends the request, and follows redirects as far as they may lead.
    async fn follow(&self, question: &Question) -> Result<Response, Trouble> {
        let refused = |reason: String| Trouble::new(Cause::RedirectRefused, reason);
        let own = question.base_url.as_deref();
        let own = own.and_then(|base_url| Url::parse(base_url).ok());
        let mut url = Url::parse(&question.url)
            .map_err(|error| Trouble::new(Cause::Connection, error.to_string()))?;
        for _ in 0..=self.config.redirects_max {
            let response = self.send(question, &url, own.as_ref()).await?;
            let bytes: usize = response
                .headers()
                .iter()
                .map(|(name, value)| name.as_str().len() + value.len())
                .sum();
            let most = self.config.header_bytes_max;
            if bytes > most as usize {
                let reason =
                    format!("{bytes} bytes of headers, more than http.header_bytes_max = {most}");
                return Err(Trouble::new(Cause::TooLarge, reason));
            }
            let location = response.headers().get(LOCATION);
            let is_redirect = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
            let Some(location) = location.filter(|_| is_redirect) else {
                return Ok(response);
            };
            let location = String::from_utf8_lossy(location.as_bytes()).into_owned();
            let next = url
                .join(&location)
                .ok()
                .filter(|next| matches!(next.scheme(), "http" | "https"))
                .ok_or_else(|| {
                    refused(format!("redirected to `{location}`, no address of the web"))
                })?;
            if question.key.is_some() && next.host_str() != url.host_str() {
                let reason = "redirected to another host, which must not learn the key";
                return Err(refused(reason.to_owned()));
            }
            if question.key.is_some() && url.scheme() == "https" && next.scheme() == "http" {
                let reason = "redirected from https to http, where everybody would learn the key";
                return Err(refused(reason.to_owned()));
            }
            // A browser would go on without what it sent.
            if question.body.is_some() && !matches!(response.status().as_u16(), 307 | 308) {
                return Err(refused("redirected in answer to a POST".to_owned()));
            }
            url = next;
        }
        let most = self.config.redirects_max;
        let reason = format!("more redirects than http.redirects_max = {most}");
        Err(Trouble::new(Cause::RedirectLoop, reason))
    }

    async fn send(
        &self,
        question: &Question,
        url: &Url,
        own: Option<&Url>,
    ) -> Result<Response, Trouble> {
        let client = match self.reach.look_up(url, own)? {
            Lookup::Free => &self.free,
            Lookup::Guarded => &self.guarded,
        };
        let mut request = match &question.body {
            None => client.get(url.clone()),
            Some((content_type, text)) => client
                .post(url.clone())
                .header(CONTENT_TYPE, content_type)
                .body(text.clone()),
        }
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
        request.send().await.map_err(explain)
    }

    /// Reads and decodes a body, up to the limits. `received` counts the bytes that have come, still encoded.
    async fn read(
        &self,
        reader: impl AsyncBufRead + Unpin + Send,
        encoding: Option<&str>,
        received: &AtomicU64,
    ) -> Result<Vec<u8>, Trouble> {
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
                let reason = format!("unknown Content-Encoding `{other}`");
                return Err(Trouble::new(Cause::Compression, reason));
            }
        };
        let (most, ratio) = (
            self.config.body_bytes_max,
            self.config.decompression_ratio_max,
        );
        let mut body = Vec::new();
        loop {
            let read = (&mut decoder)
                .take(READ_BYTES)
                .read_to_end(&mut body)
                .await
                .map_err(broken)?;
            if read == 0 {
                return Ok(body);
            }
            let bytes = body.len() as u64;
            let received = received.load(Ordering::Relaxed);
            if bytes > EXPANDED_BYTES_FREE && bytes > received.saturating_mul(ratio) {
                let reason = format!(
                    "{received} bytes expand to {bytes} and more, beyond http.decompression_ratio_max = {ratio}"
                );
                return Err(Trouble::new(Cause::Bomb, reason));
            }
            if bytes > most {
                let reason = format!("the body is larger than http.body_bytes_max = {most} bytes");
                return Err(Trouble::new(Cause::TooLarge, reason));
            }
        }
    }
}

fn failed(status: Option<u16>, trouble: Trouble) -> NoAnswer {
    NoAnswer {
        status,
        cause: trouble.cause,
        reason: trouble.reason,
        retry_after: None,
    }
}

/// An error in the middle of a body: of the connection, or of the decoder.
#[expect(clippy::needless_pass_by_value, reason = "made for `map_err`")]
fn broken(error: io::Error) -> Trouble {
    let of_connection = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Trouble>());
    match of_connection {
        Some(trouble) => trouble.clone(),
        None => Trouble::new(
            Cause::Compression,
            format!("the body cannot be decompressed: {}", chain(&error)),
        ),
    }
}

/// The error and its causes, without the address, which may hold a key.
fn explain(error: reqwest::Error) -> Trouble {
    let cause = name(&error).unwrap_or(if error.is_timeout() {
        Cause::Timeout
    } else if error.is_connect() {
        Cause::Connection
    } else {
        Cause::Reset
    });
    let text = chain(&error.without_url());
    match cause {
        Cause::Timeout => Trouble::new(cause, format!("timed out: {text}")),
        _ => Trouble::new(cause, text),
    }
}

/// What an error or one of its causes is known as.
fn name(error: &(dyn Error + 'static)) -> Option<Cause> {
    if error.is::<PrivateAddress>() {
        return Some(Cause::PrivateAddress);
    }
    if error.is::<rustls::Error>() {
        return Some(Cause::Tls);
    }
    // An error of input and output hides the one that it was made of from its causes.
    let inner = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
        .and_then(|inner| name(inner as &(dyn Error + 'static)));
    inner.or_else(|| name(error.source()?))
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
