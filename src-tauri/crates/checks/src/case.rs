//! Requests of each check. An error is the reason to skip the check.

use std::{io::Write as _, time::Duration};

use bytes::Bytes;
use hookbench_provider::{Handshake, Scenario};
use hookbench_signature::{Algorithm, KeyForm, Keys, Place, Scheme, Source, Unit};
use serde_json::{Value, json};

use super::{
    BURST_S,
    probe_request::{ProbeRequest, Transport},
    subject::{SampleEvent, Subject, emptied, numeric_id, prose, put, reversed},
};

/// Timing of the requests of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pacing {
    /// One after the other.
    InOrder,
    /// All at once.
    AtOnce,
    /// At a fixed interval, independent of the responses.
    Every(Duration),
}

/// Requests that are sent together.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) requests: Vec<ProbeRequest>,
    pub(crate) pace: Pacing,
    /// True if the fail command is run before the requests.
    pub(crate) broken: bool,
}

/// Number of side effects that a case must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExpectedEffects {
    /// The probe is not read.
    Any,
    /// The probe is read, and the assessment evaluates the result.
    Looked,
    /// One per accepted request.
    Accepted,
    Exactly(i64),
}

impl ExpectedEffects {
    /// Returns the expected number for a number of accepted requests, or `None` if side effects are not counted.
    pub(crate) fn count(self, accepted: usize) -> Option<i64> {
        match self {
            Self::Any | Self::Looked => None,
            Self::Accepted => Some(accepted as i64),
            Self::Exactly(due) => Some(due),
        }
    }
}

/// Requests of a check.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) steps: Vec<Step>,
    pub(crate) effects: ExpectedEffects,
}

type CaseResult = Result<Case, String>;

impl Case {
    fn of(requests: Vec<ProbeRequest>, effects: ExpectedEffects) -> Self {
        Self { steps: vec![Step { requests, pace: Pacing::InOrder, broken: false }], effects }
    }

    pub(crate) fn requests(&self) -> usize {
        self.steps.iter().map(|step| step.requests.len()).sum()
    }
}

fn any(requests: Vec<ProbeRequest>) -> CaseResult {
    Ok(Case::of(requests, ExpectedEffects::Any))
}

fn exactly(effects: i64, requests: Vec<ProbeRequest>) -> CaseResult {
    Ok(Case::of(requests, ExpectedEffects::Exactly(effects)))
}

/// Sends nothing: the check only inspects earlier responses.
pub(crate) fn nothing(_: &Subject, _: i64) -> CaseResult {
    any(Vec::new())
}

pub(crate) fn signed(subject: &Subject, now_ms: i64) -> CaseResult {
    exactly(1, vec![subject.event(now_ms).probe_request(subject, "signed like the vendor")?])
}

pub(crate) fn five(subject: &Subject, now_ms: i64) -> CaseResult {
    let event = |number| subject.event(now_ms).probe_request(subject, &format!("event {number}, on a new connection"));
    any((1..=5).map(event).collect::<Result<_, _>>()?)
}

pub(crate) fn over_tls(subject: &Subject, now_ms: i64) -> CaseResult {
    if !subject.settings.url.to_ascii_lowercase().starts_with("https://") {
        return Err("The URL is not https://.".into());
    }
    any(vec![subject.event(now_ms).probe_request(subject, "over TLS, with certificate verification")?])
}

pub(crate) fn looked_at(subject: &Subject, _: i64) -> CaseResult {
    exactly(0, ["HEAD", "GET"].map(|method| bare(subject, method)).to_vec())
}

pub(crate) fn other_methods(subject: &Subject, now_ms: i64) -> CaseResult {
    let event = subject.event(now_ms);
    any(["PUT", "DELETE"]
        .map(|method| {
            event.probe_request(subject, method).map(|request| ProbeRequest { method: method.into(), ..request })
        })
        .into_iter()
        .collect::<Result<_, _>>()?)
}

fn bare(subject: &Subject, method: &str) -> ProbeRequest {
    ProbeRequest {
        label: method.to_owned(),
        method: method.to_owned(),
        url: subject.settings.url.clone(),
        headers: vec![("User-Agent".into(), concat!("Hookbench/", env!("CARGO_PKG_VERSION")).into())],
        body: Bytes::new(),
        transport: Transport::Plain,
    }
}

