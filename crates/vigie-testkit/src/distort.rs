//! Bodies that are well-formed and wrong: values in another unit, entities under other identifiers.

use std::fmt::Write as _;

use serde_json::{Number, Value};

use crate::provider::Page;

/// The page with its values in another unit, as after an unannounced change of an interface: degrees Fahrenheit and inches of
/// mercury, metres, gigawatts, rates for a hundred euros. Pages of plain counts stay as they are.
pub(crate) fn other_unit(page: Page) -> Page {
    let bytes = match serde_json::from_slice::<Value>(&page.bytes) {
        Ok(mut body) => {
            convert(&mut body);
            serde_json::to_vec(&body).unwrap_or_default()
        }
        Err(_) => match String::from_utf8(page.bytes.clone()) {
            Ok(xml) => hundredfold(&xml).into_bytes(),
            Err(_) => page.bytes.clone(),
        },
    };
    without_validators(page, bytes)
}

/// The page with every identifier changed, as after a move to another system. Pages of a single entity stay as they are.
pub(crate) fn renumbered(page: Page) -> Page {
    let bytes = match String::from_utf8(page.bytes.clone()) {
        Ok(text) => [
            "\"stationcode\": \"",
            "\"icaoId\":\"",
            "\"id\":\"",
            "\"uuid\":\"",
            "\"gameID\":\"",
            "<Cube currency='",
        ]
        .iter()
        .fold(text, |text, before| {
            text.replace(before, &format!("{before}9"))
        })
        .into_bytes(),
        Err(_) => page.bytes.clone(),
    };
    without_validators(page, bytes)
}

/// What was distorted must not be known again as the right page.
fn without_validators(mut page: Page, bytes: Vec<u8>) -> Page {
    page.bytes = bytes;
    page.etag = None;
    page.last_modified = None;
    page
}

fn convert(body: &mut Value) {
    match body {
        Value::Array(items) => items.iter_mut().for_each(convert),
        Value::Object(members) => {
            for (name, value) in members {
                let scale: fn(f64) -> f64 = match name.as_str() {
                    "temp" | "dewp" => |celsius| celsius * 1.8 + 32.0,
                    "altim" => |hectopascal| hectopascal * 0.029_53,
                    "consommation" => |megawatt| megawatt / 1_000.0,
                    "coordinates" => {
                        if let Some(depth) = value.get_mut(2) {
                            rescale(depth, |kilometres| kilometres * 1_000.0);
                        }
                        continue;
                    }
                    _ => {
                        convert(value);
                        continue;
                    }
                };
                rescale(value, scale);
            }
        }
        _ => {}
    }
}

fn rescale(value: &mut Value, scale: impl Fn(f64) -> f64) {
    if let Some(number) = value.as_f64().map(scale).and_then(Number::from_f64) {
        *value = Value::Number(number);
    }
}

/// The rates of an XML page times a hundred.
fn hundredfold(xml: &str) -> String {
    const BEFORE: &str = " rate='";
    let mut parts = xml.split(BEFORE);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(BEFORE);
        match part.split_once('\'') {
            Some((rate, rest)) => {
                let rate = rate.parse::<f64>().map_or(0.0, |rate| rate * 100.0);
                // Writing to a string cannot fail.
                let _ = write!(text, "{rate:.4}'{rest}");
            }
            None => text.push_str(part),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(body: &str) -> Page {
        Page {
            content_type: "text/plain",
            bytes: body.into(),
            etag: Some("\"1\"".to_owned()),
            last_modified: None,
        }
    }

    fn text(page: Page) -> String {
        assert_eq!(page.etag, None);
        String::from_utf8(page.bytes).unwrap()
    }

    #[test]
    fn units_and_identifiers_are_changed_and_nothing_else() {
        let metar = r#"[{"icaoId":"LFPG","temp":10,"wspd":5,"altim":1000}]"#;
        assert_eq!(
            text(other_unit(page(metar))),
            r#"[{"altim":29.53,"icaoId":"LFPG","temp":50.0,"wspd":5}]"#
        );
        assert_eq!(
            text(renumbered(page(metar))),
            metar.replace("LFPG", "9LFPG")
        );
        let ecb = "<Cube time='x'><Cube currency='USD' rate='1.1'/></Cube>";
        assert_eq!(text(other_unit(page(ecb))), ecb.replace("1.1", "110.0000"));
        assert_eq!(text(renumbered(page(ecb))), ecb.replace("USD", "9USD"));
        let usgs = r#"{"geometry":{"coordinates":[1.5,2.5,10.0]}}"#;
        assert_eq!(
            text(other_unit(page(usgs))),
            usgs.replace("10.0", "10000.0")
        );
    }
}
