//! The service `PersistentSubscriptions`: groups of competing consumers.
//!
//! For: making and changing groups, asking about them, and their consumers.
//! May not know: how events are shared out; that is the log's `competing`.

mod consume;
mod info;
mod settings;

use std::sync::Arc;

use async_trait::async_trait;
use eventlog::competing::{GroupError, GroupFilter, GroupKey, Groups, Source};
use eventlog::{Filter, Outside};
use tonic::{Request, Response, Status, Streaming};

use crate::door::Door;
use crate::fault::{Fault, GroupFault};
use crate::filter::{EventFilter, Of};
use crate::ids::stream_name;
use crate::proto::client::persistent_subscriptions::persistent_subscriptions_server::PersistentSubscriptions;
use crate::proto::client::persistent_subscriptions::{
    CreateReq, CreateResp, DeleteReq, DeleteResp, GetInfoReq, GetInfoResp, ListReq, ListResp,
    ReadReq, ReadResp, ReplayParkedReq, ReplayParkedResp, TruncateParkedReq, TruncateParkedResp,
    UpdateReq, UpdateResp, delete_req, get_info_req, list_req, replay_parked_req,
};
use crate::proto::client::{Empty, StreamIdentifier};
use crate::streams::{Answers, log_filter};

/// The service.
#[derive(Clone)]
pub(crate) struct GroupsService(pub(crate) Arc<Door>);

/// The groups of a log, with filters as this door compiles them.
pub(crate) fn groups(outside: Outside) -> Groups {
    Groups::new(outside, Arc::new(compile))
}

fn compile(filter: &GroupFilter) -> Result<Filter, String> {
    let compiled = match filter.clone() {
        GroupFilter::StreamPrefixes(prefixes) => EventFilter::new(Of::Stream, "", prefixes),
        GroupFilter::KindPrefixes(prefixes) => EventFilter::new(Of::Kind, "", prefixes),
        GroupFilter::StreamRegex(regex) => EventFilter::new(Of::Stream, &regex, Vec::new()),
        GroupFilter::KindRegex(regex) => EventFilter::new(Of::Kind, &regex, Vec::new()),
    };
    match compiled {
        Ok(filter) => Ok(log_filter(Some(Arc::new(filter)))),
        Err(Fault::Invalid(why)) => Err(why),
        Err(fault) => Err(format!("{fault:?}")),
    }
}

/// Drops every consumer; groups go on from their checkpoints.
pub(crate) async fn restart(door: &Door) {
    door.groups.restart().await;
}

/// What a group's error means to a client.
fn refused(error: GroupError, key: &GroupKey) -> Fault {
    let group = |fault| Fault::Group(fault, key.source.to_string(), key.group.clone());
    match error {
        GroupError::Missing => group(GroupFault::Missing),
        GroupError::Exists => group(GroupFault::Exists),
        GroupError::Invalid(why) => group(GroupFault::Failed(why)),
        GroupError::FullOfConsumers { .. } => group(GroupFault::Full),
        GroupError::FullOfGroups { .. } => Fault::TooMany(error.to_string()),
        GroupError::StreamDeleted => match &key.source {
            Source::Stream(stream) => Fault::Tombstoned(stream.clone()),
            Source::All => group(GroupFault::Missing),
        },
        GroupError::Elsewhere | GroupError::Unavailable(_) => Fault::Unavailable(error.to_string()),
    }
}

fn of_stream(stream: Option<StreamIdentifier>, group: String) -> Result<GroupKey, Fault> {
    let source = Source::Stream(stream_name(stream)?);
    Ok(GroupKey { source, group })
}

fn of_all(group: String) -> GroupKey {
    let source = Source::All;
    GroupKey { source, group }
}

fn missing() -> Fault {
    Fault::invalid("the request needs options with a stream, or all")
}

#[async_trait]
impl PersistentSubscriptions for GroupsService {
    type ReadStream = Answers<ReadResp>;

    async fn create(&self, request: Request<CreateReq>) -> Result<Response<CreateResp>, Status> {
        let door = &self.0;
        door.keeper.may_read(Door::caller(&request))?;
        let options = request.into_inner().options.ok_or_else(missing)?;
        let (key, settings) = settings::to_create(options)?;
        let made = door.groups.create(&key, settings).await;
        made.map_err(|error| refused(error, &key))?;
        Ok(Response::new(CreateResp {}))
    }

    async fn update(&self, request: Request<UpdateReq>) -> Result<Response<UpdateResp>, Status> {
        let door = &self.0;
        door.keeper.may_read(Door::caller(&request))?;
        let options = request.into_inner().options.ok_or_else(missing)?;
        let (key, settings) = settings::to_update(options)?;
        let changed = door.groups.update(&key, settings).await;
        changed.map_err(|error| refused(error, &key))?;
        Ok(Response::new(UpdateResp {}))
    }

