//! The store in one SQLite file, for a single machine.
//!
//! The file is in write-ahead mode: any number of processes read while one writes, and writers take turns. Each batch
//! is one transaction, synchronised to the disk before it is acknowledged.

mod bucket;
mod connection;
mod event;
mod forget;
mod hours;
mod rows;
mod schema;
mod state;

use std::{
    fmt,
    ops::ControlFlow,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use tokio::sync::{Semaphore, mpsc};
use vigie_core::{
    bucket::{Bucket, BucketKey},
    event::{Event, EventKey},
    text::{MeasureId, SourceId},
};

use self::{
    connection::{Access, File},
    rows::Document,
};
use crate::{
    error::{Cause, StoreError},
    open::Options,
    store::{
        BucketWrite, EachBucket, EachEvent, EachHour, EachSummary, EventQuery, Store, StoreFacts,
        SummaryQuery, Versioned,
    },
};

/// How many readings go on at once; further ones wait.
const READERS_MAX: usize = 4;
/// How many documents go from the reading thread to the caller at once: each takes some kilobytes.
const BATCH_DOCUMENTS: usize = 64;
/// As [`BATCH_DOCUMENTS`], of what takes a tenth of that.
const BATCH_HOURS: usize = 256;
/// How many such batches may wait for the caller.
const BATCHES_WAITING_MAX: usize = 4;

/// The store in one SQLite file.
#[derive(Clone)]
pub struct SqliteStore {
    shared: Arc<Shared>,
}

struct Shared {
    file: File,
    /// Closed before the writer, which as the last one puts the write-ahead file away.
    idle_readers: Mutex<Vec<Connection>>,
    /// `None` when opened for reading only.
    writer: Option<Mutex<Connection>>,
    readers: Semaphore,
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("file", &self.shared.file)
            .field("read_only", &self.shared.writer.is_none())
            .finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens the file at `path`; unless `read_only`, makes it and its folder where they are missing.
    pub async fn open(
        path: PathBuf,
        read_only: bool,
        options: Options,
    ) -> Result<Self, StoreError> {
        let file = File::new(path, options);
        blocking(move || {
            let mut idle_readers = Vec::new();
            let writer = if read_only {
                let reader = file.connect(Access::Read)?;
                schema::check(&reader, &file)?;
                idle_readers.push(reader);
                None
            } else {
                let mut writer = file.connect(Access::Write)?;
                schema::bring_up_to_date(&mut writer, &file)?;
                Some(Mutex::new(writer))
            };
            let shared = Shared {
                file,
                idle_readers: Mutex::new(idle_readers),
                writer,
                readers: Semaphore::new(READERS_MAX),
            };
            Ok(Self {
                shared: Arc::new(shared),
            })
        })
        .await
    }

    /// Writes a copy of the store as it is at this instant to `path`, where nothing may be yet. Others go on writing.
    pub async fn copy_to(&self, path: PathBuf) -> Result<(), StoreError> {
        let options = Options::default();
        self.read(move |connection, file| {
            let target = path.to_string_lossy();
            connection
                .execute("VACUUM INTO ?1", [target.as_ref()])
                .map_err(|error| file.error(error))?;
            // A copy made in this way has lost the mode of its file.
            schema::write_ahead(&File::new(path.clone(), options).connect(Access::Write)?)
                .map_err(|error| file.error(error))
        })
        .await
    }

    /// Reads every page: what a disk or a hand has damaged is an error, also where no question has met it yet.
    pub async fn check_pages(&self) -> Result<(), StoreError> {
        self.read(|connection, file| {
            let said: String = connection
                .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
                .map_err(|error| file.error(error))?;
            if said == "ok" {
                Ok(())
            } else {
                Err(file.damaged("a page of the file".to_owned(), said))
            }
        })
        .await
    }

    /// Runs `work` on a connection for reading.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &File) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = self.shared.readers.acquire().await;
        let shared = Arc::clone(&self.shared);
        let done = blocking(move || {
            let idle = || {
                shared
                    .idle_readers
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
            };
            let known = idle().pop();
            let connection = match known {
                Some(connection) => connection,
                None => shared.file.connect(Access::Read)?,
            };
            let done = work(&connection, &shared.file);
            idle().push(connection);
            done
        })
        .await;
        drop(permit);
        done
    }

    /// Runs `work` in a transaction that is durable when this returns.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &File) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = Arc::clone(&self.shared);
        blocking(move || {
            let file = &shared.file;
            let Some(writer) = &shared.writer else {
                return Err(StoreError::ReadOnly {
                    store: file.name().to_owned(),
                });
            };
            let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction = writer
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(|error| file.error(error))?;
            let done = work(&transaction, file)?;
            transaction.commit().map_err(|error| file.error(error))?;
            Ok(done)
        })
        .await
    }

    async fn load<D: Document>(&self, keys: &[D::Key]) -> Result<Vec<Versioned<D>>, StoreError> {
        let keys = keys.to_vec();
        self.read(move |connection, file| rows::load(connection, file, &keys))
            .await
    }

    async fn save<D: Document>(
        &self,
        writes: Vec<Versioned<D::Write>>,
    ) -> Result<Vec<D::Key>, StoreError> {
        self.write(move |connection, file| rows::save::<D>(connection, file, &writes))
            .await
    }

    /// Deletes what a statement finds. Nothing is written, nor any other writer waited for, where it finds nothing.
    async fn forget(
        &self,
        what: &'static forget::Statements,
        source: &SourceId,
        before: Timestamp,
        most: usize,
    ) -> Result<u64, StoreError> {
        let of = source.clone();
        let found = self.read(move |connection, file| what.finds(connection, file, &of, before));
        if !found.await? {
            return Ok(0);
        }
        let of = source.clone();
        self.write(move |connection, file| what.delete(connection, file, &of, before, most))
            .await
    }

    /// Reads on another thread while `each` takes in what was read, so many at once.
    async fn stream<T: Send + 'static>(
        &self,
        together: usize,
        select: impl FnOnce(
            &Connection,
            &File,
            &mut dyn FnMut(T) -> ControlFlow<()>,
        ) -> Result<(), StoreError>
        + Send
        + 'static,
        each: &mut (dyn FnMut(T) -> ControlFlow<()> + Send),
    ) -> Result<(), StoreError> {
        let (sender, mut receiver) = mpsc::channel::<Vec<T>>(BATCHES_WAITING_MAX);
        let reading = self.read(move |connection, file| {
            let mut batch = Vec::with_capacity(together);
            select(connection, file, &mut |document| {
                batch.push(document);
                if batch.len() < together {
                    return ControlFlow::Continue(());
                }
                let full = std::mem::replace(&mut batch, Vec::with_capacity(together));
                match sender.blocking_send(full) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(_stopped) => ControlFlow::Break(()),
                }
            })?;
            // Nobody listens any more: that is no error.
            let _ = sender.blocking_send(batch);
            Ok(())
        });
        let taking = async move {
            while let Some(batch) = receiver.recv().await {
                for document in batch {
                    if each(document).is_break() {
                        return;
                    }
                }
            }
        };
        tokio::join!(reading, taking).0
    }
}

