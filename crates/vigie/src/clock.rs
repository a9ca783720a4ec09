//! The only place that asks what time it is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

/// What time it is.
#[derive(Clone)]
pub(crate) enum Clock {
    /// The time of the machine.
    System,
    /// `--now`: the command believes that it is this time.
    Fixed(Timestamp),
    /// The time of the demo, in milliseconds since 1970 UTC: it goes on as fast as the demo does.
    Stepped(Arc<AtomicI64>),
}

impl Clock {
    /// The current time.
    pub(crate) fn now(&self) -> Timestamp {
        match self {
            #[expect(
                clippy::disallowed_methods,
                reason = "this is the clock that everything else asks"
            )]
            Clock::System => Timestamp::now(),
            Clock::Fixed(now) => *now,
            Clock::Stepped(clock) => {
                Timestamp::from_millisecond(clock.load(Ordering::SeqCst)).unwrap_or(Timestamp::MIN)
            }
        }
    }

    /// Waits until `then`, but not longer than `most`. A clock that does not go by itself waits for `most`.
    pub(crate) async fn sleep_until(&self, then: Timestamp, most: Duration) {
        let wait = match self {
            Clock::System => then
                .duration_since(self.now())
                .max(SignedDuration::ZERO)
                .unsigned_abs(),
            Clock::Fixed(_) | Clock::Stepped(_) => most,
        };
        tokio::time::sleep(wait.min(most)).await;
    }
}

/// The time by which the machine dates files.
#[expect(
    clippy::disallowed_methods,
    reason = "files are dated by the machine, not by `--now`"
)]
pub(crate) fn machine_time() -> std::time::SystemTime {
    std::time::SystemTime::now()
}
