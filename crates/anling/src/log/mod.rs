//! `anling log`: reading beside the running process.
//!
//! For: events as lines of JSON, counts and sizes, verification, evidence. Personal data stays sealed.
//! May not know: how any of it is done; `verify`, `prove`, `timeline` each have a header of their own.

mod care;
mod exchange;
pub(crate) mod lines;
mod prove;
mod timeline;
mod verify;

use crate::{
    cli::LogCommand,
    failure::{Doing, Failure},
    ground, notarize,
    settings::{Given, Settings, Store},
};
pub(crate) use care::{new_log, private};
use eventlog::{Direction, Log, Position, Recorded, Revision, StreamName};
use indicatif::{ProgressBar, ProgressStyle};
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
        LogCommand::Stats { store } => stats(Beside::open(store).await?).await,
        LogCommand::Verify {
            store,
            public_key,
            against,
        } => {
            let at = Beside::open(store).await?;
            verify::run(at, public_key.as_deref(), against.as_deref()).await
        }
        LogCommand::PublicKey { store } => verify::public_key(Beside::open(store).await?).await,
        LogCommand::Prove {
            store,
            stream,
            against,
            out,
        } => {
            let at = Beside::open(store).await?;
            prove::prove(at, stream, against.as_deref(), &out).await
        }
        LogCommand::Backup { store, to } => care::backup(Beside::open(store).await?, &to).await,
        LogCommand::Restore { store, from, keys } => {
            care::restore(store, &from, keys.as_deref()).await
        }
        LogCommand::Export { store, file } => {
            exchange::export(Beside::open(store).await?, &file).await
        }
        LogCommand::Import { store, file } => exchange::import(store, &file).await,
        LogCommand::CheckPack { file, public_key } => prove::check(&file, public_key.as_deref()),
    }
}

/// A log opened beside whoever writes it, and the settings it was found by.
pub(crate) struct Beside {
    settings: Settings,
    pub(crate) log: Log,
}

impl Beside {
    pub(crate) async fn open(store: Store) -> Result<Self, Failure> {
        let settings = Settings::load(&Given {
            store,
            ..Given::default()
        })?;
        let log = open_by(&settings).await?;
        Ok(Self { settings, log })
    }

    /// The notary's tables beside it, only to be read.
    async fn ledger(&self) -> Result<Option<notary::Ledger>, Failure> {
        let database = self.settings.database.as_ref();
        let ledger = notarize::ledger(&self.settings.data, database).await;
        ledger.map_err(Failure::new)
    }
}

pub(crate) fn bar(what: &'static str, length: u64) -> ProgressBar {
    let style =
        ProgressStyle::with_template("  {msg} {wide_bar:.green} {pos}/{len} {per_sec} {eta}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length)
        .with_style(style)
        .with_message(what)
}

/// The log, only to be read.
async fn open(store: Store) -> Result<Log, Failure> {
    let settings = Settings::load(&Given {
        store,
        ..Given::default()
    })?;
    open_by(&settings).await
}

async fn open_by(settings: &Settings) -> Result<Log, Failure> {
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

async fn stats(at: Beside) -> Result<(), Failure> {
    let stats = at.log.stats().await.map_err(Failure::new)?;
    let mut stats = serde_json::to_value(stats).doing("count")?;
    let end = match at.ledger().await? {
        Some(ledger) => ledger.end().await.map_err(Failure::new)?,
        None => None,
    };
    let (signed, checkpoints) = end.map_or((0, 0), |(state, _)| (state.size, state.checkpoints));
    stats["signed"] = signed.into();
    stats["checkpoints"] = checkpoints.into();
    println!("{stats:#}");
    at.log.close().await;
    Ok(())
}
