//! Telling of requests that match a saved query, once each.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use hookline_capture::RowId;
use hookline_model::{Change, SavedSearch};
use hookline_query::Query;

use crate::Engine;

/// Changes taken in one go: as many as the feed keeps.
const BATCH: usize = 20_000;

/// Least time between two looks: a flood is told of as one.
const GAP: Duration = Duration::from_millis(500);

/// Follows the feed as long as the engine lives.
pub(crate) fn spawn(engine: &Arc<Engine>) {
    let feed = engine.feed.clone();
    let engine: Weak<Engine> = Arc::downgrade(engine);
    tokio::spawn(async move {
        let Ok(mut changes) = feed.subscribe(None) else { return };
        loop {
            let items = match changes.next(BATCH).await {
                Ok(items) => items,
                // Too many at once: it goes on with what comes next.
                Err(_) => match feed.subscribe(None) {
                    Ok(anew) => {
                        changes = anew;
                        continue;
                    }
                    Err(_) => return,
                },
            };
            let Some(engine) = engine.upgrade() else { return };
            let added = items.iter().filter_map(|item| match &item.change {
                Change::RequestAdded { request } => engine.row_of(&request.id),
                _ => None,
            });
            if let Err(error) = tell(&engine, added.collect()).await {
                tracing::warn!(%error, "saved queries could not be looked at");
            }
            drop(engine);
            tokio::time::sleep(GAP).await;
        }
    });
}

/// Tells of those of some new requests that a saved query is waiting for.
async fn tell(engine: &Arc<Engine>, added: Vec<RowId>) -> Result<(), String> {
    if added.is_empty() {
        return Ok(());
    }
    let saved = engine.store.readers().read(hookline_store::saved_search::all).await.map_err(|e| e.to_string())?;
    for SavedSearch { name, asked } in saved.into_iter().filter(|saved| saved.asked.notify) {
        let Ok(query) = Query::parse(&asked.query) else { continue };
        let inbox = match asked.inbox.as_deref().map(|inbox| engine.addresses.get(inbox)) {
            None => None,
            Some(Some(address)) => Some(address.number),
            // Its inbox is gone.
            Some(None) => continue,
        };
        let matching = engine.matching(query, inbox, added.clone()).await.map_err(|e| e.to_string())?;
        let Some(newest) = matching.iter().max() else { continue };
        if let Some(request) = engine.summary(*newest).await.map_err(|e| e.to_string())? {
            let requests = matching.len() as u64;
            engine.feed.publish([Change::QueryMatched { name, request: Box::new(request), requests }]);
        }
    }
    Ok(())
}
