//! Frames become signals: kinds, presses, owners, problems.

use super::*;
use crate::dc09::{frame, split};
use domain::Timestamp;
use proptest::prelude::*;

fn of(body: &str) -> Vec<Signal> {
    of_bytes(body.as_bytes(), None)
}

fn of_bytes(body: &[u8], broken: Option<split::Broken>) -> Vec<Signal> {
    signals(&frame::read(body, broken.is_none()).unwrap(), body, broken)
}

fn one(body: &str) -> Reading {
    let mut all = of(body);
    assert_eq!(all.len(), 1, "{body}");
    all.remove(0).reading
}

fn named(signal: &Signal) -> Vec<&str> {
    signal.devices.iter().map(DeviceId::as_str).collect()
}

#[test]
fn a_whole_alarm_has_no_problem_and_keeps_no_raw_bytes() {
    let body = "\"SIA-DCS\"0008R1L0#1234[#1234|Nri1/MA001^Bad^][X126E32.1000000][Y45N45.3000000][I im\u{4f8b}]_10:20:30,11-23-2026";
    let reading = one(body);
    assert_eq!(
        (reading.kind, &reading.problems),
        (SignalKind::Sos, &vec![])
    );
    assert_eq!(reading.raw, None);
    assert_eq!(reading.device.unwrap().as_str(), "dc09-1234");
    assert_eq!(reading.device_at, Some(Timestamp(1_795_429_230_000)));
    let place = reading.location.unwrap();
    assert_eq!((place.lon_e6, place.lat_e6), (126_535_000, 45_755_000));
    assert_eq!(reading.text.as_deref(), Some("MA 001 Bad im\u{4f8b}"));
    assert!(reading.press.starts_with("0008-"), "{}", reading.press);
}

#[test]
fn problems_are_noted_and_the_raw_frame_is_kept() {
    use Problem::*;
    let cases: [(&str, SignalKind, Option<&str>, &[Problem]); 18] = [
        (
            "\"SIA-DCS\"0001L0#1234[#1234|NJX1]",
            SignalKind::Unknown,
            Some("sia-JX"),
            &[UnknownKind],
        ),
        (
            "\"ADM-CID\"0001L0#1234[#1234|1735 01 007]",
            SignalKind::Unknown,
            Some("cid-1735"),
            &[UnknownKind],
        ),
        (
            "\"SIA-DCS\"0001L0#1234[#1234|NBA1]",
            SignalKind::Unknown,
            Some("sia-BA"),
            &[UnknownKind],
        ),
        (
            "\"SIA-DCS\"0001L0#1234[#1234|N]",
            SignalKind::Unknown,
            Some("sia-dcs"),
            &[MissingKind],
        ),
        (
            "\"SIA-DCS\"0001L0#1234[]",
            SignalKind::Unknown,
            Some("sia-dcs"),
            &[MissingKind],
        ),
        (
            "\"SIA-DCS\"0001L0#1234",
            SignalKind::Unknown,
            Some("sia-dcs"),
            &[Unparseable, MissingKind],
        ),
        (
            "\"ADM-CID\"0001L0#1234[#1234|11]",
            SignalKind::Unknown,
            Some("adm-cid"),
            &[MissingKind],
        ),
        (
            "\"ADM-CID\"0001L0#1234[#1234|1101 01]",
            SignalKind::Sos,
            None,
            &[Unparseable],
        ),
        (
            "\"ADM-CID\"0001L0#1234[#1234|1101 01 007",
            SignalKind::Sos,
            None,
            &[Unparseable],
        ),
        (
            "\"ACR-SF\"0001L0#1234[#1234|1101]",
            SignalKind::Unknown,
            Some("acr-sf"),
            &[UnknownKind],
        ),
        (
            "\"a b\"0001L0#1234[#1234|1101]",
            SignalKind::Unknown,
            None,
            &[UnknownKind],
        ),
        (
            "\"SIA-DCS\"0001L0[NMA1]",
            SignalKind::Sos,
            None,
            &[MissingDevice],
        ),
        (
            "\"SIA-DCS\"L0#1234[#1234|NMA1]",
            SignalKind::Sos,
            None,
            &[MissingPress],
        ),
        (
            "\"SIA-DCS\"0000L0#1234[#1234|NMA1]",
            SignalKind::Sos,
            None,
            &[MissingPress],
        ),
        (
            "\"SIA-DCS\"0001L0#1234[#1234|NMA1]_99:20:30,11-23-2026",
            SignalKind::Sos,
            None,
            &[BadTime],
        ),
        (
            "\"SIA-DCS\"0001L0#1234[#1234|NMA1][X200E1.0][Y45N1.0]",
            SignalKind::Sos,
            None,
            &[BadLocation],
        ),
        (
            "\"SIA-DCS\"0001L0#1234[#1234|NMA1][X0E0.0][Y0N0.0]",
            SignalKind::Sos,
            None,
            &[BadLocation],
        ),
        (
            "\"*SIA-DCS\"0001L0#1234[0BA99D1790EE",
            SignalKind::Unknown,
            Some("sia-dcs"),
            &[MissingKey],
        ),
    ];
    for (body, kind, word, problems) in cases {
        let reading = one(body);
        assert_eq!(
            (reading.kind, reading.kind_word.as_deref()),
            (kind, word),
            "{body}"
        );
        assert_eq!(reading.problems, problems, "{body}");
        assert_eq!(reading.raw.as_deref(), Some(body.as_bytes()), "{body}");
    }
    let whole = b"\"SIA-DCS\"0001L0#1234[#1234|NMA1]";
    let broken = of_bytes(whole, Some(split::Broken::Checksum))
        .remove(0)
        .reading;
    assert_eq!(
        (broken.kind, broken.problems),
        (SignalKind::Sos, vec![Unparseable])
    );
    let long = of_bytes(whole, Some(split::Broken::TooLong))
        .remove(0)
        .reading;
    assert_eq!(long.problems, vec![FieldTooLong]);
}

