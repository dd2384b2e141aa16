//! Incoming webhooks: access control, storage and responses.

use std::{
    cell::Cell,
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use hookbench_capture::{
    Body, Captured, CommitError, Decision, PreparedResponse, ProxiedRequest, ReceivedRequest, Refusal, RequestHead,
    Responder, ResponseBody, Route, Routes, header_list,
};
use hookbench_model::DatabaseFault;
use hookbench_provider::Catalog;
use hookbench_signature::{Keys, Message, State};
use http::{HeaderMap, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use ipnet::IpNet;
use tokio::{sync::oneshot, time::timeout};
use uuid::Uuid;

use super::{
    clean::clean,
    control::Control,
    directory::Inbox,
    hub::Hub,
    limits::{GUESSES_A_MINUTE, MISSES_A_MINUTE, SHUT_OUT, WAIT_MAX},
    metrics::count,
    sha256_hex,
    store::{BODY_STATES, DueDelivery, NAMES, rest_of, version_name},
};
use crate::{
    access::contains,
    wire::{AppResponse, BodyPlace, Delivery, Fallback},
};

/// A rate limiter per sender.
pub(super) type BySender = DefaultKeyedRateLimiter<IpAddr>;

/// Creates a rate limiter with a limit per sender and minute.
pub(super) fn by_sender(a_minute: u32) -> BySender {
    RateLimiter::keyed(Quota::per_minute(NonZeroU32::new(a_minute).unwrap_or(NonZeroU32::MIN)))
}

/// Returns the key of a sender for rate limits. All addresses of an IPv6 /64 network count as one sender.
pub(super) fn sender_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        v4 => v4,
    }
}

/// The routes of a relay's listener.
pub(super) struct Ingest {
    pub(super) hub: Arc<Hub>,
    pub(super) control: Control,
    pub(super) trusted: Vec<IpNet>,
    pub(super) catalog: Catalog,
    misses: BySender,
    guesses: BySender,
    /// Locked-out senders, with the end of the lockout.
    shut_out: Mutex<HashMap<IpAddr, Instant>>,
}

fn refused(status: StatusCode, code: &'static str, message: &str, hint: &str) -> Route {
    Route::Refuse(Refusal { status, code, message: message.into(), hint: hint.into(), header: None })
}

impl Ingest {
    pub(super) fn new(hub: Arc<Hub>, control: Control, trusted: Vec<IpNet>) -> Self {
        Self {
            hub,
            control,
            trusted,
            catalog: Catalog::load([]).0,
            misses: by_sender(MISSES_A_MINUTE),
            guesses: by_sender(GUESSES_A_MINUTE),
            shut_out: Mutex::default(),
        }
    }

