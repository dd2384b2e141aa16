//! Learning shapes behind judging, off the capture path.

use std::{
    collections::HashMap,
    ops::ControlFlow,
    sync::{Arc, Weak},
    time::Duration,
};

use hookline_capture::RowId;
use hookline_model::Change;
use hookline_query::{Uses, body::json_values};
use hookline_schema::{InferredSchema, Seen};
use hookline_search::{InboxSnapshot, oldest_first, rows};
use hookline_store::inferred_schema::{SchemaWrite, load};
use rusqlite::Connection;
use serde_json::Value;
use tokio::time::Instant;

use crate::Engine;

/// Requests of one step: few enough that nobody waits for the commit.
const STEP: usize = 500;

/// Shapes that one step may change.
const CHANGED_MAX: usize = 32;

/// Largest body that is learned from, in bytes.
const BODY_MAX: i64 = 1024 * 1024;

/// Least time between two steps, and the pause behind one as a part of the time it took: the rest of
/// the machine is others'.
const GAP: Duration = Duration::from_millis(200);
const PAUSE: u32 = 3;

type Learned = HashMap<(i64, String), InferredSchema>;
type Step = (Vec<SchemaWrite>, Option<i64>);

/// Follows judging as long as the engine lives.
pub(crate) fn spawn(engine: &Arc<Engine>) {
    let mut judged = engine.judged.subscribe();
    let engine: Weak<Engine> = Arc::downgrade(engine);
    tokio::spawn(async move {
        let mut after = None;
        loop {
            let Some(engine) = engine.upgrade() else { return };
            let began = Instant::now();
            let upto = *judged.borrow_and_update();
            let more = match learn_step(&engine, &mut after, upto).await {
                Ok(more) => more,
                Err(error) => {
                    tracing::warn!(%error, "shapes could not be learned; it is tried again");
                    false
                }
            };
            drop(engine);
            tokio::time::sleep(GAP.max(began.elapsed() * PAUSE)).await;
            if !more && judged.changed().await.is_err() {
                return;
            }
        }
    });
}

/// Learns from the next requests that are judged; whether there are more.
async fn learn_step(engine: &Engine, after: &mut Option<i64>, upto: i64) -> Result<bool, String> {
    let (known, numbers) = (engine.known(), inbox_numbers(engine));
    let from = *after;
    let step = engine
        .store
        .readers()
        .read(move |connection| {
            let from = match from {
                Some(from) => from,
                None => hookline_store::inferred_schema::cursor(connection)?,
            };
            let (learned, last) = learn(connection, &known, &numbers, from, upto)?;
            Ok((from, learned, last))
        })
        .await
        .map_err(|e| e.to_string())?;
    let (from, learned, last) = step;
    *after = Some(from);
    let Some(last) = last else {
        return Ok(false);
    };
    let changed = !learned.is_empty();
    let save = move |connection: &Connection| -> rusqlite::Result<()> {
        learned.iter().try_for_each(|written| written.save(connection))?;
        hookline_store::inferred_schema::save_cursor(connection, last)
    };
    engine.store.write(save, |()| ()).await.map_err(|e| e.to_string())?;
    *after = Some(last);
    if changed {
        engine.feed.publish([Change::ShapesChanged]);
    }
    Ok(true)
}

fn inbox_numbers(engine: &Engine) -> HashMap<String, i64> {
    engine.addresses.all().into_iter().map(|inbox| (inbox.name, inbox.number)).collect()
}

/// The JSON values of a body: one, or those of JSON Lines.
fn values(body: &[u8]) -> Vec<Value> {
    match serde_json::from_slice(body) {
        Ok(value) => vec![value],
        Err(_) => json_values(body).filter_map(|(_, value)| serde_json::from_slice(value).ok()).collect(),
    }
}

/// The shapes that some requests change, and the last of those.
fn learn(
    connection: &Connection,
    known: &InboxSnapshot,
    numbers: &HashMap<String, i64>,
    after: i64,
    upto: i64,
) -> rusqlite::Result<Step> {
    let (mut learned, mut last, mut count) = (Learned::new(), None, 0);
    let mut failed = Ok(());
    let uses = Uses { verdict: true, content: true, ..Uses::default() };
    let sql = oldest_first(uses, &format!("r.id > {after} AND r.id <= {upto}"));
    let _ = rows(connection, &sql, &[], known, &mut |subject| {
        let RowId(row) = subject.id;
        last = Some(row);
        count += 1;
        let body = || {
            if subject.body_bytes > BODY_MAX {
                return None;
            }
            let body = subject.json();
            let json = body.len() as i64 <= BODY_MAX && matches!(body.trim_ascii_start().first(), Some(b'{' | b'['));
            json.then(|| values(body)).filter(|values| !values.is_empty())
        };
        if let Some((number, values)) = numbers.get(subject.inbox).copied().zip(body()) {
            let key = (number, subject.event_type.unwrap_or_default().to_owned());
            let shape = match learned.get_mut(&key) {
                Some(shape) => Some(shape),
                None => match load(connection, key.0, &key.1) {
                    Ok(shape) => Some(learned.entry(key).or_insert(shape.unwrap_or_default())),
                    Err(error) => {
                        failed = Err(error);
                        None
                    }
                },
            };
            if let Some(shape) = shape {
                values.iter().for_each(|value| shape.learn(value, Seen { row, us: subject.arrived_us }));
            }
        }
        if count >= STEP || learned.len() >= CHANGED_MAX || failed.is_err() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    failed?;
    let write =
        |((inbox, event_type), shape): ((i64, String), InferredSchema)| SchemaWrite::of(inbox, event_type, &shape);
    Ok((learned.into_iter().map(write).collect(), last))
}
