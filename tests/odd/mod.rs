//! Good examples changed in a few places, which get deeper into a decoder than any bytes do.
//!
//! For: the property tests of every crate that reads what comes from outside; each brings examples and pieces of its own.
//! May not know: any format.
#![allow(dead_code, reason = "each test takes what it needs")]

use proptest::{collection::vec, prelude::*, sample::Index, sample::select};

/// Stretches to replace: where, how long, and what takes its place.
pub(crate) type Changes = Vec<(Index, usize, Vec<u8>)>;

/// What gets a reader of JSON into trouble.
pub(crate) const JSON: [&str; 20] = [
    "",
    "\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "true",
    "-1",
    "0",
    "1e999",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "\\u0000",
    "\\ud800",
    "\u{0}",
    "铃",
];

/// Something to write into a text: mostly one of these.
pub(crate) fn piece(pieces: &[&'static str]) -> impl Strategy<Value = Vec<u8>> + use<> {
    prop_oneof![
        4 => select(pieces.to_vec()).prop_map(|it| it.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 1..4),
    ]
}

/// Some stretches to replace; a stretch may be empty, and so may what takes its place.
pub(crate) fn changes(pieces: &[&'static str]) -> impl Strategy<Value = Changes> + use<> {
    vec((any::<Index>(), 0usize..12, piece(pieces)), 0..5)
}

/// The example with the changes made.
pub(crate) fn changed(example: impl AsRef<[u8]>, changes: Changes) -> Vec<u8> {
    let mut bytes = example.as_ref().to_vec();
    for (from, long, put) in changes {
        let from = from.index(bytes.len() + 1);
        let to = bytes.len().min(from + long);
        bytes.splice(from..to, put);
    }
    bytes
}

/// So many cases, unless `PROPTEST_CASES` says otherwise. What is small already is small enough.
pub(crate) fn cases(usual: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    let told = std::env::var_os("PROPTEST_CASES").is_some();
    ProptestConfig {
        cases: if told { default.cases } else { usual },
        failure_persistence: None,
        max_shrink_iters: 200,
        ..default
    }
}
