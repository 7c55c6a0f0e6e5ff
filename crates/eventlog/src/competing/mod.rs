//! Groups of competing consumers over the log: EventStoreDB's persistent subscriptions.
//!
//! For: sharing the events of a stream, or of everything, among consumers, each event to one at a time, at least once.
//! May not know: gRPC, users, regular expressions: a door brings a function that makes filters of what it kept.
//!
//! ```text
//! let groups = Groups::new(log.outside(), compile);
//! groups.create(&key, settings).await?;
//! let mut consumer = groups.connect(&key, Connection { buffer: 10, .. }).await?;
//! let answers = consumer.answers();
//! while let Some(delivered) = consumer.next().await { answers.ack(vec![delivered.id]).await; }
//! ```
//!
//! - `settings`: how a group works.
//! - `message`, `group`, `consumers`: the machine, pure.
//! - `consumer`: a connected one; `error`: why not.
//! - `kept`: what of a group stands in the log: settings, checkpoint, what is parked.
//! - `running`: the task that runs the machine over the log.
//!
//! A group's settings stand in `$persistentSubscriptionConfig`, its checkpoints in
//! `$persistentsubscription-<source>::<group>-checkpoint`, links to its parked events in `…-parked`. Where several
//! processes write to one log, one of them runs all groups, by lease; the others answer [`GroupError::Elsewhere`].

mod consumer;
mod consumers;
mod error;
mod group;
mod kept;
mod message;
mod running;
mod settings;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

pub use consumer::{Answers, Connection, Consumer, ConsumerInfo, Delivered, GroupInfo};
pub use consumers::ConsumerId;
pub use error::GroupError;
pub use group::Group;
pub use message::{Effect, Figures, Message, Nack};
pub use settings::{GroupFilter, GroupKey, Settings, Source, StartFrom, Strategy};

use crate::error::{AppendError, DoorError};
use crate::event::Lane;
use crate::filter::Filter;
use crate::limits::{CONSUMER_BUFFER, GROUP_CONSUMERS, GROUP_LEASE, GROUP_NAME_BYTES, GROUPS};
use crate::outside::Outside;
use kept::Kept;
use running::{Command, Running};

/// What makes a filter of what is kept; an error in words for whoever asked.
pub type Compile = Arc<dyn Fn(&GroupFilter) -> Result<Filter, String> + Send + Sync>;

/// All groups of a log; clones are the same.
#[derive(Clone)]
pub struct Groups(Arc<Inner>);

struct Inner {
    outside: Outside,
    compile: Compile,
    running: Mutex<HashMap<GroupKey, Running>>,
    next_consumer: AtomicU64,
    lease: Mutex<Option<Held>>,
    instance: uuid::Uuid,
}

/// That this process runs the groups, as long as it renews.
struct Held {
    /// None where nobody else could.
    epoch: Option<u64>,
    lost: tokio_util::sync::CancellationToken,
    _renewal: AbortOnDropHandle<()>,
}

impl std::fmt::Debug for Groups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Groups")
    }
}

/// Making and changing.
impl Groups {
    /// The groups of a log.
    pub fn new(outside: Outside, compile: Compile) -> Self {
        Self(Arc::new(Inner {
            outside,
            compile,
            running: Mutex::default(),
            next_consumer: AtomicU64::new(1),
            lease: Mutex::default(),
            instance: uuid::Uuid::new_v4(),
        }))
    }

    /// Makes a group; durable once this returns. At most [`GROUPS`] in a log.
    pub async fn create(&self, key: &GroupKey, settings: Settings) -> Result<(), GroupError> {
        self.check(key, &settings)?;
        let kept = self.keep(key, settings).await?;
        self.change(|all| {
            if all.iter().any(|other| other.key == *key) {
                return Err(GroupError::Exists);
            }
            if all.len() >= GROUPS {
                return Err(GroupError::FullOfGroups { limit: GROUPS });
            }
            all.push(kept.clone());
            Ok(())
        })
        .await
    }

    /// Changes a group's settings, but for its filter; its consumers are dropped and it goes on behind its checkpoint.
    pub async fn update(&self, key: &GroupKey, settings: Settings) -> Result<(), GroupError> {
        self.check(key, &settings)?;
        let kept = self.keep(key, settings).await?;
        self.change(|all| {
            let found = all.iter_mut().find(|other| other.key == *key);
            let found = found.ok_or(GroupError::Missing)?;
            let filter = found.settings.filter.take();
            *found = kept.clone();
            found.settings.filter = filter;
            Ok(())
        })
        .await?;
        self.stop(key).await;
        Ok(())
    }

    /// Deletes a group with its checkpoint and what it parked; its consumers are dropped.
    pub async fn delete(&self, key: &GroupKey) -> Result<(), GroupError> {
        self.change(|all| {
            let before = all.len();
            all.retain(|other| other.key != *key);
            if all.len() == before {
                return Err(GroupError::Missing);
            }
            Ok(())
        })
        .await?;
        self.stop(key).await;
        kept::forget(&self.0.outside, key).await
    }

