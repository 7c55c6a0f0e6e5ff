//! A log of ten million events over a hundred thousand streams.
//!
//! For: opening it, appending at its end, reading a stream nobody read before, and what memory it takes while it grows.
//! May not know: how events are found.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use eventlog::{Direction, EventId, Log, Position, READ_LIMIT, Recorded, Revision, StreamName};
use loadtest::figures::Latencies;
use loadtest::{Doing, Failure};
use tokio::time::{Duration, Instant};

use crate::appenders::{self, Way};
use crate::cli::Settings;
use crate::event;
use crate::figures::{Cell, Section, Target};
use crate::machine::resident_mib;
use crate::progress::Progress;
use crate::raw::{PER_COMMIT, Raw, micros};

const STREAMS: u64 = 100_000;
const APPENDERS: usize = 256;
/// Events between two steps of the progress, when the log is made.
const STEP: u64 = 100_000;
/// At least so many appends at its end, at ten thousand a second.
const AT_LEAST: Duration = Duration::from_secs(10);
/// Streams read, none of them before.
const READS: u64 = 200;
/// Numbers of bare rows stand apart.
const BARE: u64 = 1 << 50;

const OPENS_WITHIN_MS: f64 = 1_000.0;
const READS_WITHIN_MS: f64 = 5.0;
const OF_RAW: f64 = 0.8;
/// Memory when the log is whole, of that when it is half of it.
const GROWS: f64 = 1.1;

pub(crate) async fn run(settings: &Settings, progress: &Progress) -> Result<Section, Failure> {
    let mut section = Section::new("a log of millions of events");
    let temporary = tempfile::tempdir_in(&settings.dir).doing("make a folder")?;
    let dir = settings.log.as_deref().unwrap_or(temporary.path());
    fill(dir, settings, &mut section, progress).await?;
    progress.section(section.name, 3 + settings.rounds * 2);
    progress.step("opening");
    opening(dir, settings.rounds, &mut section).await?;
    progress.stepped(1);
    for round in 0..settings.rounds {
        at_the_end(dir, settings, round, &mut section, progress).await?;
    }
    progress.step("reading");
    reading(dir, "in memory", 1, Target::None, &mut section).await?;
    progress.stepped(1);
    forget_pages(dir)?;
    let target = Target::AtMost(READS_WITHIN_MS);
    reading(dir, "on disk", 2, target, &mut section).await?;
    progress.stepped(1);
    Ok(section)
}

/// Makes the log, or what is missing of it.
async fn fill(
    dir: &Path,
    settings: &Settings,
    section: &mut Section,
    progress: &Progress,
) -> Result<(), Failure> {
    let log = appenders::open(dir).await?;
    let (begins, events) = (log.head().0, settings.large_events);
    progress.section(section.name, events);
    progress.step("filling the log");
    progress.stepped(begins);
    let began = Instant::now();
    let mut latencies = Latencies::default();
    let mut half = None;
    for first in (begins..events).step_by(STEP as usize) {
        let begun = Instant::now();
        let count = STEP.min(events - first);
        appenders::fill(&log, first, count, STREAMS).await?;
        latencies.add(micros(begun));
        progress.stepped(count);
        if first < events / 2 && first + count >= events / 2 {
            half = Some(resident_mib());
        }
    }
    if begins < events {
        let cell = Cell::counted(events - begins, &latencies, began.elapsed());
        section.cell("filled; a time is that of 100,000", cell);
        let whole = resident_mib();
        section.figure("resident memory when filled, MiB", whole, Target::None);
        if let Some(half) = half {
            let name = "resident memory, of that with half the events";
            section.figure(name, whole / half, Target::AtMost(GROWS));
        }
    }
    log.close().await;
    Ok(())
}

async fn opening(dir: &Path, rounds: u64, section: &mut Section) -> Result<(), Failure> {
    for _ in 0..rounds {
        forget_pages(dir)?;
        let began = Instant::now();
        let log = appenders::open(dir).await?;
        let ms = began.elapsed().as_secs_f64() * 1e3;
        log.close().await;
        section.figure("opening it, ms", ms, Target::AtMost(OPENS_WITHIN_MS));
    }
    Ok(())
}

