//! A store that may be away when it is first asked for: a page that is open meanwhile says why, and shows the day as
//! soon as the store is there.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::{
    sync::{Mutex, OnceCell},
    time::Instant,
};
use vigie_core::{
    bucket::{Bucket, BucketKey},
    event::{Event, EventKey},
    text::{MeasureId, SourceId},
};

use crate::{
    error::StoreError,
    open::{self, Options},
    store::{
        BucketWrite, EachBucket, EachEvent, EachHour, EachSummary, EventQuery, Store, StoreFacts,
        SummaryQuery, Versioned,
    },
};

/// For how long the reason of a failed opening stands before the store is tried again: every open page asks.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// A store that is opened when it is asked for something, and tried again while it is away.
#[derive(Debug)]
pub struct AwaitedStore {
    uri: String,
    name: String,
    base: PathBuf,
    read_only: bool,
    options: Options,
    opened: OnceCell<Arc<dyn Store>>,
    /// When and why it could last not be opened. Whoever holds this opens.
    away: Mutex<Option<(Instant, StoreError)>>,
}

impl AwaitedStore {
    /// The store that [`open::open_with`] opens, not yet opened.
    pub fn new(uri: &str, base: &Path, read_only: bool, options: Options) -> Self {
        Self {
            uri: uri.to_owned(),
            name: open::shown(uri),
            base: base.to_owned(),
            read_only,
            options,
            opened: OnceCell::new(),
            away: Mutex::new(None),
        }
    }

    /// The store, opened now if it can be.
    pub async fn opened(&self) -> Result<&Arc<dyn Store>, StoreError> {
        if let Some(store) = self.opened.get() {
            return Ok(store);
        }
        let mut away = self.away.lock().await;
        if let Some((since, error)) = &*away
            && since.elapsed() < RETRY_AFTER
        {
            return Err(error.clone());
        }
        let opening = || open::open_with(&self.uri, &self.base, self.read_only, self.options);
        let opened = self.opened.get_or_try_init(opening).await;
        *away = opened
            .as_ref()
            .err()
            .map(|error| (Instant::now(), error.clone()));
        opened
    }
}

#[async_trait]
impl Store for AwaitedStore {
    fn address(&self) -> &str {
        self.opened
            .get()
            .map_or(&self.name, |store| store.address())
    }
    async fn load_buckets(&self, keys: &[BucketKey]) -> Result<Vec<Versioned<Bucket>>, StoreError> {
        self.opened().await?.load_buckets(keys).await
    }
    async fn save_buckets(
        &self,
        writes: Vec<Versioned<BucketWrite>>,
    ) -> Result<Vec<BucketKey>, StoreError> {
        self.opened().await?.save_buckets(writes).await
    }
    async fn load_events(&self, keys: &[EventKey]) -> Result<Vec<Versioned<Event>>, StoreError> {
        self.opened().await?.load_events(keys).await
    }
    async fn save_events(
        &self,
        writes: Vec<Versioned<Event>>,
    ) -> Result<Vec<EventKey>, StoreError> {
        self.opened().await?.save_events(writes).await
    }
    async fn summaries(
        &self,
        query: &SummaryQuery,
        each: EachSummary<'_>,
    ) -> Result<(), StoreError> {
        self.opened().await?.summaries(query, each).await
    }
    async fn summaries_of(
        &self,
        query: &SummaryQuery,
        measure: &MeasureId,
        each: EachHour<'_>,
    ) -> Result<(), StoreError> {
        let store = self.opened().await?;
        store.summaries_of(query, measure, each).await
    }
    async fn buckets(&self, query: &SummaryQuery, each: EachBucket<'_>) -> Result<(), StoreError> {
        self.opened().await?.buckets(query, each).await
    }
    async fn events(&self, query: &EventQuery, each: EachEvent<'_>) -> Result<(), StoreError> {
        self.opened().await?.events(query, each).await
    }
    async fn newest_hour(
        &self,
        source: &SourceId,
        before: Option<Timestamp>,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.opened().await?.newest_hour(source, before).await
    }
    async fn unsealed(
        &self,
        source: &SourceId,
        deadline_before: Timestamp,
        most: usize,
    ) -> Result<Vec<BucketKey>, StoreError> {
        let store = self.opened().await?;
        store.unsealed(source, deadline_before, most).await
    }
    async fn newest_event(&self, source: &SourceId) -> Result<Option<Timestamp>, StoreError> {
        self.opened().await?.newest_event(source).await
    }
    async fn forget_buckets(
        &self,
        source: &SourceId,
        before: Timestamp,
        most: usize,
    ) -> Result<u64, StoreError> {
        let store = self.opened().await?;
        store.forget_buckets(source, before, most).await
    }
    async fn forget_events(
        &self,
        source: &SourceId,
        before: Timestamp,
        most: usize,
    ) -> Result<u64, StoreError> {
        let store = self.opened().await?;
        store.forget_events(source, before, most).await
    }
    async fn facts(&self) -> Result<StoreFacts, StoreError> {
        self.opened().await?.facts().await
    }
    async fn check(&self) -> Result<(), StoreError> {
        self.opened().await?.check().await
    }
}
