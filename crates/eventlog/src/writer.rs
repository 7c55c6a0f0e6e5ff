//! The one task that writes.
//!
//! For: bounded queues, alarms before what is urgent and both before bulk, and many commands to one commit.
//! May not know: SQL, what fits (the store's plan decides), who follows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::event::{Lane, StreamAppend};
use crate::limits::{BULK_QUEUE, MEMBER_FAILURES, QUEUE_BYTES, URGENT_QUEUE, URGENT_RUN};
use crate::live::Live;
use crate::lock::FolderLock;
use crate::metrics::Metrics;
use crate::pace::{BulkPace, Cost, URGENT_COST};
use crate::store::{Answer, Committed, Store, Uncommitted, Write};

/// One waiting command.
#[derive(Debug)]
struct Command {
    write: Write,
    size: usize,
    answer: oneshot::Sender<Answer>,
}

/// Why a command was not queued.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Full,
    Closed,
}

/// Puts commands into the queues.
#[derive(Debug)]
pub(crate) struct Queues {
    alarm: LaneSender,
    urgent: LaneSender,
    bulk: LaneSender,
}

#[derive(Debug)]
struct LaneSender {
    queue: mpsc::Sender<Command>,
    bytes: Arc<AtomicUsize>,
}

impl Queues {
    /// Queues a command; its answer comes when it is durable or refused.
    pub(crate) fn send(
        &self,
        lane: Lane,
        write: Write,
    ) -> Result<oneshot::Receiver<Answer>, Refused> {
        self.lane(lane).send(write)
    }

    /// Commands waiting in a lane.
    pub(crate) fn depth(&self, lane: Lane) -> u64 {
        let queue = &self.lane(lane).queue;
        (queue.max_capacity() - queue.capacity()) as u64
    }

    fn lane(&self, lane: Lane) -> &LaneSender {
        match lane {
            Lane::Alarm => &self.alarm,
            Lane::Urgent => &self.urgent,
            Lane::Bulk => &self.bulk,
        }
    }
}

impl LaneSender {
    fn send(&self, write: Write) -> Result<oneshot::Receiver<Answer>, Refused> {
        let (answer, receiver) = oneshot::channel();
        let size = size(&write);
        let slot = self.queue.try_reserve().map_err(|error| match error {
            mpsc::error::TrySendError::Full(()) => Refused::Full,
            mpsc::error::TrySendError::Closed(()) => Refused::Closed,
        })?;
        if self.bytes.fetch_add(size, Ordering::Relaxed) + size > QUEUE_BYTES {
            self.bytes.fetch_sub(size, Ordering::Relaxed);
            return Err(Refused::Full);
        }
        slot.send(Command {
            write,
            size,
            answer,
        });
        Ok(receiver)
    }
}

/// Takes commands out of one queue.
#[derive(Debug)]
struct LaneReceiver {
    queue: mpsc::Receiver<Command>,
    bytes: Arc<AtomicUsize>,
    /// Taken out, but too large for the batch that was being filled.
    held: Option<Command>,
}

impl LaneReceiver {
    async fn wait(&mut self) -> Option<Command> {
        if self.held.is_some() {
            return self.held.take();
        }
        let command = self.queue.recv().await?;
        self.bytes.fetch_sub(command.size, Ordering::Relaxed);
        Some(command)
    }

    fn take(&mut self) -> Option<Command> {
        if self.held.is_some() {
            return self.held.take();
        }
        let command = self.queue.try_recv().ok()?;
        self.bytes.fetch_sub(command.size, Ordering::Relaxed);
        Some(command)
    }

    fn waiting(&self) -> bool {
        self.held.is_some() || !self.queue.is_empty()
    }

    /// Adds to a batch what fits into `limit`.
    fn pour(&mut self, batch: &mut Batch, limit: Cost) {
        while let Some(command) = self.take() {
            if let Err(command) = batch.add(command, limit) {
                self.held = Some(command);
                break;
            }
        }
    }
}

/// Commands that are committed together.
struct Batch {
    commands: Vec<Command>,
    cost: Cost,
}

impl Batch {
    /// The first command is taken whatever its cost.
    fn of(first: Command) -> Self {
        Self {
            cost: cost(&first.write),
            commands: vec![first],
        }
    }

    /// Takes one more, or gives it back.
    fn add(&mut self, command: Command, limit: Cost) -> Result<(), Command> {
        let with = self.cost.plus(cost(&command.write));
        if !with.within(limit) {
            return Err(command);
        }
        self.cost = with;
        self.commands.push(command);
        Ok(())
    }
}

