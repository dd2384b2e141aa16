//! Replays, which send stored requests to a destination again.
//!
//! The list of requests is stored in the database. [`run`] creates some hundred deliveries ahead of the outbox, which
//! limits memory use. After a restart, a replay continues at its position in the list.

pub mod collect;
mod report;
pub mod run;

use hookbench_delivery::{RATE_MIN, check_headers, parse};
use hookbench_model::{
    AutoDisable, EndpointSettings, MASK, PolicyOverrides, ReplayEdit, ReplaySettings, ReplayTarget, RetryOn,
    RetrySchedule,
};
use hookbench_store::endpoint::EndpointRow;

pub use collect::{Collecting, ReplaySelection, collect};
pub use report::html;
pub(crate) use run::{Replays, spawn};

/// Maximum number of times that a replay delivers a request. Two deliveries show if a handler is idempotent.
const TIMES_MAX: u32 = 10;

/// Maximum number of requests in flight.
const CONCURRENCY_MAX: u32 = 256;

/// Maximum timeout, in ms.
const TIMEOUT_MAX: u32 = 10 * 60 * 1_000;

fn check_edit(edit: &ReplayEdit) -> Result<(), String> {
    if let Some(method) = &edit.method {
        method.parse::<http::Method>().map_err(|_| format!("Invalid HTTP method: {method:?}."))?;
    }
    if let Some(path) = edit.path.as_deref().filter(|path| !path.is_empty()) {
        let odd = path.bytes().any(|byte| byte <= b' ' || byte == 0x7f || byte == b'#');
        if !path.starts_with(['/', '?']) || odd {
            return Err(format!("Invalid path: {path:?}. A path must begin with / or ? and have no spaces."));
        }
    }
    for (name, value) in edit.headers.iter().flatten() {
        let masked = value == MASK;
        if name.parse::<http::HeaderName>().is_err() || !masked && http::HeaderValue::from_str(value).is_err() {
            return Err(format!("The header {name:?} or its value is invalid."));
        }
    }
    Ok(())
}

/// Validates the settings of a replay.
///
/// # Errors
/// Returns a message that describes the first invalid setting.
pub fn check(settings: &ReplaySettings) -> Result<(), String> {
    check_headers(&settings.headers)?;
    settings.edit.as_ref().map_or(Ok(()), check_edit)?;
    if !(1..=TIMES_MAX).contains(&settings.times) {
        return Err(format!("`times` must be between 1 and {TIMES_MAX} (got {}).", settings.times));
    }
    if !(1..=CONCURRENCY_MAX).contains(&settings.concurrency) {
        return Err(format!("`concurrency` must be between 1 and {CONCURRENCY_MAX} (got {}).", settings.concurrency));
    }
    if let Some(rate) = settings.rate.filter(|rate| !(RATE_MIN..=1_000_000.0).contains(rate)) {
        return Err(format!("`rate` must be between {RATE_MIN} and 1000000 requests per second (got {rate})."));
    }
    if settings.timeout_ms == 0 || settings.timeout_ms > TIMEOUT_MAX {
        return Err(format!("`timeout_ms` must be between 1 and {TIMEOUT_MAX} (got {}).", settings.timeout_ms));
    }
    match &settings.to {
        Some(ReplayTarget::Url(url)) => parse(url).map(drop),
        _ => Ok(()),
    }
}

/// Returns the endpoint settings of a replay's destination. Copies the current settings of a saved endpoint, such as
/// its secrets.
pub fn destination(settings: &ReplaySettings, url: String, endpoint: Option<&EndpointRow>) -> EndpointSettings {
    let saved = endpoint.map(|row| row.settings.clone());
    let base = saved.unwrap_or_else(|| EndpointSettings::to(url.clone()));
    EndpointSettings {
        url,
        concurrency: settings.concurrency,
        rate: settings.rate,
        time_scale: 1.0,
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
