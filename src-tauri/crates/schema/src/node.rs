//! Statistics of the values at one path of a JSON body.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// Maximum depth of a body that is analyzed.
const DEPTH_MAX: usize = 24;

/// Number of keys above which an object is treated as a map, whose keys are data such as IDs.
const MAP_KEYS: usize = 64;

/// Maximum length of a key and of a listed value, in bytes.
const TEXT_MAX: usize = 64;

/// Maximum number of distinct values that are counted.
const VALUES_MAX: usize = 12;

/// Minimum number of strings, in total and per value, before the values are treated as an enumeration.
const STRINGS_MIN: u64 = 100;
const EACH_MIN: u64 = 20;

/// Maximum length of an enumeration value, in bytes.
const WORD_MAX: usize = 32;

/// Parts of key names that indicate personal data, regardless of the values.
const PERSONAL: &[&str] = &[
    "name", "mail", "phone", "address", "street", "city", "zip", "postal", "birth", "gender", "user", "login",
    "contact", "customer", "secret", "token", "key", "password", "company", "title", "text", "message", "note",
    "comment",
];

/// Returns true if a value can belong to an enumeration: mostly lower-case letters, with digits and separators. Names
/// of people and places contain spaces, capitals or non-ASCII letters.
fn is_word(value: &str) -> bool {
    value.len() <= WORD_MAX
        && value.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-:/".contains(&byte))
        && value.bytes().filter(u8::is_ascii_lowercase).count() > value.len() / 2
}

/// Returns true if a key may contain personal data.
fn is_personal(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    PERSONAL.iter().any(|part| key.contains(part))
}

/// Types of JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SchemaType)]
pub enum Type {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean,
    /// Number without a fraction.
    Integer,
    /// Number with a fraction.
    Number,
    /// String.
    String,
    /// Array.
    Array,
    /// Object.
    Object,
}

/// Formats of JSON Schema (2020-12 Validation, section 7.3) that are detected in strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = SchemaFormat)]
pub enum Format {
    /// Date and time (RFC 3339).
    DateTime,
    /// Date (RFC 3339).
    Date,
    /// UUID (RFC 9562).
    Uuid,
    /// Email address.
    Email,
    /// URL with http or https.
    Uri,
    /// IPv4 address.
    Ipv4,
    /// IPv6 address.
    Ipv6,
}

/// Request in which a value was seen, with its arrival time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// Row number of the request.
    pub row: i64,
    /// Time of arrival, in µs since the Unix epoch.
    pub us: i64,
}

/// Change of a schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Path of the field, in the notation of a query after `body.`.
    pub path: String,
    /// Kind of the change.
    pub what: ChangeKind,
    /// Request that caused the change.
    pub seen: Sighting,
}

/// Kind of a schema change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = SchemaChangeKind)]
pub enum ChangeKind {
    /// A new field.
    NewField {
        /// Type of the field.
        value_type: Type,
    },
    /// A new type of a field.
    NewType {
        /// New type.
        value_type: Type,
        /// Previous types.
        before: Vec<Type>,
    },
    /// A field that was in all earlier bodies is missing.
    Missing,
}

/// Statistics of a path in the bodies.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Number of values.
    pub count: u64,
    /// First request with a value.
    pub first: Sighting,
    /// Number of values by type.
    pub types: BTreeMap<Type, u64>,
    /// Common format of all strings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// Number of occurrences of each string. `None` if there were too many distinct strings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<BTreeMap<String, u64>>,
    /// Properties of the objects.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, Node>,
    /// Values of objects whose keys are data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub any: Option<Box<Node>>,
    /// Elements of the arrays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Box<Node>>,
}

/// State while one request is added to a schema.
pub(crate) struct Lesson<'l> {
    pub seen: Sighting,
    pub drift: &'l mut Vec<Change>,
    /// Number of nodes that may still be added.
    pub room: &'l mut usize,
    /// Current path, key by key.
    pub path: Vec<String>,
}

