//! The JSON shapes spoken at the device and console doors.
//!
//! For: one description of every message, for the server, programs that talk to it, and the page (TypeScript types
//! are generated from here with the feature `ts`, OpenAPI and JSON Schema are derived with the feature `schema`).
//! May not know: rules, storage, transport. Identifiers are plain text here; times are milliseconds since
//! 1970-01-01T00:00:00Z unless a field says otherwise.

pub mod card;
pub mod console;
pub mod device;
pub mod problem;
pub mod watch;

/// Version of the console protocol; a page that was made for another reloads itself.
pub const CONSOLE_PROTOCOL: u32 = 1;
