//! How a group of competing consumers is set up.
//!
//! For: the settings EventStoreDB's clients send, held against what can work, and kept as JSON.
//! May not know: consumers, the log.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::limits::GROUP_BUFFER;
use crate::name::StreamName;

/// What a group reads.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// One stream, numbered ones included; places are revisions.
    Stream(StreamName),
    /// Everything; places are positions.
    All,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stream(stream) => f.write_str(stream.as_str()),
            Self::All => f.write_str("$all"),
        }
    }
}

/// Which group: what it reads, and its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GroupKey {
    /// What it reads.
    pub source: Source,
    /// Its name.
    pub group: String,
}

impl std::fmt::Display for GroupKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}::{}", self.source, self.group)
    }
}

/// Where a group that has no checkpoint begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartFrom {
    /// With the first event.
    Beginning,
    /// With what comes after the group was made.
    End,
    /// With the event at this place, inclusive.
    Place(u64),
}

/// Who gets the next event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Strategy {
    /// The next consumer in turn that has room.
    RoundRobin,
    /// The first that has room.
    DispatchToSingle,
    /// Always the same for one stream, while it is connected.
    Pinned,
    /// Always the same for one `$correlationId` of the metadata, or for the stream when there is none.
    PinnedByCorrelation,
}

impl Strategy {
    /// By the name clients use.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "RoundRobin" => Self::RoundRobin,
            "DispatchToSingle" => Self::DispatchToSingle,
            "Pinned" => Self::Pinned,
            "PinnedByCorrelation" => Self::PinnedByCorrelation,
            _ => return None,
        })
    }

    /// The name clients use.
    pub fn name(self) -> &'static str {
        match self {
            Self::RoundRobin => "RoundRobin",
            Self::DispatchToSingle => "DispatchToSingle",
            Self::Pinned => "Pinned",
            Self::PinnedByCorrelation => "PinnedByCorrelation",
        }
    }
}

/// Which of all events a group is about, as it is kept. Regular expressions are a door's; it makes filters of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupFilter {
    /// Streams whose names begin with any of these.
    StreamPrefixes(Vec<String>),
    /// Types whose names begin with any of these.
    KindPrefixes(Vec<String>),
    /// Streams whose names this expression finds something in.
    StreamRegex(String),
    /// Types whose names this expression finds something in.
    KindRegex(String),
}

/// How a group works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Whether links are followed.
    pub resolve_links: bool,
    /// Where it begins.
    pub start_from: StartFrom,
    /// Of everything, which; fixed when the group is made.
    pub filter: Option<GroupFilter>,
    /// Kept for those who ask.
    pub extra_statistics: bool,
    /// How long a consumer may take for an event; zero: as long as it likes.
    pub message_timeout: Duration,
    /// How often an event is given again before it is parked.
    pub max_retry_count: u32,
    /// How long after the last checkpoint the next one is written, if enough was done.
    pub checkpoint_after: Duration,
    /// How much must be done for that.
    pub min_checkpoint_count: u32,
    /// How much done makes a checkpoint at once; zero: nothing does.
    pub max_checkpoint_count: u32,
    /// Most consumers; zero: no limit of its own.
    pub max_subscriber_count: u32,
    /// Events held ready while nothing is behind.
    pub live_buffer_size: usize,
    /// Events read at once while behind.
    pub read_batch_size: usize,
    /// Events held ready while behind.
    pub history_buffer_size: usize,
    /// Who gets the next event.
    pub strategy: Strategy,
}

impl Default for Settings {
    /// What clients send when they are not asked otherwise.
    fn default() -> Self {
        Self {
            resolve_links: false,
            start_from: StartFrom::End,
            filter: None,
            extra_statistics: false,
            message_timeout: Duration::from_secs(30),
            max_retry_count: 10,
            checkpoint_after: Duration::from_secs(2),
            min_checkpoint_count: 10,
            max_checkpoint_count: 1_000,
            max_subscriber_count: 0,
            live_buffer_size: 500,
            read_batch_size: 20,
            history_buffer_size: 500,
            strategy: Strategy::RoundRobin,
        }
    }
}

impl Settings {
    /// Why a group cannot work like this, in words for whoever made it.
    pub fn fault(&self) -> Option<String> {
        for (what, size) in [
            ("live buffer size", self.live_buffer_size),
            ("read batch size", self.read_batch_size),
            ("history buffer size", self.history_buffer_size),
        ] {
            if size == 0 || size > GROUP_BUFFER {
                return Some(format!("{what} must be 1 to {GROUP_BUFFER}"));
            }
        }
        if self.read_batch_size >= self.history_buffer_size {
            return Some("read batch size must be smaller than history buffer size".to_owned());
        }
        None
    }
}
