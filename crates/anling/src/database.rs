//! The database of a log that several processes share.
//!
//! For: reading its URL once, and naming it without its password.
//! May not know: SQL; how it is connected to.

use eventlog::PostgresOptions;
use reqwest::Url;
use std::fmt;

/// A PostgreSQL database. Shown without its password and parameters.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Database {
    url: String,
    shown: String,
    allow_unsafe: bool,
}

impl Database {
    /// The database at `url`, or what is wrong with it; what is told never repeats the URL, which holds a password.
    pub(crate) fn read(url: &str, allow_unsafe: bool) -> Result<Database, String> {
        const EXAMPLE: &str = "write postgres://user:password@host:5432/database";
        let parsed = Url::parse(url)
            .map_err(|error| format!("database_url is no address ({error}); {EXAMPLE}"))?;
        if !matches!(parsed.scheme(), "postgres" | "postgresql") {
            let scheme = parsed.scheme();
            return Err(format!(
                "database_url begins with \"{scheme}:\"; only PostgreSQL is known: {EXAMPLE}"
            ));
        }
        let user = match parsed.username() {
            "" => String::new(),
            user => format!("{user}@"),
        };
        let host = parsed.host_str().unwrap_or_default();
        let port = parsed.port().map(|port| format!(":{port}"));
        let port = port.unwrap_or_default();
        Ok(Database {
            url: url.to_owned(),
            shown: format!("postgres://{user}{host}{port}{}", parsed.path()),
            allow_unsafe,
        })
    }

    /// How the log opens it.
    pub(crate) fn options(&self) -> PostgresOptions {
        PostgresOptions {
            allow_unsafe_server: self.allow_unsafe,
            ..PostgresOptions::new(&self.url)
        }
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Database({})", self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for url in [
            "postgres://anling:s3cret@db.example:5433/anling",
            "postgresql://anling:s3cret@db.example:5433/anling?sslmode=require",
            "postgres://anling@db.example:5433/anling?password=s3cret",
        ] {
            let database = Database::read(url, false).unwrap();
            let shown = format!("{database} {database:?} {:?}", database.options());
            assert!(!shown.contains("s3cret"), "{shown}");
            assert_eq!(
                database.to_string(),
                "postgres://anling@db.example:5433/anling"
            );
        }
        for wrong in [
            "s3cret",
            "mysql://u:s3cret@h/d",
            "postgres://u:s3cret@h:port/d",
        ] {
            let fault = Database::read(wrong, false).unwrap_err();
            assert!(
                !fault.contains("s3cret") && fault.contains("database_url"),
                "{fault}"
            );
        }
    }
}
