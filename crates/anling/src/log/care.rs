//! `anling log backup`, `restore`.
//!
//! For: a log in a folder of its own that can be verified and read as it is, made while the other is written to.
//! May not know: SQL. Keys are no part of a backup: who holds one cannot open what was forgotten since.

use super::{Beside, bar};
use crate::{
    failure::{Doing, Failure},
    folder::{Folder, Found, Purpose},
    ground, key, notarize,
    settings::{Given, Settings, Store},
};
use eventlog::{Direction, Log, Position, SystemClock};
use notary::Ledger;
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    sync::Arc,
};

/// Records copied in one commit: the log's own largest batch.
const PAGE: usize = eventlog::BATCH_EVENTS;

/// The file by which a backup is known, written when it is whole.
const MARK: &str = "anling-backup.json";

/// What a backup says of itself.
#[derive(Debug, Serialize, Deserialize)]
struct Mark {
    format: u32,
    /// What the folder was for.
    purpose: Purpose,
    /// Records in it; none while it is being made.
    records: Option<u64>,
}

/// Carries out `anling log backup`.
pub(crate) async fn backup(at: Beside, to: &Path) -> Result<(), Failure> {
    let purpose = Folder::purpose(&at.settings.data).unwrap_or(Purpose::Service);
    begin(to, purpose)?;
    let there = Log::open_sqlite(to, Arc::new(SystemClock))
        .await
        .map_err(Failure::new)?;
    // The tree first: what is signed is then among the records copied after.
    let signed = match at.ledger().await? {
        Some(ledger) => {
            let copy = Ledger::open_sqlite(to).await.map_err(Failure::new)?;
            let size = copy.follow(&ledger).await.map_err(Failure::new)?;
            copy.close().await;
            size
        }
        None => 0,
    };
    let head = at.log.stored_head().await.map_err(Failure::new)?;
    let copied = copy(&at.log, &there, head, "备份 backing up").await?;
    there.close().await;
    at.log.close().await;
    mark(
        to,
        &Mark {
            format: 1,
            purpose,
            records: Some(head.0),
        },
    )?;
    println!(
        "备份完成 / backed up: {} records ({copied} new, {signed} signed) in {}",
        head.0,
        to.display()
    );
    println!(
        "  密钥不在其中 keys are no part of it: keep master.key, notary.key and `anling key backup` apart"
    );
    println!(
        "  核验 check it: anling log verify --data {} --public-key …",
        to.display()
    );
    Ok(())
}

/// Carries out `anling log restore`.
pub(crate) async fn restore(store: Store, from: &Path, keys: Option<&Path>) -> Result<(), Failure> {
    let settings = Settings::load(&Given {
        store,
        ..Given::default()
    })?;
    let marked = read_mark(from)?;
    let whole = marked.records.ok_or_else(|| {
        Failure::new(format!(
            "the backup {} was broken off; take another",
            from.display()
        ))
    })?;
    let here = Log::open_sqlite_reader(from).await.map_err(Failure::new)?;
    if here.head().0 != whole {
        return Err(Failure::new(format!(
            "the backup {} has {} records, and {whole} were backed up; take another",
            from.display(),
            here.head()
        )));
    }
    // A long copy would be for nothing.
    if let Some(file) = keys {
        key::check(&here, file)?;
    }
    let (log, folder) = new_log(&settings, marked.purpose).await?;
    let copied = copy(&here, &log, Position(whole), "恢复 restoring").await?;
    if let Some(ledger) = Ledger::read_sqlite(from).await.map_err(Failure::new)? {
        let there = match &settings.database {
            None => Ledger::open_sqlite(folder.path()).await,
            Some(database) => Ledger::open_postgres(&database.options()).await,
        };
        let there = there.map_err(Failure::new)?;
        there.follow(&ledger).await.map_err(Failure::new)?;
        there.close().await;
    }
    let keys = match keys {
        Some(file) => Some(key::put_back(&log, None, file).await?),
        None => None,
    };
    here.close().await;
    log.close().await;
    if settings.database.is_none() {
        folder.has_begun()?;
    }
    println!("恢复完成 / restored: {whole} records ({copied} new)");
    match keys {
        Some(put) => println!(
            "  {} keys; {} 位已抹去,不恢复 / left out, of people who were erased",
            put.keys, put.erased
        ),
        None => println!(
            "  没有密钥 no keys: names and addresses stay sealed until `anling key restore FILE`"
        ),
    }
    let master = settings.master_key.clone();
    let master = master.unwrap_or_else(|| settings.data.join("master.key"));
    println!(
        "  put {} and {} back from where you keep them",
        master.display(),
        notarize::key_path(&settings).display()
    );
    Ok(())
}

