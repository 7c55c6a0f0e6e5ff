//! Panels over real sockets: what they send, what they are answered, what stands in the log.

use crate::{
    common::{House, NOON, clock},
    panel::{ack, framed, medical},
};
use domain::{
    Actor, DeviceId, Timestamp,
    signal::{Problem, SignalKind},
};
use ingest::IngestOptions;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

#[tokio::test]
async fn frames_of_the_standard_are_stored_and_answered_to_the_byte() {
    use SignalKind::{Cancel, Inactivity, LowBattery, Sos};
    let house = House::memory().await;
    house.enrol(&["1234"]).await;
    let mut panel = house.panel().await;
    let cases = [
        (
            "\n96F3003D\"ADM-CID\"0001R1L0#1234[#1234|1101 01 007]_10:20:30,11-23-2026\r",
            "\n1EB60014\"ACK\"0001R1L0#1234[]\r",
            "AlarmReceived",
            Sos,
        ),
        (
            "\nF944003D\"ADM-CID\"0002R1L0#1234[#1234|3101 01 007]_10:21:30,11-23-2026\r",
            "0002R1L0#1234",
            "AlarmReceived",
            Cancel,
        ),
        (
            "\nB5E50027\"ADM-CID\"0003L0#1234[#1234|1100 00 000]\r",
            "0003L0#1234",
            "AlarmReceived",
            Sos,
        ),
        (
            "\n99030027\"ADM-CID\"0004L0#1234[#1234|1102 00 000]\r",
            "0004L0#1234",
            "AlarmReceived",
            Inactivity,
        ),
        (
            "\nA3F60027\"ADM-CID\"0005L0#1234[#1234|1302 00 000]\r",
            "0005L0#1234",
            "TroubleReported",
            LowBattery,
        ),
        (
            "\n1E5F0027\"ADM-CID\"0006L0#1234[#1234|1384 00 007]\r",
            "0006L0#1234",
            "TroubleReported",
            LowBattery,
        ),
        (
            "\n49E4003C\"SIA-DCS\"0007R1L0#1234[#1234|Nri1/QA007]_10:20:30,11-23-2026\r",
            "0007R1L0#1234",
            "AlarmReceived",
            Sos,
        ),
        (
            "\n7CEF005D\"SIA-DCS\"0008R1L0#1234[#1234|Nri1/MA001][X126E32.1000000][Y45N45.3000000]_10:20:30,11-23-2026\r",
            "0008R1L0#1234",
            "AlarmReceived",
            Sos,
        ),
    ];
    for (nth, (frame, answer, stored, kind)) in cases.into_iter().enumerate() {
        let wanted = if answer.starts_with('\n') {
            answer.to_owned()
        } else {
            ack(answer)
        };
        assert_eq!(panel.ask(frame.as_bytes()).await, wanted, "{frame:?}");
        let (name, stream, received) = house.panel_signals().await.remove(nth);
        assert_eq!(
            (name.as_str(), stream.as_str()),
            (stored, "device-dc09-1234"),
            "{frame:?}"
        );
        assert_eq!(received.kind, kind, "{frame:?}");
        assert!(received.verified && received.text.is_some(), "{frame:?}");
        // 2026-11 is far ahead of the house's clock; without a time there is nothing to be wrong.
        let clock: &[Problem] = if frame.contains('_') {
            &[Problem::ClockOff]
        } else {
            &[]
        };
        assert_eq!(received.problems, clock, "{frame:?}");
        assert_eq!(
            received.location.is_some(),
            frame.contains("[X"),
            "{frame:?}"
        );
    }
    let poll = panel.ask(b"\nED620015\"NULL\"0000R1L0#1234[]\r").await;
    assert_eq!(poll, ack("0000R1L0#1234"));
    assert_eq!(
        house.panel_signals().await.len(),
        cases.len(),
        "a poll is no event"
    );
    assert_eq!(house.ingest.metrics().devices_beating, 1);
    house.stop().await;
}

