//! The notary: says, with a signature, what the log held, and finds what was changed since.
//!
//! For: a Merkle tree over the records (RFC 6962), signed checkpoints (C2SP tlog-checkpoint), verification, proofs.
//! May not know: what a record means; sockets, settings. It only reads the log.
//!
//! Modules in reading order:
//!
//! - `canonical`: a record as the bytes that are hashed.
//! - `tree`: hashes, the growing tree, and which hashes a proof needs; `tiles`: how its hashes are kept.
//! - `proof`: checking inclusion and consistency.
//! - `note`: signed notes and their keys; `checkpoint`: what is signed; `key`: the key's file.
//! - `store`: the notary's own tables, on SQLite and PostgreSQL.
//! - `follower`: the one that follows the log and signs; `publish`: checkpoints leave the house; `status`: how it stands.
//! - `verify`: the whole log against the tree and every checkpoint.
//! - `prove`: proofs out of the stored tree; `pack`: evidence that can be checked without us.

mod canonical;
mod checkpoint;
mod follower;
mod key;
mod note;
mod pack;
mod proof;
mod prove;
mod publish;
mod status;
mod store;
mod tiles;
mod tree;
mod verify;

pub use canonical::{canonical, leaf_hash};
pub use checkpoint::{Checkpoint, Unsigned};
pub use follower::{Notary, NotaryOptions};
pub use key::{KeyError, load, load_or_create};
pub use note::{NoteError, Signer, Verifier};
pub use pack::{Outer, Pack, PackError, PackEvent, Payload, Proven, Sealed, Words};
pub use proof::{verify_consistency, verify_inclusion};
pub use prove::{ProveError, Prover};
pub use publish::Outlets;
pub use status::{Figures, Status};
pub use store::{Ledger, LedgerError, State, StoredCheckpoint};
pub use tree::{Hash, Tree};
pub use verify::{FINDINGS, Finding, Report, Verification, VerifyError};
