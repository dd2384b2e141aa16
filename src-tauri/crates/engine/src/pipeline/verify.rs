//! Verification: the stage that determines the provider, the event and the signature status of a request.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Weak},
    time::Duration,
};

use hookbench_capture::RowId;
use hookbench_event_schema::Validators;
use hookbench_model::{BodyState, Change, PipelineStage, RequestSchemaStatus, RequestSummary, RequestViolation};
use hookbench_provider::{Catalog, Recognized};
use hookbench_query::body::{content_of, read_body};
use hookbench_store::{
    pipeline::save_cursor,
    request::CommittedRequest,
    verification::{self, Verification},
};
use rusqlite::Connection;
use tokio::time::Instant;

use super::{ArrivalRate, BATCH, Batch, Next, RETRY_DELAY};
use crate::{
    Engine,
    inbox::InboxConfig,
    verification::{RequestView, verify_request},
};

/// Minimum interval between two batches. The interval limits how often frequent commits wake this stage. A single
/// request is verified immediately.
const MIN_INTERVAL: Duration = Duration::from_millis(50);

/// Pause between two batches in a flood, because receiving has priority. The rest is verified after the flood.
const FLOOD_PAUSE: Duration = Duration::from_millis(250);

/// Maximum size of a body whose event is read if the inbox has no secret, in bytes.
const RECOGNISED_MAX: i64 = 1024 * 1024;

/// Maximum size of a body that is verified, in bytes.
const VERIFIED_MAX: i64 = 64 * 1024 * 1024;

/// Runs the stage until the engine is dropped.
pub(super) async fn run(engine: Weak<Engine>) {
    let mut rate = ArrivalRate::default();
    loop {
        let began = Instant::now();
        let Some(opened) = engine.upgrade() else { return };
        let pipeline = opened.pipeline.clone();
        let more = step(&opened).await;
        drop(opened);
        match more {
            Ok(true) if rate.is_flood(&pipeline) => tokio::time::sleep(FLOOD_PAUSE).await,
            Ok(true) => {}
            Ok(false) => {
                pipeline.committed.notified().await;
                tokio::time::sleep_until(began + MIN_INTERVAL).await;
            }
            Err(_) if pipeline.is_closing() => return,
            Err(error) => {
                tracing::warn!(error, "requests could not be verified; retrying");
                tokio::time::sleep(RETRY_DELAY).await;
            }
        }
    }
}

/// Verifies the next batch. Returns true if there was one.
async fn step(engine: &Arc<Engine>) -> Result<bool, String> {
    let pipeline = &engine.pipeline;
    let cursor = pipeline.cursor(PipelineStage::Verify);
    let next = pipeline.lock_handover().next(cursor, BATCH);
    let (requests, end) = match next {
        Next::Memory(requests) => (Some(requests), cursor),
        Next::Store(end) => (None, end),
        Next::None => return Ok(false),
    };
    let (inboxes, catalog) = (engine.address_by_number(), engine.providers.catalog());
    let validators = engine.validators.clone();
    let read = move |connection: &Connection| {
        let mut batch = match requests {
            Some(requests) => {
                let last = requests.last().map_or(cursor, |request| request.row);
                Batch { after: cursor, last, requests }
            }
            None => Batch::read(connection, cursor, end, None)?,
        };
        let verified = verify_batch(connection, &mut batch.requests, &catalog, &validators, &inboxes)?;
        Ok((batch, verified))
    };
    let (batch, mut verified) = engine.store.readers().read(read).await.map_err(|e| e.to_string())?;
    // A request without findings gets no verification row.
    verified.retain(|(_, verification)| *verification != Verification::default());
    let last = batch.last;
    if !verified.is_empty() {
        store_results(engine, verified, Some(last)).await?;
    }
    let batch = Arc::new(batch);
    pipeline.lock_recent().push(batch.clone());
    pipeline.advance(PipelineStage::Verify, last);
    // The counters read the store up to the cursor, so they get the requests only after the cursor has passed them.
    engine.traffic.add(&batch.requests);
    pipeline.verified.send_replace(last);
    Ok(true)
}

/// Verifies all stored requests of an inbox again, with the current settings. `progress` receives the number of
/// requests so far, and returns false to stop.
///
/// # Errors
/// Returns an error if the database cannot be read or written.
pub async fn verify_again(engine: &Arc<Engine>, inbox: i64, progress: impl Fn(u64) -> bool) -> Result<(), String> {
    let (mut after, mut done) = (RowId(0), 0);
    let end = engine.pipeline.lock_handover().committed();
    while after < end {
        let (inboxes, catalog) = (engine.address_by_number(), engine.providers.catalog());
        let validators = engine.validators.clone();
        let read = move |connection: &Connection| {
            let mut batch = Batch::read(connection, after, end, Some(inbox))?;
            let verified = verify_batch(connection, &mut batch.requests, &catalog, &validators, &inboxes)?;
            Ok((batch, verified))
        };
        let (batch, verified) = engine.store.readers().read(read).await.map_err(|e| e.to_string())?;
        if !verified.is_empty() {
            store_results(engine, verified, None).await?;
        }
        after = batch.last;
        done += batch.requests.len() as u64;
        if !progress(done) {
            break;
        }
    }
    engine.traffic.reset();
    Ok(())
}

