//! What a thousand subscribers to everything cost the writer.
//!
//! For: the same appenders with and without them, in one process.
//! May not know: how events are shared out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use eventlog::{Delivery, Filter, Log};
use loadtest::{Doing, Failure};
use tokio::task::JoinSet;

use crate::appenders::{self, Way};
use crate::cli::Settings;
use crate::event::{self, STREAMS};
use crate::figures::{Cell, Section, Target};
use crate::progress::Progress;

const SUBSCRIBERS: usize = 1_000;
const APPENDERS: usize = 64;
/// Of the writer's rate without subscribers.
const LEFT: f64 = 0.8;

pub(crate) async fn run(settings: &Settings, progress: &Progress) -> Result<Section, Failure> {
    let mut section = Section::new("1,000 subscribers to everything");
    progress.section(section.name, settings.rounds * 2);
    for _ in 0..settings.rounds {
        let mut rates = Vec::new();
        for subscribers in [0, SUBSCRIBERS] {
            progress.step(format!("{subscribers} subscribers"));
            let (cell, given) = round(settings, subscribers).await?;
            rates.push(cell.rate());
            let name = format!("{APPENDERS} appenders, {subscribers} subscribers");
            section.cell(name, cell);
            if subscribers > 0 {
                let name = "events given to subscribers, of those appended to each";
                section.figure(name, given, Target::None);
            }
            progress.stepped(1);
        }
        let name = "the writer's rate with them, of that without";
        section.figure(name, rates[1] / rates[0], Target::AtLeast(LEFT));
    }
    Ok(section)
}

/// The cell, and which part of what was appended every subscriber had when the last append was answered.
async fn round(settings: &Settings, subscribers: usize) -> Result<(Cell, f64), Failure> {
    let dir = tempfile::tempdir_in(&settings.dir).doing("make a folder")?;
    let log = appenders::open(dir.path()).await?;
    let given = Arc::new(AtomicU64::new(0));
    let mut followers = JoinSet::new();
    for _ in 0..subscribers {
        followers.spawn(follow(log.clone(), Arc::clone(&given)));
    }
    let make = |number| event::append(number, STREAMS);
    let cell = appenders::run(&log, Way::Urgent, APPENDERS, settings.measure, make).await?;
    let given = given.load(Ordering::Relaxed) as f64;
    let all = log.head().0 as f64 * subscribers as f64;
    followers.shutdown().await;
    log.close().await;
    Ok((cell, given / all))
}

async fn follow(log: Log, given: Arc<AtomicU64>) {
    let mut subscription = log.subscribe(Filter::All, log.head());
    while let Ok(delivery) = subscription.next().await {
        if let Delivery::Event(event) = delivery {
            std::hint::black_box(event.position);
            given.fetch_add(1, Ordering::Relaxed);
        }
    }
}
