//! A message as it came off the wire.

use std::cell::OnceCell;

use hookbench_content::{
    MediaType, body_content, form_fields, json_values, media_type, multipart, text, without_bom, without_nan,
};
use hookbench_model::{BodyContent, BodyKind};
use serde_json::Value;

/// Most fields of a multipart form that are looked at.
const FIELDS_MAX: usize = 1_000;

/// One HTTP request, borrowed: nothing is copied to judge it.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// Method, upper case.
    pub method: &'a str,
    /// Path and query as sent.
    pub target: &'a str,
    /// The whole URL as registered with the sender. A tunnel or proxy changes what arrives, so
    /// it cannot be told from the message; without it, it is put together from Host and target.
    pub url: Option<&'a str>,
    /// Header names and values in wire order, with repeats.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// Body as sent, after transfer decoding and before any other.
    pub body: &'a [u8],
}

impl<'a> Message<'a> {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// Every value of a header, in order.
    pub fn header_values(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// The URL that was signed, as far as it is known.
    pub fn signed_url(&self) -> String {
        self.url.map_or_else(
            || {
                let host = self.header("host").map(String::from_utf8_lossy).unwrap_or_default();
                format!("http://{host}{}", self.target)
            },
            str::to_owned,
        )
    }

    /// Path and query that were signed: of the registered URL where there is one.
    pub fn signed_path(&self) -> &'a str {
        let registered = self.url.and_then(|url| url.split_once("://")).map(|(_, rest)| rest);
        match registered {
            Some(rest) => rest.find('/').map_or("/", |at| &rest[at..]),
            None => self.target,
        }
    }

    /// The first value of a query parameter, decoded.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

/// A message with what is read out of it once.
pub struct Reading<'a> {
    pub(crate) message: Message<'a>,
    lenient: bool,
    json: OnceCell<Option<Value>>,
    form: OnceCell<Vec<(String, String)>>,
    parts: OnceCell<Option<Vec<(String, String)>>>,
}

impl std::fmt::Debug for Reading<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reading").field("message", &self.message).finish_non_exhaustive()
    }
}

impl<'a> Reading<'a> {
    /// Reads nothing yet.
    pub fn new(message: &Message<'a>) -> Self {
        Self { message: *message, lenient: false, json: OnceCell::new(), form: OnceCell::new(), parts: OnceCell::new() }
    }

    /// Reads nothing yet, and later what a person would: the first of several JSON values, the JSON in a form's field
    /// `payload` (GitHub, Slack), JSON with a byte order mark or `NaN`. The body has its codings undone. Never used to
    /// verify a signature.
    pub fn lenient(message: &Message<'a>) -> Self {
        Self { lenient: true, ..Self::new(message) }
    }

    /// The message that is read.
    pub fn message(&self) -> Message<'a> {
        self.message
    }

    /// Whether a JSON body has anything at a path.
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

    /// The fields of a form body, decoded, in order.
    pub(crate) fn form(&self) -> &[(String, String)] {
        self.form.get_or_init(|| match self.lenient {
            false => form_urlencoded::parse(self.message.body).into_owned().collect(),
            true => {
                let text = text(&self.content(), self.message.body);
                form_fields(&text.bytes, text.charset)
            }
        })
    }

    /// The first value of a field of a form, multipart (RFC 7578) or not.
    pub(crate) fn field(&self, wanted: &str) -> Option<String> {
        self.field_values(wanted).into_iter().next()
    }

    /// Every value of a field of a form, multipart (RFC 7578) or not.
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

    /// The fields of a multipart form: Content-Type says so, or the body begins as one does.
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

    /// A scalar of the JSON text in a form's field, which is the first step of the path.
    pub(crate) fn form_json(&self, path: &str) -> Option<String> {
        let (field, path) = path.split_once('.')?;
        let text = self.field(field)?;
        scalar(find(&serde_json::from_str(&text).ok()?, path)?)
    }

    /// A scalar of a JSON body by a path such as `signature.timestamp`; `[]` takes the first item.
    pub(crate) fn json(&self, path: &str) -> Option<String> {
        scalar(find(self.body_json()?, path)?)
    }
}

/// The first JSON value of a text, where that is an object or array.
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
