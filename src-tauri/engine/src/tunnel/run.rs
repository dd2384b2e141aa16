//! Tunnels that run, how each stands, and what their relays were told of inboxes.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hookline_capture::{ReadError, WriteError};
use hookline_relay::{
    client::{CallError, Client, State, enrol, run},
    wire::{DeviceKey, Signer, Wanted},
};
use rusqlite::Connection;
use tokio::{sync::Notify, task::AbortHandle};

use super::{
    Drop, Exposure, ExposureRow, ExposureSettings, Tunnel, TunnelRow, TunnelState, Waiting,
    deliver::Desk,
    row::TunnelSettings,
    wanted::{keyed, wanted},
};
use crate::{Engine, feed::Change, inbox::Address, time::timestamp};

/// Pause between two looks at what relays are to be told: a form that is saved changes several things.
const GAP: Duration = Duration::from_millis(200);

/// Changes of the feed taken in one go.
const BATCH: usize = 20_000;

/// Longest name of this machine at a relay, in characters.
const DEVICE_MAX: usize = 64;

/// Why a tunnel could not be made or changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TunnelError {
    /// The relay.
    #[error(transparent)]
    Relay(#[from] CallError),
    /// The store cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError<rusqlite::Error>),
    /// What is still reached from outside, and cannot be given up now.
    #[error("{0}")]
    StaysOpen(String),
    /// The store cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// A tunnel in memory.
struct Live {
    row: TunnelRow,
    client: Option<Arc<Client>>,
    task: Option<AbortHandle>,
    state: TunnelState,
    last_drop: Option<Drop>,
    waiting: Waiting,
    exposures: Vec<LiveExposure>,
}

struct LiveExposure {
    row: ExposureRow,
    /// What the relay was told last by this run.
    told: Option<Wanted>,
    problem: Option<String>,
}

/// All tunnels.
#[derive(Default)]
pub(crate) struct Tunnels {
    live: Mutex<HashMap<i64, Live>>,
    /// Whether they are dialled at all: a command is gone before that would be of use.
    dials: AtomicBool,
    nudge: Arc<Notify>,
    /// Held while tunnels are made, started, stopped or removed: one after the other.
    changing: tokio::sync::Mutex<()>,
}

impl Tunnels {
    fn lock(&self) -> MutexGuard<'_, HashMap<i64, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn load(&self, tunnels: Vec<TunnelRow>, exposures: Vec<ExposureRow>) {
        let mut live = self.lock();
        for row in tunnels {
            let exposures = exposures.iter().filter(|exposure| exposure.tunnel == row.number).cloned();
            let exposures = exposures.map(LiveExposure::new).collect();
            live.insert(row.number, Live::new(row, exposures));
        }
    }

    /// How the inbox is exposed that a relay calls so.
    pub(super) fn exposed(&self, tunnel: i64, label: &str) -> Option<ExposureRow> {
        let live = self.lock();
        live.get(&tunnel)?.exposures.iter().map(|exposure| &exposure.row).find(|row| row.label == label).cloned()
    }

    /// How an inbox is exposed, by whatever tunnel.
    pub(crate) fn exposures_of(&self, inbox: i64) -> Vec<ExposureRow> {
        let live = self.lock();
        live.values()
            .flat_map(|live| &live.exposures)
            .map(|one| one.row.clone())
            .filter(|row| row.inbox == inbox)
            .collect()
    }

    /// The number of the tunnel with an id.
    pub(crate) fn with_id(&self, id: &str) -> Option<i64> {
        self.lock().values().find(|live| live.row.id == id).map(|live| live.row.number)
    }

    /// Relays may have to be told something.
    pub(crate) fn nudge(&self) {
        self.nudge.notify_one();
    }

    fn stop_all(&self) {
        for live in self.lock().values_mut() {
            live.stop();
        }
    }
}

impl Live {
    fn new(row: TunnelRow, exposures: Vec<LiveExposure>) -> Self {
        Self {
            row,
            client: None,
            task: None,
            state: TunnelState::Off,
            last_drop: None,
            waiting: Waiting::default(),
            exposures,
        }
    }

