//! Folding streams into state.
//!
//! For: an incident or a care as its events have made it, and the revision to append at.
//! May not know: how an event changes state; that is `evolve` in `domain`.
//!
//! Streams only grow, so a fold kept in memory is always a true beginning: only what came after it is read.

use crate::{
    book::{BookError, Casebook},
    codec::{Stored, read_as},
    streams,
};
use domain::{
    AlarmId, Happened, IncidentId, SubjectId,
    care::{self, Care, CareEvent},
    incident::{self, Incident},
};
use eventlog::{
    Direction, EventId, Expected, Position, Recorded, Revision, StreamAppended, StreamName,
};
use std::sync::Arc;

/// Events read at a time while folding; ours: a page holds a whole ordinary incident.
const FOLD_PAGE: usize = 256;

/// A fold and where its stream ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded<T> {
    /// What the events have made.
    pub state: T,
    /// Revision of the stream's last event, whether ours or foreign; `None` when there is none.
    pub head: Option<Revision>,
    /// Position of that event; the start when there is none.
    pub(crate) position: Position,
    /// The ids of the stream's events; `None` when there are too many to keep.
    pub(crate) ids: Option<Vec<EventId>>,
}

/// Ids kept with a fold. Ours: many times an ordinary incident; for longer streams the log is asked.
const IDS_KEPT: usize = 256;

impl<T> Folded<T> {
    /// Before the first event.
    pub(crate) fn nothing(state: T) -> Self {
        Self {
            state,
            head: None,
            position: Position::START,
            ids: Some(Vec::new()),
        }
    }

    /// Whether an event may be among those folded; false is sure.
    pub(crate) fn may_hold(&self, id: EventId) -> bool {
        self.ids.as_ref().is_none_or(|ids| ids.contains(&id))
    }

    /// Notes the ids of further events.
    pub(crate) fn note(&mut self, more: impl IntoIterator<Item = EventId>) {
        if let Some(ids) = &mut self.ids {
            ids.extend(more);
            if ids.len() > IDS_KEPT {
                self.ids = None;
            }
        }
    }

    /// Whether it goes further than another of the same stream.
    fn is_longer(&self, other: &Self) -> bool {
        self.head > other.head
    }

    /// With what was just appended after it at this place.
    pub(crate) fn with<E>(
        mut self,
        place: &StreamAppended,
        ids: impl IntoIterator<Item = EventId>,
        events: &[Happened<E>],
        step: impl Fn(T, u64, &Happened<E>) -> T,
    ) -> Self {
        let revisions = place.first.0..;
        self.state = revisions
            .zip(events)
            .fold(self.state, |state, (revision, happened)| {
                step(state, revision, happened)
            });
        self.head = Some(place.last);
        self.position = place.last_position;
        self.note(ids);
        self
    }

    /// What an append that was decided on this state expects.
    pub fn expected(&self) -> Expected {
        self.head.map_or(Expected::NoStream, Expected::Exact)
    }
}

impl Casebook {
    /// The incident now; `None` when it was never opened.
    pub async fn fold_incident(&self, id: IncidentId) -> Result<Option<Incident>, BookError> {
        Ok(self.incident(id).await?.state)
    }

    /// The incident now, with its stream's last revision.
    pub async fn incident(&self, id: IncidentId) -> Result<Folded<Option<Incident>>, BookError> {
        let known = self.incidents.get(&id);
        let known = known.unwrap_or_else(|| Folded::nothing(None));
        let stream = streams::incident(id);
        let folded = self.fold_on(&stream, known, None, evolved).await?;
        self.keep(id, folded.clone());
        Ok(folded)
    }

    /// The incident as this process knows it without reading; others may have written since. `None`: it must be read.
    ///
    /// Enough to decide on, for an append elsewhere conflicts; nothing to refuse anybody by, nor to let anybody act by.
    pub fn known_incident(&self, id: IncidentId) -> Option<Incident> {
        self.known(id)?.state
    }

