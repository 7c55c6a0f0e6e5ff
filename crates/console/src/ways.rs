//! Who could go to a call, reckoned once for all who look at it.
//!
//! For: a bounded memory of ways; every card of a call and every console ask for the same.
//! May not know: how ways are reckoned (that is `people`), who looks.

use crate::{
    people::{self, Roster},
    records::Known,
};
use directory::{City, ResponderRow};
use domain::{IncidentId, ResponderId, Timestamp, incident::Incident};
use eventlog::Position;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

/// Calls whose ways are remembered. Ours: what a district's desks have open in a storm; 2 KB each.
const CALLS: usize = 4_096;

const MINUTE_MS: i64 = 60_000;

/// Responders, soonest first, with their seconds.
type Reckoned = Vec<(ResponderId, Option<u32>)>;

/// What the answer depends on beside the call: who there is, opening hours, and where.
type Seen = (Position, i64, Option<(i32, i32)>, bool);

/// Everybody who can be sent, and how they are arranged.
type Arranged = (Arc<BTreeMap<ResponderId, ResponderRow>>, Arc<Roster>);

/// Ways reckoned lately.
#[derive(Debug, Default)]
pub(crate) struct Ways {
    reckoned: Mutex<HashMap<IncidentId, (Seen, Arc<Reckoned>)>>,
    /// As of the responders it was made of.
    roster: Mutex<Option<Arranged>>,
}

impl Ways {
    /// Who could go; see [`people::who_could_go`].
    pub(crate) fn of(
        &self,
        city: &City,
        now: Timestamp,
        incident: &Incident,
        known: Option<&Known>,
        place: Option<(i32, i32)>,
    ) -> Arc<Reckoned> {
        let weighed = incident.offer.as_ref();
        let weighed = weighed.is_some_and(|offer| !offer.candidates.is_empty());
        let seen = (city.position, now.0.div_euclid(MINUTE_MS), place, weighed);
        let kept = self.lock().get(&incident.id).cloned();
        if let Some((then, ways)) = kept
            && then == seen
        {
            return ways;
        }
        let roster = self.roster(city);
        let ways = people::who_could_go(city, &roster, now, incident, known, place);
        let ways = Arc::new(ways);
        let mut kept = self.lock();
        if kept.len() >= CALLS && !kept.contains_key(&incident.id) {
            kept.clear();
        }
        kept.insert(incident.id, (seen, Arc::clone(&ways)));
        ways
    }

    fn roster(&self, city: &City) -> Arc<Roster> {
        let mut arranged = self.roster.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, roster)) = arranged.as_ref()
            && Arc::ptr_eq(of, &city.responders)
        {
            return Arc::clone(roster);
        }
        let roster = Arc::new(Roster::of(&city.responders));
        *arranged = Some((Arc::clone(&city.responders), Arc::clone(&roster)));
        roster
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<IncidentId, (Seen, Arc<Reckoned>)>> {
        self.reckoned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use domain::{
        Actor, AlarmId, Happened, SubjectId,
        incident::{AlarmRef, IncidentEvent, evolve},
        signal::{Priority, SignalKind},
    };
    use uuid::Uuid;

    /// A call that nobody has yet.
    pub(crate) fn call() -> Incident {
        let id = IncidentId(Uuid::new_v4());
        let at = Timestamp(1_000_000);
        let alarm = AlarmRef {
            alarm: AlarmId(Uuid::new_v4()),
            position: 1,
            device: None,
            press: "1".to_owned(),
            kind: SignalKind::Sos,
            received_at: at,
            problems: vec![],
            verified: true,
        };
        let opened = IncidentEvent::IncidentOpened {
            incident: id,
            subject: SubjectId::source("a"),
            resident: None,
            alarm,
            priority: Priority::P1,
            district: None,
            place: None,
            previous: None,
            late_ms: None,
        };
        evolve(None, 0, &Happened::new(at, Actor::Dispatcher, opened)).unwrap()
    }

    #[test]
    fn no_more_calls_are_remembered_than_the_bound_and_a_change_of_the_city_is_seen() {
        let ways = Ways::default();
        let mut city = City::default();
        let now = Timestamp(1_000_000);
        for _ in 0..=CALLS {
            ways.of(&city, now, &call(), None, None);
            assert!(ways.lock().len() <= CALLS);
        }
        let call = call();
        ways.of(&city, now, &call, None, None);
        let seen = |ways: &Ways| ways.lock()[&call.id].0;
        let before = seen(&ways);
        city.position = Position(7);
        ways.of(&city, now, &call, None, None);
        assert_ne!(seen(&ways), before);
    }
}
