//! A connected consumer: what it is given and how it answers.
//!
//! For: the other end of a door's connection.
//! May not know: what the group does with the answers.

use tokio::sync::mpsc;

use super::running::Command;
use super::{ConsumerId, Figures, GroupKey, Nack, Settings};
#[cfg(doc)]
use crate::limits::CONSUMER_BUFFER;
use crate::name::EventId;
use crate::outside::Resolved;

/// Who connects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// Most events it has at once, 1 to [`CONSUMER_BUFFER`].
    pub buffer: usize,
    /// Where from, for people.
    pub from: String,
    /// Who, for people.
    pub user: String,
    /// What it calls itself.
    pub name: String,
}

/// An event for a consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// What it is answered by: the link's identity, if there is a link.
    pub id: EventId,
    /// The event.
    pub event: Resolved,
    /// How often it was given before.
    pub retry_count: u32,
}

/// A connected consumer; dropping it gives what it had to others.
#[derive(Debug)]
pub struct Consumer {
    deliveries: mpsc::Receiver<Delivered>,
    answers: Answers,
    gone: mpsc::UnboundedSender<ConsumerId>,
}

/// How a consumer answers; clones are the same consumer's.
#[derive(Clone, Debug)]
pub struct Answers {
    id: ConsumerId,
    commands: mpsc::Sender<Command>,
}

/// A connected consumer, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerInfo {
    /// Who it is.
    pub connection: Connection,
    /// Events it has.
    pub in_flight: usize,
    /// Events it may still get.
    pub free: usize,
    /// Events it got.
    pub given: u64,
}

/// A group, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupInfo {
    /// Which.
    pub key: GroupKey,
    /// How it works.
    pub settings: Settings,
    /// Whether it runs in this process.
    pub is_running: bool,
    /// How it gets on.
    pub figures: Figures,
    /// Who is connected.
    pub consumers: Vec<ConsumerInfo>,
    /// Events that are parked.
    pub parked: u64,
}

impl Consumer {
    pub(super) fn new(
        deliveries: mpsc::Receiver<Delivered>,
        answers: Answers,
        gone: mpsc::UnboundedSender<ConsumerId>,
    ) -> Self {
        Self {
            deliveries,
            answers,
            gone,
        }
    }

    /// The next event; `None` when the group was deleted, changed or stopped, or this consumer did not read what it was
    /// given in time. May be dropped while waiting without losing anything.
    pub async fn next(&mut self) -> Option<Delivered> {
        self.deliveries.recv().await
    }

    /// How to answer.
    pub fn answers(&self) -> Answers {
        self.answers.clone()
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        // A group that has ended no longer asks who is there.
        let _ = self.gone.send(self.answers.id);
    }
}

impl Answers {
    pub(super) fn new(id: ConsumerId, commands: mpsc::Sender<Command>) -> Self {
        Self { id, commands }
    }

    /// Done with these. Those it does not have are none of its business. Waits while the group is busy.
    pub async fn ack(&self, events: Vec<EventId>) {
        let ack = Command::Ack(self.id, events);
        // A group that has ended no longer listens; what was not done is given again.
        drop(self.commands.send(ack).await);
    }

    /// These were not handled; with a reason for people.
    pub async fn nack(&self, events: Vec<EventId>, action: Nack, reason: &str) {
        let nack = Command::Nack(self.id, events, action, reason.to_owned());
        drop(self.commands.send(nack).await);
    }
}
