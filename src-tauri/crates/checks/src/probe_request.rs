//! One request of a check, and what came of it.

use std::time::Duration;

use bytes::Bytes;
use hookbench_delivery::{Outgoing, Payload};
use hookbench_model::{CheckExchange, CheckResponse, MASK, masked_url};
use hookbench_store::delivery::Exchange;

/// Most of a body, sent or answered, that is kept in a report, in bytes.
const KEPT: usize = 8 * 1024;

/// How a request leaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Transport {
    #[default]
    Plain,
    /// Header names in lower case, as they come over HTTP/2.
    LowerCase,
    /// In chunks, its length untold.
    Chunked,
    /// On the connection of the one before it, where that is still open. Every other has a connection of its own.
    Reused,
    /// In pieces, over this time.
    Slow(Duration),
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct ProbeRequest {
    /// What is odd about it, in a few words.
    pub(crate) label: String,
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    pub(crate) manner: Transport,
}

/// Pieces of a body that leaves slowly.
const PIECES: usize = 8;

impl ProbeRequest {
    pub(crate) fn outgoing(&self) -> Outgoing {
        let pieces = || {
            let size = self.body.len().div_ceil(PIECES).max(1);
            (0..self.body.len()).step_by(size).map(|at| self.body.slice(at..(at + size).min(self.body.len()))).collect()
        };
        let body = match self.manner {
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

    /// It with another label.
    pub(crate) fn called(self, label: impl Into<String>) -> Self {
        Self { label: label.into(), ..self }
    }
}

/// What only a program's own report of an error has, each of one language or framework.
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

/// Texts that no report holds: secrets as they are written, in each way they may come back.
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
        // The longest first: no rest of one is left.
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

/// The beginning of a body, as it is kept.
fn kept(bytes: &[u8], secrets: &Secrets) -> String {
    // A secret is found before it is cut.
    let text = secrets.masked(hookbench_model::text_by(&bytes[..bytes.len().min(4 * KEPT)], String::push_str));
    let end = text.char_indices().map(|(at, _)| at).find(|at| *at >= KEPT).unwrap_or(text.len());
    text[..end].to_owned()
}

pub(crate) fn exchanged(shot: ProbeRequest, exchange: Exchange, secrets: &Secrets) -> CheckExchange {
    let masked = |headers: &[(String, String)]| {
        headers.iter().map(|(name, value)| (name.clone(), secrets.masked(value.clone()))).collect()
    };
    let tells = exchange.received().and_then(|received| {
        let body = String::from_utf8_lossy(&received.body);
        let headers = received.headers.iter().map(|(_, value)| value.as_str());
        if headers.chain([&*body]).any(|text| secrets.are_in(text)) {
            return Some("the secret".to_owned());
        }
        let trace = TRACES.iter().find(|trace| body.contains(**trace))?;
        Some(format!("what looks like a stack trace ({:?})", trace.trim()))
    });
    let answer = exchange.received().map(|received| CheckResponse {
        status: received.status,
        headers: masked(&received.headers),
        body: kept(&received.body, secrets),
        body_bytes: received.body_bytes,
    });
    CheckExchange {
        label: shot.label,
        method: shot.method,
        url: secrets.masked(masked_url(&shot.url).into_owned()),
        headers: masked(&shot.headers),
        body: kept(&shot.body, secrets),
        tells,
        body_bytes: shot.body.len() as u64,
        answer,
        error: exchange.result.err(),
        timings: exchange.timings,
    }
}

/// The status of a whole answer.
pub(crate) fn status(exchange: &CheckExchange) -> Option<u16> {
    exchange.answer.as_ref().filter(|_| exchange.error.is_none()).map(|answer| answer.status)
}

/// From the request to the first byte of its answer, in ms.
pub(crate) fn answered_ms(exchange: &CheckExchange) -> Option<f64> {
    exchange.timings.first_byte_us.map(|us| us as f64 / 1_000.0)
}

/// What came of it, in a few words.
pub(crate) fn came(exchange: &CheckExchange) -> String {
    match (&exchange.error, &exchange.answer) {
        // It stands in the middle of a sentence.
        (Some(error), _) => error.message.trim_end_matches('.').to_owned(),
        (None, Some(answer)) => format!("answered {}", answer.status),
        (None, None) => "not answered".into(),
    }
}
