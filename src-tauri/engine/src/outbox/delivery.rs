//! Deliveries: one event on its way to one endpoint, with every attempt.

use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    attempt::{Exchange, SendError, Timings},
    endpoint::EndpointRow,
    event::EventNew,
    exchange::ANSWER_KEPT,
    outcome::Next,
};
use crate::{
    request::{HeaderLine, MASK, is_secret},
    time::timestamp,
};

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

/// Why a delivery was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Origin {
    /// An event was sent.
    Event = 0,
    /// An endpoint was tested; it counts toward nothing.
    Test = 1,
}

impl Origin {
    fn of(number: u8) -> Self {
        if number == Self::Test as u8 { Self::Test } else { Self::Event }
    }
}

/// A delivery as lists show it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Delivery {
    /// Its id, which receivers recognise repeats by.
    pub id: String,
    /// Its event's id.
    pub event: String,
    /// The event type.
    pub event_type: String,
    /// Id of the vendor.
    pub provider: String,
    /// Its endpoint's id.
    pub endpoint: String,
    /// Where it goes.
    pub url: String,
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

const COLUMNS: &str = "d.number, d.id, e.id event_id, e.kind, e.provider, p.id endpoint_id, d.url, d.origin, d.state, d.reason, d.attempts, d.due_us,
 d.created_us, d.ended_us, d.status, d.error, d.took_us";

const FROM: &str = "FROM delivery d JOIN event e ON e.number = d.event JOIN endpoint p ON p.number = d.endpoint";

/// Which deliveries a list is asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeliveryList {
    pub(crate) endpoint: Option<String>,
    pub(crate) event: Option<String>,
    pub(crate) state: Option<DeliveryState>,
    pub(crate) after: Option<i64>,
    pub(crate) limit: u32,
}

/// The deliveries asked for, newest first, each with its number.
pub(crate) fn list(connection: &Connection, list: &DeliveryList) -> rusqlite::Result<Vec<(i64, Delivery)>> {
    // What is open is found by the index of what is.
    let open = |state| {
        if matches!(state, DeliveryState::Waiting | DeliveryState::Sending) { " AND d.ended_us IS NULL" } else { "" }
    };
    let state = list.state.map_or(String::new(), |state| format!(" AND d.state = {}{}", state as u8, open(state)));
    let endpoint = if list.endpoint.is_some() {
        "d.endpoint = (SELECT number FROM endpoint WHERE id = :endpoint)"
    } else {
        ":endpoint IS NULL"
    };
    let event =
        if list.event.is_some() { "d.event = (SELECT number FROM event WHERE id = :event)" } else { ":event IS NULL" };
    let sql = format!(
        "SELECT {COLUMNS} {FROM} WHERE d.number < :after AND {endpoint} AND {event}{state} ORDER BY d.number DESC LIMIT :limit"
    );
    let after = list.after.unwrap_or(i64::MAX);
    connection
        .prepare_cached(&sql)?
        .query_map(
            named_params! { ":after": after, ":limit": list.limit, ":endpoint": list.endpoint, ":event": list.event },
            |row| Ok((row.get("number")?, from_row(row)?)),
        )?
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

fn from_row(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    let state = row
        .get::<_, u8>("state")
        .map(|state| STATES.get(usize::from(state)).copied().unwrap_or(DeliveryState::Cancelled))?;
    let reason: String = row.get("reason")?;
    let took: Option<i64> = row.get("took_us")?;
    Ok(Delivery {
        id: row.get("id")?,
        event: row.get("event_id")?,
        event_type: row.get("kind")?,
        provider: row.get("provider")?,
        endpoint: row.get("endpoint_id")?,
        url: row.get("url")?,
        origin: Origin::of(row.get("origin")?),
        state,
        reason: Some(reason).filter(|reason| !reason.is_empty()),
        attempts: row.get("attempts")?,
        next_at: (state == DeliveryState::Waiting).then(|| row.get("due_us").map(timestamp)).transpose()?,
        created_at: timestamp(row.get("created_us")?),
        ended_at: row.get::<_, Option<i64>>("ended_us")?.map(timestamp),
        status: row.get("status")?,
        error: row.get("error")?,
        took_ms: took.map(|us| us as f64 / 1_000.0),
    })
}

/// What is needed to make an attempt.
#[derive(Debug, Clone)]
pub(crate) struct Claimed {
    pub(crate) number: i64,
    /// The delivery as lists show it, being sent.
    pub(crate) shown: Delivery,
    pub(crate) payload: Bytes,
    /// When the attempt began, µs since the Unix epoch.
    pub(crate) started_us: i64,
    /// Whether its waits are passed over.
    pub(crate) hurried: bool,
    /// Attempts made before it was sent again.
    pub(crate) base: u32,
}

impl Claimed {
    /// Which attempt of its schedule it is, from 1.
    pub(crate) fn made(&self) -> u32 {
        self.shown.attempts.saturating_sub(self.base).max(1)
    }
}

/// Makes a new delivery.
pub(crate) struct New<'a> {
    pub(crate) event: &'a EventNew,
    /// The event's number.
    pub(crate) number: i64,
    pub(crate) endpoint: &'a EndpointRow,
    pub(crate) origin: Origin,
    pub(crate) state: DeliveryState,
    pub(crate) reason: String,
    pub(crate) now_us: i64,
    pub(crate) due_us: i64,
}

