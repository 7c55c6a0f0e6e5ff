//! The tables beside the log.
//!
//! For: cursors, leases, snapshots, secrets and sessions as rows.
//! May not know: when the transaction around a change is committed.

use std::collections::HashMap;

use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Row};

use super::rows::{chunks, from_sql, groups, to_sql};
use crate::doors::{DoorAnswer, DoorRead, DoorWrite, Lease, Rewrapped, Session, Snapshot};
use crate::error::DoorError;
use crate::limits::{DOOR_ENTRIES, SECRET_ENTRIES, SESSION_ENTRIES};
use crate::name::Position;
use crate::store::StoreError;

/// A door's table: its name, its key column, and how many rows it may have.
#[derive(Clone, Copy)]
struct Table {
    name: &'static str,
    key: &'static str,
    limit: usize,
}

const CURSORS: Table = table("cursors", "name", DOOR_ENTRIES);
const LEASES: Table = table("leases", "name", DOOR_ENTRIES);
const SNAPSHOTS: Table = table("snapshots", "name", DOOR_ENTRIES);
const SECRETS: Table = table("secrets", "key_id", SECRET_ENTRIES);
const SESSIONS: Table = table("sessions", "token_hash", SESSION_ENTRIES);

const fn table(name: &'static str, key: &'static str, limit: usize) -> Table {
    Table { name, key, limit }
}

/// What a row is found by.
#[derive(Clone, Copy)]
enum Key<'a> {
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// The writing side; remembers how many rows each table has once it had to count them.
#[derive(Debug, Default)]
pub(super) struct Doors {
    counts: HashMap<&'static str, usize>,
}

type Done = Result<Result<DoorAnswer, DoorError>, StoreError>;

impl Doors {
    /// Makes a change in the transaction that is open.
    pub(super) async fn write(&mut self, sql: &mut SqliteConnection, write: &DoorWrite) -> Done {
        match write {
            DoorWrite::CursorSet { name, position } => {
                if let Err(full) = self.room(sql, CURSORS, Key::Text(name)).await? {
                    return Ok(Err(full));
                }
                sqlx::query("INSERT OR REPLACE INTO cursors (name, position) VALUES (?, ?)")
                    .bind(name.as_str())
                    .bind(to_sql(position.0))
                    .execute(sql)
                    .await?;
            }
            DoorWrite::SnapshotPut { name, snapshot } => {
                if let Err(full) = self.room(sql, SNAPSHOTS, Key::Text(name)).await? {
                    return Ok(Err(full));
                }
                put_snapshot(sql, name, snapshot).await?;
            }
            DoorWrite::SnapshotDelete { name } => {
                self.remove(sql, SNAPSHOTS, Key::Text(name)).await?;
            }
            DoorWrite::SecretPut { key_id, wrapped } => {
                return self.put_secret(sql, key_id, wrapped).await;
            }
            DoorWrite::SecretsPut(secrets) => return self.put_secrets(sql, secrets).await,
            DoorWrite::SecretsReplace(secrets) => return replace_secrets(sql, secrets).await,
            DoorWrite::SecretDelete { key_id } => {
                self.remove(sql, SECRETS, Key::Text(key_id)).await?;
            }
            DoorWrite::SecretDestroy { key_id } => {
                self.remove(sql, SECRETS, Key::Text(key_id)).await?;
                sqlx::query("INSERT OR IGNORE INTO destroyed (key_id) VALUES (?)")
                    .bind(key_id.as_str())
                    .execute(sql)
                    .await?;
            }
            DoorWrite::SessionPut { hash, session } => {
                if let Err(full) = self.room(sql, SESSIONS, Key::Bytes(hash)).await? {
                    return Ok(Err(full));
                }
                put_session(sql, hash, session).await?;
            }
            DoorWrite::SessionDelete { hash } => {
                self.remove(sql, SESSIONS, Key::Bytes(hash)).await?;
            }
            DoorWrite::SessionPurge { now_ms } => {
                let gone = sqlx::query("DELETE FROM sessions WHERE expires_at_ms <= ?")
                    .bind(*now_ms)
                    .execute(sql)
                    .await?
                    .rows_affected();
                self.counts.remove(SESSIONS.name);
                return Ok(Ok(DoorAnswer::Count(gone)));
            }
            DoorWrite::LeaseAcquire {
                name,
                holder,
                expires_at,
                now,
            } => return self.acquire(sql, name, holder, *expires_at, *now).await,
            DoorWrite::LeaseRenew {
                name,
                holder,
                epoch,
                expires_at,
            } => return renew(sql, name, holder, *epoch, *expires_at).await,
            DoorWrite::LeaseRelease {
                name,
                holder,
                epoch,
            } => {
                // A released lease is nobody's: it cannot be renewed, and its epoch lives on.
                sqlx::query(
                    "UPDATE leases SET expires_at = 0, holder = '' \
                     WHERE name = ? AND holder = ? AND epoch = ?",
                )
                .bind(name.as_str())
                .bind(holder.as_str())
                .bind(to_sql(*epoch))
                .execute(sql)
                .await?;
            }
        }
        Ok(Ok(DoorAnswer::Done))
    }

