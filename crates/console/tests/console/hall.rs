//! A small city with a console, for the stories.
//!
//! For: three sites, a district desk, a city desk, a few residents; presses and offers made as the dispatcher would.
//! May not know: what the stories are about.

use casebook::{Case, Casebook, MasterKey, Opening, Vault};
use console::{Console, ConsoleOptions};
use directory::{Account, Directory, Enrolling, harbin};
use domain::{
    Actor, AlarmId, CommandId, DeviceId, IncidentId, OperatorId, ResidentId, ResponderId, SiteId,
    SubjectId,
    incident::{AlarmRef, IncidentCommand, OfferCause},
    operator::{ResponderKind, Role, Scope},
    party::{Means, Party, TravelSource, Traveller},
    policy::RingPolicy,
    resident::{Address, Contact, Profile},
    signal::SignalKind,
    site::{Hours, SiteKind, SiteRecord},
};
use eventlog::{Direction, Log, Position, SystemClock};
use futures_util::{SinkExt, StreamExt};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest},
};
use uuid::Uuid;
use wire::{
    card::Card,
    console::{Act, CommandIn, FromPage, Session, ToPage},
};

pub(crate) const PASSWORD: &str = "a long enough password";
pub(crate) const SECRET: &[u8] = b"shared with the telephone system";

/// Longest wait for anything in a story.
const PATIENCE: Duration = Duration::from_secs(20);

fn hashed() -> String {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| console::hash_password(PASSWORD).unwrap())
        .clone()
}

pub(crate) struct Hall {
    pub(crate) book: Casebook,
    pub(crate) directory: Directory,
    pub(crate) console: Console,
    pub(crate) address: SocketAddr,
    pub(crate) http: reqwest::Client,
}

pub(crate) fn resident_id(n: u32) -> ResidentId {
    ResidentId::parse(&format!("r-{n}")).unwrap()
}

pub(crate) fn site_id(name: &str) -> SiteId {
    SiteId::parse(name).unwrap()
}

fn site(name: &str, kind: SiteKind, district: &str, lon_e6: i32) -> SiteRecord {
    SiteRecord {
        site: site_id(name),
        kind,
        name: format!("{name}服务站"),
        name_latin: format!("Station {name}"),
        district: domain::DistrictId::parse(district).unwrap(),
        lon_e6,
        lat_e6: 45_755_000,
        hours: Hours {
            opens_min: 0,
            closes_min: 0,
        },
        can_answer: true,
        can_send: true,
        duty_phone: "0451-5550100".to_owned(),
        capacity: 5,
        traveller: Traveller::Car,
    }
}