#[tokio::test]
async fn several_frames_and_half_frames_in_one_stream_are_all_answered() {
    let house = House::memory().await;
    house.enrol(&["1234"]).await;
    let mut panel = house.panel().await;
    let (first, second, third) = (medical(1, "1234"), medical(2, "1234"), medical(3, "1234"));
    let stream = format!("{first}\0\r\n {second}{}", &third[..20]);
    panel.send(stream.as_bytes()).await;
    assert_eq!(panel.answer().await, ack("0001L0#1234"));
    assert_eq!(panel.answer().await, ack("0002L0#1234"));
    for byte in third.as_bytes()[20..].chunks(1) {
        panel.send(byte).await;
    }
    assert_eq!(panel.answer().await, ack("0003L0#1234"));
    // One that ends its side after the last frame hears the answer all the same, and then the end.
    panel.send(medical(4, "1234").as_bytes()).await;
    panel.0.shutdown().await.unwrap();
    assert_eq!(panel.answer().await, ack("0004L0#1234"));
    assert_eq!(panel.answer().await, "");
    assert_eq!(house.panel_signals().await.len(), 4);
    house.stop().await;
}

#[tokio::test]
async fn a_retry_is_the_same_press_and_a_restarted_counter_a_new_alarm() {
    let house = House::memory().await;
    house.enrol(&["1234"]).await;
    let mut panel = house.panel().await;
    let medical_one = medical(1, "1234");
    for _ in 0..3 {
        assert_eq!(panel.ask(medical_one.as_bytes()).await, ack("0001L0#1234"));
        house.clock.advance(Duration::from_secs(60));
    }
    assert_eq!(house.panel_signals().await.len(), 1);
    // The standard's own list: 9995, 9996, 9995 again, 9997, and the counter's turn to 1.
    for sequence in [9_995, 9_996, 9_995, 9_997, 9_998, 9_999] {
        panel.ask(medical(sequence, "1234").as_bytes()).await;
    }
    assert_eq!(house.panel_signals().await.len(), 6);
    // Another zone under a used number is another press at once.
    let other = framed("\"SIA-DCS\"0001L0#1234[#1234|NMA002]");
    assert_eq!(panel.ask(other.as_bytes()).await, ack("0001L0#1234"));
    assert_eq!(house.panel_signals().await.len(), 7);
    house.clock.advance(Duration::from_secs(16 * 60));
    assert_eq!(panel.ask(medical_one.as_bytes()).await, ack("0001L0#1234"));
    let all = house.panel_signals().await;
    assert_eq!(all.len(), 8, "a battery was changed");
    assert_eq!(all[7].2.problems, [Problem::PressNumberReused]);
    house.stop().await;
}

#[tokio::test]
async fn the_same_device_time_makes_it_the_same_press_however_late() {
    let house = House::memory().await;
    house.enrol(&["1234"]).await;
    let mut panel = house.panel().await;
    let timed = framed("\"SIA-DCS\"0001L0#1234[#1234|NMA001]_00:00:00,01-15-2026");
    for _ in 0..2 {
        assert_eq!(panel.ask(timed.as_bytes()).await, ack("0001L0#1234"));
        house.clock.advance(Duration::from_secs(3 * 3_600));
    }
    let all = house.panel_signals().await;
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].2.device_at, Some(Timestamp(NOON)));
    house.stop().await;
}

#[tokio::test]
async fn a_retry_after_a_restart_is_the_same_press() {
    let dir = tempfile::tempdir().unwrap();
    let house = House::sqlite(dir.path(), clock(), true).await;
    house.enrol(&["1234"]).await;
    let frame = medical(1, "1234");
    house.panel().await.ask(frame.as_bytes()).await;
    let clock = house.clock.clone();
    house.stop().await;
    let house = House::sqlite(dir.path(), clock, false).await;
    assert_eq!(
        house.panel().await.ask(frame.as_bytes()).await,
        ack("0001L0#1234")
    );
    assert_eq!(house.panel_signals().await.len(), 1);
    house.stop().await;
}

