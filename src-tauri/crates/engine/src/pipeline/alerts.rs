//! Alerts on saved searches: the stage that matches new requests against saved searches.

use std::{sync::Arc, time::Duration};

use hookbench_capture::{IdTail, RowId};
use hookbench_model::{Change, PipelineStage, SavedSearch};
use hookbench_query::Query;
use hookbench_search::duplicates;
use hookbench_store::request::InboxNames;
use rusqlite::Connection;
use tokio::time::Instant;

use super::{Stage, batch::Batch, unprocessed};
use crate::Engine;

/// Minimum interval between two alerts of a saved search. A flood of requests raises one alert.
const MIN_INTERVAL: Duration = Duration::from_millis(500);

/// Time after which the matches so far are published even if more requests are waiting.
const LONGEST: Duration = Duration::from_secs(2);

/// Stage that raises alerts.
pub(super) struct Alerts;

/// A saved search that raises alerts, with the matches of this step.
struct Watched {
    name: String,
    query: Query,
    inbox: Option<i64>,
    newest: Option<RowId>,
    requests: u64,
}

impl Stage for Alerts {
    const NAME: PipelineStage = PipelineStage::Alerts;

    async fn step(&mut self, engine: &Arc<Engine>, mut cursor: RowId, end: RowId) -> Result<RowId, String> {
        let began = Instant::now();
        let mut searches = watched(engine).await?;
        if searches.is_empty() {
            return Ok(end);
        }
        while cursor < end && began.elapsed() < LONGEST {
            let batch = engine.pipeline.batch(engine, cursor, end).await.map_err(|e| e.to_string())?;
            let last = batch.last;
            let (inboxes, tail, now_us) = (engine.inboxes.clone(), engine.store.id_tail(), engine.clock.now_us());
            let look = move |connection: &Connection| {
                matched(connection, &batch, cursor, &mut searches, &*inboxes, tail, now_us)?;
                Ok(searches)
            };
            searches = engine.store.readers().read(look).await.map_err(|e| e.to_string())?;
            cursor = last;
        }
        for Watched { name, newest, requests, .. } in searches {
            let Some(newest) = newest else { continue };
            if let Some(request) = engine.summary(newest).await.map_err(|e| e.to_string())? {
                engine.feed.publish([Change::SavedSearchMatched { name, request: Box::new(request), requests }]);
            }
        }
        Ok(cursor)
    }

    fn pause(&self, _elapsed: Duration, _more: bool) -> Duration {
        MIN_INTERVAL
    }
}

/// Returns the saved searches that raise alerts, except those whose inbox was deleted.
async fn watched(engine: &Engine) -> Result<Vec<Watched>, String> {
    let saved = engine.store.readers().read(hookbench_store::saved_search::all).await.map_err(|e| e.to_string())?;
    let watched = |SavedSearch { name, asked }: SavedSearch| {
        let query = Query::parse(&asked.query).ok().filter(|_| asked.alert)?;
        let inbox = match asked.inbox {
            Some(inbox) => Some(engine.inboxes.get(&inbox)?.number),
            None => None,
        };
        Some(Watched { name, query, inbox, newest: None, requests: 0 })
    };
    Ok(saved.into_iter().filter_map(watched).collect())
}

/// Counts the matching requests of a batch for each search. Imported requests raise no alerts.
fn matched(
    connection: &Connection,
    batch: &Batch,
    cursor: RowId,
    searches: &mut [Watched],
    inboxes: &dyn InboxNames,
    tail: IdTail,
    now_us: i64,
) -> rusqlite::Result<()> {
    let duplicates = match searches.iter().any(|search| search.query.uses().duplicate) {
        true => duplicates(connection, batch.after, batch.last)?,
        false => Vec::new(),
    };
    for request in unprocessed(batch, cursor).filter(|request| request.source.is_empty()) {
        let Some(inbox) = inboxes.inbox(request.inbox) else { continue };
        let body = || request.searched_body(connection);
        let mut subject = request.subject(&inbox, tail, &body);
        subject.duplicate = duplicates.binary_search(&request.row).is_ok();
        for search in searches.iter_mut() {
            if search.inbox.is_none_or(|inbox| inbox == request.inbox) && search.query.matches(&subject, now_us) {
                (search.newest, search.requests) = (Some(request.row), search.requests + 1);
            }
        }
    }
    Ok(())
}
