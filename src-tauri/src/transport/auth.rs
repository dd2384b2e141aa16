//! Authorization of the local HTTP API: a bearer token, and checks of the Host and Origin headers.

use hookbench_model::ErrorCode;
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
use hookbench_api::ApiError;
use http::{HeaderMap, header};
use rand::Rng;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

/// Token of a local HTTP API, and the one-time code that a page exchanges for the token.
pub(crate) struct Auth {
    token: String,
    code: Mutex<String>,
    on_new_code: Box<dyn Fn(&str) + Send + Sync>,
    address: SocketAddr,
}

impl Auth {
    /// Creates the authorization with this token, or with a random one. Calls `on_new_code` with each new code.
    pub(crate) fn new(
        address: SocketAddr,
        token: Option<String>,
        on_new_code: impl Fn(&str) + Send + Sync + 'static,
    ) -> Arc<Self> {
        let token = token.unwrap_or_else(random);
        let auth = Self { token, code: Mutex::new(random()), on_new_code: Box::new(on_new_code), address };
        (auth.on_new_code)(&auth.code());
        Arc::new(auth)
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    fn code(&self) -> String {
        self.code.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Returns true if the Host header is a loopback name of this API. A page of another site can resolve its own name
    /// to loopback (DNS rebinding), but cannot change the Host header.
    fn own_host(&self, headers: &HeaderMap) -> bool {
        let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else { return false };
        self.names().any(|name| host.eq_ignore_ascii_case(&name))
    }

    /// Returns true if the Origin header is that of this API's page, or is missing.
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

    fn has_token(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        given.is_some_and(|given| given.as_bytes().ct_eq(self.token.as_bytes()).into())
    }
}

/// Returns 32 random bytes as hex.
fn random() -> String {
    let mut bytes = [0u8; 32];
    rand::rng().fill_bytes(&mut bytes);
    hex::encode(bytes)
}

/// Rejects requests with another Host, and requests from pages of another origin.
pub(super) async fn own_requests(State(auth): State<Arc<Auth>>, request: Request, next: Next) -> Response {
    if !auth.own_host(request.headers()) {
        return ApiError::new(
            ErrorCode::WrongHost,
            "The Host header does not name this API.",
            "Use the address Hookbench printed.",
        )
        .into_response();
    }
    if !auth.own_origin(request.headers()) {
        return ApiError::new(
            ErrorCode::WrongOrigin,
            "Pages of another origin cannot call this API.",
            "Call the API from a program, or use the Hookbench page.",
        )
        .into_response();
    }
    // Webhook data and the token must not be stored in a cache of a browser or a proxy.
    let private = ["/api/", "/session"].iter().any(|start| request.uri().path().starts_with(start));
    let mut response = next.run(request).await;
    if private {
        response.headers_mut().entry(header::CACHE_CONTROL).or_insert(http::HeaderValue::from_static("no-store"));
    }
    response
}

/// Rejects requests without the token.
pub(super) async fn require_token(State(auth): State<Arc<Auth>>, request: Request, next: Next) -> Response {
    if auth.has_token(request.headers()) {
        return next.run(request).await;
    }
    let mut response = ApiError::new(
        ErrorCode::TokenNeeded,
        "This call needs the token of the running engine.",
        "Send `Authorization: Bearer …` with the token from the file `token` in the data folder.",
    )
    .into_response();
    response.headers_mut().insert(header::WWW_AUTHENTICATE, http::HeaderValue::from_static("Bearer"));
    response
}

#[derive(Deserialize)]
pub(super) struct CodeExchange {
    code: String,
}

#[derive(Serialize)]
pub(super) struct Session {
    token: String,
}

/// Exchanges the one-time code for the token.
pub(super) async fn exchange_code(State(auth): State<Arc<Auth>>, Json(given): Json<CodeExchange>) -> Response {
    let mut code = auth.code.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if bool::from(given.code.as_bytes().ct_eq(code.as_bytes())) {
        *code = random();
        (auth.on_new_code)(&code);
        return Json(Session { token: auth.token.clone() }).into_response();
    }
    ApiError::new(
        ErrorCode::CodeUsed,
        "This code is expired or already used.",
        "Open the latest address that `hookbench serve` printed.",
    )
    .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().expect("valid header value"))).collect()
    }

    #[test]
    fn accepts_only_loopback_hosts_and_origins() {
        let auth = Auth::new(([127, 0, 0, 1], 4666).into(), None, |_| ());
        for host in ["127.0.0.1:4666", "localhost:4666", "LOCALHOST:4666", "[::1]:4666"] {
            assert!(auth.own_host(&headers(&[(header::HOST, host)])), "{host}");
        }
        for host in ["evil.example", "127.0.0.1", "127.0.0.1:4665", "localhost.evil.example:4666", ""] {
            assert!(!auth.own_host(&headers(&[(header::HOST, host)])), "{host}");
        }
        assert!(!auth.own_host(&HeaderMap::new()));
        assert!(auth.own_origin(&HeaderMap::new()));
        assert!(auth.own_origin(&headers(&[(header::ORIGIN, "http://localhost:4666")])));
        for origin in ["null", "http://evil.example", "https://localhost:4666", "http://127.0.0.1:4665"] {
            assert!(!auth.own_origin(&headers(&[(header::ORIGIN, origin)])), "{origin}");
        }
        assert!(!auth.has_token(&headers(&[(header::AUTHORIZATION, "Bearer x")])));
        let right = format!("Bearer {}", auth.token());
        assert!(auth.has_token(&headers(&[(header::AUTHORIZATION, &right)])));
    }
}
