//! Handling of one request, from its head to its response.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use hookbench_model::{BodyState, ListenerLimits};
use http::{HeaderMap, Method, Request, Response, StatusCode, header, request::Parts};
use hyper::body::{Body as _, Incoming};

use super::{
    agree::{self, Head},
    body::{BodyEnd, Receiving, drain},
    refused::{RejectedRequest, head_bytes},
    response::{InjectedFault, PreparedResponse, Refusal, ResponseBody, allow_any_origin},
    tap::ConnectionState,
};
use crate::{
    clock::Clock,
    limits::HANG_MAX,
    message::{Captured, Findings},
    store::{CommitError, CommitWaiter, Store},
};

/// Routing decision for a request.
#[derive(Debug)]
pub enum Route {
    /// Store the request in an inbox and send a response.
    Keep {
        /// Number of the inbox.
        inbox: i64,
        /// Response that is sent after the commit.
        response: Arc<PreparedResponse>,
        /// True if the response may depend on the request. [`Routes::decide`] is called then.
        depends: bool,
        /// Tunnel that the request came through, if any.
        through: Option<TunnelOrigin>,
    },
    /// Respond with an error and store nothing.
    Refuse(Refusal),
    /// Not a webhook: [`Routes::other`] responds.
    Other,
}

/// A tunnel whose URLs differ from the URLs of the inboxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TunnelOrigin {
    /// Number of the tunnel.
    pub number: i64,
    /// Request target as the listener would have received it. The stored request does not contain the public URL.
    pub target: String,
}

/// The head of a request that has just arrived.
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'a> {
    /// Path of the target.
    pub path: &'a str,
    /// Query of the target, without the question mark.
    pub query: Option<&'a str>,
    /// Headers as parsed by hyper.
    pub headers: &'a HeaderMap,
    /// Remote address of the sender.
    pub remote_address: SocketAddr,
}

/// Routing and responses of a listener.
pub trait Routes: Send + Sync + 'static {
    /// Returns the address of the sender, which differs from the address of the connection behind a trusted proxy.
    fn sender(&self, remote_address: SocketAddr, _headers: &HeaderMap) -> SocketAddr {
        remote_address
    }

    /// Reports a request that was rejected before it was stored.
    fn refused(&self, _refused: RejectedRequest) {}

    /// Returns the route of a request.
    fn route(&self, head: RequestHead<'_>) -> impl Future<Output = Route> + Send;

    /// Responds to a request that is not a webhook. After a 101 response, the connection belongs to the task that
    /// called [`hyper::upgrade::on`] with the request.
    fn other(
        &self,
        _request: Request<Incoming>,
        _peer: SocketAddr,
    ) -> impl Future<Output = Response<ResponseBody>> + Send {
        async { Refusal::nothing_here().response(true) }
    }

    /// Decides the response to a request that was received completely. The sender waits for this decision.
    fn decide(&self, inbox: i64, request: ReceivedRequest<'_>) -> impl Future<Output = Decision> + Send;

    /// Stores a request for which `decide` returned [`Responder::App`], and returns the response of the app. Continues
    /// even if the sender disconnects.
    fn ask(&self, proxied: ProxiedRequest) -> impl Future<Output = Result<Response<ResponseBody>, CommitError>> + Send;
}

/// Source of the response to a request.
#[derive(Debug, Clone)]
pub enum Responder {
    /// The inbox, with its default response.
    Inbox,
    /// The listener, with this response.
    Response(Arc<PreparedResponse>),
    /// An app, after the request is on disk. Contains the number that is passed to [`Routes::ask`].
    App(i64),
}

/// The decision about a response, with the results computed for it.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Source of the response.
    pub responder: Responder,
    /// Results to pass on with the request.
    pub findings: Findings,
}

impl From<Responder> for Decision {
    fn from(responder: Responder) -> Self {
        Self { responder, findings: Findings::default() }
    }
}

