//! HAR 1.2 (<http://www.softwareishard.com/blog/har-12-spec/>), as browsers and proxies write it.
//!
//! The field `_hookbench` of each entry stores all data without a HAR field, so exports can be imported without loss.

use std::io::BufRead;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hookbench_model::{HeaderNames, HttpVersion, InboxResponse, RESPONSE_BODY_MAX};
use hookbench_query::body::decode_prefix;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    ImportError, Record, Take,
    bytes::{self, Exact},
    json_array::each,
    record::{is_absolute, parts_of},
};

/// Host in the URL of a request without a Host header.
const NO_HOST: &str = "unknown.invalid";

/// Number of bytes to decode in order to detect a content coding.
const TRIED: u64 = 1024 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    started_date_time: Option<String>,
    request: Request,
    response: Option<Response>,
    #[serde(rename = "_hookbench", alias = "_hookline")]
    ours: Option<Record>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    method: String,
    url: String,
    #[serde(default, deserialize_with = "or_none")]
    http_version: String,
    #[serde(default, deserialize_with = "or_none")]
    headers: Vec<Named>,
    post_data: Option<PostData>,
    /// Body that is not UTF-8, as HTTP Toolkit writes it.
    #[serde(rename = "_content")]
    content: Option<Content>,
    #[serde(default, deserialize_with = "number")]
    body_size: f64,
}

/// Header or form field.
#[derive(Serialize, Deserialize)]
struct Named {
    #[serde(default, deserialize_with = "scalar")]
    name: String,
    #[serde(default, deserialize_with = "scalar")]
    value: String,
    /// Exact value, if it is not UTF-8. An extension of Hookbench.
    #[serde(rename = "_base64", default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PostData {
    #[serde(default, deserialize_with = "or_none")]
    mime_type: String,
    text: Option<Text>,
    params: Option<Vec<Named>>,
    /// Encoding of the text, such as `base64`. HAR 1.2 has this field only for responses.
    #[serde(rename = "_encoding", alias = "encoding")]
    encoding: Option<String>,
}

#[derive(Deserialize)]
struct Response {
    #[serde(default)]
    status: serde_json::Value,
    #[serde(default, deserialize_with = "or_none")]
    headers: Vec<Named>,
    content: Option<Content>,
}

#[derive(Deserialize)]
struct Content {
    text: Option<String>,
    encoding: Option<String>,
}

/// Deserializes a value, and `null` as the default, because tools write `null` for unknown values.
fn or_none<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Deserializes a number, or a text that contains a number.
fn number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Number(number) => number.as_f64().unwrap_or_default(),
        serde_json::Value::String(text) => text.trim().parse().unwrap_or_default(),
        _ => 0.0,
    })
}

/// Deserializes a text, a number or a boolean as a text.
fn scalar<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    })
}

impl Response {
    /// Returns the status. Tools write 0 or -1 if there was no response.
    fn status(&self) -> Option<u16> {
        let status = self.status.as_u64().or_else(|| self.status.as_str()?.trim().parse().ok())?;
        u16::try_from(status).ok().filter(|status| (100..=999).contains(status))
    }
}

impl Named {
    fn of((name, value): &(Exact, Exact)) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let base64 = std::str::from_utf8(&value.0).is_err().then(|| STANDARD.encode(&value.0));
        Self { name: text(&name.0), value: text(&value.0), base64 }
    }

    fn pair(self) -> Result<(Exact, Exact), String> {
        let value = match &self.base64 {
            Some(coded) => bytes::decoded(coded)?,
            None => self.value.into(),
        };
        Ok((Exact(self.name.into()), Exact(value)))
    }
}

/// Reads the entries of a HAR file.
pub(super) fn read(file: &mut dyn BufRead, take: Take<'_>) -> Result<(), ImportError> {
    let mut number = 0;
    let done = each(file, &["log", "entries"], &mut |raw| {
        number += 1;
        let entry = serde_json::from_str::<Entry>(raw).map_err(|e| e.to_string()).and_then(parse_entry);
        take(number, entry)
    });
    match done {
        Ok(true) => Ok(()),
        Ok(false) => Err(ImportError::new("the file", "no log.entries, so this is not a HAR file")),
        Err(why) => Err(ImportError::new(format!("after entry {number}"), why)),
    }
}

