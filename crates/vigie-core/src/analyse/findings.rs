//! What is usual, what is not, what changed: the period against the days before.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, ToSpan as _, civil::Date};

use super::{
    baseline::{Baseline, Step},
    correlation::HourlySeries,
    course::{Values, by_day},
    events::passed,
    gather::SourceAnalyser,
    observed::Subject,
    ranking::ranking,
    trend::tendency,
};
use crate::{
    analysis::{
        Anomalies, Anomaly, Band, Change, Extreme, HistoryFacts, PeriodKind, Record,
        SourceAnalysis, Trend,
    },
    measure::{Across, Kind, Measure},
    time::{day_start, hour_end, hour_start, local_date, period},
};

/// Anomalies told.
const ANOMALIES_MAX: usize = 10;
/// Entities judged, where they stand apart.
const JUDGED_MAX: usize = 4;
/// Days that a trend is of.
const TREND_DAYS: i64 = 28;
/// The share of them that must be known.
const TREND_SHARE_MIN: f64 = 0.7;
/// A tendency that chance explains as well is not told.
const TREND_P_MAX: f64 = 0.01;
/// Periods are compared where at least this share of the hours that have passed can be.
const COMPARED_SHARE_MIN: f64 = 0.5;
/// Hours that a series brings to the search for correlations.
const CORRELATED_DAYS: i64 = 28;

/// Units whose zero means nothing: of these, ratios are not formed.
const NO_RATIO: &[&str] = &[
    "Cel",
    "[degF]",
    "deg",
    "hPa",
    "mbar",
    "[in_i'Hg]",
    "dB",
    "[pH]",
];

