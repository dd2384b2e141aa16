//! Judging requests after their commit: who sent it, what happened, and whether the signature holds.
//!
//! One task follows the store by row number, so nothing is handed over on the capture path, and
//! what was stored before a crash is judged after it.

use std::{
    borrow::Cow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Weak},
    time::Duration,
};

use hookline_capture::{BodyState, IdTail, RowId, header_list};
use hookline_provider::{Catalogue, Recognised};
use hookline_signature::{Fault, Message, Reading, State};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use utoipa::ToSchema;

use crate::{
    Engine,
    content::{content_of, read_body},
    feed::Change,
    inbox::Address,
    request::{self, Summary},
};

/// Requests judged in one go.
const SLICE: u32 = 500;

/// Slices of which nothing is known before the place is written down all the same.
const UNKEPT_MAX: u32 = 20;

/// Least time between two slices, so that a commit for each of a thousand requests a second does
/// not wake this task as often. A request that comes alone is judged at once.
const GAP: Duration = Duration::from_millis(50);

/// Pause between full slices while more arrives: under a flood, receiving comes first.
const PAUSE: Duration = Duration::from_millis(250);

/// Largest body that is looked into without a secret to verify, in bytes.
const RECOGNISED_MAX: i64 = 1024 * 1024;

/// Largest body that is read decoded to learn its event, in bytes.
const READ_MAX: u64 = 4 * 1024 * 1024;

/// Largest body that is verified, in bytes.
const VERIFIED_MAX: i64 = 64 * 1024 * 1024;

/// Whether a request's signature holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictState {
    /// There is no provider or secret to judge by, or it is not judged yet.
    #[default]
    Unchecked,
    /// It holds.
    Valid,
    /// It does not.
    Invalid,
    /// There is none.
    Unsigned,
}

impl VerdictState {
    pub(crate) const ALL: [Self; 4] = [Self::Unchecked, Self::Valid, Self::Invalid, Self::Unsigned];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Unchecked => "unchecked",
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Unsigned => "unsigned",
        }
    }

    pub(crate) fn stored(number: u8) -> Self {
        match number {
            1 => Self::Valid,
            2 => Self::Invalid,
            3 => Self::Unsigned,
            _ => Self::Unchecked,
        }
    }
}

/// What judging a request found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) state: VerdictState,
    pub(crate) fault: Option<Fault>,
    /// Which of a vendor's schemes decided, in a sentence.
    pub(crate) note: Option<String>,
    pub(crate) recognised: Recognised,
}

/// What is judged of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Looked<'a> {
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
    pub(crate) headers: &'a [u8],
    pub(crate) arrived_us: i64,
    /// None where it is not whole or too large.
    pub(crate) body: Option<&'a [u8]>,
}

/// What is judged.
struct Subject {
    id: RowId,
    inbox: i64,
    method: String,
    target: String,
    headers: Vec<u8>,
    arrived_us: i64,
    /// None where it is not whole or too large.
    body: Option<Vec<u8>>,
}

impl Subject {
    fn looked(&self) -> Looked<'_> {
        Looked {
            method: &self.method,
            target: &self.target,
            headers: &self.headers,
            arrived_us: self.arrived_us,
            body: self.body.as_deref(),
        }
    }
}

/// Judges one request. It must not keep all that follow from being judged, whatever it is.
pub(crate) fn judged(catalogue: &Catalogue, looked: &Looked<'_>, inbox: &Address) -> Judged {
    catch_unwind(AssertUnwindSafe(|| judge(catalogue, looked, inbox))).unwrap_or_else(|_| {
        tracing::error!(inbox = inbox.name, "a defect in Hookline kept a request from being judged");
        Judged::default()
    })
}

