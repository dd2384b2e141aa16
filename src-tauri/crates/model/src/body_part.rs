//! Parts of multipart bodies, and how bodies are decoded.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A part of a multipart body.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BodyPart {
    /// Position, from 0.
    pub index: usize,
    /// Field name.
    pub name: Option<String>,
    /// File name as sent. It is shown, never used as a path.
    pub file_name: Option<String>,
    /// Content type.
    pub content_type: Option<String>,
    /// Size in bytes.
    pub bytes: u64,
    /// The value, if it is a short text.
    pub text: Option<String>,
    /// The fault of the part, in one sentence.
    pub fault: Option<String>,
}

/// The parts of a multipart body.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BodyPartList {
    /// The first thousand parts.
    pub items: Vec<BodyPart>,
    /// Number of parts.
    pub total: usize,
    /// Faults of the body, each in one sentence.
    pub notes: Vec<String>,
}

/// How a body was decoded.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BodyReading {
    /// Name of the character set, such as `utf-8` or `windows-1252`.
    pub charset: String,
    /// Whether the body or its headers declare the character set. If not, it is detected.
    pub declared: bool,
    /// Faults of the content coding, each in one sentence.
    pub notes: Vec<String>,
    /// Number of JSON values in the body. 0 if the body is not JSON.
    pub json_values: u64,
}
