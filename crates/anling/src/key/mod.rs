//! `anling key`: the keys that open personal data, apart from the log.
//!
//! For: the commands; `copy` backs keys up and puts them back, `rotate` puts another master key in place.
//! May not know: how keys are wrapped.

mod copy;
mod rotate;

use crate::{failure::Failure, settings::Store};
use clap::Subcommand;
use std::path::PathBuf;

pub(crate) use copy::{check, put_back};
pub(crate) use rotate::{COMMAND, admin_reply};

#[derive(Subcommand)]
pub(crate) enum Key {
    /// 备份密钥: everybody's keys, wrapped by the master key, into a file of their own that expires
    #[command(
        after_help = "Example:\n  anling key backup /safe/keys.jsonl --days 30 --data ./anling-data\n\nWhoever is erased later is still in it: keep it apart from the log, take a new one before it expires, delete the old one."
    )]
    Backup {
        #[command(flatten)]
        store: Store,
        /// The file
        #[arg(value_name = "FILE")]
        out: PathBuf,
        /// Days after which it is not put back any more
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=90))]
        days: u16,
    },
    /// 恢复密钥: puts keys back that are missing; of nobody who was erased
    #[command(
        after_help = "Example:\n  anling key restore /safe/keys.jsonl --data ./anling-data\n\nOn SQLite stop anling first."
    )]
    Restore {
        #[command(flatten)]
        store: Store,
        /// The file of `anling key backup`
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// 更换主密钥: another master key, without rewriting the log; the old one may be destroyed afterwards
    #[command(
        after_help = "Example:\n  anling key rotate --data ./anling-data\n  anling key rotate --new-key /safe/new.key\n  anling key rotate --finish            (several processes: when each has the new key)\n\nBroken off, it is gone on with by running it again. Take a new `anling key backup` afterwards. docs/forgetting.md"
    )]
    Rotate {
        #[command(flatten)]
        store: Store,
        /// The new key's file [default: a new one, made beside the old]
        #[arg(long, value_name = "FILE")]
        new_key: Option<PathBuf>,
        /// Every process has the new key: make the old one worthless
        #[arg(long)]
        finish: bool,
    },
}

/// Carries out `anling key …`.
pub(crate) async fn run(command: Key) -> Result<(), Failure> {
    match command {
        Key::Backup { store, out, days } => copy::backup(store, &out, days).await,
        Key::Restore { store, file } => copy::restore(store, &file).await,
        Key::Rotate {
            store,
            new_key,
            finish,
        } => rotate::run(store, new_key, finish).await,
    }
}
