//! Requests of agents to the relay: enrolling devices, exposing inboxes, fetching bodies and attaching.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use hookbench_capture::{Clock, Piece, ResponseBody, WriteError};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::mpsc,
    time::timeout,
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use uuid::Uuid;

use super::{
    hub::Hub,
    ingest::{BySender, by_sender, sender_of},
    limits::{CONTROL_MAX, CONTROL_WITHIN, ENROL_MAX, FAILURES_A_MINUTE, NAME_MAX, SKEW, WAIT_MAX},
    metrics::count,
    session::Session,
    sha256_hex,
    store::{DeviceRow, EnrolmentOutcome},
};
use crate::{
    access::{base32, networks, new_token},
    wire::{
        ATTACH, CREDIT, Enrol, Enrolled, ErrorResponse, ExposedInbox, Hello, PREFIX, PROTOCOL, Resume, ShownInbox,
        Side, Signed, Socket, client_builder, device_of, random,
    },
};

/// Maximum number of pieces of a fetched body that wait for a slow agent.
const PIECES: usize = 4;

/// Handler of all requests that are not webhooks.
pub(super) struct Control {
    url: String,
    clock: Clock,
    failures: BySender,
}

type Reply = Result<Response<ResponseBody>, (StatusCode, ErrorResponse)>;

fn refuse(status: StatusCode, code: &str, message: impl Into<String>, hint: &str) -> (StatusCode, ErrorResponse) {
    (status, ErrorResponse { code: code.into(), message: message.into(), hint: hint.into() })
}