/// A log that nobody uses yet, in a folder that is ours from now on.
pub(crate) async fn new_log(
    settings: &Settings,
    purpose: Purpose,
) -> Result<(Log, Folder), Failure> {
    let folder = Folder::open(&settings.data, purpose)?;
    let log = match &settings.database {
        None => Log::open_sqlite(folder.path(), Arc::new(SystemClock))
            .await
            .map_err(Failure::new)?,
        Some(database) => ground::open_shared(database).await?,
    };
    Ok((log, folder))
}

/// Copies what is missing in `to`, up to `head`. What is there already must be the same log's beginning.
async fn copy(from: &Log, to: &Log, head: Position, what: &'static str) -> Result<u64, Failure> {
    let mut at = to.head();
    if at > head || !same_at(from, to, at).await? {
        return Err(Failure::new(
            "what is there already is another log, or longer; choose an empty place",
        ));
    }
    let begun = at;
    let bar = bar(what, head.0);
    while at < head {
        let left = usize::try_from(head.0 - at.0).unwrap_or(PAGE).min(PAGE);
        let page = from
            .read_all(at, Direction::Forward, left)
            .await
            .map_err(Failure::new)?;
        if page.is_empty() {
            return Err(Failure::new(format!(
                "no record after position {at} can be read; run `anling log verify`"
            )));
        }
        at = to
            .restore(&page)
            .await
            .map_err(|error| Failure::new(format!("{error}; run `anling log verify`")))?;
        bar.set_position(at.0);
    }
    bar.finish_and_clear();
    Ok(head.0 - begun.0)
}

async fn same_at(from: &Log, to: &Log, at: Position) -> Result<bool, Failure> {
    if at == Position::START {
        return Ok(true);
    }
    let one = from.read_all(at, Direction::Backward, 1).await;
    let other = to.read_all(at, Direction::Backward, 1).await;
    Ok(one.map_err(Failure::new)? == other.map_err(Failure::new)?)
}

/// A folder for the backup: new, empty, or an earlier backup that is gone on with.
fn begin(to: &Path, purpose: Purpose) -> Result<(), Failure> {
    let doing = format!("make {}", to.display());
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(to)
        .doing(&doing)?;
    let mut entries = fs::read_dir(to).doing(&doing)?;
    if entries.next().is_some() && !to.join(MARK).exists() {
        return Err(Failure::new(format!(
            "{} holds other things than a backup; choose an empty or new folder",
            to.display()
        )));
    }
    mark(
        to,
        &Mark {
            format: 1,
            purpose,
            records: None,
        },
    )
}

fn mark(to: &Path, mark: &Mark) -> Result<(), Failure> {
    let doing = format!("write {}", to.join(MARK).display());
    let text = serde_json::to_string(mark).expect("a mark is plain data");
    let fresh = to.join(format!(".{MARK}.new"));
    let mut file = private(&fresh).doing(&doing)?;
    writeln!(file, "{text}").doing(&doing)?;
    let file = file
        .into_inner()
        .map_err(|error| Failure::new(error.to_string()))?;
    file.sync_all().doing(&doing)?;
    fs::rename(fresh, to.join(MARK)).doing(&doing)
}

fn read_mark(from: &Path) -> Result<Mark, Failure> {
    let path = from.join(MARK);
    let text = fs::read_to_string(&path).map_err(|error| {
        Failure::new(format!(
            "{} is no backup of anling's: {}: {error}",
            from.display(),
            path.display()
        ))
    })?;
    let mark: Mark = serde_json::from_str(&text).doing(&format!("read {}", path.display()))?;
    match mark.format {
        1 => Ok(mark),
        _ => Err(Failure::new(
            "the backup was made by a newer anling; restore it with that version",
        )),
    }
}

/// A new file that only its owner may read.
pub(crate) fn private(path: &Path) -> std::io::Result<std::io::BufWriter<fs::File>> {
    let file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    Ok(std::io::BufWriter::new(file))
}

/// How `restore` and `import` see a folder that already serves something.
pub(super) fn must_be_new(settings: &Settings) -> Result<(), Failure> {
    let found = Folder::check(&settings.data, Purpose::Service)?;
    match found == Found::Nothing || settings.database.is_some() {
        true => Ok(()),
        false => Err(Failure::new(format!(
            "{} holds a log already; choose a new folder with --data",
            settings.data.display()
        ))),
    }
}
