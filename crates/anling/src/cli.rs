//! The command line.
//!
//! For: every command, its flags, help and an example.
//! May not know: how a command is carried out.

use crate::settings::{Given, Store};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// 安铃 Anling: emergency calls of elderly people, from the button to the closed incident.
#[derive(Parser)]
#[command(
    name = "anling",
    version,
    after_help = "Example:\n  anling demo\n  anling check --config anling.toml"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// 演示城市: a synthetic Harbin on this machine, ready to be tried
    #[command(
        after_help = "Example:\n  anling demo --fresh --calls-per-minute 10\n  anling demo --lan        (a real phone can press)\n  anling demo --no-cast    (an empty stage)"
    )]
    Demo(Demo),
    /// Runs the service on a data folder, or some of its roles on a shared database
    #[command(
        after_help = "Example:\n  anling serve --config anling.toml\n  ANLING_DATABASE_URL=postgres://anling:…@db/anling anling serve --roles ingest --data ./ingest-1"
    )]
    Serve(Serve),
    /// The log alone: an event store for any program, over the protocol of EventStoreDB and KurrentDB
    #[command(after_help = crate::eventstore::HELP)]
    Eventstore(crate::eventstore::Eventstore),
    /// One real press through the device door of a running Anling
    #[command(
        after_help = "Example:\n  anling press --device HRB-000123 --key … --kind fall\n  anling press --data ./anling-data          (a device of the demo city)"
    )]
    Press(Press),
    /// 导入: the directory from a file: CSV, or GeoJSON for sites, crossings and barriers
    #[command(after_help = crate::files::IMPORT_HELP)]
    Import(crate::files::Import),
    /// 导出: the directory into a file
    #[command(after_help = crate::files::EXPORT_HELP)]
    Export(crate::files::Export),
    /// Operators' accounts
    #[command(
        subcommand,
        after_help = "Example:\n  anling operator add wang --name 王秀英 --post 护理员 --site HRB-230102-01"
    )]
    Operator(Operator),
    /// 老人: forgetting a resident, and keeping a record as evidence
    #[command(
        subcommand,
        after_help = "Example:\n  anling resident erase R000123 --operator li --why 家属申请"
    )]
    Resident(crate::resident::Resident),
    /// 密钥: the keys that open personal data, apart from the log
    #[command(
        subcommand,
        after_help = "Example:\n  anling key backup /safe/keys.jsonl --days 30 --data ./anling-data"
    )]
    Key(crate::key::Key),
    /// The log
    #[command(
        subcommand,
        after_help = "Example:\n  anling log read --limit 20\n  anling log verify --data ./anling-data"
    )]
    Log(LogCommand),
    /// Says in plain words what is wrong with a configuration
    #[command(after_help = "Example:\n  anling check --config anling.toml")]
    Check {
        #[command(flatten)]
        given: Given,
    },
}

#[derive(Args)]
pub(crate) struct Demo {
    #[command(flatten)]
    pub(crate) given: Given,
    /// Start with a new city; the old one is removed
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Nobody but you: no simulated seniors, operators and responders
    #[arg(long)]
    pub(crate) no_cast: bool,
    /// Calls that the cast makes each minute
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(0..=600))]
    pub(crate) calls_per_minute: u32,
    /// How much faster than in life responders drive; shown on the screen
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) drive_speed: u32,
    /// Residents of a new city
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=500_000))]
    pub(crate) residents: u32,
    /// Seed of a new city
    #[arg(long, default_value_t = 2011)]
    pub(crate) seed: u64,
    /// Open to the local network with a self-signed certificate; prints an address and a QR code
    #[arg(long)]
    pub(crate) lan: bool,
}

#[derive(Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) given: Given,
}

#[derive(Args)]
pub(crate) struct Press {
    /// Base address of the device door [default: from DIR/listening.json]
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Settings file (TOML) of a running Anling, to find its data folder
    #[arg(long, env = "ANLING_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Data folder of a running Anling, to find the door (and, in the demo, a device) [default: ./anling-data]
    #[arg(long, env = "ANLING_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The device
    #[arg(long)]
    pub(crate) device: Option<String>,
    /// Its key
    #[arg(long, env = "ANLING_DEVICE_KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
    /// What it says: sos, fall, smoke, gas, inactivity, service, cancel, test …
    #[arg(long, default_value = "sos")]
    pub(crate) kind: String,
    /// The device's own number of this press [default: a new one]
    #[arg(long)]
    pub(crate) press: Option<String>,
    /// Stay and tell each step until help is done
    #[arg(long)]
    pub(crate) follow: bool,
}

#[derive(Subcommand)]
pub(crate) enum Operator {
    /// Adds an operator to the running service, or to a folder nobody uses; asks for the password on standard input
    #[command(
        after_help = "Example:\n  anling operator add wang --name 王秀英 --post 护理员 --site HRB-230102-01\n  anling operator add li --name 李敏 --post 区经理 --role district-manager --district 230102"
    )]
    Add(OperatorAdd),
}

#[derive(Args)]
pub(crate) struct OperatorAdd {
    /// The name they sign in with
    pub(crate) operator: String,
    /// The name residents and colleagues hear
    #[arg(long)]
    pub(crate) name: String,
    /// What they are called, e.g. 护理员
    #[arg(long, default_value = "值班员")]
    pub(crate) post: String,
    /// operator, district-manager, administrator, or auditor (reads the log at its own door)
    #[arg(long, default_value = "operator", value_parser = ["operator", "district-manager", "administrator", "auditor"])]
    pub(crate) role: String,
    /// Their site
    #[arg(long, conflicts_with = "district")]
    pub(crate) site: Option<String>,
    /// Their district
    #[arg(long)]
    pub(crate) district: Option<String>,
    #[command(flatten)]
    pub(crate) store: Store,
}

