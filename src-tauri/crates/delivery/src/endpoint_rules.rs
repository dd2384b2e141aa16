//! Rules for the settings of an endpoint: the vendor's rules, and limits of Hookbench.

use hookbench_model::{AutoDisable, DeliveryPolicy, EndpointSettings, HttpsRule, RETRIES_MAX, matches_type};
use hookbench_provider::{Catalog, Provider};
use hookbench_signature::Source;
use hookbench_store::endpoint::{OtherEndpoints, policy_in_force, provider_of};

use super::{
    endpoint::{signing, trust},
    url::parse,
};

/// Maximum length of a name, account or event type, in characters.
const TEXT_MAX: usize = 200;

/// Maximum size of a URL, header value or secret, in bytes.
const LONG_MAX: usize = 16 * 1024;

/// Maximum number of headers or secrets of one endpoint.
const LIST_MAX: usize = 64;

const CONCURRENCY_MAX: u32 = 256;

/// Maximum time scale. With [`TIME_SCALE_MIN`], keeps retry delays in a usable range.
const TIME_SCALE_MAX: f64 = 100_000.0;

const TIME_SCALE_MIN: f64 = 0.001;

/// Minimum rate in requests per second: one request in about three hours.
pub const RATE_MIN: f64 = 0.000_1;

/// Maximum timeout, in milliseconds.
const TIMEOUT_MAX: u32 = 10 * 60 * 1_000;

/// Returns the first broken rule as a sentence. `beside` counts the other endpoints of the same account.
pub fn fault(settings: &EndpointSettings, catalog: &Catalog, beside: OtherEndpoints) -> Option<String> {
    let Some(provider) = provider_of(settings, catalog) else {
        return Some(catalog.missing(&settings.provider));
    };
    let url = match parse(&settings.url) {
        Ok(url) => url,
        Err(why) => return Some(why),
    };
    if settings.scheme.is_some() && provider.scheme(settings.scheme.as_deref()).is_none() {
        let known: Vec<_> = provider.schemes.iter().map(|record| record.id.as_str()).collect();
        return Some(format!("{} has no such scheme. Allowed: {}.", provider.name, known.join(", ")));
    }
    let policy = policy_in_force(settings, catalog);
    if *policy.https.value() == HttpsRule::Required && url.scheme_str() == Some("http") && !settings.local_test {
        return Some(format!(
            "{} sends only to https:// URLs. Change the URL, or allow plain http:// for local testing.",
            provider.name
        ));
    }
    let account = policy.account.value();
    let most = *policy.endpoints_max.value();
    if most > 0 && beside.count >= most {
        let s = if most == 1 { "" } else { "s" };
        let assumed = if policy.endpoints_max.is_stated() { "" } else { " (assumed)" };
        return Some(format!(
            "{} allows {most} endpoint{s} per {account}{assumed}, and this {account} has {}. Delete one, or use another {account}.",
            provider.name, beside.count,
        ));
    }
    if *policy.unique_url.value() && beside.same_url {
        return Some(format!("{} allows a URL only once per {account}.", provider.name));
    }
    if let (Some(events), Some(sending)) = (&settings.events, &provider.sending) {
        let known = |event: &&String| sending.events.iter().any(|known| matches_type(event, known.sent_as()));
        let unknown = events.iter().find(|event| !sending.more_events && !known(event));
        if let Some(unknown) = unknown {
            return Some(format!("{} has no event type {unknown:?}.", provider.name));
        }
        if !*policy.choice.value() {
            return Some(format!("{} sends every event to every endpoint. Remove the event types.", provider.name));
        }
    }
    if let Some(header) = settings.headers.iter().find(|header| {
        header.name.parse::<http::HeaderName>().is_err() || http::HeaderValue::from_str(&header.value).is_err()
    }) {
        return Some(format!("The header {:?} or its value is invalid.", header.name));
    }
    let reserved = ["host", "content-length", "transfer-encoding", "connection"];
    if let Some(header) = settings.headers.iter().find(|header| reserved.contains(&header.name.to_lowercase().as_str()))
    {
        return Some(format!("{} is set by Hookbench. Remove it.", header.name));
    }
    if let Some(header) = settings.headers.iter().find(|header| is_vendors(settings, provider, catalog, &header.name)) {
        return Some(format!("{} is set by {} and cannot be a custom header. Remove it.", header.name, provider.name));
    }
    if let Err(why) = trust(settings) {
        return Some(why);
    }
    numbers(settings, &policy)
}

