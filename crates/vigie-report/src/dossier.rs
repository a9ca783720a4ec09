//! The dossier on paper: [`Dossier`] → [`Document`] → Markdown, HTML or PDF.
//!
//! The document holds all that is said, in one language, as headings, lines and tables. The three formats only lay it out, so
//! that they say the same.

mod common;
mod document;
pub(crate) mod html;
mod markdown;
mod measured;
mod pdf;
mod phrase;
mod planned;
mod source;

use vigie_core::{dossier::Dossier, text::Language};

use self::{
    document::{Block, Column, Document, Section, line, text},
    phrase::{Phrase, cleaned},
};
use crate::{ReportError, number::quantity, time, words::Words};

/// A format of the dossier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DossierFormat {
    /// For repositories and other tools.
    Markdown,
    /// One file that loads nothing else.
    Html,
    /// Tagged and outlined, with the data attached.
    Pdf,
}

impl DossierFormat {
    /// The format of a file with this extension.
    pub fn of_extension(extension: &str) -> Option<Self> {
        match extension.to_lowercase().as_str() {
            "md" | "markdown" => Some(Self::Markdown),
            "html" | "htm" => Some(Self::Html),
            "pdf" => Some(Self::Pdf),
            _ => None,
        }
    }
}

/// Writes the dossier in a language and a format. The same dossier gives the same bytes.
pub fn render_dossier(
    dossier: &Dossier,
    language: Language,
    format: DossierFormat,
) -> Result<Vec<u8>, ReportError> {
    let document = document(dossier, language);
    match format {
        DossierFormat::Markdown => Ok(markdown::write(&document).into_bytes()),
        DossierFormat::Html => Ok(html::write(&document).into_bytes()),
        DossierFormat::Pdf => pdf::write(&document, dossier),
    }
}

fn document(dossier: &Dossier, language: Language) -> Document {
    let phrase = Phrase::new(dossier, language);
    let zone = phrase.text_of(&dossier.zone.name);
    let mut sections = vec![subject(dossier, phrase)];
    let mut domain = None;
    for record in &dossier.sources {
        if domain != Some(&record.domain) {
            domain = Some(&record.domain);
            let title = phrase.text_of(&record.domain_title);
            sections.push(Section::new(1, title));
        }
        sections.extend(source::sections(record, phrase));
    }
    if !dossier.sources.is_empty() {
        sections.extend(common::sections(dossier, phrase));
        sections.extend(measured::sections(dossier, phrase));
        sections.push(planned::section(dossier, phrase));
    }
    let made = time::moment_long(dossier.now, &dossier.zone.tz(), language);
    let subtitle = phrase.pick("Dossier des sources", "Dossier of the sources");
    Document {
        language,
        title: format!("Vigie – {zone} – {subtitle}"),
        zone,
        subtitle: subtitle.to_owned(),
        note: match language {
            Language::Fr => format!("Établi le {made}"),
            Language::En => format!("Made on {made}"),
        },
        simulated: dossier
            .simulated
            .then(|| Words::of(language).simulated().to_owned()),
        page: Words::of(language).page,
        sections,
    }
}

/// What is watched, and by which sources.
fn subject(dossier: &Dossier, phrase: Phrase<'_>) -> Section {
    let zone = &dossier.zone;
    let mut section = Section::new(1, phrase.pick("Objet et zone", "Subject and zone"));
    let count = dossier.sources.len() as u64;
    let domains = dossier
        .sources
        .iter()
        .map(|record| &record.domain)
        .collect::<std::collections::BTreeSet<_>>()
        .len() as u64;
    let name = phrase.text_of(&zone.name);
    section.say(match phrase.language {
        Language::Fr => format!(
            "Ce dossier décrit ce qui est suivi en direct sur la zone «\u{A0}{name}\u{A0}»\u{A0}: {} dans {}.",
            phrase.counted(count, "source", "sources"),
            phrase.counted(domains, "domaine", "domaines"),
        ),
        Language::En => format!(
            "This dossier describes what is watched live in the zone “{name}”: {} in {}.",
            phrase.counted(count, "source", "sources"),
            phrase.counted(domains, "domain", "domains"),
        ),
    });
    let needing = dossier
        .sources
        .iter()
        .filter(|record| record.sheet.access.key.is_some())
        .count() as u64;
    let doubtful = dossier.sources.iter().filter(|record| {
        let rights = &record.sheet.rights;
        [rights.archive, rights.republish]
            .iter()
            .any(|permission| permission.as_str() != "allowed")
    });
    let doubtful = doubtful.count() as u64;
    if count > 0 {
        section.say(match phrase.language {
            Language::Fr => format!(
                "Clés d’accès nécessaires\u{A0}: {}. Sources aux droits limités ou douteux\u{A0}: {}.",
                phrase.number(needing),
                phrase.number(doubtful)
            ),
            Language::En => format!(
                "Access keys needed: {}. Sources with limited or doubtful rights: {}.",
                phrase.number(needing),
                phrase.number(doubtful)
            ),
        });
    }
    let degrees = |value: f64| quantity(value, 2, "deg", phrase.language);
    let [west, south, east, north] = zone.bbox.map(degrees);
    let mut facts = vec![
        (phrase.pick("Zone", "Zone"), vec![text(name)]),
        (
            phrase.pick("Échelle", "Scale"),
            vec![text(phrase.scale(zone.scale))],
        ),
        (
            phrase.pick("Emprise", "Bounding box"),
            vec![text(match phrase.language {
                Language::Fr => format!("longitude {west} à {east}, latitude {south} à {north}"),
                Language::En => format!("longitude {west} to {east}, latitude {south} to {north}"),
            })],
        ),
        (
            "Centre",
            vec![text(format!(
                "longitude {}, latitude {}",
                degrees(zone.centre.lon),
                degrees(zone.centre.lat)
            ))],
        ),
        (
            phrase.pick("Fuseau horaire", "Time zone"),
            vec![text(cleaned(&zone.time_zone))],
        ),
    ];
    for (label, code) in [
        (phrase.pick("Pays", "Country"), &zone.country),
        (phrase.pick("Monnaie", "Currency"), &zone.currency),
    ] {
        if let Some(code) = code {
            facts.push((label, vec![text(cleaned(code))]));
        }
    }
    section.facts(facts);
    if dossier.sources.is_empty() {
        section.say(Words::of(phrase.language).no_sources);
        return section;
    }
    let rows = dossier.sources.iter().map(|record| {
        let access = match &record.sheet.access.key {
            None => phrase.pick("libre", "open"),
            Some(_) => phrase.pick("clé", "key"),
        };
        vec![
            line([phrase.link_to(record)]),
            text(phrase.text_of(&record.domain_title)),
            text(access),
            text(phrase.span(record.periodicity.collect_seconds)),
            text(cleaned(&record.sheet.rights.licence)),
        ]
    });
    let columns = vec![
        Column::left(phrase.pick("Source", "Source")),
        Column::left(phrase.pick("Domaine", "Domain")),
        Column::left(phrase.pick("Accès", "Access")),
        Column::right(phrase.pick("Période de relevé", "Asked every")),
        Column::left(phrase.pick("Licence", "Licence")),
    ];
    section.blocks.push(Block::Table {
        columns,
        rows: rows.collect(),
    });
    section
}

#[cfg(test)]
mod tests;
