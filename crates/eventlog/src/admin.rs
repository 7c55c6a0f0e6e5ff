//! The socket through which other commands on this machine reach the running process.
//!
//! For: `DIR/admin.sock`: one line of JSON in, one line of JSON out, for whoever may read the data folder.
//! May not know: any command; the binary gives the handler. Only the holder of the writer lock serves it.

use std::io;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::limits::{ADMIN_CONNECTIONS, ADMIN_IDLE, ADMIN_LINE_BYTES};

/// What is asked of the running process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdminRequest {
    /// Which command.
    pub command: String,
    /// Its arguments.
    #[serde(default)]
    pub args: Value,
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdminReply {
    /// Done.
    Ok(Value),
    /// Not done, and why, in words for the person who asked.
    Error(String),
}

/// Carries out a request.
pub type AdminHandler = Arc<dyn Fn(AdminRequest) -> BoxFuture<'static, AdminReply> + Send + Sync>;

/// Why the socket could not be opened or did not answer.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Nobody serves this folder.
    #[error("no anling is running on {}; start it, or check --data", dir.display())]
    NotRunning {
        /// The folder.
        dir: PathBuf,
    },
    /// The socket belongs to somebody else.
    #[error("no permission to use {}; run this as the user that runs anling", path.display())]
    NoPermission {
        /// The socket.
        path: PathBuf,
    },
    /// Sockets have short names; the folder's is too long.
    #[error("the path {} is too long for a socket; choose a shorter --data folder", path.display())]
    PathTooLong {
        /// The socket.
        path: PathBuf,
    },
    /// The request or the reply is longer than [`ADMIN_LINE_BYTES`], or is not what was agreed.
    #[error("not a valid request or reply: {0}")]
    Malformed(String),
    /// The process took the request and went away: it was stopped or killed, or the machine had no memory left for it.
    #[error("anling on {} ended before it answered: see its log for why, start it, and run this again", dir.display())]
    Gone {
        /// The folder.
        dir: PathBuf,
    },
    /// Anything else, in the operating system's words.
    #[error("the admin socket failed: {0}")]
    Io(#[from] io::Error),
}

/// What those hear whose command was under way when the process was told to stop.
const STOPPING: &str =
    "anling is stopping and did not finish this; run it again when it is started";

/// Where the socket of a data folder is.
pub fn socket_path(dir: &Path) -> PathBuf {
    dir.join("admin.sock")
}

/// A bound socket, not served yet.
#[derive(Debug)]
pub struct AdminSocket {
    listener: UnixListener,
    path: PathBuf,
}

/// Binds and serves until `stop`; see [`bind`] and [`AdminSocket::serve`].
pub async fn serve(
    dir: &Path,
    handler: AdminHandler,
    stop: CancellationToken,
) -> Result<(), AdminError> {
    bind(dir)?.serve(handler, stop).await;
    Ok(())
}

/// Binds `DIR/admin.sock` for this user only, in place of one left behind by a dead process. Call it with the writer
/// lock held, that is with the log open for writing.
pub fn bind(dir: &Path) -> Result<AdminSocket, AdminError> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    let path = socket_path(dir);
    let fail = |error: io::Error| sorted(error, dir, &path);
    // Bound inside a private folder and moved out when its mode is right: nobody else can connect in between.
    let nook = dir.join(".admin");
    match std::fs::remove_dir_all(&nook) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(error)),
        _ => {}
    }
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&nook)
        .map_err(fail)?;
    let fresh = nook.join("sock");
    let listener = UnixListener::bind(&fresh).map_err(fail)?;
    std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(0o600)).map_err(fail)?;
    std::fs::rename(&fresh, &path).map_err(fail)?;
    std::fs::remove_dir(&nook).map_err(fail)?;
    Ok(AdminSocket { listener, path })
}

impl AdminSocket {
    /// Serves until `stop`, at most [`ADMIN_CONNECTIONS`] at once (others wait), then removes the socket.
    pub async fn serve(self, handler: AdminHandler, stop: CancellationToken) {
        let places = Arc::new(Semaphore::new(ADMIN_CONNECTIONS));
        let tasks = TaskTracker::new();
        while let Some((stream, place)) = self.accept(&places, &stop).await {
            let handler = Arc::clone(&handler);
            let stop = stop.clone();
            tasks.spawn(async move {
                let _place = place;
                if let Err(error) = converse(stream, handler, stop).await {
                    tracing::debug!(%error, "an admin connection ended");
                }
            });
        }
        tasks.close();
        tasks.wait().await;
        // Left behind it would do no harm: the next process replaces it.
        drop(std::fs::remove_file(&self.path));
    }

