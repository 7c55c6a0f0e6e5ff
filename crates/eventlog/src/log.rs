//! The handle everybody holds.
//!
//! For: appending, reading and following; closing. Opening is `opening`'s.
//! May not know: how a store keeps events, what events mean.

use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::check::check;
use crate::clock::{Clock, SystemClock};
use crate::doors::{
    Cursors, DoorAnswer, DoorRead, DoorWrite, Leases, Secrets, Sessions, Snapshots,
};
use crate::error::{AppendError, Degraded, DoorError, ReadError};
use crate::event::{Appended, Direction, Expected, Lane, NewEvent, Recorded, StreamAppend};
use crate::faults::MemoryFaults;
use crate::filter::Filter;
use crate::limits::READ_LIMIT;
use crate::live::Live;
use crate::lock::FolderLock;
use crate::metrics::{LogMetrics, LogStats, Metrics};
use crate::name::{EventId, Position, Revision, StreamName};
use crate::outside::Common;
use crate::store::memory::MemoryStore;
use crate::store::{Answer, OutsideWrite, Scan, Store, StoreError, Write};
use crate::subscribe::Subscription;
use crate::writer::{Desk, Queues, Refused, Writer};

/// The log; clones are the same log.
#[derive(Clone)]
pub struct Log(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    memory: Option<Arc<MemoryStore>>,
    clock: Arc<dyn Clock>,
    live: Arc<Live>,
    metrics: Arc<Metrics>,
    desk: Option<WritingDesk>,
    outside: Common,
    /// Looks for what other processes write, where there may be any.
    _follower: Option<AbortOnDropHandle<()>>,
}

/// What a writing log stands on.
pub(crate) struct Base {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) memory: Option<Arc<MemoryStore>>,
    pub(crate) live: Arc<Live>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) lock: Option<FolderLock>,
    pub(crate) follower: Option<AbortOnDropHandle<()>>,
}

/// Our side of the writer task.
struct WritingDesk {
    queues: Queues,
    /// Not started before the first command, so that a log can be made outside a runtime.
    idle: Mutex<Option<Writer>>,
    closing: CancellationToken,
    closed: CancellationToken,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Log(head {})", self.head())
    }
}

/// Closing, and how it stands.
impl Log {
    /// Why confirmed events are less safe than they could be; `None` when all is well. On PostgreSQL
    /// only: no synchronous standby, or a server that may lose what it confirmed.
    pub fn degraded(&self) -> Option<Degraded> {
        self.0.store.degraded()
    }

    /// Whether the store answers, as far as is known: false while a database is lost and waited for, or a full disk takes
    /// nothing.
    pub fn reachable(&self) -> bool {
        self.0.store.reachable()
    }

    /// Why the last commit failed, when none has succeeded since. On SQLite only.
    pub fn refused(&self) -> Option<String> {
        self.0.store.refused()
    }

    /// Writes what is queued, puts the files in order and lets go of the writer lock. Later appends are unavailable.
    pub async fn close(&self) {
        let Some(desk) = &self.0.desk else {
            self.0.live.close();
            self.0.store.close().await;
            return;
        };
        desk.start();
        desk.closing.cancel();
        desk.closed.cancelled().await;
    }

    /// The memory store's fault switches; on other stores they are connected to nothing.
    pub fn faults(&self) -> MemoryFaults {
        self.0
            .memory
            .as_ref()
            .map_or_else(MemoryFaults::default, |memory| memory.faults())
    }

    /// Crashes a memory log and opens a new one over what it had committed; `None` for other stores.
    pub fn fork_after_crash(&self) -> Option<Self> {
        let store = self.0.memory.as_ref()?.fork_after_crash();
        let head = store.committed_head();
        Some(Self::over_memory(store, head, self.clock()))
    }

    /// A log that only reads.
    pub(crate) fn reading(
        store: Arc<dyn Store>,
        live: Arc<Live>,
        follower: Option<AbortOnDropHandle<()>>,
    ) -> Self {
        Self(Arc::new(Inner {
            store,
            memory: None,
            clock: Arc::new(SystemClock),
            live,
            metrics: Arc::default(),
            desk: None,
            outside: Common::new(),
            _follower: follower,
        }))
    }

    /// A log that writes.
    pub(crate) fn over(base: Base) -> Self {
        let Base {
            store,
            memory,
            live,
            clock,
            lock,
            follower,
        } = base;
        let metrics = Arc::<Metrics>::default();
        let closing = CancellationToken::new();
        let desk = Desk {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
            live: Arc::clone(&live),
            metrics: Arc::clone(&metrics),
        };
        let (writer, queues) = Writer::new(desk, closing.clone(), lock);
        Self(Arc::new(Inner {
            store,
            memory,
            clock,
            live,
            metrics,
            desk: Some(WritingDesk {
                queues,
                idle: Mutex::new(Some(writer)),
                closing,
                closed: CancellationToken::new(),
            }),
            outside: Common::new(),
            _follower: follower,
        }))
    }
}

