//! `anling-loadtest`: the command.
//!
//! For: reading the flags, running, and the exit code.
//! May not know: how anything is measured.

use clap::Parser;
use loadtest::{
    cli::{Cli, Command},
    report, run,
};
use std::process::ExitCode;

/// Threads of the generator beside the one of the consoles and the one of the schedule.
const WORKERS: usize = 2;

fn main() -> ExitCode {
    let Command::Press(args) = Cli::parse().command;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime can be made at the start of a process");
    let measured = runtime.block_on(run::press(&args));
    let result = match measured {
        Ok(result) => result,
        Err(failure) => {
            eprintln!("{failure}");
            return ExitCode::from(2);
        }
    };
    print!("{}", report::terminal(&result));
    if let Some(out) = &args.out
        && let Err(failure) = report::write(&result, out)
    {
        eprintln!("{failure}");
        return ExitCode::from(2);
    }
    if result.verdict.holds() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
