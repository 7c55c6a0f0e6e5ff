//! The porter at the console's outer door: notices in whose name a person has a phone page.
//!
//! For: the cast, which leaves a responder alone whose phone somebody holds, or is about to scan the code for.
//! May not know: what is said on the phone. Whose a session is, it asks the console's own door; the cast comes in by
//! another one and is never met here.

use axum::{
    Router,
    body::{Body, Bytes, HttpBody, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, header},
    middleware::{self, Next},
    response::Response,
};
use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;
use wire::console::{PhoneLinkIn, Session};

/// How long somebody who was shown a code has for scanning it, before the cast goes on. Ours: to find the telephone.
const SCANNED_WITHIN: Duration = Duration::from_secs(120);
/// Phones remembered; more than a demo sees.
const PHONES_LIMIT: usize = 256;
/// The console's own bound for a body, in bytes.
const BODY_LIMIT: usize = 64 * 1024;

/// Responders whose phone is a person's.
#[derive(Debug, Clone, Default)]
pub(crate) struct Phones(Arc<Mutex<HashMap<u64, Phone>>>);

#[derive(Debug)]
struct Phone {
    responder: String,
    until: Instant,
}

impl Phones {
    /// Whether a person holds this responder's phone.
    pub(crate) fn hold(&self, responder: &str) -> bool {
        let now = Instant::now();
        let phones = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = |phone: &Phone| phone.responder == responder && phone.until > now;
        phones.values().any(held)
    }

    fn take(&self, key: u64, responder: String, lasts: Duration) {
        let now = Instant::now();
        let until = now + lasts;
        let mut phones = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        phones.retain(|_, phone| phone.until > now);
        if phones.len() < PHONES_LIMIT || phones.contains_key(&key) {
            phones.insert(key, Phone { responder, until });
        }
    }

    fn leave(&self, key: u64) {
        let mut phones = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        phones.remove(&key);
    }
}

/// The porter.
#[derive(Clone)]
pub(crate) struct Porter {
    phones: Phones,
    /// Where it asks.
    console: Arc<str>,
    client: reqwest::Client,
    /// Sessions are known by a hash: nobody's token is kept.
    hashes: RandomState,
}

impl Porter {
    /// One who asks at `console`.
    pub(crate) fn new(console: &str) -> Porter {
        Porter {
            phones: Phones::default(),
            console: Arc::from(console),
            client: reqwest::Client::new(),
            hashes: RandomState::new(),
        }
    }

    /// What is noticed.
    pub(crate) fn phones(&self) -> Phones {
        self.phones.clone()
    }

    /// The same routes, with the porter before them.
    pub(crate) fn before(self, router: Router) -> Router {
        router.layer(middleware::from_fn_with_state(self, notice))
    }

    fn session(&self, headers: &HeaderMap) -> Option<u64> {
        let said = headers.get(header::AUTHORIZATION);
        let said = said.or_else(|| headers.get(header::COOKIE))?;
        Some(self.hashes.hash_one(said.as_bytes()))
    }

    fn code(&self, responder: &str) -> u64 {
        self.hashes.hash_one(("code", responder))
    }

    /// Asks whose session this is, and remembers a responder's.
    async fn ask(self, headers: HeaderMap) -> Option<()> {
        let key = self.session(&headers)?;
        let mut asked = self.client.get(format!("{}/v1/session", self.console));
        for name in [header::AUTHORIZATION, header::COOKIE] {
            if let Some(value) = headers.get(&name) {
                asked = asked.header(name, value.clone());
            }
        }
        let session: Session = asked.send().await.ok()?.json().await.ok()?;
        let lasts = u64::try_from(console::SESSION_MS).ok()?;
        let lasts = Duration::from_millis(lasts);
        let responder = session.me.responder?;
        // The code was scanned.
        self.phones.leave(self.code(&responder));
        self.phones.take(key, responder, lasts);
        Some(())
    }

    /// A code for this responder's phone is on somebody's screen.
    fn shown(&self, body: &Bytes) {
        if let Ok(asked) = serde_json::from_slice::<PhoneLinkIn>(body) {
            let key = self.code(&asked.responder);
            self.phones.take(key, asked.responder, SCANNED_WITHIN);
        }
    }
}

async fn notice(State(porter): State<Porter>, request: Request, next: Next) -> Response {
    match (request.method(), request.uri().path()) {
        // A page opens its line: by then it is signed in.
        (&Method::GET, "/v1/console") => {
            tokio::spawn(porter.ask(request.headers().clone()));
            next.run(request).await
        }
        (&Method::DELETE, "/v1/session") => {
            let key = porter.session(request.headers());
            let response = next.run(request).await;
            if let (Some(key), true) = (key, response.status().is_success()) {
                porter.phones.leave(key);
            }
            response
        }
        (&Method::POST, "/v1/phone-links") => {
            let (parts, body) = request.into_parts();
            let short = body.size_hint().upper();
            if short.is_none_or(|bytes| bytes > BODY_LIMIT as u64) {
                return next.run(Request::from_parts(parts, body)).await;
            }
            // Cut off on its way: the console says so.
            let bytes = to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
            let request = Request::from_parts(parts, Body::from(bytes.clone()));
            let response = next.run(request).await;
            if response.status().is_success() {
                porter.shown(&bytes);
            }
            response
        }
        _ => next.run(request).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_responder_is_left_alone_while_a_person_has_their_phone_or_the_code_for_it() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let porter = Porter::new("http://127.0.0.1:1");
        let phones = porter.phones();
        assert!(!phones.hold("r1"));
        porter.shown(&Bytes::from_static(b"{\"responder\":\"r1\"}"));
        assert!(phones.hold("r1") && !phones.hold("r2"));
        phones.take(6, "r3".to_owned(), Duration::ZERO);
        assert!(!phones.hold("r3"), "nobody scanned it in time");
        phones.take(7, "r2".to_owned(), Duration::from_secs(1_000));
        phones.take(8, "r2".to_owned(), Duration::from_secs(1_000));
        phones.leave(7);
        assert!(phones.hold("r2"), "on another telephone");
        phones.leave(8);
        assert!(!phones.hold("r2"));
    }
}
