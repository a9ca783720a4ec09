//! Questions to the ledger.

use std::{fmt::Write as _, ops::ControlFlow};

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Params, ToSql, params_from_iter};
use vigie_core::{capture::Outcome, profile::Profile, quality::Past, text::SourceId};

use super::{
    CaptureQuery, Changes, Counts, Entry, Ledger, LedgerError, Validators,
    rows::{self, COLUMNS, body_key},
};
use crate::archive::Appended;

const READ: &str = "read captures";

// What a backfill asked for is not of any slot, and its bodies are like no other: questions about scheduled downloads leave
// them out (`history_from_ms IS NULL`).

const LAST_GOOD: &str =
    "source = ?1 AND outcome IN ('landed', 'summarized') AND history_from_ms IS NULL
    ORDER BY started_at_ms DESC, id DESC";

const LAST_ATTEMPT: &str =
    "source = ?1 AND history_from_ms IS NULL ORDER BY started_at_ms DESC, sequence DESC";

const LAST_ANSWERED: &str = "source = ?1 AND outcome IN ('landed', 'unchanged', 'summarized')
    AND history_from_ms IS NULL
    ORDER BY started_at_ms DESC, id DESC";

const WAITING: &str = "source = ?1 AND outcome = 'landed' ORDER BY started_at_ms, id";

const PROBLEMS: &str = "(?1 IS NULL OR source = ?1) AND started_at_ms >= ?2 AND started_at_ms < ?3
    AND (outcome IN ('failed', 'quarantined') OR refused_rows > 0)
    ORDER BY started_at_ms DESC, id DESC LIMIT ?4";

const CONSECUTIVE_FAILURES: &str = "
SELECT count(*) FROM captures WHERE source = ?1 AND history_from_ms IS NULL AND started_at_ms > coalesce(
    (SELECT max(started_at_ms) FROM captures
     WHERE source = ?1 AND outcome IN ('landed', 'unchanged', 'summarized') AND history_from_ms IS NULL),
    -9223372036854775808)";

const NOT_BEFORE: &str = "
SELECT max(not_before_ms) FROM captures WHERE source = ?1 AND started_at_ms >= coalesce(
    (SELECT max(started_at_ms) FROM captures
     WHERE source = ?1 AND outcome IN ('landed', 'unchanged', 'summarized')),
    -9223372036854775808)";

const HISTORY: &str = "
SELECT started_at_ms, rows + refused_rows, outcome, (SELECT profile FROM profiles WHERE capture = id)
FROM captures WHERE source = ?1 AND started_at_ms < ?2 AND readable = 1 AND history_from_ms IS NULL
ORDER BY started_at_ms DESC, id DESC LIMIT ?3";

const NEWEST_CONTENT: &str = "
SELECT max(observed_to_ms), max(published_at_ms) FROM captures
WHERE source = ?1 AND outcome IN ('landed', 'summarized') AND started_at_ms < ?2 AND started_at_ms >= ?3
    AND history_from_ms IS NULL";

const SAME_BODY: &str = "
SELECT started_at_ms FROM captures
WHERE source = ?1 AND outcome IN ('landed', 'summarized') AND started_at_ms < ?2 AND started_at_ms >= ?3
    AND outcome = 'summarized' AND sha256 = ?4 AND history_from_ms IS NULL
ORDER BY started_at_ms DESC LIMIT 1";

const NEWEST_OBSERVED: &str = "
SELECT max(observed_to_ms) FROM captures WHERE source = ?1 AND outcome = 'summarized'";

/// Without the hint SQLite goes through all rows by source.
const CHANGES: &str = "
SELECT source, max(sequence) FROM captures INDEXED BY captures_sequence WHERE sequence > ?1
GROUP BY source ORDER BY source";

const SEQUENCE: &str = "SELECT coalesce(max(sequence), 0) FROM captures";

impl Ledger {
    /// The entry of a body by its name (in the landing zone or in quarantine) and hash.
    pub fn find_by_file(
        &self,
        source: &SourceId,
        file: &str,
        sha256: &str,
    ) -> Result<Option<Entry>, LedgerError> {
        self.first(
            "source = ?1 AND key = ?2",
            (source.as_str(), body_key(file, sha256)),
        )
    }

