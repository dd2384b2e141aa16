//! What a sender is answered.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use http_body_util::Full;

/// What a known address answers.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its number in the store, kept with each request it answered.
    pub number: i64,
    /// Status.
    pub status: StatusCode,
    /// Headers, in order.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
    /// How long to wait before answering.
    pub delay: Duration,
    /// Whether browsers on any page may send here and read the answer.
    pub cors: bool,
}

impl Answer {
    /// The response to one request.
    pub(super) fn response(&self, method: &Method, request: &HeaderMap) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body.clone()));
        *response.status_mut() = self.status;
        response.headers_mut().clone_from(&self.headers);
        if self.cors {
            allow_any_origin(&mut response, method, request);
        }
        response
    }

    /// The status one request gets: a preflight is answered by itself.
    pub(super) fn status_for(&self, method: &Method, request: &HeaderMap) -> StatusCode {
        if self.cors && is_preflight(method, request) { StatusCode::NO_CONTENT } else { self.status }
    }
}

fn is_preflight(method: &Method, request: &HeaderMap) -> bool {
    method == Method::OPTIONS && request.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn allow_any_origin(response: &mut Response<Full<Bytes>>, method: &Method, request: &HeaderMap) {
    let any = HeaderValue::from_static("*");
    if is_preflight(method, request) {
        *response.status_mut() = StatusCode::NO_CONTENT;
        *response.body_mut() = Full::default();
        for (asked, allowed) in [
            (header::ACCESS_CONTROL_REQUEST_METHOD, header::ACCESS_CONTROL_ALLOW_METHODS),
            (header::ACCESS_CONTROL_REQUEST_HEADERS, header::ACCESS_CONTROL_ALLOW_HEADERS),
        ] {
            if let Some(value) = request.get(asked) {
                response.headers_mut().insert(allowed, value.clone());
            }
        }
    } else {
        response.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, any.clone());
    }
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
}

/// A refusal the receiver makes by itself: what, why, and what to do.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Status.
    pub status: StatusCode,
    /// Stable code for programs.
    pub code: &'static str,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl Refusal {
    pub(super) fn body_too_large(limit: u64) -> Self {
        Self {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            code: "body_too_large",
            message: format!("The body is larger than {limit} bytes."),
            hint: "Raise the body limit in Hookline's settings.".into(),
        }
    }

    pub(super) fn body_broken() -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: "body_broken",
            message: "The body ended before its announced end, or its chunks do not read.".into(),
            hint: "Send the whole body with a correct Content-Length or chunked coding.".into(),
        }
    }

    pub(super) fn stalled(after: Duration) -> Self {
        Self {
            status: StatusCode::REQUEST_TIMEOUT,
            code: "body_stalled",
            message: format!("No byte of the body arrived for {} ms.", after.as_millis()),
            hint: "Send the whole body, or a correct Content-Length.".into(),
        }
    }

    pub(super) fn not_stored(reason: &str) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "not_stored",
            message: format!("Hookline could not store this request: {reason}."),
            hint: "Send it again later; nothing of it was kept.".into(),
        }
    }

    /// The response; `close` ends the connection after it.
    pub(super) fn response(&self, close: bool) -> Response<Full<Bytes>> {
        let text = format!(
            "{{\"code\":{},\"message\":{},\"hint\":{}}}\n",
            json_string(self.code),
            json_string(&self.message),
            json_string(&self.hint)
        );
        let mut response = Response::new(Full::new(Bytes::from(text)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        if close {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