/// Subscription challenge of Meta (<https://developers.facebook.com/docs/graph-api/webhooks/getting-started>).
pub(crate) fn challenge(subject: &Subject, _: i64) -> CaseResult {
    let asks = |handshake: &&Handshake| handshake.when.iter().any(|when| when == "query:hub.challenge");
    let handshake = subject.provider.handshakes.iter().find(asks);
    let handshake = handshake.ok_or_else(|| format!("{} sends no challenge with GET.", subject.provider.name))?;
    let name = handshake.matches.keys().next().ok_or("The vendor's challenge has no token.")?;
    let token =
        subject.keys.params.get(name).ok_or_else(|| format!("Set {name} to the verify token of the handler."))?;
    let request = |label: &str, token: &str| {
        let query: String = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("hub.mode", "subscribe"), ("hub.challenge", "1158201444"), ("hub.verify_token", token)])
            .finish();
        let joint = if subject.settings.url.contains('?') { '&' } else { '?' };
        ProbeRequest { url: format!("{}{joint}{query}", subject.settings.url), ..bare(subject, "GET") }.called(label)
    };
    exactly(0, vec![request("right token", token), request("wrong token", "not-the-token")])
}

/// Permission request of CloudEvents (HTTP 1.1 Web Hooks for Event Delivery, section 4).
pub(crate) fn allowed(subject: &Subject, _: i64) -> CaseResult {
    let options = |handshake: &Handshake| handshake.method.as_deref() == Some("OPTIONS");
    if !subject.provider.handshakes.iter().any(options) {
        return Err(format!("{} sends no OPTIONS request.", subject.provider.name));
    }
    let mut request = bare(subject, "OPTIONS");
    request.headers.push(("WebHook-Request-Origin".into(), "hookbench.example".into()));
    exactly(0, vec![request])
}

pub(crate) fn unsigned(subject: &Subject, now_ms: i64) -> CaseResult {
    let mut request = subject.event(now_ms).probe_request(subject, "no signature")?;
    let names: Vec<String> =
        subject.record.scheme.places().iter().filter_map(hookbench_signature::Source::header_name).collect();
    request.headers.retain(|(name, _)| !names.iter().any(|signature| signature.eq_ignore_ascii_case(name)));
    exactly(0, vec![request])
}

/// Sends a correctly signed request with the same ID second: a handler that stores IDs before verification rejects it.
pub(crate) fn wrong_secret(subject: &Subject, now_ms: i64) -> CaseResult {
    let signed = subject.event(now_ms);
    let forged = SampleEvent { keys: subject.strange_keys()?, ..signed.clone() };
    exactly(
        1,
        vec![
            forged.probe_request(subject, "signed with another secret")?,
            signed.probe_request(subject, "the same, correctly signed")?,
        ],
    )
}

/// Sends a signature that a handler without a configured secret accepts: an empty environment variable is an empty
/// key.
pub(crate) fn empty_secret(subject: &Subject, now_ms: i64) -> CaseResult {
    subject.strange_keys()?;
    let Scheme::Digest(digest) = &subject.record.scheme else {
        return Err(format!("{} does not sign with an HMAC.", subject.provider.name));
    };
    if !matches!(digest.algorithm, Algorithm::HmacSha1 | Algorithm::HmacSha256 | Algorithm::HmacSha512) {
        return Err(format!("{} does not sign with an HMAC.", subject.provider.name));
    }
    // HMAC pads a key with zeros (RFC 2104 section 2), so one zero byte equals the empty key and can be written as a
    // secret.
    let empty = match digest.key {
        KeyForm::Prefixed | KeyForm::PrefixedOrText => "whsec_AA==",
        KeyForm::Base64 | KeyForm::Base64url => "AA==",
        KeyForm::Hex => "00",
        KeyForm::Text | KeyForm::Nfkd => "\0",
        _ => return Err(format!("{} derives its key from the secret in another way.", subject.provider.name)),
    };
    let keys = Keys { secrets: vec![empty.to_owned()], params: subject.keys.params.clone() };
    let forged = SampleEvent { keys, ..subject.event(now_ms) };
    exactly(0, vec![forged.probe_request(subject, "signed with an empty secret")?])
}

