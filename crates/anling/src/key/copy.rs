//! Keys into a file of their own, and back.
//!
//! For: a short-lived copy apart from the log's, from which nobody who was erased comes back.
//! May not know: what a key opens.

use crate::{
    failure::{Doing, Failure},
    folder::Folder,
    ground,
    log::{Beside, lines, new_log, private},
    settings::{Given, Settings, Store},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use casebook::{OF_ROTATION, Vault};
use directory::{forgetting, registrar::resident_key};
use eventlog::{Lane, Log, SECRETS_AT_ONCE};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, io::Write, path::Path};

/// The shape of the file.
const FORMAT: u32 = 1;

/// Longest line of the file, in bytes.
const KEY_LINE: usize = 16 * 1024;

/// Names read at a time.
const PAGE: usize = 1_000;

#[derive(Debug, Serialize, Deserialize)]
struct Head {
    anling_keys: u32,
    /// RFC 3339, as the next.
    taken_at: String,
    expires_at: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    /// A wrapped key, in base64.
    Key { key: String, wrapped: String },
    /// A name whose key was destroyed.
    Destroyed { destroyed: String },
}

/// What came of a file of keys.
#[derive(Debug, Default)]
pub(crate) struct PutBack {
    /// Keys that are there now.
    pub(crate) keys: u64,
    /// Keys that were left out, of people who were erased.
    pub(crate) erased: u64,
    /// Keys that another master key wrapped.
    pub(crate) foreign: u64,
}

/// The time by the log's clock.
fn now(log: &Log) -> Result<Timestamp, Failure> {
    Timestamp::from_microsecond(log.now_micros()).doing("read the time")
}

/// Carries out `anling key backup`.
pub(super) async fn backup(store: Store, out: &Path, days: u16) -> Result<(), Failure> {
    let at = Beside::open(store).await?;
    let secrets = at.log.secrets();
    for name in OF_ROTATION {
        if secrets.get(name).await.map_err(Failure::new)?.is_some() {
            return Err(Failure::new(
                "a rotation of the master key is under way; end it first: `anling key rotate`",
            ));
        }
    }
    let now = now(&at.log)?;
    let expires_at = now + SignedDuration::from_hours(24 * i64::from(days));
    let head = Head {
        anling_keys: FORMAT,
        taken_at: now.to_string(),
        expires_at: expires_at.to_string(),
    };
    let doing = format!("write {}", out.display());
    let mut file = private(out).doing(&doing)?;
    let mut write = |line: serde_json::Result<String>| {
        let line = line.doing(&doing)?;
        writeln!(file, "{line}").doing(&doing)
    };
    write(serde_json::to_string(&head))?;
    let (mut after, mut count) = (String::new(), 0_u64);
    loop {
        let page = secrets.list(&after, PAGE).await.map_err(Failure::new)?;
        let Some(last) = page.last() else { break };
        after.clone_from(last);
        for key in page {
            if let Some(wrapped) = secrets.get(&key).await.map_err(Failure::new)? {
                let wrapped = STANDARD.encode(wrapped);
                write(serde_json::to_string(&Line::Key { key, wrapped }))?;
                count += 1;
            }
        }
    }
    for destroyed in destroyed(&at.log).await? {
        write(serde_json::to_string(&Line::Destroyed { destroyed }))?;
    }
    let file = file
        .into_inner()
        .map_err(|error| Failure::new(error.to_string()))?;
    file.sync_all().doing(&doing)?;
    at.log.close().await;
    println!(
        "密钥备份 / keys: {count} in {}\n  有效期至 / expires {}: whoever is erased later is still in it; take a new one before, and delete this one",
        out.display(),
        expires_at.strftime("%Y-%m-%d %H:%M UTC")
    );
    Ok(())
}

/// Carries out `anling key restore`.
pub(super) async fn restore(store: Store, file: &Path) -> Result<(), Failure> {
    let settings = Settings::load(&Given {
        store,
        ..Given::default()
    })?;
    let purpose = Folder::purpose(&settings.data).unwrap_or(crate::folder::Purpose::Service);
    let (log, _folder) = new_log(&settings, purpose).await?;
    let put = async {
        let book = ground::book(&log, &settings).await?;
        put_back(&log, Some(book.vault()), file).await
    };
    let put = put.await;
    log.close().await;
    let put = put?;
    println!("密钥已恢复 / keys put back: {}", put.keys);
    if put.erased > 0 {
        println!("  {} 位已抹去,不恢复 / erased, and left out", put.erased);
    }
    match put.foreign {
        0 => Ok(()),
        foreign => Err(Failure::new(format!(
            "{foreign} keys in {} are wrapped by another master key, from before a rotation; they were left out",
            file.display()
        ))),
    }
}

