//! What became of each press: one row each, written by whoever saw it.
//!
//! For: every time of a run in one place, so that figures are computed after it and not during it.
//! May not know: how presses are sent, what a card looks like.

use crate::schedule::Schedule;
use std::{
    collections::HashMap,
    sync::atomic::{
        AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed},
    },
};
use tokio::time::Instant;

/// It has not happened.
const NEVER: u64 = u64::MAX;

/// A moment in microseconds since the start; the first one told stands.
#[derive(Debug)]
pub struct Moment(AtomicU64);

impl Default for Moment {
    fn default() -> Self {
        Self(AtomicU64::new(NEVER))
    }
}

impl Moment {
    /// It happened at this time, unless it was told to have happened before. True for the first to tell.
    pub fn tell(&self, us: u64) -> bool {
        self.0.fetch_min(us, AcqRel) == NEVER
    }

    /// When it happened.
    pub fn get(&self) -> Option<u64> {
        Some(self.0.load(Acquire)).filter(|us| *us != NEVER)
    }
}

/// One press. Times are microseconds since the start of the run.
#[derive(Debug, Default)]
pub struct Row {
    /// When it was meant to be sent: every latency is counted from here.
    pub due: u64,
    /// When its bytes were handed to the kernel.
    pub sent: Moment,
    /// When the whole answer had come.
    pub answered: Moment,
    /// The answer's status; 0: none came.
    pub status: AtomicU64,
    /// The position told; 0: none.
    pub position: AtomicU64,
    /// The answer called it a repeat.
    pub repeat: AtomicU64,
    /// A frame with its incident came to a console.
    pub framed: Moment,
    /// A frame that shows it offered came to a console.
    pub offered: Moment,
    /// A console was told that its `accept` is done.
    pub accepted: Moment,
    /// A console was told that its `resolve` is done.
    pub resolved: Moment,
}

/// All presses of a run.
#[derive(Debug)]
pub struct Ledger {
    start: Instant,
    rows: Vec<Row>,
    by_device: HashMap<String, usize>,
}

impl Ledger {
    /// One row for each due time; `devices` in the same order, each once.
    pub fn new(start: Instant, schedule: &Schedule, devices: impl Iterator<Item = String>) -> Self {
        let rows = schedule
            .due()
            .iter()
            .map(|due| Row {
                due: u64::try_from(due.as_micros()).unwrap_or(NEVER),
                ..Row::default()
            })
            .collect();
        Self {
            start,
            rows,
            by_device: devices.enumerate().map(|(n, device)| (device, n)).collect(),
        }
    }

    /// The run's start.
    pub fn start(&self) -> Instant {
        self.start
    }

    /// Microseconds since the start.
    pub fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(NEVER)
    }

    /// All rows, in order of due time.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// One row.
    pub fn row(&self, number: usize) -> &Row {
        &self.rows[number]
    }

    /// The press of a device; `None`: not one of this run's.
    pub fn of_device(&self, device: &str) -> Option<usize> {
        self.by_device.get(device).copied()
    }

    /// How many rows something has happened to.
    pub fn count(&self, happened: impl Fn(&Row) -> bool) -> usize {
        self.rows.iter().filter(|row| happened(row)).count()
    }
}

impl Row {
    /// It was answered with "stored".
    pub fn acknowledged(&self) -> bool {
        matches!(self.status.load(Relaxed), 200..=202)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_time_told_stands() {
        let moment = Moment::default();
        assert_eq!(moment.get(), None);
        assert!(moment.tell(500));
        assert!(!moment.tell(700));
        assert_eq!(moment.get(), Some(500));
    }
}
