use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use hookline_capture::BodyBlocks;
use http::{HeaderMap, HeaderName, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    error::ApiError,
    extract,
    requests::{RevealQuery, stored},
};
use crate::{
    Engine,
    content::{self, Content, DecodeError, Part, PartsError},
    query::JsonPath,
    request::{MASKED_MAX, Stored, body_stream, collect_body, masked, raw_head, secret_paths},
};

/// Largest body looked into or decoded, and largest result of decoding, in bytes. A body above it
/// can still be saved as it is.
const DECODED_MAX: u64 = 64 * 1024 * 1024;

/// Captured bytes are hostile: no browser may run, sniff or show them in this origin.
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
pub(super) struct BodyQuery {
    /// Undo its content codings first.
    decoded: Option<bool>,
    /// Whether a secret that stands in it is shown; else it is stars.
    reveal: Option<bool>,
}

fn too_large() -> ApiError {
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_large_to_decode",
        format!("The body has more than {DECODED_MAX} bytes, as sent or decoded."),
        "Save it as it was sent, and decode it with a tool of your own.",
    )
}

impl From<DecodeError> for ApiError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::TooLarge(_) => too_large(),
            error => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "not_decodable",
                error.to_string(),
                "Look at the body as it was sent.",
            ),
        }
    }
}

impl From<PartsError> for ApiError {
    fn from(error: PartsError) -> Self {
        match error {
            PartsError::Absent(_) => Self::not_found("part", error.to_string()),
            error => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "not_multipart",
                error.to_string(),
                "Look at the body as text.",
            ),
        }
    }
}