fn parse_entry(entry: Entry) -> Result<Record, String> {
    let Request { method, url, http_version, headers, post_data, content, body_size } = entry.request;
    let (foreign, body_size) = (entry.ours.is_none(), body_size as i64);
    if foreign && (method.is_empty() || url.is_empty()) {
        return Err("not a request: no method or no url".into());
    }
    let mut record = entry.ours.unwrap_or_default();
    record.method = method;
    for header in headers {
        // HTTP/2 has the method and the authority in pseudo-headers (RFC 9113 §8.3.1).
        if header.name.starts_with(':') {
            if header.name == ":authority" {
                record.headers.insert(0, (b"Host"[..].into(), header.value.as_bytes().into()));
            }
            continue;
        }
        record.headers.push(header.pair()?);
    }
    if let Some(posted) = post_data {
        record.body = Exact(posted.bytes(body_size)?);
    }
    if let Some(content) = content.filter(|_| foreign && record.body.is_empty()) {
        record.body = Exact(content.bytes()?);
    }
    if !foreign {
        if record.target.is_empty() {
            record.target = parts_of(&url).1;
        }
        return Ok(record);
    }
    let mut notes = headers_notes(&mut record);
    let packed: String =
        url.trim().chars().map(|c| if c.is_whitespace() { "%20".into() } else { c.to_string() }).collect();
    if packed != url {
        notes.push("White space in the URL was replaced with %20.".into());
    }
    record.set_url(&packed);
    notes.extend(Some(body_note(&mut record, body_size)).filter(|note| !note.is_empty()));
    record.version = Some(version(&http_version));
    // Tools change the order and the case of header names.
    record.names = Some(HeaderNames::Normalized);
    match entry.started_date_time.as_deref().map(super::moment) {
        Some(Ok(at)) => record.arrived_at = Some(at),
        Some(Err(why)) => notes.push(format!("The time was not imported: {why}.")),
        None => {}
    }
    record.note = notes.join(" ");
    if let Some((response, status)) = entry.response.and_then(|response| {
        Some((response.status(), response)).and_then(|(status, response)| Some((response, status?)))
    }) {
        record.status = Some(status);
        record.response = Some(InboxResponse {
            status,
            headers: response.headers.into_iter().map(|header| (header.name, header.value)).collect(),
            body: response.content.and_then(Content::short_text).unwrap_or_default(),
            ..InboxResponse::default()
        });
    }
    Ok(record)
}

fn version(name: &str) -> HttpVersion {
    match name.to_ascii_lowercase().as_str() {
        "http/1.0" => HttpVersion::Http10,
        name if name.starts_with("http/2") || name.starts_with("http/3") || ["h2", "h3"].contains(&name) => {
            HttpVersion::Http2
        }
        _ => HttpVersion::Http11,
    }
}

/// Text that can contain bytes other than UTF-8. mitmproxy writes such a byte as a lone surrogate (Python's
/// `surrogateescape`), which a Rust string cannot contain.
#[derive(Default)]
struct Text(Vec<u8>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Wide;
        impl serde::de::Visitor<'_> for Wide {
            type Value = Text;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.into()))
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Text, E> {
                Ok(Text(unescaped(bytes)))
            }

            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Text, E> {
                Ok(Text(unescaped(&bytes)))
            }
        }
        deserializer.deserialize_bytes(Wide)
    }
}

/// Replaces the encoded surrogates U+DC80 to U+DCFF with the bytes 80 to ff.
fn unescaped(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, after)) = rest.split_first() {
        match rest {
            [0xed, high @ 0xb2..=0xb3, low @ 0x80..=0xbf, after @ ..] => {
                plain.push((high & 1) << 6 | (low & 0x3f) | 0x80);
                rest = after;
            }
            _ => {
                plain.push(first);
                rest = after;
            }
        }
    }
    plain
}

