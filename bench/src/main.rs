//! The event log measured beside the bare database and beside other event stores.
//!
//! For: `anling-bench`: each target of the log as a ratio of two figures of the same run, on the same rows and disk.
//! May not know: how the log does it; nothing here is part of what is shipped.
//!
//! Modules in reading order:
//!
//! - `cli`; `event`: the rows of every cell; `figures`: cells, ratios and their targets; `report`: the table and JSON;
//!   `progress`; `machine`.
//! - `raw`: the bare writer and reader; `appenders`: many that each wait for their answer.
//! - `sqlite`, `followers`, `lanes`, `read`, `verify`, `large`: sections on SQLite.
//! - `postgres`, `message_db`: against message-db.
//! - `grpc`, `servers`, `client`, `umadb`: over the wire, against UmaDB.

mod appenders;
mod cli;
#[cfg(feature = "grpc")]
mod client;
mod event;
mod figures;
mod followers;
#[cfg(feature = "grpc")]
mod grpc;
mod lanes;
mod large;
mod machine;
mod message_db;
mod postgres;
mod progress;
mod raw;
mod read;
mod report;
#[cfg(feature = "grpc")]
mod servers;
mod sqlite;
#[cfg(feature = "grpc")]
mod umadb;
mod verify;

use std::process::ExitCode;

use clap::Parser;
use cli::{Cli, Command, Settings};
use figures::Section;
use loadtest::Failure;
use progress::Progress;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made at the start of a process");
    match runtime.block_on(run(cli)) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(2)
        }
    }
}

async fn run(cli: Cli) -> Result<ExitCode, Failure> {
    #[cfg(feature = "grpc")]
    if let Command::Client(args) = &cli.command {
        client::run(args).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let settings = Settings::of(&cli)?;
    let progress = Progress::new();
    let mut sections = Vec::new();
    for part in cli.command.parts() {
        sections.push(section(part, &settings, &progress).await?);
    }
    progress.done();
    let report = report::Report::new(machine::Machine::look(&settings.dir), sections);
    print!("{}", report.table());
    if let Some(file) = &cli.json {
        report.write(file)?;
    }
    Ok(if report.holds() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn section(
    part: &Command,
    settings: &Settings,
    progress: &Progress,
) -> Result<Section, Failure> {
    match part {
        Command::Sqlite => sqlite::run(settings, progress).await,
        Command::Followers => followers::run(settings, progress).await,
        Command::Lanes => lanes::run(settings, progress).await,
        Command::Read => read::run(settings, progress).await,
        Command::Verify => verify::run(settings, progress).await,
        Command::Postgres => postgres::run(settings, progress).await,
        Command::Large => large::run(settings, progress).await,
        #[cfg(feature = "grpc")]
        Command::Grpc => grpc::run(settings, progress).await,
        _ => Err(Failure("this is no section".to_owned())),
    }
}
