//! The promises, as plain functions over a log.
//!
//! For: tests, the simulation and debug assertions: each function reads entries in the order of their positions and
//! returns what is broken; empty means kept.
//! May not know: stores, codecs, clocks. Promises 2, 6, 7, 8 and 9 are kept at the edges (gateways, the verifier,
//! consoles, keys, queues) and are checked there.

use crate::{
    Happened, IncidentId, OperatorId, SubjectId, Timestamp,
    care::CareEvent,
    device::DeviceEvent,
    incident::{Incident, IncidentEvent, Phase, evolve, next_deadline},
    policy::RingPolicy,
    signal::SignalClass,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

/// The nine promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants say it")]
pub enum Promise {
    AcknowledgedMeansDurable,
    NothingJamsTheLine,
    NeverUnowned,
    OneOwner,
    OneTruth,
    NothingIsRewritten,
    ConsoleNeverMisses,
    ForgettingWorks,
    EverythingIsBounded,
}

/// A promise that was not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    /// Which.
    pub promise: Promise,
    /// What was seen, for the person who mends it.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.promise, self.what)
    }
}

/// One event of the log, as far as the promises need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the whole log.
    pub position: u64,
    /// Its stream.
    pub stream: String,
    /// Its place in the stream, from 0.
    pub revision: u64,
    /// What happened.
    pub fact: Fact,
}

/// What an entry holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are the families of events")]
pub enum Fact {
    Incident(Happened<IncidentEvent>),
    Care(Happened<CareEvent>),
    Device(Happened<DeviceEvent>),
    Other,
}

/// Incidents by stream.
pub type Incidents = BTreeMap<String, Incident>;

/// Folds every incident of the log; the keys are stream names.
pub fn fold(entries: &[Entry]) -> Incidents {
    let mut all = Incidents::new();
    for entry in entries {
        step(&mut all, entry);
    }
    all
}

fn step<'a>(all: &'a mut Incidents, entry: &Entry) -> Option<&'a Incident> {
    let Fact::Incident(happened) = &entry.fact else {
        return None;
    };
    let before = all.remove(&entry.stream);
    let after = evolve(before, entry.revision, happened)?;
    Some(all.entry(entry.stream.clone()).or_insert(after))
}

/// Promise 1: every press that a device was told is received stands at its position. `acknowledged` holds the
/// position and the press number of each.
pub fn acknowledged_is_durable(acknowledged: &[(u64, String)], entries: &[Entry]) -> Vec<Broken> {
    let found: BTreeMap<u64, &str> = entries
        .iter()
        .filter_map(|e| Some((e.position, received(e)?.press.as_str())))
        .collect();
    let lost = |(position, press): &&(u64, String)| found.get(position) != Some(&press.as_str());
    let what = |(position, press): &(u64, String)| {
        format!("press {press} was acknowledged at {position} and is not there")
    };
    broken(
        Promise::AcknowledgedMeansDurable,
        acknowledged.iter().filter(lost).map(what),
    )
}

fn received(entry: &Entry) -> Option<&crate::device::Received> {
    match &entry.fact {
        Fact::Device(Happened {
            event:
                DeviceEvent::AlarmReceived(r)
                | DeviceEvent::TestReceived(r)
                | DeviceEvent::TroubleReported(r),
            ..
        }) => Some(r),
        _ => None,
    }
}

/// Promise 3: after every event each open incident is held or being offered or about to be, and has a next deadline.
pub fn never_unowned(entries: &[Entry], policy: &RingPolicy) -> Vec<Broken> {
    let mut all = Incidents::new();
    let mut wrong = Vec::new();
    for entry in entries {
        let Some(incident) = step(&mut all, entry) else {
            continue;
        };
        wrong.extend(unowned(incident, policy).map(|what| (entry.position, what)));
    }
    let what = |(position, what): (u64, String)| format!("after {position}: {what}");
    broken(Promise::NeverUnowned, wrong.into_iter().map(what))
}

