//! The phone page `/sos` and its files.
//!
//! For: serving them from inside the program, under a content policy that lets nothing else in.
//! May not know: devices, keys; the page keeps its key in the address's fragment, which browsers never send.

use crate::http::NO_SUCH_PLACE;
use axum::{
    Router,
    extract::{Path, rejection::PathRejection},
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};

/// Only own files, no inline script or style, no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// One of the page's files, under `/sos/`.
pub(crate) struct File {
    pub(crate) name: &'static str,
    kind: &'static str,
    text: &'static str,
}

const fn made_of(name: &'static str, kind: &'static str, text: &'static str) -> File {
    File { name, kind, text }
}

pub(crate) const FILES: [File; 5] = [
    made_of(
        "sos.css",
        "text/css; charset=utf-8",
        include_str!("../page/sos.css"),
    ),
    made_of("sos.js", SCRIPT, include_str!("../page/sos.js")),
    made_of("sw.js", SCRIPT, include_str!("../page/sw.js")),
    made_of(
        "icon.svg",
        "image/svg+xml",
        include_str!("../page/icon.svg"),
    ),
    made_of(
        "manifest.webmanifest",
        "application/manifest+json",
        include_str!("../page/manifest.webmanifest"),
    ),
];

/// The page's routes.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route(
            "/sos",
            get(async || answer(HTML, include_str!("../page/sos.html"))),
        )
        .route("/sos/{file}", get(file))
}

async fn file(name: Result<Path<String>, PathRejection>) -> Response {
    let name = name.map(|Path(name)| name).unwrap_or_default();
    match FILES.iter().find(|file| file.name == name) {
        Some(file) => answer(file.kind, file.text),
        None => NO_SUCH_PLACE.answer(),
    }
}

fn answer(kind: &'static str, text: &'static str) -> Response {
    let headers: [(HeaderName, HeaderValue); 6] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        // Asked for again each time, so that a new version shows at once; the service worker keeps the last for offline.
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(POLICY),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        ),
        (
            HeaderName::from_static("service-worker-allowed"),
            HeaderValue::from_static("/sos"),
        ),
    ];
    (headers, text).into_response()
}
