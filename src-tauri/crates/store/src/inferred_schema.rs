//! Schemas inferred from the JSON bodies of an inbox, one per event type.

use hookbench_schema::InferredSchema;
use rusqlite::{Connection, OptionalExtension, params};

/// Maximum number of schemas per inbox. Further event types get no schema.
const SCHEMAS_MAX: i64 = 200;

/// Lists the summary of every schema with the number of its inbox and its event type.
pub fn all(connection: &Connection) -> rusqlite::Result<Vec<(i64, String, hookbench_schema::Brief)>> {
    connection
        .prepare_cached("SELECT inbox, event_type, brief FROM inferred_schema ORDER BY inbox, event_type")?
        .query_map([], |row| {
            let brief = row.get::<_, String>(2)?;
            Ok((row.get(0)?, row.get(1)?, serde_json::from_str(&brief).unwrap_or_default()))
        })?
        .collect()
}

/// Returns the schema of an event type. `None` if no body of this type was seen.
pub fn load(connection: &Connection, inbox: i64, event_type: &str) -> rusqlite::Result<Option<InferredSchema>> {
    connection
        .prepare_cached("SELECT value FROM inferred_schema WHERE inbox = ?1 AND event_type = ?2")?
        .query_row(params![inbox, event_type], |row| Ok(read(&row.get::<_, String>(0)?)))
        .optional()
}

/// Deletes a schema, which is then inferred again from new requests. Returns true if there was one.
pub fn forget(connection: &Connection, inbox: i64, event_type: &str) -> rusqlite::Result<bool> {
    let forgotten = connection
        .execute("DELETE FROM inferred_schema WHERE inbox = ?1 AND event_type = ?2", params![inbox, event_type])?;
    Ok(forgotten > 0)
}

/// Schema ready to store. The value is serialized before the writer gets it, so that captures do not wait for the
/// serialization.
pub struct SchemaWrite {
    inbox: i64,
    event_type: String,
    brief: String,
    value: String,
}

impl SchemaWrite {
    /// Serializes a schema.
    pub fn of(inbox: i64, event_type: String, shape: &InferredSchema) -> Self {
        let brief = serde_json::to_string(&shape.brief()).unwrap_or_default();
        Self { inbox, event_type, brief, value: serde_json::to_string(shape).unwrap_or_default() }
    }

    /// Stores the schema, unless the inbox was deleted or already has 200 others.
    pub fn save(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection
            .prepare_cached(
                "INSERT INTO inferred_schema (inbox, event_type, brief, value)
                 SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM inbox WHERE number = ?1)
                   AND ((SELECT count(*) FROM inferred_schema WHERE inbox = ?1) < ?5
                     OR EXISTS (SELECT 1 FROM inferred_schema WHERE inbox = ?1 AND event_type = ?2))
                 ON CONFLICT DO UPDATE SET brief = excluded.brief, value = excluded.value",
            )?
            .execute(params![self.inbox, self.event_type, self.brief, self.value, SCHEMAS_MAX])
            .map(drop)
    }
}

/// Parses a stored schema. A schema that cannot be parsed becomes an empty one, which is inferred again.
fn read(value: &str) -> InferredSchema {
    serde_json::from_str(value).unwrap_or_default()
}
