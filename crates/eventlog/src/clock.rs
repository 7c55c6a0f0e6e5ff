//! The clock: the only module in the workspace that reads the wall clock.
//!
//! For: asking what time it is, in microseconds of UTC since 1970, through something a test can replace.
//! May not know: what anybody does with the time; waiting (that is `tokio::time`).

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time in microseconds of UTC since 1970-01-01.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now_micros(&self) -> i64;

    /// Whether it tells the world's time, so that another clock that does, a database's, may stand in for it. Those of
    /// tests and simulations do not.
    fn tells_real_time(&self) -> bool {
        false
    }
}

/// The time now by the machine's own clock, in microseconds of UTC since 1970-01-01.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the wall clock; everybody else asks a `Clock`"
)]
pub fn now_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    // A clock set before 1970 reads as 1970; a clock past the year 294 000 stops there.
    since.map_or(0, |passed| {
        i64::try_from(passed.as_micros()).unwrap_or(i64::MAX)
    })
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_micros(&self) -> i64 {
        now_micros()
    }

    fn tells_real_time(&self) -> bool {
        true
    }
}

/// A clock that stands still until it is told otherwise; for tests and simulation.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `micros`.
    pub fn new(micros: i64) -> Self {
        Self(AtomicI64::new(micros))
    }

    /// Sets the clock; it may go backwards, as real ones do.
    pub fn set(&self, micros: i64) {
        self.0.store(micros, Ordering::SeqCst);
    }

    /// Moves the clock on by `by`.
    pub fn advance(&self, by: std::time::Duration) {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.0.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_micros(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A clock that starts at a given time and then follows tokio's, paused or not.
#[derive(Clone, Copy, Debug)]
pub struct TokioClock {
    epoch_micros: i64,
    started: tokio::time::Instant,
}

impl TokioClock {
    /// A clock that shows `epoch_micros` now.
    pub fn starting_at(epoch_micros: i64) -> Self {
        Self {
            epoch_micros,
            started: tokio::time::Instant::now(),
        }
    }
}

impl Clock for TokioClock {
    fn now_micros(&self) -> i64 {
        let passed = i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.epoch_micros.saturating_add(passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = ManualClock::new(5);
        assert_eq!(clock.now_micros(), 5);
        clock.advance(Duration::from_micros(7));
        assert_eq!(clock.now_micros(), 12);
        clock.set(3);
        assert_eq!(clock.now_micros(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn the_tokio_clock_follows_paused_time() {
        let clock = TokioClock::starting_at(1_000);
        tokio::time::advance(Duration::from_millis(2)).await;
        assert_eq!(clock.now_micros(), 3_000);
    }

    #[test]
    fn the_system_clock_is_past_the_year_2020() {
        assert!(SystemClock.now_micros() > 1_577_836_800_000_000);
    }
}
