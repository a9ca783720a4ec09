//! Aviation Weather Center: airport weather reports (METAR) as JSON.
//!
//! `/api/data/metar?ids=LFPG,LFPO&format=json` gives the newest report of each known airport, and
//! `bbox=48,1,50,3` those of an area. An unknown airport is left out without a word; when nothing is
//! left, the answer is 204 and empty.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Number, Value};

use super::{Ask, Page, World, hill, instant, number, season};
use crate::random::{Random, noise, rounded};

const HALF_HOUR: i64 = 1800;

/// ICAO code, name as the provider writes it, latitude, longitude, elevation in metres.
const AIRPORTS: [(&str, &str, f64, f64, i32); 30] = [
    (
        "LFPG",
        "Paris/Charles de Gaulle, IF, FR",
        49.015,
        2.534,
        108,
    ),
    ("LFPO", "Paris/Orly Arpt, IF, FR", 48.717, 2.384, 86),
    ("LFPB", "Paris/Le Bourget Arpt, IF, FR", 48.967, 2.427, 59),
    ("LFBD", "Bordeaux/Merignac Arpt, AQ, FR", 44.831, -0.691, 48),
    ("LFBO", "Toulouse/Blagnac Arpt, MP, FR", 43.621, 1.379, 151),
    ("LFLL", "Lyon/St Exupery Arpt, RA, FR", 45.726, 5.078, 240),
    ("LFLB", "Chambéry/Aix Les Bains, RA, FR", 45.638, 5.88, 235),
    ("LFML", "Marseille Arpt, PA, FR", 43.438, 5.216, 20),
    ("LFMN", "Nice/Côte d'Azur Arpt, PA, FR", 43.648, 7.209, 3),
    ("LFQQ", "Lille/Lesquin Arpt, NP, FR", 50.572, 3.098, 47),
    ("LFRB", "Brest/Bretagne Arpt, BR, FR", 48.444, -4.412, 99),
    ("LFRN", "Rennes/St Jacques Arpt, BR, FR", 48.072, -1.732, 37),
    ("LFRS", "Nantes Arpt, PL, FR", 47.157, -1.608, 26),
    (
        "LFST",
        "Strasbourg/Entzheim Arpt, AL, FR",
        48.549,
        7.633,
        153,
    ),
    ("EBBR", "Brussels Arpt, BU, BE", 50.902, 4.499, 55),
    (
        "EDDB",
        "Berlin/Brandenburg Arpt, BB, DE",
        52.364,
        13.501,
        47,
    ),
    ("EDDF", "Frankfurt/Main Arpt, HE, DE", 50.026, 8.543, 110),
    ("EGLL", "London/Heathrow Intl, EN, GB", 51.477, -0.461, 25),
    ("EHAM", "Amsterdam/Schiphol Arpt, NH, NL", 52.308, 4.764, -4),
    ("EPWA", "Warsaw/Chopin Arpt, MZ, PL", 52.166, 20.967, 107),
    ("LEMD", "Madrid/Barajas Arpt, MD, ES", 40.472, -3.561, 609),
    ("LIRF", "Rome/Fiumicino Arpt, LZ, IT", 41.8, 12.239, 3),
    ("LPPT", "Lisbon Arpt, LI, PT", 38.774, -9.134, 109),
    ("LSGG", "Geneva Arpt, GE, CH", 46.238, 6.109, 416),
    ("ESSA", "Stockholm/Arlanda Arpt, ST, SE", 59.652, 17.919, 35),
    (
        "KJFK",
        "New York/JF Kennedy Intl, NY, US",
        40.639,
        -73.762,
        3,
    ),
    ("KSFO", "San Francisco Intl, CA, US", 37.62, -122.365, 3),
    ("RJTT", "Tokyo/Haneda Intl, 13, JP", 35.553, 139.781, 7),
    (
        "SBGR",
        "Sao Paulo/Guarulhos Intl, SP, BR",
        -23.432,
        -46.47,
        749,
    ),
    ("YSSY", "Sydney Intl, NS, AU", -33.946, 151.177, 6),
];

