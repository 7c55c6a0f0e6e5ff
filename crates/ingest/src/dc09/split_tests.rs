//! Streams of frames, half frames and junk: every frame is found, however the network cuts the bytes.

use super::*;
use crate::dc09::{answer, frame};
use domain::Timestamp;
use proptest::prelude::*;

/// Frames as printed in public material, checksum and length computed by hand.
pub(crate) const WORKED: [&str; 13] = [
    "\n96F3003D\"ADM-CID\"0001R1L0#1234[#1234|1101 01 007]_10:20:30,11-23-2026\r",
    "\nF944003D\"ADM-CID\"0002R1L0#1234[#1234|3101 01 007]_10:21:30,11-23-2026\r",
    "\nB5E50027\"ADM-CID\"0003L0#1234[#1234|1100 00 000]\r",
    "\n99030027\"ADM-CID\"0004L0#1234[#1234|1102 00 000]\r",
    "\nA3F60027\"ADM-CID\"0005L0#1234[#1234|1302 00 000]\r",
    "\n1E5F0027\"ADM-CID\"0006L0#1234[#1234|1384 00 007]\r",
    "\n49E4003C\"SIA-DCS\"0007R1L0#1234[#1234|Nri1/QA007]_10:20:30,11-23-2026\r",
    "\n7CEF005D\"SIA-DCS\"0008R1L0#1234[#1234|Nri1/MA001][X126E32.1000000][Y45N45.3000000]_10:20:30,11-23-2026\r",
    "\nED620015\"NULL\"0000R1L0#1234[]\r",
    "\n1EB60014\"ACK\"0001R1L0#1234[]\r",
    "\nA52F0078\"*ADM-CID\"0001R1L0#1234[0BA99D1790EEE05B5B0521046B2268CFF0CEBA2AC4F0960547FDAC3B2EA3760655211AFF7BAA7BEB7428789C0369F97C\r",
    "\n429E0055\"*NULL\"0000R1L0#1234[F498D7E889E50FF5E55B11BF6541318F89D3929377D4D4D9D91E61569ADEA507\r",
    "\n838B0078\"*SIA-DCS\"0007R1L0#1234[C7A5F615DDA5B1960006F90F677B39A3EE75E6DFA8F26E80F94B5FA116EBD695607DF07F2AA5014D4028E16115EF820B\r",
];

fn pieces(bytes: &[u8]) -> Vec<Piece> {
    pushed([bytes])
}

fn pushed<'a>(packets: impl IntoIterator<Item = &'a [u8]>) -> Vec<Piece> {
    let mut splitter = Splitter::default();
    let mut all = Vec::new();
    for packet in packets {
        splitter.push(packet);
        all.extend(std::iter::from_fn(|| splitter.next()));
        assert!(splitter.held.len() <= PANEL_FRAME_LIMIT + 16);
    }
    all.extend(splitter.end());
    assert_eq!(splitter.end(), None);
    all
}

fn whole(body: &[u8]) -> Piece {
    odd(body, Style::Digits, false)
}

fn odd(body: &[u8], style: Style, odd_length: bool) -> Piece {
    Piece::Whole {
        body: body.to_vec(),
        style,
        odd_length,
    }
}

fn broken(body: &[u8], why: Broken) -> Piece {
    let body = body.to_vec();
    Piece::Broken { body, why }
}

const BODY: &[u8] = b"\"ADM-CID\"0003L0#1234[#1234|1100 00 000]";

fn headed(checksum: &[u8], length: &str, body: &[u8]) -> Vec<u8> {
    [b"\n", checksum, length.as_bytes(), body, b"\r"].concat()
}

#[test]
fn the_worked_frames_are_whole_and_bear_the_checksum_that_is_printed() {
    for text in WORKED {
        let body = &text.as_bytes()[9..text.len() - 1];
        assert_eq!(pieces(text.as_bytes()), [whole(body)], "{text:?}");
        assert_eq!(answer::framed(body, Style::Digits), text.as_bytes());
    }
}

#[test]
fn answers_are_those_that_are_printed() {
    let body = &WORKED[0].as_bytes()[9..];
    let pendant = frame::read(&body[..body.len() - 1], true).unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let ack = answer::ack(&pendant, Style::Digits);
    assert_eq!(text(ack), "\n1EB60014\"ACK\"0001R1L0#1234[]\r");
    let duh = answer::duh(&pendant, Style::Digits);
    assert_eq!(text(duh), "\n6E6E0014\"DUH\"0001R1L0#1234[]\r");
    // 2026-11-23T10:20:30Z.
    let nak = answer::nak(Timestamp(1_795_429_230_000), Style::Digits);
    assert_eq!(
        text(nak),
        "\nDE2E0025\"NAK\"0000R0L0A0[]_10:20:30,11-23-2026\r"
    );
    // As bytes, in the order the panel wrote its own.
    let high = answer::ack(&pendant, Style::HighFirst);
    assert_eq!(high, b"\n\x1E\xB60014\"ACK\"0001R1L0#1234[]\r");
    let low = answer::ack(&pendant, Style::LowFirst);
    assert_eq!(low, b"\n\xB6\x1E0014\"ACK\"0001R1L0#1234[]\r");
}

