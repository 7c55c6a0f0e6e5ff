//! Why an incident's rules said no.
//!
//! For: words an operator may read, and a stable code with data for programs.
//! May not know: languages; the page translates by code.

use crate::{OperatorId, ResponderId};
use serde::{Deserialize, Serialize};

/// A rule said no. Serialised as `{"code": "already_accepted", "by": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "code")]
#[expect(missing_docs, reason = "each message says it")]
pub enum Refusal {
    #[error("there is no such incident")]
    NotOpen,
    #[error("the incident is closed")]
    Closed,
    #[error("the incident is still open")]
    StillOpen,
    #[error("this is not for you to do")]
    NotAllowed,
    #[error("one person cannot act for another")]
    NotYourself,
    #[error("somebody else has it")]
    NotYours { owner: OperatorId },
    #[error("nobody has accepted it yet")]
    NotAccepted,
    #[error("somebody has accepted it already")]
    AlreadyAccepted { by: OperatorId },
    #[error("somebody answers for the support already")]
    SupportAnswered { by: OperatorId },
    #[error("it has not been offered there")]
    NotOffered,
    #[error("an alarm has joined that was not on the screen")]
    UnreadAlarm { alarm_revision: u64 },
    #[error("an action code is missing")]
    MissingCodes,
    #[error("a reason is missing")]
    MissingReason,
    #[error("the text is longer than {limit} characters")]
    TextTooLong { limit: usize },
    #[error(
        "no speech may not be closed as false without a talk, a visit or a contact who was reached"
    )]
    NoSpeechNeedsCheck,
    #[error("a hold may last {max_min} minutes at most")]
    HoldTooLong { max_min: u32 },
    #[error("a hold must end later than now")]
    HoldNotAhead,
    #[error("it cannot be given there")]
    BadTarget,
    #[error("that responder is not on the way")]
    NotOnTheWay { responder: ResponderId },
    #[error("a way may take {max_min} minutes at most")]
    WayTooLong { max_min: u32 },
    #[error("no more than {limit} responders at once")]
    TooManyResponders { limit: usize },
    #[error("it was closed more than {max_h} hours ago")]
    ReopenTooLate { max_h: u32 },
}

impl Refusal {
    /// The stable name of the rule.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotOpen => "not_open",
            Self::Closed => "closed",
            Self::StillOpen => "still_open",
            Self::NotAllowed => "not_allowed",
            Self::NotYourself => "not_yourself",
            Self::NotYours { .. } => "not_yours",
            Self::NotAccepted => "not_accepted",
            Self::AlreadyAccepted { .. } => "already_accepted",
            Self::SupportAnswered { .. } => "support_answered",
            Self::NotOffered => "not_offered",
            Self::UnreadAlarm { .. } => "unread_alarm",
            Self::MissingCodes => "missing_codes",
            Self::MissingReason => "missing_reason",
            Self::TextTooLong { .. } => "text_too_long",
            Self::NoSpeechNeedsCheck => "no_speech_needs_check",
            Self::HoldTooLong { .. } => "hold_too_long",
            Self::HoldNotAhead => "hold_not_ahead",
            Self::BadTarget => "bad_target",
            Self::NotOnTheWay { .. } => "not_on_the_way",
            Self::WayTooLong { .. } => "way_too_long",
            Self::TooManyResponders { .. } => "too_many_responders",
            Self::ReopenTooLate { .. } => "reopen_too_late",
        }
    }
}
