//! Trouble on demand.
//!
//! For: tests and simulation that must see what happens when the log fails, loses an answer, stalls or crashes.
//! May not know: anything outside the memory store; on other stores the switches are connected to nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The switches; clones share them.
#[derive(Clone, Debug, Default)]
pub struct MemoryFaults(Arc<Mutex<Switches>>);

#[derive(Debug, Default)]
struct Switches {
    fail_appends: u64,
    fail_after: u64,
    lose_answers: u64,
    fail_reads: u64,
    crash_after: Option<u64>,
    crash_after_changes: Option<u64>,
    crashed: bool,
    delay: Option<Duration>,
}

/// What befalls one append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Taken,
    /// Nothing is written.
    Failed,
    /// Written, and the caller does not hear of it.
    AnswerLost,
}

impl MemoryFaults {
    /// The next `count` appends write nothing and answer *unavailable*.
    pub fn fail_appends(&self, count: u64) {
        self.fail_appends_after(0, count);
    }

    /// The same after `taken` more that are taken.
    pub fn fail_appends_after(&self, taken: u64, count: u64) {
        self.with(|switches| {
            switches.fail_after = taken;
            switches.fail_appends = count;
        });
    }

    /// The next `count` appends are written, and answer *unavailable* all the same.
    pub fn lose_answer(&self, count: u64) {
        self.with(|switches| switches.lose_answers = count);
    }

    /// The next `count` reads answer *unavailable*.
    pub fn fail_reads(&self, count: u64) {
        self.with(|switches| switches.fail_reads = count);
    }

    /// After `appends` more appends the log answers nothing any more; see `Log::fork_after_crash`.
    pub fn crash_after(&self, appends: u64) {
        self.with(|switches| switches.crash_after = Some(appends));
    }

    /// After `changes` more changes behind doors the same.
    pub fn crash_after_changes(&self, changes: u64) {
        self.with(|switches| switches.crash_after_changes = Some(changes));
    }

    /// Every commit takes this long; `None`: none.
    pub fn delay(&self, delay: Option<Duration>) {
        self.with(|switches| switches.delay = delay);
    }

    /// Whether the log has crashed.
    pub fn crashed(&self) -> bool {
        self.with(|switches| switches.crashed)
    }

    pub(crate) fn crash(&self) {
        self.with(|switches| switches.crashed = true);
    }

    pub(crate) fn commit_delay(&self) -> Option<Duration> {
        self.with(|switches| switches.delay)
    }

    /// Decides one append's fate, and uses it up.
    pub(crate) fn append(&self) -> Fate {
        self.with(|switches| {
            if switches.crash_after == Some(0) {
                switches.crashed = true;
            }
            if switches.crashed {
                return Fate::Failed;
            }
            if !spend(&mut switches.fail_after) && spend(&mut switches.fail_appends) {
                return Fate::Failed;
            }
            if let Some(left) = &mut switches.crash_after {
                *left = left.saturating_sub(1);
            }
            if spend(&mut switches.lose_answers) {
                return Fate::AnswerLost;
            }
            Fate::Taken
        })
    }

    /// Whether one change behind a door still comes to pass; uses it up.
    pub(crate) fn change(&self) -> bool {
        self.with(|switches| {
            switches.crashed |= switches.crash_after_changes == Some(0);
            if let Some(left) = &mut switches.crash_after_changes {
                *left = left.saturating_sub(1);
            }
            !switches.crashed
        })
    }

    /// Whether one read fails, and uses it up.
    pub(crate) fn read_fails(&self) -> bool {
        self.with(|switches| switches.crashed || spend(&mut switches.fail_reads))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Switches) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn spend(left: &mut u64) -> bool {
    let any = *left > 0;
    *left = left.saturating_sub(1);
    any
}
