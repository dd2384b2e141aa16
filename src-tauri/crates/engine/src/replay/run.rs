//! Running replays: creates deliveries ahead of the outbox, and ends a replay after its last delivery.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use bytes::Bytes;
use hookbench_capture::RowId;
use hookbench_delivery::{joined, rest_of};
use hookbench_model::{
    Change, Delivery, DeliveryOrigin, DeliveryState, ReSignWith, Replay, ReplaySettings, ReplayState,
};
use hookbench_store::{
    delivery::{DeliverySource, NewDelivery, SourceRequest},
    endpoint::EndpointRow,
    replay::ReplayRow,
};
use rusqlite::Connection;
use tokio::sync::Notify;

use crate::{Engine, inbox::InboxConfig, outgoing_changes::OutgoingChanges};

/// Maximum number of unfinished deliveries of a replay, and the number that is created at a time.
const PREFETCH: usize = 1_000;
const BATCH_SIZE: usize = 500;

/// Interval between two checks of the running replays.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Number of checks between two progress updates.
const PUBLISH_EVERY: u32 = 3;

/// Settings of a replay, and the body that replaces the body of the request.
#[derive(Debug, Clone)]
struct Plan {
    settings: Arc<ReplaySettings>,
    body: Option<Bytes>,
}

/// State of the running replays.
#[derive(Debug, Default)]
pub(crate) struct Replays {
    wake: Notify,
    plans: Mutex<HashMap<i64, Plan>>,
    /// Numbers of the replays that a command started. `None` outside a command, where all replays run.
    own: Option<Mutex<HashSet<i64>>>,
}

impl Replays {
    /// Creates the state. With `everything`, continues all unfinished replays of the store. Else runs only replays that
    /// are started from now on.
    pub(crate) fn new(everything: bool) -> Self {
        Self { own: (!everything).then(Mutex::default), ..Self::default() }
    }

    /// Records that this run started a replay.
    pub(crate) fn begun(&self, number: i64) {
        if let Some(own) = &self.own {
            own.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
        }
    }

    fn runs(&self, number: i64) -> bool {
        self.own.as_ref().is_none_or(|own| own.lock().unwrap_or_else(PoisonError::into_inner).contains(&number))
    }

    /// Wakes the task that runs replays.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    fn plan(&self, number: i64) -> Option<Plan> {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner).get(&number).cloned()
    }
}

/// Starts the task that runs replays until the engine is dropped.
pub(crate) fn spawn(engine: &Arc<Engine>) {
    let engine: Weak<Engine> = Arc::downgrade(engine);
    tokio::spawn(async move {
        let mut published: HashMap<i64, Replay> = HashMap::new();
        let mut round = 0_u32;
        loop {
            let running = {
                let Some(engine) = engine.upgrade() else { return };
                round = round.wrapping_add(1);
                match run_replays(&engine, &mut published, round.is_multiple_of(PUBLISH_EVERY)).await {
                    Ok(running) => running,
                    Err(error) => {
                        tracing::warn!(error, "replays could not continue; retrying");
                        true
                    }
                }
            };
            let Some(engine) = engine.upgrade() else { return };
            let replays = engine.replays.clone();
            drop(engine);
            match running {
                true => drop(tokio::time::timeout(POLL_INTERVAL, replays.wake.notified()).await),
                false => replays.wake.notified().await,
            }
        }
    });
}

/// Advances every replay that has not ended. Returns true if there is one.
async fn run_replays(engine: &Arc<Engine>, published: &mut HashMap<i64, Replay>, tell: bool) -> Result<bool, String> {
    let read = |connection: &Connection| {
        ReplayRow::running(connection)?
            .into_iter()
            .map(|row| row.open(connection).map(|open| (row, open)))
            .collect::<rusqlite::Result<Vec<_>>>()
    };
    let mut running = engine.store.readers().read(read).await.map_err(|e| e.to_string())?;
    running.retain(|(row, _)| engine.replays.runs(row.number));
    for (row, open) in &running {
        let stopped = engine.outbox.schedule().numbered(row.endpoint).is_some_and(|endpoint| !endpoint.enabled);
        if stopped && *open == 0 {
            let reason = "The replay stopped at its first failure.";
            end_replay(engine, row.number, ReplayState::Stopped, reason).await?;
        } else if !stopped && row.all_fed() && *open == 0 {
            end_replay(engine, row.number, ReplayState::Done, "").await?;
        } else if !stopped && !row.all_fed() && (*open as usize) < PREFETCH {
            feed_replay(engine, row.clone()).await?;
        }
    }
    if tell || running.is_empty() {
        publish_replays(engine, published).await?;
    }
    Ok(!running.is_empty())
}

