//! Signed notes: a few lines of text, an empty line, and who vouches for them (C2SP signed-note).
//!
//! For: signing and checking with Ed25519, and keys written as that specification writes them.
//! May not know: what the text says; files.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use sha2::{Digest, Sha256};

/// The signature type of Ed25519 in keys and key ids.
const ED25519_TYPE: u8 = 1;

/// What a private key's line begins with.
const PRIVATE: &str = "PRIVATE+KEY+";

/// What a signature line begins with: an em dash and a space.
const DASH: &str = "\u{2014} ";

/// Longest note that is looked at, in bytes. Ours: a checkpoint with some dozens of witnesses.
const NOTE_BYTES: usize = 64 * 1024;

/// Why a note or a key is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Malformed: not a key as the specification writes it.
    #[error("not a key: {0}")]
    Key(&'static str),
    /// Malformed: not a signed note.
    #[error("not a signed note: {0}")]
    Form(&'static str),
    /// Nobody we know vouches for it.
    #[error("no signature by {0}")]
    NotSigned(String),
    /// The signature is not one of this text.
    #[error("the signature of {0} does not fit the text")]
    BadSignature(String),
}

/// Signs; holds the private key.
pub struct Signer {
    verifier: Verifier,
    seed: [u8; 32],
    pair: Ed25519KeyPair,
}

/// Checks signatures; its text form is the public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    id: u32,
    key: [u8; 32],
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.verifier)
    }
}

impl Signer {
    /// The signer with this name and seed. [`NoteError::Key`]: a name that is empty or holds a space or a plus sign.
    pub fn from_seed(name: &str, seed: [u8; 32]) -> Result<Self, NoteError> {
        check_name(name)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed)
            .map_err(|_| NoteError::Key("no Ed25519 seed"))?;
        let key: [u8; 32] = pair
            .public_key()
            .as_ref()
            .try_into()
            .map_err(|_| NoteError::Key("no Ed25519 key"))?;
        Ok(Self {
            verifier: Verifier {
                name: name.to_owned(),
                id: key_id(name, &key),
                key,
            },
            seed,
            pair,
        })
    }

    /// Reads `PRIVATE+KEY+name+id+base64`.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let rest = text.trim().strip_prefix(PRIVATE);
        let rest = rest.ok_or(NoteError::Key("it does not begin with PRIVATE+KEY+"))?;
        let (name, id, seed) = parts(rest)?;
        let signer = Self::from_seed(name, seed)?;
        match signer.verifier.id == id {
            true => Ok(signer),
            false => Err(NoteError::Key("its id does not fit it")),
        }
    }

    /// The private key as it is kept in a file.
    pub fn to_private_text(&self) -> String {
        let Verifier { name, id, .. } = &self.verifier;
        let key = STANDARD.encode([&[ED25519_TYPE][..], &self.seed].concat());
        format!("{PRIVATE}{name}+{id:08x}+{key}\n")
    }

    /// Who checks what this signs.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The signed note of a text, which ends with a line break.
    pub fn sign(&self, text: &str) -> String {
        let signature = self.pair.sign(text.as_bytes());
        let Verifier { name, id, .. } = &self.verifier;
        let line = STANDARD.encode([&id.to_be_bytes()[..], signature.as_ref()].concat());
        format!("{text}\n{DASH}{name} {line}\n")
    }
}

impl Verifier {
    /// Reads `name+id+base64`.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let (name, id, key) = parts(text.trim())?;
        check_name(name)?;
        match id == key_id(name, &key) {
            true => Ok(Self {
                name: name.to_owned(),
                id,
                key,
            }),
            false => Err(NoteError::Key("its id does not fit it")),
        }
    }

    /// The key's name, which is the log's.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text of a note that this key vouches for. Other signatures are passed over.
    pub fn open<'a>(&self, note: &'a str) -> Result<&'a str, NoteError> {
        if note.len() > NOTE_BYTES {
            return Err(NoteError::Form("it is too long"));
        }
        let (text, lines) = note
            .rsplit_once("\n\n")
            .ok_or(NoteError::Form("no empty line before signatures"))?;
        // The text ends with the first of the two line breaks.
        let text = &note[..=text.len()];
        let lines = lines
            .strip_suffix('\n')
            .ok_or(NoteError::Form("it ends in the middle of a line"))?;
        let mut ours = None;
        for line in lines.split('\n') {
            let (name, id, signature) = signature(line)?;
            if name == self.name && id == self.id && ours.replace(signature).is_some() {
                return Err(NoteError::Form("two signatures by one key"));
            }
        }
        let signature = ours.ok_or_else(|| NoteError::NotSigned(self.name.clone()))?;
        UnparsedPublicKey::new(&ED25519, &self.key)
            .verify(text.as_bytes(), &signature)
            .map_err(|_| NoteError::BadSignature(self.name.clone()))?;
        Ok(text)
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([&[ED25519_TYPE][..], &self.key].concat());
        write!(f, "{}+{:08x}+{key}", self.name, self.id)
    }
}

