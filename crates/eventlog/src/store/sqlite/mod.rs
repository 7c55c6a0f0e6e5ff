//! The SQLite store: the log as one file.
//!
//! For: one machine; durable with every commit (write-ahead log, `synchronous=FULL`).
//! May not know: queues, subscriptions.
//!
//! - `open`: finding, checking and creating the file.
//! - `session`: the one writing connection and what it remembers.
//! - `insert`: its statements that write.
//! - `ends`: how streams end, in memory.
//! - `lives`: how streams stand with outside programs.
//! - `doors`: the tables beside the log.
//! - `keys`: wrapped keys, in a file of their own.
//! - `read`: the reading connections.
//! - `rows`: numbers, names and rows between SQL and us.

mod doors;
mod ends;
mod insert;
mod keys;
mod lives;
mod open;
mod read;
mod rows;
mod session;
#[cfg(test)]
mod trouble;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use async_trait::async_trait;
use sqlx::sqlite::SqliteConnectOptions;
use tokio::sync::Mutex;

use super::{Committed, Group, Scan, Store, StoreError, StoreSize, Uncommitted, Write};
use crate::doors::{DoorAnswer, DoorRead};
use crate::error::OpenError;
use crate::event::Recorded;
use crate::lock::FolderLock;
use crate::name::{EventId, Position, Revision, StreamName};
use ends::Ends;
use keys::{Kept, Keys};
use read::Readers;
use session::Session;

/// The log in a file.
pub(crate) struct SqliteStore {
    path: PathBuf,
    writing: Option<Mutex<Writing>>,
    /// For what a call's trip asks of its streams.
    readers: Readers,
    /// For followers, lists and the small doors: an import's thousand look-ups do not stand before a press's one.
    bystanders: Readers,
    /// For wrapped keys; `None`: opened for reading where there are none.
    keys: Option<Readers>,
    /// Empty when opened for reading: somebody else writes then.
    ends: Ends,
    /// Why the last commit failed; empty after one that did not.
    refused: StdMutex<Option<String>>,
}

/// The writing side. After any failure its session is let go of and opened afresh, so that nothing half-done or
/// wrongly remembered outlives the failure.
struct Writing {
    options: SqliteConnectOptions,
    session: Option<Session>,
    keys_options: SqliteConnectOptions,
    keys: Option<Keys>,
}

impl SqliteStore {
    /// Opens or creates the log in `dir`, with the folder's writer lock.
    pub(crate) async fn open(dir: &Path) -> Result<(Self, FolderLock), OpenError> {
        open::folder(dir)?;
        let lock = FolderLock::take(dir)?;
        let path = open::file(dir);
        let (session, keys) = open::for_writing(dir).await?;
        let keys_path = open::keys_file(dir);
        let store = Self {
            keys: Some(Readers::new(open::reading(&keys_path))),
            readers: Readers::new(open::reading(&path)),
            bystanders: Readers::new(open::reading(&path)),
            ends: Ends::new(),
            refused: StdMutex::default(),
            writing: Some(Mutex::new(Writing {
                options: open::writing(&path),
                session: Some(session),
                keys_options: open::writing(&keys_path),
                keys: Some(keys),
            })),
            path,
        };
        Ok((store, lock))
    }

    /// Makes the file behave as on a disk with room for so many pages.
    #[cfg(test)]
    async fn limit_pages(&self, pages: u32) {
        let Some(writing) = &self.writing else { return };
        let mut writing = writing.lock().await;
        let options = open::writing(&self.path);
        writing.options = options.pragma("max_page_count", pages.to_string());
        // The next commit connects afresh, under the new limit.
        if let Some(session) = writing.session.take() {
            session.give_up().await;
        }
    }

    async fn attempt(&self, batch: &[Write], now: i64) -> Result<Committed, StoreError> {
        let Some(writing) = &self.writing else {
            return Err(StoreError("opened for reading".to_owned()));
        };
        let mut writing = writing.lock().await;
        // Keys first: whatever is sealed under one is written only after it. Those of a batch that fails afterwards are
        // of no harm, and found again when it is sent again.
        let kept = writing.keep_keys(batch).await?;
        let mut session = match writing.session.take() {
            Some(session) => session,
            None => Session::open(&writing.options).await?,
        };
        match session.commit(batch, kept, now).await {
            Ok(committed) => {
                writing.session = Some(session);
                // Before anybody hears of it: whoever does reads what was written.
                self.ends.learn(&committed.events);
                Ok(committed)
            }
            Err(error) => {
                self.ends.forget();
                session.give_up().await;
                Err(error)
            }
        }
    }

