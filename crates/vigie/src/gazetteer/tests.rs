//! The gazetteer as users meet it, and every line of its tables.

use std::time::{Duration, Instant};

use vigie_core::{
    row::Point,
    text::{Language, Text},
    zone::{Scale, Zone},
};

use super::{
    FindError, Place, data, find, find_place,
    fold::fold,
    place::Entry,
    resolve::{self, Resolution},
};

/// Checks that `query` names one place, as `expected`: scale, code (of the country; `-` for none)
/// and English name.
#[track_caller]
fn check(query: &str, expected: &str) {
    let found = match find(query) {
        Ok(zone) => {
            format!(
                "{:?} {} {}",
                zone.scale,
                zone.country.as_deref().unwrap_or("-"),
                zone.name.en
            )
        }
        Err(error) => error.to_string(),
    };
    assert_eq!(found, expected, "{query}");
}

/// What to write for each candidate of an ambiguous `query`.
#[track_caller]
fn ambiguous(query: &str) -> Vec<String> {
    match find(query) {
        Err(FindError::Ambiguous { candidates, .. }) => {
            assert!(candidates.len() > 1, "{query}");
            for candidate in &candidates {
                let chosen = find_place(&candidate.write).expect("a candidate names one place");
                assert_eq!(chosen.label(Language::En), candidate.label.en);
            }
            candidates
                .into_iter()
                .map(|candidate| candidate.write)
                .collect()
        }
        other => panic!("{query}: {other:?}"),
    }
}

/// What to write for each of the nearest names of an unknown `query`.
#[track_caller]
fn unknown(query: &str) -> Vec<String> {
    match find(query) {
        Err(FindError::Unknown { nearest, .. }) => {
            for candidate in &nearest {
                let chosen = find_place(&candidate.write).expect("a candidate names one place");
                assert_eq!(chosen.label(Language::En), candidate.label.en);
            }
            nearest
                .into_iter()
                .map(|candidate| candidate.write)
                .collect()
        }
        other => panic!("{query}: {other:?}"),
    }
}

fn zone(query: &str) -> Zone {
    find(query).expect("a name of one place")
}

#[test]
fn the_earth_and_the_continents_have_both_names() {
    for name in [
        "Terre", "la Terre", "Earth", "World", "Monde", "le monde", "terre",
    ] {
        check(name, "Earth - Earth");
    }
    check("Europe", "Continent - Europe");
    check("Afrique", "Continent - Africa");
    check("asia", "Continent - Asia");
    check("Amérique du Nord", "Continent - North America");
    check("amerique-du-nord", "Continent - North America");
    check("South America", "Continent - South America");
    check("Océanie", "Continent - Oceania");
    check("Antarctica", "Continent - Antarctica");
    check("AQ", "Country AQ Antarctica");
}

#[test]
fn countries_answer_to_french_english_local_names_and_codes() {
    for name in ["France", "FR", "fr", "FRA"] {
        check(name, "Country FR France");
    }
    for name in ["Allemagne", "Germany", "Deutschland", "DE"] {
        check(name, "Country DE Germany");
    }
    for name in [
        "États-Unis",
        "etats unis",
        "USA",
        "U.S.A.",
        "US",
        "United States",
    ] {
        check(name, "Country US United States");
    }
    for name in ["UK", "Royaume-Uni", "United Kingdom", "Great Britain", "GB"] {
        check(name, "Country GB United Kingdom");
    }
    for name in [
        "Côte d'Ivoire",
        "Côte d’Ivoire",
        "cote-d-ivoire",
        "Ivory Coast",
        "CI",
    ] {
        check(name, "Country CI Côte d’Ivoire");
    }
    check("Pays-Bas", "Country NL Netherlands");
    check("Corée du Sud", "Country KR South Korea");
    check("España", "Country ES Spain");
    check("Suisse", "Country CH Switzerland");
    check("Schweiz", "Country CH Switzerland");
    check("Kosovo", "Country XK Kosovo");
    check("La Réunion", "Country RE Réunion");
    check("Hong Kong", "Country HK Hong Kong");
}

