//! The document as Markdown (`CommonMark` with the tables of GitHub).

use std::fmt::Write as _;

use super::document::{Block, Column, Document, Line, Run};

pub(super) fn write(document: &Document) -> String {
    let mut text = String::new();
    let mut put = |paragraph: &str| {
        text.push_str(paragraph);
        text.push_str("\n\n");
    };
    put(&format!("# {}", escape(&document.title)));
    put(&escape(&document.note));
    if let Some(simulated) = &document.simulated {
        put(&format!("> **{}**", escape(simulated)));
    }
    for section in &document.sections {
        if let Some(id) = &section.id {
            put(&format!("<a id=\"{id}\"></a>"));
        }
        let marks = "#".repeat(usize::from(section.level) + 1);
        put(&format!("{marks} {}", escape(&section.title)));
        for block in &section.blocks {
            put(&written(block));
        }
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn written(block: &Block) -> String {
    match block {
        Block::Paragraph { line } => inline(line),
        Block::List { lines } => list(lines.iter().map(inline)),
        Block::Facts { facts } => list(facts.iter().map(|fact| {
            let lines: Vec<String> = fact.lines.iter().map(inline).collect();
            format!("**{}** · {}", escape(&fact.label), lines.join(" · "))
        })),
        Block::Table { columns, rows } => table(columns, rows),
    }
}

fn list(lines: impl Iterator<Item = String>) -> String {
    let lines: Vec<String> = lines.map(|line| format!("- {line}")).collect();
    lines.join("\n")
}

fn table(columns: &[Column], rows: &[Vec<Line>]) -> String {
    let titles: Vec<String> = columns.iter().map(|column| escape(&column.title)).collect();
    let rules: Vec<&str> = columns
        .iter()
        .map(|column| if column.right { "---:" } else { "---" })
        .collect();
    let mut text = format!("| {} |\n| {} |", titles.join(" | "), rules.join(" | "));
    for row in rows {
        let cells: Vec<String> = row.iter().map(inline).collect();
        // Writing to a String cannot fail.
        let _ = write!(text, "\n| {} |", cells.join(" | "));
    }
    text
}

fn inline(line: &Line) -> String {
    line.iter().map(run).collect()
}

fn run(run: &Run) -> String {
    let text = escape(&run.text);
    let text = if run.alert && !text.trim().is_empty() {
        let trimmed = text.trim_start();
        let space = text.len() - trimmed.len();
        let (before, _) = text.split_at(space);
        format!("{before}**{}**", trimmed.trim_end())
    } else {
        text
    };
    if let Some(url) = &run.url {
        format!("[{text}](<{}>)", address(url))
    } else if let Some(id) = &run.to {
        format!("[{text}](#{id})")
    } else {
        text
    }
}

/// What could end an address early is written by its number.
fn address(url: &str) -> String {
    let mut safe = String::with_capacity(url.len());
    for letter in url.chars() {
        match letter {
            '<' => safe.push_str("%3C"),
            '>' => safe.push_str("%3E"),
            '\\' => safe.push_str("%5C"),
            '|' => safe.push_str("%7C"),
            '&' => safe.push_str("&amp;"),
            letter => safe.push(letter),
        }
    }
    safe
}

/// Text that Markdown prints as it is, wherever it stands.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 8);
    let mut before = None;
    let mut letters = text
        .chars()
        .filter(|letter| *letter != '\u{200B}')
        .peekable();
    while let Some(letter) = letters.next() {
        let special = match letter {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '$' | '!' | '@' => {
                true
            }
            // They mean something at the start of a line only, or after a number there.
            '#' | '+' | '-' | '=' => before.is_none(),
            '.' | ')' => safe.bytes().all(|byte| byte.is_ascii_digit()) || before == Some('w'),
            // So that nobody's address becomes a link.
            ':' => letters.peek() == Some(&'/'),
            _ => false,
        };
        if special {
            safe.push('\\');
        }
        safe.push(letter);
        before = Some(letter);
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_markup() {
        for (text, safe) in [
            ("# no heading", "\\# no heading"),
            ("1. no list", "1\\. no list"),
            ("M 2.5 - Chile", "M 2.5 - Chile"),
            ("<script>", "\\<script\\>"),
            ("[a](javascript:b)", "\\[a\\](javascript:b)"),
            ("a | b", "a \\| b"),
            ("https://a.example", "https\\://a.example"),
            ("`x` *y* _z_ &amp;", "\\`x\\` \\*y\\* \\_z\\_ \\&amp;"),
        ] {
            assert_eq!(escape(text), safe);
        }
        assert_eq!(
            address("https://a.example/<x>|\\"),
            "https://a.example/%3Cx%3E%7C%5C"
        );
    }
}
