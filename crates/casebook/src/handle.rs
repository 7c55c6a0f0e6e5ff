//! An alarm's way into an incident: opened or joined, once.
//!
//! For: at most one open incident per subject, whoever writes at the same moment and wherever a crash falls.
//! May not know: who is rung; that is the dispatcher.

use crate::{
    act::RETRY_LIMIT,
    book::{Batch, BookError, Casebook, Draft},
    codec::Meta,
    fold::Folded,
    streams,
    vault::{Binding, VaultError},
};
use domain::{
    Actor, AlarmId, DistrictId, Happened, IncidentId, ResidentId, Sealed, SubjectId, Timestamp,
    care::{self, Care, CareCommand, CareEvent, CareRefusal},
    incident::{
        self, AlarmRef, Asked, Incident, IncidentCommand, IncidentEvent, Refusal, decide_under,
    },
    signal::SignalClass,
};
use eventlog::{Appended, EventId, Lane, Position};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What is known about an alarm's subject when it may open an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The resident, when the device is somebody's.
    pub resident: Option<ResidentId>,
    /// Where the incident would belong.
    pub district: Option<DistrictId>,
    /// Longitude and latitude in millionths of a degree; sealed before it is stored.
    pub place_plain: Option<(i32, i32)>,
    /// How late we are after the alarm's receipt, when worth a word.
    pub late_ms: Option<u64>,
    /// Now.
    pub at: Timestamp,
}

/// What came of an alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handled {
    /// The incident it went to; `None` only with [`HandledAs::Nothing`].
    pub incident: Option<IncidentId>,
    /// How.
    pub what: HandledAs,
    /// The append's last position; the start when nothing was appended now.
    pub position: Position,
}

/// How an alarm was handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandledAs {
    /// It opened an incident.
    Opened,
    /// It joined the subject's open one.
    Joined,
    /// It was handled before.
    Already,
    /// A cancel with no incident to join.
    Nothing,
}

/// Where an incident is, as it is sealed.
#[derive(Serialize, Deserialize)]
struct Place {
    lon_e6: i32,
    lat_e6: i32,
}

/// The id of the event that handles an alarm in its subject's care.
pub fn care_event(alarm: AlarmId) -> EventId {
    EventId(Uuid::new_v5(&alarm.0, b"care"))
}

/// The id of the event that an alarm appends to its incident at this place, counted from 0.
pub fn alarm_event(alarm: AlarmId, index: usize) -> EventId {
    EventId(Uuid::new_v5(
        &alarm.0,
        format!("alarm-event-{index}").as_bytes(),
    ))
}

impl Casebook {
    /// Joins an alarm to its subject's open incident, or opens one; an alarm handled before yields
    /// [`HandledAs::Already`].
    ///
    /// One atomic append to the care and the incident, durable once this returns. After any error, or a crash, repeat
    /// it: the events' ids come from the alarm.
    pub async fn open_or_join(
        &self,
        alarm: AlarmRef,
        subject: SubjectId,
        opening: Opening,
    ) -> Result<Handled, BookError> {
        let mut attempt = 0;
        loop {
            let is_first = attempt == 0;
            match self.try_handle(&alarm, &subject, &opening, is_first).await {
                Err(BookError::Conflict { .. }) if attempt < RETRY_LIMIT => attempt += 1,
                answer => return answer,
            }
            tokio::task::yield_now().await;
        }
    }

    /// Where an incident is, in millionths of a degree; `None` when nobody knew.
    pub async fn open_place(
        &self,
        incident: &Incident,
    ) -> Result<Option<(i32, i32)>, crate::Unopened> {
        let (Some(sealed), Some(first)) = (&incident.place, incident.alarms.first()) else {
            return Ok(None);
        };
        let stream = streams::incident(incident.id);
        let binding = Binding {
            stream: &stream,
            event: alarm_event(first.alarm, 0),
            field: "place",
        };
        let place: Place = self.vault.open_json(sealed, binding).await?;
        Ok(Some((place.lon_e6, place.lat_e6)))
    }

