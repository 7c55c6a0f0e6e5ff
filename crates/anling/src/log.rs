//! `anling log`: reading beside the running process.
//!
//! For: events as lines of JSON, counts and sizes. Personal data stays sealed.
//! May not know: what the events mean.

use crate::{
    cli::LogCommand,
    failure::{Doing, Failure},
    ground,
    settings::{Given, Settings, Store},
};
use eventlog::{Direction, Log, Position, Recorded, Revision, StreamName};
use serde_json::{Value, json};
use std::{io::Write, sync::Arc};

/// Events read at a time.
const PAGE: usize = 500;

/// Carries out `anling log …`.
pub(crate) async fn run(command: LogCommand) -> Result<(), Failure> {
    match command {
        LogCommand::Read {
            store,
            stream,
            from,
            limit,
            backward,
        } => read(open(store).await?, stream, from, limit, backward).await,
        LogCommand::Stats { store } => stats(open(store).await?).await,
    }
}

/// The log, only to be read.
async fn open(store: Store) -> Result<Log, Failure> {
    let settings = Settings::load(&Given {
        store,
        ..Given::default()
    })?;
    match &settings.database {
        Some(database) => ground::open_shared(database).await,
        None => Log::open_sqlite_reader(&settings.data)
            .await
            .map_err(Failure::new),
    }
}

async fn read(
    log: Log,
    stream: Option<String>,
    from: Option<u64>,
    limit: u64,
    backward: bool,
) -> Result<(), Failure> {
    let stream = stream
        .map(StreamName::new)
        .transpose()
        .doing("read --stream")?;
    let direction = if backward {
        Direction::Backward
    } else {
        Direction::Forward
    };
    let mut next = from.unwrap_or(if backward { u64::MAX } else { 0 });
    let mut left = limit;
    while left > 0 {
        let page = usize::try_from(left).unwrap_or(PAGE).min(PAGE);
        let events = match &stream {
            Some(stream) => {
                log.read_stream(stream, Revision(next), direction, page)
                    .await
            }
            None => log.read_all(Position(next), direction, page).await,
        }
        .map_err(Failure::new)?;
        let Some(last) = events.last() else { break };
        let place = if stream.is_some() {
            last.revision.0
        } else {
            last.position.0
        };
        let more = match (backward, stream.is_some()) {
            // Reading all is exclusive of where it starts; reading a stream is inclusive.
            (true, true) => place.checked_sub(1),
            (false, true) => Some(place + 1),
            (_, false) => Some(place),
        };
        if !print(&events)? {
            break;
        }
        left = left.saturating_sub(events.len() as u64);
        match more {
            Some(place) => next = place,
            None => break,
        }
    }
    log.close().await;
    Ok(())
}

/// `false` when nobody reads any more (`… | head`).
fn print(events: &[Arc<Recorded>]) -> Result<bool, Failure> {
    let mut out = std::io::stdout().lock();
    for event in events {
        match writeln!(out, "{}", line(event)) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(false),
            written => written.doing("write to standard output")?,
        }
    }
    Ok(true)
}

fn line(event: &Recorded) -> Value {
    let body = |bytes: &[u8]| {
        serde_json::from_slice(bytes).unwrap_or_else(|_| json!({ "bytes": bytes.len() }))
    };
    let at = jiff::Timestamp::from_microsecond(event.recorded_at)
        .map(|at| at.to_string())
        .unwrap_or_default();
    json!({
        "position": event.position.0,
        "stream": event.stream.as_str(),
        "revision": event.revision.0,
        "type": *event.kind,
        "id": event.id.0.to_string(),
        "recorded_at": at,
        "data": body(&event.body),
        "metadata": body(&event.meta),
    })
}

async fn stats(log: Log) -> Result<(), Failure> {
    let stats = log.stats().await.map_err(Failure::new)?;
    println!(
        "{}",
        serde_json::to_string_pretty(&stats).expect("counts are plain data")
    );
    log.close().await;
    Ok(())
}
