//! `$ce-<category>` and `$et-<type>`: streams of links that nobody writes.
//!
//! For: numbers without gaps that never change, found from the index of categories and that of types.
//! May not know: who reads. The category is the text before a name's first `-`.
//!
//! The number of an event is how many of its category stand before it. To find an event by its number, the position of
//! every [`STRIDE`]th is remembered, as far as somebody asked; what lies between is counted in the index.

use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::{Outside, Resolved, StreamPage, StreamRead, lock, unread};
use crate::error::ReadError;
use crate::event::{Direction, Recorded};
use crate::filter::Filter;
use crate::limits::NUMBERED_STREAMS;
use crate::metadata::LINK;
use crate::name::{EventId, Position, Revision, StreamName};
use crate::store::cache::Cache;
use crate::store::{Group, Scan};

/// Events between two remembered positions: counting over so many in an index takes less than a millisecond.
const STRIDE: u64 = 4_096;

/// The positions of events number `STRIDE - 1`, `2 * STRIDE - 1` and so on, per stream.
#[derive(Debug)]
pub(super) struct Numbers(Cache<StreamName, Arc<[Position]>>);

impl Numbers {
    pub(super) fn new() -> Self {
        Self(Cache::new(NUMBERED_STREAMS))
    }
}

/// One such stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Numbered {
    stream: StreamName,
    of: Of,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Of {
    Category(String),
    Kind(String),
}

impl Numbered {
    /// By its name.
    pub(super) fn of(stream: &StreamName) -> Option<Self> {
        let of = match stream.as_str().split_at_checked(4)? {
            ("$ce-", category) => Of::Category(category.to_owned()),
            ("$et-", kind) => Of::Kind(kind.to_owned()),
            _ => return None,
        };
        let stream = stream.clone();
        Some(Self { stream, of })
    }

    pub(super) fn filter(&self) -> Filter {
        match &self.of {
            Of::Category(category) => Filter::Category(category.clone()),
            Of::Kind(kind) => Filter::Kind(kind.clone()),
        }
    }

    fn group(&self) -> Group<'_> {
        match &self.of {
            Of::Category(category) => Group::Category(category),
            Of::Kind(kind) => Group::Kind(kind),
        }
    }

    fn scan(&self, from: Position) -> Scan<'_> {
        let direction = Direction::Forward;
        match &self.of {
            Of::Category(category) => Scan::Category {
                category,
                from,
                direction,
            },
            Of::Kind(kind) => Scan::Kind {
                kind,
                from,
                direction,
            },
        }
    }

    /// The link to an event, under its number.
    pub(super) fn link(&self, number: u64, event: &Recorded) -> Arc<Recorded> {
        let at = format!("{}@{number}", self.stream);
        Arc::new(Recorded {
            position: event.position,
            stream: self.stream.clone(),
            revision: Revision(number),
            id: EventId(Uuid::new_v5(&Uuid::NAMESPACE_OID, at.as_bytes())),
            kind: LINK.into(),
            recorded_at: event.recorded_at,
            body: Bytes::from(format!("{}@{}", event.revision, event.stream)),
            meta: Bytes::new(),
        })
    }
}

impl Outside {
    pub(super) async fn read_numbered(
        &self,
        numbered: &Numbered,
        from: Revision,
        direction: Direction,
        limit: usize,
        resolve_links: bool,
        now: Position,
    ) -> Result<StreamRead, ReadError> {
        let Some(last) = self.numbered_count(numbered).await?.checked_sub(1) else {
            return Ok(StreamRead::Missing);
        };
        let count = u64::try_from(limit).unwrap_or(u64::MAX);
        // The stretch of numbers to read, inclusive.
        let (low, high) = match direction {
            Direction::Forward => (
                from.0,
                from.0.saturating_add(count - count.min(1)).min(last),
            ),
            Direction::Backward => {
                let high = from.0.min(last);
                ((high + 1).saturating_sub(count), high)
            }
        };
        let next = match direction {
            Direction::Forward => (high < last).then_some(Revision(high.saturating_add(1))),
            Direction::Backward => low.checked_sub(1).map(Revision),
        };
        let mut page = StreamPage {
            next,
            first: Revision::FIRST,
            last: Revision(last),
            events: Vec::new(),
        };
        if low > high || limit == 0 {
            page.next = None;
            return Ok(StreamRead::Page(page));
        }
        let before = self.before_number(numbered, low).await?;
        let wanted = usize::try_from(high - low + 1).unwrap_or(limit);
        let scan = numbered.scan(before);
        let events = self.log.store().read(scan, wanted).await.map_err(unread)?;
        for (number, event) in (low..).zip(events) {
            let resolved = self.numbered_link(numbered, number, event, resolve_links, now);
            page.events.push(resolved.await?);
        }
        if direction == Direction::Backward {
            page.events.reverse();
        }
        Ok(StreamRead::Page(page))
    }

    /// The link to an event, with the event where that is wanted and it may be seen.
    pub(super) async fn numbered_link(
        &self,
        numbered: &Numbered,
        number: u64,
        event: Arc<Recorded>,
        resolve_links: bool,
        now: Position,
    ) -> Result<Resolved, ReadError> {
        let link = numbered.link(number, &event);
        if !resolve_links {
            return Ok(Resolved::plain(link));
        }
        let is_seen = self.is_seen(&event, now).await?;
        Ok(Resolved {
            event: is_seen.then_some(event),
            link: Some(link),
        })
    }

    /// How many events the stream has.
    pub(super) async fn numbered_count(&self, numbered: &Numbered) -> Result<u64, ReadError> {
        let known = self.strides(numbered, u64::MAX).await?;
        let after = known.last().copied().unwrap_or(Position::START);
        let rest = self.log.store().count(numbered.group(), after).await;
        Ok(known.len() as u64 * STRIDE + rest.map_err(unread)?)
    }

    /// A position after which the event with this number is the next of the stream's.
    pub(super) async fn before_number(
        &self,
        numbered: &Numbered,
        number: u64,
    ) -> Result<Position, ReadError> {
        let (strides, rest) = (number / STRIDE, number % STRIDE);
        let known = self.strides(numbered, strides).await?;
        let index = usize::try_from(strides)
            .unwrap_or(usize::MAX)
            .min(known.len());
        let after = known[..index].last().copied().unwrap_or(Position::START);
        let skip = rest + (strides - index as u64) * STRIDE;
        let Some(skip) = skip.checked_sub(1) else {
            return Ok(after);
        };
        let nth = self.log.store().nth(numbered.group(), after, skip).await;
        Ok(nth.map_err(unread)?.unwrap_or(Position::END))
    }

    /// What is remembered of the stream, and so many strides if there are as many.
    async fn strides(
        &self,
        numbered: &Numbered,
        wanted: u64,
    ) -> Result<Arc<[Position]>, ReadError> {
        let known = lock(&self.common().numbers).0.get(&numbered.stream);
        let known = known.unwrap_or_default();
        let mut more = Vec::new();
        while ((known.len() + more.len()) as u64) < wanted {
            let last = more.last().or(known.last()).copied();
            let after = last.unwrap_or(Position::START);
            let store = self.log.store();
            match store.nth(numbered.group(), after, STRIDE - 1).await {
                Ok(Some(position)) => more.push(position),
                Ok(None) => break,
                Err(error) => return Err(unread(error)),
            }
        }
        if more.is_empty() {
            return Ok(known);
        }
        let all: Arc<[Position]> = known.iter().copied().chain(more).collect();
        let stream = numbered.stream.clone();
        lock(&self.common().numbers)
            .0
            .insert(stream, Arc::clone(&all));
        Ok(all)
    }
}
