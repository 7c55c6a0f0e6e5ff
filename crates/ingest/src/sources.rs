//! How much each unverified source has sent lately.
//!
//! For: keeping one source from filling the log, without losing that it called.
//! May not know: what was sent; addresses (a source is a keyed hash).

use crate::limits::{FLOOD_EVERY, IngestOptions, SOURCE_WINDOW, SOURCES_LIMIT};
use domain::Timestamp;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// What becomes of one more unverified signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// An ordinary one.
    Plain,
    /// Recorded and marked.
    Flood,
    /// Too many: counted, and told in the event at this position.
    Coalesced(u64),
}

/// The count of every source that spoke in the last minute.
pub(crate) struct Sources {
    plain: u32,
    flood: u32,
    kept: Mutex<HashMap<String, Count>>,
}

#[derive(Clone, Copy)]
struct Count {
    since: Timestamp,
    signals: u32,
    /// The last event of a source in full flood, and when.
    gathered: Option<(Timestamp, u64)>,
}

/// Whose count those share for whom there is no room.
const CROWD: &str = "crowd";

impl Sources {
    pub(crate) fn new(options: &IngestOptions) -> Self {
        Self {
            plain: options.unverified_per_minute,
            flood: options.flood_per_minute,
            kept: Mutex::default(),
        }
    }

    /// Counts one more.
    pub(crate) fn weigh(&self, source: &str, now: Timestamp) -> Weight {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let count = count_of(&mut kept, source, now);
        count.signals = count.signals.saturating_add(1);
        if count.signals <= self.plain {
            return Weight::Plain;
        }
        if count.signals <= self.flood {
            return Weight::Flood;
        }
        match count.gathered {
            Some((at, position)) if now.since(at) < FLOOD_EVERY => Weight::Coalesced(position),
            _ => Weight::Flood,
        }
    }

    /// A marked signal of this source was stored: those that come next may be gathered into it.
    pub(crate) fn stored(&self, source: &str, now: Timestamp, position: u64) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        count_of(&mut kept, source, now).gathered = Some((now, position));
    }
}

fn count_of<'a>(
    kept: &'a mut HashMap<String, Count>,
    source: &str,
    now: Timestamp,
) -> &'a mut Count {
    let fresh = |count: &Count| now.since(count.since) < SOURCE_WINDOW && count.since <= now;
    if kept.len() >= SOURCES_LIMIT && !kept.contains_key(source) {
        kept.retain(|_, count| fresh(count));
    }
    let full = kept.len() >= SOURCES_LIMIT && !kept.contains_key(source);
    let name = if full { CROWD } else { source };
    let new = Count {
        since: now,
        signals: 0,
        gathered: None,
    };
    let count = kept.entry(name.to_owned()).or_insert(new);
    if !fresh(count) {
        *count = new;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources() -> Sources {
        Sources::new(&IngestOptions {
            unverified_per_minute: 2,
            flood_per_minute: 4,
            ..IngestOptions::default()
        })
    }

    #[test]
    fn a_source_is_plain_then_flood_then_gathered_and_forgiven_after_a_minute() {
        let sources = sources();
        let at = |ms: i64| Timestamp(1_000_000 + ms);
        let weights: Vec<Weight> = (0..5).map(|n| sources.weigh("a", at(n))).collect();
        use Weight::{Coalesced, Flood, Plain};
        assert_eq!(weights, [Plain, Plain, Flood, Flood, Flood]);
        sources.stored("a", at(5), 77);
        assert_eq!(sources.weigh("a", at(6)), Coalesced(77));
        assert_eq!(
            sources.weigh("a", at(10_005)),
            Flood,
            "one event every ten seconds"
        );
        assert_eq!(sources.weigh("b", at(6)), Plain, "others are not touched");
        assert_eq!(sources.weigh("a", at(60_001)), Plain);
    }

    #[test]
    fn when_there_is_no_room_the_rest_share_one_count() {
        let sources = sources();
        let now = Timestamp(5);
        for n in 0..SOURCES_LIMIT {
            sources.weigh(&format!("source {n}"), now);
        }
        assert_eq!(sources.weigh("new 1", now), Weight::Plain);
        assert_eq!(sources.weigh("new 2", now), Weight::Plain);
        assert_eq!(sources.weigh("new 3", now), Weight::Flood);
        assert_eq!(sources.weigh("source 0", now), Weight::Plain);
        let kept = sources.kept.lock().unwrap().len();
        assert!(kept <= SOURCES_LIMIT + 1, "{kept}");
        assert_eq!(sources.weigh("new 4", Timestamp(60_005)), Weight::Plain);
    }
}
