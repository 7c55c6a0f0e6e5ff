//! A checkpoint: the log's name, how many records it had, and the tree's root over them (C2SP tlog-checkpoint).
//!
//! For: writing and reading the text that is signed.
//! May not know: how it is signed or kept.

use crate::note::{NoteError, Signer, Verifier};
use crate::tree::Hash;

/// What the line with the time begins with; an extension line, which other programs pass over.
const SIGNED_AT: &str = "signed-at-us ";

/// What a checkpoint says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// How many records: positions 1 to this.
    pub size: u64,
    /// The root over their leaves.
    pub root: Hash,
    /// When it was signed, by the log's clock, in microseconds of UTC since 1970.
    pub signed_at: i64,
}

/// Why a text is no checkpoint of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// The signature does not hold.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// It is signed, but not what a checkpoint looks like.
    #[error("a signed note, but not a checkpoint: {0}")]
    Form(&'static str),
}

impl Checkpoint {
    /// The text that is signed.
    fn text(&self) -> String {
        let (root, at) = (self.root.to_base64(), self.signed_at);
        format!("{}\n{}\n{root}\n{SIGNED_AT}{at}\n", self.origin, self.size)
    }

    /// Signed.
    pub fn sign(&self, signer: &Signer) -> String {
        signer.sign(&self.text())
    }

    /// Reads a signed checkpoint of the log whose key this is.
    pub fn open(note: &str, verifier: &Verifier) -> Result<Self, Unsigned> {
        let text = verifier.open(note)?;
        let checkpoint = parse(text).ok_or(Unsigned::Form("it has other lines"))?;
        if checkpoint.origin != verifier.name() {
            return Err(Unsigned::Form("it is another log's"));
        }
        // One way to write it: no leading zeros, no spare bits.
        match checkpoint.text() == text {
            true => Ok(checkpoint),
            false => Err(Unsigned::Form("it is written in an odd way")),
        }
    }
}

fn parse(text: &str) -> Option<Checkpoint> {
    let mut lines = text.lines();
    let checkpoint = Checkpoint {
        origin: lines.next()?.to_owned(),
        size: lines.next()?.parse().ok()?,
        root: Hash::from_base64(lines.next()?)?,
        signed_at: lines.next()?.strip_prefix(SIGNED_AT)?.parse().ok()?,
    };
    lines.next().is_none().then_some(checkpoint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_is_read_back() {
        let signer = Signer::from_seed("anling/test", [7; 32]).unwrap();
        let checkpoint = Checkpoint {
            origin: "anling/test".to_owned(),
            size: 42,
            root: Hash::empty(),
            signed_at: 1_700_000_000_000_000,
        };
        let note = checkpoint.sign(&signer);
        assert_eq!(Checkpoint::open(&note, signer.verifier()), Ok(checkpoint));
        for odd in ["anling/test\n042\n", "other\n42\n", "anling/test\n42\n"] {
            let root = Hash::empty().to_base64();
            let note = signer.sign(&format!("{odd}{root}\nsigned-at-us 1\nmore\n"));
            assert!(Checkpoint::open(&note, signer.verifier()).is_err(), "{odd}");
        }
    }
}
