//! Evidence: one stream's records with what proves them, in one file that is checked without us.
//!
//! For: showing one incident to whoever holds the public key, and no other record.
//! May not know: what the records mean; whoever makes the pack adds its words.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use eventlog::{EventId, Position, Recorded, Revision, StreamName};
use serde::{Deserialize, Serialize};

use crate::canonical::leaf_hash;
use crate::checkpoint::{Checkpoint, Unsigned};
use crate::note::{NoteError, Verifier};
use crate::proof::{verify_consistency, verify_inclusion};
use crate::prove::{ProveError, Prover};
use crate::tree::Hash;

/// What every pack begins with.
const FORMAT: &str = "anling evidence pack 1";

/// A pack; its JSON is the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// Which form of pack.
    pub format: String,
    /// The stream that it shows, whole, from its first record on.
    pub stream: String,
    /// The key that the checkpoint is signed with, as C2SP signed-note writes it.
    pub public_key: String,
    /// The signed checkpoint that all records are under.
    pub checkpoint: String,
    /// An earlier checkpoint that somebody else kept, and the proof that this one extends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_outside: Option<Outer>,
    /// The records, oldest first.
    pub events: Vec<PackEvent>,
    /// Which fields are sealed, by position; without the person's key nobody reads them.
    pub sealed: Vec<Sealed>,
    /// The records in plain words; they prove nothing and follow from the records.
    pub timeline: Words,
}

/// A checkpoint kept outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outer {
    /// The signed checkpoint.
    pub checkpoint: String,
    /// The proof of consistency, hashes in base64.
    pub proof: Vec<String>,
}

/// A record and its proof.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackEvent {
    /// Its place in the log.
    pub position: u64,
    /// Its place in the stream.
    pub revision: u64,
    /// Its identity.
    pub id: uuid::Uuid,
    /// Its stored type name.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it was committed, in microseconds of UTC since 1970.
    pub recorded_at_us: i64,
    /// What happened, byte for byte.
    pub data: Payload,
    /// About the event, byte for byte.
    pub metadata: Payload,
    /// The proof of inclusion, hashes in base64.
    pub proof: Vec<String>,
}

/// Bytes, as text where they are text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Payload {
    /// UTF-8.
    Text(String),
    /// Anything else.
    Base64(String),
}

/// A sealed field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    /// The record it stands in.
    pub position: u64,
    /// Where in its data, as a JSON pointer.
    pub field: String,
    /// The key's name.
    pub key: String,
}

/// The records in plain words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// Which edition of the words; another edition says the same things differently.
    pub edition: u32,
    /// In Chinese.
    pub zh: Vec<String>,
    /// In English.
    pub en: Vec<String>,
}

/// What a pack proves.
#[derive(Clone, Debug)]
pub struct Proven {
    /// By whom.
    pub verifier: Verifier,
    /// Under which checkpoint.
    pub checkpoint: Checkpoint,
    /// The checkpoint kept outside that it extends.
    pub kept_outside: Option<Checkpoint>,
    /// The records.
    pub records: Vec<Recorded>,
}

/// Why a pack proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// Malformed: not a pack.
    #[error("not an evidence pack: {0}")]
    Form(String),
    /// The key in it is none.
    #[error("the public key in the pack: {0}")]
    Key(#[from] NoteError),
    /// The checkpoint does not hold.
    #[error("the checkpoint in the pack does not hold: {0}")]
    Checkpoint(#[from] Unsigned),
    /// The outer checkpoint is not extended.
    #[error("the checkpoint in the pack does not extend the one kept outside")]
    NotExtended,
    /// A record is not the one that was signed.
    #[error(
        "the record at position {0} is not under the checkpoint: it, its proof or its place was changed"
    )]
    NotIncluded(u64),
    /// Records of the stream were left out.
    #[error("the record of revision {0} is missing, or records stand in another order")]
    Missing(u64),
    /// Not signed yet.
    #[error(
        "the record at position {position} is not signed yet: the last checkpoint is over {size} records"
    )]
    NotSignedYet {
        /// The record.
        position: u64,
        /// What is signed.
        size: u64,
    },
    /// No proof could be made.
    #[error(transparent)]
    Prove(#[from] ProveError),
}

