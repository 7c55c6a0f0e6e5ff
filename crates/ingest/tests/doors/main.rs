//! The device doors over real sockets.
//!
//! For: the contract of `docs/device-protocol.md`, held by tests.
//! May not know: anything inside the crate.
#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]

mod bad;
mod bad_input;
mod common;
mod contract;
mod dc09;
mod dc09_bad;
mod dc09_limits;
#[path = "../../../../tests/odd/mod.rs"]
mod odd;
mod odd_input;
mod panel;
mod privacy;
mod way_back;
