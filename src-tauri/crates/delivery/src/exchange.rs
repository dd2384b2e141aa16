//! HTTP exchange: sends one request and reads the response, within limits.

use std::time::{Duration, Instant};

use hookbench_capture::Piece;
use hookbench_model::{AttemptError, AttemptErrorKind, AttemptPhase, AttemptTimings};
use hookbench_store::delivery::{Exchange, RESPONSE_KEPT, Received};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri, header};
use http_body_util::BodyExt as _;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout_at,
};

use super::{
    connection::{Connection, Connections, Steps, by_io},
    payload::{OutgoingBody, Payload},
    trust::Trust,
    url::{credentials, parse},
};
use crate::headers::Headers;

/// Maximum number of response body bytes that are read. The rest is discarded.
const RESPONSE_READ_MAX: u64 = 8 * 1024 * 1024;

/// Request to send.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Method.
    pub method: String,
    /// URL, including credentials.
    pub url: String,
    /// Headers in order, including repeated ones. A `Host` header replaces the host of the URL.
    pub headers: Headers,
    /// Body.
    pub body: Payload,
}

/// Channels that get the response while it arrives.
#[derive(Debug)]
pub struct ResponseTap {
    /// Channel for the response head.
    pub head: oneshot::Sender<http::response::Parts>,
    /// Channel for the body. If the body breaks off, no end is sent.
    pub body: mpsc::Sender<Piece>,
}

/// Timeouts and TLS settings of an exchange.
#[derive(Debug, Clone)]
pub struct SendOptions {
    /// Timeout of the whole exchange.
    pub total: Duration,
    /// Timeout of the connection, within the total.
    pub connect: Duration,
    /// Trusted certificates and the client certificate.
    pub trust: Trust,
    /// True to send header names in lower case, as with HTTP/2, instead of title case.
    pub lower_case: bool,
    /// True to use a new connection, which is closed after the exchange.
    pub fresh: bool,
    /// Current time in seconds since the Unix epoch, to convert a date in Retry-After.
    pub now_s: i64,
}

fn attempt_error(kind: AttemptErrorKind, phase: AttemptPhase, message: impl Into<String>) -> AttemptError {
    AttemptError { kind, phase, message: message.into() }
}

/// Sends a request and reads the response. Redirects are not followed.
pub async fn exchange(
    connections: &Connections,
    outgoing: &Outgoing,
    options: &SendOptions,
    tap: Option<ResponseTap>,
) -> Exchange {
    let began = Instant::now();
    let mut steps = Steps::default();
    let mut first_byte = None;
    let mut remote_address = None;
    let result =
        attempt(connections, outgoing, options, tap, began, &mut steps, &mut first_byte, &mut remote_address).await;
    let us = |step: Duration| step.as_micros() as u64;
    let timings = AttemptTimings {
        dns_us: steps.dns.map(us),
        connect_us: steps.connect.map(us),
        tls_us: steps.tls.map(us),
        first_byte_us: first_byte.map(us),
        total_us: us(began.elapsed()),
    };
    let (result, partial) = match result {
        Ok((received, None)) => (Ok(received), None),
        Ok((received, Some(error))) => (Err(error), Some(received)),
        Err(error) => (Err(error), None),
    };
    Exchange { timings, remote_address, result, partial }
}

#[expect(clippy::too_many_arguments, reason = "the results before an error are returned as well")]
async fn attempt(
    connections: &Connections,
    outgoing: &Outgoing,
    options: &SendOptions,
    tap: Option<ResponseTap>,
    began: Instant,
    steps: &mut Steps,
    first_byte: &mut Option<Duration>,
    remote_address: &mut Option<String>,
) -> Result<(Received, Option<AttemptError>), AttemptError> {
    let url = parse(&outgoing.url).map_err(|why| attempt_error(AttemptErrorKind::Url, AttemptPhase::Dns, why))?;
    let server = url.authority().map_or_else(String::new, |authority| authority.host().to_owned());
    let end = tokio::time::Instant::from_std(began + options.total);
    let late = |phase: AttemptPhase, what: &str| {
        attempt_error(
            AttemptErrorKind::Timeout,
            phase,
            format!("{server} {what} within {} ms.", options.total.as_millis()),
        )
    };
    let mut fresh = options.fresh;
    let (response, connection, sent_at) = loop {
        let limit = options.connect.min(options.total.saturating_sub(began.elapsed()));
        let mut connection = match connections.to(&url, options, limit, fresh).await {
            Ok(connection) => connection,
            Err((error, taken)) => {
                *steps = taken;
                return Err(error);
            }
        };
        *steps = connection.steps;
        *remote_address = connection.remote_address.map(|remote_address| remote_address.to_string());
        let request = request(outgoing, &url, connection.absolute)?;
        let sent_at = Instant::now();
        match timeout_at(end, connection.sender.try_send_request(request)).await {
            Err(_) => return Err(late(AttemptPhase::Response, "did not respond")),
            Ok(Ok(response)) => break (response, connection, sent_at),
            // The server closed the idle connection before the request was sent.
            Ok(Err(error)) if connection.used && error.message().is_some() => fresh = true,
            Ok(Err(error)) => return Err(by_hyper(error.error(), AttemptPhase::Response, &server, &options.trust)),
        }
    };
    *first_byte = Some(sent_at.elapsed());
    Ok(read(connections, response, connection, end, tap, options, &server, &late).await)
}

