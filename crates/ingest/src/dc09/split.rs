//! A panel's stream of bytes becomes frames, whole or broken.
//!
//! For: finding frames among half frames and junk, whatever the pieces the network delivers, and judging their checksum.
//! May not know: what stands between the quotation mark and the end of a frame, sockets, time.
//!
//! Every decision depends only on the bytes before it, never on how they were cut into packets.

use super::crc::crc;
use crate::limits::PANEL_FRAME_LIMIT;

/// How a frame wrote its checksum; the answer writes it likewise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Style {
    /// Four hexadecimal digits, as the standard says.
    #[default]
    Digits,
    /// Two bytes, the high one first.
    HighFirst,
    /// Two bytes, the low one first.
    LowFirst,
}

/// Why a frame is not whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The checksum does not fit.
    Checksum,
    /// It stops in the middle.
    Cut,
    /// It goes on beyond [`PANEL_FRAME_LIMIT`].
    TooLong,
}

/// Something that began like a frame. `body` goes from the first quotation mark to before the carriage return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Its checksum is good.
    Whole {
        /// What it says.
        body: Vec<u8>,
        /// How it wrote its checksum.
        style: Style,
        /// Its length counts otherwise than the standard.
        odd_length: bool,
    },
    /// It is not to be answered.
    Broken {
        /// What it says, as far as it came.
        body: Vec<u8>,
        /// Why.
        why: Broken,
    },
}

/// Takes bytes and gives frames. Holds at most what was pushed and not taken yet, and one frame's beginning.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    held: Vec<u8>,
    /// Bytes of the body at hand that were looked at before.
    looked: usize,
    junk: usize,
}

const LF: u8 = b'\n';
const CR: u8 = b'\r';

/// What panels put between frames.
fn is_filler(byte: u8) -> bool {
    matches!(byte, 0 | CR | b' ' | b'\t')
}

/// What stands before the first quotation mark.
struct Head {
    style: Style,
    /// As it came: digits, or two bytes; `None` when it is neither.
    checksum: Option<[u8; 2]>,
    length: usize,
    /// Where the first quotation mark stands, after the line feed.
    body_at: usize,
}

enum Shape {
    Head(Head),
    Wait,
    Junk,
}

impl Splitter {
    /// Takes what came.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// The next frame, if its end has come. Call until `None` before pushing again.
    pub(crate) fn next(&mut self) -> Option<Piece> {
        loop {
            self.skip_to_frame();
            let head = match shape(self.held.get(1..)?) {
                Shape::Head(head) => head,
                Shape::Wait => return None,
                Shape::Junk => {
                    self.drop(1, true);
                    continue;
                }
            };
            return self.body(&head);
        }
    }

    /// Nothing more comes: what is left of a frame that had begun.
    pub(crate) fn end(&mut self) -> Option<Piece> {
        self.skip_to_frame();
        let Shape::Head(head) = shape(self.held.get(1..)?) else {
            self.drop(self.held.len(), true);
            return None;
        };
        let body = self.held.split_off((1 + head.body_at).min(self.held.len()));
        self.drop(self.held.len(), false);
        Some(self.judged(&head, body, Broken::Cut))
    }

    /// A frame has begun and not ended.
    pub(crate) fn is_waiting(&self) -> bool {
        self.held
            .iter()
            .any(|byte| *byte != LF && !is_filler(*byte))
    }

    /// Bytes that were no good frame, since the last good one.
    pub(crate) fn junk(&self) -> usize {
        self.junk
    }

    /// Drops what cannot be a frame's beginning.
    fn skip_to_frame(&mut self) {
        let at = self.held.iter().position(|byte| *byte == LF);
        let skipped = at.unwrap_or(self.held.len());
        let skipped_bytes = self.held.iter().take(skipped);
        self.junk += skipped_bytes.filter(|byte| !is_filler(**byte)).count();
        self.drop(skipped, false);
    }

