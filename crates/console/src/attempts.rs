//! How often somebody may fail to sign in.
//!
//! For: making guessing hopeless without letting anybody lock somebody else out.
//! May not know: passwords, sockets. Time is passed in.
//!
//! A name that is guessed at from one place is closed for that place only. Guessing at one name from many places slows
//! the strangers among them down, one look after the other; where its owner has signed in before stays open.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Failed sign-ins per name from one source within [`WINDOW_MS`]. Ours: a person who has forgotten one tries a handful
/// of times.
pub const PAIR_FAILURES: u32 = 8;

/// Failed sign-ins per source within [`WINDOW_MS`], whatever the names. Ours: a whole station may sit behind one address.
pub const SOURCE_FAILURES: u32 = 40;

/// Failed sign-ins per name within [`WINDOW_MS`], whatever the sources, before the slow lane begins. Ours: 25 addresses
/// that have each used up their eight are no forgetful person.
pub const NAME_FAILURES: u32 = 200;

/// In the slow lane one try for a name is looked at in this time, in milliseconds: 300 in [`WINDOW_MS`] at most, where
/// a password of twelve lower-case letters has 10¹⁷ forms. Ours: short enough that a person waits for it.
pub const NAME_GAP_MS: i64 = 1_000;

/// Longest wait in the slow lane, in milliseconds; a longer line is told to come back. Ours: well below the time of a
/// request, and a bound on how many wait.
pub const NAME_WAIT_MS: i64 = 5_000;

/// How long failures count, in milliseconds.
pub const WINDOW_MS: i64 = 5 * 60_000;

/// Names, sources and pairs remembered, each. A flood beyond it forgets the oldest first.
pub const REMEMBERED: usize = 10_000;

/// Failures so far, and where each name has signed in from since the start.
#[derive(Debug, Default)]
pub(crate) struct Attempts(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    pairs: Windows<(String, String)>,
    sources: Windows<String>,
    names: Windows<String>,
    /// When the last place of a name's slow lane is over.
    lanes: Recent<String>,
    known: Recent<(String, String)>,
}

impl Attempts {
    /// Counts a try before it is made, so that many at once do not slip through. `Ok`: how long it waits before it is
    /// looked at. `Err`: seconds until the next one is looked at.
    pub(crate) fn begin(&self, name: &str, source: &str, now_ms: i64) -> Result<Duration, u64> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (name, source) = (name.to_owned(), source.to_owned());
        seen.sources.room(&source, SOURCE_FAILURES, now_ms)?;
        let pair = (name.clone(), source);
        seen.pairs.room(&pair, PAIR_FAILURES, now_ms)?;
        let stranger = !seen.known.0.contains_key(&pair);
        let wait_ms = if stranger && seen.names.room(&name, NAME_FAILURES, now_ms).is_err() {
            seen.place_in_lane(&name, now_ms)?
        } else {
            0
        };
        seen.pairs.count(pair, now_ms);
        Ok(Duration::from_millis(wait_ms.unsigned_abs()))
    }

    /// It failed. A source is charged only now: a whole city may sign in from one address in the same minute.
    pub(crate) fn failed(&self, name: &str, source: &str, now_ms: i64) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.sources.count(source.to_owned(), now_ms);
        seen.names.count(name.to_owned(), now_ms);
    }

    /// It was no failure: this is where they sign in from.
    pub(crate) fn succeeded(&self, name: &str, source: &str, now_ms: i64) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pair = (name.to_owned(), source.to_owned());
        seen.pairs.0.remove(&pair);
        seen.known.note(pair, now_ms);
    }
}

impl Seen {
    fn place_in_lane(&mut self, name: &str, now_ms: i64) -> Result<i64, u64> {
        let free = self.lanes.0.get(name).copied().unwrap_or(now_ms);
        let wait_ms = free.max(now_ms) - now_ms;
        if wait_ms >= NAME_WAIT_MS {
            return Err(seconds(wait_ms));
        }
        let over = now_ms + wait_ms + NAME_GAP_MS;
        self.lanes.note(name.to_owned(), over);
        Ok(wait_ms)
    }
}

fn seconds(ms: i64) -> u64 {
    u64::try_from(ms / 1_000).unwrap_or(0) + 1
}

/// Counts since a moment.
#[derive(Debug)]
struct Windows<K>(HashMap<K, (i64, u32)>);

impl<K> Default for Windows<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash + Clone> Windows<K> {
    /// Whether another try is looked at. `Err`: seconds to wait.
    fn room(&self, key: &K, limit: u32, now_ms: i64) -> Result<(), u64> {
        let Some((since, failures)) = self.0.get(key) else {
            return Ok(());
        };
        let age = now_ms.saturating_sub(*since);
        if *failures < limit || !(0..WINDOW_MS).contains(&age) {
            return Ok(());
        }
        Err(seconds(WINDOW_MS - age))
    }

