//! Rows of one body with the same entity and time, made one.

use std::collections::HashMap;

use jiff::Timestamp;
use vigie_core::row::Rows;

use crate::spec::{Reading, Reduce};

/// The groups of a body.
pub(crate) struct Groups<'d> {
    measures: &'d [Reading],
    /// By entity, the time and the index of each of its rows.
    rows: HashMap<String, Vec<(Timestamp, usize)>>,
    /// Per row and measure, how many values there were.
    counts: Vec<Vec<u32>>,
}

impl<'d> Groups<'d> {
    pub(crate) fn new(measures: &'d [Reading]) -> Self {
        Self {
            measures,
            rows: HashMap::new(),
            counts: Vec::new(),
        }
    }

    /// The row of that entity and time.
    pub(crate) fn find(&self, entity: &str, observed_at: Timestamp) -> Option<usize> {
        let rows = self.rows.get(entity)?.iter().rev();
        let mut same = rows.filter(|(at, _)| *at == observed_at);
        same.next().map(|(_, index)| *index)
    }

    /// Makes a row, which will have that index, the first of a group.
    pub(crate) fn start(
        &mut self,
        entity: &str,
        observed_at: Timestamp,
        values: &mut [Option<f64>],
        index: usize,
    ) {
        match self.rows.get_mut(entity) {
            Some(rows) => rows.push((observed_at, index)),
            None => {
                self.rows
                    .insert(entity.to_owned(), vec![(observed_at, index)]);
            }
        }
        self.counts.push(
            values
                .iter()
                .map(|value| u32::from(value.is_some()))
                .collect(),
        );
        for (value, measure) in values.iter_mut().zip(self.measures) {
            if measure.reduce == Some(Reduce::Count) {
                *value = Some(value.unwrap_or(0.0));
            }
        }
    }

    /// Adds the values of another row to those of the group's row.
    pub(crate) fn add(&mut self, row: &mut [Option<f64>], index: usize, values: &[Option<f64>]) {
        for (measure, new) in values.iter().enumerate() {
            let Some(new) = *new else { continue };
            let Some(old) = row[measure] else {
                row[measure] = Some(new);
                self.counts[index][measure] = 1;
                continue;
            };
            self.counts[index][measure] += 1;
            row[measure] = Some(match self.measures[measure].reduce {
                Some(Reduce::Count | Reduce::Sum | Reduce::Mean) => old + new,
                Some(Reduce::Min) => old.min(new),
                Some(Reduce::Max) => old.max(new),
                // The latest in the order of the body.
                None => new,
            });
        }
    }

    /// Turns sums into means.
    pub(crate) fn finish(self, rows: &mut Rows) {
        for (index, counts) in self.counts.iter().enumerate() {
            let values = rows.values_mut(index);
            for ((value, count), measure) in values.iter_mut().zip(counts).zip(self.measures) {
                if measure.reduce == Some(Reduce::Mean) && *count > 0 {
                    *value = value.map(|sum| sum / f64::from(*count));
                }
            }
        }
    }
}
