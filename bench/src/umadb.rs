//! UmaDB's protocol, as far as appending needs it.
//!
//! For: the same call that its own client makes: `umadb.v1.DCB/Append` of its published `umadb.proto`.
//! May not know: the rest of that protocol.

use prost::Message;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Event {
    #[prost(string, tag = "1")]
    pub(crate) event_type: String,
    /// Its streams are tags.
    #[prost(string, repeated, tag = "2")]
    pub(crate) tags: Vec<String>,
    #[prost(bytes = "bytes", tag = "3")]
    pub(crate) data: bytes::Bytes,
    #[prost(string, tag = "4")]
    pub(crate) uuid: String,
    #[prost(message, repeated, tag = "5")]
    pub(crate) metadata: Vec<MetadataEntry>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct MetadataEntry {
    #[prost(string, tag = "1")]
    pub(crate) key: String,
    #[prost(string, tag = "2")]
    pub(crate) value: String,
}

/// Without a condition: as appending with any revision expected.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct AppendRequest {
    #[prost(message, repeated, tag = "1")]
    pub(crate) events: Vec<Event>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct AppendResponse {
    #[prost(uint64, tag = "1")]
    pub(crate) position: u64,
}

/// A connection.
pub(crate) struct Umadb(Grpc<Channel>);

impl Umadb {
    pub(crate) async fn connect(port: u16) -> Result<Self, tonic::transport::Error> {
        let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}"))?;
        let channel = endpoint.tcp_nodelay(true).connect().await?;
        Ok(Self(Grpc::new(channel)))
    }

    /// Appends one event and waits until it is durable; its position.
    pub(crate) async fn append(&mut self, event: Event) -> Result<u64, Status> {
        let path = PathAndQuery::from_static("/umadb.v1.DCB/Append");
        let request = AppendRequest {
            events: vec![event],
        };
        let ready = self.0.ready().await;
        ready.map_err(|error| Status::unavailable(error.to_string()))?;
        let codec = ProstCodec::<AppendRequest, AppendResponse>::default();
        let answer = self.0.unary(Request::new(request), path, codec).await?;
        Ok(answer.into_inner().position)
    }
}
