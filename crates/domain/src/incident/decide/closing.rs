//! Rules of the end, and of what comes after.
//!
//! For: resolving with codes, reopening, follow-up and reviews.
//! May not know: reports.

use super::{Case, Decided, reason_given};
use crate::{
    Sealed,
    codes::{Action, Outcome, Reason},
    happened::Actor,
    incident::{GRAVE, IncidentEvent, Refusal},
};
use std::time::Duration;

impl Case<'_> {
    /// Closed with what it was, what was done and how it ended, by the owner or the responder who was sent, and
    /// only after every alarm was read. The machine's clean-up is marked and reads nothing.
    pub(super) fn resolve(
        &self,
        reason: Reason,
        actions: &[Action],
        outcome: Outcome,
        note: Option<&Sealed>,
        machine: bool,
    ) -> Decided {
        if self.is_repeat(reason, actions, outcome, machine) {
            return Ok(vec![]);
        }
        self.is_open()?;
        if !machine {
            if !matches!(self.asked.by, Actor::Responder(_)) {
                self.own()?;
            }
            self.has_seen_alarms()?;
            if actions.is_empty() {
                return Err(Refusal::MissingCodes);
            }
            let checked = self.incident.spoke || self.incident.visited;
            if reason == Reason::NoSpeech && outcome == Outcome::False && !checked {
                return Err(Refusal::NoSpeechNeedsCheck);
            }
        }
        let resolved = IncidentEvent::Resolved {
            reason,
            actions: without_repeats(actions),
            outcome,
            note: note.cloned(),
            machine,
        };
        let grave = GRAVE.contains(&outcome);
        let review = grave
            .then(|| self.review(&format!("outcome {}", outcome.as_str())))
            .flatten();
        Ok([resolved].into_iter().chain(review).collect())
    }

    fn is_repeat(
        &self,
        reason: Reason,
        actions: &[Action],
        outcome: Outcome,
        machine: bool,
    ) -> bool {
        self.incident.closing.as_ref().is_some_and(|closing| {
            let by_other = match &self.asked.by {
                Actor::Operator(operator) => closing.by.as_ref() != Some(operator),
                _ => false,
            };
            !by_other
                && (closing.reason, closing.outcome, closing.machine) == (reason, outcome, machine)
                && closing.actions == without_repeats(actions)
        })
    }

    pub(super) fn reopen(&self, cause: &str) -> Decided {
        let Some(closing) = &self.incident.closing else {
            return Err(Refusal::StillOpen);
        };
        let cause = reason_given(cause)?;
        let max_h = self.policy.work.reopen_h;
        if self.asked.at.since(closing.at) > Duration::from_hours(max_h.into()) {
            return Err(Refusal::ReopenTooLate { max_h });
        }
        Ok(vec![IncidentEvent::Reopened { cause }])
    }

    pub(super) fn follow_up(&self, text: Option<&Sealed>) -> Decided {
        if self.incident.is_open() {
            return Err(Refusal::StillOpen);
        }
        Ok(vec![IncidentEvent::FollowUpDone {
            text: text.cloned(),
        }])
    }

    pub(super) fn close_review(&self, text: Option<&Sealed>) -> Decided {
        if !self.incident.review_open {
            return Ok(vec![]);
        }
        Ok(vec![IncidentEvent::ReviewClosed {
            text: text.cloned(),
        }])
    }
}

fn without_repeats(actions: &[Action]) -> Vec<Action> {
    let mut kept: Vec<Action> = Vec::new();
    for action in actions {
        if !kept.contains(action) {
            kept.push(*action);
        }
    }
    kept
}
