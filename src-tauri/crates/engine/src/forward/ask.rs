//! Proxy mode: stores a request with its delivery in one commit, calls the app, and streams the app's response to the
//! sender. The sender gets the fallback response if the app does not respond in time.

use std::{sync::Arc, time::Duration};

use hookbench_capture::{CommitError, ProxiedRequest, ResponseBody, RowId, Transaction, WriteError};
use hookbench_delivery::{ResponseTap, joined, responded, rest_of};
use hookbench_model::{Change, DatabaseFault, Delivery, DeliveryOrigin, DeliveryState, Forward, RequestSummary};
use hookbench_store::{
    delivery::{DeliverySource, InFlightAttempt, NewDelivery, SourceRequest},
    endpoint::EndpointRow,
    request::summary_of,
};
use http::Response;
use rusqlite::Connection;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use crate::{
    Engine,
    entry::{Entry, in_turn},
    response,
};

/// Maximum number of response chunks that wait for a slow sender.
const PIECES: usize = 8;

/// Maximum number of requests that wait for an app. Further requests get the fallback response immediately. Each
/// request holds a connection to the app until the response or the timeout, even if the sender disconnects.
const ASKED_MAX: u32 = 256;

/// A stored request and its delivery.
struct StoredForward {
    row: RowId,
    number: i64,
    delivery: Delivery,
}

/// Stores a request and gets the response from the app of a forward. Continues if the sender disconnects.
pub(crate) async fn ask(engine: &Arc<Engine>, proxied: ProxiedRequest) -> Result<Response<ResponseBody>, CommitError> {
    let response = {
        let engine = engine.clone();
        async move { ask_app(engine, proxied.app, Entry::of(proxied.captured)).await }
    };
    let closing = || CommitError { fault: DatabaseFault::Other, message: "Hookbench is shutting down".into() };
    engine.main.spawn(response).await.unwrap_or_else(|_| Err(closing()))
}

/// Stores a request and gets the response from the app.
pub(crate) async fn ask_app(
    engine: Arc<Engine>,
    app: i64,
    mut entry: Entry,
) -> Result<Response<ResponseBody>, CommitError> {
    let address = engine.inboxes.by_number(entry.captured.inbox);
    let found = address.as_ref().and_then(|address| {
        let endpoint = engine.outbox.schedule().numbered(app)?;
        let bound = address.forwards.iter().find(|bound| bound.forward.id == endpoint.id)?;
        Some((endpoint, bound.forward.clone()))
    });
    let Some((endpoint, forward)) = found else {
        // The forward was just deleted. The request is stored, and gets the default response of the inbox.
        let (name, response) = address.map(|address| (address.name, address.response)).unwrap_or_default();
        (entry.captured.status, entry.captured.response) = (response.status.as_u16(), Some(response.number));
        crate::entry::keep_entry(&engine, entry, name).await?;
        return Ok(response.plain());
    };
    let name = address.map(|address| address.name).unwrap_or_default();
    let url = joined(&forward.to, &forward.path, rest_of(&entry.captured.target, &name));
    let waiting = engine.outbox.schedule().in_flight_to(endpoint.number);
    let full = (waiting >= ASKED_MAX).then(|| format!("Too many requests wait for this app (at most {ASKED_MAX})."));
    let refused = url.as_ref().err().cloned().or(full);
    let method = entry.captured.method.clone();
    let request = SourceRequest {
        method: method.to_string(),
        url: url.unwrap_or_else(|_| forward.to.clone()),
        re_signed: forward.re_sign,
        ..SourceRequest::default()
    };
    let now_us = engine.clock.now_us();
    let kept = keep_asked(&engine, entry, name, endpoint.clone(), request, refused.clone(), now_us).await?;
    let row = kept.row;
    if refused.is_some() {
        return Ok(fall_back(&engine, &forward, row).await);
    }
    let (head, coming) = oneshot::channel();
    let (body, pieces) = mpsc::channel(PIECES);
    engine.outbox.schedule().start(endpoint.number);
    tokio::spawn(get_response(engine.clone(), kept, endpoint, ResponseTap { head, body }, now_us));
    match timeout(Duration::from_millis(forward.deadline_ms.into()), coming).await {
        // Only final statuses can be returned to a sender.
        Ok(Ok(parts)) if (200..=599).contains(&parts.status.as_u16()) => {
            store_response(&engine, row, parts.status.as_u16(), None);
            let mut response = Response::new(ResponseBody::Pieces(pieces));
            *response.status_mut() = parts.status;
            *response.headers_mut() = responded(&parts.headers);
            if method == http::Method::HEAD || parts.status == 204 || parts.status == 304 {
                *response.body_mut() = bytes::Bytes::new().into();
            }
            Ok(response)
        }
        _ => Ok(fall_back(&engine, &forward, row).await),
    }
}

