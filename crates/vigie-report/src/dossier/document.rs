//! A text of headings, lines and tables, which every format can lay out.

use serde::Serialize;
use vigie_core::text::Language;

/// All that the dossier says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Document {
    /// Its language.
    pub(super) language: Language,
    /// Its title.
    pub(super) title: String,
    /// The watched place.
    pub(super) zone: String,
    /// What it is.
    pub(super) subtitle: String,
    /// When it was made.
    pub(super) note: String,
    /// The notice that data are simulated.
    pub(super) simulated: Option<String>,
    /// What page numbers come after.
    pub(super) page: &'static str,
    /// Its sections, in order.
    pub(super) sections: Vec<Section>,
}

/// A heading and what stands under it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Section {
    /// 1 to 3.
    pub(super) level: u8,
    /// The heading.
    pub(super) title: String,
    /// What links lead to.
    pub(super) id: Option<String>,
    /// What stands under it.
    pub(super) blocks: Vec<Block>,
}

/// A part of a section.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum Block {
    /// A paragraph.
    Paragraph { line: Line },
    /// Labels, each with one line or several.
    Facts { facts: Vec<Fact> },
    /// Lines that stand side by side.
    List { lines: Vec<Line> },
    /// A table. The first cell of a row is its heading.
    Table {
        columns: Vec<Column>,
        rows: Vec<Vec<Line>>,
    },
}

/// A label and what it says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Fact {
    pub(super) label: String,
    pub(super) lines: Vec<Line>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Column {
    pub(super) title: String,
    /// Whether it holds figures, which stand on the right.
    pub(super) right: bool,
}

impl Column {
    pub(super) fn left(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            right: false,
        }
    }

    pub(super) fn right(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            right: true,
        }
    }
}

/// A line: runs one after the other.
pub(super) type Line = Vec<Run>;

/// A stretch of text of one look.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Run {
    pub(super) text: String,
    /// Where it leads: an address on the Web.
    pub(super) url: Option<String>,
    /// Where it leads: the section of that id.
    pub(super) to: Option<String>,
    /// Whether the reader should take notice.
    pub(super) alert: bool,
}

impl Run {
    pub(super) fn alert(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            alert: true,
            ..Self::default()
        }
    }
}

/// A line of plain text.
pub(super) fn text(text: impl Into<String>) -> Line {
    line([Run {
        text: text.into(),
        ..Run::default()
    }])
}

/// A line of these runs.
pub(super) fn line(runs: impl IntoIterator<Item = Run>) -> Line {
    runs.into_iter().collect()
}

impl Section {
    pub(super) fn new(level: u8, title: impl Into<String>) -> Self {
        Self {
            level,
            title: title.into(),
            id: None,
            blocks: Vec::new(),
        }
    }

    /// Adds a paragraph, unless it is empty.
    pub(super) fn say(&mut self, sentence: impl Into<String>) {
        let sentence = sentence.into();
        if !sentence.is_empty() {
            self.blocks.push(Block::Paragraph {
                line: text(sentence),
            });
        }
    }

    /// Adds facts: those that say nothing are left out.
    pub(super) fn facts<'l>(&mut self, facts: impl IntoIterator<Item = (&'l str, Vec<Line>)>) {
        let says = |line: &Line| line.iter().any(|run| !run.text.is_empty());
        let facts = facts.into_iter().filter_map(|(label, mut lines)| {
            lines.retain(says);
            let label = label.to_owned();
            (!lines.is_empty()).then_some(Fact { label, lines })
        });
        self.blocks.push(Block::Facts {
            facts: facts.collect(),
        });
    }
}
