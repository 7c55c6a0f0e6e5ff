//! Another master key, without a byte of the log rewritten.
//!
//! For: wrapping every key anew while they are used, going on after a crash at any moment, and several processes that
//! each hold one of the two master keys meanwhile.
//! May not know: where master keys are kept.
//!
//! As long as a rotation is under way each of the two master keys stands wrapped by the other one beside the keys. So
//! whoever holds either opens everything, and learns the other when a key does not open. When that pair is removed the
//! old master key opens nothing more.

use crate::{
    master::MasterKey,
    vault::{Vault, VaultError, unavailable},
    wrapping::Wrapping,
};
use eventlog::{Lane, Rewrapped, SECRETS_AT_ONCE};
use std::sync::Arc;

/// The new master key, wrapped by the old one.
const NEXT: &str = "$master-next";

/// The old master key, wrapped by the new one.
const PREVIOUS: &str = "$master-previous";

/// Keys that are of a rotation, and of no backup.
pub const OF_ROTATION: [&str; 2] = [NEXT, PREVIOUS];

impl Vault {
    /// The new master key of a rotation that is under way, whichever of the two this vault was opened with.
    pub async fn rotation(&self) -> Result<Option<MasterKey>, VaultError> {
        self.learn().await?;
        let under_way = self.log().secrets().get(NEXT).await.map_err(unavailable)?;
        let current = || self.wrappings().current().master.copy();
        Ok(under_way.map(|_| current()))
    }

    /// Puts every key into a wrapping of `new`, from whichever it is in; says how many were changed. Once this returns
    /// both master keys open everything, here and in other processes, until [`Vault::end_rotation`]. After a crash, or
    /// any error, call it again with the same key.
    pub async fn rotate(
        &self,
        new: &MasterKey,
        mut progress: impl FnMut(u64),
    ) -> Result<u64, VaultError> {
        self.begin_rotation(new).await?;
        let mut changed = 0;
        // Until a whole round finds nothing: another process may have kept a key in the old wrapping meanwhile.
        loop {
            let before = changed;
            changed = self.rewrap_all(before, &mut progress).await?;
            if changed == before {
                return Ok(changed);
            }
        }
    }

    /// Makes the old master key worthless: from now on only the new one opens keys. Every process must have been given
    /// the new one before. Changes nothing where no rotation is under way.
    pub async fn end_rotation(&self) -> Result<(), VaultError> {
        self.learn().await?;
        let mut none = |_| {};
        while self.rewrap_all(0, &mut none).await? > 0 {}
        for name in OF_ROTATION {
            self.log()
                .secrets()
                .delete(name)
                .await
                .map_err(unavailable)?;
        }
        let current = self.wrappings().current();
        self.wrappings().set(current, None);
        Ok(())
    }

    /// Learns the other master key of a rotation that is under way; afterwards the new one wraps.
    pub(crate) async fn learn(&self) -> Result<(), VaultError> {
        self.learn_next().await?;
        let secrets = self.log().secrets();
        let current = self.wrappings().current();
        if self.wrappings().other().is_none()
            && let Some(previous) = secrets.get(PREVIOUS).await.map_err(unavailable)?
            && let Some(bytes) = current.unwrap(PREVIOUS, &previous)
        {
            let previous = Wrapping::of(MasterKey::from_bytes(*bytes));
            self.wrappings().set(current, Some(previous));
        }
        Ok(())
    }

    /// The same, of a vault that holds the old one; before anything new is wrapped.
    pub(crate) async fn learn_next(&self) -> Result<(), VaultError> {
        let next = self.log().secrets().get(NEXT).await.map_err(unavailable)?;
        let current = self.wrappings().current();
        if let Some(bytes) = next.and_then(|next| current.unwrap(NEXT, &next)) {
            let next = Wrapping::of(MasterKey::from_bytes(*bytes));
            self.wrappings().set(next, Some(current));
        }
        Ok(())
    }

    async fn begin_rotation(&self, new: &MasterKey) -> Result<(), VaultError> {
        self.learn().await?;
        let (current, other) = (self.wrappings().current(), self.wrappings().other());
        let secrets = self.log().secrets();
        if current.master.is(new) {
            // Gone on with: the beginning may have broken off before this was kept.
            if let Some(other) = other {
                let previous = current.wrap(PREVIOUS, other.master.bytes());
                let kept = secrets.put(Lane::Urgent, PREVIOUS, previous).await;
                kept.map_err(unavailable)?;
            }
            return Ok(());
        }
        if other.is_some() {
            return Err(VaultError::OtherRotation);
        }
        let new = Wrapping::of(new.copy());
        let next = current.wrap(NEXT, new.master.bytes());
        let kept = secrets.put(Lane::Urgent, NEXT, next.clone()).await;
        if kept.map_err(unavailable)? != next {
            return Err(VaultError::OtherRotation);
        }
        let previous = new.wrap(PREVIOUS, current.master.bytes());
        let kept = secrets.put(Lane::Urgent, PREVIOUS, previous).await;
        kept.map_err(unavailable)?;
        self.wrappings().set(new, Some(current));
        Ok(())
    }

    /// One round over all keys; gives back `done` and how many were changed.
    async fn rewrap_all(
        &self,
        mut done: u64,
        progress: &mut impl FnMut(u64),
    ) -> Result<u64, VaultError> {
        let secrets = self.log().secrets();
        let current = self.wrappings().current();
        let mut after = String::new();
        loop {
            let page = secrets.list(&after, SECRETS_AT_ONCE).await;
            let page = page.map_err(unavailable)?;
            let Some(last) = page.last() else {
                return Ok(done);
            };
            after.clone_from(last);
            let mut stale = Vec::new();
            for name in page {
                if !OF_ROTATION.contains(&name.as_str()) {
                    stale.extend(self.stale(&current, name).await?);
                }
            }
            if !stale.is_empty() {
                done += secrets.replace(stale).await.map_err(unavailable)?;
                progress(done);
            }
        }
    }

    /// The key in its new wrapping; `None` when it is in that already, or was destroyed since it was listed.
    async fn stale(
        &self,
        current: &Arc<Wrapping>,
        key_id: String,
    ) -> Result<Option<Rewrapped>, VaultError> {
        let from = self.log().secrets().get(&key_id).await;
        let Some(from) = from.map_err(unavailable)? else {
            return Ok(None);
        };
        if current.unwrap(&key_id, &from).is_some() {
            return Ok(None);
        }
        let key = self.wrappings().unwrap(&key_id, &from);
        let key = key.ok_or(VaultError::WrongMasterKey)?;
        let to = current.wrap(&key_id, &key);
        Ok(Some(Rewrapped { key_id, from, to }))
    }
}
