//! The master key: the key of keys, in a file outside the log's database.
//!
//! For: making it once, reading it again, and the purposes derived from it.
//! May not know: the log; who seals what.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};
use zeroize::{Zeroize, Zeroizing};

/// Largest key file we read, in bytes: 44 characters of base64 and some white space.
const FILE_LIMIT: u64 = 256;

/// 32 secret bytes; wiped when dropped.
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// Why there is no master key, with what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The file is there and holds no key.
    #[error(
        "{} does not hold a master key (one line, 32 bytes in base64); put the right file back from your backup of the key",
        path.display()
    )]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
    /// The file may not be read or made by us.
    #[error("no permission for the master key in {}; make it belong to the user that runs anling", path.display())]
    NoPermission {
        /// The file.
        path: PathBuf,
    },
    /// Anything else, in the operating system's words.
    #[error("could not read or make the master key in {}: {detail}", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// What was said.
        detail: String,
    },
}

impl MasterKey {
    /// A key of these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A new random key; for tests and logs in memory, where nothing outlives the process.
    pub fn random() -> Self {
        Self::from_bytes(rand::random())
    }

    /// Whether it is that one.
    pub fn is(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn copy(&self) -> Self {
        Self(self.0.clone())
    }

    /// Writes the key into a file that only its owner may read, in place of what is there. On disk once this returns.
    pub fn save(&self, path: &Path) -> Result<(), MasterKeyError> {
        let beside = beside(path);
        let text = Zeroizing::new(STANDARD.encode(self.0.as_slice()));
        let done = write(&beside, text)
            .and_then(|()| fs::rename(&beside, path))
            .and_then(|()| File::open(folder(path))?.sync_all());
        if done.is_err() {
            drop(fs::remove_file(&beside));
        }
        done.map_err(|error| explained(path, &error))
    }

    /// Reads the key, or makes a new one with mode 0600 when the file is not there. Keep the file apart from the log:
    /// who has both can read everything, who has only the log can read nothing personal.
    ///
    /// Once a new key is returned it is on disk. Two processes that make it at once get the same.
    pub fn load_or_create(path: &Path) -> Result<Self, MasterKeyError> {
        match Self::load(path) {
            Err(error) if is_missing(&error, path) => {}
            found => return found,
        }
        Self::create(path).map_err(|error| explained(path, &error))?;
        Self::load(path)
    }

    /// Reads the key from a file that must be there.
    pub fn load(path: &Path) -> Result<Self, MasterKeyError> {
        let mut text = Zeroizing::new(String::new());
        let file = File::open(path).map_err(|error| explained(path, &error))?;
        match file.take(FILE_LIMIT).read_to_string(&mut text) {
            Err(error) if error.kind() == ErrorKind::InvalidData => {}
            Err(error) => return Err(explained(path, &error)),
            Ok(_) => warn_if_open(path),
        }
        let not_a_key = || MasterKeyError::NotAKey {
            path: path.to_path_buf(),
        };
        let bytes = Zeroizing::new(STANDARD.decode(text.trim()).map_err(|_| not_a_key())?);
        let bytes: [u8; 32] = bytes.as_slice().try_into().map_err(|_| not_a_key())?;
        Ok(Self::from_bytes(bytes))
    }

    /// Written beside first and linked into place, so that a crash leaves a whole key or none.
    fn create(path: &Path) -> std::io::Result<()> {
        let folder = folder(path);
        fs::create_dir_all(folder)?;
        let beside = beside(path);
        let linked = write_new(&beside).and_then(|()| fs::hard_link(&beside, path));
        let removed = fs::remove_file(&beside);
        match linked {
            // Somebody else was faster; theirs counts.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => removed?,
            other => other.and(removed)?,
        }
        File::open(folder)?.sync_all()
    }

    /// A key for one purpose; none of them tells anything about another.
    pub(crate) fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(hmac(&self.0, &[purpose.as_bytes()]))
    }
}

/// HMAC-SHA256 (RFC 2104) over the parts, each with its length before it.
pub(crate) fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("an HMAC takes a key of any length");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn beside(path: &Path) -> PathBuf {
    folder(path).join(format!(".master-key-{:016x}", rand::random::<u64>()))
}

fn write_new(path: &Path) -> std::io::Result<()> {
    let mut bytes: [u8; 32] = rand::random();
    let text = Zeroizing::new(STANDARD.encode(bytes));
    bytes.zeroize();
    write(path, text)
}

fn write(path: &Path, mut text: Zeroizing<String>) -> std::io::Result<()> {
    text.push('\n');
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn is_missing(error: &MasterKeyError, path: &Path) -> bool {
    matches!(error, MasterKeyError::Other { .. }) && !path.exists()
}

fn explained(path: &Path, error: &std::io::Error) -> MasterKeyError {
    let path = path.to_path_buf();
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            MasterKeyError::NoPermission { path }
        }
        _ => MasterKeyError::Other {
            path,
            detail: error.to_string(),
        },
    }
}

/// Mounted secrets often belong to a group, so this is said and not refused.
fn warn_if_open(path: &Path) {
    let mode = fs::metadata(path).map_or(0, |data| data.permissions().mode());
    if mode & 0o077 != 0 {
        tracing::warn!(
            path = %path.display(),
            "others on this machine may read the master key; `chmod 600` it"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_key_is_read_again_and_is_for_us_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/master.key");
        let made = MasterKey::load_or_create(&path).unwrap();
        let again = MasterKey::load_or_create(&path).unwrap();
        assert_eq!(made.0, again.0);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let files = fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(files, 1, "nothing is left beside it");
    }

    #[test]
    fn a_file_that_holds_no_key_is_left_alone_and_explained() {
        let folder = tempfile::tempdir().unwrap();
        for bytes in [&b""[..], b"hello", b"\xff\xfe", &[b'A'; 4096]] {
            let path = folder.path().join("master.key");
            fs::write(&path, bytes).unwrap();
            let error = MasterKey::load_or_create(&path).unwrap_err();
            assert!(error.to_string().contains("backup"), "{error}");
            assert_eq!(fs::read(&path).unwrap(), bytes);
        }
    }

    #[test]
    fn a_key_never_shows_in_debug_output() {
        let key = MasterKey::from_bytes([0x41; 32]);
        assert_eq!(format!("{key:?}"), "MasterKey(…)");
    }

    #[test]
    fn purposes_get_different_keys() {
        let key = MasterKey::from_bytes([1; 32]);
        assert_ne!(key.derive("wrap"), key.derive("lookup"));
    }
}
