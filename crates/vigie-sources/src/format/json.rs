//! JSON, read in one pass; what the projection does not lead to is checked but not kept.

use std::{borrow::Cow, fmt};

use bumpalo::{Bump, collections::Vec as ArenaVec};
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::DEPTH_MAX;
use crate::{
    body_error::BodyError,
    node::{Name, Node},
    projection::Projection,
};

/// Reads a JSON text.
pub(super) fn read<'a>(
    text: &'a str,
    projection: &Projection,
    arena: &'a Bump,
) -> Result<Node<'a>, BodyError> {
    read_within(text, projection, arena, DEPTH_MAX)
}

/// Reads an element of a list that is the root of its body; `projection` is that of the root.
pub(super) fn read_element<'a>(
    text: &'a str,
    projection: &Projection,
    arena: &'a Bump,
) -> Result<Node<'a>, BodyError> {
    let nothing = Projection::default();
    let projection = projection.elements().unwrap_or(&nothing);
    read_within(text, projection, arena, DEPTH_MAX - 1)
}

fn read_within<'a>(
    text: &'a str,
    projection: &Projection,
    arena: &'a Bump,
    depth_max: usize,
) -> Result<Node<'a>, BodyError> {
    if nests_deeper_than(text.as_bytes(), depth_max) {
        return Err(BodyError::TooDeep { most: DEPTH_MAX });
    }
    let mut deserializer = sonic_rs::Deserializer::from_str(text);
    let node = Seed { projection, arena }
        .deserialize(&mut deserializer)
        .and_then(|node| deserializer.end().map(|()| node));
    node.map_err(|error| {
        if error.is_eof() || error.offset() >= text.trim_end().len() {
            return BodyError::Truncated {
                expected: "JSON",
                offset: text.len(),
            };
        }
        let problem = error.to_string();
        let problem = problem.lines().next().unwrap_or_default();
        let problem = problem.split(" at line").next().unwrap_or_default();
        BodyError::Syntax {
            expected: "JSON",
            problem: problem.to_owned(),
            line: error.line(),
            column: error.column(),
        }
    })
}

/// What stands between the brackets of `callback(…)`; the text itself where there is no call.
pub(super) fn unwrap_call(text: &str) -> &str {
    let end = text.trim_end().trim_end_matches(';').trim_end();
    match (end.find('('), end.strip_suffix(')')) {
        (Some(open), Some(inner)) => inner.get(open + 1..).unwrap_or(text),
        _ => text,
    }
}

/// Whether the text nests more deeply than `most` levels. The parser skips what it is not asked
/// for by recursion without a limit, so this comes first.
///
/// Whole blocks are counted at once, brackets within strings included; only where that gives too
/// high a figure are the strings told apart.
pub(super) fn nests_deeper_than(text: &[u8], most: usize) -> bool {
    let mut depth = 0_usize;
    for block in text.chunks(64) {
        let count = |bracket: u8| -> usize {
            // `[` and `{`, and `]` and `}`, differ by the bit 0x20 only.
            let matching = block
                .iter()
                .map(|byte| u8::from(byte & 0xdf == bracket))
                .sum::<u8>();
            usize::from(matching)
        };
        let opened = count(b'[');
        if depth + opened > most {
            return nests_deeper_than_exactly(text, most);
        }
        depth = (depth + opened).saturating_sub(count(b']'));
    }
    false
}

pub(super) fn nests_deeper_than_exactly(text: &[u8], most: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > most {
            return true;
        }
    }
    false
}

#[derive(Clone, Copy)]
struct Seed<'p, 'a> {
    projection: &'p Projection,
    arena: &'a Bump,
}

impl<'a> DeserializeSeed<'a> for Seed<'_, 'a> {
    type Value = Node<'a>;

