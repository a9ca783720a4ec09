//! A row's element within its body, and what paths find from there.

use bumpalo::{Bump, collections::String as ArenaString};

use crate::{
    body_error::BodyError,
    node::{Name, Node},
    path::{Base, Known, Path, Step},
    spec::{Condition, Origin, Pick, Piece, Test},
    text,
};

/// A place of a selection: the root, an element of an iteration, or the row's element.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Level<'t> {
    pub(crate) node: Node<'t>,
    pub(crate) key: Option<&'t str>,
    index: usize,
    /// The names of its cells, where it is a row of a list with a header.
    pub(crate) header: Option<&'t [Node<'t>]>,
}

impl<'t> Level<'t> {
    /// An element of a list that is not at hand.
    pub(crate) fn lone(node: Node<'t>, index: usize) -> Self {
        Self {
            node,
            key: None,
            index,
            header: None,
        }
    }
}

/// What is the same for every row of a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape<'t> {
    pub(crate) arena: &'t Bump,
    /// Whether a list of one and its element are the same.
    pub(crate) blurs_lists: bool,
    /// Whether the first of the rows, where it is a list, holds the names of the others' cells.
    pub(crate) has_header: bool,
    /// How many elements come before the rows, or before their header.
    pub(crate) skip: usize,
    /// When the body was fetched.
    pub(crate) fetched_at: &'t str,
}

impl<'t> Shape<'t> {
    /// That of a body that is only looked into.
    pub(crate) fn plain(arena: &'t Bump) -> Self {
        Self {
            arena,
            blurs_lists: false,
            has_header: false,
            skip: 0,
            fetched_at: "",
        }
    }
}

/// A row's element and all that its paths may lead to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Item<'t, 'l> {
    levels: &'l [Level<'t>],
    shape: Shape<'t>,
    /// The index within columns.
    row: Option<usize>,
}

