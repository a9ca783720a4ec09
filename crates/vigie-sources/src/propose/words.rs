//! What the names of members say.

/// The words of a name, in small letters and without accents: `windSpeed_kmh` is `wind speed kmh`.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut before = ' ';
    for c in name.chars() {
        if c.is_uppercase() && before.is_lowercase() {
            words.push(std::mem::take(&mut word));
        }
        before = c;
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase().map(plain));
        } else {
            words.push(std::mem::take(&mut word));
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

fn plain(c: char) -> char {
    match c {
        'à' | 'â' | 'ä' | 'á' => 'a',
        'ç' => 'c',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'î' | 'ï' | 'í' => 'i',
        'ô' | 'ö' | 'ó' => 'o',
        'ù' | 'û' | 'ü' | 'ú' => 'u',
        other => other,
    }
}

/// An identifier made of words: `[a-z0-9_-]`, of 64 bytes at most.
pub(super) fn identifier(words: &[String], between: &str) -> Option<String> {
    let mut text: String = words
        .join(between)
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        .take(60)
        .collect();
    while text.starts_with(['-', '_']) {
        text.remove(0);
    }
    (!text.is_empty()).then_some(text)
}

/// What the name of a measure says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) unit: &'static str,
    pub(super) sureness: Sureness,
    pub(super) kind: Option<&'static str>,
    pub(super) sums: bool,
}

/// How well a unit is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sureness {
    /// The name spells it.
    Said,
    /// It is usual for what the name says.
    Guessed,
    Unknown,
}

/// Units that names end with.
const SUFFIXES: &[(&[&str], &str)] = &[
    (&["celsius", "degc", "tempc"], "Cel"),
    (&["fahrenheit", "degf", "tempf"], "[degF]"),
    (&["kelvin"], "K"),
    (&["km", "kilometers", "kilometres"], "km"),
    (&["kmh", "kph"], "km/h"),
    (&["mph"], "[mi_i]/h"),
    (&["kt", "kts", "knots"], "[kn_i]"),
    (&["mps"], "m/s"),
    (&["mm"], "mm"),
    (&["cm"], "cm"),
    (&["meters", "metres"], "m"),
    (&["ft", "feet"], "[ft_i]"),
    (&["hpa"], "hPa"),
    (&["mbar", "mb"], "mbar"),
    (&["mw", "mwe"], "MW"),
    (&["kw"], "kW"),
    (&["gw"], "GW"),
    (&["mwh"], "MWh"),
    (&["kwh"], "kWh"),
    (&["gwh"], "GWh"),
    (&["pct", "percent", "percentage", "pourcentage"], "%"),
    (&["seconds", "secs", "sec"], "s"),
    (&["minutes", "mins"], "min"),
    (&["ms", "msec"], "ms"),
    (&["eur", "euro", "euros"], "{euro}"),
    (&["usd", "dollars"], "{US dollar}"),
    (&["gbp"], "{pound}"),
    (&["hectares", "ha"], "har"),
    (&["acres"], "[acr_us]"),
];

