//! Deliveries of a relay. Each delivery is stored exactly once, as if it had arrived at the listener.

use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use hookbench_capture::{
    ArrivedBody, Body, CHUNK_BYTES, Captured, CommitError, Findings, INLINE_BODY_BYTES, PreparedResponse,
    ReceivedRequest, Responder, ResponseBody, Store, WriteError, header_list,
};
use hookbench_model::{BacklogPolicy, BodyState, DatabaseFault, ExposureSettings, HeaderNames, HttpVersion};
use hookbench_relay::{
    client::{Agent, Content, State, Turn},
    wire::{Ack, AppResponse, BodyPlace, Delivery},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};
use http_body_util::{BodyExt as _, Limited};

use super::{AWAY_AFTER, ExposureRow, Tunnelled};
use crate::{Engine, entry::Entry, inbox::InboxConfig};

/// Maximum size of a response that is sent to the relay, in bytes. Providers read a few KB.
const RESPONSE_MAX: usize = 1024 * 1024;

/// Delay after which the relay retries a delivery that could not be stored, in seconds.
const LATER: u32 = 5;

/// Handler for the deliveries of one tunnel.
pub(super) struct TunnelHandler {
    pub(super) engine: Weak<Engine>,
    pub(super) tunnel: i64,
}

impl Agent for TunnelHandler {
    async fn deliver(self: Arc<Self>, delivery: Delivery, wait_s: Option<u32>, content: Content, turn: Turn) -> Ack {
        match self.engine.upgrade() {
            Some(engine) => take(&engine, self.tunnel, delivery, wait_s, content, turn).await,
            None => Ack::again(),
        }
    }

    async fn had(&self) -> BTreeMap<String, i64> {
        let Some(engine) = self.engine.upgrade() else { return BTreeMap::new() };
        let tunnel = self.tunnel;
        let now_us = engine.clock.now_us();
        let had = engine.store.readers().read(move |connection| ExposureRow::had(connection, tunnel, now_us)).await;
        let had = had.unwrap_or_else(|error| {
            tracing::warn!(%error, "the deliveries of a tunnel could not be counted");
            BTreeMap::new()
        });
        let kept = had.clone();
        // Connecting is rare enough to scan all deliveries.
        let tidy = move |connection: &rusqlite::Connection| {
            ExposureRow::keep_had(connection, tunnel, &kept)?;
            Tunnelled::forget_old(connection, now_us)
        };
        if let Err(error) = engine.store.write(tidy, |()| ()).await {
            tracing::warn!(%error, "the number of deliveries of a tunnel could not be stored");
        }
        had
    }

    fn set_state(&self, state: State) {
        if let Some(engine) = self.engine.upgrade() {
            crate::tunnel::status::tunnel_status(&engine, self.tunnel, state);
        }
    }
}

/// Response to a request that came through a tunnel.
enum Reply {
    /// The relay already responded to the sender.
    Given,
    /// A response of the inbox.
    Own(Arc<PreparedResponse>),
    /// The response of the app at the endpoint with this number.
    Ask(i64),
}

/// Gets the response to a delivery from an app. Acknowledges the delivery only if the request is stored before `wait`
/// ends.
async fn by_app(engine: &Arc<Engine>, endpoint: i64, entry: Entry, delivery: &Delivery, wait: Duration) -> Ack {
    let id = delivery.id;
    let response = tokio::spawn({
        let engine = engine.clone();
        async move { crate::forward::ask::ask_app(engine, endpoint, entry).await }
    });
    match tokio::time::timeout(wait, response).await {
        Ok(Ok(Ok(response))) => match app_response(response).await {
            Some(response) => Ack::Stored(Some(response)),
            None => Ack::Pending,
        },
        Ok(Ok(Err(error))) => not_kept(engine, delivery, &error).await,
        Ok(Err(_)) => Ack::again(),
        Err(_) => match engine.store.readers().read(move |c| Tunnelled::known(c, id)).await {
            Ok(Some(_)) => Ack::Pending,
            _ => Ack::again(),
        },
    }
}

