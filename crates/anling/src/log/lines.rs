//! Lines of a file, none longer than it may be.
//!
//! For: reading files from outside without letting one line fill the memory.
//! May not know: what stands in a line.

use std::io::{self, BufRead, Read};

/// The next line without its end; `None` at the file's end. An error when it is longer than `most` bytes.
pub(crate) fn next(reader: &mut impl BufRead, most: usize) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let mut bounded = reader.take(most as u64 + 1);
    if bounded.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() > most {
        let text = format!("a line is longer than {most} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    Ok(Some(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_one_by_one_and_none_too_long() {
        let mut text: &[u8] = b"one\n\nthree";
        assert_eq!(next(&mut text, 5).unwrap().as_deref(), Some(&b"one"[..]));
        assert_eq!(next(&mut text, 5).unwrap().as_deref(), Some(&b""[..]));
        assert_eq!(next(&mut text, 5).unwrap().as_deref(), Some(&b"three"[..]));
        assert_eq!(next(&mut text, 5).unwrap(), None);
        assert!(next(&mut &b"123456"[..], 5).is_err());
    }
}
