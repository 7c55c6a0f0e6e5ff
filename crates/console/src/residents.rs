//! Residents' records over HTTP: one by its id, and who has a telephone number.
//!
//! For: the two questions, and the note of who asked.
//! May not know: how numbers are indexed (that is `directory`), how a record is shown (`people`).

use crate::{
    app::App,
    board::Entry,
    http, people,
    problem::{Answer, Failure},
    records::Unknown,
    session,
    session::Signed,
    viewer::{Reach, Viewer},
};
use axum::{
    Json,
    extract::{Path, Request, State, rejection::PathRejection},
};
use directory::{ResidentRow, Whose, english};
use domain::ResidentId;
use std::sync::Arc;
use wire::{
    card::ResidentView,
    console::{PhoneAsked, ResidentFound, ResidentsFound},
};

/// What a search by number leaves in the records it finds.
const BY_PHONE: &str = "telephone number";

fn unavailable(error: impl std::fmt::Display) -> Failure {
    Failure::unavailable(error.to_string())
}

/// An open incident of theirs that this person sees.
fn incident_of(app: &App, viewer: &Viewer, id: &ResidentId) -> Option<Arc<Entry>> {
    let board = app.shared.board();
    let mut theirs = board
        .open_ones()
        .filter(|e| e.incident.resident.as_ref() == Some(id));
    theirs
        .find(|e| viewer.sees(&e.incident, &board.city))
        .cloned()
}

/// Whether this person may look at the record without an incident: managers in their district, and city desks.
fn in_reach(viewer: &Viewer, row: &ResidentRow) -> bool {
    viewer.covers(&row.district, None) && (viewer.leads() || viewer.reach == Reach::City)
}

/// `GET /v1/residents/{id}`: managers in their district; operators while an incident of that person is on their board.
pub(crate) async fn one(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Answer<Json<ResidentView>> {
    let Signed { viewer, .. } = session::signed(&app, request.method(), request.headers()).await?;
    let unreadable = |_| Failure::malformed("the address cannot be read");
    let Path(id) = id.map_err(unreadable)?;
    let id = ResidentId::parse(&id).map_err(|e| Failure::malformed(format!("resident: {e}")))?;
    let incident = incident_of(&app, &viewer, &id);
    let row = app.records.directory().resident(&id).await;
    let row = row.map_err(unavailable)?;
    if incident.is_none() && !row.is_some_and(|row| in_reach(&viewer, &row)) {
        return Err(Failure::not_found("resident"));
    }
    let known = app
        .records
        .open(&id)
        .await
        .map_err(|unknown| match unknown {
            Unknown::NotFound => Failure::not_found("resident"),
            Unknown::Unavailable(why) => Failure::unavailable(why),
        })?;
    let why = match incident {
        Some(entry) => format!("incident {}", entry.incident.id),
        None => "record".to_owned(),
    };
    let noted = app.records.viewed_durably(&viewer, &id, why);
    noted.await.map_err(unavailable)?;
    let now = app.casebook.now().0;
    let board = app.shared.board();
    Ok(Json(people::resident_view(&board.city, None, &known, now)))
}

/// `POST /v1/residents/by-phone`: residents this person may look at who have that number, or a contact who has it. The
/// number comes in the body, for addresses are written down on the way.
pub(crate) async fn by_phone(
    State(app): State<Arc<App>>,
    request: Request,
) -> Answer<Json<ResidentsFound>> {
    let Signed { viewer, .. } = session::signed(&app, request.method(), request.headers()).await?;
    let asked: PhoneAsked = http::json(request).await?;
    let directory = app.records.directory();
    let found = directory
        .by_phone(&asked.phone)
        .await
        .map_err(unavailable)?;
    let found = found.ok_or_else(|| Failure::malformed("phone: not a telephone number"))?;
    let city = Arc::clone(&app.shared.board().city);
    let mut residents = Vec::new();
    for (id, whose) in found.residents {
        let incident = incident_of(&app, &viewer, &id);
        let row = directory.resident(&id).await.map_err(unavailable)?;
        let Some(row) = row.filter(|row| incident.is_some() || in_reach(&viewer, row)) else {
            continue;
        };
        let Ok(known) = app.records.open(&id).await else {
            continue;
        };
        // Erased since it was found.
        let Some(profile) = &known.profile else {
            continue;
        };
        let noted = app
            .records
            .viewed_durably(&viewer, &id, BY_PHONE.to_owned());
        noted.await.map_err(unavailable)?;
        let community = city.area.communities.get(&row.community);
        residents.push(ResidentFound {
            id: id.to_string(),
            name: profile.name.clone(),
            name_latin: profile.name_latin.clone(),
            community_en: community.map_or_else(String::new, |it| english::place(&it.name)),
            community: community.map_or_else(|| row.community.to_string(), |it| it.name.clone()),
            of_contact: whose == Whose::Contact,
            incident: incident.map(|entry| entry.incident.id.to_string()),
        });
    }
    Ok(Json(ResidentsFound {
        residents,
        incomplete: found.incomplete,
    }))
}
