//! The fields of a signal, one by one.
//!
//! For: reading each field as far as it goes and noting what does not fit.
//! May not know: whether the whole was JSON.

use super::{KIND_LIMIT, Place, Reading, TEXT_LIMIT, press_name};
use domain::{
    DeviceId, Timestamp,
    id::IdError,
    signal::{Problem, SignalKind},
};
use serde_json::{Map, Value};

/// Longest text that is tried as a time, in bytes; RFC 3339 with nanoseconds takes 35.
const TIME_LIMIT: usize = 64;

/// Largest radius of error that says anything, in metres: the size of the municipality.
const ACCURACY_LIMIT_M: f64 = 500_000.0;

/// Reads every field the contract knows; others are passed over.
pub(super) fn read(found: &Map<String, Value>, reading: &mut Reading) {
    let present = |name: &str| found.get(name).filter(|value| !value.is_null());
    reading.device = device(present("device"), reading);
    reading.press = press(present("press"), reading);
    kind(present("kind"), reading);
    reading.device_at = time(present("at"), reading);
    reading.location = place(present("location"), reading);
    reading.battery = battery(present("battery_pct"), reading);
    reading.text = text(present("text"), reading);
}

/// A name given as text or as a whole number; anything else is not a name.
fn word(value: Option<&Value>, reading: &mut Reading) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) if number.is_u64() || number.is_i64() => Some(number.to_string()),
        _ => {
            reading.note(Problem::Unparseable);
            None
        }
    }
}

pub(super) fn device(value: Option<&Value>, reading: &mut Reading) -> Option<DeviceId> {
    let Some(text) = word(value, reading) else {
        reading.note(Problem::MissingDevice);
        return None;
    };
    match DeviceId::parse(&text) {
        Ok(device) => return Some(device),
        Err(IdError::TooLong) => reading.note(Problem::FieldTooLong),
        Err(IdError::Empty | IdError::Character) => reading.note(Problem::Unparseable),
    }
    reading.note(Problem::MissingDevice);
    None
}

fn press(value: Option<&Value>, reading: &mut Reading) -> String {
    let Some(text) = word(value, reading) else {
        reading.note(Problem::MissingPress);
        return String::new();
    };
    let (name, problem) = press_name(&text);
    if let Some(problem) = problem {
        reading.note(problem);
    }
    name
}

fn kind(value: Option<&Value>, reading: &mut Reading) {
    let text = match value {
        None => {
            reading.note(Problem::MissingKind);
            return;
        }
        Some(Value::String(text)) => text.trim().to_ascii_lowercase(),
        Some(_) => {
            reading.note(Problem::Unparseable);
            reading.note(Problem::UnknownKind);
            return;
        }
    };
    if text.is_empty() {
        reading.note(Problem::MissingKind);
        return;
    }
    if text.len() > KIND_LIMIT {
        reading.note(Problem::FieldTooLong);
    }
    match known_kind(&text) {
        Some(kind) => reading.kind = kind,
        None => {
            reading.note(Problem::UnknownKind);
            // Only a plain word is kept in the open: free text might name a person and stays in the sealed bytes.
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
            reading.kind_word =
                Some(text).filter(|t| t.len() <= KIND_LIMIT && t.chars().all(plain));
        }
    }
}

fn known_kind(text: &str) -> Option<SignalKind> {
    Some(match text {
        "sos" => SignalKind::Sos,
        "fall" => SignalKind::Fall,
        "smoke" => SignalKind::Smoke,
        "gas" => SignalKind::Gas,
        "inactivity" => SignalKind::Inactivity,
        "wandering" => SignalKind::Wandering,
        "service" => SignalKind::Service,
        "cancel" => SignalKind::Cancel,
        "test" => SignalKind::Test,
        "heartbeat" => SignalKind::Heartbeat,
        "low_battery" => SignalKind::LowBattery,
        "mains_lost" => SignalKind::MainsLost,
        "mains_restored" => SignalKind::MainsRestored,
        "line_lost" => SignalKind::LineLost,
        "tamper" => SignalKind::Tamper,
        "device_fault" => SignalKind::DeviceFault,
        _ => return None,
    })
}

fn time(value: Option<&Value>, reading: &mut Reading) -> Option<Timestamp> {
    let read = match value? {
        Value::String(text) if text.len() <= TIME_LIMIT => {
            text.trim().parse::<jiff::Timestamp>().ok()
        }
        _ => None,
    };
    if read.is_none() {
        reading.note(Problem::BadTime);
    }
    read.map(|at| Timestamp(at.as_millisecond()))
}

fn place(value: Option<&Value>, reading: &mut Reading) -> Option<Place> {
    let value = value?;
    let (lat, sure_lat) = number(value.get("lat"));
    let (lon, sure_lon) = number(value.get("lon"));
    if !(sure_lat && sure_lon) {
        reading.note(Problem::BadLocation);
    }
    let found = lat.zip(lon).filter(|(lat, lon)| {
        // 0° 0° is what a receiver without a fix says, and no one of ours lives there.
        lat.abs() <= 90.0 && lon.abs() <= 180.0 && (*lat != 0.0 || *lon != 0.0)
    });
    let Some((lat, lon)) = found else {
        reading.note(Problem::BadLocation);
        return None;
    };
    let accuracy_m = match value.get("accuracy_m").filter(|it| !it.is_null()) {
        None => None,
        Some(value) => {
            let metres = number(Some(value)).0;
            let metres = metres.filter(|it| (0.0..=ACCURACY_LIMIT_M).contains(it));
            if metres.is_none() {
                reading.note(Problem::BadLocation);
            }
            metres.map(|it| it.ceil() as u32)
        }
    };
    Some(Place {
        lon_e6: (lon * 1e6).round() as i32,
        lat_e6: (lat * 1e6).round() as i32,
        accuracy_m,
    })
}

pub(super) fn battery(value: Option<&Value>, reading: &mut Reading) -> Option<u8> {
    let value = value.filter(|value| !value.is_null())?;
    let (percent, sure) = number(Some(value));
    let percent = percent.filter(|it| (0.0..=100.0).contains(it));
    if percent.is_none() || !sure {
        reading.note(Problem::BadBattery);
    }
    percent.map(|it| it.round() as u8)
}

fn text(value: Option<&Value>, reading: &mut Reading) -> Option<String> {
    let text = match value? {
        Value::String(text) => text.clone(),
        other => {
            reading.note(Problem::Unparseable);
            other.to_string()
        }
    };
    if text.trim().is_empty() {
        return None;
    }
    let mut kept = text.chars();
    let text: String = kept.by_ref().take(TEXT_LIMIT).collect();
    if kept.next().is_some() {
        reading.note(Problem::TextTruncated);
    }
    Some(text)
}

/// A finite number, and whether it was given as one; a number in quotes is read too.
fn number(value: Option<&Value>) -> (Option<f64>, bool) {
    match value {
        Some(Value::Number(number)) => (number.as_f64().filter(|it| it.is_finite()), true),
        Some(Value::String(text)) => {
            let read = text.trim().parse::<f64>().ok();
            (read.filter(|it| it.is_finite()), false)
        }
        _ => (None, false),
    }
}
