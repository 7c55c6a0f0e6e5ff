//! What the dispatcher remembers: a fold of the log, and nothing else.
//!
//! For: open incidents, the city, who can be reached, and alarms that nobody has handled yet, at one position.
//! May not know: clocks, deadlines (`core`), how it is saved (`snapshot`).

use casebook::{Case, streams};
use directory::City;
use domain::{
    Actor, AlarmId, ConsoleId, Happened, IncidentId, OperatorId, Sealed, SiteId, Timestamp,
    care::CareEvent,
    device::{DeviceEvent, Received},
    incident::{AlarmRef, Incident, IncidentEvent, evolve},
    operator::OperatorEvent,
    signal::{Problem, SignalClass, SignalKind},
    site::SiteEvent,
};
use eventlog::{Position, Recorded, StreamName};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// A cancel that found no incident is forgotten this long after it came: it must not join a call that begins later.
/// Ours: whoever cancels presses within a minute or two.
pub const CANCEL_KEPT: Duration = Duration::from_mins(10);

/// The fold. Cloning is cheap: what is large is shared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The last position folded in, inclusive.
    pub position: Position,
    /// Sites, duty, crossings and accounts.
    pub city: Arc<City>,
    /// Every open incident.
    pub open: BTreeMap<IncidentId, Arc<OpenIncident>>,
    /// Opened again after we had let go of them: to be read from their streams.
    pub unread: BTreeSet<IncidentId>,
    /// Alarms that no care stream has yet.
    pub alarms: BTreeMap<AlarmId, Arc<WaitingAlarm>>,
    /// Who has a live console.
    pub reach: BTreeMap<OperatorId, Reach>,
}

/// An open incident, and how it was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenIncident {
    /// As its events have made it.
    pub incident: Incident,
    /// The owner accepted by telephone or on the carer's page: no console is to be expected of them.
    pub by_phone: bool,
}

/// An alarm that waits to be handled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingAlarm {
    /// As its incident will remember it.
    pub alarm: AlarmRef,
    /// Where it stands.
    pub stream: StreamName,
    /// Where it came from, when it could not be verified.
    pub source: Option<String>,
    /// Where its device says it is.
    pub location: Option<Sealed>,
}

/// An operator's consoles.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// Attached, and where.
    pub consoles: BTreeSet<(SiteId, ConsoleId)>,
    /// Where they are signed on.
    pub duty: BTreeSet<SiteId>,
    /// Since when no console is attached.
    pub gone_since: Option<Timestamp>,
    /// Since when one is.
    pub back_since: Option<Timestamp>,
}

/// What an event has changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// This incident, or whether we know it.
    pub incident: Option<IncidentId>,
    /// This alarm came, and waits.
    pub came: Option<Arc<WaitingAlarm>>,
    /// This alarm waits no more.
    pub settled: Option<Arc<WaitingAlarm>>,
    /// The reach of these operators.
    pub operators: Vec<OperatorId>,
}

impl State {
    /// Before the first event.
    pub fn empty() -> Self {
        Self {
            position: Position::START,
            city: Arc::new(City::default()),
            open: BTreeMap::new(),
            unread: BTreeSet::new(),
            alarms: BTreeMap::new(),
            reach: BTreeMap::new(),
        }
    }

    /// Whether an event of this stream and name can change the fold; the rest need not be read.
    pub fn concerns(stream: &StreamName, kind: &str) -> bool {
        use streams::Family as F;
        match streams::family(stream) {
            F::Incident | F::Care | F::Site | F::Operator | F::Responder | F::Crossing => true,
            F::City | F::District | F::Community | F::Grid | F::Barrier => true,
            F::Device | F::Unverified => kind == "AlarmReceived",
            F::Resident | F::Policy | F::Foreign => false,
        }
    }