#[tokio::test]
async fn every_code_of_a_frame_is_durable_before_the_one_answer() {
    let house = House::memory().await;
    house.enrol(&["1234"]).await;
    let mut panel = house.panel().await;
    let frame = framed("\"SIA-DCS\"0001L0#1234[#1234|NMA1/XT2/FA3]");
    // The second of three does not get through: nobody is answered before all have.
    house.casebook.log().faults().fail_appends_after(1, 1);
    let next = framed("\"SIA-DCS\"0002L0#1234[#1234|NRP]");
    panel.send(frame.as_bytes()).await;
    assert_eq!(
        panel.ask(next.as_bytes()).await,
        ack("0002L0#1234"),
        "the first is not answered"
    );
    assert_eq!(panel.ask(frame.as_bytes()).await, ack("0001L0#1234"));
    let kinds: Vec<SignalKind> = house
        .panel_signals()
        .await
        .iter()
        .map(|(.., it)| it.kind)
        .collect();
    use SignalKind::{LowBattery, Smoke, Sos, Test};
    assert_eq!(kinds, [Sos, Test, LowBattery, Smoke], "none twice");
    house.stop().await;
}

#[tokio::test]
async fn a_log_that_does_not_take_it_is_no_answer_and_the_retry_is_taken() {
    let house = House::memory().await;
    house.enrol(&["1234"]).await;
    let mut panel = house.panel().await;
    house.casebook.log().faults().fail_appends(2);
    panel.send(medical(1, "1234").as_bytes()).await;
    panel.send(medical(2, "1234").as_bytes()).await;
    assert_eq!(
        panel.ask(medical(3, "1234").as_bytes()).await,
        ack("0003L0#1234")
    );
    assert_eq!(
        panel.ask(medical(1, "1234").as_bytes()).await,
        ack("0001L0#1234")
    );
    assert_eq!(house.panel_signals().await.len(), 2);
    house.stop().await;
}

#[tokio::test]
async fn an_unknown_account_is_an_unverified_alarm_and_its_floods_are_gathered() {
    let options = IngestOptions {
        unverified_per_minute: 2,
        flood_per_minute: 4,
        ..IngestOptions::default()
    };
    let house = House::memory_with(options).await;
    house.enrol(&["1234"]).await;
    let mut panel = house.panel().await;
    for sequence in 1..=4 {
        let answer = panel.ask(medical(sequence, "5678").as_bytes()).await;
        assert_eq!(answer, ack(&format!("000{sequence}L0#5678")));
    }
    let all = house.panel_signals().await;
    for (nth, (name, stream, received)) in all.iter().enumerate() {
        assert_eq!(name, "AlarmReceived");
        assert!(stream.starts_with("unverified-") && !received.verified);
        assert_eq!(received.device.as_ref().unwrap().as_str(), "dc09-5678");
        assert_eq!(
            received.problems.contains(&Problem::Flood),
            nth >= 2,
            "{nth}"
        );
        assert_eq!(received.problems[0], Problem::UnknownDevice);
    }
    // What is gathered into the flood is not stored, so it is not answered; an enrolled panel behind the same address is.
    panel.send(medical(5, "5678").as_bytes()).await;
    assert_eq!(
        panel.ask(medical(7, "1234").as_bytes()).await,
        ack("0007L0#1234")
    );
    assert_eq!(house.panel_signals().await.len(), 5);
    assert_eq!(house.ingest.metrics().coalesced, 1);
    let poll = framed("\"NULL\"0000L0#5678[]");
    assert_eq!(
        panel.ask(poll.as_bytes()).await,
        ack("0000L0#5678"),
        "the link works"
    );
    assert_eq!(
        house.ingest.metrics().devices_beating,
        0,
        "nobody is supervised for it"
    );
    house.stop().await;
}