/// Returns true if a vendor's rules depend on the other endpoints of the account.
pub fn is_counted(settings: &EndpointSettings, catalog: &Catalog) -> bool {
    let policy = policy_in_force(settings, catalog);
    *policy.endpoints_max.value() > 0 || *policy.unique_url.value()
}

/// Returns true for a header that contains the vendor's signature, event type or ID.
fn is_vendors(settings: &EndpointSettings, provider: &Provider, catalog: &Catalog, name: &str) -> bool {
    let signs = signing(settings, catalog).map(|record| record.scheme.places()).unwrap_or_default();
    let signs = signs.iter().filter_map(Source::header_name);
    let sending = provider.sending.iter();
    let beside = sending.clone().flat_map(|sending| &sending.also_signs).filter_map(|id| provider.scheme(Some(id)));
    let beside = beside.flat_map(|record| record.scheme.places()).filter_map(|source| source.header_name());
    let retries = sending.flat_map(|sending| sending.retry_headers.keys().cloned());
    // Any type and ID reveal the names of the headers that contain them.
    let vendors = provider.headers("type", "id").into_iter().map(|(name, _)| name);
    let free = ["content-type", "user-agent"];
    signs.chain(beside).chain(retries).chain(vendors).any(|own| own.eq_ignore_ascii_case(name))
        && !free.contains(&name.to_lowercase().as_str())
}

