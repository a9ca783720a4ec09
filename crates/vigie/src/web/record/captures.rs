//! The captures: one by one, in pages, and the bodies that were set aside or wait.

use std::io::Read as _;

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::task::block_in_place;
use utoipa::{IntoParams, ToSchema};
use vigie_core::{
    capture::{Capture, Outcome as CaptureOutcome},
    cause::Cause,
    sheet::Permission,
    text::SourceId,
};
use vigie_store::{
    archive::{Found, archive_file},
    landing::quarantine_file,
    ledger::{CaptureId, CaptureQuery, Entry, Ledger, Place},
};

use super::{
    super::{Shared, range, redact::Redactor},
    Asked, Refusal, absent, bad, known, ledger_of,
};
use crate::{
    app::App,
    config::After,
    failure::{Failure, Outcome},
};

/// Captures in a page where the reader does not say how many.
const PAGE: usize = 50;
/// The most captures in a page.
const PAGE_MAX: usize = 500;
/// The most bytes of a body that are shown.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// The longest key that a cut could go through.
const KEY_BYTES_MAX: usize = 4096;
/// What is read of a body: a key that the cut would go through is replaced before the cut.
const READ_BYTES_MAX: usize = BODY_BYTES_MAX + KEY_BYTES_MAX;

/// Where the body of a capture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum BodyPlace {
    /// None came, or it was the same as the one before.
    None,
    /// In the landing zone; it waits to be summarised.
    Waiting,
    /// Summarised, and kept in the landing zone.
    Kept,
    /// Set aside.
    Quarantine,
    /// Summarised, and moved to the archive of the month.
    Archived,
    /// Deleted after it was summarised and read back, or when its time in quarantine was over. This entry is what remains.
    Deleted,
}

/// One attempt to download a source.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct CaptureLine {
    /// Its number in the ledger.
    pub(super) id: i64,
    /// The source.
    pub(super) source: String,
    /// The scheduled time that the attempt is for.
    #[schema(value_type = String, format = DateTime)]
    pub(super) slot: Timestamp,
    /// When the request was sent: the fetch time of its rows.
    #[schema(value_type = String, format = DateTime)]
    pub(super) started_at: Timestamp,
    /// When the answer was complete.
    #[schema(value_type = String, format = DateTime)]
    pub(super) finished_at: Timestamp,
    /// How it ended.
    pub(super) outcome: CaptureOutcome,
    /// The address asked, with `***` in place of secrets.
    pub(super) url: String,
    /// The HTTP status, if an answer came.
    pub(super) http_status: Option<u16>,
    /// Bytes of the decoded body.
    pub(super) bytes: u64,
    /// SHA-256 of the decoded body, in hexadecimal.
    pub(super) sha256: Option<String>,
    /// The raw file's path below the data folder, whether it is still there or not.
    pub(super) file: Option<String>,
    /// Rows taken into the store.
    pub(super) rows: u64,
    /// Rows refused.
    pub(super) refused_rows: u64,
    /// The oldest observed time among the rows taken.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) observed_from: Option<Timestamp>,
    /// The newest.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) observed_to: Option<Timestamp>,
    /// The newest time of publication among the rows taken, if the provider says it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) published_at: Option<Timestamp>,
    /// The name of what went wrong.
    pub(super) cause: Option<Cause>,
    /// The same with its details, in English.
    pub(super) reason: Option<String>,
    /// Where its body is.
    pub(super) body: BodyPlace,
    /// The archive, where the body is in one.
    pub(super) archive: Option<String>,
    /// Whether `/body` shows the body.
    pub(super) body_shown: bool,
}

impl CaptureLine {
    pub(super) fn new(app: &App, ledger: &Ledger, entry: Entry) -> Outcome<Self> {
        let Entry { id, capture, .. } = entry;
        let (body, archive) = place_of(app, ledger, &capture)?;
        let here = matches!(
            body,
            BodyPlace::Waiting | BodyPlace::Kept | BodyPlace::Quarantine | BodyPlace::Archived
        );
        Ok(Self {
            id: id.number(),
            body_shown: here && forbidden(app, &capture.source).is_none(),
            source: capture.source.to_string(),
            slot: capture.slot,
            started_at: capture.started_at,
            finished_at: capture.finished_at,
            outcome: capture.outcome,
            url: capture.url,
            http_status: capture.http_status,
            bytes: capture.bytes,
            sha256: capture.sha256,
            file: capture.file,
            rows: capture.rows,
            refused_rows: capture.refused_rows,
            observed_from: capture.observed.map(|(from, _)| from),
            observed_to: capture.observed.map(|(_, to)| to),
            published_at: capture.published_at,
            cause: capture.cause,
            reason: capture.reason,
            body,
            archive,
        })
    }
}

