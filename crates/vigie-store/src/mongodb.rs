//! The store in a MongoDB database, shared by any number of machines.
//!
//! It asks little of the server, so that it runs on whatever speaks the protocol: reads and replacements by `_id`,
//! inserts, plain indexes, sorted reads. Documents are readable as they are (see `document.rs`); their `_id`s are made
//! of their natural keys.

mod connect;
mod document;
mod forget;
mod measure;
mod schema;
mod write;

use std::{fmt, ops::ControlFlow};

use ::mongodb::{
    Collection, Database,
    bson::{DateTime, Document, doc, oid::ObjectId},
};
use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use vigie_core::{
    bucket::{Bucket, BucketKey},
    event::{Event, EventKey},
    text::SourceId,
};

use self::{
    connect::Server,
    document::{BucketDocument, EventDocument, bucket_id, event_id},
    write::Write,
};
use crate::{
    error::StoreError,
    store::{
        BucketWrite, EachBucket, EachEvent, EachSummary, EventQuery, Store, StoreFacts,
        SummaryQuery, Versioned, ceiling_ms,
    },
};

pub use self::connect::{Credentials, Dialect};

/// How many requests for single documents are under way at once.
const REQUESTS_MAX: usize = 16;
/// How many `_id`s one request asks for.
const IDS_MAX: usize = 1_000;
/// How many documents the server sends at once.
const BATCH_DOCUMENTS: u32 = 500;

/// The store in a MongoDB database.
pub struct MongoStore {
    server: Server,
    database: Database,
    read_only: bool,
    validated: bool,
}

impl fmt::Debug for MongoStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoStore")
            .field("server", &self.server)
            .field("read_only", &self.read_only)
            .finish_non_exhaustive()
    }
}

impl MongoStore {
    /// Opens the database that `uri` names. Where `uri` has no credentials, `credentials` are used. `dialect` is found
    /// out from the server unless it is given.
    pub async fn open(
        uri: &str,
        credentials: Option<Credentials>,
        read_only: bool,
        dialect: Option<Dialect>,
    ) -> Result<Self, StoreError> {
        let (server, database) =
            connect::connect(uri, credentials.as_ref(), read_only, dialect).await?;
        let validated = schema::prepare(&server, &database, read_only).await?;
        Ok(Self {
            server,
            database,
            read_only,
            validated,
        })
    }

    fn bucket_documents(&self) -> Collection<BucketDocument> {
        self.database.collection(schema::BUCKETS)
    }

    fn event_documents(&self) -> Collection<EventDocument> {
        self.database.collection(schema::EVENTS)
    }

    fn writable(&self) -> Result<(), StoreError> {
        if self.read_only {
            return Err(StoreError::ReadOnly {
                store: self.server.name().to_owned(),
            });
        }
        Ok(())
    }

    /// The documents of these `_id`s that exist, without the fields of `without`.
    async fn load<D: DeserializeOwned + Send + Sync + Unpin>(
        &self,
        collection: &Collection<D>,
        ids: Vec<String>,
        without: Document,
    ) -> Result<Vec<D>, StoreError> {
        match self.server.dialect() {
            Dialect::Full => {
                let mut found = Vec::with_capacity(ids.len());
                for ids in ids.chunks(IDS_MAX) {
                    let cursor = collection
                        .find(doc! { "_id": { "$in": ids } })
                        .projection(without.clone());
                    let documents = async { cursor.await?.try_collect::<Vec<D>>().await };
                    found.extend(self.server.ask(documents).await?);
                }
                Ok(found)
            }
            Dialect::SingleIds => {
                stream::iter(ids)
                    .map(|id| {
                        let without = without.clone();
                        async move {
                            let found = collection.find_one(doc! { "_id": id });
                            self.server.ask(found.projection(without)).await
                        }
                    })
                    .buffer_unordered(REQUESTS_MAX)
                    .try_filter_map(|found| async move { Ok(found) })
                    .try_collect()
                    .await
            }
        }
    }

