//! What is asked about a call beside its card: who it could be given to, and whom an unproved device claims to be.
//!
//! For: `GET /v1/incidents/{id}/targets` and `POST /v1/incidents/{id}/claim`.
//! May not know: how a call is given away (`orders`), how cards are made.

use crate::{
    api::{Id, opened, signed, text, unavailable},
    app::App,
    card::{Cards, Frame},
    http::{self, incident_id},
    names::{operator_name, operator_post, party_view, site_name},
    people,
    problem::{Answer, Failure},
    records::Unknown,
    viewer::{Viewer, parties_of},
};
use axum::{
    Json,
    extract::{Request, State},
};
use directory::City;
use domain::{
    DeviceId, OperatorId, ResidentId, codes::ClaimReason, incident::Incident, signal::Problem,
    site::SiteKind,
};
use std::sync::Arc;
use wire::{
    card::ClaimView,
    console::{ClaimIn, ClaimedRecord, TargetPerson, TargetSite, Targets},
};

/// `GET /v1/incidents/{id}/targets`: every open site with its way, and who is on duty at a live console.
pub(crate) async fn targets(
    State(app): State<Arc<App>>,
    id: Id,
    request: Request,
) -> Answer<Json<Targets>> {
    let signed = signed(&app, &request).await?;
    let id = incident_id(&text(id)?)?;
    let frame = Frame::of(app.shared.board(), app.casebook.now());
    let entry = opened(&app, &signed.viewer, &frame, id).await?;
    let city = &frame.board.city;
    let place = app.cards.place_of(&entry.incident).await;
    Ok(Json(Targets {
        sites: sites(city, place),
        people: people_on_duty(city, &signed.viewer.operator),
    }))
}

fn sites(city: &City, place: Option<(i32, i32)>) -> Vec<TargetSite> {
    let mut sites: Vec<TargetSite> = city
        .open_sites()
        .filter(|site| matches!(site.kind, SiteKind::Station | SiteKind::Facility))
        .map(|site| TargetSite {
            site: site.site.to_string(),
            seconds: people::way_from(city, site, place).map(people::announced),
        })
        .collect();
    sites.sort_by(|a, b| {
        let key = |s: &TargetSite| s.seconds.unwrap_or(u32::MAX);
        (key(a), &a.site).cmp(&(key(b), &b.site))
    });
    sites
}

/// Each once, at the place they would take it for: as `hand_over` finds it.
fn people_on_duty(city: &City, asking: &OperatorId) -> Vec<TargetPerson> {
    let mut people: Vec<TargetPerson> = Vec::new();
    for (site, duty) in &city.duty {
        let live = |id: &&OperatorId| duty.consoles.values().any(|row| &row.operator == *id);
        for operator in duty.operators.iter().filter(live) {
            let known = people.iter().any(|p| p.operator == operator.as_str());
            let party = parties_of(site, city).into_iter().next();
            let Some(party) = party.filter(|_| operator != asking && !known) else {
                continue;
            };
            let name = operator_name(city, operator);
            let post = operator_post(city, operator);
            people.push(TargetPerson {
                operator: operator.to_string(),
                name: name.zh,
                name_en: name.en,
                post: post.zh,
                post_en: post.en,
                party: party_view(city, &party),
            });
        }
    }
    people
}

/// `POST /v1/incidents/{id}/claim`: name, telephone and address of whom the device claims to be, for whoever holds the
/// call. The view and its reason are in the log before the answer leaves; health and contacts stay closed.
pub(crate) async fn claim(
    State(app): State<Arc<App>>,
    id: Id,
    request: Request,
) -> Answer<Json<ClaimedRecord>> {
    let signed = signed(&app, &request).await?;
    let id = incident_id(&text(id)?)?;
    let asked: ClaimIn = http::json(request).await?;
    let reason = serde_json::from_value::<ClaimReason>(asked.reason.into())
        .map_err(|_| Failure::malformed("reason: not one of the codes"))?;
    let frame = Frame::of(app.shared.board(), app.casebook.now());
    let entry = opened(&app, &signed.viewer, &frame, id).await?;
    may_ask(&signed.viewer, &entry.incident)?;
    let resident = claimed(&app.cards, &entry.incident).await;
    let (_, resident) = resident.ok_or_else(|| Failure::not_found("claim"))?;
    let known = app
        .records
        .open(&resident)
        .await
        .map_err(|unknown| match unknown {
            Unknown::NotFound => Failure::not_found("resident"),
            Unknown::Unavailable(why) => Failure::unavailable(why),
        })?;
    let why = format!("claim in incident {id}: {}", reason.as_str());
    let noted = app.records.viewed_durably(&signed.viewer, &resident, why);
    noted.await.map_err(unavailable)?;
    let view = people::resident_view(&frame.board.city, None, &known, frame.now.0);
    Ok(Json(ClaimedRecord {
        name: view.name,
        name_latin: view.name_latin,
        phone: view.phone,
        address_line: view.address_line,
        address_line_en: view.english.address_line,
        erased: view.erased,
    }))
}

/// Only whoever works on it, and only while it is open.
fn may_ask(viewer: &Viewer, incident: &Incident) -> Answer<()> {
    if !incident.is_open() || !incident.is_owned_by(&viewer.operator) {
        return Err(Failure::forbidden(
            "only whoever holds the open call looks up whom its device claims to be",
        ));
    }
    Ok(())
}

/// The device that did not prove who it is, and whose it is by the directory.
pub(crate) async fn claimed(cards: &Cards, incident: &Incident) -> Option<(DeviceId, ResidentId)> {
    let claims = |problem: &Problem| matches!(problem, Problem::BadKey | Problem::MissingKey);
    if incident.resident.is_some() || incident.alarms.iter().any(|a| a.verified) {
        return None;
    }
    let mut alarms = incident
        .alarms
        .iter()
        .filter(|a| a.problems.iter().any(claims));
    let device = alarms.find_map(|a| a.device.clone())?;
    let row = cards
        .records
        .directory()
        .device(&device)
        .await
        .ok()
        .flatten()?;
    let resident = row.resident.clone()?;
    Some((device, resident))
}

/// What a card says of the claim: where it would be, and nobody's name.
pub(crate) async fn claim_view(
    cards: &Cards,
    incident: &Incident,
    viewer: &Viewer,
    city: &City,
) -> Option<ClaimView> {
    let (device, resident) = claimed(cards, incident).await?;
    let row = cards
        .records
        .directory()
        .resident(&resident)
        .await
        .ok()
        .flatten()?;
    let community = city.area.communities.get(&row.community);
    let station = row.home_station.as_ref();
    let names = station.map(|site| site_name(city, site));
    Some(ClaimView {
        device: device.to_string(),
        community: community.map_or_else(|| row.community.to_string(), |c| c.name.clone()),
        community_en: community.map_or_else(String::new, |c| directory::english::place(&c.name)),
        station: names.as_ref().map(|(zh, _)| zh.clone()),
        station_en: names.map(|(_, en)| en),
        station_phone: station
            .and_then(|site| city.site(site))
            .map(|site| site.duty_phone.clone())
            .filter(|phone| !phone.is_empty()),
        may_look_up: may_ask(viewer, incident).is_ok(),
    })
}
