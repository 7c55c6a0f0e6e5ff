//! What can go wrong in the directory, sorted by who must act.
//!
//! For: errors whose text can be shown to a person.
//! May not know: SQL, records of residents.

use std::path::PathBuf;

use casebook::{BookError, Unopened, VaultError};
use domain::record::RecordRefusal;
use eventlog::{ReadError, SubscribeError};

/// Why the directory did not do as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// Conflict: there is one already, or it changed meanwhile. Look again and decide again.
    #[error("{0}")]
    Conflict(String),
    /// Malformed: too much at once, or not something we can keep.
    #[error("{0}")]
    Malformed(String),
    /// Refusal: a rule about records said no.
    #[error(transparent)]
    Refused(RecordRefusal),
    /// The file of the read tables cannot be used; deleting it is safe, it is rebuilt.
    #[error(
        "{} cannot be used ({detail}); free some disk space, or make the folder belong to the user that runs anling",
        path.display()
    )]
    File {
        /// The file.
        path: PathBuf,
        /// What was said.
        detail: String,
    },
    /// Unavailable: try again.
    #[error("the directory could not answer: {0}")]
    Unavailable(String),
    /// The directory or the log below it was stopped.
    #[error("the directory is stopped")]
    Stopped,
}

/// Why there is no profile to show.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// The resident was forgotten.
    #[error("this resident's record was erased")]
    Erased,
    /// Nobody of that name was ever enrolled.
    #[error("no such resident or responder")]
    NotFound,
    /// Unavailable: try again.
    #[error("the record could not be opened: {0}")]
    Unavailable(String),
}

impl From<BookError> for DirectoryError {
    fn from(error: BookError) -> Self {
        match error {
            BookError::Conflict { .. } => Self::Conflict(error.to_string()),
            BookError::Malformed(what) => Self::Malformed(what),
            BookError::Unreadable(_) | BookError::Unavailable(_) => {
                Self::Unavailable(error.to_string())
            }
        }
    }
}

impl From<VaultError> for DirectoryError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Erased(_) => Self::Refused(RecordRefusal::Erased),
            error => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<ReadError> for DirectoryError {
    fn from(error: ReadError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<SubscribeError> for DirectoryError {
    fn from(error: SubscribeError) -> Self {
        match error {
            SubscribeError::Closed => Self::Stopped,
            other => Self::Unavailable(other.to_string()),
        }
    }
}

impl From<sqlx::Error> for DirectoryError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<DirectoryError> for ProfileError {
    fn from(error: DirectoryError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<Unopened> for ProfileError {
    fn from(error: Unopened) -> Self {
        match error {
            Unopened::Erased => Self::Erased,
            Unopened::Tampered | Unopened::Unavailable(_) => Self::Unavailable(error.to_string()),
        }
    }
}
