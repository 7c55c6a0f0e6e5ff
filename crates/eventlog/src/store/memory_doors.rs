//! The doors of the memory store: a few ordered maps.
//!
//! For: the same behaviour as the tables of the other stores.
//! May not know: queues, the log.

use std::collections::{BTreeMap, BTreeSet};

use crate::doors::{DoorAnswer, DoorRead, DoorWrite, Lease, Session, Snapshot};
use crate::error::DoorError;
use crate::limits::{DOOR_ENTRIES, SECRET_ENTRIES, SESSION_ENTRIES};
use crate::name::Position;

#[derive(Clone, Debug, Default)]
pub(super) struct MemoryDoors {
    cursors: BTreeMap<String, Position>,
    leases: BTreeMap<String, Lease>,
    snapshots: BTreeMap<String, Snapshot>,
    secrets: BTreeMap<String, Vec<u8>>,
    destroyed: BTreeSet<String>,
    sessions: BTreeMap<Vec<u8>, Session>,
}

impl MemoryDoors {
    pub(super) fn read(&self, read: &DoorRead) -> DoorAnswer {
        match read {
            DoorRead::Cursor(name) => DoorAnswer::Cursor(self.cursors.get(name).copied()),
            DoorRead::Lease(name) => DoorAnswer::Lease(self.leases.get(name).cloned()),
            DoorRead::Snapshot(name) => DoorAnswer::Snapshot(self.snapshots.get(name).cloned()),
            DoorRead::Secret(key_id) => DoorAnswer::Secret(self.secrets.get(key_id).cloned()),
            DoorRead::Secrets(after, limit) => {
                let later = self.secrets.keys().filter(|key_id| *key_id > after);
                DoorAnswer::Names(later.take(*limit).cloned().collect())
            }
            DoorRead::Destroyed(after, limit) => {
                let later = self.destroyed.iter().filter(|key_id| *key_id > after);
                DoorAnswer::Names(later.take(*limit).cloned().collect())
            }
            DoorRead::Session(hash) => DoorAnswer::Session(self.sessions.get(hash).cloned()),
        }
    }

    pub(super) fn write(&mut self, write: &DoorWrite) -> Result<DoorAnswer, DoorError> {
        match write {
            DoorWrite::CursorSet { name, position } => {
                room(&self.cursors, name, "cursors", DOOR_ENTRIES)?;
                self.cursors.insert(name.clone(), *position);
            }
            DoorWrite::SnapshotPut { name, snapshot } => {
                room(&self.snapshots, name, "snapshots", DOOR_ENTRIES)?;
                self.snapshots.insert(name.clone(), snapshot.clone());
            }
            DoorWrite::SnapshotDelete { name } => {
                self.snapshots.remove(name);
            }
            DoorWrite::SecretPut { key_id, wrapped } => {
                self.never_destroyed(key_id)?;
                room(&self.secrets, key_id, "secrets", SECRET_ENTRIES)?;
                let kept = self.secrets.entry(key_id.clone());
                let kept = kept.or_insert_with(|| wrapped.clone()).clone();
                return Ok(DoorAnswer::Secret(Some(kept)));
            }
            DoorWrite::SecretsPut(secrets) => {
                for (key_id, _) in secrets {
                    self.never_destroyed(key_id)?;
                }
                let fresh: BTreeSet<&String> = secrets.iter().map(|(key_id, _)| key_id).collect();
                let fresh = fresh
                    .into_iter()
                    .filter(|it| !self.secrets.contains_key(*it));
                if self.secrets.len() + fresh.count() > SECRET_ENTRIES {
                    return Err(DoorError::NoRoom {
                        what: "secrets",
                        limit: SECRET_ENTRIES,
                    });
                }
                let keep = |(key_id, wrapped): &(String, Vec<u8>)| {
                    let kept = self.secrets.entry(key_id.clone());
                    kept.or_insert_with(|| wrapped.clone()).clone()
                };
                return Ok(DoorAnswer::Secrets(secrets.iter().map(keep).collect()));
            }
            DoorWrite::SecretsReplace(secrets) => {
                let mut replaced = 0;
                for it in secrets {
                    if let Some(kept) = self.secrets.get_mut(&it.key_id)
                        && *kept == it.from
                    {
                        kept.clone_from(&it.to);
                        replaced += 1;
                    }
                }
                return Ok(DoorAnswer::Count(replaced));
            }
            DoorWrite::SecretDelete { key_id } => {
                self.secrets.remove(key_id);
            }
            DoorWrite::SecretDestroy { key_id } => {
                self.secrets.remove(key_id);
                self.destroyed.insert(key_id.clone());
            }
            DoorWrite::SessionPut { hash, session } => {
                room(&self.sessions, hash, "sessions", SESSION_ENTRIES)?;
                self.sessions.insert(hash.clone(), session.clone());
            }
            DoorWrite::SessionDelete { hash } => {
                self.sessions.remove(hash);
            }
            DoorWrite::SessionPurge { now_ms } => {
                let before = self.sessions.len();
                self.sessions
                    .retain(|_, session| session.expires_at_ms > *now_ms);
                let gone = before - self.sessions.len();
                return Ok(DoorAnswer::Count(gone as u64));
            }
            DoorWrite::LeaseAcquire { .. }
            | DoorWrite::LeaseRenew { .. }
            | DoorWrite::LeaseRelease { .. } => return self.lease(write),
        }
        Ok(DoorAnswer::Done)
    }

