//! When whose turn comes: the part of the core that turns the fold into an agenda.
//!
//! For: planning after every event only what that event can have changed.
//! May not know: what is done in a turn; that is `orders`.

use crate::{
    agenda::{Turn, When},
    core::Core,
    state::{Touched, WaitingAlarm},
};
use domain::{
    IncidentId, OperatorId, SiteId, Timestamp, incident::next_deadline, party::Party,
    signal::Priority,
};
use eventlog::Position;
use std::collections::BTreeSet;

impl Core {
    /// Works everything out anew from the fold.
    pub(crate) fn arrange(&mut self) {
        for waiting in self.state.alarms.values() {
            let line = self.lines.entry(waiting.stream.clone()).or_default();
            line.insert(waiting.alarm.position, waiting.alarm.alarm);
        }
        let incidents: Vec<IncidentId> = self.state.open.keys().copied().collect();
        for id in &incidents {
            self.count(*id);
        }
        let operators: BTreeSet<OperatorId> = self
            .state
            .reach
            .keys()
            .chain(self.held.keys())
            .cloned()
            .collect();
        let turns: Vec<Turn> = self
            .lines
            .keys()
            .cloned()
            .map(Turn::Alarms)
            .chain(incidents.into_iter().map(Turn::Incident))
            .chain(self.state.unread.iter().copied().map(Turn::Incident))
            .chain(operators.into_iter().map(Turn::Operator))
            .collect();
        for turn in &turns {
            self.plan(turn);
        }
    }

    /// Follows what an event has changed.
    pub(crate) fn follow(&mut self, touched: &Touched) {
        if let Some(came) = &touched.came {
            let line = self.lines.entry(came.stream.clone()).or_default();
            line.insert(came.alarm.position, came.alarm.alarm);
            self.plan(&Turn::Alarms(came.stream.clone()));
        }
        if let Some(settled) = &touched.settled {
            self.leave_line(settled);
        }
        self.recount(touched);
        for operator in &touched.operators {
            self.plan(&Turn::Operator(operator.clone()));
            let held = self.held.get(operator).cloned().unwrap_or_default();
            for id in held {
                self.plan(&Turn::Incident(id));
            }
        }
        self.arrived();
    }

    /// Counts and plans the incident that was touched.
    pub(crate) fn recount(&mut self, touched: &Touched) {
        let Some(id) = touched.incident else { return };
        if !self.state.open.contains_key(&id) {
            self.located.remove(&id);
        }
        for operator in self.count(id) {
            self.plan(&Turn::Operator(operator));
        }
        self.plan(&Turn::Incident(id));
    }

    /// Lets go of a turn and plans it again.
    pub(crate) fn release(&mut self, turn: &Turn) {
        self.agenda.release(turn);
        self.plan(turn);
    }

    /// Lets go of a turn when the fold has reached `position`.
    pub(crate) fn await_position(&mut self, turn: Turn, position: Position) {
        if position <= self.state.position {
            self.release(&turn);
        } else {
            self.awaiting.insert((position, turn));
        }
    }

    /// The fold has moved on.
    pub(crate) fn arrived(&mut self) {
        while self
            .awaiting
            .first()
            .is_some_and(|(position, _)| *position <= self.state.position)
        {
            if let Some((_, turn)) = self.awaiting.pop_first() {
                self.release(&turn);
            }
        }
    }

    /// An alarm of this stream was handled; the next one's turn comes.
    pub(crate) fn leave_line(&mut self, waiting: &WaitingAlarm) {
        if let Some(line) = self.lines.get_mut(&waiting.stream) {
            line.remove(&waiting.alarm.position);
            if line.is_empty() {
                self.lines.remove(&waiting.stream);
            }
        }
        self.plan(&Turn::Alarms(waiting.stream.clone()));
    }

    fn plan(&mut self, turn: &Turn) {
        let when = self.when(turn).map(|(priority, deadline)| When {
            priority,
            deadline,
            not_before: self.resting.get(turn).copied(),
        });
        if when.is_none() {
            self.resting.remove(turn);
        }
        self.agenda.plan(turn, when);
    }

    fn when(&self, turn: &Turn) -> Option<(Priority, Timestamp)> {
        match turn {
            Turn::Alarms(stream) => {
                let (_, alarm) = self.lines.get(stream)?.first_key_value()?;
                let alarm = &self.state.alarms.get(alarm)?.alarm;
                Some((alarm.kind.priority(), alarm.received_at))
            }
            Turn::Incident(id) if self.state.unread.contains(id) => {
                Some((Priority::P1, Timestamp(i64::MIN)))
            }
            Turn::Incident(id) => {
                let open = self.state.open.get(id)?;
                let own = next_deadline(&open.incident, &self.policy).map(|deadline| deadline.at);
                let beside = self.owner_gone_at(open);
                let at = [own, beside].into_iter().flatten().min()?;
                Some((open.incident.priority, at))
            }
            Turn::Operator(operator) => {
                let (at, _, _) = self.operator_deadline(operator)?;
                Some((Priority::P1, at))
            }
        }
    }

    /// Brings the counts of who holds what up to date for one incident; gives back whose have changed.
    fn count(&mut self, id: IncidentId) -> Vec<OperatorId> {
        let open = self.state.open.get(&id);
        let owner = open.and_then(|open| open.incident.owner.as_ref());
        let now = owner.map(|owner| (owner.operator.clone(), owner.party.clone()));
        let before = self.holders.get(&id).cloned();
        if before == now {
            return Vec::new();
        }
        let mut changed = Vec::new();
        if let Some((operator, party)) = before {
            self.holders.remove(&id);
            if let Some(held) = self.held.get_mut(&operator) {
                held.remove(&id);
                if held.is_empty() {
                    self.held.remove(&operator);
                }
            }
            if let Some(load) = site_of(&party).and_then(|site| self.load.get_mut(site)) {
                *load = load.saturating_sub(1);
            }
            changed.push(operator);
        }
        if let Some((operator, party)) = now {
            self.held.entry(operator.clone()).or_default().insert(id);
            if let Some(site) = site_of(&party) {
                let load = self.load.entry(site.clone()).or_default();
                *load = load.saturating_add(1);
            }
            self.holders.insert(id, (operator.clone(), party));
            changed.push(operator);
        }
        changed
    }
}

fn site_of(party: &Party) -> Option<&SiteId> {
    match party {
        Party::Site(site) => Some(site),
        _ => None,
    }
}
