//! What the dossier says of what sources have in common.

use vigie_core::{
    dossier::{CommonGround, Dossier, SharedTrait},
    text::Language,
};

use super::{
    document::{Block, Column, Line, Section, text},
    phrase::Phrase,
};
use crate::{clean::clean_or, number::quantity};

/// Pairs of areas that are listed.
const AREAS_MAX: usize = 20;

pub(super) fn sections(dossier: &Dossier, phrase: Phrase<'_>) -> Vec<Section> {
    let common = &dossier.common;
    let mut head = Section::new(1, phrase.pick("Points communs", "Common ground"));
    head.say(summary(common, dossier, phrase));
    let mut sections = vec![head];
    let mut put = |title: &str, columns: &[&str], rows: Vec<Vec<Line>>| {
        if rows.is_empty() {
            return;
        }
        let mut section = Section::new(2, title);
        let columns = columns.iter().map(|title| Column::left(title)).collect();
        section.blocks.push(Block::Table { columns, rows });
        sections.push(section);
    };
    let sources = phrase.pick("Sources", "Sources");
    let entities = phrase.pick("Entités partagées", "Shared entities");
    put(
        entities,
        &[entities, phrase.pick("Exemples", "Examples"), sources],
        common
            .entities
            .iter()
            .map(|shared| {
                let names = shared.examples.iter();
                let names: Vec<String> = names.map(|name| clean_or(name, 60, "–")).collect();
                vec![
                    text(phrase.number(shared.count)),
                    text(names.join(", ")),
                    phrase.links(&shared.sources),
                ]
            })
            .collect(),
    );
    put(
        phrase.pick("Mesures du même nom", "Measures of the same name"),
        &[
            phrase.pick("Champ", "Field"),
            phrase.pick("Unités", "Units"),
            sources,
        ],
        common
            .measures
            .iter()
            .map(|shared| {
                let mut units: Vec<String> = Vec::new();
                for (_, unit) in &shared.units {
                    let unit = phrase.unit(unit);
                    if !units.contains(&unit) {
                        units.push(unit);
                    }
                }
                vec![
                    text(shared.id.as_str()),
                    text(units.join(" · ")),
                    phrase.links(shared.units.iter().map(|(source, _)| source)),
                ]
            })
            .collect(),
    );
    let traits = |shared: &[SharedTrait], say: &dyn Fn(&str) -> String| -> Vec<Vec<Line>> {
        let row =
            |shared: &SharedTrait| vec![text(say(&shared.value)), phrase.links(&shared.sources)];
        shared.iter().map(row).collect()
    };
    let as_is = |value: &str| clean_or(value, 120, "–");
    let unit = phrase.pick("Unité", "Unit");
    put(
        phrase.pick("Unités partagées", "Shared units"),
        &[unit, sources],
        traits(&common.units, &|code| phrase.unit(code)),
    );
    put(
        phrase.pick("Même rythme de relevé", "Asked at the same rhythm"),
        &[phrase.pick("Période", "Every"), sources],
        traits(&common.rhythms, &|seconds| {
            seconds
                .parse()
                .map_or_else(|_| as_is(seconds), |s| phrase.span(s))
        }),
    );
    put(
        if common.areas.len() > AREAS_MAX {
            phrase.pick(
                "Emprises qui se recoupent (les 20 plus petites)",
                "Areas that overlap (the 20 smallest)",
            )
        } else {
            phrase.pick("Emprises qui se recoupent", "Areas that overlap")
        },
        &[
            phrase.pick("Partie commune", "Part in common"),
            phrase.pick("Du plus petit des deux", "Of the smaller one"),
            sources,
        ],
        areas(common, phrase),
    );
    put(
        phrase.pick("Même fournisseur", "Same provider"),
        &[phrase.pick("Fournisseur", "Provider"), sources],
        traits(&common.providers, &as_is),
    );
    put(
        phrase.pick("Même licence", "Same licence"),
        &[phrase.pick("Licence", "Licence"), sources],
        traits(&common.licences, &as_is),
    );
    put(
        phrase.pick("Même format", "Same format"),
        &[phrase.pick("Format", "Format"), sources],
        traits(&common.formats, &as_is),
    );
    sections
}

