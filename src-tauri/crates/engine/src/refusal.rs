//! Rejected requests, which the listener refused before they were stored. They are counted, listed with their first
//! bytes, and shown until the user dismisses them.
//!
//! The listener adds them without waiting. They are stored in batches, and remain in memory while the database cannot
//! be written.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use hookbench_capture::{ReadError, RejectedRequest, header_list};
use hookbench_model::{Change, DatabaseHealth, MASK, text_by};
use hookbench_provider::is_secret_header;
use hookbench_store::refusal::{self, Refusal, RefusalCount};
use rusqlite::Connection;
use tokio::sync::Notify;

use crate::Engine;

/// Maximum number of stored refusals. Older ones are only counted, so scanners cannot fill the database.
const KEPT_MAX: i64 = 1_000;

/// Maximum number of refusals in memory that wait to be stored. Older ones are only counted.
const WAITING_MAX: usize = 200;

/// Minimum interval between two writes.
const MIN_INTERVAL: Duration = Duration::from_millis(300);

/// Maximum number of pairs of inbox and reason that are counted in memory, to limit memory use.
const COUNTED_MAX: usize = 1_000;

type Rows = VecDeque<Refusal>;

/// Count, first time and last time of refusals by inbox and reason. Times are in µs since the Unix epoch.
type Counts = BTreeMap<(i64, &'static str), (u64, i64, i64)>;

/// Refusals that are not stored yet.
#[derive(Debug, Default)]
struct PendingRefusals {
    /// Number of refusals since the start.
    total: u64,
    /// Number of the last refusal. Numbers are times in µs, increased if needed to be unique.
    last: i64,
    rows: Rows,
    counts: Counts,
}

/// Rejected requests of an engine.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    waiting: Mutex<PendingRefusals>,
    wake: Notify,
}

impl Refusals {
    /// Adds a refusal. `inbox` is 0 if the inbox is unknown.
    pub(crate) fn add(&self, inbox: i64, refused: RejectedRequest) {
        let mut waiting = self.waiting();
        waiting.total += 1;
        let key = (inbox, refused.refusal.code);
        if waiting.counts.contains_key(&key) || waiting.counts.len() < COUNTED_MAX {
            let (count, _, last) = waiting.counts.entry(key).or_insert((0, refused.at_us, refused.at_us));
            (*count, *last) = (*count + 1, refused.at_us);
        }
        if waiting.rows.len() == WAITING_MAX {
            waiting.rows.pop_front();
        }
        let RejectedRequest { at_us, remote_address, refusal, bytes, .. } = refused;
        waiting.last = at_us.max(waiting.last + 1);
        let number = waiting.last;
        waiting.rows.push_back(Refusal {
            number,
            inbox,
            at_us,
            remote_address: remote_address.map(|remote_address| remote_address.to_string()).unwrap_or_default(),
            status: refusal.status.as_u16(),
            reason: refusal.code.to_owned(),
            message: refusal.message,
            bytes,
        });
        drop(waiting);
        self.wake.notify_one();
    }

    fn waiting(&self) -> MutexGuard<'_, PendingRefusals> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes and returns the refusals and counts that are not stored yet.
    fn take(&self) -> (Rows, Counts) {
        let mut waiting = self.waiting();
        (std::mem::take(&mut waiting.rows), std::mem::take(&mut waiting.counts))
    }

    /// Restores refusals and counts that could not be stored.
    fn put_back(&self, rows: Rows, counts: Counts) {
        let mut waiting = self.waiting();
        for (key, (count, first, last)) in counts {
            let entry = waiting.counts.entry(key).or_insert((0, first, last));
            *entry = (entry.0 + count, entry.1.min(first), entry.2.max(last));
        }
        let newer = std::mem::replace(&mut waiting.rows, rows);
        waiting.rows.extend(newer);
        while waiting.rows.len() > WAITING_MAX {
            waiting.rows.pop_front();
        }
    }
}

/// Stores the refusals in memory. Returns true if the database was written.
///
/// Does not write while the database is failing. These few bytes might fit where a request does not, and the successful
/// write would clear the failure.
pub(crate) async fn keep_refusals(engine: &Engine) -> bool {
    !matches!(engine.health(), DatabaseHealth::Failing { .. }) && write_refusals(engine).await
}

/// Same as [`keep_refusals`], but also writes while the database is failing. Used as the last attempt before the engine
/// closes.
pub(crate) async fn write_refusals(engine: &Engine) -> bool {
    let (rows, counts) = engine.refusals.take();
    if counts.is_empty() {
        return true;
    }
    let kept = (rows.clone(), counts.clone());
    let work = move |connection: &Connection| {
        rows.iter().try_for_each(|row| refusal::insert(connection, row))?;
        refusal::keep_newest(connection, KEPT_MAX)?;
        counts.iter().try_for_each(|((inbox, reason), (count, first, last))| {
            refusal::add_to_total(connection, *inbox, reason, *count, *first, *last)
        })
    };
    match engine.store.write(work, |()| ()).await {
        Ok(()) => true,
        Err(error) => {
            tracing::debug!(%error, "refused requests could not be stored and remain in memory");
            engine.refusals.put_back(kept.0, kept.1);
            false
        }
    }
}

