//! The console's HTTP questions.
//!
//! For: lists, single incidents and their stories, sites, the map, commands; records are `residents`'.
//! May not know: what may be seen (`viewer`), how cards are made (`card`).

use crate::{
    app::App,
    board::Entry,
    card::{Frame, Purpose, Sight},
    counts, feed,
    follow::{load, told},
    http::{self, incident_id},
    names::{degrees, latin_or},
    options::{PAGE_LIMIT, SCAN_LIMIT},
    orders,
    problem::{Answer, Failure},
    session,
    session::Signed,
    story,
    viewer::Viewer,
};
use axum::{
    Json,
    extract::{Path, Request, State, rejection::PathRejection},
};
use casebook::{Case, streams};
use domain::{
    DistrictId, IncidentId,
    area::{BarrierRecord, DistrictRecord},
    geography::Place,
    incident::IncidentEvent,
    party::Traveller,
};
use eventlog::{Direction, Position, Revision};
use std::{collections::BTreeSet, sync::Arc};
use wire::{
    card::Card,
    console::{
        About, BarrierView, CommandIn, CommandOut, CrossingView, DistrictView, IncidentPage,
        IncidentStory, MapView, Moment, SiteView,
    },
};

/// Lines of one story, at most. Ours: far beyond any real incident; the rest stays in the log.
const STORY_LIMIT: usize = 2_000;

/// Moments around a story (the contract's figure).
const AROUND: usize = 5_000;

/// Events read at a time when looking for closed incidents.
const SCAN_PAGE: usize = 1_000;

pub(crate) type Id = Result<Path<String>, PathRejection>;

pub(crate) fn text(id: Id) -> Answer<String> {
    id.map(|Path(id)| id)
        .map_err(|_| Failure::malformed("the address cannot be read"))
}

/// Holds on to the head of the request only: a body may not be looked at from two tasks.
pub(crate) fn signed<'a>(
    app: &'a App,
    request: &'a Request,
) -> impl Future<Output = Answer<Signed>> + Send {
    session::signed(app, request.method(), request.headers())
}

/// `GET /v1/about`: open to everybody.
pub(crate) async fn about(State(app): State<Arc<App>>) -> Json<About> {
    let options = &app.options;
    Json(About {
        version: options.version.clone(),
        protocol: wire::CONSOLE_PROTOCOL,
        demo: options.demo,
        time_zone: options.time_zone.clone(),
        duty_phone: options.duty_phone.clone(),
        demo_accounts: if options.demo {
            options.demo_accounts.clone()
        } else {
            Vec::new()
        },
        drive_speed: options.drive_speed.filter(|_| options.demo),
    })
}

/// What `GET /v1/incidents` was asked for.
struct Wanted {
    closed: bool,
    after: Option<String>,
    limit: usize,
    district: Option<DistrictId>,
}

impl Wanted {
    fn of(request: &Request) -> Answer<Self> {
        let mut wanted = Self {
            closed: false,
            after: None,
            limit: PAGE_LIMIT,
            district: None,
        };
        for (name, value) in http::query(request.uri())? {
            match (name.as_str(), value.as_str()) {
                ("state", "open") => wanted.closed = false,
                ("state", "closed") => wanted.closed = true,
                ("state", _) => return Err(Failure::malformed("state: open or closed")),
                ("after", _) => wanted.after = Some(value),
                ("limit", _) => {
                    let limit: usize = value
                        .parse()
                        .ok()
                        .filter(|n| (1..=PAGE_LIMIT).contains(n))
                        .ok_or_else(|| {
                            Failure::malformed(format!("limit: a number from 1 to {PAGE_LIMIT}"))
                        })?;
                    wanted.limit = limit;
                }
                ("district", _) => {
                    let district = DistrictId::parse(&value);
                    let district =
                        district.map_err(|e| Failure::malformed(format!("district: {e}")))?;
                    wanted.district = Some(district);
                }
                // What a newer page asks beyond this is not worth a refusal.
                _ => {}
            }
        }
        Ok(wanted)
    }

    fn fits(&self, entry: &Entry) -> bool {
        let district = self.district.as_ref();
        district.is_none() || entry.incident.district.as_ref() == district
    }
}

/// `GET /v1/incidents`.
pub(crate) async fn incidents(
    State(app): State<Arc<App>>,
    request: Request,
) -> Answer<Json<IncidentPage>> {
    let signed = signed(&app, &request).await?;
    let wanted = Wanted::of(&request)?;
    let frame = Frame::of(app.shared.board(), app.casebook.now());
    let (entries, next) = if wanted.closed {
        closed(&app, &signed.viewer, &frame, &wanted).await?
    } else {
        open(&signed.viewer, &frame, &wanted)?
    };
    let sight = list(&signed.viewer);
    Ok(Json(IncidentPage {
        position: frame.board.position.0,
        incidents: feed::cards(&app, &frame, &sight, &entries, std::convert::identity).await,
        next,
    }))
}

