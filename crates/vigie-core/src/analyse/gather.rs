//! Takes in the documents of one source of a period.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp, ToSpan as _, tz::TimeZone};

use super::{
    LINES_MAX, SourceSheet,
    counter::Counters,
    course::{Course, Mean},
    headline_measures,
    history::History,
    joined_steps,
    mix::Parts,
    observed::Subject,
    ranking::{self, Place},
    steps,
    track::Positions,
};
use crate::{
    analysis::{CaptureCount, Findings, Freshness, Period, PeriodKind, SourceAnalysis},
    bucket::BucketSummary,
    event::{Event, Version},
    measure::{Across, Kind, Measure},
    row::Point,
    stats::{At, Stats},
    time::day_start,
};

/// How far back a chart reaches for sources that publish once a day or less.
const SLOW_CHART_DAYS: i64 = 30;
/// Entities whose steps are kept; with more, only all of them together are drawn.
const STEPPED_MAX: usize = 512;

#[derive(Debug, Default)]
pub(super) struct Entity {
    pub(super) name: Option<String>,
    pub(super) point: Option<Point>,
    /// Statistics over the period, by headline measure.
    pub(super) stats: Vec<Option<Stats>>,
    /// By headline measure what was last known: before the period where a slow source says nothing in it, and of what reaches
    /// beyond now, as a forecast does, the hour of now.
    pub(super) latest: Vec<Option<At>>,
    /// Means by headline measure and step; of all but the first entity, only those of the leading measure.
    pub(super) cells: Vec<Vec<Mean>>,
    pub(super) coverage_sum: f64,
}

impl Entity {
    pub(super) fn latest(&self, measure: usize) -> Option<At> {
        *self.latest.get(measure)?
    }

    pub(super) fn step_means(&self, measure: usize) -> Vec<Option<f64>> {
        let cells = self.cells.get(measure).map_or(&[][..], Vec::as_slice);
        cells.iter().map(Mean::value).collect()
    }
}

