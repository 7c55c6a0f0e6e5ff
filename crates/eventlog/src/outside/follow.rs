//! Following from outside: a stream, a numbered one, or everything through a filter.
//!
//! For: catching up without what is hidden, then live, with links followed where that is wanted.
//! May not know: what a client does with an event. A client that does not read holds up nobody: see `subscribe`.

use std::num::NonZeroU64;
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use super::numbered::Numbered;
use super::{Outside, Resolved};
use crate::error::{ReadError, SubscribeError};
use crate::event::{Direction, Recorded};
use crate::filter::Filter;
use crate::limits::OUTSIDE_SUBSCRIPTIONS;
use crate::metadata::{Metadata, STREAM_DELETED};
use crate::name::{Position, Revision, StreamName};
use crate::subscribe::{News, Subscription};

/// Where following begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start<P> {
    /// With the first event.
    Beginning,
    /// With the one after.
    After(P),
    /// With the next one that comes.
    End,
}

/// What following gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The next event.
    Event(Resolved),
    /// The live end was reached: everything up to this position was given. Of a stream also its last revision given or
    /// passed, if there was any.
    CaughtUp(Position, Option<Revision>),
    /// As [`News::FellBehind`].
    FellBehind(Position),
    /// As [`News::Checkpoint`].
    Checkpoint(Position),
    /// The stream was deleted for good; nothing more will come.
    Deleted,
}

/// Why following did not begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FollowError {
    /// Refusal: the stream was deleted for good.
    #[error("the stream is deleted")]
    Deleted,
    /// Unavailable: as many follow as are allowed. Let go of one, or ask another process.
    #[error("no room for more than {limit} subscriptions")]
    Full {
        /// The limit.
        limit: usize,
    },
    /// The log was not read.
    #[error(transparent)]
    Unread(#[from] ReadError),
}

/// Somebody outside who follows.
#[derive(Debug)]
pub struct Following {
    outside: Outside,
    subscription: Subscription,
    what: What,
    resolve_links: bool,
    /// What could not be resolved for want of an answer, to be tried again.
    held: Option<Arc<Recorded>>,
    ended: bool,
    _place: OwnedSemaphorePermit,
}

#[derive(Debug)]
enum What {
    All,
    /// What is said about the stream as it was when following began, and the last revision given or passed.
    Stream {
        first: Revision,
        metadata: Metadata,
        last: Option<Revision>,
    },
    /// The number of the next event, and the first that is given.
    Numbered(Numbered, u64, u64),
}

impl Outside {
    /// Follows everything a filter means. With `checkpoints`, tells how far it has come at least every so many positions.
    pub async fn follow_all(
        &self,
        filter: Filter,
        start: Start<Position>,
        resolve_links: bool,
        checkpoints: Option<NonZeroU64>,
    ) -> Result<Following, FollowError> {
        let place = self.place()?;
        let after = match start {
            Start::Beginning => Position::START,
            Start::After(position) => position,
            Start::End => self.now().await?,
        };
        let mut subscription = self.log.subscribe(filter, after);
        if let Some(every) = checkpoints {
            subscription = subscription.with_checkpoints(every);
        }
        Ok(self.following(subscription, What::All, resolve_links, place))
    }

    /// Follows a stream, which need not exist yet. Events that are hidden when following begins are not given.
    pub async fn follow_stream(
        &self,
        stream: &StreamName,
        start: Start<Revision>,
        resolve_links: bool,
    ) -> Result<Following, FollowError> {
        let place = self.place()?;
        let now = self.now().await?;
        if let Some(numbered) = Numbered::of(stream) {
            let count = self.numbered_count(&numbered).await?;
            let number = match start {
                Start::Beginning => 0,
                Start::After(revision) => revision.next().0,
                Start::End => count,
            };
            // Later numbers are waited for from the end, counting on.
            let after = self.before_number(&numbered, number.min(count)).await?;
            let subscription = self.log.subscribe(numbered.filter(), after.min(now));
            let what = What::Numbered(numbered, number.min(count), number);
            return Ok(self.following(subscription, what, resolve_links, place));
        }
        let about = self.about(stream, now).await?;
        if about.gone {
            return Err(FollowError::Deleted);
        }
        let head = self.log.stream_head(stream).await?;
        let mut first = match start {
            Start::Beginning => Revision::FIRST,
            Start::After(revision) => revision.next(),
            Start::End => head.map_or(Revision::FIRST, Revision::next),
        };
        if let Some(head) = head {
            let seen = about.metadata.first_seen(head);
            first = first.max(seen.min(head.next()));
        }
        let after = self.position_before(stream, first, now).await?;
        let subscription = self.log.subscribe(Filter::Stream(stream.clone()), after);
        let last = first.0.checked_sub(1).map(Revision);
        let what = What::Stream {
            first,
            metadata: about.metadata.clone(),
            last: last.filter(|_| head.is_some()).min(head),
        };
        Ok(self.following(subscription, what, resolve_links, place))
    }

