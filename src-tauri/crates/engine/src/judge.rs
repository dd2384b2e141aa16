//! Judging requests after their commit: who sent it, what happened, and whether the signature holds.
//!
//! One task follows the store by row number, so nothing is handed over on the capture path, and
//! what was stored before a crash is judged after it.

use std::{
    borrow::Cow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Weak, atomic::Ordering},
    time::Duration,
};

use hookline_capture::{IdTail, RowId, header_list};
use hookline_model::{BodyState, Change, RequestSummary, SignatureStatus};
use hookline_provider::{Catalogue, Recognised};
use hookline_query::body::{content_of, read_body};
use hookline_signature::{Fault, Message, Reading, State};
use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::Notify;

use crate::{Engine, inbox::Address, request};

/// Requests judged in one go.
const SLICE: usize = 500;

/// Bytes of bodies judged in one go. One body more than that is judged alone.
const SLICE_BYTES: usize = 16 * 1024 * 1024;

/// How long nothing arrives before the place is written down.
const AT_REST: Duration = Duration::from_secs(1);

/// Pause after a database that could not be read or written.
const AGAIN: Duration = Duration::from_secs(1);

/// Least time between two slices, so that a commit for each of a thousand requests a second does
/// not wake this task as often. A request that comes alone is judged at once.
const GAP: Duration = Duration::from_millis(50);

/// Requests a second that verification keeps up with while they arrive. Where more arrive, receiving comes first: a
/// slice is judged each [`PAUSE`], and the rest when the flood is over.
const KEPT_UP: f64 = 15_000.0;

/// Pause between slices in a flood.
const PAUSE: Duration = Duration::from_millis(250);

/// How requests arrive, measured from one look to the next.
struct Arrivals {
    looked: tokio::time::Instant,
    stored: u64,
    a_second: f64,
}

impl Arrivals {
    /// The rate now, where so many have been stored since the start. It is measured over a tenth of a second at least.
    fn rate(&mut self, stored: u64) -> f64 {
        let seconds = self.looked.elapsed().as_secs_f64();
        if seconds >= 0.1 {
            self.a_second = stored.saturating_sub(self.stored) as f64 / seconds;
            (self.looked, self.stored) = (tokio::time::Instant::now(), stored);
        }
        self.a_second
    }
}

/// Largest body that is looked into without a secret to verify, in bytes.
const RECOGNISED_MAX: i64 = 1024 * 1024;

/// Largest body that is read decoded to learn its event, in bytes.
const READ_MAX: u64 = 4 * 1024 * 1024;

/// Largest body that is verified, in bytes.
const VERIFIED_MAX: i64 = 64 * 1024 * 1024;

/// What judging a request found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) state: SignatureStatus,
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
    let url = verification.signed_url(&inbox.name, looked.target);
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
    let Some((provider, verified)) =
        crate::verification::verify(&verification, catalogue, &message, looked.arrived_us / 1_000)
    else {
        return Judged { recognised, ..Judged::default() };
    };
    let state = match verified.verdict.state {
        State::Valid => SignatureStatus::Valid,
        State::Invalid => SignatureStatus::Invalid,
        State::Unsigned => SignatureStatus::Unsigned,
    };
    let note = verified.note(provider);
    Judged { state, fault: verified.verdict.fault, note, recognised }
}

/// The headers of a block, by name and value; names that are not ASCII are no header's.
pub(crate) fn header_pairs(block: &[u8]) -> Vec<(&str, &[u8])> {
    header_list(block).filter_map(|(name, value)| Some((std::str::from_utf8(name).ok()?, value))).collect()
}

/// What was read of the requests behind a number.
#[derive(Default)]
struct Slice {
    /// The last request that was looked at, and how many were.
    last: i64,
    seen: u64,
    /// Whether there may be more.
    more: bool,
    judged: Vec<(RowId, Judged)>,
}

