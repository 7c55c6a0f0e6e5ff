//! The device door over HTTP.
//!
//! For: the routes of port 7310 and their answers, as `docs/device-protocol.md` says them.
//! May not know: what a reading means, incidents. Nothing here writes a body, an address or a key to a log.

use crate::{
    Door,
    back::StageError,
    body, channel, decode,
    gateway::{Caller, Proof, Refused, Taken},
    limits::{IngestOptions, KEY_LIMIT, QUESTIONS_AT_ONCE},
    manual,
    metrics::count,
    page,
};
use axum::{
    Json, Router,
    extract::{ConnectInfo, Path, Request, State, rejection::PathRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use domain::{DeviceId, signal::Problem as Trouble};
use serde::Serialize;
use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
};
use tokio::sync::Semaphore;
use wire::{
    device::{HeartbeatOut, NotTaken},
    problem::Problem,
};

/// The bounded rooms of the door.
pub(crate) struct Rooms {
    pub(crate) questions: Semaphore,
    pub(crate) channels: Arc<Semaphore>,
    /// Channels of sources that proved nothing.
    pub(crate) unverified: Mutex<HashMap<String, usize>>,
}

impl Rooms {
    pub(crate) fn new(options: &IngestOptions) -> Self {
        Self {
            questions: Semaphore::new(QUESTIONS_AT_ONCE),
            channels: Arc::new(Semaphore::new(options.channels)),
            unverified: Mutex::default(),
        }
    }
}

pub(crate) fn router(door: Arc<Door>) -> Router {
    Router::new()
        .route("/v1/signals", post(signal))
        .route("/v1/signals/{device}/{press}", get(stage))
        .route("/v1/heartbeats", post(heartbeat))
        .route("/v1/devices/{device}/channel", get(channel::open))
        .route("/healthz", get(|| async { "ok\n" }))
        .merge(page::routes())
        .merge(manual::manual(&door.options).routes())
        .fallback(|| async { NO_SUCH_PLACE.answer() })
        .method_not_allowed_fallback(|| async { WRONG_METHOD.answer() })
        .with_state(door)
}

async fn signal(State(door): State<Arc<Door>>, request: Request) -> Response {
    let address = address(&request);
    let key = bearer(request.headers());
    let arrived = body::read(request.into_body(), door.options.body_within).await;
    let reading = if arrived.cut {
        decode::cut_signal(&arrived.bytes)
    } else {
        decode::signal(&arrived.bytes)
    };
    let heartbeat = reading.clone();
    let work = Arc::clone(&door);
    let shown = key.clone();
    // Goes on when the device hangs up: what was read is stored.
    let taken = door.tasks.spawn(async move {
        let caller = Caller {
            door: "http",
            address,
            key: shown.as_deref(),
        };
        work.gateway.take(caller, reading).await
    });
    match taken.await {
        Ok(Ok(taken)) => answer(&door, taken),
        Ok(Err(Refused::Heartbeat)) => beat(&door, heartbeat.device.as_ref(), key.as_deref()).await,
        Ok(Err(Refused::Coalesced { position })) => too_many(&door.options, position),
        Ok(Err(Refused::Unavailable)) => unavailable(&door.options),
        Err(error) => {
            tracing::error!(%error, "a signal's task ended early");
            unavailable(&door.options)
        }
    }
}

fn answer(door: &Door, taken: Taken) -> Response {
    let out = settle(door, taken.clone());
    let status = StatusCode::from_u16(taken.status).unwrap_or(StatusCode::ACCEPTED);
    (status, NO_STORE, Json(out)).into_response()
}

/// A taken signal is a sign of life, and its answer tells when the next is due.
pub(crate) fn settle(door: &Door, taken: Taken) -> wire::device::SignalOut {
    if let Some(device) = &taken.device {
        door.liveness.heard(device);
    }
    wire::device::SignalOut {
        next_heartbeat_s: door.liveness.next_heartbeat_s(),
        ..taken.out
    }
}

async fn heartbeat(State(door): State<Arc<Door>>, request: Request) -> Response {
    let Ok(_room) = door.rooms.questions.try_acquire() else {
        count(&door.counters.turned_away);
        return unavailable(&door.options);
    };
    let key = bearer(request.headers());
    let arrived = body::read(request.into_body(), door.options.body_within).await;
    let Some((device, _battery)) = decode::heartbeat(&arrived.bytes).filter(|_| !arrived.cut)
    else {
        return NOT_A_HEARTBEAT.answer();
    };
    beat(&door, Some(&device), key.as_deref()).await
}

async fn beat(door: &Door, device: Option<&DeviceId>, key: Option<&str>) -> Response {
    match door.gateway.prove(device, key).await {
        Proof::Proven { device, .. } => {
            door.liveness.beat(&device);
            (NO_STORE, Json(alive(door))).into_response()
        }
        Proof::Unproven(why) => unproven(why),
    }
}

pub(crate) fn alive(door: &Door) -> HeartbeatOut {
    HeartbeatOut {
        next_heartbeat_s: door.liveness.next_heartbeat_s(),
        retry: door.options.retry,
    }
}

async fn stage(
    State(door): State<Arc<Door>>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Response {
    let Ok(_room) = door.rooms.questions.try_acquire() else {
        count(&door.counters.turned_away);
        return unavailable(&door.options);
    };
    let Ok(Path((device, press))) = path else {
        return NO_SUCH_PLACE.answer();
    };
    let Ok(device) = DeviceId::parse(&device) else {
        return unproven(Trouble::UnknownDevice);
    };
    let key = bearer(request.headers());
    match door.gateway.prove(Some(&device), key.as_deref()).await {
        Proof::Proven { .. } => {}
        Proof::Unproven(why) => return unproven(why),
    }
    let (press, _) = decode::press_name(&press);
    match door.back.stage(&device, &press).await {
        Ok(stage) => (NO_STORE, Json(stage)).into_response(),
        Err(StageError::NotFound) => NO_SUCH_PRESS.answer(),
        Err(StageError::Unavailable(error)) => {
            tracing::warn!(error, "how far help is could not be read");
            unavailable(&door.options)
        }
    }
}

// --- what a request says about its sender ----------------------------------------------------------------------------

/// The sender's address, when the binary serves the door with connect info.
pub(crate) fn address(request: &Request) -> Option<IpAddr> {
    let info = request.extensions().get::<ConnectInfo<SocketAddr>>();
    info.map(|ConnectInfo(address)| address.ip())
}

/// The key after `Authorization: Bearer`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.trim().split_once(' ')?;
    let key = key.trim();
    let plain = scheme.eq_ignore_ascii_case("bearer") && key.len() <= KEY_LIMIT;
    plain.then(|| key.to_owned())
}

// --- answers that are not the wished-for one -------------------------------------------------------------------------

const NO_STORE: [(header::HeaderName, HeaderValue); 1] =
    [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];

/// A problem whose words are always the same.
#[derive(Clone, Copy)]
pub(crate) struct Said {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) title: &'static str,
    pub(crate) detail: &'static str,
}

