//! What a source of events says of a period.

use jiff::ToSpan as _;

use super::{
    events::{chance_above, classes, earlier_counts, usual},
    gather::SourceAnalyser,
};
use crate::{
    analysis::{
        Change, Chart, ChartKind, EventFigures, EventLine, Extreme, Headline, MapPoint, Mark,
        PeriodKind, Record, Series, SourceAnalysis, Strongest,
    },
    event::Version,
    text::Text,
    time::period,
};

/// Events listed.
const EVENT_LINES_MAX: usize = 200;
/// Marks of the chart.
const MARKS_MAX: usize = 2_000;
/// Places on the map.
pub(super) const MAP_POINTS_MAX: usize = 5_000;

impl SourceAnalyser<'_> {
    fn value_of(&self, version: &Version) -> Option<f64> {
        let leading = self.measures.first()?;
        version.values.get(&leading.id).copied()
    }

    pub(super) fn describe_events(&self, analysis: &mut SourceAnalysis) {
        let leading = self.measures.first();
        let value = |version: &Version| self.value_of(version);
        let title =
            |key: &str, version: &Version| version.title.clone().unwrap_or_else(|| key.to_owned());
        let figures = self.event_figures();
        analysis.headlines.push(Headline {
            label: Text::new("Événements", "Events"),
            entity: None,
            // None of an event is known as long as nothing was obtained.
            value: (analysis.captures.obtained > 0 || !self.events.is_empty())
                .then_some(self.events.len() as f64),
            unit: "1".into(),
            decimals: 0,
            at: None,
            usual: figures.usual,
        });
        if let (Some(measure), Some(strongest)) = (leading, &figures.strongest) {
            analysis.headlines.push(Headline {
                label: Text::new(
                    format!("{} max.", measure.title.fr),
                    format!("Greatest {}", measure.title.en.to_lowercase()),
                ),
                entity: Some(strongest.title.clone()),
                value: Some(strongest.value),
                unit: measure.unit.clone(),
                decimals: measure.decimals,
                at: Some(strongest.at),
                usual: None,
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
            let marks_left_out = marks.len().saturating_sub(MARKS_MAX) as u64;
            if marks_left_out > 0 {
                marks.sort_by(|a, b| b.value.total_cmp(&a.value));
                marks.truncate(MARKS_MAX);
            }
            marks.sort_by_key(|mark| mark.at);
            if !marks.is_empty() {
                let series = Series {
                    label: measure.title.clone(),
                    values: Vec::new(),
                    joined_steps: 1,
                    marks,
                    marks_left_out,
                };
                analysis.chart = Some(Chart {
                    kind: ChartKind::Scatter,
                    ranked: false,
                    title: measure.title.clone(),
                    unit: measure.unit.clone(),
                    decimals: measure.decimals,
                    across: None,
                    times: self.steps.clone(),
                    usual: Vec::new(),
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
                    key: key.clone(),
                    lon: point.lon,
                    lat: point.lat,
                    label: title(key, version),
                    value: value(version),
                    at: version.observed_at,
                });
            }
        }
        analysis.findings.record = self.event_record(&figures);
        analysis.findings.change = self.event_change();
        analysis.findings.events = Some(figures);
    }

    fn event_figures(&self) -> EventFigures {
        let values: Vec<f64> = self
            .events
            .iter()
            .filter_map(|(_, version, _)| self.value_of(version))
            .collect();
        let magnitude = self.measures.first().is_some_and(|measure| {
            measure.unit == "{magnitude}" || measure.id.as_str().contains("magnitude")
        });
        let strongest = self
            .events
            .iter()
            .filter_map(|(key, version, _)| Some((self.value_of(version)?, key, version)))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let counts = self.history.map_or_else(Vec::new, |history| {
            earlier_counts(history, self.period, self.now, self.tz)
        });
        let count = self.events.len() as u64;
        EventFigures {
            count,
            placed: self
                .events
                .iter()
                .filter(|event| event.1.point.is_some())
                .count() as u64,
            strongest: strongest.map(|(value, key, version)| Strongest {
                title: version.title.clone().unwrap_or_else(|| key.clone()),
                value,
                at: version.observed_at,
            }),
            classes: classes(&values, magnitude),
            usual: usual(&counts),
            busiest: self.busiest(count),
            above_all: chance_above(&counts, count),
        }
    }

    /// Whether the day has more events than all before.
    fn busiest(&self, count: u64) -> Option<Record> {
        let days = &self.history?.before;
        let is_day = self.period.kind == PeriodKind::Day;
        is_day.then(|| days.busiest(self.period.date, count, self.period.start))?
    }

    /// The strongest event, where it is stronger than all before.
    fn event_record(&self, figures: &EventFigures) -> Option<Record> {
        let (history, strongest) = (self.history?, figures.strongest.as_ref()?);
        let strongest = Extreme {
            value: strongest.value,
            at: strongest.at,
        };
        history.before.record_of_events(self.period.date, strongest)
    }

    /// How many there are, against as much of the period before.
    fn event_change(&self) -> Option<Change> {
        let history = self.history?;
        let back = match self.period.kind {
            PeriodKind::Day => 1.day(),
            PeriodKind::Week => 1.week(),
            PeriodKind::Month => 1.month(),
        };
        let before = period(
            self.period.kind,
            self.period.date.saturating_sub(back),
            self.tz,
        );
        let heard = history.was_heard(before.date, self.period.date);
        if before.start < history.known_from() || !heard {
            return None;
        }
        let until = self.period.end.min(self.now.max(self.period.start));
        let elapsed = until.duration_since(self.period.start);
        let end = before.start.saturating_add(elapsed).ok()?.min(before.end);
        let hours = elapsed.as_hours().unsigned_abs() as u32;
        Some(Change {
            value: self.events.len() as f64,
            before: history.events_within(before.start, end) as f64,
            hours,
            hours_passed: hours,
            ratio: true,
            before_date: before.date,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::{SignedDuration, Timestamp, civil::date, tz::TimeZone};

    use crate::{
        analyse::{HistoryGatherer, SourceAnalyser, SourceSheet, history_ranges, tests::sheet},
        analysis::{CaptureCount, Freshness, PeriodKind, SourceAnalysis},
        event::{Event, EventKey, Version},
        measure::Across,
        row::Point,
        text::{EntityId, MeasureId},
        time::period,
    };

    /// Each storm from its first to its last day of the analysed one on, with a version at noon of each.
    fn analysis(sheet: &SourceSheet, storms: &[(i64, i64)]) -> SourceAnalysis {
        let tz = TimeZone::UTC;
        let day = period(PeriodKind::Day, date(2026, 9, 30), &tz);
        let now = day.end + SignedDuration::from_hours(96);
        let noon = |day_number: i64| day.start + SignedDuration::from_hours(24 * day_number + 12);
        let ranges = history_ranges(sheet, &day, 10, &tz);
        let since = day.start - SignedDuration::from_hours(24 * 40);
        let mut history = HistoryGatherer::new(sheet, &ranges, Some(since), &tz);
        let mut analyser = SourceAnalyser::new(sheet, &day, &tz, now);
        for (number, (first, last)) in storms.iter().enumerate() {
            let version = |day_number: i64| Version {
                revision: 0,
                observed_at: noon(day_number),
                published_at: None,
                point: Point::new(-60.0 - day_number as f64, 20.0),
                title: None,
                values: [(MeasureId::new("bikes").unwrap(), 10.0)].into(),
                attributes: BTreeMap::new(),
                first_fetched_at: noon(day_number),
                last_fetched_at: noon(day_number),
            };
            let event = Event {
                key: EventKey {
                    source: sheet.id.clone(),
                    key: EntityId::new(format!("storm-{number}")).unwrap(),
                },
                versions: (*first..=*last).map(version).collect(),
            };
            let at = event
                .current()
                .map_or(Timestamp::MIN, |current| current.observed_at);
            // As the store gives them: by the time of the version that counts.
            if at >= ranges[0].0 {
                history.add_event(&event);
            }
            if at >= day.start {
                analyser.add_event(&event);
            }
        }
        let history = history.finish();
        analyser.against(&history);
        analyser.finish(Freshness::default(), CaptureCount::default())
    }

    #[test]
    fn a_chart_of_many_events_has_the_strongest_of_them() {
        let tz = TimeZone::UTC;
        let mut sheet = sheet(Across::Mean);
        sheet.events = true;
        let day = period(PeriodKind::Day, date(2026, 9, 30), &tz);
        let mut analyser = SourceAnalyser::new(&sheet, &day, &tz, day.end);
        let all = i64::try_from(super::MARKS_MAX).unwrap() + 3;
        for number in 0..all {
            let at = day.start + SignedDuration::from_secs(number);
            analyser.add_event(&Event {
                key: EventKey {
                    source: sheet.id.clone(),
                    key: EntityId::new(format!("{number}")).unwrap(),
                },
                versions: vec![Version {
                    revision: 0,
                    observed_at: at,
                    published_at: None,
                    point: None,
                    title: None,
                    // The weakest are in the middle.
                    values: [(
                        MeasureId::new("bikes").unwrap(),
                        (number - all / 2).abs() as f64,
                    )]
                    .into(),
                    attributes: BTreeMap::new(),
                    first_fetched_at: at,
                    last_fetched_at: at,
                }],
            });
        }
        let found = analyser.finish(Freshness::default(), CaptureCount::default());
        let chart = found.chart.unwrap();
        let series = &chart.series[0];
        assert_eq!(
            (series.marks.len(), series.marks_left_out),
            (super::MARKS_MAX, 3)
        );
        assert_eq!(found.event_count, all.unsigned_abs());
        let values = series.marks.iter().map(|mark| mark.value);
        assert!(values.fold(f64::MAX, f64::min) > 1.0);
        assert!(series.marks.is_sorted_by_key(|mark| mark.at));
    }

    #[test]
    fn an_event_that_goes_on_is_one_of_every_day_that_it_was_there() {
        let mut sheet = sheet(Across::Mean);
        sheet.events = true;
        sheet.track = Some(MeasureId::new("bikes").unwrap());
        // Three storms at all times, and a fourth that came two days later.
        let found = analysis(&sheet, &[(-40, 3), (-40, 3), (-40, -1), (0, 1), (2, 3)]);
        let figures = found.findings.events.as_ref().unwrap();
        assert_eq!(figures.count, 3);
        let usual = figures.usual.unwrap();
        assert_eq!(
            (usual.low, usual.median, usual.high, usual.samples),
            (3.0, 3.0, 3.0, 28)
        );
        assert_eq!(figures.above_all, None);
        let change = found.findings.change.as_ref();
        assert_eq!(change.map(|change| change.before), Some(3.0));
        // Where it was on that day, not where it is now.
        assert!(found.events.iter().all(|event| event.lon == Some(-60.0)));
        let tracks: Vec<(&str, usize)> = found
            .tracks
            .iter()
            .map(|track| (track.entity.as_str(), track.points.len()))
            .collect();
        assert_eq!(tracks, [("storm-0", 41), ("storm-1", 41)]);
        assert_eq!(found.track_measure.unwrap().id.as_str(), "bikes");
        // An earthquake that is revised does not go on.
        sheet.track = None;
        let found = analysis(&sheet, &[(-40, 3), (-40, 0)]);
        assert_eq!((found.event_count, found.tracks.len()), (1, 0));
    }
}
