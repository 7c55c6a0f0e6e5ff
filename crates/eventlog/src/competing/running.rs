//! The task that runs a group over the log.
//!
//! For: reading ahead as far as there is room, handing out, writing down what the machine says.
//! May not know: the rules (they are the machine's). What cannot be written is tried again or given again; nothing is
//! lost by it.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::kept::{self, Kept};
use super::{
    Connection, ConsumerId, ConsumerInfo, Delivered, Effect, Figures, Group, GroupError, GroupKey,
    MOST_CONSUMERS, Message, Nack, PAUSE, Source,
};
use crate::error::SubscribeError;
use crate::filter::{Filter, Predicate};
use crate::limits::GROUP_COMMANDS;
use crate::name::{EventId, Position, Revision};
use crate::outside::{Following, Outside, Resolved, Seen, Start};

/// What a group's consumers and those who ask about it send.
#[derive(Debug)]
pub(super) enum Command {
    Connect(
        ConsumerId,
        Connection,
        mpsc::Sender<Delivered>,
        oneshot::Sender<Result<(), GroupError>>,
    ),
    Ack(ConsumerId, Vec<EventId>),
    Nack(ConsumerId, Vec<EventId>, Nack, String),
    Replay(Option<u64>, oneshot::Sender<Result<(), GroupError>>),
    Info(oneshot::Sender<(Figures, Vec<ConsumerInfo>)>),
}

/// How a running group is reached; it ends when this is dropped.
pub(super) struct Running {
    pub(super) commands: mpsc::Sender<Command>,
    /// One message for each consumer that ever connected, at most.
    pub(super) gone: mpsc::UnboundedSender<ConsumerId>,
    stop: CancellationToken,
    task: AbortOnDropHandle<()>,
}

impl Running {
    /// Ends it, with its last checkpoint written.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        // It was ours alone to end; a task that failed has nothing left to write.
        drop(self.task.await);
    }
}

struct Task {
    outside: Outside,
    key: GroupKey,
    group: Group,
    /// None once the stream was deleted for good.
    following: Option<Following>,
    commands: mpsc::Receiver<Command>,
    gone: mpsc::UnboundedReceiver<ConsumerId>,
    consumers: BTreeMap<ConsumerId, (Connection, mpsc::Sender<Delivered>)>,
    began: Instant,
    read_batch: usize,
    /// The parked events that are still to be read, from and to, exclusive.
    replay: Option<(u64, u64)>,
    /// Not before this is the log asked again that did not answer.
    paused_until: Option<Instant>,
}

/// Positions after which a group on everything hears that nothing was meant.
const PASSES: NonZeroU64 = NonZeroU64::new(1_000).expect("a thousand is not zero");

/// Starts a group behind its checkpoint.
pub(super) async fn start(
    outside: Outside,
    kept: Kept,
    filter: Filter,
    lost: CancellationToken,
) -> Result<Running, GroupError> {
    let checkpoint = kept::checkpoint(&outside, &kept.key).await?;
    let after = checkpoint.or(kept.begins_after);
    let following = follow(&outside, &kept, filter, after).await?;
    let (commands, received) = mpsc::channel(GROUP_COMMANDS);
    let (gone, left) = mpsc::unbounded_channel();
    let task = Task {
        group: Group::new(kept.settings.clone(), checkpoint, Duration::ZERO),
        read_batch: kept.settings.read_batch_size,
        key: kept.key,
        outside,
        following: Some(following),
        commands: received,
        gone: left,
        consumers: BTreeMap::new(),
        began: Instant::now(),
        replay: None,
        paused_until: None,
    };
    let stop = lost.child_token();
    let task = tokio::spawn(task.run(stop.clone()));
    Ok(Running {
        commands,
        gone,
        stop,
        task: AbortOnDropHandle::new(task),
    })
}

async fn follow(
    outside: &Outside,
    kept: &Kept,
    filter: Filter,
    after: Option<u64>,
) -> Result<Following, GroupError> {
    let resolve = kept.settings.resolve_links;
    Ok(match &kept.key.source {
        Source::Stream(stream) => {
            let start = after.map_or(Start::Beginning, |at| Start::After(Revision(at)));
            outside.follow_stream(stream, start, resolve).await?
        }
        Source::All => {
            let start = after.map_or(Start::Beginning, |at| Start::After(Position(at)));
            // What groups on everything write themselves would come back to them for ever.
            let own = format!("{}$all::", kept::PREFIX);
            let filter = Filter::Matching(Predicate::new(move |event| {
                !event.stream.as_str().starts_with(&own) && filter.matches(event)
            }));
            let following = outside.follow_all(filter, start, resolve, Some(PASSES));
            following.await?
        }
    })
}

