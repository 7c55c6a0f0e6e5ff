//! What can have happened to an incident. Shapes are stored for ever.
//!
//! For: the facts that `evolve` folds.
//! May not know: why they happened; that is `decide`.

use crate::{
    AlarmId, ConsoleId, DeviceId, DistrictId, IncidentId, OperatorId, ResidentId, ResponderId,
    Sealed, SubjectId, Timestamp,
    codes::{Action, Outcome, Reason},
    party::{Candidate, Means, Party, TravelSource},
    signal::{Priority, Problem, SignalKind},
};
use serde::{Deserialize, Serialize};

/// An alarm as an incident remembers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmRef {
    /// Its event id.
    pub alarm: AlarmId,
    /// Its place in the log.
    pub position: u64,
    /// From which device, if one could be read.
    pub device: Option<DeviceId>,
    /// The device's own number of the press.
    pub press: String,
    /// What it says.
    pub kind: SignalKind,
    /// When it was received, by the log's clock.
    pub received_at: Timestamp,
    /// What was wrong with it.
    pub problems: Vec<Problem>,
    /// Whether the device proved who it is.
    pub verified: bool,
}

/// Why an incident is put before somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferCause {
    /// The ring's time had come (the first included).
    Ring,
    /// Nobody's console had shown the last ring.
    Unseen,
    /// Everybody rung had declined.
    Declined,
    /// The owner took no first step.
    Lapsed,
    /// The owner has no live console.
    OwnerUnreachable,
    /// Work stands still after a question to the owner.
    Overdue,
    /// The owner gave it to another.
    Transferred,
    /// It was closed and is open again.
    Reopened,
    /// Support was asked for: a desk joins beside the owner.
    Support,
    /// Pressed again: the next ring came early.
    Repressed,
}

/// What a deadline is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadlineKind {
    /// The first ring must be offered (owner: dispatcher).
    Offer,
    /// The next ring joins.
    Widen,
    /// A console must have shown the offer.
    Show,
    /// The duty phone is rung.
    DutyPhone,
    /// The owner's first step.
    FirstStep,
    /// Talking has lasted.
    Talk,
    /// The responder should have arrived.
    Arrival,
    /// The responder should have reported from the spot.
    OnSite,
    /// A held incident wakes.
    Wake,
    /// The owner was asked whether they are still on it.
    Answer,
    /// Support was asked for, and a desk must answer (owner: dispatcher).
    Support,
}

/// How a try to reach a contact ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants say it")]
pub enum ContactResult {
    Reached,
    NoAnswer,
    Busy,
    WrongNumber,
    OnTheWay,
    Voicemail,
}

/// Who was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "who", content = "order")]
pub enum Callee {
    /// The resident: 回拨.
    Resident,
    /// The contact at this place in the list, from 1.
    Contact(u8),
}

/// An emergency service of the city.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the number is the name")]
pub enum EmergencyService {
    #[serde(rename = "120")]
    Ambulance,
    #[serde(rename = "119")]
    Fire,
    #[serde(rename = "110")]
    Police,
}