/// Appending.
impl Log {
    /// Appends to one or several streams, all or nothing.
    ///
    /// Durable (fsynced) once this returns. Safe to send again after any error: the event ids tell. When the caller
    /// stops waiting the append may still be made.
    pub async fn append(
        &self,
        lane: Lane,
        appends: Vec<StreamAppend>,
    ) -> Result<Appended, AppendError> {
        check(&appends)?;
        self.append_write(lane, Write::Append(appends)).await
    }

    pub(crate) async fn outside_write(
        &self,
        lane: Lane,
        write: OutsideWrite,
    ) -> Result<Appended, AppendError> {
        self.append_write(lane, Write::Outside(write)).await
    }

    async fn append_write(&self, lane: Lane, write: Write) -> Result<Appended, AppendError> {
        match self.write(lane, write).await {
            Ok(Answer::Append(answer)) => answer,
            Ok(Answer::Door(_)) => Err(AppendError::Unavailable(MISPLACED.to_owned())),
            Err(Unwritten::Full) => Err(AppendError::Full),
            Err(Unwritten::Unavailable(why)) => Err(AppendError::Unavailable(why.to_owned())),
        }
    }

    /// Puts records of another log at exactly the places they had there, right after the last one here; all or nothing,
    /// durable once this returns. For restoring a backup or an export into a log that nobody else uses yet.
    pub async fn restore(&self, records: &[Arc<Recorded>]) -> Result<Position, AppendError> {
        for record in records {
            let event = NewEvent {
                id: record.id,
                kind: record.kind.to_string(),
                body: record.body.clone(),
                meta: record.meta.clone(),
            };
            let append = StreamAppend {
                stream: record.stream.clone(),
                expected: Expected::Any,
                events: vec![event],
            };
            check(&[append])?;
        }
        let restored = self.0.store.restore(records).await;
        let head = restored.map_err(|error| AppendError::Unavailable(error.0))?;
        self.0.live.publish(Vec::new(), head);
        Ok(head)
    }

    pub(crate) async fn door_write(
        &self,
        lane: Lane,
        write: DoorWrite,
    ) -> Result<DoorAnswer, DoorError> {
        match self.write(lane, Write::Door(write)).await {
            Ok(Answer::Door(answer)) => answer,
            Ok(Answer::Append(_)) => Err(DoorError::Unavailable(MISPLACED.to_owned())),
            Err(Unwritten::Full) => Err(DoorError::Full),
            Err(Unwritten::Unavailable(why)) => Err(DoorError::Unavailable(why.to_owned())),
        }
    }

    async fn write(&self, lane: Lane, write: Write) -> Result<Answer, Unwritten> {
        let Some(desk) = &self.0.desk else {
            return Err(Unwritten::Unavailable("opened for reading"));
        };
        if desk.closing.is_cancelled() {
            return Err(Unwritten::Unavailable(CLOSED));
        }
        desk.start();
        let answer = desk.queues.send(lane, write).map_err(|refused| {
            if refused == Refused::Closed {
                return Unwritten::Unavailable(CLOSED);
            }
            self.0
                .metrics
                .turned_away
                .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Unwritten::Full
        })?;
        let stopped = |_| Unwritten::Unavailable("the writer stopped before it answered");
        answer.await.map_err(stopped)
    }
}

