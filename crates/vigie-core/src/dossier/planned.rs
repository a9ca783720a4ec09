//! What the page and the report show of a source, as far as its definition and its entities decide it.

use serde::Serialize;

use super::SourceRecord;
use crate::{
    analyse::{HEADLINES_MAX, LINES_MAX},
    measure::{Across, Kind, Measure},
};

/// What the page and the report show of a source.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Planned {
    /// The measures of its card; for events, after their count.
    pub card: Vec<Measure>,
    /// The entities of which the card shows the first measure, where each stands for itself.
    pub card_entities: Vec<String>,
    /// Its chart; `None` without measures.
    pub chart: Option<PlannedChart>,
    /// Whether the chart goes by days, for there is new content once a day at most.
    pub by_day: bool,
    /// Whether it is on the map.
    pub map: bool,
}

/// What a chart shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PlannedChart {
    /// A mark per event: time against this measure.
    Marks(Measure),
    /// This measure of one entity.
    Entity(Measure, Option<String>),
    /// These measures of the only entity.
    SideBySide(Vec<Measure>),
    /// This measure, a line per entity.
    LinePerEntity(Measure),
    /// This measure of all entities together.
    Together(Measure),
}

impl Planned {
    pub(super) fn of(source: &SourceRecord) -> Self {
        let headlines = source.headlines();
        let leading = headlines.first().copied();
        let entities = &source.seen.entities;
        let ranked = leading.is_some_and(|measure| measure.kind == Kind::Rank);
        let alone = !ranked && leading.is_some_and(|measure| measure.across == Across::Each);
        let chart = leading.cloned().map(|leading| {
            if source.model.events {
                PlannedChart::Marks(leading)
            } else if alone {
                let first = source.model.leading.first().or(entities.keys().next());
                PlannedChart::Entity(leading, first.cloned())
            } else if entities.len() == 1 {
                let like = headlines.iter().filter(|other| other.unit == leading.unit);
                PlannedChart::SideBySide(like.map(|measure| (*measure).clone()).collect())
            } else if ranked || (2..=LINES_MAX).contains(&entities.len()) {
                PlannedChart::LinePerEntity(leading)
            } else {
                PlannedChart::Together(leading)
            }
        });
        let card = if source.model.events || alone || ranked {
            1
        } else {
            HEADLINES_MAX
        };
        Self {
            card: headlines.into_iter().take(card).cloned().collect(),
            card_entities: if alone && !source.model.events {
                let leading = source.model.leading.iter();
                leading.take(HEADLINES_MAX).cloned().collect()
            } else {
                Vec::new()
            },
            chart,
            by_day: source.periodicity.collect_seconds >= 86_400,
            map: source.model.located,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        dossier::sample,
        text::{MeasureId, Text},
    };

    #[test]
    fn ranks_are_followed_one_by_one_and_sums_are_drawn_together() {
        let mut source = sample("songs");
        let mut measure = Measure {
            id: MeasureId::new("rank").unwrap(),
            kind: Kind::Rank,
            unit: "1".into(),
            title: Text::same("Rank"),
            across: Across::Mean,
            decimals: 0,
            headline: true,
        };
        source.model.measures = vec![measure.clone()];
        let chart = source.planned().chart;
        assert_eq!(chart, Some(PlannedChart::LinePerEntity(measure.clone())));
        (measure.kind, measure.across) = (Kind::Gauge, Across::Sum);
        source.model.measures = vec![measure.clone()];
        assert_eq!(
            source.planned().chart,
            Some(PlannedChart::Together(measure))
        );
    }
}
