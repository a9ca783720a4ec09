//! Answers: their format, their credit, and their entity tag.

use std::{
    fmt::Write as _,
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use vigie_sources::Definition;

use super::{
    super::{Refusal, redact::Redactor},
    ask::{Parameters, attribution, bad},
};
use crate::{
    app::App,
    cli::ExportFormat,
    export::{
        credits::Credits,
        row_writer,
        table::{Cell, Column},
    },
    failure::Failure,
    known::KnownAt,
};

const ATTRIBUTION: HeaderName = HeaderName::from_static("vigie-attribution");

/// What an answer says when there is none.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Mistake {
    /// What is wrong, and what to do, in English.
    pub(super) error: String,
    /// `too_much` where less has to be asked for; else null.
    pub(super) code: Option<String>,
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Rows(ExportFormat),
}

impl Format {
    /// The format that a request asks for; JSON where it says nothing.
    pub(super) fn of(parameters: &Parameters) -> Result<Self, Refusal> {
        Ok(match parameters.one("format")? {
            None | Some("json") => Format::Json,
            Some("csv") => Format::Rows(ExportFormat::Csv),
            Some("ndjson") => Format::Rows(ExportFormat::Ndjson),
            Some("parquet") => Format::Rows(ExportFormat::Parquet),
            Some(other) => {
                return Err(bad(format!(
                    "format `{other}` is none of json, csv, ndjson, parquet"
                )));
            }
        })
    }
}

/// Answers with JSON.
pub(super) fn json(
    asked: &HeaderMap,
    app: &App,
    definition: Option<&Definition>,
    value: &impl Serialize,
) -> Result<Response, Refusal> {
    let body = serde_json::to_vec(value).map_err(Failure::usage)?;
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    if let Some(definition) = definition {
        credit(&mut headers, app, definition);
    }
    Ok(tagged(asked, headers, body))
}

/// Rows of one source, on their way into an answer.
pub(super) struct RowAnswer<'a> {
    app: &'a App,
    definition: &'a Definition,
    format: ExportFormat,
    writer: Box<dyn crate::export::writer::RowWriter>,
    bytes: Bytes,
    redactor: Redactor,
}

impl<'a> RowAnswer<'a> {
    /// Begins with no rows.
    pub(super) fn new(
        app: &'a App,
        definition: &'a Definition,
        format: ExportFormat,
        columns: &[Column],
        known_at: KnownAt,
    ) -> Result<Self, Refusal> {
        let bytes = Bytes::default();
        let writer = row_writer(format, columns, known_at, Box::new(bytes.clone()))
            .map_err(Failure::usage)?;
        Ok(Self {
            app,
            definition,
            format,
            writer,
            bytes,
            redactor: Redactor::new(app),
        })
    }

    /// Takes in a row; its cells are in the order of the columns.
    pub(super) fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Refusal> {
        // Packed text is cleaned before it is packed; other formats are when they leave (see `redact`).
        if self.format != ExportFormat::Parquet || self.redactor.is_idle() {
            return Ok(self.writer.row(cells).map_err(Failure::usage)?);
        }
        let cleaned: Vec<Cell<'_>> = (cells.iter())
            .map(|cell| match cell {
                Cell::Text(text) => Cell::Text(self.redactor.clean(text)),
                other => other.clone(),
            })
            .collect();
        Ok(self.writer.row(&cleaned).map_err(Failure::usage)?)
    }

    /// The answer, under a name for the file that it may become. `next` is where the following page begins.
    pub(super) fn finish(
        self,
        asked: &HeaderMap,
        name: &str,
        next: Option<&str>,
    ) -> Result<Response, Refusal> {
        let credits = Credits {
            sources: [(self.definition.id.clone(), Some(self.definition.credit()))].into(),
            time_zone: self.app.config().zone.time_zone.clone(),
            simulated: self.app.config().simulated,
        };
        self.writer.finish(&credits).map_err(Failure::usage)?;
        let (media, extension) = match self.format {
            ExportFormat::Csv => ("text/csv; charset=utf-8; header=present", "csv"),
            ExportFormat::Ndjson => ("application/x-ndjson", "ndjson"),
            ExportFormat::Parquet => ("application/vnd.apache.parquet", "parquet"),
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        let disposition = format!("attachment; filename=\"{name}.{extension}\"");
        if let Ok(value) = HeaderValue::from_str(&disposition) {
            headers.insert(header::CONTENT_DISPOSITION, value);
        }
        credit(&mut headers, self.app, self.definition);
        let next = next.map(|next| as_parameter(&self.redactor.clean(next)));
        if let Some(next) = next.and_then(|next| HeaderValue::from_str(&next).ok()) {
            headers.insert(HeaderName::from_static("vigie-next"), next);
        }
        Ok(tagged(asked, headers, self.bytes.take()))
    }
}

/// What rows are written into.
#[derive(Clone, Default)]
struct Bytes(Arc<Mutex<Vec<u8>>>);

impl Bytes {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whom to credit, for those who look at headers only: the words, and a link to the terms.
fn credit(headers: &mut HeaderMap, app: &App, definition: &Definition) {
    let credit = definition.credit();
    let words = encoded(&attribution(app, &credit));
    if let Ok(value) = HeaderValue::from_str(&words) {
        headers.insert(ATTRIBUTION, value);
    }
    if let Ok(value) = HeaderValue::from_str(&format!("<{}>; rel=\"license\"", credit.url)) {
        headers.insert(header::LINK, value);
    }
}

/// A text as a parameter of an address: it can be put there as it is.
fn as_parameter(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// A text as a header carries it: what is not printable ASCII is percent-encoded, as UTF-8.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if (b' '..=b'~').contains(&byte) && byte != b'%' {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Answers with a body, or with word that the asker has it already. The tag is that of the content, so that it is right whatever
/// happened in between; it is weak, as the body may be compressed on its way.
fn tagged(asked: &HeaderMap, mut headers: HeaderMap, body: Vec<u8>) -> Response {
    let mut tag = "W/\"".to_owned();
    for byte in Sha256::digest(&body).iter().take(16) {
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    let opaque = tag.trim_start_matches("W/");
    let known = asked
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|known| known.trim() == "*" || known.trim().trim_start_matches("W/") == opaque);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(value) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, value);
    }
    if known {
        headers.remove(header::CONTENT_TYPE);
        headers.remove(header::CONTENT_DISPOSITION);
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_carry_words_of_any_language() {
        assert_eq!(
            encoded("Météo-France, 100 %\n"),
            "M%C3%A9t%C3%A9o-France, 100 %25%0A"
        );
    }

    #[test]
    fn who_has_the_content_is_told_so() {
        let ask = |known: &str| {
            let mut asked = HeaderMap::new();
            asked.insert(header::IF_NONE_MATCH, HeaderValue::from_str(known).unwrap());
            tagged(&asked, HeaderMap::new(), b"body".to_vec())
        };
        let first = ask("\"other\"");
        assert_eq!(first.status(), StatusCode::OK);
        let tag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
        assert!(tag.starts_with("W/\""), "{tag}");
        for known in [
            &tag,
            &format!("\"x\", {tag}"),
            tag.trim_start_matches("W/"),
            "*",
        ] {
            let again = ask(known);
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{known}");
            assert_eq!(again.headers()[header::ETAG].to_str().unwrap(), tag);
        }
    }
}
