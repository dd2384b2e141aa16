//! What a request's headers say of its body.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{coding, media_type::MediaType};

/// What a request's headers say of its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Content {
    /// The Content-Type as sent.
    pub content_type: Option<String>,
    /// How to look at it.
    pub kind: Kind,
    /// Content codings in the order they were applied, such as `gzip`.
    pub codings: Vec<String>,
    /// Whether all of the codings can be undone here.
    pub decodable: bool,
}

/// How to look at a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
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

impl Content {
    /// Reads the headers of a request, as pairs of name and value in their order.
    pub fn of<'h>(headers: impl IntoIterator<Item = (&'h [u8], &'h [u8])>) -> Self {
        let (mut content_type, mut codings) = (None, Vec::new());
        for (name, value) in headers {
            if name.eq_ignore_ascii_case(b"content-type") {
                content_type.get_or_insert_with(|| String::from_utf8_lossy(value).trim().to_owned());
            } else if name.eq_ignore_ascii_case(b"content-encoding") {
                // The lines of a list are one list (RFC 9110 §5.3).
                let value = String::from_utf8_lossy(value).to_ascii_lowercase();
                let names = value.split(',').map(str::trim).filter(|name| !name.is_empty() && *name != "identity");
                codings.extend(names.map(str::to_owned));
            }
        }
        let decodable = codings.iter().all(|coding| coding::is_known(coding));
        let kind = content_type.as_deref().and_then(MediaType::parse).map_or(Kind::Unknown, |media| Kind::of(&media));
        Self { content_type, kind, codings, decodable }
    }

    /// The Content-Type taken apart; none where it is absent or not a media type.
    pub fn media_type(&self) -> Option<MediaType> {
        MediaType::parse(self.content_type.as_deref()?)
    }
}

impl Kind {
    fn of(media: &MediaType) -> Self {
        match (media.kind(), media.subtype()) {
            _ if media.suffix() == Some("json") => Self::Json,
            _ if media.suffix() == Some("xml") => Self::Xml,
            _ if media.suffix() == Some("json-seq") => Self::Json,
            (_, "json" | "csp-report" | "x-json" | "json5") => Self::Json,
            (_, "x-ndjson" | "ndjson" | "jsonl" | "x-jsonl" | "jsonlines" | "x-jsonlines" | "json-seq") => Self::Json,
            (_, "xml") => Self::Xml,
            ("application", "x-www-form-urlencoded") => Self::Form,
            ("multipart", _) => Self::Multipart,
            (_, "html") => Self::Html,
            ("image", "png" | "jpeg" | "gif" | "webp" | "avif" | "bmp" | "x-icon" | "vnd.microsoft.icon") => {
                Self::Image
            }
            ("text", _) | (_, "javascript" | "yaml" | "x-yaml" | "toml" | "graphql") => Self::Text,
            _ => Self::Unknown,
        }
    }

    /// Whether a body of this kind is text in some character set. What is not said is looked at by its bytes.
    pub fn is_text(self) -> bool {
        !matches!(self, Self::Multipart | Self::Image)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[(&str, &str)]) -> Content {
        Content::of(lines.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())))
    }

    #[test]
    fn the_kind_follows_the_content_type() {
        for (value, kind) in [
            ("application/json; charset=utf-8", Kind::Json),
            ("application/vnd.api+json", Kind::Json),
            ("application/cloudevents+json", Kind::Json),
            ("application/x-ndjson", Kind::Json),
            ("application/jsonl", Kind::Json),
            ("application/json-seq", Kind::Json),
            ("application/json, application/json", Kind::Json),
            ("image/svg+xml", Kind::Xml),
            ("text/html", Kind::Html),
            ("multipart/form-data; boundary=x", Kind::Multipart),
            ("multipart/mixed", Kind::Multipart),
            ("application/x-www-form-urlencoded; utf-8", Kind::Form),
            ("image/png", Kind::Image),
            ("no type at all", Kind::Unknown),
        ] {
            assert_eq!(of(&[("Content-Type", value)]).kind, kind, "{value}");
        }
    }

    #[test]
    fn codings_are_one_list_over_all_header_lines() {
        let content = of(&[("Content-Encoding", "GZIP, br"), ("content-encoding", "identity,zstd")]);
        assert_eq!((content.codings, content.decodable), (vec!["gzip".into(), "br".into(), "zstd".into()], true));
        assert!(!of(&[("Content-Encoding", "magic")]).decodable);
    }
}
