//! The demo's duty phone: a page that rings, and that a visitor answers with 1 or 2.
//!
//! For: seeing the signed webhook and its answer without a telephone exchange.
//! May not know: incidents; it plays a telephone exchange and speaks the webhook's protocol only.

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

/// Calls the exchange remembers; the oldest give way.
const CALLS_LIMIT: usize = 50;
/// Largest webhook body, in bytes.
const BODY_LIMIT: usize = 16 * 1024;
/// How long a call rings, in milliseconds: as long as a telephone does.
const RINGS_FOR_MS: i64 = 45_000;
/// Ended calls shown beside those that ring. Ours: what was answered just now, and not a history.
const ENDED_SHOWN: usize = 3;

/// One call.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Call {
    call: String,
    incident: String,
    #[serde(default)]
    party: serde_json::Value,
    #[serde(default)]
    to: String,
    #[serde(default)]
    say: String,
    #[serde(default)]
    say_en: String,
    #[serde(default)]
    at: i64,
    #[serde(default)]
    answer: Option<u8>,
}

/// The exchange.
#[derive(Clone)]
pub(crate) struct Exchange {
    calls: Arc<Mutex<VecDeque<Call>>>,
    secret: Arc<str>,
    /// Where answers go.
    callback: Arc<str>,
    client: reqwest::Client,
}

impl Exchange {
    /// An exchange that answers to the console at `console`.
    pub(crate) fn new(secret: &str, console: &str) -> Exchange {
        Exchange {
            calls: Arc::default(),
            secret: Arc::from(secret),
            callback: Arc::from(format!("{console}/v1/duty-phone/answers").as_str()),
            client: reqwest::Client::new(),
        }
    }

    /// `/demo/phone`: the page, its list, its answers, and the webhook.
    pub(crate) fn router(self) -> Router {
        Router::new()
            .route(
                "/demo/phone",
                get(|| page("text/html; charset=utf-8", include_str!("phone/index.html"))),
            )
            .route(
                "/demo/phone/phone.js",
                get(|| {
                    page(
                        "text/javascript; charset=utf-8",
                        include_str!("phone/phone.js"),
                    )
                }),
            )
            .route(
                "/demo/phone/phone.css",
                get(|| page("text/css; charset=utf-8", include_str!("phone/phone.css"))),
            )
            .route("/demo/phone/calls", get(list))
            .route("/demo/phone/calls/{call}/answer", post(answer))
            .route("/demo/phone/ring", post(ring))
            .layer(DefaultBodyLimit::max(BODY_LIMIT))
            .with_state(self)
    }

    fn calls(&self) -> std::sync::MutexGuard<'_, VecDeque<Call>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'";

async fn page(kind: &'static str, text: &'static str) -> Response {
    (
        [
            (header::CONTENT_TYPE, kind),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::CACHE_CONTROL, "no-cache"),
        ],
        text,
    )
        .into_response()
}

async fn list(State(exchange): State<Exchange>) -> Response {
    let now = now().0;
    let calls = shown(&exchange.calls(), now);
    Json(serde_json::json!({ "now": now, "calls": calls })).into_response()
}

/// A call as the page shows it.
#[derive(Debug, Serialize)]
struct Shown {
    /// The same telephone for the same incident: rung again it stays the card it is.
    key: String,
    rings: bool,
    /// A keyholder is asked to ring the station; there is nothing to press.
    keyholder: bool,
    #[serde(flatten)]
    call: Call,
}

/// What rings now, in the order it began, then the few that ended last. `calls` are newest first.
fn shown(calls: &VecDeque<Call>, now: i64) -> Vec<Shown> {
    let mut all: Vec<Shown> = Vec::new();
    for call in calls {
        let key = format!("{} {}", call.incident, call.party);
        if all.iter().any(|known| known.key == key) {
            continue;
        }
        all.push(Shown {
            key,
            rings: call.answer.is_none() && now - call.at < RINGS_FOR_MS,
            keyholder: party_word(&call.party) == "keyholder",
            call: call.clone(),
        });
    }
    let (ringing, ended): (Vec<Shown>, Vec<Shown>) = all.into_iter().partition(|it| it.rings);
    let began = |it: &Shown| {
        let same = |call: &&Call| format!("{} {}", call.incident, call.party) == it.key;
        calls.iter().filter(same).map(|call| call.at).min()
    };
    let mut ringing: Vec<(Option<i64>, Shown)> =
        ringing.into_iter().map(|it| (began(&it), it)).collect();
    ringing.sort_by(|(a, x), (b, y)| (a, &x.key).cmp(&(b, &y.key)));
    let ringing = ringing.into_iter().map(|(_, it)| it);
    ringing.chain(ended.into_iter().take(ENDED_SHOWN)).collect()
}

