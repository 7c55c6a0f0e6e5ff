//! Who the members of the cluster are: this process, as its caller reached it.
//!
//! For: the service `Gossip`, and the plain pages beside it that clients and health checks ask for over HTTP/1.1.
//! May not know: what is in the log.
//!
//! Clients connect again to the address told here, so it is the one they used, where they say which.

use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::State;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, header};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tonic::{Request, Response, Status};

use crate::door::Door;
use crate::features::SERVER_VERSION;
use crate::ids::IdForm;
use crate::proto::client::Empty;
use crate::proto::client::gossip::gossip_server::Gossip;
use crate::proto::client::gossip::member_info::VNodeState;
use crate::proto::client::gossip::{ClusterInfo, EndPoint, MemberInfo};

/// The port clients mean when they name none.
const PORT: u16 = 2113;

/// How a caller reached us, put into a request by the layer before the services.
#[derive(Clone, Debug)]
pub(crate) struct Reached(pub(crate) String, pub(crate) u16);

impl Reached {
    /// By the name and port in the request, or else by our own address.
    pub(crate) fn by(door: &Door, authority: Option<&Authority>, headers: &HeaderMap) -> Self {
        let host = headers.get(header::HOST).and_then(|it| it.to_str().ok());
        let named = host.and_then(|host| host.parse::<Authority>().ok());
        let named = authority.cloned().or(named);
        let own = (door.address.ip().to_string(), door.address.port());
        named.map_or(Self(own.0, own.1), |named| {
            let host = named.host().trim_matches(['[', ']']).to_owned();
            Self(host, named.port_u16().unwrap_or(PORT))
        })
    }
}

/// The service.
#[derive(Clone)]
pub(crate) struct GossipService(pub(crate) Arc<Door>);

#[async_trait]
impl Gossip for GossipService {
    async fn read(&self, request: Request<Empty>) -> Result<Response<ClusterInfo>, Status> {
        let door = &self.0;
        let reached = request.extensions().get::<Reached>().cloned();
        let own = || Reached(door.address.ip().to_string(), door.address.port());
        let Reached(address, port) = reached.unwrap_or_else(own);
        let member = MemberInfo {
            instance_id: Some(IdForm::Text.write(door.instance)),
            time_stamp: door.store.log.now_micros().saturating_mul(10),
            state: VNodeState::Leader.into(),
            is_alive: true,
            http_end_point: Some(EndPoint {
                address,
                port: u32::from(port),
            }),
        };
        Ok(Response::new(ClusterInfo {
            members: vec![member],
        }))
    }
}

/// The plain pages.
pub(crate) fn pages(door: Arc<Door>) -> Router {
    Router::new()
        .route("/gossip", get(gossip))
        .route(
            "/health/live",
            get(async || axum::http::StatusCode::NO_CONTENT),
        )
        .route(
            "/ping",
            get(async || Json(json!({ "text": "Ping request successfully handled" }))),
        )
        .route("/info", get(info))
        .with_state(door)
}

async fn info() -> Json<Value> {
    Json(json!({
        "dbVersion": SERVER_VERSION,
        "esVersion": SERVER_VERSION,
        "state": "leader",
        "features": {},
        "authentication": { "type": "basic" },
    }))
}

async fn gossip(State(door): State<Arc<Door>>, headers: HeaderMap) -> Json<Value> {
    let Reached(host, port) = Reached::by(&door, None, &headers);
    let log = &door.store.log;
    let head = log.head().0;
    let now = jiff::Timestamp::from_microsecond(log.now_micros());
    let now = now.map(|at| at.to_string()).unwrap_or_default();
    let member = json!({
        "instanceId": door.instance,
        "timeStamp": now,
        "state": "Leader",
        "isAlive": true,
        "internalTcpIp": host,
        "internalTcpPort": 0,
        "internalSecureTcpPort": 0,
        "externalTcpIp": host,
        "externalTcpPort": 0,
        "externalSecureTcpPort": 0,
        "internalHttpEndPointIp": host,
        "internalHttpEndPointPort": port,
        "httpEndPointIp": host,
        "httpEndPointPort": port,
        "lastCommitPosition": head,
        "writerCheckpoint": head,
        "chaserCheckpoint": head,
        "epochPosition": 0,
        "epochNumber": 0,
        "epochId": door.instance,
        "nodePriority": 0,
        "isReadOnlyReplica": false,
        "advertiseHostToClientAs": host,
        "advertiseHttpPortToClientAs": port,
        "esVersion": SERVER_VERSION,
    });
    Json(json!({
        "members": [member],
        "serverIp": host,
        "serverPort": port,
    }))
}
