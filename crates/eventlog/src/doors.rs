//! The doors beside the log: small mutable things that belong with it.
//!
//! For: cursors of followers, leases, snapshots of folds, wrapped keys, sessions; each opaque bytes to the log.
//! May not know: what the bytes mean. Changes go through the log's one writer, so they are durable when they return.

use crate::error::DoorError;
use crate::event::Lane;
use crate::limits::{
    DOOR_NAME_BYTES, READ_LIMIT, SECRET_BYTES, SECRETS_AT_ONCE, SESSION_BYTES, SESSION_HASH_BYTES,
    SNAPSHOT_BYTES,
};
use crate::log::Log;
use crate::name::Position;

/// A held lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Who holds it.
    pub holder: String,
    /// Grows by one with every acquisition: a fence against holders that do not know they lost it.
    pub epoch: u64,
    /// Until when it is held, in microseconds of UTC since 1970, exclusive.
    pub expires_at: i64,
}

/// A saved fold; disposable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The last position folded in.
    pub position: Position,
    /// The version of the code that folded; another version's snapshot is to be ignored.
    pub code_version: u32,
    /// The fold.
    pub bytes: Vec<u8>,
}

/// A stored session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// What the session holds.
    pub bytes: Vec<u8>,
    /// When it ends, in milliseconds of UTC since 1970, exclusive.
    pub expires_at_ms: i64,
}

/// A key in a new wrapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewrapped {
    /// Which.
    pub key_id: String,
    /// As it was wrapped when it was read; otherwise it is left alone.
    pub from: Vec<u8>,
    /// As it is wrapped from now on.
    pub to: Vec<u8>,
}

/// A change behind a door.
#[derive(Clone, Debug)]
pub(crate) enum DoorWrite {
    CursorSet {
        name: String,
        position: Position,
    },
    LeaseAcquire {
        name: String,
        holder: String,
        expires_at: i64,
        now: i64,
    },
    LeaseRenew {
        name: String,
        holder: String,
        epoch: u64,
        expires_at: i64,
    },
    LeaseRelease {
        name: String,
        holder: String,
        epoch: u64,
    },
    SnapshotPut {
        name: String,
        snapshot: Snapshot,
    },
    SnapshotDelete {
        name: String,
    },
    SecretPut {
        key_id: String,
        wrapped: Vec<u8>,
    },
    /// Key ids and wrapped keys; all of them find room, or none is kept.
    SecretsPut(Vec<(String, Vec<u8>)>),
    /// Each key whose wrapped form is the first becomes the second.
    SecretsReplace(Vec<Rewrapped>),
    SecretDelete {
        key_id: String,
    },
    /// Deleted, and its name never has a key again.
    SecretDestroy {
        key_id: String,
    },
    SessionPut {
        hash: Vec<u8>,
        session: Session,
    },
    SessionDelete {
        hash: Vec<u8>,
    },
    SessionPurge {
        now_ms: i64,
    },
}

/// A look behind a door.
#[derive(Clone, Debug)]
pub(crate) enum DoorRead {
    Cursor(String),
    Lease(String),
    Snapshot(String),
    Secret(String),
    /// Key ids after this one, in order, at most so many.
    Secrets(String, usize),
    /// Names of destroyed keys after this one, in order, at most so many.
    Destroyed(String, usize),
    Session(Vec<u8>),
}

/// What a door gives back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DoorAnswer {
    Done,
    Count(u64),
    Cursor(Option<Position>),
    Lease(Option<Lease>),
    Snapshot(Option<Snapshot>),
    Secret(Option<Vec<u8>>),
    /// In the order they were given.
    Secrets(Vec<Vec<u8>>),
    Names(Vec<String>),
    Session(Option<Session>),
}

/// Where followers left off. Saved in the bulk lane: losing the last save repeats a little work.
#[derive(Clone, Debug)]
pub struct Cursors(pub(crate) Log);

impl Cursors {
    /// The saved position, if any.
    pub async fn get(&self, name: &str) -> Result<Option<Position>, DoorError> {
        match self.0.door_read(DoorRead::Cursor(name.to_owned())).await? {
            DoorAnswer::Cursor(position) => Ok(position),
            other => Err(misplaced(&other)),
        }
    }