const DEFAULT_AIRPORTS: &str = "LFPG,LFPO,LFPB";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    icao_id: &'static str,
    receipt_time: String,
    obs_time: i64,
    /// The observation time again, as text.
    #[serde(rename = "reportTime")]
    nominal_time: String,
    temp: i32,
    dewp: i32,
    wdir: Value,
    wspd: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    wgst: Option<i32>,
    visib: Value,
    altim: i32,
    qc_field: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    wx_string: Option<&'static str>,
    metar_type: &'static str,
    raw_ob: String,
    lat: Number,
    lon: Number,
    elev: i32,
    name: &'static str,
    cover: &'static str,
    clouds: Vec<Cloud>,
    flt_cat: &'static str,
}

#[derive(Debug, Serialize)]
struct Cloud {
    cover: &'static str,
    /// Feet above the airport.
    base: u32,
}

pub(super) fn page(world: &World, ask: &Ask<'_>) -> Page {
    let asked = |name: &str| ask.query.get(name).map_or("", String::as_str);
    let reports: Vec<Report> = airports(asked("ids"), asked("bbox"))
        .into_iter()
        .filter_map(|index| newest(world.seed, index, ask.at))
        .enumerate()
        .filter(|(index, _)| ask.shape.keeps(*index))
        .map(|(_, report)| report)
        .collect();
    let bytes = if reports.is_empty() {
        Vec::new()
    } else {
        serde_json::to_vec(&reports).expect("plain data has a JSON form")
    };
    Page::new("application/json", bytes)
}

/// The airports with these codes, then those in the box of south, west, north and east degrees;
/// Paris when neither is given.
fn airports(ids: &str, bbox: &str) -> Vec<usize> {
    let ids = if ids.is_empty() && bbox.is_empty() {
        DEFAULT_AIRPORTS
    } else {
        ids
    };
    let mut chosen: Vec<usize> = ids
        .split([',', ' '])
        .filter_map(|id| AIRPORTS.iter().position(|(icao, ..)| *icao == id))
        .collect();
    let edges: Vec<f64> = bbox.split(',').flat_map(str::parse).collect();
    if let [south, west, north, east] = edges[..] {
        for (index, (_, _, latitude, longitude, _)) in AIRPORTS.iter().enumerate() {
            let inside = (south..=north).contains(latitude) && (west..=east).contains(longitude);
            if inside && !chosen.contains(&index) {
                chosen.push(index);
            }
        }
    }
    chosen
}

/// The newest report that had been received at `at`.
fn newest(seed: u64, airport: usize, at: Timestamp) -> Option<Report> {
    let slot = at.as_second().div_euclid(HALF_HOUR);
    [slot, slot - 1].into_iter().find_map(|slot| {
        let observed = slot * HALF_HOUR;
        let mut random = Random::keyed(seed, &[0x3e7a, airport as u64, slot.cast_unsigned()]);
        let delay = random.between(180.0, 480.0);
        let received = observed * 1000 + (delay * 1000.0) as i64;
        let received = Timestamp::from_millisecond(received).ok()?;
        (received <= at).then(|| report(seed, airport, observed, received, &mut random))
    })
}

/// What the weather is: shared by the airports of a region, with a little of their own.
struct Weather {
    temperature: f64,
    dew_point: f64,
    /// Knots and degrees.
    wind: f64,
    direction: f64,
    /// Hectopascals.
    pressure: f64,
    /// From -1 (clear) to 1 (overcast).
    cloudiness: f64,
    /// Local solar time.
    hour: f64,
}

