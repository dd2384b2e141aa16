//! Requests as database rows.

use std::collections::BTreeMap;

use hookbench_model::BodyState;
use rusqlite::{Connection, params};

use super::id::RowId;
use crate::message::{Body, Captured};

pub(super) const INSERT: &str = "INSERT INTO request
 (id, inbox, arrived_us, receiving_us, method, version, names, body_state, status, response, body_bytes, chunks, remote_address, target, headers, trailers, body, via)
 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)";

pub(super) fn insert_row(
    insert: &mut rusqlite::CachedStatement<'_>,
    id: RowId,
    row: &Captured,
) -> rusqlite::Result<()> {
    let (inline, chunks) = match &row.body {
        Body::Inline(bytes) => (Some(bytes.as_ref()), None),
        Body::Chunks(body) => (None, Some(*body)),
    };
    insert
        .execute(params![
            id.0,
            row.inbox,
            row.arrived_us,
            row.receiving_us,
            row.method.as_str(),
            row.version as u8,
            row.names as u8,
            row.body_state as u8,
            row.status,
            row.response,
            row.body_bytes as i64,
            chunks,
            row.remote_address.to_string(),
            row.target,
            row.headers,
            (!row.trailers.is_empty()).then_some(&row.trailers),
            inline,
            row.via,
        ])
        .map(drop)
}

/// Number of requests and body bytes that a batch adds, by inbox.
pub(super) type Totals = BTreeMap<i64, (i64, i64)>;

/// Adds the totals of a batch to the stored totals, and clears `totals`.
pub(super) fn add_totals(connection: &Connection, totals: &mut Totals) -> rusqlite::Result<()> {
    let mut add = connection.prepare_cached(
        "INSERT INTO inbox_total (inbox, requests, bytes) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET requests = requests + excluded.requests, bytes = bytes + excluded.bytes",
    )?;
    for (inbox, (requests, bytes)) in std::mem::take(totals) {
        add.execute(params![inbox, requests, bytes])?;
    }
    Ok(())
}

/// Returns the number of body bytes that a request uses in the store.
pub(super) fn stored_bytes(row: &Captured) -> u64 {
    match (&row.body, row.body_state) {
        (_, BodyState::TooLarge) => 0,
        (Body::Inline(bytes), _) => bytes.len() as u64,
        (Body::Chunks(_), _) => row.body_bytes,
    }
}
