//! Waits for captured requests that match a query.

use std::{cmp::Reverse, sync::Arc, time::Duration};

use hookbench_capture::{IdTail, ReadError, RowId};
use hookbench_query::{Node, Place, Query};
use hookbench_search::duplicates;
use hookbench_store::request::InboxNames;
use rusqlite::Connection;
use tokio::time::{Instant, timeout_at};

use super::{batch::Batch, unprocessed};
use crate::Engine;

/// Maximum number of requests that are returned because they almost match.
const OTHERS: usize = 10;

/// Time for requests that arrived before the call, even if the timeout is shorter.
const SCAN: Duration = Duration::from_secs(10);

/// Fields whose value changes after a request has arrived.
const LATER: [&str; 5] = ["status", "app", "note", "pinned", "unread"];

/// Parses the query of a wait.
///
/// # Errors
/// Returns a sentence if the query is invalid, or uses a field whose value changes after a request has arrived.
pub fn parse_wait(text: &str) -> Result<Query, String> {
    let query = Query::parse(text).map_err(|error| format!("Invalid query {text:?}: {error}"))?;
    for (term, _) in query.terms() {
        if let Place::Field(field) = &term.place
            && LATER.contains(&field.name)
        {
            let name = field.name;
            return Err(format!(
                "The field {name:?} cannot be used in a wait, because its value changes after a request has arrived. Remove \
                 it from the query."
            ));
        }
    }
    Ok(query)
}

/// What to wait for.
#[derive(Debug, Clone)]
pub struct WaitQuery {
    /// Conditions, in the text that the query was parsed from.
    pub text: String,
    /// Parsed conditions.
    pub query: Query,
    /// Number and name of the inbox that the requests must arrive in.
    pub inbox: Option<(i64, String)>,
    /// Number of requests to wait for, at least 1.
    pub requests: usize,
    /// Row after which requests count.
    pub after: RowId,
}

/// What arrived while waiting.
#[derive(Debug, Clone, Default)]
pub struct WaitOutcome {
    /// Requests that match, oldest first.
    pub found: Vec<RowId>,
    /// Other requests with the conditions that they do not meet: those that meet most first, then the newest.
    pub others: Vec<(RowId, Vec<Unmet>)>,
    /// Last row that was looked at, from which the next wait continues.
    pub last: RowId,
}

/// A condition that a request does not meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmet {
    /// The request is in another inbox.
    Inbox,
    /// The condition with this position in the query.
    Condition(usize),
}

impl WaitQuery {
    /// Returns the text of a condition.
    pub fn text_of(&self, unmet: Unmet) -> String {
        match unmet {
            Unmet::Inbox => format!("inbox:{}", self.inbox.as_ref().map_or("", |(_, name)| name)),
            Unmet::Condition(place) => text_of(&conditions(&self.query.root)[place], &self.text),
        }
    }
}

/// Waits until the requests have arrived and are verified, or until `deadline`. Requests that arrived after
/// [`WaitQuery::after`] and before the call count too.
///
/// # Errors
/// Returns an error if the database cannot be read.
pub async fn wait(engine: &Arc<Engine>, wanted: Arc<WaitQuery>, deadline: Instant) -> Result<WaitOutcome, ReadError> {
    let mut verified = engine.pipeline.verified.subscribe();
    let mut waited = WaitOutcome { last: wanted.after, ..WaitOutcome::default() };
    let scan_end = deadline.max(Instant::now() + SCAN);
    loop {
        let end = *verified.borrow_and_update();
        while waited.last < end && Instant::now() < scan_end {
            let batch = shared_batch(engine, waited.last, end).await?;
            let (inboxes, tail, now_us) = (engine.inboxes.clone(), engine.store.id_tail(), engine.clock.now_us());
            let for_read = wanted.clone();
            let look = move |connection: &Connection| {
                let mut waited = waited;
                look(connection, &batch, &for_read, &mut waited, &*inboxes, tail, now_us)?;
                Ok(waited)
            };
            waited = engine.store.readers().read(look).await?;
            if waited.found.len() == wanted.requests {
                return Ok(waited);
            }
        }
        // The engine holds the sender, so the channel is open.
        if timeout_at(deadline, verified.changed()).await.is_err() {
            return Ok(waited);
        }
    }
}

/// Returns the next requests after a row. Calls that wait at the same time read the store once.
async fn shared_batch(engine: &Engine, after: RowId, end: RowId) -> Result<Arc<Batch>, ReadError> {
    if let Some(batch) = engine.pipeline.lock_recent().after(after) {
        return Ok(batch);
    }
    let mut shared = engine.pipeline.waited.lock().await;
    if let Some(batch) = shared.upgrade().filter(|batch| batch.after <= after && after < batch.last) {
        return Ok(batch);
    }
    let batch = engine.pipeline.batch(engine, after, end).await?;
    *shared = Arc::downgrade(&batch);
    Ok(batch)
}

/// Looks at the requests of a batch until enough are found. Imported requests did not arrive.
fn look(
    connection: &Connection,
    batch: &Batch,
    wanted: &WaitQuery,
    waited: &mut WaitOutcome,
    inboxes: &dyn InboxNames,
    tail: IdTail,
    now_us: i64,
) -> rusqlite::Result<()> {
    let duplicates = match wanted.query.uses().duplicate {
        true => duplicates(connection, batch.after, batch.last)?,
        false => Vec::new(),
    };
    let cursor = waited.last;
    for request in unprocessed(batch, cursor).filter(|request| request.source.is_empty()) {
        let Some(inbox) = inboxes.inbox(request.inbox) else { continue };
        let body = || request.searched_body(connection);
        let mut subject = request.subject(&inbox, tail, &body);
        subject.duplicate = duplicates.binary_search(&request.row).is_ok();
        // Each condition is evaluated once: a request that does not match is compared with every query that waits.
        let elsewhere = wanted.inbox.as_ref().is_some_and(|(number, _)| *number != request.inbox);
        let parts =
            conditions(&wanted.query.root).iter().enumerate().filter(|(_, part)| !subject.matches(part, now_us));
        let parts = parts.map(|(place, _)| Unmet::Condition(place));
        let unmet: Vec<Unmet> = elsewhere.then_some(Unmet::Inbox).into_iter().chain(parts).collect();
        if unmet.is_empty() {
            waited.found.push(request.row);
            if waited.found.len() == wanted.requests {
                waited.last = request.row;
                return Ok(());
            }
            continue;
        }
        waited.others.push((request.row, unmet));
        if waited.others.len() > 2 * OTHERS {
            keep_nearest(&mut waited.others);
        }
    }
    keep_nearest(&mut waited.others);
    waited.last = batch.last;
    Ok(())
}

/// Sorts by the number of unmet conditions, then by age, and keeps the first.
fn keep_nearest(others: &mut Vec<(RowId, Vec<Unmet>)>) {
    others.sort_by_key(|(row, unmet)| (unmet.len(), Reverse(*row)));
    others.truncate(OTHERS);
}

/// Returns the conditions that must all be met.
fn conditions(root: &Node) -> &[Node] {
    match root {
        Node::All(nodes) => nodes,
        other => std::slice::from_ref(other),
    }
}

/// Returns the text of a condition as it is written in the query.
fn text_of(node: &Node, query: &str) -> String {
    let text = node.span().and_then(|span| query.get(span)).unwrap_or_default();
    match node {
        // The position of a group is the one of its terms, without the parentheses.
        Node::Not(inner) if !matches!(**inner, Node::Term(_)) => format!("-({text})"),
        Node::Not(_) => format!("-{text}"),
        _ => text.to_owned(),
    }
}
