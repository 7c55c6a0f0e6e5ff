//! 安铃 Anling: the binary.
//!
//! For: reading the configuration, binding sockets, opening the log, starting and ending the parts, the command line.
//! May not know: rules, formats, SQL; every part keeps its own.
//!
//! Modules in reading order: `cli`, `settings`, `roles`, `database`, `folder`, `ground` (the log opened), `node` (the
//! parts wired together), `doors` (listeners and TLS), `notarize` (who signs the log), `ops` (health and metrics), `demo` (the synthetic city and its
//! cast), `eventstore` (the log alone), `gate` (its guarded door), `press`, `operator`, `resident` (forgetting, and what
//! keeps a record), `key` (keys apart from the log), `files` (the directory out into files and in again), `log`.

/// As the standard one, but that nobody reads any more what we print is no reason to end: calls go on.
macro_rules! println {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($words)*);
    }};
}

mod cli;
mod database;
mod demo;
mod doors;
mod eventstore;
mod failure;
mod files;
mod folder;
mod gate;
mod ground;
mod key;
mod log;
mod node;
mod notarize;
mod operator;
mod ops;
mod press;
mod proxy;
mod resident;
mod roles;
mod settings;
mod settings_file;
mod threads;
mod unread;

use clap::Parser;
use cli::{Cli, Command};
use failure::Failure;
use std::process::ExitCode;

/// A quarter of what a storm cost was taking and giving back memory; this one does it in less than half the time.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    start_tracing();
    // Several TLS back ends may be linked in; ours is chosen once, before anything speaks TLS.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return stop(&Failure::new(format!("cannot start: {error}"))),
    };
    match runtime.block_on(run(cli.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => stop(&failure),
    }
}

fn stop(failure: &Failure) -> ExitCode {
    eprintln!("anling: {failure}");
    ExitCode::from(failure.code())
}

async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Demo(args) => demo::run(args).await,
        Command::Serve(args) => node::serve(args).await,
        Command::Eventstore(args) => eventstore::run(args).await,
        Command::Press(args) => press::run(args).await,
        Command::Import(args) => files::import(args).await,
        Command::Export(args) => files::export(args).await,
        Command::Operator(cli::Operator::Add(args)) => operator::add(args).await,
        Command::Resident(command) => resident::run(command).await,
        Command::Key(command) => key::run(command).await,
        Command::Log(command) => log::run(command).await,
        Command::Check { given } => check(&given),
    }
}

fn check(given: &settings::Given) -> Result<(), Failure> {
    let settings = settings::Settings::load(given)?;
    let mut faults = Vec::new();
    let folder = folder::Folder::check(&settings.data, folder::Purpose::Service);
    faults.extend(folder.err().map(|fault| fault.to_string()));
    let writable = folder::Folder::check_writable(&settings.data);
    faults.extend(writable.err().map(|fault| fault.to_string()));
    for (name, address) in settings.doors() {
        let taken = address.and_then(|address| doors::check_free(name, address).err());
        faults.extend(taken.map(|fault| fault.to_string()));
    }
    if !faults.is_empty() {
        return Err(Failure::settings(faults));
    }
    println!("配置无误 / the configuration is fine");
    println!("  data     {}", settings.data.display());
    if let Some(database) = &settings.database {
        println!("  database {database}");
        println!("  roles    {}", settings.roles);
    }
    for (name, address) in settings.doors() {
        if let Some(address) = address {
            println!("  {:8} {address}", name.trim_end_matches("_listen"));
        }
    }
    Ok(())
}

fn start_tracing() {
    use tracing_subscriber::{EnvFilter, fmt};
    let filter = EnvFilter::try_from_env("ANLING_LOG")
        .unwrap_or_else(|_| EnvFilter::new("warn,anling=info"));
    fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}