    fn count(&mut self, key: K, now_ms: i64) {
        if self.0.len() >= REMEMBERED && !self.0.contains_key(&key) {
            self.0
                .retain(|_, (since, _)| now_ms.saturating_sub(*since) < WINDOW_MS);
            forget_oldest(&mut self.0, |(since, _)| *since);
        }
        let entry = self.0.entry(key).or_insert((now_ms, 0));
        if !(0..WINDOW_MS).contains(&now_ms.saturating_sub(entry.0)) {
            *entry = (now_ms, 0);
        }
        entry.1 += 1;
    }
}

/// The last moment of each.
#[derive(Debug)]
struct Recent<K>(HashMap<K, i64>);

impl<K> Default for Recent<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash + Clone> Recent<K> {
    fn note(&mut self, key: K, at_ms: i64) {
        if !self.0.contains_key(&key) {
            forget_oldest(&mut self.0, |at| *at);
        }
        self.0.insert(key, at_ms);
    }
}

/// Makes room for one more.
fn forget_oldest<K: Eq + Hash + Clone, V>(map: &mut HashMap<K, V>, since: impl Fn(&V) -> i64) {
    if map.len() < REMEMBERED {
        return;
    }
    let oldest = map.iter().min_by_key(|(_, value)| since(value));
    let oldest = oldest.map(|(key, _)| key.clone());
    oldest.map(|key| map.remove(&key));
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_ONCE: Result<Duration, u64> = Ok(Duration::ZERO);

    fn fail(attempts: &Attempts, name: &str, source: &str) {
        assert_eq!(attempts.begin(name, source, 0), AT_ONCE, "{name} {source}");
        attempts.failed(name, source, 0);
    }

    #[test]
    fn guessing_from_one_place_closes_the_name_for_that_place_only() {
        let attempts = Attempts::default();
        for _ in 0..PAIR_FAILURES {
            fail(&attempts, "wang", "a");
        }
        assert!(attempts.begin("wang", "a", 0).is_err());
        assert_eq!(attempts.begin("li", "a", 0), AT_ONCE);
        assert_eq!(attempts.begin("wang", "b", 0), AT_ONCE);
        assert_eq!(attempts.begin("wang", "a", WINDOW_MS), AT_ONCE);
        attempts.succeeded("wang", "a", WINDOW_MS);
        assert_eq!(attempts.begin("wang", "a", WINDOW_MS), AT_ONCE);
    }

    #[test]
    fn many_at_once_do_not_slip_through() {
        let attempts = Attempts::default();
        for _ in 0..PAIR_FAILURES {
            assert_eq!(attempts.begin("wang", "a", 0), AT_ONCE);
        }
        assert!(attempts.begin("wang", "a", 0).is_err());
    }

    #[test]
    fn a_source_that_fails_with_many_names_waits() {
        let attempts = Attempts::default();
        for n in 0..SOURCE_FAILURES {
            fail(&attempts, &format!("n{n}"), "c");
        }
        assert!(attempts.begin("fresh", "c", 0).is_err());
        assert_eq!(attempts.begin("fresh", "d", 0), AT_ONCE);
    }

    #[test]
    fn guessing_from_many_places_slows_strangers_down_and_locks_nobody_out() {
        let attempts = Attempts::default();
        attempts.succeeded("wang", "her station", 0);
        for n in 0..NAME_FAILURES {
            fail(&attempts, "wang", &format!("bot {n}"));
        }
        // Where she has signed in before, nothing has changed.
        assert_eq!(attempts.begin("wang", "her station", 0), AT_ONCE);
        // From a new place she waits in line, a second for each stranger before her.
        let waits: Vec<_> = (0..6)
            .map(|n| attempts.begin("wang", &format!("new {n}"), 0))
            .collect();
        let lane: Vec<_> = (0..5).map(|s| Ok(Duration::from_secs(s))).collect();
        assert_eq!(waits[..5], lane);
        assert_eq!(waits[5], Err(6), "the line is full: come back soon");
        assert_eq!(
            attempts.begin("wang", "new", 5_000),
            AT_ONCE,
            "it is never closed for long"
        );
        assert_eq!(attempts.begin("li", "new", 0), AT_ONCE);
    }

    #[test]
    fn a_whole_city_may_sign_in_from_one_address() {
        let attempts = Attempts::default();
        for n in 0..500 {
            assert_eq!(attempts.begin(&format!("n{n}"), "lan", 0), AT_ONCE);
        }
    }

    #[test]
    fn a_flood_of_names_stays_bounded() {
        let mut windows = Windows::default();
        let mut recent = Recent::default();
        for n in 0..REMEMBERED + 50 {
            windows.count(n, 0);
            recent.note(n, 0);
        }
        assert_eq!((windows.0.len(), recent.0.len()), (REMEMBERED, REMEMBERED));
    }
}
