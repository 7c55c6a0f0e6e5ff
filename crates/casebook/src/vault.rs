//! Sealing personal data, opening it, and forgetting by destroying a key.
//!
//! For: the one place where personal data turns into [`Sealed`] and back.
//! May not know: what is personal; who may look.
//!
//! One random key per subject, wrapped by the master key and kept by the log's secrets door. Everything is
//! XChaCha20-Poly1305. A sealed field is bound to key name, stream, event id and field name: copied elsewhere it does
//! not open. The first 8 bytes of its nonce name the very key (a hash of it), the other 16 are random: after a key was
//! destroyed and one of the same name made anew, old fields read as erased and not as tampered with.

use crate::{
    cache::Cache,
    master::{MasterKey, hmac},
    streams::hex,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use domain::Sealed;
use eventlog::{DoorError, EventId, Lane, Log, StreamName};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Serialize, de::DeserializeOwned};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Unwrapped keys kept in memory, in keys: every open incident's resident many times over, and not the whole city.
pub const KEY_CACHE: usize = 10_000;

/// Keys made at once by [`Vault::create_keys`]: enough to fill the log's group commits.
pub const KEYS_AT_ONCE: usize = 256;

/// The name under which the vault proves that the master key fits; holds no one's key. A key name of a subject always
/// begins with a letter.
pub const CHECK_NAME: &str = "$master-check";

const NONCE_BYTES: usize = 24;
const KEY_ID_BYTES: usize = 8;
const WRAP_FORMAT: u8 = 1;

/// Where a sealed field stands; it opens nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding<'a> {
    /// The event's stream.
    pub stream: &'a StreamName,
    /// The event's id.
    pub event: EventId,
    /// The field's name, e.g. `profile`.
    pub field: &'a str,
}

/// One field for [`Vault::seal_many`].
#[derive(Debug, Clone, Copy)]
pub struct ToSeal<'a> {
    /// The key's name: the subject.
    pub key: &'a str,
    /// Where it will stand.
    pub binding: Binding<'a>,
    /// What is to be sealed.
    pub plain: &'a [u8],
}

/// Why nothing was sealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The master key is not the one that wrapped this log's keys.
    #[error(
        "the master key does not fit the keys in this log; put back the key file this log was written with (from the backup of the key), or choose another --data folder"
    )]
    WrongMasterKey,
    /// Malformed: not a subject's key name.
    #[error("{0:?} cannot name a key")]
    KeyName(String),
    /// Malformed: does not become JSON.
    #[error("not sealed: {0}")]
    Unencodable(String),
    /// Unavailable: the log did not answer. Try again.
    #[error("the vault could not be used: {0}")]
    Unavailable(String),
}

/// Why a sealed field does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unopened {
    /// The key was destroyed: the person was forgotten.
    #[error("this was erased")]
    Erased,
    /// It is not what was sealed here: changed, or copied from elsewhere.
    #[error("a sealed field was changed or moved")]
    Tampered,
    /// Unavailable: the log did not answer. Try again.
    #[error("the vault could not be used: {0}")]
    Unavailable(String),
}

/// Seals and opens; clones are the same vault.
#[derive(Clone)]
pub struct Vault(Arc<Inner>);

struct Inner {
    log: Log,
    wrapping: Zeroizing<[u8; 32]>,
    lookup: Zeroizing<[u8; 32]>,
    keys: Cache<String, Arc<SubjectKey>>,
}

/// An unwrapped key; wiped when the last holder drops it.
struct SubjectKey {
    bytes: Zeroizing<[u8; 32]>,
    id: [u8; KEY_ID_BYTES],
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault(…)")
    }
}

impl Vault {
    /// Opens the vault of a log, and makes sure that the master key is the one its keys were wrapped with.
    pub async fn open(log: Log, master: MasterKey) -> Result<Self, VaultError> {
        let vault = Self(Arc::new(Inner {
            log,
            wrapping: master.derive("anling wrap 1"),
            lookup: master.derive("anling lookup 1"),
            keys: Cache::new(KEY_CACHE),
        }));
        vault.check_master().await?;
        Ok(vault)
    }

    /// Seals a field under a subject's key, which is made when there is none.
    pub async fn seal(
        &self,
        key_name: &str,
        binding: Binding<'_>,
        plain: &[u8],
    ) -> Result<Sealed, VaultError> {
        let key = self.key(Lane::Urgent, key_name).await?;
        sealed(key_name, &key, binding, plain)
    }

    /// Seals a value as JSON.
    pub async fn seal_json<T: Serialize>(
        &self,
        key_name: &str,
        binding: Binding<'_>,
        value: &T,
    ) -> Result<Sealed, VaultError> {
        let json = serde_json::to_vec(value);
        let json = json.map_err(|error| VaultError::Unencodable(error.to_string()))?;
        self.seal(key_name, binding, &Zeroizing::new(json)).await
    }

