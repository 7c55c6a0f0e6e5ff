//! The directory: who and where.
//!
//! For: districts and rivers, sites, crossings, operators, responders, residents and devices: their events ([`Registrar`]), the small city in
//! memory as a fold of the log ([`City`]), the read tables of residents and devices in their own file
//! ([`Directory`]), and the synthetic Harbin ([`harbin`]).
//! May not know: incidents, wire formats, HTTP, configuration; how travel time is reckoned (that is `domain`).
//!
//! Modules in reading order:
//!
//! - [`area`]: the city itself, its districts, communities, grids and rivers.
//! - [`city`]: sites, duty, crossings, operators and responders as a pure fold.
//! - [`harbin`]: the synthetic city, deterministic from its seed.
//! - [`registrar`]: the writers: enrol, open, close, add; `import`: the whole synthetic city at once; `founding`: the same
//!   before anybody is served, as fast as the machine allows.
//! - [`forgetting`]: erasing a resident, legal holds, and log and keys agreeing about it.
//! - [`error`]: what can go wrong, sorted by who must act.
//! - `tables`: residents and devices in `DIR/directory.sqlite`, rebuilt from the log whenever in doubt; `rows`: what they tell.
//! - `phones`: whose number it is, by keyed hash; `phone`: numbers in one form.
//! - `cache`: devices asked for lately; `lookups`: single rows, answered together.
//! - `follower`: the one task that writes the tables and the city.
//! - [`presence`]: which processes that serve consoles are alive.
//! - [`handle`]: the [`Directory`] everybody holds.
//! - [`exchange`]: the directory as files, in and out.
//! - [`english`]: the English form of what is kept in Chinese, for pages.
//!
//! The handle, in short:
//!
//! ```text
//! Directory::open(casebook: Casebook, dir: Option<&Path>) -> Result<Directory, DirectoryError>   // async; dir None: in memory
//! directory.city() -> Arc<City>                                    // a snapshot; cheap
//! directory.position() -> Position                                 // what city and tables have reached
//! directory.caught_up(position) -> Result<(), DirectoryError>      // async; waits, bound it with tokio::time::timeout
//! directory.watch() -> tokio::sync::watch::Receiver<Position>      // changes after each batch
//! directory.resident(&ResidentId) -> Result<Option<ResidentRow>, DirectoryError>                  // async
//! directory.profile(&ResidentId) -> Result<Profile, ProfileError>  // async; Erased | NotFound | Unavailable
//! directory.home(&ResidentId) -> Result<Option<Place>, DirectoryError>      // async; erased: the community's centre
//! directory.device(&DeviceId) -> Result<Option<Arc<DeviceRow>>, DirectoryError> // async; microseconds when cached
//! directory.residents_page(&ResidentFilter, after: Option<&ResidentId>, limit: u32) -> Result<Vec<ResidentRow>, DirectoryError>
//! directory.registrar() -> Registrar                               // the writers
//! directory.stop()                                                 // async; ordered
//! City::at(&Casebook, Position) -> Result<City, DirectoryError>    // async; the city as of a past position
//! City::fold(&mut self, position: Position, case: &Case)           // pure
//! harbin::{Plan, city, residents, Residents, districts, communities, grid_worker}
//! ```

pub mod area;
pub mod city;
pub mod english;
pub mod error;
pub mod exchange;
pub mod forgetting;
pub mod handle;
pub mod harbin;
pub mod presence;
pub mod registrar;

mod cache;
mod follower;
mod founding;
mod import;
mod lookups;
mod phone;
mod phones;
mod rows;
mod tables;

pub use area::Area;
pub use cache::DEVICE_CACHE;
pub use city::{City, ConsoleRow, Duty, OperatorRow, ResponderRow, SiteRow};
pub use error::{DirectoryError, ProfileError};
pub use follower::BATCH_EVENTS;
pub use handle::{Directory, PAGE_LIMIT};
pub use import::Imported;
pub use phones::{FOUND_LIMIT, Found, Whose};
pub use registrar::{Account, Enrolling, Registrar, Sendable, key_hash};
pub use rows::{DeviceRow, ResidentFilter, ResidentRow};
pub use tables::FILE;
