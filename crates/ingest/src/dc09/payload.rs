//! What a panel's data block says.
//!
//! For: the account and the codes in one block, in the notations of Contact ID (DC-05) and DC-03, read tolerantly.
//! May not know: frames, enrolment, what is done with a code.

use super::{codes, frame, frame::run};
use domain::signal::SignalKind;

/// One code of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    /// As it came, plain letters and digits: `QA`, `1101`.
    pub(crate) code: String,
    /// What it means; `None` when it stands in no table.
    pub(crate) kind: Option<SignalKind>,
    /// Zone, user or unit, as it came.
    pub(crate) unit: String,
    /// The maker's own words, as they came.
    pub(crate) words: Vec<u8>,
    /// Something about it could not be read.
    pub(crate) odd: bool,
}

/// The account in a data block, and its payload.
pub(crate) fn split(block: &[u8]) -> (Option<&str>, &[u8]) {
    match block.iter().position(|byte| *byte == b'|') {
        Some(at) => {
            let account = block[..at].strip_prefix(b"#").unwrap_or(&block[..at]);
            (frame::account(account), &block[at + 1..])
        }
        None => match block.strip_prefix(b"#") {
            Some(account) => (frame::account(account), b""),
            None => (None, block),
        },
    }
}

/// Reads `QEEE GG ZZZ`, with blanks or by position; also the whole of DC-05 with message type and account before it.
/// `None` when there is no code.
pub(crate) fn contact_id(payload: &[u8]) -> Option<Said> {
    let (payload, words) = run(payload, |byte| *byte != b'^');
    let is_digit = |byte: &&u8| byte.is_ascii_hexdigit();
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'/' | b'\t');
    let odd = !payload
        .iter()
        .all(|byte| byte.is_ascii_hexdigit() || is_blank(byte));
    let all: Vec<u8> = payload.iter().filter(is_digit).copied().collect();
    let said = message(&all);
    let (qualifier, code) = (said.first()?, said.get(1..4)?);
    let code = std::str::from_utf8(code).ok()?.to_ascii_uppercase();
    let rest = String::from_utf8_lossy(said.get(4..).unwrap_or_default());
    let known = code.parse().ok().and_then(|number| {
        // 1: new or opened, 3: restored or closed, 6: still so.
        codes::contact_id(number, *qualifier == b'3')
    });
    Some(Said {
        kind: known,
        code: format!("{}{code}", char::from(*qualifier)),
        unit: rest.chars().take(5).collect(),
        words: words.iter().copied().filter(|it| *it != b'^').collect(),
        odd: odd || said.len() < 9 || !matches!(qualifier, b'1' | b'3' | b'6'),
    })
}

/// Drops account and message type, which some panels put before the event itself.
fn message(digits: &[u8]) -> &[u8] {
    let typed = |digits: &[u8]| matches!(digits, [b'1' | b'9', b'8', ..]);
    match digits.len() {
        11..=12 if typed(digits) => &digits[2..],
        15..=16 if typed(&digits[4..]) => &digits[6..],
        _ => digits,
    }
}

/// Reads DC-03: `N` or `O`, modifiers, codes with their unit and text, in any number. Empty when there is no code.
pub(crate) fn two_letters(payload: &[u8]) -> Vec<Said> {
    let mut all: Vec<Said> = Vec::new();
    let mut rest = age(payload);
    let mut odd = false;
    // Text before any code belongs to the first.
    let mut early = Vec::new();
    while let [first, ..] = rest {
        match rest {
            [b' ', after @ ..] if !all.is_empty() && !is_numbered_code(after) => {
                // Words without the signs around them: FRONT DOOR is no fire restoral.
                let (words, after) = run(after, |byte| !b"/^".contains(byte));
                if let Some(said) = all.last_mut() {
                    said.words.extend_from_slice(words);
                }
                rest = after;
            }
            [b'/' | b' ', after @ ..] => rest = after,
            [b'^', after @ ..] => {
                let (words, after) = run(after, |byte| *byte != b'^');
                let into = all.last_mut().map_or(&mut early, |said| &mut said.words);
                into.extend_from_slice(words);
                odd |= after.is_empty();
                rest = after.get(1..).unwrap_or_default();
            }
            // A modifier: `ti10:20`, `ri1` …
            [a, b, after @ ..] if a.is_ascii_lowercase() && b.is_ascii_lowercase() => {
                rest = run(after, |byte| byte.is_ascii_digit() || b":-".contains(byte)).1;
            }
            [a, b, after @ ..] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => {
                let (unit, after) = unit(after);
                all.push(Said {
                    code: [*a, *b].map(char::from).iter().collect(),
                    kind: codes::two_letters([*a, *b]),
                    unit: String::from_utf8_lossy(unit).into_owned(),
                    words: std::mem::take(&mut early),
                    odd: false,
                });
                rest = after;
            }
            _ => {
                odd |= !first.is_ascii_alphanumeric();
                rest = &rest[1..];
            }
        }
    }
    if let Some(first) = all.first_mut() {
        first.odd |= odd;
    }
    all
}

/// Drops the letter that says new or old. Without it, `NA001` is no activity and `OP` an opening.
fn age(payload: &[u8]) -> &[u8] {
    match payload {
        [b'N' | b'O', a, b, ..] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => {
            &payload[1..]
        }
        [b'N' | b'O', next, ..] if !next.is_ascii_alphanumeric() || next.is_ascii_lowercase() => {
            &payload[1..]
        }
        _ => payload,
    }
}

/// Two letters and a digit.
fn is_numbered_code(bytes: &[u8]) -> bool {
    matches!(bytes, [a, b, c, ..] if a.is_ascii_uppercase() && b.is_ascii_uppercase() && c.is_ascii_digit())
}

/// The unit after a code: digits, and letters that begin no code we know.
fn unit(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mut end = 0;
    while let Some(byte) = bytes.get(end) {
        let next_code = match (byte, bytes.get(end + 1)) {
            (a, Some(b)) => codes::two_letters([*a, *b]).is_some(),
            _ => false,
        };
        if !byte.is_ascii_alphanumeric() || next_code {
            break;
        }
        end += 1;
    }
    bytes.split_at(end)
}

#[cfg(test)]
#[path = "payload_tests.rs"]
mod tests;