#[derive(Subcommand)]
pub(crate) enum LogCommand {
    /// Prints events, one line of JSON each; personal data stays sealed
    #[command(
        after_help = "Example:\n  anling log read --limit 20\n  anling log read --stream incident-3f0c… --data ./anling-data\n  anling log read --backward --limit 5"
    )]
    Read {
        #[command(flatten)]
        store: Store,
        /// Only this stream
        #[arg(long)]
        stream: Option<String>,
        /// After this position, or from this revision of the stream
        #[arg(long)]
        from: Option<u64>,
        /// At most so many
        #[arg(long, default_value_t = 100)]
        limit: u64,
        /// Newest first
        #[arg(long)]
        backward: bool,
    },
    /// Counts and sizes
    #[command(after_help = "Example:\n  anling log stats --data ./anling-data")]
    Stats {
        #[command(flatten)]
        store: Store,
    },
    /// 核验: every record against what was signed, and every signature; says where the first change is
    #[command(
        after_help = "Example:\n  anling log verify --data ./anling-data\n  anling log verify --against checkpoints.txt --public-key anling/3f0c…+9a1b…+AQ…\n\nExit code 0 only when all of it was looked at and nothing was changed. docs/proof.md says what is proved and what is not."
    )]
    Verify {
        #[command(flatten)]
        store: Store,
        /// The key that must have signed, or a file with it [default: that of DIR/notary.key]
        #[arg(long, value_name = "KEY")]
        public_key: Option<String>,
        /// A file with a checkpoint that was kept outside; of several the last
        #[arg(long, value_name = "FILE")]
        against: Option<PathBuf>,
    },
    /// 公钥: prints the public key that checkpoints are signed with
    #[command(after_help = "Example:\n  anling log public-key --data ./anling-data > anling.pub")]
    PublicKey {
        #[command(flatten)]
        store: Store,
    },
    /// 证据包: one stream's records with what proves them, in one file
    #[command(
        after_help = "Example:\n  anling log prove --stream incident-3f0c… --out incident.json\n  anling log prove --stream incident-3f0c… --out incident.json --against checkpoints.txt"
    )]
    Prove {
        #[command(flatten)]
        store: Store,
        /// The stream
        #[arg(long)]
        stream: String,
        /// A file with a checkpoint that was kept outside; the pack proves that it is extended
        #[arg(long, value_name = "FILE")]
        against: Option<PathBuf>,
        /// The pack's file
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// 核对证据包: checks an evidence pack, without any log
    #[command(
        after_help = "Example:\n  anling log check-pack incident.json --public-key anling.pub"
    )]
    CheckPack {
        /// The pack
        file: PathBuf,
        /// The key that must have signed, or a file with it
        #[arg(long, value_name = "KEY")]
        public_key: Option<String>,
    },
    /// 备份: every record and checkpoint into a folder, while the log is written to; again: only what is new
    #[command(
        after_help = "Example:\n  anling log backup /backup/anling --data ./anling-data\n  anling log verify --data /backup/anling --public-key anling.pub\n\nKeys are no part of it: keep master.key, notary.key and the file of `anling key backup` apart. docs/log-care.md"
    )]
    Backup {
        #[command(flatten)]
        store: Store,
        /// The backup's folder: new, empty, or an earlier backup of this log
        #[arg(value_name = "FOLDER")]
        to: PathBuf,
    },
    /// 恢复: a backup into a new folder or an empty database
    #[command(
        after_help = "Example:\n  anling log restore /backup/anling --keys /safe/keys.jsonl --data ./anling-data\n  anling log verify --data ./anling-data\n\nBroken off, it is gone on with by running it again."
    )]
    Restore {
        #[command(flatten)]
        store: Store,
        /// The backup's folder
        #[arg(value_name = "FOLDER")]
        from: PathBuf,
        /// The file of `anling key backup`
        #[arg(long, value_name = "FILE")]
        keys: Option<PathBuf>,
    },
    /// 导出: every record as a line of JSON; personal data stays sealed
    #[command(after_help = "Example:\n  anling log export log.jsonl --data ./anling-data")]
    Export {
        #[command(flatten)]
        store: Store,
        /// The file
        file: PathBuf,
    },
    /// 导入: records from lines of JSON into a new folder or an empty database, each at the place it had
    #[command(after_help = "Example:\n  anling log import log.jsonl --data ./anling-new")]
    Import {
        #[command(flatten)]
        store: Store,
        /// The file
        file: PathBuf,
    },
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::{Command, CommandFactory};

    #[test]
    fn every_command_shows_an_example() {
        fn look(command: &Command, without: &mut Vec<String>) {
            let help = command.get_after_help().map(ToString::to_string);
            if !help.is_some_and(|help| help.contains("Example:")) {
                without.push(command.get_name().to_owned());
            }
            for below in command.get_subcommands() {
                look(below, without);
            }
        }
        let mut without = Vec::new();
        look(&Cli::command(), &mut without);
        assert_eq!(without, Vec::<String>::new());
    }
}
