//! Requests to answers.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;

use http_body_util::{Channel, Either, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, WWW_AUTHENTICATE,
};
use hyper::{Method, Request, Response, StatusCode};
use serde::Serialize;
use serde_json::json;
use tokio::sync::Semaphore;

use super::auth::{Admission, Hosts, Token, Users, is_of_another_site, looks_waiting};
use super::events;
use super::feedback::Log;
use super::query::Queries;
use super::server::Busy;
use super::{About, Served, WebConfig, api, feedback, files};
use crate::metrics;
use crate::pipeline::Telemetry;

/// What is sent back.
pub(super) type Body = Either<Full<Bytes>, Channel<Bytes, Infallible>>;

/// The largest answer of the API, in bytes.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// All that is served, and by what it is kept within bounds.
pub(super) struct Site {
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) queries: Option<Queries>,
    pub(super) log: Option<Log>,
    pub(super) state: Option<PathBuf>,
    pub(super) token: Option<Token>,
    pub(super) about: About,
    pub(super) streams: Arc<Semaphore>,
    hosts: Hosts,
    users: Users,
    looks_waiting: Semaphore,
}

/// Why a request is refused.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) why: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, why: impl Into<String>) -> Self {
        Self {
            status,
            why: why.into(),
        }
    }

    pub(super) fn not_found(why: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, why)
    }
}

impl Site {
    pub(super) fn new(served: Served, web: WebConfig, is_for_others: bool) -> Self {
        Self {
            telemetry: served.telemetry,
            queries: served.history.map(Queries::new),
            log: served.state.as_deref().map(Log::new),
            state: served.state,
            token: served.token,
            about: served.about,
            streams: events::streams(),
            hosts: Hosts::new(&served.names, is_for_others),
            users: Users::new(web.users),
            looks_waiting: looks_waiting(),
        }
    }

    /// Answers a request. `busy` is held until the answer has been made.
    pub(super) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        busy: Busy,
    ) -> Response<Body> {
        let path = request.uri().path().to_owned();
        let mut response = match self.route(request, &path, busy).await {
            Ok(response) => response,
            Err(refusal) => {
                let challenges = refusal.status == StatusCode::UNAUTHORIZED;
                let allows = refusal.status == StatusCode::METHOD_NOT_ALLOWED;
                let mut response = json_answer(refusal.status, &json!({ "error": refusal.why }));
                let headers = response.headers_mut();
                if challenges {
                    let scheme = match path.ends_with(FEEDBACK) {
                        true => HeaderValue::from_static("Bearer realm=\"borderflow feedback\""),
                        false => HeaderValue::from_static("Basic realm=\"borderflow\""),
                    };
                    headers.insert(WWW_AUTHENTICATE, scheme);
                }
                if allows {
                    let methods = match path.ends_with(FEEDBACK) {
                        true => HeaderValue::from_static("POST"),
                        false => HeaderValue::from_static("GET, HEAD"),
                    };
                    headers.insert(ALLOW, methods);
                }
                response
            }
        };
        protect(response.headers_mut());
        response
    }

    async fn route(
        self: &Arc<Self>,
        request: Request<Incoming>,
        path: &str,
        busy: Busy,
    ) -> Result<Response<Body>, Refusal> {
        let is_health = matches!(path, "/healthz" | "/readyz");
        if !is_health && !self.hosts.has(request.headers()) {
            let why = "the Host of the request is not this machine: use its address or localhost, \
                       or name it in http.names";
            return Err(Refusal::new(StatusCode::FORBIDDEN, why));
        }
        let is_feedback = path.starts_with("/api/v1/incidents/") && path.ends_with(FEEDBACK);
        self.admit(request.headers(), is_feedback).await?;
        if is_feedback {
            if request.method() != Method::POST {
                let why = "feedback is given by POST";
                return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, why));
            }
            if is_of_another_site(request.headers()) {
                let why = "the request comes from the page of another site";
                return Err(Refusal::new(StatusCode::FORBIDDEN, why));
            }
            return feedback::take(self, request, path).await;
        }
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let why = "only GET and HEAD are served here";
            return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, why));
        }
        match path {
            "/metrics" => self.metrics(),
            "/healthz" => Ok(text(StatusCode::OK, "ok\n")),
            "/readyz" if self.telemetry.is_ready() => Ok(text(StatusCode::OK, "ready\n")),
            "/readyz" => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                Ok(text(status, "not taking frames yet\n"))
            }
            "/api/v1/events" => events::open(self, busy),
            _ => match path.strip_prefix("/api/v1/") {
                Some(name) => api::answer(self, name, request.uri().query()).await,
                None => files::answer(path, request.headers()),
            },
        }
    }

    /// Checks the password of a request. Who gives feedback may show its token instead.
    async fn admit(&self, headers: &HeaderMap, is_feedback: bool) -> Result<(), Refusal> {
        let token = self.token.as_ref().filter(|_| is_feedback);
        if token.is_some_and(|token| token.is_shown(headers)) {
            return Ok(());
        }
        match self.users.admit(headers, &self.looks_waiting).await {
            Admission::Granted => Ok(()),
            Admission::Refused => {
                let why = "a user and a password are asked for";
                Err(Refusal::new(StatusCode::UNAUTHORIZED, why))
            }
            Admission::Busy => {
                let why = "too many passwords are being looked at; try again";
                Err(Refusal::new(StatusCode::TOO_MANY_REQUESTS, why))
            }
        }
    }

    fn metrics(&self) -> Result<Response<Body>, Refusal> {
        let page = metrics::encode(self.telemetry.families()).map_err(|error| {
            let why = format!("the metrics cannot be written: {error}");
            Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, why)
        })?;
        let kind = "text/plain; version=0.0.4; charset=utf-8";
        Ok(full(StatusCode::OK, kind, Bytes::from(page)))
    }
}

/// What the paths of feedback end with.
const FEEDBACK: &str = "/feedback";

/// An answer of the API.
pub(super) fn json_answer(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    const KIND: &str = "application/json; charset=utf-8";
    let too_large = r#"{"error":"the answer is too large; ask for less"}"#;
    let (status, bytes) = match serde_json::to_vec(value) {
        Ok(bytes) if bytes.len() <= ANSWER_BYTES_MAX => (status, Bytes::from(bytes)),
        _ => {
            let bytes = Bytes::from_static(too_large.as_bytes());
            (StatusCode::INTERNAL_SERVER_ERROR, bytes)
        }
    };
    let mut response = full(status, KIND, bytes);
    let never = HeaderValue::from_static("no-store");
    response.headers_mut().insert(CACHE_CONTROL, never);
    response
}

fn text(status: StatusCode, text: &'static str) -> Response<Body> {
    let bytes = Bytes::from_static(text.as_bytes());
    full(status, "text/plain; charset=utf-8", bytes)
}

pub(super) fn full(status: StatusCode, kind: &'static str, bytes: Bytes) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::new(bytes)));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// Nothing that is served here may load anything, run a script or be part of another page; the
/// page of the console has a policy of its own.
fn protect(headers: &mut HeaderMap) {
    const LINES: [(&str, &str); 4] = [
        (
            "content-security-policy",
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
    ];
    for (name, value) in LINES {
        let value = HeaderValue::from_static(value);
        headers
            .entry(HeaderName::from_static(name))
            .or_insert(value);
    }
}
