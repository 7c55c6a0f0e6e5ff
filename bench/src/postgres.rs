//! Single-event appenders in process on PostgreSQL, beside message-db on the same server.
//!
//! For: what one writer that commits for all gets, against a lock for each category.
//! May not know: how either is done.

use std::path::Path;
use std::sync::Arc;

use eventlog::{Log, PostgresOptions, SystemClock};
use loadtest::postgres::Postgres;
use loadtest::{Doing, Failure};
use tempfile::TempDir;

use crate::appenders::{self, Way};
use crate::cli::Settings;
use crate::event::{self, STREAMS};
use crate::figures::{Cell, Section, Target};
use crate::message_db::{self, Categories};
use crate::progress::Progress;

const CLIENTS: [usize; 2] = [16, 64];
/// Of message-db's rate, with all streams in one category and with one for each client.
const TIMES: [(Categories, &str, f64); 2] = [
    (Categories::One, "one category", 5.0),
    (Categories::PerClient, "a category for each", 2.0),
];

pub(crate) async fn run(settings: &Settings, progress: &Progress) -> Result<Section, Failure> {
    let mut section = Section::new("in process on PostgreSQL");
    let cells = CLIENTS.len() * TIMES.len();
    progress.section(section.name, 1 + settings.rounds * cells as u64);
    progress.step("starting a server");
    let dir = tempfile::tempdir_in(&settings.dir).doing("make a folder")?;
    let server = Postgres::start(dir.path()).await?;
    let measured = on(&server, &dir, settings, &mut section, progress).await;
    server.stop().await?;
    measured.map(|()| section)
}

async fn on(
    server: &Postgres,
    dir: &TempDir,
    settings: &Settings,
    section: &mut Section,
    progress: &Progress,
) -> Result<(), Failure> {
    let port = port(&server.url())?;
    let peer = settings.message_db.as_deref();
    match peer {
        Some(package) => message_db::install(package, port).await?,
        None => section.skipped.push(
            "message-db: `npm install --prefix PEERS @eventide/message-db@1.3.1`, then --peers PEERS"
                .to_owned(),
        ),
    }
    let folder = dir.path().join("pgbench");
    std::fs::create_dir(&folder).doing("make a folder")?;
    progress.stepped(1);
    for round in 0..settings.rounds {
        for count in CLIENTS {
            for (categories, words, times) in TIMES {
                progress.step(format!("{count} appenders, {words}"));
                let ours = ours(server, settings, round, count, categories).await?;
                section.cell(format!("{count} appenders, {words}"), ours);
                if peer.is_some() {
                    let theirs = theirs(port, &folder, settings, count, categories).await?;
                    section.cell(format!("message-db, {count} clients, {words}"), theirs);
                    let name = format!("{count} appenders, {words}, of message-db");
                    let value = ours.rate() / theirs.rate();
                    section.figure(name, value, Target::AtLeast(times));
                }
                progress.stepped(1);
            }
        }
    }
    Ok(())
}

async fn ours(
    server: &Postgres,
    settings: &Settings,
    round: u64,
    count: usize,
    categories: Categories,
) -> Result<Cell, Failure> {
    let options = PostgresOptions {
        schema: format!("bench_{round}_{count}_{categories:?}").to_lowercase(),
        ..PostgresOptions::new(server.url())
    };
    let log = Log::open_postgres(&options, Arc::new(SystemClock)).await;
    let log = log.doing("open the log")?;
    let clients = count as u64;
    let make = move |number| {
        let stream = event::stream_number(number, STREAMS);
        let category = match categories {
            Categories::One => "device".to_owned(),
            Categories::PerClient => format!("device{}", number % clients),
        };
        event::to_stream(number, format!("{category}-{stream}"))
    };
    let cell = appenders::run(&log, Way::Urgent, count, settings.measure, make).await?;
    log.close().await;
    Ok(cell)
}

async fn theirs(
    port: u16,
    folder: &Path,
    settings: &Settings,
    count: usize,
    categories: Categories,
) -> Result<Cell, Failure> {
    message_db::run(port, folder, count, categories, settings.measure).await
}

fn port(url: &str) -> Result<u16, Failure> {
    let rest = url.rsplit_once(':').map_or("", |(_, rest)| rest);
    let port = rest.split('/').next().unwrap_or("");
    port.parse().doing("find the server's port")
}
