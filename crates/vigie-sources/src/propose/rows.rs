//! Where the rows of a body may be.

use std::collections::BTreeMap;

use super::detect::has_header;
use crate::node::Node;

/// What one row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// An object.
    Record,
    /// A list of cells.
    Cells,
    /// A text or a number.
    Scalar,
    /// An index of parallel lists.
    Index,
    /// The body, or an object of it, as a whole.
    Whole,
}

/// A place where rows may be.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) select: String,
    pub(super) shape: Shape,
    pub(super) has_header: bool,
    /// The list whose length is the number of rows.
    pub(super) columns: Option<String>,
    /// How many there are.
    pub(super) count: usize,
}

/// The most levels that are looked into.
const DEPTH_MAX: usize = 9;
/// The most elements of one list that are looked into.
const ELEMENTS_MAX: usize = 100;
/// The most places that are kept.
const CANDIDATES_MAX: usize = 200;

/// Every place where rows may be, the most numerous first.
pub(super) fn find(root: Node<'_>) -> Vec<Candidate> {
    let mut search = Search(BTreeMap::new());
    if let Node::Map(_) = root {
        search.add("$", Shape::Whole, 1);
    }
    search.walk(root, "", 0);
    let mut found: Vec<_> = search.0.into_values().collect();
    found.sort_by_key(|candidate| std::cmp::Reverse(candidate.count));
    found
}

/// The path to a member, if one can be written.
pub(super) fn member(path: &str, name: &str) -> Option<String> {
    if name.contains(['{', '}']) || name.is_empty() {
        return None;
    }
    let is_plain = name.chars().all(|c| {
        c.is_alphanumeric() || matches!(c, '_' | '@' | '-' | ':' | ' ' | '/' | '(' | ')' | '%')
    }) && name.trim() == name;
    let dot = if path.is_empty() { "" } else { "." };
    match (is_plain, name.contains('\''), name.contains('"')) {
        (true, ..) => Some(format!("{path}{dot}{name}")),
        (_, false, _) => Some(format!("{path}['{name}']")),
        (_, true, false) => Some(format!("{path}[\"{name}\"]")),
        _ => None,
    }
}

struct Search(BTreeMap<String, Candidate>);

impl Search {
    fn add(&mut self, select: &str, shape: Shape, count: usize) -> Option<&mut Candidate> {
        if self.0.len() >= CANDIDATES_MAX && !self.0.contains_key(select) {
            return None;
        }
        let candidate = self
            .0
            .entry(select.to_owned())
            .or_insert_with(|| Candidate {
                select: select.to_owned(),
                shape,
                has_header: false,
                columns: None,
                count: 0,
            });
        candidate.count += count;
        Some(candidate)
    }

    fn walk(&mut self, node: Node<'_>, path: &str, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        match node {
            Node::List(elements) => self.list(node, elements, path, depth),
            Node::Map(members) => {
                let entries: Vec<(&str, Node<'_>)> = members
                    .iter()
                    .map(|(name, node)| (name.text(), *node))
                    .collect();
                self.map(&entries, path, depth);
            }
            _ => {}
        }
    }

    fn list(&mut self, node: Node<'_>, elements: &[Node<'_>], path: &str, depth: usize) {
        let select = format!("{path}[*]");
        let most = |test: fn(&Node<'_>) -> bool| {
            !elements.is_empty()
                && elements.iter().filter(|e| test(e)).count() * 5 >= elements.len() * 4
        };
        if most(|e| matches!(e, Node::Map(_))) {
            self.add(&select, Shape::Record, elements.len());
            for element in elements.iter().take(ELEMENTS_MAX) {
                self.walk(*element, &select, depth + 1);
            }
        } else if most(
            |e| matches!(e, Node::List(cells) if cells.len() > 1 && cells.iter().any(is_scalar)),
        ) {
            let header = has_header(node);
            let count = elements.len() - usize::from(header);
            if let Some(candidate) = self.add(&select, Shape::Cells, count) {
                candidate.has_header = header;
            }
        } else if elements.len() > 2 && most(is_scalar) {
            self.add(&select, Shape::Scalar, elements.len());
        }
    }

    fn map(&mut self, members: &[(&str, Node<'_>)], path: &str, depth: usize) {
        if is_like(members) {
            let select = format!("{path}{{*}}");
            self.add(&select, Shape::Record, members.len());
            for (_, node) in members.iter().take(ELEMENTS_MAX) {
                self.walk(*node, &select, depth + 1);
            }
            return;
        }
        let numbers = members
            .iter()
            .filter(|(_, node)| matches!(node, Node::Integer(_) | Node::Float(_)))
            .count();
        if numbers > 3 && numbers == members.len() {
            self.add(&format!("{path}{{*}}"), Shape::Scalar, numbers);
        }
        if let Some((first, length)) = parallel(members) {
            let select = if path.is_empty() { "$" } else { path };
            let key = format!("{select} of columns");
            if let Some(columns) = member("", first)
                && let Some(candidate) = self.add(&key, Shape::Index, length)
            {
                select.clone_into(&mut candidate.select);
                candidate.columns = Some(columns);
            }
        }
        for (name, node) in members {
            if let (Some(path), Node::List(_) | Node::Map(_)) = (member(path, name), node) {
                self.walk(*node, &path, depth + 1);
                if depth < 4 && !path.contains('*') && matches!(node, Node::Map(_)) {
                    self.add(&path, Shape::Whole, 1);
                }
            }
        }
    }
}

fn is_scalar(node: &Node<'_>) -> bool {
    matches!(
        node,
        Node::Integer(_) | Node::Float(_) | Node::Text(_) | Node::Bool(_) | Node::Null
    )
}

/// Whether the members are objects of the same kind, by their names and what stands there.
fn is_like(members: &[(&str, Node<'_>)]) -> bool {
    let Some((_, Node::Map(first))) = members.first() else {
        return false;
    };
    let alike = members
        .iter()
        .filter(|(_, node)| {
            let same = first.iter().filter(|(name, model)| {
                node.member(*name).is_some_and(|found| {
                    std::mem::discriminant(&found) == std::mem::discriminant(model)
                })
            });
            same.count() * 2 > first.len()
        })
        .count();
    members.len() > 1 && !first.is_empty() && alike * 5 >= members.len() * 4
}

/// The first of several lists of scalars that are of the same length, and that length.
fn parallel<'n>(members: &[(&'n str, Node<'_>)]) -> Option<(&'n str, usize)> {
    let lists: Vec<(&str, usize)> = members
        .iter()
        .filter_map(|(name, node)| match node {
            Node::List(elements)
                if elements.len() > 1
                    && elements
                        .iter()
                        .all(|e| is_scalar(e) || matches!(e, Node::List(_))) =>
            {
                Some((*name, elements.len()))
            }
            _ => None,
        })
        .collect();
    let (first, length) = *lists.first()?;
    let alike = lists.iter().filter(|(_, other)| *other == length).count();
    (alike > 1).then_some((first, length))
}