impl PostData {
    /// Returns the bytes of the body. Tools write each byte that is not UTF-8 as a character, so the sent length
    /// decides whether characters are bytes.
    fn bytes(self, body_size: i64) -> Result<Vec<u8>, String> {
        let fields = self.params.unwrap_or_default();
        match self.text {
            Some(Text(text)) if self.encoding.as_deref() == Some("base64") => {
                bytes::decoded(&String::from_utf8_lossy(&text)).map_err(|why| format!("postData: {why}"))
            }
            Some(Text(text)) if !text.is_empty() || fields.is_empty() => {
                let latin = std::str::from_utf8(&text)
                    .ok()
                    // Counting first avoids a useless copy of a large body.
                    .filter(|text| text.len() as i64 != body_size && text.chars().count() as i64 == body_size)
                    .and_then(|text| text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect());
                Ok(latin.unwrap_or(text))
            }
            _ if fields.is_empty() => Ok(Vec::new()),
            _ if self.mime_type.starts_with("multipart/") => {
                Err("postData has the fields of a multipart form but not its text, so the bytes are unknown".into())
            }
            _ => {
                let plain =
                    fields.iter().map(|field| format!("{}={}", field.name, field.value)).collect::<Vec<_>>().join("&");
                let encoded = form_urlencoded::Serializer::new(String::new())
                    .extend_pairs(fields.iter().map(|field| (&field.name, &field.value)))
                    .finish();
                // Browsers write fields as sent, other tools decoded. The sent length can decide.
                let as_sent = match body_size {
                    size if size == plain.len() as i64 && size != encoded.len() as i64 => true,
                    size if size == encoded.len() as i64 && size != plain.len() as i64 => false,
                    _ => fields.iter().all(|field| is_encoded(&field.name) && is_encoded(&field.value)),
                };
                Ok(if as_sent { plain } else { encoded }.into())
            }
        }
    }
}

/// Returns true if a text can be percent-encoded: no character needs an escape, and each `%` starts one.
fn is_encoded(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().all(|(at, byte)| match byte {
        b'%' => bytes.get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)),
        byte => byte.is_ascii_alphanumeric() || b"-_.!~*'()+".contains(byte),
    })
}

/// Removes or repairs invalid headers, and returns a note for each.
fn headers_notes(record: &mut Record) -> Vec<String> {
    let mut notes = Vec::new();
    record.headers.retain_mut(|(Exact(name), Exact(value))| {
        let shown = String::from_utf8_lossy(name).into_owned();
        if http::HeaderName::from_bytes(name).is_err() {
            notes.push(format!("The header {shown:?} was omitted, because the name is invalid."));
            return false;
        }
        if value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            let lines = value
                .split(|byte| matches!(byte, b'\r' | b'\n' | 0))
                .map(<[u8]>::trim_ascii)
                .filter(|line| !line.is_empty());
            *value = lines.collect::<Vec<_>>().join(&b' ');
            notes.push(format!("Line breaks in the header {shown} were replaced with spaces."));
        }
        true
    });
    notes
}

/// Returns a note if the body in the file differs from the sent body.
fn body_note(record: &mut Record, body_size: i64) -> String {
    let held = record.body.0.len() as i64;
    let announced =
        record.header("content-length").and_then(|value| std::str::from_utf8(value).ok()?.trim().parse::<i64>().ok());
    let sent = if body_size > 0 { body_size } else { announced.unwrap_or(0) };
    let content = content_of_headers(record);
    // A body of the sent length is not decoded. For other lengths, the bytes show the coding.
    let is_coded = || decode_prefix(&record.body.0, &content.codings, TRIED).is_ok();
    if !content.codings.is_empty() && held > 0 && sent != held && !is_coded() {
        record.headers.retain(|(name, _)| !name.0.eq_ignore_ascii_case(b"content-encoding"));
        let codings = content.codings.join(", ");
        return format!("The HAR file contains this body decoded, so the Content-Encoding ({codings}) was omitted.");
    }
    match sent > 0 && sent != held {
        true => {
            format!(
                "The HAR file does not contain this body as sent: {sent} bytes were sent, {held} bytes are in the file."
            )
        }
        false => String::new(),
    }
}