async fn take(
    engine: &Arc<Engine>,
    tunnel: i64,
    delivery: Delivery,
    wait_s: Option<u32>,
    content: Content,
    mut turn: Turn,
) -> Ack {
    let Some((exposed, _)) = engine.tunnels.exposed(tunnel, &delivery.inbox) else {
        // A restore from a backup may bring the exposure back, so the relay keeps the delivery until then.
        tracing::warn!(inbox = delivery.inbox, "a delivery is addressed to an inbox that is not exposed");
        return Ack::Later { after_s: LATER * 12, full: false };
    };
    // The deletion of an inbox can be undone.
    let Some(address) = engine.inboxes.by_number(exposed.inbox) else {
        return Ack::Later { after_s: LATER * 2, full: false };
    };
    // The local limit applies even if the relay allows larger bodies.
    let most = engine.settings().limits.body_bytes;
    if delivery.body_state == "complete" && delivery.body_bytes > most {
        let why =
            format!("The body is too large: {} bytes (this computer accepts at most {most}).", delivery.body_bytes);
        return never(engine, tunnelled(&delivery, tunnel, address.number, false), why).await;
    }
    // A first attempt is rarely a duplicate. If it is one, storing fails and the lookup follows. A large body is looked
    // up first, to avoid fetching and storing it in vain.
    let first = delivery.attempt == 0 && delivery.body_bytes <= INLINE_BODY_BYTES as u64;
    if !first && let Some(known) = came_before(engine, &delivery).await {
        return known;
    }
    let body = match body_of(engine, &delivery, content).await {
        Ok(Some(body)) => body,
        Ok(None) => return Ack::again(),
        Err(error) => return later(&error),
    };
    let Some(mut captured) = captured(&delivery, &address, body, engine.clock.now_us()) else {
        let why = "The relay sent an invalid request.".to_owned();
        return never(engine, tunnelled(&delivery, tunnel, address.number, false), why).await;
    };
    let backlog = wait_s.is_none() && is_backlog(&delivery, &exposed.settings, &address);
    let headers = header_map(&captured.headers);
    let method = captured.method.clone();
    let reply = match wait_s.filter(|_| captured.body_state == BodyState::Complete) {
        Some(_) => reply(engine, &address, &exposed.settings, &mut captured).await,
        None => Reply::Given,
    };
    turn.come().await;
    let tunnelled = Some(tunnelled(&delivery, tunnel, address.number, backlog));
    let wait = Duration::from_secs(wait_s.unwrap_or_default().into());
    match reply {
        Reply::Ask(endpoint) => by_app(engine, endpoint, Entry { captured, tunnelled, turn }, &delivery, wait).await,
        Reply::Own(response) => {
            captured.status = response.status_for(&method, &headers);
            captured.response = Some(response.number);
            if let Err(error) =
                crate::entry::keep_entry(engine, Entry { captured, tunnelled, turn }, address.name.clone()).await
            {
                return not_kept(engine, &delivery, &error).await;
            }
            if response.fault.is_some() || response.delay >= wait {
                return Ack::Pending;
            }
            response.wait().await;
            Ack::Stored(app_response(response.response(&method, &headers)).await)
        }
        Reply::Given => {
            captured.status = delivery.responded.unwrap_or_default();
            match crate::entry::keep_entry(engine, Entry { captured, tunnelled, turn }, address.name.clone()).await {
                Ok(()) => Ack::Stored(None),
                Err(error) => not_kept(engine, &delivery, &error).await,
            }
        }
    }
}

/// Returns the acknowledgment of a delivery that was stored before. Returns `None` if it was not.
async fn came_before(engine: &Engine, delivery: &Delivery) -> Option<Ack> {
    let id = delivery.id;
    match engine.store.readers().read(move |connection| Tunnelled::known(connection, id)).await {
        Ok(None) => None,
        Ok(Some(sha256)) if sha256 == delivery.sha256 => Some(Ack::Had),
        Ok(Some(_)) => Some(Ack::Conflict),
        Err(error) => {
            tracing::warn!(%error, "a delivery could not be looked up");
            Some(Ack::Later { after_s: LATER, full: false })
        }
    }
}

