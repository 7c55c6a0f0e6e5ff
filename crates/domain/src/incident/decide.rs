//! What may happen next to an incident.
//!
//! For: every rule of an incident's life. It changes nothing; `Ok(vec![])` means that nothing new happened.
//! May not know: scope (the console checks who may work for which party), clocks, streams.
//! Below it: `offering` (before somebody has it), `work` (while somebody has it), `closing` (the end and after).

mod closing;
mod offering;
mod work;

use super::{Asked, Incident, IncidentCommand, IncidentEvent, Owner, Refusal, TEXT_LIMIT};
use crate::{
    OperatorId, ResponderId, Timestamp, happened::Actor, incident::AlarmRef, policy::RingPolicy,
    signal::SignalClass,
};

/// What comes of a request, or which rule says no; spans by the table as shipped.
pub fn decide(incident: Option<&Incident>, asked: &Asked) -> Result<Vec<IncidentEvent>, Refusal> {
    decide_under(RingPolicy::standard(), incident, asked)
}

/// The same under another table.
pub fn decide_under(
    policy: &RingPolicy,
    incident: Option<&Incident>,
    asked: &Asked,
) -> Result<Vec<IncidentEvent>, Refusal> {
    use IncidentCommand as C;
    let Some(incident) = incident else {
        return open(asked);
    };
    let case = Case {
        policy,
        incident,
        asked,
    };
    case.actor_may()?;
    match &asked.command {
        C::Open { incident: id, .. } if *id == incident.id => Ok(vec![]),
        C::Open { .. } => Err(Refusal::NotAllowed),
        C::Join { alarm } => case.join(alarm),
        C::Offer { .. } => case.offer(),
        C::Show {
            party,
            operator,
            console,
            sounded,
        } => case.show(party, operator, console, *sounded),
        C::MarkUnseen { parties } => case.mark_unseen(parties),
        C::RingDutyPhone {
            party,
            attempt,
            cause,
        } => case.ring_duty_phone(party, *attempt, *cause),
        C::Decline {
            party,
            operator,
            reason,
        } => case.decline(party, operator, reason),
        C::Accept { operator, party } => case.accept(operator, party),
        C::LapseAcceptance => case.lapse(),
        C::Escalate { to, about } => case.escalate(to, *about),
        C::StartTalk => case.start_talk(),
        C::StillOnIt => case.still_on_it(),
        C::AskOverdue { about } => case.ask_overdue(*about),
        C::HandOver { to, party } => case.hand_over(to, party),
        C::Hold { reason, until } => case.hold(reason, *until),
        C::EndHold => case.end_hold(),
        C::TryContact { callee, result } => case.try_contact(*callee, *result),
        C::SendResponder {
            responder,
            from,
            seconds,
        } => case.send_responder(responder, from.as_ref(), *seconds),
        C::SetOut { responder } => case.set_out(responder),
        C::DelayResponder { responder, eta } => case.delay_responder(responder, *eta),
        C::Arrive { responder } => case.arrive(responder),
        C::ReturnResponder { responder } => case.return_responder(responder),
        C::CallEmergencyService { service } => case.call_emergency_service(*service),
        C::AskSupport => case.ask_support(),
        C::AnswerSupport { operator, party } => case.answer_support(operator, party),
        C::AddNote { text } => Ok(vec![IncidentEvent::NoteAdded { text: text.clone() }]),
        C::AnswerProtocol {
            protocol,
            version,
            step,
            answer,
        } => case.answer_protocol(protocol, *version, step, answer),
        C::Transfer { to, reason } => case.transfer(to, reason),
        C::Resolve {
            reason,
            actions,
            outcome,
            note,
            machine,
        } => case.resolve(*reason, actions, *outcome, note.as_ref(), *machine),
        C::Reopen { cause } => case.reopen(cause),
        C::FollowUp { text } => case.follow_up(text.as_ref()),
        C::OpenReview { cause } => Ok(case.review(cause).into_iter().collect()),
        C::CloseReview { text } => case.close_review(text.as_ref()),
    }
}

fn open(asked: &Asked) -> Result<Vec<IncidentEvent>, Refusal> {
    let IncidentCommand::Open {
        incident,
        subject,
        resident,
        alarm,
        priority,
        district,
        place,
        previous,
        late_ms,
    } = &asked.command
    else {
        return Err(Refusal::NotOpen);
    };
    if asked.by != Actor::Dispatcher {
        return Err(Refusal::NotAllowed);
    }
    Ok(vec![IncidentEvent::IncidentOpened {
        incident: *incident,
        subject: subject.clone(),
        resident: resident.clone(),
        alarm: alarm.clone(),
        priority: *priority,
        district: district.clone(),
        place: place.clone(),
        previous: *previous,
        late_ms: *late_ms,
    }])
}

type Decided = Result<Vec<IncidentEvent>, Refusal>;

/// One request before one incident.
struct Case<'a> {
    policy: &'a RingPolicy,
    incident: &'a Incident,
    asked: &'a Asked,
}