/// Signs with the right secret and another hash algorithm than the vendor's.
pub(crate) fn other_algorithm(subject: &Subject, now_ms: i64) -> CaseResult {
    let mut event = subject.event(now_ms);
    let other = match &mut event.scheme {
        Scheme::Digest(digest) => {
            let other = match digest.algorithm {
                Algorithm::HmacSha256 => Algorithm::HmacSha1,
                Algorithm::HmacSha1 | Algorithm::HmacSha512 => Algorithm::HmacSha256,
                _ => return Err(format!("{} does not sign with an HMAC.", subject.provider.name)),
            };
            digest.algorithm = other;
            other
        }
        _ => return Err(format!("{} states the algorithm in the token.", subject.provider.name)),
    };
    exactly(0, vec![event.probe_request(subject, &format!("the right secret with {other:?}"))?])
}

/// Sends an event type in an unsigned header and another type in the signed body.
pub(crate) fn unsigned_type(subject: &Subject, now_ms: i64) -> CaseResult {
    let header = Subject::places(&subject.provider.event_type, Place::Header).find_map(Source::header_name);
    let header = header.ok_or_else(|| format!("{} sends no event type in a header.", subject.provider.name))?;
    if subject.type_fields().is_empty() {
        return Err(format!("{} sends the event type only in a header.", subject.provider.name));
    }
    if let Scheme::Digest(digest) = &subject.record.scheme
        && digest
            .content
            .sources()
            .into_iter()
            .filter_map(Source::header_name)
            .any(|name| name.eq_ignore_ascii_case(&header))
    {
        return Err(format!("{} signs the header with the event type.", subject.provider.name));
    }
    let event = subject.event(now_ms);
    let usual = event.kind.clone();
    let mut event = event.kind(subject, UNKNOWN_TYPE);
    event.headers.push((header, usual.clone()));
    let label = format!("event type {UNKNOWN_TYPE} in the body, {usual} in the header");
    Ok(Case::of(vec![event.probe_request(subject, &label)?], ExpectedEffects::Looked))
}

/// Sends a PUT with a body, which is rejected, then events over the same connection.
pub(crate) fn reused(subject: &Subject, now_ms: i64) -> CaseResult {
    let put = subject.event(now_ms).probe_request(subject, "PUT with a body")?;
    let put = ProbeRequest { method: "PUT".into(), ..put };
    let event = |label: &str| subject.event(now_ms).probe_request(subject, label);
    let all = [put, event("an event after the PUT, on the same connection")?, event("a second event")?];
    any(all.into_iter().map(|request| ProbeRequest { transport: Transport::Reused, ..request }).collect())
}

/// Event type that no vendor uses.
const UNKNOWN_TYPE: &str = "hookbench.unknown";

pub(crate) fn changed_body(subject: &Subject, now_ms: i64) -> CaseResult {
    if !subject.record.scheme.signs_body() {
        return Err(format!("{} does not sign the body.", subject.provider.name));
    }
    let event = subject.event(now_ms);
    let mut request = event.probe_request(subject, "an additional space in the body")?;
    // The JSON value is unchanged, so only a comparison of the bytes detects the change.
    request.body = [&request.body[..], b" "].concat().into();
    let mut other = event.probe_request(subject, "another value in the body")?;
    let mut payload = event.payload.clone();
    match prose(&mut payload) {
        Some(value) => *value = "changed in transit".into(),
        None => put(&mut payload, "changed_on_the_way", true.into()),
    }
    other.body = serde_json::to_vec(&payload).unwrap_or_default().into();
    exactly(0, vec![request, other])
}

pub(crate) fn mangled(subject: &Subject, now_ms: i64) -> CaseResult {
    let event = subject.event(now_ms);
    let (request, place, range) = event.digest(subject)?;
    let with = |label: &str, digest: &str| {
        let mut request = request.clone().called(label);
        request.headers[place].1.replace_range(range.clone(), digest);
        request
    };
    let digest = &request.headers[place].1[range.clone()];
    let shorter: String = digest.chars().take(digest.chars().count().saturating_sub(10)).collect();
    exactly(
        0,
        vec![
            with("truncated signature", &shorter),
            with("empty signature", ""),
            with("signature with invalid characters", "not_a*signature"),
            with("very long signature", &"0".repeat(4_000)),
        ],
    )
}

/// Returns the vendor's tolerance for past timestamps in seconds.
fn tolerance(subject: &Subject) -> Result<i64, String> {
    let rule = subject.timestamp()?;
    rule.past_s.map(i64::from).ok_or_else(|| format!("{} has no maximum age of a request.", subject.provider.name))
}

