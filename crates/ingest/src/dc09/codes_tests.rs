//! Every code of the public lists, one by one.

use super::*;

#[test]
fn every_event_code_of_contact_id_has_its_kind() {
    let cases: &[(&[u16], SignalKind, SignalKind)] = &[
        (&[100, 101, 120, 121, 122, 123, 124, 125, 150], Sos, Cancel),
        (&[102, 641, 642, 654], Inactivity, Cancel),
        (
            &[110, 111, 112, 113, 114, 115, 116, 117, 118],
            Smoke,
            Cancel,
        ),
        (&[151, 162], Gas, Cancel),
        (
            &[130, 131, 132, 133, 134, 135, 136, 138, 139, 146],
            Unknown,
            Cancel,
        ),
        (&[152, 153, 154, 157, 158, 159, 161, 163], Unknown, Cancel),
        (&[606, 616], Service, Cancel),
        (&[406], Cancel, Cancel),
        (&[137, 144, 145, 383], Tamper, Test),
        (&[301], MainsLost, MainsRestored),
        (&[302, 309, 311, 384], LowBattery, Test),
        (
            &[344, 350, 351, 352, 353, 354, 355, 356, 381],
            LineLost,
            Test,
        ),
        (
            &[147, 300, 370, 373, 375, 380, 382, 570, 608],
            DeviceFault,
            Test,
        ),
        (&[385, 386, 387, 388, 389, 391, 393], DeviceFault, Test),
        (
            &[305, 400, 401, 402, 403, 404, 405, 407, 408, 409, 441],
            Test,
            Test,
        ),
        (&[451, 452, 453, 454, 455, 456, 457, 458, 459], Test, Test),
        (&[601, 602, 603, 604, 605, 607, 609, 611, 612], Test, Test),
        (&[621, 622, 623, 624, 625, 626, 627, 628, 629], Test, Test),
    ];
    for (codes, kind, restored) in cases {
        for code in *codes {
            assert_eq!(contact_id(*code, false), Some(*kind), "{code}");
            assert_eq!(contact_id(*code, true), Some(*restored), "{code} restored");
        }
    }
    let listed: usize = cases.iter().map(|(codes, ..)| codes.len()).sum();
    let known = (0..=999).filter(|code| contact_id(*code, false).is_some());
    assert_eq!(known.count(), listed, "no code is known by chance");
    for unlisted in [0, 99, 103, 140, 199, 310, 500, 631, 700, 735, 999] {
        assert_eq!(contact_id(unlisted, false), None);
        assert_eq!(contact_id(unlisted, true), None);
    }
}

#[test]
fn every_code_of_two_letters_has_its_kind() {
    let cases = [
        ("MA QA PA HA UA", Sos),
        ("FA KA", Smoke),
        ("GA", Gas),
        ("NA", Inactivity),
        ("WA ZA BA EA EE UX", Unknown),
        ("MR MH QR QH PR PH HR FR FH KR GR GH WR ZR BR BC NS", Cancel),
        ("YT YM XT", LowBattery),
        ("AT", MainsLost),
        ("AR", MainsRestored),
        ("YC YS LT NT NC XQ", LineLost),
        ("TA XS", Tamper),
        ("FT ET XL MT PT FB QB GS", DeviceFault),
        (
            "YR XR YK LR NR XH RP RX TX TS TE TR RR ER LE OP CL CI FJ QX MU",
            Test,
        ),
        ("LF", Service),
    ];
    for (codes, kind) in cases {
        for code in codes.split(' ') {
            let letters = code.as_bytes().try_into().unwrap();
            assert_eq!(two_letters(letters), Some(kind), "{code}");
        }
    }
    for unlisted in ["JA", "ZZ", "AA", "QQ", "NN", "ma"] {
        assert_eq!(
            two_letters(unlisted.as_bytes().try_into().unwrap()),
            None,
            "{unlisted}"
        );
    }
}

#[test]
fn no_code_of_a_panel_is_a_heartbeat_and_no_restoral_needs_a_new_call() {
    for (_, kind) in CONTACT_ID {
        assert_ne!(*kind, SignalKind::Heartbeat);
        assert_ne!(restoral(*kind).class(), SignalClass::Alarm);
    }
}
