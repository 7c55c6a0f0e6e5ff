//! Telephones: signed, tried again, recognised when repeated, and never rung for what is long past. In real time, for
//! they go over a socket.

use crate::world::{NOON, World};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use dispatcher::{Dispatcher, DispatcherOptions, Webhook, Webhooks, verify};
use domain::{
    Actor, CommandId,
    incident::{DutyPhoneCause, IncidentCommand, IncidentEvent},
    signal::SignalKind,
};
use eventlog::{Clock, Log, ManualClock, TokioClock};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::sync::mpsc;
use uuid::Uuid;

const SECRET: &[u8] = b"a secret of both sides";

/// What the exchange was sent.
struct Request {
    headers: HeaderMap,
    body: Bytes,
}

impl Request {
    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Clone)]
struct Exchange {
    refusals: Arc<AtomicU32>,
    seen: mpsc::UnboundedSender<Request>,
}

/// An exchange that is out of order for the first `refusals` requests.
async fn exchange(refusals: u32) -> (String, mpsc::UnboundedReceiver<Request>) {
    let (seen, requests) = mpsc::unbounded_channel();
    let exchange = Exchange {
        refusals: Arc::new(AtomicU32::new(refusals)),
        seen,
    };
    let app = Router::new()
        .route("/ring", post(ring))
        .with_state(exchange);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/ring", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (url, requests)
}

async fn ring(State(exchange): State<Exchange>, headers: HeaderMap, body: Bytes) -> StatusCode {
    exchange.seen.send(Request { headers, body }).unwrap();
    let left = |left: u32| left.checked_sub(1);
    let refused = exchange
        .refusals
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, left);
    match refused {
        Ok(_) => StatusCode::SERVICE_UNAVAILABLE,
        Err(_) => StatusCode::OK,
    }
}

fn hook(url: &str) -> Option<Webhook> {
    Some(Webhook {
        url: url.to_owned(),
        secret: SECRET.to_vec().into(),
    })
}

fn dispatcher(world: &World, duty_phone: Option<Webhook>, sms: Option<Webhook>) -> Dispatcher {
    world.dispatcher_with(DispatcherOptions {
        shared: false,
        webhooks: Webhooks {
            duty_phone,
            sms,
            work_chat: None,
            callback: "http://127.0.0.1/answer".to_owned(),
        },
        name: "test".to_owned(),
    })
}

/// The sites, one operator without a console; in real time.
async fn world() -> World {
    let world = World::with_sites(crate::world::log()).await;
    world.sign_on("s-1").await;
    world
}

async fn next(requests: &mut mpsc::UnboundedReceiver<Request>) -> Request {
    tokio::time::timeout(Duration::from_secs(20), requests.recv())
        .await
        .expect("rung in time")
        .expect("the exchange runs")
}

#[tokio::test]
async fn a_duty_phone_is_rung_by_a_signed_request_that_is_tried_again() {
    let (url, mut requests) = exchange(2).await;
    let world = world().await;
    let dispatcher = dispatcher(&world, hook(&url), None);
    assert!(dispatcher.ready().await);
    world.press("d-1", "1", SignalKind::Sos).await;
    let rung = |e: &IncidentEvent| matches!(e, IncidentEvent::DutyPhoneRung { .. });
    let (id, _) = world.until("the ringing", |h| rung(&h.event)).await;
    let mut keys = Vec::new();
    for _ in 0..3 {
        let request = next(&mut requests).await;
        let signature = request.header("Anling-Signature");
        assert_eq!(
            verify(SECRET, signature, &request.body, world.now()),
            Ok(())
        );
        assert!(verify(b"another", signature, &request.body, world.now()).is_err());
        keys.push(request.header("Idempotency-Key").to_owned());
        let said = request.json();
        assert_eq!(said["call"], *keys[0]);
        assert_eq!(said["incident"], id.to_string());
        assert_eq!(said["to"], "045112345678");
        assert_eq!(said["attempt"], 1);
        assert_eq!(said["means"], "duty_phone");
        assert_eq!(said["callback"], "http://127.0.0.1/answer");
        let say = said["say"].as_str().unwrap();
        assert!(say.contains("道里区") && say.contains("紧急呼叫"), "{say}");
    }
    assert_eq!(keys[0], keys[2], "the same call, whatever is tried again");
    assert!(Uuid::try_parse(&keys[0]).is_ok());
    while dispatcher.metrics().webhooks_sent == 0 {
        tokio::task::yield_now().await;
    }
    dispatcher.stop().await;
}

#[tokio::test]
async fn a_restart_does_not_ring_again_what_was_rung() {
    let (url, mut requests) = exchange(0).await;
    let world = world().await;
    let before = dispatcher(&world, hook(&url), None);
    world.press("d-1", "1", SignalKind::Sos).await;
    let first = next(&mut requests).await;
    while before.metrics().webhooks_sent == 0 {
        tokio::task::yield_now().await;
    }
    before.stop().await;
    let after = dispatcher(&world, hook(&url), None);
    world.press("d-2", "1", SignalKind::Sos).await;
    let second = next(&mut requests).await;
    assert_ne!(first.json()["incident"], second.json()["incident"]);
    after.stop().await;
}

/// One of several dispatchers on the log.
fn one_of_several(world: &World, url: &str) -> Dispatcher {
    world.dispatcher_with(DispatcherOptions {
        shared: true,
        webhooks: Webhooks {
            duty_phone: hook(url),
            ..Webhooks::default()
        },
        name: String::new(),
    })
}

