//! Request of a check, and its result.

use std::time::Duration;

use bytes::Bytes;
use hookbench_delivery::{Outgoing, Payload};
use hookbench_model::{CheckExchange, CheckResponse, MASK, masked_url};
use hookbench_store::delivery::Exchange;

/// Maximum number of bytes of a request or response body in a report.
const KEPT: usize = 8 * 1024;

/// Way in which a request is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Transport {
    #[default]
    Plain,
    /// Header names in lower case, as with HTTP/2.
    LowerCase,
    /// Chunked transfer encoding without a Content-Length.
    Chunked,
    /// Uses the connection of the previous request if that is still open. All other requests use a new connection.
    Reused,
    /// In parts, over this duration.
    Slow(Duration),
}

/// Request of a check.
#[derive(Debug, Clone)]
pub(crate) struct ProbeRequest {
    /// Short description of the request.
    pub(crate) label: String,
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    pub(crate) transport: Transport,
}

/// Number of parts of a slow or chunked body.
const PIECES: usize = 8;

impl ProbeRequest {
    pub(crate) fn outgoing(&self) -> Outgoing {
        let pieces = || {
            let size = self.body.len().div_ceil(PIECES).max(1);
            (0..self.body.len()).step_by(size).map(|at| self.body.slice(at..(at + size).min(self.body.len()))).collect()
        };
        let body = match self.transport {
            Transport::Plain | Transport::LowerCase | Transport::Reused => self.body.clone().into(),
            Transport::Chunked => Payload::Paced { pieces: pieces(), pause: Duration::ZERO, length: None },
            Transport::Slow(time) => {
                let (pause, length) = (time / PIECES as u32, Some(self.body.len() as u64));
                Payload::Paced { pieces: pieces(), pause, length }
            }
        };
        let headers = self.headers.iter().map(|(name, value)| (name.clone(), value.clone().into_bytes())).collect();
        Outgoing { method: self.method.clone(), url: self.url.clone(), headers, body }
    }

    /// Returns the request with another label.
    pub(crate) fn called(self, label: impl Into<String>) -> Self {
        Self { label: label.into(), ..self }
    }
}

/// Texts that appear only in stack traces and error pages, each of one language or framework.
const TRACES: &[&str] = &[
    "Traceback (most recent call last)",
    "    at ",
    "&nbsp; &nbsp;at ",
    "Stack trace:",
    "stack backtrace:",
    "Exception in thread",
    "goroutine 1 [running]",
    "panicked at",
    "Fatal error: ",
    "<b>Warning</b>",
    "node_modules/",
    "site-packages/",
    "vendor/autoload",
    "org.springframework",
];

/// Secrets to mask in reports, in each form in which a handler may return them.
#[derive(Debug, Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    pub(crate) fn of<'s>(secrets: impl Iterator<Item = &'s str>) -> Self {
        let forms = secrets.filter(|secret| secret.len() >= 6).flat_map(|secret| {
            let bare = secret.split_once('_').map_or(secret, |(_, bare)| bare);
            let bare = if bare.len() >= 16 { bare } else { secret };
            [secret.to_owned(), bare.to_owned(), secret.replace('/', "\\/"), bare.replace('/', "\\/")]
        });
        let mut all: Vec<String> = forms.collect();
        // Longest first, so that no part of a longer secret remains.
        all.sort_by_key(|text| std::cmp::Reverse(text.len()));
        all.dedup();
        Self(all)
    }

    fn are_in(&self, text: &str) -> bool {
        self.0.iter().any(|secret| text.contains(secret.as_str()))
    }

    fn masked(&self, text: String) -> String {
        self.0
            .iter()
            .fold(text, |text, secret| if text.contains(secret.as_str()) { text.replace(secret, MASK) } else { text })
    }
}

/// Returns the beginning of a body, as stored in a report.
fn kept(bytes: &[u8], secrets: &Secrets) -> String {
    // Mask secrets before the text is cut, so that no partial secret remains.
    let text = secrets.masked(hookbench_model::text_by(&bytes[..bytes.len().min(4 * KEPT)], String::push_str));
    let end = text.char_indices().map(|(at, _)| at).find(|at| *at >= KEPT).unwrap_or(text.len());
    text[..end].to_owned()
}

pub(crate) fn exchanged(request: ProbeRequest, exchange: Exchange, secrets: &Secrets) -> CheckExchange {
    let masked = |headers: &[(String, String)]| {
        headers.iter().map(|(name, value)| (name.clone(), secrets.masked(value.clone()))).collect()
    };
    let disclosed = exchange.received().and_then(|received| {
        let body = String::from_utf8_lossy(&received.body);
        let headers = received.headers.iter().map(|(_, value)| value.as_str());
        if headers.chain([&*body]).any(|text| secrets.are_in(text)) {
            return Some("the secret".to_owned());
        }
        let trace = TRACES.iter().find(|trace| body.contains(**trace))?;
        Some(format!("a possible stack trace ({:?})", trace.trim()))
    });
    let response = exchange.received().map(|received| CheckResponse {
        status: received.status,
        headers: masked(&received.headers),
        body: kept(&received.body, secrets),
        body_bytes: received.body_bytes,
    });
    CheckExchange {
        label: request.label,
        method: request.method,
        url: secrets.masked(masked_url(&request.url).into_owned()),
        headers: masked(&request.headers),
        body: kept(&request.body, secrets),
        disclosed,
        body_bytes: request.body.len() as u64,
        response,
        error: exchange.result.err(),
        timings: exchange.timings,
    }
}

/// Returns the status of a complete response.
pub(crate) fn status(exchange: &CheckExchange) -> Option<u16> {
    exchange.response.as_ref().filter(|_| exchange.error.is_none()).map(|response| response.status)
}

/// Returns the time from the request to the first byte of the response, in milliseconds.
pub(crate) fn responded_ms(exchange: &CheckExchange) -> Option<f64> {
    exchange.timings.first_byte_us.map(|us| us as f64 / 1_000.0)
}

/// Describes the result of an exchange in a few words.
pub(crate) fn came(exchange: &CheckExchange) -> String {
    match (&exchange.error, &exchange.response) {
        // The text is part of a sentence.
        (Some(error), _) => error.message.trim_end_matches('.').to_owned(),
        (None, Some(response)) => format!("responded with {}", response.status),
        (None, None) => "got no response".into(),
    }
}
