//! The two stores a journey runs on.
//!
//! For: telling the same story on SQLite and on PostgreSQL.
//! May not know: what the story is.

use crate::{Node, PostgresServer};
use std::{
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};

/// Where the log of a journey is.
#[derive(Debug, Clone)]
pub enum Store {
    /// In the data folder.
    Sqlite,
    /// In a database of its own, on a server of this test's.
    Postgres(String),
}

impl Store {
    /// A new database.
    pub fn postgres() -> Store {
        Store::on(PostgresServer::shared())
    }

    /// A new database on this server.
    pub fn on(server: &PostgresServer) -> Store {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("journey{}", NEXT.fetch_add(1, Ordering::Relaxed));
        server.sql(&format!("CREATE DATABASE {name}"));
        Store::Postgres(server.url().replace("/postgres?", &format!("/{name}?")))
    }

    /// What a process is told of it, as environment.
    pub fn environment(&self) -> Option<(&'static str, &str)> {
        match self {
            Store::Sqlite => None,
            Store::Postgres(url) => Some(("ANLING_DATABASE_URL", url)),
        }
    }

    /// The demo city without its cast, of `residents` residents, in one process on free ports.
    pub async fn start(&self, data: &Path, residents: u32) -> Node {
        let residents = residents.to_string();
        let words = ["demo", "--no-cast", "--residents", &residents];
        self.start_with(data, &words).await
    }

    /// `anling serve` with every role, on free ports.
    pub async fn serve(&self, data: &Path) -> Node {
        Node::launch(self, data, data, &["serve"], "已就绪").await
    }

    /// The demo with these words, `demo` the first of them.
    pub async fn start_with(&self, data: &Path, words: &[&str]) -> Node {
        Node::launch(self, data, data, words, "Ctrl-C").await
    }
}

/// Makes two tests of one journey, `fn(Store)`: one on each store.
#[macro_export]
macro_rules! on_both_stores {
    ($journey:ident) => {
        mod $journey {
            #[tokio::test(flavor = "multi_thread")]
            async fn on_sqlite() {
                super::$journey($crate::Store::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_postgresql() {
                super::$journey($crate::Store::postgres()).await;
            }
        }
    };
}
