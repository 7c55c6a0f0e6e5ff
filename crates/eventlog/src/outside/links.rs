//! Events that stand for others.
//!
//! For: giving the event a link points to, unless it is hidden, and then nothing in its place.
//! May not know: who reads.

use std::sync::Arc;

use super::{Outside, unread};
use crate::error::ReadError;
use crate::event::{Direction, Recorded};
use crate::metadata::LINK;
use crate::name::{Position, Revision, StreamName};
use crate::store::Scan;

/// An event as it is read, and the link it was found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The event; `None` when the link points to what is hidden, deleted, or never was.
    pub event: Option<Arc<Recorded>>,
    /// The link; `None` when the event was found at its own place.
    pub link: Option<Arc<Recorded>>,
}

impl Resolved {
    /// An event at its own place, be it a link.
    pub(super) fn plain(event: Arc<Recorded>) -> Self {
        Self {
            event: Some(event),
            link: None,
        }
    }

    /// What stands at the place that was read: the link, if there is one.
    pub fn original(&self) -> Option<&Arc<Recorded>> {
        self.link.as_ref().or(self.event.as_ref())
    }
}

/// Where a link points: `revision@stream`.
pub(crate) fn target(link: &Recorded) -> Option<(Revision, StreamName)> {
    let text = std::str::from_utf8(&link.body).ok()?;
    let (revision, stream) = text.split_once('@')?;
    let revision = Revision(revision.parse().ok()?);
    Some((revision, StreamName::new(stream).ok()?))
}

impl Outside {
    /// Follows the links among events, where that is wanted. A link to a link is not followed further.
    pub(super) async fn resolve(
        &self,
        events: Vec<Arc<Recorded>>,
        wanted: bool,
        now: Position,
    ) -> Result<Vec<Resolved>, ReadError> {
        let mut resolved = Vec::with_capacity(events.len());
        for event in events {
            resolved.push(if wanted && *event.kind == *LINK {
                Resolved {
                    event: self.target_of(&event, now).await?,
                    link: Some(event),
                }
            } else {
                Resolved::plain(event)
            });
        }
        Ok(resolved)
    }

    async fn target_of(
        &self,
        link: &Recorded,
        now: Position,
    ) -> Result<Option<Arc<Recorded>>, ReadError> {
        let Some((revision, stream)) = target(link) else {
            return Ok(None);
        };
        let scan = Scan::Stream {
            stream: &stream,
            from: revision,
            direction: Direction::Forward,
        };
        let found = self.log.store().read(scan, 1).await.map_err(unread)?;
        let found = found.into_iter().find(|event| event.revision == revision);
        match found {
            Some(event) if self.is_seen(&event, now).await? => Ok(Some(event)),
            _ => Ok(None),
        }
    }

    /// Whether what is said about an event's stream leaves it to be seen.
    pub(super) async fn is_seen(&self, event: &Recorded, now: Position) -> Result<bool, ReadError> {
        let about = self.about(&event.stream, now).await?;
        let metadata = &about.metadata;
        if about.gone || metadata.is_deleted() {
            return Ok(false);
        }
        let mut first = Revision(metadata.truncate_before.unwrap_or(0));
        if metadata.max_count.is_some() {
            let head = self.log.stream_head(&event.stream).await?;
            first = metadata.first_seen(head.unwrap_or(event.revision));
        }
        let too_old = metadata.is_too_old(event, self.log.now_micros());
        Ok(event.revision >= first && !too_old)
    }
}
