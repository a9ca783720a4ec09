//! XML: an element is an object of its attributes (`@name`) and children, by their local names;
//! children of the same name are a list; an element with nothing but text is that text.

use bumpalo::Bump;
use quick_xml::{
    Reader, XmlVersion,
    events::{BytesStart, Event},
};

use crate::{
    body_error::BodyError,
    node::{MapBuilder, Node},
};

#[derive(Default)]
struct Element<'a> {
    name: &'a str,
    members: MapBuilder<'a>,
    text: String,
}

/// Reads an XML text. The root element is a member of the body, as any other.
pub(super) fn read<'a>(
    text: &str,
    nesting_most: usize,
    arena: &'a Bump,
) -> Result<Node<'a>, BodyError> {
    let mut reader = Reader::from_str(text);
    let mut open = vec![Element::default()];
    loop {
        let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let event = reader.read_event().map_err(|error| {
            // Every other error of syntax is something opened and not closed before the end.
            if let quick_xml::Error::Syntax(problem) = &error
                && !matches!(problem, quick_xml::errors::SyntaxError::InvalidBangMarkup)
            {
                return BodyError::Truncated {
                    expected: "XML",
                    offset: text.len(),
                };
            }
            let end = usize::try_from(reader.error_position()).unwrap_or(usize::MAX);
            wrong(text, end, &error.to_string())
        })?;
        match event {
            Event::Start(tag) => {
                if open.len() > nesting_most {
                    return Err(BodyError::TooDeep { most: nesting_most });
                }
                open.push(start(&tag, arena).map_err(|problem| wrong(text, at, &problem))?);
            }
            Event::Empty(tag) => {
                let element = start(&tag, arena).map_err(|problem| wrong(text, at, &problem))?;
                close(&mut open, element, arena);
            }
            Event::End(_) => {
                // The reader has checked that the names match; the outermost is not an element.
                if open.len() > 1
                    && let Some(element) = open.pop()
                {
                    close(&mut open, element, arena);
                }
            }
            Event::Text(content) => push(&mut open, &content.xml_content(XmlVersion::Implicit1_0)),
            Event::CData(content) => push(&mut open, &content.into_inner()),
            Event::GeneralRef(reference) => {
                let entity = format!("&{};", reference.into_inner());
                match quick_xml::escape::unescape(&entity) {
                    Ok(resolved) => push(&mut open, &resolved),
                    // Entities of a DTD are never expanded.
                    Err(_) => push(&mut open, &entity),
                }
            }
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    if open.len() > 1 {
        return Err(BodyError::Truncated {
            expected: "XML",
            offset: text.len(),
        });
    }
    let root = open.pop().unwrap_or_default();
    if root.members.is_empty() {
        return Err(wrong(text, text.len(), "there is no element"));
    }
    Ok(root.members.finish(arena))
}

fn wrong(text: &str, at: usize, problem: &str) -> BodyError {
    if at >= text.trim_end().len() && !text.trim_end().ends_with('>') {
        return BodyError::Truncated {
            expected: "XML",
            offset: text.len(),
        };
    }
    let before = text.get(..at).unwrap_or(text);
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    let line = before.matches('\n').count() + 1;
    BodyError::Syntax {
        expected: "XML",
        problem: problem.to_owned(),
        line,
        column,
    }
}

fn start<'a>(tag: &BytesStart<'_>, arena: &'a Bump) -> Result<Element<'a>, String> {
    let name = arena.alloc_str(local(tag.name().as_ref()));
    let mut element = Element {
        name,
        ..Element::default()
    };
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let name = attribute.key.as_ref();
        if name == "xmlns" || name.starts_with("xmlns:") {
            continue;
        }
        let value = match attribute.normalized_value(XmlVersion::Implicit1_0) {
            Ok(value) => arena.alloc_str(&value),
            Err(_) => arena.alloc_str(&attribute.value),
        };
        let name = bumpalo::format!(in arena, "@{}", local(name)).into_bump_str();
        element.members.set(name, Node::Text(value));
    }
    Ok(element)
}

fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

fn push(open: &mut [Element<'_>], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn close<'a>(open: &mut [Element<'a>], mut element: Element<'a>, arena: &'a Bump) {
    let text = Node::Text(arena.alloc_str(element.text.trim()));
    let node = if element.members.is_empty() {
        text
    } else {
        if !text.is_absent() {
            element.members.set("", text);
        }
        element.members.finish(arena)
    };
    if let Some(parent) = open.last_mut() {
        parent.members.append(element.name, node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::DEPTH_MAX;
    use crate::node::Name;

    #[test]
    fn elements_become_nodes() {
        let arena = Bump::new();
        let node = read(
            "<?xml version='1.0'?><!DOCTYPE r [<!ENTITY x 'y'>]>\n<r xmlns:g='u'>\
             <g:a g:k='1 &amp; 2'>t</g:a><b> x &lt;i&gt;&#233;&x; <![CDATA[<b>]]></b><b/></r>",
            DEPTH_MAX,
            &arena,
        );
        let a = [
            (Name::new("@k"), Node::Text("1 & 2")),
            (Name::new(""), Node::Text("t")),
        ];
        let b = [Node::Text("x <i>é&x; <b>"), Node::Text("")];
        let r = [
            (Name::new("a"), Node::Map(&a)),
            (Name::new("b"), Node::List(&b)),
        ];
        assert_eq!(node.unwrap(), Node::Map(&[(Name::new("r"), Node::Map(&r))]));
    }

    #[test]
    fn wrong_bodies_are_told_apart() {
        let arena = Bump::new();
        let read = |text: &str| read(text, DEPTH_MAX, &arena).map(Node::describe);
        assert_eq!(
            read("<a><b>"),
            Err(BodyError::Truncated {
                expected: "XML",
                offset: 6
            })
        );
        assert!(matches!(read("<a><b"), Err(BodyError::Truncated { .. })));
        assert!(matches!(
            read("<a>\n</b>"),
            Err(BodyError::Syntax { line: 2, .. })
        ));
        assert!(matches!(
            read("just text"),
            Err(BodyError::Truncated { .. })
        ));
        let deep = "<a>".repeat(100_000);
        assert_eq!(read(&deep), Err(BodyError::TooDeep { most: DEPTH_MAX }));
    }
}
