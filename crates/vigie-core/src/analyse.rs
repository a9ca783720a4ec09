//! From stored summaries and events to the analysis of a period.
//!
//! [`SourceAnalyser`] takes the summaries and events of one source one by one, so that memory grows with
//! the number of entities and not with that of documents.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp, ToSpan, tz::TimeZone};

use crate::{
    analysis::{
        CaptureCount, Chart, ChartKind, Credit, EntityLine, EventLine, Freshness, Headline,
        MapPoint, Mark, Period, PeriodKind, Series, SourceAnalysis,
    },
    bucket::BucketSummary,
    event::{Event, Version},
    measure::{Across, Kind, Measure},
    stats::{At, Stats},
    text::{SourceId, Text},
    time::{day_start, hours_between, local_date},
};

/// Entities that get a line of their own in a chart; with more, they are combined.
pub(crate) const LINES_MAX: usize = 8;
/// Headline figures.
pub(crate) const HEADLINES_MAX: usize = 4;
/// Entities listed.
const ENTITY_LINES_MAX: usize = 20;
/// Events listed.
const EVENT_LINES_MAX: usize = 200;
/// Places on the map.
const MAP_POINTS_MAX: usize = 5_000;
/// A sum over entities is drawn only where at least this share of those that report in the period did; below, a
/// missing station would look like missing bikes.
pub(crate) const COMPLETE_SHARE_MIN: f64 = 0.8;
/// How far back a chart reaches for sources that publish once a day or less.
const SLOW_CHART_DAYS: i64 = 30;

/// What the analysis must know of a source beside its data.
#[derive(Debug, Clone)]
pub struct SourceSheet {
    /// The source.
    pub id: SourceId,
    /// Its domain.
    pub domain: String,
    /// Its title.
    pub title: Text,
    /// Whom to credit.
    pub credit: Credit,
    /// Its measures.
    pub measures: Vec<Measure>,
    /// Whether its rows are events.
    pub events: bool,
    /// The entities to lead with, in this order; others follow by name.
    pub leading: Vec<String>,
    /// The expected time between two observations of an entity.
    pub rhythm: Option<SignedDuration>,
    /// Whether there is new content once a day at most.
    pub slow: bool,
}

/// The measures to lead with.
pub(crate) fn headline_measures(measures: &[Measure]) -> Vec<&Measure> {
    let mut chosen: Vec<&Measure> = measures.iter().filter(|m| m.headline).collect();
    if chosen.is_empty() {
        chosen.extend(measures.first());
    }
    chosen.truncate(LINES_MAX);
    chosen
}

/// The steps of a chart: local hours of a day, local days of anything longer.
fn steps(period: &Period, from: Timestamp, by_day: bool, tz: &TimeZone) -> Vec<Timestamp> {
    if !by_day && period.kind == PeriodKind::Day {
        return hours_between(from, period.end, tz);
    }
    let (mut date, end) = (local_date(from, tz), local_date(period.end, tz));
    let mut days = Vec::new();
    while date < end {
        days.push(day_start(date, tz));
        date = date.saturating_add(1.day());
    }
    days
}

#[derive(Debug, Default)]
struct Entity {
    name: Option<String>,
    point: Option<crate::row::Point>,
    /// Statistics over the period, by headline measure.
    stats: Vec<Option<Stats>>,
    /// Statistics by headline measure and step.
    cells: Vec<Vec<Option<Stats>>>,
    coverage_sum: f64,
}

impl Entity {
    fn latest(&self, measure: usize) -> Option<At> {
        self.stats.get(measure)?.as_ref()?.last
    }
}

/// Gathers what one source says of a period.
#[derive(Debug)]
pub struct SourceAnalyser<'a> {
    sheet: &'a SourceSheet,
    period: &'a Period,
    tz: &'a TimeZone,
    now: Timestamp,
    measures: Vec<&'a Measure>,
    steps: Vec<Timestamp>,
    entities: HashMap<String, Entity>,
    events: Vec<(String, Version, u64)>,
}

