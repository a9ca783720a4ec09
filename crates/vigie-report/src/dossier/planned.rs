//! What the dossier says of the dashboard: what the page and the report show of each source.

use vigie_core::{
    dossier::{Dossier, PlannedChart, SourceRecord},
    measure::Across,
    text::Language,
};

use super::{
    document::{Block, Column, Line, Section, line, text},
    phrase::{Phrase, cleaned},
};

pub(super) fn section(dossier: &Dossier, phrase: Phrase<'_>) -> Section {
    let mut section = Section::new(1, phrase.pick("Tableau de bord prévu", "Planned dashboard"));
    let located = dossier
        .sources
        .iter()
        .filter(|record| record.model.located)
        .count() as u64;
    let all = dossier.sources.len() as u64;
    section.say(match phrase.language {
        Language::Fr => format!(
            "Onglets\u{A0}: Aujourd’hui ({}), Carte ({}), Explorer (séries et tableaux de chaque mesure), Comparer ({} sur un même axe), \
             Sources (ces fiches) et Santé (téléchargements et incidents). Le rapport PDF reprend les chiffres, le graphique, la carte et le tableau.",
            phrase.counted(all, "carte de source", "cartes de sources"),
            phrase.counted(located, "source localisée", "sources localisées"),
            phrase.counted(measures(dossier), "mesure", "mesures"),
        ),
        Language::En => format!(
            "Tabs: Today ({}), Map ({}), Explore (series and tables of every measure), Compare ({} on one axis), Sources (these sheets) \
             and Health (downloads and problems). The PDF report shows the figures, the chart, the map and the table.",
            phrase.counted(all, "card of a source", "cards of sources"),
            phrase.counted(located, "located source", "located sources"),
            phrase.counted(measures(dossier), "measure", "measures"),
        ),
    });
    let rows = dossier.sources.iter().map(|record| row(record, phrase));
    section.blocks.push(Block::Table {
        columns: vec![
            Column::left(phrase.pick("Source", "Source")),
            Column::left(phrase.pick("Chiffres clés", "Key figures")),
            Column::left(phrase.pick("Graphique", "Chart")),
            Column::left(phrase.pick("Carte", "Map")),
            Column::left(phrase.pick("Tableau", "Table")),
        ],
        rows: rows.collect(),
    });
    section
}

fn measures(dossier: &Dossier) -> u64 {
    let sources = dossier.sources.iter();
    sources
        .map(|record| record.model.measures.len() as u64)
        .sum()
}

fn row(record: &SourceRecord, phrase: Phrase<'_>) -> Vec<Line> {
    let planned = record.planned();
    let mut card: Vec<String> = planned.card.iter().map(|m| phrase.measure(m)).collect();
    if record.model.events {
        for title in &mut card {
            *title = match phrase.language {
                Language::Fr => format!("{title}, maximum"),
                Language::En => format!("{title}, greatest"),
            };
        }
        card.insert(
            0,
            phrase
                .pick("nombre d’événements", "number of events")
                .to_owned(),
        );
    }
    if !planned.card_entities.is_empty() {
        card.push(cleaned(&planned.card_entities.join(", ")));
    }
    let chart = planned.chart.as_ref().map_or_else(
        || "–".to_owned(),
        |chart| {
            let what = chart_words(chart, phrase);
            let steps = match (chart, planned.by_day) {
                (PlannedChart::Marks(_), _) => phrase.pick("par date", "by time"),
                (_, true) => phrase.pick("par jour", "by day"),
                (_, false) => phrase.pick("par heure", "by hour"),
            };
            format!("{what}, {steps}")
        },
    );
    let on_map = if planned.map {
        phrase.pick("oui", "yes")
    } else {
        phrase.pick("non", "no")
    };
    let table = if record.model.events {
        phrase.pick("derniers événements", "latest events")
    } else {
        phrase.pick("entités", "entities")
    };
    vec![
        line([phrase.link_to(record)]),
        text(card.join(" · ")),
        text(chart),
        text(on_map),
        text(table),
    ]
}

fn chart_words(chart: &PlannedChart, phrase: Phrase<'_>) -> String {
    let french = phrase.language == Language::Fr;
    match chart {
        PlannedChart::Marks(measure) => {
            let measure = phrase.measure(measure);
            if french {
                format!("un point par événement\u{A0}: {measure}")
            } else {
                format!("a mark per event: {measure}")
            }
        }
        PlannedChart::Entity(measure, entity) => {
            let measure = phrase.measure(measure);
            match entity {
                Some(entity) => format!("{measure}, {}", cleaned(entity)),
                None => measure,
            }
        }
        PlannedChart::SideBySide(measures) => {
            let titles: Vec<String> = measures.iter().map(|m| phrase.text_of(&m.title)).collect();
            let unit = measures.first().map(|m| phrase.unit(&m.unit));
            format!("{} ({})", titles.join(", "), unit.unwrap_or_default())
        }
        PlannedChart::LinePerEntity(measure) => {
            let measure = phrase.measure(measure);
            if french {
                format!("{measure}, une ligne par entité")
            } else {
                format!("{measure}, a line per entity")
            }
        }
        PlannedChart::Together(measure) => {
            let how = match measure.across {
                Across::Sum => phrase.pick("somme des entités", "sum of the entities"),
                Across::Mean | Across::Each => {
                    phrase.pick("moyenne des entités", "mean of the entities")
                }
            };
            format!("{}, {how}", phrase.measure(measure))
        }
    }
}
