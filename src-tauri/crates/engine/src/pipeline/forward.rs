//! Mirroring: the stage that creates deliveries of the requests that match a forward. Deliveries are stored in one
//! commit with the cursor. A crash therefore neither duplicates nor loses a delivery.

use std::{sync::Arc, time::Duration};

use hookbench_capture::{IdTail, RowId};
use hookbench_delivery::{Outbox, joined, rest_of};
use hookbench_model::{
    BodyState, Change, Delivery, DeliveryOrigin, DeliveryState, ForwardMode, PipelineStage, RequestSummary,
    SignatureStatus,
};
use hookbench_query::Subject;
use hookbench_store::{
    delivery::{DeliverySource, NewDelivery, SourceRequest},
    endpoint::EndpointRow,
    pipeline::save_cursor,
};
use rusqlite::Connection;

use super::{Stage, batch::Batch, unprocessed};
use crate::{Engine, forward::CompiledForward, inbox::InboxConfig};

/// Stage that mirrors requests.
pub(super) struct Mirror;

impl Stage for Mirror {
    const NAME: PipelineStage = PipelineStage::Forward;

    async fn step(&mut self, engine: &Arc<Engine>, cursor: RowId, end: RowId) -> Result<RowId, String> {
        let inboxes: Vec<InboxConfig> = (engine.inboxes.all().into_iter())
            .filter(|address| address.forwards.iter().any(|bound| bound.forward.mode == ForwardMode::Mirror))
            .collect();
        if inboxes.is_empty() {
            return Ok(end);
        }
        let batch = engine.pipeline.batch(engine, cursor, end).await.map_err(|e| e.to_string())?;
        let last = batch.last;
        let copies = copies(engine, batch, cursor, inboxes).await?;
        if !copies.is_empty() {
            store_copies(engine, last, copies).await?;
        }
        Ok(last)
    }

    fn pause(&self, _elapsed: Duration, _more: bool) -> Duration {
        Duration::ZERO
    }
}

/// A request to forward, and its destination.
struct Copy {
    endpoint: Arc<EndpointRow>,
    request: SourceRequest,
    /// State and reason of a delivery that is not sent.
    refused: Option<(DeliveryState, String)>,
}

/// State that decides which requests are mirrored.
struct Rules {
    outbox: Arc<Outbox>,
    tail: IdTail,
    now_us: i64,
    inboxes: Vec<InboxConfig>,
    /// Numbers of the inboxes that forward only verified requests if these came through a tunnel.
    verified_only: Vec<i64>,
}

impl Rules {
    /// Returns the deliveries to create for a batch. Omits imported requests and those of the offline backlog, which
    /// wait for the user's decision.
    fn copies(&self, connection: &Connection, batch: &Batch, cursor: RowId) -> rusqlite::Result<Vec<Copy>> {
        let held = hookbench_store::tunnel::held(connection, cursor.0, batch.last.0)?;
        let outside = match self.verified_only.is_empty() {
            true => Vec::new(),
            false => hookbench_store::tunnel::outside(connection, cursor.0, batch.last.0)?,
        };
        let mut copies = Vec::new();
        for request in unprocessed(batch, cursor).filter(|request| request.source.is_empty()) {
            let Some(address) = self.inboxes.iter().find(|address| address.number == request.inbox) else { continue };
            if held.binary_search(&request.row.0).is_ok() {
                continue;
            }
            let (_, label) = address.label();
            let body = || request.searched_body(connection);
            let subject = request.subject(&label, self.tail, &body);
            let unproved = request.signature != SignatureStatus::Valid
                && self.verified_only.contains(&request.inbox)
                && outside.binary_search(&request.row.0).is_ok();
            let refused = if request.body_state != BodyState::Complete {
                Some((DeliveryState::Failed, "The request body is incomplete."))
            } else if unproved {
                Some((DeliveryState::Skipped, "The request came through a tunnel without a valid signature."))
            } else {
                None
            };
            for bound in address.forwards.iter().filter(|bound| bound.forward.mode == ForwardMode::Mirror) {
                copies.extend(self.copy(bound, &subject, refused));
            }
        }
        Ok(copies)
    }

