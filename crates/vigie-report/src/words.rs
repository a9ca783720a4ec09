//! The words of the report, in both languages.

use serde::Serialize;
use vigie_core::{capture::Outcome, domain::Domain, text::Language};

/// Fixed words that the template prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Words {
    /// What the page numbers come after.
    pub page: &'static str,
    /// Above the summary table.
    pub overview: &'static str,
    /// Columns of the summary table.
    pub source: &'static str,
    /// The figure to lead with.
    pub figure: &'static str,
    /// The age of the newest content.
    pub age: &'static str,
    /// Downloads.
    pub downloads: &'static str,
    /// The share of expected observations that are present.
    pub coverage: &'static str,
    /// A source whose newest content is too old.
    pub stale: &'static str,
    /// A figure or bar without value.
    pub no_value: &'static str,
    /// Above what is known of the downloads.
    pub quality: &'static str,
    /// Above the latest problems.
    pub problems: &'static str,
    /// Before the credit.
    pub credit: &'static str,
    /// Before the licence.
    pub licence: &'static str,
    /// At the line of a chart after which nothing can be known.
    pub now: &'static str,
    /// Before the address of the live page.
    pub live: &'static str,
    /// Where no source is enabled.
    pub no_sources: &'static str,
    /// What happened, a line per domain.
    pub highlights: &'static str,
    /// What is unlike what is usual.
    pub unusual: &'static str,
    /// Which sources vary together.
    pub correlated: &'static str,
    /// What is usual.
    pub usual: &'static str,
    /// Against the period before.
    pub change: &'static str,
    #[serde(skip)]
    pub(crate) mean_of_all: &'static str,
    #[serde(skip)]
    pub(crate) sum_of_all: &'static str,
    #[serde(skip)]
    language: Language,
}

const FR: Words = Words {
    page: "Page",
    overview: "Vue d’ensemble",
    source: "Source",
    figure: "Chiffre clé",
    age: "Âge du contenu",
    downloads: "Téléchargements",
    coverage: "Couverture",
    stale: "en retard",
    no_value: "aucune donnée",
    quality: "Qualité des données",
    problems: "Derniers incidents",
    credit: "Source",
    licence: "licence",
    now: "maintenant",
    live: "En direct",
    no_sources: "Aucune source n’est activée\u{A0}: ce rapport est vide. Activez-en dans vigie.toml.",
    highlights: "Ce qui s’est passé",
    unusual: "Ce qui est inhabituel",
    correlated: "Ce qui varie ensemble",
    usual: "Habituel",
    change: "Évolution",
    mean_of_all: "moyenne de l’ensemble",
    sum_of_all: "somme de l’ensemble",
    language: Language::Fr,
};

const EN: Words = Words {
    page: "Page",
    overview: "Overview",
    source: "Source",
    figure: "Key figure",
    age: "Age of content",
    downloads: "Downloads",
    coverage: "Coverage",
    stale: "stale",
    no_value: "no data",
    quality: "Data quality",
    problems: "Latest problems",
    credit: "Source",
    licence: "licence",
    now: "now",
    live: "Live",
    no_sources: "No source is enabled: this report is empty. Enable some in vigie.toml.",
    highlights: "What happened",
    unusual: "What is unusual",
    correlated: "What varies together",
    usual: "Usual",
    change: "Change",
    mean_of_all: "mean of all",
    sum_of_all: "sum of all",
    language: Language::En,
};

impl Words {
    /// The words of `language`.
    pub fn of(language: Language) -> &'static Self {
        match language {
            Language::Fr => &FR,
            Language::En => &EN,
        }
    }

    /// The name of a domain; of one that a user made up, its own word.
    pub(crate) fn domain(&self, domain: &str) -> String {
        if let Some(known) = Domain::parse(domain) {
            return known.title().get(self.language).to_owned();
        }
        let spaced = domain.replace(['-', '_'], " ");
        let mut letters = spaced.chars();
        let first = letters.next().map(char::to_uppercase);
        first.map_or_else(String::new, |first| first.chain(letters).collect())
    }

    pub(crate) fn outcome(&self, outcome: Outcome) -> &'static str {
        match outcome {
            Outcome::Landed => self.pick("arrivé", "landed"),
            Outcome::Unchanged => self.pick("inchangé", "unchanged"),
            Outcome::Failed => self.pick("échec", "failed"),
            Outcome::Quarantined => self.pick("quarantaine", "quarantined"),
            Outcome::Summarized => self.pick("résumé", "summarised"),
        }
    }

    pub(crate) fn chart_in_words(&self, title: &str, least: &str, greatest: &str) -> String {
        match self.language {
            Language::Fr => format!("{title}\u{A0}: de {least} à {greatest}."),
            Language::En => format!("{title}: from {least} to {greatest}."),
        }
    }

    /// `usual: 4 (2–7)`.
    pub(crate) fn usual_is(&self, band: &str) -> String {
        match self.language {
            Language::Fr => format!("habituel\u{A0}: {band}"),
            Language::En => format!("usual: {band}"),
        }
    }

    /// The notice that data are simulated.
    pub(crate) fn simulated(&self) -> &'static str {
        match self.language {
            Language::Fr => {
                "Données simulées\u{A0}: elles viennent du simulateur de Vigie, et non des fournisseurs cités."
            }
            Language::En => {
                "Simulated data: they come from Vigie’s simulator, and not from the providers named."
            }
        }
    }

    /// One of two words for a count: what is not more than one is singular in French (`0 source`).
    pub(crate) fn plural<'a>(&self, count: u64, one: &'a str, many: &'a str) -> &'a str {
        let singular = match self.language {
            Language::Fr => count < 2,
            Language::En => count == 1,
        };
        if singular { one } else { many }
    }

    /// A label before what it is of: `Source : `, `Source: `.
    pub(crate) fn labelled(&self, label: &str) -> String {
        format!("{label}{}", self.pick("\u{A0}: ", ": "))
    }

    /// The French or the English text.
    pub(crate) fn pick<'a>(&self, fr: &'a str, en: &'a str) -> &'a str {
        match self.language {
            Language::Fr => fr,
            Language::En => en,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_have_names_in_both_languages() {
        assert_eq!(Words::of(Language::Fr).domain("earthquakes"), "Séismes");
        assert_eq!(
            Words::of(Language::En).domain("space-weather"),
            "Space weather"
        );
        assert_eq!(Words::of(Language::Fr).domain("my-garden"), "My garden");
    }

    #[test]
    fn zero_is_singular_in_french_only() {
        assert_eq!(
            Words::of(Language::Fr).plural(0, "source", "sources"),
            "source"
        );
        assert_eq!(
            Words::of(Language::En).plural(0, "source", "sources"),
            "sources"
        );
    }
}
