//! What each check sends. An error is the reason why it is not asked.

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

/// How requests follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pacing {
    /// One after the other.
    InOrder,
    /// All at once.
    AtOnce,
    /// One each time this has gone by, whatever became of those before.
    Every(Duration),
}

/// Requests that belong together.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) shots: Vec<ProbeRequest>,
    pub(crate) pace: Pacing,
    /// Whether the handler is broken while they are sent.
    pub(crate) broken: bool,
}

/// How often something may happen in a case, where effects are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExpectedEffects {
    /// Nobody looks.
    Any,
    /// They are looked at, and the judge says what they mean.
    Looked,
    /// As many as were accepted.
    Accepted,
    Exactly(i64),
}

impl ExpectedEffects {
    /// How many are due, where so many were accepted; none where that is not counted.
    pub(crate) fn count(self, accepted: usize) -> Option<i64> {
        match self {
            Self::Any | Self::Looked => None,
            Self::Accepted => Some(accepted as i64),
            Self::Exactly(due) => Some(due),
        }
    }
}

/// What a check sends.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) rounds: Vec<Step>,
    pub(crate) effects: ExpectedEffects,
}

type Cased = Result<Case, String>;

impl Case {
    fn of(shots: Vec<ProbeRequest>, effects: ExpectedEffects) -> Self {
        Self { rounds: vec![Step { shots, pace: Pacing::InOrder, broken: false }], effects }
    }

    pub(crate) fn requests(&self) -> usize {
        self.rounds.iter().map(|round| round.shots.len()).sum()
    }
}

fn any(shots: Vec<ProbeRequest>) -> Cased {
    Ok(Case::of(shots, ExpectedEffects::Any))
}

fn exactly(effects: i64, shots: Vec<ProbeRequest>) -> Cased {
    Ok(Case::of(shots, ExpectedEffects::Exactly(effects)))
}

/// Nothing of its own: it looks at what the others were answered.
pub(crate) fn nothing(_: &Subject, _: i64) -> Cased {
    any(Vec::new())
}

pub(crate) fn signed(subject: &Subject, now_ms: i64) -> Cased {
    exactly(1, vec![subject.event(now_ms).shot(subject, "signed, as the vendor does")?])
}

pub(crate) fn five(subject: &Subject, now_ms: i64) -> Cased {
    let event = |number| subject.event(now_ms).shot(subject, &format!("event {number}, on a new connection"));
    any((1..=5).map(event).collect::<Result<_, _>>()?)
}

pub(crate) fn over_tls(subject: &Subject, now_ms: i64) -> Cased {
    if !subject.settings.url.to_ascii_lowercase().starts_with("https://") {
        return Err("The URL is not https://.".into());
    }
    any(vec![subject.event(now_ms).shot(subject, "over TLS, its certificate checked")?])
}

pub(crate) fn looked_at(subject: &Subject, _: i64) -> Cased {
    exactly(0, ["HEAD", "GET"].map(|method| bare(subject, method)).to_vec())
}

pub(crate) fn other_methods(subject: &Subject, now_ms: i64) -> Cased {
    let event = subject.event(now_ms);
    any(["PUT", "DELETE"]
        .map(|method| event.shot(subject, method).map(|shot| ProbeRequest { method: method.into(), ..shot }))
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
        manner: Transport::Plain,
    }
}

/// Meta's own question (<https://developers.facebook.com/docs/graph-api/webhooks/getting-started>).
pub(crate) fn challenge(subject: &Subject, _: i64) -> Cased {
    let asks = |handshake: &&Handshake| handshake.when.iter().any(|when| when == "query:hub.challenge");
    let handshake = subject.provider.handshakes.iter().find(asks);
    let handshake = handshake.ok_or_else(|| format!("{} asks no challenge with GET.", subject.provider.name))?;
    let name = handshake.matches.keys().next().ok_or("Its challenge carries no token.")?;
    let token = subject.keys.params.get(name).ok_or_else(|| format!("Set {name} to the token the handler knows."))?;
    let asked = |label: &str, token: &str| {
        let query: String = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("hub.mode", "subscribe"), ("hub.challenge", "1158201444"), ("hub.verify_token", token)])
            .finish();
        let joint = if subject.settings.url.contains('?') { '&' } else { '?' };
        ProbeRequest { url: format!("{}{joint}{query}", subject.settings.url), ..bare(subject, "GET") }.called(label)
    };
    exactly(0, vec![asked("right token", token), asked("wrong token", "not-the-token")])
}

