//! How the notary stands.
//!
//! For: metrics, `/readyz`, and one line in the log when it changes.
//! May not know: who asks.

use std::sync::{Mutex, PoisonError};

/// What this process's notary is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// Another process has the lease, or it is not known yet.
    #[default]
    Waiting,
    /// Following and signing.
    Signing,
    /// It has no key, or not the one that this log's checkpoints are signed with; the text says what to do.
    WithoutKey(String),
    /// Something does not answer; tried again. The text says what.
    Troubled(String),
    /// What it would sign does not extend what was signed: somebody has to look. The text says what was found.
    Refusing(String),
}

/// How the notary stands, in numbers and words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// What it is doing.
    pub status: Status,
    /// Records under the last checkpoint that this process signed or found.
    pub size: u64,
    /// Checkpoints signed by this process.
    pub signed: u64,
    /// The last checkpoint that left the house, by its size.
    pub published: u64,
    /// Why the last one did not, if so.
    pub unpublished: Option<String>,
}

impl Figures {
    /// What whoever watches should know; `None` when all is well.
    pub fn degraded(&self) -> Option<String> {
        match &self.status {
            Status::Refusing(why) => Some(format!("the notary refuses to sign: {why}")),
            Status::Troubled(why) => Some(format!("the notary cannot sign: {why}")),
            _ => self
                .unpublished
                .as_ref()
                .map(|why| format!("checkpoints do not leave the house: {why}")),
        }
    }
}

/// Shared between the follower, its publisher and whoever asks.
#[derive(Debug, Default)]
pub(crate) struct Board(Mutex<Figures>);

impl Board {
    pub(crate) fn figures(&self) -> Figures {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Figures)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Notes what it is doing; a change is told once.
    pub(crate) fn now(&self, status: Status) {
        let mut figures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if figures.status == status {
            return;
        }
        match &status {
            Status::Refusing(why) => {
                tracing::error!(why, "THE NOTARY REFUSES TO SIGN; run `anling log verify`");
            }
            Status::WithoutKey(why) => tracing::warn!(why, "this process signs no checkpoints"),
            Status::Troubled(why) => tracing::warn!(why, "the notary cannot sign; trying again"),
            Status::Waiting => {}
            Status::Signing => tracing::info!("this process is the notary"),
        }
        figures.status = status;
    }
}