impl SourceAnalyser<'_> {
    /// The series that stands for the source; `None` where none does, as in rankings.
    fn primary(&self) -> Option<Subject<'_>> {
        let leading = self.measures.first()?;
        if leading.kind == Kind::Rank || self.entities.is_empty() {
            return None;
        }
        if leading.across != Across::Each {
            return Some(Subject::Together(0));
        }
        let first = self.ranked_entities().first().map(|(id, _)| id.as_str())?;
        Some(Subject::Entity(first))
    }

    fn measure_of(&self, subject: Subject<'_>) -> Option<&Measure> {
        let index = match subject {
            Subject::Together(index) => index,
            Subject::Entity(_) => 0,
        };
        self.measures.get(index).copied()
    }

    fn present(&self, subject: Subject<'_>) -> Values {
        match subject {
            Subject::Together(index) => self.course.together(index),
            Subject::Entity(id) => self.course.single(id),
        }
    }

    /// The hours before the period, those that the analysis itself reaches back to included.
    fn past(&self, subject: Subject<'_>) -> Values {
        let Some(history) = self.history else {
            return Vec::new();
        };
        let before = match subject {
            Subject::Together(index) => history.together(index),
            Subject::Entity(id) => history.single(id),
        };
        let mut values: BTreeMap<Timestamp, f64> = before.iter().copied().collect();
        values.extend(self.present(subject));
        let before = values.into_iter().filter(|(at, _)| *at < self.period.start);
        before.collect()
    }

    /// Whether there is such a thing as a usual value: not of ranks, counters and directions, nor of prices, which have no level
    /// that they come back to.
    fn has_usual(measure: &Measure) -> bool {
        measure.across != Across::Each && matches!(measure.kind, Kind::Gauge | Kind::Event)
    }

    fn baseline(&self, subject: Subject<'_>, step: Step) -> Option<Baseline<'_>> {
        let measure = self.measure_of(subject).filter(|m| Self::has_usual(m))?;
        let past = self.past(subject);
        let resolution = 10_f64.powi(-i32::from(measure.decimals));
        let past = match step {
            Step::Hour => past,
            Step::Day => self.days_of(&past, measure),
        };
        (!past.is_empty()).then(|| Baseline::new(&past, step, resolution, self.tz))
    }

    fn days_of(&self, values: &Values, measure: &Measure) -> Values {
        by_day(values, measure.kind, self.sheet.pace(), self.now, self.tz)
            .into_iter()
            .map(|(date, value)| (day_start(date, self.tz), value))
            .collect()
    }

    fn step(&self) -> Step {
        if self.by_day { Step::Day } else { Step::Hour }
    }

    /// What is usual at the hour of an instant.
    pub(super) fn usual_at(&self, subject: Subject<'_>, at: Timestamp) -> Option<Band> {
        let baseline = self.baseline(subject, Step::Hour)?;
        baseline.band(hour_start(at, self.tz))
    }

    /// What is usual on each step of the chart; empty where that is never known.
    pub(super) fn usual_on_steps(&self, subject: Subject<'_>) -> Vec<Option<Band>> {
        let Some(baseline) = self.baseline(subject, self.step()) else {
            return Vec::new();
        };
        let within = |at: &Timestamp| *at >= self.period.start;
        let bands: Vec<Option<Band>> = self
            .steps
            .iter()
            .map(|at| within(at).then(|| baseline.band(*at)).flatten())
            .collect();
        if bands.iter().all(Option::is_none) {
            return Vec::new();
        }
        bands
    }

    pub(super) fn find(&self, analysis: &mut SourceAnalysis) {
        let mut findings = std::mem::take(&mut analysis.findings);
        findings.history = self.history_facts();
        let primary = self.primary();
        if self.sheet.events {
            findings.history.enough = findings.events.as_ref().is_some_and(|e| e.usual.is_some());
        } else if let Some(subject) = primary
            && let Some(measure) = self.measure_of(subject)
        {
            findings.anomalies = self.anomalies(subject);
            findings.history.enough = analysis.headlines.iter().any(|h| h.usual.is_some())
                || analysis
                    .chart
                    .as_ref()
                    .is_some_and(|chart| !chart.usual.is_empty());
            if matches!(measure.kind, Kind::Gauge | Kind::Event) {
                let placed = self.placed(subject, measure);
                findings.change = self.change(subject, measure);
                let sum: f64 = placed.iter().map(|(_, value)| value).sum();
                findings.mean = (!placed.is_empty()).then(|| sum / placed.len() as f64);
                findings.steps = placed.len() as u32;
                findings.peak = extreme(&placed, false);
                findings.trough = extreme(&placed, true);
                findings.record = self.record(subject, measure);
                findings.trend = self.trend(subject, measure);
            }
        }
        if let Some(leading) = self.measures.first()
            && leading.kind == Kind::Rank
        {
            findings.ranking = ranking(
                &self.places,
                self.history
                    .map(|history| &history.places)
                    .filter(|places| !places.is_empty()),
            );
        }
        findings.mix = self.sheet.mix.as_ref().and_then(|mix| {
            let measures = &self.sheet.measures;
            self.parts
                .figures(mix, measures, self.period, self.now, self.tz)
        });
        findings.counters = self
            .measures
            .iter()
            .zip(&self.counters)
            .filter_map(|(measure, counters)| counters.figure(measure))
            .collect();
        analysis.findings = findings;
    }

    fn history_facts(&self) -> HistoryFacts {
        let days = self.history.map_or(&[][..], |history| &history.days);
        HistoryFacts {
            days: days.len() as u32,
            since: days.first().copied(),
            enough: false,
            pending: self.history_pending,
        }
    }

    /// The values of the period on the steps of its chart.
    fn placed(&self, subject: Subject<'_>, measure: &Measure) -> Values {
        let mut values = self.present(subject);
        values.retain(|(at, _)| *at >= self.period.start);
        if self.by_day {
            self.days_of(&values, measure)
        } else {
            values
        }
    }

    /// Whether a step is over, so that its value will not change by time alone.
    fn is_over(&self, at: Timestamp) -> bool {
        let end = match self.step() {
            Step::Hour => hour_end(at, self.tz),
            Step::Day => day_start(local_date(at, self.tz).saturating_add(1.day()), self.tz),
        };
        end <= self.now
    }

    fn anomalies(&self, primary: Subject<'_>) -> Option<Anomalies> {
        let entities = self.ranked_entities();
        let few = (2..=JUDGED_MAX).contains(&entities.len());
        let mean = self.measures.first()?.across == Across::Mean;
        let subjects: Vec<(Option<String>, Subject<'_>)> = if few && mean {
            entities
                .iter()
                .map(|(id, entity)| {
                    let name = entity.name.clone().unwrap_or_else(|| (*id).clone());
                    (Some(name), Subject::Entity(id))
                })
                .collect()
        } else {
            vec![(None, primary)]
        };
        let mut all = Anomalies {
            false_alarm_rate: self.step().false_alarm_rate(),
            ..Anomalies::default()
        };
        for (name, subject) in subjects {
            let Some(baseline) = self.baseline(subject, self.step()) else {
                continue;
            };
            let measure = self.measure_of(subject)?;
            let mut last: Option<Anomaly> = None;
            for (at, value) in self.placed(subject, measure) {
                let judged = self
                    .is_over(at)
                    .then(|| baseline.judge(at, value))
                    .flatten();
                let Some(judged) = judged else {
                    continue;
                };
                all.judged += 1;
                if judged.p > all.false_alarm_rate {
                    all.found.extend(last.take());
                    continue;
                }
                let above = value > judged.band.median;
                let joined =
                    last.take_if(|last| last.above == above && self.follows(subject, last.to, at));
                all.found.extend(last.take());
                let mut anomaly = joined.unwrap_or_else(|| Anomaly {
                    entity: name.clone(),
                    from: at,
                    to: at,
                    above,
                    value,
                    at,
                    usual: judged.band,
                    steps: 0,
                    p: judged.p,
                });
                let off = |value: f64, band: Band| {
                    (value - band.median).abs() / (band.high - band.median).max(f64::MIN_POSITIVE)
                };
                if off(value, judged.band) > off(anomaly.value, anomaly.usual) {
                    (anomaly.value, anomaly.at) = (value, at);
                    (anomaly.usual, anomaly.p) = (judged.band, judged.p);
                }
                anomaly.steps += 1;
                anomaly.to = match self.step() {
                    Step::Hour => hour_end(at, self.tz),
                    Step::Day => {
                        day_start(local_date(at, self.tz).saturating_add(1.day()), self.tz)
                    }
                };
                last = Some(anomaly);
            }
            all.found.extend(last);
        }
        all.found.sort_by(|a, b| {
            (b.steps.cmp(&a.steps))
                .then(a.p.total_cmp(&b.p))
                .then(a.from.cmp(&b.from))
        });
        all.found.truncate(ANOMALIES_MAX);
        (all.judged > 0).then_some(all)
    }

    /// Whether a step belongs to the stretch that ended at `end`: nothing was missed in between.
    fn follows(&self, subject: Subject<'_>, end: Timestamp, at: Timestamp) -> bool {
        let between = at.duration_since(end);
        let step = SignedDuration::from_hours(if self.by_day { 24 } else { 1 });
        let joined = i64::from(self.joined_steps(subject)) - 1;
        between.as_secs() <= step.as_secs() * joined
    }

    fn change(&self, subject: Subject<'_>, measure: &Measure) -> Option<Change> {
        self.history?;
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
        // By day or by hour of the local clock, counted from the first date of each period.
        let slot = |at: Timestamp, first: Date| {
            let date = local_date(at, self.tz);
            let day = date.duration_since(first).as_hours().div_euclid(24);
            let hour = if self.by_day {
                0
            } else {
                at.to_zoned_datetime(self.tz.clone()).hour()
            };
            (day, hour)
        };
        let of_before = self.past(subject);
        let placed = if self.by_day {
            self.days_of(&of_before, measure)
        } else {
            of_before
        };
        let known: BTreeMap<(i64, i8), f64> = placed
            .into_iter()
            .filter(|(at, _)| (before.start..before.end).contains(at))
            .map(|(at, value)| (slot(at, before.date), value))
            .collect();
        let pairs: Vec<(f64, f64)> = self
            .placed(subject, measure)
            .into_iter()
            .filter_map(|(at, value)| Some((value, *known.get(&slot(at, self.period.date))?)))
            .collect();
        let pace = self.sheet.pace();
        let every = if self.by_day {
            pace.max(SignedDuration::from_hours(24))
        } else {
            pace
        };
        let hours_passed = passed(self.period, self.now, Some(every));
        if pairs.is_empty() || (pairs.len() as f64) < COMPARED_SHARE_MIN * hours_passed.floor() {
            return None;
        }
        let n = pairs.len() as f64;
        let value = pairs.iter().map(|pair| pair.0).sum::<f64>() / n;
        let earlier = pairs.iter().map(|pair| pair.1).sum::<f64>() / n;
        Some(Change {
            value,
            before: earlier,
            hours: pairs.len() as u32,
            hours_passed: hours_passed.ceil() as u32,
            ratio: value > 0.0 && earlier > 0.0 && !NO_RATIO.contains(&measure.unit.as_str()),
            before_date: before.date,
        })
    }

    fn record(&self, subject: Subject<'_>, measure: &Measure) -> Option<Record> {
        let days = &self.history?.before;
        let mut placed = self.placed(subject, measure);
        placed.retain(|(at, _)| self.is_over(*at));
        let of = match subject {
            Subject::Together(_) => None,
            Subject::Entity(id) => Some(id),
        };
        let resolution = 10_f64.powi(-i32::from(measure.decimals));
        let extremes = (extreme(&placed, true), extreme(&placed, false));
        days.record_of_values(self.period.date, of, extremes, self.by_day, resolution)
    }

    fn trend(&self, subject: Subject<'_>, measure: &Measure) -> Option<Trend> {
        let mut values = self.past(subject);
        values.extend(self.placed_hours(subject));
        let first = local_date(self.period.end, self.tz).saturating_sub(TREND_DAYS.days());
        let points: Vec<(f64, f64)> = self
            .days_of(&values, measure)
            .into_iter()
            .map(|(at, value)| (local_date(at, self.tz), value))
            .filter(|(date, _)| *date >= first)
            // The day under way is not like whole ones.
            .filter(|(date, _)| day_start(date.saturating_add(1.day()), self.tz) <= self.now)
            .map(|(date, value)| (date.duration_since(first).as_hours() as f64 / 24.0, value))
            .collect();
        if (points.len() as f64) < TREND_SHARE_MIN * TREND_DAYS as f64 {
            return None;
        }
        let (per_day, p) = tendency(&points)?;
        (p <= TREND_P_MAX && per_day != 0.0).then_some(Trend {
            per_day,
            days: TREND_DAYS as u32,
            known: points.len() as u32,
            p,
        })
    }

    fn placed_hours(&self, subject: Subject<'_>) -> Values {
        let mut values = self.present(subject);
        values.retain(|(at, _)| *at >= self.period.start);
        values
    }

    /// The hours that stand for the source in the search for correlations; `None` where it has no hourly course.
    pub fn hourly(&self) -> Option<HourlySeries> {
        let subject = self.primary()?;
        let measure = self.measure_of(subject)?;
        if !matches!(measure.kind, Kind::Gauge | Kind::Event) || self.sheet.slow {
            return None;
        }
        let from = day_start(
            local_date(self.period.end, self.tz).saturating_sub(CORRELATED_DAYS.days()),
            self.tz,
        );
        let mut values = self.past(subject);
        values.extend(self.placed_hours(subject));
        values.retain(|(at, _)| *at >= from);
        Some(HourlySeries {
            source: self.sheet.id.clone(),
            values,
        })
    }
}

pub(super) fn extreme(values: &Values, least: bool) -> Option<Extreme> {
    let sign = if least { -1.0 } else { 1.0 };
    let best = values
        .iter()
        .filter(|(_, value)| value.is_finite())
        .reduce(|a, b| if sign * b.1 > sign * a.1 { b } else { a })?;
    Some(Extreme {
        value: best.1,
        at: best.0,
    })
}