/// CloudEvents' question (HTTP 1.1 Web Hooks for Event Delivery, §4).
pub(crate) fn allowed(subject: &Subject, _: i64) -> Cased {
    let options = |handshake: &Handshake| handshake.method.as_deref() == Some("OPTIONS");
    if !subject.provider.handshakes.iter().any(options) {
        return Err(format!("{} does not ask with OPTIONS.", subject.provider.name));
    }
    let mut shot = bare(subject, "OPTIONS");
    shot.headers.push(("WebHook-Request-Origin".into(), "hookbench.example".into()));
    exactly(0, vec![shot])
}

pub(crate) fn unsigned(subject: &Subject, now_ms: i64) -> Cased {
    let mut shot = subject.event(now_ms).shot(subject, "no signature")?;
    let names: Vec<String> =
        subject.record.scheme.places().iter().filter_map(hookbench_signature::Source::header_name).collect();
    shot.headers.retain(|(name, _)| !names.iter().any(|signature| signature.eq_ignore_ascii_case(name)));
    exactly(0, vec![shot])
}

/// With the right one behind it, under the same id: who notes ids before checking signatures loses it.
pub(crate) fn wrong_secret(subject: &Subject, now_ms: i64) -> Cased {
    let right = subject.event(now_ms);
    let forged = SampleEvent { keys: subject.strange_keys()?, ..right.clone() };
    exactly(
        1,
        vec![forged.shot(subject, "signed with another secret")?, right.shot(subject, "the same, rightly signed")?],
    )
}

/// What a handler accepts whose secret was not set: an empty environment variable makes an empty key.
pub(crate) fn empty_secret(subject: &Subject, now_ms: i64) -> Cased {
    subject.strange_keys()?;
    let Scheme::Digest(digest) = &subject.record.scheme else {
        return Err(format!("{} does not sign with an HMAC.", subject.provider.name));
    };
    if !matches!(digest.algorithm, Algorithm::HmacSha1 | Algorithm::HmacSha256 | Algorithm::HmacSha512) {
        return Err(format!("{} does not sign with an HMAC.", subject.provider.name));
    }
    // A key is filled up with zeros (RFC 2104 §2), so one zero byte is the empty key, and can be written as a secret.
    let empty = match digest.key {
        KeyForm::Prefixed | KeyForm::PrefixedOrText => "whsec_AA==",
        KeyForm::Base64 | KeyForm::Base64url => "AA==",
        KeyForm::Hex => "00",
        KeyForm::Text | KeyForm::Nfkd => "\0",
        _ => return Err(format!("{} makes its key of a secret in another way.", subject.provider.name)),
    };
    let keys = Keys { secrets: vec![empty.to_owned()], params: subject.keys.params.clone() };
    let forged = SampleEvent { keys, ..subject.event(now_ms) };
    exactly(0, vec![forged.shot(subject, "signed with an empty secret")?])
}

/// The right secret, with another hash than the vendor's.
pub(crate) fn other_algorithm(subject: &Subject, now_ms: i64) -> Cased {
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
        _ => return Err(format!("{} says in its token how it signs.", subject.provider.name)),
    };
    exactly(0, vec![event.shot(subject, &format!("the right secret with {other:?}"))?])
}

