//! Names and places: streams, event ids, revisions and positions.
//!
//! For: identifiers that are parsed once at the door and trusted afterwards.
//! May not know: what the names mean to anybody.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::limits::STREAM_NAME_BYTES;

/// The name of a stream; cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct StreamName(Arc<str>);

impl StreamName {
    /// Takes a name of 1 to [`STREAM_NAME_BYTES`] bytes without control characters; the stream that describes another
    /// may have its two bytes more.
    pub fn new(name: impl Into<String>) -> Result<Self, NameError> {
        let name = name.into();
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        let described = name.strip_prefix(DESCRIBES).unwrap_or(&name);
        if described.len() > STREAM_NAME_BYTES {
            return Err(NameError::TooLong { bytes: name.len() });
        }
        if name.chars().any(char::is_control) {
            return Err(NameError::ControlCharacter);
        }
        Ok(Self(name.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text before the first `-`, or the whole name when there is none.
    pub fn category(&self) -> &str {
        self.0
            .split_once('-')
            .map_or(&*self.0, |(before, _)| before)
    }

    /// The stream that describes this one: `$$` and its name.
    pub fn metadata(&self) -> Self {
        Self(format!("{DESCRIBES}{}", self.0).into())
    }

    /// The stream that this one describes; `None` when it describes none.
    pub fn described(&self) -> Option<Self> {
        let name = self.0.strip_prefix(DESCRIBES)?;
        (!name.is_empty()).then(|| Self(name.into()))
    }

    /// A name that a store kept; it was checked when it was written.
    pub(crate) fn stored(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }
}

/// What the name of a stream that describes another begins with.
const DESCRIBES: &str = "$$";

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl AsRef<str> for StreamName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<StreamName> for String {
    fn from(name: StreamName) -> Self {
        name.0.as_ref().to_owned()
    }
}

impl TryFrom<String> for StreamName {
    type Error = NameError;

    fn try_from(name: String) -> Result<Self, NameError> {
        Self::new(name)
    }
}

impl std::str::FromStr for StreamName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        Self::new(name)
    }
}

/// Why a text is no stream name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There is nothing in it.
    #[error("a stream name must not be empty")]
    Empty,
    /// It is longer than [`STREAM_NAME_BYTES`].
    #[error("a stream name of {bytes} bytes is longer than {STREAM_NAME_BYTES}")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// It holds a line break, a NUL or the like.
    #[error("a stream name must not hold control characters")]
    ControlCharacter,
}

/// The identity of one event; appending it twice to a stream is recognised by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(pub Uuid);

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An event's place in its stream, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl Revision {
    /// The first event's revision.
    pub const FIRST: Self = Self(0);
    /// For backward reads: from the end.
    pub const END: Self = Self(u64::MAX);

    /// The place after this one; the last possible one stays itself.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An event's place in the whole log, counted from 1 without gaps; 0 stands before the first.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Position(pub u64);

impl Position {
    /// Before the first event.
    pub const START: Self = Self(0);
    /// For backward reads: from the end.
    pub const END: Self = Self(u64::MAX);

    /// The place after this one; the last possible one stays itself.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_is_the_text_before_the_first_dash() {
        let category = |name: &str| StreamName::new(name).unwrap().category().to_owned();
        assert_eq!(category("incident-7-b"), "incident");
        assert_eq!(category("policy"), "policy");
        assert_eq!(category("-odd"), "");
    }

    #[test]
    fn names_that_cannot_be_kept_are_refused() {
        assert_eq!(StreamName::new(""), Err(NameError::Empty));
        assert_eq!(StreamName::new("a\nb"), Err(NameError::ControlCharacter));
        assert!(StreamName::new("x".repeat(STREAM_NAME_BYTES)).is_ok());
        assert_eq!(
            StreamName::new("x".repeat(STREAM_NAME_BYTES + 1)),
            Err(NameError::TooLong { bytes: 513 })
        );
        assert_eq!(
            StreamName::new("$$x".to_owned() + &"x".repeat(STREAM_NAME_BYTES)),
            Err(NameError::TooLong { bytes: 515 })
        );
    }

    #[test]
    fn every_stream_has_one_that_describes_it() {
        for name in ["a-1", "$$a", &"x".repeat(STREAM_NAME_BYTES)] {
            let stream = StreamName::new(name).unwrap();
            let metadata = StreamName::new(stream.metadata().as_str()).unwrap();
            assert_eq!(metadata.described(), Some(stream));
        }
        for name in ["a-1", "$a", "$$"] {
            assert_eq!(StreamName::new(name).unwrap().described(), None);
        }
    }
}
