//! The PostgreSQL store: the log in one schema of a database, written by several processes.
//!
//! For: one gap-free order over every process, durable with every commit.
//! May not know: queues, subscriptions.
//!
//! Every batch first takes the one row of `head` and holds it to its commit; what it decides on is read in a later
//! statement. So positions become visible in their order, whoever writes, and after a commit whose answer was lost the
//! next batch waits until that transaction has ended, one way or the other, and then sees what came of it.
//!
//! - `options`: where the database is, and what is allowed of it.
//! - `open`: finding, checking and making the tables.
//! - `connect`: connections, and what the server at their other end promises.
//! - `session`: the one writing connection and what it remembers; `look`, `lives`, `insert`: its statements; `literal`: their
//!   arguments as text; `warning`: hearing a COMMIT's warnings.
//! - `doors`: the tables beside the log.
//! - `read`: the reading connections.
//! - `tail`: following what other processes write, and finding a lost database again.
//! - `link`, `clock`: what is known of the database and of its clock.
//! - `rows`, `trouble`: rows and errors between PostgreSQL and us.

mod clock;
mod connect;
mod doors;
mod insert;
mod link;
mod literal;
mod lives;
mod look;
mod open;
mod options;
#[cfg(test)]
mod plans;
mod read;
mod rows;
mod session;
mod tail;
mod trouble;
mod warning;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

pub use options::PostgresOptions;

use super::{Committed, Group, Scan, Store, StoreError, StoreSize, Uncommitted, Write};
use crate::clock::Clock;
use crate::doors::{DoorAnswer, DoorRead};
use crate::error::{Degraded, OpenError};
use crate::event::Recorded;
use crate::limits::COMMIT_WITHIN;
use crate::live::Live;
use crate::name::{EventId, Position, Revision, StreamName};
use clock::ServerClock;
use link::Link;
use options::Target;
use read::Readers;
use session::Session;
use trouble::Trouble;

/// What the store and the tasks beside it have in common.
struct Shared {
    target: Arc<Target>,
    link: Arc<Link>,
    clock: Arc<ServerClock>,
}

/// The log in a database.
pub(crate) struct PostgresStore {
    shared: Arc<Shared>,
    /// One batch at a time; after any trouble the session is let go of, so that nothing half-done or wrongly remembered
    /// outlives it.
    writing: Mutex<Option<Session>>,
    /// For what a call's trip asks of its streams.
    readers: Readers,
    /// For followers, lists and the small doors.
    bystanders: Readers,
    closing: CancellationToken,
}

impl PostgresStore {
    /// Opens the log, and makes its tables when they are missing.
    pub(crate) async fn open(
        options: &PostgresOptions,
        local: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let target = Arc::new(Target::read(options)?);
        let server = open::prepare(&target).await?;
        let link = Arc::new(Link::new(target.server.clone()));
        let session = Session::open(&target, &link).await;
        let session = session.map_err(|trouble| open::sorted(&target, &trouble))?;
        link.found(&server);
        let clock = Arc::new(ServerClock::new(local));
        Ok(Self {
            writing: Mutex::new(Some(session)),
            readers: Readers::new(Arc::clone(&target), Arc::clone(&link)),
            bystanders: Readers::new(Arc::clone(&target), Arc::clone(&link)),
            closing: CancellationToken::new(),
            shared: Arc::new(Shared {
                target,
                link,
                clock,
            }),
        })
    }

