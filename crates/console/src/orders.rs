//! Commands: what a person asks of an incident, put into the domain's words.
//!
//! For: scope, sealing of texts, travel times, and the answer with code and name.
//! May not know: sockets; rules stand in the domain.

use crate::{
    app::App,
    card::{Purpose, Sight, accept_as, holder_name},
    names::{operator_name, party_of, responder_name},
    people::{UNKNOWN_WAY_S, announced, way_of},
    problem::{Answer, Failure},
    support::support_as,
    viewer::{Reach, Viewer, parties_of},
};
use casebook::{ActError, VaultError};
use directory::City;
use domain::{
    Actor, CommandId, IncidentId, OperatorId, ResponderId, Sealed, SiteId, Timestamp,
    codes::{Action, DeclineReason, HoldReason, Outcome, Reason, ReopenCause, TransferReason},
    incident::{Asked, Callee, Incident, IncidentCommand, Refusal},
    party::Party,
};
use eventlog::Position;
use serde::de::DeserializeOwned;
use std::time::Duration;
use wire::console::{Act, CommandIn, CommandOut};

/// Longest note, in characters. Ours: a screen full.
pub const NOTE_CHARS: usize = 2_000;

/// Longest span a command may name, in minutes; the rules are stricter. Ours: a week, against overflow.
const MINUTES_LIMIT: u32 = 7 * 24 * 60;

/// Does what is asked. Durable once this returns.
pub(crate) async fn act(
    app: &App,
    viewer: &Viewer,
    duty: Option<&SiteId>,
    id: IncidentId,
    asked: CommandIn,
) -> Answer<CommandOut> {
    let command_id = uuid::Uuid::try_parse(&asked.id)
        .map_err(|_| Failure::malformed("a command's id is a UUID made by its sender"))?;
    let command_id = CommandId(command_id);
    let incident = app.casebook.fold_incident(id).await;
    let incident = incident.map_err(|e| Failure::unavailable(e.to_string()))?;
    let board = app.shared.board();
    let city = &board.city;
    let incident = incident
        .filter(|i| viewer.may_open(i, city) || was_offered(viewer, i))
        .ok_or_else(|| Failure::not_found("incident"))?;
    let order = Order {
        app,
        viewer,
        duty,
        city,
        incident: &incident,
        command_id,
    };
    let by = order.actor(&asked.act)?;
    let command = order.command(asked.act).await?;
    let closes = matches!(command, IncidentCommand::Resolve { .. });
    let asked = Asked {
        at: app.casebook.now(),
        by,
        seen: asked.seen,
        said_at: asked.at.map(Timestamp),
        command,
    };
    let acted = app.casebook.act(id, command_id, asked).await;
    if let (Ok(_), true, Some(resident)) = (&acted, closes, &incident.resident) {
        app.records.refresh(resident);
    }
    app.metrics.command(acted.is_ok());
    let acted = match acted {
        Ok(acted) => acted,
        Err(error) => {
            // Who has it may have come meanwhile; they are named as everywhere else.
            let now = app.casebook.fold_incident(id).await.ok().flatten();
            return Err(refused(city, now.as_ref(), error));
        }
    };
    Ok(CommandOut {
        revision: acted.revision.0,
        position: acted.position.0,
        repeated: acted.repeated,
    })
}

/// Once offered to their site, it is theirs to ask about: who was too late is told who has it. So it is for a carer who
/// went: what a telephone sends again after the closing gets its first answer.
fn was_offered(viewer: &Viewer, incident: &Incident) -> bool {
    let went = viewer.responder.as_ref().and_then(|r| incident.leg(r));
    if went.is_some() {
        return true;
    }
    let Reach::Site(site) = &viewer.reach else {
        return false;
    };
    let party = Party::Site(site.clone());
    let offer = incident.offer.as_ref();
    offer.is_some_and(|o| o.rung(&party).is_some())
}

