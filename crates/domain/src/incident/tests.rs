//! The incident's rules, told as stories.
//!
//! For: given what happened, when something is asked, then this follows.
//! May not know: anything but the public names of the crate.

mod closing;
mod deadlines;
mod histories;
mod lifecycle;
mod offering;
mod support;
mod way;
mod work;

use super::*;
use crate::{
    AlarmId, ConsoleId, DistrictId, Happened, IncidentId, OperatorId, ResidentId, ResponderId,
    Sealed, SiteId, SubjectId, Timestamp,
    codes::{Action, Outcome, Reason},
    happened::Actor,
    party::{Candidate, Means, Party, TravelSource},
    policy::{RingInputs, RingPolicy, plan_ring},
    signal::{Priority, SignalKind},
};
use std::time::Duration;
use uuid::Uuid;

/// Moments count from here.
const START: Timestamp = Timestamp(1_700_000_000_000);

fn after(seconds: i64) -> Timestamp {
    Timestamp(START.0 + seconds * 1_000)
}
fn site(n: u8) -> Party {
    Party::Site(SiteId::parse(&format!("HRB-230102-0{n}")).unwrap())
}
fn district() -> DistrictId {
    DistrictId::parse("230102").unwrap()
}
fn desk() -> Party {
    Party::DistrictDesk(district())
}
fn operator(name: &str) -> OperatorId {
    OperatorId::parse(name).unwrap()
}
fn responder(name: &str) -> ResponderId {
    ResponderId::parse(name).unwrap()
}
fn by(name: &str) -> Actor {
    Actor::Operator(operator(name))
}
fn sealed() -> Sealed {
    Sealed {
        key: "resident-r1".into(),
        nonce: "AA==".into(),
        boxed: "AA==".into(),
    }
}
fn alarm(n: u64, kind: SignalKind, received_at: Timestamp) -> AlarmRef {
    AlarmRef {
        alarm: AlarmId(Uuid::from_u128(u128::from(n))),
        position: n,
        device: None,
        press: n.to_string(),
        kind,
        received_at,
        problems: vec![],
        verified: true,
    }
}
fn candidates() -> Vec<Candidate> {
    (1..=4u8)
        .map(|n| Candidate {
            site: SiteId::parse(&format!("HRB-230102-0{n}")).unwrap(),
            seconds: Some(u32::from(n) * 60),
            metres: Some(u32::from(n) * 333),
            via: None,
            home: n == 1,
            ruled_out: None,
        })
        .collect()
}
fn open(kind: SignalKind) -> IncidentCommand {
    let resident = ResidentId::parse("r1").unwrap();
    IncidentCommand::Open {
        incident: IncidentId::opened_by(AlarmId(Uuid::from_u128(1))),
        subject: SubjectId::resident(&resident),
        resident: Some(resident),
        alarm: alarm(1, kind, START),
        priority: kind.priority(),
        district: Some(district()),
        place: None,
        previous: None,
        late_ms: None,
    }
}
fn accept(name: &str, party: Party) -> IncidentCommand {
    IncidentCommand::Accept {
        operator: operator(name),
        party,
    }
}
fn join(n: u64, kind: SignalKind, at: Timestamp) -> IncidentCommand {
    IncidentCommand::Join {
        alarm: alarm(n, kind, at),
    }
}
fn send(name: &str, seconds: u32) -> IncidentCommand {
    IncidentCommand::SendResponder {
        responder: responder(name),
        from: None,
        seconds,
    }
}
fn arrive(name: &str) -> IncidentCommand {
    IncidentCommand::Arrive {
        responder: responder(name),
    }
}
fn resolve(reason: Reason, outcome: Outcome) -> IncidentCommand {
    IncidentCommand::Resolve {
        reason,
        actions: vec![Action::Talked],
        outcome,
        note: None,
        machine: false,
    }
}
fn hold(until: Timestamp) -> IncidentCommand {
    IncidentCommand::Hold {
        reason: "daughter calls back".into(),
        until,
    }
}
fn transfer(to: Party) -> IncidentCommand {
    IncidentCommand::Transfer {
        to,
        reason: "nearer".into(),
    }
}
fn name_of(event: &IncidentEvent) -> String {
    let text = format!("{event:?}");
    let end = text.find([' ', '{', '(']).unwrap_or(text.len());
    text[..end].to_owned()
}