/// What is wrong with who has one incident; `None` when nothing is.
pub fn unowned(incident: &Incident, policy: &RingPolicy) -> Option<String> {
    if !incident.is_open() {
        return None;
    }
    let cared = match incident.phase {
        Phase::Waiting => true,
        Phase::Offered => incident.ringing().is_some_and(|o| !o.parties.is_empty()),
        _ => incident.owner.is_some(),
    };
    if !cared {
        return Some(format!("{} is open and nobody has it", incident.id));
    }
    if next_deadline(incident, policy).is_none() {
        return Some(format!("{} is open and has no deadline", incident.id));
    }
    None
}

/// Promise 3, seen at `now`: no deadline of an open incident lies further back than `grace`.
pub fn never_forgotten(
    entries: &[Entry],
    policy: &RingPolicy,
    now: Timestamp,
    grace: Duration,
) -> Vec<Broken> {
    let all = fold(entries);
    let late = all.values().filter_map(|incident| {
        let deadline = next_deadline(incident, policy)?;
        let late = now.since(deadline.at);
        (late > grace).then(|| {
            let ms = late.as_millis();
            format!("{}: {:?} is {ms} ms overdue", incident.id, deadline.kind)
        })
    });
    broken(Promise::NeverUnowned, late)
}

/// Promise 3: every alarm of a device opened or joined an incident. Alarms received after `until` may still wait.
pub fn every_alarm_has_an_incident(entries: &[Entry], until: u64) -> Vec<Broken> {
    let handled: BTreeSet<u64> = entries
        .iter()
        .filter_map(|e| match &e.fact {
            Fact::Incident(h) => match &h.event {
                IncidentEvent::IncidentOpened { alarm, .. }
                | IncidentEvent::AlarmJoined { alarm, .. } => Some(alarm.position),
                _ => None,
            },
            _ => None,
        })
        .collect();
    let lost = entries.iter().filter(|e| {
        let alarm = received(e).is_some_and(|r| r.kind.class() == SignalClass::Alarm);
        alarm && e.position <= until && !handled.contains(&e.position)
    });
    broken(
        Promise::NeverUnowned,
        lost.map(|e| format!("the alarm at {} has no incident", e.position)),
    )
}

/// Promise 3: at most one incident of a subject is open at any time.
pub fn one_open_per_subject(entries: &[Entry]) -> Vec<Broken> {
    let mut subject_of: BTreeMap<&str, &SubjectId> = BTreeMap::new();
    let mut open: BTreeMap<&SubjectId, &str> = BTreeMap::new();
    let mut wrong = Vec::new();
    for entry in entries {
        let Fact::Incident(happened) = &entry.fact else {
            continue;
        };
        let stream = entry.stream.as_str();
        if let IncidentEvent::IncidentOpened { subject, .. } = &happened.event {
            subject_of.insert(stream, subject);
        }
        let Some(subject) = subject_of.get(stream).copied() else {
            continue;
        };
        match &happened.event {
            IncidentEvent::IncidentOpened { .. } | IncidentEvent::Reopened { .. } => {
                if let Some(other) = open.insert(subject, stream)
                    && other != stream
                {
                    wrong.push(format!(
                        "{subject} has {other} and {stream} open at {}",
                        entry.position
                    ));
                }
            }
            IncidentEvent::Resolved { .. } if open.get(subject) == Some(&stream) => {
                open.remove(subject);
            }
            _ => {}
        }
    }
    broken(Promise::NeverUnowned, wrong.into_iter())
}

/// Promise 4: nobody accepts what another has, unless it lapsed, was handed over or transferred between.
pub fn one_owner(entries: &[Entry]) -> Vec<Broken> {
    let mut owner: BTreeMap<&str, &OperatorId> = BTreeMap::new();
    let mut wrong = Vec::new();
    for entry in entries {
        let Fact::Incident(happened) = &entry.fact else {
            continue;
        };
        let stream = entry.stream.as_str();
        match &happened.event {
            IncidentEvent::Accepted { operator, .. } => {
                if let Some(first) = owner.insert(stream, operator) {
                    wrong.push(format!(
                        "{stream}: {operator} accepted at {} what {first} had",
                        entry.position
                    ));
                }
            }
            IncidentEvent::HandedOver { from, to, .. } => {
                let had = owner.insert(stream, to) == Some(from);
                wrong.extend((!had).then(|| {
                    let at = entry.position;
                    format!("{stream}: {from} handed over at {at} what they had not")
                }));
            }
            IncidentEvent::AcceptanceLapsed { .. }
            | IncidentEvent::Transferred { .. }
            | IncidentEvent::Resolved { .. }
            | IncidentEvent::Reopened { .. } => {
                owner.remove(stream);
            }
            _ => {}
        }
    }
    broken(Promise::OneOwner, wrong.into_iter())
}

