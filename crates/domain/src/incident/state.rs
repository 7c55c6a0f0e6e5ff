//! An incident as its events have made it.
//!
//! For: what `decide`, consoles and the dispatcher read.
//! May not know: how it came to be so; `evolve` folds it.

use super::event::{AlarmRef, Callee, ContactResult, DeadlineKind, EmergencyService, OfferCause};
use crate::{
    DistrictId, IncidentId, OperatorId, ResidentId, ResponderId, Sealed, SiteId, SubjectId,
    Timestamp,
    codes::{Action, Outcome, Reason},
    happened::Actor,
    party::{Candidate, Means, Party},
    signal::Priority,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Candidates kept in an offer; the rest are counted by nobody. Ours: enough to ask "why not the ninth?".
pub const CANDIDATE_LIMIT: usize = 12;

/// One incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Which.
    pub id: IncidentId,
    /// About whom.
    pub subject: SubjectId,
    /// The resident, when known.
    pub resident: Option<ResidentId>,
    /// Now.
    pub priority: Priority,
    /// Where it belongs.
    pub district: Option<DistrictId>,
    /// Sealed position, when known.
    pub place: Option<Sealed>,
    /// The one just before, of the same subject.
    pub previous: Option<IncidentId>,
    /// When it began: the first alarm's receipt.
    pub opened_at: Timestamp,
    /// Last change.
    pub changed_at: Timestamp,
    /// Revision of the last event folded, from 0.
    pub revision: u64,
    /// Alarms, oldest first; the first and the last [`super::ALARM_LIMIT`] are kept.
    pub alarms: Vec<AlarmRef>,
    /// How often the resident pressed, cancels apart.
    pub presses: u32,
    /// Revision at which the last alarm joined: what a closing command must have seen.
    pub alarm_revision: u64,
    /// A cancel signal has come.
    pub cancel_said: bool,
    /// The present or last offer; `None` before the first. Being rung only while [`Incident::ringing`] says so.
    pub offer: Option<Offer>,
    /// When the first ring was offered.
    pub first_offered_at: Option<Timestamp>,
    /// A later ring than the first has been offered. Parties of one ring may be offered it one after another.
    pub widened: bool,
    /// Where the work stands.
    pub phase: Phase,
    /// Who holds it.
    pub owner: Option<Owner>,
    /// Responders sent and not returned.
    pub responders: Vec<ResponderLeg>,
    /// Telephone tries, oldest first, the last 20 kept.
    pub contacts: Vec<ContactTry>,
    /// Emergency services called.
    pub services: Vec<(EmergencyService, Timestamp)>,
    /// When it was accepted the first time.
    pub accepted_at: Option<Timestamp>,
    /// The owner was asked and has not answered.
    pub asked: Option<Asking>,
    /// How often acceptance lapsed.
    pub lapses: u32,
    /// Set when closed.
    pub closing: Option<Closing>,
    /// A review is open.
    pub review_open: bool,
    /// The dispatcher owes an offer, whatever the timers say.
    #[serde(default)]
    pub owed: Option<Owed>,
    /// Why it is being rung beside its owner, if it is.
    #[serde(default)]
    pub beside: Option<OfferCause>,
    /// Desks told beyond the rings, in order.
    #[serde(default)]
    pub desks: Vec<Party>,
    /// Support was asked for.
    #[serde(default)]
    pub support: Option<Support>,
    /// Somebody spoke with the resident, or a contact was reached.
    #[serde(default)]
    pub spoke: bool,
    /// Somebody was there.
    #[serde(default)]
    pub visited: bool,
    /// The last responder came back without arriving and nobody else goes.
    #[serde(default)]
    pub turned_back: bool,
}

/// An offer that is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owed {
    /// Why.
    pub cause: OfferCause,
    /// Since when.
    pub since: Timestamp,
}

/// Where the work on an incident stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "phase")]
pub enum Phase {
    /// Opened; the dispatcher owes the first offer.
    Waiting,
    /// Being rung.
    Offered,
    /// Somebody has it and owes a first step.
    Accepted {
        /// Until when.
        first_step_by: Timestamp,
    },
    /// The owner works on it by telephone.
    Talking {
        /// When to ask.
        check_by: Timestamp,
    },
    /// A responder is on the way.
    Underway {
        /// When they should be there.
        eta: Timestamp,
        /// When to ask.
        check_by: Timestamp,
    },
    /// A responder is there.
    OnSite {
        /// When to ask.
        check_by: Timestamp,
    },
    /// Waiting on purpose.
    Held {
        /// Until when.
        until: Timestamp,
        /// Why.
        reason: String,
    },
    /// Closed.
    Resolved,
}

