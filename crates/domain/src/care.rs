//! Care: which incident, if any, is open for one subject.
//!
//! For: at most one open incident per subject, and each alarm handled once.
//! May not know: what happens inside the incident.

use crate::{AlarmId, Happened, IncidentId, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What happened in a subject's care.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their types")]
pub enum CareEvent {
    /// An incident was opened by this alarm.
    CareOpened {
        incident: IncidentId,
        alarm: AlarmId,
    },
    /// An alarm joined the open incident.
    AlarmHandled {
        incident: IncidentId,
        alarm: AlarmId,
    },
    /// The incident was resolved.
    CareClosed { incident: IncidentId },
    /// It was opened again.
    CareReopened { incident: IncidentId },
}

/// The fold of a care stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Care {
    /// The open incident.
    pub open: Option<IncidentId>,
    /// The last closed one, and when.
    pub last_closed: Option<(IncidentId, Timestamp)>,
    /// The alarms handled last, newest last, at most [`HANDLED_LIMIT`]; older ones are found by reading the stream.
    pub handled: Vec<AlarmId>,
}

/// Alarms remembered in the fold.
pub const HANDLED_LIMIT: usize = 64;

/// An incident closed less than this before is named by the next one of the same subject as the one just before.
/// Ours: a second call within half an hour is rarely about something else.
pub const PREVIOUS_WITHIN: Duration = Duration::from_mins(30);

/// What may be asked of a subject's care.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the fields are those of the events of the same name"
)]
pub enum CareCommand {
    /// Open this incident for this alarm.
    Open {
        incident: IncidentId,
        alarm: AlarmId,
    },
    /// Let this alarm join the open incident.
    Handle {
        incident: IncidentId,
        alarm: AlarmId,
    },
    /// The incident is resolved.
    Close { incident: IncidentId },
    /// It is opened again.
    Reopen { incident: IncidentId },
}

/// A rule of care said no. Serialised as `{"code": "another_open", "incident": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "code")]
#[expect(missing_docs, reason = "each message says it")]
pub enum CareRefusal {
    #[error("another incident of this person is open")]
    AnotherOpen { incident: IncidentId },
    #[error("this incident is not open")]
    NotOpen,
}

impl Care {
    /// Whether this alarm is among the last handled.
    pub fn has_handled(&self, alarm: AlarmId) -> bool {
        self.handled.contains(&alarm)
    }

    /// The incident closed just before `now`, to be named by the next one.
    pub fn previous(&self, now: Timestamp) -> Option<IncidentId> {
        let (incident, closed_at) = self.last_closed?;
        (now.since(closed_at) < PREVIOUS_WITHIN).then_some(incident)
    }
}

/// What comes of a request. At most one incident is open; an alarm handled before yields nothing new.
pub fn decide(care: &Care, command: &CareCommand) -> Result<Vec<CareEvent>, CareRefusal> {
    let another = |incident: &IncidentId| match care.open {
        Some(open) if open != *incident => Err(CareRefusal::AnotherOpen { incident: open }),
        open => Ok(open),
    };
    match command {
        CareCommand::Open { alarm, .. } | CareCommand::Handle { alarm, .. }
            if care.has_handled(*alarm) =>
        {
            Ok(vec![])
        }
        CareCommand::Open { incident, alarm } => {
            let (incident, alarm) = (*incident, *alarm);
            Ok(match another(&incident)? {
                Some(_) => vec![CareEvent::AlarmHandled { incident, alarm }],
                None => vec![CareEvent::CareOpened { incident, alarm }],
            })
        }
        CareCommand::Handle { incident, alarm } => match another(incident)? {
            Some(open) => Ok(vec![CareEvent::AlarmHandled {
                incident: open,
                alarm: *alarm,
            }]),
            None => Err(CareRefusal::NotOpen),
        },
        CareCommand::Close { incident } => Ok(match care.open {
            Some(open) if open == *incident => vec![CareEvent::CareClosed { incident: open }],
            _ => vec![],
        }),
        CareCommand::Reopen { incident } => Ok(match another(incident)? {
            Some(_) => vec![],
            None => vec![CareEvent::CareReopened {
                incident: *incident,
            }],
        }),
    }
}

/// The care after one more event; cannot fail.
pub fn evolve(mut care: Care, happened: &Happened<CareEvent>) -> Care {
    match &happened.event {
        CareEvent::CareOpened { incident, alarm } => {
            care.open = Some(*incident);
            remember(&mut care, *alarm);
        }
        CareEvent::AlarmHandled { alarm, .. } => remember(&mut care, *alarm),
        CareEvent::CareClosed { incident } => {
            if care.open == Some(*incident) {
                care.open = None;
            }
            care.last_closed = Some((*incident, happened.at));
        }
        CareEvent::CareReopened { incident } => care.open = Some(*incident),
    }
    care
}

fn remember(care: &mut Care, alarm: AlarmId) {
    care.handled.push(alarm);
    if care.handled.len() > HANDLED_LIMIT {
        care.handled.remove(0);
    }
}

#[cfg(test)]
#[path = "care_tests.rs"]
mod tests;
