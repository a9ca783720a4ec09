//! The tree that every format is read into.
//!
//! It lives in an arena that goes with the body: nodes are copied freely, and nothing is freed one
//! by one.

use bumpalo::{Bump, collections::String as ArenaString};

/// A value of a body. Text is borrowed from the body wherever it stands there as it is, and is
/// in the arena elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) enum Node<'a> {
    /// Nothing.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// A text.
    Text(&'a str),
    /// A list: of JSON, of repeated XML elements, of CSV cells.
    List(&'a [Node<'a>]),
    /// Named members, in the order of the body. The text of an XML element that also has
    /// attributes or children is the member without name.
    Map(&'a [(Name<'a>, Node<'a>)]),
}

/// A member's name, with its start and length at hand: most comparisons need no more.
#[derive(Debug, Clone, Copy, Eq)]
pub(crate) struct Name<'a> {
    tag: u64,
    text: &'a str,
}

impl<'a> Name<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        let start = match bytes.first_chunk() {
            Some(chunk) => u64::from_le_bytes(*chunk),
            None => bytes
                .iter()
                .fold(0, |start, byte| start << 8 | u64::from(*byte)),
        };
        Self {
            tag: start ^ (bytes.len() as u64) << 56,
            text,
        }
    }

    /// A name whose tag is known.
    pub(crate) fn tagged(tag: u64, text: &'a str) -> Self {
        Self { tag, text }
    }

    pub(crate) fn tag(self) -> u64 {
        self.tag
    }

    pub(crate) fn text(self) -> &'a str {
        self.text
    }
}

impl PartialEq for Name<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.tag == other.tag && self.text == other.text
    }
}

impl<'a> Node<'a> {
    /// The member of that name.
    pub(crate) fn member(self, name: Name<'_>) -> Option<Node<'a>> {
        match self {
            Node::Map(members) => members
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, node)| *node),
            _ => None,
        }
    }

    /// The element of that index, which counts from the end where it is negative.
    pub(crate) fn element(self, index: i64) -> Option<Node<'a>> {
        let Node::List(elements) = self else {
            return None;
        };
        let index = if index < 0 {
            elements
                .len()
                .checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?
        } else {
            usize::try_from(index).ok()?
        };
        elements.get(index).copied()
    }

    /// The number or text that the node amounts to; the text of an XML element with attributes.
    pub(crate) fn scalar(self) -> Node<'a> {
        match self {
            Node::Map(_) => self.member(Name::new("")).unwrap_or(self),
            other => other,
        }
    }

    /// Whether there is nothing here: null, an empty or blank text, an empty list.
    pub(crate) fn is_absent(self) -> bool {
        match self.scalar() {
            Node::Null => true,
            Node::Text(text) => text.trim_ascii().is_empty(),
            Node::List(elements) => elements.is_empty(),
            _ => false,
        }
    }

    /// The node as text: numbers in their shortest form, lists of scalars joined with commas.
    /// `None` for null and for objects.
    pub(crate) fn to_text(self, arena: &'a Bump) -> Option<&'a str> {
        match self.scalar() {
            Node::Null | Node::Map(_) => None,
            Node::Bool(value) => Some(if value { "true" } else { "false" }),
            Node::Integer(value) => Some(bumpalo::format!(in arena, "{}", value).into_bump_str()),
            Node::Float(value) => Some(bumpalo::format!(in arena, "{}", value).into_bump_str()),
            Node::Text(text) => Some(text),
            Node::List(elements) => {
                let mut joined = ArenaString::new_in(arena);
                for text in elements.iter().filter_map(|element| element.to_text(arena)) {
                    joined.push_str(if joined.is_empty() { "" } else { ", " });
                    joined.push_str(text);
                }
                Some(joined.into_bump_str())
            }
        }
    }

    /// What the node is, for messages.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Node::Null => "null",
            Node::Bool(_) => "a boolean",
            Node::Integer(_) | Node::Float(_) => "a number",
            Node::Text(_) => "a text",
            Node::List(_) => "a list",
            Node::Map(_) => "an object",
        }
    }

    /// The node in at most 80 characters, for messages.
    pub(crate) fn excerpt(self) -> String {
        match self {
            Node::Null => "null".to_owned(),
            Node::Map(_) if self.member(Name::new("")).is_none() => "{…}".to_owned(),
            node => crate::text::clip(node.to_text(&Bump::new()).unwrap_or_default(), 80),
        }
    }
}

/// An object in the making, for formats that repeat a member's name instead of writing a list.
#[derive(Debug, Default)]
pub(crate) struct MapBuilder<'a> {
    members: Vec<(&'a str, Slot<'a>)>,
}

#[derive(Debug)]
enum Slot<'a> {
    One(Node<'a>),
    Many(Vec<Node<'a>>),
}

impl<'a> MapBuilder<'a> {
    fn slot(&mut self, name: &str) -> Option<&mut Slot<'a>> {
        // The latest is the likeliest to be repeated.
        self.members
            .iter_mut()
            .rev()
            .find(|(key, _)| *key == name)
            .map(|(_, slot)| slot)
    }

    /// Whether there is no member.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Adds an empty list.
    pub(crate) fn list(&mut self, name: &'a str) {
        self.members.push((name, Slot::Many(Vec::new())));
    }

    /// Sets a member, which the latest value wins.
    pub(crate) fn set(&mut self, name: &'a str, node: Node<'a>) {
        match self.slot(name) {
            Some(slot) => *slot = Slot::One(node),
            None => self.members.push((name, Slot::One(node))),
        }
    }

    /// Adds a value to a member: the second one makes it a list.
    pub(crate) fn append(&mut self, name: &'a str, node: Node<'a>) {
        match self.slot(name) {
            Some(Slot::Many(list)) => list.push(node),
            Some(slot) => {
                if let Slot::One(first) = *slot {
                    *slot = Slot::Many(vec![first, node]);
                }
            }
            None => self.members.push((name, Slot::One(node))),
        }
    }

    /// The object.
    pub(crate) fn finish(self, arena: &'a Bump) -> Node<'a> {
        Node::Map(arena.alloc_slice_fill_iter(self.members.into_iter().map(
            |(name, slot)| match slot {
                Slot::One(node) => (Name::new(name), node),
                Slot::Many(list) => (Name::new(name), Node::List(arena.alloc_slice_copy(&list))),
            },
        )))
    }
}
