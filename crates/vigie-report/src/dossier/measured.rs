//! What the dossier says of declared against measured.

use vigie_core::{
    dossier::{Dossier, PeriodVerdict, SourceRecord, Window},
    retention::KeptDays,
    text::Language,
};

use super::{
    document::{Block, Column, Line, Run, Section, line, text},
    phrase::Phrase,
};
use crate::time;

/// A lower share of obtained downloads deserves attention.
const OBTAINED_MIN: f64 = 0.95;

pub(super) fn sections(dossier: &Dossier, phrase: Phrase<'_>) -> Vec<Section> {
    let title = phrase.pick("Déclaré et mesuré", "Declared against measured");
    let mut head = Section::new(1, title);
    head.say(basis(dossier, phrase));
    if dossier.kept_days != KeptDays::default() {
        head.say(kept(dossier.kept_days, phrase));
    }
    let asked = |record: &SourceRecord| record.measured.window.is_some();
    if !dossier.sources.iter().any(asked) {
        return vec![head];
    }
    vec![
        head,
        rhythm(dossier, phrase),
        volume(dossier, phrase),
        quality(dossier, phrase),
    ]
}

/// From when to when it was measured, over all sources.
fn basis(dossier: &Dossier, phrase: Phrase<'_>) -> String {
    let windows = || {
        let sources = dossier.sources.iter();
        sources.filter_map(|record| record.measured.window)
    };
    let from = windows().map(|window| window.from).min();
    let to = windows().map(|window| window.to).max();
    let (Some(from), Some(to)) = (from, to) else {
        return phrase
            .pick(
                "Rien n’a encore été relevé\u{A0}: il n’y a que du déclaré.",
                "Nothing was asked for yet: there is only what is declared.",
            )
            .to_owned();
    };
    let moment = |at| time::moment_long(at, &dossier.zone.tz(), phrase.language);
    let (first, last) = (moment(from), moment(to));
    match phrase.language {
        Language::Fr => format!(
            "Mesuré sur le journal des téléchargements, du {first} au {last} (les 30 derniers jours de chaque source au plus)."
        ),
        Language::En => format!(
            "Measured in the ledger of downloads, from {first} to {last} (the last 30 days of each source at most)."
        ),
    }
}

fn table(
    dossier: &Dossier,
    columns: &[&str],
    phrase: Phrase<'_>,
    cells: impl Fn(&SourceRecord) -> Vec<Line>,
) -> Block {
    let source = Column::left(phrase.pick("Source", "Source"));
    let figures = columns.iter().map(|title| Column::right(title));
    let rows = dossier.sources.iter().map(|record| {
        let mut row = vec![line([phrase.link_to(record)])];
        row.extend(cells(record));
        row
    });
    Block::Table {
        columns: std::iter::once(source).chain(figures).collect(),
        rows: rows.collect(),
    }
}

fn rhythm(dossier: &Dossier, phrase: Phrase<'_>) -> Section {
    let mut section = Section::new(2, phrase.pick("Rythme", "Rhythm"));
    let columns = [
        phrase.pick("Période déclarée", "Declared period"),
        phrase.pick("Période de relevé", "Asked every"),
        phrase.pick("Le corps change après", "Body changes after"),
        phrase.pick("Le contenu avance de", "Content advances by"),
    ];
    section
        .blocks
        .push(table(dossier, &columns, phrase, |record| {
            let (declared, measured) = (&record.periodicity, &record.measured);
            let none = || {
                phrase
                    .pick("sans rythme fixe", "no fixed rhythm")
                    .to_owned()
            };
            let span = |seconds: Option<i64>| {
                text(phrase.measured(seconds.map(|seconds| phrase.span(seconds))))
            };
            vec![
                text(
                    declared
                        .publishes_seconds
                        .map_or_else(none, |seconds| phrase.span(seconds)),
                ),
                text(phrase.span(declared.collect_seconds)),
                span(measured.change_seconds),
                span(measured.advance_seconds),
            ]
        }));
    let judged = dossier
        .sources
        .iter()
        .filter(|record| record.period_verdict() != PeriodVerdict::NotMeasured);
    let verdicts = judged.map(|record| {
        let (alert, verdict) = verdict(record, phrase);
        let colon = phrase.pick("\u{A0}: ", ": ");
        let words = format!("{colon}{verdict}.");
        let run = if alert {
            Run::alert(words)
        } else {
            Run {
                text: words,
                ..Run::default()
            }
        };
        line([phrase.link_to(record), run])
    });
    section.say(phrase.pick(
        "Médianes. On ne voit pas changer un contenu plus souvent qu’on ne le relève.",
        "Medians. Content cannot be seen to change more often than it is asked for.",
    ));
    section.blocks.push(Block::List {
        lines: verdicts.collect(),
    });
    section
}