/// A request whose response comes from an app.
#[derive(Debug)]
pub struct ProxiedRequest {
    /// Number of the app, as returned by `decide`.
    pub app: i64,
    /// The request, which is not stored yet.
    pub captured: Captured,
}

/// A request that was received completely and is not stored yet.
#[derive(Debug, Clone, Copy)]
pub struct ReceivedRequest<'a> {
    /// Method as sent.
    pub method: &'a Method,
    /// Request target as sent.
    pub target: &'a str,
    /// Header block in the form in which it is stored.
    pub headers: &'a [u8],
    /// Body.
    pub body: ArrivedBody<'a>,
    /// Remote address of the sender.
    pub remote_address: SocketAddr,
    /// Time at which the head was complete, in µs since the Unix epoch.
    pub arrived_us: i64,
}

/// Location of a received body.
#[derive(Debug, Clone, Copy)]
pub enum ArrivedBody<'a> {
    /// In memory.
    Memory(&'a [u8]),
    /// In the store, because the body is large.
    Chunks {
        /// Number of the body.
        body: i64,
        /// Size of the body.
        bytes: u64,
    },
}

/// State that all requests of a listener share.
pub(super) struct Service<R> {
    pub(super) store: Arc<Store>,
    pub(super) routes: Arc<R>,
    pub(super) limits: ListenerLimits,
    pub(super) clock: Clock,
}

type Reply = Response<ResponseBody>;

/// Applies an injected fault to a response.
async fn faulty(
    fault: Option<InjectedFault>,
    reply: Reply,
    connection: &ConnectionState,
    http2: bool,
) -> io::Result<Reply> {
    match fault {
        Some(InjectedFault::Reset) => {
            // On HTTP/2, only the stream is reset. On HTTP/1, the connection is reset.
            connection.reset.store(!http2, Ordering::Relaxed);
            Err(io::ErrorKind::ConnectionReset.into())
        }
        Some(InjectedFault::Hang) => {
            tokio::time::sleep(HANG_MAX).await;
            Err(io::ErrorKind::TimedOut.into())
        }
        Some(InjectedFault::Garbage) => {
            connection.garbled.store(true, Ordering::Relaxed);
            connection.ended.store(http2, Ordering::Relaxed);
            Ok(reply)
        }
        _ => Ok(reply),
    }
}