/// Reads the response. Returns the error if the response is incomplete.
#[expect(clippy::too_many_arguments, reason = "the second half of `attempt`")]
async fn read(
    connections: &Connections,
    response: http::Response<hyper::body::Incoming>,
    connection: Connection,
    end: tokio::time::Instant,
    tap: Option<ResponseTap>,
    options: &SendOptions,
    server: &str,
    late: &impl Fn(AttemptPhase, &str) -> AttemptError,
) -> (Received, Option<AttemptError>) {
    let (head, mut incoming) = response.into_parts();
    let mut body_sender = tap.and_then(|tap| tap.head.send(head.clone()).is_ok().then_some(tap.body));
    let (mut body, mut body_bytes) = (Vec::new(), 0);
    let mut broken = None;
    let whole = loop {
        match timeout_at(end, incoming.frame()).await {
            Err(_) => {
                broken = Some(late(AttemptPhase::Body, "did not complete the response"));
                break false;
            }
            Ok(None) => break true,
            Ok(Some(Err(error))) => {
                broken = Some(by_hyper(&error, AttemptPhase::Body, server, &options.trust));
                break false;
            }
            Ok(Some(Ok(frame))) => {
                let Ok(data) = frame.into_data() else { continue };
                body_bytes += data.len() as u64;
                let room = RESPONSE_KEPT.saturating_sub(body.len()).min(data.len());
                body.extend_from_slice(&data[..room]);
                if let Some(to) = &body_sender {
                    // A slow reader delays the exchange, just as it would delay the app.
                    match timeout_at(end, to.send(Piece::Data(data))).await {
                        Ok(Ok(())) => continue,
                        // The reader was closed.
                        Ok(Err(_)) => body_sender = None,
                        Err(_) => {
                            let why = "The sender did not read the response before the timeout.";
                            broken = Some(attempt_error(AttemptErrorKind::Timeout, AttemptPhase::Body, why));
                            break false;
                        }
                    }
                }
                if body_bytes > RESPONSE_READ_MAX {
                    break false;
                }
            }
        }
    };
    if let (Some(body_sender), true) = (&body_sender, whole) {
        // If the end is not read in time, the response breaks off for the reader.
        let _ = timeout_at(end, body_sender.send(Piece::End)).await;
    }
    // A connection for a single exchange is not reused.
    if whole && !options.fresh {
        connections.put_back(connection);
    }
    let retry_after_s = head.headers.get(header::RETRY_AFTER).and_then(|value| retry_after(value, options.now_s));
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    (Received { status: head.status.as_u16(), headers, body, body_bytes, retry_after_s }, broken)
}

/// Returns the delay in seconds from a number or from a date in any of the three formats of RFC 9110 section 5.6.7.
fn retry_after(value: &HeaderValue, now_s: i64) -> Option<f64> {
    let text = value.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    let at = httpdate::parse_http_date(text).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some((at.as_secs() as i64 - now_s).max(0) as f64)
}

fn request(outgoing: &Outgoing, url: &Uri, absolute: bool) -> Result<Request<OutgoingBody>, AttemptError> {
    let bad = |why: String| attempt_error(AttemptErrorKind::Url, AttemptPhase::Dns, why);
    let target = url.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let authority = url.authority().map_or("", http::uri::Authority::as_str);
    // Credentials in the URL are sent as Authorization, but not to the proxy.
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let target = match absolute {
        true => format!("{}://{host}{target}", url.scheme_str().unwrap_or("http")),
        false => target.to_owned(),
    };
    let mut request = Request::builder()
        .method(outgoing.method.as_str())
        .uri(target)
        .body(outgoing.body.body())
        .map_err(|e| bad(format!("The request cannot be sent: {e}.")))?;
    let headers: &mut HeaderMap = request.headers_mut();
    if !outgoing.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        headers.insert(header::HOST, HeaderValue::from_str(host).map_err(|e| bad(e.to_string()))?);
    }
    for (name, value) in &outgoing.headers {
        let name: HeaderName = name.parse().map_err(|_| bad(format!("{name:?} is not a valid header name.")))?;
        let value = HeaderValue::from_bytes(value).map_err(|_| bad(format!("The value of {name} cannot be sent.")))?;
        headers.append(name, value);
    }
    if let Some(pair) = credentials(url)
        && !headers.contains_key(header::AUTHORIZATION)
    {
        use base64::Engine as _;
        let value = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
        headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&value).map_err(|e| bad(e.to_string()))?);
    }
    Ok(request)
}

fn by_hyper(error: &hyper::Error, phase: AttemptPhase, server: &str, trust: &Trust) -> AttemptError {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return by_io(io, phase, server, trust);
        }
        source = inner.source();
    }
    if error.is_parse_too_large() {
        let message = format!("The response head of {server} is too large (at most 100 headers and 400 KB).");
        return attempt_error(AttemptErrorKind::BadResponse, phase, message);
    }
    if error.is_parse() {
        // hyper names the first token that it cannot parse. For a server that supports only HTTP/2, this is the
        // version.
        let hint = if error.to_string().contains("version") { " The server may support only HTTP/2." } else { "" };
        let message = format!("The response of {server} is not HTTP/1.1: {error}.{hint}");
        return attempt_error(AttemptErrorKind::BadResponse, phase, message);
    }
    attempt_error(
        AttemptErrorKind::Reset,
        phase,
        format!("{server} closed the connection before the response was complete."),
    )
}