impl Pack {
    /// Proves a whole stream, `records` from revision 0 on, under a checkpoint.
    pub async fn make(
        prover: &mut Prover<'_>,
        verifier: &Verifier,
        note: &str,
        kept_outside: Option<&str>,
        records: &[std::sync::Arc<Recorded>],
    ) -> Result<Self, PackError> {
        let checkpoint = Checkpoint::open(note, verifier)?;
        let size = checkpoint.size;
        let stream = records.first().map(|record| record.stream.to_string());
        let mut events = Vec::with_capacity(records.len());
        for record in records {
            let position = record.position.0;
            if position > size {
                return Err(PackError::NotSignedYet { position, size });
            }
            let proof = prover.inclusion(position, size).await?;
            events.push(PackEvent {
                position,
                revision: record.revision.0,
                id: record.id.0,
                kind: record.kind.to_string(),
                recorded_at_us: record.recorded_at,
                data: Payload::new(&record.body),
                metadata: Payload::new(&record.meta),
                proof: texts(&proof),
            });
        }
        let kept_outside = match kept_outside {
            None => None,
            Some(outer) => {
                let opened = Checkpoint::open(outer, verifier)?;
                let proof = prover.consistency(opened.size, size).await?;
                Some(Outer {
                    checkpoint: outer.to_owned(),
                    proof: texts(&proof),
                })
            }
        };
        Ok(Self {
            format: FORMAT.to_owned(),
            stream: stream.unwrap_or_default(),
            public_key: verifier.to_string(),
            checkpoint: note.to_owned(),
            kept_outside,
            events,
            sealed: Vec::new(),
            timeline: Words::default(),
        })
    }

    /// Reads a pack's file.
    pub fn read(bytes: &[u8]) -> Result<Self, PackError> {
        let pack: Self =
            serde_json::from_slice(bytes).map_err(|error| PackError::Form(error.to_string()))?;
        match pack.format == FORMAT {
            true => Ok(pack),
            false => Err(PackError::Form(format!("its format is {:?}", pack.format))),
        }
    }

    /// Checks everything that can be proved; the words are for the caller, who knows what records mean.
    pub fn check(&self) -> Result<Proven, PackError> {
        let verifier = Verifier::parse(&self.public_key)?;
        let checkpoint = Checkpoint::open(&self.checkpoint, &verifier)?;
        let stream = StreamName::new(self.stream.as_str())
            .map_err(|error| PackError::Form(error.to_string()))?;
        let (mut records, mut bytes, mut last) = (Vec::new(), Vec::new(), 0);
        for (revision, event) in (0..).zip(&self.events) {
            if event.revision != revision || event.position <= last {
                return Err(PackError::Missing(revision));
            }
            last = event.position;
            let not = || PackError::NotIncluded(event.position);
            let record = event.record(&stream).ok_or_else(not)?;
            let proof = hashes(&event.proof).ok_or_else(not)?;
            let leaf = leaf_hash(&record, &mut bytes);
            let (index, size) = (event.position - 1, checkpoint.size);
            if !verify_inclusion(leaf, index, size, &proof, checkpoint.root) {
                return Err(not());
            }
            records.push(record);
        }
        if records.is_empty() {
            return Err(PackError::Form("there is no record in it".to_owned()));
        }
        let kept_outside = match &self.kept_outside {
            None => None,
            Some(outer) => {
                let opened = Checkpoint::open(&outer.checkpoint, &verifier)?;
                let proof = hashes(&outer.proof).ok_or(PackError::NotExtended)?;
                let (old, new) = (
                    (opened.size, opened.root),
                    (checkpoint.size, checkpoint.root),
                );
                if !verify_consistency(old, new, &proof) {
                    return Err(PackError::NotExtended);
                }
                Some(opened)
            }
        };
        Ok(Proven {
            verifier,
            checkpoint,
            kept_outside,
            records,
        })
    }
}

impl PackEvent {
    fn record(&self, stream: &StreamName) -> Option<Recorded> {
        Some(Recorded {
            position: Position(self.position),
            stream: stream.clone(),
            revision: Revision(self.revision),
            id: EventId(self.id),
            kind: self.kind.as_str().into(),
            recorded_at: self.recorded_at_us,
            body: self.data.bytes()?.into(),
            meta: self.metadata.bytes()?.into(),
        })
    }
}

impl Payload {
    /// These bytes.
    pub fn new(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Base64(STANDARD.encode(bytes)),
        }
    }

    /// The bytes; `None` when it is not base64.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::Text(text) => Some(text.clone().into_bytes()),
            Self::Base64(text) => STANDARD.decode(text).ok(),
        }
    }
}

impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.position, self.field, self.key)
    }
}

fn texts(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(|hash| hash.to_base64()).collect()
}

fn hashes(texts: &[String]) -> Option<Vec<Hash>> {
    texts.iter().map(|text| Hash::from_base64(text)).collect()
}
