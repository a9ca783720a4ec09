//! Whether to ask a source now: decided from values, executed elsewhere.

use jiff::{SignedDuration, Timestamp};

use crate::schedule::Schedule;

/// What the ledger knows of a source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceState {
    /// Whether the provider has answered as it should for the current slot.
    pub slot_obtained: bool,
    /// No request before this time: the provider's `Retry-After`.
    pub provider_not_before: Option<Timestamp>,
    /// No request before this time: our back-off after failures.
    pub backoff_until: Option<Timestamp>,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// The schedule: only what is due, and never during back-off.
    BySchedule,
    /// A person, now: our own back-off is set aside, the provider's wish is not.
    ByName,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Ask, for this slot.
    Fetch {
        /// The slot that the answer counts for.
        slot: Timestamp,
    },
    /// Do not ask.
    Wait {
        /// Until when.
        until: Timestamp,
        /// Why.
        why: Why,
    },
}

/// Why a source is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The current slot was obtained.
    NotDue,
    /// The provider asked to wait.
    RetryAfter,
    /// Earlier attempts failed.
    BackOff,
}

/// Whether to ask a source at `now`.
pub fn decide(schedule: &Schedule, state: &SourceState, asked: Asked, now: Timestamp) -> Decision {
    let slot = schedule.slot_at(now);
    if let Some(until) = state.provider_not_before.filter(|until| *until > now) {
        return Decision::Wait {
            until,
            why: Why::RetryAfter,
        };
    }
    if asked == Asked::BySchedule {
        if state.slot_obtained {
            return Decision::Wait {
                until: schedule.next_after(now),
                why: Why::NotDue,
            };
        }
        // A back-off that lies further ahead than any can be was decided by a clock that has been set back since.
        let longest = BACKOFF_MAX.saturating_mul(2);
        let waits = |until: &Timestamp| *until > now && until.duration_since(now) <= longest;
        if let Some(until) = state.backoff_until.filter(waits) {
            return Decision::Wait {
                until,
                why: Why::BackOff,
            };
        }
    }
    Decision::Fetch { slot }
}

/// The first pause after a failure.
const BACKOFF_BASE: SignedDuration = SignedDuration::from_secs(20);
/// The longest pause after failures.
const BACKOFF_MAX: SignedDuration = SignedDuration::from_hours(1);

/// How long to wait after the `failures`-th failure in a row: doubled each time up to an hour, and never longer than
/// the source's own period, times 0.75 to 1.25 as `entropy` says, so that many
/// collectors do not come back together.
pub fn backoff(schedule: &Schedule, failures: u32, entropy: u64) -> SignedDuration {
    let doublings = failures.saturating_sub(1).min(16);
    let pause = BACKOFF_BASE
        .saturating_mul(1 << doublings)
        .min(BACKOFF_MAX)
        .min(schedule.every());
    let jitter = 0.75 + 0.5 * ((entropy % 1_000) as f64 / 1_000.0);
    SignedDuration::from_millis((pause.as_millis() as f64 * jitter) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_slot_is_asked_for_until_it_is_obtained() {
        let schedule = Schedule::new(300, 0, None).unwrap();
        let now = at("2026-11-23T10:07:00Z");
        let slot = at("2026-11-23T10:05:00Z");
        let mut state = SourceState::default();
        assert_eq!(
            decide(&schedule, &state, Asked::BySchedule, now),
            Decision::Fetch { slot }
        );
        state.backoff_until = Some(at("2026-11-23T10:08:00Z"));
        let waits = Decision::Wait {
            until: at("2026-11-23T10:08:00Z"),
            why: Why::BackOff,
        };
        assert_eq!(decide(&schedule, &state, Asked::BySchedule, now), waits);
        assert_eq!(
            decide(&schedule, &state, Asked::ByName, now),
            Decision::Fetch { slot }
        );
        state = SourceState {
            slot_obtained: true,
            ..SourceState::default()
        };
        let waits = Decision::Wait {
            until: at("2026-11-23T10:10:00Z"),
            why: Why::NotDue,
        };
        assert_eq!(decide(&schedule, &state, Asked::BySchedule, now), waits);
        state = SourceState {
            backoff_until: Some(at("2100-01-01T00:00:20Z")),
            ..SourceState::default()
        };
        assert_eq!(
            decide(&schedule, &state, Asked::BySchedule, now),
            Decision::Fetch { slot }
        );
        state.provider_not_before = Some(at("2026-11-23T11:00:00Z"));
        let waits = Decision::Wait {
            until: at("2026-11-23T11:00:00Z"),
            why: Why::RetryAfter,
        };
        assert_eq!(decide(&schedule, &state, Asked::ByName, now), waits);
    }

    #[test]
    fn back_off_doubles_up_to_the_period_with_jitter() {
        let schedule = Schedule::new(300, 0, None).unwrap();
        assert_eq!(backoff(&schedule, 1, 500), SignedDuration::from_secs(20));
        assert_eq!(backoff(&schedule, 3, 0), SignedDuration::from_secs(60));
        assert!(backoff(&schedule, 99, 999) <= SignedDuration::from_secs(375));
    }
}
