//! Who may do what at this door.
//!
//! For: the two kinds of door, open to every program or guarded by our own accounts; credentials proved once and then
//! remembered for a while.
//! May not know: where accounts are kept, how passwords are hashed.

use std::collections::HashMap;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use eventlog::{APPEND_EVENTS, StreamName};
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use uuid::Uuid;

use crate::fault::Fault;
use crate::limits::{AUTHORIZATION_BYTES, CREDENTIALS, CREDENTIALS_FOR, GUARDED_APPEND_EVENTS};

/// Knows the accounts.
pub trait Gate: Send + Sync + 'static {
    /// Whether somebody with this name and password may use this door. Slow: passwords are hashed.
    fn admits<'a>(
        &'a self,
        name: &'a str,
        password: &'a str,
        from: Option<IpAddr>,
    ) -> Pin<Box<dyn Future<Output = Admission> + Send + 'a>>;
}

/// What a gate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// An account that may read here, and write under the prefix.
    Granted,
    /// An account without the role it takes.
    Denied,
    /// Nobody has this name and password.
    Unknown,
    /// Too many are asking; try again in a moment.
    Later,
}

/// What kind of door it is.
#[derive(Clone)]
pub enum Access {
    /// Everybody may do everything; credentials are not looked at.
    Open,
    /// Accounts are asked for, and only streams under a prefix may be changed.
    Guarded {
        /// Knows the accounts.
        gate: Arc<dyn Gate>,
        /// How the names begin of streams that outside programs may change.
        prefix: String,
    },
}

/// The door's keeper.
pub(crate) struct Keeper {
    access: Access,
    /// Part of every key of `proved`, so that what is in memory is of no use elsewhere.
    salt: [u8; 16],
    proved: Mutex<HashMap<[u8; 32], (Caller, Instant)>>,
}

/// What a caller may do; a request carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Gave no credentials where they are asked for.
    Nobody,
    Admitted,
    Denied,
}

impl Keeper {
    pub(crate) fn new(access: Access) -> Self {
        Self {
            access,
            salt: *Uuid::new_v4().as_bytes(),
            proved: Mutex::default(),
        }
    }

    /// Who calls, by the request's headers.
    pub(crate) async fn caller(
        &self,
        headers: &HeaderMap,
        from: Option<IpAddr>,
    ) -> Result<Caller, Fault> {
        let Access::Guarded { gate, .. } = &self.access else {
            return Ok(Caller::Admitted);
        };
        let Some(given) = headers.get(header::AUTHORIZATION) else {
            return Ok(Caller::Nobody);
        };
        let given = given.as_bytes();
        if given.len() > AUTHORIZATION_BYTES {
            return Err(Fault::Unauthenticated);
        }
        let key: [u8; 32] = Sha256::new()
            .chain_update(self.salt)
            .chain_update(given)
            .finalize()
            .into();
        if let Some(caller) = self.remembered(&key) {
            return Ok(caller);
        }
        let (name, password) = basic(given).ok_or(Fault::Unauthenticated)?;
        let caller = match gate.admits(&name, &password, from).await {
            Admission::Granted => Caller::Admitted,
            Admission::Denied => Caller::Denied,
            Admission::Unknown => return Err(Fault::Unauthenticated),
            Admission::Later => return Err(Fault::Busy),
        };
        self.remember(key, caller);
        Ok(caller)
    }

    fn remembered(&self, key: &[u8; 32]) -> Option<Caller> {
        let proved = self.proved.lock().unwrap_or_else(PoisonError::into_inner);
        let (caller, until) = proved.get(key)?;
        (*until > Instant::now()).then_some(*caller)
    }

    fn remember(&self, key: [u8; 32], caller: Caller) {
        let now = Instant::now();
        let mut proved = self.proved.lock().unwrap_or_else(PoisonError::into_inner);
        if proved.len() >= CREDENTIALS {
            proved.retain(|_, (_, until)| *until > now);
        }
        if proved.len() >= CREDENTIALS {
            proved.clear();
        }
        proved.insert(key, (caller, now + CREDENTIALS_FOR));
    }

    /// Most events in one append.
    pub(crate) fn append_events(&self) -> usize {
        match &self.access {
            Access::Open => APPEND_EVENTS,
            Access::Guarded { .. } => GUARDED_APPEND_EVENTS,
        }
    }

    /// Whether the caller may read: everything, sealed as it is.
    pub(crate) fn may_read(&self, caller: Caller) -> Result<(), Fault> {
        match (&self.access, caller) {
            (Access::Open, _) | (_, Caller::Admitted) => Ok(()),
            (_, Caller::Nobody | Caller::Denied) => Err(Fault::AccessDenied),
        }
    }

