//! Signals: what devices say, after their format has been read.
//!
//! For: the kinds of signals, how pressing each is, and the problems a gateway met while reading one.
//! May not know: wire formats; those stop in `ingest`.

use serde::{Deserialize, Serialize};

/// What a signal says. A kind we do not know is still an alarm: a person looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants are the field's plain words")]
pub enum SignalKind {
    Sos,
    Fall,
    Smoke,
    Gas,
    Inactivity,
    Wandering,
    Service,
    Unknown,
    /// Pressed "never mind": recorded and shown, closes nothing.
    Cancel,
    Test,
    Heartbeat,
    LowBattery,
    MainsLost,
    MainsRestored,
    LineLost,
    Tamper,
    DeviceFault,
}

/// What is done with a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalClass {
    /// Needs a person: opens or joins an incident.
    Alarm,
    /// Joins an open incident, opens none.
    Cancel,
    /// Proves the path; recorded.
    Test,
    /// A device's own fault; recorded and shown on the card.
    Trouble,
    /// Proves life; not an event.
    Heartbeat,
}

/// How pressing an incident is. Four levels, no more; lower is more pressing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Life: SOS, fall, smoke, gas.
    P1,
    /// Soon: inactivity, wandering.
    P2,
    /// A device that protects a life is failing.
    P3,
    /// An ordinary request.
    P4,
}

impl SignalKind {
    /// Every kind.
    pub const ALL: &'static [SignalKind] = {
        use SignalKind::*;
        &[
            Sos,
            Fall,
            Smoke,
            Gas,
            Inactivity,
            Wandering,
            Service,
            Unknown,
            Cancel,
            Test,
            Heartbeat,
            LowBattery,
            MainsLost,
            MainsRestored,
            LineLost,
            Tamper,
            DeviceFault,
        ]
    };

    /// The word as stored and spoken at the doors.
    pub fn as_str(self) -> &'static str {
        use SignalKind::*;
        match self {
            Sos => "sos",
            Fall => "fall",
            Smoke => "smoke",
            Gas => "gas",
            Inactivity => "inactivity",
            Wandering => "wandering",
            Service => "service",
            Unknown => "unknown",
            Cancel => "cancel",
            Test => "test",
            Heartbeat => "heartbeat",
            LowBattery => "low_battery",
            MainsLost => "mains_lost",
            MainsRestored => "mains_restored",
            LineLost => "line_lost",
            Tamper => "tamper",
            DeviceFault => "device_fault",
        }
    }

    /// What is done with it.
    pub fn class(self) -> SignalClass {
        use SignalKind::*;
        match self {
            Sos | Fall | Smoke | Gas | Inactivity | Wandering | Service | Unknown => {
                SignalClass::Alarm
            }
            Cancel => SignalClass::Cancel,
            Test => SignalClass::Test,
            Heartbeat => SignalClass::Heartbeat,
            LowBattery | MainsLost | MainsRestored | LineLost | Tamper | DeviceFault => {
                SignalClass::Trouble
            }
        }
    }

    /// How pressing it is; an unknown kind is taken as life.
    pub fn priority(self) -> Priority {
        use SignalKind::*;
        match self {
            Sos | Fall | Smoke | Gas | Unknown => Priority::P1,
            Inactivity | Wandering => Priority::P2,
            Service => Priority::P4,
            _ => Priority::P3,
        }
    }
}

/// What was wrong with a signal that was taken all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants say it")]
pub enum Problem {
    UnknownDevice,
    BadKey,
    MissingKey,
    Unparseable,
    MissingDevice,
    MissingPress,
    MissingKind,
    UnknownKind,
    BadTime,
    BadLocation,
    BadBattery,
    TextTruncated,
    FieldTooLong,
    ClockOff,
    PressNumberReused,
    DeviceRetired,
    Flood,
}
