//! From a page (and a fault) to an HTTP response.

use std::{
    convert::Infallible,
    io::Write,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, Response as HttpResponse, StatusCode, header},
    response::Response,
};
use flate2::{Compress, Compression, Crc, FlushCompress};
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use tokio::time::sleep;
use tower_http::compression::Predicate;

use crate::{
    fault::{FaultKind, RetryAfter},
    provider::Page,
};

/// Where redirections lead that lead nowhere.
pub(crate) const LOOP_PATH: &str = "/simulator/redirect-loop/";

const HUGE_LENGTH: u64 = 10_000_000_000;

const MAINTENANCE_PAGE: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\
<title>Scheduled maintenance</title></head>\n<body><h1>We'll be right back</h1>\n<p>This service \
is undergoing scheduled maintenance. Please try again later.</p>\n<script>var status = \
{\"ok\": false};</script></body>\n</html>\n";

/// Marks a response whose bytes must go out exactly as they are.
#[derive(Debug, Clone, Copy)]
struct Verbatim;

/// Compresses text, unless it is marked as [`Verbatim`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compressible;

impl Predicate for Compressible {
    fn should_compress<B>(&self, response: &HttpResponse<B>) -> bool
    where
        B: axum::body::HttpBody,
    {
        let binary = response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_none_or(|kind| kind == "application/x-protobuf");
        !binary
            && response.status() == StatusCode::OK
            && response.extensions().get::<Verbatim>().is_none()
    }
}

/// The answer to a conditional request for `page`, or to one that a fault strikes.
pub(crate) fn respond(
    page: Page,
    fault: Option<&FaultKind>,
    request: &HeaderMap,
    tls: Option<SocketAddr>,
    stopping: &Arc<AtomicBool>,
) -> Response {
    match fault {
        Some(FaultKind::TruncatedJson) => {
            let mut bytes = page.bytes;
            // Two thirds, and then on into the middle of a number, name or escape.
            bytes.truncate(bytes.len() * 2 / 3);
            verbatim(page.content_type, bytes)
        }
        Some(FaultKind::HtmlInstead) => {
            verbatim("text/html; charset=utf-8", MAINTENANCE_PAGE.into())
        }
        Some(FaultKind::Empty200) => verbatim(page.content_type, Vec::new()),
        Some(FaultKind::Status { code, retry_after }) => error_status(*code, *retry_after),
        Some(FaultKind::ResetMidBody) => reset_mid_body(page),
        Some(FaultKind::SlowBody { bytes_per_second }) => {
            slow_body(page, *bytes_per_second, Arc::clone(stopping))
        }
        Some(FaultKind::RedirectLoop) => next_hop("0"),
        Some(FaultKind::WrongCharset) => {
            let text = String::from_utf8_lossy(&page.bytes);
            let bytes = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            verbatim(page.content_type, bytes)
        }
        Some(FaultKind::GzipBomb { expands_to_bytes }) => {
            let mut response = verbatim(page.content_type, gzip_bomb(*expands_to_bytes));
            response
                .headers_mut()
                .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            response
        }
        Some(FaultKind::RedirectTo { location }) => redirect(location),
        Some(FaultKind::UntrustedTls) => match tls {
            Some(address) => redirect(&format!("https://{address}/")),
            None => refusal(500, "This simulator was not told to listen for https."),
        },
        Some(FaultKind::HugeContentLength) => huge_content_length(page, Arc::clone(stopping)),
        Some(
            FaultKind::HalfRows { .. }
            | FaultKind::NullIds
            | FaultKind::YesterdaysBody
            | FaultKind::RenumberedIds
            | FaultKind::OtherUnit
            | FaultKind::FutureRows { .. },
        )
        | None => whole(page, request),
    }
}

/// An error of the server that no fault plan asked for.
pub(crate) fn refusal(code: u16, reason: &str) -> Response {
    let mut response = verbatim("text/plain; charset=utf-8", format!("{reason}\n").into());
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST);
    response
}

/// The hop after `hop` of an endless chain of redirections.
pub(crate) fn next_hop(hop: &str) -> Response {
    let next = hop.parse::<u64>().unwrap_or(0).wrapping_add(1);
    redirect(&format!("{LOOP_PATH}{next}"))
}

