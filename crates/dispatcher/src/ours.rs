//! Which ringings this dispatcher has decided itself.
//!
//! For: that of several dispatchers the one whose append was taken makes the call.
//! May not know: who is rung, how.

use eventlog::EventId;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

/// Ringings remembered. Ours: each is asked for within seconds, and a city rings far fewer in a minute.
const KEPT: usize = 4_096;

/// The ringings; clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ours(Arc<Mutex<VecDeque<EventId>>>);

impl Ours {
    /// Our append of this ringing was taken.
    pub(crate) fn add(&self, ringing: EventId) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back(ringing);
    }

    pub(crate) fn has(&self, ringing: EventId) -> bool {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.contains(&ringing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn the_oldest_is_forgotten_when_there_are_too_many() {
        let ours = Ours::default();
        let id = |n: usize| EventId(Uuid::from_u128(n as u128));
        for n in 0..=KEPT {
            ours.add(id(n));
        }
        assert!(!ours.has(id(0)) && ours.has(id(1)) && ours.has(id(KEPT)));
    }
}
