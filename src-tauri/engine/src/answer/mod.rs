//! What senders are answered: an inbox's own answer, or that of the first of its rules that matches.

mod decide;
mod file;
mod fixed;
mod rule;
mod steps;
mod template;

use std::{str::FromStr, time::Duration};

use hookline_capture::{Answer, DELAY_MAX};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) use decide::{Arrival, Considered, Looking, Made, aside};
pub use file::AnswerFile;
pub(crate) use file::{ANSWER_FILE_MAX, Files, sweep};
pub(crate) use fixed::FixedAnswers;
pub(crate) use rule::{Answering, check_rules, compile_rules, known_on_arrival};
pub use rule::{AtEnd, Per, Rule};
pub(crate) use steps::{Steps, forget as forget_steps};

/// Largest answer body that is written out, in bytes. Senders read little of it; more comes from a file.
pub(crate) const ANSWER_BODY_MAX: usize = 64 * 1024;

/// Longest time a dripping body may be spread over.
const DRIP_MAX: Duration = Duration::from_mins(5);

/// A way an answer goes wrong, for senders to be tried with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum AnswerFault {
    /// The connection is reset, and nothing is answered.
    Reset,
    /// Nothing is answered until the sender gives up, ten minutes at most.
    Hang,
    /// The head announces the whole body, half of it follows, and the connection closes.
    Half,
    /// The body comes in small pieces.
    Drip {
        /// Time from the first piece to the last, in ms, to five minutes.
        over_ms: u32,
    },
    /// What comes back is no HTTP.
    Garbage,
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
    /// How it goes wrong on its way, if it is to.
    pub fault: Option<AnswerFault>,
    /// Whether body and header values are templates over the request.
    pub template: bool,
    /// A file whose content stands in the body's place.
    pub file: Option<AnswerFile>,
}

impl Default for InboxAnswer {
    fn default() -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            body: String::new(),
            delay_ms: 0,
            cors: false,
            fault: None,
            template: false,
            file: None,
        }
    }
}