#[test]
fn cities_answer_to_french_english_local_and_other_names() {
    check("Londres", "City GB London");
    check("London", "City GB London");
    check("Paris", "City FR Paris");
    check("  PARIS ", "City FR Paris");
    check("Pékin", "City CN Beijing");
    check("Beijing", "City CN Beijing");
    check("Québec", "City CA Quebec City");
    check("Quebec City", "City CA Quebec City");
    check("Tokyo", "City JP Tokyo");
    check("Moscou", "City RU Moscow");
    check("Le Caire", "City EG Cairo");
    check("München", "City DE Munich");
    check("Köln", "City DE Cologne");
    check("Cologne", "City DE Cologne");
    check("Wien", "City AT Vienna");
    check("Vienne", "City AT Vienna");
    check("Roma", "City IT Rome");
    check("Athènes", "City GR Athens");
    check("La Nouvelle-Orléans", "City US New Orleans");
    check("New York", "City US New York");
    check("NYC", "City US New York");
    check("San Francisco", "City US San Francisco");
    check("Bombay", "City IN Mumbai");
    check("Saïgon", "City VN Ho Chi Minh City");
    check("Edimbourg", "City GB Edinburgh");
    check("L'Aquila", "City IT L'Aquila");
    check("St. Louis, Missouri", "City US St. Louis");
    check("Saint Louis, US", "City US St. Louis");
    check("Saint-Étienne", "City FR Saint-Étienne");
    check("Francfort", "City DE Frankfurt am Main");
    check("Frankfurt (Oder)", "City DE Frankfurt (Oder)");
    check("Washington", "City US Washington");
    check("Washington, D.C.", "City US Washington");
    check("Montreal", "City CA Montreal");
    check("Genève", "City CH Geneva");
    check("Islamabad", "City PK Islamabad");
    check("Cancún", "City MX Cancún");
    check("Nara, JP", "City JP Nara");
    check("New Delhi", "City IN New Delhi");
    check("Salisbury, GB", "City GB Salisbury");
    check("Salisbury, Zimbabwe", "City ZW Harare");
}

#[test]
fn a_qualifier_chooses_among_cities() {
    for query in [
        "Paris, FR",
        "Paris, France",
        "Paris (France)",
        "paris,fr",
        "Paris, Île-de-France",
    ] {
        check(query, "City FR Paris");
    }
    for query in [
        "Paris, Texas",
        "Paris, TX",
        "Paris, Texas, US",
        "Paris (Texas)",
        "Paris, #4717560",
    ] {
        let found = find_place(query).expect("one place");
        assert_eq!(
            found.label(Language::En),
            "Paris, Texas, United States (24,782 inhabitants)",
            "{query}"
        );
    }
    check("London, Ontario", "City CA London");
    check("London, ON", "City CA London");
    check("Londres, Canada", "City CA London");
    check("Valencia, ES", "City ES Valencia");
    check("Valence, Espagne", "City ES Valencia");
    check("Valencia, Venezuela", "City VE Valencia");
    check("Cordoue, ES", "City ES Córdoba");
    check("Athens, Georgia", "City US Athens");
    check("Singapour, SG", "City SG Singapore");
    check("Portland, Maine", "City US Portland");
}

#[test]
fn a_country_goes_before_the_cities_of_its_name() {
    check("Singapore", "Country SG Singapore");
    check("Luxembourg", "Country LU Luxembourg");
    check("Mexico", "Country MX Mexico");
    check("Mexique", "Country MX Mexico");
    check("Mexico City", "City MX Mexico City");
    check("Monaco", "Country MC Monaco");
    check("Georgia", "Country GE Georgia");
    check("Géorgie", "Country GE Georgia");
    check("Lebanon", "Country LB Lebanon");
    check("Panama", "Country PA Panama");
    check("Djibouti", "Country DJ Djibouti");
}

#[test]
fn a_shared_name_lists_the_candidates_the_most_populous_first() {
    assert_eq!(ambiguous("Valencia")[..2], ["Valencia, VE", "Valencia, ES"]);
    assert_eq!(ambiguous("San José")[..2], ["San José, US", "San José, CR"]);
    assert_eq!(
        ambiguous("Springfield")[..2],
        ["Springfield, Missouri", "Springfield, Massachusetts"]
    );
    assert_eq!(ambiguous("Springfield, US")[0], "Springfield, Missouri");
    assert_eq!(ambiguous("Grenade"), ["Grenade, ES", "Grenada"]);
    assert_eq!(ambiguous("Congo").len(), 2);
    assert_eq!(ambiguous("Corée"), ["Corée du Sud", "Corée du Nord"]);
    assert_eq!(
        ambiguous("Amérique"),
        ["Amérique du Nord", "Amérique du Sud"]
    );
    ambiguous("Cambridge");
    ambiguous("Saint-Denis");
}

