//! The document as one HTML file: no script, and nothing that is loaded from elsewhere.

use std::fmt::Write as _;

use vigie_core::text::Language;

use super::document::{Block, Column, Document, Line, Run, Section};

const STYLE: &str = include_str!("../../templates/dossier.css");

pub(super) fn write(document: &Document) -> String {
    let tag = match document.language {
        Language::Fr => "fr",
        Language::En => "en",
    };
    let contents = match document.language {
        Language::Fr => "Sommaire",
        Language::En => "Contents",
    };
    let title = escape(&document.title);
    let mut html = format!(
        "<!doctype html>\n<html lang=\"{tag}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n\
         <h1>{} <small>{}</small></h1>\n<p class=\"note\">{}</p>\n",
        escape(&document.zone),
        escape(&document.subtitle),
        escape(&document.note),
    );
    if let Some(simulated) = &document.simulated {
        put(
            &mut html,
            &format!("<p class=\"simulated\">{}</p>", escape(simulated)),
        );
    }
    put(&mut html, "</header>");
    put(&mut html, &format!("<nav aria-label=\"{contents}\">\n<ul>"));
    for (index, section) in document.sections.iter().enumerate() {
        if section.level < 3 {
            let id = id_of(section, index);
            let title = escape(&section.title);
            let level = section.level;
            put(
                &mut html,
                &format!("<li class=\"l{level}\"><a href=\"#{id}\">{title}</a></li>"),
            );
        }
    }
    put(&mut html, "</ul>\n</nav>\n<main>");
    for (index, section) in document.sections.iter().enumerate() {
        let (level, id) = (section.level + 1, id_of(section, index));
        let title = escape(&section.title);
        put(
            &mut html,
            &format!("<h{level} id=\"{id}\">{title}</h{level}>"),
        );
        for part in &section.blocks {
            block(&mut html, part);
        }
    }
    put(&mut html, "</main>\n</body>\n</html>");
    html
}

fn put(html: &mut String, line: &str) {
    html.push_str(line);
    html.push('\n');
}

fn id_of(section: &Section, index: usize) -> String {
    let own = section.id.as_deref();
    own.map_or_else(|| format!("section-{index}"), escape)
}

fn block(html: &mut String, block: &Block) {
    match block {
        Block::Paragraph { line } => put(html, &format!("<p>{}</p>", inline(line))),
        Block::List { lines } => {
            put(html, "<ul>");
            for line in lines {
                put(html, &format!("<li>{}</li>", inline(line)));
            }
            put(html, "</ul>");
        }
        Block::Facts { facts } => {
            put(html, "<dl>");
            for fact in facts {
                put(html, &format!("<dt>{}</dt>", escape(&fact.label)));
                for line in &fact.lines {
                    put(html, &format!("<dd>{}</dd>", inline(line)));
                }
            }
            put(html, "</dl>");
        }
        Block::Table { columns, rows } => table(html, columns, rows),
    }
}

fn table(html: &mut String, columns: &[Column], rows: &[Vec<Line>]) {
    let class = |index: usize| match columns.get(index) {
        Some(column) if column.right => " class=\"right\"",
        _ => "",
    };
    put(
        html,
        "<div class=\"table\" tabindex=\"0\"><table>\n<thead><tr>",
    );
    for (index, column) in columns.iter().enumerate() {
        let (class, title) = (class(index), escape(&column.title));
        put(html, &format!("<th scope=\"col\"{class}>{title}</th>"));
    }
    put(html, "</tr></thead>\n<tbody>");
    for row in rows {
        html.push_str("<tr>");
        for (index, cell) in row.iter().enumerate() {
            let (class, cell) = (class(index), inline(cell));
            // Writing to a String cannot fail.
            let _ = if index == 0 {
                write!(html, "<th scope=\"row\"{class}>{cell}</th>")
            } else {
                write!(html, "<td{class}>{cell}</td>")
            };
        }
        put(html, "</tr>");
    }
    put(html, "</tbody>\n</table></div>");
}

fn inline(line: &Line) -> String {
    line.iter().map(run).collect()
}

fn run(run: &Run) -> String {
    let text = escape(&run.text);
    let text = if run.alert {
        format!("<strong>{text}</strong>")
    } else {
        text
    };
    if let Some(url) = &run.url {
        format!(
            "<a href=\"{}\" rel=\"noreferrer noopener\">{text}</a>",
            escape(url)
        )
    } else if let Some(id) = &run.to {
        format!("<a href=\"#{}\">{text}</a>", escape(id))
    } else {
        text
    }
}

/// Text that HTML prints as it is, in elements and in attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\u{200B}' => safe.push_str("<wbr>"),
            letter => safe.push(letter),
        }
    }
    safe
}
