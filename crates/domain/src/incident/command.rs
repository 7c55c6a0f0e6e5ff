//! What may be asked of an incident.
//!
//! For: the requests `decide` grants or refuses.
//! May not know: who is allowed to ask; the console checks scope before.

use super::event::{
    AlarmRef, Callee, ContactResult, DeadlineKind, DutyPhoneCause, EmergencyService, OfferCause,
};
use crate::{
    ConsoleId, DistrictId, IncidentId, OperatorId, ResidentId, ResponderId, Sealed, SiteId,
    SubjectId, Timestamp,
    codes::{Action, Outcome, Reason},
    happened::Actor,
    party::{Candidate, Means, Party, TravelSource},
    signal::Priority,
};
use serde::{Deserialize, Serialize};

/// A request with its stamp. `seen` is the revision its sender had on the screen, when they saw one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// When it is decided.
    pub at: Timestamp,
    /// Who asks.
    pub by: Actor,
    /// The incident's revision on the asker's screen.
    pub seen: Option<u64>,
    /// When it happened, as a report that was kept back says; how far it is believed: [`super::Incident::believed`].
    pub said_at: Option<Timestamp>,
    /// What is asked.
    pub command: IncidentCommand,
}

/// What may be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the fields are those of the events of the same name"
)]
pub enum IncidentCommand {
    Open {
        incident: IncidentId,
        subject: SubjectId,
        resident: Option<ResidentId>,
        alarm: AlarmRef,
        priority: Priority,
        district: Option<DistrictId>,
        place: Option<Sealed>,
        previous: Option<IncidentId>,
        late_ms: Option<u64>,
    },
    Join {
        alarm: AlarmRef,
    },
    Offer {
        ring: u8,
        round: u32,
        cause: OfferCause,
        added: Vec<Party>,
        means: Vec<Means>,
        widens_at: Timestamp,
        as_of: u64,
        policy: u32,
        travel: TravelSource,
        candidates: Vec<Candidate>,
        late_ms: Option<u64>,
    },
    Show {
        party: Party,
        operator: OperatorId,
        console: ConsoleId,
        sounded: bool,
    },
    MarkUnseen {
        parties: Vec<Party>,
    },
    RingDutyPhone {
        party: Party,
        attempt: u32,
        cause: DutyPhoneCause,
    },
    Decline {
        party: Party,
        operator: OperatorId,
        reason: String,
    },
    Escalate {
        to: Party,
        about: DeadlineKind,
    },
    Accept {
        operator: OperatorId,
        party: Party,
    },
    LapseAcceptance,
    StartTalk,
    StillOnIt,
    AskOverdue {
        about: DeadlineKind,
    },
    HandOver {
        to: OperatorId,
        party: Party,
    },
    Hold {
        reason: String,
        until: Timestamp,
    },
    EndHold,
    TryContact {
        callee: Callee,
        result: ContactResult,
    },
    SendResponder {
        responder: ResponderId,
        from: Option<SiteId>,
        seconds: u32,
    },
    SetOut {
        responder: ResponderId,
    },
    DelayResponder {
        responder: ResponderId,
        eta: Timestamp,
    },
    Arrive {
        responder: ResponderId,
    },
    ReturnResponder {
        responder: ResponderId,
    },
    CallEmergencyService {
        service: EmergencyService,
    },
    AskSupport,
    AnswerSupport {
        operator: OperatorId,
        party: Party,
    },
    AddNote {
        text: Sealed,
    },
    AnswerProtocol {
        protocol: String,
        version: u32,
        step: String,
        answer: String,
    },
    Transfer {
        to: Party,
        reason: String,
    },
    Resolve {
        reason: Reason,
        actions: Vec<Action>,
        outcome: Outcome,
        note: Option<Sealed>,
        machine: bool,
    },
    Reopen {
        cause: String,
    },
    FollowUp {
        text: Option<Sealed>,
    },
    OpenReview {
        cause: String,
    },
    CloseReview {
        text: Option<Sealed>,
    },
}

impl IncidentCommand {
    /// What is asked, in a word; stands in the metadata of what came of it, so it is for ever.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open",
            Self::Join { .. } => "join",
            Self::Offer { .. } => "offer",
            Self::Show { .. } => "show",
            Self::MarkUnseen { .. } => "mark_unseen",
            Self::RingDutyPhone { .. } => "ring_duty_phone",
            Self::Decline { .. } => "decline",
            Self::Escalate { .. } => "escalate",
            Self::Accept { .. } => "accept",
            Self::LapseAcceptance => "lapse_acceptance",
            Self::StartTalk => "start_talk",
            Self::StillOnIt => "still_on_it",
            Self::AskOverdue { .. } => "ask_overdue",
            Self::HandOver { .. } => "hand_over",
            Self::Hold { .. } => "hold",
            Self::EndHold => "end_hold",
            Self::TryContact { .. } => "try_contact",
            Self::SendResponder { .. } => "send_responder",
            Self::SetOut { .. } => "set_out",
            Self::DelayResponder { .. } => "delay_responder",
            Self::Arrive { .. } => "arrive",
            Self::ReturnResponder { .. } => "return_responder",
            Self::CallEmergencyService { .. } => "call_emergency_service",
            Self::AskSupport => "ask_support",
            Self::AnswerSupport { .. } => "answer_support",
            Self::AddNote { .. } => "add_note",
            Self::AnswerProtocol { .. } => "answer_protocol",
            Self::Transfer { .. } => "transfer",
            Self::Resolve { .. } => "resolve",
            Self::Reopen { .. } => "reopen",
            Self::FollowUp { .. } => "follow_up",
            Self::OpenReview { .. } => "open_review",
            Self::CloseReview { .. } => "close_review",
        }
    }
}
