//! The board: open incidents, the city and device troubles, as a fold of the log.
//!
//! For: the state every console is a view of, live or at a past position; the same events give the same board.
//! May not know: who looks, sockets, clocks, personal data (what is sealed stays sealed).

use crate::options::{CLOSED_KEPT, CLOSED_KEPT_MS, DEVICE_NOTES, STORY_LINES};
use casebook::{Case, streams};
use directory::City;
use domain::{
    Actor, DeviceId, Happened, IncidentId, ResponderId, Timestamp,
    device::DeviceEvent,
    incident::{Incident, IncidentEvent, evolve},
    operator::OperatorEvent,
    resident::ResidentEvent,
    signal::SignalKind,
    site::SiteEvent,
};
use eventlog::{EventId, Position, Recorded};
use immutable_chunkmap::{map::MapS, set::SetS};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, OnceLock},
};

/// The categories the board is folded from.
pub(crate) const CATEGORIES: &[&str] = &[
    streams::INCIDENT,
    streams::SITE,
    streams::OPERATOR,
    streams::RESPONDER,
    streams::CROSSING,
    streams::CITY,
    streams::DISTRICT,
    streams::COMMUNITY,
    streams::GRID,
    streams::BARRIER,
    streams::DEVICE,
    streams::RESIDENT,
];

/// Counts the shapes of the fold, for its checkpoints.
pub(crate) const CODE: u32 = 5;

/// A battery at or above this, in percent, clears a low-battery trouble. Ours.
const BATTERY_GOOD: u8 = 40;

/// Everything up to a position. A copy of it shares all that does not change afterwards.
#[derive(Debug, Clone)]
pub(crate) struct Board {
    pub(crate) position: Position,
    /// When the last event was recorded, milliseconds.
    pub(crate) at: i64,
    /// Open incidents.
    open: MapS<IncidentId, Arc<Entry>>,
    /// Those closed during the last day.
    closed: MapS<IncidentId, Arc<Entry>>,
    /// The closed ones in the order they were closed.
    closed_at: SetS<(i64, IncidentId)>,
    pub(crate) city: Arc<City>,
    devices: Arc<BTreeMap<DeviceId, DeviceNow>>,
    /// Which open incident a device's alarms belong to.
    by_device: MapS<DeviceId, IncidentId>,
    /// Responders on an open incident, once somebody asked.
    busy: OnceLock<Arc<BTreeSet<ResponderId>>>,
}

/// One incident on the board.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) incident: Incident,
    /// Its last lines, oldest first.
    pub(crate) story: VecDeque<Told>,
}

/// One line of a story, before it is put into words.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) position: u64,
    pub(crate) revision: u64,
    pub(crate) id: uuid::Uuid,
    pub(crate) at: Timestamp,
    pub(crate) by: Actor,
    pub(crate) said_at: Option<Timestamp>,
    pub(crate) event: IncidentEvent,
}

/// What is known of a device's own state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeviceNow {
    pub(crate) battery_pct: Option<u8>,
    pub(crate) troubles: BTreeSet<String>,
}

/// What an event did to the board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Folded {
    /// These incidents look different now; empty when none does.
    Changed(Vec<IncidentId>),
    /// It is about an incident that was closed too long ago to be kept: load it, then put it in with [`Board::put`].
    Missing(IncidentId),
}

/// What a checkpoint holds.
#[derive(Serialize, Deserialize)]
pub(crate) struct Saved {
    at: i64,
    entries: Vec<Entry>,
    city: City,
    devices: Vec<(DeviceId, DeviceNow)>,
}

impl Told {
    pub(crate) fn of(recorded: &Recorded, happened: &Happened<IncidentEvent>) -> Self {
        Self {
            position: recorded.position.0,
            revision: recorded.revision.0,
            id: recorded.id.0,
            at: happened.at,
            by: happened.by.clone(),
            said_at: happened.said_at,
            event: happened.event.clone(),
        }
    }

    /// As it is kept with an entry: candidates stand in the offer, no line tells them, and they are most of what an
    /// incident weighs.
    pub(crate) fn brief(mut self) -> Self {
        if let IncidentEvent::Offered { candidates, .. } = &mut self.event {
            *candidates = Vec::new();
        }
        self
    }