    /// Stops every group; the next that is asked for starts again from its checkpoint.
    pub async fn restart(&self) {
        let keys: Vec<_> = self.0.running.lock().await.keys().cloned().collect();
        for key in keys {
            self.stop(&key).await;
        }
    }

    /// Stops every group and lets another process run them.
    pub async fn close(&self) {
        self.restart().await;
        let held = self.0.lease.lock().await.take();
        if let Some(epoch) = held.and_then(|held| held.epoch) {
            let leases = self.0.outside.log().leases();
            if let Err(error) = leases
                .release(LEASE, &self.0.instance.to_string(), epoch)
                .await
            {
                tracing::warn!(%error, "the groups stay with this process until their lease runs out");
            }
        }
    }

    async fn stop(&self, key: &GroupKey) {
        let running = self.0.running.lock().await.remove(key);
        if let Some(running) = running {
            running.stop().await;
        }
    }

    fn check(&self, key: &GroupKey, settings: &Settings) -> Result<(), GroupError> {
        if key.group.is_empty() || key.group.len() > GROUP_NAME_BYTES {
            let text = format!("a group's name has 1 to {GROUP_NAME_BYTES} bytes");
            return Err(GroupError::Invalid(text));
        }
        kept::streams(key)?;
        if let Some(why) = settings.fault() {
            return Err(GroupError::Invalid(why));
        }
        self.filter(settings).map(drop)
    }

    fn filter(&self, settings: &Settings) -> Result<Filter, GroupError> {
        match &settings.filter {
            None => Ok(Filter::All),
            Some(filter) => (self.0.compile)(filter).map_err(GroupError::Invalid),
        }
    }

    /// What is kept of new settings: where they begin is decided now.
    async fn keep(&self, key: &GroupKey, settings: Settings) -> Result<Kept, GroupError> {
        let begins_after = match settings.start_from {
            StartFrom::Beginning => None,
            StartFrom::Place(place) => place.checked_sub(1),
            StartFrom::End => kept::end(&self.0.outside, &key.source).await?,
        };
        let key = key.clone();
        Ok(Kept {
            key,
            settings,
            begins_after,
        })
    }

    /// Changes what is kept of all groups, at the revision it was read at.
    async fn change(
        &self,
        change: impl Fn(&mut Vec<Kept>) -> Result<(), GroupError>,
    ) -> Result<(), GroupError> {
        const TRIES: u32 = 8;
        for _ in 0..TRIES {
            let (mut all, at) = kept::read(&self.0.outside).await?;
            change(&mut all)?;
            match kept::write(&self.0.outside, &all, at).await {
                Err(AppendError::WrongRevision { .. }) => {}
                written => return written.map_err(unwritten),
            }
        }
        let text = "the groups are being changed by others".to_owned();
        Err(GroupError::Unavailable(text))
    }
}

/// Asking and consuming.
impl Groups {
    /// By which name others know these groups, where several processes write to one log.
    pub fn instance(&self) -> uuid::Uuid {
        self.0.instance
    }

    /// Which of the processes that write to this log runs the groups; none when nobody does, or nobody else could.
    pub async fn runner(&self) -> Result<Option<uuid::Uuid>, DoorError> {
        let log = self.0.outside.log();
        let lease = log.leases().get(LEASE).await?;
        let held = lease.filter(|lease| lease.expires_at > log.now_micros());
        Ok(held.and_then(|lease| lease.holder.parse().ok()))
    }

    /// One group, for people.
    pub async fn info(&self, key: &GroupKey) -> Result<GroupInfo, GroupError> {
        let (all, _) = kept::read(&self.0.outside).await?;
        let kept = all.into_iter().find(|kept| kept.key == *key);
        self.info_of(kept.ok_or(GroupError::Missing)?).await
    }

    /// All groups, or those of one source.
    pub async fn list(&self, of: Option<&Source>) -> Result<Vec<GroupInfo>, GroupError> {
        let (all, _) = kept::read(&self.0.outside).await?;
        let mut list = Vec::new();
        for kept in all {
            if of.is_none_or(|source| *source == kept.key.source) {
                list.push(self.info_of(kept).await?);
            }
        }
        Ok(list)
    }