impl<'a> SourceAnalyser<'a> {
    /// Begins the analysis of a source.
    pub fn new(
        sheet: &'a SourceSheet,
        period: &'a Period,
        tz: &'a TimeZone,
        now: Timestamp,
    ) -> Self {
        let from = Self::data_start(sheet, period, tz);
        Self {
            sheet,
            period,
            tz,
            now,
            measures: headline_measures(&sheet.measures),
            steps: steps(period, from, sheet.slow, tz),
            entities: HashMap::new(),
            events: Vec::new(),
        }
    }

    /// From when on the analysis wants summaries: the start of the period, or earlier for slow sources.
    pub fn data_start(sheet: &SourceSheet, period: &Period, tz: &TimeZone) -> Timestamp {
        if sheet.slow && period.kind == PeriodKind::Day {
            let first = period.date.saturating_sub((SLOW_CHART_DAYS - 1).days());
            return day_start(first, tz);
        }
        period.start
    }

    /// Takes in the summary of an hour.
    pub fn add_summary(&mut self, summary: &BucketSummary) {
        let hour = summary.key.hour;
        let Some(step) = self
            .steps
            .partition_point(|start| *start <= hour)
            .checked_sub(1)
        else {
            return;
        };
        if hour >= self.period.end {
            return;
        }
        let entity = self
            .entities
            .entry(summary.key.entity.as_str().to_owned())
            .or_default();
        entity.name = summary.label.name.clone().or(entity.name.take());
        entity.point = summary.label.point.or(entity.point);
        entity.stats.resize(self.measures.len(), None);
        entity.cells.resize(self.measures.len(), Vec::new());
        for (index, measure) in self.measures.iter().enumerate() {
            let Some(found) = summary.measures.get(&measure.id) else {
                continue;
            };
            merge_into(&mut entity.stats[index], &found.stats);
            entity.cells[index].resize(self.steps.len(), None);
            merge_into(&mut entity.cells[index][step], &found.stats);
            if index == 0 && hour >= self.period.start {
                entity.coverage_sum += found.coverage.unwrap_or(0.0);
            }
        }
    }

    /// Takes in an event, as it is known now.
    pub fn add_event(&mut self, event: &Event) {
        if let Some(version) = event.current()
            && (self.period.start..self.period.end).contains(&version.observed_at)
        {
            let key = event.key.key.as_str().to_owned();
            self.events
                .push((key, version.clone(), event.versions.len() as u64));
        }
    }

    /// The analysis, with what the ledger knows.
    pub fn finish(mut self, freshness: Freshness, captures: CaptureCount) -> SourceAnalysis {
        self.events
            .sort_by(|a, b| (b.1.observed_at, &a.0).cmp(&(a.1.observed_at, &b.0)));
        let mut analysis = SourceAnalysis {
            id: self.sheet.id.clone(),
            domain: self.sheet.domain.clone(),
            title: self.sheet.title.clone(),
            credit: self.sheet.credit.clone(),
            freshness,
            captures,
            coverage: None,
            headlines: Vec::new(),
            chart: None,
            map: Vec::new(),
            leading_measure: self.measures.first().map(|measure| (*measure).clone()),
            entities: Vec::new(),
            entity_count: self.entities.len() as u64,
            events: Vec::new(),
            event_count: self.events.len() as u64,
        };
        if self.sheet.events {
            self.describe_events(&mut analysis);
        } else {
            self.describe_observations(&mut analysis);
        }
        analysis
    }

