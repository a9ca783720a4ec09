//! Legacy encodings.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8};

use crate::body_error::BodyError;

/// The encoding of that label of the WHATWG Encoding Standard (`windows-1251`, `iso-8859-9`, …).
pub(crate) fn find(label: &str) -> Option<&'static Encoding> {
    Encoding::for_label(label.as_bytes())
}

/// The encoding that an XML declaration names.
pub(super) fn xml_prolog(body: &[u8]) -> Option<&'static Encoding> {
    let head = body.get(..200).unwrap_or(body);
    let head = head.trim_ascii_start().strip_prefix(b"<?xml")?;
    let head = head.split(|&byte| byte == b'>').next()?;
    let head = std::str::from_utf8(head).ok()?;
    let (_, rest) = head.split_once("encoding")?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    find(rest.split(quote).nth(1)?)
}

/// Decodes without replacing anything: a wrong byte is an error.
pub(super) fn decode<'b>(
    body: &'b [u8],
    declared: Option<&'static Encoding>,
) -> Result<Cow<'b, str>, BodyError> {
    let (encoding, mark) = Encoding::for_bom(body).unwrap_or((declared.unwrap_or(UTF_8), 0));
    let body = body.get(mark..).unwrap_or_default();
    if encoding == UTF_8 {
        // UTF-16 without its mark is valid UTF-8 as long as it is English.
        let start = body.get(..256).unwrap_or(body);
        if let Some(offset) = start.iter().position(|byte| *byte == 0) {
            return Err(BodyError::Encoding {
                encoding: "UTF-8".to_owned(),
                offset: mark + offset,
            });
        }
        return std::str::from_utf8(body)
            .map(Cow::Borrowed)
            .map_err(|error| BodyError::Encoding {
                encoding: "UTF-8".to_owned(),
                offset: mark + error.valid_up_to(),
            });
    }
    encoding
        .decode_without_bom_handling_and_without_replacement(body)
        .ok_or_else(|| BodyError::Encoding {
            encoding: encoding.name().to_owned(),
            offset: 0,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_declarations_and_prologs_are_obeyed() {
        let prolog = b"<?xml version='1.0' encoding = 'windows-1251'?><a>\xc4\xe0</a>";
        assert!(
            decode(prolog, xml_prolog(prolog))
                .unwrap()
                .ends_with("<a>Да</a>")
        );
        assert_eq!(decode(b"\xef\xbb\xbfa", find("latin1")).unwrap(), "a");
        assert_eq!(decode(b"\xff\xfea\0", None).unwrap(), "a");
        assert_eq!(decode(b"\xe9", find("iso-8859-1")).unwrap(), "é");
        let error = decode(b"ab\xe9", None).unwrap_err();
        assert_eq!(
            error,
            BodyError::Encoding {
                encoding: "UTF-8".to_owned(),
                offset: 2
            }
        );
        assert!(decode(b"\x81", find("shift_jis")).is_err());
        assert!(decode(b"[\0{\0", None).is_err());
        assert_eq!(decode(b"[\0]\0", find("utf-16le")).unwrap(), "[]");
    }
}
