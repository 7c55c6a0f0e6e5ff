//! Wrapped keys in their own file, and the one connection that changes them.
//!
//! For: keys that no copy of the log takes along, and destroyed ones that are overwritten in every file.
//! May not know: whose keys they are; the log's own file.

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Row};

use super::doors::Doors;
use crate::doors::{DoorAnswer, DoorRead, DoorWrite};
use crate::error::DoorError;
use crate::store::{Answer, StoreError, Write};

pub(super) struct Keys {
    connection: SqliteConnection,
    doors: Doors,
    /// A key that was destroyed or wrapped anew may still stand in the write-ahead file, which is to be emptied.
    in_wal: bool,
}

/// What a batch's changes to keys got as answers, in order.
#[derive(Default)]
pub(super) struct Kept(std::vec::IntoIter<Result<DoorAnswer, DoorError>>);

impl Kept {
    /// The next one's answer.
    pub(super) fn next(&mut self) -> Answer {
        let missing = || Err(DoorError::Unavailable("a key was passed over".to_owned()));
        Answer::Door(self.0.next().unwrap_or_else(missing))
    }
}

impl Keys {
    /// Connects to a file that was opened before.
    pub(super) async fn open(options: &SqliteConnectOptions) -> Result<Self, StoreError> {
        let connection = SqliteConnection::connect_with(options).await?;
        let mut keys = Self::over(connection);
        // What was left there by a connection that failed is not known.
        keys.in_wal = true;
        Ok(keys)
    }

    pub(super) fn over(connection: SqliteConnection) -> Self {
        Self {
            connection,
            doors: Doors::default(),
            in_wal: false,
        }
    }

    /// Whether a batch changes keys.
    pub(super) fn concerned(batch: &[Write]) -> bool {
        changes(batch).next().is_some()
    }

    /// Whether nothing is left to be overwritten.
    pub(super) fn is_tidy(&self) -> bool {
        !self.in_wal
    }

    /// Makes a batch's changes to keys durable. After an error it must be given up.
    pub(super) async fn commit(&mut self, batch: &[Write]) -> Result<Kept, StoreError> {
        let mut answers = Vec::new();
        if Self::concerned(batch) {
            self.run("BEGIN IMMEDIATE").await?;
            for change in changes(batch) {
                answers.push(self.doors.write(&mut self.connection, change).await?);
                self.in_wal |= !matches!(
                    change,
                    DoorWrite::SecretPut { .. } | DoorWrite::SecretsPut(_)
                );
            }
            self.run("COMMIT").await?;
        }
        self.empty_wal().await;
        Ok(Kept(answers.into_iter()))
    }

    /// Ends the connection in an orderly way, leaving one file with everything in it.
    pub(super) async fn close(mut self) {
        if let Err(error) = self.run("PRAGMA wal_checkpoint(TRUNCATE)").await {
            tracing::warn!(%error, "the keys' write-ahead file was left as it is; it is read at the next start");
        }
        self.give_up().await;
    }

    /// Ends the connection; an unfinished transaction is undone by that.
    pub(super) async fn give_up(self) {
        if let Err(error) = self.connection.close().await {
            tracing::warn!(%error, "the keys' connection did not close in order");
        }
    }

    /// Empties the write-ahead file after a key was destroyed; a reader in the way puts it off to the next commit.
    async fn empty_wal(&mut self) {
        if !self.in_wal {
            return;
        }
        let emptied = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .fetch_one(&mut self.connection)
            .await
            .and_then(|row| row.try_get::<i64, _>(0));
        match emptied {
            Ok(0) => self.in_wal = false,
            Ok(_) => tracing::debug!(
                "a reader keeps the keys' write-ahead file; trying again at the next commit"
            ),
            Err(error) => {
                tracing::warn!(%error, "the keys' write-ahead file could not be emptied");
            }
        }
    }

    async fn run(&mut self, sql: &'static str) -> Result<(), StoreError> {
        sqlx::query(sql).execute(&mut self.connection).await?;
        Ok(())
    }
}

fn changes(batch: &[Write]) -> impl Iterator<Item = &DoorWrite> {
    batch.iter().filter_map(|write| match write {
        Write::Door(door) if door.is_of_keys() => Some(door),
        _ => None,
    })
}

/// What is found where there are no keys.
pub(super) fn nothing(read: &DoorRead) -> DoorAnswer {
    match read {
        DoorRead::Secret(_) => DoorAnswer::Secret(None),
        _ => DoorAnswer::Names(Vec::new()),
    }
}
