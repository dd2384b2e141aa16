//! A tunnel to a relay: being let in, exposing inboxes there, and keeping it told of them.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use hookbench_model::{Change, ExposureSettings, TunnelConnection};
use hookbench_relay::{
    client::{CallError, Client, enrol, run},
    wire::{DeviceKey, Signer, Wanted},
};
use hookbench_store::{feed::Feed, tunnel::RelaySettings};
use tokio::sync::Notify;

use super::{
    ExposureRow, TunnelSettings,
    deliver::Desk,
    registry::{Exposed, Known, TunnelError},
    relay_request::wanted,
};
use crate::{Engine, inbox::Address};

/// Pause between two looks at what relays are to be told: a form that is saved changes several things.
const GAP: Duration = Duration::from_millis(200);

/// Changes of the feed taken in one go.
const BATCH: usize = 20_000;

/// Longest name of this machine at a relay, in characters.
const DEVICE_MAX: usize = 64;

/// What the relay does not have as it is set.
struct Untold {
    tunnel: i64,
    client: Arc<Client>,
    row: ExposureRow,
    wanted: Wanted,
}

impl Known {
    /// The relay as this machine calls it; none where there is no relay.
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
    engine.tunnels.lock().get_mut(&tunnel).map_or(Ok(None), Known::client)
}

/// Attaches to a tunnel's relay.
pub(super) fn run_relay(engine: &Arc<Engine>, tunnel: i64) {
    match relay_of(engine, tunnel) {
        Ok(Some(client)) => {
            let desk = Arc::new(Desk { engine: Arc::downgrade(engine), tunnel });
            crate::tunnel::registry::spawn_tunnel(engine, tunnel, run(client, desk));
        }
        Ok(None) => {}
        Err(error) => {
            if let Some(known) = engine.tunnels.lock().get_mut(&tunnel) {
                known.state = TunnelConnection::Failed { why: error.to_string() };
            }
        }
    }
}

/// Enrols this machine at a relay with a code of its owner, and attaches.
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
    // It was shut out, or its relay is another one by now.
    let known = engine.tunnels.which(|settings| matches!(settings, TunnelSettings::Relay(known) if known.url == url));
    let settings = TunnelSettings::Relay(RelaySettings { url, relay, device });
    let number = crate::tunnel::registry::put_tunnel(engine, known, settings, Some(key.secret())).await?;
    run_relay(engine, number);
    Ok(number)
}

/// Has the relay give an inbox an address.
pub(super) async fn expose_at_relay(
    engine: &Engine,
    tunnel: i64,
    address: &Address,
    settings: ExposureSettings,
) -> Result<Exposed, TunnelError> {
    let (client, label) = {
        let mut all = engine.tunnels.lock();
        let gone = || TunnelError::Wrong("The tunnel is gone.".into());
        let known = all.get_mut(&tunnel).ok_or_else(gone)?;
        let own = known.exposures.iter().find(|exposure| exposure.row.inbox == address.number);
        let taken = |label: &str| known.exposures.iter().any(|exposure| exposure.row.label == label);
        let label = match own {
            Some(own) => own.row.label.clone(),
            // The name may still be that of an inbox which is called otherwise by now.
            None if taken(&address.name) => format!("{}-{}", address.name, address.number),
            None => address.name.clone(),
        };
        (known.client()?.ok_or_else(gone)?, label)
    };
    let wanted = wanted(address, &settings, &engine.providers.catalogue());
    let shown = client.put_inbox(&label, &wanted).await?;
    let row = ExposureRow { tunnel, inbox: address.number, label, url: shown.url, settings };
    Ok(Exposed { told: Some(wanted), ..Exposed::new(row) })
}

/// Ends an address at a tunnel's relay, if it has one.
pub(super) async fn give_up_address(engine: &Engine, tunnel: i64, label: &str) -> Result<(), TunnelError> {
    if let Some(client) = relay_of(engine, tunnel)? {
        client.remove_inbox(label).await?;
    }
    Ok(())
}

/// Ends all addresses at a tunnel's relay, if it has one; with `force` as far as it can be reached.
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
            // The relay knows this machine no more, and so none of its addresses.
            Err(CallError::Refused(_)) => break,
            Err(error) if !force => {
                return Err(TunnelError::StaysOpen(format!("{} stays open: {error}.", row.url)));
            }
            Err(error) => tracing::warn!(%error, url = row.url, "an address stays open at its relay"),
        }
    }
    Ok(())
}

/// Keeps relays told of what changes.
pub(super) fn spawn_telling_relays(engine: &Arc<Engine>) {
    let (weak, nudge) = (Arc::downgrade(engine), engine.tunnels.nudge.clone());
    tokio::spawn(async move {
        loop {
            nudge.notified().await;
            let Some(engine) = weak.upgrade() else { return };
            tell_relays(&engine).await;
            drop(engine);
            tokio::time::sleep(GAP).await;
        }
    });
    tokio::spawn(nudge_on_change(Arc::downgrade(engine), engine.feed.clone(), engine.tunnels.nudge.clone()));
}

/// Tells relays what has changed of the inboxes they stand in for, and of those that are gone for good.
async fn tell_relays(engine: &Arc<Engine>) {
    let catalogue = engine.providers.catalogue();
    let Ok(inboxes) = engine.store.readers().read(ExposureRow::inboxes).await else { return };
    let (mut untold, mut gone) = (Vec::new(), Vec::new());
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
            let Some(address) = engine.addresses.by_number(row.inbox) else { continue };
            let wanted = wanted(&address, &row.settings, &catalogue);
            if exposure.told.as_ref() != Some(&wanted) {
                untold.push(Untold { tunnel, client, row, wanted });
            }
        }
    }
    for (tunnel, inbox) in gone {
        if let Err(error) = crate::tunnel::exposure::conceal(engine, tunnel, inbox).await {
            tracing::warn!(%error, "the address of an inbox that is gone could not be given up; it is tried again");
        }
    }
    for untold in untold {
        tell_relay(engine, untold).await;
    }
}

async fn tell_relay(engine: &Arc<Engine>, Untold { tunnel, client, mut row, wanted }: Untold) {
    let told = client.put_inbox(&row.label, &wanted).await;
    let moved = told.as_ref().ok().filter(|shown| shown.url != row.url);
    if let Some(shown) = moved {
        tracing::warn!(was = row.url, now = shown.url, "the relay has given an inbox another address");
        row.url.clone_from(&shown.url);
        let kept = row.clone();
        if let Err(error) = engine.store.write(move |connection| kept.put(connection), |()| ()).await {
            tracing::warn!(%error, "the new address could not be written down");
        }
    }
    if let Some(known) = engine.tunnels.lock().get_mut(&tunnel) {
        for exposure in known.exposures.iter_mut().filter(|exposure| exposure.row.inbox == row.inbox) {
            exposure.row.url.clone_from(&row.url);
            match &told {
                Ok(_) => (exposure.told, exposure.problem) = (Some(wanted.clone()), None),
                Err(error) => exposure.problem = Some(error.to_string()),
            }
        }
    }
    crate::tunnel::status::tell_tunnel(engine, tunnel);
}

/// An inbox that changed may answer otherwise than its relays know.
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
        tokio::time::sleep(GAP).await;
    }
}

/// What this machine is called, for its relay's owner to know it by.
fn machine_name() -> String {
    let named = ["HOSTNAME", "COMPUTERNAME"].iter().find_map(|name| std::env::var(name).ok());
    let named = named.or_else(|| std::fs::read_to_string("/etc/hostname").ok());
    named.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).unwrap_or_else(|| "laptop".into())
}