/// Waits until this process's board shows a position, so that whoever asks next sees their own act.
pub(crate) async fn until_shown(app: &App, position: u64) {
    /// Longest wait; the act itself is done.
    const SHOW_WAIT: Duration = Duration::from_secs(2);
    let mut pulse = app.shared.watch();
    let reached = pulse.wait_for(|at| *at >= Position(position));
    let _ = tokio::time::timeout(SHOW_WAIT, reached).await;
}

/// What a refused command is answered with.
pub(crate) fn refused(city: &City, incident: Option<&Incident>, error: ActError) -> Failure {
    let refusal = match error {
        ActError::Refused(refusal) => refusal,
        ActError::CareRefused(refusal) => {
            return Failure::refused("care_open", &refusal.to_string(), None);
        }
        ActError::Conflict => {
            return Failure::unavailable("the incident changed too fast; try again");
        }
        ActError::Reused => {
            return Failure::refused("command_reused", &error.to_string(), None);
        }
        ActError::NotFound => return Failure::not_found("incident"),
        ActError::Unavailable(detail) => return Failure::unavailable(detail),
    };
    let who = match &refusal {
        Refusal::NotYours { owner: by } | Refusal::AlreadyAccepted { by } => {
            Some(incident.map_or_else(
                || operator_name(city, by),
                |incident| holder_name(incident, city, by),
            ))
        }
        Refusal::SupportAnswered { by } => Some(operator_name(city, by)),
        Refusal::NotOnTheWay { responder } => Some(responder_name(city, responder)),
        _ => None,
    };
    let failure = Failure::refused(refusal.code(), &refusal.to_string(), who);
    match refusal {
        Refusal::UnreadAlarm { .. } => failure.detail("read the new alarm, then ask again"),
        _ => failure,
    }
}

struct Order<'a> {
    app: &'a App,
    viewer: &'a Viewer,
    duty: Option<&'a SiteId>,
    city: &'a City,
    incident: &'a Incident,
    command_id: CommandId,
}