/// Words, the unit that is usual, the kind, and whether sums over entities make sense.
const USUAL: &[(&[&str], &str, Option<&str>, bool)] = &[
    (
        &["direction", "wdir", "heading", "bearing", "azimuth"],
        "deg",
        Some("direction"),
        false,
    ),
    (
        &["temperature", "temp", "dewpoint", "dewp"],
        "Cel",
        None,
        false,
    ),
    (
        &["humidity", "humidite", "cloudcover", "clouds"],
        "%",
        None,
        false,
    ),
    (&["pressure", "pression", "slp", "qnh"], "hPa", None, false),
    (
        &["precipitation", "rain", "pluie", "rainfall"],
        "mm",
        None,
        false,
    ),
    (&["mag", "magnitude", "ml", "kp"], "1", None, false),
    (&["depth", "profondeur"], "km", None, false),
    (&["gust", "wspd", "wgst"], "m/s", None, false),
    (&["pm25", "pm10", "no2", "o3", "so2"], "ug/m3", None, false),
    (
        &["bikes", "bike", "ebikes", "velos", "ebike", "mechanical"],
        "{bike}",
        None,
        true,
    ),
    (&["docks", "dock", "slots"], "{dock}", None, true),
    (
        &["spaces", "places", "parking", "vacant"],
        "{place}",
        None,
        true,
    ),
    (&["capacity", "capacite"], "{place}", None, true),
    (&["delay", "retard", "duration"], "s", None, false),
    (
        &["views", "vues", "viewers", "viewcount"],
        "{view}",
        Some("counter"),
        true,
    ),
    (
        &["likes", "favourites", "favorites"],
        "{like}",
        Some("counter"),
        true,
    ),
    (&["comments", "replies"], "{comment}", Some("counter"), true),
    (
        &["followers", "subscribers"],
        "{person}",
        Some("counter"),
        true,
    ),
    (
        &["downloads", "plays", "playcount", "listeners"],
        "{play}",
        Some("counter"),
        true,
    ),
    (&["rank", "position", "ranking"], "1", Some("rank"), false),
    (
        &[
            "price", "prix", "rate", "taux", "cours", "open", "high", "low", "close", "bid", "ask",
            "last",
        ],
        "{currency}",
        None,
        false,
    ),
    (&["volume"], "{unit}", None, true),
    (
        &["total", "count", "counter", "cumul", "nb"],
        "{item}",
        Some("counter"),
        true,
    ),
];

/// What the names on the way to a measure say, the last one first.
pub(super) fn meaning(names: &[String]) -> Meaning {
    let last = names.last().map(|name| words(name)).unwrap_or_default();
    let unknown = Meaning {
        unit: "1",
        sureness: Sureness::Unknown,
        kind: None,
        sums: false,
    };
    let usual = |words: &[String]| {
        let found = USUAL.iter().find(|(known, ..)| {
            words.iter().any(|word| {
                known.contains(&word.as_str())
                    || known
                        .iter()
                        .any(|known| known.len() > 4 && *known != "count" && word.contains(known))
            }) || known.contains(&words.concat().as_str())
        });
        found.map(|(_, unit, kind, sums)| Meaning {
            unit,
            sureness: Sureness::Guessed,
            kind: *kind,
            sums: *sums,
        })
    };
    let found = usual(&last).or_else(|| names.iter().rev().skip(1).find_map(|n| usual(&words(n))));
    // `total_bikes_available` is what there is now, `view_count` grows.
    let found = found.unwrap_or(unknown);
    let grows = last
        .iter()
        .any(|word| matches!(word.as_str(), "total" | "count" | "views" | "cumul"));
    let found = Meaning {
        kind: found.kind.or(grows.then_some("counter")),
        ..found
    };
    let said = last.iter().rev().find_map(|word| {
        SUFFIXES
            .iter()
            .find(|(known, _)| known.contains(&word.as_str()))
    });
    match said {
        Some((_, unit)) => Meaning {
            unit,
            sureness: Sureness::Said,
            ..found
        },
        None => match last.last().map(String::as_str) {
            Some("c") if last.len() > 1 && found.unit == "Cel" => Meaning {
                sureness: Sureness::Said,
                ..found
            },
            Some("f") if last.len() > 1 && found.unit == "Cel" => Meaning {
                unit: "[degF]",
                sureness: Sureness::Said,
                ..found
            },
            Some("m") if last.len() > 1 => Meaning {
                unit: "m",
                sureness: Sureness::Said,
                ..found
            },
            _ => found,
        },
    }
}

