//! The device door: signals in, the way back out.

use serde::{Deserialize, Serialize};

/// `POST /v1/signals`. The gateway reads it tolerantly: whatever does not fit is a problem noted on the alarm, never
/// a reason to drop it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SignalIn {
    /// The device's identifier, e.g. `HRB-000123`.
    pub device: String,
    /// The device's own number of this press, up to 64 characters.
    pub press: String,
    /// `sos`, `fall`, `smoke`, `gas`, `inactivity`, `service`, `cancel`, `test`, `low_battery`, `mains_lost` …
    pub kind: String,
    /// The device's own time, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// 0–100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub battery_pct: Option<f64>,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A position, WGS-84 degrees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Location {
    /// Degrees north.
    pub lat: f64,
    /// Degrees east.
    pub lon: f64,
    /// Radius of the likely error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy_m: Option<f64>,
}

/// The answer to a signal, sent only after it is durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SignalOut {
    /// Its place in the log.
    pub position: u64,
    /// Its stream.
    pub stream: String,
    /// Its place in the stream.
    pub revision: u64,
    /// The same press was here before; the position is the first one's.
    pub duplicate: bool,
    /// Whether the device proved who it is.
    pub verified: bool,
    /// When to send the next heartbeat.
    pub next_heartbeat_s: u32,
    /// How to try again after a failure.
    pub retry: Retry,
}

/// Back-off the device shall keep: full jitter between `base_ms` doubled per try and `cap_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[expect(missing_docs, reason = "the fields are named in the line above")]
pub struct Retry {
    pub base_ms: u32,
    pub cap_ms: u32,
}

/// How far help is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants say it")]
pub enum Stage {
    Received,
    Seeking,
    Heard,
    Coming,
    Delayed,
    Arrived,
    Done,
}

/// `GET /v1/signals/{device}/{press}`, and what the channel pushes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StageOut {
    /// The press this is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub press: Option<String>,
    /// How far help is.
    pub stage: Stage,
    /// The incident, once there is one.
    pub incident: Option<String>,
    /// What to say aloud and show.
    pub say: String,
    /// Working name of who has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// Seconds until somebody should be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_s: Option<u32>,
    /// An ambulance was called.
    #[serde(default)]
    pub ambulance: bool,
}

/// `POST /v1/heartbeats`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct HeartbeatIn {
    /// Which device.
    pub device: String,
    /// 0–100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub battery_pct: Option<f64>,
}

/// The answer to a heartbeat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[expect(missing_docs, reason = "as in SignalOut")]
pub struct HeartbeatOut {
    pub next_heartbeat_s: u32,
    pub retry: Retry,
}

/// What a device sends over `GET /v1/devices/{device}/channel`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum ChannelIn {
    /// As `POST /v1/signals`.
    Signal(SignalIn),
    /// As `POST /v1/heartbeats`.
    Heartbeat {
        /// 0–100.
        #[serde(default)]
        battery_pct: Option<f64>,
    },
}

/// What a device hears over the channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum ChannelOut {
    /// The answer to a signal; `press` as sent.
    Taken {
        /// As sent.
        press: String,
        /// The answer.
        #[serde(flatten)]
        signal: SignalOut,
    },
    /// The answer to a heartbeat.
    Alive(HeartbeatOut),
    /// Help has moved on.
    Stage(StageOut),
    /// Not accepted: try again as told.
    Refused {
        /// As sent.
        press: Option<String>,
        /// Why.
        problem: crate::problem::Problem,
        /// When to try again.
        retry: Retry,
    },
}

/// What a device hears over HTTP that was not heard: the problem, and when to try again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NotTaken {
    /// Why.
    #[serde(flatten)]
    pub problem: crate::problem::Problem,
    /// When to try again.
    pub retry: Retry,
}