    /// Folds one more event. One at or before [`State::position`] changes nothing.
    pub fn apply(&mut self, recorded: &Recorded, case: &Case) -> Touched {
        if recorded.position <= self.position {
            return Touched::default();
        }
        self.position = recorded.position;
        match case {
            Case::Incident(happened) => self.incident(recorded, happened),
            Case::Care(happened) => self.care(&happened.event),
            Case::Device(happened) => match &happened.event {
                DeviceEvent::AlarmReceived(received) => self.alarm(recorded, happened.at, received),
                _ => Touched::default(),
            },
            Case::Site(happened) => {
                let outdated = self.city.is_outdated(&happened.event);
                Arc::make_mut(&mut self.city).fold(recorded.position, case);
                match outdated {
                    true => Touched::default(),
                    false => self.site(happened),
                }
            }
            Case::Operator(happened) => {
                Arc::make_mut(&mut self.city).fold(recorded.position, case);
                self.operator(&happened.event)
            }
            Case::Responder(_)
            | Case::Crossing(_)
            | Case::City(_)
            | Case::District(_)
            | Case::Community(_)
            | Case::Grid(_)
            | Case::Barrier(_) => {
                Arc::make_mut(&mut self.city).fold(recorded.position, case);
                Touched::default()
            }
            Case::Resident(_) | Case::Foreign => Touched::default(),
        }
    }

    /// Passes over an event that does not read. One that was an alarm is kept as an alarm of unknown kind: a person
    /// shall see that something called.
    pub fn pass_over(&mut self, recorded: &Recorded) -> Touched {
        if recorded.position <= self.position {
            return Touched::default();
        }
        self.position = recorded.position;
        if &*recorded.kind != "AlarmReceived" {
            return Touched::default();
        }
        let unreadable = Received {
            device: None,
            press: String::new(),
            kind: SignalKind::Unknown,
            kind_word: None,
            device_at: None,
            door: String::new(),
            verified: false,
            problems: vec![Problem::Unparseable],
            source: None,
            location: None,
            battery_pct: None,
            text: None,
            raw: None,
        };
        let at = Timestamp(recorded.recorded_at.div_euclid(1_000));
        self.alarm(recorded, at, &unreadable)
    }

    /// An alarm was handled; its care stream says so, or will never say anything.
    pub fn settle(&mut self, alarm: AlarmId) -> Touched {
        Touched {
            settled: self.alarms.remove(&alarm),
            ..Touched::default()
        }
    }

    /// Takes an incident that was read from its stream; later events of it are folded on top.
    pub fn adopt(&mut self, id: IncidentId, read: Option<Incident>) -> Touched {
        self.unread.remove(&id);
        let known = self.open.get(&id).map(|open| open.incident.revision);
        if let Some(incident) = read.filter(Incident::is_open)
            && known.is_none_or(|known| known < incident.revision)
        {
            let by_phone = false;
            let open = OpenIncident { incident, by_phone };
            self.open.insert(id, Arc::new(open));
        }
        Touched {
            incident: Some(id),
            ..Touched::default()
        }
    }

    /// Forgets cancels that came long ago.
    pub fn forget_old_cancels(&mut self, now: Timestamp) {
        self.alarms.retain(|_, waiting| {
            waiting.alarm.kind.class() != SignalClass::Cancel
                || now.since(waiting.alarm.received_at) < CANCEL_KEPT
        });
    }

    fn incident(&mut self, recorded: &Recorded, happened: &Happened<IncidentEvent>) -> Touched {
        let Some(id) = streams::incident_of(&recorded.stream) else {
            return Touched::default();
        };
        let touched = Touched {
            incident: Some(id),
            ..Touched::default()
        };
        let revision = recorded.revision.0;
        let before = match self.open.remove(&id) {
            Some(open) if revision <= open.incident.revision => {
                self.open.insert(id, open);
                return Touched::default();
            }
            before => before.map(Arc::unwrap_or_clone),
        };
        let by_phone = match &happened.event {
            IncidentEvent::Accepted { .. } => !matches!(happened.by, Actor::Operator(_)),
            IncidentEvent::HandedOver { .. } => false,
            _ => before.as_ref().is_some_and(|open| open.by_phone),
        };
        if before.is_none() {
            match &happened.event {
                IncidentEvent::Reopened { .. } => drop(self.unread.insert(id)),
                IncidentEvent::Resolved { .. } => drop(self.unread.remove(&id)),
                _ => {}
            }
        }
        let after = evolve(before.map(|open| open.incident), revision, happened);
        if let Some(incident) = after.filter(Incident::is_open) {
            let open = OpenIncident { incident, by_phone };
            self.open.insert(id, Arc::new(open));
        }
        touched
    }

    fn care(&mut self, event: &CareEvent) -> Touched {
        match event {
            CareEvent::CareOpened { alarm, .. } | CareEvent::AlarmHandled { alarm, .. } => {
                self.settle(*alarm)
            }
            CareEvent::CareClosed { .. } | CareEvent::CareReopened { .. } => Touched::default(),
        }
    }

