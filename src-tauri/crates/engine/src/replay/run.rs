//! Running replays: deliveries are made a few hundred ahead of the outbox, and each replay is ended
//! when its last one is.

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

use crate::{Engine, inbox::Address, outgoing_changes::OutgoingChanges};

/// Deliveries that wait for their turn, at most, and how many are made at a time.
const AHEAD: usize = 1_000;
const SLICE: usize = 500;

/// How often a running replay is looked after.
const LOOK: Duration = Duration::from_millis(100);

/// How often progress is told, in looks.
const TOLD: u32 = 3;

/// How a replay changes what it sends, and its settings.
#[derive(Debug, Clone)]
struct Plan {
    settings: Arc<ReplaySettings>,
    body: Option<Bytes>,
}

/// The replays that run.
#[derive(Debug, Default)]
pub(crate) struct Replays {
    wake: Notify,
    plans: Mutex<HashMap<i64, Plan>>,
    /// Those this run began, where it goes on with no other: a command sends only what it was told to.
    own: Option<Mutex<HashSet<i64>>>,
}

impl Replays {
    /// Those of a store: all that have not ended, or only those begun from now on.
    pub(crate) fn new(everything: bool) -> Self {
        Self { own: (!everything).then(Mutex::default), ..Self::default() }
    }

    /// A replay was begun by this run.
    pub(crate) fn begun(&self, number: i64) {
        if let Some(own) = &self.own {
            own.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
        }
    }

    fn runs(&self, number: i64) -> bool {
        self.own.as_ref().is_none_or(|own| own.lock().unwrap_or_else(PoisonError::into_inner).contains(&number))
    }

    /// Something changed: look again.
    pub(crate) fn poke(&self) {
        self.wake.notify_one();
    }

    fn plan(&self, number: i64) -> Option<Plan> {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner).get(&number).cloned()
    }
}

/// Looks after the replays as long as the engine lives.
pub(crate) fn spawn(engine: &Arc<Engine>) {
    let engine: Weak<Engine> = Arc::downgrade(engine);
    tokio::spawn(async move {
        let mut told: HashMap<i64, Replay> = HashMap::new();
        let mut look = 0_u32;
        loop {
            let running = {
                let Some(engine) = engine.upgrade() else { return };
                look = look.wrapping_add(1);
                match run_replays(&engine, &mut told, look.is_multiple_of(TOLD)).await {
                    Ok(running) => running,
                    Err(error) => {
                        tracing::warn!(error, "replays could not go on; it is tried again");
                        true
                    }
                }
            };
            let Some(engine) = engine.upgrade() else { return };
            let replays = engine.replays.clone();
            drop(engine);
            match running {
                true => drop(tokio::time::timeout(LOOK, replays.wake.notified()).await),
                false => replays.wake.notified().await,
            }
        }
    });
}

/// One look at every replay that has not ended; whether there is one.
async fn run_replays(engine: &Arc<Engine>, told: &mut HashMap<i64, Replay>, tell: bool) -> Result<bool, String> {
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
            let reason = "It stopped at its first failure.";
            end_replay(engine, row.number, ReplayState::Stopped, reason).await?;
        } else if !stopped && row.all_fed() && *open == 0 {
            end_replay(engine, row.number, ReplayState::Done, "").await?;
        } else if !stopped && !row.all_fed() && (*open as usize) < AHEAD {
            feed_replay(engine, row.clone()).await?;
        }
    }
    if tell || running.is_empty() {
        tell_replays(engine, told).await?;
    }
    Ok(!running.is_empty())
}

/// Tells of the replays that have moved on; one that has ended was told of as it did.
async fn tell_replays(engine: &Engine, told: &mut HashMap<i64, Replay>) -> Result<(), String> {
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
    let moved = open.iter().filter(|(number, replay)| told.get(number) != Some(replay));
    engine.feed.publish(moved.map(|(_, replay)| Change::ReplayChanged { replay: Box::new(replay.clone()) }));
    *told = open.into_iter().collect();
    Ok(())
}

