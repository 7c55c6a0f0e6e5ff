//! Errors of this door, as people and programs read them.
//!
//! For: one shape (RFC 9457) for every answer that is not what was asked for.
//! May not know: rules; a refusal arrives with its code.

use crate::names::Named;
use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use wire::problem::Problem;

/// An answer that is not what was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) problem: Box<Problem>,
    /// When to come back, in seconds, where waiting helps.
    pub(crate) retry_after_s: Option<u64>,
}

/// What most handlers give back.
pub(crate) type Answer<T> = Result<T, Failure>;

impl Failure {
    fn new(status: StatusCode, kind: &str, title: &str) -> Self {
        let problem = Problem {
            kind: kind.to_owned(),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: None,
            code: None,
            who: None,
            who_en: None,
        };
        Self {
            problem: Box::new(problem),
            retry_after_s: None,
        }
    }

    /// The sender's fault.
    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        let problem = Self::new(
            StatusCode::BAD_REQUEST,
            "/problems/malformed",
            "the request cannot be understood",
        );
        problem.detail(detail).code("malformed")
    }

    /// Nobody is signed in, or the session has ended.
    pub(crate) fn signed_out() -> Self {
        let problem = Self::new(
            StatusCode::UNAUTHORIZED,
            "/problems/signed-out",
            "nobody is signed in",
        );
        problem
            .detail("sign in with POST /v1/session")
            .code("signed_out")
    }

    /// Name or password are wrong; never says which.
    pub(crate) fn wrong_password() -> Self {
        let problem = Self::new(
            StatusCode::UNAUTHORIZED,
            "/problems/wrong-password",
            "name or password are wrong",
        );
        problem.code("wrong_password")
    }

    /// Too many tries.
    pub(crate) fn limited(wait_s: u64) -> Self {
        let problem = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "/problems/too-many-tries",
            "too many tries",
        );
        let mut problem = problem
            .detail(format!("wait {wait_s} seconds, then try again"))
            .code("too_many_tries");
        problem.retry_after_s = Some(wait_s);
        problem
    }

    /// Known, and not allowed.
    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        let problem = Self::new(
            StatusCode::FORBIDDEN,
            "/problems/not-allowed",
            "this is not allowed",
        );
        problem.detail(detail).code("not_allowed")
    }

    /// A page of another origin asked.
    pub(crate) fn foreign_origin() -> Self {
        let problem = Self::new(
            StatusCode::FORBIDDEN,
            "/problems/foreign-origin",
            "the request came from another site",
        );
        problem
            .detail("a request with a cookie must carry the console's own Origin; programs use a bearer token")
            .code("foreign_origin")
    }

    /// There is none, or none for this person: the two look alike on purpose.
    pub(crate) fn not_found(what: &str) -> Self {
        let title = format!("there is no such {what}");
        Self::new(StatusCode::NOT_FOUND, "/problems/not-found", &title).code("not_found")
    }

    /// The path exists, the method does not.
    pub(crate) fn method() -> Self {
        let problem = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "/problems/method-not-allowed",
            "this path does not take that method",
        );
        problem.code("method_not_allowed")
    }

    /// The body is too long.
    pub(crate) fn too_large(limit: usize) -> Self {
        let problem = Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "/problems/too-large",
            "the body is too long",
        );
        problem
            .detail(format!("send at most {limit} bytes"))
            .code("too_large")
    }

    /// The body is not JSON by its own word.
    pub(crate) fn media_type() -> Self {
        let problem = Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "/problems/media-type",
            "the body must be application/json",
        );
        problem.code("media_type")
    }

    /// A rule said no.
    pub(crate) fn refused(code: &str, title: &str, who: Option<Named>) -> Self {
        let kind = format!("/problems/{}", code.replace('_', "-"));
        let mut failure = Self::new(StatusCode::CONFLICT, &kind, title).code(code);
        if let Some(Named { zh, en }) = who {
            failure.problem.who_en = (!en.is_empty() && en != zh).then_some(en);
            failure.problem.who = Some(zh);
        }
        failure
    }

    /// Ours: try again.
    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        let problem = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "/problems/unavailable",
            "the console cannot do this at the moment",
        );
        let mut problem = problem.detail(detail).code("unavailable");
        problem.retry_after_s = Some(1);
        problem
    }

    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.problem.detail = Some(detail.into());
        self
    }

    pub(crate) fn code(mut self, code: &str) -> Self {
        self.problem.code = Some(code.to_owned());
        self
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.problem).unwrap_or_else(|_| b"{}".to_vec());
        let mut response = Response::new(Body::from(body));
        *response.status_mut() =
            StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.problem.status == 401 {
            // RFC 9110, section 11.6.1: whoever is not let in is told how programs are.
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
