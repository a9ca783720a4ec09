//! The trait of document stores, and what is asked of them.

use std::{
    fmt::Debug,
    ops::{ControlFlow, Range},
    sync::Arc,
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use vigie_core::{
    bucket::{Bucket, BucketKey, BucketSummary},
    event::{Event, EventKey},
    row::Point,
    stats::Stats,
    text::{EntityId, MeasureId, SourceId},
};

use crate::error::StoreError;

/// A document and the version under which the store has it; version 0 is that of a document
/// which is not stored. Every write adds one.
#[derive(Debug, Clone, PartialEq)]
pub struct Versioned<T> {
    /// The document.
    pub document: T,
    /// Its version in the store.
    pub version: u64,
}

/// A bucket to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct BucketWrite {
    bucket: Arc<Bucket>,
    rhythm: Option<SignedDuration>,
}

impl BucketWrite {
    /// Prepares a bucket for writing. `rhythm` is the expected time between two observations of an entity.
    ///
    /// Refuses what could not be read again: a sum that is not finite.
    pub fn new(
        bucket: impl Into<Arc<Bucket>>,
        rhythm: Option<SignedDuration>,
    ) -> Result<Self, StoreError> {
        let bucket = bucket.into();
        let overflown = bucket
            .measures
            .iter()
            .find(|(_, samples)| !samples.magnitude().is_finite());
        if let Some((measure, _)) = overflown {
            return Err(StoreError::NotFinite {
                source_id: bucket.key.source.to_string(),
                entity: bucket.key.entity.to_string(),
                measure: measure.to_string(),
            });
        }
        Ok(Self { bucket, rhythm })
    }

    /// The bucket.
    pub fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// The expected time between two observations of an entity.
    pub fn rhythm(&self) -> Option<SignedDuration> {
        self.rhythm
    }

    /// What it says.
    pub fn summary(&self) -> BucketSummary {
        self.bucket.summarise(self.rhythm)
    }
}

/// Which summaries to read; `None` stands for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SummaryQuery {
    /// Of this source.
    pub source: Option<SourceId>,
    /// Of this entity.
    pub entity: Option<EntityId>,
    /// Of hours that start at this time or later.
    pub from: Option<Timestamp>,
    /// Of hours that start before this time.
    pub to: Option<Timestamp>,
}

impl SummaryQuery {
    /// The starts of the hours asked for, in milliseconds since 1970 UTC, the end excluded.
    pub(crate) fn hours_ms(&self) -> Range<i64> {
        let from = self.from.map_or(i64::MIN, ceiling_ms);
        let to = self.to.map_or(i64::MAX, ceiling_ms);
        from..to
    }
}

/// Which events to read; `None` stands for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// Of this source.
    pub source: Option<SourceId>,
    /// Whose current version was observed at this time or later.
    pub from: Option<Timestamp>,
    /// Whose current version was observed before this time.
    pub to: Option<Timestamp>,
}

impl EventQuery {
    /// Observed times in milliseconds since 1970 UTC, the end excluded. Stored times are cut to the millisecond:
    /// [`EventQuery::holds`] tells the events at the edges apart.
    pub(crate) fn observed_ms(&self) -> Range<i64> {
        let from = self.from.map_or(i64::MIN, floor_ms);
        let to = self.to.map_or(i64::MAX, ceiling_ms);
        from..to
    }

    /// Whether the event is one of those asked for, to the nanosecond.
    pub fn holds(&self, event: &Event) -> bool {
        event.current().is_some_and(|current| {
            self.from.is_none_or(|from| current.observed_at >= from)
                && self.to.is_none_or(|to| current.observed_at < to)
        })
    }
}

/// The last whole millisecond that is not after `at`, as times are stored.
pub(crate) fn floor_ms(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond().div_euclid(1_000_000)).unwrap_or(i64::MAX)
}

/// The first whole millisecond that is not before `at`.
pub(crate) fn ceiling_ms(at: Timestamp) -> i64 {
    let floor = at.as_nanosecond().div_euclid(1_000_000);
    let ceiling = if at.as_nanosecond() % 1_000_000 == 0 {
        floor
    } else {
        floor + 1
    };
    i64::try_from(ceiling).unwrap_or(i64::MAX)
}

/// What takes in the summaries that are read, one by one, and may stop the reading.
pub type EachSummary<'a> = &'a mut (dyn FnMut(BucketSummary) -> ControlFlow<()> + Send);

/// What takes in the buckets that are read, one by one, and may stop the reading.
pub type EachBucket<'a> = &'a mut (dyn FnMut(Bucket) -> ControlFlow<()> + Send);

/// What a bucket says of one measure.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasureHour {
    /// Whose.
    pub entity: EntityId,
    /// The first instant of the hour.
    pub hour: Timestamp,
    /// The first instant after it.
    pub end: Timestamp,
    /// The name of the entity. Text from outside: never markup.
    pub name: Option<String>,
    /// Its place.
    pub point: Option<Point>,
    /// The statistics of the measure; `None` where the bucket has nothing of it.
    pub stats: Option<Stats>,
    /// The share of the hour's expected observations that are present; `None` without a fixed rhythm.
    pub coverage: Option<f64>,
}

