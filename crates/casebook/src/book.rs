//! The casebook itself: a log, a vault, and typed appends.
//!
//! For: appending events of one or several families together, durably.
//! May not know: rules; acting on an incident is `act`, alarms are `handle`, folds are `fold`.

use crate::{
    act::command_event,
    cache::Cache,
    codec::{self, Meta, Stored, Unencodable, Unreadable},
    fold::Folded,
    streams,
    vault::{Binding, Unopened, Vault, VaultError},
};
use domain::{
    Actor, CommandId, Happened, IncidentId, Sealed, SubjectId, Timestamp, care::Care,
    incident::Incident, policy::RingPolicy,
};
use eventlog::{
    AppendError, Appended, EventId, Expected, Lane, Log, ReadError, Revision, StreamAppend,
    StreamName,
};
use std::sync::Arc;
use tokio::sync::{Mutex, MutexGuard};

/// Incidents, and as many cares, whose folds are kept in memory. Ours: everything open in a storm of a thousand presses a
/// second, some tens of megabytes; others are folded from the log again.
pub const FOLD_CACHE: usize = 16_384;

/// The log with our events in it; clones are the same casebook.
#[derive(Clone)]
pub struct Casebook {
    pub(crate) log: Log,
    pub(crate) vault: Vault,
    pub(crate) policy: Arc<RingPolicy>,
    pub(crate) incidents: Arc<Cache<IncidentId, Folded<Option<Incident>>>>,
    pub(crate) cares: Arc<Cache<SubjectId, Folded<Care>>>,
    turns: Arc<[Mutex<()>]>,
}

/// Locks by which the writers of one incident within this process wait for each other, in locks. They save conflicts
/// and prove nothing: what counts is the revision. Ours: rarely shared by two incidents.
const TURNS: usize = 256;

/// An event of ours to be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft<E> {
    /// Its identity; repeated when the same is appended again.
    pub id: EventId,
    /// What, when, by whom.
    pub happened: Happened<E>,
}

impl<E> Draft<E> {
    /// A draft.
    pub fn new(id: EventId, at: Timestamp, by: Actor, event: E) -> Self {
        Self {
            id,
            happened: Happened::new(at, by, event),
        }
    }

    /// The same, told later than it happened.
    pub fn said(mut self, at: Option<Timestamp>) -> Self {
        self.happened.said_at = at;
        self
    }
}

/// Why the casebook did not do it, sorted by who must act.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// Conflict: somebody wrote first. Read and decide again.
    #[error("stream {stream} has changed since it was read")]
    Conflict {
        /// The first stream that did not fit.
        stream: StreamName,
        /// Its last revision, if it exists.
        actual: Option<Revision>,
    },
    /// Malformed: too much at once, or not an append at all.
    #[error("{0}")]
    Malformed(String),
    /// A bug, ours or of whoever wrote the event: it stops this request only.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// Unavailable: try again with the same ids.
    #[error("{0}")]
    Unavailable(String),
}

