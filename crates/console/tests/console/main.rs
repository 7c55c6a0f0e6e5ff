//! The console's door, over real sockets on port 0.
//!
//! For: stories of people at consoles, told through HTTP and WebSocket only; the log is read to see what was written.
//! May not know: the console's insides.

#![expect(
    clippy::unwrap_used,
    reason = "a story that cannot go on has failed, and says where"
)]

mod bad_inputs;
mod duty_phone;
mod furniture;
mod getting_in;
mod hall;
mod live;
#[path = "../../../../tests/odd/mod.rs"]
mod odd;
mod odd_inputs;
mod page;
mod replay;
mod scope;
mod several;
mod trip;
mod words;
