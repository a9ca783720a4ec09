//! `vigie init`: a commented `vigie.toml` for a zone.

use std::{fmt::Write as _, fs};

use vigie_core::{
    text::Language,
    zone::{Scale, Zone},
};
use vigie_sources::{Catalogue, Definition};
use vigie_store::durable;

use crate::{
    cli,
    config::{self, FILE_NAME},
    failure::{Exit, Failure, Outcome},
    gazetteer, output,
};

/// Runs the command.
pub(crate) fn run(args: &cli::Init) -> Outcome {
    let language = args
        .lang
        .map_or_else(language_of_environment, Language::from);
    let root = std::path::absolute(&args.folder).map_err(Failure::usage)?;
    let file = root.join(FILE_NAME);
    if file.exists() && !args.force {
        return Err(Failure::usage(format!("{} exists", file.display()))
            .hint("--force replaces it; collected data stay"));
    }
    let text = configuration(&args.zone, &args.store, language, Definition::applies_to)?;
    let config = config::parse(&file, &text)?;
    fs::create_dir_all(&root)
        .map_err(|error| Failure::usage(format!("{}: {error}", root.display())))?;
    durable::write(&file, text.as_bytes()).map_err(Failure::usage)?;
    output::line(&file.display().to_string())?;
    let mut name = config.zone.name.get(language).to_owned();
    if let (Scale::City, Some(country)) = (config.zone.scale, &config.zone.country) {
        name.extend([" (", country, ")"]);
    }
    let count = config
        .sources
        .values()
        .filter(|source| source.enabled)
        .count();
    let dir = if args.folder.as_os_str() == "." {
        String::new()
    } else {
        format!(" --dir {}", args.folder.display())
    };
    output::note(&match language {
        Language::Fr => format!("{name} : {count} sources activées. Ensuite : vigie{dir} up"),
        Language::En => format!("{name}: {count} sources enabled. Next: vigie{dir} up"),
    });
    Ok(Exit::Done)
}

/// French where the environment speaks French, else English.
pub(crate) fn language_of_environment() -> Language {
    let named = ["LC_ALL", "LC_MESSAGES", "LANG"];
    let locale = named
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|l| !l.is_empty());
    if locale.is_some_and(|locale| locale.starts_with("fr")) {
        Language::Fr
    } else {
        Language::En
    }
}

