//! What a sender is answered.

use std::{
    future::Future as _,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;

/// What a known address answers.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its number in the store, kept with each request it answered.
    pub number: i64,
    /// Status.
    pub status: StatusCode,
    /// Headers, in order.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
    /// How long to wait before answering.
    pub delay: Duration,
    /// Whether browsers on any page may send here and read the answer.
    pub cors: bool,
    /// How it goes wrong on its way, if it is to.
    pub fault: Option<AnswerFault>,
}

/// A way an answer goes wrong, for senders to be tried with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerFault {
    /// The connection is reset, and nothing is answered (on HTTP/2, the stream).
    Reset,
    /// Nothing is answered until the sender gives up, or [`HANG_MAX`](crate::HANG_MAX).
    Hang,
    /// The head announces the whole body, half of it follows, and the connection closes.
    Half,
    /// The body comes in small pieces, spread evenly over this time.
    Drip(Duration),
    /// The answer's bytes are no HTTP, and the connection closes.
    Garbage,
}

impl AnswerFault {
    /// Whether the sender gets to see a status.
    pub(super) fn shows_status(self) -> bool {
        matches!(self, Self::Half | Self::Drip(_))
    }
}

/// Pause between two pieces of a dripping body, unless it has fewer bytes than pauses.
const DRIP: Duration = Duration::from_millis(100);

/// How long half an answer has to leave before its connection ends.
const HALF_LEAVES: Duration = Duration::from_millis(50);

/// The body of an answer.
#[derive(Debug)]
pub enum AnswerBody {
    /// All of it is here.
    Whole(Full<Bytes>),
    /// It comes piece by piece. Where no [`Piece::End`] comes, it broke off, and so does the connection.
    Pieces(mpsc::Receiver<Piece>),
    /// It broke off, and what came of it is leaving.
    Breaking(Pin<Box<tokio::time::Sleep>>),
}

/// A part of a body that comes piece by piece.
#[derive(Debug)]
pub enum Piece {
    /// The next bytes.
    Data(Bytes),
    /// All of it has come.
    End,
}

impl From<Bytes> for AnswerBody {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(Full::new(bytes))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.get_mut();
        match this {
            Self::Whole(full) => Pin::new(full).poll_frame(context).map_err(|never| match never {}),
            Self::Pieces(pieces) => match std::task::ready!(pieces.poll_recv(context)) {
                Some(Piece::Data(bytes)) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Some(Piece::End) => Poll::Ready(None),
                None => {
                    // An error at once would take with it what was not written yet.
                    *this = Self::Breaking(Box::pin(tokio::time::sleep(HALF_LEAVES)));
                    Pin::new(this).poll_frame(context)
                }
            },
            Self::Breaking(leaving) => {
                std::task::ready!(leaving.as_mut().poll(context));
                Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(full) => full.is_end_stream(),
            Self::Pieces(_) | Self::Breaking(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(full) => full.size_hint(),
            Self::Pieces(_) | Self::Breaking(_) => SizeHint::default(),
        }
    }
}

impl Default for Answer {
    fn default() -> Self {
        Self {
            number: 0,
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            delay: Duration::ZERO,
            cors: false,
            fault: None,
        }
    }
}

impl Answer {
    /// Waits as long as it is to be waited before answering.
    pub async fn wait(&self) {
        // A timer of no time takes up to a millisecond.
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
    }

    /// The response as it stands, whatever was asked.
    pub fn plain(&self) -> Response<AnswerBody> {
        let mut response = Response::new(AnswerBody::from(self.body.clone()));
        *response.status_mut() = self.status;
        response.headers_mut().clone_from(&self.headers);
        response
    }

    /// The response to one request.
    pub fn response(&self, method: &Method, request: &HeaderMap) -> Response<AnswerBody> {
        let mut response = Response::new(self.body(method));
        *response.status_mut() = self.status;
        response.headers_mut().clone_from(&self.headers);
        if matches!(response.body(), AnswerBody::Pieces(_)) {
            response.headers_mut().insert(header::CONTENT_LENGTH, self.body.len().into());
        }
        if self.fault == Some(AnswerFault::Garbage) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if self.cors {
            allow_any_origin(&mut response, method, request);
        }
        response
    }

    fn body(&self, method: &Method) -> AnswerBody {
        let whole = self.body.clone();
        match self.fault {
            // The answer to a HEAD request has no body that could break off.
            Some(AnswerFault::Half) if method != Method::HEAD => {
                let (send, pieces) = mpsc::channel(1);
                tokio::spawn(async move {
                    // No end follows.
                    let _ = send.send(Piece::Data(whole.slice(..whole.len() / 2))).await;
                });
                AnswerBody::Pieces(pieces)
            }
            Some(AnswerFault::Drip(over)) if method != Method::HEAD => {
                let (send, pieces) = mpsc::channel(1);
                tokio::spawn(drip(whole, over, send));
                AnswerBody::Pieces(pieces)
            }
            _ => whole.into(),
        }
    }

