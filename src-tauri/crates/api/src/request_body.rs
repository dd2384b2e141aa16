//! Routes for the bodies of captured requests.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use hookbench_capture::{BodyBlocks, header_list};
use hookbench_content::Evidence;
use hookbench_engine::{
    Engine,
    request::{MASKED_MAX, masked, secret_paths},
};
use hookbench_model::{BodyContent, BodyKind, BodyPart, BodyPartList, BodyReading, ErrorCode};
use hookbench_query::{
    JsonPath,
    body::{
        Charset, DecodeError, Decoded, ReadBody, as_text, content_of, decode, form_fields, json_values, parts_of, text,
    },
};
use hookbench_store::request::{StoredRequest, body_stream, collect_body, header_lines, raw_head};
use http::{HeaderMap, HeaderName, StatusCode, header};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    error::ApiError,
    extract,
    requests::{RevealQuery, stored},
};

/// Maximum size of a body before and after decoding, in bytes. Larger bodies can only be downloaded as sent.
const DECODED_MAX: u64 = 64 * 1024 * 1024;

/// Headers that prevent browsers from executing, sniffing or rendering captured bytes in this origin.
const INERT: [(HeaderName, &str); 5] = [
    (header::CONTENT_TYPE, "application/octet-stream"),
    (header::CONTENT_DISPOSITION, "attachment"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"),
    (header::CACHE_CONTROL, "no-store"),
];

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BodyQuery {
    /// True to decode the content codings. A truncated body is decoded as far as possible. A body without content
    /// codings is returned as sent. Default: false.
    decoded: Option<bool>,
    /// True to decode the content codings and to convert the text to UTF-8 without a byte order mark. The escapes of a
    /// form in another character set are rewritten as UTF-8. Default: false.
    text: Option<bool>,
    /// True to include secrets in the body. If false, secrets are masked. Default: false.
    reveal: Option<bool>,
}

fn too_large() -> ApiError {
    ApiError::new(
        ErrorCode::TooLargeToDecode,
        format!("The body is too large to decode: more than {DECODED_MAX} bytes, as sent or decoded."),
        "Download the body as sent, and decode it with another tool.",
    )
}

/// Returns a body with its content codings decoded, and notes about errors in them.
fn decoded(coded: Vec<u8>, content: &BodyContent) -> Result<Decoded, ApiError> {
    if content.codings.is_empty() {
        return Ok(Decoded { bytes: coded, notes: Vec::new() });
    }
    match decode(&coded, &content.codings, DECODED_MAX) {
        Ok(decoded) => Ok(decoded),
        Err(DecodeError::TooLarge(_)) => Err(too_large()),
        Err(error) => Ok(Decoded { bytes: coded, notes: vec![format!("{error} The body is shown as sent.")] }),
    }
}

/// Retrieve the body of a request
///
/// Returns the bytes of the body, as sent or decoded. Supports the `Range` header with a single range (RFC 9110 §14.2).
#[utoipa::path(get, path = "/requests/{id}/body", tag = "requests", params(("id" = String, Path), BodyQuery), responses(
    (status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 206, body = Vec<u8>, content_type = "application/octet-stream"),
    (status = 404, body = hookbench_model::Error), (status = 413, body = hookbench_model::Error), (status = 416, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn body(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
    extract::Query(query): extract::Query<BodyQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (row, stored) = stored(&engine, &id).await?;
    let content = content_of(&stored.header_block);
    let body = engine.store.readers().body(row).await?.ok_or_else(ApiError::no_request)?;
    let text = query.text.unwrap_or(false);
    let decoded = if text || query.decoded.unwrap_or(false) && !content.codings.is_empty() {
        let coded = collect_body(body.clone(), DECODED_MAX).await?.ok_or_else(too_large)?;
        let paths = secrets(&engine, &stored, query.reveal);
        let read = move || -> Result<Vec<u8>, ApiError> {
            let plain = decoded(coded, &content)?.bytes;
            Ok(masked(if text { readable(&content, plain) } else { plain }, &paths))
        };
        Some(bytes::Bytes::from(apart(read).await?))
    } else {
        in_stars(&body, &secrets(&engine, &stored, query.reveal)).await?
    };
    let length = decoded.as_ref().map_or(body.length(), |bytes| bytes.len() as u64);
    let (start, end, status) =
        match headers.get(header::RANGE).map(|range| parse_range(range.to_str().unwrap_or_default(), length)) {
            None | Some(Range::Ignored) => (0, length, StatusCode::OK),
            Some(Range::BodyPart(start, end)) => (start, end, StatusCode::PARTIAL_CONTENT),
            Some(Range::Unsatisfiable) => {
                let error = ApiError::new(
                    ErrorCode::RangeNotSatisfiable,
                    format!("The range is outside the body, which has {length} bytes."),
                    "Request a range within the body.",
                );
                return Ok(([(header::CONTENT_RANGE, format!("bytes */{length}"))], error).into_response());
            }
        };
    let body = match decoded {
        Some(bytes) => Body::from(bytes.slice(start as usize..end as usize)),
        None => Body::from_stream(body_stream(body, start, end)),
    };
    let mut response = (status, INERT, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, (end - start).into());
    headers.insert(header::ACCEPT_RANGES, http::HeaderValue::from_static("bytes"));
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(range) = format!("bytes {start}-{}/{length}", end - 1).parse()
    {
        headers.insert(header::CONTENT_RANGE, range);
    }
    Ok(response)
}

/// Runs blocking work on a separate thread.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> Result<T, ApiError> + Send + 'static) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(|e| ApiError::internal(e.to_string()))?
}

/// Converts a body to UTF-8. The escapes of a form in another character set are rewritten as UTF-8.
fn readable(content: &BodyContent, plain: Vec<u8>) -> Vec<u8> {
    let ReadBody { kind, bytes, charset } = as_text(content, plain.into());
    if kind == BodyKind::Form && charset != Charset::UTF_8 {
        let fields = form_fields(&bytes, charset);
        return form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().into();
    }
    bytes.into_owned()
}

/// Analyze the encoding of a body
///
/// Returns the character set of a body, errors in its content codings, and the number of JSON values.
#[utoipa::path(get, path = "/requests/{id}/reading", tag = "requests", params(("id" = String, Path)), responses(
    (status = 200, body = BodyReading), (status = 404, body = hookbench_model::Error), (status = 413, body = hookbench_model::Error)
))]
pub(crate) async fn reading(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<BodyReading>, ApiError> {
    let (row, stored) = stored(&engine, &id).await?;
    let content = content_of(&stored.header_block);
    let body = engine.store.readers().body(row).await?.ok_or_else(ApiError::no_request)?;
    let coded = collect_body(body, DECODED_MAX).await?.ok_or_else(too_large)?;
    let read = move || {
        let Decoded { bytes, notes } = decoded(coded, &content)?;
        let text = text(&content, &bytes);
        let first = text.bytes.iter().find(|byte| !byte.is_ascii_whitespace() && **byte != 0x1e);
        let json = matches!(first, Some(b'{' | b'[')) || content.kind == BodyKind::Json;
        Ok(BodyReading {
            charset: text.charset.name().into(),
            declared: !matches!(text.evidence, Evidence::Default | Evidence::Fallback | Evidence::Pattern),
            json_values: if json { json_values(&text.bytes).count() as u64 } else { 0 },
            notes,
        })
    };
    apart(read).await.map(Json)
}

/// Returns the paths of secrets in a body. Returns no paths if secrets are revealed.
fn secrets(engine: &Engine, stored: &StoredRequest, reveal: Option<bool>) -> Vec<JsonPath> {
    if reveal.unwrap_or(false) {
        return Vec::new();
    }
    let inbox = engine.inboxes.get(&stored.summary.inbox);
    secret_paths(&engine.providers.catalog(), &stored.summary, inbox.as_ref().map(|inbox| &*inbox.verification))
        .unwrap_or_default()
}

/// Returns the body with its secrets masked. Returns `None` if the body has no secrets or is larger than
/// [`MASKED_MAX`], and can be streamed from disk.
async fn in_stars(body: &BodyBlocks, paths: &[JsonPath]) -> Result<Option<bytes::Bytes>, ApiError> {
    if paths.is_empty() {
        return Ok(None);
    }
    let whole = collect_body(body.clone(), MASKED_MAX).await?;
    Ok(whole.map(|whole| bytes::Bytes::from(masked(whole, paths))))
}

/// Parses a position in a range. A number of more than 64 bits becomes `u64::MAX`, which is after the end of every
/// body.
fn position(digits: &str) -> Option<u64> {
    let number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    number.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// Result of parsing a `Range` header (RFC 9110 §14.2). A header with several ranges is ignored, as the RFC allows.
#[derive(Debug, PartialEq)]
enum Range {
    Ignored,
    BodyPart(u64, u64),
    Unsatisfiable,
}

fn parse_range(value: &str, length: u64) -> Range {
    let Some((first, last)) = value.strip_prefix("bytes=").and_then(|spec| spec.trim().split_once('-')) else {
        return Range::Ignored;
    };
    let bounds = match (position(first), position(last)) {
        (Some(first), Some(last)) if first <= last => (first, last.saturating_add(1).min(length)),
        (Some(first), None) if last.is_empty() => (first, length),
        (None, Some(suffix)) if first.is_empty() => (length.saturating_sub(suffix), length),
        _ => return Range::Ignored,
    };
    if bounds.0 < bounds.1 { Range::BodyPart(bounds.0, bounds.1) } else { Range::Unsatisfiable }
}

/// Retrieve a request as an HTTP message
///
/// Returns the request line, headers and body as one HTTP message. Credentials are masked unless `reveal` is true.
#[utoipa::path(get, path = "/requests/{id}/raw", tag = "requests", params(("id" = String, Path), RevealQuery), responses(
    (status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn raw(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
    extract::Query(query): extract::Query<RevealQuery>,
) -> Result<Response, ApiError> {
    let (row, stored) = stored(&engine, &id).await?;
    let body = engine.store.readers().body(row).await?.ok_or_else(ApiError::no_request)?;
    let reveal = query.reveal.unwrap_or(false);
    let masked = in_stars(&body, &secrets(&engine, &stored, query.reveal)).await?;
    let length = masked.as_ref().map_or(body.length(), |masked| masked.len() as u64);
    let mut head = raw_head(&stored.summary, &stored.header_block, reveal);
    let (begin, end) = chunk_around(&stored, length, reveal);
    head.extend_from_slice(&begin);
    if let Some(masked) = masked {
        return Ok((INERT, [head.as_slice(), &masked, &end].concat()).into_response());
    }
    let stream = stream::iter([Ok(bytes::Bytes::from(head))])
        .chain(body_stream(body, 0, length))
        .chain(stream::iter([Ok(bytes::Bytes::from(end))]));
    Ok((INERT, Body::from_stream(stream)).into_response())
}

/// Returns the bytes before and after the body of a message that was sent in chunks. The body is written as one chunk,
/// followed by the trailers.
fn chunk_around(stored: &StoredRequest, length: u64, reveal: bool) -> (Vec<u8>, Vec<u8>) {
    let coding = header_list(&stored.header_block).find(|(name, _)| name.eq_ignore_ascii_case(b"transfer-encoding"));
    if coding.is_none_or(|(_, value)| !value.to_ascii_lowercase().ends_with(b"chunked")) {
        return (Vec::new(), Vec::new());
    }
    let begin = if length == 0 { Vec::new() } else { format!("{length:x}\r\n").into_bytes() };
    let mut end = if length == 0 { b"0\r\n".to_vec() } else { b"\r\n0\r\n".to_vec() };
    end.extend_from_slice(&header_lines(&stored.trailer_block, reveal));
    end.extend_from_slice(b"\r\n");
    (begin, end)
}

/// Maximum size of a part whose text is included in the list, in bytes.
const TEXT_MAX: usize = 4_096;

/// Returns the content declared by the headers, and the body with its content codings decoded.
async fn multipart_body(engine: &Engine, id: &str) -> Result<(BodyContent, Vec<u8>), ApiError> {
    let (row, stored) = stored(engine, id).await?;
    let content = content_of(&stored.header_block);
    let body = engine.store.readers().body(row).await?.ok_or_else(ApiError::no_request)?;
    let coded = collect_body(body, DECODED_MAX).await?.ok_or_else(too_large)?;
    apart(move || Ok((content.clone(), decoded(coded, &content)?.bytes))).await
}

fn not_multipart() -> ApiError {
    ApiError::new(
        ErrorCode::NotMultipart,
        "The body is not multipart: neither `Content-Type` nor the first line contains a boundary.",
        "View the body as text.",
    )
}

/// List the parts of a body
///
/// Returns the parts of a multipart body. Incomplete parts are listed with a description of the error.
#[utoipa::path(get, path = "/requests/{id}/parts", tag = "requests", params(("id" = String, Path)), responses(
    (status = 200, body = BodyPartList), (status = 404, body = hookbench_model::Error), (status = 413, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn parts(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<BodyPartList>, ApiError> {
    let (content, body) = multipart_body(&engine, &id).await?;
    let read = parts_of(&content, &body).ok_or_else(not_multipart)?;
    let items = read.parts.iter().enumerate().map(|(index, part)| BodyPart {
        index,
        name: part.name.clone(),
        file_name: part.file_name.clone(),
        content_type: part.content_type.clone(),
        bytes: part.body.len() as u64,
        text: (part.body.len() <= TEXT_MAX).then(|| read.text(part)).flatten(),
        fault: part.fault.clone(),
    });
    Ok(Json(BodyPartList { items: items.collect(), total: read.total, notes: read.notes.clone() }))
}

/// Retrieve a part of a body
///
/// Returns the bytes of a part, as sent.
#[utoipa::path(get, path = "/requests/{id}/parts/{index}", tag = "requests", params(("id" = String, Path), ("index" = usize, Path)), responses(
    (status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 404, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn part(
    State(engine): State<Arc<Engine>>,
    extract::Path((id, index)): extract::Path<(String, usize)>,
) -> Result<Response, ApiError> {
    let (content, body) = multipart_body(&engine, &id).await?;
    let read = parts_of(&content, &body).ok_or_else(not_multipart)?;
    let part = read
        .parts
        .get(index)
        .ok_or_else(|| ApiError::not_found(ErrorCode::PartNotFound, format!("The body has no part {index}.")))?;
    Ok((INERT, bytes::Bytes::copy_from_slice(part.body)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_ranges_per_rfc_9110() {
        for (value, range) in [
            ("bytes=0-4", Range::BodyPart(0, 5)),
            ("bytes=5-", Range::BodyPart(5, 10)),
            ("bytes=-3", Range::BodyPart(7, 10)),
            ("bytes=0-999", Range::BodyPart(0, 10)),
            ("bytes=10-", Range::Unsatisfiable),
            ("bytes=-0", Range::Unsatisfiable),
            ("bytes=5-4", Range::Ignored),
            ("bytes=0-1,3-4", Range::Ignored),
            ("lines=1-2", Range::Ignored),
            ("bytes=0-18446744073709551615", Range::BodyPart(0, 10)),
            ("bytes=0-99999999999999999999", Range::BodyPart(0, 10)),
            ("bytes=99999999999999999999-", Range::Unsatisfiable),
            ("bytes=1-+5", Range::Ignored),
        ] {
            assert_eq!(parse_range(value, 10), range, "{value}");
        }
        assert_eq!(parse_range("bytes=0-", 0), Range::Unsatisfiable);
    }
}
