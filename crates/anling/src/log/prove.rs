//! `anling log prove` and `anling log check-pack`: evidence about one stream, made here and checked anywhere.
//!
//! For: a file that proves one incident without showing any other record.
//! May not know: trees, signatures; `notary` makes and checks the proofs.

use super::{Beside, timeline};
use crate::{
    failure::{Doing, Failure},
    notarize,
};
use eventlog::{Direction, Position, Recorded, Revision, StreamName};
use notary::{Checkpoint, Pack, PackError, Prover, Sealed};
use serde_json::Value;
use std::{io::Write, os::unix::fs::OpenOptionsExt, path::Path, sync::Arc, time::Duration};

/// Records of a stream read at a time.
const PAGE: usize = 500;

/// Most records in a pack. Ours: the longest incident has some hundreds; a pack must fit into memory.
const RECORDS: usize = 100_000;

/// Largest pack that is read, in bytes.
const PACK_BYTES: u64 = 1024 * 1024 * 1024;

/// How long the notary is waited for to sign the stream's last record.
const SIGNED_WITHIN: Duration = Duration::from_secs(5);

/// How often it is asked.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// Carries out `anling log prove`.
pub(crate) async fn prove(
    at: Beside,
    stream: String,
    against: Option<&Path>,
    out: &Path,
) -> Result<(), Failure> {
    let stream = StreamName::new(stream).doing("read --stream")?;
    let records = records(&at, &stream).await?;
    let last = records
        .last()
        .map_or(Position::START, |record| record.position);
    let ledger = at.ledger().await?;
    let ledger = ledger.ok_or_else(|| {
        Failure::new(
            "nothing was signed yet: no notary has followed this log; start `anling serve`",
        )
    })?;
    let (verifier, _) = notarize::verifier(None, &at.settings, Some(&ledger)).await?;
    let note = signed(&ledger, last).await?;
    let outer = against.map(super::verify::outer_note).transpose()?;
    let mut prover = Prover::new(&ledger);
    let pack = Pack::make(&mut prover, &verifier, &note, outer.as_deref(), &records).await;
    let mut pack = pack.map_err(|error| match error {
        PackError::NotSignedYet { .. } => Failure::new(format!(
            "{error}; try again in a second, and look whether anling runs"
        )),
        error => Failure::new(error),
    })?;
    let plain: Vec<&Recorded> = records.iter().map(AsRef::as_ref).collect();
    pack.sealed = sealed(&plain);
    pack.timeline = timeline::words(&plain);
    // What would not convince others is not handed out.
    pack.check()
        .map_err(|error| Failure::new(format!("{error}; run `anling log verify`")))?;
    at.log.close().await;
    write(out, &pack)?;
    println!(
        "证据包 / evidence pack: {}, {} records of {stream}",
        out.display(),
        records.len()
    );
    println!(
        "  check it anywhere: anling log check-pack {} --public-key {verifier}",
        out.display()
    );
    Ok(())
}

/// Carries out `anling log check-pack`.
pub(crate) fn check(file: &Path, public_key: Option<&str>) -> Result<(), Failure> {
    let doing = format!("read {}", file.display());
    let size = std::fs::metadata(file).doing(&doing)?.len();
    if size > PACK_BYTES {
        return Err(Failure::new(format!(
            "{} is too large for a pack",
            file.display()
        )));
    }
    let pack = Pack::read(&std::fs::read(file).doing(&doing)?).map_err(refused)?;
    let known = public_key.map(notarize::read_verifier).transpose()?;
    let proven = pack.check().map_err(refused)?;
    if let Some(known) = &known
        && *known != proven.verifier
    {
        return Err(Failure::new(format!(
            "证据包不成立 / the pack proves nothing: it is signed with {}, not with the key given",
            proven.verifier
        )));
    }
    let plain: Vec<&Recorded> = proven.records.iter().collect();
    if pack.sealed != sealed(&plain) {
        return Err(Failure::new(
            "证据包不成立 / the pack proves nothing: its list of sealed fields is not that of its records",
        ));
    }
    let words = timeline::words(&plain);
    if pack.timeline.edition != words.edition {
        return Err(Failure::new(format!(
            "the pack's timeline is of edition {}, this anling knows edition {}; check it with the version that knows it",
            pack.timeline.edition, words.edition
        )));
    }
    if pack.timeline != words {
        return Err(Failure::new(
            "证据包不成立 / the pack proves nothing: its timeline does not follow from its records",
        ));
    }
    println!(
        "证据包成立 / the pack holds: {} records of {}",
        plain.len(),
        pack.stream
    );
    for (zh, en) in words.zh.iter().zip(&words.en) {
        println!("  {zh}\n    {en}");
    }
    println!("  密封 sealed fields  {}", pack.sealed.len());
    let Checkpoint {
        size, signed_at, ..
    } = proven.checkpoint;
    let at = jiff::Timestamp::from_microsecond(signed_at).map(|at| at.to_string());
    println!(
        "  签于 checkpoint     {size} records, signed at {}",
        at.unwrap_or_default()
    );
    if let Some(outer) = proven.kept_outside {
        println!(
            "  外存 kept outside   extends the checkpoint of {} records",
            outer.size
        );
    }
    println!("  公钥 public key     {}", proven.verifier);
    if known.is_none() {
        println!(
            "                      the pack's own: compare it with the one you know, or give --public-key"
        );
    }
    Ok(())
}

