//! What is known of the database: there or lost, and how safe.
//!
//! For: answering at once while it is lost, and telling once when that changes.
//! May not know: how it is found again (the tail does that).

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use super::connect::Server;
use super::trouble::Trouble;

#[derive(Debug)]
pub(super) struct Link {
    server: String,
    state: Mutex<State>,
    /// Wakes the tail.
    pub(super) wake: Notify,
}

#[derive(Debug, Default)]
struct State {
    lost: Option<String>,
    degraded: Option<String>,
}

impl Link {
    pub(super) fn new(server: String) -> Self {
        Self {
            server,
            state: Mutex::default(),
            wake: Notify::new(),
        }
    }

    /// Says why the database cannot be asked now, if so.
    pub(super) fn check(&self) -> Result<(), Trouble> {
        match &self.state().lost {
            None => Ok(()),
            Some(why) => Err(Trouble::Lost(why.clone())),
        }
    }

    pub(super) fn reachable(&self) -> bool {
        self.state().lost.is_none()
    }

    pub(super) fn degraded(&self) -> Option<String> {
        self.state().degraded.clone()
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
        if state.lost.take().is_some() {
            tracing::info!(server = %self.server, "the database is back");
        }
        if state.degraded != degraded {
            match &degraded {
                Some(why) => tracing::warn!(server = %self.server, why, "degraded"),
                None => tracing::info!(server = %self.server, "no longer degraded"),
            }
            state.degraded = degraded;
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