    async fn accept(
        &self,
        places: &Arc<Semaphore>,
        stop: &CancellationToken,
    ) -> Option<(UnixStream, tokio::sync::OwnedSemaphorePermit)> {
        loop {
            let next = async {
                let place = Arc::clone(places).acquire_owned().await.ok()?;
                Some((self.listener.accept().await, place))
            };
            let (accepted, place) = tokio::select! {
                () = stop.cancelled() => return None,
                next = next => next?,
            };
            match accepted {
                Ok((stream, _)) => return Some((stream, place)),
                Err(error) => {
                    tracing::warn!(%error, "an admin connection could not be accepted");
                    // Out of file handles, most likely; trying again at once would spin.
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
    }
}

/// Asks the process that serves `dir` one thing.
pub async fn call(dir: &Path, request: &AdminRequest) -> Result<AdminReply, AdminError> {
    let path = socket_path(dir);
    let connected = UnixStream::connect(&path).await;
    let mut stream = connected.map_err(|error| sorted(error, dir, &path))?;
    let line = to_line(request)?;
    let gone = || AdminError::Gone {
        dir: dir.to_path_buf(),
    };
    stream
        .write_all(&line)
        .await
        .map_err(|error| cut_off(error, gone))?;
    let mut reader = BufReader::new(stream);
    match read_line(&mut reader).await {
        Ok(Some(line)) => from_line(&line),
        Ok(None) => Err(gone()),
        Err(AdminError::Io(error)) => Err(cut_off(error, gone)),
        Err(error) => Err(error),
    }
}

/// A connection that the other side let go of, told apart from other troubles.
fn cut_off(error: io::Error, gone: impl FnOnce() -> AdminError) -> AdminError {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => gone(),
        _ => AdminError::Io(error),
    }
}

/// Answers line after line until the other side is done. Whoever asked hears something in every case: when the handler
/// fails, and when the process stops meanwhile.
async fn converse(
    stream: UnixStream,
    handler: AdminHandler,
    stop: CancellationToken,
) -> Result<(), AdminError> {
    let mut stream = BufReader::new(stream);
    loop {
        let line = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            line = tokio::time::timeout(ADMIN_IDLE, read_line(&mut stream)) => line,
        };
        let Ok(line) = line else { return Ok(()) };
        let (reply, go_on) = match line {
            Ok(None) => return Ok(()),
            Ok(Some(line)) => match from_line(&line) {
                Ok(request) => tokio::select! {
                    () = stop.cancelled() => (AdminReply::Error(STOPPING.to_owned()), false),
                    reply = answered(&handler, request) => (reply, true),
                },
                Err(error) => (AdminReply::Error(error.to_string()), true),
            },
            // The rest of an overlong line is not worth reading.
            Err(error) => (AdminReply::Error(error.to_string()), false),
        };
        let line = to_line(&reply).or_else(|error| to_line(&AdminReply::Error(error.to_string())));
        let written = tokio::time::timeout(ADMIN_IDLE, stream.write_all(&line?)).await;
        let Ok(written) = written else { return Ok(()) };
        written?;
        if !go_on {
            return Ok(());
        }
    }
}

/// A handler that fails is our bug, and whoever asked is told so.
async fn answered(handler: &AdminHandler, request: AdminRequest) -> AdminReply {
    let command = request.command.clone();
    // The handler's state is shared with nothing that it could leave half changed: it answers from the log.
    let answered = AssertUnwindSafe(async { handler(request).await }).catch_unwind();
    answered.await.unwrap_or_else(|_| {
        tracing::error!(command, "a command failed inside");
        AdminReply::Error(format!(
            "\"{command}\" failed inside anling, which is a bug; its log says more"
        ))
    })
}

async fn read_line(reader: &mut BufReader<UnixStream>) -> Result<Option<Vec<u8>>, AdminError> {
    let mut line = Vec::new();
    let mut bounded = reader.take(ADMIN_LINE_BYTES as u64 + 1);
    bounded.read_until(b'\n', &mut line).await?;
    if line.last() == Some(&b'\n') {
        line.pop();
        return Ok(Some(line));
    }
    match line.len() {
        0 => Ok(None),
        1..=ADMIN_LINE_BYTES => Err(AdminError::Malformed("half a line".to_owned())),
        _ => Err(too_long()),
    }
}

fn to_line(value: &impl Serialize) -> Result<Vec<u8>, AdminError> {
    let mut line =
        serde_json::to_vec(value).map_err(|error| AdminError::Malformed(error.to_string()))?;
    if line.len() >= ADMIN_LINE_BYTES {
        return Err(too_long());
    }
    line.push(b'\n');
    Ok(line)
}

fn from_line<T: serde::de::DeserializeOwned>(line: &[u8]) -> Result<T, AdminError> {
    serde_json::from_slice(line).map_err(|error| AdminError::Malformed(error.to_string()))
}

fn too_long() -> AdminError {
    AdminError::Malformed(format!("a line is longer than {ADMIN_LINE_BYTES} bytes"))
}

fn sorted(error: io::Error, dir: &Path, path: &Path) -> AdminError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => AdminError::NotRunning {
            dir: dir.to_path_buf(),
        },
        io::ErrorKind::PermissionDenied => AdminError::NoPermission {
            path: path.to_path_buf(),
        },
        // The longest socket path is about a hundred bytes, and the system's own word for it says little.
        io::ErrorKind::InvalidInput => AdminError::PathTooLong {
            path: path.to_path_buf(),
        },
        _ => AdminError::Io(error),
    }
}