fn profile(n: u32) -> Profile {
    Profile {
        name: format!("王秀兰{n}"),
        name_latin: format!("Wang Xiulan {n}"),
        born: 1941,
        sex: "f".to_owned(),
        phone: format!("138-0000-{n:04}"),
        address: Address {
            compound: "安康小区".to_owned(),
            building: "3号楼".to_owned(),
            unit: "2单元".to_owned(),
            floor: "5层".to_owned(),
            door: "502室".to_owned(),
            access: "密码盒 1234".to_owned(),
        },
        lon_e6: 126_610_000,
        lat_e6: 45_756_000,
        hearing: "hard".to_owned(),
        dialect: "东北话".to_owned(),
        conditions: vec!["高血压".to_owned()],
        medicines: vec!["阿司匹林".to_owned()],
        hospital: "哈尔滨市第一医院".to_owned(),
        contacts: vec![Contact {
            name: "李娜".to_owned(),
            relation: "女儿".to_owned(),
            phone: "139-0000-0001".to_owned(),
            has_key: true,
            minutes_away: Some(15),
        }],
        household: vec![],
        notes: String::new(),
    }
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

async fn furnish(directory: &Directory) {
    let registrar = directory.registrar();
    let by = || Actor::Registrar;
    let sites = [
        site("s-1", SiteKind::Station, "230102", 126_612_000),
        site("s-2", SiteKind::Station, "230102", 126_630_000),
        site("s-3", SiteKind::Facility, "230103", 126_650_000),
        site("desk-230102", SiteKind::DistrictDesk, "230102", 126_607_000),
        site("desk-city", SiteKind::CityDesk, "230103", 126_640_000),
    ];
    for site in sites {
        registrar.open_site(by(), site).await.unwrap();
    }
    let daoli = domain::DistrictId::parse("230102").unwrap();
    let of_site = |name: &str| (Role::Operator, Scope::Site(site_id(name)));
    let accounts = [
        ("anna", of_site("s-1")),
        ("bo", of_site("s-1")),
        ("chen", of_site("s-2")),
        ("dai", of_site("s-3")),
        (
            "manager",
            (Role::DistrictManager, Scope::District(daoli.clone())),
        ),
        ("admin", (Role::Administrator, Scope::City)),
    ];
    for (name, (role, scope)) in accounts {
        let account = Account {
            operator: OperatorId::parse(name).unwrap(),
            name: format!("{name}护理员"),
            post: "护理员".to_owned(),
            role,
            scope,
            password: hashed(),
        };
        registrar.add_operator(by(), account).await.unwrap();
    }
    for (name, site) in [("carer-1", "s-1"), ("carer-3", "s-3")] {
        let carer = directory::registrar::Sendable {
            responder: ResponderId::parse(name).unwrap(),
            name: format!("{name}师傅"),
            kind: ResponderKind::Carer,
            site: Some(site_id(site)),
            district: daoli.clone(),
            phone: Some("137-0000-0000".to_owned()),
        };
        registrar.add_responder(by(), carer).await.unwrap();
    }
    let community = harbin::communities()
        .iter()
        .find(|c| c.district == daoli)
        .unwrap();
    for n in 1..=60 {
        let who = Enrolling {
            resident: resident_id(n),
            district: daoli.clone(),
            community: community.id.clone(),
            grid: 1,
            home_station: Some(site_id("s-1")),
            profile: profile(n),
        };
        registrar.enrol_resident(by(), who).await.unwrap();
        let device = DeviceId::parse(&format!("HRB-{n:06}")).unwrap();
        let resident = Some(resident_id(n));
        let enrolled = registrar.enrol_device(by(), device, "pendant", resident, "key");
        enrolled.await.unwrap();
    }
}

/// A page at the other end of a WebSocket.
pub(crate) struct Page {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Page {
    pub(crate) async fn say(&mut self, message: &FromPage) {
        let text = serde_json::to_string(message).unwrap();
        self.say_text(text).await;
    }

    pub(crate) async fn say_text(&mut self, text: String) {
        self.socket.send(Message::Text(text.into())).await.unwrap();
    }

    pub(crate) async fn say_raw(&mut self, message: Message) {
        let _ = self.socket.send(message).await;
    }

    /// The next message; `None` when the console has ended.
    pub(crate) async fn next(&mut self) -> Option<ToPage> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            match message.expect("the console says something")? {
                Ok(Message::Text(text)) => return serde_json::from_str(&text).unwrap(),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// The code with which the console ends, passing over what is said before.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            match message.expect("the console says something") {
                Some(Ok(Message::Close(Some(frame)))) => return frame.code.into(),
                Some(Ok(Message::Close(None)) | Err(_)) | None => panic!("it ended without a word"),
                Some(Ok(_)) => {}
            }
        }
    }

    /// Reads on until a message gives what is looked for.
    pub(crate) async fn until<T>(&mut self, mut find: impl FnMut(ToPage) -> Option<T>) -> T {
        loop {
            let message = self.next().await.expect("the console goes on");
            if let Some(found) = find(message) {
                return found;
            }
        }
    }

    pub(crate) async fn snapshot(&mut self) -> (u64, Vec<Card>) {
        self.until(|message| match message {
            ToPage::Snapshot {
                position, cards, ..
            } => Some((position, cards)),
            _ => None,
        })
        .await
    }

    /// Reads on until a card as described was put on the page.
    pub(crate) async fn card(&mut self, is: impl Fn(&Card) -> bool) -> Card {
        self.until(|message| cards_of(message).into_iter().find(&is))
            .await
    }

    pub(crate) async fn sign_on(&mut self, site: &str) {
        let (party, id) = ("site".to_owned(), Some(site.to_owned()));
        let sound = true;
        self.say(&FromPage::SignOn { party, id, sound }).await;
        self.until(|message| match message {
            ToPage::Duty { duty, sound } => (duty.is_some() && sound).then_some(()),
            _ => None,
        })
        .await;
    }

    pub(crate) async fn command(&mut self, incident: IncidentId, act: Act) -> Uuid {
        let id = Uuid::new_v4();
        let command = CommandIn {
            id: id.to_string(),
            seen: None,
            at: None,
            act,
        };
        let incident = incident.to_string();
        self.say(&FromPage::Command { incident, command }).await;
        id
    }

    pub(crate) async fn result(&mut self) -> (String, Result<u64, wire::problem::Problem>) {
        self.until(|message| match message {
            ToPage::Result {
                command,
                done,
                refused,
            } => Some((
                command,
                match (done, refused) {
                    (Some(done), None) => Ok(done.revision),
                    (None, Some(refused)) => Err(refused),
                    both => panic!("exactly one is set: {both:?}"),
                },
            )),
            _ => None,
        })
        .await
    }

    pub(crate) async fn close(mut self) {
        let _ = self.socket.close(None).await;
    }
}

/// Cards a message puts on the page.
pub(crate) fn cards_of(message: ToPage) -> Vec<Card> {
    match message {
        ToPage::Snapshot { cards, .. } => cards,
        ToPage::Changes { changes, .. } => changes
            .into_iter()
            .filter_map(|change| match change {
                wire::console::Change::Upsert { card } => Some(card),
                wire::console::Change::Remove { .. } => None,
            })
            .collect(),
        _ => vec![],
    }
}

pub(crate) fn at_site(name: &str) -> Party {
    Party::Site(site_id(name))
}
