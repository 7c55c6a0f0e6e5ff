//! Many appends on one line.
//!
//! For: the call `BatchAppend`: each append gathered by its correlation id, answered by it when it is committed.
//! May not know: how one append is made; that is `append`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use eventlog::{Expected, Revision, StreamName};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, FuturesUnordered};
use tokio::time::Instant;
use tonic::{Code, Status, Streaming};
use uuid::Uuid;

use super::Answers;
use super::append::{Written, one};
use crate::access::Caller;
use crate::door::Door;
use crate::fault::Fault;
use crate::gather::Gathered;
use crate::ids::{event_id, read_id, stream_name};
use crate::limits::{APPEND_IDLE, BATCH_OPEN, BATCH_WAITING, DEADLINE_MOST};
use crate::proto::client::streams::batch_append_req::options::{
    DeadlineOption, ExpectedStreamPosition as Wanted,
};
use crate::proto::client::streams::batch_append_req::{Options, ProposedMessage};
use crate::proto::client::streams::batch_append_resp::{
    ExpectedStreamPosition as Echo, Result as Outcome, Success, success,
};
use crate::proto::client::streams::{BatchAppendReq, BatchAppendResp};
use crate::proto::client::{AllStreamPosition, StreamIdentifier};
use crate::record::new_event;

/// Answers each append, in the order they are committed; ends when the client has ended and all are answered.
pub(crate) fn batch_append(
    door: Arc<Door>,
    caller: Caller,
    messages: Streaming<BatchAppendReq>,
) -> Answers<BatchAppendResp> {
    let line = Line {
        door,
        caller,
        messages: Some(messages),
        open: HashMap::new(),
        waiting: FuturesUnordered::new(),
    };
    Box::pin(stream::unfold(line, |mut line| async {
        let answer = line.answer().await?;
        Some((answer, line))
    }))
}

struct Line {
    door: Arc<Door>,
    caller: Caller,
    /// `None` when the client has ended.
    messages: Option<Streaming<BatchAppendReq>>,
    open: HashMap<Uuid, Open>,
    waiting: FuturesUnordered<BoxFuture<'static, BatchAppendResp>>,
}

/// An append that is begun and not complete.
struct Open {
    ticket: Ticket,
    aim: Result<Aim, Fault>,
    gathered: Gathered,
    since: Instant,
}

/// What an answer repeats of its append.
struct Ticket {
    correlation_id: Option<crate::proto::client::Uuid>,
    stream_identifier: Option<StreamIdentifier>,
    echo: Option<Echo>,
}

struct Aim {
    stream: StreamName,
    expected: Expected,
    until: Instant,
}

enum Next {
    Answer(BatchAppendResp),
    Message(Option<BatchAppendReq>),
    /// What came is too large or no message.
    Broken(Status),
    Overdue,
    Closing,
}

impl Line {
    async fn answer(&mut self) -> Option<Result<BatchAppendResp, Status>> {
        loop {
            if self.messages.is_none() && self.waiting.is_empty() {
                return None;
            }
            match self.next().await {
                Next::Answer(answer) => return Some(Ok(answer)),
                Next::Message(Some(message)) => {
                    if let Err(fault) = self.take(message) {
                        self.messages = None;
                        self.waiting.clear();
                        return Some(Err(fault.into()));
                    }
                }
                Next::Message(None) => {
                    self.messages = None;
                    self.open.clear();
                }
                Next::Broken(status) => {
                    self.messages = None;
                    self.waiting.clear();
                    return Some(Err(status));
                }
                Next::Overdue => self.give_up_overdue(),
                Next::Closing => {
                    self.messages = None;
                    self.waiting.clear();
                    return Some(Err(Status::unavailable("Server Is Shutting Down")));
                }
            }
        }
    }

