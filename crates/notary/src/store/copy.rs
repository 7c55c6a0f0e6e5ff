//! The notary's tables brought into another place.
//!
//! For: backups and restoring, beside a notary that goes on.
//! May not know: records.

use super::{Ledger, LedgerError, Link, StoredCheckpoint, answered, to_sql};
use crate::tiles::{Tile, edge_length, edge_place, levels, to_bytes};

/// Tiles copied at a time.
const COPIED_TILES: usize = 256;

/// Checkpoints copied at a time.
const COPIED_CHECKPOINTS: usize = 1_000;

impl Ledger {
    /// Brings these tables to where another notary's stand at this moment, for a backup or a restore. Those that are
    /// here already are those of an earlier moment of the same, or nothing. Gives back the size of the tree.
    pub async fn follow(&self, from: &Self) -> Result<u64, LedgerError> {
        let Some((state, Some(last))) = from.end().await? else {
            return Ok(0);
        };
        self.begin(&state.verifier).await?;
        let (mut here, _) = self.end().await?.ok_or(LedgerError::Overtaken)?;
        if here.verifier != state.verifier || here.size > state.size {
            return Err(LedgerError::Damaged("they are another log's"));
        }
        for level in levels(state.size) {
            let edge = edge_place(level, state.size);
            let mut place = edge_place(level, here.size);
            loop {
                let mut tiles = from.tiles(place, COPIED_TILES).await?;
                tiles.retain(|tile| tile.place.index <= edge.index);
                let Some(end) = tiles.last().map(|tile| tile.place.index) else {
                    break;
                };
                // What came later stands in a row of its own or at the end of the unfinished one.
                for tile in tiles.iter_mut().filter(|tile| tile.place == edge) {
                    tile.hashes.truncate(edge_length(level, state.size));
                }
                tiles.retain(|tile| !tile.hashes.is_empty());
                self.keep(&tiles, &[]).await?;
                place.index = end + 1;
            }
        }
        let mut after = here.checkpoints.saturating_sub(1);
        while after < state.checkpoints {
            let mut page = from.checkpoints(after, COPIED_CHECKPOINTS).await?;
            page.retain(|stored| stored.number < state.checkpoints);
            let Some(end) = page.last().map(|stored| stored.number) else {
                break;
            };
            self.keep(&[], &page).await?;
            after = end;
        }
        // Last, so that what was broken off is begun again.
        here = self.end().await?.ok_or(LedgerError::Overtaken)?.0;
        self.commit(&here, &[], &last).await?;
        Ok(state.size)
    }

    async fn keep(
        &self,
        tiles: &[Tile],
        checkpoints: &[StoredCheckpoint],
    ) -> Result<(), LedgerError> {
        let mut link = self.link.lock().await;
        let mut sql = self.connected(link.take()).await?;
        over!(&mut sql, sql => answered(async {
            sqlx::query("BEGIN").execute(&mut *sql).await?;
            for tile in tiles {
                put_tile!(sql, tile);
            }
            for checkpoint in checkpoints {
                put_checkpoint!(sql, checkpoint);
            }
            sqlx::query("COMMIT").execute(&mut *sql).await?;
            Ok(())
        })
        .await?);
        *link = Some(sql);
        Ok(())
    }
}
