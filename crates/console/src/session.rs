//! Sessions: who is signed in, by a token nobody but the browser keeps.
//!
//! For: making, finding and ending sessions; tokens are 256 random bits and stored only as their hash.
//! May not know: passwords; what a person may see (`viewer`).

use crate::{
    app::App,
    http::own_origin,
    lines::Why,
    problem::{Answer, Failure},
    viewer::Viewer,
};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{OperatorId, ResponderId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How long a session lasts, in milliseconds: a shift.
pub const SESSION_MS: i64 = 12 * 3_600_000;

/// How long a QR code lets a phone in, in milliseconds.
pub const LINK_MS: i64 = 10 * 60_000;

/// The cookie's name.
pub const COOKIE: &str = "anling_session";

/// What is stored under the hash of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stored {
    pub(crate) operator: OperatorId,
    pub(crate) responder: Option<ResponderId>,
    pub(crate) since: i64,
    pub(crate) expires_at: i64,
}

/// The hash under which a token is stored.
pub(crate) type Key = [u8; 32];

/// A request's session.
#[derive(Debug, Clone)]
pub(crate) struct Signed {
    pub(crate) viewer: Viewer,
    pub(crate) key: Key,
    pub(crate) expires_at: i64,
    /// It came with a cookie, so a page of any origin may have sent it.
    pub(crate) by_cookie: bool,
}

/// What a token lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A signed-in person.
    Session,
    /// A phone, once.
    Link,
}

/// A new token and the hash it is stored under.
pub(crate) fn new_token(kind: Kind) -> (String, Key) {
    let bytes: [u8; 32] = rand::random();
    let token = URL_SAFE_NO_PAD.encode(bytes);
    let key = key_of(kind, &token);
    (token, key)
}

pub(crate) fn key_of(kind: Kind, token: &str) -> Key {
    let kind: &[u8] = match kind {
        Kind::Session => b"session:",
        Kind::Link => b"link:",
    };
    Sha256::new()
        .chain_update(kind)
        .chain_update(token.as_bytes())
        .finalize()
        .into()
}

/// Keeps what a token stands for. Durable once this returns.
pub(crate) async fn keep(app: &App, key: &Key, stored: &Stored) -> Answer<()> {
    let bytes = serde_json::to_vec(stored).map_err(|e| Failure::unavailable(e.to_string()))?;
    let sessions = app.casebook.log().sessions();
    let kept = sessions.put(key, bytes, stored.expires_at).await;
    kept.map_err(|e| Failure::unavailable(e.to_string()))
}

/// What a token stands for, unless it has ended.
pub(crate) async fn find(app: &App, key: &Key) -> Answer<Option<Stored>> {
    let found = app.casebook.log().sessions().get(key).await;
    let found = found.map_err(|e| Failure::unavailable(e.to_string()))?;
    Ok(found.and_then(|session| serde_json::from_slice(&session.bytes).ok()))
}

/// Why a console's session is over, if it is. When the log does not answer the console stays: calls go on.
pub(crate) async fn over(app: &App, signed: &Signed) -> Option<Why> {
    if app.casebook.now().0 >= signed.expires_at {
        return Some(Why::Expired);
    }
    let found = find(app, &signed.key).await;
    matches!(found, Ok(None)).then_some(Why::SignedOut)
}

/// Ends what a token stands for.
pub(crate) async fn end(app: &App, key: &Key) -> Answer<()> {
    let ended = app.casebook.log().sessions().delete(key).await;
    ended.map_err(|e| Failure::unavailable(e.to_string()))
}

/// Who sends this request. A request that changes something and carries only a cookie must come from our own page.
pub(crate) async fn signed(app: &App, method: &Method, headers: &HeaderMap) -> Answer<Signed> {
    let signed = found(app, headers).await?;
    let unsafe_method = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    if signed.by_cookie && unsafe_method && !own_origin(app, headers, true) {
        return Err(Failure::foreign_origin());
    }
    Ok(signed)
}

/// The same for a WebSocket, which browsers open from any page.
pub(crate) async fn signed_socket(app: &App, headers: &HeaderMap) -> Answer<Signed> {
    let signed = found(app, headers).await?;
    if signed.by_cookie && !own_origin(app, headers, true) {
        return Err(Failure::foreign_origin());
    }
    Ok(signed)
}

async fn found(app: &App, headers: &HeaderMap) -> Answer<Signed> {
    let (token, by_cookie) = match bearer(headers) {
        Some(token) => (token, false),
        None => (cookie(headers).ok_or_else(Failure::signed_out)?, true),
    };
    let key = key_of(Kind::Session, token);
    let stored = find(app, &key).await?.ok_or_else(Failure::signed_out)?;
    let city = &app.shared.board().city;
    let viewer = Viewer::of(city, &stored.operator, stored.responder.as_ref());
    Ok(Signed {
        viewer: viewer.ok_or_else(Failure::signed_out)?,
        key,
        expires_at: stored.expires_at,
        by_cookie,
    })
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let values = headers.get_all(header::COOKIE).iter();
    let mut pairs = values
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'));
    pairs.find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE).then_some(value)
    })
}

/// The header that gives a browser its session, or takes it away (`token` empty).
pub(crate) fn set_cookie(app: &App, token: &str) -> Option<HeaderValue> {
    let age = if token.is_empty() {
        0
    } else {
        SESSION_MS / 1_000
    };
    let secure = if app.options.tls { "; Secure" } else { "" };
    let text =
        format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age}{secure}");
    HeaderValue::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_no_session_and_tokens_are_long() {
        let (token, key) = new_token(Kind::Link);
        assert_eq!(token.len(), 43);
        assert_eq!(key_of(Kind::Link, &token), key);
        assert_ne!(key_of(Kind::Session, &token), key);
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=b; x"));
        headers.append(
            header::COOKIE,
            HeaderValue::from_static("c=d;anling_session=t"),
        );
        assert_eq!(cookie(&headers), Some("t"));
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("bearer  z"));
        assert_eq!(bearer(&headers), Some("z"));
    }
}