    /// A position after which a stream's event with this revision, or the next to come, is the stream's next.
    async fn position_before(
        &self,
        stream: &StreamName,
        revision: Revision,
        now: Position,
    ) -> Result<Position, ReadError> {
        if revision == Revision::FIRST {
            return Ok(Position::START);
        }
        let read = self
            .log
            .read_stream(stream, revision, Direction::Forward, 1);
        let position = read.await?.first().map(|event| event.position);
        Ok(position.map_or(now, |position| Position(position.0 - 1)))
    }

    fn following(
        &self,
        subscription: Subscription,
        what: What,
        resolve_links: bool,
        place: OwnedSemaphorePermit,
    ) -> Following {
        Following {
            outside: self.clone(),
            subscription,
            what,
            resolve_links,
            held: None,
            ended: false,
            _place: place,
        }
    }

    fn place(&self) -> Result<OwnedSemaphorePermit, FollowError> {
        let places = Arc::clone(&self.common().followers);
        places.try_acquire_owned().map_err(|_| FollowError::Full {
            limit: OUTSIDE_SUBSCRIPTIONS,
        })
    }
}

impl Following {
    /// Waits for what comes next. May be dropped while waiting without losing anything; after `Unavailable` the place is
    /// kept: pause, then call again.
    pub async fn next(&mut self) -> Result<Seen, SubscribeError> {
        loop {
            if self.ended {
                return Ok(Seen::Deleted);
            }
            if self.held.is_none() {
                match self.subscription.news().await? {
                    News::Event(event) => self.held = Some(event),
                    News::CaughtUp(at) => return Ok(Seen::CaughtUp(at, self.last_revision())),
                    News::FellBehind(at) => return Ok(Seen::FellBehind(at)),
                    News::Checkpoint(at) => return Ok(Seen::Checkpoint(at)),
                }
            }
            // Kept until it was resolved, so that neither a failure nor a dropped wait loses it.
            let Some(event) = self.held.clone() else {
                continue;
            };
            let seen = self.look_at(event).await.map_err(unfollowed)?;
            self.held = None;
            if let Some(seen) = seen {
                return Ok(Seen::Event(seen));
            }
        }
    }

    async fn look_at(&mut self, event: Arc<Recorded>) -> Result<Option<Resolved>, ReadError> {
        // As far as this process knows, which is at least as far as what it is given: nobody is asked for each event.
        let now = self.outside.log.head();
        match &mut self.what {
            What::Stream {
                first,
                metadata,
                last,
            } => {
                let time = self.outside.log.now_micros();
                if event.revision < *first || metadata.is_too_old(&event, time) {
                    *last = Some(event.revision);
                    return Ok(None);
                }
                let is_end = *event.kind == *STREAM_DELETED;
                let revision = event.revision;
                let wanted = self.resolve_links;
                let resolved = self.outside.resolve(vec![event], wanted, now).await?;
                *last = Some(revision);
                self.ended = is_end;
                Ok(resolved.into_iter().next())
            }
            What::All => {
                let wanted = self.resolve_links;
                let resolved = self.outside.resolve(vec![event], wanted, now).await?;
                Ok(resolved.into_iter().next())
            }
            What::Numbered(_, next, first) if *next < *first => {
                *next += 1;
                Ok(None)
            }
            What::Numbered(numbered, next, _) => {
                let number = *next;
                let wanted = self.resolve_links;
                let outside = &self.outside;
                let link = outside.numbered_link(numbered, number, event, wanted, now);
                let resolved = link.await?;
                *next = number + 1;
                Ok(Some(resolved))
            }
        }
    }

    fn last_revision(&self) -> Option<Revision> {
        match &self.what {
            What::All => None,
            What::Stream { last, .. } => *last,
            What::Numbered(_, next, _) => next.checked_sub(1).map(Revision),
        }
    }
}

fn unfollowed(error: ReadError) -> SubscribeError {
    SubscribeError::Unavailable(error.to_string())
}