fn numbers(settings: &EndpointSettings, policy: &DeliveryPolicy) -> Option<String> {
    if !(1..=CONCURRENCY_MAX).contains(&settings.concurrency) {
        return Some(format!("`concurrency` must be between 1 and {CONCURRENCY_MAX} (got {}).", settings.concurrency));
    }
    if let Some(rate) = settings.rate.filter(|rate| !(RATE_MIN..=1_000_000.0).contains(rate)) {
        return Some(format!("`rate` must be between {RATE_MIN} and 1000000 requests per second (got {rate})."));
    }
    let scale = settings.time_scale;
    if !(TIME_SCALE_MIN..=TIME_SCALE_MAX).contains(&scale) {
        return Some(format!("`time_scale` must be between {TIME_SCALE_MIN} and {TIME_SCALE_MAX} (got {scale})."));
    }
    if *policy.redirects.value() {
        return Some("`redirects` must be false: Hookbench does not follow redirects.".into());
    }
    let jitter = *policy.jitter_percent.value();
    if jitter > 100 {
        return Some(format!("`jitter_percent` must be between 0 and 100 (got {jitter})."));
    }
    let (total, connect) = (*policy.timeout_ms.value(), *policy.connect_timeout_ms.value());
    if total == 0 || total > TIMEOUT_MAX || connect == 0 {
        return Some(format!(
            "`timeout_ms` and `connect_timeout_ms` must be between 1 and {TIMEOUT_MAX} (got {total} and {connect})."
        ));
    }
    if policy.schedule.value().waits_s().iter().any(|wait| !(0.0..=31_536_000.0).contains(wait)) {
        return Some("A retry delay must be between 0 seconds and one year.".into());
    }
    if let AutoDisable::FailedRetries(0) | AutoDisable::FailedAttempts(0) | AutoDisable::ExhaustedDeliveries(0) =
        policy.disable.value()
    {
        return Some("The number of failures for `disable` must be at least 1.".into());
    }
    if policy.schedule.value().retries() > RETRIES_MAX as usize {
        return Some(format!("A retry schedule must have at most {RETRIES_MAX} retries."));
    }
    let long = settings.secrets.iter().map(|secret| secret.value.len()).chain([settings.url.len()]);
    if long.chain(settings.headers.iter().map(|header| header.value.len())).any(|length| length > LONG_MAX) {
        return Some(format!("A URL, secret or header value must be at most {LONG_MAX} bytes."));
    }
    if settings.name.chars().count() > TEXT_MAX || settings.account.chars().count() > TEXT_MAX {
        return Some(format!("A name or account must be at most {TEXT_MAX} characters."));
    }
    if settings.secrets.len() > LIST_MAX || settings.headers.len() > LIST_MAX {
        return Some(format!("An endpoint can have at most {LIST_MAX} secrets and {LIST_MAX} headers."));
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Returns the fault of an endpoint of a vendor with some settings changed.
    fn fault_of(provider: &str, changes: Value, beside: OtherEndpoints) -> Option<String> {
        let mut settings = json!({ "url": "https://example.com/hook", "provider": provider });
        for (name, value) in changes.as_object().expect("an object") {
            settings[name] = value.clone();
        }
        let settings = serde_json::from_value(settings).expect("settings");
        fault(&settings, &Catalog::load([]).0, beside)
    }

    #[test]
    fn rejects_invalid_settings() {
        let custom = |name: &str, value: &str| json!({ "headers": [{ "name": name, "value": value }] });
        let policy = |name: &str, value: Value| json!({ "policy": { name: value } });
        let long = "x".repeat(LONG_MAX + 1);
        for (changes, why) in [
            (json!({ "provider": "nobody" }), "No such provider"),
            (json!({ "url": "example.com" }), "http://"),
            (json!({ "scheme": "none" }), "no such scheme"),
            (custom("no name", "x"), "invalid"),
            (custom("x-own", "a\nb"), "invalid"),
            (custom("Host", "x"), "set by Hookbench"),
            (custom("transfer-encoding", "chunked"), "set by Hookbench"),
            (custom("X-Hub-Signature-256", "x"), "cannot be a custom header"),
            (json!({ "trusted_certificate": "no PEM" }), "PEM"),
            (json!({ "concurrency": 0 }), "concurrency"),
            (json!({ "concurrency": CONCURRENCY_MAX + 1 }), "concurrency"),
            (json!({ "rate": 0.0 }), "rate"),
            (json!({ "rate": -1.0 }), "rate"),
            (json!({ "time_scale": 0.0 }), "time_scale"),
            (json!({ "time_scale": 1e9 }), "time_scale"),
            (policy("redirects", json!(true)), "redirects"),
            (policy("jitter_percent", json!(101)), "jitter"),
            (policy("timeout_ms", json!(0)), "timeout_ms"),
            (policy("timeout_ms", json!(TIMEOUT_MAX + 1)), "timeout_ms"),
            (policy("connect_timeout_ms", json!(0)), "connect_timeout_ms"),
            (json!({ "url": format!("https://example.com/{long}") }), "at most"),
            (json!({ "secrets": [{ "value": long }] }), "at most"),
            (json!({ "name": "x".repeat(TEXT_MAX + 1) }), "characters"),
            (json!({ "secrets": vec![json!({ "value": "s" }); LIST_MAX + 1] }), "secrets"),
        ] {
            let shown: String = changes.to_string().chars().take(80).collect();
            let fault = fault_of("github", changes, OtherEndpoints::default());
            assert!(fault.as_ref().is_some_and(|fault| fault.contains(why)), "{shown}: {fault:?}");
        }
    }

    #[test]
    fn accepts_valid_settings() {
        for changes in [
            json!({}),
            json!({ "headers": [{ "name": "X-Own", "value": "1" }, { "name": "User-Agent", "value": "mine" }] }),
            json!({ "concurrency": CONCURRENCY_MAX, "rate": RATE_MIN, "time_scale": TIME_SCALE_MAX }),
            json!({ "name": "x".repeat(TEXT_MAX), "policy": { "timeout_ms": TIMEOUT_MAX, "jitter_percent": 100 } }),
            json!({ "secrets": [{ "value": "x".repeat(LONG_MAX) }] }),
        ] {
            assert_eq!(fault_of("github", changes.clone(), OtherEndpoints::default()), None, "{changes}");
        }
    }

    #[test]
    fn applies_the_rules_of_every_vendor() {
        let (catalog, _) = Catalog::load([]);
        let (mut https, mut capped, mut unique) = (0, 0, 0);
        for provider in catalog.providers() {
            let settings: EndpointSettings =
                serde_json::from_value(json!({ "url": "http://example.com/hook", "provider": provider.id }))
                    .expect("settings");
            let policy = policy_in_force(&settings, &catalog);
            let of = |changes, beside| fault_of(&provider.id, changes, beside).unwrap_or_default();
            if *policy.https.value() == HttpsRule::Required {
                https += 1;
                assert!(of(json!({ "url": "http://example.com" }), OtherEndpoints::default()).contains("https://"));
                let local = json!({ "url": "http://example.com", "local_test": true });
                assert_eq!(of(local, OtherEndpoints::default()), "", "{}", provider.id);
            }
            let most = *policy.endpoints_max.value();
            if most > 0 {
                capped += 1;
                assert!(
                    of(json!({}), OtherEndpoints { count: most, same_url: false }).contains("allows"),
                    "{}",
                    provider.id
                );
                assert_eq!(of(json!({}), OtherEndpoints { count: most - 1, same_url: false }), "", "{}", provider.id);
            }
            if *policy.unique_url.value() {
                unique += 1;
                assert!(
                    of(json!({}), OtherEndpoints { count: 0, same_url: true }).contains("only once"),
                    "{}",
                    provider.id
                );
            }
        }
        assert!(https > 0 && capped > 0 && unique > 0, "{https} {capped} {unique}");
    }
}
