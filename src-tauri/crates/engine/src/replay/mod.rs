//! Replays: stored requests sent again, one or a million, to one destination.
//!
//! What is to be sent stands in the store as a list; `run` makes deliveries of it a few hundred ahead
//! of the outbox, so that memory stays flat and a restart goes on where the list is.

pub mod collect;
mod report;
pub mod run;

use hookbench_delivery::{RATE_MIN, check_headers, parse};
use hookbench_model::{
    AutoDisable, EndpointSettings, MASK, PolicyOverrides, ReplayEdit, ReplaySettings, ReplayTarget, RetryOn,
    RetrySchedule,
};
use hookbench_store::endpoint::EndpointRow;

pub use collect::{Collecting, Wanted, collect};
pub use report::html;
pub(crate) use run::{Replays, spawn};

/// How often one request can be delivered by one replay: twice shows whether a receiver is idempotent.
const TIMES_MAX: u32 = 10;

/// Most requests under way at a time.
const CONCURRENCY_MAX: u32 = 256;

/// Longest wait for an answer, in ms.
const TIMEOUT_MAX: u32 = 10 * 60 * 1_000;

fn check_edit(edit: &ReplayEdit) -> Result<(), String> {
    if let Some(method) = &edit.method {
        method.parse::<http::Method>().map_err(|_| format!("{method:?} is no HTTP method."))?;
    }
    if let Some(path) = edit.path.as_deref().filter(|path| !path.is_empty()) {
        let odd = path.bytes().any(|byte| byte <= b' ' || byte == 0x7f || byte == b'#');
        if !path.starts_with(['/', '?']) || odd {
            return Err(format!("{path:?} is no path: it begins with / or ? and has no spaces."));
        }
    }
    for (name, value) in edit.headers.iter().flatten() {
        let masked = value == MASK;
        if name.parse::<http::HeaderName>().is_err() || !masked && http::HeaderValue::from_str(value).is_err() {
            return Err(format!("{name:?} with this value is no header that can be sent."));
        }
    }
    Ok(())
}

/// The first thing wrong with it, in a sentence.
pub fn check(settings: &ReplaySettings) -> Result<(), String> {
    check_headers(&settings.headers)?;
    settings.edit.as_ref().map_or(Ok(()), check_edit)?;
    if !(1..=TIMES_MAX).contains(&settings.times) {
        return Err(format!("A request is delivered from 1 to {TIMES_MAX} times."));
    }
    if !(1..=CONCURRENCY_MAX).contains(&settings.concurrency) {
        return Err(format!("Concurrency lies between 1 and {CONCURRENCY_MAX}."));
    }
    if settings.rate.is_some_and(|rate| !(RATE_MIN..=1_000_000.0).contains(&rate)) {
        return Err(format!("The rate is a number of requests a second, from {RATE_MIN} to 1000000."));
    }
    if settings.timeout_ms == 0 || settings.timeout_ms > TIMEOUT_MAX {
        return Err(format!("The time-out lies between 1 and {TIMEOUT_MAX} ms."));
    }
    match &settings.to {
        Some(ReplayTarget::Url(url)) => parse(url).map(drop),
        _ => Ok(()),
    }
}

/// Its destination as the outbox keeps it. What is saved of an endpoint, such as its secrets, is used
/// as it is now.
pub fn destination(settings: &ReplaySettings, url: String, endpoint: Option<&EndpointRow>) -> EndpointSettings {
    let saved = endpoint.map(|row| row.settings.clone());
    let base = saved.unwrap_or_else(|| EndpointSettings::to(url.clone()));
    EndpointSettings {
        url,
        concurrency: settings.concurrency,
        rate: settings.rate,
        speed: 1.0,
        paused: false,
        policy: PolicyOverrides {
            timeout_ms: Some(settings.timeout_ms),
            connect_timeout_ms: Some(settings.timeout_ms.min(10_000)),
            success: Some(hookbench_model::SuccessStatuses::any_2xx()),
            schedule: Some(RetrySchedule::Fixed(Vec::new())),
            retry_on: Some(RetryOn::All),
            gone: Some(hookbench_model::GoneAction::Failure),
            disable: Some(if settings.stop_on_failure { AutoDisable::FailedAttempts(1) } else { AutoDisable::Never }),
            ..PolicyOverrides::default()
        },
        ..base
    }
}
