//! What every request passes: who asks, from where, with what body, and the headers of every answer.
//!
//! For: reading requests without trusting them.
//! May not know: what is done with them.

use crate::{
    app::App,
    options::{BODY_BYTES, REQUEST_WAIT},
    problem::{Answer, Failure},
};
use axum::{
    extract::{ConnectInfo, Request},
    http::{HeaderMap, HeaderValue, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use domain::IncidentId;
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use std::net::{IpAddr, SocketAddr};

/// What a page of ours may load: itself, nothing else.
pub(crate) const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
     font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'";

/// Puts the security headers on every answer.
pub(crate) async fn guard(mut request: Request, next: Next) -> Response {
    // HTTP/2 names the host in the address; what compares origins looks in one place.
    let authority = request.uri().authority().map(|a| a.as_str().to_owned());
    if let Some(Ok(host)) = authority.map(HeaderValue::try_from) {
        request.headers_mut().entry(header::HOST).or_insert(host);
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Bounds the time of a request and keeps its answer out of caches.
pub(crate) async fn in_time(request: Request, next: Next) -> Response {
    let Ok(mut response) = tokio::time::timeout(REQUEST_WAIT, next.run(request)).await else {
        return Failure::unavailable("the request took too long; try again").into_response();
    };
    let headers = response.headers_mut();
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// A JSON body, bounded.
pub(crate) async fn json<T: DeserializeOwned>(request: Request) -> Answer<T> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|v| v.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Failure::media_type());
    }
    let bytes = body(request).await?;
    serde_json::from_slice(&bytes).map_err(|error| {
        // Where, not what: the body may hold a password.
        Failure::malformed(format!(
            "the body does not read as this request's JSON (line {}, column {})",
            error.line(),
            error.column()
        ))
    })
}

/// A body's bytes, bounded.
pub(crate) async fn body(request: Request) -> Answer<Vec<u8>> {
    let mut chunks = request.into_body().into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| {
            Failure::malformed("the body stops in the middle, or its chunks do not read")
        })?;
        if bytes.len() + chunk.len() > BODY_BYTES {
            return Err(Failure::too_large(BODY_BYTES));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// An incident's id out of a path.
pub(crate) fn incident_id(text: &str) -> Answer<IncidentId> {
    let id = uuid::Uuid::try_parse(text);
    id.map(IncidentId)
        .map_err(|_| Failure::malformed("an incident's id is a UUID"))
}

/// Where a request came from, as far as limits are concerned.
pub(crate) fn source(request: &Request) -> String {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    match peer.map(|peer| peer.0.ip().to_canonical()) {
        None => "unknown".to_owned(),
        Some(IpAddr::V4(address)) => address.to_string(),
        // One household has a whole /64 (RFC 6177); its addresses are one place.
        Some(IpAddr::V6(address)) => format!("{:x}", u128::from(address) >> 64),
    }
}

/// The pairs of a query, as they were typed; percent signs are decoded.
pub(crate) fn query(uri: &Uri) -> Answer<Vec<(String, String)>> {
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri);
    pairs
        .map(|q| q.0)
        .map_err(|_| Failure::malformed("the query cannot be read"))
}

/// Whether a request comes from a page of this console. `strict`: one without a word about its origin does not.
pub(crate) fn own_origin(app: &App, headers: &HeaderMap, strict: bool) -> bool {
    let text = |name: header::HeaderName| headers.get(name).and_then(|v| v.to_str().ok());
    let Some(origin) = text(header::ORIGIN) else {
        let fetched = headers.get("sec-fetch-site").and_then(|v| v.to_str().ok());
        return match fetched {
            Some(site) => site == "same-origin",
            None => !strict,
        };
    };
    if origin.eq_ignore_ascii_case(&app.options.public_url) {
        return true;
    }
    let scheme = if app.options.tls { "https" } else { "http" };
    let host = text(header::HOST);
    host.is_some_and(|host| origin.eq_ignore_ascii_case(&format!("{scheme}://{host}")))
}