/// Whether the file is one of ours and still good, by the clock of this log.
pub(crate) fn check(log: &Log, file: &Path) -> Result<(), Failure> {
    let doing = format!("read {}", file.display());
    let mut reader = std::fs::File::open(file)
        .map(std::io::BufReader::new)
        .doing(&doing)?;
    let head = lines::next(&mut reader, KEY_LINE).doing(&doing)?;
    let head: Option<Head> = head.and_then(|line| serde_json::from_slice(&line).ok());
    let head = head.filter(|head| head.anling_keys == FORMAT);
    let expires_at: Option<Timestamp> = head.and_then(|head| head.expires_at.parse().ok());
    let expires_at = expires_at.ok_or_else(|| {
        Failure::new(format!(
            "{} is no file of `anling key backup` of this version",
            file.display()
        ))
    })?;
    if expires_at <= now(log)? {
        return Err(Failure::new(format!(
            "{} expired on {}: people erased since may be in it; take a later one, and delete this one",
            file.display(),
            expires_at.strftime("%Y-%m-%d")
        )));
    }
    Ok(())
}

/// Puts keys back that are missing: of nobody whom the log, the keys that are there, or the file itself knows as erased,
/// and with a vault at hand none that it cannot open.
pub(crate) async fn put_back(
    log: &Log,
    vault: Option<&Vault>,
    file: &Path,
) -> Result<PutBack, Failure> {
    check(log, file)?;
    let doing = format!("read {}", file.display());
    let open = || std::fs::File::open(file).map(std::io::BufReader::new);
    let mut gone = destroyed(log).await?;
    let erased = forgetting::erased(log).await.map_err(Failure::new)?;
    gone.extend(erased.iter().map(|it| resident_key(it).to_string()));
    let mut put = PutBack::default();
    let mut batch = Vec::new();
    // Names first: those whom only the file knows as erased stand at its end.
    for pass in [Pass::Names, Pass::Keys] {
        let mut reader = open().doing(&doing)?;
        lines::next(&mut reader, KEY_LINE).doing(&doing)?;
        let mut number = 1;
        while let Some(line) = lines::next(&mut reader, KEY_LINE).doing(&doing)? {
            number += 1;
            let bad =
                |why: String| Failure::new(format!("{} line {number}: {why}", file.display()));
            let line: Line =
                serde_json::from_slice(&line).map_err(|error| bad(error.to_string()))?;
            match (pass, line) {
                (Pass::Names, Line::Destroyed { destroyed }) if !gone.contains(&destroyed) => {
                    let done = log.secrets().destroy(&destroyed).await;
                    done.map_err(Failure::new)?;
                    gone.insert(destroyed);
                }
                (Pass::Keys, Line::Key { key, .. }) if gone.contains(&key) => put.erased += 1,
                (Pass::Keys, Line::Key { key, wrapped }) => {
                    let wrapped = STANDARD.decode(&wrapped);
                    let wrapped = wrapped.map_err(|error| bad(error.to_string()))?;
                    match vault {
                        Some(vault) if !vault.fits(&key, &wrapped).await => put.foreign += 1,
                        _ => batch.push((key, wrapped)),
                    }
                }
                _ => {}
            }
            if batch.len() == SECRETS_AT_ONCE {
                put.keys += keep(log, std::mem::take(&mut batch)).await?;
            }
        }
    }
    put.keys += keep(log, batch).await?;
    Ok(put)
}

#[derive(Clone, Copy)]
enum Pass {
    Names,
    Keys,
}

async fn keep(log: &Log, keys: Vec<(String, Vec<u8>)>) -> Result<u64, Failure> {
    let count = keys.len() as u64;
    let kept = log.secrets().put_many(Lane::Bulk, keys).await;
    kept.map(|_| count).map_err(Failure::new)
}

async fn destroyed(log: &Log) -> Result<BTreeSet<String>, Failure> {
    let mut names = BTreeSet::new();
    let mut after = String::new();
    loop {
        let page = log.secrets().destroyed(&after, PAGE).await;
        let page = page.map_err(Failure::new)?;
        let Some(last) = page.last() else {
            return Ok(names);
        };
        after.clone_from(last);
        names.extend(page);
    }
}
