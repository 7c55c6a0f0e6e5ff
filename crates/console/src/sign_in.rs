//! Signing in and out, and letting a carer's phone in.
//!
//! For: `/v1/session`, `/v1/session/phone`, `/v1/phone-links`.
//! May not know: how passwords are hashed (`password`), how tokens are kept (`session`).

use crate::{
    app::App,
    http,
    lines::Why,
    names::{
        Named, district_name, operator_name, operator_post, party_view, responder_name, role_word,
        site_name,
    },
    problem::{Answer, Failure},
    session::{self, Kind, LINK_MS, SESSION_MS, Stored},
    viewer::{Reach, Viewer},
};
use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use casebook::{Draft, Meta, streams};
use directory::City;
use domain::{
    Actor, OperatorId, ResponderId,
    operator::{OperatorEvent, Scope},
};
use eventlog::{EventId, Expected, Lane};
use qrcode::{QrCode, render::svg};
use std::sync::Arc;
use uuid::Uuid;
use wire::console::{Me, PhoneLink, PhoneLinkIn, PhoneSignIn, Session, SignIn};

/// Smallest side of a QR code, in pixels.
const QR_PX: u32 = 240;

/// `POST /v1/session`.
pub(crate) async fn sign_in(State(app): State<Arc<App>>, request: Request) -> Answer<Response> {
    if !http::own_origin(&app, request.headers(), false) {
        return Err(Failure::foreign_origin());
    }
    let source = http::source(&request);
    let given: SignIn = http::json(request).await?;
    let now = app.casebook.now().0;
    let name: String = given.name.chars().take(domain::ID_LIMIT + 1).collect();
    match app.attempts.begin(&name, &source, now) {
        Ok(wait) => tokio::time::sleep(wait).await,
        Err(wait_s) => {
            app.metrics.sign_ins_refused();
            return Err(Failure::limited(wait_s));
        }
    }
    let board = app.shared.board();
    let operator = OperatorId::parse(&given.name).ok();
    let account = operator.as_ref().and_then(|o| board.city.operators.get(o));
    let hash = account.map(|a| a.password.clone());
    let fits = app.checker.fits(given.password, hash).await;
    let fits = fits.map_err(|_| {
        Failure::unavailable("too many people are signing in; try again in a moment")
    })?;
    let Some(operator) = operator.filter(|_| fits) else {
        app.attempts.failed(&name, &source, now);
        app.metrics.sign_ins_refused();
        return Err(Failure::wrong_password());
    };
    app.attempts.succeeded(&name, &source, now);
    let id = EventId(Uuid::new_v4());
    let event = OperatorEvent::SignedIn {
        operator: operator.clone(),
    };
    append(&app, &operator, id, event).await?;
    admitted(&app, operator, None).await
}

/// `POST /v1/session/phone`: once, and only within ten minutes.
pub(crate) async fn phone_sign_in(
    State(app): State<Arc<App>>,
    request: Request,
) -> Answer<Response> {
    if !http::own_origin(&app, request.headers(), false) {
        return Err(Failure::foreign_origin());
    }
    let source = http::source(&request);
    let given: PhoneSignIn = http::json(request).await?;
    if given.token.len() > domain::ID_LIMIT {
        return Err(Failure::malformed("token: longer than any we give"));
    }
    let now = app.casebook.now().0;
    // Codes have no name to count by: each try counts as one of its own, and failures by source.
    if let Err(wait_s) = app.attempts.begin(&given.token, &source, now) {
        return Err(Failure::limited(wait_s));
    }
    let key = session::key_of(Kind::Link, &given.token);
    let link = session::find(&app, &key).await?;
    let link = link.ok_or_else(|| {
        app.attempts.failed(&given.token, &source, now);
        Failure::wrong_password().detail("the code has expired or was used; show a new one")
    })?;
    // The event's id is the link's: of two phones with one code, at any node, one finds it written already.
    let id = EventId(Uuid::new_v5(&Uuid::NAMESPACE_OID, &key));
    let event = OperatorEvent::SignedIn {
        operator: link.operator.clone(),
    };
    let first = append(&app, &link.operator, id, event).await?;
    session::end(&app, &key).await?;
    if !first {
        return Err(Failure::wrong_password().detail("the code was used; show a new one"));
    }
    admitted(&app, link.operator, link.responder).await
}

/// `GET /v1/session`.
pub(crate) async fn who(State(app): State<Arc<App>>, request: Request) -> Answer<Json<Session>> {
    let signed = session::signed(&app, request.method(), request.headers()).await?;
    let me = me(&app.shared.board().city, &signed.viewer);
    Ok(Json(Session { token: None, me }))
}

