//! The door of alarm panels: ANSI/SIA DC-09 over TCP, in clear text.
//!
//! For: frames in, acknowledgments out, as `docs/dc09.md` says them.
//! May not know: incidents; there is no way back in this protocol but the acknowledgment.
//!
//! Modules in reading order: `crc` and `split` (bytes become frames), `frame`, `payload` and `codes` (what they say),
//! `reading` (signals of our own), `answer`, then `line` (one connection) and `seats` (how many).

mod answer;
mod codes;
mod crc;
mod frame;
mod line;
mod payload;
mod reading;
mod seats;
mod split;

use crate::{
    Door, Ingest,
    limits::{IngestOptions, PANEL_GUESTS, PANEL_GUESTS_PER_SOURCE, PANEL_PATHS},
    metrics::count,
};
use domain::DeviceId;
use line::Line;
use seats::Seats;
use std::{net::IpAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};

/// Pause after the operating system gave no connection, most likely for want of file handles.
const PAUSE: Duration = Duration::from_millis(100);

/// The bounded rooms of this door.
pub(crate) struct Rooms {
    /// Connections that have not shown an enrolled account yet, by source.
    guests: Arc<Seats<String>>,
    /// Connections of enrolled panels.
    panels: Arc<Seats<DeviceId>>,
}

impl Rooms {
    pub(crate) fn new(options: &IngestOptions) -> Self {
        Self {
            guests: Seats::new(PANEL_GUESTS, PANEL_GUESTS_PER_SOURCE),
            panels: Seats::new(options.panels, PANEL_PATHS),
        }
    }

    /// Connections open now.
    pub(crate) fn open(&self) -> usize {
        self.guests.taken() + self.panels.taken()
    }
}

impl Ingest {
    /// Serves panels on this listener until [`Ingest::stop`].
    pub fn serve_panels(&self, listener: TcpListener) {
        let door = Arc::clone(&self.0);
        self.0.tasks.spawn(async move {
            let stopping = door.stopping.clone();
            tokio::select! {
                () = accept(&door, listener) => {}
                () = stopping.cancelled() => {}
            }
        });
    }

    /// Serves one panel on a connection that stands already.
    pub fn serve_panel<S>(&self, stream: S, address: Option<IpAddr>)
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        admit(&self.0, stream, address);
    }
}

async fn accept(door: &Arc<Door>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                // An answer is one small packet and shall not wait for a second.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "a panel's connection went away at once");
                }
                admit(door, stream, Some(address.ip()));
            }
            Err(error) => {
                tracing::warn!(%error, "no connection of a panel was taken");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Gives the connection a seat and a task of its own, or closes it.
fn admit<S>(door: &Arc<Door>, stream: S, address: Option<IpAddr>)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let source = door.gateway.source(address);
    let Some(seat) = door.panels.guests.take(source) else {
        count(&door.counters.turned_away);
        return;
    };
    let line = Line::new(Arc::clone(door), address, seat);
    door.tasks.spawn(line.serve(stream));
}
