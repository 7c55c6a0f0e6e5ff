//! Every bound on what the log takes, with its unit and its reason.
//!
//! For: one page where the limits can be read and compared.
//! May not know: how they are enforced.

use std::time::Duration;

/// Longest stream name, in bytes. Ours: names from outside that are longer are hashed before they get here.
pub const STREAM_NAME_BYTES: usize = 512;

/// Longest stored type name, in bytes. Ours: type names are written by programmers.
pub const EVENT_KIND_BYTES: usize = 128;

/// Largest event, body and metadata together, in bytes: the default append limit of EventStoreDB.
pub const EVENT_BYTES: usize = 1024 * 1024;

/// Most events in one append. Ours: so many of the smallest fit into EventStoreDB's default append limit of 1 MiB, and one
/// atomic append of them holds the writer for some tenths of a second. Doors beside which presses are taken ask for less.
pub const APPEND_EVENTS: usize = 10_000;

/// Most streams in one atomic append. Ours: what we write touches two or three.
pub const APPEND_STREAMS: usize = 64;

/// Largest append, all events together, in bytes. Ours: leaves room for the largest event many times over, and still
/// commits within the time a caller waits.
pub const APPEND_BYTES: usize = 16 * 1024 * 1024;

/// Most commands waiting in the urgent queue, and as many alarms in theirs. Ours: more than a second of an earthquake's 10,000 presses/s.
pub const URGENT_QUEUE: usize = 16_384;

/// Most commands waiting in the bulk queue. Ours: importers wait for answers; a deep queue would only hide it.
pub const BULK_QUEUE: usize = 4_096;

/// Most bytes waiting in either queue, so that deep queues of large events cannot fill the memory.
pub const QUEUE_BYTES: usize = 64 * 1024 * 1024;

/// Most events in one commit: enough that the fsync no longer counts, few enough that the first does not wait long.
pub const BATCH_EVENTS: usize = 1_000;

/// Most bytes in one commit, unless a single append is larger.
pub const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// How long a bulk batch may hold the store, in milliseconds, while nothing urgent has been asked for a while: the
/// design's figure. The writer sizes bulk batches by how long the last ones took; a single atomic append is never cut.
pub const BULK_HOLD_MS: u64 = 20;

/// The same while urgent commands come: at 5 an alarm beside an import waits about as long as one commit of its own takes.
pub const BULK_HOLD_BUSY_MS: u64 = 5;

/// How long after the last urgent command the next one is expected. Ours: while people press, answer and work, an
/// import gives way; in a quiet night or an empty city it has the store to itself.
pub const URGENT_LULL: Duration = Duration::from_secs(2);

/// While urgent commands come, bulk work rests this many times as long as its last batch took, so that most alarms meet
/// neither a held store nor a core that is busy with what the next bulk batch is made of.
pub const BULK_REST_TIMES: u32 = 3;

/// Longest such rest: on a slow disk bulk work goes on ten times a second at least.
pub const BULK_REST_MOST: Duration = Duration::from_millis(100);

/// Fewest events a bulk batch may be sized down to, so that a slow disk does not make an import commit one by one.
pub const BULK_BATCH_LEAST: usize = 16;

/// Urgent batches in a row after which a waiting bulk batch gets one turn, so that bulk work is slowed by a storm and
/// not starved by it. Ours: costs urgent commands one bulk hold in every 32 commits.
pub const URGENT_RUN: u32 = 32;

/// Failures in a row, when a failed batch is tried again member by member, after which the rest is given up: the store
/// is unwell, and callers should hear it soon.
pub const MEMBER_FAILURES: u32 = 8;

/// Most events one read returns; asking for more is refused rather than cut short unseen.
pub const READ_LIMIT: usize = 10_000;

/// Most events a subscription reads from the store at a time.
pub const SUBSCRIPTION_PAGE: usize = 256;

/// Events of a subscription's first page, while nothing is known of their size.
pub const SUBSCRIPTION_FIRST: usize = 32;

/// Bytes of events that a subscription holds ready, but for the last of them; what is beyond is read again when it is
/// wanted. Ours: a thousand readers that have fallen silent hold a gigabyte, of the largest events too.
pub const SUBSCRIPTION_BYTES: usize = 1024 * 1024;

/// Most categories in one subscription's filter.
pub const FILTER_CATEGORIES: usize = 64;

/// Most prefixes in one filter. Ours: each event that passes by is held against all of them.
pub const FILTER_PREFIXES: usize = 64;

/// Bytes of committed batches kept in memory for subscriptions; who is further behind reads from the store.
pub const LIVE_BYTES: usize = 16 * 1024 * 1024;

/// Committed batches kept in memory for subscriptions.
pub const LIVE_BATCHES: usize = 1_024;

/// Streams whose last revision the writer remembers, in each of two generations; others are looked up again.
pub const HEAD_CACHE: usize = 32_768;

/// Streams of which the last events are kept in memory, in each of two generations. Ours: a storm's open calls, in some tens of
/// megabytes at most.
pub const TAIL_STREAMS: usize = 4_096;

/// So many events of each. Ours: an ordinary call has ten, and whoever acts on it has folded most of them.
pub const TAIL_EVENTS: usize = 8;

