//! Relay tunnels: enrollment, exposure of inboxes, and updates of their settings at the relay.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use hookbench_model::{Change, ExposureSettings, TunnelConnection};
use hookbench_relay::{
    client::{CallError, Client, enrol, run},
    wire::{DeviceKey, ExposedInbox, Signer},
};
use hookbench_store::{feed::Feed, tunnel::RelaySettings};
use tokio::sync::Notify;

use super::{
    ExposureRow, TunnelSettings,
    deliver::TunnelHandler,
    registry::{ExposureEntry, TunnelEntry, TunnelError},
    relay_request::wanted,
};
use crate::{Engine, inbox::InboxConfig};

/// Minimum interval between two updates of relays. Saving a form changes several settings in a row.
const MIN_INTERVAL: Duration = Duration::from_millis(200);

/// Maximum number of changes that are read from the feed at a time.
const BATCH: usize = 20_000;

/// Maximum length of the name of this computer at a relay, in characters.
const DEVICE_MAX: usize = 64;

/// Settings of an inbox that the relay does not have yet.
struct UnsentSettings {
    tunnel: i64,
    client: Arc<Client>,
    row: ExposureRow,
    wanted: ExposedInbox,
}

impl TunnelEntry {
    /// Returns the client of the relay. Returns `None` if the tunnel is not a relay tunnel.
    fn client(&mut self) -> Result<Option<Arc<Client>>, CallError> {
        let (TunnelSettings::Relay(relay), Some(key)) = (&self.row.settings, &self.row.key) else { return Ok(None) };
        if let Some(client) = &self.client {
            return Ok(Some(client.clone()));
        }
        let signer = Signer { key: DeviceKey::from_secret(key), relay: relay.relay.clone() };
        let client = Arc::new(Client::new(&relay.url, signer)?);
        self.client = Some(client.clone());
        Ok(Some(client))
    }
}

fn relay_of(engine: &Engine, tunnel: i64) -> Result<Option<Arc<Client>>, CallError> {
    engine.tunnels.lock().get_mut(&tunnel).map_or(Ok(None), TunnelEntry::client)
}

/// Connects to the relay of a tunnel.
pub(super) fn run_relay(engine: &Arc<Engine>, tunnel: i64) {
    match relay_of(engine, tunnel) {
        Ok(Some(client)) => {
            let handler = Arc::new(TunnelHandler { engine: Arc::downgrade(engine), tunnel });
            crate::tunnel::registry::spawn_tunnel(engine, tunnel, run(client, handler));
        }
        Ok(None) => {}
        Err(error) => {
            if let Some(known) = engine.tunnels.lock().get_mut(&tunnel) {
                known.state = TunnelConnection::Failed { why: error.to_string() };
            }
        }
    }
}

/// Enrolls this computer at a relay with an enrollment code, and connects.
pub(super) async fn add_relay(
    engine: &Arc<Engine>,
    url: &str,
    code: &str,
    device: Option<String>,
) -> Result<i64, TunnelError> {
    let url = url.trim().trim_end_matches('/').to_owned();
    let device = device.filter(|name| !name.trim().is_empty()).unwrap_or_else(machine_name);
    let device: String = device.trim().chars().take(DEVICE_MAX).collect();
    let _alone = engine.tunnels.alone(&url).await;
    let key = DeviceKey::generate();
    let (_, relay) = enrol(&url, &key, &device, code).await?;
    // An existing tunnel to this URL was removed by the relay, or the relay was reinstalled.
    let known = engine.tunnels.which(|settings| matches!(settings, TunnelSettings::Relay(known) if known.url == url));
    let settings = TunnelSettings::Relay(RelaySettings { url, relay, device });
    let number = crate::tunnel::registry::put_tunnel(engine, known, settings, Some(key.secret())).await?;
    run_relay(engine, number);
    Ok(number)
}

/// Exposes an inbox at the relay.
pub(super) async fn expose_at_relay(
    engine: &Engine,
    tunnel: i64,
    address: &InboxConfig,
    settings: ExposureSettings,
) -> Result<ExposureEntry, TunnelError> {
    let (client, label) = {
        let mut all = engine.tunnels.lock();
        let gone = || TunnelError::Wrong("The tunnel was deleted.".into());
        let known = all.get_mut(&tunnel).ok_or_else(gone)?;
        let own = known.exposures.iter().find(|exposure| exposure.row.inbox == address.number);
        let taken = |label: &str| known.exposures.iter().any(|exposure| exposure.row.label == label);
        let label = match own {
            Some(own) => own.row.label.clone(),
            // The name may still be the label of an inbox that was renamed.
            None if taken(&address.name) => format!("{}-{}", address.name, address.number),
            None => address.name.clone(),
        };
        (known.client()?.ok_or_else(gone)?, label)
    };
    let wanted = wanted(address, &settings, &engine.providers.catalog());
    let shown = client.put_inbox(&label, &wanted).await?;
    let row = ExposureRow { tunnel, inbox: address.number, label, url: shown.url, settings };
    Ok(ExposureEntry { sent: Some(wanted), ..ExposureEntry::new(row) })
}

/// Deletes an address at the relay of a tunnel. Does nothing for other kinds of tunnel.
pub(super) async fn give_up_address(engine: &Engine, tunnel: i64, label: &str) -> Result<(), TunnelError> {
    if let Some(client) = relay_of(engine, tunnel)? {
        client.remove_inbox(label).await?;
    }
    Ok(())
}