/// Runs `work` where it may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(stopped) => Err(StoreError::Unavailable {
                store: "sqlite".to_owned(),
                remedy: "the program is stopping",
                cause: Cause::new(stopped),
            }),
        },
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn address(&self) -> &str {
        self.shared.file.name()
    }

    async fn load_buckets(&self, keys: &[BucketKey]) -> Result<Vec<Versioned<Bucket>>, StoreError> {
        self.load(keys).await
    }

    async fn save_buckets(
        &self,
        writes: Vec<Versioned<BucketWrite>>,
    ) -> Result<Vec<BucketKey>, StoreError> {
        self.save::<Bucket>(writes).await
    }

    async fn load_events(&self, keys: &[EventKey]) -> Result<Vec<Versioned<Event>>, StoreError> {
        self.load(keys).await
    }

    async fn save_events(
        &self,
        writes: Vec<Versioned<Event>>,
    ) -> Result<Vec<EventKey>, StoreError> {
        self.save::<Event>(writes).await
    }

    async fn summaries(
        &self,
        query: &SummaryQuery,
        each: EachSummary<'_>,
    ) -> Result<(), StoreError> {
        let query = query.clone();
        self.stream(
            BATCH_DOCUMENTS,
            move |connection, file, each| bucket::summaries(connection, file, &query, each),
            each,
        )
        .await
    }

    async fn summaries_of(
        &self,
        query: &SummaryQuery,
        measure: &MeasureId,
        each: EachHour<'_>,
    ) -> Result<(), StoreError> {
        let (query, measure) = (query.clone(), measure.clone());
        self.stream(
            BATCH_HOURS,
            move |connection, file, each| hours::read(connection, file, &query, &measure, each),
            each,
        )
        .await
    }

    async fn buckets(&self, query: &SummaryQuery, each: EachBucket<'_>) -> Result<(), StoreError> {
        let query = query.clone();
        self.stream(
            BATCH_DOCUMENTS,
            move |connection, file, each| bucket::buckets(connection, file, &query, each),
            each,
        )
        .await
    }

    async fn events(&self, query: &EventQuery, each: EachEvent<'_>) -> Result<(), StoreError> {
        let query = query.clone();
        self.stream(
            BATCH_DOCUMENTS,
            move |connection, file, each| event::events(connection, file, &query, each),
            each,
        )
        .await
    }

    async fn newest_hour(
        &self,
        source: &SourceId,
        before: Option<Timestamp>,
    ) -> Result<Option<Timestamp>, StoreError> {
        let source = source.clone();
        self.read(move |connection, file| bucket::newest_hour(connection, file, &source, before))
            .await
    }

    async fn unsealed(
        &self,
        source: &SourceId,
        deadline_before: Timestamp,
        most: usize,
    ) -> Result<Vec<BucketKey>, StoreError> {
        let source = source.clone();
        self.read(move |connection, file| {
            bucket::unsealed(connection, file, &source, deadline_before, most)
        })
        .await
    }

    async fn newest_event(&self, source: &SourceId) -> Result<Option<Timestamp>, StoreError> {
        let source = source.clone();
        self.read(move |connection, file| event::newest(connection, file, &source))
            .await
    }

    async fn forget_buckets(
        &self,
        source: &SourceId,
        before: Timestamp,
        most: usize,
    ) -> Result<u64, StoreError> {
        self.forget(&forget::BUCKETS, source, before, most).await
    }

    async fn forget_events(
        &self,
        source: &SourceId,
        before: Timestamp,
        most: usize,
    ) -> Result<u64, StoreError> {
        self.forget(&forget::EVENTS, source, before, most).await
    }

    async fn facts(&self) -> Result<StoreFacts, StoreError> {
        self.read(|connection, file| {
            let number = |sql: &str| {
                connection
                    .query_row(sql, [], |row| row.get::<_, i64>(0))
                    .map(|number| number as u64)
                    .map_err(|error| file.error(error))
            };
            Ok(StoreFacts {
                kind: "sqlite",
                address: file.name().to_owned(),
                server: format!("SQLite {}", rusqlite::version()),
                schema: number("PRAGMA user_version")? as u32,
                buckets: number("SELECT count(*) FROM summaries")?,
                events: number("SELECT count(*) FROM events")?,
                bytes: Some(file.bytes()),
                notes: Vec::new(),
            })
        })
        .await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.read(|connection, file| {
            connection
                .query_row("SELECT 1 FROM summaries LIMIT 1", [], |_| Ok(()))
                .optional()
                .map_err(|error| file.error(error))
        })
        .await?;
        if self.shared.writer.is_none() {
            return Ok(());
        }
        self.write(|connection, file| {
            // What is written tells of a full disk or of missing permissions.
            connection
                .execute(
                    "INSERT INTO probe (id, checks) VALUES (1, 1) ON CONFLICT DO UPDATE SET checks = checks + 1",
                    params![],
                )
                .map(drop)
                .map_err(|error| file.error(error))
        })
        .await
    }
}
