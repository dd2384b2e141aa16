//! Handler checks: rules for a webhook handler, each tested with real signed requests and assessed by a rule that somebody
//! wrote down.
//!
//! `list` is the table of checks. A check says what it sends (`case`) and how the responses are assessed (`assess`).
//! [`Checks`] runs them over the connections of the outbox, in order, and stores each result as it comes.
#![forbid(unsafe_code)]

mod assess;
mod case;
mod checks;
mod list;
mod probe_request;
mod report;
mod side_effect_probe;
mod status;
mod subject;

use hookbench_model::{CheckSettings, MASK, SideEffectProbe, masked_url};

pub use checks::{Checks, Stop, to_ask_again};
pub use list::{CHECKS, Check};
pub use report::{compared, html, junit, planned, report};
pub use status::{results, shown};
pub use subject::Subject;

/// Most requests a second in the burst, and how long it lasts, in s.
const BURST_MAX: u32 = 200;
const BURST_S: u32 = 3;

/// Longest wait for an effect, in ms.
const SETTLE_MAX: u32 = 30_000;

/// The first thing wrong with it, in a sentence.
pub fn check(settings: &CheckSettings) -> Result<(), String> {
    for id in settings.only.iter().chain(&settings.skip).chain(&settings.waive) {
        if !CHECKS.iter().any(|check| check.id == id) {
            return Err(format!("There is no check {id:?}; `hookbench check questions` shows them."));
        }
    }
    if !(1..=BURST_MAX).contains(&settings.burst) {
        return Err(format!("The burst has from 1 to {BURST_MAX} requests a second."));
    }
    if settings.settle_ms > SETTLE_MAX {
        return Err(format!("An effect is waited for {SETTLE_MAX} ms at most."));
    }
    if !(100..=120_000).contains(&settings.timeout_ms) {
        return Err("The time-out lies between 100 and 120000 ms.".into());
    }
    let commands = [
        settings.probe.as_ref().and_then(side_effect_probe::as_command),
        settings.break_with.as_ref(),
        settings.mend_with.as_ref(),
    ];
    if commands.into_iter().flatten().any(|command| command.words.is_empty()) {
        return Err("A command is empty.".into());
    }
    if let Some(SideEffectProbe::Url(url)) = &settings.probe {
        hookbench_delivery::parse(url)?;
    }
    if settings.break_with.is_some() != settings.mend_with.is_some() {
        return Err("What breaks the handler needs something that mends it, and the other way round.".into());
    }
    hookbench_delivery::parse(&settings.url).map(drop)
}

/// Commands and paths that it names: only a person at this machine may name those.
pub fn commands(settings: &CheckSettings) -> Vec<String> {
    let own = [&settings.break_with, &settings.mend_with].into_iter().flatten().map(side_effect_probe::shown);
    settings.probe.iter().filter_map(side_effect_probe::command).chain(own).collect()
}

/// Returns whether the settings of a run include a check.
pub fn wants(settings: &CheckSettings, check: &Check) -> bool {
    (settings.only.is_empty() || settings.only.iter().any(|id| id == check.id))
        && !settings.skip.iter().any(|id| id == check.id)
}

/// Without values that are secret.
pub fn masked(settings: &CheckSettings) -> CheckSettings {
    let secret = if settings.secret.is_empty() { String::new() } else { MASK.to_owned() };
    CheckSettings {
        secret,
        old_secret: settings.old_secret.as_ref().map(|_| MASK.to_owned()),
        params: settings.params.keys().map(|name| (name.clone(), MASK.to_owned())).collect(),
        url: masked_url(&settings.url).into_owned(),
        ..settings.clone()
    }
}

#[cfg(test)]
mod tests;
