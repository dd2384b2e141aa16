//! The life cycle of a delivery: created, claimed, recorded, ended and resent.

use crate::sql::{SENDING, SKIPPED, WAITING};
use const_format::formatcp;
use std::sync::LazyLock;

use bytes::Bytes;
use hookbench_model::{AttemptError, AttemptErrorKind, Delivery, DeliveryOrigin, DeliveryState, timestamp};
use rusqlite::{Connection, OptionalExtension, params, params_from_iter, types::Value};
use serde::Serialize;

use super::{
    exchange::Exchange,
    filter::Conditions,
    row::{COLUMNS, FROM, WIDTH, from_row, one},
};
use crate::{
    endpoint::{EndpointRow, Purpose},
    event::EventNew,
};

/// Attempt in flight, with the data needed to make it.
#[derive(Debug, Clone)]
pub struct InFlightAttempt {
    /// Number of the delivery.
    pub number: i64,
    /// Delivery as shown in lists, in the state [`DeliveryState::Sending`].
    pub shown: Delivery,
    /// Payload of the event. Empty if the delivery sends a captured request.
    pub payload: Bytes,
    /// Row number of the captured request.
    pub request: Option<i64>,
    /// Number of the replay that the delivery is part of.
    pub replay: Option<i64>,
    /// Time at which the attempt started, in µs since the Unix epoch.
    pub started_us: i64,
    /// True if the delays between retries are skipped.
    pub hurried: bool,
    /// Number of attempts made before the delivery was resent.
    pub base: u32,
    /// Reason why the attempt before this one failed. `None` for the first attempt.
    pub failure: Option<AttemptFailure>,
}

/// Reason why an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptFailure {
    /// Response with this status, which is not a success.
    Status(u16),
    /// No complete response.
    Error(AttemptErrorKind),
}

impl AttemptFailure {
    /// Returns the value of `X-Slack-Retry-Reason` for this failure (api.slack.com/apis/events-api, "Retries").
    pub fn slack_reason(self) -> &'static str {
        match self {
            Self::Status(_) => "http_error",
            Self::Error(AttemptErrorKind::Timeout) => "http_timeout",
            Self::Error(AttemptErrorKind::Tls) => "ssl_error",
            Self::Error(
                AttemptErrorKind::Dns
                | AttemptErrorKind::Refused
                | AttemptErrorKind::Unreachable
                | AttemptErrorKind::Reset
                | AttemptErrorKind::Proxy,
            ) => "connection_failed",
            Self::Error(_) => "unknown_error",
        }
    }

    /// Reads the failure of the newest attempt of a delivery.
    fn of(connection: &Connection, number: i64) -> rusqlite::Result<Option<Self>> {
        let last = connection
            .prepare_cached("SELECT status, error FROM attempt WHERE delivery = ?1 ORDER BY number DESC LIMIT 1")?
            .query_row([number], |row| Ok((row.get::<_, Option<String>>(1)?, row.get::<_, Option<u16>>(0)?)))
            .optional()?;
        Ok(last.and_then(|(error, status)| {
            let error = error.and_then(|text| serde_json::from_str::<AttemptError>(&text).ok());
            error.map(|error| Self::Error(error.kind)).or(status.map(Self::Status))
        }))
    }
}

impl InFlightAttempt {
    /// Reads an attempt that was claimed but never recorded because the program stopped during the attempt. The
    /// payload is left empty.
    pub fn under_way(connection: &Connection, number: i64) -> rusqlite::Result<Option<Self>> {
        let Some(shown) = one(connection, number)? else { return Ok(None) };
        connection
            .query_row(
                "SELECT due_us, hurried, base, request, replay FROM delivery WHERE number = ?1",
                [number],
                |row| {
                    Ok(Self {
                        number,
                        shown,
                        payload: Bytes::new(),
                        started_us: row.get(0)?,
                        hurried: row.get(1)?,
                        base: row.get(2)?,
                        failure: None,
                        request: row.get(3)?,
                        replay: row.get(4)?,
                    })
                },
            )
            .optional()
    }

