//! First passwords of accounts that an import makes.
//!
//! For: a file only its owner may read, written before the first account is.
//! May not know: who the operators are. Passwords are kept nowhere else; the log gets their argon2id hashes.

use super::Import;
use crate::failure::{Doing, Failure};
use futures_util::{StreamExt, TryStreamExt, stream};
use rand::RngExt;
use std::{
    collections::HashMap,
    fmt::Write as _,
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Letters and digits that nobody mistakes for one another on paper.
const ALPHABET: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// Characters of a first password: 59 bits.
const LENGTH: usize = 12;

/// The hash for each new account; none: no file is written.
pub(super) async fn first(
    args: &Import,
    accounts: Vec<String>,
) -> Result<HashMap<String, String>, Failure> {
    if accounts.is_empty() {
        return Ok(HashMap::new());
    }
    let path = args.passwords.clone().unwrap_or_else(|| beside(&args.file));
    let made: Vec<(String, String)> = accounts.into_iter().map(|it| (it, password())).collect();
    keep(&path, &made)?;
    let (count, shown) = (made.len(), path.display());
    println!("  {count} 个新账号的初始密码在 {shown} (只有本人可读);分发后请删除");
    println!(
        "  first passwords of {count} new accounts: {shown} (readable by you alone); hand them out, then delete it"
    );
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let hashed = stream::iter(made).map(|(account, password)| async move {
        let hash = tokio::task::spawn_blocking(move || console::hash_password(&password));
        let hash = hash.await.doing("hash a password")?;
        Ok::<_, Failure>((account, hash.doing("hash a password")?))
    });
    hashed.buffer_unordered(cores).try_collect().await
}

fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".passwords.csv");
    name.into()
}

fn password() -> String {
    let mut rng = rand::rng();
    let letter = |_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())]);
    (0..LENGTH).map(letter).collect()
}

/// Never over an older file: somebody may not have handed those out yet.
fn keep(path: &Path, made: &[(String, String)]) -> Result<(), Failure> {
    let mut text = String::from("operator,password\n");
    for (account, password) in made {
        let _ = writeln!(text, "{account},{password}");
    }
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    let mut file = file.map_err(|error| {
        Failure::new(format!(
            "初始密码写不进 {path}:{error};用 --passwords 另选一个文件 / cannot write the first passwords to {path}: {error}; choose another file with --passwords",
            path = path.display()
        ))
    })?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .doing("write the first passwords")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn first_passwords_are_private_and_never_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = beside(&dir.path().join("staff.csv"));
        let made = vec![("wang".to_owned(), password())];
        keep(&path, &made).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(std::fs::read_to_string(&path).unwrap().contains(&made[0].1));
        assert!(
            keep(&path, &made)
                .unwrap_err()
                .to_string()
                .contains("--passwords")
        );
        assert_ne!(password(), password());
    }
}
