//! Handler checks: rules for a webhook handler. Each check sends real signed requests and assesses the responses by a
//! documented rule.
//!
//! `list` is the table of checks. `case` builds the requests of a check, and `assess` evaluates the responses.
//! [`Checks`] runs the checks in order over connections of the outbox, and stores each result when its check ends.
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

/// Maximum rate of the burst in requests per second, and duration of the burst in seconds.
const BURST_MAX: u32 = 200;
const BURST_S: u32 = 3;

/// Maximum settle time in milliseconds.
const SETTLE_MAX: u32 = 30_000;

/// Validates the settings of a run. Returns the first error as a sentence.
pub fn check(settings: &CheckSettings) -> Result<(), String> {
    for id in settings.only.iter().chain(&settings.skip).chain(&settings.waive) {
        if !CHECKS.iter().any(|check| check.id == id) {
            return Err(format!("No such check: {id:?}. List the checks with `hookbench check rules`."));
        }
    }
    if !(1..=BURST_MAX).contains(&settings.burst) {
        return Err(format!("`burst` must be between 1 and {BURST_MAX} requests per second (got {}).", settings.burst));
    }
    if settings.settle_ms > SETTLE_MAX {
        return Err(format!("`settle_ms` must be at most {SETTLE_MAX} (got {}).", settings.settle_ms));
    }
    if !(100..=120_000).contains(&settings.timeout_ms) {
        return Err(format!("`timeout_ms` must be between 100 and 120000 (got {}).", settings.timeout_ms));
    }
    let commands = [
        settings.probe.as_ref().and_then(side_effect_probe::as_command),
        settings.fail_command.as_ref(),
        settings.restore_command.as_ref(),
    ];
    if commands.into_iter().flatten().any(|command| command.args.is_empty()) {
        return Err("A command must not be empty.".into());
    }
    if let Some(SideEffectProbe::Url(url)) = &settings.probe {
        hookbench_delivery::parse(url)?;
    }
    if settings.fail_command.is_some() != settings.restore_command.is_some() {
        return Err("The fail command and the restore command must be given together.".into());
    }
    hookbench_delivery::parse(&settings.url).map(drop)
}

/// Returns the commands and paths named in the settings. Only a user of this computer may set them.
pub fn commands(settings: &CheckSettings) -> Vec<String> {
    let own = [&settings.fail_command, &settings.restore_command].into_iter().flatten().map(side_effect_probe::shown);
    settings.probe.iter().filter_map(side_effect_probe::command).chain(own).collect()
}

/// Returns true if the settings of a run include the check.
pub fn wants(settings: &CheckSettings, check: &Check) -> bool {
    (settings.only.is_empty() || settings.only.iter().any(|id| id == check.id))
        && !settings.skip.iter().any(|id| id == check.id)
}

/// Returns the settings with secret values masked.
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
