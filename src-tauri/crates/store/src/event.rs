//! Events: something that happened, and the deliveries it makes.

use hookline_model::{Delivery, DeliveryOrigin, DeliveryState, Event, timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use crate::{
    delivery::{DeliverySource, NewDelivery, count},
    endpoint::EndpointRow,
};

/// An event to be stored.
#[derive(Debug, Clone)]
pub struct EventNew {
    pub id: String,
    pub provider: String,
    pub kind: String,
    pub payload: Vec<u8>,
}

/// Where an event goes, and why it does not get there, if so.
pub struct Receiver<'a> {
    pub endpoint: &'a EndpointRow,
    pub off: Option<String>,
}

/// Stores an event with a delivery for each receiver: one that does not get it keeps the reason.
/// It leaves after `delay_us` of each receiver's own time. The deliveries, each with its number and
/// the time it is due.
pub fn insert(
    connection: &Connection,
    event: &EventNew,
    receivers: &[Receiver<'_>],
    origin: DeliveryOrigin,
    now_us: i64,
    delay_us: i64,
) -> rusqlite::Result<Vec<(i64, i64, Delivery)>> {
    connection
        .prepare_cached("INSERT INTO event (id, provider, kind, payload, created_us) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![event.id, event.provider, event.kind, event.payload, now_us])?;
    let number = connection.last_insert_rowid();
    count(connection, receivers.len() as i64, event.payload.len() as i64)?;
    receivers
        .iter()
        .map(|Receiver { endpoint, off }| {
            let (state, reason) = match off {
                _ if origin == DeliveryOrigin::Test => (DeliveryState::Waiting, String::new()),
                _ if !endpoint.settings.takes(&event.kind) => {
                    (DeliveryState::Filtered, format!("The endpoint does not take {}.", event.kind))
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

/// Events, newest first, each with its number.
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

/// The number behind an id.
pub fn number_of(connection: &Connection, id: &str) -> rusqlite::Result<Option<i64>> {
    connection.prepare_cached("SELECT number FROM event WHERE id = ?1")?.query_row([id], |row| row.get(0)).optional()
}