    /// Saves a position; durable once this returns.
    pub async fn set(&self, name: &str, position: Position) -> Result<(), DoorError> {
        let name = checked_name(name)?;
        let write = DoorWrite::CursorSet { name, position };
        self.0.door_write(Lane::Bulk, write).await.map(drop)
    }
}

/// Who may act, for a while. Times are the caller's, in microseconds by the log's clock.
#[derive(Clone, Debug)]
pub struct Leases(pub(crate) Log);

impl Leases {
    /// Takes the lease if it is free, expired or already this holder's; the epoch grows each time. `None`: another has it.
    pub async fn acquire(
        &self,
        name: &str,
        holder: &str,
        ttl_ms: u64,
        now: i64,
    ) -> Result<Option<Lease>, DoorError> {
        let write = DoorWrite::LeaseAcquire {
            name: checked_name(name)?,
            holder: checked_name(holder)?,
            expires_at: expiry(now, ttl_ms),
            now,
        };
        self.leased(write).await
    }

    /// Holds on to a lease while nobody else has taken it, expired or not. `None`: it was lost.
    pub async fn renew(
        &self,
        name: &str,
        holder: &str,
        epoch: u64,
        ttl_ms: u64,
        now: i64,
    ) -> Result<Option<Lease>, DoorError> {
        let write = DoorWrite::LeaseRenew {
            name: checked_name(name)?,
            holder: checked_name(holder)?,
            epoch,
            expires_at: expiry(now, ttl_ms),
        };
        self.leased(write).await
    }

    /// Gives a lease back; nothing happens when it was lost before.
    pub async fn release(&self, name: &str, holder: &str, epoch: u64) -> Result<(), DoorError> {
        let write = DoorWrite::LeaseRelease {
            name: checked_name(name)?,
            holder: checked_name(holder)?,
            epoch,
        };
        self.0.door_write(Lane::Urgent, write).await.map(drop)
    }

    /// The lease as it was last taken, expired or not.
    pub async fn get(&self, name: &str) -> Result<Option<Lease>, DoorError> {
        match self.0.door_read(DoorRead::Lease(name.to_owned())).await? {
            DoorAnswer::Lease(lease) => Ok(lease),
            other => Err(misplaced(&other)),
        }
    }

    async fn leased(&self, write: DoorWrite) -> Result<Option<Lease>, DoorError> {
        match self.0.door_write(Lane::Urgent, write).await? {
            DoorAnswer::Lease(lease) => Ok(lease),
            other => Err(misplaced(&other)),
        }
    }
}

/// Saved folds; any of them may be missing at any time.
#[derive(Clone, Debug)]
pub struct Snapshots(pub(crate) Log);

impl Snapshots {
    /// The saved fold, if any.
    pub async fn get(&self, name: &str) -> Result<Option<Snapshot>, DoorError> {
        match self
            .0
            .door_read(DoorRead::Snapshot(name.to_owned()))
            .await?
        {
            DoorAnswer::Snapshot(snapshot) => Ok(snapshot),
            other => Err(misplaced(&other)),
        }
    }

    /// Saves a fold in place of the last one.
    pub async fn put(&self, name: &str, snapshot: Snapshot) -> Result<(), DoorError> {
        let name = checked_name(name)?;
        within(
            "the snapshot's size in bytes",
            snapshot.bytes.len(),
            SNAPSHOT_BYTES,
        )?;
        let write = DoorWrite::SnapshotPut { name, snapshot };
        self.0.door_write(Lane::Bulk, write).await.map(drop)
    }

    /// Removes a saved fold, if it is there.
    pub async fn delete(&self, name: &str) -> Result<(), DoorError> {
        let name = checked_name(name)?;
        let write = DoorWrite::SnapshotDelete { name };
        self.0.door_write(Lane::Bulk, write).await.map(drop)
    }
}

/// Wrapped keys, in a store of their own: `keys.sqlite` beside the log, or a schema beside the log's. What is deleted is
/// overwritten in SQLite's files too; PostgreSQL forgets the row, and its old pages and write-ahead log only when they
/// are used again.
#[derive(Clone, Debug)]
pub struct Secrets(pub(crate) Log);

impl Secrets {
    /// The wrapped key, if there is one.
    pub async fn get(&self, key_id: &str) -> Result<Option<Vec<u8>>, DoorError> {
        match self
            .0
            .door_read(DoorRead::Secret(key_id.to_owned()))
            .await?
        {
            DoorAnswer::Secret(wrapped) => Ok(wrapped),
            other => Err(misplaced(&other)),
        }
    }