/// One incident and its log, moved through time.
#[derive(Clone)]
struct Story {
    policy: RingPolicy,
    now: Timestamp,
    log: Vec<Happened<IncidentEvent>>,
    incident: Option<Incident>,
}

impl Story {
    fn blank() -> Self {
        Self {
            policy: RingPolicy::default(),
            now: START,
            log: vec![],
            incident: None,
        }
    }
    /// Opened at 0 s; nobody rung.
    fn opened(kind: SignalKind) -> Self {
        Self::blank().does(Actor::Dispatcher, open(kind))
    }
    /// Opened and offered to the nearest site at 0 s.
    fn offered() -> Self {
        Self::opened(SignalKind::Sos).acts()
    }
    /// … shown there, and accepted by wang at 5 s.
    fn accepted() -> Self {
        Self::offered()
            .at(1)
            .does(by("wang"), shown("wang", site(1)))
            .at(5)
            .does(by("wang"), accept("wang", site(1)))
    }
    /// … and talking since 10 s.
    fn talking() -> Self {
        let talk = IncidentCommand::StartTalk;
        Self::accepted().at(10).does(by("wang"), talk)
    }
    /// … and a carer sent at 20 s who needs 300 s.
    fn underway() -> Self {
        Self::talking().at(20).does(by("wang"), send("carer", 300))
    }
    fn on_site() -> Self {
        let carer = Actor::Responder(responder("carer"));
        Self::underway().at(310).does(carer, arrive("carer"))
    }
    fn held() -> Self {
        Self::talking().at(30).does(by("wang"), hold(after(330)))
    }
    fn resolved() -> Self {
        let resolve = resolve(Reason::Unwell, Outcome::Safe);
        Self::talking().at(60).does(by("wang"), resolve)
    }

    fn at(mut self, seconds: i64) -> Self {
        self.now = after(seconds);
        self
    }
    fn now(&self) -> &Incident {
        self.incident.as_ref().expect("the story has begun")
    }
    fn asked(&self, by: Actor, command: IncidentCommand) -> Result<Vec<IncidentEvent>, Refusal> {
        let seen = self.incident.as_ref().map(|i| i.revision);
        self.asked_seeing(seen, by, command)
    }
    /// Granted, and told later than it happened.
    fn does_late(mut self, said: i64, by: Actor, command: IncidentCommand) -> Self {
        let asked = Asked {
            at: self.now,
            by: by.clone(),
            seen: Some(self.now().revision),
            said_at: Some(after(said)),
            command,
        };
        let events = decide_under(&self.policy, self.incident.as_ref(), &asked).expect("granted");
        let said_at = self.now().believed(&asked);
        for event in events {
            let happened = Happened::new(self.now, by.clone(), event).said(said_at);
            self.record(happened);
        }
        self
    }
    fn asked_seeing(
        &self,
        seen: Option<u64>,
        by: Actor,
        command: IncidentCommand,
    ) -> Result<Vec<IncidentEvent>, Refusal> {
        let asked = Asked {
            at: self.now,
            by,
            seen,
            said_at: None,
            command,
        };
        decide_under(&self.policy, self.incident.as_ref(), &asked)
    }
    fn happens(&mut self, by: Actor, event: IncidentEvent) {
        self.record(Happened::new(self.now, by, event));
    }
    fn record(&mut self, happened: Happened<IncidentEvent>) {
        let revision = self.log.len() as u64;
        self.incident = evolve(self.incident.take(), revision, &happened);
        self.log.push(happened);
    }
    /// Granted, with something new.
    fn does(mut self, by: Actor, command: IncidentCommand) -> Self {
        let events = self.asked(by.clone(), command).expect("granted");
        assert!(!events.is_empty(), "nothing new happened");
        for event in events {
            self.happens(by.clone(), event);
        }
        self
    }
    fn names(&self, by: Actor, command: IncidentCommand) -> Vec<String> {
        let events = self.asked(by, command).expect("granted");
        events.iter().map(name_of).collect()
    }
    fn refuses(&self, by: Actor, command: IncidentCommand) -> Refusal {
        self.asked(by, command).expect_err("refused")
    }
    fn due(&self) -> Vec<Due> {
        due(self.now(), &self.policy, self.now)
    }
    fn deadline(&self) -> (DeadlineKind, i64) {
        let next = next_deadline(self.now(), &self.policy).expect("open");
        (next.kind, (next.at.0 - START.0) / 1_000)
    }