/// The writing task, before and while it runs.
pub(crate) struct Writer {
    alarm: LaneReceiver,
    urgent: LaneReceiver,
    bulk: LaneReceiver,
    pace: BulkPace,
    urgent_run: u32,
    closing: CancellationToken,
    desk: Desk,
    /// Last, so that it is let go after the store.
    _lock: Option<FolderLock>,
}

/// What the task writes with.
pub(crate) struct Desk {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) live: Arc<Live>,
    pub(crate) metrics: Arc<Metrics>,
}

impl Writer {
    /// A writer that is not running yet, and the queues in front of it.
    pub(crate) fn new(
        desk: Desk,
        closing: CancellationToken,
        lock: Option<FolderLock>,
    ) -> (Self, Queues) {
        let (alarm_in, alarm) = lane(URGENT_QUEUE);
        let (urgent_in, urgent) = lane(URGENT_QUEUE);
        let (bulk_in, bulk) = lane(BULK_QUEUE);
        let writer = Self {
            alarm,
            urgent,
            bulk,
            pace: BulkPace::new(),
            urgent_run: 0,
            closing,
            desk,
            _lock: lock,
        };
        let queues = Queues {
            alarm: alarm_in,
            urgent: urgent_in,
            bulk: bulk_in,
        };
        (writer, queues)
    }

    /// Writes until the log is closed or everybody has let go of it; what was queued by then is still written.
    pub(crate) async fn run(mut self) {
        while let Some((lane, batch)) = self.next_batch().await {
            let used = batch.cost;
            let began = Instant::now();
            self.desk.commit(batch.commands).await;
            match lane {
                Lane::Alarm | Lane::Urgent => self.pace.urgent(began),
                Lane::Bulk => self.pace.learn(used, began, began.elapsed()),
            }
            // Those just answered get the chance to queue their next command for the same commit as the others.
            tokio::task::yield_now().await;
        }
        self.desk.live.close();
        self.desk.store.close().await;
    }

    /// Waits for commands; `None` when closed and empty.
    async fn next_batch(&mut self) -> Option<(Lane, Batch)> {
        if let Some(ready) = self.ready_batch() {
            return Some(ready);
        }
        let closing = self.closing.clone();
        let rested = self.pace.rest_until().unwrap_or_else(Instant::now);
        let bulk = async {
            tokio::time::sleep_until(rested).await;
            self.bulk.wait().await
        };
        let first = tokio::select! {
            biased;
            () = closing.cancelled() => None,
            command = self.alarm.wait() => command.map(|first| (Lane::Alarm, first)),
            command = self.urgent.wait() => command.map(|first| (Lane::Urgent, first)),
            command = bulk => command.map(|first| (Lane::Bulk, first)),
        };
        match first {
            Some((lane, first)) => Some((lane, self.fill(lane, first))),
            None => {
                self.alarm.queue.close();
                self.urgent.queue.close();
                self.bulk.queue.close();
                self.ready_batch()
            }
        }
    }

    /// A batch of what waits already: alarms and what is urgent first, but for one bulk batch in every [`URGENT_RUN`]. Bulk
    /// that rests waits.
    fn ready_batch(&mut self) -> Option<(Lane, Batch)> {
        let bulk_turn = self.urgent_run >= URGENT_RUN && self.bulk.waiting();
        if !bulk_turn {
            for lane in [Lane::Alarm, Lane::Urgent] {
                if let Some(first) = self.receiver(lane).take() {
                    self.urgent_run = self.urgent_run.saturating_add(1);
                    return Some((lane, self.fill(lane, first)));
                }
            }
        }
        let rests = self
            .pace
            .rest_until()
            .is_some_and(|end| Instant::now() < end);
        if rests && !bulk_turn && !self.closing.is_cancelled() {
            return None;
        }
        self.urgent_run = 0;
        let first = self.bulk.take()?;
        Some((Lane::Bulk, self.fill(Lane::Bulk, first)))
    }

    fn receiver(&mut self, lane: Lane) -> &mut LaneReceiver {
        match lane {
            Lane::Alarm => &mut self.alarm,
            Lane::Urgent => &mut self.urgent,
            Lane::Bulk => &mut self.bulk,
        }
    }

    /// Fills up a batch. Alarms share theirs with what is urgent: a storm of presses that nobody is rung for would help
    /// nobody.
    fn fill(&mut self, lane: Lane, first: Command) -> Batch {
        let mut batch = Batch::of(first);
        if lane == Lane::Bulk {
            self.bulk.pour(&mut batch, self.pace.limit(Instant::now()));
            return batch;
        }
        let alarms = if self.urgent.waiting() {
            URGENT_COST.half()
        } else {
            URGENT_COST
        };
        self.alarm.pour(&mut batch, alarms);
        self.urgent.pour(&mut batch, URGENT_COST);
        batch
    }
}

