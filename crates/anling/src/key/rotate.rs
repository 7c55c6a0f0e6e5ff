//! Another master key in place of the old one.
//!
//! For: making it, keeping it on disk before anything depends on it, and going on after a crash at any moment.
//! May not know: how keys are wrapped anew (that is `casebook`).
//!
//! In order: the new key's file, every key wrapped anew, the new file in the old one's place, the old key made worthless.
//! Until that last step either file opens everything, so each step may be the last before a crash.

use crate::{
    failure::{Doing, Failure},
    ground,
    log::bar,
    operator::ground_alone,
    settings::{Given, Settings, Store},
};
use casebook::{MasterKey, Vault};
use eventlog::admin::{self, AdminError, AdminReply, AdminRequest};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The admin command this goes by.
pub(crate) const COMMAND: &str = "key_rotate";

/// What is asked of the running process.
#[derive(Debug, Serialize, Deserialize)]
struct Wanted {
    /// The new key's file, named by the asker.
    new_key: Option<PathBuf>,
}

/// Carries out `anling key rotate`.
pub(super) async fn run(
    store: Store,
    new_key: Option<PathBuf>,
    finish: bool,
) -> Result<(), Failure> {
    let settings = Settings::load(&Given {
        store,
        ..Given::default()
    })?;
    let new_key = new_key
        .map(|path| std::path::absolute(path).doing("find --new-key"))
        .transpose()?;
    if settings.database.is_some() {
        return shared(&settings, new_key.as_deref(), finish).await;
    }
    let request = AdminRequest {
        command: COMMAND.to_owned(),
        args: serde_json::to_value(Wanted {
            new_key: new_key.clone(),
        })
        .map_err(Failure::new)?,
    };
    println!("正在更换 / rotating: about a minute for a million keys; calls go on meanwhile");
    let said = match admin::call(&settings.data, &request).await {
        Ok(AdminReply::Ok(said)) => serde_json::from_value(said).map_err(Failure::new)?,
        Ok(AdminReply::Error(text)) => return Err(Failure::new(text)),
        Err(AdminError::NotRunning { .. }) => {
            let ground = ground_alone(&settings).await?;
            let done = whole(ground.book.vault(), &settings, new_key.as_deref()).await;
            ground.close().await;
            done?
        }
        Err(error) => return Err(Failure::new(error)),
    };
    println!("{said}");
    Ok(())
}

/// Answers for the admin socket.
pub(crate) async fn admin_reply(
    vault: &Vault,
    settings: &Settings,
    args: serde_json::Value,
) -> AdminReply {
    let wanted: Wanted = match serde_json::from_value(args) {
        Ok(wanted) => wanted,
        Err(error) => return AdminReply::Error(format!("not about the master key: {error}")),
    };
    if settings.database.is_some() {
        let text = "several processes share these keys; name the database as they do";
        return AdminReply::Error(text.to_owned());
    }
    match whole(vault, settings, wanted.new_key.as_deref()).await {
        Ok(said) => AdminReply::Ok(said.into()),
        Err(failure) => AdminReply::Error(failure.to_string()),
    }
}

/// One process alone holds the keys: from beginning to end.
async fn whole(
    vault: &Vault,
    settings: &Settings,
    new_key: Option<&Path>,
) -> Result<String, Failure> {
    let in_place = ground::master_key_path(settings);
    let changed = rewrapped(vault, &in_place, new_key, |_| {}).await?;
    vault.end_rotation().await.map_err(Failure::new)?;
    discard(&in_place);
    Ok(format!(
        "主密钥已更换 / rotated: {changed} keys; the new master key is {}\n  旧主密钥已无用,请销毁其副本 / the old one opens nothing more: destroy its copies, and back up the new one\n  再做一次密钥备份 / take a new `anling key backup`",
        in_place.display()
    ))
}

/// Several processes hold the old key: the end waits until each has the new one.
async fn shared(settings: &Settings, new_key: Option<&Path>, finish: bool) -> Result<(), Failure> {
    let Some(database) = &settings.database else {
        return Ok(());
    };
    let log = ground::open_shared(database).await?;
    let in_place = ground::master_key_path(settings);
    let done = async {
        let book = ground::book(&log, settings).await?;
        let vault = book.vault();
        if finish {
            // This machine's file first, were it still the old one.
            if let Some(new) = vault.rotation().await.map_err(Failure::new)? {
                new.save(&in_place).map_err(Failure::new)?;
            }
            vault.end_rotation().await.map_err(Failure::new)?;
            discard(&in_place);
            println!(
                "旧主密钥已无用 / the old master key opens nothing more: destroy its copies\n  再做一次密钥备份 / take a new `anling key backup`"
            );
            return Ok(());
        }
        let bar = bar("更换 rotating", 0);
        let changed = rewrapped(vault, &in_place, new_key, |done| bar.set_position(done)).await?;
        bar.finish_and_clear();
        println!(
            "{changed} 把密钥已换 / keys are wrapped anew; the new master key is {path}\n  1. 拷到每个进程并重启 / copy it to every process (master_key) and restart them one after the other; until then either key works\n  2. anling key rotate --finish",
            path = in_place.display()
        );
        Ok(())
    };
    let done = done.await;
    log.close().await;
    done
}

/// Wraps every key anew, and puts the new master key's file in the old one's place.
async fn rewrapped(
    vault: &Vault,
    in_place: &Path,
    new_key: Option<&Path>,
    progress: impl FnMut(u64),
) -> Result<u64, Failure> {
    let under_way = vault.rotation().await.map_err(Failure::new)?;
    let new = match (under_way, new_key) {
        (Some(new), None) => new,
        (_, Some(path)) => MasterKey::load(path).map_err(Failure::new)?,
        (None, None) => MasterKey::load_or_create(&beside(in_place)).map_err(Failure::new)?,
    };
    let changed = vault.rotate(&new, progress).await;
    let changed = changed.map_err(Failure::new)?;
    new.save(in_place).map_err(|error| {
        Failure::new(format!(
            "the keys are wrapped anew, and {error}; put the new master key in its place by hand, then run `anling key rotate` again (until then either key works)"
        ))
    })?;
    Ok(changed)
}

/// Where a new key lies until it is in place.
fn beside(in_place: &Path) -> PathBuf {
    let mut name = in_place.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// Removes it once it is.
fn discard(in_place: &Path) {
    match std::fs::remove_file(beside(in_place)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(%error, "the new master key's first file is still there; remove it");
        }
        _ => {}
    }
}
