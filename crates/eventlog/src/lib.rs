//! The append-only log: streams of events in one gap-free order, and the readers that follow it.
//!
//! For: keeping what happened, durably and in order, and handing it on; it takes a name and a body and asks no more.
//! May not know: any other crate of ours; what an event means.
//!
//! Modules in reading order:
//!
//! - [`clock`]: the one module that reads the wall clock.
//! - `name`: stream names, event ids, revisions, positions.
//! - `event`: what is appended and what is recorded.
//! - `metadata`: what is said about a stream, and what that hides from outside programs.
//! - `limits`: every bound on what the log takes, with unit and reason.
//! - `error`: what can go wrong, sorted by who must act.
//! - `log`: the handle everybody holds: append, read, subscribe; `opening`: over each store; `check`: against the limits.
//! - `filter`: which events a reader is about.
//! - `subscribe`: following the log from a position, without gap or repeat.
//! - `outside`: the log as programs from outside see it; what is said about a stream hides there, and only there.
//! - [`competing`]: groups of competing consumers.
//! - `doors`: small mutable things beside the log: cursors, leases, snapshots, secrets, sessions.
//! - `writer`: the one task that writes; two queues, group commit.
//! - `live`: the last committed batches, shared by all subscriptions.
//! - `metrics`: what the writer counted.
//! - `store`: the contract below the handle (`store::plan` decides what fits); `store::memory`, `store::sqlite` and
//!   `store::postgres` keep it.
//! - `faults`: trouble on demand for tests and simulation (memory store only).
//! - `lock`: the operating system's lock that keeps a second writer out.
//! - [`admin`]: the socket through which other commands reach the running process.

pub mod admin;
pub mod clock;
pub mod competing;

mod check;
mod doors;
mod error;
mod event;
mod faults;
mod filter;
mod limits;
mod live;
mod lock;
mod log;
mod metadata;
mod metrics;
mod name;
mod opening;
mod outside;
mod pace;
mod store;
mod subscribe;
mod writer;

pub use clock::{Clock, ManualClock, SystemClock, TokioClock};
pub use doors::{
    Cursors, Lease, Leases, Rewrapped, Secrets, Session, Sessions, Snapshot, Snapshots,
};
pub use error::{AppendError, Degraded, DoorError, OpenError, ReadError, SubscribeError};
pub use event::{
    Appended, Direction, Expected, Lane, NewEvent, Recorded, StreamAppend, StreamAppended,
};
pub use faults::MemoryFaults;
pub use filter::{Filter, Predicate};
pub use limits::*;
pub use lock::{FolderLock, check_unlocked};
pub use log::Log;
pub use metadata::{DELETED_REVISION, LINK, METADATA, Metadata, STREAM_DELETED};
pub use metrics::{LogMetrics, LogStats};
pub use name::{EventId, NameError, Position, Revision, StreamName};
pub use outside::{
    AllPage, FollowError, Following, Outside, Resolved, Seen, Start, StreamPage, StreamRead,
};
pub use store::postgres::PostgresOptions;
pub use subscribe::{Delivery, News, Subscription};
