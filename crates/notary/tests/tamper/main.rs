//! Whatever is changed in the tables after it was signed is found and placed.
//!
//! For: single bits flipped and rows deleted in every column of every table, on SQLite and PostgreSQL.
//! May not know: how verification finds it.
#![expect(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected has failed, and says where"
)]

#[path = "../../../../tests/src/postgres.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "shared with the journeys, where it is public"
)]
mod server;

mod bench;
mod bits;
mod follower;
mod pack;
mod rows;
