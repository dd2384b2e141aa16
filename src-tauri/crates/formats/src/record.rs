//! Requests as imported and exported, and their conversion into the form of the store.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bytes::Bytes;
use hookbench_capture::{Body, Captured, Findings, HEAD_BYTES_MAX, header_list};
use hookbench_model::{
    BodyState, HeaderNames, HttpVersion, InboxResponse, NOTE_MAX, RESPONSE_BODY_MAX, SignatureStatus,
};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::{Value, value::RawValue};

use super::bytes::Exact;

/// Remote address of an imported request without one.
pub const UNKNOWN_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// Maximum length of a method, in characters. The longest registered method has 17.
const METHOD_MAX: usize = 64;

/// Request with all stored data. As JSON, a record is one line of an export; missing fields have their defaults.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// Id in the exporting database. An import assigns a new id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Name of the inbox, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inbox: Option<String>,
    /// Arrival time.
    #[serde(
        skip_serializing_if = "Option::is_none",
        alias = "timestamp",
        alias = "created_at",
        deserialize_with = "moment"
    )]
    pub arrived_at: Option<Timestamp>,
    /// Time from the first byte to the last, in ms.
    #[serde(skip_serializing_if = "is_default")]
    pub receiving_ms: f64,
    /// Method.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub method: String,
    /// Request target, or a URL that [`Record::captured`] splits into target and Host header.
    #[serde(skip_serializing_if = "String::is_empty", alias = "url", alias = "path")]
    pub target: String,
    /// HTTP version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<HttpVersion>,
    /// Remote address.
    #[serde(skip_serializing_if = "Option::is_none", alias = "peer")]
    pub remote_address: Option<String>,
    /// Headers in order, with repeats.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "headers")]
    pub headers: Vec<(Exact, Exact)>,
    /// Fidelity of the header names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub names: Option<HeaderNames>,
    /// Trailers in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trailers: Vec<(Exact, Exact)>,
    /// Body, byte for byte.
    #[serde(skip_serializing_if = "Exact::is_empty")]
    pub body: Exact,
    /// Completeness of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_state: Option<BodyState>,
    /// Announced length of a body that was refused unread, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_bytes: Option<u64>,
    /// Status of the response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Response of the inbox.
    #[serde(skip_serializing_if = "Option::is_none", alias = "answer")]
    pub response: Option<InboxResponse>,
    /// True if the request is pinned.
    #[serde(skip_serializing_if = "is_default")]
    pub pinned: bool,
    /// Note.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Name of the imported file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    // The results of verification are exported for information. An import verifies requests again.
    /// Vendor that sent the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Event type of the vendor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// Event id of the vendor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// Signature status. Written by exports, ignored by imports.
    #[serde(skip_serializing_if = "Option::is_none", skip_deserializing)]
    pub signature_status: Option<SignatureStatus>,
    /// Reason for an invalid signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Deserializes a time, as [`moment_of`] parses it.
fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    moment_of(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// Parses a time in a text format, or in seconds or milliseconds since the Unix epoch, as a number or a text.
pub(crate) fn moment_of(value: &Value) -> Result<Option<Timestamp>, String> {
    let number = match value {
        Value::Null => return Ok(None),
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse::<f64>().ok().filter(|number| number.is_finite()),
        _ => None,
    };
    match (number, value) {
        (Some(number), _) => {
            // As seconds, 1e11 is in the year 5138. As milliseconds, it is in 1973.
            let us = if number.abs() < 1e11 { number * 1e6 } else { number * 1e3 };
            Timestamp::from_microsecond(us as i64).map(Some).map_err(|e| e.to_string())
        }
        (None, Value::String(text)) => super::moment(text).map(Some),
        (None, other) => Err(format!("{other} is not a date and time")),
    }
}

/// Deserializes headers, as [`pairs_of`] parses them.
fn headers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(Exact, Exact)>, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    pairs_of(&raw).map_err(|e| D::Error::custom(format!("headers: {e}")))
}

/// Parses headers as a list of pairs, of `{"name", "value"}` objects or of lines, or as an object with one or several
/// values per name.
pub(crate) fn pairs_of(raw: &RawValue) -> Result<Vec<(Exact, Exact)>, String> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Item {
        Pair(Exact2),
        Named {
            #[serde(alias = "key", alias = "Name")]
            name: String,
            #[serde(default, alias = "Value")]
            value: Value,
        },
        Line(String),
    }
    #[derive(Deserialize)]
    struct Exact2(Box<RawValue>, Box<RawValue>);
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let pair = |name: &str, value: &Value| (Exact(name.into()), Exact(text(value).into()));
    if raw.get().starts_with('{') {
        let by_name: serde_json::Map<String, Value> = serde_json::from_str(raw.get()).map_err(|e| e.to_string())?;
        return Ok(by_name
            .iter()
            .flat_map(|(name, values)| match values {
                Value::Array(values) => values.iter().map(|value| pair(name, value)).collect(),
                Value::Null => Vec::new(),
                value => vec![pair(name, value)],
            })
            .collect());
    }
    if let Ok(pairs) = serde_json::from_str::<Vec<(Exact, Exact)>>(raw.get()) {
        return Ok(pairs);
    }
    let items: Vec<Item> = serde_json::from_str(raw.get()).map_err(|e| e.to_string())?;
    items
        .into_iter()
        .map(|item| match item {
            Item::Pair(Exact2(name, value)) => {
                let exact = |raw: &RawValue| serde_json::from_str::<Exact>(raw.get()).map_err(|e| e.to_string());
                Ok((exact(&name)?, exact(&value)?))
            }
            Item::Named { name, value } => Ok(pair(&name, &value)),
            Item::Line(line) => {
                let (name, value) = line.split_once(':').ok_or_else(|| format!("the header is invalid: {line:?}"))?;
                Ok(pair(name.trim(), &Value::from(value.trim())))
            }
        })
        .collect()
}

