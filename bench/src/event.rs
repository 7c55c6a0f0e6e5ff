//! The rows of every cell: events of 400 bytes, the same for whoever writes them.
//!
//! For: event number N, always the same one.
//! May not know: who appends it, where to.

use bytes::Bytes;
use eventlog::{EventId, Expected, NewEvent, StreamAppend, StreamName};
use loadtest::{Doing, Failure};
use uuid::Uuid;

/// Bytes of an event's body, and of what is said about it.
const BODY: usize = 300;
const META: usize = 100;

/// Streams in the usual cell.
pub(crate) const STREAMS: u64 = 10_000;

const CATEGORIES: [&str; 4] = ["device", "incident", "care", "console"];
const KINDS: [&str; 8] = [
    "AlarmReceived",
    "IncidentOpened",
    "Offered",
    "Accepted",
    "ResponderSent",
    "ResponderArrived",
    "Resolved",
    "CareOpened",
];

/// Event number `number`, for one of `streams` streams.
pub(crate) fn append(number: u64, streams: u64) -> Result<StreamAppend, Failure> {
    to_stream(number, stream(number, streams))
}

/// Event number `number`, for a stream named here.
pub(crate) fn to_stream(number: u64, stream: String) -> Result<StreamAppend, Failure> {
    Ok(StreamAppend {
        stream: StreamName::new(stream).doing("name a stream")?,
        expected: Expected::Any,
        events: vec![event(number)],
    })
}

/// The stream that event number `number` goes to: scattered, as calls are.
pub(crate) fn stream(number: u64, streams: u64) -> String {
    named(stream_number(number, streams))
}

pub(crate) fn stream_number(number: u64, streams: u64) -> u64 {
    scatter(number) % streams
}

/// A stream by its own number.
pub(crate) fn named(stream: u64) -> String {
    let category = CATEGORIES[stream as usize % CATEGORIES.len()];
    format!("{category}-{stream:06}")
}

pub(crate) fn event(number: u64) -> NewEvent {
    NewEvent {
        id: EventId(id(number)),
        kind: kind(number).to_owned(),
        body: Bytes::from(body(number)),
        meta: Bytes::from(meta(number)),
    }
}

/// Looks as random as any.
pub(crate) fn id(number: u64) -> Uuid {
    let random = Uuid::from_u64_pair(scatter(number), scatter(!number));
    uuid::Builder::from_random_bytes(random.into_bytes()).into_uuid()
}

pub(crate) fn kind(number: u64) -> &'static str {
    KINDS[number as usize % KINDS.len()]
}

pub(crate) fn body(number: u64) -> String {
    filled(format!("{{\"number\":{number},\"text\":\""), BODY)
}

pub(crate) fn meta(number: u64) -> String {
    filled(format!("{{\"correlation\":\"{number:016x}"), META)
}

/// Ends a JSON text in the middle of a string so that it has `bytes`.
fn filled(mut text: String, bytes: usize) -> String {
    let filling = bytes.saturating_sub(text.len() + 2);
    text.extend(std::iter::repeat_n('x', filling));
    text.push_str("\"}");
    text
}

/// SplitMix64's mixing: neighbours come out far apart, and no two alike.
fn scatter(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_400_bytes_of_json_and_always_the_same() {
        for number in [0, 1, 77, u64::MAX] {
            let event = event(number);
            assert_eq!(event.size(), 400);
            for part in [&event.body, &event.meta] {
                serde_json::from_slice::<serde_json::Value>(part).unwrap();
            }
            assert_eq!(event, super::event(number));
        }
        assert_ne!(id(1), id(2));
    }
}