pub(crate) fn stale(subject: &Subject, now_ms: i64) -> CaseResult {
    let past_s = tolerance(subject)?;
    let event = subject.event(now_ms - (past_s + 1) * 1_000);
    exactly(0, vec![event.probe_request(subject, &format!("signed {} s ago", past_s + 1))?])
}

pub(crate) fn early(subject: &Subject, now_ms: i64) -> CaseResult {
    let rule = subject.timestamp()?;
    let future_s = rule.future_s.or(rule.past_s).map(i64::from);
    let future_s = future_s.ok_or_else(|| format!("{} has no tolerance.", subject.provider.name))?;
    // One second is added because the handler reads the clock a little later.
    let event = subject.event(now_ms + (future_s + 2) * 1_000);
    any(vec![event.probe_request(subject, &format!("signed {} s in the future", future_s + 2))?])
}

pub(crate) fn nearly_expired(subject: &Subject, now_ms: i64) -> CaseResult {
    let past_s = tolerance(subject)?;
    let age_s = (past_s - 5).max(0);
    exactly(1, vec![subject.event(now_ms - age_s * 1_000).probe_request(subject, &format!("signed {age_s} s ago"))?])
}

pub(crate) fn invalid_timestamps(subject: &Subject, now_ms: i64) -> CaseResult {
    let rule = subject.timestamp()?;
    if rule.unit == Unit::Raw {
        return Err("The vendor's timestamp has no tolerance.".into());
    }
    let event = subject.event(now_ms);
    let negative = format!("-{}", now_ms / 1_000);
    let mut requests = vec![
        event.dated(subject, "yesterday")?,
        event.dated(subject, "NaN")?,
        event.dated(subject, &negative)?,
        event.dated(subject, "1e400")?,
    ];
    if let Some(name) = rule.from.header_name() {
        let mut absent = event.probe_request(subject, "no timestamp")?;
        absent.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(&name));
        requests.push(absent);
    }
    exactly(0, requests)
}

pub(crate) fn two_signatures(subject: &Subject, now_ms: i64) -> CaseResult {
    if !subject.record.scheme.takes_several() {
        return Err(format!("{} sends one signature.", subject.provider.name));
    }
    if subject.record.scheme.places().iter().any(|place| place.secret.is_some()) {
        return Err(format!("{} uses a separate header for each of two secrets.", subject.provider.name));
    }
    let mut keys = subject.strange_keys()?;
    keys.secrets.extend(subject.keys.secrets.first().cloned());
    let event = SampleEvent { keys, ..subject.event(now_ms) };
    exactly(1, vec![event.probe_request(subject, "two signatures, the second is valid")?])
}

pub(crate) fn other_versions(subject: &Subject, now_ms: i64) -> CaseResult {
    let (mut request, place, range) = subject.event(now_ms).digest(subject)?;
    let value = &mut request.headers[place].1;
    let before = &value[..range.start];
    let (at, version, other) =
        [("sha512", "sha999"), ("sha256", "sha999"), ("sha1", "sha9"), ("v1", "v9"), ("v0", "v9")]
            .into_iter()
            .find_map(|(version, other)| before.rfind(version).map(|at| (at, version, other)))
            .ok_or_else(|| format!("{} sends no version with the signature.", subject.provider.name))?;
    value.replace_range(at..at + version.len(), other);
    exactly(0, vec![request.called(format!("only a signature of version {other}"))])
}

pub(crate) fn weak_and_strong(subject: &Subject, now_ms: i64) -> CaseResult {
    let weak = subject.provider.schemes.iter().find(|record| match &record.scheme {
        Scheme::Digest(digest) => {
            matches!(digest.algorithm, Algorithm::HmacSha1 | Algorithm::HmacMd5) && record.id != subject.record.id
        }
        _ => false,
    });
    let weak = weak.ok_or_else(|| format!("{} has only one signature scheme.", subject.provider.name))?;
    let event = subject.event(now_ms);
    let old = SampleEvent { scheme: weak.scheme.clone(), ..event.clone() }.probe_request(subject, "")?;
    let mut request = SampleEvent { keys: subject.strange_keys()?, ..event }
        .probe_request(subject, "valid weak signature, invalid strong signature")?;
    for (name, value) in old.headers {
        if !request.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(&name)) {
            request.headers.push((name, value));
        }
    }
    exactly(0, vec![request])
}

