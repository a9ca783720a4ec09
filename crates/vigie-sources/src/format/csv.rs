//! CSV: a list of lists of texts, the header first.

use bumpalo::Bump;
use csv::{ReaderBuilder, StringRecord};

use super::CsvOptions;
use crate::{body_error::BodyError, node::Node};

/// Reads a CSV text. Rows may be shorter or longer than the header; rows of blanks are left out.
pub(super) fn read<'a>(
    text: &str,
    options: &CsvOptions,
    arena: &'a Bump,
) -> Result<Node<'a>, BodyError> {
    let start = start(text, options)?;
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(options.delimiter)
        .comment(options.comment)
        .from_reader(text.get(start..).unwrap_or_default().as_bytes());
    let mut rows = Vec::new();
    let mut record = StringRecord::new();
    while reader
        .read_record(&mut record)
        .map_err(|error| wrong(&error))?
    {
        if record.iter().any(|cell| !cell.trim().is_empty()) {
            let cells = record
                .iter()
                .map(|cell| Node::Text(arena.alloc_str(cell.trim())));
            rows.push(Node::List(
                arena.alloc_slice_fill_iter(cells.collect::<Vec<_>>()),
            ));
        }
    }
    Ok(Node::List(arena.alloc_slice_copy(&rows)))
}

fn wrong(error: &csv::Error) -> BodyError {
    let line = error.position().map_or(0, csv::Position::line);
    BodyError::Syntax {
        expected: "CSV",
        problem: error.to_string(),
        line: usize::try_from(line).unwrap_or(usize::MAX),
        column: 1,
    }
}

/// The byte at which the header, or the first row, starts.
fn start(text: &str, options: &CsvOptions) -> Result<usize, BodyError> {
    let mut at = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let is_start = match &options.skip_until {
            Some(start) => line.starts_with(start.as_str()),
            None => index == options.skip,
        };
        if is_start {
            return Ok(at);
        }
        at += line.len();
    }
    match &options.skip_until {
        Some(start) => Err(BodyError::NoSelection {
            path: start.clone(),
            found: "no line starts so (format.skip_until)".to_owned(),
        }),
        None => Ok(text.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_start_where_the_definition_says() {
        let options = CsvOptions {
            delimiter: b';',
            comment: Some(b'#'),
            skip_until: Some("id".to_owned()),
            ..CsvOptions::default()
        };
        let arena = Bump::new();
        let text = "Notes;\nid;v\n# no\n\"a;b\"; 1,5 \n;\nc\n";
        let Node::List(rows) = read(text, &options, &arena).unwrap() else {
            panic!("not a list");
        };
        let rows: Vec<_> = rows
            .iter()
            .map(|row| row.to_text(&arena).unwrap())
            .collect();
        assert_eq!(rows, ["id, v", "a;b, 1,5", "c"]);
        assert!(matches!(
            read("a\n", &options, &arena),
            Err(BodyError::NoSelection { .. })
        ));
    }
}
