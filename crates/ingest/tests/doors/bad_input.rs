//! Bad input at the doors: read as far as it goes, never lost, never a panic.

use crate::bad::table;
use crate::common::{DEVICE, House, KEY};
use domain::signal::{Problem, SignalKind};
use ingest::{IngestOptions, decode};
use proptest::prelude::*;

fn patient() -> IngestOptions {
    IngestOptions {
        unverified_per_minute: 1_000,
        ..IngestOptions::default()
    }
}

#[test]
fn every_bad_input_reads_with_its_problems_and_its_bytes() {
    let table = table();
    assert!(table.len() >= 60, "{} cases", table.len());
    for (name, bytes, problems) in table {
        let reading = decode::signal(&bytes);
        assert_eq!(reading.problems, problems, "{name}");
        let kept = &bytes[..bytes.len().min(decode::RAW_LIMIT)];
        assert_eq!(reading.raw.as_deref(), Some(kept), "{name}");
    }
}

#[test]
fn what_can_be_read_of_a_broken_signal_is_read() {
    let cut = decode::signal(br#"{"device":"TEST-000123","press":"7","kind":"fall","text":"in th"#);
    assert_eq!(cut.device.unwrap().as_str(), DEVICE);
    assert_eq!((cut.press.as_str(), cut.kind), ("7", SignalKind::Fall));
    let odd = decode::signal(br#"{"device":"TEST-000123","press":7,"kind":" SOS ","battery_pct":"83","location":{"lat":"45.7","lon":126.6}}"#);
    assert_eq!(
        (odd.press.as_str(), odd.kind, odd.battery),
        ("7", SignalKind::Sos, Some(83))
    );
    assert_eq!(odd.location.unwrap().lat_e6, 45_700_000);
    let unknown = decode::signal(br#"{"device":"TEST-000123","press":"7","kind":"flood"}"#);
    assert_eq!(
        (unknown.kind, unknown.kind_word.as_deref()),
        (SignalKind::Unknown, Some("flood"))
    );
    let sentence = decode::signal(br#"{"device":"TEST-000123","press":"7","kind":"Wang fell"}"#);
    assert_eq!(
        sentence.kind_word, None,
        "free text stays in the sealed bytes"
    );
}

#[test]
fn two_long_press_numbers_that_begin_alike_stay_two() {
    let long = |end: &str| decode::press_name(&("9".repeat(80) + end)).0;
    assert_ne!(long("1"), long("2"));
    assert!(long("1").chars().count() <= decode::PRESS_LIMIT);
    let forged = long("1");
    assert_ne!(
        decode::press_name(&forged).0,
        forged,
        "a hash cannot be sent as a number"
    );
}

proptest! {
    #[test]
    fn any_bytes_yield_a_reading(bytes in proptest::collection::vec(any::<u8>(), 0..4_000)) {
        let reading = decode::signal(&bytes);
        prop_assert!(reading.press.chars().count() <= decode::PRESS_LIMIT);
        prop_assert_eq!(reading.raw.is_some(), !reading.problems.is_empty());
        decode::frame(&bytes);
        decode::heartbeat(&bytes);
        prop_assert!(decode::cut_signal(&bytes).problems.contains(&Problem::FieldTooLong));
    }

    #[test]
    fn any_json_in_any_field_yields_a_reading(
        device in json(), press in json(), kind in json(), at in json(), place in json(), battery in json(), text in json(),
    ) {
        let body = format!(
            r#"{{"device":{device},"press":{press},"kind":{kind},"at":{at},"location":{{"lat":{place},"lon":{place},"accuracy_m":{battery}}},"battery_pct":{battery},"text":{text}}}"#
        );
        let reading = decode::signal(body.as_bytes());
        prop_assert!(reading.battery.is_none_or(|it| it <= 100));
        prop_assert!(reading.text.is_none_or(|it| it.chars().count() <= decode::TEXT_LIMIT));
        prop_assert!(reading.raw.is_none_or(|it| it.len() <= decode::RAW_LIMIT));
    }

    #[test]
    fn a_cut_signal_never_reads_as_another(at in 0usize..120) {
        let whole = br#"{"device":"TEST-000123","press":"4711","kind":"sos","at":"2026-01-15T00:00:00Z","battery_pct":83,"text":"abcdefghi"}"#;
        let cut = &whole[..at.min(whole.len())];
        let reading = decode::signal(cut);
        prop_assert!(reading.device.is_none_or(|it| it.as_str() == "TEST-000123"));
        prop_assert!(reading.press.is_empty() || reading.press == "4711");
        prop_assert!(matches!(reading.kind, SignalKind::Unknown | SignalKind::Sos));
    }
}

fn json() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|it| it.to_string()),
        any::<f64>().prop_map(|it| serde_json::Value::from(it).to_string()),
        ".{0,80}".prop_map(|it| serde_json::Value::from(it).to_string()),
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("[]".to_owned()),
        Just("{\"a\":[1]}".to_owned()),
    ]
}

#[tokio::test]
async fn every_bad_input_over_http_is_an_alarm_in_the_log() {
    let house = House::memory_with(patient()).await;
    for (name, bytes, problems) in table() {
        let answer = house.send(Some(KEY), &bytes).await;
        assert!(
            matches!(answer.status, 201 | 202),
            "{name}: {} {}",
            answer.status,
            answer.body
        );
        let (kind, stream, received) = house.signal_at(answer.position()).await;
        assert_eq!(kind, "AlarmReceived", "{name}");
        assert!(received.raw.is_some(), "{name}");
        for problem in problems {
            assert!(received.problems.contains(&problem), "{name}: {problem:?}");
        }
        let verified = received.device.is_some();
        assert_eq!(received.verified, verified, "{name}");
        assert_eq!(answer.status, if verified { 201 } else { 202 }, "{name}");
        assert_eq!(stream.starts_with("device-"), verified, "{name}");
    }
    house.stop().await;
}

#[tokio::test]
async fn every_bad_frame_on_a_channel_is_an_alarm_of_its_device() {
    let house = House::memory_with(patient()).await;
    let mut channel = house.channel(DEVICE, Some(KEY)).await;
    let table = table();
    for (name, bytes, _) in &table {
        let frame = tokio_tungstenite::tungstenite::Message::binary(bytes.clone());
        futures_util::SinkExt::send(&mut channel.0, frame)
            .await
            .unwrap();
        let answer = channel.next_of("taken").await;
        let (kind, _, received) = house.signal_at(answer["position"].as_u64().unwrap()).await;
        assert_eq!(
            (kind.as_str(), received.verified),
            ("AlarmReceived", true),
            "{name}"
        );
    }
    assert_eq!(house.signals().await.len(), table.len());
    house.stop().await;
}

#[tokio::test]
async fn a_body_or_frame_that_is_too_large_is_an_alarm_and_its_beginning_is_kept() {
    let house = House::memory().await;
    let text = "x".repeat(200_000);
    let body = format!(r#"{{"device":"{DEVICE}","press":"big","kind":"sos","text":"{text}"}}"#);
    let answer = house.send(Some(KEY), body.as_bytes()).await;
    assert_eq!(
        answer.status, 201,
        "its device, press and key were at the beginning: {}",
        answer.body
    );
    let (_, _, received) = house.signal_at(answer.position()).await;
    assert_eq!(
        received.problems,
        [Problem::Unparseable, Problem::FieldTooLong]
    );
    assert_eq!(
        (received.press.as_str(), received.kind),
        ("big", SignalKind::Sos)
    );

    let mut channel = house.channel(DEVICE, Some(KEY)).await;
    channel.send(&text).await;
    let answer = channel.next_of("taken").await;
    assert_eq!(answer["verified"], true);
    house.stop().await;
}

#[tokio::test]
async fn garbage_on_a_channel_without_a_key_ends_it_and_a_signal_is_taken_unverified() {
    let house = House::memory().await;
    let mut channel = house.channel("HRB-999999", None).await;
    channel
        .send(r#"{"t":"signal","press":"1","kind":"sos"}"#)
        .await;
    let answer = channel.next_of("taken").await;
    assert_eq!(answer["verified"], false);
    channel.send("garbage").await;
    let (code, why) = channel.closed().await;
    assert_eq!((code, why.is_empty()), (1008, false));
    assert_eq!(house.signals().await.len(), 1);
    house.stop().await;
}

/// Many devices write Chinese in GBK; as a WebSocket text frame that is no WebSocket at all, and the line ends with it.
#[tokio::test]
async fn a_text_frame_in_another_encoding_is_still_an_alarm() {
    use futures_util::SinkExt;
    use tokio_tungstenite::tungstenite::{
        Message,
        protocol::frame::{
            Frame,
            coding::{Data, OpCode},
        },
    };
    let house = House::memory().await;
    let mut channel = house.channel(DEVICE, Some(KEY)).await;
    let gbk = b"{\"t\":\"signal\",\"press\":\"7\",\"kind\":\"sos\",\"text\":\"\xd4\xda\xb3\xf8\xb7\xbf\"}";
    let frame = Frame::message(gbk.to_vec(), OpCode::Data(Data::Text), true);
    channel.0.send(Message::Frame(frame)).await.unwrap();
    // It is taken before the line ends, and the line says why it does.
    channel.next_of("taken").await;
    assert_eq!(
        channel.closed().await,
        (1007, "a text frame is not UTF-8".to_owned())
    );
    let signals = house.signals().await;
    assert_eq!(signals.len(), 1, "{signals:?}");
    // So is more than one frame may hold; the line may be torn down while it is still being sent.
    let mut channel = house.channel(DEVICE, Some(KEY)).await;
    let long = Message::text("x".repeat(5 * 1024 * 1024));
    let _ = channel.0.send(long).await;
    house.until_signals(2).await;
    house.stop().await;
}
