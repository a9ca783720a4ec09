//! What the dossier says of one source: content and model, access and periodicity, rights, quirks.

use vigie_core::{dossier::SourceRecord, text::Language};

use super::{
    document::{Block, Column, Run, Section, line, text},
    phrase::{Phrase, address, cleaned, section_id},
};

/// Entities that are named as examples.
const EXAMPLES_MAX: usize = 5;

pub(super) fn sections(record: &SourceRecord, phrase: Phrase<'_>) -> Vec<Section> {
    let mut head = Section::new(2, phrase.title(record));
    head.id = Some(section_id(&record.id));
    head.say(phrase.text_of(&record.sheet.description));
    head.facts([
        (
            phrase.pick("Fournisseur", "Provider"),
            vec![line([
                plain(format!("{} – ", cleaned(&record.sheet.provider.name))),
                address(&record.sheet.provider.url),
            ])],
        ),
        ("Documentation", vec![line([address(&record.sheet.docs)])]),
        (
            phrase.pick("Nom dans Vigie", "Name in Vigie"),
            vec![text(record.id.as_str())],
        ),
        (
            phrase.pick("Zones couvertes", "Zones covered"),
            vec![text(places(record, phrase))],
        ),
    ]);
    let mut sections = vec![
        head,
        content(record, phrase),
        access(record, phrase),
        rights(record, phrase),
    ];
    if !record.sheet.quirks.is_empty() {
        let mut quirks = Section::new(3, phrase.pick("Particularités", "Quirks"));
        quirks.blocks.push(Block::List {
            lines: record
                .sheet
                .quirks
                .iter()
                .map(|quirk| text(phrase.text_of(quirk)))
                .collect(),
        });
        sections.push(quirks);
    }
    sections
}

fn plain(text: String) -> Run {
    Run {
        text,
        ..Run::default()
    }
}

fn places(record: &SourceRecord, phrase: Phrase<'_>) -> String {
    let places = &record.sheet.coverage;
    let mut words = Vec::new();
    if places.earth {
        words.push(phrase.pick("toute la Terre", "the whole Earth").to_owned());
    }
    for (codes, fr, en) in [
        (&places.continents, "continents", "continents"),
        (&places.countries, "pays", "countries"),
    ] {
        if !codes.is_empty() {
            let codes = cleaned(&codes.join(", "));
            words.push(format!("{} {codes}", phrase.pick(fr, en)));
        }
    }
    words.extend(places.areas.iter().map(|area| phrase.text_of(&area.name)));
    words.join(" · ")
}

fn content(record: &SourceRecord, phrase: Phrase<'_>) -> Section {
    let mut section = Section::new(3, phrase.pick("Contenu et modèle", "Content and model"));
    section.say(phrase.text_of(&record.sheet.content));
    let model = &record.model;
    let rows = if model.events {
        phrase.pick(
            "des événements, avec identifiant et révisions",
            "events, with identifiers and revisions",
        )
    } else {
        phrase.pick(
            "des relevés d’entités à des heures d’observation",
            "observations of entities at observed times",
        )
    };
    let located = if model.located {
        phrase.pick("avec coordonnées", "with coordinates")
    } else {
        phrase.pick("sans coordonnées", "without coordinates")
    };
    let entities = if model.events {
        phrase.pick("Événements", "Events")
    } else {
        phrase.pick("Entités", "Entities")
    };
    section.facts([
        (
            phrase.pick("Format", "Format"),
            vec![text(format!("{}, {located}", cleaned(&model.format)))],
        ),
        (phrase.pick("Lignes", "Rows"), vec![text(rows)]),
        (entities, vec![text(seen(record, phrase))]),
        (
            phrase.pick("Attributs", "Attributes"),
            vec![text(cleaned(&model.attributes.join(", ")))],
        ),
    ]);
    let watched = !record.seen.fields.is_empty();
    let rows = model.measures.iter().map(|measure| {
        let mut cells = vec![
            text(phrase.text_of(&measure.title)),
            text(measure.id.as_str()),
            text(phrase.unit(&measure.unit)),
            text(phrase.kind(measure.kind)),
            text(phrase.across(measure.across)),
        ];
        if watched {
            cells.push(if record.seen.fields.contains(&measure.id) {
                text(phrase.pick("oui", "yes"))
            } else {
                vec![Run::alert(phrase.pick("non", "no"))]
            });
        }
        cells
    });
    let mut columns = vec![
        Column::left(phrase.pick("Mesure", "Measure")),
        Column::left(phrase.pick("Champ", "Field")),
        Column::left(phrase.pick("Unité", "Unit")),
        Column::left(phrase.pick("Nature", "Kind")),
        Column::left(phrase.pick("Ensemble", "All together")),
    ];
    if watched {
        columns.push(Column::left(phrase.pick("Vue", "Seen")));
    }
    section.blocks.push(Block::Table {
        columns,
        rows: rows.collect(),
    });
    section
}

