//! What was obtained of the past: by the schedule, and by backfills.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension as _, Params, Row};
use vigie_core::{history::Stretch, text::SourceId};

use super::{Ledger, LedgerError, rows};

const READ: &str = "read what was obtained of the past";

const GOOD_SLOTS: &str = "
SELECT DISTINCT slot_ms FROM captures
WHERE source = ?1 AND slot_ms >= ?2 AND slot_ms < ?3 AND history_from_ms IS NULL
    AND outcome IN ('landed', 'unchanged', 'summarized')
ORDER BY slot_ms";

const SETTLED: &str = "
SELECT history_from_ms, history_to_ms FROM captures INDEXED BY captures_history
WHERE source = ?1 AND history_from_ms IS NOT NULL AND started_at_ms <= ?2
    AND outcome IN ('landed', 'unchanged', 'summarized')
ORDER BY history_from_ms, id";

const ANSWERED: &str = "
SELECT EXISTS (SELECT 1 FROM captures WHERE source = ?1 AND started_at_ms >= ?2 AND started_at_ms < ?3
    AND started_at_ms <= ?4 AND history_from_ms IS NULL AND outcome IN ('landed', 'unchanged', 'summarized'))";

const NEXT_REACH: &str = "
SELECT observed_from_ms FROM captures
WHERE source = ?1 AND started_at_ms >= ?2 AND started_at_ms <= ?3 AND history_from_ms IS NULL
    AND outcome IN ('landed', 'summarized')
ORDER BY started_at_ms LIMIT 1";

impl Ledger {
    /// Whether by `known_at` the provider had been heard of the time from `from` to `to`: it answered then, or within `patience`
    /// after, or the next body that came reaches back so far. What backfills brought tells of its own time only: see
    /// [`Ledger::settled`].
    pub fn was_heard(
        &self,
        source: &SourceId,
        Stretch { from, to }: Stretch,
        patience: SignedDuration,
        known_at: Timestamp,
    ) -> Result<bool, LedgerError> {
        let failed = self.failed(READ);
        let until = to.saturating_add(patience).unwrap_or(Timestamp::MAX);
        let (until, known_at) = (until.as_millisecond(), known_at.as_millisecond());
        let period = (source.as_str(), from.as_millisecond(), until, known_at);
        let answered = self
            .connection
            .prepare_cached(ANSWERED)
            .and_then(|mut statement| statement.query_row(period, |row| row.get(0)))
            .map_err(&failed)?;
        if answered {
            return Ok(true);
        }
        let next = (source.as_str(), until, known_at);
        let reach = self
            .connection
            .prepare_cached(NEXT_REACH)
            .and_then(|mut statement| {
                let reach = statement.query_row(next, |row| rows::maybe_time(row, 0));
                reach.optional()
            })
            .map_err(&failed)?;
        Ok(reach.flatten().is_some_and(|reach| reach <= from))
    }

    /// The slots from `from` (included) to `to` (excluded) with an attempt that the provider answered as it should, ascending.
    pub fn good_slots(
        &self,
        source: &SourceId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Timestamp>, LedgerError> {
        let period = (source.as_str(), from.as_millisecond(), to.as_millisecond());
        self.column(GOOD_SLOTS, period, |row| rows::time(row, 0))
    }

    /// The stretches that backfills had obtained by `known_at`, in order of their beginnings.
    pub fn settled(
        &self,
        source: &SourceId,
        known_at: Timestamp,
    ) -> Result<Vec<Stretch>, LedgerError> {
        let stretch = |row: &Row<'_>| {
            let (from, to) = (rows::time(row, 0)?, rows::time(row, 1)?);
            Ok(Stretch { from, to })
        };
        let by = (source.as_str(), known_at.as_millisecond());
        self.column(SETTLED, by, stretch)
    }

    fn column<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, LedgerError> {
        let failed = self.failed(READ);
        let mut statement = self.connection.prepare_cached(sql).map_err(&failed)?;
        statement
            .query_map(parameters, read)
            .and_then(Iterator::collect)
            .map_err(&failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_obtained_is_found_by_index() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&folder.path().join("ledger.db"), false).unwrap();
        for (sql, index) in [
            (GOOD_SLOTS, "captures_slot"),
            (SETTLED, "captures_history"),
            (ANSWERED, "captures_answered"),
            (NEXT_REACH, "captures_good"),
        ] {
            let plan: Vec<String> = ledger
                .connection
                .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
                .and_then(|mut statement| {
                    let parameters = vec![1; statement.parameter_count()];
                    let parameters = rusqlite::params_from_iter(parameters);
                    statement.query_map(parameters, |row| row.get(3))?.collect()
                })
                .unwrap();
            assert!(plan.join("; ").contains(index), "{sql}: {plan:?}");
        }
    }
}