    fn stop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
        self.state = TunnelState::Off;
    }

    /// The relay as this machine calls it.
    fn client(&mut self) -> Result<Arc<Client>, CallError> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        let signer = Signer { key: self.row.key.clone(), relay: self.row.settings.relay.clone() };
        let client = Arc::new(Client::new(&self.row.settings.url, signer)?);
        self.client = Some(client.clone());
        Ok(client)
    }
}

impl LiveExposure {
    fn new(row: ExposureRow) -> Self {
        Self { row, told: None, problem: None }
    }
}

/// What the relay does not have as it is set.
struct Untold {
    tunnel: i64,
    client: Arc<Client>,
    row: ExposureRow,
    wanted: Wanted,
}

impl Engine {
    /// Starts the tunnels that are to be up, and keeps relays told of what changes.
    pub(crate) fn spawn_tunnels(self: &Arc<Self>) {
        self.tunnels.dials.store(true, Ordering::Relaxed);
        let wanted: Vec<i64> =
            self.tunnels.lock().values().filter(|live| live.row.wanted).map(|live| live.row.number).collect();
        for tunnel in wanted {
            self.start_tunnel(tunnel);
        }
        let nudge = self.tunnels.nudge.clone();
        let engine = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                nudge.notified().await;
                let Some(engine) = engine.upgrade() else { return };
                engine.tell_relays().await;
                drop(engine);
                tokio::time::sleep(GAP).await;
            }
        });
        tokio::spawn(nudge_on_change(Arc::downgrade(self), self.feed.clone(), self.tunnels.nudge.clone()));
    }

    /// Ends every tunnel's connection.
    pub(crate) fn stop_tunnels(&self) {
        self.tunnels.stop_all();
    }

    fn start_tunnel(self: &Arc<Self>, tunnel: i64) {
        let mut all = self.tunnels.lock();
        let Some(live) = all.get_mut(&tunnel) else { return };
        live.stop();
        if !self.tunnels.dials.load(Ordering::Relaxed) {
            return;
        }
        match live.client() {
            Ok(client) => {
                live.state = TunnelState::Connecting;
                let desk = Arc::new(Desk { engine: Arc::downgrade(self), tunnel });
                live.task = Some(tokio::spawn(run(client, desk)).abort_handle());
            }
            Err(error) => live.state = TunnelState::Over { why: error.to_string() },
        }
    }

    /// Enrols this machine at a relay with a code of its owner, and starts the tunnel.
    pub(crate) async fn add_tunnel(
        self: &Arc<Self>,
        url: String,
        code: String,
        device: Option<String>,
    ) -> Result<Tunnel, TunnelError> {
        let url = url.trim().trim_end_matches('/').to_owned();
        let device = device.filter(|name| !name.trim().is_empty()).unwrap_or_else(machine_name);
        let device: String = device.trim().chars().take(DEVICE_MAX).collect();
        let _changing = self.tunnels.changing.lock().await;
        let key = DeviceKey::generate();
        let (_, relay) = enrol(&url, &key, &device, &code).await?;
        let (settings, now_us) = (TunnelSettings { url, relay, device }, self.clock.now_us());
        let known = self
            .tunnels
            .lock()
            .values()
            .find(|live| live.row.settings.url == settings.url)
            .map(|live| live.row.clone());
        let number = match known {
            // It was shut out, or its relay is another one by now: what it exposes, it exposes again.
            Some(row) => {
                let row = TunnelRow { settings, key, wanted: true, ..row };
                let kept = row.clone();
                self.store.write(move |connection| kept.enrolled_anew(connection), |()| ()).await?;
                let number = row.number;
                if let Some(live) = self.tunnels.lock().get_mut(&number) {
                    live.stop();
                    (live.row, live.client) = (row, None);
                }
                number
            }
            None => {
                let work = move |connection: &Connection| TunnelRow::insert(connection, &settings, &key, now_us);
                let row = self.store.write(work, |_| ()).await?;
                let number = row.number;
                self.tunnels.lock().insert(number, Live::new(row, Vec::new()));
                number
            }
        };
        self.start_tunnel(number);
        self.tell_tunnel(number);
        self.tunnel(number).await?.ok_or_else(|| CallError::Odd("it is gone".into()).into())
    }

    /// Starts or stops a tunnel, and remembers which.
    pub(crate) async fn want_tunnel(self: &Arc<Self>, number: i64, on: bool) -> Result<(), TunnelError> {
        let _changing = self.tunnels.changing.lock().await;
        self.store.write(move |connection| TunnelRow::want(connection, number, on), |()| ()).await?;
        if let Some(live) = self.tunnels.lock().get_mut(&number) {
            live.row.wanted = on;
            live.stop();
        }
        if on {
            self.start_tunnel(number);
        }
        self.tell_tunnel(number);
        Ok(())
    }

    /// Ends a tunnel for good. Its addresses at the relay are given up first, for nobody could do so after;
    /// with `force` it ends though they stay.
    pub(crate) async fn remove_tunnel(self: &Arc<Self>, number: i64, force: bool) -> Result<(), TunnelError> {
        let _changing = self.tunnels.changing.lock().await;
        let (client, exposed) = {
            let mut all = self.tunnels.lock();
            let Some(live) = all.get_mut(&number) else { return Ok(()) };
            let exposed: Vec<ExposureRow> = live.exposures.iter().map(|exposure| exposure.row.clone()).collect();
            (live.client()?, exposed)
        };
        for row in exposed {
            match client.remove_inbox(&row.label).await {
                Ok(()) => {}
                // The relay knows this machine no more, and so none of its addresses.
                Err(CallError::Refused(_)) => break,
                Err(error) if !force => {
                    return Err(TunnelError::StaysOpen(format!("{} stays open: {error}.", row.url)));
                }
                Err(error) => tracing::warn!(%error, url = row.url, "an address stays open at its relay"),
            }
        }
        self.store.write(move |connection| TunnelRow::remove(connection, number), |()| ()).await?;
        if let Some(mut live) = self.tunnels.lock().remove(&number) {
            live.stop();
            self.feed.publish([Change::TunnelRemoved { id: live.row.id.clone() }]);
        }
        Ok(())
    }

    /// Exposes an inbox through a tunnel, or changes how.
    pub(crate) async fn expose(
        self: &Arc<Self>,
        tunnel: i64,
        address: &Address,
        settings: ExposureSettings,
    ) -> Result<(), TunnelError> {
        let (client, label) = {
            let mut all = self.tunnels.lock();
            let Some(live) = all.get_mut(&tunnel) else { return Ok(()) };
            let own = live.exposures.iter().find(|exposure| exposure.row.inbox == address.number);
            let taken = |label: &str| live.exposures.iter().any(|exposure| exposure.row.label == label);
            let label = match own {
                Some(own) => own.row.label.clone(),
                // The name may still be that of an inbox which is called otherwise by now.
                None if taken(&address.name) => format!("{}-{}", address.name, address.number),
                None => address.name.clone(),
            };
            (live.client()?, label)
        };
        let wanted = wanted(address, &settings, &self.providers.catalogue());
        let shown = client.put_inbox(&label, &wanted).await?;
        let row = ExposureRow { tunnel, inbox: address.number, label, url: shown.url, settings };
        let kept = row.clone();
        self.store.write(move |connection| kept.put(connection), |()| ()).await?;
        if let Some(live) = self.tunnels.lock().get_mut(&tunnel) {
            live.exposures.retain(|exposure| exposure.row.inbox != row.inbox);
            live.exposures.push(LiveExposure { told: Some(wanted), ..LiveExposure::new(row) });
        }
        self.tell_tunnel(tunnel);
        Ok(())
    }

    /// Ends an inbox's exposure: its address at the relay is gone, and what waits there with it.
    pub(crate) async fn conceal(self: &Arc<Self>, tunnel: i64, inbox: i64) -> Result<bool, TunnelError> {
        let (client, label) = {
            let mut all = self.tunnels.lock();
            let Some(live) = all.get_mut(&tunnel) else { return Ok(false) };
            let found = live.exposures.iter().find(|exposure| exposure.row.inbox == inbox);
            let Some(label) = found.map(|exposure| exposure.row.label.clone()) else { return Ok(false) };
            (live.client()?, label)
        };
        client.remove_inbox(&label).await?;
        self.store.write(move |connection| ExposureRow::remove(connection, tunnel, inbox), |()| ()).await?;
        if let Some(live) = self.tunnels.lock().get_mut(&tunnel) {
            live.exposures.retain(|exposure| exposure.row.inbox != inbox);
        }
        self.tell_tunnel(tunnel);
        Ok(true)
    }

    /// All tunnels as they stand.
    pub(crate) async fn tunnels(&self) -> Result<Vec<Tunnel>, ReadError> {
        let mut numbers: Vec<i64> = self.tunnels.lock().keys().copied().collect();
        numbers.sort_unstable();
        let mut tunnels = Vec::new();
        for number in numbers {
            tunnels.extend(self.tunnel(number).await?);
        }
        Ok(tunnels)
    }

    /// One tunnel as it stands.
    pub(crate) async fn tunnel(&self, number: i64) -> Result<Option<Tunnel>, ReadError> {
        let away = self.away_counts(number).await?;
        let catalogue = self.providers.catalogue();
        let all = self.tunnels.lock();
        let Some(live) = all.get(&number) else { return Ok(None) };
        let exposures = live.exposures.iter().filter_map(|LiveExposure { row, problem, .. }| {
            let address = self.addresses.by_number(row.inbox)?;
            Some(Exposure {
                inbox: address.name.clone(),
                url: row.url.clone(),
                waiting: live.waiting.get(&row.label).copied().unwrap_or_default(),
                away: away.get(&row.inbox).copied().unwrap_or_default(),
                problem: problem.clone(),
                keyed: keyed(&address, &row.settings, &catalogue),
                settings: row.settings.masked(),
            })
        });
        let mut exposures: Vec<Exposure> = exposures.collect();
        exposures.sort_by(|a, b| a.inbox.cmp(&b.inbox));
        Ok(Some(Tunnel {
            id: live.row.id.clone(),
            relay: live.row.settings.url.clone(),
            device: live.row.settings.device.clone(),
            durable: true,
            on: live.row.wanted,
            state: live.state.clone(),
            last_drop: live.last_drop.clone(),
            exposures,
            created_at: timestamp(live.row.created_us),
        }))
    }

    /// Lets everybody hear how a tunnel stands now.
    pub(super) fn tell_tunnel(self: &Arc<Self>, number: i64) {
        let engine = self.clone();
        tokio::spawn(async move {
            if let Ok(Some(tunnel)) = engine.tunnel(number).await {
                engine.feed.publish([Change::TunnelChanged { tunnel: Box::new(tunnel) }]);
            }
        });
    }

    /// Takes in how a tunnel stands.
    pub(super) fn tunnel_stands(self: &Arc<Self>, number: i64, state: State) {
        let now_us = self.clock.now_us();
        {
            let mut all = self.tunnels.lock();
            let Some(live) = all.get_mut(&number) else { return };
            if live.task.is_none() {
                return;
            }
            let dropped = |why: &str| Some(Drop { at: timestamp(now_us), why: why.to_owned() });
            let was_online = matches!(live.state, TunnelState::Online { .. });
            live.state = match state {
                State::Connecting => TunnelState::Connecting,
                State::Online { round_trip_us, waiting } => {
                    live.waiting = waiting;
                    let since = match &live.state {
                        TunnelState::Online { since, .. } => *since,
                        _ => timestamp(now_us),
                    };
                    let round_trip_ms = (round_trip_us > 0).then(|| round_trip_us as f64 / 1_000.0);
                    TunnelState::Online { since, round_trip_ms }
                }
                State::Waiting { why, pause } => {
                    if was_online || live.last_drop.is_none() {
                        live.last_drop = dropped(&why);
                    }
                    TunnelState::Waiting { why, again_at: timestamp(now_us + pause.as_micros() as i64) }
                }
                State::Over { why } => {
                    live.last_drop = dropped(&why);
                    TunnelState::Over { why }
                }
            };
            if !was_online && matches!(live.state, TunnelState::Online { .. }) {
                // What was changed while it was down, the relay does not know yet; one that was restored from
                // a backup may know even less.
                live.exposures.iter_mut().for_each(|exposure| exposure.told = None);
                self.tunnels.nudge();
            }
        }
        self.tell_tunnel(number);
    }

    /// Tells relays what has changed of the inboxes they stand in for, and of those that are gone for good.
    async fn tell_relays(self: &Arc<Self>) {
        let catalogue = self.providers.catalogue();
        let Ok(inboxes) = self.store.readers().read(ExposureRow::inboxes).await else { return };
        let (mut untold, mut gone) = (Vec::new(), Vec::new());
        for live in self.tunnels.lock().values_mut() {
            if !matches!(live.state, TunnelState::Online { .. }) {
                continue;
            }
            let Ok(client) = live.client() else { continue };
            for exposure in &live.exposures {
                let (tunnel, client, row) = (live.row.number, client.clone(), exposure.row.clone());
                if !inboxes.contains(&row.inbox) {
                    gone.push((tunnel, row.inbox));
                    continue;
                }
                let Some(address) = self.addresses.by_number(row.inbox) else { continue };
                let wanted = wanted(&address, &row.settings, &catalogue);
                if exposure.told.as_ref() != Some(&wanted) {
                    untold.push(Untold { tunnel, client, row, wanted });
                }
            }
        }
        for (tunnel, inbox) in gone {
            if let Err(error) = self.conceal(tunnel, inbox).await {
                tracing::warn!(%error, "the address of an inbox that is gone could not be given up; it is tried again");
            }
        }
        for untold in untold {
            self.tell_relay(untold).await;
        }
    }

    async fn tell_relay(self: &Arc<Self>, Untold { tunnel, client, mut row, wanted }: Untold) {
        let told = client.put_inbox(&row.label, &wanted).await;
        let moved = told.as_ref().ok().filter(|shown| shown.url != row.url);
        if let Some(shown) = moved {
            tracing::warn!(was = row.url, now = shown.url, "the relay has given an inbox another address");
            row.url.clone_from(&shown.url);
            let kept = row.clone();
            if let Err(error) = self.store.write(move |connection| kept.put(connection), |()| ()).await {
                tracing::warn!(%error, "the new address could not be written down");
            }
        }
        if let Some(live) = self.tunnels.lock().get_mut(&tunnel) {
            for exposure in live.exposures.iter_mut().filter(|exposure| exposure.row.inbox == row.inbox) {
                exposure.row.url.clone_from(&row.url);
                match &told {
                    Ok(_) => (exposure.told, exposure.problem) = (Some(wanted.clone()), None),
                    Err(error) => exposure.problem = Some(error.to_string()),
                }
            }
        }
        self.tell_tunnel(tunnel);
    }
}

/// An inbox that changed may answer otherwise than its relays know.
async fn nudge_on_change(engine: Weak<Engine>, feed: Arc<crate::feed::Feed>, nudge: Arc<Notify>) {
    let Ok(mut changes) = feed.subscribe(None) else { return };
    loop {
        match changes.next(BATCH).await {
            Ok(items) => {
                if items.iter().any(|item| matches!(item.change, Change::InboxChanged { .. })) {
                    nudge.notify_one();
                }
            }
            Err(_) => match feed.subscribe(None) {
                Ok(anew) => {
                    changes = anew;
                    nudge.notify_one();
                }
                Err(_) => return,
            },
        }
        if engine.strong_count() == 0 {
            return;
        }
        tokio::time::sleep(GAP).await;
    }
}

/// What this machine is called, for its relay's owner to know it by.
fn machine_name() -> String {
    let named = ["HOSTNAME", "COMPUTERNAME"].iter().find_map(|name| std::env::var(name).ok());
    let named = named.or_else(|| std::fs::read_to_string("/etc/hostname").ok());
    named.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).unwrap_or_else(|| "laptop".into())
}
