//! Numbers and units as people of each language write them.

use vigie_core::text::Language;

/// U+202F: between thousands in French, and before a unit.
pub(crate) const THIN_SPACE: char = '\u{202F}';
/// U+2212, as wide as the plus sign; the hyphen is no sign.
const MINUS: char = '−';

/// `value` with that many digits after the decimal point, grouped by thousands. What is not finite is a dash.
pub(crate) fn number(value: f64, decimals: u8, language: Language) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let plain = format!("{:.*}", usize::from(decimals), value.abs());
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let is_zero = plain.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    let (separator, point) = match language {
        Language::Fr => (THIN_SPACE, ','),
        Language::En => (',', '.'),
    };
    let mut text = String::with_capacity(plain.len() + 12);
    if value < 0.0 && !is_zero {
        text.push(MINUS);
    }
    for (index, digit) in whole.chars().enumerate() {
        // Four digits stay together, as both languages prefer: 1467 but 12 345.
        if index > 0 && whole.len() > 4 && (whole.len() - index).is_multiple_of(3) {
            text.push(separator);
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        text.push(point);
        text.push_str(fraction);
    }
    text
}

/// A count.
pub(crate) fn count(value: u64, language: Language) -> String {
    number(value as f64, 0, language)
}

/// A share of 0 to 1 as a percentage. 99.97 % is never rounded up to 100 %, nor 0.02 % down to 0 %:
/// these two words mean "all" and "none".
pub fn percent(share: f64, language: Language) -> String {
    let tenths = (share * 1000.0).round();
    let tenths = match tenths {
        1000.0 if share < 1.0 => 999.0,
        0.0 if share > 0.0 => 1.0,
        tenths => tenths,
    };
    let decimals = u8::from(tenths % 10.0 != 0.0);
    let figure = number(tenths / 10.0, decimals, language);
    match language {
        Language::Fr => format!("{figure}{THIN_SPACE}%"),
        Language::En => format!("{figure}%"),
    }
}

/// Words for what UCUM writes between braces: code, French singular and plural, English singular and plural.
const COUNTED: &[(&str, &str, &str, &str, &str)] = &[
    ("aircraft", "avion", "avions", "aircraft", "aircraft"),
    ("player", "joueur", "joueurs", "player", "players"),
    ("search", "recherche", "recherches", "search", "searches"),
    ("trade", "transaction", "transactions", "trade", "trades"),
    ("currency", "devise", "devises", "currency", "currencies"),
    (
        "quote",
        "devise de cotation",
        "devise de cotation",
        "quote currency",
        "quote currency",
    ),
    ("account", "compte", "comptes", "account", "accounts"),
    (
        "base",
        "devise de base",
        "devise de base",
        "base currency",
        "base currency",
    ),
    ("coin", "cryptomonnaie", "cryptomonnaies", "coin", "coins"),
    ("entity", "entité", "entités", "entity", "entities"),
    ("flag", "signalement", "signalements", "flag", "flags"),
    ("goal", "but", "buts", "goal", "goals"),
    ("page", "page", "pages", "page", "pages"),
    ("space", "place", "places", "space", "spaces"),
    ("stream", "direct", "directs", "stream", "streams"),
    ("viewer", "spectateur", "spectateurs", "viewer", "viewers"),
    ("alert", "alerte", "alertes", "alert", "alerts"),
    ("answer", "réponse", "réponses", "answer", "answers"),
    ("bid", "enchère", "enchères", "bid", "bids"),
    ("instance", "instance", "instances", "instance", "instances"),
    ("question", "question", "questions", "question", "questions"),
    ("reply", "réponse", "réponses", "reply", "replies"),
    ("repost", "repartage", "repartages", "repost", "reposts"),
    ("review", "avis", "avis", "review", "reviews"),
    ("session", "session", "sessions", "session", "sessions"),
    ("site", "site", "sites", "site", "sites"),
    ("use", "usage", "usages", "use", "uses"),
    ("article", "article", "articles", "article", "articles"),
    ("bike", "vélo", "vélos", "bike", "bikes"),
    (
        "comment",
        "commentaire",
        "commentaires",
        "comment",
        "comments",
    ),
    ("deal", "offre", "offres", "deal", "deals"),
    ("dock", "place", "places", "dock", "docks"),
    (
        "earthquake",
        "séisme",
        "séismes",
        "earthquake",
        "earthquakes",
    ),
    ("edit", "modification", "modifications", "edit", "edits"),
    ("event", "événement", "événements", "event", "events"),
    ("fire", "feu", "feux", "fire", "fires"),
    ("flight", "vol", "vols", "flight", "flights"),
    ("follower", "abonné", "abonnés", "follower", "followers"),
    ("like", "mention j’aime", "mentions j’aime", "like", "likes"),
    ("listener", "auditeur", "auditeurs", "listener", "listeners"),
    ("message", "message", "messages", "message", "messages"),
    (
        "passenger",
        "voyageur",
        "voyageurs",
        "passenger",
        "passengers",
    ),
    ("person", "personne", "personnes", "person", "people"),
    ("play", "écoute", "écoutes", "play", "plays"),
    ("point", "point", "points", "point", "points"),
    ("post", "message", "messages", "post", "posts"),
    ("product", "produit", "produits", "product", "products"),
    ("report", "témoignage", "témoignages", "report", "reports"),
    ("row", "ligne", "lignes", "row", "rows"),
    ("share", "action", "actions", "share", "shares"),
    ("station", "station", "stations", "station", "stations"),
    ("stop", "arrêt", "arrêts", "stop", "stops"),
    ("storm", "tempête", "tempêtes", "storm", "storms"),
    ("train", "train", "trains", "train", "trains"),
    ("trip", "course", "courses", "trip", "trips"),
    ("vehicle", "véhicule", "véhicules", "vehicle", "vehicles"),
    ("video", "vidéo", "vidéos", "video", "videos"),
    ("view", "vue", "vues", "view", "views"),
    ("vote", "vote", "votes", "vote", "votes"),
];

