//! The command line.
//!
//! For: every flag, its help and an example; where other programs are looked for.
//! May not know: how anything is measured.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use loadtest::Failure;

/// The event log measured beside the bare database and beside other event stores, in one run, as ratios.
#[derive(Debug, Parser)]
#[command(
    name = "anling-bench",
    version,
    after_help = "Example, from the repository's root:\n  \
        cargo build --release -p anling\n  \
        cargo install umadb --version 0.7.8 --root peers\n  \
        npm install --prefix peers @eventide/message-db@1.3.1\n  \
        cargo run --release --manifest-path bench/Cargo.toml -- all --peers peers --json figures.json\n\n\
        Ends with 1 when a target is missed, with 2 when it could not be measured."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// How long each cell is measured, in seconds
    #[arg(long, global = true, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// How often each pair is measured, one after the other; the median counts
    #[arg(long, global = true, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=20))]
    rounds: u64,
    /// Folder on the disk to be measured; what is made in it is removed again [default: the system's temporary folder]
    #[arg(long, global = true, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Folder with the other stores: bin/umadb, node_modules/@eventide/message-db
    #[arg(long, global = true, value_name = "DIR")]
    peers: Option<PathBuf>,
    /// The binary that serves the log [default: target/release/anling, or `anling` on PATH]
    #[arg(long, global = true, value_name = "FILE")]
    anling: Option<PathBuf>,
    /// Events of the log in `large`
    #[arg(long, global = true, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(200_000..=100_000_000))]
    events: u64,
    /// Folder of that log, made there if need be and kept, so that it can be measured again
    #[arg(long, global = true, value_name = "DIR")]
    log: Option<PathBuf>,
    /// Numbers of clients in `sqlite` and `grpc` [default: 1,16,64,256]
    #[arg(long, global = true, value_delimiter = ',', value_name = "N,N…")]
    clients: Vec<usize>,
    /// Write everything measured to this file
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// What to measure.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Everything below
    All,
    /// Appenders in process on SQLite, beside one thread on bare SQLite with the same rows
    Sqlite,
    /// What 1,000 subscribers to everything cost the writer
    Followers,
    /// An alarm's wait during a flood of bulk appends
    Lanes,
    /// Reading all events forward, beside bare scans
    Read,
    /// Verification on one core
    Verify,
    /// Appenders in process on PostgreSQL, beside message-db
    Postgres,
    #[cfg(feature = "grpc")]
    /// Clients over gRPC: the `kurrentdb` crate against `anling eventstore`, and UmaDB's protocol against UmaDB
    Grpc,
    /// A log of 10 million events: opening, appending, cold reads, memory (about 10 GB of disk)
    Large,
    #[cfg(feature = "grpc")]
    /// The client process of `grpc`
    #[command(hide = true)]
    Client(Client),
}

impl Command {
    /// The sections it stands for.
    pub(crate) fn parts(&self) -> Vec<&Self> {
        match self {
            Self::All => vec![
                &Self::Sqlite,
                &Self::Followers,
                &Self::Lanes,
                &Self::Read,
                &Self::Verify,
                &Self::Postgres,
                #[cfg(feature = "grpc")]
                &Self::Grpc,
                &Self::Large,
            ],
            one => vec![one],
        }
    }
}

/// The client process.
#[cfg(feature = "grpc")]
#[derive(Debug, clap::Args)]
pub(crate) struct Client {
    /// Which protocol it speaks
    #[arg(long)]
    pub(crate) speaks: Protocol,
    /// Where the server listens
    #[arg(long)]
    pub(crate) port: u16,
    /// How many clients, each with a connection of its own
    #[arg(long)]
    pub(crate) count: usize,
    /// Warming up, in milliseconds
    #[arg(long)]
    pub(crate) warm_ms: u64,
    /// Measuring, in milliseconds
    #[arg(long)]
    pub(crate) measure_ms: u64,
}

/// A server's protocol.
#[cfg(feature = "grpc")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Protocol {
    Kurrentdb,
    Umadb,
}

/// What every section goes by.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) measure: Duration,
    pub(crate) rounds: u64,
    pub(crate) dir: PathBuf,
    pub(crate) umadb: Option<PathBuf>,
    pub(crate) message_db: Option<PathBuf>,
    pub(crate) anling: Option<PathBuf>,
    pub(crate) large_events: u64,
    pub(crate) log: Option<PathBuf>,
    pub(crate) clients: Vec<usize>,
}

/// How long a store is used before a cell begins.
pub(crate) const WARM: Duration = Duration::from_millis(500);

impl Settings {
    pub(crate) fn of(cli: &Cli) -> Result<Self, Failure> {
        let dir = cli.dir.clone().unwrap_or_else(std::env::temp_dir);
        if !dir.is_dir() {
            return Err(Failure(format!("there is no folder {}", dir.display())));
        }
        let peer = |path: &str| cli.peers.as_ref().map(|peers| peers.join(path));
        let built = PathBuf::from(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../target/release/anling"
        ));
        let default = [1, 16, 64, 256];
        Ok(Self {
            measure: Duration::from_secs(cli.seconds),
            rounds: cli.rounds,
            umadb: found(peer("bin/umadb")).or_else(|| on_path("umadb")),
            message_db: found(peer("node_modules/@eventide/message-db")),
            anling: match &cli.anling {
                Some(given) => found(Some(given.clone())),
                None => found(Some(built)).or_else(|| on_path("anling")),
            },
            large_events: cli.events,
            log: cli.log.clone(),
            clients: match cli.clients.as_slice() {
                [] => default.to_vec(),
                given => given.to_vec(),
            },
            dir,
        })
    }
}

fn found(path: Option<PathBuf>) -> Option<PathBuf> {
    path.filter(|path| path.exists())
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_flags_hold_together() {
        Cli::command().debug_assert();
        let all = Cli::try_parse_from(["anling-bench", "all", "--seconds", "1"]).unwrap();
        assert!(all.command.parts().len() > 5);
    }
}
