//! Conditional writes.
//!
//! A new document is inserted: that its `_id` exists already is the conflict. A stored one is replaced on condition of its
//! version, in one step where the server can. `FerretDB` 1 cannot: it looks for the document and then replaces it, and
//! another writer may come in between. There, writers take turns by inserting a lock document, which is atomic
//! everywhere, and the version is looked at first.

use std::time::{Duration, Instant};

use ::mongodb::{
    Collection, Database,
    bson::{Document, doc, oid::ObjectId},
    error::{Error, ErrorKind, WriteFailure},
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;

use super::{
    REQUESTS_MAX,
    connect::{Dialect, Server},
    schema::META,
};
use crate::error::StoreError;

/// `DuplicateKey`, from MongoDB's `error_codes.yml`.
const DUPLICATE: i32 = 11000;
/// The `_id` of the lock document.
const WRITER: &str = "writer";
/// How often a writer that waits looks whether it is its turn.
const TURN_POLL: Duration = Duration::from_millis(5);
/// For how long the same writer must have been seen before it counts as dead. A batch takes seconds at most.
const DEAD_AFTER: Duration = Duration::from_mins(1);

/// A document to be written if its stored version is `version`.
pub(super) struct Write<K, D> {
    pub(super) key: K,
    pub(super) id: String,
    pub(super) document: D,
    pub(super) version: u64,
}

/// Whether an error says that a document of this `_id` exists already.
pub(super) fn is_duplicate(error: &Error) -> bool {
    match error.kind.as_ref() {
        ErrorKind::Write(WriteFailure::WriteError(failure)) => failure.code == DUPLICATE,
        ErrorKind::Command(failure) => failure.code == DUPLICATE,
        _ => false,
    }
}

/// Writes the documents whose stored version is the expected one, and returns the keys of the others.
pub(super) async fn save<K, D: Serialize + Send + Sync>(
    server: &Server,
    database: &Database,
    collection: &Collection<D>,
    writes: Vec<Write<K, D>>,
) -> Result<Vec<K>, StoreError> {
    if writes.is_empty() {
        return Ok(Vec::new());
    }
    let done = match server.dialect() {
        Dialect::Full => write_all(collection, writes, Dialect::Full).await,
        Dialect::SingleIds => {
            let meta = database.collection(META);
            let turn = match take_turn(&meta).await {
                Ok(turn) => turn,
                Err(error) => return Err(server.error(&error)),
            };
            let done = write_all(collection, writes, Dialect::SingleIds).await;
            let ended = end_turn(&meta, turn).await;
            done.and_then(|conflicts| ended.map(|()| conflicts))
        }
    };
    done.map_err(|error| server.error(&error))
}

async fn write_all<K, D: Serialize + Send + Sync>(
    collection: &Collection<D>,
    writes: Vec<Write<K, D>>,
    dialect: Dialect,
) -> Result<Vec<K>, Error> {
    let (new, stored): (Vec<_>, Vec<_>) = writes.into_iter().partition(|write| write.version == 0);
    let mut conflicts = insert(collection, new).await?;
    conflicts.extend(replace(collection, stored, dialect).await?);
    Ok(conflicts)
}

/// Inserts new documents; those that exist already are conflicts.
async fn insert<K, D: Serialize + Send + Sync>(
    collection: &Collection<D>,
    writes: Vec<Write<K, D>>,
) -> Result<Vec<K>, Error> {
    if writes.is_empty() {
        return Ok(Vec::new());
    }
    let documents = writes.iter().map(|write| &write.document);
    let Err(error) = collection.insert_many(documents).ordered(false).await else {
        return Ok(Vec::new());
    };
    let ErrorKind::InsertMany(failure) = error.kind.as_ref() else {
        return Err(error);
    };
    let refused = failure.write_errors.as_deref().unwrap_or_default();
    let only_duplicates = failure.write_concern_error.is_none()
        && refused.iter().all(|refusal| refusal.code == DUPLICATE);
    if refused.is_empty() || !only_duplicates {
        return Err(error);
    }
    let mut exists = vec![false; writes.len()];
    for refusal in refused {
        if let Some(exists) = exists.get_mut(refusal.index) {
            *exists = true;
        }
    }
    Ok(writes
        .into_iter()
        .zip(exists)
        .filter_map(|(write, exists)| exists.then_some(write.key))
        .collect())
}

/// Replaces stored documents; those of another version are conflicts.
async fn replace<K, D: Serialize + Send + Sync>(
    collection: &Collection<D>,
    writes: Vec<Write<K, D>>,
    dialect: Dialect,
) -> Result<Vec<K>, Error> {
    // There, many writes at once only fight for the one lock of the database behind it, until one gives up.
    let at_once = match dialect {
        Dialect::Full => REQUESTS_MAX,
        Dialect::SingleIds => 1,
    };
    stream::iter(writes)
        .map(|write| async move {
            let expected = write.version.cast_signed();
            let filter = match dialect {
                Dialect::Full => doc! { "_id": &write.id, "version": expected },
                Dialect::SingleIds => {
                    if stored_version(collection, &write.id).await? != Some(expected) {
                        return Ok(Some(write.key));
                    }
                    doc! { "_id": &write.id }
                }
            };
            let done = collection.replace_one(filter, &write.document).await?;
            Ok((done.matched_count == 0).then_some(write.key))
        })
        .buffer_unordered(at_once)
        .try_filter_map(|conflict| async move { Ok(conflict) })
        .try_collect()
        .await
}

async fn stored_version<D: Send + Sync>(
    collection: &Collection<D>,
    id: &str,
) -> Result<Option<i64>, Error> {
    let stored = collection
        .clone_with_type::<Document>()
        .find_one(doc! { "_id": id })
        .projection(doc! { "version": 1 })
        .await?;
    Ok(stored.and_then(|stored| stored.get_i64("version").ok()))
}

/// Waits for the other writers, and returns what names our turn.
async fn take_turn(meta: &Collection<Document>) -> Result<ObjectId, Error> {
    let ours = ObjectId::new();
    let mut seen: Option<(ObjectId, Instant)> = None;
    loop {
        match meta.insert_one(doc! { "_id": WRITER, "turn": ours }).await {
            Ok(_) => return Ok(ours),
            Err(error) if is_duplicate(&error) => {}
            Err(error) => return Err(error),
        }
        let lock = meta.find_one(doc! { "_id": WRITER }).await?;
        let turn = lock.and_then(|lock| lock.get_object_id("turn").ok());
        match (turn, seen) {
            (Some(turn), Some((same, since))) if turn == same => {
                if since.elapsed() > DEAD_AFTER {
                    end_turn(meta, turn).await?;
                }
            }
            (Some(turn), _) => seen = Some((turn, Instant::now())),
            (None, _) => seen = None,
        }
        tokio::time::sleep(TURN_POLL).await;
    }
}

async fn end_turn(meta: &Collection<Document>, turn: ObjectId) -> Result<(), Error> {
    meta.delete_one(doc! { "_id": WRITER, "turn": turn })
        .await?;
    Ok(())
}