    fn deserialize<D: serde::Deserializer<'a>>(
        self,
        deserializer: D,
    ) -> Result<Node<'a>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Seed<'_, 'a> {
    type Value = Node<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node<'a>, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node<'a>, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node<'a>, E> {
        Ok(Node::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node<'a>, E> {
        Ok(i64::try_from(value).map_or(Node::Float(value as f64), Node::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node<'a>, E> {
        Ok(Node::Float(value))
    }

    fn visit_borrowed_str<E>(self, value: &'a str) -> Result<Node<'a>, E> {
        Ok(Node::Text(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node<'a>, E> {
        Ok(Node::Text(self.arena.alloc_str(value)))
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut sequence: A) -> Result<Node<'a>, A::Error> {
        let mut elements = ArenaVec::new_in(self.arena);
        if let Some(projection) = self.projection.elements() {
            let seed = Seed { projection, ..self };
            while let Some(node) = sequence.next_element_seed(seed)? {
                elements.push(node);
            }
        } else {
            while sequence.next_element::<IgnoredAny>()?.is_some() {}
        }
        Ok(Node::List(elements.into_bump_slice()))
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Node<'a>, A::Error> {
        let mut members = ArenaVec::with_capacity_in(self.projection.width(), self.arena);
        while let Some(key) = map.next_key_seed(KeySeed)? {
            if let Some(projection) = self.projection.member(Name::new(&key)) {
                let key = match key {
                    Cow::Borrowed(key) => key,
                    Cow::Owned(key) => self.arena.alloc_str(&key),
                };
                members.push((
                    Name::new(key),
                    map.next_value_seed(Seed { projection, ..self })?,
                ));
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Node::Map(members.into_bump_slice()))
    }
}

struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: serde::Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(value.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::Path;

    fn project(select: &str, paths: &[&str]) -> Projection {
        let mut projection = Projection::default();
        let select = Path::parse(select).unwrap();
        projection.add(&select, &select);
        for path in paths {
            projection.add(&select, &Path::parse(path).unwrap());
        }
        projection.close();
        projection
    }

    #[test]
    fn only_what_is_asked_for_is_kept() {
        let projection = project("a[*]", &["b", "$.n", "c[0]"]);
        let text = r#"{"a":[{"b":"\u00e9","c":[1,{"x":2}],"d":{"e":[[]]}}],"n":2.5,"m":[{}]}"#;
        let arena = Bump::new();
        let c = [Node::Integer(1), Node::Map(&[])];
        let a = [Node::Map(&[
            (Name::new("b"), Node::Text("é")),
            (Name::new("c"), Node::List(&c)),
        ])];
        assert_eq!(
            read(text, &projection, &arena).unwrap(),
            Node::Map(&[
                (Name::new("a"), Node::List(&a)),
                (Name::new("n"), Node::Float(2.5))
            ])
        );
    }

    #[test]
    fn what_is_skipped_is_still_checked() {
        let projection = project("a[*]", &["b"]);
        let arena = Bump::new();
        let read =
            |text: &str| read(arena.alloc_str(text), &projection, &arena).map(Node::describe);
        assert!(matches!(
            read(r#"{"z":[tru],"a":[]}"#),
            Err(BodyError::Syntax { .. })
        ));
        assert!(matches!(
            read(r#"{"a":[]} x"#),
            Err(BodyError::Syntax { .. })
        ));
        for cut in [
            r#"{"a":[{"b":1}"#,
            r#"{"a":[{"b":"x"#,
            r#"{"z":[{"b""#,
            r#"{"a":[{"b":"\u00"#,
        ] {
            let error = read(cut).unwrap_err();
            assert_eq!(
                error,
                BodyError::Truncated {
                    expected: "JSON",
                    offset: cut.len()
                },
                "{cut}"
            );
        }
    }

    #[test]
    fn depth_is_capped_but_brackets_in_texts_are_not_counted() {
        let projection = project("a[*]", &["b"]);
        let arena = Bump::new();
        let read =
            |text: &str| read(arena.alloc_str(text), &projection, &arena).map(Node::describe);
        for deep in ["[".repeat(1_000_000), r#"{"z":"#.repeat(200_000)] {
            assert_eq!(read(&deep), Err(BodyError::TooDeep { most: DEPTH_MAX }));
        }
        let smileys = format!(r#"{{"a":[{{"b":"{}"}}]}}"#, "\\\":[".repeat(500));
        assert!(read(&smileys).is_ok());
    }

    #[test]
    fn calls_are_unwrapped() {
        assert_eq!(unwrap_call("null({\"a\":1});\n"), "{\"a\":1}");
        assert_eq!(unwrap_call("{}"), "{}");
    }
}
