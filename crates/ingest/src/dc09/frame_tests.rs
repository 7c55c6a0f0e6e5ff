//! Frames taken apart, good and odd ones.

use super::*;
use proptest::prelude::*;

fn of(body: &str) -> Frame<'_> {
    read(body.as_bytes(), false).unwrap()
}

#[test]
fn the_parts_of_a_whole_frame_are_those_of_the_standard() {
    let frame =
        of("\"SIA-DCS\"0008R1L0#1234[#1234|Nri1/MA001][X126E32.1][Y45N45.3]_10:20:30,11-23-2026");
    assert_eq!(frame.token, Token::Sia);
    assert_eq!(
        (frame.header, frame.line),
        (&b"0008R1L0#1234"[..], &b"0"[..])
    );
    assert_eq!((frame.sequence, frame.account), (Some(8), Some("1234")));
    assert_eq!(frame.blocks.len(), 3);
    assert_eq!(frame.block(b'Y'), Some(&b"45N45.3"[..]));
    assert_eq!(frame.time(), Ok(Some(Timestamp(1_795_429_230_000))));
    assert!(!frame.odd && !frame.encrypted);
}

#[test]
fn an_encrypted_frame_has_one_block_to_its_end() {
    let frame = of("\"*SIA-DCS\"0007R1L0#1234[C7A5F6");
    assert!(frame.encrypted && !frame.odd);
    assert_eq!(
        (frame.token, frame.blocks),
        (Token::Sia, vec![&b"C7A5F6"[..]])
    );
}

#[test]
fn accounts_are_read_as_panels_write_them_and_never_cut_off() {
    let cases = [
        ("\"NULL\"0000R1L0#foc7688[]", Some("foc7688"), false),
        (
            "\"NULL\"0000L0#0123456789ABCDEF[]",
            Some("0123456789ABCDEF"),
            false,
        ),
        ("\"NULL\"0000L0#0123456789ABCDEF0[]", None, true),
        ("\"NULL\"0000L0#[]", None, false),
        ("\"NULL\"0000L[]", None, false),
        ("\"NULL\"0000[]", None, false),
        ("\"NULL\"0000L0#12", None, true),
        ("\"NULL\"0000L0#12 34[]", None, true),
        ("\"NULL\"0000L0 1234[]", None, true),
    ];
    for (body, account, odd) in cases {
        let frame = of(body);
        assert_eq!((frame.account, frame.odd), (account, odd), "{body}");
    }
}

#[test]
fn sequences_are_numbers_of_four_digits() {
    let cases = [
        ("0001", Some(1)),
        ("9999", Some(9_999)),
        ("7", Some(7)),
        ("", None),
        ("00001", None),
        ("0000", Some(0)),
    ];
    for (digits, sequence) in cases {
        assert_eq!(
            of(&format!("\"NULL\"{digits}L0#1[]")).sequence,
            sequence,
            "{digits}"
        );
    }
}

#[test]
fn times_are_utc_with_the_month_first_and_anything_else_is_none() {
    let at = |tail: &str| of(&format!("\"NULL\"0000L0#1[]{tail}")).time();
    assert_eq!(at(""), Ok(None));
    assert_eq!(at("_00:00:00,01-01-1970"), Ok(Some(Timestamp(0))));
    for wrong in [
        "_",
        "10:20:30,11-23-2026",
        "_10:20:30",
        "_24:00:00,11-23-2026",
        "_10:60:30,11-23-2026",
        "_10:20:30,13-23-2026",
        "_10:20:30,02-30-2026",
        "_10:20:30,23.11.2026",
        "_1a:20:30,11-23-2026",
        "_10:20:30,11-23-20266",
        "_é0:20:30,11-23-206",
    ] {
        assert_eq!(at(wrong), Err(()), "{wrong}");
    }
    let happened =
        of("\"SIA-DCS\"0001L0#1[#1|NMA][H00:00:01,01-01-1970]_10:20:30,11-23-2026").time();
    assert_eq!(
        happened,
        Ok(Some(Timestamp(1_000))),
        "when it happened, not when it was sent"
    );
    let underlined = of("\"SIA-DCS\"0001L0#1[#1|NMA1][H_00:00:01,01-01-1970]").time();
    assert_eq!(underlined, Ok(Some(Timestamp(1_000))));
    assert_eq!(time_text(Timestamp(1_000)), "_00:00:01,01-01-1970");
}

#[test]
fn tokens_are_told_apart_in_any_case() {
    let cases = [
        ("SIA-DCS", Token::Sia),
        ("sia-dcs", Token::Sia),
        ("ADM-CID", Token::ContactId),
        ("NULL", Token::Poll),
        ("ACK", Token::Answer),
        ("NAK", Token::Answer),
        ("DUH", Token::Answer),
        ("RSP", Token::Answer),
        ("NSU", Token::Answer),
        ("ACR-SF", Token::Unknown),
        ("", Token::Unknown),
    ];
    for (word, token) in cases {
        assert_eq!(of(&format!("\"{word}\"0001L0#1[]")).token, token, "{word}");
    }
}

#[test]
fn what_has_no_token_or_an_endless_header_is_no_frame() {
    assert_eq!(read(b"", true), None);
    assert_eq!(read(b"\"SIA-DCS0001L0#1[]", true), None);
    assert_eq!(read(b"SIA-DCS\"0001L0#1[]", true), None);
    let header = "1".repeat(PANEL_HEADER + 1);
    assert_eq!(read(format!("\"NULL\"{header}[]").as_bytes(), true), None);
    assert!(read(format!("\"NULL\"{}[]", &header[1..]).as_bytes(), true).is_some());
}

proptest! {
    #[test]
    fn any_body_is_read_or_not_and_nothing_worse(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let body = [b"\"SIA-DCS\"".as_slice(), &bytes].concat();
        for body in [&bytes, &body] {
            if let Some(frame) = read(body, false) {
                let _ = frame.time();
                prop_assert!(frame.account.is_none_or(|it| it.len() <= ACCOUNT_LIMIT));
            }
        }
    }
}