/// Appends at the end, then as many rows more to the same file by bare SQLite.
async fn at_the_end(
    dir: &Path,
    settings: &Settings,
    round: u64,
    section: &mut Section,
    progress: &Progress,
) -> Result<(), Failure> {
    progress.step(format!("{APPENDERS} appenders at its end"));
    let log = appenders::open(dir).await?;
    let head = log.head();
    let make = move |number| event::append(number, STREAMS);
    let measure = settings.measure.max(AT_LEAST);
    let ours = appenders::run(&log, Way::Urgent, APPENDERS, measure, make).await?;
    section.figure(
        "resident memory after appending at its end, MiB",
        resident_mib(),
        Target::None,
    );
    section.cell(format!("{APPENDERS} appenders at its end"), ours);
    let mut rows = appenders::rows(&log, head).await?;
    log.close().await;
    progress.stepped(1);
    progress.step("bare SQLite at its end");
    shift(&mut rows, round);
    let file = dir.join("log.sqlite");
    let bare = tokio::task::spawn_blocking(move || {
        let mut raw = Raw::over(&file)?;
        // What the appenders' warming up is to them.
        let (warm, rest) = rows.split_at(rows.len() / 20);
        raw.insert(warm, PER_COMMIT)?;
        raw.insert(rest, PER_COMMIT)
    });
    let bare = bare.await.doing("run bare SQLite")??;
    section.cell(format!("bare SQLite at its end, by {PER_COMMIT}"), bare);
    let name = format!("{APPENDERS} appenders at its end, of bare SQLite");
    section.figure(name, ours.rate() / bare.rate(), Target::AtLeast(OF_RAW));
    progress.stepped(1);
    Ok(())
}

/// Makes rows at the log's end into the next ones: further places, other ids, everything else as it is.
fn shift(rows: &mut [Arc<Recorded>], round: u64) {
    let by = rows.len() as u64;
    let mut next: HashMap<StreamName, u64> = HashMap::new();
    for row in rows.iter() {
        next.insert(row.stream.clone(), row.revision.0 + 1);
    }
    for row in rows {
        let revision = next.entry(row.stream.clone()).or_default();
        let position = row.position.0 + by;
        *row = Arc::new(Recorded {
            position: Position(position),
            revision: Revision(*revision),
            id: EventId(event::id(BARE + (round << 40) + position)),
            ..(**row).clone()
        });
        *revision += 1;
    }
}

/// Whole streams, by a log that was just opened; `part` keeps those of one call apart from those of another.
async fn reading(
    dir: &Path,
    pages: &str,
    part: u64,
    target: Target,
    section: &mut Section,
) -> Result<(), Failure> {
    let log = Log::open_sqlite_reader(dir).await.doing("open the log")?;
    let mut latencies = Latencies::default();
    let began = Instant::now();
    for number in 0..READS {
        let stream = event::stream_number(number + part * READS, STREAMS);
        let stream = StreamName::new(event::named(stream)).doing("name a stream")?;
        let begun = Instant::now();
        let read = log.read_stream(&stream, Revision::FIRST, Direction::Forward, READ_LIMIT);
        let events = read.await.doing("read a stream")?;
        latencies.add(micros(begun));
        std::hint::black_box(events.len());
    }
    let cell = Cell::of(&latencies, began.elapsed());
    log.close().await;
    section.cell(format!("a stream read the first time, file {pages}"), cell);
    let name = format!("a stream read the first time, file {pages}: p50, ms");
    section.figure(name, cell.p50_us as f64 / 1e3, target);
    Ok(())
}

/// Has the system forget what it holds of the log's file.
fn forget_pages(dir: &Path) -> Result<(), Failure> {
    let file = File::open(dir.join("log.sqlite")).doing("open the log's file")?;
    file.sync_all().doing("write the log's file out")?;
    let advice = rustix::fs::Advice::DontNeed;
    rustix::fs::fadvise(&file, 0, None, advice).doing("let go of the log's pages")
}
