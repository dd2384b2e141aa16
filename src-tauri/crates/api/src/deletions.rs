//! Route for undoing deletions.

use std::sync::Arc;

use axum::{Json, extract::State};
use hookbench_engine::Engine;
use hookbench_model::{Change, Deletion, ErrorCode};
use hookbench_store::{deletion::DeletionRow, inbox::InboxRow};
use rusqlite::Connection;

use super::{error::ApiError, extract};

/// Undo a deletion
///
/// Restores the deleted requests, or the deleted inbox with its requests. A deletion can be undone for 10 seconds.
#[utoipa::path(post, path = "/deletions/{id}/undo", tag = "requests", params(("id" = i64, Path)), responses(
    (status = 200, body = Deletion), (status = 404, body = hookbench_model::Error)
))]
pub(crate) async fn undo(
    State(engine): State<Arc<Engine>>,
    extract::Path(id): extract::Path<i64>,
) -> Result<Json<Deletion>, ApiError> {
    let too_late = || {
        ApiError::not_found(
            ErrorCode::DeletionNotFound,
            "The deletion cannot be undone: it was already undone, or 10 seconds have passed.",
        )
    };
    let row = engine.hidden.all().into_iter().find(|row| row.number == id).ok_or_else(too_late)?;
    if row.until_us <= engine.clock.now_us() {
        return Err(too_late());
    }
    let work = move |connection: &Connection| {
        if !row.delete(connection)? {
            return Err(too_late());
        }
        let inbox = InboxRow::numbered(connection, row.inbox)?;
        let inbox = inbox.ok_or_else(too_late)?;
        let address = hookbench_engine::inbox::address(&inbox).map_err(ApiError::internal)?;
        Ok((row, address, inbox.counted(connection)?))
    };
    let (feed, hidden, inboxes) = (engine.feed.clone(), engine.hidden.clone(), engine.inboxes.clone());
    let (tail, outbox) = (engine.store.id_tail(), engine.outbox.clone());
    let after =
        move |(row, address, inbox): &(DeletionRow, hookbench_engine::inbox::InboxConfig, hookbench_model::Inbox)| {
            hidden.remove(row.number);
            let deletion = row.shown(address.name.clone(), |id| tail.text(id));
            if row.whole {
                inboxes.put(address.clone());
                outbox.hold(address.forward_ids(), false);
                feed.publish([Change::InboxAdded { inbox: inbox.clone() }]);
            }
            feed.publish([Change::RequestsRestored { deletion }]);
        };
    let (row, address, _) = engine.store.write(work, after).await?;
    Ok(Json(row.shown(address.name, |id| engine.id_of(id))))
}
