//! Events: something that happened, and the deliveries it makes.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    delivery::{Delivery, DeliveryState, New, Origin},
    endpoint::EndpointRow,
    retention::count,
};
use crate::time::timestamp;

/// An event as the API shows it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// Id of the vendor.
    pub provider: String,
    /// The event type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Size of its payload, in bytes.
    pub body_bytes: u64,
    /// When it was sent.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// An event to be stored.
#[derive(Debug, Clone)]
pub(crate) struct EventNew {
    pub(crate) id: String,
    pub(crate) provider: String,
    pub(crate) kind: String,
    pub(crate) payload: Vec<u8>,
}

/// Stores an event with a delivery for each endpoint: one that does not get it keeps the reason.
/// The deliveries, each with its number.
pub(crate) fn insert(
    connection: &Connection,
    event: &EventNew,
    endpoints: &[EndpointRow],
    origin: Origin,
    now_us: i64,
) -> rusqlite::Result<Vec<(i64, Delivery)>> {
    connection
        .prepare_cached("INSERT INTO event (id, provider, kind, payload, created_us) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![event.id, event.provider, event.kind, event.payload, now_us])?;
    let number = connection.last_insert_rowid();
    count(connection, endpoints.len() as i64, event.payload.len() as i64)?;
    endpoints
        .iter()
        .map(|endpoint| {
            let (state, reason) = if origin == Origin::Test {
                (DeliveryState::Waiting, String::new())
            } else if !endpoint.settings.takes(&event.kind) {
                (DeliveryState::Filtered, format!("The endpoint does not take {}.", event.kind))
            } else if !endpoint.enabled {
                (DeliveryState::Skipped, format!("The endpoint is switched off: {}", endpoint.reason))
            } else {
                (DeliveryState::Waiting, String::new())
            };
            New { event, number, endpoint, origin, state, reason, now_us }.insert(connection)
        })
        .collect()
}

/// Events, newest first, each with its number.
pub(crate) fn list(connection: &Connection, after: Option<i64>, limit: u32) -> rusqlite::Result<Vec<(i64, Event)>> {
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
pub(crate) fn number_of(connection: &Connection, id: &str) -> rusqlite::Result<Option<i64>> {
    connection.prepare_cached("SELECT number FROM event WHERE id = ?1")?.query_row([id], |row| row.get(0)).optional()
}
