//! Whose turn it is: one entry per thing that may need us, by the moment it does.
//!
//! For: finding what is due, most urgent first, without looking at everything that is open.
//! May not know: what will be done, clocks; `now` is passed in.

use domain::{IncidentId, OperatorId, Timestamp, signal::Priority};
use eventlog::StreamName;
use std::collections::{BTreeMap, BTreeSet};

/// Something that is worked on by one hand at a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// The alarms waiting in one stream, oldest first.
    Alarms(StreamName),
    /// One incident.
    Incident(IncidentId),
    /// One operator's reach.
    Operator(OperatorId),
}

/// When a turn comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct When {
    /// How pressing it is.
    pub priority: Priority,
    /// The deadline that orders it among what is due.
    pub deadline: Timestamp,
    /// Not before this, after trouble.
    pub not_before: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy)]
enum Slot {
    Later(Timestamp, When),
    Ready(When),
    Running,
}

/// The turns, in order.
#[derive(Debug, Default)]
pub struct Agenda {
    slots: BTreeMap<Turn, Slot>,
    later: BTreeSet<(Timestamp, Turn)>,
    ready: BTreeSet<(Priority, Timestamp, Turn)>,
}

impl Agenda {
    /// Plans a turn anew, or strikes it off. What is being worked on is left alone until it is [released](Self::release).
    pub fn plan(&mut self, turn: &Turn, when: Option<When>) {
        if matches!(self.slots.get(turn), Some(Slot::Running)) {
            return;
        }
        self.strike(turn);
        if let Some(when) = when {
            let at = when
                .not_before
                .map_or(when.deadline, |at| at.max(when.deadline));
            self.slots.insert(turn.clone(), Slot::Later(at, when));
            self.later.insert((at, turn.clone()));
        }
    }

    /// The most urgent turns that have come, at most `limit`, marked as being worked on.
    pub fn take(&mut self, now: Timestamp, limit: usize) -> Vec<(Turn, When)> {
        self.ripen(now);
        let mut taken = Vec::new();
        while taken.len() < limit
            && let Some((_, _, turn)) = self.ready.pop_first()
        {
            if let Some(Slot::Ready(when)) = self.slots.insert(turn.clone(), Slot::Running) {
                taken.push((turn, when));
            }
        }
        taken
    }

    /// Work on it has ended; plan it again.
    pub fn release(&mut self, turn: &Turn) {
        if matches!(self.slots.get(turn), Some(Slot::Running)) {
            self.slots.remove(turn);
        }
    }

    /// When the next turn comes; a moment that has passed when one has come already.
    pub fn next_at(&self) -> Option<Timestamp> {
        let ready = self.ready.first().map(|_| Timestamp(i64::MIN));
        ready.or_else(|| self.later.first().map(|(at, _)| *at))
    }

    fn ripen(&mut self, now: Timestamp) {
        while self.later.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, turn)) = self.later.pop_first() else {
                return;
            };
            if let Some(slot) = self.slots.get_mut(&turn)
                && let Slot::Later(_, when) = *slot
            {
                *slot = Slot::Ready(when);
                self.ready.insert((when.priority, when.deadline, turn));
            }
        }
    }

    fn strike(&mut self, turn: &Turn) {
        match self.slots.remove(turn) {
            Some(Slot::Later(at, _)) => {
                self.later.remove(&(at, turn.clone()));
            }
            Some(Slot::Ready(when)) => {
                self.ready
                    .remove(&(when.priority, when.deadline, turn.clone()));
            }
            Some(Slot::Running) | None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operator(name: &str) -> Turn {
        Turn::Operator(OperatorId::parse(name).unwrap())
    }

    fn when(priority: Priority, deadline: i64) -> Option<When> {
        Some(When {
            priority,
            deadline: Timestamp(deadline),
            not_before: None,
        })
    }

    fn names(taken: Vec<(Turn, When)>) -> Vec<Turn> {
        taken.into_iter().map(|(turn, _)| turn).collect()
    }

    #[test]
    fn what_is_due_goes_by_priority_then_deadline_then_id() {
        let mut agenda = Agenda::default();
        agenda.plan(&operator("d"), when(Priority::P2, 1));
        agenda.plan(&operator("c"), when(Priority::P1, 5));
        agenda.plan(&operator("b"), when(Priority::P1, 3));
        agenda.plan(&operator("a"), when(Priority::P1, 5));
        agenda.plan(&operator("later"), when(Priority::P1, 11));
        let taken = names(agenda.take(Timestamp(10), 3));
        assert_eq!(taken, [operator("b"), operator("a"), operator("c")]);
        assert_eq!(names(agenda.take(Timestamp(10), 3)), [operator("d")]);
        assert_eq!(agenda.next_at(), Some(Timestamp(11)));
    }

    #[test]
    fn what_is_worked_on_is_not_given_twice() {
        let mut agenda = Agenda::default();
        agenda.plan(&operator("a"), when(Priority::P1, 1));
        assert_eq!(agenda.take(Timestamp(1), 9).len(), 1);
        agenda.plan(&operator("a"), when(Priority::P1, 1));
        assert_eq!(agenda.take(Timestamp(1), 9).len(), 0);
        agenda.release(&operator("a"));
        agenda.plan(&operator("a"), when(Priority::P1, 1));
        assert_eq!(agenda.take(Timestamp(1), 9).len(), 1);
    }

    #[test]
    fn a_turn_planned_anew_forgets_its_old_time() {
        let mut agenda = Agenda::default();
        agenda.plan(&operator("a"), when(Priority::P1, 1));
        agenda.plan(&operator("a"), when(Priority::P1, 9));
        assert_eq!(agenda.take(Timestamp(5), 9).len(), 0);
        agenda.plan(&operator("a"), None);
        assert_eq!(agenda.next_at(), None);
    }

    #[test]
    fn after_trouble_a_turn_waits_and_keeps_its_rank() {
        let mut agenda = Agenda::default();
        let paused = When {
            priority: Priority::P1,
            deadline: Timestamp(1),
            not_before: Some(Timestamp(20)),
        };
        agenda.plan(&operator("b"), Some(paused));
        agenda.plan(&operator("a"), when(Priority::P1, 15));
        assert_eq!(names(agenda.take(Timestamp(19), 9)), [operator("a")]);
        assert_eq!(names(agenda.take(Timestamp(20), 9)), [operator("b")]);
    }
}
