//! The casebook: typed streams over the log.
//!
//! For: stream names, stored event shapes, sealing of personal data, and decide-and-append.
//! May not know: rules (those stand in `domain`), how the log keeps bytes, sockets, SQL.
//!
//! Modules in reading order:
//!
//! - [`streams`]: how streams are named, and back.
//! - [`codec`]: events as stored bytes; `families` lists the stored names, `upcast` lifts old shapes.
//! - [`vault`]: sealing and opening, and forgetting by destroying a key; `master` keeps the key of keys, `wrapping` is what it
//!   does, `rotate` another one.
//! - [`book`]: appending, folding, acting, opening or joining, following.
//! - [`snapshots`]: saved folds, disposable.

pub mod book;
pub mod codec;
pub mod snapshots;
pub mod streams;
pub mod vault;

mod act;
mod cache;
mod families;
mod fold;
mod follow;
mod handle;
mod master;
mod rotate;
mod upcast;
mod wrapping;

pub use act::{ActError, Acted, RETRY_LIMIT, command_event};
pub use book::{Batch, BookError, Casebook, Draft};
pub use codec::{Case, Meta, Stored, Unencodable, Unreadable, read};
pub use fold::Folded;
pub use follow::{FollowError, Followed, Follower};
pub use handle::{Handled, HandledAs, Opening, alarm_event, care_event};
pub use master::{MasterKey, MasterKeyError};
pub use rotate::OF_ROTATION;
pub use streams::Family;
pub use vault::{Binding, Keys, ToSeal, Unopened, Vault, VaultError};
