//! Connections, and what the server at their other end promises.
//!
//! For: every connection with the settings the log relies on, whatever the server's own defaults are.
//! May not know: what is written or read over it.

use std::time::Duration;

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Connection, Row};
use tokio::time::timeout;

use super::options::Target;
use super::trouble::Trouble;
use crate::error::{Degraded, settings_off};
use crate::limits::{CONNECT_WITHIN, HEAD_ROW_WITHIN, IDLE_TRANSACTION, READ_WITHIN};

/// The oldest version that notices a client that went away while a statement waits (14), and knows views that are read with the rights
/// of whoever asks (15).
pub(super) const OLDEST_VERSION: i32 = 15;

/// What the log needs to know of the server; read by [`Server::from_row`] from column 0 on.
macro_rules! server_columns {
    () => {
        "current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'), \
         current_setting('synchronous_standby_names'), current_setting('server_encoding'), \
         current_setting('server_version_num')::int / 10000, pg_is_in_recovery(), \
         (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
    };
}
pub(super) use server_columns;

/// What the server promises.
#[derive(Clone, Debug)]
pub(super) struct Server {
    /// Settings that are off, without which a confirmed commit may be lost.
    pub(super) off: Vec<&'static str>,
    synchronous_commit: String,
    has_standby: bool,
    pub(super) encoding: String,
    pub(super) version: i32,
    /// It only repeats what another server writes.
    pub(super) is_standby: bool,
    pub(super) now_micros: i64,
}

impl Server {
    pub(super) fn from_row(row: &PgRow) -> Result<Self, Trouble> {
        let synchronous_commit: String = row.try_get(2)?;
        let settings = [
            ("fsync", row.try_get::<String, _>(0)?),
            ("full_page_writes", row.try_get(1)?),
            ("synchronous_commit", synchronous_commit.clone()),
        ];
        let off = settings.into_iter().filter(|(_, value)| value == "off");
        Ok(Self {
            off: off.map(|(name, _)| name).collect(),
            synchronous_commit,
            has_standby: !row.try_get::<String, _>(3)?.trim().is_empty(),
            encoding: row.try_get(4)?,
            version: row.try_get(5)?,
            is_standby: row.try_get(6)?,
            now_micros: row.try_get(7)?,
        })
    }

    /// Why it may not be written to, if so.
    pub(super) fn unusable(&self, allow_unsafe: bool) -> Option<String> {
        if self.is_standby {
            return Some("it is a standby, which only reads".to_owned());
        }
        (!self.off.is_empty() && !allow_unsafe)
            .then(|| format!("it may lose what it confirmed: {}", self.settings_off()))
    }

    /// `fsync and full_page_writes are off`
    pub(super) fn settings_off(&self) -> String {
        settings_off(&self.off)
    }

    /// Why what it keeps is less safe than it could be.
    pub(super) fn degraded(&self) -> Option<Degraded> {
        if !self.off.is_empty() {
            return Some(Degraded::Unsafe(self.off.clone()));
        }
        (!self.has_standby).then_some(Degraded::OneCopy)
    }
}

/// A connection as the server gives it.
pub(super) async fn plain(target: &Target) -> Result<PgConnection, Trouble> {
    bounded(CONNECT_WITHIN, PgConnection::connect_with(&target.connect)).await
}

/// A connection for reading the log's tables.
pub(super) async fn reading(target: &Target) -> Result<PgConnection, Trouble> {
    let mut connection = plain(target).await?;
    let settings = format!(
        "SET statement_timeout = {}; {}",
        READ_WITHIN.as_millis(),
        common(target)
    );
    set(&mut connection, settings).await?;
    Ok(connection)
}

/// Makes a connection one that writes batches; a server that may not be written to is as good as lost.
pub(super) async fn for_writing(
    connection: &mut PgConnection,
    target: &Target,
) -> Result<(), Trouble> {
    let server = inspect(connection).await?;
    if let Some(why) = server.unusable(target.allow_unsafe_server) {
        return Err(Trouble::Lost(why));
    }
    let mut settings = format!(
        "SET lock_timeout = {}; SET idle_in_transaction_session_timeout = {}; SET statement_timeout = {}; \
         SET client_connection_check_interval = '1s'; SET standard_conforming_strings = on; {}",
        HEAD_ROW_WITHIN.as_millis(),
        IDLE_TRANSACTION.as_millis(),
        READ_WITHIN.as_millis(),
        common(target)
    );
    // What waits for more than the flush, a standby's own reading, is left as the server has it.
    if server.synchronous_commit != "remote_apply" {
        settings.push_str("; SET synchronous_commit = on");
    }
    set(connection, settings).await
}

/// Asks the server what it promises.
pub(super) async fn inspect(connection: &mut PgConnection) -> Result<Server, Trouble> {
    const SQL: &str = concat!("SELECT ", server_columns!());
    let row = bounded(CONNECT_WITHIN, sqlx::query(SQL).fetch_one(connection)).await?;
    Server::from_row(&row)
}

/// The log's tables, and a planner that goes by index: which index serves a statement is known beforehand, and a
/// table that grew since it was last counted must not change it.
fn common(target: &Target) -> String {
    format!(
        "SET search_path = {}, {}; SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; \
         SET enable_mergejoin = off; SET jit = off; SET plan_cache_mode = force_generic_plan",
        target.keys_schema(),
        target.schema
    )
}

async fn set(connection: &mut PgConnection, settings: String) -> Result<(), Trouble> {
    let setting = sqlx::raw_sql(AssertSqlSafe(settings)).execute(connection);
    bounded(CONNECT_WITHIN, setting).await.map(drop)
}

/// Waits so long and no longer. What did not answer in time must be dropped.
pub(super) async fn bounded<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, Trouble> {
    match timeout(limit, work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(Trouble::late(limit)),
    }
}

/// Ends a connection in an orderly way, if the server takes part in it.
pub(super) async fn end(connection: PgConnection) {
    if let Err(why) = bounded(CONNECT_WITHIN, connection.close()).await {
        tracing::debug!(%why, "a connection did not close in order");
    }
}
