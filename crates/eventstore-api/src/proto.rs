//! What the protocol's definitions became in Rust.
//!
//! For: one place that names every generated module.
//! May not know: what the messages mean.
#![allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    clippy::all,
    reason = "generated; the definitions in `proto/` are the documentation"
)]

pub mod google {
    pub mod rpc {
        tonic::include_proto!("google.rpc");
    }
}

pub mod event_store {
    pub mod client {
        tonic::include_proto!("event_store.client");

        pub mod streams {
            tonic::include_proto!("event_store.client.streams");
        }
        pub mod persistent_subscriptions {
            tonic::include_proto!("event_store.client.persistent_subscriptions");
        }
        pub mod gossip {
            tonic::include_proto!("event_store.client.gossip");
        }
        pub mod server_features {
            tonic::include_proto!("event_store.client.server_features");
        }
        pub mod monitoring {
            tonic::include_proto!("event_store.client.monitoring");
        }
        pub mod operations {
            tonic::include_proto!("event_store.client.operations");
        }
        pub mod users {
            tonic::include_proto!("event_store.client.users");
        }
        pub mod projections {
            tonic::include_proto!("event_store.client.projections");
        }
    }
}

pub mod v2 {
    tonic::include_proto!("kurrentdb.protocol.v2.streams");
}

pub use event_store::client;
