//! Inboxes: capture addresses with an answer.

use std::{
    collections::HashMap,
    str::FromStr,
    sync::{Arc, RwLock},
    time::Duration,
};

use hookline_capture::{Answer, DELAY_MAX};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{time::timestamp, verification::Verification};

/// Longest inbox name: one path segment that is still easy to read.
const NAME_MAX: usize = 64;

/// Largest answer body, in bytes. Senders read little of it; files come with answer rules.
pub(crate) const ANSWER_BODY_MAX: usize = 64 * 1024;

/// Most inboxes a stranger's requests can make, where that is allowed at all.
pub(crate) const CREATED_BY_REQUESTS_MAX: usize = 200;

/// A capture address: everything below `/<name>` belongs to it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Inbox {
    /// First segment of its path.
    pub name: String,
    /// What senders are answered.
    pub answer: InboxAnswer,
    /// How its requests are verified; secrets are masked.
    pub verification: Verification,
    /// Stored requests.
    pub requests: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
    /// Requests nobody has opened yet.
    pub unread: u64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// What an inbox answers, after the request is on disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct InboxAnswer {
    /// Status, 200 to 599.
    pub status: u16,
    /// Headers in order, as `[name, value]`.
    #[schema(value_type = Vec<Vec<String>>)]
    pub headers: Vec<(String, String)>,
    /// Body as text.
    pub body: String,
    /// Wait before answering, in ms, to 60 s.
    pub delay_ms: u32,
    /// Whether pages of any origin may send here (CORS).
    pub cors: bool,
}

impl Default for InboxAnswer {
    fn default() -> Self {
        Self { status: 200, headers: Vec::new(), body: String::new(), delay_ms: 0, cors: false }
    }
}

impl InboxAnswer {
    /// The answer in the form the receiver gives, or what is wrong with it.
    pub(crate) fn compile(&self, number: i64) -> Result<Answer, String> {
        if !(200..=599).contains(&self.status) {
            return Err(format!("The status {} is none a sender can be given; use 200 to 599.", self.status));
        }
        // RFC 9110 §15: these end with their head.
        if [204, 205, 304].contains(&self.status) && !self.body.is_empty() {
            return Err(format!("A {} answer has no body; leave it empty or choose another status.", self.status));
        }
        if self.body.len() > ANSWER_BODY_MAX {
            return Err(format!("The answer body has {} bytes; {ANSWER_BODY_MAX} are allowed.", self.body.len()));
        }
        let delay = Duration::from_millis(self.delay_ms.into());
        if delay > DELAY_MAX {
            return Err(format!("The delay is {} ms; the longest is {}.", self.delay_ms, DELAY_MAX.as_millis()));
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let key = HeaderName::from_str(name).map_err(|_| format!("{name:?} is not a header name."))?;
            if [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION].contains(&key) {
                return Err(format!("{name} is set by the receiver itself."));
            }
            let value = HeaderValue::from_str(value).map_err(|_| {
                format!("The value of {name} has a line break or another character no header may have.")
            })?;
            headers.append(key, value);
        }
        Ok(Answer {
            number,
            status: StatusCode::from_u16(self.status).map_err(|e| e.to_string())?,
            headers,
            body: self.body.clone().into(),
            delay,
            cors: self.cors,
        })
    }

    /// Its number in the store. The same answer again, on any inbox, is the same row: requests
    /// refer to it for good. `origin` says whose it is where no person made it.
    pub(crate) fn insert(&self, connection: &Connection, origin: &str) -> rusqlite::Result<i64> {
        let headers = serde_json::to_string(&self.headers).unwrap_or_default();
        let found = connection
            .query_row(
                "SELECT number FROM answer WHERE status = ?1 AND headers = ?2 AND body = ?3 AND delay_ms = ?4 AND cors = ?5
                   AND origin = ?6 AND NOT once",
                params![self.status, headers, self.body, self.delay_ms, self.cors, origin],
                |row| row.get(0),
            )
            .optional()?;
        if let Some(number) = found {
            return Ok(number);
        }
        self.insert_row(connection, origin, false)
    }

    /// The number of a row of its own: an answer to one request, removed with it.
    pub(crate) fn insert_once(&self, connection: &Connection, origin: &str) -> rusqlite::Result<i64> {
        self.insert_row(connection, origin, true)
    }

    fn insert_row(&self, connection: &Connection, origin: &str, once: bool) -> rusqlite::Result<i64> {
        let headers = serde_json::to_string(&self.headers).unwrap_or_default();
        connection.query_row(
            "INSERT INTO answer (status, headers, body, delay_ms, cors, origin, once)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING number",
            params![self.status, headers, self.body, self.delay_ms, self.cors, origin, once],
            |row| row.get(0),
        )
    }

