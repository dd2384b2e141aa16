//! Events sent by Hookbench, and the deliveries created for them.

use hookbench_model::{Delivery, DeliveryOrigin, DeliveryState, Event, timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use crate::{
    delivery::{DeliverySource, NewDelivery, count},
    endpoint::EndpointRow,
};

/// An event to store.
#[derive(Debug, Clone)]
pub struct EventNew {
    /// Id of the event.
    pub id: String,
    /// Id of the provider.
    pub provider: String,
    /// Event type.
    pub kind: String,
    /// Payload, as it will be sent.
    pub payload: Vec<u8>,
    /// Number of the scenario run that sends the event.
    pub run: Option<i64>,
}

/// Destination of an event.
pub struct EventDestination<'a> {
    /// Endpoint that receives the event.
    pub endpoint: &'a EndpointRow,
    /// Reason why the endpoint receives nothing, in one sentence. `None` if the endpoint is enabled.
    pub off: Option<String>,
}

/// Stores an event with one delivery per destination. A delivery to an endpoint that is not subscribed to the event
/// type is filtered. A delivery to a disabled endpoint is skipped. Both store the reason. Tests are always delivered.
/// The first attempt is due after `delay_us` on the retry clock of each endpoint.
///
/// Returns the deliveries, each with its number and the time at which it is due, in µs.
pub fn insert(
    connection: &Connection,
    event: &EventNew,
    destinations: &[EventDestination<'_>],
    origin: DeliveryOrigin,
    now_us: i64,
    delay_us: i64,
) -> rusqlite::Result<Vec<(i64, i64, Delivery)>> {
    connection
        .prepare_cached(
            "INSERT INTO event (id, provider, kind, payload, created_us, run, after_us)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![event.id, event.provider, event.kind, event.payload, now_us, event.run, delay_us])?;
    let number = connection.last_insert_rowid();
    count(connection, destinations.len() as i64, event.payload.len() as i64)?;
    destinations
        .iter()
        .map(|EventDestination { endpoint, off }| {
            let (state, reason) = match off {
                _ if origin == DeliveryOrigin::Test => (DeliveryState::Waiting, String::new()),
                _ if !endpoint.settings.takes(&event.kind) => {
                    (DeliveryState::Filtered, format!("The endpoint is not subscribed to {}.", event.kind))
                }
                Some(reason) => (DeliveryState::Skipped, reason.clone()),
                None => (DeliveryState::Waiting, String::new()),
            };
            let due_us = endpoint.time_us(now_us) + delay_us;
            let new = NewDelivery {
                of: DeliverySource::Event(event, number),
                endpoint,
                origin,
                state,
                reason,
                now_us,
                due_us,
            };
            new.insert(connection).map(|(number, delivery)| (number, due_us, delivery))
        })
        .collect()
}

/// Lists events, newest first, each with its number. With `after`, lists only events with a lower number.
pub fn list(connection: &Connection, after: Option<i64>, limit: u32) -> rusqlite::Result<Vec<(i64, Event)>> {
    connection
        .prepare_cached(
            "SELECT number, id, provider, kind, length(payload), created_us FROM event
             WHERE number < ?1 ORDER BY number DESC LIMIT ?2",
        )?
        .query_map(params![after.unwrap_or(i64::MAX), limit], |row| {
            let event = Event {
                id: row.get(1)?,
                provider: row.get(2)?,
                kind: row.get(3)?,
                body_bytes: row.get::<_, i64>(4)? as u64,
                created_at: timestamp(row.get(5)?),
            };
            Ok((row.get(0)?, event))
        })?
        .collect()
}

/// Returns the number of the event with this ID.
pub fn number_of(connection: &Connection, id: &str) -> rusqlite::Result<Option<i64>> {
    connection.prepare_cached("SELECT number FROM event WHERE id = ?1")?.query_row([id], |row| row.get(0)).optional()
}
