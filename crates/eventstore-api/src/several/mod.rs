//! Version 2: appending to several streams at once, all or nothing.
//!
//! For: the service `StreamsService`: a session of one request per stream, and records that name their own streams.
//! May not know: version 1.

mod record;

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use eventlog::{APPEND_STREAMS, Appended, Expected, NewEvent, Revision, StreamAppend, StreamName};
use tonic::{Request, Response, Status, Streaming};

use crate::access::Caller;
use crate::door::Door;
use crate::fault::{Fault, rich};
use crate::gather::Gathered;
use crate::limits::APPEND_IDLE;
use crate::log::StreamState;
use crate::proto::v2::consistency_check::Type;
use crate::proto::v2::streams_service_server::StreamsService;
use crate::proto::v2::{
    AppendRecordsRequest, AppendRecordsResponse, AppendRequest, AppendResponse,
    AppendSessionResponse, ConsistencyCheck, StreamRevision,
};

/// The service.
#[derive(Clone)]
pub(crate) struct SeveralService(pub(crate) Arc<Door>);

#[async_trait]
impl StreamsService for SeveralService {
    async fn append_session(
        &self,
        request: Request<Streaming<AppendRequest>>,
    ) -> Result<Response<AppendSessionResponse>, Status> {
        let caller = Door::caller(&request);
        let mut requests = request.into_inner();
        let mut plan = Plan::new(&self.0, caller);
        while let Some(request) = next(&mut requests).await? {
            plan.take(request).map_err(rich)?;
        }
        let answer = plan.append().await.map_err(rich)?;
        Ok(Response::new(answer))
    }

    async fn append_records(
        &self,
        request: Request<AppendRecordsRequest>,
    ) -> Result<Response<AppendRecordsResponse>, Status> {
        let caller = Door::caller(&request);
        let AppendRecordsRequest { records, checks } = request.into_inner();
        let mut plan = Plan::new(&self.0, caller);
        for record in records {
            let stream = name(record.stream.as_deref()).map_err(rich)?;
            let event = record::event(record).map_err(rich)?;
            plan.interleave(stream, event).map_err(rich)?;
        }
        let answer = plan.append_checked(checks).await.map_err(rich)?;
        Ok(Response::new(answer))
    }
}

async fn next(requests: &mut Streaming<AppendRequest>) -> Result<Option<AppendRequest>, Status> {
    let request = tokio::time::timeout(APPEND_IDLE, requests.message()).await;
    request.map_err(|_| rich(Fault::TimedOut))?
}

fn name(given: Option<&str>) -> Result<StreamName, Fault> {
    let name = StreamName::new(given.unwrap_or_default());
    name.map_err(|error| Fault::invalid(error.to_string()))
}

/// An expected revision as a number; absent means any.
fn expected(number: Option<i64>) -> Result<Expected, Fault> {
    match number {
        None | Some(-2) => Ok(Expected::Any),
        Some(-1) => Ok(Expected::NoStream),
        Some(-4) => Ok(Expected::StreamExists),
        Some(number) => match u64::try_from(number) {
            Ok(revision) => Ok(Expected::Exact(Revision(revision))),
            Err(_) => Err(Fault::invalid(format!("{number} is no expected revision"))),
        },
    }
}

/// What is to be appended, stream by stream.
struct Plan<'a> {
    door: &'a Door,
    caller: Caller,
    streams: Vec<(StreamName, Expected)>,
    /// Events with the place of their stream in `streams`.
    events: Vec<Vec<NewEvent>>,
    /// The places in the order in which the events came.
    order: Vec<usize>,
    /// Holds the room of all events, and refuses too many.
    gathered: Gathered,
}

impl<'a> Plan<'a> {
    fn new(door: &'a Door, caller: Caller) -> Self {
        Self {
            door,
            caller,
            streams: Vec::new(),
            events: Vec::new(),
            order: Vec::new(),
            gathered: Gathered::default(),
        }
    }

    fn take(&mut self, request: AppendRequest) -> Result<(), Fault> {
        let stream = name(request.stream.as_deref())?;
        let folded = stream.as_str().to_lowercase();
        let mut named = self
            .streams
            .iter()
            .map(|(name, _)| name.as_str().to_lowercase());
        if named.any(|name| name == folded) {
            return Err(Fault::Twice(stream));
        }
        let place = self.stream(stream, expected(request.expected_revision)?)?;
        for record in request.records {
            self.event(place, record::event(record)?)?;
        }
        Ok(())
    }

    fn interleave(&mut self, stream: StreamName, event: NewEvent) -> Result<(), Fault> {
        // Records of one stream mostly stand together.
        let last = self.order.last().copied();
        let last = last.filter(|last| self.streams.get(*last).is_some_and(|it| it.0 == stream));
        let known = last.or_else(|| self.streams.iter().position(|(name, _)| *name == stream));
        let place = match known {
            Some(place) => place,
            None => self.stream(stream, Expected::Any)?,
        };
        self.event(place, event)
    }

    fn stream(&mut self, stream: StreamName, expected: Expected) -> Result<usize, Fault> {
        self.door.may_write(self.caller, &stream)?;
        if self.streams.len() == APPEND_STREAMS {
            let text = format!("at most {APPEND_STREAMS} streams may be appended to at once");
            return Err(Fault::invalid(text));
        }
        self.streams.push((stream, expected));
        self.events.push(Vec::new());
        Ok(self.streams.len() - 1)
    }

    fn event(&mut self, place: usize, event: NewEvent) -> Result<(), Fault> {
        self.gathered.add(self.door, event.clone())?;
        self.events[place].push(event);
        self.order.push(place);
        Ok(())
    }