fn list(viewer: &Viewer) -> Sight {
    Sight {
        viewer: viewer.clone(),
        duty: None,
        purpose: Purpose::List,
    }
}

/// Open incidents in the queue's order, after one named by its id.
fn open(
    viewer: &Viewer,
    frame: &Frame,
    wanted: &Wanted,
) -> Answer<(Vec<Arc<Entry>>, Option<String>)> {
    let after = wanted.after.as_deref().map(incident_id).transpose()?;
    let key = |e: &Entry| (e.incident.priority, e.incident.opened_at, e.incident.id);
    let mut open = frame.board.open();
    open.retain(|e| viewer.sees(&e.incident, &frame.board.city) && wanted.fits(e));
    if let Some(after) = after {
        let last = frame.board.get(&after).map(|e| key(e));
        let last = last.ok_or_else(|| {
            Failure::malformed("after: that incident is no longer open; begin again without it")
        })?;
        open.retain(|e| key(e) > last);
    }
    let more = open.len() > wanted.limit;
    open.truncate(wanted.limit);
    let next = open
        .last()
        .filter(|_| more)
        .map(|e| e.incident.id.to_string());
    Ok((open, next))
}

/// Closed incidents, newest first, found by reading the log backwards from a position.
async fn closed(
    app: &App,
    viewer: &Viewer,
    frame: &Frame,
    wanted: &Wanted,
) -> Answer<(Vec<Arc<Entry>>, Option<String>)> {
    let mut from = match wanted.after.as_deref().map(str::parse) {
        None => frame.board.position,
        Some(Ok(after)) => Position(after),
        Some(Err(_)) => return Err(Failure::malformed("after: a position out of `next`")),
    };
    let city = &frame.board.city;
    let mut found: Vec<Arc<Entry>> = Vec::new();
    let mut known: BTreeSet<IncidentId> = BTreeSet::new();
    let mut looked = 0;
    loop {
        let page = app
            .casebook
            .log()
            .read_category(streams::INCIDENT, from, Direction::Backward, SCAN_PAGE)
            .await
            .map_err(unavailable)?;
        for recorded in &page {
            let before = Position(recorded.position.0.saturating_sub(1));
            if found.len() >= wanted.limit {
                return Ok((found, Some(recorded.position.0.to_string())));
            }
            from = before;
            let id = streams::incident_of(&recorded.stream);
            let Some(id) = id.filter(|_| recorded.kind.as_ref() == "Resolved") else {
                continue;
            };
            if !known.insert(id) {
                continue;
            }
            let Some(entry) = entry(app, frame, id).await? else {
                continue;
            };
            // Closed by this event, not opened again and closed later, which was or will be found there.
            let here = entry.story.iter().rev().find_map(|told| {
                matches!(told.event, IncidentEvent::Resolved { .. }).then_some(told.position)
            });
            let last = here.is_none_or(|here| here == recorded.position.0);
            if last
                && !entry.incident.is_open()
                && viewer.may_open(&entry.incident, city)
                && wanted.fits(&entry)
            {
                found.push(entry);
            }
        }
        looked += page.len();
        if page.len() < SCAN_PAGE {
            return Ok((found, None));
        }
        if looked >= SCAN_LIMIT {
            return Ok((found, Some(from.0.to_string())));
        }
    }
}

pub(crate) fn unavailable(error: impl std::fmt::Display) -> Failure {
    Failure::unavailable(error.to_string())
}

/// An incident with its last lines: off the board while it is open, else from its stream.
async fn entry(app: &App, frame: &Frame, id: IncidentId) -> Answer<Option<Arc<Entry>>> {
    if let Some(entry) = frame.board.get(&id)
        && entry.incident.is_open()
    {
        return Ok(Some(Arc::clone(entry)));
    }
    let loaded = load(&app.casebook, id, Revision::END).await;
    Ok(loaded.map_err(unavailable)?.map(Arc::new))
}

/// An incident this person may open.
pub(crate) async fn opened(
    app: &App,
    viewer: &Viewer,
    frame: &Frame,
    id: IncidentId,
) -> Answer<Arc<Entry>> {
    entry(app, frame, id)
        .await?
        .filter(|e| viewer.may_open(&e.incident, &frame.board.city))
        .ok_or_else(|| Failure::not_found("incident"))
}

/// `GET /v1/incidents/{id}`.
pub(crate) async fn incident(
    State(app): State<Arc<App>>,
    id: Id,
    request: Request,
) -> Answer<Json<Card>> {
    let signed = signed(&app, &request).await?;
    let id = incident_id(&text(id)?)?;
    let frame = Frame::of(app.shared.board(), app.casebook.now());
    let entry = opened(&app, &signed.viewer, &frame, id).await?;
    let sight = list(&signed.viewer);
    Ok(Json(app.cards.card(&frame, &sight, &entry).await))
}

