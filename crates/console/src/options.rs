//! What the binary tells the console, and every bound the console keeps.
//!
//! For: settings as values, and limits with unit and reason in one place.
//! May not know: where settings come from.

use domain::NodeId;
use std::time::Duration;
use wire::console::DemoAccount;

/// Settings of the console.
#[derive(Clone)]
pub struct ConsoleOptions {
    /// How people reach the page, without a slash at the end: `http://127.0.0.1:7300`. QR codes lead there.
    pub public_url: String,
    /// The demo city.
    pub demo: bool,
    /// Demo roles for the sign-in page; empty outside the demo.
    pub demo_accounts: Vec<DemoAccount>,
    /// IANA name: in which zone the page shows times.
    pub time_zone: String,
    /// What a browser that cannot show the page tells people to ring.
    pub duty_phone: String,
    /// The door speaks TLS: cookies are marked secure.
    pub tls: bool,
    /// Shared with whoever calls duty phones; `None` closes `POST /v1/duty-phone/answers`.
    pub webhook_secret: Option<Vec<u8>>,
    /// How many times faster responders drive, in the demo; told to the page, which says so. Announced ways stay true.
    pub drive_speed: Option<u32>,
    /// Shown to the page.
    pub version: String,
    /// This process among several that serve consoles; `None`: it is the only one.
    pub node: Option<NodeId>,
    /// Where pages are written to and what they show is kept, apart from what takes alarms and rings people; `None`: where everything runs.
    pub pages: Option<tokio::runtime::Handle>,
}

impl Default for ConsoleOptions {
    fn default() -> Self {
        Self {
            public_url: "http://127.0.0.1:7300".to_owned(),
            demo: false,
            demo_accounts: Vec::new(),
            time_zone: "Asia/Shanghai".to_owned(),
            duty_phone: String::new(),
            tls: false,
            webhook_secret: None,
            drive_speed: None,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            node: None,
            pages: None,
        }
    }
}

impl std::fmt::Debug for ConsoleOptions {
    /// Without passwords and secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConsoleOptions")
            .field("public_url", &self.public_url)
            .field("demo", &self.demo)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

/// Open consoles at once. Ours: a city has 350 (the design's figure); this leaves room for every tab and test.
pub const CONNECTION_LIMIT: usize = 4_096;

/// Consoles of one operator at once. Ours: two screens, a telephone, and the ones that are just dying.
pub const CONNECTIONS_PER_OPERATOR: usize = 8;

/// Longest message taken from a page, in bytes. Ours: the longest note many times over.
pub const FRAME_BYTES: usize = 64 * 1024;

/// Read from a page's connection at a time, in bytes; kept for as long as it is open. Ours: nearly every message of a page is
/// a few hundred bytes, and longer ones are read in several goes; the library's 128 KiB would be 45 MiB for a city's consoles.
pub const READ_BYTES: usize = 4 * 1024;

/// Longest HTTP body taken, in bytes; the same bound as [`FRAME_BYTES`].
pub const BODY_BYTES: usize = 64 * 1024;

/// How long an HTTP request may take.
pub const REQUEST_WAIT: Duration = Duration::from_secs(20);

/// Least time between two frames of changes to one console: ten a second are as many as an eye can follow.
pub const FRAME_GAP: Duration = Duration::from_millis(100);

/// News (a call that opened, rings or was pressed again, and that nobody has) does not wait for [`FRAME_GAP`]: it goes
/// out when so many times the time that the last frame took has passed. Ours: no console then keeps the machine busy for
/// more than a third of the time, and in a storm, when frames are dear, the gap grows back to the ordinary one by itself.
pub const NEWS_REST: u32 = 2;

/// Changed incidents of one person's screen in one frame; more collapse to a snapshot, when they are half of all.
pub const COLLAPSE_AFTER: usize = 256;

/// Changes remembered for consoles that come back or lag; older ones get a snapshot. Ours: a minute of a hundred presses
/// a second, in 2 MB.
pub const CHANGES_KEPT: usize = 65_536;

/// How often a console is asked whether it is still there.
pub const PING_EVERY: Duration = Duration::from_secs(3);

/// A console that says nothing for so long is gone (the design: within 10 s).
pub const SILENCE: Duration = Duration::from_secs(9);

/// How long one frame may take to leave; then the console is gone too.
pub const SEND_WAIT: Duration = Duration::from_secs(9);

/// How often a console's session is looked up again, for ends that other processes wrote.
pub const SESSION_CHECK_EVERY: Duration = Duration::from_secs(30);

/// Calls of one console that are worked on at once; the next is heard when one is done. Ours: each waits for a commit, and a
/// desk that takes many calls in a storm shares the commits with everybody else's.
pub const ASKED_AT_ONCE: usize = 32;

/// Answers waiting for one console. The reader waits when it is full, so a page gets no faster than it reads.
pub const OUTBOX: usize = 32;

/// Cards in one page of `GET /v1/incidents`, at most.
pub const PAGE_LIMIT: usize = 200;

/// Events looked at for one page of closed incidents. Ours: a quarter of a second; the page then goes on by itself.
pub const SCAN_LIMIT: usize = 40_000;

/// Closed incidents kept in memory with the open ones, for a day.
pub const CLOSED_KEPT: usize = 2_000;

/// How long closed incidents are kept in memory, in milliseconds.
pub const CLOSED_KEPT_MS: i64 = 24 * 3_600_000;

/// Lines of an incident's history on its card (the contract's figure).
pub const STORY_LINES: usize = 40;

/// Devices whose battery or troubles are remembered. Beyond it, what is news of a device without an incident is left out.
pub const DEVICE_NOTES: usize = 50_000;

/// Opened records kept in memory, for [`PROFILE_LIFE`].
pub const PROFILES_KEPT: usize = 8_000;

/// How long an opened record is kept in memory. Ours: long enough for a burst of changes, short for what it is.
pub const PROFILE_LIFE: Duration = Duration::from_secs(60);

/// Views waiting to be written down. When it is full, whoever opens records waits.
pub const VIEWS_QUEUE: usize = 4_096;

/// Who could be sent, on a card (the contract's figure).
pub const CAN_SEND: usize = 8;

/// Of [`CAN_SEND`], places kept for the people of the owner's own site. Ours: a station has two or three who go.
pub const OWN_KEPT: usize = 3;
