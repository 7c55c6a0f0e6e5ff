//! Whose telephone number is it: an index of keyed hashes, in the read tables.
//!
//! For: finding residents by a number, theirs or a contact's, and keeping up with records as they change.
//! May not know: who may ask. No number stands in the tables: a hash needs the vault's key to be tried, and goes with the
//! person when they are erased.
//!
//! One task fills it behind the follower, where somebody may ask, a page at a time with a rest after each: a new city is
//! indexed within minutes, and no call waits for it.

use std::{sync::Arc, time::Duration};

use casebook::{Casebook, Vault};
use domain::{ResidentId, resident::Profile};
use eventlog::Position;
use serde::Serialize;
use sqlx::Row as _;
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    error::{DirectoryError, ProfileError},
    follower::Shared,
    handle::read_profile,
    phone,
    rows::{ResidentRow, resident_row},
    tables::Tables,
};

/// Records indexed in one transaction.
const PAGE: u32 = 256;

/// Bytes of a hash that are kept. Ours: half of it; two of a city's millions of numbers do not meet by chance.
const HASH_BYTES: usize = 16;

/// Residents found by one number, at most: a household, or the telephone of a facility.
pub const FOUND_LIMIT: u32 = 50;

/// Before an area code it makes the mark under which the index stands: no telephone number begins so.
const AREA_MARK: &str = "area ";

/// Tells these hashes apart from others of the vault's.
const PURPOSE: &str = "phone";

/// How long it rests after a page, in times of what the page took: a fifth of one core and of the database at most.
const REST: u32 = 4;

/// The pause after a record could not be opened.
const PAUSE: Duration = Duration::from_secs(5);

/// Whose number it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The resident's own.
    Own,
    /// One of their contacts'.
    Contact,
}

/// The hashes of a record's numbers.
type Numbers = Vec<(Vec<u8>, Whose)>;

/// What a number finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// By id, at most [`FOUND_LIMIT`].
    pub residents: Vec<(ResidentId, Whose)>,
    /// Records are still being indexed: there may be more.
    pub incomplete: bool,
}

/// The hash of a number as it is dialled in a city with this area code; `None`: it is no telephone number.
pub(crate) fn hash(vault: &Vault, written: &str, area: &str) -> Option<Vec<u8>> {
    Some(hashed(vault, &phone::normal(written, area)?))
}

fn hashed(vault: &Vault, text: &str) -> Vec<u8> {
    let hex = vault.hash_lookup(PURPOSE, text);
    let byte = |at: usize| u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok();
    (0..HASH_BYTES).map_while(byte).collect()
}

fn hashes(vault: &Vault, profile: &Profile, area: &str) -> Numbers {
    let own = hash(vault, &profile.phone, area).map(|hash| (hash, Whose::Own));
    let contacts = profile.contacts.iter();
    let contacts = contacts.filter_map(|it| Some((hash(vault, &it.phone, area)?, Whose::Contact)));
    own.into_iter().chain(contacts).collect()
}

