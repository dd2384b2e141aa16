use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use hookline_capture::RowId;
use http::{StatusCode, header};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{error::ApiError, extract};
use crate::{
    Engine,
    feed::Change,
    outbox::{
        Delivery, DeliveryDetail, DeliveryList, DeliveryState, EndpointRow, detail, due_again, end, ended_so,
        list as rows, number_of, one,
    },
    replay::with_id,
    request::body_stream,
};

/// Rows of a page unless asked otherwise, and at most.
const LIMIT: u32 = 100;
const LIMIT_MAX: u32 = 500;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Only of this endpoint.
    endpoint: Option<String>,
    /// Only of this event.
    event: Option<String>,
    /// Only those that send this request on.
    request: Option<String>,
    /// Only of this replay.
    replay: Option<String>,
    /// Only in this state.
    state: Option<DeliveryState>,
    /// Only what is older than this delivery.
    after: Option<String>,
    /// Rows, to 500.
    limit: Option<u32>,
}

/// A page of deliveries, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeliveryPage {
    items: Vec<Delivery>,
    /// What to pass as `after` for the next page; none at the end.
    next: Option<String>,
    /// Number of the feed's last change that this page includes.
    seq: i64,
}

fn no_delivery() -> ApiError {
    ApiError::not_found("delivery", "There is no delivery with this id.")
}

/// Deliveries, newest first.
#[utoipa::path(get, path = "/deliveries", tag = "deliveries", params(ListQuery), responses(
    (status = 200, body = DeliveryPage), (status = 404, body = super::ErrorBody), (status = 422, body = super::ErrorBody)
))]
pub(super) async fn list(
    State(engine): State<Arc<Engine>>,
    extract::Query(query): extract::Query<ListQuery>,
) -> Result<Json<DeliveryPage>, ApiError> {
    let limit = query.limit.unwrap_or(LIMIT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(ApiError::invalid(format!("limit lies between 1 and {LIMIT_MAX}.")));
    }
    let seq = engine.feed().last();
    if let Some(endpoint) = &query.endpoint {
        engine.outbox.schedule().asked(endpoint, engine.clock.now_us());
    }
    let request = match &query.request {
        Some(id) => Some(engine.row_of(id).ok_or_else(ApiError::no_request)?.0),
        None => None,
    };
    let found = move |connection: &Connection| {
        let after = match &query.after {
            Some(id) => match number_of(connection, id)? {
                Some(number) => Some(number),
                None => return Ok(None),
            },
            None => None,
        };
        let replay = match &query.replay {
            Some(id) => Some(with_id(connection, id)?.map_or(-1, |row| row.number)),
            None => None,
        };
        let (endpoint, event, state) = (query.endpoint, query.event, query.state);
        rows(connection, &DeliveryList { endpoint, event, request, replay, state, after, limit }).map(Some)
    };
    let items = engine.store.readers().read(found).await?.ok_or_else(no_delivery)?;
    let items: Vec<Delivery> = items.into_iter().map(|(_, delivery)| delivery).collect();
    let next = if items.len() == limit as usize { items.last().map(|delivery| delivery.id.clone()) } else { None };
    Ok(Json(DeliveryPage { items, next, seq }))
}

/// A delivery with its attempts.
#[utoipa::path(get, path = "/deliveries/{id}", tag = "deliveries", params(("id" = String, Path)), responses(
    (status = 200, body = DeliveryDetail), (status = 404, body = super::ErrorBody)
))]
pub(super) async fn read(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<DeliveryDetail>, ApiError> {
    let found = move |connection: &Connection| match number_of(connection, &id)? {
        Some(number) => detail(connection, number),
        None => Ok(None),
    };
    let detail = engine.store.readers().read(found).await?.ok_or_else(no_delivery)?;
    engine.outbox.schedule().asked(&detail.delivery.endpoint, engine.clock.now_us());
    Ok(Json(detail))
}

/// Bytes that a browser never shows as a page.
fn inert(bytes: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CONTENT_DISPOSITION, "attachment"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "sandbox"),
    ];
    (headers, bytes).into_response()
}

