//! `anling log export` and `anling log import`: the log as lines of JSON, record by record.
//!
//! For: taking a log to another program or another store, and back without a difference.
//! May not know: what the records mean. Personal data stays sealed; keys are no part of it.

use super::{Beside, bar, care, lines};
use crate::{
    failure::{Doing, Failure},
    folder::Purpose,
    settings::{Given, Settings, Store},
};
use eventlog::{Direction, EventId, Log, Position, Recorded, Revision, StreamName};
use notary::Payload;
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::{BufReader, Write},
    path::Path,
    sync::Arc,
};
use uuid::Uuid;

/// Records read or written at a time.
const PAGE: usize = eventlog::BATCH_EVENTS;

/// Longest line, in bytes: the largest event with every byte written as `\u0000`, and the rest.
const LINE: usize = 8 * eventlog::EVENT_BYTES;

/// Most bytes of lines taken before they are written.
const BATCH: usize = 16 * 1024 * 1024;

/// A record as a line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    position: u64,
    stream: String,
    revision: u64,
    id: Uuid,
    #[serde(rename = "type")]
    kind: String,
    recorded_at_us: i64,
    data: Payload,
    metadata: Payload,
}

/// Carries out `anling log export`.
pub(crate) async fn export(at: Beside, out: &Path) -> Result<(), Failure> {
    let doing = format!("write {}", out.display());
    let mut file = care::private(out).doing(&doing)?;
    let head = at.log.stored_head().await.map_err(Failure::new)?;
    let bar = bar("导出 exporting", head.0);
    let mut done = Position::START;
    while done < head {
        let left = usize::try_from(head.0 - done.0).unwrap_or(PAGE).min(PAGE);
        let page = at.log.read_all(done, Direction::Forward, left).await;
        let page = page.map_err(Failure::new)?;
        let Some(last) = page.last() else { break };
        done = last.position;
        for record in &page {
            let line = serde_json::to_string(&Line::of(record)).doing(&doing)?;
            writeln!(file, "{line}").doing(&doing)?;
        }
        bar.set_position(done.0);
    }
    let file = file
        .into_inner()
        .map_err(|error| Failure::new(error.to_string()))?;
    file.sync_all().doing(&doing)?;
    bar.finish_and_clear();
    at.log.close().await;
    println!("已导出 / exported: {done} records to {}", out.display());
    Ok(())
}

/// Carries out `anling log import`.
pub(crate) async fn import(store: Store, file: &Path) -> Result<(), Failure> {
    let settings = Settings::load(&Given {
        store,
        ..Given::default()
    })?;
    let doing = format!("read {}", file.display());
    let size = fs::metadata(file).doing(&doing)?.len();
    let reader = BufReader::new(fs::File::open(file).doing(&doing)?);
    care::must_be_new(&settings)?;
    let (log, folder) = care::new_log(&settings, Purpose::Service).await?;
    if log.head() != Position::START {
        return Err(Failure::new(
            "the database holds a log already; make a new database",
        ));
    }
    let done = imported(&log, reader, size, file).await;
    log.close().await;
    let count = done?;
    if settings.database.is_none() {
        folder.has_begun()?;
    }
    println!("已导入 / imported: {count} records from {}", file.display());
    Ok(())
}

async fn imported(
    log: &Log,
    mut reader: BufReader<fs::File>,
    size: u64,
    file: &Path,
) -> Result<u64, Failure> {
    let bar = bar("导入 importing", size);
    let (mut batch, mut bytes, mut first, mut number) = (Vec::new(), 0, 1_u64, 0_u64);
    loop {
        let bad = |why: String, number: u64| {
            Failure::new(format!(
                "{} line {number}: {why}; the {} lines before it are imported",
                file.display(),
                first - 1
            ))
        };
        let line =
            lines::next(&mut reader, LINE).map_err(|error| bad(error.to_string(), number + 1))?;
        let is_end = line.is_none();
        if let Some(line) = line {
            number += 1;
            let record = record(&line).map_err(|why| bad(why, number))?;
            if record.position.0 != number {
                let position = record.position;
                return Err(bad(
                    format!("position {position} stands where {number} should"),
                    number,
                ));
            }
            bytes += line.len();
            bar.inc(line.len() as u64 + 1);
            batch.push(Arc::new(record));
        }
        if batch.len() >= PAGE || bytes >= BATCH || (is_end && !batch.is_empty()) {
            let restored = log.restore(&batch).await;
            restored.map_err(|error| bad(format!("to {number}: {error}"), first))?;
            batch.clear();
            bytes = 0;
            first = number + 1;
        }
        if is_end {
            bar.finish_and_clear();
            return Ok(number);
        }
    }
}

fn record(line: &[u8]) -> Result<Recorded, String> {
    let line: Line = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let bytes = |payload: &Payload| payload.bytes().ok_or("not base64");
    let (data, meta) = (bytes(&line.data)?, bytes(&line.metadata)?);
    let size = data.len() + meta.len();
    if size > eventlog::EVENT_BYTES {
        return Err(format!(
            "an event of {size} bytes is larger than {}",
            eventlog::EVENT_BYTES
        ));
    }
    if line.kind.is_empty() || line.kind.len() > eventlog::EVENT_KIND_BYTES {
        return Err(format!("a type of {} bytes", line.kind.len()));
    }
    Ok(Recorded {
        position: Position(line.position),
        stream: StreamName::new(line.stream).map_err(|error| error.to_string())?,
        revision: Revision(line.revision),
        id: EventId(line.id),
        kind: line.kind.into(),
        recorded_at: line.recorded_at_us,
        body: data.into(),
        meta: meta.into(),
    })
}

impl Line {
    fn of(record: &Recorded) -> Self {
        Self {
            position: record.position.0,
            stream: record.stream.to_string(),
            revision: record.revision.0,
            id: record.id.0,
            kind: record.kind.to_string(),
            recorded_at_us: record.recorded_at,
            data: Payload::new(&record.body),
            metadata: Payload::new(&record.meta),
        }
    }
}
