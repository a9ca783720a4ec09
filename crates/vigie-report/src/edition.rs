//! Editions in words: which one it is, and what the one before said otherwise.

use jiff::tz::TimeZone;
use serde::Serialize;
use vigie_core::{
    analysis::Analysis,
    edition::{Edition, FigureChange, SourceChange},
    text::Language,
};

use crate::{
    ReportOptions,
    clean::{clean, clean_or},
    number::{count, percent, quantity},
    time,
    view::{ReportView, report_view},
    words::Words,
};

/// Sources named; the others are counted.
const NAMED_MAX: usize = 12;

/// What an earlier edition said otherwise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EditionView {
    /// Which edition it is, and which one it replaces.
    #[serde(skip)]
    pub line: String,
    /// Above the changes.
    pub title: String,
    /// A line per source.
    pub changes: Vec<String>,
}

/// The view of a report, its edition included.
pub(crate) fn view_of(analysis: &Analysis, options: &ReportOptions) -> ReportView {
    let language = options.language;
    let mut view = report_view(analysis, language, options.dashboard_url.as_deref());
    view.edition = options
        .edition
        .as_ref()
        .and_then(|edition| edition_view(edition, &analysis.zone.tz(), language));
    if let Some(edition) = &view.edition {
        view.notes.insert(0, edition.line.clone());
    }
    view
}

/// An edition in words; the first has nothing to say.
pub fn edition_view(edition: &Edition, tz: &TimeZone, language: Language) -> Option<EditionView> {
    let words = Words::of(language);
    let (number, replaces) = (edition.number, edition.replaces?);
    let before = time::moment_long(replaces, tz, language);
    let named = edition.changes.iter().take(NAMED_MAX);
    let mut changes: Vec<String> = named.map(|change| of_source(change, language)).collect();
    let others = edition.changes.len().saturating_sub(NAMED_MAX) as u64;
    if others > 0 {
        changes.push(format!(
            "{} {}",
            count(others, language),
            words.pick(
                words.plural(others, "autre source.", "autres sources."),
                words.plural(others, "other source.", "other sources."),
            )
        ));
    }
    Some(EditionView {
        line: match language {
            Language::Fr => format!("Édition {number}, remplace celle du {before}"),
            Language::En => format!("Edition {number}, replaces that of {before}"),
        },
        title: words
            .pick(
                "Ce qui a changé depuis l’édition précédente",
                "What changed since the edition before",
            )
            .to_owned(),
        changes,
    })
}

fn of_source(change: &SourceChange, language: Language) -> String {
    let words = Words::of(language);
    let title = clean_or(change.title.get(language), 120, change.id.as_str());
    let mut parts: Vec<String> = change
        .figures
        .iter()
        .map(|figure| of_figure(figure, language))
        .collect();
    if let Some((before, now)) = change.obtained {
        parts.push(format!(
            "{} {} → {}",
            words.pick("téléchargements obtenus", "downloads obtained"),
            count(before, language),
            count(now, language)
        ));
    }
    if let Some((before, now)) = change.coverage {
        parts.push(format!(
            "{} {} → {}",
            words.pick("couverture", "coverage"),
            percent(before, language),
            percent(now, language)
        ));
    }
    let (colon, comma) = (words.pick("\u{A0}: ", ": "), words.pick("\u{202F}; ", "; "));
    format!("{title}{colon}{}.", parts.join(comma))
}

fn of_figure(change: &FigureChange, language: Language) -> String {
    let label = clean(change.label.get(language), 60);
    let same_entity = change.before.0 == change.now.0;
    let say = |(entity, value): &(Option<String>, Option<f64>)| {
        let value = value.map_or_else(
            || Words::of(language).no_value.to_owned(),
            |value| quantity(value, change.decimals, &change.unit, language),
        );
        match entity {
            Some(entity) if !same_entity => format!("{value} ({})", clean(entity, 60)),
            _ => value,
        }
    };
    let of = match &change.now.0 {
        Some(entity) if same_entity => format!(" ({})", clean(entity, 60)),
        _ => String::new(),
    };
    format!("{label}{of} {} → {}", say(&change.before), say(&change.now))
}

#[cfg(test)]
mod tests {
    use vigie_core::{analysis::PeriodKind, edition::Facts, text::Text};

    use super::*;
    use crate::{render_html, render_pdf, sample};

    /// The second edition of the sample: a day's bikes were more than was known first.
    fn second() -> (Analysis, Edition) {
        let before = sample::analysis(sample::paris(), PeriodKind::Day);
        let mut now = before.clone();
        let source = now
            .sources
            .iter_mut()
            .find(|source| source.id.as_str() == "velib-disponibilite")
            .unwrap();
        source.captures.obtained += 2;
        source.headlines[0].value = source.headlines[0].value.map(|value| value + 1_000.0);
        let edition = Edition {
            number: 2,
            replaces: Some(before.now),
            changes: Facts::of(&now).since(&Facts::of(&before)),
        };
        (now, edition)
    }

    #[test]
    fn a_new_edition_says_what_changed_in_both_languages() {
        let (analysis, edition) = second();
        for (language, line, title, changed) in [
            (
                Language::Fr,
                "Édition 2, remplace celle du ",
                "Ce qui a changé depuis l’édition précédente",
                "téléchargements obtenus ",
            ),
            (
                Language::En,
                "Edition 2, replaces that of ",
                "What changed since the edition before",
                "downloads obtained ",
            ),
        ] {
            let options = ReportOptions {
                language,
                edition: Some(edition.clone()),
                ..ReportOptions::default()
            };
            let html = render_html(&analysis, &options);
            for text in [line, title, changed, " → "] {
                assert!(html.contains(text), "{text}");
            }
            let pdf = render_pdf(&analysis, &options).unwrap();
            assert!(
                pdf == render_pdf(&analysis, &options).unwrap(),
                "the same edition gives other bytes"
            );
            let first = ReportOptions {
                edition: Some(Edition::first()),
                ..options
            };
            assert!(!render_html(&analysis, &first).contains(title));
        }
    }

    #[test]
    fn text_of_feeds_is_cleaned_and_sources_beyond_a_dozen_are_counted() {
        let (_, mut edition) = second();
        let mut one = edition.changes[0].clone();
        one.title = Text::same("a\nb\u{202E}");
        one.figures[0].now.0 = Some("<b>\u{7}x".to_owned());
        edition.changes = vec![one; 15];
        let tz = sample::paris().tz();
        let view = edition_view(&edition, &tz, Language::Fr).unwrap();
        assert_eq!(view.changes.len(), 13);
        assert!(
            view.changes[0].starts_with("a b\u{A0}: "),
            "{:?}",
            view.changes[0]
        );
        assert!(!view.changes[0].contains('\u{7}'));
        assert_eq!(view.changes[12], "3 autres sources.");
    }
}