fn areas(common: &CommonGround, phrase: Phrase<'_>) -> Vec<Vec<Line>> {
    let degrees = |value: f64| quantity(value, 1, "deg", phrase.language);
    let row = |shared: &vigie_core::dossier::SharedArea| {
        let [west, south, east, north] = shared.bbox.map(degrees);
        let place = match phrase.language {
            Language::Fr => format!("longitude {west} à {east}, latitude {south} à {north}"),
            Language::En => format!("longitude {west} to {east}, latitude {south} to {north}"),
        };
        vec![
            text(place),
            text(phrase.percent(shared.share)),
            phrase.links(&shared.sources),
        ]
    };
    let mut areas: Vec<_> = common.areas.iter().collect();
    // The smallest say most: what covers the Earth overlaps with everything.
    areas.sort_by(|a, b| size(a.bbox).total_cmp(&size(b.bbox)));
    areas.into_iter().take(AREAS_MAX).map(row).collect()
}

fn size([west, south, east, north]: [f64; 4]) -> f64 {
    (east - west) * (north - south)
}

/// What is shared in a sentence, and what is not in another.
fn summary(common: &CommonGround, dossier: &Dossier, phrase: Phrase<'_>) -> String {
    let counts = [
        (
            common.entities.iter().map(|shared| shared.count).sum(),
            "entité",
            "entités",
            "entity",
            "entities",
        ),
        (
            common.measures.len() as u64,
            "nom de mesure",
            "noms de mesures",
            "measure name",
            "measure names",
        ),
        (
            common.units.len() as u64,
            "unité",
            "unités",
            "unit",
            "units",
        ),
        (
            common.rhythms.len() as u64,
            "rythme",
            "rythmes",
            "rhythm",
            "rhythms",
        ),
        (
            common.areas.len() as u64,
            "paire d’emprises",
            "paires d’emprises",
            "pair of areas",
            "pairs of areas",
        ),
        (
            common.providers.len() as u64,
            "fournisseur",
            "fournisseurs",
            "provider",
            "providers",
        ),
        (
            common.licences.len() as u64,
            "licence",
            "licences",
            "licence",
            "licences",
        ),
        (
            common.formats.len() as u64,
            "format",
            "formats",
            "format",
            "formats",
        ),
    ];
    let all = dossier.sources.len() as u64;
    let sources = phrase.counted(all, "source", "sources");
    if common.is_empty() {
        return match phrase.language {
            Language::Fr => format!("{sources}, sans point commun au-delà de la date et du lieu."),
            Language::En => format!("{sources}, with nothing in common beyond date and place."),
        };
    }
    let some = counts.iter().filter(|(count, ..)| *count > 0);
    let some: Vec<String> = some
        .map(|(count, un, des, one, many)| {
            phrase.counted(*count, phrase.pick(un, one), phrase.pick(des, many))
        })
        .collect();
    let none = counts.iter().filter(|(count, ..)| *count == 0);
    let none: Vec<&str> = none
        .map(|(_, un, _, one, _)| phrase.pick(un, one))
        .collect();
    let shared = some.join(", ");
    let shared = match phrase.language {
        Language::Fr => {
            format!("Au-delà de la date et du lieu, les {sources} ont en commun\u{A0}: {shared}.")
        }
        Language::En => format!("Beyond date and place, the {sources} have in common: {shared}."),
    };
    if none.is_empty() {
        return shared;
    }
    let none = none.join(", ");
    match phrase.language {
        Language::Fr => format!("{shared} Rien de commun en matière de\u{A0}: {none}."),
        Language::En => format!("{shared} Nothing is shared of: {none}."),
    }
}
