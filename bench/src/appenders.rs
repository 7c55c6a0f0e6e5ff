//! Many that append one event at a time and wait for the answer.
//!
//! For: the load of every cell in process.
//! May not know: which store is under the log.

use std::path::Path;
use std::sync::Arc;

use eventlog::{Direction, Lane, Log, Position, READ_LIMIT, Recorded, StreamAppend, SystemClock};
use loadtest::figures::Latencies;
use loadtest::{Doing, Failure};
use tokio::time::{Duration, Instant};

use crate::cli::WARM;
use crate::event;
use crate::figures::Cell;
use crate::raw::micros;

/// How an append goes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// As an alarm does.
    Urgent,
    /// As outside programs do.
    Outside,
}

impl Way {
    async fn append(self, log: &Log, append: StreamAppend) -> Result<(), Failure> {
        let answer = match self {
            Self::Urgent => log.append(Lane::Urgent, vec![append]).await,
            Self::Outside => log.outside().append(Lane::Bulk, vec![append]).await,
        };
        answer.doing("append").map(drop)
    }
}

/// Appends that [`fill`] has waiting at once.
const FILLING: u64 = 1_000;

/// A log on SQLite.
pub(crate) async fn open(dir: &Path) -> Result<Log, Failure> {
    let log = Log::open_sqlite(dir, Arc::new(SystemClock)).await;
    log.doing("open the log")
}

/// Warms up, then measures `appenders` for so long. `make` is the append of that number.
pub(crate) async fn run(
    log: &Log,
    way: Way,
    appenders: usize,
    measure: Duration,
    make: impl Fn(u64) -> Result<StreamAppend, Failure> + Clone + Send + 'static,
) -> Result<Cell, Failure> {
    let begins = Instant::now() + WARM;
    let ends = begins + measure;
    let step = appenders as u64;
    // A log that is used further gets other events.
    let first = log.head().0;
    let tasks: Vec<_> = (0..step)
        .map(|appender| {
            let (log, make) = (log.clone(), make.clone());
            tokio::spawn(async move {
                let mut latencies = Latencies::default();
                let mut number = first + appender;
                loop {
                    let append = make(number)?;
                    let begun = Instant::now();
                    if begun >= ends {
                        return Ok::<_, Failure>(latencies);
                    }
                    way.append(&log, append).await?;
                    let now = Instant::now();
                    if begins <= now && now < ends {
                        latencies.add(micros(begun));
                    }
                    number += step;
                }
            })
        })
        .collect();
    let mut all = Latencies::default();
    for task in tasks {
        all.merge(&task.await.doing("run an appender")??);
    }
    Ok(Cell::of(&all, measure))
}

/// Appends so many events, a thousand waiting at a time, from number `from` on.
pub(crate) async fn fill(log: &Log, from: u64, count: u64, streams: u64) -> Result<(), Failure> {
    for first in (from..from + count).step_by(FILLING as usize) {
        let mut sent = Vec::new();
        for number in first..(first + FILLING).min(from + count) {
            let append = vec![event::append(number, streams)?];
            sent.push(log.append(Lane::Bulk, append));
        }
        for answer in futures_util::future::join_all(sent).await {
            answer.doing("fill the log")?;
        }
    }
    Ok(())
}

/// Every event after `after`.
pub(crate) async fn rows(log: &Log, mut after: Position) -> Result<Vec<Arc<Recorded>>, Failure> {
    let mut rows = Vec::new();
    loop {
        let page = log.read_all(after, Direction::Forward, READ_LIMIT).await;
        let page = page.doing("read the log")?;
        match page.last() {
            Some(last) => after = last.position,
            None => return Ok(rows),
        }
        rows.extend(page);
    }
}