fn judge(catalogue: &Catalogue, looked: &Looked<'_>, inbox: &Address) -> Judged {
    let headers = header_pairs(looked.headers);
    let verification = &inbox.verification;
    let url = verification.url_of(&inbox.name, looked.target);
    let message = Message {
        method: looked.method,
        target: looked.target,
        url: url.as_deref(),
        headers: &headers,
        body: looked.body.unwrap_or_default(),
    };
    // What was sent is verified; what it says is read as a person would.
    let read = read_body(&content_of(looked.headers), Cow::Borrowed(message.body), READ_MAX);
    let reading = Reading::lenient(&Message { body: &read.bytes, ..message });
    let provider = match &verification.provider {
        Some(id) => catalogue.get(id),
        None => catalogue.recognise(&reading),
    };
    let recognised = Recognised::read(provider, &reading);
    if looked.body.is_none() || verification.secrets.is_empty() {
        return Judged { recognised, ..Judged::default() };
    }
    // Judged at its arrival, also when it is judged again much later.
    let Some((provider, verified)) = verification.verify(catalogue, &message, looked.arrived_us / 1_000) else {
        return Judged { recognised, ..Judged::default() };
    };
    let state = match verified.verdict.state {
        State::Valid => VerdictState::Valid,
        State::Invalid => VerdictState::Invalid,
        State::Unsigned => VerdictState::Unsigned,
    };
    let note = verified.note(provider);
    Judged { state, fault: verified.verdict.fault, note, recognised }
}

/// The headers of a block, by name and value; names that are not ASCII are no header's.
pub(crate) fn header_pairs(block: &[u8]) -> Vec<(&str, &[u8])> {
    header_list(block).filter_map(|(name, value)| Some((std::str::from_utf8(name).ok()?, value))).collect()
}

/// The next requests behind `after`, with their bodies as far as they are needed.
fn subjects(
    connection: &Connection,
    after: i64,
    only: Option<i64>,
    inbox: &dyn Fn(i64) -> Option<Address>,
) -> rusqlite::Result<Vec<Subject>> {
    let only = only.map_or(String::new(), |number| format!(" AND inbox = {number}"));
    let sql = format!(
        "SELECT id, inbox, method, target, headers, arrived_us, body_state, body_bytes, chunks FROM request
         WHERE id > ?1{only} ORDER BY id LIMIT {SLICE}"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([after])?;
    let mut subjects = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, number): (i64, i64) = (row.get(0)?, row.get(1)?);
        let verified = inbox(number).is_some_and(|address| !address.verification.secrets.is_empty());
        let whole = row.get::<_, u8>(6)? == BodyState::Complete as u8;
        let fits = row.get::<_, i64>(7)? <= if verified { VERIFIED_MAX } else { RECOGNISED_MAX };
        let body = match (whole && fits, row.get::<_, Option<i64>>(8)?) {
            (false, _) => None,
            (true, None) => connection
                .prepare_cached("SELECT body FROM request WHERE id = ?1")?
                .query_row([id], |row| row.get(0))?,
            (true, Some(body)) => Some(hookline_capture::read_chunks(connection, body, VERIFIED_MAX as u64)?),
        };
        subjects.push(Subject {
            id: RowId(id),
            inbox: number,
            method: row.get(2)?,
            target: row.get(3)?,
            headers: row.get(4)?,
            arrived_us: row.get(5)?,
            body,
        });
    }
    Ok(subjects)
}

fn keep(connection: &Connection, id: RowId, judged: &Judged) -> rusqlite::Result<()> {
    let Judged { state, fault, note, recognised } = judged;
    let sentences: Vec<String> = fault.iter().map(ToString::to_string).chain(note.clone()).collect();
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO request_verdict (request, state, reason, sentence, provider, event_type, event_id)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE EXISTS (SELECT 1 FROM request WHERE id = ?1)",
        )?
        .execute(params![
            id.0,
            *state as u8,
            fault.as_ref().map(Fault::code),
            (!sentences.is_empty()).then(|| sentences.join(" ")),
            recognised.provider,
            recognised.event_type,
            recognised.event_id,
        ])
        .map(drop)
}

/// The sentence kept with a request's verdict.
pub(crate) fn sentence(connection: &Connection, id: RowId) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT sentence FROM request_verdict WHERE request = ?1")?
        .query_row([id.0], |row| row.get(0))
        .optional()
        .map(Option::flatten)
}