    /// A stored answer, and whose it is where no person made it.
    pub(crate) fn load(connection: &Connection, number: i64) -> rusqlite::Result<Option<(Self, Option<String>)>> {
        connection
            .prepare_cached("SELECT status, headers, body, delay_ms, cors, origin FROM answer WHERE number = ?1")?
            .query_row([number], |row| {
                let origin: String = row.get("origin")?;
                Ok((Self::from_row(row)?, Some(origin).filter(|origin| !origin.is_empty())))
            })
            .optional()
    }

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            status: row.get("status")?,
            headers: serde_json::from_str(&row.get::<_, String>("headers")?).unwrap_or_default(),
            body: row.get("body")?,
            delay_ms: row.get("delay_ms")?,
            cors: row.get("cors")?,
        })
    }
}

/// Whether a name can be an inbox, or the sentence that says why not.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > NAME_MAX {
        Err(format!("An inbox name has 1 to {NAME_MAX} characters."))
    } else if !name.chars().all(allowed) || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        Err("An inbox name has letters, digits, -, _ and . and begins with a letter or digit, for it is part of a URL."
            .into())
    } else {
        Ok(())
    }
}

/// What the receiver and the lists need of an inbox, without a look into the store.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    pub(crate) number: i64,
    pub(crate) name: String,
    pub(crate) answer: Arc<Answer>,
    pub(crate) verification: Arc<Verification>,
    pub(crate) read_upto: i64,
}

/// All live inboxes by name and by number; changed only after a commit.
#[derive(Debug, Default)]
pub(crate) struct Addresses(RwLock<Maps>);

#[derive(Debug, Default)]
struct Maps {
    by_name: HashMap<String, Address>,
    names: HashMap<i64, String>,
}

impl Addresses {
    pub(crate) fn get(&self, name: &str) -> Option<Address> {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).by_name.get(name).cloned()
    }

    /// The part the capture path needs, without a copy of the name: number, answer, and whether
    /// a vendor is set that may ask for another.
    pub(crate) fn find(&self, name: &str) -> Option<(i64, Arc<Answer>, bool)> {
        let maps = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        maps.by_name
            .get(name)
            .map(|address| (address.number, address.answer.clone(), address.verification.provider.is_some()))
    }

    pub(crate) fn by_number(&self, number: i64) -> Option<Address> {
        let maps = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        maps.by_name.get(maps.names.get(&number)?).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Address> {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).by_name.values().cloned().collect()
    }

    pub(crate) fn name(&self, number: i64) -> Option<String> {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).names.get(&number).cloned()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).by_name.len()
    }

    pub(crate) fn put(&self, address: Address) {
        let mut maps = self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(was) = maps.names.insert(address.number, address.name.clone()) {
            maps.by_name.remove(&was);
        }
        maps.by_name.insert(address.name.clone(), address);
    }

    pub(crate) fn remove(&self, number: i64) {
        let mut maps = self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(name) = maps.names.remove(&number) {
            maps.by_name.remove(&name);
        }
    }
}

/// One row of `inbox` with its answer.
#[derive(Debug, Clone)]
pub(crate) struct InboxRow {
    pub(crate) number: i64,
    pub(crate) name: String,
    pub(crate) answer_number: i64,
    pub(crate) answer: InboxAnswer,
    pub(crate) verification: Verification,
    pub(crate) read_upto: i64,
    created_us: i64,
}

const SELECT: &str =
    "SELECT i.number, i.name, i.read_upto, i.created_us, i.verification, i.answer, a.status, a.headers, a.body, a.delay_ms, a.cors
 FROM inbox i JOIN answer a ON a.number = i.answer";

impl InboxRow {
    pub(crate) fn all(connection: &Connection) -> rusqlite::Result<Vec<Self>> {
        connection.prepare_cached(&format!("{SELECT} ORDER BY i.number"))?.query_map([], Self::from_row)?.collect()
    }

    pub(crate) fn named(connection: &Connection, name: &str) -> rusqlite::Result<Option<Self>> {
        connection.prepare_cached(&format!("{SELECT} WHERE i.name = ?1"))?.query_row([name], Self::from_row).optional()
    }

    pub(crate) fn insert(
        connection: &Connection,
        name: &str,
        answer: &InboxAnswer,
        verification: &Verification,
        now_us: i64,
    ) -> rusqlite::Result<Self> {
        let answer_number = answer.insert(connection, "")?;
        connection.execute(
            "INSERT INTO inbox (name, answer, verification, created_us) VALUES (?1, ?2, ?3, ?4)",
            params![name, answer_number, verification.to_json(), now_us],
        )?;
        let number = connection.last_insert_rowid();
        Ok(Self {
            number,
            name: name.into(),
            answer_number,
            answer: answer.clone(),
            verification: verification.clone(),
            read_upto: 0,
            created_us: now_us,
        })
    }