fn weather(seed: u64, airport: usize, second: i64) -> Weather {
    let (_, _, latitude, longitude, elevation) = AIRPORTS[airport];
    let region = [
        (latitude / 3.0).round() as i64,
        (longitude / 3.0).round() as i64,
    ]
    .map(i64::cast_unsigned);
    let hours = second as f64 / 3600.0;
    let wave = |of: u64, period: f64| noise(seed, &[of, region[0], region[1]], hours / period);
    let own = |of: u64, period: f64| noise(seed, &[of, airport as u64], hours / period);
    let hour = (hours + longitude / 15.0).rem_euclid(24.0);
    let summer = season(instant(second)) * latitude.signum();
    let sun = ((hour - 15.0) / 24.0 * std::f64::consts::TAU).cos();
    let cloudiness = (0.8 * wave(1, 14.0) + 0.35 * own(2, 3.0)).clamp(-1.0, 1.0);
    let of_day = (30.0 - 0.36 * latitude.abs()).min(27.0)
        + 0.155 * latitude.abs() * summer
        + 4.0 * wave(3, 70.0)
        + 1.2 * own(4, 5.0)
        - f64::from(elevation) * 0.006;
    let swing = (3.8 + 1.4 * summer) * (1.0 - 0.35 * cloudiness);
    let temperature = of_day + swing * sun;
    let dew_point =
        (of_day - 4.0 - 2.5 * wave(5, 30.0) + 0.8 * sun + 2.0 * cloudiness).min(temperature - 0.3);
    Weather {
        temperature,
        dew_point,
        wind: (7.0 + 6.5 * wave(6, 9.0) + 3.0 * hill(hour, 15.0, 4.0) + 2.0 * own(7, 1.0)).max(0.0),
        direction: 225.0 + 140.0 * wave(8, 20.0) + 18.0 * own(9, 1.5),
        pressure: 1016.0 + 13.0 * wave(10, 60.0) + 1.0 * own(11, 6.0),
        cloudiness,
        hour,
    }
}

fn report(
    seed: u64,
    airport: usize,
    observed: i64,
    received: Timestamp,
    random: &mut Random,
) -> Report {
    let (icao_id, name, latitude, longitude, elev) = AIRPORTS[airport];
    let weather = weather(seed, airport, observed);
    let at = instant(observed);
    let temp = weather.temperature.round() as i32;
    let dewp = (weather.dew_point.round() as i32).min(temp);
    let wspd = weather.wind.round() as i32;
    let (wdir, wind_group) = wind(&weather, wspd, random);
    let gust = (wspd >= 12 && random.chance(0.4)).then(|| wspd + random.between(9.0, 18.0) as i32);
    let gust_group = gust.map_or_else(String::new, |gust| format!("G{gust:02}"));

    let (metres, wx_string) = visibility(&weather, temp - dewp, random);
    let clouds = clouds(&weather, metres, random);
    let ceiling = clouds
        .iter()
        .filter(|cloud| matches!(cloud.cover, "BKN" | "OVC"))
        .map(|cloud| cloud.base)
        .min()
        .unwrap_or(u32::MAX);
    let clear = metres >= 10_000 && clouds.is_empty() && wx_string.is_none();
    let sky_group = if clear {
        "CAVOK".to_owned()
    } else {
        let mut groups = vec![format!("{:04}", metres.min(9999))];
        groups.extend(wx_string.map(ToOwned::to_owned));
        if clouds.is_empty() {
            groups.push("NSC".to_owned());
        }
        groups.extend(
            clouds
                .iter()
                .map(|cloud| format!("{}{:03}", cloud.cover, cloud.base / 100)),
        );
        groups.join(" ")
    };
    let miles = f64::from(metres) / 1609.344;
    let altim = weather.pressure.floor() as i32;
    let automatic = if random.chance(0.6) { "AUTO " } else { "" };
    let raw_ob = format!(
        "METAR {icao_id} {} {automatic}{wind_group}{gust_group}KT {sky_group} {}/{} Q{altim:04} NOSIG",
        at.strftime("%d%H%MZ"),
        signed_group(temp),
        signed_group(dewp),
    );
    Report {
        icao_id,
        receipt_time: format!("{received:.3}"),
        obs_time: observed,
        nominal_time: format!("{at:.3}"),
        temp,
        dewp,
        wdir,
        wspd,
        wgst: gust,
        visib: if metres >= 9999 {
            Value::from("6+")
        } else {
            Value::Number(number(rounded(miles, 2)))
        },
        altim,
        qc_field: if automatic.is_empty() { 16 } else { 18 },
        wx_string,
        metar_type: "METAR",
        raw_ob,
        lat: number(latitude),
        lon: number(longitude),
        elev,
        name,
        cover: if clear {
            "CAVOK"
        } else {
            clouds.last().map_or("CLR", |cloud| cloud.cover)
        },
        clouds,
        flt_cat: match (ceiling, miles) {
            (ceiling, miles) if ceiling < 500 || miles < 1.0 => "LIFR",
            (ceiling, miles) if ceiling < 1000 || miles < 3.0 => "IFR",
            (ceiling, miles) if ceiling <= 3000 || miles <= 5.0 => "MVFR",
            _ => "VFR",
        },
    }
}