/// Why the body of a source must not be shown, where its terms forbid it.
fn forbidden(app: &App, source: &SourceId) -> Option<String> {
    let definition = app.known(source)?;
    let rights = &definition.sheet.rights;
    (rights.republish == Permission::Forbidden).then(|| {
        let (licence, url) = (&rights.licence, &rights.url);
        format!(
            "the terms of `{source}` forbid republishing its answers ({licence}, {url}); the file is in the data folder"
        )
    })
}

/// Where the file of a body is now, below the data folder.
fn file_here(app: &App, capture: &Capture) -> Option<(String, BodyPlace)> {
    let file = capture.file.as_deref()?;
    // Names come from manifests too, which anybody may have put there.
    let is_plain = file
        .split('/')
        .all(|part| !part.is_empty() && part != "." && part != "..");
    if !is_plain || !(file.starts_with("raw/") || file.starts_with("quarantine/")) {
        return None;
    }
    [file.to_owned(), quarantine_file(file)]
        .into_iter()
        .find(|file| app.landing().path(file).is_file())
        .map(|file| {
            let place = if file.starts_with("quarantine/") {
                BodyPlace::Quarantine
            } else if capture.outcome == CaptureOutcome::Summarized {
                BodyPlace::Kept
            } else {
                BodyPlace::Waiting
            };
            (file, place)
        })
}

fn place_of(app: &App, ledger: &Ledger, capture: &Capture) -> Outcome<(BodyPlace, Option<String>)> {
    if capture.file.is_none() {
        return Ok((BodyPlace::None, None));
    }
    if let Some((_, place)) = file_here(app, capture) {
        return Ok((place, None));
    }
    let archiving = app.config().raw.after == After::Archive;
    if archiving && capture.outcome == CaptureOutcome::Summarized {
        let archive = archive_file(&capture.source, capture.started_at);
        if ledger.archive_bytes(&archive).map_err(Failure::usage)? > 0 {
            return Ok((BodyPlace::Archived, Some(archive)));
        }
    }
    Ok((BodyPlace::Deleted, None))
}

/// Some captures, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CapturePage {
    captures: Vec<CaptureLine>,
    /// What to ask for as `after` to read on; absent at the end.
    next: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct CapturesQuery {
    /// Only those of this source.
    source: Option<String>,
    /// Only those started on this local date or at this instant (RFC 3339), or later.
    from: Option<String>,
    /// Only those started up to this local date (included), or before this instant.
    to: Option<String>,
    /// Only those that ended so: `landed`, `unchanged`, `failed`, `quarantined`, `summarized`; several with commas.
    outcome: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
    /// How many; 50 when absent, 500 at most.
    limit: Option<usize>,
}

fn outcomes(words: Option<&str>) -> Result<Vec<CaptureOutcome>, Refusal> {
    let words = words.unwrap_or_default().split(',');
    let words = words.filter(|word| !word.is_empty());
    words
        .map(|word| {
            CaptureOutcome::parse(word).ok_or_else(|| {
                let known = CaptureOutcome::ALL.map(CaptureOutcome::as_str).join(", ");
                bad(format!("`{word}` is no outcome: say one of {known}"))
            })
        })
        .collect()
}

fn place(text: &str) -> Result<Place, Refusal> {
    let parsed = text.split_once('.').and_then(|(start, number)| {
        Some(Place {
            started_at_ms: start.parse().ok()?,
            id: CaptureId::of(number.parse().ok()?),
        })
    });
    parsed.ok_or_else(|| bad("`after` is not the `next` of a page"))
}

/// The captures, the newest first.
#[utoipa::path(get, path = "/api/v1/captures", params(CapturesQuery), responses(
    (status = 200, description = "A page of captures", body = CapturePage),
    (status = 400, description = "A parameter is wrong"), (status = 404, description = "No such source")))]
pub(super) async fn captures(
    State(shared): State<Shared>,
    Asked(asked): Asked<CapturesQuery>,
) -> Result<Json<CapturePage>, Refusal> {
    let app = &shared.app;
    let source = asked.source.as_deref().map(|source| known(app, source));
    let range = range(app, asked.from.as_deref(), asked.to.as_deref())?;
    let query = CaptureQuery {
        source: source.transpose()?.map(|definition| definition.id.clone()),
        from: range.from,
        to: range.to,
        outcomes: outcomes(asked.outcome.as_deref())?,
    };
    let after = asked.after.as_deref().map(place).transpose()?;
    let most = asked.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let page = block_in_place(|| -> Outcome<CapturePage> {
        let ledger = ledger_of(app)?;
        let found = ledger.page(&query, after, most).map_err(Failure::usage)?;
        let next = found.last().filter(|_| found.len() == most).map(|last| {
            let start = last.capture.started_at.as_millisecond();
            format!("{start}.{}", last.id.number())
        });
        let captures = found
            .into_iter()
            .map(|entry| CaptureLine::new(app, &ledger, entry));
        Ok(CapturePage {
            captures: captures.collect::<Outcome<_>>()?,
            next,
        })
    })?;
    Ok(Json(page))
}