impl Task {
    async fn run(mut self, stop: CancellationToken) {
        loop {
            self.carry_out().await;
            let wakes = self.group.wakes_at().map(|at| self.began + at);
            let wakes = wakes.into_iter().chain(self.paused_until).min();
            let may_ask = self.paused_until.is_none();
            let may_read = may_ask && self.group.room() > 0;
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(id) = self.gone.recv() => {
                    // What it answered before it left counts.
                    while let Ok(command) = self.commands.try_recv() {
                        self.command(command).await;
                    }
                    self.disconnect(id);
                }
                command = self.commands.recv() => match command {
                    Some(command) => self.command(command).await,
                    None => break,
                },
                () = sleep_until(wakes) => {
                    self.paused_until = self.paused_until.filter(|until| *until > Instant::now());
                    let now = self.now();
                    self.group.tick(now);
                }
                () = std::future::ready(()), if may_read && self.replay.is_some() => {
                    self.read_parked().await;
                }
                seen = next(&mut self.following), if may_read => match seen {
                    Ok(seen) => self.take_in(seen),
                    Err(SubscribeError::Closed) => break,
                    Err(error) => self.pause(&error.to_string()),
                },
            }
        }
        self.group.close();
        self.carry_out().await;
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn pause(&mut self, why: &str) {
        tracing::warn!(group = %self.key, why, "a group waits for the log");
        self.paused_until = Some(Instant::now() + PAUSE);
    }

    fn take_in(&mut self, seen: Seen) {
        let now = self.now();
        match seen {
            Seen::Event(event) => {
                let at = event.original().map(|at| match self.key.source {
                    Source::Stream(_) => at.revision.0,
                    Source::All => at.position.0,
                });
                if let Some(place) = at {
                    let message = Message {
                        event,
                        place,
                        parked_at: None,
                    };
                    self.group.offer(message, now);
                }
            }
            Seen::CaughtUp(..) => self.group.set_live(true),
            Seen::FellBehind(_) => self.group.set_live(false),
            Seen::Checkpoint(position) => self.group.pass(position.0, now),
            Seen::Deleted => self.following = None,
        }
    }

    async fn command(&mut self, command: Command) {
        let now = self.now();
        match command {
            Command::Connect(id, connection, deliver, answer) => {
                let connected = self.connect(id, connection, deliver);
                if answer.send(connected).is_err() {
                    self.disconnect(id);
                }
            }
            Command::Ack(consumer, events) => {
                for event in events {
                    self.group.ack(consumer, event, now);
                }
            }
            Command::Nack(consumer, events, action, reason) => {
                for event in events {
                    self.group.nack(consumer, event, action, &reason, now);
                }
            }
            Command::Replay(most, answer) => {
                let begun = self.replay(most).await;
                // Whoever asked may have gone; what was begun goes on.
                drop(answer.send(begun));
            }
            Command::Info(answer) => {
                let figures = self.group.figures();
                let consumers = figures.consumers.iter().filter_map(|at| {
                    let (id, in_flight, free, given) = *at;
                    let (connection, _) = self.consumers.get(&id)?;
                    Some(ConsumerInfo {
                        connection: connection.clone(),
                        in_flight,
                        free,
                        given,
                    })
                });
                let consumers = consumers.collect();
                drop(answer.send((figures, consumers)));
            }
        }
    }

    fn connect(
        &mut self,
        id: ConsumerId,
        connection: Connection,
        deliver: mpsc::Sender<Delivered>,
    ) -> Result<(), GroupError> {
        if self.following.is_none() {
            return Err(GroupError::StreamDeleted);
        }
        let now = self.now();
        let connected = self.consumers.len();
        if connected >= MOST_CONSUMERS || !self.group.connect(id, connection.buffer, now) {
            return Err(GroupError::FullOfConsumers { limit: connected });
        }
        self.consumers.insert(id, (connection, deliver));
        Ok(())
    }

