//! Handler under test, and the signed events sent to it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use hookbench_delivery::{
    Connections, Trust, new_secret, target_of, vendor_request,
    vendor_request::{SampleContext, UnsignedRequest},
};
use hookbench_model::{CheckSettings, DeliveryPolicy};
use hookbench_provider::{Places, Provider, Scenario, SchemeRecord, sample};
use hookbench_signature::{Algorithm, Keys, Place, Scheme, Source, TimestampRule, Unit};
use hookbench_store::endpoint::EndpointRow;
use serde_json::{Map, Value};

use super::probe_request::{ProbeRequest, Secrets, Transport};

/// Handler under test, and the vendor whose events are sent.
#[derive(Debug)]
pub struct Subject {
    pub(crate) settings: CheckSettings,
    pub(crate) provider: Provider,
    pub(crate) record: SchemeRecord,
    pub(crate) keys: Keys,
    pub(crate) policy: DeliveryPolicy,
    pub(crate) scenario: Option<Scenario>,
    /// Connections of this run only, so that other requests cannot affect the result.
    pub(crate) connections: Connections,
    /// TLS settings of the endpoint, if any.
    pub(crate) trust: Trust,
    /// Random secret in the vendor's form, not known to the handler.
    stranger: String,
    /// Secrets to mask in reports.
    pub(crate) secrets: Secrets,
    /// Seed of all events of this run.
    seed: u64,
    events: AtomicU64,
    /// True while the dependency of the handler is in the failed state.
    pub(crate) broken: AtomicBool,
    /// True if the restore command failed.
    pub(crate) not_restored: AtomicBool,
}

/// Event before it is signed.
#[derive(Debug, Clone)]
pub(crate) struct SampleEvent {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) payload: Value,
    /// Body, if it differs from the serialized payload.
    pub(crate) body: Option<Bytes>,
    pub(crate) method: &'static str,
    pub(crate) keys: Keys,
    pub(crate) scheme: Scheme,
    /// Headers in addition to the vendor's, set before signing.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) now_ms: i64,
}

impl Subject {
    /// Builds the subject of a run from its settings.
    ///
    /// # Errors
    ///
    /// Returns the missing or invalid setting as a sentence.
    pub(crate) fn new(
        mut settings: CheckSettings,
        endpoint: Option<&EndpointRow>,
        catalog: &hookbench_provider::Catalog,
        scenarios: &[Scenario],
        now_us: i64,
    ) -> Result<Self, String> {
        let mut keys = Keys { secrets: vec![settings.secret.clone()], params: settings.params.clone() };
        let mut trust = Trust::default();
        if let Some(row) = endpoint {
            let own = &row.settings;
            // A run keeps the URL with which it was started, even if the URL of the endpoint changes.
            if settings.url.is_empty() {
                settings.url.clone_from(&own.url);
            }
            if settings.provider.is_empty() {
                settings.provider.clone_from(&own.provider);
                settings.scheme.clone_from(&own.scheme);
            }
            let mut kept = hookbench_delivery::keys(own, now_us);
            kept.params.append(&mut keys.params);
            keys.params = kept.params;
            if settings.secret.is_empty() {
                keys.secrets = kept.secrets.into_iter().take(1).collect();
            }
            trust = hookbench_delivery::trust(own).unwrap_or_default();
        }
        let provider = catalog.get(&settings.provider).ok_or_else(|| match settings.provider.as_str() {
            "" => "`provider` is missing. Set it to the vendor that sends events to the handler.".to_owned(),
            id => catalog.missing(id),
        })?;
        let record = provider.scheme(settings.scheme.as_deref());
        let record =
            record.ok_or_else(|| format!("{} has no signature scheme, so the checks cannot run.", provider.name))?;
        if keys.secrets.iter().all(String::is_empty) {
            return Err(format!("`secret` is missing. Set it to the handler's signing secret for {}.", provider.name));
        }
        if let Some(missing) = record.scheme.params().into_iter().find(|name| !keys.params.contains_key(name)) {
            return Err(format!("{} requires the parameter {missing}: --param {missing}=…", provider.name));
        }
        let sending = provider.sending.as_ref();
        if let (Some(kind), None, Some(sending)) = (&settings.event, &settings.payload, sending)
            && sending.event(kind).is_none()
        {
            return Err(format!(
                "Hookbench has no sample of the {} event {kind:?}. Set a payload as well.",
                provider.name
            ));
        }
        let stranger = new_secret(sending.map(|sending| sending.secret).unwrap_or_default())?;
        let own_policy = endpoint.map(|row| row.settings.policy.clone()).unwrap_or_default();
        let subject = Self {
            policy: sending.map(|sending| sending.policy.clone()).unwrap_or_default().with(&own_policy),
            scenario: scenarios.iter().find(|scenario| scenario.provider == provider.id).cloned(),
            provider: provider.clone(),
            record: record.clone(),
            stranger,
            secrets: Secrets::of(
                keys.secrets.iter().chain(&settings.old_secret).chain(keys.params.values()).map(String::as_str),
            ),
            keys,
            connections: Connections::new(),
            trust,
            settings,
            seed: uuid::Uuid::now_v7().as_u128() as u64,
            events: AtomicU64::new(0),
            broken: AtomicBool::new(false),
            not_restored: AtomicBool::new(false),
        };
        // Without one signed event, no check can run.
        subject.event(now_us / 1_000).probe_request(&subject, "")?;
        Ok(subject)
    }

