//! From the rows of many bodies to buckets.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{
    Bucket, BucketKey, Label, deadline,
    samples::{Sample, Samples, Stamp, Window, share_stamps},
};
use crate::{
    measure::Measure,
    row::RowRef,
    text::{EntityId, MeasureId, SourceId},
    time::{Hours, hour_end},
};

/// Turns the rows of captures into buckets, to be merged into the stored ones.
///
/// Rows are kept as they come, one after the other, and become samples by hour, entity and measure at the end: most rows of a
/// body are of entities and hours that the body before had too, in the same order.
#[derive(Debug)]
pub struct Bucketing<'a> {
    source: &'a SourceId,
    measures: &'a [Measure],
    tz: &'a TimeZone,
    horizon: SignedDuration,
    hours: Hours<'a>,
    numbers: HashMap<EntityId, usize>,
    entities: Vec<Entity>,
    open: HashMap<(usize, Timestamp), usize>,
    hourly: Vec<Hourly>,
    /// The entity of the latest row.
    latest: usize,
    /// Per row, which of `hourly` it belongs to.
    hourly_of: Vec<usize>,
    /// Per row.
    stamps: Vec<Stamp>,
    /// Per row, the value of each measure; no number where there is none, since values are finite.
    values: Vec<f64>,
}

/// An entity of the batch.
#[derive(Debug)]
struct Entity {
    id: EntityId,
    /// The entity of the row that came after this one's last time.
    next: usize,
    /// Its latest hour.
    hourly: usize,
}

/// An entity in an hour.
#[derive(Debug)]
struct Hourly {
    entity: usize,
    hour: Timestamp,
    end: Timestamp,
    window: Window,
    label: Label,
    /// Its latest row.
    last: Option<usize>,
    /// How many rows it has.
    rows: usize,
    /// Whether these are in the order of their times, without repetition.
    ordered: bool,
}

impl<'a> Bucketing<'a> {
    /// Begins with no rows.
    pub fn new(
        source: &'a SourceId,
        measures: &'a [Measure],
        tz: &'a TimeZone,
        horizon: SignedDuration,
    ) -> Self {
        Self {
            source,
            measures,
            tz,
            horizon,
            hours: Hours::new(tz),
            numbers: HashMap::new(),
            entities: Vec::new(),
            open: HashMap::new(),
            hourly: Vec::new(),
            latest: 0,
            hourly_of: Vec::new(),
            stamps: Vec::new(),
            values: Vec::new(),
        }
    }

    /// How many values are held: what decides the memory taken.
    pub fn value_count(&self) -> usize {
        self.values.len()
    }

    /// Adds an observation fetched at `fetched_at`; its values are in the order of the measures. A row whose entity has
    /// no bytes or more than [`EntityId::BYTES_MAX`] is left out.
    pub fn add(&mut self, row: &RowRef<'_>, fetched_at: Timestamp) {
        let Some(entity) = self.entity(row.entity) else {
            return;
        };
        let index = self.hourly(entity, row.observed_at);
        let hourly = &mut self.hourly[index];
        let fetched_at = fetched_at.as_millisecond();
        let stamp = Stamp::once(row.observed_at.as_millisecond(), row.revision, fetched_at);
        hourly.label.take(row, (stamp.at, fetched_at));
        let width = row.values.len();
        if let Some(last) = hourly.last {
            let before = self.stamps[last];
            let values = &self.values[last * width..(last + 1) * width];
            if stamp.is_again(&before, hourly.window) && are_same(row.values, values) {
                // What a station that says nothing new brings with every body.
                self.stamps[last] = before.joined(&stamp, hourly.window);
                return;
            }
            hourly.ordered &= stamp.at > before.at;
        }
        hourly.last = Some(self.stamps.len());
        hourly.rows += 1;
        self.hourly_of.push(index);
        self.stamps.push(stamp);
        let values = row.values.iter().map(|value| value.unwrap_or(f64::NAN));
        self.values.extend(values);
    }

    fn entity(&mut self, name: &str) -> Option<usize> {
        let expected = self
            .entities
            .get(self.latest)
            .map_or(0, |entity| entity.next);
        let number = match self.entities.get(expected) {
            Some(entity) if entity.id.as_str() == name => expected,
            _ => {
                if let Some(number) = self.numbers.get(name) {
                    *number
                } else {
                    let id = EntityId::new(name)?;
                    let number = self.entities.len();
                    self.numbers.insert(id.clone(), number);
                    self.entities.push(Entity {
                        id,
                        next: number + 1,
                        hourly: usize::MAX,
                    });
                    number
                }
            }
        };
        if let Some(latest) = self.entities.get_mut(self.latest) {
            latest.next = number;
        }
        self.latest = number;
        Some(number)
    }