impl<'t, 'l> Item<'t, 'l> {
    pub(crate) fn new(levels: &'l [Level<'t>], shape: Shape<'t>) -> Self {
        Self {
            levels,
            shape,
            row: None,
        }
    }

    /// The same element at that index of its columns.
    pub(crate) fn at_row(self, row: usize) -> Self {
        Self {
            row: Some(row),
            ..self
        }
    }

    /// What a path leads to.
    pub(crate) fn find(&self, path: &Path) -> Option<Node<'t>> {
        let up = match path.base {
            Base::Root => self.levels.len() - 1,
            Base::Item(up) => up.min(self.levels.len() - 1),
        };
        let level = self.levels.get(self.levels.len() - 1 - up)?;
        if let Some(known) = path.known {
            let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
            return Some(match known {
                Known::Key => Node::Text(level.key?),
                Known::Index => Node::Integer(count(self.row.unwrap_or(level.index))),
                Known::Position => Node::Integer(count(self.row.unwrap_or(level.index) + 1)),
                Known::FetchedAt => Node::Text(self.shape.fetched_at),
            });
        }
        if let (Some(header), Node::List(cells)) = (level.header, level.node)
            && let [Step::Key(key), rest @ ..] = path.steps.as_slice()
        {
            let index = header.iter().position(|cell| is_name(cell, key.name()))?;
            return self.follow(*cells.get(index)?, rest);
        }
        self.follow(level.node, &path.steps)
    }

    fn follow(&self, node: Node<'t>, steps: &[Step]) -> Option<Node<'t>> {
        follow(node, steps, self.shape.blurs_lists, self.row)
    }

    /// Where texts are made.
    pub(crate) fn arena(&self) -> &'t Bump {
        self.shape.arena
    }

    /// A node as text.
    pub(crate) fn text_of(&self, node: Node<'t>) -> Option<&'t str> {
        node.to_text(self.shape.arena)
    }

    /// The first text of those that may be picked.
    pub(crate) fn text(&self, pick: &Pick) -> Option<&'t str> {
        pick.origins
            .iter()
            .find_map(|origin| self.text_from(pick, origin))
    }

    fn text_from(&self, pick: &Pick, origin: &Origin) -> Option<&'t str> {
        let arena = self.shape.arena;
        let text = match origin {
            Origin::Constant(text) => arena.alloc_str(text),
            Origin::Path(path) => self.text_of(self.find(path)?)?,
            Origin::Template(pieces) => {
                let mut text = ArenaString::new_in(arena);
                for piece in pieces {
                    match piece {
                        Piece::Literal(literal) => text.push_str(literal),
                        Piece::Path(path) => {
                            text.push_str(text::trim(self.text_of(self.find(path)?)?));
                        }
                    }
                }
                text.into_bump_str()
            }
        };
        let text = match &pick.capture {
            Some(regex) => regex.captures(text)?.get(1)?.as_str(),
            None => text,
        };
        if text::trim(text).is_empty() || (!pick.nulls.is_empty() && is_one_of(text, &pick.nulls)) {
            return None;
        }
        let mapped = pick.map.iter().find(|(from, _)| from == text.trim());
        Some(mapped.map_or(text, |(_, to)| arena.alloc_str(to)))
    }

    /// The first value of those that may be picked, as it stands in the body where possible.
    pub(crate) fn value(&self, pick: &Pick) -> Option<Node<'t>> {
        pick.origins.iter().find_map(|origin| match origin {
            Origin::Path(path) if pick.capture.is_none() => {
                let node = self.find(path).filter(|node| !node.is_absent())?;
                let is_null = !pick.nulls.is_empty()
                    && self
                        .text_of(node)
                        .is_some_and(|text| is_one_of(text, &pick.nulls));
                (!is_null).then_some(node)
            }
            origin => self.text_from(pick, origin).map(Node::Text),
        })
    }

    /// The first list that a pick leads to: also an empty one, which is absent as a value, and none as a length.
    pub(crate) fn list(&self, pick: &Pick) -> Option<Node<'t>> {
        pick.origins.iter().find_map(|origin| match origin {
            Origin::Path(path) => self.find(path).filter(|node| matches!(node, Node::List(_))),
            _ => None,
        })
    }

    /// Whether every condition holds.
    pub(crate) fn fulfils(&self, conditions: &[Condition]) -> bool {
        conditions.iter().all(|condition| {
            let node = self.find(&condition.path);
            let text = node.and_then(|node| self.text_of(node));
            match &condition.test {
                Test::Exists(expected) => node.is_some_and(|node| !node.is_absent()) == *expected,
                Test::In(words) => text.is_some_and(|text| is_one_of(text, words)),
                Test::NotIn(words) => text.is_none_or(|text| !is_one_of(text, words)),
            }
        })
    }
}

fn is_name(cell: &Node<'_>, name: Name<'_>) -> bool {
    matches!(cell, Node::Text(text) if text.trim() == name.text())
}

/// Whether the text is one of the words; numbers are compared as numbers.
pub(crate) fn is_one_of(text: &str, words: &[String]) -> bool {
    let text = text::trim(text);
    words.iter().any(|word| {
        word == text
            || matches!((word.parse::<f64>(), text.parse::<f64>()), (Ok(a), Ok(b)) if a.total_cmp(&b).is_eq())
    })
}

/// Follows steps from a node.
pub(crate) fn follow<'t>(
    node: Node<'t>,
    steps: &[Step],
    blurs: bool,
    row: Option<usize>,
) -> Option<Node<'t>> {
    let (mut node, mut steps) = (node, steps);
    while let ([Step::Key(key), rest @ ..], Node::Map(_)) = (steps, node) {
        node = node.member(key.name())?;
        steps = rest;
    }
    let [step, rest @ ..] = steps else {
        return Some(node);
    };
    let mut elements = match node {
        Node::List(elements) => elements,
        _ => &[],
    }
    .iter()
    .copied()
    // In XML, an element stands for the list of itself.
    .chain((blurs && !matches!(node, Node::List(_) | Node::Null)).then_some(node));
    match step {
        Step::Key(key) => {
            let holder = if blurs && let Node::List(list) = node {
                *list.first()?
            } else {
                node
            };
            follow(holder.member(key.name())?, rest, blurs, row)
        }
        Step::Index(index) => {
            let next = match node {
                Node::List(_) => node.element(*index)?,
                _ if blurs && matches!(index, 0 | -1) => node,
                _ => return None,
            };
            follow(next, rest, blurs, row)
        }
        Step::AtRow => follow(node.element(i64::try_from(row?).ok()?)?, rest, blurs, row),
        Step::Elements => elements
            .filter_map(|element| follow(element, rest, blurs, row))
            .find(|found| !found.is_absent()),
        Step::Having(key, value) => {
            let has = |element: &Node<'_>| {
                element
                    .member(key.name())
                    .is_some_and(|member| match member.scalar() {
                        Node::Text(text) => text.trim() == value,
                        other => other.to_text(&Bump::new()) == Some(value),
                    })
            };
            follow(elements.find(has)?, rest, blurs, row)
        }
        Step::Members => None,
    }
}

