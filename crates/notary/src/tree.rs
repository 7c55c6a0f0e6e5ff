//! The tree: hashes over hashes, growing at its right edge.
//!
//! For: the root of every size, and which hashes a proof consists of (RFC 6962, section 2.1).
//! May not know: records, stores. All of it is arithmetic.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::tiles::{TILE, Tile, TilePlace, edge_place};

/// A SHA-256 hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The hash of a leaf: the prefix 0x00 keeps leaves and nodes apart.
    pub fn leaf(bytes: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update([0]);
        hasher.update(bytes);
        Self(hasher.finalize().into())
    }

    /// The hash of two subtrees.
    pub fn node(left: Self, right: Self) -> Self {
        let mut bytes = [1; 65];
        bytes[1..33].copy_from_slice(&left.0);
        bytes[33..].copy_from_slice(&right.0);
        Self(Sha256::digest(bytes).into())
    }

    /// The root of the tree without leaves.
    pub fn empty() -> Self {
        Self(Sha256::digest([]).into())
    }

    /// In base64, as checkpoints and packs write it.
    pub fn to_base64(self) -> String {
        STANDARD.encode(self.0)
    }

    /// From base64; `None` for anything but 32 bytes.
    pub fn from_base64(text: &str) -> Option<Self> {
        STANDARD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// In hexadecimal.
    pub fn to_hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

/// A tree that grows leaf by leaf; holds a few hashes for each power of two of its size, never its leaves.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    size: u64,
    /// Roots of the full subtrees it consists of, largest first.
    peaks: Vec<Hash>,
    /// The unfinished tile of each level.
    edge: Vec<Vec<Hash>>,
    /// Tiles finished since they were last taken.
    done: Vec<Tile>,
}

impl Tree {
    /// A tree of this size from what was kept: the hashes of [`subtrees`]`(0, size)`, and the unfinished tiles.
    pub(crate) fn kept(size: u64, peaks: Vec<Hash>, edge: Vec<Vec<Hash>>) -> Self {
        Self {
            size,
            peaks,
            edge,
            done: Vec::new(),
        }
    }

    /// How many leaves it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: Hash) {
        self.put(0, leaf);
        let (mut hash, mut below, mut level) = (leaf, self.size, 0);
        // Each full subtree of the same size at the edge merges with what was just completed.
        while below & 1 == 1
            && let Some(left) = self.peaks.pop()
        {
            hash = Hash::node(left, hash);
            below >>= 1;
            level += 1;
            if level % 8 == 0 {
                self.put(level / 8, hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The root.
    pub fn root(&self) -> Hash {
        fold(&self.peaks)
    }

    /// The tiles that are new or have grown since they were last taken.
    pub(crate) fn take_tiles(&mut self) -> Vec<Tile> {
        let mut tiles = std::mem::take(&mut self.done);
        for (level, hashes) in (0..).zip(&self.edge) {
            if !hashes.is_empty() {
                let place = edge_place(level, self.size);
                let hashes = hashes.clone();
                tiles.push(Tile { place, hashes });
            }
        }
        tiles
    }

    /// The tiles finished since they were last taken, without the unfinished ones.
    pub(crate) fn take_done(&mut self) -> Vec<Tile> {
        std::mem::take(&mut self.done)
    }

    fn put(&mut self, level: u8, hash: Hash) {
        let at = usize::from(level);
        if self.edge.len() <= at {
            self.edge.resize_with(at + 1, || Vec::with_capacity(TILE));
        }
        let tile = &mut self.edge[at];
        tile.push(hash);
        if tile.len() == TILE {
            let hashes = std::mem::replace(tile, Vec::with_capacity(TILE));
            let index = self.size >> (8 * u32::from(level)) >> 8;
            self.done.push(Tile {
                place: TilePlace { level, index },
                hashes,
            });
        }
    }
}

/// The root over full subtrees, largest first.
pub(crate) fn fold(peaks: &[Hash]) -> Hash {
    let Some((last, rest)) = peaks.split_last() else {
        return Hash::empty();
    };
    rest.iter()
        .rev()
        .fold(*last, |right, left| Hash::node(*left, right))
}

/// A full subtree: 2^level leaves, the `index`th of that size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Subtree {
    pub(crate) level: u8,
    pub(crate) index: u64,
}

/// Leaves from `.0` to `.1`, exclusive, that stand together under one node of a tree.
pub(crate) type Span = (u64, u64);

/// The full subtrees that a span consists of, largest first. The span begins where a subtree of its size may.
pub(crate) fn subtrees((start, end): Span) -> Vec<Subtree> {
    let mut list = Vec::new();
    let mut start = start;
    while start < end {
        let level = (end - start).ilog2() as u8;
        list.push(Subtree {
            level,
            index: start >> level,
        });
        start += 1 << level;
    }
    list
}

/// Where a tree of `size` > 1 leaves parts in two: the largest power of two below it.
fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// The spans whose roots prove the leaf `index` in a tree of `size` leaves, nearest first (RFC 6962, 2.1.1).
pub(crate) fn inclusion_spans(index: u64, size: u64) -> Vec<Span> {
    let mut spans = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            spans.push((middle, end));
            end = middle;
        } else {
            spans.push((start, middle));
            start = middle;
        }
    }
    spans.reverse();
    spans
}

