//! Sending one request and reading its answer, within limits.

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

/// Most of an answer that is read at all; what has more is cut off.
const RESPONSE_READ_MAX: u64 = 8 * 1024 * 1024;

/// What is sent.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Method.
    pub method: String,
    /// URL, with its credentials.
    pub url: String,
    /// In order, with repeats; a `Host` among them stands in the place of the URL's.
    pub headers: Headers,
    /// Body.
    pub body: Payload,
}

/// Somebody who gets the answer while it arrives.
#[derive(Debug)]
pub struct ResponseTap {
    /// Gets its head.
    pub head: oneshot::Sender<http::response::Parts>,
    /// Gets its body; where that breaks off, no end comes.
    pub body: mpsc::Sender<Piece>,
}

/// How long, and whom to trust.
#[derive(Debug, Clone)]
pub struct SendOptions {
    /// Longest time for the whole exchange.
    pub total: Duration,
    /// Longest time for the connection, within the total.
    pub connect: Duration,
    /// Which certificates count, and which one is shown.
    pub trust: Trust,
    /// Whether header names leave in lower case, as over HTTP/2, and not as Most-Senders-Write-Them.
    pub lower_case: bool,
    /// Whether it gets a connection of its own, which ends with it.
    pub fresh: bool,
    /// Now, in seconds since the Unix epoch, for answers that name a date.
    pub now_s: i64,
}

fn wrong(kind: AttemptErrorKind, phase: AttemptPhase, message: impl Into<String>) -> AttemptError {
    AttemptError { kind, phase, message: message.into() }
}

/// Sends a request. Nothing is followed.
pub async fn exchange(
    connections: &Connections,
    outgoing: &Outgoing,
    terms: &SendOptions,
    tee: Option<ResponseTap>,
) -> Exchange {
    let began = Instant::now();
    let mut steps = Steps::default();
    let mut first_byte = None;
    let mut peer = None;
    let result = attempt(connections, outgoing, terms, tee, began, &mut steps, &mut first_byte, &mut peer).await;
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
    Exchange { timings, peer, result, partial }
}

#[expect(clippy::too_many_arguments, reason = "what was found before an error is told with it")]
async fn attempt(
    connections: &Connections,
    outgoing: &Outgoing,
    terms: &SendOptions,
    tee: Option<ResponseTap>,
    began: Instant,
    steps: &mut Steps,
    first_byte: &mut Option<Duration>,
    peer: &mut Option<String>,
) -> Result<(Received, Option<AttemptError>), AttemptError> {
    let url = parse(&outgoing.url).map_err(|why| wrong(AttemptErrorKind::Url, AttemptPhase::Dns, why))?;
    let whom = url.authority().map_or_else(String::new, |authority| authority.host().to_owned());
    let end = tokio::time::Instant::from_std(began + terms.total);
    let late = |phase: AttemptPhase, what: &str| {
        wrong(AttemptErrorKind::Timeout, phase, format!("{whom} {what} within {} ms.", terms.total.as_millis()))
    };
    let mut fresh = terms.fresh;
    let (answer, connection, asked) = loop {
        let limit = terms.connect.min(terms.total.saturating_sub(began.elapsed()));
        let mut connection = match connections.to(&url, terms, limit, fresh).await {
            Ok(connection) => connection,
            Err((error, taken)) => {
                *steps = taken;
                return Err(error);
            }
        };
        *steps = connection.steps;
        *peer = connection.peer.map(|peer| peer.to_string());
        let request = request(outgoing, &url, connection.absolute)?;
        let asked = Instant::now();
        match timeout_at(end, connection.sender.try_send_request(request)).await {
            Err(_) => return Err(late(AttemptPhase::Answer, "did not answer")),
            Ok(Ok(answer)) => break (answer, connection, asked),
            // A connection that waited was closed at the other end, and nothing was sent on it.
            Ok(Err(error)) if connection.used && error.message().is_some() => fresh = true,
            Ok(Err(error)) => return Err(by_hyper(error.error(), AttemptPhase::Answer, &whom, &terms.trust)),
        }
    };
    *first_byte = Some(asked.elapsed());
    Ok(read(connections, answer, connection, end, tee, terms, &whom, &late).await)
}

