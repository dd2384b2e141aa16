//! Queries that were given a name.

use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Most saved queries: they are counted and told of one by one.
pub(crate) const SAVED_MAX: usize = 100;

/// Longest name, in characters.
pub(crate) const NAME_MAX: usize = 60;

/// A query with a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SavedQuery {
    /// Its name.
    pub name: String,
    /// What it asks for.
    #[serde(flatten)]
    pub asked: SavedQueryNew,
}

/// What a saved query asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SavedQueryNew {
    /// The query.
    pub query: String,
    /// Inbox it is of; none for all.
    #[serde(default)]
    pub inbox: Option<String>,
    /// Whether a request that matches is told of.
    #[serde(default)]
    pub notify: bool,
}

impl SavedQuery {
    pub(crate) fn all(connection: &Connection) -> rusqlite::Result<Vec<Self>> {
        connection
            .prepare_cached("SELECT name, query, inbox, notify FROM saved_query ORDER BY number")?
            .query_map([], Self::from_row)?
            .collect()
    }

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let asked = SavedQueryNew { query: row.get(1)?, inbox: row.get(2)?, notify: row.get(3)? };
        Ok(Self { name: row.get(0)?, asked })
    }

    /// Stores it, in place of one of the same name.
    pub(crate) fn save(&self, connection: &Connection, now_us: i64) -> rusqlite::Result<()> {
        connection
            .prepare_cached(
                "INSERT INTO saved_query (name, query, inbox, notify, created_us) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET name = excluded.name, query = excluded.query, inbox = excluded.inbox, notify = excluded.notify",
            )?
            .execute(params![self.name, self.asked.query, self.asked.inbox, self.asked.notify, now_us])
            .map(drop)
    }

    /// Removes the one of a name; whether there was one.
    pub(crate) fn remove(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
        Ok(connection.execute("DELETE FROM saved_query WHERE name = ?1", [name])? > 0)
    }
}
