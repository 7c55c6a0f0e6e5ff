//! Proofs out of the kept tree.
//!
//! For: that a record is under a checkpoint, and that one checkpoint's tree is the beginning of another's.
//! May not know: records; how proofs are checked.

use std::collections::HashMap;

use crate::store::{Ledger, LedgerError};
use crate::tiles::{TilePlace, peaks, root_in, tile_of};
use crate::tree::{Hash, Span, Subtree, consistency_spans, fold, inclusion_spans, subtrees};

/// Tiles remembered while one pack is made. Ours: the records of one incident lie near each other.
const TILES: usize = 256;

/// Why there is no proof.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProveError {
    /// The notary's tables could not be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Hashes that should be there are not.
    #[error("hashes of the tree are missing; run `anling log verify`")]
    Missing,
}

/// Makes proofs.
#[derive(Debug)]
pub struct Prover<'a> {
    ledger: &'a Ledger,
    tiles: HashMap<TilePlace, Vec<Hash>>,
}

impl<'a> Prover<'a> {
    /// Proofs out of these tables.
    pub fn new(ledger: &'a Ledger) -> Self {
        let tiles = HashMap::new();
        Self { ledger, tiles }
    }

    /// Proves the record at `position` in the tree of `size` records.
    pub async fn inclusion(&mut self, position: u64, size: u64) -> Result<Vec<Hash>, ProveError> {
        let index = position.checked_sub(1).filter(|index| *index < size);
        let index = index.ok_or(ProveError::Missing)?;
        self.spans(inclusion_spans(index, size)).await
    }

    /// Proves that the tree of `old` records is the beginning of that of `new`.
    pub async fn consistency(&mut self, old: u64, new: u64) -> Result<Vec<Hash>, ProveError> {
        self.spans(consistency_spans(old, new)).await
    }

    /// The roots of the full subtrees that a tree of this size consists of.
    pub(crate) async fn peaks(&mut self, size: u64) -> Result<Vec<Hash>, ProveError> {
        let mut hashes = Vec::new();
        for subtree in peaks(size) {
            hashes.push(self.subtree(subtree).await?);
        }
        Ok(hashes)
    }

    async fn spans(&mut self, spans: Vec<Span>) -> Result<Vec<Hash>, ProveError> {
        let mut hashes = Vec::with_capacity(spans.len());
        for span in spans {
            let mut parts = Vec::new();
            for subtree in subtrees(span) {
                parts.push(self.subtree(subtree).await?);
            }
            hashes.push(fold(&parts));
        }
        Ok(hashes)
    }

    async fn subtree(&mut self, subtree: Subtree) -> Result<Hash, ProveError> {
        let place = tile_of(subtree);
        if !self.tiles.contains_key(&place) {
            if self.tiles.len() >= TILES {
                self.tiles.clear();
            }
            let hashes = self.ledger.tile(place).await?;
            self.tiles.insert(place, hashes);
        }
        let tile = self.tiles.get(&place).ok_or(ProveError::Missing)?;
        root_in(tile, subtree).ok_or(ProveError::Missing)
    }
}
