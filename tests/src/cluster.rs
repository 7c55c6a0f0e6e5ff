//! One log on PostgreSQL and as many processes on it as a journey wants, each with its roles and a folder of its own.
//!
//! For: `Cluster::found`, `start`.
//! May not know: anything inside; only the command line, files and public protocols.

use crate::{Node, PostgresServer, Store};
use std::path::PathBuf;

/// A city in a database, and the folders of its processes.
#[derive(Debug)]
pub struct Cluster {
    dir: tempfile::TempDir,
    store: Store,
}

impl Cluster {
    /// A new city of `residents` residents; nothing runs on it yet.
    pub async fn found(residents: u32) -> Cluster {
        Self::found_on(PostgresServer::shared(), residents).await
    }

    /// The same on a server of the journey's own.
    pub async fn found_on(server: &PostgresServer, residents: u32) -> Cluster {
        let dir = tempfile::tempdir().expect("a folder");
        let store = Store::on(server);
        let cluster = Cluster { dir, store };
        let founder = cluster.store.start(&cluster.city(), residents).await;
        founder.stop().await;
        cluster
    }

    /// Where the city's accounts, devices and master key are.
    pub fn city(&self) -> PathBuf {
        self.dir.path().join("city")
    }

    /// Where the process of this name keeps its things.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The log's database.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// A process of this name with these roles, on free ports.
    pub async fn start(&self, name: &str, roles: &str) -> Node {
        let key = self.city().join("master.key");
        let key = key.to_str().expect("a path of ours is text");
        let flags = [
            "serve",
            "--roles",
            roles,
            "--node",
            name,
            "--master-key",
            key,
        ];
        let (data, city) = (self.folder(name), self.city());
        Node::launch(&self.store, &data, &city, &flags, "已就绪").await
    }
}
