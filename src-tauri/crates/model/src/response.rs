//! The response that an inbox gives.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Largest body of a response, in bytes. Senders read little of it; a larger one comes from a file.
pub const RESPONSE_BODY_MAX: usize = 64 * 1024;

/// A fault that is injected into a response, to see how senders take it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ResponseFault {
    /// The connection is reset, and nothing is answered.
    Reset,
    /// Nothing is answered until the sender gives up, ten minutes at most.
    Hang,
    /// The head announces the whole body, half of it follows, and the connection closes.
    Half,
    /// The body comes in small pieces.
    Drip {
        /// Time from the first piece to the last, in ms, to five minutes.
        over_ms: u32,
    },
    /// What comes back is no HTTP.
    Garbage,
}

/// What an inbox answers, after the request is on disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct InboxResponse {
    /// Status, 200 to 599.
    pub status: u16,
    /// Headers in order, as `[name, value]`.
    #[schema(value_type = Vec<Vec<String>>)]
    pub headers: Vec<(String, String)>,
    /// Body as text.
    pub body: String,
    /// Wait before answering, in ms, to 60 s.
    pub delay_ms: u32,
    /// Whether pages of any origin may send here (CORS).
    pub cors: bool,
    /// How it goes wrong on its way, if it is to.
    pub fault: Option<ResponseFault>,
    /// Whether body and header values are templates over the request.
    pub template: bool,
    /// A file whose content stands in the body's place.
    pub file: Option<ResponseFile>,
}

impl Default for InboxResponse {
    fn default() -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            body: String::new(),
            delay_ms: 0,
            cors: false,
            fault: None,
            template: false,
            file: None,
        }
    }
}

/// A file whose content is an answer's body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResponseFile {
    /// The SHA-256 of its content, in hex.
    pub id: String,
    /// Its name when it was read.
    pub name: String,
    /// Its size.
    pub bytes: u64,
}
