//! Threads for writing to pages, apart from those that take alarms.
//!
//! For: an alarm's way to the disk and to a ring that stays short when hundreds of cards are being made.
//! May not know: what a page is sent.

use crate::failure::{Doing, Failure};
use tokio::runtime::{Builder, Handle, Runtime};

/// How much later these threads come, as "nice" of sched(7): 5 leaves them about a quarter of a processor that everybody
/// wants, and all of one that nobody wants.
const NICE: i32 = 5;

/// The threads, until this is dropped.
pub(crate) struct Pages(Option<Runtime>);

impl Pages {
    /// Starts them; one for each processor.
    pub(crate) fn start() -> Result<Self, Failure> {
        let runtime = Builder::new_multi_thread()
            .thread_name("pages")
            .on_thread_start(step_back)
            .enable_all()
            .build();
        runtime.doing("start threads").map(|it| Self(Some(it)))
    }

    /// Where to spawn.
    pub(crate) fn handle(&self) -> Option<Handle> {
        self.0.as_ref().map(|it| it.handle().clone())
    }
}

impl Drop for Pages {
    /// A runtime may not be waited for inside another one; whoever ends in order has stopped the console before.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

fn step_back() {
    // On Linux the call means the calling thread only (sched(7)). Where it is not allowed, all threads are equal.
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "threads for pages are as urgent as all others");
    }
}