#[test]
fn an_unknown_name_gets_the_nearest_ones() {
    assert_eq!(unknown("Frnace")[0], "France");
    assert_eq!(unknown("Lodnon")[0], "London");
    assert_eq!(unknown("Pariss")[0], "Paris");
    assert_eq!(unknown("Pariss, Texas")[0], "Paris, US");
    assert_eq!(unknown("Marseile")[0], "Marseille");
    assert_eq!(unknown("Allemagn")[0], "Allemagne");
    assert_eq!(unknown("Bruxelle")[0], "Bruxelles");
    assert_eq!(unknown("Pariss, FR"), ["Paris"]);
    assert_eq!(unknown("Lodnon"), ["London", "London, CA"]);
    assert_eq!(unknown("Paris, Germany")[0], "Paris");
    assert_eq!(unknown("Newcastle upon")[0], "Newcastle upon Tyne");
    assert!(unknown("xqzwvkjxqzwv").is_empty());
    assert!(unknown("").is_empty());
    assert!(unknown(" ,()").is_empty());
    assert!(unknown("東京").is_empty());
    assert!(unknown(&"a".repeat(100_000)).is_empty());
}

#[test]
fn the_errors_say_what_to_write() {
    let unknown = find("Pariss, Texas").expect_err("no such name");
    assert!(unknown.to_string().starts_with(
        "no place is called `Pariss, Texas` among the Earth, the continents, the countries and \
         the cities of more than 15,000 people; write one of these names, the nearest larger \
         city, or the country:\n  Paris, US "
    ));
    assert_eq!(
        find("Corée")
            .expect_err("two countries")
            .message(Language::Fr),
        "« Corée » désigne plusieurs lieux ; écrivez l’un de ceux-ci :\
         \n  Corée du Sud   Corée du Sud (pays, 51\u{202f}635\u{202f}256 hab.)\
         \n  Corée du Nord  Corée du Nord (pays, 25\u{202f}549\u{202f}819 hab.)"
    );
    assert_eq!(
        find("Ωμέγα").expect_err("not Latin").message(Language::Fr),
        "aucun lieu ne s’appelle « Ωμέγα » parmi la Terre, les continents, les pays et les villes \
         de plus de 15 000 habitants ; donnez la plus grande ville voisine, ou le pays"
    );
}

#[test]
fn a_label_tells_a_place_from_others() {
    let label = |query, language| find_place(query).expect("one place").label(language);
    assert_eq!(
        label("Paris", Language::Fr),
        "Paris, Île-de-France, France (2\u{202f}138\u{202f}551 hab.)"
    );
    assert_eq!(
        label("Munich", Language::En),
        "Munich, Bavaria, Germany (1,505,005 inhabitants)"
    );
    assert_eq!(
        label("Munich", Language::Fr),
        "Munich, Bavière, Allemagne (1\u{202f}505\u{202f}005 hab.)"
    );
    assert_eq!(
        label("Europe", Language::Fr),
        "Europe (continent, 742\u{202f}928\u{202f}280 hab.)"
    );
    assert_eq!(label("Terre", Language::Fr), "Terre");
}

#[test]
fn a_city_zone_has_what_sources_need() {
    let paris = zone("Paris");
    assert_eq!(paris.name, Text::same("Paris"));
    assert_eq!(paris.country.as_deref(), Some("FR"));
    assert_eq!(paris.currency.as_deref(), Some("EUR"));
    assert_eq!(paris.continent.as_deref(), Some("EU"));
    assert_eq!(paris.time_zone, "Europe/Paris");
    assert!(paris.contains(paris.centre));
    // Its inner suburbs, but not Versailles' far side nor Meaux.
    assert!(
        paris.contains(Point {
            lon: 2.36,
            lat: 48.936
        }),
        "Saint-Denis"
    );
    assert!(
        !paris.contains(Point {
            lon: 2.88,
            lat: 48.96
        }),
        "Meaux"
    );
    let [west, south, east, north] = paris.bbox;
    let height_km = (north - south) * 111.195;
    let width_km = (east - west) * 111.195 * paris.centre.lat.to_radians().cos();
    assert!((height_km - width_km).abs() < 0.1, "{height_km} {width_km}");
    assert!((29.0..30.0).contains(&height_km), "{height_km}");
    assert_eq!(zone("New York").time_zone, "America/New_York");
    assert_eq!(zone("Tokyo").currency.as_deref(), Some("JPY"));
}

