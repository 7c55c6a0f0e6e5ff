//! The tables beside the log.
//!
//! For: cursors, leases, snapshots, secrets and sessions as rows, whichever process changes them.
//! May not know: when the transaction around a change is committed. It holds the head row, so changes come one by one.

use std::collections::{HashMap, HashSet};

use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::query::Query;
use sqlx::{Postgres, Row};

use super::read::Ask;
use super::rows::{from_sql, to_sql};
use super::trouble::Trouble;
use crate::doors::{DoorAnswer, DoorRead, DoorWrite, Lease, Rewrapped, Session, Snapshot};
use crate::error::DoorError;
use crate::limits::{DOOR_ENTRIES, SECRET_ENTRIES, SESSION_ENTRIES};
use crate::name::Position;
use crate::store::Write;

/// A door's place among the counts of the head row, and how many rows it may have.
#[derive(Clone, Copy)]
struct Door {
    at: usize,
    name: &'static str,
    limit: usize,
}

const CURSORS: Door = door(0, "cursors", DOOR_ENTRIES);
const LEASES: Door = door(1, "leases", DOOR_ENTRIES);
const SNAPSHOTS: Door = door(2, "snapshots", DOOR_ENTRIES);
const SECRETS: Door = door(3, "secrets", SECRET_ENTRIES);
const SESSIONS: Door = door(4, "sessions", SESSION_ENTRIES);

const fn door(at: usize, name: &'static str, limit: usize) -> Door {
    Door { at, name, limit }
}

/// How many rows each door has, by the head row and what the batch does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Doors {
    before: [i64; 5],
    now: [i64; 5],
}

type Done = Result<Result<DoorAnswer, DoorError>, Trouble>;
type Statement<'q> = Query<'q, Postgres, PgArguments>;

impl Doors {
    /// The counts that stand in the head row from `column` on.
    pub(super) fn from_row(row: &PgRow, column: usize) -> Result<Self, Trouble> {
        let mut now = [0; 5];
        for (at, count) in now.iter_mut().enumerate() {
            *count = row.try_get(column + at)?;
        }
        Ok(Self { before: now, now })
    }

    pub(super) fn changed(&self) -> bool {
        self.before != self.now
    }

    pub(super) fn counts(&self) -> [i64; 5] {
        self.now
    }

    /// Makes a batch's changes in the transaction that is open; one answer per change, in order.
    pub(super) async fn write_all(
        &mut self,
        sql: &mut PgConnection,
        batch: &[Write],
    ) -> Result<Vec<Result<DoorAnswer, DoorError>>, Trouble> {
        let doors = batch.iter().filter_map(|write| match write {
            Write::Door(door) => Some(door),
            Write::Append(_) | Write::Outside(_) => None,
        });
        let doors: Vec<_> = doors.collect();
        let mut answers = Vec::with_capacity(doors.len());
        while let Some(next) = doors.get(answers.len()) {
            // An import brings keys by the thousand; those in a row go together.
            let keys: Vec<_> = doors[answers.len()..]
                .iter()
                .map_while(|door| key(door))
                .collect();
            if keys.is_empty() {
                answers.push(self.write(sql, next).await?);
            } else {
                answers.extend(self.put_secrets(sql, &keys).await?);
            }
        }
        Ok(answers)
    }