/// Returns the number of refused requests by inbox and reason, including those that are not stored yet.
pub async fn refusal_counts(engine: &Engine) -> Vec<RefusalCount> {
    // If the database cannot be read, the counts in memory are still returned.
    let mut counts = engine.store.readers().read(refusal::counts).await.unwrap_or_default();
    for ((inbox, reason), (count, first, last)) in &engine.refusals.waiting().counts {
        match counts.iter_mut().find(|known| known.inbox == *inbox && known.reason == *reason) {
            Some(known) => {
                if known.open == 0 {
                    known.first_us = *first;
                }
                known.count += count;
                known.open += count;
                known.last_us = *last;
            }
            None => counts.push(RefusalCount {
                inbox: *inbox,
                reason: (*reason).to_owned(),
                count: *count,
                open: *count,
                first_us: *first,
                last_us: *last,
            }),
        }
    }
    counts
}

/// Returns the newest refusals before the number `before`, of one inbox or of all, including those that are not stored
/// yet.
///
/// # Errors
/// Returns an error if the database cannot be read.
pub async fn list_refusals(
    engine: &Engine,
    inbox: Option<i64>,
    before: i64,
    limit: usize,
) -> Result<Vec<Refusal>, ReadError> {
    keep_refusals(engine).await;
    let mut found =
        engine.store.readers().read(move |connection| refusal::list(connection, inbox, before, limit)).await?;
    {
        let waiting = engine.refusals.waiting();
        let fits = |refusal: &&Refusal| refusal.number < before && inbox.is_none_or(|inbox| inbox == refusal.inbox);
        found.extend(waiting.rows.iter().filter(fits).cloned());
    }
    found.sort_by_key(|refusal| std::cmp::Reverse(refusal.number));
    found.dedup_by_key(|refusal| refusal.number);
    found.truncate(limit);
    Ok(found)
}

/// Returns a refusal by number.
///
/// # Errors
/// Returns an error if the database cannot be read.
pub async fn refusal(engine: &Engine, number: i64) -> Result<Option<Refusal>, ReadError> {
    let waiting = engine.refusals.waiting().rows.iter().find(|refusal| refusal.number == number).cloned();
    match waiting {
        Some(refusal) => Ok(Some(refusal)),
        None => engine.store.readers().read(move |connection| refusal::one(connection, number)).await,
    }
}

/// Dismisses the refusals so far, of one inbox or of all.
///
/// # Errors
/// Returns an error if the database cannot be written.
pub async fn dismiss_refusals(
    engine: &Engine,
    inbox: Option<i64>,
) -> Result<(), hookbench_capture::WriteError<rusqlite::Error>> {
    keep_refusals(engine).await;
    let work = move |connection: &Connection| refusal::dismiss(connection, inbox);
    engine.store.write(work, |()| ()).await?;
    engine.feed.publish([Change::RefusalsChanged]);
    Ok(())
}

/// Starts the task that stores refusals until the engine is dropped.
pub fn spawn(engine: &Arc<Engine>) {
    let refusals = engine.refusals.clone();
    let engine: Weak<Engine> = Arc::downgrade(engine);
    tokio::spawn(async move {
        let mut published = 0;
        loop {
            refusals.wake.notified().await;
            let Some(engine) = engine.upgrade() else { return };
            let kept = keep_refusals(&engine).await;
            let total = refusals.waiting().total;
            if std::mem::replace(&mut published, total) != total {
                engine.feed.publish([Change::RefusalsChanged]);
            }
            drop(engine);
            tokio::time::sleep(MIN_INTERVAL).await;
            if !kept {
                // The write is retried until it succeeds.
                refusals.wake.notify_one();
            }
        }
    });
}

/// Returns the first bytes of a refused request. Credentials are masked unless `reveal` is true.
pub fn shown_bytes(refusal: &Refusal, reveal: bool) -> Vec<u8> {
    if reveal {
        return refusal.bytes.clone();
    }
    let mut shown = Vec::with_capacity(refusal.bytes.len());
    for line in refusal.bytes.split_inclusive(|byte| *byte == b'\n') {
        match header_list(line).next().filter(|(name, _)| is_secret_header(name)) {
            Some((name, _)) => {
                let end: &[u8] = if line.ends_with(b"\r\n") { b"\r\n" } else { b"\n" };
                shown.extend_from_slice(&[name, b": ", MASK.as_bytes(), end].concat());
            }
            None => shown.extend_from_slice(line),
        }
    }
    shown
}

/// Returns the first bytes of a refused request as text, with masked credentials.
pub fn text(refusal: &Refusal) -> String {
    text_by(&shown_bytes(refusal, false), String::push_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_credentials() {
        let refusal = Refusal {
            number: 1,
            inbox: 0,
            at_us: 0,
            remote_address: String::new(),
            status: 400,
            reason: "bad_header".into(),
            message: String::new(),
            bytes: b"POST / HTTP/1.1\r\nAuthorization: Bearer x\r\nX Y: 1\r\n\xff".to_vec(),
        };
        assert_eq!(text(&refusal), format!("POST / HTTP/1.1\r\nAuthorization: {MASK}\r\nX Y: 1\r\n\\xff"));
        assert_eq!(shown_bytes(&refusal, true), refusal.bytes);
    }
}
