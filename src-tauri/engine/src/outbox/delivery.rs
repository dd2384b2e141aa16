//! Deliveries: one event on its way to one endpoint, with every attempt.

use hookline_model::{HeaderLine, MASK};
use hookline_provider::is_secret_header;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter, types::Value};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    attempt::{SendError, Timings},
    exchange::ANSWER_KEPT,
    filter::Conditions,
    url::serialize_masked,
};
use crate::time::timestamp;

/// How a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum DeliveryState {
    /// Its next attempt is due at a time.
    Waiting = 0,
    /// An attempt is under way.
    Sending = 1,
    /// The receiver took it.
    Delivered = 2,
    /// An answer was final.
    Failed = 3,
    /// Its retries are used up.
    Exhausted = 4,
    /// Its endpoint is switched off; it can be sent late.
    Skipped = 5,
    /// Its endpoint does not take such events; it can be sent all the same.
    Filtered = 6,
    /// Somebody ended it.
    Cancelled = 7,
}

/// Every state, in the order of their numbers.
const STATES: &[DeliveryState] = &[
    DeliveryState::Waiting,
    DeliveryState::Sending,
    DeliveryState::Delivered,
    DeliveryState::Failed,
    DeliveryState::Exhausted,
    DeliveryState::Skipped,
    DeliveryState::Filtered,
    DeliveryState::Cancelled,
];

impl DeliveryState {
    pub(crate) fn of(number: u8) -> Self {
        STATES.get(usize::from(number)).copied().unwrap_or(Self::Cancelled)
    }
}

/// Why a delivery was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Origin {
    /// An event was sent.
    Event = 0,
    /// An endpoint was tested; it counts toward nothing.
    Test = 1,
    /// A request that arrived goes on by a forward of its inbox.
    Forward = 2,
    /// A stored request is sent again.
    Replay = 3,
}

impl Origin {
    pub(crate) fn of(number: u8) -> Self {
        [Self::Event, Self::Test, Self::Forward, Self::Replay]
            .into_iter()
            .find(|origin| *origin as u8 == number)
            .unwrap_or(Self::Event)
    }
}

/// A delivery as lists show it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Delivery {
    /// Its id, which receivers recognise repeats by.
    pub id: String,
    /// The id of the event it delivers; none where it sends on a request.
    pub event: Option<String>,
    /// The id of the request it sends on.
    pub request: Option<String>,
    /// The id of the replay it is part of.
    pub replay: Option<String>,
    /// The event type; empty where a request has none.
    pub event_type: String,
    /// Id of the vendor; empty where a request's is not known.
    pub provider: String,
    /// Its destination's id: an endpoint, a forward, or one that a replay or a command made for itself.
    pub endpoint: String,
    /// Its method.
    pub method: String,
    /// Where it goes; a password in it is masked.
    #[serde(serialize_with = "serialize_masked")]
    pub url: String,
    /// Whether a request's signature is made anew.
    pub resigned: bool,
    /// Why it was made.
    pub origin: Origin,
    /// How it stands.
    pub state: DeliveryState,
    /// Why it ended so, in a sentence.
    pub reason: Option<String>,
    /// Attempts made.
    pub attempts: u32,
    /// When the next attempt is due.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_at: Option<Timestamp>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// Status of the last answer.
    pub status: Option<u16>,
    /// Why the last attempt brought none.
    pub error: Option<String>,
    /// What the last attempt took, in ms.
    pub took_ms: Option<f64>,
}

/// One attempt, in full but for the bodies.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Attempt {
    /// Which it is, from 1.
    pub number: u32,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// Headers sent; credentials masked.
    pub request_headers: Vec<HeaderLine>,
    /// Status of the answer.
    pub status: Option<u16>,
    /// Headers of the answer.
    pub response_headers: Vec<HeaderLine>,
    /// Size of the answer's body, in bytes; the first 64 KiB are kept.
    pub response_bytes: u64,
    /// Whether more arrived than is kept.
    pub response_cut: bool,
    /// Why there is no answer.
    pub error: Option<SendError>,
    /// What it took.
    pub timings: Timings,
    /// The address it went to.
    pub peer: Option<String>,
}

impl Attempt {
    fn under_way(number: u32, started_us: i64) -> Self {
        Self {
            number,
            started_at: timestamp(started_us),
            request_headers: Vec::new(),
            status: None,
            response_headers: Vec::new(),
            response_bytes: 0,
            response_cut: false,
            error: None,
            timings: Timings::default(),
            peer: None,
        }
    }
}

/// A delivery with its attempts.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DeliveryDetail {
    /// What lists show of it.
    #[serde(flatten)]
    pub delivery: Delivery,
    /// Size of its payload, in bytes.
    pub body_bytes: u64,
    /// Its attempts, the first first.
    pub attempts_made: Vec<Attempt>,
}

