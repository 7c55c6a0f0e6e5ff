//! The page's files, built into the binary.
//!
//! For: serving them in the encoding a browser takes, with tags, so that nothing is sent twice.
//! May not know: what is in them; `build.rs` makes the table.

use crate::problem::Failure;
use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};

/// One file.
#[derive(Debug)]
pub(crate) struct Asset {
    /// Without a slash in front: `assets/index-….js`.
    pub(crate) path: &'static str,
    pub(crate) content_type: &'static str,
    /// Of the content; each encoding adds its own letter.
    pub(crate) etag: &'static str,
    /// Its name changes with its content.
    pub(crate) immutable: bool,
    pub(crate) identity: &'static [u8],
    pub(crate) brotli: Option<&'static [u8]>,
    pub(crate) gzip: Option<&'static [u8]>,
}

mod table {
    use super::Asset;
    include!(concat!(env!("OUT_DIR"), "/assets.rs"));
}

/// Whether the page is a placeholder: built with `CONSOLE_DIST=none`.
pub(crate) const PLACEHOLDER: bool = table::PLACEHOLDER;

/// What stands where the page would be.
const PLACEHOLDER_PAGE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Anling</title>\
     <h1>安铃 Anling</h1><p>This binary was built without the console's page (CONSOLE_DIST=none). The HTTP and WebSocket \
     doors work; build without that setting to get the page.</p></html>";

/// Any path that is no route: a file, a page's own address, or nothing.
pub(crate) async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return Failure::method().into_response();
    }
    let path = uri.path().trim_start_matches('/');
    if path == "v1" || path.starts_with("v1/") {
        return Failure::not_found("address").into_response();
    }
    match find(path) {
        Some(asset) => answer(asset, &headers),
        None if PLACEHOLDER && is_page(path) => placeholder(),
        None if is_address(path) => nowhere(),
        None => Failure::not_found("file").into_response(),
    }
}

fn find(path: &str) -> Option<&'static Asset> {
    let named = |path: &str| {
        let at = table::ASSETS.binary_search_by_key(&path, |a| a.path).ok()?;
        table::ASSETS.get(at)
    };
    if let Some(asset) = named(path) {
        return Some(asset);
    }
    if !is_page(path) {
        return None;
    }
    if path == "m" || path.starts_with("m/") {
        return named("m.html").or_else(|| named("index.html"));
    }
    named("index.html")
}

/// The addresses the two pages have: everything else is none.
fn is_page(path: &str) -> bool {
    path.is_empty() || path == "m" || path == "m/"
}

/// What somebody reads who has come to an address that is none.
const NOWHERE_PAGE: &str = "<!doctype html><html lang=\"zh-CN\"><meta charset=\"utf-8\"><title>安铃 Anling</title>\
     <h1>没有这个网页</h1><p><a href=\"/\">值班台</a> · <a href=\"/m\">上门人员手机页</a></p>\
     <p lang=\"en\">There is no such page. <a href=\"/\">Console</a> · <a href=\"/m\">Carer's phone</a></p></html>";

fn nowhere() -> Response {
    let html = (header::CONTENT_TYPE, "text/html; charset=utf-8");
    let fresh = (header::CACHE_CONTROL, "no-cache");
    (StatusCode::NOT_FOUND, [html, fresh], NOWHERE_PAGE).into_response()
}

/// A file that is not there is not there; anything else could be a page's address.
fn is_address(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or_default();
    !path.starts_with("assets/") && !last.contains('.')
}

fn answer(asset: &'static Asset, headers: &HeaderMap) -> Response {
    let (encoding, letter, bytes) = best(asset, headers);
    let tag = format!("\"{}{letter}\"", asset.etag);
    let known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|v| v.to_str().ok());
    let mut known = known.flat_map(|v| v.split(',')).map(str::trim);
    let same = known.any(|v| v == "*" || v.trim_start_matches("W/") == tag);
    let mut response = if same {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Response::new(Body::from(Bytes::from_static(bytes)))
    };
    let out = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        out.insert(header::ETAG, tag);
    }
    out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    let keep = if asset.immutable {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    if !same {
        let kind = HeaderValue::from_static(asset.content_type);
        out.insert(header::CONTENT_TYPE, kind);
        if let Some(encoding) = encoding {
            let encoding = HeaderValue::from_static(encoding);
            out.insert(header::CONTENT_ENCODING, encoding);
        }
    }
    response
}