/// Returns the headers of a header block, in order.
pub fn pairs(block: &[u8]) -> Vec<(Exact, Exact)> {
    header_list(block).map(|(name, value)| (name.into(), value.into())).collect()
}

/// Builds a header block, or returns an error for an invalid header.
fn block(pairs: &[(Exact, Exact)]) -> Result<Vec<u8>, String> {
    let mut block = Vec::new();
    for (Exact(name), Exact(value)) in pairs {
        http::HeaderName::from_bytes(name)
            .map_err(|_| format!("the header name is invalid: {:?}", String::from_utf8_lossy(name)))?;
        if value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return Err(format!("the value of the header {} contains a line break", String::from_utf8_lossy(name)));
        }
        block.extend_from_slice(name);
        block.extend_from_slice(b": ");
        block.extend_from_slice(value.trim_ascii());
        block.extend_from_slice(b"\r\n");
    }
    if block.len() > HEAD_BYTES_MAX {
        return Err(format!("the headers are too long: {} bytes (at most {HEAD_BYTES_MAX})", block.len()));
    }
    Ok(block)
}

impl Record {
    /// Returns the record if it has a method and a target, or else an error.
    pub(crate) fn named(self) -> Result<Self, String> {
        match (self.method.is_empty(), self.target.is_empty()) {
            (false, false) => Ok(self),
            (true, true) => Err("no method and no target (url, target or path)".into()),
            (true, false) => Err("no method".into()),
            (false, true) => Err("no target (url, target or path)".into()),
        }
    }

    /// Sets the status from text. An invalid status is ignored and noted.
    pub(crate) fn set_status(&mut self, text: &str) {
        match text.trim().parse() {
            Ok(status) => self.status = Some(status),
            Err(_) => self.add_note(&format!("The status {text:?} was not imported, because it is not a number.")),
        }
    }

    /// Appends a sentence to the note.
    pub(crate) fn add_note(&mut self, sentence: &str) {
        if !self.note.is_empty() {
            self.note.push(' ');
        }
        self.note.push_str(sentence);
    }

    /// Returns the first value of a header.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers
            .iter()
            .find(|(own, _)| own.0.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value.0.as_slice())
    }

    /// Sets the target from the path and query of a URL, unchanged. The host becomes the first header unless there is a
    /// Host header.
    pub(crate) fn set_url(&mut self, url: &str) {
        let (authority, target) = parts_of(url);
        if let Some(authority) = authority.filter(|host| !host.is_empty() && self.header("host").is_none()) {
            self.headers.insert(0, (b"Host"[..].into(), authority.as_bytes().into()));
        }
        self.target = target;
    }

    /// Takes the response if it is a valid HTTP response within the size limits.
    pub fn take_response(&mut self) -> Option<InboxResponse> {
        let is_valid = |(name, value): &(String, String)| {
            http::HeaderName::from_bytes(name.as_bytes()).is_ok() && http::HeaderValue::from_str(value).is_ok()
        };
        self.response.take().filter(|response| {
            (100..=999).contains(&response.status)
                && response.body.len() <= RESPONSE_BODY_MAX
                && response.headers.iter().all(is_valid)
                && response.headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>()
                    <= HEAD_BYTES_MAX
        })
    }

    /// Converts the record into the form of the store. A large body is still inline.
    ///
    /// # Errors
    /// Returns the reason if the record is not a valid request or exceeds a limit.
    pub fn captured(mut self, inbox: i64, body_max: u64, now_us: i64) -> Result<Captured, String> {
        // A record with an id is written by Hookbench, and its target is unchanged from the request.
        if is_absolute(&self.target) && self.names.is_none() && self.id.is_none() {
            let url = std::mem::take(&mut self.target);
            self.set_url(&url);
        }
        let mut this = self.named()?;
        let method: http::Method = match this.method.len() {
            0..=METHOD_MAX => this.method.parse().map_err(|_| format!("the method is invalid: {:?}", this.method))?,
            length => return Err(format!("the method is too long: {length} characters (at most {METHOD_MAX})")),
        };
        let target = std::mem::take(&mut this.target);
        if target.len() > HEAD_BYTES_MAX || target.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            let shown: String = target.chars().take(80).collect();
            return Err(format!(
                "the target is invalid: {shown:?} (no spaces or control characters, at most {HEAD_BYTES_MAX} bytes)"
            ));
        }
        let body = this.body.0;
        if body.len() as u64 > body_max {
            return Err(format!("the body is too large: {} bytes (the settings allow {body_max})", body.len()));
        }
        if this.note.len() > NOTE_MAX {
            return Err(format!("the note is too long: {} bytes (at most {NOTE_MAX})", this.note.len()));
        }
        let body_state = this.body_state.unwrap_or(BodyState::Complete);
        let announced = this.body_bytes.filter(|_| body_state == BodyState::TooLarge);
        let remote_address = this.remote_address.as_deref().and_then(|remote_address| {
            remote_address
                .parse()
                .ok()
                .or_else(|| remote_address.parse::<IpAddr>().ok().map(|address| SocketAddr::new(address, 0)))
        });
        Ok(Captured {
            inbox,
            arrived_us: this.arrived_at.map_or(now_us, |at| at.as_microsecond().clamp(0, now_us)),
            receiving_us: (this.receiving_ms.clamp(0.0, 1e12) * 1_000.0).round() as i64,
            method,
            target,
            version: this.version.unwrap_or(HttpVersion::Http11),
            remote_address: remote_address.unwrap_or(UNKNOWN_ADDRESS),
            headers: block(&this.headers)?,
            names: this.names.unwrap_or(HeaderNames::Exact),
            trailers: block(&this.trailers)?,
            body_bytes: announced.unwrap_or(body.len() as u64).min(i64::MAX as u64),
            body: Body::Inline(Bytes::from(body)),
            body_state,
            status: this.status.filter(|status| (100..=999).contains(status)).unwrap_or(0),
            response: None,
            via: 0,
            findings: Findings::default(),
        })
    }
}