    fn describe_events(&self, analysis: &mut SourceAnalysis) {
        let leading = self.measures.first();
        let value = |version: &Version| leading.and_then(|m| version.values.get(&m.id).copied());
        let title =
            |key: &str, version: &Version| version.title.clone().unwrap_or_else(|| key.to_owned());
        analysis.headlines.push(Headline {
            label: Text::new("Événements", "Events"),
            entity: None,
            // None of an event is known as long as nothing was obtained.
            value: (analysis.captures.obtained > 0 || !self.events.is_empty())
                .then_some(self.events.len() as f64),
            unit: "1".into(),
            decimals: 0,
            at: None,
        });
        let strongest = self
            .events
            .iter()
            .filter_map(|(key, version, _)| Some((value(version)?, key, version)))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        if let (Some(measure), Some((strength, key, version))) = (leading, strongest) {
            analysis.headlines.push(Headline {
                label: Text::new(
                    format!("{} max.", measure.title.fr),
                    format!("Greatest {}", measure.title.en.to_lowercase()),
                ),
                entity: Some(title(key, version)),
                value: Some(strength),
                unit: measure.unit.clone(),
                decimals: measure.decimals,
                at: Some(version.observed_at),
            });
        }
        if let Some(measure) = leading {
            let mut marks: Vec<Mark> = self
                .events
                .iter()
                .filter_map(|(key, version, _)| {
                    let label = title(key, version);
                    Some(Mark {
                        at: version.observed_at,
                        value: value(version)?,
                        label,
                    })
                })
                .collect();
            marks.reverse();
            if !marks.is_empty() {
                let series = Series {
                    label: measure.title.clone(),
                    values: Vec::new(),
                    marks,
                };
                analysis.chart = Some(Chart {
                    kind: ChartKind::Scatter,
                    ranked: false,
                    title: measure.title.clone(),
                    unit: measure.unit.clone(),
                    decimals: measure.decimals,
                    across: None,
                    times: self.steps.clone(),
                    series: vec![series],
                });
            }
        }
        for (key, version, revisions) in &self.events {
            if analysis.events.len() < EVENT_LINES_MAX {
                analysis.events.push(EventLine {
                    key: key.clone(),
                    title: title(key, version),
                    at: version.observed_at,
                    lon: version.point.map(|point| point.lon),
                    lat: version.point.map(|point| point.lat),
                    value: value(version),
                    revisions: *revisions,
                });
            }
            if let Some(point) = version.point
                && analysis.map.len() < MAP_POINTS_MAX
            {
                analysis.map.push(MapPoint {
                    lon: point.lon,
                    lat: point.lat,
                    label: title(key, version),
                    value: value(version),
                    at: version.observed_at,
                });
            }
        }
    }

