//! Server processes, started for a cell and ended after it.
//!
//! For: `anling eventstore` and UmaDB on free ports, each on a fresh folder.
//! May not know: what is asked of them.

use std::path::Path;
use std::process::Stdio;

use loadtest::postgres::free_port;
use loadtest::{Doing, Failure};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Duration, Instant, sleep_until};

/// How long a server may take to listen.
const LISTENS_WITHIN: Duration = Duration::from_secs(20);
/// Between two looks whether it does.
const EVERY: Duration = Duration::from_millis(50);

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
}

impl Server {
    /// The log alone, over the protocol of EventStoreDB.
    pub(crate) async fn anling(binary: &Path, data: &Path) -> Result<Self, Failure> {
        let port = free_port()?;
        let mut command = Command::new(binary);
        command
            .args(["eventstore", "--insecure", "--data"])
            .arg(data)
            .args(["--listen", &format!("127.0.0.1:{port}")]);
        Self::start(command, port).await
    }

    /// UmaDB with its own defaults: every append is durable before it is answered.
    pub(crate) async fn umadb(binary: &Path, data: &Path) -> Result<Self, Failure> {
        let port = free_port()?;
        std::fs::create_dir(data).doing("make a folder")?;
        let mut command = Command::new(binary);
        command
            .arg("--listen")
            .arg(format!("127.0.0.1:{port}"))
            .arg("--db-path")
            .arg(data);
        Self::start(command, port).await
    }

    async fn start(mut command: Command, port: u16) -> Result<Self, Failure> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let program = command.as_std().get_program().to_owned();
        let doing = format!("start {}", program.display());
        let mut child = command.spawn().doing(&doing)?;
        let deadline = Instant::now() + LISTENS_WITHIN;
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            if let Some(status) = child.try_wait().doing(&doing)? {
                return Err(Failure(format!(
                    "could not {doing}: it ended with {status}"
                )));
            }
            if Instant::now() > deadline {
                return Err(Failure(format!("could not {doing}: it does not listen")));
            }
            sleep_until(Instant::now() + EVERY).await;
        }
        Ok(Self { child, port })
    }

    pub(crate) async fn stop(mut self) -> Result<(), Failure> {
        self.child.kill().await.doing("stop a server")
    }
}
