//! Inboxes: capture addresses with an answer.

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
};

use hookline_capture::Answer;
use hookline_model::{Forward, ForwardMode, Inbox, InboxResponse, ReplayTarget, ResponseRule, VerificationSettings};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::{
    answer::{self, Answering, compile_rules},
    forward::{Bound, bound},
    time::timestamp,
};

/// Longest inbox name: one path segment that is still easy to read.
const NAME_MAX: usize = 64;

/// Most inboxes a stranger's requests can make, where that is allowed at all.
pub(crate) const CREATED_BY_REQUESTS_MAX: usize = 200;

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
    /// The same as it was set.
    pub(crate) own: Arc<InboxResponse>,
    pub(crate) answering: Arc<Answering>,
    pub(crate) forwards: Arc<Vec<Bound>>,
    pub(crate) verification: Arc<VerificationSettings>,
    pub(crate) read_upto: i64,
    /// Whether its answer may depend on the request in more than what a vendor asks for.
    pub(crate) decides: bool,
}

impl Address {
    /// Whether its answer may depend on the request at all.
    pub(crate) fn depends(&self) -> bool {
        self.decides || self.verification.provider.is_some()
    }
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
    /// there may be another for a request.
    pub(crate) fn find(&self, name: &str) -> Option<(i64, Arc<Answer>, bool)> {
        let maps = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        maps.by_name.get(name).map(|address| (address.number, address.answer.clone(), address.depends()))
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
    pub(crate) answer: InboxResponse,
    pub(crate) verification: VerificationSettings,
    pub(crate) rules: Vec<ResponseRule>,
    pub(crate) status_by_path: bool,
    pub(crate) forwards: Vec<Forward>,
    pub(crate) replayed_to: Option<ReplayTarget>,
    pub(crate) read_upto: i64,
    created_us: i64,
}

/// A list kept as JSON.
fn from_json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<Vec<T>> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text)
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(e)))
}

const SELECT: &str =
    "SELECT i.number, i.name, i.read_upto, i.created_us, i.verification, i.rules, i.status_by_path, i.forwards, i.replayed_to,
   i.answer, a.status, a.headers, a.body, a.delay_ms, a.cors, a.fault, a.template, a.file
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
        answer: &InboxResponse,
        verification: &VerificationSettings,
        now_us: i64,
    ) -> rusqlite::Result<Self> {
        let answer_number = answer::insert(answer, connection, "")?;
        connection.execute(
            "INSERT INTO inbox (name, answer, verification, created_us) VALUES (?1, ?2, ?3, ?4)",
            params![name, answer_number, crate::verification::to_json(verification), now_us],
        )?;
        let number = connection.last_insert_rowid();
        Ok(Self {
            number,
            name: name.into(),
            answer_number,
            answer: answer.clone(),
            verification: verification.clone(),
            rules: Vec::new(),
            status_by_path: false,
            forwards: Vec::new(),
            replayed_to: None,
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
                "UPDATE inbox SET name = ?2, answer = ?3, read_upto = ?4, verification = ?5, rules = ?6, status_by_path = ?7,
                   forwards = ?8, replayed_to = ?9 WHERE number = ?1",
                params![
                    self.number,
                    self.name,
                    self.answer_number,
                    self.read_upto,
                    crate::verification::to_json(&self.verification),
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
            answer_number: row.get("answer")?,
            answer: answer::from_row(row)?,
            verification: crate::verification::from_json(&row.get::<_, String>("verification")?),
            rules: from_json(row, "rules")?,
            status_by_path: row.get("status_by_path")?,
            forwards: from_json(row, "forwards")?,
            replayed_to: serde_json::from_str(&row.get::<_, String>("replayed_to")?).ok(),
            read_upto: row.get("read_upto")?,
            created_us: row.get("created_us")?,
        })
    }

    pub(crate) fn address(&self) -> Result<Address, String> {
        let answering = compile_rules(&self.rules, self.status_by_path);
        let forwards = bound(&self.forwards);
        let asks = forwards.iter().any(|bound| bound.forward.mode == ForwardMode::Answer);
        Ok(Address {
            number: self.number,
            name: self.name.clone(),
            answer: Arc::new(answer::compile(&self.answer, self.answer_number)?),
            own: Arc::new(self.answer.clone()),
            decides: asks || self.status_by_path || !answering.rules.is_empty() || answer::depends(&self.answer),
            answering: Arc::new(answering),
            forwards: Arc::new(forwards),
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
            rules: self.rules,
            status_by_path: self.status_by_path,
            forwards: self.forwards.iter().map(crate::forward::masked_forward).collect(),
            replayed_to: self.replayed_to.as_ref().map(ReplayTarget::masked),
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
}
