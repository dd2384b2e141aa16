//! Answer mode: the request is stored with its delivery in one commit, the app is asked, and the sender
//! gets what it says, as it comes, or the fallback.

use std::{sync::Arc, time::Duration};

use hookbench_capture::{AnswerBody, Asked, CommitError, RowId, Transaction, WriteError};
use hookbench_delivery::{ResponseTap, answered, joined, rest_of};
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

/// Pieces of an answer that wait for a slow sender.
const PIECES: usize = 8;

/// Requests that wait for one app at a time; more get the fallback at once. Each holds a connection to
/// it until it answers or its time is up, also when the sender has left.
const ASKED_MAX: u32 = 256;

/// A request that is stored, and its delivery.
struct Kept {
    row: RowId,
    number: i64,
    delivery: Delivery,
}

/// Keeps a request and gets its answer from the app a forward leads to. It goes on though the sender
/// may leave.
pub(crate) async fn ask(engine: &Arc<Engine>, asked: Asked) -> Result<Response<AnswerBody>, CommitError> {
    let asking = {
        let engine = engine.clone();
        async move { ask_app(engine, asked.whom, Entry::of(asked.captured)).await }
    };
    let closing = || CommitError { fault: DatabaseFault::Other, message: "Hookbench is closing".into() };
    engine.main.spawn(asking).await.unwrap_or_else(|_| Err(closing()))
}

/// Keeps a request, with what is to be kept beside it, and gets its answer.
pub(crate) async fn ask_app(
    engine: Arc<Engine>,
    whom: i64,
    mut entry: Entry,
) -> Result<Response<AnswerBody>, CommitError> {
    let address = engine.addresses.by_number(entry.captured.inbox);
    let found = address.as_ref().and_then(|address| {
        let endpoint = engine.outbox.schedule().numbered(whom)?;
        let bound = address.forwards.iter().find(|bound| bound.forward.id == endpoint.id)?;
        Some((endpoint, bound.forward.clone()))
    });
    let Some((endpoint, forward)) = found else {
        // It was removed this moment: the request is kept, and its inbox answers.
        let (name, answer) = address.map(|address| (address.name, address.answer)).unwrap_or_default();
        (entry.captured.status, entry.captured.answer) = (answer.status.as_u16(), Some(answer.number));
        crate::entry::keep_entry(&engine, entry, name).await?;
        return Ok(answer.plain());
    };
    let name = address.map(|address| address.name).unwrap_or_default();
    let url = joined(&forward.to, &forward.path, rest_of(&entry.captured.target, &name));
    let waiting = engine.outbox.schedule().in_flight_to(endpoint.number);
    let full = (waiting >= ASKED_MAX).then(|| format!("{ASKED_MAX} requests wait for this app already."));
    let refused = url.as_ref().err().cloned().or(full);
    let method = entry.captured.method.clone();
    let request = SourceRequest {
        method: method.to_string(),
        url: url.unwrap_or_else(|_| forward.to.clone()),
        resigned: forward.resign,
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
    tokio::spawn(get_answer(engine.clone(), kept, endpoint, ResponseTap { head, body }, now_us));
    match timeout(Duration::from_millis(forward.deadline_ms.into()), coming).await {
        // What is no final answer is none that a sender can be given.
        Ok(Ok(parts)) if (200..=599).contains(&parts.status.as_u16()) => {
            store_response(&engine, row, parts.status.as_u16(), None);
            let mut response = Response::new(AnswerBody::Pieces(pieces));
            *response.status_mut() = parts.status;
            *response.headers_mut() = answered(&parts.headers);
            if method == http::Method::HEAD || parts.status == 204 || parts.status == 304 {
                *response.body_mut() = bytes::Bytes::new().into();
            }
            Ok(response)
        }
        _ => Ok(fall_back(&engine, &forward, row).await),
    }
}

/// Stores a request and its delivery, which is under way from then on.
async fn keep_asked(
    engine: &Engine,
    entry: Entry,
    name: String,
    endpoint: Arc<EndpointRow>,
    request: SourceRequest,
    refused: Option<String>,
    now_us: i64,
) -> Result<Kept, CommitError> {
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
        Ok::<_, rusqlite::Error>((Kept { row, number, delivery }, summary_of(row, &captured, tail, name)))
    };
    let feed = engine.feed.clone();
    let after = move |(kept, request): &(Kept, RequestSummary)| {
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

/// Asks the app and writes down what came of it.
async fn get_answer(engine: Arc<Engine>, kept: Kept, endpoint: Arc<EndpointRow>, tee: ResponseTap, now_us: i64) {
    let claimed = InFlightAttempt {
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
    let outgoing = crate::outgoing::outgoing_request(&engine, &claimed, &endpoint, kept.row).await;
    let (sent, exchange) = engine.outbox.exchanged(outgoing, &endpoint, Some(tee)).await;
    engine.outbox.finish(claimed, endpoint, sent, exchange);
}

/// The fallback of a forward whose app did not answer in time.
async fn fall_back(engine: &Engine, forward: &Forward, row: RowId) -> Response<AnswerBody> {
    let origin = format!("Fallback of {}", forward.shown_name());
    let answer = crate::response::decide::given(engine, forward.fallback.clone(), origin, true).await;
    let answer = match answer {
        Some(answer) => answer,
        None => Arc::new(response::compile(&forward.fallback, 0).unwrap_or_default()),
    };
    store_response(engine, row, answer.status.as_u16(), Some(answer.number));
    answer.wait().await;
    answer.plain()
}

/// Writes down what a sender was answered; nobody waits for it.
fn store_response(engine: &Engine, row: RowId, status: u16, answer: Option<i64>) {
    use futures_util::FutureExt as _;
    let requests = engine.requests();
    let work = move |connection: &Connection| {
        hookbench_store::request::set_response(connection, row, status, answer)?;
        requests.one(connection, row)
    };
    let feed = engine.feed.clone();
    let after = move |request: &Option<RequestSummary>| {
        feed.publish(request.iter().map(|request| Change::RequestChanged { request: request.clone() }));
    };
    // It is queued by being looked at once.
    let _ = engine.store.write(work, after).now_or_never();
}
