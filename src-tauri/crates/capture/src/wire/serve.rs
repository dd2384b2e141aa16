//! One request from its head to its answer.

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
    body::{Ended, Receiving, drain},
    refused::{Refused, head_bytes},
    response::{Answer, AnswerBody, AnswerFault, Refusal, allow_any_origin},
    tap::Seen,
};
use crate::{
    clock::Clock,
    limits::HANG_MAX,
    message::{Captured, Findings},
    store::{CommitError, CommitWaiter, Store},
};

/// Where a request belongs.
#[derive(Debug)]
pub enum Route {
    /// Keep it in this inbox and answer so.
    Keep {
        /// Number of the inbox.
        inbox: i64,
        /// What the sender gets after the commit.
        answer: Arc<Answer>,
        /// Whether the answer may depend on the request, so that [`Routes::decide`] is asked.
        depends: bool,
        /// The way from outside it came by, if it did.
        through: Option<Through>,
    },
    /// Nothing is kept.
    Refuse(Refusal),
    /// It is no webhook, and answered by [`Routes::other`].
    Other,
}

/// A way in from outside, whose addresses are other ones than the inbox's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Through {
    /// Its number.
    pub number: i64,
    /// The target as the receiver would have had it: who has the request does not learn the address.
    pub target: String,
}

/// The head of a request that has just arrived.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// Path of its target.
    pub path: &'a str,
    /// Query of its target, without the question mark.
    pub query: Option<&'a str>,
    /// Headers as hyper read them.
    pub headers: &'a HeaderMap,
    /// Where it came from.
    pub peer: SocketAddr,
}

/// Decides by their heads where requests belong.
pub trait Routes: Send + Sync + 'static {
    /// Who sent a request, where somebody who is trusted passed it on.
    fn sender(&self, peer: SocketAddr, _headers: &HeaderMap) -> SocketAddr {
        peer
    }

    /// Hears of a request that was refused before it could be stored.
    fn refused(&self, _refused: Refused) {}

    /// The route of a request.
    fn route(&self, asking: Asking<'_>) -> impl Future<Output = Route> + Send;

    /// Answers what is no webhook. A 101 gives the connection to whoever took
    /// [`hyper::upgrade::on`] of the request.
    fn other(
        &self,
        _request: Request<Incoming>,
        _peer: SocketAddr,
    ) -> impl Future<Output = Response<AnswerBody>> + Send {
        async { Refusal::nothing_here().response(true) }
    }

    /// How one request that has arrived whole is answered. The sender waits for it, and an answer
    /// is kept with the request.
    fn decide(&self, inbox: i64, request: Arrived<'_>) -> impl Future<Output = Decision> + Send;

    /// Keeps a request of which `decide` said [`Responder::App`], and gets its answer from elsewhere. It
    /// goes on though the sender may leave.
    fn ask(&self, asked: Asked) -> impl Future<Output = Result<Response<AnswerBody>, CommitError>> + Send;
}

/// Who responds to a request.
#[derive(Debug, Clone)]
pub enum Responder {
    /// The inbox, with its default response.
    Inbox,
    /// The listener, with this response.
    Response(Arc<Answer>),
    /// An app, once the request is on disk: the number of its endpoint.
    App(i64),
}

/// How a request is responded to, and what was learned of it to decide that.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Who responds.
    pub responder: Responder,
    /// What was learned, to be handed on with the request.
    pub findings: Findings,
}

impl From<Responder> for Decision {
    fn from(responder: Responder) -> Self {
        Self { responder, findings: Findings::default() }
    }
}

/// A request whose answer comes from elsewhere.
#[derive(Debug)]
pub struct Asked {
    /// Whom to ask, as `decide` said.
    pub whom: i64,
    /// The request; it is not in the store yet.
    pub captured: Captured,
}

/// A request that has arrived whole, before it is stored.
#[derive(Debug, Clone, Copy)]
pub struct Arrived<'a> {
    /// Method as sent.
    pub method: &'a Method,
    /// Request target as sent.
    pub target: &'a str,
    /// Header block, as it will be stored.
    pub headers: &'a [u8],
    /// Body.
    pub body: ArrivedBody<'a>,
    /// Where it came from.
    pub peer: SocketAddr,
    /// When its head was complete, µs since the Unix epoch.
    pub arrived_us: i64,
}

/// Where an arrived body is.
#[derive(Debug, Clone, Copy)]
pub enum ArrivedBody<'a> {
    /// In memory.
    Memory(&'a [u8]),
    /// In the store, for it is large.
    Chunks {
        /// Number of the body.
        body: i64,
        /// Its size.
        bytes: u64,
    },
}