/// UCUM codes whose usual sign cannot be derived: code, French, English.
const SIGNS: &[(&str, &str, &str)] = &[
    ("1", "", ""),
    ("{magnitude}", "", ""),
    ("%", "%", "%"),
    ("Cel", "°C", "°C"),
    ("[degF]", "°F", "°F"),
    ("deg", "°", "°"),
    ("[kn_i]", "kt", "kt"),
    ("[mi_i]", "mi", "mi"),
    ("[mi_us]", "mi", "mi"),
    ("[nmi_i]", "NM", "NM"),
    ("[ft_i]", "ft", "ft"),
    ("[ft_us]", "ft", "ft"),
    ("[in_i'Hg]", "inHg", "inHg"),
    ("[ppm]", "ppm", "ppm"),
    ("[ppb]", "ppb", "ppb"),
    ("[ppth]", "‰", "‰"),
    ("Ohm", "Ω", "Ω"),
    ("By", "o", "B"),
    ("kBy", "ko", "kB"),
    ("MBy", "Mo", "MB"),
    ("GBy", "Go", "GB"),
    ("TBy", "To", "TB"),
    ("d", "j", "d"),
    ("a", "ans", "years"),
    ("wk", "sem.", "wk"),
    ("g{CO2}/kW.h", "g CO₂/kWh", "g CO₂/kWh"),
    ("g{CO2}/(kW.h)", "g CO₂/kWh", "g CO₂/kWh"),
    ("kW.h", "kWh", "kWh"),
    ("MW.h", "MWh", "MWh"),
    ("GW.h", "GWh", "GWh"),
    ("TW.h", "TWh", "TWh"),
    ("{currency}/{euro}", "pour 1 €", "per €"),
    ("g/kW.h", "g/kWh", "g/kWh"),
    ("g/(kW.h)", "g/kWh", "g/kWh"),
    ("W.h/m2", "Wh/m²", "Wh/m²"),
];

/// The sign or word to print for a UCUM code after a figure of `value`; empty for a plain number.
pub(crate) fn unit(ucum: &str, value: f64, language: Language) -> String {
    let ucum = ucum.trim();
    if let Some((_, fr, en)) = SIGNS.iter().find(|(code, ..)| *code == ucum) {
        return pick(language, fr, en).to_owned();
    }
    if let Some(word) = ucum
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        .filter(|word| !word.contains('}'))
    {
        let known = COUNTED.iter().find(|(code, ..)| *code == word);
        return known.map_or_else(
            || word.to_owned(),
            |(_, un, des, one, many)| {
                let singular = match language {
                    Language::Fr => value.abs() < 2.0,
                    Language::En => value.to_bits() == 1.0_f64.to_bits(),
                };
                if singular {
                    pick(language, un, one)
                } else {
                    pick(language, des, many)
                }
                .to_owned()
            },
        );
    }
    derive(ucum, language)
}

/// The unit on an axis, in the plural.
pub(crate) fn axis_unit(ucum: &str, language: Language) -> String {
    unit(ucum, 1000.0, language)
}

/// The figure followed by its unit.
pub fn quantity(value: f64, decimals: u8, ucum: &str, language: Language) -> String {
    let figure = number(value, decimals, language);
    let sign = unit(ucum, value, language);
    match sign.as_str() {
        "" => figure,
        "°" => format!("{figure}°"),
        "%" if language == Language::En => format!("{figure}%"),
        _ => format!("{figure}{THIN_SPACE}{sign}"),
    }
}