/// A type in a header that nobody signed, and another in the body that was signed.
pub(crate) fn unsigned_type(subject: &Subject, now_ms: i64) -> Cased {
    let header = Subject::places(&subject.provider.event_type, Place::Header).find_map(Source::header_name);
    let header = header.ok_or_else(|| format!("{} says no event type in a header.", subject.provider.name))?;
    if subject.type_fields().is_empty() {
        return Err(format!("{} says the event type in a header alone.", subject.provider.name));
    }
    if let Scheme::Digest(digest) = &subject.record.scheme
        && digest
            .content
            .sources()
            .into_iter()
            .filter_map(Source::header_name)
            .any(|name| name.eq_ignore_ascii_case(&header))
    {
        return Err(format!("{} signs the header that says the event type.", subject.provider.name));
    }
    let event = subject.event(now_ms);
    let usual = event.kind.clone();
    let mut event = event.kind(subject, UNKNOWN_TYPE);
    event.headers.push((header, usual.clone()));
    let label = format!("the body says {UNKNOWN_TYPE}, the header {usual}");
    Ok(Case::of(vec![event.shot(subject, &label)?], ExpectedEffects::Looked))
}

/// Refused with a body, then an event, over one connection.
pub(crate) fn reused(subject: &Subject, now_ms: i64) -> Cased {
    let put = subject.event(now_ms).shot(subject, "PUT with a body")?;
    let put = ProbeRequest { method: "PUT".into(), ..put };
    let event = |label: &str| subject.event(now_ms).shot(subject, label);
    let all = [put, event("an event behind it, on the same connection")?, event("a second one")?];
    any(all.into_iter().map(|shot| ProbeRequest { manner: Transport::Reused, ..shot }).collect())
}

/// An event type that no vendor has.
const UNKNOWN_TYPE: &str = "hookbench.unknown";

pub(crate) fn changed_body(subject: &Subject, now_ms: i64) -> Cased {
    if !subject.record.scheme.signs_body() {
        return Err(format!("{} does not sign the body.", subject.provider.name));
    }
    let event = subject.event(now_ms);
    let mut shot = event.shot(subject, "a space more in the body")?;
    // JSON means the same, so only who compares the bytes finds it.
    shot.body = [&shot.body[..], b" "].concat().into();
    let mut other = event.shot(subject, "another value in the body")?;
    let mut payload = event.payload.clone();
    match prose(&mut payload) {
        Some(value) => *value = "changed on the way".into(),
        None => put(&mut payload, "changed_on_the_way", true.into()),
    }
    other.body = serde_json::to_vec(&payload).unwrap_or_default().into();
    exactly(0, vec![shot, other])
}

pub(crate) fn mangled(subject: &Subject, now_ms: i64) -> Cased {
    let event = subject.event(now_ms);
    let (shot, place, range) = event.digest(subject)?;
    let with = |label: &str, digest: &str| {
        let mut shot = shot.clone().called(label);
        shot.headers[place].1.replace_range(range.clone(), digest);
        shot
    };
    let digest = &shot.headers[place].1[range.clone()];
    let shorter: String = digest.chars().take(digest.chars().count().saturating_sub(10)).collect();
    exactly(
        0,
        vec![
            with("signature cut short", &shorter),
            with("signature empty", ""),
            with("signature of other letters", "not_a*signature"),
            with("signature very long", &"0".repeat(4_000)),
        ],
    )
}

/// Seconds that a timestamp may lie in the past.
fn tolerance(subject: &Subject) -> Result<i64, String> {
    let rule = subject.timestamp()?;
    rule.past_s
        .map(i64::from)
        .ok_or_else(|| format!("{} sets no limit to how old a request may be.", subject.provider.name))
}

pub(crate) fn stale(subject: &Subject, now_ms: i64) -> Cased {
    let past_s = tolerance(subject)?;
    let event = subject.event(now_ms - (past_s + 1) * 1_000);
    exactly(0, vec![event.shot(subject, &format!("signed {} s ago", past_s + 1))?])
}

