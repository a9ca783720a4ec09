//! Bodies of every format, read into the same tree of nodes.

mod csv;
mod encoding;
mod gtfs;
mod gtfs_schema;
mod json;
mod xml;

use std::borrow::Cow;

use bumpalo::Bump;

use crate::{body_error::BodyError, node::Node, projection::Projection, text};

pub(crate) use encoding::find as find_encoding;

/// The most levels of nesting in a body.
pub(crate) const DEPTH_MAX: usize = 64;

/// A declared format.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Format {
    /// JSON, GeoJSON included.
    Json { geo: bool, jsonp: bool },
    /// XML.
    Xml,
    /// Comma-separated values and their kin.
    Csv(CsvOptions),
    /// A GTFS-realtime `FeedMessage`.
    GtfsRealtime,
}

/// How a CSV body is laid out.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct CsvOptions {
    pub(crate) delimiter: u8,
    pub(crate) comment: Option<u8>,
    /// Lines to skip before the header or the first row.
    pub(crate) skip: usize,
    /// Lines to skip up to the one that starts with this.
    pub(crate) skip_until: Option<String>,
}

impl Format {
    /// The format's name for messages.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Format::Json { geo: true, .. } => "GeoJSON",
            Format::Json { .. } => "JSON",
            Format::Xml => "XML",
            Format::Csv(_) => "CSV",
            Format::GtfsRealtime => "GTFS-realtime",
        }
    }

    /// The extension of raw files.
    pub(crate) fn extension(&self) -> &'static str {
        match self {
            Format::Json { .. } => "json",
            Format::Xml => "xml",
            Format::Csv(_) => "csv",
            Format::GtfsRealtime => "pb",
        }
    }

    /// The media types to ask for.
    pub(crate) fn accept(&self) -> &'static str {
        match self {
            Format::Json { geo: true, .. } => "application/geo+json, application/json;q=0.9",
            Format::Json { .. } => "application/json",
            Format::Xml => "application/xml, text/xml;q=0.9",
            Format::Csv(_) => "text/csv, text/plain;q=0.9",
            Format::GtfsRealtime => "application/x-protobuf, application/octet-stream;q=0.9",
        }
    }

    /// Whether a list of one and its only element are the same: XML does not tell them apart.
    pub(crate) fn blurs_lists(&self) -> bool {
        matches!(self, Format::Xml)
    }
}

/// The body as text: decoded by its byte order mark, else as declared, else (XML) as its prolog
/// says, else as UTF-8.
pub(crate) fn decode<'b>(
    format: &Format,
    declared: Option<&'static encoding_rs::Encoding>,
    body: &'b [u8],
) -> Result<Cow<'b, str>, BodyError> {
    let prolog = || {
        if *format == Format::Xml {
            encoding::xml_prolog(body)
        } else {
            None
        }
    };
    encoding::decode(body, declared.or_else(prolog))
}

/// Reads a whole body into a tree. `text` must be its decoded text, unless the format is binary.
pub(crate) fn read<'a>(
    format: &Format,
    body: &'a [u8],
    text: &'a str,
    projection: &Projection,
    nesting_most: usize,
    arena: &'a Bump,
) -> Result<Node<'a>, BodyError> {
    match format {
        Format::Json { jsonp, .. } => {
            let text = if *jsonp {
                json::unwrap_call(text)
            } else {
                text
            };
            // The reader has its own limit: only a lower one costs another look.
            if nesting_most < DEPTH_MAX && json::nests_deeper_than(text.as_bytes(), nesting_most) {
                return Err(BodyError::TooDeep { most: nesting_most });
            }
            json::read(text, projection, arena)
        }
        Format::Xml => xml::read(text, nesting_most.min(DEPTH_MAX), arena),
        Format::Csv(options) => csv::read(text, options, arena),
        Format::GtfsRealtime => gtfs::read(body, arena),
    }
}

