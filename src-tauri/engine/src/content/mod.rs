//! What a body is: its type, its codings, its parts.

mod decode;
mod parts;

use mime::Mime;
use serde::Serialize;
use utoipa::ToSchema;

use crate::request::header_value;

pub(crate) use decode::{DecodeError, decode, decode_upto};
pub(crate) use parts::{Part, PartsError, fields, part_bytes, parts};

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
    /// JSON, or anything ending in `+json`.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/…` with a boundary.
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
    pub(crate) fn of(header_block: &[u8]) -> Self {
        let content_type = header_value(header_block, "content-type");
        let codings: Vec<String> = header_value(header_block, "content-encoding")
            .map(|value| value.split(',').map(|coding| coding.trim().to_ascii_lowercase()).collect())
            .unwrap_or_default();
        let codings: Vec<String> = codings.into_iter().filter(|c| !c.is_empty() && c != "identity").collect();
        let decodable = codings.iter().all(|coding| decode::KNOWN.contains(&coding.as_str()));
        let kind =
            content_type.as_deref().and_then(|t| t.parse::<Mime>().ok()).map_or(Kind::Unknown, |mime| kind(&mime));
        Self { content_type, kind, codings, decodable }
    }
}

fn kind(mime: &Mime) -> Kind {
    let suffix = mime.suffix().map(|s| s.as_str());
    match (mime.type_().as_str(), mime.subtype().as_str()) {
        _ if suffix == Some("json") => Kind::Json,
        _ if suffix == Some("xml") => Kind::Xml,
        (_, "json" | "x-ndjson" | "csp-report") => Kind::Json,
        (_, "xml") => Kind::Xml,
        ("application", "x-www-form-urlencoded") => Kind::Form,
        ("multipart", _) if mime.get_param("boundary").is_some() => Kind::Multipart,
        (_, "html") => Kind::Html,
        ("image", "png" | "jpeg" | "gif" | "webp" | "avif" | "bmp" | "x-icon" | "vnd.microsoft.icon") => Kind::Image,
        ("text", _) | (_, "javascript" | "yaml" | "x-yaml" | "toml" | "graphql") => Kind::Text,
        _ => Kind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_follows_the_content_type() {
        for (value, kind) in [
            ("application/json; charset=utf-8", Kind::Json),
            ("application/vnd.api+json", Kind::Json),
            ("application/cloudevents+json", Kind::Json),
            ("image/svg+xml", Kind::Xml),
            ("text/html", Kind::Html),
            ("multipart/form-data; boundary=x", Kind::Multipart),
            ("multipart/form-data", Kind::Unknown),
            ("image/png", Kind::Image),
            ("no type at all", Kind::Unknown),
        ] {
            let block = format!("Content-Type: {value}\r\n");
            assert_eq!(Content::of(block.as_bytes()).kind, kind, "{value}");
        }
    }

    #[test]
    fn codings_are_listed_in_order() {
        let content = Content::of(b"Content-Encoding: GZIP, br\r\n");
        assert_eq!((content.codings, content.decodable), (vec!["gzip".into(), "br".into()], true));
        assert!(!Content::of(b"Content-Encoding: magic\r\n").decodable);
    }
}
