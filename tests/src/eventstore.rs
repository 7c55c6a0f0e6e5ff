//! The log alone as a process: `anling eventstore`, ended and started again on the same port.
//!
//! For: stories that other programs' clients tell.
//! May not know: the protocol; the clients speak it.

use crate::{Store, binary};
use std::{net::TcpListener, path::Path, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// How long it may take until it listens.
const START_WITHIN: Duration = Duration::from_secs(60);

/// A running `anling eventstore --insecure`.
#[derive(Debug)]
pub struct EventStoreNode {
    child: Child,
    /// `127.0.0.1:port`.
    pub address: String,
}

impl EventStoreNode {
    /// On a free port.
    pub async fn start(store: &Store, data: &Path) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("an address").to_string();
        drop(free);
        Self::start_at(store, data, address).await
    }

    /// On this address; ready when it has said so.
    pub async fn start_at(store: &Store, data: &Path, address: String) -> Self {
        let mut child = Command::new(binary())
            .args(["eventstore", "--insecure", "--listen", &address, "--data"])
            .arg(data)
            .envs(store.environment())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the binary starts");
        let stdout = child.stdout.take().expect("stdout is piped");
        let mut lines = BufReader::new(stdout).lines();
        let ready = tokio::time::timeout(START_WITHIN, async {
            while let Some(line) = lines.next_line().await.expect("stdout is text") {
                // The last line of the greeting.
                if line.contains(" data ") {
                    return true;
                }
            }
            false
        });
        assert!(
            ready.await.expect("ready in time"),
            "it ended before it was ready"
        );
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { child, address }
    }

    /// What clients connect to.
    pub fn url(&self) -> String {
        format!("kurrentdb://{}?tls=false", self.address)
    }

    /// Ends it without a word, and starts it again where it was.
    pub async fn restart(self, store: &Store, data: &Path) -> Self {
        let address = self.address.clone();
        self.kill_nine().await;
        Self::start_at(store, data, address).await
    }

    /// Ends it without a word.
    pub async fn kill_nine(mut self) {
        self.child.kill().await.expect("it was running");
    }

    /// Asks it to stop, and waits.
    pub async fn stop(mut self) {
        let pid = self.child.id().expect("it was running").to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status().await;
        assert!(told.expect("kill is there").success());
        let ended = tokio::time::timeout(Duration::from_secs(30), self.child.wait());
        let ended = ended.await.expect("it stops in time").expect("it ends");
        assert!(ended.success());
    }
}
