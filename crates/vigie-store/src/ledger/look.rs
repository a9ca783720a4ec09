//! Questions of those who look back: the page's calendar, its list of captures, and where a figure comes from.

use std::fmt::Write as _;

use jiff::Timestamp;
use rusqlite::{ToSql, params_from_iter};
use vigie_core::{capture::Outcome, text::SourceId};

use super::{CaptureId, CaptureQuery, Entry, Ledger, LedgerError, rows};

const READ: &str = "look back at captures";

/// In order, so that the attempts for a slot come together.
const SLOTS: &str = "
SELECT slot_ms, outcome FROM captures INDEXED BY captures_slot
WHERE source = ?1 AND slot_ms >= ?2 AND slot_ms < ?3 AND history_from_ms IS NULL ORDER BY slot_ms";

const COVERING: &str = "source = ?1 AND outcome IN ('landed', 'summarized')
    AND started_at_ms >= ?2 AND started_at_ms < ?3 AND observed_from_ms < ?4 AND observed_to_ms >= ?5
    ORDER BY started_at_ms DESC, id DESC LIMIT ?6";

const COVERING_COUNT: &str =
    "SELECT count(*) FROM captures WHERE source = ?1 AND outcome IN ('landed', 'summarized')
    AND started_at_ms >= ?2 AND started_at_ms < ?3 AND observed_from_ms < ?4 AND observed_to_ms >= ?5";

const STARTS: &str = "SELECT started_at_ms FROM captures
    WHERE source = ?1 AND outcome IN ('landed', 'summarized') AND started_at_ms BETWEEN ?2 AND ?3";

const STARTED: &str = "source = ?1 AND outcome IN ('landed', 'summarized') AND started_at_ms = ?2";

const REQUESTS: &str =
    "SELECT count(*) FROM requests WHERE host = ?1 AND at_ms > ?2 AND at_ms <= ?3";

/// The place of a capture in the order of [`Ledger::page`]: the start of the attempt in milliseconds, and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Milliseconds since 1970 UTC.
    pub started_at_ms: i64,
    /// The number.
    pub id: CaptureId,
}

impl CaptureId {
    /// The number that the ledger gave it: for addresses.
    pub fn number(self) -> i64 {
        self.0
    }

    /// The capture of that number, whether there is one or not.
    pub fn of(number: i64) -> Self {
        Self(number)
    }
}

/// What became of the slots of a local day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DayTally {
    /// Different slots with an attempt that the provider answered as it should.
    pub obtained: u64,
    /// Attempts that brought no body.
    pub failed: u64,
    /// Bodies set aside.
    pub quarantined: u64,
}

impl Ledger {
    /// The capture of that number.
    pub fn capture(&self, id: CaptureId) -> Result<Option<Entry>, LedgerError> {
        self.first("id = ?1", [id.0])
    }

