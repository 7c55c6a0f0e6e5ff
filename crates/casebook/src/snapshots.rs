//! Saved folds: a quicker start, never a truth.
//!
//! For: followers that would otherwise fold the whole log again.
//! May not know: what is folded. A missing, foreign or damaged snapshot means a full fold.

use crate::book::Casebook;
use eventlog::{DoorError, Position, Snapshot};
use serde::{Serialize, de::DeserializeOwned};

/// Why a fold was not saved; going without one is always right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// It does not become JSON: our bug.
    #[error("the fold does not encode: {0}")]
    Unencodable(String),
    /// The log did not take it.
    #[error(transparent)]
    Door(#[from] DoorError),
}

impl Casebook {
    /// Saves a fold of everything up to `position`. `code_version` counts the shapes of this fold: raise it whenever
    /// the same events would fold to something else.
    pub async fn save_snapshot<T: Serialize>(
        &self,
        name: &str,
        position: Position,
        code_version: u32,
        fold: &T,
    ) -> Result<(), SnapshotError> {
        let bytes = serde_json::to_vec(fold);
        let bytes = bytes.map_err(|error| SnapshotError::Unencodable(error.to_string()))?;
        let snapshot = Snapshot {
            position,
            code_version,
            bytes,
        };
        Ok(self.log.snapshots().put(name, snapshot).await?)
    }

    /// The saved fold and the position to go on after; `None` when there is none that this code can use.
    pub async fn load_snapshot<T: DeserializeOwned>(
        &self,
        name: &str,
        code_version: u32,
    ) -> Option<(Position, T)> {
        let found = self.log.snapshots().get(name).await;
        let snapshot = found
            .inspect_err(
                |error| tracing::warn!(name, %error, "no snapshot; folding from the start"),
            )
            .ok()??;
        // A position the log has not reached belongs to another log, or to one restored from an older backup.
        if snapshot.code_version != code_version || snapshot.position > self.log.head() {
            return None;
        }
        let fold = serde_json::from_slice(&snapshot.bytes)
            .inspect_err(
                |error| tracing::warn!(name, %error, "a damaged snapshot; folding from the start"),
            )
            .ok()?;
        Some((snapshot.position, fold))
    }
}
