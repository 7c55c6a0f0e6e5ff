//! What the writer counted since it started.
//!
//! For: the operator's metrics page and tests.
//! May not know: how the numbers are published.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Counts and times since the log was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogMetrics {
    /// Events made durable.
    pub events_appended: u64,
    /// Appends refused for their expected revision.
    pub conflicts: u64,
    /// Appends that stood in the log before.
    pub duplicates: u64,
    /// Commits made.
    pub batches: u64,
    /// Commits that failed, each attempt counted.
    pub failed_batches: u64,
    /// Commands waiting in the urgent queue now.
    pub urgent_queued: u64,
    /// Commands waiting in the bulk queue now.
    pub bulk_queued: u64,
    /// Commands turned away because a queue was full.
    pub turned_away: u64,
    /// Time spent in commits, all together, in microseconds.
    pub commit_us_sum: u64,
    /// The longest commit, in microseconds.
    pub commit_us_max: u64,
    /// The last committed position.
    pub head: u64,
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct LogStats {
    /// Events in the log.
    pub events: u64,
    /// Streams that have events.
    pub streams: u64,
    /// The main file, in bytes; zero in memory.
    pub file_bytes: u64,
    /// The write-ahead file, in bytes; zero in memory.
    pub wal_bytes: u64,
}

/// The writer's counters.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) events: AtomicU64,
    pub(crate) conflicts: AtomicU64,
    pub(crate) duplicates: AtomicU64,
    pub(crate) turned_away: AtomicU64,
    batches: AtomicU64,
    failed: AtomicU64,
    commit_us_sum: AtomicU64,
    commit_us_max: AtomicU64,
}

impl Metrics {
    pub(crate) fn committed(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.batches.fetch_add(1, Relaxed);
        self.commit_us_sum.fetch_add(us, Relaxed);
        self.commit_us_max.fetch_max(us, Relaxed);
    }

    pub(crate) fn failed(&self) {
        self.failed.fetch_add(1, Relaxed);
    }

    pub(crate) fn snapshot(&self) -> LogMetrics {
        LogMetrics {
            events_appended: self.events.load(Relaxed),
            conflicts: self.conflicts.load(Relaxed),
            duplicates: self.duplicates.load(Relaxed),
            batches: self.batches.load(Relaxed),
            failed_batches: self.failed.load(Relaxed),
            turned_away: self.turned_away.load(Relaxed),
            commit_us_sum: self.commit_us_sum.load(Relaxed),
            commit_us_max: self.commit_us_max.load(Relaxed),
            ..LogMetrics::default()
        }
    }
}