#[test]
fn an_absent_receiver_stays_absent_in_the_answer() {
    let cases = [
        ("\"NULL\"0000L0#1234[]", "\"ACK\"0000L0#1234[]"),
        ("\"SIA-DCS\"0012L[#1234|NMA]", "\"ACK\"0012L[]"),
        ("\"SIA-DCS\"0012[#1234|NMA]", "\"ACK\"0012[]"),
        ("\"NULL\"0000R1L0#foc7688[]", "\"ACK\"0000R1L0#foc7688[]"),
        (
            "\"NULL\"9999Rab12L00ff#00001234[]",
            "\"ACK\"9999Rab12L00ff#00001234[]",
        ),
    ];
    for (asked, answered) in cases {
        let ack = answer::ack(&frame::read(asked.as_bytes(), true).unwrap(), Style::Digits);
        assert_eq!(&ack[9..ack.len() - 1], answered.as_bytes(), "{asked}");
    }
}

#[test]
fn what_panels_in_the_field_write_otherwise_is_taken() {
    let checksum = crc(BODY).to_be_bytes();
    let digits = b"B5E5";
    assert_eq!(&format!("{:04X}", crc(BODY)).into_bytes(), digits);
    let with_end = crc(&[BODY, b"\r"].concat());
    let with_end = format!("{with_end:04X}").into_bytes();
    let low_first = [checksum[1], checksum[0]];
    let cases: [(&str, Vec<u8>, Piece); 9] = [
        ("lower case", headed(b"b5e5", "0027", BODY), whole(BODY)),
        (
            "bytes",
            headed(&checksum, "0027", BODY),
            odd(BODY, Style::HighFirst, false),
        ),
        (
            "bytes, low first",
            headed(&low_first, "0027", BODY),
            odd(BODY, Style::LowFirst, false),
        ),
        (
            "the end counted too",
            headed(&with_end, "0028", BODY),
            odd(BODY, Style::Digits, true),
        ),
        (
            "a decimal length",
            headed(digits, "0039", BODY),
            odd(BODY, Style::Digits, true),
        ),
        (
            "a wrong length",
            headed(digits, "0001", BODY),
            odd(BODY, Style::Digits, true),
        ),
        (
            "too long a length",
            headed(digits, "0FFF", BODY),
            odd(BODY, Style::Digits, true),
        ),
        (
            "a zero behind",
            [headed(digits, "0027", BODY), vec![0]].concat(),
            whole(BODY),
        ),
        (
            "no end",
            headed(digits, "0027", BODY)[..48].to_vec(),
            whole(BODY),
        ),
    ];
    for (name, bytes, wanted) in cases {
        assert_eq!(pieces(&bytes), [wanted], "{name}");
    }
}

#[test]
fn a_checksum_in_bytes_may_look_like_anything() {
    // Bodies are searched whose checksum holds a line feed, a carriage return, or a zero.
    for wanted in [LF, CR, 0, b'"', b'0'] {
        let found = (0..u32::MAX).find_map(|n| {
            let body = format!("\"NULL\"0000L0#{n}[]");
            let [high, low] = crc(body.as_bytes()).to_be_bytes();
            (high == wanted || low == wanted).then_some((body, [high, low]))
        });
        let (body, checksum) = found.unwrap();
        let length = format!("0{:03X}", body.len());
        let bytes = headed(&checksum, &length, body.as_bytes());
        let is = odd(body.as_bytes(), Style::HighFirst, false);
        assert_eq!(pieces(&bytes.repeat(2)), [is.clone(), is], "{wanted}");
    }
}

#[test]
fn broken_frames_are_given_as_far_as_they_came_and_the_next_is_found() {
    let next = WORKED[8].as_bytes();
    let poll = whole(&next[9..next.len() - 1]);
    let cases: [(&str, Vec<u8>, Option<Piece>); 11] = [
        (
            "a wrong checksum",
            headed(b"B5E6", "0027", BODY),
            Some(broken(BODY, Broken::Checksum)),
        ),
        (
            "no checksum",
            headed(b"None", "0027", BODY),
            Some(broken(BODY, Broken::Checksum)),
        ),
        (
            "torn",
            headed(b"B5E5", "0027", BODY)[..30].to_vec(),
            Some(broken(&BODY[..21], Broken::Cut)),
        ),
        (
            "torn before its end",
            headed(b"B5E5", "0027", BODY)[..10].to_vec(),
            Some(broken(b"\"", Broken::Cut)),
        ),
        ("torn in its head", b"\nB5E500".to_vec(), None),
        (
            "only line feeds",
            b"\n\n\n\n\n\n\n\n\n\n\n\n".to_vec(),
            None,
        ),
        (
            "junk",
            b"GET / HTTP/1.1\r\nHost: here\r\n\r\n".to_vec(),
            None,
        ),
        ("zeros and blanks", b"\0\0 \t\r\n\0\r\n".to_vec(), None),
        ("bytes", (0..=255).filter(|it| *it != b'\n').collect(), None),
        (
            "no quotation mark",
            b"\nB5E50027ADM-CID0003L0\r".to_vec(),
            None,
        ),
        (
            "a length without digits",
            b"\nB5E50xyz\"NULL\"0000L0[]\r".to_vec(),
            None,
        ),
    ];
    for (name, bytes, first) in cases {
        let all: Vec<Piece> = first.into_iter().chain([poll.clone()]).collect();
        assert_eq!(pieces(&[&bytes, next].concat()), all, "{name}");
    }
}

