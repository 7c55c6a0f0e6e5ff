//! Reading all events forward, beside bare scans of the same rows.
//!
//! For: what the log's reading costs over sqlx's own, and sqlx's over bare SQLite.
//! May not know: how pages are read.

use std::path::{Path, PathBuf};

use eventlog::{Delivery, Direction, Filter, Log, Position};
use futures_util::TryStreamExt;
use loadtest::figures::Latencies;
use loadtest::{Doing, Failure};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, Row};
use tokio::time::Instant;

use crate::appenders;
use crate::cli::Settings;
use crate::event::STREAMS;
use crate::figures::{Cell, Section, Target};
use crate::progress::Progress;
use crate::raw::{self, micros, scan_statement};

const EVENTS: u64 = 400_000;
/// Events that a reader of everything asks for at once.
const PAGE: usize = 1_000;
/// Of a bare scan through sqlx.
const OF_SQLX: f64 = 0.7;

pub(crate) async fn run(settings: &Settings, progress: &Progress) -> Result<Section, Failure> {
    let mut section = Section::new("reading all events forward");
    progress.section(section.name, 1 + settings.rounds * 4);
    let dir = tempfile::tempdir_in(&settings.dir).doing("make a folder")?;
    progress.step("filling the log");
    let log = appenders::open(dir.path()).await?;
    appenders::fill(&log, 0, EVENTS, STREAMS).await?;
    log.close().await;
    progress.stepped(1);
    let file = dir.path().join("log.sqlite");
    for _ in 0..settings.rounds {
        round(dir.path(), &file, &mut section, progress).await?;
    }
    Ok(section)
}

async fn round(
    dir: &Path,
    file: &Path,
    section: &mut Section,
    progress: &Progress,
) -> Result<(), Failure> {
    let mut done = |name: &str, cell: Cell| {
        section.cell(name, cell);
        progress.stepped(1);
        cell.rate()
    };
    let log = Log::open_sqlite_reader(dir).await.doing("open the log")?;
    progress.step("pages");
    let pages = done("pages of 1,000 from the log", pages(&log).await?);
    progress.step("a subscription");
    let caught = done(
        "a subscription, from the start to its end",
        follow(&log).await?,
    );
    log.close().await;
    progress.step("sqlx");
    let sqlx = done("sqlx, one statement", scan(file).await?);
    progress.step("rusqlite");
    let owned: PathBuf = file.to_path_buf();
    let bare = tokio::task::spawn_blocking(move || raw::scan(&owned)).await;
    let bare = done("rusqlite, one statement", bare.doing("scan")??);
    section.figure("pages, of sqlx", pages / sqlx, Target::AtLeast(OF_SQLX));
    section.figure("a subscription, of sqlx", caught / sqlx, Target::None);
    section.figure("pages, of rusqlite", pages / bare, Target::None);
    Ok(())
}

/// A latency is that of a page.
async fn pages(log: &Log) -> Result<Cell, Failure> {
    let mut latencies = Latencies::default();
    let (mut after, mut count) = (Position::START, 0);
    let began = Instant::now();
    loop {
        let begun = Instant::now();
        let page = log.read_all(after, Direction::Forward, PAGE).await;
        let page = page.doing("read a page")?;
        let Some(last) = page.last() else {
            return Ok(Cell::counted(count, &latencies, began.elapsed()));
        };
        latencies.add(micros(begun));
        after = last.position;
        count += page.len() as u64;
    }
}

/// A latency is that of a thousand events.
async fn follow(log: &Log) -> Result<Cell, Failure> {
    let mut subscription = log.subscribe(Filter::All, Position::START);
    let mut latencies = Latencies::default();
    let mut count = 0_u64;
    let began = Instant::now();
    let mut begun = began;
    while let Delivery::Event(event) = subscription.next().await.doing("follow")? {
        std::hint::black_box(event.position);
        count += 1;
        if count.is_multiple_of(PAGE as u64) {
            latencies.add(micros(begun));
            begun = Instant::now();
        }
    }
    Ok(Cell::counted(count, &latencies, began.elapsed()))
}

/// Takes every column out of every row, as it comes; a latency is that of a thousand rows.
async fn scan(file: &Path) -> Result<Cell, Failure> {
    let options = SqliteConnectOptions::new().filename(file).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options.disable_statement_logging())
        .await
        .doing("open SQLite")?;
    let mut latencies = Latencies::default();
    let (mut count, mut bytes) = (0_u64, 0_usize);
    let began = Instant::now();
    let mut begun = began;
    let mut rows = sqlx::query(scan_statement()).fetch(&mut connection);
    while let Some(row) = rows.try_next().await.doing("scan")? {
        bytes += look(&row).doing("read a row")?;
        count += 1;
        if count.is_multiple_of(PAGE as u64) {
            latencies.add(micros(begun));
            begun = Instant::now();
        }
    }
    std::hint::black_box(bytes);
    Ok(Cell::counted(count, &latencies, began.elapsed()))
}

fn look(row: &sqlx::sqlite::SqliteRow) -> sqlx::Result<usize> {
    let numbers: [i64; 3] = [row.try_get(0)?, row.try_get(2)?, row.try_get(5)?];
    std::hint::black_box(numbers);
    let name: String = row.try_get(1)?;
    let kind: String = row.try_get(4)?;
    let blobs: [Vec<u8>; 3] = [row.try_get(3)?, row.try_get(6)?, row.try_get(7)?];
    let bytes: usize = blobs.iter().map(Vec::len).sum();
    Ok(bytes + name.len() + kind.len())
}
