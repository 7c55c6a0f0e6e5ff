//! What is known of a stream: what is said about it, and whether it is gone.
//!
//! For: asking the store once, and never believing what somebody has changed since, in this process or another.
//! May not know: what the answer hides.
//!
//! What is remembered is right up to a position. Before it is believed, everything between there and the log's end is
//! looked through; where that is not kept in memory, or others write and we have not heard of it yet, all is forgotten.

use std::sync::Arc;

use super::{Outside, lock, unread};
use crate::error::ReadError;
use crate::event::{Direction, Recorded};
use crate::limits::ABOUT_CACHE;
use crate::live::{Live, Next};
use crate::metadata::{Metadata, STREAM_DELETED};
use crate::name::{Position, Revision, StreamName};
use crate::store::cache::Cache;
use crate::store::{Scan, Store};

/// What is known of a stream.
#[derive(Debug, Default)]
pub(super) struct About {
    pub(super) metadata: Metadata,
    /// Deleted for good.
    pub(super) gone: bool,
}

#[derive(Debug)]
pub(super) struct Memory {
    streams: Cache<StreamName, Arc<About>>,
    /// What is remembered is right up to here.
    right_at: Position,
    /// Something was forgotten last at this position: what was asked before it is not remembered any more.
    forgot_at: Position,
}

impl Memory {
    pub(super) fn new() -> Self {
        Self {
            streams: Cache::new(ABOUT_CACHE),
            right_at: Position::START,
            forgot_at: Position::START,
        }
    }

    /// Forgets what was said anew up to `now`.
    fn catch_up(&mut self, live: &Live, now: Position) {
        while self.right_at < now {
            match live.after(self.right_at) {
                Next::Batch(batch) => {
                    let from = batch.partition_point(|event| event.position <= self.right_at);
                    for event in &batch[from..] {
                        self.pass(event);
                    }
                }
                Next::AtHead | Next::Behind => {
                    self.streams.clear();
                    self.right_at = now;
                    self.forgot_at = now;
                }
            }
        }
    }

    fn pass(&mut self, event: &Recorded) {
        let stream = event.stream.described();
        let ended = (*event.kind == *STREAM_DELETED).then(|| event.stream.clone());
        for stream in stream.into_iter().chain(ended) {
            self.streams.remove(&stream);
            self.forgot_at = event.position;
        }
        self.right_at = event.position;
    }
}

impl Outside {
    /// The log's end: every answer takes account of what was committed up to here.
    pub(super) async fn now(&self) -> Result<Position, ReadError> {
        let known = self.log.head();
        if self.log.store().is_shared() {
            let head = self.log.store().head().await.map_err(unread)?;
            return Ok(known.max(head));
        }
        Ok(known)
    }

    /// What is known of a stream at `now`.
    pub(super) async fn about(
        &self,
        stream: &StreamName,
        now: Position,
    ) -> Result<Arc<About>, ReadError> {
        let asked_at = {
            let mut memory = lock(&self.common().about);
            memory.catch_up(self.log.live(), now);
            if let Some(about) = memory.streams.get(stream) {
                return Ok(about);
            }
            memory.right_at
        };
        let about = Arc::new(ask(&**self.log.store(), stream).await?);
        let mut memory = lock(&self.common().about);
        if memory.forgot_at <= asked_at {
            memory.streams.insert(stream.clone(), Arc::clone(&about));
        }
        Ok(about)
    }
}

async fn ask(store: &dyn Store, stream: &StreamName) -> Result<About, ReadError> {
    if let Some(described) = stream.described() {
        let last = last(store, &described).await?;
        return Ok(About {
            metadata: Metadata::of_metadata(),
            gone: ends(last.as_deref()),
        });
    }
    let gone = ends(last(store, stream).await?.as_deref());
    let said = last(store, &stream.metadata()).await?;
    let metadata = said.map_or_else(Metadata::default, |said| Metadata::parse(&said.body));
    Ok(About { metadata, gone })
}

fn ends(last: Option<&Recorded>) -> bool {
    last.is_some_and(|last| *last.kind == *STREAM_DELETED)
}

async fn last(store: &dyn Store, stream: &StreamName) -> Result<Option<Arc<Recorded>>, ReadError> {
    let scan = Scan::Stream {
        stream,
        from: Revision::END,
        direction: Direction::Backward,
    };
    let mut read = store.read(scan, 1).await.map_err(unread)?;
    Ok(read.pop())
}