    /// The newest capture whose body counts: landed or summarised. Quarantined ones never do.
    pub fn last_good(&self, source: &SourceId) -> Result<Option<Entry>, LedgerError> {
        self.first(LAST_GOOD, [source.as_str()])
    }

    /// What to ask the provider with, so that it may answer "not modified": from the newest body that counts, or
    /// from a later answer that had the same body (recorded as unchanged with its hash).
    pub fn validators(&self, source: &SourceId) -> Result<Option<Validators>, LedgerError> {
        let Some(good) = self.last_good(source)?.map(|entry| entry.capture) else {
            return Ok(None);
        };
        let later = match &good.sha256 {
            Some(sha256) => self.first(
                "source = ?1 AND started_at_ms > ?2 AND outcome = 'unchanged' AND sha256 = ?3
                 AND history_from_ms IS NULL AND (etag IS NOT NULL OR last_modified IS NOT NULL) ORDER BY started_at_ms DESC",
                (source.as_str(), good.started_at.as_millisecond(), sha256),
            )?,
            None => None,
        };
        let newest = later.map_or_else(|| good.clone(), |entry| entry.capture);
        Ok(Some(Validators {
            etag: newest.etag,
            last_modified: newest.last_modified,
            sha256: good.sha256,
        }))
    }

    /// The newest attempt, whatever came of it.
    pub fn last_attempt(&self, source: &SourceId) -> Result<Option<Entry>, LedgerError> {
        self.first(LAST_ATTEMPT, [source.as_str()])
    }

    /// The newest attempt that the provider answered as it should.
    pub fn last_answered(&self, source: &SourceId) -> Result<Option<Entry>, LedgerError> {
        self.first(LAST_ANSWERED, [source.as_str()])
    }

    /// How many attempts have failed or gone into quarantine since the last that did not.
    pub fn consecutive_failures(&self, source: &SourceId) -> Result<u64, LedgerError> {
        self.connection
            .prepare_cached(CONSECUTIVE_FAILURES)
            .and_then(|mut statement| {
                statement.query_row([source.as_str()], |row| rows::number(row, 0))
            })
            .map_err(self.failed(READ))
    }

    /// Until when the provider has asked for no requests: the latest such wish since (and with) the last attempt that it
    /// answered as it should. It may have passed.
    pub fn not_before(&self, source: &SourceId) -> Result<Option<Timestamp>, LedgerError> {
        self.connection
            .prepare_cached(NOT_BEFORE)
            .and_then(|mut statement| {
                statement.query_row([source.as_str()], |row| rows::maybe_time(row, 0))
            })
            .map_err(self.failed(READ))
    }

    /// How many attempts there were for a slot.
    pub fn attempts_in_slot(&self, source: &SourceId, slot: Timestamp) -> Result<u64, LedgerError> {
        self.connection
            .prepare_cached("SELECT count(*) FROM captures WHERE source = ?1 AND slot_ms = ?2 AND history_from_ms IS NULL")
            .and_then(|mut statement| {
                statement.query_row((source.as_str(), slot.as_millisecond()), |row| {
                    rows::number(row, 0)
                })
            })
            .map_err(self.failed(READ))
    }