impl New<'_> {
    /// Stores it; its number, and how lists show it.
    pub(crate) fn insert(self, connection: &Connection) -> rusqlite::Result<(i64, Delivery)> {
        let Self { event, number, endpoint, origin, state, reason, now_us, due_us } = self;
        let ended = (state != DeliveryState::Waiting).then_some(now_us);
        let id = uuid::Uuid::now_v7().to_string();
        connection
            .prepare_cached(
                "INSERT INTO delivery (id, event, endpoint, origin, state, reason, url, due_us, created_us, ended_us)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?10, ?8, ?9)",
            )?
            .execute(params![
                id,
                number,
                endpoint.number,
                origin as u8,
                state as u8,
                reason,
                endpoint.settings.url,
                now_us,
                ended,
                due_us,
            ])?;
        let shown = Delivery {
            id,
            event: event.id.clone(),
            event_type: event.kind.clone(),
            provider: event.provider.clone(),
            endpoint: endpoint.id.clone(),
            url: endpoint.settings.url.clone(),
            origin,
            state,
            reason: Some(reason).filter(|reason| !reason.is_empty()),
            attempts: 0,
            next_at: ended.is_none().then(|| timestamp(due_us)),
            created_at: timestamp(now_us),
            ended_at: ended.map(timestamp),
            status: None,
            error: None,
            took_ms: None,
        };
        Ok((connection.last_insert_rowid(), shown))
    }
}

/// Marks a delivery as being sent, before anything leaves: after a crash it is known that an
/// attempt may have arrived. None if it no longer waits.
pub(crate) fn claim(
    connection: &Connection,
    number: i64,
    endpoint: &EndpointRow,
    now_us: i64,
) -> rusqlite::Result<Option<Claimed>> {
    // While it is sent, what was due says when that began.
    let claimed = connection
        .prepare_cached(
            "UPDATE delivery SET state = 1, attempts = attempts + 1, due_us = ?2, url = ?3 WHERE number = ?1 AND state = 0
             RETURNING event, hurried, id, url, origin, attempts, created_us, status, error, took_us, base",
        )?
        .query_row(params![number, now_us, endpoint.settings.url], |row| {
            let took: Option<i64> = row.get(9)?;
            let shown = Delivery {
                id: row.get(2)?,
                event: String::new(),
                event_type: String::new(),
                provider: String::new(),
                endpoint: endpoint.id.clone(),
                url: row.get(3)?,
                origin: Origin::of(row.get(4)?),
                state: DeliveryState::Sending,
                reason: None,
                attempts: row.get(5)?,
                next_at: None,
                created_at: timestamp(row.get(6)?),
                ended_at: None,
                status: row.get(7)?,
                error: row.get(8)?,
                took_ms: took.map(|us| us as f64 / 1_000.0),
            };
            Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?, row.get::<_, u32>(10)?, shown))
        })
        .optional()?;
    let Some((event, hurried, base, mut shown)) = claimed else { return Ok(None) };
    let payload: Vec<u8> = connection
        .prepare_cached("SELECT id, kind, provider, payload FROM event WHERE number = ?1")?
        .query_row([event], |row| {
            (shown.event, shown.event_type, shown.provider) = (row.get(0)?, row.get(1)?, row.get(2)?);
            row.get(3)
        })?;
    Ok(Some(Claimed { number, shown, payload: payload.into(), started_us: now_us, hurried, base }))
}

/// Writes down an attempt; how many bytes of its answer are kept.
pub(crate) fn record(
    connection: &Connection,
    claimed: &Claimed,
    sent: &[(String, String)],
    exchange: &Exchange,
) -> rusqlite::Result<usize> {
    let received = exchange.received();
    let error = exchange.result.as_ref().err();
    let kept = received.map(|received| received.body.as_slice()).filter(|body| !body.is_empty());
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO attempt (delivery, number, started_us, request_headers, status, response_headers,
               response_body, response_bytes, error, timings, peer) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            claimed.number,
            claimed.shown.attempts,
            claimed.started_us,
            json(&sent),
            received.map(|received| received.status),
            received.map(|received| json(&received.headers)),
            kept,
            received.map_or(0, |received| received.body_bytes as i64),
            error.map(json),
            json(&exchange.timings),
            exchange.peer,
        ])?;
    Ok(kept.map_or(0, <[u8]>::len))
}

fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// When something happens: on the clock, and in the endpoint's own time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Time {
    pub(crate) now_us: i64,
    pub(crate) own_us: i64,
    /// How many times faster than the clock its waits go.
    pub(crate) speed: f64,
}

/// Writes down how a delivery goes on after an attempt, in the store and in what is shown; when
/// its next attempt is due.
pub(crate) fn go_on(
    connection: &Connection,
    number: i64,
    shown: &mut Delivery,
    next: &Next,
    exchange: &Exchange,
    time: Time,
) -> rusqlite::Result<Option<i64>> {
    let Time { now_us, own_us, speed } = time;
    let (state, reason, due) = match next {
        Next::Delivered => (DeliveryState::Delivered, String::new(), None),
        Next::Failed { reason } => (DeliveryState::Failed, reason.clone(), None),
        Next::Exhausted if shown.attempts == 1 => (DeliveryState::Exhausted, "It is tried once only.".into(), None),
        Next::Exhausted => (DeliveryState::Exhausted, "Its retries are used up.".into(), None),
        Next::Skipped { reason } => (DeliveryState::Skipped, reason.clone(), None),
        Next::Retry { wait_s } => {
            (DeliveryState::Waiting, String::new(), Some(own_us.saturating_add((wait_s * 1e6 / speed) as i64)))
        }
    };
    let ended = due.is_none().then_some(now_us);
    shown.state = state;
    shown.status = exchange.result.as_ref().ok().map(|received| received.status);
    shown.error = exchange.result.as_ref().err().map(|error| error.message.clone());
    shown.took_ms = Some(exchange.timings.total_us as f64 / 1_000.0);
    shown.next_at = due.map(timestamp);
    shown.ended_at = ended.map(timestamp);
    connection
        .prepare_cached(
            "UPDATE delivery SET state = ?2, reason = ?3, due_us = coalesce(?4, due_us), ended_us = ?5, status = ?6, error = ?7, took_us = ?8
             WHERE number = ?1",
        )?
        .execute(params![
            number,
            state as u8,
            reason,
            due,
            ended,
            shown.status,
            shown.error,
            exchange.timings.total_us as i64,
        ])?;
    shown.reason = Some(reason).filter(|reason| !reason.is_empty());
    Ok(due)
}

/// Ends a delivery that waits, or was skipped; whether it did.
pub(crate) fn end(
    connection: &Connection,
    number: i64,
    state: DeliveryState,
    reason: &str,
    now_us: i64,
) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("UPDATE delivery SET state = ?2, reason = ?3, ended_us = ?4 WHERE number = ?1 AND state = 0")?
        .execute(params![number, state as u8, reason, now_us])
        .map(|changed| changed > 0)
}

/// Ends everything that waits for an endpoint; their numbers.
pub(crate) fn skip_waiting(
    connection: &Connection,
    endpoint: i64,
    reason: &str,
    now_us: i64,
) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare_cached(
            "UPDATE delivery SET state = 5, reason = ?2, ended_us = ?3 WHERE endpoint = ?1 AND ended_us IS NULL AND state = 0 RETURNING number",
        )?
        .query_map(params![endpoint, reason, now_us], |row| row.get(0))?
        .collect()
}

/// Lets a delivery be tried at `due_us`; whether it could be. One that has ended is sent again, as
/// its vendor's "resend" would, with its schedule from the beginning.
pub(crate) fn due_again(connection: &Connection, number: i64, due_us: i64, hurried: bool) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "UPDATE delivery SET state = 0, due_us = ?2, base = iif(ended_us IS NULL, base, attempts), ended_us = NULL,
               reason = '', hurried = ?3 WHERE number = ?1 AND state != 1",
        )?
        .execute(params![number, due_us, hurried])
        .map(|changed| changed > 0)
}

/// Numbers of an endpoint's deliveries that ended so, behind a number, the oldest first.
pub(crate) fn ended_so(
    connection: &Connection,
    endpoint: i64,
    state: DeliveryState,
    after: i64,
    limit: u32,
) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare_cached(
            "SELECT number FROM delivery WHERE endpoint = ?1 AND state = ?2 AND number > ?3 ORDER BY number LIMIT ?4",
        )?
        .query_map(params![endpoint, state as u8, after, limit], |row| row.get(0))?
        .collect()
}

fn lines(text: Option<String>) -> Vec<HeaderLine> {
    let pairs: Vec<(String, String)> = text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let line = |(name, value): (String, String)| {
        let secret = is_secret(name.as_bytes());
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
            "SELECT length(e.payload) FROM delivery d JOIN event e ON e.number = d.event WHERE d.number = ?1",
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
