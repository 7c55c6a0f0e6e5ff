//! The lock that keeps a second writer out of a folder.
//!
//! For: exactly one writing process per folder, ended by the operating system when the process ends, however it ends.
//! May not know: the log. The file's mere presence means nothing; only the lock held on it does.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::error::OpenError;

/// Held as long as this value lives.
#[derive(Debug)]
pub struct FolderLock {
    file: File,
}

impl FolderLock {
    /// Takes the lock on `DIR/writer.lock` and writes our process number into it, for the other's message only.
    pub fn take(dir: &Path) -> Result<Self, OpenError> {
        let path = dir.join("writer.lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| OpenError::from_io(&path, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::InUse {
                    dir: dir.to_path_buf(),
                    pid: holder(&mut file),
                });
            }
            Err(TryLockError::Error(error)) => return Err(OpenError::from_io(&path, &error)),
        }
        sign(&mut file).map_err(|error| OpenError::from_io(&path, &error))?;
        Ok(Self { file })
    }
}

impl Drop for FolderLock {
    /// Lets it go for every copy of the file: a child that this process is just starting has all its files open until it runs
    /// a program of its own, and closing ours alone would leave the lock with that one.
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "the folder's lock ends with its file only");
        }
    }
}

/// Says whether nobody writes to the folder now; takes the lock and lets it go again.
pub fn check_unlocked(dir: &Path) -> Result<(), OpenError> {
    FolderLock::take(dir).map(drop)
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn sign(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(file, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_taker_is_told_who_holds_it_until_it_is_let_go() {
        let dir = tempfile::tempdir().unwrap();
        let held = FolderLock::take(dir.path()).unwrap();
        let refused = FolderLock::take(dir.path()).unwrap_err().to_string();
        assert!(
            refused.contains(&format!("pid {}", std::process::id())),
            "{refused}"
        );
        assert!(
            refused.contains("choose another --data folder"),
            "{refused}"
        );
        let childs = held.file.try_clone().unwrap();
        drop(held);
        FolderLock::take(dir.path()).unwrap();
        drop(childs);
    }
}