    /// Opens the log in `dir` for reading only.
    pub(crate) async fn open_reader(dir: &Path) -> Result<Self, OpenError> {
        let has_keys = open::check_for_reading(dir).await?;
        let path = open::file(dir);
        Ok(Self {
            keys: has_keys.then(|| Readers::new(open::reading(&open::keys_file(dir)))),
            readers: Readers::new(open::reading(&path)),
            bystanders: Readers::new(open::reading(&path)),
            ends: Ends::new(),
            refused: StdMutex::default(),
            writing: None,
            path,
        })
    }
}

impl Writing {
    /// Makes a batch's changes to keys, if there are any, durable in their own file.
    async fn keep_keys(&mut self, batch: &[Write]) -> Result<Kept, StoreError> {
        // A key that is still in the write-ahead file is seen to with every batch, until no reader is in the way.
        let idle = !Keys::concerned(batch) && self.keys.as_ref().is_some_and(Keys::is_tidy);
        if idle {
            return Ok(Kept::default());
        }
        let mut keys = match self.keys.take() {
            Some(keys) => keys,
            None => Keys::open(&self.keys_options).await?,
        };
        match keys.commit(batch).await {
            Ok(kept) => {
                self.keys = Some(keys);
                Ok(kept)
            }
            Err(error) => {
                keys.give_up().await;
                Err(error)
            }
        }
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, batch: &[Write], now: i64) -> Result<Committed, Uncommitted> {
        let done = self.attempt(batch, now).await;
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        *refused = done.as_ref().err().map(|why| why.0.clone());
        done.map_err(Uncommitted::from)
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.readers.head().await
    }

    async fn read(&self, scan: Scan<'_>, limit: usize) -> Result<Vec<Arc<Recorded>>, StoreError> {
        if let Scan::Stream {
            stream,
            from,
            direction,
        } = scan
            && let Some(known) = self.ends.read(stream, from, direction, limit)
        {
            return Ok(known);
        }
        let readers = match scan {
            Scan::Stream { .. } | Scan::StreamAfter { .. } => &self.readers,
            Scan::All { .. } | Scan::Category { .. } | Scan::Kind { .. } | Scan::Filed { .. } => {
                &self.bystanders
            }
        };
        readers.scan(scan, limit).await
    }

    async fn find(
        &self,
        stream: &StreamName,
        id: EventId,
    ) -> Result<Option<Arc<Recorded>>, StoreError> {
        match self.ends.find(stream, id) {
            Some(known) => Ok(Some(known)),
            None => self.readers.find(stream, id).await,
        }
    }

    async fn stream_head(&self, stream: &StreamName) -> Result<Option<Revision>, StoreError> {
        self.readers.stream_head(stream).await
    }

    async fn nth(
        &self,
        group: Group<'_>,
        after: Position,
        skip: u64,
    ) -> Result<Option<Position>, StoreError> {
        self.bystanders.nth(group, after, skip).await
    }

    async fn count(&self, group: Group<'_>, after: Position) -> Result<u64, StoreError> {
        self.bystanders.count(group, after).await
    }

    fn is_shared(&self) -> bool {
        self.writing.is_none()
    }

    async fn door(&self, read: &DoorRead) -> Result<DoorAnswer, StoreError> {
        match (read.is_of_keys(), &self.keys) {
            (false, _) => self.bystanders.door(read).await,
            (true, Some(keys)) => keys.door(read).await,
            (true, None) => Ok(keys::nothing(read)),
        }
    }

    async fn size(&self) -> Result<StoreSize, StoreError> {
        let bytes = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
        Ok(StoreSize {
            streams: self.readers.streams().await?,
            file_bytes: bytes(&self.path),
            wal_bytes: bytes(&open::beside(&self.path, "-wal")),
        })
    }

    async fn restore(&self, records: &[Arc<Recorded>]) -> Result<Position, StoreError> {
        let Some(writing) = &self.writing else {
            return Err(StoreError("opened for reading".to_owned()));
        };
        let mut writing = writing.lock().await;
        let mut session = match writing.session.take() {
            Some(session) => session,
            None => Session::open(&writing.options).await?,
        };
        let restored = session.restore(records).await;
        match &restored {
            Ok(_) => writing.session = Some(session),
            Err(_) => session.give_up().await,
        }
        self.ends.forget();
        restored
    }

    fn refused(&self) -> Option<String> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.clone()
    }

    async fn close(&self) {
        self.readers.close().await;
        self.bystanders.close().await;
        if let Some(keys) = &self.keys {
            keys.close().await;
        }
        if let Some(writing) = &self.writing {
            let mut writing = writing.lock().await;
            if let Some(session) = writing.session.take() {
                session.close().await;
            }
            if let Some(keys) = writing.keys.take() {
                keys.close().await;
            }
        }
    }
}
