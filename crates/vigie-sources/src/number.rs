//! Numbers, as bodies write them.

use bumpalo::Bump;

use crate::{node::Node, spec::Numeric, text};

/// No measure is larger. A bound well within the range of floating point keeps sums finite, so that one absurd value cannot stop
/// a source.
const MAGNITUDE_MAX: f64 = 1e100;

/// The value of a node that is there; `Err` says why it has none.
pub(crate) fn read(node: Node<'_>, numeric: &Numeric) -> Result<Option<f64>, String> {
    let node = node.scalar();
    if !numeric.map.is_empty()
        && let Some(text) = node.to_text(&Bump::new())
        && let Some((_, value)) = numeric.map.iter().find(|(word, _)| word == text.trim())
    {
        return Ok(Some(*value));
    }
    let raw = match node {
        Node::Integer(value) => value as f64,
        Node::Float(value) => value,
        Node::Text(text) => match parse(text, numeric) {
            Some(value) => value,
            None if strip(text, numeric).trim().is_empty() => return Ok(None),
            None => return Err("not a number".to_owned()),
        },
        Node::Null => return Ok(None),
        other => return Err(format!("expected a number, found {}", other.describe())),
    };
    let value = raw * numeric.scale + numeric.offset;
    if !value.is_finite() {
        return Err("not a finite number".to_owned());
    }
    if value.abs() > MAGNITUDE_MAX {
        return Err(format!(
            "larger than {MAGNITUDE_MAX:e}, which no measure is"
        ));
    }
    if let Some((least, greatest)) = numeric.range
        && !(least..=greatest).contains(&value)
    {
        return Err(format!("outside the plausible range {least} to {greatest}"));
    }
    Ok(Some(value))
}

fn strip(text: &str, numeric: &Numeric) -> String {
    numeric.strip.iter().fold(text.to_owned(), |text, part| {
        text.replace(part.as_str(), "")
    })
}

fn parse(text: &str, numeric: &Numeric) -> Option<f64> {
    let is_number = |text: &str| {
        // No `inf`, no `nan`.
        text.bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
    };
    let parse = |text: &str| {
        let text = text::trim(text);
        if is_number(text) {
            text.parse().ok()
        } else {
            None
        }
    };
    if numeric.strip.is_empty() && !numeric.decimal_comma {
        return parse(text);
    }
    let stripped = strip(text, numeric);
    if numeric.decimal_comma {
        parse(&stripped.replace(',', "."))
    } else {
        parse(&stripped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(change: impl FnOnce(&mut Numeric)) -> Numeric {
        let mut numeric = Numeric::default();
        change(&mut numeric);
        numeric
    }

    fn text(text: &str) -> Node<'_> {
        Node::Text(text)
    }

    #[test]
    fn numbers_are_read_as_bodies_write_them() {
        let plain = Numeric::default();
        assert_eq!(read(text(" -1.5e3 "), &plain), Ok(Some(-1500.0)));
        assert_eq!(read(Node::Integer(7), &plain), Ok(Some(7.0)));
        let plus = with(|n| n.strip = vec!["+".to_owned()]);
        assert_eq!(read(text("6+"), &plus), Ok(Some(6.0)));
        assert_eq!(read(text("+"), &plus), Ok(None));
        let french = with(|n| {
            n.strip = vec!["\u{202f}".to_owned(), "%".to_owned()];
            n.decimal_comma = true;
        });
        assert_eq!(read(text("1\u{202f}234,5 %"), &french), Ok(Some(1234.5)));
        let yes = with(|n| n.map = vec![("true".to_owned(), 1.0)]);
        assert_eq!(read(Node::Bool(true), &yes), Ok(Some(1.0)));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let plain = Numeric::default();
        for bad in ["inf", "NaN", "VRB", "1,5", "0x10", "1 2", "١"] {
            assert!(read(text(bad), &plain).is_err(), "{bad}");
        }
        assert!(read(text("1e999"), &plain).is_err());
        assert!(read(text("-1e300"), &plain).is_err());
        assert!(read(Node::Bool(true), &plain).is_err());
        let ranged = with(|n| n.range = Some((0.0, 10.0)));
        assert!(
            read(Node::Integer(11), &ranged)
                .unwrap_err()
                .contains("plausible")
        );
    }
}