    async fn write(&mut self, sql: &mut PgConnection, write: &DoorWrite) -> Done {
        let none = || Ok(Ok(DoorAnswer::Done));
        match write {
            DoorWrite::CursorSet { name, position } => {
                let query = sqlx::query(
                    "INSERT INTO cursors (name, position) SELECT $2, $3 \
                     WHERE $1 OR EXISTS (SELECT FROM cursors WHERE name = $2) \
                     ON CONFLICT (name) DO UPDATE SET position = $3 RETURNING xmax = 0",
                )
                .bind(self.has_room(CURSORS))
                .bind(name.as_str())
                .bind(to_sql(position.0));
                self.put(sql, CURSORS, query).await
            }
            DoorWrite::SnapshotPut { name, snapshot } => {
                let query = sqlx::query(
                    "INSERT INTO snapshots (name, position, code_version, bytes) SELECT $2, $3, $4, $5 \
                     WHERE $1 OR EXISTS (SELECT FROM snapshots WHERE name = $2) \
                     ON CONFLICT (name) DO UPDATE SET position = $3, code_version = $4, bytes = $5 RETURNING xmax = 0",
                )
                .bind(self.has_room(SNAPSHOTS))
                .bind(name.as_str())
                .bind(to_sql(snapshot.position.0))
                .bind(i64::from(snapshot.code_version))
                .bind(snapshot.bytes.as_slice());
                self.put(sql, SNAPSHOTS, query).await
            }
            DoorWrite::SessionPut { hash, session } => {
                let query = sqlx::query(
                    "INSERT INTO sessions (token_hash, bytes, expires_at_ms) SELECT $2, $3, $4 \
                     WHERE $1 OR EXISTS (SELECT FROM sessions WHERE token_hash = $2) \
                     ON CONFLICT (token_hash) DO UPDATE SET bytes = $3, expires_at_ms = $4 RETURNING xmax = 0",
                )
                .bind(self.has_room(SESSIONS))
                .bind(hash.as_slice())
                .bind(session.bytes.as_slice())
                .bind(session.expires_at_ms);
                self.put(sql, SESSIONS, query).await
            }
            DoorWrite::SecretPut { key_id, wrapped } => {
                let mut kept = self.put_secrets(sql, &[(key_id, wrapped)]).await?;
                Ok(kept.pop().unwrap_or(Ok(DoorAnswer::Done)))
            }
            DoorWrite::SecretsPut(secrets) => {
                let keys: Vec<_> = secrets
                    .iter()
                    .map(|(key_id, wrapped)| (key_id.as_str(), wrapped.as_slice()))
                    .collect();
                self.put_together(sql, &keys).await
            }
            DoorWrite::SnapshotDelete { name } => {
                let query =
                    sqlx::query("DELETE FROM snapshots WHERE name = $1").bind(name.as_str());
                self.remove(sql, SNAPSHOTS, query).await?;
                none()
            }
            DoorWrite::SecretDelete { key_id } => {
                let query =
                    sqlx::query("DELETE FROM secrets WHERE key_id = $1").bind(key_id.as_str());
                self.remove(sql, SECRETS, query).await?;
                none()
            }
            DoorWrite::SecretDestroy { key_id } => {
                let query =
                    sqlx::query("DELETE FROM secrets WHERE key_id = $1").bind(key_id.as_str());
                self.remove(sql, SECRETS, query).await?;
                sqlx::query("INSERT INTO destroyed (key_id) VALUES ($1) ON CONFLICT DO NOTHING")
                    .bind(key_id.as_str())
                    .execute(sql)
                    .await?;
                none()
            }
            DoorWrite::SecretsReplace(secrets) => replace_secrets(sql, secrets).await,
            DoorWrite::SessionDelete { hash } => {
                let query =
                    sqlx::query("DELETE FROM sessions WHERE token_hash = $1").bind(hash.as_slice());
                self.remove(sql, SESSIONS, query).await?;
                none()
            }
            DoorWrite::SessionPurge { now_ms } => {
                let query =
                    sqlx::query("DELETE FROM sessions WHERE expires_at_ms <= $1").bind(*now_ms);
                let gone = self.remove(sql, SESSIONS, query).await?;
                Ok(Ok(DoorAnswer::Count(gone)))
            }
            DoorWrite::LeaseAcquire {
                name,
                holder,
                expires_at,
                now,
            } => self.acquire(sql, name, holder, *expires_at, *now).await,
            DoorWrite::LeaseRenew {
                name,
                holder,
                epoch,
                expires_at,
            } => renew(sql, name, holder, *epoch, *expires_at).await,
            DoorWrite::LeaseRelease {
                name,
                holder,
                epoch,
            } => {
                // A released lease is nobody's: it cannot be renewed, and its epoch lives on.
                sqlx::query(
                    "UPDATE leases SET expires_at = 0, holder = '' WHERE name = $1 AND holder = $2 AND epoch = $3",
                )
                .bind(name.as_str())
                .bind(holder.as_str())
                .bind(to_sql(*epoch))
                .execute(sql)
                .await?;
                none()
            }
        }
    }