#[tokio::test]
async fn an_encrypted_alarm_raises_a_person_and_is_told_that_it_cannot_be_read() {
    let house = House::memory().await;
    house.enrol(&["1234"]).await;
    let mut panel = house.panel().await;
    let nak = framed("\"NAK\"0000R0L0A0[]_00:00:00,01-15-2026");
    let alarm = b"\nA52F0078\"*ADM-CID\"0001R1L0#1234[0BA99D1790EEE05B5B0521046B2268CFF0CEBA2AC4F0960547FDAC3B2EA3760655211AFF7BAA7BEB7428789C0369F97C\r";
    assert_eq!(panel.ask(alarm).await, nak);
    let poll = b"\n429E0055\"*NULL\"0000R1L0#1234[F498D7E889E50FF5E55B11BF6541318F89D3929377D4D4D9D91E61569ADEA507\r";
    assert_eq!(panel.ask(poll).await, nak);
    // Its retry differs in every byte and is the same press.
    let retry = framed("\"*ADM-CID\"0001R1L0#1234[00112233445566778899AABBCCDDEEFF");
    assert_eq!(panel.ask(retry.as_bytes()).await, nak);
    let all = house.panel_signals().await;
    assert_eq!(all.len(), 1);
    let (name, stream, received) = &all[0];
    assert_eq!(
        (name.as_str(), stream.as_str()),
        ("AlarmReceived", "device-dc09-1234")
    );
    assert_eq!(received.kind, SignalKind::Unknown);
    assert_eq!(received.problems, [Problem::MissingKey]);
    assert!(
        received.raw.is_some(),
        "whoever gets the key later can read it"
    );
    house.stop().await;
}

#[tokio::test]
async fn one_unit_may_serve_several_accounts_and_lines() {
    let house = House::memory().await;
    house.enrol(&["1234", "5678", "L2-1234"]).await;
    let mut panel = house.panel().await;
    for (body, stream) in [
        ("\"SIA-DCS\"0001L0#1234[#5678|NMA1]", "device-dc09-5678"),
        ("\"SIA-DCS\"0002L0#1234[#9999|NMA1]", "device-dc09-1234"),
        ("\"SIA-DCS\"0003L2#1234[#1234|NMA1]", "device-dc09-L2-1234"),
        ("\"SIA-DCS\"0004L3#1234[#1234|NMA1]", "device-dc09-1234"),
        ("\"SIA-DCS\"0005L[#5678|NMA1]", "device-dc09-5678"),
    ] {
        panel.ask(framed(body).as_bytes()).await;
        let (_, found, received) = house.panel_signals().await.pop().unwrap();
        assert_eq!(found, stream, "{body}");
        assert_eq!(format!("device-{}", received.device.unwrap()), stream);
    }
    house.stop().await;
}

#[tokio::test]
async fn a_retired_panel_still_raises_a_person_and_is_not_supervised() {
    let house = House::memory().await;
    house.enrol(&["1234"]).await;
    let device = DeviceId::parse("dc09-1234").unwrap();
    let registrar = house.directory.registrar();
    let retired = registrar.retire_device(Actor::Registrar, device).await;
    house
        .directory
        .caught_up(retired.unwrap().position)
        .await
        .unwrap();
    let mut panel = house.panel().await;
    assert_eq!(
        panel.ask(medical(1, "1234").as_bytes()).await,
        ack("0001L0#1234")
    );
    let (name, _, received) = house.panel_signals().await.pop().unwrap();
    assert_eq!(
        (name.as_str(), received.problems.as_slice()),
        ("AlarmReceived", &[Problem::DeviceRetired][..])
    );
    panel.ask(framed("\"NULL\"0000L0#1234[]").as_bytes()).await;
    assert_eq!(house.ingest.metrics().devices_beating, 0);
    house.stop().await;
}

#[tokio::test]
async fn what_a_panel_says_in_words_stands_in_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let house = House::sqlite(dir.path(), clock(), true).await;
    house.enrol(&["1234"]).await;
    let words = "PlainWordsOfThePanel";
    let mut panel = house.panel().await;
    let whole = format!(
        "\"SIA-DCS\"0001L0#1234[#1234|NMA1^{words}^][I{words}][X126E39.25926][Y45N7.40736]"
    );
    panel.ask(framed(&whole).as_bytes()).await;
    let odd = format!("\"SIA-DCS\"0002L0#1234[#1234|NJX1^{words}]");
    panel.ask(framed(&odd).as_bytes()).await;
    let all = house.panel_signals().await;
    assert!(all[0].2.text.is_some() && all[0].2.location.is_some() && all[1].2.raw.is_some());
    house.stop().await;
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for secret in [words, "NMA1", "NJX1", "126654321", "127.0.0.1"] {
            assert!(
                !bytes
                    .windows(secret.len())
                    .any(|it| it == secret.as_bytes()),
                "{secret}"
            );
        }
    }
}
