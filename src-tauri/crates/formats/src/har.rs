//! HAR 1.2 (<http://www.softwareishard.com/blog/har-12-spec/>), as browsers and proxies write it.
//!
//! What HAR has no place for stands in `_hookbench` of each entry, so that our own comes back whole.

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

/// Stands for the host of a request that names none.
const NO_HOST: &str = "unknown.invalid";

/// How much of a body is decoded to tell whether it is coded, in bytes.
const TRIED: u64 = 1024 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    started_date_time: Option<String>,
    request: Request,
    response: Option<Response>,
    #[serde(rename = "_hookbench")]
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
    /// HTTP Toolkit's body of bytes that are not UTF-8, as a response has its content.
    #[serde(rename = "_content")]
    content: Option<Content>,
    #[serde(default, deserialize_with = "number")]
    body_size: f64,
}

/// A header, and a field of a form.
#[derive(Serialize, Deserialize)]
struct Named {
    #[serde(default, deserialize_with = "scalar")]
    name: String,
    #[serde(default, deserialize_with = "scalar")]
    value: String,
    /// Ours, for bytes that are no text: the value as it is.
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
    /// As `content.encoding` of a response has it; HAR 1.2 has none for requests.
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

/// Tools write `null` for what they do not know.
fn or_none<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A number, also as a text.
fn number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Number(number) => number.as_f64().unwrap_or_default(),
        serde_json::Value::String(text) => text.trim().parse().unwrap_or_default(),
        _ => 0.0,
    })
}

/// A text, also where it is written as a number or a truth value.
fn scalar<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    })
}

impl Response {
    /// A status; 0 and -1 say that there was no answer.
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
        Ok(false) => Err(ImportError::new("the file", "it has no log.entries, so it is not a HAR file")),
        Err(why) => Err(ImportError::new(format!("after entry {number}"), why)),
    }
}

