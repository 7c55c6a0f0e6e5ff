//! What a panel is answered, to the byte.
//!
//! For: ACK, NAK and DUH (ANSI/SIA DC-09, "acknowledgments").
//! May not know: when which is due.

use super::{
    crc::crc,
    frame::{Frame, time_text},
    split::Style,
};
use domain::Timestamp;

/// Taken: the responsibility is ours from here on.
pub(crate) fn ack(frame: &Frame<'_>, style: Style) -> Vec<u8> {
    repeating(b"\"ACK\"", frame, style)
}

/// Well received, and of no kind we speak.
pub(crate) fn duh(frame: &Frame<'_>, style: Style) -> Vec<u8> {
    repeating(b"\"DUH\"", frame, style)
}

/// Cannot be deciphered; tells our time, by which the panel sets its own and tries again.
pub(crate) fn nak(now: Timestamp, style: Style) -> Vec<u8> {
    let body = format!("\"NAK\"0000R0L0A0[]{}", time_text(now));
    framed(body.as_bytes(), style)
}

/// Sequence, receiver, line and account go back exactly as they came: what was absent stays absent.
fn repeating(word: &[u8], frame: &Frame<'_>, style: Style) -> Vec<u8> {
    framed(&[word, frame.header, b"[]"].concat(), style)
}

/// A frame around a body.
pub(super) fn framed(body: &[u8], style: Style) -> Vec<u8> {
    let checksum = crc(body);
    let checksum = match style {
        Style::Digits => format!("{checksum:04X}").into_bytes(),
        Style::HighFirst => checksum.to_be_bytes().to_vec(),
        Style::LowFirst => checksum.to_le_bytes().to_vec(),
    };
    let length = format!("0{:03X}", body.len());
    [b"\n", checksum.as_slice(), length.as_bytes(), body, b"\r"].concat()
}
