//! What stands in the rows, column by column.

use std::collections::HashMap;

use bumpalo::Bump;

use super::rows::{Candidate, Shape, member};
use crate::{
    item::{Level, Shape as Context, select},
    node::{Name, Node},
    path::Path,
};

/// The rows that are looked at.
pub(super) const ROWS_MAX: usize = 3_000;
const COLUMNS_MAX: usize = 300;
const DEPTH_MAX: usize = 6;

/// The values at one path, row by row.
#[derive(Debug)]
pub(super) struct Column<'a> {
    /// As a definition writes it.
    pub(super) path: String,
    /// The names on the way, the last one last.
    pub(super) names: Vec<String>,
    /// `Null` where a row has none.
    pub(super) values: Vec<Node<'a>>,
    /// Whether it is the row's own, and not of what encloses it.
    pub(super) is_own: bool,
}

/// The columns of a candidate's rows, and how many rows were looked at.
pub(super) fn read<'a>(
    candidate: &Candidate,
    root: Node<'a>,
    blurs_lists: bool,
    arena: &'a Bump,
) -> (Vec<Column<'a>>, usize) {
    let mut table = Table {
        columns: Vec::new(),
        index: HashMap::new(),
        rows: 0,
        arena,
    };
    let Ok(path) = Path::parse(&candidate.select) else {
        return (Vec::new(), 0);
    };
    let context = Context {
        arena,
        blurs_lists,
        has_header: candidate.has_header,
        skip: 0,
        fetched_at: "",
    };
    // A selection that does not fit gives no rows.
    let _ = select(&path, root, context, &mut |levels| {
        if table.rows < ROWS_MAX {
            table.row(candidate, levels);
        }
        Ok(())
    });
    let rows = table.rows;
    for column in &mut table.columns {
        column.values.resize(rows, Node::Null);
    }
    (table.columns, rows)
}

struct Table<'a> {
    columns: Vec<Column<'a>>,
    index: HashMap<String, usize>,
    rows: usize,
    arena: &'a Bump,
}

impl<'a> Table<'a> {
    fn put(&mut self, path: &str, names: &[&str], node: Node<'a>, is_own: bool) {
        let at = match self.index.get(path) {
            Some(at) => *at,
            None if self.columns.len() < COLUMNS_MAX => {
                self.columns.push(Column {
                    path: path.to_owned(),
                    names: names.iter().map(|name| (*name).to_owned()).collect(),
                    values: Vec::new(),
                    is_own,
                });
                self.index.insert(path.to_owned(), self.columns.len() - 1);
                self.columns.len() - 1
            }
            None => return,
        };
        let column = &mut self.columns[at];
        column.values.resize(self.rows, Node::Null);
        column.values.push(node);
    }

    fn row(&mut self, candidate: &Candidate, levels: &[Level<'a>]) {
        let Some((here, above)) = levels.split_last() else {
            return;
        };
        if candidate.shape == Shape::Index {
            self.indexed(candidate, here.node, above.first().map(|level| level.node));
            return;
        }
        if let Some(key) = here.key {
            self.put("#key", &["key"], Node::Text(key), true);
        }
        match (here.node, here.header) {
            (Node::List(cells), Some(header)) => {
                for (name, cell) in header.iter().zip(cells) {
                    if let Node::Text(name) = name
                        && let Some(path) = member("", name.trim())
                    {
                        self.put(&path, &[name.trim()], *cell, true);
                    }
                }
            }
            (Node::List(cells), None) => {
                for (index, cell) in cells.iter().enumerate() {
                    self.put(&format!("[{index}]"), &[], *cell, true);
                }
            }
            (node @ Node::Map(_), _) => self.flatten(node, "", &mut Vec::new(), Reach::Own),
            (node, _) => self.put(".", &[], node, true),
        }
        for (up, level) in above.iter().rev().enumerate() {
            let is_root = up + 1 == above.len();
            let base = if is_root {
                "$".to_owned()
            } else {
                "^".repeat(up + 1)
            };
            if let Some(key) = level.key {
                self.put(&format!("{base}#key"), &["key"], Node::Text(key), false);
            }
            let is_iterated = candidate.select.starts_with('{') && is_root
                || candidate.select.contains("{*}") && !is_root;
            if !is_iterated {
                self.flatten(level.node, &base, &mut Vec::new(), Reach::Above);
            }
        }
        self.rows += 1;
    }

    fn indexed(&mut self, candidate: &Candidate, node: Node<'a>, root: Option<Node<'a>>) {
        let Node::Map(members) = node else {
            return;
        };
        for row in 0..candidate.count.min(ROWS_MAX) {
            for (name, node) in members {
                let Some(path) = member("", name.text()) else {
                    continue;
                };
                match node {
                    Node::List(list) if list.len() == candidate.count => {
                        let cell = list.get(row).copied().unwrap_or_default();
                        self.put(&format!("{path}[#]"), &[name.text()], cell, true);
                    }
                    Node::List(_) | Node::Map(_) => {}
                    scalar => self.put(&path, &[name.text()], *scalar, false),
                }
            }
            if let Some(root) = root {
                self.flatten(root, "$", &mut Vec::new(), Reach::Above);
            }
            self.rows += 1;
        }
    }

    fn flatten(&mut self, node: Node<'a>, path: &str, names: &mut Vec<&'a str>, reach: Reach) {
        let depth = names.len();
        let is_own = reach == Reach::Own;
        match node {
            Node::Map(members) if depth < if is_own { DEPTH_MAX } else { 5 } => {
                let is_geometry = matches!(node.member(Name::new("type")), Some(Node::Text(_)))
                    && node.member(Name::new("coordinates")).is_some();
                if is_geometry && is_own {
                    self.put(if path.is_empty() { "." } else { path }, names, node, true);
                }
                for (name, node) in members {
                    // The text of an XML element beside its attributes is the element itself.
                    let inner = match name.text() {
                        "" => Some(path.to_owned()).filter(|path| !path.is_empty()),
                        name => member(path, name),
                    };
                    if let Some(inner) = inner {
                        names.push(name.text());
                        self.flatten(*node, &inner, names, reach);
                        names.pop();
                    }
                }
            }
            Node::List(elements) if is_own => self.elements(elements, path, names),
            Node::List(_) | Node::Map(_) => {}
            scalar if depth > 0 => {
                let path = self.arena.alloc_str(path);
                self.put(path, names, scalar, is_own);
            }
            _ => {}
        }
    }

    /// Positions, and lists of one; longer ones are not of the row.
    fn elements(&mut self, elements: &'a [Node<'a>], path: &str, names: &mut Vec<&'a str>) {
        let is_number = |node: &Node<'_>| matches!(node, Node::Integer(_) | Node::Float(_));
        match elements {
            [only @ (Node::Map(_) | Node::Text(_))] => {
                self.flatten(*only, &format!("{path}[0]"), names, Reach::Own);
            }
            _ if (2..4).contains(&elements.len()) && elements.iter().all(is_number) => {
                for (index, element) in elements.iter().enumerate() {
                    let name = ["x", "y", "z"][index];
                    names.push(name);
                    self.put(&format!("{path}[{index}]"), names, *element, true);
                    names.pop();
                }
            }
            _ => {}
        }
    }
}

/// Whose members they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Own,
    Above,
}
