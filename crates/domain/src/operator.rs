//! Operators and responders.
//!
//! For: the events of `operator-…` and `responder-…` streams.
//! May not know: passwords in the clear; of one there is only the argon2id hash, which stands open.

use crate::{DistrictId, OperatorId, ResponderId, Sealed, SiteId};
use serde::{Deserialize, Serialize};

/// What a person may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Takes calls.
    Operator,
    /// Leads a district's network nursing home.
    DistrictManager,
    /// Everything.
    Administrator,
    /// Reads the log as it is stored, personal data sealed; takes no calls and sees none.
    Auditor,
}

/// For which part of the city.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "scope", content = "id")]
#[expect(missing_docs, reason = "the variants say it")]
pub enum Scope {
    Site(SiteId),
    District(DistrictId),
    City,
}

/// Kinds of those who go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants say it")]
pub enum ResponderKind {
    Carer,
    Nurse,
    Volunteer,
    GridWorker,
}

/// What happened to an operator's account and reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their types")]
pub enum OperatorEvent {
    /// `name` is shown to residents and colleagues (a working name, e.g. 王护理员); `password` is an argon2id PHC string.
    OperatorAdded {
        operator: OperatorId,
        name: String,
        post: String,
        role: Role,
        scope: Scope,
        password: String,
    },
    PasswordChanged {
        operator: OperatorId,
        password: String,
    },
    OperatorRemoved {
        operator: OperatorId,
    },
    SignedIn {
        operator: OperatorId,
    },
    SignedOut {
        operator: OperatorId,
    },
    /// No live console for 20 s.
    OperatorUnreachable {
        operator: OperatorId,
    },
    OperatorBack {
        operator: OperatorId,
    },
}

/// What happened to a responder's record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their types")]
pub enum ResponderEvent {
    /// `phone` is sealed: it is a private person's.
    ResponderAdded {
        responder: ResponderId,
        name: String,
        kind: ResponderKind,
        site: Option<SiteId>,
        district: DistrictId,
        phone: Option<Sealed>,
    },
    ResponderRemoved {
        responder: ResponderId,
    },
}
