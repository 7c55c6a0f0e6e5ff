//! The casebook's tests over whole logs, in memory and on SQLite.
//!
//! For: one binary for all of them, so that they share their helpers.
//! May not know: the inside of the crate; each module is written against its public door.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may unwrap as tests may"
)]

mod acting;
mod common;
mod decoding;
mod golden;
mod handling;
#[path = "../../../../tests/odd/mod.rs"]
mod odd;
mod rotation;
mod sealing;
mod snapshots;