    async fn next(&mut self) -> Next {
        let oldest = self.open.values().map(|open| open.since).min();
        let overdue = async {
            match oldest {
                Some(since) => tokio::time::sleep_until(since + APPEND_IDLE).await,
                None => std::future::pending().await,
            }
        };
        let room = self.waiting.len() < BATCH_WAITING;
        let message = async {
            match &mut self.messages {
                Some(messages) if room => messages.message().await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            Some(answer) = self.waiting.next() => Next::Answer(answer),
            message = message => match message {
                Ok(message) => Next::Message(message),
                Err(status) if matches!(status.code(), Code::OutOfRange | Code::Internal) => Next::Broken(status),
                // A client that went away has ended too.
                Err(_) => Next::Message(None),
            },
            () = overdue => Next::Overdue,
            () = self.door.closing.cancelled() => Next::Closing,
        }
    }

    /// Takes one message; a fault in it that has no append to belong to ends the line.
    fn take(&mut self, message: BatchAppendReq) -> Result<(), Fault> {
        let id = read_id(message.correlation_id.as_ref());
        let id = id.ok_or_else(|| Fault::invalid("a batch append needs a correlation id"))?;
        let begun = self.open.remove(&id);
        let mut open = match (begun, message.options) {
            (Some(open), _) => open,
            (None, Some(options)) => self.begin(message.correlation_id, options),
            (None, None) => {
                return Err(Fault::invalid("a batch append begins with its options"));
            }
        };
        if open.aim.is_ok() {
            let events = message.proposed_messages.into_iter();
            let gathered = &mut open.gathered;
            let mut added = events.map(|event| gathered.add(&self.door, proposed(event)?));
            if let Some(fault) = added.find_map(Result::err) {
                open.aim = Err(fault);
                open.gathered = Gathered::default();
            }
        }
        if message.is_final {
            self.finish(open);
        } else {
            self.open.insert(id, open);
        }
        Ok(())
    }

    fn begin(&self, id: Option<crate::proto::client::Uuid>, options: Options) -> Open {
        let ticket = Ticket {
            correlation_id: id,
            stream_identifier: options.stream_identifier.clone(),
            echo: options.expected_stream_position.as_ref().map(echo),
        };
        let aim = if self.open.len() < BATCH_OPEN {
            self.aim(options)
        } else {
            Err(Fault::invalid(format!(
                "at most {BATCH_OPEN} appends may be begun on one line; complete some first"
            )))
        };
        Open {
            ticket,
            aim,
            gathered: Gathered::default(),
            since: Instant::now(),
        }
    }

    fn aim(&self, options: Options) -> Result<Aim, Fault> {
        let stream = stream_name(options.stream_identifier)?;
        self.door.may_write(self.caller, &stream)?;
        let expected = match options.expected_stream_position {
            Some(Wanted::StreamPosition(revision)) => Expected::Exact(Revision(revision)),
            Some(Wanted::NoStream(())) => Expected::NoStream,
            Some(Wanted::StreamExists(())) => Expected::StreamExists,
            Some(Wanted::Any(())) => Expected::Any,
            None => return Err(Fault::invalid("an append needs an expected revision")),
        };
        let now = self.door.store.log.now_micros();
        let patience = patience(options.deadline_option, now);
        Ok(Aim {
            stream,
            expected,
            until: Instant::now() + patience,
        })
    }

    fn finish(&mut self, open: Open) {
        let door = Arc::clone(&self.door);
        self.waiting.push(Box::pin(async move {
            let Open {
                ticket,
                aim,
                gathered,
                ..
            } = open;
            let written = match aim {
                Err(fault) => Err(fault),
                Ok(aim) => {
                    let append = one(&door.store, &aim.stream, aim.expected, gathered.events);
                    let made = tokio::time::timeout_at(aim.until, append).await;
                    made.unwrap_or(Err(Fault::TimedOut))
                }
            };
            ticket.answer(written)
        }));
    }

    fn give_up_overdue(&mut self) {
        let now = Instant::now();
        let overdue = |open: &Open| open.since + APPEND_IDLE <= now;
        let ids: Vec<_> = self
            .open
            .iter()
            .filter(|(_, open)| overdue(open))
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            if let Some(mut open) = self.open.remove(&id) {
                open.aim = Err(Fault::TimedOut);
                self.finish(open);
            }
        }
    }
}

