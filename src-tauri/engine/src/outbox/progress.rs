//! How a delivery goes on in the store: made, marked, written down, ended, sent again.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;

use super::{
    attempt::Exchange,
    delivery::{Delivery, DeliveryState, Origin},
    endpoint::EndpointRow,
    event::EventNew,
    outcome::Next,
};
use crate::time::timestamp;

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
