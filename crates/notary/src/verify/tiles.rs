//! Tiles under verification: the kept hashes, leaf by leaf and level by level.
//!
//! For: reading them along with the records, and placing one that was changed.
//! May not know: records, checkpoints.

use std::collections::VecDeque;

use super::{Run, VerifyError};
use crate::store::LedgerError;
use crate::tiles::{TILE, Tile, TilePlace, covers, edge_length, edge_place, levels};
use crate::tree::Hash;

/// Tiles of leaves read at a time.
const TILE_PAGE: usize = 64;

/// Kept leaves, read ahead.
#[derive(Default)]
pub(super) struct Leaves {
    tiles: VecDeque<Tile>,
    next: u64,
    ended: bool,
}

impl Run<'_> {
    pub(super) async fn kept_leaf(&mut self, position: u64) -> Result<Option<Hash>, VerifyError> {
        let Some(ledger) = self.what.ledger else {
            return Ok(None);
        };
        let (index, at) = ((position - 1) / TILE as u64, (position - 1) as usize % TILE);
        while self
            .leaves
            .tiles
            .front()
            .is_some_and(|tile| tile.place.index < index)
        {
            self.leaves.tiles.pop_front();
        }
        if self.leaves.tiles.is_empty() && !self.leaves.ended {
            let from = TilePlace {
                level: 0,
                index: self.leaves.next.max(index),
            };
            match ledger.tiles(from, TILE_PAGE).await {
                Ok(tiles) => {
                    self.leaves.ended = tiles.is_empty();
                    self.leaves.next = tiles.last().map_or(0, |tile| tile.place.index + 1);
                    self.leaves.tiles = tiles.into();
                }
                Err(LedgerError::Damaged(why)) => {
                    self.add(Some(position), format!("the tree's kept hashes: {why}"));
                    self.leaves.ended = true;
                }
                Err(error) => return Err(error.into()),
            }
        }
        let tile = self.leaves.tiles.front();
        let tile = tile.filter(|tile| tile.place.index == index);
        Ok(tile.and_then(|tile| tile.hashes.get(at).copied()))
    }

    /// The tiles above the leaves, as soon as each is complete.
    pub(super) async fn look_at_tiles(&mut self) -> Result<(), VerifyError> {
        for tile in self.kept.take_done() {
            if tile.place.level > 0 {
                self.look_at_tile(tile.place, &tile.hashes, false).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn look_at_tile(
        &mut self,
        place: TilePlace,
        hashes: &[Hash],
        exactly: bool,
    ) -> Result<(), VerifyError> {
        let Some(ledger) = self.what.ledger else {
            return Ok(());
        };
        let stored = match ledger.tile(place).await {
            Ok(stored) => stored,
            Err(LedgerError::Damaged(_)) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let same = hashes
            .iter()
            .zip(&stored)
            .take_while(|(a, b)| a == b)
            .count();
        let whole = same == hashes.len() && (!exactly || stored.len() == hashes.len());
        // Where the leaves below are in doubt, they have been told of already.
        if !whole && self.doubts.is_empty() && !self.broken {
            let (first, last) = covers(place, same.min(TILE - 1));
            let TilePlace { level, index } = place;
            self.add(
                Some(first + 1),
                format!(
                    "the tree's kept hash over positions {} to {} was changed or is missing (level {level}, tile {index})",
                    first + 1,
                    last + 1
                ),
            );
        }
        Ok(())
    }

    /// The unfinished tiles. The notary may have gone on since: then more may stand in them than we counted.
    pub(super) async fn edges(&mut self) -> Result<(), VerifyError> {
        let size = self.state.size;
        let Some(ledger) = self.what.ledger else {
            return Ok(());
        };
        if self.broken || self.report.cut || self.kept.size() != size {
            return Ok(());
        }
        let tiles = self.kept.take_tiles();
        let quiet = ledger.end().await.ok().flatten();
        let quiet = quiet.is_some_and(|(state, _)| state == self.state);
        for tile in tiles {
            self.look_at_tile(tile.place, &tile.hashes, quiet).await?;
        }
        // A tile where there should be none yet: a row that was moved here.
        for level in levels(size) {
            let place = edge_place(level, size);
            if quiet && edge_length(level, size) == 0 && !ledger.tile(place).await?.is_empty() {
                self.add(
                    None,
                    format!("the tree has a tile too many on level {level}"),
                );
            }
        }
        Ok(())
    }
}