    pub(crate) fn event_id(&self) -> EventId {
        EventId(self.id)
    }
}

/// Whether an event of this stored name is of any use to the board; the rest is not even read. Imports pass by.
pub(crate) fn concerns(recorded: &Recorded) -> bool {
    match recorded.stream.category() {
        streams::DEVICE => matches!(
            recorded.kind.as_ref(),
            "AlarmReceived"
                | "TestReceived"
                | "TroubleReported"
                | "DeviceFellSilent"
                | "DeviceReturned"
        ),
        streams::RESIDENT => matches!(
            recorded.kind.as_ref(),
            "ProfileChanged"
                | "ResidentMoved"
                | "ResidentErased"
                | "LegalHoldPlaced"
                | "LegalHoldLifted"
        ),
        _ => true,
    }
}

impl Board {
    /// Nothing has happened yet.
    pub(crate) fn empty(city: City) -> Self {
        Self {
            position: Position::START,
            at: 0,
            open: MapS::new(),
            closed: MapS::new(),
            closed_at: SetS::new(),
            city: Arc::new(city),
            devices: Arc::default(),
            by_device: MapS::new(),
            busy: OnceLock::new(),
        }
    }

    /// A board as it was saved at a position.
    pub(crate) fn restored(position: Position, saved: Saved) -> Self {
        let mut board = Self::empty(saved.city);
        board.position = position;
        board.at = saved.at;
        board.devices = Arc::new(saved.devices.into_iter().collect());
        for entry in saved.entries {
            board.put(entry);
        }
        board
    }

    pub(crate) fn saved(&self) -> Saved {
        Saved {
            at: self.at,
            entries: self.entries().map(|e| Entry::clone(e)).collect(),
            city: City::clone(&self.city),
            devices: self
                .devices
                .iter()
                .map(|(id, now)| (id.clone(), now.clone()))
                .collect(),
        }
    }

    /// Puts an incident on the board as it stands. Of a closed one only what is counted is kept; its story stands in its
    /// stream.
    pub(crate) fn put(&mut self, mut entry: Entry) {
        let id = entry.incident.id;
        self.take(&id);
        let devices = entry.incident.alarms.iter();
        let devices = devices.filter_map(|alarm| alarm.device.clone());
        if let Some(closing) = &entry.incident.closing {
            self.closed_at.insert_cow((closing.at.0, id));
            for device in devices {
                if self.by_device.get(&device) == Some(&id) {
                    self.by_device.remove_cow(&device);
                }
            }
            entry.story = VecDeque::new();
            if let Some(offer) = &mut entry.incident.offer {
                offer.candidates = Arc::default();
            }
            self.closed.insert_cow(id, Arc::new(entry));
        } else {
            for device in devices {
                self.by_device.insert_cow(device, id);
            }
            self.open.insert_cow(id, Arc::new(entry));
        }
    }

    /// Takes an incident off the board.
    fn take(&mut self, id: &IncidentId) -> Option<Arc<Entry>> {
        self.busy.take();
        if let Some(entry) = self.open.remove_cow(id) {
            return Some(entry);
        }
        let entry = self.closed.remove_cow(id)?;
        if let Some(closing) = &entry.incident.closing {
            self.closed_at.remove_cow(&(closing.at.0, *id));
        }
        Some(entry)
    }

    /// An incident, open or closed not long ago.
    pub(crate) fn get(&self, id: &IncidentId) -> Option<&Arc<Entry>> {
        self.open.get(id).or_else(|| self.closed.get(id))
    }

    /// The closed ones in the order they were closed.
    #[cfg(test)]
    pub(crate) fn closed_in_order(&self) -> Vec<(i64, IncidentId)> {
        self.closed_at.into_iter().copied().collect()
    }

    /// As if an incident had been closed too long ago to be kept.
    #[cfg(test)]
    pub(crate) fn forget(&mut self, id: &IncidentId) {
        self.take(id).unwrap();
    }

    /// How many incidents are kept, open or closed.
    pub(crate) fn len(&self) -> usize {
        self.open.len() + self.closed.len()
    }

    /// Open incidents by id.
    pub(crate) fn open_ones(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.open.into_iter().map(|(_, entry)| entry)
    }