/// Gathers what one source says of a period.
#[derive(Debug)]
pub struct SourceAnalyser<'a> {
    pub(super) sheet: &'a SourceSheet,
    pub(super) period: &'a Period,
    pub(super) tz: &'a TimeZone,
    pub(super) now: Timestamp,
    pub(super) measures: Vec<&'a Measure>,
    pub(super) by_day: bool,
    pub(super) steps: Vec<Timestamp>,
    pub(super) entities: HashMap<String, Entity>,
    pub(super) course: Course,
    pub(super) places: HashMap<String, Place>,
    /// By headline measure; those of other kinds have none.
    pub(super) counters: Vec<Counters>,
    pub(super) events: Vec<(String, Version, u64)>,
    pub(super) positions: Positions,
    pub(super) parts: Parts,
    pub(super) history: Option<&'a History>,
    pub(super) history_pending: bool,
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
        let by_day = sheet.by_day(period);
        let measures = headline_measures(&sheet.measures);
        Self {
            sheet,
            period,
            tz,
            now,
            by_day,
            steps: steps(from, period.end, by_day, tz),
            entities: HashMap::new(),
            course: Course::new(&measures, tz, sheet),
            places: HashMap::new(),
            counters: measures.iter().map(|_| Counters::default()).collect(),
            measures,
            events: Vec::new(),
            positions: Positions::default(),
            parts: Parts::default(),
            history: None,
            history_pending: false,
        }
    }

    /// Compares with the days before.
    pub fn against(&mut self, history: &'a History) {
        self.history = Some(history);
    }

    /// Notes that the days before are still being read.
    pub fn await_history(&mut self) {
        self.history_pending = true;
    }

    /// From when on the analysis wants summaries: the start of the period, or earlier for slow sources. Events are those of the
    /// period.
    pub fn data_start(sheet: &SourceSheet, period: &Period, tz: &TimeZone) -> Timestamp {
        if sheet.slow && !sheet.events && period.kind == PeriodKind::Day {
            let first = period.date.saturating_sub((SLOW_CHART_DAYS - 1).days());
            return day_start(first, tz);
        }
        period.start
    }

    /// How many entities were taken in so far.
    pub fn entity_count(&self) -> u64 {
        self.entities.len() as u64
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
        let within = hour >= self.period.start;
        let id = summary.key.entity.as_str();
        if let Some(strength) = &self.sheet.track {
            self.positions.add_summary(summary, strength);
        }
        if let Some(mix) = self.sheet.mix.as_ref().filter(|_| within) {
            self.parts.add(summary, mix, self.tz);
        }
        self.course.add(summary);
        if let Some(leading) = self.measures.first()
            && leading.kind == Kind::Rank
            && within
        {
            ranking::follow(&mut self.places, summary, &leading.id);
        }
        // Where entities stand for themselves, any of them may be drawn.
        let alone = self
            .measures
            .first()
            .is_some_and(|m| m.across == Across::Each || m.kind == Kind::Rank);
        let is_stepped = alone || self.entities.len() <= STEPPED_MAX;
        let measures = self.measures.len();
        if !self.entities.contains_key(id) {
            let first = self.entities.is_empty();
            let stepped = if first { measures } else { 1 };
            self.entities.insert(
                id.to_owned(),
                Entity {
                    stats: vec![None; measures],
                    latest: vec![None; measures],
                    cells: vec![Vec::new(); stepped.min(measures)],
                    ..Entity::default()
                },
            );
        }
        let Some(entity) = self.entities.get_mut(id) else {
            return;
        };
        entity.name = summary.label.name.clone().or(entity.name.take());
        entity.point = summary.label.point.or(entity.point);
        for (index, measure) in self.measures.iter().enumerate() {
            let Some(found) = summary.measures.get(&measure.id) else {
                continue;
            };
            let latest = &mut entity.latest[index];
            *latest = later(*latest, &found.stats, hour <= self.now);
            if is_stepped && let Some(cells) = entity.cells.get_mut(index) {
                cells.resize(self.steps.len(), Mean::default());
                cells[step].merge(&found.stats);
            }
            if !within {
                continue;
            }
            merge_into(&mut entity.stats[index], &found.stats);
            if index == 0 {
                entity.coverage_sum += found.coverage.unwrap_or(0.0);
            }
            if measure.kind == Kind::Counter {
                self.counters[index].add(id, summary.label.name.as_deref(), hour, &found.stats);
            }
        }
    }

    /// Takes in an event, as it is known now.
    pub fn add_event(&mut self, event: &Event) {
        let (start, end) = (self.period.start, self.period.end);
        if let Some(strength) = &self.sheet.track {
            self.positions.add_event(event, strength);
        }
        // What has moved on since was there all the same.
        let version = if self.sheet.events_last() {
            event.current_within(start, end)
        } else {
            event.current()
        };
        if let Some(version) = version
            && (start..end).contains(&version.observed_at)
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
            pace_seconds: self.sheet.pace().as_secs().unsigned_abs(),
            leading_measure: self.measures.first().map(|measure| (*measure).clone()),
            entities: Vec::new(),
            entity_count: self.entities.len() as u64,
            events: Vec::new(),
            event_count: self.events.len() as u64,
            tracks: Vec::new(),
            track_measure: None,
            findings: Findings::default(),
            sentences: Vec::new(),
        };
        if self.sheet.events {
            self.describe_events(&mut analysis);
        } else {
            self.describe_observations(&mut analysis);
        }
        self.find(&mut analysis);
        if let Some(strength) = &self.sheet.track {
            let before = self.history.map(|history| &history.positions);
            analysis.tracks = self.positions.tracks(before, self.period);
            let mut measures = self.sheet.measures.iter();
            analysis.track_measure = measures.find(|measure| measure.id == *strength).cloned();
        }
        analysis
    }

    /// How many steps of the chart apart two values of a series may be that belong to one line. Where the definition knows no
    /// rhythm, it is what is between most values of the entity.
    pub(super) fn joined_steps(&self, subject: Subject<'_>) -> u32 {
        let pace = self.sheet.pace();
        let pace = match (self.sheet.rhythm, subject) {
            (Some(_), _) => pace,
            (None, Subject::Entity(id)) => pace.max(self.course.usual_gap(Some(id))),
            (None, Subject::Together(_)) => pace.max(self.course.usual_gap(None)),
        };
        joined_steps(
            pace,
            SignedDuration::from_hours(if self.by_day { 24 } else { 1 }),
        )
    }

    /// Whether entities are drawn each by itself, not combined.
    pub(super) fn drawn_apart(&self) -> bool {
        self.entities.len() <= LINES_MAX
    }
}

/// What was last known, with one more hour: of hours that have begun the latest value; before any of these, of those to come the
/// first.
fn later(known: Option<At>, hour: &Stats, begun: bool) -> Option<At> {
    let (first, last) = (hour.first, hour.last);
    if begun {
        return last
            .filter(|last| known.is_none_or(|known| known.0 <= last.0))
            .or(known);
    }
    known.or(first)
}

fn merge_into(target: &mut Option<Stats>, stats: &Stats) {
    match target {
        Some(target) => target.merge(stats),
        None => *target = Some(stats.clone()),
    }
}
