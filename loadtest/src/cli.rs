//! The command line.
//!
//! For: every flag, its help and an example.
//! May not know: how it is carried out.

use crate::schedule::Arrival;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Load through Anling's public doors, with a floor measured in the same run.
#[derive(Debug, Parser)]
#[command(
    name = "anling-loadtest",
    version,
    after_help = "Example:\n  cargo build --release -p anling\n  cargo run --release -p anling-loadtest -- press --rate 100 --seconds 60 --consoles 20 --out figures"
)]
pub struct Cli {
    #[command(subcommand)]
    #[expect(missing_docs, reason = "clap's own")]
    pub command: Command,
}

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Presses at a fixed rate, consoles that accept and resolve, everything looked up afterwards
    #[command(
        after_help = "Examples:\n  anling-loadtest press --rate 100 --seconds 60 --consoles 20\n  anling-loadtest press --rate 500 --seconds 60 --store postgres --processes roles\n  anling-loadtest press --rate 50 --seconds 10 --console http://127.0.0.1:7300 --devices http://127.0.0.1:7310 \\\n      --accounts anling-data/demo-accounts.json --devices-file anling-data/demo-devices.csv\n\nEnds with 1 when anything was lost or doubled, with 2 when it could not be measured."
    )]
    Press(Press),
}

/// The store that is measured, and its floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Store {
    Sqlite,
    Postgres,
}

/// How the service is cut into processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Processes {
    /// One process with every role.
    One,
    /// A process for each role; PostgreSQL only.
    Roles,
}

/// `press`.
#[derive(Debug, Clone, Args)]
pub struct Press {
    /// Presses a second, whatever the answers do
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate: u32,
    /// For how long, in seconds; rate × seconds may not exceed the residents with a device
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub seconds: u32,
    /// Consoles at the districts' desks
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=180))]
    pub consoles: u32,
    /// Residents of the city made for this run
    #[arg(long, default_value_t = 60_000, value_parser = clap::value_parser!(u32).range(1..=500_000))]
    pub residents: u32,
    /// How presses lie in time
    #[arg(long, value_enum, default_value_t = Arrival::Poisson)]
    pub arrival: Arrival,
    /// Seed of the schedule
    #[arg(long, default_value_t = 2011)]
    pub seed: u64,
    /// The store of the service, and of the floor
    #[arg(long, value_enum, default_value_t = Store::Sqlite)]
    pub store: Store,
    /// One process, or one for each role
    #[arg(long, value_enum, default_value_t = Processes::One)]
    pub processes: Processes,
    /// A PostgreSQL database that may be filled [default: a throw-away server is started]
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,
    /// The binary to start [default: `anling` beside this program]
    #[arg(long, value_name = "FILE")]
    pub binary: Option<PathBuf>,
    /// Console door of a running city; may be given several times. Nothing is started then
    #[arg(long, value_name = "URL", requires_all = ["devices", "accounts", "devices_file"])]
    pub console: Vec<String>,
    /// Device door of a running city; may be given several times
    #[arg(long, value_name = "URL", requires = "console")]
    pub devices: Vec<String>,
    /// Ops door of a process of it without a console, whose figures count too; may be given several times
    #[arg(long, value_name = "URL", requires = "console")]
    pub ops: Vec<String>,
    /// Its demo-accounts.json
    #[arg(long, value_name = "FILE", requires = "console")]
    pub accounts: Option<PathBuf>,
    /// Its demo-devices.csv
    #[arg(long, value_name = "FILE", requires = "console")]
    pub devices_file: Option<PathBuf>,
    /// Process of it whose processor time and memory are sampled; may be given several times
    #[arg(long, value_name = "PID", requires = "console")]
    pub pid: Vec<u32>,
    /// How long the floor is measured before and again after the load, in seconds
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub floor_seconds: u32,
    /// How long consoles may go on working after the last press, in seconds
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub drain_seconds: u32,
    /// Folder for result.json and result.html
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_flags_hold_together() {
        Cli::command().debug_assert();
        let given = [
            "anling-loadtest",
            "press",
            "--console",
            "http://a",
            "--devices",
            "http://b",
        ];
        assert!(
            Cli::try_parse_from(given).is_err(),
            "a running city needs its accounts"
        );
    }
}
