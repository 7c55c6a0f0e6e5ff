//! The device doors: signals in, the way back out.
//!
//! For: turning what devices send into durable events, and telling each device how far help is; the phone page `/sos`.
//! May not know: consoles, offers and how an incident is decided; configuration and sockets (the binary binds them).
//! The half that takes alarms reads no incident state, so it goes on when everything else is down.
//!
//! Modules in reading order:
//!
//! - [`decode`]: bytes become a reading; pure, never fails.
//! - [`limits`]: every bound, and [`IngestOptions`].
//! - [`gateway`]: a reading becomes a durable event; `press` tells a press sent again from a new one, `sources` limits
//!   the unverified.
//! - [`back`]: device → how far help is, followed from the log, pushed to open channels; `words` says it.
//! - [`liveness`]: who is silent; `heard`: which devices other processes hear.
//! - [`http`]: the door on port 7310; `channel` is its WebSocket, `page` the phone page, `body` reads bodies patiently,
//!   `manual` describes it as OpenAPI and JSON Schema.
//! - [`dc09`]: the door on port 7309, for alarm panels.

pub mod back;
pub mod dc09;
pub mod decode;
pub mod gateway;
pub mod limits;
pub mod liveness;
pub mod metrics;

mod body;
mod channel;
mod heard;
mod http;
mod manual;
mod page;
mod press;
mod sources;
mod words;

pub use gateway::{Caller, Gateway, Refused, Taken};
pub use limits::IngestOptions;
pub use metrics::IngestMetrics;

use back::Back;
use casebook::Casebook;
use directory::Directory;
use liveness::Liveness;
use std::sync::Arc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The running device doors; clones are the same.
#[derive(Clone)]
pub struct Ingest(Arc<Door>);

/// What every request can reach.
pub(crate) struct Door {
    pub(crate) gateway: Gateway,
    pub(crate) back: Back,
    pub(crate) liveness: Liveness,
    pub(crate) rooms: http::Rooms,
    pub(crate) panels: dc09::Rooms,
    pub(crate) options: IngestOptions,
    pub(crate) counters: Arc<metrics::Counters>,
    pub(crate) stopping: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

impl Ingest {
    /// Starts the followers and makes the door; the binary serves [`Ingest::router`]. Needs a tokio runtime.
    pub fn start(casebook: Casebook, directory: Directory, options: IngestOptions) -> Self {
        let stopping = CancellationToken::new();
        let tasks = TaskTracker::new();
        let counters = Arc::<metrics::Counters>::default();
        let counted = Arc::clone(&counters);
        let back = Back::new(casebook.clone(), directory.clone(), Arc::clone(&counters));
        tasks.spawn(back.clone().run(stopping.clone()));
        let (liveness, recorder) = Liveness::new(casebook.clone(), &options, Arc::clone(&counters));
        tasks.spawn(recorder.run(stopping.clone()));
        tasks.spawn(liveness.clone().run(stopping.clone()));
        if let Some(node) = options.node.clone() {
            tasks.spawn(liveness.clone().exchange(node, stopping.clone()));
        }
        let gateway = Gateway::new(casebook, directory, options.clone(), counters);
        Self(Arc::new(Door {
            gateway,
            back,
            liveness,
            rooms: http::Rooms::new(&options),
            panels: dc09::Rooms::new(&options),
            options,
            counters: counted,
            stopping,
            tasks,
        }))
    }

    /// The door as routes. Serve it with `into_make_service_with_connect_info::<SocketAddr>()`: without the sender's
    /// address all unverified signals count as one source.
    pub fn router(&self) -> axum::Router {
        http::router(Arc::clone(&self.0))
    }

    /// What was counted since the start.
    pub fn metrics(&self) -> IngestMetrics {
        let mut metrics = self.0.counters.snapshot();
        metrics.channels_open = self.0.back.channels() as u64;
        metrics.devices_beating = self.0.liveness.len() as u64;
        metrics.panels_open = self.0.panels.open() as u64;
        metrics
    }

    /// The way back: how far help is for a device's press.
    pub fn back(&self) -> &Back {
        &self.0.back
    }

    /// The gateway, for doors of other protocols.
    pub fn gateway(&self) -> &Gateway {
        &self.0.gateway
    }

    /// Closes channels and stops the followers; returns when they have ended. Signals in hand are finished first.
    pub async fn stop(&self) {
        self.0.stopping.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }
}
