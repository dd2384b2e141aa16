//! Who is asked, and the signed events that are sent: a vendor's own, and what is made odd about them.

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

/// Who is asked, and as whom.
#[derive(Debug)]
pub struct Subject {
    pub(crate) settings: CheckSettings,
    pub(crate) provider: Provider,
    pub(crate) record: SchemeRecord,
    pub(crate) keys: Keys,
    pub(crate) policy: DeliveryPolicy,
    pub(crate) scenario: Option<Scenario>,
    /// Connections of this run alone: what another one left on a connection is not this handler's fault.
    pub(crate) connections: Connections,
    /// What TLS trusts and shows, of an endpoint that has settings for it.
    pub(crate) trust: Trust,
    /// A secret nobody knows, in the vendor's form.
    stranger: String,
    /// What no report holds.
    pub(crate) secrets: Secrets,
    /// One for all events of this run.
    seed: u64,
    events: AtomicU64,
    /// Whether what it depends on is broken at the moment.
    pub(crate) broken: AtomicBool,
    /// Whether it could not be mended.
    pub(crate) unmended: AtomicBool,
}

/// An event before it is signed.
#[derive(Debug, Clone)]
pub(crate) struct SampleEvent {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) payload: Value,
    /// The body, where it is not just the payload.
    pub(crate) body: Option<Bytes>,
    pub(crate) method: &'static str,
    pub(crate) keys: Keys,
    pub(crate) scheme: Scheme,
    /// Headers beside those of the vendor, before it is signed.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) now_ms: i64,
}

