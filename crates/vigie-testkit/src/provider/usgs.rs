//! USGS: earthquakes of magnitude 2.5 and more of the past day, as GeoJSON.
//!
//! The list is made anew every minute. An earthquake appears minutes after it happened, from
//! automatic processing; a seismologist reviews it later and corrects magnitude, place and time
//! under the same id. Now and then one turns out to be none and disappears.
//! Format: <https://earthquake.usgs.gov/earthquakes/feed/v1.0/geojson.php>.

use std::f64::consts::TAU;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Number;

use super::{
    Ask, Page, World, instant, number,
    seismic_regions::{REGIONS, Region},
};
use crate::random::{Random, rounded};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// Ids have room for so many earthquakes an hour: half of them for aftershocks.
const PER_HOUR: i64 = 64;
const URL: &str = "https://earthquake.usgs.gov/earthquakes";
const COMPASS: [&str; 16] = [
    "N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW",
    "NNW",
];

#[derive(Debug, Serialize)]
struct FeatureCollection {
    r#type: &'static str,
    metadata: Metadata,
    features: Vec<Feature>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bbox: Option<[Number; 6]>,
}

#[derive(Debug, Serialize)]
struct Metadata {
    generated: i64,
    url: String,
    title: &'static str,
    status: u16,
    api: &'static str,
    count: usize,
}

#[derive(Debug, Serialize)]
struct Feature {
    r#type: &'static str,
    properties: Properties,
    geometry: Geometry,
    id: String,
}

#[derive(Debug, Serialize)]
struct Geometry {
    r#type: &'static str,
    coordinates: [Number; 3],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    mag: Number,
    place: String,
    time: i64,
    updated: i64,
    tz: Option<i64>,
    url: String,
    detail: String,
    felt: Option<u32>,
    cdi: Option<Number>,
    mmi: Option<Number>,
    alert: Option<&'static str>,
    status: &'static str,
    tsunami: u8,
    sig: i64,
    net: &'static str,
    code: String,
    ids: String,
    sources: String,
    types: &'static str,
    nst: Option<u32>,
    dmin: Option<Number>,
    rms: Number,
    gap: Option<Number>,
    mag_type: &'static str,
    r#type: &'static str,
    title: String,
}

/// An earthquake as nature made it.
struct Quake {
    /// Its number in all of time: the hour, and the place in the hour.
    serial: i64,
    region: &'static Region,
    second: f64,
    magnitude: f64,
    /// Kilometres and radians clockwise from north, as seen from the town.
    distance: f64,
    bearing: f64,
    depth: f64,
}

/// What is known about it at some time.
struct Knowledge {
    updated: i64,
    reviewed: bool,
    /// How often it has been revised, from 0.
    revision: u32,
}

pub(super) fn page(world: &World, ask: &Ask<'_>) -> Page {
    let generated = ask.at.as_second().div_euclid(60) * 60;
    let list = List {
        from: generated - DAY,
        to: generated,
        generated,
        url: format!("{URL}/feed/v1.0/summary/2.5_day.geojson"),
        title: "USGS Magnitude 2.5+ Earthquakes, Past Day",
    };
    Page {
        last_modified: Some(instant(generated)),
        ..list.page(world, ask)
    }
}

/// The catalogue by the web service of the FDSN, with all that is known by now. Times without offset are UTC.
pub(super) fn history(world: &World, ask: &Ask<'_>) -> Page {
    let now = ask.at.as_second();
    let time = |name: &str, otherwise: i64| {
        let text = ask.query.get(name).map_or("", String::as_str);
        let at = format!("{}Z", text.trim_end_matches('Z')).parse::<Timestamp>();
        at.map_or(otherwise, Timestamp::as_second)
    };
    let list = List {
        from: time("starttime", now - 30 * DAY),
        to: time("endtime", now).min(now),
        generated: now,
        url: "https://earthquake.usgs.gov/fdsnws/event/1/query".to_owned(),
        title: "USGS Earthquakes",
    };
    list.page(world, ask)
}

/// What a list says of itself.
struct List {
    from: i64,
    to: i64,
    generated: i64,
    url: String,
    title: &'static str,
}