    /// Returns the delivery of a request through one forward. Returns `None` if the forward does not match.
    fn copy(
        &self,
        bound: &CompiledForward,
        subject: &Subject<'_>,
        refused: Option<(DeliveryState, &str)>,
    ) -> Option<Copy> {
        let forward = &bound.forward;
        if !forward.enabled || subject.id.0 <= forward.since || !bound.query.matches(subject, self.now_us) {
            return None;
        }
        let endpoint = self.outbox.schedule().with_id(&forward.id)?;
        let (url, wrong) = match joined(&forward.to, &forward.path, rest_of(subject.target, subject.inbox)) {
            Ok(url) => (url, None),
            Err(why) => (forward.to.clone(), Some((DeliveryState::Failed, why))),
        };
        let refused = if let Some((state, why)) = refused {
            Some((state, why.to_owned()))
        } else if crate::forward::loops(forward, subject.headers) {
            Some((DeliveryState::Skipped, "The request already passed through this forward.".to_owned()))
        } else {
            wrong
        };
        let request = SourceRequest {
            row: subject.id.0,
            id: self.tail.text(subject.id),
            event_type: subject.event_type.unwrap_or_default().to_owned(),
            provider: subject.provider.unwrap_or_default().to_owned(),
            method: subject.method.to_owned(),
            url,
            re_signed: forward.re_sign,
            replay: None,
        };
        Some(Copy { endpoint, request, refused })
    }
}

async fn copies(
    engine: &Engine,
    batch: Arc<Batch>,
    cursor: RowId,
    inboxes: Vec<InboxConfig>,
) -> Result<Vec<Copy>, String> {
    let verified_only = (inboxes.iter())
        .filter(|address| engine.tunnels.exposures_of(address.number).iter().any(|row| row.settings.verified_only))
        .map(|address| address.number)
        .collect();
    let rules = Rules {
        outbox: engine.outbox.clone(),
        tail: engine.store.id_tail(),
        now_us: engine.clock.now_us(),
        inboxes,
        verified_only,
    };
    let read = move |connection: &Connection| rules.copies(connection, &batch, cursor);
    engine.store.readers().read(read).await.map_err(|e| e.to_string())
}

/// Stores the deliveries with the cursor, and schedules them.
async fn store_copies(engine: &Engine, cursor: RowId, copies: Vec<Copy>) -> Result<(), String> {
    let now_us = engine.clock.now_us();
    let requests = engine.requests();
    let work = move |connection: &Connection| {
        save_cursor(connection, PipelineStage::Forward, cursor)?;
        let made = copies
            .iter()
            .map(|Copy { endpoint, request, refused }| {
                let (state, reason) = refused.clone().unwrap_or((DeliveryState::Waiting, String::new()));
                let (of, due_us) = (DeliverySource::Request(request), now_us);
                let new = NewDelivery { of, endpoint, origin: DeliveryOrigin::Forward, state, reason, now_us, due_us };
                new.insert(connection).map(|(number, delivery)| (number, endpoint.number, delivery))
            })
            .collect::<rusqlite::Result<Vec<_>>>()?;
        // A delivery that is not sent has no end event, so its request is published now.
        let mut changed = Vec::new();
        for copy in copies.iter().filter(|copy| copy.refused.is_some()) {
            changed.extend(requests.one(connection, RowId(copy.request.row))?);
        }
        Ok::<_, rusqlite::Error>((made, changed))
    };
    let (outbox, feed) = (engine.outbox.clone(), engine.feed.clone());
    let after = move |(made, changed): &(Vec<(i64, i64, Delivery)>, Vec<RequestSummary>)| {
        let mut schedule = outbox.schedule();
        for (number, endpoint, delivery) in made {
            if delivery.state == DeliveryState::Waiting {
                schedule.wait(*number, *endpoint, now_us);
            }
        }
        drop(schedule);
        outbox.wake();
        feed.publish(made.iter().map(|(.., delivery)| Change::DeliveryChanged { delivery: delivery.clone() }));
        feed.publish(changed.iter().map(|request| Change::RequestChanged { request: request.clone() }));
    };
    engine.store.write(work, after).await.map(drop).map_err(|e| e.to_string())
}
