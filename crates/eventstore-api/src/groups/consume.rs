//! One consumer of a group.
//!
//! For: the call `Read` of this service: events out, answers to them in, each side at its own pace.
//! May not know: which events it gets.

use std::sync::Arc;

use eventlog::competing::{Answers as Answering, Connection, Consumer, GroupError, GroupKey, Nack};
use eventlog::{EventId, GROUP_LEASE};
use futures_util::stream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tonic::{Request, Status, Streaming};

use super::{missing, of_all, of_stream, refused};
use crate::door::Door;
use crate::fault::{Fault, GroupFault};
use crate::ids::{IdForm, read_id};
use crate::limits::{ANSWERED_AT_ONCE, APPEND_IDLE, ELSEWHERE_PAUSE};
use crate::proto::client;
use crate::proto::client::persistent_subscriptions::read_req::nack::Action;
use crate::proto::client::persistent_subscriptions::read_req::options::StreamOption;
use crate::proto::client::persistent_subscriptions::read_req::options::uuid_option::Content as Form;
use crate::proto::client::persistent_subscriptions::read_req::{Content as Asked, Options};
use crate::proto::client::persistent_subscriptions::read_resp::{
    Content, SubscriptionConfirmation,
};
use crate::proto::client::persistent_subscriptions::{ReadReq, ReadResp};
use crate::record::group_event;
use crate::seats::Seat;
use crate::streams::Answers;

/// Connects a consumer; refused here or goes on until the group ends or the client goes.
pub(crate) async fn consume(
    door: &Arc<Door>,
    request: Request<Streaming<ReadReq>>,
) -> Result<Answers<ReadResp>, Status> {
    door.keeper.may_read(Door::caller(&request))?;
    let client = Door::client(&request);
    let seat = door.seats.take(client)?;
    let name = request.metadata().get("connection-name");
    let name = name
        .and_then(|name| name.to_str().ok())
        .unwrap_or("<unknown>")
        .to_owned();
    let mut asked = request.into_inner();
    let first = tokio::time::timeout(APPEND_IDLE, asked.message()).await;
    let first = first.map_err(|_| Fault::TimedOut)??;
    let Some(Asked::Options(options)) = first.and_then(|it| it.content) else {
        return Err(Fault::invalid("a consumer begins with its options").into());
    };
    let ids = match options
        .uuid_option
        .as_ref()
        .and_then(|it| it.content.as_ref())
    {
        Some(Form::String(_)) => IdForm::Text,
        Some(Form::Structured(_)) | None => IdForm::Structured,
    };
    let buffer = usize::try_from(options.buffer_size).unwrap_or_default();
    let key = key(options)?;
    let connection = Connection {
        buffer,
        from: client.map_or_else(String::new, |client| client.to_string()),
        user: String::new(),
        name,
    };
    let consumer = connect(door, &key, connection).await?;
    let left = CancellationToken::new();
    let answering = listen(asked, consumer.answers(), left.clone());
    let confirmation = SubscriptionConfirmation {
        subscription_id: key.to_string(),
    };
    let line = Line {
        door: Arc::clone(door),
        key,
        ids,
        confirmation: Some(confirmation),
        consumer,
        left,
        _answering: AbortOnDropHandle::new(tokio::spawn(answering)),
        _seat: seat,
    };
    Ok(Box::pin(stream::unfold(Some(line), |line| async {
        let mut line = line?;
        match line.next().await {
            Ok(content) => {
                let content = Some(content);
                Some((Ok(ReadResp { content }), Some(line)))
            }
            // Never a good end: clients do not expect one.
            Err(fault) => Some((Err(fault), None)),
        }
    })))
}

/// Where another process runs the groups, it may just have died: then its lease runs out, and they are ours.
async fn connect(door: &Door, key: &GroupKey, connection: Connection) -> Result<Consumer, Fault> {
    let until = Instant::now() + GROUP_LEASE + ELSEWHERE_PAUSE;
    loop {
        match door.groups.connect(key, connection.clone()).await {
            Err(GroupError::Elsewhere) if Instant::now() < until => {
                tokio::time::sleep(ELSEWHERE_PAUSE).await;
            }
            Err(GroupError::Elsewhere) => return Err(door.elsewhere().await),
            connected => return connected.map_err(|error| refused(error, key)),
        }
    }
}

fn key(options: Options) -> Result<GroupKey, Fault> {
    match options.stream_option {
        Some(StreamOption::StreamIdentifier(stream)) => of_stream(Some(stream), options.group_name),
        Some(StreamOption::All(_)) => Ok(of_all(options.group_name)),
        None => Err(missing()),
    }
}

struct Line {
    door: Arc<Door>,
    key: GroupKey,
    ids: IdForm,
    confirmation: Option<SubscriptionConfirmation>,
    consumer: Consumer,
    /// The client has ended its side.
    left: CancellationToken,
    _answering: AbortOnDropHandle<()>,
    _seat: Seat,
}

impl Line {
    async fn next(&mut self) -> Result<Content, Status> {
        if let Some(confirmation) = self.confirmation.take() {
            return Ok(Content::SubscriptionConfirmation(confirmation));
        }
        tokio::select! {
            delivered = self.consumer.next() => match delivered {
                Some(delivered) => {
                    let event = group_event(&delivered.event, delivered.retry_count, self.ids);
                    Ok(Content::Event(event))
                }
                None => Err(self.dropped().await.into()),
            },
            () = self.left.cancelled() => Err(Status::cancelled("the client has ended")),
            () = self.door.closing.cancelled() => Err(Status::unavailable("Server Is Shutting Down")),
        }
    }

    /// Why nothing more comes: the group is gone, or this consumer was put out.
    async fn dropped(&self) -> Fault {
        let fault = match self.door.groups.info(&self.key).await {
            Err(error) => return refused(error, &self.key),
            Ok(_) => GroupFault::Dropped,
        };
        Fault::Group(fault, self.key.source.to_string(), self.key.group.clone())
    }
}

/// Hears what the consumer answers, as long as it speaks.
async fn listen(mut asked: Streaming<ReadReq>, answers: Answering, left: CancellationToken) {
    let _left = left.drop_guard();
    while let Ok(Some(request)) = asked.message().await {
        match request.content {
            Some(Asked::Ack(ack)) => answers.ack(events(&ack.ids)).await,
            Some(Asked::Nack(nack)) => {
                let action = match nack.action() {
                    Action::Unknown | Action::Retry => Nack::Retry,
                    Action::Park => Nack::Park,
                    Action::Skip => Nack::Skip,
                    Action::Stop => Nack::Stop,
                };
                answers.nack(events(&nack.ids), action, &nack.reason).await;
            }
            Some(Asked::Options(_)) | None => {}
        }
    }
}

/// Ids that are none, and those beyond the limit, are nobody's and are passed over.
fn events(ids: &[client::Uuid]) -> Vec<EventId> {
    let ids = ids.iter().take(ANSWERED_AT_ONCE);
    ids.filter_map(|id| read_id(Some(id)).map(EventId))
        .collect()
}