    fn never_destroyed(&self, key_id: &str) -> Result<(), DoorError> {
        match self.destroyed.contains(key_id) {
            true => Err(DoorError::Destroyed(key_id.to_owned())),
            false => Ok(()),
        }
    }

    fn lease(&mut self, write: &DoorWrite) -> Result<DoorAnswer, DoorError> {
        match write {
            DoorWrite::LeaseAcquire {
                name,
                holder,
                expires_at,
                now,
            } => {
                room(&self.leases, name, "leases", DOOR_ENTRIES)?;
                let held = self.leases.get(name);
                if held.is_some_and(|held| held.expires_at > *now && held.holder != *holder) {
                    return Ok(DoorAnswer::Lease(None));
                }
                let lease = Lease {
                    holder: holder.clone(),
                    epoch: held.map_or(1, |held| held.epoch + 1),
                    expires_at: *expires_at,
                };
                self.leases.insert(name.clone(), lease.clone());
                Ok(DoorAnswer::Lease(Some(lease)))
            }
            DoorWrite::LeaseRenew {
                name,
                holder,
                epoch,
                expires_at,
            } => {
                let held = self.held(name, holder, *epoch);
                Ok(DoorAnswer::Lease(held.map(|held| {
                    held.expires_at = *expires_at;
                    held.clone()
                })))
            }
            DoorWrite::LeaseRelease {
                name,
                holder,
                epoch,
            } => {
                if let Some(held) = self.held(name, holder, *epoch) {
                    held.expires_at = 0;
                    // A released lease is nobody's: it cannot be renewed, and its epoch lives on.
                    held.holder.clear();
                }
                Ok(DoorAnswer::Done)
            }
            _ => Ok(DoorAnswer::Done),
        }
    }

    fn held(&mut self, name: &str, holder: &str, epoch: u64) -> Option<&mut Lease> {
        self.leases
            .get_mut(name)
            .filter(|held| held.holder == holder && held.epoch == epoch)
    }
}

fn room<K: Ord, V>(
    map: &BTreeMap<K, V>,
    key: &K,
    what: &'static str,
    limit: usize,
) -> Result<(), DoorError> {
    if map.len() >= limit && !map.contains_key(key) {
        return Err(DoorError::NoRoom { what, limit });
    }
    Ok(())
}
