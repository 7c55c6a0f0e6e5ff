//! Acting on an incident: read, fold, decide, append at the revision just read.
//!
//! For: one command, done once, whoever repeats it and whoever else writes.
//! May not know: the rules; those are `decide` in `domain`.

use crate::{
    book::{Batch, BookError, Casebook, Draft},
    codec::{Meta, read_as},
    fold::Folded,
    streams,
};
use domain::{
    Actor, CommandId, Happened, IncidentId,
    care::{self, CareCommand, CareRefusal},
    incident::{Asked, Incident, IncidentCommand, IncidentEvent, Refusal, decide_under, evolve},
};
use eventlog::{Appended, EventId, Lane, Position, Recorded, Revision, StreamName};
use std::sync::Arc;
use uuid::Uuid;

/// How often a command is decided again after somebody else wrote first. Within a process writers take turns, so only
/// other processes conflict. Ours: more of them than a city runs.
pub const RETRY_LIMIT: usize = 8;

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acted {
    /// The incident's revision after it; what it was after it the first time, when repeated.
    pub revision: Revision,
    /// Position of its last event; the incident's last known place when nothing new happened.
    pub position: Position,
    /// The incident as of `revision`.
    pub incident: Incident,
    /// What happened; empty when nothing new did.
    pub events: Vec<Happened<IncidentEvent>>,
    /// The command was done before: this is its first result.
    pub repeated: bool,
}

/// Why a command was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActError {
    /// A rule said no. Tell the asker.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A rule of the subject's care said no: another incident of theirs is open. Tell the asker.
    #[error(transparent)]
    CareRefused(#[from] CareRefusal),
    /// Somebody else wrote first every time.
    #[error("the incident changed too fast; try again")]
    Conflict,
    /// This command's id stands for another act that was done before, or another's. A bug of the asker's.
    #[error(
        "this command's id was used for another act, or by another person; make a new one for each"
    )]
    Reused,
    /// There is no such incident.
    #[error("there is no such incident")]
    NotFound,
    /// Unavailable: try again with the same command id.
    #[error("{0}")]
    Unavailable(String),
}

impl From<BookError> for ActError {
    fn from(error: BookError) -> Self {
        match error {
            BookError::Conflict { .. } => Self::Conflict,
            other => Self::Unavailable(other.to_string()),
        }
    }
}

/// The id of the event that a command appends at this place, counted from 0; known before it is appended.
pub fn command_event(command: CommandId, index: usize) -> EventId {
    EventId(Uuid::new_v5(
        &command.0,
        format!("command-event-{index}").as_bytes(),
    ))
}

/// The id of the care event that goes with a command.
fn command_care_event(command: CommandId) -> EventId {
    EventId(Uuid::new_v5(&command.0, b"command-care"))
}