    /// Keeps a wrapped key unless there is one already; gives back the one that is kept. The lane is that of the events
    /// it is for: the keys of an import must not stand before an alarm. [`DoorError::Destroyed`]: a key of that name was.
    pub async fn put(
        &self,
        lane: Lane,
        key_id: &str,
        wrapped: Vec<u8>,
    ) -> Result<Vec<u8>, DoorError> {
        let key_id = checked_name(key_id)?;
        within(
            "the wrapped key's size in bytes",
            wrapped.len(),
            SECRET_BYTES,
        )?;
        let write = DoorWrite::SecretPut { key_id, wrapped };
        match self.0.door_write(lane, write).await? {
            DoorAnswer::Secret(Some(kept)) => Ok(kept),
            other => Err(misplaced(&other)),
        }
    }

    /// Keeps many wrapped keys in one commit, each unless there is one already; gives back those that are kept, in the
    /// same order. At most [`SECRETS_AT_ONCE`]. [`DoorError::Destroyed`]: of one of them, and none was kept.
    pub async fn put_many(
        &self,
        lane: Lane,
        secrets: Vec<(String, Vec<u8>)>,
    ) -> Result<Vec<Vec<u8>>, DoorError> {
        at_once(secrets.len())?;
        for (key_id, wrapped) in &secrets {
            within("the name's size in bytes", key_id.len(), DOOR_NAME_BYTES)?;
            within(
                "the wrapped key's size in bytes",
                wrapped.len(),
                SECRET_BYTES,
            )?;
        }
        let write = DoorWrite::SecretsPut(secrets);
        match self.0.door_write(lane, write).await? {
            DoorAnswer::Secrets(kept) => Ok(kept),
            other => Err(misplaced(&other)),
        }
    }

    /// Puts keys into new wrappings in one commit; says how many. One that was wrapped otherwise meanwhile, or destroyed,
    /// stays as it is. At most [`SECRETS_AT_ONCE`], in the bulk lane.
    pub async fn replace(&self, secrets: Vec<Rewrapped>) -> Result<u64, DoorError> {
        at_once(secrets.len())?;
        for it in &secrets {
            within("the wrapped key's size in bytes", it.to.len(), SECRET_BYTES)?;
        }
        let write = DoorWrite::SecretsReplace(secrets);
        match self.0.door_write(Lane::Bulk, write).await? {
            DoorAnswer::Count(replaced) => Ok(replaced),
            other => Err(misplaced(&other)),
        }
    }

    /// Deletes a wrapped key, if it is there. Once this returns nobody gets it from the log again, and on SQLite it is
    /// gone from the files.
    pub async fn delete(&self, key_id: &str) -> Result<(), DoorError> {
        let key_id = checked_name(key_id)?;
        let write = DoorWrite::SecretDelete { key_id };
        self.0.door_write(Lane::Urgent, write).await.map(drop)
    }

    /// The same for good: no key of that name is kept again, not from a backup of keys either.
    pub async fn destroy(&self, key_id: &str) -> Result<(), DoorError> {
        let key_id = checked_name(key_id)?;
        let write = DoorWrite::SecretDestroy { key_id };
        self.0.door_write(Lane::Urgent, write).await.map(drop)
    }

    /// Key ids after `after` (empty: from the first) in order of bytes, at most `limit`, itself at most [`READ_LIMIT`].
    pub async fn list(&self, after: &str, limit: usize) -> Result<Vec<String>, DoorError> {
        self.names(DoorRead::Secrets(after.to_owned(), limit), limit)
            .await
    }

    /// Ids of destroyed keys, bounds as in [`Secrets::list`].
    pub async fn destroyed(&self, after: &str, limit: usize) -> Result<Vec<String>, DoorError> {
        self.names(DoorRead::Destroyed(after.to_owned(), limit), limit)
            .await
    }

    async fn names(&self, read: DoorRead, limit: usize) -> Result<Vec<String>, DoorError> {
        within("the number of key ids asked for", limit, READ_LIMIT)?;
        match self.0.door_read(read).await? {
            DoorAnswer::Names(names) => Ok(names),
            other => Err(misplaced(&other)),
        }
    }
}

/// Who is signed on.
#[derive(Clone, Debug)]
pub struct Sessions(pub(crate) Log);

