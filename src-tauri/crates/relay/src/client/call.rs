//! Signed HTTP requests from an agent to a relay.

use std::{
    future::Future,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use uuid::Uuid;

use super::dial::{Place, Stream};
use crate::wire::{DeviceKey, Enrol, Enrolled, ErrorResponse, ExposedInbox, Hello, PREFIX, Resume, ShownInbox, Signer};

/// Maximum time until the response.
const WITHIN: Duration = Duration::from_secs(20);

/// Maximum size of a response, in bytes.
const RESPONSE_MAX: usize = 4 * 1024 * 1024;

/// An error of a request to a relay.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The relay could not be reached, or did not respond.
    #[error("could not reach the relay: {0}")]
    Unreached(String),
    /// The relay rejected the request.
    #[error("the relay rejected the request: {0}")]
    Refused(ErrorResponse),
    /// The response is not from a Hookbench relay.
    #[error("not a Hookbench relay: {0}")]
    Odd(String),
}

/// An HTTP client for a relay.
pub struct Client {
    pub(super) place: Place,
    pub(super) signer: Signer,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("place", &self.place.authority()).finish_non_exhaustive()
    }
}

/// Returns the time of the wall clock in seconds since the Unix epoch, for signatures. The relay compares the time with
/// its own clock.
pub(super) fn unix_s() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}

/// Builds a request.
pub(super) fn request(
    place: &Place,
    method: Method,
    target: &str,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
) -> Result<Request<Full<Bytes>>, CallError> {
    let odd = |what: &str| CallError::Odd(what.into());
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = target.parse().map_err(|_| odd("the path is invalid"))?;
    let host = HeaderValue::from_str(&place.authority()).map_err(|_| odd("the host is invalid"))?;
    request.headers_mut().insert(header::HOST, host);
    for (name, value) in headers {
        let value = HeaderValue::from_str(&value).map_err(|_| odd("a header value is invalid"))?;
        request.headers_mut().insert(HeaderName::from_static(name), value);
    }
    Ok(request)
}

/// Sends a request on a new connection.
async fn send(stream: Box<dyn Stream>, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, CallError> {
    let broken = |e: hyper::Error| CallError::Unreached(e.to_string());
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(broken)?;
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(broken)
}

async fn within<T>(call: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
    timeout(WITHIN, call).await.unwrap_or_else(|_| Err(CallError::Unreached("no response in time".into())))
}

/// Returns the error for a response that is not a success.
pub(super) async fn refusal(response: Response<Incoming>) -> CallError {
    let status = response.status();
    let body = Limited::new(response.into_body(), RESPONSE_MAX).collect().await.map(|body| body.to_bytes());
    match body.ok().and_then(|body| serde_json::from_slice(&body).ok()) {
        Some(refused) => CallError::Refused(refused),
        None => CallError::Odd(format!("the server responded with {status}")),
    }
}

async fn json<T: DeserializeOwned>(response: Response<Incoming>) -> Result<T, CallError> {
    if !response.status().is_success() {
        return Err(refusal(response).await);
    }
    let body = Limited::new(response.into_body(), RESPONSE_MAX).collect().await;
    let body = body.map_err(|e| CallError::Unreached(e.to_string()))?.to_bytes();
    serde_json::from_slice(&body).map_err(|e| CallError::Odd(e.to_string()))
}

async fn hello(place: &Place) -> Result<Hello, CallError> {
    within(async {
        let stream = place.dial().await.map_err(CallError::Unreached)?;
        json(send(stream, request(place, Method::GET, PREFIX, Vec::new(), Bytes::new())?).await?).await
    })
    .await
}

/// Enrolls a key at a relay with a code from the relay's owner. Returns the response and the id of the relay.
///
/// # Errors
/// See [`CallError`].
pub async fn enrol(url: &str, key: &DeviceKey, name: &str, code: &str) -> Result<(Enrolled, String), CallError> {
    let place = Place::new(url).map_err(CallError::Unreached)?;
    let hello = hello(&place).await?;
    let client = Client { place, signer: Signer { key: key.clone(), relay: hello.relay.clone() } };
    let wanted = Enrol { code: code.into(), name: name.into(), key: BASE64.encode(key.public()) };
    let body = serde_json::to_vec(&wanted).unwrap_or_default();
    Ok((client.call(Method::POST, "/devices", body.into()).await?, hello.relay))
}

impl Client {
    /// Creates a client for the relay at `url`. The key of the signer must be enrolled there.
    ///
    /// # Errors
    /// Fails if the URL is invalid.
    pub fn new(url: &str, signer: Signer) -> Result<Self, CallError> {
        Ok(Self { place: Place::new(url).map_err(CallError::Unreached)?, signer })
    }

    /// Returns a client for the same relay at another URL.
    ///
    /// # Errors
    /// Fails if the URL is invalid.
    pub fn at(&self, url: &str) -> Result<Self, CallError> {
        Self::new(url, self.signer.clone())
    }

    /// Builds a signed request.
    pub(super) fn signed(
        &self,
        method: Method,
        target: &str,
        mut more: Vec<(&'static str, String)>,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, CallError> {
        more.extend(self.signer.sign(method.as_str(), target, &body, unix_s()));
        request(&self.place, method, target, more, body)
    }

    async fn call<T: DeserializeOwned>(&self, method: Method, path: &str, body: Bytes) -> Result<T, CallError> {
        within(async {
            let stream = self.place.dial().await.map_err(CallError::Unreached)?;
            json(send(stream, self.signed(method, &format!("{PREFIX}{path}"), Vec::new(), body)?).await?).await
        })
        .await
    }

    /// Returns the inboxes of this device at the relay.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn inboxes(&self) -> Result<Vec<ShownInbox>, CallError> {
        self.call(Method::GET, "/inboxes", Bytes::new()).await
    }

    /// Exposes an inbox, or changes the settings of an exposed inbox.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn put_inbox(&self, name: &str, wanted: &ExposedInbox) -> Result<ShownInbox, CallError> {
        let body = serde_json::to_vec(wanted).unwrap_or_default();
        self.call(Method::PUT, &format!("/inboxes/{name}"), body.into()).await
    }

    /// Unexposes an inbox. The relay deletes the waiting deliveries of the inbox.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn remove_inbox(&self, name: &str) -> Result<(), CallError> {
        let removed: serde_json::Value = self.call(Method::DELETE, &format!("/inboxes/{name}"), Bytes::new()).await?;
        tracing::debug!(%removed, name, "unexposed an inbox");
        Ok(())
    }

    /// Reports the deliveries that this device has, so that the relay resends the missing ones.
    pub(super) async fn resume(&self, resume: &Resume) -> Result<(), CallError> {
        let body = serde_json::to_vec(resume).unwrap_or_default();
        let again: serde_json::Value = self.call(Method::POST, "/resume", body.into()).await?;
        tracing::debug!(%again, "resumed");
        Ok(())
    }

    /// Returns the body of a delivery, starting at offset `from`.
    pub(super) async fn body(&self, id: Uuid, from: u64) -> Result<Incoming, CallError> {
        within(async {
            let stream = self.place.dial().await.map_err(CallError::Unreached)?;
            let range = if from == 0 { Vec::new() } else { vec![("range", format!("bytes={from}-"))] };
            let request = self.signed(Method::GET, &format!("{PREFIX}/bodies/{id}"), range, Bytes::new())?;
            let response = send(stream, request).await?;
            let expected = if from == 0 { StatusCode::OK } else { StatusCode::PARTIAL_CONTENT };
            if response.status() == expected { Ok(response.into_body()) } else { Err(refusal(response).await) }
        })
        .await
    }
}
