//! What happened, when, and by whose hand.
//!
//! For: the stamp every event carries, so that no variant repeats it.
//! May not know: stored names and codecs; those stand in `casebook`.

use crate::{OperatorId, ResponderId, Timestamp};
use serde::{Deserialize, Serialize};

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "role", content = "id")]
pub enum Actor {
    /// The machine that offers and keeps deadlines.
    Dispatcher,
    /// A device gateway.
    Gateway,
    /// Whoever keeps the directory, and the demo's generator.
    Registrar,
    /// A person at a console.
    Operator(OperatorId),
    /// A person on the way, on the carer's phone page.
    Responder(ResponderId),
}

/// An event with its stamp. `at` is by the log's clock, taken when it was decided; what was reported later than it
/// happened also says when that was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened<E> {
    /// When it was decided.
    pub at: Timestamp,
    /// By whom.
    pub by: Actor,
    /// When it happened, as whoever reported it later says; `None`: when it was decided.
    pub said_at: Option<Timestamp>,
    /// What.
    pub event: E,
}

impl<E> Happened<E> {
    /// Stamps an event.
    pub fn new(at: Timestamp, by: Actor, event: E) -> Self {
        Self {
            at,
            by,
            said_at: None,
            event,
        }
    }

    /// The same, reported later than it happened.
    pub fn said(mut self, at: Option<Timestamp>) -> Self {
        self.said_at = at;
        self
    }

    /// When it happened: as it was said, else when it was decided.
    pub fn happened_at(&self) -> Timestamp {
        self.said_at.unwrap_or(self.at)
    }
}
