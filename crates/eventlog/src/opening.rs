//! Opening the log over each store.
//!
//! For: one handle, whatever is under it.
//! May not know: what is appended or read afterwards.

use std::path::Path;
use std::sync::Arc;

use tokio_util::task::AbortOnDropHandle;

use crate::clock::Clock;
use crate::error::OpenError;
use crate::limits::FOLLOW_EVERY;
use crate::live::Live;
use crate::lock::FolderLock;
use crate::log::{Base, Log};
use crate::name::Position;
use crate::store::Store;
use crate::store::memory::MemoryStore;
use crate::store::postgres::{PostgresOptions, PostgresStore};
use crate::store::sqlite::SqliteStore;

/// Opening.
impl Log {
    /// A log in memory, with fault points; gone when the last handle is dropped.
    pub fn memory(clock: Arc<dyn Clock>) -> Self {
        Self::over_memory(MemoryStore::default(), Position::START, clock)
    }

    /// Opens or creates the log in `dir` for writing, and takes the folder's writer lock.
    ///
    /// Files: `DIR/log.sqlite` with its `-wal` and `-shm`, and `DIR/writer.lock`.
    pub async fn open_sqlite(dir: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let (store, lock) = SqliteStore::open(dir).await?;
        let store = Arc::new(store);
        let head = head_at_open(&*store, dir).await?;
        Ok(Self::writing(store, None, head, clock, Some(lock)))
    }

    /// Opens the log in `dir` for reading, beside a running writer or alone. Appends and changes behind doors are
    /// refused as unavailable; subscriptions see what the writer commits within [`FOLLOW_EVERY`].
    pub async fn open_sqlite_reader(dir: &Path) -> Result<Self, OpenError> {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open_reader(dir).await?);
        let head = head_at_open(&*store, dir).await?;
        let live = Arc::new(Live::new(head));
        let follower = tokio::spawn(follow(Arc::clone(&store), Arc::clone(&live)));
        let follower = Some(AbortOnDropHandle::new(follower));
        Ok(Self::reading(store, live, follower))
    }

    /// Opens the log in a PostgreSQL database, and makes its tables when they are missing. Several processes may write
    /// to one log. Where `clock` tells real time, PostgreSQL's clock stands in for it, for everybody alike.
    ///
    /// A database lost later is waited for: until it is back, appends and reads are unavailable at once.
    pub async fn open_postgres(
        options: &PostgresOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let store = PostgresStore::open(options, clock).await?;
        let live = Arc::new(Live::new(store.start().await?));
        let clock = store.clock();
        let follower = AbortOnDropHandle::new(tokio::spawn(store.follow(&live)));
        Ok(Self::over(Base {
            store: Arc::new(store),
            memory: None,
            live,
            clock,
            lock: None,
            follower: Some(follower),
        }))
    }

    pub(crate) fn over_memory(store: MemoryStore, head: Position, clock: Arc<dyn Clock>) -> Self {
        let store = Arc::new(store);
        Self::writing(store.clone(), Some(store), head, clock, None)
    }

    /// A log that alone writes to `store`, whose last position is `head`.
    pub(crate) fn writing(
        store: Arc<dyn Store>,
        memory: Option<Arc<MemoryStore>>,
        head: Position,
        clock: Arc<dyn Clock>,
        lock: Option<FolderLock>,
    ) -> Self {
        let live = Arc::new(Live::new(head));
        Self::over(Base {
            store,
            memory,
            live,
            clock,
            lock,
            follower: None,
        })
    }
}

async fn head_at_open(store: &dyn Store, dir: &Path) -> Result<Position, OpenError> {
    store.head().await.map_err(|error| OpenError::Other {
        path: dir.to_path_buf(),
        detail: error.0,
    })
}

/// Looks for what another process has committed, as long as this one reads.
async fn follow(store: Arc<dyn Store>, live: Arc<Live>) {
    let mut ticks = tokio::time::interval(FOLLOW_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match store.head().await {
            Ok(head) => live.publish(Vec::new(), head),
            Err(error) => tracing::warn!(%error, "could not look for new events; trying again"),
        }
    }
}
