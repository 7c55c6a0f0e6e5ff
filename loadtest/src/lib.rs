//! Load through Anling's public doors, measured against a floor of the same run.
//!
//! For: `anling-loadtest`: presses at a fixed rate whatever the answers do, consoles that work as people do, honest
//! figures, and afterwards a check that nothing was lost or doubled.
//! May not know: anything inside Anling; it speaks `wire` and the public protocols. It may not wait for an answer before
//! the next press is sent.
//!
//! Modules in reading order:
//!
//! - `cli`; `schedule`: when each press is due; `ledger`: what became of each; `figures`: histograms from it.
//! - `http`, `presser`: the device door; `desk`, `crew`: the console door; `city`: accounts and devices.
//! - `server`, `postgres`, `watch`: processes started for the run, and what they use; `scrape`: what they count.
//! - `floor`: the bare operations at the same rate; `lookup`, `verify`: every press looked up.
//! - `run`: one measurement from start to end; `report`: the terminal, JSON and a page.

pub mod city;
pub mod cli;
pub mod crew;
pub mod desk;
pub mod figures;
pub mod floor;
pub mod http;
pub mod ledger;
pub mod lookup;
pub mod postgres;
pub mod presser;
pub mod report;
pub mod run;
pub mod schedule;
pub mod scrape;
pub mod server;
pub mod verify;
pub mod watch;

/// What stopped a measurement, in words for whoever runs it.
#[derive(Debug)]
pub struct Failure(pub String);

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

/// Says what was being done when something failed.
pub trait Doing<T> {
    /// `doing`: "read the accounts".
    fn doing(self, doing: &str) -> Result<T, Failure>;
}

impl<T, E: std::fmt::Display> Doing<T> for Result<T, E> {
    fn doing(self, doing: &str) -> Result<T, Failure> {
        self.map_err(|error| Failure(format!("could not {doing}: {error}")))
    }
}