/// The direction in tens of degrees, "VRB" in light airs, 0 in a calm.
fn wind(weather: &Weather, knots: i32, random: &mut Random) -> (Value, String) {
    if knots == 0 {
        return (Value::from(0), "00000".to_owned());
    }
    if knots <= 4 && random.chance(0.55) {
        return (Value::from("VRB"), format!("VRB{knots:02}"));
    }
    let degrees = (weather.direction / 10.0).round().rem_euclid(36.0) as i32 * 10;
    let degrees = if degrees == 0 { 360 } else { degrees };
    (Value::from(degrees), format!("{degrees:03}{knots:02}"))
}

/// Visibility in metres, and what dims it.
fn visibility(weather: &Weather, spread: i32, random: &mut Random) -> (u32, Option<&'static str>) {
    let still_morning = weather.hour < 9.5 && weather.wind < 6.0;
    if spread <= 1 && still_morning {
        return (*random.pick(&[300, 600, 900]), Some("FG"));
    }
    if spread <= 2 && weather.wind < 9.0 {
        return (*random.pick(&[2500, 3500, 4800]), Some("BR"));
    }
    if weather.cloudiness > 0.55 && random.chance(0.6) {
        let cold = weather.temperature < 0.5;
        let rain = *random.pick(&["-RA", "-RA", "RA", "-SHRA", "-DZ"]);
        let metres = *random.pick(&[5000, 7000, 8000, 10_000]);
        return (metres, Some(if cold { "-SN" } else { rain }));
    }
    (10_000, None)
}

fn clouds(weather: &Weather, metres: u32, random: &mut Random) -> Vec<Cloud> {
    let hundreds =
        |low: f64, high: f64, random: &mut Random| random.between(low, high).round() as u32 * 100;
    let mut clouds = Vec::new();
    if metres < 1000 {
        let base = hundreds(1.0, 4.0, random);
        return vec![Cloud { cover: "OVC", base }];
    }
    let lowest = hundreds(8.0, 45.0, random);
    let layers: &[&'static str] = match weather.cloudiness {
        cover if cover > 0.6 => &["SCT", "OVC"],
        cover if cover > 0.25 => &["FEW", "BKN"],
        cover if cover > 0.0 => &["SCT"],
        cover if cover > -0.25 => &["FEW"],
        _ => &[],
    };
    for (cover, step) in layers.iter().zip(0_u32..) {
        let base = lowest + step * hundreds(5.0, 20.0, random);
        clouds.push(Cloud { cover, base });
    }
    clouds
}

