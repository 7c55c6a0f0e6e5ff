//! A small city with a console, for the stories.
//!
//! For: three sites, a district desk, a city desk, a few residents; presses and offers made as the dispatcher would.
//! May not know: what the stories are about.

use crate::{
    furniture::{PASSWORD, furnish, resident_id, site_id},
    page::Page,
};
use casebook::{Case, Casebook, MasterKey, Opening, Vault};
use console::{Console, ConsoleOptions};
use directory::Directory;
use domain::{
    Actor, AlarmId, CommandId, DeviceId, IncidentId, SubjectId,
    incident::{AlarmRef, IncidentCommand, OfferCause},
    party::{Means, Party, TravelSource},
    policy::RingPolicy,
    signal::SignalKind,
};
use eventlog::{Direction, Log, Position, SystemClock};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use uuid::Uuid;
use wire::{
    card::Card,
    console::{Act, FromPage, PhoneLink, Session},
};

pub(crate) const SECRET: &[u8] = b"shared with the telephone system";

/// Longest wait for anything in a story.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Hall {
    pub(crate) book: Casebook,
    pub(crate) directory: Directory,
    pub(crate) console: Console,
    pub(crate) address: SocketAddr,
    pub(crate) http: reqwest::Client,
}

impl Hall {
    pub(crate) async fn open() -> Self {
        Self::first(None).await
    }

    /// The first of several processes.
    pub(crate) async fn open_as(node: &str) -> Self {
        Self::first(Some(node)).await
    }

    async fn first(node: Option<&str>) -> Self {
        let log = Log::memory(Arc::new(SystemClock));
        let book = book(log).await;
        let directory = Directory::open(book.clone(), None).await.unwrap();
        furnish(&directory).await;
        Self::over(book, directory, node).await
    }

    /// Another process on the same log, with everything of its own.
    pub(crate) async fn beside(&self, node: &str) -> Self {
        let book = book(self.book.log().clone()).await;
        let directory = Directory::open(book.clone(), None).await.unwrap();
        Self::over(book, directory, Some(node)).await
    }

