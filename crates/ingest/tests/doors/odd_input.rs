//! Good signals, frames and panels' lines changed in a few places, sent to the doors: never dropped, never worse than marked.
//!
//! For: that whatever a device's bytes became on the way stands in the log as an alarm or as what it says, with its bytes where
//! something could not be read.
//! May not know: which problems there are; those are told one by one in `bad`.

use crate::common::{DEVICE, House, KEY};
use crate::odd::{self, Changes, cases, changed};
use crate::panel::{ack, medical};
use domain::{
    device::Received,
    signal::{Problem, SignalKind},
};
use ingest::{
    IngestOptions,
    decode::{self, Frame, RAW_LIMIT, Reading},
};
use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    test_runner::{TestCaseResult, TestRunner},
};
use serde_json::Value;
use std::{
    cell::Cell,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};
use tokio::runtime::Runtime;
use tokio_tungstenite::tungstenite::Message;

/// What devices send; `PRESS` is a number of its own.
const SIGNALS: [&str; 5] = [
    r#"{"device":"TEST-000123","press":"PRESS","kind":"sos","at":"2026-01-15T00:00:00Z","location":{"lat":45.75,"lon":126.63,"accuracy_m":12},"battery_pct":83,"text":"摔倒了"}"#,
    r#"{"device":"TEST-000123","press":"PRESS","kind":"fall"}"#,
    r#"{"device":"TEST-000123","press":"PRESS","kind":"test","battery_pct":5}"#,
    r#"{"device":"TEST-000123","press":"PRESS","kind":"low_battery"}"#,
    r#"{"device":"TEST-000999","press":"PRESS","kind":"smoke","location":{"lat":-45.75,"lon":-126.63}}"#,
];

/// What they say on a channel.
const FRAMES: [&str; 3] = [
    r#"{"t":"signal","device":"TEST-000123","press":"PRESS","kind":"sos","text":"厨房"}"#,
    r#"{"t":"signal","press":"PRESS","kind":"cancel"}"#,
    r#"{"t":"heartbeat","battery_pct":83}"#,
];

/// The panel's.
const ACCOUNT: &str = "1234";

/// What is written into a good example, beside what troubles any reader of JSON.
const PIECES: [&str; 7] = [
    "\n",
    "\r",
    "\"t\":\"heartbeat\",",
    "\"kind\":7,",
    "#",
    "|",
    "L0",
];

fn changes() -> impl Strategy<Value = Changes> {
    odd::changes(&[&odd::JSON[..], &PIECES].concat())
}

/// A house for all cases of a test, in which no source is one too many.
fn play<S: Strategy>(
    usual: u32,
    cases_of: &S,
    test: impl AsyncFn(&House, S::Value) -> TestCaseResult,
) {
    let runtime = Runtime::new().unwrap();
    let house = runtime.block_on(House::memory_with(IngestOptions {
        unverified_per_minute: 100_000,
        ..IngestOptions::default()
    }));
    let played =
        TestRunner::new(cases(usual)).run(cases_of, |case| runtime.block_on(test(&house, case)));
    runtime.block_on(house.stop());
    if let Err(found) = played {
        panic!("{found}");
    }
}

/// What a reading owes the one who sent its bytes.
fn is_bounded(reading: &Reading, bytes: &[u8]) -> TestCaseResult {
    prop_assert_eq!(reading.raw.is_some(), !reading.problems.is_empty());
    let kept = &bytes[..bytes.len().min(RAW_LIMIT)];
    prop_assert!(reading.raw.as_deref().is_none_or(|it| it == kept));
    prop_assert!(reading.press.chars().count() <= decode::PRESS_LIMIT);
    prop_assert!(reading.battery.is_none_or(|it| it <= 100));
    prop_assert!(
        reading
            .location
            .is_none_or(|it| it.lat_e6.abs() <= 90_000_000 && it.lon_e6.abs() <= 180_000_000)
    );
    Ok(())
}

/// A press of its own for every case: one that was told before is in the log as it was told then.
fn next_press() -> String {
    static LAST: AtomicU32 = AtomicU32::new(70_000_000);
    LAST.fetch_add(1, Relaxed).to_string()
}