    async fn put_secret(
        &mut self,
        sql: &mut SqliteConnection,
        key_id: &str,
        wrapped: &[u8],
    ) -> Done {
        if let Some(kept) = secret(sql, key_id).await? {
            return Ok(Ok(DoorAnswer::Secret(Some(kept))));
        }
        if let Some(name) = destroyed_among(sql, &[key_id]).await? {
            return Ok(Err(DoorError::Destroyed(name)));
        }
        if let Err(full) = self.room(sql, SECRETS, Key::Text(key_id)).await? {
            return Ok(Err(full));
        }
        sqlx::query("INSERT INTO secrets (key_id, wrapped) VALUES (?, ?)")
            .bind(key_id)
            .bind(wrapped)
            .execute(sql)
            .await?;
        Ok(Ok(DoorAnswer::Secret(Some(wrapped.to_vec()))))
    }

    /// Keeps many wrapped keys in few statements; an import brings them by the hundred thousand.
    async fn put_secrets(
        &mut self,
        sql: &mut SqliteConnection,
        secrets: &[(String, Vec<u8>)],
    ) -> Done {
        let mut kept = HashMap::new();
        for chunk in chunks(secrets) {
            kept.extend(kept_among(sql, chunk).await?);
        }
        let mut fresh = Vec::new();
        for (key_id, wrapped) in secrets {
            kept.entry(key_id.clone()).or_insert_with(|| {
                fresh.push((key_id, wrapped));
                wrapped.clone()
            });
        }
        let names: Vec<&str> = fresh.iter().map(|(key_id, _)| key_id.as_str()).collect();
        for chunk in chunks(&names) {
            if let Some(name) = destroyed_among(sql, chunk).await? {
                return Ok(Err(DoorError::Destroyed(name)));
            }
        }
        let count = self.count(sql, SECRETS).await? + fresh.len();
        if count > SECRETS.limit {
            return Ok(Err(DoorError::NoRoom {
                what: SECRETS.name,
                limit: SECRETS.limit,
            }));
        }
        for chunk in chunks(&fresh) {
            let text = format!(
                "INSERT INTO secrets (key_id, wrapped) VALUES {}",
                groups(chunk.len(), 2)
            );
            let mut query = sqlx::query(AssertSqlSafe(text));
            for (key_id, wrapped) in chunk {
                query = query.bind(key_id.as_str()).bind(wrapped.as_slice());
            }
            query.execute(&mut *sql).await?;
        }
        self.counts.insert(SECRETS.name, count);
        let answer =
            |(key_id, _): &(String, Vec<u8>)| kept.get(key_id).cloned().unwrap_or_default();
        Ok(Ok(DoorAnswer::Secrets(
            secrets.iter().map(answer).collect(),
        )))
    }

    async fn acquire(
        &mut self,
        sql: &mut SqliteConnection,
        name: &str,
        holder: &str,
        expires_at: i64,
        now: i64,
    ) -> Done {
        if let Err(full) = self.room(sql, LEASES, Key::Text(name)).await? {
            return Ok(Err(full));
        }
        let held = lease(sql, name).await?;
        let taken = |held: &Lease| held.expires_at > now && held.holder != holder;
        if held.as_ref().is_some_and(taken) {
            return Ok(Ok(DoorAnswer::Lease(None)));
        }
        let lease = Lease {
            holder: holder.to_owned(),
            epoch: held.map_or(1, |held| held.epoch.saturating_add(1)),
            expires_at,
        };
        sqlx::query(
            "INSERT OR REPLACE INTO leases (name, holder, epoch, expires_at) VALUES (?, ?, ?, ?)",
        )
        .bind(name)
        .bind(holder)
        .bind(to_sql(lease.epoch))
        .bind(expires_at)
        .execute(sql)
        .await?;
        Ok(Ok(DoorAnswer::Lease(Some(lease))))
    }

