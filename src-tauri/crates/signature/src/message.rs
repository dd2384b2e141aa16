//! HTTP message to verify, and cached views of its body.

use std::cell::OnceCell;

use hookbench_content::{
    MediaType, body_content, form_fields, json_values, media_type, multipart, text, without_bom, without_nan,
};
use hookbench_model::{BodyContent, BodyKind};
use serde_json::Value;

/// Maximum number of multipart form fields parsed.
const FIELDS_MAX: usize = 1_000;

/// Borrowed HTTP request. Verification copies no part of the request.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// Method in upper case.
    pub method: &'a str,
    /// Path and query as received.
    pub target: &'a str,
    /// Full URL as registered with the sender. A tunnel or proxy may change the URL, so the registered URL cannot be
    /// derived from the message. If absent, the URL is built from the Host header and the target.
    pub url: Option<&'a str>,
    /// Header names and values in wire order, including duplicates.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// Body after transfer decoding, before content decoding.
    pub body: &'a [u8],
}

impl<'a> Message<'a> {
    /// Returns the first value of a header.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// Returns all values of a header in wire order.
    pub fn header_values(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// Returns the URL that the sender signed: the registered URL, or `http://` with Host header and target if no URL
    /// is registered.
    pub fn signed_url(&self) -> String {
        self.url.map_or_else(
            || {
                let host = self.header("host").map(String::from_utf8_lossy).unwrap_or_default();
                format!("http://{host}{}", self.target)
            },
            str::to_owned,
        )
    }

    /// Returns the path and query that the sender signed: those of the registered URL, else the target.
    pub fn signed_path(&self) -> &'a str {
        let registered = self.url.and_then(|url| url.split_once("://")).map(|(_, rest)| rest);
        match registered {
            Some(rest) => rest.find('/').map_or("/", |at| &rest[at..]),
            None => self.target,
        }
    }

    /// Returns the first value of a query parameter, decoded.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

/// Message with its JSON body and form fields, each parsed at most once.
pub struct ParsedMessage<'a> {
    pub(crate) message: Message<'a>,
    lenient: bool,
    json: OnceCell<Option<Value>>,
    form: OnceCell<Vec<(String, String)>>,
    parts: OnceCell<Option<Vec<(String, String)>>>,
}

impl std::fmt::Debug for ParsedMessage<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reading").field("message", &self.message).finish_non_exhaustive()
    }
}

impl<'a> ParsedMessage<'a> {
    /// Creates a strict reading. The body is parsed on first use.
    pub fn new(message: &Message<'a>) -> Self {
        Self { message: *message, lenient: false, json: OnceCell::new(), form: OnceCell::new(), parts: OnceCell::new() }
    }

    /// Creates a lenient reading for display. A lenient reading also accepts the first of several JSON values, the JSON
    /// in the form field `payload` (GitHub, Slack), and JSON with a byte order mark or `NaN`. The body must already be
    /// content-decoded. Never use a lenient reading to verify a signature.
    pub fn lenient(message: &Message<'a>) -> Self {
        Self { lenient: true, ..Self::new(message) }
    }

    /// Returns the message.
    pub fn message(&self) -> Message<'a> {
        self.message
    }

    /// Returns true if the JSON body has a value of any type at a path.
    pub(crate) fn has_json(&self, path: &str) -> bool {
        self.body_json().is_some_and(|value| find(value, path).is_some())
    }

    pub(crate) fn body_json(&self) -> Option<&Value> {
        let read = || match self.lenient {
            false => serde_json::from_slice(self.message.body).ok(),
            true => first_json(self.message.body).or_else(|| first_json(self.field("payload")?.as_bytes())),
        };
        self.json.get_or_init(read).as_ref()
    }

    /// Returns the decoded fields of a form body in order.
    pub(crate) fn form(&self) -> &[(String, String)] {
        self.form.get_or_init(|| match self.lenient {
            false => form_urlencoded::parse(self.message.body).into_owned().collect(),
            true => {
                let text = text(&self.content(), self.message.body);
                form_fields(&text.bytes, text.charset)
            }
        })
    }

    /// Returns the first value of a form field, for multipart (RFC 7578) and URL-encoded forms.
    pub(crate) fn field(&self, wanted: &str) -> Option<String> {
        self.field_values(wanted).into_iter().next()
    }

    /// Returns all values of a form field, for multipart (RFC 7578) and URL-encoded forms.
    pub(crate) fn field_values(&self, wanted: &str) -> Vec<String> {
        let fields = self.parts.get_or_init(|| self.multipart_fields());
        let (parts, form) = match fields {
            Some(fields) => (fields.as_slice(), &[][..]),
            None => (&[][..], self.form()),
        };
        parts.iter().chain(form).filter(|(name, _)| name == wanted).map(|(_, value)| value.clone()).collect()
    }

    fn content(&self) -> BodyContent {
        body_content(self.message.headers.iter().map(|(name, value)| (name.as_bytes(), *value)))
    }

    /// Returns the fields of a multipart form, detected by Content-Type or by a body that begins with `--`.
    fn multipart_fields(&self) -> Option<Vec<(String, String)>> {
        let content = self.content();
        let media = match media_type(&content) {
            Some(media) if content.kind == BodyKind::Multipart => media,
            _ if self.message.body.starts_with(b"--") => MediaType::parse("multipart/form-data")?,
            _ => return None,
        };
        let read = multipart(&media, self.message.body, FIELDS_MAX)?;
        let text = |value: Vec<u8>| String::from_utf8_lossy(&value).into_owned();
        Some(read.fields().into_iter().map(|(name, value)| (name, text(value))).collect())
    }

    /// Returns a scalar from the JSON text of a form field. The first step of the path is the name of the field.
    pub(crate) fn form_json(&self, path: &str) -> Option<String> {
        let (field, path) = path.split_once('.')?;
        let text = self.field(field)?;
        scalar(find(&serde_json::from_str(&text).ok()?, path)?)
    }

    /// Returns a scalar of a JSON body by a path such as `signature.timestamp`. `[]` selects the first item of a list.
    pub(crate) fn json(&self, path: &str) -> Option<String> {
        scalar(find(self.body_json()?, path)?)
    }
}

/// Returns the first JSON value of a text if the value is an object or an array.
fn first_json(text: &[u8]) -> Option<Value> {
    let text = without_bom(text);
    let first = text.iter().find(|byte| !byte.is_ascii_whitespace() && **byte != 0x1e)?;
    if !matches!(first, b'{' | b'[') {
        return None;
    }
    serde_json::from_slice(text).ok().or_else(|| {
        let (_, value) = json_values(text).next()?;
        serde_json::from_slice(value).ok().or_else(|| serde_json::from_slice(&without_nan(value)?).ok())
    })
}

fn find<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    let mut at = value;
    for step in path.split('.') {
        let (name, first) = step.strip_suffix("[]").map_or((step, false), |name| (name, true));
        if !name.is_empty() {
            at = match at {
                Value::Array(items) => items.get(name.parse::<usize>().ok()?)?,
                other => other.get(name)?,
            };
        }
        if first {
            at = at.get(0)?;
        }
    }
    Some(at)
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}
