//! A bounded memory of what was used last.
//!
//! For: what a writing session remembers of streams.
//! May not know: what it keeps, when it goes stale.

use std::collections::HashMap;
use std::hash::Hash;

/// Remembers at least the last `limit` entries used, at most twice as many: when the young generation is full it
/// becomes the old one, and what was not used since is forgotten.
#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    limit: usize,
}

impl<K: Hash + Eq, V: Clone> Cache<K, V> {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            limit,
        }
    }

    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: std::borrow::Borrow<Q>,
    {
        if let Some(value) = self.young.get(key) {
            return Some(value.clone());
        }
        let (key, value) = self.old.remove_entry(key)?;
        self.insert(key, value.clone());
        Some(value)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        if self.young.len() >= self.limit {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    pub(crate) fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q)
    where
        K: std::borrow::Borrow<Q>,
    {
        self.young.remove(key);
        self.old.remove(key);
    }

    pub(crate) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_keeps_what_is_used_and_stays_bounded() {
        let mut cache = Cache::new(10);
        cache.insert(0, 'x');
        for key in 1..=1_000 {
            cache.insert(key, 'y');
            assert_eq!(cache.get(&0), Some('x'), "after {key}");
            assert!(cache.young.len() + cache.old.len() <= 21);
        }
        assert_eq!(cache.get(&1), None);
    }

    #[test]
    fn an_old_entry_never_hides_a_newer_one() {
        let mut cache = Cache::new(2);
        cache.insert(1, 'a');
        cache.insert(2, 'b');
        cache.insert(3, 'c');
        cache.insert(1, 'd');
        cache.insert(4, 'e');
        assert_eq!(cache.get(&1), Some('d'));
        cache.remove(&1);
        assert_eq!(cache.get(&1), None);
    }
}
