//! What the dispatcher has done since it started, in numbers.
//!
//! For: `/metrics` and tests.
//! May not know: how numbers are shown.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Upper ends of the lateness buckets, in milliseconds, inclusive; a last bucket holds the rest. 250 is what is promised.
pub const LATENESS_BOUNDS_MS: [u64; 6] = [10, 50, 250, 1_000, 5_000, 60_000];

/// The counters as they stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// Incidents open now.
    pub open: u64,
    /// Alarms nobody has handled yet.
    pub waiting_alarms: u64,
    /// Incidents opened.
    pub opened: u64,
    /// Alarms that joined an open incident.
    pub joined: u64,
    /// Offers appended.
    pub offers: u64,
    /// Those that widened an earlier one.
    pub widened: u64,
    /// Times a duty phone was told to ring.
    pub phones_rung: u64,
    /// Acceptances that lapsed.
    pub lapsed: u64,
    /// Acts that found somebody had written first, again and again.
    pub conflicts: u64,
    /// Acts that another dispatcher had done, or that changed nothing.
    pub idle: u64,
    /// Times the log or the directory did not answer.
    pub unavailable: u64,
    /// Events that did not read.
    pub unreadable: u64,
    /// Webhooks answered with success.
    pub webhooks_sent: u64,
    /// Webhooks given up.
    pub webhooks_failed: u64,
    /// How late acts on deadlines were: counts per bucket of [`LATENESS_BOUNDS_MS`], and of the rest.
    pub lateness: [u64; LATENESS_BOUNDS_MS.len() + 1],
    /// All lateness together, in milliseconds.
    pub lateness_sum_ms: u64,
}

/// The counters as they count.
#[derive(Debug, Default)]
pub struct Metrics {
    pub(crate) open: AtomicU64,
    pub(crate) waiting_alarms: AtomicU64,
    pub(crate) opened: AtomicU64,
    pub(crate) joined: AtomicU64,
    pub(crate) offers: AtomicU64,
    pub(crate) widened: AtomicU64,
    pub(crate) phones_rung: AtomicU64,
    pub(crate) lapsed: AtomicU64,
    pub(crate) conflicts: AtomicU64,
    pub(crate) idle: AtomicU64,
    pub(crate) unavailable: AtomicU64,
    pub(crate) unreadable: AtomicU64,
    pub(crate) webhooks_sent: AtomicU64,
    pub(crate) webhooks_failed: AtomicU64,
    lateness: [AtomicU64; LATENESS_BOUNDS_MS.len() + 1],
    lateness_sum_ms: AtomicU64,
}

/// One more.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

impl Metrics {
    /// The counters now.
    pub fn read(&self) -> Counters {
        let of = |counter: &AtomicU64| counter.load(Relaxed);
        Counters {
            open: of(&self.open),
            waiting_alarms: of(&self.waiting_alarms),
            opened: of(&self.opened),
            joined: of(&self.joined),
            offers: of(&self.offers),
            widened: of(&self.widened),
            phones_rung: of(&self.phones_rung),
            lapsed: of(&self.lapsed),
            conflicts: of(&self.conflicts),
            idle: of(&self.idle),
            unavailable: of(&self.unavailable),
            unreadable: of(&self.unreadable),
            webhooks_sent: of(&self.webhooks_sent),
            webhooks_failed: of(&self.webhooks_failed),
            lateness: std::array::from_fn(|bucket| of(&self.lateness[bucket])),
            lateness_sum_ms: of(&self.lateness_sum_ms),
        }
    }

    pub(crate) fn set_open(&self, open: usize, waiting: usize) {
        let wide = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        self.open.store(wide(open), Relaxed);
        self.waiting_alarms.store(wide(waiting), Relaxed);
    }

    pub(crate) fn late(&self, by: Duration) {
        let ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        let bucket = LATENESS_BOUNDS_MS.partition_point(|bound| *bound < ms);
        count(&self.lateness[bucket]);
        self.lateness_sum_ms.fetch_add(ms, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lateness_falls_into_its_bucket() {
        let metrics = Metrics::default();
        for ms in [0, 250, 251, 60_001] {
            metrics.late(Duration::from_millis(ms));
        }
        assert_eq!(metrics.read().lateness, [1, 0, 1, 1, 0, 0, 1]);
        assert_eq!(metrics.read().lateness_sum_ms, 60_502);
    }
}