    /// The status one request gets, 0 for none: a preflight is answered by itself.
    pub fn status_for(&self, method: &Method, request: &HeaderMap) -> u16 {
        if self.is_preflight(method, request) {
            StatusCode::NO_CONTENT.as_u16()
        } else if self.fault.is_some_and(|fault| !fault.shows_status()) {
            0
        } else {
            self.status.as_u16()
        }
    }

    /// Whether a request is a browser's question that is answered here by itself.
    pub(super) fn is_preflight(&self, method: &Method, request: &HeaderMap) -> bool {
        self.cors && is_preflight(method, request)
    }
}

/// Sends a body in pieces, evenly over a time.
async fn drip(mut left: Bytes, over: Duration, send: mpsc::Sender<Piece>) {
    let pauses = (over.as_millis() / DRIP.as_millis()).clamp(1, left.len().max(1) as u128) as u32;
    let mut tick = tokio::time::interval((over / pauses).max(Duration::from_millis(1)));
    for rest in (1..=pauses as usize).rev() {
        tick.tick().await;
        let piece = left.split_to(left.len().div_ceil(rest));
        if send.send(Piece::Data(piece)).await.is_err() {
            return;
        }
    }
    let _ = send.send(Piece::End).await;
}

fn is_preflight(method: &Method, request: &HeaderMap) -> bool {
    method == Method::OPTIONS && request.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

pub(super) fn allow_any_origin(response: &mut Response<AnswerBody>, method: &Method, request: &HeaderMap) {
    let any = HeaderValue::from_static("*");
    if is_preflight(method, request) {
        *response.status_mut() = StatusCode::NO_CONTENT;
        *response.body_mut() = Bytes::new().into();
        response.headers_mut().remove(header::CONTENT_LENGTH);
        for (asked, allowed) in [
            (header::ACCESS_CONTROL_REQUEST_METHOD, header::ACCESS_CONTROL_ALLOW_METHODS),
            (header::ACCESS_CONTROL_REQUEST_HEADERS, header::ACCESS_CONTROL_ALLOW_HEADERS),
        ] {
            if let Some(value) = request.get(asked) {
                response.headers_mut().insert(allowed, value.clone());
            }
        }
    } else {
        response.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, any.clone());
    }
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
}

/// A refusal the receiver makes by itself: what, why, and what to do.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Status.
    pub status: StatusCode,
    /// Stable code for programs.
    pub code: &'static str,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub hint: String,
    /// What a refusal of this status has to say in a header.
    pub header: Option<(HeaderName, HeaderValue)>,
}

impl Refusal {
    pub(super) fn body_too_large(limit: u64) -> Self {
        Self {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            code: "body_too_large",
            message: format!("The body is larger than {limit} bytes."),
            hint: "Raise the body limit in the settings of Hookbench.".into(),
            header: None,
        }
    }

    pub(super) fn body_broken() -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: "body_broken",
            message: "The body ended early, or its chunked encoding is malformed.".into(),
            hint: "Send the whole body, with a correct Content-Length or valid chunked encoding.".into(),
            header: None,
        }
    }

    pub(super) fn stalled(after: Duration) -> Self {
        Self {
            status: StatusCode::REQUEST_TIMEOUT,
            code: "body_stalled",
            message: format!("No byte of the body arrived for {} ms.", after.as_millis()),
            hint: "Send the whole body, or a correct Content-Length.".into(),
            header: None,
        }
    }

    pub(super) fn two_lengths() -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: "two_lengths",
            message: "The request has both a Content-Length and a Transfer-Encoding.".into(),
            hint: "Send one of the two; nothing was kept.".into(),
            header: None,
        }
    }

    pub(super) fn head_timeout(after_ms: u64) -> Self {
        Self {
            status: StatusCode::REQUEST_TIMEOUT,
            code: "head_timeout",
            message: format!("The request line and headers did not end within {after_ms} ms."),
            hint: "Send a blank line after the headers.".into(),
            header: None,
        }
    }

    pub(super) fn too_many_connections() -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "too_many_connections",
            message: "All connections are in use.".into(),
            hint: "Send again in a moment, or reuse one.".into(),
            header: None,
        }
    }

    pub(super) fn nothing_here() -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            code: "nothing_here",
            message: "There is nothing at this address.".into(),
            hint: "Use the URL that Hookbench shows.".into(),
            header: None,
        }
    }

    pub(super) fn not_stored(reason: &str) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "not_stored",
            message: format!("Hookbench could not store this request: {reason}."),
            hint: "Send it again later; nothing of it was kept.".into(),
            header: None,
        }
    }

    /// The body: what happened and what to do, as JSON.
    pub(super) fn text(&self) -> String {
        format!(
            "{{\"code\":{},\"message\":{},\"hint\":{}}}\n",
            json_string(self.code),
            json_string(&self.message),
            json_string(&self.hint)
        )
    }

    /// The response; `close` ends the connection after it.
    pub fn response(&self, close: bool) -> Response<AnswerBody> {
        let mut response = Response::new(AnswerBody::from(Bytes::from(self.text())));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if matches!(self.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        if let Some((name, value)) = self.header.clone() {
            headers.insert(name, value);
        }
        if close {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
