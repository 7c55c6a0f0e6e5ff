//! Every bound at the device doors, with its unit and its reason.
//!
//! For: one page where the limits can be read and compared.
//! May not know: how they are enforced.

use domain::NodeId;
use std::time::Duration;
use wire::device::Retry;

/// What a deployment may choose.
#[derive(Debug, Clone)]
pub struct IngestOptions {
    /// How often a device shall beat, in seconds; told to each with some jitter.
    pub heartbeat_s: u32,
    /// Heartbeats missed before a device is called silent.
    pub missed_beats: u32,
    /// Back-off told to devices.
    pub retry: Retry,
    /// Unverified signals of one source in a minute that are taken as they are; more are marked as a flood.
    pub unverified_per_minute: u32,
    /// Unverified signals of one source in a minute that get an event each; more are gathered into one each
    /// [`FLOOD_EVERY`] and answered 429.
    pub flood_per_minute: u32,
    /// Open channels, in connections.
    pub channels: usize,
    /// Signals being stored at once, over all doors; more are told that they were not taken.
    pub signals_at_once: usize,
    /// How long a request's body may take to arrive; what is there by then is taken.
    pub body_within: Duration,
    /// This process among several that hear devices; `None`: it is the only one.
    pub node: Option<NodeId>,
    /// How long a channel may be without a frame or an answer to a ping.
    pub channel_idle: Duration,
    /// How often alarm panels are set to poll, in seconds. The protocol cannot tell them, so both sides are set alike.
    pub panel_poll_s: u32,
    /// Panels connected at once, in connections whose account is enrolled.
    pub panels: usize,
}

impl Default for IngestOptions {
    fn default() -> Self {
        Self {
            heartbeat_s: 60,
            missed_beats: 3,
            retry: Retry {
                base_ms: 1_000,
                cap_ms: 30_000,
            },
            // Ours: a person with a phone that lost its key presses a few times a minute; a script does not stop there.
            unverified_per_minute: 10,
            flood_per_minute: 60,
            channels: 50_000,
            // Ours: half of what the log's urgent queue holds, which is a second of an earthquake.
            signals_at_once: 8_192,
            body_within: Duration::from_secs(10),
            node: None,
            channel_idle: Duration::from_secs(90),
            // EN 50136-1 reports a lost path of category SP3 within 30 minutes.
            panel_poll_s: 1_800,
            panels: 50_000,
        }
    }
}

/// Largest body of a signal that is read whole, in bytes; of a larger one the beginning is kept.
pub const BODY_LIMIT: usize = 64 * 1024;

/// Read from a channel at a time, in bytes; kept for as long as it is open. Ours: signals are a few hundred bytes, and longer ones
/// are read in several goes; the library's 128 KiB would be 1.2 GiB for ten thousand channels.
pub const READ_BYTES: usize = 4 * 1024;

/// How much of a body that is too large is read and thrown away, in bytes, so that its sender gets to hear the answer.
pub const DRAIN_LIMIT: usize = 4 * 1024 * 1024;

/// Largest frame of a channel that is read, in bytes.
pub const FRAME_LIMIT: usize = BODY_LIMIT;

/// Longest key that is looked at, in bytes; ours are far shorter.
pub const KEY_LIMIT: usize = 256;

/// How long the unverified of one source are counted together.
pub const SOURCE_WINDOW: Duration = Duration::from_secs(60);

/// How often a source in full flood gets an event of its own, into which the others are gathered.
pub const FLOOD_EVERY: Duration = Duration::from_secs(10);

/// Sources counted one by one, in addresses; when all are busy the rest share one count. About 1 MB.
pub const SOURCES_LIMIT: usize = 10_000;

/// Channels of one unverified source at once. Ours: a house behind one address, not a script.
pub const UNVERIFIED_CHANNELS: usize = 64;

/// Channels of one device at once: the page in two tabs, and one connection that has not noticed its end yet.
pub const CHANNELS_PER_DEVICE: usize = 4;

/// Messages waiting to be sent on one channel; a device that is slower than that is disconnected and asks anew.
pub const CHANNEL_QUEUE: usize = 32;

/// Signals of one channel waiting to be stored; behind them the socket is not read.
pub const CHANNEL_SIGNALS: usize = 8;

/// Heartbeats and stage questions being answered at once; they have their own room and never take a signal's place.
pub const QUESTIONS_AT_ONCE: usize = 512;

/// Devices supervised for silence: a full city. About 200 MB when all of them beat.
pub const BEATING_LIMIT: usize = 2_000_000;

/// Devices that may fall silent in one minute with an event each; the rest wait for the next minute. Ours: more at once
/// is an outage of the network, not of devices, and the log must not pay for it.
pub const SILENT_PER_MINUTE: usize = 60;