impl List {
    fn page(self, world: &World, ask: &Ask<'_>) -> Page {
        let generated = self.generated;
        let mut known: Vec<(Quake, Knowledge)> = quakes(world.seed, self.from, self.to)
            .into_iter()
            .filter_map(|quake| {
                let knowledge = knowledge(world.seed, &quake, generated)?;
                Some((quake, knowledge))
            })
            .collect();
        known.sort_by(|(left, _), (right, _)| right.second.total_cmp(&left.second));
        let features: Vec<Feature> = known
            .iter()
            .enumerate()
            .filter(|(index, _)| ask.shape.keeps(*index))
            .map(|(_, (quake, knowledge))| feature(world.seed, quake, knowledge))
            .collect();
        let whole = features.len() == known.len();
        let collection = FeatureCollection {
            r#type: "FeatureCollection",
            metadata: Metadata {
                generated: generated * 1000,
                url: self.url,
                title: self.title,
                status: 200,
                // A thinner list comes from another server.
                api: if whole { "1.14.1" } else { "2.2.0" },
                count: features.len(),
            },
            bbox: bounding_box(&features),
            features,
        };
        let bytes = serde_json::to_vec(&collection).expect("plain data has a JSON form");
        Page::new("application/json; charset=utf-8", bytes)
    }
}

/// The earthquakes that happened after `from` and not after `to`, in seconds.
fn quakes(seed: u64, from: i64, to: i64) -> Vec<Quake> {
    let mut quakes = Vec::with_capacity(96);
    for hour in from.div_euclid(HOUR)..=to.div_euclid(HOUR) {
        background(seed, hour, &mut quakes);
    }
    // The aftershocks of a sequence reach into the next day.
    for day in from.div_euclid(DAY) - 1..=to.div_euclid(DAY) {
        sequence(seed, day, &mut quakes);
    }
    let window = from as f64..to as f64;
    quakes.retain(|quake| window.contains(&quake.second));
    quakes
}

/// The independent earthquakes of an hour.
fn background(seed: u64, hour: i64, quakes: &mut Vec<Quake>) {
    let mut random = Random::keyed(seed, &[0x9ea, hour.cast_unsigned()]);
    let mut place = 0;
    for region in &REGIONS {
        for _ in 0..random.poisson(region.a_day / 24.0) {
            if place == PER_HOUR / 2 {
                return;
            }
            let magnitude = gutenberg_richter(region.smallest, 6.2, &mut random);
            quakes.push(Quake {
                serial: hour * PER_HOUR + place,
                region,
                second: (hour * HOUR) as f64 + random.between(0.0, 3600.0),
                magnitude,
                distance: region.reach * random.unit().sqrt(),
                bearing: random.between(0.0, TAU),
                depth: region.depth * random.between(0.6, 1.5),
            });
            place += 1;
        }
    }
}

/// The mainshock of a day (of UTC), between 4:00 and 11:00, and its aftershocks by Omori's law.
fn sequence(seed: u64, day: i64, quakes: &mut Vec<Quake>) {
    let mut random = Random::keyed(seed, &[0x9eb, day.cast_unsigned()]);
    let great: Vec<&Region> = REGIONS.iter().filter(|region| region.great).collect();
    let region = *random.pick(&great);
    let second = (day * DAY) as f64 + random.between(4.0, 11.0) * 3600.0;
    let magnitude = random.between(6.1, 7.4);
    let serial = second as i64 / HOUR * PER_HOUR + PER_HOUR / 2;
    let distance = region.reach * random.between(0.3, 0.9);
    let bearing = random.between(0.0, TAU);
    quakes.push(Quake {
        serial,
        region,
        second,
        magnitude,
        distance,
        bearing,
        depth: region.depth * random.between(0.5, 0.9),
    });
    let count = 6 + ((magnitude - 6.0) * 17.0) as i64;
    for place in 1..=count.min(PER_HOUR / 2 - 1) {
        // Times whose density falls as 1 / (t + c), from the mainshock to a day later.
        let c = 600.0;
        let later = c * ((1.0 + DAY as f64 / c).powf(random.unit()) - 1.0);
        let length = 10_f64.powf(0.5 * magnitude - 1.85);
        quakes.push(Quake {
            serial: serial + place,
            region,
            second: second + 20.0 + later,
            magnitude: gutenberg_richter(region.smallest, magnitude - 1.1, &mut random),
            distance: (distance + length * random.normal().clamp(-1.5, 1.5)).abs(),
            bearing: bearing + 0.25 * random.normal(),
            depth: region.depth * random.between(0.3, 1.2),
        });
    }
}

/// Ten times fewer for each unit of magnitude (b = 1), none above `largest`.
fn gutenberg_richter(smallest: f64, largest: f64, random: &mut Random) -> f64 {
    let cut = 1.0 - 10_f64.powf(smallest - largest);
    smallest - (1.0 - cut * random.unit()).log10()
}