impl InboxAnswer {
    /// What is wrong with it, if anything is.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.body.len() > ANSWER_BODY_MAX {
            return Err(format!("The answer body has {} bytes; {ANSWER_BODY_MAX} are allowed.", self.body.len()));
        }
        if self.file.is_some() && !self.body.is_empty() {
            return Err("An answer has a body or a file, not both.".into());
        }
        if self.template {
            template::check(&self.body)?;
            self.headers.iter().try_for_each(|(_, value)| template::check(value))?;
        }
        match self.fault {
            Some(AnswerFault::Half | AnswerFault::Drip { .. }) if self.body.is_empty() && self.file.is_none() => {
                Err("Half a response, or one that drips, needs a body.".into())
            }
            Some(AnswerFault::Drip { over_ms }) if over_ms == 0 || Duration::from_millis(over_ms.into()) > DRIP_MAX => {
                Err(format!("A body drips from 1 to {} ms.", DRIP_MAX.as_millis()))
            }
            _ => self.compile(0).map(drop),
        }
    }

    /// Whether it has to be made for each request.
    pub(crate) fn depends(&self) -> bool {
        self.template || self.file.is_some()
    }

    /// The answer in the form the receiver gives, or what is wrong with it. The content of a file is
    /// not in it yet.
    pub(crate) fn compile(&self, number: i64) -> Result<Answer, String> {
        if !(200..=599).contains(&self.status) {
            return Err(format!("The status {} is none a sender can be given; use 200 to 599.", self.status));
        }
        // RFC 9110 §15: these end with their head.
        if [204, 205, 304].contains(&self.status) && (!self.body.is_empty() || self.file.is_some()) {
            return Err(format!("A {} answer has no body; leave it empty or choose another status.", self.status));
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
            fault: self.fault.map(|fault| match fault {
                AnswerFault::Reset => hookline_capture::AnswerFault::Reset,
                AnswerFault::Hang => hookline_capture::AnswerFault::Hang,
                AnswerFault::Half => hookline_capture::AnswerFault::Half,
                AnswerFault::Drip { over_ms } => {
                    hookline_capture::AnswerFault::Drip(Duration::from_millis(over_ms.into()))
                }
                AnswerFault::Garbage => hookline_capture::AnswerFault::Garbage,
            }),
        })
    }

    /// Its number in the store. The same answer again, on any inbox, is the same row: requests
    /// refer to it for good. `origin` says whose it is where no person made it.
    pub(crate) fn insert(&self, connection: &Connection, origin: &str) -> rusqlite::Result<i64> {
        let columns = self.columns();
        let found = connection
            .prepare_cached(
                "SELECT number FROM answer WHERE status = ?1 AND headers = ?2 AND body = ?3 AND delay_ms = ?4 AND cors = ?5
                   AND fault = ?6 AND template = ?7 AND file = ?8 AND origin = ?9 AND NOT once",
            )?
            .query_row(
                params![
                    self.status, columns.headers, self.body, self.delay_ms, self.cors, columns.fault, self.template,
                    columns.file, origin
                ],
                |row| row.get(0),
            )
            .optional()?;
        match found {
            Some(number) => Ok(number),
            None => self.insert_row(connection, origin, false),
        }
    }

    /// The number of a row of its own: an answer to one request, removed with it.
    pub(crate) fn insert_once(&self, connection: &Connection, origin: &str) -> rusqlite::Result<i64> {
        self.insert_row(connection, origin, true)
    }

    fn insert_row(&self, connection: &Connection, origin: &str, once: bool) -> rusqlite::Result<i64> {
        let columns = self.columns();
        connection
            .prepare_cached(
                "INSERT INTO answer (status, headers, body, delay_ms, cors, fault, template, file, origin, once)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) RETURNING number",
            )?
            .query_row(
                params![
                    self.status,
                    columns.headers,
                    self.body,
                    self.delay_ms,
                    self.cors,
                    columns.fault,
                    self.template,
                    columns.file,
                    origin,
                    once
                ],
                |row| row.get(0),
            )
    }

    fn columns(&self) -> Columns {
        let json = |value: Option<String>| value.unwrap_or_default();
        Columns {
            headers: serde_json::to_string(&self.headers).unwrap_or_default(),
            fault: json(self.fault.and_then(|fault| serde_json::to_string(&fault).ok())),
            file: json(self.file.as_ref().and_then(|file| serde_json::to_string(file).ok())),
        }
    }

    /// A stored answer, and whose it is where no person made it.
    pub(crate) fn load(connection: &Connection, number: i64) -> rusqlite::Result<Option<(Self, Option<String>)>> {
        connection
            .prepare_cached(
                "SELECT status, headers, body, delay_ms, cors, fault, template, file, origin FROM answer WHERE number = ?1",
            )?
            .query_row([number], |row| {
                let origin: String = row.get("origin")?;
                Ok((Self::from_row(row)?, Some(origin).filter(|origin| !origin.is_empty())))
            })
            .optional()
    }

    /// From a row with an answer's columns.
    pub(crate) fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            status: row.get("status")?,
            headers: serde_json::from_str(&row.get::<_, String>("headers")?).unwrap_or_default(),
            body: row.get("body")?,
            delay_ms: row.get("delay_ms")?,
            cors: row.get("cors")?,
            fault: serde_json::from_str(&row.get::<_, String>("fault")?).ok(),
            template: row.get("template")?,
            file: serde_json::from_str(&row.get::<_, String>("file")?).ok(),
        })
    }
}

/// Parts of an answer as its row has them.
struct Columns {
    headers: String,
    fault: String,
    file: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_would_break_http_is_refused() {
        let answer = |change: fn(&mut InboxAnswer)| {
            let mut answer = InboxAnswer::default();
            change(&mut answer);
            answer.check()
        };
        assert!(answer(|_| ()).is_ok());
        assert!(answer(|a| a.status = 101).is_err());
        assert!(answer(|a| a.status = 204).is_ok());
        assert!(answer(|a| a.delay_ms = 60_001).is_err());
        assert!(answer(|a| a.headers = vec![("X\r\n".into(), "1".into())]).is_err());
        assert!(answer(|a| a.headers = vec![("X".into(), "1\r\nY: 2".into())]).is_err());
        assert!(answer(|a| a.headers = vec![("Content-Length".into(), "5".into())]).is_err());
        assert!(answer(|a| a.body = "x".repeat(ANSWER_BODY_MAX + 1)).is_err());
        assert!(answer(|a| a.fault = Some(AnswerFault::Half)).is_err());
        assert!(answer(|a| (a.fault, a.body) = (Some(AnswerFault::Half), "ab".into())).is_ok());
        assert!(answer(|a| (a.template, a.body) = (true, "{{ request.body".into())).is_err());
    }
}