impl<R: Routes> Service<R> {
    pub(super) async fn serve(
        self: Arc<Self>,
        remote_address: SocketAddr,
        connection: Arc<ConnectionState>,
        request: Request<Incoming>,
    ) -> io::Result<Reply> {
        let arrived_us = self.clock.now_us();
        let started = Instant::now();
        let http2 = request.version() == http::Version::HTTP_2;
        let _begun = connection.begin();
        let raw = if http2 { None } else { connection.heads.pop() };
        let remote_address = self.routes.sender(remote_address, request.headers());
        let (parts, mut incoming) = request.into_parts();
        let mut head = agree::head(&parts, raw);
        // The raw target is used, because hyper gets a replacement for characters that it would reject.
        let (path, query) = match head.target.starts_with('/') {
            true => {
                let target = head.target.split('#').next().unwrap_or_default();
                target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)))
            }
            false => (parts.uri.path(), parts.uri.query()),
        };
        let route = self.routes.route(RequestHead { path, query, headers: &parts.headers, remote_address }).await;
        if matches!(route, Route::Other) {
            let request = Request::from_parts(parts, incoming);
            let reply = self.routes.other(request, remote_address).await;
            if reply.status() == StatusCode::SWITCHING_PROTOCOLS {
                connection.handed_over.store(true, Ordering::Relaxed);
            }
            return Ok(reply);
        }
        let (inbox, response, depends, through) = match route {
            Route::Keep { inbox, response, depends, through } => (inbox, response, depends, through),
            Route::Other => return Ok(Refusal::nothing_here().response(true)),
            Route::Refuse(refusal) => {
                let close = refuse_rest(&parts.headers, &mut incoming).await;
                return Ok(refusal.response(close));
            }
        };
        let via = through.as_ref().map_or(0, |through| through.number);
        if let Some(through) = through {
            head.target = through.target;
        }
        let mut arriving = IncomingRequest {
            store: self.store.clone(),
            head,
            method: parts.method.clone(),
            inbox,
            via,
            remote_address,
            arrived_us,
            started,
            response,
            body: Receiving::new(self.store.clone()),
            findings: Findings::default(),
            kept: false,
        };
        let stall = Duration::from_millis(self.limits.body_stall_ms);
        let ended = arriving.body.read(&mut incoming, self.limits.body_bytes, stall).await;
        let preflight = arriving.response.is_preflight(&parts.method, &parts.headers);
        if depends && !preflight && matches!(ended, BodyEnd::Body(BodyState::Complete)) {
            if let Err(error) = arriving.body.settle().await {
                arriving.forget();
                return Ok(self.not_stored(inbox, remote_address, &parts, &error));
            }
            let Decision { responder, findings } = arriving.decide(&*self.routes).await;
            arriving.findings = findings;
            match responder {
                Responder::Inbox => {}
                Responder::Response(response) => arriving.response = response,
                Responder::App(app) => return Ok(self.ask(&parts, arriving, app).await),
            }
        }
        let response = arriving.response.clone();
        let reply = match self.stored(&parts, incoming, arriving, ended, &response).await {
            Ok(()) => response.response(&parts.method, &parts.headers),
            Err(refused) => return Ok(refused),
        };
        faulty(response.fault.filter(|_| !preflight), reply, &connection, http2).await
    }

    async fn ask(&self, parts: &Parts, mut arriving: IncomingRequest, app: i64) -> Reply {
        let (cors, inbox, remote_address) = (arriving.response.cors, arriving.inbox, arriving.remote_address);
        let captured = arriving.captured(BodyState::Complete, 0, false);
        match self.routes.ask(ProxiedRequest { app, captured }).await {
            Ok(mut reply) => {
                if cors {
                    allow_any_origin(&mut reply, &parts.method, &parts.headers);
                }
                reply
            }
            Err(error) => self.not_stored(inbox, remote_address, parts, &error),
        }
    }

    /// Returns the error response for a request that could not be stored, and reports the request.
    fn not_stored(&self, inbox: i64, remote_address: SocketAddr, parts: &Parts, error: &CommitError) -> Reply {
        let refusal = Refusal::not_stored(&error.message);
        let response = refusal.response(true);
        let reason = Refusal { code: error.fault.code(), ..refusal };
        self.routes.refused(RejectedRequest {
            at_us: self.clock.now_us(),
            remote_address: Some(remote_address),
            inbox: Some(inbox),
            target: Some(parts.uri.to_string()),
            refusal: reason,
            bytes: head_bytes(parts),
        });
        response
    }

    /// Stores a request and waits for the response delay. Returns the error response if the request is rejected.
    async fn stored(
        &self,
        parts: &Parts,
        mut incoming: Incoming,
        mut arriving: IncomingRequest,
        ended: BodyEnd,
        response: &PreparedResponse,
    ) -> Result<(), Reply> {
        let (state, refusal) = match ended {
            BodyEnd::Body(BodyState::TooLarge) => {
                (BodyState::TooLarge, Some(Refusal::body_too_large(self.limits.body_bytes)))
            }
            BodyEnd::Body(BodyState::Stalled) => {
                (BodyState::Stalled, Some(Refusal::stalled(Duration::from_millis(self.limits.body_stall_ms))))
            }
            BodyEnd::Body(BodyState::BrokenOff) => (BodyState::BrokenOff, Some(Refusal::body_broken())),
            BodyEnd::Body(BodyState::Complete) => (BodyState::Complete, None),
            BodyEnd::NotStored(error) => {
                arriving.forget();
                return Err(self.not_stored(arriving.inbox, arriving.remote_address, parts, &error));
            }
        };
        if let Err(error) = arriving.body.settle().await {
            arriving.forget();
            return Err(self.not_stored(arriving.inbox, arriving.remote_address, parts, &error));
        }
        let status = match &refusal {
            Some(refusal) => refusal.status.as_u16(),
            None => response.status_for(&parts.method, &parts.headers),
        };
        let committed = arriving.keep(state, status, refusal.is_none()).committed().await;
        match (committed, refusal) {
            (Err(error), _) => Err(self.not_stored(arriving.inbox, arriving.remote_address, parts, &error)),
            (Ok(()), Some(refusal)) => {
                if state == BodyState::TooLarge {
                    refuse_rest(&parts.headers, &mut incoming).await;
                }
                Err(refusal.response(true))
            }
            (Ok(()), None) => {
                response.wait().await;
                Ok(())
            }
        }
    }
}