/// What [`from_row`] reads, and the number before it.
pub(super) const COLUMNS: &str = "d.number, d.id, e.id, d.request_id, y.id, coalesce(e.kind, v.event_type, ''),
 coalesce(e.provider, v.provider, ''), p.id, d.method, d.url, d.resigned, d.origin, d.state, d.reason, d.attempts,
 d.due_us, d.created_us, d.ended_us, d.status, d.error, d.took_us";

/// How many these are: what is read beside them has the places from here on.
pub(super) const WIDTH: usize = 21;

/// Where they are read from.
pub(super) const FROM: &str =
    "FROM delivery d JOIN endpoint p ON p.number = d.endpoint LEFT JOIN event e ON e.number = d.event
 LEFT JOIN request_verdict v ON v.request = d.request LEFT JOIN replay y ON y.number = d.replay";

/// A page of deliveries that meet these conditions, newest first, each with its number: those with a lower
/// number than `after`.
pub(crate) fn list(
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

/// One by its number.
pub(crate) fn one(connection: &Connection, number: i64) -> rusqlite::Result<Option<Delivery>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} {FROM} WHERE d.number = ?1"))?
        .query_row([number], from_row)
        .optional()
}

/// The number behind an id.
pub(crate) fn number_of(connection: &Connection, id: &str) -> rusqlite::Result<Option<i64>> {
    connection.prepare_cached("SELECT number FROM delivery WHERE id = ?1")?.query_row([id], |row| row.get(0)).optional()
}

/// Deliveries that send a request on, the oldest hundred.
pub(crate) fn deliveries_of_request(connection: &Connection, request: i64) -> rusqlite::Result<Vec<Delivery>> {
    let sql = format!("SELECT {COLUMNS} {FROM} WHERE d.request = ?1 ORDER BY d.number LIMIT 100");
    connection.prepare_cached(&sql)?.query_map([request], from_row)?.collect()
}

/// Deliveries that carry an event's id, as their own or as their event's; the oldest hundred.
pub(crate) fn deliveries_of(connection: &Connection, event_id: &str) -> rusqlite::Result<Vec<Delivery>> {
    let sql = format!(
        "SELECT {COLUMNS} {FROM} WHERE d.number IN (SELECT number FROM delivery WHERE id = ?1
           UNION SELECT number FROM delivery WHERE event = (SELECT number FROM event WHERE id = ?1)) ORDER BY d.number LIMIT 100"
    );
    connection.prepare_cached(&sql)?.query_map([event_id], from_row)?.collect()
}

/// Reads [`COLUMNS`], by their places: to find them by their names took longer than to read them.
pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<Delivery> {
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
        resigned: row.get(10)?,
        origin: Origin::of(row.get(11)?),
        state,
        reason: Some(reason).filter(|reason| !reason.is_empty()),
        attempts: row.get(14)?,
        next_at: (state == DeliveryState::Waiting).then(|| row.get(15).map(timestamp)).transpose()?,
        created_at: timestamp(row.get(16)?),
        ended_at: row.get::<_, Option<i64>>(17)?.map(timestamp),
        status: row.get(18)?,
        error: row.get(19)?,
        took_ms: took.map(|us| us as f64 / 1_000.0),
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

/// A delivery with its attempts.
pub(crate) fn detail(connection: &Connection, number: i64) -> rusqlite::Result<Option<DeliveryDetail>> {
    // One view of delivery and attempts: an attempt may end between two looks.
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
            "SELECT number, started_us, request_headers, status, response_headers, response_bytes, error, timings, peer
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
                response_cut: response_bytes > ANSWER_KEPT as u64,
                error: error.and_then(|text| serde_json::from_str(&text).ok()),
                timings: timings.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
                peer: row.get(8)?,
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

/// An answer as it is kept.
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    /// As far as it is kept.
    pub(crate) body: Vec<u8>,
    pub(crate) body_bytes: u64,
}

/// The answer that an attempt got, if it got one.
pub(crate) fn answer_of(connection: &Connection, delivery: &str, number: u32) -> rusqlite::Result<Option<Answered>> {
    connection
        .prepare_cached(
            "SELECT a.status, a.response_headers, coalesce(a.response_body, x''), a.response_bytes
             FROM attempt a JOIN delivery d ON d.number = a.delivery
             WHERE d.id = ?1 AND a.number = ?2 AND a.status IS NOT NULL",
        )?
        .query_row(params![delivery, number], |row| {
            let headers: Option<String> = row.get(1)?;
            Ok(Answered {
                status: row.get(0)?,
                headers: headers.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
                body: row.get(2)?,
                body_bytes: row.get::<_, i64>(3)? as u64,
            })
        })
        .optional()
}
