//! Finding, checking and making the log's tables.
//!
//! For: a plain word about what is wrong, several processes that start at once, and never touching a schema that is not
//! ours.
//! May not know: what is written later.

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, SqlSafeStr};

use super::connect::{self, OLDEST_VERSION, Server};
use super::options::Target;
use super::trouble::Trouble;
use crate::error::OpenError;
use crate::limits::HEAD_ROW_WITHIN;

/// The advisory lock's first number: "ANLG". The second is the schema's.
const LOCK: i32 = 0x414e_4c47;

/// The version from which on keys stand in a schema of their own.
const KEYS_APART: i64 = 3;

/// Checks the server, and brings the log's tables up to date.
pub(super) async fn prepare(target: &Target) -> Result<Server, OpenError> {
    let fail = |trouble: Trouble| sorted(target, &trouble);
    let mut connection = connect::plain(target).await.map_err(fail)?;
    let server = connect::inspect(&mut connection).await.map_err(fail)?;
    check(target, &server)?;
    make_tables(target, &mut connection).await?;
    connect::end(connection).await;
    Ok(server)
}

fn check(target: &Target, server: &Server) -> Result<(), OpenError> {
    let unfit = |detail: String| Err(self::unfit(target, detail));
    if server.version < OLDEST_VERSION {
        let found = server.version;
        return unfit(format!(
            "PostgreSQL {OLDEST_VERSION} or newer is needed, it is {found}"
        ));
    }
    if server.encoding != "UTF8" {
        return unfit(format!(
            "its encoding is {}; make a database with encoding UTF8",
            server.encoding
        ));
    }
    if !server.off.is_empty() && !target.allow_unsafe_server {
        return Err(OpenError::UnsafeServer {
            server: target.server.clone(),
            detail: server.settings_off(),
        });
    }
    match server.unusable(target.allow_unsafe_server) {
        Some(why) => Err(unreachable(target, why)),
        None => Ok(()),
    }
}

/// One process at a time. The lock ends with the connection, whatever happens.
async fn make_tables(target: &Target, connection: &mut PgConnection) -> Result<(), OpenError> {
    let fail = |error: sqlx::Error| sorted(target, &error.into());
    let schema = &target.schema;
    let lock = format!(
        "SET lock_timeout = {}; SELECT pg_advisory_lock({LOCK}, hashtext('{schema}'))",
        HEAD_ROW_WITHIN.as_millis() * 4
    );
    run(connection, lock).await.map_err(fail)?;
    // Asked for first, because making it, even when it is there, takes a right that using it does not.
    if !has(connection, format!("to_regnamespace('{schema}')"))
        .await
        .map_err(fail)?
    {
        run(connection, format!("CREATE SCHEMA {schema}"))
            .await
            .map_err(fail)?;
    }
    let ours = format!("to_regclass('{schema}._sqlx_migrations')");
    let version = if has(connection, ours).await.map_err(fail)? {
        version(connection, schema).await.map_err(fail)?
    } else {
        let taken = format!(
            "(SELECT min(oid) FROM pg_class WHERE relnamespace = '{schema}'::regnamespace)"
        );
        if has(connection, taken).await.map_err(fail)? {
            return Err(unfit(
                target,
                format!("the schema {schema} holds another program's tables; name another schema"),
            ));
        }
        0
    };
    if version > newest() {
        return Err(unfit(
            target,
            format!("the tables in schema {schema} are of a newer anling; run that version"),
        ));
    }
    make_keys_schema(target, connection, version)
        .await
        .map_err(fail)?;
    // For the same reason nothing is made that is there.
    if version < newest() {
        run(connection, format!("SET search_path = {schema}"))
            .await
            .map_err(fail)?;
        migrate(target, connection).await?;
    }
    let unlock = format!("SELECT pg_advisory_unlock({LOCK}, hashtext('{schema}'))");
    run(connection, unlock).await.map_err(fail)
}

/// The schema of the keys. Of a log that was put back without them, its tables too.
async fn make_keys_schema(
    target: &Target,
    connection: &mut PgConnection,
    version: i64,
) -> Result<(), sqlx::Error> {
    let keys = target.keys_schema();
    if !has(connection, format!("to_regnamespace('{keys}')")).await? {
        run(connection, format!("CREATE SCHEMA {keys}")).await?;
    }
    let is_there = has(connection, format!("to_regclass('{keys}.secrets')")).await?;
    if version < KEYS_APART || is_there {
        return Ok(());
    }
    let tables = format!(
        "CREATE TABLE {keys}.secrets (key_id text COLLATE \"C\" PRIMARY KEY, wrapped bytea NOT NULL); \
         CREATE TABLE IF NOT EXISTS {keys}.destroyed (key_id text COLLATE \"C\" PRIMARY KEY)"
    );
    run(connection, tables).await
}

/// The newest version of the tables that was made here.
async fn version(connection: &mut PgConnection, schema: &str) -> Result<i64, sqlx::Error> {
    let sql =
        format!("SELECT coalesce(max(version), 0) FROM {schema}._sqlx_migrations WHERE success");
    sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(connection)
        .await
}

async fn run(connection: &mut PgConnection, sql: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await
        .map(drop)
}

async fn has(connection: &mut PgConnection, what: String) -> Result<bool, sqlx::Error> {
    let sql = AssertSqlSafe(format!("SELECT {what} IS NOT NULL"));
    sqlx::query_scalar(sql).fetch_one(connection).await
}

/// Every version of the tables, oldest first; a released one is never edited.
fn migrations() -> Vec<Migration> {
    let list = [
        (
            1,
            "log",
            include_str!("../../../migrations/postgres/0001_log.sql"),
        ),
        (
            2,
            "kinds",
            include_str!("../../../migrations/postgres/0002_kinds.sql"),
        ),
        (
            KEYS_APART,
            "keys apart",
            include_str!("../../../migrations/postgres/0003_keys_apart.sql"),
        ),
        (
            4,
            "view of the asker",
            include_str!("../../../migrations/postgres/0004_view_of_the_asker.sql"),
        ),
    ];
    list.map(|(version, name, sql)| {
        let sql = sql.into_sql_str();
        Migration::new(version, name.into(), MigrationType::Simple, sql, false)
    })
    .into()
}

async fn migrate(target: &Target, connection: &mut PgConnection) -> Result<(), OpenError> {
    let mut migrator = Migrator::with_migrations(migrations());
    // We hold a lock of our own, which also covers the making of the schema.
    migrator.set_locking(false);
    let made = migrator.run_direct(None, connection, false).await;
    made.map_err(|error| sorted(target, &error.into()))
}

fn newest() -> i64 {
    let versions = migrations().into_iter().map(|migration| migration.version);
    versions.max().unwrap_or(0)
}

/// Sorts trouble at the start by what a person can do about it.
pub(super) fn sorted(target: &Target, trouble: &Trouble) -> OpenError {
    match trouble {
        Trouble::Lost(why) | Trouble::Crowded(why) => unreachable(target, why.clone()),
        Trouble::Failed(why) => unfit(target, why.clone()),
    }
}

fn unreachable(target: &Target, detail: String) -> OpenError {
    OpenError::Unreachable {
        server: target.server.clone(),
        detail,
    }
}

fn unfit(target: &Target, detail: String) -> OpenError {
    OpenError::UnfitDatabase {
        server: target.server.clone(),
        detail,
    }
}