    async fn delete(&self, request: Request<DeleteReq>) -> Result<Response<DeleteResp>, Status> {
        use delete_req::options::StreamOption;
        let door = &self.0;
        door.keeper.may_read(Door::caller(&request))?;
        let options = request.into_inner().options.ok_or_else(missing)?;
        let group = options.group_name;
        let key = match options.stream_option.ok_or_else(missing)? {
            StreamOption::StreamIdentifier(stream) => of_stream(Some(stream), group)?,
            StreamOption::All(_) => of_all(group),
        };
        let deleted = door.groups.delete(&key).await;
        deleted.map_err(|error| refused(error, &key))?;
        Ok(Response::new(DeleteResp {}))
    }

    async fn read(
        &self,
        request: Request<Streaming<ReadReq>>,
    ) -> Result<Response<Answers<ReadResp>>, Status> {
        let answers = consume::consume(&self.0, request).await?;
        Ok(Response::new(answers))
    }

    async fn get_info(
        &self,
        request: Request<GetInfoReq>,
    ) -> Result<Response<GetInfoResp>, Status> {
        use get_info_req::options::StreamOption;
        let door = &self.0;
        door.keeper.may_read(Door::caller(&request))?;
        let options = request.into_inner().options.ok_or_else(missing)?;
        let group = options.group_name;
        let key = match options.stream_option.ok_or_else(missing)? {
            StreamOption::StreamIdentifier(stream) => of_stream(Some(stream), group)?,
            StreamOption::All(_) => of_all(group),
        };
        let found = door.groups.info(&key).await;
        let found = found.map_err(|error| refused(error, &key))?;
        Ok(Response::new(GetInfoResp {
            subscription_info: Some(info::info(found)),
        }))
    }

    async fn replay_parked(
        &self,
        request: Request<ReplayParkedReq>,
    ) -> Result<Response<ReplayParkedResp>, Status> {
        use replay_parked_req::options::{StopAtOption, StreamOption};
        let door = &self.0;
        door.keeper.may_read(Door::caller(&request))?;
        let options = request.into_inner().options.ok_or_else(missing)?;
        let group = options.group_name;
        let key = match options.stream_option.ok_or_else(missing)? {
            StreamOption::StreamIdentifier(stream) => of_stream(Some(stream), group)?,
            StreamOption::All(_) => of_all(group),
        };
        let most = match options.stop_at_option {
            Some(StopAtOption::StopAt(most)) => Some(
                u64::try_from(most).map_err(|_| Fault::invalid("stop_at must not be negative"))?,
            ),
            Some(StopAtOption::NoLimit(_)) | None => None,
        };
        match door.groups.replay_parked(&key, most).await {
            Err(GroupError::Elsewhere) => return Err(door.elsewhere().await.into()),
            replayed => replayed.map_err(|error| refused(error, &key))?,
        }
        Ok(Response::new(ReplayParkedResp {}))
    }

    async fn truncate_parked(
        &self,
        _: Request<TruncateParkedReq>,
    ) -> Result<Response<TruncateParkedResp>, Status> {
        Err(Status::unimplemented(
            "parked events are given again by ReplayParked and acknowledged or skipped; they are not thrown away unseen",
        ))
    }

    async fn list(&self, request: Request<ListReq>) -> Result<Response<ListResp>, Status> {
        use list_req::options::ListOption;
        use list_req::stream_option::StreamOption;
        let door = &self.0;
        door.keeper.may_read(Door::caller(&request))?;
        let options = request.into_inner().options.and_then(|it| it.list_option);
        let of = match options.ok_or_else(missing)? {
            ListOption::ListAllSubscriptions(_) => None,
            ListOption::ListForStream(of) => Some(match of.stream_option.ok_or_else(missing)? {
                StreamOption::Stream(stream) => Source::Stream(stream_name(Some(stream))?),
                StreamOption::All(_) => Source::All,
            }),
        };
        let anybody = GroupKey {
            source: of.clone().unwrap_or(Source::All),
            group: String::new(),
        };
        let found = door.groups.list(of.as_ref()).await;
        let found = found.map_err(|error| refused(error, &anybody))?;
        if of.is_some() && found.is_empty() {
            return Err(refused(GroupError::Missing, &anybody).into());
        }
        Ok(Response::new(ListResp {
            subscriptions: found.into_iter().map(info::info).collect(),
        }))
    }

    async fn restart_subsystem(&self, request: Request<Empty>) -> Result<Response<Empty>, Status> {
        self.0.keeper.may_read(Door::caller(&request))?;
        restart(&self.0).await;
        Ok(Response::new(Empty {}))
    }
}
