//! The offline backlog: requests that arrived while this computer was offline, and the user's decision about them.

use std::sync::Arc;

use hookbench_capture::{ReadError, RowId, WriteError};
use hookbench_model::{BacklogAction, BacklogDecision, Change, Forward, ReSignWith, ReplaySettings, ReplayTarget};
use hookbench_query::Query;
use hookbench_store::{replay::ReplayRow, tunnel::BacklogRequest};
use rusqlite::Connection;

use crate::{
    Engine,
    inbox::InboxConfig,
    replay::{Collecting, ReplaySelection, collect},
};

/// Maximum number of requests that one decision applies to. The rest remains in the backlog.
const DECIDED_MAX: u32 = 50_000;

/// Applies the user's decision to the offline backlog of an inbox. With `re_sign`, the requests are re-signed if the
/// inbox has a provider and a secret, because the original signatures may have expired.
///
/// # Errors
/// Returns an error if the database cannot be written.
pub async fn decide_backlog(
    engine: &Arc<Engine>,
    address: &InboxConfig,
    action: BacklogAction,
    re_sign: bool,
) -> Result<BacklogDecision, WriteError<rusqlite::Error>> {
    let (inbox, hidden) = (address.number, engine.hidden.condition());
    // The requests are removed from the backlog in one commit, so concurrent decisions apply to different requests.
    let work =
        move |connection: &Connection| hookbench_store::tunnel::take_backlog(connection, inbox, DECIDED_MAX, &hidden);
    let held = engine.store.write(work, |_| ()).await?;
    let requests = held.len() as u64;
    let mut replays = Vec::new();
    // Re-signing requires a provider and a secret.
    let verification = &address.verification;
    let re_sign = re_sign && verification.provider.is_some() && verification.secrets.iter().any(|one| !one.is_empty());
    for forward in address.forwards.iter().filter(|bound| bound.forward.enabled && action != BacklogAction::Keep) {
        let rows: Vec<RowId> = held.iter().map(|held| RowId(held.request)).collect();
        let matching =
            keeps_working(engine, forward.query.clone(), address.number, rows).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "requests of the offline backlog could not be read");
                Vec::new()
            });
        let chosen: Vec<RowId> = chosen(&held, action, |row| matching.contains(&row));
        if chosen.is_empty() {
            continue;
        }
        let number = collect(engine, collecting(&forward.forward, chosen, re_sign)).await?;
        let read = move |connection: &Connection| {
            ReplayRow::numbered(connection, number)?.map(|row| row.counted(connection)).transpose()
        };
        if let Ok(Some(replay)) = engine.store.readers().read(read).await {
            replays.push(replay.id.clone());
            engine.feed.publish([Change::ReplayChanged { replay: Box::new(replay) }]);
        }
    }
    for exposure in engine.tunnels.exposures_of(address.number) {
        crate::tunnel::status::tell_tunnel(engine, exposure.tunnel);
    }
    Ok(BacklogDecision { requests, replays })
}

/// Returns the requests that match the condition of a forward. Omits unverified requests if the inbox is exposed with
/// `verified_only`.
async fn keeps_working(engine: &Engine, query: Query, inbox: i64, rows: Vec<RowId>) -> Result<Vec<RowId>, ReadError> {
    let matching = engine.matching(query, Some(inbox), rows).await?;
    if !engine.tunnels.exposures_of(inbox).iter().any(|row| row.settings.verified_only) {
        return Ok(matching);
    }
    match Query::parse("signature:valid") {
        Ok(proved) => engine.matching(proved, Some(inbox), matching).await,
        Err(_) => Ok(Vec::new()),
    }
}

/// Returns the requests to forward, oldest first.
fn chosen(held: &[BacklogRequest], action: BacklogAction, goes: impl Fn(RowId) -> bool) -> Vec<RowId> {
    let going: Vec<&BacklogRequest> = held.iter().filter(|held| goes(RowId(held.request))).collect();
    let last = |held: &&BacklogRequest| {
        let same = |other: &&&BacklogRequest| other.event_type == held.event_type;
        going.iter().rfind(same).is_none_or(|newest| newest.request == held.request)
    };
    let all = action == BacklogAction::All;
    going.iter().filter(|held| all || last(held)).map(|held| RowId(held.request)).collect()
}

fn collecting(forward: &Forward, rows: Vec<RowId>, re_sign: bool) -> Collecting {
    let settings = ReplaySettings {
        to: Some(ReplayTarget::Url(forward.to.clone())),
        path: forward.path.clone(),
        headers: forward.headers.clone(),
        re_sign: (re_sign || forward.re_sign).then_some(ReSignWith::Inbox),
        timeout_ms: forward.timeout_ms,
        ..ReplaySettings::default()
    };
    let destination = crate::replay::destination(&settings, forward.to.clone(), None);
    Collecting { settings, body: None, destination, wanted: ReplaySelection::These(rows) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwards_the_newest_request_of_each_type() {
        let held = |row, event: &str| BacklogRequest {
            request: row,
            event_type: (!event.is_empty()).then(|| event.to_owned()),
        };
        let all = [held(1, "a"), held(2, "b"), held(3, "a"), held(4, ""), held(5, "a"), held(6, "")];
        let rows = |action, goes: &dyn Fn(RowId) -> bool| {
            chosen(&all, action, goes).iter().map(|row| row.0).collect::<Vec<_>>()
        };
        assert_eq!(rows(BacklogAction::All, &|_| true), [1, 2, 3, 4, 5, 6]);
        assert_eq!(rows(BacklogAction::LatestPerType, &|_| true), [2, 5, 6]);
        assert_eq!(rows(BacklogAction::LatestPerType, &|row| row.0 != 5), [2, 3, 6]);
    }
}