/// The body's bytes, as sent or decoded; `Range` takes a piece of it.
#[utoipa::path(get, path = "/requests/{id}/body", tag = "requests", params(("id" = String, Path), BodyQuery), responses(
    (status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 206, body = Vec<u8>, content_type = "application/octet-stream"),
    (status = 404, body = super::ErrorBody), (status = 413, body = super::ErrorBody), (status = 416, body = super::ErrorBody), (status = 422, body = super::ErrorBody)
))]
pub(super) async fn body(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
    extract::Query(query): extract::Query<BodyQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (row, stored) = stored(&engine, &id).await?;
    let content = Content::of(&stored.header_block);
    let body = engine.store.readers().body(row).await?.ok_or_else(ApiError::no_request)?;
    let decode = query.decoded.unwrap_or(false) && !content.codings.is_empty();
    let decoded = if decode {
        let coded = collect_body(body.clone(), DECODED_MAX).await?.ok_or_else(too_large)?;
        let decoded = content::decode(coded, &content.codings, DECODED_MAX).await?;
        Some(bytes::Bytes::from(masked(decoded, &secrets(&engine, &stored, query.reveal))))
    } else {
        in_stars(&body, &secrets(&engine, &stored, query.reveal)).await?
    };
    let length = decoded.as_ref().map_or(body.length(), |bytes| bytes.len() as u64);
    let (start, end, status) =
        match headers.get(header::RANGE).map(|range| parse_range(range.to_str().unwrap_or_default(), length)) {
            None | Some(Range::Ignored) => (0, length, StatusCode::OK),
            Some(Range::Part(start, end)) => (start, end, StatusCode::PARTIAL_CONTENT),
            Some(Range::Unsatisfiable) => {
                let error = ApiError::new(
                    StatusCode::RANGE_NOT_SATISFIABLE,
                    "range_not_satisfiable",
                    format!("The body has {length} bytes."),
                    "Ask for a range inside it.",
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

/// Places of secrets in a body, unless they are to be shown.
fn secrets(engine: &Engine, stored: &Stored, reveal: Option<bool>) -> Vec<JsonPath> {
    if reveal.unwrap_or(false) {
        return Vec::new();
    }
    let inbox = engine.addresses.get(&stored.summary.inbox);
    secret_paths(&engine.providers.catalogue(), &stored.summary, inbox.as_ref().map(|inbox| &*inbox.verification))
        .unwrap_or_default()
}

/// The body with its secrets as stars; none where it has none, and can be sent as it lies on disk.
async fn in_stars(body: &BodyBlocks, paths: &[JsonPath]) -> Result<Option<bytes::Bytes>, ApiError> {
    if paths.is_empty() {
        return Ok(None);
    }
    let whole = collect_body(body.clone(), MASKED_MAX).await?;
    Ok(whole.map(|whole| bytes::Bytes::from(masked(whole, paths))))
}

/// A position in a range; one past 64 bits is past every body.
fn position(digits: &str) -> Option<u64> {
    let number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    number.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// What a Range header comes to (RFC 9110 §14.2); several ranges are ignored, as allowed.
#[derive(Debug, PartialEq)]
enum Range {
    Ignored,
    Part(u64, u64),
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
    if bounds.0 < bounds.1 { Range::Part(bounds.0, bounds.1) } else { Range::Unsatisfiable }
}

/// The request as the HTTP message it was. Credentials are masked unless asked for.
#[utoipa::path(get, path = "/requests/{id}/raw", tag = "requests", params(("id" = String, Path), RevealQuery), responses(
    (status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 404, body = super::ErrorBody)
))]
pub(super) async fn raw(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
    extract::Query(query): extract::Query<RevealQuery>,
) -> Result<Response, ApiError> {
    let (row, stored) = stored(&engine, &id).await?;
    let body = engine.store.readers().body(row).await?.ok_or_else(ApiError::no_request)?;
    let head = bytes::Bytes::from(raw_head(&stored.summary, &stored.header_block, query.reveal.unwrap_or(false)));
    if let Some(masked) = in_stars(&body, &secrets(&engine, &stored, query.reveal)).await? {
        return Ok((INERT, [head, masked].concat()).into_response());
    }
    let length = body.length();
    let stream = stream::iter([Ok(head)]).chain(body_stream(body, 0, length));
    Ok((INERT, Body::from_stream(stream)).into_response())
}

/// The parts of a multipart body.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PartList {
    /// The first thousand.
    items: Vec<Part>,
    /// How many there are.
    total: usize,
}

async fn multipart(engine: &Engine, id: &str) -> Result<(String, Vec<u8>), ApiError> {
    let (row, stored) = stored(engine, id).await?;
    let content = Content::of(&stored.header_block);
    let body = engine.store.readers().body(row).await?.ok_or_else(ApiError::no_request)?;
    let coded = collect_body(body, DECODED_MAX).await?.ok_or_else(too_large)?;
    let body = content::decode(coded, &content.codings, DECODED_MAX).await?;
    Ok((content.content_type.unwrap_or_default(), body))
}

/// List the parts of a multipart body.
#[utoipa::path(get, path = "/requests/{id}/parts", tag = "requests", params(("id" = String, Path)), responses(
    (status = 200, body = PartList), (status = 404, body = super::ErrorBody), (status = 413, body = super::ErrorBody), (status = 422, body = super::ErrorBody)
))]
pub(super) async fn parts(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<PartList>, ApiError> {
    let (content_type, body) = multipart(&engine, &id).await?;
    let (items, total) = content::parts(&content_type, body).await?;
    Ok(Json(PartList { items, total }))
}

/// The bytes of one part.
#[utoipa::path(get, path = "/requests/{id}/parts/{index}", tag = "requests", params(("id" = String, Path), ("index" = usize, Path)), responses(
    (status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 404, body = super::ErrorBody), (status = 422, body = super::ErrorBody)
))]
pub(super) async fn part(
    State(engine): State<Arc<Engine>>,
    extract::Path((id, index)): extract::Path<(String, usize)>,
) -> Result<Response, ApiError> {
    let (content_type, body) = multipart(&engine, &id).await?;
    let bytes = content::part_bytes(&content_type, body, index).await?;
    Ok((INERT, bytes).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        for (value, range) in [
            ("bytes=0-4", Range::Part(0, 5)),
            ("bytes=5-", Range::Part(5, 10)),
            ("bytes=-3", Range::Part(7, 10)),
            ("bytes=0-999", Range::Part(0, 10)),
            ("bytes=10-", Range::Unsatisfiable),
            ("bytes=-0", Range::Unsatisfiable),
            ("bytes=5-4", Range::Ignored),
            ("bytes=0-1,3-4", Range::Ignored),
            ("lines=1-2", Range::Ignored),
            ("bytes=0-18446744073709551615", Range::Part(0, 10)),
            ("bytes=0-99999999999999999999", Range::Part(0, 10)),
            ("bytes=99999999999999999999-", Range::Unsatisfiable),
            ("bytes=1-+5", Range::Ignored),
        ] {
            assert_eq!(parse_range(value, 10), range, "{value}");
        }
        assert_eq!(parse_range("bytes=0-", 0), Range::Unsatisfiable);
    }
}