    /// Returns the number of this attempt within its retry schedule, from 1.
    pub fn made(&self) -> u32 {
        self.shown.attempts.saturating_sub(self.base).max(1)
    }
}

/// Source of a new delivery.
#[derive(Debug, Clone, Copy)]
pub enum DeliverySource<'a> {
    /// An event and its number.
    Event(&'a EventNew, i64),
    /// A stored request.
    Request(&'a SourceRequest),
}

/// A stored request to forward or replay.
#[derive(Debug, Clone, Default)]
pub struct SourceRequest {
    /// Row number of the request.
    pub row: i64,
    /// Id of the request.
    pub id: String,
    /// Event type. Empty if the request has none.
    pub event_type: String,
    /// Id of the provider. Empty if the provider is not known.
    pub provider: String,
    /// Method to send.
    pub method: String,
    /// URL to send to.
    pub url: String,
    /// True if the request is re-signed.
    pub re_signed: bool,
    /// Number and id of the replay that the delivery is part of.
    pub replay: Option<(i64, String)>,
}

/// A delivery to create.
pub struct NewDelivery<'a> {
    /// Event or request to deliver.
    pub of: DeliverySource<'a>,
    /// Destination of the delivery.
    pub endpoint: &'a EndpointRow,
    /// Reason why the delivery is created.
    pub origin: DeliveryOrigin,
    /// Initial state. A delivery that is neither waiting nor being sent has ended.
    pub state: DeliveryState,
    /// Reason for the state, in one sentence. Empty if there is none.
    pub reason: String,
    /// Current time, in µs since the Unix epoch.
    pub now_us: i64,
    /// Time at which the first attempt is due, in µs on the retry clock of the endpoint.
    pub due_us: i64,
}

impl NewDelivery<'_> {
    /// Stores the delivery. Returns its number, and the delivery as shown in lists.
    pub fn insert(self, connection: &Connection) -> rusqlite::Result<(i64, Delivery)> {
        let Self { of, endpoint, origin, state, reason, now_us, due_us } = self;
        let ended = (!matches!(state, DeliveryState::Waiting | DeliveryState::Sending)).then_some(now_us);
        let mut shown = Delivery {
            id: uuid::Uuid::now_v7().to_string(),
            event: None,
            request: None,
            replay: None,
            event_type: String::new(),
            provider: String::new(),
            endpoint: endpoint.id.clone(),
            method: "POST".into(),
            url: endpoint.settings.url.clone(),
            re_signed: false,
            origin,
            state,
            reason: Some(reason.clone()).filter(|reason| !reason.is_empty()),
            attempts: u32::from(state == DeliveryState::Sending),
            next_at: (state == DeliveryState::Waiting).then(|| timestamp(due_us)),
            created_at: timestamp(now_us),
            ended_at: ended.map(timestamp),
            status: None,
            error: None,
            duration_ms: None,
        };
        let (mut event_number, mut row, mut replay_number) = (0, None, None);
        match of {
            DeliverySource::Event(event, number) => {
                event_number = number;
                shown.event = Some(event.id.clone());
                (shown.event_type, shown.provider) = (event.kind.clone(), event.provider.clone());
            }
            DeliverySource::Request(request) => {
                row = Some(request.row);
                shown.request = Some(request.id.clone()).filter(|id| !id.is_empty());
                (shown.event_type, shown.provider) = (request.event_type.clone(), request.provider.clone());
                (shown.method, shown.url) = (request.method.clone(), request.url.clone());
                shown.re_signed = request.re_signed;
                if let Some((number, id)) = &request.replay {
                    replay_number = Some(*number);
                    shown.replay = Some(id.clone());
                }
            }
        }
        connection
            .prepare_cached(
                "INSERT INTO delivery (id, event, endpoint, origin, state, reason, url, due_us, created_us, ended_us,
                   request, request_id, replay, method, re_signed, attempts)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?10, ?8, ?9, ?11, ?12, ?13, ?14, ?15, ?16)",
            )?
            .execute(params![
                shown.id,
                event_number,
                endpoint.number,
                origin as u8,
                state as u8,
                reason,
                shown.url,
                now_us,
                ended,
                due_us,
                row,
                shown.request,
                replay_number,
                shown.method,
                shown.re_signed,
                shown.attempts,
            ])?;
        Ok((connection.last_insert_rowid(), shown))
    }
}

