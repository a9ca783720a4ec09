//! Wrong definitions are reported with file, line, column and remedy.

use std::collections::BTreeSet;

use vigie_core::{
    row::Point,
    sheet::Permission,
    text::Text,
    zone::{Scale, Zone},
};
use vigie_sources::{Catalogue, Definition, Domain};

const VELIB: &str = include_str!("../../../../catalogue/transport/velib-disponibilite/source.toml");

/// The error that the change of one text of a good definition gives.
fn error(from: &str, to: &str) -> String {
    assert!(VELIB.contains(from), "`{from}` is not in the definition");
    Definition::parse("x/source.toml", &VELIB.replacen(from, to, 1))
        .unwrap_err()
        .to_string()
}

#[test]
fn unknown_keys_come_with_the_nearest_known_one() {
    let line = VELIB
        .lines()
        .position(|line| line.starts_with("[measures.bikes]"))
        .unwrap()
        + 1;
    assert_eq!(
        error("[measures.bikes]", "[measurs.bikes]"),
        format!("x/source.toml:{line}:2: unknown key `measurs`; did you mean `measures`?")
    );
    assert!(
        error("collect = ", "colect = ")
            .ends_with("unknown key `colect` in [schedule]; did you mean `collect`?")
    );
    assert!(error("headline = true", "zzz = true").contains("known are title, path, "));
}

#[test]
fn wrong_values_say_what_is_expected() {
    for (from, to, problem) in [
        (
            "collect = \"5m\"",
            "collect = \"5 minutes\"",
            "schedule.collect: expected a duration such as 90s, 5m, 2h or 45d",
        ),
        (
            "collect = \"5m\"",
            "collect = 5",
            "schedule.collect: expected a text, found a number",
        ),
        (
            "collect = \"5m\"",
            "collect = \"26h\"",
            "a period of 93600 s is not possible",
        ),
        (
            "domain = \"transport\"",
            "domain = \"transports\"",
            "`transports` is not known; did you mean `transport`?",
        ),
        (
            "id = \"velib-disponibilite\"",
            "id = \"Vélib\"",
            "id: `Vélib` is not an identifier",
        ),
        (
            "kind = \"json\"",
            "kind = \"yaml\"",
            "expected one of json, geojson, xml, csv, gtfs-realtime",
        ),
        (
            "select = \"[*]\"",
            "select = \"data[*\"",
            "rows.select: `data[*` is not a path: expected `]`",
        ),
        (
            "path = \"ebike\"",
            "path = \"a..b\"",
            "measures.ebikes.path: `a..b` is not a path: expected a name",
        ),
        (
            "path = \"ebike\"",
            "path = \"ebike[#]\"",
            "`ebike[#]` uses `[#]`, which needs rows.columns",
        ),
        (
            "path = \"ebike\"",
            "from = \"[degF]\"\npath = \"ebike\"",
            "no conversion from `[degF]` to `{bike}` is known",
        ),
        ("path = \"ebike\"", "", "`measures.ebikes.path` is missing"),
        (
            "range = [0, 2000]",
            "range = [2000, 0]",
            "expected [least, greatest]",
        ),
        (
            "observed_at = \"duedate\"",
            "observed_at = { path = \"duedate\", format = \"%Y-%!\" }",
            "is not a time pattern",
        ),
        (
            "observed_at = \"duedate\"",
            "observed_at = { path = \"duedate\", time_zone = \"Paris\" }",
            "`Paris` is not an IANA time zone",
        ),
        (
            "observed_at = \"duedate\"",
            "",
            "`fields.observed_at` is missing",
        ),
        (
            "entity = \"stationcode\"",
            "key = \"stationcode\"",
            "`key` is not a field of observations; did you mean `entity`?",
        ),
        (
            "licence = \"ODbL-1.0\"",
            "licence = \"\"",
            "rights.licence: the text is empty",
        ),
        (
            "archive = \"allowed\"",
            "archive = \"maybe\"",
            "expected one of allowed, forbidden, doubtful",
        ),
        (
            "url = \"https://opendata.paris.fr/api",
            "url = \"https://opendata.paris.fr/{zone.city}/api",
            "`{zone.city}` in",
        ),
        (
            "url = \"https://opendata.paris.fr/api",
            "url = \"https://opendata.paris.fr/{key}/api",
            "an open source has no key",
        ),
        (
            "[title]\nfr = ",
            "[title]\nde = ",
            "unknown key `de` in [title]",
        ),
        ("[format]", "[format", "not valid TOML"),
        (
            "[format]\n",
            "[format]\nencoding = \"utf-99\"\n",
            "is not an encoding",
        ),
        (
            "[format]\n",
            "[format]\ndelimiter = \";\"\n",
            "is for kind = \"csv\" only",
        ),
        ("[measures.docks]", "[measures.bikes]", "not valid TOML"),
    ] {
        let error = error(from, to);
        assert!(error.contains(problem), "{to}: {error}");
        assert!(error.starts_with("x/source.toml:"), "{error}");
    }
}