impl Casebook {
    /// Does what is asked of an incident, once.
    ///
    /// Durable once this returns. The same command id again, at any process and after any restart, gets its first
    /// result (a command that changed nothing, or was refused, left no trace and is decided again). Closing and
    /// reopening also close and reopen the subject's care, in the same append.
    pub async fn act(
        &self,
        id: IncidentId,
        command: CommandId,
        asked: Asked,
    ) -> Result<Acted, ActError> {
        let stream = streams::incident(id);
        let _turn = self.turn(id).await;
        // What is known here is enough to begin with: when somebody else has written since, the append conflicts.
        let mut known = self.known(id);
        for _ in 0..=RETRY_LIMIT {
            let (folded, is_read) = match known.take() {
                Some(known) => (known, false),
                None => (self.incident(id).await?, true),
            };
            // Nearly every command is new, and the fold knows it.
            if folded.may_hold(command_event(command, 0))
                && let Some(first) = self.first_result(id, &stream, command, &asked).await?
            {
                return Ok(first);
            }
            let Some(incident) = &folded.state else {
                return Err(ActError::NotFound);
            };
            let events = match decide_under(&self.policy, Some(incident), &asked) {
                Ok(events) if !events.is_empty() => events,
                // Nobody is told no by what may be old.
                _ if !is_read => continue,
                Ok(_) => return nothing_new(folded),
                Err(refusal) => return Err(refusal.into()),
            };
            let batch = self.batch_of(&folded, incident, command, &asked, &events);
            let batch = match batch.await {
                Err(ActError::CareRefused(_)) if !is_read => continue,
                batch => batch?,
            };
            match self.commit(Lane::Urgent, batch).await {
                Ok(appended) if appended.duplicate => {}
                Ok(appended) => {
                    return Ok(self.acted(id, folded, (command, &asked), events, &appended));
                }
                Err(BookError::Conflict { .. }) => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(ActError::Conflict)
    }

    /// The incident's events and, when it is closed or reopened, the care's.
    async fn batch_of(
        &self,
        folded: &Folded<Option<Incident>>,
        incident: &Incident,
        command: CommandId,
        asked: &Asked,
        events: &[IncidentEvent],
    ) -> Result<Batch, ActError> {
        let said = incident.believed(asked);
        let drafts = events.iter().enumerate().map(|(index, event)| {
            let id = command_event(command, index);
            Draft::new(id, asked.at, asked.by.clone(), event.clone()).said(said)
        });
        let mut batch = Batch::new(Meta {
            command: Some(command.0),
            act: Some(asked.command.name().to_owned()),
            ..Meta::about(incident.id.0)
        });
        let stream = streams::incident(incident.id);
        batch.push(&stream, folded.expected(), drafts.collect())?;
        let closes = events
            .iter()
            .any(|event| matches!(event, IncidentEvent::Resolved { .. }));
        let reopens = events
            .iter()
            .any(|event| matches!(event, IncidentEvent::Reopened { .. }));
        if !closes && !reopens {
            return Ok(batch);
        }
        let command_of_care = if closes {
            CareCommand::Close {
                incident: incident.id,
            }
        } else {
            CareCommand::Reopen {
                incident: incident.id,
            }
        };
        let care = self.care(&incident.subject).await?;
        let cares = care::decide(&care.state, &command_of_care)?;
        // When the care says so already, it only guards.
        let draft = |event| {
            Draft::new(
                command_care_event(command),
                asked.at,
                asked.by.clone(),
                event,
            )
        };
        batch.push(
            &streams::care(&incident.subject),
            care.expected(),
            cares.into_iter().map(draft).collect(),
        )?;
        Ok(batch)
    }

    fn acted(
        &self,
        id: IncidentId,
        folded: Folded<Option<Incident>>,
        (command, asked): (CommandId, &Asked),
        events: Vec<IncidentEvent>,
        appended: &Appended,
    ) -> Acted {
        let place = &appended.streams[0];
        let ids = (0..events.len()).map(|index| command_event(command, index));
        let said = folded.state.as_ref().and_then(|it| it.believed(asked));
        let stamp = |event| Happened::new(asked.at, asked.by.clone(), event).said(said);
        let events: Vec<_> = events.into_iter().map(stamp).collect();
        let folded = folded.with(place, ids, &events, evolve);
        let incident = folded.state.clone();
        let incident = incident.expect("decided on an incident that was folded above");
        self.keep(id, folded);
        Acted {
            revision: place.last,
            position: place.last_position,
            incident,
            events,
            repeated: false,
        }
    }

    /// What a command did the first time, if it ever did anything.
    async fn first_result(
        &self,
        id: IncidentId,
        stream: &StreamName,
        command: CommandId,
        asked: &Asked,
    ) -> Result<Option<Acted>, ActError> {
        let found = self.log.find(stream, command_event(command, 0)).await;
        let Some(first) = found.map_err(BookError::from)? else {
            return Ok(None);
        };
        // What was written before acts had names is not compared.
        let act = Meta::read(&first.meta).act;
        if act.is_some_and(|act| act != asked.command.name()) {
            return Err(ActError::Reused);
        }
        let mut recorded = vec![first];
        while let Some(next) = self.next_of(stream, command, &recorded).await? {
            recorded.push(next);
        }
        let mut events = Vec::with_capacity(recorded.len());
        for one in &recorded {
            events.extend(read_as::<IncidentEvent>(one).map_err(BookError::from)?);
        }
        // Nobody gets what another's command came to.
        if events.first().is_some_and(|first| first.by != asked.by) {
            return Err(ActError::Reused);
        }
        let Some(last) = recorded.last() else {
            return Ok(None);
        };
        let incident = self.incident_until(id, last.revision).await?;
        Ok(incident.map(|incident| Acted {
            revision: last.revision,
            position: last.position,
            incident,
            events,
            repeated: true,
        }))
    }

    async fn next_of(
        &self,
        stream: &StreamName,
        command: CommandId,
        so_far: &[Arc<Recorded>],
    ) -> Result<Option<Arc<Recorded>>, BookError> {
        let id = command_event(command, so_far.len());
        Ok(self.log.find(stream, id).await?)
    }

    /// A command asked now by the dispatcher, a gateway or a person; `seen` is the revision on their screen.
    pub fn asked(&self, by: Actor, seen: Option<u64>, command: IncidentCommand) -> Asked {
        Asked {
            at: self.now(),
            by,
            seen,
            said_at: None,
            command,
        }
    }
}

fn nothing_new(folded: Folded<Option<Incident>>) -> Result<Acted, ActError> {
    Ok(Acted {
        revision: folded.head.unwrap_or(Revision::FIRST),
        position: folded.position,
        incident: folded.state.ok_or(ActError::NotFound)?,
        events: Vec::new(),
        repeated: false,
    })
}
