//! Inboxes: rows of `inbox`.

use hookbench_model::{Forward, Inbox, InboxResponse, ReplayTarget, ResponseRule, VerificationSettings, timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::{masked_forward, response, verification};

/// A row of `inbox` with its response.
#[derive(Debug, Clone)]
pub struct InboxRow {
    /// Number of the inbox.
    pub number: i64,
    /// Name of the inbox.
    pub name: String,
    /// Number of the response.
    pub response_number: i64,
    /// Response that senders get if no rule and no forward provides another.
    pub response: InboxResponse,
    /// Verification settings, including secrets.
    pub verification: VerificationSettings,
    /// Response rules.
    pub rules: Vec<ResponseRule>,
    /// True if requests to `/<inbox>/status/<code>` get a response with that status.
    pub status_by_path: bool,
    /// Forwards, including credentials.
    pub forwards: Vec<Forward>,
    /// Target of the last replay from this inbox.
    pub replayed_to: Option<ReplayTarget>,
    /// Row number of the last request that counts as read.
    pub read_cursor: i64,
    created_us: i64,
}

/// Reads a list from a JSON column.
fn from_json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<Vec<T>> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text)
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(e)))
}

const SELECT: &str =
    "SELECT i.number, i.name, i.read_cursor, i.created_us, i.verification, i.rules, i.status_by_path, i.forwards, i.replayed_to,
   i.response, a.status, a.headers, a.body, a.delay_ms, a.cors, a.fault, a.template, a.file
 FROM inbox i JOIN response a ON a.number = i.response";

impl InboxRow {
    /// Lists every inbox, oldest first.
    pub fn all(connection: &Connection) -> rusqlite::Result<Vec<Self>> {
        connection.prepare_cached(&format!("{SELECT} ORDER BY i.number"))?.query_map([], Self::from_row)?.collect()
    }

    /// Returns the inbox with this number.
    pub fn numbered(connection: &Connection, number: i64) -> rusqlite::Result<Option<Self>> {
        connection
            .prepare_cached(&format!("{SELECT} WHERE i.number = ?1"))?
            .query_row([number], Self::from_row)
            .optional()
    }

    /// Returns the inbox with this name.
    pub fn named(connection: &Connection, name: &str) -> rusqlite::Result<Option<Self>> {
        connection.prepare_cached(&format!("{SELECT} WHERE i.name = ?1"))?.query_row([name], Self::from_row).optional()
    }

    /// Stores a new inbox with its response.
    pub fn insert(
        connection: &Connection,
        name: &str,
        response: &InboxResponse,
        verification: &VerificationSettings,
        now_us: i64,
    ) -> rusqlite::Result<Self> {
        let response_number = response::insert(response, connection, "")?;
        connection.execute(
            "INSERT INTO inbox (name, response, verification, created_us) VALUES (?1, ?2, ?3, ?4)",
            params![name, response_number, crate::verification::to_json(verification), now_us],
        )?;
        let number = connection.last_insert_rowid();
        Ok(Self {
            number,
            name: name.into(),
            response_number,
            response: response.clone(),
            verification: verification.clone(),
            rules: Vec::new(),
            status_by_path: false,
            forwards: Vec::new(),
            replayed_to: None,
            read_cursor: 0,
            created_us: now_us,
        })
    }

    /// Stores the changed fields of the inbox.
    pub fn update(&self, connection: &Connection) -> rusqlite::Result<()> {
        // Saved searches and projects follow an inbox that is renamed.
        connection.execute(
            "UPDATE saved_search SET inbox = ?2 WHERE inbox = (SELECT name FROM inbox WHERE number = ?1)",
            params![self.number, self.name],
        )?;
        connection.execute(
            "UPDATE OR REPLACE project_resource SET id = ?2
             WHERE type = 'inbox' AND id = (SELECT name FROM inbox WHERE number = ?1 AND name != ?2)",
            params![self.number, self.name],
        )?;
        connection
            .execute(
                "UPDATE inbox SET name = ?2, response = ?3, read_cursor = ?4, verification = ?5, rules = ?6, status_by_path = ?7,
                   forwards = ?8, replayed_to = ?9 WHERE number = ?1",
                params![
                    self.number,
                    self.name,
                    self.response_number,
                    self.read_cursor,
                    verification::to_json(&self.verification),
                    serde_json::to_string(&self.rules).unwrap_or_default(),
                    self.status_by_path,
                    serde_json::to_string(&self.forwards).unwrap_or_default(),
                    self.replayed_to.as_ref().and_then(|to| serde_json::to_string(to).ok()).unwrap_or_default(),
                ],
            )
            .map(drop)
    }

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            number: row.get("number")?,
            name: row.get("name")?,
            response_number: row.get("response")?,
            response: response::from_row(row)?,
            verification: verification::from_json(&row.get::<_, String>("verification")?),
            rules: from_json(row, "rules")?,
            status_by_path: row.get("status_by_path")?,
            forwards: from_json(row, "forwards")?,
            replayed_to: serde_json::from_str(&row.get::<_, String>("replayed_to")?).ok(),
            read_cursor: row.get("read_cursor")?,
            created_us: row.get("created_us")?,
        })
    }

    /// Returns the inbox as shown by the API: with current counts and masked credentials.
    pub fn counted(self, connection: &Connection) -> rusqlite::Result<Inbox> {
        let (requests, bytes) = connection
            .prepare_cached("SELECT requests, bytes FROM inbox_total WHERE inbox = ?1")?
            .query_row([self.number], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))
            .optional()?
            .unwrap_or_default();
        let (hidden, hidden_bytes) = connection
            .prepare_cached("SELECT coalesce(sum(requests), 0), coalesce(sum(bytes), 0) FROM deletion WHERE inbox = ?1 AND NOT whole")?
            .query_row([self.number], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
        let unread: i64 = connection
            .prepare_cached(
                "SELECT iif(?2 = 0, ?3, (SELECT count(*) FROM request WHERE inbox = ?1 AND id > ?2))
                      - (SELECT count(*) FROM request_mark m CROSS JOIN request r ON r.id = m.request WHERE m.request > ?2 AND m.read AND r.inbox = ?1)
                      - (SELECT count(*) FROM request r LEFT JOIN request_mark m ON m.request = r.id
                         WHERE r.inbox = ?1 AND r.id > ?2 AND NOT coalesce(m.read, 0)
                           AND r.id BETWEEN (SELECT min(first) FROM deletion WHERE inbox = ?1 AND NOT whole)
                                        AND (SELECT max(last) FROM deletion WHERE inbox = ?1 AND NOT whole)
                           AND EXISTS (SELECT 1 FROM deletion v WHERE v.inbox = ?1 AND NOT v.whole AND r.id BETWEEN v.first AND v.last
                                       AND (v.first = v.last OR NOT coalesce(m.pinned, 0))))",
            )?
            .query_row(params![self.number, self.read_cursor, requests], |row| row.get(0))?;
        Ok(Inbox {
            name: self.name,
            response: self.response,
            verification: self.verification.masked(),
            rules: self.rules,
            status_by_path: self.status_by_path,
            forwards: self.forwards.iter().map(masked_forward).collect(),
            replayed_to: self.replayed_to.as_ref().map(ReplayTarget::masked),
            requests: (requests - hidden).max(0) as u64,
            bytes: (bytes - hidden_bytes).max(0) as u64,
            unread: unread.max(0) as u64,
            created_at: timestamp(self.created_us),
        })
    }
}