    /// Seals many fields, in the order given, making the keys that are missing together.
    pub async fn seal_many(&self, fields: &[ToSeal<'_>]) -> Result<Vec<Sealed>, VaultError> {
        let mut names: Vec<&str> = fields.iter().map(|field| field.key).collect();
        names.sort_unstable();
        names.dedup();
        self.create_keys(&names).await?;
        let mut done = Vec::with_capacity(fields.len());
        for field in fields {
            done.push(self.seal(field.key, field.binding, field.plain).await?);
        }
        Ok(done)
    }

    /// Opens a sealed field.
    pub async fn open_sealed(
        &self,
        field: &Sealed,
        binding: Binding<'_>,
    ) -> Result<Vec<u8>, Unopened> {
        let nonce = STANDARD.decode(&field.nonce).ok();
        let nonce: Option<[u8; NONCE_BYTES]> = nonce.and_then(|it| it.try_into().ok());
        let boxed = STANDARD.decode(&field.boxed).ok();
        let (nonce, boxed) = nonce.zip(boxed).ok_or(Unopened::Tampered)?;
        let key = self.existing(&field.key).await.map_err(unopened)?;
        let key = key.ok_or(Unopened::Erased)?;
        if nonce[..KEY_ID_BYTES] != key.id {
            return Err(Unopened::Erased);
        }
        let payload = Payload {
            msg: &boxed,
            aad: &bound(&field.key, binding),
        };
        let plain = cipher(&key.bytes).decrypt(&XNonce::from(nonce), payload);
        plain.map_err(|_| Unopened::Tampered)
    }

    /// Opens a field sealed with [`Vault::seal_json`].
    pub async fn open_json<T: DeserializeOwned>(
        &self,
        field: &Sealed,
        binding: Binding<'_>,
    ) -> Result<T, Unopened> {
        let plain = Zeroizing::new(self.open_sealed(field, binding).await?);
        serde_json::from_slice(&plain).map_err(|_| Unopened::Tampered)
    }

    /// Makes the keys of these subjects that are missing, many at once, in the bulk lane. Durable once this returns.
    pub async fn create_keys(&self, key_names: &[&str]) -> Result<(), VaultError> {
        stream::iter(key_names.iter().map(|name| self.key(Lane::Bulk, name)))
            .buffer_unordered(KEYS_AT_ONCE)
            .try_for_each(|_| async { Ok(()) })
            .await
    }

    /// Destroys a subject's key: nothing sealed under it opens again, here or in any copy of the log made later.
    /// Durable once this returns. Something sealed under the name afterwards gets a new key.
    pub async fn forget(&self, key_name: &str) -> Result<(), VaultError> {
        let name = key_name.to_owned();
        let deleted = self.0.log.secrets().delete(key_name).await;
        self.0.keys.remove(&name);
        deleted.map_err(unavailable)
    }

    /// Drops a key from this process's memory, after another process destroyed it.
    pub fn forget_cached(&self, key_name: &str) {
        self.0.keys.remove(&key_name.to_owned());
    }

    /// A keyed hash of a text, in hexadecimal: finds equal texts (a telephone number) without keeping them. `domain_sep`
    /// tells kinds of texts apart. Whoever has no master key cannot try all numbers.
    pub fn hash_lookup(&self, domain_sep: &str, text: &str) -> String {
        let parts = [domain_sep.as_bytes(), text.as_bytes()];
        hex(&hmac(&self.0.lookup, &parts))
    }

    /// The subject's key; made when there is none.
    async fn key(&self, lane: Lane, name: &str) -> Result<Arc<SubjectKey>, VaultError> {
        if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return Err(VaultError::KeyName(name.to_owned()));
        }
        // In bulk most keys are new, and keeping one that is there already gives that one back: asking first would only
        // double the work.
        let existing = match lane {
            Lane::Urgent => self.existing(name).await?,
            Lane::Bulk => self.0.keys.get(&name.to_owned()),
        };
        if let Some(key) = existing {
            return Ok(key);
        }
        let removals = self.0.keys.removals();
        let wrapped = self.wrap(name, &Zeroizing::new(rand::random()));
        // Whoever asks at the same moment may be first; the one that is kept counts.
        let kept = self.0.log.secrets().put(lane, name, wrapped).await;
        self.keep(removals, name, &kept.map_err(unavailable)?)
    }

    async fn existing(&self, name: &str) -> Result<Option<Arc<SubjectKey>>, VaultError> {
        if let Some(key) = self.0.keys.get(&name.to_owned()) {
            return Ok(Some(key));
        }
        let removals = self.0.keys.removals();
        let wrapped = self.0.log.secrets().get(name).await.map_err(unavailable)?;
        wrapped
            .map(|wrapped| self.keep(removals, name, &wrapped))
            .transpose()
    }

