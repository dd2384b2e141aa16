//! HAR 1.2 (<http://www.softwareishard.com/blog/har-12-spec/>), as browsers and proxies write it.
//!
//! What HAR has no place for stands in `_hookline` of each entry, so that our own comes back whole.

use std::io::BufRead;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hookline_capture::{HeaderNames, Version};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Bad, Record, Take,
    entries::each,
    exact::{self, Exact},
    record::{is_absolute, parts_of},
};
use crate::answer::{ANSWER_BODY_MAX, InboxAnswer};

/// Stands for the host of a request that names none.
const NO_HOST: &str = "unknown.invalid";

/// What gzip begins with (RFC 1952 §2.3.1).
const GZIP: &[u8] = b"\x1f\x8b";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    started_date_time: Option<String>,
    request: Request,
    response: Option<Response>,
    #[serde(rename = "_hookline")]
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
    #[serde(default, deserialize_with = "or_none")]
    body_size: f64,
}

/// A header, and a field of a form.
#[derive(Serialize, Deserialize)]
struct Named {
    name: String,
    #[serde(default, deserialize_with = "or_none")]
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
            Some(coded) => exact::decoded(coded)?,
            None => self.value.into(),
        };
        Ok((Exact(self.name.into()), Exact(value)))
    }
}

/// Reads the entries of a HAR file.
pub(super) fn read(file: &mut dyn BufRead, take: Take<'_>) -> Result<(), Bad> {
    let mut number = 0;
    let done = each(file, &["log", "entries"], &mut |raw| {
        number += 1;
        let entry = serde_json::from_str::<Entry>(raw).map_err(|e| e.to_string()).and_then(record);
        take(number, entry)
    });
    match done {
        Ok(true) => Ok(()),
        Ok(false) => Err(Bad::new("the file", "it has no log.entries, so it is no HAR")),
        Err(why) => Err(Bad::new(format!("behind entry {number}"), why)),
    }
}

fn record(entry: Entry) -> Result<Record, String> {
    let Request { method, url, http_version, headers, post_data, body_size } = entry.request;
    let (foreign, body_size) = (entry.ours.is_none(), body_size as i64);
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
    if !foreign {
        if record.target.is_empty() {
            record.target = parts_of(&url).1;
        }
        return Ok(record);
    }
    record.set_url(&url);
    record.note = body_note(&mut record, body_size);
    record.version = Some(version(&http_version));
    // Tools write names as they like, sorted or in lower case.
    record.names = Some(HeaderNames::Normalised);
    record.arrived_at = entry.started_date_time.as_deref().map(super::moment).transpose()?;
    if let Some((response, status)) = entry.response.and_then(|response| {
        Some((response.status(), response)).and_then(|(status, response)| Some((response, status?)))
    }) {
        record.status = Some(status);
        record.answer = Some(InboxAnswer {
            status,
            headers: response.headers.into_iter().map(|header| (header.name, header.value)).collect(),
            body: response.content.and_then(Content::short_text).unwrap_or_default(),
            ..InboxAnswer::default()
        });
    }
    Ok(record)
}

fn version(name: &str) -> Version {
    match name.to_ascii_lowercase().as_str() {
        "http/1.0" => Version::Http10,
        name if name.starts_with("http/2") || name.starts_with("http/3") || ["h2", "h3"].contains(&name) => {
            Version::Http2
        }
        _ => Version::Http11,
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
                exact::decoded(&String::from_utf8_lossy(&text)).map_err(|why| format!("postData: {why}"))
            }
            Some(Text(text)) if !text.is_empty() || fields.is_empty() => {
                let latin = std::str::from_utf8(&text).ok().and_then(|text| {
                    text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect::<Option<Vec<u8>>>()
                });
                Ok(latin
                    .filter(|latin| latin.len() as i64 == body_size && text.len() as i64 != body_size)
                    .unwrap_or(text))
            }
            _ if fields.is_empty() => Ok(Vec::new()),
            _ if self.mime_type.starts_with("multipart/") => {
                Err("postData has the fields of a multipart form and not its text, so its bytes are not known".into())
            }
            _ => Ok(form_urlencoded::Serializer::new(String::new())
                .extend_pairs(fields.iter().map(|field| (&field.name, &field.value)))
                .finish()
                .into()),
        }
    }
}

/// What a person must know of a body that the file holds otherwise than it was sent.
fn body_note(record: &mut Record, body_size: i64) -> String {
    let held = record.body.0.len() as i64;
    let coding = record.header("content-encoding").map(|coding| String::from_utf8_lossy(coding).into_owned());
    if let Some(coding) = coding.filter(|_| held > 0 && !record.body.0.starts_with(GZIP)) {
        record.headers.retain(|(name, _)| !name.0.eq_ignore_ascii_case(b"content-encoding"));
        return format!("The HAR file has this body decoded, so its Content-Encoding ({coding}) was left out.");
    }
    let announced =
        record.header("content-length").and_then(|value| std::str::from_utf8(value).ok()?.parse::<i64>().ok());
    let sent = if body_size > 0 { body_size } else { announced.unwrap_or(0) };
    match sent > 0 && sent != held {
        true => {
            format!("The HAR file has not this body as it was sent: {sent} bytes were sent, {held} are in the file.")
        }
        false => String::new(),
    }
}

impl Content {
    /// The answer's body where it is text and no larger than what an answer can have.
    fn short_text(self) -> Option<String> {
        let text = match self.encoding.as_deref() {
            Some("base64") => String::from_utf8(exact::decoded(&self.text?).ok()?).ok()?,
            _ => self.text?,
        };
        (text.len() <= ANSWER_BODY_MAX).then_some(text)
    }
}

/// What stands in front of the entries.
pub(super) fn begin() -> String {
    let log = json!({
        "version": "1.2",
        "creator": { "name": "Hookline", "version": env!("CARGO_PKG_VERSION") },
        "pages": [],
    });
    let log = log.to_string();
    format!("{{\"log\":{},\"entries\":[\n", log.trim_end_matches('}'))
}

/// What stands behind them.
pub(super) const END: &str = "\n]}}\n";

/// A request as an entry.
pub(super) fn entry(record: &Record) -> Result<Vec<u8>, String> {
    let host = record.header("host").map_or(NO_HOST.into(), String::from_utf8_lossy);
    let url = match is_absolute(&record.target) {
        true => record.target.clone(),
        false => format!("http://{host}{}", if record.target.starts_with('/') { &record.target } else { "/" }),
    };
    let mime_type = record.header("content-type").map(String::from_utf8_lossy).unwrap_or_default();
    let version = record.version.unwrap_or(Version::Http11).as_str();
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
        "_hookline": ours,
    });
    serde_json::to_vec(&entry).map_err(|e| e.to_string())
}

fn query(target: &str) -> Vec<serde_json::Value> {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    form_urlencoded::parse(query.as_bytes()).map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

/// What stands between two entries.
pub(super) const BETWEEN: &[u8] = b",\n";
