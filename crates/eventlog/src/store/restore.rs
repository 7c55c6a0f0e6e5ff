//! Records of another log, put where they stood there.
//!
//! For: what both stores check before they take a restored batch.
//! May not know: SQL.

use std::collections::HashMap;
use std::sync::Arc;

use super::{StoreError, Write};
use crate::event::{Expected, Recorded, StreamAppend};
use crate::name::{Position, Revision, StreamName};

/// A batch that only names the streams of these records, for looking them up.
pub(super) fn streams_of(records: &[Arc<Recorded>]) -> Vec<Write> {
    let names: std::collections::HashSet<&StreamName> =
        records.iter().map(|record| &record.stream).collect();
    let guard = |stream: &StreamName| StreamAppend {
        stream: stream.clone(),
        expected: Expected::Any,
        events: Vec::new(),
    };
    vec![Write::Append(names.into_iter().map(guard).collect())]
}

/// Whether the records go on where the log and each of its streams end.
pub(super) fn check_follows(
    records: &[Arc<Recorded>],
    head: Position,
    mut revision: impl FnMut(&StreamName) -> Option<Revision>,
) -> Result<(), StoreError> {
    let mut ends: HashMap<&StreamName, Option<Revision>> = HashMap::new();
    let mut last = head;
    for record in records {
        let end = ends
            .entry(&record.stream)
            .or_insert_with(|| revision(&record.stream));
        let next = end.map_or(0, |end| end.0 + 1);
        if record.position.0 != last.0 + 1 || record.revision.0 != next {
            return Err(StoreError(format!(
                "the record at position {}, revision {} of {}, does not go on where the log ends (position {last}, revision {next} of its stream is next)",
                record.position, record.revision, record.stream
            )));
        }
        last = record.position;
        *end = Some(record.revision);
    }
    Ok(())
}
