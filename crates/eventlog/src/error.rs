//! What can go wrong, sorted by who must act.
//!
//! For: errors named for meaning, whose text can be shown to a person.
//! May not know: SQL error codes (the stores translate them).

use std::path::PathBuf;

use crate::event::Expected;
use crate::name::{Revision, StreamName};

/// Why an append was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Conflict: somebody wrote first. Read again and decide again.
    #[error("stream {stream}: expected {expected}, found {}", Found(.actual))]
    WrongRevision {
        /// The first stream that did not fit.
        stream: StreamName,
        /// What was expected of it.
        expected: Expected,
        /// Its last revision, if it exists.
        actual: Option<Revision>,
    },
    /// Refusal: the stream was deleted for good by an outside program. Only outside programs hear this.
    #[error("stream {stream} is deleted")]
    StreamDeleted {
        /// The first such stream.
        stream: StreamName,
    },
    /// Malformed: over a limit. Send less.
    #[error("{what} is {size}, more than {limit} (the limit)")]
    TooLarge {
        /// What is too large, in words.
        what: &'static str,
        /// How large it is.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// Malformed: not an append at all.
    #[error("not a valid append: {0}")]
    InvalidRequest(String),
    /// Unavailable: the store could not take it, or its answer was lost. Nothing is half there; send it again.
    #[error("the log could not take the append: {0}")]
    Unavailable(String),
    /// Unavailable: the lane's queue is full. Slow down, then send it again.
    #[error("the log's queue is full")]
    Full,
}

/// Shows an actual revision in an error.
struct Found<'a>(&'a Option<Revision>);

impl std::fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(revision) => write!(f, "revision {revision}"),
            None => f.write_str("no stream"),
        }
    }
}

/// Why a read gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Malformed: more events asked for than one read returns. Read page by page.
    #[error("{asked} events asked for; one read returns at most {limit}")]
    TooMany {
        /// How many were asked for.
        asked: usize,
        /// The limit.
        limit: usize,
    },
    /// Unavailable: the store did not answer. Try again.
    #[error("the log could not be read: {0}")]
    Unavailable(String),
}

/// Why a subscription gave nothing this time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeError {
    /// Unavailable: the store did not answer. The subscription keeps its place; call `next` again after a pause.
    #[error("the log could not be read: {0}")]
    Unavailable(String),
    /// The log was closed; nothing more will come.
    #[error("the log is closed")]
    Closed,
    /// Malformed: the filter names more categories or prefixes than a subscription follows.
    #[error("{asked} names in a filter; a subscription follows at most {limit}")]
    TooMany {
        /// How many were asked for.
        asked: usize,
        /// The limit.
        limit: usize,
    },
}

