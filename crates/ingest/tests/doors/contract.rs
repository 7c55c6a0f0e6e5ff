//! The contract of the device door, as other programs rely on it.

use crate::common::{DEVICE, House, KEY, answer_of, clock, sos};
use domain::signal::{Problem, SignalKind};
use ingest::IngestOptions;
use serde_json::json;
use std::time::Duration;
use tokio::{io::AsyncWriteExt, net::TcpStream};

#[tokio::test]
async fn a_press_is_answered_201_and_the_same_press_200_with_the_same_place() {
    let house = House::memory().await;
    let first = house.press(&sos("1")).await;
    assert_eq!(first.status, 201, "{}", first.body);
    let out = first.json();
    let fields: Vec<&str> = out
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let wished = [
        "duplicate",
        "next_heartbeat_s",
        "position",
        "retry",
        "revision",
        "stream",
        "verified",
    ];
    assert_eq!(fields, wished);
    assert_eq!(out["stream"], "device-TEST-000123");
    assert_eq!(
        (out["duplicate"].clone(), out["verified"].clone()),
        (json!(false), json!(true))
    );
    assert_eq!(out["retry"], json!({"base_ms": 1000, "cap_ms": 30000}));
    assert!((54..=66).contains(&out["next_heartbeat_s"].as_u64().unwrap()));

    let again = house.press(&sos("1")).await;
    assert_eq!(again.status, 200);
    assert_eq!(again.json()["duplicate"], true);
    assert_eq!(again.json()["position"], out["position"]);
    assert_eq!(again.json()["revision"], out["revision"]);
    assert_eq!(house.signals().await.len(), 1);
    house.stop().await;
}

#[tokio::test]
async fn the_unverified_are_taken_marked_and_kept_apart() {
    let house = House::memory().await;
    let body = sos("1").to_string();
    let unknown = json!({"device": "HRB-999999", "press": "1", "kind": "sos"}).to_string();
    let cases: [(Option<&str>, &str, Problem); 3] = [
        (None, &body, Problem::MissingKey),
        (Some("wrong"), &body, Problem::BadKey),
        (Some(KEY), &unknown, Problem::UnknownDevice),
    ];
    let mut streams = Vec::new();
    for (key, body, problem) in cases {
        let answer = house.send(key, body.as_bytes()).await;
        let again = house.send(key, body.as_bytes()).await;
        assert_eq!((answer.status, again.status), (202, 202));
        assert_eq!(answer.json()["verified"], false);
        assert_eq!(again.position(), answer.position());
        let (kind, stream, received) = house.signal_at(answer.position()).await;
        assert_eq!(kind, "AlarmReceived");
        assert!(stream.starts_with("unverified-"), "{stream}");
        assert!(!received.verified && received.source.is_some());
        // What the second case says was said by the first: it is one sender, and the first problem stands.
        if streams.contains(&stream) {
            assert_eq!(again.json()["duplicate"], true);
        } else {
            assert_eq!(received.problems, [problem]);
        }
        streams.push(stream);
    }
    let true_one = house.press(&sos("1")).await;
    assert_eq!(
        true_one.status, 201,
        "a forged press never stands in a true one's place"
    );
    house.stop().await;
}

#[tokio::test]
async fn each_kind_is_recorded_as_what_it_is() {
    let house = House::memory().await;
    let cases = [
        ("fall", "AlarmReceived", SignalKind::Fall),
        ("smoke", "AlarmReceived", SignalKind::Smoke),
        ("service", "AlarmReceived", SignalKind::Service),
        ("flood", "AlarmReceived", SignalKind::Unknown),
        ("cancel", "AlarmReceived", SignalKind::Cancel),
        ("test", "TestReceived", SignalKind::Test),
        ("low_battery", "TroubleReported", SignalKind::LowBattery),
        ("mains_lost", "TroubleReported", SignalKind::MainsLost),
    ];
    for (kind, name, read) in cases {
        let body = json!({"device": DEVICE, "press": kind, "kind": kind, "battery_pct": 7.4});
        let (stored, _, received) = house.signal_at(house.press(&body).await.position()).await;
        assert_eq!((stored.as_str(), received.kind), (name, read));
        assert_eq!(received.battery_pct, Some(7));
        assert_eq!(received.door, "http");
    }
    let beat = house
        .press(&json!({"device": DEVICE, "press": "h", "kind": "heartbeat"}))
        .await;
    assert_eq!(beat.status, 200);
    assert!(
        beat.json().get("position").is_none(),
        "a heartbeat is not an event"
    );
    assert_eq!(house.signals().await.len(), cases.len());
    house.stop().await;
}