/// Promise 5: what somebody holds as state is what the log folds to.
pub fn replay_is_equal(entries: &[Entry], held: &Incidents) -> Vec<Broken> {
    let folded = fold(entries);
    let streams: BTreeSet<&String> = folded.keys().chain(held.keys()).collect();
    let differs = streams
        .into_iter()
        .filter(|stream| folded.get(*stream) != held.get(*stream));
    broken(
        Promise::OneTruth,
        differs.map(|stream| format!("{stream} is not what the log says")),
    )
}

/// Promise 6, what can be seen without hashes: positions and revisions follow one another without a gap.
pub fn gap_free(entries: &[Entry]) -> Vec<Broken> {
    let mut wrong = Vec::new();
    for pair in entries.windows(2) {
        if pair[1].position != pair[0].position + 1 {
            wrong.push(format!(
                "position {} follows {}",
                pair[1].position, pair[0].position
            ));
        }
    }
    let mut next: BTreeMap<&str, u64> = BTreeMap::new();
    for entry in entries {
        let expected = next.entry(&entry.stream).or_insert(0);
        if entry.revision != *expected {
            wrong.push(format!(
                "{}: revision {} where {expected} was due",
                entry.stream, entry.revision
            ));
        }
        *expected = entry.revision + 1;
    }
    broken(Promise::NothingIsRewritten, wrong.into_iter())
}

/// Every checker that needs nothing but the log.
pub fn check(entries: &[Entry], policy: &RingPolicy) -> Vec<Broken> {
    [
        never_unowned(entries, policy),
        one_open_per_subject(entries),
        one_owner(entries),
        care_agrees(entries),
        gap_free(entries),
    ]
    .concat()
}

/// Promise 3: what a care stream says is open is what its incidents say, and no alarm was handled twice.
pub fn care_agrees(entries: &[Entry]) -> Vec<Broken> {
    let mut open: BTreeMap<&str, IncidentId> = BTreeMap::new();
    let mut handled = BTreeSet::new();
    let mut wrong = Vec::new();
    for entry in entries {
        let Fact::Care(happened) = &entry.fact else {
            continue;
        };
        let stream = entry.stream.as_str();
        match &happened.event {
            CareEvent::CareOpened { incident, .. } | CareEvent::CareReopened { incident } => {
                if let Some(other) = open.insert(stream, *incident) {
                    wrong.push(format!(
                        "{stream}: {incident} opened while {other} was open"
                    ));
                }
            }
            CareEvent::CareClosed { incident } => {
                if open.remove(stream) != Some(*incident) {
                    wrong.push(format!("{stream}: {incident} closed and was not open"));
                }
            }
            CareEvent::AlarmHandled { .. } => {}
        }
        if let CareEvent::CareOpened { alarm, .. } | CareEvent::AlarmHandled { alarm, .. } =
            &happened.event
            && !handled.insert((stream, *alarm))
        {
            wrong.push(format!("{stream}: alarm {alarm} handled twice"));
        }
    }
    let by_care: BTreeSet<IncidentId> = open.values().copied().collect();
    if !by_care.is_empty() || entries.iter().any(|e| matches!(e.fact, Fact::Care(_))) {
        let all = fold(entries);
        let by_fold: BTreeSet<IncidentId> =
            all.values().filter(|i| i.is_open()).map(|i| i.id).collect();
        for incident in by_care.symmetric_difference(&by_fold) {
            wrong.push(format!(
                "{incident}: care and incident disagree whether it is open"
            ));
        }
    }
    broken(Promise::NeverUnowned, wrong.into_iter())
}

fn broken(promise: Promise, what: impl Iterator<Item = String>) -> Vec<Broken> {
    what.map(|what| Broken { promise, what }).collect()
}

#[cfg(test)]
#[path = "promises_tests.rs"]
mod tests;
