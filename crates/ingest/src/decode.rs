//! Bytes from a device become a reading: what could be read, and what was wrong.
//!
//! For: the one format of the HTTP and WebSocket doors, read tolerantly. Any bytes yield a reading.
//! May not know: who the sender is, the log, sockets, the time.

mod fields;
mod salvage;

use domain::{
    DeviceId, Timestamp,
    signal::{Problem, SignalKind},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Raw bytes kept with a signal that could not be read whole, in bytes: enough to see what the sender meant, little
/// enough that a thousand of them do not weigh on the log.
pub const RAW_LIMIT: usize = 16 * 1024;

/// Longest free text kept, in characters. Ours: what a person reads aloud in a minute; the raw bytes hold more.
pub const TEXT_LIMIT: usize = 2_000;

/// Longest press number kept as it is, in characters: the contract's own limit.
pub const PRESS_LIMIT: usize = 64;

/// Longest word of an unknown kind that is kept, in bytes.
pub const KIND_LIMIT: usize = 64;

/// A position as it is sealed: WGS-84, millionths of a degree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// East.
    pub lon_e6: i32,
    /// North.
    pub lat_e6: i32,
    /// Radius of the likely error, whole metres.
    pub accuracy_m: Option<u32>,
}

/// What could be read of one signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The device that says it is speaking.
    pub device: Option<DeviceId>,
    /// Its own number of the press; empty when it gave none.
    pub press: String,
    /// What it says; [`SignalKind::Unknown`] when that could not be read.
    pub kind: SignalKind,
    /// The word of an unknown kind, when it is a plain word.
    pub kind_word: Option<String>,
    /// The device's own time.
    pub device_at: Option<Timestamp>,
    /// Where it says it is.
    pub location: Option<Place>,
    /// 0–100.
    pub battery: Option<u8>,
    /// Free text, at most [`TEXT_LIMIT`] characters.
    pub text: Option<String>,
    /// What was wrong, each once, in order of discovery.
    pub problems: Vec<Problem>,
    /// The first [`RAW_LIMIT`] bytes as they came; present only when something was wrong.
    pub raw: Option<Vec<u8>>,
}

impl Reading {
    pub(crate) fn empty() -> Self {
        Self {
            device: None,
            press: String::new(),
            kind: SignalKind::Unknown,
            kind_word: None,
            device_at: None,
            location: None,
            battery: None,
            text: None,
            problems: Vec::new(),
            raw: None,
        }
    }

    /// Notes a problem once.
    pub fn note(&mut self, problem: Problem) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
}

/// One frame of a device's channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// Proves life.
    Heartbeat {
        /// 0–100.
        battery: Option<u8>,
    },
    /// Anything else: a signal as far as it could be read. `shaped` is false when it is not even an object of JSON.
    Signal {
        /// What could be read.
        reading: Reading,
        /// It looks like a message of this protocol.
        shaped: bool,
    },
}

/// Reads a signal. Never fails: what does not fit is a problem.
pub fn signal(bytes: &[u8]) -> Reading {
    finish(read(bytes).0, bytes)
}

/// Reads a signal of which only the beginning was taken because it was too long.
pub fn cut_signal(bytes: &[u8]) -> Reading {
    let (mut reading, _) = read(bytes);
    reading.note(Problem::FieldTooLong);
    finish(reading, bytes)
}

/// Reads a frame of a device's channel.
pub fn frame(bytes: &[u8]) -> Frame {
    if let Ok(Value::Object(fields)) = serde_json::from_slice::<Value>(bytes)
        && fields.get("t").and_then(Value::as_str) == Some("heartbeat")
    {
        let battery = fields::battery(fields.get("battery_pct"), &mut Reading::empty());
        return Frame::Heartbeat { battery };
    }
    let (reading, shaped) = read(bytes);
    Frame::Signal {
        reading: finish(reading, bytes),
        shaped,
    }
}

/// The device and battery of a heartbeat; a heartbeat that does not say whose it is proves nothing.
pub fn heartbeat(bytes: &[u8]) -> Option<(DeviceId, Option<u8>)> {
    let Ok(Value::Object(found)) = serde_json::from_slice::<Value>(bytes) else {
        return None;
    };
    let mut reading = Reading::empty();
    let device = fields::device(found.get("device"), &mut reading)?;
    Some((
        device,
        fields::battery(found.get("battery_pct"), &mut reading),
    ))
}

/// The name a press goes by, and whether its text was too long or odd to be kept as it is. Such a text is replaced by
/// `~` and a hash of the whole, so that two long numbers that begin alike stay two.
pub fn press_name(text: &str) -> (String, Option<Problem>) {
    let text = text.trim();
    let long = text.chars().count() > PRESS_LIMIT;
    let odd = text.starts_with('~') || text.chars().any(char::is_control);
    if !long && !odd {
        return (text.to_owned(), None);
    }
    let problem = if long {
        Problem::FieldTooLong
    } else {
        Problem::Unparseable
    };
    let name = format!("~{}", casebook::streams::short_hash(text));
    (name, Some(problem))
}

/// Reads what can be read; `true` when it was an object of JSON.
fn read(bytes: &[u8]) -> (Reading, bool) {
    let mut reading = Reading::empty();
    let text = String::from_utf8_lossy(bytes);
    if matches!(text, std::borrow::Cow::Owned(_)) {
        reading.note(Problem::Unparseable);
    }
    let text = text.trim_start_matches('\u{feff}').trim();
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let first = values.next();
    let rest = values.byte_offset();
    if let Some(Ok(Value::Object(found))) = first {
        if text.get(rest..).is_some_and(|rest| !rest.trim().is_empty()) {
            reading.note(Problem::Unparseable);
        }
        fields::read(&found, &mut reading);
        return (reading, true);
    }
    reading.note(Problem::Unparseable);
    fields::read(&salvage::fields(text), &mut reading);
    (reading, false)
}

/// Keeps the raw bytes of a signal with problems.
pub(crate) fn finish(mut reading: Reading, bytes: &[u8]) -> Reading {
    if !reading.problems.is_empty() {
        reading.raw = Some(bytes.iter().copied().take(RAW_LIMIT).collect());
    }
    reading
}