/// Indexes what is not yet, then whatever changes, until told to stop.
pub(crate) async fn index(
    casebook: Casebook,
    shared: Arc<Shared>,
    mut reached: watch::Receiver<Position>,
    stop: CancellationToken,
) {
    let work = async {
        // Under which area code the index was seen to stand; asked once, and when the city's has changed.
        let mut stands = None;
        loop {
            match index_all(&casebook, &shared, &mut stands).await {
                Ok(()) => {
                    if reached.changed().await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "telephone numbers cannot be indexed now; trying again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = work => {}
    }
}

async fn index_all(
    casebook: &Casebook,
    shared: &Shared,
    stands: &mut Option<String>,
) -> Result<(), DirectoryError> {
    let tables = &shared.tables;
    let city = shared.city.load_full();
    let area = city.area.city.area_code.as_str();
    if stands.as_deref() != Some(area) {
        let mark = hashed(casebook.vault(), &format!("{AREA_MARK}{area}"));
        tables.indexed_under(&mark).await?;
        *stands = Some(area.to_owned());
    }
    loop {
        let began = Instant::now();
        let page = tables.unindexed(PAGE).await?;
        if page.is_empty() {
            return Ok(());
        }
        let mut entries = Vec::with_capacity(page.len());
        for row in page {
            let found = match read_profile(casebook, &row).await {
                Ok(profile) => hashes(casebook.vault(), &profile, area),
                Err(ProfileError::Erased | ProfileError::NotFound) => Vec::new(),
                Err(ProfileError::Unavailable(why)) => {
                    return Err(DirectoryError::Unavailable(why));
                }
            };
            entries.push((row, found));
        }
        tables.keep_phones(&entries).await?;
        tokio::time::sleep(began.elapsed() * REST).await;
    }
}

/// A number of a record as it is given to SQLite: id, the event it stands in, hash, whose.
#[derive(Serialize)]
struct Entry<'a>(&'a str, String, String, u8);

impl Tables {
    /// Begins anew when the numbers were indexed under another area code than this.
    async fn indexed_under(&self, mark: &[u8]) -> Result<(), DirectoryError> {
        let mut transaction = self.pool().begin().await?;
        let there = sqlx::query("SELECT 1 FROM phones WHERE hash = ? AND resident = ''")
            .bind(mark)
            .fetch_optional(&mut *transaction)
            .await?;
        if there.is_some() {
            return Ok(());
        }
        for anew in [
            "DELETE FROM phones",
            "UPDATE residents SET indexed_in = NULL",
        ] {
            sqlx::query(anew).execute(&mut *transaction).await?;
        }
        sqlx::query("INSERT INTO phones (hash, resident, whose) VALUES (?, '', 0)")
            .bind(mark)
            .execute(&mut *transaction)
            .await?;
        Ok(transaction.commit().await?)
    }

    async fn unindexed(&self, limit: u32) -> Result<Vec<ResidentRow>, DirectoryError> {
        let rows = sqlx::query(
            "SELECT * FROM residents WHERE erased = 0 AND indexed_in IS NOT sealed_in ORDER BY id LIMIT ?",
        );
        let rows = rows.bind(limit).fetch_all(self.pool()).await?;
        rows.iter().map(resident_row).collect()
    }

    /// Writes the numbers of records, unless these were changed or erased since they were read.
    async fn keep_phones(&self, entries: &[(ResidentRow, Numbers)]) -> Result<(), DirectoryError> {
        let hex = |bytes: &[u8]| crate::registrar::hex(bytes);
        let records: Vec<(&str, String)> = entries
            .iter()
            .map(|(row, _)| (row.resident.as_str(), row.sealed_in.0.simple().to_string()))
            .collect();
        let numbers: Vec<Entry<'_>> = entries
            .iter()
            .flat_map(|(row, numbers)| {
                numbers.iter().map(|(hash, whose)| {
                    let sealed_in = row.sealed_in.0.simple().to_string();
                    let whose = u8::from(*whose == Whose::Contact);
                    Entry(row.resident.as_str(), sealed_in, hex(hash), whose)
                })
            })
            .collect();
        let json = |value: serde_json::Result<String>| {
            value.map_err(|error| DirectoryError::Unavailable(error.to_string()))
        };
        let (records, numbers) = (
            json(serde_json::to_string(&records))?,
            json(serde_json::to_string(&numbers))?,
        );
        let mut transaction = self.pool().begin().await?;
        sqlx::query("DELETE FROM phones WHERE resident IN (SELECT value ->> 0 FROM json_each(?))")
            .bind(&records)
            .execute(&mut *transaction)
            .await?;
        sqlx::query(
            "INSERT OR IGNORE INTO phones (hash, resident, whose)
             SELECT unhex(value ->> 2), value ->> 0, value ->> 3 FROM json_each(?) CROSS JOIN residents r
             ON r.id = value ->> 0 WHERE r.erased = 0 AND r.sealed_in = unhex(value ->> 1)",
        )
        .bind(&numbers)
        .execute(&mut *transaction)
        .await?;
        sqlx::query(
            "UPDATE residents SET indexed_in = sealed_in FROM (SELECT value FROM json_each(?)) AS done
             WHERE id = done.value ->> 0 AND sealed_in = unhex(done.value ->> 1)",
        )
        .bind(&records)
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    pub(crate) async fn by_phone(&self, hash: &[u8]) -> Result<Found, DirectoryError> {
        let rows = sqlx::query(
            "SELECT resident, min(whose) FROM phones WHERE hash = ? GROUP BY resident ORDER BY resident LIMIT ?",
        );
        let rows = rows.bind(hash).bind(FOUND_LIMIT).fetch_all(self.pool());
        let mut residents = Vec::new();
        for row in rows.await? {
            let id = ResidentId::parse(row.try_get(0)?);
            let id = id.map_err(|error| DirectoryError::Unavailable(error.to_string()))?;
            let whose = match row.try_get::<i64, _>(1)? {
                0 => Whose::Own,
                _ => Whose::Contact,
            };
            residents.push((id, whose));
        }
        Ok(Found {
            residents,
            incomplete: !self.unindexed(1).await?.is_empty(),
        })
    }
}
