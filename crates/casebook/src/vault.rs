//! Sealing personal data, opening it, and forgetting by destroying a key.
//!
//! For: the one place where personal data turns into [`Sealed`] and back.
//! May not know: what is personal; who may look.
//!
//! One random key per subject, wrapped by the master key and kept by the log's secrets door; `wrapping` has the wrapping,
//! `rotate` another master key. Everything is
//! XChaCha20-Poly1305. A sealed field is bound to key name, stream, event id and field name: copied elsewhere it does
//! not open. The first 8 bytes of its nonce name the very key (a hash of it), the other 16 are random. A name whose key
//! was destroyed never has another; in old logs it may have, and what the first one sealed reads as erased.

use crate::{
    cache::Cache,
    master::{MasterKey, hmac},
    streams::hex,
    wrapping::{Bytes, NONCE_BYTES, Wrappings, cipher},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    XNonce,
    aead::{Aead, Payload},
};
use domain::Sealed;
use eventlog::{DoorError, EventId, Lane, Log, Position, StreamName};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};
use zeroize::Zeroizing;

/// Unwrapped keys kept in memory, in keys: every open incident's resident many times over, and not the whole city.
pub const KEY_CACHE: usize = 10_000;

/// Keys given to the log in one command by [`Vault::keys`].
pub const KEYS_AT_ONCE: usize = 128;

/// The name under which the vault proves that the master key fits; holds no one's key. A key name of a subject always
/// begins with a letter.
pub const CHECK_NAME: &str = "$master-check";

/// The key of [`Vault::hash_lookup`], wrapped as the others are, so that it outlives the master key it began with.
const LOOKUP_NAME: &str = "$lookup";

const KEY_ID_BYTES: usize = 8;

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
    /// Refusal: another master key is being put in place already.
    #[error(
        "a rotation to another master key is under way; run `anling key rotate` without --new-key to go on with that one"
    )]
    OtherRotation,
    /// Refusal: the person was forgotten; nothing is sealed under their name again.
    #[error("{0} was erased: nothing more is written down about them")]
    Erased(String),
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
    wrappings: Wrappings,
    lookup: OnceLock<Bytes>,
    keys: Cache<String, Arc<SubjectKey>>,
}

/// An unwrapped key; wiped when the last holder drops it.
struct SubjectKey {
    bytes: Bytes,
    id: [u8; KEY_ID_BYTES],
}

/// A key just made, and as it is to be kept.
struct Fresh {
    name: String,
    wrapped: Vec<u8>,
    bytes: Bytes,
}

/// The keys of several subjects, in hand: seals without asking the log, on any thread.
pub struct Keys(HashMap<String, SubjectKey>);

impl SubjectKey {
    fn new(bytes: Bytes) -> Self {
        let mut id = [0; KEY_ID_BYTES];
        id.copy_from_slice(&hmac(&bytes, &[b"anling key id 1"])[..KEY_ID_BYTES]);
        Self { bytes, id }
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({})", self.0.len())
    }
}

impl Keys {
    /// Seals a field. [`VaultError::KeyName`]: not one of these keys.
    pub fn seal(
        &self,
        key_name: &str,
        binding: Binding<'_>,
        plain: &[u8],
    ) -> Result<Sealed, VaultError> {
        let key = self.0.get(key_name);
        let key = key.ok_or_else(|| VaultError::KeyName(key_name.to_owned()))?;
        sealed(key_name, key, binding, plain)
    }

    /// Seals a value as JSON.
    pub fn seal_json<T: Serialize>(
        &self,
        key_name: &str,
        binding: Binding<'_>,
        value: &T,
    ) -> Result<Sealed, VaultError> {
        self.seal(key_name, binding, &as_json(value)?)
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault(…)")
    }
}

impl Vault {
    /// Opens the vault of a log, and makes sure that the master key is the one its keys were wrapped with.
    pub async fn open(log: Log, master: MasterKey) -> Result<Self, VaultError> {
        let lookup = master.derive("anling lookup 1");
        let vault = Self(Arc::new(Inner {
            log,
            wrappings: Wrappings::new(master),
            lookup: OnceLock::new(),
            keys: Cache::new(KEY_CACHE),
        }));
        vault.check_master().await?;
        let lookup = vault.own(LOOKUP_NAME, lookup).await?;
        // Nobody else holds the vault yet.
        let _ = vault.0.lookup.set(lookup);
        Ok(vault)
    }

    pub(crate) fn log(&self) -> &Log {
        &self.0.log
    }

    pub(crate) fn wrappings(&self) -> &Wrappings {
        &self.0.wrappings
    }

    /// Seals a field under a subject's key, which is made when there is none.
    pub async fn seal(
        &self,
        key_name: &str,
        binding: Binding<'_>,
        plain: &[u8],
    ) -> Result<Sealed, VaultError> {
        let key = self.key(key_name).await?;
        sealed(key_name, &key, binding, plain)
    }

    /// Seals a value as JSON.
    pub async fn seal_json<T: Serialize>(
        &self,
        key_name: &str,
        binding: Binding<'_>,
        value: &T,
    ) -> Result<Sealed, VaultError> {
        self.seal(key_name, binding, &as_json(value)?).await
    }

