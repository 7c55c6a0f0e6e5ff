//! Following the log from a position: first what stands there, then what comes, without gap or repeat.
//!
//! For: every reaction, read table and console.
//! May not know: who follows, what it does with an event. A slow reader never holds up the writer: it falls back to
//! reading from the store.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::sync::Arc;

use tokio::sync::watch;

use crate::error::SubscribeError;
use crate::event::{Direction, Recorded};
use crate::filter::Filter;
use crate::limits::{SUBSCRIPTION_BYTES, SUBSCRIPTION_FIRST, SUBSCRIPTION_PAGE};
use crate::live::{Live, Next, Pulse};
use crate::name::Position;
use crate::store::{Scan, Store, StoreError};

/// What a subscription gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The next event, in order of position.
    Event(Arc<Recorded>),
    /// Everything up to this position was given, and the log ended there when it was looked at. Comes once each time
    /// the live end is reached after reading from the store.
    CaughtUp(Position),
}

/// What a subscription gives to those who want to know how it gets on; see [`Subscription::news`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The next event, in order of position.
    Event(Arc<Recorded>),
    /// As [`Delivery::CaughtUp`].
    CaughtUp(Position),
    /// More came than is kept in memory: what follows this position is read from the store, until `CaughtUp` again.
    /// Comes only after a `CaughtUp`.
    FellBehind(Position),
    /// Nothing up to this position is missing; a reader whose filter lets little through can save where it is. Comes
    /// only when asked for, at the latest when so many positions were passed, or with the page that passed them.
    Checkpoint(Position),
}

/// A reader that follows.
pub struct Subscription {
    store: Arc<dyn Store>,
    live: Arc<Live>,
    pulse: watch::Receiver<Pulse>,
    filter: Filter,
    /// Looked at up to here; what was found and not given yet waits in `found`.
    looked: Position,
    /// At most one page or batch, and no more than [`SUBSCRIPTION_BYTES`] but for the last event.
    found: VecDeque<Found>,
    found_bytes: usize,
    /// Events to ask the store for next.
    page: usize,
    said_caught_up: bool,
    /// Positions between two checkpoints, and where the last one was.
    checkpoints: Option<(NonZeroU64, Position)>,
}