fn find(ledger: &Ledger, id: &str) -> Result<Entry, Refusal> {
    let number = id
        .parse()
        .map_err(|_| bad(format!("`{id}` is no number of a capture")))?;
    ledger
        .capture(CaptureId::of(number))
        .map_err(Failure::usage)?
        .ok_or_else(|| absent(format!("there is no capture {number}")))
}

/// A capture.
#[utoipa::path(get, path = "/api/v1/captures/{id}", params(("id" = i64, Path,)), responses(
    (status = 200, description = "The capture", body = CaptureLine),
    (status = 404, description = "No such capture")))]
pub(super) async fn capture(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<CaptureLine>, Refusal> {
    let app = &shared.app;
    block_in_place(|| {
        let ledger = ledger_of(app)?;
        let entry = find(&ledger, &id)?;
        let line = CaptureLine::new(app, &ledger, entry)?;
        Ok(Json(line))
    })
}

/// The beginning of a body that was set aside, waits, is kept or archived, as text.
///
/// Bytes that are no UTF-8 are replaced, and so are keys. `vigie-bytes` says how many bytes the body has, `vigie-cut` whether
/// this is not all of it.
#[utoipa::path(get, path = "/api/v1/captures/{id}/body", params(("id" = i64, Path,)), responses(
    (status = 200, description = "At most 256 KiB of the body", body = String, content_type = "text/plain"),
    (status = 403, description = "The terms of the source forbid it"),
    (status = 404, description = "No such capture, or it brought no body"),
    (status = 410, description = "The body was deleted, or its archive moved away")))]
pub(super) async fn body(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let app = &shared.app;
    block_in_place(|| {
        let ledger = ledger_of(app)?;
        let capture = find(&ledger, &id)?.capture;
        if let Some(reason) = forbidden(app, &capture.source) {
            return Err(Refusal::new(StatusCode::FORBIDDEN, reason));
        }
        let Some(raw_file) = &capture.file else {
            return Err(absent(format!("capture {id} brought no body")));
        };
        let (total, bytes) = match file_here(app, &capture) {
            Some((file, _)) => beginning(&app.landing().path(&file), &file)?,
            None => archived(app, &ledger, &capture, raw_file)?,
        };
        Ok(as_text(app, total, &bytes))
    })
}

/// The size of a file, and its beginning.
fn beginning(path: &std::path::Path, file: &str) -> Outcome<(u64, Vec<u8>)> {
    let unreadable = |error: std::io::Error| Failure::usage(format!("{file}: {error}"));
    let opened = std::fs::File::open(path).map_err(unreadable)?;
    let total = opened.metadata().map_err(unreadable)?.len();
    let mut bytes = Vec::new();
    opened
        .take(READ_BYTES_MAX as u64)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    Ok((total, bytes))
}

/// The same of a body in an archive.
fn archived(
    app: &App,
    ledger: &Ledger,
    capture: &Capture,
    raw_file: &str,
) -> Result<(u64, Vec<u8>), Refusal> {
    let gone = |reason: &str| Refusal::new(StatusCode::GONE, reason.to_owned());
    let (BodyPlace::Archived, Some(archive)) = place_of(app, ledger, capture)? else {
        return Err(gone("the body was deleted; its tombstone is what remains"));
    };
    let committed = ledger.archive_bytes(&archive).map_err(Failure::usage)?;
    let found = app
        .archive()
        .find(&archive, committed, raw_file, READ_BYTES_MAX);
    match found.map_err(Failure::usage)? {
        Found::Here { bytes, beginning } => Ok((bytes, beginning)),
        Found::Nowhere => Err(gone(&format!(
            "the body was in {archive}, which is not there any more"
        ))),
        Found::TooFar => Err(Refusal::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!(
                "the body lies too deep in {archive}: `tar --zstd -xf` in the data folder unpacks it"
            ),
        )),
    }
}

/// The beginning of a body of so many bytes in all, without keys and as text.
fn as_text(app: &App, total: u64, bytes: &[u8]) -> Response {
    let text = String::from_utf8_lossy(bytes);
    let mut text = Redactor::new(app).clean(&text).into_owned();
    let more = total > READ_BYTES_MAX as u64;
    let cut = more || text.len() > BODY_BYTES_MAX;
    // What was read of a longer body may end within a key: its last bytes are not shown, however much was replaced before.
    let whole = if more {
        text.len().saturating_sub(KEY_BYTES_MAX)
    } else {
        text.len()
    };
    text.truncate(text.floor_char_boundary(whole.min(BODY_BYTES_MAX)));
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    let said = [
        ("vigie-bytes", total.to_string()),
        ("vigie-cut", cut.to_string()),
    ];
    (headers, said, text).into_response()
}
