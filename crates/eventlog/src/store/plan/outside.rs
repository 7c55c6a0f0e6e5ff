//! What fits when an outside program writes: deleting, coming back, ending for good.
//!
//! For: the rules of EventStoreDB about stream metadata and deletion, decided in the same commit as the rest.
//! May not know: SQL. What is appended by ourselves goes by none of this.
//!
//! The last event of `$$stream` describes `stream`. When it says that everything before the largest revision is
//! truncated, the stream is deleted softly: it reads as missing, comes back with the next append, and that append writes
//! where it begins again into `$$stream`. After a `$streamDeleted` the stream is gone for good.

use std::collections::HashSet;

use bytes::Bytes;
use uuid::Uuid;

use super::{Planner, Verdict, repeated};
use crate::error::AppendError;
use crate::event::{Appended, Expected, NewEvent, StreamAppend};
use crate::metadata::{METADATA, Metadata, STREAM_DELETED, TRUNCATE_BEFORE};
use crate::name::{EventId, Revision, StreamName};
use crate::store::{OutsideWrite, What, Write};

/// How a stream stands with outside programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// Nothing is said about it.
    Plain,
    /// It has metadata.
    Described,
    /// It is deleted softly.
    Hidden,
    /// It is deleted for good.
    Gone,
}

impl Life {
    /// By the type of a stream's last event, and the last body in its stream of metadata.
    pub(crate) fn of(last_kind: Option<&str>, metadata: Option<&[u8]>) -> Self {
        match metadata {
            _ if last_kind == Some(STREAM_DELETED) => Self::Gone,
            Some(body) if Metadata::parse(body).is_deleted() => Self::Hidden,
            Some(_) => Self::Described,
            None => Self::Plain,
        }
    }
}

/// The streams whose life a batch depends on, or says something about, each once. What we say of a stream ourselves needs
/// it too: one that is gone stays gone whatever is said of it.
pub(crate) fn lives_wanted(batch: &[Write]) -> Vec<StreamName> {
    let mut seen = HashSet::new();
    let streams = batch.iter().flat_map(|write| {
        let (members, is_outside) = match write {
            Write::Outside(write) => (write.members.as_slice(), true),
            Write::Append(members) => (members.as_slice(), false),
            Write::Door(_) => (&[][..], false),
        };
        members.iter().filter_map(move |member| {
            let described = member.stream.described();
            described.or_else(|| is_outside.then(|| member.stream.clone()))
        })
    });
    streams
        .filter(|stream| seen.insert(stream.clone()))
        .collect()
}

impl Planner {
    /// Plans what an outside program asks for, or refuses it and leaves everything as it was.
    pub(crate) fn outside(&mut self, write: &OutsideWrite) -> Result<Appended, AppendError> {
        match (write.what, write.members.as_slice()) {
            (What::Append, members) => self.append_outside(members, &write.order),
            (What::Delete, [stream, metadata]) => self.delete(stream, metadata),
            (What::Tombstone, [stream]) => self.tombstone(stream),
            (What::Delete | What::Tombstone, _) => Err(AppendError::InvalidRequest(
                "one stream is deleted at a time".to_owned(),
            )),
        }
    }

    fn append_outside(
        &mut self,
        members: &[StreamAppend],
        order: &[usize],
    ) -> Result<Appended, AppendError> {
        let is_gone = |member: &&StreamAppend| self.life(&member.stream) == Life::Gone;
        if let Some(gone) = members.iter().find(is_gone) {
            let stream = gone.stream.clone();
            return Err(AppendError::StreamDeleted { stream });
        }
        let revived = self.revived_by(members);
        let appended = self.append_by(members, order, Self::verdict_outside)?;
        if !appended.duplicate {
            for (stream, from) in revived {
                self.begin_again(&stream, from);
            }
        }
        Ok(appended)
    }

    /// The softly deleted streams among those written to or described, and where they begin again.
    fn revived_by(&self, members: &[StreamAppend]) -> Vec<(StreamName, Revision)> {
        let mut revived: Vec<(StreamName, Revision)> = Vec::new();
        for member in members.iter().filter(|member| !member.events.is_empty()) {
            let described = member.stream.described();
            let stream = described.unwrap_or_else(|| member.stream.clone());
            let known = revived.iter().any(|(other, _)| *other == stream);
            if self.life(&stream) == Life::Hidden && !known {
                let from = self.next_revision(&stream);
                revived.push((stream, from));
            }
        }
        revived
    }

