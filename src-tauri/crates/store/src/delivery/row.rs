//! Rows of `delivery`, as shown in lists and details.

use hookbench_model::{Attempt, Delivery, DeliveryDetail, DeliveryOrigin, DeliveryState, HeaderLine, MASK, timestamp};
use hookbench_provider::is_secret_header;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter, types::Value};

use super::{exchange::RESPONSE_KEPT, filter::Conditions};

/// Columns that [`from_row`] reads. The first is the number of the delivery.
pub(crate) const COLUMNS: &str = "d.number, d.id, e.id, d.request_id, y.id, coalesce(e.kind, v.event_type, ''),
 coalesce(e.provider, v.provider, ''), p.id, d.method, d.url, d.re_signed, d.origin, d.state, d.reason, d.attempts,
 d.due_us, d.created_us, d.ended_us, d.status, d.error, d.duration_us";

/// Number of these columns, which is the index of the first column after them.
pub(crate) const WIDTH: usize = 21;

/// Tables that [`COLUMNS`] are read from.
pub(crate) const FROM: &str =
    "FROM delivery d JOIN endpoint p ON p.number = d.endpoint LEFT JOIN event e ON e.number = d.event
 LEFT JOIN request_verification v ON v.request = d.request LEFT JOIN replay y ON y.number = d.replay";

/// Lists deliveries that meet the conditions, newest first, each with its number. With `after`, lists only deliveries
/// with a lower number.
pub fn list(
    connection: &Connection,
    conditions: &Conditions,
    after: Option<i64>,
    limit: u32,
) -> rusqlite::Result<Vec<(i64, Delivery)>> {
    let sql = format!(
        "SELECT {COLUMNS} {FROM} WHERE d.number < ? AND {} ORDER BY d.number DESC LIMIT {limit}",
        conditions.sql()
    );
    let after = Value::Integer(after.unwrap_or(i64::MAX));
    connection
        .prepare_cached(&sql)?
        .query_map(params_from_iter([&after].into_iter().chain(conditions.values())), |row| {
            Ok((row.get(0)?, from_row(row)?))
        })?
        .collect()
}

/// Returns the delivery with this number.
pub fn one(connection: &Connection, number: i64) -> rusqlite::Result<Option<Delivery>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} {FROM} WHERE d.number = ?1"))?
        .query_row([number], from_row)
        .optional()
}

/// Returns the number of the delivery with this ID.
pub fn number_of(connection: &Connection, id: &str) -> rusqlite::Result<Option<i64>> {
    connection.prepare_cached("SELECT number FROM delivery WHERE id = ?1")?.query_row([id], |row| row.get(0)).optional()
}

/// Lists the oldest 100 deliveries that forward or replay a request, oldest first.
pub fn deliveries_of_request(connection: &Connection, request: i64) -> rusqlite::Result<Vec<Delivery>> {
    let sql = format!("SELECT {COLUMNS} {FROM} WHERE d.request = ?1 ORDER BY d.number LIMIT 100");
    connection.prepare_cached(&sql)?.query_map([request], from_row)?.collect()
}

/// Lists the oldest 100 deliveries with an event ID, as the delivery ID or as the ID of the event, oldest first.
pub fn deliveries_of(connection: &Connection, event_id: &str) -> rusqlite::Result<Vec<Delivery>> {
    let sql = format!(
        "SELECT {COLUMNS} {FROM} WHERE d.number IN (SELECT number FROM delivery WHERE id = ?1
           UNION SELECT number FROM delivery WHERE event = (SELECT number FROM event WHERE id = ?1)) ORDER BY d.number LIMIT 100"
    );
    connection.prepare_cached(&sql)?.query_map([event_id], from_row)?.collect()
}

/// Reads the columns [`COLUMNS`] by index, because a lookup by name took longer than reading the value.
pub(crate) fn from_row(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    let state = DeliveryState::of(row.get(12)?);
    let reason: String = row.get(13)?;
    let took: Option<i64> = row.get(20)?;
    Ok(Delivery {
        id: row.get(1)?,
        event: row.get(2)?,
        request: row.get(3)?,
        replay: row.get(4)?,
        event_type: row.get(5)?,
        provider: row.get(6)?,
        endpoint: row.get(7)?,
        method: row.get(8)?,
        url: row.get(9)?,
        re_signed: row.get(10)?,
        origin: DeliveryOrigin::of(row.get(11)?),
        state,
        reason: Some(reason).filter(|reason| !reason.is_empty()),
        attempts: row.get(14)?,
        next_at: (state == DeliveryState::Waiting).then(|| row.get(15).map(timestamp)).transpose()?,
        created_at: timestamp(row.get(16)?),
        ended_at: row.get::<_, Option<i64>>(17)?.map(timestamp),
        status: row.get(18)?,
        error: row.get(19)?,
        duration_ms: took.map(|us| us as f64 / 1_000.0),
    })
}

fn lines(text: Option<String>) -> Vec<HeaderLine> {
    let pairs: Vec<(String, String)> = text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let line = |(name, value): (String, String)| {
        let secret = value == MASK || is_secret_header(name.as_bytes());
        HeaderLine { value: if secret { MASK.to_owned() } else { value }, name, secret }
    };
    pairs.into_iter().map(line).collect()
}

