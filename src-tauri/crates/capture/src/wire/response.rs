//! Responses to senders.

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

/// The response of an inbox.
#[derive(Debug, Clone)]
pub struct PreparedResponse {
    /// Number of the response, which is stored with each request that got this response.
    pub number: i64,
    /// Status.
    pub status: StatusCode,
    /// Headers, in order.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
    /// Delay before the response.
    pub delay: Duration,
    /// True if web pages of any origin may send requests and read the response (CORS).
    pub cors: bool,
    /// Injected fault, if any.
    pub fault: Option<InjectedFault>,
}

/// A fault that is injected into a response, for testing senders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InjectedFault {
    /// Resets the connection (on HTTP/2, the stream) without a response.
    Reset,
    /// Sends no response until the sender disconnects, for at most [`HANG_MAX`](crate::HANG_MAX).
    Hang,
    /// Announces the full body length, sends half of the body, and closes the connection.
    Truncate,
    /// Sends the body in small pieces, spread evenly over this time.
    Slow(Duration),
    /// Sends bytes that are not HTTP, and closes the connection.
    Garbage,
}

impl InjectedFault {
    /// Returns true if the sender receives a status.
    pub(super) fn shows_status(self) -> bool {
        matches!(self, Self::Truncate | Self::Slow(_))
    }
}

/// Pause between two pieces of a slow body, unless the body has fewer bytes than pauses.
const SLOW: Duration = Duration::from_millis(100);

/// Time between the last byte of a truncated body and the end of the connection.
const HALF_LEAVES: Duration = Duration::from_millis(50);

/// The body of a response.
#[derive(Debug)]
pub enum ResponseBody {
    /// A complete body.
    Whole(Full<Bytes>),
    /// A body that is sent piece by piece. If the channel closes without [`Piece::End`], the connection is aborted.
    Pieces(mpsc::Receiver<Piece>),
    /// A body that ended early. The connection is aborted when the timer expires.
    Breaking(Pin<Box<tokio::time::Sleep>>),
}

/// A piece of a body that is sent piece by piece.
#[derive(Debug)]
pub enum Piece {
    /// The next bytes.
    Data(Bytes),
    /// The end of the body.
    End,
}

impl From<Bytes> for ResponseBody {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(Full::new(bytes))
    }
}

impl Body for ResponseBody {
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
                    // An immediate error would discard bytes that are not written yet.
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

impl Default for PreparedResponse {
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

impl PreparedResponse {
    /// Waits for the delay of the response.
    pub async fn wait(&self) {
        // A timer of zero duration can take up to a millisecond.
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
    }

    /// Returns the response without regard to the request: no fault and no CORS headers.
    pub fn plain(&self) -> Response<ResponseBody> {
        let mut response = Response::new(ResponseBody::from(self.body.clone()));
        *response.status_mut() = self.status;
        response.headers_mut().clone_from(&self.headers);
        response
    }

    /// Returns the response to a request.
    pub fn response(&self, method: &Method, request: &HeaderMap) -> Response<ResponseBody> {
        let mut response = Response::new(self.body(method));
        *response.status_mut() = self.status;
        response.headers_mut().clone_from(&self.headers);
        if matches!(response.body(), ResponseBody::Pieces(_)) {
            response.headers_mut().insert(header::CONTENT_LENGTH, self.body.len().into());
        }
        if self.fault == Some(InjectedFault::Garbage) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if self.cors {
            allow_any_origin(&mut response, method, request);
        }
        response
    }

    fn body(&self, method: &Method) -> ResponseBody {
        let whole = self.body.clone();
        match self.fault {
            // The response to a HEAD request has no body to truncate.
            Some(InjectedFault::Truncate) if method != Method::HEAD => {
                let (send, pieces) = mpsc::channel(1);
                tokio::spawn(async move {
                    // `Piece::End` is not sent, which aborts the connection.
                    let _ = send.send(Piece::Data(whole.slice(..whole.len() / 2))).await;
                });
                ResponseBody::Pieces(pieces)
            }
            Some(InjectedFault::Slow(over)) if method != Method::HEAD => {
                let (send, pieces) = mpsc::channel(1);
                tokio::spawn(slow(whole, over, send));
                ResponseBody::Pieces(pieces)
            }
            _ => whole.into(),
        }
    }