fn party_word(party: &serde_json::Value) -> &str {
    let word = party.as_str().or_else(|| party.get("party")?.as_str());
    word.unwrap_or_default()
}

async fn ring(State(exchange): State<Exchange>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let signature = headers
        .get("anling-signature")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if dispatcher::verify(exchange.secret.as_bytes(), signature, &body, now()).is_err() {
        return StatusCode::UNAUTHORIZED;
    }
    let Ok(mut call) = serde_json::from_slice::<Call>(&body) else {
        return StatusCode::BAD_REQUEST;
    };
    call.at = now().0;
    let mut calls = exchange.calls();
    // The same call again: a retry of the webhook, one telephone rings once.
    if !calls.iter().any(|known| known.call == call.call) {
        calls.truncate(CALLS_LIMIT - 1);
        calls.push_front(call);
    }
    StatusCode::NO_CONTENT
}

#[derive(Debug, Deserialize)]
struct Pressed {
    digit: u8,
}

async fn answer(
    State(exchange): State<Exchange>,
    Path(id): Path<String>,
    Json(pressed): Json<Pressed>,
) -> Response {
    let Some(call) = exchange
        .calls()
        .iter()
        .find(|call| call.call == id)
        .cloned()
    else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let body = serde_json::json!({ "call": call.call, "incident": call.incident, "party": call.party, "digit": pressed.digit }).to_string();
    let sent = exchange
        .client
        .post(exchange.callback.as_ref())
        .header(
            "anling-signature",
            dispatcher::sign(exchange.secret.as_bytes(), now(), body.as_bytes()),
        )
        .header(header::CONTENT_TYPE, "application/json")
        .body(body)
        .send()
        .await;
    match sent {
        Ok(said) if said.status().is_success() => {
            if let Some(call) = exchange.calls().iter_mut().find(|call| call.call == id) {
                call.answer = Some(pressed.digit);
            }
            StatusCode::NO_CONTENT.into_response()
        }
        Ok(said) => {
            let status =
                StatusCode::from_u16(said.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
            (status, said.text().await.unwrap_or_default()).into_response()
        }
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

fn now() -> domain::Timestamp {
    domain::Timestamp(eventlog::clock::now_micros() / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(n: u32, incident: &str, party: &str, at: i64) -> Call {
        Call {
            call: format!("c{n}"),
            incident: incident.to_owned(),
            party: serde_json::json!({ "party": party }),
            to: String::new(),
            say: String::new(),
            say_en: String::new(),
            at,
            answer: None,
        }
    }

    #[test]
    fn what_rings_keeps_its_place_and_few_ended_calls_are_shown() {
        let mut calls = VecDeque::new();
        for n in 0..20 {
            calls.push_front(call(n, &format!("old{n}"), "site", i64::from(n)));
        }
        calls.push_front(call(90, "a", "site", 100_000));
        calls.push_front(call(91, "b", "keyholder", 101_000));
        // Rung again: still one card, at its place.
        calls.push_front(call(92, "a", "site", 130_000));
        let shown = shown(&calls, 131_000);
        let names: Vec<&str> = shown.iter().map(|it| it.call.call.as_str()).collect();
        assert_eq!(names, ["c92", "c91", "c19", "c18", "c17"]);
        let rings: Vec<bool> = shown.iter().map(|it| it.rings).collect();
        assert_eq!(rings, [true, true, false, false, false]);
        assert!(shown[1].keyholder && !shown[0].keyholder);
    }
}