/// A delivery's payload, byte for byte.
#[utoipa::path(get, path = "/deliveries/{id}/body", tag = "deliveries", params(("id" = String, Path)), responses(
    (status = 200, content_type = "application/octet-stream"), (status = 404, body = super::ErrorBody)
))]
pub(super) async fn body(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Response, ApiError> {
    let found = move |connection: &Connection| {
        connection
            .prepare_cached(
                "SELECT coalesce(e.payload, y.body), d.request FROM delivery d LEFT JOIN event e ON e.number = d.event
                 LEFT JOIN replay y ON y.number = d.replay WHERE d.id = ?1",
            )?
            .query_row([id], |row| Ok((row.get::<_, Option<Vec<u8>>>(0)?, row.get::<_, Option<i64>>(1)?)))
            .optional()
    };
    match engine.store.readers().read(found).await?.ok_or_else(no_delivery)? {
        (Some(payload), _) => Ok(inert(payload)),
        (None, Some(row)) => {
            let body = engine.store.readers().body(RowId(row)).await?.ok_or_else(ApiError::no_request)?;
            let length = body.length();
            let mut response = inert(Vec::new());
            *response.body_mut() = axum::body::Body::from_stream(body_stream(body, 0, length));
            Ok(response)
        }
        (None, None) => Err(no_delivery()),
    }
}

/// What a receiver answered to an attempt: the body, as far as it is kept.
#[utoipa::path(get, path = "/deliveries/{id}/attempts/{number}/body", tag = "deliveries", params(("id" = String, Path), ("number" = u32, Path)), responses(
    (status = 200, content_type = "application/octet-stream"), (status = 404, body = super::ErrorBody)
))]
pub(super) async fn attempt_body(
    State(engine): State<Arc<Engine>>,
    extract::Path((id, number)): extract::Path<(String, u32)>,
) -> Result<Response, ApiError> {
    let found = move |connection: &Connection| {
        connection
            .prepare_cached(
                "SELECT coalesce(a.response_body, x'') FROM attempt a JOIN delivery d ON d.number = a.delivery
                 WHERE d.id = ?1 AND a.number = ?2",
            )?
            .query_row(params![id, number], |row| row.get::<_, Vec<u8>>(0))
            .optional()
    };
    engine.store.readers().read(found).await?.map(inert).ok_or_else(no_delivery)
}

fn endpoint_gone() -> ApiError {
    ApiError::new(
        StatusCode::CONFLICT,
        "endpoint_gone",
        "The endpoint of this delivery is no more.",
        "Make one, and send the event to it.",
    )
}

/// How a delivery is tried again.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Retry {
    /// Whether all its waits are passed over, to the end.
    to_the_end: bool,
}

/// Try a delivery now: its next attempt if it waits, once more if it has ended.
#[utoipa::path(post, path = "/deliveries/{id}/retry", tag = "deliveries", params(("id" = String, Path)), request_body = Retry, responses(
    (status = 202, body = Delivery), (status = 404, body = super::ErrorBody), (status = 409, body = super::ErrorBody)
))]
pub(super) async fn retry(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
    extract::Json(how): extract::Json<Retry>,
) -> Result<(StatusCode, Json<Delivery>), ApiError> {
    let now_us = engine.clock.now_us();
    let work = move |connection: &Connection| {
        let number = number_of(connection, &id)?.ok_or_else(no_delivery)?;
        let endpoint: i64 =
            connection.query_row("SELECT endpoint FROM delivery WHERE number = ?1", [number], |row| row.get(0))?;
        let row = EndpointRow::numbered(connection, endpoint)?.ok_or_else(endpoint_gone)?;
        let due_us = row.time_us(now_us);
        if !due_again(connection, number, due_us, how.to_the_end)? {
            return Err(ApiError::new(
                StatusCode::CONFLICT,
                "under_way",
                "An attempt of this delivery is under way.",
                "Wait until it has ended.",
            ));
        }
        Ok::<_, ApiError>((number, endpoint, due_us, one(connection, number)?.ok_or_else(no_delivery)?))
    };
    let (outbox, feed) = (engine.outbox.clone(), engine.feed.clone());
    let after = move |(number, endpoint, due_us, delivery): &(i64, i64, i64, Delivery)| {
        outbox.schedule().wait(*number, *endpoint, *due_us);
        outbox.poke();
        feed.publish([Change::DeliveryChanged { delivery: delivery.clone() }]);
    };
    let (.., delivery) = engine.store.write(work, after).await?;
    Ok((StatusCode::ACCEPTED, Json(delivery)))
}

