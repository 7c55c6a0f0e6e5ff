//! Reading page by page, without what is hidden.
//!
//! For: streams, as far as what is said about them leaves them to be seen, and everything through a filter.
//! May not know: how long a client reads on.

use super::numbered::Numbered;
use super::{Outside, Resolved, unread};
use crate::error::ReadError;
use crate::event::Direction;
use crate::filter::Filter;
use crate::limits::{FILTERED_LOOKS, READ_LIMIT, SUBSCRIPTION_PAGE};
use crate::name::{Position, Revision, StreamName};
use crate::store::Scan;

/// What a stream reads as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamRead {
    /// It has no events, or is deleted softly.
    Missing,
    /// It is deleted for good.
    Deleted,
    /// A page of it, empty when all there is to see lies elsewhere.
    Page(StreamPage),
}

/// A page of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamPage {
    /// In the direction that was asked for.
    pub events: Vec<Resolved>,
    /// Where to read on in that direction; `None` at the end. A page may be short, even empty, before the end.
    pub next: Option<Revision>,
    /// The first revision that is not hidden by number; behind `last` when all are.
    pub first: Revision,
    /// The last revision.
    pub last: Revision,
}

/// A page of everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllPage {
    /// In the direction that was asked for.
    pub events: Vec<Resolved>,
    /// What to ask for next, in the sense of [`crate::Log::read_all`]; `None` at the end. A page may be short before
    /// the end.
    pub next: Option<Position>,
}

impl Outside {
    /// A page of a stream from `from`, inclusive, either way; from [`Revision::END`] backward: from its end. At most
    /// [`READ_LIMIT`] events. The streams `$ce-<category>` and `$et-<type>` are there without anybody writing them.
    pub async fn read_stream(
        &self,
        stream: &StreamName,
        from: Revision,
        direction: Direction,
        limit: usize,
        resolve_links: bool,
    ) -> Result<StreamRead, ReadError> {
        within(limit)?;
        let now = self.now().await?;
        if let Some(numbered) = Numbered::of(stream) {
            let read = self.read_numbered(&numbered, from, direction, limit, resolve_links, now);
            return read.await;
        }
        let about = self.about(stream, now).await?;
        if about.gone {
            return Ok(StreamRead::Deleted);
        }
        let head = self.log.stream_head(stream).await?;
        let Some(last) = head.filter(|_| !about.metadata.is_deleted()) else {
            return Ok(StreamRead::Missing);
        };
        let first = about.metadata.first_seen(last);
        let page = StreamPage {
            events: Vec::new(),
            next: None,
            first,
            last,
        };
        let from = match direction {
            Direction::Forward => from.max(first),
            Direction::Backward => from,
        };
        if from < first || first > last {
            return Ok(StreamRead::Page(page));
        }
        let read = self.log.read_stream(stream, from, direction, limit).await?;
        let is_full = read.len() == limit;
        let next = read
            .last()
            .filter(|_| is_full)
            .and_then(|end| match direction {
                Direction::Forward => Some(end.revision.next()),
                Direction::Backward if end.revision > first => Some(Revision(end.revision.0 - 1)),
                Direction::Backward => None,
            });
        let time = self.log.now_micros();
        let seen = read
            .into_iter()
            .filter(|event| event.revision >= first && !about.metadata.is_too_old(event, time));
        let seen = seen.collect();
        Ok(StreamRead::Page(StreamPage {
            events: self.resolve(seen, resolve_links, now).await?,
            next,
            ..page
        }))
    }

    /// A page of everything that a filter means: forward those after `from`, backward those at or before it. At most
    /// [`READ_LIMIT`] events, found among at most [`FILTERED_LOOKS`] or so. Nothing is hidden here.
    pub async fn read_all(
        &self,
        filter: &Filter,
        from: Position,
        direction: Direction,
        limit: usize,
        resolve_links: bool,
    ) -> Result<AllPage, ReadError> {
        within(limit)?;
        if let Some((asked, limit)) = filter.over_limit() {
            return Err(ReadError::TooMany { asked, limit });
        }
        let now = self.now().await?;
        let (mut at, mut looked, mut found) = (from, 0, Vec::new());
        let next = loop {
            if found.len() >= limit || looked >= FILTERED_LOOKS {
                break Some(at);
            }
            let page = page_size(filter, limit - found.len());
            let scan = scan(filter, at, direction);
            let read = self.log.store().read(scan, page).await.map_err(unread)?;
            let is_full = read.len() == page;
            for event in read {
                at = match direction {
                    Direction::Forward => event.position,
                    Direction::Backward => Position(event.position.0.saturating_sub(1)),
                };
                looked += 1;
                if filter.matches(&event) {
                    found.push(event);
                    if found.len() == limit {
                        break;
                    }
                }
            }
            if found.len() < limit && !is_full {
                break None;
            }
        };
        Ok(AllPage {
            events: self.resolve(found, resolve_links, now).await?,
            next,
        })
    }
}

fn within(limit: usize) -> Result<(), ReadError> {
    if limit > READ_LIMIT {
        return Err(ReadError::TooMany {
            asked: limit,
            limit: READ_LIMIT,
        });
    }
    Ok(())
}

/// The narrowest scan that finds all that a filter means.
fn scan(filter: &Filter, from: Position, direction: Direction) -> Scan<'_> {
    match filter {
        Filter::Category(category) => Scan::Category {
            category,
            from,
            direction,
        },
        Filter::Kind(kind) => Scan::Kind {
            kind,
            from,
            direction,
        },
        _ => Scan::All { from, direction },
    }
}

/// As many as are wanted, or, where most may be passed over, a page.
fn page_size(filter: &Filter, wanted: usize) -> usize {
    match filter {
        Filter::All | Filter::Category(_) | Filter::Kind(_) => wanted,
        _ => SUBSCRIPTION_PAGE,
    }
}