pub(crate) fn early(subject: &Subject, now_ms: i64) -> Cased {
    let rule = subject.timestamp()?;
    let future_s = rule.future_s.or(rule.past_s).map(i64::from);
    let future_s = future_s.ok_or_else(|| format!("{} sets no limit.", subject.provider.name))?;
    // A second more: the handler's clock is read a little later.
    let event = subject.event(now_ms + (future_s + 2) * 1_000);
    any(vec![event.shot(subject, &format!("signed {} s ahead", future_s + 2))?])
}

pub(crate) fn nearly_stale(subject: &Subject, now_ms: i64) -> Cased {
    let past_s = tolerance(subject)?;
    let age_s = (past_s - 5).max(0);
    exactly(1, vec![subject.event(now_ms - age_s * 1_000).shot(subject, &format!("signed {age_s} s ago"))?])
}

pub(crate) fn odd_timestamps(subject: &Subject, now_ms: i64) -> Cased {
    let rule = subject.timestamp()?;
    if rule.unit == Unit::Raw {
        return Err("Its timestamp is compared with nothing.".into());
    }
    let event = subject.event(now_ms);
    let negative = format!("-{}", now_ms / 1_000);
    let mut shots = vec![
        event.dated(subject, "yesterday")?,
        event.dated(subject, "NaN")?,
        event.dated(subject, &negative)?,
        event.dated(subject, "1e400")?,
    ];
    if let Some(name) = rule.from.header_name() {
        let mut absent = event.shot(subject, "no timestamp")?;
        absent.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(&name));
        shots.push(absent);
    }
    exactly(0, shots)
}

pub(crate) fn two_signatures(subject: &Subject, now_ms: i64) -> Cased {
    if !subject.record.scheme.takes_several() {
        return Err(format!("{} sends one signature.", subject.provider.name));
    }
    if subject.record.scheme.places().iter().any(|place| place.secret.is_some()) {
        return Err(format!("{} has a place of its own for each of two secrets.", subject.provider.name));
    }
    let mut keys = subject.strange_keys()?;
    keys.secrets.extend(subject.keys.secrets.first().cloned());
    let event = SampleEvent { keys, ..subject.event(now_ms) };
    exactly(1, vec![event.shot(subject, "two signatures, the second is right")?])
}

pub(crate) fn other_versions(subject: &Subject, now_ms: i64) -> Cased {
    let (mut shot, place, range) = subject.event(now_ms).digest(subject)?;
    let value = &mut shot.headers[place].1;
    let before = &value[..range.start];
    let (at, version, other) =
        [("sha512", "sha999"), ("sha256", "sha999"), ("sha1", "sha9"), ("v1", "v9"), ("v0", "v9")]
            .into_iter()
            .find_map(|(version, other)| before.rfind(version).map(|at| (at, version, other)))
            .ok_or_else(|| format!("{} names no version beside its signature.", subject.provider.name))?;
    value.replace_range(at..at + version.len(), other);
    exactly(0, vec![shot.called(format!("only a signature of version {other}"))])
}

pub(crate) fn weak_and_strong(subject: &Subject, now_ms: i64) -> Cased {
    let weak = subject.provider.schemes.iter().find(|record| match &record.scheme {
        Scheme::Digest(digest) => {
            matches!(digest.algorithm, Algorithm::HmacSha1 | Algorithm::HmacMd5) && record.id != subject.record.id
        }
        _ => false,
    });
    let weak = weak.ok_or_else(|| format!("{} signs in one way only.", subject.provider.name))?;
    let event = subject.event(now_ms);
    let old = SampleEvent { scheme: weak.scheme.clone(), ..event.clone() }.shot(subject, "")?;
    let mut shot = SampleEvent { keys: subject.strange_keys()?, ..event }
        .shot(subject, "weak signature right, strong one wrong")?;
    for (name, value) in old.headers {
        if !shot.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(&name)) {
            shot.headers.push((name, value));
        }
    }
    exactly(0, vec![shot])
}

pub(crate) fn old_secret(subject: &Subject, now_ms: i64) -> Cased {
    let secret = subject.settings.old_secret.clone().ok_or("No old secret was given.")?;
    let keys = Keys { secrets: vec![secret], params: subject.keys.params.clone() };
    let shot = SampleEvent { keys, ..subject.event(now_ms) }.shot(subject, "signed with the old secret")?;
    exactly(i64::from(subject.settings.old_secret_valid), vec![shot])
}