/// Statement that reads a waiting delivery with the data for its next attempt.
static WAITING_DELIVERY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {COLUMNS}, d.hurried, d.base, d.request, d.replay, e.payload {FROM} WHERE d.number = ?1 AND d.state = {WAITING}"
    )
});

/// Claims a waiting delivery for an attempt. The delivery is marked as being sent before any byte is sent. After a
/// crash, it is therefore known that the attempt may have arrived. Returns `None` if the delivery is not waiting.
pub fn claim(
    connection: &Connection,
    number: i64,
    endpoint: &EndpointRow,
    now_us: i64,
) -> rusqlite::Result<Option<InFlightAttempt>> {
    let waiting = connection
        .prepare_cached(&WAITING_DELIVERY)?
        .query_row([number], |row| {
            let request = row.get(WIDTH + 2)?;
            let payload = match request {
                Some::<i64>(_) => Bytes::new(),
                None => row.get::<_, Vec<u8>>(WIDTH + 4)?.into(),
            };
            Ok(InFlightAttempt {
                number,
                shown: from_row(row)?,
                payload,
                request,
                replay: row.get(WIDTH + 3)?,
                started_us: now_us,
                hurried: row.get(WIDTH)?,
                base: row.get(WIDTH + 1)?,
                failure: None,
            })
        })
        .optional()?;
    let Some(mut in_flight) = waiting else { return Ok(None) };
    if in_flight.shown.attempts > in_flight.base && in_flight.request.is_none() {
        in_flight.failure = AttemptFailure::of(connection, number)?;
    }
    let shown = &mut in_flight.shown;
    (shown.state, shown.next_at) = (DeliveryState::Sending, None);
    shown.attempts += 1;
    // For events, the current URL of the endpoint applies, even if the URL was changed after the delivery was created.
    if in_flight.request.is_none() {
        shown.url.clone_from(&endpoint.settings.url);
    }
    // While a delivery is being sent, `due_us` holds the start of the attempt.
    connection
        .prepare_cached(formatcp!(
            "UPDATE delivery SET state = {SENDING}, attempts = ?2, due_us = ?3, url = ?4 WHERE number = ?1"
        ))?
        .execute(params![number, shown.attempts, now_us, shown.url])?;
    Ok(Some(in_flight))
}

/// Stores a finished attempt. Returns the number of bytes of the response body that were stored.
pub fn record(
    connection: &Connection,
    in_flight: &InFlightAttempt,
    sent: &[(String, String)],
    exchange: &Exchange,
) -> rusqlite::Result<usize> {
    let received = exchange.received();
    let error = exchange.result.as_ref().err();
    let kept = received.map(|received| received.body.as_slice()).filter(|body| !body.is_empty());
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO attempt (delivery, number, started_us, request_headers, status, response_headers,
               response_body, response_bytes, error, timings, remote_address) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            in_flight.number,
            in_flight.shown.attempts,
            in_flight.started_us,
            json(&sent),
            received.map(|received| received.status),
            received.map(|received| json(&received.headers)),
            kept,
            received.map_or(0, |received| received.body_bytes as i64),
            error.map(json),
            json(&exchange.timings),
            exchange.remote_address,
        ])?;
    Ok(kept.map_or(0, <[u8]>::len))
}

fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Next state of a delivery after an attempt.
#[derive(Debug, Clone)]
pub struct Advance {
    /// New state.
    pub state: DeliveryState,
    /// Reason for the state, in one sentence. Empty if there is none.
    pub reason: String,
    /// Time at which the next attempt is due, in µs on the retry clock of the endpoint. `None` if the delivery has
    /// ended.
    pub due_us: Option<i64>,
}

