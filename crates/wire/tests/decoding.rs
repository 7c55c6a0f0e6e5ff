//! What pages and devices send, changed in a few places and made up: read, or refused with its place.
//!
//! For: that no text stops the readers of these shapes, and that what was read is written as it was read.
//! May not know: sockets; what the console or a device door does with a message.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]

#[path = "../../../tests/odd/mod.rs"]
mod odd;

use odd::{Changes, changed};
use proptest::{collection::vec, prelude::*, sample::Index, sample::select};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Debug;
use wire::{
    console::{CommandIn, DutyPhoneAnswer, FromPage, PhoneSignIn, SignIn, ToPage},
    device::{ChannelIn, ChannelOut, SignalIn},
};

/// One of every message a page sends.
const FROM_PAGE: [&str; 15] = [
    r#"{"t":"resume","console":"tab-1","position":17}"#,
    r#"{"t":"resume","console":"tab-1","position":null}"#,
    r#"{"t":"sign_on","party":"site","id":"s-1","sound":true}"#,
    r#"{"t":"sign_off"}"#,
    r#"{"t":"sound","proven":false}"#,
    r#"{"t":"shown","incident":"00000000-0000-0000-0000-000000001a11","revision":3,"sounded":true}"#,
    r#"{"t":"seek","position":41}"#,
    r#"{"t":"ping","n":7}"#,
    r#"{"t":"command","incident":"x","command":{"id":"1","seen":4,"at":1700000000000,"do":{"act":"accept"}}}"#,
    r#"{"t":"command","incident":"x","command":{"id":"1","seen":null,"do":{"act":"hold","reason":"talking","minutes":5}}}"#,
    r#"{"t":"command","incident":"x","command":{"id":"1","seen":null,"do":{"act":"try_contact","order":1,"result":"reached"}}}"#,
    r#"{"t":"command","incident":"x","command":{"id":"1","seen":null,"do":{"act":"delay_responder","responder":"li","minutes":9}}}"#,
    r#"{"t":"command","incident":"x","command":{"id":"1","seen":null,"do":{"act":"transfer","party":"site","id":null,"reason":"nearer"}}}"#,
    r#"{"t":"command","incident":"x","command":{"id":"1","seen":null,"do":{"act":"resolve","reason":"FALL","actions":["TALKED"],"outcome":"SAFE","note":"坐在椅子上"}}}"#,
    r#"{"t":"command","incident":"x","command":{"id":"1","seen":null,"do":{"act":"follow_up","text":null}}}"#,
];

const BODIES: [&str; 6] = [
    r#"{"id":"1","seen":4,"at":1700000000000,"do":{"act":"send_responder","responder":"li"}}"#,
    r#"{"name":"anna","password":"a long enough password"}"#,
    r#"{"token":"dGhlIHNhbXBsZSBub25jZQ"}"#,
    r#"{"call":"c-1","incident":"x","party":"site:s-1","digit":1}"#,
    r#"{"call":"c-1","incident":"x","party":{"party":"site","id":"s-1"},"digit":2,"answered_by":"李"}"#,
    r#"{"device":"HRB-000123","press":"17","kind":"sos","at":"2026-01-15T00:00:00Z","location":{"lat":45.75,"lon":126.63,"accuracy_m":12.5},"battery_pct":83,"text":"摔倒了"}"#,
];

const OUT: [&str; 7] = [
    r#"{"t":"pong","n":7,"now":1700000000000}"#,
    r#"{"t":"signed_out","why":"expired"}"#,
    r#"{"t":"duty","duty":null,"sound":false}"#,
    r#"{"t":"result","command":"1","done":{"revision":3,"position":17,"repeated":false},"refused":null}"#,
    r#"{"t":"health","troubles":[{"code":"one_copy","standing":true,"since":null,"args":[]}]}"#,
    r#"{"t":"heartbeat","battery_pct":83}"#,
    r#"{"t":"taken","press":"17","position":41,"stream":"device-HRB-000123","revision":4,"duplicate":false,"verified":true,"next_heartbeat_s":600,"retry":{"base_ms":500,"cap_ms":30000}}"#,
];

/// What is written into a good example, beside what troubles any reader of JSON.
const PIECES: [&str; 4] = ["0.5", "\"t\":", "\"act\":\"accept\",", "\"t\":\"ping\","];

fn changes() -> impl Strategy<Value = Changes> {
    odd::changes(&[&odd::JSON[..], &PIECES].concat())
}

/// One of the examples, changed in a few places.
fn one_changed(examples: Vec<&'static str>) -> impl Strategy<Value = Vec<u8>> {
    (select(examples), changes()).prop_map(|(example, changes)| changed(example, changes))
}

/// What was read is the same when it is written and read again; what was not says where, within the text.
fn holds<T: DeserializeOwned + Serialize + PartialEq + Debug>(
    bytes: &[u8],
) -> Result<bool, TestCaseError> {
    match serde_json::from_slice::<T>(bytes) {
        Ok(read) => {
            let written = serde_json::to_string(&read).unwrap();
            let again = serde_json::from_str::<T>(&written);
            prop_assert!(
                again.as_ref().is_ok_and(|it| *it == read),
                "{read:?}: {again:?}"
            );
            Ok(true)
        }
        Err(error) => {
            let lines = 1 + bytes.iter().filter(|it| **it == b'\n').count();
            prop_assert!(
                error.line() <= lines && error.column() <= bytes.len() + 1,
                "{error}"
            );
            Ok(false)
        }
    }
}

fn every_shape(bytes: &[u8]) -> Result<u32, TestCaseError> {
    let read = [
        holds::<FromPage>(bytes)?,
        holds::<CommandIn>(bytes)?,
        holds::<SignIn>(bytes)?,
        holds::<PhoneSignIn>(bytes)?,
        holds::<DutyPhoneAnswer>(bytes)?,
        holds::<ToPage>(bytes)?,
        holds::<SignalIn>(bytes)?,
        holds::<ChannelIn>(bytes)?,
        holds::<ChannelOut>(bytes)?,
    ];
    Ok(read.into_iter().map(u32::from).sum())
}

#[test]
fn every_example_reads_before_it_is_changed() {
    for example in FROM_PAGE.into_iter().chain(BODIES).chain(OUT) {
        assert!(every_shape(example.as_bytes()).unwrap() >= 1, "{example}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_with_their_place(bytes in vec(any::<u8>(), 0..400)) {
        every_shape(&bytes)?;
    }

    #[test]
    fn a_changed_message_is_read_as_it_stands_or_refused_with_its_place(
        bytes in one_changed(FROM_PAGE.into_iter().chain(BODIES).chain(OUT).collect()),
    ) {
        every_shape(&bytes)?;
    }

    #[test]
    fn a_message_that_was_cut_off_is_no_message(example in select(FROM_PAGE.to_vec()), at in any::<Index>()) {
        let cut = &example.as_bytes()[..at.index(example.len())];
        prop_assert_eq!(every_shape(cut)?, 0);
    }
}
