//! Responses of inboxes.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Maximum size of a response body given as text, in bytes. Larger bodies are given as files.
pub const RESPONSE_BODY_MAX: usize = 64 * 1024;

/// Fault to inject into a response, to test how senders handle errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ResponseFault {
    /// Resets the connection without a response.
    Reset,
    /// Sends no response until the sender closes the connection, for at most 10 minutes.
    Hang,
    /// Truncates the response: the headers announce the complete body, and the connection is closed after half of it.
    Truncate,
    /// Sends the body slowly, in small pieces.
    Slow {
        /// Time from the first piece to the last, in ms, from 1 to 300000.
        over_ms: u32,
    },
    /// Sends a response that is not valid HTTP.
    Garbage,
}

/// Response of an inbox, a response rule or a fallback. The response is sent after the request is stored on disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct InboxResponse {
    /// Status, from 200 to 599. Default: 200.
    pub status: u16,
    /// Headers in order, as `[name, value]`.
    #[schema(value_type = Vec<Vec<String>>)]
    pub headers: Vec<(String, String)>,
    /// Body as text, at most 65536 bytes.
    pub body: String,
    /// Delay before the response, in ms, from 0 to 60000. Default: 0.
    pub delay_ms: u32,
    /// True to allow requests from web pages of any origin (CORS). Default: false.
    pub cors: bool,
    /// Fault to inject. Null injects none.
    pub fault: Option<ResponseFault>,
    /// True to render the body and the header values as templates with the data of the request. Default: false.
    pub template: bool,
    /// File whose content is the body. `body` must be empty if a file is set.
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
    /// SHA-256 of the content, in hexadecimal.
    pub id: String,
    /// Name of the file when it was uploaded.
    pub name: String,
    /// Size of the file, in bytes.
    pub bytes: u64,
}
