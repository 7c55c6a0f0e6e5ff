//! Following the log with our eyes.
//!
//! For: every reaction and read table: events in order, already read.
//! May not know: what the follower does with them, or where it keeps its place.

use crate::{book::Casebook, codec};
use codec::Case;
use eventlog::{Delivery, Filter, Position, Recorded, SubscribeError, Subscription};
use std::sync::Arc;

/// What a follower gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// The next event. One of ours that does not read is [`Case::Foreign`], and was logged.
    Event(Arc<Recorded>, Case),
    /// Everything up to here was given.
    CaughtUp(Position),
}

/// Why a follower gave nothing this time; see [`SubscribeError`].
pub type FollowError = SubscribeError;

/// A typed subscription.
#[derive(Debug)]
pub struct Follower(Subscription);

impl Casebook {
    /// Follows the log: first what stands after `after`, then what comes.
    pub fn follow(&self, filter: Filter, after: Position) -> Follower {
        Follower(self.log.subscribe(filter, after))
    }
}

impl Follower {
    /// Waits for the next event, or for the live end. May be dropped while waiting without losing anything. After
    /// `Unavailable` the place is kept: pause, then call again.
    pub async fn next(&mut self) -> Result<Followed, FollowError> {
        Ok(match self.0.next().await? {
            Delivery::Event(recorded) => {
                let case = case_of(&recorded);
                Followed::Event(recorded, case)
            }
            Delivery::CaughtUp(position) => Followed::CaughtUp(position),
        })
    }

    /// The next event, passing over the marks of the live end.
    pub async fn next_event(&mut self) -> Result<(Arc<Recorded>, Case), FollowError> {
        loop {
            if let Followed::Event(recorded, case) = self.next().await? {
                return Ok((recorded, case));
            }
        }
    }

    /// Everything meant up to here was given.
    pub fn position(&self) -> Position {
        self.0.position()
    }
}

/// What an event is to a follower, which nothing may stop.
fn case_of(recorded: &Recorded) -> Case {
    codec::read(recorded).unwrap_or_else(|error| {
        tracing::error!(position = recorded.position.0, %error, "passed over");
        Case::Foreign
    })
}