    /// Gives each document of a sorted read to `each`.
    async fn stream<D: DeserializeOwned + Send + Sync + Unpin>(
        &self,
        collection: &Collection<D>,
        filter: Document,
        without: Document,
        sort: Document,
        each: &mut (dyn FnMut(D) -> Result<ControlFlow<()>, StoreError> + Send),
    ) -> Result<(), StoreError> {
        let found = collection
            .find(filter)
            .projection(without)
            .sort(sort)
            .batch_size(BATCH_DOCUMENTS);
        let mut cursor = self.server.ask(found).await?;
        while let Some(document) = self.server.ask(cursor.try_next()).await? {
            if each(document)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// Adds to a filter that `field` is a date from `from` to `to` (excluded), where these are given.
fn within(filter: &mut Document, field: &str, from: Option<i64>, to: Option<i64>) {
    let mut range = Document::new();
    if let Some(from) = from {
        range.insert("$gte", DateTime::from_millis(from));
    }
    if let Some(to) = to {
        range.insert("$lt", DateTime::from_millis(to));
    }
    if !range.is_empty() {
        filter.insert(field, range);
    }
}

/// The documents that a query asks for.
fn hours(query: &SummaryQuery) -> Document {
    let mut filter = Document::new();
    if let Some(source) = &query.source {
        filter.insert("source", source.as_str());
    }
    if let Some(entity) = &query.entity {
        filter.insert("entity", entity.as_str());
    }
    let hours = query.hours_ms();
    let from = query.from.map(|_| hours.start);
    within(&mut filter, "hour", from, query.to.map(|_| hours.end));
    filter
}

/// The order in which buckets are read.
fn in_order() -> Document {
    doc! { "source": 1, "hour": 1, "entity": 1 }
}

#[async_trait]
impl Store for MongoStore {
    fn address(&self) -> &str {
        self.server.name()
    }

    async fn load_buckets(&self, keys: &[BucketKey]) -> Result<Vec<Versioned<Bucket>>, StoreError> {
        let ids = keys.iter().map(bucket_id).collect();
        let found = self
            .load(&self.bucket_documents(), ids, doc! { "measures": 0 })
            .await?;
        found
            .into_iter()
            .map(|document| document.into_bucket(self.server.name()))
            .collect()
    }

    async fn save_buckets(
        &self,
        writes: Vec<Versioned<BucketWrite>>,
    ) -> Result<Vec<BucketKey>, StoreError> {
        self.writable()?;
        let writes = writes
            .into_iter()
            .map(|write| Write {
                key: write.document.bucket().key.clone(),
                id: bucket_id(&write.document.bucket().key),
                document: BucketDocument::new(&write.document, write.version + 1),
                version: write.version,
            })
            .collect();
        write::save(&self.server, &self.database, schema::BUCKETS, writes).await
    }

    async fn load_events(&self, keys: &[EventKey]) -> Result<Vec<Versioned<Event>>, StoreError> {
        let ids = keys.iter().map(event_id).collect();
        let found = self
            .load(&self.event_documents(), ids, Document::new())
            .await?;
        found
            .into_iter()
            .map(|document| document.into_event(self.server.name()))
            .collect()
    }

    async fn save_events(
        &self,
        writes: Vec<Versioned<Event>>,
    ) -> Result<Vec<EventKey>, StoreError> {
        self.writable()?;
        let writes: Result<Vec<_>, StoreError> = writes
            .into_iter()
            .map(|write| {
                Ok(Write {
                    id: event_id(&write.document.key),
                    key: write.document.key.clone(),
                    document: EventDocument::new(
                        write.document,
                        write.version + 1,
                        self.server.name(),
                    )?,
                    version: write.version,
                })
            })
            .collect();
        write::save(&self.server, &self.database, schema::EVENTS, writes?).await
    }

    async fn summaries(
        &self,
        query: &SummaryQuery,
        each: EachSummary<'_>,
    ) -> Result<(), StoreError> {
        self.stream(
            &self.bucket_documents(),
            hours(query),
            doc! { "state": 0 },
            in_order(),
            &mut |document| Ok(each(document.into_summary(self.server.name())?)),
        )
        .await
    }

    async fn buckets(&self, query: &SummaryQuery, each: EachBucket<'_>) -> Result<(), StoreError> {
        self.stream(
            &self.bucket_documents(),
            hours(query),
            doc! { "measures": 0 },
            in_order(),
            &mut |document| Ok(each(document.into_bucket(self.server.name())?.document)),
        )
        .await
    }

    async fn events(&self, query: &EventQuery, each: EachEvent<'_>) -> Result<(), StoreError> {
        let mut filter = Document::new();
        if let Some(source) = &query.source {
            filter.insert("source", source.as_str());
        }
        let observed = query.observed_ms();
        let from = query.from.map(|_| observed.start);
        let to = query.to.map(|_| observed.end);
        within(&mut filter, "observed_at", from, to);
        self.stream(
            &self.event_documents(),
            filter,
            Document::new(),
            doc! { "source": 1, "observed_at": 1, "key": 1 },
            &mut |document| {
                let event = document.into_event(self.server.name())?.document;
                Ok(if query.holds(&event) {
                    each(event)
                } else {
                    ControlFlow::Continue(())
                })
            },
        )
        .await
    }

    async fn newest_hour(
        &self,
        source: &SourceId,
        before: Option<Timestamp>,
    ) -> Result<Option<Timestamp>, StoreError> {
        let mut filter = doc! { "source": source.as_str() };
        within(&mut filter, "hour", None, before.map(ceiling_ms));
        let buckets = self.bucket_documents();
        let found = buckets
            .find_one(filter)
            .projection(doc! { "measures": 0, "state": 0 })
            .sort(doc! { "source": -1, "hour": -1 });
        let found = self.server.ask(found).await?;
        found
            .map(|document| Ok(document.key(self.server.name())?.hour))
            .transpose()
    }

    async fn unsealed(
        &self,
        source: &SourceId,
        deadline_before: Timestamp,
        most: usize,
    ) -> Result<Vec<BucketKey>, StoreError> {
        let mut filter = doc! { "source": source.as_str(), "sealed": false };
        let before = Some(ceiling_ms(deadline_before));
        within(&mut filter, "deadline", None, before);
        let mut keys = Vec::new();
        if most == 0 {
            return Ok(keys);
        }
        self.stream(
            &self.bucket_documents(),
            filter,
            doc! { "measures": 0, "state": 0 },
            doc! { "source": 1, "sealed": 1, "deadline": 1 },
            &mut |document| {
                keys.push(document.key(self.server.name())?);
                Ok(if keys.len() < most {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                })
            },
        )
        .await?;
        Ok(keys)
    }

    async fn newest_event(&self, source: &SourceId) -> Result<Option<Timestamp>, StoreError> {
        let events = self.event_documents();
        let found = events
            .find_one(doc! { "source": source.as_str() })
            .sort(doc! { "source": -1, "observed_at": -1, "key": -1 });
        let found = self.server.ask(found).await?;
        found
            .map(|document| document.observed_at(self.server.name()))
            .transpose()
    }

    async fn forget_buckets(
        &self,
        source: &SourceId,
        before: Timestamp,
        most: usize,
    ) -> Result<u64, StoreError> {
        self.writable()?;
        let mut filter = doc! { "source": source.as_str() };
        within(&mut filter, "hour", None, Some(ceiling_ms(before)));
        filter.insert("sealed", true);
        let order = in_order();
        forget::forget(
            &self.server,
            &self.database,
            schema::BUCKETS,
            forget::Due {
                filter,
                order,
                most,
            },
        )
        .await
    }

    async fn forget_events(
        &self,
        source: &SourceId,
        before: Timestamp,
        most: usize,
    ) -> Result<u64, StoreError> {
        self.writable()?;
        let mut filter = doc! { "source": source.as_str() };
        within(&mut filter, "observed_at", None, Some(ceiling_ms(before)));
        let order = doc! { "source": 1, "observed_at": 1, "key": 1 };
        forget::forget(
            &self.server,
            &self.database,
            schema::EVENTS,
            forget::Due {
                filter,
                order,
                most,
            },
        )
        .await
    }

    async fn facts(&self) -> Result<StoreFacts, StoreError> {
        let count = async |name: &str| {
            let documents = self.database.collection::<Document>(name);
            self.server.ask(documents.estimated_document_count()).await
        };
        let statistics = self.database.run_command(doc! { "dbStats": 1 });
        let statistics = self.server.answer(statistics).await.ok();
        let mut notes = self.server.notes().to_vec();
        if !self.validated {
            notes.push(
                "the server takes no JSON-schema validators: documents are checked by Vigie alone"
                    .to_owned(),
            );
        }
        if self.server.dialect() == Dialect::SingleIds {
            notes.push("FerretDB 1 replaces documents without atomicity: writers take turns by a lock document".to_owned());
        }
        Ok(StoreFacts {
            kind: "mongodb",
            address: self.server.name().to_owned(),
            server: self.server.version().to_owned(),
            schema: schema::KNOWN,
            buckets: count(schema::BUCKETS).await?,
            events: count(schema::EVENTS).await?,
            bytes: statistics.and_then(|statistics| {
                let number = |field| document::whole_number(statistics.get(field)?);
                Some(number("storageSize")? + number("indexSize").unwrap_or(0))
            }),
            notes,
        })
    }

    async fn check(&self) -> Result<(), StoreError> {
        let ping = self.database.run_command(doc! { "ping": 1 });
        self.server.ask(ping).await?;
        if self.read_only {
            return Ok(());
        }
        // Another one each time, so that there is something to write.
        let probe = doc! { "_id": "probe", "check": ObjectId::new() };
        let meta = self.database.collection::<Document>(schema::META);
        let written = meta
            .replace_one(doc! { "_id": "probe" }, probe)
            .upsert(true);
        self.server.ask(written).await.map(drop)
    }
}