/// Reading.
impl Log {
    /// A stream's events from `from`, inclusive, either way; from `Revision::END` backward: from its end. A stream that
    /// does not exist reads as empty. At most [`READ_LIMIT`] at once.
    pub async fn read_stream(
        &self,
        stream: &StreamName,
        from: Revision,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Arc<Recorded>>, ReadError> {
        let scan = Scan::Stream {
            stream,
            from,
            direction,
        };
        self.read(scan, limit).await
    }

    /// All events, in order of position: forward those after `from`, backward those at or before it.
    pub async fn read_all(
        &self,
        from: Position,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Arc<Recorded>>, ReadError> {
        self.read(Scan::All { from, direction }, limit).await
    }

    /// The events of every stream in a category; bounds as in [`Log::read_all`].
    pub async fn read_category(
        &self,
        category: &str,
        from: Position,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Arc<Recorded>>, ReadError> {
        let scan = Scan::Category {
            category,
            from,
            direction,
        };
        self.read(scan, limit).await
    }

    /// The events of one type, in every stream; bounds as in [`Log::read_all`].
    pub async fn read_kind(
        &self,
        kind: &str,
        from: Position,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Arc<Recorded>>, ReadError> {
        let scan = Scan::Kind {
            kind,
            from,
            direction,
        };
        self.read(scan, limit).await
    }

    /// All events after `after` whose stream's and category's rows agree with them. In a log that nobody tampered with
    /// these are all; one that is filed wrongly is left out, which shows as a gap. For verification.
    pub async fn read_filed(
        &self,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Arc<Recorded>>, ReadError> {
        self.read(Scan::Filed { after }, limit).await
    }

    /// The last position as the store itself says it now. For verification; everybody else asks [`Log::head`].
    pub async fn stored_head(&self) -> Result<Position, ReadError> {
        self.0.store.head().await.map_err(unread)
    }

    /// The last event with this id in a stream, looked up in the store.
    pub async fn find(
        &self,
        stream: &StreamName,
        id: EventId,
    ) -> Result<Option<Arc<Recorded>>, ReadError> {
        self.0.store.find(stream, id).await.map_err(unread)
    }

    /// A stream's last revision; `None` when nothing was ever appended to it.
    pub async fn stream_head(&self, stream: &StreamName) -> Result<Option<Revision>, ReadError> {
        self.0.store.stream_head(stream).await.map_err(unread)
    }

    /// The last committed position known here.
    pub fn head(&self) -> Position {
        self.0.live.head()
    }

    /// Follows the log: first what stands after `after`, then what comes.
    pub fn subscribe(&self, filter: Filter, after: Position) -> Subscription {
        Subscription::new(
            Arc::clone(&self.0.store),
            Arc::clone(&self.0.live),
            filter,
            after,
        )
    }

    /// Whether other processes write to it too.
    pub fn is_shared(&self) -> bool {
        self.0.store.is_shared()
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    pub(crate) fn live(&self) -> &Live {
        &self.0.live
    }

    pub(crate) fn common(&self) -> &Common {
        &self.0.outside
    }

    pub(crate) async fn door_read(&self, read: DoorRead) -> Result<DoorAnswer, DoorError> {
        let answer = self.0.store.door(&read).await;
        answer.map_err(|error| DoorError::Unavailable(error.0))
    }

    async fn read(&self, scan: Scan<'_>, limit: usize) -> Result<Vec<Arc<Recorded>>, ReadError> {
        if limit > READ_LIMIT {
            return Err(ReadError::TooMany {
                asked: limit,
                limit: READ_LIMIT,
            });
        }
        self.0.store.read(scan, limit).await.map_err(unread)
    }
}

/// Beside the log.
impl Log {
    /// The log's clock.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.0.clock)
    }

    /// The time by the log's clock, in microseconds of UTC since 1970.
    pub fn now_micros(&self) -> i64 {
        self.0.clock.now_micros()
    }

    /// How far [`Log::now_micros`] may be off the time that PostgreSQL records; `None` on other stores, where they are
    /// one, and before it was first measured.
    pub fn clock_uncertainty(&self) -> Option<std::time::Duration> {
        self.0.store.clock_uncertainty()
    }

    /// Where followers left off.
    pub fn cursors(&self) -> Cursors {
        Cursors(self.clone())
    }

    /// Who may act, for a while.
    pub fn leases(&self) -> Leases {
        Leases(self.clone())
    }

    /// Saved folds.
    pub fn snapshots(&self) -> Snapshots {
        Snapshots(self.clone())
    }

    /// Wrapped keys.
    pub fn secrets(&self) -> Secrets {
        Secrets(self.clone())
    }

    /// Who is signed on.
    pub fn sessions(&self) -> Sessions {
        Sessions(self.clone())
    }

    /// What the writer counted since it was opened.
    pub fn metrics(&self) -> LogMetrics {
        let queues = self.0.desk.as_ref().map(|desk| &desk.queues);
        let depth = |lane| queues.map_or(0, |queues| queues.depth(lane));
        LogMetrics {
            urgent_queued: depth(Lane::Alarm) + depth(Lane::Urgent),
            bulk_queued: depth(Lane::Bulk),
            head: self.head().0,
            ..self.0.metrics.snapshot()
        }
    }

    /// How much there is.
    pub async fn stats(&self) -> Result<LogStats, ReadError> {
        let size = self.0.store.size().await.map_err(unread)?;
        Ok(LogStats {
            events: self.head().0,
            streams: size.streams,
            file_bytes: size.file_bytes,
            wal_bytes: size.wal_bytes,
        })
    }
}

impl WritingDesk {
    /// Starts the writer task if it is not running yet.
    fn start(&self) {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(writer) = idle {
            // Dropped when the task ends, however it ends, so that `close` never waits for ever.
            let closed = self.closed.clone().drop_guard();
            tokio::spawn(async move {
                let _closed = closed;
                writer.run().await;
            });
        }
    }
}

/// Why a command got no answer.
enum Unwritten {
    Full,
    Unavailable(&'static str),
}

const CLOSED: &str = "the log is closed";
const MISPLACED: &str = "the store answered another question";

fn unread(error: StoreError) -> ReadError {
    ReadError::Unavailable(error.0)
}