fn refused(error: PackError) -> Failure {
    Failure::new(format!("证据包不成立 / the pack proves nothing: {error}"))
}

async fn records(at: &Beside, stream: &StreamName) -> Result<Vec<Arc<Recorded>>, Failure> {
    let mut records = Vec::new();
    loop {
        let from = Revision(records.len() as u64);
        let page = at
            .log
            .read_stream(stream, from, Direction::Forward, PAGE)
            .await;
        let page = page.map_err(Failure::new)?;
        let done = page.len() < PAGE;
        records.extend(page);
        if records.len() > RECORDS {
            return Err(Failure::new(format!(
                "{stream} has more than {RECORDS} records; that is no incident"
            )));
        }
        if done {
            break;
        }
    }
    match records.is_empty() {
        true => Err(Failure::new(format!(
            "there is no stream {stream}; check --stream and --data"
        ))),
        false => Ok(records),
    }
}

/// The last checkpoint, once it is over the stream's last record.
async fn signed(ledger: &notary::Ledger, last: Position) -> Result<String, Failure> {
    let mut ticks = tokio::time::interval(ASK_EVERY);
    let asked = async {
        loop {
            ticks.tick().await;
            let end = ledger.end().await.map_err(Failure::new)?;
            if let Some((state, Some(checkpoint))) = end
                && state.size >= last.0
            {
                return Ok(checkpoint.note);
            }
        }
    };
    match tokio::time::timeout(SIGNED_WITHIN, asked).await {
        Ok(note) => note,
        Err(_) => Err(Failure::new(format!(
            "the stream's last record, at position {last}, is not signed yet; start `anling serve` and try again"
        ))),
    }
}

/// Which fields of the records are sealed: objects of a key's name, a nonce and a box.
fn sealed(records: &[&Recorded]) -> Vec<Sealed> {
    let mut list = Vec::new();
    for record in records {
        if let Ok(body) = serde_json::from_slice::<Value>(&record.body) {
            find(record.position.0, &mut String::new(), &body, &mut list);
        }
    }
    list
}

fn find(position: u64, path: &mut String, value: &Value, list: &mut Vec<Sealed>) {
    let length = path.len();
    let mut within = |name: &str, value: &Value| {
        path.push('/');
        path.push_str(name);
        find(position, path, value, list);
        path.truncate(length);
    };
    match value {
        Value::Object(map) if map.contains_key("nonce") && map.contains_key("box") => {
            let key = map.get("key").and_then(Value::as_str).unwrap_or_default();
            list.push(Sealed {
                position,
                field: path.clone(),
                key: key.to_owned(),
            });
        }
        Value::Object(map) => map.iter().for_each(|(name, value)| within(name, value)),
        Value::Array(items) => {
            let numbered = items.iter().enumerate();
            numbered.for_each(|(at, value)| within(&at.to_string(), value));
        }
        _ => {}
    }
}

/// For its owner only: a pack is about somebody.
fn write(out: &Path, pack: &Pack) -> Result<(), Failure> {
    let doing = format!("write {}", out.display());
    let text = serde_json::to_string_pretty(pack).doing(&doing)?;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(out)
        .doing(&doing)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| file.sync_all())
        .doing(&doing)
}
