//! Routes for deliveries.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use hookbench_capture::RowId;
use hookbench_engine::{Engine, forward::transform::sent_body};
use hookbench_model::{
    Change, Delivery, DeliveryDetail, DeliveryFilter, DeliveryList, DeliveryRetryResult, DeliveryState, ErrorCode,
};
use hookbench_store::{
    delivery,
    delivery::{BadFilter, PayloadSource},
    endpoint::EndpointRow,
    replay,
    request::body_stream,
};
use http::{StatusCode, header};
use rusqlite::Connection;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{error::ApiError, extract, page};

/// Default number of items per page.
const LIMIT: u32 = 100;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only deliveries to this endpoint, by ID or name.
    endpoint: Option<String>,
    /// Only deliveries of this event, by ID.
    event: Option<String>,
    /// Only forwards and replays of this captured request, by ID.
    request: Option<String>,
    /// Only deliveries of this replay, by ID.
    replay: Option<String>,
    /// Only deliveries in this state.
    state: Option<DeliveryState>,
    /// Only deliveries created at or after this time: RFC 3339, a date, `yesterday`, or an age such as `2h`.
    since: Option<String>,
    /// Only deliveries created before this time, in the same forms.
    until: Option<String>,
    /// Only deliveries of this event type; a trailing `*` matches any suffix.
    #[serde(rename = "type")]
    kind: Option<String>,
    /// Only deliveries whose last response has this status, such as `500` or `4xx,5xx`; `none` for no response.
    status: Option<String>,
    /// Only deliveries whose URL contains this text.
    url: Option<String>,
    /// Only deliveries with this text in the payload, URL, event type, reason or error.
    text: Option<String>,
    /// ID of the last delivery of the previous page. Only older deliveries are listed.
    after: Option<String>,
    /// Maximum number of items, from 1 to 500. Default: 100.
    limit: Option<u32>,
}

fn no_attempt() -> ApiError {
    ApiError::not_found(ErrorCode::AttemptNotFound, "The delivery has no attempt with this number.")
}

fn no_delivery() -> ApiError {
    ApiError::not_found(ErrorCode::DeliveryNotFound, "There is no delivery with this ID.")
}

impl From<BadFilter> for ApiError {
    fn from(bad: BadFilter) -> Self {
        match bad {
            BadFilter::NoEndpoint(wanted, suggestion) => Self::not_found(
                ErrorCode::EndpointNotFound,
                format!("There is no endpoint with the ID or name {wanted:?}.{suggestion}"),
            ),
            BadFilter::Ambiguous(wanted) => {
                Self::invalid(format!("Several endpoints have the name {wanted:?}. Use an ID."))
            }
            BadFilter::Invalid(why) => Self::invalid(why),
        }
    }
}