/// What happened to an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields without a word are their types")]
pub enum IncidentEvent {
    /// A call for help began.
    IncidentOpened {
        /// This incident.
        incident: IncidentId,
        /// Whom it is about.
        subject: SubjectId,
        /// The resident, when the device is somebody's.
        resident: Option<ResidentId>,
        /// The alarm that opened it.
        alarm: AlarmRef,
        /// How pressing.
        priority: Priority,
        /// Where it belongs, when known.
        district: Option<DistrictId>,
        /// Position as `{"lon_e6","lat_e6"}`, when known.
        place: Option<Sealed>,
        /// The one closed less than 30 minutes before, of the same subject.
        previous: Option<IncidentId>,
        /// Milliseconds between the alarm's receipt and this, when the dispatcher came late.
        late_ms: Option<u64>,
    },
    /// The same subject called again, or said cancel. `presses` counts alarms so far, cancels apart.
    AlarmJoined {
        alarm: AlarmRef,
        presses: u32,
        priority: Priority,
    },
    /// It was put before these parties, beside those already rung.
    Offered {
        /// Index of the ring in the policy, from 0.
        ring: u8,
        /// How often the last ring has repeated, from 0.
        round: u32,
        /// Why now.
        cause: OfferCause,
        /// Who joins with this ring.
        added: Vec<Party>,
        /// By what means they are reached at once.
        means: Vec<Means>,
        /// When the next ring joins.
        widens_at: Timestamp,
        /// The log position this was decided on.
        as_of: u64,
        /// Version of the ring policy.
        policy: u32,
        /// Where the travel times came from.
        travel: TravelSource,
        /// Every site weighed, soonest first, at most [`super::CANDIDATE_LIMIT`].
        candidates: Vec<Candidate>,
        /// How late it is against its deadline, in milliseconds, when by more than 250.
        late_ms: Option<u64>,
    },
    /// A console has shown and, if `sounded`, sounded it.
    OfferShown {
        party: Party,
        operator: OperatorId,
        console: ConsoleId,
        sounded: bool,
    },
    /// No console of these parties has shown it in time.
    OfferUnseen { parties: Vec<Party> },
    /// A party's duty phone was told to ring (the webhook's answer is `DutyPhoneAnswered`, in the shell's log only).
    DutyPhoneRung {
        party: Party,
        attempt: u32,
        cause: DutyPhoneCause,
    },
    /// A party said no.
    OfferDeclined {
        party: Party,
        operator: OperatorId,
        reason: String,
    },
    /// A desk above was told, beyond the rings.
    Escalated { to: Party, about: DeadlineKind },
    /// Somebody has it.
    Accepted {
        operator: OperatorId,
        party: Party,
        first_step_by: Timestamp,
    },
    /// They took no first step and it is waiting again.
    AcceptanceLapsed { operator: OperatorId },
    /// The owner speaks with the resident.
    TalkStarted { check_by: Timestamp },
    /// The owner answered that they are on it.
    StillOnIt { check_by: Timestamp },
    /// A deadline passed after work had begun: the owner is asked, and must answer by `answer_by`.
    ProgressOverdue {
        about: DeadlineKind,
        answer_by: Timestamp,
    },
    /// Another has it now, by agreement.
    HandedOver {
        from: OperatorId,
        to: OperatorId,
        party: Party,
    },
    /// Waiting on purpose.
    Held { reason: String, until: Timestamp },
    /// The wait is over.
    HoldEnded { check_by: Timestamp },
    /// Somebody was telephoned.
    ContactTried {
        callee: Callee,
        result: ContactResult,
    },
    /// A responder is to go; one who sends themselves has set out with it.
    ResponderSent {
        responder: ResponderId,
        from: Option<crate::SiteId>,
        eta: Timestamp,
        seconds: u32,
    },
    /// A responder who was sent is on the way.
    ResponderSetOut {
        responder: ResponderId,
        eta: Timestamp,
    },
    /// It will take longer.
    ResponderDelayed {
        responder: ResponderId,
        eta: Timestamp,
    },
    /// A responder is there.
    ResponderArrived {
        responder: ResponderId,
        check_by: Timestamp,
    },
    /// A responder cannot come, or came back.
    ResponderReturned { responder: ResponderId },
    /// An emergency service was called.
    EmergencyServiceCalled { service: EmergencyService },
    /// Support was asked for, by whose hand the stamp says: this desk is rung at once; the owner keeps the call.
    SupportAsked { to: Party, answer_by: Timestamp },
    /// Somebody of a desk answers for the support, beside the owner.
    SupportAnswered { operator: OperatorId, party: Party },
    /// Something was written down.
    NoteAdded { text: Sealed },
    /// A step of a guided protocol was answered.
    ProtocolAnswered {
        protocol: String,
        version: u32,
        step: String,
        answer: String,
    },
    /// The owner gave it to other parties; it is offered to them next.
    Transferred { to: Party, reason: String },
    /// Done, with codes.
    Resolved {
        reason: Reason,
        actions: Vec<Action>,
        outcome: Outcome,
        note: Option<Sealed>,
        machine: bool,
    },
    /// Not done after all.
    Reopened { cause: String },
    /// The resident was asked afterwards.
    FollowUpDone { text: Option<Sealed> },
    /// A manager shall look at this.
    ReviewOpened { cause: String },
    /// A manager has.
    ReviewClosed { text: Option<Sealed> },
}

/// Why a duty phone rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DutyPhoneCause {
    /// No live screen with sound was there.
    NoScreen,
    /// No console confirmed in time.
    Unseen,
    /// The screen alone did not bring anybody.
    Unanswered,
    /// The ring speaks by telephone only.
    Ring,
}
