//! The dispatcher: follows the log, opens incidents, offers, escalates, re-alerts.
//!
//! For: everything that must happen by itself and in time after an alarm is in the log.
//! May not know: its neighbours `ingest` and `console` (they meet in the log), wire formats, configuration; rules stand
//! in `domain`.
//!
//! Modules in reading order:
//!
//! - [`state`]: what is remembered, a fold of the log.
//! - [`agenda`]: whose turn it is, without looking at everything.
//! - [`core`]: the sans-IO mind: (event | tick) → wants; `turns` plans, `orders` turns what is due into commands.
//! - [`places`]: the narrow door to whoever knows devices and residents.
//! - `work`: does one want; safe to repeat after a crash anywhere in it.
//! - `shell`: follows, sleeps, hands out work.
//! - `deserted`: ends the consoles of a process that is gone.
//! - [`snapshot`]: the quick start.
//! - [`duty_phone`], [`webhook`]: telephones and chats, by signed webhooks; `ours`: which of several makes a call.
//! - [`metrics`], [`handle`]: what was done; starting and stopping.

pub mod agenda;
pub mod core;
pub mod duty_phone;
pub mod handle;
pub mod metrics;
pub mod places;
pub mod snapshot;
pub mod state;
pub mod webhook;

mod deserted;
mod follow_directory;
mod orders;
mod ours;
mod shell;
mod turns;
mod work;

pub use duty_phone::{Call, Webhooks};
pub use handle::{Dispatcher, DispatcherOptions, StartError};
pub use metrics::Counters;
pub use orders::site_of_party;
pub use places::{Home, Located, Places, Unanswered};
pub use webhook::{SignatureError, Webhook, sign, verify};