/// Degrees as in a METAR: M03 is three below zero.
fn signed_group(degrees: i32) -> String {
    let sign = if degrees < 0 { "M" } else { "" };
    format!("{sign}{:02}", degrees.abs())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use jiff::SignedDuration;

    use super::*;
    use crate::provider::Shape;

    fn reports(at: Timestamp, ids: &str) -> Vec<Value> {
        let query = HashMap::from([("ids".to_owned(), ids.to_owned())]);
        let ask = Ask {
            at,
            query: &query,
            shape: Shape::WHOLE,
        };
        let page = page(&World::new(11, 0), &ask);
        if page.bytes.is_empty() {
            return Vec::new();
        }
        serde_json::from_slice(&page.bytes).unwrap()
    }

    #[test]
    fn the_newest_report_is_three_to_forty_minutes_old_and_unknown_airports_are_silent() {
        let at: Timestamp = "2026-11-23T10:41:00Z".parse().unwrap();
        let all = reports(at, "LFPG,LFPO,ZZZZ,LFPB");
        let ids: Vec<&str> = all
            .iter()
            .map(|report| report["icaoId"].as_str().unwrap())
            .collect();
        assert_eq!(ids, ["LFPG", "LFPO", "LFPB"]);
        for report in &all {
            let age = at.as_second() - report["obsTime"].as_i64().unwrap();
            assert!((180..2400).contains(&age), "{report}");
            let received: Timestamp = report["receiptTime"].as_str().unwrap().parse().unwrap();
            assert!(received <= at);
        }
        assert!(reports(at, "ZZZZ").is_empty());
    }

    #[test]
    fn airports_are_chosen_by_code_and_by_area() {
        let codes = |ids, bbox| -> Vec<&str> {
            let chosen = airports(ids, bbox);
            chosen.iter().map(|index| AIRPORTS[*index].0).collect()
        };
        assert_eq!(codes("", ""), ["LFPG", "LFPO", "LFPB"]);
        assert_eq!(codes("LFPO,KJFK", ""), ["LFPO", "KJFK"]);
        assert_eq!(codes("", "48,1,50,3"), ["LFPG", "LFPO", "LFPB"]);
        assert_eq!(codes("LFPB", "48.9,1,50,3"), ["LFPB", "LFPG"]);
        assert_eq!(codes("", "0,0,1,1"), [""; 0]);
        assert_eq!(codes("", "nonsense"), [""; 0]);
    }

    #[test]
    fn a_month_shows_warm_afternoons_calms_variable_winds_gusts_and_fog() {
        let start: Timestamp = "2026-11-01T00:05:00Z".parse().unwrap();
        let (mut night, mut afternoon) = (0.0, 0.0);
        let mut seen = HashMap::<&str, usize>::new();
        for step in 0..30 * 48 {
            let at = start + SignedDuration::from_mins(30 * step);
            for report in reports(at, "LFPG,LFPO,LFPB") {
                let raw = report["rawOb"].as_str().unwrap();
                let temperature = report["temp"].as_i64().unwrap();
                assert!(raw.contains(&format!(" {}/", signed_group(temperature as i32))));
                let knots = report["wspd"].as_i64().unwrap();
                let mut see = |what, yes| *seen.entry(what).or_default() += usize::from(yes);
                see("VRB", report["wdir"] == "VRB" && raw.contains(" VRB"));
                see("calm", report["wdir"] == 0 && raw.contains(" 00000KT"));
                see("gust", report["wgst"].is_number() && knots >= 12);
                see(
                    "fog",
                    report["visib"].as_f64().is_some_and(|miles| miles < 1.0),
                );
                see("clear", report["visib"] == "6+");
                let hour = step / 2 % 24;
                match hour {
                    4 => night += temperature as f64,
                    14 => afternoon += temperature as f64,
                    _ => {}
                }
            }
        }
        let mean = |sum: f64| sum / (30.0 * 2.0 * 3.0);
        assert!(mean(afternoon) > mean(night) + 3.0);
        assert!((0.0..14.0).contains(&mean(night)), "{}", mean(night));
        for what in ["VRB", "calm", "gust", "fog", "clear"] {
            assert!(seen[what] > 0, "{seen:?}");
        }
        assert!(seen["clear"] > 30 * 48, "{seen:?}");
    }
}