#[tokio::test]
async fn a_restarted_counter_is_a_new_alarm_and_a_late_copy_is_not() {
    let house = House::memory().await;
    let first = house.press(&sos("1")).await;
    house.clock.advance(Duration::from_secs(15 * 60));
    assert_eq!(
        house.press(&sos("1")).await.status,
        200,
        "15 minutes are the same press"
    );
    house.clock.advance(Duration::from_secs(60));
    let second = house.press(&sos("1")).await;
    assert_eq!(second.status, 201, "16 minutes are a new one");
    assert_ne!(second.position(), first.position());
    let (_, _, received) = house.signal_at(second.position()).await;
    assert_eq!(received.problems, [Problem::PressNumberReused]);
    let copy = house.press(&sos("1")).await;
    assert_eq!((copy.status, copy.position()), (200, second.position()));

    // With the device's own time a copy is known however late it comes.
    let timed =
        json!({"device": DEVICE, "press": "2", "kind": "sos", "at": "2026-01-15T00:16:00Z"});
    let stored = house.press(&timed).await;
    house.clock.advance(Duration::from_secs(7 * 3_600));
    let late = house.press(&timed).await;
    assert_eq!((late.status, late.position()), (200, stored.position()));
    // A device without a clock says 1970 after every change of battery: that is no proof of sameness.
    let stopped =
        json!({"device": DEVICE, "press": "3", "kind": "sos", "at": "1970-01-01T00:00:05Z"});
    assert_eq!(house.press(&stopped).await.status, 201);
    assert_eq!(house.press(&stopped).await.status, 200);
    house.clock.advance(Duration::from_secs(16 * 60));
    let anew = house.press(&stopped).await;
    assert_eq!(anew.status, 201);
    let (_, _, received) = house.signal_at(anew.position()).await;
    assert_eq!(
        received.problems,
        [Problem::PressNumberReused, Problem::ClockOff]
    );
    // Another kind under the same number is another signal.
    assert_eq!(
        house
            .press(&json!({"device": DEVICE, "press": "3", "kind": "cancel"}))
            .await
            .status,
        201
    );
    house.stop().await;
}

#[tokio::test]
async fn a_press_number_used_hundreds_of_times_stays_findable() {
    let house = House::memory().await;
    for use_number in 0..300 {
        let answer = house.press(&sos("1")).await;
        assert_eq!(answer.status, 201, "use {use_number}");
        assert_eq!(house.press(&sos("1")).await.position(), answer.position());
        house.clock.advance(Duration::from_secs(16 * 60));
    }
    assert_eq!(house.signals().await.len(), 300);
    house.stop().await;
}

#[tokio::test]
async fn a_press_without_a_number_is_an_alarm_each_time() {
    let house = House::memory().await;
    let body = json!({"device": DEVICE, "kind": "sos"});
    let (one, two) = (house.press(&body).await, house.press(&body).await);
    assert_eq!(
        (one.status, two.status),
        (201, 201),
        "in doubt two alarms, never none"
    );
    house.stop().await;
}

#[tokio::test]
async fn twenty_copies_at_once_are_one_event() {
    let house = House::memory().await;
    for round in 0..10 {
        let body = sos(&format!("round {round}"));
        let copies = (0..20).map(|_| house.press(&body));
        let answers = futures_util::future::join_all(copies).await;
        let new = answers.iter().filter(|it| it.status == 201).count();
        assert_eq!(new, 1);
        assert!(
            answers
                .iter()
                .all(|it| it.position() == answers[0].position())
        );
    }
    assert_eq!(house.signals().await.len(), 10);
    house.stop().await;
}