    /// Makes sure a row with this key has room; one that is there already has.
    async fn room(
        &mut self,
        sql: &mut SqliteConnection,
        table: Table,
        key: Key<'_>,
    ) -> Result<Result<(), DoorError>, StoreError> {
        let text = format!("SELECT 1 FROM {} WHERE {} = ?", table.name, table.key);
        let query = sqlx::query_scalar::<_, i64>(AssertSqlSafe(text));
        let query = match key {
            Key::Text(key) => query.bind(key),
            Key::Bytes(key) => query.bind(key),
        };
        if query.fetch_optional(&mut *sql).await?.is_some() {
            return Ok(Ok(()));
        }
        let count = self.count(sql, table).await?;
        if count >= table.limit {
            return Ok(Err(DoorError::NoRoom {
                what: table.name,
                limit: table.limit,
            }));
        }
        self.counts.insert(table.name, count + 1);
        Ok(Ok(()))
    }

    async fn count(&self, sql: &mut SqliteConnection, table: Table) -> Result<usize, StoreError> {
        if let Some(count) = self.counts.get(table.name) {
            return Ok(*count);
        }
        let text = format!("SELECT count(*) FROM {}", table.name);
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(text))
            .fetch_one(sql)
            .await?;
        Ok(usize::try_from(from_sql(count)?).unwrap_or(usize::MAX))
    }

    async fn remove(
        &mut self,
        sql: &mut SqliteConnection,
        table: Table,
        key: Key<'_>,
    ) -> Result<(), StoreError> {
        let text = format!("DELETE FROM {} WHERE {} = ?", table.name, table.key);
        let query = sqlx::query(AssertSqlSafe(text));
        let query = match key {
            Key::Text(key) => query.bind(key),
            Key::Bytes(key) => query.bind(key),
        };
        if query.execute(sql).await?.rows_affected() > 0 {
            self.counts.remove(table.name);
        }
        Ok(())
    }
}

/// Looks behind a door.
pub(super) async fn read(
    sql: &mut SqliteConnection,
    read: &DoorRead,
) -> Result<DoorAnswer, StoreError> {
    Ok(match read {
        DoorRead::Cursor(name) => DoorAnswer::Cursor(cursor(sql, name).await?),
        DoorRead::Lease(name) => DoorAnswer::Lease(lease(sql, name).await?),
        DoorRead::Snapshot(name) => DoorAnswer::Snapshot(snapshot(sql, name).await?),
        DoorRead::Secret(key_id) => DoorAnswer::Secret(secret(sql, key_id).await?),
        DoorRead::Secrets(after, limit) => DoorAnswer::Names(secrets(sql, after, *limit).await?),
        DoorRead::Destroyed(after, limit) => {
            DoorAnswer::Names(destroyed(sql, after, *limit).await?)
        }
        DoorRead::Session(hash) => DoorAnswer::Session(session(sql, hash).await?),
    })
}

async fn cursor(sql: &mut SqliteConnection, name: &str) -> Result<Option<Position>, StoreError> {
    let found: Option<i64> = sqlx::query_scalar("SELECT position FROM cursors WHERE name = ?")
        .bind(name)
        .fetch_optional(sql)
        .await?;
    found
        .map(|number| from_sql(number).map(Position))
        .transpose()
}

async fn lease(sql: &mut SqliteConnection, name: &str) -> Result<Option<Lease>, StoreError> {
    let row = sqlx::query("SELECT holder, epoch, expires_at FROM leases WHERE name = ?")
        .bind(name)
        .fetch_optional(sql)
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Lease {
        holder: row.try_get(0)?,
        epoch: from_sql(row.try_get(1)?)?,
        expires_at: row.try_get(2)?,
    }))
}

async fn renew(
    sql: &mut SqliteConnection,
    name: &str,
    holder: &str,
    epoch: u64,
    expires_at: i64,
) -> Done {
    let renewed =
        sqlx::query("UPDATE leases SET expires_at = ? WHERE name = ? AND holder = ? AND epoch = ?")
            .bind(expires_at)
            .bind(name)
            .bind(holder)
            .bind(to_sql(epoch))
            .execute(sql)
            .await?
            .rows_affected();
    Ok(Ok(DoorAnswer::Lease((renewed > 0).then(|| Lease {
        holder: holder.to_owned(),
        epoch,
        expires_at,
    }))))
}