    /// Seals many fields, in the order given, making the keys that are missing together.
    pub async fn seal_many(&self, fields: &[ToSeal<'_>]) -> Result<Vec<Sealed>, VaultError> {
        let mut names: Vec<&str> = fields.iter().map(|field| field.key).collect();
        names.sort_unstable();
        names.dedup();
        let keys = self.keys(Lane::Bulk, &names).await?;
        let seal = |field: &ToSeal<'_>| keys.seal(field.key, field.binding, field.plain);
        fields.iter().map(seal).collect()
    }

    /// Opens a sealed field.
    pub async fn open_sealed(
        &self,
        field: &Sealed,
        binding: Binding<'_>,
    ) -> Result<Vec<u8>, Unopened> {
        let key = self.existing(&field.key).await.map_err(unopened)?;
        opened(field, binding, key.as_deref())
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

    /// The same, without the key being kept in memory: for whoever opens many once.
    pub async fn open_json_once<T: DeserializeOwned>(
        &self,
        field: &Sealed,
        binding: Binding<'_>,
    ) -> Result<T, Unopened> {
        let key = match self.0.keys.get(&field.key) {
            Some(key) => Some(key),
            None => self.read_key(&field.key).await.map_err(unopened)?,
        };
        let plain = Zeroizing::new(opened(field, binding, key.as_deref())?);
        serde_json::from_slice(&plain).map_err(|_| Unopened::Tampered)
    }

    /// Makes the keys of these subjects that are missing, many at once, in the bulk lane. Durable once this returns.
    pub async fn create_keys(&self, key_names: &[&str]) -> Result<(), VaultError> {
        self.keys(Lane::Bulk, key_names).await.map(drop)
    }

    /// The keys of many subjects, those that were missing made together in `lane`. Durable once this returns. Most are
    /// taken to be new: keeping one that is there gives that one back, and asking first would only double the work.
    /// They do not enter the memory of keys in use, which a whole city would wash out.
    pub async fn keys(&self, lane: Lane, key_names: &[&str]) -> Result<Keys, VaultError> {
        let mut keys = HashMap::with_capacity(key_names.len());
        for names in key_names.chunks(KEYS_AT_ONCE) {
            self.learn_next().await?;
            let fresh = names.iter().map(|name| self.fresh(name));
            let fresh: Vec<Fresh> = fresh.collect::<Result<_, _>>()?;
            let put = fresh.iter().map(|it| (it.name.clone(), it.wrapped.clone()));
            let kept = self.0.log.secrets().put_many(lane, put.collect()).await;
            for (fresh, kept) in fresh.into_iter().zip(kept.map_err(unavailable)?) {
                keys.insert(fresh.name.clone(), self.settled(fresh, &kept).await?);
            }
        }
        Ok(Keys(keys))
    }

    /// A new key for a subject, not kept yet.
    fn fresh(&self, name: &str) -> Result<Fresh, VaultError> {
        check_name(name)?;
        let bytes = Zeroizing::new(rand::random());
        let wrapped = self.0.wrappings.current().wrap(name, &bytes);
        let name = name.to_owned();
        Ok(Fresh {
            name,
            wrapped,
            bytes,
        })
    }

    /// The subject's key, once the log has said which one it keeps.
    async fn settled(&self, fresh: Fresh, kept: &[u8]) -> Result<SubjectKey, VaultError> {
        let bytes = match kept == fresh.wrapped {
            true => fresh.bytes,
            false => self.unwrap(&fresh.name, kept).await?,
        };
        Ok(SubjectKey::new(bytes))
    }

    /// Destroys a subject's key: nothing sealed under it opens again, here or in any copy of the log, and nothing more is
    /// sealed under the name. Durable once this returns.
    pub async fn forget(&self, key_name: &str) -> Result<(), VaultError> {
        let destroyed = self.0.log.secrets().destroy(key_name).await;
        self.forget_cached(key_name);
        destroyed.map_err(unavailable)
    }

    /// Names of destroyed keys after `after`, in order, at most `limit`.
    pub async fn forgotten(&self, after: &str, limit: usize) -> Result<Vec<String>, VaultError> {
        let names = self.0.log.secrets().destroyed(after, limit).await;
        names.map_err(unavailable)
    }

    /// Drops a key from this process's memory, after another process destroyed it.
    pub fn forget_cached(&self, key_name: &str) {
        self.0.keys.remove(&key_name.to_owned());
    }

    /// A keyed hash of a text, in hexadecimal: finds equal texts (a telephone number) without keeping them. `domain_sep`
    /// tells kinds of texts apart. Whoever has no master key cannot try all numbers.
    pub fn hash_lookup(&self, domain_sep: &str, text: &str) -> String {
        let parts = [domain_sep.as_bytes(), text.as_bytes()];
        let key = self
            .0
            .lookup
            .get()
            .expect("set before the vault is handed out");
        hex(&hmac(key, &parts))
    }

    /// The subject's key; made when there is none.
    async fn key(&self, name: &str) -> Result<Arc<SubjectKey>, VaultError> {
        check_name(name)?;
        if let Some(key) = self.existing(name).await? {
            return Ok(key);
        }
        let removals = self.0.keys.removals();
        // A rotation may have begun elsewhere: what is wrapped now must open afterwards.
        self.learn_next().await?;
        let fresh = self.fresh(name)?;
        // Whoever asks at the same moment may be first; the one that is kept counts.
        let secrets = self.0.log.secrets();
        let kept = secrets.put(Lane::Urgent, name, fresh.wrapped.clone()).await;
        let key = self.settled(fresh, &kept.map_err(unavailable)?).await?;
        Ok(self.keep(removals, name.to_owned(), Arc::new(key)))
    }

    async fn existing(&self, name: &str) -> Result<Option<Arc<SubjectKey>>, VaultError> {
        if let Some(key) = self.0.keys.get(&name.to_owned()) {
            return Ok(Some(key));
        }
        let removals = self.0.keys.removals();
        let key = self.read_key(name).await?;
        Ok(key.map(|key| self.keep(removals, name.to_owned(), key)))
    }

    async fn read_key(&self, name: &str) -> Result<Option<Arc<SubjectKey>>, VaultError> {
        let wrapped = self.0.log.secrets().get(name).await.map_err(unavailable)?;
        let Some(wrapped) = wrapped else {
            return Ok(None);
        };
        let key = SubjectKey::new(self.unwrap(name, &wrapped).await?);
        Ok(Some(Arc::new(key)))
    }

    fn keep(&self, removals: u64, name: String, key: Arc<SubjectKey>) -> Arc<SubjectKey> {
        self.0.keys.put_since(removals, name, Arc::clone(&key));
        key
    }

    /// Whether a wrapped key of this name, brought from elsewhere, opens here.
    pub async fn fits(&self, name: &str, wrapped: &[u8]) -> bool {
        self.unwrap(name, wrapped).await.is_ok()
    }

    async fn unwrap(&self, name: &str, wrapped: &[u8]) -> Result<Bytes, VaultError> {
        if let Some(key) = self.0.wrappings.unwrap(name, wrapped) {
            return Ok(key);
        }
        self.learn().await?;
        let key = self.0.wrappings.unwrap(name, wrapped);
        key.ok_or(VaultError::WrongMasterKey)
    }

    /// A key of the vault's own: the one that is kept, else this one.
    async fn own(&self, name: &str, key: Bytes) -> Result<Bytes, VaultError> {
        let secrets = self.0.log.secrets();
        if let Some(kept) = secrets.get(name).await.map_err(unavailable)? {
            return self.unwrap(name, &kept).await;
        }
        let wrapped = self.0.wrappings.current().wrap(name, &key);
        let kept = secrets.put(Lane::Urgent, name, wrapped).await;
        self.unwrap(name, &kept.map_err(unavailable)?).await
    }

    /// A log that has keys has this one too, unless it was written before there was a check; then any key will do.
    async fn check_master(&self) -> Result<(), VaultError> {
        let secrets = self.0.log.secrets();
        let first = secrets.list("", 1).await.map_err(unavailable)?.pop();
        match &first {
            None if self.0.log.head() > Position::START => tracing::error!(
                "the keys' store is empty: nobody's name or address can be read; `anling key restore` puts a backup of keys back"
            ),
            Some(first) if first != CHECK_NAME => {
                let wrapped = secrets.get(first).await.map_err(unavailable)?;
                if let Some(wrapped) = wrapped {
                    self.unwrap(first, &wrapped).await?;
                }
            }
            _ => {}
        }
        let check = Zeroizing::new(rand::random());
        self.own(CHECK_NAME, check).await.map(drop)
    }
}

fn check_name(name: &str) -> Result<(), VaultError> {
    if name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return Ok(());
    }
    Err(VaultError::KeyName(name.to_owned()))
}

fn as_json<T: Serialize>(value: &T) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let json = serde_json::to_vec(value);
    let json = json.map_err(|error| VaultError::Unencodable(error.to_string()))?;
    Ok(Zeroizing::new(json))
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

/// Nonce and cipher text; `None`: somebody made them up.
fn well_formed(field: &Sealed) -> Option<([u8; NONCE_BYTES], Vec<u8>)> {
    let nonce = STANDARD.decode(&field.nonce).ok()?.try_into().ok()?;
    Some((nonce, STANDARD.decode(&field.boxed).ok()?))
}

/// The text of a field, with the key that is kept under its name.
fn opened(
    field: &Sealed,
    binding: Binding<'_>,
    key: Option<&SubjectKey>,
) -> Result<Vec<u8>, Unopened> {
    let (nonce, boxed) = well_formed(field).ok_or(Unopened::Tampered)?;
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

pub(crate) fn unavailable(error: DoorError) -> VaultError {
    match error {
        DoorError::Destroyed(name) => VaultError::Erased(name),
        error => VaultError::Unavailable(error.to_string()),
    }
}

/// A wrapped key that does not unwrap leaves its fields closed, and nobody was forgotten.
fn unopened(error: VaultError) -> Unopened {
    Unopened::Unavailable(error.to_string())
}
