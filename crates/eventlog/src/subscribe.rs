//! Following the log from a position: first what stands there, then what comes, without gap or repeat.
//!
//! For: every reaction, read table and console.
//! May not know: who follows, what it does with an event. A slow reader never holds up the writer: it falls back to
//! reading from the store.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::watch;

use crate::error::SubscribeError;
use crate::event::{Direction, Recorded};
use crate::limits::{FILTER_CATEGORIES, SUBSCRIPTION_PAGE};
use crate::live::{Live, Next, Pulse};
use crate::name::{Position, StreamName};
use crate::store::{Scan, Store, StoreError};

/// Which events a subscription is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Every event.
    All,
    /// Those of the streams in one category.
    Category(String),
    /// Those of the streams in any of these categories, at most [`FILTER_CATEGORIES`].
    Categories(Vec<String>),
    /// Those of one stream.
    Stream(StreamName),
}

impl Filter {
    /// Whether an event is meant.
    pub fn matches(&self, event: &Recorded) -> bool {
        match self {
            Self::All => true,
            Self::Category(category) => event.stream.category() == category,
            Self::Categories(categories) => {
                let category = event.stream.category();
                categories.iter().any(|wanted| wanted == category)
            }
            Self::Stream(stream) => event.stream == *stream,
        }
    }
}

/// What a subscription gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The next event, in order of position.
    Event(Arc<Recorded>),
    /// Everything up to this position was given, and the log ended there when it was looked at. Comes once each time
    /// the live end is reached after reading from the store.
    CaughtUp(Position),
}

/// A reader that follows.
pub struct Subscription {
    store: Arc<dyn Store>,
    live: Arc<Live>,
    pulse: watch::Receiver<Pulse>,
    filter: Filter,
    /// Looked at up to here; what was found and not given yet waits in `found`.
    looked: Position,
    found: VecDeque<Arc<Recorded>>,
    said_caught_up: bool,
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription")
            .field("filter", &self.filter)
            .field("position", &self.position())
            .finish_non_exhaustive()
    }
}