    fn alarm(&mut self, recorded: &Recorded, at: Timestamp, received: &Received) -> Touched {
        let id = AlarmId(recorded.id.0);
        let waiting = WaitingAlarm {
            alarm: AlarmRef {
                alarm: id,
                position: recorded.position.0,
                device: received.device.clone(),
                press: received.press.clone(),
                kind: received.kind,
                received_at: at,
                problems: received.problems.clone(),
                verified: received.verified,
            },
            stream: recorded.stream.clone(),
            source: received.source.clone(),
            location: received.location.clone(),
        };
        let waiting = Arc::new(waiting);
        self.alarms.insert(id, Arc::clone(&waiting));
        Touched {
            came: Some(waiting),
            ..Touched::default()
        }
    }

    fn site(&mut self, happened: &Happened<SiteEvent>) -> Touched {
        use SiteEvent as E;
        let at = happened.at;
        let operator = match &happened.event {
            E::OperatorSignedOn { operator, .. }
            | E::OperatorSignedOff { operator, .. }
            | E::ConsoleAttached { operator, .. }
            | E::ConsoleDetached { operator, .. } => operator.clone(),
            E::SiteClosed { site } => return self.site_closed(at, site),
            E::SiteOpened(_)
            | E::HoursChanged { .. }
            | E::CapacityChanged { .. }
            | E::SoundProven { .. }
            | E::SoundLost { .. } => return Touched::default(),
        };
        let reach = self.reach.entry(operator.clone()).or_default();
        match &happened.event {
            E::OperatorSignedOn { site, .. } => reach.sign_on(at, site),
            E::OperatorSignedOff { site, .. } => drop(reach.sign_off(at, site)),
            E::ConsoleAttached { site, console, .. } => reach.attach(at, site, console),
            E::ConsoleDetached { site, console, .. } => {
                reach.detach(at, |(of, it)| of == site && it == console);
            }
            _ => {}
        }
        Touched {
            operators: vec![operator],
            ..Touched::default()
        }
    }

    fn site_closed(&mut self, at: Timestamp, site: &SiteId) -> Touched {
        let mut operators = Vec::new();
        for (operator, reach) in &mut self.reach {
            if reach.sign_off(at, site) {
                operators.push(operator.clone());
            }
        }
        Touched {
            operators,
            ..Touched::default()
        }
    }

    fn operator(&mut self, event: &OperatorEvent) -> Touched {
        let operators = match event {
            OperatorEvent::OperatorRemoved { operator } => {
                self.reach.remove(operator);
                vec![operator.clone()]
            }
            OperatorEvent::OperatorUnreachable { operator }
            | OperatorEvent::OperatorBack { operator } => vec![operator.clone()],
            OperatorEvent::OperatorAdded { .. }
            | OperatorEvent::PasswordChanged { .. }
            | OperatorEvent::SignedIn { .. }
            | OperatorEvent::SignedOut { .. } => Vec::new(),
        };
        Touched {
            operators,
            ..Touched::default()
        }
    }
}

impl Reach {
    /// Whether a console of theirs is attached.
    pub fn is_attached(&self) -> bool {
        !self.consoles.is_empty()
    }

    fn sign_on(&mut self, at: Timestamp, site: &SiteId) {
        self.duty.insert(site.clone());
        if !self.is_attached() {
            self.gone_since = Some(at);
        }
    }

    /// Whoever signs off takes their consoles there along. Whether that changed anything.
    fn sign_off(&mut self, at: Timestamp, site: &SiteId) -> bool {
        let signed_on = self.duty.remove(site);
        self.detach(at, |(of, _)| of == site) || signed_on
    }

    fn attach(&mut self, at: Timestamp, site: &SiteId, console: &ConsoleId) {
        if !self.is_attached() {
            self.back_since = Some(at);
        }
        self.consoles.insert((site.clone(), console.clone()));
        self.gone_since = None;
    }

    /// Whether any of these was attached.
    fn detach(&mut self, at: Timestamp, gone: impl Fn(&(SiteId, ConsoleId)) -> bool) -> bool {
        let before = self.consoles.len();
        self.consoles.retain(|it| !gone(it));
        let lost = self.consoles.len() < before;
        if lost && !self.is_attached() {
            self.gone_since = Some(at);
        }
        lost
    }
}