/// What was answered, and why it is not whole, if so.
#[expect(clippy::too_many_arguments, reason = "it is the end of `attempt`")]
async fn read(
    connections: &Connections,
    answer: http::Response<hyper::body::Incoming>,
    connection: Connection,
    end: tokio::time::Instant,
    tee: Option<ResponseTap>,
    terms: &SendOptions,
    whom: &str,
    late: &impl Fn(AttemptPhase, &str) -> AttemptError,
) -> (Received, Option<AttemptError>) {
    let (head, mut incoming) = answer.into_parts();
    let mut listener = tee.and_then(|tee| tee.head.send(head.clone()).is_ok().then_some(tee.body));
    let (mut body, mut body_bytes) = (Vec::new(), 0);
    let mut broken = None;
    let whole = loop {
        match timeout_at(end, incoming.frame()).await {
            Err(_) => {
                broken = Some(late(AttemptPhase::Body, "did not end its answer"));
                break false;
            }
            Ok(None) => break true,
            Ok(Some(Err(error))) => {
                broken = Some(by_hyper(&error, AttemptPhase::Body, whom, &terms.trust));
                break false;
            }
            Ok(Some(Ok(frame))) => {
                let Ok(data) = frame.into_data() else { continue };
                body_bytes += data.len() as u64;
                let room = RESPONSE_KEPT.saturating_sub(body.len()).min(data.len());
                body.extend_from_slice(&data[..room]);
                if let Some(to) = &listener {
                    // One that reads slowly is waited for, as the app would wait for it.
                    match timeout_at(end, to.send(Piece::Data(data))).await {
                        Ok(Ok(())) => continue,
                        // It has left.
                        Ok(Err(_)) => listener = None,
                        Err(_) => {
                            let why = "The sender did not take the answer in the time there is for it.";
                            broken = Some(wrong(AttemptErrorKind::Timeout, AttemptPhase::Body, why));
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
    if let (Some(listener), true) = (&listener, whole) {
        // One that does not take the end in time sees the answer break off.
        let _ = timeout_at(end, listener.send(Piece::End)).await;
    }
    // One that was to have its own leaves none behind.
    if whole && !terms.fresh {
        connections.put_back(connection);
    }
    let retry_after_s = head.headers.get(header::RETRY_AFTER).and_then(|value| retry_after(value, terms.now_s));
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    (Received { status: head.status.as_u16(), headers, body, body_bytes, retry_after_s }, broken)
}

/// Seconds, or a date in any of the three forms that RFC 9110 §5.6.7 has a recipient accept.
fn retry_after(value: &HeaderValue, now_s: i64) -> Option<f64> {
    let text = value.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    let at = httpdate::parse_http_date(text).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some((at.as_secs() as i64 - now_s).max(0) as f64)
}

fn request(outgoing: &Outgoing, url: &Uri, absolute: bool) -> Result<Request<OutgoingBody>, AttemptError> {
    let bad = |why: String| wrong(AttemptErrorKind::Url, AttemptPhase::Dns, why);
    let target = url.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let authority = url.authority().map_or("", http::uri::Authority::as_str);
    // A name and a password in the URL are sent as Authorization, not to the proxy.
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

fn by_hyper(error: &hyper::Error, phase: AttemptPhase, whom: &str, trust: &Trust) -> AttemptError {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return by_io(io, phase, whom, trust);
        }
        source = inner.source();
    }
    if error.is_parse_too_large() {
        let message = format!("The head that {whom} answered is larger than Hookbench reads (100 headers, 400 KB).");
        return wrong(AttemptErrorKind::BadResponse, phase, message);
    }
    if error.is_parse() {
        // hyper names the first token that it could not read: of a server with HTTP/2 alone, the version.
        let hint = if error.to_string().contains("version") { " It may speak HTTP/2 only." } else { "" };
        let message = format!("What {whom} answered is not HTTP/1.1: {error}.{hint}");
        return wrong(AttemptErrorKind::BadResponse, phase, message);
    }
    wrong(AttemptErrorKind::Reset, phase, format!("{whom} closed the connection before its answer was whole."))
}
