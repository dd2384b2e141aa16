//! Schema inference: the stage that infers schemas from JSON bodies, one per inbox and event type.

use std::{collections::HashMap, sync::Arc, time::Duration};

use hookbench_capture::{IdTail, RowId};
use hookbench_model::{Change, PipelineStage};
use hookbench_query::body::json_values;
use hookbench_schema::{InferredSchema, Sighting};
use hookbench_store::{
    inferred_schema::{SchemaWrite, load},
    pipeline::save_cursor,
    request::{CommittedRequest, InboxNames},
};
use rusqlite::Connection;
use serde_json::Value;

use super::{Stage, batch::Batch, unprocessed};
use crate::Engine;

/// Maximum number of schemas that one step changes.
const CHANGED_MAX: usize = 32;

/// Maximum size of a body that a schema is inferred from, in bytes.
const BODY_MAX: i64 = 1024 * 1024;

/// Minimum interval between two steps when no request is waiting.
const MIN_INTERVAL: Duration = Duration::from_millis(200);

/// Pause after a step, as a multiple of its duration. The pause limits the CPU use of the stage.
const PAUSE: u32 = 3;

type Schemas = HashMap<(i64, String), InferredSchema>;

/// Stage that infers schemas.
pub(super) struct Inference;

impl Stage for Inference {
    const NAME: PipelineStage = PipelineStage::Schema;

    async fn step(&mut self, engine: &Arc<Engine>, cursor: RowId, end: RowId) -> Result<RowId, String> {
        let batch = engine.pipeline.batch(engine, cursor, end).await.map_err(|e| e.to_string())?;
        let (inboxes, tail) = (engine.inboxes.clone(), engine.store.id_tail());
        let read = move |connection: &Connection| infer(connection, &batch, cursor, &*inboxes, tail);
        let (changed, reached) = engine.store.readers().read(read).await.map_err(|e| e.to_string())?;
        if changed.is_empty() {
            return Ok(reached);
        }
        let save = move |connection: &Connection| -> rusqlite::Result<()> {
            changed.iter().try_for_each(|schema| schema.save(connection))?;
            save_cursor(connection, PipelineStage::Schema, reached)
        };
        engine.store.write(save, |()| ()).await.map_err(|e| e.to_string())?;
        engine.feed.publish([Change::SchemasChanged]);
        Ok(reached)
    }

    fn pause(&self, elapsed: Duration, more: bool) -> Duration {
        if more { elapsed * PAUSE } else { MIN_INTERVAL.max(elapsed * PAUSE) }
    }
}

/// Returns the schemas that the requests of a batch change, and the row of the last request that was read.
fn infer(
    connection: &Connection,
    batch: &Batch,
    cursor: RowId,
    inboxes: &dyn InboxNames,
    tail: IdTail,
) -> rusqlite::Result<(Vec<SchemaWrite>, RowId)> {
    let (mut schemas, mut reached) = (Schemas::new(), batch.last);
    for request in unprocessed(batch, cursor) {
        let values = values(connection, request, inboxes, tail);
        if !values.is_empty() {
            let key = (request.inbox, request.recognized.event_type.clone().unwrap_or_default());
            let schema = match schemas.get_mut(&key) {
                Some(schema) => schema,
                None => {
                    let stored = load(connection, key.0, &key.1)?;
                    schemas.entry(key).or_insert(stored.unwrap_or_default())
                }
            };
            let seen = Sighting { row: request.row.0, us: request.arrived_us };
            values.iter().for_each(|value| schema.learn(value, seen));
        }
        if schemas.len() >= CHANGED_MAX {
            reached = request.row;
            break;
        }
    }
    let write = |((inbox, event_type), schema): (_, _)| SchemaWrite::of(inbox, event_type, &schema);
    Ok((schemas.into_iter().map(write).collect(), reached))
}

/// Returns the JSON values of a body: one, or several in JSON Lines. Returns none if the body is too large or not JSON.
fn values(connection: &Connection, request: &CommittedRequest, inboxes: &dyn InboxNames, tail: IdTail) -> Vec<Value> {
    let Some(inbox) = inboxes.inbox(request.inbox).filter(|_| request.body_bytes <= BODY_MAX) else {
        return Vec::new();
    };
    let body = || request.searched_body(connection);
    let subject = request.subject(&inbox, tail, &body);
    let body = subject.json();
    if body.len() as i64 > BODY_MAX || !matches!(body.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return Vec::new();
    }
    match serde_json::from_slice(body) {
        Ok(value) => vec![value],
        Err(_) => json_values(body).filter_map(|(_, value)| serde_json::from_slice(value).ok()).collect(),
    }
}