pub(crate) fn old_secret(subject: &Subject, now_ms: i64) -> CaseResult {
    let secret = subject.settings.old_secret.clone().ok_or("No previous secret is set.")?;
    let keys = Keys { secrets: vec![secret], params: subject.keys.params.clone() };
    let request =
        SampleEvent { keys, ..subject.event(now_ms) }.probe_request(subject, "signed with the previous secret")?;
    exactly(i64::from(subject.settings.old_secret_valid), vec![request])
}

pub(crate) fn lower_case(subject: &Subject, now_ms: i64) -> CaseResult {
    let request = subject.event(now_ms).probe_request(subject, "header names in lowercase")?;
    exactly(1, vec![ProbeRequest { transport: Transport::LowerCase, ..request }])
}

pub(crate) fn unusual_json(subject: &Subject, now_ms: i64) -> CaseResult {
    let written = |label: &str, write: &dyn Fn(&Value) -> Vec<u8>| {
        let mut event = subject.event(now_ms);
        event.body = Some(write(&event.payload).into());
        event.probe_request(subject, label)
    };
    let pretty = |value: &Value| serde_json::to_vec_pretty(value).unwrap_or_default();
    let escaped = |value: &Value| {
        let text = value.to_string();
        // A slash may be escaped (RFC 8259 section 7); PHP escapes it.
        text.replace('/', "\\/").into_bytes()
    };
    exactly(
        4,
        vec![
            written("indented", &pretty)?,
            written("followed by a newline", &|value| [value.to_string().as_bytes(), b"\n"].concat())?,
            written("fields in another order", &|value| reversed(value).to_string().into_bytes())?,
            written("escaped slashes", &escaped)?,
        ],
    )
}

/// Emoji of several code points, right-to-left text, combining marks, a line separator and a direction override.
const WORLD: &str = "👩‍👩‍👧 שלום مرحبا e\u{301} ﷽ \u{2028} 𝕳 \u{202e}abc";

pub(crate) fn unicode(subject: &Subject, now_ms: i64) -> CaseResult {
    let mut event = subject.event(now_ms);
    match prose(&mut event.payload) {
        Some(value) => *value = WORLD.into(),
        None => put(&mut event.payload, "text", WORLD.into()),
    }
    let plain = event.probe_request(subject, "text in many scripts")?;
    let mut event = SampleEvent { ..subject.event(now_ms) };
    match prose(&mut event.payload) {
        Some(value) => *value = WORLD.into(),
        None => put(&mut event.payload, "text", WORLD.into()),
    }
    let text: String = event
        .payload
        .to_string()
        .encode_utf16()
        .map(|unit| match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() => char::from(byte).to_string(),
            _ => format!("\\u{unit:04x}"),
        })
        .collect();
    event.body = Some(text.into_bytes().into());
    exactly(2, vec![plain, event.probe_request(subject, "the same text, escaped as UTF-16 surrogates")?])
}

pub(crate) fn three_times(subject: &Subject, now_ms: i64) -> CaseResult {
    let event = subject.event(now_ms);
    exactly(1, (1..=3).map(|time| event.probe_request(subject, &format!("copy {time}"))).collect::<Result<_, _>>()?)
}

pub(crate) fn thrice_at_once(subject: &Subject, now_ms: i64) -> CaseResult {
    let mut case = three_times(subject, now_ms)?;
    case.steps[0].pace = Pacing::AtOnce;
    Ok(case)
}

pub(crate) fn same_object(subject: &Subject, now_ms: i64) -> CaseResult {
    let usual = subject.event(now_ms);
    let seed = subject.fresh();
    let (_, sample) = subject.usual();
    let event = |label: &str| subject.of(usual.kind.clone(), &sample, seed, 0, now_ms).probe_request(subject, label);
    let requests = vec![event("the event")?, event("the same object with a new event ID")?];
    Ok(Case::of(requests, ExpectedEffects::Looked))
}

pub(crate) fn fails_once(subject: &Subject, now_ms: i64) -> CaseResult {
    broken_first(subject)?;
    let event = subject.event(now_ms);
    let step = |label: &str, broken| {
        Ok::<_, String>(Step { requests: vec![event.probe_request(subject, label)?], pace: Pacing::InOrder, broken })
    };
    Ok(Case {
        steps: vec![step("during the failure", true)?, step("the retry after the recovery", false)?],
        effects: ExpectedEffects::Exactly(1),
    })
}

