//! Checks of a whole body against what the source has sent before.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// What the number of rows of a body must be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ExpectedRows {
    /// Fewer rows than this are not believed.
    pub min: u64,
    /// A body with less than this share of the usual number of rows is not believed; 0 switches the check off.
    pub shrink: f64,
}

impl Default for ExpectedRows {
    fn default() -> Self {
        Self {
            min: 0,
            shrink: 0.0,
        }
    }
}

/// Bodies that must have come before one can be called unusually small.
const HISTORY_MIN: usize = 3;

/// How many earlier bodies make up what is usual. Once more than half of them are small, small is usual: a source that
/// really shrank is believed again after that many captures.
pub const HISTORY_MAX: usize = 15;

/// How many of a source's periods back what is usual is looked for, and at least [`HISTORY_AGE_MIN`]: what was usual months ago says
/// nothing of today.
const HISTORY_PERIODS: i32 = 30;
/// At least two days, whatever the period.
const HISTORY_AGE_MIN: SignedDuration = SignedDuration::from_hours(48);

/// How old a body may be to count as history.
pub fn history_age_max(every: SignedDuration) -> SignedDuration {
    every.saturating_mul(HISTORY_PERIODS).max(HISTORY_AGE_MIN)
}

/// A body of which less than this share of the rows can be read is not believed.
const READABLE_SHARE_MIN: f64 = 0.5;

/// Why a readable body must not count.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Degraded {
    /// Fewer rows than the definition allows.
    #[error("{rows} rows, where this source always has at least {min}")]
    TooFew {
        /// The rows of this body.
        rows: u64,
        /// What the definition says.
        min: u64,
    },
    /// Far fewer rows than usual.
    #[error("{rows} rows, where the last {history} bodies had {usual} (median): suddenly shrunken")]
    Shrunken {
        /// The rows of this body.
        rows: u64,
        /// The median of the earlier bodies.
        usual: u64,
        /// How many earlier bodies were compared.
        history: usize,
    },
    /// Most rows cannot be read.
    #[error("{refused} of {rows} rows cannot be read: {first}")]
    MostlyRefused {
        /// The refused rows.
        refused: u64,
        /// All rows of the body.
        rows: u64,
        /// Why the first one was refused.
        first: String,
    },
}

/// Judges a body by its rows: `taken` were read, `refused` were not; `history` has the numbers of rows (taken and refused) of
/// the bodies before it, newest first.
pub fn judge(
    expected: ExpectedRows,
    taken: u64,
    refused: u64,
    first_refusal: Option<&str>,
    history: &[u64],
) -> Result<(), Degraded> {
    let rows = taken + refused;
    if refused > 0 && (taken as f64) < READABLE_SHARE_MIN * rows as f64 {
        let first = first_refusal.unwrap_or("no reason given").to_owned();
        return Err(Degraded::MostlyRefused {
            refused,
            rows,
            first,
        });
    }
    if rows < expected.min {
        return Err(Degraded::TooFew {
            rows,
            min: expected.min,
        });
    }
    let history = &history[..history.len().min(HISTORY_MAX)];
    if expected.shrink > 0.0 && history.len() >= HISTORY_MIN {
        let mut sorted = history.to_vec();
        sorted.sort_unstable();
        let usual = sorted[sorted.len() / 2];
        if (rows as f64) < expected.shrink * usual as f64 {
            return Err(Degraded::Shrunken {
                rows,
                usual,
                history: history.len(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPECTED: ExpectedRows = ExpectedRows {
        min: 1,
        shrink: 0.5,
    };

    #[test]
    fn the_outage_of_september_2025_is_seen_for_what_it_is() {
        // The counts of the USGS feed on 2025-09-29, every time with status 200.
        let counts = [37, 41, 40, 40, 10, 38, 5, 36, 0, 36, 0, 0, 36];
        let mut history: Vec<u64> = vec![36, 37, 37];
        let mut believed = Vec::new();
        for count in counts {
            if judge(EXPECTED, count, 0, None, &history).is_ok() {
                believed.push(count);
            }
            history.insert(0, count);
        }
        assert_eq!(believed, [37, 41, 40, 40, 38, 36, 36, 36]);
    }

    #[test]
    fn a_source_that_really_shrank_is_believed_in_the_end() {
        let mut history = vec![100; HISTORY_MAX];
        let doubted = (0..100)
            .take_while(|_| {
                let doubted = judge(EXPECTED, 20, 0, None, &history).is_err();
                history.insert(0, 20);
                doubted
            })
            .count();
        assert_eq!(doubted, HISTORY_MAX / 2 + 1);
    }

    #[test]
    fn a_body_without_ids_is_not_believed() {
        let error = judge(EXPECTED, 0, 1479, Some("stationcode: null"), &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "1479 of 1479 rows cannot be read: stationcode: null"
        );
        assert!(judge(EXPECTED, 1400, 79, Some("x"), &[]).is_ok());
    }
}