/// `ug/m3` → `µg/m³`, `m/s2` → `m/s²`, `{USD}/{EUR}` → `USD/EUR`, `{train}/h` → `trains/h`.
fn derive(ucum: &str, language: Language) -> String {
    ucum.split('/')
        .enumerate()
        .map(|(index, factor)| match factor {
            _ if factor.starts_with('{') => {
                unit(factor, if index == 0 { 1000.0 } else { 1.0 }, language)
            }
            "1" if index == 0 => "1".to_owned(),
            _ => signs_of_factor(factor),
        })
        .collect::<Vec<_>>()
        .join("/")
}

fn signs_of_factor(factor: &str) -> String {
    if let Some((_, sign, _)) = SIGNS.iter().find(|(code, ..)| *code == factor) {
        return (*sign).to_owned();
    }
    let mut text = String::new();
    for (index, letter) in factor.chars().enumerate() {
        match letter {
            'u' if index == 0 && factor.len() > 1 => text.push('µ'),
            '.' => text.push('·'),
            '{' => text.push(THIN_SPACE),
            '2' if index > 0 => text.push('²'),
            '3' if index > 0 => text.push('³'),
            '}' | '[' | ']' | '(' | ')' => {}
            _ => text.push(letter),
        }
    }
    text
}

fn pick<'a>(language: Language, fr: &'a str, en: &'a str) -> &'a str {
    match language {
        Language::Fr => fr,
        Language::En => en,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counted_thing_of_the_catalogue_has_words_in_both_languages() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let page = std::fs::read_to_string(root.join("web/src/format.ts")).unwrap();
        let mut seen = 0;
        for domain in std::fs::read_dir(root.join("catalogue")).unwrap() {
            let Ok(sources) = std::fs::read_dir(domain.unwrap().path()) else {
                continue;
            };
            for source in sources {
                let file = source.unwrap().path().join("source.toml");
                let text = std::fs::read_to_string(&file).unwrap();
                for line in text.lines() {
                    let word = line
                        .strip_prefix("unit = \"{")
                        .and_then(|rest| rest.strip_suffix("}\""));
                    let Some(word) = word.filter(|word| {
                        // Codes of currencies are the same everywhere.
                        word.bytes().all(|byte| byte.is_ascii_lowercase())
                    }) else {
                        continue;
                    };
                    seen += 1;
                    assert!(COUNTED.iter().any(|known| known.0 == word), "{word}");
                    assert!(page.contains(&format!("\n  {word}: {{ fr: [")), "{word}");
                }
            }
        }
        assert!(seen > 50, "{seen}");
    }

    #[test]
    fn numbers_are_written_as_each_language_does() {
        let cases = [
            (
                1_234_567.891,
                2,
                "1\u{202F}234\u{202F}567,89",
                "1,234,567.89",
            ),
            (1467.0, 0, "1467", "1467"),
            (-12.34, 1, "−12,3", "−12.3"),
            (-0.04, 1, "0,0", "0.0"),
            (0.5, 0, "0", "0"),
            (f64::NAN, 1, "–", "–"),
        ];
        for (value, decimals, fr, en) in cases {
            assert_eq!(number(value, decimals, Language::Fr), fr);
            assert_eq!(number(value, decimals, Language::En), en);
        }
    }

    #[test]
    fn all_and_none_are_not_reached_by_rounding() {
        assert_eq!(percent(0.9999, Language::En), "99.9%");
        assert_eq!(percent(1.0, Language::En), "100%");
        assert_eq!(percent(0.0001, Language::Fr), "0,1\u{202F}%");
        assert_eq!(percent(0.0, Language::Fr), "0\u{202F}%");
        assert_eq!(percent(0.983, Language::Fr), "98,3\u{202F}%");
    }

    #[test]
    fn units_are_written_for_people() {
        let cases = [
            ("Cel", "°C", "°C"),
            ("[kn_i]", "kt", "kt"),
            ("{bike}", "vélos", "bikes"),
            ("{widget}", "widget", "widget"),
            ("1", "", ""),
            ("ug/m3", "µg/m³", "µg/m³"),
            ("m3/s", "m³/s", "m³/s"),
            ("{USD}/{EUR}", "USD/EUR", "USD/EUR"),
            ("{train}/h", "trains/h", "trains/h"),
            ("MW.h", "MWh", "MWh"),
            ("hPa", "hPa", "hPa"),
            ("EUR", "EUR", "EUR"),
        ];
        for (ucum, fr, en) in cases {
            assert_eq!(axis_unit(ucum, Language::Fr), fr, "{ucum}");
            assert_eq!(axis_unit(ucum, Language::En), en, "{ucum}");
        }
        assert_eq!(quantity(1.5, 1, "{bike}", Language::Fr), "1,5\u{202F}vélo");
        assert_eq!(quantity(1.5, 1, "{bike}", Language::En), "1.5\u{202F}bikes");
        assert_eq!(quantity(98.0, 0, "%", Language::En), "98%");
        assert_eq!(quantity(270.0, 0, "deg", Language::Fr), "270°");
    }
}