pub(crate) fn lower_case(subject: &Subject, now_ms: i64) -> Cased {
    let shot = subject.event(now_ms).shot(subject, "header names in lower case")?;
    exactly(1, vec![ProbeRequest { manner: Transport::LowerCase, ..shot }])
}

pub(crate) fn odd_json(subject: &Subject, now_ms: i64) -> Cased {
    let written = |label: &str, write: &dyn Fn(&Value) -> Vec<u8>| {
        let mut event = subject.event(now_ms);
        event.body = Some(write(&event.payload).into());
        event.shot(subject, label)
    };
    let pretty = |value: &Value| serde_json::to_vec_pretty(value).unwrap_or_default();
    let escaped = |value: &Value| {
        let text = value.to_string();
        // A solidus may be escaped or not (RFC 8259 §7); PHP escapes it.
        text.replace('/', "\\/").into_bytes()
    };
    exactly(
        4,
        vec![
            written("indented", &pretty)?,
            written("a line's end behind it", &|value| [value.to_string().as_bytes(), b"\n"].concat())?,
            written("fields in another order", &|value| reversed(value).to_string().into_bytes())?,
            written("solidus escaped", &escaped)?,
        ],
    )
}

/// Emoji of several code points, both directions of writing, combining marks, and a line separator.
const WORLD: &str = "👩‍👩‍👧 שלום مرحبا e\u{301} ﷽ \u{2028} 𝕳 \u{202e}abc";

pub(crate) fn unicode(subject: &Subject, now_ms: i64) -> Cased {
    let mut event = subject.event(now_ms);
    match prose(&mut event.payload) {
        Some(value) => *value = WORLD.into(),
        None => put(&mut event.payload, "text", WORLD.into()),
    }
    let plain = event.shot(subject, "text of many scripts")?;
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
    exactly(2, vec![plain, event.shot(subject, "the same, escaped with surrogates")?])
}

pub(crate) fn thrice(subject: &Subject, now_ms: i64) -> Cased {
    let event = subject.event(now_ms);
    exactly(1, (1..=3).map(|time| event.shot(subject, &format!("time {time}"))).collect::<Result<_, _>>()?)
}

pub(crate) fn thrice_at_once(subject: &Subject, now_ms: i64) -> Cased {
    let mut case = thrice(subject, now_ms)?;
    case.rounds[0].pace = Pacing::AtOnce;
    Ok(case)
}

pub(crate) fn same_object(subject: &Subject, now_ms: i64) -> Cased {
    let usual = subject.event(now_ms);
    let seed = subject.fresh();
    let (_, sample) = subject.usual();
    let event = |label: &str| subject.of(usual.kind.clone(), &sample, seed, 0, now_ms).shot(subject, label);
    let shots = vec![event("the event")?, event("the same of it, under a new id")?];
    Ok(Case::of(shots, ExpectedEffects::Looked))
}

pub(crate) fn fails_once(subject: &Subject, now_ms: i64) -> Cased {
    broken_first(subject)?;
    let event = subject.event(now_ms);
    let round = |label: &str, broken| {
        Ok::<_, String>(Step { shots: vec![event.shot(subject, label)?], pace: Pacing::InOrder, broken })
    };
    Ok(Case {
        rounds: vec![round("while it is broken", true)?, round("the retry, mended", false)?],
        effects: ExpectedEffects::Exactly(1),
    })
}

fn broken_first(subject: &Subject) -> Result<(), String> {
    let missing = "Give commands that break and mend what the handler depends on.";
    subject.settings.break_with.as_ref().map(drop).ok_or_else(|| missing.to_owned())
}

pub(crate) fn broken(subject: &Subject, now_ms: i64) -> Cased {
    broken_first(subject)?;
    let shots = vec![subject.event(now_ms).shot(subject, "while it is broken")?];
    Ok(Case { rounds: vec![Step { shots, pace: Pacing::InOrder, broken: true }], effects: ExpectedEffects::Any })
}

