//! RTE, `éCO2mix`: electricity in France by the quarter of an hour.
//!
//! An Opendatasoft v2.1 envelope. A quarter appears half an hour late; hours later its figures are
//! corrected a little. Some columns are numbers in strings, and an export is negative.

use jiff::Timestamp;
use serde::Serialize;

use super::{Ask, Page, World, hill, hour_of_day, instant, season};
use crate::random::{Random, noise};

const QUARTER: i64 = 900;
/// How far the list reaches back.
const REACH: i64 = 24 * 3600 + 1800;
/// How far the data set reaches back.
const HISTORY: i64 = 50 * 24 * 3600;
const DEFAULT_LIMIT: usize = 10;
const LARGEST_LIMIT: usize = 100;

#[derive(Debug, Serialize)]
struct Envelope {
    total_count: usize,
    results: Vec<Row>,
}

/// All powers in megawatts, in the provider's order of columns.
#[derive(Debug, Serialize)]
struct Row {
    perimetre: &'static str,
    nature: &'static str,
    date: String,
    heure: String,
    date_heure: String,
    consommation: i64,
    prevision_j1: i64,
    prevision_j: i64,
    fioul: i64,
    charbon: i64,
    gaz: i64,
    nucleaire: i64,
    eolien: i64,
    eolien_terrestre: String,
    eolien_offshore: String,
    solaire: i64,
    hydraulique: i64,
    pompage: i64,
    bioenergies: i64,
    ech_physiques: i64,
    taux_co2: i64,
    ech_comm_angleterre: i64,
    ech_comm_espagne: i64,
    ech_comm_italie: i64,
    ech_comm_suisse: i64,
    ech_comm_allemagne_belgique: i64,
    fioul_tac: i64,
    fioul_cogen: i64,
    fioul_autres: i64,
    gaz_tac: i64,
    gaz_cogen: i64,
    gaz_ccg: i64,
    gaz_autres: i64,
    hydraulique_fil_eau_eclusee: i64,
    hydraulique_lacs: i64,
    hydraulique_step_turbinage: i64,
    bioenergies_dechets: i64,
    bioenergies_biomasse: i64,
    bioenergies_biogaz: i64,
    stockage_batterie: String,
    destockage_batterie: String,
}

pub(super) fn page(world: &World, ask: &Ask<'_>) -> Page {
    let whole = |name: &str| ask.query.get(name).and_then(|text| text.parse().ok());
    let limit = whole("limit").unwrap_or(DEFAULT_LIMIT).min(LARGEST_LIMIT);
    let offset = whole("offset").unwrap_or(0);
    let newest_first = ask.query.get("order_by").is_some_and(|order| {
        let order = order.trim().to_ascii_lowercase();
        order == "-date_heure" || order.starts_with("date_heure desc")
    });
    let last = ask.at.as_second().div_euclid(QUARTER);
    let first = (ask.at.as_second() - REACH).div_euclid(QUARTER) + 1;
    let mut quarters: Vec<i64> = (first..=last)
        .filter(|quarter| publication(world.seed, *quarter) <= ask.at)
        .enumerate()
        .filter(|(index, _)| ask.shape.keeps(*index))
        .map(|(_, quarter)| quarter)
        .collect();
    if newest_first {
        quarters.reverse();
    }
    let results = quarters
        .iter()
        .skip(offset)
        .take(limit)
        .map(|quarter| row(world, *quarter, ask.at))
        .collect();
    let envelope = Envelope {
        total_count: quarters.len(),
        results,
    };
    let bytes = serde_json::to_vec(&envelope).expect("plain data has a JSON form");
    Page::new("application/json; charset=utf-8", bytes)
}

/// The export of a stretch of time: all its rows at once, without an envelope.
pub(super) fn history(world: &World, ask: &Ask<'_>) -> Page {
    let condition = ask.query.get("where").map_or("", String::as_str);
    let bound = |comparison: &str| {
        let (_, rest) = condition.split_once(&format!("date_heure {comparison} date'"))?;
        rest.split_once('\'')?.0.parse::<Timestamp>().ok()
    };
    let now = ask.at.as_second();
    let from = bound(">=")
        .map_or(i64::MIN, Timestamp::as_second)
        .max(now - HISTORY);
    let to = bound("<").map_or(i64::MAX, Timestamp::as_second).min(now);
    let rows: Vec<Row> = (from.div_euclid(QUARTER)..=to.div_euclid(QUARTER))
        .filter(|quarter| (from..to).contains(&(quarter * QUARTER)))
        .filter(|quarter| publication(world.seed, *quarter) <= ask.at)
        .enumerate()
        .filter(|(index, _)| ask.shape.keeps(*index))
        .map(|(_, quarter)| row(world, quarter, ask.at))
        .collect();
    let bytes = serde_json::to_vec(&rows).expect("plain data has a JSON form");
    Page::new("application/json; charset=utf-8", bytes)
}

/// When a quarter appears: half an hour after it, give or take some minutes.
fn publication(seed: u64, quarter: i64) -> Timestamp {
    let delay = Random::keyed(seed, &[0xec0, quarter.cast_unsigned()]).between(1500.0, 2100.0);
    instant(quarter * QUARTER + delay as i64)
}

