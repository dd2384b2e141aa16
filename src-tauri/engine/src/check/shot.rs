//! One request of a check, and what came of it.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::outbox::{Exchange, Outgoing, Payload, SendError, Timings};

/// Most of a body, sent or answered, that is kept in a report, in bytes.
const KEPT: usize = 8 * 1024;

/// How a request leaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Manner {
    #[default]
    Plain,
    /// Header names in lower case, as they come over HTTP/2.
    LowerCase,
    /// In chunks, its length untold.
    Chunked,
    /// In pieces, over this time.
    Slow(Duration),
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Shot {
    /// What is odd about it, in a few words.
    pub(super) label: String,
    pub(super) method: String,
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
    pub(super) manner: Manner,
}

/// Pieces of a body that leaves slowly.
const PIECES: usize = 8;

impl Shot {
    pub(super) fn outgoing(&self) -> Outgoing {
        let pieces = || {
            let size = self.body.len().div_ceil(PIECES).max(1);
            (0..self.body.len()).step_by(size).map(|at| self.body.slice(at..(at + size).min(self.body.len()))).collect()
        };
        let body = match self.manner {
            Manner::Plain | Manner::LowerCase => self.body.clone().into(),
            Manner::Chunked => Payload::Paced { pieces: pieces(), pause: Duration::ZERO, length: None },
            Manner::Slow(time) => {
                let (pause, length) = (time / PIECES as u32, Some(self.body.len() as u64));
                Payload::Paced { pieces: pieces(), pause, length }
            }
        };
        let headers = self.headers.iter().map(|(name, value)| (name.clone(), value.clone().into_bytes())).collect();
        Outgoing { method: self.method.clone(), url: self.url.clone(), headers, body }
    }

    /// It with another label.
    pub(super) fn called(self, label: impl Into<String>) -> Self {
        Self { label: label.into(), ..self }
    }
}

/// What a handler answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Tried {
    pub(crate) status: u16,
    #[schema(value_type = Vec<Vec<String>>)]
    pub(crate) headers: Vec<(String, String)>,
    /// Its beginning; bytes that are no text as `\xNN`.
    pub(crate) body: String,
    /// Its whole size.
    pub(crate) body_bytes: u64,
}

/// A request that was sent, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Recorded {
    /// What is odd about it, in a few words.
    pub(crate) label: String,
    pub(crate) method: String,
    pub(crate) url: String,
    #[schema(value_type = Vec<Vec<String>>)]
    pub(crate) headers: Vec<(String, String)>,
    /// Its beginning; bytes that are no text as `\xNN`.
    pub(crate) body: String,
    /// Its whole size.
    pub(crate) body_bytes: u64,
    /// None where there was no answer.
    pub(crate) answer: Option<Tried>,
    /// Why there was none, or no whole one.
    pub(crate) error: Option<SendError>,
    pub(crate) timings: Timings,
}

fn text(bytes: &[u8]) -> String {
    crate::request::text_by(&bytes[..bytes.len().min(KEPT)], String::push_str)
}

impl Recorded {
    pub(super) fn new(shot: Shot, exchange: Exchange) -> Self {
        let answer = exchange.received().map(|received| Tried {
            status: received.status,
            headers: received.headers.clone(),
            body: text(&received.body),
            body_bytes: received.body_bytes,
        });
        Self {
            label: shot.label,
            method: shot.method,
            url: shot.url,
            headers: shot.headers,
            body: text(&shot.body),
            body_bytes: shot.body.len() as u64,
            answer,
            error: exchange.result.err(),
            timings: exchange.timings,
        }
    }

    /// The status of a whole answer.
    pub(super) fn status(&self) -> Option<u16> {
        self.answer.as_ref().filter(|_| self.error.is_none()).map(|answer| answer.status)
    }

    /// From the request to the first byte of its answer, in ms.
    pub(super) fn answered_ms(&self) -> Option<f64> {
        self.timings.first_byte_us.map(|us| us as f64 / 1_000.0)
    }

    /// What came of it, in a few words.
    pub(super) fn came(&self) -> String {
        match (&self.error, &self.answer) {
            (Some(error), _) => error.message.clone(),
            (None, Some(answer)) => format!("answered {}", answer.status),
            (None, None) => "not answered".into(),
        }
    }
}