    /// Connects a consumer; the group starts if it does not run.
    pub async fn connect(
        &self,
        key: &GroupKey,
        connection: Connection,
    ) -> Result<Consumer, GroupError> {
        let id = self.0.next_consumer.fetch_add(1, Ordering::Relaxed);
        let connection = Connection {
            buffer: connection.buffer.clamp(1, CONSUMER_BUFFER),
            ..connection
        };
        let (deliver, deliveries) = mpsc::channel(connection.buffer);
        let (commands, gone) = self.start(key).await?;
        let (answer, answered) = oneshot::channel();
        let connect = Command::Connect(id, connection, deliver, answer);
        commands.send(connect).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())??;
        Ok(Consumer::new(deliveries, Answers::new(id, commands), gone))
    }

    /// Gives parked events again, all there are or so many; the group starts if it does not run.
    pub async fn replay_parked(&self, key: &GroupKey, most: Option<u64>) -> Result<(), GroupError> {
        let (commands, _) = self.start(key).await?;
        let (answer, answered) = oneshot::channel();
        let replay = Command::Replay(most, answer);
        commands.send(replay).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }

    async fn info_of(&self, kept: Kept) -> Result<GroupInfo, GroupError> {
        let parked = kept::parked(&self.0.outside, &kept.key).await?;
        let running = self.0.running.lock().await;
        let commands = running
            .get(&kept.key)
            .map(|running| running.commands.clone());
        drop(running);
        if let Some(commands) = commands {
            let (answer, answered) = oneshot::channel();
            if commands.send(Command::Info(answer)).await.is_ok()
                && let Ok((figures, consumers)) = answered.await
            {
                return Ok(GroupInfo {
                    key: kept.key,
                    settings: kept.settings,
                    is_running: true,
                    figures,
                    consumers,
                    parked,
                });
            }
        }
        let checkpoint = kept::checkpoint(&self.0.outside, &kept.key).await?;
        Ok(GroupInfo {
            key: kept.key,
            settings: kept.settings,
            is_running: false,
            figures: Figures {
                checkpoint,
                seen: checkpoint,
                ..Figures::default()
            },
            consumers: Vec::new(),
            parked,
        })
    }

    /// How to reach a running group; starts it if need be.
    async fn start(
        &self,
        key: &GroupKey,
    ) -> Result<(mpsc::Sender<Command>, mpsc::UnboundedSender<ConsumerId>), GroupError> {
        let lost = self.hold_lease().await?;
        let mut all = self.0.running.lock().await;
        if let Some(running) = all.get(key).filter(|running| !running.commands.is_closed()) {
            return Ok((running.commands.clone(), running.gone.clone()));
        }
        let (kept, _) = kept::read(&self.0.outside).await?;
        let kept = kept.into_iter().find(|kept| kept.key == *key);
        let kept = kept.ok_or(GroupError::Missing)?;
        let filter = self.filter(&kept.settings)?;
        let running = running::start(self.0.outside.clone(), kept, filter, lost).await?;
        let reached = (running.commands.clone(), running.gone.clone());
        all.insert(key.clone(), running);
        Ok(reached)
    }

    /// Makes sure that this process runs the groups, where others could. The token is cancelled when it no longer may.
    async fn hold_lease(&self) -> Result<tokio_util::sync::CancellationToken, GroupError> {
        let mut held = self.0.lease.lock().await;
        if let Some(held) = held.as_ref().filter(|held| !held.lost.is_cancelled()) {
            return Ok(held.lost.clone());
        }
        let log = self.0.outside.log().clone();
        let lost = tokio_util::sync::CancellationToken::new();
        let (epoch, renewal) = if log.store().is_shared() {
            let ttl_ms = u64::try_from(GROUP_LEASE.as_millis()).unwrap_or(u64::MAX);
            let holder = self.0.instance.to_string();
            let leases = log.leases();
            let acquired = leases.acquire(LEASE, &holder, ttl_ms, log.now_micros());
            let acquired = acquired
                .await
                .map_err(|error| GroupError::Unavailable(error.to_string()))?;
            let epoch = acquired.ok_or(GroupError::Elsewhere)?.epoch;
            let guard = lost.clone().drop_guard();
            let renewal = tokio::spawn(async move {
                // Dropped however this ends.
                let _guard = guard;
                let mut renewed_at = Instant::now();
                while renewed_at.elapsed() < GROUP_LEASE * 2 / 3 {
                    tokio::time::sleep(GROUP_LEASE / 6).await;
                    let renewed = leases.renew(LEASE, &holder, epoch, ttl_ms, log.now_micros());
                    match renewed.await {
                        Ok(Some(_)) => renewed_at = Instant::now(),
                        Ok(None) => return,
                        // A log that does not answer is asked again, while nobody else can have taken over.
                        Err(error) => tracing::warn!(%error, "the groups' lease was not renewed"),
                    }
                }
            });
            (Some(epoch), renewal)
        } else {
            (None, tokio::spawn(std::future::pending()))
        };
        *held = Some(Held {
            epoch,
            lost: lost.clone(),
            _renewal: AbortOnDropHandle::new(renewal),
        });
        Ok(lost)
    }
}

/// The lease of whoever runs the groups.
const LEASE: &str = "competing-groups";

fn stopped() -> GroupError {
    GroupError::Unavailable("the group has just stopped; try again".to_owned())
}

fn unwritten(error: AppendError) -> GroupError {
    GroupError::Unavailable(error.to_string())
}

/// Most consumers of one group, whatever its settings.
const MOST_CONSUMERS: usize = GROUP_CONSUMERS;

/// The lane of everything a group writes.
const LANE: Lane = Lane::Bulk;

/// How long a running group waits before it asks a log again that did not answer.
const PAUSE: Duration = Duration::from_millis(500);