/// Makes the next deliveries of a replay.
async fn feed_replay(engine: &Arc<Engine>, row: ReplayRow) -> Result<(), String> {
    let number = row.number;
    let Some(endpoint) = engine.outbox.schedule().numbered(row.endpoint) else {
        return end_replay(engine, number, ReplayState::Failed, "Its destination is gone.").await;
    };
    let (now_us, tail, addresses) = (engine.clock.now_us(), engine.store.id_tail(), engine.address_by_number());
    let to = endpoint.number;
    let work = move |connection: &Connection| {
        // Somebody may have ended it since it was read.
        let running = ReplayRow::numbered(connection, row.number)?.is_some_and(|row| row.state == ReplayState::Running);
        if !running {
            return Ok(Vec::new());
        }
        let mut made = Vec::new();
        for request in row.take(connection, SLICE)? {
            let (request, refused) = of_request(connection, &row, request, tail, &addresses)?;
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

/// Ends a replay, and what of it waits.
pub async fn end_replay(engine: &Engine, number: i64, state: ReplayState, reason: &str) -> Result<(), String> {
    let (now_us, reason) = (engine.clock.now_us(), reason.to_owned());
    let work = move |connection: &Connection| {
        if !ReplayRow::end(connection, number, state, &reason, now_us)? {
            return Ok(None);
        }
        let cancelled = hookbench_store::replay::cancel_waiting(connection, number, now_us)?;
        let Some(row) = ReplayRow::numbered(connection, number)? else { return Ok(None) };
        Ok::<_, rusqlite::Error>(Some((row.endpoint, cancelled, row.counted(connection)?)))
    };
    let (outbox, replays, feed) = (engine.outbox.clone(), engine.replays.clone(), engine.feed.clone());
    let after = move |ended: &Option<(i64, Vec<i64>, Replay)>| {
        let Some((endpoint, cancelled, replay)) = ended else { return };
        let mut schedule = outbox.schedule();
        for number in cancelled {
            schedule.forget(*number);
        }
        schedule.remove_endpoint(*endpoint);
        drop(schedule);
        // What is begun this moment reads how it is sent from the store.
        replays.plans.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
        replays.poke();
        feed.publish([Change::ReplayChanged { replay: Box::new(replay.clone()) }]);
    };
    engine.store.write(work, after).await.map(drop).map_err(|e| e.to_string())
}

/// How a replay changes what it sends, read once as long as it runs.
async fn replay_plan(engine: &Engine, number: i64) -> Result<Plan, String> {
    if let Some(plan) = engine.replays.plan(number) {
        return Ok(plan);
    }
    let read = move |connection: &Connection| {
        let row = ReplayRow::numbered(connection, number)?;
        Ok((row, hookbench_store::replay::body(connection, number)?))
    };
    let (row, body) = engine.store.readers().read(read).await.map_err(|e| e.to_string())?;
    let row = row.ok_or("The replay is no longer known.")?;
    let plan = Plan { settings: Arc::new(row.settings), body: body.map(Bytes::from) };
    if row.state == ReplayState::Running {
        engine.replays.plans.lock().unwrap_or_else(PoisonError::into_inner).insert(number, plan.clone());
    }
    Ok(plan)
}

/// How a request goes on by a replay.
pub(crate) async fn replay_onward(
    engine: &Engine,
    number: i64,
    endpoint: &EndpointRow,
    inbox: i64,
) -> Result<OutgoingChanges, String> {
    let plan = replay_plan(engine, number).await?;
    let catalogue = engine.providers.catalogue();
    let resign = match plan.settings.resign {
        None => None,
        Some(ReSignWith::Endpoint) => {
            let provider = catalogue.get(&endpoint.settings.provider);
            let record = provider.and_then(|provider| provider.scheme(endpoint.settings.scheme.as_deref()));
            let record = record.ok_or("It cannot be signed: its endpoint's vendor is not known.")?;
            Some((record.clone(), hookbench_delivery::keys(&endpoint.settings, engine.clock.now_us())))
        }
        Some(ReSignWith::Inbox) => {
            let address = engine.addresses.by_number(inbox).ok_or("Its inbox is gone.")?;
            let (_, record) = crate::verification::scheme(&address.verification, &catalogue)
                .ok_or_else(|| format!("It cannot be signed: the inbox {} has no provider.", address.name))?;
            Some((record.clone(), crate::verification::keys(&address.verification)))
        }
    };
    let headers = plan.settings.edit.as_ref().and_then(|edit| edit.headers.clone());
    Ok(OutgoingChanges { rules: plan.settings.headers.clone(), headers, body: plan.body, resign, via: None })
}

/// A stored request as a replay sends it, and why it does not, if so.
fn of_request(
    connection: &Connection,
    replay: &ReplayRow,
    request: i64,
    tail: hookbench_capture::IdTail,
    inbox: &dyn Fn(i64) -> Option<Address>,
) -> rusqlite::Result<(SourceRequest, Option<String>)> {
    let settings = &replay.settings;
    let mut of = SourceRequest {
        row: request,
        id: tail.text(RowId(request)),
        url: replay.url.clone(),
        resigned: settings.resign.is_some(),
        replay: Some((replay.number, replay.id.clone())),
        ..SourceRequest::default()
    };
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
    let refused = (!head.whole).then(|| "The request did not arrive whole.".to_owned());
    Ok((of, refused))
}
