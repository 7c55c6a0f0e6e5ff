//! What is said about a stream, in its stream of metadata.
//!
//! For: the keys EventStoreDB gives a meaning, and what they hide from whoever reads the stream from outside.
//! May not know: stores. Whoever reads the log from inside does not ask here: nothing hides from it.

use serde_json::{Map, Value};

use crate::event::Recorded;
use crate::name::Revision;

/// The type of the events that describe a stream.
pub const METADATA: &str = "$metadata";

/// The type of the event that ends a stream for good.
pub const STREAM_DELETED: &str = "$streamDeleted";

/// The type of the events that stand for another one: their body is `revision@stream`.
pub const LINK: &str = "$>";

/// The key for the first revision that is not hidden.
pub(crate) const TRUNCATE_BEFORE: &str = "$tb";

/// The revision EventStoreDB's clients know as "after everything": what is truncated before it is deleted softly, and a
/// stream that is gone for good ends there.
pub const DELETED_REVISION: u64 = i64::MAX as u64;

/// What is said about a stream; all absent when nothing is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Only so many of its last events are seen.
    pub max_count: Option<u64>,
    /// Only events of the last so many seconds are seen.
    pub max_age_s: Option<u64>,
    /// Events before this revision are not seen.
    pub truncate_before: Option<u64>,
    /// How long a reader may keep what it read, in seconds.
    pub cache_control_s: Option<u64>,
    /// Who may do what: the object as it was written.
    pub acl: Option<Value>,
    /// The other keys, as they were written.
    pub custom: Map<String, Value>,
}

impl Metadata {
    /// Reads a body; what is no JSON object says nothing, and so does a key with a value it cannot have.
    pub fn parse(body: &[u8]) -> Self {
        let mut custom = Self::object(body);
        let mut number = |key: &str, least: u64| {
            let value = custom.remove(key)?.as_u64()?;
            (value >= least).then_some(value)
        };
        Self {
            max_count: number("$maxCount", 1),
            max_age_s: number("$maxAge", 1),
            truncate_before: number(TRUNCATE_BEFORE, 0),
            cache_control_s: number("$cacheControl", 1),
            acl: custom.remove("$acl").filter(Value::is_object),
            custom,
        }
    }

    /// What is said about a stream of metadata itself: its last event counts.
    pub(crate) fn of_metadata() -> Self {
        Self {
            max_count: Some(1),
            ..Self::default()
        }
    }

    /// The body of a soft deletion; nothing else is kept.
    pub(crate) fn deletion() -> String {
        format!("{{\"{TRUNCATE_BEFORE}\":{DELETED_REVISION}}}")
    }

    /// Whether the stream is deleted softly.
    pub fn is_deleted(&self) -> bool {
        self.truncate_before
            .is_some_and(|at| at >= DELETED_REVISION)
    }

    /// The first revision that is not hidden by number, in a stream whose last one is `head`.
    pub fn first_seen(&self, head: Revision) -> Revision {
        let counted = self
            .max_count
            .map_or(0, |count| (head.0 + 1).saturating_sub(count));
        Revision(counted.max(self.truncate_before.unwrap_or(0)))
    }

    /// Whether an event is too old at `now`, in microseconds of UTC since 1970.
    pub fn is_too_old(&self, event: &Recorded, now: i64) -> bool {
        let age = now.saturating_sub(event.recorded_at);
        let most = self
            .max_age_s
            .map(|seconds| seconds.saturating_mul(1_000_000));
        most.is_some_and(|most| u64::try_from(age).is_ok_and(|age| age > most))
    }

    /// A body as a JSON object; empty when it is none.
    pub(crate) fn object(body: &[u8]) -> Map<String, Value> {
        serde_json::from_slice(body).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_read_and_the_rest_is_kept() {
        let body = br#"{"$maxCount":3,"$maxAge":60,"$tb":2,"$cacheControl":5,"$acl":{"$r":"$all"},"mine":[1]}"#;
        let metadata = Metadata::parse(body);
        assert_eq!(metadata.max_count, Some(3));
        assert_eq!(metadata.max_age_s, Some(60));
        assert_eq!(metadata.truncate_before, Some(2));
        assert_eq!(metadata.cache_control_s, Some(5));
        assert!(metadata.acl.is_some());
        assert_eq!(metadata.custom.len(), 1);
        assert!(!metadata.is_deleted());
    }

    #[test]
    fn what_cannot_be_meant_says_nothing() {
        for body in [
            &b""[..],
            b"no JSON",
            b"[1]",
            b"7",
            br#"{"$maxCount":0,"$maxAge":-1,"$tb":"x"}"#,
            br#"{"$acl":7}"#,
        ] {
            assert_eq!(Metadata::parse(body), Metadata::default(), "{body:?}");
        }
    }

    #[test]
    fn the_later_of_count_and_truncation_hides() {
        let first = |body: &str, head| {
            Metadata::parse(body.as_bytes())
                .first_seen(Revision(head))
                .0
        };
        assert_eq!(first("{}", 9), 0);
        assert_eq!(first(r#"{"$maxCount":3}"#, 9), 7);
        assert_eq!(first(r#"{"$maxCount":30}"#, 9), 0);
        assert_eq!(first(r#"{"$maxCount":3,"$tb":8}"#, 9), 8);
        assert_eq!(first(r#"{"$maxCount":3,"$tb":5}"#, 9), 7);
        assert!(Metadata::parse(Metadata::deletion().as_bytes()).is_deleted());
    }
}