impl Order<'_> {
    /// Who asks. A carer's phone speaks for the carer alone, and only of what a carer does; whoever let it in is not there.
    fn actor(&self, act: &Act) -> Answer<Actor> {
        let Some(responder) = &self.viewer.responder else {
            return Ok(Actor::Operator(self.viewer.operator.clone()));
        };
        let owner = self.incident.owner.as_ref();
        let accepted = owner.and_then(|owner| owner.carer.as_ref());
        let goes = self.incident.leg(responder).is_some() || accepted == Some(responder);
        let own = match act {
            Act::Accept => true,
            Act::SendResponder { responder: sent } => sent == responder.as_str(),
            Act::SetOut { .. }
            | Act::Arrive { .. }
            | Act::DelayResponder { .. }
            | Act::ReturnResponder { .. }
            | Act::CallService { .. }
            | Act::AskSupport
            | Act::AddNote { .. }
            | Act::TryContact { .. }
            | Act::Resolve { .. } => goes,
            _ => false,
        };
        if own {
            Ok(Actor::Responder(responder.clone()))
        } else {
            Err(Failure::forbidden(
                "a carer's phone says what its carer does; the rest is the desk's",
            ))
        }
    }

    async fn command(&self, act: Act) -> Answer<IncidentCommand> {
        use IncidentCommand as C;
        let now = self.app.casebook.now();
        let operator = self.viewer.operator.clone();
        let ahead = |minutes: u32| now + Duration::from_mins(minutes.min(MINUTES_LIMIT).into());
        Ok(match act {
            Act::Accept => C::Accept {
                operator,
                party: self.party()?,
            },
            Act::Decline { reason } => C::Decline {
                party: self.party()?,
                operator,
                reason: coded::<DeclineReason>("reason", &reason)?
                    .as_str()
                    .to_owned(),
            },
            Act::StartTalk => C::StartTalk,
            Act::StillOnIt => C::StillOnIt,
            Act::Hold { reason, minutes } => C::Hold {
                reason: coded::<HoldReason>("reason", &reason)?.as_str().to_owned(),
                until: ahead(minutes),
            },
            Act::EndHold => C::EndHold,
            Act::TryContact { order, result } => C::TryContact {
                callee: self.callee(order).await?,
                result: coded("result", &result)?,
            },
            Act::SendResponder { responder } => self.send(&responder).await?,
            Act::SetOut { responder } => C::SetOut {
                responder: responder_id(&responder)?,
            },
            Act::DelayResponder { responder, minutes } => C::DelayResponder {
                responder: responder_id(&responder)?,
                eta: ahead(minutes),
            },
            Act::Arrive { responder } => C::Arrive {
                responder: responder_id(&responder)?,
            },
            Act::ReturnResponder { responder } => C::ReturnResponder {
                responder: responder_id(&responder)?,
            },
            Act::CallService { service } => C::CallEmergencyService {
                service: coded("service", &service)?,
            },
            Act::AskSupport => C::AskSupport,
            Act::AnswerSupport => C::AnswerSupport {
                operator,
                party: self.support_party()?,
            },
            Act::AddNote { text } => {
                let text = self.sealed("text", Some(text)).await?;
                let text = text.ok_or_else(|| Failure::malformed("the note is empty"))?;
                C::AddNote { text }
            }
            Act::Transfer { party, id, reason } => C::Transfer {
                to: self.target(&party, id.as_deref())?,
                reason: coded::<TransferReason>("reason", &reason)?
                    .as_str()
                    .to_owned(),
            },
            Act::HandOver { to } => self.hand_over(&to)?,
            Act::Resolve {
                reason,
                actions,
                outcome,
                note,
            } => C::Resolve {
                reason: coded::<Reason>("reason", &reason)?,
                actions: actions
                    .iter()
                    .map(|action| coded::<Action>("action", action))
                    .collect::<Answer<_>>()?,
                outcome: coded::<Outcome>("outcome", &outcome)?,
                note: self.sealed("note", note).await?,
                machine: false,
            },
            Act::Reopen { cause } => C::Reopen {
                cause: coded::<ReopenCause>("cause", &cause)?.as_str().to_owned(),
            },
            Act::FollowUp { text } => C::FollowUp {
                text: self.sealed("text", text).await?,
            },
            Act::CloseReview { text } => {
                if !self.viewer.leads() {
                    return Err(Failure::forbidden("only a manager closes a review"));
                }
                C::CloseReview {
                    text: self.sealed("text", text).await?,
                }
            }
        })
    }

    fn party(&self) -> Answer<Party> {
        let sight = Sight {
            viewer: self.viewer.clone(),
            duty: self.duty.cloned(),
            purpose: Purpose::List,
        };
        accept_as(self.incident, &sight, self.city)
            .or_else(|| match self.duty {
                Some(site) => parties_of(site, self.city).into_iter().next(),
                None => self.viewer.parties().into_iter().next(),
            })
            .ok_or_else(|| Failure::refused("not_offered", "it has not been offered there", None))
    }

    /// The desk as which support is answered for; whoever is at none is told that it is not theirs.
    fn support_party(&self) -> Answer<Party> {
        let sight = Sight {
            viewer: self.viewer.clone(),
            duty: self.duty.cloned(),
            purpose: Purpose::List,
        };
        let parties = || match self.duty {
            Some(site) => parties_of(site, self.city),
            None => self.viewer.parties(),
        };
        support_as(self.incident, &sight, self.city)
            .or_else(|| parties().into_iter().next())
            .ok_or_else(|| Failure::refused("not_offered", "it has not been offered there", None))
    }

    /// The resident, or one of their contacts, counted from 1. While the record cannot be read any order is taken: a call
    /// that was made is worth more than its number.
    async fn callee(&self, order: u8) -> Answer<Callee> {
        if order == 0 {
            return Ok(Callee::Resident);
        }
        let contacts = match &self.incident.resident {
            None => 0,
            Some(resident) => match self.app.records.open(resident).await {
                Ok(known) => known.contacts(),
                Err(_) => usize::from(order),
            },
        };
        if usize::from(order) > contacts {
            return Err(Failure::not_found("contact"));
        }
        Ok(Callee::Contact(order))
    }

    async fn send(&self, responder: &str) -> Answer<IncidentCommand> {
        let responder = responder_id(responder)?;
        let row = self.city.responders.get(&responder);
        let row = row.ok_or_else(|| Failure::not_found("responder"))?;
        let known = match &self.incident.resident {
            Some(resident) => self.app.records.open(resident).await.ok(),
            None => None,
        };
        let told = self.app.casebook.open_place(self.incident).await;
        let home = known.as_deref().and_then(|k| k.home);
        let place = told.ok().flatten().or(home);
        let way = way_of(self.city, &responder, known.as_deref(), place);
        Ok(IncidentCommand::SendResponder {
            from: row.site.clone(),
            seconds: announced(way.unwrap_or(UNKNOWN_WAY_S)),
            responder,
        })
    }

    fn target(&self, word: &str, id: Option<&str>) -> Answer<Party> {
        let party = party_of(word, id)
            .ok_or_else(|| Failure::malformed("party must be site, district_desk or city_desk"))?;
        let there = match &party {
            Party::Site(site) => self.city.sites.get(site).is_some_and(|s| !s.closed),
            Party::DistrictDesk(district) => self.city.district(district).is_some(),
            Party::Supervisor | Party::CityDesk => true,
            Party::Keyholder => false,
        };
        if there {
            Ok(party)
        } else {
            Err(Failure::not_found("party"))
        }
    }

    /// To a colleague, for the place where they are on duty; whoever is not there cannot take a call.
    fn hand_over(&self, to: &str) -> Answer<IncidentCommand> {
        let to = OperatorId::parse(to).map_err(|e| Failure::malformed(format!("operator: {e}")))?;
        if !self.city.operators.contains_key(&to) {
            return Err(Failure::not_found("operator"));
        }
        let mut duties = self.city.duty.iter();
        let on_duty = duties.find(|(_, duty)| {
            let live = duty.consoles.values().any(|row| row.operator == to);
            duty.operators.contains(&to) && live
        });
        let Some((site, _)) = on_duty else {
            let said = "that colleague is not on duty at a live console";
            return Err(Failure::refused(
                "not_on_duty",
                said,
                Some(operator_name(self.city, &to)),
            ));
        };
        let parties = parties_of(site, self.city);
        let party = parties.into_iter().next();
        let party = party.ok_or_else(|| Failure::not_found("operator"))?;
        Ok(IncidentCommand::HandOver { to, party })
    }

    /// A text under the key of whom it is about; nothing for a blank one.
    async fn sealed(&self, field: &str, text: Option<String>) -> Answer<Option<Sealed>> {
        let text = text.unwrap_or_default();
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        if text.chars().count() > NOTE_CHARS {
            let refusal = Refusal::TextTooLong { limit: NOTE_CHARS };
            return Err(Failure::refused(refusal.code(), &refusal.to_string(), None));
        }
        let key = self.incident.subject.as_str();
        let sealed = self
            .app
            .casebook
            .seal_for_command(key, self.incident.id, self.command_id, 0, field, text)
            .await;
        match sealed {
            Ok(sealed) => Ok(Some(sealed)),
            Err(VaultError::Erased(_)) => {
                let said = "this person was erased: no text is kept about them";
                Err(Failure::refused("resident_erased", said, None))
            }
            Err(error) => Err(Failure::unavailable(error.to_string())),
        }
    }
}

fn responder_id(text: &str) -> Answer<ResponderId> {
    ResponderId::parse(text).map_err(|e| Failure::malformed(format!("responder: {e}")))
}

/// A code of the domain from its stored word.
fn coded<T: DeserializeOwned>(field: &str, word: &str) -> Answer<T> {
    let value = serde_json::Value::String(word.to_owned());
    serde_json::from_value(value)
        .map_err(|_| Failure::malformed(format!("{field}: not one of the codes")))
}