/// List deliveries
///
/// Returns the deliveries that match all filters, newest first.
#[utoipa::path(get, path = "/deliveries", tag = "deliveries", params(ListQuery), responses(
    (status = 200, body = DeliveryList), (status = 404, body = hookbench_model::Error), (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn list(
    State(engine): State<Arc<Engine>>,
    extract::Query(query): extract::Query<ListQuery>,
) -> Result<Json<DeliveryList>, ApiError> {
    let limit = page::limit(query.limit, LIMIT)?;
    let seq = engine.feed().last();
    let now_us = engine.clock.now_us();
    if let Some(endpoint) = &query.endpoint {
        engine.outbox.schedule().asked(endpoint, now_us);
    }
    let request = match &query.request {
        Some(id) => Some(engine.row_of(id).ok_or_else(ApiError::no_request)?.0),
        None => None,
    };
    let found = move |connection: &Connection| {
        let after = match &query.after {
            Some(id) => match delivery::number_of(connection, id)? {
                Some(number) => Some(number),
                None => return Ok(Err(no_delivery())),
            },
            None => None,
        };
        let ListQuery { endpoint, state, since, until, kind, status, url, text, .. } = query;
        let filter = DeliveryFilter { endpoint, state, since, until, kind, status, url, text };
        let mut conditions = match hookbench_store::delivery::conditions(&filter, connection, now_us)? {
            Ok(conditions) => conditions,
            Err(bad) => return Ok(Err(bad.into())),
        };
        if let Some(id) = query.event {
            conditions.add("d.event = (SELECT number FROM event WHERE id = ?)", [id.into()]);
        }
        if let Some(row) = request {
            conditions.add("d.request = ?", [row.into()]);
        }
        if let Some(id) = query.replay {
            conditions.add("d.replay = ?", [replay::with_id(connection, &id)?.map_or(-1, |row| row.number).into()]);
        }
        delivery::list(connection, &conditions, after, limit).map(Ok)
    };
    let items = engine.store.readers().read(found).await??;
    let items: Vec<Delivery> = items.into_iter().map(|(_, delivery)| delivery).collect();
    let next = page::next(&items, limit, |delivery| &delivery.id);
    Ok(Json(DeliveryList { items, next, seq }))
}

/// Retrieve a delivery
///
/// Returns a delivery with its attempts.
#[utoipa::path(get, path = "/deliveries/{id}", tag = "deliveries", params(("id" = String, Path)), responses(
    (status = 200, body = DeliveryDetail), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn read(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<DeliveryDetail>, ApiError> {
    let found = move |connection: &Connection| match delivery::number_of(connection, &id)? {
        Some(number) => delivery::detail(connection, number),
        None => Ok(None),
    };
    let detail = engine.store.readers().read(found).await?.ok_or_else(no_delivery)?;
    engine.outbox.schedule().asked(&detail.delivery.endpoint, engine.clock.now_us());
    Ok(Json(detail))
}

/// Returns a response that no browser renders as a page.
fn inert(bytes: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CONTENT_DISPOSITION, "attachment"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "sandbox"),
    ];
    (headers, bytes).into_response()
}