const fn said(
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: &'static str,
) -> Said {
    Said {
        status,
        code,
        title,
        detail,
    }
}

pub(crate) const NOT_A_HEARTBEAT: Said = said(
    StatusCode::BAD_REQUEST,
    "not_a_heartbeat",
    "not a heartbeat",
    "send {\"device\": \"…\"}; a press goes to /v1/signals",
);
pub(crate) const NO_SUCH_DEVICE: Said = said(
    StatusCode::BAD_REQUEST,
    "no_such_device",
    "not a device",
    "the device's identifier cannot be read; a press also goes to POST /v1/signals",
);
pub(crate) const NO_SUCH_PRESS: Said = said(
    StatusCode::NOT_FOUND,
    "no_such_press",
    "no such press",
    "no such press was received from this device; send it to /v1/signals",
);
pub(crate) const NO_SUCH_PLACE: Said = said(
    StatusCode::NOT_FOUND,
    "no_such_place",
    "there is nothing here",
    "a press goes to POST /v1/signals",
);
const WRONG_METHOD: Said = said(
    StatusCode::METHOD_NOT_ALLOWED,
    "wrong_method",
    "not done that way",
    "a press goes to POST /v1/signals",
);
pub(crate) const NOT_A_WEBSOCKET: Said = said(
    StatusCode::UPGRADE_REQUIRED,
    "not_a_websocket",
    "not a WebSocket",
    "this is a WebSocket; a press also goes to POST /v1/signals",
);
pub(crate) const NO_CHANNEL: Said = said(
    StatusCode::SERVICE_UNAVAILABLE,
    "no_channel",
    "no channel is free",
    "too many channels are open; a press still goes to POST /v1/signals",
);

