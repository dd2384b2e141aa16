//! Schemas inferred from JSON bodies: the fields of an event type's bodies, their changes over time, and code
//! generated from them. No I/O.
#![forbid(unsafe_code)]

mod json_schema;
mod node;
mod rust;
#[cfg(test)]
mod tests;
mod typescript;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use node::Lesson;
pub use node::{Change, ChangeKind, Format as TextFormat, Node, Sighting, Type};

/// Maximum number of nodes of one schema. Bounds the size for hostile senders.
const PLACES_MAX: usize = 400;

/// Maximum number of changes that are kept.
const DRIFT_KEPT: usize = 100;

/// Schema of the bodies of one event type in one inbox.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct InferredSchema {
    /// Number of JSON bodies that the schema was inferred from.
    pub requests: u64,
    /// Newest of these bodies.
    pub last: Sighting,
    /// Root of the bodies.
    pub root: Node,
    /// Newest 100 changes, oldest first.
    pub drift: Vec<Change>,
}

/// Output language of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// JSON Schema 2020-12.
    JsonSchema,
    /// TypeScript types.
    Typescript,
    /// Rust types for serde.
    Rust,
}

impl InferredSchema {
    /// Adds a body to the schema.
    pub fn learn(&mut self, value: &Value, seen: Sighting) {
        let mut room = PLACES_MAX.saturating_sub(self.root.places());
        let mut lesson = Lesson { seen, drift: &mut self.drift, room: &mut room, path: Vec::new() };
        self.root.learn(value, &mut lesson);
        self.requests += 1;
        self.last = seen;
        let over = self.drift.len().saturating_sub(DRIFT_KEPT);
        self.drift.drain(..over);
    }

    /// Returns the schema as code. The name of the type is derived from the event type.
    pub fn code(&self, code: Code, event_type: &str) -> String {
        let title = if event_type.is_empty() { "body" } else { event_type };
        match code {
            Code::JsonSchema => json_schema::write(&self.root, title),
            Code::Typescript => typescript::write(&self.root, title),
            Code::Rust => rust::write(&self.root, title),
        }
    }

    /// Returns a summary of the schema.
    pub fn brief(&self) -> Brief {
        Brief {
            requests: self.requests,
            fields: self.root.places() as u64,
            drift: self.drift.len() as u64,
            first_us: self.root.first.us,
            last_us: self.last.us,
            drift_us: self.drift.last().map(|drift| drift.seen.us),
        }
    }
}

/// Summary of a schema, as shown in lists.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Brief {
    /// Number of JSON bodies that the schema was inferred from.
    pub requests: u64,
    /// Number of fields.
    pub fields: u64,
    /// Number of stored changes.
    pub drift: u64,
    /// Arrival of the first body, in µs since the Unix epoch.
    pub first_us: i64,
    /// Arrival of the newest body, in µs since the Unix epoch.
    pub last_us: i64,
    /// Arrival of the body with the newest change, in µs since the Unix epoch.
    pub drift_us: Option<i64>,
}

/// Splits a name into words for type names: `chat.message_created` becomes chat, message, created.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || c.is_uppercase() && before_lower {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        before_lower = c.is_lowercase() || c.is_numeric();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Type names reserved by the languages or used in the generated code.
const TAKEN: &[&str] = &[
    "Array",
    "Boolean",
    "Deserialize",
    "Err",
    "None",
    "Number",
    "Object",
    "Ok",
    "Option",
    "Record",
    "Result",
    "Self",
    "Serialize",
    "Some",
    "String",
    "Symbol",
    "Vec",
];

/// Returns a type name such as `ChatMessageCreated`.
fn type_name(name: &str) -> String {
    let name: String = words(name)
        .iter()
        .map(|word| word.chars().take(1).flat_map(char::to_uppercase).chain(word.chars().skip(1)).collect::<String>())
        .collect();
    // A type name must be ASCII and must not begin with a digit.
    let ascii: String = name.chars().filter(char::is_ascii).collect();
    match ascii.chars().next() {
        None => "Body".into(),
        Some(first) if first.is_ascii_digit() => format!("N{ascii}"),
        Some(_) if TAKEN.contains(&ascii.as_str()) => format!("{ascii}Body"),
        Some(_) => ascii,
    }
}