/// What stands in the log says what was read, and that something could not be.
fn stands(kind: &str, received: &Received, reading: &Reading, duplicate: &Value) -> TestCaseResult {
    if duplicate == &Value::Bool(true) {
        // A press that was changed into one told before.
        prop_assert_eq!(&received.press, &reading.press);
        return Ok(());
    }
    prop_assert_eq!(received.kind, reading.kind);
    for problem in &reading.problems {
        // A channel is one device's: it need not say so again.
        let known = received.device.is_some() && *problem == Problem::MissingDevice;
        prop_assert!(
            known || received.problems.contains(problem),
            "{:?}",
            problem
        );
        prop_assert!(known || received.raw.is_some(), "{:?}", problem);
    }
    let known = ["AlarmReceived", "TestReceived", "TroubleReported"];
    prop_assert!(known.contains(&kind), "{}", kind);
    // What could not be read is never taken for less than an alarm.
    if reading.kind == SignalKind::Unknown {
        prop_assert_eq!(kind, "AlarmReceived");
    }
    Ok(())
}

#[test]
fn a_changed_signal_is_in_the_log_as_it_was_read() {
    let any_case = (select(SIGNALS.to_vec()), changes());
    play(128, &any_case, async |house, (signal, changes)| {
        let bytes = changed(signal.replace("PRESS", &next_press()), changes);
        let reading = decode::signal(&bytes);
        is_bounded(&reading, &bytes)?;
        let answer = house.send(Some(KEY), &bytes).await;
        // 200 is the answer to a press that was told before.
        prop_assert!(
            matches!(answer.status, 200..=202),
            "{} {}",
            answer.status,
            answer.body
        );
        let again = answer.json()["duplicate"] == true;
        prop_assert_eq!(answer.status == 200, again, "{}", answer.body);
        let (kind, _, received) = house.signal_at(answer.position()).await;
        stands(&kind, &received, &reading, &answer.json()["duplicate"])
    });
}

#[test]
fn a_changed_frame_is_a_sign_of_life_or_a_signal_in_the_log() {
    let any_case = (
        select(FRAMES.to_vec()),
        changes(),
        vec(any::<u8>(), 0..60),
        0..8u8,
    );
    play(96, &any_case, async |house, (frame, changes, any, how)| {
        let bytes = match how {
            0 => any,
            _ => changed(frame.replace("PRESS", &next_press()), changes),
        };
        let mut channel = house.channel(DEVICE, Some(KEY)).await;
        let sent = Message::binary(bytes.clone());
        futures_util::SinkExt::send(&mut channel.0, sent)
            .await
            .unwrap();
        match decode::frame(&bytes) {
            Frame::Heartbeat { battery } => {
                prop_assert!(battery.is_none_or(|it| it <= 100));
                channel.next_of("alive").await;
            }
            Frame::Signal { reading, .. } => {
                is_bounded(&reading, &bytes)?;
                let taken = channel.next_of("taken").await;
                // A text that came to name another device proves nothing of that one.
                let named = reading.device.as_ref().map(|it| it.as_str());
                prop_assert_eq!(
                    &taken["verified"],
                    named.is_none_or(|it| it == DEVICE),
                    "{:?}",
                    named
                );
                let (kind, _, received) =
                    house.signal_at(taken["position"].as_u64().unwrap()).await;
                stands(&kind, &received, &reading, &taken["duplicate"])?;
            }
        }
        Ok(())
    });
}

#[test]
fn after_a_changed_line_a_panels_alarm_is_heard() {
    let number = Cell::new(0);
    let any_case = (changes(), vec(any::<u8>(), 0..80), 0..6u8);
    play(96, &any_case, async |house, (changes, any, how)| {
        if number.get() == 0 {
            house.enrol(&[ACCOUNT]).await;
        }
        let (first, second) = (number.get() + 1, number.get() + 2);
        number.set(second);
        let before = match how {
            0 => any,
            _ => changed(medical(first, ACCOUNT), changes),
        };
        let mut panel = house.panel().await;
        // A carriage return ends a frame whose head asks for more.
        panel
            .send(
                &[
                    before.as_slice(),
                    b"\r",
                    medical(second, ACCOUNT).as_bytes(),
                ]
                .concat(),
            )
            .await;
        let wanted = ack(&format!("{second:04}L0#{ACCOUNT}"));
        loop {
            let answer = panel.answer().await;
            prop_assert!(
                !answer.is_empty(),
                "the line ended before the alarm was heard"
            );
            if answer == wanted {
                break;
            }
        }
        let all = house.panel_signals().await;
        let known = all.iter().any(|(kind, stream, it)| {
            kind == "AlarmReceived"
                && stream == "device-dc09-1234"
                && it.verified
                && it.problems.is_empty()
                && it.press.contains(&second.to_string())
        });
        prop_assert!(known, "{:?}", all.last());
        Ok(())
    });
}
