//! What format a body is in, by its first bytes and by trying.

use bumpalo::Bump;

use crate::{
    body_error::BodyError,
    format::{self, CsvOptions, Format},
    node::Node,
    projection::Projection,
};

/// A body that was read whole.
pub(super) struct Body<'a> {
    pub(super) format: Format,
    /// The label to declare, where the body does not say its encoding itself.
    pub(super) encoding: Option<&'static str>,
    pub(super) has_header: bool,
    pub(super) decimal_comma: bool,
    pub(super) root: Node<'a>,
}

/// Reads a body in the declared format, or in the one that it seems to be in.
pub(super) fn read<'a>(
    body: &'a [u8],
    kind: Option<&str>,
    arena: &'a Bump,
) -> Result<Body<'a>, BodyError> {
    let start = body
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(body)
        .trim_ascii_start();
    let kind = kind.unwrap_or_else(|| guess(body, start));
    let mut format = match kind {
        "xml" => Format::Xml,
        "csv" => Format::Csv(CsvOptions {
            delimiter: b',',
            ..CsvOptions::default()
        }),
        "gtfs-realtime" => Format::GtfsRealtime,
        _ => Format::Json {
            geo: kind == "geojson",
            jsonp: start
                .first()
                .is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
                && start.trim_ascii_end().ends_with_any(b");"),
        },
    };
    format::sniff(&format, body)?;
    let (text, encoding) = decode(&format, body, arena)?;
    if let Format::Csv(_) = format {
        format = Format::Csv(csv_options(text));
    }
    let everything = Projection::everything();
    let root = format::read(&format, body, text, &everything, format::DEPTH_MAX, arena)?;
    let is_geo = matches!(root.member(crate::node::Name::new("type")),
        Some(Node::Text(word)) if word == "FeatureCollection" || word == "Feature");
    if let Format::Json { geo, .. } = &mut format {
        *geo |= is_geo;
    }
    let is_csv = matches!(format, Format::Csv(_));
    Ok(Body {
        has_header: is_csv && has_header(root),
        decimal_comma: is_csv && has_decimal_commas(root),
        format,
        encoding,
        root,
    })
}

trait EndsWithAny {
    fn ends_with_any(&self, bytes: &[u8]) -> bool;
}

impl EndsWithAny for [u8] {
    fn ends_with_any(&self, bytes: &[u8]) -> bool {
        self.last().is_some_and(|last| bytes.contains(last))
    }
}

fn guess(body: &[u8], start: &[u8]) -> &'static str {
    let is_text = std::str::from_utf8(body).is_ok() && !body.contains(&0);
    // Field 1 of a feed is its header, a message of some bytes: no text starts so.
    if body.first() == Some(&0x0a) && (!is_text || body.get(2) == Some(&0x0a)) {
        return "gtfs-realtime";
    }
    let is_call = start
        .first()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
        && start
            .iter()
            .take_while(|byte| **byte != b'\n')
            .take(80)
            .any(|byte| *byte == b'(')
        && start.trim_ascii_end().ends_with_any(b");");
    match start.first() {
        Some(b'{' | b'[') => "json",
        Some(b'<') => "xml",
        _ if is_call => "json",
        _ => "csv",
    }
}

fn decode<'a>(
    format: &Format,
    body: &'a [u8],
    arena: &'a Bump,
) -> Result<(&'a str, Option<&'static str>), BodyError> {
    if *format == Format::GtfsRealtime {
        return Ok(("", None));
    }
    let error = match format::decode(format, None, body) {
        Ok(text) => return Ok((arena.alloc_str(&text), None)),
        Err(error) => error,
    };
    // Every byte is a character in this one: the user sees whether they are the right ones.
    let label = "windows-1252";
    match format::decode(format, format::find_encoding(label), body) {
        Ok(text) if !text.contains('\0') => Ok((arena.alloc_str(&text), Some(label))),
        _ => Err(error),
    }
}

/// The delimiter that divides most lines alike, and the first line that it divides so.
fn csv_options(text: &str) -> CsvOptions {
    let lines: Vec<&str> = text.lines().take(200).collect();
    let is_comment = |line: &&str| line.starts_with('#');
    let mut best = (0, CsvOptions::default());
    best.1.delimiter = b',';
    for delimiter in [b',', b';', b'\t', b'|'] {
        let counts: Vec<usize> = lines
            .iter()
            .map(|line| {
                let mut quoted = false;
                line.bytes()
                    .filter(|byte| {
                        quoted ^= *byte == b'"';
                        *byte == delimiter && !quoted
                    })
                    .count()
            })
            .collect();
        let data = counts.iter().zip(&lines).filter(|(_, l)| !is_comment(l));
        let Some(most) = data
            .clone()
            .map(|(count, _)| *count)
            .max_by_key(|count| (counts.iter().filter(|c| *c == count).count(), *count))
            .filter(|count| *count > 0)
            .or_else(|| data.map(|(count, _)| *count).max())
        else {
            continue;
        };
        let alike = counts.iter().filter(|count| **count == most).count();
        let score = alike * most.min(3);
        if most > 0 && score > best.0 {
            let skip = counts.iter().position(|count| *count == most).unwrap_or(0);
            best = (
                score,
                CsvOptions {
                    delimiter,
                    comment: lines.iter().any(is_comment).then_some(b'#'),
                    // Comments are left out anyhow.
                    skip: if lines.iter().take(skip).all(is_comment) {
                        0
                    } else {
                        skip
                    },
                    skip_until: None,
                },
            );
        }
    }
    best.1
}

fn is_number(text: &str) -> bool {
    text.trim().replace(',', ".").parse::<f64>().is_ok()
}

/// Whether the first of several lists holds names: texts that are not numbers, each another one.
pub(super) fn has_header(rows: Node<'_>) -> bool {
    let Node::List([Node::List(first), rest @ ..]) = rows else {
        return false;
    };
    let names: Vec<&str> = first
        .iter()
        .filter_map(|cell| match cell {
            Node::Text(text) if !text.trim().is_empty() => Some(text.trim()),
            _ => None,
        })
        .collect();
    let mut distinct = names.clone();
    distinct.sort_unstable();
    distinct.dedup();
    !rest.is_empty()
        && names.len() + 1 >= first.len()
        && distinct.len() == names.len()
        && names
            .iter()
            .all(|name| !is_number(name) && !name.starts_with(|c: char| c.is_ascii_digit()))
}

fn has_decimal_commas(rows: Node<'_>) -> bool {
    let Node::List(rows) = rows else {
        return false;
    };
    let cells = rows.iter().take(200).filter_map(|row| match row {
        Node::List(cells) => Some(cells.iter()),
        _ => None,
    });
    let (mut commas, mut points) = (0, 0);
    for cell in cells.flatten() {
        if let Node::Text(text) = cell
            && is_number(text)
        {
            commas += usize::from(text.contains(','));
            points += usize::from(text.contains('.'));
        }
    }
    commas > points
}