/// What is published about an earthquake at `now`; nothing before the first message, nor after it
/// has been withdrawn.
fn knowledge(seed: u64, quake: &Quake, now: i64) -> Option<Knowledge> {
    let mut random = Random::keyed(seed, &[0x9ec, quake.serial.cast_unsigned()]);
    let local = quake.region.smallest < 4.0;
    let minutes = |low: f64, high: f64, random: &mut Random| random.between(low, high) * 60.0;
    let first = if local {
        minutes(2.0, 9.0, &mut random)
    } else {
        minutes(8.0, 35.0, &mut random)
    };
    let review = first + minutes(6.0, 200.0, &mut random);
    let reports = review + minutes(20.0, 240.0, &mut random);
    let reviewed = random.chance(0.8);
    let withdrawn = quake.magnitude < 4.6 && random.chance(0.08);
    let revised_again = quake.magnitude > 5.4 || random.chance(0.3);
    let happened = quake.second;
    let since = now as f64 - happened;
    if since < first || (withdrawn && since >= review) {
        return None;
    }
    let (after, revision) = match () {
        () if since < review || !reviewed => (first, 0),
        () if since < reports || !revised_again => (review, 1),
        () => (reports, 2),
    };
    Some(Knowledge {
        updated: ((happened + after) * 1000.0) as i64,
        reviewed: revision > 0,
        revision,
    })
}

fn feature(seed: u64, quake: &Quake, knowledge: &Knowledge) -> Feature {
    let region = quake.region;
    let local = region.smallest < 4.0;
    let keys = [0x9ed, quake.serial.cast_unsigned()];
    let mut random = Random::keyed(seed, &keys);
    // Automatic values are off by some tenths; the review gives the true ones.
    let doubt = if knowledge.reviewed { 0.0 } else { 1.0 };
    let mag = quake.magnitude + doubt * (0.16 * random.normal()).clamp(-0.4, 0.4);
    let mag = rounded(mag.max(2.5), 1);
    let milliseconds = (quake.second * 1000.0 + doubt * 700.0 * random.normal()).round() as i64;
    let distance = (quake.distance + doubt * 4.0 * random.normal()).abs();
    let depth = if !knowledge.reviewed && !local {
        10.0
    } else {
        rounded(quake.depth, 3)
    };
    let (latitude, longitude) = destination(region, distance, quake.bearing);
    let place = if region.town {
        let point = (quake.bearing / TAU * 16.0).round().rem_euclid(16.0) as usize;
        format!("{distance:.0} km {} of {}", COMPASS[point], region.name)
    } else {
        region.name.to_owned()
    };
    let (net, first_characters) = region.network;
    let code = format!("{first_characters}{}", base36(quake.serial));
    let id = format!("{net}{code}");
    let felt = felt(mag, depth, knowledge.revision, &mut random);
    let strong = mag >= 5.5;
    let alert = if mag >= 7.0 { "yellow" } else { "green" };
    // In the desert of Nevada few stations hear the small ones.
    let few = (net == "nn" && mag < 3.2) || random.chance(0.04);
    let nst = (!few).then(|| (18.0 + 22.0 * (mag - 2.5) * random.between(0.6, 1.5)) as u32);
    let (nearest, rms, gap) = (random.unit(), random.unit(), random.unit());
    let dmin = if local {
        0.02 + nearest
    } else {
        0.4 + nearest * 7.0
    };
    let alias = (local && mag >= 4.0).then(|| format!("us7000{}", base36(quake.serial + 7)));
    Feature {
        r#type: "Feature",
        properties: Properties {
            mag: number(mag),
            title: format!("M {mag:.1} - {place}"),
            place,
            time: milliseconds,
            updated: knowledge.updated,
            tz: None,
            url: format!("{URL}/eventpage/{id}"),
            detail: format!("{URL}/feed/v1.0/detail/{id}.geojson"),
            felt,
            cdi: felt.map(|_| number(rounded(1.0 + (mag - 2.5) * 1.1, 1))),
            mmi: strong.then(|| number(rounded(mag - 1.4 + 0.6 * rms, 3))),
            alert: strong.then_some(alert),
            status: if knowledge.reviewed {
                "reviewed"
            } else {
                "automatic"
            },
            tsunami: u8::from(mag >= 6.4),
            // The provider's measure of significance, without reports: 650 at magnitude 6.5.
            sig: (mag * mag * 1000.0 / 65.0).round() as i64,
            net,
            ids: alias
                .as_ref()
                .map_or_else(|| format!(",{id},"), |alias| format!(",{id},{alias},")),
            sources: if alias.is_some() {
                format!(",{net},us,")
            } else {
                format!(",{net},")
            },
            types: if felt.is_some() {
                ",dyfi,origin,phase-data,"
            } else {
                ",origin,phase-data,"
            },
            code,
            nst,
            dmin: (!few).then(|| number(rounded(dmin, 3))),
            rms: number(rounded(0.15 + rms, 2)),
            gap: (!few).then(|| number((22.0 + gap * 160.0).round())),
            mag_type: magnitude_type(mag, local, knowledge.reviewed),
            r#type: "earthquake",
        },
        geometry: Geometry {
            r#type: "Point",
            coordinates: [
                number(rounded(longitude, 4)),
                number(rounded(latitude, 4)),
                number(depth),
            ],
        },
        id,
    }
}

