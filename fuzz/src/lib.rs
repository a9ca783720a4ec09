//! What holds for every body and every definition.

use std::sync::LazyLock;

use jiff::{Timestamp, tz::TimeZone};
use vigie_core::row::Rows;
use vigie_sources::{Catalogue, Context, Definition, Extraction, Extractor, extract, sniff};

/// Definitions of shapes that the catalogue does not have, so that every way of reading is tried. The rest is in [`SHEET`].
const SHAPES: [&str; 7] = [
    r##"
        format = { kind = "json" }
        rows = { model = "observations", select = "hourly", columns = "time", horizon = "7d" }
        fields = { entity = "{$.latitude},{$.longitude}", observed_at = { path = "time[#]", time_zone = { path = "$.timezone" } } }
        measures = { temperature = { title = { fr = "m", en = "m" }, unit = "1", path = "temperature_2m[#]" } }
    "##,
    r##"
        format = { kind = "json", jsonp = true }
        rows = { model = "observations", select = ["rates{*}", "[*]{*}"], header = true, horizon = "7d" }
        fields = { entity = "#key", observed_at = { path = ["$.time", "[0]"], format = ["epoch_s", "epoch_ms", "rfc3339", "%Y-%m-%d"], time_zone = "zone" } }
        measures = { rate = { title = { fr = "m", en = "m" }, unit = "1", path = ["rate", "."], decimal_comma = true, strip = ["%"] } }
    "##,
    r##"
        format = { kind = "json" }
        rows = { model = "observations", select = "series[*].data[*]", pivot = { name = "[1]", value = "[2]" }, horizon = "7d" }
        fields = { entity = "^^.id", observed_at = { path = "^^.start", plus = { count = "#index", from = 1, each = "1h" } } }
        measures = { a = { title = { fr = "m", en = "m" }, unit = "1", reduce = "mean" }, b = { title = { fr = "m", en = "m" }, unit = "1", reduce = "count" } }
    "##,
    r##"
        format = { kind = "geojson" }
        rows = { model = "events", select = "features[*]", horizon = "7d" }
        fields = { key = "id", observed_at = { path = "properties.time", format = "epoch_ms" }, revision = "properties.updated", point = { geometry = "geometry" }, title = { path = "properties.title", match = "^(.*) - " } }
        measures = { magnitude = { title = { fr = "m", en = "m" }, unit = "1", path = "properties.mag", range = [-2, 12] } }
    "##,
    r##"
        format = { kind = "xml" }
        rows = { model = "observations", select = "rss.channel.item[*]", horizon = "7d" }
        fields = { entity = "guid", observed_at = { path = "pubDate", format = ["rfc2822", "rfc3339"] }, name = "title", attributes = { link = "link.@href" } }
        measures = { value = { title = { fr = "m", en = "m" }, unit = "1", path = ["value", "category[*]"] }, many = { title = { fr = "m", en = "m" }, unit = "1", path = "category", length = true } }
    "##,
    r##"
        format = { kind = "csv", delimiter = ";", comment = "#", decimal_comma = true }
        rows = { model = "observations", select = "[*]", header = true, horizon = "7d" }
        fields = { entity = "station", observed_at = { path = "date", format = ["%d/%m/%Y %H:%M", "rfc3339"], time_zone = "Europe/Paris" }, point = { lon = "lon", lat = "lat" } }
        measures = { value = { title = { fr = "m", en = "m" }, unit = "1", path = "value", nulls = ["NA", "-"] } }
    "##,
    r##"
        format = { kind = "csv" }
        rows = { model = "observations", select = "[*]{*}", header = true, horizon = "7d" }
        fields = { entity = "#key", observed_at = "#fetched_at" }
        measures = { value = { title = { fr = "m", en = "m" }, unit = "1", path = "." } }
    "##,
];

/// What a definition says besides its rows.
const SHEET: &str = r##"
    id = "ad-hoc"
    domain = "weather"
    docs = "https://example.org/"
    title = { fr = "t", en = "t" }
    description = { fr = "d", en = "d" }
    content = { fr = "c", en = "c" }
    periodicity = { fr = "p", en = "p" }
    provider = { name = "p", url = "https://example.org/" }
    zones = { earth = true }
    schedule = { collect = "1h", stale_after = "1d" }
    access = { kind = "open" }
    request = { url = "https://example.org/" }
    rights = { licence = "CC0-1.0", url = "https://example.org/", attribution = "a", archive = "allowed", republish = "allowed" }
"##;

static DEFINITIONS: LazyLock<Vec<Definition>> = LazyLock::new(|| {
    let shapes = SHAPES.iter().map(|shape| {
        let text = format!("{SHEET}\n{shape}");
        Definition::parse("ad-hoc.toml", &text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    });
    Catalogue::embedded()
        .iter()
        .cloned()
        .chain(shapes)
        .collect()
});

/// Reads a body with every definition whose raw files have that extension.
pub fn body(extension: &str, body: &[u8]) {
    for definition in DEFINITIONS.iter() {
        if definition.extension == extension {
            harmless(definition, body);
        }
    }
}

/// Reads a definition, and, where it is one, some bodies with it.
pub fn definition(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    match Definition::parse("mine.toml", text) {
        Err(error) => assert!(error.to_string().starts_with("mine.toml"), "{error}"),
        Ok(definition) => {
            for body in [
                &br#"[{"id":"a","time":1795000000,"v":1.5,"list":[1,2],"o":{"x":"y"}},[1,"b",null]]"#[..],
                br#"{"features":[{"id":"a","properties":{"mag":5,"time":1795000000000},"geometry":{"coordinates":[1,2,3]}}]}"#,
                b"<a><b c='d'>1</b><b>2</b></a>",
                b"a,b,c\n1,2,2026-11-23T10:00:00Z\n",
                b"\x0a\x0d\x0a\x03\x32\x2e\x30\x10\x00\x18\xc0\xf8\xf6\xd7\x06",
            ] {
                harmless(&definition, body);
            }
        }
    }
}

fn harmless(definition: &Definition, body: &[u8]) {
    let context = Context {
        fetched_at: Timestamp::UNIX_EPOCH,
        zone_tz: &TimeZone::UTC,
    };
    let _ = sniff(definition, body);
    let first = extract(definition, body, &context);
    let mut extractor = Extractor::new(definition);
    for _ in 0..2 {
        let read = extractor.extract(body, &context, Rows::default());
        match (&read, &first) {
            (Ok(read), Ok(first)) => {
                assert!(read.rows.iter().filter_map(|row| row.to_row()).eq(first.rows.iter().cloned()));
                assert_eq!(read.refusals, first.refusals);
            }
            (read, first) => assert_eq!(read.as_ref().err(), first.as_ref().err()),
        }
    }
    let Ok(extraction) = first else { return };
    assert!(extraction.refusals.len() <= Extraction::REFUSALS_MAX);
    for row in &extraction.rows {
        assert_eq!(row.values.len(), definition.measures.len());
        assert!(row.values.iter().flatten().all(|value| value.is_finite()));
    }
}
