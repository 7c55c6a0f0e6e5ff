//! Which press belongs to which incident, and how far that is.
//!
//! For: a bounded memory of the last day's incidents, by device and press.
//! May not know: channels, the log, what time it is.

use crate::{
    limits::{BACK_PRESSES, DONE_TOLD},
    words::{self, Told},
};
use directory::City;
use domain::{
    DeviceId, Happened, IncidentId, Timestamp,
    incident::{AlarmRef, Incident, IncidentEvent, evolve},
};
use std::collections::{BTreeSet, HashMap, VecDeque};
use wire::device::StageOut;

/// Turns an open incident is spared when room is made, before it goes all the same.
const SPARED: usize = 64;

/// The table.
pub(super) struct Table {
    limit: usize,
    incidents: HashMap<IncidentId, Tracked>,
    /// In the order they came.
    order: VecDeque<IncidentId>,
    /// Each device's presses, oldest first.
    presses: HashMap<DeviceId, VecDeque<(String, IncidentId)>>,
    /// Open ones that nobody has: time alone may change what is told about them.
    unanswered: BTreeSet<IncidentId>,
}

struct Tracked {
    incident: Incident,
    /// What its devices were told last, and after which alarm: one that pressed again is told again.
    told: Option<(Told, u64)>,
}

impl Table {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            incidents: HashMap::new(),
            order: VecDeque::new(),
            presses: HashMap::new(),
            unanswered: BTreeSet::new(),
        }
    }

    /// Folds one more event; `false` when the incident's beginning, or an event between, was not seen here.
    pub(super) fn fold(
        &mut self,
        id: IncidentId,
        revision: u64,
        happened: &Happened<IncidentEvent>,
    ) -> bool {
        let known = self.incidents.get_mut(&id);
        let before = match known {
            Some(tracked) if revision <= tracked.incident.revision => return true,
            Some(tracked) if revision == tracked.incident.revision + 1 => {
                Some(tracked.incident.clone())
            }
            Some(_) => return false,
            None if matches!(happened.event, IncidentEvent::IncidentOpened { .. }) => None,
            None => return false,
        };
        let Some(incident) = evolve(before, revision, happened) else {
            return false;
        };
        if let IncidentEvent::AlarmJoined { alarm, .. } = &happened.event {
            self.attach(id, alarm);
        }
        self.keep(incident);
        true
    }

    /// Puts in an incident as the log has it now.
    pub(super) fn put(&mut self, incident: Incident) {
        for alarm in &incident.alarms {
            self.attach(incident.id, alarm);
        }
        self.keep(incident);
    }

    fn keep(&mut self, incident: Incident) {
        let id = incident.id;
        if incident.is_open() && incident.owner.is_none() {
            self.unanswered.insert(id);
        } else {
            self.unanswered.remove(&id);
        }
        if let Some(tracked) = self.incidents.get_mut(&id) {
            tracked.incident = incident;
            return;
        }
        for alarm in &incident.alarms {
            self.attach(id, alarm);
        }
        let told = None;
        self.incidents.insert(id, Tracked { incident, told });
        self.order.push_back(id);
        self.make_room();
    }

    /// Only what a device proved is its own is told to it.
    fn attach(&mut self, id: IncidentId, alarm: &AlarmRef) {
        let Some(device) = alarm.device.as_ref().filter(|_| alarm.verified) else {
            return;
        };
        let presses = self.presses.entry(device.clone()).or_default();
        presses.retain(|(press, _)| *press != alarm.press);
        presses.push_back((alarm.press.clone(), id));
        if presses.len() > BACK_PRESSES {
            presses.pop_front();
        }
    }

    fn make_room(&mut self) {
        let mut spared = 0;
        while self.incidents.len() > self.limit {
            let Some(oldest) = self.order.pop_front() else {
                return;
            };
            let open = self
                .incidents
                .get(&oldest)
                .is_some_and(|it| it.incident.is_open());
            if open && spared < SPARED {
                spared += 1;
                self.order.push_back(oldest);
            } else {
                self.forget(oldest);
            }
        }
    }

    /// Forgets closed incidents that last changed before this, oldest first, up to the first that stays.
    pub(super) fn forget_before(&mut self, moment: Timestamp) {
        while let Some(oldest) = self.order.front().copied() {
            let stays = |it: &Tracked| it.incident.is_open() || it.incident.changed_at >= moment;
            if self.incidents.get(&oldest).is_some_and(stays) {
                return;
            }
            self.order.pop_front();
            self.forget(oldest);
        }
    }

    fn forget(&mut self, id: IncidentId) {
        self.unanswered.remove(&id);
        let Some(tracked) = self.incidents.remove(&id) else {
            return;
        };
        for device in tracked
            .incident
            .alarms
            .iter()
            .filter_map(|it| it.device.as_ref())
        {
            if let Some(presses) = self.presses.get_mut(device) {
                presses.retain(|(_, incident)| *incident != id);
                if presses.is_empty() {
                    self.presses.remove(device);
                }
            }
        }
    }

    /// The incident a press went to.
    pub(super) fn of_press(&self, device: &DeviceId, press: &str) -> Option<&Incident> {
        let (_, id) = self
            .presses
            .get(device)?
            .iter()
            .find(|(it, _)| it == press)?;
        Some(&self.incidents.get(id)?.incident)
    }

    /// What a device that connects now should hear: open incidents, and those that ended just before.
    pub(super) fn standing(&self, device: &DeviceId, city: &City, now: Timestamp) -> Vec<StageOut> {
        let presses = self.presses.get(device).into_iter().flatten();
        let standing = presses.filter_map(|(press, id)| {
            let incident = &self.incidents.get(id)?.incident;
            let closed = incident.closing.as_ref().map(|closing| closing.at);
            if closed.is_some_and(|at| now.since(at) > DONE_TOLD) {
                return None;
            }
            Some(StageOut {
                press: Some(press.clone()),
                ..words::tell(incident, city, now).out
            })
        });
        standing.collect()
    }

    /// What is new about an incident since it was told last, and to whose presses; marks it as told.
    pub(super) fn news(
        &mut self,
        id: IncidentId,
        city: &City,
        now: Timestamp,
    ) -> Option<(Told, Vec<(DeviceId, String)>)> {
        let tracked = self.incidents.get_mut(&id)?;
        let told = words::tell(&tracked.incident, city, now);
        let alarm = tracked.incident.alarm_revision;
        let heard = |(before, told_alarm): &(Told, u64)| {
            *told_alarm == alarm && before.says_the_same(&told)
        };
        if tracked.told.as_ref().is_some_and(heard) {
            return None;
        }
        tracked.told = Some((told.clone(), alarm));
        let devices: BTreeSet<DeviceId> = tracked
            .incident
            .alarms
            .iter()
            .filter(|alarm| alarm.verified)
            .filter_map(|alarm| alarm.device.clone())
            .collect();
        let of_device = |device: DeviceId| {
            let presses = self.presses.get(&device).into_iter().flatten();
            let mine = presses.filter(|(_, incident)| *incident == id);
            let named = mine.map(|(press, _)| (device.clone(), press.clone()));
            named.collect::<Vec<_>>()
        };
        Some((told, devices.into_iter().flat_map(of_device).collect()))
    }

    /// Open incidents that nobody has.
    pub(super) fn unanswered(&self) -> Vec<IncidentId> {
        self.unanswered.iter().copied().collect()
    }

    /// All incidents.
    pub(super) fn everything(&self) -> Vec<IncidentId> {
        self.order.iter().copied().collect()
    }
}