fn magnitude_type(magnitude: f64, local: bool, reviewed: bool) -> &'static str {
    match (local, reviewed) {
        _ if magnitude >= 6.0 => "mww",
        _ if magnitude >= 5.2 && reviewed => "mwr",
        (true, _) => "ml",
        (false, _) => "mb",
    }
}

/// How many people have told that they felt it: more with each revision.
fn felt(magnitude: f64, depth: f64, revision: u32, random: &mut Random) -> Option<u32> {
    let share = random.unit();
    let tellers = 10_f64.powf((magnitude - 3.2) * 0.75 - depth / 150.0) * share;
    let tellers = tellers * f64::from(revision + 1);
    (tellers >= 1.0).then_some(tellers as u32)
}

/// The point at a distance in kilometres and a bearing from a place, on a sphere.
fn destination(region: &Region, distance: f64, bearing: f64) -> (f64, f64) {
    let angle = distance / 6371.0;
    let latitude = region.latitude.to_radians();
    let sine = latitude.sin() * angle.cos() + latitude.cos() * angle.sin() * bearing.cos();
    let east = bearing.sin() * angle.sin() * latitude.cos();
    let turn = east.atan2(angle.cos() - latitude.sin() * sine);
    let longitude = region.longitude + turn.to_degrees();
    let longitude = (longitude + 180.0).rem_euclid(360.0) - 180.0;
    (sine.asin().to_degrees(), longitude)
}

/// Four characters; no two earthquakes of three years share them.
fn base36(serial: i64) -> String {
    let mut rest = serial.rem_euclid(36_i64.pow(4));
    let mut digits = [b'0'; 4];
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdefghijklmnopqrstuvwxyz"[(rest % 36) as usize];
        rest /= 36;
    }
    String::from_utf8_lossy(&digits).into_owned()
}

fn bounding_box(features: &[Feature]) -> Option<[Number; 6]> {
    let first = features.first()?;
    let mut bounds = [&first.geometry.coordinates; 2].map(|at| at.clone().map(|one| value(&one)));
    for feature in features {
        for (axis, one) in feature.geometry.coordinates.iter().enumerate() {
            bounds[0][axis] = bounds[0][axis].min(value(one));
            bounds[1][axis] = bounds[1][axis].max(value(one));
        }
    }
    let [low, high] = bounds;
    Some([low[0], low[1], low[2], high[0], high[1], high[2]].map(number))
}

