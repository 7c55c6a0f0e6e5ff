//! Opening, reopening and filling each store.
//!
//! For: the contract's tests, which get a `Bench` and do not ask what is under it.
//! May not know: what is tested.

use std::sync::Arc;

use bytes::Bytes;
use eventlog::{
    AppendError, Appended, EventId, Expected, Lane, Log, ManualClock, NewEvent, PostgresOptions,
    Recorded, Revision, StreamAppend, StreamName,
};
use tempfile::TempDir;
use uuid::Uuid;

use crate::server::PostgresServer;

/// When every bench's clock starts, in microseconds of UTC since 1970.
pub(crate) const BEGAN: i64 = 1_300_000_000_000_000;

/// Runs each test once per store.
macro_rules! on_every_store {
    ($($test:ident),+ $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $test() {
                super::$test(crate::stores::Bench::memory()).await;
            })+
        }
        mod sqlite {
            $(#[tokio::test]
            async fn $test() {
                super::$test(crate::stores::Bench::sqlite().await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $test() {
                super::$test(crate::stores::Bench::postgres().await).await;
            })+
        }
    };
}
pub(crate) use on_every_store;

/// A log on some store, and the clock it goes by.
pub(crate) struct Bench {
    pub(crate) log: Log,
    pub(crate) clock: Arc<ManualClock>,
    place: Place,
}

/// Where a bench's log is kept.
enum Place {
    Memory,
    Folder(TempDir),
    Schema(PostgresOptions),
}

impl Bench {
    pub(crate) fn memory() -> Self {
        let clock = Arc::new(ManualClock::new(BEGAN));
        Self {
            log: Log::memory(clock.clone()),
            clock,
            place: Place::Memory,
        }
    }

    pub(crate) async fn sqlite() -> Self {
        let clock = Arc::new(ManualClock::new(BEGAN));
        let dir = tempfile::tempdir().unwrap();
        Self {
            log: Log::open_sqlite(dir.path(), clock.clone()).await.unwrap(),
            clock,
            place: Place::Folder(dir),
        }
    }

    /// A schema of its own in the server this test process started.
    pub(crate) async fn postgres() -> Self {
        let clock = Arc::new(ManualClock::new(BEGAN));
        let options = schema_of(PostgresServer::shared());
        Self {
            log: Log::open_postgres(&options, clock.clone()).await.unwrap(),
            clock,
            place: Place::Schema(options),
        }
    }

    /// What a new process would find.
    pub(crate) async fn reopen(&mut self) {
        let clock = self.clock.clone();
        self.log = match &self.place {
            Place::Memory => self.log.fork_after_crash().unwrap(),
            Place::Folder(dir) => {
                self.log.close().await;
                Log::open_sqlite(dir.path(), clock).await.unwrap()
            }
            Place::Schema(options) => {
                self.log.close().await;
                Log::open_postgres(options, clock).await.unwrap()
            }
        };
    }

    /// Appends to one stream, urgently.
    pub(crate) async fn append(
        &self,
        stream: &str,
        expected: Expected,
        events: &[NewEvent],
    ) -> Result<Appended, AppendError> {
        let append = to(stream, expected, events);
        self.log.append(Lane::Urgent, vec![append]).await
    }

    /// Appends `count` fresh events to a stream whatever its revision.
    pub(crate) async fn fill(&self, stream: &str, count: usize) -> Vec<NewEvent> {
        let events: Vec<_> = (0..count).map(|_| fresh()).collect();
        self.append(stream, Expected::Any, &events).await.unwrap();
        events
    }

    /// Everything in the log, oldest first.
    pub(crate) async fn all(&self) -> Vec<Arc<Recorded>> {
        use eventlog::{Direction, Position, READ_LIMIT};
        let read = self
            .log
            .read_all(Position::START, Direction::Forward, READ_LIMIT);
        read.await.unwrap()
    }
}

/// A schema nobody uses yet, in a server of ours.
pub(crate) fn schema_of(server: &PostgresServer) -> PostgresOptions {
    PostgresOptions {
        schema: PostgresServer::fresh_schema(),
        ..PostgresOptions::new(server.url())
    }
}

pub(crate) fn name(stream: &str) -> StreamName {
    StreamName::new(stream).unwrap()
}

pub(crate) fn to(stream: &str, expected: Expected, events: &[NewEvent]) -> StreamAppend {
    StreamAppend {
        stream: name(stream),
        expected,
        events: events.to_vec(),
    }
}

/// An event nobody has seen before.
pub(crate) fn fresh() -> NewEvent {
    event(Uuid::new_v4().as_u128())
}

/// The event with this identity, always the same.
pub(crate) fn event(id: u128) -> NewEvent {
    NewEvent {
        id: EventId(Uuid::from_u128(id)),
        kind: format!("Kind{}", id % 7),
        body: Bytes::from(format!("{{\"id\":\"{id}\"}}")),
        meta: Bytes::from_static(b"{}"),
    }
}

pub(crate) fn exact(revision: u64) -> Expected {
    Expected::Exact(Revision(revision))
}

/// The actual revision of a refusal.
pub(crate) fn misfit(answer: Result<Appended, AppendError>) -> Option<u64> {
    match answer {
        Err(AppendError::WrongRevision { actual, .. }) => actual.map(|revision| revision.0),
        other => panic!("expected a wrong revision, got {other:?}"),
    }
}

/// The log is gap-free, streams are gap-free, and both agree.
pub(crate) fn check_order(all: &[Arc<Recorded>]) {
    let mut heads = std::collections::HashMap::new();
    for (index, event) in all.iter().enumerate() {
        assert_eq!(event.position.0, index as u64 + 1, "a gap in the log");
        let next = heads.entry(event.stream.clone()).or_insert(0);
        assert_eq!(event.revision.0, *next, "a gap in {}", event.stream);
        *next += 1;
    }
}