/// Retrieve the payload of a delivery
///
/// Returns the payload, byte for byte. The payload of a forward with a template is rendered with the current template.
#[utoipa::path(get, path = "/deliveries/{id}/body", tag = "deliveries", params(("id" = String, Path)), responses(
    (status = 200, content_type = "application/octet-stream"), (status = 404, body = hookbench_model::Error),
    (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn body(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Response, ApiError> {
    let found = move |connection: &Connection| {
        let Some(number) = delivery::number_of(connection, &id)? else { return Ok(None) };
        Ok(delivery::one(connection, number)?.zip(delivery::payload(connection, &id)?))
    };
    let (delivery, payload) = engine.store.readers().read(found).await?.ok_or_else(no_delivery)?;
    match payload {
        PayloadSource::Own(payload) => Ok(inert(payload)),
        PayloadSource::Request(row) => {
            if let Some(body) = sent_body(&engine, &delivery, RowId(row)).await.map_err(ApiError::invalid)? {
                return Ok(inert(body));
            }
            let body = engine.store.readers().body(RowId(row)).await?.ok_or_else(ApiError::no_request)?;
            let length = body.length();
            let mut response = inert(Vec::new());
            *response.body_mut() = axum::body::Body::from_stream(body_stream(body, 0, length));
            Ok(response)
        }
    }
}

/// Retrieve the response body of an attempt
///
/// Returns the stored part of the response body, at most 64 KiB.
#[utoipa::path(get, path = "/deliveries/{id}/attempts/{number}/body", tag = "deliveries", params(("id" = String, Path), ("number" = u32, Path)), responses(
    (status = 200, content_type = "application/octet-stream"), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn attempt_body(
    State(engine): State<Arc<Engine>>,
    extract::Path((id, number)): extract::Path<(String, u32)>,
) -> Result<Response, ApiError> {
    let found = move |connection: &Connection| delivery::attempt_body(connection, &id, number);
    let body = engine.store.readers().read(found).await?.ok_or_else(no_delivery)?;
    body.map(inert).ok_or_else(no_attempt)
}

fn endpoint_gone() -> ApiError {
    ApiError::new(
        ErrorCode::EndpointGone,
        "The endpoint of this delivery was deleted.",
        "Create an endpoint, then send the event again.",
    )
}

/// Options for retrying a delivery.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DeliveryRetry {
    /// True to make all remaining attempts without delays between them. Default: false.
    all_retries: bool,
}

/// Retry a delivery
///
/// Makes the next attempt of a waiting delivery now, or another attempt of a delivery that has ended. Returns before
/// the attempt ends.
#[utoipa::path(post, path = "/deliveries/{id}/retry", tag = "deliveries", params(("id" = String, Path)), request_body = DeliveryRetry, responses(
    (status = 202, body = Delivery), (status = 404, body = hookbench_model::Error), (status = 409, body = hookbench_model::Error)
))]
pub(crate) async fn retry(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
    extract::Json(how): extract::Json<DeliveryRetry>,
) -> Result<(StatusCode, Json<Delivery>), ApiError> {
    let now_us = engine.clock.now_us();
    let work = move |connection: &Connection| {
        let number = delivery::number_of(connection, &id)?.ok_or_else(no_delivery)?;
        let endpoint = delivery::endpoint_of(connection, number)?;
        let row = EndpointRow::numbered(connection, endpoint)?.ok_or_else(endpoint_gone)?;
        let due_us = row.time_us(now_us);
        if !delivery::due_again(connection, number, due_us, how.all_retries)? {
            return Err(ApiError::new(
                ErrorCode::UnderWay,
                "An attempt of the delivery is in flight.",
                "Wait until the attempt ends, then retry.",
            ));
        }
        Ok::<_, ApiError>((number, endpoint, due_us, delivery::one(connection, number)?.ok_or_else(no_delivery)?))
    };
    let (outbox, feed) = (engine.outbox.clone(), engine.feed.clone());
    let after = move |(number, endpoint, due_us, delivery): &(i64, i64, i64, Delivery)| {
        outbox.schedule().wait(*number, *endpoint, *due_us);
        outbox.wake();
        feed.publish([Change::DeliveryChanged { delivery: delivery.clone() }]);
    };
    let (.., delivery) = engine.store.write(work, after).await?;
    Ok((StatusCode::ACCEPTED, Json(delivery)))
}

/// Maximum number of deliveries that one transaction changes.
const BATCH_SIZE: u32 = 500;

