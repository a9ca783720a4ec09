//! Rows of one body with the same entity and time, made one.

use std::collections::HashMap;

use jiff::Timestamp;
use vigie_core::{row::Row, text::EntityId};

use crate::spec::{Reading, Reduce};

/// The groups of a body.
pub(crate) struct Groups<'d> {
    measures: &'d [Reading],
    rows: HashMap<(EntityId, Timestamp), usize>,
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
    pub(crate) fn find(&self, entity: &EntityId, observed_at: Timestamp) -> Option<usize> {
        // The key is cloned cheaply: identifiers are short.
        self.rows.get(&(entity.clone(), observed_at)).copied()
    }

    /// Makes `row`, which will have that index, the first of a group.
    pub(crate) fn start(&mut self, row: &mut Row, index: usize) {
        self.rows
            .insert((row.entity.clone(), row.observed_at), index);
        self.counts.push(
            row.values
                .iter()
                .map(|value| u32::from(value.is_some()))
                .collect(),
        );
        for (value, measure) in row.values.iter_mut().zip(self.measures) {
            if measure.reduce == Some(Reduce::Count) {
                *value = Some(value.unwrap_or(0.0));
            }
        }
    }

    /// Adds the values of another row to those of the group's row.
    pub(crate) fn add(&mut self, row: &mut Row, index: usize, values: &[Option<f64>]) {
        for (measure, new) in values.iter().enumerate() {
            let Some(new) = *new else { continue };
            let Some(old) = row.values[measure] else {
                row.values[measure] = Some(new);
                self.counts[index][measure] = 1;
                continue;
            };
            self.counts[index][measure] += 1;
            row.values[measure] = Some(match self.measures[measure].reduce {
                Some(Reduce::Count | Reduce::Sum | Reduce::Mean) => old + new,
                Some(Reduce::Min) => old.min(new),
                Some(Reduce::Max) => old.max(new),
                // The latest in the order of the body.
                None => new,
            });
        }
    }

    /// Turns sums into means.
    pub(crate) fn finish(self, rows: &mut [Row]) {
        for (row, counts) in rows.iter_mut().zip(&self.counts) {
            for ((value, count), measure) in row.values.iter_mut().zip(counts).zip(self.measures) {
                if measure.reduce == Some(Reduce::Mean) && *count > 0 {
                    *value = value.map(|sum| sum / f64::from(*count));
                }
            }
        }
    }
}
