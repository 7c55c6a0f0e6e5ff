//! The device door over real sockets, on a log in memory or on SQLite.
//!
//! For: the tests of this crate.
//! May not know: anything inside the crate.

use casebook::{Casebook, Draft, MasterKey, Meta, Vault, streams};
use directory::{Account, Directory, Sendable};
use domain::{
    Actor, AlarmId, DeviceId, DistrictId, IncidentId, OperatorId, ResidentId, ResponderId,
    SubjectId, Timestamp,
    device::{DeviceEvent, Received},
    incident::{AlarmRef, IncidentEvent},
    operator::{ResponderKind, Role, Scope},
    signal::SignalKind,
};
use eventlog::{Clock, Direction, EventId, Expected, Lane, Log, ManualClock, Position, Recorded};
use futures_util::{SinkExt, StreamExt};
use ingest::{Ingest, IngestOptions};
use serde_json::Value;
use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};

/// 2026-01-15T00:00:00Z, in milliseconds.
pub(crate) const NOON: i64 = 1_768_435_200_000;
pub(crate) const DEVICE: &str = "TEST-000123";
pub(crate) const KEY: &str = "a-device-key-of-thirty-two-chars";
/// Long enough for any machine, short enough to fail a hung test.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) struct House {
    pub(crate) ingest: Ingest,
    pub(crate) casebook: Casebook,
    pub(crate) directory: Directory,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) address: SocketAddr,
    /// The panels' door.
    pub(crate) panels: SocketAddr,
    server: tokio::task::JoinHandle<()>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        let mut found = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.trim())
    }

    pub(crate) fn position(&self) -> u64 {
        self.json()["position"].as_u64().unwrap()
    }
}

pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(NOON * 1_000))
}

impl House {
    pub(crate) async fn memory() -> Self {
        Self::memory_with(IngestOptions::default()).await
    }

    pub(crate) async fn memory_with(options: IngestOptions) -> Self {
        let clock = clock();
        let log = Log::memory(Arc::clone(&clock) as Arc<dyn Clock>);
        let house = Self::over(log, None, clock, options).await;
        house.people().await;
        house
    }

    /// Opens or opens again what stands in a folder.
    pub(crate) async fn sqlite(dir: &Path, clock: Arc<ManualClock>, new: bool) -> Self {
        let log = Log::open_sqlite(dir, Arc::clone(&clock) as Arc<dyn Clock>);
        let log = log.await.unwrap();
        let house = Self::over(log, Some(dir), clock, IngestOptions::default()).await;
        if new {
            house.people().await;
        }
        house
    }

    async fn over(
        log: Log,
        dir: Option<&Path>,
        clock: Arc<ManualClock>,
        options: IngestOptions,
    ) -> Self {
        let vault = Vault::open(log.clone(), MasterKey::from_bytes([7; 32]));
        let casebook = Casebook::new(log, vault.await.unwrap());
        let directory = Directory::open(casebook.clone(), dir).await.unwrap();
        let ingest = Ingest::start(casebook.clone(), directory.clone(), options);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = ingest
            .router()
            .into_make_service_with_connect_info::<SocketAddr>();
        let listener_of_panels = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let panels = listener_of_panels.local_addr().unwrap();
        ingest.serve_panels(listener_of_panels);
        let server = tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        Self {
            ingest,
            casebook,
            directory,
            clock,
            address,
            panels,
            server,
        }
    }

    /// One resident's device, one operator, one carer.
    async fn people(&self) {
        let registrar = self.directory.registrar();
        let by = Actor::Registrar;
        let resident = ResidentId::parse("r-7").unwrap();
        let device = DeviceId::parse(DEVICE).unwrap();
        let enrolled = registrar
            .enrol_device(by.clone(), device, "pendant", Some(resident), KEY)
            .await;
        enrolled.unwrap();
        let account = Account {
            operator: OperatorId::parse("wang").unwrap(),
            name: "王秀英".to_owned(),
            post: "值班员".to_owned(),
            role: Role::Operator,
            scope: Scope::City,
            password: "$argon2id$none".to_owned(),
        };
        registrar.add_operator(by.clone(), account).await.unwrap();
        let carer = Sendable {
            responder: ResponderId::parse("li").unwrap(),
            name: "李护理员".to_owned(),
            kind: ResponderKind::Carer,
            site: None,
            district: DistrictId::parse("230102").unwrap(),
            phone: None,
        };
        let added = registrar.add_responder(by, carer).await.unwrap();
        self.directory.caught_up(added.position).await.unwrap();
    }

    pub(crate) async fn stop(self) {
        self.server.abort();
        self.ingest.stop().await;
        self.directory.stop().await;
        self.casebook.log().close().await;
    }

    // --- what devices do ---------------------------------------------------------------------------------------------

    pub(crate) async fn send(&self, key: Option<&str>, body: &[u8]) -> Answer {
        self.request("POST", "/v1/signals", key, body).await
    }

    pub(crate) async fn press(&self, body: &Value) -> Answer {
        self.send(Some(KEY), body.to_string().as_bytes()).await
    }

    pub(crate) async fn get(&self, path: &str, key: Option<&str>) -> Answer {
        self.request("GET", path, key, b"").await
    }

