//! Nothing counts as merged that cannot be read back.

use std::{ops::ControlFlow, path::Path, sync::Arc};

use async_trait::async_trait;
use jiff::Timestamp;
use vigie_core::{
    bucket::{Bucket, BucketKey},
    event::{Event, EventKey},
    text::SourceId,
};
use vigie_store::{
    error::{Cause, StoreError},
    merge::{merge_buckets, merge_events},
    open::open,
    store::{
        BucketWrite, EachBucket, EachEvent, EachSummary, EventQuery, Store, StoreFacts,
        SummaryQuery, Versioned,
    },
};

use crate::build::{RHYTHM, bucket, event};

/// What an unfaithful store does with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// It says that it has written, and has not.
    Forgets,
    /// It says that everything has changed meanwhile.
    Conflicts,
    /// It writes the first half, and fails.
    BreaksMidway,
    /// It writes everything, and fails.
    BreaksAfter,
}

/// A store that is not to be trusted.
#[derive(Debug)]
pub(crate) struct Unfaithful {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) deed: Deed,
}

impl Unfaithful {
    /// What of a batch is really written.
    fn kept<T>(&self, mut writes: Vec<T>) -> Vec<T> {
        match self.deed {
            Deed::Forgets | Deed::Conflicts => writes.clear(),
            Deed::BreaksMidway => writes.truncate(writes.len() / 2),
            Deed::BreaksAfter => {}
        }
        writes
    }

    /// What it says of a batch.
    fn says<K>(&self, keys: Vec<K>) -> Result<Vec<K>, StoreError> {
        match self.deed {
            Deed::Forgets => Ok(Vec::new()),
            Deed::Conflicts => Ok(keys),
            Deed::BreaksMidway | Deed::BreaksAfter => Err(StoreError::Unavailable {
                store: self.store.address().to_owned(),
                remedy: "wait",
                cause: Cause::new("it broke"),
            }),
        }
    }
}

#[async_trait]
impl Store for Unfaithful {
    fn address(&self) -> &str {
        self.store.address()
    }
    async fn load_buckets(&self, keys: &[BucketKey]) -> Result<Vec<Versioned<Bucket>>, StoreError> {
        self.store.load_buckets(keys).await
    }
    async fn save_buckets(
        &self,
        writes: Vec<Versioned<BucketWrite>>,
    ) -> Result<Vec<BucketKey>, StoreError> {
        let keys = writes
            .iter()
            .map(|write| write.document.bucket().key.clone())
            .collect();
        self.store.save_buckets(self.kept(writes)).await?;
        self.says(keys)
    }
    async fn load_events(&self, keys: &[EventKey]) -> Result<Vec<Versioned<Event>>, StoreError> {
        self.store.load_events(keys).await
    }
    async fn save_events(
        &self,
        writes: Vec<Versioned<Event>>,
    ) -> Result<Vec<EventKey>, StoreError> {
        let keys = writes
            .iter()
            .map(|write| write.document.key.clone())
            .collect();
        self.store.save_events(self.kept(writes)).await?;
        self.says(keys)
    }
    async fn summaries(
        &self,
        query: &SummaryQuery,
        each: EachSummary<'_>,
    ) -> Result<(), StoreError> {
        self.store.summaries(query, each).await
    }
    async fn buckets(&self, query: &SummaryQuery, each: EachBucket<'_>) -> Result<(), StoreError> {
        self.store.buckets(query, each).await
    }
    async fn events(&self, query: &EventQuery, each: EachEvent<'_>) -> Result<(), StoreError> {
        self.store.events(query, each).await
    }
    async fn newest_hour(
        &self,
        source: &SourceId,
        before: Option<Timestamp>,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.store.newest_hour(source, before).await
    }
    async fn unsealed(
        &self,
        source: &SourceId,
        deadline_before: Timestamp,
        most: usize,
    ) -> Result<Vec<BucketKey>, StoreError> {
        self.store.unsealed(source, deadline_before, most).await
    }
    async fn newest_event(&self, source: &SourceId) -> Result<Option<Timestamp>, StoreError> {
        self.store.newest_event(source).await
    }
    async fn forget_buckets(
        &self,
        source: &SourceId,
        before: Timestamp,
        most: usize,
    ) -> Result<u64, StoreError> {
        self.store.forget_buckets(source, before, most).await
    }
    async fn forget_events(
        &self,
        source: &SourceId,
        before: Timestamp,
        most: usize,
    ) -> Result<u64, StoreError> {
        self.store.forget_events(source, before, most).await
    }
    async fn facts(&self) -> Result<StoreFacts, StoreError> {
        self.store.facts().await
    }
    async fn check(&self) -> Result<(), StoreError> {
        self.store.check().await
    }
}

async fn unfaithful(folder: &Path, deed: Deed) -> Unfaithful {
    let store = open("sqlite:vigie.db", folder, false).await.unwrap();
    Unfaithful { store, deed }
}

#[tokio::test]
async fn what_was_not_kept_is_not_merged() {
    let folder = tempfile::tempdir().unwrap();
    let store = unfaithful(folder.path(), Deed::Forgets).await;
    let first = bucket("s", "e", &[(0, 1.0)]);
    let error = merge_buckets(&store, std::slice::from_ref(&first), RHYTHM)
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::NotKept { documents: 1, .. }),
        "{error:?}"
    );
    // A part of it is not enough.
    merge_buckets(&*store.store, &[first], RHYTHM)
        .await
        .unwrap();
    let more = bucket("s", "e", &[(0, 1.0), (1, 2.0)]);
    let error = merge_buckets(&store, &[more], RHYTHM).await.unwrap_err();
    assert!(
        matches!(error, StoreError::NotKept { documents: 1, .. }),
        "{error:?}"
    );
    let error = merge_events(&store, &[event("q", "e", 1, 0, 1)])
        .await
        .unwrap_err();
    assert!(error.to_string().contains("raw files are kept"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn endless_contention_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let store = unfaithful(folder.path(), Deed::Conflicts).await;
    let error = merge_buckets(&store, &[bucket("s", "e", &[(0, 1.0)])], RHYTHM)
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::Contended { .. }) && error.is_passing(),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_sum_that_overflows_is_refused_before_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = open("sqlite:vigie.db", folder.path(), false).await.unwrap();
    let delta = bucket("s", "e", &[(0, 1e308), (1, 1e308)]);
    let error = merge_buckets(&*store, &[delta], RHYTHM).await.unwrap_err();
    assert!(
        error.to_string().contains("measure level of `e` (s)"),
        "{error}"
    );
    let mut written = 0;
    let mut each = |_| {
        written += 1;
        ControlFlow::Continue(())
    };
    store
        .summaries(&SummaryQuery::default(), &mut each)
        .await
        .unwrap();
    assert_eq!(written, 0);
}