async fn put_snapshot(
    sql: &mut SqliteConnection,
    name: &str,
    snapshot: &Snapshot,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT OR REPLACE INTO snapshots (name, position, code_version, bytes) VALUES (?, ?, ?, ?)",
    )
    .bind(name)
    .bind(to_sql(snapshot.position.0))
    .bind(i64::from(snapshot.code_version))
    .bind(snapshot.bytes.as_slice())
    .execute(sql)
    .await?;
    Ok(())
}

async fn snapshot(sql: &mut SqliteConnection, name: &str) -> Result<Option<Snapshot>, StoreError> {
    let row = sqlx::query("SELECT position, code_version, bytes FROM snapshots WHERE name = ?")
        .bind(name)
        .fetch_optional(sql)
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Snapshot {
        position: Position(from_sql(row.try_get(0)?)?),
        code_version: row.try_get(1)?,
        bytes: row.try_get(2)?,
    }))
}

async fn secret(sql: &mut SqliteConnection, key_id: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let found = sqlx::query_scalar("SELECT wrapped FROM secrets WHERE key_id = ?")
        .bind(key_id)
        .fetch_optional(sql)
        .await?;
    Ok(found)
}

/// Those of these keys that are kept already.
async fn kept_among(
    sql: &mut SqliteConnection,
    secrets: &[(String, Vec<u8>)],
) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let text = format!(
        "SELECT key_id, wrapped FROM secrets WHERE key_id IN {}",
        groups(1, secrets.len())
    );
    let mut query = sqlx::query_as(AssertSqlSafe(text));
    for (key_id, _) in secrets {
        query = query.bind(key_id.as_str());
    }
    Ok(query.fetch_all(sql).await?)
}

/// One of these names whose key was destroyed.
async fn destroyed_among(
    sql: &mut SqliteConnection,
    names: &[&str],
) -> Result<Option<String>, StoreError> {
    let text = format!(
        "SELECT key_id FROM destroyed WHERE key_id IN {} LIMIT 1",
        groups(1, names.len())
    );
    let mut query = sqlx::query_scalar(AssertSqlSafe(text));
    for name in names {
        query = query.bind(*name);
    }
    Ok(query.fetch_optional(sql).await?)
}

/// Puts keys into new wrappings, each that still is in the old one.
async fn replace_secrets(sql: &mut SqliteConnection, secrets: &[Rewrapped]) -> Done {
    let mut replaced = 0;
    for it in secrets {
        let done = sqlx::query("UPDATE secrets SET wrapped = ? WHERE key_id = ? AND wrapped = ?")
            .bind(it.to.as_slice())
            .bind(it.key_id.as_str())
            .bind(it.from.as_slice())
            .execute(&mut *sql)
            .await?;
        replaced += done.rows_affected();
    }
    Ok(Ok(DoorAnswer::Count(replaced)))
}

async fn destroyed(
    sql: &mut SqliteConnection,
    after: &str,
    limit: usize,
) -> Result<Vec<String>, StoreError> {
    let names =
        sqlx::query_scalar("SELECT key_id FROM destroyed WHERE key_id > ? ORDER BY key_id LIMIT ?")
            .bind(after)
            .bind(to_sql(limit as u64))
            .fetch_all(sql)
            .await?;
    Ok(names)
}

async fn secrets(
    sql: &mut SqliteConnection,
    after: &str,
    limit: usize,
) -> Result<Vec<String>, StoreError> {
    let names =
        sqlx::query_scalar("SELECT key_id FROM secrets WHERE key_id > ? ORDER BY key_id LIMIT ?")
            .bind(after)
            .bind(to_sql(limit as u64))
            .fetch_all(sql)
            .await?;
    Ok(names)
}

async fn put_session(
    sql: &mut SqliteConnection,
    hash: &[u8],
    session: &Session,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT OR REPLACE INTO sessions (token_hash, bytes, expires_at_ms) VALUES (?, ?, ?)",
    )
    .bind(hash)
    .bind(session.bytes.as_slice())
    .bind(session.expires_at_ms)
    .execute(sql)
    .await?;
    Ok(())
}

async fn session(sql: &mut SqliteConnection, hash: &[u8]) -> Result<Option<Session>, StoreError> {
    let row = sqlx::query("SELECT bytes, expires_at_ms FROM sessions WHERE token_hash = ?")
        .bind(hash)
        .fetch_optional(sql)
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Session {
        bytes: row.try_get(0)?,
        expires_at_ms: row.try_get(1)?,
    }))
}
