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

use hookline_capture::{RowId, header_list};
use hookline_model::{BodyState, Change, RequestSummary, SignatureStatus};
use hookline_provider::{Catalogue, Recognised};
use hookline_query::body::{content_of, read_body};
use hookline_signature::{Message, Reading, State};
use hookline_store::verification::{self, Verification};
use rusqlite::Connection;
use tokio::sync::Notify;

use crate::{Engine, inbox::Address};

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
pub(crate) fn judged(catalogue: &Catalogue, looked: &Looked<'_>, inbox: &Address) -> Verification {
    catch_unwind(AssertUnwindSafe(|| judge(catalogue, looked, inbox))).unwrap_or_else(|_| {
        tracing::error!(inbox = inbox.name, "a defect in Hookline kept a request from being judged");
        Verification::default()
    })
}

fn judge(catalogue: &Catalogue, looked: &Looked<'_>, inbox: &Address) -> Verification {
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
        return Verification { recognised, ..Verification::default() };
    }
    // Verification at its arrival, also when it is judged again much later.
    let Some((provider, verified)) =
        crate::verification::verify(verification, catalogue, &message, looked.arrived_us / 1_000)
    else {
        return Verification { recognised, ..Verification::default() };
    };
    let state = match verified.verdict.state {
        State::Valid => SignatureStatus::Valid,
        State::Invalid => SignatureStatus::Invalid,
        State::Unsigned => SignatureStatus::Unsigned,
    };
    let note = verified.note(provider);
    Verification { state, fault: verified.verdict.fault, note, recognised }
}

/// The headers of a block, by name and value; names that are not ASCII are no header's.
pub fn header_pairs(block: &[u8]) -> Vec<(&str, &[u8])> {
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
    judged: Vec<(RowId, Verification)>,
}

/// Judges the next requests behind `after`, one body in memory at a time.
fn slice(
    connection: &Connection,
    catalogue: &Catalogue,
    after: i64,
    only: Option<i64>,
    inbox: &dyn Fn(i64) -> Option<Address>,
) -> rusqlite::Result<Slice> {
    let mut statement = verification::unverified(connection, only, SLICE)?;
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
            (true, None) => Some(hookline_store::request::inline_body(connection, RowId(id))?.unwrap_or_default()),
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
        if only.is_some() || found != Verification::default() {
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

/// Judges the requests behind `after`, of one inbox or of all; the last one looked at, and
/// whether there may be more.
async fn judge_slice(engine: &Arc<Engine>, after: i64, only: Option<i64>) -> Result<(i64, bool, u64), String> {
    let (addresses, catalogue) = (engine.address_by_number(), engine.providers.catalogue());
    let read = move |connection: &Connection| slice(connection, &catalogue, after, only, &addresses);
    let Slice { last, seen, more, judged } = engine.store.readers().read(read).await.map_err(|e| e.to_string())?;
    // A full slice of which nothing is known is written down too: after a crash the rest goes on from there.
    if judged.is_empty() && !more {
        return Ok((last, more, seen));
    }
    let requests = engine.requests();
    let work = move |connection: &Connection| {
        for (id, judged) in &judged {
            verification::save(connection, *id, judged)?;
        }
        if only.is_none() {
            verification::save_cursor(connection, last)?;
        }
        let changed = judged.iter().map(|(id, _)| requests.one(connection, *id));
        Ok::<_, rusqlite::Error>(
            changed.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().flatten().collect::<Vec<_>>(),
        )
    };
    let feed = engine.feed.clone();
    let after = move |changed: &Vec<RequestSummary>| {
        feed.publish(changed.iter().map(|request| Change::RequestChanged { request: request.clone() }));
    };
    engine.store.write(work, after).await.map_err(|e| e.to_string())?;
    Ok((last, more, seen))
}

/// Judges all stored requests of an inbox anew, slice by slice.
pub async fn judge_anew(engine: &Arc<Engine>, inbox: i64, progress: impl Fn(u64) -> bool) -> Result<(), String> {
    let mut after = 0;
    let mut done = 0;
    loop {
        let (last, more, seen) = judge_slice(engine, after, Some(inbox)).await?;
        after = last;
        done += seen;
        if !more || !progress(done) {
            return Ok(());
        }
    }
}

/// Follows the store and judges what is new, as long as the engine lives.
pub fn spawn(engine: &Arc<Engine>, arrived: Arc<Notify>, mut after: i64) {
    let engine: Weak<Engine> = Arc::downgrade(engine);
    tokio::spawn(async move {
        let mut kept = after;
        let mut arrivals = Arrivals { looked: tokio::time::Instant::now(), stored: 0, a_second: 0.0 };
        loop {
            let began = tokio::time::Instant::now();
            let (last, more, _) = {
                let Some(engine) = engine.upgrade() else { return };
                judge_slice(&engine, after, None).await.unwrap_or_else(|error| {
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
                        let keep = move |connection: &Connection| verification::save_cursor(connection, after);
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
