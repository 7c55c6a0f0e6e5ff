//! Every bound of this door, with its unit and its reason.
//!
//! For: one page where the limits can be read and compared; `docs/eventstore.md` repeats those a client meets.
//! May not know: how they are enforced.

use std::time::Duration;

/// Largest message taken, in bytes: what the clients themselves send and take at most, 17 MiB.
pub const MESSAGE_BYTES: usize = 17 * 1024 * 1024;

/// Bytes of appends held at once that are not complete yet, over all clients; who comes then is told to try again. Ours:
/// sixteen appends of the largest size.
pub const HELD_BYTES: usize = 256 * 1024 * 1024;

/// Most events in one append at the guarded door, beside which presses are taken: it holds the writer for some tens of
/// milliseconds at most. Where the log stands alone, as many as it takes ([`eventlog::APPEND_EVENTS`]).
pub const GUARDED_APPEND_EVENTS: usize = 1_000;

/// Bytes of answers a read holds ready for its client, but for the last of them; what is beyond is read again. Ours: with
/// as many reads as there are [`SEATS`], all silent, four gigabytes.
pub const READY_BYTES: usize = 1024 * 1024;

/// How long an append may wait for its next message. A client that has begun one and fallen silent holds memory.
pub const APPEND_IDLE: Duration = Duration::from_secs(30);

/// Longest time a deadline of a client is taken for; clients send dates in the year 12,000 and beyond.
pub const DEADLINE_MOST: Duration = Duration::from_secs(24 * 60 * 60);

/// Appends of one batch-append call that are begun and not complete. Ours: no client known mixes more than a few.
pub const BATCH_OPEN: usize = 1_024;

/// Complete appends of one batch-append call that wait for their commit; more are not read from the line until then.
pub const BATCH_WAITING: usize = 1_024;

/// Open subscriptions and reads of one address; one more is refused. Ours: a program with a subscription per district
/// and type needs a hundred.
pub const SEATS_PER_CLIENT: usize = 1_000;

/// Open subscriptions and reads in all: so many times [`PAGE_BYTES`] may be held for them.
pub const SEATS: usize = 4_000;

/// Bytes a read fetches from the store at a time, about; the next page comes when this one was taken.
pub const PAGE_BYTES: usize = 256 * 1024;

/// Events of a read's first page, while nothing is known of their size.
pub const PAGE_FIRST: usize = 32;

/// Most events of a page.
pub const PAGE_MOST: usize = 1_000;

/// Longest regular expression of a filter, in bytes. The longest the clients send by themselves has 60.
pub const REGEX_BYTES: usize = 2_048;

/// Steps a regular expression with look-around may go back in one name. Ours: the clients' own need a few dozen; a
/// hostile one costs about a millisecond for each event it is tried on, and then counts as not matching.
pub const REGEX_STEPS: usize = 20_000;

/// Events a filter may give up on before its subscription or read is ended.
pub const REGEX_GIVEN_UP: u32 = 100;

/// Largest compiled regular expression, in bytes.
pub const REGEX_COMPILED_BYTES: usize = 1024 * 1024;

/// Most prefixes of a filter.
pub const PREFIXES: usize = 64;

/// How long proved credentials are believed without asking again: so late does a changed password or a taken role show
/// at this door.
pub const CREDENTIALS_FOR: Duration = Duration::from_secs(30);

/// Proved credentials remembered.
pub const CREDENTIALS: usize = 1_024;

/// Longest user name and password together, in bytes, as they stand in the header.
pub const AUTHORIZATION_BYTES: usize = 1_024;

/// Shortest pause between two lines of figures to a client that asked for them.
pub const STATS_PAUSE: Duration = Duration::from_secs(1);

/// Events a group's consumer answers in one message; it never has more at once.
pub const ANSWERED_AT_ONCE: usize = 10_000;

/// How often a consumer's group is asked for again while another process runs the groups, until that one's lease would have
/// run out.
pub const ELSEWHERE_PAUSE: Duration = Duration::from_millis(500);

/// How often a process says where it opens this door, where others do.
pub const MEMBER_BEAT: Duration = Duration::from_secs(3);

/// A process that has said nothing for so long is no member any more. Ours: four beats.
pub const MEMBER_GONE_AFTER: Duration = Duration::from_secs(12);

/// Processes named as members; one more serves and is not named by the others. Ours: more than anybody needs for one log.
pub const MEMBERS: usize = 16;

/// How old the list of members may be that a client gets: clients that look for a server ask several times a second.
pub const MEMBERS_FOR: Duration = Duration::from_secs(1);
