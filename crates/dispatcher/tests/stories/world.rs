//! A small city over a memory log, with consoles that show what they are told to.
//!
//! For: telling the stories in one page each.
//! May not know: the dispatcher's inside; it is started and watched through the log only.

use crate::neighbours::FakePlaces;
use casebook::{Case, Casebook, Draft, Followed, MasterKey, Meta, Stored, Vault, streams};
use dispatcher::{Dispatcher, DispatcherOptions};
use domain::{
    Actor, AlarmId, CommandId, ConsoleId, DeviceId, DistrictId, Happened, IncidentId, OperatorId,
    ResidentId, SiteId, SubjectId, Timestamp,
    device::{DeviceEvent, Received},
    geography::Place,
    incident::{Incident, IncidentCommand, IncidentEvent},
    party::{Means, Party, Traveller},
    policy::RingPolicy,
    promises::{self, Entry, Fact},
    signal::{Problem, SignalKind},
    site::{Hours, SiteEvent, SiteKind, SiteRecord},
};
use eventlog::{
    Direction, EventId, Expected, Filter, Lane, Log, Position, Recorded, Revision, StreamName,
    TokioClock,
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::task::JoinHandle;
use uuid::Uuid;

/// Noon in Harbin, 1 June 2026.
pub(crate) const NOON: i64 = 1_780_286_400_000;

/// Longest wait for anything, in paused time.
const PATIENCE: Duration = Duration::from_mins(30);

pub(crate) const DISTRICT: &str = "230102";

/// A resident's home; the stations lie north of it, each further than the one before.
pub(crate) const HOME: Place = Place {
    lon_e6: 126_600_000,
    lat_e6: 45_740_000,
};

pub(crate) struct World {
    pub(crate) log: Log,
    pub(crate) casebook: Casebook,
    pub(crate) places: FakePlaces,
}

pub(crate) fn site(name: &str) -> SiteId {
    SiteId::parse(name).unwrap()
}

pub(crate) fn at_site(name: &str) -> Party {
    Party::Site(site(name))
}

pub(crate) fn district_desk() -> Party {
    Party::DistrictDesk(DistrictId::parse(DISTRICT).unwrap())
}

pub(crate) fn operator(site: &str) -> OperatorId {
    OperatorId::parse(&format!("op-{site}")).unwrap()
}

pub(crate) fn console(site: &str) -> ConsoleId {
    ConsoleId::parse(&format!("console-{site}")).unwrap()
}

fn event_id() -> EventId {
    EventId(Uuid::new_v4())
}

/// A log whose clock is tokio's.
pub(crate) fn log() -> Log {
    Log::memory(Arc::new(TokioClock::starting_at(NOON * 1_000)))
}

impl World {
    /// Three stations, the district's desk and the city's, all staffed, each with a console that can be heard.
    pub(crate) async fn staffed() -> Self {
        let world = Self::with_sites(log()).await;
        for name in ["s-1", "s-2", "s-3", "desk-230102", "desk-city"] {
            world.attach(name).await;
        }
        world
    }

    /// The sites, and nobody there.
    pub(crate) async fn with_sites(log: Log) -> Self {
        let world = Self::over(log).await;
        let all = [
            ("s-1", SiteKind::Station, 1),
            ("s-2", SiteKind::Station, 2),
            ("s-3", SiteKind::Station, 3),
            ("desk-230102", SiteKind::DistrictDesk, 0),
            ("desk-city", SiteKind::CityDesk, 0),
        ];
        for (name, kind, far) in all {
            let record = SiteRecord {
                site: site(name),
                kind,
                name: name.to_owned(),
                name_latin: name.to_owned(),
                district: DistrictId::parse(DISTRICT).unwrap(),
                lon_e6: HOME.lon_e6,
                lat_e6: HOME.lat_e6 - 2_000 * far,
                hours: Hours {
                    opens_min: 0,
                    closes_min: 0,
                },
                can_answer: true,
                can_send: true,
                duty_phone: format!("0451-{name}"),
                capacity: 9,
                traveller: Traveller::Car,
            };
            world.site_event(name, SiteEvent::SiteOpened(record)).await;
        }
        world
    }

    /// A log as it is.
    pub(crate) async fn over(log: Log) -> Self {
        let vault = Vault::open(log.clone(), MasterKey::from_bytes([7; 32]))
            .await
            .unwrap();
        Self {
            casebook: Casebook::new(log.clone(), vault),
            log,
            places: FakePlaces::default(),
        }
    }

    /// What is left after a crash, with the same neighbours.
    pub(crate) async fn after_crash(&self) -> Self {
        let log = self.log.fork_after_crash().expect("a memory log");
        Self {
            places: self.places.clone(),
            ..Self::over(log).await
        }
    }

    pub(crate) fn dispatcher(&self) -> Dispatcher {
        self.dispatcher_with(DispatcherOptions::default())
    }

    pub(crate) fn dispatcher_with(&self, options: DispatcherOptions) -> Dispatcher {
        // A casebook of its own, as another process would have.
        Dispatcher::start(
            self.casebook.clone(),
            self.places.clone(),
            RingPolicy::default(),
            options,
        )
        .unwrap()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.casebook.now()
    }

    pub(crate) async fn append<E: Stored>(
        &self,
        stream: &StreamName,
        id: EventId,
        event: E,
    ) -> Position {
        let draft = Draft::new(id, self.now(), Actor::Registrar, event);
        let appended = self
            .casebook
            .append(
                Lane::Urgent,
                stream,
                Expected::Any,
                vec![draft],
                Meta::default(),
            )
            .await
            .unwrap();
        appended.position
    }

    pub(crate) async fn site_event(&self, name: &str, event: SiteEvent) {
        self.append(&streams::site(&site(name)), event_id(), event)
            .await;
    }

    pub(crate) async fn sign_on(&self, name: &str) {
        let (site, operator) = (site(name), operator(name));
        self.site_event(name, SiteEvent::OperatorSignedOn { site, operator })
            .await;
    }

    /// Signs on with a console that can be heard.
    pub(crate) async fn attach(&self, name: &str) {
        self.sign_on(name).await;
        let (site, operator, console) = (site(name), operator(name), console(name));
        let attached = SiteEvent::ConsoleAttached {
            site: site.clone(),
            operator: operator.clone(),
            console: console.clone(),
            node: None,
        };
        self.site_event(name, attached).await;
        let proven = SiteEvent::SoundProven {
            site,
            operator,
            console,
        };
        self.site_event(name, proven).await;
    }

    pub(crate) async fn detach(&self, name: &str) {
        let detached = SiteEvent::ConsoleDetached {
            site: site(name),
            operator: operator(name),
            console: console(name),
            node: None,
        };
        self.site_event(name, detached).await;
    }

    /// A verified press of a known device.
    pub(crate) async fn press(&self, device: &str, press: &str, kind: SignalKind) -> AlarmId {
        let id = EventId(Uuid::new_v5(
            &Uuid::NAMESPACE_OID,
            format!("{device}/{press}").as_bytes(),
        ));
        let device = DeviceId::parse(device).unwrap();
        let event = DeviceEvent::AlarmReceived(received(Some(device.clone()), press, kind, true));
        self.append(&streams::device(&device), id, event).await;
        AlarmId(id.0)
    }

    /// A press that proved nothing.
    pub(crate) async fn forged(&self, device: &str, press: &str, problem: Problem) {
        let claimed = DeviceId::parse(device).unwrap();
        let mut signal = received(Some(claimed), press, SignalKind::Sos, false);
        signal.problems.push(problem);
        signal.source = Some("0a0b0c".to_owned());
        let stream = streams::unverified(device);
        let event = DeviceEvent::AlarmReceived(signal);
        self.append(&stream, event_id(), event).await;
    }

    /// A person asks, with everything up to now on the screen.
    pub(crate) async fn ask(&self, incident: IncidentId, site: &str, command: IncidentCommand) {
        let by = Actor::Operator(operator(site));
        let now = self.casebook.fold_incident(incident).await.unwrap();
        let seen = now.map(|incident| incident.revision);
        let asked = self.casebook.asked(by, seen, command);
        let id = CommandId(Uuid::new_v4());
        self.casebook.act(incident, id, asked).await.unwrap();
    }

    pub(crate) async fn accept(&self, incident: IncidentId, name: &str) {
        let command = IncidentCommand::Accept {
            operator: operator(name),
            party: party_of(name),
        };
        self.ask(incident, name, command).await;
    }

    /// Consoles of these sites show and sound whatever is offered to them, at once.
    pub(crate) fn screens(&self, sites: &[&str]) -> JoinHandle<()> {
        let sites: Vec<String> = sites.iter().map(|site| (*site).to_owned()).collect();
        let casebook = self.casebook.clone();
        let filter = Filter::Category(streams::INCIDENT.to_owned());
        let mut follower = casebook.follow(filter, self.log.head());
        tokio::spawn(async move {
            while let Ok((recorded, case)) = follower.next_event().await {
                let Case::Incident(happened) = case else {
                    continue;
                };
                let IncidentEvent::Offered { .. } = happened.event else {
                    continue;
                };
                let id = streams::incident_of(&recorded.stream).unwrap();
                for site in &sites {
                    let command = IncidentCommand::Show {
                        party: party_of(site),
                        operator: operator(site),
                        console: console(site),
                        sounded: true,
                    };
                    let asked = casebook.asked(Actor::Operator(operator(site)), None, command);
                    // Not offered there, or closed by now: nothing to show.
                    drop(casebook.act(id, CommandId(Uuid::new_v4()), asked).await);
                }
            }
        })
    }

    /// Waits until the log holds an event of an incident that this says yes to.
    pub(crate) async fn until(
        &self,
        what: &str,
        found: impl Fn(&Happened<IncidentEvent>) -> bool,
    ) -> (IncidentId, Happened<IncidentEvent>) {
        self.until_count(what, 1, found).await
    }

    /// The same, for the `count`th such event of the log.
    pub(crate) async fn until_count(
        &self,
        what: &str,
        count: usize,
        found: impl Fn(&Happened<IncidentEvent>) -> bool,
    ) -> (IncidentId, Happened<IncidentEvent>) {
        let filter = Filter::Category(streams::INCIDENT.to_owned());
        let mut follower = self.casebook.follow(filter, Position::START);
        let mut left = count;
        let waiting = async {
            loop {
                if let Followed::Event(recorded, Case::Incident(happened)) =
                    follower.next().await.unwrap()
                    && found(&happened)
                {
                    left -= 1;
                    if left == 0 {
                        let id = streams::incident_of(&recorded.stream).unwrap();
                        return (id, happened);
                    }
                }
            }
        };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .unwrap_or_else(|_| panic!("waited in vain for: {what}"))
    }

    pub(crate) async fn recorded(&self) -> Vec<Arc<Recorded>> {
        let mut all = Vec::new();
        loop {
            let after = all
                .last()
                .map_or(Position::START, |last: &Arc<Recorded>| last.position);
            let page = self
                .log
                .read_all(after, Direction::Forward, 5_000)
                .await
                .unwrap();
            if page.is_empty() {
                return all;
            }
            all.extend(page);
        }
    }

    /// The events of one incident.
    pub(crate) async fn story(&self, id: IncidentId) -> Vec<Happened<IncidentEvent>> {
        let stream = streams::incident(id);
        let all = self
            .log
            .read_stream(&stream, Revision::FIRST, Direction::Forward, 10_000)
            .await
            .unwrap();
        all.iter()
            .map(|one| match casebook::read(one).unwrap() {
                Case::Incident(happened) => happened,
                other => panic!("not an incident's: {other:?}"),
            })
            .collect()
    }

    pub(crate) async fn offers(&self, id: IncidentId) -> Vec<Offered> {
        let story = self.story(id).await;
        let began = story[0].at;
        let offer = |happened: &Happened<IncidentEvent>| match &happened.event {
            IncidentEvent::Offered {
                ring,
                round,
                added,
                means,
                late_ms,
                ..
            } => Some(Offered {
                after_ms: happened.at.0 - began.0,
                ring: *ring,
                round: *round,
                added: added.clone(),
                means: means.clone(),
                late_ms: *late_ms,
            }),
            _ => None,
        };
        story.iter().filter_map(offer).collect()
    }

    pub(crate) async fn incidents(&self) -> Vec<Incident> {
        let entries = self.entries().await;
        promises::fold(&entries).into_values().collect()
    }

    pub(crate) async fn entries(&self) -> Vec<Entry> {
        let all = self.recorded().await;
        let entry = |one: &Arc<Recorded>| Entry {
            position: one.position.0,
            stream: one.stream.as_str().to_owned(),
            revision: one.revision.0,
            fact: match casebook::read(one).unwrap() {
                Case::Incident(happened) => Fact::Incident(happened),
                Case::Care(happened) => Fact::Care(happened),
                Case::Device(happened) => Fact::Device(happened),
                _ => Fact::Other,
            },
        };
        all.iter().map(entry).collect()
    }

    /// Every promise that can be seen in the log is kept, and no deadline has passed by more than the dispatcher may
    /// be late.
    pub(crate) async fn assert_promises(&self) {
        let (entries, policy) = (self.entries().await, RingPolicy::default());
        assert_eq!(promises::check(&entries, &policy), []);
        let all = u64::MAX;
        assert_eq!(promises::every_alarm_has_an_incident(&entries, all), []);
        let grace = Duration::from_millis(250);
        let forgotten = promises::never_forgotten(&entries, &policy, self.now(), grace);
        assert_eq!(forgotten, []);
        self.assert_rings_once(&entries);
    }

    /// No ring reaches a party twice, except after a lapse or a transfer.
    fn assert_rings_once(&self, entries: &[Entry]) {
        let mut rung = BTreeSet::new();
        for entry in entries {
            let Fact::Incident(happened) = &entry.fact else {
                continue;
            };
            match &happened.event {
                IncidentEvent::Offered {
                    ring, round, added, ..
                } => {
                    let means = format!("{added:?}");
                    let key = (entry.stream.clone(), *ring, *round, means);
                    assert!(rung.insert(key), "offered twice: {happened:?}");
                }
                IncidentEvent::AcceptanceLapsed { .. }
                | IncidentEvent::Transferred { .. }
                | IncidentEvent::Reopened { .. } => {
                    rung.retain(|(stream, ..)| *stream != entry.stream);
                }
                _ => {}
            }
        }
    }
}

/// An offer as a story tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offered {
    pub(crate) after_ms: i64,
    pub(crate) ring: u8,
    pub(crate) round: u32,
    pub(crate) added: Vec<Party>,
    pub(crate) means: Vec<Means>,
    pub(crate) late_ms: Option<u64>,
}

pub(crate) fn party_of(name: &str) -> Party {
    match name {
        "desk-230102" => district_desk(),
        "desk-city" => Party::CityDesk,
        site => at_site(site),
    }
}

pub(crate) fn received(
    device: Option<DeviceId>,
    press: &str,
    kind: SignalKind,
    verified: bool,
) -> Received {
    Received {
        device,
        press: press.to_owned(),
        kind,
        kind_word: None,
        device_at: None,
        door: "test".to_owned(),
        verified,
        problems: Vec::new(),
        source: None,
        location: None,
        battery_pct: None,
        text: None,
        raw: None,
    }
}

pub(crate) fn resident_subject(n: &str) -> SubjectId {
    SubjectId::resident(&ResidentId::parse(&format!("r-{n}")).unwrap())
}
