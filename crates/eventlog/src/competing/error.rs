//! Why a group did not do as asked, sorted by who must act.
//!
//! For: errors whose text can be shown to a person.
//! May not know: which door asked.

use crate::error::ReadError;
use crate::outside::FollowError;

/// Why a group did not do as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupError {
    /// Refusal: there is no such group.
    #[error("there is no such group")]
    Missing,
    /// Refusal: there is such a group.
    #[error("there is such a group already")]
    Exists,
    /// Malformed: a group cannot work like this.
    #[error("{0}")]
    Invalid(String),
    /// Refusal: as many are connected as the group takes.
    #[error("no more than {limit} consumers may be connected")]
    FullOfConsumers {
        /// The limit.
        limit: usize,
    },
    /// Unavailable: there are as many groups as are kept.
    #[error("no room for more than {limit} groups")]
    FullOfGroups {
        /// The limit.
        limit: usize,
    },
    /// Refusal: the stream was deleted for good.
    #[error("the stream is deleted")]
    StreamDeleted,
    /// Unavailable: another process runs the groups.
    #[error("another process runs the groups")]
    Elsewhere,
    /// Unavailable: the log did not answer. Try again.
    #[error("{0}")]
    Unavailable(String),
}

impl From<ReadError> for GroupError {
    fn from(error: ReadError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<FollowError> for GroupError {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::Deleted => Self::StreamDeleted,
            other => Self::Unavailable(other.to_string()),
        }
    }
}
