//! Vélib' Métropole on the portal of the city of Paris: bikes at each docking station.
//!
//! An Opendatasoft v2.1 export: one JSON array, text escaped to ASCII, a space after each comma.
//! Each station reports by itself, so that `duedate` is some minutes old and differs from station
//! to station; some stations have been dead for years and are still listed.

use std::{collections::HashSet, fmt::Write};

use jiff::{Timestamp, civil::Weekday, tz::TimeZone};

use super::{
    Ask, Page, World, hill, hour_of_day, instant,
    velib_places::{PLACES, STREETS},
};
use crate::random::{Random, noise};

/// A station: what does not change.
#[derive(Debug)]
pub(crate) struct Station {
    number: u64,
    capacity: i64,
    broken_docks: i64,
    /// Homes around it, against workplaces, from 0.0 to 1.0.
    homes: f64,
    /// Metres above the Seine.
    height: f64,
    /// When it was last heard of, if that was long ago.
    dead_since: Option<Timestamp>,
    /// Seconds between two reports, and after a full period.
    period: i64,
    phase: i64,
    /// JSON up to the figures, and after them.
    head: String,
    tail: String,
}

/// The stations of a seed.
pub(super) fn stations(seed: u64, count: usize) -> Vec<Station> {
    let mut names = HashSet::new();
    let mut in_place = [0_u32; PLACES.len()];
    (0..count as u64)
        .map(|number| station(seed, number, &mut in_place, &mut names))
        .collect()
}

fn station(
    seed: u64,
    number: u64,
    in_place: &mut [u32; PLACES.len()],
    names: &mut HashSet<String>,
) -> Station {
    let mut random = Random::keyed(seed, &[0x0e11b, number]);
    let all: f64 = PLACES.iter().map(|place| place.weight).sum();
    let mut left = random.between(0.0, all);
    let index = PLACES
        .iter()
        .position(|place| {
            left -= place.weight;
            left < 0.0
        })
        .unwrap_or(PLACES.len() - 1);
    let place = &PLACES[index];
    in_place[index] += 1;
    let mut name = station_name(&mut random);
    // Far more pairs than stations; a very large simulation gets numbered names.
    for attempt in 0_u32.. {
        if names.insert(name.clone()) {
            break;
        }
        name = station_name(&mut random);
        if attempt > 40 {
            let _ = write!(name, " {number}");
        }
    }
    let longitude = place.longitude + 0.0075 * random.normal().clamp(-1.8, 1.8);
    let latitude = place.latitude + 0.0052 * random.normal().clamp(-1.8, 1.8);
    let dead = random.chance(0.025);
    let capacity = if random.chance(0.008) {
        0
    } else {
        random.between(16.0, 46.0) as i64 + if random.chance(0.06) { 20 } else { 0 }
    };
    let head = format!(
        "{{\"stationcode\": \"{}{:03}\", \"name\": \"{}\", \"is_installed\": \"{}\", \
         \"capacity\": {capacity}, ",
        place.code,
        in_place[index],
        ascii(&name),
        if dead && random.chance(0.5) {
            "NON"
        } else {
            "OUI"
        },
    );
    let tail = format!(
        "\"coordonnees_geo\": {{\"lon\": {longitude:.6}, \"lat\": {latitude:.6}}}, \
         \"nom_arrondissement_communes\": \"{}\", \"code_insee_commune\": \"{}\"}}",
        ascii(place.commune),
        place.insee,
    );
    // Between 2018 and 2024.
    let long_ago = random.between(1_515_000_000.0, 1_725_000_000.0) as i64;
    Station {
        number,
        capacity,
        broken_docks: i64::from(random.chance(0.4)) + i64::from(random.chance(0.15)),
        homes: (place.homes + 0.15 * random.normal()).clamp(0.0, 1.0),
        height: place.height,
        dead_since: dead.then(|| instant(long_ago)),
        period: random.between(240.0, 420.0) as i64,
        phase: random.between(0.0, 420.0) as i64,
        head,
        tail,
    }
}

fn station_name(random: &mut Random) -> String {
    let first = random.pick(&STREETS);
    let second = random.pick(&STREETS);
    if first == second {
        format!("Place {first}")
    } else {
        format!("{first} - {second}")
    }
}

