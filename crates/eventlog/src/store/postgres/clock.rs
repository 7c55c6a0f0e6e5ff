//! The log's clock on PostgreSQL: the server's, as it is seen from here.
//!
//! For: the same time for every process of a log, without asking the server each time.
//! May not know: what anybody does with the time. It is the local clock plus the offset last measured.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Clock;

/// How fast a measurement loses its worth, in millionths: quartz clocks drift apart by some tens, ours by no more.
const DRIFT_PPM: i64 = 200;

/// The server's clock.
pub(crate) struct ServerClock {
    local: Arc<dyn Clock>,
    measured: Mutex<Option<Measured>>,
}

/// The server's time less the local time, in microseconds.
#[derive(Clone, Copy, Debug)]
struct Measured {
    offset: i64,
    /// Half of how long the answer took: so far off it may be.
    error: i64,
    /// When, by the local clock.
    at: i64,
}

impl ServerClock {
    pub(super) fn new(local: Arc<dyn Clock>) -> Self {
        Self {
            local,
            measured: Mutex::new(None),
        }
    }

    /// What the local clock shows.
    pub(super) fn local_micros(&self) -> i64 {
        self.local.now_micros()
    }

    /// Learns from the server's time `server`, asked for at `asked` and heard at `heard` by the local clock.
    pub(super) fn learn(&self, asked: i64, server: i64, heard: i64) {
        if !self.tells_real_time() {
            return;
        }
        let took = heard.saturating_sub(asked).max(0);
        let fresh = Measured {
            offset: server.saturating_sub(asked.saturating_add(took / 2)),
            error: took / 2,
            at: heard,
        };
        let mut measured = self.lock();
        // A better old measurement stays, unless one of the clocks was set in between.
        let keeps = measured.is_some_and(|old| {
            let apart = old.offset.saturating_sub(fresh.offset).saturating_abs();
            old.error_at(heard) < fresh.error && apart <= old.error_at(heard) + fresh.error
        });
        if !keeps {
            *measured = Some(fresh);
        }
    }

    /// How far this clock may be from the server's; `None` when it was never measured.
    pub(super) fn uncertainty(&self) -> Option<Duration> {
        let measured = (*self.lock())?;
        let error = measured.error_at(self.local.now_micros());
        Some(Duration::from_micros(error.unsigned_abs()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Measured>> {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Measured {
    fn error_at(self, now: i64) -> i64 {
        let age = now.saturating_sub(self.at).max(0);
        self.error.saturating_add(age / (1_000_000 / DRIFT_PPM))
    }
}

impl Clock for ServerClock {
    fn now_micros(&self) -> i64 {
        let local = self.local.now_micros();
        let offset = self.lock().map_or(0, |measured| measured.offset);
        local.saturating_add(offset)
    }

    fn tells_real_time(&self) -> bool {
        self.local.tells_real_time()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    /// A clock that may be set, and says that it is the world's.
    struct Wall(ManualClock);

    impl Clock for Wall {
        fn now_micros(&self) -> i64 {
            self.0.now_micros()
        }

        fn tells_real_time(&self) -> bool {
            true
        }
    }

    fn clock() -> (Arc<Wall>, ServerClock) {
        let wall = Arc::new(Wall(ManualClock::new(1_000_000)));
        (wall.clone(), ServerClock::new(wall))
    }

    #[test]
    fn the_quicker_answer_counts_until_it_is_old() {
        let (wall, clock) = clock();
        assert_eq!(clock.uncertainty(), None);
        clock.learn(1_000_000, 5_000_100, 1_000_200);
        assert_eq!(clock.now_micros(), 5_000_000);
        assert_eq!(clock.uncertainty(), Some(Duration::from_micros(100)));
        clock.learn(1_000_000, 5_050_400, 1_100_000);
        assert_eq!(
            clock.now_micros(),
            5_000_000,
            "a slower answer teaches nothing"
        );
        wall.0.advance(Duration::from_secs(1_000));
        let now = wall.now_micros();
        clock.learn(now, now + 4_000_900, now + 1_000);
        assert_eq!(clock.now_micros(), now + 4_000_400, "the old one has aged");
    }

    #[test]
    fn a_clock_that_was_set_is_noticed_at_once() {
        let (wall, clock) = clock();
        clock.learn(1_000_000, 5_000_001, 1_000_002);
        wall.0.set(9_000_000);
        clock.learn(9_000_000, 5_010_000, 9_000_400);
        assert_eq!(clock.now_micros(), 5_009_800);
    }

    #[test]
    fn a_clock_of_a_test_is_left_as_it_is() {
        let clock = ServerClock::new(Arc::new(ManualClock::new(7)));
        clock.learn(7, 1_000, 7);
        assert_eq!(clock.now_micros(), 7);
    }
}