impl Said {
    pub(crate) fn problem(self) -> Problem {
        problem_of(self.status, self.code, self.title, self.detail)
    }

    pub(crate) fn answer(self) -> Response {
        let mut response = as_problem(self.status, &self.problem());
        if self.status == StatusCode::UPGRADE_REQUIRED {
            // RFC 9110, section 15.5.22: the answer names what it must become.
            let websocket = HeaderValue::from_static("websocket");
            response.headers_mut().insert(header::UPGRADE, websocket);
        }
        response
    }
}

fn problem_of(status: StatusCode, code: &str, title: &str, detail: &str) -> Problem {
    Problem {
        kind: format!("/problems/{}", code.replace('_', "-")),
        title: title.to_owned(),
        status: status.as_u16(),
        detail: Some(detail.to_owned()),
        code: Some(code.to_owned()),
        who: None,
        who_en: None,
    }
}

fn as_problem<T: Serialize>(status: StatusCode, body: &T) -> Response {
    let json = HeaderValue::from_static("application/problem+json");
    let mut response = (status, NO_STORE, Json(body)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn later(options: &IngestOptions, problem: Problem, status: StatusCode, seconds: u64) -> Response {
    let retry = options.retry;
    let mut response = as_problem(status, &NotTaken { problem, retry });
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

pub(crate) fn unavailable_problem() -> Problem {
    problem_of(
        StatusCode::SERVICE_UNAVAILABLE,
        "not_accepted",
        "not accepted",
        "this was NOT stored; send it again as retry says, and tell the wearer that it has not got through",
    )
}

fn unavailable(options: &IngestOptions) -> Response {
    try_again(options, unavailable_problem())
}

/// A 503: ours, and worth trying again.
pub(crate) fn try_again(options: &IngestOptions, problem: Problem) -> Response {
    let seconds = u64::from(options.retry.base_ms).div_ceil(1_000).max(1);
    later(options, problem, StatusCode::SERVICE_UNAVAILABLE, seconds)
}

pub(crate) fn too_many_problem(position: u64) -> Problem {
    let detail = format!(
        "too many unverified signals from this address; a person sees them as one flood, recorded at position {position}"
    );
    let status = StatusCode::TOO_MANY_REQUESTS;
    problem_of(status, "flood", "too many unverified signals", &detail)
}

fn too_many(options: &IngestOptions, position: u64) -> Response {
    let seconds = crate::limits::FLOOD_EVERY.as_secs();
    let problem = too_many_problem(position);
    later(options, problem, StatusCode::TOO_MANY_REQUESTS, seconds)
}

/// One answer for an unknown device, a missing and a wrong key: nobody learns which devices there are.
pub(crate) fn unproven_problem(why: Trouble) -> Problem {
    let detail = match why {
        Trouble::MissingKey => "send the device's key as Authorization: Bearer",
        _ => "the device and its key do not fit together",
    };
    problem_of(
        StatusCode::UNAUTHORIZED,
        "not_verified",
        "the device is not verified",
        detail,
    )
}

fn unproven(why: Trouble) -> Response {
    let mut response = as_problem(StatusCode::UNAUTHORIZED, &unproven_problem(why));
    let scheme = HeaderValue::from_static("Bearer");
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, scheme);
    response
}