impl From<AppendError> for BookError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::WrongRevision { stream, actual, .. } => Self::Conflict { stream, actual },
            AppendError::TooLarge { .. }
            | AppendError::InvalidRequest(_)
            | AppendError::StreamDeleted { .. } => Self::Malformed(error.to_string()),
            AppendError::Unavailable(_) | AppendError::Full => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<ReadError> for BookError {
    fn from(error: ReadError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<Unencodable> for BookError {
    fn from(error: Unencodable) -> Self {
        Self::Malformed(error.to_string())
    }
}

impl From<VaultError> for BookError {
    fn from(error: VaultError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// Events for several streams and families, to be appended together or not at all.
#[derive(Debug, Clone)]
pub struct Batch {
    meta: Meta,
    pub(crate) appends: Vec<StreamAppend>,
}

impl Batch {
    /// An empty batch; every event in it gets this metadata.
    pub fn new(meta: Meta) -> Self {
        Self {
            meta,
            appends: Vec::new(),
        }
    }

    /// Adds a stream, which may stand in a batch once. Without drafts it only guards: the batch is appended if the
    /// stream is as expected.
    pub fn push<E: Stored>(
        &mut self,
        stream: &StreamName,
        expected: Expected,
        drafts: Vec<Draft<E>>,
    ) -> Result<&mut Self, BookError> {
        let mut events = Vec::with_capacity(drafts.len());
        for draft in &drafts {
            events.push(codec::new_event(draft.id, &draft.happened, &self.meta)?);
        }
        self.appends.push(StreamAppend {
            stream: stream.clone(),
            expected,
            events,
        });
        Ok(self)
    }
}

impl Casebook {
    /// A casebook over a log and its vault, with the ring policy as shipped.
    pub fn new(log: Log, vault: Vault) -> Self {
        Self {
            log,
            vault,
            policy: Arc::new(RingPolicy::standard().clone()),
            incidents: Arc::new(Cache::new(FOLD_CACHE)),
            cares: Arc::new(Cache::new(FOLD_CACHE)),
            turns: (0..TURNS).map(|_| Mutex::new(())).collect(),
        }
    }

    /// The same casebook deciding under another policy.
    pub fn with_policy(mut self, policy: Arc<RingPolicy>) -> Self {
        self.policy = policy;
        self
    }

    /// Waits until no other writer of this process is at the incident. Twenty consoles that show an offer at once
    /// would otherwise outrun each other's retries.
    pub(crate) async fn turn(&self, incident: IncidentId) -> MutexGuard<'_, ()> {
        let hash = incident.0.as_u128() % TURNS as u128;
        let index = usize::try_from(hash).unwrap_or_default();
        self.turns[index].lock().await
    }

    /// The log below.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The vault.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// The ring policy decided under.
    pub fn policy(&self) -> &Arc<RingPolicy> {
        &self.policy
    }

    /// The time by the log's clock, in whole milliseconds.
    pub fn now(&self) -> Timestamp {
        Timestamp(self.log.now_micros().div_euclid(1_000))
    }

    /// Appends events of one family to one stream. Durable once this returns; safe to send again with the same ids.
    pub async fn append<E: Stored>(
        &self,
        lane: Lane,
        stream: &StreamName,
        expected: Expected,
        drafts: Vec<Draft<E>>,
        meta: Meta,
    ) -> Result<Appended, BookError> {
        let mut batch = Batch::new(meta);
        batch.push(stream, expected, drafts)?;
        self.commit(lane, batch).await
    }

    /// Appends a batch, all or nothing. Durable once this returns; safe to send again with the same ids.
    pub async fn commit(&self, lane: Lane, batch: Batch) -> Result<Appended, BookError> {
        Ok(self.log.append(lane, batch.appends).await?)
    }

    /// Seals a text for the event that a command will append: its id is known beforehand. `index` counts the command's
    /// events from 0; a note, a follow-up and a resolution are each their command's first.
    pub async fn seal_for_command(
        &self,
        subject_key: &str,
        incident: IncidentId,
        command: CommandId,
        index: usize,
        field: &str,
        text: &str,
    ) -> Result<Sealed, VaultError> {
        let stream = streams::incident(incident);
        let binding = Binding {
            stream: &stream,
            event: command_event(command, index),
            field,
        };
        self.vault.seal(subject_key, binding, text.as_bytes()).await
    }

    /// Opens a sealed text where it stands; bytes that are no UTF-8 are shown as far as they are.
    pub async fn open_text(
        &self,
        sealed: &Sealed,
        stream: &StreamName,
        event: EventId,
        field: &str,
    ) -> Result<String, Unopened> {
        let binding = Binding {
            stream,
            event,
            field,
        };
        let plain = self.vault.open_sealed(sealed, binding).await?;
        Ok(String::from_utf8_lossy(&plain).into_owned())
    }
}