    fn describe_observations(&self, analysis: &mut SourceAnalysis) {
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
                    lon: point.lon,
                    lat: point.lat,
                    label: name.clone(),
                    value: Some(at.1),
                    at: observed_at,
                });
            }
            if let Some(stats) = &entity.stats[0]
                && analysis.entities.len() < ENTITY_LINES_MAX
            {
                analysis.entities.push(EntityLine {
                    entity: (*id).clone(),
                    name,
                    figures: stats.publish(leading.kind),
                    at: observed_at,
                });
            }
        }
    }

    /// The leading entities first, then, where they can be compared, by their latest value, else by name. In a ranking those that are
    /// in it now come first, by their rank.
    fn ranked_entities(&self) -> Vec<(&String, &Entity)> {
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

    fn headlines(&self, entities: &[(&String, &Entity)], leading: &Measure) -> Vec<Headline> {
        let apart = leading.across == Across::Each
            || leading.kind == Kind::Rank
            || (leading.across == Across::Mean && (2..=HEADLINES_MAX).contains(&entities.len()));
        if apart {
            return entities
                .iter()
                .take(HEADLINES_MAX)
                .map(|(id, entity)| {
                    let latest = entity.latest(0);
                    Headline {
                        label: leading.title.clone(),
                        entity: Some(entity.name.clone().unwrap_or_else(|| (*id).clone())),
                        value: latest.map(|at| at.1),
                        unit: leading.unit.clone(),
                        decimals: leading.decimals,
                        at: latest.and_then(|at| Timestamp::from_millisecond(at.0).ok()),
                    }
                })
                .collect();
        }
        let measures = self.measures.iter().enumerate().take(HEADLINES_MAX);
        measures
            .map(|(index, measure)| {
                let latest: Vec<At> = entities
                    .iter()
                    .filter_map(|(_, e)| e.latest(index))
                    .collect();
                let stats = Stats::from_samples(measure.kind, latest.iter().copied());
                let value = match measure.across {
                    Across::Sum => (stats.count > 0).then(|| stats.sum.value()),
                    Across::Mean | Across::Each => stats.mean(),
                };
                let newest = latest.iter().map(|at| at.0).max();
                Headline {
                    label: measure.title.clone(),
                    entity: None,
                    value,
                    unit: measure.unit.clone(),
                    decimals: measure.decimals,
                    at: newest.and_then(|at| Timestamp::from_millisecond(at).ok()),
                }
            })
            .collect()
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
        let (across, series): (_, Vec<Series>) = if entities.len() == 1 && !alone {
            // One entity: its measures of the leading unit, side by side.
            let (_, entity) = entities[0];
            let lines = self
                .measures
                .iter()
                .enumerate()
                .filter(|(_, m)| m.unit == leading.unit);
            let lines = lines.filter_map(|(index, measure)| {
                let values = step_means(entity.cells.get(index)?);
                Some(line(measure.title.clone(), values))
            });
            (None, lines.collect())
        } else if apart {
            let lines = entities.iter().take(LINES_MAX).filter_map(|(id, entity)| {
                let name = entity.name.clone().unwrap_or_else(|| (*id).clone());
                Some(line(Text::same(name), step_means(entity.cells.first()?)))
            });
            (None, lines.collect())
        } else {
            let values = (0..self.steps.len())
                .map(|step| combine(entities, leading, step))
                .collect();
            (
                Some(leading.across),
                vec![line(leading.title.clone(), values)],
            )
        };
        let series: Vec<Series> = series
            .into_iter()
            .filter(|s| s.values.iter().any(Option::is_some))
            .collect();
        (!series.is_empty()).then(|| Chart {
            kind: ChartKind::Line,
            ranked,
            title: leading.title.clone(),
            unit: leading.unit.clone(),
            decimals: leading.decimals,
            across,
            times: self.steps.clone(),
            series,
        })
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

fn merge_into(target: &mut Option<Stats>, stats: &Stats) {
    match target {
        Some(target) => target.merge(stats),
        None => *target = Some(stats.clone()),
    }
}

fn step_means(cells: &[Option<Stats>]) -> Vec<Option<f64>> {
    cells
        .iter()
        .map(|cell| cell.as_ref().and_then(Stats::mean))
        .collect()
}

fn line(label: Text, values: Vec<Option<f64>>) -> Series {
    Series {
        label,
        values,
        marks: Vec::new(),
    }
}

/// The value of all entities together at a step, or a gap.
fn combine(entities: &[(&String, &Entity)], measure: &Measure, step: usize) -> Option<f64> {
    let means = entities
        .iter()
        .filter_map(|(_, entity)| entity.cells.first()?.get(step)?.as_ref()?.mean());
    let stats = Stats::from_samples(measure.kind, means.map(|mean| At(0, mean)));
    let complete = stats.count as f64 >= COMPLETE_SHARE_MIN * entities.len() as f64;
    match measure.across {
        Across::Sum if measure.kind != Kind::Direction => complete.then(|| stats.sum.value()),
        _ => stats.mean(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::civil::Date;

    use super::*;
    use crate::{
        bucket::Bucketing,
        row::Row,
        text::{EntityId, MeasureId},
        time::period,
    };

    fn sheet(across: Across) -> SourceSheet {
        SourceSheet {
            id: SourceId::new("bikes").unwrap(),
            domain: "transport".into(),
            title: Text::same("Bikes"),
            credit: Credit {
                attribution: "City".into(),
                licence: "ODbL-1.0".into(),
                url: "https://example.org".into(),
            },
            measures: vec![Measure {
                id: MeasureId::new("bikes").unwrap(),
                kind: Kind::Gauge,
                unit: "{bike}".into(),
                title: Text::same("Bikes"),
                across,
                decimals: 0,
                headline: true,
            }],
            events: false,
            leading: Vec::new(),
            rhythm: Some(SignedDuration::from_mins(30)),
            slow: false,
        }
    }

    /// Each row is an entity, minutes after midnight, and a value.
    fn analysis(sheet: &SourceSheet, rows: &[(String, i64, f64)]) -> SourceAnalysis {
        let tz = TimeZone::get("Europe/Paris").unwrap();
        let day = period(PeriodKind::Day, Date::constant(2026, 10, 25), &tz);
        let mut bucketing = Bucketing::new(
            &sheet.id,
            &sheet.measures,
            &tz,
            SignedDuration::from_hours(24),
        );
        for (entity, minute, value) in rows {
            let at = day
                .start
                .saturating_add(SignedDuration::from_mins(*minute))
                .unwrap();
            let row = Row {
                entity: EntityId::new(entity).unwrap(),
                observed_at: at,
                published_at: None,
                revision: 0,
                point: None,
                name: None,
                values: vec![Some(*value)],
                attributes: BTreeMap::new(),
            };
            bucketing.add(&row.as_ref(), at);
        }
        let mut analyser = SourceAnalyser::new(sheet, &day, &tz, day.end);
        for bucket in bucketing.finish() {
            analyser.add_summary(&bucket.summarise(sheet.rhythm));
        }
        analyser.finish(Freshness::default(), CaptureCount::default())
    }

    fn stations(count: usize, minute: i64, value: f64) -> Vec<(String, i64, f64)> {
        (0..count)
            .map(|station| (format!("{station:03}"), minute, value))
            .collect()
    }

    #[test]
    fn a_sum_is_a_gap_where_too_few_entities_reported() {
        let mut rows = stations(20, 5, 2.0);
        rows.extend(stations(20, 65, 3.0));
        rows.extend(stations(10, 125, 3.0));
        let chart = analysis(&sheet(Across::Sum), &rows).chart.unwrap();
        // The day on which clocks go back has 25 hours.
        assert_eq!(chart.times.len(), 25);
        assert_eq!(
            chart.series[0].values[..4],
            [Some(40.0), Some(60.0), None, None]
        );
    }

    #[test]
    fn the_headline_is_the_latest_of_every_entity() {
        let mut rows = stations(20, 5, 2.0);
        rows.push(("000".into(), 200, 7.0));
        let analysis = analysis(&sheet(Across::Sum), &rows);
        assert_eq!(analysis.headlines[0].value, Some(45.0));
        assert_eq!(
            (analysis.entity_count, analysis.entities[0].entity.as_str()),
            (20, "000")
        );
    }

    #[test]
    fn a_ranking_begins_with_those_that_are_in_it_now() {
        let mut ranking = sheet(Across::Each);
        ranking.measures[0].kind = Kind::Rank;
        let mut rows: Vec<_> = (1..=10)
            .map(|rank| (format!("old-{rank}"), 5, f64::from(rank)))
            .collect();
        // An hour later the first has left, and a new one is on top.
        rows.push(("new".into(), 65, 1.0));
        rows.extend((2..=10).map(|rank| (format!("old-{rank}"), 65, f64::from(rank))));
        let analysis = analysis(&ranking, &rows);
        let names: Vec<&str> = analysis
            .entities
            .iter()
            .map(|e| e.entity.as_str())
            .collect();
        assert_eq!(names[..3], ["new", "old-2", "old-3"]);
        assert_eq!(names.last(), Some(&"old-1"));
        assert_eq!(analysis.headlines[0].entity.as_deref(), Some("new"));
        assert_eq!(analysis.headlines[0].value, Some(1.0));
        let chart = analysis.chart.unwrap();
        assert_eq!(
            (chart.series.len(), chart.across, chart.ranked),
            (8, None, true)
        );
    }

    #[test]
    fn coverage_counts_the_hours_that_are_missing() {
        let rows: Vec<_> = (0..25)
            .map(|half_hour| ("a".to_owned(), half_hour * 30, 1.0))
            .collect();
        // 25 of 50 half hours.
        assert_eq!(analysis(&sheet(Across::Mean), &rows).coverage, Some(0.5));
    }

    #[test]
    fn what_cannot_be_compared_is_shown_apart() {
        let mut sheet = sheet(Across::Each);
        sheet.leading = vec!["019".into(), "007".into()];
        let analysis = analysis(&sheet, &stations(20, 5, 1.5));
        let shown: Vec<_> = analysis
            .headlines
            .iter()
            .map(|h| h.entity.as_deref().unwrap())
            .collect();
        assert_eq!(shown, ["019", "007", "000", "001"]);
        assert_eq!(analysis.chart.unwrap().series[0].label.en, "019");
    }
}