fn best(
    asset: &'static Asset,
    headers: &HeaderMap,
) -> (Option<&'static str>, &'static str, &'static [u8]) {
    match (asset.brotli, asset.gzip) {
        (Some(bytes), _) if accepts(headers, "br") => (Some("br"), "-b", bytes),
        (_, Some(bytes)) if accepts(headers, "gzip") => (Some("gzip"), "-g", bytes),
        _ => (None, "", asset.identity),
    }
}

fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    let mut codings = values
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','));
    codings.any(|c| {
        let (name, weight) = c.split_once(';').unwrap_or((c, ""));
        let refused = matches!(
            weight.replace(' ', "").as_str(),
            "q=0" | "q=0.0" | "q=0.00" | "q=0.000"
        );
        name.trim().eq_ignore_ascii_case(coding) && !refused
    })
}

fn placeholder() -> Response {
    let mut response = Response::new(Body::from(PLACEHOLDER_PAGE));
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    static PAGE: Asset = Asset {
        path: "index.html",
        content_type: "text/html; charset=utf-8",
        etag: "abc",
        immutable: false,
        identity: b"plain",
        brotli: Some(b"br"),
        gzip: Some(b"gz"),
    };

    fn asked(name: header::HeaderName, value: &'static str) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        answer(&PAGE, &headers)
    }

    #[test]
    fn the_best_encoding_taken_is_sent_and_each_has_its_own_tag() {
        let cases = [
            ("gzip, deflate, br", Some("br"), "\"abc-b\""),
            ("gzip, br;q=0", Some("gzip"), "\"abc-g\""),
            ("identity", None, "\"abc\""),
        ];
        for (accept, encoding, tag) in cases {
            let response = asked(header::ACCEPT_ENCODING, accept);
            let header = |name| response.headers().get(name).map(|v| v.to_str().unwrap());
            assert_eq!(header(header::CONTENT_ENCODING), encoding, "{accept}");
            assert_eq!(header(header::ETAG), Some(tag), "{accept}");
            assert_eq!(header(header::CACHE_CONTROL), Some("no-cache"));
        }
    }

    #[test]
    fn what_the_browser_has_is_not_sent_again() {
        let same = asked(header::IF_NONE_MATCH, "\"x\", W/\"abc\"");
        assert_eq!(same.status(), StatusCode::NOT_MODIFIED);
        let other = asked(header::IF_NONE_MATCH, "\"abc-b\"");
        assert_eq!(other.status(), StatusCode::OK);
    }

    #[test]
    fn the_table_is_sorted_so_that_files_are_found() {
        assert!(table::ASSETS.is_sorted_by_key(|a| a.path));
        for asset in table::ASSETS {
            assert!(std::ptr::eq(find(asset.path).unwrap(), asset));
        }
        assert!(find("assets/none.js").is_none());
        assert!(find("none.svg").is_none());
        assert_eq!(PLACEHOLDER, find("m").is_none());
    }

    #[tokio::test]
    async fn an_address_that_is_none_is_told_so_in_a_page() {
        for (address, status) in [
            ("/nope", StatusCode::NOT_FOUND),
            ("/incidents/7", StatusCode::NOT_FOUND),
            ("/assets/none.js", StatusCode::NOT_FOUND),
            ("/", StatusCode::OK),
            ("/m", StatusCode::OK),
        ] {
            let uri = Uri::from_static(address);
            let answer = serve(Method::GET, uri, HeaderMap::new()).await;
            assert_eq!(answer.status(), status, "{address}");
        }
        let nope = serve(Method::GET, Uri::from_static("/nope"), HeaderMap::new()).await;
        assert_eq!(
            nope.headers()[header::CONTENT_TYPE],
            "text/html; charset=utf-8"
        );
    }
}