/// Returns a delivery with its attempts, including one that is in flight. Credentials in headers are masked.
pub fn detail(connection: &Connection, number: i64) -> rusqlite::Result<Option<DeliveryDetail>> {
    // One transaction covers the delivery and its attempts, because an attempt may end between two statements.
    let _view = connection.unchecked_transaction()?;
    let Some(delivery) = one(connection, number)? else { return Ok(None) };
    let body_bytes = connection
        .prepare_cached(
            "SELECT coalesce(length(e.payload), length(y.body), r.body_bytes, 0) FROM delivery d
             LEFT JOIN event e ON e.number = d.event LEFT JOIN replay y ON y.number = d.replay
             LEFT JOIN request r ON r.id = d.request WHERE d.number = ?1",
        )?
        .query_row([number], |row| row.get::<_, i64>(0))? as u64;
    let mut attempts_made: Vec<Attempt> = connection
        .prepare_cached(
            "SELECT number, started_us, request_headers, status, response_headers, response_bytes, error, timings, remote_address
             FROM attempt WHERE delivery = ?1 ORDER BY number",
        )?
        .query_map([number], |row| {
            let response_bytes = row.get::<_, i64>(5)? as u64;
            let error: Option<String> = row.get(6)?;
            let timings: Option<String> = row.get(7)?;
            Ok(Attempt {
                number: row.get(0)?,
                started_at: timestamp(row.get(1)?),
                request_headers: lines(row.get(2)?),
                status: row.get(3)?,
                response_headers: lines(row.get(4)?),
                response_bytes,
                response_cut: response_bytes > RESPONSE_KEPT as u64,
                error: error.and_then(|text| serde_json::from_str(&text).ok()),
                timings: timings.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
                remote_address: row.get(8)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    if delivery.state == DeliveryState::Sending {
        let started: i64 =
            connection.query_row("SELECT due_us FROM delivery WHERE number = ?1", [number], |row| row.get(0))?;
        attempts_made.push(Attempt::under_way(delivery.attempts, started));
    }
    Ok(Some(DeliveryDetail { delivery, body_bytes, attempts_made }))
}

/// Stored response of an attempt.
pub struct AttemptResponse {
    /// Status of the response.
    pub status: u16,
    /// Headers in order, not masked.
    pub headers: Vec<(String, String)>,
    /// Beginning of the body, at most [`RESPONSE_KEPT`] bytes.
    pub body: Vec<u8>,
    /// Total size of the body, in bytes.
    pub body_bytes: u64,
}

/// Returns the response of an attempt, or `None` if the attempt got no response. `delivery` is an ID.
pub fn response_of(connection: &Connection, delivery: &str, number: u32) -> rusqlite::Result<Option<AttemptResponse>> {
    connection
        .prepare_cached(
            "SELECT a.status, a.response_headers, coalesce(a.response_body, x''), a.response_bytes
             FROM attempt a JOIN delivery d ON d.number = a.delivery
             WHERE d.id = ?1 AND a.number = ?2 AND a.status IS NOT NULL",
        )?
        .query_row(params![delivery, number], |row| {
            let headers: Option<String> = row.get(1)?;
            Ok(AttemptResponse {
                status: row.get(0)?,
                headers: headers.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
                body: row.get(2)?,
                body_bytes: row.get::<_, i64>(3)? as u64,
            })
        })
        .optional()
}

/// Storage location of a delivery's payload.
#[derive(Debug)]
pub enum PayloadSource {
    /// Stored with the event or replay.
    Own(Vec<u8>),
    /// Body of the request with this row number.
    Request(i64),
}

/// Returns the payload of a delivery or its location. `None` if there is no such delivery.
pub fn payload(connection: &Connection, id: &str) -> rusqlite::Result<Option<PayloadSource>> {
    let found: Option<(Option<Vec<u8>>, Option<i64>)> = connection
        .prepare_cached(
            "SELECT coalesce(e.payload, y.body), d.request FROM delivery d LEFT JOIN event e ON e.number = d.event
             LEFT JOIN replay y ON y.number = d.replay WHERE d.id = ?1",
        )?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(found.and_then(|(own, request)| own.map(PayloadSource::Own).or(request.map(PayloadSource::Request))))
}

/// Returns the stored response body of an attempt. `None` if there is no such delivery, `Some(None)` if there is no
/// such attempt.
pub fn attempt_body(connection: &Connection, id: &str, number: u32) -> rusqlite::Result<Option<Option<Vec<u8>>>> {
    connection
        .prepare_cached(
            "SELECT iif(a.number IS NULL, NULL, coalesce(a.response_body, x'')) FROM delivery d
             LEFT JOIN attempt a ON a.delivery = d.number AND a.number = ?2 WHERE d.id = ?1",
        )?
        .query_row(params![id, number], |row| row.get(0))
        .optional()
}

/// Returns the number of a delivery's endpoint.
pub fn endpoint_of(connection: &Connection, number: i64) -> rusqlite::Result<i64> {
    connection.query_row("SELECT endpoint FROM delivery WHERE number = ?1", [number], |row| row.get(0))
}