/// Discards the body of a rejected request. Returns true if the connection must close after the response.
async fn refuse_rest(headers: &HeaderMap, incoming: &mut Incoming) -> bool {
    // A sender that sent `Expect: 100-continue` (RFC 9110 §10.1.1) has not sent its body yet. Reading the body would
    // send the 100 response.
    if headers.contains_key(header::EXPECT) && !incoming.is_end_stream() {
        return true;
    }
    drain(incoming).await;
    !incoming.is_end_stream()
}

/// A request that is still arriving. If the connection ends early, hyper drops this value, and the received part is
/// stored as an incomplete request.
struct IncomingRequest {
    store: Arc<Store>,
    head: Head,
    method: Method,
    inbox: i64,
    via: i64,
    remote_address: SocketAddr,
    arrived_us: i64,
    started: Instant,
    response: Arc<PreparedResponse>,
    body: Receiving,
    findings: Findings,
    kept: bool,
}

/// Status of a request whose sender disconnected before the response, as in nginx. No response was sent.
const STATUS_BROKEN_OFF: u16 = 499;

impl IncomingRequest {
    fn keep(&mut self, body_state: BodyState, status: u16, responded: bool) -> CommitWaiter {
        let captured = self.captured(body_state, status, responded);
        self.store.keep(captured)
    }

    fn captured(&mut self, body_state: BodyState, status: u16, responded: bool) -> Captured {
        self.kept = true;
        let body = match body_state {
            BodyState::TooLarge => self.body.discard(),
            _ => self.body.finish(),
        };
        Captured {
            inbox: self.inbox,
            arrived_us: self.arrived_us,
            receiving_us: self.started.elapsed().as_micros() as i64,
            method: self.method.clone(),
            target: std::mem::take(&mut self.head.target),
            version: self.head.version,
            remote_address: self.remote_address,
            headers: std::mem::take(&mut self.head.headers),
            names: self.head.names,
            trailers: std::mem::take(&mut self.body.trailers),
            body,
            body_bytes: self.body.bytes,
            body_state,
            status,
            response: (responded && body_state == BodyState::Complete).then_some(self.response.number),
            via: self.via,
            findings: std::mem::take(&mut self.findings),
        }
    }

    /// Decides the response. The body must be on disk.
    async fn decide(&self, routes: &impl Routes) -> Decision {
        let body = self.body.arrived();
        let request = ReceivedRequest {
            method: &self.method,
            target: &self.head.target,
            headers: &self.head.headers,
            body,
            remote_address: self.remote_address,
            arrived_us: self.arrived_us,
        };
        routes.decide(self.inbox, request).await
    }

    fn forget(&mut self) {
        self.kept = true;
        self.body.discard();
    }
}

impl Drop for IncomingRequest {
    fn drop(&mut self) {
        if !self.kept {
            let _ = self.keep(BodyState::BrokenOff, STATUS_BROKEN_OFF, false);
        }
    }
}