    pub(crate) async fn request(
        &self,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: &[u8],
    ) -> Answer {
        let key = key.map_or(String::new(), |key| {
            format!("Authorization: Bearer {key}\r\n")
        });
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n{key}Content-Length: {length}\r\n\r\n"
        );
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
        answer_of(stream).await
    }

    pub(crate) async fn channel(&self, device: &str, key: Option<&str>) -> Channel {
        let url = format!("ws://{}/v1/devices/{device}/channel", self.address);
        let mut request = url.into_client_request().unwrap();
        if let Some(key) = key {
            let value = format!("Bearer {key}").parse().unwrap();
            request.headers_mut().insert("authorization", value);
        }
        let (socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        Channel(socket)
    }

    // --- what stands in the log --------------------------------------------------------------------------------------

    pub(crate) async fn events(&self) -> Vec<Arc<Recorded>> {
        let log = self.casebook.log();
        log.read_all(Position::START, Direction::Forward, 10_000)
            .await
            .unwrap()
    }

    /// Signals in the log: stored name, stream and content.
    pub(crate) async fn signals(&self) -> Vec<(String, String, Received)> {
        let events = self.events().await;
        events.iter().filter_map(|it| signal_of(it)).collect()
    }

    /// Waits until so many signals are in the log.
    pub(crate) async fn until_signals(&self, count: usize) {
        let enough = async {
            while self.signals().await.len() < count {
                tokio::task::yield_now().await;
            }
        };
        let found = tokio::time::timeout(SOON, enough).await;
        found.expect("the signals come");
    }

    pub(crate) async fn signal_at(&self, position: u64) -> (String, String, Received) {
        let events = self.events().await;
        let event = events.iter().find(|it| it.position.0 == position);
        signal_of(event.unwrap()).unwrap()
    }

    // --- what the dispatcher and operators do ------------------------------------------------------------------------

    /// Opens an incident for the signal at this position.
    pub(crate) async fn open_incident(&self, position: u64) -> IncidentId {
        let events = self.events().await;
        let event = events.iter().find(|it| it.position.0 == position).unwrap();
        let (_, _, received) = signal_of(event).unwrap();
        let alarm = AlarmRef {
            alarm: AlarmId(event.id.0),
            position,
            device: received.device,
            press: received.press,
            kind: received.kind,
            received_at: self.casebook.now(),
            problems: received.problems,
            verified: received.verified,
        };
        let resident = ResidentId::parse("r-7").unwrap();
        let opening = casebook::Opening {
            resident: Some(resident.clone()),
            district: None,
            place_plain: None,
            late_ms: None,
            at: self.casebook.now(),
        };
        let subject = SubjectId::resident(&resident);
        let handled = self.casebook.open_or_join(alarm, subject, opening).await;
        handled.unwrap().incident.unwrap()
    }

    pub(crate) async fn happens(&self, incident: IncidentId, event: IncidentEvent) {
        let at = self.casebook.now();
        let id = EventId(uuid::Uuid::new_v4());
        let draft = Draft::new(id, at, Actor::Dispatcher, event);
        let stream = streams::incident(incident);
        self.casebook
            .append(
                Lane::Urgent,
                &stream,
                Expected::StreamExists,
                vec![draft],
                Meta::default(),
            )
            .await
            .unwrap();
    }

    pub(crate) fn later(&self, by: Duration) -> Timestamp {
        self.casebook.now() + by
    }
}

pub(crate) async fn answer_of(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(SOON, stream.read_to_end(&mut bytes));
    read.await.expect("the door answers").unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer: {text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let (head, body) = (head.to_owned(), body.to_owned());
    Answer { status, head, body }
}

fn signal_of(recorded: &Recorded) -> Option<(String, String, Received)> {
    let casebook::Case::Device(happened) = casebook::read(recorded).unwrap() else {
        return None;
    };
    let received = match happened.event {
        DeviceEvent::AlarmReceived(it)
        | DeviceEvent::TestReceived(it)
        | DeviceEvent::TroubleReported(it) => it,
        _ => return None,
    };
    Some((
        recorded.kind.to_string(),
        recorded.stream.to_string(),
        received,
    ))
}

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<TcpStream>>;

pub(crate) struct Channel(pub Socket);

impl Channel {
    pub(crate) async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next message of ours; `None` when the channel was closed.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            let next = tokio::time::timeout(SOON, self.0.next());
            match next.await.expect("the channel speaks") {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// The code and reason with which the channel was closed, passing over what is said before.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        loop {
            let next = tokio::time::timeout(SOON, self.0.next());
            match next.await.expect("the channel speaks") {
                Some(Ok(Message::Close(Some(frame)))) => {
                    return (frame.code.into(), frame.reason.to_string());
                }
                Some(Ok(Message::Close(None)) | Err(_)) | None => panic!("it ended without a word"),
                Some(Ok(_)) => {}
            }
        }
    }

    /// The next message of this kind, passing over others.
    pub(crate) async fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let message = self.next().await.expect("the channel is open");
            if message["t"] == kind {
                return message;
            }
        }
    }
}

pub(crate) fn sos(press: &str) -> Value {
    serde_json::json!({"device": DEVICE, "press": press, "kind": SignalKind::Sos})
}
