//! The routes a manual is read at.
//!
//! For: `/openapi.json`, the schemas of messages, and Swagger UI at `/docs` from inside the program.
//! May not know: what the document says.

use crate::{HttpMethod, Manual, Operation, operation::media};
use axum::{
    Router,
    body::Bytes,
    extract::{Path, rejection::PathRejection},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

/// Only own files, no inline script or style. Swagger UI's icons are `data:` images; it styles through the object
/// model, which a policy does not forbid. Trying something out asks this door only.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PAGE: &str = include_str!("../ui/index.html");
const SCRIPT: &str = include_str!("../ui/docs.js");
const SWAGGER_SCRIPT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui-bundle.js.gz"));
const SWAGGER_STYLE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui.css.gz"));

/// The page's own files, changed only with the program.
const FILES: [&str; 3] = ["docs.js", "swagger-ui-bundle.js", "swagger-ui.css"];

const HTML: &str = "text/html; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";

/// Describes these routes as well.
pub(crate) fn described(manual: Manual) -> Manual {
    let document = Operation::new("本文档 · This document", "manual")
        .gives_text(200, media::JSON, "OpenAPI 3.1")
        .with_page_headers(200);
    let page = Operation::new(
        "在浏览器里阅读和试用 · Read and try it in a browser",
        "manual",
    )
    .gives_text(200, media::HTML, "Swagger UI")
    .with_page_headers(200);
    let file = Operation::new("页面的文件 · The page's files", "manual")
        .path_of("file", &FILES, "文件名 · Its name")
        .gives_text(200, "text/javascript", "脚本 · Script")
        .gives_text(200, "text/css", "样式 · Style")
        .with_header(200, "content-encoding", "`gzip`")
        .with_page_headers(200)
        .gives_nothing(404, "没有这个文件 · No such file")
        .with_page_headers(404);
    manual
        .tag("manual", "接口说明 · This manual")
        .on(HttpMethod::Get, "/openapi.json", document)
        .on(HttpMethod::Get, "/docs", page)
        .on(HttpMethod::Get, "/docs/{file}", file)
}

/// The routes.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(
    document: String,
    messages: Vec<(&'static str, String)>,
) -> Router<S> {
    let document = Bytes::from(document);
    let mut router = Router::new()
        .route(
            "/openapi.json",
            get(async move || json(media::JSON, document)),
        )
        .route("/docs", get(async || plain(HTML, PAGE)))
        .route("/docs/{file}", get(file));
    for (path, schema) in messages {
        let schema = Bytes::from(schema);
        router = router.route(path, get(async move || json(media::SCHEMA, schema)));
    }
    router
}

fn json(kind: &'static str, document: Bytes) -> Response {
    (headers(kind), document).into_response()
}

fn plain(kind: &'static str, text: &'static str) -> Response {
    (headers(kind), text).into_response()
}

async fn file(name: Result<Path<String>, PathRejection>) -> Response {
    let name = name.map(|Path(name)| name).unwrap_or_default();
    match name.as_str() {
        "docs.js" => plain(JAVASCRIPT, SCRIPT),
        "swagger-ui-bundle.js" => packed(JAVASCRIPT, SWAGGER_SCRIPT),
        "swagger-ui.css" => packed(CSS, SWAGGER_STYLE),
        _ => {
            let mut headers = headers("");
            headers.remove(header::CONTENT_TYPE);
            (StatusCode::NOT_FOUND, headers).into_response()
        }
    }
}

/// Every browser takes gzip; whoever does not is told what it is by the header.
fn packed(kind: &'static str, bytes: &'static [u8]) -> Response {
    let mut headers = headers(kind);
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    // Large, and changed only with the program: a day is short enough for an update to show.
    let keep = HeaderValue::from_static("public, max-age=86400");
    headers.insert(header::CACHE_CONTROL, keep);
    (headers, bytes).into_response()
}

fn headers(kind: &'static str) -> HeaderMap {
    let fixed: [(HeaderName, &'static str); 5] = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    let fixed = fixed.map(|(name, value)| (name, HeaderValue::from_static(value)));
    HeaderMap::from_iter(fixed)
}
