//! The response that an inbox gives.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Largest body of a response, in bytes. Senders read little of it; a larger one comes from a file.
pub const RESPONSE_BODY_MAX: usize = 64 * 1024;

/// A fault that is injected into a response, to test how senders handle it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ResponseFault {
    /// The connection is reset without a response.
    Reset,
    /// No response is sent until the sender gives up, at most 10 minutes.
    Hang,
    /// The head announces the whole body; the connection closes after half of it.
    Half,
    /// The body is sent slowly, in small pieces.
    Drip {
        /// Time from the first piece to the last, in ms, at most 300000.
        over_ms: u32,
    },
    /// The response is not valid HTTP.
    Garbage,
}

/// The response of an inbox. It is sent after the request is on disk.
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
    /// Delay before the response, in ms, at most 60000.
    pub delay_ms: u32,
    /// Whether pages of any origin may send requests (CORS).
    pub cors: bool,
    /// Fault to inject, if any.
    pub fault: Option<ResponseFault>,
    /// Whether the body and the header values are templates that are filled from the request.
    pub template: bool,
    /// File whose content is the body; `body` is empty then.
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

/// A file whose content is the body of a response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResponseFile {
    /// SHA-256 of its content, in hexadecimal.
    pub id: String,
    /// Name of the file when it was uploaded.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
}
