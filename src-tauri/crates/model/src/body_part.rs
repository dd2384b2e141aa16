//! Parts of multipart bodies, and results of decoding bodies.

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
    /// Value, if it is text of at most 4096 bytes.
    pub text: Option<String>,
    /// Error in the part, in one sentence. Null if there is none.
    pub fault: Option<String>,
}

/// The parts of a multipart body.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BodyPartList {
    /// First 1000 parts.
    pub items: Vec<BodyPart>,
    /// Total number of parts.
    pub total: usize,
    /// Errors in the body, each in one sentence.
    pub notes: Vec<String>,
}

/// Result of decoding a body.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BodyReading {
    /// Name of the character set, such as `utf-8` or `windows-1252`.
    pub charset: String,
    /// True if the body or its headers declare the character set. If false, the character set was detected.
    pub declared: bool,
    /// Errors in the content coding, each in one sentence.
    pub notes: Vec<String>,
    /// Number of JSON values in the body. 0 if the body is not JSON.
    pub json_values: u64,
}
