//! Conditional writes.
//!
//! A new document is inserted: that its `_id` exists already is the conflict. A stored one is replaced on condition of its
//! version, in one step where the server can. `FerretDB` 1 cannot: it looks for the document and then replaces it, and
//! another writer may come in between. There, writers take turns by inserting a lock document, which is atomic
//! everywhere, and the version is looked at first.
//!
//! A batch is one `insert` and one `update`, split where they are large. Either is sent once more when the
//! connection broke or the primary changed: what had been written after all is then a conflict, and whoever reads
//! the document again finds it merged.

use std::{collections::HashMap, time::Duration};

use ::mongodb::{
    Collection, Database,
    bson::{
        Document, RawArrayBuf, RawDocumentBuf, doc, oid::ObjectId, rawdoc,
        serialize_to_raw_document_buf,
    },
    error::{Error, ErrorKind, WriteFailure},
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;

use super::{
    IDS_MAX, REQUESTS_MAX,
    connect::{Dialect, Failed, Server},
    document::whole_number,
    schema::META,
};
use crate::error::{Cause, StoreError};

/// `DuplicateKey`, from MongoDB's `error_codes.yml`.
const DUPLICATE: i32 = 11000;
/// How often a request is sent when the server is passing through something.
pub(super) const TRIES_MAX: u32 = 2;
/// The most bytes of the documents of one request, so that its answer comes in time over a slow network too. The server takes
/// 16 MiB, which a single document may fill.
const REQUEST_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The most documents of one request to `FerretDB` 1. It flushes each to the disk by itself while others wait for their turn, and
/// holds one of its 100 connections to `SQLite` for each document that it has replaced until it answers: at 100 it stands still.
pub(super) const SLOW_DOCUMENTS_MAX: usize = 25;
/// The `_id` of the lock document.
const WRITER: &str = "writer";
/// How often a writer that waits looks whether it is its turn, at first.
const TURN_POLL: Duration = Duration::from_millis(5);
/// How often a writer that has waited for a while looks.
const TURN_POLL_MAX: Duration = Duration::from_millis(50);
/// After how many looks at the same turn its writer counts as dead: some 15 s. Whoever has the turn renews it after every
/// `update`. Looks are counted, not seconds: while the server stands still nobody can renew anything.
const DEAD_AFTER_LOOKS: u32 = 300;

/// A document to be written if its stored version is `version`.
pub(super) struct Write<K, D> {
    pub(super) key: K,
    pub(super) id: String,
    pub(super) document: D,
    pub(super) version: u64,
}

/// A document as it goes over the wire.
struct Prepared<K> {
    key: K,
    id: String,
    document: RawDocumentBuf,
    version: i64,
}

/// Whether an error says that a document of this `_id` exists already.
pub(super) fn is_duplicate(failed: &Failed) -> bool {
    let Failed::Said(error) = failed else {
        return false;
    };
    match error.kind.as_ref() {
        ErrorKind::Write(WriteFailure::WriteError(failure)) => failure.code == DUPLICATE,
        ErrorKind::Command(failure) => failure.code == DUPLICATE,
        _ => false,
    }
}

/// Writes the documents whose stored version is the expected one, and returns the keys of the others.
pub(super) async fn save<K: Send + Sync, D: Serialize>(
    server: &Server,
    database: &Database,
    collection: &str,
    writes: Vec<Write<K, D>>,
) -> Result<Vec<K>, StoreError> {
    if writes.is_empty() {
        return Ok(Vec::new());
    }
    let mut prepared = Vec::with_capacity(writes.len());
    for write in writes {
        let document = serialize_to_raw_document_buf(&write.document);
        prepared.push(Prepared {
            document: document.map_err(|error| StoreError::Refused {
                store: server.name().to_owned(),
                cause: Cause::new(error),
            })?,
            key: write.key,
            id: write.id,
            version: write.version.cast_signed(),
        });
    }
    let writer = Writer::new(server, database, collection);
    let done = writer.save(prepared).await;
    done.map_err(|failed| server.failure(&failed))
}

/// One writer among others.
pub(super) struct Writer<'a> {
    pub(super) server: &'a Server,
    database: &'a Database,
    pub(super) collection: Collection<RawDocumentBuf>,
    meta: Collection<Document>,
}