    /// Everything that is kept: the open ones by id, then the closed ones by id.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        let closed = self.closed.into_iter().map(|(_, entry)| entry);
        self.open_ones().chain(closed)
    }

    /// Folds one more event in; events that are not ours move the position only.
    pub(crate) fn fold(&mut self, recorded: &Recorded, case: &Case) -> Folded {
        let changed = match case {
            Case::Incident(happened) => match self.incident(recorded, happened) {
                Ok(changed) => changed,
                Err(id) => return Folded::Missing(id),
            },
            Case::Device(happened) => self.device(&happened.event),
            Case::Resident(happened) => self.resident(&happened.event),
            Case::Site(_)
            | Case::Operator(_)
            | Case::Responder(_)
            | Case::Crossing(_)
            | Case::City(_)
            | Case::District(_)
            | Case::Community(_)
            | Case::Grid(_)
            | Case::Barrier(_) => {
                Arc::make_mut(&mut self.city).fold(recorded.position, case);
                self.of_city(case)
            }
            Case::Care(_) | Case::Foreign => Vec::new(),
        };
        self.position = recorded.position;
        self.at = self.at.max(recorded.recorded_at.div_euclid(1_000));
        self.forget_closed();
        Folded::Changed(changed)
    }

    /// Open incidents, most pressing first, then oldest, then by id: the order of every queue.
    pub(crate) fn open(&self) -> Vec<Arc<Entry>> {
        let mut open: Vec<Arc<Entry>> = self.open_ones().cloned().collect();
        open.sort_by_key(|e| (e.incident.priority, e.incident.opened_at, e.incident.id));
        open
    }

    pub(crate) fn device_now(&self, device: &DeviceId) -> Option<&DeviceNow> {
        self.devices.get(device)
    }

    /// Responders who are on an open incident.
    pub(crate) fn busy(&self) -> Arc<BTreeSet<ResponderId>> {
        let legs = || self.open_ones().flat_map(|e| &e.incident.responders);
        let busy = || Arc::new(legs().map(|leg| leg.responder.clone()).collect());
        Arc::clone(self.busy.get_or_init(busy))
    }

    fn incident(
        &mut self,
        recorded: &Recorded,
        happened: &Happened<IncidentEvent>,
    ) -> Result<Vec<IncidentId>, IncidentId> {
        let Some(id) = streams::incident_of(&recorded.stream) else {
            return Ok(Vec::new());
        };
        let opens = matches!(happened.event, IncidentEvent::IncidentOpened { .. });
        let reopens = matches!(happened.event, IncidentEvent::Reopened { .. });
        // A closed one is kept without its story; whoever opens it again needs all of it.
        if reopens || (!opens && self.get(&id).is_none()) {
            return Err(id);
        }
        // Taken out, so that nothing is copied unless a console is looking at it just now.
        let before = self.take(&id).map(Arc::unwrap_or_clone);
        let (state, mut story) = before.map_or((None, VecDeque::new()), |entry| {
            (Some(entry.incident), entry.story)
        });
        let Some(incident) = evolve(state, recorded.revision.0, happened) else {
            return Ok(Vec::new());
        };
        story.push_back(Told::of(recorded, happened).brief());
        while story.len() > STORY_LINES {
            story.pop_front();
        }
        let mut changed = vec![id];
        changed.extend(self.of_responders(&incident, &happened.event));
        self.put(Entry { incident, story });
        Ok(changed)
    }

    /// Who else shows whether a responder is free: incidents in hand in the same district.
    fn of_responders(&self, incident: &Incident, event: &IncidentEvent) -> Vec<IncidentId> {
        let moves = match event {
            IncidentEvent::ResponderSent { .. } | IncidentEvent::ResponderReturned { .. } => true,
            // Most calls end without anybody having gone; then nobody is free who was not before.
            IncidentEvent::Resolved { .. } => !incident.responders.is_empty(),
            _ => false,
        };
        if !moves {
            return Vec::new();
        }
        let near = |e: &&Arc<Entry>| {
            e.incident.owner.is_some()
                && e.incident.district == incident.district
                && e.incident.id != incident.id
        };
        let near = self.open_ones().filter(near);
        near.map(|e| e.incident.id).collect()
    }

    fn device(&mut self, event: &DeviceEvent) -> Vec<IncidentId> {
        let (device, received) = match event {
            DeviceEvent::AlarmReceived(received)
            | DeviceEvent::TestReceived(received)
            | DeviceEvent::TroubleReported(received) => (received.device.clone(), Some(received)),
            DeviceEvent::DeviceFellSilent { device, .. }
            | DeviceEvent::DeviceReturned { device } => (Some(device.clone()), None),
            DeviceEvent::DeviceEnrolled { .. } | DeviceEvent::DeviceRetired { .. } => (None, None),
        };
        let Some(device) = device else {
            return Vec::new();
        };
        let before = self.devices.get(&device).cloned().unwrap_or_default();
        let mut now = before.clone();
        match (event, received) {
            (_, Some(received)) if !received.verified => return Vec::new(),
            (_, Some(received)) => heard(&mut now, received.kind, received.battery_pct),
            (DeviceEvent::DeviceFellSilent { .. }, _) => {
                now.troubles.insert("silent".to_owned());
            }
            _ => {
                now.troubles.remove("silent");
            }
        }
        let incident = self.by_device.get(&device).copied();
        if now == before {
            return Vec::new();
        }
        let room = self.devices.len() < DEVICE_NOTES || self.devices.contains_key(&device);
        if room || incident.is_some() {
            Arc::make_mut(&mut self.devices).insert(device, now);
        }
        incident.into_iter().collect()
    }

    /// Incidents of a resident whose record has changed.
    fn resident(&self, event: &ResidentEvent) -> Vec<IncidentId> {
        let resident = match event {
            ResidentEvent::ProfileChanged { resident, .. }
            | ResidentEvent::ResidentErased { resident, .. }
            | ResidentEvent::LegalHoldPlaced { resident, .. }
            | ResidentEvent::LegalHoldLifted { resident, .. } => resident,
            ResidentEvent::ResidentMoved(enrolment) => &enrolment.resident,
            _ => return Vec::new(),
        };
        let theirs = |e: &&Arc<Entry>| e.incident.resident.as_ref() == Some(resident);
        let open = self.open_ones().filter(theirs);
        open.map(|e| e.incident.id).collect()
    }

    /// Incidents whose owner's reach has changed.
    fn of_city(&self, case: &Case) -> Vec<IncidentId> {
        let operator = match case {
            Case::Operator(happened) => match &happened.event {
                OperatorEvent::OperatorUnreachable { operator }
                | OperatorEvent::OperatorBack { operator } => operator,
                _ => return Vec::new(),
            },
            Case::Site(happened) => match &happened.event {
                SiteEvent::ConsoleAttached { operator, .. }
                | SiteEvent::ConsoleDetached { operator, .. } => operator,
                _ => return Vec::new(),
            },
            _ => return Vec::new(),
        };
        let owned = self
            .open_ones()
            .filter(|e| e.incident.is_owned_by(operator));
        owned.map(|e| e.incident.id).collect()
    }

    fn forget_closed(&mut self) {
        loop {
            let oldest = self.closed_at.into_iter().next().copied();
            let Some((at, id)) = oldest else { break };
            let old = self.at.saturating_sub(at) > CLOSED_KEPT_MS;
            if !old && self.closed.len() <= CLOSED_KEPT {
                break;
            }
            self.take(&id);
        }
    }
}

fn heard(now: &mut DeviceNow, kind: SignalKind, battery_pct: Option<u8>) {
    now.battery_pct = battery_pct.or(now.battery_pct);
    now.troubles.remove("silent");
    if battery_pct.is_some_and(|pct| pct >= BATTERY_GOOD) {
        now.troubles.remove("low_battery");
    }
    let trouble = match kind {
        SignalKind::LowBattery => "low_battery",
        SignalKind::MainsLost => "mains_lost",
        SignalKind::LineLost => "line_lost",
        SignalKind::Tamper => "tamper",
        SignalKind::DeviceFault => "device_fault",
        SignalKind::MainsRestored => {
            now.troubles.remove("mains_lost");
            return;
        }
        _ => return,
    };
    now.troubles.insert(trouble.to_owned());
}
