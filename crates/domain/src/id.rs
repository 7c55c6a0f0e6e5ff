//! Identifiers, parsed once at the door.
//!
//! For: newtypes for everything that has a name.
//! May not know: where identifiers come from; streams are named in `casebook`.

use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};
use uuid::Uuid;

/// Longest identifier we take, in characters. Device protocols allow 64 at most; so do we.
pub const ID_LIMIT: usize = 64;

/// Longest subject we take, in characters: the longest identifier with the word before it, `resident-` or `device-`.
pub const SUBJECT_LIMIT: usize = ID_LIMIT + 16;

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing was given.
    #[error("an identifier is empty")]
    Empty,
    /// More characters than [`ID_LIMIT`], or [`SUBJECT_LIMIT`] for a subject.
    #[error("an identifier is longer than {ID_LIMIT} characters")]
    TooLong,
    /// Control characters, white space or a character that would break a stream name.
    #[error("an identifier holds a character that is not allowed")]
    Character,
}

fn checked(text: &str, limit: usize) -> Result<Arc<str>, IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.chars().count() > limit {
        return Err(IdError::TooLong);
    }
    if text.chars().any(|c| {
        c.is_control() || c.is_whitespace() || matches!(c, '/' | '$' | '?' | '#' | '"' | '\\')
    }) {
        return Err(IdError::Character);
    }
    Ok(Arc::from(text))
}

macro_rules! text_id {
    ($($(#[$doc:meta])* $name:ident: $limit:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The identifier, or what is wrong with the text.
            pub fn parse(text: &str) -> Result<Self, IdError> { checked(text, $limit).map(Self) }
            /// The text as it was given.
            pub fn as_str(&self) -> &str { &self.0 }
        }
        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> { Self::parse(&text) }
        }
        impl From<$name> for String { fn from(id: $name) -> String { id.0.as_ref().to_owned() } }
        impl fmt::Display for $name { fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) } }
        impl fmt::Debug for $name { fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "{}({})", stringify!($name), self.0) } }
    )*};
}

text_id! {
    /// The person who may need help.
    ResidentId: ID_LIMIT;
    /// What sends signals.
    DeviceId: ID_LIMIT;
    /// A station or a facility.
    SiteId: ID_LIMIT;
    /// A person on duty, and the name they sign in with.
    OperatorId: ID_LIMIT;
    /// Who goes there: carer, nurse, volunteer, grid worker.
    ResponderId: ID_LIMIT;
    /// A city; a log is about one.
    CityId: ID_LIMIT;
    /// One of a city's districts, by its administrative code (230102 …).
    DistrictId: ID_LIMIT;
    /// One urban community.
    CommunityId: ID_LIMIT;
    /// A river, or what else nobody crosses but over a crossing.
    BarrierId: ID_LIMIT;
    /// A bridge, ferry or tunnel.
    CrossingId: ID_LIMIT;
    /// Whom care is about: `resident-…`, or `device-…` / `source-…` while nobody is known. Names the `care-` stream.
    SubjectId: SUBJECT_LIMIT;
    /// One open console page (a browser tab) of an operator.
    ConsoleId: ID_LIMIT;
    /// One process of ours among several, the same after every restart.
    NodeId: ID_LIMIT;
}

macro_rules! uuid_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);
        impl fmt::Display for $name { fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) } }
    )*};
}

uuid_id! {
    /// One need for help: UUIDv5 of the opening alarm's event id.
    IncidentId;
    /// One command; repeated, it gets its first result.
    CommandId;
    /// The event id of a received alarm.
    AlarmId;
}

impl SubjectId {
    /// The subject of a known resident.
    pub fn resident(id: &ResidentId) -> Self {
        Self(Arc::from(format!("resident-{id}").as_str()))
    }
    /// The subject of a device that belongs to nobody we know.
    pub fn device(id: &DeviceId) -> Self {
        Self(Arc::from(format!("device-{id}").as_str()))
    }
    /// The subject of an unverified source; `hash` is short hexadecimal.
    pub fn source(hash: &str) -> Self {
        Self(Arc::from(format!("source-{hash}").as_str()))
    }
}

impl IncidentId {
    /// The incident that this alarm opens, always the same for the same alarm.
    pub fn opened_by(alarm: AlarmId) -> Self {
        Self(Uuid::new_v5(&alarm.0, b"incident"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subject_of_the_longest_identifier_reads_back() {
        let resident = ResidentId::parse(&"r".repeat(ID_LIMIT)).unwrap();
        let subject = SubjectId::resident(&resident);
        assert_eq!(SubjectId::parse(subject.as_str()), Ok(subject));
        assert_eq!(
            ResidentId::parse(&"r".repeat(ID_LIMIT + 1)),
            Err(IdError::TooLong)
        );
    }
}