/// Which deliveries are tried again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RetryMany {
    /// Their endpoint's id.
    endpoint: String,
    /// How they ended: `skipped`, `filtered`, `failed`, `exhausted` or `cancelled`.
    state: DeliveryState,
}

/// What is tried again.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Retried {
    /// How many deliveries.
    deliveries: u64,
}

/// Most deliveries one transaction lets go.
const SLICE: u32 = 500;

/// Send what an endpoint did not get: all its deliveries that ended so, the oldest first.
#[utoipa::path(post, path = "/deliveries/retry", tag = "deliveries", request_body = RetryMany, responses(
    (status = 202, body = Retried), (status = 404, body = super::ErrorBody), (status = 422, body = super::ErrorBody)
))]
pub(super) async fn retry_many(
    State(engine): State<Arc<Engine>>,
    extract::Json(which): extract::Json<RetryMany>,
) -> Result<(StatusCode, Json<Retried>), ApiError> {
    if matches!(which.state, DeliveryState::Waiting | DeliveryState::Sending | DeliveryState::Delivered) {
        return Err(ApiError::invalid(
            "Only what ended without arriving is sent again: skipped, filtered, failed, exhausted or cancelled.",
        ));
    }
    let endpoint = engine.outbox.schedule().with_id(&which.endpoint).map(|row| row.number);
    let endpoint = endpoint
        .ok_or_else(|| ApiError::not_found("endpoint", format!("There is no endpoint {:?}.", which.endpoint)))?;
    let now_us = engine.clock.now_us();
    let (mut deliveries, mut after_number) = (0, 0_i64);
    loop {
        let work = move |connection: &Connection| {
            let row = EndpointRow::numbered(connection, endpoint)?.ok_or_else(endpoint_gone)?;
            if !row.enabled {
                return Err(ApiError::new(
                    StatusCode::CONFLICT,
                    "endpoint_off",
                    format!("The endpoint is switched off: {}", row.reason),
                    "Switch it on; what was not sent stays as it is.",
                ));
            }
            let due_us = row.time_us(now_us);
            let mut due = Vec::new();
            for number in ended_so(connection, endpoint, which.state, after_number, SLICE)? {
                if due_again(connection, number, due_us, false)? {
                    due.extend(one(connection, number)?.map(|delivery| (number, due_us, delivery)));
                }
            }
            Ok(due)
        };
        let (outbox, feed) = (engine.outbox.clone(), engine.feed.clone());
        let after = move |due: &Vec<(i64, i64, Delivery)>| {
            let mut schedule = outbox.schedule();
            for (number, due_us, _) in due {
                schedule.wait(*number, endpoint, *due_us);
            }
            drop(schedule);
            outbox.poke();
            feed.publish(due.iter().map(|(.., delivery)| Change::DeliveryChanged { delivery: delivery.clone() }));
        };
        let due = engine.store.write(work, after).await?;
        let Some((last, ..)) = due.last() else { break };
        (after_number, deliveries) = (*last, deliveries + due.len() as u64);
    }
    Ok((StatusCode::ACCEPTED, Json(Retried { deliveries })))
}

/// End a delivery that waits.
#[utoipa::path(post, path = "/deliveries/{id}/cancel", tag = "deliveries", params(("id" = String, Path)), responses(
    (status = 200, body = Delivery), (status = 404, body = super::ErrorBody), (status = 409, body = super::ErrorBody)
))]
pub(super) async fn cancel(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<Delivery>, ApiError> {
    let now_us = engine.clock.now_us();
    let work = move |connection: &Connection| {
        let number = number_of(connection, &id)?.ok_or_else(no_delivery)?;
        if !end(connection, number, DeliveryState::Cancelled, "You ended it.", now_us)? {
            return Err(ApiError::new(
                StatusCode::CONFLICT,
                "not_waiting",
                "This delivery does not wait.",
                "Only what waits for its next attempt can be ended.",
            ));
        }
        Ok::<_, ApiError>((number, one(connection, number)?.ok_or_else(no_delivery)?))
    };
    let (outbox, feed) = (engine.outbox.clone(), engine.feed.clone());
    let after = move |(number, delivery): &(i64, Delivery)| {
        outbox.schedule().forget(*number);
        feed.publish([Change::DeliveryChanged { delivery: delivery.clone() }]);
    };
    Ok(Json(engine.store.write(work, after).await?.1))
}