type Results = Vec<(RowId, Verification)>;

/// Verifies requests, except those that were verified to decide their response.
fn verify_batch(
    connection: &Connection,
    requests: &mut [CommittedRequest],
    catalog: &Catalog,
    validators: &Validators,
    inbox: &dyn Fn(i64) -> Option<InboxConfig>,
) -> rusqlite::Result<Results> {
    let mut results = Vec::with_capacity(requests.len());
    for request in requests {
        let mut verification = match std::mem::take(&mut request.findings).get::<Verification>() {
            Some(verification) => verification.clone(),
            None => match inbox(request.inbox) {
                Some(address) => verify(connection, request, catalog, &address)?,
                None => continue,
            },
        };
        verification.violations = validate(connection, request, catalog, validators, &verification.recognized)?;
        request.schema_status = verification.violations.as_ref().map(|violations| match violations.is_empty() {
            true => RequestSchemaStatus::Valid,
            false => RequestSchemaStatus::Invalid,
        });
        request.signature = verification.state;
        request.reason = verification.fault.as_ref().map(|fault| fault.code().to_owned());
        request.recognized = verification.recognized.clone();
        results.push((request.row, verification));
    }
    Ok(results)
}

fn verify(
    connection: &Connection,
    request: &CommittedRequest,
    catalog: &Catalog,
    address: &InboxConfig,
) -> rusqlite::Result<Verification> {
    let most = if address.verification.has_secrets() { VERIFIED_MAX } else { RECOGNISED_MAX };
    let whole = request.body_state == BodyState::Complete && request.body_bytes <= most;
    let body = if whole { Some(request.body(connection, VERIFIED_MAX as u64)?) } else { None };
    let view = RequestView {
        method: &request.method,
        target: &request.target,
        headers: &request.headers,
        arrived_us: request.arrived_us,
        body: body.as_deref(),
    };
    Ok(verify_request(catalog, &view, address))
}

/// Validates the payload of a request against the schema of its event. Returns `None` if there is no schema, or if the
/// body is not JSON, incomplete or large.
fn validate(
    connection: &Connection,
    request: &CommittedRequest,
    catalog: &Catalog,
    validators: &Validators,
    recognized: &Recognized,
) -> rusqlite::Result<Option<Vec<RequestViolation>>> {
    let file = recognized.provider.as_deref().and_then(|provider| catalog.event_file(provider));
    let (Some(file), Some(event_type)) = (file, &recognized.event_type) else { return Ok(None) };
    if request.body_state != BodyState::Complete || request.body_bytes > RECOGNISED_MAX {
        return Ok(None);
    }
    let body = request.body(connection, RECOGNISED_MAX as u64)?;
    let read = read_body(&content_of(&request.headers), body, RECOGNISED_MAX as u64);
    let payload = serde_json::from_slice(&read.bytes).ok();
    let validated = || payload.and_then(|payload| validators.violations(file, event_type, &payload));
    // A panic affects this request only. It must not stop the stage.
    Ok(catch_unwind(AssertUnwindSafe(validated)).unwrap_or_else(|_| {
        tracing::error!(event_type, "validation panicked; the payload is stored as not validated");
        None
    }))
}

/// Stores results and, if given, the cursor of the stage. Publishes the requests.
async fn store_results(engine: &Arc<Engine>, results: Results, cursor: Option<RowId>) -> Result<(), String> {
    let requests = engine.requests();
    let work = move |connection: &Connection| {
        let mut changed = Vec::with_capacity(results.len());
        for (row, verification) in &results {
            verification::save(connection, *row, verification)?;
            changed.extend(requests.one(connection, *row)?);
        }
        if let Some(cursor) = cursor {
            save_cursor(connection, PipelineStage::Verify, cursor)?;
        }
        Ok::<_, rusqlite::Error>(changed)
    };
    let feed = engine.feed.clone();
    let after = move |changed: &Vec<RequestSummary>| {
        feed.publish(changed.iter().map(|request| Change::RequestChanged { request: request.clone() }));
    };
    engine.store.write(work, after).await.map(drop).map_err(|e| e.to_string())
}
