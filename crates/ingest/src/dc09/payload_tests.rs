//! Payloads in the notations panels use.

use super::*;
use SignalKind::{Cancel, DeviceFault, Inactivity, LowBattery, Smoke, Sos, Test};
use proptest::prelude::*;

#[test]
fn the_account_stands_before_the_bar_in_many_ways() {
    let cases: [(&str, Option<&str>, &str); 8] = [
        ("#1234|NMA", Some("1234"), "NMA"),
        ("1234|NMA", Some("1234"), "NMA"),
        ("|NMA", None, "NMA"),
        ("#|NMA", None, "NMA"),
        ("NMA", None, "NMA"),
        ("#1234", Some("1234"), ""),
        ("#12 34|NMA", None, "NMA"),
        ("", None, ""),
    ];
    for (block, account, payload) in cases {
        assert_eq!(
            split(block.as_bytes()),
            (account, payload.as_bytes()),
            "{block}"
        );
    }
}

#[test]
fn contact_id_is_read_with_blanks_and_by_position() {
    type Wanted = Option<(&'static str, Option<SignalKind>, &'static str, bool)>;
    let cases: [(&str, Wanted); 15] = [
        ("1101 01 007", Some(("1101", Some(Sos), "01007", false))),
        ("3101 01 007", Some(("3101", Some(Cancel), "01007", false))),
        ("6101 01 007", Some(("6101", Some(Sos), "01007", false))),
        ("110101007", Some(("1101", Some(Sos), "01007", false))),
        ("1101010075", Some(("1101", Some(Sos), "01007", false))),
        ("18160201000D", Some(("1602", Some(Test), "01000", false))),
        ("18110101007", Some(("1101", Some(Sos), "01007", false))),
        (
            "1234181101010075",
            Some(("1101", Some(Sos), "01007", false)),
        ),
        ("1102", Some(("1102", Some(Inactivity), "", true))),
        ("9101 01 007", Some(("9101", Some(Sos), "01007", true))),
        ("1735 01 007", Some(("1735", None, "01007", false))),
        ("1BAD 01 007", Some(("1BAD", None, "01007", false))),
        (
            "1111 01 007^kitchen^",
            Some(("1111", Some(Smoke), "01007", false)),
        ),
        ("110", None),
        ("", None),
    ];
    for (payload, wanted) in cases {
        let said = contact_id(payload.as_bytes());
        let said = said
            .as_ref()
            .map(|it| (it.code.as_str(), it.kind, it.unit.as_str(), it.odd));
        assert_eq!(said, wanted, "{payload}");
    }
}

fn said(payload: &str) -> Vec<(String, Option<SignalKind>, String, String)> {
    let all = two_letters(payload.as_bytes()).into_iter();
    all.map(|it| {
        (
            it.code,
            it.kind,
            it.unit,
            String::from_utf8(it.words).unwrap(),
        )
    })
    .collect()
}

#[test]
fn codes_of_two_letters_are_read_with_modifiers_units_and_text() {
    let one = |code: &str, kind, unit: &str, words: &str| {
        (code.to_owned(), kind, unit.to_owned(), words.to_owned())
    };
    let cases = [
        ("Nri1/QA007", vec![one("QA", Some(Sos), "007", "")]),
        ("Nri1QA3", vec![one("QA", Some(Sos), "3", "")]),
        (
            "NMA001^kitchen/cord^",
            vec![one("MA", Some(Sos), "001", "kitchen/cord")],
        ),
        (
            "Nti10:20/da11-23-26/id07/ri1/pi2/FA12",
            vec![one("FA", Some(Smoke), "12", "")],
        ),
        ("OXT007", vec![one("XT", Some(LowBattery), "007", "")]),
        (
            "NMA001/QA002/XT003",
            vec![
                one("MA", Some(Sos), "001", ""),
                one("QA", Some(Sos), "002", ""),
                one("XT", Some(LowBattery), "003", ""),
            ],
        ),
        (
            "NFT3QA4",
            vec![
                one("FT", Some(DeviceFault), "3", ""),
                one("QA", Some(Sos), "4", ""),
            ],
        ),
        ("NNA001", vec![one("NA", Some(Inactivity), "001", "")]),
        ("NA001", vec![one("NA", Some(Inactivity), "001", "")]),
        (
            "NT01",
            vec![one("NT", Some(SignalKind::LineLost), "01", "")],
        ),
        ("OP001", vec![one("OP", Some(Test), "001", "")]),
        ("OPA001", vec![one("PA", Some(Sos), "001", "")]),
        ("N^early^MA1", vec![one("MA", Some(Sos), "1", "early")]),
        (
            "NMA001 FRONT DOOR",
            vec![one("MA", Some(Sos), "001", "FRONT DOOR")],
        ),
        (
            "N MA001 QA2/FA3",
            vec![
                one("MA", Some(Sos), "001", ""),
                one("QA", Some(Sos), "2", ""),
                one("FA", Some(Smoke), "3", ""),
            ],
        ),
        ("NJX5", vec![one("JX", None, "5", "")]),
        ("NMA15A", vec![one("MA", Some(Sos), "15A", "")]),
        ("NriA/MA1", vec![one("MA", Some(Sos), "1", "")]),
        ("N", vec![]),
        ("", vec![]),
        ("nothing at all", vec![]),
    ];
    for (payload, wanted) in cases {
        assert_eq!(said(payload), wanted, "{payload}");
    }
    assert!(
        two_letters(b"NMA1^open").first().unwrap().odd,
        "text without its end"
    );
    assert!(two_letters(b"N\x01MA1").first().unwrap().odd);
}

proptest! {
    #[test]
    fn any_payload_is_read_and_an_alarm_beside_it_is_found(
        before in "[a-z0-9/:-]{0,20}", after in proptest::collection::vec(any::<u8>(), 0..60), bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        split(&bytes);
        contact_id(&bytes);
        two_letters(&bytes);
        let payload = [b"N", before.as_bytes(), b"/QA/", &after].concat();
        prop_assert!(two_letters(&payload).iter().any(|it| it.kind == Some(Sos)));
    }
}