impl Sessions {
    /// The session, unless it has ended by the log's clock.
    pub async fn get(&self, token_hash: &[u8]) -> Result<Option<Session>, DoorError> {
        let now_ms = self.0.now_micros() / 1_000;
        match self
            .0
            .door_read(DoorRead::Session(token_hash.to_vec()))
            .await?
        {
            DoorAnswer::Session(session) => {
                Ok(session.filter(|session| session.expires_at_ms > now_ms))
            }
            other => Err(misplaced(&other)),
        }
    }

    /// Keeps a session, in place of one with the same token hash.
    pub async fn put(
        &self,
        token_hash: &[u8],
        bytes: Vec<u8>,
        expires_at_ms: i64,
    ) -> Result<(), DoorError> {
        within(
            "the token hash's size in bytes",
            token_hash.len(),
            SESSION_HASH_BYTES,
        )?;
        within("the session's size in bytes", bytes.len(), SESSION_BYTES)?;
        let write = DoorWrite::SessionPut {
            hash: token_hash.to_vec(),
            session: Session {
                bytes,
                expires_at_ms,
            },
        };
        self.0.door_write(Lane::Urgent, write).await.map(drop)
    }

    /// Ends a session, if it is there.
    pub async fn delete(&self, token_hash: &[u8]) -> Result<(), DoorError> {
        let hash = token_hash.to_vec();
        let write = DoorWrite::SessionDelete { hash };
        self.0.door_write(Lane::Urgent, write).await.map(drop)
    }

    /// Removes sessions that have ended; gives back how many.
    pub async fn purge(&self, now_ms: i64) -> Result<u64, DoorError> {
        let write = DoorWrite::SessionPurge { now_ms };
        match self.0.door_write(Lane::Bulk, write).await? {
            DoorAnswer::Count(count) => Ok(count),
            other => Err(misplaced(&other)),
        }
    }
}

impl DoorRead {
    /// Whether it looks into the keys' own store.
    pub(crate) fn is_of_keys(&self) -> bool {
        matches!(
            self,
            Self::Secret(_) | Self::Secrets(..) | Self::Destroyed(..)
        )
    }
}

impl DoorWrite {
    /// Whether it goes to the keys' own store.
    pub(crate) fn is_of_keys(&self) -> bool {
        matches!(
            self,
            Self::SecretPut { .. }
                | Self::SecretsPut(_)
                | Self::SecretsReplace(_)
                | Self::SecretDelete { .. }
                | Self::SecretDestroy { .. }
        )
    }

    /// The rows it writes, which is what it costs the store.
    pub(crate) fn rows(&self) -> usize {
        match self {
            Self::SecretsPut(secrets) => secrets.len(),
            Self::SecretsReplace(secrets) => secrets.len(),
            _ => 1,
        }
    }

    /// The bytes it takes in the queue.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::SnapshotPut { snapshot, .. } => snapshot.bytes.len(),
            Self::SecretPut { wrapped, .. } => wrapped.len(),
            Self::SecretsPut(secrets) => secrets.iter().map(|(_, wrapped)| wrapped.len()).sum(),
            Self::SecretsReplace(secrets) => secrets.iter().map(|it| it.to.len()).sum(),
            Self::SessionPut { session, .. } => session.bytes.len(),
            _ => DOOR_NAME_BYTES,
        }
    }
}

fn checked_name(name: &str) -> Result<String, DoorError> {
    within("the name's size in bytes", name.len(), DOOR_NAME_BYTES)?;
    Ok(name.to_owned())
}

fn at_once(keys: usize) -> Result<(), DoorError> {
    within("the number of keys in a command", keys, SECRETS_AT_ONCE)
}

fn within(what: &'static str, size: usize, limit: usize) -> Result<(), DoorError> {
    if size > limit {
        return Err(DoorError::TooLarge { what, size, limit });
    }
    Ok(())
}

fn expiry(now: i64, ttl_ms: u64) -> i64 {
    let ttl = i64::try_from(ttl_ms).unwrap_or(i64::MAX);
    now.saturating_add(ttl.saturating_mul(1_000))
}

/// A store answered another question than was asked: our bug, told instead of hidden.
fn misplaced(answer: &DoorAnswer) -> DoorError {
    tracing::error!(kind = ?std::mem::discriminant(answer), "a store answered another question");
    DoorError::Unavailable("the store answered another question".to_owned())
}
