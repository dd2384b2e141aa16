//! What the headers of a request say about its body.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a request's headers say of its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BodyContent {
    /// The Content-Type as sent.
    pub content_type: Option<String>,
    /// How to look at it.
    pub kind: BodyKind,
    /// Content codings in the order they were applied, such as `gzip`.
    pub codings: Vec<String>,
    /// Whether all of the codings can be undone here.
    pub decodable: bool,
}

/// How to look at a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BodyKind {
    /// JSON, a sequence of JSON values, or anything ending in `+json`.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/…`.
    Multipart,
    /// XML, or anything ending in `+xml`, SVG too.
    Xml,
    /// HTML: shown as text.
    Html,
    /// An image a browser draws without running anything.
    Image,
    /// Any other text.
    Text,
    /// Anything else, or nothing said.
    Unknown,
}

impl BodyKind {
    /// Whether a body of this kind is text in some character set. Where the kind is unknown, the bytes decide.
    pub fn is_text(self) -> bool {
        !matches!(self, Self::Multipart | Self::Image)
    }
}
