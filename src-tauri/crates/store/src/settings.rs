//! Stored settings.

use hookbench_model::{Settings, merge};
use rusqlite::{Connection, OptionalExtension};

/// Loads the settings. A field that an older release did not store has its default.
pub fn load(connection: &Connection) -> rusqlite::Result<Settings> {
    let stored: Option<String> = connection.query_row("SELECT value FROM settings", [], |row| row.get(0)).optional()?;
    // Unknown settings or fields, stored by a newer release, are ignored.
    let mut value = serde_json::to_value(Settings::default()).unwrap_or_default();
    if let Some(stored) = stored.and_then(|text| serde_json::from_str(&text).ok()) {
        merge(&mut value, stored).unwrap_or_else(|why| tracing::warn!(%why, "ignoring settings that cannot be parsed"));
    }
    Ok(serde_json::from_value(value).unwrap_or_default())
}

/// Stores the settings.
pub fn save(settings: &Settings, connection: &Connection) -> rusqlite::Result<()> {
    let text = serde_json::to_string(settings).unwrap_or_default();
    connection.execute("INSERT INTO settings VALUES (1, ?1) ON CONFLICT DO UPDATE SET value = ?1", [text]).map(drop)
}
