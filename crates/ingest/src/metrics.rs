//! What the doors count.
//!
//! For: `/metrics` of the binary, and tests.
//! May not know: how counts are exported; anything about a person.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counts since the start, and sizes as of now.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct IngestMetrics {
            $($(#[$doc])* pub $name: u64,)*
            /// Channels open now.
            pub channels_open: u64,
            /// Devices supervised for silence now.
            pub devices_beating: u64,
            /// Panels' connections open now.
            pub panels_open: u64,
        }

        #[derive(Debug, Default)]
        pub(crate) struct Counters { $(pub(crate) $name: AtomicU64,)* }

        impl Counters {
            pub(crate) fn snapshot(&self) -> IngestMetrics {
                IngestMetrics { $($name: self.$name.load(Relaxed),)* ..IngestMetrics::default() }
            }
        }
    };
}

counters! {
    /// Alarms stored, cancels included.
    alarms,
    /// Tests and troubles stored.
    reports,
    /// Signals stored unverified.
    unverified,
    /// Signals that were sent again.
    duplicates,
    /// Signals stored with a problem.
    with_problems,
    /// Unverified signals gathered into another's event.
    coalesced,
    /// Signals not accepted because the log did not take them.
    unavailable,
    /// Heartbeats heard.
    heartbeats,
    /// Stages pushed to channels.
    stages_pushed,
    /// Channels that were too slow and closed.
    channels_dropped,
    /// Connections turned away because there were too many.
    turned_away,
    /// Silences that had to wait because too many came at once.
    silences_deferred,
    /// Frames of panels.
    panel_frames,
    /// Frames of panels with a wrong checksum, torn or too long.
    panel_frames_broken,
    /// Frames of panels whose length counts otherwise than the standard.
    panel_odd_lengths,
    /// Polls of panels that were not answered because too many waited.
    panel_polls_passed_over,
    /// Connections of panels ended for half a frame or junk.
    panels_ended,
}

pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}