/// Stores a request and its delivery. The delivery is in flight unless it is refused.
async fn keep_asked(
    engine: &Engine,
    entry: Entry,
    name: String,
    endpoint: Arc<EndpointRow>,
    request: SourceRequest,
    refused: Option<String>,
    now_us: i64,
) -> Result<StoredForward, CommitError> {
    let tail = engine.store.id_tail();
    let Entry { mut captured, tunnelled, turn } = entry;
    let work = move |within: &mut Transaction<'_>| {
        let row = within.keep(&mut captured)?;
        if let Some(tunnelled) = tunnelled {
            tunnelled.insert(within.connection, row.0)?;
        }
        let request = SourceRequest { row: row.0, id: tail.text(row), ..request };
        let (state, reason) = match refused {
            None => (DeliveryState::Sending, String::new()),
            Some(why) => (DeliveryState::Failed, why),
        };
        let of = DeliverySource::Request(&request);
        let new = NewDelivery {
            of,
            endpoint: &endpoint,
            origin: DeliveryOrigin::Forward,
            state,
            reason,
            now_us,
            due_us: now_us,
        };
        let (number, delivery) = new.insert(within.connection)?;
        Ok::<_, rusqlite::Error>((StoredForward { row, number, delivery }, summary_of(row, &captured, tail, name)))
    };
    let feed = engine.feed.clone();
    let after = move |(kept, request): &(StoredForward, RequestSummary)| {
        feed.publish([
            Change::RequestAdded { request: request.clone() },
            Change::DeliveryChanged { delivery: kept.delivery.clone() },
        ]);
    };
    match in_turn(turn, engine.store.transact(work, after)).await {
        Ok((kept, _)) => Ok(kept),
        Err(WriteError::Commit(error)) => Err(error),
        Err(WriteError::Refused(error)) => Err(error.into()),
    }
}

/// Calls the app and stores the result.
async fn get_response(
    engine: Arc<Engine>,
    kept: StoredForward,
    endpoint: Arc<EndpointRow>,
    tap: ResponseTap,
    now_us: i64,
) {
    let in_flight = InFlightAttempt {
        number: kept.number,
        shown: kept.delivery,
        payload: bytes::Bytes::new(),
        request: Some(kept.row.0),
        replay: None,
        started_us: now_us,
        hurried: false,
        base: 0,
        failure: None,
    };
    let outgoing = crate::outgoing::outgoing_request(&engine, &in_flight, &endpoint, kept.row).await;
    let (sent, exchange) = engine.outbox.exchanged(outgoing, &in_flight, &endpoint, Some(tap)).await;
    engine.outbox.finish(in_flight, endpoint, sent, exchange);
}

/// Returns the fallback response of a forward whose app did not respond in time.
async fn fall_back(engine: &Engine, forward: &Forward, row: RowId) -> Response<ResponseBody> {
    let origin = format!("Fallback of {}", forward.shown_name());
    let response = crate::response::decide::given(engine, forward.fallback.clone(), origin, true).await;
    let response = match response {
        Some(response) => response,
        None => Arc::new(response::compile(&forward.fallback, 0).unwrap_or_default()),
    };
    store_response(engine, row, response.status.as_u16(), Some(response.number));
    response.wait().await;
    response.plain()
}

/// Queues a write of the response that a sender got. Does not wait for the write.
fn store_response(engine: &Engine, row: RowId, status: u16, response: Option<i64>) {
    use futures_util::FutureExt as _;
    let requests = engine.requests();
    let work = move |connection: &Connection| {
        hookbench_store::request::set_response(connection, row, status, response)?;
        requests.one(connection, row)
    };
    let feed = engine.feed.clone();
    let after = move |request: &Option<RequestSummary>| {
        feed.publish(request.iter().map(|request| Change::RequestChanged { request: request.clone() }));
    };
    // The first poll queues the write.
    let _ = engine.store.write(work, after).now_or_never();
}