/// How many entities or events the store has, and some of them.
fn seen(record: &SourceRecord, phrase: Phrase<'_>) -> String {
    let seen = &record.seen;
    let count = seen.entities.len() as u64;
    if count == 0 {
        return phrase
            .pick("aucun dans la base", "none in the store")
            .to_owned();
    }
    let number = phrase.number(count);
    let most = match (seen.more, phrase.language) {
        (false, _) => number,
        (true, Language::Fr) => format!("plus de {number}"),
        (true, Language::En) => format!("more than {number}"),
    };
    let known = record
        .model
        .leading
        .iter()
        .filter_map(|id| seen.entities.get_key_value(id));
    let others = seen
        .entities
        .iter()
        .filter(|(id, _)| !record.model.leading.contains(id));
    let examples: Vec<String> = known
        .chain(others)
        .take(EXAMPLES_MAX)
        .map(|(id, name)| {
            let letters = crate::clean::clean_or(name.as_deref().unwrap_or(id), 60, "–");
            match phrase.language {
                Language::Fr => format!("«\u{A0}{letters}\u{A0}»"),
                Language::En => format!("“{letters}”"),
            }
        })
        .collect();
    let examples = examples.join(", ");
    let more = if count > EXAMPLES_MAX as u64 {
        ", …"
    } else {
        ""
    };
    match phrase.language {
        Language::Fr => format!("{most} dans la base\u{A0}: {examples}{more}"),
        Language::En => format!("{most} in the store: {examples}{more}"),
    }
}

fn access(record: &SourceRecord, phrase: Phrase<'_>) -> Section {
    let title = phrase.pick("Accès et périodicité", "Access and periodicity");
    let mut section = Section::new(3, title);
    let access = &record.sheet.access;
    let periodicity = &record.periodicity;
    let mut lines = vec![match &access.key {
        None => text(phrase.pick("libre, sans clé", "open, no key")),
        Some(key) => text(match phrase.language {
            Language::Fr => format!("par clé, dans la variable d’environnement {}", key.env),
            Language::En => format!("with a key, in the environment variable {}", key.env),
        }),
    }];
    lines.extend(access.note.as_ref().map(|note| text(phrase.text_of(note))));
    let key = access.key.iter().flat_map(|key| {
        let signup = line([address(&key.signup)]);
        let note = key.note.as_ref().map(|note| text(phrase.text_of(note)));
        [Some(signup), note].into_iter().flatten()
    });
    let limits = access.limits.iter().map(|limit| {
        let requests = phrase.counted(
            u64::from(limit.requests),
            phrase.pick("requête", "request"),
            phrase.pick("requêtes", "requests"),
        );
        let per = phrase.span(limit.per.as_secs());
        text(match phrase.language {
            Language::Fr => format!("au plus {requests} en {per}"),
            Language::En => format!("at most {requests} in {per}"),
        })
    });
    let published = match periodicity.publishes_seconds {
        None => phrase
            .pick("sans rythme fixe", "no fixed rhythm")
            .to_owned(),
        Some(seconds) => phrase.span(seconds),
    };
    section.facts([
        (phrase.pick("Accès", "Access"), lines),
        (
            phrase.pick("Obtenir la clé", "Getting the key"),
            key.collect(),
        ),
        (
            phrase.pick("Limites publiées", "Published limits"),
            limits.collect(),
        ),
        (
            phrase.pick("Périodicité", "Periodicity"),
            vec![text(phrase.text_of(&record.sheet.periodicity))],
        ),
        (
            phrase.pick("Période de publication", "Published every"),
            vec![text(published)],
        ),
        (
            phrase.pick("Période de relevé", "Asked every"),
            vec![text(phrase.span(periodicity.collect_seconds))],
        ),
        (
            phrase.pick("En retard après", "Stale after"),
            vec![text(phrase.span(periodicity.stale_after_seconds))],
        ),
        (
            phrase.pick("Révisable pendant", "May be revised for"),
            vec![text(phrase.span(periodicity.horizon_seconds))],
        ),
    ]);
    section
}

fn rights(record: &SourceRecord, phrase: Phrase<'_>) -> Section {
    let rights = &record.sheet.rights;
    let mut section = Section::new(3, phrase.pick("Droits", "Rights"));
    let note = rights.note.iter().map(|note| text(phrase.text_of(note)));
    section.facts([
        (
            phrase.pick("Licence", "Licence"),
            vec![line([
                plain(format!("{} – ", cleaned(&rights.licence))),
                address(&rights.url),
            ])],
        ),
        (
            phrase.pick("Mention", "Attribution"),
            vec![text(cleaned(&rights.attribution))],
        ),
        (
            phrase.pick("Archiver le brut", "Archiving raw bodies"),
            vec![line([phrase.permission(rights.archive)])],
        ),
        (
            phrase.pick("Republier le brut", "Republishing raw bodies"),
            vec![line([phrase.permission(rights.republish)])],
        ),
        (phrase.pick("À savoir", "To know"), note.collect()),
    ]);
    section
}