    /// Returns the timeout of a response in milliseconds.
    pub(crate) fn timeout_ms(&self) -> u32 {
        self.settings.timeout_ms.min(*self.policy.timeout_ms.value())
    }

    /// Returns a regular event with new objects.
    pub(crate) fn event(&self, now_ms: i64) -> SampleEvent {
        let (kind, sample) = self.usual();
        self.of(kind, &sample, self.fresh(), 0, now_ms)
    }

    /// Returns the type and sample of the event that has a side effect. The vendor's test event has none.
    pub(crate) fn usual(&self) -> (String, Value) {
        let found = self.provider.sending.as_ref().and_then(|sending| match &self.settings.event {
            Some(name) => sending.event(name),
            None => sending.events.first(),
        });
        let (kind, sample) = match found {
            Some(event) => (event.sent_as().to_owned(), event.sample.value()),
            None => (self.settings.event.clone().unwrap_or_else(|| SAMPLE_TYPE.into()), generated()),
        };
        (kind, self.settings.payload.clone().unwrap_or(sample))
    }

    /// Sets the timestamp in the payload, if the vendor sends it there.
    fn date(&self, payload: &mut Value, now_ms: i64) {
        let Ok(rule) = self.timestamp() else { return };
        if rule.from.place == Place::Json {
            let at = jiff::Timestamp::from_millisecond(now_ms).unwrap_or_default();
            let message = match rule.unit {
                Unit::S | Unit::Raw => at.as_second().into(),
                Unit::Ms => now_ms.into(),
                Unit::Iso => at.to_string().into(),
            };
            let _ = sample::set(payload, &rule.from.name, message);
        }
    }

    /// Returns true if Hookbench has no event of this vendor, so that the sample is generated.
    pub fn uses_generated_event(&self) -> bool {
        self.settings.payload.is_none() && self.knows_none()
    }

    fn knows_none(&self) -> bool {
        self.provider.sending.as_ref().is_none_or(|sending| sending.events.is_empty())
    }

    /// Returns the sources of a place, such as headers or the JSON body.
    pub(crate) fn places(places: &[Places], place: Place) -> impl Iterator<Item = &Source> {
        places.iter().flat_map(Places::sources).filter(move |source| source.place == place)
    }