/// What all requests of a listener share.
pub(super) struct Service<R> {
    pub(super) store: Arc<Store>,
    pub(super) routes: Arc<R>,
    pub(super) limits: ListenerLimits,
    pub(super) clock: Clock,
}

type Reply = Response<AnswerBody>;

/// A response with the fault that is injected into it.
async fn faulty(fault: Option<AnswerFault>, reply: Reply, seen: &Seen, many: bool) -> io::Result<Reply> {
    match fault {
        Some(AnswerFault::Reset) => {
            // Of many streams only this one is reset; the connection of one is.
            seen.reset.store(!many, Ordering::Relaxed);
            Err(io::ErrorKind::ConnectionReset.into())
        }
        Some(AnswerFault::Hang) => {
            tokio::time::sleep(HANG_MAX).await;
            Err(io::ErrorKind::TimedOut.into())
        }
        Some(AnswerFault::Garbage) => {
            seen.garbled.store(true, Ordering::Relaxed);
            seen.ended.store(many, Ordering::Relaxed);
            Ok(reply)
        }
        _ => Ok(reply),
    }
}

impl<R: Routes> Service<R> {
    pub(super) async fn serve(
        self: Arc<Self>,
        peer: SocketAddr,
        seen: Arc<Seen>,
        request: Request<Incoming>,
    ) -> io::Result<Reply> {
        let arrived_us = self.clock.now_us();
        let started = Instant::now();
        let many = request.version() == http::Version::HTTP_2;
        let _begun = seen.begin();
        let raw = if many { None } else { seen.heads.pop() };
        let peer = self.routes.sender(peer, request.headers());
        let (parts, mut incoming) = request.into_parts();
        let mut head = agree::head(&parts, raw);
        // As it was sent: hyper reads a stand-in for characters it would refuse.
        let (path, query) = match head.target.starts_with('/') {
            true => {
                let target = head.target.split('#').next().unwrap_or_default();
                target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)))
            }
            false => (parts.uri.path(), parts.uri.query()),
        };
        let route = self.routes.route(Asking { path, query, headers: &parts.headers, peer }).await;
        if matches!(route, Route::Other) {
            let request = Request::from_parts(parts, incoming);
            let reply = self.routes.other(request, peer).await;
            if reply.status() == StatusCode::SWITCHING_PROTOCOLS {
                seen.handed_over.store(true, Ordering::Relaxed);
            }
            return Ok(reply);
        }
        let (inbox, answer, depends, through) = match route {
            Route::Keep { inbox, answer, depends, through } => (inbox, answer, depends, through),
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
        let mut arriving = Arriving {
            store: self.store.clone(),
            head,
            method: parts.method.clone(),
            inbox,
            via,
            peer,
            arrived_us,
            started,
            answer,
            body: Receiving::new(self.store.clone()),
            findings: Findings::default(),
            kept: false,
        };
        let stall = Duration::from_millis(self.limits.body_stall_ms);
        let ended = arriving.body.read(&mut incoming, self.limits.body_bytes, stall).await;
        let preflight = arriving.answer.is_preflight(&parts.method, &parts.headers);
        if depends && !preflight && matches!(ended, Ended::Body(BodyState::Complete)) {
            if let Err(error) = arriving.body.settle().await {
                arriving.forget();
                return Ok(self.not_stored(inbox, peer, &parts, &error));
            }
            let Decision { responder, findings } = arriving.decide(&*self.routes).await;
            arriving.findings = findings;
            match responder {
                Responder::Inbox => {}
                Responder::Response(answer) => arriving.answer = answer,
                Responder::App(whom) => return Ok(self.ask(&parts, arriving, whom).await),
            }
        }
        let answer = arriving.answer.clone();
        let reply = match self.stored(&parts, incoming, arriving, ended, &answer).await {
            Ok(()) => answer.response(&parts.method, &parts.headers),
            Err(refused) => return Ok(refused),
        };
        faulty(answer.fault.filter(|_| !preflight), reply, &seen, many).await
    }

    async fn ask(&self, parts: &Parts, mut arriving: Arriving, whom: i64) -> Reply {
        let (cors, inbox, peer) = (arriving.answer.cors, arriving.inbox, arriving.peer);
        let captured = arriving.captured(BodyState::Complete, 0, false);
        match self.routes.ask(Asked { whom, captured }).await {
            Ok(mut reply) => {
                if cors {
                    allow_any_origin(&mut reply, &parts.method, &parts.headers);
                }
                reply
            }
            Err(error) => self.not_stored(inbox, peer, parts, &error),
        }
    }

    /// Refuses a request that could not be stored.
    fn not_stored(&self, inbox: i64, peer: SocketAddr, parts: &Parts, error: &CommitError) -> Reply {
        let refusal = Refusal::not_stored(&error.message);
        let response = refusal.response(true);
        let reason = Refusal { code: error.fault.code(), ..refusal };
        self.routes.refused(Refused {
            at_us: self.clock.now_us(),
            peer: Some(peer),
            inbox: Some(inbox),
            target: Some(parts.uri.to_string()),
            refusal: reason,
            bytes: head_bytes(parts),
        });
        response
    }

    /// Stores a request and waits as long as its answer is to; else what it is refused with.
    async fn stored(
        &self,
        parts: &Parts,
        mut incoming: Incoming,
        mut arriving: Arriving,
        ended: Ended,
        answer: &Answer,
    ) -> Result<(), Reply> {
        let (state, refusal) = match ended {
            Ended::Body(BodyState::TooLarge) => {
                (BodyState::TooLarge, Some(Refusal::body_too_large(self.limits.body_bytes)))
            }
            Ended::Body(BodyState::Stalled) => {
                (BodyState::Stalled, Some(Refusal::stalled(Duration::from_millis(self.limits.body_stall_ms))))
            }
            Ended::Body(BodyState::BrokenOff) => (BodyState::BrokenOff, Some(Refusal::body_broken())),
            Ended::Body(BodyState::Complete) => (BodyState::Complete, None),
            Ended::NotStored(error) => {
                arriving.forget();
                return Err(self.not_stored(arriving.inbox, arriving.peer, parts, &error));
            }
        };
        if let Err(error) = arriving.body.settle().await {
            arriving.forget();
            return Err(self.not_stored(arriving.inbox, arriving.peer, parts, &error));
        }
        let status = match &refusal {
            Some(refusal) => refusal.status.as_u16(),
            None => answer.status_for(&parts.method, &parts.headers),
        };
        let committed = arriving.keep(state, status, refusal.is_none()).committed().await;
        match (committed, refusal) {
            (Err(error), _) => Err(self.not_stored(arriving.inbox, arriving.peer, parts, &error)),
            (Ok(()), Some(refusal)) => {
                if state == BodyState::TooLarge {
                    refuse_rest(&parts.headers, &mut incoming).await;
                }
                Err(refusal.response(true))
            }
            (Ok(()), None) => {
                answer.wait().await;
                Ok(())
            }
        }
    }
}

