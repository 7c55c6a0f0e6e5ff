//! The way back: what a device hears while help is organised.

use crate::common::{DEVICE, House, KEY, SOON, clock, sos};
use domain::{
    IncidentId, OperatorId, ResponderId,
    codes::{Action, Outcome, Reason},
    incident::{EmergencyService, IncidentEvent, OfferCause},
    party::{Means, Party, TravelSource},
};
use ingest::IngestOptions;
use serde_json::{Value, json};
use std::time::Duration;

fn wang() -> OperatorId {
    OperatorId::parse("wang").unwrap()
}

fn li() -> ResponderId {
    ResponderId::parse("li").unwrap()
}

impl House {
    fn offered(&self) -> IncidentEvent {
        IncidentEvent::Offered {
            ring: 0,
            round: 0,
            cause: OfferCause::Ring,
            added: vec![Party::CityDesk],
            means: vec![Means::Screen],
            widens_at: self.later(Duration::from_secs(15)),
            as_of: 1,
            policy: 1,
            travel: TravelSource::Estimate,
            candidates: Vec::new(),
            late_ms: None,
        }
    }

    fn accepted(&self) -> IncidentEvent {
        IncidentEvent::Accepted {
            operator: wang(),
            party: Party::CityDesk,
            first_step_by: self.later(Duration::from_secs(120)),
        }
    }

    fn sent(&self, seconds: u32) -> IncidentEvent {
        IncidentEvent::ResponderSent {
            responder: li(),
            from: None,
            eta: self.later(Duration::from_secs(seconds.into())),
            seconds,
        }
    }

    fn set_out(&self, seconds: u32) -> IncidentEvent {
        IncidentEvent::ResponderSetOut {
            responder: li(),
            eta: self.later(Duration::from_secs(seconds.into())),
        }
    }

    fn arrived(&self) -> IncidentEvent {
        IncidentEvent::ResponderArrived {
            responder: li(),
            check_by: self.later(Duration::from_secs(1_200)),
        }
    }

