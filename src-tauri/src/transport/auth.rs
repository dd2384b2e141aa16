//! Authorization of the local HTTP API: a bearer token, and checks of the Host and Origin headers.

use hookbench_model::ErrorCode;
use std::sync::{Arc, Mutex};

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
}

/// Values of the Host header that an API accepts.
pub(super) enum Hosts {
    /// The loopback names with this port. A page of another site can resolve its own name to loopback (DNS rebinding),
    /// but cannot change the Host header.
    Loopback { port: u16 },
    /// IP addresses, which need no resolution, and these names, with any port.
    Network { names: Vec<String> },
    /// All, because no browser reaches a Unix socket.
    Any,
}

impl Hosts {
    fn allow(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Loopback { port } => ["127.0.0.1", "localhost", "[::1]"]
                .iter()
                .any(|name| host.eq_ignore_ascii_case(&format!("{name}:{port}"))),
            Self::Network { names } => {
                let Ok(authority) = host.parse::<http::uri::Authority>() else { return false };
                let name = authority.host();
                let is_ip = name.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
                is_ip
                    || name.eq_ignore_ascii_case("localhost")
                    || names.iter().any(|own| own.eq_ignore_ascii_case(name))
            }
        }
    }
}

/// Authorization of one address of the API.
pub(super) struct Guard {
    pub(super) auth: Arc<Auth>,
    pub(super) hosts: Hosts,
}

impl Guard {
    /// Returns true if the Host header names this API.
    fn own_host(&self, headers: &HeaderMap) -> bool {
        host_of(headers).is_some_and(|host| self.hosts.allow(host))
    }

    /// Returns true if the Origin header is that of this API's page, or is missing.
    fn own_origin(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else { return true };
        let Some((scheme, origin)) = origin.to_str().ok().and_then(|origin| origin.split_once("://")) else {
            return false;
        };
        match &self.hosts {
            // One page can be open under another loopback name than the call uses.
            Hosts::Loopback { .. } => scheme == "http" && self.hosts.allow(origin),
            Hosts::Network { .. } | Hosts::Any => {
                ["http", "https"].contains(&scheme)
                    && host_of(headers).is_some_and(|host| host.eq_ignore_ascii_case(origin))
            }
        }
    }
}

fn host_of(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST).and_then(|host| host.to_str().ok())
}

impl Auth {
    /// Creates the authorization with this token, or with a random one. Calls `on_new_code` with each new code.
    pub(crate) fn new(token: Option<String>, on_new_code: impl Fn(&str) + Send + Sync + 'static) -> Arc<Self> {
        let token = token.unwrap_or_else(random);
        let auth = Self { token, code: Mutex::new(random()), on_new_code: Box::new(on_new_code) };
        (auth.on_new_code)(&auth.code());
        Arc::new(auth)
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    fn code(&self) -> String {
        self.code.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
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
pub(super) async fn own_requests(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    if !guard.own_host(request.headers()) {
        return ApiError::new(
            ErrorCode::WrongHost,
            "The Host header does not name this API.",
            "Use the address Hookbench printed.",
        )
        .into_response();
    }
    if !guard.own_origin(request.headers()) {
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
pub(super) async fn require_token(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    if guard.auth.has_token(request.headers()) {
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

    fn guard(hosts: Hosts) -> Guard {
        Guard { auth: Auth::new(None, |_| ()), hosts }
    }

    #[test]
    fn accepts_only_loopback_hosts_and_origins() {
        let guard = guard(Hosts::Loopback { port: 4666 });
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
        assert!(!guard.auth.has_token(&headers(&[(header::AUTHORIZATION, "Bearer x")])));
        let right = format!("Bearer {}", guard.auth.token());
        assert!(guard.auth.has_token(&headers(&[(header::AUTHORIZATION, &right)])));
    }

    #[test]
    fn accepts_addresses_and_given_names_off_loopback() {
        let guard = guard(Hosts::Network { names: vec!["hooks.example".into()] });
        for host in ["hooks.example", "HOOKS.example:8443", "192.0.2.7:4666", "[2001:db8::1]:4666", "localhost:4666"] {
            assert!(guard.own_host(&headers(&[(header::HOST, host)])), "{host}");
            for scheme in ["http", "https"] {
                let origin = format!("{scheme}://{host}");
                assert!(guard.own_origin(&headers(&[(header::HOST, host), (header::ORIGIN, &origin)])), "{origin}");
            }
        }
        for host in ["evil.example", "hooks.example.evil.example", "", "a b"] {
            assert!(!guard.own_host(&headers(&[(header::HOST, host)])), "{host}");
        }
        for origin in ["null", "https://evil.example", "https://hooks.example:1", "file://hooks.example"] {
            let given = headers(&[(header::HOST, "hooks.example"), (header::ORIGIN, origin)]);
            assert!(!guard.own_origin(&given), "{origin}");
        }
    }
}