    /// Returns a seed that no other event uses.
    pub(crate) fn fresh(&self) -> u64 {
        self.seed.wrapping_add(self.events.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// Returns an event of a type, generated from a seed.
    pub(crate) fn of(&self, kind: String, sample: &Value, seed: u64, step: u32, now_ms: i64) -> SampleEvent {
        let id = uuid::Uuid::now_v7().to_string();
        let mut payload = vendor_request::payload(&kind, sample, &SampleContext { id: &id, seed, step, now_ms });
        if self.uses_generated_event() {
            for (places, value) in [(&self.provider.event_type, &kind), (&self.provider.event_id, &id)] {
                for source in Self::places(places, Place::Json) {
                    let _ = sample::set(&mut payload, &source.name, value.as_str().into());
                }
            }
        }
        self.date(&mut payload, now_ms);
        SampleEvent {
            id,
            kind,
            payload,
            body: None,
            method: "POST",
            keys: self.keys.clone(),
            scheme: self.record.scheme.clone(),
            headers: Vec::new(),
            now_ms,
        }
    }

    /// Returns the timestamp rule of the scheme: its place and its tolerance.
    pub(crate) fn timestamp(&self) -> Result<&TimestampRule, String> {
        let rule = match &self.record.scheme {
            Scheme::Digest(digest) => digest.timestamp.as_ref(),
            Scheme::Jws(jws) => jws.timestamp.as_ref(),
            Scheme::Jwt(_) | Scheme::Code(_) => None,
        };
        rule.ok_or_else(|| format!("{} does not sign a timestamp.", self.provider.name))
    }

    /// Returns a random key that is not the handler's.
    pub(crate) fn strange_keys(&self) -> Result<Keys, String> {
        let symmetric = match &self.record.scheme {
            Scheme::Digest(digest) => digest.algorithm.is_symmetric() || digest.algorithm == Algorithm::Token,
            Scheme::Jwt(jwt) => jwt.algorithms.iter().any(|name| name.starts_with("HS")),
            Scheme::Jws(_) | Scheme::Code(_) => false,
        };
        match symmetric {
            true => Ok(Keys { secrets: vec![self.stranger.clone()], params: self.keys.params.clone() }),
            false => Err(format!(
                "{} signs with its private key, so Hookbench cannot create another signature.",
                self.provider.name
            )),
        }
    }

    /// Returns the fields of the JSON body that contain the event type.
    pub(crate) fn type_fields(&self) -> Vec<String> {
        let sources = self.provider.event_type.iter().flat_map(|places| places.sources());
        sources.filter(|source| source.place == Place::Json).map(|source| source.name.clone()).collect()
    }
}

impl SampleEvent {
    /// Returns the body to send. If the vendor sends the timestamp in the body, it is set to the time of this event.
    fn bytes(&self, subject: &Subject) -> Bytes {
        if let Some(body) = &self.body {
            return body.clone();
        }
        let mut payload = self.payload.clone();
        subject.date(&mut payload, self.now_ms);
        serde_json::to_vec(&payload).unwrap_or_default().into()
    }

    /// Returns the event with another type.
    pub(crate) fn kind(mut self, subject: &Subject, kind: &str) -> Self {
        for field in subject.type_fields() {
            let _ = sample::set(&mut self.payload, &field, kind.into());
        }
        self.kind = kind.to_owned();
        self
    }

    /// Returns the signed request.
    pub(crate) fn probe_request(&self, subject: &Subject, label: &str) -> Result<ProbeRequest, String> {
        let url = &subject.settings.url;
        let mut headers = vendor_request::plain_headers(&subject.provider, &self.kind, &self.id);
        for (name, value) in &self.headers {
            headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
            headers.push((name.clone(), value.clone()));
        }
        let (target, body) = (target_of(url), self.bytes(subject));
        let unsigned = UnsignedRequest { method: self.method, target: &target, url, headers: &headers, body: &body };
        let signature = vendor_request::signature(&self.scheme, &unsigned, &self.keys, &self.id, self.now_ms)
            .map_err(|why| format!("The event cannot be signed: {why}"))?;
        if signature.is_empty() {
            return Err(format!(
                "{} does not sign in headers. The checks only send signatures in headers.",
                subject.provider.name
            ));
        }
        for (name, value) in signature {
            headers.retain(|(other, _)| !other.eq_ignore_ascii_case(&name));
            headers.push((name, value));
        }
        Ok(ProbeRequest {
            label: label.to_owned(),
            method: self.method.to_owned(),
            url: url.clone(),
            headers,
            body,
            transport: Transport::Plain,
        })
    }

    /// Returns the request signed with this timestamp text.
    pub(crate) fn dated(&self, subject: &Subject, text: &str) -> Result<ProbeRequest, String> {
        let rule = subject.timestamp()?;
        let mut event = self.clone();
        let Scheme::Digest(digest) = &mut event.scheme else {
            return Err(format!("{} sends the timestamp in a token, which cannot be changed.", subject.provider.name));
        };
        digest.timestamp = None;
        match rule.from.place {
            Place::Header => event.headers.extend(rule.from.header_name().map(|name| (name, text.to_owned()))),
            Place::Signature => {
                event.keys.params.insert(rule.from.name.clone(), text.to_owned());
            }
            _ => return Err("The vendor sends the timestamp in the body.".into()),
        }
        event.probe_request(subject, &format!("timestamp {text:?}"))
    }

    /// Returns the request, and the header and byte range of the digest in it. Comparing it with the signature of
    /// another body finds the digest in every scheme.
    pub(crate) fn digest(&self, subject: &Subject) -> Result<(ProbeRequest, usize, std::ops::Range<usize>), String> {
        let mine = self.probe_request(subject, "")?;
        let mut other = self.clone();
        other.body = Some(Bytes::from_static(b"{}"));
        let mut others = other.probe_request(subject, "")?;
        if others.headers == mine.headers {
            other.keys = subject.strange_keys()?;
            others = other.probe_request(subject, "")?;
        }
        let found = mine.headers.iter().enumerate().find_map(|(place, (name, value))| {
            let (_, theirs) = others.headers.iter().find(|(other, _)| other == name)?;
            let same = |(a, b): &(char, char)| a == b;
            let before: usize = value.chars().zip(theirs.chars()).take_while(same).map(|(c, _)| c.len_utf8()).sum();
            let rest = (&value[before..], &theirs[before..]);
            let after: usize =
                rest.0.chars().rev().zip(rest.1.chars().rev()).take_while(same).map(|(c, _)| c.len_utf8()).sum();
            (before < value.len() - after).then(|| (place, before..value.len() - after))
        });
        let (place, mut range) = found.ok_or("The signature was not found in the headers.")?;
        // Two digests may have a common prefix or suffix by chance.
        let value = &mine.headers[place].1;
        let word = |c: char| c.is_ascii_alphanumeric() || "+/-_=".contains(c);
        range.start = value[..range.start].rfind(|c| !word(c) || c == '=').map_or(0, |at| at + 1);
        range.end = value[range.end..].find(|c| !word(c)).map_or(value.len(), |at| range.end + at);
        Ok((mine, place, range))
    }
}

/// Adds a field if the payload is an object.
pub(crate) fn put(payload: &mut Value, name: &str, value: Value) {
    if let Value::Object(fields) = payload {
        fields.insert(name.to_owned(), value);
    }
}

/// Type of the generated event.
const SAMPLE_TYPE: &str = "example.created";

/// Returns the payload of the generated event.
fn generated() -> Value {
    serde_json::json!({
        "id": "evt_{{hex event 24}}",
        "type": SAMPLE_TYPE,
        "created_at": "{{iso}}",
        "data": { "id": "obj_{{hex object 16}}", "name": "{{name user}}", "amount": 4200, "tags": ["a", "b"] }
    })
}

/// Returns the value with the fields of every object in reverse order.
pub(crate) fn reversed(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields.iter().rev().map(|(name, value)| (name.clone(), reversed(value))).collect::<Map<_, _>>(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(reversed).collect()),
        other => other.clone(),
    }
}

/// Returns the first human-readable text field, or `None` if there is none.
pub(crate) fn prose(value: &mut Value) -> Option<&mut Value> {
    const NAMES: &[&str] = &["text", "message", "content", "body", "description", "title", "name", "subject", "notes"];
    let found = NAMES.iter().find(|name| leaf(value, name).is_some())?;
    leaf_mut(value, found)
}

fn leaf<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match value {
        Value::Object(fields) => match fields.get(name) {
            Some(found @ Value::String(_)) => Some(found),
            _ => fields.values().find_map(|value| leaf(value, name)),
        },
        Value::Array(items) => items.iter().find_map(|value| leaf(value, name)),
        _ => None,
    }
}