    async fn over(book: Casebook, directory: Directory, node: Option<&str>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        directory.caught_up(book.log().head()).await.unwrap();
        let options = ConsoleOptions {
            webhook_secret: Some(SECRET.to_vec()),
            node: node.map(|node| domain::NodeId::parse(node).unwrap()),
            ..ConsoleOptions::default()
        };
        let policy = RingPolicy::default();
        let console = Console::start(book.clone(), directory.clone(), policy, options)
            .await
            .unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = console
            .router()
            .into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self {
            book,
            directory,
            console,
            address,
            http: reqwest::Client::new(),
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn sign_in(&self, name: &str) -> Session {
        let body = json!({ "name": name, "password": PASSWORD });
        let request = self.http.post(self.url("/v1/session")).json(&body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{name} signs in");
        answer.json().await.unwrap()
    }

    pub(crate) async fn token(&self, name: &str) -> String {
        self.sign_in(name).await.token.unwrap()
    }

    /// A carer's phone, let in by whoever has this token: its own token.
    pub(crate) async fn phone_of(&self, token: &str, responder: &str) -> String {
        let body = json!({ "responder": responder });
        let asked = self.ask(token, Method::POST, "/v1/phone-links", Some(body));
        let (status, link) = asked.await;
        assert_eq!(status, StatusCode::OK, "{link}");
        let link: PhoneLink = serde_json::from_value(link).unwrap();
        let (_, secret) = link.url.split_once("/m#t=").unwrap();
        let request = self.http.post(self.url("/v1/session/phone"));
        let asked = request.json(&json!({ "token": secret })).send();
        let session: Session = asked.await.unwrap().json().await.unwrap();
        session.token.unwrap()
    }

    /// A request with a bearer token: status and body as JSON (null when empty).
    pub(crate) async fn ask(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let mut request = self.http.request(method, self.url(path)).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    pub(crate) async fn get(&self, token: &str, path: &str) -> (StatusCode, Value) {
        self.ask(token, Method::GET, path, None).await
    }

    pub(crate) async fn command(
        &self,
        token: &str,
        incident: IncidentId,
        id: Uuid,
        seen: Option<u64>,
        act: Act,
    ) -> (StatusCode, Value) {
        let path = format!("/v1/incidents/{incident}/commands");
        let body = json!({ "id": id, "seen": seen, "do": act });
        self.ask(token, Method::POST, &path, Some(body)).await
    }

    pub(crate) async fn card(&self, token: &str, incident: IncidentId) -> Card {
        let (status, card) = self.get(token, &format!("/v1/incidents/{incident}")).await;
        assert_eq!(status, StatusCode::OK);
        serde_json::from_value(card).unwrap()
    }

    /// A live console that has said `resume` from a position, with its first frame not yet read.
    pub(crate) async fn page(&self, token: &str, console: &str, position: Option<u64>) -> Page {
        let mut page = self.socket(token, "/v1/console").await;
        let console = console.to_owned();
        page.say(&FromPage::Resume { console, position }).await;
        page
    }

    pub(crate) async fn socket(&self, token: &str, path: &str) -> Page {
        let url = format!("ws://{}{path}", self.address);
        let mut request = url.into_client_request().unwrap();
        let bearer = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert("authorization", bearer);
        let (socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        Page { socket }
    }

    /// A resident presses; the incident is offered to these parties.
    pub(crate) async fn press(&self, resident: u32, parties: &[Party]) -> IncidentId {
        let incident = self.alarm(resident).await;
        self.offer(incident, 0, parties).await;
        incident
    }

    /// An alarm as the dispatcher handles it.
    pub(crate) async fn alarm(&self, resident: u32) -> IncidentId {
        let at = self.book.now();
        let device = DeviceId::parse(&format!("HRB-{resident:06}")).unwrap();
        let alarm = AlarmRef {
            alarm: AlarmId(Uuid::new_v4()),
            position: self.book.log().head().0,
            device: Some(device),
            press: Uuid::new_v4().to_string(),
            kind: SignalKind::Sos,
            received_at: at,
            problems: vec![],
            verified: true,
        };
        let id = resident_id(resident);
        let opening = Opening {
            resident: Some(id.clone()),
            district: Some(domain::DistrictId::parse("230102").unwrap()),
            place_plain: Some((126_610_000, 45_756_000)),
            late_ms: None,
            at,
        };
        let subject = SubjectId::resident(&id);
        let handled = self
            .book
            .open_or_join(alarm, subject, opening)
            .await
            .unwrap();
        handled.incident.unwrap()
    }

    /// The same device says something more.
    pub(crate) async fn join(&self, incident: IncidentId, kind: SignalKind) {
        let folded = self.book.fold_incident(incident).await.unwrap().unwrap();
        let alarm = AlarmRef {
            alarm: AlarmId(Uuid::new_v4()),
            position: self.book.log().head().0,
            press: Uuid::new_v4().to_string(),
            kind,
            received_at: self.book.now(),
            ..folded.alarms[0].clone()
        };
        self.dispatches(incident, IncidentCommand::Join { alarm })
            .await;
    }

    /// An alarm of a device on record, with a key that does not fit, offered to a site.
    pub(crate) async fn forged(&self, resident: u32, parties: &[Party]) -> IncidentId {
        let at = self.book.now();
        let alarm = AlarmRef {
            alarm: AlarmId(Uuid::new_v4()),
            position: self.book.log().head().0,
            device: Some(DeviceId::parse(&format!("HRB-{resident:06}")).unwrap()),
            press: Uuid::new_v4().to_string(),
            kind: SignalKind::Sos,
            received_at: at,
            problems: vec![domain::signal::Problem::BadKey],
            verified: false,
        };
        let opening = Opening {
            resident: None,
            district: Some(domain::DistrictId::parse("230102").unwrap()),
            place_plain: None,
            late_ms: None,
            at,
        };
        let subject = SubjectId::source(&format!("{resident:08x}"));
        let handled = self.book.open_or_join(alarm, subject, opening).await;
        let incident = handled.unwrap().incident.unwrap();
        self.offer(incident, 0, parties).await;
        incident
    }

    /// The dispatcher rings a desk for support.
    pub(crate) async fn ring_for_support(&self, incident: IncidentId, desk: Party) {
        let command = IncidentCommand::Offer {
            ring: 0,
            round: 0,
            cause: OfferCause::Support,
            added: vec![desk],
            means: vec![Means::Screen],
            widens_at: self.book.now() + Duration::from_secs(60),
            as_of: 0,
            policy: 1,
            travel: TravelSource::Estimate,
            candidates: vec![],
            late_ms: None,
        };
        self.dispatches(incident, command).await;
    }

    async fn dispatches(&self, incident: IncidentId, command: IncidentCommand) {
        let asked = self.book.asked(Actor::Dispatcher, None, command);
        let id = CommandId(Uuid::new_v4());
        self.book.act(incident, id, asked).await.unwrap();
    }

    pub(crate) async fn offer(&self, incident: IncidentId, ring: u8, parties: &[Party]) {
        let command = IncidentCommand::Offer {
            ring,
            round: 0,
            cause: OfferCause::Ring,
            added: parties.to_vec(),
            means: vec![Means::Screen],
            widens_at: self.book.now() + Duration::from_secs(15),
            as_of: 0,
            policy: 1,
            travel: TravelSource::Estimate,
            candidates: vec![],
            late_ms: None,
        };
        let asked = self.book.asked(Actor::Dispatcher, None, command);
        let id = CommandId(Uuid::new_v4());
        self.book.act(incident, id, asked).await.unwrap();
    }

    /// Waits until the console shows everything written so far.
    pub(crate) async fn shown(&self) {
        let head = self.book.log().head();
        let waiting = async {
            while !self.console.has_shown(head) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap();
    }

    /// Every event of ours so far, oldest first.
    pub(crate) async fn events(&self) -> Vec<Case> {
        let log = self.book.log();
        let all = log.read_all(Position::START, Direction::Forward, 10_000);
        let all = all.await.unwrap();
        all.iter().map(|e| casebook::read(e).unwrap()).collect()
    }

    /// Waits until an event of ours is in the log.
    pub(crate) async fn until(&self, what: &str, is: impl Fn(&Case) -> bool) {
        let waiting = async {
            while !self.events().await.iter().any(&is) {
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(waited.is_ok(), "{what}");
    }
}

async fn book(log: Log) -> Casebook {
    let key = MasterKey::from_bytes([7; 32]);
    let vault = Vault::open(log.clone(), key).await.unwrap();
    Casebook::new(log, vault)
}

pub(crate) fn at_site(name: &str) -> Party {
    Party::Site(site_id(name))
}