/// Returns the content type and the content codings of a record.
fn content_of_headers(record: &Record) -> hookbench_model::BodyContent {
    hookbench_content::body_content(record.headers.iter().map(|(name, value)| (name.0.as_slice(), value.0.as_slice())))
}

impl Content {
    /// Returns the bytes of the content.
    fn bytes(self) -> Result<Vec<u8>, String> {
        match (self.text, self.encoding.as_deref()) {
            (Some(text), Some("base64")) => bytes::decoded(&text).map_err(|why| format!("_content: {why}")),
            (text, _) => Ok(text.unwrap_or_default().into()),
        }
    }

    /// Returns the body of a response if it is text within the size limit.
    fn short_text(self) -> Option<String> {
        let text = match self.encoding.as_deref() {
            Some("base64") => String::from_utf8(bytes::decoded(&self.text?).ok()?).ok()?,
            _ => self.text?,
        };
        (text.len() <= RESPONSE_BODY_MAX).then_some(text)
    }
}

/// Returns the text before the entries.
pub(super) fn begin() -> String {
    let log = json!({
        "version": "1.2",
        "creator": { "name": "Hookbench", "version": env!("CARGO_PKG_VERSION") },
        "pages": [],
    });
    let log = log.to_string();
    format!("{{\"log\":{},\"entries\":[\n", log.trim_end_matches('}'))
}

/// Text after the entries.
pub(super) const END: &str = "\n]}}\n";

/// Returns the entry of a request.
pub(super) fn write_entry(record: &Record) -> Result<Vec<u8>, String> {
    let host = record.header("host").map_or(NO_HOST.into(), String::from_utf8_lossy);
    let url = match is_absolute(&record.target) {
        true => record.target.clone(),
        false => format!("http://{host}{}", if record.target.starts_with('/') { &record.target } else { "/" }),
    };
    let mime_type = record.header("content-type").map(String::from_utf8_lossy).unwrap_or_default();
    let version = record.version.unwrap_or(HttpVersion::Http11).as_str();
    let mut request = json!({
        "method": record.method,
        "url": url,
        "httpVersion": version,
        "cookies": [],
        "headers": record.headers.iter().map(Named::of).collect::<Vec<_>>(),
        "queryString": query(&record.target),
        "headersSize": -1,
        "bodySize": record.body.0.len(),
    });
    if !record.body.is_empty() {
        request["postData"] = match std::str::from_utf8(&record.body.0) {
            Ok(text) => json!({ "mimeType": mime_type, "text": text }),
            Err(_) => json!({ "mimeType": mime_type, "text": STANDARD.encode(&record.body.0), "_encoding": "base64" }),
        };
    }
    let response = record.response.clone().unwrap_or_default();
    let status = record.status.unwrap_or(0);
    let responded = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let content_type = response.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let ours = Record {
        method: String::new(),
        target: if parts_of(&url).1 == record.target { String::new() } else { record.target.clone() },
        headers: Vec::new(),
        body: Exact::default(),
        ..record.clone()
    };
    let entry = json!({
        "startedDateTime": record.arrived_at.unwrap_or_default(),
        "time": record.receiving_ms,
        "request": request,
        "response": {
            "status": status,
            "statusText": responded.unwrap_or_default(),
            "httpVersion": version,
            "cookies": [],
            "headers": response.headers.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect::<Vec<_>>(),
            "content": {
                "size": response.body.len(),
                "mimeType": content_type.map_or("", |(_, value)| value),
                "text": response.body,
            },
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": response.body.len(),
        },
        "cache": {},
        "timings": { "send": 0, "wait": 0, "receive": record.receiving_ms },
        "_hookbench": ours,
    });
    serde_json::to_vec(&entry).map_err(|e| e.to_string())
}

fn query(target: &str) -> Vec<serde_json::Value> {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    form_urlencoded::parse(query.as_bytes()).map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

/// Separator between two entries.
pub(super) const BETWEEN: &[u8] = b",\n";