/// `DELETE /v1/session`.
pub(crate) async fn sign_out(State(app): State<Arc<App>>, request: Request) -> Answer<Response> {
    let signed = session::signed(&app, request.method(), request.headers()).await?;
    session::end(&app, &signed.key).await?;
    app.lines.end_session(&signed.key, Why::SignedOut);
    let operator = &signed.viewer.operator;
    let event = OperatorEvent::SignedOut {
        operator: operator.clone(),
    };
    append(&app, operator, EventId(Uuid::new_v4()), event).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Some(cookie) = session::set_cookie(&app, "") {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// `POST /v1/phone-links`.
pub(crate) async fn phone_link(
    State(app): State<Arc<App>>,
    request: Request,
) -> Answer<Json<PhoneLink>> {
    let signed = session::signed(&app, request.method(), request.headers()).await?;
    let given: PhoneLinkIn = http::json(request).await?;
    let responder = ResponderId::parse(&given.responder)
        .map_err(|e| Failure::malformed(format!("responder: {e}")))?;
    let board = app.shared.board();
    let row = board.city.responders.get(&responder);
    let viewer = &signed.viewer;
    if viewer.responder.is_some() {
        return Err(Failure::forbidden("a phone lets no other phone in"));
    }
    let row = row
        .filter(|row| viewer.may_link(&responder, row, &board))
        .ok_or_else(|| Failure::not_found("responder"))?;
    let now = app.casebook.now().0;
    let (token, key) = session::new_token(Kind::Link);
    let stored = Stored {
        operator: viewer.operator.clone(),
        responder: Some(responder),
        since: now,
        expires_at: now + LINK_MS,
    };
    session::keep(&app, &key, &stored).await?;
    tracing::info!(kind = ?row.kind, "a phone link was made");
    // In the fragment, which no server and no log on the way sees.
    let url = format!("{}/m#t={token}", app.options.public_url);
    let code = QrCode::new(url.as_bytes());
    let code = code.map_err(|_| Failure::unavailable("the address is too long for a QR code"))?;
    let qr_svg = code
        .render::<svg::Color<'_>>()
        .min_dimensions(QR_PX, QR_PX)
        .build();
    Ok(Json(PhoneLink {
        url,
        qr_svg,
        expires_at: stored.expires_at,
    }))
}

async fn admitted(
    app: &App,
    operator: OperatorId,
    responder: Option<ResponderId>,
) -> Answer<Response> {
    let board = app.shared.board();
    let viewer = Viewer::of(&board.city, &operator, responder.as_ref());
    let viewer = viewer.ok_or_else(Failure::wrong_password)?;
    let now = app.casebook.now().0;
    let (token, key) = session::new_token(Kind::Session);
    let stored = Stored {
        operator,
        responder,
        since: now,
        expires_at: now + SESSION_MS,
    };
    session::keep(app, &key, &stored).await?;
    app.metrics.sign_ins();
    let cookie = session::set_cookie(app, &token);
    let answer = Session {
        token: Some(token),
        me: me(&board.city, &viewer),
    };
    let mut response = Json(answer).into_response();
    if let Some(cookie) = cookie {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Whether it was written now, not before.
async fn append(
    app: &App,
    operator: &OperatorId,
    id: EventId,
    event: OperatorEvent,
) -> Answer<bool> {
    let at = app.casebook.now();
    let draft = Draft::new(id, at, Actor::Operator(operator.clone()), event);
    let stream = streams::operator(operator);
    let appended = app
        .casebook
        .append(
            Lane::Urgent,
            &stream,
            Expected::Any,
            vec![draft],
            Meta::default(),
        )
        .await;
    let appended = appended.map_err(|e| Failure::unavailable(e.to_string()))?;
    Ok(!appended.duplicate)
}

/// Who is signed in, as the page shows it.
pub(crate) fn me(city: &City, viewer: &Viewer) -> Me {
    let account = city.operators.get(&viewer.operator);
    let (scope, scope_id, (scope_name, scope_name_en)) = match &viewer.reach {
        Reach::City => ("city", None, ("全市".to_owned(), "Whole city".to_owned())),
        Reach::District(district) => (
            "district",
            Some(district.to_string()),
            district_name(city, district),
        ),
        Reach::Site(site) => ("site", Some(site.to_string()), site_name(city, site)),
        Reach::Own => ("site", None, (String::new(), String::new())),
    };
    // An account of one site stays one of a site, also where the site is a desk.
    let by_site = account.and_then(|a| match &a.scope {
        Scope::Site(site) if viewer.responder.is_none() => Some(site),
        _ => None,
    });
    let (scope, scope_id, scope_name, scope_name_en) = match by_site {
        Some(site) => {
            let (zh, en) = site_name(city, site);
            ("site", Some(site.to_string()), zh, en)
        }
        None => (scope, scope_id, scope_name, scope_name_en),
    };
    let responder = viewer.responder.as_ref();
    let as_responder = responder.and_then(|r| city.responders.get(r));
    let name = match (responder, account) {
        (Some(responder), _) => responder_name(city, responder),
        (None, Some(_)) => operator_name(city, &viewer.operator),
        (None, None) => Named::default(),
    };
    // A responder's kind is a code; the page has its words.
    let kind = as_responder.map(|r| crate::names::responder_kind(r.kind));
    let post = match kind {
        Some(kind) => Named {
            zh: kind.clone(),
            en: kind,
        },
        None => operator_post(city, &viewer.operator),
    };
    Me {
        operator: viewer.operator.to_string(),
        name: name.zh,
        name_en: name.en,
        post: post.zh,
        post_en: post.en,
        role: role_word(viewer.role),
        scope: scope.to_owned(),
        scope_id,
        scope_name,
        scope_name_en,
        responder: responder.map(ToString::to_string),
        parties: viewer
            .parties()
            .iter()
            .map(|party| party_view(city, party))
            .collect(),
    }
}