/// Long after it was captured: its signature is old where the scheme says when it was made.
pub(crate) fn captured(subject: &Subject, now_ms: i64) -> Cased {
    let Ok(past_s) = tolerance(subject) else {
        let event = subject.event(now_ms);
        return exactly(1, vec![event.shot(subject, "the event")?, event.shot(subject, "captured, and sent again")?]);
    };
    let event = subject.event(now_ms);
    let old = SampleEvent { now_ms: now_ms - (past_s + 600) * 1_000, ..event.clone() };
    exactly(
        1,
        vec![
            event.shot(subject, "the event")?,
            old.shot(subject, &format!("the same, signed {} s ago", past_s + 600))?,
        ],
    )
}

fn scenario(subject: &Subject) -> Result<&Scenario, String> {
    let found = subject.scenario.as_ref().filter(|scenario| scenario.steps.len() > 1);
    found.ok_or_else(|| {
        format!("There is no scenario of {} whose events could come in another order.", subject.provider.name)
    })
}

/// Most steps of a scenario that are sent.
const STEPS: usize = 8;

fn steps(subject: &Subject, now_ms: i64) -> Result<Vec<SampleEvent>, String> {
    let seed = subject.fresh();
    let steps = scenario(subject)?.steps.iter().take(STEPS).enumerate();
    Ok(steps.map(|(place, step)| subject.of(step.event.clone(), &step.payload, seed, place as u32, now_ms)).collect())
}

pub(crate) fn out_of_order(subject: &Subject, now_ms: i64) -> Cased {
    let events = steps(subject, now_ms)?;
    any(events.iter().rev().map(|event| event.shot(subject, &event.kind)).collect::<Result<_, _>>()?)
}

pub(crate) fn late_update(subject: &Subject, now_ms: i64) -> Cased {
    let events = steps(subject, now_ms)?;
    let mut shots = events.iter().map(|event| event.shot(subject, &event.kind)).collect::<Result<Vec<_>, _>>()?;
    if let Some(late) = events.first() {
        let late = SampleEvent { id: uuid::Uuid::now_v7().to_string(), ..late.clone() };
        shots.push(late.shot(subject, &format!("{}, once more and late", late.kind))?);
    }
    any(shots)
}

/// An event type that no vendor has.
const UNKNOWN: &str = "hookbench.something_new";

pub(crate) fn unknown_type(subject: &Subject, now_ms: i64) -> Cased {
    exactly(0, vec![subject.event(now_ms).kind(subject, UNKNOWN).shot(subject, UNKNOWN)?])
}

pub(crate) fn more_fields(subject: &Subject, now_ms: i64) -> Cased {
    let mut event = subject.event(now_ms);
    put(&mut event.payload, "hookbench_new_field", json!({ "of": ["a", "later", "version"], "n": 1 }));
    if let Some(data) = event.payload.get_mut("data").filter(|data| data.is_object()) {
        data["hookbench_new_field"] = true.into();
    }
    exactly(1, vec![event.shot(subject, "fields nobody knows yet")?])
}

pub(crate) fn fewer_values(subject: &Subject, now_ms: i64) -> Cased {
    let made = |label: &str, change: &dyn Fn(&Value) -> Value| {
        let mut event = subject.event(now_ms);
        event.payload = change(&event.payload);
        event.shot(subject, label)
    };
    let empty = |value: &Value| match value {
        Value::Array(_) => json!([]),
        Value::String(_) => json!(""),
        other => other.clone(),
    };
    let mut shots = vec![
        made("null where a value may be absent", &|value| emptied(value, &|_| Value::Null))?,
        made("empty texts and lists", &|value| emptied(value, &empty))?,
    ];
    if subject.event(now_ms).payload.get("data").is_some() {
        shots.push(made("data is empty", &|value| {
            let mut value = value.clone();
            put(&mut value, "data", json!({}));
            value
        })?);
    }
    any(shots)
}