    /// Runs a statement that writes one row, unless there is neither room nor such a row; it says if the row is new.
    async fn put(&mut self, sql: &mut PgConnection, door: Door, query: Statement<'_>) -> Done {
        let Some(row) = query.fetch_optional(sql).await? else {
            return Ok(Err(no_room(door)));
        };
        self.now[door.at] += i64::from(row.try_get::<bool, _>(0)?);
        Ok(Ok(DoorAnswer::Done))
    }

    async fn remove(
        &mut self,
        sql: &mut PgConnection,
        door: Door,
        query: Statement<'_>,
    ) -> Result<u64, Trouble> {
        let gone = query.execute(sql).await?.rows_affected();
        self.now[door.at] -= to_sql(gone);
        Ok(gone)
    }

    /// Keeps each key that is not there yet, as long as there is room; what is there stays and is given back.
    async fn put_secrets(
        &mut self,
        sql: &mut PgConnection,
        keys: &[(&str, &[u8])],
    ) -> Result<Vec<Result<DoorAnswer, DoorError>>, Trouble> {
        let wanted: HashSet<&str> = keys.iter().map(|(key_id, _)| *key_id).collect();
        let rows = sqlx::query("SELECT key_id, wrapped FROM secrets WHERE key_id = ANY ($1)")
            .bind(wanted.into_iter().collect::<Vec<_>>())
            .fetch_all(&mut *sql)
            .await?;
        let mut kept: HashMap<String, Vec<u8>> = HashMap::new();
        for row in &rows {
            kept.insert(row.try_get(0)?, row.try_get(1)?);
        }
        let missing = keys.iter().map(|(key_id, _)| *key_id);
        let missing = missing.filter(|key_id| !kept.contains_key(*key_id));
        let destroyed = destroyed_among(sql, missing.collect()).await?;
        let (mut new_ids, mut new_keys) = (Vec::new(), Vec::new());
        let mut answers = Vec::with_capacity(keys.len());
        for (key_id, wrapped) in keys {
            if destroyed.contains(*key_id) {
                answers.push(Err(DoorError::Destroyed((*key_id).to_owned())));
                continue;
            }
            if !kept.contains_key(*key_id) {
                if !self.has_room(SECRETS) {
                    answers.push(Err(no_room(SECRETS)));
                    continue;
                }
                self.now[SECRETS.at] += 1;
                new_ids.push(*key_id);
                new_keys.push(*wrapped);
                kept.insert((*key_id).to_owned(), wrapped.to_vec());
            }
            answers.push(Ok(DoorAnswer::Secret(kept.get(*key_id).cloned())));
        }
        if !new_ids.is_empty() {
            sqlx::query("INSERT INTO secrets (key_id, wrapped) SELECT * FROM unnest($1::text[], $2::bytea[])")
                .bind(new_ids)
                .bind(new_keys)
                .execute(sql)
                .await?;
        }
        Ok(answers)
    }