    fn drop(&mut self, bytes: usize, junk: bool) {
        if bytes == 0 {
            return;
        }
        self.held.drain(..bytes);
        self.looked = 0;
        // A line feed alone is filler too.
        self.junk += if junk { bytes - 1 } else { 0 };
    }

    fn body(&mut self, head: &Head) -> Option<Piece> {
        let at = 1 + head.body_at;
        loop {
            let body = self.held.get(at..).unwrap_or_default();
            if self.looked > 0
                && self.looked == head.length
                && head.checksum_fits(&body[..self.looked]).is_some()
            {
                // Whole already; a carriage return that follows is filler.
                return Some(self.take(head, at, self.looked, 0));
            }
            if self.looked > PANEL_FRAME_LIMIT {
                let mut rest = self.held.split_off(at + self.looked);
                std::mem::swap(&mut self.held, &mut rest);
                self.looked = 0;
                let mut body = rest.split_off(at);
                body.truncate(PANEL_FRAME_LIMIT);
                self.junk += body.len();
                let why = Broken::TooLong;
                return Some(Piece::Broken { body, why });
            }
            match *body.get(self.looked)? {
                CR => return Some(self.take(head, at, self.looked, 1)),
                // The next frame begins where this one should have ended.
                LF => return Some(self.cut(head, at)),
                _ => self.looked += 1,
            }
        }
    }

    /// Takes a body of `length` bytes and the `more` that end it.
    fn take(&mut self, head: &Head, at: usize, length: usize, more: usize) -> Piece {
        let body = self.held[at..at + length].to_vec();
        self.drop(at + length + more, false);
        self.judged(head, body, Broken::Checksum)
    }

    fn cut(&mut self, head: &Head, at: usize) -> Piece {
        let body = self.held[at..at + self.looked].to_vec();
        self.drop(at + self.looked, false);
        self.judged(head, body, Broken::Cut)
    }

    fn judged(&mut self, head: &Head, mut body: Vec<u8>, why: Broken) -> Piece {
        let plain = head.checksum_fits(&body);
        // Some panels count the carriage return as well.
        body.push(CR);
        let with_end = head.checksum_fits(&body);
        body.pop();
        let Some(style) = plain.or(with_end) else {
            self.junk += body.len();
            return Piece::Broken { body, why };
        };
        self.junk = 0;
        let odd_length = plain.is_none() || head.length != body.len();
        Piece::Whole {
            body,
            style,
            odd_length,
        }
    }
}

impl Head {
    /// In which style the checksum is this body's.
    fn checksum_fits(&self, body: &[u8]) -> Option<Style> {
        let (high_first, is) = (self.checksum?, crc(body).to_be_bytes());
        match self.style {
            Style::Digits => (high_first == is).then_some(Style::Digits),
            _ if high_first == is => Some(Style::HighFirst),
            _ => (high_first == [is[1], is[0]]).then_some(Style::LowFirst),
        }
    }
}

/// What follows a line feed: `CCCC0LLL"`, or the same with the checksum as two bytes.
fn shape(bytes: &[u8]) -> Shape {
    if let [high, low, rest @ ..] = bytes
        && let Some(length) = length(rest)
    {
        return Shape::Head(Head {
            style: Style::HighFirst,
            checksum: Some([*high, *low]),
            length,
            body_at: 6,
        });
    }
    if bytes.len() < 9 {
        return Shape::Wait;
    }
    let Some(length) = length(&bytes[4..]) else {
        return Shape::Junk;
    };
    let digits = std::str::from_utf8(&bytes[..4]).ok();
    let checksum = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
    Shape::Head(Head {
        style: Style::Digits,
        checksum: checksum.map(u16::to_be_bytes),
        length,
        body_at: 8,
    })
}

/// The length in `0LLL"`.
fn length(bytes: &[u8]) -> Option<usize> {
    let [b'0', digits @ .., b'"'] = bytes.get(..5)? else {
        return None;
    };
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let digits = std::str::from_utf8(digits).ok()?;
    usize::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
#[path = "split_tests.rs"]
mod tests;