/// Visits every row's element that `select` selects. Whether the selection exists at all.
pub(crate) fn select<'t>(
    select: &Path,
    root: Node<'t>,
    shape: Shape<'t>,
    visit: &mut dyn FnMut(&[Level<'t>]) -> Result<(), BodyError>,
) -> Result<bool, BodyError> {
    let mut levels = vec![Level {
        node: root,
        key: None,
        index: 0,
        header: None,
    }];
    descend(&select.steps, shape, &mut levels, visit)
}

fn descend<'t>(
    steps: &[Step],
    shape: Shape<'t>,
    levels: &mut Vec<Level<'t>>,
    visit: &mut dyn FnMut(&[Level<'t>]) -> Result<(), BodyError>,
) -> Result<bool, BodyError> {
    let Some(&here) = levels.last() else {
        return Ok(false);
    };
    let blurs = shape.blurs_lists;
    let is_iteration = |step: &Step| matches!(step, Step::Elements | Step::Members);
    let length = steps.iter().position(is_iteration).unwrap_or(steps.len());
    let (plain, rest) = steps.split_at(length);
    let Some(target) = follow(here.node, plain, blurs, None) else {
        // XML without any child of that name: an empty list, if the parent is there.
        let has_parent = match plain.split_last() {
            Some((Step::Key(_), parent)) => follow(here.node, parent, blurs, None).is_some(),
            _ => false,
        };
        return Ok(blurs && !rest.is_empty() && has_parent);
    };
    match rest {
        [] if plain.is_empty() => visit(levels)?,
        [] => {
            if matches!(target, Node::Null) {
                return Ok(false);
            }
            levels.push(Level {
                node: target,
                ..here
            });
            visit(levels)?;
            levels.pop();
        }
        [Step::Elements, rest @ ..] => {
            let list = match target {
                Node::List(list) => list,
                Node::Null => return Ok(false),
                other if blurs => shape.arena.alloc_slice_copy(&[other]),
                _ => return Ok(false),
            };
            let has_rows = !rest.contains(&Step::Elements);
            let skip = if has_rows { shape.skip } else { 0 };
            let header = match list.get(skip) {
                Some(Node::List(names)) if has_rows && shape.has_header => Some(*names),
                _ => None,
            };
            let first = skip + usize::from(header.is_some());
            for (index, &node) in list.iter().enumerate().skip(first) {
                levels.push(Level {
                    node,
                    key: None,
                    index,
                    header,
                });
                descend(rest, shape, levels, visit)?;
                levels.pop();
            }
        }
        [_, rest @ ..] => {
            let members: Vec<(&'t str, Node<'t>)> = match target {
                Node::Map(members) => members
                    .iter()
                    .map(|(name, node)| (name.text(), *node))
                    .collect(),
                Node::List(cells) => {
                    let names = here.header.unwrap_or_default().iter();
                    let named = names.zip(cells).filter_map(|(name, cell)| match name {
                        Node::Text(name) => Some((name.trim(), *cell)),
                        _ => None,
                    });
                    named.collect()
                }
                _ => return Ok(false),
            };
            for (index, (key, node)) in members.into_iter().enumerate() {
                levels.push(Level {
                    node,
                    key: Some(key),
                    index,
                    header: None,
                });
                descend(rest, shape, levels, visit)?;
                levels.pop();
            }
        }
    }
    Ok(true)
}
