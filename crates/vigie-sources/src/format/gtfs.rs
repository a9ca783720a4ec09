//! GTFS-realtime: the protobuf wire format, read by the tables of [`super::gtfs_schema`] into
//! objects whose members have the names of the specification. Fields that the specification does
//! not know, extensions included, are skipped.

use bumpalo::Bump;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use super::gtfs_schema::{FEED_MESSAGE, Field, Message, Type};
use crate::{
    body_error::BodyError,
    node::{MapBuilder, Name, Node},
};

/// Reads a `FeedMessage`.
pub(super) fn read<'a>(body: &'a [u8], arena: &'a Bump) -> Result<Node<'a>, BodyError> {
    let node = message(&FEED_MESSAGE, body, arena).map_err(|problem| {
        let Problem { left, what } = problem;
        let at = body.len().saturating_sub(left);
        if what == TRUNCATED {
            return BodyError::Truncated {
                expected: "GTFS-realtime",
                offset: body.len(),
            };
        }
        BodyError::Syntax {
            expected: "GTFS-realtime",
            problem: what,
            line: 0,
            column: at,
        }
    })?;
    if node.member(Name::new("header")).is_none() {
        return Err(BodyError::Syntax {
            expected: "GTFS-realtime",
            problem: "the message has no header".to_owned(),
            line: 0,
            column: 0,
        });
    }
    Ok(node)
}

const TRUNCATED: &str = "truncated";

struct Problem {
    /// Bytes that were not read yet.
    left: usize,
    what: String,
}

fn message<'a>(
    schema: &'static Message,
    mut bytes: &'a [u8],
    arena: &'a Bump,
) -> Result<Node<'a>, Problem> {
    let mut members = MapBuilder::default();
    for field in schema.0.iter().filter(|field| field.repeated) {
        // Repeated fields are lists, present even when empty.
        members.list(field.name);
    }
    while !bytes.is_empty() {
        let (tag, wire_type) = decode_key(&mut bytes).map_err(|error| problem(bytes, &error))?;
        let Some(field) = schema.0.iter().find(|field| field.tag == tag) else {
            skip_field(wire_type, tag, &mut bytes, DecodeContext::default())
                .map_err(|error| problem(bytes, &error))?;
            continue;
        };
        let is_packed = field.repeated
            && wire_type == WireType::LengthDelimited
            && !matches!(field.kind, Type::Text | Type::Message(_));
        let mut packed = if is_packed { chunk(&mut bytes)? } else { &[] };
        loop {
            let source = if is_packed { &mut packed } else { &mut bytes };
            if is_packed && source.is_empty() {
                break;
            }
            let node = value(
                field,
                if is_packed { wire_of(field) } else { wire_type },
                source,
                arena,
            )?;
            if field.repeated {
                members.append(field.name, node);
            } else {
                members.set(field.name, node);
            }
            if !is_packed {
                break;
            }
        }
    }
    Ok(members.finish(arena))
}

fn problem(bytes: &[u8], error: &prost::DecodeError) -> Problem {
    let what = error.to_string();
    let is_short = what.contains("underflow") || (bytes.is_empty() && what.contains("varint"));
    Problem {
        left: bytes.len(),
        what: if is_short { TRUNCATED.to_owned() } else { what },
    }
}

fn chunk<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], Problem> {
    let length = decode_varint(bytes).map_err(|error| problem(bytes, &error))?;
    take(bytes, usize::try_from(length).unwrap_or(usize::MAX))
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], Problem> {
    let (chunk, rest) = bytes.split_at_checked(length).ok_or_else(|| Problem {
        left: bytes.len(),
        what: TRUNCATED.to_owned(),
    })?;
    *bytes = rest;
    Ok(chunk)
}

fn wire_of(field: &Field) -> WireType {
    match field.kind {
        Type::Float => WireType::ThirtyTwoBit,
        Type::Double => WireType::SixtyFourBit,
        Type::Text | Type::Message(_) => WireType::LengthDelimited,
        Type::Integer | Type::Boolean | Type::Choice(_) => WireType::Varint,
    }
}

fn value<'a>(
    field: &Field,
    wire_type: WireType,
    bytes: &mut &'a [u8],
    arena: &'a Bump,
) -> Result<Node<'a>, Problem> {
    if wire_type != wire_of(field) {
        let what = format!("field `{}` has wire type {wire_type:?}", field.name);
        return Err(Problem {
            left: bytes.len(),
            what,
        });
    }
    Ok(match field.kind {
        Type::Text => {
            let text = chunk(bytes)?;
            Node::Text(match std::str::from_utf8(text) {
                Ok(text) => text,
                Err(_) => arena.alloc_str(&String::from_utf8_lossy(text)),
            })
        }
        Type::Message(schema) => message(schema, chunk(bytes)?, arena)?,
        Type::Float => {
            let raw = take(bytes, 4)?.try_into().unwrap_or_default();
            Node::Float(shortest(f32::from_le_bytes(raw)))
        }
        Type::Double => Node::Float(f64::from_le_bytes(
            take(bytes, 8)?.try_into().unwrap_or_default(),
        )),
        Type::Integer | Type::Boolean | Type::Choice(_) => {
            let raw = decode_varint(bytes).map_err(|error| problem(bytes, &error))?;
            // Negative numbers are sign-extended to 64 bits.
            let number = raw.cast_signed();
            match field.kind {
                Type::Boolean => Node::Bool(raw != 0),
                Type::Choice(names) => names
                    .iter()
                    .find(|(value, _)| *value == number)
                    .map_or(Node::Integer(number), |(_, name)| Node::Text(name)),
                _ => Node::Integer(number),
            }
        }
    })
}

/// The decimal that prints as the 32-bit number does: 48.85, and not 48.849998474.
fn shortest(value: f32) -> f64 {
    value
        .to_string()
        .parse()
        .unwrap_or_else(|_| f64::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_and_extensions_skipped() {
        // header {version "2.0", timestamp 300, extension 1001}, entity {id "e", vehicle
        // {position {latitude 48.85}, current_status STOPPED_AT}}
        let mut body = vec![
            0x0a, 0x0c, 0x0a, 3, b'2', b'.', b'0', 0x18, 0xac, 0x02, 0xca, 0x3e, 1, 0,
        ];
        body[1] = 12;
        body.extend([0x12, 14, 0x0a, 1, b'e', 0x22, 9, 0x12, 5, 0x0d]);
        body.extend(48.85_f32.to_le_bytes());
        body.extend([0x20, 1]);
        let arena = Bump::new();
        let node = read(&body, &arena).unwrap();
        assert_eq!(
            node.member(Name::new("header"))
                .unwrap()
                .member(Name::new("timestamp")),
            Some(Node::Integer(300))
        );
        let vehicle = node
            .member(Name::new("entity"))
            .unwrap()
            .element(0)
            .unwrap()
            .member(Name::new("vehicle"))
            .unwrap();
        assert_eq!(
            vehicle.member(Name::new("current_status")),
            Some(Node::Text("STOPPED_AT"))
        );
        let latitude = vehicle
            .member(Name::new("position"))
            .unwrap()
            .member(Name::new("latitude"));
        assert_eq!(latitude, Some(Node::Float(48.85)));
        for end in 1..body.len() {
            let cut = read(&body[..end], &arena);
            // At the end of the header the message is whole, though it has no entity.
            assert_eq!(cut.is_ok(), end == 14, "{end}: {cut:?}");
        }
    }
}