impl Desk {
    /// Commits a batch and answers its commands; an aborted batch is tried again once, member by member.
    async fn commit(&self, batch: Vec<Command>) {
        let (writes, waiting): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .map(|command| (command.write, command.answer))
            .unzip();
        let answers = match self.attempt(&writes).await {
            Ok(answers) => answers,
            Err(Uncommitted::Aborted(why)) => {
                tracing::warn!(error = %why, commands = writes.len(), "a batch failed; trying its members");
                self.one_by_one(&writes).await
            }
            Err(Uncommitted::Lost(why)) => {
                let unavailable = |write: &Write| write.unavailable(&why.0);
                writes.iter().map(unavailable).collect()
            }
        };
        for (waiting, answer) in waiting.into_iter().zip(answers) {
            // Who no longer waits has gone; what was committed stays committed.
            drop(waiting.send(answer));
        }
    }

    async fn one_by_one(&self, writes: &[Write]) -> Vec<Answer> {
        let mut answers = Vec::with_capacity(writes.len());
        let mut failures = 0;
        for write in writes {
            if failures >= MEMBER_FAILURES {
                answers.push(write.unavailable("the store is failing; send it again later"));
                continue;
            }
            match self.attempt(std::slice::from_ref(write)).await {
                Ok(answer) => {
                    failures = 0;
                    answers.extend(answer);
                }
                Err(Uncommitted::Aborted(why)) => {
                    failures += 1;
                    tracing::error!(error = %why, "the store did not take a command");
                    answers.push(write.unavailable(&why.0));
                }
                Err(Uncommitted::Lost(why)) => {
                    failures = MEMBER_FAILURES;
                    answers.push(write.unavailable(&why.0));
                }
            }
        }
        answers
    }

    async fn attempt(&self, writes: &[Write]) -> Result<Vec<Answer>, Uncommitted> {
        let began = Instant::now();
        match self.store.commit(writes, self.clock.now_micros()).await {
            Ok(committed) => {
                self.metrics.committed(began.elapsed());
                self.count(committed.events.len(), &committed.answers);
                Ok(self.hand_on(committed))
            }
            Err(why) => {
                self.metrics.failed();
                Err(why)
            }
        }
    }

    /// Hands a batch on to subscriptions before it is answered, or leaves that to the tail when somebody else wrote
    /// before it.
    fn hand_on(&self, committed: Committed) -> Vec<Answer> {
        if !self.live.hand_on(committed.events, committed.head) {
            self.store.wake_tail();
        }
        committed.answers
    }

    fn count(&self, events: usize, answers: &[Answer]) {
        self.metrics
            .events
            .fetch_add(events as u64, Ordering::Relaxed);
        for answer in answers {
            match answer {
                Answer::Append(Ok(appended)) if appended.duplicate => {
                    self.metrics.duplicates.fetch_add(1, Ordering::Relaxed);
                }
                Answer::Append(Err(crate::AppendError::WrongRevision { .. })) => {
                    self.metrics.conflicts.fetch_add(1, Ordering::Relaxed);
                }
                _ => {}
            }
        }
    }
}

fn lane(capacity: usize) -> (LaneSender, LaneReceiver) {
    let (sender, receiver) = mpsc::channel(capacity);
    let bytes = Arc::new(AtomicUsize::new(0));
    (
        LaneSender {
            queue: sender,
            bytes: Arc::clone(&bytes),
        },
        LaneReceiver {
            queue: receiver,
            bytes,
            held: None,
        },
    )
}

fn size(write: &Write) -> usize {
    cost(write).bytes
}

fn cost(write: &Write) -> Cost {
    match write {
        Write::Append(streams) => streams_cost(streams),
        Write::Outside(write) => streams_cost(&write.members),
        Write::Door(door) => Cost {
            events: door.rows(),
            bytes: door.size(),
        },
    }
}

fn streams_cost(streams: &[StreamAppend]) -> Cost {
    streams
        .iter()
        .map(stream_cost)
        .fold(Cost::NOTHING, Cost::plus)
}

fn stream_cost(append: &StreamAppend) -> Cost {
    Cost {
        events: append.events.len().max(1),
        bytes: append.events.iter().map(crate::NewEvent::size).sum(),
    }
}
