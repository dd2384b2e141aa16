//! Storage of an inbox's forwards, each with a destination in the outbox.

use hookbench_delivery::{Schedule, joined, rest_of};
use hookbench_model::{Change, Forward, Inbox};
use hookbench_store::{
    delivery::skip_waiting,
    endpoint::{EndpointRow, Purpose},
    inbox::InboxRow,
};
use rusqlite::Connection;

use super::FORWARDS_MAX;
use crate::{Engine, inbox::InboxConfig};

/// Changes to the outbox that result from saving forwards.
#[derive(Debug, Default)]
pub struct Destinations {
    /// New and changed destinations.
    set: Vec<EndpointRow>,
    /// Numbers of the deleted destinations.
    gone: Vec<i64>,
    /// Numbers of the deliveries that waited for a deleted destination.
    skipped: Vec<i64>,
}

impl Destinations {
    /// Applies the changes to the schedule. Called after the commit.
    pub fn apply(&self, schedule: &mut Schedule, now_us: i64) {
        for row in &self.set {
            schedule.set_endpoint(row.clone(), now_us);
        }
        for delivery in &self.skipped {
            schedule.forget(*delivery);
        }
        for number in &self.gone {
            schedule.remove_endpoint(*number);
        }
    }
}

/// Replaces the forwards of an inbox. Assigns an id and a destination to new forwards. Returns an inner `Err` with a
/// message if a forward is invalid; the database is then unchanged.
///
/// # Errors
/// Returns an error if the database cannot be read or written.
pub fn saved(
    connection: &Connection,
    inbox: &str,
    was: &[Forward],
    new: Vec<Forward>,
    now_us: i64,
) -> rusqlite::Result<Result<(Vec<Forward>, Destinations), String>> {
    if new.len() > FORWARDS_MAX {
        return Ok(Err(format!("An inbox can have at most {FORWARDS_MAX} forwards.")));
    }
    let mut forwards = Vec::with_capacity(new.len());
    for (place, forward) in new.into_iter().enumerate() {
        let wrong = format!("Forward {} ({})", place + 1, forward.shown_name());
        match crate::forward::keeping_secrets(forward, was)
            .and_then(|forward| crate::forward::check(&forward).map(|_| forward))
        {
            Ok(forward) => forwards.push(forward),
            Err(why) => return Ok(Err(format!("{wrong}: {why}"))),
        }
    }
    let mut destinations = Destinations::default();
    let last = hookbench_store::request::newest(connection, None)?;
    for place in 0..forwards.len() {
        let known = was.iter().any(|old| old.id == forwards[place].id)
            && !forwards[..place].iter().any(|other| other.id == forwards[place].id);
        let settings = crate::forward::destination(&forwards[place]);
        let row = match known {
            true => EndpointRow::destination(connection, &forwards[place].id)?,
            false => None,
        };
        let row = match row {
            Some(row) => {
                let row = EndpointRow { settings, ..row };
                row.update(connection)?;
                forwards[place].since = was.iter().find(|old| old.id == row.id).map_or(last, |old| old.since);
                redirect(connection, row.number, &forwards[place], inbox)?;
                row
            }
            None => {
                let purpose = if forwards[place].ephemeral { Purpose::Ephemeral } else { Purpose::Forward };
                let row = EndpointRow::insert(connection, &settings, purpose, now_us)?;
                forwards[place].id.clone_from(&row.id);
                forwards[place].since = last;
                row
            }
        };
        destinations.set.push(row);
    }
    for old in was.iter().filter(|old| !forwards.iter().any(|forward| forward.id == old.id)) {
        if let Some(row) = EndpointRow::destination(connection, &old.id)? {
            remove(connection, &row, now_us, &mut destinations)?;
        }
    }
    Ok(Ok((forwards, destinations)))
}

/// Updates the URLs of deliveries that have not ended to the current destination of the forward.
fn redirect(connection: &Connection, endpoint: i64, forward: &Forward, inbox: &str) -> rusqlite::Result<()> {
    for (number, was, target) in hookbench_store::delivery::open_requests(connection, endpoint)? {
        // A delivery whose URL is invalid now fails at its next attempt.
        if let Ok(url) = joined(&forward.to, &forward.path, rest_of(&target, inbox))
            && url != was
        {
            hookbench_store::delivery::set_url(connection, number, &url)?;
        }
    }
    Ok(())
}

fn remove(
    connection: &Connection,
    row: &EndpointRow,
    now_us: i64,
    destinations: &mut Destinations,
) -> rusqlite::Result<()> {
    destinations.skipped.extend(skip_waiting(connection, row.number, "The forward was deleted.", now_us)?);
    hookbench_store::endpoint::remove(connection, row.number)?;
    destinations.gone.push(row.number);
    Ok(())
}

/// Deletes the forwards of commands that have ended.
pub(crate) async fn forget_passed_forwards(engine: &Engine) {
    let ended = |id: &str| engine.outbox.schedule().with_id(id).is_none();
    let passed = |address: &InboxConfig| {
        let ephemeral = address.forwards.iter().filter(|bound| bound.forward.ephemeral);
        let gone: Vec<String> = ephemeral.map(|bound| bound.forward.id.clone()).filter(|id| ended(id)).collect();
        (!gone.is_empty()).then_some((address.name.clone(), gone))
    };
    for (name, gone) in engine.inboxes.all().iter().filter_map(passed) {
        let (feed, inboxes) = (engine.feed.clone(), engine.inboxes.clone());
        let work = move |connection: &Connection| {
            let Some(mut row) = InboxRow::named(connection, &name)? else { return Ok(None) };
            row.forwards.retain(|forward| !gone.contains(&forward.id));
            row.update(connection)?;
            Ok::<_, rusqlite::Error>(Some((crate::inbox::address(&row), row.counted(connection)?)))
        };
        let after = move |changed: &Option<(Result<InboxConfig, String>, Inbox)>| {
            if let Some((Ok(address), inbox)) = changed {
                inboxes.put(address.clone());
                feed.publish([Change::InboxChanged { was: inbox.name.clone(), inbox: inbox.clone() }]);
            }
        };
        if let Err(error) = engine.store.write(work, after).await {
            tracing::warn!(%error, "forwards of ended commands could not be deleted");
        }
    }
}
