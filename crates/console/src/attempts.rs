//! How often somebody may fail to sign in.
//!
//! For: slowing down whoever guesses passwords, by name and by source.
//! May not know: passwords, sockets. Time is passed in.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

/// Failed sign-ins per name within [`WINDOW_MS`]. Ours: a person who has forgotten one tries a handful of times.
pub const NAME_FAILURES: u32 = 8;

/// Failed sign-ins per source address within [`WINDOW_MS`]. Ours: a whole station may sit behind one address.
pub const SOURCE_FAILURES: u32 = 40;

/// How long failures count, in milliseconds.
pub const WINDOW_MS: i64 = 5 * 60_000;

/// Names and sources remembered, each. A flood beyond it forgets the oldest windows first.
pub const REMEMBERED: usize = 10_000;

/// Failures so far, by name and by source.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    names: Mutex<Windows<String>>,
    sources: Mutex<Windows<String>>,
}

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
        Err(u64::try_from((WINDOW_MS - age) / 1_000).unwrap_or(0) + 1)
    }

    fn count(&mut self, key: K, now_ms: i64) {
        if self.0.len() >= REMEMBERED && !self.0.contains_key(&key) {
            self.0
                .retain(|_, (since, _)| now_ms.saturating_sub(*since) < WINDOW_MS);
            if self.0.len() >= REMEMBERED {
                let oldest = self.0.iter().min_by_key(|(_, (since, _))| *since);
                let oldest = oldest.map(|(key, _)| key.clone());
                oldest.map(|key| self.0.remove(&key));
            }
        }
        let entry = self.0.entry(key).or_insert((now_ms, 0));
        if !(0..WINDOW_MS).contains(&now_ms.saturating_sub(entry.0)) {
            *entry = (now_ms, 0);
        }
        entry.1 += 1;
    }
}

impl Attempts {
    /// Counts a try against its name before it is made, so that many at once do not slip through. `Err`: seconds
    /// until the next one is looked at.
    pub(crate) fn begin(&self, name: &str, source: &str, now_ms: i64) -> Result<(), u64> {
        let source = source.to_owned();
        lock(&self.sources).room(&source, SOURCE_FAILURES, now_ms)?;
        let name = name.to_owned();
        let mut names = lock(&self.names);
        names.room(&name, NAME_FAILURES, now_ms)?;
        names.count(name, now_ms);
        Ok(())
    }

    /// It failed. A source is charged only now: a whole city may sign in from one address in the same minute.
    pub(crate) fn failed(&self, source: &str, now_ms: i64) {
        lock(&self.sources).count(source.to_owned(), now_ms);
    }

    /// It was no failure.
    pub(crate) fn succeeded(&self, name: &str) {
        lock(&self.names).0.remove(name);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessing_is_slowed_by_name_and_by_source_and_a_success_clears_the_name() {
        let attempts = Attempts::default();
        for _ in 0..NAME_FAILURES {
            assert_eq!(attempts.begin("wang", "a", 0), Ok(()));
        }
        assert!(attempts.begin("wang", "b", 0).is_err());
        assert_eq!(attempts.begin("wang", "b", WINDOW_MS), Ok(()));
        attempts.succeeded("wang");
        assert_eq!(attempts.begin("wang", "b", 0), Ok(()));
        for n in 0..SOURCE_FAILURES {
            assert_eq!(attempts.begin(&format!("n{n}"), "c", 0), Ok(()));
            attempts.failed("c", 0);
        }
        assert!(attempts.begin("fresh", "c", 0).is_err());
        assert_eq!(attempts.begin("fresh", "d", 0), Ok(()));
    }

    #[test]
    fn a_whole_city_may_sign_in_from_one_address() {
        let attempts = Attempts::default();
        for n in 0..500 {
            assert_eq!(attempts.begin(&format!("n{n}"), "lan", 0), Ok(()));
        }
    }

    #[test]
    fn a_flood_of_names_stays_bounded() {
        let mut windows = Windows::default();
        for n in 0..REMEMBERED + 50 {
            windows.count(n, 0);
        }
        assert_eq!(windows.0.len(), REMEMBERED);
    }
}
