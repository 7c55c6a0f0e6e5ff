//! The dispatcher's mind: events and ticks go in, wants come out.
//!
//! For: keeping the fold and, beside it, what it amounts to: whose turn it is, who holds what, how full a site is.
//! May not know: clocks, sockets, async. The shell tells it the time, does what it wants and says how that went.

use crate::{
    agenda::{Agenda, Turn, When},
    metrics::Metrics,
    orders,
    places::Located,
    state::{OpenIncident, Reach, State, Touched, WaitingAlarm},
};
use casebook::Case;
use domain::{
    AlarmId, CommandId, IncidentId, OperatorId, SiteId, Timestamp,
    incident::{Incident, IncidentCommand},
    party::Party,
    policy::RingPolicy,
};
use eventlog::{EventId, Position, Recorded, StreamName};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use uuid::Uuid;

/// How long an incident rests after something due on it changed nothing. Ours: it happens only by a bug of ours, and
/// must then neither fill the log nor keep a processor busy.
pub const IDLE_PAUSE: Duration = Duration::from_secs(1);

/// Something the shell is to do. Until it says how that went, the same thing is not wanted again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// Open an incident for this alarm, or let it join one.
    HandleAlarm(Arc<WaitingAlarm>),
    /// Find out where this incident is, before it can be offered.
    Locate {
        /// Which.
        incident: Arc<OpenIncident>,
    },
    /// Read an incident from its stream: it was opened again after we had let go of it.
    Read(IncidentId),
    /// Ask these of an incident, in order.
    Act {
        /// Which.
        incident: IncidentId,
        /// The revision they were decided on.
        revision: u64,
        /// What to ask, each with the id under which it is done once.
        commands: Vec<(CommandId, IncidentCommand)>,
        /// The deadline they answer.
        deadline: Timestamp,
    },
    /// Record that an operator cannot be reached.
    OperatorUnreachable(OperatorId, EventId),
    /// Record that they can be reached again.
    OperatorBack(OperatorId, EventId),
}

impl Want {
    /// Whose turn it was.
    pub fn turn(&self) -> Turn {
        match self {
            Self::HandleAlarm(waiting) => Turn::Alarms(waiting.stream.clone()),
            Self::Locate { incident } => Turn::Incident(incident.incident.id),
            Self::Read(incident) | Self::Act { incident, .. } => Turn::Incident(*incident),
            Self::OperatorUnreachable(operator, _) | Self::OperatorBack(operator, _) => {
                Turn::Operator(operator.clone())
            }
        }
    }
}

/// The core: a fold of the log and what follows from it.
#[derive(Debug)]
pub struct Core {
    pub(crate) policy: Arc<RingPolicy>,
    pub(crate) state: State,
    pub(crate) agenda: Agenda,
    /// Turns that wait until the fold has reached a position.
    pub(crate) awaiting: BTreeSet<(Position, Turn)>,
    /// Turns that rest after trouble.
    pub(crate) resting: BTreeMap<Turn, Timestamp>,
    /// Waiting alarms by stream and position.
    pub(crate) lines: BTreeMap<StreamName, BTreeMap<u64, AlarmId>>,
    /// Where incidents are; in memory only, for it says where people live.
    pub(crate) located: BTreeMap<IncidentId, Located>,
    /// Who holds an incident, as counted in `held` and `load`.
    pub(crate) holders: BTreeMap<IncidentId, (OperatorId, Party)>,
    pub(crate) held: BTreeMap<OperatorId, BTreeSet<IncidentId>>,
    pub(crate) load: BTreeMap<SiteId, u16>,
}

impl Core {
    /// A core that goes on from a fold.
    pub fn new(policy: Arc<RingPolicy>, state: State) -> Self {
        let mut core = Self {
            policy,
            state,
            agenda: Agenda::default(),
            awaiting: BTreeSet::new(),
            resting: BTreeMap::new(),
            lines: BTreeMap::new(),
            located: BTreeMap::new(),
            holders: BTreeMap::new(),
            held: BTreeMap::new(),
            load: BTreeMap::new(),
        };
        core.arrange();
        core
    }

