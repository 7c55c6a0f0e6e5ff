//! A record as bytes, and the hash of them.
//!
//! For: one form of a record that every version of us, and any other program, builds alike; `docs/proof.md` describes it.
//! May not know: stores, trees.

use eventlog::Recorded;

use crate::tree::Hash;

/// What every record's bytes begin with; a changed form gets another number.
const TAG: &[u8; 16] = b"anling record 1\n";

/// The canonical bytes of a record. Numbers are big-endian; texts and bytes have their length, four bytes, before them,
/// so that no two records give the same bytes.
pub fn canonical(record: &Recorded, bytes: &mut Vec<u8>) {
    bytes.clear();
    bytes.extend_from_slice(TAG);
    bytes.extend_from_slice(&record.position.0.to_be_bytes());
    put(bytes, record.stream.as_str().as_bytes());
    bytes.extend_from_slice(&record.revision.0.to_be_bytes());
    bytes.extend_from_slice(record.id.0.as_bytes());
    put(bytes, record.kind.as_bytes());
    bytes.extend_from_slice(&record.recorded_at.to_be_bytes());
    put(bytes, &record.body);
    put(bytes, &record.meta);
}

/// The record's leaf in the tree; `bytes` is scratch space.
pub fn leaf_hash(record: &Recorded, bytes: &mut Vec<u8>) -> Hash {
    canonical(record, bytes);
    Hash::leaf(bytes)
}

fn put(bytes: &mut Vec<u8>, part: &[u8]) {
    // No part is longer than the log's largest event, so the length always fits.
    let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(part);
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use eventlog::{EventId, Position, Revision, StreamName};

    /// The record of the worked example in `docs/proof.md`.
    fn example() -> Recorded {
        Recorded {
            position: Position(7),
            stream: StreamName::new("incident-1").unwrap(),
            revision: Revision(2),
            id: EventId(uuid::Uuid::from_u128(
                0x0011_2233_4455_6677_8899_aabb_ccdd_eeff,
            )),
            kind: "Accepted".into(),
            recorded_at: 1_700_000_000_000_000,
            body: Bytes::from_static(b"{\"by\":\"wang\"}"),
            meta: Bytes::from_static(b"{}"),
        }
    }

    #[test]
    fn the_worked_example_of_the_documentation_is_right() {
        let text = include_str!("../../../docs/proof.md");
        let mut bytes = Vec::new();
        let leaf = leaf_hash(&example(), &mut bytes);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let words: String = text.split_whitespace().collect();
        assert!(words.contains(&hex), "canonical bytes: {hex}");
        assert!(
            text.contains(&leaf.to_hex()),
            "leaf hash: {}",
            leaf.to_hex()
        );
    }

    #[test]
    fn where_one_part_ends_and_the_next_begins_makes_a_difference() {
        let mut bytes = Vec::new();
        let mut moved = example();
        moved.body = Bytes::from_static(b"{\"by\":\"wang\"}{");
        moved.meta = Bytes::from_static(b"}");
        assert_ne!(
            leaf_hash(&example(), &mut bytes),
            leaf_hash(&moved, &mut bytes)
        );
    }
}
