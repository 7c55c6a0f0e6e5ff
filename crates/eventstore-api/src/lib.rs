//! The log, served over the gRPC protocol of EventStoreDB and KurrentDB to their unmodified clients.
//!
//! For: translating between the protocol and the log, and holding every call against its limits.
//! May not know: what events mean, where accounts are kept, sockets, configuration.
//!
//! Modules in reading order:
//!
//! - `limits`: every bound of this door.
//! - `access`: who may do what; `door`: what the services share; `seats`: how many reads may be open.
//! - `fault`: what a call is refused for, in the words of each version; `ids`, `record`, `filter`: names, events, filters.
//! - `log`: what is needed of the log; `pages`: how much is fetched at a time; `gather`: appends that are not complete.
//! - `streams`: version 1; `several`: version 2; `groups`: competing consumers.
//! - `features`, `members`, `gossip`, `care`: what the server can do, who else serves the log, and the services around it.

mod access;
mod care;
mod door;
mod fault;
mod features;
mod filter;
mod gather;
mod gossip;
mod groups;
mod ids;
mod limits;
mod log;
mod members;
mod pages;
mod proto;
mod record;
mod seats;
mod several;
mod streams;

#[cfg(test)]
mod hostile;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use eventlog::{Lane, Log};
use futures_util::future::OptionFuture;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tonic::service::Routes;

pub use access::{Access, Admission, Gate};
pub use features::SERVER_VERSION;
pub use limits::*;
pub use members::Reached;

use access::Keeper;
use door::Door;
use proto::client::gossip::gossip_server::GossipServer;
use proto::client::monitoring::monitoring_server::MonitoringServer;
use proto::client::operations::operations_server::OperationsServer;
use proto::client::persistent_subscriptions::persistent_subscriptions_server::PersistentSubscriptionsServer;
use proto::client::projections::projections_server::ProjectionsServer;
use proto::client::server_features::server_features_server::ServerFeaturesServer;
use proto::client::streams::streams_server::StreamsServer;
use proto::client::users::users_server::UsersServer;
use proto::v2::streams_service_server::StreamsServiceServer;

/// How the door is kept.
pub struct Options {
    /// Who may come in.
    pub access: Access,
    /// Where it listens, told to clients that do not say how they reached it.
    pub address: SocketAddr,
    /// Where clients are to reach it, told to all of them, whichever process of a cluster they ask; none: they are told what
    /// they used themselves, and those of other processes where it listens.
    pub advertised: Option<Reached>,
    /// Which of the writer's queues outside appends wait in.
    pub lane: Lane,
}

/// The door; clones are the same.
#[derive(Clone)]
pub struct EventStore {
    door: Arc<Door>,
    /// Says where this door is, where other processes may open one to the same log.
    showing: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl EventStore {
    /// A door to `log`; within a runtime.
    pub fn new(log: Log, options: Options) -> Self {
        let store = log::Store::new(log.clone(), options.lane);
        let keeper = Keeper::new(options.access);
        let door = Door::new(store, keeper, options.address, options.advertised);
        let showing = log.is_shared().then(|| door.shown()).flatten();
        let show = |at| members::show(log, door.instance, at, door.closing.clone());
        let showing = showing.map(|at| tokio::spawn(show(at)));
        Self {
            door: Arc::new(door),
            showing: Arc::new(Mutex::new(showing)),
        }
    }

    /// Everything it answers: gRPC, and a few plain pages. To be served over HTTP/2 without upgrade and HTTP/1.1 on the
    /// same port, with the peer's address as connect info.
    pub fn router(&self) -> Router {
        let door = &self.door;
        // The sizes are the services' own: the clients' largest message is larger than the usual limit.
        macro_rules! sized {
            ($server:ident, $service:expr) => {
                $server::new($service)
                    .max_decoding_message_size(MESSAGE_BYTES)
                    .max_encoding_message_size(MESSAGE_BYTES)
            };
        }
        let care = care::CareService(Arc::clone(door));
        let services = Routes::new(sized!(
            StreamsServer,
            streams::StreamsService(Arc::clone(door))
        ))
        .add_service(sized!(
            StreamsServiceServer,
            several::SeveralService(Arc::clone(door))
        ))
        .add_service(sized!(
            PersistentSubscriptionsServer,
            groups::GroupsService(Arc::clone(door))
        ))
        .add_service(ServerFeaturesServer::new(features::FeaturesService))
        .add_service(GossipServer::new(gossip::GossipService(Arc::clone(door))))
        .add_service(OperationsServer::new(care.clone()))
        .add_service(MonitoringServer::new(care.clone()))
        .add_service(UsersServer::new(care.clone()))
        .add_service(ProjectionsServer::new(care))
        .into_axum_router();
        services
            .merge(gossip::pages(Arc::clone(door)))
            .layer(from_fn_with_state(Arc::clone(door), identify))
    }

    /// Ends every subscription and lets go of the groups, so that the process can stop; clients hear that the server is
    /// shutting down. Before the log is closed.
    pub async fn close(&self) {
        self.door.closing.cancel();
        self.door.groups.close().await;
        let showing = self.showing.lock().await.take();
        if let Some(Err(error)) = OptionFuture::from(showing).await {
            tracing::warn!(%error, "whoever says where this door is did not end in order");
        }
    }

    /// Reads and subscriptions open now.
    pub fn open_reads(&self) -> usize {
        self.door.seats.taken()
    }
}

/// Finds out who calls and how, before the services look at the call.
async fn identify(State(door): State<Arc<Door>>, mut request: Request, next: Next) -> Response {
    let from = door::address(request.extensions());
    match door.keeper.caller(request.headers(), from).await {
        Ok(caller) => {
            let reached = door.reached(request.uri().authority(), request.headers());
            request.extensions_mut().insert(caller);
            request.extensions_mut().insert(reached);
            next.run(request).await
        }
        Err(fault) => tonic::Status::from(fault).into_http(),
    }
}
