//! Tiles: the tree's hashes, 256 to a row.
//!
//! For: keeping every hash that a proof may need in 33 bytes a record, and finding it again (after C2SP tlog-tiles).
//! May not know: which store keeps the rows.

use crate::tree::{Hash, Subtree, fold, subtrees};

/// Hashes in a full tile.
pub(crate) const TILE: usize = 256;

/// Bytes of a hash.
const HASH: usize = 32;

/// Where a tile stands: on level 0 are the leaves; a hash on level n stands for 256 on the level below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TilePlace {
    pub(crate) level: u8,
    pub(crate) index: u64,
}

/// Up to [`TILE`] hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tile {
    pub(crate) place: TilePlace,
    pub(crate) hashes: Vec<Hash>,
}

/// The tile at the right edge of a tree of `size` leaves.
pub(crate) fn edge_place(level: u8, size: u64) -> TilePlace {
    let index = size >> (8 * u32::from(level)) >> 8;
    TilePlace { level, index }
}

/// How many hashes that tile has.
pub(crate) fn edge_length(level: u8, size: u64) -> usize {
    (size >> (8 * u32::from(level))) as usize % TILE
}

/// The levels that a tree of `size` leaves has hashes on.
pub(crate) fn levels(size: u64) -> impl Iterator<Item = u8> {
    (0..8).take_while(move |level| size >> (8 * u32::from(*level)) > 0)
}

/// The tile that the root of a subtree is made of.
pub(crate) fn tile_of(subtree: Subtree) -> TilePlace {
    let first = subtree.index << (subtree.level % 8);
    TilePlace {
        level: subtree.level / 8,
        index: first >> 8,
    }
}

/// The root of a subtree from its tile; `None` when the tile is too short.
pub(crate) fn root_in(tile: &[Hash], subtree: Subtree) -> Option<Hash> {
    let height = subtree.level % 8;
    let first = (subtree.index << height) as usize % TILE;
    let hashes = tile.get(first..first + (1 << height))?;
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        row = row.chunks(2).map(fold).collect();
    }
    row.first().copied()
}

/// The first and the last leaf, inclusive, that a hash of a tile stands for.
pub(crate) fn covers(place: TilePlace, at: usize) -> (u64, u64) {
    let shift = 8 * u32::from(place.level);
    let first = ((place.index << 8) + at as u64) << shift;
    (first, first + (1 << shift) - 1)
}

/// A row's bytes.
pub(crate) fn to_bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// A row's hashes; `None` when they are not a whole number of hashes, or more than a tile's.
pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<HASH>();
    let fits = rest.is_empty() && hashes.len() <= TILE;
    fits.then(|| hashes.iter().copied().map(Hash).collect())
}

/// The subtrees that a tree of this size consists of.
pub(crate) fn peaks(size: u64) -> Vec<Subtree> {
    subtrees((0, size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Tree;
    use std::collections::HashMap;

    #[test]
    fn a_tree_goes_on_from_its_tiles_as_if_it_had_never_stopped() {
        let mut shelf: HashMap<(u8, u64), Vec<Hash>> = HashMap::new();
        let mut tree = Tree::default();
        for number in 0..70_000_u64 {
            tree.push(Hash::leaf(&number.to_be_bytes()));
            if number % 997 != 0 {
                continue;
            }
            for tile in tree.take_tiles() {
                shelf.insert((tile.place.level, tile.place.index), tile.hashes);
            }
            let size = tree.size();
            let root = |subtree| {
                let place = tile_of(subtree);
                root_in(&shelf[&(place.level, place.index)], subtree).unwrap()
            };
            let kept = peaks(size).into_iter().map(root).collect();
            let edge = levels(size).map(|level| {
                let place = edge_place(level, size);
                let tile = shelf.get(&(place.level, place.index));
                tile.map_or_else(Vec::new, |tile| tile[..edge_length(level, size)].to_vec())
            });
            let again = Tree::kept(size, kept, edge.collect());
            assert_eq!(again.root(), tree.root());
            tree = again;
        }
        assert_eq!(shelf[&(1, 0)].len(), TILE);
        assert_eq!(shelf[&(2, 0)].len(), 1);
    }

    #[test]
    fn bytes_that_are_no_hashes_are_refused() {
        assert!(from_bytes(&[0; 33]).is_none());
        assert!(from_bytes(&[0; 257 * 32]).is_none());
        assert_eq!(from_bytes(&[0; 64]).map(|hashes| hashes.len()), Some(2));
    }
}