    /// Acts as the dispatcher does until nothing is due.
    fn acts(mut self) -> Self {
        for _ in 0..100 {
            let Some(first) = self.due().into_iter().next() else {
                return self;
            };
            let command = self.command_for(first);
            self = self.does(Actor::Dispatcher, command);
        }
        panic!("the dispatcher never comes to rest: {:?}", self.due());
    }

    fn command_for(&self, due: Due) -> IncidentCommand {
        let incident = self.now();
        match due {
            Due::FirstOffer => {
                let ring = first_ring(incident, &self.policy);
                self.offer(ring, 0, first_cause(incident), None)
            }
            Due::Widen {
                ring,
                round,
                cause,
                late_ms,
            } => self.offer(ring, round, cause, late_ms),
            Due::Unseen(parties) => IncidentCommand::MarkUnseen { parties },
            Due::DutyPhone {
                party,
                cause,
                attempt,
            } => IncidentCommand::RingDutyPhone {
                party,
                attempt,
                cause,
            },
            Due::Support(party) => IncidentCommand::Offer {
                ring: 0,
                round: 0,
                cause: OfferCause::Support,
                added: vec![party],
                means: vec![Means::Screen, Means::DutyPhone],
                widens_at: self.now + Duration::from_secs(self.policy.work.answer_s.into()),
                as_of: self.log.len() as u64,
                policy: self.policy.version,
                travel: TravelSource::Estimate,
                candidates: vec![],
                late_ms: None,
            },
            Due::Lapse => IncidentCommand::LapseAcceptance,
            Due::AskOverdue(about) => IncidentCommand::AskOverdue { about },
            Due::EscalateOverdue(about) => IncidentCommand::Escalate {
                to: incident.next_desk(),
                about,
            },
            Due::EndHold => IncidentCommand::EndHold,
        }
    }

    fn offer(
        &self,
        ring: u8,
        round: u32,
        cause: OfferCause,
        late_ms: Option<u64>,
    ) -> IncidentCommand {
        let incident = self.now();
        let rung: Vec<Party> = incident
            .offer
            .iter()
            .flat_map(|o| &o.parties)
            .map(|r| r.party.clone())
            .collect();
        let inputs = RingInputs {
            district: incident.district.as_ref(),
            night: false,
            keyholder: true,
            rung: &rung,
        };
        IncidentCommand::Offer {
            ring,
            round,
            cause,
            added: plan_ring(&self.policy, inputs, &candidates(), ring),
            means: vec![Means::Screen],
            widens_at: widens_at(incident, &self.policy, ring, self.now),
            as_of: self.log.len() as u64,
            policy: self.policy.version,
            travel: TravelSource::Estimate,
            candidates: candidates(),
            late_ms,
        }
    }
}

fn answer_support(name: &str, party: Party) -> IncidentCommand {
    IncidentCommand::AnswerSupport {
        operator: operator(name),
        party,
    }
}

fn shown(name: &str, party: Party) -> IncidentCommand {
    IncidentCommand::Show {
        party,
        operator: operator(name),
        console: ConsoleId::parse("tab-1").unwrap(),
        sounded: true,
    }
}
