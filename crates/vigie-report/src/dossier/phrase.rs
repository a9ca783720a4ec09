//! How things are said in one language.

use jiff::SignedDuration;
use vigie_core::{
    dossier::{Dossier, SourceRecord},
    measure::{Across, Kind, Measure},
    sheet::Permission,
    text::{Language, SourceId, Text},
    zone::Scale,
};

use super::document::Run;
use crate::{
    clean::{clean, clean_or, web_address},
    number::{self, axis_unit, quantity},
    time,
    words::Words,
};

/// The most letters of a text from a definition.
const LETTERS_MAX: usize = 1200;

/// The language, and the dossier for the names of its sources.
#[derive(Clone, Copy)]
pub(super) struct Phrase<'d> {
    pub(super) language: Language,
    dossier: &'d Dossier,
}

impl<'d> Phrase<'d> {
    pub(super) fn new(dossier: &'d Dossier, language: Language) -> Self {
        Self { language, dossier }
    }

    /// The French or the English text.
    pub(super) fn pick<'a>(self, fr: &'a str, en: &'a str) -> &'a str {
        Words::of(self.language).pick(fr, en)
    }

    pub(super) fn text_of(self, text: &Text) -> String {
        cleaned(text.get(self.language))
    }

    pub(super) fn title(self, record: &SourceRecord) -> String {
        clean_or(
            record.sheet.title.get(self.language),
            120,
            record.id.as_str(),
        )
    }

    /// The title of a source, which leads to its section.
    pub(super) fn link_to(self, record: &SourceRecord) -> Run {
        Run {
            text: self.title(record),
            to: Some(section_id(&record.id)),
            ..Run::default()
        }
    }

    /// The titles of sources, which lead to their sections, with commas between.
    pub(super) fn links<'a>(self, ids: impl IntoIterator<Item = &'a SourceId>) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for id in ids {
            let Some(record) = self.record(id) else {
                continue;
            };
            if !runs.is_empty() {
                runs.push(Run {
                    text: ", ".to_owned(),
                    ..Run::default()
                });
            }
            runs.push(self.link_to(record));
        }
        runs
    }

    pub(super) fn record(self, id: &SourceId) -> Option<&'d SourceRecord> {
        let mut sources = self.dossier.sources.iter();
        sources.find(|record| record.id == *id)
    }

    pub(super) fn number(self, value: u64) -> String {
        number::count(value, self.language)
    }

    pub(super) fn percent(self, share: f64) -> String {
        number::percent(share, self.language)
    }

    /// A count and its word.
    pub(super) fn counted(self, count: u64, one: &str, many: &str) -> String {
        let word = Words::of(self.language).plural(count, one, many);
        format!("{}\u{A0}{word}", self.number(count))
    }

    /// A length of time.
    pub(super) fn span(self, seconds: i64) -> String {
        time::span(SignedDuration::from_secs(seconds), self.language)
    }

    /// A size: `155 ko`, `1.3 GB`.
    pub(super) fn bytes(self, bytes: f64) -> String {
        let (mut value, mut unit) = (bytes, "By");
        for larger in ["kBy", "MBy", "GBy", "TBy"] {
            if value < 999.5 {
                break;
            }
            (value, unit) = (value / 1000.0, larger);
        }
        let decimals = u8::from(unit != "By" && value < 9.95);
        quantity(value, decimals, unit, self.language)
    }

    pub(super) fn not_measured(self) -> &'static str {
        self.pick("pas assez mesuré", "not enough measured")
    }

    /// A figure, or that not enough was measured.
    pub(super) fn measured(self, figure: Option<String>) -> String {
        figure.unwrap_or_else(|| self.not_measured().to_owned())
    }

    /// The sign of a unit.
    pub(super) fn unit(self, ucum: &str) -> String {
        let sign = cleaned(&axis_unit(ucum, self.language));
        if sign.is_empty() {
            self.pick("sans unité", "no unit").to_owned()
        } else {
            sign
        }
    }

    /// A measure with its unit.
    pub(super) fn measure(self, measure: &Measure) -> String {
        let sign = cleaned(&axis_unit(&measure.unit, self.language));
        let title = self.text_of(&measure.title);
        if sign.is_empty() {
            title
        } else {
            format!("{title} ({sign})")
        }
    }

    pub(super) fn kind(self, kind: Kind) -> &'static str {
        match kind {
            Kind::Gauge => self.pick("niveau", "level"),
            Kind::Counter => self.pick("compteur", "counter"),
            Kind::Event => self.pick("grandeur d’événement", "figure of an event"),
            Kind::Rank => self.pick("rang", "rank"),
            Kind::Direction => self.pick("direction", "direction"),
        }
    }

    pub(super) fn across(self, across: Across) -> &'static str {
        match across {
            Across::Mean => self.pick("moyenne", "mean"),
            Across::Sum => self.pick("somme", "sum"),
            Across::Each => self.pick("chacune à part", "each by itself"),
        }
    }

    pub(super) fn scale(self, scale: Scale) -> &'static str {
        match scale {
            Scale::Earth => self.pick("Terre entière", "the whole Earth"),
            Scale::Continent => self.pick("continent", "continent"),
            Scale::Country => self.pick("pays", "country"),
            Scale::City => self.pick("ville", "city"),
        }
    }

    /// What may be done; what is not plainly allowed stands out.
    pub(super) fn permission(self, permission: Permission) -> Run {
        match permission {
            Permission::Allowed => Run {
                text: self.pick("autorisé", "allowed").to_owned(),
                ..Run::default()
            },
            Permission::Forbidden => Run::alert(self.pick("interdit", "forbidden")),
            Permission::Doubtful => Run::alert(self.pick(
                "douteux – lire les conditions avant",
                "doubtful – read the terms first",
            )),
        }
    }
}

/// A text from a definition, fit for paper.
pub(super) fn cleaned(text: &str) -> String {
    clean(text, LETTERS_MAX)
}

/// An address as a link; one that is none as plain text.
pub(super) fn address(url: &str) -> Run {
    Run {
        text: cleaned(url),
        url: web_address(url),
        ..Run::default()
    }
}

/// Where links to a source lead.
pub(super) fn section_id(source: &SourceId) -> String {
    format!("source-{source}")
}
