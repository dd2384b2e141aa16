//! Forwards: where the requests of an inbox go on to, and which of them.

pub mod ask;
pub mod save;

use hookbench_delivery::{check_headers, leads_to, parse, unmasked};
use hookbench_model::{AutoDisable, EndpointSettings, Forward, PolicyOverrides, RetryOn, RetrySchedule, masked_url};
use hookbench_query::Query;
use hookbench_store::endpoint::EndpointRow;

use crate::{
    Engine,
    outgoing_changes::OutgoingChanges,
    response::{self, known_on_arrival},
};

pub use save::{Destinations, saved};

/// Most forwards of one inbox.
const FORWARDS_MAX: usize = 20;

/// Longest name or URL, in bytes.
const TEXT_MAX: usize = 8 * 1024;

/// Longest wait for an app, in ms.
const TIMEOUT_MAX: u32 = 10 * 60 * 1_000;

/// The first thing wrong with it, in a sentence.
fn check(forward: &Forward) -> Result<Query, String> {
    let query = known_on_arrival(&forward.when)?;
    if forward.to.len() > TEXT_MAX || forward.name.len() > TEXT_MAX {
        return Err(format!("A URL or name has at most {TEXT_MAX} bytes."));
    }
    parse(&forward.to)?;
    check_headers(&forward.headers)?;
    if ![forward.timeout_ms, forward.deadline_ms].iter().all(|ms| (1..=TIMEOUT_MAX).contains(ms)) {
        return Err(format!("Time-outs lie between 1 and {TIMEOUT_MAX} ms."));
    }
    if forward.fallback.template {
        return Err("A fallback is no template: what it would be made of did not come.".into());
    }
    if forward.fallback.fault.is_some() {
        return Err("A fallback goes wrong in no way; a rule's answer can.".into());
    }
    response::check(&forward.fallback)?;
    if let Some(schedule) = &forward.retries
        && (schedule.retries() > hookbench_model::RETRIES_MAX as usize
            || schedule.waits_s().iter().any(|wait| !(0.0..=31_536_000.0).contains(wait)))
    {
        return Err("There are at most 100 retries, each within a year.".into());
    }
    Ok(query)
}

/// Its destination as the outbox keeps it.
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

/// Whether a request has come through it before, or through so many that it must be going round.
pub(crate) fn loops(forward: &Forward, headers: &[u8]) -> bool {
    /// Forwards one request may pass.
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

/// Takes a change in: a mask in a credential's place stands for the one that is there.
fn keeping_secrets(mut forward: Forward, was: &[Forward]) -> Result<Forward, String> {
    let kept = was.iter().find(|old| old.id == forward.id);
    unmasked(&mut forward.headers.set, kept.map(|old| old.headers.set.as_slice()).unwrap_or_default())?;
    if let Some(old) = kept.filter(|old| forward.to == masked_url(&old.to)) {
        forward.to.clone_from(&old.to);
    }
    Ok(forward)
}

/// A forward, ready to be asked about.
#[derive(Debug, Clone)]
pub(crate) struct Bound {
    pub(crate) forward: Forward,
    pub(crate) query: Query,
}

/// Forwards as they were saved; what no longer reads is left out and said in the log.
pub(crate) fn bound(forwards: &[Forward]) -> Vec<Bound> {
    let bind = |forward: &Forward| match known_on_arrival(&forward.when) {
        Ok(query) => Some(Bound { forward: forward.clone(), query }),
        Err(why) => {
            tracing::warn!(forward = &*forward.shown_name(), why, "a forward does not read");
            None
        }
    };
    forwards.iter().filter_map(bind).collect()
}

/// How a request goes on to a URL by a forward, as it is now. What it sets is for where it leads, and
/// goes nowhere else.
pub(crate) fn forward_onward(
    engine: &Engine,
    inbox: i64,
    url: &str,
    endpoint: &EndpointRow,
) -> Result<OutgoingChanges, String> {
    let address = engine.addresses.by_number(inbox).ok_or("Its inbox was removed.")?;
    let bound = address.forwards.iter().find(|bound| bound.forward.id == endpoint.id);
    let forward = &bound.ok_or("The forward was removed.")?.forward;
    let catalogue = engine.providers.catalogue();
    let resign = match (forward.resign, crate::verification::scheme(&address.verification, &catalogue)) {
        (false, _) => None,
        (true, Some((_, record))) => Some((record.clone(), crate::verification::keys(&address.verification))),
        (true, None) => return Err(format!("It cannot be signed: the inbox {} has no provider.", address.name)),
    };
    if !leads_to(&forward.to, url) {
        return Err("The forward leads elsewhere now; replay the request to send it there.".into());
    }
    let via = Some(format!("1.1 {}", forward.pseudonym()));
    Ok(OutgoingChanges { rules: forward.headers.clone(), headers: None, body: None, resign, via })
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
    fn a_forward_that_cannot_be_is_refused() {
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
            json!({ "unknown": 1 }),
        ] {
            assert!(forward(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_it_has_forwarded_is_known_again() {
        let mut one = forward(serde_json::json!({})).expect("a forward");
        one.id = "019c0000-0000-7000-8000-0123456789ab".into();
        assert!(!loops(&one, b"Via: 1.1 proxy\r\n"));
        assert!(loops(&one, b"Via: 1.1 proxy, 1.1 hookbench-0123456789ab\r\n"));
        assert!(loops(&one, b"via: 1.1 HOOKBENCH-0123456789AB\r\n"));
        let many = (0..10).map(|n| format!("Via: 1.1 hookbench-{n}\r\n")).collect::<String>();
        assert!(loops(&one, many.as_bytes()));
    }
}
