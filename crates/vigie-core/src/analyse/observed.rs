//! What a source of observations shows of a period: figures, chart, entities, coverage.

use jiff::Timestamp;

use super::{
    HEADLINES_MAX, LINES_MAX,
    course::{Values, by_day, moment},
    gather::{Entity, SourceAnalyser},
    happened::MAP_POINTS_MAX,
};
use crate::{
    analysis::{Chart, ChartKind, EntityLine, Headline, MapPoint, Series, SourceAnalysis},
    measure::{Across, Kind, Measure},
    stats::{At, Figures, Stats},
    text::Text,
    time::{day_start, hours_between, local_date},
};

/// Entities listed.
const ENTITY_LINES_MAX: usize = 20;

/// Which series a figure is of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Subject<'s> {
    /// All entities together, of the headline measure of that index.
    Together(usize),
    /// The leading measure of one entity.
    Entity(&'s str),
}

impl SourceAnalyser<'_> {
    pub(super) fn describe_observations(&self, analysis: &mut SourceAnalysis) {
        let Some(leading) = self.measures.first() else {
            return;
        };
        let entities = self.ranked_entities();
        analysis.headlines = self.headlines(&entities, leading);
        analysis.chart = self.chart(&entities, leading);
        analysis.coverage = self.coverage();
        for (id, entity) in &entities {
            let Some(at) = entity.latest(0) else { continue };
            let Ok(observed_at) = Timestamp::from_millisecond(at.0) else {
                continue;
            };
            let name = entity.name.clone().unwrap_or_else(|| (*id).clone());
            if let Some(point) = entity.point
                && analysis.map.len() < MAP_POINTS_MAX
            {
                analysis.map.push(MapPoint {
                    key: (*id).clone(),
                    lon: point.lon,
                    lat: point.lat,
                    label: name.clone(),
                    value: Some(at.1),
                    at: observed_at,
                });
            }
            if analysis.entities.len() < ENTITY_LINES_MAX {
                let figures = entity.stats[0].as_ref().map(|of| of.publish(leading.kind));
                analysis.entities.push(EntityLine {
                    entity: (*id).clone(),
                    name,
                    figures: Figures {
                        last: Some(at.1),
                        ..figures.unwrap_or_default()
                    },
                    at: observed_at,
                });
            }
        }
    }

    /// The leading entities first, then, where they can be compared, by their latest value, else by name. In a ranking those that are
    /// in it now come first, by their rank.
    pub(super) fn ranked_entities(&self) -> Vec<(&String, &Entity)> {
        let mut entities: Vec<(&String, &Entity)> = self.entities.iter().collect();
        let place = |id: &str| {
            self.sheet
                .leading
                .iter()
                .position(|leading| leading == id)
                .unwrap_or(usize::MAX)
        };
        let leading = self.measures.first();
        let compared = leading.is_some_and(|m| m.across == Across::Sum);
        let ranked = leading.is_some_and(|m| m.kind == Kind::Rank);
        let newest = entities
            .iter()
            .filter_map(|(_, e)| e.latest(0))
            .map(|at| at.0);
        let newest = newest.max().unwrap_or(i64::MIN);
        entities.sort_by(|a, b| {
            let value = |e: &Entity| e.latest(0).map_or(f64::NEG_INFINITY, |at| at.1);
            let rank = |e: &Entity| {
                e.latest(0)
                    .filter(|at| at.0 == newest)
                    .map_or(f64::INFINITY, |at| at.1)
            };
            let by_value = if ranked {
                rank(a.1).total_cmp(&rank(b.1))
            } else if compared {
                value(b.1).total_cmp(&value(a.1))
            } else {
                std::cmp::Ordering::Equal
            };
            place(a.0)
                .cmp(&place(b.0))
                .then(by_value)
                .then_with(|| a.0.cmp(b.0))
        });
        entities
    }

    /// Whether the headlines are of entities, one each.
    fn led_apart(&self, leading: &Measure) -> bool {
        let few = (2..=HEADLINES_MAX).contains(&self.entities.len());
        leading.across == Across::Each
            || leading.kind == Kind::Rank
            || (leading.across == Across::Mean && few)
    }

    fn headlines(&self, entities: &[(&String, &Entity)], leading: &Measure) -> Vec<Headline> {
        if self.led_apart(leading) {
            let led = entities.iter().take(HEADLINES_MAX);
            return led
                .map(|(id, entity)| {
                    let latest = entity.latest(0);
                    let at = latest.and_then(|at| Timestamp::from_millisecond(at.0).ok());
                    Headline {
                        label: leading.title.clone(),
                        entity: Some(entity.name.clone().unwrap_or_else(|| (*id).clone())),
                        value: latest.map(|at| at.1),
                        unit: leading.unit.clone(),
                        decimals: leading.decimals,
                        at,
                        usual: at.and_then(|at| self.usual_at(Subject::Entity(id), at)),
                    }
                })
                .collect();
        }
        let measures = self.measures.iter().enumerate().take(HEADLINES_MAX);
        measures
            .map(|(index, measure)| {
                let latest = self.latest_of_all(entities, index);
                let stats = Stats::from_samples(measure.kind, latest.iter().copied());
                let value = match measure.across {
                    Across::Sum => (stats.count > 0).then(|| stats.sum.value()),
                    Across::Mean | Across::Each => stats.mean(),
                };
                let newest = latest.iter().map(|at| at.0).max();
                let at = newest.and_then(|at| Timestamp::from_millisecond(at).ok());
                Headline {
                    label: measure.title.clone(),
                    entity: None,
                    value,
                    unit: measure.unit.clone(),
                    decimals: measure.decimals,
                    at,
                    usual: at.and_then(|at| self.usual_at(Subject::Together(index), at)),
                }
            })
            .collect()
    }

    /// The latest values of all entities; of those that come and go, of those that are there now.
    fn latest_of_all(&self, entities: &[(&String, &Entity)], measure: usize) -> Vec<At> {
        let all = entities.iter().filter_map(|(_, e)| e.latest(measure));
        let mut all: Vec<At> = all.collect();
        let newest = all.iter().max_by_key(|at| at.0).copied();
        if let Some(newest) = newest
            && let Some(at) = moment(newest)
            && self.course.came_and_went(local_date(at, self.tz))
        {
            // What was not heard since the download before is gone.
            let since = newest.0 - (self.sheet.pace() / 2).as_millis() as i64;
            all.retain(|at| at.0 >= since);
        }
        all
    }

    fn chart(&self, entities: &[(&String, &Entity)], leading: &Measure) -> Option<Chart> {
        // Series that cannot be compared would flatten each other: the first one stands for itself.
        let ranked = leading.kind == Kind::Rank;
        let alone = leading.across == Across::Each && !ranked;
        let entities = if alone {
            &entities[..entities.len().min(1)]
        } else if ranked {
            // The mean of ranks says nothing: the top of the chart is followed.
            &entities[..entities.len().min(LINES_MAX)]
        } else {
            entities
        };
        let apart = alone || entities.len() <= LINES_MAX;
        let mut subject = entities.first().map(|(id, _)| Subject::Entity(id));
        let (across, series): (_, Vec<Series>) = if entities.len() == 1 && !alone {
            // One entity: its measures of the leading unit, side by side.
            let (id, entity) = entities[0];
            let joined = self.joined_steps(Subject::Entity(id));
            let lines = self
                .measures
                .iter()
                .enumerate()
                .filter(|(_, m)| m.unit == leading.unit);
            let lines = lines.map(|(index, measure)| {
                line(measure.title.clone(), entity.step_means(index), joined)
            });
            (None, lines.collect())
        } else if apart {
            let lines = entities.iter().take(LINES_MAX).map(|(id, entity)| {
                let name = entity.name.clone().unwrap_or_else(|| (*id).clone());
                line(
                    Text::same(name),
                    entity.step_means(0),
                    self.joined_steps(Subject::Entity(id)),
                )
            });
            (None, lines.collect())
        } else {
            subject = Some(Subject::Together(0));
            let values = self.on_steps(&self.course.together(0), leading);
            (
                Some(leading.across),
                vec![line(
                    leading.title.clone(),
                    values,
                    self.joined_steps(Subject::Together(0)),
                )],
            )
        };
        let series: Vec<Series> = series
            .into_iter()
            .filter(|s| s.values.iter().any(Option::is_some))
            .collect();
        let usual = match (series.as_slice(), subject) {
            ([only], Some(subject))
                if only.label == leading.title || !self.drawn_apart() || entities.len() == 1 =>
            {
                self.usual_on_steps(subject)
            }
            _ => Vec::new(),
        };
        (!series.is_empty()).then(|| Chart {
            kind: ChartKind::Line,
            ranked,
            title: leading.title.clone(),
            unit: leading.unit.clone(),
            decimals: leading.decimals,
            across,
            times: self.steps.clone(),
            usual,
            series,
        })
    }

    /// Hourly values on the steps of the chart.
    fn on_steps(&self, values: &Values, measure: &Measure) -> Vec<Option<f64>> {
        let placed: Values = if self.by_day {
            by_day(values, measure.kind, self.sheet.pace(), self.now, self.tz)
                .into_iter()
                .map(|(date, value)| (day_start(date, self.tz), value))
                .collect()
        } else {
            values.clone()
        };
        let mut on_steps = vec![None; self.steps.len()];
        for (at, value) in placed {
            if let Ok(step) = self.steps.binary_search(&at) {
                on_steps[step] = Some(value);
            }
        }
        on_steps
    }

    /// The mean, over the entities and the hours that have begun, of the leading measure's coverage.
    fn coverage(&self) -> Option<f64> {
        let rhythm = self.sheet.rhythm?;
        let until = self.period.end.min(self.now.max(self.period.start));
        let hours = hours_between(self.period.start, until, self.tz).len() as f64;
        // A rhythm of n hours is expected to fill one hour in n.
        let expected = (hours / rhythm.as_secs_f64().max(3600.0) * 3600.0).max(1.0);
        let observed = self
            .entities
            .values()
            .filter(|entity| entity.coverage_sum > 0.0);
        let (sum, count) = observed.fold((0.0, 0u32), |(sum, count), entity| {
            (sum + (entity.coverage_sum / expected).min(1.0), count + 1)
        });
        Some(if count == 0 {
            0.0
        } else {
            sum / f64::from(count)
        })
    }
}

fn line(label: Text, values: Vec<Option<f64>>, joined_steps: u32) -> Series {
    Series {
        label,
        values,
        joined_steps,
        marks: Vec::new(),
        marks_left_out: 0,
    }
}
