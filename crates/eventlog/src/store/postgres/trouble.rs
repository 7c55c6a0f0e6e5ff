//! What PostgreSQL could not do, sorted by what comes next.
//!
//! For: telling a statement that failed from a server that is not there.
//! May not know: what was asked.

use std::time::Duration;

use sqlx::migrate::MigrateError;

use crate::store::StoreError;

/// Why a statement gave nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// The server, the way to it, or the session is gone or stuck; whether a commit was made is not known.
    #[error("the database is not there: {0}")]
    Lost(String),
    /// The server is there and has no room for one more connection; those that are open go on.
    #[error("the database takes no more connections: {0}")]
    Crowded(String),
    /// The server understood and did not do it; the transaction is undone.
    #[error("{0}")]
    Failed(String),
}

impl Trouble {
    pub(super) fn late(limit: Duration) -> Self {
        Self::Lost(format!("no answer within {} ms", limit.as_millis()))
    }
}

/// SQLSTATE classes and codes (PostgreSQL manual, appendix "PostgreSQL Error Codes") after which the session, the
/// server or its role is not to be trusted: connection exceptions, operator intervention, a standby that only reads, an idle transaction that was ended, the head row held by somebody for too long; and what
/// only connecting meets: nobody let in, no such database.
const LOST: [&str; 7] = ["08", "57", "25006", "25P03", "55P03", "28", "3D000"];

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        let text = error.to_string();
        match &error {
            sqlx::Error::Database(said) => {
                let text = said.message().to_owned();
                let code = said.code().unwrap_or_default();
                match code.as_ref() {
                    lost if LOST.iter().any(|class| lost.starts_with(class)) => Self::Lost(text),
                    "53300" => Self::Crowded(text),
                    "53100" => Self::Failed("no room left on the database's disk".to_owned()),
                    _ => Self::Failed(text),
                }
            }
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::Encode(_)
            | sqlx::Error::RowNotFound => Self::Failed(text),
            _ => Self::Lost(text),
        }
    }
}

impl From<MigrateError> for Trouble {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl From<Trouble> for StoreError {
    fn from(trouble: Trouble) -> Self {
        Self(trouble.to_string())
    }
}
