//! What a laptop asks of a relay by ordinary HTTP.

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
use crate::wire::{DeviceKey, Enrol, Enrolled, Hello, PREFIX, Refused, Resume, ShownInbox, Signer, Wanted};

/// How long an answer may take.
const WITHIN: Duration = Duration::from_secs(20);

/// Largest answer read, in bytes.
const ANSWER_MAX: usize = 4 * 1024 * 1024;

/// Why a call of a relay came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// It was not reached, or did not answer.
    #[error("the relay was not reached: {0}")]
    Unreached(String),
    /// It said no.
    #[error("the relay refused: {0}")]
    Refused(Refused),
    /// What it said is not what a relay says.
    #[error("this is no Hookbench relay: {0}")]
    Odd(String),
}

/// A relay as a laptop calls it.
pub struct Client {
    pub(super) place: Place,
    pub(super) signer: Signer,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("place", &self.place.authority()).finish_non_exhaustive()
    }
}

/// The wall's time, for signatures: the relay compares it with its own.
pub(super) fn unix_s() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}

/// A request's head and body, ready to leave.
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
    *request.uri_mut() = target.parse().map_err(|_| odd("the path cannot be sent"))?;
    let host = HeaderValue::from_str(&place.authority()).map_err(|_| odd("the host cannot be sent"))?;
    request.headers_mut().insert(header::HOST, host);
    for (name, value) in headers {
        let value = HeaderValue::from_str(&value).map_err(|_| odd("a header cannot be sent"))?;
        request.headers_mut().insert(HeaderName::from_static(name), value);
    }
    Ok(request)
}

/// Sends one request on a connection of its own.
async fn send(stream: Box<dyn Stream>, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, CallError> {
    let broken = |e: hyper::Error| CallError::Unreached(e.to_string());
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(broken)?;
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(broken)
}

async fn within<T>(call: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
    timeout(WITHIN, call).await.unwrap_or_else(|_| Err(CallError::Unreached("it did not answer in time".into())))
}

/// What a relay says where it refuses, or what stands there instead.
pub(super) async fn refusal(response: Response<Incoming>) -> CallError {
    let status = response.status();
    let body = Limited::new(response.into_body(), ANSWER_MAX).collect().await.map(|body| body.to_bytes());
    match body.ok().and_then(|body| serde_json::from_slice(&body).ok()) {
        Some(refused) => CallError::Refused(refused),
        None => CallError::Odd(format!("it answers {status}")),
    }
}

async fn json<T: DeserializeOwned>(response: Response<Incoming>) -> Result<T, CallError> {
    if !response.status().is_success() {
        return Err(refusal(response).await);
    }
    let body = Limited::new(response.into_body(), ANSWER_MAX).collect().await;
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

/// Makes a key known to a relay with a code of its owner; what the relay says, and its id.
pub async fn enrol(url: &str, key: &DeviceKey, name: &str, code: &str) -> Result<(Enrolled, String), CallError> {
    let place = Place::new(url).map_err(CallError::Unreached)?;
    let hello = hello(&place).await?;
    let client = Client { place, signer: Signer { key: key.clone(), relay: hello.relay.clone() } };
    let wanted = Enrol { code: code.into(), name: name.into(), key: BASE64.encode(key.public()) };
    let body = serde_json::to_vec(&wanted).unwrap_or_default();
    Ok((client.call(Method::POST, "/devices", body.into()).await?, hello.relay))
}

impl Client {
    /// Of a relay at which the signer's key is enrolled.
    pub fn new(url: &str, signer: Signer) -> Result<Self, CallError> {
        Ok(Self { place: Place::new(url).map_err(CallError::Unreached)?, signer })
    }

    /// The same relay, reached at another address.
    pub fn at(&self, url: &str) -> Result<Self, CallError> {
        Self::new(url, self.signer.clone())
    }

    /// A signed request.
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

    /// The inboxes this device has at the relay.
    pub async fn inboxes(&self) -> Result<Vec<ShownInbox>, CallError> {
        self.call(Method::GET, "/inboxes", Bytes::new()).await
    }

    /// Exposes an inbox, or changes how.
    pub async fn put_inbox(&self, name: &str, wanted: &Wanted) -> Result<ShownInbox, CallError> {
        let body = serde_json::to_vec(wanted).unwrap_or_default();
        self.call(Method::PUT, &format!("/inboxes/{name}"), body.into()).await
    }

    /// Ends an inbox's exposure, and drops what waits for it at the relay.
    pub async fn remove_inbox(&self, name: &str) -> Result<(), CallError> {
        let removed: serde_json::Value = self.call(Method::DELETE, &format!("/inboxes/{name}"), Bytes::new()).await?;
        tracing::debug!(%removed, name, "an inbox is no longer exposed");
        Ok(())
    }

    /// Says what this device has, so that what is missing is sent again.
    pub(super) async fn resume(&self, resume: &Resume) -> Result<(), CallError> {
        let body = serde_json::to_vec(resume).unwrap_or_default();
        let again: serde_json::Value = self.call(Method::POST, "/resume", body.into()).await?;
        tracing::debug!(%again, "resumed");
        Ok(())
    }

    /// The body of a delivery from an offset on.
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