    /// The server's clock, as it is seen from here.
    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        self.shared.clock.clone()
    }

    /// The last position at the start, and the server named for people.
    pub(crate) async fn start(&self) -> Result<Position, OpenError> {
        let head = self.readers.head().await;
        head.map_err(|trouble| open::sorted(&self.shared.target, &trouble))
    }

    /// Hands on to `live` what is written, by whomever, until the log is closed.
    pub(crate) fn follow(&self, live: &Arc<Live>) -> impl Future<Output = ()> + use<> {
        let tail = tail::follow(Arc::clone(&self.shared), Arc::clone(live));
        let ear = tail::listen(Arc::clone(&self.shared), Arc::clone(live));
        let closing = self.closing.clone();
        async move {
            let both = async { tokio::join!(tail, ear) };
            closing.run_until_cancelled(both).await;
        }
    }

    /// One attempt. The session is put back only when all went well.
    async fn attempt(&self, batch: &[Write], now: Option<i64>) -> Result<Committed, Trouble> {
        let mut writing = self.writing.lock().await;
        let mut session = match writing.take() {
            Some(session) => session,
            None => Session::open(&self.shared.target, &self.shared.link).await?,
        };
        match session.commit(batch, now).await {
            Ok(committed) => {
                *writing = Some(session);
                Ok(committed)
            }
            Err(trouble @ Trouble::Failed(_)) => {
                // In order, so that the head row is free for the next attempt.
                session.close().await;
                Err(trouble)
            }
            Err(lost) => Err(lost),
        }
    }

    /// Tries a batch, and once more when the connection was lost: then the head row is waited for, and with it the old
    /// transaction, and what that one wrote is recognised.
    async fn commit_within(&self, batch: &[Write], now: Option<i64>) -> Result<Committed, Trouble> {
        match self.attempt(batch, now).await {
            Err(Trouble::Lost(why)) => {
                tracing::warn!(
                    why,
                    "the writing connection is lost; trying again over a new one"
                );
                self.attempt(batch, now).await
            }
            done => done,
        }
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn commit(&self, batch: &[Write], now: i64) -> Result<Committed, Uncommitted> {
        let lost = |why: &Trouble| Uncommitted::Lost(StoreError(why.to_string()));
        self.shared.link.check().map_err(|why| lost(&why))?;
        let now = (!self.shared.clock.tells_real_time()).then_some(now);
        let deadline = Instant::now() + COMMIT_WITHIN;
        let done = timeout_at(deadline, self.commit_within(batch, now)).await;
        match done.unwrap_or_else(|_| Err(Trouble::late(COMMIT_WITHIN))) {
            Ok(committed) => Ok(committed),
            Err(Trouble::Failed(why)) => Err(Uncommitted::Aborted(StoreError(why))),
            Err(trouble) => {
                self.shared.link.lost(&trouble.to_string());
                Err(lost(&trouble))
            }
        }
    }

    async fn head(&self) -> Result<Position, StoreError> {
        Ok(self.readers.head().await?)
    }

    async fn read(&self, scan: Scan<'_>, limit: usize) -> Result<Vec<Arc<Recorded>>, StoreError> {
        let readers = match scan {
            Scan::Stream { .. } | Scan::StreamAfter { .. } => &self.readers,
            Scan::All { .. } | Scan::Category { .. } | Scan::Kind { .. } | Scan::Filed { .. } => {
                &self.bystanders
            }
        };
        Ok(readers.scan(scan, limit).await?)
    }

    async fn find(
        &self,
        stream: &StreamName,
        id: EventId,
    ) -> Result<Option<Arc<Recorded>>, StoreError> {
        Ok(self.readers.find(stream, id).await?)
    }

    async fn stream_head(&self, stream: &StreamName) -> Result<Option<Revision>, StoreError> {
        Ok(self.readers.stream_head(stream).await?)
    }

    async fn nth(
        &self,
        group: Group<'_>,
        after: Position,
        skip: u64,
    ) -> Result<Option<Position>, StoreError> {
        Ok(self.bystanders.nth(group, after, skip).await?)
    }

    async fn count(&self, group: Group<'_>, after: Position) -> Result<u64, StoreError> {
        Ok(self.bystanders.count(group, after).await?)
    }

    fn is_shared(&self) -> bool {
        true
    }

    async fn door(&self, read: &DoorRead) -> Result<DoorAnswer, StoreError> {
        Ok(self.bystanders.door(read).await?)
    }

    async fn size(&self) -> Result<StoreSize, StoreError> {
        let (streams, file_bytes) = self.bystanders.size().await?;
        Ok(StoreSize {
            streams,
            file_bytes,
            wal_bytes: 0,
        })
    }

    fn reachable(&self) -> bool {
        self.shared.link.reachable()
    }

    fn degraded(&self) -> Option<Degraded> {
        self.shared.link.degraded()
    }

    fn clock_uncertainty(&self) -> Option<Duration> {
        self.shared.clock.uncertainty()
    }

    fn wake_tail(&self) {
        self.shared.link.wake.notify_one();
    }

    async fn restore(&self, records: &[Arc<Recorded>]) -> Result<Position, StoreError> {
        let mut writing = self.writing.lock().await;
        let mut session = match writing.take() {
            Some(session) => session,
            None => Session::open(&self.shared.target, &self.shared.link).await?,
        };
        match session.restore(records).await {
            Ok(head) => {
                *writing = Some(session);
                Ok(head)
            }
            Err(trouble) => {
                session.close().await;
                Err(trouble.into())
            }
        }
    }

    async fn close(&self) {
        self.closing.cancel();
        self.readers.close().await;
        self.bystanders.close().await;
        if let Some(session) = self.writing.lock().await.take() {
            session.close().await;
        }
    }
}
