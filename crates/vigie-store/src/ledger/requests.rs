//! Requests counted per host, so that published limits hold over restarts and between processes.

use jiff::{SignedDuration, Timestamp};
use rusqlite::OptionalExtension as _;

use super::{Ledger, LedgerError, failed};

/// A published limit: so many requests in any so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimit {
    /// The most requests. Zero forbids every request.
    pub requests: u32,
    /// In any stretch of so many seconds.
    pub per_seconds: u32,
}

/// Whether a request may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reservation {
    /// It may, and is counted.
    Granted,
    /// Not yet, and nothing was counted.
    RetryAt(Timestamp),
}

impl Ledger {
    /// Asks to send a request to a host (or to an account with a host: whatever the limits are for). When it is granted it is
    /// counted durably before this returns, whether or not it is then sent. All callers give the same limits for the
    /// same host.
    pub fn reserve_request(
        &mut self,
        host: &str,
        now: Timestamp,
        limits: &[RequestLimit],
    ) -> Result<Reservation, LedgerError> {
        const DOING: &str = "count a request";
        let Some(longest) = limits.iter().map(|limit| limit.per_seconds).max() else {
            return Ok(Reservation::Granted);
        };
        if limits.iter().any(|limit| limit.requests == 0) {
            return Ok(Reservation::RetryAt(Timestamp::MAX));
        }
        let failed = failed(&self.path, DOING);
        let transaction = self.transaction(DOING)?;
        let now_ms = now.as_millisecond();
        let mut retry_at: Option<i64> = None;
        for limit in limits {
            let per_ms = i64::from(limit.per_seconds) * 1000;
            // The oldest of the newest `requests` within the stretch: when it has left, there is room. Requests that a clock
            // since set back has dated further ahead than the stretch do not count.
            let oldest: Option<i64> = transaction
                .prepare_cached(
                    "SELECT at_ms FROM requests WHERE host = ?1 AND at_ms > ?2 AND at_ms < ?3
                     ORDER BY at_ms DESC LIMIT 1 OFFSET ?4",
                )
                .and_then(|mut statement| {
                    let offset = i64::from(limit.requests) - 1;
                    statement
                        .query_row((host, now_ms - per_ms, now_ms + per_ms, offset), |row| {
                            row.get(0)
                        })
                        .optional()
                })
                .map_err(&failed)?;
            retry_at = retry_at.max(oldest.map(|oldest| oldest + per_ms));
        }
        if let Some(at_ms) = retry_at {
            let at = Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::MAX);
            return Ok(Reservation::RetryAt(at));
        }
        let keep_until = now
            .saturating_add(SignedDuration::from_secs(i64::from(longest)))
            .unwrap_or(Timestamp::MAX);
        transaction
            .prepare_cached("DELETE FROM requests WHERE host = ?1 AND keep_until_ms < ?2")
            .and_then(|mut statement| statement.execute((host, now_ms)))
            .map_err(&failed)?;
        transaction
            .prepare_cached("INSERT INTO requests (host, at_ms, keep_until_ms) VALUES (?1, ?2, ?3)")
            .and_then(|mut statement| {
                statement.execute((host, now_ms, keep_until.as_millisecond()))
            })
            .map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        Ok(Reservation::Granted)
    }
}