    fn keep(
        &self,
        removals: u64,
        name: &str,
        wrapped: &[u8],
    ) -> Result<Arc<SubjectKey>, VaultError> {
        let bytes = self.unwrap(name, wrapped)?;
        let mut id = [0; KEY_ID_BYTES];
        id.copy_from_slice(&hmac(&bytes, &[b"anling key id 1"])[..KEY_ID_BYTES]);
        let key = Arc::new(SubjectKey { bytes, id });
        let cached = Arc::clone(&key);
        self.0.keys.put_since(removals, name.to_owned(), cached);
        Ok(key)
    }

    fn wrap(&self, name: &str, key: &[u8; 32]) -> Vec<u8> {
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let payload = Payload {
            msg: key,
            aad: name.as_bytes(),
        };
        let boxed = cipher(&self.0.wrapping)
            .encrypt(&XNonce::from(nonce), payload)
            .expect("32 bytes are far below the cipher's limit");
        [&[WRAP_FORMAT][..], &nonce, &boxed].concat()
    }

    fn unwrap(&self, name: &str, wrapped: &[u8]) -> Result<Zeroizing<[u8; 32]>, VaultError> {
        let wrong = || VaultError::WrongMasterKey;
        let (format, rest) = wrapped.split_first().ok_or_else(wrong)?;
        let (nonce, boxed) = rest
            .split_first_chunk::<NONCE_BYTES>()
            .filter(|_| *format == WRAP_FORMAT)
            .ok_or_else(wrong)?;
        let payload = Payload {
            msg: boxed,
            aad: name.as_bytes(),
        };
        let key = cipher(&self.0.wrapping).decrypt(&XNonce::from(*nonce), payload);
        let key = Zeroizing::new(key.map_err(|_| wrong())?);
        let bytes: [u8; 32] = key.as_slice().try_into().map_err(|_| wrong())?;
        Ok(Zeroizing::new(bytes))
    }

    /// A log that has keys has this one too, unless it was written before there was a check; then any key will do.
    async fn check_master(&self) -> Result<(), VaultError> {
        let secrets = self.0.log.secrets();
        let mut name = CHECK_NAME.to_owned();
        let mut wrapped = secrets.get(&name).await.map_err(unavailable)?;
        if wrapped.is_none()
            && let Some(first) = secrets.list("", 1).await.map_err(unavailable)?.pop()
        {
            wrapped = secrets.get(&first).await.map_err(unavailable)?;
            name = first;
        }
        if let Some(wrapped) = &wrapped {
            self.unwrap(&name, wrapped)?;
        }
        if wrapped.is_none() || name != CHECK_NAME {
            let check = self.wrap(CHECK_NAME, &Zeroizing::new(rand::random()));
            let kept = secrets
                .put(Lane::Urgent, CHECK_NAME, check)
                .await
                .map_err(unavailable)?;
            self.unwrap(CHECK_NAME, &kept)?;
        }
        Ok(())
    }
}

fn sealed(
    key_name: &str,
    key: &SubjectKey,
    binding: Binding<'_>,
    plain: &[u8],
) -> Result<Sealed, VaultError> {
    let mut nonce: [u8; NONCE_BYTES] = rand::random();
    nonce[..KEY_ID_BYTES].copy_from_slice(&key.id);
    let payload = Payload {
        msg: plain,
        aad: &bound(key_name, binding),
    };
    let boxed = cipher(&key.bytes)
        .encrypt(&XNonce::from(nonce), payload)
        .map_err(|_| VaultError::Unencodable("the text is too long for the cipher".to_owned()))?;
    Ok(Sealed {
        key: key_name.to_owned(),
        nonce: STANDARD.encode(nonce),
        boxed: STANDARD.encode(boxed),
    })
}

fn cipher(key: &[u8; 32]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.into())
}

/// What the cipher authenticates beside the text; each part has its length before it, so that no two bindings agree.
fn bound(key_name: &str, binding: Binding<'_>) -> Vec<u8> {
    let parts = [
        b"anling seal 1".as_slice(),
        key_name.as_bytes(),
        binding.stream.as_str().as_bytes(),
        binding.event.0.as_bytes(),
        binding.field.as_bytes(),
    ];
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

fn unavailable(error: DoorError) -> VaultError {
    VaultError::Unavailable(error.to_string())
}

/// A wrapped key that does not unwrap leaves its fields closed, and nobody was forgotten.
fn unopened(error: VaultError) -> Unopened {
    Unopened::Unavailable(error.to_string())
}