/// Publishes the replays that changed. Ended replays were published when they ended.
async fn publish_replays(engine: &Engine, published: &mut HashMap<i64, Replay>) -> Result<(), String> {
    let read = |connection: &Connection| {
        let open = hookbench_store::replay::open(connection)?;
        let mut shown = Vec::with_capacity(open.len());
        for number in open {
            if let Some(row) = ReplayRow::numbered(connection, number)? {
                shown.push((number, row.counted(connection)?));
            }
        }
        Ok(shown)
    };
    let open = engine.store.readers().read(read).await.map_err(|e| e.to_string())?;
    let moved = open.iter().filter(|(number, replay)| published.get(number) != Some(replay));
    engine.feed.publish(moved.map(|(_, replay)| Change::ReplayChanged { replay: Box::new(replay.clone()) }));
    *published = open.into_iter().collect();
    Ok(())
}

/// Creates the next deliveries of a replay.
async fn feed_replay(engine: &Arc<Engine>, row: ReplayRow) -> Result<(), String> {
    let number = row.number;
    let Some(endpoint) = engine.outbox.schedule().numbered(row.endpoint) else {
        return end_replay(engine, number, ReplayState::Failed, "The destination of the replay was deleted.").await;
    };
    let (now_us, tail, inboxes) = (engine.clock.now_us(), engine.store.id_tail(), engine.address_by_number());
    let to = endpoint.number;
    let work = move |connection: &Connection| {
        // The replay may have ended since it was read.
        let running = ReplayRow::numbered(connection, row.number)?.is_some_and(|row| row.state == ReplayState::Running);
        if !running {
            return Ok(Vec::new());
        }
        let mut made = Vec::new();
        for request in row.take(connection, BATCH_SIZE)? {
            let (request, refused) = of_request(connection, &row, request, tail, &inboxes)?;
            let (state, reason) = match refused {
                None => (DeliveryState::Waiting, String::new()),
                Some(why) => (DeliveryState::Failed, why),
            };
            let of = DeliverySource::Request(&request);
            let new = NewDelivery {
                of,
                endpoint: &endpoint,
                origin: DeliveryOrigin::Replay,
                state,
                reason,
                now_us,
                due_us: now_us,
            };
            made.push(new.insert(connection)?);
        }
        Ok::<_, rusqlite::Error>(made)
    };
    let (outbox, feed) = (engine.outbox.clone(), engine.feed.clone());
    let after = move |made: &Vec<(i64, Delivery)>| {
        let mut schedule = outbox.schedule();
        for (number, delivery) in made {
            if delivery.state == DeliveryState::Waiting {
                schedule.wait(*number, to, now_us);
            }
        }
        drop(schedule);
        outbox.wake();
        feed.publish(made.iter().map(|(_, delivery)| Change::DeliveryChanged { delivery: delivery.clone() }));
    };
    engine.store.write(work, after).await.map(drop).map_err(|e| e.to_string())
}

/// Ends a replay and cancels its waiting deliveries. Does nothing if the replay has ended already.
///
/// # Errors
/// Returns an error if the database cannot be written.
pub async fn end_replay(engine: &Engine, number: i64, state: ReplayState, reason: &str) -> Result<(), String> {
    let (now_us, reason) = (engine.clock.now_us(), reason.to_owned());
    let work = move |connection: &Connection| {
        if !ReplayRow::end(connection, number, state, &reason, now_us)? {
            return Ok(None);
        }
        let canceled = hookbench_store::replay::cancel_waiting(connection, number, now_us)?;
        let Some(row) = ReplayRow::numbered(connection, number)? else { return Ok(None) };
        Ok::<_, rusqlite::Error>(Some((row.endpoint, canceled, row.counted(connection)?)))
    };
    let (outbox, replays, feed) = (engine.outbox.clone(), engine.replays.clone(), engine.feed.clone());
    let after = move |ended: &Option<(i64, Vec<i64>, Replay)>| {
        let Some((endpoint, canceled, replay)) = ended else { return };
        let mut schedule = outbox.schedule();
        for number in canceled {
            schedule.forget(*number);
        }
        schedule.remove_endpoint(*endpoint);
        drop(schedule);
        // A delivery that starts after this reads the plan from the store.
        replays.plans.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
        replays.wake();
        feed.publish([Change::ReplayChanged { replay: Box::new(replay.clone()) }]);
    };
    engine.store.write(work, after).await.map(drop).map_err(|e| e.to_string())
}

