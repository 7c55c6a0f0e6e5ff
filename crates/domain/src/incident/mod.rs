//! The incident: one call for help, from first alarm to closure.
//!
//! For: saying what may happen next, and folding what happened into state.
//! May not know: clocks, randomness, async, SQL, sockets. Time and new identifiers arrive in the command.

mod command;
mod event;
mod refusal;
mod state;

mod deadlines;
mod decide;
mod evolve;
mod read;

pub use command::*;
pub use deadlines::*;
pub use decide::{decide, decide_under};
pub use event::*;
pub use evolve::evolve;
pub use refusal::Refusal;
pub use state::*;

/// Alarms an incident keeps beside the first; earlier ones are only counted. Ours: a stuck button must not grow the state.
pub const ALARM_LIMIT: usize = 20;

/// Telephone tries and emergency calls kept in the state; the log has all. Ours: what fits on a card.
pub const TRY_LIMIT: usize = 20;

/// Responders on one incident at once. Ours: a larger event is not one incident.
pub const RESPONDER_LIMIT: usize = 8;

/// A report that is recorded within this counts as told while it happened. Ours: longer than a command takes over a bad
/// line, and than a phone's clock is off after it was set by ours.
pub const SAID_LIVE: std::time::Duration = std::time::Duration::from_secs(10);

/// A report may say that it happened at most this long ago. Ours: a shift; older is a clock that is wrong.
pub const SAID_LIMIT: std::time::Duration = std::time::Duration::from_hours(12);

/// Why the rules open a review of their own accord; beside these, `outcome` and one of [`GRAVE`].
pub const REVIEW_CAUSES: &[&str] = &[RANG_TO_THE_LAST, ANSWERED_LATE];
pub(crate) const RANG_TO_THE_LAST: &str = "rang_to_the_last";
pub(crate) const ANSWERED_LATE: &str = "answered_late";

/// Outcomes that are always looked at afterwards.
pub const GRAVE: &[crate::codes::Outcome] = {
    use crate::codes::Outcome::{Deceased, NotFound, Refused};
    &[Deceased, NotFound, Refused]
};

/// Longest free word of a reason, in characters. Ours: a line on a card.
pub const TEXT_LIMIT: usize = 200;

#[cfg(test)]
mod tests;
