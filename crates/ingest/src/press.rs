//! The same press again, or a new one that bears an old number.
//!
//! For: looking an earlier press up in the device's stream, which survives any restart.
//! May not know: sealing, sockets, who sent it.

use crate::{
    decode::Reading,
    limits::{CLOCK_AHEAD, CLOCK_BEHIND, HISTORY},
};
use casebook::{BookError, Case, Casebook};
use domain::{
    Happened, Timestamp,
    device::{
        DeviceEvent, EarlierPress, NewPress, Received, SAME_PRESS_WITHIN, alarm_id, same_press,
    },
};
use eventlog::{Direction, EventId, Expected, Recorded, Revision, StreamName};
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

/// Device times before this say that the device has no clock: 2020-01-01, when this system was not there.
const CLOCKS_BEGIN: Timestamp = Timestamp(1_577_836_800_000);

/// Device times further ahead than this are made up, and may come again.
const CLOCKS_END: Duration = Duration::from_secs(24 * 3_600);

/// Ids tried for a number that was used again and again before a random one is taken.
const SALT_TRIES: u32 = 4;

/// What a signal is, to its stream.
pub(crate) enum Identity {
    /// It stands there already.
    Again(Arc<Recorded>),
    /// It is new.
    New {
        /// Its event id: the same whoever looks.
        id: EventId,
        /// What the stream must be for this to hold.
        expected: Expected,
        /// Its number was used by another press.
        reused: bool,
    },
}

/// Whether the device's time is noted as wrong.
pub(crate) fn clock_off(device_at: Timestamp, now: Timestamp) -> bool {
    device_at > now + CLOCK_AHEAD || device_at < now - CLOCK_BEHIND
}

/// The device's time as far as it can tell presses apart: a device without a clock says the same time after every
/// change of battery.
fn telling(device_at: Option<Timestamp>, received_at: Timestamp) -> Option<Timestamp> {
    device_at.filter(|at| *at >= CLOCKS_BEGIN && *at <= received_at + CLOCKS_END)
}

/// Looks the signal up. `name` is what the sender goes by in event ids.
pub(crate) async fn identify(
    casebook: &Casebook,
    stream: &StreamName,
    name: &str,
    reading: &Reading,
    now: Timestamp,
) -> Result<Identity, BookError> {
    let device_at = telling(reading.device_at, now);
    let new = NewPress {
        press: &reading.press,
        kind: reading.kind,
        device_at,
        received_at: now,
    };
    let history = History::read(casebook, stream, &new).await?;
    if let Some(same) = history.same {
        return Ok(Identity::Again(same));
    }
    let expected = history.head.map_or(Expected::NoStream, Expected::Exact);
    let fresh = |id, reused| Identity::New {
        id,
        expected,
        reused,
    };
    if reading.press.is_empty() && device_at.is_none() {
        // Nothing tells it from another: two alarms rather than none.
        return Ok(fresh(EventId(Uuid::new_v4()), false));
    }
    let id = |salt| {
        let alarm = alarm_id(name, None, &reading.press, reading.kind, device_at, salt);
        EventId(alarm.0)
    };
    let first = if device_at.is_some() { 0 } else { history.uses };
    let mut reused = history.uses > 0 && !reading.press.is_empty();
    if history.whole {
        return Ok(fresh(id(first), reused));
    }
    // Older than what was read: ids are looked up however long ago.
    for salt in first..first + SALT_TRIES {
        let Some(found) = casebook.log().find(stream, id(salt)).await? else {
            return Ok(fresh(id(salt), reused));
        };
        if device_at.is_some() {
            return Ok(Identity::Again(found));
        }
        reused = true;
    }
    Ok(fresh(EventId(Uuid::new_v4()), true))
}

/// What the end of the stream says about a press number.
struct History {
    head: Option<Revision>,
    /// The same press, if it was found.
    same: Option<Arc<Recorded>>,
    /// Other presses of this number and kind.
    uses: u32,
    /// The stream was read to its beginning.
    whole: bool,
}

impl History {
    async fn read(
        casebook: &Casebook,
        stream: &StreamName,
        new: &NewPress<'_>,
    ) -> Result<Self, BookError> {
        let mut history = Self {
            head: None,
            same: None,
            uses: 0,
            whole: false,
        };
        let (page_size, most) = HISTORY.into_inner();
        let mut from = Revision::END;
        let mut seen = 0;
        loop {
            let page = casebook
                .log()
                .read_stream(stream, from, Direction::Backward, page_size)
                .await?;
            history.head = history.head.or(page.first().map(|newest| newest.revision));
            for recorded in &page {
                if let Some(earlier) = earlier(recorded, new) {
                    if same_press(&earlier, new) {
                        history.same = Some(Arc::clone(recorded));
                        return Ok(history);
                    }
                    history.uses += u32::from(earlier.kind == new.kind);
                }
            }
            seen += page.len();
            let oldest = page.last();
            let Some(before) = oldest.and_then(|oldest| oldest.revision.0.checked_sub(1)) else {
                history.whole = true;
                return Ok(history);
            };
            let at = oldest.map_or(0, |oldest| oldest.recorded_at / 1_000);
            if seen >= most || new.received_at.since(Timestamp(at)) > SAME_PRESS_WITHIN {
                return Ok(history);
            }
            from = Revision(before);
        }
    }
}

/// The press an event of a device records, if it bears the same number.
fn earlier(recorded: &Recorded, new: &NewPress<'_>) -> Option<EarlierPress> {
    let (happened, received) = received(recorded)?;
    (received.press == new.press).then(|| EarlierPress {
        kind: received.kind,
        device_at: telling(received.device_at, happened),
        first_received_at: happened,
    })
}

/// What was received, and when, if this event says so.
pub(crate) fn received(recorded: &Recorded) -> Option<(Timestamp, Received)> {
    let Ok(Case::Device(Happened { at, event, .. })) = casebook::read(recorded) else {
        return None;
    };
    match event {
        DeviceEvent::AlarmReceived(received)
        | DeviceEvent::TestReceived(received)
        | DeviceEvent::TroubleReported(received) => Some((at, received)),
        _ => None,
    }
}