/// Stores the next state of a delivery after an attempt, and updates `shown`. A delivery that has ended keeps the URL
/// of its last attempt. A retry uses the URL that was set in the meantime.
pub fn advance(
    connection: &Connection,
    number: i64,
    shown: &mut Delivery,
    advance: Advance,
    exchange: &Exchange,
    now_us: i64,
) -> rusqlite::Result<()> {
    let Advance { state, reason, due_us } = advance;
    let ended = due_us.is_none().then_some(now_us);
    shown.state = state;
    shown.status = exchange.result.as_ref().ok().map(|received| received.status);
    shown.error = exchange.result.as_ref().err().map(|error| error.message.clone());
    shown.duration_ms = Some(exchange.timings.total_us as f64 / 1_000.0);
    shown.next_at = due_us.map(timestamp);
    shown.ended_at = ended.map(timestamp);
    let url = connection
        .prepare_cached(
            "UPDATE delivery SET state = ?2, reason = ?3, due_us = coalesce(?4, due_us), ended_us = ?5, status = ?6,
               error = ?7, duration_us = ?8, url = iif(?5 IS NULL, url, ?9) WHERE number = ?1 RETURNING url",
        )?
        .query_row(
            params![
                number,
                state as u8,
                reason,
                due_us,
                ended,
                shown.status,
                shown.error,
                exchange.timings.total_us as i64,
                shown.url,
            ],
            |row| row.get(0),
        )
        .optional()?;
    shown.url = url.unwrap_or_else(|| std::mem::take(&mut shown.url));
    shown.reason = Some(reason).filter(|reason| !reason.is_empty());
    Ok(())
}

/// Ends a waiting delivery. Returns true if the delivery was waiting.
pub fn end(
    connection: &Connection,
    number: i64,
    state: DeliveryState,
    reason: &str,
    now_us: i64,
) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(formatcp!(
            "UPDATE delivery SET state = ?2, reason = ?3, ended_us = ?4 WHERE number = ?1 AND state = {WAITING}"
        ))?
        .execute(params![number, state as u8, reason, now_us])
        .map(|changed| changed > 0)
}

/// Skips every delivery that waits for an endpoint. Returns their numbers.
pub fn skip_waiting(connection: &Connection, endpoint: i64, reason: &str, now_us: i64) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare_cached(formatcp!(
            "UPDATE delivery SET state = {SKIPPED}, reason = ?2, ended_us = ?3
                 WHERE endpoint = ?1 AND ended_us IS NULL AND state = {WAITING} RETURNING number"
        ))?
        .query_map(params![endpoint, reason, now_us], |row| row.get(0))?
        .collect()
}

/// Makes a delivery due at `due_us`, in µs on the retry clock of the endpoint. Returns `false` if an attempt is in
/// flight or the delivery does not exist.
///
/// A delivery that has ended is resent like with the vendor's "resend": the retry schedule starts again. The first
/// result is kept for the success rate.
pub fn due_again(connection: &Connection, number: i64, due_us: i64, hurried: bool) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(formatcp!(
            "UPDATE delivery SET state = {WAITING}, due_us = ?2, base = iif(ended_us IS NULL, base, attempts),
                   ended_us = NULL,
                   first_state = iif(ended_us IS NULL, first_state, coalesce(first_state, state)),
                   first_ended_us = coalesce(first_ended_us, ended_us),
                   first_duration_us = iif(ended_us IS NULL, first_duration_us, coalesce(first_duration_us, duration_us)),
                   reason = '', hurried = ?3 WHERE number = ?1 AND state != {SENDING}"
        ))?
        .execute(params![number, due_us, hurried])
        .map(|changed| changed > 0)
}