    /// Whether the caller may change a stream or its metadata.
    pub(crate) fn may_write(&self, caller: Caller, stream: &StreamName) -> Result<(), Fault> {
        self.may_read(caller)?;
        match &self.access {
            Access::Open => Ok(()),
            Access::Guarded { prefix, .. } => {
                let name = stream.as_str();
                let name = name.strip_prefix("$$").unwrap_or(name);
                // A name that is the prefix and nothing more is not under it.
                let under = name.strip_prefix(prefix.as_str());
                under
                    .filter(|rest| !rest.is_empty())
                    .map(drop)
                    .ok_or(Fault::AccessDenied)
            }
        }
    }
}

/// Name and password of the scheme Basic (RFC 7617).
fn basic(given: &[u8]) -> Option<(String, String)> {
    let given = std::str::from_utf8(given).ok()?;
    let (scheme, encoded) = given.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let plain = BASE64_STANDARD.decode(encoded.trim()).ok()?;
    let plain = String::from_utf8(plain).ok()?;
    let (name, password) = plain.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    #[derive(Default)]
    struct Asked(AtomicU32);

    impl Gate for Asked {
        fn admits<'a>(
            &'a self,
            name: &'a str,
            password: &'a str,
            _: Option<IpAddr>,
        ) -> Pin<Box<dyn Future<Output = Admission> + Send + 'a>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            let admission = match (name, password) {
                ("li", "s3cret:x") => Admission::Granted,
                ("wang", _) => Admission::Denied,
                _ => Admission::Unknown,
            };
            Box::pin(async move { admission })
        }
    }

    fn guarded() -> (Arc<Asked>, Keeper) {
        let gate = Arc::new(Asked::default());
        let access = Access::Guarded {
            gate: gate.clone(),
            prefix: "external-".to_owned(),
        };
        (gate, Keeper::new(access))
    }

    fn headers(name_and_password: &str) -> HeaderMap {
        let value = format!("Basic {}", BASE64_STANDARD.encode(name_and_password));
        let value = HeaderValue::from_str(&value).unwrap();
        HeaderMap::from_iter([(header::AUTHORIZATION, value)])
    }

    #[tokio::test(start_paused = true)]
    async fn a_password_is_proved_once_and_again_after_a_while() {
        let (gate, keeper) = guarded();
        for _ in 0..5 {
            let caller = keeper.caller(&headers("li:s3cret:x"), None).await;
            assert_eq!(caller, Ok(Caller::Admitted));
        }
        assert_eq!(gate.0.load(Ordering::Relaxed), 1);
        tokio::time::advance(CREDENTIALS_FOR).await;
        let _ = keeper.caller(&headers("li:s3cret:x"), None).await;
        assert_eq!(gate.0.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_wrong_password_is_never_remembered() {
        let (gate, keeper) = guarded();
        for _ in 0..3 {
            let caller = keeper.caller(&headers("li:wrong"), None).await;
            assert_eq!(caller, Err(Fault::Unauthenticated));
        }
        assert_eq!(gate.0.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn no_more_credentials_are_remembered_than_the_limit() {
        let (_, keeper) = guarded();
        for number in 0..CREDENTIALS + 10 {
            let _ = keeper
                .caller(&headers(&format!("wang:{number}")), None)
                .await;
        }
        assert!(keeper.proved.lock().unwrap().len() <= CREDENTIALS);
    }

    #[test]
    fn an_append_is_shorter_where_presses_are_taken_too() {
        assert_eq!(guarded().1.append_events(), GUARDED_APPEND_EVENTS);
        let alone = Keeper::new(Access::Open).append_events();
        assert!(alone > GUARDED_APPEND_EVENTS);
    }

    #[test]
    fn only_streams_under_the_prefix_may_be_changed() {
        let (_, keeper) = guarded();
        let write = |caller, name: &str| keeper.may_write(caller, &StreamName::new(name).unwrap());
        for name in ["external-a", "$$external-a"] {
            assert_eq!(write(Caller::Admitted, name), Ok(()), "{name}");
            assert_eq!(
                write(Caller::Denied, name),
                Err(Fault::AccessDenied),
                "{name}"
            );
            assert_eq!(
                write(Caller::Nobody, name),
                Err(Fault::AccessDenied),
                "{name}"
            );
        }
        for name in [
            "incident-1",
            "$$incident-1",
            "$settings",
            "$$$settings",
            "$$$$external-a",
            "external-",
            "External-a",
            "externala",
            "$external-a",
        ] {
            assert_eq!(
                write(Caller::Admitted, name),
                Err(Fault::AccessDenied),
                "{name}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_header_is_too_strange(given: Vec<u8>) {
            let _ = basic(&given);
        }
    }
}
