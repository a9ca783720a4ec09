//! Deleting what is no longer kept.
//!
//! The `_id`s of what is due are asked for, and deleted on the condition that they still are due, in one step where the server can.
//! `FerretDB` 1 reads the whole collection for each condition that is more than one `_id`: there what is due is looked for
//! again in our turn to write, and deleted by `_id` alone.

use ::mongodb::{
    Database,
    bson::{Document, RawDocumentBuf, doc, oid::ObjectId},
};
use futures::TryStreamExt as _;

use super::{
    IDS_MAX,
    connect::{Dialect, Failed, Server},
    write::{SLOW_DOCUMENTS_MAX, TRIES_MAX, Writer},
};
use crate::error::StoreError;

/// What is to be deleted.
pub(super) struct Due {
    /// What holds of it.
    pub(super) filter: Document,
    /// What goes first: the order of an index.
    pub(super) order: Document,
    /// How many at most.
    pub(super) most: usize,
}

/// Deletes what is due, and returns how many documents.
pub(super) async fn forget(
    server: &Server,
    database: &Database,
    collection: &str,
    due: Due,
) -> Result<u64, StoreError> {
    let writer = Writer::new(server, database, collection);
    let done = async {
        let ids = writer.due(&due).await?;
        if ids.is_empty() {
            return Ok(0);
        }
        match server.dialect() {
            Dialect::Full => writer.delete(&ids, &due.filter).await,
            Dialect::SingleIds => writer.delete_in_turn(&due).await,
        }
    };
    done.await.map_err(|failed| server.failure(&failed))
}

impl Writer<'_> {
    /// The `_id`s of what is due.
    async fn due(&self, due: &Due) -> Result<Vec<String>, Failed> {
        // A limit of 0 is none.
        let Ok(most @ 1..) = i64::try_from(due.most) else {
            return Ok(Vec::new());
        };
        let found = async {
            let cursor = self
                .collection
                .find(due.filter.clone())
                .projection(doc! { "_id": 1 })
                .sort(due.order.clone())
                .limit(most);
            cursor.await?.try_collect::<Vec<RawDocumentBuf>>().await
        };
        let found = self.server.answer(found).await?;
        let ids = found
            .iter()
            .filter_map(|document| document.get_str("_id").ok());
        Ok(ids.map(str::to_owned).collect())
    }

    async fn delete(&self, ids: &[String], still: &Document) -> Result<u64, Failed> {
        let mut deleted = 0;
        for ids in ids.chunks(IDS_MAX) {
            let mut filter = doc! { "_id": { "$in": ids } };
            filter.extend(still.clone());
            deleted += self.delete_many(filter).await?;
        }
        Ok(deleted)
    }

    async fn delete_many(&self, filter: Document) -> Result<u64, Failed> {
        let mut tries = 1;
        loop {
            let deleted = self.collection.delete_many(filter.clone());
            match self.server.answer(deleted).await {
                Ok(done) => return Ok(done.deleted_count),
                Err(failed) if failed.is_passing() && tries < TRIES_MAX => tries += 1,
                Err(failed) => return Err(failed),
            }
        }
    }

    async fn delete_in_turn(&self, due: &Due) -> Result<u64, Failed> {
        let turn = self.take_turn().await?;
        let (turn, done) = self.delete_while_ours(due, turn).await;
        let ended = self.end_turn(turn).await;
        let deleted = done?;
        ended.map(|()| deleted)
    }

    /// Deletes one document after the other while it is our turn, which is renewed on the way.
    async fn delete_while_ours(
        &self,
        due: &Due,
        mut turn: ObjectId,
    ) -> (ObjectId, Result<u64, Failed>) {
        let ids = match self.due(due).await {
            Ok(ids) => ids,
            Err(failed) => return (turn, Err(failed)),
        };
        let mut deleted = 0;
        for (number, id) in ids.into_iter().enumerate() {
            if number > 0 && number % SLOW_DOCUMENTS_MAX == 0 {
                match self.renew_turn(turn).await {
                    Ok(Some(renewed)) => turn = renewed,
                    // We were taken for dead: whoever has the turn now may be writing what is left.
                    Ok(None) => break,
                    Err(failed) => return (turn, Err(failed)),
                }
            }
            match self.delete_many(doc! { "_id": id }).await {
                Ok(count) => deleted += count,
                Err(failed) => return (turn, Err(failed)),
            }
        }
        (turn, Ok(deleted))
    }
}