impl Case<'_> {
    /// Which kind of actor may ask this at all. Persons are held against the incident by each rule.
    fn actor_may(&self) -> Result<(), Refusal> {
        use IncidentCommand as C;
        let operator = matches!(self.asked.by, Actor::Operator(_));
        let dispatcher = self.asked.by == Actor::Dispatcher;
        let phone = matches!(self.asked.by, Actor::Gateway | Actor::Responder(_));
        let on_it = self.responder_on_it().is_some();
        let may = match &self.asked.command {
            C::Open { .. }
            | C::Join { .. }
            | C::Offer { .. }
            | C::MarkUnseen { .. }
            | C::RingDutyPhone { .. }
            | C::LapseAcceptance
            | C::AskOverdue { .. } => dispatcher,
            C::Escalate { .. } | C::EndHold | C::OpenReview { .. } => dispatcher || operator,
            // A duty phone's answer comes through a gateway or the carer's own page.
            C::Accept { .. } | C::Show { .. } | C::Decline { .. } | C::AnswerSupport { .. } => {
                operator || dispatcher || phone
            }
            C::Resolve { machine: true, .. } => dispatcher || self.asked.by == Actor::Registrar,
            C::SendResponder { responder, .. } => {
                operator || self.asked.by == Actor::Responder(responder.clone())
            }
            C::SetOut { .. }
            | C::DelayResponder { .. }
            | C::Arrive { .. }
            | C::ReturnResponder { .. }
            | C::CallEmergencyService { .. }
            | C::AskSupport
            | C::AddNote { .. }
            | C::TryContact { .. }
            | C::Resolve { .. } => operator || on_it,
            C::StartTalk
            | C::StillOnIt
            | C::HandOver { .. }
            | C::Hold { .. }
            | C::AnswerProtocol { .. }
            | C::Transfer { .. }
            | C::Reopen { .. }
            | C::FollowUp { .. }
            | C::CloseReview { .. } => operator,
        };
        if may {
            Ok(())
        } else {
            Err(Refusal::NotAllowed)
        }
    }

    /// The responder who asks, when they were sent or have accepted it on their own phone.
    fn responder_on_it(&self) -> Option<&ResponderId> {
        let Actor::Responder(id) = &self.asked.by else {
            return None;
        };
        let accepted = self.incident.owner.as_ref().and_then(|o| o.carer.as_ref());
        let on_it = self.incident.leg(id).is_some() || accepted == Some(id);
        on_it.then_some(id)
    }

    /// When what is asked happened: as was said and is believed, else now.
    fn when(&self) -> Timestamp {
        self.incident.believed(self.asked).unwrap_or(self.asked.at)
    }

    fn is_open(&self) -> Result<(), Refusal> {
        if self.incident.is_open() {
            Ok(())
        } else {
            Err(Refusal::Closed)
        }
    }

    fn owner(&self) -> Result<&Owner, Refusal> {
        self.is_open()?;
        self.incident.owner.as_ref().ok_or(Refusal::NotAccepted)
    }

    /// The owner, who must be the one asking; a responder on the incident stands in where `actor_may` let them.
    fn own(&self) -> Result<&Owner, Refusal> {
        let owner = self.owner()?;
        match &self.asked.by {
            Actor::Operator(operator) if *operator != owner.operator => Err(Refusal::NotYours {
                owner: owner.operator.clone(),
            }),
            _ => Ok(owner),
        }
    }

    /// The owner, or any operator once a desk was told: the desk helps without taking over.
    fn own_or_helping(&self) -> Result<&Owner, Refusal> {
        if self.incident.desks.is_empty() {
            self.own()
        } else {
            self.owner()
        }
    }

    /// An operator speaks for themselves only; gateways pass on who answered.
    fn is_self(&self, operator: &OperatorId) -> Result<(), Refusal> {
        match &self.asked.by {
            Actor::Operator(asking) if asking != operator => Err(Refusal::NotYourself),
            _ => Ok(()),
        }
    }

    fn has_seen_alarms(&self) -> Result<(), Refusal> {
        let alarm_revision = self.incident.alarm_revision;
        match self.asked.seen {
            // Nobody has seen what has not happened yet.
            Some(seen) if (alarm_revision..=self.incident.revision).contains(&seen) => Ok(()),
            _ => Err(Refusal::UnreadAlarm { alarm_revision }),
        }
    }

    /// The review that must be opened for this cause, unless one is open.
    fn review(&self, cause: &str) -> Option<IncidentEvent> {
        (!self.incident.review_open).then(|| IncidentEvent::ReviewOpened {
            cause: cause.chars().take(TEXT_LIMIT).collect(),
        })
    }

    fn join(&self, alarm: &AlarmRef) -> Decided {
        let known = |a: &AlarmRef| a.alarm == alarm.alarm;
        if self.incident.alarms.iter().any(known) {
            return Ok(vec![]);
        }
        self.is_open()?;
        let cancel = alarm.kind.class() == SignalClass::Cancel;
        let mut events = vec![IncidentEvent::AlarmJoined {
            alarm: alarm.clone(),
            presses: self.incident.presses.saturating_add(u32::from(!cancel)),
            priority: if cancel {
                self.incident.priority
            } else {
                self.incident.priority.min(alarm.kind.priority())
            },
        }];
        // Whoever presses again is not to wait for the alarm clock of a hold.
        if !cancel && matches!(self.incident.phase, super::Phase::Held { .. }) {
            events.push(self.hold_ended());
        }
        Ok(events)
    }
}

/// A reason that must be given and fit on a card.
fn reason_given(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Refusal::MissingReason);
    }
    fits(text)
}

fn fits(text: &str) -> Result<String, Refusal> {
    if text.chars().count() > TEXT_LIMIT {
        return Err(Refusal::TextTooLong { limit: TEXT_LIMIT });
    }
    Ok(text.to_owned())
}
