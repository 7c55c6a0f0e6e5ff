//! The rules of emergency calls, pure.
//!
//! For: what may happen to a call and what follows from what happened: incidents, offers, escalation, routing,
//! geography, and the promises as checkers.
//! May not know: clocks, randomness, async, SQL, sockets, formats of devices or doors. Time and new identifiers
//! arrive in commands.

pub mod happened;
pub mod id;
pub mod sealed;
pub mod time;

pub mod codes;
pub mod party;
pub mod signal;

pub mod care;
pub mod crossing;
pub mod device;
pub mod incident;
pub mod operator;
pub mod record;
pub mod resident;
pub mod site;

pub mod geography;
pub mod policy;
pub mod progress;
pub mod promises;
pub mod ranking;
pub mod routing;

pub use happened::{Actor, Happened};
pub use id::*;
pub use sealed::Sealed;
pub use time::Timestamp;
