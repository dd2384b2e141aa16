//! Search indexing: the stage that adds requests to the search index. The cursor is the last request in a finished
//! block. A block that is unfinished when the program ends is rebuilt at the next start.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use hookbench_capture::RowId;
use hookbench_model::PipelineStage;
use hookbench_search::IndexWriter;
use hookbench_store::request::InboxNames;
use rusqlite::Connection;
use tokio::time::Instant;

use super::{ArrivalRate, RETRY_DELAY, unprocessed};
use crate::Engine;

/// Interval at which the stage checks for requests.
const INTERVAL: Duration = Duration::from_millis(500);

/// Maximum number of intervals that the stage waits while receiving has priority.
const WAITED_MAX: u32 = 20;

/// Pause after a batch, as a multiple of its duration: usually, and while receiving has priority.
const PAUSE: u32 = 1;
const FLOOD_PAUSE: u32 = 6;

/// Runs the stage until the engine is dropped.
pub(super) async fn run(engine: Weak<Engine>) {
    let Some(mut writer) = open(&engine).await else { return };
    if let Some(opened) = engine.upgrade() {
        opened.pipeline.advance(PipelineStage::Index, writer.last());
    }
    let (mut rate, mut waited) = (ArrivalRate::default(), 0);
    loop {
        tokio::time::sleep(INTERVAL).await;
        let Some(opened) = engine.upgrade() else { return };
        if !opened.settings().search_index {
            writer.clear();
            opened.pipeline.advance(PipelineStage::Index, opened.pipeline.cursor(PipelineStage::Verify));
            continue;
        }
        let index = opened.index.clone();
        let refresh = move |connection: &Connection| IndexWriter::refresh(&index, connection);
        if let Err(error) = opened.store.readers().read(refresh).await {
            tracing::warn!(%error, "the search index could not read the store");
        }
        if rate.is_flood(&opened.pipeline) && waited < WAITED_MAX {
            waited += 1;
            continue;
        }
        waited = 0;
        drop(opened);
        writer = match catch_up(&engine, writer, &mut rate).await {
            Some(writer) => writer,
            None => return,
        };
    }
}

async fn open(engine: &Weak<Engine>) -> Option<IndexWriter> {
    let (index, store) = engine.upgrade().map(|engine| (engine.index.clone(), engine.store.id_tail().get()))?;
    tokio::task::spawn_blocking(move || IndexWriter::open(index, store)).await.ok()
}

/// Indexes batches until every verified request is in the index.
async fn catch_up(engine: &Weak<Engine>, mut writer: IndexWriter, rate: &mut ArrivalRate) -> Option<IndexWriter> {
    loop {
        let began = Instant::now();
        let opened = engine.upgrade()?;
        let end = opened.pipeline.cursor(PipelineStage::Verify);
        opened.pipeline.advance(PipelineStage::Index, writer.last());
        if writer.last() >= end || !opened.settings().search_index {
            return Some(writer);
        }
        let added = add_batch(&opened, writer, end).await;
        let pause = if rate.is_flood(&opened.pipeline) { FLOOD_PAUSE } else { PAUSE };
        let is_closing = opened.pipeline.is_closing();
        drop(opened);
        let error = match added {
            Ok((added, None)) => {
                writer = added;
                tokio::time::sleep(began.elapsed() * pause).await;
                continue;
            }
            Ok((added, Some(error))) => {
                writer = added;
                error
            }
            Err(error) => {
                writer = open(engine).await?;
                error
            }
        };
        if is_closing {
            return None;
        }
        tracing::warn!(error, "the search index cannot be built; searches work without it");
        tokio::time::sleep(RETRY_DELAY).await;
        return Some(writer);
    }
}

/// Adds the next batch to the index. Returns the writer, and the error if a request could not be written.
async fn add_batch(
    engine: &Arc<Engine>,
    mut writer: IndexWriter,
    end: RowId,
) -> Result<(IndexWriter, Option<String>), String> {
    let cursor = writer.last();
    let batch = engine.pipeline.batch(engine, cursor, end).await.map_err(|e| e.to_string())?;
    let (inboxes, tail) = (engine.inboxes.clone(), engine.store.id_tail());
    let add = move |connection: &Connection| {
        for request in unprocessed(&batch, cursor) {
            let inbox = inboxes.inbox(request.inbox).unwrap_or_default();
            let body = || request.searched_body(connection);
            if let Err(error) = writer.add(&request.subject(&inbox, tail, &body)) {
                return Ok((writer, Some(error.to_string())));
            }
        }
        writer.pass(batch.last);
        Ok((writer, None))
    };
    engine.store.readers().read(add).await.map_err(|e| e.to_string())
}
