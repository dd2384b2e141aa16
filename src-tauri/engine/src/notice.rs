//! Telling of requests that match a saved query, once each.

use std::{
    collections::{BTreeSet, HashSet},
    sync::{Arc, Weak},
    time::Duration,
};

use crate::{
    Engine,
    feed::{Change, Item},
    query::Query,
    saved_query::SavedQuery,
};

/// Changes taken in one go.
const BATCH: usize = 1_000;

/// Least time between two looks: a flood is told of as one.
const GAP: Duration = Duration::from_millis(500);

/// Requests remembered as new, so that their verdict can make them match, and as told of.
const REMEMBERED: usize = 20_000;

/// Follows the feed as long as the engine lives.
pub(crate) fn spawn(engine: &Arc<Engine>) {
    let feed = engine.feed.clone();
    let engine: Weak<Engine> = Arc::downgrade(engine);
    tokio::spawn(async move {
        let (mut fresh, mut told) = (BTreeSet::new(), HashSet::new());
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
            let touched = touched(&items, &mut fresh);
            if let Err(error) = engine.tell(touched, &mut told).await {
                tracing::warn!(%error, "saved queries could not be looked at");
            }
            while fresh.len() > REMEMBERED {
                fresh.pop_first();
            }
            if told.len() > REMEMBERED {
                told.clear();
            }
            drop(engine);
            tokio::time::sleep(GAP).await;
        }
    });
}

/// New requests, and new ones of which more is known now.
fn touched(items: &[Arc<Item>], fresh: &mut BTreeSet<String>) -> Vec<String> {
    items
        .iter()
        .filter_map(|item| match &item.change {
            Change::RequestAdded { request } => {
                fresh.insert(request.id.clone());
                Some(request.id.clone())
            }
            Change::RequestChanged { request } if fresh.contains(&request.id) => Some(request.id.clone()),
            _ => None,
        })
        .collect()
}

impl Engine {
    async fn tell(self: &Arc<Self>, ids: Vec<String>, told: &mut HashSet<(String, String)>) -> Result<(), String> {
        if ids.is_empty() {
            return Ok(());
        }
        let saved = self.store.readers().read(SavedQuery::all).await.map_err(|e| e.to_string())?;
        for saved in saved.into_iter().filter(|saved| saved.asked.notify) {
            let Ok(query) = Query::parse(&saved.asked.query) else { continue };
            let inbox =
                saved.asked.inbox.as_deref().and_then(|name| self.addresses.get(name)).map(|address| address.number);
            if saved.asked.inbox.is_some() && inbox.is_none() {
                continue;
            }
            let rows = ids
                .iter()
                .filter(|id| !told.contains(&(saved.name.clone(), (*id).clone())))
                .filter_map(|id| self.row_of(id));
            let matching = self.matching(query, inbox, rows.collect()).await.map_err(|e| e.to_string())?;
            let Some(newest) = matching.iter().max() else { continue };
            told.extend(matching.iter().map(|row| (saved.name.clone(), self.id_of(*row))));
            if let Some(request) = self.summary(*newest).await.map_err(|e| e.to_string())? {
                let requests = matching.len() as u64;
                self.feed.publish([Change::QueryMatched { name: saved.name, request: Box::new(request), requests }]);
            }
        }
        Ok(())
    }
}