impl<'a> Writer<'a> {
    /// A writer of a collection.
    pub(super) fn new(server: &'a Server, database: &'a Database, collection: &str) -> Self {
        Self {
            server,
            database,
            collection: database.collection(collection),
            meta: database.collection(META),
        }
    }

    async fn save<K: Send + Sync>(&self, writes: Vec<Prepared<K>>) -> Result<Vec<K>, Failed> {
        let (new, stored): (Vec<_>, Vec<_>) =
            writes.into_iter().partition(|write| write.version == 0);
        // An insert is one step everywhere, and needs no turn.
        let mut conflicts = self.insert(new).await?;
        conflicts.extend(match self.server.dialect() {
            Dialect::Full => self.replace(stored).await?,
            Dialect::SingleIds => self.replace_in_turn(stored).await?,
        });
        Ok(conflicts)
    }

    /// Inserts new documents; those that exist already are conflicts.
    async fn insert<K>(&self, writes: Vec<Prepared<K>>) -> Result<Vec<K>, Failed> {
        let most = match self.server.dialect() {
            Dialect::Full => usize::MAX,
            Dialect::SingleIds => SLOW_DOCUMENTS_MAX,
        };
        let mut conflicts = Vec::new();
        for portion in portions(writes, most) {
            let existing = self.insert_portion(&portion).await?;
            conflicts.extend(of_indexes(portion, &existing));
        }
        Ok(conflicts)
    }

    /// Inserts documents in one request, and returns the indexes of those that exist already.
    async fn insert_portion<K>(&self, writes: &[Prepared<K>]) -> Result<Vec<usize>, Failed> {
        let mut tries = 1;
        loop {
            let documents = writes.iter().map(|write| &write.document);
            let inserted = self.collection.insert_many(documents).ordered(false);
            match self.server.answer(inserted).await {
                Ok(_) => return Ok(Vec::new()),
                Err(failed) if failed.is_passing() && tries < TRIES_MAX => tries += 1,
                Err(Failed::Said(error)) => return Ok(existing(error)?),
                Err(failed) => return Err(failed),
            }
        }
    }

    /// Replaces stored documents; those of another version are conflicts.
    async fn replace<K>(&self, writes: Vec<Prepared<K>>) -> Result<Vec<K>, Failed> {
        let mut conflicts = Vec::new();
        for portion in portions(writes, usize::MAX) {
            let updates = updates(
                &portion,
                |write| rawdoc! { "_id": write.id.as_str(), "version": write.version },
            );
            if self.update(updates).await? < portion.len() as u64 {
                let differing = self.differing(&portion).await?;
                conflicts.extend(of_indexes(portion, &differing));
            }
        }
        Ok(conflicts)
    }

    /// As [`Writer::replace`], while no other writer does the same.
    async fn replace_in_turn<K>(&self, writes: Vec<Prepared<K>>) -> Result<Vec<K>, Failed> {
        let mut conflicts = Vec::new();
        let mut portions = portions(writes, SLOW_DOCUMENTS_MAX).into_iter().peekable();
        if portions.peek().is_none() {
            return Ok(conflicts);
        }
        let mut turn = self.take_turn().await?;
        let mut done = Ok(());
        while let Some(portion) = portions.next() {
            match self.replace_while_ours(portion).await {
                Ok(others) => conflicts.extend(others),
                Err(failed) => {
                    done = Err(failed);
                    break;
                }
            }
            if portions.peek().is_some() {
                match self.renew_turn(turn).await {
                    Ok(Some(renewed)) => turn = renewed,
                    // We were taken for dead: whoever has the turn now may be writing what is left.
                    Ok(None) => break,
                    Err(failed) => {
                        done = Err(failed);
                        break;
                    }
                }
            }
        }
        let ended = self.end_turn(turn).await;
        done.and(ended)?;
        conflicts.extend(portions.flatten().map(|write| write.key));
        Ok(conflicts)
    }

    async fn replace_while_ours<K>(&self, portion: Vec<Prepared<K>>) -> Result<Vec<K>, Failed> {
        let versions = self.stored_versions(&portion).await?;
        let (due, others): (Vec<_>, Vec<_>) = portion
            .into_iter()
            .partition(|write| versions.get(&write.id) == Some(&write.version));
        let mut conflicts: Vec<K> = others.into_iter().map(|write| write.key).collect();
        if due.is_empty() {
            return Ok(conflicts);
        }
        // The version was looked at; asked for it too, that server would read the whole collection.
        let updates = updates(&due, |write| rawdoc! { "_id": write.id.as_str() });
        if self.update(updates).await? < due.len() as u64 {
            let differing = self.differing(&due).await?;
            conflicts.extend(of_indexes(due, &differing));
        }
        Ok(conflicts)
    }

