//! The table of a source: its greatest entities or its latest events.

use jiff::tz::TimeZone;
use serde::Serialize;
use vigie_core::{
    analysis::{Period, SourceAnalysis},
    text::Language,
};

use crate::{
    clean::clean,
    number::{axis_unit, count, number},
    time,
    words::Words,
};

/// The most rows of a table.
const ROWS_MAX: usize = 10;

/// A table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TableView {
    /// What it lists.
    pub caption: String,
    /// Its columns.
    pub columns: Vec<ColumnView>,
    /// Its rows: a cell per column.
    pub rows: Vec<Vec<String>>,
    /// How many there are in all, when not all are listed.
    pub note: Option<String>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnView {
    /// Its heading.
    pub title: String,
    /// Whether it holds figures, which stand at the right.
    pub figures: bool,
}

impl ColumnView {
    pub(crate) fn text(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            figures: false,
        }
    }

    pub(crate) fn figures(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            figures: true,
        }
    }
}

/// The leading measure, as far as the analysis names it.
struct Leading {
    title: Option<String>,
    unit: String,
    decimals: u8,
}

fn leading(source: &SourceAnalysis, language: Language) -> Leading {
    if let Some(measure) = &source.leading_measure {
        let title = Some(clean(measure.title.get(language), 40));
        return Leading {
            title,
            unit: measure.unit.clone(),
            decimals: measure.decimals,
        };
    }
    if let Some(chart) = &source.chart {
        let title = Some(clean(chart.title.get(language), 40));
        return Leading {
            title,
            unit: chart.unit.clone(),
            decimals: chart.decimals,
        };
    }
    source.headlines.first().map_or_else(
        || Leading {
            title: None,
            unit: "1".to_owned(),
            decimals: 2,
        },
        |headline| Leading {
            title: None,
            unit: headline.unit.clone(),
            decimals: headline.decimals,
        },
    )
}

pub(crate) fn table_view(
    source: &SourceAnalysis,
    period: &Period,
    tz: &TimeZone,
    language: Language,
) -> Option<TableView> {
    if source.events.is_empty() {
        entities(source, period, tz, language)
    } else {
        Some(events(source, period, tz, language))
    }
}

fn entities(
    source: &SourceAnalysis,
    period: &Period,
    tz: &TimeZone,
    language: Language,
) -> Option<TableView> {
    if source.entities.is_empty() {
        return None;
    }
    let words = Words::of(language);
    let Leading {
        title,
        unit,
        decimals,
    } = leading(source, language);
    let unit = clean(&axis_unit(&unit, language), 24);
    let measure = match (title, unit.as_str()) {
        (Some(title), "") => Some(title),
        (Some(title), unit) => Some(format!("{title} ({unit})")),
        (None, "") => None,
        (None, unit) => Some(unit.to_owned()),
    };
    // Directions have neither least nor greatest value: no column of dashes for them.
    let linear = source
        .entities
        .iter()
        .any(|line| line.figures.min.is_some());
    let figure = |value: Option<f64>| {
        value.map_or_else(|| "–".to_owned(), |value| number(value, decimals, language))
    };
    let mut columns = vec![
        ColumnView::text(words.pick("Nom", "Name")),
        ColumnView::figures(words.pick("Dernier", "Last")),
    ];
    if linear {
        columns.push(ColumnView::figures("Min."));
    }
    columns.push(ColumnView::figures(words.pick("Moy.", "Mean")));
    if linear {
        columns.push(ColumnView::figures("Max."));
    }
    columns.push(ColumnView::figures(words.pick("Mesures", "Samples")));
    columns.push(ColumnView::figures(words.pick("Heure", "Time")));
    let rows: Vec<Vec<String>> = source
        .entities
        .iter()
        .take(ROWS_MAX)
        .map(|line| {
            let figures = &line.figures;
            let mut cells = vec![clean(&line.name, 60), figure(figures.last)];
            if linear {
                cells.push(figure(figures.min));
            }
            cells.push(figure(figures.mean));
            if linear {
                cells.push(figure(figures.max));
            }
            cells.push(count(figures.count, language));
            cells.push(time::moment(line.at, period, tz, language));
            cells
        })
        .collect();
    let shown = rows.len() as u64;
    let all = source.entity_count.max(source.entities.len() as u64);
    let falling = source.entities.len() > 1
        && source
            .entities
            .is_sorted_by(|a, b| a.figures.last >= b.figures.last);
    let subject = if falling {
        words.pick("Les plus élevés", "The greatest")
    } else {
        words.pick("Détail", "Detail")
    };
    Some(TableView {
        caption: measure.map_or_else(
            || subject.to_owned(),
            |measure| format!("{subject} – {measure}"),
        ),
        columns,
        rows,
        note: note(shown, all, language),
    })
}

fn events(
    source: &SourceAnalysis,
    period: &Period,
    tz: &TimeZone,
    language: Language,
) -> TableView {
    let words = Words::of(language);
    let Leading {
        title,
        unit,
        decimals,
    } = leading(source, language);
    let unit = clean(&axis_unit(&unit, language), 24);
    let valued = source.events.iter().any(|event| event.value.is_some());
    let mut columns = vec![
        ColumnView::text(words.pick("Heure", "Time")),
        ColumnView::text(words.pick("Événement", "Event")),
    ];
    if valued {
        let title = title.unwrap_or_else(|| words.pick("Valeur", "Value").to_owned());
        columns.push(ColumnView::figures(&if unit.is_empty() {
            title
        } else {
            format!("{title} ({unit})")
        }));
    }
    columns.push(ColumnView::figures(words.pick("Versions", "Versions")));
    let rows: Vec<Vec<String>> = source
        .events
        .iter()
        .take(ROWS_MAX)
        .map(|event| {
            let mut cells = vec![
                time::moment(event.at, period, tz, language),
                clean(&event.title, 110),
            ];
            if valued {
                cells.push(
                    event
                        .value
                        .map_or_else(|| "–".to_owned(), |value| number(value, decimals, language)),
                );
            }
            cells.push(count(event.revisions, language));
            cells
        })
        .collect();
    let all = source.event_count.max(source.events.len() as u64);
    TableView {
        caption: words
            .pick("Derniers événements", "Latest events")
            .to_owned(),
        columns,
        note: note(rows.len() as u64, all, language),
        rows,
    }
}

fn note(shown: u64, all: u64, language: Language) -> Option<String> {
    let (shown_words, all_words) = (count(shown, language), count(all, language));
    (shown < all).then(|| match language {
        Language::Fr => format!("{shown_words} sur {all_words}"),
        Language::En => format!("{shown_words} of {all_words}"),
    })
}
