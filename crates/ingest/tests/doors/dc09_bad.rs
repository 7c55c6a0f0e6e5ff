//! Frames no standard knows: what can be read raises a person, what is no frame is passed over, and the next good frame
//! on the same connection is answered.

use crate::common::House;
use crate::panel::{ack, crc, framed, medical};
use domain::signal::{Problem, SignalKind};
use ingest::IngestOptions;

/// What becomes of it: the answer's body with or without, and what is stored.
struct Case {
    name: &'static str,
    bytes: Vec<u8>,
    answer: Option<String>,
    stored: Option<(SignalKind, Vec<Problem>)>,
}

fn stored(
    name: &'static str,
    body: &str,
    answer: &str,
    kind: SignalKind,
    problems: &[Problem],
) -> Case {
    Case {
        name,
        bytes: framed(body).into_bytes(),
        answer: Some(framed(answer)),
        stored: Some((kind, problems.to_vec())),
    }
}

fn unanswered(name: &'static str, bytes: impl Into<Vec<u8>>, problems: &[Problem]) -> Case {
    Case {
        name,
        bytes: bytes.into(),
        answer: None,
        stored: Some((SignalKind::Sos, problems.to_vec())),
    }
}

/// Whole by its checksum, and nothing in it can be read: a person sees it, and there is nothing to answer with.
fn shapeless(name: &'static str, bytes: impl Into<Vec<u8>>) -> Case {
    use Problem::{MissingDevice, UnknownDevice, Unparseable};
    Case {
        stored: Some((
            SignalKind::Unknown,
            vec![MissingDevice, Unparseable, UnknownDevice],
        )),
        ..unanswered(name, bytes, &[])
    }
}

fn passed_over(name: &'static str, bytes: impl Into<Vec<u8>>) -> Case {
    Case {
        name,
        bytes: bytes.into(),
        answer: None,
        stored: None,
    }
}

/// A frame with another checksum, length or end than the right one.
fn headed(checksum: &str, length: &str, body: &str, end: &str) -> String {
    format!("\n{checksum}{length}{body}{end}")
}

