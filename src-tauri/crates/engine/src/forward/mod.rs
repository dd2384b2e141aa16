//! Forwards, which send the requests of an inbox to apps: validation, loop detection and outgoing requests.

pub mod ask;
pub mod save;
pub mod transform;

use hookbench_delivery::{check_headers, leads_to, parse, unmasked};
use hookbench_model::{AutoDisable, EndpointSettings, Forward, PolicyOverrides, RetryOn, RetrySchedule, masked_url};
use hookbench_query::Query;
use hookbench_store::{delivery::InFlightAttempt, endpoint::EndpointRow};

use crate::{
    Engine,
    outgoing_changes::OutgoingChanges,
    response::{self, known_on_arrival},
};

pub use save::{Destinations, saved};

/// Maximum number of forwards of an inbox.
const FORWARDS_MAX: usize = 20;

/// Maximum length of a name or URL, in bytes.
const TEXT_MAX: usize = 8 * 1024;

/// Maximum timeout of an app, in ms.
const TIMEOUT_MAX: u32 = 10 * 60 * 1_000;

/// Validates a forward. Returns the parsed condition, or a message that describes the first invalid value.
fn check(forward: &Forward) -> Result<Query, String> {
    let query = known_on_arrival(&forward.when)?;
    if forward.to.len() > TEXT_MAX || forward.name.len() > TEXT_MAX {
        return Err(format!("A URL or name must be at most {TEXT_MAX} bytes."));
    }
    parse(&forward.to)?;
    check_headers(&forward.headers)?;
    forward.transform.as_ref().map_or(Ok(()), transform::check)?;
    if let Some(ms) = [forward.timeout_ms, forward.deadline_ms].iter().find(|ms| !(1..=TIMEOUT_MAX).contains(*ms)) {
        return Err(format!("`timeout_ms` and `deadline_ms` must be between 1 and {TIMEOUT_MAX} (got {ms})."));
    }
    if forward.fallback.template {
        return Err("A fallback response cannot use a template, because there is no app response to render.".into());
    }
    if forward.fallback.fault.is_some() {
        return Err("A fallback response cannot inject a fault. Use a response rule instead.".into());
    }
    response::check(&forward.fallback)?;
    if let Some(schedule) = &forward.retries
        && (schedule.retries() > hookbench_model::RETRIES_MAX as usize
            || schedule.waits_s().iter().any(|wait| !(0.0..=31_536_000.0).contains(wait)))
    {
        return Err("At most 100 retries are allowed, with delays of at most one year.".into());
    }
    Ok(query)
}

/// Returns the endpoint settings of a forward's destination.
fn destination(forward: &Forward) -> EndpointSettings {
    EndpointSettings {
        name: forward.name.clone(),
        policy: PolicyOverrides {
            timeout_ms: Some(forward.timeout_ms),
            connect_timeout_ms: Some(forward.timeout_ms.min(10_000)),
            schedule: Some(forward.retries.clone().unwrap_or(RetrySchedule::Fixed(Vec::new()))),
            retry_on: Some(RetryOn::All),
            disable: Some(AutoDisable::Never),
            ..PolicyOverrides::default()
        },
        ..EndpointSettings::to(forward.to.clone())
    }
}

/// Returns true if a request is in a loop: it passed through this forward before, or through too many forwards.
pub(crate) fn loops(forward: &Forward, headers: &[u8]) -> bool {
    /// Number of forwards after which a request is considered to be in a loop.
    const PASSES_MAX: usize = 10;
    let own = forward.pseudonym();
    let mut passes = 0;
    for (name, value) in hookbench_capture::header_list(headers) {
        if name.eq_ignore_ascii_case(b"via") {
            let value = String::from_utf8_lossy(value).to_ascii_lowercase();
            passes += value.matches("hookbench-").count();
            if value.contains(&own) {
                return true;
            }
        }
    }
    passes >= PASSES_MAX
}

/// Replaces masked credentials of a changed forward by the stored ones.
fn keeping_secrets(mut forward: Forward, was: &[Forward]) -> Result<Forward, String> {
    let kept = was.iter().find(|old| old.id == forward.id);
    unmasked(&mut forward.headers.set, kept.map(|old| old.headers.set.as_slice()).unwrap_or_default())?;
    if let Some(old) = kept.filter(|old| forward.to == masked_url(&old.to)) {
        forward.to.clone_from(&old.to);
    }
    Ok(forward)
}

/// A forward with the parsed condition.
#[derive(Debug, Clone)]
pub(crate) struct CompiledForward {
    pub(crate) forward: Forward,
    pub(crate) query: Query,
}