impl Lesson<'_> {
    fn note(&mut self, what: ChangeKind) {
        let (path, seen) = (self.path.concat(), self.seen);
        self.drift.push(Change { path: path.strip_prefix('.').unwrap_or(&path).to_owned(), what, seen });
    }

    fn at<T>(&mut self, key: String, learn: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(key);
        let learned = learn(self);
        self.path.pop();
        learned
    }
}

fn type_of(value: &Value) -> Type {
    match value {
        Value::Null => Type::Null,
        Value::Bool(_) => Type::Boolean,
        // Integers beyond 64 bits are parsed as floating-point numbers.
        Value::Number(number) if !number.is_i64() => Type::Number,
        Value::Number(_) => Type::Integer,
        Value::String(_) => Type::String,
        Value::Array(_) => Type::Array,
        Value::Object(_) => Type::Object,
    }
}

impl Node {
    /// Returns true if the node existed before this request.
    fn known_before(&self, lesson: &Lesson<'_>) -> bool {
        self.count > 0 && self.first.row != lesson.seen.row
    }

    /// Returns the number of values of a type.
    pub fn of(&self, one: Type) -> u64 {
        self.types.get(&one).copied().unwrap_or(0)
    }

    /// Adds a value.
    pub(crate) fn learn(&mut self, value: &Value, lesson: &mut Lesson<'_>) {
        let (known, one) = (self.known_before(lesson), type_of(value));
        if self.count == 0 {
            self.first = lesson.seen;
        }
        if known && !self.types.contains_key(&one) {
            lesson.note(ChangeKind::NewType { value_type: one, before: self.types.keys().copied().collect() });
        }
        let objects = self.of(Type::Object);
        self.count += 1;
        *self.types.entry(one).or_default() += 1;
        if lesson.path.len() >= DEPTH_MAX {
            return;
        }
        match value {
            Value::String(text) => self.learn_text(text),
            Value::Array(items) => {
                for item in items {
                    let node = self.items.get_or_insert_default();
                    lesson.at("[*]".into(), |lesson| node.learn(item, lesson));
                }
            }
            Value::Object(fields) => self.learn_fields(fields, known && objects > 0, objects, lesson),
            _ => {}
        }
    }