fn value(number: &Number) -> f64 {
    number.as_f64().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap, HashSet};

    use jiff::{SignedDuration, Timestamp};
    use serde_json::Value;

    use super::*;
    use crate::provider::Shape;

    fn body_shaped(at: Timestamp, shape: Shape) -> Value {
        let ask = Ask {
            at,
            query: &HashMap::new(),
            shape,
        };
        serde_json::from_slice(&page(&World::new(42, 0), &ask).bytes).unwrap()
    }

    fn start() -> Timestamp {
        "2026-11-23T23:00:00Z".parse().unwrap()
    }

    fn polls(every: i64, count: i64) -> impl Iterator<Item = Value> {
        (0..count).map(move |poll| {
            body_shaped(
                start() + SignedDuration::from_mins(every * poll),
                Shape::WHOLE,
            )
        })
    }

    #[test]
    fn the_past_day_has_a_few_dozen_events_newest_first_with_a_mainshock() {
        let body = body_shaped(start() + SignedDuration::from_hours(20), Shape::WHOLE);
        let features = body["features"].as_array().unwrap();
        assert_eq!(body["metadata"]["count"], features.len());
        assert!((25..130).contains(&features.len()), "{}", features.len());
        let times: Vec<i64> = features
            .iter()
            .map(|one| one["properties"]["time"].as_i64().unwrap())
            .collect();
        let generated = body["metadata"]["generated"].as_i64().unwrap();
        assert!(times.windows(2).all(|pair| pair[0] + 5_000 >= pair[1]));
        assert!(
            times
                .iter()
                .all(|time| generated - time <= (DAY + 5) * 1000)
        );
        let ids: HashSet<_> = features.iter().map(|one| one["id"].to_string()).collect();
        assert_eq!(ids.len(), features.len());
        let magnitude = |one: &Value| one["properties"]["mag"].as_f64().unwrap();
        assert!(features.iter().any(|one| magnitude(one) >= 6.0));
        assert!(features.iter().all(|one| one["properties"]["tz"].is_null()));
        let small = features.iter().filter(|one| magnitude(one) < 5.0).count();
        assert!(small * 2 > features.len());
    }

    #[test]
    fn events_are_revised_under_the_same_id_and_sometimes_withdrawn() {
        let mut seen: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        let mut withdrawn = HashSet::new();
        for body in polls(15, 192) {
            let now = body["metadata"]["generated"].as_i64().unwrap();
            let mut here = HashSet::new();
            for feature in body["features"].as_array().unwrap() {
                let id = feature["id"].as_str().unwrap().to_owned();
                assert!(feature["properties"]["updated"].as_i64().unwrap() <= now);
                let versions = seen.entry(id.clone()).or_default();
                if versions.last() != Some(&feature["properties"]) {
                    versions.push(feature["properties"].clone());
                }
                here.insert(id);
            }
            for (id, versions) in &seen {
                let time = versions.last().unwrap()["time"].as_i64().unwrap();
                if !here.contains(id) && time > now - 20 * HOUR * 1000 {
                    withdrawn.insert(id.clone());
                }
            }
        }
        let revised: Vec<_> = seen
            .values()
            .filter(|versions| versions.len() > 1)
            .collect();
        assert!(revised.len() > 20, "{}", revised.len());
        for versions in &revised {
            for pair in versions.windows(2) {
                assert!(pair[0]["updated"].as_i64() < pair[1]["updated"].as_i64());
            }
        }
        let changed = revised
            .iter()
            .filter(|versions| versions[0]["mag"] != versions.last().unwrap()["mag"]);
        assert!(changed.count() > 5);
        let reviewed = revised.iter().filter(|versions| {
            versions[0]["status"] == "automatic" && versions.last().unwrap()["status"] == "reviewed"
        });
        assert!(reviewed.count() > 10);
        assert!(!withdrawn.is_empty());
        assert!(withdrawn.len() * 8 < seen.len(), "{}", withdrawn.len());
    }

    #[test]
    fn magnitudes_follow_gutenberg_and_richter() {
        let mut random = Random::keyed(1, &[]);
        let all: Vec<f64> = (0..20_000)
            .map(|_| gutenberg_richter(2.5, 7.0, &mut random))
            .collect();
        let above = |limit: f64| all.iter().filter(|one| **one >= limit).count() as f64;
        assert!((above(3.5) / above(2.5) - 0.1).abs() < 0.01);
        assert!(all.iter().all(|one| (2.5..7.0).contains(one)));
    }

    #[test]
    fn the_count_can_flip_to_nothing() {
        let shape = Shape {
            keep: 0.0,
            ..Shape::WHOLE
        };
        let body = body_shaped(start(), shape);
        assert_eq!(body["metadata"]["count"], 0);
        assert_eq!(body["metadata"]["status"], 200);
        assert_eq!(body["features"], Value::Array(Vec::new()));
    }

    #[test]
    fn destinations_lie_where_the_place_says() {
        let tonga = REGIONS
            .iter()
            .find(|one| one.name.starts_with("Hihifo"))
            .unwrap();
        let (latitude, longitude) = destination(tonga, 111.2, 0.0);
        assert!((latitude - tonga.latitude - 1.0).abs() < 0.01);
        assert!((longitude - tonga.longitude).abs() < 0.001);
        let (_, over_the_date_line) = destination(tonga, 900.0, TAU * 0.75);
        assert!(over_the_date_line > 170.0, "{over_the_date_line}");
    }
}