fn json<T: Serialize>(status: StatusCode, value: &T) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::from(Bytes::from(serde_json::to_vec(value).unwrap_or_default())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn broken<E: std::fmt::Display>(error: E) -> (StatusCode, ErrorResponse) {
    tracing::error!(%error, "the relay database failed");
    refuse(
        StatusCode::SERVICE_UNAVAILABLE,
        "not_stored",
        "The relay could not access its database.",
        "Retry in a moment.",
    )
}

fn unwritten(error: WriteError<rusqlite::Error>) -> (StatusCode, ErrorResponse) {
    broken(error)
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, (StatusCode, ErrorResponse)> {
    serde_json::from_slice(body).map_err(|e| {
        refuse(StatusCode::UNPROCESSABLE_ENTITY, "bad_json", format!("The request body is invalid: {e}."), "")
    })
}

/// Checks that a name is a valid inbox name, which can be used in a path.
fn check_name(name: &str) -> Result<(), (StatusCode, ErrorResponse)> {
    let is_valid = !name.is_empty()
        && name.chars().count() <= NAME_MAX
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if is_valid {
        return Ok(());
    }
    Err(refuse(
        StatusCode::UNPROCESSABLE_ENTITY,
        "bad_name",
        format!("Invalid inbox name: {name:?} (1 to {NAME_MAX} letters, digits, '-', '_' or '.')."),
        "",
    ))
}

impl Control {
    pub(super) fn new(url: String, clock: Clock) -> Self {
        Self { url, clock, failures: by_sender(FAILURES_A_MINUTE) }
    }

    /// Returns the public base URL of the relay.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn tidy(&self) {
        self.failures.retain_recent();
    }

    pub(super) async fn serve(
        &self,
        hub: &Arc<Hub>,
        request: Request<Incoming>,
        remote_address: SocketAddr,
    ) -> Response<ResponseBody> {
        match self.responded(hub, request, remote_address.ip()).await {
            Ok(response) => response,
            Err((status, refused)) => {
                tracing::info!(%remote_address, %status, code = refused.code, "a request of an agent was rejected");
                json(status, &refused)
            }
        }
    }

    async fn responded(&self, hub: &Arc<Hub>, request: Request<Incoming>, remote_address: IpAddr) -> Reply {
        let path = request.uri().path().to_owned();
        let Some(below) = path.strip_prefix(PREFIX) else { return Err(nothing()) };
        let method = request.method().clone();
        match (&method, below) {
            (&Method::GET, "" | "/") => {
                let hello = Hello { relay: hub.store.id().to_owned(), unix_s: self.clock.now_us() / 1_000_000 };
                return Ok(json(StatusCode::OK, &hello));
            }
            (&Method::GET, "/health") => {
                let health = hub.store.health();
                let is_healthy = health == hookbench_model::DatabaseHealth::Ok;
                let state = if is_healthy { "ok" } else { "failing" };
                let status = if is_healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
                return Ok(json(status, &serde_json::json!({ "state": state })));
            }
            _ => {}
        }
        let target = request.uri().path_and_query().map_or_else(|| path.clone(), ToString::to_string);
        if request.uri().path() == ATTACH {
            let (parts, body) = request.into_parts();
            let device = self.signer(hub, &parts, &target, b"", remote_address).await?;
            return self.attach(hub, Request::from_parts(parts, body), device).await;
        }
        let (parts, body) = request.into_parts();
        let enrolling = (&method, below) == (&Method::POST, "/devices");
        if !enrolling {
            // The body is read only after the device is known.
            self.known(hub, &parts, remote_address).await?;
        }
        let body = whole(body, if enrolling { ENROL_MAX } else { CONTROL_MAX }).await?;
        if enrolling {
            return self.enrol(hub, &parts, &target, &body, remote_address).await;
        }
        let device = self.signer(hub, &parts, &target, &body, remote_address).await?;
        let (resource, rest) =
            below.trim_start_matches('/').split_once('/').unwrap_or((below.trim_start_matches('/'), ""));
        match (&method, resource, rest) {
            (&Method::GET, "inboxes", "") => Ok(json(StatusCode::OK, &self.shown(hub, device.number).await?)),
            (&Method::PUT, "inboxes", name) => self.put_inbox(hub, &device, name, read(&body)?).await,
            (&Method::DELETE, "inboxes", name) => {
                let removed = hub.store.remove_inbox(device.number, name.to_owned()).await.map_err(unwritten)?;
                if let Some(number) = removed {
                    hub.directory.remove(number);
                    hub.gone(device.number, number);
                }
                Ok(json(StatusCode::OK, &serde_json::json!({ "removed": removed.is_some() })))
            }
            (&Method::POST, "resume", "") => {
                let resume: Resume = read(&body)?;
                // Earlier acknowledgments are stored first. Otherwise they would overwrite the state that is set here.
                hub.keep_taken().await;
                let mut again = 0;
                for (name, after) in resume.inboxes {
                    again += hub.store.again(device.number, name, after).await.map_err(unwritten)?;
                }
                if again > 0 {
                    hub.counted(hub.store.kept().await.map_err(broken)?.into_iter().collect());
                }
                Ok(json(StatusCode::OK, &serde_json::json!({ "again": again })))
            }
            (&Method::GET, "bodies", id) => self.body(hub, &device, id, &parts.headers).await,
            _ => Err(nothing()),
        }
    }

    /// Parses the signature headers and looks up the device. The signature is not verified here.
    async fn known(
        &self,
        hub: &Arc<Hub>,
        parts: &Parts,
        remote_address: IpAddr,
    ) -> Result<(Signed, DeviceRow), (StatusCode, ErrorResponse)> {
        let signed = Signed::read(&parts.headers)
            .map_err(|e| self.failed(hub, remote_address, "not_signed", format!("{e}."), ""))?;
        let device = hub.store.device(signed.device.clone()).await.map_err(broken)?;
        let device = device.ok_or_else(|| {
            let hint = "Enroll the device with a code from the relay's operator.";
            self.failed(hub, remote_address, "unknown_device", "This device is not enrolled at the relay.".into(), hint)
        })?;
        Ok((signed, device))
    }

    /// Returns the error for a request with an invalid signature. The status is 429 after too many failures.
    fn failed(
        &self,
        hub: &Hub,
        remote_address: IpAddr,
        code: &str,
        message: String,
        hint: &str,
    ) -> (StatusCode, ErrorResponse) {
        count(&hub.metrics.signatures_refused_total);
        let often = self.failures.check_key(&sender_of(remote_address)).is_err();
        let status = if often { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::UNAUTHORIZED };
        refuse(status, code, message, hint)
    }

    /// Verifies the signature, its time and its nonce, and returns the device.
    async fn signer(
        &self,
        hub: &Arc<Hub>,
        parts: &Parts,
        target: &str,
        body: &[u8],
        remote_address: IpAddr,
    ) -> Result<DeviceRow, (StatusCode, ErrorResponse)> {
        let failed = |code: &str, message: String, hint: &str| self.failed(hub, remote_address, code, message, hint);
        let (signed, device) = self.known(hub, parts, remote_address).await?;
        let held = signed.verify(&device.key, hub.store.id(), parts.method.as_str(), target, body);
        held.map_err(|e| failed("bad_signature", format!("{e}."), ""))?;
        if device.revoked {
            count(&hub.metrics.signatures_refused_total);
            return Err(refuse(
                StatusCode::FORBIDDEN,
                "revoked",
                "The relay's operator revoked this device.",
                "Ask the relay's operator for a new code, and enroll again.",
            ));
        }
        let now_s = self.clock.now_us() / 1_000_000;
        if now_s.abs_diff(signed.unix_s) > SKEW.as_secs() {
            let message =
                format!("The signature time differs by {} s from the relay's clock.", now_s.abs_diff(signed.unix_s));
            return Err(failed("bad_time", message, "Set the clock of your computer."));
        }
        let until_us = (signed.unix_s + SKEW.as_secs() as i64 + 1) * 1_000_000;
        let nonce = format!("{} {}", signed.device, signed.nonce);
        if !hub.store.use_nonce(nonce, until_us).await.map_err(unwritten)? {
            tracing::warn!(device = device.id, %remote_address, "a signed request was received twice");
            return Err(failed("replayed", "This signed request was already received.".into(), ""));
        }
        Ok(device)
    }

    async fn enrol(&self, hub: &Arc<Hub>, parts: &Parts, target: &str, body: &[u8], remote_address: IpAddr) -> Reply {
        if self.failures.check_key(&sender_of(remote_address)).is_err() {
            return Err(refuse(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_tries",
                "Too many failed attempts.",
                "Retry in a minute.",
            ));
        }
        let wanted: Enrol = read(body)?;
        let key = BASE64.decode(&wanted.key).ok().and_then(|key| <[u8; 32]>::try_from(key).ok());
        let Some(key) = key else {
            return Err(refuse(
                StatusCode::UNPROCESSABLE_ENTITY,
                "bad_key",
                "The key is not an Ed25519 public key.",
                "",
            ));
        };
        let unsigned = |_| {
            refuse(StatusCode::UNAUTHORIZED, "bad_signature", "The request is not signed with the enrolled key.", "")
        };
        let signed = Signed::read(&parts.headers).map_err(unsigned)?;
        signed.verify(&key, hub.store.id(), parts.method.as_str(), target, body).map_err(unsigned)?;
        let name: String = wanted.name.chars().filter(|c| !c.is_control()).take(NAME_MAX).collect();
        let id = device_of(&key);
        let code = sha256_hex(wanted.code.trim().as_bytes());
        match hub.store.enrol(code, id.clone(), name, key).await.map_err(unwritten)? {
            EnrolmentOutcome::Enrolled => {
                tracing::info!(device = id, "enrolled a device");
                Ok(json(StatusCode::CREATED, &Enrolled { device: id, url: self.url.clone() }))
            }
            EnrolmentOutcome::WrongCode => Err(refuse(
                StatusCode::FORBIDDEN,
                "wrong_code",
                "The enrollment code is invalid, was already used, or has expired.",
                "Ask the relay's operator for a new code: hookbench relay device add.",
            )),
            EnrolmentOutcome::Revoked => {
                Err(refuse(StatusCode::FORBIDDEN, "revoked", "This key was revoked.", "Enroll with a new key."))
            }
        }
    }

    async fn shown(&self, hub: &Arc<Hub>, device: i64) -> Result<Vec<ShownInbox>, (StatusCode, ErrorResponse)> {
        hub.store.shown(device, self.url.clone()).await.map_err(broken)
    }

    async fn put_inbox(&self, hub: &Arc<Hub>, device: &DeviceRow, name: &str, wanted: ExposedInbox) -> Reply {
        check_name(name)?;
        let bad = |message: String| refuse(StatusCode::UNPROCESSABLE_ENTITY, "bad_settings", message, "");
        networks(&wanted.allow).map_err(bad)?;
        if !(200..=599).contains(&wanted.fallback.status) {
            return Err(bad("The fallback status must be between 200 and 599.".into()));
        }
        if u128::from(wanted.wait_ms) > WAIT_MAX.as_millis() {
            return Err(bad(format!("The wait time of a sender must be at most {} s.", WAIT_MAX.as_secs())));
        }
        let token = new_token();
        let most = hub.quotas.inboxes;
        let row = hub.store.put_inbox(device.number, name.to_owned(), token, wanted, most).await.map_err(unwritten)?;
        let Some(row) = row else {
            return Err(refuse(
                StatusCode::INSUFFICIENT_STORAGE,
                "too_many_inboxes",
                format!("This device has reached the relay's limit of {most} inboxes."),
                "Unexpose another inbox.",
            ));
        };
        let inbox = hub.directory.put(row, hub.quotas.per_second);
        hub.look(&inbox);
        let shown = self.shown(hub, device.number).await?.into_iter().find(|shown| shown.name == name);
        Ok(json(StatusCode::OK, &shown))
    }

    /// Sends a large body, or the part from a `Range` offset on.
    async fn body(&self, hub: &Arc<Hub>, device: &DeviceRow, id: &str, headers: &HeaderMap) -> Reply {
        let id = Uuid::parse_str(id).map_err(|_| nothing())?;
        let blocks = hub.store.body(device.number, id).await.map_err(broken)?.ok_or_else(nothing)?;
        let length = blocks.length();
        let from = match headers.get(header::RANGE).map(|value| value.to_str().unwrap_or_default()) {
            None => 0,
            // Agents send ranges only to resume an interrupted download.
            Some(range) => match range.strip_prefix("bytes=").and_then(|range| range.strip_suffix('-')?.parse().ok()) {
                Some(from) if from < length => from,
                _ => {
                    return Err(refuse(
                        StatusCode::RANGE_NOT_SATISFIABLE,
                        "bad_range",
                        "The requested range is not in the body.",
                        "",
                    ));
                }
            },
        };
        let (send, pieces) = mpsc::channel(PIECES);
        tokio::spawn(async move {
            let mut offset = from;
            loop {
                match blocks.block(offset).await {
                    Ok(block) if block.is_empty() => break,
                    Ok(block) => {
                        offset += block.len() as u64;
                        if send.send(Piece::Data(block)).await.is_err() {
                            return;
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a body could not be read");
                        return;
                    }
                }
            }
            let _ = send.send(Piece::End).await;
        });
        let mut response = Response::new(ResponseBody::Pieces(pieces));
        *response.status_mut() = if from == 0 { StatusCode::OK } else { StatusCode::PARTIAL_CONTENT };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        headers.insert(header::CONTENT_LENGTH, (length - from).into());
        if from > 0
            && let Ok(range) = HeaderValue::from_str(&format!("bytes {from}-{}/{length}", length - 1))
        {
            headers.insert(header::CONTENT_RANGE, range);
        }
        Ok(response)
    }

    /// Upgrades the connection to HTTP/2 with reversed roles.
    async fn attach(&self, hub: &Arc<Hub>, mut request: Request<Incoming>, device: DeviceRow) -> Reply {
        let headers = request.headers();
        let named = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (upgrade, key) = (named(header::UPGRADE).to_ascii_lowercase(), named(header::SEC_WEBSOCKET_KEY).to_owned());
        let socket = match upgrade.as_str() {
            PROTOCOL => false,
            "websocket" if !key.is_empty() => true,
            _ => {
                return Err(refuse(
                    StatusCode::UPGRADE_REQUIRED,
                    "no_upgrade",
                    format!("This path requires an upgrade to {PROTOCOL}. A proxy may have removed the header."),
                    "Upgrade to WebSocket instead.",
                ));
            }
        };
        let query = request.uri().query().unwrap_or_default();
        let credit = query.split('&').find_map(|pair| pair.strip_prefix("credit=")?.parse().ok()).unwrap_or(CREDIT);
        let epoch = hub.store.next_epoch(device.number).await.map_err(unwritten)?;
        let upgraded = hyper::upgrade::on(&mut request);
        let (hub, name) = (hub.clone(), device.id.clone());
        tokio::spawn(async move {
            match upgraded.await {
                Ok(upgraded) if socket => {
                    let stream = Socket::new(TokioIo::new(upgraded), Side::Relay).await;
                    attached(hub, device, epoch, credit, stream).await;
                }
                Ok(upgraded) => attached(hub, device, epoch, credit, TokioIo::new(upgraded)).await,
                Err(error) => tracing::info!(device = name, %error, "an upgrade failed"),
            }
        });
        let mut response = Response::new(ResponseBody::from(Bytes::new()));
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        let protocol = if socket { "websocket" } else { PROTOCOL };
        headers.insert(header::UPGRADE, HeaderValue::from_static(protocol));
        if socket && let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
            headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        }
        Ok(response)
    }
}

/// Reads a body within limits of size and time.
async fn whole(body: Incoming, most: usize) -> Result<Bytes, (StatusCode, ErrorResponse)> {
    match timeout(CONTROL_WITHIN, Limited::new(body, most).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(_)) => Err(refuse(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The request body is too large.", "")),
        Err(_) => {
            Err(refuse(StatusCode::REQUEST_TIMEOUT, "too_slow", "The request body was not complete in time.", ""))
        }
    }
}

fn nothing() -> (StatusCode, ErrorResponse) {
    refuse(StatusCode::NOT_FOUND, "nothing_here", "This path does not exist.", "")
}

/// Runs a session until it ends.
async fn attached(
    hub: Arc<Hub>,
    device: DeviceRow,
    epoch: i64,
    credit: u32,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) {
    let (send, connection) = match client_builder().handshake(TokioIo::new(stream)).await {
        Ok(both) => both,
        Err(error) => {
            tracing::info!(device = device.id, %error, "an upgrade failed");
            return;
        }
    };
    // The session is registered before it reads the disk, so that no delivery is missed that is committed in between.
    let Some((events, offered)) = hub.attach(device.number, epoch) else { return };
    // The device may have been revoked after its signature was verified.
    if !matches!(hub.store.device(device.id.clone()).await, Ok(Some(now)) if !now.revoked) {
        return hub.detach(device.number, epoch);
    }
    count(&hub.metrics.sessions_total);
    tracing::info!(device = device.id, epoch, credit, "attached");
    // A separate task drives the connection, because the session may be waiting for the disk.
    let driving = tokio::spawn(connection);
    let abort = driving.abort_handle();
    let ended = async move {
        match driving.await {
            Ok(Err(error)) => tracing::info!(%error, "the connection of a session failed"),
            _ => tracing::info!("the connection of a session was closed"),
        }
    };
    let mut session = Session::new(hub.clone(), send, device.number, credit);
    let why = session.run(events, &offered, ended).await;
    abort.abort();
    hub.detach(device.number, epoch);
    tracing::info!(device = device.id, epoch, ?why, "detached");
}

/// Generates a one-time enrollment code of 50 bits. A code expires after half an hour, and attempts are rate-limited.
pub(super) fn new_code() -> String {
    let text = base32(&random::<7>());
    format!("{}-{}", &text[..5], &text[5..10])
}
