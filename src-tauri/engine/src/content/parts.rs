//! The parts of a multipart body (RFC 7578).

use bytes::Bytes;
use futures_util::stream;
use multer::Multipart;
use serde::Serialize;
use utoipa::ToSchema;

/// Most parts listed.
const PARTS_MAX: usize = 1_000;

/// One part of a multipart body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Part {
    /// Its place, from 0.
    pub(crate) index: usize,
    /// Field name.
    pub(crate) name: Option<String>,
    /// File name as the sender wrote it; only ever shown.
    pub(crate) file_name: Option<String>,
    /// Content type.
    pub(crate) content_type: Option<String>,
    /// Size in bytes.
    pub(crate) bytes: u64,
    /// The value, if it is short text.
    pub(crate) text: Option<String>,
}

/// Values up to this size are shown in the list.
const TEXT_MAX: usize = 4_096;

#[derive(Debug, thiserror::Error)]
pub(crate) enum PartsError {
    #[error("The body is no multipart body: {0}.")]
    Invalid(#[from] multer::Error),
    #[error("There is no part {0}.")]
    Absent(usize),
}

fn open(content_type: &str, body: Vec<u8>) -> Result<Multipart<'static>, PartsError> {
    let boundary = multer::parse_boundary(content_type)?;
    let body = stream::iter([Ok::<_, std::convert::Infallible>(Bytes::from(body))]);
    Ok(Multipart::new(body, boundary))
}

/// The first [`PARTS_MAX`] parts, and how many there are in all.
pub(crate) async fn parts(content_type: &str, body: Vec<u8>) -> Result<(Vec<Part>, usize), PartsError> {
    let mut multipart = open(content_type, body)?;
    let mut parts = Vec::new();
    let mut total = 0;
    while let Some(field) = multipart.next_field().await? {
        total += 1;
        if total > PARTS_MAX {
            continue;
        }
        let (name, file_name) = (field.name().map(str::to_owned), field.file_name().map(str::to_owned));
        let content_type = field.content_type().map(ToString::to_string);
        let bytes = field.bytes().await?;
        let text = (bytes.len() <= TEXT_MAX).then(|| std::str::from_utf8(&bytes).ok()).flatten().map(str::to_owned);
        parts.push(Part { index: parts.len(), name, file_name, content_type, bytes: bytes.len() as u64, text });
    }
    Ok((parts, total))
}

/// Name and value of each part that is no file.
pub(crate) async fn fields(content_type: &str, body: Vec<u8>) -> Result<Vec<(String, Vec<u8>)>, PartsError> {
    let mut multipart = open(content_type, body)?;
    let mut fields = Vec::new();
    while let Some(field) = multipart.next_field().await? {
        if let (Some(name), None) = (field.name().map(str::to_owned), field.file_name()) {
            fields.push((name, field.bytes().await?.to_vec()));
        }
    }
    Ok(fields)
}

/// The content of one part.
pub(crate) async fn part_bytes(content_type: &str, body: Vec<u8>, index: usize) -> Result<Bytes, PartsError> {
    let mut multipart = open(content_type, body)?;
    for _ in 0..index {
        multipart.next_field().await?.ok_or(PartsError::Absent(index))?;
    }
    let field = multipart.next_field().await?.ok_or(PartsError::Absent(index))?;
    Ok(field.bytes().await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=B";
    const BODY: &str = concat!(
        "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n",
        "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"../../etc/\\\"x\\\".png\"\r\nContent-Type: image/png\r\n\r\n\u{89}PNG\r\n--B--\r\n",
    );

    #[tokio::test]
    async fn parts_are_listed_and_read() {
        let (listed, total) = parts(TYPE, BODY.into()).await.expect("a multipart body");
        assert_eq!((listed.len(), total), (2, 2));
        assert_eq!(listed[0].text.as_deref(), Some("one"));
        assert!(listed[1].file_name.as_deref().is_some_and(|n| n.starts_with("../../etc/")), "{:?}", listed[1]);
        assert_eq!(part_bytes(TYPE, BODY.into(), 1).await.expect("the second").len(), 5);
        assert!(matches!(part_bytes(TYPE, BODY.into(), 2).await, Err(PartsError::Absent(2))));
    }

    #[tokio::test]
    async fn more_parts_than_are_listed_are_counted() {
        let part = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n";
        let body = format!("{}--B--\r\n", part.repeat(PARTS_MAX + 7));
        let (listed, total) = parts(TYPE, body.into()).await.expect("a multipart body");
        assert_eq!((listed.len(), total), (PARTS_MAX, PARTS_MAX + 7));
    }

    #[tokio::test]
    async fn a_body_cut_short_is_an_error() {
        assert!(parts(TYPE, BODY.as_bytes()[..60].to_vec()).await.is_err());
    }
}
