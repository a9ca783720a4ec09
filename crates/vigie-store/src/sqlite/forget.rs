//! Deleting what is no longer kept. The pages that become free are used again: the file stops growing, and never shrinks.

use jiff::Timestamp;
use rusqlite::{Connection, params};
use vigie_core::text::SourceId;

use super::connection::File;
use crate::{error::StoreError, store::ceiling_ms};

/// How documents are found and deleted: of the source `?1`, before `?2`, at most `?3`.
pub(super) struct Statements {
    find: &'static str,
    delete: &'static str,
}

/// Sealed buckets, by the start of their hours.
pub(super) const BUCKETS: Statements = Statements {
    find: "SELECT EXISTS (SELECT 1 FROM summaries WHERE source = ?1 AND hour < ?2 AND sealed = 1)",
    delete: "DELETE FROM summaries WHERE rowid IN (SELECT rowid FROM summaries \
        WHERE source = ?1 AND hour < ?2 AND sealed = 1 ORDER BY hour, entity LIMIT ?3)",
};

/// Events, by the observed times of their current versions.
pub(super) const EVENTS: Statements = Statements {
    find: "SELECT EXISTS (SELECT 1 FROM events WHERE source = ?1 AND observed_at < ?2)",
    delete: "DELETE FROM events WHERE rowid IN (SELECT rowid FROM events \
        WHERE source = ?1 AND observed_at < ?2 ORDER BY observed_at, key LIMIT ?3)",
};

impl Statements {
    /// Whether there is anything to delete.
    pub(super) fn finds(
        &self,
        connection: &Connection,
        file: &File,
        source: &SourceId,
        before: Timestamp,
    ) -> Result<bool, StoreError> {
        connection
            .prepare_cached(self.find)
            .and_then(|mut statement| {
                let parameters = params![source.as_str(), ceiling_ms(before)];
                statement.query_row(parameters, |row| row.get(0))
            })
            .map_err(|error| file.error(error))
    }

    /// Deletes at most `most`, and returns how many.
    pub(super) fn delete(
        &self,
        connection: &Connection,
        file: &File,
        source: &SourceId,
        before: Timestamp,
        most: usize,
    ) -> Result<u64, StoreError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        connection
            .prepare_cached(self.delete)
            .and_then(|mut statement| {
                statement.execute(params![source.as_str(), ceiling_ms(before), most])
            })
            .map(|deleted| deleted as u64)
            .map_err(|error| file.error(error))
    }
}
