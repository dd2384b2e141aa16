//! Saved searches: rows of `saved_search`.

use hookbench_model::{SavedSearch, SavedSearchNew};
use rusqlite::{Connection, Row, params};

/// Maximum number of saved searches. Matches are counted and alerts are raised for each one.
pub const SAVED_MAX: usize = 100;

/// Maximum length of a name, in characters.
pub const NAME_MAX: usize = 60;

/// Lists every saved search, oldest first.
pub fn all(connection: &Connection) -> rusqlite::Result<Vec<SavedSearch>> {
    connection
        .prepare_cached("SELECT name, query, inbox, alert FROM saved_search ORDER BY number")?
        .query_map([], from_row)?
        .collect()
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<SavedSearch> {
    let asked = SavedSearchNew { query: row.get(1)?, inbox: row.get(2)?, alert: row.get(3)? };
    Ok(SavedSearch { name: row.get(0)?, asked })
}

/// Stores a saved search. A search of the same name is replaced.
pub fn save(search: &SavedSearch, connection: &Connection, now_us: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO saved_search (name, query, inbox, alert, created_us) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET name = excluded.name, query = excluded.query, inbox = excluded.inbox, alert = excluded.alert",
        )?
        .execute(params![search.name, search.asked.query, search.asked.inbox, search.asked.alert, now_us])
        .map(drop)
}

/// Deletes a saved search by name. Returns true if there was one.
pub fn remove(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    Ok(connection.execute("DELETE FROM saved_search WHERE name = ?1", [name])? > 0)
}