    /// Sends one `update`, and returns how many documents matched. The driver has no method for several replacements at once
    /// but one that only the newest servers understand.
    async fn update(&self, updates: RawArrayBuf) -> Result<u64, Failed> {
        let write_concern = serialize_to_raw_document_buf(self.server.write_concern());
        let command = rawdoc! {
            "update": self.collection.name(),
            "ordered": false,
            "writeConcern": write_concern.map_err(Error::from)?,
            "updates": updates,
        };
        let mut tries = 1;
        loop {
            let reply = self.database.run_raw_command(command.clone());
            let matched = self
                .server
                .answer(reply)
                .await
                .and_then(|reply| matched(&reply));
            match matched {
                Err(failed) if failed.is_passing() && tries < TRIES_MAX => tries += 1,
                done => return done,
            }
        }
    }

    /// The indexes of the documents that are not stored as they are here.
    async fn differing<K>(&self, writes: &[Prepared<K>]) -> Result<Vec<usize>, Failed> {
        let mut stored: HashMap<String, RawDocumentBuf> = HashMap::with_capacity(writes.len());
        for writes in writes.chunks(IDS_MAX) {
            let ids: Vec<&str> = writes.iter().map(|write| write.id.as_str()).collect();
            let filter = doc! { "_id": { "$in": ids } };
            let found = async {
                let cursor = self.collection.find(filter).await?;
                cursor.try_collect::<Vec<RawDocumentBuf>>().await
            };
            for document in self.server.answer(found).await? {
                if let Ok(id) = document.get_str("_id") {
                    stored.insert(id.to_owned(), document);
                }
            }
        }
        let differs = |write: &Prepared<K>| stored.get(&write.id) != Some(&write.document);
        Ok(writes
            .iter()
            .enumerate()
            .filter_map(|(index, write)| differs(write).then_some(index))
            .collect())
    }

    async fn stored_versions<K>(
        &self,
        writes: &[Prepared<K>],
    ) -> Result<HashMap<String, i64>, Failed> {
        let documents = self.collection.clone_with_type::<Document>();
        let ids: Vec<String> = writes.iter().map(|write| write.id.clone()).collect();
        stream::iter(ids)
            .map(|id| {
                let documents = &documents;
                async move {
                    let found = documents
                        .find_one(doc! { "_id": &id })
                        .projection(doc! { "version": 1 });
                    let found = self.server.answer(found).await?;
                    Ok(found.and_then(|found| Some((id, found.get_i64("version").ok()?))))
                }
            })
            .buffer_unordered(REQUESTS_MAX)
            .try_filter_map(|found| async move { Ok(found) })
            .try_collect()
            .await
    }

