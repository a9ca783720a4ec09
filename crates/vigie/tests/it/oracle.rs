//! The same figures, computed another way: plain loops over the recorded bodies, without any code of Vigie.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    path::Path,
};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::Value;

/// A number: entity, observed time in milliseconds, measure, value.
pub(crate) type Number = (String, i64, &'static str, f64);

/// The figures of an hour that are compared.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Figures {
    pub(crate) count: u64,
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
    pub(crate) sum: Option<f64>,
    pub(crate) mean: Option<f64>,
    pub(crate) median: Option<f64>,
    pub(crate) first: f64,
    pub(crate) last: f64,
}

/// Entity, measure, and the hour as RFC 3339 in local time.
pub(crate) type Key = (String, String, String);

/// The recorded bodies of a source, in the order of their times.
pub(crate) fn bodies(folder: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with("20")
        })
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// What the last body says of each time counts; hours are those of `zone`.
pub(crate) fn summarise(
    bodies: impl IntoIterator<Item = Vec<Number>>,
    zone: &str,
) -> BTreeMap<Key, Figures> {
    let mut latest: HashMap<(String, &'static str, i64), f64> = HashMap::new();
    for body in bodies {
        for (entity, at, measure, value) in body {
            latest.insert((entity, measure, at), value);
        }
    }
    let tz = TimeZone::get(zone).unwrap();
    let mut hours: BTreeMap<Key, Vec<(i64, f64)>> = BTreeMap::new();
    for ((entity, measure, at), value) in latest {
        let local = Timestamp::from_millisecond(at)
            .unwrap()
            .to_zoned_datetime(tz.clone());
        let hour = local.strftime("%Y-%m-%dT%H:00:00%:z").to_string();
        hours
            .entry((entity, measure.to_owned(), hour))
            .or_default()
            .push((at, value));
    }
    hours
        .into_iter()
        .map(|(key, mut samples)| {
            samples.sort_by_key(|sample| sample.0);
            let direction = key.1 == "wind_direction";
            let figures = figures(&samples, direction);
            (key, figures)
        })
        .collect()
}

fn figures(samples: &[(i64, f64)], direction: bool) -> Figures {
    let values: Vec<f64> = samples.iter().map(|sample| sample.1).collect();
    let count = values.len() as f64;
    let mut sorted = values.clone();
    sorted.sort_by(f64::total_cmp);
    let middle = f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
    let mean = if direction {
        let (x, y) = values.iter().fold((0.0, 0.0), |(x, y), degrees: &f64| {
            (
                x + degrees.to_radians().cos(),
                y + degrees.to_radians().sin(),
            )
        });
        ((x.hypot(y) / count) > 1e-9).then(|| f64::atan2(y, x).to_degrees().rem_euclid(360.0))
    } else {
        Some(values.iter().sum::<f64>() / count)
    };
    let linear = |value: f64| (!direction).then_some(value);
    Figures {
        count: values.len() as u64,
        min: linear(sorted[0]),
        max: linear(sorted[sorted.len() - 1]),
        sum: linear(values.iter().sum()),
        mean,
        median: linear(middle),
        first: values[0],
        last: values[values.len() - 1],
    }
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

fn millisecond(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

fn pick(
    numbers: &mut Vec<Number>,
    entity: &str,
    at: i64,
    row: &Value,
    measures: &[(&'static str, &'static str)],
) {
    for (measure, path) in measures {
        if let Some(value) = number(&row[path]) {
            numbers.push((entity.to_owned(), at, measure, value));
        }
    }
}

/// Vélib': a row per station; rows without a code do not count.
pub(crate) fn velib(body: &[u8]) -> Vec<Number> {
    let mut numbers = Vec::new();
    for row in serde_json::from_slice::<Vec<Value>>(body).unwrap() {
        let Some(code) = row["stationcode"].as_str() else {
            continue;
        };
        let at = millisecond(row["duedate"].as_str().unwrap());
        let measures = [
            ("bikes", "numbikesavailable"),
            ("mechanical", "mechanical"),
            ("ebikes", "ebike"),
            ("docks", "numdocksavailable"),
            ("capacity", "capacity"),
        ];
        pick(&mut numbers, code, at, &row, &measures);
    }
    numbers
}

/// METAR: knots become metres per second, statute miles become kilometres; "VRB" and calm have no direction.
pub(crate) fn metar(body: &[u8]) -> Vec<Number> {
    let mut numbers = Vec::new();
    for row in serde_json::from_slice::<Vec<Value>>(body).unwrap() {
        let (code, at) = (
            row["icaoId"].as_str().unwrap(),
            row["obsTime"].as_i64().unwrap() * 1000,
        );
        let plain = [
            ("temperature", "temp"),
            ("dew_point", "dewp"),
            ("pressure", "altim"),
        ];
        pick(&mut numbers, code, at, &row, &plain);
        let mut put = |measure, value: Option<f64>| {
            numbers.extend(value.map(|value| (code.to_owned(), at, measure, value)));
        };
        put(
            "wind_speed",
            number(&row["wspd"]).map(|knots| knots * 1852.0 / 3600.0),
        );
        put(
            "wind_gust",
            number(&row["wgst"]).map(|knots| knots * 1852.0 / 3600.0),
        );
        put(
            "wind_direction",
            row["wdir"].as_f64().filter(|degrees| *degrees != 0.0),
        );
        let miles = match &row["visib"] {
            Value::String(text) => text.trim_end_matches('+').parse().ok(),
            other => other.as_f64(),
        };
        put("visibility", miles.map(|miles: f64| miles * 1.609_344));
    }
    numbers
}

/// `éCO2mix`: a bare array, or the records of version 1.
pub(crate) fn eco2mix(body: &[u8]) -> Vec<Number> {
    let body: Value = serde_json::from_slice(body).unwrap();
    let rows: Vec<Value> = match &body {
        Value::Array(rows) => rows.clone(),
        body => body["records"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r["fields"].clone())
            .collect(),
    };
    let mut numbers = Vec::new();
    for row in rows {
        let at = millisecond(row["date_heure"].as_str().unwrap());
        let measures = [
            ("consumption", "consommation"),
            ("forecast", "prevision_j"),
            ("nuclear", "nucleaire"),
            ("wind", "eolien"),
            ("solar", "solaire"),
            ("hydro", "hydraulique"),
            ("gas", "gaz"),
            ("coal", "charbon"),
            ("oil", "fioul"),
            ("bioenergy", "bioenergies"),
            ("pumping", "pompage"),
            ("exchanges", "ech_physiques"),
            ("co2", "taux_co2"),
        ];
        pick(
            &mut numbers,
            row["perimetre"].as_str().unwrap(),
            at,
            &row,
            &measures,
        );
    }
    numbers
}

/// ECB: attributes in single quotes, found by cutting the text.
pub(crate) fn ecb(body: &[u8]) -> Vec<Number> {
    let text = std::str::from_utf8(body).unwrap();
    let after = |text: &str, mark: &str| -> Option<String> {
        let rest = text.split_once(mark)?.1;
        let quote = rest.chars().next()?;
        rest[1..].split(quote).next().map(str::to_owned)
    };
    let date: Date = after(text, " time=").unwrap().parse().unwrap();
    let frankfurt = TimeZone::get("Europe/Berlin").unwrap();
    let at = frankfurt
        .to_timestamp(date.at(14, 15, 0, 0))
        .unwrap()
        .as_millisecond();
    text.split("<Cube currency")
        .skip(1)
        .map(|cube| {
            let cube = format!("<Cube currency{cube}");
            let rate = after(&cube, " rate=").unwrap().parse().unwrap();
            (after(&cube, " currency=").unwrap(), at, "rate", rate)
        })
        .collect()
}

/// Events by id: the version with the latest `updated`. Bodies that shrank at once are not believed.
pub(crate) fn usgs(bodies: &[Vec<u8>]) -> BTreeMap<String, (i64, f64, usize)> {
    let mut counts: Vec<usize> = Vec::new();
    let mut last_generated = 0;
    let mut versions: BTreeMap<String, BTreeSet<(i64, String)>> = BTreeMap::new();
    for body in bodies {
        let body: Value = serde_json::from_slice(body).unwrap();
        let features = body["features"].as_array().unwrap();
        // The two recorded runs lie two months apart: the first says nothing of the second.
        let generated = body["metadata"]["generated"].as_i64().unwrap();
        if generated - last_generated > 2 * 86_400_000 {
            counts.clear();
        }
        last_generated = generated;
        let mut before: Vec<usize> = counts.iter().rev().take(15).copied().collect();
        before.sort_unstable();
        let usual = before.get(before.len() / 2).copied().unwrap_or(0);
        let shrunken = before.len() >= 3 && features.len() * 2 < usual;
        counts.push(features.len());
        if features.is_empty() || shrunken {
            continue;
        }
        for feature in features {
            let properties = &feature["properties"];
            let kept = serde_json::json!([
                properties["mag"],
                feature["geometry"]["coordinates"],
                properties["felt"],
                properties["sig"],
                properties["time"],
                properties["title"],
                properties["place"],
                properties["status"],
                properties["alert"],
                properties["magType"],
                properties["type"],
                properties["url"],
            ]);
            let updated = properties["updated"].as_i64().unwrap();
            let id = feature["id"].as_str().unwrap().to_owned();
            versions
                .entry(id)
                .or_default()
                .insert((updated, kept.to_string()));
        }
    }
    versions
        .into_iter()
        .map(|(id, versions)| {
            let (updated, kept) = versions.last().unwrap();
            let kept: Value = serde_json::from_str(kept).unwrap();
            (id, (*updated, kept[0].as_f64().unwrap(), versions.len()))
        })
        .collect()
}

/// Trip updates per line and local hour in the sixty recorded bodies: line, hour, bodies, their sum. Computed once with Google's
/// own bindings for Python (gtfs-realtime-bindings) by the hour of `header.timestamp` in New York.
pub(crate) const SUBWAY_TRIPS: [(&str, &str, u64, f64); 10] = [
    ("A", "2024-02-08T07", 1, 53.0),
    ("A", "2024-02-08T08", 59, 3102.0),
    ("C", "2024-02-08T07", 1, 26.0),
    ("C", "2024-02-08T08", 59, 1538.0),
    ("E", "2024-02-08T07", 1, 46.0),
    ("E", "2024-02-08T08", 59, 2620.0),
    ("FS", "2024-02-08T07", 1, 17.0),
    ("FS", "2024-02-08T08", 59, 939.0),
    ("H", "2024-02-08T07", 1, 18.0),
    ("H", "2024-02-08T08", 59, 1030.0),
];
