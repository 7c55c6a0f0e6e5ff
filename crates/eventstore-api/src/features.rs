//! What this server can do.
//!
//! For: the service `ServerFeatures`, the first that most clients ask.
//! May not know: how anything is done.

use async_trait::async_trait;
use tonic::{Request, Response, Status};

use crate::proto::client::Empty;
use crate::proto::client::server_features::server_features_server::ServerFeatures;
use crate::proto::client::server_features::{SupportedMethod, SupportedMethods};

/// The release of KurrentDB whose calls are all here: the first with `AppendRecords`. Clients compare it with the release
/// that brought what they want to do.
pub const SERVER_VERSION: &str = "26.1.0";

/// Service, methods, features; names in lower case, as clients compare them.
const METHODS: &[(&str, &[&str], &[&str])] = &[
    (
        "event_store.client.streams.streams",
        &["read"],
        &["position", "events"],
    ),
    (
        "event_store.client.streams.streams",
        &["append", "delete", "tombstone"],
        &[],
    ),
    (
        "event_store.client.streams.streams",
        &["batchappend"],
        &["deadline_duration"],
    ),
    (
        "event_store.client.persistent_subscriptions.persistentsubscriptions",
        &[
            "create",
            "update",
            "delete",
            "read",
            "getinfo",
            "replayparked",
            "list",
            "restartsubsystem",
        ],
        &["stream", "all"],
    ),
    (
        "kurrentdb.protocol.v2.streams.streamsservice",
        &["appendsession", "appendrecords"],
        &[],
    ),
    ("event_store.client.gossip.gossip", &["read"], &[]),
    (
        "event_store.client.server_features.serverfeatures",
        &["getsupportedmethods"],
        &[],
    ),
    ("event_store.client.monitoring.monitoring", &["stats"], &[]),
    (
        "event_store.client.operations.operations",
        &[
            "mergeindexes",
            "resignnode",
            "setnodepriority",
            "restartpersistentsubscriptions",
        ],
        &[],
    ),
];

/// The service.
#[derive(Clone)]
pub(crate) struct FeaturesService;

#[async_trait]
impl ServerFeatures for FeaturesService {
    async fn get_supported_methods(
        &self,
        _: Request<Empty>,
    ) -> Result<Response<SupportedMethods>, Status> {
        let methods = METHODS.iter().flat_map(|(service, methods, features)| {
            methods.iter().map(|method| SupportedMethod {
                method_name: (*method).to_owned(),
                service_name: (*service).to_owned(),
                features: features.iter().map(|it| (*it).to_owned()).collect(),
            })
        });
        Ok(Response::new(SupportedMethods {
            methods: methods.collect(),
            event_store_server_version: SERVER_VERSION.to_owned(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_clients_compare_them_and_the_version_has_three_numbers() {
        for (service, methods, _) in METHODS {
            for name in methods.iter().chain([service]) {
                assert_eq!(*name, name.to_lowercase());
            }
        }
        let numbers: Vec<u32> = SERVER_VERSION
            .split('.')
            .map(|it| it.parse().unwrap())
            .collect();
        assert_eq!(numbers.len(), 3);
    }
}