    /// Waits for the other writers, and returns what names our turn.
    pub(super) async fn take_turn(&self) -> Result<ObjectId, Failed> {
        let ours = ObjectId::new();
        let mut seen: Option<(ObjectId, u32)> = None;
        let mut pause = TURN_POLL;
        let mut tries = 1;
        loop {
            let lock = doc! { "_id": WRITER, "turn": ours };
            match self.server.answer(self.meta.insert_one(lock)).await {
                Ok(_) => return Ok(ours),
                Err(failed) if is_duplicate(&failed) => {}
                Err(failed) if failed.is_passing() && tries < TRIES_MAX => tries += 1,
                Err(failed) => return Err(failed),
            }
            let lock = self.meta.find_one(doc! { "_id": WRITER });
            let lock = self.server.answer(lock).await?;
            let turn = lock.and_then(|lock| lock.get_object_id("turn").ok());
            seen = match (turn, seen) {
                // We were heard, and the answer was lost.
                (Some(turn), _) if turn == ours => return Ok(ours),
                (Some(turn), Some((same, looks))) if turn == same => {
                    if looks >= DEAD_AFTER_LOOKS {
                        self.end_turn(turn).await?;
                    }
                    pause = (pause * 2).min(TURN_POLL_MAX);
                    Some((turn, looks + 1))
                }
                (Some(turn), _) => {
                    pause = TURN_POLL;
                    Some((turn, 1))
                }
                (None, _) => None,
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Shows that we are alive; `None` where another writer has the turn.
    pub(super) async fn renew_turn(&self, turn: ObjectId) -> Result<Option<ObjectId>, Failed> {
        let renewed = ObjectId::new();
        let ours = doc! { "_id": WRITER, "turn": turn };
        let update = self
            .meta
            .update_one(ours, doc! { "$set": { "turn": renewed } });
        let updated = self.server.answer(update).await?;
        Ok((updated.matched_count == 1).then_some(renewed))
    }

    pub(super) async fn end_turn(&self, turn: ObjectId) -> Result<(), Failed> {
        let mut tries = 1;
        loop {
            let ours = doc! { "_id": WRITER, "turn": turn };
            match self.server.answer(self.meta.delete_one(ours)).await {
                Ok(_) => return Ok(()),
                Err(failed) if failed.is_passing() && tries < TRIES_MAX => tries += 1,
                Err(failed) => return Err(failed),
            }
        }
    }
}

/// The indexes of the documents of an `insert` that exist already; the error, if it says anything else.
fn existing(error: Error) -> Result<Vec<usize>, Error> {
    let ErrorKind::InsertMany(failure) = error.kind.as_ref() else {
        return Err(error);
    };
    let refused = failure.write_errors.as_deref().unwrap_or_default();
    let only_duplicates = failure.write_concern_error.is_none()
        && refused.iter().all(|refusal| refusal.code == DUPLICATE);
    if refused.is_empty() || !only_duplicates {
        return Err(error);
    }
    Ok(refused.iter().map(|refusal| refusal.index).collect())
}

/// The keys of the documents at these indexes.
fn of_indexes<K>(writes: Vec<Prepared<K>>, indexes: &[usize]) -> Vec<K> {
    let mut chosen = vec![false; writes.len()];
    for &index in indexes {
        if let Some(chosen) = chosen.get_mut(index) {
            *chosen = true;
        }
    }
    writes
        .into_iter()
        .zip(chosen)
        .filter_map(|(write, chosen)| chosen.then_some(write.key))
        .collect()
}

/// The documents in portions that fit into one `update`, each of at most `most`.
fn portions<K>(writes: Vec<Prepared<K>>, most: usize) -> Vec<Vec<Prepared<K>>> {
    let mut portions: Vec<Vec<Prepared<K>>> = Vec::new();
    let mut bytes = 0;
    for write in writes {
        let more = write.document.as_bytes().len();
        match portions.last_mut() {
            Some(last) if last.len() < most && bytes + more <= REQUEST_BYTES_MAX => {
                bytes += more;
                last.push(write);
            }
            _ => {
                bytes = more;
                portions.push(vec![write]);
            }
        }
    }
    portions
}

/// The field `updates` of an `update` that replaces each document which `filter` finds.
fn updates<K>(
    writes: &[Prepared<K>],
    filter: impl Fn(&Prepared<K>) -> RawDocumentBuf,
) -> RawArrayBuf {
    let mut updates = RawArrayBuf::new();
    for write in writes {
        updates.push(rawdoc! { "q": filter(write), "u": write.document.clone() });
    }
    updates
}

/// How many documents an `update` matched, from its reply. That of a command is not looked into by the driver.
fn matched(reply: &Document) -> Result<u64, Failed> {
    let failure = |document: &Document| {
        let code = document.get("code").and_then(whole_number);
        Failed::Refused {
            code: code.and_then(|code| i32::try_from(code).ok()).unwrap_or(0),
            words: document
                .get_str("errmsg")
                .unwrap_or("no reason given")
                .to_owned(),
        }
    };
    if let Ok(error) = reply.get_document("writeConcernError") {
        return Err(failure(error));
    }
    let errors = reply.get_array("writeErrors").map(Vec::as_slice);
    let errors = errors.unwrap_or_default().iter();
    for error in errors.filter_map(|error| error.as_document()) {
        match failure(error) {
            // Somebody wrote it meanwhile: it does not count as matched.
            Failed::Refused {
                code: DUPLICATE, ..
            } => {}
            refused => return Err(refused),
        }
    }
    reply
        .get("n")
        .and_then(whole_number)
        .ok_or_else(|| Failed::Refused {
            code: 0,
            words: "it did not say how many documents were updated".to_owned(),
        })
}