fn redirect(location: &str) -> Response {
    let mut response = verbatim("text/html; charset=utf-8", Vec::new());
    *response.status_mut() = StatusCode::FOUND;
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// The same time on the day before.
pub(crate) fn day_before(at: Timestamp) -> Timestamp {
    at.saturating_sub(SignedDuration::from_hours(24))
        .unwrap_or(Timestamp::MIN)
}

fn http_date(at: Timestamp) -> Option<HeaderValue> {
    rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&at)
        .ok()
        .and_then(|text| HeaderValue::try_from(text).ok())
}

fn response(content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(
        header::SERVER,
        HeaderValue::from_static("vigie-simulator (invented data)"),
    );
    response
}

fn verbatim(content_type: &'static str, bytes: Vec<u8>) -> Response {
    let mut response = response(content_type, Body::from(bytes));
    response.extensions_mut().insert(Verbatim);
    response
}

fn whole(page: Page, request: &HeaderMap) -> Response {
    let not_modified = is_not_modified(&page, request);
    let etag = page.etag.and_then(|tag| HeaderValue::try_from(tag).ok());
    let last_modified = page.last_modified.and_then(http_date);
    let empty = not_modified || page.bytes.is_empty();
    let body = if empty {
        Body::empty()
    } else {
        Body::from(page.bytes)
    };
    let mut response = response(page.content_type, body);
    if not_modified {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else if empty {
        *response.status_mut() = StatusCode::NO_CONTENT;
    }
    let headers = response.headers_mut();
    if empty {
        headers.remove(header::CONTENT_TYPE);
    }
    if let Some(etag) = etag {
        headers.insert(header::ETAG, etag);
    }
    if let Some(last_modified) = last_modified {
        headers.insert(header::LAST_MODIFIED, last_modified);
    }
    response
}

/// RFC 9110, 13.1: the tag decides if the request has one, the date otherwise.
fn is_not_modified(page: &Page, request: &HeaderMap) -> bool {
    let text = |name| {
        request
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    if let Some(tags) = text(header::IF_NONE_MATCH) {
        return page.etag.as_deref().is_some_and(|etag| {
            tags.split(',')
                .map(|tag| tag.trim().trim_start_matches("W/"))
                .any(|tag| tag == "*" || tag == etag)
        });
    }
    let since = text(header::IF_MODIFIED_SINCE)
        .and_then(|date| rfc2822::DateTimeParser::new().parse_timestamp(date).ok());
    match (since, page.last_modified) {
        (Some(since), Some(modified)) => modified.as_second() <= since.as_second(),
        _ => false,
    }
}

fn error_status(code: u16, retry_after: Option<RetryAfter>) -> Response {
    let mut response = refusal(code, "The service is unavailable. Please try again later.");
    let value = match retry_after {
        Some(RetryAfter::Seconds(seconds)) => Some(HeaderValue::from(seconds)),
        Some(RetryAfter::Date(at)) => http_date(at),
        None => None,
    };
    if let Some(value) = value {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

fn announce(response: &mut Response, length: u64) {
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response.extensions_mut().insert(Verbatim);
}

fn reset_mid_body(page: Page) -> Response {
    let length = page.bytes.len() as u64;
    let mut bytes = page.bytes;
    bytes.truncate(bytes.len() / 2);
    let first = stream::once(async { Ok(Bytes::from(bytes)) });
    let reset = stream::once(async {
        // The half must have left before the connection breaks.
        sleep(Duration::from_millis(50)).await;
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
    });
    let mut response = response(page.content_type, Body::from_stream(first.chain(reset)));
    announce(&mut response, length);
    response
}

fn slow_body(page: Page, bytes_per_second: u64, stopping: Arc<AtomicBool>) -> Response {
    let length = page.bytes.len() as u64;
    let speed = bytes_per_second.max(1);
    // Chunks of a tenth of a second, or single bytes where that would be less than one.
    let chunk = usize::try_from((speed / 10).max(1)).unwrap_or(usize::MAX);
    let pause = Duration::from_secs_f64(chunk as f64 / speed as f64);
    let drops = stream::unfold(Bytes::from(page.bytes), move |mut left| {
        let stopping = Arc::clone(&stopping);
        async move {
            if left.is_empty() || stopping.load(Ordering::Relaxed) {
                return None;
            }
            sleep(pause).await;
            let next = left.split_to(chunk.min(left.len()));
            Some((Ok::<_, Infallible>(next), left))
        }
    });
    let mut response = response(page.content_type, Body::from_stream(drops));
    announce(&mut response, length);
    response
}

fn huge_content_length(page: Page, stopping: Arc<AtomicBool>) -> Response {
    let blanks = Bytes::from(vec![b' '; 1 << 16]);
    let first = Bytes::from(page.bytes);
    let flood = stream::unfold((0, first), move |(sent, next)| {
        let over = sent >= HUGE_LENGTH || stopping.load(Ordering::Relaxed);
        let room = usize::try_from(HUGE_LENGTH.saturating_sub(sent)).unwrap_or(usize::MAX);
        let now = next.slice(..next.len().min(room));
        let after = (sent + now.len() as u64, blanks.clone());
        async move { (!over).then_some((Ok::<_, Infallible>(now), after)) }
    });
    let mut response = response(page.content_type, Body::from_stream(flood));
    announce(&mut response, HUGE_LENGTH);
    response
}

/// A gzip file of spaces (RFC 1952). One compressed mebibyte, closed by a full flush so that it
/// depends on nothing before it, is repeated; the whole is one member, which every decoder reads.
fn gzip_bomb(expands_to_bytes: u64) -> Vec<u8> {
    const MEBIBYTE: usize = 1 << 20;
    let count = expands_to_bytes.div_ceil(MEBIBYTE as u64).max(1);
    let spaces = vec![b' '; MEBIBYTE];
    let mut deflate = Compress::new(Compression::best(), false);
    let mut packed = Vec::with_capacity(1 << 16);
    deflate
        .compress_vec(&spaces, &mut packed, FlushCompress::Full)
        .expect("a mebibyte of spaces packs into 64 KiB");
    let mut one = Crc::new();
    one.update(&spaces);
    let mut all = Crc::new();
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255];
    for _ in 0..count {
        bytes.extend_from_slice(&packed);
        all.combine(&one);
    }
    // An empty last block, the checksum and the length modulo 2^32.
    bytes.extend_from_slice(&[3, 0]);
    let length = (count * MEBIBYTE as u64) as u32;
    bytes
        .write_all(&[all.sum().to_le_bytes(), length.to_le_bytes()].concat())
        .expect("a vector takes everything");
    bytes
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn the_bomb_is_a_small_and_valid_gzip_file() {
        let bomb = gzip_bomb(5_000_000);
        assert!(bomb.len() < 6_000, "{}", bomb.len());
        let mut spaces = Vec::new();
        GzDecoder::new(bomb.as_slice())
            .read_to_end(&mut spaces)
            .unwrap();
        assert_eq!(spaces.len(), 5 << 20);
        assert!(spaces.iter().all(|byte| *byte == b' '));
    }

    #[test]
    fn conditions_follow_the_tag_first_and_the_date_otherwise() {
        let page = Page {
            content_type: "text/xml",
            bytes: b"<a/>".to_vec(),
            etag: Some("\"abc\"".into()),
            last_modified: Some("2026-11-23T15:00:00Z".parse().unwrap()),
        };
        let conditions: [(&[(header::HeaderName, &str)], bool); 6] = [
            (&[], false),
            (&[(header::IF_NONE_MATCH, "\"x\", W/\"abc\"")], true),
            (&[(header::IF_NONE_MATCH, "\"x\"")], false),
            (
                &[(header::IF_MODIFIED_SINCE, "Mon, 23 Nov 2026 15:00:00 GMT")],
                true,
            ),
            (
                &[(header::IF_MODIFIED_SINCE, "Mon, 23 Nov 2026 14:59:59 GMT")],
                false,
            ),
            (
                &[
                    (header::IF_NONE_MATCH, "\"x\""),
                    (header::IF_MODIFIED_SINCE, "Mon, 23 Nov 2026 16:00:00 GMT"),
                ],
                false,
            ),
        ];
        for (headers, expected) in conditions {
            let headers: HeaderMap = headers
                .iter()
                .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
                .collect();
            assert_eq!(is_not_modified(&page, &headers), expected, "{headers:?}");
        }
    }
}