/// Reads an element of a JSON list that is the root of its body.
pub(crate) fn read_element<'a>(
    text: &'a str,
    projection: &Projection,
    arena: &'a Bump,
) -> Result<Node<'a>, BodyError> {
    json::read_element(text, projection, arena)
}

/// The cheap check, made when a body has just come: empty, a page in place of data, or of another
/// format altogether.
pub(crate) fn sniff(format: &Format, body: &[u8]) -> Result<(), BodyError> {
    let expected = format.name();
    if *format == Format::GtfsRealtime {
        return match body.first() {
            None => Err(BodyError::Empty),
            // A feed starts with its header, field 1: byte 0x0a. Nothing textual starts so but a
            // line feed, which no error page is known to start with.
            Some(0x0a) => Ok(()),
            Some(_) => Err(not_data(expected, body)),
        };
    }
    let start = body
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(body)
        .trim_ascii_start();
    let Some(&first) = start.first() else {
        return Err(BodyError::Empty);
    };
    let is_utf16 = start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff");
    let fits = is_utf16
        || match format {
            Format::Json { jsonp: true, .. } => first != b'<',
            Format::Json { .. } => b"{[\"-0123456789tfn".contains(&first),
            Format::Xml => first == b'<' && !is_html(start),
            Format::Csv(_) => !is_html(start),
            Format::GtfsRealtime => true,
        };
    if fits {
        Ok(())
    } else {
        Err(not_data(expected, start))
    }
}

fn is_html(start: &[u8]) -> bool {
    let head: Vec<u8> = start.iter().take(15).map(u8::to_ascii_lowercase).collect();
    [&b"<!doctype html"[..], b"<html", b"<head", b"<body"]
        .iter()
        .any(|tag| head.starts_with(tag))
}

fn not_data(expected: &'static str, body: &[u8]) -> BodyError {
    let start = String::from_utf8_lossy(body.get(..4_096).unwrap_or(body));
    let trimmed = start.trim_start();
    if is_html(trimmed.as_bytes()) {
        return BodyError::Html {
            expected,
            title: title(trimmed),
        };
    }
    let first_line = trimmed.lines().next().unwrap_or_default();
    BodyError::OtherFormat {
        expected,
        start: text::clip(&text::cleaned(first_line), 40),
    }
}

fn title(page: &str) -> Option<String> {
    // Lower-casing ASCII keeps the offsets.
    let lower = page.to_ascii_lowercase();
    let start = lower.find("<title")?;
    let open = start + lower.get(start..)?.find('>')? + 1;
    let close = open + lower.get(open..)?.find("</title")?;
    let title = text::clip(&text::cleaned(page.get(open..close)?), 80);
    (!title.is_empty()).then_some(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: Format = Format::Json {
        geo: false,
        jsonp: false,
    };

    #[test]
    fn pages_and_empty_bodies_are_told_from_data() {
        assert_eq!(sniff(&JSON, b" [1]"), Ok(()));
        assert_eq!(sniff(&JSON, b" \r\n"), Err(BodyError::Empty));
        let page = b"\n<!DOCTYPE html><html><Title lang=en>Bad\ngateway</title>";
        assert_eq!(
            sniff(&JSON, page).unwrap_err().to_string(),
            "the body is an HTML page and not JSON: “Bad gateway”"
        );
        assert!(matches!(
            sniff(&Format::Xml, page),
            Err(BodyError::Html { .. })
        ));
        assert_eq!(sniff(&Format::Xml, b"<a/>"), Ok(()));
        assert!(matches!(
            sniff(&JSON, b"Error 502"),
            Err(BodyError::OtherFormat { .. })
        ));
        assert!(matches!(
            sniff(&Format::GtfsRealtime, b"{}"),
            Err(BodyError::OtherFormat { .. })
        ));
        assert_eq!(sniff(&Format::GtfsRealtime, b"\x0a\x00"), Ok(()));
    }
}