#[test]
fn places_of_errors_are_exact() {
    let line = VELIB
        .lines()
        .position(|line| line == "path = \"ebike\"")
        .unwrap()
        + 1;
    let error = error("path = \"ebike\"", "path = \"a..b\"");
    assert!(
        error.starts_with(&format!("x/source.toml:{line}:11: ")),
        "{error}"
    );
}

fn zone(scale: Scale, lon: f64, lat: f64, country: Option<&str>, continent: Option<&str>) -> Zone {
    Zone {
        name: Text::same("x"),
        scale,
        bbox: [lon - 0.1, lat - 0.1, lon + 0.1, lat + 0.1],
        centre: Point::new(lon, lat).unwrap(),
        country: country.map(str::to_owned),
        currency: None,
        continent: continent.map(str::to_owned),
        time_zone: "UTC".to_owned(),
    }
}

#[test]
fn the_catalogue_knows_what_fits_a_zone() {
    let fitting = |zone: &Zone| -> Vec<&str> {
        let catalogue = Catalogue::embedded();
        catalogue
            .iter()
            .filter(|d| d.applies_to(zone))
            .map(|d| d.id.as_str())
            .collect()
    };
    let earth = fitting(&zone(Scale::Earth, 0.0, 0.0, None, None));
    assert!(earth.contains(&"metar-aviationweather") && earth.contains(&"usgs-earthquakes"));
    assert!(!earth.contains(&"velib-disponibilite") && !earth.contains(&"eco2mix-national"));
    let paris = fitting(&zone(Scale::City, 2.35, 48.86, Some("FR"), Some("EU")));
    assert!(paris.contains(&"velib-disponibilite") && paris.contains(&"eco2mix-national"));
    let france = fitting(&zone(Scale::Country, 2.35, 46.6, Some("FR"), Some("EU")));
    assert!(!france.contains(&"velib-disponibilite") && france.contains(&"eco2mix-national"));
    let new_york = fitting(&zone(Scale::City, -74.0, 40.7, Some("US"), Some("NA")));
    assert!(new_york.contains(&"gtfs-rt-nyct-ace") && !new_york.contains(&"eco2mix-national"));
}

#[test]
fn the_users_definitions_join_or_replace_those_embedded() {
    let mended = VELIB.replace("collect = \"5m\"", "collect = \"10m\"");
    let own = VELIB.replace("id = \"velib-disponibilite\"", "id = \"own\"");
    let files = [("a.toml", mended.as_str()), ("b.toml", own.as_str())];
    let catalogue = Catalogue::embedded().with_user_definitions(files).unwrap();
    assert_eq!(catalogue.len(), Catalogue::embedded().len() + 1);
    let id = "velib-disponibilite".parse().unwrap();
    assert_eq!(catalogue.get(&id).unwrap().schedule.every().as_secs(), 600);
    assert_eq!(catalogue.nearest("velib").unwrap(), &id);
    assert_eq!(catalogue.nearest("velib-disponibilté").unwrap(), &id);
    assert!(catalogue.nearest("zzzzzzzzzzzz").is_none());
}