    /// The fold.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Folds one more event; `None` for one of ours that does not read.
    pub fn apply(&mut self, recorded: &Recorded, case: Option<&Case>) {
        let touched = match case {
            Some(case) => self.state.apply(recorded, case),
            None => self.state.pass_over(recorded),
        };
        self.follow(&touched);
    }

    /// Passes over an event that changes nothing here.
    pub fn pass(&mut self, position: Position) {
        self.state.position = self.state.position.max(position);
        self.arrived();
    }

    /// What is to be done now, most urgent first (priority, deadline, id), at most `limit`.
    pub fn wants(&mut self, now: Timestamp, limit: usize) -> Vec<Want> {
        let mut wants = Vec::new();
        for (turn, when) in self.agenda.take(now, limit) {
            self.resting.remove(&turn);
            match self.want(&turn, when, now) {
                Some(want) => wants.push(want),
                // Due and nothing to do is a contradiction of ours: it rests, or the shell would never sleep again.
                None => self.rest(&turn, now + IDLE_PAUSE),
            }
        }
        wants
    }

    /// When something will be due; a moment that has passed when something is.
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.agenda.next_at()
    }

    /// An alarm is in its incident, or needs none.
    pub fn alarm_done(&mut self, waiting: &WaitingAlarm, to: Option<(IncidentId, Located)>) {
        if let Some((incident, located)) = to {
            self.located.entry(incident).or_insert(located);
        }
        self.state.settle(waiting.alarm.alarm);
        self.leave_line(waiting);
        self.release(&Turn::Alarms(waiting.stream.clone()));
    }

    /// Where an incident is. `sure`: it was looked up, and need not be again.
    pub fn locate_done(&mut self, incident: IncidentId, located: Located, sure: bool) {
        let located = Located { sure, ..located };
        self.located.insert(incident, located);
        self.release(&Turn::Incident(incident));
    }

    /// An incident was read.
    pub fn read_done(&mut self, id: IncidentId, incident: Option<Incident>) {
        let touched = self.state.adopt(id, incident);
        self.recount(&touched);
        self.release(&Turn::Incident(id));
    }

    /// What was asked of an incident is done, up to `position`. `changed`: something new happened.
    pub fn act_done(
        &mut self,
        id: IncidentId,
        decided_on: u64,
        position: Position,
        changed: bool,
        now: Timestamp,
    ) {
        if self.located.get(&id).is_some_and(|located| !located.sure) {
            self.located.remove(&id);
        }
        let turn = Turn::Incident(id);
        let known = self.state.open.get(&id).map(|open| open.incident.revision);
        if !changed && position <= self.state.position && known == Some(decided_on) {
            tracing::error!(incident = %id, revision = decided_on, "what was due changed nothing");
            self.rest(&turn, now + IDLE_PAUSE);
            return;
        }
        self.await_position(turn, position);
    }

    /// An operator's reach is recorded at this position.
    pub fn operator_done(&mut self, operator: &OperatorId, position: Position) {
        self.await_position(Turn::Operator(operator.clone()), position);
    }

    /// It could not be done now; it is wanted again at `until`.
    pub fn rest(&mut self, turn: &Turn, until: Timestamp) {
        self.resting.insert(turn.clone(), until);
        self.release(turn);
    }

    /// An incident that the log does not know: our bug, and nothing can be done on it.
    pub fn lost(&mut self, id: IncidentId) {
        self.state.open.remove(&id);
        self.recount(&Touched {
            incident: Some(id),
            ..Touched::default()
        });
        self.release(&Turn::Incident(id));
    }

    /// Counts what is open into the metrics.
    pub fn measure(&self, metrics: &Metrics) {
        metrics.set_open(self.state.open.len(), self.state.alarms.len());
    }

    fn want(&self, turn: &Turn, when: When, now: Timestamp) -> Option<Want> {
        match turn {
            Turn::Alarms(stream) => {
                let (_, alarm) = self.lines.get(stream)?.first_key_value()?;
                let waiting = self.state.alarms.get(alarm)?;
                Some(Want::HandleAlarm(Arc::clone(waiting)))
            }
            Turn::Incident(id) if self.state.unread.contains(id) => Some(Want::Read(*id)),
            Turn::Incident(id) => self.incident_want(*id, when, now),
            Turn::Operator(operator) => self.operator_want(operator),
        }
    }

    fn incident_want(&self, id: IncidentId, when: When, now: Timestamp) -> Option<Want> {
        let open = self.state.open.get(&id)?;
        let desk = orders::Desk {
            policy: &self.policy,
            city: &self.state.city,
            load: &self.load,
            as_of: self.state.position,
            now,
        };
        let owner_gone = self.owner_gone_at(open).filter(|at| *at <= now);
        if !self.located.contains_key(&id) && desk.must_locate(&open.incident, owner_gone) {
            let incident = Arc::clone(open);
            return Some(Want::Locate { incident });
        }
        let nowhere = Located::default();
        let located = self.located.get(&id).unwrap_or(&nowhere);
        let commands = desk.commands(&open.incident, located, owner_gone);
        (!commands.is_empty()).then_some(Want::Act {
            incident: id,
            revision: open.incident.revision,
            commands,
            // What became due by an earlier act's event is not late since before that event.
            deadline: when.deadline.max(open.incident.changed_at),
        })
    }

    fn operator_want(&self, operator: &OperatorId) -> Option<Want> {
        let (_, since, back) = self.operator_deadline(operator)?;
        let name = format!("{operator}:{back}:{}", since.0);
        let event = EventId(Uuid::new_v5(&REACH_SPACE, name.as_bytes()));
        Some(if back {
            Want::OperatorBack(operator.clone(), event)
        } else {
            Want::OperatorUnreachable(operator.clone(), event)
        })
    }

    /// When an operator's reach must be recorded, since when it is so, and whether they are back.
    pub(crate) fn operator_deadline(
        &self,
        operator: &OperatorId,
    ) -> Option<(Timestamp, Timestamp, bool)> {
        let reach = self.state.reach.get(operator);
        let attached = reach.is_some_and(Reach::is_attached);
        let unreachable = self.state.city.unreachable.contains(operator);
        if attached || unreachable {
            let back = reach.and_then(|reach| reach.back_since);
            let back = back.filter(|_| attached && unreachable)?;
            return Some((back, back, true));
        }
        let by_console = |id: &&IncidentId| {
            let open = self.state.open.get(id);
            open.is_some_and(|open| !open.by_phone)
        };
        let held = self.held.get(operator);
        let holds = held.and_then(|held| held.iter().find(by_console));
        let on_duty = reach.is_some_and(|reach| !reach.duty.is_empty());
        if holds.is_none() && !on_duty {
            return None;
        }
        let accepted = holds
            .and_then(|id| self.state.open.get(id))
            .and_then(|open| open.incident.owner.as_ref())
            .map(|owner| owner.since);
        let since = reach.and_then(|reach| reach.gone_since).or(accepted)?;
        let patience = Duration::from_secs(self.policy.unreachable_s.into());
        Some((since + patience, since, false))
    }

    /// When an incident is offered beside an owner who has no live console; `None` while they have one, or need none.
    pub(crate) fn owner_gone_at(&self, open: &OpenIncident) -> Option<Timestamp> {
        let incident = &open.incident;
        let owner = incident.owner.as_ref()?;
        if open.by_phone || incident.beside.is_some() {
            return None;
        }
        let reach = self.state.reach.get(&owner.operator);
        if reach.is_some_and(Reach::is_attached) {
            return None;
        }
        let gone = reach.and_then(|reach| reach.gone_since);
        // Offered beside them before, and they took a step since: it is not done again at once.
        let offered = incident.offer.as_ref().map(|offer| offer.offered_at);
        let since = [gone, offered]
            .into_iter()
            .flatten()
            .fold(owner.since, Timestamp::max);
        let patience = self.policy.unreachable_s + self.policy.unreachable_offer_s;
        Some(since + Duration::from_secs(patience.into()))
    }
}

/// Names the space of the events that record an operator's reach; fixed for ever.
const REACH_SPACE: Uuid = Uuid::from_u128(0x2f0c_51b8_7e4d_5a36_9d18_c06b_73ae_41f5);