impl Subscription {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        live: Arc<Live>,
        filter: Filter,
        after: Position,
    ) -> Self {
        Self {
            store,
            pulse: live.watch(),
            live,
            filter,
            looked: after,
            found: VecDeque::new(),
            said_caught_up: false,
        }
    }

    /// Everything meant up to here was given; subscribing after it goes on without gap or repeat.
    pub fn position(&self) -> Position {
        self.found.front().map_or(self.looked, |next| {
            Position(next.position.0.saturating_sub(1))
        })
    }

    /// Waits for the next event, or for the live end. May be dropped while waiting without losing anything.
    ///
    /// After `Unavailable` the place is kept: pause, then call again.
    pub async fn next(&mut self) -> Result<Delivery, SubscribeError> {
        loop {
            if let Some(event) = self.found.pop_front() {
                return Ok(Delivery::Event(event));
            }
            let pulse = *self.pulse.borrow_and_update();
            match self.live.after(self.looked) {
                Next::Batch(batch) => self.look_at(&batch),
                Next::Behind => self.read_from_store(pulse.head).await?,
                Next::AtHead if !self.said_caught_up => {
                    self.said_caught_up = true;
                    return Ok(Delivery::CaughtUp(self.looked));
                }
                Next::AtHead if pulse.closed => return Err(SubscribeError::Closed),
                Next::AtHead => {
                    let gone = |_| SubscribeError::Closed;
                    self.pulse.changed().await.map_err(gone)?;
                }
            }
        }
    }

    fn look_at(&mut self, batch: &[Arc<Recorded>]) {
        let from = batch.partition_point(|event| event.position <= self.looked);
        for event in &batch[from..] {
            if self.filter.matches(event) {
                self.found.push_back(Arc::clone(event));
            }
            self.looked = event.position;
        }
    }

    /// Reads a page. Every event up to `head` stood in the store before the page was read.
    async fn read_from_store(&mut self, head: Position) -> Result<(), SubscribeError> {
        self.said_caught_up = false;
        let page = self.page(head).await?;
        let last = page.last().map_or(self.looked, |event| event.position);
        // A full page may have more behind it; a short one has looked at everything up to the head.
        self.looked = if page.len() < SUBSCRIPTION_PAGE {
            last.max(head)
        } else {
            last
        };
        self.found.extend(page);
        Ok(())
    }

    async fn page(&self, head: Position) -> Result<Vec<Arc<Recorded>>, SubscribeError> {
        let after = self.looked;
        match &self.filter {
            Filter::All => {
                let direction = Direction::Forward;
                self.scan(Scan::All {
                    from: after,
                    direction,
                })
                .await
            }
            Filter::Stream(stream) => self.scan(Scan::StreamAfter { stream, after }).await,
            Filter::Category(category) => self.category(category, after).await,
            Filter::Categories(categories) => self.categories(categories, after, head).await,
        }
    }

    async fn category(
        &self,
        category: &str,
        from: Position,
    ) -> Result<Vec<Arc<Recorded>>, SubscribeError> {
        let direction = Direction::Forward;
        self.scan(Scan::Category {
            category,
            from,
            direction,
        })
        .await
    }

    /// The first page of the merged categories lies within the first pages of each. The categories are read one after
    /// the other, so what was written after `head` may show in one and be missing in another: it is left for later.
    async fn categories(
        &self,
        categories: &[String],
        after: Position,
        head: Position,
    ) -> Result<Vec<Arc<Recorded>>, SubscribeError> {
        if categories.len() > FILTER_CATEGORIES {
            return Err(SubscribeError::TooMany {
                asked: categories.len(),
                limit: FILTER_CATEGORIES,
            });
        }
        let mut merged = Vec::new();
        for category in categories {
            merged.extend(self.category(category, after).await?);
        }
        merged.sort_by_key(|event| event.position);
        merged.dedup_by_key(|event| event.position);
        merged.truncate(SUBSCRIPTION_PAGE);
        merged.retain(|event| event.position <= head);
        Ok(merged)
    }

    async fn scan(&self, scan: Scan<'_>) -> Result<Vec<Arc<Recorded>>, SubscribeError> {
        let unread = |error: StoreError| SubscribeError::Unavailable(error.0);
        self.store
            .read(scan, SUBSCRIPTION_PAGE)
            .await
            .map_err(unread)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use uuid::Uuid;

    use super::*;
    use crate::doors::{DoorAnswer, DoorRead};
    use crate::event::{Expected, NewEvent, StreamAppend};
    use crate::name::{EventId, Revision};
    use crate::store::memory::MemoryStore;
    use crate::store::{Committed, StoreSize, Uncommitted, Write};

    /// A store to which somebody else writes in the middle of a page: right after the first category was read.
    struct Interrupted {
        store: MemoryStore,
        live: Arc<Live>,
        pending: Mutex<Vec<&'static str>>,
    }

    impl Interrupted {
        async fn write(&self, streams: &[&str]) {
            for stream in streams {
                let append = StreamAppend {
                    stream: StreamName::new(*stream).unwrap(),
                    expected: Expected::Any,
                    events: vec![NewEvent {
                        id: EventId(Uuid::new_v4()),
                        kind: "Kind".to_owned(),
                        body: bytes::Bytes::new(),
                        meta: bytes::Bytes::new(),
                    }],
                };
                let written = self.store.commit(&[Write::Append(vec![append])], 0).await;
                self.live.publish(Vec::new(), written.unwrap().head);
            }
        }
    }

    #[async_trait]
    impl Store for Interrupted {
        async fn read(
            &self,
            scan: Scan<'_>,
            limit: usize,
        ) -> Result<Vec<Arc<Recorded>>, StoreError> {
            let page = self.store.read(scan, limit).await;
            let pending = std::mem::take(&mut *self.pending.lock().unwrap());
            self.write(&pending).await;
            page
        }

        async fn commit(&self, batch: &[Write], now: i64) -> Result<Committed, Uncommitted> {
            self.store.commit(batch, now).await
        }

        async fn head(&self) -> Result<Position, StoreError> {
            self.store.head().await
        }

        async fn find(
            &self,
            stream: &StreamName,
            id: EventId,
        ) -> Result<Option<Arc<Recorded>>, StoreError> {
            self.store.find(stream, id).await
        }

        async fn stream_head(&self, stream: &StreamName) -> Result<Option<Revision>, StoreError> {
            self.store.stream_head(stream).await
        }

        async fn door(&self, read: &DoorRead) -> Result<DoorAnswer, StoreError> {
            self.store.door(read).await
        }

        async fn size(&self) -> Result<StoreSize, StoreError> {
            self.store.size().await
        }

        async fn close(&self) {}
    }

    #[tokio::test]
    async fn what_is_written_between_two_categories_of_a_page_is_not_skipped() {
        let live = Arc::new(Live::new(Position::START));
        let store = Arc::new(Interrupted {
            store: MemoryStore::default(),
            live: Arc::clone(&live),
            pending: Mutex::new(vec!["a-1", "b-1"]),
        });
        store.write(&["a-1", "b-1"]).await;
        let filter = Filter::Categories(vec!["a".to_owned(), "b".to_owned()]);
        let mut subscription = Subscription::new(store, live, filter, Position::START);
        let mut seen = Vec::new();
        while let Delivery::Event(event) = subscription.next().await.unwrap() {
            seen.push(event.position.0);
        }
        assert_eq!(seen, [1, 2, 3, 4]);
    }
}
