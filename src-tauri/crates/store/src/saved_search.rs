//! Saved searches.

use hookbench_model::{SavedSearch, SavedSearchNew};
use rusqlite::{Connection, Row, params};

/// Maximum number of saved searches. The limit exists because matches are counted, and alerts raised, for each one.
pub const SAVED_MAX: usize = 100;

/// Maximum length of a name, in characters.
pub const NAME_MAX: usize = 60;

/// Lists every saved search, oldest first.
pub fn all(connection: &Connection) -> rusqlite::Result<Vec<SavedSearch>> {
    connection
        .prepare_cached("SELECT name, query, inbox, notify FROM saved_query ORDER BY number")?
        .query_map([], from_row)?
        .collect()
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<SavedSearch> {
    let asked = SavedSearchNew { query: row.get(1)?, inbox: row.get(2)?, notify: row.get(3)? };
    Ok(SavedSearch { name: row.get(0)?, asked })
}

/// Stores a saved search. A search of the same name is replaced.
pub fn save(search: &SavedSearch, connection: &Connection, now_us: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO saved_query (name, query, inbox, notify, created_us) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET name = excluded.name, query = excluded.query, inbox = excluded.inbox, notify = excluded.notify",
        )?
        .execute(params![search.name, search.asked.query, search.asked.inbox, search.asked.notify, now_us])
        .map(drop)
}

/// Deletes the saved search of a name. Returns whether there was one.
pub fn remove(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    Ok(connection.execute("DELETE FROM saved_query WHERE name = ?1", [name])? > 0)
}
