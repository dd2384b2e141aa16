//! Content of a body according to the headers of its request.

use hookbench_model::{BodyContent, BodyKind};

use crate::{coding, media_type::MediaType};

/// Returns the content type, kind and codings from headers, given as pairs of name and value in wire order.
pub fn body_content<'h>(headers: impl IntoIterator<Item = (&'h [u8], &'h [u8])>) -> BodyContent {
    let (mut content_type, mut codings) = (None, Vec::new());
    for (name, value) in headers {
        if name.eq_ignore_ascii_case(b"content-type") {
            content_type.get_or_insert_with(|| String::from_utf8_lossy(value).trim().to_owned());
        } else if name.eq_ignore_ascii_case(b"content-encoding") {
            // Several header lines form a single list (RFC 9110 section 5.3).
            let value = String::from_utf8_lossy(value).to_ascii_lowercase();
            let names = value.split(',').map(str::trim).filter(|name| !name.is_empty() && *name != "identity");
            codings.extend(names.map(str::to_owned));
        }
    }
    let decodable = codings.iter().all(|coding| coding::is_known(coding));
    let kind = content_type.as_deref().and_then(MediaType::parse).map_or(BodyKind::Unknown, |media| kind_of(&media));
    BodyContent { content_type, kind, codings, decodable }
}

/// Parses the `Content-Type` of a body. `None` if the header is missing or invalid.
pub fn media_type(content: &BodyContent) -> Option<MediaType> {
    MediaType::parse(content.content_type.as_deref()?)
}

fn kind_of(media: &MediaType) -> BodyKind {
    match (media.kind(), media.subtype()) {
        _ if media.suffix() == Some("json") => BodyKind::Json,
        _ if media.suffix() == Some("xml") => BodyKind::Xml,
        _ if media.suffix() == Some("json-seq") => BodyKind::Json,
        (_, "json" | "csp-report" | "x-json" | "json5") => BodyKind::Json,
        (_, "x-ndjson" | "ndjson" | "jsonl" | "x-jsonl" | "jsonlines" | "x-jsonlines" | "json-seq") => BodyKind::Json,
        (_, "xml") => BodyKind::Xml,
        ("application", "x-www-form-urlencoded") => BodyKind::Form,
        ("multipart", _) => BodyKind::Multipart,
        (_, "html") => BodyKind::Html,
        ("image", "png" | "jpeg" | "gif" | "webp" | "avif" | "bmp" | "x-icon" | "vnd.microsoft.icon") => {
            BodyKind::Image
        }
        ("text", _) | (_, "javascript" | "yaml" | "x-yaml" | "toml" | "graphql") => BodyKind::Text,
        _ => BodyKind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[(&str, &str)]) -> BodyContent {
        body_content(lines.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())))
    }

    #[test]
    fn derives_the_kind_from_the_content_type() {
        for (value, kind) in [
            ("application/json; charset=utf-8", BodyKind::Json),
            ("application/vnd.api+json", BodyKind::Json),
            ("application/cloudevents+json", BodyKind::Json),
            ("application/x-ndjson", BodyKind::Json),
            ("application/jsonl", BodyKind::Json),
            ("application/json-seq", BodyKind::Json),
            ("application/json, application/json", BodyKind::Json),
            ("image/svg+xml", BodyKind::Xml),
            ("text/html", BodyKind::Html),
            ("multipart/form-data; boundary=x", BodyKind::Multipart),
            ("multipart/mixed", BodyKind::Multipart),
            ("application/x-www-form-urlencoded; utf-8", BodyKind::Form),
            ("image/png", BodyKind::Image),
            ("no type at all", BodyKind::Unknown),
        ] {
            assert_eq!(of(&[("Content-Type", value)]).kind, kind, "{value}");
        }
    }

    #[test]
    fn joins_codings_of_all_header_lines() {
        let content = of(&[("Content-Encoding", "GZIP, br"), ("content-encoding", "identity,zstd")]);
        assert_eq!((content.codings, content.decodable), (vec!["gzip".into(), "br".into(), "zstd".into()], true));
        assert!(!of(&[("Content-Encoding", "magic")]).decodable);
    }
}
