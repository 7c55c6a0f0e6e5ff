//! An incident's history, line by line.
//!
//! For: each event as its stored name, who did it, and the names and numbers that fill the words.
//! May not know: the words; the page has them in two languages. The table of arguments stands in
//! `docs/console-protocol.md`.

use crate::{
    board::Told,
    names::{Named, Tongue, operator_name, party_view, responder_name, word},
};
use casebook::{Casebook, Stored, streams};
use directory::City;
use domain::{
    Actor, IncidentId, OperatorId, ResponderId, Sealed, Timestamp,
    incident::{Callee, IncidentEvent},
    party::Party,
};
use wire::card::StoryLine;

/// The lines as whoever sees the card may read them.
pub(crate) async fn lines(
    casebook: &Casebook,
    incident: IncidentId,
    told: impl IntoIterator<Item = &Told>,
    city: &City,
) -> Vec<StoryLine> {
    let mut lines = Vec::new();
    for told in told {
        lines.push(line(casebook, incident, told, city).await);
    }
    lines
}

async fn line(casebook: &Casebook, incident: IncidentId, told: &Told, city: &City) -> StoryLine {
    let mut english = args(told, city, Tongue::English);
    let mut args = args(told, city, Tongue::Chinese);
    if english == args {
        english.clear();
    }
    if let Some((field, sealed)) = text_of(&told.event) {
        let stream = streams::incident(incident);
        let opened = casebook
            .open_text(sealed, &stream, told.event_id(), field)
            .await;
        // An erased person's notes are gone; the line stays.
        let opened = opened.unwrap_or_default();
        if !english.is_empty() {
            english.push(opened.clone());
        }
        args.push(opened);
    }
    let by = by(told, city);
    StoryLine {
        revision: told.revision,
        position: told.position,
        at: told.at.0,
        said_at: told.said_at.map(|at| at.0),
        kind: told.event.stored_name().to_owned(),
        by_en: by.as_ref().map(|by| by.en.clone()),
        by: by.map(|by| by.zh),
        args,
        args_en: english,
    }
}

/// The sealed text an event carries, and the field it stands in.
fn text_of(event: &IncidentEvent) -> Option<(&'static str, &Sealed)> {
    match event {
        IncidentEvent::NoteAdded { text } => Some(("text", text)),
        IncidentEvent::Resolved { note, .. } => note.as_ref().map(|note| ("note", note)),
        IncidentEvent::FollowUpDone { text } | IncidentEvent::ReviewClosed { text } => {
            text.as_ref().map(|text| ("text", text))
        }
        _ => None,
    }
}

fn by(told: &Told, city: &City) -> Option<Named> {
    match (&told.by, &told.event) {
        (Actor::Operator(operator), _) => Some(operator_name(city, operator)),
        (Actor::Responder(responder), _) => Some(responder_name(city, responder)),
        // A duty phone's answer comes through a gateway; the event says whose it was.
        (
            _,
            IncidentEvent::Accepted { operator, .. }
            | IncidentEvent::SupportAnswered { operator, .. }
            | IncidentEvent::OfferDeclined { operator, .. },
        ) => Some(operator_name(city, operator)),
        _ => None,
    }
}

/// The arguments with names in one of the languages.
fn args(told: &Told, city: &City, tongue: Tongue) -> Vec<String> {
    use IncidentEvent as E;
    let party = |p: &Party| {
        let view = party_view(city, p);
        tongue.of(Named {
            zh: view.name,
            en: view.name_en,
        })
    };
    let operator_name = |id: &OperatorId| tongue.of(operator_name(city, id));
    let responder_name = |id: &ResponderId| tongue.of(responder_name(city, id));
    let happened = told.said_at.unwrap_or(told.at);
    let minutes = |at: &Timestamp| at.since(happened).as_secs().div_ceil(60).to_string();
    match &told.event {
        E::IncidentOpened { alarm, .. } => vec![word(&alarm.kind)],
        E::AlarmJoined { alarm, presses, .. } => vec![word(&alarm.kind), presses.to_string()],
        E::Offered {
            ring,
            round,
            cause,
            added,
            ..
        } => {
            let mut args: Vec<String> = added.iter().map(party).collect();
            args.extend([word(cause), (u32::from(*ring) + round + 1).to_string()]);
            args
        }
        E::OfferShown {
            party: p, sounded, ..
        } => {
            let silent = (!sounded).then(|| "silent".to_owned());
            [party(p)].into_iter().chain(silent).collect()
        }
        E::OfferUnseen { parties } => parties.iter().map(party).collect(),
        E::DutyPhoneRung {
            party: p,
            attempt,
            cause,
        } => vec![party(p), attempt.to_string(), word(cause)],
        E::OfferDeclined {
            party: p, reason, ..
        } => vec![party(p), reason.clone()],
        E::SupportAsked { to, .. } => vec![party(to)],
        E::SupportAnswered { party: p, .. } => vec![party(p)],
        E::Escalated { to, about } => vec![party(to), word(about)],
        E::Accepted { party: p, .. } => vec![party(p)],
        E::AcceptanceLapsed { operator } => vec![operator_name(operator)],
        E::TalkStarted { .. } | E::StillOnIt { .. } | E::HoldEnded { .. } => Vec::new(),
        E::ProgressOverdue { about, .. } => vec![word(about)],
        E::HandedOver { from, to, .. } => {
            vec![operator_name(from), operator_name(to)]
        }
        E::Held { reason, until } => vec![reason.clone(), minutes(until)],
        E::ContactTried { callee, result } => {
            let whom = match callee {
                Callee::Resident => String::new(),
                Callee::Contact(order) => order.to_string(),
            };
            vec![whom, word(result)]
        }
        E::ResponderSent { responder, eta, .. }
        | E::ResponderSetOut { responder, eta }
        | E::ResponderDelayed { responder, eta } => {
            vec![responder_name(responder), minutes(eta)]
        }
        E::ResponderArrived { responder, .. } | E::ResponderReturned { responder } => {
            vec![responder_name(responder)]
        }
        E::EmergencyServiceCalled { service } => vec![word(service)],
        E::ProtocolAnswered {
            protocol,
            step,
            answer,
            ..
        } => vec![protocol.clone(), step.clone(), answer.clone()],
        E::Transferred { to, reason } => vec![party(to), reason.clone()],
        E::Resolved {
            reason,
            actions,
            outcome,
            ..
        } => {
            let codes = [reason.as_str(), outcome.as_str()].into_iter();
            let codes = codes.chain(actions.iter().map(|a| a.as_str()));
            codes.map(str::to_owned).collect()
        }
        E::Reopened { cause } | E::ReviewOpened { cause } => vec![cause.clone()],
        E::NoteAdded { .. } | E::FollowUpDone { .. } | E::ReviewClosed { .. } => Vec::new(),
    }
}