/// Resend deliveries
///
/// Resends all deliveries that match the filter, oldest first. Without `state`, resends deliveries that are failed,
/// exhausted or skipped. At least one filter is required.
#[utoipa::path(post, path = "/deliveries/retry", tag = "deliveries", request_body = DeliveryFilter, responses(
    (status = 202, body = DeliveryRetryResult), (status = 404, body = hookbench_model::Error), (status = 409, body = hookbench_model::Error),
    (status = 422, body = hookbench_model::Error)
))]
pub(crate) async fn retry_many(
    State(engine): State<Arc<Engine>>,
    extract::Json(filter): extract::Json<DeliveryFilter>,
) -> Result<(StatusCode, Json<DeliveryRetryResult>), ApiError> {
    if matches!(filter.state, Some(DeliveryState::Waiting | DeliveryState::Sending | DeliveryState::Delivered)) {
        return Err(ApiError::invalid(
            "`state` must be skipped, filtered, failed, exhausted or canceled: other deliveries cannot be resent.",
        ));
    }
    if filter.is_empty() {
        return Err(ApiError::invalid(
            "Pass at least one filter: endpoint, state, since, until, type, status, url or text.",
        ));
    }
    let now_us = engine.clock.now_us();
    let (one_endpoint, any_state) = (filter.endpoint.is_some(), filter.state.is_none());
    let conditions = engine
        .store
        .readers()
        .read(move |connection| hookbench_store::delivery::conditions(&filter, connection, now_us))
        .await?;
    let mut conditions = conditions.map_err(ApiError::from)?;
    conditions.limit_to_resend(any_state, now_us);
    let conditions = Arc::new(conditions);
    let mut retried = DeliveryRetryResult { deliveries: 0, left: 0 };
    let mut after_number = 0_i64;
    loop {
        // A reader selects the deliveries, because a text search in every payload would delay captures on the writer.
        let conditions = conditions.clone();
        let found = move |connection: &Connection| delivery::numbers(connection, &conditions, after_number, BATCH_SIZE);
        let found = engine.store.readers().read(found).await?;
        let work = move |connection: &Connection| {
            let mut slice = Slice::default();
            for (number, endpoint) in found {
                slice.last = Some(number);
                let row = EndpointRow::numbered(connection, endpoint)?;
                match row {
                    None if one_endpoint => return Err(endpoint_gone()),
                    Some(row) if !row.enabled && one_endpoint => return Err(endpoint_off(&row)),
                    Some(row) if row.enabled => {
                        let due_us = row.time_us(now_us);
                        if delivery::due_again(connection, number, due_us, false)? {
                            let delivery = delivery::one(connection, number)?;
                            slice.due.extend(delivery.map(|delivery| (number, endpoint, due_us, delivery)));
                        }
                    }
                    _ => slice.left += 1,
                }
            }
            Ok(slice)
        };
        let (outbox, feed) = (engine.outbox.clone(), engine.feed.clone());
        let after = move |slice: &Slice| {
            let mut schedule = outbox.schedule();
            for (number, endpoint, due_us, _) in &slice.due {
                schedule.wait(*number, *endpoint, *due_us);
            }
            drop(schedule);
            outbox.wake();
            let changed = slice.due.iter().map(|(.., delivery)| delivery.clone());
            feed.publish(changed.map(|delivery| Change::DeliveryChanged { delivery }));
        };
        let slice = engine.store.write(work, after).await?;
        retried.deliveries += slice.due.len() as u64;
        retried.left += slice.left;
        let Some(last) = slice.last else { break };
        after_number = last;
    }
    Ok((StatusCode::ACCEPTED, Json(retried)))
}

/// Result of one transaction of a resend.
#[derive(Debug, Default)]
struct Slice {
    /// Deliveries to send: number, number of the endpoint, due time in µs, and the delivery.
    due: Vec<(i64, i64, i64, Delivery)>,
    left: u64,
    last: Option<i64>,
}

fn endpoint_off(row: &EndpointRow) -> ApiError {
    ApiError::new(
        ErrorCode::EndpointOff,
        format!("The endpoint is disabled: {}", row.reason),
        "Enable the endpoint, then resend. No delivery was changed.",
    )
}

/// Cancel a delivery
///
/// Cancels a delivery that is waiting for its next attempt.
#[utoipa::path(post, path = "/deliveries/{id}/cancel", tag = "deliveries", params(("id" = String, Path)), responses(
    (status = 200, body = Delivery), (status = 404, body = hookbench_model::Error), (status = 409, body = hookbench_model::Error)
))]
pub(crate) async fn cancel(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<Delivery>, ApiError> {
    let now_us = engine.clock.now_us();
    let work = move |connection: &Connection| {
        let number = delivery::number_of(connection, &id)?.ok_or_else(no_delivery)?;
        if !delivery::end(connection, number, DeliveryState::Canceled, "Canceled by the user.", now_us)? {
            return Err(ApiError::new(
                ErrorCode::NotWaiting,
                "The delivery is not waiting for an attempt.",
                "Only deliveries in the state `waiting` can be canceled.",
            ));
        }
        Ok::<_, ApiError>((number, delivery::one(connection, number)?.ok_or_else(no_delivery)?))
    };
    let (outbox, feed) = (engine.outbox.clone(), engine.feed.clone());
    let after = move |(number, delivery): &(i64, Delivery)| {
        outbox.schedule().forget(*number);
        feed.publish([Change::DeliveryChanged { delivery: delivery.clone() }]);
    };
    Ok(Json(engine.store.write(work, after).await?.1))
}