/// Judges the next requests behind `after`, one body in memory at a time.
fn slice(
    connection: &Connection,
    catalogue: &Catalogue,
    after: i64,
    only: Option<i64>,
    inbox: &dyn Fn(i64) -> Option<Address>,
) -> rusqlite::Result<Slice> {
    let one_inbox = only.map_or(String::new(), |number| format!(" AND inbox = {number}"));
    let sql = format!(
        "SELECT id, inbox, method, target, headers, arrived_us, body_state, body_bytes, chunks FROM request
         WHERE id > ?1{one_inbox} ORDER BY id LIMIT {SLICE}"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([after])?;
    let mut slice = Slice { last: after, ..Slice::default() };
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        let (id, number): (i64, i64) = (row.get(0)?, row.get(1)?);
        (slice.last, slice.seen) = (id, slice.seen + 1);
        let Some(address) = inbox(number) else { continue };
        let verified = !address.verification.secrets.is_empty();
        let whole = row.get::<_, u8>(6)? == BodyState::Complete as u8;
        let fits = row.get::<_, i64>(7)? <= if verified { VERIFIED_MAX } else { RECOGNISED_MAX };
        let body: Option<Vec<u8>> = match (whole && fits, row.get::<_, Option<i64>>(8)?) {
            (false, _) => None,
            (true, None) => connection
                .prepare_cached("SELECT body FROM request WHERE id = ?1")?
                .query_row([id], |row| row.get(0))?,
            (true, Some(body)) => Some(hookline_capture::read_chunks(connection, body, VERIFIED_MAX as u64)?),
        };
        bytes += body.as_ref().map_or(0, Vec::len);
        let (method, target, headers): (String, String, Vec<u8>) = (row.get(2)?, row.get(3)?, row.get(4)?);
        let looked = Looked {
            method: &method,
            target: &target,
            headers: &headers,
            arrived_us: row.get(5)?,
            body: body.as_deref(),
        };
        let found = judged(catalogue, &looked, &address);
        // What nothing is known of has no row; judged anew, it may have one to replace.
        if only.is_some() || found != Judged::default() {
            slice.judged.push((RowId(id), found));
        }
        if bytes >= SLICE_BYTES {
            slice.more = true;
            return Ok(slice);
        }
    }
    slice.more = slice.seen == SLICE as u64;
    Ok(slice)
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
    async fn judge_slice(self: &Arc<Self>, after: i64, only: Option<i64>) -> Result<(i64, bool, u64), String> {
        let (addresses, catalogue) = (self.address_by_number(), self.providers.catalogue());
        let read = move |connection: &Connection| slice(connection, &catalogue, after, only, &addresses);
        let Slice { last, seen, more, judged } = self.store.readers().read(read).await.map_err(|e| e.to_string())?;
        // A full slice of which nothing is known is written down too: after a crash the rest goes on from there.
        if judged.is_empty() && !more {
            return Ok((last, more, seen));
        }
        let (hidden, tail, addresses) = (self.hidden.condition(), self.store.id_tail(), self.address_by_number());
        let work = move |connection: &Connection| {
            for (id, judged) in &judged {
                keep(connection, *id, judged)?;
            }
            if only.is_none() {
                keep_upto(connection, last)?;
            }
            summaries(connection, judged.iter().map(|(id, _)| *id), &hidden, tail, &addresses)
        };
        let feed = self.feed.clone();
        let after = move |changed: &Vec<RequestSummary>| {
            feed.publish(changed.iter().map(|request| Change::RequestChanged { request: request.clone() }));
        };
        self.store.write(work, after).await.map_err(|e| e.to_string())?;
        Ok((last, more, seen))
    }

    /// Judges all stored requests of an inbox anew, slice by slice.
    pub(crate) async fn judge_anew(self: &Arc<Self>, inbox: i64, progress: impl Fn(u64) -> bool) -> Result<(), String> {
        let mut after = 0;
        let mut done = 0;
        loop {
            let (last, more, seen) = self.judge_slice(after, Some(inbox)).await?;
            after = last;
            done += seen;
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
) -> rusqlite::Result<Vec<RequestSummary>> {
    let found: Vec<Option<RequestSummary>> =
        ids.map(|id| request::one(connection, id, hidden, tail, inbox)).collect::<Result<_, _>>()?;
    Ok(found.into_iter().flatten().collect())
}

/// Where judging goes on, as it was left.
pub(crate) fn upto(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT upto FROM judge", [], |row| row.get(0))
}

/// Writes down how far requests were judged.
pub(crate) fn keep_upto(connection: &Connection, upto: i64) -> rusqlite::Result<()> {
    connection.execute("UPDATE judge SET upto = ?1 WHERE upto < ?1", [upto]).map(drop)
}

/// How many requests behind a number are stored.
pub(crate) fn waiting(connection: &Connection, upto: i64) -> rusqlite::Result<u64> {
    let count =
        "SELECT coalesce(sum((SELECT count(*) FROM request r WHERE r.inbox = i.number AND r.id > ?1)), 0) FROM inbox i";
    connection.prepare_cached(count)?.query_row([upto], |row| row.get::<_, i64>(0)).map(|count| count as u64)
}

/// Follows the store and judges what is new, as long as the engine lives.
pub(crate) fn spawn(engine: &Arc<Engine>, arrived: Arc<Notify>, mut after: i64) {
    let engine: Weak<Engine> = Arc::downgrade(engine);
    tokio::spawn(async move {
        let mut kept = after;
        let mut arrivals = Arrivals { looked: tokio::time::Instant::now(), stored: 0, a_second: 0.0 };
        loop {
            let began = tokio::time::Instant::now();
            let (last, more, _) = {
                let Some(engine) = engine.upgrade() else { return };
                engine.judge_slice(after, None).await.unwrap_or_else(|error| {
                    tracing::warn!(%error, "requests could not be verified; it is tried again");
                    (after, true, 0)
                })
            };
            let stuck = more && last == after;
            after = last;
            let Some(rate) = engine.upgrade().map(|engine| {
                engine.judged.send_replace(after);
                arrivals.rate(engine.stored.load(Ordering::Relaxed))
            }) else {
                return;
            };
            if stuck {
                tokio::time::sleep(AGAIN).await;
            } else if more {
                if rate > KEPT_UP {
                    tokio::time::sleep(PAUSE).await;
                }
            } else {
                if tokio::time::timeout(AT_REST, arrived.notified()).await.is_err() {
                    if kept != after
                        && let Some(engine) = engine.upgrade()
                    {
                        let keep = move |connection: &Connection| keep_upto(connection, after);
                        if engine.store.write(keep, |()| ()).await.is_ok() {
                            kept = after;
                        }
                    }
                    arrived.notified().await;
                }
                tokio::time::sleep_until(began + GAP).await;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use hookline_model::VerificationSettings;

    #[test]
    fn the_registered_url_goes_on_as_the_request_does() {
        let verification =
            VerificationSettings { url: Some("https://t.example/hooks".into()), ..VerificationSettings::default() };
        for (target, url) in [
            ("/shop", "https://t.example/hooks"),
            ("/shop?a=1", "https://t.example/hooks?a=1"),
            ("/shop/orders?a=1", "https://t.example/hooks/orders?a=1"),
        ] {
            assert_eq!(verification.signed_url("shop", target).as_deref(), Some(url));
        }
    }
}
