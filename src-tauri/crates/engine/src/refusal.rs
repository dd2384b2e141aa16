//! Requests that were refused before they could be stored: counted, listed with their bytes, and shown until somebody
//! dismisses them.
//!
//! The listener hands them over without waiting. They are written down in batches, and kept in memory as long as the
//! database cannot take them.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use hookbench_capture::{ReadError, Refused, header_list};
use hookbench_model::{Change, DatabaseHealth, MASK, text_by};
use hookbench_provider::is_secret_header;
use hookbench_store::refusal::{self, Refusal, RefusalCount};
use rusqlite::Connection;
use tokio::sync::Notify;

use crate::Engine;

/// Refusals whose bytes are kept. More are only counted: a scanner must not fill the database.
const KEPT_MAX: i64 = 1_000;

/// Refusals that wait to be written down with their bytes; of more only the newest are.
const WAITING_MAX: usize = 200;

/// Least time between two writes.
const GAP: Duration = Duration::from_millis(300);

/// Inboxes and reasons that are told apart in memory, so that nobody makes it grow.
const COUNTED_MAX: usize = 1_000;

type Rows = VecDeque<Refusal>;

/// How many were refused by inbox and reason, and when the first and the last.
type Counts = BTreeMap<(i64, &'static str), (u64, i64, i64)>;

/// What was refused and is not written down yet.
#[derive(Debug, Default)]
struct Waiting {
    /// How many there have been since the start.
    total: u64,
    /// Number of the last.
    last: i64,
    rows: Rows,
    counts: Counts,
}

/// The refusals of one engine.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    waiting: Mutex<Waiting>,
    wake: Notify,
}

impl Refusals {
    /// Takes a refusal of an inbox's request; 0 where no inbox is known.
    pub(crate) fn add(&self, inbox: i64, refused: Refused) {
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
        let Refused { at_us, peer, refusal, bytes, .. } = refused;
        waiting.last = at_us.max(waiting.last + 1);
        let number = waiting.last;
        waiting.rows.push_back(Refusal {
            number,
            inbox,
            at_us,
            peer: peer.map(|peer| peer.to_string()).unwrap_or_default(),
            status: refusal.status.as_u16(),
            reason: refusal.code.to_owned(),
            message: refusal.message,
            bytes,
        });
        drop(waiting);
        self.wake.notify_one();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes out what is not written down yet, with the counts.
    fn take(&self) -> (Rows, Counts) {
        let mut waiting = self.waiting();
        (std::mem::take(&mut waiting.rows), std::mem::take(&mut waiting.counts))
    }

    /// Puts back what could not be written down.
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

/// Writes down what was refused; whether the database took it.
///
/// A database that fails is left alone until the store says that it can be written again: these few bytes might
/// fit where no request does, and would end the alarm.
pub(crate) async fn keep_refusals(engine: &Engine) -> bool {
    !matches!(engine.health(), DatabaseHealth::Failing { .. }) && write_refusals(engine).await
}

/// As [`Engine::keep_refusals`], and also where the database fails: the last try, before Hookbench ends.
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
            tracing::debug!(%error, "refused requests could not be written down; they are kept in memory");
            engine.refusals.put_back(kept.0, kept.1);
            false
        }
    }
}

/// How many requests were refused, by inbox and reason; those that are not written down yet, too.
pub async fn refusal_counts(engine: &Engine) -> Vec<RefusalCount> {
    // A database that cannot be read must not hide what is in memory.
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

/// The newest refusals before `before`, of one inbox or of all; those that are not written down yet, too.
///
/// # Errors
/// What the database says where it cannot be read.
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

/// A refusal by its number.
///
/// # Errors
/// What the database says where it cannot be read.
pub async fn refusal(engine: &Engine, number: i64) -> Result<Option<Refusal>, ReadError> {
    let waiting = engine.refusals.waiting().rows.iter().find(|refusal| refusal.number == number).cloned();
    match waiting {
        Some(refusal) => Ok(Some(refusal)),
        None => engine.store.readers().read(move |connection| refusal::one(connection, number)).await,
    }
}

/// Dismisses what was refused so far, of one inbox or of all.
///
/// # Errors
/// What the database says where it cannot be written.
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

/// Writes down what is refused, as long as the engine lives.
pub fn spawn(engine: &Arc<Engine>) {
    let refusals = engine.refusals.clone();
    let engine: Weak<Engine> = Arc::downgrade(engine);
    tokio::spawn(async move {
        let mut told = 0;
        loop {
            refusals.wake.notified().await;
            let Some(engine) = engine.upgrade() else { return };
            let kept = keep_refusals(&engine).await;
            let total = refusals.waiting().total;
            if std::mem::replace(&mut told, total) != total {
                engine.feed.publish([Change::RefusalsChanged]);
            }
            drop(engine);
            tokio::time::sleep(GAP).await;
            if !kept {
                // Tried again until the database takes it.
                refusals.wake.notify_one();
            }
        }
    });
}

/// Its first bytes, with credentials masked unless `reveal`.
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

/// Its first bytes as text, credentials masked.
pub fn text(refusal: &Refusal) -> String {
    text_by(&shown_bytes(refusal, false), String::push_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_masked_in_what_is_shown() {
        let refusal = Refusal {
            number: 1,
            inbox: 0,
            at_us: 0,
            peer: String::new(),
            status: 400,
            reason: "bad_header".into(),
            message: String::new(),
            bytes: b"POST / HTTP/1.1\r\nAuthorization: Bearer x\r\nX Y: 1\r\n\xff".to_vec(),
        };
        assert_eq!(text(&refusal), format!("POST / HTTP/1.1\r\nAuthorization: {MASK}\r\nX Y: 1\r\n\\xff"));
        assert_eq!(shown_bytes(&refusal, true), refusal.bytes);
    }
}
