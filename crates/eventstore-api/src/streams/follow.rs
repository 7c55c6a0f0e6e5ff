//! A subscription: what stands after a place, then what comes, for ever.
//!
//! For: the same call `Read`, when it asks for a subscription.
//! May not know: reads that end; groups of competing consumers.
//!
//! It never ends well: a client takes the end of the answers for an invitation to ask again at once. It never says that a
//! stream is missing: a missing stream may come.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use eventlog::{
    FollowError, Following, Position, Revision, Seen, Start, StreamName, SubscribeError,
};
use futures_util::stream;
use prost_types::Timestamp;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use uuid::Uuid;

use super::Answers;
use super::read::{filter, id_form, log_filter};
use crate::door::Door;
use crate::fault::Fault;
use crate::filter::EventFilter;
use crate::ids::{IdForm, stream_name};
use crate::log::Store;
use crate::proto::client::streams::ReadResp;
use crate::proto::client::streams::read_req::Options;
use crate::proto::client::streams::read_req::options::all_options::AllOption;
use crate::proto::client::streams::read_req::options::filter_options::Window;
use crate::proto::client::streams::read_req::options::stream_options::RevisionOption;
use crate::proto::client::streams::read_req::options::{
    AllOptions, FilterOption, ReadDirection, StreamOption, StreamOptions,
};
use crate::proto::client::streams::read_resp::{
    CaughtUp, Checkpoint, Content, Position as At, SubscriptionConfirmation,
};
use crate::record::read_event;
use crate::seats::Seat;

/// The window of a filter whose client names none, in events: EventStoreDB's.
const WINDOW: u64 = 32;

/// The pause before a store that does not answer is asked again.
const PAUSE: Duration = Duration::from_millis(250);

/// Starts a subscription; it is refused here or goes on.
pub(crate) async fn follow(
    door: &Door,
    options: Options,
    seat: Seat,
) -> Result<Answers<ReadResp>, Fault> {
    if options.read_direction() == ReadDirection::Backwards {
        return Err(Fault::invalid("a subscription goes forwards"));
    }
    let ids = id_form(&options)?;
    let links = options.resolve_links;
    let window = window(options.filter_option.as_ref())?;
    let filter = filter(options.filter_option)?;
    let (following, of) = match options.stream_option {
        Some(StreamOption::Stream(stream)) => of_stream(door, stream, links).await?,
        Some(StreamOption::All(all)) => of_all(door, &all, filter.clone(), window, links).await?,
        None => return Err(Fault::invalid("a subscription needs a stream, or all")),
    };
    let confirmation = SubscriptionConfirmation {
        subscription_id: Uuid::new_v4().to_string(),
    };
    let follower = Follower {
        store: door.store.clone(),
        closing: door.closing.clone(),
        following,
        of,
        ids,
        filter,
        ready: VecDeque::from([Content::Confirmation(confirmation)]),
        _seat: seat,
    };
    Ok(Box::pin(stream::unfold(Some(follower), |follower| async {
        let mut follower = follower?;
        match follower.answer().await {
            Ok(content) => {
                let content = Some(content);
                Some((Ok(ReadResp { content }), Some(follower)))
            }
            Err(status) => Some((Err(status), None)),
        }
    })))
}

/// Positions between two checkpoints of a filtered subscription; `None` without a filter.
fn window(option: Option<&FilterOption>) -> Result<Option<NonZeroU64>, Fault> {
    let Some(FilterOption::Filter(options)) = option else {
        return Ok(None);
    };
    let window = match options.window {
        Some(Window::Max(window)) => u64::from(window).max(1),
        Some(Window::Count(_)) | None => WINDOW,
    };
    let every = u64::from(options.checkpoint_interval_multiplier) * window;
    let every = NonZeroU64::new(every);
    let every =
        every.ok_or_else(|| Fault::invalid("checkpointIntervalMultiplier must not be 0"))?;
    Ok(Some(every))
}

async fn of_stream(
    door: &Door,
    options: StreamOptions,
    links: bool,
) -> Result<(Following, Of), Fault> {
    let stream = stream_name(options.stream_identifier)?;
    let start = match options.revision_option {
        Some(RevisionOption::Revision(u64::MAX) | RevisionOption::End(_)) => Start::End,
        Some(RevisionOption::Revision(after)) => Start::After(Revision(after)),
        Some(RevisionOption::Start(_)) | None => Start::Beginning,
    };
    let outside = &door.store.outside;
    let following = outside.follow_stream(&stream, start, links).await;
    let following = following.map_err(|error| match error {
        FollowError::Deleted => Fault::Tombstoned(stream.clone()),
        error => error.into(),
    })?;
    Ok((following, Of::Stream(stream)))
}