/// `GET /v1/incidents/{id}/events`.
pub(crate) async fn events(
    State(app): State<Arc<App>>,
    id: Id,
    request: Request,
) -> Answer<Json<IncidentStory>> {
    let signed = signed(&app, &request).await?;
    let id = incident_id(&text(id)?)?;
    let board = app.shared.board();
    let frame = Frame::of(Arc::clone(&board), app.casebook.now());
    let entry = opened(&app, &signed.viewer, &frame, id).await?;
    // Notes in a story are personal data like the card's.
    if let Some(resident) = &entry.incident.resident {
        let why = format!("incident {id}");
        app.records.viewed(&signed.viewer, resident, why).await;
    }
    let told = told(&app.casebook, id, Revision::END, STORY_LIMIT).await;
    let told = told.map_err(unavailable)?;
    let around = around(
        &app,
        told.first().map(|t| t.position),
        told.last().map(|t| t.position),
    );
    Ok(Json(IncidentStory {
        incident: id.to_string(),
        around: around.await?,
        events: story::lines(&app.casebook, id, &told, &board.city).await,
    }))
}

async fn around(app: &App, first: Option<u64>, last: Option<u64>) -> Answer<Vec<Moment>> {
    let (Some(first), Some(last)) = (first, last) else {
        return Ok(Vec::new());
    };
    let from = Position(first.saturating_sub(1));
    let events = app
        .casebook
        .log()
        .read_category(streams::INCIDENT, from, Direction::Forward, AROUND)
        .await
        .map_err(unavailable)?;
    let within = events.iter().take_while(|e| e.position.0 <= last);
    let moment = |e: &Arc<eventlog::Recorded>| Moment {
        position: e.position.0,
        at: match casebook::read(e) {
            Ok(Case::Incident(happened)) => happened.at.0,
            _ => e.recorded_at.div_euclid(1_000),
        },
    };
    Ok(within.map(moment).collect())
}

/// `POST /v1/incidents/{id}/commands`.
pub(crate) async fn command(
    State(app): State<Arc<App>>,
    id: Id,
    request: Request,
) -> Answer<Json<CommandOut>> {
    let signed = signed(&app, &request).await?;
    let id = incident_id(&text(id)?)?;
    let command: CommandIn = http::json(request).await?;
    let viewer = signed.viewer;
    // In a task of its own: what was begun is finished, also when the asker goes away.
    let (doing, tracker) = (Arc::clone(&app), app.tasks.clone());
    let done = tracker.spawn(async move { orders::act(&doing, &viewer, None, id, command).await });
    let done = done
        .await
        .map_err(|_| Failure::unavailable("the command was not finished; send it again"))??;
    orders::until_shown(&app, done.position).await;
    Ok(Json(done))
}

/// `GET /v1/sites`.
pub(crate) async fn sites(
    State(app): State<Arc<App>>,
    request: Request,
) -> Answer<Json<Vec<SiteView>>> {
    signed(&app, &request).await?;
    let board = app.shared.board();
    Ok(Json(counts::sites(&board, app.casebook.now())))
}

/// `GET /v1/map`.
pub(crate) async fn map(State(app): State<Arc<App>>, request: Request) -> Answer<Json<MapView>> {
    signed(&app, &request).await?;
    let board = app.shared.board();
    let city = &board.city;
    let crossing = |c: &domain::crossing::CrossingRecord, open| CrossingView {
        id: c.crossing.to_string(),
        name: c.name.clone(),
        name_en: c.name_latin.clone(),
        lon: degrees(c.lon_e6),
        lat: degrees(c.lat_e6),
        open,
        foot_only: !c.travellers.contains(&Traveller::Car),
    };
    let district = |d: &DistrictRecord| DistrictView {
        id: d.district.to_string(),
        name: d.name.clone(),
        name_en: latin_or(&d.name_latin, &d.name),
        lon: degrees(d.lon_e6),
        lat: degrees(d.lat_e6),
    };
    let corner = |place: &Place| [degrees(place.lon_e6), degrees(place.lat_e6)];
    let barrier = |b: &BarrierRecord| BarrierView {
        id: b.barrier.to_string(),
        name: b.name.clone(),
        name_en: latin_or("", &b.name),
        points: b.points.iter().map(corner).collect(),
    };
    let open = city.crossings.values().map(|c| crossing(c, true));
    let closed = city.closed_crossings.values().map(|c| crossing(c, false));
    Ok(Json(MapView {
        barriers: city.area.barriers.values().map(barrier).collect(),
        crossings: open.chain(closed).collect(),
        districts: city.area.districts.values().map(district).collect(),
    }))
}