#[test]
fn a_frame_without_end_is_given_up_at_the_limit_and_the_next_is_found() {
    let endless = [
        headed(b"B5E5", "0FFF", &b"\"SIA-DCS\"0001L0#1234[".repeat(400)),
        b"\n".to_vec(),
    ]
    .concat();
    let mut splitter = Splitter::default();
    splitter.push(&endless);
    let first = splitter.next();
    assert!(
        matches!(&first, Some(Piece::Broken { body, why: Broken::TooLong }) if body.len() == PANEL_FRAME_LIMIT)
    );
    assert!(splitter.junk() >= PANEL_FRAME_LIMIT);
    assert_eq!(splitter.next(), None);
    assert!(
        splitter.junk() > endless.len() - 16,
        "the rest of it is junk"
    );
    splitter.push(&WORKED[8].as_bytes()[1..]);
    assert!(matches!(splitter.next(), Some(Piece::Whole { .. })));
    assert_eq!(
        splitter.junk(),
        0,
        "a good frame makes up for what was before"
    );
}

#[test]
fn the_longest_frame_is_taken() {
    let data = "x".repeat(PANEL_FRAME_LIMIT - 24);
    let body = format!("\"SIA-DCS\"0001L0#1234[^{data}^]");
    assert_eq!(body.len(), PANEL_FRAME_LIMIT);
    let bytes = answer::framed(body.as_bytes(), Style::Digits);
    assert_eq!(pieces(&bytes), [whole(body.as_bytes())]);
}

/// Something a stream may hold.
fn part() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => proptest::sample::select(WORKED.to_vec()).prop_map(|it| it.as_bytes().to_vec()),
        1 => Just(headed(&crc(BODY).to_be_bytes(), "0027", BODY)),
        1 => Just(headed(b"B5E5", "0039", BODY)),
        1 => Just(headed(b"B5E6", "0027", BODY)),
        1 => (0usize..60).prop_map(|n| WORKED[0].as_bytes()[..n].to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..40),
        1 => proptest::collection::vec(proptest::sample::select(b"\n\r0\"F[]#\0".to_vec()), 0..40),
        1 => Just(vec![b'x'; 5_000]),
        1 => Just([b"\n12340FFF\"".to_vec(), vec![b'y'; 5_000]].concat()),
    ]
}

proptest! {
    #[test]
    fn a_stream_reads_the_same_however_it_is_cut(
        parts in proptest::collection::vec(part(), 0..8),
        cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..12),
    ) {
        let bytes = parts.concat();
        let mut at: Vec<usize> = cuts.iter().map(|it| it.index(bytes.len() + 1)).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        let packets = at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
        let mut splitter = Splitter::default();
        let mut found = Vec::new();
        for packet in packets {
            splitter.push(packet);
            found.extend(std::iter::from_fn(|| splitter.next()));
        }
        let junk = splitter.junk();
        found.extend(splitter.end());
        let mut at_once = Splitter::default();
        at_once.push(&bytes);
        let mut wanted: Vec<Piece> = std::iter::from_fn(|| at_once.next()).collect();
        prop_assert_eq!(junk, at_once.junk());
        wanted.extend(at_once.end());
        prop_assert_eq!(found, wanted);
    }

    #[test]
    fn byte_by_byte_is_the_same_as_at_once(parts in proptest::collection::vec(part(), 0..4)) {
        let bytes = parts.concat();
        let one_by_one = pushed(bytes.chunks(1));
        let mut splitter = Splitter::default();
        splitter.push(&bytes);
        let mut at_once: Vec<Piece> = std::iter::from_fn(|| splitter.next()).collect();
        at_once.extend(splitter.end());
        prop_assert_eq!(one_by_one, at_once);
    }

    #[test]
    fn whatever_stands_before_it_a_good_frame_is_found(junk in proptest::collection::vec(any::<u8>(), 0..200)) {
        // A line feed and half a head before it may swallow the frame's own; a carriage return ends that.
        let bytes = [junk.as_slice(), b"\r", WORKED[0].as_bytes()].concat();
        let body = &WORKED[0].as_bytes()[9..WORKED[0].len() - 1];
        prop_assert!(pieces(&bytes).contains(&whole(body)));
    }
}