/// Domains by words that bodies of theirs use.
const DOMAINS: &[(&str, &[&str])] = &[
    (
        "earthquakes",
        &[
            "mag",
            "magnitude",
            "quake",
            "earthquake",
            "epicenter",
            "seismic",
            "depth",
        ],
    ),
    (
        "weather",
        &[
            "temperature",
            "temp",
            "humidity",
            "wind",
            "dewpoint",
            "dewp",
            "pressure",
            "forecast",
            "precipitation",
            "metar",
        ],
    ),
    (
        "transport",
        &[
            "bike",
            "bikes",
            "station",
            "docks",
            "stop",
            "trip",
            "route",
            "vehicle",
            "train",
            "parking",
            "departure",
            "delay",
        ],
    ),
    (
        "energy",
        &[
            "mw",
            "mwh",
            "consumption",
            "consommation",
            "nucleaire",
            "nuclear",
            "load",
            "generation",
            "production",
            "megawatt",
            "eolien",
            "co2",
        ],
    ),
    (
        "markets",
        &[
            "price", "currency", "symbol", "ticker", "exchange", "rates", "close", "volume", "bid",
            "ask", "market", "valute",
        ],
    ),
    (
        "air-quality",
        &["pm25", "pm10", "no2", "o3", "so2", "aqi", "pollutant"],
    ),
    (
        "rivers",
        &[
            "river",
            "flow",
            "debit",
            "hauteur",
            "discharge",
            "hydro",
            "stan",
        ],
    ),
    (
        "space-weather",
        &[
            "flux",
            "kp",
            "bt",
            "bz",
            "satellite",
            "solar",
            "proton",
            "xray",
        ],
    ),
    (
        "wildfires",
        &[
            "fire",
            "incident",
            "acres",
            "brightness",
            "frp",
            "confidence",
        ],
    ),
    (
        "storms",
        &[
            "storm",
            "cyclone",
            "hurricane",
            "advisory",
            "classification",
        ],
    ),
    (
        "video",
        &[
            "video", "views", "channel", "stream", "viewer", "viewers", "duration",
        ],
    ),
    (
        "music",
        &["track", "artist", "album", "song", "playcount", "listeners"],
    ),
    (
        "social",
        &[
            "post",
            "posts",
            "followers",
            "likes",
            "score",
            "comments",
            "hashtag",
            "toot",
            "favourites",
        ],
    ),
    (
        "commerce",
        &["deal", "sale", "product", "store", "seller", "item", "shop"],
    ),
    ("news", &["article", "headline", "news"]),
];

/// The domain that the names of a body speak of most.
pub(super) fn domain<'n>(names: impl Iterator<Item = &'n str>) -> Option<&'static str> {
    let said: Vec<String> = names.flat_map(words).collect();
    DOMAINS
        .iter()
        .map(|(domain, known)| {
            let count = known
                .iter()
                .filter(|word| {
                    said.iter()
                        .any(|said| said == *word || word.len() > 4 && said.contains(**word))
                })
                .count();
            (count, *domain)
        })
        .rev()
        .max_by_key(|(count, _)| *count)
        .filter(|(count, _)| *count > 0)
        .map(|(_, domain)| domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> (&'static str, Sureness, Option<&'static str>) {
        let found = meaning(&[name.to_owned()]);
        (found.unit, found.sureness, found.kind)
    }

    #[test]
    fn names_are_split_into_words() {
        assert_eq!(words("windSpeed_km/h"), ["wind", "speed", "km", "h"]);
        assert_eq!(words("Débit (m³)"), ["debit", "m³"]);
        assert_eq!(identifier(&words("Débit (m³)"), "_").unwrap(), "debit_m");
        assert_eq!(identifier(&words("気温"), "_"), None);
    }

    #[test]
    fn names_tell_units_and_kinds() {
        assert_eq!(of("distance_km"), ("km", Sureness::Said, None));
        assert_eq!(of("temperature"), ("Cel", Sureness::Guessed, None));
        assert_eq!(of("temp_f"), ("[degF]", Sureness::Said, None));
        assert_eq!(of("viewCount").2, Some("counter"));
        assert_eq!(
            of("wind_direction"),
            ("deg", Sureness::Guessed, Some("direction"))
        );
        assert_eq!(of("foo"), ("1", Sureness::Unknown, None));
    }
}
