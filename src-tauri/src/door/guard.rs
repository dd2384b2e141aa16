//! What guards the HTTP door: a token in a header, and requests only this machine's pages make.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Json,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use hookline_engine::api::ApiError;
use http::{HeaderMap, StatusCode, header};
use rand::RngCore;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

/// The token of one door and the code that a page trades for it, once.
pub(crate) struct Guard {
    token: String,
    code: Mutex<String>,
    on_new_code: Box<dyn Fn(&str) + Send + Sync>,
    address: SocketAddr,
}

impl Guard {
    /// A guard with this token, or a new one. `on_new_code` hears the code whenever there is a new one.
    pub(crate) fn new(
        address: SocketAddr,
        token: Option<String>,
        on_new_code: impl Fn(&str) + Send + Sync + 'static,
    ) -> Arc<Self> {
        let token = token.unwrap_or_else(random);
        let guard = Self { token, code: Mutex::new(random()), on_new_code: Box::new(on_new_code), address };
        (guard.on_new_code)(&guard.code());
        Arc::new(guard)
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    fn code(&self) -> String {
        self.code.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Whether a request's Host is this door by a name of this machine: a page elsewhere can point
    /// its own name here (DNS rebinding), but cannot send another Host.
    fn own_host(&self, headers: &HeaderMap) -> bool {
        let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else { return false };
        self.names().any(|name| host.eq_ignore_ascii_case(&name))
    }

    /// Whether a request comes from this door's own page or from no page at all.
    fn own_origin(&self, headers: &HeaderMap) -> bool {
        match headers.get(header::ORIGIN) {
            None => true,
            Some(origin) => {
                let origin = origin.to_str().unwrap_or_default();
                self.names().any(|name| origin.eq_ignore_ascii_case(&format!("http://{name}")))
            }
        }
    }

    fn names(&self) -> impl Iterator<Item = String> {
        let port = self.address.port();
        ["127.0.0.1", "localhost", "[::1]"].into_iter().map(move |name| format!("{name}:{port}"))
    }

    fn bears_token(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        given.is_some_and(|given| given.as_bytes().ct_eq(self.token.as_bytes()).into())
    }
}

/// 32 random bytes, in hex.
fn random() -> String {
    let mut bytes = [0u8; 32];
    rand::rng().fill_bytes(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Lets a request through to this door at all.
pub(super) async fn own_requests(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    if !guard.own_host(request.headers()) {
        return ApiError::refused(
            StatusCode::MISDIRECTED_REQUEST,
            "wrong_host",
            "The Host header does not name this door.",
            "Use the address Hookline printed.",
        )
        .into_response();
    }
    if !guard.own_origin(request.headers()) {
        return ApiError::refused(
            StatusCode::FORBIDDEN,
            "wrong_origin",
            "A page of another origin may not call this door.",
            "Call it from a program, or use Hookline's own page.",
        )
        .into_response();
    }
    // What the API says of webhooks, and the token, are in no cache of a browser or a proxy.
    let private = ["/api/", "/session"].iter().any(|start| request.uri().path().starts_with(start));
    let mut response = next.run(request).await;
    if private {
        response.headers_mut().entry(header::CACHE_CONTROL).or_insert(http::HeaderValue::from_static("no-store"));
    }
    response
}

/// Lets a request through to the API.
pub(super) async fn bearers(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    if guard.bears_token(request.headers()) {
        return next.run(request).await;
    }
    let mut response = ApiError::refused(
        StatusCode::UNAUTHORIZED,
        "token_needed",
        "This call needs the token of the running engine.",
        "Send it as `Authorization: Bearer …`; it stands in the file `token` in the data folder.",
    )
    .into_response();
    response.headers_mut().insert(header::WWW_AUTHENTICATE, http::HeaderValue::from_static("Bearer"));
    response
}

#[derive(Deserialize)]
pub(super) struct Trade {
    code: String,
}

#[derive(Serialize)]
pub(super) struct Session {
    token: String,
}

/// Trades the one-time code for the token.
pub(super) async fn trade(State(guard): State<Arc<Guard>>, Json(given): Json<Trade>) -> Response {
    let mut code = guard.code.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if bool::from(given.code.as_bytes().ct_eq(code.as_bytes())) {
        *code = random();
        (guard.on_new_code)(&code);
        return Json(Session { token: guard.token.clone() }).into_response();
    }
    ApiError::refused(
        StatusCode::FORBIDDEN,
        "code_used",
        "This code is not valid any more.",
        "Open the newest address that `hookline serve` printed.",
    )
    .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().expect("a value"))).collect()
    }

    #[test]
    fn only_this_door_is_this_door() {
        let guard = Guard::new(([127, 0, 0, 1], 4666).into(), None, |_| ());
        for host in ["127.0.0.1:4666", "localhost:4666", "LOCALHOST:4666", "[::1]:4666"] {
            assert!(guard.own_host(&headers(&[(header::HOST, host)])), "{host}");
        }
        for host in ["evil.example", "127.0.0.1", "127.0.0.1:4665", "localhost.evil.example:4666", ""] {
            assert!(!guard.own_host(&headers(&[(header::HOST, host)])), "{host}");
        }
        assert!(!guard.own_host(&HeaderMap::new()));
        assert!(guard.own_origin(&HeaderMap::new()));
        assert!(guard.own_origin(&headers(&[(header::ORIGIN, "http://localhost:4666")])));
        for origin in ["null", "http://evil.example", "https://localhost:4666", "http://127.0.0.1:4665"] {
            assert!(!guard.own_origin(&headers(&[(header::ORIGIN, origin)])), "{origin}");
        }
        assert!(!guard.bears_token(&headers(&[(header::AUTHORIZATION, "Bearer x")])));
        let right = format!("Bearer {}", guard.token());
        assert!(guard.bears_token(&headers(&[(header::AUTHORIZATION, &right)])));
    }
}
