//! What the page, the report and `vigie status` say of a source.

use jiff::Timestamp;
use vigie_core::text::SourceId;

use super::{Ledger, LedgerError, rows};

const READ: &str = "read what captures amount to";

/// Each from the end of an index: a page asks this of every source, and a year has half a million captures of one.
const NEWEST: &str = "SELECT
    (SELECT observed_to_ms FROM captures INDEXED BY captures_observed
        WHERE source = ?1 AND outcome = 'summarized' AND started_at_ms <= ?2
        AND observed_to_ms IS NOT NULL ORDER BY observed_to_ms DESC LIMIT 1),
    (SELECT published_at_ms FROM captures INDEXED BY captures_published
        WHERE source = ?1 AND outcome = 'summarized' AND started_at_ms <= ?2
        AND published_at_ms IS NOT NULL ORDER BY published_at_ms DESC LIMIT 1),
    (SELECT started_at_ms FROM captures WHERE source = ?1 AND outcome IN ('landed', 'unchanged', 'summarized')
        AND started_at_ms <= ?2 AND history_from_ms IS NULL ORDER BY started_at_ms DESC LIMIT 1)";

/// The newest of each of the three clocks of a source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Newest {
    /// When the newest content in the store happened.
    pub observed_at: Option<Timestamp>,
    /// When the provider published the newest content in the store, if it says so.
    pub published_at: Option<Timestamp>,
    /// When the provider last answered as it should.
    pub fetched_at: Option<Timestamp>,
}

impl Newest {
    /// What the age of the content counts from: when it happened. What is ahead, as in a forecast, is as old as its publication, or
    /// as the answer that had it.
    pub fn content_at(&self, now: Timestamp) -> Option<Timestamp> {
        match self.observed_at {
            Some(at) if at > now => {
                let published = self.published_at.map(|published| published.min(now));
                published.or(self.fetched_at)
            }
            at => at,
        }
    }
}

/// Rows of the captures of a period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RowTotals {
    /// Rows taken into the store.
    pub rows: u64,
    /// Rows refused.
    pub refused_rows: u64,
}

impl Ledger {
    /// The newest clocks of a source, among what was fetched by `now`.
    pub fn newest(&self, source: &SourceId, now: Timestamp) -> Result<Newest, LedgerError> {
        self.connection
            .prepare_cached(NEWEST)
            .and_then(|mut statement| {
                statement.query_row((source.as_str(), now.as_millisecond()), |row| {
                    Ok(Newest {
                        observed_at: rows::maybe_time(row, 0)?,
                        published_at: rows::maybe_time(row, 1)?,
                        fetched_at: rows::maybe_time(row, 2)?,
                    })
                })
            })
            .map_err(self.failed(READ))
    }

    /// The first slot that was ever asked for: from then on the source is watched.
    pub fn first_slot(&self, source: &SourceId) -> Result<Option<Timestamp>, LedgerError> {
        self.connection
            .prepare_cached(
                "SELECT min(slot_ms) FROM captures WHERE source = ?1 AND history_from_ms IS NULL",
            )
            .and_then(|mut statement| {
                statement.query_row([source.as_str()], |row| rows::maybe_time(row, 0))
            })
            .map_err(self.failed(READ))
    }

    /// The rows of the captures for the slots from `from` (included) to `to` (excluded).
    pub fn row_totals(
        &self,
        source: &SourceId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<RowTotals, LedgerError> {
        self.connection
            .prepare_cached(
                "SELECT coalesce(sum(rows), 0), coalesce(sum(refused_rows), 0) FROM captures
                 WHERE source = ?1 AND slot_ms >= ?2 AND slot_ms < ?3 AND history_from_ms IS NULL",
            )
            .and_then(|mut statement| {
                let period = (source.as_str(), from.as_millisecond(), to.as_millisecond());
                statement.query_row(period, |row| {
                    Ok(RowTotals {
                        rows: rows::number(row, 0)?,
                        refused_rows: rows::number(row, 1)?,
                    })
                })
            })
            .map_err(self.failed(READ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_at_the_end_of_an_index() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&folder.path().join("ledger.db"), false).unwrap();
        let explained = format!("EXPLAIN QUERY PLAN {NEWEST}");
        let mut statement = ledger.connection.prepare(&explained).unwrap();
        let steps = statement.query_map(("s", 0), |row| row.get::<_, String>(3));
        let steps: Vec<String> = steps.unwrap().map(Result::unwrap).collect();
        let of = |index: &str| steps.iter().any(|step| step.contains(index));
        for index in [
            "captures_observed",
            "captures_published",
            "captures_answered",
        ] {
            assert!(of(index), "{steps:?}");
        }
        assert!(
            !steps.iter().any(|step| step.contains("TEMP B-TREE")),
            "{steps:?}"
        );
    }
}
