//! Passwords: hashed and checked with argon2id.
//!
//! For: the one place that sees a password, and the bound on how many are checked at once.
//! May not know: accounts, sessions. It is slow on purpose and runs beside the tasks that carry calls.

use argon2::{
    Algorithm, Argon2, Block, Params, PasswordHasher, Version,
    password_hash::{self, phc::PasswordHash},
};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;
use subtle::ConstantTimeEq;
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
pub(crate) struct Checker {
    turns: Arc<Semaphore>,
    /// Memory of earlier checks, for the next: [`CHECKS_AT_ONCE`] pieces at most, as a rule one. Given back to the allocator
    /// each time, every thread that ever checked a password would keep 19 MiB of its own.
    memory: Arc<Mutex<Vec<Memory>>>,
}

type Memory = Vec<Block>;

impl Checker {
    pub(crate) fn new() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(CHECKS_AT_ONCE)),
            memory: Arc::default(),
        }
    }

    /// Whether the password fits; `hash` is `None` for an unknown name, which takes as long and never fits.
    pub(crate) async fn fits(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Result<bool, Unchecked> {
        let turn = tokio::time::timeout(CHECK_WAIT, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(Unchecked::Busy);
        };
        let kept = Arc::clone(&self.memory);
        let check = tokio::task::spawn_blocking(move || {
            let known = hash.is_some();
            let hash = hash.unwrap_or_else(|| NOBODY.clone());
            let kept = || kept.lock().unwrap_or_else(PoisonError::into_inner);
            let mut memory = kept().pop().unwrap_or_default();
            let fits = password.len() <= PASSWORD_BYTES
                && fits(password.as_bytes(), &hash, &mut memory).unwrap_or(false);
            // A hash that asks for more than ours do is no measure for the next.
            if memory.len() <= Params::default().block_count() {
                kept().push(memory);
            }
            drop(turn);
            known && fits
        });
        check.await.map_err(|_| Unchecked::Busy)
    }
}

/// Whether a password has this PHC string, reckoned in `memory`. Whatever parameters the string names are used.
fn fits(password: &[u8], hash: &str, memory: &mut Memory) -> password_hash::Result<bool> {
    let hash = PasswordHash::new(hash)?;
    let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else {
        return Ok(false);
    };
    let algorithm = Algorithm::try_from(hash.algorithm.as_str())?;
    let version = hash.version.map(Version::try_from).transpose()?;
    let params = Params::try_from(&hash)?;
    memory.resize(params.block_count(), Block::new());
    let mut out = vec![0; expected.len()];
    Argon2::new(algorithm, version.unwrap_or_default(), params).hash_password_into_with_memory(
        password,
        salt,
        &mut out,
        memory.as_mut_slice(),
    )?;
    Ok(out.ct_eq(expected.as_bytes()).into())
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

    /// A shift change of 340 operators once left 19 MiB with each of many threads.
    #[tokio::test(flavor = "multi_thread")]
    async fn many_sign_ins_use_the_memory_of_a_few() {
        let hash = hash_password("right").unwrap();
        let checker = Checker::new();
        let checks = (0..4 * CHECKS_AT_ONCE).map(|n| {
            let plain = if n % 2 == 0 { "right" } else { "wrong" };
            checker.fits(plain.to_owned(), Some(hash.clone()))
        });
        let fits = futures_util::future::join_all(checks).await;
        assert_eq!(
            fits.iter().filter(|it| **it == Ok(true)).count(),
            2 * CHECKS_AT_ONCE
        );
        let kept = checker.memory.lock().unwrap();
        assert!((1..=CHECKS_AT_ONCE).contains(&kept.len()), "{}", kept.len());
    }

    #[test]
    fn a_hash_of_other_parameters_and_of_another_program_is_still_checked() {
        let params = Params::new(64, 2, 1, Some(24)).unwrap();
        let other = Argon2::new(Algorithm::Argon2i, Version::V0x13, params);
        let hash = other
            .hash_password_with_salt(b"right", b"another salt")
            .unwrap();
        let mut memory = Memory::new();
        assert_eq!(fits(b"right", &hash.to_string(), &mut memory), Ok(true));
        assert_eq!(memory.len(), 64);
        assert_eq!(fits(b"wrong", &hash.to_string(), &mut memory), Ok(false));
    }

    #[test]
    fn an_empty_or_endless_password_is_not_hashed() {
        assert_eq!(hash_password(""), Err(PasswordError::Empty));
        let long = "x".repeat(PASSWORD_BYTES + 1);
        assert_eq!(hash_password(&long), Err(PasswordError::TooLong));
    }
}
