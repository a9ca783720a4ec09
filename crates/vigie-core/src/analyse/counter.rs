//! By how much counters grew, and how often they began anew.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    analysis::CounterFigure,
    measure::Measure,
    stats::{At, Stats},
};

/// The growth of one counter, from its hours. What it fell by is no growth: after a reset, it counts from zero.
#[derive(Debug, Default)]
struct Growth {
    name: Option<String>,
    hours: BTreeMap<Timestamp, (At, At, f64)>,
}

impl Growth {
    fn total(&self) -> (f64, u32) {
        let (mut increase, mut resets) = (0.0, 0);
        let mut last: Option<f64> = None;
        let mut step = |from: f64, to: f64| {
            if to >= from {
                increase += to - from;
            } else {
                increase += to.max(0.0);
                resets += 1;
            }
        };
        for (first, end, greatest) in self.hours.values() {
            if let Some(last) = last {
                step(last, first.1);
            }
            if end.1 < first.1 {
                // It rose to its greatest value, and began anew.
                step(first.1, *greatest);
                step(*greatest, end.1);
            } else {
                step(first.1, end.1);
            }
            last = Some(end.1);
        }
        (increase, resets)
    }
}

/// The counters of a measure over a period.
#[derive(Debug, Default)]
pub(super) struct Counters(BTreeMap<String, Growth>);

impl Counters {
    pub(super) fn add(&mut self, entity: &str, name: Option<&str>, hour: Timestamp, stats: &Stats) {
        let (Some(first), Some(last)) = (stats.first, stats.last) else {
            return;
        };
        if !self.0.contains_key(entity) {
            self.0.insert(entity.to_owned(), Growth::default());
        }
        if let Some(growth) = self.0.get_mut(entity) {
            growth.hours.insert(hour, (first, last, stats.max));
            if let Some(name) = name {
                growth.name = Some(name.to_owned());
            }
        }
    }

    pub(super) fn figure(&self, measure: &Measure) -> Option<CounterFigure> {
        let mut figure = CounterFigure {
            title: measure.title.clone(),
            unit: measure.unit.clone(),
            increase: 0.0,
            resets: 0,
            entities: self.0.len() as u32,
            most: None,
        };
        let mut several = false;
        for (entity, growth) in &self.0 {
            let (increase, resets) = growth.total();
            figure.increase += increase;
            figure.resets += resets;
            several |= growth
                .hours
                .values()
                .map(|hour| (hour.0.0, hour.1.0))
                .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
                .is_some_and(|(first, last)| last > first);
            if increase > figure.most.as_ref().map_or(0.0, |most| most.1) {
                let name = growth.name.clone().unwrap_or_else(|| entity.clone());
                figure.most = Some((name, increase));
            }
        }
        // A single look at a counter says nothing of its growth.
        several.then_some(figure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        measure::{Across, Kind},
        text::{MeasureId, Text},
    };

    fn figure(hours: &[(&str, i64, &[f64])]) -> Option<CounterFigure> {
        let mut counters = Counters::default();
        for (entity, hour, values) in hours {
            let start = Timestamp::from_second(hour * 3600).unwrap();
            let samples = (0..)
                .zip(*values)
                .map(|(i, v)| At(start.as_millisecond() + i, *v));
            counters.add(
                entity,
                None,
                start,
                &Stats::from_samples(Kind::Counter, samples),
            );
        }
        counters.figure(&Measure {
            id: MeasureId::new("views").unwrap(),
            kind: Kind::Counter,
            unit: "{view}".into(),
            title: Text::same("Views"),
            across: Across::Sum,
            decimals: 0,
            headline: true,
        })
    }

    #[test]
    fn growth_within_and_between_hours_and_across_gaps() {
        let figure = figure(&[
            ("a", 0, &[100.0, 110.0]),
            ("a", 5, &[150.0, 160.0]),
            ("b", 0, &[7.0]),
            ("b", 1, &[9.0]),
        ])
        .unwrap();
        assert_eq!(
            (figure.increase, figure.resets, figure.entities),
            (62.0, 0, 2)
        );
        assert_eq!(figure.most, Some(("a".to_owned(), 60.0)));
    }

    #[test]
    fn a_reset_counts_from_zero_between_hours_and_within_one() {
        let between = figure(&[("a", 0, &[100.0]), ("a", 1, &[30.0])]).unwrap();
        assert_eq!((between.increase, between.resets), (30.0, 1));
        let within = figure(&[("a", 0, &[100.0, 120.0, 5.0])]).unwrap();
        assert_eq!((within.increase, within.resets), (25.0, 1));
    }

    #[test]
    fn one_look_says_nothing_of_growth() {
        assert_eq!(figure(&[("a", 0, &[100.0])]), None);
        assert_eq!(figure(&[]), None);
    }
}
