//! A clock that runs at another speed: a day in forty seconds.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep};

/// Maps the real passing of time to virtual time. Clones show the same time.
///
/// It follows [`tokio::time`], so that a test which pauses tokio's clock pauses this one too. It
/// measures durations only; the date comes from the caller, never from the machine.
#[derive(Debug, Clone)]
pub struct VirtualClock {
    started: Instant,
    start: Timestamp,
    factor: f64,
    end: Timestamp,
}

impl VirtualClock {
    /// A clock that shows `start` now and goes `factor` times as fast as real time.
    ///
    /// # Panics
    /// If `factor` is not a positive, finite number.
    pub fn new(start: Timestamp, factor: f64) -> Self {
        assert!(
            factor.is_finite() && factor > 0.0,
            "the speed of a virtual clock must be positive, not {factor}"
        );
        Self {
            started: Instant::now(),
            start,
            factor,
            end: Timestamp::MAX,
        }
    }

    /// The same clock, standing still from `end` on.
    #[must_use]
    pub fn stop_at(self, end: Timestamp) -> Self {
        Self { end, ..self }
    }

    /// The virtual time.
    pub fn now(&self) -> Timestamp {
        let passed = self.started.elapsed().as_secs_f64() * self.factor;
        SignedDuration::try_from_secs_f64(passed)
            .and_then(|passed| self.start.checked_add(passed))
            .map_or(self.end, |now| now.min(self.end))
    }

    /// True when the clock stands still.
    pub fn has_ended(&self) -> bool {
        self.now() >= self.end
    }

    /// Waits until the clock shows `at`, or until it stands still if that is earlier.
    pub async fn sleep_until(&self, at: Timestamp) {
        let at = at.min(self.end);
        loop {
            let left = at.duration_since(self.now()).as_secs_f64();
            if left <= 0.0 {
                return;
            }
            let real = (left / self.factor).clamp(0.000_5, 86_400.0);
            sleep(Duration::from_secs_f64(real)).await;
        }
    }

    /// How fast the clock goes: virtual seconds in a real second.
    pub fn factor(&self) -> f64 {
        self.factor
    }

    /// The clock as a function, as [`crate::SimulatorOptions`] takes it.
    pub fn as_function(&self) -> Arc<dyn Fn() -> Timestamp + Send + Sync> {
        let clock = self.clone();
        Arc::new(move || clock.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_day_passes_in_forty_seconds_and_then_stands_still() {
        let start = at("2026-11-23T23:00:00Z");
        let clock = VirtualClock::new(start, 2160.0).stop_at(at("2026-11-24T23:00:00Z"));
        assert_eq!(clock.now(), start);
        tokio::time::advance(Duration::from_secs(20)).await;
        assert_eq!(clock.now(), at("2026-11-24T11:00:00Z"));
        assert!(!clock.has_ended());
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!((clock.as_function())(), at("2026-11-24T23:00:00Z"));
        assert!(clock.has_ended());
    }

    #[tokio::test(start_paused = true)]
    async fn sleeping_ends_on_time_and_never_after_the_end() {
        let start = at("2026-11-23T00:00:00Z");
        let clock = VirtualClock::new(start, 60.0).stop_at(at("2026-11-23T02:00:00Z"));
        let real = Instant::now();
        clock.sleep_until(at("2026-11-23T01:00:00Z")).await;
        assert_eq!(real.elapsed().as_secs(), 60);
        clock.sleep_until(at("2026-11-24T00:00:00Z")).await;
        assert_eq!(real.elapsed().as_secs(), 120);
        clock.sleep_until(start).await;
        assert_eq!(real.elapsed().as_secs(), 120);
    }
}