    fn hourly(&mut self, entity: usize, at: Timestamp) -> usize {
        let latest = self.entities[entity].hourly;
        if let Some(hourly) = self.hourly.get(latest)
            && (hourly.hour..hourly.end).contains(&at)
        {
            return latest;
        }
        let hour = self.hours.start_of(at);
        let index = *self.open.entry((entity, hour)).or_insert_with(|| {
            let end = hour_end(hour, self.tz);
            self.hourly.push(Hourly {
                entity,
                hour,
                end,
                window: Window {
                    start: hour.as_millisecond(),
                    deadline: deadline(end, self.horizon).as_millisecond(),
                },
                label: Label::default(),
                last: None,
                rows: 0,
                ordered: true,
            });
            self.hourly.len() - 1
        });
        self.entities[entity].hourly = index;
        index
    }

    /// The buckets, in the order of their hours and entities. No row is left, but the room for them.
    pub fn finish(&mut self) -> Vec<Bucket> {
        let rows = self.rows_by_hourly();
        let hourlies = std::mem::take(&mut self.hourly);
        let mut rest = rows.as_slice();
        let mut buckets: Vec<Bucket> = hourlies
            .into_iter()
            .map(|hourly| {
                let (rows, others) = rest.split_at(hourly.rows);
                rest = others;
                Bucket {
                    measures: self.by_measure(rows, &hourly),
                    ..self.bucket(hourly)
                }
            })
            .collect();
        buckets
            .sort_unstable_by(|a, b| (a.key.hour, &a.key.entity).cmp(&(b.key.hour, &b.key.entity)));
        self.numbers.clear();
        self.entities.clear();
        self.open.clear();
        self.latest = 0;
        self.hourly_of.clear();
        self.stamps.clear();
        self.values.clear();
        buckets
    }

    fn bucket(&self, hourly: Hourly) -> Bucket {
        let key = BucketKey {
            source: self.source.clone(),
            entity: self.entities[hourly.entity].id.clone(),
            hour: hourly.hour,
        };
        Bucket {
            label: hourly.label,
            ..Bucket::new(key, self.tz, self.horizon)
        }
    }

    /// The rows of the first of `hourly`, then those of the second, and so on, each in the order in which they came.
    fn rows_by_hourly(&self) -> Vec<usize> {
        let mut next = 0;
        let mut places = Vec::with_capacity(self.hourly.len());
        for hourly in &self.hourly {
            places.push(next);
            next += hourly.rows;
        }
        let mut rows = vec![0; self.stamps.len()];
        for (row, &hourly) in self.hourly_of.iter().enumerate() {
            rows[places[hourly]] = row;
            places[hourly] += 1;
        }
        rows
    }

    /// The samples of each measure that has any.
    fn by_measure(&self, rows: &[usize], hourly: &Hourly) -> BTreeMap<MeasureId, Samples> {
        let width = self.measures.len();
        let stamps = Arc::new(rows.iter().map(|&row| self.stamps[row]).collect::<Vec<_>>());
        let of = |(index, measure): (usize, &Measure)| {
            let values: Vec<f64> = (rows.iter())
                .map(|&row| self.values[row * width + index])
                .collect();
            let (kind, unit) = (measure.kind, measure.unit.clone());
            let samples = if hourly.ordered && values.iter().all(|value| !value.is_nan()) {
                Samples::of_columns(kind, unit, Arc::clone(&stamps), values)?
            } else {
                let samples = (stamps.iter().zip(values))
                    .filter(|(_, value)| !value.is_nan())
                    .map(|(&stamp, value)| Sample { stamp, value });
                Samples::sorted(kind, unit, samples.collect(), hourly.window)
            };
            (!samples.is_empty()).then(|| (measure.id.clone(), samples))
        };
        let mut measures: BTreeMap<MeasureId, Samples> =
            self.measures.iter().enumerate().filter_map(of).collect();
        share_stamps(measures.values_mut());
        measures
    }
}

/// Whether a row has the same values as the one before.
fn are_same(new: &[Option<f64>], there: &[f64]) -> bool {
    let mut pairs = there.iter().zip(new);
    pairs.all(|(there, new)| new.map_or(there.is_nan(), |new| new.to_bits() == there.to_bits()))
}
