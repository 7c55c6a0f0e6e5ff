//! How large bulk batches are, and when they wait.
//!
//! For: an import that gives way to alarms and, when there are none, has the store to itself.
//! May not know: queues, stores, what a command says.

use std::time::Duration;

use tokio::time::Instant;

use crate::limits::{
    BATCH_BYTES, BATCH_EVENTS, BULK_BATCH_LEAST, BULK_HOLD_BUSY_MS, BULK_HOLD_MS, BULK_REST_MOST,
    BULK_REST_TIMES, URGENT_LULL,
};

/// What a batch asks of the store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) events: usize,
    pub(crate) bytes: usize,
}

impl Cost {
    pub(crate) const NOTHING: Self = Self {
        events: 0,
        bytes: 0,
    };

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            events: self.events + other.events,
            bytes: self.bytes + other.bytes,
        }
    }

    pub(crate) fn half(self) -> Self {
        Self {
            events: self.events / 2,
            bytes: self.bytes / 2,
        }
    }

    pub(crate) fn within(self, limit: Self) -> bool {
        self.events <= limit.events && self.bytes <= limit.bytes
    }
}

/// The most an urgent batch takes.
pub(crate) const URGENT_COST: Cost = Cost {
    events: BATCH_EVENTS,
    bytes: BATCH_BYTES,
};

/// How large bulk batches may be, learnt from how long the last ones held the store, and how long they rest.
#[derive(Debug)]
pub(crate) struct BulkPace {
    quiet: Share,
    busy: Share,
    urgent_at: Option<Instant>,
    rest_until: Option<Instant>,
}

impl BulkPace {
    /// Starts small: a batch of about a hundred events is safely short on any disk.
    pub(crate) fn new() -> Self {
        Self {
            quiet: Share::new(BULK_HOLD_MS),
            busy: Share::new(BULK_HOLD_BUSY_MS),
            urgent_at: None,
            rest_until: None,
        }
    }

    /// Something urgent was asked then.
    pub(crate) fn urgent(&mut self, at: Instant) {
        self.urgent_at = Some(at);
    }

    /// The most a bulk batch may take now.
    pub(crate) fn limit(&mut self, now: Instant) -> Cost {
        self.share(now).limit()
    }

    /// Until when bulk work rests.
    pub(crate) fn rest_until(&self) -> Option<Instant> {
        self.rest_until
    }

    /// A bulk batch that began then took so long.
    pub(crate) fn learn(&mut self, used: Cost, began: Instant, took: Duration) {
        self.share(began).learn(used, took);
        self.rest_until = self
            .is_busy(began)
            .then(|| began + took + (took * BULK_REST_TIMES).min(BULK_REST_MOST));
    }

    fn share(&mut self, now: Instant) -> &mut Share {
        if self.is_busy(now) {
            &mut self.busy
        } else {
            &mut self.quiet
        }
    }

    fn is_busy(&self, now: Instant) -> bool {
        self.urgent_at
            .is_some_and(|at| now.saturating_duration_since(at) < URGENT_LULL)
    }
}

/// A part of a full batch, and how long it may hold the store.
#[derive(Debug)]
struct Share {
    /// In thousandths.
    of_full: usize,
    hold: Duration,
}

impl Share {
    const FULL: usize = 1_000;
    /// A batch of [`BULK_BATCH_LEAST`] events.
    const LEAST: usize = (BULK_BATCH_LEAST * Self::FULL).div_ceil(BATCH_EVENTS);

    fn new(hold_ms: u64) -> Self {
        Self {
            of_full: Self::FULL / 10,
            hold: Duration::from_millis(hold_ms),
        }
    }

    fn limit(&self) -> Cost {
        Cost {
            events: BATCH_EVENTS * self.of_full / Self::FULL,
            bytes: BATCH_BYTES * self.of_full / Self::FULL,
        }
    }

    fn learn(&mut self, used: Cost, took: Duration) {
        let limit = self.limit();
        let was_full = used.events * 2 > limit.events || used.bytes * 2 > limit.bytes;
        if took > self.hold {
            self.of_full = (self.of_full / 2).max(Self::LEAST);
        } else if was_full && took * 2 < self.hold {
            self.of_full = (self.of_full * 3 / 2 + 1).min(Self::FULL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Cost = Cost {
        events: 1,
        bytes: 10,
    };
    const SHORT: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn bulk_batches_shrink_when_they_hold_the_store_too_long_but_not_to_nothing() {
        let now = Instant::now();
        let mut pace = BulkPace::new();
        for _ in 0..20 {
            let full = pace.limit(now);
            pace.learn(full, now, Duration::from_millis(BULK_HOLD_MS + 1));
        }
        assert_eq!(pace.limit(now).events, BULK_BATCH_LEAST);
    }

    #[tokio::test(start_paused = true)]
    async fn bulk_batches_grow_while_full_ones_stay_short() {
        let now = Instant::now();
        let mut pace = BulkPace::new();
        pace.learn(SMALL, now, SHORT);
        assert_eq!(pace.limit(now).events, 100, "a small batch teaches nothing");
        for _ in 0..20 {
            let full = pace.limit(now);
            pace.learn(full, now, SHORT);
        }
        assert_eq!(pace.limit(now).events, BATCH_EVENTS);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_learnt_in_the_quiet_does_not_hold_up_alarms() {
        let now = Instant::now();
        let mut pace = BulkPace::new();
        for _ in 0..20 {
            let full = pace.limit(now);
            pace.learn(full, now, SHORT);
        }
        pace.urgent(now);
        assert_eq!(pace.limit(now).events, 100);
        let long = Duration::from_millis(BULK_HOLD_BUSY_MS + 1);
        pace.learn(SMALL, now, long);
        assert_eq!(pace.limit(now).events, 50);
        assert_eq!(pace.limit(now + URGENT_LULL).events, BATCH_EVENTS);
    }

    #[tokio::test(start_paused = true)]
    async fn bulk_rests_only_while_urgent_commands_come_and_never_long() {
        let now = Instant::now();
        let mut pace = BulkPace::new();
        pace.learn(SMALL, now, SHORT);
        assert_eq!(pace.rest_until(), None);
        pace.urgent(now);
        pace.learn(SMALL, now, SHORT);
        assert_eq!(pace.rest_until(), Some(now + SHORT * (1 + BULK_REST_TIMES)));
        let slow = Duration::from_secs(1);
        pace.learn(SMALL, now, slow);
        assert_eq!(pace.rest_until(), Some(now + slow + BULK_REST_MOST));
        pace.learn(SMALL, now + URGENT_LULL, SHORT);
        assert_eq!(pace.rest_until(), None);
    }
}
