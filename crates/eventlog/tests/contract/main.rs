//! The log's contract: one suite, run against every store there is.
//!
//! For: a new store joins by one more line in `stores::on_every_store`.
//! May not know: anything behind the handle.
//!
//! - `stores`: opening, reopening and filling each store.
//! - `append`, `repeat`, `limits`: what is taken, recognised, refused.
//! - `read`, `subscribe`, `doors`: what is given back.
//! - `queues`: lanes, bounds, closing.
//! - `competing`: groups of competing consumers, the machine and over every store.
//! - `outside`: what programs from outside see, and may write.
//! - `older`: logs made by older versions.
//! - `model`, `model_outside`: random histories against small models.
//! - `postgres`: what only a shared database can do; `server`: throw-away PostgreSQL servers.
//! - `faults`, `sqlite`, `admin`: what only one store, or the process around it, can do.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed; the lint's own exception sees only functions marked as tests"
)]

mod admin;
mod append;
mod competing;
mod doors;
mod faults;
mod limits;
mod model;
mod model_outside;
mod older;
mod outside;
mod postgres;
mod queues;
mod read;
mod repeat;
#[path = "../../../../tests/src/postgres.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "shared with the journeys, where it is public"
)]
mod server;
mod sqlite;
mod stores;
mod subscribe;