    async fn try_handle(
        &self,
        alarm: &AlarmRef,
        subject: &SubjectId,
        opening: &Opening,
        is_first: bool,
    ) -> Result<Handled, BookError> {
        let care = self.care(subject).await?;
        if care.may_hold(care_event(alarm.alarm))
            && let Some(incident) = self.alarm_handled(subject, alarm.alarm).await?
        {
            return Ok(unchanged(Some(incident), HandledAs::Already));
        }
        if let Some(id) = care.state.open
            && let Some(joined) = self.try_join(alarm, subject, &care, id, opening.at).await?
        {
            return Ok(joined);
        }
        if alarm.kind.class() == SignalClass::Cancel {
            return Ok(unchanged(None, HandledAs::Nothing));
        }
        self.try_open(alarm, subject, &care, opening, is_first)
            .await
    }

    /// `None` when the care names an incident that takes no alarm: a bug, and the resident gets a new incident.
    async fn try_join(
        &self,
        alarm: &AlarmRef,
        subject: &SubjectId,
        care: &Folded<Care>,
        id: IncidentId,
        at: Timestamp,
    ) -> Result<Option<Handled>, BookError> {
        let _turn = self.turn(id).await;
        let incident = self.incident(id).await?;
        let command = IncidentCommand::Join {
            alarm: alarm.clone(),
        };
        let decided = match &incident.state {
            Some(state) => decide_under(&self.policy, Some(state), &asked(at, command)),
            None => Err(Refusal::NotOpen),
        };
        let events = match decided {
            Ok(events) => events,
            Err(refusal) => {
                // Whoever closed it may have done so between our two reads; then the care has moved on.
                if self.care(subject).await?.head != care.head {
                    return Err(moved_on(subject));
                }
                tracing::error!(incident = %id, code = refusal.code(), "an open care's incident takes no alarm");
                return Ok(None);
            }
        };
        let joins = CareCommand::Handle {
            incident: id,
            alarm: alarm.alarm,
        };
        let cares = of_care(care::decide(&care.state, &joins), subject)?;
        let joint = Joint { alarm, subject, at };
        let batch = joint.batch((care, cares), (id, &incident, &events))?;
        let handled = self.handled(batch, id, HandledAs::Joined).await?;
        self.remember(&joint, id, incident, events, &handled);
        Ok(Some(handled.0))
    }

    async fn try_open(
        &self,
        alarm: &AlarmRef,
        subject: &SubjectId,
        care: &Folded<Care>,
        opening: &Opening,
        is_first: bool,
    ) -> Result<Handled, BookError> {
        let id = IncidentId::opened_by(alarm.alarm);
        // There is none yet; else the append conflicts, and it is read.
        let incident = if is_first {
            Folded::nothing(None)
        } else {
            self.incident(id).await?
        };
        if incident.state.is_some() {
            // Opened under another subject before, when the device was somebody else's.
            return Ok(unchanged(Some(id), HandledAs::Already));
        }
        let command = IncidentCommand::Open {
            incident: id,
            subject: subject.clone(),
            resident: opening.resident.clone(),
            alarm: alarm.clone(),
            priority: alarm.kind.priority(),
            district: opening.district.clone(),
            place: self.seal_place(id, alarm.alarm, subject, opening).await?,
            previous: care.state.previous(opening.at),
            late_ms: opening.late_ms,
        };
        let events = decide_under(&self.policy, None, &asked(opening.at, command));
        let events = events.map_err(|refusal| BookError::Malformed(refusal.to_string()))?;
        let opens = CareCommand::Open {
            incident: id,
            alarm: alarm.alarm,
        };
        // An open incident that takes no alarm is let go first; see `try_join`.
        let stuck = care.state.open;
        let free = Care {
            open: None,
            ..care.state.clone()
        };
        let mut cares = of_care(care::decide(&free, &opens), subject)?;
        cares.extend(stuck.map(|incident| CareEvent::CareClosed { incident }));
        cares.reverse();
        let joint = Joint {
            alarm,
            subject,
            at: opening.at,
        };
        let batch = joint.batch((care, cares), (id, &incident, &events))?;
        let handled = self.handled(batch, id, HandledAs::Opened).await?;
        self.remember(&joint, id, incident, events, &handled);
        Ok(handled.0)
    }