#[test]
fn a_few_lines_make_another_source_like_a_known_one() {
    const OWN: &str =
        "like = \"gbfs-network\"\nid = \"mine\"\ntitle = { fr = \"Le mien\", en = \"Mine\" }\n";
    let with = |lines: &str| {
        let text = format!("{OWN}{lines}");
        Catalogue::embedded().with_user_definitions([("sources/mine.toml", text.as_str())])
    };
    let catalogue =
        with("params = { status = \"a.org/v2\" }\ncollect = \"2m\"\nlicence = \"CC0-1.0\"")
            .unwrap();
    let mine = catalogue.get(&"mine".parse().unwrap()).unwrap();
    assert_eq!(mine.params["status"], "a.org/v2");
    assert_eq!(
        (
            mine.schedule.every().as_secs(),
            mine.sheet.title.en.as_str()
        ),
        (120, "Mine")
    );
    assert_eq!(mine.sheet.rights.licence, "CC0-1.0");
    // The permissions are still those of the model, which knows nothing of this network.
    assert_eq!(mine.sheet.rights.archive, Permission::Doubtful);
    let catalogue = with(
        "stale_after = \"2h\"\n[rights]\nlicence = \"CC0-1.0\"\nurl = \"https://a.org/terms\"\n\
         attribution = \"A\"\narchive = \"allowed\"\nrepublish = \"allowed\"",
    )
    .unwrap();
    let mine = catalogue.get(&"mine".parse().unwrap()).unwrap();
    assert_eq!(mine.stale_after.as_hours(), 2);
    assert_eq!(mine.sheet.rights.archive, Permission::Allowed);
    assert_eq!(mine.sheet.rights.url, "https://a.org/terms");
    assert_eq!(catalogue.len(), Catalogue::embedded().len() + 1);
    for (lines, problem) in [
        (
            "params = { net = \"a.org\" }",
            "sources/mine.toml:4:18: params.net: `net` is not a parameter",
        ),
        ("url = \"https://a.org\"", "unknown key `url`"),
    ] {
        let error = with(lines).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
    let unknown = OWN.replace("gbfs-network", "gbfs-netwrk");
    let error = Catalogue::embedded()
        .with_user_definitions([("x", unknown.as_str())])
        .unwrap_err();
    assert!(
        error.to_string().contains("did you mean `gbfs-network`"),
        "{error}"
    );
}

#[test]
fn sheets_are_complete() {
    for definition in Catalogue::embedded().iter() {
        let id = &definition.id;
        assert!(Domain::ALL.contains(&definition.domain));
        assert!(
            definition.stale_after > definition.schedule.every(),
            "{id}: stale before it is due"
        );
        assert!(definition.horizon.as_secs() > 0, "{id}");
        assert!(
            definition.measures.iter().any(|measure| measure.headline),
            "{id}: no headline"
        );
        let sheet = &definition.sheet;
        for text in [
            &sheet.title,
            &sheet.description,
            &sheet.content,
            &sheet.periodicity,
        ] {
            assert_ne!(text.fr, text.en, "{id}: not translated");
        }
    }
}

#[test]
fn the_readme_lists_the_catalogue() {
    let readme = include_str!("../../../../README.md");
    let all: Vec<&Definition> = Catalogue::embedded().iter().collect();
    let domains: BTreeSet<_> = all.iter().map(|definition| definition.domain).collect();
    let needs_key = |definition: &&&Definition| definition.sheet.access.as_str() == "key";
    let open = all.len() - all.iter().filter(needs_key).count();
    let told = format!(
        "{} sources in {} domains; {open} need no key.",
        all.len(),
        domains.len()
    );
    assert!(readme.contains(&told), "{told}");
    for definition in &all {
        let star = if needs_key(&definition) { "*" } else { "" };
        let row = format!("| {} |", definition.domain.title().en);
        let row = readme.lines().find(|line| line.starts_with(&row));
        let listed = format!("`{}`{star}", definition.id);
        let listed = |row: &str| row.split([',', '|', ' ']).any(|cell| cell == listed);
        assert!(row.is_some_and(listed), "{} is not listed", definition.id);
    }
}

#[test]
fn what_measures_are_to_each_other_must_be_true_of_them() {
    const MIX: &str = include_str!("../../../../catalogue/energy/eco2mix-national/source.toml");
    const STORMS: &str =
        include_str!("../../../../catalogue/storms/nhc-current-storms/source.toml");
    let of = |text: &str, from: &str, to: &str| {
        assert!(text.contains(from), "`{from}` is not in the definition");
        let changed = text.replacen(from, to, 1);
        Definition::parse("x/source.toml", &changed).map_err(|error| error.to_string())
    };
    let good = of(MIX, "id = ", "id = ").unwrap().mix.unwrap();
    assert_eq!(
        (good.parts.len(), good.groups.len(), good.groups[0].1.len()),
        (8, 1, 4)
    );
    for (from, to, problem) in [
        (
            "parts = [\"nuclear\", ",
            "parts = [\"nuclar\", ",
            "`nuclar` is no measure of this source",
        ),
        (
            "parts = [\"nuclear\", ",
            "parts = [\"co2\", ",
            "write across = \"sum\"",
        ),
        (
            "parts = [\"nuclear\", ",
            "parts = [\"wind\", ",
            "is a part already",
        ),
        (
            "parts = [\"hydro\", ",
            "parts = [\"exchanges\", ",
            "is not among the parts of the whole",
        ),
    ] {
        let error = of(MIX, from, to).unwrap_err();
        assert!(error.contains(problem), "{error}");
    }
    assert_eq!(
        of(STORMS, "id = ", "id = ")
            .unwrap()
            .track
            .unwrap()
            .as_str(),
        "wind"
    );
    let error = of(STORMS, "track = \"wind\"", "track = \"winds\"").unwrap_err();
    assert!(
        error.contains("rows.track: `winds` is no measure"),
        "{error}"
    );
    let error = of(STORMS, "point = {", "# point = {").unwrap_err();
    assert!(error.contains("needs fields.point"), "{error}");
}