/// The first four bytes of SHA-256 over name, line break, type and key.
fn key_id(name: &str, key: &[u8; 32]) -> u32 {
    let mut hasher = Sha256::new();
    hasher.update(name.as_bytes());
    hasher.update([b'\n', ED25519_TYPE]);
    hasher.update(key);
    let [a, b, c, d, ..]: [u8; 32] = hasher.finalize().into();
    u32::from_be_bytes([a, b, c, d])
}

fn check_name(name: &str) -> Result<(), NoteError> {
    let bad = |letter: char| letter.is_whitespace() || letter.is_control() || letter == '+';
    match name.is_empty() || name.chars().any(bad) {
        true => Err(NoteError::Key(
            "a name without spaces and plus signs is needed",
        )),
        false => Ok(()),
    }
}

/// `name+id+base64` of a type byte and 32 bytes.
fn parts(text: &str) -> Result<(&str, u32, [u8; 32]), NoteError> {
    let bad = NoteError::Key("not of the form name+id+base64");
    let (name, rest) = text.split_once('+').ok_or(bad.clone())?;
    let (id, key) = rest.split_once('+').ok_or(bad.clone())?;
    let lower = id.len() == 8 && !id.bytes().any(|byte| byte.is_ascii_uppercase());
    let id = u32::from_str_radix(id, 16).ok().filter(|_| lower);
    let key = STANDARD.decode(key).ok();
    let (id, key) = id.zip(key).ok_or(bad)?;
    match key.split_first() {
        Some((&ED25519_TYPE, key)) => {
            let key = key.try_into();
            Ok((name, id, key.map_err(|_| NoteError::Key("not 32 bytes"))?))
        }
        _ => Err(NoteError::Key("only Ed25519 keys are known")),
    }
}

/// A signature line: the name, the key's id, and the signature.
fn signature(line: &str) -> Result<(&str, u32, Vec<u8>), NoteError> {
    let bad = || NoteError::Form("a signature line is not of the form \u{2014} name base64");
    let (name, bytes) = line
        .strip_prefix(DASH)
        .and_then(|rest| rest.split_once(' '))
        .ok_or_else(bad)?;
    let bytes = STANDARD.decode(bytes).map_err(|_| bad())?;
    let (id, signature) = bytes.split_first_chunk::<4>().ok_or_else(bad)?;
    Ok((name, u32::from_be_bytes(*id), signature.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specifications_example_key_is_read_and_written_alike() {
        // From the documentation of the signed-note format's first implementation.
        let public = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let private =
            "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
        let note = "If you think cryptography is the answer to your problem,\n\
             then you don't know what your problem is.\n\n\
             \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
        let signer = Signer::parse(private).unwrap();
        assert_eq!(signer.verifier().to_string(), public);
        assert_eq!(signer.to_private_text().trim(), private);
        let text = Verifier::parse(public).unwrap().open(note).unwrap();
        assert!(text.ends_with("what your problem is.\n"));
        assert_eq!(signer.sign(text), note);
    }

    #[test]
    fn every_changed_bit_of_a_note_is_noticed() {
        let signer = Signer::from_seed("anling/test", [7; 32]).unwrap();
        let note = signer.sign("anling/test\n5\nroot\n");
        for at in 0..note.len() {
            for bit in 0..8 {
                let mut bytes = note.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                if let Ok(changed) = String::from_utf8(bytes) {
                    assert!(signer.verifier().open(&changed).is_err(), "{changed}");
                }
            }
        }
        let other = Signer::from_seed("anling/test", [8; 32]).unwrap();
        let refused = other.verifier().open(&note);
        assert_eq!(refused, Err(NoteError::NotSigned("anling/test".to_owned())));
    }

    #[test]
    fn odd_keys_are_refused() {
        for text in [
            "",
            "a",
            "a+b",
            "a+00000000+",
            "a+00000000+AA==",
            "a b+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "Peter+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        ] {
            assert!(Verifier::parse(text).is_err(), "{text}");
        }
        assert!(Signer::from_seed("a+b", [1; 32]).is_err());
    }
}