    /// Keeps the incident as it is now: whoever rings for it is next.
    fn remember(
        &self,
        joint: &Joint<'_>,
        id: IncidentId,
        before: Folded<Option<Incident>>,
        events: Vec<IncidentEvent>,
        (_, appended): &(Handled, Appended),
    ) {
        let stream = streams::incident(id);
        let place = appended.streams.iter().find(|it| it.stream == stream);
        let Some(place) = place.filter(|_| !appended.duplicate) else {
            return;
        };
        let ids = (0..events.len()).map(|index| alarm_event(joint.alarm.alarm, index));
        let stamp = |event| Happened::new(joint.at, Actor::Dispatcher, event);
        let events: Vec<_> = events.into_iter().map(stamp).collect();
        self.keep(id, before.with(place, ids, &events, incident::evolve));
    }

    async fn handled(
        &self,
        batch: Batch,
        id: IncidentId,
        what: HandledAs,
    ) -> Result<(Handled, Appended), BookError> {
        let appended = self.commit(Lane::Urgent, batch).await?;
        let handled = Handled {
            incident: Some(id),
            // Another dispatcher was faster with the very same.
            what: if appended.duplicate {
                HandledAs::Already
            } else {
                what
            },
            position: appended.position,
        };
        Ok((handled, appended))
    }

    async fn seal_place(
        &self,
        incident: IncidentId,
        alarm: AlarmId,
        subject: &SubjectId,
        opening: &Opening,
    ) -> Result<Option<Sealed>, BookError> {
        let Some((lon_e6, lat_e6)) = opening.place_plain else {
            return Ok(None);
        };
        let stream = streams::incident(incident);
        let binding = Binding {
            stream: &stream,
            event: alarm_event(alarm, 0),
            field: "place",
        };
        let place = Place { lon_e6, lat_e6 };
        let sealed = self.vault.seal_json(subject.as_str(), binding, &place);
        match sealed.await {
            Ok(sealed) => Ok(Some(sealed)),
            // Erased in this moment: nobody knows where any more, and help is sent all the same.
            Err(VaultError::Erased(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// One append to the care and the incident, at the revisions they were read at.
struct Joint<'a> {
    alarm: &'a AlarmRef,
    subject: &'a SubjectId,
    at: Timestamp,
}

impl Joint<'_> {
    fn batch(
        &self,
        (care, cares): (&Folded<Care>, Vec<CareEvent>),
        (id, incident, events): (IncidentId, &Folded<Option<Incident>>, &[IncidentEvent]),
    ) -> Result<Batch, BookError> {
        let alarm = self.alarm.alarm;
        let mut batch = Batch::new(Meta::about(id.0).caused_by(EventId(alarm.0)));
        let cares = cares.into_iter().map(|event| match event {
            CareEvent::CareClosed { .. } => self.draft(letting_go_event(alarm), event),
            _ => self.draft(care_event(alarm), event),
        });
        let stream = streams::care(self.subject);
        batch.push(&stream, care.expected(), cares.collect())?;
        let events = events.iter().enumerate();
        let events =
            events.map(|(index, event)| self.draft(alarm_event(alarm, index), event.clone()));
        batch.push(
            &streams::incident(id),
            incident.expected(),
            events.collect(),
        )?;
        Ok(batch)
    }

    fn draft<E>(&self, id: EventId, event: E) -> Draft<E> {
        Draft::new(id, self.at, Actor::Dispatcher, event)
    }
}

/// The id of the event by which an alarm lets go of an incident that takes none.
fn letting_go_event(alarm: AlarmId) -> EventId {
    EventId(Uuid::new_v5(&alarm.0, b"care-letting-go"))
}

/// What the care's rules say; when they say no, or that there is nothing new, somebody else wrote since it was looked up.
fn of_care(
    decided: Result<Vec<CareEvent>, CareRefusal>,
    subject: &SubjectId,
) -> Result<Vec<CareEvent>, BookError> {
    match decided {
        Ok(events) if !events.is_empty() => Ok(events),
        _ => Err(moved_on(subject)),
    }
}

fn moved_on(subject: &SubjectId) -> BookError {
    BookError::Conflict {
        stream: streams::care(subject),
        actual: None,
    }
}

fn asked(at: Timestamp, command: IncidentCommand) -> Asked {
    Asked {
        at,
        by: Actor::Dispatcher,
        seen: None,
        said_at: None,
        command,
    }
}

fn unchanged(incident: Option<IncidentId>, what: HandledAs) -> Handled {
    Handled {
        incident,
        what,
        position: Position::START,
    }
}
