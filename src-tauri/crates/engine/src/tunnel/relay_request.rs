//! What a relay is to do for an inbox, as far as the inbox itself says.

use hookbench_model::ExposureSettings;
use hookbench_provider::{Catalogue, Provider};
use hookbench_relay::{
    access::digest,
    wire::{Fallback, Wanted, WantedBasic, WantedHandshake},
};

use crate::inbox::Address;

/// How long a sender waits whose vendor says nothing of it, in ms: most give up after ten seconds.
const USUAL_WAIT: u32 = 8_000;

/// What of a vendor's time-out is left for the way to it, in ms.
const SLACK: u32 = 1_500;

/// The longest wait that is chosen by itself, in ms.
const LONGEST_WAIT: u32 = 25_000;

/// What the relay is asked for.
pub(super) fn wanted(address: &Address, settings: &ExposureSettings, catalogue: &Catalogue) -> Wanted {
    let provider = address.verification.provider.as_deref().and_then(|id| catalogue.get(id));
    Wanted {
        fallback: fallback(address),
        wait_ms: settings.wait_ms.unwrap_or_else(|| budget(address, provider)),
        basic: settings.basic.as_ref().map(|basic| WantedBasic { sha256: digest(&basic.name, &basic.password) }),
        allow: settings.allow.clone(),
        handshake: provider.filter(|provider| !provider.handshakes.is_empty()).map(|provider| WantedHandshake {
            provider: provider.id.clone(),
            params: address.verification.params.clone(),
            secrets: if settings.give_secrets { address.verification.secrets.clone() } else { Vec::new() },
        }),
    }
}

/// The inbox's own answer, as far as it is the same for every request.
fn fallback(address: &Address) -> Fallback {
    let own = &address.own;
    if own.template || own.file.is_some() || own.fault.is_some() {
        return Fallback::default();
    }
    Fallback { status: own.status.clamp(200, 599), headers: own.headers.clone(), body: own.body.clone() }
}

/// How long a sender may be kept waiting, in ms; not at all where this machine has no more to say than
/// the relay does.
fn budget(address: &Address, provider: Option<&Provider>) -> u32 {
    let asks = provider.is_some_and(|provider| !provider.handshakes.is_empty());
    if !address.decides && !asks && address.own.delay_ms == 0 {
        return 0;
    }
    let stated = provider.and_then(|provider| provider.sending.as_ref()).map(|sending| &sending.policy.timeout_ms);
    let allowed = stated.map(|timeout| timeout.value().saturating_sub(SLACK));
    allowed.unwrap_or(USUAL_WAIT).clamp(1_000, LONGEST_WAIT)
}

/// The questions of an inbox's vendor that a key has to answer, and so wait for this machine.
pub(super) fn keyed(address: &Address, settings: &ExposureSettings, catalogue: &Catalogue) -> Vec<String> {
    let provider = address.verification.provider.as_deref().and_then(|id| catalogue.get(id));
    let given = settings.give_secrets && address.verification.secrets.iter().any(|secret| !secret.is_empty());
    provider
        .into_iter()
        .flat_map(|provider| &provider.handshakes)
        .filter(|handshake| handshake.secret.is_some() || !given && (handshake.signed || handshake.proof.is_some()))
        .map(|handshake| handshake.name.clone())
        .collect()
}