    /// Returns the status that a request gets, or 0 if no status is sent. A CORS preflight always gets 204.
    pub fn status_for(&self, method: &Method, request: &HeaderMap) -> u16 {
        if self.is_preflight(method, request) {
            StatusCode::NO_CONTENT.as_u16()
        } else if self.fault.is_some_and(|fault| !fault.shows_status()) {
            0
        } else {
            self.status.as_u16()
        }
    }

    /// Returns true if the request is a CORS preflight request that gets an automatic response.
    pub(super) fn is_preflight(&self, method: &Method, request: &HeaderMap) -> bool {
        self.cors && is_preflight(method, request)
    }
}

/// Sends a body in pieces, spread evenly over a time.
async fn slow(mut left: Bytes, over: Duration, send: mpsc::Sender<Piece>) {
    let pauses = (over.as_millis() / SLOW.as_millis()).clamp(1, left.len().max(1) as u128) as u32;
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

pub(super) fn allow_any_origin(response: &mut Response<ResponseBody>, method: &Method, request: &HeaderMap) {
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

/// An error response of the listener.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Status.
    pub status: StatusCode,
    /// Stable code for programs.
    pub code: &'static str,
    /// Description of the error.
    pub message: String,
    /// Advice for the sender.
    pub hint: String,
    /// Header that this status requires, such as `WWW-Authenticate`.
    pub header: Option<(HeaderName, HeaderValue)>,
}

impl Refusal {
    pub(super) fn body_too_large(limit: u64) -> Self {
        Self {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            code: "body_too_large",
            message: format!("The body is larger than {limit} bytes."),
            hint: "Send a smaller body, or raise the maximum body size in the settings of Hookbench.".into(),
            header: None,
        }
    }

    pub(super) fn body_broken() -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: "body_broken",
            message: "The body ended early, or its chunked encoding is invalid.".into(),
            hint: "Send the complete body, with a correct Content-Length or valid chunked encoding.".into(),
            header: None,
        }
    }

    pub(super) fn stalled(after: Duration) -> Self {
        Self {
            status: StatusCode::REQUEST_TIMEOUT,
            code: "body_stalled",
            message: format!("No byte of the body arrived for {} ms.", after.as_millis()),
            hint: "Send the complete body, or a correct Content-Length.".into(),
            header: None,
        }
    }

    pub(super) fn two_lengths() -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: "two_lengths",
            message: "The request has both a Content-Length and a Transfer-Encoding.".into(),
            hint: "Send only one of them. The request was not stored.".into(),
            header: None,
        }
    }

    pub(super) fn head_timeout(after_ms: u64) -> Self {
        Self {
            status: StatusCode::REQUEST_TIMEOUT,
            code: "head_timeout",
            message: format!("The request head was not complete after {after_ms} ms."),
            hint: "End the headers with a blank line.".into(),
            header: None,
        }
    }

    pub(super) fn too_many_connections() -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "too_many_connections",
            message: "All connections are in use.".into(),
            hint: "Retry later, or reuse a connection.".into(),
            header: None,
        }
    }

    pub(super) fn nothing_here() -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            code: "nothing_here",
            message: "No inbox has this URL.".into(),
            hint: "Use the inbox URL shown in Hookbench.".into(),
            header: None,
        }
    }

    pub(super) fn not_stored(reason: &str) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "not_stored",
            message: format!("Hookbench could not store this request: {reason}."),
            hint: "Resend the request later. No part of the request was stored.".into(),
            header: None,
        }
    }

    /// Returns the JSON body.
    pub(super) fn text(&self) -> String {
        format!(
            "{{\"code\":{},\"message\":{},\"hint\":{}}}\n",
            json_string(self.code),
            json_string(&self.message),
            json_string(&self.hint)
        )
    }

    /// Returns the HTTP response. With `close`, the connection closes after it.
    pub fn response(&self, close: bool) -> Response<ResponseBody> {
        let mut response = Response::new(ResponseBody::from(Bytes::from(self.text())));
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