#[tokio::test]
async fn two_dispatchers_ring_a_telephone_once() {
    let (url, mut requests) = exchange(0).await;
    let world = world().await;
    let beside = World {
        places: world.places.clone(),
        ..World::over(world.log.clone()).await
    };
    let two = [one_of_several(&world, &url), one_of_several(&beside, &url)];
    for dispatcher in &two {
        assert!(dispatcher.ready().await);
    }
    let mut keys = std::collections::BTreeSet::new();
    for n in 1..=10 {
        world.press(&format!("d-{n}"), "1", SignalKind::Sos).await;
        // However many ring, each call comes once.
        let request = next(&mut requests).await;
        let key = request.header("Idempotency-Key").to_owned();
        assert!(keys.insert(key), "called twice");
    }
    let [a, b] = two;
    a.stop().await;
    // The other sees that everything was called.
    let (cursors, end) = (world.log.cursors(), world.log.head());
    let cursor = dispatcher::duty_phone::CURSOR;
    while cursors.get(cursor).await.unwrap() < Some(end) {
        tokio::task::yield_now().await;
    }
    b.stop().await;
    while let Ok(request) = requests.try_recv() {
        let key = request.header("Idempotency-Key").to_owned();
        assert!(keys.insert(key), "called twice");
    }
}

#[tokio::test]
async fn a_ringing_of_a_dispatcher_that_died_is_made_by_the_other() {
    let (url, mut requests) = exchange(0).await;
    let world = world().await;
    let other = one_of_several(&world, &url);
    assert!(other.ready().await);
    world.press("d-1", "1", SignalKind::Sos).await;
    let rung = |e: &IncidentEvent| matches!(e, IncidentEvent::DutyPhoneRung { .. });
    let (id, _) = world.until("the ringing", |h| rung(&h.event)).await;
    next(&mut requests).await;
    // One that somebody else has decided, and nobody calls.
    let ring = IncidentCommand::RingDutyPhone {
        party: crate::world::at_site("s-1"),
        attempt: 77,
        cause: DutyPhoneCause::Unanswered,
    };
    let asked = world.casebook.asked(Actor::Dispatcher, None, ring);
    let command = CommandId(Uuid::new_v4());
    world.casebook.act(id, command, asked).await.unwrap();
    while next(&mut requests).await.json()["attempt"] != 77 {}
    other.stop().await;
}

#[tokio::test]
async fn nothing_is_rung_for_what_is_long_past() {
    let (url, mut requests) = exchange(0).await;
    let clock = Arc::new(ManualClock::new(NOON * 1_000));
    let world = World::with_sites(Log::memory(clock.clone())).await;
    world.sign_on("s-1").await;
    // A first start fixes the place to follow from.
    dispatcher_once(&world, &url).await;
    let quiet = world.dispatcher();
    world.press("d-1", "1", SignalKind::Sos).await;
    let rung = |e: &IncidentEvent| matches!(e, IncidentEvent::DutyPhoneRung { .. });
    let (id, _) = world.until("the ringing", |h| rung(&h.event)).await;
    quiet.stop().await;
    clock.advance(Duration::from_secs(121));
    let late = dispatcher(&world, hook(&url), None);
    assert!(late.ready().await);
    let ring = IncidentCommand::RingDutyPhone {
        party: crate::world::at_site("s-1"),
        attempt: 77,
        cause: DutyPhoneCause::Unanswered,
    };
    let asked = world.casebook.asked(Actor::Dispatcher, None, ring);
    world
        .casebook
        .act(id, CommandId(Uuid::new_v4()), asked)
        .await
        .unwrap();
    // Whatever is rung now, the attempt of two minutes ago is not.
    loop {
        let request = next(&mut requests).await;
        assert_ne!(request.json()["attempt"], 1, "{:?}", request.json());
        if request.json()["attempt"] == 77 {
            break;
        }
    }
    late.stop().await;
}

async fn dispatcher_once(world: &World, url: &str) {
    let dispatcher = dispatcher(world, hook(url), None);
    assert!(dispatcher.ready().await);
    dispatcher.stop().await;
}

#[tokio::test]
async fn a_keyholder_is_asked_by_a_text() {
    let (voice, mut spoken) = exchange(0).await;
    let (text, mut texts) = exchange(0).await;
    let clock = TokioClock::starting_at(NOON * 1_000);
    let ahead = Arc::new(ManualClock::new(clock.now_micros()));
    let world = World::with_sites(Log::memory(ahead.clone())).await;
    world.sign_on("s-1").await;
    *world.places.keyholder.lock().unwrap() = true;
    let dispatcher = dispatcher(&world, hook(&voice), hook(&text));
    assert!(dispatcher.ready().await);
    world.press("d-1", "1", SignalKind::Sos).await;
    next(&mut spoken).await;
    ahead.advance(Duration::from_secs(61));
    loop {
        let request = next(&mut texts).await;
        let said = request.json();
        if said["party"]["party"] == "keyholder" {
            assert_eq!(said["to"], "13900000000");
            let key = format!("{}-sms", said["call"].as_str().unwrap());
            assert_eq!(request.header("Idempotency-Key"), key);
            break;
        }
    }
    while let Ok(request) = spoken.try_recv() {
        assert_ne!(request.json()["party"]["party"], "keyholder");
    }
    dispatcher.stop().await;
}