    async fn commit(&self, guards: Vec<StreamAppend>) -> Result<Appended, Fault> {
        let appends = self.streams.iter().zip(&self.events);
        let appends = appends.map(|((stream, expected), events)| StreamAppend {
            stream: stream.clone(),
            expected: *expected,
            events: events.clone(),
        });
        let appends = appends.chain(guards).collect();
        self.door
            .store
            .append_in_order(appends, self.order.clone())
            .await
    }

    async fn append(self) -> Result<AppendSessionResponse, Fault> {
        if self.streams.is_empty() {
            return Err(Fault::Nothing);
        }
        let appended = self.commit(Vec::new()).await?;
        let mut output = Vec::new();
        for (stream, _) in &self.streams {
            let (revision, position) = self.place(stream, &appended).await?;
            output.push(AppendResponse {
                stream: Some(stream.to_string()),
                stream_revision: Some(revision),
                position: Some(position),
            });
        }
        Ok(AppendSessionResponse {
            output,
            position: Some(signed(appended.position.0)),
        })
    }

    /// Where a stream's part ended; a stream without events stands where it stood.
    async fn place(&self, stream: &StreamName, appended: &Appended) -> Result<(i64, i64), Fault> {
        let written = appended.streams.iter().find(|it| it.stream == *stream);
        match written {
            Some(written) => Ok((signed(written.last.0), signed(written.last_position.0))),
            None => Ok((self.state(stream).await?, -1)),
        }
    }

    /// A stream's state as a number: its last revision, -1 missing, -5 deleted softly, -6 ended for ever.
    async fn state(&self, stream: &StreamName) -> Result<i64, Fault> {
        Ok(match self.door.store.state(stream).await? {
            StreamState::Live(last) => signed(last.0),
            StreamState::Missing if self.was_written(stream).await? => -5,
            StreamState::Missing => -1,
            StreamState::Tombstoned => -6,
        })
    }

    async fn was_written(&self, stream: &StreamName) -> Result<bool, Fault> {
        Ok(self.door.store.log.stream_head(stream).await?.is_some())
    }

    async fn append_checked(
        mut self,
        checks: Vec<ConsistencyCheck>,
    ) -> Result<AppendRecordsResponse, Fault> {
        if self.streams.is_empty() {
            return Err(Fault::invalid("an append needs records"));
        }
        if checks.len() > APPEND_STREAMS {
            let text = format!("at most {APPEND_STREAMS} checks may be made at once");
            return Err(Fault::invalid(text));
        }
        let checks = checks.into_iter().map(check);
        let checks = checks.collect::<Result<Vec<_>, Fault>>()?;
        let mut checked = HashSet::new();
        if let Some((stream, _)) = checks.iter().find(|(stream, _)| !checked.insert(stream)) {
            return Err(Fault::invalid(format!(
                "{stream} is checked more than once"
            )));
        }
        // States that no append can expect are looked up; the others are held in the same commit.
        let looked_up = |number: i64| matches!(number, -5 | -6);
        self.refuse_violations(&checks, looked_up).await?;
        let mut guards: Vec<StreamAppend> = Vec::new();
        for (stream, number) in &checks {
            let Ok(wanted) = expected(Some(*number)) else {
                continue;
            };
            if let Some((_, held)) = self.streams.iter_mut().find(|(name, _)| name == stream) {
                *held = wanted;
            } else if guards.iter().all(|guard| guard.stream != *stream) {
                guards.push(StreamAppend {
                    stream: stream.clone(),
                    expected: wanted,
                    events: Vec::new(),
                });
            }
        }
        let appended = match self.commit(guards).await {
            Ok(appended) => appended,
            Err(fault @ Fault::WrongExpected { .. }) => {
                self.refuse_violations(&checks, |_| true).await?;
                return Err(fault);
            }
            Err(fault) => return Err(fault),
        };
        let mut revisions = Vec::new();
        for (stream, _) in &self.streams {
            let (revision, _) = self.place(stream, &appended).await?;
            revisions.push(StreamRevision {
                stream: Some(stream.to_string()),
                revision: Some(revision),
            });
        }
        Ok(AppendRecordsResponse {
            revisions,
            position: Some(signed(appended.position.0)),
        })
    }

    /// Names every check of some kind that does not hold now, not only the first.
    async fn refuse_violations(
        &self,
        checks: &[(StreamName, i64)],
        kind: impl Fn(i64) -> bool,
    ) -> Result<(), Fault> {
        let mut violations = Vec::new();
        for (index, (stream, wanted)) in checks.iter().enumerate() {
            if !kind(*wanted) {
                continue;
            }
            let actual = self.state(stream).await?;
            if !holds(*wanted, actual) {
                violations.push((index, stream.to_string(), *wanted, actual));
            }
        }
        if violations.is_empty() {
            return Ok(());
        }
        Err(Fault::Inconsistent(violations))
    }
}

fn check(check: ConsistencyCheck) -> Result<(StreamName, i64), Fault> {
    let Some(Type::StreamState(state)) = check.r#type else {
        return Err(Fault::invalid("a check needs the state of a stream"));
    };
    let wanted = state.expected_state.unwrap_or(-2);
    if wanted < -6 || wanted == -3 {
        return Err(Fault::invalid(format!("{wanted} is no state of a stream")));
    }
    Ok((name(state.stream.as_deref())?, wanted))
}

fn holds(wanted: i64, actual: i64) -> bool {
    match wanted {
        -2 => true,
        -4 => actual >= 0,
        -1 => actual == -1 || actual == -5,
        wanted => wanted == actual,
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
