//! What is known of the database: there or lost, and how safe.
//!
//! For: answering at once while it is lost, and telling once when that changes.
//! May not know: how it is found again (the tail does that).

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use super::connect::Server;
use super::trouble::Trouble;
use crate::error::Degraded;
use crate::name::Position;

#[derive(Debug)]
pub(super) struct Link {
    server: String,
    state: Mutex<State>,
    /// The last position anybody here has seen committed.
    seen: AtomicU64,
    /// The server's process that writes for us; what it tells of we have handed on ourselves.
    pub(super) writer: AtomicU32,
    /// Wakes the tail.
    pub(super) wake: Notify,
}

#[derive(Debug, Default)]
struct State {
    lost: Option<String>,
    /// Why it is not the log it was. Not even others' appends, which make it longer again, end that.
    other_log: Option<String>,
    degraded: Option<Degraded>,
}

impl Link {
    pub(super) fn new(server: String) -> Self {
        Self {
            server,
            state: Mutex::default(),
            seen: AtomicU64::new(0),
            writer: AtomicU32::new(0),
            wake: Notify::new(),
        }
    }

    /// Says why the database cannot be asked now, if so.
    pub(super) fn check(&self) -> Result<(), Trouble> {
        let state = self.state();
        match state.other_log.as_ref().or(state.lost.as_ref()) {
            None => Ok(()),
            Some(why) => Err(Trouble::Lost(why.clone())),
        }
    }

    pub(super) fn reachable(&self) -> bool {
        self.check().is_ok()
    }

    pub(super) fn degraded(&self) -> Option<Degraded> {
        self.state().degraded.clone()
    }

    /// The last position anybody here has seen committed.
    pub(super) fn seen(&self) -> Position {
        Position(self.seen.load(Ordering::SeqCst))
    }

    /// This position stands in the log.
    pub(super) fn saw(&self, position: Position) {
        self.seen.fetch_max(position.0, Ordering::SeqCst);
    }

    /// Holds a head just read against what was `seen` before it was asked for. A shorter log is another log: going on
    /// would give positions a second meaning, and what was folded from the first would never be undone.
    pub(super) fn check_head(&self, head: Position, seen: Position) -> Result<(), Trouble> {
        if head < seen {
            let why = format!(
                "its log ends at {head}, and {seen} was seen: it was restored, or a standby that had not heard all took \
                 over; start anling again to accept that"
            );
            self.state().other_log = Some(why.clone());
            return Err(Trouble::Lost(why));
        }
        self.saw(head);
        Ok(())
    }

    /// The database did not answer; from now on nobody waits for it until it is found.
    pub(super) fn lost(&self, why: &str) {
        let before = self.state().lost.replace(why.to_owned());
        if before.is_none() {
            tracing::error!(server = %self.server, why, "the database is lost; waiting for it");
        }
        self.wake.notify_one();
    }

    /// The database answered.
    pub(super) fn found(&self, server: &Server) {
        let degraded = server.degraded();
        let mut state = self.state();
        if state.other_log.is_none() && state.lost.take().is_some() {
            tracing::info!(server = %self.server, "the database is back");
        }
        if state.degraded != degraded {
            match &degraded {
                Some(why) => tracing::warn!(server = %self.server, %why, "degraded"),
                None => tracing::info!(server = %self.server, "no longer degraded"),
            }
            state.degraded = degraded;
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
