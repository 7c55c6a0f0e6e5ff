//! Who the members of the cluster are, in the words of clients.
//!
//! For: the service `Gossip`, and the plain pages beside it that clients and health checks ask for over HTTP/1.1.
//! May not know: what is in the log; how processes find each other (`members`).
//!
//! Clients connect again to the address told here, so this process's own is the one they used, where they say which and
//! nothing is advertised. All members do the same but for one thing: the leader is the one that runs the groups.

use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::door::Door;
use crate::features::SERVER_VERSION;
use crate::ids::IdForm;
use crate::members::{Member, Reached};
use crate::proto::client::Empty;
use crate::proto::client::gossip::gossip_server::Gossip;
use crate::proto::client::gossip::member_info::VNodeState;
use crate::proto::client::gossip::{ClusterInfo, EndPoint, MemberInfo};

/// The service.
#[derive(Clone)]
pub(crate) struct GossipService(pub(crate) Arc<Door>);

#[async_trait]
impl Gossip for GossipService {
    async fn read(&self, request: Request<Empty>) -> Result<Response<ClusterInfo>, Status> {
        let door = &self.0;
        let reached = request.extensions().get::<Reached>().cloned();
        let reached = reached.unwrap_or_else(|| door.reached(None, &HeaderMap::new()));
        let (members, leader) = door.cluster(reached).await;
        let members = members.into_iter().enumerate().map(|(place, member)| {
            let state = match place == leader {
                true => VNodeState::Leader,
                false => VNodeState::Follower,
            };
            MemberInfo {
                instance_id: Some(IdForm::Text.write(member.instance)),
                time_stamp: member.said_at.saturating_mul(10),
                state: state.into(),
                is_alive: true,
                http_end_point: Some(EndPoint {
                    address: member.at.host,
                    port: u32::from(member.at.port),
                }),
            }
        });
        Ok(Response::new(ClusterInfo {
            members: members.collect(),
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

async fn info(State(door): State<Arc<Door>>, headers: HeaderMap) -> Json<Value> {
    let (members, leader) = door.cluster(door.reached(None, &headers)).await;
    let leads = members[leader].instance == door.instance;
    Json(json!({
        "dbVersion": SERVER_VERSION,
        "esVersion": SERVER_VERSION,
        "state": if leads { "leader" } else { "follower" },
        "features": {},
        "authentication": { "type": "basic" },
    }))
}

async fn gossip(State(door): State<Arc<Door>>, headers: HeaderMap) -> Json<Value> {
    let own = door.reached(None, &headers);
    let (members, leader) = door.cluster(own.clone()).await;
    let head = door.store.log.head().0;
    let epoch = members[leader].instance;
    let members = members.iter().enumerate().map(|(place, member)| {
        let state = if place == leader {
            "Leader"
        } else {
            "Follower"
        };
        described(member, state, head, epoch)
    });
    Json(json!({
        "members": members.collect::<Vec<_>>(),
        "serverIp": own.host,
        "serverPort": own.port,
    }))
}

/// All read and write one log: where it ends for us, it ends for every member.
fn described(member: &Member, state: &str, head: u64, epoch: Uuid) -> Value {
    let Reached { host, port } = &member.at;
    let said_at = jiff::Timestamp::from_microsecond(member.said_at);
    let said_at = said_at.map(|at| at.to_string()).unwrap_or_default();
    json!({
        "instanceId": member.instance,
        "timeStamp": said_at,
        "state": state,
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
        "epochId": epoch,
        "nodePriority": 0,
        "isReadOnlyReplica": false,
        "advertiseHostToClientAs": host,
        "advertiseHttpPortToClientAs": port,
        "esVersion": SERVER_VERSION,
    })
}