#[tokio::test]
async fn after_a_restart_on_sqlite_the_same_press_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let house = House::sqlite(dir.path(), clock.clone(), true).await;
    let first = house.press(&sos("1")).await;
    let forged = house
        .send(Some("wrong"), sos("9").to_string().as_bytes())
        .await;
    assert_eq!((first.status, forged.status), (201, 202));
    house.stop().await;

    clock.advance(Duration::from_secs(60));
    let house = House::sqlite(dir.path(), clock.clone(), false).await;
    let again = house.press(&sos("1")).await;
    assert_eq!((again.status, again.position()), (200, first.position()));
    let again = house
        .send(Some("wrong"), sos("9").to_string().as_bytes())
        .await;
    assert_eq!((again.status, again.position()), (202, forged.position()));
    assert_eq!(again.json()["duplicate"], true);
    clock.advance(Duration::from_secs(15 * 60));
    assert_eq!(
        house.press(&sos("1")).await.status,
        201,
        "16 minutes later it is a new press"
    );
    house.stop().await;
}

#[tokio::test]
async fn what_the_log_does_not_take_is_refused_and_taken_later() {
    let house = House::memory().await;
    let faults = house.casebook.log().faults();
    faults.fail_appends(1);
    let refused = house.press(&sos("1")).await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert_eq!(
        refused.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.json()["code"], "not_accepted");
    assert_eq!(
        refused.json()["retry"],
        json!({"base_ms": 1000, "cap_ms": 30000})
    );
    assert!(house.signals().await.is_empty());
    assert_eq!(house.press(&sos("1")).await.status, 201);

    faults.lose_answer(1);
    assert_eq!(
        house.press(&sos("2")).await.status,
        503,
        "stored, but we cannot know"
    );
    assert_eq!(
        house.press(&sos("2")).await.status,
        200,
        "and found when it comes again"
    );
    assert_eq!(house.signals().await.len(), 2);

    let mut channel = house.channel(DEVICE, Some(KEY)).await;
    faults.fail_appends(1);
    channel
        .send(r#"{"t":"signal","press":"3","kind":"sos"}"#)
        .await;
    let refused = channel.next_of("refused").await;
    assert_eq!(
        (
            refused["press"].clone(),
            refused["problem"]["status"].clone()
        ),
        (json!("3"), json!(503))
    );
    assert_eq!(refused["retry"]["base_ms"], 1000);
    channel
        .send(r#"{"t":"signal","press":"3","kind":"sos"}"#)
        .await;
    assert_eq!(channel.next_of("taken").await["press"], "3");
    assert_eq!(house.ingest.metrics().unavailable, 3);
    house.stop().await;
}

#[tokio::test]
async fn a_flood_is_marked_then_gathered_and_never_touches_the_verified() {
    let options = IngestOptions {
        unverified_per_minute: 2,
        flood_per_minute: 4,
        ..IngestOptions::default()
    };
    let house = House::memory_with(options).await;
    let mut answers = Vec::new();
    for n in 0..8 {
        let body = json!({"device": format!("HRB-9{n}"), "press": "1", "kind": "sos"});
        answers.push(house.send(None, body.to_string().as_bytes()).await);
    }
    let statuses: Vec<u16> = answers.iter().map(|it| it.status).collect();
    assert_eq!(statuses, [202, 202, 202, 202, 429, 429, 429, 429]);
    let signals = house.signals().await;
    let marked: Vec<bool> = signals
        .iter()
        .map(|(.., it)| it.problems.contains(&Problem::Flood))
        .collect();
    assert_eq!(marked, [false, false, true, true]);
    let position = answers[3].position();
    assert!(
        answers[7].json()["detail"]
            .as_str()
            .unwrap()
            .contains(&position.to_string())
    );
    assert!(answers[7].header("retry-after").is_some());
    assert_eq!(house.press(&sos("1")).await.status, 201);
    house.clock.advance(Duration::from_secs(10));
    let body = json!({"device": "HRB-99", "press": "1", "kind": "sos"}).to_string();
    assert_eq!(
        house.send(None, body.as_bytes()).await.status,
        202,
        "one every ten seconds"
    );
    house.clock.advance(Duration::from_secs(60));
    assert_eq!(house.send(None, b"help").await.status, 202);
    assert_eq!(house.ingest.metrics().coalesced, 4);
    house.stop().await;
}

#[tokio::test]
async fn other_places_and_methods_get_a_problem() {
    let house = House::memory().await;
    let cases = [
        ("GET", "/", 404),
        ("GET", "/v1/signals", 405),
        ("DELETE", "/v1/heartbeats", 405),
        ("GET", "/v2/signals", 404),
        ("POST", "/sos", 405),
        ("GET", "/v1/signals/TEST-000123", 404),
        ("GET", "/v1/signals/%ff/%ff", 404),
        ("GET", "/v1/devices/TEST-000123/channel", 426),
        ("POST", "/v1/heartbeats", 400),
    ];
    for (method, path, status) in cases {
        let answer = house.request(method, path, Some(KEY), b"").await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json"),
            "{path}"
        );
        assert_eq!(answer.json()["status"], status);
        assert!(
            answer.json()["type"]
                .as_str()
                .unwrap()
                .starts_with("/problems/")
        );
    }
    assert_eq!(house.get("/healthz", None).await.status, 200);
    house.stop().await;
}

#[tokio::test]
async fn a_heartbeat_needs_its_key_and_is_told_when_to_come_again() {
    let house = House::memory().await;
    let body = json!({"device": DEVICE, "battery_pct": 83}).to_string();
    let beat = house
        .request("POST", "/v1/heartbeats", Some(KEY), body.as_bytes())
        .await;
    assert_eq!(beat.status, 200);
    assert!((54..=66).contains(&beat.json()["next_heartbeat_s"].as_u64().unwrap()));
    for key in [None, Some("wrong")] {
        let answer = house
            .request("POST", "/v1/heartbeats", key, body.as_bytes())
            .await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    assert_eq!(house.ingest.metrics().devices_beating, 1);
    assert!(house.signals().await.is_empty());
    house.stop().await;
}

#[tokio::test]
async fn a_sender_that_stops_in_the_middle_is_still_an_alarm() {
    let options = IngestOptions {
        body_within: Duration::from_millis(50),
        ..IngestOptions::default()
    };
    let house = House::memory_with(options).await;
    let beginning = r#"{"device":"TEST-000123","press":"slow","kind":"sos","text":"in the"#;
    let head = format!(
        "POST /v1/signals HTTP/1.1\r\nHost: here\r\nConnection: close\r\nAuthorization: Bearer {KEY}\r\nContent-Length: 500\r\n\r\n{beginning}"
    );
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = answer_of(stream).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let (_, _, received) = house.signal_at(answer.position()).await;
    assert_eq!(
        (received.press.as_str(), received.kind),
        ("slow", SignalKind::Sos)
    );
    house.stop().await;
}

#[tokio::test]
async fn a_door_that_is_full_says_that_it_did_not_take_the_press() {
    let options = IngestOptions {
        signals_at_once: 0,
        ..IngestOptions::default()
    };
    let house = House::memory_with(options).await;
    let answer = house.press(&sos("1")).await;
    assert_eq!(
        (answer.status, answer.json()["code"].clone()),
        (503, json!("not_accepted"))
    );
    assert_eq!(house.ingest.metrics().turned_away, 1);
    house.stop().await;
}

#[tokio::test]
async fn a_directory_that_knows_nothing_yet_does_not_stop_an_alarm() {
    let house = House::memory().await;
    house.directory.stop().await;
    assert!(matches!(house.press(&sos("1")).await.status, 201 | 202));
    assert_eq!(house.signals().await.len(), 1);
    house.stop().await;
}
