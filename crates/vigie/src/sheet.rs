//! The sheet of a source: content, periodicity, access and rights, for people and for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};
use vigie_core::{measure::Kind, sheet::Coverage, text::Language};
use vigie_sources::{Definition, Reach};

use crate::output::duration;

/// The sheet as a JSON value.
pub(crate) fn as_json(definition: &Definition) -> Value {
    let sheet = &definition.sheet;
    let (access, rights) = (&sheet.access, &sheet.rights);
    json!({
        "id": definition.id,
        "domain": definition.domain.as_str(),
        "title": sheet.title,
        "description": sheet.description,
        "provider": { "name": sheet.provider.name, "url": sheet.provider.url },
        "docs": sheet.docs,
        "content": sheet.content,
        "model": definition.model.as_str(),
        "format": definition.format_name(),
        "measures": definition.measures,
        "periodicity": {
            "note": sheet.periodicity,
            "publishes_seconds": definition.publishes.map(|every| every.as_secs()),
            "collect_seconds": definition.schedule.every().as_secs(),
            "stale_after_seconds": definition.stale_after.as_secs(),
            "revision_horizon_seconds": definition.horizon.as_secs(),
            "history": definition.history.as_ref().map(|history| history.reach().to_string()),
        },
        "access": {
            "kind": access.as_str(),
            "key": access.key.as_ref().map(|key| json!({
                "environment": key.env, "signup": key.signup, "note": key.note,
            })),
            "limits": access.limits.iter().map(|limit| json!({
                "requests": limit.requests, "per_seconds": limit.per.as_secs(),
            })).collect::<Vec<_>>(),
            "note": access.note,
        },
        "rights": {
            "licence": rights.licence,
            "url": rights.url,
            "attribution": rights.attribution,
            "archive": rights.archive.as_str(),
            "republish": rights.republish.as_str(),
            "note": rights.note,
        },
        "zones": sheet.coverage.words(),
        "quirks": sheet.quirks,
    })
}

/// The sheet as text.
pub(crate) fn as_text(definition: &Definition, language: Language) -> String {
    let sheet = &definition.sheet;
    let (access, rights) = (&sheet.access, &sheet.rights);
    let french = language == Language::Fr;
    let word = |fr: &'static str, en: &'static str| if french { fr } else { en };
    let colon = word("\u{A0}:", ":");
    let mut text = String::new();
    let mut put = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "{name:<14} {value}");
        }
    };
    put(definition.id.as_str(), sheet.title.get(language));
    put("", sheet.description.get(language));
    put(
        word("Domaine", "Domain"),
        definition.domain.title().get(language),
    );
    put(
        word("Fournisseur", "Provider"),
        &format!("{} <{}>", sheet.provider.name, sheet.provider.url),
    );
    put("Documentation", &sheet.docs);
    put(word("Contenu", "Content"), sheet.content.get(language));
    for measure in &definition.measures {
        let kind = match (measure.kind, french) {
            (Kind::Gauge, true) => "grandeur",
            (Kind::Counter, true) => "compteur",
            (Kind::Event, true) => "événement",
            (Kind::Rank, true) => "rang",
            (Kind::Direction, true) => "direction",
            (kind, false) => kind.as_str(),
        };
        put(
            "",
            &format!(
                "· {} [{}], {kind}{colon} {}",
                measure.id,
                measure.unit,
                measure.title.get(language)
            ),
        );
    }
    put(
        word("Périodicité", "Periodicity"),
        sheet.periodicity.get(language),
    );
    let every = duration(definition.schedule.every().as_secs());
    put(
        "",
        &format!("{} {every}", word("Relevée toutes les", "Collected every")),
    );
    if let Some(history) = &definition.history {
        let reach = history.reach();
        let text = match reach {
            Reach::Since(date) => format!("{} {date}", word("depuis le", "since")),
            Reach::Back(back) => {
                let back = duration(back.as_secs());
                format!("{} {back}", word("sur les derniers", "of the last"))
            }
        };
        put(
            word("Historique", "History"),
            &format!("{text} (vigie backfill)"),
        );
    }
    let kind = match (&access.key, french) {
        (None, true) => "libre, sans clé".to_owned(),
        (None, false) => "open, no key".to_owned(),
        (Some(key), true) => format!("clé dans {} ; inscription : {}", key.env, key.signup),
        (Some(key), false) => format!("key in {}; sign up at {}", key.env, key.signup),
    };
    put(word("Accès", "Access"), &kind);
    for limit in &access.limits {
        let per = duration(limit.per.as_secs());
        put(
            "",
            &format!(
                "{} {} / {per}",
                limit.requests,
                word("requêtes", "requests")
            ),
        );
    }
    if let Some(note) = &access.note {
        put("", note.get(language));
    }
    put(
        word("Droits", "Rights"),
        &format!("{} <{}>", rights.licence, rights.url),
    );
    put(word("Mention", "Attribution"), &rights.attribution);
    let permission = |permission: vigie_core::sheet::Permission| match (permission.as_str(), french)
    {
        ("allowed", true) => "autorisé",
        ("forbidden", true) => "interdit",
        ("doubtful", true) => "douteux",
        (word, _) => word,
    };
    put(
        "",
        &format!(
            "{}{colon} {}",
            word("archivage", "archiving"),
            permission(rights.archive)
        ),
    );
    put(
        "",
        &format!(
            "{}{colon} {}",
            word("republication", "republishing"),
            permission(rights.republish)
        ),
    );
    if let Some(note) = &rights.note {
        put("", note.get(language));
    }
    put("Zones", &zones(&sheet.coverage, language));
    for quirk in &sheet.quirks {
        put(word("Particularité", "Quirk"), quirk.get(language));
    }
    text.truncate(text.trim_end().len());
    text
}

/// Where the source says something.
fn zones(coverage: &Coverage, language: Language) -> String {
    let (earth, country) = match language {
        Language::Fr => ("toute la Terre", "pays"),
        Language::En => ("the whole Earth", "country"),
    };
    let earth = coverage.earth.then(|| earth.to_owned());
    let continents = coverage.continents.iter();
    let countries = coverage.countries.iter();
    let areas = coverage.areas.iter();
    let all: Vec<String> = earth
        .into_iter()
        .chain(continents.map(|code| format!("continent {code}")))
        .chain(countries.map(|code| format!("{country} {code}")))
        .chain(areas.map(|area| area.name.get(language).to_owned()))
        .collect();
    all.join(", ")
}

#[cfg(test)]
mod tests {
    use vigie_sources::Catalogue;

    use super::*;

    #[test]
    fn the_french_sheet_has_no_english_words_of_ours() {
        let foreign = ["gauge", "event:", "earth", "country", "allowed", "doubtful"];
        for definition in Catalogue::embedded().iter() {
            let text = as_text(definition, Language::Fr);
            let ours = text.lines().filter(|line| {
                let told = line.trim_start();
                told.starts_with('·') || told.starts_with("arch") || told.starts_with("Zones")
            });
            for line in ours {
                assert!(!foreign.iter().any(|word| line.contains(word)), "{line}");
            }
        }
    }
}
