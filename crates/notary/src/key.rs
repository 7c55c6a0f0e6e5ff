//! The signing key's file.
//!
//! For: making the key at the first start, readable by its owner only, and never writing over one.
//! May not know: where the file is, what is signed.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ring::rand::{SecureRandom, SystemRandom};

use crate::note::{NoteError, Signer};

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The operating system's word.
    #[error("the notary's key {} could not be used: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        error: io::Error,
    },
    /// It can be read by others; what it signs would prove nothing.
    #[error("the notary's key {} can be read by others; make it private: chmod 600", path.display())]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// It holds something else.
    #[error("{} does not hold the notary's key ({error}); put it back from your backup of the key", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: NoteError,
    },
    /// The machine gave no randomness.
    #[error("the machine gave no randomness for a new key")]
    NoRandomness,
}

/// Reads the key; `None` when there is no file.
pub fn load(path: &Path) -> Result<Option<Signer>, KeyError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(path, error)),
    };
    let mode = fs::metadata(path).map_err(|error| failed(path, error))?;
    if mode.permissions().mode() & 0o077 != 0 {
        let path = path.to_path_buf();
        return Err(KeyError::Open { path });
    }
    let signer = Signer::parse(&text).map_err(|error| KeyError::Damaged {
        path: path.to_path_buf(),
        error,
    })?;
    Ok(Some(signer))
}

/// Reads the key, or makes one for a log that none has signed for yet; `name` is the log's.
pub fn load_or_create(path: &Path, name: &str) -> Result<Signer, KeyError> {
    if let Some(signer) = load(path)? {
        return Ok(signer);
    }
    let mut seed = [0; 32];
    let random = SystemRandom::new().fill(&mut seed);
    random.map_err(|_| KeyError::NoRandomness)?;
    let signer = Signer::from_seed(name, seed).map_err(|error| KeyError::Damaged {
        path: path.to_path_buf(),
        error,
    })?;
    write_private(path, signer.to_private_text().as_bytes())
        .map_err(|error| failed(path, error))?;
    Ok(signer)
}

/// Written beside and put into place, so that a crash leaves a whole key or none.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn failed(path: &Path, error: io::Error) -> KeyError {
    let path = path.to_path_buf();
    KeyError::Io { path, error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notary.key");
        assert!(load(&path).unwrap().is_none());
        let made = load_or_create(&path, "anling/a").unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = load_or_create(&path, "anling/b").unwrap();
        assert_eq!(made.verifier(), again.verifier());
    }

    #[test]
    fn a_key_that_others_can_read_or_that_is_damaged_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notary.key");
        load_or_create(&path, "anling/a").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(load(&path), Err(KeyError::Open { .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "PRIVATE+KEY+a+00000000+AA==").unwrap();
        let refused = load(&path).unwrap_err().to_string();
        assert!(refused.contains("backup"), "{refused}");
    }
}
