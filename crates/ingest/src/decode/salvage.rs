//! What can still be found in bytes that are not JSON.
//!
//! For: a message that was cut off, sent with single quotes or as a form: its device, press and kind are usually there.
//! May not know: what the fields mean.

use serde_json::{Map, Value};

/// The fields worth looking for. Position, battery and text are left to the raw bytes.
const WANTED: [&str; 4] = ["device", "press", "kind", "at"];

/// Longest value taken, in characters: more than any of these fields may have.
const VALUE_LIMIT: usize = 256;

/// Finds `name`, then `:` or `=`, then a value in quotes or up to the next separator.
pub(super) fn fields(text: &str) -> Map<String, Value> {
    let found = WANTED.iter().filter_map(|name| {
        let value = after_name(text, name).and_then(value)?;
        Some(((*name).to_owned(), Value::String(value)))
    });
    found.collect()
}

/// The text after the first place where the name stands alone and something is assigned to it.
fn after_name<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.match_indices(name).find_map(|(at, _)| {
        let before = text.get(..at)?.chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            return None;
        }
        let rest = text.get(at + name.len()..)?;
        let rest = rest.trim_start_matches(['"', '\'']).trim_start();
        rest.strip_prefix([':', '=']).map(str::trim_start)
    })
}

/// A value that ends where its quotes end, or at a separator. One that the end of the text cuts off is not taken: half
/// a name is another name.
fn value(rest: &str) -> Option<String> {
    let quote = rest.chars().next()?;
    let (rest, ends): (&str, &[char]) = match quote {
        '"' => (&rest[1..], &['"']),
        '\'' => (&rest[1..], &['\'']),
        _ => (rest, &[',', ';', '&', '}', ']', '\n', '\r', ' ', '\t']),
    };
    let end = rest.find(ends);
    let taken = match end {
        Some(end) => &rest[..end],
        None if matches!(quote, '"' | '\'') => return None,
        None => rest,
    };
    let odd =
        taken.is_empty() || taken.contains(['\\', '"']) || taken.chars().count() > VALUE_LIMIT;
    (!odd).then(|| taken.to_owned())
}