impl Subject {
    /// What a run asks, from its settings; an error says what is missing.
    pub(crate) fn new(
        mut settings: CheckSettings,
        endpoint: Option<&EndpointRow>,
        catalogue: &hookbench_provider::Catalogue,
        scenarios: &[Scenario],
        now_us: i64,
    ) -> Result<Self, String> {
        let mut keys = Keys { secrets: vec![settings.secret.clone()], params: settings.params.clone() };
        let mut trust = Trust::default();
        if let Some(row) = endpoint {
            let own = &row.settings;
            // A run asks where it was begun, wherever the endpoint leads by then.
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
        let provider = catalogue.get(&settings.provider).ok_or_else(|| match settings.provider.as_str() {
            "" => "Say which vendor is played: the provider is missing.".to_owned(),
            id => format!("There is no provider {id:?}."),
        })?;
        let record = provider.scheme(settings.scheme.as_deref());
        let record =
            record.ok_or_else(|| format!("{} has no scheme that signs; nothing could be checked.", provider.name))?;
        if keys.secrets.iter().all(String::is_empty) {
            return Err(format!("The secret is missing with which the handler checks what {} sends.", provider.name));
        }
        if let Some(missing) = record.scheme.params().into_iter().find(|name| !keys.params.contains_key(name)) {
            return Err(format!(
                "{} needs the setting {missing} beside the secret: --param {missing}=…",
                provider.name
            ));
        }
        let sending = provider.sending.as_ref();
        if let (Some(kind), None, Some(sending)) = (&settings.event, &settings.payload, sending)
            && !sending.events.iter().any(|event| event.kind == *kind)
        {
            return Err(format!(
                "{} has no event {kind:?} that Hookbench knows; give its payload, too.",
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
            unmended: AtomicBool::new(false),
        };
        // What cannot be signed once cannot be checked at all.
        subject.event(now_us / 1_000).shot(&subject, "")?;
        Ok(subject)
    }

    /// The most that an answer may take, in ms.
    pub(crate) fn timeout_ms(&self) -> u32 {
        self.settings.timeout_ms.min(*self.policy.timeout_ms.value())
    }

    /// The usual event, of things nobody has heard of before.
    pub(crate) fn event(&self, now_ms: i64) -> SampleEvent {
        let (kind, sample) = self.usual();
        self.of(kind, &sample, self.fresh(), 0, now_ms)
    }

    /// The type and sample of the event that has an effect: not the vendor's test, which has none.
    pub(crate) fn usual(&self) -> (String, Value) {
        let mut events = self.provider.sending.iter().flat_map(|sending| &sending.events);
        let found = match &self.settings.event {
            Some(kind) => events.find(|event| event.kind == *kind),
            None => events.next(),
        };
        let (kind, sample) = match found {
            Some(event) => (event.kind.clone(), event.sample.clone()),
            None => (self.settings.event.clone().unwrap_or_else(|| MADE_UP.into()), made_up()),
        };
        (kind, self.settings.payload.clone().unwrap_or(sample))
    }

    /// Writes into a payload when it is signed, where the vendor says it there.
    fn date(&self, payload: &mut Value, now_ms: i64) {
        let Ok(rule) = self.timestamp() else { return };
        if rule.from.place == Place::Json {
            let at = jiff::Timestamp::from_millisecond(now_ms).unwrap_or_default();
            let said = match rule.unit {
                Unit::S | Unit::Raw => at.as_second().into(),
                Unit::Ms => now_ms.into(),
                Unit::Iso => at.to_string().into(),
            };
            let _ = sample::set(payload, &rule.from.name, said);
        }
    }

    /// Whether nobody knows an event of this vendor, so that one is made up.
    pub fn makes_up(&self) -> bool {
        self.settings.payload.is_none() && self.knows_none()
    }

    fn knows_none(&self) -> bool {
        self.provider.sending.as_ref().is_none_or(|sending| sending.events.is_empty())
    }

    /// What of these places stands in headers, or in the JSON body.
    pub(crate) fn places(places: &[Places], place: Place) -> impl Iterator<Item = &Source> {
        places.iter().flat_map(Places::sources).filter(move |source| source.place == place)
    }

    /// A seed that no other event has.
    pub(crate) fn fresh(&self) -> u64 {
        self.seed.wrapping_add(self.events.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// An event of a kind, filled by a seed.
    pub(crate) fn of(&self, kind: String, sample: &Value, seed: u64, step: u32, now_ms: i64) -> SampleEvent {
        let id = uuid::Uuid::now_v7().to_string();
        let mut payload = vendor_request::payload(&kind, sample, &SampleContext { id: &id, seed, step, now_ms });
        if self.makes_up() {
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

    /// Where the scheme says when it was signed, and how far from now that may be.
    pub(crate) fn timestamp(&self) -> Result<&TimestampRule, String> {
        let rule = match &self.record.scheme {
            Scheme::Digest(digest) => digest.timestamp.as_ref(),
            Scheme::Jws(jws) => jws.timestamp.as_ref(),
            Scheme::Jwt(_) | Scheme::Code(_) => None,
        };
        rule.ok_or_else(|| format!("{} signs no timestamp.", self.provider.name))
    }

    /// A key that is not the handler's.
    pub(crate) fn strange_keys(&self) -> Result<Keys, String> {
        let symmetric = match &self.record.scheme {
            Scheme::Digest(digest) => digest.algorithm.is_symmetric() || digest.algorithm == Algorithm::Token,
            Scheme::Jwt(jwt) => jwt.algorithms.iter().any(|name| name.starts_with("HS")),
            Scheme::Jws(_) | Scheme::Code(_) => false,
        };
        match symmetric {
            true => Ok(Keys { secrets: vec![self.stranger.clone()], params: self.keys.params.clone() }),
            false => Err(format!(
                "{} signs with a key of its own, of which there is no second one here.",
                self.provider.name
            )),
        }
    }

    /// The fields of the JSON body that hold the event type.
    pub(crate) fn type_fields(&self) -> Vec<String> {
        let sources = self.provider.event_type.iter().flat_map(|places| places.sources());
        sources.filter(|source| source.place == Place::Json).map(|source| source.name.clone()).collect()
    }
}

impl SampleEvent {
    /// The body as it leaves; where the vendor says in it when it was signed, it says this event's time.
    fn bytes(&self, subject: &Subject) -> Bytes {
        if let Some(body) = &self.body {
            return body.clone();
        }
        let mut payload = self.payload.clone();
        subject.date(&mut payload, self.now_ms);
        serde_json::to_vec(&payload).unwrap_or_default().into()
    }

    /// It as another type.
    pub(crate) fn kind(mut self, subject: &Subject, kind: &str) -> Self {
        for field in subject.type_fields() {
            let _ = sample::set(&mut self.payload, &field, kind.into());
        }
        self.kind = kind.to_owned();
        self
    }

    /// It signed, as it leaves.
    pub(crate) fn shot(&self, subject: &Subject, label: &str) -> Result<ProbeRequest, String> {
        let url = &subject.settings.url;
        let mut headers = vendor_request::plain_headers(&subject.provider, &self.kind, &self.id);
        for (name, value) in &self.headers {
            headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
            headers.push((name.clone(), value.clone()));
        }
        let (target, body) = (target_of(url), self.bytes(subject));
        let unsigned = UnsignedRequest { method: self.method, target: &target, url, headers: &headers, body: &body };
        let signature = vendor_request::signature(&self.scheme, &unsigned, &self.keys, &self.id, self.now_ms)
            .map_err(|why| format!("It cannot be signed: {why}"))?;
        if signature.is_empty() {
            return Err(format!(
                "{} signs somewhere else than in headers; that is not sent here.",
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
            manner: Transport::Plain,
        })
    }

    /// It signed with a timestamp that reads like this.
    pub(crate) fn dated(&self, subject: &Subject, text: &str) -> Result<ProbeRequest, String> {
        let rule = subject.timestamp()?;
        let mut event = self.clone();
        let Scheme::Digest(digest) = &mut event.scheme else {
            return Err(format!(
                "{} says when it was signed in a token, which is not rewritten.",
                subject.provider.name
            ));
        };
        digest.timestamp = None;
        match rule.from.place {
            Place::Header => event.headers.extend(rule.from.header_name().map(|name| (name, text.to_owned()))),
            Place::Signature => {
                event.keys.params.insert(rule.from.name.clone(), text.to_owned());
            }
            _ => return Err("The timestamp stands in the body.".into()),
        }
        event.shot(subject, &format!("timestamp {text:?}"))
    }

    /// Its digest's place: which header, and from where to where. Found by signing something else, so that it
    /// holds for every scheme.
    pub(crate) fn digest(&self, subject: &Subject) -> Result<(ProbeRequest, usize, std::ops::Range<usize>), String> {
        let mine = self.shot(subject, "")?;
        let mut other = self.clone();
        other.body = Some(Bytes::from_static(b"{}"));
        let mut others = other.shot(subject, "")?;
        if others.headers == mine.headers {
            other.keys = subject.strange_keys()?;
            others = other.shot(subject, "")?;
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
        let (place, mut range) = found.ok_or("Its signature is not found in its headers.")?;
        // Two digests may begin or end alike by chance.
        let value = &mine.headers[place].1;
        let word = |c: char| c.is_ascii_alphanumeric() || "+/-_=".contains(c);
        range.start = value[..range.start].rfind(|c| !word(c) || c == '=').map_or(0, |at| at + 1);
        range.end = value[range.end..].find(|c| !word(c)).map_or(value.len(), |at| range.end + at);
        Ok((mine, place, range))
    }
}

/// Adds a field, where there are fields.
pub(crate) fn put(payload: &mut Value, name: &str, value: Value) {
    if let Value::Object(fields) = payload {
        fields.insert(name.to_owned(), value);
    }
}

/// The type of an event that is made up, where nobody knows one of the vendor's.
const MADE_UP: &str = "example.created";

/// Its payload.
fn made_up() -> Value {
    serde_json::json!({
        "id": "evt_{{hex event 24}}",
        "type": MADE_UP,
        "created_at": "{{iso}}",
        "data": { "id": "obj_{{hex object 16}}", "name": "{{name user}}", "amount": 4200, "tags": ["a", "b"] }
    })
}

/// Every object's fields in the other order.
pub(crate) fn reversed(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields.iter().rev().map(|(name, value)| (name.clone(), reversed(value))).collect::<Map<_, _>>(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(reversed).collect()),
        other => other.clone(),
    }
}

/// The first field for people to read, by its path; `None` if there is none.
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

/// Whether a field's name is that of an id or of the event type, which stay in whatever is taken away.
pub(crate) fn is_kept(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "id"
        || name.ends_with("_id")
        || name.ends_with("id") && name.len() > 2
        || matches!(name.as_str(), "type" | "event" | "event_type" | "topic" | "action" | "object")
}

/// Every leaf that may be absent, made into something else.
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

/// The first id that is a whole number or a text of digits.
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