/// Returns true if a target is an absolute URL (RFC 9112 §3.2.2), not a path that contains one.
pub(crate) fn is_absolute(target: &str) -> bool {
    !target.starts_with('/') && target.contains("://")
}

/// Returns the authority of a URL without user and password, and the request target.
pub(crate) fn parts_of(url: &str) -> (Option<&str>, String) {
    let url = url.split('#').next().unwrap_or_default();
    let (authority, rest) = match url.split_once("://").filter(|_| is_absolute(url)) {
        None => (None, url),
        Some((_, rest)) => {
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            let authority = &rest[..end];
            (Some(authority.rsplit_once('@').map_or(authority, |(_, host)| host)), &rest[end..])
        }
    };
    match rest.starts_with('/') || rest == "*" && authority.is_none() {
        true => (authority, rest.to_owned()),
        false => (authority, format!("/{rest}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_urls_without_normalization() {
        for (url, authority, target) in [
            ("https://u:p@a.example:8/x//y/../%2e?q=1#f", Some("a.example:8"), "/x//y/../%2e?q=1"),
            ("http://a", Some("a"), "/"),
            ("http://a?x=/y", Some("a"), "/?x=/y"),
            ("/only/path", None, "/only/path"),
            ("shop", None, "/shop"),
        ] {
            assert_eq!(parts_of(url), (authority, target.to_owned()), "{url}");
        }
    }

    #[test]
    fn rejects_invalid_requests_with_a_reason() {
        let why = |change: fn(&mut Record)| {
            let mut record = Record { method: "PUT".into(), target: "/x".into(), ..Record::default() };
            change(&mut record);
            record.captured(1, 10, 5).map(|_| ()).expect_err("rejected")
        };
        assert!(why(|r| r.method = "GE T".into()).contains("method"));
        assert!(why(|r| r.target = "/a b".into()).contains("target"));
        assert!(why(|r| r.headers = vec![(b"X Y"[..].into(), b"1"[..].into())]).contains("header name"));
        assert!(why(|r| r.headers = vec![(b"X"[..].into(), b"1\r\nY: 2"[..].into())]).contains("line break"));
        assert!(why(|r| r.body = Exact(vec![0; 11])).contains("11 bytes"));
        assert!(why(|r| r.method = String::new()).contains("no method"));
        assert!(why(|r| r.target = String::new()).contains("no target"));
        let late =
            Record { arrived_at: Some(Timestamp::MAX), method: "PUT".into(), target: "/".into(), ..Record::default() };
        assert_eq!(late.captured(1, 10, 5).expect("kept").arrived_us, 5);
    }

    #[test]
    fn parses_lines_of_other_tools() {
        let record: Record = serde_json::from_str(
            r#"{"method":"PUT","url":"https://a.example/x?y","headers":{"X-A":"1","X-B":["2","3"],"X-N":4},"body":{"a":1},"timestamp":1763740800}"#,
        )
        .expect("it reads");
        let captured = record.captured(1, 100, i64::MAX).expect("it is a request");
        assert_eq!(
            String::from_utf8_lossy(&captured.headers),
            "Host: a.example\r\nX-A: 1\r\nX-B: 2\r\nX-B: 3\r\nX-N: 4\r\n"
        );
        assert_eq!((captured.target.as_str(), captured.arrived_us), ("/x?y", 1_763_740_800_000_000));
        assert!(matches!(captured.body, Body::Inline(body) if &body[..] == br#"{"a":1}"#));
    }
}