    /// Keeps a fold; one that another task has taken further meanwhile stays.
    pub(crate) fn keep(&self, id: IncidentId, folded: Folded<Option<Incident>>) {
        self.incidents.put_unless(id, folded, Folded::is_longer);
    }

    pub(crate) fn known(&self, id: IncidentId) -> Option<Folded<Option<Incident>>> {
        self.incidents
            .get(&id)
            .filter(|known| known.state.is_some())
    }

    /// The incident as it stood just after `last`, folded from its first event; for replay and repeated commands.
    pub async fn incident_until(
        &self,
        id: IncidentId,
        last: Revision,
    ) -> Result<Option<Incident>, BookError> {
        let nothing = Folded::nothing(None);
        let stream = streams::incident(id);
        let folded = self.fold_on(&stream, nothing, Some(last), evolved);
        Ok(folded.await?.state)
    }

    /// The care of a subject now, with its stream's last revision.
    pub async fn fold_care(
        &self,
        subject: &SubjectId,
    ) -> Result<(Care, Option<Revision>), BookError> {
        let folded = self.care(subject).await?;
        Ok((folded.state, folded.head))
    }

    pub(crate) async fn care(&self, subject: &SubjectId) -> Result<Folded<Care>, BookError> {
        let known = self.cares.get(subject);
        let known = known.unwrap_or_else(|| Folded::nothing(Care::default()));
        let stream = streams::care(subject);
        let step = |state, _, happened: &Happened<CareEvent>| care::evolve(state, happened);
        let folded = self.fold_on(&stream, known, None, step).await?;
        self.cares
            .put_unless(subject.clone(), folded.clone(), Folded::is_longer);
        Ok(folded)
    }

    /// The incident an alarm was given to under this subject, looked up in the log; `None`: not handled yet.
    pub async fn alarm_handled(
        &self,
        subject: &SubjectId,
        alarm: AlarmId,
    ) -> Result<Option<IncidentId>, BookError> {
        let stream = streams::care(subject);
        let id = crate::handle::care_event(alarm);
        let Some(recorded) = self.log.find(&stream, id).await? else {
            return Ok(None);
        };
        let happened = read_as::<CareEvent>(&recorded)?;
        Ok(happened.map(|happened| match happened.event {
            CareEvent::CareOpened { incident, .. }
            | CareEvent::AlarmHandled { incident, .. }
            | CareEvent::CareClosed { incident }
            | CareEvent::CareReopened { incident } => incident,
        }))
    }

    /// Folds what stands after `known` in a stream, up to and including `last`.
    async fn fold_on<E: Stored, T>(
        &self,
        stream: &StreamName,
        known: Folded<T>,
        last: Option<Revision>,
        step: impl Fn(T, u64, &Happened<E>) -> T,
    ) -> Result<Folded<T>, BookError> {
        let mut folded = known;
        loop {
            let page = self.page_after(stream, folded.head).await?;
            for recorded in &page {
                if last.is_some_and(|last| recorded.revision > last) {
                    return Ok(folded);
                }
                if let Some(happened) = read_as(recorded)? {
                    folded.state = step(folded.state, recorded.revision.0, &happened);
                }
                folded.head = Some(recorded.revision);
                folded.position = recorded.position;
                folded.note([recorded.id]);
            }
            if page.len() < FOLD_PAGE {
                return Ok(folded);
            }
        }
    }

    async fn page_after(
        &self,
        stream: &StreamName,
        head: Option<Revision>,
    ) -> Result<Vec<Arc<Recorded>>, BookError> {
        let from = head.map_or(Revision::FIRST, Revision::next);
        let page = self
            .log
            .read_stream(stream, from, Direction::Forward, FOLD_PAGE);
        Ok(page.await?)
    }
}

fn evolved(
    state: Option<Incident>,
    revision: u64,
    happened: &Happened<incident::IncidentEvent>,
) -> Option<Incident> {
    incident::evolve(state, revision, happened)
}
