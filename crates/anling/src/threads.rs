//! Threads apart from those that take alarms.
//!
//! For: an alarm's way to the disk that stays short while hundreds of others are ringing, and ringing that stays quick while
//! thousands of cards are being made.
//! May not know: what is done on them.

use crate::failure::{Doing, Failure};
use tokio::runtime::{Builder, Handle, Runtime};

/// What threads are for, and how much later they come than those that take alarms, as "nice" of sched(7). It matters only where
/// everybody wants a processor: 4 leaves two parts in five, 10 one in ten.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    name: &'static str,
    nice: i32,
}

/// Deciding whom to ring: a press is on the disk before anybody is rung for it.
pub(crate) const RINGING: Kind = Kind {
    name: "ringing",
    nice: 4,
};

/// Writing to pages, and keeping what they show. Ours: a page that comes late says so; a device that hears nothing sends again.
pub(crate) const PAGES: Kind = Kind {
    name: "pages",
    nice: 10,
};

/// Some threads, until this is dropped.
pub(crate) struct Threads(Option<Runtime>);

impl Threads {
    /// Starts them; one for each processor.
    pub(crate) fn start(kind: Kind) -> Result<Self, Failure> {
        let runtime = Builder::new_multi_thread()
            .thread_name(kind.name)
            .on_thread_start(move || step_back(kind))
            .enable_all()
            .build();
        runtime.doing("start threads").map(|it| Self(Some(it)))
    }

    /// Where to spawn; `None` when they have ended.
    pub(crate) fn handle(&self) -> Option<Handle> {
        self.0.as_ref().map(|it| it.handle().clone())
    }
}

impl Drop for Threads {
    /// A runtime may not be waited for inside another one; whoever ends in order has stopped what runs on it before.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

fn step_back(kind: Kind) {
    // On Linux the call means the calling thread only (sched(7)). Where it is not allowed, all threads are equal.
    if let Err(error) = rustix::process::setpriority_process(None, kind.nice) {
        tracing::warn!(%error, threads = kind.name, "may not step back: as urgent as those that take alarms");
    }
}
