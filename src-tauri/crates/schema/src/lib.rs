//! Schemas inferred from JSON bodies: what the bodies of an event type are like, when that changed, and types for them.
//! Pure: no I/O.
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
pub use node::{Change, ChangeKind, Format as TextFormat, Node, Seen, Type};

/// Most places of one schema, so that a hostile sender cannot grow it without end.
const PLACES_MAX: usize = 400;

/// Changes kept, the newest.
const DRIFT_KEPT: usize = 100;

/// The schema of the bodies of one event type in one inbox.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct InferredSchema {
    /// JSON bodies it was learned from.
    pub requests: u64,
    /// The newest of them.
    pub last: Seen,
    /// The bodies themselves.
    pub root: Node,
    /// Changes, oldest first; the newest hundred.
    pub drift: Vec<Change>,
}

/// A language that a schema is written in.
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
    /// Takes in a body.
    pub fn learn(&mut self, value: &Value, seen: Seen) {
        let mut room = PLACES_MAX.saturating_sub(self.root.places());
        let mut lesson = Lesson { seen, drift: &mut self.drift, room: &mut room, path: Vec::new() };
        self.root.learn(value, &mut lesson);
        self.requests += 1;
        self.last = seen;
        let over = self.drift.len().saturating_sub(DRIFT_KEPT);
        self.drift.drain(..over);
    }

    /// As code; the event type gives it its name.
    pub fn code(&self, code: Code, event_type: &str) -> String {
        let title = if event_type.is_empty() { "body" } else { event_type };
        match code {
            Code::JsonSchema => json_schema::write(&self.root, title),
            Code::Typescript => typescript::write(&self.root, title),
            Code::Rust => rust::write(&self.root, title),
        }
    }

    /// It in short.
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

/// A schema in short, as a list shows it.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Brief {
    /// JSON bodies it was learned from.
    pub requests: u64,
    /// Places it has.
    pub fields: u64,
    /// Changes that are kept.
    pub drift: u64,
    /// Arrival of the first body, in µs since the Unix epoch.
    pub first_us: i64,
    /// Arrival of the newest body.
    pub last_us: i64,
    /// Arrival of the body that changed it last.
    pub drift_us: Option<i64>,
}

/// Words of a name, for the names of types: `chat.message_created` gives chat, message, created.
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

/// Names that the languages or the code itself use.
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

/// A name for a type: `ChatMessageCreated`.
fn type_name(name: &str) -> String {
    let name: String = words(name)
        .iter()
        .map(|word| word.chars().take(1).flat_map(char::to_uppercase).chain(word.chars().skip(1)).collect::<String>())
        .collect();
    // A name begins with no digit, and is one that ASCII tools read.
    let ascii: String = name.chars().filter(char::is_ascii).collect();
    match ascii.chars().next() {
        None => "Body".into(),
        Some(first) if first.is_ascii_digit() => format!("N{ascii}"),
        Some(_) if TAKEN.contains(&ascii.as_str()) => format!("{ascii}Body"),
        Some(_) => ascii,
    }
}
