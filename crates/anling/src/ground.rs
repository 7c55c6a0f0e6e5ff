//! What everything stands on: the log, its typed reading, and who and where.
//!
//! For: opening them in order, on SQLite or PostgreSQL, and refusing a log that is not the one this folder knows.
//! May not know: which parts run on it.

use crate::{database::Database, eventstore, failure::Failure, folder::Folder, settings::Settings};
use casebook::{Casebook, MasterKey, Vault};
use directory::Directory;
use eventlog::{Direction, FolderLock, Log, OpenError, Position, SystemClock};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use uuid::Uuid;

/// How long a database that does not answer is waited for when starting. Ours: longer than a server that starts with
/// us, short enough that a wrong address is told soon; whoever watches over processes starts us again.
const START_PATIENCE: Duration = Duration::from_secs(30);

/// The pause between two tries.
const START_PAUSE: Duration = Duration::from_secs(1);

/// An open log and what belongs to it; clones are the same.
#[derive(Clone)]
pub(crate) struct Ground {
    pub(crate) log: Log,
    pub(crate) book: Casebook,
    pub(crate) directory: Directory,
    /// Other processes write to this log too.
    pub(crate) shared: bool,
    /// Keeps a second process out of the folder; on SQLite the log itself does.
    pub(crate) lock: Option<Arc<FolderLock>>,
}

impl Ground {
    /// Opens the log for writing. A second process in the same folder is refused; on SQLite also one on the same log.
    pub(crate) async fn open(folder: &Folder, settings: &Settings) -> Result<Ground, Failure> {
        let (log, lock) = match &settings.database {
            None => {
                folder.must_not_be_shared()?;
                let log = Log::open_sqlite(folder.path(), Arc::new(SystemClock)).await;
                (log.map_err(Failure::new)?, None)
            }
            Some(database) => {
                let lock = FolderLock::take(folder.path()).map_err(Failure::new)?;
                let log = open_shared(database).await?;
                folder.must_know(database, beginning(&log).await?)?;
                (log, Some(Arc::new(lock)))
            }
        };
        eventstore::refuse(&log).await?;
        let book = book(&log, settings).await?;
        let directory = Directory::open(book.clone(), Some(folder.path()))
            .await
            .map_err(Failure::new)?;
        if settings.database.is_none() {
            folder.has_begun()?;
        }
        let head = log.head();
        directory.caught_up(head).await.map_err(Failure::new)?;
        Ok(Ground {
            log,
            book,
            directory,
            shared: settings.database.is_some(),
            lock,
        })
    }

    /// Ends what `open` began.
    pub(crate) async fn close(self) {
        self.directory.stop().await;
        self.log.close().await;
        drop(self.lock);
    }
}

/// The log in a database. One that does not answer yet is waited for, for a while.
pub(crate) async fn open_shared(database: &Database) -> Result<Log, Failure> {
    let options = database.options();
    let tries = async {
        let mut told = false;
        loop {
            match Log::open_postgres(&options, Arc::new(SystemClock)).await {
                Err(error @ OpenError::Unreachable { .. }) => {
                    if !std::mem::replace(&mut told, true) {
                        eprintln!("anling: {error}; waiting for it");
                    }
                    tokio::time::sleep(START_PAUSE).await;
                }
                opened => return opened,
            }
        }
    };
    match tokio::time::timeout(START_PATIENCE, tries).await {
        Ok(opened) => opened.map_err(Failure::new),
        Err(_) => Err(Failure::new(format!(
            "the database {database} did not answer for {} s; check database_url (ANLING_DATABASE_URL), and that the server runs",
            START_PATIENCE.as_secs()
        ))),
    }
}

/// The log's events with what is personal in them sealed under the master key.
pub(crate) async fn book(log: &Log, settings: &Settings) -> Result<Casebook, Failure> {
    let path = master_key_path(settings);
    let key = master_key(log, settings, &path)?;
    let vault = Vault::open(log.clone(), key).await;
    let vault = vault.map_err(|error| match (&settings.database, error) {
        (Some(database), casebook::VaultError::WrongMasterKey) => Failure::new(format!(
            "the master key {} does not open what is in {database}: every process of a log needs the same key; copy the key file of the process that began the log and name it with master_key (ANLING_MASTER_KEY)",
            path.display()
        )),
        (_, error) => Failure::new(error),
    })?;
    if vault.rotation().await.map_err(Failure::new)?.is_some() {
        tracing::warn!(
            "a rotation of the master key is under way; `anling key rotate` goes on with it"
        );
    }
    Ok(Casebook::new(log.clone(), vault))
}

/// Where the master key lies.
pub(crate) fn master_key_path(settings: &Settings) -> PathBuf {
    let named = settings.master_key.clone();
    named.unwrap_or_else(|| settings.data.join("master.key"))
}

fn master_key(log: &Log, settings: &Settings, path: &Path) -> Result<MasterKey, Failure> {
    if log.head() == Position::START {
        return MasterKey::load_or_create(path).map_err(Failure::new);
    }
    if path.exists() {
        return MasterKey::load(path).map_err(Failure::new);
    }
    let advice = match settings.database {
        None => "put it back from your backup of the key",
        Some(_) => {
            "copy the key file of the process that began the log and name it with master_key (ANLING_MASTER_KEY), or put it back from your backup of the key"
        }
    };
    Err(Failure::new(format!(
        "the master key {} is missing: without it nobody's name or address can be read; {advice}",
        path.display()
    )))
}

/// What no other log has: which event it begins with, and when that was written.
async fn beginning(log: &Log) -> Result<Option<Uuid>, Failure> {
    let first = log
        .read_all(Position::START, Direction::Forward, 1)
        .await
        .map_err(Failure::new)?;
    let name =
        |event: &eventlog::Recorded| Uuid::new_v5(&event.id.0, &event.recorded_at.to_be_bytes());
    Ok(first.first().map(|event| name(event)))
}