fn broken_first(subject: &Subject) -> Result<(), String> {
    let missing = "Set a fail command and a restore command for a dependency of the handler.";
    subject.settings.fail_command.as_ref().map(drop).ok_or_else(|| missing.to_owned())
}

pub(crate) fn broken(subject: &Subject, now_ms: i64) -> CaseResult {
    broken_first(subject)?;
    let requests = vec![subject.event(now_ms).probe_request(subject, "during the failure")?];
    Ok(Case { steps: vec![Step { requests, pace: Pacing::InOrder, broken: true }], effects: ExpectedEffects::Any })
}

/// Replays a captured request later. If the scheme signs a timestamp, the replayed timestamp is expired.
pub(crate) fn captured(subject: &Subject, now_ms: i64) -> CaseResult {
    let Ok(past_s) = tolerance(subject) else {
        let event = subject.event(now_ms);
        return exactly(
            1,
            vec![event.probe_request(subject, "the event")?, event.probe_request(subject, "captured and replayed")?],
        );
    };
    let event = subject.event(now_ms);
    let old = SampleEvent { now_ms: now_ms - (past_s + 600) * 1_000, ..event.clone() };
    exactly(
        1,
        vec![
            event.probe_request(subject, "the event")?,
            old.probe_request(subject, &format!("the same, signed {} s ago", past_s + 600))?,
        ],
    )
}

fn scenario(subject: &Subject) -> Result<&Scenario, String> {
    let found = subject.scenario.as_ref().filter(|scenario| scenario.steps.len() > 1);
    found.ok_or_else(|| format!("Hookbench has no scenario of {} with several events.", subject.provider.name))
}

/// Maximum number of steps of a scenario that are sent.
const STEPS: usize = 8;

fn steps(subject: &Subject, now_ms: i64) -> Result<Vec<SampleEvent>, String> {
    let seed = subject.fresh();
    let steps = scenario(subject)?.steps.iter().take(STEPS).enumerate();
    Ok(steps.map(|(place, step)| subject.of(step.event.clone(), &step.payload, seed, place as u32, now_ms)).collect())
}

pub(crate) fn out_of_order(subject: &Subject, now_ms: i64) -> CaseResult {
    let events = steps(subject, now_ms)?;
    any(events.iter().rev().map(|event| event.probe_request(subject, &event.kind)).collect::<Result<_, _>>()?)
}

pub(crate) fn late_update(subject: &Subject, now_ms: i64) -> CaseResult {
    let events = steps(subject, now_ms)?;
    let mut requests =
        events.iter().map(|event| event.probe_request(subject, &event.kind)).collect::<Result<Vec<_>, _>>()?;
    if let Some(late) = events.first() {
        let late = SampleEvent { id: uuid::Uuid::now_v7().to_string(), ..late.clone() };
        requests.push(late.probe_request(subject, &format!("{}, sent again late", late.kind))?);
    }
    any(requests)
}

/// Event type that no vendor uses.
const UNKNOWN: &str = "hookbench.something_new";

pub(crate) fn unknown_type(subject: &Subject, now_ms: i64) -> CaseResult {
    exactly(0, vec![subject.event(now_ms).kind(subject, UNKNOWN).probe_request(subject, UNKNOWN)?])
}

pub(crate) fn more_fields(subject: &Subject, now_ms: i64) -> CaseResult {
    let mut event = subject.event(now_ms);
    put(&mut event.payload, "hookbench_new_field", json!({ "of": ["a", "later", "version"], "n": 1 }));
    if let Some(data) = event.payload.get_mut("data").filter(|data| data.is_object()) {
        data["hookbench_new_field"] = true.into();
    }
    exactly(1, vec![event.probe_request(subject, "unknown fields")?])
}

pub(crate) fn fewer_values(subject: &Subject, now_ms: i64) -> CaseResult {
    let made = |label: &str, change: &dyn Fn(&Value) -> Value| {
        let mut event = subject.event(now_ms);
        event.payload = change(&event.payload);
        event.probe_request(subject, label)
    };
    let empty = |value: &Value| match value {
        Value::Array(_) => json!([]),
        Value::String(_) => json!(""),
        other => other.clone(),
    };
    let mut requests = vec![
        made("null for optional values", &|value| emptied(value, &|_| Value::Null))?,
        made("empty strings and arrays", &|value| emptied(value, &empty))?,
    ];
    if subject.event(now_ms).payload.get("data").is_some() {
        requests.push(made("empty data", &|value| {
            let mut value = value.clone();
            put(&mut value, "data", json!({}));
            value
        })?);
    }
    any(requests)
}

