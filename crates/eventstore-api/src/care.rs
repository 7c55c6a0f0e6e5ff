//! The services around the log: operations, accounts, figures, projections.
//!
//! For: as much of them as clients' ordinary calls need, and plain words where we have nothing of the kind.
//! May not know: streams and groups.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream;
use tonic::{Request, Response, Status};

use crate::door::Door;
use crate::limits::STATS_PAUSE;
use crate::proto::client::Empty;
use crate::proto::client::monitoring::monitoring_server::Monitoring;
use crate::proto::client::monitoring::{StatsReq, StatsResp};
use crate::proto::client::operations::operations_server::Operations;
use crate::proto::client::operations::{
    ScavengeResp, SetNodePriorityReq, StartScavengeReq, StopScavengeReq,
};
use crate::proto::client::projections::projections_server::Projections;
use crate::proto::client::users::users_server::Users;
use crate::proto::client::{projections, users};
use crate::streams::Answers;

/// All of them.
#[derive(Clone)]
pub(crate) struct CareService(pub(crate) Arc<Door>);

const NO_SCAVENGE: &str =
    "no record is ever removed from this log, so there is nothing to scavenge";
const NO_SHUTDOWN: &str = "end the process where it runs; no client can";
const NO_ACCOUNTS: &str =
    "accounts are kept by the service itself; use the command `anling operator`";
const NO_PROJECTIONS: &str = "there are no projections here; follow a category or a type of event with a subscription, \
                              and keep what you make of it in a stream or a table of your own";

#[async_trait]
impl Operations for CareService {
    async fn start_scavenge(
        &self,
        _: Request<StartScavengeReq>,
    ) -> Result<Response<ScavengeResp>, Status> {
        Err(Status::unimplemented(NO_SCAVENGE))
    }

    async fn stop_scavenge(
        &self,
        _: Request<StopScavengeReq>,
    ) -> Result<Response<ScavengeResp>, Status> {
        Err(Status::unimplemented(NO_SCAVENGE))
    }

    async fn shutdown(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        Err(Status::unimplemented(NO_SHUTDOWN))
    }

    /// There is nothing to merge, so it is done.
    async fn merge_indexes(&self, request: Request<Empty>) -> Result<Response<Empty>, Status> {
        self.0.keeper.may_read(Door::caller(&request))?;
        Ok(Response::new(Empty {}))
    }

    /// Nobody else could lead.
    async fn resign_node(&self, request: Request<Empty>) -> Result<Response<Empty>, Status> {
        self.0.keeper.may_read(Door::caller(&request))?;
        Ok(Response::new(Empty {}))
    }

    /// Nobody else could lead.
    async fn set_node_priority(
        &self,
        request: Request<SetNodePriorityReq>,
    ) -> Result<Response<Empty>, Status> {
        self.0.keeper.may_read(Door::caller(&request))?;
        Ok(Response::new(Empty {}))
    }

    async fn restart_persistent_subscriptions(
        &self,
        request: Request<Empty>,
    ) -> Result<Response<Empty>, Status> {
        self.0.keeper.may_read(Door::caller(&request))?;
        crate::groups::restart(&self.0).await;
        Ok(Response::new(Empty {}))
    }
}

#[async_trait]
impl Monitoring for CareService {
    type StatsStream = Answers<StatsResp>;

    async fn stats(
        &self,
        request: Request<StatsReq>,
    ) -> Result<Response<Answers<StatsResp>>, Status> {
        let door = Arc::clone(&self.0);
        door.keeper.may_read(Door::caller(&request))?;
        let seat = door.seats.take(Door::client(&request))?;
        let asked = Duration::from_millis(request.into_inner().refresh_time_period_in_ms);
        let pause = asked.clamp(STATS_PAUSE, STATS_PAUSE * 3_600);
        let lines = stream::unfold((door, seat, false), move |(door, seat, later)| async move {
            if later {
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = door.closing.cancelled() => {
                        return None;
                    }
                }
            }
            let stats = figures(&door);
            Some((Ok(StatsResp { stats }), (door, seat, true)))
        });
        Ok(Response::new(Box::pin(lines)))
    }
}

fn figures(door: &Door) -> HashMap<String, String> {
    let metrics = door.store.log.metrics();
    HashMap::from([
        (
            "es-writer-lastPosition".to_owned(),
            metrics.head.to_string(),
        ),
        (
            "es-queue-urgent-length".to_owned(),
            metrics.urgent_queued.to_string(),
        ),
        (
            "es-queue-bulk-length".to_owned(),
            metrics.bulk_queued.to_string(),
        ),
        ("es-readers-open".to_owned(), door.seats.taken().to_string()),
    ])
}

/// A service whose every call is refused in the same words.
macro_rules! refused {
    ($service:ident, $stream:ident = $lines:ty, $why:expr; $($call:ident($ask:ty) -> $answer:ty;)*) => {
        #[async_trait]
        impl $service for CareService {
            type $stream = Answers<$lines>;

            $(
                async fn $call(&self, _: Request<$ask>) -> Result<Response<$answer>, Status> {
                    Err(Status::unimplemented($why))
                }
            )*
        }
    };
}

refused! { Users, DetailsStream = users::DetailsResp, NO_ACCOUNTS;
    create(users::CreateReq) -> users::CreateResp;
    update(users::UpdateReq) -> users::UpdateResp;
    delete(users::DeleteReq) -> users::DeleteResp;
    disable(users::DisableReq) -> users::DisableResp;
    enable(users::EnableReq) -> users::EnableResp;
    change_password(users::ChangePasswordReq) -> users::ChangePasswordResp;
    reset_password(users::ResetPasswordReq) -> users::ResetPasswordResp;
    details(users::DetailsReq) -> Self::DetailsStream;
}

refused! { Projections, StatisticsStream = projections::StatisticsResp, NO_PROJECTIONS;
    create(projections::CreateReq) -> projections::CreateResp;
    update(projections::UpdateReq) -> projections::UpdateResp;
    delete(projections::DeleteReq) -> projections::DeleteResp;
    statistics(projections::StatisticsReq) -> Self::StatisticsStream;
    disable(projections::DisableReq) -> projections::DisableResp;
    enable(projections::EnableReq) -> projections::EnableResp;
    reset(projections::ResetReq) -> projections::ResetResp;
    state(projections::StateReq) -> projections::StateResp;
    result(projections::ResultReq) -> projections::ResultResp;
    restart_subsystem(Empty) -> Empty;
}