#[test]
fn a_country_box_is_the_country_without_territories_that_have_their_own_code() {
    let inside = |name: &str, lon, lat| zone(name).contains(Point { lon, lat });
    assert!(inside("France", 9.45, 42.7), "Bastia");
    assert!(inside("France", -4.49, 48.39), "Brest");
    assert!(!inside("France", -52.33, 4.93), "Cayenne has GF");
    assert!(inside("GF", -52.33, 4.93));
    assert!(inside("RE", 55.45, -20.88));
    assert!(!inside("Norway", 15.63, 78.22), "Longyearbyen has SJ");
    assert!(inside("SJ", 15.63, 78.22));
    assert!(!inside("Netherlands", -68.27, 12.15), "Kralendijk has BQ");
    assert!(
        inside("Spain", -15.43, 28.1),
        "Las Palmas has no code of its own"
    );
    assert!(inside("Portugal", -25.67, 37.74), "Ponta Delgada");
    assert!(inside("Chile", -70.9, -53.16), "Punta Arenas");
    assert!(
        !inside("Chile", -109.4, -27.15),
        "Easter Island is 3,500 km away"
    );
    assert!(inside("Ukraine", 34.1, 44.5), "Crimea is UA-43");
    assert!(inside("Cyprus", 34.0, 35.4), "the north");
    assert_eq!(
        zone("Bulgarie").currency.as_deref(),
        Some("EUR"),
        "since 2026"
    );
    assert_eq!(
        zone("US").time_zone,
        "America/New_York",
        "that of the capital"
    );
}

#[test]
fn boxes_cross_the_antimeridian_where_the_place_does() {
    let crosses = |name: &str| {
        let [west, _, east, _] = zone(name).bbox;
        west > east
    };
    for name in [
        "Fiji",
        "Russie",
        "US",
        "Nouvelle-Zélande",
        "Kiribati",
        "Oceania",
        "Asie",
    ] {
        assert!(crosses(name), "{name}: {:?}", zone(name).bbox);
    }
    for name in ["France", "Japan", "Tonga", "Europe", "Earth", "Australia"] {
        assert!(!crosses(name), "{name}: {:?}", zone(name).bbox);
    }
    let inside = |name: &str, lon, lat| zone(name).contains(Point { lon, lat });
    assert!(
        inside("Fiji", 178.44, -18.14) && inside("Fiji", -179.98, -16.8),
        "Suva, Taveuni"
    );
    assert!(!inside("Fiji", 0.0, -17.0));
    assert!(
        inside("Russia", -169.8, 66.1) && inside("Russia", 20.5, 54.7),
        "Dezhnev, Kaliningrad"
    );
    assert!(!inside("Russia", -100.0, 60.0));
    assert!(
        inside("US", -157.86, 21.3) && inside("US", 173.2, 52.9),
        "Honolulu, Attu"
    );
    assert!(!inside("US", 0.0, 45.0));
    assert!(inside("New Zealand", -176.5, -43.95), "Chatham");
    assert!(
        inside("Kiribati", 173.0, 1.4) && inside("Kiribati", -157.4, 1.9),
        "Tarawa, Kiritimati"
    );
    // A city's box wraps as well.
    let box_of_a_town = super::place::around(
        Point {
            lon: 179.99,
            lat: -16.5,
        },
        6.0,
    );
    assert!(
        box_of_a_town[0] > 179.9 && box_of_a_town[2] < -179.9,
        "{box_of_a_town:?}"
    );
}