    pub(crate) fn update(&self, connection: &Connection) -> rusqlite::Result<()> {
        // Saved queries go on with an inbox that is renamed.
        connection.execute(
            "UPDATE saved_query SET inbox = ?2 WHERE inbox = (SELECT name FROM inbox WHERE number = ?1)",
            params![self.number, self.name],
        )?;
        connection
            .execute(
                "UPDATE inbox SET name = ?2, answer = ?3, read_upto = ?4, verification = ?5 WHERE number = ?1",
                params![self.number, self.name, self.answer_number, self.read_upto, self.verification.to_json()],
            )
            .map(drop)
    }

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            number: row.get("number")?,
            name: row.get("name")?,
            answer_number: row.get("answer")?,
            answer: InboxAnswer::from_row(row)?,
            verification: Verification::from_json(&row.get::<_, String>("verification")?),
            read_upto: row.get("read_upto")?,
            created_us: row.get("created_us")?,
        })
    }

    pub(crate) fn address(&self) -> Result<Address, String> {
        Ok(Address {
            number: self.number,
            name: self.name.clone(),
            answer: Arc::new(self.answer.compile(self.answer_number)?),
            verification: Arc::new(self.verification.clone()),
            read_upto: self.read_upto,
        })
    }

    /// The inbox as the API shows it, counted now.
    pub(crate) fn counted(self, connection: &Connection) -> rusqlite::Result<Inbox> {
        let (requests, bytes) = connection
            .prepare_cached("SELECT requests, bytes FROM inbox_total WHERE inbox = ?1")?
            .query_row([self.number], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))
            .optional()?
            .unwrap_or_default();
        let (hidden, hidden_bytes) = connection
            .prepare_cached("SELECT coalesce(sum(requests), 0), coalesce(sum(bytes), 0) FROM removal WHERE inbox = ?1 AND NOT whole")?
            .query_row([self.number], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
        let unread: i64 = connection
            .prepare_cached(
                "SELECT iif(?2 = 0, ?3, (SELECT count(*) FROM request WHERE inbox = ?1 AND id > ?2))
                      - (SELECT count(*) FROM request_mark m CROSS JOIN request r ON r.id = m.request WHERE m.request > ?2 AND m.read AND r.inbox = ?1)
                      - (SELECT count(*) FROM request r LEFT JOIN request_mark m ON m.request = r.id
                         WHERE r.inbox = ?1 AND r.id > ?2 AND NOT coalesce(m.read, 0)
                           AND r.id BETWEEN (SELECT min(first) FROM removal WHERE inbox = ?1 AND NOT whole)
                                        AND (SELECT max(last) FROM removal WHERE inbox = ?1 AND NOT whole)
                           AND EXISTS (SELECT 1 FROM removal v WHERE v.inbox = ?1 AND NOT v.whole AND r.id BETWEEN v.first AND v.last
                                       AND (v.first = v.last OR NOT coalesce(m.pinned, 0))))",
            )?
            .query_row(params![self.number, self.read_upto, requests], |row| row.get(0))?;
        Ok(Inbox {
            name: self.name,
            answer: self.answer,
            verification: self.verification.masked(),
            requests: (requests - hidden).max(0) as u64,
            bytes: (bytes - hidden_bytes).max(0) as u64,
            unread: unread.max(0) as u64,
            created_at: timestamp(self.created_us),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_no_path_segment_are_refused() {
        for name in ["shop", "a", "Stripe-dev_2.test"] {
            assert_eq!(check_name(name), Ok(()));
        }
        for name in ["", "a/b", "..", ".hidden", "-x", "ä", "a b", &"x".repeat(65)] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn an_answer_that_would_break_http_is_refused() {
        let answer = |change: fn(&mut InboxAnswer)| {
            let mut answer = InboxAnswer::default();
            change(&mut answer);
            answer.compile(1).map(|_| ())
        };
        assert!(answer(|_| ()).is_ok());
        assert!(answer(|a| a.status = 101).is_err());
        assert!(answer(|a| a.status = 204).is_ok());
        assert!(answer(|a| a.delay_ms = 60_001).is_err());
        assert!(answer(|a| a.headers = vec![("X\r\n".into(), "1".into())]).is_err());
        assert!(answer(|a| a.headers = vec![("X".into(), "1\r\nY: 2".into())]).is_err());
        assert!(answer(|a| a.headers = vec![("Content-Length".into(), "5".into())]).is_err());
        assert!(answer(|a| a.body = "x".repeat(ANSWER_BODY_MAX + 1)).is_err());
    }
}