/// What waits to be given.
enum Found {
    Event(Arc<Recorded>),
    Checkpoint(Position),
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
            found_bytes: 0,
            page: SUBSCRIPTION_FIRST,
            said_caught_up: false,
            checkpoints: None,
        }
    }

    /// With a checkpoint whenever so many positions were passed, meant or not. Told by [`Subscription::news`] only.
    pub fn with_checkpoints(mut self, every: NonZeroU64) -> Self {
        self.checkpoints = Some((every, self.looked));
        self
    }

    /// Everything meant up to here was given; subscribing after it goes on without gap or repeat.
    pub fn position(&self) -> Position {
        match self.found.front() {
            Some(Found::Event(next)) => Position(next.position.0.saturating_sub(1)),
            Some(Found::Checkpoint(position)) => *position,
            None => self.looked,
        }
    }

    /// Waits for the next event, or for the live end. May be dropped while waiting without losing anything.
    ///
    /// After `Unavailable` the place is kept: pause, then call again.
    pub async fn next(&mut self) -> Result<Delivery, SubscribeError> {
        loop {
            match self.news().await? {
                News::Event(event) => return Ok(Delivery::Event(event)),
                News::CaughtUp(position) => return Ok(Delivery::CaughtUp(position)),
                News::FellBehind(_) | News::Checkpoint(_) => {}
            }
        }
    }

    /// As [`Subscription::next`], and tells how the subscription gets on.
    pub async fn news(&mut self) -> Result<News, SubscribeError> {
        loop {
            match self.found.pop_front() {
                Some(Found::Event(event)) => return Ok(News::Event(event)),
                Some(Found::Checkpoint(position)) => return Ok(News::Checkpoint(position)),
                None => {}
            }
            self.found_bytes = 0;
            let pulse = *self.pulse.borrow_and_update();
            match self.live.after(self.looked) {
                Next::Batch(batch) => self.look_at(&batch),
                Next::Behind if self.said_caught_up => {
                    self.said_caught_up = false;
                    return Ok(News::FellBehind(self.looked));
                }
                Next::Behind => self.read_from_store(pulse.head).await?,
                Next::AtHead if !self.said_caught_up => {
                    self.said_caught_up = true;
                    return Ok(News::CaughtUp(self.looked));
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
            if !self.find(event) {
                return;
            }
        }
    }

    /// Looks at the next event; false when enough are held, and it was left for later.
    fn find(&mut self, event: &Arc<Recorded>) -> bool {
        if self.found_bytes >= SUBSCRIPTION_BYTES {
            return false;
        }
        if self.filter.matches(event) {
            self.found_bytes += event.size();
            self.found.push_back(Found::Event(Arc::clone(event)));
        }
        self.pass(event.position);
        true
    }

    /// Everything up to here was looked at.
    fn pass(&mut self, position: Position) {
        self.looked = position;
        if let Some((every, last)) = &mut self.checkpoints
            && position.0.saturating_sub(last.0) >= every.get()
        {
            *last = position;
            self.found.push_back(Found::Checkpoint(position));
        }
    }

    /// Reads a page. Every event up to `head` stood in the store before the page was read.
    async fn read_from_store(&mut self, head: Position) -> Result<(), SubscribeError> {
        let asked = self.page;
        let page = self.read_page(head, asked).await?;
        let was_full = page.len() >= asked;
        self.learn(&page);
        // What an index found is meant; a page of everything is looked through.
        let is_whole = page.iter().all(|event| self.find(event));
        // A full page may have more behind it; a short one has looked at everything up to the head.
        if is_whole && !was_full && self.looked < head {
            self.pass(head);
        }
        Ok(())
    }

    /// The next page is to hold so many events of this one's size as are held ready, and at most twice as many as this one.
    fn learn(&mut self, page: &[Arc<Recorded>]) {
        let bytes: usize = page.iter().map(|event| event.size()).sum();
        let Some(each) = bytes.checked_div(page.len()) else {
            return;
        };
        let fitting = SUBSCRIPTION_BYTES / each.max(1);
        self.page = fitting.clamp(1, SUBSCRIPTION_PAGE).min(self.page * 2);
    }

    async fn read_page(
        &self,
        head: Position,
        limit: usize,
    ) -> Result<Vec<Arc<Recorded>>, SubscribeError> {
        if let Some((asked, most)) = self.filter.over_limit() {
            return Err(SubscribeError::TooMany { asked, limit: most });
        }
        let (from, direction) = (self.looked, Direction::Forward);
        match &self.filter {
            Filter::All
            | Filter::StreamPrefixes(_)
            | Filter::KindPrefixes(_)
            | Filter::Matching(_) => self.scan(Scan::All { from, direction }, limit).await,
            Filter::Stream(stream) => {
                let after = from;
                self.scan(Scan::StreamAfter { stream, after }, limit).await
            }
            Filter::Kind(kind) => {
                let scan = Scan::Kind {
                    kind,
                    from,
                    direction,
                };
                self.scan(scan, limit).await
            }
            Filter::Category(category) => self.category(category, from, limit).await,
            Filter::Categories(categories) => self.categories(categories, from, head, limit).await,
        }
    }

    async fn category(
        &self,
        category: &str,
        from: Position,
        limit: usize,
    ) -> Result<Vec<Arc<Recorded>>, SubscribeError> {
        let direction = Direction::Forward;
        let scan = Scan::Category {
            category,
            from,
            direction,
        };
        self.scan(scan, limit).await
    }

    /// The first page of the merged categories lies within the first pages of each. The categories are read one after
    /// the other, so what was written after `head` may show in one and be missing in another: it is left for later.
    async fn categories(
        &self,
        categories: &[String],
        after: Position,
        head: Position,
        limit: usize,
    ) -> Result<Vec<Arc<Recorded>>, SubscribeError> {
        let mut merged = Vec::new();
        for category in categories {
            merged.extend(self.category(category, after, limit).await?);
        }
        merged.sort_by_key(|event| event.position);
        merged.dedup_by_key(|event| event.position);
        merged.truncate(limit);
        merged.retain(|event| event.position <= head);
        Ok(merged)
    }

    async fn scan(
        &self,
        scan: Scan<'_>,
        limit: usize,
    ) -> Result<Vec<Arc<Recorded>>, SubscribeError> {
        let unread = |error: StoreError| SubscribeError::Unavailable(error.0);
        self.store.read(scan, limit).await.map_err(unread)
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
    use crate::name::{EventId, Revision, StreamName};
    use crate::store::memory::MemoryStore;
    use crate::store::{Committed, Group, StoreSize, Uncommitted, Write};

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

        async fn nth(
            &self,
            group: Group<'_>,
            after: Position,
            skip: u64,
        ) -> Result<Option<Position>, StoreError> {
            self.store.nth(group, after, skip).await
        }

        async fn count(&self, group: Group<'_>, after: Position) -> Result<u64, StoreError> {
            self.store.count(group, after).await
        }

        async fn door(&self, read: &DoorRead) -> Result<DoorAnswer, StoreError> {
            self.store.door(read).await
        }

        async fn size(&self) -> Result<StoreSize, StoreError> {
            self.store.size().await
        }

        async fn close(&self) {}
    }

    /// A log of these bodies, and a subscription to all of it; `live`: as they were just committed.
    async fn of_bodies(bodies: &[usize], is_live: bool) -> Subscription {
        let store = MemoryStore::default();
        let live = Arc::new(Live::new(Position::START));
        let events = bodies.iter().map(|size| NewEvent {
            id: EventId(Uuid::new_v4()),
            kind: "Kind".to_owned(),
            body: vec![b'0'; *size].into(),
            meta: bytes::Bytes::new(),
        });
        let append = StreamAppend {
            stream: StreamName::new("a-1").unwrap(),
            expected: Expected::Any,
            events: events.collect(),
        };
        let written = store.commit(&[Write::Append(vec![append])], 0).await;
        let written = written.unwrap();
        let events = if is_live { written.events } else { Vec::new() };
        live.publish(events, written.head);
        Subscription::new(Arc::new(store), live, Filter::All, Position::START)
    }

    #[tokio::test]
    async fn a_silent_reader_holds_so_many_bytes_and_misses_nothing() {
        const MIB: usize = 1024 * 1024;
        // Small ones first: what was learnt of them is no promise for those that follow.
        let bodies: Vec<usize> = std::iter::repeat_n(10, 600)
            .chain(std::iter::repeat_n(MIB, 12))
            .chain(std::iter::repeat_n(300 * 1024, 12))
            .collect();
        for is_live in [true, false] {
            let mut subscription = of_bodies(&bodies, is_live).await;
            let mut seen = 0;
            while let Delivery::Event(event) = subscription.next().await.unwrap() {
                assert_eq!(event.position.0, seen + 1, "live: {is_live}");
                assert_eq!(subscription.position(), event.position);
                seen += 1;
                let held = subscription.found.iter().map(|found| match found {
                    Found::Event(event) => event.size(),
                    Found::Checkpoint(_) => 0,
                });
                let held: usize = held.sum();
                assert!(held < SUBSCRIPTION_BYTES + MIB, "{held} bytes after {seen}");
            }
            assert_eq!(seen, bodies.len() as u64);
        }
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
