//! Passwords: hashed and checked with argon2id.
//!
//! For: the one place that sees a password, and the bound on how many are checked at once.
//! May not know: accounts, sessions. It is slow on purpose and runs beside the tasks that carry calls.

use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Passwords checked at once. One takes 19 MiB and some tens of milliseconds of one core (the parameters are the
/// argon2 crate's, those of the OWASP password storage cheat sheet); calls must not wait behind a shift change.
pub const CHECKS_AT_ONCE: usize = 4;

/// How long a sign-in waits for its turn before it is told to try again.
pub const CHECK_WAIT: Duration = Duration::from_secs(15);

/// Longest password taken, in bytes.
pub const PASSWORD_BYTES: usize = 256;

/// Why a password was not hashed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Nothing was given.
    #[error("a password is empty")]
    Empty,
    /// Longer than [`PASSWORD_BYTES`].
    #[error("a password is longer than {PASSWORD_BYTES} bytes")]
    TooLong,
    /// Ours: the hash function did not work.
    #[error("the password could not be hashed: {0}")]
    Hash(String),
}

/// The argon2id PHC string of a password, with a new salt. Takes tens of milliseconds.
pub fn hash_password(plain: &str) -> Result<String, PasswordError> {
    if plain.is_empty() {
        return Err(PasswordError::Empty);
    }
    if plain.len() > PASSWORD_BYTES {
        return Err(PasswordError::TooLong);
    }
    let salt: [u8; 16] = rand::random();
    let hash = Argon2::default().hash_password_with_salt(plain.as_bytes(), &salt);
    let hash = hash.map_err(|error| PasswordError::Hash(error.to_string()))?;
    Ok(hash.to_string())
}

/// Stands in for the hash of an account that is not there, so that both take as long.
static NOBODY: LazyLock<String> = LazyLock::new(|| {
    let plain = uuid::Uuid::new_v4().to_string();
    hash_password(&plain).unwrap_or_default()
});

/// Why a password was not checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unchecked {
    /// Too many at once.
    Busy,
}

/// Checks passwords, a few at a time.
#[derive(Debug, Clone)]
pub(crate) struct Checker(Arc<Semaphore>);

impl Checker {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(CHECKS_AT_ONCE)))
    }

    /// Whether the password fits; `hash` is `None` for an unknown name, which takes as long and never fits.
    pub(crate) async fn fits(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Result<bool, Unchecked> {
        let turn = tokio::time::timeout(CHECK_WAIT, Arc::clone(&self.0).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(Unchecked::Busy);
        };
        let check = tokio::task::spawn_blocking(move || {
            let known = hash.is_some();
            let hash = hash.unwrap_or_else(|| NOBODY.clone());
            let fits = password.len() <= PASSWORD_BYTES
                && Argon2::default()
                    .verify_password(password.as_bytes(), hash.as_str())
                    .is_ok();
            drop(turn);
            known && fits
        });
        check.await.map_err(|_| Unchecked::Busy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_a_known_name_fits() {
        let hash = hash_password("right").unwrap();
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        let checker = Checker::new();
        let fits = |plain: &str, hash: Option<String>| checker.fits(plain.to_owned(), hash);
        assert_eq!(fits("right", Some(hash.clone())).await, Ok(true));
        assert_eq!(fits("wrong", Some(hash.clone())).await, Ok(false));
        assert_eq!(fits("", Some(hash)).await, Ok(false));
        assert_eq!(fits("right", None).await, Ok(false));
        assert_eq!(fits("right", Some("no hash".to_owned())).await, Ok(false));
    }

    #[test]
    fn an_empty_or_endless_password_is_not_hashed() {
        assert_eq!(hash_password(""), Err(PasswordError::Empty));
        let long = "x".repeat(PASSWORD_BYTES + 1);
        assert_eq!(hash_password(&long), Err(PasswordError::TooLong));
    }
}