pub(crate) fn id_types(subject: &Subject, now_ms: i64) -> CaseResult {
    let sent = |label: &str, text: bool| {
        let mut event = subject.event(now_ms);
        let id = numeric_id(&mut event.payload)
            .ok_or_else(|| format!("The events of {} have no numeric ID.", subject.provider.name))?;
        let digits = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
        *id = if text { digits.into() } else { digits.parse::<u64>().unwrap_or_default().into() };
        event.probe_request(subject, label)
    };
    any(vec![sent("ID as a string", true)?, sent("ID as a number", false)?])
}

pub(crate) fn minimal(subject: &Subject, now_ms: i64) -> CaseResult {
    let mut event = subject.event(now_ms);
    event.payload = json!({});
    any(vec![event.kind(subject, "test").probe_request(subject, "only the event type `test`")?])
}

/// Sizes of bodies in bytes, with their labels.
const SIZES: &[(usize, &str)] =
    &[(20_000, "20 kB"), (512 * 1024, "512 KiB"), (3_000_000, "3 MB"), (25_000_000, "25 MB")];

pub(crate) fn sizes(subject: &Subject, now_ms: i64) -> CaseResult {
    let mut requests = SIZES
        .iter()
        .map(|(size, name)| {
            let mut event = subject.event(now_ms);
            let own = event.payload.to_string().len();
            put(&mut event.payload, "hookbench_padding", "x".repeat(size.saturating_sub(own + 22)).into());
            event.probe_request(subject, name)
        })
        .collect::<Result<Vec<_>, _>>()?;
    requests.push(subject.event(now_ms).probe_request(subject, "a regular event after the large bodies")?);
    any(requests)
}

fn of_bytes(subject: &Subject, now_ms: i64, label: &str, body: &'static [u8]) -> CaseResult {
    if subject.timestamp().is_ok_and(|rule| rule.from.place == Place::Json) {
        return Err(format!(
            "{} sends the timestamp in the body, so malformed JSON cannot be signed.",
            subject.provider.name
        ));
    }
    let event = SampleEvent { body: Some(Bytes::from_static(body)), ..subject.event(now_ms) };
    exactly(0, vec![event.probe_request(subject, label)?])
}

pub(crate) fn no_json(subject: &Subject, now_ms: i64) -> CaseResult {
    of_bytes(subject, now_ms, "malformed JSON, correctly signed", b"{\"event\": \"cut sho")
}

pub(crate) fn no_body(subject: &Subject, now_ms: i64) -> CaseResult {
    of_bytes(subject, now_ms, "empty body, correctly signed", b"")
}

pub(crate) fn burst(subject: &Subject, now_ms: i64) -> CaseResult {
    let rate = subject.settings.burst;
    let requests =
        (1..=rate * BURST_S).map(|number| subject.event(now_ms).probe_request(subject, &format!("event {number}")));
    let (requests, gap) = (requests.collect::<Result<_, _>>()?, Duration::from_secs(1) / rate);
    Ok(Case {
        steps: vec![Step { requests, pace: Pacing::Every(gap), broken: false }],
        effects: ExpectedEffects::Accepted,
    })
}

pub(crate) fn gzip(subject: &Subject, now_ms: i64) -> CaseResult {
    let mut request =
        subject.event(now_ms).probe_request(subject, "body compressed with gzip, uncompressed text signed")?;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let body = packed.write_all(&request.body).and_then(|()| packed.finish()).map_err(|e| e.to_string())?;
    request.body = body.into();
    request.headers.push(("Content-Encoding".into(), "gzip".into()));
    any(vec![request])
}

/// Duration of a slow upload.
const SLOW: Duration = Duration::from_secs(2);

pub(crate) fn slow(subject: &Subject, now_ms: i64) -> CaseResult {
    let request = |label: &str, transport| {
        subject.event(now_ms).probe_request(subject, label).map(|request| ProbeRequest { transport, ..request })
    };
    any(vec![request("chunked", Transport::Chunked)?, request("in parts over 2 s", Transport::Slow(SLOW))?])
}
