//! Settings of an inbox in the form that is sent to a relay.

use hookbench_model::ExposureSettings;
use hookbench_provider::{Catalog, Provider};
use hookbench_relay::{
    access::digest,
    wire::{BasicCredentials, ExposedInbox, Fallback, InboxHandshake},
};

use crate::inbox::InboxConfig;

/// Wait for the response if the timeout of the provider is unknown, in ms. Most providers time out after ten seconds.
const USUAL_WAIT: u32 = 8_000;

/// Time that is reserved for the network within the provider's timeout, in ms.
const SLACK: u32 = 1_500;

/// Maximum wait that is chosen automatically, in ms.
const LONGEST_WAIT: u32 = 25_000;

/// Returns the settings of an inbox for the relay.
pub(super) fn wanted(address: &InboxConfig, settings: &ExposureSettings, catalog: &Catalog) -> ExposedInbox {
    let provider = address.verification.provider.as_deref().and_then(|id| catalog.get(id));
    ExposedInbox {
        fallback: fallback(address),
        wait_ms: settings.wait_ms.unwrap_or_else(|| budget(address, provider)),
        basic: settings.basic.as_ref().map(|basic| BasicCredentials { sha256: digest(&basic.name, &basic.password) }),
        allow: settings.allow.clone(),
        handshake: provider.filter(|provider| !provider.handshakes.is_empty()).map(|provider| InboxHandshake {
            provider: provider.id.clone(),
            params: address.verification.params.clone(),
            secrets: if settings.give_secrets { address.verification.secrets.clone() } else { Vec::new() },
        }),
    }
}

/// Returns the response that the relay sends without this computer: the default response of the inbox if it is the same
/// for every request, else an empty response.
fn fallback(address: &InboxConfig) -> Fallback {
    let own = &address.own;
    if own.template || own.file.is_some() || own.fault.is_some() {
        return Fallback::default();
    }
    Fallback { status: own.status.clamp(200, 599), headers: own.headers.clone(), body: own.body.clone() }
}

/// Returns the time that the relay keeps a sender waiting, in ms. Returns 0 if this computer would respond in the same
/// way as the relay.
fn budget(address: &InboxConfig, provider: Option<&Provider>) -> u32 {
    let asks = provider.is_some_and(|provider| !provider.handshakes.is_empty());
    if !address.decides && !asks && address.own.delay_ms == 0 {
        return 0;
    }
    let stated = provider.and_then(|provider| provider.sending.as_ref()).map(|sending| &sending.policy.timeout_ms);
    let allowed = stated.map(|timeout| timeout.value().saturating_sub(SLACK));
    allowed.unwrap_or(USUAL_WAIT).clamp(1_000, LONGEST_WAIT)
}

/// Returns the names of the handshakes that require a secret the relay does not have. These wait for this computer.
pub(super) fn keyed(address: &InboxConfig, settings: &ExposureSettings, catalog: &Catalog) -> Vec<String> {
    let provider = address.verification.provider.as_deref().and_then(|id| catalog.get(id));
    let given = settings.give_secrets && address.verification.secrets.iter().any(|secret| !secret.is_empty());
    provider
        .into_iter()
        .flat_map(|provider| &provider.handshakes)
        .filter(|handshake| handshake.secret.is_some() || !given && (handshake.signed || handshake.proof.is_some()))
        .map(|handshake| handshake.name.clone())
        .collect()
}