fn leaf_mut<'v>(value: &'v mut Value, name: &str) -> Option<&'v mut Value> {
    match value {
        Value::Object(fields) => {
            if fields.get(name).is_some_and(Value::is_string) {
                return fields.get_mut(name);
            }
            fields.values_mut().find_map(|value| leaf_mut(value, name))
        }
        Value::Array(items) => items.iter_mut().find_map(|value| leaf_mut(value, name)),
        _ => None,
    }
}

/// Returns true for the name of an ID or event type field. These fields are never emptied.
pub(crate) fn is_kept(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "id"
        || name.ends_with("_id")
        || name.ends_with("id") && name.len() > 2
        || matches!(name.as_str(), "type" | "event" | "event_type" | "topic" | "action" | "object")
}

/// Replaces every optional leaf.
pub(crate) fn emptied(value: &Value, into: &dyn Fn(&Value) -> Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(name, value)| match value {
                    Value::Object(_) => (name.clone(), emptied(value, into)),
                    _ if is_kept(name) => (name.clone(), value.clone()),
                    _ => (name.clone(), into(value)),
                })
                .collect(),
        ),
        other => into(other),
    }
}

/// Returns the first ID that is an integer or a string of digits.
pub(crate) fn numeric_id(value: &mut Value) -> Option<&mut Value> {
    let is_number = |value: &Value| match value {
        Value::Number(number) => number.is_u64(),
        Value::String(text) => !text.is_empty() && text.len() < 16 && text.bytes().all(|b| b.is_ascii_digit()),
        _ => false,
    };
    match value {
        Value::Object(fields) => {
            let own =
                fields.iter().find(|(name, value)| is_kept(name) && is_number(value)).map(|(name, _)| name.clone());
            match own {
                Some(name) => fields.get_mut(&name),
                None => fields.values_mut().find_map(numeric_id),
            }
        }
        Value::Array(items) => items.iter_mut().find_map(numeric_id),
        _ => None,
    }
}