impl MeasureHour {
    /// What a summary says of a measure.
    pub fn of(summary: BucketSummary, measure: &MeasureId) -> Self {
        let mut measures = summary.measures;
        let found = measures.remove(measure);
        Self {
            entity: summary.key.entity,
            hour: summary.key.hour,
            end: summary.end,
            name: summary.label.name,
            point: summary.label.point,
            coverage: found.as_ref().and_then(|found| found.coverage),
            stats: found.map(|found| found.stats),
        }
    }
}

/// What takes in the hours of a measure that are read, one by one, and may stop the reading.
pub type EachHour<'a> = &'a mut (dyn FnMut(MeasureHour) -> ControlFlow<()> + Send);

/// What takes in the events that are read, one by one, and may stop the reading.
pub type EachEvent<'a> = &'a mut (dyn FnMut(Event) -> ControlFlow<()> + Send);

/// What `vigie status` and `vigie doctor` say of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreFacts {
    /// `sqlite` or `mongodb`.
    pub kind: &'static str,
    /// Its address, without credentials.
    pub address: String,
    /// The program that keeps it, with its version.
    pub server: String,
    /// The version of the layout of its documents.
    pub schema: u32,
    /// How many buckets it holds.
    pub buckets: u64,
    /// How many events it holds.
    pub events: u64,
    /// How many bytes it takes, where the store can tell.
    pub bytes: Option<u64>,
    /// What an operator should know, in English; often empty.
    pub notes: Vec<String>,
}

/// A store of buckets and events: SQLite or MongoDB, with one contract, which `tests/it/contract.rs` checks.
///
/// Every document is written atomically, on the condition that its stored version is the expected
/// one. No operation needs a transaction over several documents. Numbers come back to the bit, but that −0 may
/// come back as 0.
#[async_trait]
pub trait Store: Debug + Send + Sync {
    /// Its address, without credentials.
    fn address(&self) -> &str;

    /// The stored buckets of these keys, in any order. Keys without a bucket have no answer.
    async fn load_buckets(&self, keys: &[BucketKey]) -> Result<Vec<Versioned<Bucket>>, StoreError>;

    /// Writes every bucket whose stored version is the expected one (0: it must not exist), and returns the keys of
    /// the others, in any order. When this returns, what was written is durable. Keys must differ.
    async fn save_buckets(
        &self,
        writes: Vec<Versioned<BucketWrite>>,
    ) -> Result<Vec<BucketKey>, StoreError>;

    /// The stored events of these keys, in any order. Keys without an event have no answer.
    async fn load_events(&self, keys: &[EventKey]) -> Result<Vec<Versioned<Event>>, StoreError>;

    /// Writes events as [`Store::save_buckets`] does buckets. An event has at least one version.
    async fn save_events(&self, writes: Vec<Versioned<Event>>)
    -> Result<Vec<EventKey>, StoreError>;

    /// Reads summaries in the order of source, hour and entity, without their samples. Memory stays flat.
    async fn summaries(
        &self,
        query: &SummaryQuery,
        each: EachSummary<'_>,
    ) -> Result<(), StoreError>;

    /// As [`Store::summaries`], for who wants one measure: a store reads no more of each bucket where that is faster.
    async fn summaries_of(
        &self,
        query: &SummaryQuery,
        measure: &MeasureId,
        each: EachHour<'_>,
    ) -> Result<(), StoreError> {
        let mut each = |summary| each(MeasureHour::of(summary, measure));
        self.summaries(query, &mut each).await
    }

    /// Reads whole buckets in the order of [`Store::summaries`]: for who asks what was known at a time.
    async fn buckets(&self, query: &SummaryQuery, each: EachBucket<'_>) -> Result<(), StoreError>;

    /// Reads events in the order of source, observed time (to the millisecond) of the current version, and key. Memory
    /// stays flat.
    async fn events(&self, query: &EventQuery, each: EachEvent<'_>) -> Result<(), StoreError>;

    /// The start of the newest bucket hour of a source; with `before`, the newest that starts before it.
    async fn newest_hour(
        &self,
        source: &SourceId,
        before: Option<Timestamp>,
    ) -> Result<Option<Timestamp>, StoreError>;

    /// The keys of at most `most` buckets of a source that are not sealed although their deadline lies before
    /// `deadline_before`, the longest overdue first.
    async fn unsealed(
        &self,
        source: &SourceId,
        deadline_before: Timestamp,
        most: usize,
    ) -> Result<Vec<BucketKey>, StoreError>;

    /// The observed time, cut to the millisecond, of the newest event of a source.
    async fn newest_event(&self, source: &SourceId) -> Result<Option<Timestamp>, StoreError>;

    /// Deletes at most `most` sealed buckets of a source whose hours start before `before`, the oldest first, and returns how
    /// many: none once there are none. Where there are none this is one look at an index, and writes nothing. What others
    /// write at the same time is deleted whole or not at all.
    async fn forget_buckets(
        &self,
        source: &SourceId,
        before: Timestamp,
        most: usize,
    ) -> Result<u64, StoreError>;

    /// Deletes events whose current version was observed before `before`, as [`Store::forget_buckets`] does buckets.
    async fn forget_events(
        &self,
        source: &SourceId,
        before: Timestamp,
        most: usize,
    ) -> Result<u64, StoreError>;

    /// What there is to say of the store.
    async fn facts(&self) -> Result<StoreFacts, StoreError>;

    /// Checks that the store can be reached and, unless it was opened for reading only, written.
    async fn check(&self) -> Result<(), StoreError>;
}