/// The spans whose roots prove that the tree of `old` leaves is the beginning of that of `new` (RFC 6962, 2.1.2).
/// Nothing when one of them is empty or they are the same.
pub(crate) fn consistency_spans(old: u64, new: u64) -> Vec<Span> {
    if old == 0 || old >= new {
        return Vec::new();
    }
    let mut spans = Vec::new();
    let (mut start, mut end, mut whole) = (0, new, true);
    while end != old {
        let middle = start + split(end - start);
        if old <= middle {
            spans.push((middle, end));
            end = middle;
        } else {
            spans.push((start, middle));
            start = middle;
            whole = false;
        }
    }
    if !whole {
        spans.push((start, end));
    }
    spans.reverse();
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::{verify_consistency, verify_inclusion};

    fn leaves(count: u64) -> Vec<Hash> {
        let leaf = |number: u64| Hash::leaf(&number.to_be_bytes());
        (0..count).map(leaf).collect()
    }

    /// The definition, word for word (RFC 6962, 2.1).
    fn defined(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash::empty(),
            [leaf] => *leaf,
            more => {
                let (left, right) = more.split_at(split(more.len() as u64) as usize);
                Hash::node(defined(left), defined(right))
            }
        }
    }

    fn roots(leaves: &[Hash], spans: &[Span]) -> Vec<Hash> {
        let root = |(start, end): &Span| defined(&leaves[*start as usize..*end as usize]);
        spans.iter().map(root).collect()
    }

    #[test]
    fn known_roots_come_out() {
        // The test vectors of the Certificate Transparency project: eight inputs and the root over them.
        let inputs: [&[u8]; 8] = [
            &[],
            &[0],
            &[0x10],
            &[0x20, 0x21],
            &[0x30, 0x31],
            &[0x40, 0x41, 0x42, 0x43],
            &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
            &[
                0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d,
                0x6e, 0x6f,
            ],
        ];
        let mut tree = Tree::default();
        assert!(tree.root().to_hex().starts_with("e3b0c442"));
        for input in inputs {
            tree.push(Hash::leaf(input));
        }
        assert_eq!(
            tree.root().to_hex(),
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
        );
    }

    #[test]
    fn a_grown_tree_is_the_defined_one_at_every_size() {
        let leaves = leaves(70);
        let mut tree = Tree::default();
        for size in 0..=leaves.len() {
            assert_eq!(tree.root(), defined(&leaves[..size]), "{size}");
            if let Some(leaf) = leaves.get(size) {
                tree.push(*leaf);
            }
        }
    }

    #[test]
    fn every_leaf_of_every_small_tree_is_proved_and_no_other() {
        let leaves = leaves(40);
        for size in 1..=40 {
            let root = defined(&leaves[..size as usize]);
            for index in 0..size {
                let proof = roots(&leaves, &inclusion_spans(index, size));
                let holds =
                    |leaf, index, proof: &[Hash]| verify_inclusion(leaf, index, size, proof, root);
                assert!(
                    holds(leaves[index as usize], index, &proof),
                    "{index}/{size}"
                );
                assert!(!holds(Hash::leaf(b"another"), index, &proof));
                assert!(!holds(leaves[index as usize], index + 1, &proof));
                if let Some(shorter) = proof.get(1..) {
                    assert!(!holds(leaves[index as usize], index, shorter));
                }
            }
        }
    }

    #[test]
    fn every_tree_is_proved_to_begin_every_larger_one() {
        let leaves = leaves(40);
        for new in 1..=40u64 {
            let new_root = defined(&leaves[..new as usize]);
            for old in 0..=new {
                let old_root = defined(&leaves[..old as usize]);
                let proof = roots(&leaves, &consistency_spans(old, new));
                let holds =
                    |root, proof: &[Hash]| verify_consistency((old, root), (new, new_root), proof);
                assert!(holds(old_root, &proof), "{old} of {new}");
                if old > 0 {
                    assert!(!holds(Hash::leaf(b"another"), &proof), "{old} of {new}");
                }
                let longer = [&proof[..], &[Hash::empty()]].concat();
                assert!(!holds(old_root, &longer), "{old} of {new}");
            }
        }
    }
}