async fn of_all(
    door: &Door,
    options: &AllOptions,
    filter: Option<Arc<EventFilter>>,
    window: Option<NonZeroU64>,
    links: bool,
) -> Result<(Following, Of), Fault> {
    let start = match options.all_option {
        Some(AllOption::Position(at)) if at.prepare_position > at.commit_position => {
            return Err(Fault::invalid("Trying to read from an invalid position."));
        }
        Some(AllOption::Position(at)) if at.commit_position != u64::MAX => {
            Start::After(Position(at.commit_position))
        }
        Some(AllOption::Position(_) | AllOption::End(_)) => Start::End,
        Some(AllOption::Start(_)) | None => Start::Beginning,
    };
    let outside = &door.store.outside;
    let following = outside
        .follow_all(log_filter(filter), start, links, window)
        .await?;
    Ok((following, Of::All))
}

/// What is followed.
enum Of {
    Stream(StreamName),
    All,
}

struct Follower {
    store: Store,
    closing: CancellationToken,
    following: Following,
    of: Of,
    ids: IdForm,
    filter: Option<Arc<EventFilter>>,
    ready: VecDeque<Content>,
    _seat: Seat,
}

impl Follower {
    async fn answer(&mut self) -> Result<Content, Status> {
        loop {
            if let Some(content) = self.ready.pop_front() {
                return Ok(content);
            }
            let seen = tokio::select! {
                seen = self.following.next() => seen,
                () = self.closing.cancelled() => Err(SubscribeError::Closed),
            };
            match seen {
                Ok(seen) => self.tell(seen)?,
                Err(SubscribeError::Unavailable(why)) => {
                    tracing::debug!(%why, "a subscription waits for the store");
                    tokio::time::sleep(PAUSE).await;
                }
                Err(SubscribeError::Closed) => {
                    return Err(Status::unavailable("Server Is Shutting Down"));
                }
                Err(error @ SubscribeError::TooMany { .. }) => {
                    return Err(Fault::invalid(error.to_string()).into());
                }
            }
            if let Some(filter) = &self.filter {
                filter.check()?;
            }
        }
    }

    fn tell(&mut self, seen: Seen) -> Result<(), Fault> {
        match seen {
            Seen::Event(found) => {
                self.ready
                    .push_back(Content::Event(read_event(&found, self.ids)));
            }
            Seen::Checkpoint(position) => self.checkpoint(position),
            // Clients are not told: they hear again when it has caught up.
            Seen::FellBehind(_) => {}
            Seen::CaughtUp(position, revision) => {
                if self.filter.is_some() {
                    self.checkpoint(position);
                }
                let caught_up = self.caught_up(position, revision);
                self.ready.push_back(Content::CaughtUp(caught_up));
            }
            Seen::Deleted => {
                return Err(match &self.of {
                    Of::Stream(stream) => Fault::Tombstoned(stream.clone()),
                    Of::All => Fault::Unavailable("the log has ended".to_owned()),
                });
            }
        }
        Ok(())
    }

    fn checkpoint(&mut self, position: Position) {
        let checkpoint = Checkpoint {
            commit_position: position.0,
            prepare_position: position.0,
            timestamp: Some(self.now()),
        };
        self.ready.push_back(Content::Checkpoint(checkpoint));
    }

    fn caught_up(&self, position: Position, revision: Option<Revision>) -> CaughtUp {
        let at = At {
            commit_position: position.0,
            prepare_position: position.0,
        };
        CaughtUp {
            timestamp: Some(self.now()),
            stream_revision: revision.and_then(|last| i64::try_from(last.0).ok()),
            position: matches!(self.of, Of::All).then_some(at),
        }
    }

    fn now(&self) -> Timestamp {
        let micros = self.store.log.now_micros();
        let nanos = micros.rem_euclid(1_000_000) * 1_000;
        Timestamp {
            seconds: micros.div_euclid(1_000_000),
            nanos: i32::try_from(nanos).unwrap_or(0),
        }
    }
}