/// Compiles stored forwards. Omits and logs forwards whose condition can no longer be parsed.
pub(crate) fn bound(forwards: &[Forward]) -> Vec<CompiledForward> {
    let bind = |forward: &Forward| match known_on_arrival(&forward.when) {
        Ok(query) => Some(CompiledForward { forward: forward.clone(), query }),
        Err(why) => {
            tracing::warn!(forward = &*forward.shown_name(), why, "a forward has an invalid condition and is ignored");
            None
        }
    };
    forwards.iter().filter_map(bind).collect()
}

/// Returns the URL of an attempt and the changes that a forward makes to a request, with the current settings. Returns
/// an error if the forward has another destination now, because its headers may contain credentials for that
/// destination only.
pub(crate) async fn forward_outgoing(
    engine: &Engine,
    inbox: i64,
    attempt: &InFlightAttempt,
    endpoint: &EndpointRow,
) -> Result<(String, OutgoingChanges), String> {
    let address = engine.inboxes.by_number(inbox).ok_or("The inbox of the request was deleted.")?;
    let bound = address.forwards.iter().find(|bound| bound.forward.id == endpoint.id);
    let forward = &bound.ok_or("The forward was deleted.")?.forward;
    let catalog = engine.providers.catalog();
    let re_sign = match (forward.re_sign, crate::verification::scheme(&address.verification, &catalog)) {
        (false, _) => None,
        (true, Some((_, record))) => Some((record.clone(), crate::verification::keys(&address.verification))),
        (true, None) => {
            return Err(format!("The request cannot be signed: the inbox {} has no provider.", address.name));
        }
    };
    let mut url = attempt.shown.url.clone();
    if !leads_to(&forward.to, &url) {
        // The forward may have changed after the attempt was claimed. The URL is stored before the forward is applied.
        let number = attempt.number;
        let stored = engine.store.readers().read(move |connection| hookbench_store::delivery::url(connection, number));
        url = stored.await.map_err(|e| format!("The delivery cannot be read: {e}."))?.unwrap_or_default();
    }
    if !leads_to(&forward.to, &url) {
        return Err("The forward has another destination now. Replay the request to send it there.".into());
    }
    let via = Some(format!("1.1 {}", forward.pseudonym()));
    Ok((
        url,
        OutgoingChanges {
            rules: forward.headers.clone(),
            headers: None,
            body: None,
            transform: forward.transform.clone(),
            re_sign,
            via,
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forward(change: serde_json::Value) -> Result<Forward, String> {
        let mut settings = serde_json::json!({ "to": "http://localhost:3000" });
        settings.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        let forward: Forward = serde_json::from_value(settings).map_err(|e| e.to_string())?;
        check(&forward).map(|_| forward)
    }

    #[test]
    fn rejects_invalid_forwards() {
        use serde_json::json;
        assert!(forward(json!({})).is_ok());
        for bad in [
            json!({ "to": "localhost:3000" }),
            json!({ "to": "file:///etc/passwd" }),
            json!({ "when": "status:500" }),
            json!({ "when": "((" }),
            json!({ "timeout_ms": 0 }),
            json!({ "fallback": { "status": 99 } }),
            json!({ "fallback": { "template": true, "body": "{{ x }}" } }),
            json!({ "headers": { "set": [["Content-Length", "1"]] } }),
            json!({ "transform": { "body": "{{ request.json" } }),
            json!({ "transform": { "body": "{{ request.body * 9 }}" } }),
            json!({ "transform": { "body": "x".repeat(70_000) } }),
            json!({ "transform": { "headers": [["Bad Name", "x"]] } }),
            json!({ "transform": { "headers": [["Authorization", "Bearer {{ request.json.token }}"]] } }),
            json!({ "unknown": 1 }),
        ] {
            assert!(forward(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn detects_forwarding_loops() {
        let mut one = forward(serde_json::json!({})).expect("a forward");
        one.id = "019c0000-0000-7000-8000-0123456789ab".into();
        assert!(!loops(&one, b"Via: 1.1 proxy\r\n"));
        assert!(loops(&one, b"Via: 1.1 proxy, 1.1 hookbench-0123456789ab\r\n"));
        assert!(loops(&one, b"via: 1.1 HOOKBENCH-0123456789AB\r\n"));
        let many = (0..10).map(|n| format!("Via: 1.1 hookbench-{n}\r\n")).collect::<String>();
        assert!(loops(&one, many.as_bytes()));
    }
}