fn table() -> Vec<Case> {
    use Problem::*;
    use SignalKind::{Sos, Test, Unknown};
    let body = "\"SIA-DCS\"0001L0#1234[#1234|NMA001]";
    let sum = format!("{:04X}", crc(body.as_bytes()));
    let length = format!("0{:03X}", body.len());
    let with_end = format!("{:04X}", crc(format!("{body}\r").as_bytes()));
    let longer = format!("0{:03X}", body.len() + 1);
    let decimal = format!("{:04}", body.len());
    let as_bytes: Vec<u8> = [
        b"\n",
        &crc(body.as_bytes()).to_be_bytes()[..],
        length.as_bytes(),
        body.as_bytes(),
        b"\r",
    ]
    .concat();
    let answer = ack("0001L0#1234");
    let sos = |name, bytes: String| Case {
        name,
        bytes: bytes.into_bytes(),
        answer: Some(answer.clone()),
        stored: Some((Sos, vec![])),
    };
    let answer_as_bytes: String = {
        let body = "\"ACK\"0001L0#1234[]";
        let sum = crc(body.as_bytes()).to_be_bytes();
        let text = [b"\n", &sum[..], b"0012", body.as_bytes(), b"\r"].concat();
        text.into_iter().map(char::from).collect()
    };
    vec![
        // Written otherwise, and understood.
        sos(
            "a checksum in small letters",
            headed(&sum.to_lowercase(), &length, body, "\r"),
        ),
        sos(
            "the end counted too",
            headed(&with_end, &longer, body, "\r"),
        ),
        sos("a decimal length", headed(&sum, &decimal, body, "\r")),
        sos("a length that is wrong", headed(&sum, "0001", body, "\r")),
        sos("no end", headed(&sum, &length, body, "")),
        sos("a zero behind", headed(&sum, &length, body, "\r\0")),
        sos("a new line behind", headed(&sum, &length, body, "\r\n")),
        sos(
            "junk before",
            format!("hello{}", headed(&sum, &length, body, "\r")),
        ),
        Case {
            name: "a checksum in bytes",
            bytes: as_bytes,
            answer: Some(answer_as_bytes),
            stored: Some((Sos, vec![])),
        },
        stored(
            "small letters",
            "\"sia-dcs\"0001L0#1234[#1234|NMA001]",
            "\"ACK\"0001L0#1234[]",
            Sos,
            &[],
        ),
        stored(
            "no number sign inside",
            "\"SIA-DCS\"0001L0#1234[1234|NMA001]",
            "\"ACK\"0001L0#1234[]",
            Sos,
            &[],
        ),
        stored(
            "an empty account inside",
            "\"SIA-DCS\"0001L0#1234[|NMA001]",
            "\"ACK\"0001L0#1234[]",
            Sos,
            &[],
        ),
        stored(
            "an account only inside",
            "\"SIA-DCS\"0001L[#1234|NMA001]",
            "\"ACK\"0001L[]",
            Sos,
            &[],
        ),
        stored(
            "no line at all",
            "\"SIA-DCS\"0001[#1234|NMA001]",
            "\"ACK\"0001[]",
            Sos,
            &[],
        ),
        stored(
            "an account that is no number",
            "\"SIA-DCS\"0001L0#zentrale7[#zentrale7|NMA001]",
            "\"ACK\"0001L0#zentrale7[]",
            Sos,
            &[UnknownDevice],
        ),
        stored(
            "by position",
            "\"ADM-CID\"0001L0#1234[#1234|18160201000D]",
            "\"ACK\"0001L0#1234[]",
            Test,
            &[],
        ),
        stored(
            "no slash",
            "\"SIA-DCS\"0001L0#1234[#1234|Nri1MA3]",
            "\"ACK\"0001L0#1234[]",
            Sos,
            &[],
        ),
        // Not understood, and a person looks at it: never DUH for a code.
        stored(
            "an unknown code",
            "\"SIA-DCS\"0001L0#1234[#1234|NJX9]",
            "\"ACK\"0001L0#1234[]",
            Unknown,
            &[UnknownKind],
        ),
        stored(
            "an unknown event",
            "\"ADM-CID\"0001L0#1234[#1234|1799 01 001]",
            "\"ACK\"0001L0#1234[]",
            Unknown,
            &[UnknownKind],
        ),
        stored(
            "an unknown event that ended",
            "\"ADM-CID\"0001L0#1234[#1234|3799 01 001]",
            "\"ACK\"0001L0#1234[]",
            Unknown,
            &[UnknownKind],
        ),
        stored(
            "a burglar",
            "\"SIA-DCS\"0001L0#1234[#1234|NBA1]",
            "\"ACK\"0001L0#1234[]",
            Unknown,
            &[UnknownKind],
        ),
        stored(
            "an exit alarm",
            "\"SIA-DCS\"0001L0#1234[#1234|NEA1]",
            "\"ACK\"0001L0#1234[]",
            Unknown,
            &[UnknownKind],
        ),
        stored(
            "no code",
            "\"SIA-DCS\"0001L0#1234[#1234|N]",
            "\"ACK\"0001L0#1234[]",
            Unknown,
            &[MissingKind],
        ),
        stored(
            "no data",
            "\"SIA-DCS\"0001L0#1234[]",
            "\"ACK\"0001L0#1234[]",
            Unknown,
            &[MissingKind],
        ),
        stored(
            "no brackets",
            "\"SIA-DCS\"0001L0#1234",
            "\"ACK\"0001L0#1234[]",
            Unknown,
            &[Unparseable, MissingKind],
        ),
        stored(
            "half a code",
            "\"ADM-CID\"0001L0#1234[#1234|11]",
            "\"ACK\"0001L0#1234[]",
            Unknown,
            &[MissingKind],
        ),
        stored(
            "an event cut short",
            "\"ADM-CID\"0001L0#1234[#1234|1101 01]",
            "\"ACK\"0001L0#1234[]",
            Sos,
            &[Unparseable],
        ),
        stored(
            "an odd qualifier",
            "\"ADM-CID\"0001L0#1234[#1234|9101 01 001]",
            "\"ACK\"0001L0#1234[]",
            Sos,
            &[Unparseable],
        ),
        stored(
            "no closing bracket",
            "\"SIA-DCS\"0001L0#1234[#1234|NMA1",
            "\"ACK\"0001L0#1234[]",
            Sos,
            &[Unparseable],
        ),
        stored(
            "text without its end",
            "\"SIA-DCS\"0001L0#1234[#1234|NMA1^kitchen]",
            "\"ACK\"0001L0#1234[]",
            Sos,
            &[Unparseable],
        ),
        stored(
            "no account anywhere",
            "\"SIA-DCS\"0001L0[NMA1]",
            "\"ACK\"0001L0[]",
            Sos,
            &[MissingDevice, UnknownDevice],
        ),
        stored(
            "an endless account",
            "\"SIA-DCS\"0001L0#12345678901234567[NMA1]",
            "\"ACK\"0001L0#12345678901234567[]",
            Sos,
            &[MissingDevice, Unparseable, UnknownDevice],
        ),
        stored(
            "no number",
            "\"SIA-DCS\"L0#1234[#1234|NMA1]",
            "\"ACK\"L0#1234[]",
            Sos,
            &[MissingPress],
        ),
        stored(
            "the number of a poll",
            "\"SIA-DCS\"0000L0#1234[#1234|NMA1]",
            "\"ACK\"0000L0#1234[]",
            Sos,
            &[MissingPress],
        ),
        stored(
            "a number too long",
            "\"SIA-DCS\"00001L0#1234[#1234|NMA1]",
            "\"ACK\"00001L0#1234[]",
            Sos,
            &[MissingPress],
        ),
        stored(
            "a time that is none",
            "\"SIA-DCS\"0001L0#1234[#1234|NMA1]_25:61:61,13-32-2026",
            "\"ACK\"0001L0#1234[]",
            Sos,
            &[BadTime],
        ),
        stored(
            "something for a time",
            "\"SIA-DCS\"0001L0#1234[#1234|NMA1]tomorrow",
            "\"ACK\"0001L0#1234[]",
            Sos,
            &[BadTime],
        ),
        stored(
            "a clock years behind",
            "\"SIA-DCS\"0001L0#1234[#1234|NMA1]_00:00:00,01-01-2000",
            "\"ACK\"0001L0#1234[]",
            Sos,
            &[ClockOff],
        ),
        stored(
            "a clock years ahead",
            "\"SIA-DCS\"0001L0#1234[#1234|NMA1]_00:00:00,01-01-2036",
            "\"ACK\"0001L0#1234[]",
            Sos,
            &[ClockOff],
        ),
        stored(
            "a place off the earth",
            "\"SIA-DCS\"0001L0#1234[#1234|NMA1][X999E0.0][Y45N0.0]",
            "\"ACK\"0001L0#1234[]",
            Sos,
            &[BadLocation],
        ),
        stored(
            "another notation",
            "\"ACR-SF\"0001L0#1234[#1234|AB]",
            "\"DUH\"0001L0#1234[]",
            Unknown,
            &[UnknownKind],
        ),
        stored(
            "a token without a name",
            "\"\"0001L0#1234[#1234|AB]",
            "\"DUH\"0001L0#1234[]",
            Unknown,
            &[UnknownKind],
        ),
        // The checksum does not fit, or the frame is torn: never an answer; a person all the same when it says whose it is.
        unanswered(
            "a wrong checksum",
            headed("0000", &length, body, "\r"),
            &[Unparseable],
        ),
        unanswered(
            "a checksum that is no number",
            headed("None", &length, body, "\r"),
            &[Unparseable],
        ),
        unanswered(
            "torn by the next frame",
            headed(&sum, &length, &body[..31], "\n"),
            &[Unparseable],
        ),
        unanswered(
            "too long for the standard",
            headed(
                &sum,
                "0FFF",
                &format!(
                    "\"SIA-DCS\"0001L0#1234[#1234|NMA001^{}^]",
                    "x".repeat(5_000)
                ),
                "\r",
            ),
            &[FieldTooLong, Unparseable, TextTruncated],
        ),
        passed_over("a torn account", headed(&sum, &length, &body[..17], "\n")),
        passed_over(
            "a poll with a wrong checksum",
            headed("0000", "0013", "\"NULL\"0000L0#1234[]", "\r"),
        ),
        passed_over("an answer nobody asked for", framed("\"ACK\"0001L0#1234[]")),
        passed_over("a programming answer", framed("\"RSP\"0001L0#1234[K0011]")),
        passed_over("a token not in use", framed("\"NSU\"0001L0#1234[]")),
        passed_over("no token", framed("0001L0#1234[#1234|NMA1]")),
        shapeless(
            "an endless header",
            framed(&format!("\"SIA-DCS\"{}[#1234|NMA1]", "0".repeat(65))),
        ),
        passed_over("another protocol", "GET / HTTP/1.1\r\nHost: here\r\n\r\n"),
        passed_over("nothing but line feeds", "\n\n\n\n\n\n\n\n\n\n\n\n"),
        passed_over("zeros", [0; 100]),
    ]
}

