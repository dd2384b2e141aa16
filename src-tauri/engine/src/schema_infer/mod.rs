//! Shapes: what the JSON bodies of an inbox are like, event type by event type, and when that changed.
//!
//! A shape is learned behind judging, since that tells the event type, and kept as a sum: it stays true
//! of what was seen when requests roll over.

mod follow;
mod node;
mod rust;
mod schema;
#[cfg(test)]
mod tests;
mod typescript;

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

pub(crate) use follow::spawn;
use node::{Drift, Lesson};
pub use node::{Format as TextFormat, Type, What};
pub(crate) use node::{Node, Seen};

/// Most places of one shape, so that a hostile sender cannot grow it without end.
const PLACES_MAX: usize = 400;

/// Most shapes of one inbox; event types past them are not learned.
const SHAPES_MAX: i64 = 200;

/// Changes kept, the newest.
const DRIFT_KEPT: usize = 100;

/// What the bodies of one event type in one inbox are like.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Shape {
    /// JSON bodies it was learned from.
    pub(crate) requests: u64,
    pub(crate) last: Seen,
    pub(crate) root: Node,
    pub(crate) drift: Vec<Drift>,
}

/// A code that a shape is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Code {
    /// JSON Schema 2020-12.
    JsonSchema,
    /// TypeScript types.
    Typescript,
    /// Rust types for serde.
    Rust,
}

impl Shape {
    /// Takes in a body.
    pub(crate) fn learn(&mut self, value: &Value, seen: Seen) {
        let mut room = PLACES_MAX.saturating_sub(self.root.places());
        let mut lesson = Lesson { seen, drift: &mut self.drift, room: &mut room, path: Vec::new() };
        self.root.learn(value, &mut lesson);
        self.requests += 1;
        self.last = seen;
        let over = self.drift.len().saturating_sub(DRIFT_KEPT);
        self.drift.drain(..over);
    }

    /// As code; the event type gives it its name.
    pub(crate) fn code(&self, code: Code, event_type: &str) -> String {
        let title = if event_type.is_empty() { "body" } else { event_type };
        match code {
            Code::JsonSchema => schema::write(&self.root, title),
            Code::Typescript => typescript::write(&self.root, title),
            Code::Rust => rust::write(&self.root, title),
        }
    }

    /// It in short.
    pub(crate) fn brief(&self) -> Brief {
        Brief {
            requests: self.requests,
            fields: self.root.places() as u64,
            drift: self.drift.len() as u64,
            first_us: self.root.first.us,
            last_us: self.last.us,
            drift_us: self.drift.last().map(|drift| drift.seen.us),
        }
    }

    /// All that are known, in short, by inbox and event type.
    pub(crate) fn all(connection: &Connection) -> rusqlite::Result<Vec<(i64, String, Brief)>> {
        connection
            .prepare_cached("SELECT inbox, event_type, brief FROM shape ORDER BY inbox, event_type")?
            .query_map([], |row| {
                let brief = row.get::<_, String>(2)?;
                Ok((row.get(0)?, row.get(1)?, serde_json::from_str(&brief).unwrap_or_default()))
            })?
            .collect()
    }

    /// That of an inbox's event type; none if nothing was seen.
    pub(crate) fn load(connection: &Connection, inbox: i64, event_type: &str) -> rusqlite::Result<Option<Self>> {
        connection
            .prepare_cached("SELECT value FROM shape WHERE inbox = ?1 AND event_type = ?2")?
            .query_row(params![inbox, event_type], |row| Ok(read(&row.get::<_, String>(0)?)))
            .optional()
    }

    /// Forgets one: it is learned anew from what arrives then.
    pub(crate) fn forget(connection: &Connection, inbox: i64, event_type: &str) -> rusqlite::Result<bool> {
        let forgotten =
            connection.execute("DELETE FROM shape WHERE inbox = ?1 AND event_type = ?2", params![inbox, event_type])?;
        Ok(forgotten > 0)
    }
}

/// A shape in short, as a list shows it.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Brief {
    pub(crate) requests: u64,
    pub(crate) fields: u64,
    pub(crate) drift: u64,
    pub(crate) first_us: i64,
    pub(crate) last_us: i64,
    pub(crate) drift_us: Option<i64>,
}

/// A shape as it is stored; written out before the writer has it, so that no capture waits for that.
struct Written {
    inbox: i64,
    event_type: String,
    brief: String,
    value: String,
}

impl Written {
    fn of(inbox: i64, event_type: String, shape: &Shape) -> Self {
        let brief = serde_json::to_string(&shape.brief()).unwrap_or_default();
        Self { inbox, event_type, brief, value: serde_json::to_string(shape).unwrap_or_default() }
    }

    fn save(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection
            .prepare_cached(
                "INSERT INTO shape (inbox, event_type, brief, value)
                 SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM inbox WHERE number = ?1)
                   AND ((SELECT count(*) FROM shape WHERE inbox = ?1) < ?5
                     OR EXISTS (SELECT 1 FROM shape WHERE inbox = ?1 AND event_type = ?2))
                 ON CONFLICT DO UPDATE SET brief = excluded.brief, value = excluded.value",
            )?
            .execute(params![self.inbox, self.event_type, self.brief, self.value, SHAPES_MAX])
            .map(drop)
    }
}

/// One that does not read is learned anew.
fn read(value: &str) -> Shape {
    serde_json::from_str(value).unwrap_or_default()
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
