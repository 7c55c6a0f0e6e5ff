//! Single-event appenders in process on SQLite, beside bare SQLite.
//!
//! For: how much of the disk's own rate many waiting appenders get, and how long a lone one waits.
//! May not know: how either is done.

use std::path::Path;
use std::sync::Arc;

use eventlog::{Position, Recorded};
use loadtest::{Doing, Failure};

use crate::appenders::{self, Way};
use crate::cli::Settings;
use crate::event::{self, STREAMS};
use crate::figures::{Cell, Section, Target};
use crate::progress::Progress;
use crate::raw::{PER_COMMIT, Raw};

/// Of the floor's rate, by number of appenders.
const OF_RAW: [(usize, f64); 2] = [(64, 0.5), (256, 0.7)];
/// Of our own rate of one event to a commit, with 64 appenders.
const OF_OWN: f64 = 4.0;
/// A lone append's p50, of one bare autocommit insert's.
const LONE: f64 = 1.5;

pub(crate) async fn run(settings: &Settings, progress: &Progress) -> Result<Section, Failure> {
    let mut section = Section::new("in process on SQLite");
    let steps = settings.rounds * settings.clients.len() as u64;
    progress.section(section.name, steps);
    for _ in 0..settings.rounds {
        let mut alone = None;
        for &count in &settings.clients {
            progress.step(format!("{count} appenders"));
            let ours = round(settings, count, &mut section).await?;
            let alone = *alone.get_or_insert(ours);
            if count == 64 && settings.clients.first() == Some(&1) {
                let name = "64 appenders, of one event to a commit";
                section.figure(name, ours.rate() / alone.rate(), Target::AtLeast(OF_OWN));
            }
            progress.stepped(1);
        }
    }
    Ok(section)
}

/// One cell, and the same rows by bare SQLite.
async fn round(settings: &Settings, count: usize, section: &mut Section) -> Result<Cell, Failure> {
    let dir = tempfile::tempdir_in(&settings.dir).doing("make a folder")?;
    let log = appenders::open(&dir.path().join("log")).await?;
    let make = |number| event::append(number, STREAMS);
    let ours = appenders::run(&log, Way::Urgent, count, settings.measure, make).await?;
    let rows = appenders::rows(&log, Position::START).await?;
    log.close().await;
    section.cell(format!("{count} appenders"), ours);
    let file = dir.path().join("raw.sqlite");
    let floor = tokio::task::spawn_blocking(move || floor(&file, &rows, count == 1));
    let floor = floor.await.doing("run bare SQLite")??;
    if count == 1 {
        section.cell("bare SQLite, one autocommit insert", floor);
        let name = "a lone append's p50, of a bare insert's";
        let value = ours.p50_us as f64 / floor.p50_us as f64;
        section.figure(name, value, Target::AtMost(LONE));
        return Ok(ours);
    }
    let name = format!("bare SQLite, the rows of {count} appenders by {PER_COMMIT}");
    section.cell(name, floor);
    let target = OF_RAW.iter().find(|(of, _)| *of == count);
    let target = target.map_or(Target::None, |(_, least)| Target::AtLeast(*least));
    let name = format!("{count} appenders, of bare SQLite");
    section.figure(name, ours.rate() / floor.rate(), target);
    Ok(ours)
}

fn floor(file: &Path, rows: &[Arc<Recorded>], alone: bool) -> Result<Cell, Failure> {
    let mut raw = Raw::create(file)?;
    if alone {
        raw.prepare_streams(rows)?;
        return raw.insert_alone(rows);
    }
    raw.insert(rows, PER_COMMIT)
}