/// Who holds an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The person.
    pub operator: OperatorId,
    /// The responder who accepted on their own phone, for this operator's account: whom people are told of.
    #[serde(default)]
    pub carer: Option<ResponderId>,
    /// For which party they accepted.
    pub party: Party,
    /// Since when.
    pub since: Timestamp,
    /// Whether they have taken a first step.
    pub first_step: bool,
}

/// The present offer: every ring so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The last ring offered, from 0.
    pub ring: u8,
    /// How often the last ring repeated.
    pub round: u32,
    /// When the last ring was offered.
    pub offered_at: Timestamp,
    /// When the next joins.
    pub widens_at: Timestamp,
    /// Everyone rung, in order.
    pub parties: Vec<Rung>,
    /// What the last weighing saw.
    pub candidates: Arc<[Candidate]>,
}

/// One party that is being rung.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    /// Who.
    pub party: Party,
    /// Since when.
    pub since: Timestamp,
    /// By what means at first.
    pub means: Vec<Means>,
    /// A console of theirs has shown it.
    pub shown: bool,
    /// … and sounded it.
    pub sounded: bool,
    /// It was found unseen.
    pub unseen: bool,
    /// How often the duty phone was told to ring.
    pub phone_attempts: u32,
    /// When it last was.
    pub phone_at: Option<Timestamp>,
    /// They said no.
    pub declined: bool,
}

/// One responder's way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponderLeg {
    /// Who goes.
    pub responder: ResponderId,
    /// From which site.
    pub from: Option<SiteId>,
    /// Since when they are to go.
    pub sent_at: Timestamp,
    /// When they set out.
    #[serde(default)]
    pub set_out_at: Option<Timestamp>,
    /// When they should be there.
    pub eta: Timestamp,
    /// They said they are late.
    pub delayed: bool,
    /// When they arrived.
    pub arrived_at: Option<Timestamp>,
    /// When the arrival was recorded, if that was later.
    #[serde(default)]
    pub arrival_recorded_at: Option<Timestamp>,
}

/// Support that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Support {
    /// When.
    pub asked_at: Timestamp,
    /// By whom.
    pub by: Actor,
    /// By when a desk must have answered before the next joins.
    pub answer_by: Timestamp,
    /// The desk that is rung first.
    #[serde(default)]
    pub first: Option<Party>,
    /// The desks that are rung for it, in order.
    pub parties: Vec<Rung>,
    /// Who answers for it.
    pub answered: Option<SupportAnswer>,
}

/// Who answers for support.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupportAnswer {
    /// The person.
    pub operator: OperatorId,
    /// For which desk.
    pub party: Party,
    /// Since when.
    pub at: Timestamp,
}

/// One telephone try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactTry {
    /// Whom.
    pub callee: Callee,
    /// How it ended.
    pub result: ContactResult,
    /// When.
    pub at: Timestamp,
}

/// A question to the owner: still on it?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asking {
    /// Which deadline passed.
    pub about: DeadlineKind,
    /// By when they must answer before the desk joins.
    pub answer_by: Timestamp,
    /// The desk has joined.
    pub escalated: bool,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// When.
    pub at: Timestamp,
    /// By whose account, if by a person.
    pub by: Option<OperatorId>,
    /// The responder who closed it on their own phone: whom people are told of.
    #[serde(default)]
    pub carer: Option<ResponderId>,
    /// What it was.
    pub reason: Reason,
    /// What was done.
    pub actions: Vec<Action>,
    /// How it ended.
    pub outcome: Outcome,
    /// Closed by the machine (the demo's clean-up), marked as such.
    pub machine: bool,
}

/// The next moment something must happen, and who owes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadline {
    /// About what.
    pub kind: DeadlineKind,
    /// When.
    pub at: Timestamp,
    /// The operator who owes it; `None`: the dispatcher.
    pub owner: Option<OperatorId>,
}