    /// Removes the state of inactive senders.
    pub(super) fn tidy(&self) {
        self.misses.retain_recent();
        self.guesses.retain_recent();
        self.shut_out.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, until| *until > Instant::now());
        self.control.tidy();
    }

    fn missed(&self, sender: IpAddr) -> Route {
        count(&self.hub.metrics.misses_total);
        if self.misses.check_key(&sender_of(sender)).is_err() {
            tracing::warn!(%sender, "many requests to URLs without an inbox");
            return refused(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_misses",
                "Too many requests to URLs that do not exist.",
                "Use the inbox URL shown in Hookbench.",
            );
        }
        refused(
            StatusCode::NOT_FOUND,
            "inbox_not_found",
            "No inbox has this URL.",
            "Use the inbox URL shown in Hookbench. The URL stops working when the inbox is no longer exposed.",
        )
    }

    /// Returns the error for a request that must not be stored.
    fn turned_away(&self, inbox: &Inbox, head: RequestHead<'_>) -> Option<Route> {
        let metrics = &self.hub.metrics;
        if let Some(refusal) = inbox.access.refuses_sender(head.remote_address.ip()) {
            count(&metrics.refused_access_total);
            return Some(Route::Refuse(refusal));
        }
        if !inbox.has_room() {
            count(&metrics.refused_full_total);
            return Some(refused(
                StatusCode::TOO_MANY_REQUESTS,
                "too_fast",
                "This inbox receives more requests per second than the relay allows.",
                "Retry in a moment. The request was not stored.",
            ));
        }
        if let Some(refused) = self.not_proved(inbox, head) {
            count(&metrics.refused_access_total);
            return Some(refused);
        }
        if let Err(why) = self.hub.has_room(inbox) {
            count(&metrics.refused_full_total);
            return Some(refused(
                StatusCode::SERVICE_UNAVAILABLE,
                "no_room",
                &format!("The request was not stored: {why}."),
                "Resend the request later, when the owner's Hookbench has fetched the waiting requests.",
            ));
        }
        None
    }

    /// Returns the error for a sender without the correct password, or for a locked-out sender.
    fn not_proved(&self, inbox: &Inbox, head: RequestHead<'_>) -> Option<Route> {
        inbox.wanted.basic.as_ref()?;
        let sender = sender_of(head.remote_address.ip());
        let shut_out = || self.shut_out.lock().unwrap_or_else(PoisonError::into_inner);
        if shut_out().get(&sender).is_some_and(|until| *until > Instant::now()) {
            return Some(refused(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_guesses",
                "Too many wrong passwords.",
                "Wait a minute, then send the correct password.",
            ));
        }
        let refusal = inbox.access.refuses_credentials(head.headers)?;
        let guessed = head.headers.contains_key(header::AUTHORIZATION);
        if guessed && self.guesses.check_key(&sender).is_err() {
            tracing::warn!(%sender, "many wrong passwords for an inbox");
            shut_out().insert(sender, Instant::now() + SHUT_OUT);
        }
        Some(Route::Refuse(refusal))
    }

    /// Returns the response to a provider's handshake request while the agent is offline, if the inbox allows this.
    fn handshake(&self, inbox: &Inbox, captured: &Captured) -> Option<AppResponse> {
        let wanted = inbox.wanted.handshake.as_ref()?;
        let provider = self.catalog.get(&wanted.provider)?;
        let Body::Inline(body) = &captured.body else { return None };
        let headers: Vec<(&str, &[u8])> = header_list(&captured.headers)
            .filter_map(|(name, value)| Some((std::str::from_utf8(name).ok()?, value)))
            .collect();
        let url = format!("{}/{}", self.control.url(), inbox.token);
        let target = format!("/{}{}", inbox.name, rest_of(&captured.target));
        let message =
            Message { method: captured.method.as_str(), target: &target, url: Some(&url), headers: &headers, body };
        let keys = Keys { secrets: wanted.secrets.clone(), params: wanted.params.clone() };
        let fallback = &inbox.wanted.fallback;
        let own = !fallback.body.is_empty() || !(200..300).contains(&fallback.status);
        // Without the secret, the relay cannot verify a signature. The agent then decides.
        let undecided = Cell::new(false);
        let now_ms = captured.arrived_us / 1_000;
        let verified = || provider.verify(None, &message, &keys, now_ms).filter(|_| !keys.secrets.is_empty());
        let holds = || match verified() {
            Some(verified) => verified.verification.state,
            None => {
                undecided.set(true);
                State::Unsigned
            }
        };
        let responded = provider.response(&message, &keys, own, holds)?;
        // A handshake that contains a new secret needs the response of the agent, which stores the secret.
        let filled = responded.response.filter(|_| !undecided.get() && responded.secret.is_none())?;
        Some(AppResponse { status: filled.status, headers: filled.headers, body: filled.body.into() })
    }

    async fn keep(
        self: Arc<Self>,
        inbox: Arc<Inbox>,
        mut captured: Captured,
    ) -> Result<Response<ResponseBody>, CommitError> {
        let hub = self.hub.clone();
        let sha256 = self.sha256(&captured).await?;
        let attached = hub.attached(inbox.device);
        let wait = Duration::from_millis(inbox.wanted.wait_ms.into()).min(WAIT_MAX);
        let waits = attached && !wait.is_zero();
        let handshake = if waits { None } else { self.handshake(&inbox, &captured) };
        let instead = handshake.unwrap_or_else(|| fallback(&inbox.wanted.fallback));
        captured.status = if waits { 0 } else { instead.status };
        let (reply, replied) = oneshot::channel();
        let until = Instant::now() + wait;
        let after = {
            let (hub, inbox, sha256) = (hub.clone(), inbox.clone(), sha256.clone());
            move |row: i64, seq: i64, captured: &Captured| {
                count(&hub.metrics.webhooks_kept_total);
                hub.came(inbox.number, captured.body_bytes);
                if waits {
                    hub.wait_for(row, until, reply);
                }
                let due = due(&hub, &inbox, row, seq, sha256, captured);
                hub.offer(&inbox, seq, due);
            }
        };
        let row = hub.store.keep(captured, sha256, after).await?;
        if waits {
            let response = timeout(until.saturating_duration_since(Instant::now()), replied).await;
            if let Ok(Ok(Some(response))) = response {
                count(&hub.metrics.responses_live_total);
                return Ok(clean(&response));
            }
            hub.reply(row, None);
            let (hub, status) = (hub.clone(), instead.status);
            tokio::spawn(async move { hub.store.responded(row, status).await });
        }
        count(&hub.metrics.responses_fallback_total);
        Ok(clean(&instead))
    }

    async fn sha256(&self, captured: &Captured) -> Result<String, CommitError> {
        match &captured.body {
            Body::Inline(bytes) => Ok(sha256_hex(bytes)),
            Body::Chunks(body) => {
                let (body, mut part, mut digest) = (*body, 0, super::Hash::default());
                let mut left = captured.body_bytes;
                while left > 0 {
                    let read = move |c: &rusqlite::Connection| hookbench_capture::read_chunk(c, body, part);
                    let bytes = self.hub.store.capture().readers().read(read).await;
                    let bytes =
                        bytes.map_err(|e| CommitError { fault: DatabaseFault::Other, message: e.to_string() })?;
                    digest.add(&bytes);
                    left = left.saturating_sub(bytes.len() as u64);
                    part += 1;
                }
                Ok(digest.hex())
            }
        }
    }
}

