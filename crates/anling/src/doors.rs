//! Listeners: bound before anything is promised, plain or TLS, ended in order.
//!
//! For: clear words on a taken port, `listening.json`, and serving a router until told to stop.
//! May not know: what the routers do.

use crate::{
    failure::{Doing, Failure},
    folder::Folder,
    unread::Worded,
};
use axum::Router;
use axum_server::{accept::NoDelayAcceptor, tls_rustls::RustlsAcceptor};
use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    server::conn::auto::Builder,
};
use serde::{Deserialize, Serialize};
use std::{
    net::{SocketAddr, TcpListener},
    time::Duration,
};
use tokio::task::JoinHandle;

/// How long open requests may take to end when the process stops.
const GRACE: Duration = Duration::from_secs(5);

/// How long the head of a request may take to arrive. Ours: a device on a bad cell link needs seconds, not minutes.
const HEAD_WITHIN: Duration = Duration::from_secs(20);

/// How often a client of the log is asked for a sign of life, and how long for an answer: the clients' own figures.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

/// Bytes a client may send on one call before we have taken them.
const STREAM_WINDOW: u32 = 1024 * 1024;

/// The same over all calls of one line.
const LINE_WINDOW: u32 = 16 * 1024 * 1024;

/// Calls open at once on one line, subscriptions among them; more than one client may have of these, so that it hears
/// why instead of waiting.
const CALLS_PER_LINE: u32 = 2_048;

/// Bound addresses, as written to `DIR/listening.json` once everything is ready.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Listening {
    /// `address:port` of the console, where this process has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) console: Option<String>,
    /// `address:port` of the device door, where this process has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) devices: Option<String>,
    /// `address:port` of the panels' door (SIA DC-09), where this process has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dc09: Option<String>,
    /// `address:port` of health and figures by themselves, where this process has such a door.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ops: Option<String>,
    /// `address:port` of the log over gRPC, where this process has such a door.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) eventstore: Option<String>,
    /// Whether console and device door speak TLS.
    #[serde(default)]
    pub(crate) tls: bool,
}

impl Listening {
    const FILE: &'static str = "listening.json";

    /// Written once everything is ready.
    pub(crate) fn write(&self, folder: &Folder) -> Result<(), Failure> {
        let text = serde_json::to_vec(self).expect("addresses are plain data");
        folder.write_private(Self::FILE, &text)
    }

    /// Removed first when stopping, so that nobody is sent to a closed door.
    pub(crate) fn remove(folder: &Folder) {
        let _ = std::fs::remove_file(folder.file(Self::FILE));
    }

    /// Read by commands that look for the running process.
    pub(crate) fn read(dir: &std::path::Path) -> Result<Listening, Failure> {
        let path = dir.join(Self::FILE);
        let text = std::fs::read_to_string(&path).map_err(|_| {
            Failure::new(format!(
                "no running Anling found in {}; start one with `anling demo`, or give --url",
                dir.display()
            ))
        })?;
        serde_json::from_str(&text).doing(&format!("read {}", path.display()))
    }

    /// The console's address; empty without one.
    pub(crate) fn console(&self) -> &str {
        self.console.as_deref().unwrap_or_default()
    }

    /// The device door as this machine reaches it: a door open to every network is reached over loopback. Empty without
    /// one.
    pub(crate) fn devices_here(&self) -> String {
        let devices = self.devices.as_deref().unwrap_or_default();
        devices.replace("0.0.0.0:", "127.0.0.1:")
    }

    /// `http` or `https`.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }
}

/// A bound socket, nothing accepted yet.
pub(crate) fn bind(setting: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    let listener = TcpListener::bind(address).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            Failure::new(format!("{address} is taken by another program; end it, or set {setting} ({}) to another port (0 picks a free one)", variable(setting)))
        }
        std::io::ErrorKind::PermissionDenied => {
            Failure::new(format!("no permission to listen on {address}; set {setting} ({}) to a port above 1023", variable(setting)))
        }
        _ => Failure::new(format!("cannot listen on {address}: {error}; set {setting} ({})", variable(setting))),
    })?;
    listener.set_nonblocking(true).doing("listen")?;
    Ok(listener)
}

/// Whether the address could be bound now.
pub(crate) fn check_free(setting: &str, address: SocketAddr) -> Result<(), Failure> {
    bind(setting, address).map(drop)
}

fn variable(setting: &str) -> String {
    format!("ANLING_{}", setting.to_uppercase())
}

/// Waits only so long for the head of a request, so that half-sent ones cannot fill the door.
fn patient(builder: &mut Builder<TokioExecutor>) {
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN);
}

/// A router being served.
pub(crate) struct Served {
    handle: axum_server::Handle<SocketAddr>,
    task: JoinHandle<std::io::Result<()>>,
}

/// For clients with long streams: a sign of life asked for as often as they ask for ours, windows wide enough for a
/// message of theirs, and no more calls at once on one line than [`CALLS_PER_LINE`].
fn streaming(builder: &mut Builder<TokioExecutor>) {
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(SIGN_OF_LIFE))
        .keep_alive_timeout(SIGN_OF_LIFE)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(LINE_WINDOW)
        .max_concurrent_streams(CALLS_PER_LINE);
}

/// Serves the router on the socket, with TLS when a certificate is given. Nothing that is written waits for what was written
/// before to be acknowledged (RFC 9293, section 3.7.4): a page that is slow to acknowledge would see an alarm 40 ms late.
pub(crate) fn serve(
    listener: TcpListener,
    router: Router,
    tls: Option<axum_server::tls_rustls::RustlsConfig>,
) -> Result<Served, Failure> {
    serve_as(listener, router, tls, patient)
}

/// The same for gRPC.
pub(crate) fn serve_grpc(
    listener: TcpListener,
    router: Router,
    tls: Option<axum_server::tls_rustls::RustlsConfig>,
) -> Result<Served, Failure> {
    serve_as(listener, router, tls, |builder| {
        patient(builder);
        streaming(builder);
    })
}

fn serve_as(
    listener: TcpListener,
    router: Router,
    tls: Option<axum_server::tls_rustls::RustlsConfig>,
    tune: impl FnOnce(&mut Builder<TokioExecutor>),
) -> Result<Served, Failure> {
    let handle = axum_server::Handle::new();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let task = match tls {
        None => {
            let mut server = axum_server::from_tcp(listener)
                .doing("listen")?
                .acceptor(Worded(NoDelayAcceptor::new()))
                .first_request_timeout(HEAD_WITHIN)
                .handle(handle.clone());
            tune(server.http_builder());
            tokio::spawn(server.serve(service))
        }
        Some(tls) => {
            let acceptor = RustlsAcceptor::new(tls).acceptor(NoDelayAcceptor::new());
            let mut server = axum_server::from_tcp(listener)
                .doing("listen")?
                .acceptor(Worded(acceptor))
                .first_request_timeout(HEAD_WITHIN)
                .handle(handle.clone());
            tune(server.http_builder());
            tokio::spawn(server.serve(service))
        }
    };
    Ok(Served { handle, task })
}

impl Served {
    /// No new connections; open requests have [`GRACE`] to end.
    pub(crate) async fn stop(self) {
        self.handle.graceful_shutdown(Some(GRACE));
        if let Ok(Err(error)) = self.task.await {
            tracing::warn!(%error, "a listener ended badly");
        }
    }
}