/// The text of a `vigie.toml` for a zone, with the sources that `fits` chooses.
pub(crate) fn configuration(
    zone: &str,
    store: &str,
    language: Language,
    fits: impl Fn(&Definition, &Zone) -> bool,
) -> Outcome<String> {
    let zone = gazetteer::find(zone).map_err(|error| Failure::usage(error.message(language)))?;
    let french = language == Language::Fr;
    let word = |fr: &'static str, en: &'static str| if french { fr } else { en };
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let mut text = String::new();
    let put = &mut text;
    // Writing to a `String` cannot fail.
    let _ = writeln!(
        put,
        "# {}",
        word(
            "Réglages de Vigie. Les clés en commentaire montrent leur valeur par défaut.",
            "Settings of Vigie. Keys in comments show their defaults."
        )
    );
    let _ = writeln!(put, "language = \"{}\"", word("fr", "en"));
    let _ = writeln!(put, "\n# {}", gazetteer::ATTRIBUTION);
    let _ = writeln!(put, "[zone]");
    let _ = writeln!(
        put,
        "name = {{ fr = {}, en = {} }}",
        quoted(&zone.name.fr),
        quoted(&zone.name.en)
    );
    let _ = writeln!(put, "scale = \"{}\"", scale(zone.scale));
    let [west, south, east, north] = zone.bbox;
    let _ = writeln!(
        put,
        "# {}",
        word(
            "ouest, sud, est, nord, en degrés",
            "west, south, east, north, in degrees"
        )
    );
    let _ = writeln!(put, "bbox = [{west:?}, {south:?}, {east:?}, {north:?}]");
    let _ = writeln!(
        put,
        "centre = {{ lon = {:?}, lat = {:?} }}",
        zone.centre.lon, zone.centre.lat
    );
    for (key, code) in [
        ("country", &zone.country),
        ("currency", &zone.currency),
        ("continent", &zone.continent),
    ] {
        if let Some(code) = code {
            let _ = writeln!(put, "{key} = \"{code}\"");
        }
    }
    let _ = writeln!(
        put,
        "# {}",
        word(
            "fuseau dans lequel les heures et les jours sont comptés",
            "the time zone in which hours and days are counted"
        )
    );
    let _ = writeln!(put, "time_zone = \"{}\"", zone.time_zone);
    let _ = writeln!(put, "\n[store]");
    let _ = writeln!(
        put,
        "# sqlite:{} · mongodb://{}",
        word("CHEMIN", "PATH"),
        word("HÔTE/BASE", "HOST/DATABASE")
    );
    let _ = writeln!(
        put,
        "# {}",
        word(
            "identifiants MongoDB : VIGIE_MONGODB_USER et VIGIE_MONGODB_PASSWORD dans l'environnement",
            "MongoDB credentials: VIGIE_MONGODB_USER and VIGIE_MONGODB_PASSWORD in the environment"
        )
    );
    let _ = writeln!(put, "uri = {}", quoted(store));
    let _ = writeln!(
        put,
        "# {}",
        word(
            "pendant combien de jours résumés et événements sont gardés, comptés depuis les plus récents de chaque source : \
             35 au moins, 0 pour toujours",
            "for how many days summaries and events are kept, counted from the newest of each source: at least 35, or 0 for ever"
        )
    );
    let _ = writeln!(put, "# keep_summaries_days = 0");
    let _ = writeln!(put, "# keep_events_days = 0");
    let _ = writeln!(put, "\n[raw]");
    let _ = writeln!(
        put,
        "# {}",
        word(
            "des fichiers bruts résumés : delete (supprimés), archive (archive mensuelle .tar.zst), keep (gardés)",
            "raw files once summarised: delete, archive (a monthly .tar.zst), keep"
        )
    );
    let _ = writeln!(put, "# after = \"delete\"");
    let _ = writeln!(put, "\n[disk]");
    for (fr, en, line) in [
        (
            "le plus que prennent fichiers bruts, archives, quarantaine et registre (sans la base) : les plus anciens \
             fichiers résumés partent d'abord, puis la collecte fait une pause ; sans limite par défaut",
            "the most that raw files, archives, quarantine and ledger take (without the store): the oldest summarised files \
             go first, then collecting pauses; no limit by default",
            "budget_bytes = 10000000000",
        ),
        (
            "la collecte fait une pause quand il reste moins que cela sur le disque",
            "collecting pauses when less than this is free on the disk",
            "reserve_bytes = 67108864",
        ),
        (
            "ce qui a été écarté est gardé tant de jours, et jusqu'à cette taille",
            "what was set aside is kept for so many days, and up to this size",
            "quarantine_keep_days = 90",
        ),
        ("", "", "quarantine_bytes_max = 1073741824"),
    ] {
        if !en.is_empty() {
            let _ = writeln!(put, "# {}", word(fr, en));
        }
        let _ = writeln!(put, "# {line}");
    }
    let _ = writeln!(put, "\n[http]");
    let _ = writeln!(
        put,
        "# {}",
        word(
            "une adresse où les fournisseurs peuvent vous joindre, envoyée avec chaque requête",
            "an address at which providers can reach you, sent with every request"
        )
    );
    let _ = writeln!(put, "# contact = \"mailto:you@example.org\"");
    for line in [
        "connect_timeout_seconds = 10",
        "timeout_seconds = 60",
        "body_bytes_max = 67108864",
        "decompression_ratio_max = 200",
        "header_bytes_max = 65536",
        "redirects_max = 5",
        "per_host_max = 2",
    ] {
        let _ = writeln!(put, "# {line}");
    }
    let _ = writeln!(
        put,
        "# {}",
        word(
            "les adresses de réseaux privés permises : true, ou [\"nas.local\", \"10.1.0.0/16\"]",
            "the addresses of private networks that are allowed: true, or [\"nas.local\", \"10.1.0.0/16\"]"
        )
    );
    let _ = writeln!(put, "# allow_private = false");
    let _ = writeln!(put, "\n[limits]");
    let _ = writeln!(
        put,
        "# {}",
        word(
            "ce qu’un corps peut contenir ; au-delà il est mis de côté, ou ses lignes refusées",
            "what a body may hold; beyond, it is set aside, or its rows are refused"
        )
    );
    for line in [
        "rows_max = 200000",
        "nesting_max = 64",
        "text_characters_max = 2000",
        "entities_max = 100000",
    ] {
        let _ = writeln!(put, "# {line}");
    }
    let _ = writeln!(put, "\n[serve]");
    let _ = writeln!(
        put,
        "# {}",
        word(
            "toute autre adresse que 127.0.0.1 exige un jeton dans VIGIE_TOKEN",
            "any address other than 127.0.0.1 needs a token in VIGIE_TOKEN"
        )
    );
    let _ = writeln!(put, "# listen = \"127.0.0.1:8470\"");
    let _ = writeln!(
        put,
        "# {}",
        word(
            "ce qu’un client peut demander, en moyenne sur cinq secondes (0 : sans limite), et les flux ouverts en tout",
            "what one client may ask for, on average over five seconds (0: no limit), and the open streams of all"
        )
    );
    let _ = writeln!(put, "# requests_per_second_max = 100");
    let _ = writeln!(put, "# streams_max = 2048");
    let _ = writeln!(put, "\n[map]");
    let _ = writeln!(
        put,
        "# {}",
        word(
            "un style MapLibre à la place du fond intégré : une adresse, ou un fichier d’ici ; et les autres hôtes de ses tuiles",
            "a MapLibre style instead of the built-in land: an address, or a file here; and the further hosts of its tiles"
        )
    );
    let _ = writeln!(put, "# style = \"https://tiles.example.org/style.json\"");
    let _ = writeln!(put, "# hosts = [\"https://fonts.example.org\"]");
    let _ = writeln!(put, "\n[report]");
    let _ = writeln!(
        put,
        "# {}",
        word(
            "un modèle Typst à la place de celui du programme (crates/vigie-report/templates/README.md)",
            "a Typst template instead of the built-in one (crates/vigie-report/templates/README.md)"
        )
    );
    let _ = writeln!(put, "# template = \"report.typ\"");
    let _ = writeln!(
        put,
        "# {}",
        word(
            "à chaque rapport écrit : un programme, qui reçoit son chemin, et un courriel à notify.email",
            "for each report written: a program, which gets its path, and mail to notify.email"
        )
    );
    let _ = writeln!(put, "# on_done = [\"/usr/local/bin/publish\"]");
    let _ = writeln!(put, "# email = true");
    let _ = writeln!(
        put,
        "\n# {}\n# [notify]\n# webhook = \"env:VIGIE_WEBHOOK\"\n# [[alerts]]\n# name = \"{}\"\n\
         # source = \"usgs-earthquakes\"\n# measure = \"magnitude\"\n# above = 6",
        word(
            "ce dont on veut être averti, et comment : voir le README, « Alerts »",
            "what to be told of, and how: see the README, \"Alerts\""
        ),
        word("Fort séisme", "Strong earthquake"),
    );
    for definition in Catalogue::embedded()
        .iter()
        .filter(|definition| fits(definition, &zone))
    {
        source(put, definition, language);
    }
    Ok(text)
}

