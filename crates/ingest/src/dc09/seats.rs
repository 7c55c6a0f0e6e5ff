//! Who may sit at the panels' door, and how many.
//!
//! For: connections counted in total and for each source or panel, given back when they end.
//! May not know: what a connection says.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

/// A bounded number of seats, of which each name may have some.
pub(crate) struct Seats<K> {
    most: usize,
    most_each: usize,
    taken: Mutex<Taken<K>>,
}

struct Taken<K> {
    all: usize,
    each: HashMap<K, usize>,
}

/// A seat, given back when dropped.
pub(crate) struct Seat<K: Eq + Hash> {
    seats: Arc<Seats<K>>,
    name: K,
}

impl<K: Eq + Hash + Clone> Seats<K> {
    pub(crate) fn new(most: usize, most_each: usize) -> Arc<Self> {
        let taken = Mutex::new(Taken {
            all: 0,
            each: HashMap::new(),
        });
        Arc::new(Self {
            most,
            most_each,
            taken,
        })
    }

    /// A seat, unless all are taken or this name has its share.
    pub(crate) fn take(self: &Arc<Self>, name: K) -> Option<Seat<K>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let has = taken.each.get(&name).copied().unwrap_or_default();
        if taken.all >= self.most || has >= self.most_each {
            return None;
        }
        taken.all += 1;
        taken.each.insert(name.clone(), has + 1);
        let seats = Arc::clone(self);
        Some(Seat { seats, name })
    }

    /// Seats taken now.
    pub(crate) fn taken(&self) -> usize {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all
    }
}

impl<K: Eq + Hash> Drop for Seat<K> {
    fn drop(&mut self) {
        let mut taken = self
            .seats
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        if let Some(has) = taken.each.get_mut(&self.name) {
            *has -= 1;
            if *has == 0 {
                taken.each.remove(&self.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_room_and_a_greedy_name_get_no_seat_until_one_is_given_back() {
        let seats = Seats::new(3, 2);
        let first = seats.take("a");
        let second = seats.take("a");
        assert!(first.is_some() && second.is_some());
        assert!(seats.take("a").is_none(), "its share is two");
        let other = seats.take("b");
        assert!(other.is_some());
        assert!(seats.take("c").is_none(), "there are three");
        drop(first);
        assert!(seats.take("c").is_some());
        drop((second, other));
        assert_eq!(seats.taken(), 0);
        assert!(seats.taken.lock().unwrap().each.is_empty());
    }
}
