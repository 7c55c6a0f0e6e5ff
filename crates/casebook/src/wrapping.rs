//! Keys inside other keys: how a subject's key is wrapped by the master key.
//!
//! For: wrapping and unwrapping under every master key that is known, one after a rotation and two during one.
//! May not know: whose keys they are; where they are kept.

use crate::master::MasterKey;
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use std::sync::{Arc, PoisonError, RwLock};
use zeroize::Zeroizing;

pub(crate) const NONCE_BYTES: usize = 24;
const WRAP_FORMAT: u8 = 1;

/// A key's bytes; wiped when dropped.
pub(crate) type Bytes = Zeroizing<[u8; 32]>;

/// A master key at work.
pub(crate) struct Wrapping {
    pub(crate) master: MasterKey,
    key: Bytes,
}

impl Wrapping {
    pub(crate) fn of(master: MasterKey) -> Arc<Self> {
        let key = master.derive("anling wrap 1");
        Arc::new(Self { master, key })
    }

    /// A key as it is kept; its name is bound in.
    pub(crate) fn wrap(&self, name: &str, key: &[u8; 32]) -> Vec<u8> {
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let payload = Payload {
            msg: key,
            aad: name.as_bytes(),
        };
        let boxed = cipher(&self.key)
            .encrypt(&XNonce::from(nonce), payload)
            .expect("32 bytes are far below the cipher's limit");
        [&[WRAP_FORMAT][..], &nonce, &boxed].concat()
    }

    /// `None`: wrapped by another master key, under another name, or changed.
    pub(crate) fn unwrap(&self, name: &str, wrapped: &[u8]) -> Option<Bytes> {
        let (format, rest) = wrapped.split_first()?;
        let (nonce, boxed) = rest
            .split_first_chunk::<NONCE_BYTES>()
            .filter(|_| *format == WRAP_FORMAT)?;
        let payload = Payload {
            msg: boxed,
            aad: name.as_bytes(),
        };
        let key = cipher(&self.key).decrypt(&XNonce::from(*nonce), payload);
        let key = Zeroizing::new(key.ok()?);
        let bytes: [u8; 32] = key.as_slice().try_into().ok()?;
        Some(Zeroizing::new(bytes))
    }
}

/// The master keys in hand: one that wraps, and during a rotation another that still opens.
pub(crate) struct Wrappings(RwLock<(Arc<Wrapping>, Option<Arc<Wrapping>>)>);

impl Wrappings {
    pub(crate) fn new(master: MasterKey) -> Self {
        Self(RwLock::new((Wrapping::of(master), None)))
    }

    /// The one that wraps.
    pub(crate) fn current(&self) -> Arc<Wrapping> {
        Arc::clone(&self.read().0)
    }

    /// The other one.
    pub(crate) fn other(&self) -> Option<Arc<Wrapping>> {
        self.read().1.clone()
    }

    pub(crate) fn set(&self, current: Arc<Wrapping>, other: Option<Arc<Wrapping>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = (current, other);
    }

    pub(crate) fn unwrap(&self, name: &str, wrapped: &[u8]) -> Option<Bytes> {
        let other = || self.other()?.unwrap(name, wrapped);
        self.current().unwrap(name, wrapped).or_else(other)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, (Arc<Wrapping>, Option<Arc<Wrapping>>)> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn cipher(key: &[u8; 32]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.into())
}