/// Changes of liveness waiting to be recorded.
pub const LIVENESS_QUEUE: usize = 1_024;

/// Processes that may tell each other which devices they hear. Ours: a city needs a handful.
pub const HEARING_LIMIT: usize = 16;

/// Devices in one page of what a process hears: 64 KiB, which holds the log's store for a millisecond or two.
pub const HEARD_PAGE: usize = 8_192;

/// Incidents whose progress is kept for devices; older closed ones are looked up in the log.
pub const BACK_INCIDENTS: usize = 50_000;

/// Presses of one device and incident that are kept: a person asks about the last few.
pub const BACK_PRESSES: usize = 8;

/// How far back incidents are read at the start.
pub const BACK_WITHIN: Duration = Duration::from_secs(24 * 3_600);

/// How long nobody may have an incident before the wearer is told that we are still looking.
///
/// The plan's own minute: by then the last ring has been reached.
pub const SEEKING_AFTER: Duration = Duration::from_secs(60);

/// How long a finished incident is still told to a device that connects: it may have missed the end.
pub const DONE_TOLD: Duration = Duration::from_secs(10 * 60);

/// Events of a device's stream searched for an earlier press, at least and at most. A device that says more than the
/// latter in a quarter of an hour is stuck, and its repeated numbers are new alarms.
pub const HISTORY: std::ops::RangeInclusive<usize> = 128..=2_048;

/// Device clocks further ahead than this are noted.
pub const CLOCK_AHEAD: Duration = Duration::from_secs(5 * 60);

/// Device clocks further behind than this are noted. Ours: a signal may wait hours for a network.
pub const CLOCK_BEHIND: Duration = Duration::from_secs(24 * 3_600);

/// How often an append is tried again after another process wrote to the same stream.
pub const CONFLICT_LIMIT: usize = 8;

// --- SIA DC-09 -------------------------------------------------------------------------------------------------------

/// Longest frame of a panel, in bytes from the first quotation mark: three hexadecimal digits count no further.
pub const PANEL_FRAME_LIMIT: usize = 4_095;

/// What is read from a panel's socket at once, in bytes. With one frame half read this bounds what a connection holds;
/// most frames are shorter than a tenth of it, and 50,000 panels have one each.
pub const PANEL_READ: usize = 1_024;

/// Reads of one connection in a second, whatever they bring; then it is not read until the second is over. Ours: a panel
/// that sends its frame byte by byte stays under it, and nobody can keep us busy with 200 KiB a second of nothing.
pub const PANEL_READS_PER_SECOND: u32 = 200;

/// Bytes that were no frame, since the last good one, after which a panel's connection is ended. Ours: a panel that begins
/// in the middle of a frame, or miscounts one, stays under it; a web browser or a file does not.
pub const PANEL_JUNK: usize = 8_192;

/// Longest part of a frame between its token and its data that is answered, in bytes: sequence, receiver, line and
/// account as the standard counts them take 37.
pub const PANEL_HEADER: usize = 64;

/// Frames of one connection in a second; then its socket is not read until the second is over. Ours: a panel that empties
/// its memory after an outage sends some ten a second.
pub const PANEL_FRAMES_PER_SECOND: u32 = 50;

/// Codes in one frame that become a signal each; the rest of them become one more, so that a frame costs a bounded
/// number of appends. Ours: panels send one, seldom three.
pub const PANEL_CODES: usize = 8;

/// Frames of one connection waiting to be stored; behind them the socket is not read.
pub const PANEL_SIGNALS: usize = 8;

/// Polls of one connection waiting for their answer; more are not answered, and the panel polls again.
pub const PANEL_POLLS: usize = 8;

/// Answers waiting to be sent on one connection; behind them nothing more is stored for it.
pub const PANEL_ANSWERS: usize = 16;

/// How long a frame may take from its first byte to its last, and a panel to take its answer. Ours: 4 KiB over the
/// slowest cellular link take under 4 s.
pub const PANEL_FRAME_WITHIN: Duration = Duration::from_secs(10);

/// How long a connection whose account is not enrolled may be without a good frame, its first one included. Ours: longer
/// than the 20 s in which panels usually await an answer and begin again.
pub const PANEL_GUEST_IDLE: Duration = Duration::from_secs(30);

/// Connections at once that have not shown an enrolled account yet. They are apart from those that have, so that an alarm
/// on a new connection finds room when all panels are connected.
pub const PANEL_GUESTS: usize = 4_096;

/// Of these, from one source. Ours: a provider may put a whole quarter behind one address, and after a power cut all of
/// them come in the same second; each is a guest only until its first frame.
pub const PANEL_GUESTS_PER_SOURCE: usize = 256;

/// Connections kept for one enrolled panel: its main and backup paths, and ones that have not noticed their end.
pub const PANEL_PATHS: usize = 4;