/// When its figures are corrected: three to six hours after it.
fn correction(seed: u64, quarter: i64) -> Timestamp {
    let delay = Random::keyed(seed, &[0xec1, quarter.cast_unsigned()]).between(3.0, 6.0) * 3600.0;
    instant(quarter * QUARTER + delay as i64)
}

fn row(world: &World, quarter: i64, at: Timestamp) -> Row {
    let seed = world.seed;
    let time = instant(quarter * QUARTER);
    let local = world.paris.to_offset(time).to_datetime(time);
    let hour = hour_of_day(time, &world.paris);
    let hours = quarter as f64 / 4.0;
    let wave = |of: u64, period: f64| noise(seed, &[0xec2, of], hours / period);
    let mut random = Random::keyed(seed, &[0xec3, quarter.cast_unsigned()]);
    // What the first publication is off by; nothing once it has been corrected.
    let corrected = correction(seed, quarter) <= at;
    let mut first_figure = |value: f64, share: f64| {
        let wrong = 1.0 + share * random.normal().clamp(-2.0, 2.0);
        (if corrected { value } else { value * wrong }).round() as i64
    };

    let summer = season(time);
    let rest_day = local.date().weekday().to_monday_zero_offset() >= 5;
    let rhythm = 1.0 - 0.15 * hill(hour, 4.2, 3.4)
        + 0.035 * hill(hour, 9.0, 2.0)
        + 0.085 * hill(hour, 12.9, 1.9)
        + 0.115 * hill(hour, 19.0, 1.9)
        - if rest_day { 0.09 } else { 0.0 };
    let true_demand =
        (53_000.0 - 9_500.0 * summer + 2_500.0 * wave(0, 40.0)) * rhythm + 180.0 * wave(1, 0.5);
    let consommation = first_figure(true_demand, 0.003);

    let noon = 11.85;
    let half_day = 6.1 + 2.0 * summer;
    let utc_hour = hours.rem_euclid(24.0);
    let height = ((utc_hour - noon) / half_day).clamp(-1.0, 1.0);
    let sun = (height * std::f64::consts::FRAC_PI_2).cos().powf(1.3);
    let sky = 0.72 + 0.28 * wave(2, 5.0);
    let solaire = first_figure((12_500.0 + 6_500.0 * summer) * sun * sky, 0.01);
    let eolien = first_figure(
        1_800.0 + 11_000.0 * f64::midpoint(wave(3, 17.0), 1.0).powf(1.6),
        0.008,
    );
    let offshore = eolien * 7 / 100;
    let nucleaire = (44_500.0 - 6_500.0 * summer + 900.0 * wave(4, 30.0)) as i64 - solaire / 6;

    let tension = ((rhythm - 0.97) * 10.0).clamp(-1.0, 1.3);
    let run_of_river = (3_100.0 + 300.0 * wave(5, 24.0)) as i64;
    let lakes = (1_700.0 + 1_500.0 * tension + 150.0 * wave(6, 1.0)).max(200.0) as i64;
    let turbines = (2_300.0 * tension).max(0.0) as i64;
    let pompage = -((-2_600.0 * tension).max(0.0) as i64);
    let waste = 375 + (8.0 * wave(7, 6.0)) as i64;
    let biomass = 240 + (10.0 * wave(8, 9.0)) as i64;
    let bioenergies = waste + biomass + 304;
    let cogeneration = (700.0 - 400.0 * summer) as i64;
    let combined_cycle =
        (900.0 + 1_500.0 * tension - 900.0 * summer + 300.0 * wave(9, 8.0)).max(130.0) as i64;
    let peaking = if tension > 1.0 { 340 } else { 0 };
    let gaz = cogeneration + combined_cycle + peaking;
    let fioul = 70 + peaking / 3;
    let charging = -((60.0 * sun) as i64);
    let discharging = (80.0 * hill(hour, 19.5, 1.5)) as i64;

    let hydraulique = run_of_river + lakes + turbines;
    let production = fioul + gaz + nucleaire + eolien + solaire + hydraulique + bioenergies;
    let ech_physiques = consommation - production - pompage - charging - discharging;
    let border = |share: f64, of: u64| {
        (ech_physiques as f64 * share + 350.0 * noise(seed, &[0xec4, of], hours.floor() / 3.0))
            .round() as i64
    };
    let grams = 429 * gaz + 777 * fioul + 494 * bioenergies;
    let forecast = |share: f64, of: u64| {
        let expected = true_demand * (1.0 + share * wave(of, 6.0));
        (expected / 50.0).round() as i64 * 50
    };
    Row {
        perimetre: "France",
        nature: "Données temps réel",
        date: local.date().to_string(),
        heure: format!("{:02}:{:02}", local.hour(), local.minute()),
        date_heure: time.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string(),
        consommation,
        prevision_j1: forecast(0.02, 10),
        prevision_j: forecast(0.01, 11),
        fioul,
        charbon: 0,
        gaz,
        nucleaire,
        eolien,
        eolien_terrestre: (eolien - offshore).to_string(),
        eolien_offshore: offshore.to_string(),
        solaire,
        hydraulique,
        pompage,
        bioenergies,
        ech_physiques,
        taux_co2: grams / production.max(1),
        ech_comm_angleterre: border(0.24, 0),
        ech_comm_espagne: border(0.09, 1),
        ech_comm_italie: border(0.17, 2),
        ech_comm_suisse: border(0.17, 3),
        ech_comm_allemagne_belgique: border(0.33, 4),
        fioul_tac: peaking / 3,
        fioul_cogen: 70,
        fioul_autres: 0,
        gaz_tac: peaking,
        gaz_cogen: cogeneration,
        gaz_ccg: combined_cycle,
        gaz_autres: 0,
        hydraulique_fil_eau_eclusee: run_of_river,
        hydraulique_lacs: lakes,
        hydraulique_step_turbinage: turbines,
        bioenergies_dechets: waste,
        bioenergies_biomasse: biomass,
        bioenergies_biogaz: 304,
        stockage_batterie: charging.to_string(),
        destockage_batterie: discharging.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::Value;

    use super::*;
    use crate::provider::Shape;

    fn body(at: &str, query: &[(&str, &str)]) -> Value {
        let query: HashMap<String, String> = query
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let ask = Ask {
            at: at.parse().unwrap(),
            query: &query,
            shape: Shape::WHOLE,
        };
        serde_json::from_slice(&page(&World::new(3, 0), &ask).bytes).unwrap()
    }

    fn newest_first(at: &str) -> Vec<Value> {
        let body = body(at, &[("order_by", "date_heure desc"), ("limit", "100")]);
        body["results"].as_array().unwrap().clone()
    }

    #[test]
    fn limit_offset_and_order_are_honoured() {
        let at = "2026-11-24T12:00:00Z";
        let all = newest_first(at);
        assert!((94..=98).contains(&all.len()), "{}", all.len());
        let second = body(
            at,
            &[("order_by", "-date_heure"), ("limit", "1"), ("offset", "1")],
        );
        assert_eq!(second["results"][0], all[1]);
        assert_eq!(second["total_count"], all.len());
        let unordered = body(at, &[]);
        assert_eq!(unordered["results"].as_array().unwrap().len(), 10);
        assert_eq!(unordered["results"][0], all[all.len() - 1]);
    }

    #[test]
    fn a_day_has_its_peaks_its_sun_and_its_balance() {
        // A Tuesday; the rows reach from Monday 23:30 to Tuesday 23:15 in Paris.
        let rows = newest_first("2026-11-24T22:59:00Z");
        let value = |row: &Value, name: &str| match &row[name] {
            Value::String(text) => text.parse::<i64>().unwrap(),
            other => other.as_i64().unwrap(),
        };
        let at_hour = |hour: &str, name: &str| {
            let row = rows.iter().find(|row| row["heure"] == hour).unwrap();
            value(row, name)
        };
        let demand = |hour: &str| at_hour(hour, "consommation");
        assert!(demand("13:00") > demand("10:30") && demand("13:00") > demand("16:00"));
        assert!(demand("19:00") > demand("16:30") && demand("19:00") > demand("22:00"));
        assert!(
            (40_000..60_000).contains(&demand("04:00")),
            "{}",
            demand("04:00")
        );
        assert_eq!(at_hour("03:00", "solaire"), 0);
        assert!(at_hour("12:45", "solaire") > 1_500);
        for row in &rows {
            let sum: i64 = [
                "fioul",
                "charbon",
                "gaz",
                "nucleaire",
                "eolien",
                "solaire",
                "hydraulique",
                "pompage",
                "bioenergies",
                "ech_physiques",
                "stockage_batterie",
                "destockage_batterie",
            ]
            .iter()
            .map(|name| value(row, name))
            .sum();
            assert_eq!(sum, value(row, "consommation"), "{row}");
            assert!((5..90).contains(&value(row, "taux_co2")), "{row}");
            let wind = value(row, "eolien_terrestre") + value(row, "eolien_offshore");
            assert_eq!(wind, value(row, "eolien"));
        }
    }

    #[test]
    fn figures_come_late_and_are_corrected_later() {
        let early = newest_first("2026-11-24T12:00:00Z");
        let newest: Timestamp = early[0]["date_heure"].as_str().unwrap().parse().unwrap();
        let late = "2026-11-24T12:00:00Z".parse::<Timestamp>().unwrap() - newest;
        assert!((25..=50).contains(&late.as_mins()), "{late}");
        let later = newest_first("2026-11-24T20:00:00Z");
        let same = later
            .iter()
            .find(|row| row["date_heure"] == early[0]["date_heure"])
            .unwrap();
        let (before, after) = (&early[0]["consommation"], &same["consommation"]);
        assert_ne!(before, after);
        let change = before.as_f64().unwrap() / after.as_f64().unwrap() - 1.0;
        assert!(change.abs() < 0.01, "{change}");
    }
}