    fn verdict_outside(&self, member: &StreamAppend) -> Verdict {
        let head = self.known.head(&member.stream);
        match (member.expected, self.life(&member.stream)) {
            (Expected::StreamExists, Life::Hidden) => Verdict::Misfits,
            (Expected::StreamExists, Life::Described) if head.is_none() => Verdict::Fits,
            // Unless it is the very append that began the stream.
            (Expected::NoStream, Life::Hidden) if !self.begins_with(member) => Verdict::Fits,
            _ => self.verdict(member),
        }
    }

    fn begins_with(&self, member: &StreamAppend) -> bool {
        let begin = (member.stream.clone(), Revision::FIRST);
        let stands = self.known.places.get(&begin);
        let first = member.events.first();
        first.is_some_and(|event| stands.is_some_and(|(id, _)| *id == event.id))
    }

    /// Deletes softly: `metadata` says so in `$$stream`. What was said there before no longer counts.
    fn delete(
        &mut self,
        stream: &StreamAppend,
        metadata: &StreamAppend,
    ) -> Result<Appended, AppendError> {
        if let Verdict::Repeats(first, last) = self.verdict_by_ids(metadata) {
            return Ok(repeated(&[(metadata, first, last)]));
        }
        let life = self.life(&stream.stream);
        let head = self.known.head(&stream.stream);
        let fits = match stream.expected {
            _ if life == Life::Gone => {
                let stream = stream.stream.clone();
                return Err(AppendError::StreamDeleted { stream });
            }
            _ if head.is_none() && life == Life::Plain => false,
            Expected::Any => true,
            Expected::NoStream => head.is_none() || life == Life::Hidden,
            Expected::StreamExists => life != Life::Hidden,
            Expected::Exact(revision) => head == Some(revision),
        };
        if !fits {
            return Err(self.wrong_revision(stream));
        }
        Ok(self.write(std::slice::from_ref(metadata), &[]))
    }

    fn tombstone(&mut self, stream: &StreamAppend) -> Result<Appended, AppendError> {
        match (self.verdict_outside(stream), self.life(&stream.stream)) {
            (Verdict::Repeats(first, last), _) => Ok(repeated(&[(stream, first, last)])),
            (_, Life::Gone) => Err(AppendError::StreamDeleted {
                stream: stream.stream.clone(),
            }),
            (Verdict::Fits, _) => Ok(self.write(std::slice::from_ref(stream), &[])),
            (Verdict::Misfits, _) => Err(self.wrong_revision(stream)),
        }
    }

    /// Writes into `$$stream` that it begins at `from`; the rest of its metadata stays.
    fn begin_again(&mut self, stream: &StreamName, from: Revision) {
        let said = self.known.described.get(stream);
        let mut object = said.map(|body| Metadata::object(body)).unwrap_or_default();
        let begins = serde_json::Value::from(from.0);
        if object.get(TRUNCATE_BEFORE) == Some(&begins) {
            return;
        }
        object.insert(TRUNCATE_BEFORE.to_owned(), begins);
        let metadata = stream.metadata();
        let at = format!("{metadata}@{}", self.next_revision(&metadata));
        let event = NewEvent {
            // Nobody sends this event, so nobody can send it again: any identity of its own will do.
            id: EventId(Uuid::new_v5(&Uuid::NAMESPACE_OID, at.as_bytes())),
            kind: METADATA.to_owned(),
            body: Bytes::from(serde_json::Value::Object(object).to_string()),
            meta: Bytes::new(),
        };
        self.write_event(&metadata, &event);
    }

    /// Streams of metadata have none of their own.
    fn life(&self, stream: &StreamName) -> Life {
        let known = self.known.lives.get(stream);
        known.copied().unwrap_or(Life::Plain)
    }

    fn next_revision(&self, stream: &StreamName) -> Revision {
        let head = self.known.head(stream);
        head.map_or(Revision::FIRST, Revision::next)
    }

    /// Takes in what an event, whoever wrote it, says about a stream.
    pub(super) fn notice(&mut self, stream: &StreamName, event: &NewEvent) {
        if let Some(described) = stream.described() {
            let gone = self.life(&described) == Life::Gone;
            let last = gone.then_some(STREAM_DELETED);
            let life = Life::of(last, Some(&event.body));
            self.known.set_life(&described, life);
            self.known.set_described(&described, event.body.clone());
        } else if event.kind == STREAM_DELETED {
            self.known.set_life(stream, Life::Gone);
        }
    }
}
