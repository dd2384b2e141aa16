//! What laptops ask of the relay itself: to be known, to expose inboxes, to be attached.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use hookbench_capture::{AnswerBody, Clock, Piece, WriteError};
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
        ATTACH, CREDIT, Enrol, Enrolled, Hello, PREFIX, PROTOCOL, Refused, Resume, ShownInbox, Side, Signed, Socket,
        Wanted, client_builder, device_of, random,
    },
};

/// Pieces of a fetched body that wait for a slow laptop.
const PIECES: usize = 4;

/// Answers what is no webhook.
pub(super) struct Control {
    url: String,
    clock: Clock,
    failures: BySender,
}

type Reply = Result<Response<AnswerBody>, (StatusCode, Refused)>;

fn refuse(status: StatusCode, code: &str, message: impl Into<String>, hint: &str) -> (StatusCode, Refused) {
    (status, Refused { code: code.into(), message: message.into(), hint: hint.into() })
}

fn json<T: Serialize>(status: StatusCode, value: &T) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::from(Bytes::from(serde_json::to_vec(value).unwrap_or_default())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn broken<E: std::fmt::Display>(error: E) -> (StatusCode, Refused) {
    tracing::error!(%error, "the relay's store failed");
    refuse(StatusCode::SERVICE_UNAVAILABLE, "not_stored", "The relay's store fails.", "Try again in a moment.")
}

fn unwritten(error: WriteError<rusqlite::Error>) -> (StatusCode, Refused) {
    broken(error)
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, (StatusCode, Refused)> {
    serde_json::from_slice(body)
        .map_err(|e| refuse(StatusCode::UNPROCESSABLE_ENTITY, "bad_json", format!("The body does not read: {e}."), ""))
}

/// A name that can stand in a path and in front of a person.
fn check_name(name: &str) -> Result<(), (StatusCode, Refused)> {
    let fine = !name.is_empty()
        && name.chars().count() <= NAME_MAX
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if fine {
        return Ok(());
    }
    Err(refuse(StatusCode::UNPROCESSABLE_ENTITY, "bad_name", format!("{name:?} is no name of an inbox."), ""))
}

impl Control {
    pub(super) fn new(url: String, clock: Clock) -> Self {
        Self { url, clock, failures: by_sender(FAILURES_A_MINUTE) }
    }

    /// The relay's public address.
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
        peer: SocketAddr,
    ) -> Response<AnswerBody> {
        match self.answered(hub, request, peer.ip()).await {
            Ok(response) => response,
            Err((status, refused)) => {
                tracing::info!(%peer, %status, code = refused.code, "a laptop was refused");
                json(status, &refused)
            }
        }
    }

    async fn answered(&self, hub: &Arc<Hub>, request: Request<Incoming>, peer: IpAddr) -> Reply {
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
                let fine = health == hookbench_model::DatabaseHealth::Ok;
                let state = if fine { "ok" } else { "failing" };
                let status = if fine { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
                return Ok(json(status, &serde_json::json!({ "state": state })));
            }
            _ => {}
        }
        let target = request.uri().path_and_query().map_or_else(|| path.clone(), ToString::to_string);
        if request.uri().path() == ATTACH {
            let (parts, body) = request.into_parts();
            let device = self.signer(hub, &parts, &target, b"", peer).await?;
            return self.attach(hub, Request::from_parts(parts, body), device).await;
        }
        let (parts, body) = request.into_parts();
        let enrolling = (&method, below) == (&Method::POST, "/devices");
        if !enrolling {
            // What a stranger sends is not read.
            self.known(hub, &parts, peer).await?;
        }
        let body = whole(body, if enrolling { ENROL_MAX } else { CONTROL_MAX }).await?;
        if enrolling {
            return self.enrol(hub, &parts, &target, &body, peer).await;
        }
        let device = self.signer(hub, &parts, &target, &body, peer).await?;
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
                // What was acknowledged before is not to be written down after.
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

    /// What a request says of its signer, and the device it names; nothing of it is proved yet.
    async fn known(
        &self,
        hub: &Arc<Hub>,
        parts: &Parts,
        peer: IpAddr,
    ) -> Result<(Signed, DeviceRow), (StatusCode, Refused)> {
        let signed =
            Signed::read(&parts.headers).map_err(|e| self.failed(hub, peer, "not_signed", format!("{e}."), ""))?;
        let device = hub.store.device(signed.device.clone()).await.map_err(broken)?;
        let device = device.ok_or_else(|| {
            let hint = "Enrol it with a code of the relay's owner.";
            self.failed(hub, peer, "unknown_device", "This relay does not know the device.".into(), hint)
        })?;
        Ok((signed, device))
    }

    /// A signed request that does not hold; too many of them are told so.
    fn failed(&self, hub: &Hub, peer: IpAddr, code: &str, message: String, hint: &str) -> (StatusCode, Refused) {
        count(&hub.metrics.signatures_refused_total);
        let often = self.failures.check_key(&sender_of(peer)).is_err();
        let status = if often { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::UNAUTHORIZED };
        refuse(status, code, message, hint)
    }

    /// The device that signed a request, once and of late.
    async fn signer(
        &self,
        hub: &Arc<Hub>,
        parts: &Parts,
        target: &str,
        body: &[u8],
        peer: IpAddr,
    ) -> Result<DeviceRow, (StatusCode, Refused)> {
        let failed = |code: &str, message: String, hint: &str| self.failed(hub, peer, code, message, hint);
        let (signed, device) = self.known(hub, parts, peer).await?;
        let held = signed.verify(&device.key, hub.store.id(), parts.method.as_str(), target, body);
        held.map_err(|e| failed("bad_signature", format!("{e}."), ""))?;
        if device.revoked {
            count(&hub.metrics.signatures_refused_total);
            return Err(refuse(
                StatusCode::FORBIDDEN,
                "revoked",
                "The relay's owner has revoked this device.",
                "Ask for a new code, and enrol anew.",
            ));
        }
        let now_s = self.clock.now_us() / 1_000_000;
        if now_s.abs_diff(signed.unix_s) > SKEW.as_secs() {
            let message =
                format!("It was signed {} s from now: one of the two clocks is wrong.", now_s.abs_diff(signed.unix_s));
            return Err(failed("bad_time", message, "Set the laptop's clock."));
        }
        let until_us = (signed.unix_s + SKEW.as_secs() as i64 + 1) * 1_000_000;
        let nonce = format!("{} {}", signed.device, signed.nonce);
        if !hub.store.use_nonce(nonce, until_us).await.map_err(unwritten)? {
            tracing::warn!(device = device.id, %peer, "a signed request came twice");
            return Err(failed("replayed", "This very request has been made before.".into(), ""));
        }
        Ok(device)
    }

    async fn enrol(&self, hub: &Arc<Hub>, parts: &Parts, target: &str, body: &[u8], peer: IpAddr) -> Reply {
        if self.failures.check_key(&sender_of(peer)).is_err() {
            return Err(refuse(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_tries",
                "That was tried too often.",
                "Wait a minute.",
            ));
        }
        let wanted: Enrol = read(body)?;
        let key = BASE64.decode(&wanted.key).ok().and_then(|key| <[u8; 32]>::try_from(key).ok());
        let Some(key) = key else {
            return Err(refuse(StatusCode::UNPROCESSABLE_ENTITY, "bad_key", "The key is no ed25519 key.", ""));
        };
        let unsigned = |_| refuse(StatusCode::UNAUTHORIZED, "bad_signature", "The key did not sign this.", "");
        let signed = Signed::read(&parts.headers).map_err(unsigned)?;
        signed.verify(&key, hub.store.id(), parts.method.as_str(), target, body).map_err(unsigned)?;
        let name: String = wanted.name.chars().filter(|c| !c.is_control()).take(NAME_MAX).collect();
        let id = device_of(&key);
        let code = sha256_hex(wanted.code.trim().as_bytes());
        match hub.store.enrol(code, id.clone(), name, key).await.map_err(unwritten)? {
            EnrolmentOutcome::Enrolled => {
                tracing::info!(device = id, "a device is enrolled");
                Ok(json(StatusCode::CREATED, &Enrolled { device: id, url: self.url.clone() }))
            }
            EnrolmentOutcome::WrongCode => Err(refuse(
                StatusCode::FORBIDDEN,
                "wrong_code",
                "There is no such code, or it was used, or it is too old.",
                "Ask the relay's owner for a new one: hookbench relay device add.",
            )),
            EnrolmentOutcome::Revoked => {
                Err(refuse(StatusCode::FORBIDDEN, "revoked", "This key was revoked.", "Enrol with a new key."))
            }
        }
    }

    async fn shown(&self, hub: &Arc<Hub>, device: i64) -> Result<Vec<ShownInbox>, (StatusCode, Refused)> {
        hub.store.shown(device, self.url.clone()).await.map_err(broken)
    }

    async fn put_inbox(&self, hub: &Arc<Hub>, device: &DeviceRow, name: &str, wanted: Wanted) -> Reply {
        check_name(name)?;
        let bad = |message: String| refuse(StatusCode::UNPROCESSABLE_ENTITY, "bad_settings", message, "");
        networks(&wanted.allow).map_err(bad)?;
        if !(200..=599).contains(&wanted.fallback.status) {
            return Err(bad("The fallback's status is between 200 and 599.".into()));
        }
        if u128::from(wanted.wait_ms) > WAIT_MAX.as_millis() {
            return Err(bad(format!("A sender is kept waiting {} s at most.", WAIT_MAX.as_secs())));
        }
        let token = new_token();
        let most = hub.quotas.inboxes;
        let row = hub.store.put_inbox(device.number, name.to_owned(), token, wanted, most).await.map_err(unwritten)?;
        let Some(row) = row else {
            return Err(refuse(
                StatusCode::INSUFFICIENT_STORAGE,
                "too_many_inboxes",
                format!("A device has at most {most} inboxes here."),
                "End the exposure of another one.",
            ));
        };
        let inbox = hub.directory.put(row, hub.quotas.per_second);
        hub.look(&inbox);
        let shown = self.shown(hub, device.number).await?.into_iter().find(|shown| shown.name == name);
        Ok(json(StatusCode::OK, &shown))
    }

    /// A large body, or what of it a `Range` asks for.
    async fn body(&self, hub: &Arc<Hub>, device: &DeviceRow, id: &str, headers: &HeaderMap) -> Reply {
        let id = Uuid::parse_str(id).map_err(|_| nothing())?;
        let blocks = hub.store.body(device.number, id).await.map_err(broken)?.ok_or_else(nothing)?;
        let length = blocks.length();
        let from = match headers.get(header::RANGE).map(|value| value.to_str().unwrap_or_default()) {
            None => 0,
            // A laptop goes on where it was cut off, and asks for nothing else.
            Some(range) => match range.strip_prefix("bytes=").and_then(|range| range.strip_suffix('-')?.parse().ok()) {
                Some(from) if from < length => from,
                _ => {
                    return Err(refuse(StatusCode::RANGE_NOT_SATISFIABLE, "bad_range", "There is no such part.", ""));
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
        let mut response = Response::new(AnswerBody::Pieces(pieces));
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

    /// Gives the connection over to HTTP/2 with reversed roles.
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
                    format!("This address wants an upgrade to {PROTOCOL}, and something on the way took it out."),
                    "Try the WebSocket form.",
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
                Err(error) => tracing::info!(device = name, %error, "an attach broke off"),
            }
        });
        let mut response = Response::new(AnswerBody::from(Bytes::new()));
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

/// A body of what a laptop asks; not for ever, and not of any size.
async fn whole(body: Incoming, most: usize) -> Result<Bytes, (StatusCode, Refused)> {
    match timeout(CONTROL_WITHIN, Limited::new(body, most).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(_)) => Err(refuse(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "That is too much at once.", "")),
        Err(_) => Err(refuse(StatusCode::REQUEST_TIMEOUT, "too_slow", "The request did not end in time.", "")),
    }
}

fn nothing() -> (StatusCode, Refused) {
    refuse(StatusCode::NOT_FOUND, "nothing_here", "There is nothing at this address.", "")
}

/// One session, until it ends.
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
            tracing::info!(device = device.id, %error, "an attach broke off");
            return;
        }
    };
    // From here on a delivery that is kept finds this session, so none is missed that is not on the disk yet.
    let Some((told, offered)) = hub.attach(device.number, epoch) else { return };
    // Revoked between its signature and here, it would stay.
    if !matches!(hub.store.device(device.id.clone()).await, Ok(Some(now)) if !now.revoked) {
        return hub.detach(device.number, epoch);
    }
    count(&hub.metrics.sessions_total);
    tracing::info!(device = device.id, epoch, credit, "attached");
    // The connection is driven by a task of its own: the session may be waiting for the disk.
    let driving = tokio::spawn(connection);
    let abort = driving.abort_handle();
    let ended = async move {
        match driving.await {
            Ok(Err(error)) => tracing::info!(%error, "a session broke off"),
            _ => tracing::info!("a session was closed"),
        }
    };
    let mut session = Session::new(hub.clone(), send, device.number, credit);
    let why = session.run(told, &offered, ended).await;
    abort.abort();
    hub.detach(device.number, epoch);
    tracing::info!(device = device.id, epoch, ?why, "detached");
}

/// A code for a new device: 50 bits, good once and not for long, and few tries a minute.
pub(super) fn new_code() -> String {
    let text = base32(&random::<7>());
    format!("{}-{}", &text[..5], &text[5..10])
}