    async fn stage(&self, press: &str) -> Value {
        let path = format!("/v1/signals/{DEVICE}/{press}");
        let answer = self.get(&path, Some(KEY)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    /// Presses, and opens the incident as the dispatcher would.
    async fn called(&self, press: &str) -> IncidentId {
        let answer = self.press(&sos(press)).await;
        self.open_incident(answer.position()).await
    }
}

fn resolved() -> IncidentEvent {
    IncidentEvent::Resolved {
        reason: Reason::Unwell,
        actions: vec![Action::StationVisit],
        outcome: Outcome::Safe,
        note: None,
        machine: false,
    }
}

#[tokio::test]
async fn stages_are_pushed_in_the_exact_words_from_received_to_done() {
    let house = House::memory().await;
    let mut channel = house.channel(DEVICE, Some(KEY)).await;
    channel
        .send(r#"{"t":"signal","press":"1","kind":"sos"}"#)
        .await;
    let taken = channel.next_of("taken").await;
    assert_eq!(
        (taken["press"].clone(), taken["verified"].clone()),
        (json!("1"), json!(true))
    );
    let id = house
        .open_incident(taken["position"].as_u64().unwrap())
        .await;
    let steps = [
        (None, "received", "呼叫已收到,正在联系服务站"),
        (
            Some(house.accepted()),
            "heard",
            "王值班员已接单,马上与您联系",
        ),
        // Sent is not gone.
        (Some(house.sent(480)), "heard", "已派李护理员上门,约8分钟到"),
        (
            Some(house.set_out(480)),
            "coming",
            "李护理员已出发,约8分钟到",
        ),
        (
            Some(IncidentEvent::ResponderDelayed {
                responder: li(),
                eta: house.later(Duration::from_secs(900)),
            }),
            "delayed",
            "路上耽搁了,还需约15分钟",
        ),
        (
            Some(IncidentEvent::EmergencyServiceCalled {
                service: EmergencyService::Ambulance,
            }),
            "delayed",
            "路上耽搁了,还需约15分钟,已拨打120",
        ),
        (Some(house.arrived()), "arrived", "李护理员已到达,已拨打120"),
        (Some(resolved()), "done", "本次求助已办结,需要时再按"),
    ];
    for (event, stage, say) in steps {
        if let Some(event) = event {
            house.happens(id, event).await;
        }
        let told = channel.next_of("stage").await;
        assert_eq!(
            (
                told["stage"].as_str().unwrap(),
                told["say"].as_str().unwrap()
            ),
            (stage, say)
        );
        assert_eq!(
            (told["press"].clone(), told["incident"].clone()),
            (json!("1"), json!(id.to_string()))
        );
        assert_eq!(house.stage("1").await["say"], say, "asking says the same");
        let eta = told["eta_s"].as_u64();
        assert_eq!(
            eta,
            match stage {
                "coming" => Some(480),
                "heard" if say.starts_with("已派") => Some(480),
                "delayed" => Some(900),
                _ => None,
            }
        );
        assert_eq!(told["ambulance"], say.contains("120") || stage == "done");
    }
    assert_eq!(house.ingest.metrics().stages_pushed, 8);
    house.stop().await;
}

#[tokio::test]
async fn nobody_for_a_minute_is_seeking_and_never_silence() {
    let house = House::memory().await;
    let mut channel = house.channel(DEVICE, Some(KEY)).await;
    let press = house.press(&sos("1")).await;
    assert_eq!(
        house.stage("1").await["stage"],
        "received",
        "before the dispatcher came"
    );
    house.clock.advance(Duration::from_secs(61));
    let stage = house.stage("1").await;
    assert_eq!(
        (stage["stage"].clone(), stage["say"].clone()),
        (json!("seeking"), json!("还在为您联系,请别着急"))
    );

    let id = house.open_incident(press.position()).await;
    assert_eq!(channel.next_of("stage").await["stage"], "received");
    house.happens(id, house.offered()).await;
    house.clock.advance(Duration::from_secs(61));
    assert_eq!(
        channel.next_of("stage").await["stage"],
        "seeking",
        "time alone is news"
    );
    house.happens(id, house.accepted()).await;
    assert_eq!(channel.next_of("stage").await["stage"], "heard");
    house
        .happens(id, IncidentEvent::AcceptanceLapsed { operator: wang() })
        .await;
    assert_eq!(
        channel.next_of("stage").await["stage"],
        "seeking",
        "who had it has it no longer"
    );
    house.happens(id, house.accepted()).await;
    assert_eq!(channel.next_of("stage").await["stage"], "heard");
    house.happens(id, house.sent(300)).await;
    assert_eq!(channel.next_of("stage").await["stage"], "heard");
    house.happens(id, house.set_out(300)).await;
    assert_eq!(channel.next_of("stage").await["stage"], "coming");
    house
        .happens(id, IncidentEvent::ResponderReturned { responder: li() })
        .await;
    assert_eq!(
        channel.next_of("stage").await["stage"],
        "seeking",
        "the plan failed"
    );
    house.stop().await;
}

#[tokio::test]
async fn pressing_again_is_told_for_the_new_press_and_a_new_channel_hears_what_stands() {
    let house = House::memory().await;
    let mut channel = house.channel(DEVICE, Some(KEY)).await;
    let id = house.called("1").await;
    assert_eq!(channel.next_of("stage").await["press"], "1");
    house.happens(id, house.accepted()).await;
    assert_eq!(channel.next_of("stage").await["stage"], "heard");
    assert_eq!(house.called("2").await, id, "it joined");
    let told = [
        channel.next_of("stage").await,
        channel.next_of("stage").await,
    ];
    assert_eq!(told.map(|it| it["press"].clone()), [json!("1"), json!("2")]);
    assert_eq!(house.stage("2").await["stage"], "heard");

    let mut anew = house.channel(DEVICE, Some(KEY)).await;
    let told = [anew.next_of("stage").await, anew.next_of("stage").await];
    assert_eq!(
        told.map(|it| it["stage"].clone()),
        [json!("heard"), json!("heard")]
    );
    house.stop().await;
}

#[tokio::test]
async fn after_a_restart_the_way_back_is_there_again() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let house = House::sqlite(dir.path(), clock.clone(), true).await;
    let old = house.called("old").await;
    house.happens(old, house.accepted()).await;
    house.happens(old, resolved()).await;
    let care = domain::care::CareEvent::CareClosed { incident: old };
    house.care(care).await;
    clock.advance(Duration::from_secs(25 * 3_600));
    let id = house.called("1").await;
    house.happens(id, house.accepted()).await;
    house.stop().await;

    let house = House::sqlite(dir.path(), clock, false).await;
    tokio::time::timeout(SOON, house.ingest.back().ready())
        .await
        .unwrap();
    assert_eq!(house.stage("1").await["stage"], "heard");
    assert_eq!(
        house.stage("old").await["stage"],
        "done",
        "older than the table, found in the log"
    );
    let mut channel = house.channel(DEVICE, Some(KEY)).await;
    assert_eq!(channel.next_of("stage").await["stage"], "heard");
    house.happens(id, house.sent(60)).await;
    assert_eq!(channel.next_of("stage").await["stage"], "heard");
    house.happens(id, house.set_out(60)).await;
    assert_eq!(channel.next_of("stage").await["stage"], "coming");
    house.stop().await;
}

impl House {
    async fn care(&self, event: domain::care::CareEvent) {
        let subject = domain::SubjectId::resident(&domain::ResidentId::parse("r-7").unwrap());
        let at = self.casebook.now();
        let id = eventlog::EventId(uuid::Uuid::new_v4());
        let draft = casebook::Draft::new(id, at, domain::Actor::Dispatcher, event);
        let (stream, any) = (casebook::streams::care(&subject), eventlog::Expected::Any);
        let meta = casebook::Meta::default();
        let lane = eventlog::Lane::Urgent;
        self.casebook
            .append(lane, &stream, any, vec![draft], meta)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn only_the_devices_own_key_hears_how_far_help_is() {
    let house = House::memory().await;
    house.called("1").await;
    let path = format!("/v1/signals/{DEVICE}/1");
    for key in [None, Some("wrong"), Some("")] {
        let answer = house.get(&path, key).await;
        assert_eq!(
            (answer.status, answer.json()["code"].clone()),
            (401, json!("not_verified"))
        );
    }
    let unknown = house.get("/v1/signals/HRB-999999/1", Some(KEY)).await;
    let wrong = house.get(&path, Some("wrong")).await;
    assert_eq!(
        unknown.body, wrong.body,
        "nobody learns which devices there are"
    );
    let missing = house
        .get(&format!("/v1/signals/{DEVICE}/never"), Some(KEY))
        .await;
    assert_eq!(
        (missing.status, missing.json()["code"].clone()),
        (404, json!("no_such_press"))
    );
    let mut stranger = house.channel(DEVICE, Some("wrong")).await;
    stranger.send(r#"{"t":"heartbeat"}"#).await;
    let first = stranger.next().await.unwrap();
    assert_eq!(
        (first["t"].clone(), first["problem"]["status"].clone()),
        (json!("refused"), json!(401))
    );
    house.stop().await;
}

#[tokio::test]
async fn a_forged_press_is_not_told_to_the_device_it_names() {
    let house = House::memory().await;
    let mut channel = house.channel(DEVICE, Some(KEY)).await;
    let forged = house
        .send(Some("wrong"), sos("forged").to_string().as_bytes())
        .await;
    house.open_incident(forged.position()).await;
    let id = house.called("true").await;
    house.happens(id, house.accepted()).await;
    loop {
        let told = channel.next_of("stage").await;
        assert_eq!(told["press"], "true");
        if told["stage"] == "heard" {
            break;
        }
    }
    house.stop().await;
}

#[tokio::test]
async fn a_test_is_acknowledged_and_needs_nobody() {
    let house = House::memory().await;
    house
        .press(&json!({"device": DEVICE, "press": "t", "kind": "test"}))
        .await;
    house
        .press(&json!({"device": DEVICE, "press": "c", "kind": "cancel"}))
        .await;
    for press in ["t", "c"] {
        let stage = house.stage(press).await;
        assert_eq!(
            (stage["stage"].clone(), stage["say"].clone()),
            (json!("done"), json!("信号已收到"))
        );
    }
    house.stop().await;
}

#[tokio::test]
async fn heartbeats_on_a_channel_are_answered_beside_signals() {
    let house = House::memory().await;
    let mut channel = house.channel(DEVICE, Some(KEY)).await;
    channel.send(r#"{"t":"heartbeat","battery_pct":83}"#).await;
    let alive = channel.next_of("alive").await;
    assert!((54..=66).contains(&alive["next_heartbeat_s"].as_u64().unwrap()));
    for n in 0..50 {
        channel
            .send(&json!({"t": "signal", "press": n.to_string(), "kind": "sos"}).to_string())
            .await;
        channel.send(r#"{"t":"heartbeat"}"#).await;
        channel.next_of("taken").await;
    }
    assert_eq!(house.signals().await.len(), 50);
    assert_eq!(house.ingest.metrics().devices_beating, 1);
    house.stop().await;
}

#[tokio::test]
async fn a_fifth_channel_takes_the_place_of_the_first_and_a_full_door_says_so() {
    let options = IngestOptions {
        channels: 5,
        ..IngestOptions::default()
    };
    let house = House::memory_with(options).await;
    let mut first = house.channel(DEVICE, Some(KEY)).await;
    first.send(r#"{"t":"heartbeat"}"#).await;
    first.next_of("alive").await;
    let mut others = Vec::new();
    for _ in 0..4 {
        let mut next = house.channel(DEVICE, Some(KEY)).await;
        next.send(r#"{"t":"heartbeat"}"#).await;
        next.next_of("alive").await;
        others.push(next);
    }
    assert_eq!(first.next().await, None);
    assert_eq!(house.ingest.metrics().channels_open, 4);
    others[3]
        .send(r#"{"t":"signal","press":"1","kind":"sos"}"#)
        .await;
    others[3].next_of("taken").await;
    house.stop().await;
    assert_eq!(
        others[0].next().await,
        None,
        "a stopping server closes channels"
    );
}

#[tokio::test]
async fn a_browser_shows_its_key_as_a_subprotocol() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;
    let house = House::memory().await;
    let url = format!("ws://{}/v1/devices/{DEVICE}/channel", house.address);
    let mut request = url.into_client_request().unwrap();
    let offer = format!("anling.device.v1, key.{}", URL_SAFE_NO_PAD.encode(KEY));
    let headers = request.headers_mut();
    headers.insert("sec-websocket-protocol", offer.parse().unwrap());
    let (socket, answer) = tokio_tungstenite::connect_async(request).await.unwrap();
    assert_eq!(
        answer.headers()["sec-websocket-protocol"],
        "anling.device.v1"
    );
    let mut channel = crate::common::Channel(socket);
    channel
        .send(r#"{"t":"signal","press":"1","kind":"sos"}"#)
        .await;
    assert_eq!(channel.next_of("taken").await["verified"], true);
    house.stop().await;
}

#[tokio::test]
async fn the_channels_of_one_unverified_source_are_bounded_and_a_press_still_gets_through() {
    let house = House::memory().await;
    let mut open = Vec::new();
    for _ in 0..ingest::limits::UNVERIFIED_CHANNELS {
        open.push(house.channel("HRB-999999", None).await);
    }
    let url = format!("ws://{}/v1/devices/HRB-999999/channel", house.address);
    let refused = tokio_tungstenite::connect_async(url).await.unwrap_err();
    assert!(refused.to_string().contains("503"), "{refused}");
    house.channel(DEVICE, Some(KEY)).await;
    assert_eq!(
        house
            .send(None, sos("1").to_string().as_bytes())
            .await
            .status,
        202
    );
    open.pop();
    house.stop().await;
}