/// Returns the acknowledgment of a delivery that could not be stored, perhaps because it is a duplicate.
async fn not_kept(engine: &Engine, delivery: &Delivery, error: &CommitError) -> Ack {
    came_before(engine, delivery).await.unwrap_or_else(|| later(error))
}

/// Rejects a delivery permanently. Stores the rejection, so the sequence numbers of stored deliveries have no gap.
async fn never(engine: &Engine, tunnelled: Tunnelled, why: String) -> Ack {
    tracing::warn!(why, "a delivery was refused");
    let written = engine.store.write(move |connection| tunnelled.insert(connection, 0), |()| ()).await;
    match written {
        Ok(()) | Err(WriteError::Refused(_)) => Ack::Never(why),
        Err(WriteError::Commit(error)) => later(&error),
    }
}

/// Reads the body of a delivery into memory, or into the store if it is large. Returns `None` if the body is
/// incomplete.
async fn body_of(engine: &Engine, delivery: &Delivery, content: Content) -> Result<Option<Body>, CommitError> {
    let mut chunks = Chunks { store: engine.store.clone(), body: None, part: 0, buffer: BytesMut::new(), kept: false };
    match delivery.body {
        BodyPlace::Here => {
            let Some(bytes) = content.read(delivery).await else { return Ok(None) };
            if bytes.len() <= INLINE_BODY_BYTES {
                return Ok(Some(Body::Inline(bytes)));
            }
            for piece in bytes.chunks(CHUNK_BYTES) {
                chunks.add(Bytes::copy_from_slice(piece)).await?;
            }
        }
        BodyPlace::Relay => {
            let adding = tokio::sync::Mutex::new((&mut chunks, None));
            let keep = |piece: Bytes| async {
                let mut adding = adding.lock().await;
                match adding.0.add(piece).await {
                    Ok(()) => true,
                    Err(error) => {
                        adding.1 = Some(error);
                        false
                    }
                }
            };
            let whole = content.fetch(delivery, keep).await;
            if let Some(error) = adding.into_inner().1 {
                return Err(error);
            }
            if !whole {
                return Ok(None);
            }
        }
    }
    chunks.end().await.map(Some)
}

/// Decides the response to a request whose sender waits.
async fn reply(
    engine: &Arc<Engine>,
    address: &InboxConfig,
    settings: &ExposureSettings,
    captured: &mut Captured,
) -> Reply {
    let body = match &captured.body {
        Body::Inline(bytes) => ArrivedBody::Memory(bytes),
        Body::Chunks(body) => ArrivedBody::Chunks { body: *body, bytes: captured.body_bytes },
    };
    let request = ReceivedRequest {
        method: &captured.method,
        target: &captured.target,
        headers: &captured.headers,
        body,
        remote_address: captured.remote_address,
        arrived_us: captured.arrived_us,
    };
    let decision = crate::response::decide::decide(engine, address.number, request, settings.verified_only).await;
    captured.findings = decision.findings;
    match decision.responder {
        Responder::Inbox => Reply::Own(address.response.clone()),
        Responder::Response(response) => Reply::Own(response),
        Responder::App(endpoint) => Reply::Ask(endpoint),
    }
}

/// Writer for a body that is stored in chunks. Dropping the writer before `end` deletes the chunks.
struct Chunks {
    store: Arc<Store>,
    body: Option<i64>,
    part: u32,
    buffer: BytesMut,
    kept: bool,
}

impl Chunks {
    async fn add(&mut self, piece: Bytes) -> Result<(), CommitError> {
        self.buffer.extend_from_slice(&piece);
        while self.buffer.len() >= CHUNK_BYTES {
            self.flush(CHUNK_BYTES).await?;
        }
        Ok(())
    }

    async fn flush(&mut self, length: usize) -> Result<(), CommitError> {
        let body = *self.body.get_or_insert_with(|| self.store.new_body());
        let bytes = self.buffer.split_to(length).freeze();
        let part = self.part;
        self.part += 1;
        self.store.keep_chunk(body, part, bytes).committed().await
    }

