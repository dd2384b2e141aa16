//! Content type and codings of a body.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Content of a body, as the request headers declare it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BodyContent {
    /// `Content-Type` as sent.
    pub content_type: Option<String>,
    /// Kind of content. Determines how the body is displayed.
    pub kind: BodyKind,
    /// Content codings in the order in which they were applied, such as `gzip`.
    pub codings: Vec<String>,
    /// True if Hookbench can decode all of the codings.
    pub decodable: bool,
}

/// Kind of content of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BodyKind {
    /// JSON, a sequence of JSON values, or anything ending in `+json`.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/…`.
    Multipart,
    /// XML, or anything ending in `+xml`, including SVG.
    Xml,
    /// HTML, shown as text.
    Html,
    /// Image that a browser displays without running code.
    Image,
    /// Any other text.
    Text,
    /// Any other content, or no declared content type.
    Unknown,
}

impl BodyKind {
    /// Returns true if a body of this kind is text in some character set. Also returns true for [`Self::Unknown`],
    /// where only the bytes show whether the body is text.
    pub fn is_text(self) -> bool {
        !matches!(self, Self::Multipart | Self::Image)
    }
}
