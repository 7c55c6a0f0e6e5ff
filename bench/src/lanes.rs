//! An alarm's wait during a flood of bulk appends.
//!
//! For: alarms at a fixed rate, counted from when they were due, with the writer to themselves and beside a flood.
//! May not know: how the writer tells them apart.

use eventlog::{Lane, Log};
use loadtest::figures::Latencies;
use loadtest::{Doing, Failure};
use tokio::time::{Duration, Instant, sleep_until};

use crate::appenders::{self, Way};
use crate::cli::{Settings, WARM};
use crate::event::{self, STREAMS};
use crate::figures::{Cell, Section, Target};
use crate::progress::Progress;

/// Between two alarms: 50 a second, a city's worst hour many times over.
const EVERY: Duration = Duration::from_millis(20);
/// Outside programs that append and wait, over and over.
const FLOOD: usize = 64;
/// Of the idle p99.
const TIMES: f64 = 3.0;
/// Numbers of alarms stand apart from those of the flood.
const ALARMS: u64 = 1 << 40;

pub(crate) async fn run(settings: &Settings, progress: &Progress) -> Result<Section, Failure> {
    let mut section = Section::new("alarms beside a flood");
    progress.section(section.name, settings.rounds * 2);
    for _ in 0..settings.rounds {
        let mut p99 = Vec::new();
        for flood in [0, FLOOD] {
            progress.step(format!("alarms beside {flood} bulk appenders"));
            let (alarms, bulk) = round(settings, flood).await?;
            p99.push(alarms.p99_us as f64);
            section.cell(format!("alarms beside {flood} bulk appenders"), alarms);
            if let Some(bulk) = bulk {
                section.cell(format!("{flood} bulk appenders beside alarms"), bulk);
            }
            progress.stepped(1);
        }
        let name = "an alarm's p99 beside the flood, of the idle one";
        section.figure(name, p99[1] / p99[0], Target::AtMost(TIMES));
    }
    Ok(section)
}

async fn round(settings: &Settings, flood: usize) -> Result<(Cell, Option<Cell>), Failure> {
    let dir = tempfile::tempdir_in(&settings.dir).doing("make a folder")?;
    let log = appenders::open(dir.path()).await?;
    let alarms = tokio::spawn(alarms(log.clone(), settings.measure));
    let bulk = if flood > 0 {
        let make = |number| event::append(number, STREAMS);
        Some(appenders::run(&log, Way::Outside, flood, settings.measure, make).await?)
    } else {
        None
    };
    let alarms = alarms.await.doing("send alarms")??;
    log.close().await;
    Ok((alarms, bulk))
}

/// None waits for the answer of another.
async fn alarms(log: Log, measure: Duration) -> Result<Cell, Failure> {
    let begins = Instant::now() + WARM;
    let count = u32::try_from(measure.as_micros() / EVERY.as_micros()).unwrap_or(u32::MAX);
    let mut sent = Vec::new();
    for number in 0..count {
        let due = begins + EVERY * number;
        sleep_until(due).await;
        let append = vec![event::append(ALARMS + u64::from(number), STREAMS)?];
        let log = log.clone();
        sent.push(tokio::spawn(async move {
            let answer = log.append(Lane::Urgent, append).await;
            answer.map(|_| due.elapsed())
        }));
    }
    let mut latencies = Latencies::default();
    for alarm in sent {
        let took = alarm.await.doing("send an alarm")?.doing("send an alarm")?;
        latencies.add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }
    Ok(Cell::of(&latencies, measure))
}