    /// At most `most` of the captures that a query asks for, the newest first; with `after`, those that come after that place.
    pub fn page(
        &self,
        query: &CaptureQuery,
        after: Option<Place>,
        most: usize,
    ) -> Result<Vec<Entry>, LedgerError> {
        let mut condition = "true".to_owned();
        let mut parameters: Vec<Box<dyn ToSql>> = Vec::new();
        let mut require = |text: &str, value: Box<dyn ToSql>| {
            parameters.push(value);
            // Writing to a String cannot fail.
            let _ = write!(condition, " AND {text} ?{}", parameters.len());
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
        if let Some(Place { started_at_ms, id }) = after {
            require("started_at_ms <=", Box::new(started_at_ms));
            parameters.push(Box::new(id.0));
            let (start, number) = (parameters.len() - 1, parameters.len());
            let _ = write!(
                condition,
                " AND (started_at_ms < ?{start} OR id < ?{number})"
            );
        }
        if !query.outcomes.is_empty() {
            let troubles = [Outcome::Failed, Outcome::Quarantined];
            if query
                .outcomes
                .iter()
                .all(|outcome| troubles.contains(outcome))
            {
                // The words of the index of problems, so that SQLite takes it.
                condition.push_str(" AND outcome IN ('failed', 'quarantined')");
            }
            let words: Vec<String> = query
                .outcomes
                .iter()
                .map(|outcome| format!("'{}'", outcome.as_str()))
                .collect();
            let _ = write!(condition, " AND outcome IN ({})", words.join(", "));
        }
        let _ = write!(
            condition,
            " ORDER BY started_at_ms DESC, id DESC LIMIT {}",
            rows::signed(most as u64)
        );
        self.all(&condition, params_from_iter(parameters))
    }

    /// What became of the slots between each two neighbours of `bounds` (ascending), in their order.
    pub fn days(
        &self,
        source: &SourceId,
        bounds: &[Timestamp],
    ) -> Result<Vec<DayTally>, LedgerError> {
        let failed = self.failed(READ);
        let mut tallies = vec![DayTally::default(); bounds.len().saturating_sub(1)];
        let (Some(first), Some(last)) = (bounds.first(), bounds.last()) else {
            return Ok(tallies);
        };
        let bounds_ms: Vec<i64> = bounds.iter().map(|at| at.as_millisecond()).collect();
        let mut statement = self.connection.prepare_cached(SLOTS).map_err(&failed)?;
        let mut found = statement
            .query((
                source.as_str(),
                first.as_millisecond(),
                last.as_millisecond(),
            ))
            .map_err(&failed)?;
        let (mut day, mut good_slot) = (0, None);
        while let Some(row) = found.next().map_err(&failed)? {
            let slot: i64 = row.get(0).map_err(&failed)?;
            while bounds_ms.get(day + 1).is_some_and(|end| slot >= *end) {
                day += 1;
            }
            let Some(tally) = tallies.get_mut(day) else {
                break;
            };
            match rows::outcome(row, 1).map_err(&failed)? {
                Outcome::Failed => tally.failed += 1,
                Outcome::Quarantined => tally.quarantined += 1,
                Outcome::Landed | Outcome::Unchanged | Outcome::Summarized => {
                    if good_slot != Some(slot) {
                        tally.obtained += 1;
                        good_slot = Some(slot);
                    }
                }
            }
        }
        Ok(tallies)
    }

    /// The captures started from `since` (included) to `until` (excluded) whose rows were observed in a time that meets the one
    /// from `from` (included) to `to` (excluded): at most `most`, newest first.
    pub fn covering(
        &self,
        source: &SourceId,
        (from, to): (Timestamp, Timestamp),
        (since, until): (Timestamp, Timestamp),
        most: usize,
    ) -> Result<Vec<Entry>, LedgerError> {
        self.all(
            COVERING,
            (
                source.as_str(),
                since.as_millisecond(),
                until.as_millisecond(),
                to.as_millisecond(),
                from.as_millisecond(),
                rows::signed(most as u64),
            ),
        )
    }

    /// How many those are, whatever they are.
    pub fn count_covering(
        &self,
        source: &SourceId,
        (from, to): (Timestamp, Timestamp),
        (since, until): (Timestamp, Timestamp),
    ) -> Result<u64, LedgerError> {
        let stretches = (
            source.as_str(),
            since.as_millisecond(),
            until.as_millisecond(),
            to.as_millisecond(),
            from.as_millisecond(),
        );
        self.connection
            .prepare_cached(COVERING_COUNT)
            .and_then(|mut statement| statement.query_row(stretches, |row| rows::number(row, 0)))
            .map_err(self.failed(READ))
    }

    /// When the captures of a source started whose bodies count, from `first` to `last` (both included), in no order.
    pub fn starts(
        &self,
        source: &SourceId,
        first: Timestamp,
        last: Timestamp,
    ) -> Result<Vec<Timestamp>, LedgerError> {
        let failed = self.failed(READ);
        let mut statement = self.connection.prepare_cached(STARTS).map_err(&failed)?;
        let stretch = (
            source.as_str(),
            first.as_millisecond(),
            last.as_millisecond(),
        );
        let starts = statement
            .query_map(stretch, |row| row.get(0))
            .map_err(&failed)?;
        let starts = starts.collect::<Result<Vec<i64>, _>>().map_err(&failed)?;
        let starts = starts.into_iter().map(Timestamp::from_millisecond);
        Ok(starts.filter_map(Result::ok).collect())
    }

    /// The captures of a source that started at that time and whose body counts.
    pub fn started_at(&self, source: &SourceId, at: Timestamp) -> Result<Vec<Entry>, LedgerError> {
        self.all(STARTED, (source.as_str(), at.as_millisecond()))
    }

    /// How many requests to a host were counted after `since` and until `now`.
    pub fn requests_since(
        &self,
        host: &str,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<u64, LedgerError> {
        self.connection
            .prepare_cached(REQUESTS)
            .and_then(|mut statement| {
                let stretch = (host, since.as_millisecond(), now.as_millisecond());
                statement.query_row(stretch, |row| rows::number(row, 0))
            })
            .map_err(self.failed("read the requests that were counted"))
    }
}

#[cfg(test)]
mod tests {
    use vigie_core::{capture::Capture, history::Stretch};

    use super::{super::rows::COLUMNS, *};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn capture(source: &str, time: &str, outcome: Outcome) -> Capture {
        let at = at(time);
        let body = matches!(outcome, Outcome::Summarized | Outcome::Quarantined);
        Capture {
            bytes: 1,
            sha256: body.then(|| time.to_owned()),
            file: body.then(|| format!("raw/{source}/{time}")),
            rows: 1,
            observed: body.then_some((at, at)),
            ..Capture::new(SourceId::new(source).unwrap(), at, outcome)
        }
    }

    fn ledger(captures: &[Capture]) -> (tempfile::TempDir, Ledger) {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(&folder.path().join("ledger.db"), false).unwrap();
        for capture in captures {
            ledger.record(capture).unwrap();
        }
        (folder, ledger)
    }

    #[test]
    fn pages_follow_each_other_without_gap_or_repetition() {
        // Two sources start at the same instants: the number tells them apart.
        let captures: Vec<Capture> = (0..7)
            .flat_map(|minute| {
                let time = format!("2026-11-24T10:0{minute}:00Z");
                ["a", "b"].map(|source| capture(source, &time, Outcome::Summarized))
            })
            .collect();
        let (_folder, ledger) = ledger(&captures);
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let page = ledger.page(&CaptureQuery::default(), after, 3).unwrap();
            let Some(last) = page.last() else { break };
            after = Some(Place {
                started_at_ms: last.capture.started_at.as_millisecond(),
                id: last.id,
            });
            seen.extend(
                page.iter()
                    .map(|entry| (entry.capture.started_at, entry.id.number())),
            );
        }
        assert_eq!(seen.len(), 14);
        assert!(seen.is_sorted_by(|a, b| a > b), "{seen:?}");
        let only = CaptureQuery {
            source: Some(SourceId::new("b").unwrap()),
            outcomes: vec![Outcome::Failed],
            ..CaptureQuery::default()
        };
        assert!(ledger.page(&only, None, 9).unwrap().is_empty());
    }

    #[test]
    fn days_count_slots_once_and_attempts_each() {
        let captures = [
            capture("a", "2026-11-24T10:00:00Z", Outcome::Failed),
            capture("a", "2026-11-24T10:05:00Z", Outcome::Summarized),
            capture("a", "2026-11-24T23:00:00Z", Outcome::Quarantined),
            capture("a", "2026-11-25T00:00:00Z", Outcome::Unchanged),
            capture("b", "2026-11-24T10:00:00Z", Outcome::Failed),
        ];
        let again = Capture {
            started_at: at("2026-11-24T10:06:00Z"),
            ..capture("a", "2026-11-24T10:05:00Z", Outcome::Unchanged)
        };
        let past = Capture {
            started_at: at("2026-11-25T10:00:00Z"),
            history: Stretch::new(at("2026-11-23T00:00:00Z"), at("2026-11-24T00:00:00Z")),
            ..capture("a", "2026-11-23T00:00:00Z", Outcome::Summarized)
        };
        let (_folder, ledger) = ledger(&[captures.as_slice(), &[again, past]].concat());
        let bounds = ["2026-11-23", "2026-11-24", "2026-11-25", "2026-11-26"]
            .map(|date| at(&format!("{date}T00:00:00Z")));
        let source = SourceId::new("a").unwrap();
        let days = ledger.days(&source, &bounds).unwrap();
        let plain: Vec<_> = days
            .iter()
            .map(|day| (day.obtained, day.failed, day.quarantined))
            .collect();
        assert_eq!(plain, [(0, 0, 0), (1, 1, 1), (1, 0, 0)]);
        assert_eq!(ledger.days(&source, &[]).unwrap(), []);
    }

    #[test]
    fn what_covers_an_hour_is_found_by_the_times_of_its_rows() {
        let mut wide = capture("a", "2026-11-24T12:00:00Z", Outcome::Summarized);
        wide.observed = Some((at("2026-11-24T09:00:00Z"), at("2026-11-24T11:59:00Z")));
        let narrow = capture("a", "2026-11-24T11:30:00Z", Outcome::Summarized);
        let (_folder, ledger) = ledger(&[wide, narrow]);
        let source = SourceId::new("a").unwrap();
        let covering = |from: &str, to: &str, until: &str| {
            let (rows, fetched) = ((at(from), at(to)), (at("2026-11-24T00:00:00Z"), at(until)));
            let found = ledger.covering(&source, rows, fetched, 9).unwrap().len();
            let counted = ledger.count_covering(&source, rows, fetched).unwrap();
            assert_eq!(counted, found as u64);
            found
        };
        let day_after = "2026-11-25T00:00:00Z";
        assert_eq!(
            covering("2026-11-24T10:00:00Z", "2026-11-24T11:00:00Z", day_after),
            1
        );
        assert_eq!(
            covering("2026-11-24T11:00:00Z", "2026-11-24T12:00:00Z", day_after),
            2
        );
        assert_eq!(
            covering("2026-11-24T12:00:00Z", "2026-11-24T13:00:00Z", day_after),
            0
        );
        assert_eq!(
            covering(
                "2026-11-24T11:00:00Z",
                "2026-11-24T12:00:00Z",
                "2026-11-24T12:00:00Z"
            ),
            1
        );
    }

    #[test]
    fn the_starts_are_those_of_bodies_that_count() {
        let captures = [
            capture("a", "2026-11-24T10:00:00Z", Outcome::Summarized),
            capture("a", "2026-11-24T10:05:00Z", Outcome::Quarantined),
            capture("a", "2026-11-24T10:10:00Z", Outcome::Landed),
            capture("a", "2026-11-24T10:15:00Z", Outcome::Summarized),
            capture("b", "2026-11-24T10:10:00Z", Outcome::Summarized),
        ];
        let (_folder, ledger) = ledger(&captures);
        let source = SourceId::new("a").unwrap();
        let (first, last) = (at("2026-11-24T10:00:00Z"), at("2026-11-24T10:10:00Z"));
        let mut starts = ledger.starts(&source, first, last).unwrap();
        starts.sort_unstable();
        assert_eq!(starts, [first, last]);
    }

    #[test]
    fn every_question_is_answered_by_an_index() {
        let (_folder, ledger) = ledger(&[]);
        let row = |condition: &str| format!("SELECT {COLUMNS} FROM captures WHERE {condition}");
        let troubles = "true AND outcome IN ('failed', 'quarantined') AND outcome IN ('failed')
            ORDER BY started_at_ms DESC, id DESC LIMIT 9";
        for (sql, index) in [
            (SLOTS.to_owned(), "COVERING INDEX captures_slot"),
            (row(COVERING), "captures_good"),
            (COVERING_COUNT.to_owned(), "captures_good"),
            (STARTS.to_owned(), "captures_good"),
            (row(STARTED), "captures_good"),
            (REQUESTS.to_owned(), "requests_host"),
            (row(troubles), "captures_problems"),
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
