//! What is known of the downloads of a source: how complete, how fresh, what went wrong.

use jiff::tz::TimeZone;
use serde::Serialize;
use vigie_core::{
    analysis::{Analysis, Problem, SourceAnalysis},
    text::Language,
};

use crate::{
    clean::{clean, french_spaces},
    number::{count, percent},
    time,
    view::share,
    words::Words,
};

/// The most problems that are listed.
const PROBLEMS_MAX: usize = 3;

/// How complete and fresh a source is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QualityView {
    /// Counts of downloads and rows, and the coverage.
    pub facts: Vec<FactView>,
    /// The share of expected downloads that were obtained, 0 to 1.
    pub downloads_share: Option<f64>,
    /// When the newest content happened, was published, was fetched; when the next is due.
    pub clocks: Vec<FactView>,
    /// The latest problems, at most three.
    pub problems: Vec<ProblemView>,
    /// How many more problems the record has, in words.
    pub more_problems: Option<String>,
}

/// A fact of the record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FactView {
    /// What it is.
    pub label: String,
    /// How much or when.
    pub value: String,
    /// Whether it deserves the reader's attention.
    pub alert: bool,
}

/// A download that went wrong.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProblemView {
    /// When.
    pub at: String,
    /// How it ended.
    pub outcome: String,
    /// Why.
    pub reason: String,
}

pub(crate) fn quality_view(
    source: &SourceAnalysis,
    analysis: &Analysis,
    tz: &TimeZone,
    language: Language,
) -> QualityView {
    let words = Words::of(language);
    let captures = &source.captures;
    let shown = source.captures.problems.len().min(PROBLEMS_MAX);
    let more = (captures.problems.len() - shown) as u64;
    QualityView {
        facts: facts(source, language),
        downloads_share: share(captures.obtained, captures.expected),
        clocks: clocks(source, analysis, tz, language),
        problems: captures
            .problems
            .iter()
            .take(shown)
            .map(|problem| ProblemView {
                at: time::moment(problem.at, &analysis.period, tz, language),
                outcome: words.outcome(problem.outcome).to_owned(),
                reason: reason(problem, language),
            })
            .collect(),
        more_problems: (more > 0).then(|| match language {
            Language::Fr => format!("et {more} {}", words.plural(more, "autre", "autres")),
            Language::En => format!("and {more} more"),
        }),
    }
}

/// What went wrong, in the reader's language: in English by its name with the details, which are in that language; in French by what
/// it means.
fn reason(problem: &Problem, language: Language) -> String {
    let details = clean(&problem.reason, 220);
    match (problem.cause, language) {
        (Some(cause), Language::Fr) => french_spaces(cause.sentence(language)),
        (Some(cause), Language::En) => format!("{} ({details})", cause.label(language)),
        (None, _) => details,
    }
}

fn facts(source: &SourceAnalysis, language: Language) -> Vec<FactView> {
    let words = Words::of(language);
    let captures = &source.captures;
    let fact = |fr: &str, en: &str, value: String, alert: bool| FactView {
        label: words.pick(fr, en).to_owned(),
        value,
        alert,
    };
    let counted = |value: u64| count(value, language);
    let missing = captures.obtained < captures.expected;
    vec![
        fact(
            "téléch. attendus",
            "downloads due",
            counted(captures.expected),
            false,
        ),
        fact("obtenus", "obtained", counted(captures.obtained), missing),
        fact(
            "en échec",
            "failed",
            counted(captures.failed),
            captures.failed > 0,
        ),
        fact(
            "en quarantaine",
            "quarantined",
            counted(captures.quarantined),
            captures.quarantined > 0,
        ),
        fact("lignes prises", "rows taken", counted(captures.rows), false),
        fact(
            "lignes refusées",
            "rows refused",
            counted(captures.refused_rows),
            captures.refused_rows > 0,
        ),
        fact(
            "couverture",
            "coverage",
            source.coverage.map_or_else(
                || "–".to_owned(),
                |coverage| percent(coverage.clamp(0.0, 1.0), language),
            ),
            source.coverage.is_some_and(|coverage| coverage < 0.9),
        ),
    ]
}

fn clocks(
    source: &SourceAnalysis,
    analysis: &Analysis,
    tz: &TimeZone,
    language: Language,
) -> Vec<FactView> {
    let words = Words::of(language);
    let freshness = &source.freshness;
    let clock = |fr: &str, en: &str, at: Option<jiff::Timestamp>, absent: &str, alert: bool| {
        let value = at.map_or_else(
            || absent.to_owned(),
            |at| {
                format!(
                    "{} ({})",
                    time::moment(at, &analysis.period, tz, language),
                    time::ago(at, analysis.now, language)
                )
            },
        );
        FactView {
            label: words.pick(fr, en).to_owned(),
            value,
            alert,
        }
    };
    let never = words.pick("jamais", "never");
    let unsaid = words.pick("non précisé par le fournisseur", "not said by the provider");
    // What is ahead is not old: its publication is, or the answer that had it.
    let counts = |at: Option<jiff::Timestamp>| freshness.stale && at == freshness.content_at;
    vec![
        clock(
            "Contenu observé",
            "Content observed",
            freshness.observed_at,
            never,
            counts(freshness.observed_at),
        ),
        clock(
            "publié",
            "published",
            freshness.published_at,
            unsaid,
            counts(freshness.published_at) && freshness.published_at.is_some(),
        ),
        clock(
            "récupéré",
            "fetched",
            freshness.fetched_at,
            never,
            freshness.fetched_at.is_none() || counts(freshness.fetched_at),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use vigie_core::{capture::Outcome, cause::Cause};

    use super::*;

    #[test]
    fn a_problem_is_named_in_the_language_of_the_report() {
        let mut problem = Problem {
            at: Timestamp::UNIX_EPOCH,
            outcome: Outcome::Failed,
            cause: Some(Cause::Timeout),
            reason: "timed out".to_owned(),
        };
        assert_eq!(
            reason(&problem, Language::Fr),
            "La réponse n’est pas arrivée à temps."
        );
        assert_eq!(reason(&problem, Language::En), "timed out (timed out)");
        problem.cause = None;
        assert_eq!(reason(&problem, Language::Fr), "timed out");
    }
}
