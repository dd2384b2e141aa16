//! Requests of a vendor: payload, headers and signature.

use hookbench_provider::{Provider, Sample, sample};
use hookbench_signature::{Keys, Message, Scheme, sign};
use serde_json::Value;

/// Context of a sample event.
#[derive(Debug, Clone, Copy)]
pub struct SampleContext<'a> {
    /// ID of the event and of its deliveries.
    pub id: &'a str,
    /// Seed shared by all events about the same objects.
    pub seed: u64,
    /// Position of the event among the events with the same seed.
    pub step: u32,
    /// Current time in milliseconds since the Unix epoch.
    pub now_ms: i64,
}

impl<'a> SampleContext<'a> {
    /// Returns the seeds of the generated values of an event.
    pub fn seeds(&self, kind: &'a str) -> sample::Seeds<'a> {
        let Self { id, seed, step, now_ms } = *self;
        sample::Seeds { seed, step, event: kind, id, now_ms }
    }
}

/// Returns the payload of an event with generated values.
pub fn payload(kind: &str, sample: &Value, moment: &SampleContext<'_>) -> Value {
    sample::filled(sample, &moment.seeds(kind))
}

/// Returns the headers that a vendor sends in addition to the signature.
pub fn plain_headers(provider: &Provider, kind: &str, id: &str) -> Vec<(String, String)> {
    let vendors = provider.headers(kind, id);
    let usual =
        [("Content-Type", "application/json"), ("User-Agent", concat!("Hookbench/", env!("CARGO_PKG_VERSION")))];
    let usual = usual.into_iter().filter(|(name, _)| !vendors.iter().any(|(own, _)| own.eq_ignore_ascii_case(name)));
    let mut all: Vec<(String, String)> = usual.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    all.extend(vendors);
    all
}

/// Returns the headers that a vendor sends only with a retry. `reason` is the reason why the previous attempt failed.
pub fn retry_headers(provider: &Provider, retry: u32, reason: &str) -> Vec<(String, String)> {
    let own = provider.sending.iter().flat_map(|sending| &sending.retry_headers);
    let filled = |value: &String| value.replace("{retry}", &retry.to_string()).replace("{reason}", reason);
    own.map(|(name, value)| (name.clone(), filled(value))).collect()
}

/// Request before it is signed.
#[derive(Debug, Clone, Copy)]
pub struct UnsignedRequest<'a> {
    /// Method.
    pub method: &'a str,
    /// Path and query.
    pub target: &'a str,
    /// URL.
    pub url: &'a str,
    /// Headers before the signature is added.
    pub headers: &'a [(String, String)],
    /// Body.
    pub body: &'a [u8],
}

/// Returns the headers that the signature adds.
///
/// # Errors
///
/// Returns a sentence if the request cannot be signed.
pub fn signature(
    scheme: &Scheme,
    request: &UnsignedRequest<'_>,
    keys: &Keys,
    id: &str,
    now_ms: i64,
) -> Result<Vec<(String, String)>, String> {
    let headers: Vec<(&str, &[u8])> =
        request.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let message = Message {
        method: request.method,
        target: request.target,
        url: Some(request.url),
        headers: &headers,
        body: request.body,
    };
    sign(scheme, &message, keys, id, now_ms).map(|signed| signed.headers).map_err(|error| error.to_string())
}

/// Returns the type and payload of the event that the vendor's test button sends.
pub fn test_event(provider: &Provider) -> Option<(&str, &Sample)> {
    let sending = provider.sending.as_ref()?;
    let own = sending.test.as_ref().map(|test| (test.event.as_str(), &test.sample));
    own.or_else(|| sending.events.first().map(|event| (event.sent_as(), &event.sample)))
}