fn scale(scale: Scale) -> &'static str {
    match scale {
        Scale::Earth => "earth",
        Scale::Continent => "continent",
        Scale::Country => "country",
        Scale::City => "city",
    }
}

/// The parameter of sources whose provider writes in several languages.
const LANGUAGE_PARAM: &str = "lang";

/// The table of a source: enabled unless it needs a key, or is not suggested.
fn source(put: &mut String, definition: &Definition, language: Language) {
    let sheet = &definition.sheet;
    let rights = &sheet.rights;
    let domain = definition.domain.title();
    let colon = match language {
        Language::Fr => "\u{A0}:",
        Language::En => ":",
    };
    let _ = writeln!(
        put,
        "\n# {}{colon} {} ({})",
        domain.get(language),
        sheet.title.get(language),
        rights.licence
    );
    let enabled = sheet.access.key.is_none() && definition.suggested;
    if let Some(key) = &sheet.access.key {
        let _ = match language {
            Language::Fr => writeln!(put, "# clé : {} ; mettez-la dans {}", key.signup, key.env),
            Language::En => writeln!(put, "# key: {}; put it into {}", key.signup, key.env),
        };
    }
    let _ = writeln!(put, "[sources.{}]", definition.id);
    let _ = writeln!(put, "enabled = {enabled}");
    let _ = writeln!(
        put,
        "# collect_seconds = {}",
        definition.schedule.every().as_secs()
    );
    let _ = writeln!(put, "# base_url = \"http://127.0.0.1:8080\"");
    for (name, value) in &definition.params {
        // What the provider writes in several languages comes in that of the reader.
        if name == LANGUAGE_PARAM && language == Language::Fr {
            let _ = writeln!(put, "params.{name} = \"fr\"");
            continue;
        }
        let value = toml::Value::String(value.clone());
        let _ = writeln!(put, "# params.{name} = {value}");
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        for zone in ["Earth", "Europe", "France", "Paris", "Tokyo", "Québec"] {
            for language in [Language::Fr, Language::En] {
                let text = configuration(
                    zone,
                    "sqlite:data/vigie.db",
                    language,
                    Definition::applies_to,
                )
                .unwrap();
                let config = config::parse(Path::new("vigie.toml"), &text).unwrap();
                assert!(
                    config.sources.values().any(|source| source.enabled),
                    "{zone}"
                );
                let wikipedia = &config.sources[&"wikipedia-most-read".parse().unwrap()];
                let edition = wikipedia.params.get("lang").map(String::as_str);
                let expected = (language == Language::Fr).then_some("fr");
                assert_eq!(edition, expected);
            }
        }
    }
}