#[tokio::test]
async fn every_bad_frame_is_a_person_or_passed_over_and_the_next_one_is_answered() {
    let table = table();
    assert!(table.len() >= 50, "{} cases", table.len());
    for case in table {
        let options = IngestOptions::default();
        let house = House::memory_with(options).await;
        house.enrol(&["1234"]).await;
        let mut panel = house.panel().await;
        panel.send(&case.bytes).await;
        panel.send(medical(9_999, "1234").as_bytes()).await;
        if let Some(answer) = &case.answer {
            assert_eq!(panel.answer().await, *answer, "{}", case.name);
        }
        assert_eq!(panel.answer().await, ack("9999L0#1234"), "{}", case.name);
        let mut all = house.panel_signals().await;
        let last = all.pop().unwrap().2;
        assert!(
            last.problems.is_empty(),
            "{}: {:?}",
            case.name,
            last.problems
        );
        assert!(all.len() <= 1, "{}", case.name);
        let found = all.pop().map(|(_, _, it)| it);
        if let Some(received) = &found {
            let unread = received
                .problems
                .iter()
                .any(|it| !matches!(it, Problem::ClockOff | Problem::UnknownDevice));
            assert_eq!(received.raw.is_some(), unread, "{}", case.name);
        }
        assert_eq!(
            found.map(|it| (it.kind, it.problems)),
            case.stored,
            "{}",
            case.name
        );
        house.stop().await;
    }
}