impl Ticket {
    fn answer(self, written: Result<Written, Fault>) -> BatchAppendResp {
        use success::{CurrentRevisionOption as Current, PositionOption};
        let outcome = match written {
            Err(fault) => Outcome::Error(fault.into()),
            Ok(written) => Outcome::Success(Success {
                current_revision_option: Some(match written.revision {
                    Some(revision) => Current::CurrentRevision(revision.0),
                    None => Current::NoStream(()),
                }),
                position_option: Some(match written.position {
                    Some(position) => PositionOption::Position(AllStreamPosition {
                        commit_position: position.0,
                        prepare_position: position.0,
                    }),
                    None => PositionOption::NoPosition(()),
                }),
            }),
        };
        BatchAppendResp {
            correlation_id: self.correlation_id,
            stream_identifier: self.stream_identifier,
            expected_stream_position: self.echo,
            result: Some(outcome),
        }
    }
}

fn echo(wanted: &Wanted) -> Echo {
    match wanted {
        Wanted::StreamPosition(revision) => Echo::StreamPosition(*revision),
        Wanted::NoStream(()) => Echo::NoStream(()),
        Wanted::Any(()) => Echo::Any(()),
        Wanted::StreamExists(()) => Echo::StreamExists(()),
    }
}

fn proposed(mut message: ProposedMessage) -> Result<eventlog::NewEvent, Fault> {
    let id = event_id(message.id.as_ref())?;
    new_event(
        id,
        &mut message.metadata,
        message.custom_metadata,
        message.data,
    )
}

/// How long the client waits. One client writes the seconds since 1970 where others write seconds from now, one a date
/// ten thousand years ahead: nobody is believed beyond [`DEADLINE_MOST`].
fn patience(deadline: Option<DeadlineOption>, now_micros: i64) -> Duration {
    let (seconds, nanos) = match deadline {
        None => return DEADLINE_MOST,
        Some(DeadlineOption::Deadline(within)) => (within.seconds, within.nanos),
        Some(DeadlineOption::Deadline21100(at)) => {
            let now_s = now_micros.div_euclid(1_000_000);
            (at.seconds.saturating_sub(now_s), at.nanos)
        }
    };
    let Ok(seconds) = u64::try_from(seconds) else {
        return Duration::ZERO;
    };
    let nanos = u32::try_from(nanos).unwrap_or(0).min(999_999_999);
    Duration::new(seconds.min(DEADLINE_MOST.as_secs()), nanos).min(DEADLINE_MOST)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_700_000_000_000_000;

    fn from_now(seconds: i64, nanos: i32) -> Duration {
        let within = prost_types::Duration { seconds, nanos };
        patience(Some(DeadlineOption::Deadline(within)), NOW)
    }

    #[test]
    fn deadlines_of_every_client_are_understood() {
        assert_eq!(from_now(10, 500), Duration::new(10, 500));
        assert_eq!(from_now(1_700_000_010, 0), DEADLINE_MOST);
        assert_eq!(from_now(315_576_000_000, 0), DEADLINE_MOST);
        assert_eq!(from_now(-1, 0), Duration::ZERO);
        let at = prost_types::Timestamp {
            seconds: 1_700_000_010,
            nanos: 0,
        };
        let until = patience(Some(DeadlineOption::Deadline21100(at)), NOW);
        assert_eq!(until, Duration::from_secs(10));
    }

    proptest! {
        #[test]
        fn no_deadline_is_too_strange(seconds: i64, nanos: i32, now: i64) {
            let within = prost_types::Duration { seconds, nanos };
            prop_assert!(patience(Some(DeadlineOption::Deadline(within)), now) <= DEADLINE_MOST);
            let at = prost_types::Timestamp { seconds, nanos };
            prop_assert!(patience(Some(DeadlineOption::Deadline21100(at)), now) <= DEADLINE_MOST);
        }
    }
}