fn fallback(wanted: &Fallback) -> AppResponse {
    AppResponse { status: wanted.status, headers: wanted.headers.clone(), body: wanted.body.clone().into() }
}

/// Returns the delivery of a request that was just stored, or `None` if the body must be read from disk.
fn due(hub: &Hub, inbox: &Inbox, row: i64, seq: i64, sha256: String, captured: &Captured) -> Option<DueDelivery> {
    let Body::Inline(body) = &captured.body else { return None };
    let word = |words: &[&'static str], index: u8| words.get(index as usize).copied().unwrap_or_default().to_owned();
    let delivery = Delivery {
        id: Uuid::from_u128(hub.store.id_tail().uuid(hookbench_capture::RowId(row))),
        inbox: inbox.name.clone(),
        seq,
        attempt: 0,
        received_us: captured.arrived_us,
        age_us: 0,
        receiving_us: captured.receiving_us,
        method: captured.method.to_string(),
        rest: rest_of(&captured.target).to_owned(),
        version: version_name(captured.version as u8).to_owned(),
        remote_address: captured.remote_address.to_string(),
        names: word(&NAMES, captured.names as u8),
        head: captured.headers.clone(),
        trailers: captured.trailers.clone(),
        body_bytes: captured.body_bytes,
        body_state: word(&BODY_STATES, captured.body_state as u8),
        sha256,
        body: BodyPlace::Here,
        responded: (captured.status != 0).then_some(captured.status),
    };
    Some(DueDelivery { row, delivery, body: body.clone() })
}

/// Returns the address of the sender behind trusted proxies: the last address in `X-Forwarded-For` that is not a
/// trusted proxy.
fn forwarded_for(remote_address: SocketAddr, headers: &HeaderMap, trusted: &[IpNet]) -> SocketAddr {
    if !contains(trusted, remote_address.ip()) {
        return remote_address;
    }
    let chain: Vec<IpAddr> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map_while(|address| address.trim().parse().ok())
        .collect();
    let sender = chain.iter().rev().find(|address| !contains(trusted, **address));
    sender.or(chain.first()).map_or(remote_address, |address| SocketAddr::new(*address, 0))
}

/// The routes of the listener, shared with tasks that continue after a sender has disconnected.
pub(super) struct Shared(pub(super) Arc<Ingest>);

impl Routes for Shared {
    fn sender(&self, remote_address: SocketAddr, headers: &HeaderMap) -> SocketAddr {
        forwarded_for(remote_address, headers, &self.0.trusted)
    }

    async fn route(&self, head: RequestHead<'_>) -> Route {
        let token = head.path.trim_start_matches('/').split('/').next().unwrap_or_default();
        if token.starts_with('.') {
            return Route::Other;
        }
        let Some(inbox) = self.0.hub.directory.with_token(token) else {
            return self.0.missed(head.remote_address.ip());
        };
        let keep = || Route::Keep {
            inbox: inbox.number,
            response: Arc::new(PreparedResponse::default()),
            depends: true,
            through: None,
        };
        self.0.turned_away(&inbox, head).unwrap_or_else(keep)
    }

    async fn decide(&self, inbox: i64, _request: ReceivedRequest<'_>) -> Decision {
        Responder::App(inbox).into()
    }

    async fn ask(&self, proxied: ProxiedRequest) -> Result<Response<ResponseBody>, CommitError> {
        let gone = || CommitError { fault: DatabaseFault::Other, message: "the inbox is no longer exposed".into() };
        let inbox = self.0.hub.directory.numbered(proxied.app).ok_or_else(gone)?;
        // The task continues even if the sender disconnects.
        tokio::spawn(self.0.clone().keep(inbox, proxied.captured)).await.unwrap_or_else(|_| Err(gone()))
    }

    async fn other(&self, request: Request<Incoming>, remote_address: SocketAddr) -> Response<ResponseBody> {
        self.0.control.serve(&self.0.hub, request, remote_address).await
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::access::networks;

    #[test]
    fn uses_forwarded_address_only_from_trusted_proxies() {
        let trusted = networks(&["127.0.0.1".into(), "10.0.0.0/8".into()]).expect("parse the networks");
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", HeaderValue::from_static("203.0.113.9, 198.51.100.7"));
        headers.append("x-forwarded-for", HeaderValue::from_static("10.1.1.1"));
        let ask = |remote_address: &str, headers: &HeaderMap| {
            forwarded_for(remote_address.parse().expect("parse the address"), headers, &trusted).ip().to_string()
        };
        // The first address was written by the sender.
        assert_eq!(ask("127.0.0.1:5", &headers), "198.51.100.7");
        assert_eq!(ask("192.0.2.1:5", &headers), "192.0.2.1");
        assert_eq!(ask("127.0.0.1:5", &HeaderMap::new()), "127.0.0.1");
        headers.insert("x-forwarded-for", HeaderValue::from_static("nonsense"));
        assert_eq!(ask("127.0.0.1:5", &headers), "127.0.0.1");
    }

    #[test]
    fn counts_an_ipv6_network_as_one_sender() {
        let of = |text: &str| sender_of(text.parse().expect("parse the address")).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(of("192.0.2.1"), "192.0.2.1");
    }

    #[test]
    fn removes_the_token_from_the_target() {
        for (target, rest) in [
            ("/tok/a/b?c=d", "/a/b?c=d"),
            ("/tok", ""),
            ("/tok?x=1", "?x=1"),
            ("//tok/a", "/a"),
            ("http://host/tok/a", "/a"),
            ("http://host", ""),
            ("/tok/http://x/y", "/http://x/y"),
        ] {
            assert_eq!(rest_of(target), rest, "{target}");
        }
    }
}
