//! Where the database is, and what is allowed of it.
//!
//! For: reading the settings once, and naming the server without its password.
//! May not know: what is done with the connection.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::error::OpenError;

/// The schema the log's tables stand in unless another is named.
const SCHEMA: &str = "anling";

/// Longest name of a schema, in bytes: its channel's name, a little longer, must fit PostgreSQL's 63.
const SCHEMA_BYTES: usize = 48;

/// How to reach a log in PostgreSQL.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresOptions {
    /// `postgres://user:password@host:port/database`, with `sslmode` and the like as parameters; a Unix socket's folder
    /// goes into the parameter `host`.
    pub url: String,
    /// Takes a server that may lose what it confirmed (`fsync`, `full_page_writes` or `synchronous_commit` off).
    pub allow_unsafe_server: bool,
    /// The schema of the log's tables: lower-case letters, digits and `_`, at most 48.
    pub schema: String,
}

impl PostgresOptions {
    /// A safe server at `url`, the usual schema.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            allow_unsafe_server: false,
            schema: SCHEMA.to_owned(),
        }
    }
}

/// Without the URL, which holds a password.
impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("allow_unsafe_server", &self.allow_unsafe_server)
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

/// The settings, read.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) connect: PgConnectOptions,
    /// Safe to stand in a statement as it is.
    pub(super) schema: String,
    pub(super) allow_unsafe_server: bool,
    /// Host, port and database, for people.
    pub(super) server: String,
}

impl Target {
    /// The schema of the keys: beside the log's, so that a copy of that one takes no key along.
    pub(super) fn keys_schema(&self) -> String {
        format!("{}_keys", self.schema)
    }

    pub(super) fn read(options: &PostgresOptions) -> Result<Self, OpenError> {
        let connect = connect_options(&options.url)?;
        let host = connect.get_socket().map_or_else(
            || connect.get_host().to_owned(),
            |folder| folder.display().to_string(),
        );
        let database = connect.get_database().unwrap_or(connect.get_username());
        Ok(Self {
            server: format!("{host}:{}/{database}", connect.get_port()),
            schema: schema(&options.schema)?,
            allow_unsafe_server: options.allow_unsafe_server,
            connect,
        })
    }

    /// The channel on which writers tell of a commit.
    pub(super) fn channel(&self) -> String {
        format!("{}_committed", self.schema)
    }
}

/// What the parser says about a bad URL may repeat parts of it, so it is not passed on.
fn connect_options(url: &str) -> Result<PgConnectOptions, OpenError> {
    let bad = |detail: &str| OpenError::BadSetting {
        setting: "database_url",
        detail: detail.to_owned(),
    };
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(bad("must begin with postgres://"));
    }
    let options = PgConnectOptions::from_str(url)
        .map_err(|_| bad("is not of the form postgres://user:password@host:port/database"))?;
    let options = options
        .application_name("anling")
        .disable_statement_logging();
    // On one machine encryption protects nothing. It cuts what is sent into records, of which sqlx sends each by itself
    // and leaves Nagle's algorithm on: on loopback, batches of more than one record then wait 40 ms for an
    // acknowledgement.
    let is_undecided = matches!(options.get_ssl_mode(), PgSslMode::Prefer);
    if is_undecided && is_this_machine(options.get_host()) {
        return Ok(options.ssl_mode(PgSslMode::Disable));
    }
    Ok(options)
}

fn is_this_machine(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    let address = host.parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn schema(name: &str) -> Result<String, OpenError> {
    let head = |first: u8| first.is_ascii_lowercase() || first == b'_';
    let rest = |byte: u8| head(byte) || byte.is_ascii_digit();
    let fits = name.len() <= SCHEMA_BYTES
        && name.bytes().next().is_some_and(head)
        && name.bytes().all(rest)
        && !name.starts_with("pg_");
    if fits {
        return Ok(name.to_owned());
    }
    Err(OpenError::BadSetting {
        setting: "the database schema",
        detail: format!(
            "must be 1 to {SCHEMA_BYTES} lower-case letters, digits and underscores, not begin with a digit or pg_"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_without_its_password() {
        let options = PostgresOptions::new("postgres://anna:geheim@db.example:5433/city");
        let target = Target::read(&options).unwrap();
        assert_eq!(target.server, "db.example:5433/city");
        assert!(!format!("{options:?}").contains("geheim"));
    }

    #[test]
    fn encryption_is_left_out_only_on_this_machine_and_where_nobody_asked_for_it() {
        for (rest, encrypts) in [
            ("localhost/city", false),
            ("127.0.0.1:5433/city", false),
            ("[::1]/city", false),
            ("127.0.0.1/city?sslmode=require", true),
            ("db.example/city", true),
            ("10.0.0.1/city", true),
        ] {
            let options = PostgresOptions::new(format!("postgres://anna@{rest}"));
            let mode = Target::read(&options).unwrap().connect.get_ssl_mode();
            assert_eq!(!matches!(mode, PgSslMode::Disable), encrypts, "{rest}");
        }
    }

    #[test]
    fn bad_settings_are_named_and_keep_their_secrets() {
        for (url, schema, named) in [
            ("mysql://anna:geheim@db/city", "anling", "database_url"),
            (
                "postgres://anna:geheim@db:port/city",
                "anling",
                "database_url",
            ),
            ("postgres://anna:geheim@db/city", "", "the database schema"),
            (
                "postgres://anna:geheim@db/city",
                "a\"b",
                "the database schema",
            ),
            (
                "postgres://anna:geheim@db/city",
                "pg_x",
                "the database schema",
            ),
            (
                "postgres://anna:geheim@db/city",
                "7a",
                "the database schema",
            ),
        ] {
            let options = PostgresOptions {
                schema: schema.to_owned(),
                ..PostgresOptions::new(url)
            };
            let refused = Target::read(&options).err().unwrap().to_string();
            assert!(refused.starts_with(named), "{url} {schema}: {refused}");
            assert!(!refused.contains("geheim"), "{refused}");
        }
    }
}
