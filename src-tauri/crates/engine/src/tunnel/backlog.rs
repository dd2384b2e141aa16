//! What arrived while this machine was away, and what a person says is to be done about it.

use std::sync::Arc;

use hookbench_capture::{ReadError, RowId, WriteError};
use hookbench_model::{BacklogAction, BacklogDecision, Change, Forward, ReSignWith, ReplaySettings, ReplayTarget};
use hookbench_query::Query;
use hookbench_store::{replay::ReplayRow, tunnel::BacklogRequest};
use rusqlite::Connection;

use crate::{
    Engine,
    inbox::Address,
    replay::{Collecting, Wanted, collect},
};

/// Most requests that one decision is about; the rest is asked about again.
const DECIDED_MAX: u32 = 50_000;

/// Does what a person says about an inbox's requests that arrived while this machine was away. With
/// `resign` they get a new signature where the inbox can make one, for the old one may be too old for
/// the app.
pub async fn decide_away(
    engine: &Arc<Engine>,
    address: &Address,
    triage: BacklogAction,
    resign: bool,
) -> Result<BacklogDecision, WriteError<rusqlite::Error>> {
    let (inbox, hidden) = (address.number, engine.hidden.condition());
    // Taken in one commit: two decisions at once are about different requests.
    let work =
        move |connection: &Connection| hookbench_store::tunnel::take_backlog(connection, inbox, DECIDED_MAX, &hidden);
    let held = engine.store.write(work, |_| ()).await?;
    let requests = held.len() as u64;
    let mut replays = Vec::new();
    // Where there is no secret there is nothing to sign with.
    let verification = &address.verification;
    let resign = resign && verification.provider.is_some() && verification.secrets.iter().any(|one| !one.is_empty());
    for forward in address.forwards.iter().filter(|bound| bound.forward.enabled && triage != BacklogAction::Hold) {
        let rows: Vec<RowId> = held.iter().map(|held| RowId(held.request)).collect();
        let matching = goes_on(engine, forward.query.clone(), address.number, rows).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "requests that arrived while away could not be looked at");
            Vec::new()
        });
        let chosen: Vec<RowId> = chosen(&held, triage, |row| matching.contains(&row));
        if chosen.is_empty() {
            continue;
        }
        let number = collect(engine, collecting(&forward.forward, chosen, resign)).await?;
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

/// Those of some requests that a forward's condition lets through, and how their inbox is exposed.
async fn goes_on(engine: &Engine, query: Query, inbox: i64, rows: Vec<RowId>) -> Result<Vec<RowId>, ReadError> {
    let matching = engine.matching(query, Some(inbox), rows).await?;
    if !engine.tunnels.exposures_of(inbox).iter().any(|row| row.settings.verified_only) {
        return Ok(matching);
    }
    match Query::parse("verdict:valid") {
        Ok(proved) => engine.matching(proved, Some(inbox), matching).await,
        Err(_) => Ok(Vec::new()),
    }
}

/// Which of them go on, oldest first.
fn chosen(held: &[BacklogRequest], triage: BacklogAction, goes: impl Fn(RowId) -> bool) -> Vec<RowId> {
    let going: Vec<&BacklogRequest> = held.iter().filter(|held| goes(RowId(held.request))).collect();
    let last = |held: &&BacklogRequest| {
        let same = |other: &&&BacklogRequest| other.event_type == held.event_type;
        going.iter().rfind(same).is_none_or(|newest| newest.request == held.request)
    };
    let all = triage == BacklogAction::All;
    going.iter().filter(|held| all || last(held)).map(|held| RowId(held.request)).collect()
}

fn collecting(forward: &Forward, rows: Vec<RowId>, resign: bool) -> Collecting {
    let settings = ReplaySettings {
        to: Some(ReplayTarget::Url(forward.to.clone())),
        path: forward.path.clone(),
        headers: forward.headers.clone(),
        resign: (resign || forward.resign).then_some(ReSignWith::Inbox),
        timeout_ms: forward.timeout_ms,
        ..ReplaySettings::default()
    };
    let destination = crate::replay::destination(&settings, forward.to.clone(), None);
    Collecting { settings, body: None, destination, wanted: Wanted::These(rows) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_each_type_goes_on() {
        let held = |row, event: &str| BacklogRequest {
            request: row,
            event_type: (!event.is_empty()).then(|| event.to_owned()),
        };
        let all = [held(1, "a"), held(2, "b"), held(3, "a"), held(4, ""), held(5, "a"), held(6, "")];
        let rows = |triage, goes: &dyn Fn(RowId) -> bool| {
            chosen(&all, triage, goes).iter().map(|row| row.0).collect::<Vec<_>>()
        };
        assert_eq!(rows(BacklogAction::All, &|_| true), [1, 2, 3, 4, 5, 6]);
        assert_eq!(rows(BacklogAction::NewestPerType, &|_| true), [2, 5, 6]);
        assert_eq!(rows(BacklogAction::NewestPerType, &|row| row.0 != 5), [2, 3, 6]);
    }
}