/// Deals with a body nobody wants; whether the connection has to close after the answer.
async fn refuse_rest(headers: &HeaderMap, incoming: &mut Incoming) -> bool {
    // A sender that asked first (RFC 9110 §10.1.1) has sent nothing yet, and must not be told to.
    if headers.contains_key(header::EXPECT) && !incoming.is_end_stream() {
        return true;
    }
    drain(incoming).await;
    !incoming.is_end_stream()
}

/// A request that is still arriving. If its connection ends first, hyper drops the service in
/// the middle, and what has arrived is stored as incomplete.
struct Arriving {
    store: Arc<Store>,
    head: Head,
    method: Method,
    inbox: i64,
    via: i64,
    peer: SocketAddr,
    arrived_us: i64,
    started: Instant,
    answer: Arc<Answer>,
    body: Receiving,
    findings: Findings,
    kept: bool,
}

/// nginx's word for "the client closed the request before it was answered"; nothing was sent.
const STATUS_BROKEN_OFF: u16 = 499;

impl Arriving {
    fn keep(&mut self, body_state: BodyState, status: u16, answered: bool) -> CommitWaiter {
        let captured = self.captured(body_state, status, answered);
        self.store.keep(captured)
    }

    fn captured(&mut self, body_state: BodyState, status: u16, answered: bool) -> Captured {
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
            peer: self.peer,
            headers: std::mem::take(&mut self.head.headers),
            names: self.head.names,
            trailers: std::mem::take(&mut self.body.trailers),
            body,
            body_bytes: self.body.bytes,
            body_state,
            status,
            answer: (answered && body_state == BodyState::Complete).then_some(self.answer.number),
            via: self.via,
            findings: std::mem::take(&mut self.findings),
        }
    }

    /// How it is answered; its body has settled.
    async fn decide(&self, routes: &impl Routes) -> Decision {
        let body = self.body.arrived();
        let request = Arrived {
            method: &self.method,
            target: &self.head.target,
            headers: &self.head.headers,
            body,
            peer: self.peer,
            arrived_us: self.arrived_us,
        };
        routes.decide(self.inbox, request).await
    }

    fn forget(&mut self) {
        self.kept = true;
        self.body.discard();
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        if !self.kept {
            let _ = self.keep(BodyState::BrokenOff, STATUS_BROKEN_OFF, false);
        }
    }
}