/// All 258 areas and 34,006 cities: the zone is sound, and what a candidate says to write chooses it.
#[test]
fn every_place_has_a_sound_zone_and_can_be_chosen() {
    let mut countries = 0;
    for place in resolve::all() {
        let zone = place.zone();
        let label = place.label(Language::En);
        assert_eq!(zone.check(), Ok(()), "{label}");
        assert!(zone.contains(zone.centre), "{label}: {zone:?}");
        assert!(
            !zone.name.fr.is_empty() && !zone.name.en.is_empty(),
            "{label}"
        );
        assert_eq!(
            zone.continent.is_none(),
            zone.scale == Scale::Earth,
            "{label}"
        );
        assert_eq!(
            zone.country.is_some(),
            zone.scale >= Scale::Country,
            "{label}"
        );
        let [west, south, east, north] = zone.bbox;
        assert!(
            south < north && (west < east || east + 360.0 > west),
            "{label}: {zone:?}"
        );
        if zone.scale >= Scale::Country {
            let money = zone.currency.as_deref().unwrap_or_default();
            let sound = money.len() == 3 && money.bytes().all(|byte| byte.is_ascii_uppercase());
            assert!(
                sound || zone.country.as_deref() == Some("AQ"),
                "{label}: {money}"
            );
        }
        countries += usize::from(zone.scale == Scale::Country);

        let write = resolve::text_for(place, &zone.name.fr);
        assert_eq!(
            resolve::resolve(&write),
            Resolution::One(place),
            "{label}: {write}"
        );
    }
    assert_eq!(countries, 250, "the 249 of ISO 3166-1 and Kosovo");
    assert!(data::CITIES.len() > 30_000, "{}", data::CITIES.len());
}

#[test]
fn a_country_lies_in_its_continent() {
    // GeoNames counts the islands of the Southern Ocean, north of 60° S, to Antarctica, and
    // Christmas Island, south of Java, to Oceania.
    let apart = ["BV", "GS", "HM", "TF", "CX"];
    for place in resolve::all().filter(|place| place.scale() == Scale::Country) {
        let country = place.zone();
        let continent = resolve::all()
            .take(8)
            .map(Place::zone)
            .find(|zone| zone.scale == Scale::Continent && zone.continent == country.continent)
            .expect("every continent is listed");
        let code = country.country.as_deref().unwrap_or_default();
        assert!(
            continent.contains(country.centre) || apart.contains(&code),
            "{code} is outside {}",
            continent.name.en
        );
    }
}

/// `folding.py` and `fold.rs` agree: each shown name is found in the index that the former wrote by
/// the key that the latter makes.
#[test]
fn every_place_is_indexed_by_each_name_it_shows() {
    for place in resolve::all() {
        let mut names = place.shown();
        if let Entry::City(city) = place.entry() {
            names.push(city.local.to_owned());
        }
        for name in names {
            let key = fold(&name);
            assert!(key.is_ascii() && !key.is_empty(), "{name}: {key}");
            let listed = data::named(&key);
            assert!(
                listed
                    .iter()
                    .any(|one| one.position == place.position && one.main),
                "{name} ({key}): {listed:?}"
            );
        }
    }
}

#[test]
fn keys_are_sorted_and_folded() {
    let keys: Vec<&str> = data::main_names().map(|(key, _)| key).collect();
    assert!(keys.is_sorted_by(|a, b| a < b));
    assert!(keys.len() > 100_000, "{}", keys.len());
    for key in &keys {
        assert_eq!(fold(key), *key);
    }
}

#[test]
fn folding_takes_away_what_may_be_typed_differently() {
    for (name, key) in [
        ("Côte d’Ivoire", "cotedivoire"),
        ("cote-d'ivoire", "cotedivoire"),
        ("İzmir", "izmir"),
        ("Łódź", "lodz"),
        ("Tromsø", "tromso"),
        ("Gießen", "giessen"),
        ("St. Louis", "saintlouis"),
        ("Ste-Foy", "saintefoy"),
        ("Ho\u{302}\u{300} Chí Minh", "hochiminh"),
        ("Sana‘a", "sanaa"),
        ("Sanaʻa", "sanaa"),
        ("🙂", ""),
    ] {
        assert_eq!(fold(name), key, "{name}");
    }
}

/// `init` answers at once: one look-up takes a few milliseconds, the first one also decodes the
/// tables. The limit is generous: tests are not optimised and share the machine.
#[test]
fn the_nearest_names_are_found_quickly() {
    find("Paris").expect("one place");
    let start = Instant::now();
    unknown("Lodnon");
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
}

/// The credits that the licences ask for.
#[test]
fn the_attribution_names_each_provider() {
    for provider in [
        "GeoNames",
        "CC BY 4.0",
        "Natural Earth",
        "CLDR",
        "Unicode License v3",
    ] {
        assert!(super::ATTRIBUTION.contains(provider), "{provider}");
    }
}