fn parse_entry(entry: Entry) -> Result<Record, String> {
    let Request { method, url, http_version, headers, post_data, content, body_size } = entry.request;
    let (foreign, body_size) = (entry.ours.is_none(), body_size as i64);
    if foreign && (method.is_empty() || url.is_empty()) {
        return Err("it is not a request: it has no method or no url".into());
    }
    let mut record = entry.ours.unwrap_or_default();
    record.method = method;
    for header in headers {
        // HTTP/2 has the method and the address in headers of their own (RFC 9113 §8.3.1).
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
        notes.push("White space in its URL was written as %20.".into());
    }
    record.set_url(&packed);
    notes.extend(Some(body_note(&mut record, body_size)).filter(|note| !note.is_empty()));
    record.version = Some(version(&http_version));
    // Tools write names as they like, sorted or in lower case.
    record.names = Some(HeaderNames::Normalised);
    match entry.started_date_time.as_deref().map(super::moment) {
        Some(Ok(at)) => record.arrived_at = Some(at),
        Some(Err(why)) => notes.push(format!("Its time was not imported: {why}.")),
        None => {}
    }
    record.note = notes.join(" ");
    if let Some((response, status)) = entry.response.and_then(|response| {
        Some((response.status(), response)).and_then(|(status, response)| Some((response, status?)))
    }) {
        record.status = Some(status);
        record.answer = Some(InboxResponse {
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

/// Text of which some was not UTF-8: mitmproxy writes such a byte as a lone surrogate
/// (Python's `surrogateescape`), which no string can hold.
#[derive(Default)]
struct Text(Vec<u8>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Wide;
        impl serde::de::Visitor<'_> for Wide {
            type Value = Text;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a text")
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

/// U+DC80 to U+DCFF, as three bytes each, are the bytes 80 to ff.
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
    /// The body. Tools write bytes that are no UTF-8 as a character each, so the length that was sent
    /// decides how the text is read.
    fn bytes(self, body_size: i64) -> Result<Vec<u8>, String> {
        let fields = self.params.unwrap_or_default();
        match self.text {
            Some(Text(text)) if self.encoding.as_deref() == Some("base64") => {
                bytes::decoded(&String::from_utf8_lossy(&text)).map_err(|why| format!("postData: {why}"))
            }
            Some(Text(text)) if !text.is_empty() || fields.is_empty() => {
                let latin = std::str::from_utf8(&text)
                    .ok()
                    // Counted first: of a large body, a copy would be made to be dropped.
                    .filter(|text| text.len() as i64 != body_size && text.chars().count() as i64 == body_size)
                    .and_then(|text| text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect());
                Ok(latin.unwrap_or(text))
            }
            _ if fields.is_empty() => Ok(Vec::new()),
            _ if self.mime_type.starts_with("multipart/") => {
                Err("postData has the fields of a multipart form and not its text, so its bytes are not known".into())
            }
            _ => {
                let plain =
                    fields.iter().map(|field| format!("{}={}", field.name, field.value)).collect::<Vec<_>>().join("&");
                let encoded = form_urlencoded::Serializer::new(String::new())
                    .extend_pairs(fields.iter().map(|field| (&field.name, &field.value)))
                    .finish();
                // Browsers write them as they were sent, other tools decoded; the length that was sent may tell.
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

/// Whether a text may be percent-encoded already: it has no character that a form escapes, and every `%` begins an escape.
fn is_encoded(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().all(|(at, byte)| match byte {
        b'%' => bytes.get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)),
        byte => byte.is_ascii_alphanumeric() || b"-_.!~*'()+".contains(byte),
    })
}

/// Makes headers that no message can have into ones it can, and says so.
fn headers_notes(record: &mut Record) -> Vec<String> {
    let mut notes = Vec::new();
    record.headers.retain_mut(|(Exact(name), Exact(value))| {
        let shown = String::from_utf8_lossy(name).into_owned();
        if http::HeaderName::from_bytes(name).is_err() {
            notes.push(format!("The header {shown:?} was left out, because that is not a valid header name."));
            return false;
        }
        if value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            let lines = value
                .split(|byte| matches!(byte, b'\r' | b'\n' | 0))
                .map(<[u8]>::trim_ascii)
                .filter(|line| !line.is_empty());
            *value = lines.collect::<Vec<_>>().join(&b' ');
            notes.push(format!("Line breaks in the header {shown} were written as spaces."));
        }
        true
    });
    notes
}

/// What a person must know of a body that the file holds otherwise than it was sent.
fn body_note(record: &mut Record, body_size: i64) -> String {
    let held = record.body.0.len() as i64;
    let announced =
        record.header("content-length").and_then(|value| std::str::from_utf8(value).ok()?.trim().parse::<i64>().ok());
    let sent = if body_size > 0 { body_size } else { announced.unwrap_or(0) };
    let content = content_of_headers(record);
    // Where all that was sent is held, nothing was decoded; else the bytes tell.
    let is_coded = || decode_prefix(&record.body.0, &content.codings, TRIED).is_ok();
    if !content.codings.is_empty() && held > 0 && sent != held && !is_coded() {
        record.headers.retain(|(name, _)| !name.0.eq_ignore_ascii_case(b"content-encoding"));
        let codings = content.codings.join(", ");
        return format!("The HAR file holds this body decoded, so its Content-Encoding ({codings}) was left out.");
    }
    match sent > 0 && sent != held {
        true => {
            format!(
                "The HAR file does not hold this body as it was sent: {sent} bytes were sent, {held} are in the file."
            )
        }
        false => String::new(),
    }
}

/// What a record's headers say of its body.
fn content_of_headers(record: &Record) -> hookbench_model::BodyContent {
    hookbench_content::body_content(record.headers.iter().map(|(name, value)| (name.0.as_slice(), value.0.as_slice())))
}

impl Content {
    /// The bytes.
    fn bytes(self) -> Result<Vec<u8>, String> {
        match (self.text, self.encoding.as_deref()) {
            (Some(text), Some("base64")) => bytes::decoded(&text).map_err(|why| format!("_content: {why}")),
            (text, _) => Ok(text.unwrap_or_default().into()),
        }
    }

    /// The answer's body where it is text and no larger than what an answer can have.
    fn short_text(self) -> Option<String> {
        let text = match self.encoding.as_deref() {
            Some("base64") => String::from_utf8(bytes::decoded(&self.text?).ok()?).ok()?,
            _ => self.text?,
        };
        (text.len() <= RESPONSE_BODY_MAX).then_some(text)
    }
}

/// What stands in front of the entries.
pub(super) fn begin() -> String {
    let log = json!({
        "version": "1.2",
        "creator": { "name": "Hookbench", "version": env!("CARGO_PKG_VERSION") },
        "pages": [],
    });
    let log = log.to_string();
    format!("{{\"log\":{},\"entries\":[\n", log.trim_end_matches('}'))
}

/// What stands behind them.
pub(super) const END: &str = "\n]}}\n";

/// A request as an entry.
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
    let answer = record.answer.clone().unwrap_or_default();
    let status = record.status.unwrap_or(0);
    let answered = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let content_type = answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
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
            "statusText": answered.unwrap_or_default(),
            "httpVersion": version,
            "cookies": [],
            "headers": answer.headers.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect::<Vec<_>>(),
            "content": {
                "size": answer.body.len(),
                "mimeType": content_type.map_or("", |(_, value)| value),
                "text": answer.body,
            },
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": answer.body.len(),
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

/// What stands between two entries.
pub(super) const BETWEEN: &[u8] = b",\n";
