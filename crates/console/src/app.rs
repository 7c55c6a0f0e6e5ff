//! What all handlers share.
//!
//! For: one value to pass around.
//! May not know: routes.

use crate::{
    attempts::Attempts, card::Cards, health::Health, lines::Lines, metrics::Counters,
    options::ConsoleOptions, password::Checker, records::Records, shared::Shared,
};
use casebook::Casebook;
use std::sync::Arc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The console's parts.
pub(crate) struct App {
    pub(crate) casebook: Casebook,
    pub(crate) shared: Arc<Shared>,
    pub(crate) records: Arc<Records>,
    pub(crate) cards: Cards,
    pub(crate) options: ConsoleOptions,
    /// Where what people ask is done, before pages are written to.
    pub(crate) orders: tokio::runtime::Handle,
    pub(crate) attempts: Attempts,
    pub(crate) checker: Checker,
    pub(crate) lines: Arc<Lines>,
    pub(crate) metrics: Counters,
    pub(crate) health: Health,
    /// Open consoles; waited for when stopping.
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}
