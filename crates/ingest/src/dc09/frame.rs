//! The parts of a frame.
//!
//! For: token, sequence, receiver, line, account, blocks and time of one body (ANSI/SIA DC-09, "message format").
//! May not know: checksums, what a payload means, who is enrolled.

use crate::limits::PANEL_HEADER;
use domain::Timestamp;
use jiff::{civil::DateTime, tz::Offset};

/// Longest account as the standard and the panels in the field write it.
const ACCOUNT_LIMIT: usize = 16;

/// Which payload a frame says it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    /// `SIA-DCS`: DC-03 codes of two letters.
    Sia,
    /// `ADM-CID`: Contact ID (DC-05).
    ContactId,
    /// `NULL`: a poll.
    Poll,
    /// An answer (`ACK`, `NAK` …), which nobody should send us.
    Answer,
    /// Another.
    Unknown,
}

/// A frame, borrowed from its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) token: Token,
    /// The token's letters, as they came, without quotation marks and star.
    pub(crate) word: &'a [u8],
    pub(crate) encrypted: bool,
    /// Sequence, receiver, line and account exactly as they came: what an answer repeats.
    pub(crate) header: &'a [u8],
    /// 1–9999; 0 says that it has none, `None` that it could not be read.
    pub(crate) sequence: Option<u16>,
    /// The digits after `L`; the account's prefix. Empty when there are none.
    pub(crate) line: &'a [u8],
    pub(crate) account: Option<&'a str>,
    /// What stands between brackets, one after the other. The one block of an encrypted frame goes on to its end.
    pub(crate) blocks: Vec<&'a [u8]>,
    /// What follows the last block.
    pub(crate) tail: &'a [u8],
    /// Something stood where it does not belong, or was missing.
    pub(crate) odd: bool,
}

/// Reads a body; `None` when it has no token, or a header longer than [`PANEL_HEADER`]. A body that stops in the middle
/// gives its parts as far as they end; of one that is `whole`, by its checksum, nothing was cut off.
pub(crate) fn read(body: &[u8], whole: bool) -> Option<Frame<'_>> {
    let quoted = body.strip_prefix(b"\"")?;
    let end = quoted.iter().position(|byte| *byte == b'"')?;
    let (word, rest) = (&quoted[..end], &quoted[end + 1..]);
    let (word, encrypted) = match word.strip_prefix(b"*") {
        Some(word) => (word, true),
        None => (word, false),
    };
    let begin = rest.iter().position(|byte| *byte == b'[');
    let header = &rest[..begin.unwrap_or(rest.len())];
    if header.len() > PANEL_HEADER {
        return None;
    }
    let data = begin.map(|at| &rest[at..]);
    let mut frame = Frame {
        token: token(word),
        word,
        encrypted,
        header,
        sequence: None,
        line: b"",
        account: None,
        blocks: Vec::new(),
        tail: b"",
        odd: data.is_none(),
    };
    frame.read_header(whole || data.is_some());
    match data {
        Some(data) if encrypted => frame.blocks.push(&data[1..]),
        Some(data) => frame.read_blocks(data),
        None => {}
    }
    Some(frame)
}

fn token(word: &[u8]) -> Token {
    match word.to_ascii_uppercase().as_slice() {
        b"SIA-DCS" => Token::Sia,
        b"ADM-CID" => Token::ContactId,
        b"NULL" => Token::Poll,
        b"ACK" | b"NAK" | b"DUH" | b"RSP" | b"NSU" => Token::Answer,
        _ => Token::Unknown,
    }
}

impl<'a> Frame<'a> {
    /// `whole`: the account is not cut off.
    fn read_header(&mut self, whole: bool) {
        let (sequence, rest) = run(self.header, u8::is_ascii_digit);
        self.sequence = std::str::from_utf8(sequence)
            .ok()
            .and_then(|digits| digits.parse().ok())
            .filter(|_| sequence.len() <= 4);
        let (_, rest) = field(rest, b"Rr");
        let (line, rest) = field(rest, b"Ll");
        self.line = line;
        let Some(account) = rest.strip_prefix(b"#") else {
            self.odd |= !rest.is_empty();
            return;
        };
        let (digits, rest) = run(account, u8::is_ascii_alphanumeric);
        self.odd |= !rest.is_empty() || digits.len() > ACCOUNT_LIMIT;
        if whole && rest.is_empty() {
            self.account = self::account(digits);
        }
    }

    fn read_blocks(&mut self, mut rest: &'a [u8]) {
        while let Some(block) = rest.strip_prefix(b"[") {
            let Some(end) = block.iter().position(|byte| *byte == b']') else {
                self.blocks.push(block);
                self.odd = true;
                return;
            };
            self.blocks.push(&block[..end]);
            rest = &block[end + 1..];
        }
        self.tail = rest;
    }

    /// The panel's own time, UTC: when it happened (`H`), else when it was sent. `Err` when what stands there is no time.
    pub(crate) fn time(&self) -> Result<Option<Timestamp>, ()> {
        let happened = self.block(b'H');
        let happened = happened.map(|text| text.strip_prefix(b"_").unwrap_or(text));
        if let Some(at) = happened.and_then(time) {
            return Ok(Some(at));
        }
        match self.tail {
            b"" => Ok(None),
            [b'_', text @ ..] => time(text).map(Some).ok_or(()),
            _ => Err(()),
        }
    }

    /// The content of the first extended block of this letter.
    pub(crate) fn block(&self, letter: u8) -> Option<&'a [u8]> {
        let mut blocks = self.blocks.iter().skip(1);
        blocks.find_map(|block| block.strip_prefix(&[letter]))
    }
}

/// An account, if it is one.
pub(crate) fn account(digits: &[u8]) -> Option<&str> {
    let fits = (1..=ACCOUNT_LIMIT).contains(&digits.len());
    let plain = digits.iter().all(u8::is_ascii_alphanumeric);
    std::str::from_utf8(digits).ok().filter(|_| fits && plain)
}

/// The longest beginning of such bytes, and the rest.
pub(crate) fn run(bytes: &[u8], of: impl Fn(&u8) -> bool) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| !of(byte));
    bytes.split_at(end.unwrap_or(bytes.len()))
}

/// The hexadecimal digits after a letter, when it is there.
fn field<'a>(bytes: &'a [u8], letters: &[u8; 2]) -> (&'a [u8], &'a [u8]) {
    match bytes {
        [letter, rest @ ..] if letters.contains(letter) => run(rest, u8::is_ascii_hexdigit),
        _ => (b"", bytes),
    }
}

/// `HH:MM:SS,MM-DD-YYYY`, UTC.
fn time(text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let shaped = |(at, is): (usize, char)| match at {
        2 | 5 => is == ':',
        8 => is == ',',
        11 | 14 => is == '-',
        _ => is.is_ascii_digit(),
    };
    if text.len() != 19 || !text.char_indices().all(shaped) {
        return None;
    }
    let number = |from: usize, to: usize| text[from..to].parse::<i16>().ok();
    let small = |from: usize| number(from, from + 2).and_then(|it| i8::try_from(it).ok());
    let (month, day, year) = (small(9)?, small(12)?, number(15, 19)?);
    let civil = DateTime::new(year, month, day, small(0)?, small(3)?, small(6)?, 0).ok()?;
    let at = Offset::UTC.to_timestamp(civil).ok()?;
    Some(Timestamp(at.as_millisecond()))
}

/// The time as panels read it, for the answer that tells it.
pub(crate) fn time_text(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
    at.strftime("_%H:%M:%S,%m-%d-%Y").to_string()
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
