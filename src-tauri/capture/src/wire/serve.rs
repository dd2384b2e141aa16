//! One request from its head to its answer.

use std::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, header, request::Parts};
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};

use super::{
    agree::{self, Head},
    answer::{Answer, Refusal},
    body::{Ended, Receiving, drain},
    tap::Seen,
};
use crate::{
    clock::Clock,
    limits::Limits,
    message::{BodyState, Captured},
    store::{CommitWaiter, Store},
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
    },
    /// Nothing is kept.
    Refuse(Refusal),
}

/// Decides by path where requests belong.
pub trait Routes: Send + Sync + 'static {
    /// The route of a target's path.
    fn route(&self, path: &str) -> impl Future<Output = Route> + Send;

    /// The answer to one request that has arrived whole and in memory; the address's own if none.
    /// The sender waits for it, and it is kept with the request.
    fn decide(&self, inbox: i64, request: Arrived<'_>) -> impl Future<Output = Option<Arc<Answer>>> + Send;
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
    pub body: &'a [u8],
    /// When its head was complete, µs since the Unix epoch.
    pub arrived_us: i64,
}

/// What all requests of a listener share.
pub(super) struct Service<R> {
    pub(super) store: Arc<Store>,
    pub(super) routes: Arc<R>,
    pub(super) limits: Limits,
    pub(super) clock: Clock,
}

type Reply = Response<Full<Bytes>>;

impl<R: Routes> Service<R> {
    pub(super) async fn serve(
        self: Arc<Self>,
        peer: SocketAddr,
        seen: Arc<Seen>,
        request: Request<Incoming>,
    ) -> Result<Reply, Infallible> {
        let arrived_us = self.clock.now_us();
        let started = Instant::now();
        let (parts, mut incoming) = request.into_parts();
        let raw = if parts.version == http::Version::HTTP_2 { None } else { seen.heads.pop() };
        let (inbox, answer, depends) = match self.routes.route(parts.uri.path()).await {
            Route::Keep { inbox, answer, depends } => (inbox, answer, depends),
            Route::Refuse(refusal) => {
                let close = refuse_rest(&parts.headers, &mut incoming).await;
                return Ok(refusal.response(close));
            }
        };
        let mut arriving = Arriving {
            store: self.store.clone(),
            head: agree::head(&parts, raw),
            method: parts.method.clone(),
            inbox,
            peer,
            arrived_us,
            started,
            answer,
            body: Receiving::new(self.store.clone()),
            kept: false,
        };
        let stall = Duration::from_millis(self.limits.body_stall_ms);
        let ended = arriving.body.read(&mut incoming, self.limits.body_bytes, stall).await;
        if depends && matches!(ended, Ended::Body(BodyState::Complete)) {
            arriving.decide(&*self.routes).await;
        }
        let answer = arriving.answer.clone();
        Ok(self.answer(&parts, incoming, arriving, ended, &answer).await)
    }

    async fn answer(
        &self,
        parts: &Parts,
        mut incoming: Incoming,
        mut arriving: Arriving,
        ended: Ended,
        answer: &Answer,
    ) -> Reply {
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
                return Refusal::not_stored(&error.message).response(true);
            }
        };
        if let Err(error) = arriving.body.settle().await {
            arriving.forget();
            return Refusal::not_stored(&error.message).response(true);
        }
        let status = match &refusal {
            Some(refusal) => refusal.status,
            None => answer.status_for(&parts.method, &parts.headers),
        };
        let committed = arriving.keep(state, status.as_u16(), refusal.is_none()).committed().await;
        match (committed, refusal) {
            (Err(error), _) => Refusal::not_stored(&error.message).response(true),
            (Ok(()), Some(refusal)) => {
                if state == BodyState::TooLarge {
                    refuse_rest(&parts.headers, &mut incoming).await;
                }
                refusal.response(true)
            }
            (Ok(()), None) => {
                if !answer.delay.is_zero() {
                    tokio::time::sleep(answer.delay).await;
                }
                answer.response(&parts.method, &parts.headers)
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
    peer: SocketAddr,
    arrived_us: i64,
    started: Instant,
    answer: Arc<Answer>,
    body: Receiving,
    kept: bool,
}

/// nginx's word for "the client closed the request before it was answered"; nothing was sent.
const STATUS_BROKEN_OFF: u16 = 499;

impl Arriving {
    fn keep(&mut self, body_state: BodyState, status: u16, answered: bool) -> CommitWaiter {
        self.kept = true;
        let body = match body_state {
            BodyState::TooLarge => self.body.discard(),
            _ => self.body.finish(),
        };
        self.store.keep(Captured {
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
        })
    }

    async fn decide(&mut self, routes: &impl Routes) {
        let Some(body) = self.body.in_memory() else { return };
        let request = Arrived {
            method: &self.method,
            target: &self.head.target,
            headers: &self.head.headers,
            body,
            arrived_us: self.arrived_us,
        };
        if let Some(answer) = routes.decide(self.inbox, request).await {
            self.answer = answer;
        }
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