#[test]
fn an_account_finds_its_device_with_its_line_or_without() {
    let devices = |body: &str| of(body).remove(0);
    let plain = devices("\"SIA-DCS\"0001L0#12ab[#12ab|NMA1]");
    assert_eq!(named(&plain), ["dc09-12AB"]);
    let line = devices("\"SIA-DCS\"0001R1L02#1234[#1234|NMA1]");
    assert_eq!(named(&line), ["dc09-L2-1234", "dc09-1234"]);
    assert_eq!(line.reading.device.unwrap().as_str(), "dc09-1234");
    let two = devices("\"SIA-DCS\"0001L0#1234[#5678|NMA1]");
    assert_eq!(
        named(&two),
        ["dc09-5678", "dc09-1234"],
        "one unit, several accounts"
    );
    let inner = devices("\"SIA-DCS\"0001L[#1234|NMA1]");
    assert_eq!(named(&inner), ["dc09-1234"]);
    let outer = devices("\"SIA-DCS\"0001L0#1234[|NMA1]");
    assert_eq!(named(&outer), ["dc09-1234"]);
    let none = devices("\"SIA-DCS\"0001L[NMA1]");
    assert!(none.devices.is_empty());
}

#[test]
fn the_same_number_and_content_are_the_same_press_and_nothing_else_is() {
    let press = |body: &str| one(body).press;
    let first = press("\"SIA-DCS\"0001R1L0#1234[#1234|NMA1]_10:20:30,11-23-2026");
    let again = press("\"SIA-DCS\"0001R1L0#1234[#1234|NMA1]_10:20:50,11-23-2026");
    assert_eq!(first, again, "sent again with the time of sending");
    for other in [
        "\"SIA-DCS\"0002R1L0#1234[#1234|NMA1]_10:20:30,11-23-2026",
        "\"SIA-DCS\"0001R2L0#1234[#1234|NMA1]_10:20:30,11-23-2026",
        "\"SIA-DCS\"0001L0#1234[#1234|NMA1]_10:20:30,11-23-2026",
        "\"SIA-DCS\"0001R1L1#1234[#1234|NMA1]_10:20:30,11-23-2026",
        "\"SIA-DCS\"0001R1L0#1234[#1234|NMA2]_10:20:30,11-23-2026",
        "\"SIA-DCS\"0001R1L0#1234[#1234|NMA1][Ikitchen]_10:20:30,11-23-2026",
    ] {
        assert_ne!(first, press(other), "{other}");
    }
    // Enciphered anew it differs in every byte.
    assert_eq!(
        press("\"*SIA-DCS\"0001L0#1[AA"),
        press("\"*SIA-DCS\"0001L0#1[BB")
    );
    assert_ne!(
        press("\"*SIA-DCS\"0001L0#1[AA"),
        press("\"*SIA-DCS\"0002L0#1[AA")
    );
    // Without a number only the time may say that it is the same.
    assert_eq!(press("\"SIA-DCS\"0000L0#1[#1|NMA1]"), "");
    let timed = |zone: u8, second: u8| {
        press(&format!(
            "\"SIA-DCS\"0000L0#1[#1|NMA{zone}]_10:20:{second},11-23-2026"
        ))
    };
    assert_eq!(timed(1, 30), timed(1, 30));
    assert_ne!(timed(1, 30), timed(1, 31));
    assert_ne!(timed(1, 30), timed(2, 30));
}