pub(crate) fn id_types(subject: &Subject, now_ms: i64) -> Cased {
    let sent = |label: &str, text: bool| {
        let mut event = subject.event(now_ms);
        let id = numeric_id(&mut event.payload)
            .ok_or_else(|| format!("The events of {} have no id that is a number.", subject.provider.name))?;
        let digits = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
        *id = if text { digits.into() } else { digits.parse::<u64>().unwrap_or_default().into() };
        event.shot(subject, label)
    };
    any(vec![sent("its id as a text", true)?, sent("its id as a number", false)?])
}

pub(crate) fn minimal(subject: &Subject, now_ms: i64) -> Cased {
    let mut event = subject.event(now_ms);
    event.payload = json!({});
    any(vec![event.kind(subject, "test").shot(subject, "nothing but its type, which is test")?])
}

/// Sizes of bodies, in bytes, and how a person reads them.
const SIZES: &[(usize, &str)] =
    &[(20_000, "20 kB"), (512 * 1024, "512 KiB"), (3_000_000, "3 MB"), (25_000_000, "25 MB")];

pub(crate) fn sizes(subject: &Subject, now_ms: i64) -> Cased {
    let mut shots = SIZES
        .iter()
        .map(|(size, name)| {
            let mut event = subject.event(now_ms);
            let own = event.payload.to_string().len();
            put(&mut event.payload, "hookbench_padding", "x".repeat(size.saturating_sub(own + 22)).into());
            event.shot(subject, name)
        })
        .collect::<Result<Vec<_>, _>>()?;
    shots.push(subject.event(now_ms).shot(subject, "is it still there?")?);
    any(shots)
}

fn of_bytes(subject: &Subject, now_ms: i64, label: &str, body: &'static [u8]) -> Cased {
    if subject.timestamp().is_ok_and(|rule| rule.from.place == Place::Json) {
        return Err(format!(
            "{} says in the body when it was signed, so a broken one is never right.",
            subject.provider.name
        ));
    }
    let event = SampleEvent { body: Some(Bytes::from_static(body)), ..subject.event(now_ms) };
    exactly(0, vec![event.shot(subject, label)?])
}

pub(crate) fn no_json(subject: &Subject, now_ms: i64) -> Cased {
    of_bytes(subject, now_ms, "broken JSON, rightly signed", b"{\"event\": \"cut sho")
}

pub(crate) fn no_body(subject: &Subject, now_ms: i64) -> Cased {
    of_bytes(subject, now_ms, "no body, rightly signed", b"")
}

pub(crate) fn burst(subject: &Subject, now_ms: i64) -> Cased {
    let rate = subject.settings.burst;
    let shots = (1..=rate * BURST_S).map(|number| subject.event(now_ms).shot(subject, &format!("event {number}")));
    let (shots, gap) = (shots.collect::<Result<_, _>>()?, Duration::from_secs(1) / rate);
    Ok(Case {
        rounds: vec![Step { shots, pace: Pacing::Every(gap), broken: false }],
        effects: ExpectedEffects::Accepted,
    })
}

pub(crate) fn gzip(subject: &Subject, now_ms: i64) -> Cased {
    let mut shot = subject.event(now_ms).shot(subject, "the body packed, its text signed")?;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let body = packed.write_all(&shot.body).and_then(|()| packed.finish()).map_err(|e| e.to_string())?;
    shot.body = body.into();
    shot.headers.push(("Content-Encoding".into(), "gzip".into()));
    any(vec![shot])
}

/// How long a slow upload takes.
const SLOW: Duration = Duration::from_secs(2);

pub(crate) fn slow(subject: &Subject, now_ms: i64) -> Cased {
    let shot =
        |label: &str, manner| subject.event(now_ms).shot(subject, label).map(|shot| ProbeRequest { manner, ..shot });
    any(vec![shot("in chunks", Transport::Chunked)?, shot("piece by piece, over 2 s", Transport::Slow(SLOW))?])
}
