//! Text from outside.

use bumpalo::Bump;

/// The most characters of a name or an attribute that are kept.
pub(crate) const CHARACTERS_MAX: usize = 2_000;

/// The first `most` characters of `text`, with `…` in place of what is left out.
pub(crate) fn clip(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text
            .chars()
            .take(most.saturating_sub(1))
            .chain(['…'])
            .collect(),
    }
}

/// The text without blanks at its ends; fast where there are none.
pub(crate) fn trim(text: &str) -> &str {
    let is_mark = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_graphic);
    let bytes = text.as_bytes();
    if is_mark(bytes.first()) && is_mark(bytes.last()) {
        text
    } else {
        text.trim()
    }
}

/// The text as it is kept: trimmed, without control characters (line ends and tabs become
/// spaces), and no longer than [`CHARACTERS_MAX`]. Markup is kept as the characters it is.
pub(crate) fn clean<'t>(text: &'t str, arena: &'t Bump) -> &'t str {
    let text = trim(text);
    let is_plain = text.len() <= CHARACTERS_MAX
        && text
            .bytes()
            .all(|byte| !byte.is_ascii_control() && byte != 0xc2);
    if is_plain {
        return text;
    }
    let kept: String = text
        .chars()
        .map(|c| {
            if matches!(c, '\n' | '\r' | '\t') {
                ' '
            } else {
                c
            }
        })
        .filter(|c| !c.is_control())
        .collect();
    arena.alloc_str(&clip(&kept, CHARACTERS_MAX))
}

/// As [`clean`], for texts of errors.
pub(crate) fn cleaned(text: &str) -> String {
    clean(text, &Bump::new()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cleaned_but_never_decoded() {
        assert_eq!(
            cleaned(" <b>a</b>&amp;\u{7}\u{85}é\r\nx "),
            "<b>a</b>&amp;é  x"
        );
        let long = cleaned(&"é".repeat(3_000));
        assert_eq!(long.chars().count(), CHARACTERS_MAX);
        assert!(long.ends_with('…'));
    }
}