/// Lists deliveries that meet the conditions, oldest first, starting after the number `after`. Each item is the number
/// of the delivery and the number of its endpoint.
pub fn numbers(
    connection: &Connection,
    conditions: &Conditions,
    after: i64,
    limit: u32,
) -> rusqlite::Result<Vec<(i64, i64)>> {
    let sql = format!(
        "SELECT d.number, d.endpoint {FROM} WHERE d.number > ? AND {} ORDER BY d.number LIMIT {limit}",
        conditions.sql()
    );
    let after = Value::Integer(after);
    connection
        .prepare_cached(&sql)?
        .query_map(params_from_iter([&after].into_iter().chain(conditions.values())), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect()
}

/// Ends what cannot continue after a restart: deliveries of commands, and deliveries that wait for deleted endpoints.
/// Returns the attempts that were in flight when the program stopped, each as the numbers of its delivery and endpoint.
pub fn interrupted(connection: &Connection, now_us: i64) -> rusqlite::Result<Vec<(i64, i64)>> {
    connection.execute(
        "UPDATE delivery SET state = ?2, reason = 'The command that created the delivery has ended.', ended_us = ?1
         WHERE ended_us IS NULL AND endpoint IN (SELECT number FROM endpoint WHERE purpose = ?3)",
        params![now_us, DeliveryState::Canceled as u8, Purpose::Ephemeral as u8],
    )?;
    connection.execute("UPDATE endpoint SET deleted = 1 WHERE purpose = ?1", [Purpose::Ephemeral as u8])?;
    connection.execute(
        &format!(
            "UPDATE delivery SET state = ?2, reason = 'The endpoint was deleted.', ended_us = ?1
         WHERE ended_us IS NULL AND state = {WAITING} AND endpoint IN (SELECT number FROM endpoint WHERE deleted)"
        ),
        params![now_us, DeliveryState::Skipped as u8],
    )?;
    connection
        .prepare(&format!("SELECT number, endpoint FROM delivery WHERE ended_us IS NULL AND state = {SENDING}"))?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// Lists the deliveries that wait for their next attempt, each with its number, the number of its endpoint, and the
/// time at which it is due, in µs on the retry clock of the endpoint.
pub fn waiting(connection: &Connection) -> rusqlite::Result<Vec<(i64, i64, i64)>> {
    connection
        .prepare(&format!(
            "SELECT number, endpoint, due_us FROM delivery WHERE ended_us IS NULL AND state = {WAITING}"
        ))?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect()
}

/// Lists the deliveries of requests to an endpoint that have not ended: the delivery number, its URL and the target of
/// the request.
pub fn open_requests(connection: &Connection, endpoint: i64) -> rusqlite::Result<Vec<(i64, String, String)>> {
    connection
        .prepare_cached(
            "SELECT d.number, d.url, r.target FROM delivery d JOIN request r ON r.id = d.request
             WHERE d.endpoint = ?1 AND d.ended_us IS NULL",
        )?
        .query_map([endpoint], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect()
}

/// Returns the URL of a delivery.
pub fn url(connection: &Connection, number: i64) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT url FROM delivery WHERE number = ?1")?
        .query_row([number], |row| row.get(0))
        .optional()
}

/// Sets the URL of a delivery. An attempt in flight keeps its own URL.
pub fn set_url(connection: &Connection, number: i64, url: &str) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE delivery SET url = ?2 WHERE number = ?1")?.execute(params![number, url]).map(drop)
}

/// Lists the deliveries that wait for an endpoint: the delivery number and the due time in µs.
pub fn waiting_for(connection: &Connection, endpoint: i64) -> rusqlite::Result<Vec<(i64, i64)>> {
    connection
        .prepare(&format!(
            "SELECT number, due_us FROM delivery WHERE endpoint = ?1 AND ended_us IS NULL AND state = {WAITING}"
        ))?
        .query_map([endpoint], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// Sets the due time of a delivery, in µs.
pub fn set_due(connection: &Connection, number: i64, due_us: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE delivery SET due_us = ?2 WHERE number = ?1")?
        .execute(params![number, due_us])
        .map(drop)
}