    fn disconnect(&mut self, id: ConsumerId) {
        if self.consumers.remove(&id).is_some() {
            let now = self.now();
            self.group.disconnect(id, now);
        }
    }

    /// Does what the machine says.
    async fn carry_out(&mut self) {
        while let Some(effect) = self.group.effect() {
            match effect {
                Effect::Deliver(to, message, retry_count) => self.deliver(to, message, retry_count),
                Effect::Park(message, reason) => self.park(&message, &reason).await,
                Effect::Checkpoint(place) => {
                    let written = kept::write_checkpoint(&self.outside, &self.key, place).await;
                    self.tell(
                        "a checkpoint was not written; a later one says more",
                        written,
                    );
                }
                Effect::TruncateParked(before) => {
                    let written = kept::truncate_parked(&self.outside, &self.key, before).await;
                    self.tell("parked events that are done are given again", written);
                }
            }
        }
    }

    fn deliver(&mut self, to: ConsumerId, message: Message, retry_count: u32) {
        let Some(id) = message.id() else { return };
        let delivered = Delivered {
            id,
            event: message.event,
            retry_count,
        };
        let consumer = self.consumers.get(&to);
        if consumer.is_none_or(|(_, deliver)| deliver.try_send(delivered).is_err()) {
            // It left, or does not read what it is given: others get it.
            self.disconnect(to);
        }
    }

    async fn park(&mut self, message: &Message, reason: &str) {
        let Some(id) = message.id() else { return };
        let written = kept::park(&self.outside, &self.key, message, reason).await;
        let now = self.now();
        match written {
            Ok(()) => self.group.parked(id, now),
            Err(why) => {
                self.pause(&why.to_string());
                self.group.not_parked(id, now);
            }
        }
    }

    fn tell(&self, what: &str, written: Result<(), GroupError>) {
        if let Err(error) = written {
            tracing::warn!(group = %self.key, %error, what);
        }
    }

    /// Begins to give parked events again. Those that are being given again already are not begun anew.
    async fn replay(&mut self, most: Option<u64>) -> Result<(), GroupError> {
        let page = kept::read_parked(&self.outside, &self.key, 0, 1).await?;
        let Some(page) = page.filter(|page| page.first <= page.last) else {
            return Ok(());
        };
        let from = match self.replay {
            Some((from, _)) => from,
            None => page.first.0.max(self.group.parked_read_to()),
        };
        let end = page.last.0 + 1;
        let end = most.map_or(end, |most| end.min(from.saturating_add(most)));
        if from < end {
            self.replay = Some((from, end));
        }
        Ok(())
    }

    async fn read_parked(&mut self) {
        let Some((from, end)) = self.replay else {
            return;
        };
        let left = usize::try_from(end - from).unwrap_or(usize::MAX);
        let limit = self.group.room().min(left).clamp(1, self.read_batch);
        let page = match kept::read_parked(&self.outside, &self.key, from, limit).await {
            Ok(page) => page,
            Err(error) => return self.pause(&error.to_string()),
        };
        let now = self.now();
        let (mut next, events) = page.map_or((None, Vec::new()), |page| (page.next, page.events));
        next = next.filter(|next| next.0 < end);
        let is_asked = |event: &Resolved| {
            let at = event.original().map(|at| at.revision.0);
            at.is_some_and(|at| at < end)
        };
        for event in events.into_iter().filter(is_asked) {
            self.offer_parked(event, now);
        }
        match next {
            Some(next) => self.replay = Some((next.0, end)),
            None => {
                self.replay = None;
                self.group.parked_read(end);
            }
        }
    }

    fn offer_parked(&mut self, event: Resolved, now: Duration) {
        let Some(at) = event.original().map(|at| at.revision.0) else {
            return;
        };
        // One whose event is hidden by now has nothing to give.
        if event.event.is_none() {
            return;
        }
        let message = Message {
            event,
            place: at,
            parked_at: Some(at),
        };
        self.group.offer_parked(message, now);
    }
}

/// Waits for what is read next; for ever when there is nothing more to read.
async fn next(following: &mut Option<Following>) -> Result<Seen, SubscribeError> {
    match following {
        Some(following) => following.next().await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