/// What to think of the period, and whether it deserves attention.
fn verdict(record: &SourceRecord, phrase: Phrase<'_>) -> (bool, String) {
    let span = |seconds: Option<i64>| seconds.map_or_else(String::new, |s| phrase.span(s));
    let declared = span(record.periodicity.publishes_seconds);
    let asked = phrase.span(record.periodicity.collect_seconds);
    let measured = span(record.measured.change_seconds);
    let french = phrase.language == Language::Fr;
    let verdict = record.period_verdict();
    let words = match (verdict, french) {
        (PeriodVerdict::NotMeasured, _) => phrase.not_measured().to_owned(),
        (PeriodVerdict::NotDeclared, true) => {
            format!("aucun rythme déclaré\u{202F}; un nouveau corps après {measured}")
        }
        (PeriodVerdict::NotDeclared, false) => {
            format!("no rhythm declared; a new body after {measured}")
        }
        (PeriodVerdict::Confirmed, true) => format!("le rythme déclaré ({declared}) est tenu"),
        (PeriodVerdict::Confirmed, false) => {
            format!("the declared rhythm ({declared}) is kept")
        }
        (PeriodVerdict::Slower, true) => {
            format!("plus lent que déclaré ({measured} au lieu de {declared})")
        }
        (PeriodVerdict::Slower, false) => {
            format!("slower than declared ({measured} instead of {declared})")
        }
        (PeriodVerdict::Faster, true) => {
            format!("change plus souvent que déclaré ({measured} au lieu de {declared})")
        }
        (PeriodVerdict::Faster, false) => {
            format!("changes more often than declared ({measured} instead of {declared})")
        }
        (PeriodVerdict::FasterThanAsked, true) => format!(
            "période déclarée de {declared}, relevé après {asked}, nouveau presque à chaque fois"
        ),
        (PeriodVerdict::FasterThanAsked, false) => {
            format!("declared period of {declared}, asked after {asked}, new nearly each time")
        }
    };
    (verdict == PeriodVerdict::Slower, words)
}

fn kept(days: KeptDays, phrase: Phrase<'_>) -> String {
    let span = |days: Option<u32>| match (days, phrase.language) {
        (Some(days), Language::Fr) => format!("{days} jours"),
        (Some(days), Language::En) => format!("for {days} days"),
        (None, Language::Fr) => "sans limite de durée".to_owned(),
        (None, Language::En) => "for ever".to_owned(),
    };
    let (summaries, events) = (span(days.summaries), span(days.events));
    match phrase.language {
        Language::Fr => format!("Les résumés sont gardés {summaries}, les événements {events}."),
        Language::En => format!("Summaries are kept {summaries}, events {events}."),
    }
}

fn volume(dossier: &Dossier, phrase: Phrase<'_>) -> Section {
    let mut section = Section::new(2, phrase.pick("Volume", "Volume"));
    let columns = [
        phrase.pick("Corps nouveaux", "New bodies"),
        phrase.pick("Octets par corps", "Bytes per body"),
        phrase.pick("Lignes par corps", "Rows per body"),
        phrase.pick("Par an", "Per year"),
        phrase.pick("Extrapolé de", "Extrapolated from"),
    ];
    section
        .blocks
        .push(table(dossier, &columns, phrase, |record| {
            let measured = &record.measured;
            let year = measured.bytes_per_year;
            let span = |Window { from, to }: Window| {
                let seconds = to.duration_since(from).as_secs();
                phrase.span(seconds + record.periodicity.collect_seconds)
            };
            let basis = year.and(measured.window).map(span);
            vec![
                text(phrase.number(measured.bodies)),
                text(phrase.measured(measured.body_bytes.map(|b| phrase.bytes(b as f64)))),
                text(phrase.measured(measured.body_rows.map(|rows| phrase.number(rows)))),
                text(phrase.measured(year.map(|bytes| phrase.bytes(bytes)))),
                text(basis.unwrap_or_else(|| "–".to_owned())),
            ]
        }));
    let years = dossier
        .sources
        .iter()
        .filter_map(|record| record.measured.bytes_per_year);
    let (sum, count) = years.fold((0.0, 0), |(sum, count), year| (sum + year, count + 1_u64));
    if count > 0 {
        let total = phrase.bytes(sum);
        let sources = phrase.counted(
            count,
            phrase.pick("source mesurée", "measured source"),
            phrase.pick("sources mesurées", "measured sources"),
        );
        section.say(match phrase.language {
            Language::Fr => format!(
                "En tout {total} par an de corps bruts décompressés pour {sources}, si le rythme reste celui de la mesure."
            ),
            Language::En => format!(
                "In all {total} a year of raw, decompressed bodies for {sources}, if the pace stays as measured."
            ),
        });
    }
    section
}

fn quality(dossier: &Dossier, phrase: Phrase<'_>) -> Section {
    let mut section = Section::new(
        2,
        phrase.pick("Complétude et fraîcheur", "Completeness and freshness"),
    );
    let columns = [
        phrase.pick("Obtenus / attendus", "Obtained / due"),
        phrase.pick("Part", "Share"),
        phrase.pick("Échecs", "Failures"),
        phrase.pick("Quarantaine", "Quarantined"),
        phrase.pick("Lignes refusées", "Rows refused"),
        phrase.pick("Âge au relevé", "Age when fetched"),
        phrase.pick("Âge actuel", "Age now"),
    ];
    section
        .blocks
        .push(table(dossier, &columns, phrase, |record| {
            let measured = &record.measured;
            let share = measured.obtained_share();
            let part = phrase.measured(share.map(|share| phrase.percent(share)));
            let age = measured
                .newest
                .map(|at| time::age(at, dossier.now, phrase.language));
            vec![
                text(format!(
                    "{} / {}",
                    phrase.number(measured.obtained),
                    phrase.number(measured.expected)
                )),
                if share.is_some_and(|share| share < OBTAINED_MIN) {
                    vec![Run::alert(part)]
                } else {
                    text(part)
                },
                text(phrase.number(measured.failed)),
                text(phrase.number(measured.quarantined)),
                text(phrase.measured(measured.refused_share().map(|s| phrase.percent(s)))),
                text(phrase.measured(measured.lag_seconds.map(|s| phrase.span(s)))),
                text(phrase.measured(age)),
            ]
        }));
    section
}
