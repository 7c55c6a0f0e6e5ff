//! A running Anling for a journey: the real binary, its real doors, a folder of its own.
//!
//! For: starting, killing and starting again, and the few words every journey speaks at the doors.
//! May not know: anything inside; only public protocols and files.

mod channel;
mod cluster;
pub mod command;
mod eventstore;
pub mod load;
mod node;
mod page;
mod postgres;
mod store;

pub use channel::Channel;
pub use cluster::Cluster;
pub use eventstore::EventStoreNode;
pub use node::{Account, Device, Node, binary};
pub use page::Page;
pub use postgres::PostgresServer;
pub use store::Store;
