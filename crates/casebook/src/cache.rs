//! A bounded cache that forgets what was not asked for lately.
//!
//! For: unwrapped keys and folds, which are dear to make and cheap to keep.
//! May not know: what it keeps.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

/// Two generations: what is asked for moves to the young one; when that is half the limit, the old one is dropped.
pub(crate) struct Cache<K, V> {
    half: usize,
    kept: Mutex<Generations<K, V>>,
}

struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    /// Counts removals, so that what was read before one is not put in after it.
    removals: u64,
}

impl<K: Eq + Hash, V: Clone> Cache<K, V> {
    /// Keeps at most `limit` entries.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            half: (limit / 2).max(1),
            kept: Mutex::new(Generations {
                young: HashMap::new(),
                old: HashMap::new(),
                removals: 0,
            }),
        }
    }

    pub(crate) fn get(&self, key: &K) -> Option<V>
    where
        K: Clone,
    {
        self.with(|kept| {
            if let Some(value) = kept.young.get(key) {
                return Some(value.clone());
            }
            let value = kept.old.remove(key)?;
            kept.insert(self.half, key.clone(), value.clone());
            Some(value)
        })
    }

    /// Removals so far; give it back to [`Cache::put_since`].
    pub(crate) fn removals(&self) -> u64 {
        self.with(|kept| kept.removals)
    }

    /// Keeps an entry unless anything was removed since `removals` was asked.
    pub(crate) fn put_since(&self, removals: u64, key: K, value: V) {
        self.with(|kept| {
            if kept.removals == removals {
                kept.insert(self.half, key, value);
            }
        });
    }

    /// Keeps an entry unless one is there that `stays`.
    pub(crate) fn put_unless(&self, key: K, value: V, stays: impl FnOnce(&V, &V) -> bool) {
        self.with(|kept| {
            let there = kept.young.get(&key).or_else(|| kept.old.get(&key));
            if !there.is_some_and(|there| stays(there, &value)) {
                kept.insert(self.half, key, value);
            }
        });
    }

    pub(crate) fn remove(&self, key: &K) {
        self.with(|kept| {
            kept.removals += 1;
            kept.young.remove(key);
            kept.old.remove(key);
        });
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.with(|kept| kept.young.len() + kept.old.len())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Generations<K, V>) -> T) -> T {
        act(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<K: Eq + Hash, V> Generations<K, V> {
    fn insert(&mut self, half: usize, key: K, value: V) {
        self.old.remove(&key);
        self.young.insert(key, value);
        if self.young.len() >= half {
            self.old = std::mem::take(&mut self.young);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_cache_forgets_what_was_not_asked_for() {
        let cache = Cache::new(10);
        for key in 0..100 {
            cache.put_since(0, key, key);
            assert_eq!(cache.get(&0), Some(0), "asked for every time");
            assert!(cache.len() <= 10);
        }
        assert_eq!(cache.get(&50), None);
        assert_eq!(cache.get(&99), Some(99));
    }

    #[test]
    fn an_entry_that_stays_is_not_replaced_wherever_it_stands() {
        let cache = Cache::new(4);
        let newer = |there: &u32, new: &u32| there > new;
        cache.put_unless(1, 5, newer);
        cache.put_unless(1, 4, newer);
        assert_eq!(cache.get(&1), Some(5));
        // Among the old ones by now.
        cache.put_since(0, 2, 0);
        cache.put_unless(1, 4, newer);
        assert_eq!(cache.get(&1), Some(5));
        cache.put_unless(1, 6, newer);
        assert_eq!(cache.get(&1), Some(6));
    }

    #[test]
    fn what_was_read_before_a_removal_is_not_put_in_after_it() {
        let cache = Cache::new(10);
        let before = cache.removals();
        cache.remove(&1);
        cache.put_since(before, 1, 1);
        assert_eq!(cache.get(&1), None);
    }
}