/// Streams of which it is remembered what is said about them, for readers from outside, in each of two generations.
pub const ABOUT_CACHE: usize = 16_384;

/// Most subscriptions of outside programs in one process. Ours: each holds a page of events at most, some hundred
/// kilobytes when it falls behind; a program that opens ten thousand is told so.
pub const OUTSIDE_SUBSCRIPTIONS: usize = 4_096;

/// Events that one filtered read from outside looks through before it answers with what it has.
pub const FILTERED_LOOKS: usize = 10_000;

/// Categories and types whose numbering is remembered, in each of two generations; others are counted again.
pub const NUMBERED_STREAMS: usize = 64;

/// Most groups of competing consumers in one log. Ours: their settings stand together in one event.
pub const GROUPS: usize = 500;

/// Longest name of a group, in bytes.
pub const GROUP_NAME_BYTES: usize = 128;

/// Most events a group holds ready, or reads at once. Ours: some megabytes for each group.
pub const GROUP_BUFFER: usize = 10_000;

/// Most consumers of one group, whatever its settings.
pub const GROUP_CONSUMERS: usize = 256;

/// Most events at one consumer.
pub const CONSUMER_BUFFER: usize = 10_000;

/// Answers waiting for one group; who sends more waits.
pub const GROUP_COMMANDS: usize = 1_024;

/// Of the reason why an event is parked so much is kept, in bytes. Ours: an exception's message and more; the whole of what a client may
/// send would make the link too large to be written, and the event would be given again and again.
pub const PARK_REASON_BYTES: usize = 4 * 1024;

/// How long one process alone may run the groups of a log that several write to, without saying so again.
pub const GROUP_LEASE: Duration = Duration::from_secs(9);

/// Connections that read, for each runtime that asks; on SQLite for the streams of calls and once more for everybody else. Ours: most
/// reads are answered from memory in microseconds.
pub const READ_CONNECTIONS: usize = 4;

/// How often a reader beside the writing process looks for new events.
pub const FOLLOW_EVERY: Duration = Duration::from_millis(200);

/// How long one batch may take on PostgreSQL, from the first statement to the answer of COMMIT and with one repetition
/// on a new connection, before its callers hear "unavailable". Ours: a press never waits longer than twice this, once
/// for the batch before it and once for its own.
pub const COMMIT_WITHIN: Duration = Duration::from_secs(5);

/// How long a batch waits for the head row that other writers hold in turn. Shorter than [`COMMIT_WITHIN`], so that the
/// server is the one that gives up.
pub const HEAD_ROW_WITHIN: Duration = Duration::from_secs(4);

/// How long a transaction may stand idle before the server ends it: a writer that was stopped in the middle of a batch
/// holds the head row, and others must still come to their turn within [`HEAD_ROW_WITHIN`].
pub const IDLE_TRANSACTION: Duration = Duration::from_secs(2);

/// How long connecting to PostgreSQL may take.
pub const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// How long one read from PostgreSQL may take; the largest read, [`READ_LIMIT`] events, takes a few hundred milliseconds.
pub const READ_WITHIN: Duration = Duration::from_secs(10);

/// How often the tail looks for what other processes wrote, besides being told. Telling is not certain, so this is how
/// late it may become.
pub const TAIL_EVERY: Duration = Duration::from_millis(500);

/// The first pause before a lost database is tried again.
pub const RECONNECT_FIRST: Duration = Duration::from_millis(50);

/// The longest such pause: so much longer than the database itself the log may be away.
pub const RECONNECT_LAST: Duration = Duration::from_secs(1);

/// How often the listening connection is asked for a sign of life; one that a firewall forgot stays silent.
pub const LISTEN_CHECK: Duration = Duration::from_secs(10);

/// Longest name of a cursor, lease, snapshot or secret, in bytes.
pub const DOOR_NAME_BYTES: usize = 512;

/// Most entries behind one door, except secrets and sessions.
pub const DOOR_ENTRIES: usize = 10_000;

/// Largest snapshot, in bytes: the fold of a full city's dispatcher with room to spare.
pub const SNAPSHOT_BYTES: usize = 64 * 1024 * 1024;

/// Largest wrapped key, in bytes.
pub const SECRET_BYTES: usize = 4 * 1024;

/// Most wrapped keys kept by one command: those of one append of an import, and some.
pub const SECRETS_AT_ONCE: usize = 256;

/// Most wrapped keys: one per resident and unknown device of a large city.
pub const SECRET_ENTRIES: usize = 4_000_000;

/// Largest session, in bytes.
pub const SESSION_BYTES: usize = 16 * 1024;

/// Longest session token hash, in bytes.
pub const SESSION_HASH_BYTES: usize = 64;

/// Most sessions at once: every desk of a city signed on many times over.
pub const SESSION_ENTRIES: usize = 50_000;

/// Longest line on the admin socket, in bytes.
pub const ADMIN_LINE_BYTES: usize = 1024 * 1024;

/// Connections the admin socket serves at once; it is for people and scripts on this machine.
pub const ADMIN_CONNECTIONS: usize = 8;

/// How long the admin socket waits for the next line of a connection.
pub const ADMIN_IDLE: Duration = Duration::from_secs(30);
