//! Support that was asked for, as a card shows it, and who may answer for it.
//!
//! For: the desks beside whoever holds a call.
//! May not know: how it is rung (the dispatcher), what answering does (the domain).

use crate::{
    card::{Purpose, Sight, my_parties, rung_view},
    names::{Named, operator_name, party_view, responder_name},
};
use directory::City;
use domain::{
    Actor,
    incident::{Incident, Support},
    party::Party,
};
use wire::card::SupportView;

pub(crate) fn support_view(support: &Support, city: &City) -> SupportView {
    let by = match &support.by {
        Actor::Operator(operator) => operator_name(city, operator),
        Actor::Responder(responder) => responder_name(city, responder),
        _ => Named::default(),
    };
    let answered = support.answered.as_ref();
    let name = answered.map(|answer| operator_name(city, &answer.operator));
    SupportView {
        asked_at: support.asked_at.0,
        by: by.zh,
        by_en: by.en,
        by_responder: matches!(support.by, Actor::Responder(_)),
        unanswered: support.by == Actor::Dispatcher,
        rung: support.parties.iter().map(|r| rung_view(r, city)).collect(),
        answered_by: name.as_ref().map(|name| name.zh.clone()),
        answered_by_en: name.map(|name| name.en),
        answered_at: answered.map(|answer| answer.at.0),
        answered_as: answered.map(|answer| party_view(city, &answer.party)),
    }
}

/// Whether this person's desk was told or rung beside the owner. `decide` has the last word; this only offers the buttons.
pub(crate) fn helps(incident: &Incident, sight: &Sight, city: &City) -> bool {
    let own = incident.is_owned_by(&sight.viewer.operator);
    let held = incident.is_open() && incident.owner.is_some();
    if sight.purpose == Purpose::Replay || own || !held {
        return false;
    }
    let mut parties = my_parties(sight, city).into_iter();
    parties.any(|party| incident.desks.contains(&party))
}

/// The desk as which this person may answer for support that was asked for.
pub(crate) fn support_as(incident: &Incident, sight: &Sight, city: &City) -> Option<Party> {
    let own = incident.is_owned_by(&sight.viewer.operator);
    let wanted = incident.support_wanted();
    let wanted = wanted.filter(|_| sight.purpose != Purpose::Replay && !own)?;
    let owners = incident.owner.as_ref().map(|owner| &owner.party);
    let mut parties = my_parties(sight, city);
    parties.retain(|p| !matches!(p, Party::Site(_) | Party::Keyholder) && owners != Some(p));
    let rung = |p: &&Party| wanted.parties.iter().any(|r| &r.party == *p);
    let found = parties.iter().find(rung).or(parties.first());
    found.cloned()
}
