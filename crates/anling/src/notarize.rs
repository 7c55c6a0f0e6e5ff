//! The notary's place in this process: its key, its tables, where its checkpoints go.
//!
//! For: starting it beside the parts, and finding its tables and key again for commands.
//! May not know: trees, signatures. A notary that cannot work stops nobody: a press is more than a signature.

use crate::{
    database::Database, failure::Failure, folder::Folder, ground::Ground, settings::Settings,
};
use notary::{
    Figures, Ledger, LedgerError, Notary, NotaryOptions, Outlets, Signer, Status, Verifier,
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use uuid::Uuid;

/// Tells how the notary stands.
pub(crate) type Told = Arc<dyn Fn() -> Figures + Send + Sync>;

/// The key's file in the data folder, unless the settings name another.
const KEY: &str = "notary.key";

/// Starts the notary; without one the figures say why.
pub(crate) async fn start(
    folder: &Folder,
    ground: &Ground,
    settings: &Settings,
    holder: String,
) -> (Option<Notary>, Told) {
    match prepared(folder, settings).await {
        Ok((ledger, signer)) => {
            let options = NotaryOptions {
                signer,
                holder,
                outlets: settings.notary.outlets(),
            };
            let notary = Notary::start(ground.log.clone(), ledger, options);
            let told = Arc::new(notary.figures());
            (Some(notary), told)
        }
        Err(failure) => {
            let why = failure.to_string();
            tracing::error!(why, "the notary could not start; nothing is signed");
            let status = Status::Refusing(why);
            let figures = move || Figures {
                status: status.clone(),
                ..Figures::default()
            };
            (None, Arc::new(figures))
        }
    }
}

/// The notary's tables and key. A key is made only for a log that none has signed for.
async fn prepared(
    folder: &Folder,
    settings: &Settings,
) -> Result<(Ledger, Option<Signer>), Failure> {
    let ledger = match &settings.database {
        None => Ledger::open_sqlite(folder.path()).await,
        Some(database) => Ledger::open_postgres(&database.options()).await,
    };
    let ledger = ledger.map_err(Failure::new)?;
    let path = key_path(settings);
    let signer = match ledger.end().await.map_err(Failure::new)? {
        Some(_) => notary::load(&path).map_err(Failure::new)?,
        None => {
            let name = format!("anling/{}", Uuid::new_v4().simple());
            Some(notary::load_or_create(&path, &name).map_err(Failure::new)?)
        }
    };
    Ok((ledger, signer))
}

pub(crate) fn key_path(settings: &Settings) -> PathBuf {
    let own = || settings.data.join(KEY);
    settings.notary.key.clone().unwrap_or_else(own)
}

/// The notary's tables, only to be read.
pub(crate) async fn ledger(
    data: &Path,
    database: Option<&Database>,
) -> Result<Option<Ledger>, LedgerError> {
    match database {
        None => Ledger::read_sqlite(data).await,
        Some(database) => Ledger::read_postgres(&database.options()).await,
    }
}

/// The public key to check with, and where it is from: the one given, the key's file, or the notary's own row.
pub(crate) async fn verifier(
    given: Option<&str>,
    settings: &Settings,
    ledger: Option<&Ledger>,
) -> Result<(Verifier, String), Failure> {
    if let Some(given) = given {
        return Ok((read_verifier(given)?, "--public-key".to_owned()));
    }
    let path = key_path(settings);
    if let Some(signer) = notary::load(&path).map_err(Failure::new)? {
        return Ok((signer.verifier().clone(), path.display().to_string()));
    }
    let end = match ledger {
        Some(ledger) => ledger.end().await.map_err(Failure::new)?,
        None => None,
    };
    let (state, _) = end.ok_or_else(|| {
        Failure::new(format!(
            "there is no notary's key {} and nothing was signed; name the public key with --public-key",
            path.display()
        ))
    })?;
    let verifier = Verifier::parse(&state.verifier).map_err(Failure::new)?;
    let from =
        "the log's own tables: whoever can change them can change it; name yours with --public-key";
    Ok((verifier, from.to_owned()))
}

/// A public key, as it is or in a file.
pub(crate) fn read_verifier(given: &str) -> Result<Verifier, Failure> {
    let text = match std::fs::read_to_string(given) {
        Ok(text) => text,
        Err(_) => given.to_owned(),
    };
    Verifier::parse(&text).map_err(|error| {
        Failure::setting(format!(
            "--public-key \"{given}\" is neither a file nor a key: {error}"
        ))
    })
}

/// `[notary]` in the settings file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NotarySettings {
    /// The signing key's file; `None`: the data folder's own.
    pub(crate) key: Option<PathBuf>,
    /// Where checkpoints are appended.
    pub(crate) file: Option<PathBuf>,
    /// Where they are posted.
    pub(crate) webhook: Option<String>,
    /// How often the newest leaves the house, in seconds.
    pub(crate) publish_every_s: Option<u64>,
}

impl NotarySettings {
    /// Relative files are beside the settings.
    pub(crate) fn at(mut self, base: &Path, faults: &mut Vec<String>) -> Self {
        self.key = self.key.map(|path| base.join(path));
        self.file = self.file.map(|path| base.join(path));
        if let Some(every) = self.publish_every_s
            && !(1..=86_400).contains(&every)
        {
            faults.push(format!(
                "notary.publish_every_s is {every}; it must lie between 1 and 86400 seconds"
            ));
        }
        self
    }

    fn outlets(&self) -> Outlets {
        let usual = Outlets::default();
        let every = self.publish_every_s.map(std::time::Duration::from_secs);
        Outlets {
            file: self.file.clone(),
            webhook: self.webhook.clone(),
            every: every.unwrap_or(usual.every),
        }
    }
}