    /// Many keys of one command: all of them find room and none was destroyed, or none is kept.
    async fn put_together(&mut self, sql: &mut PgConnection, keys: &[(&str, &[u8])]) -> Done {
        let wanted: HashSet<&str> = keys.iter().map(|(key_id, _)| *key_id).collect();
        let destroyed = destroyed_among(sql, wanted.iter().copied().collect()).await?;
        if let Some(name) = destroyed.into_iter().next() {
            return Ok(Err(DoorError::Destroyed(name)));
        }
        let free = to_sql(SECRETS.limit as u64) - self.now[SECRETS.at];
        if to_sql(wanted.len() as u64) > free {
            let there: i64 =
                sqlx::query_scalar("SELECT count(*) FROM secrets WHERE key_id = ANY ($1)")
                    .bind(wanted.iter().copied().collect::<Vec<_>>())
                    .fetch_one(&mut *sql)
                    .await?;
            if to_sql(wanted.len() as u64) - there > free {
                return Ok(Err(no_room(SECRETS)));
            }
        }
        let mut kept = Vec::with_capacity(keys.len());
        for answer in self.put_secrets(sql, keys).await? {
            match answer {
                Ok(DoorAnswer::Secret(Some(wrapped))) => kept.push(wrapped),
                Ok(_) => return Ok(Err(no_room(SECRETS))),
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(DoorAnswer::Secrets(kept)))
    }

    async fn acquire(
        &mut self,
        sql: &mut PgConnection,
        name: &str,
        holder: &str,
        expires_at: i64,
        now: i64,
    ) -> Done {
        let has_room = self.has_room(LEASES);
        let taken = sqlx::query(
            "INSERT INTO leases AS held (name, holder, epoch, expires_at) SELECT $2, $3, 1, $4 \
             WHERE $1 OR EXISTS (SELECT FROM leases WHERE name = $2) \
             ON CONFLICT (name) DO UPDATE SET holder = $3, epoch = held.epoch + 1, expires_at = $4 \
             WHERE held.expires_at <= $5 OR held.holder = $3 RETURNING epoch, xmax = 0",
        )
        .bind(has_room)
        .bind(name)
        .bind(holder)
        .bind(expires_at)
        .bind(now)
        .fetch_optional(&mut *sql)
        .await?;
        let Some(row) = taken else {
            let held = sqlx::query(LEASE).bind(name).fetch_optional(sql).await?;
            let is_held = has_room || held.is_some();
            return Ok(if is_held {
                Ok(DoorAnswer::Lease(None))
            } else {
                Err(no_room(LEASES))
            });
        };
        self.now[LEASES.at] += i64::from(row.try_get::<bool, _>(1)?);
        Ok(Ok(DoorAnswer::Lease(Some(Lease {
            holder: holder.to_owned(),
            epoch: from_sql(row.try_get(0)?)?,
            expires_at,
        }))))
    }

    fn has_room(&self, door: Door) -> bool {
        self.now[door.at] < to_sql(door.limit as u64)
    }
}

fn key(door: &DoorWrite) -> Option<(&str, &[u8])> {
    match door {
        DoorWrite::SecretPut { key_id, wrapped } => Some((key_id, wrapped)),
        _ => None,
    }
}

/// Those of these names whose key was destroyed.
async fn destroyed_among(
    sql: &mut PgConnection,
    names: Vec<&str>,
) -> Result<HashSet<String>, Trouble> {
    if names.is_empty() {
        return Ok(HashSet::new());
    }
    let found = sqlx::query_scalar("SELECT key_id FROM destroyed WHERE key_id = ANY ($1)")
        .bind(names)
        .fetch_all(sql)
        .await?;
    Ok(found.into_iter().collect())
}

/// Puts keys into new wrappings, each that still is in the old one.
async fn replace_secrets(sql: &mut PgConnection, secrets: &[Rewrapped]) -> Done {
    let ids: Vec<&str> = secrets.iter().map(|it| it.key_id.as_str()).collect();
    let from: Vec<&[u8]> = secrets.iter().map(|it| it.from.as_slice()).collect();
    let to: Vec<&[u8]> = secrets.iter().map(|it| it.to.as_slice()).collect();
    let done = sqlx::query(
        "UPDATE secrets AS kept SET wrapped = it.fresh \
         FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS it (key_id, stale, fresh) \
         WHERE kept.key_id = it.key_id AND kept.wrapped = it.stale",
    )
    .bind(ids)
    .bind(from)
    .bind(to)
    .execute(sql)
    .await?;
    Ok(Ok(DoorAnswer::Count(done.rows_affected())))
}

fn no_room(door: Door) -> DoorError {
    DoorError::NoRoom {
        what: door.name,
        limit: door.limit,
    }
}

async fn renew(
    sql: &mut PgConnection,
    name: &str,
    holder: &str,
    epoch: u64,
    expires_at: i64,
) -> Done {
    let renewed = sqlx::query(
        "UPDATE leases SET expires_at = $1 WHERE name = $2 AND holder = $3 AND epoch = $4",
    )
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

/// What is asked to look behind a door.
pub(super) fn ask(read: &DoorRead) -> Result<Ask, Trouble> {
    match read {
        DoorRead::Cursor(name) => {
            Ask::new("SELECT position FROM cursors WHERE name = $1").bind(name.as_str())
        }
        DoorRead::Lease(name) => Ask::new(LEASE).bind(name.as_str()),
        DoorRead::Snapshot(name) => {
            Ask::new("SELECT position, code_version, bytes FROM snapshots WHERE name = $1")
                .bind(name.as_str())
        }
        DoorRead::Secret(key_id) => {
            Ask::new("SELECT wrapped FROM secrets WHERE key_id = $1").bind(key_id.as_str())
        }
        DoorRead::Secrets(after, limit) => {
            Ask::new("SELECT key_id FROM secrets WHERE key_id > $1 ORDER BY key_id LIMIT $2")
                .bind(after.as_str())?
                .bind(to_sql(*limit as u64))
        }
        DoorRead::Destroyed(after, limit) => {
            Ask::new("SELECT key_id FROM destroyed WHERE key_id > $1 ORDER BY key_id LIMIT $2")
                .bind(after.as_str())?
                .bind(to_sql(*limit as u64))
        }
        DoorRead::Session(hash) => {
            Ask::new("SELECT bytes, expires_at_ms FROM sessions WHERE token_hash = $1")
                .bind(hash.as_slice())
        }
    }
}

/// What the rows say.
pub(super) fn answer(read: &DoorRead, rows: &[PgRow]) -> Result<DoorAnswer, Trouble> {
    let row = rows.first();
    Ok(match read {
        DoorRead::Cursor(_) => DoorAnswer::Cursor(row.map(cursor).transpose()?),
        DoorRead::Lease(_) => DoorAnswer::Lease(row.map(lease).transpose()?),
        DoorRead::Snapshot(_) => DoorAnswer::Snapshot(row.map(snapshot).transpose()?),
        DoorRead::Secret(_) => DoorAnswer::Secret(row.map(|row| row.try_get(0)).transpose()?),
        DoorRead::Secrets(..) | DoorRead::Destroyed(..) => {
            let names = rows.iter().map(|row| row.try_get(0));
            DoorAnswer::Names(names.collect::<Result<_, sqlx::Error>>()?)
        }
        DoorRead::Session(_) => DoorAnswer::Session(row.map(session).transpose()?),
    })
}

const LEASE: &str = "SELECT holder, epoch, expires_at FROM leases WHERE name = $1";

fn cursor(row: &PgRow) -> Result<Position, Trouble> {
    Ok(Position(from_sql(row.try_get(0)?)?))
}

fn lease(row: &PgRow) -> Result<Lease, Trouble> {
    Ok(Lease {
        holder: row.try_get(0)?,
        epoch: from_sql(row.try_get(1)?)?,
        expires_at: row.try_get(2)?,
    })
}

fn snapshot(row: &PgRow) -> Result<Snapshot, Trouble> {
    Ok(Snapshot {
        position: Position(from_sql(row.try_get(0)?)?),
        code_version: u32::try_from(row.try_get::<i64, _>(1)?).unwrap_or(u32::MAX),
        bytes: row.try_get(2)?,
    })
}

fn session(row: &PgRow) -> Result<Session, Trouble> {
    Ok(Session {
        bytes: row.try_get(0)?,
        expires_at_ms: row.try_get(1)?,
    })
}
