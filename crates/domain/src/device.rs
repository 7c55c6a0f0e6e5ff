//! A device's own story: signals received, silence, retirement.
//!
//! For: the events of `device-…` and `unverified-…` streams, and when two messages are the same press.
//! May not know: wire formats, keys in the clear.

use crate::{
    AlarmId, DeviceId, ResidentId, Sealed, Timestamp,
    signal::{Problem, SignalKind},
};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use uuid::Uuid;

/// What was received, as far as it could be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// The device that says it is speaking.
    pub device: Option<DeviceId>,
    /// The device's own number of the press; empty when it gave none.
    pub press: String,
    /// What it says.
    pub kind: SignalKind,
    /// The kind's own word when it is [`SignalKind::Unknown`], at most 64 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind_word: Option<String>,
    /// The device's own time.
    pub device_at: Option<Timestamp>,
    /// Through which door: `http`, `websocket`, `dc09` …
    pub door: String,
    /// Whether the device proved who it is.
    pub verified: bool,
    /// What was wrong.
    pub problems: Vec<Problem>,
    /// Short hash of where it came from, for rate limits of the unverified.
    pub source: Option<String>,
    /// `{"lon_e6","lat_e6","accuracy_m"}`.
    pub location: Option<Sealed>,
    /// 0–100.
    pub battery_pct: Option<u8>,
    /// Free text.
    pub text: Option<Sealed>,
    /// The raw bytes, when something could not be read; base64 inside.
    pub raw: Option<Sealed>,
}

/// What happened to a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their types")]
pub enum DeviceEvent {
    /// It may speak; `key_hash` is the SHA-256 of its key, hexadecimal.
    DeviceEnrolled {
        device: DeviceId,
        model: String,
        resident: Option<ResidentId>,
        key_hash: String,
    },
    /// Needs a person (cancel included).
    AlarmReceived(Received),
    /// Proved the path.
    TestReceived(Received),
    /// Its own fault.
    TroubleReported(Received),
    /// Nothing heard for longer than agreed.
    DeviceFellSilent {
        device: DeviceId,
        last_heard: Option<Timestamp>,
    },
    /// Heard again.
    DeviceReturned { device: DeviceId },
    /// Speaks no more.
    DeviceRetired { device: DeviceId },
}

/// Within this of its first receipt a press number means the same press whatever else. Ours: longer than any device
/// goes on repeating one press, shorter than a battery change that starts its counter anew.
pub const SAME_PRESS_WITHIN: Duration = Duration::from_mins(15);

/// A press received before, found by device and press number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierPress {
    /// What it said.
    pub kind: SignalKind,
    /// The device's own time.
    pub device_at: Option<Timestamp>,
    /// When it was received the first time.
    pub first_received_at: Timestamp,
}

/// A press just received, of the same device and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewPress<'a> {
    /// The device's own number; empty when it gave none.
    pub press: &'a str,
    /// What it says.
    pub kind: SignalKind,
    /// The device's own time.
    pub device_at: Option<Timestamp>,
    /// Now.
    pub received_at: Timestamp,
}

/// Whether this is the earlier press sent again. In doubt two alarms, never none: a device that gives no press number
/// must give its own time to be taken as repeating itself. What is not the same though the number is carries
/// [`Problem::PressNumberReused`].
pub fn same_press(earlier: &EarlierPress, new: &NewPress<'_>) -> bool {
    let same_time = earlier.device_at.is_some() && earlier.device_at == new.device_at;
    let numbered = !new.press.is_empty();
    let soon = new.received_at.since(earlier.first_received_at) <= SAME_PRESS_WITHIN;
    earlier.kind == new.kind && (same_time || (numbered && soon))
}

/// Names the space of alarms' event ids; fixed for ever.
const ALARM_SPACE: Uuid = Uuid::from_u128(0x6a8f_1c52_93d4_5e0b_a7c1_42d9_0e63_b815);

/// The event id of an alarm: the same press gets the same one, on every node and after a restart. `salt` is 0 for a
/// press number's first use, and the count of earlier presses when the number is used again.
pub fn alarm_id(
    device_or_source: &str,
    boot: Option<u64>,
    press: &str,
    kind: SignalKind,
    device_at: Option<Timestamp>,
    salt: u32,
) -> AlarmId {
    let mut name = Vec::new();
    // Lengths stand before texts, so that no two different presses spell the same name.
    for text in [device_or_source, press, kind.as_str()] {
        let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
        name.extend_from_slice(&length.to_be_bytes());
        name.extend_from_slice(text.as_bytes());
    }
    let mut number = |given: Option<[u8; 8]>| match given {
        Some(bytes) => {
            name.push(1);
            name.extend_from_slice(&bytes);
        }
        None => name.push(0),
    };
    number(boot.map(u64::to_be_bytes));
    number(device_at.map(|at| at.0.to_be_bytes()));
    number((salt > 0).then(|| u64::from(salt).to_be_bytes()));
    AlarmId(Uuid::new_v5(&ALARM_SPACE, &name))
}

#[cfg(test)]
#[path = "device_tests.rs"]
mod tests;