/// Deletes all addresses at the relay of a tunnel. With `force`, logs errors and continues. Does nothing for other
/// kinds of tunnel.
pub(super) async fn give_up_addresses(engine: &Engine, tunnel: i64, force: bool) -> Result<(), TunnelError> {
    let Some(client) = relay_of(engine, tunnel)? else { return Ok(()) };
    let exposed: Vec<ExposureRow> = {
        let all = engine.tunnels.lock();
        let exposures = all.get(&tunnel).map(|known| known.exposures.as_slice()).unwrap_or_default();
        exposures.iter().map(|exposure| exposure.row.clone()).collect()
    };
    for row in exposed {
        match client.remove_inbox(&row.label).await {
            Ok(()) => {}
            // The relay removed this computer, and all of its addresses with it.
            Err(CallError::Refused(_)) => break,
            Err(error) if !force => {
                return Err(TunnelError::StaysOpen(format!("{} is still reachable: {error}.", row.url)));
            }
            Err(error) => tracing::warn!(%error, url = row.url, "an address at a relay could not be deleted"),
        }
    }
    Ok(())
}

/// Starts the tasks that send changes of inboxes to relays.
pub(super) fn spawn_telling_relays(engine: &Arc<Engine>) {
    let (weak, nudge) = (Arc::downgrade(engine), engine.tunnels.nudge.clone());
    tokio::spawn(async move {
        loop {
            nudge.notified().await;
            let Some(engine) = weak.upgrade() else { return };
            send_all_settings(&engine).await;
            drop(engine);
            tokio::time::sleep(MIN_INTERVAL).await;
        }
    });
    tokio::spawn(nudge_on_change(Arc::downgrade(engine), engine.feed.clone(), engine.tunnels.nudge.clone()));
}

/// Sends changed settings of inboxes to relays, and removes the exposures of purged inboxes.
async fn send_all_settings(engine: &Arc<Engine>) {
    let catalog = engine.providers.catalog();
    let Ok(inboxes) = engine.store.readers().read(ExposureRow::inboxes).await else { return };
    let (mut unsent, mut gone) = (Vec::new(), Vec::new());
    for known in engine.tunnels.lock().values_mut() {
        if !known.row.settings.is_durable() {
            let purged = known.exposures.iter().filter(|exposure| !inboxes.contains(&exposure.row.inbox));
            gone.extend(purged.map(|exposure| (known.row.number, exposure.row.inbox)));
            continue;
        }
        if !matches!(known.state, TunnelConnection::Online { .. }) {
            continue;
        }
        let Ok(Some(client)) = known.client() else { continue };
        for exposure in &known.exposures {
            let (tunnel, client, row) = (known.row.number, client.clone(), exposure.row.clone());
            if !inboxes.contains(&row.inbox) {
                gone.push((tunnel, row.inbox));
                continue;
            }
            let Some(address) = engine.inboxes.by_number(row.inbox) else { continue };
            let wanted = wanted(&address, &row.settings, &catalog);
            if exposure.sent.as_ref() != Some(&wanted) {
                unsent.push(UnsentSettings { tunnel, client, row, wanted });
            }
        }
    }
    for (tunnel, inbox) in gone {
        if let Err(error) = crate::tunnel::exposure::unexpose(engine, tunnel, inbox).await {
            tracing::warn!(%error, "the address of a deleted inbox could not be deleted; retrying");
        }
    }
    for unsent in unsent {
        send_settings(engine, unsent).await;
    }
}

async fn send_settings(engine: &Arc<Engine>, UnsentSettings { tunnel, client, mut row, wanted }: UnsentSettings) {
    let sent = client.put_inbox(&row.label, &wanted).await;
    let moved = sent.as_ref().ok().filter(|shown| shown.url != row.url);
    if let Some(shown) = moved {
        tracing::warn!(was = row.url, now = shown.url, "the relay changed the address of an inbox");
        row.url.clone_from(&shown.url);
        let kept = row.clone();
        if let Err(error) = engine.store.write(move |connection| kept.put(connection), |()| ()).await {
            tracing::warn!(%error, "the new address could not be stored");
        }
    }
    if let Some(known) = engine.tunnels.lock().get_mut(&tunnel) {
        for exposure in known.exposures.iter_mut().filter(|exposure| exposure.row.inbox == row.inbox) {
            exposure.row.url.clone_from(&row.url);
            match &sent {
                Ok(_) => (exposure.sent, exposure.problem) = (Some(wanted.clone()), None),
                Err(error) => exposure.problem = Some(error.to_string()),
            }
        }
    }
    crate::tunnel::status::tell_tunnel(engine, tunnel);
}

/// Wakes the update task when an inbox changes, because its response at the relay may be outdated.
async fn nudge_on_change(engine: Weak<Engine>, feed: Arc<Feed>, nudge: Arc<Notify>) {
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
        tokio::time::sleep(MIN_INTERVAL).await;
    }
}

/// Returns the name of this computer, which the owner of the relay sees.
fn machine_name() -> String {
    let named = ["HOSTNAME", "COMPUTERNAME"].iter().find_map(|name| std::env::var(name).ok());
    let named = named.or_else(|| std::fs::read_to_string("/etc/hostname").ok());
    named.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).unwrap_or_else(|| "agent".into())
}