/// As in the export: letters beyond ASCII are escaped.
fn ascii(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii() {
            escaped.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    escaped
}

/// What a station reports.
struct Report {
    at: Timestamp,
    docks: i64,
    mechanical: i64,
    ebike: i64,
    open: bool,
}

pub(super) fn page(world: &World, ask: &Ask<'_>) -> Page {
    let asked = ask.query.get("timezone");
    let tz = asked
        .and_then(|name| TimeZone::get(name).ok())
        .unwrap_or_else(|| world.paris.clone());
    let count = world.stations.len();
    // The portal does not sort: each publication begins somewhere else.
    let publication = ask.at.as_second().div_euclid(900).cast_unsigned();
    let turn = Random::keyed(world.seed, &[0x0e12, publication]).below(count.max(1));
    let mut json = String::with_capacity(count * 520 + 2);
    json.push('[');
    let rows = (0..count).map(|index| &world.stations[(index + turn) % count]);
    for (index, station) in rows.enumerate() {
        if !ask.shape.keeps(index) {
            continue;
        }
        if json.len() > 1 {
            json.push(',');
        }
        let report = report(world, station, ask.at);
        if ask.shape.null_ids {
            write_without_ids(&mut json, &report, &tz);
        } else {
            write_row(&mut json, station, &report, &tz);
        }
    }
    json.push(']');
    Page::new("application/json; charset=utf-8", json.into_bytes())
}

fn write_row(json: &mut String, station: &Station, report: &Report, tz: &TimeZone) {
    let Report {
        docks,
        mechanical,
        ebike,
        ..
    } = report;
    let bikes = mechanical + ebike;
    let open = if report.open { "OUI" } else { "NON" };
    json.push_str(&station.head);
    let _ = write!(
        json,
        "\"numdocksavailable\": {docks}, \"numbikesavailable\": {bikes}, \
         \"mechanical\": {mechanical}, \"ebike\": {ebike}, \"is_renting\": \"{open}\", \
         \"is_returning\": \"{open}\", \"duedate\": \"{}\", ",
        report.at.display_with_offset(tz.to_offset(report.at)),
    );
    json.push_str(&station.tail);
}

fn write_without_ids(json: &mut String, report: &Report, tz: &TimeZone) {
    let bikes = report.mechanical + report.ebike;
    let docks = report.docks;
    let open = if report.open { "OUI" } else { "NON" };
    let _ = write!(
        json,
        "{{\"stationcode\": null, \"name\": null, \"is_installed\": \"OUI\", \"capacity\": null, \
         \"numdocksavailable\": {docks}, \"numbikesavailable\": {bikes}, \"mechanical\": null, \
         \"ebike\": null, \"is_renting\": \"{open}\", \"is_returning\": \"{open}\", \
         \"duedate\": \"{}\", \"coordonnees_geo\": null, \
         \"nom_arrondissement_communes\": null, \"code_insee_commune\": null}}",
        report.at.display_with_offset(tz.to_offset(report.at)),
    );
}

/// The last report that has reached the portal, a minute after it was sent.
fn report(world: &World, station: &Station, at: Timestamp) -> Report {
    if let Some(dead_since) = station.dead_since {
        return Report {
            at: dead_since,
            docks: 0,
            mechanical: 0,
            ebike: 0,
            open: false,
        };
    }
    let sent = (at.as_second() - 60 - station.phase).div_euclid(station.period) * station.period
        + station.phase;
    let sent = instant(sent);
    let places = (station.capacity - station.broken_docks).max(0);
    let level = level(world, station, sent).clamp(0.0, 1.0);
    let bikes = ((places as f64 * level).round() as i64).min(places);
    let electric = 0.36
        + 0.2
            * noise(
                world.seed,
                &[0x0e13, station.number],
                sent.as_second() as f64 / 9_000.0,
            );
    let ebike = (bikes as f64 * electric).round() as i64;
    Report {
        at: sent,
        docks: places - bikes,
        mechanical: bikes - ebike,
        ebike,
        open: true,
    }
}

/// How full a station is: homes empty in the morning and fill in the evening, workplaces the
/// other way round; at weekends people ride out in the afternoon.
fn level(world: &World, station: &Station, at: Timestamp) -> f64 {
    let hour = hour_of_day(at, &world.paris);
    let date = world.paris.to_offset(at).to_datetime(at).date();
    let weekend = matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
    let away = if weekend {
        0.45 * hill(hour, 16.5, 3.5)
    } else {
        step(hour, 7.0, 9.8) - step(hour, 17.0, 20.2)
    };
    let evening = 0.10 * hill(hour, 22.0, 2.5);
    let home = 0.72 - 0.52 * away - evening;
    let work = 0.20 + 0.56 * away + evening * 0.6;
    let seconds = at.as_second() as f64;
    let own = |of: u64, period: f64| noise(world.seed, &[of, station.number], seconds / period);
    home * station.homes + work * (1.0 - station.homes) - 0.004 * (station.height - 15.0)
        + 0.10 * own(0x0e14, 2_700.0)
        + 0.14 * own(0x0e15, 14_000.0)
        + 0.12 * own(0x0e16, 90_000.0)
}

/// From 0 before `from` to 1 after `to`, without corners.
fn step(hour: f64, from: f64, to: f64) -> f64 {
    let share = ((hour - from) / (to - from)).clamp(0.0, 1.0);
    share * share * (3.0 - 2.0 * share)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::Value;

    use super::*;
    use crate::provider::Shape;

    fn rows_shaped(at: &str, shape: Shape) -> Vec<Value> {
        let ask = Ask {
            at: at.parse().unwrap(),
            query: &HashMap::new(),
            shape,
        };
        serde_json::from_slice(&page(&World::new(2, 400), &ask).bytes).unwrap()
    }

    fn rows(at: &str) -> Vec<Value> {
        rows_shaped(at, Shape::WHOLE)
    }

    #[test]
    fn figures_agree_and_reports_are_one_to_eight_minutes_old() {
        let at: Timestamp = "2026-11-24T11:00:00Z".parse().unwrap();
        let rows = rows("2026-11-24T11:00:00Z");
        assert_eq!(rows.len(), 400);
        let mut dead = 0;
        let mut codes = HashSet::new();
        for row in &rows {
            let whole = |name: &str| row[name].as_i64().unwrap();
            assert!(codes.insert(row["stationcode"].as_str().unwrap()));
            assert_eq!(
                whole("numbikesavailable"),
                whole("mechanical") + whole("ebike")
            );
            assert!(whole("numbikesavailable") + whole("numdocksavailable") <= whole("capacity"));
            let longitude = row["coordonnees_geo"]["lon"].as_f64().unwrap();
            assert!((2.2..2.5).contains(&longitude), "{row}");
            let due = row["duedate"].as_str().unwrap();
            let age = at.duration_since(due.parse().unwrap()).as_secs();
            if row["is_renting"] == "NON" {
                dead += 1;
                assert!(age > 365 * 86_400);
            } else {
                assert!((60..480).contains(&age), "{row}");
                assert!(due.ends_with("+01:00"), "{due}");
            }
        }
        assert!((2..25).contains(&dead), "{dead}");
        assert!(
            rows.iter()
                .any(|row| !row["name"].as_str().unwrap().is_ascii())
        );
    }

    #[test]
    fn homes_empty_in_the_morning_and_workplaces_fill() {
        // A Tuesday; the 20th arrondissement sleeps, the 8th works.
        let share = |at: &str, code: &str| {
            let (mut bikes, mut places) = (0, 0);
            for row in rows(at) {
                let station = row["stationcode"].as_str().unwrap();
                if station.len() == code.len() + 3 && station.starts_with(code) {
                    bikes += row["numbikesavailable"].as_i64().unwrap();
                    places += row["capacity"].as_i64().unwrap();
                }
            }
            bikes as f64 / places as f64
        };
        let (night, noon) = ("2026-11-24T04:00:00Z", "2026-11-24T11:00:00Z");
        assert!(share(night, "20") > share(noon, "20") + 0.2);
        assert!(share(night, "8") < share(noon, "8") - 0.2);
    }

    #[test]
    fn the_order_of_rows_changes_and_the_figures_do_not() {
        let sorted = |mut rows: Vec<Value>| {
            rows.sort_by_key(|row| row["stationcode"].to_string());
            rows
        };
        let (before, after) = (rows("2026-11-24T10:59:59Z"), rows("2026-11-24T11:00:00Z"));
        assert_ne!(before, after);
        let changed = sorted(before)
            .iter()
            .zip(sorted(after))
            .filter(|(before, after)| *before != after)
            .count();
        assert!(changed < 20, "{changed}");
    }

    #[test]
    fn republishing_loses_the_ids_and_nothing_else() {
        let shape = Shape {
            null_ids: true,
            ..Shape::WHOLE
        };
        let rows = rows_shaped("2026-11-24T11:00:00Z", shape);
        assert_eq!(rows.len(), 400);
        assert!(rows.iter().all(|row| row["stationcode"].is_null()));
        assert!(rows.iter().all(|row| row["numbikesavailable"].is_i64()));
    }
}