    fn learn_fields(
        &mut self,
        fields: &serde_json::Map<String, Value>,
        known: bool,
        objects: u64,
        lesson: &mut Lesson<'_>,
    ) {
        for (key, value) in fields {
            if self.any.is_none() && !self.properties.contains_key(key) && self.properties.len() >= MAP_KEYS {
                self.become_a_map();
            }
            if let Some(any) = &mut self.any {
                lesson.at(".*".into(), |lesson| any.learn(value, lesson));
                continue;
            }
            let is_new = !self.properties.contains_key(key);
            if is_new && (*lesson.room == 0 || key.len() > TEXT_MAX) {
                continue;
            }
            let node = self.properties.entry(key.clone()).or_default();
            lesson.at(format!(".{}", hookbench_query::key_in_path(key)), |lesson| {
                if is_new {
                    *lesson.room -= 1;
                    if known {
                        lesson.note(ChangeKind::NewField { value_type: type_of(value) });
                    }
                }
                node.learn(value, lesson);
            });
        }
        if known {
            let absent =
                self.properties.iter().filter(|(key, node)| node.count == objects && !fields.contains_key(*key));
            for key in absent.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
                lesson
                    .at(format!(".{}", hookbench_query::key_in_path(&key)), |lesson| lesson.note(ChangeKind::Missing));
            }
        }
    }

    /// Converts the properties to a map, because that many keys are data. The statistics of their values are merged.
    fn become_a_map(&mut self) {
        let mut any = Node::default();
        for node in std::mem::take(&mut self.properties).into_values() {
            any.merge(node);
        }
        self.any = Some(Box::new(any));
    }

    fn merge(&mut self, other: Self) {
        if self.count == 0 {
            *self = other;
            return;
        }
        let strings = (self.of(Type::String), other.of(Type::String));
        if self.first.row > other.first.row {
            self.first = other.first;
        }
        self.count += other.count;
        for (one, count) in other.types {
            *self.types.entry(one).or_default() += count;
        }
        self.format = match strings {
            (0, _) => other.format,
            (_, 0) => self.format,
            _ => self.format.filter(|format| Some(*format) == other.format),
        };
        self.values = match (self.values.take(), other.values) {
            (Some(mut own), Some(theirs)) => {
                theirs.into_iter().for_each(|(value, count)| *own.entry(value).or_default() += count);
                (own.len() <= VALUES_MAX).then_some(own)
            }
            (own, theirs) if strings.0 == 0 || strings.1 == 0 => own.or(theirs),
            _ => None,
        };
        for (key, node) in other.properties {
            self.properties.entry(key).or_default().merge(node);
        }
        for (own, theirs) in [(&mut self.any, other.any), (&mut self.items, other.items)] {
            if let Some(theirs) = theirs {
                own.get_or_insert_default().merge(*theirs);
            }
        }
    }

    fn learn_text(&mut self, text: &str) {
        let format = format_of(text);
        if self.of(Type::String) == 1 {
            self.format = format;
            self.values = Some(BTreeMap::new());
        } else {
            self.format = self.format.filter(|known| Some(*known) == format);
        }
        if let Some(values) = &mut self.values {
            let fits = text.len() <= TEXT_MAX && (values.contains_key(text) || values.len() < VALUES_MAX);
            match fits {
                true => *values.entry(text.to_owned()).or_default() += 1,
                false => self.values = None,
            }
        }
    }

    /// Returns the values of an enumeration: a few words that occur again and again. `key` is the key of the node.
    /// Values that may be personal data are never returned.
    pub fn enumerated(&self, key: &str) -> Option<Vec<&str>> {
        if is_personal(key) {
            return None;
        }
        let values = self.values.as_ref().filter(|_| self.format.is_none())?;
        let strings = self.of(Type::String);
        let few = !values.is_empty() && strings >= STRINGS_MIN && strings >= EACH_MIN * values.len() as u64;
        (few && values.keys().all(|value| is_word(value))).then(|| values.keys().map(String::as_str).collect())
    }

    /// Returns true if a property is in every object of this node.
    pub fn always(&self, property: &Self) -> bool {
        property.count >= self.of(Type::Object)
    }

    /// Returns the number of nodes below this one.
    pub fn places(&self) -> usize {
        let below = self.properties.values().chain(self.any.as_deref()).chain(self.items.as_deref());
        below.map(|node| 1 + node.places()).sum()
    }
}

fn format_of(text: &str) -> Option<Format> {
    let first = text.bytes().next()?;
    if text.len() > 2_000 {
        return None;
    }
    if first.is_ascii_digit() && text.as_bytes().get(4) == Some(&b'-') && text.as_bytes().get(7) == Some(&b'-') {
        return match text.len() {
            10 => text.parse::<civil::Date>().is_ok().then_some(Format::Date),
            // jiff accepts more than RFC 3339, such as a space instead of the T.
            _ => (text.as_bytes().get(10) == Some(&b'T') && text.parse::<Timestamp>().is_ok() && !text.contains('['))
                .then_some(Format::DateTime),
        };
    }
    if text.len() == 36 && uuid::Uuid::try_parse(text).is_ok() {
        return Some(Format::Uuid);
    }
    if text.starts_with("https://") || text.starts_with("http://") {
        return text.parse::<http::Uri>().is_ok().then_some(Format::Uri);
    }
    if text.parse::<std::net::Ipv4Addr>().is_ok() {
        return Some(Format::Ipv4);
    }
    if text.contains(':') && text.parse::<std::net::Ipv6Addr>().is_ok() {
        return Some(Format::Ipv6);
    }
    let (name, host) = text.split_once('@')?;
    let plain =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_+".contains(&b));
    (plain(name) && plain(host) && host.contains('.')).then_some(Format::Email)
}