impl Engine {
    /// Judges the requests behind `after`, of one inbox or of all; the last one looked at, and
    /// whether there may be more.
    async fn judge_slice(self: &Arc<Self>, after: i64, only: Option<i64>) -> Result<(i64, bool), String> {
        let (addresses, catalogue) = (self.address_by_number(), self.providers.catalogue());
        let judged = self
            .store
            .readers()
            .read(move |connection| {
                let subjects = subjects(connection, after, only, &addresses)?;
                let more = subjects.len() == SLICE as usize;
                let last = subjects.last().map_or(after, |subject| subject.id.0);
                let judged: Vec<(RowId, Judged)> = subjects
                    .iter()
                    .filter_map(|subject| {
                        Some((subject.id, judged(&catalogue, &subject.looked(), &addresses(subject.inbox)?)))
                    })
                    // What nothing is known of has no row; judged anew, it may have one to replace.
                    .filter(|(_, judged)| only.is_some() || *judged != Judged::default())
                    .collect();
                Ok((last, more, judged))
            })
            .await
            .map_err(|e| e.to_string())?;
        let (last, more, judged) = judged;
        if judged.is_empty() {
            return Ok((last, more));
        }
        let (hidden, tail, addresses) = (self.hidden.condition(), self.store.id_tail(), self.address_by_number());
        let work = move |connection: &Connection| {
            for (id, judged) in &judged {
                keep(connection, *id, judged)?;
            }
            if only.is_none() {
                connection.execute("UPDATE judge SET upto = ?1", [last])?;
            }
            summaries(connection, judged.iter().map(|(id, _)| *id), &hidden, tail, &addresses)
        };
        let feed = self.feed.clone();
        let after = move |changed: &Vec<Summary>| {
            feed.publish(changed.iter().map(|request| Change::RequestChanged { request: request.clone() }));
        };
        self.store.write(work, after).await.map_err(|e| e.to_string())?;
        Ok((last, more))
    }

    /// Judges all stored requests of an inbox anew, slice by slice.
    pub(crate) async fn judge_anew(self: &Arc<Self>, inbox: i64, progress: impl Fn(u64) -> bool) -> Result<(), String> {
        let mut after = 0;
        let mut done = 0;
        loop {
            let (last, more) = self.judge_slice(after, Some(inbox)).await?;
            after = last;
            done += u64::from(SLICE);
            if !more || !progress(done) {
                return Ok(());
            }
        }
    }
}

fn summaries(
    connection: &Connection,
    ids: impl Iterator<Item = RowId>,
    hidden: &str,
    tail: IdTail,
    inbox: &dyn Fn(i64) -> Option<Address>,
) -> rusqlite::Result<Vec<Summary>> {
    let found: Vec<Option<Summary>> =
        ids.map(|id| request::one(connection, id, hidden, tail, inbox)).collect::<Result<_, _>>()?;
    Ok(found.into_iter().flatten().collect())
}

/// Where judging goes on, as it was left.
pub(crate) fn upto(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT upto FROM judge", [], |row| row.get(0))
}

/// Follows the store and judges what is new, as long as the engine lives.
pub(crate) fn spawn(engine: &Arc<Engine>, arrived: Arc<Notify>, mut after: i64) {
    let engine: Weak<Engine> = Arc::downgrade(engine);
    tokio::spawn(async move {
        let mut unkept = 0;
        loop {
            let (last, more) = {
                let Some(engine) = engine.upgrade() else { return };
                if unkept >= UNKEPT_MAX {
                    // Without it, the next start would look at all of these again.
                    let upto = move |connection: &Connection| connection.execute("UPDATE judge SET upto = ?1", [after]);
                    let _ = engine.store.write(upto, |_| ()).await;
                    unkept = 0;
                }
                engine.judge_slice(after, None).await.unwrap_or_else(|error| {
                    tracing::warn!(%error, "requests could not be judged; it is tried again");
                    (after, true)
                })
            };
            unkept += u32::from(last != after);
            after = last;
            if let Some(engine) = engine.upgrade() {
                engine.judged.send_replace(after);
            }
            if more {
                let flooded = tokio::time::timeout(GAP, arrived.notified()).await.is_ok();
                if flooded {
                    tokio::time::sleep(PAUSE).await;
                }
            } else {
                let judged = tokio::time::Instant::now();
                arrived.notified().await;
                tokio::time::sleep_until(judged + GAP).await;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use crate::verification::Verification;

    #[test]
    fn the_registered_url_goes_on_as_the_request_does() {
        let verification = Verification { url: Some("https://t.example/hooks".into()), ..Verification::default() };
        for (target, url) in [
            ("/shop", "https://t.example/hooks"),
            ("/shop?a=1", "https://t.example/hooks?a=1"),
            ("/shop/orders?a=1", "https://t.example/hooks/orders?a=1"),
        ] {
            assert_eq!(verification.url_of("shop", target).as_deref(), Some(url));
        }
    }
}