    async fn end(mut self) -> Result<Body, CommitError> {
        if self.body.is_none() && self.buffer.len() <= INLINE_BODY_BYTES {
            return Ok(Body::Inline(self.buffer.split().freeze()));
        }
        if !self.buffer.is_empty() {
            self.flush(self.buffer.len()).await?;
        }
        self.kept = true;
        Ok(Body::Chunks(self.body.unwrap_or_default()))
    }
}

impl Drop for Chunks {
    fn drop(&mut self) {
        if let Some(body) = self.body.filter(|_| !self.kept) {
            self.store.drop_chunks(body);
        }
    }
}

/// Returns true if a request belongs to the offline backlog and is not forwarded now.
fn is_backlog(delivery: &Delivery, settings: &ExposureSettings, address: &InboxConfig) -> bool {
    delivery.age_us >= AWAY_AFTER.as_micros() as i64
        && match settings.on_return {
            BacklogPolicy::Ask => address.forwards.iter().any(|bound| bound.forward.enabled),
            BacklogPolicy::Keep => true,
            BacklogPolicy::Forward => false,
        }
}

fn later(error: &CommitError) -> Ack {
    Ack::Later { after_s: LATER, full: error.fault == DatabaseFault::DiskFull }
}

/// Converts a delivery to a captured request. The target contains the name of the inbox instead of the secret token of
/// the public URL. Returns `None` if the delivery is invalid.
fn captured(delivery: &Delivery, address: &InboxConfig, body: Body, now_us: i64) -> Option<Captured> {
    let word = |words: &[&str], word: &str| words.iter().position(|known| *known == word);
    let target = format!("/{}{}", address.name, delivery.rest);
    let below = delivery.rest.is_empty() || delivery.rest.starts_with(['/', '?']);
    if !below || target.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
        return None;
    }
    Some(Captured {
        inbox: address.number,
        arrived_us: delivery.received_us.clamp(0, now_us),
        receiving_us: delivery.receiving_us.max(0),
        method: Method::from_bytes(delivery.method.as_bytes()).ok()?,
        target,
        version: [HttpVersion::Http10, HttpVersion::Http11, HttpVersion::Http2]
            [word(&["HTTP/1.0", "HTTP/1.1", "HTTP/2"], &delivery.version)?],
        remote_address: delivery.remote_address.parse().ok()?,
        headers: delivery.head.clone(),
        names: [HeaderNames::Exact, HeaderNames::Lowercase, HeaderNames::Normalized]
            [word(&["exact", "lowercase", "normalized"], &delivery.names)?],
        trailers: delivery.trailers.clone(),
        body,
        body_bytes: delivery.body_bytes,
        body_state: [BodyState::Complete, BodyState::BrokenOff, BodyState::Stalled, BodyState::TooLarge]
            [word(&["complete", "broken_off", "stalled", "too_large"], &delivery.body_state)?],
        status: 0,
        response: None,
        via: 0,
        findings: Findings::default(),
    })
}

fn header_map(block: &[u8]) -> HeaderMap {
    header_list(block)
        .filter_map(|(name, value)| Some((HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value).ok()?)))
        .fold(HeaderMap::new(), |mut headers, (name, value)| {
            headers.append(name, value);
            headers
        })
}

/// Converts a response to the form that is sent to the relay. Returns `None` if the body is too large or incomplete.
async fn app_response(response: Response<ResponseBody>) -> Option<AppResponse> {
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, RESPONSE_MAX).collect().await.ok()?.to_bytes();
    let text = |value: &HeaderValue| value.as_bytes().iter().map(|byte| char::from(*byte)).collect();
    let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    Some(AppResponse { status: parts.status.as_u16(), headers, body })
}

/// Returns the row that is stored for a delivery.
fn tunnelled(delivery: &Delivery, tunnel: i64, inbox: i64, backlog: bool) -> Tunnelled {
    Tunnelled {
        delivery: delivery.id,
        tunnel,
        inbox,
        seq: delivery.seq,
        sha256: delivery.sha256.clone(),
        received_us: delivery.received_us,
        backlog,
    }
}