#[test]
fn every_code_of_a_frame_is_a_signal_up_to_the_limit() {
    let all = of("\"SIA-DCS\"0001L0#1234[#1234|NMA1/XT2/FA3]");
    let kinds: Vec<SignalKind> = all.iter().map(|it| it.reading.kind).collect();
    assert_eq!(
        kinds,
        [SignalKind::Sos, SignalKind::LowBattery, SignalKind::Smoke]
    );
    let presses: std::collections::BTreeSet<&str> =
        all.iter().map(|it| it.reading.press.as_str()).collect();
    assert_eq!(presses.len(), 3, "each is a press of its own");
    let tests = "RP1/".repeat(40);
    let many = of(&format!("\"SIA-DCS\"0001L0#1234[#1234|N{tests}QA7/RP2]"));
    assert_eq!(many.len(), PANEL_CODES + 1);
    let last = &many.last().unwrap().reading;
    assert_eq!(last.kind, SignalKind::Sos, "of the rest the most pressing");
    assert_eq!(last.problems, [Problem::FieldTooLong]);
}

#[test]
fn text_of_any_character_set_is_read() {
    let body = [b"\"SIA-DCS\"0001L0#1[#1|NMA1^K\xFCche \x80^]".as_slice()].concat();
    let text = of_bytes(&body, None).remove(0).reading.text;
    assert_eq!(text.as_deref(), Some("MA 1 Küche €"));
    let long = format!("\"SIA-DCS\"0001L0#1[#1|NMA1^{}^]", "厨".repeat(TEXT_LIMIT));
    let cut = one(&long);
    assert_eq!(cut.text.unwrap().chars().count(), TEXT_LIMIT);
    assert_eq!(cut.problems, [Problem::TextTruncated]);
}

#[test]
fn positions_are_degrees_and_decimal_minutes() {
    let is = |text: &str, sides, limit| degrees_e6(text.as_bytes(), sides, limit);
    assert_eq!(is("126E32.1000000", b"EW", 180), Some(126_535_000));
    assert_eq!(is("045W30.0", b"EW", 180), Some(-45_500_000));
    assert_eq!(is("45s45.3", b"NS", 90), Some(-45_755_000));
    for wrong in [
        "", "126", "E", "126E", "126N1.0", "126E60.0", "126E-1", "181E0.0", "180E0.1", "1.5E3",
        "NaNE1", "126Einf", "-1E0",
    ] {
        assert_eq!(is(wrong, b"EW", 180), None, "{wrong}");
    }
}

proptest! {
    #[test]
    fn any_frame_gives_at_least_one_signal_within_the_bounds(
        word in "[*A-Z-]{0,8}", header in "[0-9RL#A-F]{0,30}", data in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let body = [b"\"", word.as_bytes(), b"\"", header.as_bytes(), b"[#1234|", &data].concat();
        let Some(frame) = frame::read(&body, true) else { return Ok(()) };
        let all = signals(&frame, &body, None);
        prop_assert!((1..=PANEL_CODES + 1).contains(&all.len()));
        for Signal { reading, devices } in all {
            prop_assert!(reading.press.chars().count() <= decode::PRESS_LIMIT);
            prop_assert!(reading.text.is_none_or(|it| it.chars().count() <= TEXT_LIMIT));
            prop_assert_eq!(reading.raw.is_some(), !reading.problems.is_empty());
            prop_assert!(devices.len() <= 4);
        }
    }
}
