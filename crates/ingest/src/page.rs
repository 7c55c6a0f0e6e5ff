//! The phone page `/sos` and its files.
//!
//! For: serving them from inside the program, under a content policy that lets nothing else in.
//! May not know: devices, keys; the page keeps its key in the address's fragment, which browsers never send.

use axum::{
    Router,
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};

/// Only own files, no inline script or style, no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The page's routes.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/sos", get(|| file(HTML, include_str!("../page/sos.html"))))
        .route(
            "/sos/sos.css",
            get(|| file("text/css; charset=utf-8", include_str!("../page/sos.css"))),
        )
        .route(
            "/sos/sos.js",
            get(|| file(SCRIPT, include_str!("../page/sos.js"))),
        )
        .route(
            "/sos/sw.js",
            get(|| file(SCRIPT, include_str!("../page/sw.js"))),
        )
        .route(
            "/sos/icon.svg",
            get(|| file("image/svg+xml", include_str!("../page/icon.svg"))),
        )
        .route(
            "/sos/manifest.webmanifest",
            get(|| {
                let manifest = include_str!("../page/manifest.webmanifest");
                file("application/manifest+json", manifest)
            }),
        )
}

async fn file(kind: &'static str, text: &'static str) -> Response {
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