/// Returns the plan of a replay. Caches the plan while the replay runs.
async fn replay_plan(engine: &Engine, number: i64) -> Result<Plan, String> {
    if let Some(plan) = engine.replays.plan(number) {
        return Ok(plan);
    }
    let read = move |connection: &Connection| {
        let row = ReplayRow::numbered(connection, number)?;
        Ok((row, hookbench_store::replay::body(connection, number)?))
    };
    let (row, body) = engine.store.readers().read(read).await.map_err(|e| e.to_string())?;
    let row = row.ok_or("The replay was deleted.")?;
    let plan = Plan { settings: Arc::new(row.settings), body: body.map(Bytes::from) };
    if row.state == ReplayState::Running {
        engine.replays.plans.lock().unwrap_or_else(PoisonError::into_inner).insert(number, plan.clone());
    }
    Ok(plan)
}

/// Returns the changes that a replay makes to a request.
pub(crate) async fn replay_outgoing(
    engine: &Engine,
    number: i64,
    endpoint: &EndpointRow,
    inbox: i64,
) -> Result<OutgoingChanges, String> {
    let plan = replay_plan(engine, number).await?;
    let catalog = engine.providers.catalog();
    let re_sign = match plan.settings.re_sign {
        None => None,
        Some(ReSignWith::Endpoint) => {
            let provider = catalog.get(&endpoint.settings.provider);
            let record = provider.and_then(|provider| provider.scheme(endpoint.settings.scheme.as_deref()));
            let record = record.ok_or("The request cannot be signed: the provider of the endpoint is unknown.")?;
            Some((record.clone(), hookbench_delivery::keys(&endpoint.settings, engine.clock.now_us())))
        }
        Some(ReSignWith::Inbox) => {
            let address = engine.inboxes.by_number(inbox).ok_or("The inbox of the request was deleted.")?;
            let (_, record) = crate::verification::scheme(&address.verification, &catalog)
                .ok_or_else(|| format!("The request cannot be signed: the inbox {} has no provider.", address.name))?;
            Some((record.clone(), crate::verification::keys(&address.verification)))
        }
    };
    let headers = plan.settings.edit.as_ref().and_then(|edit| edit.headers.clone());
    Ok(OutgoingChanges {
        rules: plan.settings.headers.clone(),
        headers,
        body: plan.body,
        transform: None,
        re_sign,
        via: None,
    })
}

/// Row number that means a new request, whose parts are all in the settings of its replay. No stored request has it.
pub(crate) const BLANK: i64 = 0;

/// Returns the outgoing form of a stored request, and the reason if the request cannot be sent.
fn of_request(
    connection: &Connection,
    replay: &ReplayRow,
    request: i64,
    tail: hookbench_capture::IdTail,
    inbox: &dyn Fn(i64) -> Option<InboxConfig>,
) -> rusqlite::Result<(SourceRequest, Option<String>)> {
    let settings = &replay.settings;
    let mut of = SourceRequest {
        row: request,
        id: if request == BLANK { String::new() } else { tail.text(RowId(request)) },
        url: replay.url.clone(),
        re_signed: settings.re_sign.is_some(),
        replay: Some((replay.number, replay.id.clone())),
        ..SourceRequest::default()
    };
    if request == BLANK {
        of.method = settings.edit.as_ref().and_then(|edit| edit.method.clone()).unwrap_or_else(|| "POST".into());
        return Ok((of, None));
    }
    let Some(head) = hookbench_store::request::head(connection, RowId(request))? else {
        return Ok((of, Some("The request is no longer stored.".into())));
    };
    let edit = settings.edit.as_ref();
    of.method = edit.and_then(|edit| edit.method.clone()).unwrap_or(head.method);
    (of.provider, of.event_type) = (head.provider, head.event_type);
    let name = inbox(head.inbox).map(|address| address.name).unwrap_or_default();
    let rest = edit.and_then(|edit| edit.path.as_deref()).unwrap_or_else(|| rest_of(&head.target, &name));
    match joined(&replay.url, &settings.path, rest) {
        Ok(url) => of.url = url,
        Err(why) => return Ok((of, Some(why))),
    }
    let refused = (!head.whole).then(|| "The request body is incomplete.".to_owned());
    Ok((of, refused))
}