/// Why a door (cursor, lease, snapshot, secret, session) did not do as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DoorError {
    /// Malformed: over a limit.
    #[error("{what} is {size}, more than {limit} (the limit)")]
    TooLarge {
        /// What is too large, in words.
        what: &'static str,
        /// How large it is.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// Unavailable: there are as many entries as the door keeps.
    #[error("no room for more than {limit} {what}")]
    NoRoom {
        /// Entries of what.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Refusal: the key of this name was destroyed, and there is never another.
    #[error("the key {0} was destroyed")]
    Destroyed(String),
    /// Unavailable: the lane's queue is full.
    #[error("the log's queue is full")]
    Full,
    /// Unavailable: the store did not answer. Try again.
    #[error("the log did not answer: {0}")]
    Unavailable(String),
}

/// Why a log could not be opened, with what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process writes to this folder.
    #[error(
        "another anling{} is writing to {}; stop it or choose another --data folder",
        pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default(),
        dir.display()
    )]
    InUse {
        /// The folder.
        dir: PathBuf,
        /// The other process, as far as it said.
        pid: Option<u32>,
    },
    /// The folder or a file in it may not be read or written by us.
    #[error(
        "no permission to use {}; make it belong to the user that runs anling, or choose another --data folder",
        path.display()
    )]
    NoPermission {
        /// The folder or file.
        path: PathBuf,
    },
    /// There is no log in the folder (only said when opening for reading).
    #[error("there is no log in {}; check --data", dir.display())]
    NoLog {
        /// The folder.
        dir: PathBuf,
    },
    /// The file is a database of some other program.
    #[error(
        "{} belongs to another program; choose another --data folder",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file is damaged, or no database.
    #[error(
        "{} is damaged or not a database ({detail}); put it aside and restore a backup, or choose another --data folder",
        path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What the store said.
        detail: String,
    },
    /// The file was written by a newer version.
    #[error(
        "{} was written by a newer anling; run that version, or choose another --data folder",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// The disk has no room.
    #[error("no room left on the disk of {}; free some and start again", path.display())]
    DiskFull {
        /// The folder or file.
        path: PathBuf,
    },
    /// The database server did not answer, or let nobody in. Try again later, or look at the address.
    #[error(
        "the database {server} cannot be used: {detail}; check database_url, and that the server runs"
    )]
    Unreachable {
        /// Host, port and database.
        server: String,
        /// What was said.
        detail: String,
    },
    /// The database server may lose what it confirmed.
    #[error(
        "the database {server} may lose what it confirmed: {detail}; turn it on there, or set allow_unsafe_database if losing alarms is acceptable"
    )]
    UnsafeServer {
        /// Host, port and database.
        server: String,
        /// Which settings are off.
        detail: String,
    },
    /// The database has something else where the log should be, or something the log cannot live with.
    #[error("the log cannot live in the database {server}: {detail}")]
    UnfitDatabase {
        /// Host, port and database.
        server: String,
        /// What is in the way, and what to do.
        detail: String,
    },
    /// A setting cannot be understood.
    #[error("{setting}: {detail}")]
    BadSetting {
        /// Which one.
        setting: &'static str,
        /// What is wrong with it; never its secret parts.
        detail: String,
    },
    /// Anything else, in the operating system's or the store's own words.
    #[error("could not open the log in {}: {detail}", path.display())]
    Other {
        /// The folder or file.
        path: PathBuf,
        /// What was said.
        detail: String,
    },
}

impl OpenError {
    /// Translates a file error on `path`.
    pub(crate) fn from_io(path: &std::path::Path, error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        let path = path.to_path_buf();
        match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                Self::NoPermission { path }
            }
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::Other {
                path,
                detail: error.to_string(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};
    use std::path::Path;

    use super::*;

    #[test]
    fn file_errors_say_what_to_do() {
        for (kind, advice) in [
            (
                ErrorKind::PermissionDenied,
                "make it belong to the user that runs anling",
            ),
            (
                ErrorKind::ReadOnlyFilesystem,
                "choose another --data folder",
            ),
            (ErrorKind::StorageFull, "free some and start again"),
            (ErrorKind::NotADirectory, "could not open the log in /data"),
        ] {
            let text = OpenError::from_io(Path::new("/data"), &Error::from(kind)).to_string();
            assert!(
                text.contains(advice) && text.contains("/data"),
                "{kind:?}: {text}"
            );
        }
    }

    #[test]
    fn a_conflict_names_what_was_expected_and_what_was_found() {
        let conflict = |expected, actual| AppendError::WrongRevision {
            stream: StreamName::stored("incident-1"),
            expected,
            actual,
        };
        assert_eq!(
            conflict(Expected::Exact(Revision(3)), Some(Revision(5))).to_string(),
            "stream incident-1: expected revision 3, found revision 5"
        );
        assert_eq!(
            conflict(Expected::StreamExists, None).to_string(),
            "stream incident-1: expected an existing stream, found no stream"
        );
    }
}

/// Why what the log keeps is less safe than it could be. It goes on; somebody who runs the database must act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Degraded {
    /// The server may lose what it confirmed; which settings are off.
    #[error("the database may lose what it confirmed: {} (allowed by allow_unsafe_database)", settings_off(.0))]
    Unsafe(Vec<&'static str>),
    /// Nothing is copied before it is confirmed.
    #[error(
        "the database has no synchronous standby (synchronous_standby_names is empty): what is confirmed stands on one \
         machine only"
    )]
    OneCopy,
}

/// `fsync and full_page_writes are off`
pub(crate) fn settings_off(off: &[&str]) -> String {
    let verb = if off.len() == 1 { "is" } else { "are" };
    format!("{} {verb} off", off.join(" and "))
}