    /// Whether a slot has an attempt that the provider answered as it should.
    pub fn has_good(&self, source: &SourceId, slot: Timestamp) -> Result<bool, LedgerError> {
        self.connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM captures WHERE source = ?1 AND slot_ms = ?2
                 AND history_from_ms IS NULL AND outcome IN ('landed', 'unchanged', 'summarized'))",
            )
            .and_then(|mut statement| {
                statement.query_row((source.as_str(), slot.as_millisecond()), |row| row.get(0))
            })
            .map_err(self.failed(READ))
    }

    /// At most `most` readable bodies that were fetched before a time, newest first: the history that `vigie_core::quality`
    /// compares with.
    pub fn history(
        &self,
        source: &SourceId,
        before: Timestamp,
        most: usize,
    ) -> Result<Vec<Past>, LedgerError> {
        let failed = self.failed(READ);
        let mut statement = self.connection.prepare_cached(HISTORY).map_err(&failed)?;
        statement
            .query_map(
                (
                    source.as_str(),
                    before.as_millisecond(),
                    rows::signed(most as u64),
                ),
                |row| {
                    let profile: Option<Vec<u8>> = row.get(3)?;
                    Ok(Past {
                        at: rows::time(row, 0)?,
                        rows: rows::number(row, 1)?,
                        believed: rows::outcome(row, 2)? == Outcome::Summarized,
                        profile: profile.and_then(|bytes| Profile::from_bytes(&bytes)),
                    })
                },
            )
            .and_then(Iterator::collect)
            .map_err(&failed)
    }

    /// The newest observed time and time of publication in the store, of the bodies fetched from `since` (included) to `before`
    /// (excluded).
    pub fn newest_content(
        &self,
        source: &SourceId,
        before: Timestamp,
        since: Timestamp,
    ) -> Result<(Option<Timestamp>, Option<Timestamp>), LedgerError> {
        let period = (
            source.as_str(),
            before.as_millisecond(),
            since.as_millisecond(),
        );
        self.connection
            .prepare_cached(NEWEST_CONTENT)
            .and_then(|mut statement| {
                statement.query_row(period, |row| {
                    Ok((rows::maybe_time(row, 0)?, rows::maybe_time(row, 1)?))
                })
            })
            .map_err(self.failed(READ))
    }

    /// When a body of this hash was last fetched, in the same period, whose rows are in the store.
    pub fn same_body(
        &self,
        source: &SourceId,
        sha256: &str,
        before: Timestamp,
        since: Timestamp,
    ) -> Result<Option<Timestamp>, LedgerError> {
        let period = (
            source.as_str(),
            before.as_millisecond(),
            since.as_millisecond(),
            sha256,
        );
        self.connection
            .prepare_cached(SAME_BODY)
            .and_then(|mut statement| {
                statement
                    .query_row(period, |row| rows::time(row, 0))
                    .optional()
            })
            .map_err(self.failed(READ))
    }

    /// The entities that a source has had, in the form of `vigie_core::census::Census`; empty for an unknown one.
    pub fn entities(&self, source: &SourceId) -> Result<Vec<u8>, LedgerError> {
        self.connection
            .prepare_cached("SELECT known FROM entities WHERE source = ?1")
            .and_then(|mut statement| {
                statement
                    .query_row([source.as_str()], |row| row.get(0))
                    .optional()
            })
            .map(Option::unwrap_or_default)
            .map_err(self.failed("read the entities of a source"))
    }

    /// The captures whose body waits to be summarised according to the ledger, oldest first. One without a raw file on the disk
    /// was deleted by someone.
    pub fn waiting(&self, source: &SourceId) -> Result<Vec<Entry>, LedgerError> {
        self.all(WAITING, [source.as_str()])
    }

    /// Gives the captures that a query asks for to `each`, in order of start and source, one at a time, until it breaks.
    pub fn captures(
        &self,
        query: &CaptureQuery,
        mut each: impl FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        let failed = self.failed(READ);
        let mut sql = format!("SELECT {COLUMNS} FROM captures WHERE true");
        let mut parameters: Vec<Box<dyn ToSql>> = Vec::new();
        let mut require = |condition: &str, value: Box<dyn ToSql>| {
            parameters.push(value);
            // Writing to a String cannot fail.
            let _ = write!(sql, " AND {condition} ?{}", parameters.len());
        };
        if let Some(source) = &query.source {
            require("source =", Box::new(source.as_str().to_owned()));
        }
        if let Some(from) = query.from {
            require("started_at_ms >=", Box::new(from.as_millisecond()));
        }
        if let Some(to) = query.to {
            require("started_at_ms <", Box::new(to.as_millisecond()));
        }
        if !query.outcomes.is_empty() {
            let words: Vec<String> = query
                .outcomes
                .iter()
                .map(|outcome| format!("'{}'", outcome.as_str()))
                .collect();
            let _ = write!(sql, " AND outcome IN ({})", words.join(", "));
        }
        sql.push_str(" ORDER BY started_at_ms, source, id");
        let mut statement = self.connection.prepare_cached(&sql).map_err(&failed)?;
        let found = statement
            .query_map(params_from_iter(parameters), rows::entry)
            .map_err(&failed)?;
        for entry in found {
            if each(entry.map_err(&failed)?).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Counts the captures for the slots from `from` (included) to `to` (excluded).
    pub fn counts(
        &self,
        source: &SourceId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Counts, LedgerError> {
        let failed = self.failed(READ);
        let period = (source.as_str(), from.as_millisecond(), to.as_millisecond());
        let mut counts = Counts::default();
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT outcome, count(*) FROM captures
                 WHERE source = ?1 AND slot_ms >= ?2 AND slot_ms < ?3 AND history_from_ms IS NULL GROUP BY outcome",
            )
            .map_err(&failed)?;
        let found = statement
            .query_map(period, |row| {
                Ok((rows::outcome(row, 0)?, rows::number(row, 1)?))
            })
            .map_err(&failed)?;
        for pair in found {
            let (outcome, count) = pair.map_err(&failed)?;
            match outcome {
                Outcome::Landed => counts.landed = count,
                Outcome::Unchanged => counts.unchanged = count,
                Outcome::Failed => counts.failed = count,
                Outcome::Quarantined => counts.quarantined = count,
                Outcome::Summarized => counts.summarized = count,
            }
        }
        counts.good_slots = self
            .connection
            .prepare_cached(
                "SELECT count(DISTINCT slot_ms) FROM captures
                 WHERE source = ?1 AND slot_ms >= ?2 AND slot_ms < ?3 AND history_from_ms IS NULL
                 AND outcome IN ('landed', 'unchanged', 'summarized')",
            )
            .and_then(|mut statement| statement.query_row(period, |row| rows::number(row, 0)))
            .map_err(&failed)?;
        Ok(counts)
    }

    /// The newest observed time among the rows in the store, by the tombstones.
    pub fn newest_observed(&self, source: &SourceId) -> Result<Option<Timestamp>, LedgerError> {
        self.connection
            .prepare_cached(NEWEST_OBSERVED)
            .and_then(|mut statement| {
                statement.query_row([source.as_str()], |row| rows::maybe_time(row, 0))
            })
            .map_err(self.failed(READ))
    }

    /// The captures started from `from` (included) to `to` (excluded) that failed, went into quarantine or had rows refused:
    /// at most `most`, newest first; of one source or of all.
    pub fn problems(
        &self,
        source: Option<&SourceId>,
        from: Timestamp,
        to: Timestamp,
        most: usize,
    ) -> Result<Vec<Entry>, LedgerError> {
        self.all(
            PROBLEMS,
            (
                source.map(SourceId::as_str),
                from.as_millisecond(),
                to.as_millisecond(),
                rows::signed(most as u64),
            ),
        )
    }

    /// The sources of which a row was written after the change numbered `sequence` (0 for all), and the number to ask with the
    /// next time.
    pub fn changes_since(&self, sequence: u64) -> Result<Changes, LedgerError> {
        let failed = self.failed(READ);
        let mut changes = Changes {
            sequence,
            sources: Vec::new(),
        };
        let mut statement = self.connection.prepare_cached(CHANGES).map_err(&failed)?;
        let found = statement
            .query_map([rows::signed(sequence)], |row| {
                Ok((rows::source(row, 0)?, rows::number(row, 1)?))
            })
            .map_err(&failed)?;
        for pair in found {
            let (source, newest) = pair.map_err(&failed)?;
            changes.sequence = changes.sequence.max(newest);
            changes.sources.push(source);
        }
        Ok(changes)
    }

    /// The number of the newest change: those that follow are asked for with it.
    pub fn sequence(&self) -> Result<u64, LedgerError> {
        self.connection
            .prepare_cached(SEQUENCE)
            .and_then(|mut statement| statement.query_row([], |row| rows::number(row, 0)))
            .map_err(self.failed(READ))
    }

    /// The length of an archive up to which it was committed, in bytes; 0 for an unknown one.
    pub fn archive_bytes(&self, file: &str) -> Result<u64, LedgerError> {
        self.connection
            .prepare_cached("SELECT bytes FROM archives WHERE file = ?1")
            .and_then(|mut statement| {
                statement
                    .query_row([file], |row| rows::number(row, 0))
                    .optional()
            })
            .map(Option::unwrap_or_default)
            .map_err(self.failed("read the length of an archive"))
    }

    /// The archives with the lengths up to which they were committed, in order of name.
    pub fn archives(&self) -> Result<Vec<Appended>, LedgerError> {
        let failed = self.failed("read the lengths of archives");
        let mut statement = self
            .connection
            .prepare_cached("SELECT file, bytes FROM archives ORDER BY file")
            .map_err(&failed)?;
        statement
            .query_map([], |row| {
                Ok(Appended {
                    file: row.get(0)?,
                    bytes: rows::number(row, 1)?,
                })
            })
            .and_then(Iterator::collect)
            .map_err(&failed)
    }

    /// The value kept under a name.
    pub fn setting(&self, key: &str) -> Result<Option<String>, LedgerError> {
        self.connection
            .prepare_cached("SELECT value FROM settings WHERE key = ?1")
            .and_then(|mut statement| statement.query_row([key], |row| row.get(0)).optional())
            .map_err(self.failed("read a setting"))
    }

    pub(super) fn first(
        &self,
        condition: &str,
        parameters: impl Params,
    ) -> Result<Option<Entry>, LedgerError> {
        self.connection
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM captures WHERE {condition} LIMIT 1"
            ))
            .and_then(|mut statement| statement.query_row(parameters, rows::entry).optional())
            .map_err(self.failed(READ))
    }

    pub(super) fn all(
        &self,
        condition: &str,
        parameters: impl Params,
    ) -> Result<Vec<Entry>, LedgerError> {
        let failed = self.failed(READ);
        let mut statement = self
            .connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM captures WHERE {condition}"))
            .map_err(&failed)?;
        statement
            .query_map(parameters, rows::entry)
            .and_then(Iterator::collect)
            .map_err(&failed)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_question_is_answered_by_an_index() {
        let folder = tempfile::tempdir().unwrap();
        let path: &Path = folder.path();
        let ledger = Ledger::open(&path.join("ledger.db"), false).unwrap();
        let row = |condition: &str| format!("SELECT {COLUMNS} FROM captures WHERE {condition}");
        for (sql, index) in [
            (row(LAST_GOOD), "captures_good"),
            (row(LAST_ATTEMPT), "captures_source_started"),
            (row(LAST_ANSWERED), "captures_answered"),
            (row(WAITING), "captures_waiting"),
            (row(PROBLEMS), "captures_problems"),
            (CONSECUTIVE_FAILURES.to_owned(), "captures_answered"),
            (NOT_BEFORE.to_owned(), "captures_answered"),
            (HISTORY.to_owned(), "captures_readable"),
            (NEWEST_CONTENT.to_owned(), "captures_good"),
            (SAME_BODY.to_owned(), "captures_good"),
            (NEWEST_OBSERVED.to_owned(), "captures_observed"),
            (CHANGES.to_owned(), "captures_sequence"),
            (SEQUENCE.to_owned(), "COVERING INDEX captures_sequence"),
        ] {
            let mut statement = ledger
                .connection
                .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
                .unwrap();
            let parameters = vec![1; statement.parameter_count()];
            let plan: Vec<String> = statement
                .query_map(params_from_iter(parameters), |row| row.get(3))
                .unwrap()
                .map(Result::unwrap)
                .collect();
            let plan = plan.join("; ");
            assert!(plan.contains(index), "{sql}: {plan}");
        }
    }
}
